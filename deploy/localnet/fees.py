"""Decides what getRecentPrioritizationFees answers: the least price paid in each recent slot, overall and by account."""

from __future__ import annotations

from collections import deque

from solders.pubkey import Pubkey

from deploy.localnet.bank import LAMPORTS_PER_SIGNATURE, Landed
from deploy.localnet.compute_budget import PRICE, budget_of

SLOTS_KEPT = 150
"""Source: MAX_NUM_RECENT_BLOCKS of Agave's prioritization_fee_cache."""


class PriorityFees:
    """Prices of the last 150 slots, micro-lamports a compute unit. Kept in memory: after a restart it begins anew."""

    def __init__(self) -> None:
        self._slots: deque[_Slot] = deque(maxlen=SLOTS_KEPT)

    def add(self, landed: Landed) -> None:
        """Count one transaction."""
        if not self._slots or self._slots[-1].number != landed.slot:
            self._slots.append(_Slot(landed.slot))
        slot, price = self._slots[-1], _price_of(landed)
        if not price:  # by far the most: kept as a set, which grows without a loop
            slot.free = True
            slot.free_accounts.update(landed.writable)
            return
        for key in (None, *landed.writable):
            slot.least[key] = min(price, slot.least.get(key, price))

    def recent(self, slot: int, accounts: list[Pubkey]) -> list[tuple[int, int]]:
        """Return (slot, price) of the last 150 slots, oldest first; 0 in a slot where nothing locked the accounts.

        Args:
            slot: The open slot.
            accounts: A transaction counts for the price it paid to lock them; the highest of theirs counts.
        """
        by_slot = {one.number: one for one in self._slots}
        numbers = range(max(0, slot - SLOTS_KEPT + 1), slot + 1)
        return [(number, by_slot[number].price(accounts) if number in by_slot else 0) for number in numbers]


class _Slot:
    """The prices of one slot: the least by account (None: of all), and who was locked for nothing."""

    __slots__ = ("free", "free_accounts", "least", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.free = False
        self.free_accounts: set[Pubkey] = set()
        self.least: dict[Pubkey | None, int] = {}

    def price(self, accounts: list[Pubkey]) -> int:
        if not accounts:
            return 0 if self.free else self.least.get(None, 0)
        return max(0 if key in self.free_accounts else self.least.get(key, 0) for key in accounts)


def _price_of(landed: Landed) -> int:
    wire = landed.wire
    if landed.meta.fee() <= LAMPORTS_PER_SIGNATURE * wire.signers:
        return 0
    return budget_of(wire).asked.get(PRICE, 0)
