"""What a changing register means: energy is never invented, and never silently lost."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.checks import FAILED, NOT_RUN, PASSED, Check, checks
from edge.sample import ReadAgain, Sample
from edge.track import (
    CONFIRM_SAMPLES,
    Change,
    Draft,
    Outcome,
    Rules,
    TrackState,
    Window,
    has_risen,
    judge_register,
    take,
)
from gridkit.interval import INTERVAL_NS, end_ns
from gridkit.profile import RawCounter
from gridkit.quality import NO_POST_MASK, Quality

S = 1_000_000_000
I0 = 1_980_000
"""The interval in which each story begins."""
RULES = Rules(
    wrap_import_wh=1_000_000_000,
    wrap_export_wh=1_000_000_000,
    max_power_w=20_000,
    tolerance_ns=10 * S,
    coverage_gap_ns=300 * S,
    clock_limit_ms=5_000,
)


def counter(wh: int | Fraction, step_wh: int = 1) -> RawCounter:
    exact = Fraction(wh)
    return RawCounter(exact.numerator, 1, exact.denominator, step_wh, 1)


class Meter:
    """A meter under test: shows what it is told, keeps state and readings as the agent does."""

    def __init__(self, rules: Rules = RULES, serial: str = "") -> None:
        self.rules = rules
        self.state = TrackState()
        self.window = Window()
        self.expected_serial = serial
        self.approved: int | None = 0
        self.readings: list[Draft] = []
        self.outcome = Outcome.TRUSTED

    def show(
        self,
        at_s: float,
        import_wh: int | Fraction,
        export_wh: int | Fraction = 0,
        serial: str = "A1",
        faults: tuple[str, ...] = (),
        power_w: int | None = None,
        step_wh: int = 1,
        measured: dict[tuple[str, int], int] | None = None,
        wraps_wh: tuple[int, int] | None = None,
    ) -> list[Draft]:
        """One sample, `at_s` seconds after interval I0 began."""
        read_ns = I0 * INTERVAL_NS + int(at_s * S)
        if measured is None:
            measured = {} if power_w is None else {("power", 0): power_w * 1000}
        sample = Sample(
            read_ns, read_ns, 20, counter(import_wh, step_wh), counter(export_wh, step_wh), serial, faults, measured
        )._replace(wraps_wh=wraps_wh)
        taken = take(
            self.state,
            self.window,
            sample,
            self.rules,
            expected_serial=self.expected_serial,
            approved_epoch=self.approved,
        )
        self.state, self.outcome = taken.state, taken.outcome
        self.readings += taken.drafts
        if taken.drafts:
            self.last_checks = {c.check: c for c in checks(taken.drafts[-1], self.window, self.rules)}
            self.window.reset(self.state.sample_ns)
        return taken.drafts

    def stay(self, at_s: float, import_wh: int, **shown: Any) -> None:
        """As many samples, all the same, as the return of an old course must have to be believed; none of the first is."""
        for n in range(CONFIRM_SAMPLES):
            assert self.outcome in (Outcome.QUESTION, Outcome.CONFIRMED)
            assert self.show(at_s + n, import_wh, **shown) == []

    def restart(self) -> None:
        """Everything but the kept state is gone; what was not kept with a reading since, too."""
        self.state = msgspec.msgpack.decode(msgspec.msgpack.encode(self.state), type=TrackState)
        self.window = Window()

    @property
    def minted_wh(self) -> int:
        """What a chain credits: growth of import between unmasked readings of one register epoch."""
        total = 0
        last: dict[int, int] = {}
        for r in self.readings:
            if r.quality & NO_POST_MASK:
                continue
            if r.register_epoch in last:
                assert r.import_wh >= last[r.register_epoch]
                total += r.import_wh - last[r.register_epoch]
            last[r.register_epoch] = r.import_wh
        return total


def events(reading: Draft) -> int:
    """The flags without the one that says that this story samples sparsely."""
    return reading.quality & ~Quality.PARTIAL


@pytest.fixture
def meter() -> Meter:
    """A meter that has just opened its epoch: 1,000 Wh at the end of interval I0."""
    m = Meter()
    m.show(890, 990)
    m.show(901, 1000)
    return m


def test_the_first_boundary_opens_the_epoch_with_its_own_registers(meter: Meter) -> None:
    """A new meter's lifetime total must not be minted."""
    (opening,) = meter.readings
    assert opening.opens
    assert (opening.interval, opening.import_wh, opening.opening_interval) == (I0, 1000, 0)
    assert (opening.opening_import_wh, opening.quality) == (1000, 0)
    assert opening.raw_import is not None


def test_no_reading_is_made_before_a_boundary_was_seen() -> None:
    """An agent started in the middle of an interval knows nothing of its beginning."""
    m = Meter()
    assert m.show(400, 500) == []
    assert m.show(899, 600) == []


def test_no_reading_is_made_before_the_meter_has_a_number() -> None:
    """A reading without a number could never be judged."""
    m = Meter()
    m.approved = None
    m.show(899, 600)
    assert m.show(901, 601) == []
    m.approved = 3
    m.show(1000, 700)
    (opening,) = m.show(1801, 800)
    assert (opening.register_epoch, opening.opens) == (3, True)


@pytest.mark.parametrize(("late_s", "measured"), [(0, True), (10, True), (11, False)])
def test_a_sample_counts_as_the_boundary_up_to_ten_seconds_after(meter: Meter, late_s: int, measured: bool) -> None:
    """Flemish rule 3.2.4; beyond it the value belongs to no quarter hour and is interpolated."""
    meter.show(1700, 1080)
    (reading,) = meter.show(1800 + late_s, 1100)
    assert bool(reading.quality & Quality.DERIVED) is not measured
    assert reading.import_wh == (1100 if measured else 1080 + 20 * 100 // (100 + late_s))


@pytest.mark.parametrize(("early_s", "measured"), [(1, True), (10, True), (11, False)])
def test_a_sample_just_before_the_boundary_counts_when_none_follows(meter: Meter, early_s: int, measured: bool) -> None:
    """The bus was busy at the quarter hour; nine seconds before is as good as nine after."""
    meter.show(1800 - early_s, 1080)
    (reading,) = meter.show(1840, 1100)
    assert bool(reading.quality & Quality.DERIVED) is not measured
    if measured:
        assert (reading.import_wh, reading.closing_read_ms) == (1080, end_ns(I0 + 1) // 10**6 - early_s * 1000)
        assert reading.raw_import is not None
        assert reading.raw_import.value == 1080


def test_an_outage_gives_derived_readings_and_one_catch_up_with_all_the_energy(meter: Meter) -> None:
    """The total was measured, its split was not: only the total may reach the chain."""
    meter.show(1801, 1100)
    drafts = meter.show(1800 + 3 * 900 + 400, 1450)
    assert [d.quality & NO_POST_MASK for d in drafts] == [Quality.DERIVED] * 3
    assert [d.interval for d in drafts] == [I0 + 2, I0 + 3, I0 + 4]
    (after,) = meter.show(1800 + 4 * 900, 1500)
    assert after.quality & Quality.CATCH_UP
    assert after.quality & NO_POST_MASK == 0
    assert (after.opening_interval, after.opening_import_wh) == (I0 + 1, 1100)
    assert meter.minted_wh == 500


def test_nothing_is_interpolated_across_more_than_two_hours(meter: Meter) -> None:
    """Beyond two hours a straight line is fiction; the gap stays a gap."""
    meter.show(1801, 1100)
    assert meter.show(1800 + 9 * 900 + 400, 2000) == []
    (after,) = meter.show(1800 + 10 * 900, 2100)
    assert after.quality == Quality.CATCH_UP | Quality.PARTIAL
    assert meter.minted_wh == 1100


def test_a_restart_across_boundaries_goes_on_from_the_kept_registers(meter: Meter) -> None:
    """A kill must neither lose the energy of the dead time nor make a second opening of it."""
    meter.show(1700, 1090)
    meter.restart()
    drafts = meter.show(2000, 1120)
    assert [d.quality for d in drafts] == [Quality.DERIVED]
    (reading,) = meter.show(2701, 1200)
    assert not reading.opens
    assert meter.minted_wh == 200


def test_an_interval_is_closed_once(meter: Meter) -> None:
    """Two cores for one interval are a conflict: the second is refused for ever."""
    meter.show(1801, 1100)
    meter.show(1802, 1100)
    meter.show(1805, 1100)
    assert [r.interval for r in meter.readings] == [I0, I0 + 1]


def test_a_clock_set_back_closes_nothing_twice(meter: Meter) -> None:
    """The interval would be signed again with other registers."""
    meter.show(1801, 1100)
    for at in (700, 901, 1790, 1801):
        assert meter.show(at, 1110) == []
    (after,) = meter.show(2701, 1200)
    assert after.interval == I0 + 2


def test_one_zero_is_a_glitch_and_books_nothing(meter: Meter) -> None:
    """One zero read booked 53.7 MWh on a 5 kW site elsewhere."""
    meter.show(1000, 1010)
    assert meter.show(1010, 0) == []
    assert meter.outcome is Outcome.QUESTION
    meter.show(1011, 1011)
    assert meter.outcome is Outcome.GLITCH_OVER
    (reading,) = meter.show(1801, 1100)
    assert (reading.import_wh, events(reading)) == (1100, Quality.GLITCH_REJECTED)
    assert meter.minted_wh == 100


def test_zero_at_the_boundary_is_read_again(meter: Meter) -> None:
    """The glitch comes just when it counts."""
    meter.show(1790, 1090)
    assert meter.show(1800, 0) == []
    (reading,) = meter.show(1801, 1100)
    assert (reading.import_wh, events(reading)) == (1100, Quality.GLITCH_REJECTED)


@pytest.mark.parametrize("again_wh", [1250, 1651])
def test_counters_that_a_boundary_round_shows_twice_otherwise_are_read_again(meter: Meter, again_wh: int) -> None:
    """One answer of a neighbour's, 60 Wh above and well within what the connection carries, would have been signed: it came at noon."""
    meter.show(1750, 1230)
    read_ns = I0 * INTERVAL_NS + 1801 * S
    again = ReadAgain(counter(again_wh), counter(0), S)
    sample = Sample(read_ns, read_ns, 20, counter(1310), counter(0), "A1", (), {}, again=again)
    taken = take(meter.state, meter.window, sample, RULES, expected_serial="", approved_epoch=0)
    assert (taken.outcome, taken.drafts) == (Outcome.QUESTION, [])
    meter.state = taken.state
    meter.show(1802, 1251)
    assert meter.outcome is Outcome.GLITCH_OVER
    assert meter.readings[-1].import_wh == 1251
    assert meter.minted_wh == 251


def test_a_long_row_of_zeros_is_still_a_glitch_when_the_old_course_returns(meter: Meter) -> None:
    """Some meters show zero for minutes while they boot."""
    for at in range(1000, 1100, 10):
        meter.show(at, 0)
    assert meter.outcome is Outcome.CONFIRMED
    meter.stay(1110, 1020)
    assert meter.outcome is Outcome.GLITCH_OVER
    meter.show(1801, 1100)
    assert meter.minted_wh == 100


def test_a_garbled_serial_after_zeros_does_not_make_the_old_course_the_zeros_grown_on() -> None:
    """A young meter booted for minutes, and the second answer after it had another serial: nothing was believed for hours."""
    m = Meter()
    m.show(895, 590)
    m.show(901, 592)
    for at in range(960, 1500, 60):
        m.show(at, 0)
    assert m.outcome is Outcome.CONFIRMED
    m.show(1500, 634)
    m.show(1560, 638, serial="A7")
    for n in range(CONFIRM_SAMPLES):
        assert m.outcome in (Outcome.QUESTION, Outcome.CONFIRMED)
        m.show(1620 + 60 * n, 642 + 4 * n)
    assert m.outcome is Outcome.GLITCH_OVER


def test_zeros_that_stood_still_are_a_glitch_of_a_young_meter_too() -> None:
    """Fifty watt-hours can be metered in one poll, but a register that did not move was not metering."""
    m = Meter()
    m.show(895, 49)
    m.show(901, 50)
    for at in range(1000, 1060, 10):
        m.show(at, 0)
    assert m.outcome is Outcome.CONFIRMED
    m.stay(1060, 51)
    assert m.outcome is Outcome.GLITCH_OVER


def test_a_few_steps_back_are_jitter_and_the_higher_value_is_held(meter: Meter) -> None:
    """One least bit backward booked 215.6 kWh elsewhere."""
    meter.show(1790, 1100)
    meter.show(1795, 1098)
    assert meter.outcome is Outcome.JITTER
    (reading,) = meter.show(1801, 1099)
    assert (reading.import_wh, events(reading)) == (1100, Quality.JITTER_HELD)
    assert events(meter.show(2701, 1200)[0]) == 0


@pytest.fixture
def brim() -> Meter:
    """A meter 10 Wh below its wrap, its epoch open, 5 kW at the last sample."""
    m = Meter()
    m.show(890, 999_999_490)
    m.show(901, 999_999_500)
    m.show(1700, 999_999_990, power_w=5_000)
    return m


def test_a_wrap_is_unwrapped_once_it_has_counted_on(brim: Meter) -> None:
    """A six-digit display comes round every few years: no energy lost, no new epoch."""
    for at, shown in ((1710, 20), (1711, 20), (1730, 40)):
        brim.show(at, shown, power_w=5_000)
        assert brim.outcome is Outcome.QUESTION
    brim.show(1731, 41, power_w=5_000)
    assert brim.outcome is Outcome.WRAPPED
    (reading,) = brim.show(1801, 100)
    assert (reading.import_wh, events(reading), reading.register_epoch) == (1_000_000_100, Quality.WRAP, 0)
    assert brim.minted_wh == 600
    (reading,) = brim.show(2701, 300)
    assert (reading.import_wh, events(reading)) == (1_000_000_300, 0)


def test_a_register_wraps_where_its_scale_factor_says() -> None:
    """The profile knows the wrap point of factor 0 alone."""
    m = Meter()
    wraps: Any = {"wraps_wh": (10_000_000_000, 10_000_000_000), "power_w": 5_000}
    m.show(890, 9_999_999_490, **wraps)
    m.show(901, 9_999_999_500, **wraps)
    m.show(1700, 9_999_999_990, **wraps)
    for at, shown in ((1710, 20), (1711, 20), (1730, 40), (1731, 41)):
        m.show(at, shown, **wraps)
    assert m.outcome is Outcome.WRAPPED
    (reading,) = m.show(1801, 100, **wraps)
    assert (reading.import_wh, m.minted_wh) == (10_000_000_100, 600)


def test_a_register_that_comes_and_goes_below_the_wrap_is_no_wrap(brim: Meter) -> None:
    """A loose wire shows zero and a little in turns: that is no counting on."""
    for n in range(12):
        brim.show(1710 + 5 * n, 20 * (n % 2), power_w=5_000)
    assert brim.state.import_offset_wh == 0
    brim.stay(1780, 999_999_995, power_w=5_000)
    assert brim.outcome is Outcome.GLITCH_OVER


@pytest.mark.parametrize("zeros", [1, 2, 4, 12])
def test_zeros_below_the_wrap_are_no_wrap_however_many(brim: Meter, zeros: int) -> None:
    """Two zeros just below the wrap point added a whole turn, and after them the right registers were a leap for ever."""
    for n in range(zeros):
        assert brim.show(1710 + 5 * n, 0, power_w=5_000) == []
    assert brim.state.import_offset_wh == 0
    for n in range(CONFIRM_SAMPLES if zeros >= CONFIRM_SAMPLES else 1):
        brim.show(1790 + n, 999_999_995, power_w=5_000)
    assert brim.outcome is Outcome.GLITCH_OVER
    (reading,) = brim.show(1801, 999_999_997)
    assert (reading.import_wh, events(reading)) == (999_999_997, Quality.GLITCH_REJECTED)
    assert brim.minted_wh == 497


def test_nothing_is_signed_on_a_wrap_that_does_not_count_on(brim: Meter) -> None:
    """A dark roof behind its wrap: told as questionable, and when the sun is back all the energy comes."""
    for at in (1710, 1711, 1740, 1741, 1770, 1771):
        brim.show(at, 3)
    assert brim.outcome is Outcome.CONFIRMED
    (reading,) = brim.show(1801, 3)
    assert reading.import_wh == 999_999_990
    assert events(reading) == Quality.QUESTIONABLE | Quality.WRAP
    brim.show(20_000, 4)
    assert brim.outcome is Outcome.WRAPPED
    (reading,) = brim.show(20_701, 40)
    assert reading.quality & NO_POST_MASK == 0
    assert brim.minted_wh == 540


def test_a_swapped_register_order_below_the_wrap_is_no_wrap(brim: Meter) -> None:
    """The words of a float near its wrap, the other way round, are next to nothing and grow a little."""
    for n in range(12):
        brim.show(1710 + 5 * n, Fraction(n + 1, 1 << 60), power_w=5_000)
    assert brim.state.import_offset_wh == 0
    assert brim.minted_wh == 0


def test_a_reset_below_the_wrap_is_no_wrap_where_power_says_how_little_flowed(brim: Meter) -> None:
    """From 100 Wh below the wrap to 2 past it would be 102 Wh, which the connection carries; at 5 kW 14 of them flow in ten seconds."""
    brim.state = msgspec.structs.replace(brim.state, import_raw=(999_999_900, 1))
    for n in range(12):
        brim.show(1710 + 5 * n, 2 + 7 * n, power_w=5_000)
        assert brim.outcome in (Outcome.QUESTION, Outcome.CONFIRMED)
    assert brim.state.import_offset_wh == 0


def test_a_fall_of_export_while_power_is_drawn_is_no_wrap(brim: Meter) -> None:
    """A register of energy fed in has not run over while nothing was fed in."""
    brim.rules = RULES._replace(power_signed=True)
    brim.state = msgspec.structs.replace(brim.state, export_raw=(999_999_950, 1))
    for n in range(12):
        brim.show(1710 + 5 * n, 999_999_990 + n // 2, n, power_w=5_000)
    assert brim.state.export_offset_wh == 0
    assert brim.outcome is Outcome.CONFIRMED


def test_patience_makes_no_wrap_of_a_reset(brim: Meter) -> None:
    """After an hour the connection could have carried what is missing to the wrap; it was a reset at the first sample and stays one."""
    brim.state = msgspec.structs.replace(brim.state, import_raw=(999_990_000, 1))
    for n in range(3):
        brim.show(1701 + n, 0)
    for n in range(30):
        brim.show(5000 + 300 * n, 1 + 2 * n)
        assert brim.outcome in (Outcome.QUESTION, Outcome.CONFIRMED)
    assert brim.state.import_offset_wh == 0
    assert brim.minted_wh == 0


def test_a_reset_that_stands_still_until_a_wrap_would_fit_is_no_wrap(brim: Meter) -> None:
    """The house is empty when its meter is reset, 10 kWh below the wrap; hours later the first lamp would have minted what was missing."""
    brim.state = msgspec.structs.replace(brim.state, import_raw=(999_990_000, 1))
    for n in range(30):
        brim.show(1701 + 300 * n, 0)
    for n in range(10):
        brim.show(11_000 + 60 * n, 2 + 2 * n)
    assert brim.outcome is Outcome.CONFIRMED
    assert brim.state.import_offset_wh == 0
    assert brim.minted_wh == 0


def test_a_counter_that_hung_under_load_catches_up_with_what_power_says(meter: Meter) -> None:
    """A counter chip hangs for five hours of 3 kW and then shows all that it has counted: 15 kWh between two samples are measured."""
    for at in range(1000, 19_000, 60):
        meter.show(at, 1000, power_w=2_990 + at // 60 % 2 * 20)
    for at in (19_060, 19_061, 19_120):
        assert meter.show(at, 16_000 + (at - 19_060) // 2, power_w=2_990 + at // 60 % 2 * 20) == []
        assert meter.outcome is Outcome.QUESTION
    meter.show(19_121, 16_031, power_w=3_000)
    assert meter.outcome is Outcome.CAUGHT_UP
    for at in (*range(19_180, 20_680, 60), 20_701, *range(20_740, 21_600, 60), 21_601):
        meter.show(at, 16_031 + (at - 19_121) * 3000 // 3600, power_w=2_990 + at // 60 % 2 * 20)
    assert meter.readings[-1].quality & NO_POST_MASK == 0
    assert meter.minted_wh == meter.readings[-1].import_wh - 1000 > 16_000


def test_more_than_twice_what_power_says_is_a_leap(meter: Meter) -> None:
    """A hang is no licence: what nothing explains needs an approved epoch."""
    for at in range(1000, 19_000, 60):
        meter.show(at, 1000, power_w=2_990 + at // 60 % 2 * 20)
    for n in range(20):
        meter.show(19_060 + 60 * n, 33_000 + 50 * n, power_w=3_000)
    assert meter.outcome is Outcome.CONFIRMED
    assert meter.minted_wh == 0


def test_what_a_hang_explains_is_spent_once_the_register_has_moved(meter: Meter) -> None:
    """The 15 kWh of last week's hang would otherwise be a licence for every leap to come."""
    for at in range(1000, 19_000, 60):
        meter.show(at, 1000, power_w=2_990 + at // 60 % 2 * 20)
    for n in range(20):
        meter.show(19_060 + 60 * n, 16_000 + 50 * n, power_w=3_000)
    assert meter.outcome is Outcome.TRUSTED
    for n in range(20):
        meter.show(20_260 + 60 * n, 31_000 + 50 * n, power_w=2_990 + n % 2 * 20)
    assert meter.outcome is Outcome.CONFIRMED
    assert meter.state.import_raw == (16_950, 1)


def test_a_leap_that_the_next_poll_explains_needs_no_approval(meter: Meter) -> None:
    """A display that is brought up to date late shows in ten seconds what flowed in a minute; four samples are an event, not two."""
    assert meter.show(911, 1200) == meter.show(912, 1200) == []
    assert meter.outcome is Outcome.QUESTION
    meter.show(971, 1201)
    assert meter.outcome is Outcome.GLITCH_OVER
    assert meter.state.import_raw == (1201, 1)


def test_a_leap_after_an_idle_night_is_a_leap(meter: Meter) -> None:
    """A register that rested for want of load has nothing to catch up with."""
    for at in range(1000, 30_000, 60):
        meter.show(at, 1000, power_w=0)
    for n in range(20):
        meter.show(30_060 + 60 * n, 16_000 + 50 * n, power_w=3_000)
    assert meter.outcome is Outcome.CONFIRMED
    assert meter.minted_wh == 0


def test_a_leap_for_a_moment_after_a_hang_is_a_glitch(meter: Meter) -> None:
    """It must stay before it is believed."""
    for at in range(1000, 19_000, 60):
        meter.show(at, 1000, power_w=2_990 + at // 60 % 2 * 20)
    for at in (19_060, 19_061, 19_120):
        meter.show(at, 16_000, power_w=3_000)
    meter.show(19_121, 1000, power_w=3_000)
    assert meter.outcome is Outcome.GLITCH_OVER
    meter.show(19_801, 1001, power_w=3_000)
    assert meter.minted_wh <= 1


@pytest.mark.parametrize(("power_w", "believed"), [(0, True), (1, False)])
def test_old_answers_repeated_by_a_gateway_are_no_answers(meter: Meter, power_w: int, believed: bool) -> None:
    """A solar roof's last answer of the evening, given until noon: as after hours without an answer, unless something else was new."""
    for n, at in enumerate(range(1000, 30_000, 60)):
        measured = {("power", 0): 0, ("voltage", 0): 230_000 + n * power_w}
        meter.show(at, 1000, measured=measured)
    for n in range(4):
        meter.show(30_060 + 30 * n, 16_000 + n, measured={("power", 0): 3_000_000, ("voltage", 0): 231_000})
    assert (meter.outcome is Outcome.CAUGHT_UP) is believed


def test_old_answers_for_a_minute_while_the_load_rises_are_caught_up_with(meter: Meter) -> None:
    """Four answers of a gateway's cache, given at 1 kW; what the ovens drew meanwhile would have needed an approval."""
    for n in range(4):
        meter.show(960 + 20 * n, 1010, measured={("power", 0): 1_000_000, ("voltage", 1): 230_100})
    for n, at in enumerate((1060, 1061, 1080, 1081)):
        meter.show(at, 1500 + n, measured={("power", 0): 18_000_000, ("voltage", 1): 229_000 + n})
    assert meter.outcome is Outcome.CAUGHT_UP


def test_one_register_that_hung_catches_up_though_the_other_moved() -> None:
    """Clouds over a roof: the counter of import hung for 25 minutes while that of export went on."""
    meter = Meter(RULES._replace(power_signed=True))
    meter.show(890, 990, power_w=0)
    meter.show(901, 1000, power_w=0)
    for n in range(100):
        meter.show(910 + 15 * n, 1000, 10 * n, power_w=(10_000 + n) * (-1 if n % 2 else 1))
    for n in range(CONFIRM_SAMPLES):
        meter.show(2410 + 15 * n, 3000 + n, 1000 + n, power_w=500 + n)
    assert meter.outcome is Outcome.CAUGHT_UP


def test_a_counter_that_stopped_within_the_quarter_hour_is_told(meter: Meter) -> None:
    """It stood still for ten minutes of 3 kW at its end: who compares quarter hours only would say so a quarter hour later, or never."""
    for at in range(930, 1230, 30):
        meter.show(at, 1000 + (at - 900) * 3000 // 3600, power_w=3_000 + at % 7)
    for at in (*range(1230, 1800, 30), 1801):
        meter.show(at, 1250, power_w=3_000 + at % 7)
    assert meter.readings[-1].quality & Quality.QUESTIONABLE
    assert meter.last_checks[Check.STANDSTILL].result == FAILED


def test_a_leap_is_still_doubted_after_a_restart(meter: Meter) -> None:
    """Nobody approves the spare meter for days; then the agent is updated, and its 500 kWh would have looked possible."""
    for n in range(4):
        meter.show(1000 + n, 500_000 + n)
    assert meter.show(1801, 500_010)[0].quality & Quality.QUESTIONABLE
    meter.restart()
    for n in range(5):
        meter.show(200_000 + 60 * n, 500_100 + n)
    assert meter.outcome is Outcome.CONFIRMED
    assert meter.minted_wh == 0


def test_a_glitch_does_not_hide_a_reset(meter: Meter) -> None:
    """A reset meter climbs over its old value while another fault comes and goes: half of the energy in between would be lost."""
    for n in range(40):
        meter.show(1000 + 20 * n, 20 * n)
    meter.show(1801, 805)
    for at, shown, serial in ((1900, 900, "A2"), (1910, 0, "A1"), (1911, 900_000_000, "A1"), (1912, 0, "A1")):
        meter.show(at, shown, serial=serial)
    meter.restart()
    for n in range(10):
        meter.show(2600 + 20 * n, 1400 + 20 * n)
    assert meter.outcome is Outcome.CONFIRMED
    assert meter.minted_wh == 0


def test_a_minute_of_zeros_does_not_hide_a_reset(meter: Meter) -> None:
    """Several other courses come and go, each seen more than once, and when the old ones return the register has climbed over its old value."""
    for n in range(49):
        meter.show(1000 + 20 * n, 20 * n)
    for n, shown in enumerate((0, 0, 0, 0, 900_000_000, 900_000_000, 0, 0, 800_000_000, 800_000_000, 0, 0)):
        meter.show(1980 + 10 * n, shown)
        assert meter.outcome is Outcome.CONFIRMED
    meter.restart()
    for n in range(10):
        meter.show(2100 + 20 * n, 1100 + 20 * n)
        assert meter.outcome is Outcome.CONFIRMED
    assert meter.minted_wh == 0


def test_jitter_does_not_hide_a_reset(meter: Meter) -> None:
    """A doubted register that goes back by one step and stays there is the doubted one still, also above the old value."""
    meter.show(990, 1005, 40)
    for n in range(49):
        meter.show(1000 + 20 * n, 20 * n, 20 + n)
    for n in range(20):
        meter.show(1990 + 20 * n, 1100 + 20 * n, 66)
    assert meter.outcome is Outcome.CONFIRMED
    assert meter.minted_wh == 0


def test_nonsense_that_fits_after_hours_is_not_the_old_course(meter: Meter) -> None:
    """Words in the wrong order showed 14 kWh more than was metered, at a quarter hour, six hours after a reset nobody had approved."""
    for n in range(70):
        meter.show(1000 + 300 * n, n)
    assert meter.outcome is Outcome.CONFIRMED
    for n, shown in enumerate((15_000, 70, 70, 15_000, 15_000, 70, 9_000, 9_500, 16_000, 71)):
        assert not any(r.quality & NO_POST_MASK == 0 for r in meter.show(22_490 + 5 * n, shown))
        assert meter.outcome in (Outcome.QUESTION, Outcome.CONFIRMED)
    assert meter.minted_wh == 0
    meter.approved = 1
    meter.show(22_560, 72)
    assert meter.outcome is Outcome.NEW_EPOCH


@pytest.mark.parametrize(("power_w", "is_believed"), [(500, False), (None, True)])
def test_what_returns_after_hours_must_fit_what_power_says(
    meter: Meter, power_w: int | None, is_believed: bool
) -> None:
    """A prefix gone wrong stood, for as long as one likes, 998 kWh above the old register, and the connection could have carried them.

    Where the meter shows no power nothing speaks against it.
    """
    for n in range(200):
        meter.show(1000 + 300 * n, n, power_w=power_w)
    assert meter.outcome is Outcome.CONFIRMED
    for n in range(20):
        meter.show(60_800 + 60 * n, 250_000, power_w=power_w)
    assert (meter.outcome is not Outcome.CONFIRMED) is is_believed
    assert meter.state.import_raw == ((250_000, 1) if is_believed else (1000, 1))


def test_the_old_course_returns_after_a_day_with_what_power_says(meter: Meter) -> None:
    """A wrong prefix for a day, put right: what was metered meanwhile is all there."""
    for n in range(290):
        meter.show(1000 + 300 * n, 1 + n // 12, power_w=3_000)
    assert meter.outcome is Outcome.CONFIRMED
    for n in range(CONFIRM_SAMPLES):
        meter.show(88_000 + n, 73_000, power_w=3_000)
    assert meter.outcome is Outcome.GLITCH_OVER
    meter.show(88_201, 73_166, power_w=3_000)
    assert meter.minted_wh == 72_166


@pytest.mark.parametrize(
    "shown",
    [
        {"serial": "B2", "power_w": 20},
        {"faults": ("setting: prefix",), "power_w": 3},
        {"measured": {("power", 0): 0, ("voltage", 1): 0}},
        {"power_w": 3},
    ],
    ids=["another meter", "another prefix", "all zero", "a thousandth of all"],
)
def test_a_power_as_wrong_as_the_registers_does_not_keep_the_old_course_away(
    meter: Meter, shown: dict[str, Any]
) -> None:
    """A neighbour's meter with next to no load answered for an hour: by its power the 3 kWh metered meanwhile could not be."""
    meter.show(960, 1050, power_w=3_000)
    for n in range(60):
        meter.show(1000 + 60 * n, 1 + n // 30, **shown)
    assert meter.outcome is Outcome.CONFIRMED
    for n in range(CONFIRM_SAMPLES):
        meter.show(4600 + n, 4080 + n, power_w=3_000)
    assert meter.outcome is Outcome.GLITCH_OVER
    meter.show(5401, 4750, power_w=3_000)
    assert meter.minted_wh == 3750


def test_an_epoch_does_not_begin_with_registers_that_nothing_speaks_against(meter: Meter) -> None:
    """The approval of a reset that was none must not open an epoch on the old course."""
    for n in range(6):
        meter.show(1000 + n, 0)
    meter.approved = 1
    meter.stay(1110, 1020)
    assert (meter.outcome, meter.state.register_epoch) == (Outcome.GLITCH_OVER, 0)


def test_a_reset_is_not_believed_without_an_approved_register_epoch(meter: Meter) -> None:
    """Whoever resets a meter could otherwise have its whole life counted again."""
    for n in range(8):
        meter.show(1000 + 10 * n, n)
    assert meter.outcome is Outcome.CONFIRMED
    (reading,) = meter.show(1801, 100)
    assert reading.quality & (Quality.QUESTIONABLE | Quality.RESET) == Quality.QUESTIONABLE | Quality.RESET
    assert reading.import_wh == 1000
    assert meter.minted_wh == 0
    meter.approved = 1
    meter.show(2000, 110)
    assert meter.outcome is Outcome.NEW_EPOCH
    (opening,) = meter.show(2701, 150)
    assert (opening.register_epoch, opening.import_wh, opening.opens) == (1, 150, True)
    assert opening.quality == Quality.RESET
    meter.show(3601, 250)
    assert meter.minted_wh == 100


def test_a_reset_meter_that_climbs_over_its_old_value_is_still_reset(meter: Meter) -> None:
    """A young meter reaches its old register soon; the energy in between would be counted by halves."""
    for n in range(120):
        meter.show(1000 + 10 * n, 10 * n)
    assert meter.outcome is Outcome.CONFIRMED
    assert meter.minted_wh == 0


def test_an_approved_epoch_is_not_begun_while_the_old_registers_go_on(meter: Meter) -> None:
    """The approval comes before the fitter: energy until the swap is the old meter's."""
    meter.approved = 1
    (reading,) = meter.show(1801, 1100)
    assert reading.register_epoch == 0


def test_another_serial_is_a_swap_even_when_its_registers_look_plausible(meter: Meter) -> None:
    """The spare meter in the cupboard may show a value that would pass."""
    for n in range(6):
        meter.show(1000 + n, 1001, serial="B2")
    assert meter.outcome is Outcome.CONFIRMED
    (reading,) = meter.show(1801, 1002, serial="B2")
    assert reading.quality & Quality.IDENTITY_CHANGED
    assert reading.quality & Quality.QUESTIONABLE
    meter.approved = 1
    meter.show(1900, 1003, serial="B2")
    (opening,) = meter.show(2701, 1100, serial="B2")
    assert (opening.register_epoch, opening.quality, opening.opens) == (1, Quality.SWAP, True)
    assert meter.state.serial == "B2"


def test_a_meter_that_is_not_the_one_of_the_settings_is_never_believed() -> None:
    """Adapters change places after a reboot: neighbours would be billed for each other."""
    m = Meter(serial="A1")
    for at in (890, 895, 901, 902, 1801):
        assert m.show(at, 1000, serial="B2") == []
    assert m.state.import_raw is None


def test_a_changed_unit_stops_the_meter_until_it_is_put_right_and_no_epoch_cures_it(meter: Meter) -> None:
    """kWh read as MWh mints a thousandfold."""
    meter.approved = 1
    for n in range(6):
        meter.show(1000 + n, 1001, faults=("energy_prefix reads 1, expected one of [0]",))
    assert meter.outcome is Outcome.CONFIRMED
    (reading,) = meter.show(1801, 1002, faults=("energy_prefix reads 1, expected one of [0]",))
    assert reading.quality & Quality.UNIT_CHANGED
    meter.stay(1900, 1050)
    (reading,) = meter.show(2701, 1200)
    assert reading.register_epoch == 0
    assert reading.quality & NO_POST_MASK == 0
    assert meter.minted_wh == 200


def test_a_leap_beyond_what_the_connection_carries_is_never_believed_however_long_it_lasts(meter: Meter) -> None:
    """With enough time any leap looks possible; patience must not mint."""
    for hours in range(1, 200):
        meter.show(1000 + 3600 * hours, 900_000)
    assert meter.outcome is Outcome.CONFIRMED
    for hours in range(200, 260):
        meter.show(1000 + 3600 * hours, 900_000 + hours)
    assert meter.minted_wh == 0


def test_export_is_guarded_like_import(meter: Meter) -> None:
    """Export is what mints."""
    meter.show(1000, 1010, 500_000)
    assert meter.outcome is Outcome.QUESTION
    meter.show(1001, 1010, 0)
    meter.show(1801, 1100, 50)
    assert meter.readings[-1].export_wh == 50
    for at in range(1900, 1960, 10):
        meter.show(at, 1110, 20)
    assert meter.outcome is Outcome.CONFIRMED


@pytest.mark.parametrize(
    ("shown", "change"),
    [
        (1000, Change.RISE),
        (1100, Change.RISE),
        (1101, Change.LEAP),
        (999, Change.JITTER),
        (998, Change.JITTER),
        (997, Change.LOWER),
        (0, Change.LOWER),
    ],
)
def test_a_registers_step_is_named_on_both_sides_of_each_edge(shown: int, change: Change) -> None:
    """One watt-hour too lenient anywhere is a way in."""
    args: dict[str, Any] = {"step_wh": Fraction(1), "wrap_wh": 10_000, "limit_wh": Fraction(100)}
    assert judge_register(Fraction(1000), Fraction(shown), **args) is change


def test_a_wrap_must_fit_the_limit_too() -> None:
    """From 9,950 round to 50 is 100 Wh; to 51 is more than the connection carries."""
    args: dict[str, Any] = {"step_wh": Fraction(1), "wrap_wh": 10_000, "limit_wh": Fraction(100)}
    assert judge_register(Fraction(9950), Fraction(50), **args) is Change.WRAP
    assert judge_register(Fraction(9950), Fraction(51), **args) is Change.LOWER
    assert judge_register(Fraction(9950), Fraction(50), **{**args, "wrap_wh": 0}) is Change.LOWER


def test_a_wrap_never_takes_energy_back() -> None:
    """Two tariffs added up stood 50 above the wrap of one; back to zero is a reset, and no register is signed that has fallen."""
    args: dict[str, Any] = {"step_wh": Fraction(1), "wrap_wh": 10_000, "limit_wh": Fraction(100)}
    assert judge_register(Fraction(10_050), Fraction(0), **args) is Change.LOWER
    assert judge_register(Fraction(10_050), Fraction(49), **args) is Change.LOWER
    assert judge_register(Fraction(10_050), Fraction(50), **args) is Change.WRAP
    assert judge_register(Fraction(10_050), Fraction(150), **args) is Change.WRAP
    assert judge_register(Fraction(10_050), Fraction(151), **args) is Change.LOWER


@given(
    trusted=st.fractions(min_value=0, max_value=2_000_000_000),
    grown=st.fractions(min_value=-300, max_value=300, max_denominator=1_000_000),
    step=st.integers(1, 10_000),
    elapsed_s=st.integers(-4000, 40),
)
def test_what_integers_take_for_a_rise_is_one(trusted: Fraction, grown: Fraction, step: int, elapsed_s: int) -> None:
    """Nearly every sample is judged by the short way; it must never believe what the long one would question."""
    shown = RawCounter(int((trusted + grown) * 1000), 1, 1000, step, 1)
    believed = (trusted.numerator, trusted.denominator)
    limit_wh = RULES.limit_wh(elapsed_s * S, shown.step_wh)
    if has_risen(believed, shown, elapsed_s * S, RULES):
        change = judge_register(trusted, shown.exact_wh, step_wh=shown.step_wh, wrap_wh=10**9, limit_wh=limit_wh)
        assert change is Change.RISE


def test_integers_decide_what_they_can() -> None:
    """20 kW carry 55.56 Wh in the ten seconds of slack and none in no time; the meter's step does not matter."""
    for wh, risen in ((1000, True), (Fraction(2111, 2), True), (Fraction(2112, 2), False), (Fraction(1999, 2), False)):
        assert has_risen((1000, 1), counter(wh, 1000), 0, RULES) is risen
    assert not has_risen((1000, 1), counter(1000), -1, RULES)


def test_the_remainder_below_one_watt_hour_is_never_lost() -> None:
    """Registers in 0.0156 kWh steps: rounding each quarter hour would lose a lamp's worth a year."""
    m = Meter()
    exact = Fraction(1000)
    m.show(895, exact)
    for n in range(50):
        exact += Fraction(1, 3)
        m.show(901 + 900 * n, exact)
    assert m.readings[-1].import_wh == int(exact)
    assert m.minted_wh == int(exact) - m.readings[0].import_wh


def test_the_checks_say_what_was_looked_at(meter: Meter) -> None:
    """An auditor reads them years later; a check that did not run must not look passed."""
    for n in range(89):
        meter.show(910 + 10 * n, 1000 + n, power_w=360)
    meter.show(1801, 1090, power_w=360)
    c = meter.last_checks
    assert {check: c[check].result for check in Check} == {
        **dict.fromkeys(Check, PASSED),
        **dict.fromkeys((Check.PHASES, Check.SPIKE, Check.PARTS, Check.NIGHT), NOT_RUN),
    }
    assert c[Check.BOUNDARY].value == 1000
    meter.show(2000, 1095, power_w=360)
    meter.show(2701, 1100, power_w=9000)
    c = meter.last_checks
    assert (c[Check.POWER].result, c[Check.COVERAGE].result) == (NOT_RUN, FAILED)
    for n in range(100):
        meter.show(2705 + 8 * n, 1100, power_w=5000)
    meter.show(3601, 1150, power_w=5000)
    assert meter.last_checks[Check.POWER].result == FAILED


@settings(max_examples=150)
@given(data=st.data())
def test_whatever_a_meter_shows_no_more_is_minted_than_it_metered(data: st.DataObject) -> None:
    """Random zeros, jitter, leaps, garbage values, outages and restarts over a random load."""
    m = Meter()
    m.approved = 0
    true_wh, at = Fraction(5000), 880
    start: Fraction | None = None
    m.show(at, true_wh)
    for _ in range(data.draw(st.integers(20, 80))):
        step_s = data.draw(st.sampled_from([5, 10, 20, 60, 300, 900, 4000, 20_000]))
        at += step_s
        # Boundary polls are scheduled.
        if data.draw(st.booleans()):
            at = at // 900 * 900 + 1 + 900
        true_wh += Fraction(data.draw(st.integers(0, 20_000)) * step_s, 3600)
        kind = data.draw(st.sampled_from(["true"] * 6 + ["zero", "lsb", "leap", "any", "restart"]))
        if kind == "restart":
            m.restart()
        shown: Fraction = {
            "zero": Fraction(0),
            "lsb": max(Fraction(0), true_wh - 1),
            "leap": true_wh + 50_000_000,
            "any": Fraction(data.draw(st.integers(0, 999_999_999))) if kind == "any" else Fraction(0),
        }.get(kind, true_wh)
        m.show(at, shown)
        # A random value that happens to be plausible cannot be told from the truth: the truth follows it.
        believed = m.state.import_raw
        if kind == "any" and believed is not None and Fraction(*believed) == shown:
            true_wh = max(true_wh, shown)
        if start is None and m.readings:
            start = Fraction(m.readings[0].import_wh)
    intervals = [r.interval for r in m.readings]
    assert intervals == sorted(set(intervals))
    if start is not None:
        assert 0 <= m.minted_wh <= true_wh - start + 1


def test_a_frozen_register_under_load_is_questionable_and_its_energy_comes_later(meter: Meter) -> None:
    """A counter chip that hangs goes on showing voltage and power; nobody notices for a month."""
    for at_s in range(910, 1801, 10):
        meter.show(at_s, 1000, power_w=8_000)
    frozen = meter.readings[-1]
    assert frozen.quality & Quality.QUESTIONABLE
    assert meter.last_checks[Check.STANDSTILL].result == FAILED
    assert meter.last_checks[Check.STANDSTILL].value == pytest.approx(2000, abs=60)
    minted = meter.minted_wh
    for at_s in range(1810, 2701, 10):
        meter.show(at_s, 1000 + (at_s - 1800) * 8000 // 3600, power_w=8_000)
    moving = meter.readings[-1]
    assert moving.quality & NO_POST_MASK == 0
    assert moving.quality & Quality.CATCH_UP
    assert meter.last_checks[Check.STANDSTILL].result == PASSED
    assert meter.minted_wh - minted == moving.import_wh - 1000


@pytest.mark.parametrize(("power_w", "step_wh"), [(0, 1), (150, 1), (1_500, 100), (8_000, 1000)])
def test_a_register_that_rests_or_has_coarse_steps_is_not_frozen(meter: Meter, power_w: int, step_wh: int) -> None:
    """An empty flat, and a meter that counts in whole kilowatt-hours, are no faults."""
    for at_s in range(910, 1801, 10):
        meter.show(at_s, 1000, power_w=power_w, step_wh=step_wh)
    assert meter.readings[-1].quality & NO_POST_MASK == 0
    assert meter.last_checks[Check.STANDSTILL].result == PASSED


@pytest.mark.parametrize(
    ("total", "phases", "result"),
    [
        (3000, (1000, 1000, 1000), PASSED),
        (3000, (1000, 1000, 1040), PASSED),
        (236, (236, 236, 236), FAILED),
        (3000, (), NOT_RUN),
    ],
)
def test_phases_add_up_to_the_total(total: int, phases: tuple[int, ...], result: int) -> None:
    """A bus that answers every register with 236 is plausible register by register."""
    window = Window()
    measured = {("power", n + 1): p * 1000 for n, p in enumerate(phases)} | {("power", 0): total * 1000}
    window.add(Sample(1, 1, 1, counter(0), counter(0), "", (), measured))
    from edge.checks import _phases_check

    assert _phases_check(window).result == result
