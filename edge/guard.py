"""Decides how one Modbus link is used: one question at a time, each with its own deadline, none answered by chance.

pymodbus keeps the connection, over TCP or a serial line. Around it: questions and answers are our own bytes (`edge.frame`), every
call ends by our deadline, only reading functions ever leave, and after anything but a clean answer or a proper exception the
link has to fall silent before it is used again: a TCP connection is closed and opened anew, a serial line is listened to.

An RTU frame carries no transaction id, so a late reply looks like the answer to the next question of the same size. A unit
that owes an answer is therefore not asked for that size again while it may still come: a few registers more are asked for
instead, and thrown away.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Protocol

from pymodbus.transport import CommParams, CommType, ModbusProtocol

from edge.frame import READING_FUNCTIONS, Question, Refusal, Refused, Words, ask_rtu, ask_tcp, inspect_rtu, inspect_tcp
from edge.settings import Endpoint, LineSettings
from gridkit.log import get_logger
from gridkit.profile import PDU_REGISTER_LIMIT, Block

log = get_logger("edge.guard")
# The library logs each refused frame as text; here they are counted and logged as events.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

PATIENCE_FLOOR_S = 0.3
"""No unit is given up sooner: shorter than this is a busy computer, not a dead meter."""
PATIENCE_FACTOR = 4
LATE_S = 15.0
"""No reply is later than this, wall s: gateways give up on a unit after seconds."""
WIDER = ((0, 2), (4, 0), (0, 1))
"""Registers before and after a block that make a question of another size, in the order in which they are tried."""
_RECEIVED_AT_ONCE = 512
"""Bytes; no answer is longer than 260. Source: Modbus Messaging on TCP/IP 1.0b, 4.3.2."""
SILENT_CHARACTERS = 3.5
"""Between two RTU frames. Source: Modbus over Serial Line 1.02, 2.5.1.1; above 19,200 baud 1.75 ms."""


class Asks(Protocol):
    """Whatever can be asked for registers: a link, or a fake in tests."""

    async def read(self, unit: int, block: Block, *, pause_ms: int = 0, connect_pause_ms: int = 0) -> Words | Refused:
        """Return the registers of one block, or why there are none."""

    async def close(self) -> None:
        """Hang up."""


class Patience:
    """How long a unit is waited for: four times its slowest recent answer, within bounds; all of it after a failure."""

    def __init__(self, most_s: float) -> None:
        self._most_s = most_s
        self._slowest_s: dict[int, float] = {}

    def deadline_s(self, unit: int) -> float:
        """Return the time for its next answer, wall s, without the time on the wire."""
        slowest_s = self._slowest_s.get(unit)
        if slowest_s is None:
            return self._most_s
        return min(self._most_s, max(PATIENCE_FLOOR_S, PATIENCE_FACTOR * slowest_s))

    def answered(self, unit: int, took_s: float) -> None:
        """Learn from an answer."""
        self._slowest_s[unit] = max(took_s, 0.95 * self._slowest_s.get(unit, took_s))

    def failed(self, unit: int) -> None:
        """Unlearn: the unit may have become slower."""
        self._slowest_s.pop(unit, None)


class _Wire(ModbusProtocol, asyncio.BufferedProtocol):
    """pymodbus's connection, without what it makes of bytes: they are handed on as they come.

    A TCP transport writes into our buffer; by itself it would make one of 256 KiB for every answer.
    """

    def __init__(self, params: CommParams, heard: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        super().__init__(params, is_server=False)
        self._buffer = bytearray(_RECEIVED_AT_ONCE)
        self._heard = heard
        self._ended = ended

    def get_buffer(self, _sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, size: int) -> None:
        self._heard(bytes(self._buffer[:size]))

    def data_received(self, data: bytes) -> None:
        self._heard(data)

    def callback_data(self, data: bytes, addr: object = None) -> int:
        raise NotImplementedError("bytes are heard before the library keeps any")

    def callback_new_connection(self) -> ModbusProtocol:
        raise NotImplementedError("a client takes no connections")

    def callback_connected(self) -> None:
        pass

    def callback_disconnected(self, _error: Exception | None) -> None:
        self._ended()

    def write(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[attr-defined]


class Link:
    """One connection (Modbus TCP, RTU frames over TCP, or a serial line), shared by the units behind it."""

    def __init__(self, endpoint: Endpoint, *, timeout_s: float = 1.0, settle_s: float | None = None) -> None:
        """Nothing is opened yet.

        Args:
            endpoint: Where.
            timeout_s: Deadline of connecting, and the most that one answer is waited for, wall s.
            settle_s: How long a link is left alone after an answer in doubt, wall s; by default one time-out over TCP,
                in which a slow unit's late reply runs into the closed socket, and a tenth of it on a serial line.
        """
        self.endpoint = endpoint
        self._line = endpoint if isinstance(endpoint, LineSettings) else None
        self._rtu = self._line is not None or endpoint.framing == "rtu"  # type: ignore[union-attr]
        self._frame = ask_rtu if self._rtu else ask_tcp
        self._inspect = inspect_rtu if self._rtu else inspect_tcp
        self._timeout_s = timeout_s
        default_s = timeout_s if self._line is None else timeout_s / 10
        self._settle_s = default_s if settle_s is None else settle_s
        self._patience = Patience(timeout_s)
        self._owed: dict[int, dict[tuple[int, int], float]] = {}
        self._lock = asyncio.Lock()
        self._wire: _Wire | None = None
        self._received = b""
        self._transaction = random.randrange(32_768)
        self._not_before_s = 0.0
        self._last_end_s = 0.0
        self._asked: Question | None = None
        self._answer: asyncio.Future[Words | Refused] | None = None
        self._stray = False

    async def read(self, unit: int, block: Block, *, pause_ms: int = 0, connect_pause_ms: int = 0) -> Words | Refused:
        """Return the registers of one block, or why there are none. Never raises for what a meter or a wire does.

        Args:
            unit: Modbus unit id.
            block: Function code, 0-based address, quantity.
            pause_ms: Least time since the last question on this link, wall ms.
            connect_pause_ms: Wait after connecting, wall ms.
        """
        if block.function_code not in READING_FUNCTIONS:
            raise ValueError(f"function {block.function_code} does not read")
        pauses = (max(pause_ms / 1000, self._silence_s), connect_pause_ms / 1000)
        async with self._lock:
            if (block.function_code, block.quantity) in self._owing(unit):
                return await self._ask_wider(unit, block, pauses)
            return await self._exchange(unit, block, pauses)

    async def close(self) -> None:
        """Hang up; the next question opens the link again."""
        async with self._lock:
            self._hang_up()

    @property
    def _silence_s(self) -> float:
        return max(SILENT_CHARACTERS * self._line.byte_s, 0.00175) if self._line is not None else 0.0

    def _owing(self, unit: int) -> dict[tuple[int, int], float]:
        """Return the sizes of answers that a unit may still send; only RTU frames can be mistaken for each other."""
        owed = self._owed.get(unit)
        if not owed:
            return {}
        now_s = asyncio.get_running_loop().time()
        for size in [size for size, until_s in owed.items() if until_s <= now_s]:
            del owed[size]
        return owed

    async def _ask_wider(self, unit: int, block: Block, pauses: tuple[float, float]) -> Words | Refused:
        """Ask for a block by a size that the unit does not owe.

        An exception may say that the unit does not have the further registers, or be the late answer itself: either way the
        next size is tried, and this one counts as owed too.
        """
        for before, after in WIDER:
            wider = Block(block.function_code, block.address - before, block.quantity + before + after)
            owed = self._owing(unit)
            if (
                wider.address < 0
                or wider.quantity > PDU_REGISTER_LIMIT
                or (wider.function_code, wider.quantity) in owed
            ):
                continue
            words = await self._exchange(unit, wider, pauses)
            if not isinstance(words, Refused):
                return words[before : before + block.quantity]
            if words.reason is not Refusal.EXCEPTION:
                return words
            self._owe(unit, wider)
        return Refused(Refusal.LATE)

    def _owe(self, unit: int, block: Block) -> None:
        until_s = asyncio.get_running_loop().time() + LATE_S
        self._owed.setdefault(unit, {})[block.function_code, block.quantity] = until_s

    async def _exchange(self, unit: int, block: Block, pauses: tuple[float, float]) -> Words | Refused:
        pause_s, connect_pause_s = pauses
        loop = asyncio.get_running_loop()
        if self._stray:
            await self._fall_silent()
        if self._wire is None or not self._wire.is_active():
            refused = await self._open(connect_pause_s)
            if refused is not None:
                return refused
        start_s = max(self._last_end_s + pause_s, self._not_before_s)
        if start_s > loop.time():
            await self._pause(start_s)
        if self._stray:
            await self._fall_silent()
        wire_s = 0.0 if self._line is None else (8 + 5 + 2 * block.quantity) * self._line.byte_s
        began_s = loop.time()
        result = await self._ask(unit, block, wire_s + self._patience.deadline_s(unit))
        self._last_end_s = loop.time()
        if not isinstance(result, Refused) or result.reason is Refusal.EXCEPTION:
            self._patience.answered(unit, max(0.0, self._last_end_s - began_s - wire_s))
            return result
        self._patience.failed(unit)
        if self._rtu:
            self._owe(unit, block)
        self._doubt(result.reason.value, hang_up=self._line is None or result.reason in _PORT_IS_GONE)
        return result

    @staticmethod
    async def _pause(until_s: float) -> None:
        left_s = until_s - asyncio.get_running_loop().time()
        if left_s > 0:
            await asyncio.sleep(left_s)

    async def _fall_silent(self) -> None:
        """After bytes that nobody asked for: over TCP hang up, on a line wait until nobody speaks (or speaks for too long)."""
        end_s = asyncio.get_running_loop().time() + self._timeout_s
        while self._stray:
            self._doubt("stray_bytes", hang_up=self._line is None)
            if self._line is None or asyncio.get_running_loop().time() > end_s:
                return
            await self._pause(self._not_before_s)

    async def _open(self, connect_pause_s: float) -> Refused | None:
        self._hang_up()
        await self._pause(self._not_before_s)
        wire = _Wire(self._params(), self._hear, self._lose)
        try:
            async with asyncio.timeout(self._timeout_s):
                connected = await wire.connect()
        except (TimeoutError, OSError):
            connected = False
        if not connected:
            wire.close()
            return Refused(Refusal.CONNECT)
        self._wire = wire
        if connect_pause_s:
            await asyncio.sleep(connect_pause_s)
        return None

    def _params(self) -> CommParams:
        late_s = 2 * self._timeout_s + 10  # ours ends first
        if isinstance(self.endpoint, LineSettings):
            line = self.endpoint
            return CommParams(
                comm_type=CommType.SERIAL,
                timeout_connect=late_s,
                host=line.device,
                baudrate=line.baud,
                bytesize=8,
                parity=line.parity[0].upper(),
                stopbits=line.stop_bits,
            )
        host, port = self.endpoint.host, self.endpoint.port
        return CommParams(comm_type=CommType.TCP, timeout_connect=late_s, host=host, port=port)

    async def _ask(self, unit: int, block: Block, deadline_s: float) -> Words | Refused:
        """Send one question and wait for what `_hear` makes of the answer: one future and one timer.

        A late answer is no danger meanwhile: it finds nobody who asks.
        """
        wire = self._wire
        if wire is None or not wire.is_active():
            return Refused(Refusal.CONNECT)
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        # Never the same transaction again, not even over another connection to the same gateway.
        self._transaction = self._transaction % 0xFFFF + 1
        asked = Question(0 if self._rtu else self._transaction, unit, block.function_code, block.quantity)
        frame = self._frame(asked, block.address)
        self._received, self._asked = b"", asked
        # An answer that came in the same turn of the loop is worked off before the timer: a busy computer is not a dead meter.
        timer = loop.call_later(deadline_s, self._give_up)
        try:
            wire.write(frame)
            return await self._answer
        except OSError:
            return Refused(Refusal.CLOSED)
        finally:
            self._asked = None
            timer.cancel()

    def _give_up(self) -> None:
        self._end(Refused(Refusal.SHORT if self._received else Refusal.TIMEOUT))

    def _end(self, result: Words | Refused) -> None:
        """What comes after the answer was not asked for."""
        self._asked = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(result)

    def _hear(self, data: bytes) -> None:
        """Judge what has come since the question was sent."""
        if self._asked is None:
            self._stray = True
            return
        self._received += data
        result = self._inspect(self._received, self._asked)
        if result is not None:
            self._end(result)

    def _lose(self) -> None:
        if self._asked is not None:
            self._end(Refused(Refusal.SHORT if self._received else Refusal.CLOSED))

    def _doubt(self, reason: str, *, hang_up: bool = True) -> None:
        """Nothing is asked before a late reply has had its time to arrive: at a closed door, or on a line listened to."""
        log.debug("link_in_doubt", link=str(self.endpoint), reason=reason)
        self._stray = False
        if hang_up:
            self._hang_up()
        self._not_before_s = asyncio.get_running_loop().time() + self._settle_s

    def _hang_up(self) -> None:
        self._stray = False
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()


_PORT_IS_GONE = (Refusal.CLOSED, Refusal.CONNECT)
