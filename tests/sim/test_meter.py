"""A simulated meter shows the truth as its family would, and refuses what the device refuses."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.errors import FleetError
from firmware_sim.fleet import default_fleet
from firmware_sim.meter import ModbusException, Served, SimMeter
from firmware_sim.series import MINUTE_NS, campus_start_ns
from firmware_sim.settings import MeterSettings
from gridkit.profile import (
    NotAvailable,
    RawCounter,
    Registers,
    encode,
    identity_faults,
    list_profiles,
    load_profile,
    plan_blocks,
    read_counter,
    read_serial,
    read_value,
)

START = campus_start_ns()
QUARTER_NS = 900 * 10**9
SERIALS = {"u32": "22050001", "text": "AB0001"}


def meter_of(profile_id: str, **changes: object) -> SimMeter:
    """A prosumer of any family."""
    profile = load_profile(profile_id)
    serial = SERIALS.get(profile.field(profile.identity.serial).type if profile.identity.serial else "text", "7")
    settings = {"load": "G1-B", "load_w": 9_000, "pv": "PV6", "pv_w": 16_000, "kind": "prosumer", **changes}
    return SimMeter(MeterSettings(serial=serial, profile=profile_id, **settings))  # type: ignore[arg-type]


def read_all(meter: SimMeter, campus_ns: int, names: tuple[str, ...] | None = None) -> Registers:
    registers = Registers()
    for block in plan_blocks(meter.profile, names or tuple(meter.profile.fields)):
        served = meter.read(*block, campus_ns)
        assert isinstance(served, Served), (block, served)
        registers.add(block, served.words)
    return registers


@pytest.mark.parametrize("profile_id", list_profiles())
@given(st.integers(0, 40 * 96 * 900 * 10**9))
def test_registers_show_true_energy_within_their_step(profile_id: str, later_ns: int) -> None:
    """The simulator is the measure of the whole chain: it must not itself invent or lose energy."""
    meter = meter_of(profile_id)
    registers = read_all(meter, START + later_ns, meter.profile.energy_names)
    truth = meter.true_energy(START + later_ns)
    for direction, true_mwh in (("import", truth.import_mwh), ("export", truth.export_mwh)):
        counter = read_counter(meter.profile, direction, registers)  # type: ignore[arg-type]
        if counter is None:
            continue
        assert isinstance(counter, RawCounter)
        assert counter.exact_wh <= Fraction(true_mwh, 1000) < counter.exact_wh + counter.step_wh


@pytest.mark.parametrize("profile_id", list_profiles())
def test_meter_passes_its_own_familys_identity_check(profile_id: str) -> None:
    """An edge agent refuses a meter whose model or settings do not fit; the simulated one must look right."""
    meter = meter_of(profile_id)
    registers = read_all(meter, START, meter.profile.identity_names)
    assert identity_faults(meter.profile, registers) == []
    if meter.profile.identity.serial:
        assert read_serial(meter.profile, registers) == meter.serial


@pytest.mark.parametrize("profile_id", list_profiles())
def test_power_voltage_current_and_frequency_are_plausible(profile_id: str) -> None:
    """Checks at the edge compare power with the counter's slope and V times I with P."""
    meter = meter_of(profile_id)
    registers = read_all(meter, START)
    power = read_value(meter.profile, "power_w", registers)
    assert isinstance(power, Fraction)
    assert abs(power - meter.true_power_w(START)) <= 10
    for name in meter.profile.measured_names:
        value = read_value(meter.profile, name, registers)
        assert not isinstance(value, NotAvailable), name
        if name.startswith("voltage"):
            assert 227 <= value <= 233  # type: ignore[operator]
        if name == "frequency_hz":
            assert Fraction("49.9") <= value <= Fraction("50.1")  # type: ignore[operator]
        if name.startswith("power_factor"):
            assert -1 <= value <= 1  # type: ignore[operator]


@pytest.mark.parametrize("profile_id", list_profiles())
def test_quantities_are_written_as_the_families_own_encoder_writes_them(profile_id: str) -> None:
    """The short way that a large fleet needs must be no other way."""
    meter = meter_of(profile_id)
    fields = [meter.profile.field(name) for name in meter.profile.measured_names if name not in meter._static]
    for minute in range(START // MINUTE_NS, START // MINUTE_NS + 300, 7):
        registers = read_all(meter, minute * MINUTE_NS)
        for field in fields:
            exact = Fraction(*meter._quantity(field, minute))
            expected = encode(meter.profile, field, exact, exponent=meter._exponents[field.name])
            assert registers.words(field) == expected, (field.name, exact)


@pytest.mark.parametrize("profile_id", list_profiles())
def test_both_registers_of_a_prosumer_move_in_a_day(profile_id: str) -> None:
    """Without export there is nothing to mint, without import nothing to burn."""
    meter = meter_of(profile_id)
    a, b = meter.true_energy(START), meter.true_energy(START + 96 * QUARTER_NS)
    assert b.import_mwh > a.import_mwh
    assert b.export_mwh > a.export_mwh


def test_default_fleet_feeds_in_at_midday() -> None:
    """`demo` must see export within its first quarter hours, in both zones, from several families."""
    fleet = default_fleet(8)
    feeding = [
        m
        for m in fleet
        if (e := SimMeter(m.settings)).true_energy(START + QUARTER_NS).export_mwh
        >= e.true_energy(START).export_mwh + 500_000
    ]
    assert len(feeding) >= 4
    assert {m.zone for m in feeding} == {1, 2}


def test_truth_entry_is_what_a_decoder_reads() -> None:
    """The log must hold what was on the wire, not what the simulator thinks it sent."""
    meter = meter_of("siemens-pac2200")
    served = meter.read(3, 801, 16, START)
    assert isinstance(served, Served)
    assert served.entry is not None
    registers = Registers()
    registers.add((3, 801, 16), served.words)
    for direction, logged in (("import", served.entry.import_wh), ("export", served.entry.export_wh)):
        counter = read_counter(meter.profile, direction, registers)  # type: ignore[arg-type]
        assert isinstance(counter, RawCounter)
        assert counter.to_wh() == logged
    assert not served.entry.strays()


def test_reply_without_a_whole_counter_is_no_energy_block() -> None:
    """Half a sum must not enter the log as a register."""
    meter = meter_of("siemens-pac2200")
    half = meter.read(3, 801, 4, START)
    power = meter.read(3, 65, 2, START)
    assert isinstance(half, Served)
    assert isinstance(power, Served)
    assert half.entry is None
    assert power.entry is None


@pytest.mark.parametrize(
    ("profile_id", "request_", "exception"),
    [
        ("eastron-sdm630", (4, 0, 82), ModbusException.ILLEGAL_VALUE),  # beyond 80 registers
        ("eastron-sdm630", (4, 0, 3), ModbusException.ILLEGAL_VALUE),  # odd
        ("eastron-sdm630", (4, 0x0300, 2), ModbusException.ILLEGAL_ADDRESS),
        ("eastron-sdm630", (3, 0x0048, 20), ModbusException.ILLEGAL_ADDRESS),
        ("eastron-sdm630", (6, 0, 2), ModbusException.ILLEGAL_FUNCTION),
        ("gavazzi-em340", (4, 0, 51), ModbusException.ILLEGAL_VALUE),
        ("gavazzi-em340", (4, 0x0A, 2), ModbusException.ILLEGAL_ADDRESS),  # 0x0B only by itself
        ("siemens-pac2200", (3, 802, 4), ModbusException.ILLEGAL_ADDRESS),  # starts inside a value
        ("siemens-pac2200", (3, 801, 6), ModbusException.ILLEGAL_ADDRESS),  # ends inside a value
        ("siemens-pac2200", (3, 64012, 8), ModbusException.ILLEGAL_ADDRESS),  # I&M only as a whole
        ("schneider-iem3155", (3, 3203, 0), ModbusException.ILLEGAL_VALUE),
        ("schneider-iem3155", (4, 3203, 8), ModbusException.ILLEGAL_ADDRESS),  # function 3 only
    ],
)
def test_request_that_the_device_refuses_is_refused(
    profile_id: str, request_: tuple[int, int, int], exception: ModbusException
) -> None:
    """A simulator that answers everything hides the mistakes that a real meter would show."""
    assert meter_of(profile_id).read(*request_, START) is exception


def test_meter_that_answers_both_functions_shows_the_same() -> None:
    """Carlo Gavazzi and Siemens document functions 3 and 4 as equal."""
    meter = meter_of("gavazzi-em340")
    assert meter.read(3, 0x34, 28, START) == meter.read(4, 0x34, 28, START)


def test_serial_that_does_not_fit_is_named_at_the_start() -> None:
    """A configuration error must name the meter before anything listens."""
    with pytest.raises(FleetError, match="serial register"):
        SimMeter(MeterSettings(serial="no-number", profile="abb-b23", load="G1-A", load_w=1000))
    with pytest.raises(FleetError, match="known:"):
        SimMeter(MeterSettings(serial="1", profile="acme-1", load="G1-A", load_w=1000))


def test_same_seed_gives_the_same_campus() -> None:
    """A failing run must be repeatable."""
    settings = default_fleet(1)[0].settings
    one, two, other = SimMeter(settings, 7), SimMeter(settings, 7), SimMeter(settings, 8)
    assert one.read(4, 0, 76, START) == two.read(4, 0, 76, START)
    assert one.read(4, 0, 76, START) != other.read(4, 0, 76, START)
