"""The arithmetic behind the figures, on both sides of every edge."""

from __future__ import annotations

import pytest

from benchmarks.figures import Figure, Unit, per_second, percentile, ratio, sampled


@pytest.mark.parametrize(("percent", "value"), [(1, 1), (50, 50), (51, 51), (95, 95), (99, 99), (100, 100)])
def test_a_percentile_is_a_sample_that_was_really_seen(percent: int, value: int) -> None:
    """An interpolated p95 is a wait that nobody had."""
    assert percentile(list(range(100, 0, -1)), percent) == value


def test_a_percentile_of_few_samples_is_the_next_one_up() -> None:
    """Of 20 waits the 19th is p95 and the 20th p96; rounding the rank down would hide the slowest."""
    waits = list(range(1, 21))
    assert (percentile(waits, 95), percentile(waits, 96)) == (19, 20)
    assert percentile([7], 1) == percentile([7], 100) == 7


@pytest.mark.parametrize(("samples", "percent"), [([], 50), ([1], 0), ([1], 101)])
def test_a_percentile_of_nothing_is_refused(samples: list[int], percent: int) -> None:
    """A benchmark without samples must fail, not print 0 ms."""
    with pytest.raises(ValueError):
        percentile(samples, percent)


def test_a_median_of_an_even_number_is_the_lower_one() -> None:
    """The mean of two samples is a rate that never was, and half an integer."""
    figure = sampled("x", "x", Unit.PER_S, [40, 10, 30, 20])
    assert (figure.median, figure.least, figure.most, figure.samples) == (20, 10, 40, 4)


def test_a_figure_without_samples_is_refused() -> None:
    """No rounds is no figure."""
    with pytest.raises(ValueError, match="nothing was measured"):
        sampled("x", "x", Unit.PER_S, [])


def test_ratios_and_rates_are_rounded_down() -> None:
    """0.3999 must not be printed as the 0.400 that was aimed at."""
    assert (ratio(3_999, 10_000), ratio(4_000, 10_000)) == (399, 400)
    assert (per_second(3, 1_000_000_001), per_second(3, 1_000_000_000)) == (2, 3)


def test_a_share_of_nothing_is_refused() -> None:
    """A floor that measured nothing makes every share look infinite."""
    with pytest.raises(ValueError):
        ratio(1, 0)


@pytest.mark.parametrize(
    ("aim", "median", "reached"),
    [
        ({"aim_least": 400}, 400, True),
        ({"aim_least": 400}, 399, False),
        ({"aim_most": 20}, 20, True),
        ({"aim_most": 20}, 21, False),
        ({}, 1, None),
    ],
)
def test_an_aim_is_reached_at_its_edge(aim: dict[str, int], median: int, reached: bool | None) -> None:
    """The docs say "reached" or "missed" by this alone."""
    assert Figure(id="x", what="x", unit=Unit.RATIO, median=median, **aim).reached is reached
