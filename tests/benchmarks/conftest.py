"""Figures that nobody measured, for drawing."""

from __future__ import annotations

import pytest

from benchmarks.figures import Figure, Figures, Machine, Measured, Result, Unit, UnitsRow, sampled

UNITS = (
    UnitsRow("oracle.post_verified.12", 113_912, 113_912, 0, 0),
    UnitsRow("trading.deposit_credit", 1_686, 1_686, 4_645, 76),
)


@pytest.fixture
def known() -> Figures:
    """Two results of one machine."""
    units = Measured(
        figures=(
            Figure(id="cu", what="place it", unit=Unit.COMPUTE_UNITS, median=1_017, earlier=10_464, headline=True),
        ),
        units=UNITS,
    )
    rates = Measured(
        figures=(
            sampled("rate", "readings", Unit.PER_S, [5_000, 6_000, 7_000]),
            sampled("share", "readings / floor", Unit.RATIO, [399, 41, 1_088], aim_least=400, headline=True),
            sampled("memory", "memory", Unit.KIB, [20_204], aim_most=20_480),
        ),
        remarks=("All accepted.",),
    )
    return Figures(
        machine=Machine(
            cpu="A Processor",
            cores=2,
            memory_mib=24_000,
            kernel="Linux 6.1",
            python="3.11.7",
            versions={"PyNaCl": "1.6.2"},
        ),
        results=(_result("compute_units", units), _result("bridge", rates)),
    )


def _result(name: str, measured: Measured) -> Result:
    return Result(
        name=name,
        title=f"About {name}",
        about="What it is.",
        measured_at="2026-05-04 10:00 UTC",
        seconds=61,
        load_before=1_250,
        measured=measured,
    )
