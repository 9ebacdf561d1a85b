"""Meter profiles as data: what the registers of a meter family mean, read from one TOML file per family.

Decides how words on the bus become exact numbers and back, and which blocks a master may ask for. Leaves to others when
to ask (edge), what a changed number means (edge) and where the words come from (the bus, or the simulator).

No float arithmetic touches energy here: float registers are taken apart into mantissa and exponent, so the value that a
meter shows is a whole count of a known unit, and the register's own step is part of the value.

    python -m gridkit.profile lint [FILE ...]   check these profiles, by default every one in the package
    python -m gridkit.profile list        one line per family
    python -m gridkit.profile markdown    the catalogue kept in docs/meters.md
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

PROFILE_DIR: Final = Path(__file__).parent / "profiles"
LONGEST_PAUSE_MS: Final = 2_000  # a boundary sample has ten seconds, and a family needs some three questions
PDU_REGISTER_LIMIT: Final = 125  # Modbus Application Protocol 1.1b3, 6.3: most registers one read may return.

IntegerType = Literal["u16", "s16", "u32", "s32", "u64", "s64"]
FieldType = Literal["u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", "text"]
Direction = Literal["import", "export"]

_WIDTH: Final[dict[str, int]] = {"u16": 1, "s16": 1, "u32": 2, "s32": 2, "u64": 4, "s64": 4, "f32": 2, "f64": 4}
# (mantissa bits stored, exponent bits): IEEE 754-2019, table 3.5.
_FLOAT_FORMAT: Final[dict[str, tuple[int, int]]] = {"f32": (23, 8), "f64": (52, 11)}
_UNITS: Final = frozenset({"Wh", "W", "V", "A", "Hz", "1"})
# A field's name ends in the unit that its decoded value is in.
_UNIT_OF_SUFFIX: Final = {"_wh": "Wh", "_w": "W", "_v": "V", "_a": "A", "_hz": "Hz"}


class ProfileError(Exception):
    """A profile cannot be used; `profile_id` names it, `problem` says why and what to change. A retry cannot help."""

    def __init__(self, profile_id: str, problem: str) -> None:
        super().__init__(f"profile {profile_id}: {problem}")
        self.profile_id = profile_id
        self.problem = problem


class Refusal(Enum):
    """Why words that arrived in good order are still no value."""

    NOT_AVAILABLE = "not_available"  # the family's own pattern for "I do not measure this"
    NOT_A_NUMBER = "not_a_number"
    INFINITE = "infinite"
    NEGATIVE_ENERGY = "negative_energy"
    BEYOND_WRAP = "beyond_wrap"  # a counter at or above the first value it cannot show
    MISSING = "missing"  # no block that was read covers the field
    BAD_TEXT = "bad_text"
    BAD_SCALE = "bad_scale"  # a scale-factor register outside -10..10


class NotAvailable(msgspec.Struct, frozen=True):
    """A field without a value: which one, why, and the words that said so."""

    field: str
    reason: Refusal
    words: tuple[int, ...] = ()


class RawCounter(msgspec.Struct, frozen=True):
    """An energy register exactly as the meter showed it.

    `value` whole units of `unit_num / unit_den` Wh, value >= 0. `step_num / step_den` Wh is the register's own step at
    this value: a true energy in [e, e + step) shows as e. For a float register the unit is its last mantissa bit; for a
    sum of registers the step is the sum of theirs.
    """

    value: int
    unit_num: int
    unit_den: int
    step_num: int
    step_den: int

    @property
    def exact_wh(self) -> Fraction:
        """The register as an exact rational number of Wh."""
        return Fraction(self.value * self.unit_num, self.unit_den)

    @property
    def step_wh(self) -> Fraction:
        """The register's step at this value, Wh."""
        return Fraction(self.step_num, self.step_den)

    def to_wh(self) -> int:
        """Return whole Wh, rounded down; the remainder stays in the register and comes with the next reading."""
        return self.value * self.unit_num // self.unit_den

    def to_mwh(self) -> int:
        """Return whole mWh, rounded down."""
        return self.value * self.unit_num * 1000 // self.unit_den


Value = RawCounter | Fraction | int | str | NotAvailable


class Block(NamedTuple):
    """One read request: function code (3 or 4), first PDU address (0-based) and quantity of registers."""

    function_code: int
    address: int
    quantity: int

    @property
    def end(self) -> int:
        """First address after the block."""
        return self.address + self.quantity


@lru_cache(maxsize=256)
def _ratio(scale: str | int) -> Fraction:
    """Parse a scale once: every value of every poll asks for its own."""
    return Fraction(scale)


@lru_cache(maxsize=1024)
def _unit(scale: str | int, power_of_two: int, power_of_ten: int) -> tuple[int, int]:
    """Return what one step of a register is worth, as (numerator, denominator) in lowest terms."""
    unit = _ratio(scale) * Fraction(2) ** power_of_two * Fraction(10) ** power_of_ten
    return unit.numerator, unit.denominator


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One register field, as its row in the TOML file says.

    `address` is the 0-based PDU address. `scale` turns the raw number into `unit` (a rational, "1/10" or 1000);
    `scale_field` names a signed register whose value is a further power of ten. `order` is the order of the 16-bit
    words: "high" sends the most significant word first. `not_available` lists raw patterns of the full width. `expect`
    pins the field: any other value means that the meter is not set up as this profile assumes.
    """

    name: str
    address: int
    type: FieldType
    unit: str = "1"
    function_code: int = 0  # 0: the profile's own
    words: int = 0  # text only
    order: Literal["high", "low"] = "high"
    scale: str | int = 1
    scale_field: str = ""
    not_available: tuple[int, ...] = ()
    wrap_wh: int = 0  # energy only: first value that the register cannot show
    wrap_note: str = ""
    expect: tuple[int | str, ...] = ()
    typical: int = 0  # what a common unit reports; served by the simulator, used nowhere else
    optional: bool = False
    note: str = ""

    @property
    def width(self) -> int:
        """Registers that the field occupies."""
        return self.words if self.type == "text" else _WIDTH[self.type]

    @property
    def end(self) -> int:
        """First address after the field."""
        return self.address + self.width

    @property
    def is_energy(self) -> bool:
        """True for a cumulative energy register."""
        return self.unit == "Wh"

    @property
    def scale_ratio(self) -> Fraction:
        """`scale` as an exact rational."""
        return _ratio(self.scale)


class Energy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"import_": "import"}):
    """Which fields add up to import (+A, OBIS 1-0:1.8.0) and export (-A, OBIS 1-0:2.8.0)."""

    import_: tuple[str, ...] = ()
    export: tuple[str, ...] = ()
    missing_note: str = ""  # why a direction has no register, where one has none


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which fields say who the meter is. `serial` may be empty only with a `serial_note`."""

    serial: str = ""
    model: str = ""
    model_pattern: str = ""  # regular expression that the model field's text (or decimal number) must match in full
    model_typical: str = ""  # a model text that a unit of this family reports; served by the simulator
    serial_note: str = ""


class Access(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the family tolerates on the bus."""

    function_code: Literal[3, 4]
    also_function_codes: tuple[Literal[3, 4], ...] = ()  # answered alike by the device, not asked by us
    block_limit: int = PDU_REGISTER_LIMIT  # registers in one request
    max_hole: int = 16  # registers we are willing to read and throw away to save a request
    pause_ms: int = 0  # between two requests
    connect_pause_ms: int = 0  # after connecting, before the first request
    whole_values: bool = False  # the device refuses a read that starts or ends inside a value
    even_registers: bool = False  # the device refuses an odd number of registers
    one_client: bool = False  # the device serves one TCP client at a time
    block_limit_note: str = ""


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Addresses that a read may cover, first and last inclusive; outside, the device answers exception 2."""

    function_code: Literal[3, 4]
    first: int
    last: int
    whole: bool = False  # the device answers only a read of the whole range


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the numbers come from."""

    title: str
    where: str  # an address, or publisher and document number
    says: str = ""


class ProfileFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The TOML file, field by field."""

    schema: Literal[1]
    id: str
    vendor: str
    model: str
    phases: Literal[1, 3]
    sources: tuple[Source, ...]
    access: Access
    energy: Energy
    identity: Identity
    field: tuple[Field, ...]
    range: tuple[Range, ...]
    notes: tuple[str, ...] = ()


class Profile:
    """One meter family: its file's content, ready for use. Immutable by convention; share it freely."""

    def __init__(self, content: ProfileFile, sha256: bytes) -> None:
        self.id: str = content.id
        self.vendor: str = content.vendor
        self.model: str = content.model
        self.phases: int = content.phases
        self.sources: tuple[Source, ...] = content.sources
        self.access: Access = content.access
        self.energy: Energy = content.energy
        self.identity: Identity = content.identity
        self.ranges: tuple[Range, ...] = content.range
        self.notes: tuple[str, ...] = content.notes
        self.sha256: bytes = sha256  # of the file's bytes: what a signed detail names as the profile's hash
        code = content.access.function_code
        self.fields: dict[str, Field] = {
            f.name: f if f.function_code else msgspec.structs.replace(f, function_code=code) for f in content.field
        }
        if len(self.fields) != len(content.field):
            names = [f.name for f in content.field]
            twice = next(name for index, name in enumerate(names) if name in names[:index])
            raise ProfileError(self.id, f"two fields are called {twice!r}")

    def field(self, name: str) -> Field:
        """Return the field of that name; `ProfileError` if the family has none."""
        try:
            return self.fields[name]
        except KeyError:
            raise ProfileError(self.id, f"no field {name!r}; it has {', '.join(self.fields)}") from None

    def energy_fields(self, direction: Direction) -> tuple[Field, ...]:
        """Return the registers that add up to a direction; empty where the family does not count it."""
        names = self.energy.import_ if direction == "import" else self.energy.export
        return tuple(self.field(name) for name in names)

    def wrap_wh(self, direction: Direction) -> int:
        """Return by how much a direction falls when one of its registers wraps, Wh; 0 where it is not counted."""
        fields = self.energy_fields(direction)
        return min((f.wrap_wh for f in fields), default=0)

    @cached_property
    def energy_names(self) -> tuple[str, ...]:
        """Names of all energy fields that count, import first, scale factors included."""
        return with_scale_fields(self, (*self.energy.import_, *self.energy.export))

    @cached_property
    def identity_names(self) -> tuple[str, ...]:
        """Names of the fields to compare on every poll round: serial, model and every pinned setting."""
        wanted = [n for n in (self.identity.serial, self.identity.model) if n]
        return tuple(dict.fromkeys([*wanted, *(f.name for f in self.fields.values() if f.expect)]))

    @cached_property
    def measured_names(self) -> tuple[str, ...]:
        """Names of the instantaneous quantities (power, voltage, current, frequency, power factor)."""
        skip = {*self.energy.import_, *self.energy.export, *self.identity_names}
        skip |= {f.scale_field for f in self.fields.values() if f.scale_field}
        return tuple(n for n, f in self.fields.items() if n not in skip and not f.is_energy)


class Registers:
    """Words that were read, by function code and address; the decoder's input when a value needs several fields."""

    def __init__(self) -> None:
        self._replies: list[tuple[int, int, int, Sequence[int]]] = []  # code, first, end, words; newest first

    def add(self, block: Block | tuple[int, int, int], words: Sequence[int]) -> None:
        """Keep one reply, which outdates what was read there before. `ValueError` if its length is not what the block asked for."""
        code, address, count = block
        if len(words) != count:
            raise ValueError(f"asked for {count} registers at {address}, got {len(words)}")
        self._replies.insert(0, (code, address, address + count, words))

    def words(self, field: Field) -> tuple[int, ...] | None:
        """Return the field's words in bus order, or None if they were not all read."""
        return self.at(field.function_code, field.address, field.end)

    def at(self, code: int, address: int, end: int) -> tuple[int, ...] | None:
        """Return the words from an address up to `end`, or None if they were not all read."""
        for read_code, first, read_end, words in self._replies:
            if read_code == code and first < end and address < read_end:
                if first <= address and end <= read_end:
                    return tuple(words[address - first : end - first])
                return self._pieced(code, address, end)
        return None

    def _pieced(self, code: int, address: int, end: int) -> tuple[int, ...] | None:
        """Put a field together whose words came in more than one reply."""
        known: dict[int, int] = {}
        for read_code, first, _, words in reversed(self._replies):
            if read_code == code:
                known.update(enumerate(words, first))
        found = tuple(known.get(at, -1) for at in range(address, end))
        return None if -1 in found else found


# --- loading ---------------------------------------------------------------------------------------------------------


def list_profiles() -> list[str]:
    """Return the ids of all families in the package, sorted."""
    return sorted(path.stem for path in PROFILE_DIR.glob("*.toml"))


@lru_cache(maxsize=64)
def load_profile(profile_id: str) -> Profile:
    """Return the family of that id (its file's name without .toml). Raises `ProfileError`."""
    path = PROFILE_DIR / f"{profile_id}.toml"
    if "/" in profile_id or not path.is_file():
        raise ProfileError(profile_id, f"no such family; known: {', '.join(list_profiles())}")
    return parse_profile(path.read_bytes(), profile_id)


def parse_profile(content: bytes, profile_id: str) -> Profile:
    """Return the profile that the TOML text describes. Raises `ProfileError` naming the offending key."""
    try:
        parsed = msgspec.toml.decode(content, type=ProfileFile)
    except (msgspec.ValidationError, msgspec.DecodeError, ValueError) as error:
        raise ProfileError(profile_id, str(error)) from error
    return Profile(parsed, hashlib.sha256(content).digest())


# --- what to ask for -------------------------------------------------------------------------------------------------


def with_scale_fields(profile: Profile, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names with every scale factor they depend on, each once, order kept."""
    wanted: dict[str, None] = {}
    for name in names:
        wanted[name] = None
        if profile.field(name).scale_field:
            wanted[profile.field(name).scale_field] = None
    return tuple(wanted)


def plan_blocks(profile: Profile, fields: Iterable[str]) -> list[Block]:
    """Return the fewest read requests, found greedily, that cover the named fields (and their scale factors).

    No block is longer than the family's limit, reaches over a hole longer than its `max_hole`, leaves a readable range
    or cuts a value. All energy registers that are asked for stay in one block where the limit allows, so that import
    and export belong to the same instant. A range that the device gives only as a whole is asked for as a whole.
    """
    wanted = [profile.field(name) for name in with_scale_fields(profile, fields)]
    counters = set(profile.energy_names)
    together = [f for f in wanted if f.name in counters]
    if together and _span_allowed(profile, together):
        items = [(min(f.address for f in together), max(f.end for f in together), together[0].function_code)]
        items += [_reach(profile, f) for f in wanted if f.name not in counters]
    else:
        items = [_reach(profile, f) for f in wanted]
    blocks: list[Block] = []
    for first, end, code in sorted(items, key=lambda item: (item[2], item[0], item[1])):
        if blocks and blocks[-1].function_code == code:
            last = blocks[-1]
            merged_end = max(end, last.end)
            hole = first - last.end
            if hole <= profile.access.max_hole and _readable(profile, code, last.address, merged_end):
                blocks[-1] = Block(code, last.address, merged_end - last.address)
                continue
        blocks.append(Block(code, first, end - first))
    if profile.access.even_registers:
        blocks = [Block(b.function_code, b.address, b.quantity + b.quantity % 2) for b in blocks]
    return blocks


def _reach(profile: Profile, field: Field) -> tuple[int, int, int]:
    """Return first address, end and function code of what must be asked for to see one field."""
    for r in profile.ranges:
        if r.whole and r.function_code == field.function_code and r.first <= field.address <= r.last:
            return r.first, r.last + 1, r.function_code
    return field.address, field.end, field.function_code


def _span_allowed(profile: Profile, fields: Sequence[Field]) -> bool:
    codes = {f.function_code for f in fields}
    return len(codes) == 1 and _readable(
        profile, codes.pop(), min(f.address for f in fields), max(f.end for f in fields)
    )


def _readable(profile: Profile, code: int, first: int, end: int) -> bool:
    if end - first > profile.access.block_limit:
        return False
    return any(r.function_code == code and r.first <= first and end <= r.last + 1 for r in profile.ranges)


# --- words to numbers ------------------------------------------------------------------------------------------------


def raw_pattern(field: Field, words: Sequence[int]) -> int:
    """Return the field's bits as one unsigned number, most significant word first. `ValueError` on a wrong length."""
    if len(words) != field.width:
        raise ValueError(f"field {field.name} is {field.width} registers wide, got {len(words)}")
    ordered = words if field.order == "high" else tuple(reversed(words))
    pattern = 0
    for word in ordered:
        if not 0 <= word <= 0xFFFF:
            raise ValueError(f"{word} is not a register")
        pattern = pattern << 16 | word
    return pattern


def decode(profile: Profile, field: str | Field, words: Sequence[int], *, exponent: int = 0) -> Value:
    """Return what the field's words say, exactly.

    Args:
        profile: The meter's family.
        field: The field or its name.
        words: Its registers in bus order; length = the field's width, else `ValueError`.
        exponent: Value of the field's scale-factor register, a power of ten in -10..10, where it has one.

    Returns:
        `RawCounter` for an energy register, `str` for text, `int` for a number without unit and scale (identity,
        setting, scale factor), else `Fraction` in the field's unit. `NotAvailable` with a named reason when the words
        are no value.
    """
    f = profile.field(field) if isinstance(field, str) else field
    pattern = raw_pattern(f, words)
    kept = tuple(words)
    if f.type == "text":
        return _decode_text(f, kept)
    if pattern in f.not_available:
        return NotAvailable(f.name, Refusal.NOT_AVAILABLE, kept)
    power_of_two = 0
    if f.type in _FLOAT_FORMAT:
        parts = _float_parts(pattern, f.type)
        if isinstance(parts, Refusal):
            return NotAvailable(f.name, parts, kept)
        value, power_of_two = parts
    else:
        bits = 16 * f.width
        value = pattern - (1 << bits) if f.type[0] == "s" and pattern >> (bits - 1) else pattern
    if f.scale_field and not -10 <= exponent <= 10:
        return NotAvailable(f.name, Refusal.BAD_SCALE, kept)
    numerator, denominator = _unit(f.scale, power_of_two, exponent if f.scale_field else 0)
    if not f.is_energy:
        plain = f.unit == "1" and not f.scale_field and numerator == denominator and f.type not in _FLOAT_FORMAT
        return value if plain else Fraction(value * numerator, denominator)
    if value < 0:
        return NotAvailable(f.name, Refusal.NEGATIVE_ENERGY, kept)
    if value * numerator >= _wrap_of(f, exponent) * denominator:
        return NotAvailable(f.name, Refusal.BEYOND_WRAP, kept)
    return RawCounter(value, numerator, denominator, numerator, denominator)


def _wrap_of(field: Field, exponent: int) -> Fraction | int:
    """A counter with a scale-factor register states its wrap point at factor 0."""
    return field.wrap_wh * Fraction(10) ** exponent if field.scale_field else field.wrap_wh


def _decode_text(field: Field, words: tuple[int, ...]) -> str | NotAvailable:
    ordered = words if field.order == "high" else tuple(reversed(words))
    content = b"".join(word.to_bytes(2, "big") for word in ordered)
    text = content.split(b"\x00", 1)[0].strip(b" \xff")
    if not text:
        return NotAvailable(field.name, Refusal.NOT_AVAILABLE, words)
    if any(not 0x20 <= byte < 0x7F for byte in text):
        return NotAvailable(field.name, Refusal.BAD_TEXT, words)
    return text.decode("ascii")


def _float_parts(pattern: int, kind: str) -> tuple[int, int] | Refusal:
    """Return (signed mantissa, power of two that its last bit is worth): together they are the float, exactly."""
    mantissa_bits, exponent_bits = _FLOAT_FORMAT[kind]
    bias = (1 << (exponent_bits - 1)) - 1
    mantissa = pattern & ((1 << mantissa_bits) - 1)
    biased = pattern >> mantissa_bits & ((1 << exponent_bits) - 1)
    if biased == (1 << exponent_bits) - 1:
        return Refusal.NOT_A_NUMBER if mantissa else Refusal.INFINITE
    if biased:
        mantissa |= 1 << mantissa_bits
    negative = pattern >> (mantissa_bits + exponent_bits)
    return (-mantissa if negative else mantissa), max(biased, 1) - bias - mantissa_bits


def read_value(profile: Profile, name: str, registers: Registers) -> Value:
    """Return a field's value from what was read, its scale factor applied."""
    field = profile.field(name)
    words = registers.words(field)
    if words is None:
        return NotAvailable(name, Refusal.MISSING)
    exponent = 0
    if field.scale_field:
        factor = read_value(profile, field.scale_field, registers)
        if isinstance(factor, NotAvailable):
            return factor
        if not isinstance(factor, int):
            raise ProfileError(profile.id, f"scale factor {field.scale_field} is not a plain integer")
        exponent = factor
    return decode(profile, field, words, exponent=exponent)


class Thousandths:
    """Reads one instantaneous quantity as a whole number of thousandths of its unit.

    The same as 1000 times `read_value`, rounded half up; but in integers, with everything looked up once: an agent does this some
    four hundred times a second.
    """

    def __init__(self, profile: Profile, name: str) -> None:
        """Look a numeric field up. `ProfileError` if the family has none of that name."""
        field = profile.field(name)
        self._profile = profile
        self._field = field
        self._at = (field.function_code, field.address, field.end)
        self._is_low_first = field.order == "low"
        self._sign = 1 << 16 * field.width - 1 if field.type[0] == "s" else 0
        self._is_float = field.type in _FLOAT_FORMAT
        self._not_available = frozenset(field.not_available)

    def read(self, registers: Registers) -> int | None:
        """Return thousandths, or None where the words are no value or were not read."""
        words = registers.at(*self._at)
        if words is None:
            return None
        pattern = 0
        for word in reversed(words) if self._is_low_first else words:
            pattern = pattern << 16 | word
        if pattern in self._not_available:
            return None
        field, power_of_two, exponent = self._field, 0, 0
        value = pattern - 2 * (pattern & self._sign)
        if self._is_float:
            parts = _float_parts(pattern, field.type)
            if isinstance(parts, Refusal):
                return None
            value, power_of_two = parts
        if field.scale_field:
            factor = read_value(self._profile, field.scale_field, registers)
            if not isinstance(factor, int) or not -10 <= factor <= 10:
                return None
            exponent = factor
        numerator, denominator = _unit(field.scale, power_of_two, exponent)
        return (2000 * value * numerator + denominator) // (2 * denominator)


def read_counter(profile: Profile, direction: Direction, registers: Registers) -> RawCounter | NotAvailable | None:
    """Return a direction's cumulative energy, summed over its registers; None where the family does not count it.

    One part without a value leaves the sum without one: half a counter is no counter.
    """
    counters: list[RawCounter] = []
    for field in profile.energy_fields(direction):
        value = read_value(profile, field.name, registers)
        if isinstance(value, NotAvailable):
            return value
        if not isinstance(value, RawCounter):
            raise ProfileError(profile.id, f"{field.name} is listed as energy but is not in Wh")
        counters.append(value)
    if len(counters) <= 1:
        return counters[0] if counters else None
    total = sum((counter.exact_wh for counter in counters), Fraction(0))
    step = sum((counter.step_wh for counter in counters), Fraction(0))
    return RawCounter(total.numerator, 1, total.denominator, step.numerator, step.denominator)


def read_wrap_wh(profile: Profile, direction: Direction, registers: Registers) -> int | NotAvailable:
    """Return by how much a direction falls at a wrap, Wh, with the scale factor that the device reports now.

    Equals `Profile.wrap_wh` except on families whose counters carry a scale factor (SunSpec acc32): there the wrap point
    moves with it. 0 where the direction is not counted.
    """
    wraps: list[Fraction | int] = []
    for field in profile.energy_fields(direction):
        exponent = 0
        if field.scale_field:
            factor = read_value(profile, field.scale_field, registers)
            if isinstance(factor, NotAvailable):
                return factor
            if not isinstance(factor, int) or not -10 <= factor <= 10:
                return NotAvailable(field.scale_field, Refusal.BAD_SCALE)
            exponent = factor
        wraps.append(_wrap_of(field, exponent))
    return int(min(wraps, default=0))


def energy_values(profile: Profile, registers: Registers) -> Mapping[Direction, RawCounter | NotAvailable | None]:
    """Return both directions' counters at once, as `read_counter` gives them."""
    return {"import": read_counter(profile, "import", registers), "export": read_counter(profile, "export", registers)}


def read_serial(profile: Profile, registers: Registers) -> str | NotAvailable:
    """Return the meter's own serial as text (a numeric register as its decimal digits)."""
    return _as_text(read_value(profile, profile.identity.serial, registers)) if profile.identity.serial else ""


def read_model(profile: Profile, registers: Registers) -> str | NotAvailable:
    """Return the meter's model as text; `""` where the family has no such register."""
    return _as_text(read_value(profile, profile.identity.model, registers)) if profile.identity.model else ""


def _as_text(value: Value) -> str | NotAvailable:
    if isinstance(value, NotAvailable | str):
        return value
    return str(value)


def identity_faults(profile: Profile, registers: Registers) -> list[str]:
    """Return what speaks against this meter being of this family and set up for it; empty when nothing does.

    Each item is one sentence for an operator: a model that does not match, or a pinned setting (unit prefix, connection
    mode, chain layout) with another value.
    """
    faults: list[str] = []
    if profile.identity.model:
        model = read_model(profile, registers)
        if isinstance(model, NotAvailable):
            faults.append(f"model register has no value ({model.reason.value})")
        elif not re.fullmatch(profile.identity.model_pattern, model):
            faults.append(f"model reads {model!r}, expected {profile.identity.model_pattern}")
    for field in profile.fields.values():
        if not field.expect:
            continue
        value = read_value(profile, field.name, registers)
        if isinstance(value, NotAvailable):
            if not (field.optional and value.reason is Refusal.MISSING):
                faults.append(f"{field.name} has no value ({value.reason.value})")
        elif value not in field.expect:
            faults.append(f"{field.name} reads {value}, expected one of {list(field.expect)}: {field.note}")
    return faults


# --- numbers to words ------------------------------------------------------------------------------------------------


def encode(
    profile: Profile, field: str | Field, value: Fraction | int | str | RawCounter, *, exponent: int = 0
) -> tuple[int, ...]:
    """Return the words with which a meter of this family shows a value, in bus order.

    Energy (Wh, an int, a `Fraction` or a `RawCounter`) is cut down to the register's step and wraps at its wrap point,
    as a counter does; other quantities are rounded to the nearest step. `ValueError` when the value does not fit.
    """
    f = profile.field(field) if isinstance(field, str) else field
    if f.type == "text":
        return _encode_text(f, str(value))
    if isinstance(value, str):
        raise ValueError(f"{f.name} is a number")
    amount = value.exact_wh if isinstance(value, RawCounter) else Fraction(value)
    if f.is_energy:
        if amount < 0:
            raise ValueError(f"{f.name} counts upwards only")
        amount %= _wrap_of(f, exponent)
    raw = amount / f.scale_ratio
    if f.scale_field:
        raw /= Fraction(10) ** exponent
    if f.type in _FLOAT_FORMAT:
        pattern = _float_pattern(raw, f.type, down=f.is_energy)
    else:
        whole = raw.numerator // raw.denominator if f.is_energy else _nearest(raw)
        pattern = _integer_pattern(f, whole)
    return _words_of(f, pattern)


def encode_pattern(field: Field, pattern: int) -> tuple[int, ...]:
    """Return the words of a bare bit pattern (a not-available mark, say) in the field's word order."""
    return _words_of(field, pattern)


def _words_of(field: Field, pattern: int) -> tuple[int, ...]:
    words = tuple(pattern >> 16 * shift & 0xFFFF for shift in range(field.width - 1, -1, -1))
    return words if field.order == "high" else tuple(reversed(words))


def _integer_pattern(field: Field, whole: int) -> int:
    bits = 16 * field.width
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if field.type[0] == "s" else (0, (1 << bits) - 1)
    if not low <= whole <= high:
        raise ValueError(f"{field.name}: {whole} does not fit {field.type}")
    return whole & ((1 << bits) - 1)


def _float_pattern(value: Fraction, kind: str, *, down: bool) -> int:
    mantissa_bits, exponent_bits = _FLOAT_FORMAT[kind]
    bias = (1 << (exponent_bits - 1)) - 1
    sign = 1 if value < 0 else 0
    size = abs(value)
    if not size:
        return 0
    # The exponent of the last mantissa bit: size / 2**power lies in [2**bits, 2**(bits + 1)) for a normal number.
    power = size.numerator.bit_length() - size.denominator.bit_length() - mantissa_bits
    if size / _two_to(power) < 1 << mantissa_bits:
        power -= 1
    if size / _two_to(power) >= 1 << (mantissa_bits + 1):
        power += 1
    power = max(power, 1 - bias - mantissa_bits)
    scaled = size / _two_to(power)
    mantissa = scaled.numerator // scaled.denominator if down else _nearest(scaled)
    if mantissa >> (mantissa_bits + 1):
        mantissa, power = mantissa >> 1, power + 1
    biased = power + bias + mantissa_bits if mantissa >> mantissa_bits else 0
    if biased >= (1 << exponent_bits) - 1:
        raise ValueError(f"{value} does not fit {kind}")
    return sign << (mantissa_bits + exponent_bits) | biased << mantissa_bits | mantissa & ((1 << mantissa_bits) - 1)


def _two_to(power: int) -> Fraction:
    return Fraction(1 << power) if power >= 0 else Fraction(1, 1 << -power)


def _nearest(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def _encode_text(field: Field, text: str) -> tuple[int, ...]:
    content = text.encode("ascii")
    if len(content) > 2 * field.words:
        raise ValueError(f"{field.name}: {text!r} is longer than {2 * field.words} characters")
    content = content.ljust(2 * field.words, b"\x00")
    words = tuple(int.from_bytes(content[i : i + 2], "big") for i in range(0, len(content), 2))
    return words if field.order == "high" else tuple(reversed(words))


# --- the linter ------------------------------------------------------------------------------------------------------


def lint_profile(profile: Profile) -> list[str]:
    """Return every way in which a profile breaks the rules of this file, as `key: what is wrong; what to do`."""
    problems = [*_lint_head(profile), *_lint_energy(profile), *_lint_identity(profile)]
    for field in profile.fields.values():
        problems += _lint_field(profile, field)
    occupied: dict[tuple[int, int], str] = {}
    for field in profile.fields.values():
        for address in range(field.address, field.end):
            other = occupied.setdefault((field.function_code, address), field.name)
            if other != field.name:
                problems.append(f"field {field.name}.address: overlaps {other} at {address}; correct one of the two")
                break
    if not problems:
        for block in plan_blocks(profile, profile.fields):
            if block.quantity > profile.access.block_limit:
                problems.append(
                    f"access.block_limit: the block at {block.address} is {block.quantity} long; correct limit or ranges"
                )
    return problems


def _lint_head(profile: Profile) -> Iterable[str]:
    access = profile.access
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", profile.id):
        yield f"id: {profile.id!r} is not lower-case words joined by hyphens; rename it and the file"
    if len({s.where.strip() for s in profile.sources} - {""}) < 2:
        yield "sources: two different ones are needed, maps copied from one place have been wrong too often; cite another"
    if not 2 <= access.block_limit <= PDU_REGISTER_LIMIT:
        yield f"access.block_limit: {access.block_limit} is not 2..{PDU_REGISTER_LIMIT}; take it from the maker's document"
    if access.block_limit < PDU_REGISTER_LIMIT and not access.block_limit_note:
        yield "access.block_limit_note: missing; which document limits a read?"
    for name, pause_ms in (("pause_ms", access.pause_ms), ("connect_pause_ms", access.connect_pause_ms)):
        if not 0 <= pause_ms <= LONGEST_PAUSE_MS:
            yield f"access.{name}: {pause_ms} is not 0..{LONGEST_PAUSE_MS} ms; a boundary sample has ten seconds"
    if not 0 <= access.max_hole <= PDU_REGISTER_LIMIT:
        yield f"access.max_hole: {access.max_hole} is not 0..{PDU_REGISTER_LIMIT}; 0 reads across no hole"
    if access.function_code in access.also_function_codes:
        yield "access.also_function_codes: holds the family's own; leave that out"
    for index, r in enumerate(profile.ranges):
        if not 0 <= r.first <= r.last <= 0xFFFF:
            yield f"range[{index}]: {r.first}..{r.last} is not inside 0..65535, first before last; correct it"


def _lint_energy(profile: Profile) -> Iterable[str]:
    energy = profile.energy
    if not energy.import_ and not energy.export:
        yield "energy: neither import nor export; name the fields that are billed from"
    if not (energy.import_ and energy.export) and not energy.missing_note:
        yield "energy.missing_note: missing; say why a direction has no register"
    for key, names in (("import", energy.import_), ("export", energy.export)):
        for name in names:
            if name not in profile.fields or not profile.fields[name].is_energy:
                yield f"energy.{key}: {name} is no field in Wh; name one that is"
    for name in {name for name in energy.import_ if name in energy.export}:
        yield f"energy.export: {name} is import as well; one register counts one direction"
    directions: tuple[Direction, ...] = ("import", "export")
    for direction in directions:
        names = energy.import_ if direction == "import" else energy.export
        if len({profile.fields[n].wrap_wh for n in names if n in profile.fields}) > 1:
            yield f"energy.{direction}: its registers wrap at different points; correct their wrap_wh"


def _lint_identity(profile: Profile) -> Iterable[str]:
    identity = profile.identity
    if not identity.serial and not identity.serial_note:
        yield "identity.serial: missing, and no serial_note says why; name the field, or write the note"
    for key, name in (("serial", identity.serial), ("model", identity.model)):
        if name and name not in profile.fields:
            yield f"identity.{key}: there is no field {name}; name one, or add it"
    if not identity.model:
        return
    if not identity.model_pattern:
        yield "identity.model_pattern: missing; without one any model passes"
        return
    try:
        fits = re.fullmatch(identity.model_pattern, identity.model_typical)
    except re.error as error:
        yield f"identity.model_pattern: is no regular expression ({error}); correct it"
        return
    if not fits:
        yield "identity.model_typical: does not match model_pattern; give a text that a meter of this family reports"


def _lint_field(profile: Profile, field: Field) -> Iterable[str]:
    where = f"field {field.name}"
    if not 0 <= field.address <= field.end - 1 <= 0xFFFF:
        yield f"{where}.address: outside 0..65535; use the 0-based PDU address, not 3xxxx or 4xxxx notation"
    if field.unit not in _UNITS:
        yield f"{where}.unit: {field.unit!r} is unknown; it is one of {', '.join(sorted(_UNITS))}"
    suffix = next((u for s, u in _UNIT_OF_SUFFIX.items() if field.name.endswith(s)), "1")
    if suffix != field.unit:
        yield f"{where}.unit: the name says {suffix}, unit says {field.unit}; correct one of the two"
    if (field.type == "text") != bool(field.words):
        yield f"{where}.words: belongs to text fields, and only to them; say how many registers a text has"
    if field.width > profile.access.block_limit:
        yield f"{where}.words: longer than one block; it could never be read"
    if field.order == "low" and field.width == 1:
        yield f"{where}.order: one word has no order; leave it out"
    if field.function_code not in (3, 4):
        yield f"{where}.function_code: {field.function_code} does not read; it is 3 or 4"
    if field.expect and field.type != "text" and field.typical not in field.expect:
        yield f"{where}.typical: is none of what is expected; give one of {list(field.expect)}"
    if field.scale_field and field.scale_field not in profile.fields:
        yield f"{where}.scale_field: there is no field {field.scale_field}; name one, or add it"
    if not _readable(profile, field.function_code, field.address, field.end):
        yield (
            f"{where}.address: outside every readable range of function code {field.function_code}; "
            "correct the address (0-based PDU, not 3xxxx or 4xxxx notation), or add a range"
        )
    for pattern in field.not_available:
        if not 0 <= pattern < 1 << 16 * field.width:
            yield f"{where}.not_available: {pattern:#x} does not fit {field.width} words; give the raw pattern of the full width"
    try:
        scale = Fraction(field.scale)
    except (ValueError, ZeroDivisionError):
        yield f'{where}.scale: {field.scale!r} is no ratio; write a whole number, or one like "1/10"'
        return
    if scale == 0 or (field.is_energy and scale < 0):
        yield f"{where}.scale: must be positive (negative only turns the sign of a power); correct it"
        return
    yield from _lint_wrap(field, where, scale)


def _lint_wrap(field: Field, where: str, scale: Fraction) -> Iterable[str]:
    if not field.is_energy:
        if field.wrap_wh:
            yield f"{where}.wrap_wh: belongs to energy fields; leave it out"
        return
    if not field.wrap_wh:
        yield f"{where}.wrap_wh: missing; give the first value that the register cannot show, Wh"
    elif field.wrap_wh < 0 or field.wrap_wh <= scale:
        yield f"{where}.wrap_wh: {field.wrap_wh} Wh lies below what two steps of the register show; it is in Wh, not in the register's unit"
    if not field.wrap_note:
        yield f"{where}.wrap_note: missing; where does the wrap point come from?"
    if field.type in _FLOAT_FORMAT or field.type == "text":
        return
    if not field.not_available and not field.note:
        yield f"{where}.not_available: missing; give the pattern, or a note that the document knows none"
    bits = 16 * field.width - (field.type[0] == "s")
    if field.wrap_wh > (1 << bits) * scale:
        yield f"{where}.wrap_wh: lies above what {field.type} can hold; it is at most {int((1 << bits) * scale)}"


def catalogue_markdown() -> str:
    """Return the catalogue of all families as one Markdown page."""
    lines = [
        "# Meter families",
        "",
        "Made by `python -m gridkit.profile markdown` from `gridkit/profiles/*.toml`; edit those, not this page.",
        "Addresses are 0-based PDU addresses. A step is how finely the register counts.",
        "",
        "| id | meter | FC | import | export | step | wrap | serial | block limit |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    profiles = [load_profile(profile_id) for profile_id in list_profiles()]
    for p in profiles:
        lines.append(
            f"| [{p.id}](#{p.id}) | {p.vendor} {p.model} | {p.access.function_code} | {_energy_cell(p, 'import')} "
            f"| {_energy_cell(p, 'export')} | {_step_cell(p)} | {_wrap_cell(p)} | {p.identity.serial or 'none'} "
            f"| {p.access.block_limit} |"
        )
    for p in profiles:
        lines += ["", f"## {p.id}", "", f"{p.vendor} {p.model}, {p.phases}-phase.", ""]
        lines += [f"- Source: {s.title}, {s.where}" + (f" ({s.says})" if s.says else "") for s in p.sources]
        lines += [f"- {note}" for note in p.notes]
        lines += [f"- Pinned: `{f.name}` = {list(f.expect)}. {f.note}" for f in p.fields.values() if f.expect]
        lines += [
            "",
            "| field | FC | address | type | words | scale | unit | not available |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for f in p.fields.values():
            scale = f"{f.scale} × 10^{f.scale_field}" if f.scale_field else str(f.scale)
            marks = ", ".join(f"0x{m:0{4 * f.width}X}" for m in f.not_available) or "–"
            lines.append(
                f"| {f.name} | {f.function_code} | {f.address} (0x{f.address:04X}) | {f.type}"
                f"{' low word first' if f.order == 'low' else ''} | {f.width} | {scale} | {f.unit} | {marks} |"
            )
    return "\n".join(lines) + "\n"


def _energy_cell(profile: Profile, direction: Direction) -> str:
    fields = profile.energy_fields(direction)
    return " + ".join(f"{f.address} {f.type}" for f in fields) or "not counted"


def _step_cell(profile: Profile) -> str:
    field = (profile.energy_fields("import") or profile.energy_fields("export"))[0]
    if field.type in _FLOAT_FORMAT:
        return f"{_FLOAT_FORMAT[field.type][0] + 1}-bit mantissa"
    return f"{field.scale_ratio} Wh" + (" × 10^SF" if field.scale_field else "")


def _wrap_cell(profile: Profile) -> str:
    wrap_wh = profile.wrap_wh("import") or profile.wrap_wh("export")
    return f"{Fraction(wrap_wh, 1000)} kWh"


def main(argv: Sequence[str]) -> int:
    """Run one of `lint`, `list`, `markdown`; 0 when all is well, 1 when the linter found something, 2 on bad usage."""
    command = argv[0] if argv else ""
    if command == "list":
        for profile_id in list_profiles():
            profile = load_profile(profile_id)
            print(f"{profile.id}: {profile.vendor} {profile.model}")
        return 0
    if command == "markdown":
        print(catalogue_markdown(), end="")
        return 0
    if command != "lint":
        print("usage: python -m gridkit.profile lint [FILE ...]|list|markdown", file=sys.stderr)
        return 2
    from gridkit.profile_lint import report

    paths = [Path(name) for name in argv[1:]] or [PROFILE_DIR / f"{profile_id}.toml" for profile_id in list_profiles()]
    problems = [problem for path in paths for problem in report(path)]
    for problem in problems:
        print(problem)
    print(f"{len(paths)} profiles, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
