"""Fixtures of the program tests: a fresh chain for each test, and the table of compute units."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from solders.instruction import Instruction

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

from campus import Campus
from program_harness import (
    RECORD_VARIABLE,
    TOKEN_PROGRAM,
    Chain,
    Outcome,
    UnitTable,
    expect_ok,
    units_environment,
    units_files,
)

REFUSED: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def _count_refusals(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Count what the tests of account slots send in vain, by the program it was sent to."""
    if "slots" not in request.path.stem:
        return
    send = Chain.send

    def counting(chain: Chain, *instructions: Instruction, **others: Any) -> Outcome:
        outcome = send(chain, *instructions, **others)
        if not outcome.ok:
            REFUSED[chain.program_names.get(str(instructions[-1].program_id), "other")] += 1
        return outcome

    monkeypatch.setattr(Chain, "send", counting)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many transactions with something wrong in an account slot were refused; one that passes fails its test."""
    if REFUSED:
        counts = ", ".join(f"{program} {count:,}" for program, count in sorted(REFUSED.items()))
        terminalreporter.write_line(f"negative slot matrix: {sum(REFUSED.values()):,} refused ({counts})")


@pytest.fixture
def chain() -> Chain:
    """A chain with every built program and no accounts of ours."""
    return Chain()


@pytest.fixture
def campus(chain: Chain) -> Campus:
    """A chain with governance, registry, an admin, an operator and zone 1 set up."""
    return Campus.build(chain)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A run that records, or that changes the token program, is about units: only the tests that measure them."""
    here = Path(__file__).resolve().parent
    if not (os.environ.get(RECORD_VARIABLE) or TOKEN_PROGRAM):
        return
    others = [i for i in items if here not in i.path.parents or "record_units" not in getattr(i, "fixturenames", ())]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


@pytest.fixture(scope="session")
def unit_table() -> Iterator[UnitTable | None]:
    """The compute unit table of this environment, if one is kept; written at the end of a recording run."""
    environment = units_environment()
    if environment is None:
        yield None
        return
    table = UnitTable(*units_files(environment), recording=bool(os.environ.get(RECORD_VARIABLE)))
    yield table
    if table.recording:
        table.write()


@pytest.fixture
def record_units(unit_table: UnitTable | None) -> Callable[[str, Outcome], Outcome]:
    """Compare the units of an applied transaction with the table under `<program>.<instruction>[.<case>]`."""

    def record(key: str, outcome: Outcome) -> Outcome:
        expect_ok(outcome)
        if unit_table is not None:
            unit_table.check(key, *outcome.own_units())
        return outcome

    return record
