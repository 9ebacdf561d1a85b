"""The fault menu: each fault does what it says, as often as it was asked, and the log says so."""

from __future__ import annotations

import struct

import pytest

from firmware_sim.errors import FaultError
from firmware_sim.faults import MENU, FaultOrder
from firmware_sim.meter import Served, SimMeter
from firmware_sim.modbus import MeterPort
from firmware_sim.series import campus_start_ns
from firmware_sim.truth import Entry
from gridkit.clock import FakeClock
from gridkit.profile import RawCounter, decode

START = campus_start_ns()
HOUR_NS = 3600 * 10**9
ENERGY = struct.pack(">BHH", 4, 0x48, 4)  # both counters of an SDM630


@pytest.fixture
def port(meters: dict[str, SimMeter], clock: FakeClock) -> MeterPort:
    return MeterPort(meters["eastron-sdm630"], clock, None)


def energy_of(port: MeterPort, campus_ns: int) -> Entry:
    served = port.meter.read(4, 0x48, 4, campus_ns)
    assert isinstance(served, Served)
    assert served.entry is not None
    return served.entry


def order(port: MeterPort, kind: str, at_ns: int = START, **particulars: object) -> None:
    port.meter.switch_on(FaultOrder(kind=kind, **particulars), at_ns)  # type: ignore[arg-type]


def test_frozen_meter_shows_the_instant_of_the_fault(port: MeterPort) -> None:
    """Energy goes on while the register stands: true energy in the log must show the difference."""
    order(port, "frozen")
    later = energy_of(port, START + HOUR_NS)
    assert later.export_wh == energy_of(port, START).export_wh
    assert later.true_export_mwh > energy_of(port, START).true_export_mwh
    assert later.strays()
    assert later.fault == "frozen"
    assert later.shown_ns == START


def test_glitch_zero_hits_once_and_only_energy(port: MeterPort) -> None:
    """One zero read has booked whole counters as consumption in other systems."""
    order(port, "glitch_zero", count=1)
    voltage = port.answer(1, 1, struct.pack(">BHH", 4, 0, 2))
    assert voltage is not None
    assert voltage.pdu[2:] != bytes(4)
    first, second = port.answer(2, 1, ENERGY), port.answer(3, 1, ENERGY)
    assert first is not None
    assert second is not None
    assert first.pdu == bytes([4, 8]) + bytes(8)
    assert second.pdu[2:] != bytes(8)


def test_minus_one_step_is_the_next_value_below(port: MeterPort) -> None:
    """The smallest possible step back, as rounding meters make it."""
    before = port.meter.read(4, 0x48, 2, START)
    order(port, "minus_one_lsb")
    after = port.meter.read(4, 0x48, 2, START)
    assert isinstance(before, Served)
    assert isinstance(after, Served)
    high, low = (decode(port.meter.profile, "import_wh", s.words) for s in (before, after))
    assert isinstance(high, RawCounter)
    assert isinstance(low, RawCounter)
    assert high.exact_wh - low.exact_wh == high.step_wh


def test_not_available_is_served_and_logged_as_no_value(port: MeterPort) -> None:
    """NaN on the wire; the log must not claim a number."""
    order(port, "not_available")
    entry = energy_of(port, START)
    assert entry.import_wh is None
    assert entry.export_wh is None


@pytest.mark.parametrize(
    ("kind", "particulars"),
    [("reset", {}), ("jump", {"offset_wh": 50_000}), ("jump", {"offset_wh": -50_000}), ("unit_prefix", {})],
)
def test_wrong_counter_strays_from_the_truth(port: MeterPort, kind: str, particulars: dict[str, int]) -> None:
    """What the demonstration's check must catch."""
    order(port, kind, **particulars)
    entry = energy_of(port, START + HOUR_NS)
    assert entry.strays()


def test_one_way_counts_export_as_import(meters: dict[str, SimMeter], clock: FakeClock) -> None:
    """Easy connection mode: the trap that would mint nothing and bill everything."""
    port = MeterPort(meters["gavazzi-em340"], clock, None)
    before = port.meter.true_energy(START)
    order(port, "one_way")
    served = port.meter.read(4, 0x34, 28, START + 5 * HOUR_NS)
    assert isinstance(served, Served)
    assert served.entry is not None
    assert served.entry.import_wh is not None
    assert served.entry.import_wh * 1000 > served.entry.true_import_mwh
    assert served.entry.export_wh == before.export_mwh // 100_000 * 100


def test_swapped_serial_changes_the_identity_register_alone(meters: dict[str, SimMeter], clock: FakeClock) -> None:
    """Another meter at the same address must be seen within one poll."""
    meter = meters["siemens-pac2200"]
    healthy = meter.read(3, 64001, 27, START)
    energy = meter.read(3, 801, 16, START)
    meter.switch_on(FaultOrder(kind="swapped_serial"), START)
    assert meter.read(3, 64001, 27, START) != healthy
    swapped = meter.read(3, 801, 16, START)
    assert isinstance(swapped, Served)
    assert isinstance(energy, Served)
    assert swapped.words == energy.words


def test_word_order_swaps_every_value(port: MeterPort) -> None:
    """A firmware update that turns the words round."""
    healthy = port.meter.read(4, 0, 2, START)
    order(port, "word_order")
    turned = port.meter.read(4, 0, 2, START)
    assert isinstance(healthy, Served)
    assert isinstance(turned, Served)
    assert turned.words == healthy.words[::-1]


def test_frame_faults_do_what_they_say(port: MeterPort) -> None:
    """Each of them is a reply that a careless client would take for data."""
    whole = port.answer(7, 1, ENERGY)
    assert whole is not None

    def faulty(kind: str, **particulars: object):  # type: ignore[no-untyped-def]
        order(port, kind, count=1, **particulars)
        frame = port.answer(7, 1, ENERGY)
        assert kind not in port.meter.faults, "used up"
        return frame

    assert faulty("short").pdu == bytes([4, 6]) + whole.pdu[2:8]
    assert faulty("long", registers=2).pdu == bytes([4, 12]) + whole.pdu[2:] + bytes(4)
    assert faulty("wrong_function").pdu[0] == 3
    assert faulty("wrong_unit").unit == 2
    assert faulty("wrong_transaction").transaction == 8
    assert faulty("zero_transaction").transaction == 0
    assert faulty("exception", code=6).pdu == bytes([0x84, 6])
    assert faulty("late", delay_ms=250).delay_ms == 250
    assert faulty("dead").silent
    assert faulty("hangup").close
    assert faulty("truncated").is_cut
    assert faulty("noise").raw is not None
    assert port.answer(7, 1, ENERGY) == whole
    assert port.counts.faulty_replies == 12


def test_a_counter_put_below_its_wrap_runs_over_and_goes_on(port: MeterPort) -> None:
    """The day on which a display of six digits starts again must be playable before it comes."""
    order(port, "wrap", offset_wh=500)
    wrap_wh = port.meter.profile.wrap_wh("export")
    before, after = energy_of(port, START), energy_of(port, START + HOUR_NS)
    assert before.export_wh is not None
    assert after.export_wh is not None
    assert wrap_wh - 600 <= before.export_wh < wrap_wh
    grown_wh = (after.true_export_mwh - before.true_export_mwh) // 1000
    assert grown_wh > 500
    assert abs(after.export_wh - (grown_wh - 500)) < 64, (
        "a float near 10⁶ kWh steps by 62.5 Wh; below the wrap finely again"
    )


def test_a_meter_polled_too_fast_reboots_and_is_away(meters: dict[str, SimMeter], clock: FakeClock) -> None:
    """A family that wants 500 ms between two questions hangs up for seconds when it does not get them."""
    now_s = 100.0
    port = MeterPort(meters["eastron-sdm630"], clock, None, wall_s=lambda: now_s)
    order(port, "rebooting", gap_ms=500, delay_ms=3000)

    def answers() -> bool:
        frame = port.answer(1, 1, ENERGY)
        assert frame is not None
        assert frame.silent == frame.close
        return not frame.silent

    heard = []
    for gap_s in (0, 0.6, 0.1, 1.0, 2.1, 0.2, 0.6):
        now_s += gap_s
        heard.append(answers())
    assert heard == [True, True, False, False, True, False, False]


def test_fault_for_energy_spares_other_replies(port: MeterPort) -> None:
    """A test of the counter path must not be spent on the identity poll before it."""
    order(port, "exception", count=1, only="energy", code=4)
    voltage = port.answer(1, 1, struct.pack(">BHH", 4, 0, 2))
    assert voltage is not None
    assert voltage.pdu[0] == 4
    energy = port.answer(2, 1, ENERGY)
    assert energy is not None
    assert energy.pdu == bytes([0x84, 4])


def test_menu_covers_what_the_edge_must_survive(port: MeterPort) -> None:
    """A fault that is not on the menu is refused with the menu, and each kind says what it does."""
    assert {"short", "long", "late", "wrong_function", "wrong_unit", "exception", "frozen", "glitch_zero"} <= set(MENU)
    assert {"minus_one_lsb", "dead", "swapped_serial"} <= set(MENU)
    assert all(fault.__doc__ for fault in MENU.values())
    with pytest.raises(FaultError, match="glitch_zero"):
        port.switch_on(FaultOrder(kind="explode"))


def test_fault_comes_off(port: MeterPort) -> None:
    """After a fault is taken off, the register is the true one again: nothing was lost meanwhile."""
    order(port, "reset")
    order(port, "dead")
    port.meter.switch_off("dead")
    assert set(port.meter.faults) == {"reset"}
    port.meter.switch_off()
    assert not energy_of(port, START + HOUR_NS).strays()
