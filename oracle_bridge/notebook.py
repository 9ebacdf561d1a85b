"""Holds back what was followed off the chain until the ledger has been looked at, so that a reading which is posted and settled
within one step is written once and not twice.

Nothing here outlives the process: the cursor on disk moves with what is written, so what is dropped is followed again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from oracle_bridge.store import Applied, Batch, Key, Store


class Notebook:
    """Stands between a zone's `follow.Follower` and the store. One thread at a time.

    Args:
        store: Where batches are written.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._holding = False
        self._found: list[Batch] = []
        self._expected: dict[bytes, Key] = {}
        self._cursor: str | None = None

    def cursor(self, zone: int) -> str | None:
        """Return the last transaction signature that was worked in, here or on disk."""
        return self._cursor if self._cursor is not None else self._store.cursor(zone)

    def record_batches(self, zone: int, found: Sequence[Batch], cursor: str, expected: Mapping[bytes, Key]) -> int:
        """Take batches: into the store, or, between `hold` and `write`, into memory. Returns how many readings were marked."""
        if not self._holding:
            return self._store.record_batches(zone, found, cursor, expected)
        self._found += found
        self._expected.update(expected)
        self._cursor = cursor
        return sum(len(batch.applied) for batch in found)

    def hold(self) -> None:
        """Keep what comes in memory from now on."""
        self._holding = True

    def write(self, zone: int, is_settled: Callable[[Applied], bool]) -> int:
        """Write what was held and hold no longer; return how many of its readings are settled.

        Args:
            zone: Zone number.
            is_settled: Whether the ledger has reached a reading's accumulators.
        """
        found, expected, cursor = self._found, self._expected, self._cursor
        self.drop()
        if cursor is None:
            return 0
        self._store.record_batches(zone, found, cursor, expected, is_settled)
        return sum(1 for batch in found for applied in batch.applied if is_settled(applied))

    def drop(self) -> None:
        """Forget what was held: it will be followed again from the cursor on disk."""
        self._holding, self._found, self._expected, self._cursor = False, [], {}, None
