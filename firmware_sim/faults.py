"""The fault menu: each way in which a meter or its line can misbehave on request, as one small class.

Decides what a fault does to the values, the words or the frame of a reply. When and to whom it is done is said by
whoever switches it on (control.py, tests). A new fault is a new class in `MENU`; nothing else has to know it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, NamedTuple

import msgspec

from gridkit.profile import Field, encode, encode_pattern, raw_pattern

if TYPE_CHECKING:
    from firmware_sim.meter import SimMeter


MOST_WH: Final = 10**15  # no family counts further
HOUR_MS: Final = 3_600_000

Milliseconds = Annotated[int, msgspec.Meta(ge=1, le=HOUR_MS)]


class FaultOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is ordered: a kind of `MENU` and its particulars.

    `count` limits it to so many replies that it really changed (None: until taken off). `only` "energy" spares replies
    without a whole energy register. The rest is read by the kinds that say so; `order_problem` refuses it with others.
    """

    kind: str
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    only: Literal["", "energy"] = ""
    registers: Annotated[int, msgspec.Meta(ge=1, le=125)] = 1  # short, long: how many registers too few or too many
    code: Annotated[int, msgspec.Meta(ge=1, le=255)] = 2  # exception: the Modbus exception code
    delay_ms: Milliseconds = 1000  # late; rebooting: how long it is away
    gap_ms: Milliseconds = 500  # rebooting: a question sooner than this after the last one, wall time
    offset_wh: Annotated[int, msgspec.Meta(ge=-MOST_WH, le=MOST_WH)] = 0
    """jump: added to both registers; wrap: how far below its wrap the meter stands."""
    serial: str = ""  # swapped_serial: what the meter answers instead
    word: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] = 236  # same_word: what every register reads

    @property
    def particulars(self) -> dict[str, int | str]:
        """What was set otherwise than it is by itself, but for the kind."""
        fields = msgspec.structs.fields(self)
        set_to = {f.name: getattr(self, f.name) for f in fields if f.name != "kind"}
        return {f.name: set_to[f.name] for f in fields if f.name in set_to and set_to[f.name] != f.default}

    def __str__(self) -> str:
        """As the command line has it: the kind and its particulars."""
        return " ".join([self.kind, *(f"{name}={value}" for name, value in self.particulars.items())])


class Frame(NamedTuple):
    """A reply on its way out: header fields and the PDU that follows; `delay_ms` until it is sent."""

    transaction: int
    unit: int
    pdu: bytes
    delay_ms: int = 0
    raw: bytes | None = None  # sent as it is instead of a well-formed frame
    is_cut: bool = False  # only the first half of the frame is sent
    has_bad_crc: bool = False  # on a serial line; Modbus TCP has none
    silent: bool = False
    close: bool = False
    is_deaf: bool = False  # this connection gets no answer any more; another one does
    after: bytes = b""  # said after the frame, before the next question


class Fault:
    """A switched-on fault. The hooks do nothing; a kind overrides the one where it belongs."""

    reads: ClassVar[tuple[str, ...]] = ()
    """The particulars that the kind reads, beside `count`, and `only` if it is one of the frame."""
    place: ClassVar[Literal["", "tcp", "line"]] = ""
    """Where alone it can be seen: on a TCP connection of the meter's own, or on a serial line."""

    @staticmethod
    def problem(order: FaultOrder, meter: SimMeter) -> str:
        """Return why it would change nothing on this meter, and what to do; "" when it would."""
        return ""

    def __init__(self, order: FaultOrder, meter: SimMeter, campus_ns: int) -> None:
        self.order = order
        self.since_ns = campus_ns
        self.left = order.count
        self.used = 0
        self.true_at_start = meter.true_energy(campus_ns)

    def instant(self, campus_ns: int) -> int:
        """Return the campus instant whose values are shown."""
        return campus_ns

    def energy(self, import_mwh: int, export_mwh: int) -> tuple[int, int]:
        """Return the registers shown in place of these, mWh."""
        return import_mwh, export_mwh

    def words(self, meter: SimMeter, field: Field, words: tuple[int, ...]) -> tuple[int, ...]:
        """Return the words shown for one field."""
        return words

    def refuses(self, fields: Sequence[Field]) -> bool:
        """Return whether a question that reaches these fields is answered with "no such address"."""
        return False

    def asked(self, wall_s: float) -> None:
        """Hear that the meter was asked something, at an instant of the monotonic clock."""

    def frame(self, frame: Frame) -> Frame:
        """Return the reply that goes out."""
        return frame

    def spend(self) -> bool:
        """Count one reply that was changed; True when the fault is used up."""
        self.used += 1
        if self.left is not None:
            self.left -= 1
        return self.left == 0


class Frozen(Fault):
    """Every register stays as it was when the fault came on."""

    def instant(self, campus_ns: int) -> int:
        return min(campus_ns, self.since_ns)


class GlitchZero(Fault):
    """Energy registers read zero in place of their value."""

    def words(self, meter: SimMeter, field: Field, words: tuple[int, ...]) -> tuple[int, ...]:
        return (0,) * len(words) if field.is_energy else words


class MinusOneStep(Fault):
    """Energy registers read one last bit too low: the jitter of a rounding meter."""

    def words(self, meter: SimMeter, field: Field, words: tuple[int, ...]) -> tuple[int, ...]:
        if not field.is_energy or not any(words):
            return words
        return encode_pattern(field, raw_pattern(field, words) - 1)


class NoValue(Fault):
    """Energy registers read the family's not-available pattern (NaN where a float family has none)."""

    def words(self, meter: SimMeter, field: Field, words: tuple[int, ...]) -> tuple[int, ...]:
        if not field.is_energy:
            return words
        if field.not_available:
            return encode_pattern(field, field.not_available[0])
        nan = {"f32": 0x7FC00000, "f64": 0x7FF8 << 48}.get(field.type, (1 << 16 * field.width) - 1)
        return encode_pattern(field, nan)


class Reset(Fault):
    """Both registers start again from zero."""

    def energy(self, import_mwh: int, export_mwh: int) -> tuple[int, int]:
        return max(0, import_mwh - self.true_at_start[0]), max(0, export_mwh - self.true_at_start[1])


class Jump(Fault):
    """Both registers are off by `offset_wh` (negative too): a spike, a rollback, or a step to just below the wrap."""

    reads = ("offset_wh",)

    @staticmethod
    def problem(order: FaultOrder, meter: SimMeter) -> str:
        return "" if order.offset_wh else "offset_wh = 0 moves nothing; give the Wh by which both registers jump"

    def energy(self, import_mwh: int, export_mwh: int) -> tuple[int, int]:
        offset = 1000 * self.order.offset_wh
        return max(0, import_mwh + offset), max(0, export_mwh + offset)


class Wrap(Fault):
    """Each register stands `offset_wh` below it when the fault comes on, and runs over it."""

    reads = ("offset_wh",)

    @staticmethod
    def problem(order: FaultOrder, meter: SimMeter) -> str:
        return "" if order.offset_wh >= 0 else "offset_wh is how far below its wrap the meter stands: 0 or more"

    def __init__(self, order: FaultOrder, meter: SimMeter, campus_ns: int) -> None:
        super().__init__(order, meter, campus_ns)
        wraps = (meter.profile.wrap_wh("import"), meter.profile.wrap_wh("export"))
        self._lift = tuple(
            1000 * (wrap - order.offset_wh) - true if wrap else 0
            for wrap, true in zip(wraps, self.true_at_start[:2], strict=True)
        )

    def energy(self, import_mwh: int, export_mwh: int) -> tuple[int, int]:
        return import_mwh + self._lift[0], export_mwh + self._lift[1]


class UnitPrefix(Fault):
    """The meter was switched from kWh to MWh: the registers read a thousand times too small."""

    def energy(self, import_mwh: int, export_mwh: int) -> tuple[int, int]:
        return import_mwh // 1000, export_mwh // 1000

    def words(self, meter: SimMeter, field: Field, words: tuple[int, ...]) -> tuple[int, ...]:
        return encode(meter.profile, field, 1) if field.name == "energy_prefix" else words


class OneWay(Fault):
    """Easy connection mode: what flows out is counted as import. A meter with a register for the mode says so there."""

    def energy(self, import_mwh: int, export_mwh: int) -> tuple[int, int]:
        return import_mwh + export_mwh - self.true_at_start[1], self.true_at_start[1]

    def words(self, meter: SimMeter, field: Field, words: tuple[int, ...]) -> tuple[int, ...]:
        return (0,) if field.name == "measurement_mode" else words


class ExchangedRegisters(Fault):
    """Import and export are counted in each other's register; power keeps its sign. Somebody has mixed up two addresses."""

    def energy(self, import_mwh: int, export_mwh: int) -> tuple[int, int]:
        drawn, fed = self.true_at_start[:2]
        return drawn + export_mwh - fed, fed + import_mwh - drawn


class Reversed(ExchangedRegisters):
    """The meter, or its current transformers, are the wrong way round: registers are exchanged and power has the other sign."""

    def words(self, meter: SimMeter, field: Field, words: tuple[int, ...]) -> tuple[int, ...]:
        if field.unit != "W" or field.type.startswith("u"):
            return words
        if field.type.startswith("f"):
            top = 0 if field.order == "high" else len(words) - 1
            return tuple(word ^ 0x8000 if at == top else word for at, word in enumerate(words))
        return encode_pattern(field, -raw_pattern(field, words) & (1 << 16 * field.width) - 1)


class SwappedSerial(Fault):
    """Another meter answers at this address: the serial differs (by default its last digit)."""

    reads = ("serial",)

    @staticmethod
    def problem(order: FaultOrder, meter: SimMeter) -> str:
        field = meter.profile.fields.get(meter.profile.identity.serial)
        if field is None:
            return f"{meter.profile.id} has no serial number that could be read"
        if field.type != "text" and not (order.serial or "0").isdecimal():
            return f"serial {order.serial!r}: {meter.profile.id} has a whole number there"
        try:
            words = SwappedSerial.answered(order, meter, field)
        except ValueError as error:
            return f"serial {order.serial!r} does not fit the {field.name} register of {meter.profile.id}: {error}"
        own = encode(meter.profile, field, meter.serial if field.type == "text" else int(meter.serial))
        return "" if words != own else f"serial {order.serial!r} is the meter's own; give another one"

    @staticmethod
    def answered(order: FaultOrder, meter: SimMeter, field: Field) -> tuple[int, ...]:
        """Return the words of the other serial; `ValueError` where it does not fit."""
        other = order.serial or meter.serial[:-1] + ("1" if meter.serial[-1] != "1" else "2")
        return encode(meter.profile, field, other if field.type == "text" else int(other))

    def words(self, meter: SimMeter, field: Field, words: tuple[int, ...]) -> tuple[int, ...]:
        if field.name != meter.profile.identity.serial:
            return words
        return self.answered(self.order, meter, field)


class WordOrder(Fault):
    """Values of several words are sent the other way round."""

    def words(self, meter: SimMeter, field: Field, words: tuple[int, ...]) -> tuple[int, ...]:
        return words if field.type == "text" else words[::-1]


class Short(Fault):
    """The reply holds fewer registers than were asked for, in an otherwise well-formed frame."""

    reads = ("registers",)

    def frame(self, frame: Frame) -> Frame:
        return frame._replace(pdu=_resized(frame.pdu, -self.order.registers))


class Long(Fault):
    """The reply holds more registers than were asked for."""

    reads = ("registers",)

    def frame(self, frame: Frame) -> Frame:
        return frame._replace(pdu=_resized(frame.pdu, self.order.registers))


class WrongFunction(Fault):
    """The reply carries the other read function's code."""

    def frame(self, frame: Frame) -> Frame:
        return frame._replace(pdu=bytes([frame.pdu[0] ^ 7]) + frame.pdu[1:])


class WrongUnit(Fault):
    """The reply carries another unit id."""

    def frame(self, frame: Frame) -> Frame:
        return frame._replace(unit=frame.unit + 1 & 0xFF)


class WrongTransaction(Fault):
    """The reply carries another transaction id."""

    place = "tcp"

    def frame(self, frame: Frame) -> Frame:
        return frame._replace(transaction=frame.transaction + 1 & 0xFFFF)


class ZeroTransaction(Fault):
    """The reply carries transaction id 0, as gateways from serial lines have done."""

    place = "tcp"

    def frame(self, frame: Frame) -> Frame:
        return frame._replace(transaction=0)


class NoRegister(Fault):
    """A variant of the meter without the registers that not every unit has: exception 2 for whatever reaches them."""

    @staticmethod
    def problem(order: FaultOrder, meter: SimMeter) -> str:
        optional = any(field.optional for field in meter.profile.fields.values())
        return "" if optional else f"every {meter.profile.id} has all its registers; take one of another family"

    def refuses(self, fields: Sequence[Field]) -> bool:
        return any(field.optional for field in fields)


class SameWord(Fault):
    """Every register reads `word`, in frames that are whole: a gateway that has lost its mind."""

    reads = ("word",)

    def frame(self, frame: Frame) -> Frame:
        if frame.pdu[0] & 0x80:
            return frame
        words = (len(frame.pdu) - 2) // 2
        return frame._replace(pdu=frame.pdu[:2] + (self.order.word & 0xFFFF).to_bytes(2, "big") * words)


class ExceptionReply(Fault):
    """The device refuses with exception `code`."""

    reads = ("code",)

    def frame(self, frame: Frame) -> Frame:
        return frame._replace(pdu=bytes([frame.pdu[0] & 0x7F | 0x80, self.order.code & 0xFF]))


class Late(Fault):
    """The reply comes `delay_ms` after the question, perhaps after the next one."""

    reads = ("delay_ms",)

    def frame(self, frame: Frame) -> Frame:
        return frame._replace(delay_ms=self.order.delay_ms)


class Dead(Fault):
    """No answer; the connection stays open."""

    def frame(self, frame: Frame) -> Frame:
        return frame._replace(silent=True)


class Hangup(Fault):
    """The connection is closed in place of an answer."""

    def frame(self, frame: Frame) -> Frame:
        return frame._replace(silent=True, close=True)


class Truncated(Fault):
    """The frame stops in the middle and the connection closes."""

    def frame(self, frame: Frame) -> Frame:
        return frame._replace(is_cut=True, close=True)


class HalfOpen(Fault):
    """The connection stays up and nothing comes through it any more; over a new one the meter answers. Give it a `count` of 1."""

    place = "tcp"

    def frame(self, frame: Frame) -> Frame:
        return frame._replace(silent=True, is_deaf=True)


class OneClient(Fault):
    """The meter serves one TCP client and hangs up on every further one."""

    place = "tcp"


class Rebooting(Fault):
    """A meter asked again within `gap_ms` reboots: it hangs up and is away for `delay_ms`. Wall time, as the device counts."""

    reads = (
        "gap_ms",
        "delay_ms",
    )

    last_s = away_until_s = -math.inf

    def asked(self, wall_s: float) -> None:
        if wall_s >= self.away_until_s and wall_s - self.last_s < self.order.gap_ms / 1000:
            self.away_until_s = wall_s + self.order.delay_ms / 1000
        self.last_s = wall_s

    def frame(self, frame: Frame) -> Frame:
        away = self.last_s < self.away_until_s
        return frame._replace(silent=True, close=True) if away else frame


class StrayBytes(Fault):
    """Bytes that are no frame between the answer and the next question."""

    def frame(self, frame: Frame) -> Frame:
        return frame._replace(after=_noise(5))


class BadCrc(Fault):
    """The checksum of the reply is wrong: a disturbance on the line. Modbus TCP has no checksum."""

    place = "line"

    def frame(self, frame: Frame) -> Frame:
        return frame._replace(has_bad_crc=True)


class Noise(Fault):
    """Bytes that are no frame, in place of the answer."""

    def frame(self, frame: Frame) -> Frame:
        return frame._replace(raw=_noise(len(frame.pdu) + 7))


MENU: dict[str, type[Fault]] = {
    "frozen": Frozen,
    "glitch_zero": GlitchZero,
    "minus_one_lsb": MinusOneStep,
    "not_available": NoValue,
    "reset": Reset,
    "jump": Jump,
    "wrap": Wrap,
    "unit_prefix": UnitPrefix,
    "one_way": OneWay,
    "exchanged_registers": ExchangedRegisters,
    "reversed": Reversed,
    "swapped_serial": SwappedSerial,
    "word_order": WordOrder,
    "short": Short,
    "long": Long,
    "wrong_function": WrongFunction,
    "wrong_unit": WrongUnit,
    "wrong_transaction": WrongTransaction,
    "zero_transaction": ZeroTransaction,
    "no_register": NoRegister,
    "same_word": SameWord,
    "exception": ExceptionReply,
    "late": Late,
    "dead": Dead,
    "hangup": Hangup,
    "truncated": Truncated,
    "noise": Noise,
    "bad_crc": BadCrc,
    "half_open": HalfOpen,
    "one_client": OneClient,
    "rebooting": Rebooting,
    "stray_bytes": StrayBytes,
}


def order_problem(order: FaultOrder, meter: SimMeter) -> str:
    """Return why an order cannot be carried out, naming the particular and the remedy; "" when it can.

    An order that would change nothing is refused: whoever gave it would take the meter's right answers for the fault's.
    """
    kind = MENU.get(order.kind)
    if kind is None:
        return f"no fault {order.kind!r}; the menu: {', '.join(MENU)}"
    # A fault of the values shows them to every question alike; what goes out as a frame can be told by what it holds.
    takes = ("count", *(("only",) if kind.frame is not Fault.frame else ()), *kind.reads)
    idle = [name for name in order.particulars if name not in takes]
    if idle:
        return f"{order.kind} does not read {', '.join(idle)}; it takes {', '.join(takes)}"
    if kind.place and (kind.place == "line") != bool(meter.settings.line):
        where = "on a serial line" if kind.place == "line" else "on a TCP port of its own"
        return f"{order.kind} shows only with a meter {where}, and this one is not"
    problem = kind.problem(order, meter)
    return f"{order.kind}: {problem}" if problem else ""


def tcp_frame(frame: Frame) -> bytes:
    """Return the frame's bytes on Modbus TCP: MBAP header (transaction, protocol 0, length, unit) and PDU."""
    whole = (
        frame.transaction.to_bytes(2, "big")
        + b"\x00\x00"
        + (len(frame.pdu) + 1).to_bytes(2, "big")
        + bytes([frame.unit])
        + frame.pdu
    )
    return _as_sent(frame, whole)


def rtu_frame(frame: Frame) -> bytes:
    """Return the frame's bytes on a serial line: unit, PDU and CRC, low byte first."""
    body = bytes([frame.unit]) + frame.pdu
    crc = crc16(body) ^ (0x0100 if frame.has_bad_crc else 0)
    return _as_sent(frame, body + crc.to_bytes(2, "little"))


def _as_sent(frame: Frame, whole: bytes) -> bytes:
    sent = whole if frame.raw is None else frame.raw
    return sent[: len(sent) // 2] if frame.is_cut else sent


def crc16(data: bytes) -> int:
    """Return the Modbus CRC. Source: Modbus over Serial Line 1.02, 6.2.2; written anew here, so that the agent's is not its own judge."""
    crc = 0xFFFF
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


def _crc_entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ 0xA001 if byte & 1 else byte >> 1
    return byte


_CRC_TABLE = tuple(_crc_entry(byte) for byte in range(256))


def _noise(length: int) -> bytes:
    return bytes((37 * i + 11) & 0xFF for i in range(length))


def _resized(pdu: bytes, registers: int) -> bytes:
    """A read reply with so many registers more or fewer, its byte count kept true. Exceptions stay as they are."""
    if pdu[0] & 0x80:
        return pdu
    words = pdu[2:] + bytes(2 * max(0, registers))
    words = words[: max(0, len(pdu) - 2 + 2 * registers)]
    return bytes([pdu[0], len(words) & 0xFF]) + words
