"""What is held back within a step, and that nothing is lost when the step does not come to its end."""

from __future__ import annotations

from typing import Any

import pytest
from test_posting_flow import feed

from gridkit.chain.rpc import NodeUnreachableError


def changes(bench: Any) -> int:
    with bench.store._engine.connect() as db:
        return int(db.exec_driver_sql("SELECT value FROM counters WHERE name = 'change_seq'").scalar_one())


def test_a_reading_posted_and_settled_in_one_step_is_written_once(bench: Any) -> None:
    """Two writes of each reading where one will do were a fifth of what posting cost."""
    feed(bench, 1, (1_000, 10), (1_100, 25), (1_250, 40))
    assert changes(bench) == 3
    bench.step()
    assert bench.states() == {"settled": 3}
    assert changes(bench) == 6


def test_what_was_held_when_the_chain_went_away_is_followed_again(bench: Any) -> None:
    """The postings have landed; forgetting them would leave their readings stored for ever."""
    feed(bench, 1, (1_000, 10), (1_100, 25))
    worker = bench.workers[1]

    def away() -> int:
        raise NodeUnreachableError("gone before the ledger was read")

    worker._settle, settle = away, worker._settle
    with pytest.raises(NodeUnreachableError):
        bench.step()
    assert bench.states() == {"stored": 2}
    assert bench.chain.posted_readings == 2
    worker._settle = settle
    bench.step()
    assert bench.states() == {"settled": 2}
    assert bench.chain.posted_readings == 2
