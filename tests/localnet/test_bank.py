"""The bank under a failing SVM, and what it must not read; each runs in the localnet's own environment."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from localnet_process import CHECKOUT, PYTHON, SOL

pytestmark = pytest.mark.integration


def probe(what: str) -> dict[str, Any]:
    script = Path(__file__).parent / "probes/bank_probe.py"
    done = subprocess.run(
        [str(PYTHON), str(script), what],
        cwd=CHECKOUT,
        env={"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_panic_while_a_program_is_stored_is_undone_in_place() -> None:
    """A bad ELF panics inside the SVM after some accounts were written; the half must not stay."""
    found = probe("deployment")
    assert found["failure"] == {"InstructionError": [0, "InvalidAccountData"]}
    assert found["same_digest"]
    assert found["same_bank"]
    assert found["transactions"] == 5
    assert found["balance"] == found["after_restart"] == 5 * SOL + 10 + 99


def test_a_panic_anywhere_else_rebuilds_the_bank_from_disk() -> None:
    """Memory that may be half written cannot be answered from; what is on disk can."""
    found = probe("elsewhere")
    assert found["failure"] == {"InstructionError": [0, "ProgramFailedToComplete"]}
    assert found["same_digest"]
    assert not found["same_bank"]
    assert found["transactions"] == 5
    assert found["balance"] == found["after_restart"] == 5 * SOL + 10 + 99


def test_a_large_account_is_not_read_for_each_order_that_writes_it() -> None:
    """The market is 450 kB: copying it for each order would cost more than running the order."""
    assert probe("large")["reads_of_the_market"] <= 1
