"""Trades and orders whose events a caller hid, on a real chain: empty memos in front of an instruction make the runtime cut its logs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from gateway import market
from gateway.ledger import Ledger
from gateway.orders import book_keeping
from gateway.orders.settlement import Settling
from gateway.orders.standing import Standing
from gateway.store import open_store, orders, users
from gateway.trades.index import TradeIndex, checked_position
from gridkit.chain import idl
from gridkit.chain.tx import instruction

pytestmark = pytest.mark.integration
PADDING = 63


def eventually(seen: Callable[[], Any], wait_s: float = 60.0) -> Any:
    """Return the first true answer of `seen`; fail after `wait_s`."""
    deadline = time.monotonic() + wait_s
    while not (answer := seen()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return answer


def ask(price: str = "0.30", quantity: str = "0.100", side: str = "sell") -> dict[str, Any]:
    return {"client_order_id": uuid.uuid4().hex, "side": side, "quantity": quantity, "price": price}


@pytest.fixture(scope="module")
def traders(campus: Any) -> Any:
    """A campus where `offices` has 5 kWh to sell and `student` has CREDIT free in the market."""
    campus.give_grid("offices", 5_000)
    with campus.client("student") as student:
        bid = student.post("/orders", json=ask("0.02", "20.000", "buy")).json()
        assert student.delete(f"/orders/{bid['order_id']}").status_code == 200
    return campus


@pytest.fixture
def ledger(traders: Any) -> Ledger:
    return traders.ledger()


@pytest.fixture
def store(traders: Any, tmp_path: Any) -> Iterator[sa.Engine]:
    """A second gateway's tables on the same chain, followed by hand."""
    engine = open_store(f"sqlite:///{tmp_path / 'g.db'}")
    person = {"username": "student", "password_hash": "x", "role": "student", "created_at_s": 0, "disabled": False}
    wallet = traders.site.signer("user-student").address
    with engine.begin() as db:
        db.execute(sa.insert(users).values(user_id="u1", wallet=wallet, **person))
    yield engine
    engine.dispose()


def pending(store: sa.Engine, client_id: int, signature: str, **change: Any) -> Any:
    """Admit an order of the student whose transaction is `signature`, as it stands before its outcome is known."""
    asked = {
        "user_id": "u1",
        "client_order_id": str(client_id),
        "chain_client_id": str(client_id),
        "body_hash": "x",
        "side": "buy",
        "price_ticks": 30,
        "size_lots": 100,
        "time_in_force": "GTC",
        "created_at_s": 1,
    } | change
    with store.begin() as db:
        row, _ = book_keeping.admit(db, asked)
        book_keeping.attach_transaction(db, row.order_id, signature=signature, wire=b"", last_valid=2**40)
        return db.execute(sa.select(orders).where(orders.c.order_id == row.order_id)).one()


def row_of(store: sa.Engine, order_id: str) -> Any:
    with store.connect() as db:
        return db.execute(sa.select(orders).where(orders.c.order_id == order_id)).one()


def test_a_trade_that_its_taker_hid_fills_the_makers_order_and_is_listed(traders: Any, ledger: Ledger) -> None:
    """The maker would see an open order for ever, sell the same GRID in their mind twice, and the trade would be missing from every bill."""
    with traders.client("offices") as offices, traders.client("student") as student:
        victim = offices.post("/orders", json=ask()).json()
        assert victim["state"] == "open", victim
        hidden = traders.place("student", memos=PADDING, lots=100, tick=30)
        transaction = ledger.rpc.transaction(hidden.signature)
        assert transaction is not None
        assert idl.logs_are_cut(transaction["meta"]["logMessages"])
        assert not ledger.events_of(transaction)

        def filled() -> bool:
            return bool(offices.get(f"/orders/{victim['order_id']}").json()["state"] == "filled")

        eventually(filled)
        trade = student.get("/trades", params={"mine": True}).json()["trades"][0]
        assert (trade["quantity"], trade["price"], trade["signature"]) == ("0.100", "0.30", hidden.signature)

        second = offices.post("/orders", json=ask("0.31")).json()
        student.post("/orders", json=ask("0.31", side="buy"))
        assert offices.get(f"/orders/{second['order_id']}").json()["state"] == "filled"
        newest = market.read_head(ledger).trade_seq

        def checked() -> bool:
            return bool(student.get("/readyz").json()["trade_index"]["checked_trade"] == newest)

        eventually(checked)
        state = student.get("/readyz").json()["trade_index"]
        assert (state["lost_trades"], state["hash_mismatches"]) == ([], 0)


def test_a_second_gateway_reaches_the_markets_running_hash(traders: Any, ledger: Ledger, store: sa.Engine) -> None:
    """An index begun from nothing, or after an outage, must end with the same trades as one that watched."""
    TradeIndex(store, ledger).catch_up()
    head = market.read_head(ledger)
    with store.connect() as db:
        reached = checked_position(db)
    assert (reached.trade, reached.fills_hash) == (head.trade_seq, head.fills_hash)


def test_an_order_that_rests_without_its_event_is_found_in_the_book(
    traders: Any, ledger: Ledger, store: sa.Engine
) -> None:
    """It would stay pending for ever, and its owner could not cancel it."""
    client_id = uuid.uuid4().int % 2**64
    landed = traders.place("student", memos=PADDING, tick=3, client_id=client_id)
    row = pending(store, client_id, landed.signature, price_ticks=3)
    Settling(store, ledger).resolve(row)
    found = row_of(store, row.order_id)
    assert found.state == "open"
    Settling(store, ledger).cancel(traders.site.key("user-student"), int(found.chain_order_id))
    assert row_of(store, row.order_id).state == "cancelled"


def test_an_order_that_traded_without_its_events_is_found_among_the_fills(
    traders: Any, ledger: Ledger, store: sa.Engine
) -> None:
    """Its owner paid: an order called cancelled would hide where the money went."""
    with traders.client("offices") as offices:
        assert offices.post("/orders", json=ask("0.33")).json()["state"] == "open"
    client_id = uuid.uuid4().int % 2**64
    landed = traders.place("student", memos=PADDING, tick=33, client_id=client_id)
    index = TradeIndex(store, ledger)
    index.catch_up()
    row = pending(store, client_id, landed.signature, price_ticks=33)
    Settling(store, ledger).resolve(row)
    found = row_of(store, row.order_id)
    assert (found.state, found.filled_lots) == ("filled", 100)


def test_an_order_that_left_the_book_unseen_ends_as_cancelled(traders: Any, ledger: Ledger, store: sa.Engine) -> None:
    """An open row without an order in the book promises a trade that cannot come."""
    index, standing = TradeIndex(store, ledger), Standing(store, ledger)
    client_id = uuid.uuid4().int % 2**64
    landed = traders.place("student", tick=4, client_id=client_id)
    row = pending(store, client_id, landed.signature, price_ticks=4)
    index.catch_up()
    assert row_of(store, row.order_id).state == "open"
    assert (standing.check(), standing.check()) == (0, 0)

    wallet, on = traders.site.signer("user-student"), ledger.deployment
    named, order_id = {"wallet": wallet.address, "market": on.market}, int(row_of(store, row.order_id).chain_order_id)
    cancel = instruction("trading", on.programs["trading"], "cancel_order", named, (), order_id=order_id)
    traders.send([cancel], signer=wallet, memos=PADDING)
    index.catch_up()
    assert row_of(store, row.order_id).state == "open"
    assert (standing.check(), standing.check()) == (0, 1)
    found = row_of(store, row.order_id)
    assert (found.state, found.reason) == ("cancelled", "left_book")
