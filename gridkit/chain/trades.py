"""Reads trades: the fills that events tell, and the proof of one from the market account itself (its ring of fills, and the running
hash kept with each interval's totals)."""

from __future__ import annotations

from gridkit.chain import accounts, idl, proof
from gridkit.chain.auction import order_id
from gridkit.chain.deployment import Deployment
from gridkit.chain.idl import Event
from gridkit.chain.proof import Fill
from gridkit.chain.rpc import Rpc

SIDE_BUY, SIDE_SELL = 0, 1


class TradeNotKeptError(LookupError):
    """The market no longer holds what the proof needs, or never had the trade."""


def fills_of(event: Event) -> list[Fill]:
    """Return the fills that an event of the market tells, as the market's ring keeps them; none for an event of another kind.

    In an auction nobody comes first: the seller stands as maker and the buyer as taker.
    """
    if event.program != "trading" or event.name not in ("Filled", "AuctionFilled"):
        return []
    told = event.fields
    fills = []
    for trade, packed in enumerate(told["fills"], told["first_trade"]):
        if event.name == "Filled":
            maker_order, taker_order, tick = packed["maker_order"], told["taker_order"], packed["tick"]
            maker, taker, side = packed["maker_seat"], told["taker_seat"], told["taker_side"]
        else:
            maker, taker, side, tick = packed["sell_seat"], packed["buy_seat"], SIDE_BUY, told["tick"]
            maker_order = order_id(told["auction"], maker, SIDE_SELL)
            taker_order = order_id(told["auction"], taker, SIDE_BUY)
        fills.append(
            Fill(
                trade=trade,
                maker_order=maker_order,
                taker_order=taker_order,
                interval=told["interval"],
                lots=packed["lots"],
                tick=tick,
                maker_seat=maker,
                taker_seat=taker,
                taker_side=side,
                campus_time=told["campus_time"],
            )
        )
    return fills


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
