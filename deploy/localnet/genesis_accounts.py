"""Decides which accounts a chain begins with: the faucet, the native mint, and what a lone validator has at its genesis.

Sources: solana-test-validator (amounts), solana-vote-interface and solana-stake-interface (layouts, bincode).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from solders.account import Account
from solders.pubkey import Pubkey

SYSTEM = Pubkey.default()
TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
VOTE = Pubkey.from_string("Vote111111111111111111111111111111111111111")
STAKE = Pubkey.from_string("Stake11111111111111111111111111111111111111")
NATIVE_MINT = Pubkey.from_string("So11111111111111111111111111111111111111112")

SOL = 1_000_000_000
FAUCET_LAMPORTS = 500_000_000 * SOL
IDENTITY_LAMPORTS = 500 * SOL
STAKE_LAMPORTS = 1_000_000 * SOL
VOTE_SIZE, STAKE_SIZE = 3_762, 200
_RENT_EXEMPT = {VOTE_SIZE: 27_074_400, STAKE_SIZE: 2_282_880}
_NEVER = (1 << 64) - 1
_VOTE_V3 = _STAKE = struct.pack("<I", 2)
"""Numbers of VoteStateVersions::V3 and StakeStateV2::Stake."""

_COMMISSION, _DELEGATION = 68, 124


def vote_address(identity: Pubkey) -> Pubkey:
    """Return the address of the producer's vote account; it needs no key of its own."""
    return Pubkey.create_with_seed(identity, "vote", VOTE)


def stake_address(identity: Pubkey) -> Pubkey:
    """Return the address of the stake delegated to it."""
    return Pubkey.create_with_seed(identity, "stake", STAKE)


def genesis_accounts(identity: Pubkey, faucet: Pubkey) -> Iterator[tuple[Pubkey, Account]]:
    """Yield every account of the beginning but programs, sysvars and features.

    Args:
        identity: The producer; it may change its vote and stake accounts.
        faucet: Holds what requestAirdrop gives.
    """
    yield faucet, Account(FAUCET_LAMPORTS, b"", SYSTEM)
    yield identity, Account(IDENTITY_LAMPORTS, b"", SYSTEM)
    yield vote_address(identity), Account(_RENT_EXEMPT[VOTE_SIZE], _vote_state(identity), VOTE)
    stake = _stake_state(identity, vote_address(identity))
    yield stake_address(identity), Account(_RENT_EXEMPT[STAKE_SIZE] + STAKE_LAMPORTS, stake, STAKE)
    yield NATIVE_MINT, Account(SOL, _mint(decimals=9), TOKEN)


def commission_of(vote_state: bytes) -> int:
    """Return the percentage that a vote account keeps, as it was written here; 100 for another version of its layout."""
    return vote_state[_COMMISSION] if vote_state[:4] == _VOTE_V3 else 100


def delegated_lamports(stake_state: bytes) -> int:
    """Return what a stake account delegates, lamports; 0 when it is withdrawn or on its way out."""
    if stake_state[:4] != _STAKE or len(stake_state) < _DELEGATION + 56:
        return 0
    lamports, _, until = struct.unpack_from("<QQQ", stake_state, _DELEGATION + 32)
    return int(lamports) if until == _NEVER else 0


def _vote_state(identity: Pubkey) -> bytes:
    """Return a VoteStateV3 without votes: node, withdrawer and voter are the producer, who takes all commission."""
    who = bytes(identity)
    head = _VOTE_V3 + who + who + bytes((100,))
    no_votes, no_root = struct.pack("<Q", 0), b"\0"
    voters = struct.pack("<QQ", 1, 0) + who
    no_prior_voters = bytes(32 * 48) + struct.pack("<QB", 31, 1)
    return (head + no_votes + no_root + voters + no_prior_voters + bytes(8 + 16)).ljust(VOTE_SIZE, b"\0")


def _stake_state(identity: Pubkey, vote: Pubkey) -> bytes:
    """Return a StakeStateV2 delegated since before the first epoch."""
    who = bytes(identity)
    reserve, lockup = struct.pack("<Q", _RENT_EXEMPT[STAKE_SIZE]), bytes(8 + 8 + 32)
    delegation = bytes(vote) + struct.pack("<QQQd", STAKE_LAMPORTS, _NEVER, _NEVER, 0.25)
    return (_STAKE + reserve + who + who + lockup + delegation + bytes(8 + 1)).ljust(STAKE_SIZE, b"\0")


def _mint(*, decimals: int) -> bytes:
    """Return a mint of nothing, without authorities."""
    return bytes(44) + bytes((decimals, 1)) + bytes(36)
