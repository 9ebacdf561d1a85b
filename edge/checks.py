"""Decides what the edge's checks found in an interval, for a reading's detail; those that keep a reading off the chain are `edge.track`'s.

Source: the checks a head-end runs (California VEE, NAESB, Oracle and Itron rules) and the German and Flemish metering codes.
"""

from __future__ import annotations

from enum import IntEnum
from fractions import Fraction

from edge.sun import elevation_deg
from edge.track import HISTORY_INTERVALS, SLACK_NS, Draft, Rules, Window
from gridkit.interval import end_ns, end_s, start_s
from gridkit.quality import Quality
from gridkit.reading import CheckResult

NOT_RUN, PASSED, FAILED = 0, 1, 2
SPIKE_PERCENT = 180
SPIKE_FLOOR_STEPS = 5
SPIKE_LEAST = 12
"""Intervals that must be known before the third highest means anything: three hours."""
DARK_DEG = -6.0
"""Sun elevation below which no roof produces: the end of civil twilight."""


class Check(IntEnum):
    """Codes of the checks in a reading's detail; never renumbered."""

    IDENTITY = 1
    """Serial, model and pinned settings in every round. Value: rounds that were refused for it."""
    BOUNDARY = 2
    """Value: boundary sample minus quarter hour, campus ms; not run for a derived boundary."""
    MONOTONE = 3
    """Value: samples whose registers were not believed."""
    CAPACITY = 4
    """Value: growth since the last measured reading in thousandths of what the connection can carry."""
    CLOCK = 5
    """Value: the clock's error bound, ms."""
    COVERAGE = 6
    """Value: longest time without a good sample, campus ms."""
    POWER = 7
    """Sampled power, integrated, against the registers' growth; value: difference in thousandths of the latter."""
    STANDSTILL = 8
    """Registers that moved where sampled power says they must. Value: energy sampled while they stood still, Wh."""
    PHASES = 9
    """Sum of the phases' mean power against the total's. Value: difference in thousandths of the total."""
    SPIKE = 10
    """(highest - third highest) / third highest over 24 h; value: that in thousandths, 0 unless this is the highest."""
    PARTS = 11
    """Growth of the phases' and tariffs' registers against the total's since the last boundary. Value: largest difference, mWh."""
    NIGHT = 12
    """A solar roof that exports in the dark. Value: what it exported, Wh."""


def checks(draft: Draft, window: Window, rules: Rules) -> tuple[CheckResult, ...]:
    """Return the results of the edge's checks for a reading's detail."""
    derived = draft.quality & Quality.DERIVED
    offset_ms = draft.closing_read_ms - end_ns(draft.interval) // 1_000_000
    on_time = abs(offset_ms) * 1_000_000 <= rules.tolerance_ns
    share = int(draft.grown_wh * 1000 / rules.limit_wh(draft.span_ns, Fraction(0)))
    gap_ms = window.longest_gap_ns // 1_000_000
    return (
        _check(Check.IDENTITY, window.identity_refused == 0, window.identity_refused),
        CheckResult(Check.BOUNDARY, NOT_RUN) if derived else _check(Check.BOUNDARY, on_time, offset_ms),
        _check(Check.MONOTONE, window.doubted == 0, window.doubted),
        CheckResult(Check.CAPACITY, NOT_RUN) if draft.opens else _check(Check.CAPACITY, share <= 1000, share),
        _check(Check.CLOCK, draft.clock_error_ms <= rules.clock_limit_ms, draft.clock_error_ms),
        _check(Check.COVERAGE, window.longest_gap_ns <= rules.coverage_gap_ns, gap_ms),
        _power_check(window),
        _standstill_check(draft, window),
        _phases_check(window),
        _spike_check(draft, window),
        _parts_check(draft, window, rules),
        _night_check(draft, window, rules),
    )


def _check(check: Check, passed: bool, value: int) -> CheckResult:
    return CheckResult(check, PASSED if passed else FAILED, value)


def _standstill_check(draft: Draft, window: Window) -> CheckResult:
    if draft.opens or not window.first_power_ns or draft.quality & Quality.DERIVED:
        return CheckResult(Check.STANDSTILL, NOT_RUN)
    moved = (draft.import_wh, draft.export_wh) != (draft.opening_import_wh, draft.opening_export_wh)
    sampled_wh = 0 if moved else window.sampled_wh()
    return _check(Check.STANDSTILL, not window.standstill_wh, window.standstill_wh or sampled_wh)


def _phases_check(window: Window) -> CheckResult:
    """Within 2 % and 10 W: a bus that answers every register with the same number is off by far more."""
    total = window.spread("power", 0)
    phases = [window.spread("power", phase) for phase in (1, 2, 3)]
    if total is None or None in phases:
        return CheckResult(Check.PHASES, NOT_RUN)
    off_mw = abs(sum(phase[1] for phase in phases if phase is not None) - total[1])
    return _check(Check.PHASES, off_mw <= abs(total[1]) // 50 + 10_000, off_mw * 1000 // max(1, abs(total[1])))


def _power_check(window: Window) -> CheckResult:
    """2 % and two register steps (at least two whole Wh): what a head-end allows between load profile and register."""
    sampled_mwh, net_mwh = window.sampled_mwh(), window.net_wh() * 1000
    if not window.is_comparable() or max(abs(net_mwh), abs(sampled_mwh)) < 10_000:
        return CheckResult(Check.POWER, NOT_RUN)
    off_mwh = abs(sampled_mwh - net_mwh)
    allowed_mwh = abs(net_mwh) // 50 + 2000 * max(Fraction(1), window.step_wh)
    return _check(Check.POWER, off_mwh <= allowed_mwh, off_mwh * 1000 // max(1, abs(net_mwh)))


def _spike_check(draft: Draft, window: Window) -> CheckResult:
    """Tiny loads are skipped by a floor of five register steps."""
    since = draft.interval - HISTORY_INTERVALS
    known = sorted(
        (wh for interval, wh in window.recent_wh.items() if since < interval <= draft.interval), reverse=True
    )
    if draft.interval not in window.recent_wh or len(known) < SPIKE_LEAST:
        return CheckResult(Check.SPIKE, NOT_RUN)
    highest, third = known[0], known[2]
    if window.recent_wh[draft.interval] < highest:
        return _check(Check.SPIKE, True, 0)
    above = highest - third
    spike = above * 100 > third * SPIKE_PERCENT and above > SPIKE_FLOOR_STEPS * max(Fraction(1), window.step_wh)
    return _check(Check.SPIKE, not spike, above * 1000 // max(1, third))


def _parts_check(draft: Draft, window: Window, rules: Rules) -> CheckResult:
    """The registers are read one block after the other, so the connection's rating over that time is allowed, and their steps.

    A total that has begun again from zero is told; its parts stand elsewhere and have not.
    """
    if not window.parts or draft.quality & Quality.WRAP:
        return CheckResult(Check.PARTS, NOT_RUN)
    skew_mwh = rules.max_power_w * SLACK_NS // (3600 * 1_000_000)
    passed = all(abs(off_mwh) <= 2 * step_mwh + skew_mwh for off_mwh, step_mwh in window.parts.values())
    return _check(Check.PARTS, passed, max(abs(off_mwh) for off_mwh, _ in window.parts.values()))


def _night_check(draft: Draft, window: Window, rules: Rules) -> CheckResult:
    if rules.pv_at is None or draft.opens or draft.interval - draft.opening_interval != 1:
        return CheckResult(Check.NIGHT, NOT_RUN)
    instants_s = (start_s(draft.interval), end_s(draft.interval))
    dark = all(elevation_deg(*rules.pv_at, at_s) < DARK_DEG for at_s in instants_s)
    exported_wh = draft.export_wh - draft.opening_export_wh
    passed = not dark or exported_wh <= SPIKE_FLOOR_STEPS * max(Fraction(1), window.step_wh)
    return _check(Check.NIGHT, passed, exported_wh if dark else 0)
