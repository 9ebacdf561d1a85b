"""Modbus TCP as a meter speaks it: one listening port per meter, MBAP framing, replies in the order of the questions.

Decides what bytes leave for what bytes that came in. What the registers say is meter.py's business. A block is in the
truth log before its reply is handed to the socket; if the log cannot take it, the meter answers "device failure".
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Callable
from typing import Final

from firmware_sim.errors import FaultError, PortTakenError
from firmware_sim.faults import MENU, Fault, FaultOrder, Frame, order_problem, tcp_frame
from firmware_sim.meter import ModbusException, Refused, Served, SimMeter
from firmware_sim.truth import Entry, TruthLog
from gridkit.clock import Clock, ClockUnavailableError
from gridkit.log import get_logger

log = get_logger("sim.modbus")

MBAP_BYTES: Final = 7
LONGEST_ADU: Final = 260  # Modbus Messaging on TCP/IP 1.0b, 4.1
BETWEEN_FRAMES_S: Final = 0.02  # a client has read the answer by then
UNSENT_LIMIT: Final = 64 * 1024  # a client that asks without reading is cut off here


class MeterCounts:
    """What one meter has done since the process started; read by metrics and tests."""

    def __init__(self) -> None:
        self.requests = 0
        self.exceptions = 0
        self.energy_blocks = 0
        self.faulty_replies = 0
        self.connections = 0


class MeterPort:
    """A meter behind its listening socket."""

    def __init__(
        self,
        meter: SimMeter,
        clock: Clock,
        truth: TruthLog | None,
        *,
        wall_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.meter = meter
        self._wall_s = wall_s
        self.counts = MeterCounts()
        self._clock, self._truth = clock, truth
        self._server: asyncio.Server | None = None
        self.connections: set[MeterConnection] = set()

    async def listen(self, host: str, port: int, setting: str = "base_port") -> int:
        """Start to listen and return the port (useful with 0). Raises `PortTakenError` naming the setting."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: MeterConnection(self), host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTakenError(host, port, setting) from error
            raise
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening and hang up."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.hang_up()
        if self._server is not None:
            await self._server.wait_closed()

    # --- faults ---

    def switch_on(self, order: FaultOrder) -> None:
        """Switch a fault on from now on; the truth log says so first.

        Raises:
            FaultError: It cannot be, or would change nothing.
            ClockUnavailableError: Nobody knows since when.
            OSError: The truth log cannot take it.
        """
        problem = order_problem(order, self.meter)
        if problem:
            raise FaultError(self.meter.serial, problem)
        now_ns = self._clock.now_ns()
        self._note(f"on {order}", [*(kind for kind in self.meter.faults if kind != order.kind), order.kind], now_ns)
        self.meter.switch_on(order, now_ns)

    def switch_off(self, kind: str = "") -> None:
        """Take one fault off, or all; one that is not on stays off. Raises as `switch_on` does."""
        if kind and kind not in MENU:
            raise FaultError(self.meter.serial, f"no fault {kind!r}; the menu: {', '.join(MENU)}")
        now_ns = self._clock.now_ns() if self.meter.faults else 0
        for ending in [on for on in self.meter.faults if kind in ("", on)]:
            self._note(f"off {ending}", [on for on in self.meter.faults if on != ending], now_ns)
            self.meter.switch_off(ending)

    def spend(self, fault: Fault) -> None:
        """Count one thing that a fault has changed, and take it off when it is used up."""
        if not fault.spend():
            return
        kind = fault.order.kind
        try:
            self._note(f"spent {kind}", [on for on in self.meter.faults if on != kind], self._clock.now_ns())
        except (OSError, ClockUnavailableError) as error:  # It ends all the same: it was ordered so.
            log.error("truth_log_failed", meter=self.meter.serial, error=str(error))
        self.meter.switch_off(kind)

    def _note(self, deed: str, faults: list[str], campus_ns: int) -> None:
        if self._truth is None:
            return
        truth = self.meter.true_energy(campus_ns)
        self._truth.append(
            Entry(
                serial=self.meter.serial,
                campus_ns=campus_ns,
                import_wh=None,
                export_wh=None,
                true_import_mwh=truth.import_mwh,
                true_export_mwh=truth.export_mwh,
                fault="+".join(faults),
                deed=deed,
            )
        )

    # --- serving ---

    def answer(self, transaction: int, unit: int, pdu: bytes) -> Frame | None:
        """Return the reply to one request PDU, faults applied; None only for an empty PDU."""
        if not pdu:
            return None
        self.counts.requests += 1
        for fault in self.meter.faults.values():
            fault.asked(self._wall_s())
        if unit != self.meter.unit:
            # A gateway with one meter behind it knows no other unit.
            return self._refused(Frame(transaction, unit, b""), pdu[0], ModbusException.GATEWAY_NO_TARGET)
        frame = Frame(transaction, unit, b"")
        served = self._serve(pdu)
        if isinstance(served, ModbusException):
            frame = self._refused(frame, pdu[0], served)
            return self._through_frame_faults(frame, energy=False, changed=())
        body = b"".join([word.to_bytes(2, "big") for word in served.words])
        frame = frame._replace(pdu=bytes([pdu[0], len(body)]) + body)
        return self._through_frame_faults(frame, energy=served.entry is not None, changed=served.changed_by)

    def _serve(self, pdu: bytes) -> Served | ModbusException:
        if pdu[0] not in (3, 4):
            return ModbusException.ILLEGAL_FUNCTION
        if len(pdu) != 5:
            return ModbusException.ILLEGAL_VALUE
        address, quantity = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
        try:
            served = self.meter.read(pdu[0], address, quantity, self._clock.now_ns())
        except (ClockUnavailableError, ValueError) as error:
            log.error("read_failed", meter=self.meter.serial, error=str(error))
            return ModbusException.DEVICE_FAILURE
        if isinstance(served, Refused):
            self.counts.faulty_replies += 1
            self.spend(served.by)
            return served.exception
        if isinstance(served, Served) and served.entry is not None:
            self.counts.energy_blocks += 1
            if self._truth is not None:
                try:
                    self._truth.append(served.entry)
                except OSError as error:
                    log.error("truth_log_failed", meter=self.meter.serial, error=str(error))
                    return ModbusException.DEVICE_FAILURE
        return served

    def _refused(self, frame: Frame, code: int, exception: ModbusException) -> Frame:
        self.counts.exceptions += 1
        return frame._replace(pdu=bytes([code & 0x7F | 0x80, exception]))

    def _through_frame_faults(self, frame: Frame, *, energy: bool, changed: tuple[Fault, ...]) -> Frame:
        """Let every switched-on fault at the frame, then count down those that changed something."""
        worked = list(changed)
        for fault in list(self.meter.faults.values()):
            if fault.order.only == "energy" and not energy:
                continue
            faulty = fault.frame(frame)
            if faulty != frame:
                frame = faulty
                worked.append(fault)
        for fault in worked:
            self.spend(fault)
        if worked:
            self.counts.faulty_replies += 1
        return frame


class MeterConnection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, port: MeterPort) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._unread = bytearray()
        self._deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the client, or hang up where the device serves one at a time and has one."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        meter = self._port.meter
        alone = meter.faults.get("one_client")
        if (alone is not None or meter.profile.access.one_client) and self._port.connections:
            transport.abort()
            if alone is not None:
                self._port.spend(alone)
            return
        self._port.connections.add(self)
        self._port.counts.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self._port.connections.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Answer every whole frame; hang up on what cannot be Modbus TCP."""
        if self._deaf:
            return
        unread = self._unread
        unread += data
        while len(unread) >= MBAP_BYTES:
            length = int.from_bytes(unread[4:6], "big")
            if unread[2:4] != b"\x00\x00" or not 2 <= length <= LONGEST_ADU - 6:
                self.hang_up()
                return
            if len(unread) < 6 + length:
                return
            transaction, unit = int.from_bytes(unread[0:2], "big"), unread[6]
            pdu = bytes(unread[7 : 6 + length])
            del unread[: 6 + length]
            frame = self._port.answer(transaction, unit, pdu)
            if frame is not None:
                self._send(frame)
            if self._deaf:
                return

    def _send(self, frame: Frame) -> None:
        self._deaf = frame.is_deaf
        content = b"" if frame.silent else tcp_frame(frame)
        deliver: Callable[[], None] = lambda: self._deliver(content, frame.close)  # noqa: E731
        if frame.delay_ms:
            asyncio.get_running_loop().call_later(frame.delay_ms / 1000, deliver)
        else:
            deliver()
        if frame.after:
            asyncio.get_running_loop().call_later(
                frame.delay_ms / 1000 + BETWEEN_FRAMES_S, self._deliver, frame.after, False
            )

    def _deliver(self, content: bytes, close: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if content:
            self._transport.write(content)
        if close or self._transport.get_write_buffer_size() > UNSENT_LIMIT:
            self._transport.close()

    def hang_up(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()
