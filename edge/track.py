"""Decides what a meter's changing registers mean and which quarter hours they close; pure, no clock, no socket.

A lower value is a question, never a baseline:

    jitter    a few steps down         the higher value is held
    wrap      counter ran over         accepted once it has counted on from there; the register goes on, unwrapped to u64
    glitch    impossible for a moment  held, read again; when the old course returns it was a glitch; a confirmed one must stay gone
    catch-up  stood still, then leapt  accepted once it has stayed, where sampled power or a meter that showed nothing new explains it
    reset     stays lower              nothing is trusted until a new register epoch is approved
    swap      another serial           the same
    leap      more than the connection can carry: the same as lower

While a question is open no register of the meter is believed. Once it is confirmed each quarter hour is closed by a
reading marked questionable, with the registers last believed, so that somebody sees it; the chain never takes those.
"""

from __future__ import annotations

from enum import Enum
from fractions import Fraction
from functools import partial
from typing import NamedTuple

import msgspec

from edge.sample import Sample
from gridkit.interval import INTERVAL_NS, end_ns
from gridkit.profile import RawCounter
from gridkit.quality import Quality, is_postable
from gridkit.reading import PhaseStats, RawRegister, Spread

JITTER_STEPS = 2
CONFIRM_SAMPLES = 4
"""Samples that must ask the same question before it counts as an event: two rounds, each read twice."""
WRAP_POWER = 2
"""A fall is a wrap only if what flowed across it is at most this many times what the power on either side carries."""
COURSES = 4
"""Doubted courses that are remembered while a question is open."""
STALE_REPEATS = 2
"""Samples in a row that repeat everything measured of the one before, after which they are taken for it: a gateway answers for the meter."""
MAX_INTERPOLATION_NS = 2 * 3600 * 1_000_000_000
"""Longest gap across which a boundary may be interpolated. Source: California VEE 4.1, two hours."""
MAX_SET_BACK_NS = 2 * 3600 * 1_000_000_000
"""Time that may have passed unseen when the clock was set back meanwhile: an hour of zone or summer time, and a restart."""
SLACK_NS = 10 * 1_000_000_000
"""A register may lag behind the energy by this much, so growth is allowed that much more time."""
_NS_PER_HOUR = 3600 * 1_000_000_000
_FINEST = 1 << 40


class Change(Enum):
    """What one register did since it was last believed."""

    RISE = "rise"
    JITTER = "jitter"
    CATCH_UP = "catch_up"
    WRAP = "wrap"
    LOWER = "lower"
    LEAP = "leap"


def judge_register(
    trusted_wh: Fraction,
    shown_wh: Fraction,
    *,
    step_wh: Fraction,
    wrap_wh: int,
    limit_wh: Fraction,
    catch_up_wh: Fraction | None = None,
    across_wh: Fraction | None = None,
) -> Change:
    """Return what a register's step from the last believed value to the shown one is.

    Args:
        trusted_wh, shown_wh: Exact register values, Wh, in [0, wrap_wh); of registers added up, several times that.
        step_wh: The register's own step, Wh.
        wrap_wh: First value that the register cannot show, Wh; 0 if it never wraps.
        limit_wh: Most that the connection can have carried meanwhile, Wh.
        catch_up_wh: Most that a register which has stood still can make up for, Wh; None: limit_wh.
        across_wh: Most that can have flowed across a wrap, Wh; None: limit_wh.
    """
    if shown_wh >= trusted_wh:
        if shown_wh - trusted_wh <= limit_wh:
            return Change.RISE
        return Change.CATCH_UP if catch_up_wh is not None and shown_wh - trusted_wh <= catch_up_wh else Change.LEAP
    if trusted_wh - shown_wh <= JITTER_STEPS * step_wh:
        return Change.JITTER
    # Tariffs that are added up fall by one wrap from above it, too: less than nothing has not flowed.
    if wrap_wh and 0 <= shown_wh + wrap_wh - trusted_wh <= (limit_wh if across_wh is None else across_wh):
        return Change.WRAP
    return Change.LOWER


class Rules(NamedTuple):
    """What the profile, the connection and the clock set for one meter.

    Attributes:
        wrap_import_wh, wrap_export_wh: Wrap points, Wh; 0 where there is none. A scale factor shifts them: `Sample.wraps_wh`.
        max_power_w: Most the connection carries, W.
        tolerance_ns: How far a boundary sample may lie from the quarter hour, campus ns.
        coverage_gap_ns: A longer time without sample makes the interval partial, campus ns.
        clock_limit_ms: Largest clock error bound with which an interval closes.
        power_signed: Whether the family's power register tells export from import.
        pv_at: Latitude and longitude, degrees, of a meter that counts a solar roof alone; None for all others.
    """

    wrap_import_wh: int
    wrap_export_wh: int
    max_power_w: int
    tolerance_ns: int
    coverage_gap_ns: int
    clock_limit_ms: int
    power_signed: bool = False
    pv_at: tuple[float, float] | None = None

    def limit_wh(self, elapsed_ns: int, step_wh: Fraction) -> Fraction:
        """Return the most energy that can have flowed: 1.2 times the rating, and five register steps."""
        if elapsed_ns < 0:
            # The clock was set back: how long it really was nobody knows.
            elapsed_ns = MAX_SET_BACK_NS - elapsed_ns
        return Fraction(self.max_power_w * 12 * (elapsed_ns + SLACK_NS), 10 * _NS_PER_HOUR) + 5 * step_wh


class Course(msgspec.Struct, frozen=True, array_like=True):
    """Registers that were doubted and counted on.

    Attributes:
        import_raw, export_raw, read_ns: Of its last sample, as in `TrackState`.
        flags: Quality bits of what spoke against any of its samples.
        is_constant: Whether it has not moved.
    """

    import_raw: tuple[int, int] | None
    export_raw: tuple[int, int] | None
    read_ns: int
    flags: int
    is_constant: bool


class Question(msgspec.Struct, frozen=True, array_like=True):
    """An open question: what is shown is not believed.

    Attributes:
        flags: Quality bits of what speaks against it; 0: a wrap or a catch-up would explain it all.
        samples: That asked it.
        last: Of the last of them.
        courses: Those that two samples or more have followed, latest first; a glitch in between, however long, hides none of them.
        looks: What explains it: a wrap of import (1) or export (2), a catch-up of import (4) or export (8); 0 nothing.
        run: Samples in a row that are explained so, or that nothing speaks against, and have counted on, each from the one before.
        run_import, run_export: Registers of the first of those, as in `TrackState`.
        sampled_mwh: What power, without its sign, adds up to since the registers were last believed, mWh.
        unseen_ns: Time since then in which no power was sampled, campus ns.
    """

    flags: int
    samples: int
    last: Course
    courses: tuple[Course, ...] = ()
    looks: int = 0
    run: int = 0
    run_import: tuple[int, int] | None = None
    run_export: tuple[int, int] | None = None
    sampled_mwh: int = 0
    unseen_ns: int = 0


WRAPS = (1, 2)
CATCH_UPS = (4, 8)
"""Bits of `Question.looks`, import and export."""


class TrackState(msgspec.Struct, frozen=True, array_like=True):
    """What must survive a restart; kept in the spool's transaction with the reading that it made.

    Registers are exact: (numerator, denominator) in Wh; None before the first sample.

    Attributes:
        register_epoch: Of the readings now made.
        serial: The meter's own; "" as long as none was seen.
        import_raw, export_raw: Last believed.
        import_offset_wh, export_offset_wh: Added to unwrap: wraps so far times the wrap point.
        sample_ns: When they were read, campus ns.
        last_interval: Latest interval that a reading was made for, of whatever quality; -1 none.
        measured_interval: Latest one of an unmasked reading of this epoch; -1: the next one opens it.
        measured_import_wh, measured_export_wh, measured_read_ms: Of that reading.
        core_hash: SHA-256 of the latest core.
        flags: Quality bits to be carried by the readings up to the next unmasked one.
        question: What is asked now; kept, for a leap that has been doubted must not become plausible by a restart.
        moved_ns: When a register was last seen to move, campus ns.
        still_mwh: What sampled power adds up to since then, mWh.
        power_mw: Net power when they were read, mW; None where none was shown.
        import_still_mwh, export_still_mwh: What sampled power adds up to in that direction since its own register was last seen to
            move, mWh; 0 where the power register has no sign.
    """

    register_epoch: int = 0
    serial: str = ""
    import_raw: tuple[int, int] | None = None
    export_raw: tuple[int, int] | None = None
    import_offset_wh: int = 0
    export_offset_wh: int = 0
    sample_ns: int = 0
    last_interval: int = -1
    measured_interval: int = -1
    measured_import_wh: int = 0
    measured_export_wh: int = 0
    measured_read_ms: int = 0
    core_hash: bytes = b""
    flags: int = 0
    question: Question | None = None
    moved_ns: int = 0
    still_mwh: int = 0
    power_mw: int | None = None
    import_still_mwh: int = 0
    export_still_mwh: int = 0


STANDSTILL_STEPS = 10
"""Register steps that sampled power must account for before a register that did not move counts as frozen."""
STANDSTILL_SHARE = 100
"""... and the sampled energy is at least this part of what the connection can carry: a hundredth, as head-ends ask of current."""


MISMATCH_SAMPLES = 30
"""Power samples an interval must hold before their integral says anything about a register."""
HISTORY_INTERVALS = 96
"""Intervals whose energy is remembered for the spike check: 24 h."""


class Draft(NamedTuple):
    """A reading before it gets its number and signature.

    Attributes:
        interval: Which quarter hour it closes.
        register_epoch: Of its registers.
        import_wh, export_wh: Cumulative registers at its end, Wh.
        quality: Flags.
        clock_error_ms: u16.
        opening_interval, opening_import_wh, opening_export_wh, opening_read_ms: The last measured reading; its own
            and interval 0 when this one opens the epoch.
        closing_read_ms: Instant of the boundary sample, campus UTC ms; of the later bracket when derived.
        previous_core_hash: b"" for the first reading ever.
        raw_import, raw_export: What the boundary sample showed; None when derived or questionable.
        opens: Whether it opens its register epoch.
    """

    interval: int
    register_epoch: int
    import_wh: int
    export_wh: int
    quality: int
    clock_error_ms: int
    opening_interval: int
    opening_import_wh: int
    opening_export_wh: int
    opening_read_ms: int
    closing_read_ms: int
    raw_import: RawRegister | None
    raw_export: RawRegister | None
    opens: bool

    @property
    def grown_wh(self) -> int:
        """Energy of both directions since the last measured reading, Wh."""
        return self.import_wh - self.opening_import_wh + self.export_wh - self.opening_export_wh

    @property
    def span_ns(self) -> int:
        """Time since the last measured reading was read, campus ns."""
        return (self.closing_read_ms - self.opening_read_ms) * 1_000_000


class Outcome(Enum):
    """What a sample was taken for; a metric label."""

    TRUSTED = "trusted"
    JITTER = "jitter"
    WRAPPED = "wrapped"
    CAUGHT_UP = "caught_up"
    GLITCH_OVER = "glitch_over"
    QUESTION = "question"
    """Not believed, not yet confirmed: read again."""
    CONFIRMED = "confirmed"
    """An event that needs an approved register epoch, or somebody to put the meter right."""
    NEW_EPOCH = "new_epoch"


class Window:
    """What was seen of the interval that is open now; lost at a restart without harm to energy."""

    def __init__(self) -> None:
        self.step_wh = Fraction(1)
        self._steps: list[tuple[int, int]] = []
        self.recent_wh: dict[int, int] = {}
        """Interval → energy of both directions, of the last 24 h's measured readings that span one interval."""
        self.last_power: tuple[int, int] | None = None
        self.repeats = 0
        """Samples that showed the same in everything measured as the one before, in a row."""
        self.repeats_since_ns = 0
        self._measured: dict[tuple[str, int], int] = {}
        self._parts_off: dict[str, int] = {}
        self.reset(0)

    def reset(self, since_ns: int) -> None:
        """Begin a new interval."""
        self.count = 0
        self.doubted = 0
        self.identity_refused = 0
        self.longest_gap_ns = 0
        self.latest_ns = since_ns
        self.energy_mwns = 0
        self.standstill_wh = 0
        """Wh sampled since the registers last moved, where they must have."""
        self.first_power_ns = 0
        self._power: tuple[int, int] | None = None
        self._totals_wh: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
        self.parts: dict[str, tuple[int, int]] = {}
        self._spread: dict[tuple[str, int], list[int]] = {}

    def add(self, sample: Sample, totals_wh: tuple[int, int] = (0, 0)) -> None:
        """Count one good sample, and the registers as believed with it."""
        if self.latest_ns:
            self.longest_gap_ns = max(self.longest_gap_ns, sample.read_ns - self.latest_ns)
        self.latest_ns = sample.read_ns
        self.count += 1
        if sample.measured != self._measured or not any(sample.measured.values()):
            self.repeats, self.repeats_since_ns = 0, sample.read_ns
        else:
            self.repeats += 1
        self._measured = sample.measured
        steps = [(c.step_num, c.step_den) for c in (sample.import_raw, sample.export_raw) if c]
        if steps and steps != self._steps:
            self._steps, self.step_wh = steps, max(Fraction(*step) for step in steps)
        for part in sample.parts:
            if part.kind in self._parts_off:
                self.parts[part.kind] = (part.off_mwh - self._parts_off[part.kind], part.step_mwh)
            self._parts_off[part.kind] = part.off_mwh
        for key, value in sample.measured.items():
            known = self._spread.get(key)
            if known is None:
                self._spread[key] = [value, value, value, 1]
            else:
                known[0] = min(known[0], value)
                known[1] += value
                known[2] = max(known[2], value)
                known[3] += 1
        power = sample.measured.get(("power", 0))
        if power is not None:
            if self._power is None:
                self.first_power_ns = sample.read_ns
                self._totals_wh = (totals_wh, totals_wh)
            else:
                self._totals_wh = (self._totals_wh[0], totals_wh)
                self.energy_mwns += (power + self._power[1]) * (sample.read_ns - self._power[0]) // 2
            self._power = self.last_power = (sample.read_ns, power)

    def remember(self, draft: Draft) -> None:
        """Keep a measured interval's energy for the spike check; the same interval again changes nothing."""
        if draft.opens or not is_postable(draft.quality) or draft.interval - draft.opening_interval != 1:
            return
        self.recent_wh[draft.interval] = draft.grown_wh
        for interval in [i for i in self.recent_wh if i <= draft.interval - HISTORY_INTERVALS]:
            del self.recent_wh[interval]

    def sampled_mwh(self) -> int:
        """Return the net energy that sampled power adds up to, mWh, import positive; 0 where none was sampled."""
        return self.energy_mwns // _NS_PER_HOUR

    def sampled_wh(self) -> int:
        """Return the same in whole Wh, without its sign."""
        return abs(self.energy_mwns) // (1000 * _NS_PER_HOUR)

    def sampled_ns(self) -> int:
        """Return over which time power was sampled, campus ns."""
        return 0 if self._power is None else self._power[0] - self.first_power_ns

    def grown_wh(self) -> tuple[int, int]:
        """Return by how much import and export have grown over that time, Wh."""
        first, last = self._totals_wh
        return last[0] - first[0], last[1] - first[1]

    def net_wh(self) -> int:
        """Return import less export of that time, Wh."""
        grown = self.grown_wh()
        return grown[0] - grown[1]

    def is_comparable(self) -> bool:
        """Return whether the power samples say anything about the registers: 30 of them over nine tenths of an interval."""
        return self.count >= MISMATCH_SAMPLES and self.sampled_ns() * 10 >= INTERVAL_NS * 9

    def spread(self, quantity: str, phase: int) -> Spread | None:
        """Return least, mean and greatest of a quantity in thousandths of its unit."""
        known = self._spread.get((quantity, phase))
        return None if known is None else (known[0], known[1] // known[3], known[2])

    def phases(self) -> tuple[PhaseStats, ...]:
        """Return the statistics of the total and of each phase that showed anything."""
        quantities = ("voltage", "current", "power", "power_factor")
        rows = (PhaseStats(n, *(self.spread(q, n) for q in quantities)) for n in range(4))
        return tuple(row for row in rows if (row.voltage_mv, row.current_ma, row.power_mw) != (None, None, None))


class Taken(NamedTuple):
    """What came of a sample: the state after it, the readings to make (oldest first), and what it was taken for."""

    state: TrackState
    drafts: list[Draft]
    outcome: Outcome


def take(
    state: TrackState,
    window: Window,
    sample: Sample,
    rules: Rules,
    *,
    expected_serial: str,
    approved_epoch: int | None,
) -> Taken:
    """Judge one sample and close whatever quarter hours it closes.

    Args:
        state: As left by the last sample, or read from the spool.
        window: The open interval; changed in place. The caller resets it once the drafts are kept.
        sample: With a clock error bound within the rules' limit.
        rules: Of this meter.
        expected_serial: From the settings; "" adopts the first that is seen.
        approved_epoch: Register epoch of the signed configuration; None: the meter has no number yet, nothing is made.

    Returns:
        State, drafts and outcome. The state's `core_hash` is the caller's to set to the last draft's core.
    """
    if approved_epoch is not None and state.last_interval < 0:
        # No reading was ever made here: the configuration says which epoch the meter is in.
        state = msgspec.structs.replace(state, register_epoch=approved_epoch)
    doubt, looks = _doubts(state, window, sample, rules, expected_serial)
    question = state.question
    if not doubt and question is not None:
        doubt = _still_doubted(state, question, sample, rules, looks) or _beyond_power(
            state, question, sample, rules, looks
        )
    if doubt or looks:
        asked = _asked_again(state, sample, rules, doubt, looks)
        if doubt or not _is_explained(asked, sample):
            return _questioned(
                msgspec.structs.replace(state, question=asked), window, sample, doubt, approved_epoch, rules
            )
        outcome = Outcome.WRAPPED if looks & sum(WRAPS) else Outcome.CAUGHT_UP
    elif question is None:
        outcome = Outcome.TRUSTED
    elif question.run and question.looks and not question.flags and _counts_on(question.last, sample, rules):
        # Time has passed: what it caught up with would have been believed without a question.
        outcome = Outcome.CAUGHT_UP
    else:
        if question.samples >= CONFIRM_SAMPLES:
            returning = _returning(state, question, sample, rules)
            if returning.run < CONFIRM_SAMPLES:
                window.doubted += 1
                return Taken(msgspec.structs.replace(state, question=returning), [], Outcome.QUESTION)
        state = msgspec.structs.replace(state, flags=state.flags | Quality.GLITCH_REJECTED)
        outcome = Outcome.GLITCH_OVER
    if question is not None:
        state = msgspec.structs.replace(state, question=None)
    return _trusted(state, window, sample, rules, looks, outcome, approved_epoch)


def _doubts(state: TrackState, window: Window, sample: Sample, rules: Rules, expected_serial: str) -> tuple[int, int]:
    """Return the quality bits of what speaks against the sample, and which registers seem to have wrapped or caught up."""
    doubt = looks = 0
    for fault in sample.faults:
        doubt |= Quality.IDENTITY_CHANGED if fault.startswith("model") else Quality.UNIT_CHANGED
    serial = state.serial or expected_serial
    if serial and sample.serial != serial:
        doubt |= Quality.IDENTITY_CHANGED
    if not _is_steady(sample, rules):
        doubt |= Quality.RESET
    for index, (trusted, shown, wrap_wh) in enumerate(_directions(state, sample, rules)):
        if trusted is None or shown is None or has_risen(trusted, shown, sample.read_ns - state.sample_ns, rules):
            continue
        judged = partial(judge_register, Fraction(*trusted), shown.exact_wh, step_wh=shown.step_wh, wrap_wh=wrap_wh)
        limit_wh = rules.limit_wh(sample.read_ns - state.sample_ns, shown.step_wh)
        change = judged(limit_wh=limit_wh)
        if change not in (Change.RISE, Change.JITTER):
            still_mwh = max(state.still_mwh, (state.import_still_mwh, state.export_still_mwh)[index])
            catch_up_wh = _catch_up_wh(state, window, sample, rules, shown.step_wh, still_mwh)
            across_wh = _across_wh(state, window, sample, rules, index, max(limit_wh, catch_up_wh))
            change = judged(limit_wh=limit_wh, catch_up_wh=catch_up_wh, across_wh=across_wh)
        if change in (Change.LOWER, Change.LEAP):
            doubt |= Quality.RESET
        looks |= WRAPS[index] * (change is Change.WRAP) | CATCH_UPS[index] * (change is Change.CATCH_UP)
    return doubt, looks


def _directions(
    state: TrackState, sample: Sample, rules: Rules
) -> tuple[tuple[tuple[int, int] | None, RawCounter | None, int], ...]:
    """Return of import and export what was last believed, what is shown, and where it wraps, Wh."""
    wraps_wh = sample.wraps_wh or (rules.wrap_import_wh, rules.wrap_export_wh)
    return ((state.import_raw, sample.import_raw, wraps_wh[0]), (state.export_raw, sample.export_raw, wraps_wh[1]))


def has_risen(trusted: tuple[int, int], shown: RawCounter, elapsed_ns: int, rules: Rules) -> bool:
    """Return whether a register has risen by so little that no step of it matters: `Change.RISE` for certain, found in integers.

    So it is with nearly every sample: no fraction is formed for those.

    Args:
        trusted: Register last believed, as in `TrackState`.
        shown: What the meter shows.
        elapsed_ns: Between the two, campus ns.
        rules: Of the meter.
    """
    growth = _growth(trusted, shown)
    most_wns = rules.max_power_w * (elapsed_ns + SLACK_NS)
    return elapsed_ns >= 0 and 0 <= growth * _NS_PER_HOUR <= most_wns * trusted[1] * shown.unit_den


def _growth(trusted: tuple[int, int], shown: RawCounter) -> int:
    """Return by how much a register has risen, Wh times both denominators."""
    return shown.value * shown.unit_num * trusted[1] - trusted[0] * shown.unit_den


def _is_stale(state: TrackState, window: Window) -> bool:
    """Return whether the meter showed nothing new, not even in a voltage, until now: somebody repeated an old answer."""
    return window.repeats >= STALE_REPEATS and state.moved_ns <= window.repeats_since_ns


def _catch_up_wh(
    state: TrackState, window: Window, sample: Sample, rules: Rules, step_wh: Fraction, still_mwh: int
) -> Fraction:
    """Return the most that a register can make up for after it has stood still, Wh.

    Where power was sampled meanwhile, twice what it adds up to. Where everything stood still, not the registers alone, nobody
    knows what the power was: what the connection carries, as after any time without an answer.
    """
    if _is_stale(state, window):
        return rules.limit_wh(sample.read_ns - window.repeats_since_ns, step_wh)
    return rules.limit_wh(sample.read_ns - state.sample_ns, step_wh) + Fraction(2 * still_mwh, 1000)


def _across_wh(
    state: TrackState, window: Window, sample: Sample, rules: Rules, index: int, limit_wh: Fraction
) -> Fraction:
    """Return the most that can have flowed across a wrap, Wh: a register that was reset close below its wrap looks the same.

    Where power was sampled on both sides it must explain the fall; limit_wh, what the connection carries, bounds it in any case.
    """
    power_mw = sample.measured.get(("power", 0))
    if power_mw is None or state.power_mw is None or _is_stale(state, window):
        return limit_wh
    sides = (power_mw, state.power_mw)
    if rules.power_signed:
        load_mw = max(0, *sides) if index == 0 else max(0, *(-side for side in sides))
    else:
        load_mw = max(abs(side) for side in sides)
    span_ns = max(0, sample.read_ns - state.sample_ns) + SLACK_NS
    carried_wh = Fraction(load_mw * span_ns, 1000 * _NS_PER_HOUR) + Fraction(state.still_mwh, 1000)
    rated_wh = Fraction(rules.max_power_w * span_ns, STANDSTILL_SHARE * _NS_PER_HOUR)
    return min(limit_wh, WRAP_POWER * carried_wh + rated_wh + JITTER_STEPS * window.step_wh + 1)


def _counts_on(course: Course, sample: Sample, rules: Rules) -> bool:
    """Return whether the sample's registers are those of the course, grown by what the connection can have carried since, but for jitter."""
    pairs = ((course.import_raw, sample.import_raw), (course.export_raw, sample.export_raw))
    return all(
        -JITTER_STEPS * now.step_wh
        <= now.exact_wh - Fraction(*then)
        <= rules.limit_wh(sample.read_ns - course.read_ns, now.step_wh)
        for then, now in pairs
        if then is not None and now is not None
    )


def _is_steady(sample: Sample, rules: Rules) -> bool:
    """Return whether a boundary's counters went on from what was read first: what is shown once is nothing to sign."""
    again = sample.again
    if again is None:
        return True
    first = Course(_raw(sample.import_raw), _raw(sample.export_raw), sample.read_ns, 0, False)
    second = sample._replace(
        import_raw=again.import_raw, export_raw=again.export_raw, read_ns=sample.read_ns + again.after_ns
    )
    return _counts_on(first, second, rules)


def _still_doubted(state: TrackState, question: Question, sample: Sample, rules: Rules, looks: int) -> int:
    """Return the quality bits that go on speaking against plausible registers: they are the doubted ones grown on; 0: they are not.

    A reset meter may climb back over its old value, with enough time any leap looks possible and any fall like a wrap: all stay
    doubted. The end of a long glitch is another course.
    """
    for course in (*question.courses, question.last):
        if not course.flags & Quality.RESET or not _counts_on(course, sample, rules):
            continue
        if looks or (question.samples >= CONFIRM_SAMPLES and not _was_booting(course, state)):
            return course.flags
    return 0


def _beyond_power(state: TrackState, question: Question, sample: Sample, rules: Rules, looks: int) -> int:
    """Return the quality bits that speak against the end of a confirmed question: registers have grown by more than power explains.

    After hours the connection could have carried any nonsense. Where power was sampled all the while, twice its energy is the most; for
    what nobody saw, what the connection carries. Wraps and catch-ups have bounds of their own.
    """
    if looks or question.looks or question.samples < CONFIRM_SAMPLES:
        return 0
    sampled_mwh, unseen_ns = _flowed(state, sample, rules, 0)
    pairs = ((state.import_raw, sample.import_raw), (state.export_raw, sample.export_raw))
    explained = all(
        shown.exact_wh - Fraction(*trusted)
        <= rules.limit_wh(unseen_ns, shown.step_wh) + Fraction(2 * sampled_mwh, 1000)
        for trusted, shown in pairs
        if trusted is not None and shown is not None
    )
    return 0 if explained else Quality.RESET


def _flowed(state: TrackState, sample: Sample, rules: Rules, doubt: int) -> tuple[int, int]:
    """Return what power adds up to since the registers were last believed, mWh, and how long none was sampled, campus ns.

    Another meter's power is not this one's, nor is that of another prefix, nor that of an answer in which not even a voltage is above
    zero. Doubted registers may stand beside a power as wrong as they are: the one last believed counts where it is more.
    """
    question = state.question
    sampled_mwh, unseen_ns = (0, 0) if question is None else (question.sampled_mwh, question.unseen_ns)
    span_ns = sample.read_ns - (state.sample_ns if question is None else question.last.read_ns)
    power_mw = sample.measured.get(("power", 0))
    is_another = bool(doubt & (Quality.IDENTITY_CHANGED | Quality.UNIT_CHANGED)) or not any(sample.measured.values())
    if power_mw is None or is_another or not 0 <= span_ns <= rules.coverage_gap_ns:
        return sampled_mwh, unseen_ns + (span_ns if span_ns >= 0 else MAX_SET_BACK_NS - span_ns)
    load_mw = min(max(abs(power_mw), abs(state.power_mw or 0)), 1_200 * rules.max_power_w)
    return sampled_mwh + load_mw * span_ns // _NS_PER_HOUR, unseen_ns


def _was_booting(course: Course, state: TrackState) -> bool:
    """Return whether the course has stood still below the registers last believed: zeros while the meter boots, nothing was metered."""
    pairs = ((state.import_raw, course.import_raw), (state.export_raw, course.export_raw))
    return course.is_constant and any(a is not None and b is not None and Fraction(*b) < Fraction(*a) for a, b in pairs)


def _is_explained(question: Question, sample: Sample) -> bool:
    """Return whether what a wrap or a catch-up would explain has stayed long enough to be one.

    A register that has wrapped counts on from there; zeros do not, and a glitch gives way to the old course. Until then nothing
    is believed and nothing is signed on it.
    """
    if question.run < CONFIRM_SAMPLES:
        return False
    for bit, first, shown in (
        (WRAPS[0], question.run_import, sample.import_raw),
        (WRAPS[1], question.run_export, sample.export_raw),
    ):
        if question.looks & bit and first is not None and shown is not None:
            if shown.exact_wh - Fraction(*first) < max(shown.step_wh, Fraction(1)):
                return False
    return True


def _questioned(
    state: TrackState, window: Window, sample: Sample, doubt: int, approved_epoch: int | None, rules: Rules
) -> Taken:
    """Hold the registers; once the question is confirmed, begin the approved epoch, or tell it in a questionable reading."""
    question = state.question
    assert question is not None
    window.doubted += 1
    if doubt & (Quality.IDENTITY_CHANGED | Quality.UNIT_CHANGED):
        window.identity_refused += 1
    if question.samples < CONFIRM_SAMPLES:
        return Taken(state, [], Outcome.QUESTION)
    if approved_epoch is not None and approved_epoch > state.register_epoch and not sample.faults:
        swapped = bool(doubt & Quality.IDENTITY_CHANGED)
        fresh = TrackState(
            register_epoch=approved_epoch,
            serial=sample.serial,
            last_interval=state.last_interval,
            core_hash=state.core_hash,
            flags=Quality.SWAP if swapped else Quality.RESET,
        )
        window.reset(0)
        return _trusted(fresh, window, sample, rules, 0, Outcome.NEW_EPOCH, approved_epoch)
    flags = question.flags | (Quality.WRAP if question.looks & sum(WRAPS) else 0)
    draft = _questionable(state, sample, flags) if approved_epoch is not None else None
    if draft is None:
        return Taken(state, [], Outcome.CONFIRMED)
    return Taken(_after(state, draft), [draft], Outcome.CONFIRMED)


def _asked_again(state: TrackState, sample: Sample, rules: Rules, doubt: int, looks: int) -> Question:
    question = state.question
    sampled_mwh, unseen_ns = _flowed(state, sample, rules, doubt)
    import_raw, export_raw = _raw(sample.import_raw), _raw(sample.export_raw)
    last = Course(import_raw, export_raw, sample.read_ns, doubt, True)
    if question is None:
        looks = 0 if doubt else looks
        return Question(doubt, 1, last, (), looks, int(not doubt), import_raw, export_raw, sampled_mwh, unseen_ns)
    courses = question.courses
    # Registers that fit the believed ones have not grown out of zeros, whatever else speaks against the sample.
    fits = not doubt & Quality.RESET and not looks
    for earlier in (*courses, question.last):
        if _counts_on(earlier, sample, rules) and not (fits and _was_booting(earlier, state)):
            stands = (import_raw, export_raw) == (earlier.import_raw, earlier.export_raw)
            flags, is_constant = doubt | earlier.flags, stands and earlier.is_constant
            followed = Course(import_raw, export_raw, sample.read_ns, flags, is_constant)
            courses = _kept_courses((followed, *(course for course in courses if course is not earlier)))
            break
    goes_on = bool(question.run) and looks == question.looks and _counts_on(question.last, sample, rules)
    return Question(
        flags=question.flags | doubt,
        samples=question.samples + 1,
        last=last,
        courses=courses,
        looks=0 if doubt else looks,
        run=0 if doubt else question.run + 1 if goes_on else 1,
        run_import=question.run_import if goes_on else import_raw,
        run_export=question.run_export if goes_on else export_raw,
        sampled_mwh=sampled_mwh,
        unseen_ns=unseen_ns,
    )


def _returning(state: TrackState, question: Question, sample: Sample, rules: Rules) -> Question:
    """Return the question with one sample more that nothing speaks against: the longer it has been open, the less that says.

    After hours any nonsense fits between the old register and what the connection can have carried since; it does not count on, though.
    """
    import_raw, export_raw = _raw(sample.import_raw), _raw(sample.export_raw)
    goes_on = bool(question.run) and not question.looks and _counts_on(question.last, sample, rules)
    sampled_mwh, unseen_ns = _flowed(state, sample, rules, 0)
    return msgspec.structs.replace(
        question,
        last=Course(import_raw, export_raw, sample.read_ns, 0, False),
        looks=0,
        run=question.run + 1 if goes_on else 1,
        sampled_mwh=sampled_mwh,
        unseen_ns=unseen_ns,
    )


def _kept_courses(courses: tuple[Course, ...]) -> tuple[Course, ...]:
    """Return the latest of them; one that has never moved gives way first."""
    if len(courses) <= COURSES:
        return courses
    still = [course for course in courses[1:] if course.is_constant]
    given_up = still[-1] if still else courses[-1]
    return tuple(course for course in courses if course is not given_up)


def _raw(counter: RawCounter | None) -> tuple[int, int] | None:
    return None if counter is None else _storable(counter.exact_wh)


def _questionable(state: TrackState, sample: Sample, flags: int) -> Draft | None:
    """Return a reading with the registers last believed for the latest interval that has ended, if not yet made."""
    interval = sample.read_ns // INTERVAL_NS - 1
    if state.measured_interval < 0 or interval <= state.last_interval:
        return None
    quality = state.flags | flags | Quality.QUESTIONABLE
    if interval - state.measured_interval > 1:
        quality |= Quality.CATCH_UP
    return _draft(state, interval, totals_wh(state), quality, sample.read_ns, sample)


def totals_wh(state: TrackState) -> tuple[int, int]:
    """Return the unwrapped registers in whole Wh, rounded down; the rest stays in the meter."""
    return (
        _whole(state.import_raw) + state.import_offset_wh if state.import_raw else 0,
        _whole(state.export_raw) + state.export_offset_wh if state.export_raw else 0,
    )


def _whole(raw: tuple[int, int]) -> int:
    return raw[0] // raw[1]


def _trusted(
    state: TrackState,
    window: Window,
    sample: Sample,
    rules: Rules,
    looks: int,
    outcome: Outcome,
    approved_epoch: int | None,
) -> Taken:
    before = state
    state, held = _believe(state, sample, rules, looks)
    state = _moved(before, state, sample, rules)
    if held and outcome is Outcome.TRUSTED:
        outcome = Outcome.JITTER
    if _was_off(before, state, rules, window, sample):
        state = msgspec.structs.replace(state, flags=state.flags | Quality.POWER_FAILURE)
    window.add(sample, totals_wh(state))
    if approved_epoch is None:
        return Taken(state, [], outcome)
    return Taken(*_close(before, state, sample, rules, window), outcome)


def _moved(before: TrackState, state: TrackState, sample: Sample, rules: Rules) -> TrackState:
    """Return the state with how long the registers have stood still, and what sampled power adds up to meanwhile."""
    power_mw = sample.measured.get(("power", 0))
    state = msgspec.structs.replace(state, power_mw=power_mw)
    moved = (state.import_raw != before.import_raw, state.export_raw != before.export_raw)
    flowed = [0, 0]
    if power_mw is not None and before.power_mw is not None:
        span_ns = max(0, sample.read_ns - before.sample_ns)
        sides = (power_mw, before.power_mw)
        flowed = [sum(max(0, sign * side) for side in sides) * span_ns // (2 * _NS_PER_HOUR) for sign in (1, -1)]
        if rules.power_signed:  # What is in no register moves none.
            flowed = [mwh if raw else 0 for mwh, raw in zip(flowed, (state.import_raw, state.export_raw), strict=True)]
    still = (before.import_still_mwh, before.export_still_mwh)
    apart = [0 if moved[i] or not rules.power_signed else still[i] + flowed[i] for i in (0, 1)]
    return msgspec.structs.replace(
        state,
        moved_ns=sample.read_ns if any(moved) else state.moved_ns,
        still_mwh=0 if any(moved) else state.still_mwh + sum(flowed),
        import_still_mwh=apart[0],
        export_still_mwh=apart[1],
    )


def _believe(state: TrackState, sample: Sample, rules: Rules, looks: int) -> tuple[TrackState, bool]:
    """Return the state with the sample's registers (a jittering one held), and whether one was held."""
    held = False
    flags = state.flags
    raws: list[tuple[int, int] | None] = []
    offsets = [state.import_offset_wh, state.export_offset_wh]
    for index, (trusted, shown, wrap_wh) in enumerate(_directions(state, sample, rules)):
        if shown is None:
            raws.append(trusted)
            continue
        if looks & WRAPS[index]:
            offsets[index] += wrap_wh
            flags |= Quality.WRAP
        elif trusted is not None and (growth := _growth(trusted, shown)) <= 0:
            if growth < 0:
                held = True
                flags |= Quality.JITTER_HELD
            raws.append(trusted)
            continue
        raws.append(_storable(shown.exact_wh))
    state = msgspec.structs.replace(
        state,
        serial=state.serial or sample.serial,
        import_raw=raws[0],
        export_raw=raws[1],
        import_offset_wh=offsets[0],
        export_offset_wh=offsets[1],
        sample_ns=sample.read_ns,
        flags=flags,
    )
    return state, held


def _close(
    before: TrackState, state: TrackState, sample: Sample, rules: Rules, window: Window
) -> tuple[TrackState, list[Draft]]:
    """Return the readings of every quarter hour that ended between the last believed sample and this one."""
    known = before.import_raw is not None or before.export_raw is not None
    from_ns = before.sample_ns if known else sample.read_ns - rules.tolerance_ns
    first = max(from_ns // INTERVAL_NS, state.last_interval + 1)
    last = sample.read_ns // INTERVAL_NS - 1
    drafts: list[Draft] = []
    for interval in range(max(first, last - MAX_INTERPOLATION_NS // INTERVAL_NS), last + 1):
        boundary_ns = end_ns(interval)
        if sample.read_ns - boundary_ns <= rules.tolerance_ns:
            quality = _measured_quality(state, interval, rules, window)
            if not state.flags & Quality.CLOCK_ADJUSTED:  # Across a clock that was set, power times time is no energy.
                quality |= _standstill(state, rules, window) | _mismatch(rules, window, sample)
            draft = _draft(state, interval, totals_wh(state), quality, sample.read_ns, sample)
            draft = draft._replace(
                quality=quality,
                raw_import=_shown(sample.import_raw),
                raw_export=_shown(sample.export_raw),
            )
        elif known and 0 <= boundary_ns - before.sample_ns <= rules.tolerance_ns:
            earlier = msgspec.structs.replace(state, flags=before.flags & state.flags)
            quality = _measured_quality(earlier, interval, rules, window)
            draft = _draft(state, interval, totals_wh(before), quality, before.sample_ns, sample)
            draft = draft._replace(raw_import=_kept(before.import_raw), raw_export=_kept(before.export_raw))
        elif known and state.measured_interval >= 0 and sample.read_ns - before.sample_ns <= MAX_INTERPOLATION_NS:
            totals = _between(before, state, boundary_ns)
            draft = _draft(state, interval, totals, state.flags | Quality.DERIVED, sample.read_ns, sample)
        else:
            continue
        drafts.append(draft)
        window.remember(draft)
        state = _after(state, draft)
    return state, drafts


def _between(before: TrackState, state: TrackState, boundary_ns: int) -> tuple[int, int]:
    """Return the registers at an instant between two samples, on the straight line, rounded down."""
    span_ns = state.sample_ns - before.sample_ns
    part_ns = boundary_ns - before.sample_ns
    early, late = totals_wh(before), totals_wh(state)
    return (
        early[0] + (late[0] - early[0]) * part_ns // span_ns,
        early[1] + (late[1] - early[1]) * part_ns // span_ns,
    )


def _measured_quality(state: TrackState, interval: int, rules: Rules, window: Window) -> int:
    quality = state.flags
    if state.measured_interval >= 0:
        if interval - state.measured_interval > 1:
            quality |= Quality.CATCH_UP
        if window.longest_gap_ns > rules.coverage_gap_ns:
            quality |= Quality.PARTIAL
    return quality


def _standstill(state: TrackState, rules: Rules, window: Window) -> int:
    """Return the questionable bit when the registers have not moved although sampled power says that they must have."""
    still_wh = state.still_mwh // 1000
    if state.measured_interval < 0 or still_wh < _telling_wh(rules, window, state.sample_ns - state.moved_ns):
        return 0
    window.standstill_wh = still_wh
    return Quality.QUESTIONABLE


def _telling_wh(rules: Rules, window: Window, span_ns: int) -> Fraction:
    """Return from which sampled energy on a register that does not show it is at fault, Wh."""
    rated_wh = Fraction(rules.max_power_w * span_ns, STANDSTILL_SHARE * _NS_PER_HOUR)
    return max(STANDSTILL_STEPS * window.step_wh, rated_wh, Fraction(1))


def _mismatch(rules: Rules, window: Window, sample: Sample) -> int:
    """Return the questionable bit when power and registers contradict each other beyond what sampling explains.

    They have opposite signs (import and export are connected or read the wrong way round), or one is less than half the other (a
    prefix, a transformer ratio, nonsense). A difference of a few per cent is left to the check in the detail: samples are no integral.
    """
    power = window.spread("power", 0)
    if not window.is_comparable() or power is None or sample.import_raw is None:
        return 0
    if sample.export_raw is None and power[0] < 0:
        return 0  # What was fed in is in no register.
    if not rules.power_signed and all(window.grown_wh()):
        return 0
    sampled_mwh, net_mwh = window.sampled_mwh(), window.net_wh() * 1000
    telling_mwh = _telling_wh(rules, window, window.sampled_ns()) * 1000
    if rules.power_signed and net_mwh * sampled_mwh < 0 and min(abs(net_mwh), abs(sampled_mwh)) >= telling_mwh:
        return Quality.QUESTIONABLE
    less, more = sorted((abs(net_mwh), abs(sampled_mwh)))
    return Quality.QUESTIONABLE if more >= telling_mwh and 2 * less < more else 0


def _was_off(before: TrackState, state: TrackState, rules: Rules, window: Window, sample: Sample) -> bool:
    """Return whether the meter had no power while nobody could read it: it carried load before and after, and counted next to nothing.

    A meter behind a broken line goes on counting; a register that rests for want of load had none on either side. Less than a quarter
    of the smaller load counts as nothing: a meter that is back counts until somebody asks it again.
    """
    power_mw = sample.measured.get(("power", 0))
    if window.last_power is None or power_mw is None:
        return False
    gap_ns = sample.read_ns - window.last_power[0]
    if gap_ns <= rules.coverage_gap_ns or gap_ns != sample.read_ns - before.sample_ns:
        return False
    if state.flags & Quality.CLOCK_ADJUSTED:
        return False
    grown_wh = sum(totals_wh(state)) - sum(totals_wh(before))
    carried_wh = Fraction(min(abs(power_mw), abs(window.last_power[1])) * gap_ns, 1000 * _NS_PER_HOUR)
    return 4 * grown_wh < carried_wh and carried_wh >= _telling_wh(rules, window, gap_ns)


def _draft(
    state: TrackState, interval: int, totals: tuple[int, int], quality: int, read_ns: int, sample: Sample
) -> Draft:
    import_wh, export_wh = totals
    opens = state.measured_interval < 0
    read_ms = read_ns // 1_000_000
    return Draft(
        interval=interval,
        register_epoch=state.register_epoch,
        import_wh=import_wh,
        export_wh=export_wh,
        quality=quality,
        clock_error_ms=sample.clock_error_ms,
        opening_interval=0 if opens else state.measured_interval,
        opening_import_wh=import_wh if opens else state.measured_import_wh,
        opening_export_wh=export_wh if opens else state.measured_export_wh,
        opening_read_ms=read_ms if opens else state.measured_read_ms,
        closing_read_ms=read_ms,
        raw_import=None,
        raw_export=None,
        opens=opens,
    )


def _shown(counter: RawCounter | None) -> RawRegister | None:
    if counter is None:
        return None
    if max(counter.value, counter.unit_num, counter.unit_den) < 1 << 63:
        return RawRegister(counter.value, counter.unit_num, counter.unit_den)
    return _kept(_storable(counter.exact_wh))


def _kept(raw: tuple[int, int] | None) -> RawRegister | None:
    return None if raw is None else RawRegister(raw[0], 1, raw[1])


def _storable(exact_wh: Fraction) -> tuple[int, int]:
    """Return a register as two numbers of 64 bits: exact, but for what a float register shows below 10⁻¹² Wh.

    A float at zero counts in units of 2⁻¹⁴⁹; nobody meters those, and no message carries them.
    """
    if exact_wh.denominator >= 1 << 63:
        exact_wh = Fraction(exact_wh.numerator * _FINEST // exact_wh.denominator, _FINEST)
    return exact_wh.numerator, exact_wh.denominator


def _after(state: TrackState, draft: Draft) -> TrackState:
    """Return the state once this draft is a reading; flags that it carries are spent unless it is masked."""
    state = msgspec.structs.replace(state, last_interval=max(state.last_interval, draft.interval))
    if not is_postable(draft.quality):
        return state
    return msgspec.structs.replace(
        state,
        measured_interval=draft.interval,
        measured_import_wh=draft.import_wh,
        measured_export_wh=draft.export_wh,
        measured_read_ms=draft.closing_read_ms,
        flags=state.flags & ~draft.quality,
    )
