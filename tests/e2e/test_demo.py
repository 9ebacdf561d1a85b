"""The whole path as a user runs it: `campusgrid demo` on real processes, a real broker and the real SVM."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def test_the_demonstration_meters_mints_trades_and_proves() -> None:
    """One quarter hour goes from a register on a meter to a traded, provable kilowatt-hour, and all figures agree."""
    command = [sys.executable, "-m", "deploy.command", "demo", "--intervals", "2", "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert ended.returncode == 0, ended.stderr[-4000:]
    figures = json.loads(ended.stdout)
    assert figures["meters"] >= 8
    assert figures["intervals_closed"] >= 2
    assert figures["readings_posted"] >= 8 * 3
    assert figures["export_wh"] > 0
    assert figures["import_wh"] > 0
    assert figures["minted_atoms"] == 1000 * figures["export_wh"]
    assert figures["burned_atoms"] + figures["debt_atoms"] == 1000 * figures["import_wh"]
    assert figures["proofs_verified"] == figures["readings_posted"] + len(figures["trades"])
