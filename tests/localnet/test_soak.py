"""What only many transactions show: memory that stays where it is, a start that stays short. Run by `make soak`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
from localnet_process import SOL, Node
from solders.pubkey import Pubkey

pytestmark = [pytest.mark.integration, pytest.mark.soak]

MakeNode = Callable[..., Node]
MAX_START_S = 5.0
MAX_GROWTH_MIB = 8.0
"""80 bytes for each of the last 100,000: less than one entry of any table."""

SLOT_MS = 40


def accounts(count: int) -> list[Pubkey]:
    return [Pubkey.from_bytes(os.urandom(32)) for _ in range(count)]


def test_a_start_from_a_snapshot_of_100000_transactions_takes_at_most_five_seconds(make_node: MakeNode) -> None:
    """After a power cut the market must be back before the quarter hour is. Each transaction makes an account: the worst case."""
    node = make_node(slot_ms=400).start()
    node.pay_all(node.funded(1_000_000 * SOL), accounts(100_000), SOL // 100)
    assert node.stop() == 0
    started = time.monotonic()
    node.start()
    took_s = time.monotonic() - started
    [recovered] = node.events("ledger_recovered")[-1:]
    print(f"start from a snapshot of 100,000 transactions and accounts: {took_s:.2f} s")
    assert recovered["replayed"] == 0
    assert node.call("getTransactionCount") == 100_001
    assert took_s <= MAX_START_S


def test_a_start_after_a_kill_replays_no_more_than_fits_into_five_seconds(make_node: MakeNode) -> None:
    """A kill comes just before the next snapshot: all since the last one is run again."""
    node = make_node(slot_ms=400).start()
    payer, targets = node.funded(1_000_000 * SOL), accounts(100)
    for _ in range(599):
        node.pay_all(payer, targets, SOL // 100)
    node.kill()
    started = time.monotonic()
    node.start()
    took_s = time.monotonic() - started
    [recovered] = node.events("ledger_recovered")[-1:]
    print(
        f"start after a kill: {recovered['replayed']} transactions replayed in {recovered['seconds']} s of {took_s:.2f} s"
    )
    assert node.call("getTransactionCount") == 59_901
    assert recovered["replayed"] <= 10_500
    assert took_s <= MAX_START_S


def test_memory_is_flat_over_200000_transactions(make_node: MakeNode) -> None:
    """A chain that grows with its history falls over on the first Sunday night."""
    # Short slots: the signatures of the last 151 are kept, and with long ones a machine that grows faster meanwhile shows more of them.
    node = make_node(slot_ms=SLOT_MS).start()
    payer, targets = node.funded(1_000_000 * SOL), accounts(500)

    def pay_10000() -> float:
        for _ in range(20):
            node.pay_all(payer, targets, SOL // 100)
        return node.resident_mib()

    begun = time.monotonic()
    while time.monotonic() - begun < max(
        20.0, 1.1 * 151 * SLOT_MS / 1_000
    ):  # what is bounded fills first: 151 slots of signatures
        pay_10000()
    seen = [pay_10000() for _ in range(20)]
    print("memory after each 10,000 transactions, MiB:", *(f"{mib:.0f}" for mib in seen))
    assert max(seen[10:]) - max(seen[:10]) <= MAX_GROWTH_MIB
