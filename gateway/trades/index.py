"""Reads the market's transactions in order and keeps the index of trades. A trade that was seen before changes nothing."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from gateway.ledger import Ledger, Outcome
from gateway.orders import book_keeping
from gateway.store import cursors
from gridkit.chain.idl import Event

_CURSOR = "market_signature"
_OUT_REASON = {0: "cancelled", 1: "expired", 2: "self_trade"}
_OUTCOME_REASON = {2: "ioc_rest", 3: "match_limit", 4: "self_trade"}


def apply_events(db: sa.Connection, ledger: Ledger, outcome: Outcome) -> list[dict[str, Any]]:
    """Move orders and the index forward by a confirmed transaction's events; return the trades that were new."""
    ours = [event for event in outcome.events if event.program == "trading"]
    placed = {e.fields["order_id"]: e.fields for e in ours if e.name == "OrderPlaced"}
    for fields in placed.values():
        book_keeping.order_placed(db, client_id=fields["client_id"], chain_order_id=fields["order_id"])
    new: list[dict[str, Any]] = []
    for event in ours:
        if event.name == "Filled":
            new += [t for t in _trades_of(event, ledger, outcome) if book_keeping.trade_made(db, t)]
        elif event.name == "OrderOut":
            reason = _OUT_REASON.get(event.fields["reason"], "removed")
            book_keeping.order_out(db, chain_order_id=event.fields["order_id"], reason=reason)
    for fields in placed.values():
        if (reason_text := _OUTCOME_REASON.get(fields["outcome"])) is not None:
            book_keeping.order_out(db, chain_order_id=fields["order_id"], reason=reason_text)
    return new


def _trades_of(event: Event, ledger: Ledger, outcome: Outcome) -> list[dict[str, Any]]:
    fields = event.fields
    taker = ledger.wallet_of_seat(fields["taker_seat"])
    taker_buys = fields["taker_side"] == 0
    trades = []
    for offset, fill in enumerate(fields["fills"]):
        maker = ledger.wallet_of_seat(fill["maker_seat"])
        trades.append(
            {
                "trade_id": fields["first_trade"] + offset,
                "interval": fields["interval"],
                "price_ticks": fill["tick"],
                "size_lots": fill["lots"],
                "taker_side": "buy" if taker_buys else "sell",
                "buyer": taker if taker_buys else maker,
                "seller": maker if taker_buys else taker,
                "maker_order": str(fill["maker_order"]),
                "taker_order": str(fields["taker_order"]),
                "traded_at_s": fields["campus_time"],
                "signature": outcome.signature,
                "slot": outcome.slot,
            }
        )
    return trades


class TradeIndex:
    """Follows the market account's transactions from where it stopped.

    Args:
        store: The gateway's tables.
        ledger: The ledger.
    """

    def __init__(self, store: sa.Engine, ledger: Ledger) -> None:
        self._store, self._ledger = store, ledger

    def catch_up(self) -> list[dict[str, Any]]:
        """Read what is new, oldest first, each transaction in one database transaction with the cursor; return new trades."""
        with self._store.connect() as db:
            until = db.execute(sa.select(cursors.c.value).where(cursors.c.name == _CURSOR)).scalar_one_or_none()
        landed = [s for s in self._newer_than(until) if s.get("err") is None]
        new: list[dict[str, Any]] = []
        for at in range(0, len(landed), 50):
            part = landed[at : at + 50]
            found = self._ledger.rpc.transactions([str(item["signature"]) for item in part])
            for item, transaction in zip(part, found, strict=True):
                if transaction is None:
                    return new  # not served yet: go on from here the next time
                new += self._apply(str(item["signature"]), transaction)
        return new

    def _newer_than(self, until: str | None) -> list[dict[str, Any]]:
        """Return every signature after `until`, oldest first; pages of 1,000 are walked from the newest back."""
        pages: list[dict[str, Any]] = []
        before: str | None = None
        while True:
            page = self._ledger.rpc.signatures_for(self._ledger.deployment.market, until=until, before=before)
            pages += page
            if len(page) < 1000:
                return pages[::-1]
            before = str(page[-1]["signature"])

    def _apply(self, signature: str, transaction: dict[str, Any]) -> list[dict[str, Any]]:
        events = self._ledger.events_of(transaction)
        outcome = Outcome("confirmed", signature, slot=int(transaction["slot"]), events=events)
        with self._store.begin() as db:
            new = apply_events(db, self._ledger, outcome)
            db.execute(sa.delete(cursors).where(cursors.c.name == _CURSOR))
            db.execute(sa.insert(cursors).values(name=_CURSOR, value=signature))
        return new
