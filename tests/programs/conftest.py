"""Fixtures of the program tests: a fresh chain for each test, and the table of compute units."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

from campus import Campus
from program_harness import IS_MAIN_ENVIRONMENT, RECORD_VARIABLE, Chain, Outcome, UnitTable, expect_ok


@pytest.fixture
def chain() -> Chain:
    """A chain with every built program and no accounts of ours."""
    return Chain()


@pytest.fixture
def campus(chain: Chain) -> Campus:
    """A chain with governance, registry, an admin, an operator and zone 1 set up."""
    return Campus.build(chain)


@pytest.fixture(scope="session")
def unit_table() -> Iterator[UnitTable]:
    """The compute unit table; written at the end of a recording run of the main environment."""
    recording = bool(os.environ.get(RECORD_VARIABLE)) and IS_MAIN_ENVIRONMENT
    table = UnitTable(recording=recording, enforcing=IS_MAIN_ENVIRONMENT)
    yield table
    if recording:
        table.write()


@pytest.fixture
def record_units(unit_table: UnitTable) -> Callable[[str, Outcome], Outcome]:
    """Compare the units of an applied transaction with the table under `<program>.<instruction>[.<case>]`."""

    def record(key: str, outcome: Outcome) -> Outcome:
        expect_ok(outcome)
        unit_table.check(key, *outcome.own_units())
        return outcome

    return record
