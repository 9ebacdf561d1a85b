"""No interval gets a stamp that nobody vouches for: boot in 1970, steps, a week without time, summer time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from edge.meter import MAX_HELD, Meter, rules_for
from edge.sample import Sample
from edge.settings import MeterSettings
from edge.watch import Chrony, WatchedClock, parse_tracking
from gridkit.clock import UNKNOWN_ERROR_MS, FakeClock
from gridkit.enrolment import ConfiguredMeter
from gridkit.profile import RawCounter, load_profile
from gridkit.quality import NO_POST_MASK, Quality
from gridkit.reading import Core, decode_core

S = 1_000_000_000
HOUR = 3600
NOON_S = 1_782_000_000 // 86_400 * 86_400 + 12 * HOUR
POLL_S = 5
LIMIT_MS = 5_000


class Box:
    """A computer whose clock may be wrong, and a meter whose register grows by a Wh a second of true time."""

    def __init__(self, true_s: int = NOON_S, off_s: int = 0, bound_ms: int = 20) -> None:
        profile = load_profile("schneider-iem3155")
        settings = MeterSettings(id="M1", profile=profile.id, key_file=Path("k"), host="h", max_power_w=20_000)
        rules = rules_for(settings, profile, speed=1, poll_interval_s=POLL_S, clock_limit_ms=LIMIT_MS)
        self.meter = Meter(settings, profile, rules, {0: SigningKey(bytes(32))}, b"abcd")
        self.meter.row = ConfiguredMeter(self.meter.meter_id, 7, 1, 0, 0, 0)
        self.true_s, self.off_s = true_s, off_s
        self.clock = FakeClock(error_bound_ms=bound_ms)
        self.chrony_ms: int | None = None
        self.watched = WatchedClock(
            self.clock, steady_ns=lambda: self.true_s * S, second_opinion_ms=lambda: self.chrony_ms
        )
        self.cores: list[Core] = []

    def run(self, seconds: int, poll_s: int = POLL_S) -> None:
        """Poll for so long."""
        for _ in range(seconds // poll_s):
            self.true_s += poll_s
            self.poll()

    def poll(self) -> None:
        """One sample, taken as the agent takes it."""
        self.clock.set_ns((self.true_s + self.off_s) * S)
        sample = Sample(
            self.watched.now_ns(),
            self.true_s * S,
            self.watched.error_bound_ms(),
            RawCounter(self.true_s, 1, 1, 1, 1),
            RawCounter(0, 1, 1, 1, 1),
            "1",
            (),
            {},
        )
        meter = self.meter
        if sample.clock_error_ms > LIMIT_MS:
            meter.hold(sample)
            return
        if meter.held:
            for held in meter.restamped(sample.read_ns, sample.monotonic_ns, sample.clock_error_ms, 1):
                if held.clock_error_ms <= LIMIT_MS:
                    self._make(held)
        meter.notice_clock_steps(sample, 1)
        self._make(sample)

    def _make(self, sample: Sample) -> None:
        made = self.meter.make(sample)
        self.cores += [decode_core(payload[:47]) for _, _, payload in made.readings]
        self.meter.kept(made)

    def true_intervals(self) -> None:
        """Every reading that may be posted carries the register of its own quarter hour, to the ten seconds of the rule."""
        for core in self.cores:
            if core.quality & NO_POST_MASK == 0:
                assert abs(core.import_wh - (core.interval + 1) * 900) <= 10, core


def test_a_box_that_booted_in_1970_stamps_what_it_held_once_it_knows_the_time() -> None:
    """The Raspberry Pi has no clock battery; its first quarter hours after a power cut are as good as any."""
    box = Box(off_s=-NOON_S, bound_ms=UNKNOWN_ERROR_MS)
    box.run(2 * HOUR)
    assert box.cores == []
    box.off_s = 0
    box.clock.set_error_bound_ms(20)
    box.run(HOUR)
    box.true_intervals()
    posted = [c for c in box.cores if c.quality & NO_POST_MASK == 0]
    assert posted[0].interval >= NOON_S // 900 - 1
    assert posted[0].quality & Quality.CLOCK_ADJUSTED
    assert posted[-1].import_wh == box.true_s // 900 * 900


@pytest.mark.parametrize("step_s", [HOUR, -HOUR])
def test_a_step_of_an_hour_is_never_a_silent_lie(step_s: int) -> None:
    """Somebody sets the zone by setting the clock, and corrects it the next day."""
    box = Box()
    box.run(2 * HOUR)
    before = len(box.cores)
    box.off_s = step_s
    box.run(5 * 60)
    assert len(box.cores) == before, "a clock that contradicts itself is not believed at once"
    box.off_s = 0
    box.run(2 * HOUR)
    box.true_intervals()
    after = [c for c in box.cores[before:] if c.quality & NO_POST_MASK == 0]
    assert after[0].quality & Quality.CLOCK_ADJUSTED
    assert after[-1].import_wh == box.true_s // 900 * 900
    assert len({c.interval for c in box.cores}) == len(box.cores)
    assert box.watched.jumps == 2


@pytest.mark.parametrize("step_s", [HOUR, -HOUR])
def test_a_step_that_stays_is_flagged_and_energy_goes_on(step_s: int) -> None:
    """Nobody can tell which of two sworn clocks lied; the reading says that they did, and no meter is called reset."""
    box = Box()
    box.run(2 * HOUR)
    before = box.cores[-1]
    box.off_s = step_s
    box.run(4 * HOUR)
    later = [c for c in box.cores if c.interval > before.interval]
    assert later[0].quality & Quality.CLOCK_ADJUSTED
    assert not any(c.quality & (Quality.RESET | Quality.QUESTIONABLE) for c in later)
    registers = [c.import_wh for c in box.cores]
    assert registers == sorted(registers)
    assert len({c.interval for c in box.cores}) == len(box.cores)


def test_a_clock_set_back_while_the_agent_was_off_is_no_reset() -> None:
    """Half an hour of load in minus half an hour of time looked like a leap, and a leap wants an approved epoch."""
    box = Box(off_s=HOUR)
    box.run(HOUR)
    box.true_s += HOUR // 2
    box.off_s = 0
    again = Box(true_s=box.true_s)
    again.meter = Meter(
        box.meter.settings, box.meter.profile, box.meter.rules, box.meter.keys, b"abcd", state=box.meter.state
    )
    again.meter.row = box.meter.row
    again.run(3 * HOUR)
    assert again.cores
    assert not any(c.quality & (Quality.RESET | Quality.QUESTIONABLE) for c in again.cores)


def test_a_week_without_time_closes_nothing_and_loses_nothing() -> None:
    """The bound grows by itself (500 ppm); beyond five seconds no boundary can be vouched for."""
    box = Box()
    box.run(HOUR)
    count = len(box.cores)
    for minute in range(7 * 24 * 60):
        box.clock.set_error_bound_ms(min(UNKNOWN_ERROR_MS, 20 + 30 * minute))
        box.run(60, 60)
    doubtful = [c for c in box.cores[count:] if c.clock_error_ms > LIMIT_MS]
    assert doubtful == []
    assert len(box.cores) - count < 15
    assert box.meter.held <= MAX_HELD
    box.clock.set_error_bound_ms(20)
    box.run(HOUR)
    box.true_intervals()
    posted = [c for c in box.cores if c.quality & NO_POST_MASK == 0]
    assert posted[-1].import_wh == box.true_s // 900 * 900
    assert any(c.quality & Quality.CATCH_UP for c in posted)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25"),
        ("Australia/Lord_Howe", "2026-04-05"),
        ("Australia/Lord_Howe", "2026-10-04"),
    ],
)
def test_a_day_of_changing_clocks_has_ninety_six_quarter_hours(
    zone: str, day: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """92, 96 or 100 of them is a matter of the display; two readings of one hour, or none, is a matter of the bill."""
    import calendar

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        midnight_s = calendar.timegm(time.strptime(day, "%Y-%m-%d"))
        box = Box(true_s=midnight_s - 60)
        box.run(24 * HOUR + 120, 60)
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    intervals = [c.interval for c in box.cores]
    assert intervals == list(range(midnight_s // 900 - 1, midnight_s // 900 + 96))
    assert all(c.quality & ~Quality.PARTIAL == 0 for c in box.cores)
    box.true_intervals()


TRACKING = "A9FEA97B,169.254.169.123,4,1764268001.123456789,{},0.0,0.0,-11.2,0.0,0.04,{},{},16.2,{}\n"


@pytest.mark.parametrize(
    ("text", "bound_ms"),
    [
        (TRACKING.format("0.000001", "0.000400", "0.000200", "Normal"), 1),
        (TRACKING.format("-0.0125", "0.002", "0.0035", "Normal"), 17),
        (TRACKING.format("0.001", "0.002", "0.003", "Insert second"), 5),
        (TRACKING.format("0.001", "0.002", "0.003", "Not synchronised"), None),
        (TRACKING.format("0.001", "x", "0.003", "Normal"), None),
        (TRACKING.format("0.001", "0.002", "-9.0", "Normal"), None),
        (TRACKING.format("0.001", "0.-2", "0.003", "Normal"), None),
        (TRACKING.format("", "0.002", "0.003", "Normal"), None),
        (TRACKING.format("٣", "0.002", "0.003", "Normal"), None),
        (TRACKING.format("90", "0", "0", "Normal"), UNKNOWN_ERROR_MS),
        ("", None),
        ("506 Cannot talk to daemon\n", None),
    ],
)
def test_the_bound_is_what_chrony_calls_absolute(text: str, bound_ms: int | None) -> None:
    """|correction| + root dispersion + half the root delay."""
    assert parse_tracking(text) == bound_ms


def a_program(file: Path, lines: str) -> str:
    """Return the path of a shell program. All of a test's are written before the first runs: Chrony asks again in the
    background, Linux refuses to write a file that is just being started, and to start one that is open for writing."""
    file.write_text(f"#!/bin/sh\n{lines}\n")
    file.chmod(0o755)
    return str(file)


@pytest.mark.integration
def test_chrony_is_asked_where_the_kernel_knows_nothing(tmp_path: Path) -> None:
    """chronyd without `rtcsync` leaves the kernel's clock marked as unsynchronised although it steers it."""
    tracking = TRACKING.format("0.001", "0.002", "0.003", "Normal").strip()
    program = a_program(tmp_path / "chronyc", f"printf '{tracking}\\n'")
    broken = [
        a_program(tmp_path / "says-then-fails", f"printf '{tracking}\\n'; exit 1"),
        a_program(tmp_path / "talks-nonsense", "echo nonsense"),
        a_program(tmp_path / "talks-no-text", "printf '\\377\\376\\n'"),
    ]
    chrony = Chrony(program)
    chrony.ask()
    assert chrony.error_bound_ms() in (5, 6, 7)
    silent = FakeClock(error_bound_ms=UNKNOWN_ERROR_MS)
    assert WatchedClock(silent, second_opinion_ms=chrony.error_bound_ms).error_bound_ms() <= 7
    assert WatchedClock(FakeClock(error_bound_ms=3), second_opinion_ms=chrony.error_bound_ms).error_bound_ms() >= 5
    assert WatchedClock(FakeClock(error_bound_ms=30), second_opinion_ms=chrony.error_bound_ms).error_bound_ms() == 30
    for name in (*broken, str(tmp_path / "none")):
        other = Chrony(name)
        other.ask()
        assert other.error_bound_ms() is None


def test_an_hour_that_chrony_slews_is_known_to_chrony_alone() -> None:
    """Its kernel bound leaves out what it has yet to correct: half a day of readings an hour off, each sworn to 20 ms."""
    box = Box()
    box.run(2 * HOUR)
    before = len(box.cores)
    box.off_s = HOUR
    for minute in range(3 * 60):
        box.off_s = HOUR - 10 * minute
        box.chrony_ms = 20 if minute < 5 else min(UNKNOWN_ERROR_MS, 1000 * box.off_s)
        box.run(60, 60)
    assert len(box.cores) == before
    box.off_s, box.chrony_ms = 0, 20
    box.run(HOUR)
    box.true_intervals()
    assert any(c.quality & Quality.CLOCK_ADJUSTED for c in box.cores[before:])
    assert len({c.interval for c in box.cores}) == len(box.cores)


def test_the_watched_clock_is_the_clock() -> None:
    """Nothing but the bound is touched."""
    clock = FakeClock(5 * S, error_bound_ms=7)
    watched: Any = WatchedClock(clock, steady_ns=lambda: clock.now_ns(), second_opinion_ms=lambda: 1)
    assert (watched.now_ns(), watched.error_bound_ms(), watched.speed, watched.jumps) == (5 * S, 7, 1, 0)
