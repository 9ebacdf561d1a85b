"""Decides what a meter's changing registers mean and which quarter hours they close; pure, no clock, no socket.

A lower value is a question, never a baseline:

    jitter    a few steps down         the higher value is held
    wrap      counter ran over         accepted once it is seen twice; the register goes on, unwrapped to u64
    glitch    impossible for a moment  held, read again; when the old course returns it was a glitch
    reset     stays lower              nothing is trusted until a new register epoch is approved
    swap      another serial           the same
    leap      more than the connection can carry: the same as lower

While a question is open no register of the meter is believed. Once it is confirmed each quarter hour is closed by a
reading marked questionable, with the registers last believed, so that somebody sees it; the chain never takes those.
"""

from __future__ import annotations

from enum import Enum
from fractions import Fraction
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
CONFIRM_WRAPS = 2
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
    WRAP = "wrap"
    LOWER = "lower"
    LEAP = "leap"


def judge_register(
    trusted_wh: Fraction, shown_wh: Fraction, *, step_wh: Fraction, wrap_wh: int, limit_wh: Fraction
) -> Change:
    """Return what a register's step from the last believed value to the shown one is.

    Args:
        trusted_wh, shown_wh: Exact register values, Wh, in [0, wrap_wh); of registers added up, several times that.
        step_wh: The register's own step, Wh.
        wrap_wh: First value that the register cannot show, Wh; 0 if it never wraps.
        limit_wh: Most that the connection can have carried meanwhile, Wh.
    """
    if shown_wh >= trusted_wh:
        return Change.RISE if shown_wh - trusted_wh <= limit_wh else Change.LEAP
    if trusted_wh - shown_wh <= JITTER_STEPS * step_wh:
        return Change.JITTER
    # Tariffs that are added up fall by one wrap from above it, too: less than nothing has not flowed.
    if wrap_wh and 0 <= shown_wh + wrap_wh - trusted_wh <= limit_wh:
        return Change.WRAP
    return Change.LOWER


class Rules(NamedTuple):
    """What the profile, the connection and the clock set for one meter.

    Attributes:
        wrap_import_wh, wrap_export_wh: Wrap points, Wh; 0 where there is none.
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
    GLITCH_OVER = "glitch_over"
    QUESTION = "question"
    """Not believed, not yet confirmed: read again."""
    CONFIRMED = "confirmed"
    """An event that needs an approved register epoch, or somebody to put the meter right."""
    NEW_EPOCH = "new_epoch"


class _Question(NamedTuple):
    """An open question: quality bits, samples that asked it, and the first and last of them."""

    flags: int
    samples: int
    wraps: int
    first_import: Fraction
    last: Sample
    constant: bool


class Window:
    """What was seen of the interval that is open now; lost at a restart without harm to energy."""

    def __init__(self) -> None:
        self.question: _Question | None = None
        self.step_wh = Fraction(1)
        self.recent_wh: dict[int, int] = {}
        """Interval → energy of both directions, of the last 24 h's measured readings that span one interval."""
        self.last_power: tuple[int, int] | None = None
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
        self.step_wh = max((c.step_wh for c in (sample.import_raw, sample.export_raw) if c), default=self.step_wh)
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
    doubt, wraps = _doubts(state, sample, rules, expected_serial)
    question = window.question
    if (
        not doubt
        and question is not None
        and question.samples >= CONFIRM_SAMPLES
        and _still_there(state, question, sample, rules)
    ):
        # It climbed back over the old value from below: still the reset meter, not the end of a glitch.
        doubt = question.flags
    if doubt:
        return _doubted(state, window, sample, rules, doubt, wraps, approved_epoch)
    outcome = Outcome.TRUSTED
    if question is not None and not any(wraps):
        state = msgspec.structs.replace(state, flags=state.flags | Quality.GLITCH_REJECTED)
        window.question = None
        outcome = Outcome.GLITCH_OVER
    return _trusted(state, window, sample, rules, wraps, outcome, approved_epoch)


def _doubts(state: TrackState, sample: Sample, rules: Rules, expected_serial: str) -> tuple[int, tuple[bool, bool]]:
    """Return the quality bits of what speaks against the sample, and which registers seem to have wrapped."""
    doubt = 0
    for fault in sample.faults:
        doubt |= Quality.IDENTITY_CHANGED if fault.startswith("model") else Quality.UNIT_CHANGED
    serial = state.serial or expected_serial
    if serial and sample.serial != serial:
        doubt |= Quality.IDENTITY_CHANGED
    wraps = [False, False]
    directions = (
        (state.import_raw, sample.import_raw, rules.wrap_import_wh),
        (state.export_raw, sample.export_raw, rules.wrap_export_wh),
    )
    for index, (trusted, shown, wrap_wh) in enumerate(directions):
        if trusted is None or shown is None:
            continue
        change = judge_register(
            Fraction(*trusted),
            shown.exact_wh,
            step_wh=shown.step_wh,
            wrap_wh=wrap_wh,
            limit_wh=rules.limit_wh(sample.read_ns - state.sample_ns, shown.step_wh),
        )
        if change in (Change.LOWER, Change.LEAP):
            doubt |= Quality.RESET
        wraps[index] = change is Change.WRAP
    return doubt, (wraps[0], wraps[1])


def _still_there(state: TrackState, question: _Question, sample: Sample, rules: Rules) -> bool:
    """Return whether plausible registers are only the doubted ones grown on, not the end of a long glitch.

    A reset meter may climb back over its old value, and with enough time any leap looks possible: both stay doubted.
    """
    if question.flags & (Quality.IDENTITY_CHANGED | Quality.UNIT_CHANGED):
        return False
    lower = any(
        trusted is not None and shown is not None and shown.exact_wh < Fraction(*trusted)
        for trusted, shown in (
            (state.import_raw, question.last.import_raw),
            (state.export_raw, question.last.export_raw),
        )
    )
    if lower and question.constant:
        return False  # A register that stood still below was not metering: zeros while the meter boots.
    elapsed_ns = sample.read_ns - question.last.read_ns
    pairs = ((question.last.import_raw, sample.import_raw), (question.last.export_raw, sample.export_raw))
    return all(
        0 <= now.exact_wh - then.exact_wh <= rules.limit_wh(elapsed_ns, now.step_wh)
        for then, now in pairs
        if then is not None and now is not None
    )


def _doubted(
    state: TrackState,
    window: Window,
    sample: Sample,
    rules: Rules,
    doubt: int,
    wraps: tuple[bool, bool],
    approved_epoch: int | None,
) -> Taken:
    window.doubted += 1
    if doubt & (Quality.IDENTITY_CHANGED | Quality.UNIT_CHANGED):
        window.identity_refused += 1
    question = _asked_again(window.question, sample, doubt)
    window.question = question
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
        window.question = None
        window.reset(0)
        return _trusted(fresh, window, sample, rules, (False, False), Outcome.NEW_EPOCH, approved_epoch)
    draft = _questionable(state, sample, question.flags) if approved_epoch is not None else None
    if draft is None:
        return Taken(state, [], Outcome.CONFIRMED)
    return Taken(_after(state, draft), [draft], Outcome.CONFIRMED)


def _asked_again(question: _Question | None, sample: Sample, doubt: int) -> _Question:
    shown = sample.import_raw or sample.export_raw
    value = shown.exact_wh if shown is not None else Fraction(0)
    if question is None:
        return _Question(doubt, 1, 0, value, sample, True)
    return question._replace(
        flags=question.flags | doubt,
        samples=question.samples + 1,
        last=sample,
        constant=question.constant and value == question.first_import,
    )


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
    wraps: tuple[bool, bool],
    outcome: Outcome,
    approved_epoch: int | None,
) -> Taken:
    if any(wraps):
        question = window.question or _Question(0, 0, 0, Fraction(0), sample, False)
        if question.wraps + 1 < CONFIRM_WRAPS:
            window.question = question._replace(wraps=question.wraps + 1, last=sample)
            return Taken(state, [], Outcome.QUESTION)
        window.question = None
        outcome = Outcome.WRAPPED
    before = state
    state, held = _believe(state, sample, rules, wraps)
    if held and outcome is Outcome.TRUSTED:
        outcome = Outcome.JITTER
    if _was_off(before, state, rules, window, sample):
        state = msgspec.structs.replace(state, flags=state.flags | Quality.POWER_FAILURE)
    window.add(sample, totals_wh(state))
    if approved_epoch is None:
        return Taken(state, [], outcome)
    return Taken(*_close(before, state, sample, rules, window), outcome)


def _believe(state: TrackState, sample: Sample, rules: Rules, wraps: tuple[bool, bool]) -> tuple[TrackState, bool]:
    """Return the state with the sample's registers (a jittering one held), and whether one was held."""
    held = False
    flags = state.flags
    raws: list[tuple[int, int] | None] = []
    offsets = [state.import_offset_wh, state.export_offset_wh]
    directions = (
        (state.import_raw, sample.import_raw, rules.wrap_import_wh),
        (state.export_raw, sample.export_raw, rules.wrap_export_wh),
    )
    for index, (trusted, shown, wrap_wh) in enumerate(directions):
        if shown is None:
            raws.append(trusted)
            continue
        if wraps[index]:
            offsets[index] += wrap_wh
            flags |= Quality.WRAP
        elif trusted is not None and shown.exact_wh < Fraction(*trusted):
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
    """Return the questionable bit when the registers have not moved although power was sampled all the while."""
    opens = state.measured_interval < 0
    if opens or totals_wh(state) != (state.measured_import_wh, state.measured_export_wh):
        return 0
    return Quality.QUESTIONABLE if window.sampled_wh() >= _telling_wh(rules, window, window.sampled_ns()) else 0


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
    if window.last_power is None or power_mw is None or state.flags & Quality.CLOCK_ADJUSTED:
        return False
    gap_ns = sample.read_ns - window.last_power[0]
    if gap_ns <= rules.coverage_gap_ns or gap_ns != sample.read_ns - before.sample_ns:
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
