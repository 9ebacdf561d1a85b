"""The checks of a head-end, made at the edge: what is questionable, what is only told, and what is no fault at all."""

from __future__ import annotations

from fractions import Fraction

import msgspec
import pytest

from edge.checks import DARK_DEG, FAILED, NOT_RUN, PASSED, SPIKE_LEAST, Check, checks
from edge.sample import PartsOff, Sample
from edge.sun import elevation_deg
from edge.track import Draft, Rules, TrackState, Window, take
from gridkit.interval import INTERVAL_NS
from gridkit.profile import RawCounter
from gridkit.quality import NO_POST_MASK, Quality
from gridkit.reading import CheckResult

S = 1_000_000_000
I0 = 1_980_000
RULES = Rules(
    wrap_import_wh=0,
    wrap_export_wh=0,
    max_power_w=20_000,
    tolerance_ns=10 * S,
    coverage_gap_ns=300 * S,
    clock_limit_ms=5_000,
    power_signed=True,
)


class Meter:
    """A meter whose true load the story tells; its registers count it unless the story says otherwise."""

    def __init__(self, rules: Rules = RULES, step_wh: int = 1, counts_export: bool = True) -> None:
        self.rules, self.step_wh, self.counts_export = rules, step_wh, counts_export
        self.state, self.window = TrackState(), Window()
        self.drafts: list[Draft] = []
        self.checks: dict[int, CheckResult] = {}
        self.import_mwns = self.export_mwns = 0
        self.at_s = 0
        self.show(0)

    def _counter(self, mwns: int) -> RawCounter:
        whole = 1_000_000 + mwns // (1000 * 3600 * S) // self.step_wh * self.step_wh
        return RawCounter(whole, 1, 1, self.step_wh, 1)

    def show(self, power_w: int, parts: tuple[PartsOff, ...] = ()) -> None:
        """Show the registers as they are."""
        read_ns = I0 * INTERVAL_NS + self.at_s * S
        export = self._counter(self.export_mwns) if self.counts_export else None
        sample = Sample(
            read_ns, read_ns, 5, self._counter(self.import_mwns), export, "A", (), {("power", 0): power_w * 1000}, parts
        )
        taken = take(self.state, self.window, sample, self.rules, expected_serial="", approved_epoch=0)
        self.state = taken.state
        if taken.drafts:
            self.drafts += taken.drafts
            self.checks = {c.check: c for c in checks(taken.drafts[-1], self.window, self.rules)}
            self.window.reset(self.state.sample_ns)

    def go(self, to_s: int, load_w: int, *, shows_w: int | None = None, counts: int = 1, every_s: int = 10) -> None:
        """Carry a load (negative: fed in), counted `counts` times, and be polled all the while."""
        while self.at_s < to_s:
            step_s = min(every_s, to_s - self.at_s)
            self.at_s += step_s
            mwns = load_w * counts * 1000 * step_s * S
            self.import_mwns += max(0, mwns)
            self.export_mwns += max(0, -mwns)
            self.show(load_w if shows_w is None else shows_w)

    def off(self, to_s: int, *, load_w: int = 0) -> None:
        """Nobody reads it; it counts `load_w`."""
        self.import_mwns += load_w * 1000 * (to_s - self.at_s) * S
        self.at_s = to_s

    @property
    def last(self) -> Draft:
        """The latest reading."""
        return self.drafts[-1]


@pytest.mark.parametrize(
    ("load_w", "shows_w", "questionable", "result"),
    [
        (4000, 4000, False, PASSED),
        (-4000, -4000, False, PASSED),
        (4000, 4070, False, PASSED),
        (4000, 4100, False, FAILED),
        (4000, 7980, False, FAILED),
        (4000, 8100, True, FAILED),
        (4000, 1990, True, FAILED),
        (4000, -4000, True, FAILED),
        (-4000, 4000, True, FAILED),
        (150, -150, False, FAILED),
    ],
)
def test_power_that_contradicts_the_register_is_questionable(
    load_w: int, shows_w: int, questionable: bool, result: int
) -> None:
    """Import and export read the wrong way round sell what was bought; a few per cent are only the samples' coarseness."""
    meter = Meter()
    meter.go(1800, load_w, shows_w=shows_w)
    assert bool(meter.last.quality & Quality.QUESTIONABLE) == questionable
    assert bool(meter.last.quality & NO_POST_MASK) == questionable
    assert meter.checks[Check.POWER].result == result


def test_a_contradiction_costs_no_energy_once_it_is_put_right() -> None:
    """The cable is turned round at noon; what was metered before is still owed."""
    meter = Meter()
    meter.go(900, 4000)
    before = meter.last
    meter.go(1800, 4000, shows_w=-4000)
    assert meter.last.quality & Quality.QUESTIONABLE
    meter.go(2700, 4000)
    assert meter.last.quality & NO_POST_MASK == 0
    assert meter.last.quality & Quality.CATCH_UP
    assert (meter.last.opening_interval, meter.last.opening_import_wh) == (before.interval, before.import_wh)
    assert meter.last.grown_wh == 2000


def test_a_power_register_without_sign_says_nothing_of_direction() -> None:
    """Some families show apparent consumption; their export is no inversion."""
    meter = Meter(RULES._replace(power_signed=False))
    meter.go(1800, -4000, shows_w=4000)
    assert meter.last.quality & NO_POST_MASK == 0


def test_a_meter_that_counts_import_alone_is_not_held_to_what_was_fed_in() -> None:
    """A roof behind a one-way meter: half the time the power is negative and in no register."""
    meter = Meter(counts_export=False)
    meter.go(900, 4000)
    meter.go(1300, 4000)
    meter.go(1800, -4000)
    assert meter.last.quality & NO_POST_MASK == 0


@pytest.mark.parametrize(
    ("load_w", "counted_w", "minutes", "failed"),
    [
        (4000, 0, 45, True),
        (4000, 900, 45, True),
        (4000, 1000, 45, False),
        (4000, 4000, 45, False),
        (100, 0, 45, False),
        (4000, 0, 4, False),
    ],
)
def test_a_time_without_power_is_told_from_a_broken_line(
    load_w: int, counted_w: int, minutes: int, failed: bool
) -> None:
    """Whoever settles a flat's outage must know whether the flat was dark or only the cable torn."""
    meter = Meter()
    meter.go(1700, load_w)
    meter.off(1700 + minutes * 60, load_w=counted_w)
    meter.go(meter.at_s + 920, load_w)
    catch_up = next(d for d in meter.drafts if d.interval >= 1 + I0 and not d.quality & NO_POST_MASK)
    assert bool(catch_up.quality & Quality.POWER_FAILURE) == failed
    later = meter.drafts[-1]
    assert later is catch_up or not later.quality & Quality.POWER_FAILURE


def spiky(meter: Meter, quiet_wh: int, last_wh: int, intervals: int = SPIKE_LEAST + 2) -> CheckResult:
    """Quiet intervals, then one of another size; the last one's check."""
    for n in range(1, intervals + 1):
        energy_wh = last_wh if n == intervals else quiet_wh
        meter.go(n * 900, energy_wh * 4, every_s=100)
    return meter.checks[Check.SPIKE]


@pytest.mark.parametrize(
    ("quiet_wh", "last_wh", "result"),
    [(100, 280, PASSED), (100, 281, FAILED), (1, 6, PASSED), (1, 7, FAILED), (0, 5, PASSED), (0, 6, FAILED)],
)
def test_a_spike_is_the_highest_against_the_third_highest(quiet_wh: int, last_wh: int, result: int) -> None:
    """180 per cent above it, and more than five steps of the register: an empty flat's kettle is none."""
    meter = Meter()
    spike = spiky(meter, quiet_wh, last_wh)
    assert spike.result == result
    assert meter.last.quality & NO_POST_MASK == 0


def test_a_spike_needs_a_history() -> None:
    """The first hours of a new meter have no third highest that means anything."""
    assert spiky(Meter(), 100, 400, SPIKE_LEAST - 1).result == NOT_RUN
    assert spiky(Meter(), 100, 400, SPIKE_LEAST).result == FAILED


def test_the_history_is_one_day_long() -> None:
    """Kept for ever, it would fill a small computer's memory and compare winter with summer."""
    meter = Meter()
    for n in range(1, 131):
        meter.go(n * 900, 400, every_s=300)
    assert len(meter.window.recent_wh) == 96


@pytest.mark.parametrize(("off_mwh", "result"), [(0, PASSED), (55_555 + 8, PASSED), (55_555 + 9, FAILED)])
def test_phases_and_tariffs_count_what_the_total_counts(off_mwh: int, result: int) -> None:
    """A current transformer that fell off one phase: the total and its parts go apart. What they were apart before is nobody's fault."""
    meter = Meter()
    for n, off in enumerate((7_000_000, 7_000_000 + off_mwh)):
        meter.go(n * 900 + 890, 400)
        meter.at_s = (n + 1) * 900
        meter.show(400, (PartsOff("tariffs", 12, 4), PartsOff("phases", off, 4)))
    assert meter.checks[Check.PARTS] == CheckResult(Check.PARTS, result, off_mwh)
    meter.go(2700, 400)
    assert meter.checks[Check.PARTS].result == NOT_RUN


def test_a_total_that_has_begun_again_is_not_held_against_its_parts() -> None:
    """At 999,999.9 kWh the display goes to zero; the phases' counters stand at a third of it and go on."""
    meter = Meter()
    meter.go(890, 400)
    meter.at_s = 900
    meter.show(400, (PartsOff("phases", 0, 4),))
    meter.go(1790, 400)
    meter.state = msgspec.structs.replace(meter.state, flags=meter.state.flags | Quality.WRAP)
    meter.at_s = 1800
    meter.show(400, (PartsOff("phases", 10**12, 4),))
    assert meter.checks[Check.PARTS].result == NOT_RUN


@pytest.mark.parametrize(
    ("dark", "export_w", "result", "value"),
    [(True, 20, PASSED, 5), (True, 24, FAILED, 6), (False, 4000, PASSED, 0), (True, 0, PASSED, 0)],
)
def test_a_roof_exports_nothing_in_the_dark(dark: bool, export_w: int, result: int, value: int) -> None:
    """A battery sold as sunshine, or a clock twelve hours off."""
    noon_lon = -(I0 * 900 % 86_400) / 240 + 180
    meter = Meter(RULES._replace(pv_at=(0.0, (noon_lon + (180 if dark else 0) + 180) % 360 - 180)))
    meter.go(1800, -export_w, every_s=300)
    assert meter.checks[Check.NIGHT] == CheckResult(Check.NIGHT, result, value)
    assert meter.last.quality & NO_POST_MASK == 0


def test_a_meter_that_is_no_roof_may_export_at_any_hour() -> None:
    """Batteries, wind and a generator feed in at night too."""
    meter = Meter()
    meter.go(1800, -4000)
    assert meter.checks[Check.NIGHT].result == NOT_RUN


@pytest.mark.parametrize(
    ("latitude", "longitude", "at_s", "elevation"),
    [
        (51.4769, 0.0, 1_718_884_920, 61.96),  # Greenwich, 2024-06-20 12:02 UTC: 90 - 51.48 + 23.44
        (51.4769, 0.0, 1_734_782_280, 15.09),  # Greenwich, 2024-12-21 11:58 UTC: 90 - 51.48 - 23.44
        (0.0, 0.0, 1_710_936_420, 90.0),  # Equator at the equinox, 2024-03-20 12:07 UTC
        (13.7563, 100.5018, 1_710_936_420, -10.1),  # Bangkok: 18:42 solar time, 100.4° past noon
    ],
)
def test_the_sun_stands_where_the_almanac_says(latitude: float, longitude: float, at_s: int, elevation: float) -> None:
    """A sign wrong and every roof fails at noon."""
    assert elevation_deg(latitude, longitude, at_s) == pytest.approx(elevation, abs=0.8)
    assert DARK_DEG == -6.0


def test_a_step_of_the_register_is_no_mismatch() -> None:
    """A meter that counts whole kilowatt-hours shows nothing for an hour and then all of it."""
    meter = Meter(step_wh=1000)
    meter.go(4 * 900, 1500)
    assert all(d.quality & NO_POST_MASK == 0 for d in meter.drafts)
    assert Fraction(meter.window.step_wh) == 1000


@pytest.mark.parametrize("step_s", [3_600, -3_600])
def test_a_clock_that_was_set_is_no_power_failure_and_no_contradiction(step_s: int) -> None:
    """Summer time on a box that keeps local time: the meter was well, and its readings say so."""
    meter = Meter()
    meter.go(1_800, 6_000)
    meter.state = msgspec.structs.replace(meter.state, flags=meter.state.flags | Quality.CLOCK_ADJUSTED)
    meter.at_s += step_s
    meter.drafts.clear()
    meter.go(meter.at_s + 900 + max(0, -step_s), 6_000)
    flags = {
        flag for draft in meter.drafts for flag in (Quality.POWER_FAILURE, Quality.QUESTIONABLE) if draft.quality & flag
    }
    assert flags == set()
    assert meter.drafts
