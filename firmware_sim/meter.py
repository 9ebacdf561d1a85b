"""One simulated meter: its family's register map filled with the truth of one connection.

Decides what words a read of the meter shows at a campus instant, and which reads it refuses, as the real device does.
Sockets are modbus.py's; the energy is series.py's; misbehaviour on request is faults.py's.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from enum import IntEnum
from fractions import Fraction
from struct import Struct, pack
from typing import Final, NamedTuple
from zlib import crc32

from firmware_sim.errors import FleetError
from firmware_sim.faults import MENU, Fault, FaultOrder
from firmware_sim.series import ENERGY_PER_MWH, MINUTE_NS, POWER_PER_W, Connection, UnknownSeriesError
from firmware_sim.settings import MeterSettings
from firmware_sim.truth import Entry
from gridkit.profile import (
    Direction,
    Field,
    NotAvailable,
    Profile,
    ProfileError,
    RawCounter,
    decode,
    encode,
    load_profile,
)

_PHASE: Final = re.compile(r"_l([123])(?:_|$)")
_QUANTITIES: Final = ("power_factor", "power", "frequency", "voltage", "current")
_TARIFF: Final = re.compile(r"_t([12])(?:_|$)")


class ModbusException(IntEnum):
    """Exception codes that the meter answers with (Modbus Application Protocol 1.1b3, chapter 7)."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_ADDRESS = 2
    ILLEGAL_VALUE = 3
    DEVICE_FAILURE = 4
    GATEWAY_NO_TARGET = 11


class TrueEnergy(NamedTuple):
    """The registers' true content, mWh, unwrapped: totals and their split by tariff."""

    import_mwh: int
    export_mwh: int
    import_night_mwh: int
    export_night_mwh: int


class Served(NamedTuple):
    """What a read gave: the words, the truth-log entry when they hold a whole energy register, the faults at work."""

    words: list[int]
    entry: Entry | None
    changed_by: tuple[Fault, ...]


class Refused(NamedTuple):
    """A read that a fault refuses, and the device would not."""

    exception: ModbusException
    by: Fault


class _Form:
    """How a measured quantity is written into its register: what it is, of which phase, and the words of a value."""

    def __init__(self, field: Field, exponent: int) -> None:
        match = _PHASE.search(field.name)
        self.phase = int(match[1]) if match else 0
        self.quantity = next((name for name in _QUANTITIES if field.name.startswith(name)), "")
        scale = field.scale_ratio * Fraction(10) ** exponent if field.scale_field else field.scale_ratio
        self._num, self._den = (
            (scale.denominator, scale.numerator) if scale > 0 else (-scale.denominator, -scale.numerator)
        )
        self._float = {"f32": ">f", "f64": ">d"}.get(field.type, "")
        self._signed, self._low, self._name = field.type[0] == "s", field.order == "low", field.name
        self._words = Struct(f">{field.width}H")

    def words(self, num: int, den: int) -> tuple[int, ...]:
        """Return the words of num/den (den > 0) in the field's unit, rounded to the nearest; in bus order.

        Raises:
            ValueError: It does not fit.
        """
        num, den = num * self._num, den * self._den
        if self._float:
            content = pack(self._float, num / den)  # what flows at this moment, never an energy
        else:
            try:
                content = ((2 * num + den) // (2 * den)).to_bytes(self._words.size, "big", signed=self._signed)
            except OverflowError as error:
                raise ValueError(f"{self._name}: {num}/{den} does not fit") from error
        words = self._words.unpack(content)
        return words[::-1] if self._low else words


class SimMeter:
    """A meter of one family on one connection. Stateless but for its switched-on faults."""

    def __init__(self, settings: MeterSettings, seed: int = 1) -> None:
        self.settings = settings
        self.serial = settings.serial
        self.unit = settings.unit
        self._seed = crc32(f"{seed}/{settings.serial}".encode())
        try:
            self.profile: Profile = load_profile(settings.profile)
            self._connection = Connection(
                settings.load, settings.load_w, settings.pv, settings.pv_w, turn=self._seed % 15
            )
        except (ProfileError, UnknownSeriesError) as error:
            raise FleetError(settings.serial, str(error)) from error
        self._base_import_mwh, self._base_export_mwh = self._bases(settings)
        self._shares = self._phase_shares()
        self.faults: dict[str, Fault] = {}
        access = self.profile.access
        self._maps: dict[int, list[Field]] = {}
        for code in (3, 4):
            own = access.function_code if code in access.also_function_codes else code
            mine = [f for f in self.profile.fields.values() if f.function_code in (code, own)]
            self._maps[code] = sorted(mine, key=lambda f: f.address)
        self._starts = {code: [f.address for f in fields] for code, fields in self._maps.items()}
        self._exponents = {
            f.name: self.profile.field(f.scale_field).typical if f.scale_field else 0
            for f in self.profile.fields.values()
        }
        self._counters: tuple[tuple[Direction, tuple[Field, ...]], ...] = (
            ("import", self.profile.energy_fields("import")),
            ("export", self.profile.energy_fields("export")),
        )
        self._static = {f.name: words for f in self.profile.fields.values() if (words := self._static_words(f))}
        self._forms = {
            f.name: _Form(f, self._exponents[f.name]) for f in self.profile.fields.values() if not f.is_energy
        }
        self._minute = -1
        self._minute_power = 0
        self._minute_words: dict[str, tuple[int, ...]] = {}

    # --- truth ---

    def true_energy(self, campus_ns: int) -> TrueEnergy:
        """Return the true registers at an instant, mWh, rounded down; `ValueError` before the meter was made."""
        used = self._connection.energy(campus_ns)
        drawn = self._base_import_mwh + (used.import_day + used.import_night) // ENERGY_PER_MWH
        fed = self._base_export_mwh + (used.export_day + used.export_night) // ENERGY_PER_MWH
        if drawn < 0 or fed < 0:
            raise ValueError(f"meter {self.serial} did not exist at campus instant {campus_ns}")
        return TrueEnergy(
            drawn,
            fed,
            self._base_import_mwh // 3 + used.import_night // ENERGY_PER_MWH,
            self._base_export_mwh // 3 + used.export_night // ENERGY_PER_MWH,
        )

    def true_power_w(self, campus_ns: int) -> Fraction:
        """Return net active power at an instant, W; positive draws from the grid."""
        return Fraction(self._connection.power(campus_ns), POWER_PER_W)

    # --- serving ---

    def read(self, code: int, address: int, quantity: int, campus_ns: int) -> Served | Refused | ModbusException:
        """Return what a read request shows at an instant, or the exception that the device answers."""
        refusal = self._refusal(code, address, quantity)
        if refusal is not None:
            return refusal
        shown_ns = campus_ns
        for fault in self.faults.values():
            shown_ns = fault.instant(shown_ns)
        end = address + quantity
        fields = self._reached(code, address, end)
        for fault in self.faults.values():
            if fault.refuses(fields):
                return Refused(ModbusException.ILLEGAL_ADDRESS, fault)
        truth = self.true_energy(campus_ns)
        shown = truth if shown_ns == campus_ns else self.true_energy(shown_ns)
        words = [0] * quantity
        whole: set[str] = set()
        energy_seen = False
        changed: dict[int, Fault] = {}
        for field in fields:
            content = self._field_words(field, shown, shown_ns, changed)
            energy_seen |= field.is_energy
            for offset, word in enumerate(content):
                at = field.address + offset - address
                if 0 <= at < quantity:
                    words[at] = word
            if address <= field.address and field.end <= end:
                whole.add(field.name)
        if shown_ns != campus_ns:
            changed.update((id(f), f) for f in self.faults.values() if f.instant(campus_ns) != campus_ns)
        entry = self._entry(address, words, whole, truth, campus_ns, shown_ns) if energy_seen else None
        return Served(words, entry, tuple(changed.values()))

    def _reached(self, code: int, address: int, end: int) -> list[Field]:
        """Return the fields that have a word in [address, end)."""
        fields, starts = self._maps[code], self._starts[code]
        first = bisect_left(starts, address - 19)  # no field is wider than 20 registers
        return [field for field in fields[first : bisect_left(starts, end)] if field.end > address]

    def _refusal(self, code: int, address: int, quantity: int) -> ModbusException | None:
        if code not in (3, 4):
            return ModbusException.ILLEGAL_FUNCTION
        access = self.profile.access
        if not 1 <= quantity <= access.block_limit or (access.even_registers and quantity % 2 and address < 0xF000):
            return ModbusException.ILLEGAL_VALUE
        end = address + quantity
        own = access.function_code if code in access.also_function_codes else code
        ranges = [r for r in self.profile.ranges if r.function_code in (code, own)]
        home = next((r for r in ranges if r.first <= address and end <= r.last + 1), None)
        if home is None or (home.whole and (home.first, home.last + 1) != (address, end)):
            return ModbusException.ILLEGAL_ADDRESS
        if access.whole_values:
            for field in self._maps[code]:
                if field.address < address < field.end or field.address < end < field.end:
                    return ModbusException.ILLEGAL_ADDRESS
        return None

    def _field_words(
        self, field: Field, shown: TrueEnergy, shown_ns: int, changed: dict[int, Fault]
    ) -> tuple[int, ...]:
        content = self._static.get(field.name)
        if content is None:
            content = (
                self._energy_words(field, shown, changed) if field.is_energy else self._power_words(field, shown_ns)
            )
        for fault in self.faults.values():
            faulty = fault.words(self, field, content)
            if faulty != content:
                content = faulty
                changed[id(fault)] = fault
        return content

    def _energy_words(self, field: Field, shown: TrueEnergy, changed: dict[int, Fault]) -> tuple[int, ...]:
        drawn, fed = shown.import_mwh, shown.export_mwh
        night_drawn, night_fed = shown.import_night_mwh, shown.export_night_mwh
        for fault in self.faults.values():
            faulty = fault.energy(drawn, fed)
            if faulty != (drawn, fed):
                drawn, fed = faulty
                night_drawn, night_fed = drawn // 3, fed // 3
                changed[id(fault)] = fault
        if field.name.startswith("total"):
            mwh, night = drawn + fed, 0
        else:
            mwh, night = (fed, night_fed) if field.name.startswith("export") else (drawn, night_drawn)
        phase, tariff = _PHASE.search(field.name), _TARIFF.search(field.name)
        if phase:
            mwh = mwh * self._shares[int(phase[1]) - 1] // 1000
        elif tariff:
            mwh = night if tariff[1] == "2" else mwh - night
        return encode(self.profile, field, Fraction(mwh, 1000), exponent=self._exponents[field.name])

    def _power_words(self, field: Field, shown_ns: int) -> tuple[int, ...]:
        minute = shown_ns // MINUTE_NS
        if minute != self._minute:
            self._minute, self._minute_words = minute, {}
            self._minute_power = self._connection.power(minute * MINUTE_NS)
        found = self._minute_words.get(field.name)
        if found is None:
            found = self._minute_words[field.name] = self._forms[field.name].words(*self._quantity(field, minute))
        return found

    def _quantity(self, field: Field, minute: int) -> tuple[int, int]:
        """A measured quantity in one campus minute as numerator and denominator: power from the series, the rest from the seed.

        Integers alone: a fleet of a thousand shows ten thousand of them anew when a minute begins.
        """
        name, phase = self._forms[field.name].quantity, self._forms[field.name].phase
        power, unit = self._minute_power, POWER_PER_W
        if phase:
            power, unit = power * self._shares[phase - 1], unit * 1000
        if name == "power_factor":
            return self._power_factor(minute) * (-1 if power < 0 else 1), 1000
        if name == "power":
            return power, unit
        if name == "frequency":
            return 50_000 + crc32(minute.to_bytes(8, "big", signed=True)) % 61 - 30, 1000
        voltage_mv = 230_000 + self._wander(minute, phase) % 4001 - 2000
        if name == "voltage":
            return voltage_mv, 1000
        if name == "current":
            return abs(power) * 1_000_000, unit * voltage_mv * self._power_factor(minute)
        return 0, 1

    def _power_factor(self, minute: int) -> int:
        """Thousandths."""
        return 960 + self._wander(minute, 9) % 36

    def _wander(self, minute: int, salt: int) -> int:
        return crc32(minute.to_bytes(8, "big", signed=True) + bytes([salt]), self._seed)

    def _static_words(self, field: Field) -> tuple[int, ...]:
        """Words of a field that never moves: identity, settings, scale factors. Empty for the others."""
        identity = self.profile.identity
        scale_fields = {f.scale_field for f in self.profile.fields.values()}
        text = ""
        if field.name == identity.serial:
            text = self.serial
        elif field.name == identity.model:
            text = identity.model_typical
        elif field.type == "text":
            text = self.profile.vendor[: 2 * field.words]
        elif not (field.expect or field.typical or field.name in scale_fields or _is_setting(field)):
            return ()
        try:
            return encode(self.profile, field, text if field.type == "text" else int(text or field.typical))
        except ValueError as error:
            raise FleetError(
                self.serial, f"does not fit the {field.name} register of {self.profile.id}: {error}"
            ) from error

    def _entry(
        self, address: int, words: list[int], whole: set[str], truth: TrueEnergy, campus_ns: int, shown_ns: int
    ) -> Entry | None:
        shown: list[int | None] = []
        steps: list[int] = []
        covered = False
        for _, fields in self._counters:
            wh, step_mwh = None, 0
            if fields and all(f.name in whole for f in fields):
                covered = True
                wh, step_mwh = self._as_decoded(fields, address, words)
            shown.append(wh)
            steps.append(step_mwh)
        if not covered:
            return None
        return Entry(
            serial=self.serial,
            campus_ns=campus_ns,
            import_wh=shown[0],
            export_wh=shown[1],
            true_import_mwh=truth.import_mwh,
            true_export_mwh=truth.export_mwh,
            import_step_mwh=steps[0],
            export_step_mwh=steps[1],
            fault="+".join(self.faults),
            shown_ns=0 if shown_ns == campus_ns else shown_ns,
        )

    def _as_decoded(self, fields: tuple[Field, ...], address: int, words: list[int]) -> tuple[int | None, int]:
        """What an exact decoder makes of the words that are about to leave: whole Wh, and the step in mWh, rounded up."""
        total, step = Fraction(0), Fraction(0)
        for field in fields:
            at = field.address - address
            value = decode(self.profile, field, words[at : at + field.width], exponent=self._exponents[field.name])
            if isinstance(value, NotAvailable):
                return None, 0
            assert isinstance(value, RawCounter)
            if len(fields) == 1:
                return value.to_wh(), -(-1000 * value.step_num // value.step_den)
            total += value.exact_wh
            step += value.step_wh
        return total.numerator // total.denominator, -(-1000 * step.numerator // step.denominator)

    # --- faults ---

    def switch_on(self, order: FaultOrder, campus_ns: int) -> None:
        """Switch a fault on (again: with its new particulars). Whoever takes orders from others asks `order_problem` first."""
        self.faults[order.kind] = MENU[order.kind](order, self, campus_ns)

    def switch_off(self, kind: str = "") -> None:
        """Take one fault off, or all."""
        if kind:
            self.faults.pop(kind, None)
        else:
            self.faults.clear()

    # --- made once ---

    def _bases(self, settings: MeterSettings) -> tuple[int, int]:
        """Registers at the epoch: a used meter, but young enough that float registers still step finely.

        Export never starts at zero: SunSpec says zero for "not implemented", and every meter leaves the factory with the
        test bench's energy on it.
        """
        drawn = settings.base_import_wh
        fed = settings.base_export_wh
        drawn = 250_000 + self._seed % 1_500_000 if drawn is None else drawn
        fed = 12 + (self._seed >> 8) % 40 if fed is None else fed
        return 1000 * drawn, 1000 * fed

    def _phase_shares(self) -> tuple[int, int, int]:
        if self.profile.phases == 1:
            return 1000, 0, 0
        first, second = 300 + self._seed % 61, 310 + (self._seed >> 16) % 41
        return first, second, 1000 - first - second


def _is_setting(field: Field) -> bool:
    """A plain number without a unit that is not a power factor: a setting or status word."""
    return field.unit == "1" and not field.name.startswith("power_factor")
