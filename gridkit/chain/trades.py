"""Builds the proof of a trade from the market account itself: its ring of fills, and the running hash kept with each interval's totals."""

from __future__ import annotations

from gridkit.chain import accounts, idl, proof
from gridkit.chain.deployment import Deployment
from gridkit.chain.rpc import Rpc


class TradeNotKeptError(LookupError):
    """The market no longer holds what the proof needs, or never had the trade."""


def trade_proof(rpc: Rpc, deployment: Deployment, trade: int, last: int | None = None) -> proof.TradeProof:
    """Return the proof of a trade from the market's ring of the last 2,048 fills.

    Args:
        rpc, deployment: The chain.
        trade: Number of the trade.
        last: The anchor's last trade; by default the market's newest.

    Raises:
        TradeNotKeptError: The trade is not in the ring (any more), its interval began before the ring, or `last` is not in it.
    """
    layout = idl.interface("trading").layout("Market")
    market = rpc.account(deployment.market)
    if market is None:
        raise TradeNotKeptError("the market is missing")
    data = market.data
    newest = accounts.decode_market_head(data).trade_seq
    oldest = max(1, newest - 2047)
    at = layout.offsets["fills"]
    fills = {n: data[at + 48 * ((n - 1) % 2048) : at + 48 * ((n - 1) % 2048) + 48] for n in range(oldest, newest + 1)}
    if trade not in fills:
        raise TradeNotKeptError(f"trade {trade} is not among the market's last fills")
    last = newest if last is None else last
    if last not in fills or last < trade:
        raise TradeNotKeptError(
            f"an anchor at trade {last} does not cover trade {trade}, or is older than the market's last fills"
        )
    interval = proof.decode_fill(fills[trade]).interval
    first = min(n for n in fills if proof.decode_fill(fills[n]).interval == interval)
    before = bytes(32) if first == 1 else _hash_before(data, layout.offsets["intervals"], first)
    return proof.trade_proof(
        genesis_hash=deployment.genesis_hash,
        trading_program=deployment.programs["trading"],
        trade=trade,
        before=before,
        fills=[fills[n] for n in range(first, last + 1)],
    )


def _hash_before(data: bytes, at: int, first: int) -> bytes:
    """Return the running hash before trade `first`, kept with the totals of the interval that ended with the trade before."""
    for entry in range(128):
        base = at + 64 * entry
        if int.from_bytes(data[base + 56 : base + 64], "little") == first - 1:
            return data[base + 24 : base + 56]
    raise TradeNotKeptError(f"the market no longer keeps the hash before trade {first}")
