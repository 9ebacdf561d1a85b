"""Place, list, look at and cancel orders. Asking again with the same client_order_id gives the same answer for ever and places nothing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from gateway import paging
from gateway.amounts import EnergyText, PriceText, energy_text, lots_of, price_text, ticks_of
from gateway.auth.policy import Permission
from gateway.auth.tokens import Claims
from gateway.context import Allowed, Gateway, GatewayPart, wall_s
from gateway.ledger import NewOrder, OrderRefusedError
from gateway.orders import book_keeping
from gateway.orders.settlement import Settling
from gateway.problems import Problem
from gateway.store import orders, users

router = APIRouter(tags=["orders"])
Trader = Annotated[Claims, Depends(Allowed(Permission.TRADE))]
MAX_LOTS = 2**32 - 1


class PlaceOrder(BaseModel):
    """A limit order."""

    model_config = ConfigDict(extra="forbid")
    client_order_id: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]+$")]
    side: Literal["buy", "sell"]
    quantity: EnergyText
    price: PriceText
    time_in_force: Literal["GTC", "IOC", "FOK"] = "GTC"
    post_only: bool = False


class OrderView(BaseModel):
    """An order as the API shows it."""

    order_id: str
    client_order_id: str
    side: str
    price: str
    quantity: str
    filled_quantity: str
    time_in_force: str
    state: str
    reason: str | None
    chain_order_id: str | None
    signature: str | None
    created_at_s: int


class OrderPage(BaseModel):
    """Some orders, newest first, and where the next page starts."""

    orders: list[OrderView]
    next: str | None


def view(row: Any) -> OrderView:
    """Return the API's form of an order row."""
    return OrderView(
        order_id=row.order_id,
        client_order_id=row.client_order_id,
        side=row.side,
        price=price_text(row.price_ticks),
        quantity=energy_text(row.size_lots),
        filled_quantity=energy_text(row.filled_lots),
        time_in_force=row.time_in_force,
        state=row.state,
        reason=row.reason,
        chain_order_id=row.chain_order_id,
        signature=row.signature,
        created_at_s=row.created_at_s,
    )


@router.post("/orders", status_code=201, summary="Place a limit order", responses={202: {"model": OrderView}})
def place(asked: PlaceOrder, trader: Trader, gateway: GatewayPart, response: Response) -> OrderView:
    """Sign and send an order with the caller's custodial key, and answer when the market has spoken.

    201: the market took or refused it (see `state` and `reason`). 202: the outcome is not known yet; ask again with the same body or
    read the order. 422 `insufficient_balance`: the caller's free GRID or CREDIT does not cover it; nothing was sent.
    """
    side, ticks, lots = asked.side, ticks_of(asked.price), lots_of(asked.quantity)
    if lots > MAX_LOTS or ticks > 0xFFFF:
        raise Problem(422, "out_of_range", "The quantity or the price is beyond what the market can hold.")
    kind = "POST" if asked.post_only and asked.time_in_force == "GTC" else asked.time_in_force
    if asked.post_only and kind != "POST":
        raise Problem(422, "invalid_request", "post_only goes with time_in_force GTC alone.")
    row, is_new = _admit(gateway, trader, asked.client_order_id, side, ticks, lots, kind)
    settling = Settling(gateway.store, gateway.ledger)
    if not is_new:
        response.headers["Idempotent-Replay"] = "true"
        if row.state == "pending":
            settling.resolve(row)
            row = _load(gateway, row.order_id)
    else:
        order = NewOrder(side, kind, ticks, lots, int(row.chain_client_id))
        key = gateway.custody.open(_sealed_key(gateway, trader))
        try:
            settling.place(row.order_id, key, order)
        except OrderRefusedError as refusal:
            raise Problem(422, refusal.code, str(refusal))
        row = _load(gateway, row.order_id)
    response.headers["Location"] = f"/api/v1/orders/{row.order_id}"
    response.status_code = 202 if row.state == "pending" else 200 if not is_new else 201
    return view(row)


@router.get("/orders", summary="My orders, newest first")
def list_orders(
    trader: Trader,
    gateway: GatewayPart,
    state: Annotated[str | None, Query(max_length=20)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> OrderPage:
    """Return the caller's own orders."""
    query = sa.select(orders).where(orders.c.user_id == trader.user_id)
    if state is not None:
        query = query.where(orders.c.state == state)
    if cursor is not None:
        created, order_id = paging.unpack(cursor)
        query = query.where(sa.tuple_(orders.c.created_at_s, orders.c.order_id) < (created, order_id))
    with gateway.store.connect() as db:
        rows = db.execute(query.order_by(orders.c.created_at_s.desc(), orders.c.order_id.desc()).limit(limit + 1)).all()
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return OrderPage(
        orders=[view(row) for row in rows[:limit]],
        next=paging.pack([last.created_at_s, last.order_id]) if last is not None else None,
    )


@router.get("/orders/by-client-id/{client_order_id}", summary="What became of an order I asked for")
def by_client_id(client_order_id: str, trader: Trader, gateway: GatewayPart) -> OrderView:
    """Return the caller's order of this id, after resolving it if its outcome was not known."""
    with gateway.store.connect() as db:
        row = db.execute(
            sa.select(orders).where(orders.c.user_id == trader.user_id, orders.c.client_order_id == client_order_id)
        ).one_or_none()
    return view(_resolved(gateway, _own(row, trader)))


@router.get("/orders/{order_id}", summary="One order")
def look(order_id: str, trader: Trader, gateway: GatewayPart) -> OrderView:
    """Return one of the caller's orders; those of others are not found."""
    return view(_resolved(gateway, _own(_load(gateway, order_id), trader)))


@router.delete("/orders/{order_id}", summary="Cancel an order")
def cancel(order_id: str, trader: Trader, gateway: GatewayPart) -> OrderView:
    """Take an open order out of the book; 409 when there is nothing left to cancel."""
    row = _resolved(gateway, _own(_load(gateway, order_id), trader))
    if row.chain_order_id is None or row.state in book_keeping.FINAL:
        raise Problem(409, "not_open", f"The order is {row.state}; there is nothing to cancel.")
    key = gateway.custody.open(_sealed_key(gateway, trader))
    try:
        Settling(gateway.store, gateway.ledger).cancel(key, int(row.chain_order_id))
    except OrderRefusedError as refusal:
        raise Problem(409, refusal.code, str(refusal))
    return view(_load(gateway, order_id))


def _admit(
    gateway: Gateway, trader: Claims, client_order_id: str, side: str, ticks: int, lots: int, kind: str
) -> tuple[Any, bool]:
    asked = {
        "user_id": trader.user_id,
        "client_order_id": client_order_id,
        "chain_client_id": str(book_keeping.chain_client_id(trader.user_id, client_order_id)),
        "body_hash": book_keeping.body_hash(side, ticks, lots, kind),
        "side": side,
        "price_ticks": ticks,
        "size_lots": lots,
        "time_in_force": kind,
        "created_at_s": wall_s(),
    }
    try:
        with gateway.store.begin() as db:
            return book_keeping.admit(db, asked)
    except sa.exc.IntegrityError:  # the same order came twice at once; the other request won the race
        raise Problem(409, "still_running", "The same order is being placed right now; ask again.", retry="same")
    except book_keeping.BodyDiffersError:
        raise Problem(422, "client_order_id_reused", "This client_order_id was used before with another body.")


def _sealed_key(gateway: Gateway, trader: Claims) -> bytes:
    with gateway.store.connect() as db:
        sealed = db.execute(sa.select(users.c.sealed_key).where(users.c.user_id == trader.user_id)).scalar_one()
    if sealed is None:
        raise Problem(
            409, "no_custodial_key", "This account signs with its own wallet; the gateway holds no key for it."
        )
    return bytes(sealed)


def _load(gateway: Gateway, order_id: str) -> Any:
    with gateway.store.connect() as db:
        return db.execute(sa.select(orders).where(orders.c.order_id == order_id)).one_or_none()


def _own(row: Any, trader: Claims) -> Any:
    if row is None or row.user_id != trader.user_id:
        raise Problem(404, "not_found", "There is no such order of yours.")
    return row


def _resolved(gateway: Gateway, row: Any) -> Any:
    if row.state != "pending":
        return row
    Settling(gateway.store, gateway.ledger).resolve(row)
    return _load(gateway, row.order_id)
