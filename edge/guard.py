"""Decides how one Modbus link is used: one question at a time, each with its own deadline, none answered by chance.

pymodbus keeps the connection and forms the frames. Around it: the raw bytes are judged first (`edge.frame`), every call
ends by our deadline, and after anything but a clean answer or a proper exception the link is closed, left alone for a
while and opened anew, so that a late reply can never become the answer to the next question.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from edge.frame import Question, Refusal, Refused, Words, inspect_rtu, inspect_tcp
from gridkit.log import get_logger
from gridkit.profile import Block

log = get_logger("edge.guard")
# The library logs each refused frame as text; here they are counted and logged as events.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)


class Asks(Protocol):
    """Whatever can be asked for registers: a link, or a fake in tests."""

    async def read(self, unit: int, block: Block, *, pause_ms: int = 0, connect_pause_ms: int = 0) -> Words | Refused:
        """Return the registers of one block, or why there are none."""

    async def close(self) -> None:
        """Hang up."""


class Link:
    """One Modbus TCP connection (or RTU frames over TCP), shared by the units behind it."""

    def __init__(
        self, host: str, port: int, *, framing: str = "tcp", timeout_s: float = 1.0, settle_s: float | None = None
    ) -> None:
        """Nothing is opened yet.

        Args:
            host, port: Of the meter or the gateway.
            framing: "tcp" or "rtu".
            timeout_s: Deadline of connecting and of one question, wall s.
            settle_s: How long a link is left alone after it was closed in doubt, wall s; by default one time-out, in
                which a slow unit's late reply runs into the closed socket.
        """
        self.host, self.port = host, port
        self._framing = framing
        self._inspect = inspect_rtu if framing == "rtu" else inspect_tcp
        self._timeout_s = timeout_s
        self._settle_s = timeout_s if settle_s is None else settle_s
        self._lock = asyncio.Lock()
        self._client: AsyncModbusTcpClient | None = None
        self._not_before_s = 0.0
        self._last_end_s = 0.0
        self._asked: Question | None = None
        self._partial = False
        self._words: Words | None = None
        self._refused: asyncio.Future[Refused] | None = None
        self._stray = False

    async def read(self, unit: int, block: Block, *, pause_ms: int = 0, connect_pause_ms: int = 0) -> Words | Refused:
        """Return the registers of one block, or why there are none. Never raises for what a meter or a wire does.

        Args:
            unit: Modbus unit id.
            block: Function code, 0-based address, quantity.
            pause_ms: Least time since the last question on this link, wall ms.
            connect_pause_ms: Wait after connecting, wall ms.
        """
        async with self._lock:
            if self._stray:
                self._drop("stray_bytes")
            refused = await self._open(connect_pause_ms)
            if refused is not None:
                return refused
            await self._pause(self._last_end_s + pause_ms / 1000)
            result = await self._ask(unit, block)
            self._last_end_s = asyncio.get_running_loop().time()
            if isinstance(result, Refused) and result.reason is not Refusal.EXCEPTION:
                self._drop(result.reason.value)
            return result

    async def close(self) -> None:
        """Hang up; the next question opens the link again."""
        async with self._lock:
            self._hang_up()

    @staticmethod
    async def _pause(until_s: float) -> None:
        left_s = until_s - asyncio.get_running_loop().time()
        if left_s > 0:
            await asyncio.sleep(left_s)

    async def _open(self, connect_pause_ms: int) -> Refused | None:
        if self._client is not None and self._client.connected:
            return None
        self._hang_up()
        await self._pause(self._not_before_s)
        client = AsyncModbusTcpClient(
            self.host,
            port=self.port,
            framer=FramerType.RTU if self._framing == "rtu" else FramerType.SOCKET,
            timeout=self._timeout_s + 1,  # ours ends first
            retries=0,
            reconnect_delay=0,
            trace_packet=self._watch,
            trace_connect=self._connection,
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                connected = await client.connect()
        except (TimeoutError, OSError, ModbusException):
            connected = False
        if not connected:
            client.close()
            return Refused(Refusal.CONNECT)
        self._client = client
        if connect_pause_ms:
            await asyncio.sleep(connect_pause_ms / 1000)
        return None

    async def _ask(self, unit: int, block: Block) -> Words | Refused:
        client = self._client
        if client is None:
            return Refused(Refusal.CONNECT)
        self._refused = asyncio.get_running_loop().create_future()
        self._words, self._partial = None, False
        self._asked = Question(0, unit, block.function_code, block.quantity)
        read: Callable[..., Any] = (
            client.read_holding_registers if block.function_code == 3 else client.read_input_registers
        )
        call = asyncio.ensure_future(read(block.address, count=block.quantity, device_id=unit))
        try:
            await asyncio.wait({call, self._refused}, timeout=self._timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if self._refused.done():
                return self._refused.result()
            if not call.done():
                return Refused(Refusal.SHORT if self._partial else Refusal.TIMEOUT)
            return self._agree(call, unit, block)
        finally:
            self._asked = None
            if not call.done():
                call.cancel()
            await asyncio.gather(call, return_exceptions=True)

    def _agree(self, call: asyncio.Future[Any], unit: int, block: Block) -> Words | Refused:
        """Return the words that both we and the library read in the frame."""
        error = call.exception()
        if error is not None:
            log.debug("modbus_library_refused", host=self.host, unit=unit, error=str(error))
            return Refused(Refusal.LIBRARY)
        response = call.result()
        same = (
            self._words is not None
            and not response.isError()
            and response.function_code == block.function_code
            and response.dev_id == unit
            and tuple(response.registers) == self._words
        )
        return self._words if same and self._words is not None else Refused(Refusal.LIBRARY)

    def _watch(self, sending: bool, data: bytes) -> bytes:
        """See every packet; what is returned is what pymodbus sends or gets to see."""
        if sending:
            if self._asked is not None and self._framing == "tcp":
                self._asked = self._asked._replace(transaction=int.from_bytes(data[0:2], "big"))
            return data
        if self._asked is None or self._refused is None:
            self._stray = True
            return b""
        self._partial = bool(data)
        result = self._inspect(data, self._asked)
        if result is None:
            return b""
        if isinstance(result, Refused):
            if not self._refused.done():
                self._refused.set_result(result)
            return b""
        self._words = result
        return data

    def _connection(self, connected: bool) -> None:
        if not connected and self._refused is not None and not self._refused.done() and self._asked is not None:
            self._refused.set_result(Refused(Refusal.SHORT if self._partial else Refusal.CLOSED))

    def _drop(self, reason: str) -> None:
        """Close in doubt: nothing is asked again before a late reply has had its time to arrive at a closed door."""
        log.debug("link_dropped", host=self.host, port=self.port, reason=reason)
        self._hang_up()
        self._not_before_s = asyncio.get_running_loop().time() + self._settle_s

    def _hang_up(self) -> None:
        self._stray = False
        client, self._client = self._client, None
        if client is not None:
            client.close()
