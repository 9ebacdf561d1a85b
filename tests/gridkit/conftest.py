"""Where the vectors are, and one reader for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parent.parent / "vectors"


@pytest.fixture(scope="session")
def vectors() -> Any:
    """A function from a file's stem to its content."""
    return lambda name: json.loads((VECTORS / f"{name}.json").read_text())
