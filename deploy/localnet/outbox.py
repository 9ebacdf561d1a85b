"""Decides when an answer may leave: not before everything it may have seen is on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from deploy.localnet.ledger import Ledger


class Outbox:
    """Holds what waits for the disk. What is put first leaves first."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._held: deque[tuple[int, Callable[[], None]]] = deque()
        ledger.on_durable = self._release

    def put(self, send: Callable[[], None]) -> None:
        """Call `send` as soon as every step taken so far is durable: now, if it is."""
        lsn = self._ledger.last_lsn
        if not self._held and lsn <= self._ledger.durable_lsn:
            send()
            return
        self._held.append((lsn, send))
        self._ledger.sync()

    def _release(self, lsn: int) -> None:
        while self._held and self._held[0][0] <= lsn:
            self._held.popleft()[1]()
