"""An order whose preparation takes too long is either given up or sent, never both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from nacl.signing import SigningKey

from gateway.ledger import NewOrder, OrderRefusedError, Outcome
from gateway.orders import book_keeping
from gateway.orders.settlement import Settling
from gateway.store import open_store, orders, users
from gridkit.chain.tx import Signed

KEY = SigningKey(bytes(range(32)))
ORDER = NewOrder("buy", "GTC", 25, 100, 7)


class SlowLedger:
    """A ledger during whose preparation something else happens; it counts what is sent."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._meanwhile = meanwhile
        self.sent = 0

    def prepare_order(self, _key: SigningKey, _order: NewOrder) -> Signed:
        self._meanwhile()
        return Signed(signature="sig", wire=b"wire", last_valid_block_height=9)

    def submit(self, prepared: Signed) -> Outcome:
        self.sent += 1
        return Outcome("unknown", prepared.signature)

    def outcome(self, signature: str, _last_valid_block_height: int) -> Outcome:
        return Outcome("unknown", signature)


@pytest.fixture
def store(tmp_path: Any) -> sa.Engine:
    engine = open_store(f"sqlite:///{tmp_path / 'g.db'}")
    user = {"user_id": "u1", "username": "ann", "password_hash": "x", "role": "student", "wallet": "W"}
    with engine.begin() as db:
        db.execute(sa.insert(users).values(**user, created_at_s=0, disabled=False))
    return engine


def admitted(store: sa.Engine) -> Any:
    """Admit an order so long ago that a second request for it gives it up."""
    asked = {
        "user_id": "u1",
        "client_order_id": "c1",
        "chain_client_id": "7",
        "body_hash": book_keeping.body_hash("buy", 25, 100, "GTC"),
        "side": "buy",
        "price_ticks": 25,
        "size_lots": 100,
        "time_in_force": "GTC",
        "created_at_s": 1,
    }
    with store.begin() as db:
        return book_keeping.admit(db, asked)[0]


def row_of(store: sa.Engine) -> Any:
    with store.connect() as db:
        return db.execute(sa.select(orders)).one()


def test_an_order_that_was_given_up_is_not_sent(store: sa.Engine) -> None:
    """It would rest in the book while its owner is told that it never will, and could not be cancelled."""
    row = admitted(store)
    ledger: Any = SlowLedger(lambda: Settling(store, ledger).resolve(row))
    with pytest.raises(OrderRefusedError, match="not sent"):
        Settling(store, ledger).place(row.order_id, KEY, ORDER)
    assert ledger.sent == 0
    assert (row_of(store).state, row_of(store).reason) == ("rejected", "never_sent")


def test_an_order_that_is_being_sent_is_not_given_up(store: sa.Engine) -> None:
    """The one who asks again may have read the order just before its transaction was kept."""
    row = admitted(store)
    ledger: Any = SlowLedger(lambda: None)
    Settling(store, ledger).place(row.order_id, KEY, ORDER)
    Settling(store, ledger).resolve(row)
    assert ledger.sent == 1
    assert (row_of(store).state, row_of(store).signature) == ("pending", "sig")
