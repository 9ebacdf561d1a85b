"""Says how far a property test goes: a short walk in `make test`, the long one in `make prove`.

Mark the test `@pytest.mark.prove_too` and ask here for its number of steps, examples or kills:

    STEPS = steps(2_000, prove=100_000)
"""

from __future__ import annotations

import os

PROVING = os.environ.get("CAMPUSGRID_PROVE") == "1"


def steps(default: int, prove: int) -> int:
    """Return how many steps to take: `default` in `make test`, `prove` in `make prove`."""
    return prove if PROVING else default
