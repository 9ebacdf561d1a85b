"""Decides which quarter hour an instant belongs to; who may post which interval is the readers' rule.

An interval is named by its start: interval i is [900*i, 900*(i+1)) in UTC epoch seconds. There is no local time and no
daylight saving in a record; a local day has 92, 96 or 100 of them.
"""

from __future__ import annotations

from datetime import UTC, datetime

INTERVAL_S = 900
"""Length of a metering interval, s. Source: the quarter hour of European and Californian interval metering."""
INTERVAL_NS = INTERVAL_S * 1_000_000_000
FUTURE_TOLERANCE_S = 60
"""A reading of an interval that ends later than now + this is not acceptable yet, s."""
BOUNDARY_TOLERANCE_S = 10
"""Most that a boundary sample may differ from the quarter hour, s. Source: Flemish metering rule 3.2.4."""


def interval_at(epoch_s: int) -> int:
    """Return the interval that contains an instant, u32. `epoch_s`: UTC epoch seconds, ≥0."""
    return epoch_s // INTERVAL_S


def interval_at_ns(epoch_ns: int) -> int:
    """Return the interval that contains an instant given in UTC epoch ns."""
    return epoch_ns // INTERVAL_NS


def start_s(interval: int) -> int:
    """Return the first second of an interval, UTC epoch s."""
    return interval * INTERVAL_S


def end_s(interval: int) -> int:
    """Return the first second after an interval, UTC epoch s."""
    return (interval + 1) * INTERVAL_S


def end_ns(interval: int) -> int:
    """Return the first instant after an interval, UTC epoch ns."""
    return (interval + 1) * INTERVAL_NS


def interval_start(interval: int) -> datetime:
    """Return the start as an aware UTC datetime."""
    return datetime.fromtimestamp(start_s(interval), UTC)


def interval_end(interval: int) -> datetime:
    """Return the end (first instant after) as an aware UTC datetime."""
    return datetime.fromtimestamp(end_s(interval), UTC)


def is_acceptable(interval: int, now_s: int) -> bool:
    """Return whether a reading of this interval may be accepted at campus time now_s: 900*(i+1) ≤ now + 60."""
    return end_s(interval) <= now_s + FUTURE_TOLERANCE_S


def is_slightly_ahead(interval: int, now_s: int) -> bool:
    """Return whether it is ahead by at most one interval: the clocks will agree soon, so the refusal is transient."""
    return not is_acceptable(interval, now_s) and end_s(interval) <= now_s + FUTURE_TOLERANCE_S + INTERVAL_S
