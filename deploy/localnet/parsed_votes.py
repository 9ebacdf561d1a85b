"""Decides how a vote account reads in "jsonParsed": every version as the newest, which has no prior voters.

Layouts: solana-vote-interface 5.0 (bincode). Shape: solana-account-decoder 4.0.
"""

from __future__ import annotations

import struct
from typing import Any

from solders.pubkey import Pubkey

from deploy.localnet.base58 import encode

_V1_14_11, _V3, _V4 = 1, 2, 3
_PRIOR_VOTERS = 32 * 48 + 8 + 1
_BLS_KEY = 48
_ALL_BPS = 10_000


def vote_account(address: Pubkey, data: bytes) -> dict[str, Any] | None:
    """Return {"type": "vote", "info"}, or None for data that is no vote state.

    Args:
        address: The account's; until version 4 it collects the rewards for its delegators itself.
        data: All of its data.
    """
    try:
        return {"type": "vote", "info": _state(_Reader(data), str(address))}
    except struct.error:
        return None


def _state(reader: _Reader, address: str) -> dict[str, Any]:
    [version] = reader.take("I")
    if not _V1_14_11 <= version <= _V4:
        raise struct.error("no vote state")
    node, withdrawer = reader.key(), reader.key()
    if version == _V4:
        collectors = reader.key(), reader.key()
        inflation_bps, block_bps, pending = reader.take("HHQ")
        bls_key = encode(reader.bytes(_BLS_KEY)) if reader.take("?")[0] else None
    else:
        collectors, bls_key = (address, node), None
        inflation_bps, block_bps, pending = reader.take("B")[0] * 100, _ALL_BPS, 0
    votes = [reader.vote(has_latency=version != _V1_14_11) for _ in range(reader.count())]
    root_slot = reader.take("Q")[0] if reader.take("?")[0] else None
    voters = [{"epoch": reader.take("Q")[0], "authorizedVoter": reader.key()} for _ in range(reader.count())]
    if version != _V4:
        reader.bytes(_PRIOR_VOTERS)
    credits_ = [reader.take("QQQ") for _ in range(reader.count())]
    slot, timestamp = reader.take("Qq")
    return {
        "nodePubkey": node,
        "authorizedWithdrawer": withdrawer,
        "commission": inflation_bps // 100 & 0xFF,
        "votes": votes,
        "rootSlot": root_slot,
        "authorizedVoters": voters,
        "priorVoters": [],
        "epochCredits": [
            {"epoch": epoch, "credits": str(now), "previousCredits": str(before)} for epoch, now, before in credits_
        ],
        "lastTimestamp": {"slot": slot, "timestamp": timestamp},
        "inflationRewardsCommissionBps": inflation_bps,
        "inflationRewardsCollector": collectors[0],
        "blockRevenueCollector": collectors[1],
        "blockRevenueCommissionBps": block_bps,
        "pendingDelegatorRewards": str(pending),
        "blsPubkeyCompressed": bls_key,
    }


class _Reader:
    """Reads bincode; struct.error where the data ends too early."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, codes: str) -> tuple[Any, ...]:
        """Return the numbers of these struct codes."""
        found = struct.unpack_from(f"<{codes}", self._data, self._at)
        self._at += struct.calcsize(f"<{codes}")
        return found

    def bytes(self, size: int) -> bytes:
        """Return so many bytes."""
        return bytes(self.take(f"{size}s")[0])

    def key(self) -> str:
        """Return an address."""
        return str(Pubkey.from_bytes(self.bytes(32)))

    def count(self) -> int:
        """Return the length of a list; struct.error for one that cannot fit."""
        count = int(self.take("Q")[0])
        if count > len(self._data):
            raise struct.error("a list longer than the account")
        return count

    def vote(self, *, has_latency: bool) -> dict[str, int]:
        """Return a vote as it landed."""
        latency = self.take("B")[0] if has_latency else 0
        slot, confirmations = self.take("QI")
        return {"latency": latency, "slot": slot, "confirmationCount": confirmations}
