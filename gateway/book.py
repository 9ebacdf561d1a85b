"""The order book as it stands on chain, and the market's terms."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from gateway.amounts import energy_text, price_text
from gateway.auth.policy import Permission
from gateway.auth.tokens import Claims
from gateway.context import Allowed, GatewayPart

router = APIRouter(tags=["market"])
Reader = Annotated[Claims, Depends(Allowed(Permission.READ_MARKET))]


class LevelView(BaseModel):
    """One price: credit/kWh, kWh in all, number of orders."""

    price: str
    quantity: str
    orders: int


class BookView(BaseModel):
    """Both sides, best first. `sequence` is the market's event number, `slot` where it was read."""

    sequence: int
    slot: int
    last_price: str | None
    bids: list[LevelView]
    asks: list[LevelView]


@router.get("/book", summary="The order book")
def book(_: Reader, gateway: GatewayPart, depth: Annotated[int, Query(ge=1, le=512)] = 50) -> BookView:
    """Return the best prices of both sides."""
    found = gateway.ledger.book(depth)
    return BookView(
        sequence=found.seq,
        slot=found.slot,
        last_price=None if found.last_price_ticks is None else price_text(found.last_price_ticks),
        bids=[
            LevelView(price=price_text(x.price_ticks), quantity=energy_text(x.size_lots), orders=x.orders)
            for x in found.bids
        ],
        asks=[
            LevelView(price=price_text(x.price_ticks), quantity=energy_text(x.size_lots), orders=x.orders)
            for x in found.asks
        ],
    )
