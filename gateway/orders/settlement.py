"""Takes an admitted order to the market and its outcome back into the tables, so that no crash and no time-out leaves an order unknown.

The signed transaction is stored before it is sent. While its blockhash lives the same bytes may be sent again harmlessly; once the chain is
past its last valid block height without having it, it can never land, and only then is the order called rejected.
"""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa
from nacl.signing import SigningKey

from gateway.ledger import Ledger, NewOrder, OrderRefusedError, Outcome
from gateway.orders import book_keeping
from gateway.orders.standing import find_silent
from gateway.trades.index import apply_events

_NEVER_SENT_S = 30


class Settling:
    """Places, cancels and resolves orders for one gateway."""

    def __init__(self, store: sa.Engine, ledger: Ledger) -> None:
        self._store, self._ledger = store, ledger

    def place(self, order_id: str, key: SigningKey, order: NewOrder) -> None:
        """Send an admitted order and record what came of it; an unknown outcome leaves it pending.

        Raises:
            OrderRefusedError: It was not sent (no seat, not enough free balance, given up meanwhile), or the market refused it.
        """
        try:
            prepared = self._ledger.prepare_order(key, order)
        except OrderRefusedError as refusal:
            with self._store.begin() as db:
                book_keeping.reject(db, order_id, refusal.code)
            raise
        with self._store.begin() as db:
            may_send = book_keeping.attach_transaction(
                db,
                order_id,
                signature=prepared.signature,
                wire=prepared.wire,
                last_valid=prepared.last_valid_block_height,
            )
        if not may_send:
            raise OrderRefusedError("never_sent", "Preparing the order took too long; it was given up and not sent.")
        self._record(order_id, self._ledger.submit(prepared), raise_refusal=True)

    def cancel(self, key: SigningKey, chain_order_id: int) -> None:
        """Take an order out of the book.

        Raises:
            OrderRefusedError: The market no longer has it, or the outcome is not known yet.
        """
        outcome = self._ledger.submit(self._ledger.prepare_cancel(key, chain_order_id))
        if outcome.kind == "confirmed":
            with self._store.begin() as db:
                apply_events(db, self._ledger, outcome)
                # It landed, so the order is out, also if the event that says so was cut.
                book_keeping.order_out(db, chain_order_id=chain_order_id, reason="cancelled")
        elif outcome.kind == "failed":
            raise OrderRefusedError(outcome.code, outcome.detail)
        else:
            raise OrderRefusedError("outcome_unknown", "The ledger has not answered; look at the order again.")

    def resolve(self, row: Any) -> None:
        """Find out what became of a pending order: landed, refused, expired, or still open to land (then nothing changes)."""
        if row.signature is None:
            if time.time() - row.created_at_s > _NEVER_SENT_S:
                with self._store.begin() as db:
                    book_keeping.give_up_unsent(db, row.order_id)
            return
        outcome = self._ledger.outcome(row.signature, row.last_valid_block_height)
        self._record(row.order_id, outcome, raise_refusal=False)

    def resolve_all(self) -> int:
        """Resolve every pending order; return how many there were."""
        with self._store.connect() as db:
            rows = db.execute(sa.select(book_keeping.orders).where(book_keeping.orders.c.state == "pending")).all()
        for row in rows:
            self.resolve(row)
        return len(rows)

    def _record(self, order_id: str, outcome: Outcome, *, raise_refusal: bool) -> None:
        if outcome.kind == "unknown":
            return
        with self._store.begin() as db:
            if outcome.kind == "confirmed":
                apply_events(db, self._ledger, outcome)
            else:
                book_keeping.reject(db, order_id, outcome.code)
        if outcome.kind == "confirmed":
            find_silent(self._store, self._ledger, order_id, outcome)
        if raise_refusal and outcome.kind != "confirmed":
            raise OrderRefusedError(outcome.code, outcome.detail)
