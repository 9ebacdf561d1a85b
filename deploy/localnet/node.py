"""Joins the chain with what its methods need, and opens its slots: the one place that reads a clock."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import deque
from collections.abc import Callable

from solders.hash import Hash
from solders.litesvm import FeatureSet

from deploy.localnet.bank import BLOCKHASH_WINDOW, Bank, Landed, Refused
from deploy.localnet.counters import Counters
from deploy.localnet.fees import PriorityFees
from deploy.localnet.genesis import Genesis
from deploy.localnet.history import History
from deploy.localnet.ledger import Ledger
from deploy.localnet.wire import Wire
from gridkit.clock import RENEW_PERIOD_S, ClockOwner

API_VERSION = "4.1.0"
"""Agave's version that the SVM in solders 0.29 is built of."""

FEATURE_SET = int.from_bytes(
    hashlib.sha256(b"".join(sorted(map(bytes, FeatureSet.all_enabled().active)))).digest()[:4], "little"
)
"""Which features that version knows. Source: ID of agave-feature-set, its first four bytes."""

SAMPLE_PERIOD_S = 60


class Node:
    """What answers clients.

    Attributes:
        ledger: The chain.
        genesis: Its beginning.
        clock: Campus time, owned by this process.
        counters: What was done and refused.
        fees: Recent priority fees.
        rpc_address, pubsub_address: "host:port" of HTTP and WebSocket, once it listens.
        samples: (slot, transactions, slots) of each past minute, newest first, at most 720.
        on_landed, on_slot: Called for each landed transaction and each opened slot, before it is durable.
    """

    def __init__(self, ledger: Ledger, genesis: Genesis, clock: ClockOwner, slot_ms: int) -> None:
        self.ledger, self.genesis, self.clock = ledger, genesis, clock
        self.slot_s = slot_ms / 1000
        self.rpc_address: str | None = None
        self.pubsub_address: str | None = None
        self.counters = Counters()
        self.fees = PriorityFees()
        self.samples: deque[tuple[int, int, int]] = deque(maxlen=720)
        self.on_landed: list[Callable[[Landed], None]] = []
        self.on_slot: list[Callable[[int], None]] = []

    @property
    def bank(self) -> Bank:
        """The state; asked anew each time because a rebuild replaces it."""
        return self.ledger.bank

    @property
    def history(self) -> History:
        """What has landed."""
        return self.ledger.history

    @property
    def slot(self) -> int:
        """The open slot, at every commitment."""
        return self.ledger.bank.slot

    def context(self) -> dict[str, object]:
        """Return the `context` of an answer."""
        return {"apiVersion": API_VERSION, "slot": self.ledger.bank.slot}

    def with_context(self, value: object) -> dict[str, object]:
        """Return an answer that says at which slot it was true."""
        return {"context": self.context(), "value": value}

    def latest_blockhash(self) -> tuple[str, int]:
        """Return (blockhash in base58, last block height at which it may be used)."""
        bank = self.ledger.bank
        return str(Hash.from_bytes(bank.latest_blockhash)), bank.blockhashes[
            bank.latest_blockhash
        ] + BLOCKHASH_WINDOW - 1

    def submit(self, wire: Wire, *, keep_failure: bool, verified: bool = False) -> Landed | Refused:
        """Run a transaction; arguments as `Ledger.submit`. Watchers hear of it when it landed."""
        outcome = self.ledger.submit(wire, keep_failure=keep_failure, verified=verified)
        if isinstance(outcome, Landed):
            self.fees.add(outcome)
            self.counters.add("transactions", "result", "success" if outcome.failure is None else "failure")
            for watcher in self.on_landed:
                watcher(outcome)
        return outcome

    async def open_slots(self) -> None:
        """Open a slot every 400 ms of wall time until cancelled. A late one is not made up for: slots are not time."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        sampled_at, sampled_slot, sampled_count = due, self.slot, self.bank.transaction_count
        while True:
            due = max(due + self.slot_s, loop.time())
            await asyncio.sleep(due - loop.time())
            self.ledger.advance(self.clock.now_ns() // 1_000_000_000, os.urandom(32))
            for watcher in self.on_slot:
                watcher(self.slot)
            if loop.time() - sampled_at >= SAMPLE_PERIOD_S:
                count = self.bank.transaction_count
                self.samples.appendleft((self.slot, count - sampled_count, self.slot - sampled_slot))
                sampled_at, sampled_slot, sampled_count = loop.time(), self.slot, count

    async def keep_clock(self) -> None:
        """Reserve campus time ahead on disk, in a thread: its fsync must not hold up clients."""
        while True:
            await asyncio.sleep(RENEW_PERIOD_S)
            await asyncio.to_thread(self.clock.renew)
