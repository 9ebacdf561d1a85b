"""An RS-485 line in a pseudo-terminal: units that answer in RTU frames, every byte at the speed of the line."""

from __future__ import annotations

import asyncio
import os
import socket
import tty
from collections.abc import Awaitable, Callable
from pathlib import Path

from edge.frame import crc16
from gridkit.profile import Block

Answers = Callable[[Block], "bytes | Awaitable[bytes | None] | None"]
"""What a unit answers to a read: a PDU, or None for silence."""


def frame(unit: int, pdu: bytes) -> bytes:
    """Return an RTU frame."""
    body = bytes([unit]) + pdu
    return body + crc16(body).to_bytes(2, "little")


def registers(words: tuple[int, ...], function_code: int) -> bytes:
    """Return a read reply's PDU."""
    return bytes([function_code, 2 * len(words)]) + b"".join(word.to_bytes(2, "big") for word in words)


def own_addresses(block: Block) -> bytes:
    """Answer with registers that hold their own addresses."""
    return registers(tuple(range(block.address, block.end)), block.function_code)


class SerialBus:
    """The far end of a line.

    Attributes:
        device: What the agent opens: a link, so that an adapter can be pulled and plugged in again.
        units: Who answers; a unit that is not here is dead.
        asked: (unit, block) of every question.
    """

    def __init__(self, device: Path, *, byte_s: float = 0.0, turnaround_s: float = 0.0) -> None:
        self.device = device
        self.byte_s, self.turnaround_s = byte_s, turnaround_s
        self.units: dict[int, Answers] = {}
        self.asked: list[tuple[int, Block]] = []
        self.other_functions: list[int] = []
        self._received = b""
        self._tasks: set[asyncio.Task[None]] = set()
        self._master = self._slave = -1
        self._listener: socket.socket | None = None
        self._ends: list[socket.socket] = []

    def plug_in(self) -> None:
        """Make the port appear."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._master)
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.device.unlink(missing_ok=True)
        self.device.symlink_to(os.ttyname(self._slave))
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def listen(self) -> str:
        """Serve pyserial's `socket://` instead; return the device to open.

        What is written there has arrived at once, as stepped time needs it; through a pseudo-terminal the kernel carries it when
        it comes to it.
        """
        self._listener = socket.create_server(("127.0.0.1", 0))
        asyncio.get_running_loop().add_reader(self._listener, self._join)
        return f"socket://127.0.0.1:{self._listener.getsockname()[1]}"

    def _join(self) -> None:
        assert self._listener is not None
        end, _ = self._listener.accept()
        end.setblocking(False)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self._leave()
        self._ends.append(end)
        self._master = end.fileno()
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def _leave(self) -> None:
        for end in self._ends:
            asyncio.get_running_loop().remove_reader(end)
            end.close()
        self._ends.clear()
        self._master, self._received = -1, b""

    def hang_up(self) -> None:
        """End what `listen` began."""
        assert self._listener is not None
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        self._leave()

    def pull(self) -> None:
        """Make the port vanish, as when somebody pulls the adapter."""
        if self._master < 0:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        for task in self._tasks:
            task.cancel()
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1
        self.device.unlink(missing_ok=True)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 4096)
        except OSError:
            return
        if not data:
            self._leave()
            return
        for (
            end
        ) in self._ends:  # else Nagle's rule keeps the next question back until this one is acknowledged, 40 ms later
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self._received += data
        while len(self._received) >= 8:
            request, self._received = self._received[:8], self._received[8:]
            assert crc16(request) == 0, "the agent's own frames are in order"
            task = asyncio.create_task(self._answer(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: bytes) -> None:
        unit, function_code = request[0], request[1]
        block = Block(function_code, int.from_bytes(request[2:4]), int.from_bytes(request[4:6]))
        self.asked.append((unit, block))
        if function_code not in (3, 4):
            self.other_functions.append(function_code)
        answers = self.units.get(unit)
        if answers is None:
            return
        await asyncio.sleep(8 * self.byte_s + self.turnaround_s)
        pdu = answers(block)
        if pdu is not None and not isinstance(pdu, bytes):
            pdu = await pdu
        if pdu is not None:
            await self.send(frame(unit, pdu))

    async def send(self, data: bytes) -> None:
        """Put bytes on the line, each at its time."""
        loop = asyncio.get_running_loop()
        began_s, sent = loop.time(), 0
        while sent < len(data) and self._master >= 0:
            due = len(data) if not self.byte_s else min(len(data), int((loop.time() - began_s) / self.byte_s))
            os.write(self._master, data[sent:due])
            sent = due
            if sent < len(data):
                await asyncio.sleep(self.byte_s)
