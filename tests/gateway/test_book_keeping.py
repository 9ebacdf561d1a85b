"""Orders are asked once for ever, and what the market says moves them forward only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.orders import book_keeping
from gateway.store import open_store, orders, users


@pytest.fixture
def db(tmp_path: Any) -> Iterator[sa.Connection]:
    engine = open_store(f"sqlite:///{tmp_path / 'g.db'}")
    with engine.begin() as connection:
        connection.execute(
            sa.insert(users).values(
                user_id="u1",
                username="ann",
                password_hash="x",
                role="student",
                wallet="W",
                created_at_s=0,
                disabled=False,
            )
        )
        yield connection


def order(client_order_id: str = "c1", lots: int = 100) -> dict[str, Any]:
    return {
        "user_id": "u1",
        "client_order_id": client_order_id,
        "chain_client_id": str(book_keeping.chain_client_id("u1", client_order_id)),
        "body_hash": book_keeping.body_hash("buy", 25, lots, "GTC"),
        "side": "buy",
        "price_ticks": 25,
        "size_lots": lots,
        "time_in_force": "GTC",
        "created_at_s": 1,
    }


def trade(trade_id: int, maker: int, taker: int, lots: int) -> dict[str, Any]:
    return {
        "trade_id": trade_id,
        "interval": 5,
        "price_ticks": 25,
        "size_lots": lots,
        "taker_side": "buy",
        "buyer": "W",
        "seller": "V",
        "maker_order": str(maker),
        "taker_order": str(taker),
        "traded_at_s": 9,
        "signature": "s",
        "slot": 3,
    }


def state(db: sa.Connection) -> tuple[str, int]:
    row = db.execute(sa.select(orders.c.state, orders.c.filled_lots)).one()
    return row.state, row.filled_lots


def test_asking_again_gives_the_first_order_and_places_nothing(db: sa.Connection) -> None:
    """A bot that timed out asks again; it must not buy twice."""
    first, new = book_keeping.admit(db, order())
    again, newer = book_keeping.admit(db, order())
    assert (new, newer, again.order_id) == (True, False, first.order_id)


def test_the_same_id_with_another_body_is_refused(db: sa.Connection) -> None:
    """Answering it with the first order would hide a mistake of the bot."""
    book_keeping.admit(db, order())
    with pytest.raises(book_keeping.BodyDiffersError):
        book_keeping.admit(db, order(lots=101))


def test_an_order_goes_from_pending_to_open_to_filled(db: sa.Connection) -> None:
    """The trader watches exactly this."""
    placed, _ = book_keeping.admit(db, order())
    book_keeping.order_placed(db, client_id=int(placed.chain_client_id), chain_order_id=77, wallet="W")
    assert state(db) == ("open", 0)
    assert book_keeping.trade_made(db, trade(1, maker=77, taker=80, lots=40))
    assert state(db) == ("partially_filled", 40)
    book_keeping.trade_made(db, trade(2, maker=77, taker=81, lots=60))
    assert state(db) == ("filled", 100)


def test_a_trade_that_is_seen_twice_counts_once(db: sa.Connection) -> None:
    """The index reads the same transaction after placing and again from history."""
    placed, _ = book_keeping.admit(db, order())
    book_keeping.order_placed(db, client_id=int(placed.chain_client_id), chain_order_id=77, wallet="W")
    assert book_keeping.trade_made(db, trade(1, maker=77, taker=80, lots=40))
    assert not book_keeping.trade_made(db, trade(1, maker=77, taker=80, lots=40))
    assert state(db) == ("partially_filled", 40)


def test_a_filled_order_is_never_called_cancelled(db: sa.Connection) -> None:
    """A cancel that lost the race must not rewrite history."""
    placed, _ = book_keeping.admit(db, order())
    book_keeping.order_placed(db, client_id=int(placed.chain_client_id), chain_order_id=77, wallet="W")
    book_keeping.trade_made(db, trade(1, maker=77, taker=80, lots=100))
    book_keeping.order_out(db, chain_order_id=77, reason="cancelled")
    assert state(db)[0] == "filled"


def test_only_a_pending_order_can_be_rejected(db: sa.Connection) -> None:
    """An order that the market took is not undone by a late error of ours."""
    placed, _ = book_keeping.admit(db, order())
    book_keeping.order_placed(db, client_id=int(placed.chain_client_id), chain_order_id=77, wallet="W")
    book_keeping.reject(db, placed.order_id, "late")
    assert state(db)[0] == "open"
