"""Fixtures of the client tests: a real local chain on free ports with the five programs deployed and initialised, made once a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from client_campus import Campus
from client_chains import deployed, localnet

SPEED = 60


@pytest.fixture(scope="session")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campus]:
    """A deployed campus in a fresh home; its clock runs 60 times as fast, so that a timelock of seconds is short."""
    with localnet(tmp_path_factory.mktemp("clients") / "home", speed=SPEED) as site:
        yield deployed(site)
