"""Trades, newest first, and the proof of one: the fills of its interval and the hash that the market keeps over them."""

from __future__ import annotations

import json
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from gateway import paging
from gateway.amounts import atoms_text, energy_text, price_text
from gateway.auth.policy import Permission
from gateway.auth.tokens import Claims
from gateway.context import Allowed, GatewayPart
from gateway.problems import Problem
from gateway.store import trades
from gridkit.chain import proof
from gridkit.chain.trades import TradeNotKeptError, trade_proof
from gridkit.units import trade_value_ucredit

router = APIRouter(tags=["trades"])
Reader = Annotated[Claims, Depends(Allowed(Permission.READ_MARKET))]


class TradeView(BaseModel):
    """One trade. `value` is in CREDIT; `signature` is the Solana transaction that matched and settled it, landed in `slot`.

    Both are null when that transaction hid its log lines: the trade itself is then from the market account.
    """

    trade_id: int
    interval: int
    price: str
    quantity: str
    value: str
    taker_side: str
    buyer: str
    seller: str
    traded_at_s: int
    signature: str | None
    slot: int | None


class TradePage(BaseModel):
    """Some trades, newest first, and where the next page starts."""

    trades: list[TradeView]
    next: str | None


def view(row: Any) -> TradeView:
    """Return the API's form of a trade row (a mapping or a table row)."""
    get = row.__getitem__ if isinstance(row, dict) else lambda name: getattr(row, name)
    return TradeView(
        trade_id=get("trade_id"),
        interval=get("interval"),
        price=price_text(get("price_ticks")),
        quantity=energy_text(get("size_lots")),
        value=atoms_text(trade_value_ucredit(get("size_lots"), get("price_ticks"))),
        taker_side=get("taker_side"),
        buyer=get("buyer"),
        seller=get("seller"),
        traded_at_s=get("traded_at_s"),
        signature=get("signature") or None,
        slot=get("slot") or None,
    )


@router.get("/trades", summary="Trades, newest first")
def list_trades(
    reader: Reader,
    gateway: GatewayPart,
    mine: bool = False,
    interval: Annotated[int | None, Query(ge=0, lt=2**32)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> TradePage:
    """Return all trades, or the caller's own."""
    query = sa.select(trades)
    if mine:
        query = query.where(sa.or_(trades.c.buyer == reader.wallet, trades.c.seller == reader.wallet))
    if interval is not None:
        query = query.where(trades.c.interval == interval)
    if cursor is not None:
        (before,) = paging.unpack(cursor)
        query = query.where(trades.c.trade_id < before)
    with gateway.store.connect() as db:
        rows = db.execute(query.order_by(trades.c.trade_id.desc()).limit(limit + 1)).all()
    more = len(rows) > limit
    return TradePage(
        trades=[view(row) for row in rows[:limit]], next=paging.pack([rows[limit - 1].trade_id]) if more else None
    )


@router.get("/trades/{trade_id}", summary="One trade")
def one_trade(trade_id: int, _: Reader, gateway: GatewayPart) -> TradeView:
    """Return one trade."""
    with gateway.store.connect() as db:
        row = db.execute(sa.select(trades).where(trades.c.trade_id == trade_id)).one_or_none()
    if row is None:
        raise Problem(404, "not_found", "There is no such trade.")
    return view(row)


@router.get("/trades/{trade_id}/proof", summary="Proof of one trade")
def one_proof(trade_id: int, _: Reader, gateway: GatewayPart) -> dict[str, Any]:
    """Return the proof that `campusgrid verify` checks offline: the fills from the first of its interval to the market's running hash.

    404 `not_kept`: there is no such trade, or the market's ring no longer holds its interval.
    """
    try:
        made = trade_proof(gateway.ledger.rpc, gateway.ledger.deployment, trade_id)
    except TradeNotKeptError as error:
        raise Problem(404, "not_kept", str(error))
    return dict(json.loads(proof.encode(made)))
