"""Fixtures of the local chain's tests: the real process, in its own environment, on free ports and a temporary home."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from localnet_process import PYTHON, Node


@pytest.fixture(scope="session", autouse=True)
def _environment() -> None:
    if not PYTHON.exists():
        pytest.fail(f"{PYTHON} is missing: run `make setup`, or set CAMPUSGRID_LOCALNET_PYTHON")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A running chain, shared by the tests of one file."""
    made = Node(tmp_path_factory.mktemp("localnet") / "home")
    made.start()
    yield made
    assert made.stop() == 0, made.log()


@pytest.fixture
def make_node(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Make chains of one's own: `make_node(home="a", slot_ms=20)`. All are stopped at the end."""
    made: list[Node] = []

    def make(home: str = "home", **settings: Any) -> Node:
        node = Node(tmp_path / home, **settings)
        made.append(node)
        return node

    yield make
    for node in made:
        if node.process is not None and node.process.poll() is None:
            node.stop()
