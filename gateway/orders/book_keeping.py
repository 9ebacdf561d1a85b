"""The rows of orders: asked once for ever, and moved forward by what the market's events say. No HTTP and no chain calls here."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import sqlalchemy as sa

from gateway.store import orders, trades, users

FINAL = ("filled", "cancelled", "rejected", "expired")
STANDING = ("open", "partially_filled")


class BodyDiffersError(Exception):
    """The same client_order_id came before with another body."""


def chain_client_id(user_id: str, client_order_id: str) -> int:
    """Return the u64 under which the market knows this order: the first 8 bytes of SHA-256, little-endian."""
    digest = hashlib.sha256(f"{user_id}\0{client_order_id}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


def body_hash(side: str, price_ticks: int, size_lots: int, time_in_force: str) -> str:
    """Return what two requests must share to be the same request."""
    return hashlib.sha256(f"{side}|{price_ticks}|{size_lots}|{time_in_force}".encode()).hexdigest()


def admit(db: sa.Connection, order: dict[str, Any]) -> tuple[Any, bool]:
    """Insert an order as `pending` and return (row, True), or (the row that came before, False).

    Raises:
        BodyDiffersError: The client_order_id is taken by an order with another body.
    """
    where = (orders.c.user_id == order["user_id"], orders.c.client_order_id == order["client_order_id"])
    before = db.execute(sa.select(orders).where(*where)).one_or_none()
    if before is not None:
        if before.body_hash != order["body_hash"]:
            raise BodyDiffersError(order["client_order_id"])
        return before, False
    db.execute(sa.insert(orders).values(order_id=str(uuid.uuid4()), state="pending", filled_lots=0, **order))
    return db.execute(sa.select(orders).where(*where)).one(), True


def attach_transaction(db: sa.Connection, order_id: str, *, signature: str, wire: bytes, last_valid: int) -> bool:
    """Keep the signed transaction before it is sent, so that a crash in between can be resolved.

    Returns:
        False if the order is no longer pending: it must not be sent any more.
    """
    kept = db.execute(
        sa.update(orders)
        .where(orders.c.order_id == order_id, orders.c.state == "pending")
        .values(signature=signature, transaction=wire, last_valid_block_height=last_valid)
    )
    return kept.rowcount == 1


def reject(db: sa.Connection, order_id: str, reason: str) -> None:
    """End a pending order that the market never took."""
    db.execute(
        sa.update(orders)
        .where(orders.c.order_id == order_id, orders.c.state == "pending")
        .values(state="rejected", reason=reason)
    )


def give_up_unsent(db: sa.Connection, order_id: str) -> None:
    """End a pending order that has no transaction; one that got its transaction meanwhile is left alone."""
    db.execute(
        sa.update(orders)
        .where(orders.c.order_id == order_id, orders.c.state == "pending", orders.c.signature.is_(None))
        .values(state="rejected", reason="never_sent")
    )


def order_placed(db: sa.Connection, *, client_id: int, chain_order_id: int, wallet: str) -> None:
    """Note that the market took an order of `wallet`, with the trades it has made so far.

    A client id is public and anybody may use it again: only the wallet that owns the order's seat says whose order it is.
    """
    chain_id = str(chain_order_id)
    filled = (
        sa.select(sa.func.coalesce(sa.func.sum(trades.c.size_lots), 0))
        .where(sa.or_(trades.c.maker_order == chain_id, trades.c.taker_order == chain_id))
        .scalar_subquery()
    )
    db.execute(
        sa.update(orders)
        .where(
            orders.c.chain_client_id == str(client_id),
            orders.c.chain_order_id.is_(None),
            orders.c.user_id.in_(sa.select(users.c.user_id).where(users.c.wallet == wallet)),
        )
        .values(chain_order_id=chain_id, filled_lots=filled, state=_state_after_fill(filled))
    )


def trade_made(db: sa.Connection, trade: dict[str, Any]) -> bool:
    """Index a trade and fill both its orders; return False if it was indexed before (then at most its missing signature is filled in)."""
    number = trade["trade_id"]
    known = db.execute(sa.select(trades.c.signature).where(trades.c.trade_id == number)).one_or_none()
    if known is not None:
        if not known.signature and trade["signature"]:
            named = {"signature": trade["signature"], "slot": trade["slot"]}
            db.execute(sa.update(trades).where(trades.c.trade_id == number).values(**named))
        return False
    db.execute(sa.insert(trades).values(**trade))
    for chain_id in (trade["maker_order"], trade["taker_order"]):
        filled = orders.c.filled_lots + trade["size_lots"]
        db.execute(
            sa.update(orders)
            .where(orders.c.chain_order_id == chain_id)
            .values(filled_lots=filled, state=_state_after_fill(filled))
        )
    return True


def order_out(db: sa.Connection, *, chain_order_id: int, reason: str) -> None:
    """Note that the market removed an order before it was filled whole."""
    state = "expired" if reason == "expired" else "cancelled"
    db.execute(
        sa.update(orders)
        .where(orders.c.chain_order_id == str(chain_order_id), orders.c.state.not_in(FINAL))
        .values(state=state, reason=reason)
    )


def end_unplaced(db: sa.Connection, order_id: str, reason: str) -> None:
    """End a pending order that the market took and that stands nowhere any more, without knowing its number there."""
    db.execute(
        sa.update(orders)
        .where(orders.c.order_id == order_id, orders.c.state == "pending")
        .values(state="cancelled", reason=reason)
    )


def _state_after_fill(filled: Any = orders.c.filled_lots) -> Any:
    """Return the SQL of the state that `filled` lots give; a final state other than filled stays."""
    return sa.case(
        (filled >= orders.c.size_lots, "filled"),
        (orders.c.state.in_(FINAL), orders.c.state),
        (filled > 0, "partially_filled"),
        else_="open",
    )
