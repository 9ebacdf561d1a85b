"""Decides what getRecentPrioritizationFees answers: the least price paid in each recent slot, overall and by account."""

from __future__ import annotations

from collections import deque

from solders.pubkey import Pubkey

from deploy.localnet.bank import LAMPORTS_PER_SIGNATURE, Landed

SLOTS_KEPT = 150
"""Source: MAX_NUM_RECENT_BLOCKS of Agave's prioritization_fee_cache."""

COMPUTE_BUDGET = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
_SET_PRICE = 3


class PriorityFees:
    """Prices of the last 150 slots, micro-lamports a compute unit. Kept in memory: after a restart it begins anew."""

    def __init__(self) -> None:
        self._slots: deque[tuple[int, dict[Pubkey | None, int]]] = deque(maxlen=SLOTS_KEPT)

    def add(self, landed: Landed) -> None:
        """Count one transaction."""
        if not self._slots or self._slots[-1][0] != landed.slot:
            self._slots.append((landed.slot, {}))
        least = self._slots[-1][1]
        price = _price_of(landed)
        for key in (None, *landed.writable):
            if key not in least or price < least[key]:
                least[key] = price

    def recent(self, slot: int, accounts: list[Pubkey]) -> list[tuple[int, int]]:
        """Return (slot, price) of the last 150 slots, oldest first; 0 in a slot where nothing locked the accounts.

        Args:
            slot: The open slot.
            accounts: A transaction counts for the price it paid to lock them; the highest of theirs counts.
        """
        by_slot = dict(self._slots)
        prices = []
        for number in range(max(0, slot - SLOTS_KEPT + 1), slot + 1):
            least = by_slot.get(number, {})
            prices.append(
                (number, max((least.get(key, 0) for key in accounts), default=0) if accounts else least.get(None, 0))
            )
        return prices


def _price_of(landed: Landed) -> int:
    wire = landed.wire
    if landed.meta.fee() <= LAMPORTS_PER_SIGNATURE * wire.signers:
        return 0
    for instruction in wire.message.instructions:
        data = bytes(instruction.data)
        if wire.static[instruction.program_id_index] == COMPUTE_BUDGET and data[:1] == bytes((_SET_PRICE,)):
            return int.from_bytes(data[1:9], "little")
    return 0
