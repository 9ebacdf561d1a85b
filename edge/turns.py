"""Decides whose turn it is on one link; pure: time is given, nothing is asked here.

Meters share a line, and one question is under way at a time. The rule that must hold: when a quarter hour ends, the line is
free. So a meter is only begun whose poll, as long as it has been taking, ends before; what does not fit waits until after.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

FIRST_COST_S = 1.0
"""What a poll is thought to take before one was seen, wall s."""


class Waits(Protocol):
    """What is asked of a meter here: when it is due, and how long its poll takes."""

    next_try_s: float
    cost_s: float


class Turn(NamedTuple):
    """Whom to poll, not before `start_s`; None: nobody's poll ends before the quarter hour does."""

    meter: int | None
    start_s: float


def next_turn(meters: Iterable[Waits], now_s: float, boundary_s: float) -> Turn:
    """Return who is polled next: who has been due longest, of those whose poll ends before the boundary.

    Args:
        meters: Of one link, in any order.
        now_s, boundary_s: Wall time, and when the quarter hour ends on the same clock.
    """
    best: tuple[float, float, int] | None = None
    for index, meter in enumerate(meters):
        start_s = max(now_s, meter.next_try_s)
        if start_s + meter.cost_s <= boundary_s:
            key = (start_s, meter.next_try_s, index)
            best = key if best is None or key < best else best
    return Turn(None, boundary_s) if best is None else Turn(best[2], best[0])


def learn_cost(cost_s: float, took_s: float) -> float:
    """Return what the next poll is thought to take: at once more, slowly less."""
    return max(took_s, 0.8 * cost_s + 0.2 * took_s)
