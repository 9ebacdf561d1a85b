"""An RS-485 line: several meters behind one pair of wires, RTU frames, every byte at its time.

Decides what a line does with questions: who answers, when, and that nobody answers a frame whose CRC is wrong. The line ends
in a pseudo-terminal, at a serial port, or at a TCP port of a gateway that passes RTU frames through. What the registers say is
meter.py's business. Source: Modbus over Serial Line 1.02.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import tty
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import serial

from firmware_sim.errors import LineError, PortTakenError
from firmware_sim.faults import Frame, rtu_frame
from firmware_sim.modbus import MeterPort
from firmware_sim.settings import LineSettings
from gridkit.log import get_logger

log = get_logger("sim.line")

BROADCAST: Final = 0
_READ_REQUEST: Final = 8
_BITS_PER_BYTE: Final = {"N": 10, "E": 11, "O": 11}  # start, eight data bits, parity, one stop bit
_STEP_BYTES: Final = 8  # bytes put on the line at once: a timer for each of them would cost a core on a busy line
_LEAST_GAP_S: Final = 0.02
"""Silence that ends a frame whose length is not known, wall seconds. The standard's 3.5 characters cannot be measured through a
pseudo-terminal: a busy computer pauses for longer within one write."""


class SerialLine:
    """The meters of one line.

    Args:
        settings: Name, end and speed of the line.
        meters: By unit id, 1 to 247.
    """

    def __init__(self, settings: LineSettings, meters: Mapping[int, MeterPort]) -> None:
        self.settings = settings
        self.byte_s = _BITS_PER_BYTE[settings.parity] / settings.baud
        self._meters = meters
        self._ends: list[_End] = []
        self._server: asyncio.Server | None = None

    async def open(self, folder: Path) -> str:
        """Begin to listen; return where a client finds the line.

        Args:
            folder: Where the link to a pseudo-terminal is made, as `<folder>/<name>`.

        Raises:
            LineError: The serial port cannot be opened.
            PortTakenError: Another program listens on the TCP port.
        """
        if self.settings.tcp_port:
            return await self._listen("127.0.0.1", self.settings.tcp_port)
        end = _Port(self) if self.settings.device else _Terminal(self, folder / self.settings.name)
        self._ends.append(end)
        return end.where

    async def _listen(self, host: str, port: int) -> str:
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Gateway(self), host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTakenError(host, port, f"lines[{self.settings.name}].tcp_port") from error
            raise
        return f"{host}:{port}"

    async def close(self) -> None:
        """Hang up."""
        if self._server is not None:
            self._server.close()
        for end in list(self._ends):
            end.close()
        if self._server is not None:
            await self._server.wait_closed()

    def joined(self, end: _End) -> None:
        """Remember an end that came by itself."""
        self._ends.append(end)

    def left(self, end: _End) -> None:
        """Forget it."""
        with contextlib.suppress(ValueError):
            self._ends.remove(end)

    def answer(self, request: bytes) -> tuple[float, bytes] | None:
        """Return when (wall seconds from the question's first byte) and what a meter answers to a whole frame.

        Args:
            request: Unit, PDU and CRC; a frame with a wrong CRC is nobody's.

        Returns:
            None for silence.
        """
        if not _is_whole(request) or request[0] == BROADCAST:
            return None
        meter = self._meters.get(request[0])
        frame = None if meter is None else meter.answer(0, request[0], request[1:-2])
        if frame is None or frame.silent:
            return None
        asked_s = len(request) * self.byte_s
        return asked_s + (self.settings.turnaround_ms + frame.delay_ms) / 1000, rtu_frame(frame) + frame.after


def _is_whole(request: bytes) -> bool:
    return len(request) >= 4 and rtu_frame(Frame(0, request[0], request[1:-2])) == request


class _End:
    """One way to the line: gathers questions from bytes and puts answers out at the line's speed."""

    where = ""

    def __init__(self, line: SerialLine) -> None:
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._unread = bytearray()
        self._silence: asyncio.TimerHandle | None = None
        self._timers: set[asyncio.TimerHandle] = set()
        self._free_at_s = 0.0

    def write(self, data: bytes) -> None:
        """Put bytes out; what nobody takes is lost, as on a wire."""
        raise NotImplementedError

    def close(self) -> None:
        """Hang up."""
        if self._silence is not None:
            self._silence.cancel()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._line.left(self)

    def received(self, data: bytes) -> None:
        """Take bytes; every whole question is answered."""
        self._unread += data
        while request := self._request():
            self._answer(request)
        if self._silence is not None:
            self._silence.cancel()
        if self._unread:
            self._silence = self._loop.call_later(max(_LEAST_GAP_S, 3.5 * self._line.byte_s), self._frame_ends)

    def _request(self) -> bytes:
        """Take one read request off what is unread: its length is known. Anything else ends with a silence."""
        request = bytes(self._unread[:_READ_REQUEST])
        if len(request) < _READ_REQUEST or request[1] not in (3, 4) or not _is_whole(request):
            return b""
        del self._unread[:_READ_REQUEST]
        return request

    def _frame_ends(self) -> None:
        request, self._unread = bytes(self._unread), bytearray()
        self._answer(request)

    def _answer(self, request: bytes) -> None:
        said = self._line.answer(request)
        if said is None:
            return
        after_s, reply = said
        # Half duplex: what is still being said is said to its end first.
        begins_s = max(self._loop.time() + after_s, self._free_at_s)
        self._free_at_s = begins_s + len(reply) * self._line.byte_s
        for at in range(0, len(reply), _STEP_BYTES):
            part = reply[at : at + _STEP_BYTES]
            self._at(begins_s + (at + len(part)) * self._line.byte_s, part)

    def _at(self, when_s: float, part: bytes) -> None:
        def say() -> None:
            self._timers.discard(timer)
            self.write(part)

        timer = self._loop.call_at(when_s, say)
        self._timers.add(timer)


class _Terminal(_End):
    """A pseudo-terminal whose far side is found at a link."""

    def __init__(self, line: SerialLine, link: Path) -> None:
        super().__init__(line)
        self._link = link
        self._master, self._slave = os.openpty()  # Our own hold on the far side keeps the line up between clients.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(self._slave))
        self.where = str(link)
        self._loop.add_reader(self._master, self._read)

    def write(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._master, data)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.received(os.read(self._master, 4096))

    def close(self) -> None:
        super().close()
        self._loop.remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)
        self._link.unlink(missing_ok=True)


class _Port(_End):
    """A serial port of this computer."""

    def __init__(self, line: SerialLine) -> None:
        super().__init__(line)
        chosen = line.settings
        try:
            self._port = serial.Serial(chosen.device, chosen.baud, parity=chosen.parity, timeout=0, write_timeout=0)
        except (serial.SerialException, OSError) as error:
            raise LineError(chosen.name, f"{chosen.device} cannot be opened ({error})") from error
        self.where = chosen.device
        self._loop.add_reader(self._port.fileno(), self._read)
        line.byte_s = 0.0  # The port itself takes its time.

    def write(self, data: bytes) -> None:
        with contextlib.suppress(serial.SerialTimeoutException):
            self._port.write(data)

    def _read(self) -> None:
        try:
            self.received(self._port.read(4096))
        except (serial.SerialException, OSError) as error:
            log.error("serial_port_lost", line=self._line.settings.name, error=str(error))
            self.close()

    def close(self) -> None:
        super().close()
        self._loop.remove_reader(self._port.fileno())
        self._port.close()


class _Gateway(_End, asyncio.Protocol):
    """One client of a gateway that passes RTU frames through TCP."""

    def __init__(self, line: SerialLine) -> None:
        super().__init__(line)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the client."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._line.joined(self)

    def data_received(self, data: bytes) -> None:
        """Hand its bytes to the line."""
        self.received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it; what was under way to it is lost."""
        self._transport = None
        self.close()

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        super().close()
        if self._transport is not None:
            self._transport.abort()


def lines_of(settings: list[LineSettings], ports: Mapping[str, MeterPort]) -> Iterator[SerialLine]:
    """Yield each line with the meters that are on it.

    Args:
        settings: The lines.
        ports: The meters by serial number; a meter's settings name its line.

    Raises:
        LineError: Two lines of one name, a meter on no line that there is, or two meters of one line with one unit id.
    """
    names = [line.name for line in settings]
    for name in names:
        if names.count(name) > 1:
            raise LineError(name, "is configured twice")
    for port in ports.values():
        named = port.meter.settings.line
        if named and named not in names:
            raise LineError(named, f"meter {port.meter.serial} is on it, but no line has this name")
    for line in settings:
        units: dict[int, MeterPort] = {}
        for port in ports.values():
            if port.meter.settings.line != line.name:
                continue
            if port.meter.unit in units or not 1 <= port.meter.unit <= 247:
                raise LineError(
                    line.name, f"meter {port.meter.serial}: unit {port.meter.unit} is taken or not 1 to 247"
                )
            units[port.meter.unit] = port
        yield SerialLine(line, units)
