"""The demonstration's equations: each one alone turns a wrong figure into a failure."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from deploy.demo import Figures, check

GOOD = Figures(
    meters=8,
    intervals_closed=2,
    readings_signed=25,
    readings_stored=25,
    readings_posted=24,
    readings_superseded=0,
    readings_withheld=1,
    readings_refused=0,
    export_wh=7,
    import_wh=9,
    minted_atoms=7_000,
    burned_atoms=4_000,
    debt_atoms=5_000,
    supply_atoms=3_000,
    proofs_verified=25,
    trades=[{"id": 1}],
    seconds=80,
    failures=[],
)


def test_figures_that_agree_pass() -> None:
    """Otherwise the rest of this file proves nothing."""
    assert check(GOOD) == []


@pytest.mark.parametrize(
    "change",
    [
        {"meters": 7},
        {"export_wh": 8},
        {"import_wh": 8},
        {"minted_atoms": 7_001},
        {"burned_atoms": 4_001},
        {"debt_atoms": 4_999},
        {"supply_atoms": 3_001},
        {"readings_stored": 26},
        {"readings_posted": 23},
        {"readings_withheld": 0},
        {"readings_superseded": 1},
        {"proofs_verified": 24},
        {"trades": []},
    ],
    ids=lambda change: next(iter(change)),
)
def test_one_figure_that_disagrees_is_reported(change: dict[str, Any]) -> None:
    """A demonstration that cannot fail shows nothing."""
    assert check(msgspec.structs.replace(GOOD, **change)) != []
