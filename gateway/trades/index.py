"""Keeps the index of trades: follows the market's transactions in order, and checks what it has against the market account itself.

Events are read because they come early and name their transaction, but they are not believed to be complete: anybody can pad a
transaction so that the runtime cuts its logs. After each walk the running hash over all fills is continued to the market's
newest trade and must be the market's own; trades whose event was cut are taken from the market's ring of fills.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa

from gateway import market
from gateway.ledger import Ledger, Outcome
from gateway.orders import book_keeping
from gateway.store import cursors, trades
from gridkit.chain import hidden, walk
from gridkit.chain.proof import Fill, decode_fill, encode_fill, fills_hash
from gridkit.chain.trades import fills_of
from gridkit.log import get_logger

log = get_logger("gateway")

_CURSOR = "market_signature"
_CHECKED = "trades_checked"
_LOST = "trades_lost"
_MISMATCHES = "trades_mismatches"
_CUT_KEPT = 256  # cut transactions remembered until the trades they hid are found, which is one walk later
_OUT_REASON = {0: "cancelled", 1: "expired", 2: "self_trade", 3: "evicted", 4: "suspended"}
_OUTCOME_REASON = {
    2: "ioc_rest",
    3: "match_limit",
    4: "self_trade",
    5: "protection",
    7: "would_cross",
    8: "unfunded",
}


class Position(msgspec.Struct, frozen=True):
    """A point in the sequence of fills: number of a trade, and the running hash after it (32 bytes)."""

    trade: int = 0
    fills_hash: bytes = bytes(32)

    def after(self, raw: bytes) -> Position:
        """Return the position after the next fill (48 bytes)."""
        return Position(self.trade + 1, fills_hash(self.fills_hash, [raw]))


class Cut(msgspec.Struct, frozen=True):
    """A landed transaction whose logs were cut; `time_s` is its block's campus time, None when the node does not say."""

    signature: str
    slot: int
    time_s: int | None


def apply_events(db: sa.Connection, ledger: Ledger, outcome: Outcome) -> list[dict[str, Any]]:
    """Move orders and the index forward by a confirmed transaction's events; return the trades that were new."""
    ours = [event for event in outcome.events if event.program == "trading"]
    placed = {e.fields["order_id"]: e.fields for e in ours if e.name == "OrderPlaced"}
    for fields in placed.values():
        book_keeping.order_placed(
            db,
            client_id=fields["client_id"],
            chain_order_id=fields["order_id"],
            wallet=ledger.wallet_of_seat(fields["seat"]),
        )
    new: list[dict[str, Any]] = []
    for event in ours:
        made = [trade_of(fill, ledger, outcome.signature, outcome.slot) for fill in fills_of(event)]
        new += [trade for trade in made if book_keeping.trade_made(db, trade)]
        if event.name == "OrderOut":
            reason = _OUT_REASON.get(event.fields["reason"], "removed")
            book_keeping.order_out(db, chain_order_id=event.fields["order_id"], reason=reason)
    for fields in placed.values():
        if (reason_text := _OUTCOME_REASON.get(fields["outcome"])) is not None:
            book_keeping.order_out(db, chain_order_id=fields["order_id"], reason=reason_text)
    return new


def trade_of(fill: Fill, ledger: Ledger, signature: str, slot: int) -> dict[str, Any]:
    """Return the row of a fill; an empty signature and slot 0 say that its transaction is not known."""
    return {
        "trade_id": fill.trade,
        "interval": fill.interval,
        "price_ticks": fill.tick,
        "size_lots": fill.lots,
        "taker_side": "buy" if fill.taker_side == 0 else "sell",
        "buyer": ledger.wallet_of_seat(fill.buyer_seat),
        "seller": ledger.wallet_of_seat(fill.seller_seat),
        "maker_order": str(fill.maker_order),
        "taker_order": str(fill.taker_order),
        "traded_at_s": fill.campus_time,
        "signature": signature,
        "slot": slot,
    }


def hidden_in(fill: Fill, cut: Iterable[Cut]) -> Cut | None:
    """Return the cut transaction that made `fill`: the only one of its second, else None (no guess is better than a wrong one)."""
    fitting = [one for one in cut if one.time_s == fill.campus_time]
    return fitting[0] if len(fitting) == 1 else None


def checked_position(db: sa.Connection) -> Position:
    """Return up to which trade the index is known to be the market's own sequence of fills."""
    text = _load(db, _CHECKED)
    if text is None:
        return Position()
    number, digest = text.split(":")
    return Position(int(number), bytes.fromhex(digest))


def status(db: sa.Connection) -> dict[str, Any]:
    """Return how far the index is checked, which trades it lost for good ([first, last] each), and how often the hash did not fit."""
    return {
        "checked_trade": checked_position(db).trade,
        "lost_trades": json.loads(_load(db, _LOST) or "[]"),
        "hash_mismatches": int(_load(db, _MISMATCHES) or 0),
    }


class TradeIndex:
    """Follows the market account's transactions from where it stopped, and repairs what their logs did not tell.

    Args:
        store: The gateway's tables.
        ledger: The ledger.
    """

    def __init__(self, store: sa.Engine, ledger: Ledger) -> None:
        self._store, self._ledger = store, ledger
        self._at: Position | None = None  # ahead of the checked position by what events have told since
        self._told: dict[int, bytes] = {}  # fills that events have told, beyond self._at
        self._cut: deque[Cut] = deque(maxlen=_CUT_KEPT)
        self._is_mismatched = False

    def catch_up(self) -> list[dict[str, Any]]:
        """Read what is new, oldest first, each transaction in one database transaction with the cursor; then check it; return new trades."""
        head = market.read_head(self._ledger)  # before the signatures: a trade it counts is in one of them
        with self._store.connect() as db:
            until = _load(db, _CURSOR)
            if self._at is None:
                self._at = checked_position(db)
        new: list[dict[str, Any]] = []
        for chunk in walk.chunks(self._ledger.rpc, self._ledger.deployment.market, until=until):
            for signature, transaction in chunk:
                if transaction is None:
                    return new  # not served yet: go on from here the next time
                new += self._apply(signature, transaction, head.trade_seq)
        return new + self._check(head)

    def _apply(self, signature: str, transaction: dict[str, Any], newest: int) -> list[dict[str, Any]]:
        events, slot = self._ledger.events_of(transaction), int(transaction["slot"])
        with self._store.begin() as db:
            new = apply_events(db, self._ledger, Outcome("confirmed", signature, slot=slot, events=events))
            _save(db, _CURSOR, signature)
        if not hidden.logs_are_whole(transaction):
            self._cut.append(Cut(signature, slot, transaction.get("blockTime")))
        self._told |= {fill.trade: encode_fill(fill) for event in events for fill in fills_of(event)}
        self._advance(newest)
        return new

    def _advance(self, newest: int) -> None:
        """Continue the running hash over what events have told, up to trade `newest`."""
        assert self._at is not None
        while self._at.trade < newest and (raw := self._told.pop(self._at.trade + 1, None)) is not None:
            self._at = self._at.after(raw)

    def _check(self, head: market.Head) -> list[dict[str, Any]]:
        """Bring the index to the market's newest trade as `head` has it, from the ring where events are missing; return new trades."""
        self._advance(head.trade_seq)
        at = self._at
        assert at is not None
        if at.trade > head.trade_seq:
            return []  # a node that is behind
        oldest = max(1, head.trade_seq - market.FILL_RING + 1)
        first = max(at.trade + 1, oldest)
        missing = range(first, head.trade_seq + 1)
        ring = market.read_fills(self._ledger, first, head.trade_seq) if missing else {}
        if any(number not in ring for number in missing):
            return []  # overwritten since, or a node that is behind: look again
        is_broken = first > at.trade + 1
        reached = Position(first - 1, at.fills_hash)
        for number in missing:
            reached = reached.after(ring[number])
        if not is_broken and reached.fills_hash != head.fills_hash:
            self._report_mismatch(head)
            return []
        self._is_mismatched = False
        return self._keep(at, head, [decode_fill(ring[number]) for number in missing])

    def _keep(self, before: Position, head: market.Head, fills: list[Fill]) -> list[dict[str, Any]]:
        """Write checked trades from the ring and the new position in one database transaction."""
        found = [(fill, hidden_in(fill, self._cut)) for fill in fills]
        rows = [
            trade_of(fill, self._ledger, cut.signature if cut else "", cut.slot if cut else 0) for fill, cut in found
        ]
        reached = Position(head.trade_seq, head.fills_hash)
        with self._store.begin() as db:
            new = [row for row in rows if book_keeping.trade_made(db, row)]
            if fills and fills[0].trade > before.trade + 1:
                self._note_lost(db, before.trade + 1, fills[0].trade - 1)
            if checked_position(db) != reached:
                _save(db, _CHECKED, f"{reached.trade}:{reached.fills_hash.hex()}")
        self._at = reached
        self._told = {number: raw for number, raw in self._told.items() if number > reached.trade}
        if new:
            named = sum(1 for row in new if row["signature"])
            log.info("trades_repaired", first=new[0]["trade_id"], last=new[-1]["trade_id"], count=len(new), named=named)
        return new

    def _note_lost(self, db: sa.Connection, first: int, last: int) -> None:
        """Note which trades of a range neither an event nor the ring could tell any more."""
        known = db.execute(sa.select(trades.c.trade_id).where(trades.c.trade_id.between(first, last)))
        lost = gaps(first, last, known.scalars())
        if not lost:
            return
        log.error("trades_lost", ranges=lost, count=sum(end - start + 1 for start, end in lost))
        _save(db, _LOST, json.dumps(json.loads(_load(db, _LOST) or "[]") + lost))

    def _report_mismatch(self, head: market.Head) -> None:
        """Say once that fills and running hash do not belong together, and begin anew from the checked position, by the ring alone."""
        self._at = None
        self._told.clear()
        if self._is_mismatched:
            return
        self._is_mismatched = True
        log.error("fills_hash_mismatch", trade_seq=head.trade_seq, slot=head.slot)
        with self._store.begin() as db:
            _save(db, _MISMATCHES, str(int(_load(db, _MISMATCHES) or 0) + 1))


def gaps(first: int, last: int, known: Iterable[int]) -> list[list[int]]:
    """Return the ranges [from, to] of `first` to `last` that hold no known number."""
    found, start = [], first
    for number in [*sorted(known), last + 1]:
        if number > start:
            found.append([start, number - 1])
        start = number + 1
    return found


def _load(db: sa.Connection, name: str) -> str | None:
    return db.execute(sa.select(cursors.c.value).where(cursors.c.name == name)).scalar_one_or_none()


def _save(db: sa.Connection, name: str, value: str) -> None:
    db.execute(sa.delete(cursors).where(cursors.c.name == name))
    db.execute(sa.insert(cursors).values(name=name, value=value))
