"""The paths and the tour together call every instruction of the five programs; what each costs is compared on a real validator."""

from __future__ import annotations

from pathlib import Path

import pytest
from client_chains import deployed, localnet
from client_suite import walk
from client_tour import AFTER, Tour, common_interval
from client_units import transactions
from validator_run import every_instruction

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SPEED, ROOM_S = 60, 840
"""A quarter hour is 15 s; the auction is entered in the first second of one."""


def test_path_and_tour_call_every_instruction(tmp_path: Path) -> None:
    """An instruction that nobody calls on a validator may cost there what it likes, and no run of both chains would show it."""
    with localnet(tmp_path / "home", speed=SPEED) as site:
        campus = deployed(site)
        walk(AFTER, campus, tmp_path)
        tour = Tour(campus)
        auction = common_interval([campus], ROOM_S)
        tour.enter(auction)
        tour.walk()
        tour.leave(auction)
        called = {name for transaction in transactions(campus) for name in transaction.names}
    assert every_instruction() - called == set()
