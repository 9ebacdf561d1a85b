"""Whose turn it is on a line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from edge.turns import Turn, learn_cost, next_turn


def meters(*rows: tuple[float, float]) -> list[Any]:
    return [SimpleNamespace(next_try_s=at, cost_s=cost) for at, cost in rows]


def test_who_has_waited_longest_is_next() -> None:
    """A line that is always late would otherwise ask its first meters for ever."""
    assert next_turn(meters((5, 0.1), (3, 0.1), (9, 0.1)), 6, 100) == Turn(1, 6)
    assert next_turn(meters((8, 0.1), (7, 0.1)), 6, 100) == Turn(1, 7)


def test_nobody_begins_who_would_not_be_done_by_the_quarter_hour() -> None:
    """One dead meter's time-out at the wrong moment would cost everybody's boundary sample."""
    assert next_turn(meters((1, 2.0), (5, 0.5)), 9, 10) == Turn(1, 9)
    assert next_turn(meters((1, 2.0), (5, 1.5)), 9, 10) == Turn(None, 10)
    assert next_turn(meters((11, 0.1)), 9, 10) == Turn(None, 10)
    assert next_turn([], 9, 10) == Turn(None, 10)


def test_a_poll_that_took_longer_is_believed_at_once_and_forgotten_slowly() -> None:
    """Too short a guess costs a boundary, too long a guess a few polls."""
    assert learn_cost(0.1, 2.0) == 2.0
    assert 1.6 < learn_cost(2.0, 0.1) < 1.7
