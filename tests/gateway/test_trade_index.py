"""The index of trades against a market account made by hand: what events do not tell comes from the ring, and the hash decides."""

from __future__ import annotations

import base64
import hashlib
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from nacl.signing import SigningKey

from gateway import market
from gateway.ledger import Ledger, Outcome
from gateway.orders import book_keeping
from gateway.orders.standing import Standing, candidates
from gateway.store import open_store, orders, trades, users
from gateway.trades.index import Cut, TradeIndex, apply_events, gaps, hidden_in, status
from gateway.trades.routes import view
from gridkit.chain import auction, idl
from gridkit.chain.deployment import Deployment
from gridkit.chain.proof import Fill, encode_fill
from gridkit.chain.rpc import Account
from gridkit.chain.tx import Pubkey

PROGRAM = str(Pubkey.from_bytes(bytes([7]) * 32))
LAYOUT = idl.interface("trading").layout("Market")
MARKET = Deployment("g", "00000000", dict.fromkeys(idl.PROGRAMS, PROGRAM), "market", {}, "grid", "credit")
BUYER, SELLER = 0, 1
WALLETS = [str(Pubkey.from_bytes(bytes([seat + 1]) * 32)) for seat in (BUYER, SELLER)]


class HandMade:
    """A node with one market account, and transactions whose logs are given."""

    def __init__(self) -> None:
        self.data = bytearray(LAYOUT.size)
        self.data[:8] = LAYOUT.discriminator
        for seat in (BUYER, SELLER):
            at = LAYOUT.offsets["seats"] + 128 * seat
            self.data[at : at + 32] = bytes([seat + 1]) * 32
        self.landed: list[tuple[str, dict[str, Any]]] = []
        self.reads: list[tuple[int, int]] = []
        self.seq, self.hash = 0, bytes(32)

    def account(self, _address: str, *, offset: int, length: int) -> Account:
        self.reads.append((offset, length))
        return Account(1, PROGRAM, bytes(self.data[offset : offset + length]), False, 9)

    def signatures_for(self, _address: str, *, until: str | None = None, **_: Any) -> list[dict[str, Any]]:
        names = [name for name, _ in self.landed]
        first = 0 if until is None else names.index(until) + 1
        return [{"signature": name, "err": None} for name in reversed(names[first:])]

    def transactions(self, signatures: list[str]) -> list[dict[str, Any]]:
        return [dict(self.landed)[name] for name in signatures]

    def trade(self, count: int = 1) -> None:
        """Let the market make trades that nobody tells of."""
        for _ in range(count):
            self.seq += 1
            fill = Fill(self.seq, 4097, 8194 + 4096 * self.seq, 5, 10, 30, SELLER, BUYER, 0, 1000 + self.seq)
            raw, at = encode_fill(fill), LAYOUT.offsets["fills"] + 48 * ((self.seq - 1) % 2048)
            self.data[at : at + 48] = raw
            self.hash = hashlib.sha256(self.hash + raw).digest()
        self.data[384:392] = self.seq.to_bytes(8, "little")
        self.data[480:512] = self.hash

    def land(self, name: str, time_s: int, logs: list[str]) -> None:
        self.landed.append((name, {"slot": 9, "blockTime": time_s, "meta": {"logMessages": logs}}))


@pytest.fixture
def node() -> HandMade:
    return HandMade()


@pytest.fixture
def ledger(node: Any) -> Ledger:
    return Ledger(node, MARKET, SigningKey(bytes(32)))


@pytest.fixture
def store(tmp_path: Any) -> sa.Engine:
    engine = open_store(f"sqlite:///{tmp_path / 'g.db'}")
    person = {"username": "ann", "password_hash": "x", "role": "student", "created_at_s": 0, "disabled": False}
    with engine.begin() as db:
        db.execute(sa.insert(users).values(user_id="u1", wallet=WALLETS[SELLER], **person))
    return engine


def open_order(store: sa.Engine, chain_order_id: int, lots: int) -> None:
    asked = {
        "user_id": "u1",
        "client_order_id": "c",
        "chain_client_id": "7",
        "body_hash": "x",
        "side": "sell",
        "price_ticks": 30,
        "size_lots": lots,
        "time_in_force": "GTC",
        "created_at_s": 1,
    }
    with store.begin() as db:
        book_keeping.admit(db, asked)
        book_keeping.order_placed(db, client_id=7, chain_order_id=chain_order_id, wallet=WALLETS[SELLER])


def state(store: sa.Engine) -> tuple[str, int]:
    with store.connect() as db:
        row = db.execute(sa.select(orders)).one()
    return row.state, row.filled_lots


def listed(store: sa.Engine) -> list[tuple[int, str]]:
    with store.connect() as db:
        return [(row.trade_id, row.signature) for row in db.execute(sa.select(trades).order_by(trades.c.trade_id))]


def index_state(store: sa.Engine) -> dict[str, Any]:
    with store.connect() as db:
        return status(db)


def test_untold_trades_come_from_the_ring_and_fill_the_maker(node: HandMade, ledger: Ledger, store: sa.Engine) -> None:
    """A taker who hides the events must not leave the maker's order open for ever."""
    open_order(store, 4097, 20)
    index = TradeIndex(store, ledger)
    assert index.catch_up() == []
    node.trade(2)
    node.land("padded", 1001, ["Log truncated"])
    assert [trade["trade_id"] for trade in index.catch_up()] == [1, 2]
    assert listed(store) == [(1, "padded"), (2, "")]
    assert state(store) == ("filled", 20)
    assert index.catch_up() == []
    assert index_state(store) == {"checked_trade": 2, "lost_trades": [], "hash_mismatches": 0}


def test_a_trade_whose_transaction_is_unknown_is_shown_without_one(
    node: HandMade, ledger: Ledger, store: sa.Engine
) -> None:
    """A made-up signature would send an auditor to a transaction that is not there."""
    node.trade()
    shown = view(TradeIndex(store, ledger).catch_up()[0])
    assert (shown.signature, shown.slot) == (None, None)


def test_fills_that_do_not_hash_to_the_markets_hash_are_not_indexed(
    node: HandMade, ledger: Ledger, store: sa.Engine
) -> None:
    """A lying or half-written node must not put trades into anybody's bill; an honest answer later is taken."""
    node.trade(3)
    good = bytes(node.data)
    node.data[LAYOUT.offsets["fills"] + 28] ^= 1  # lots of trade 1
    index = TradeIndex(store, ledger)
    assert (index.catch_up(), index.catch_up(), listed(store)) == ([], [], [])
    assert index_state(store) == {"checked_trade": 0, "lost_trades": [], "hash_mismatches": 1}
    node.data[:] = good
    assert len(index.catch_up()) == 3
    assert index_state(store)["checked_trade"] == 3


def test_a_restart_goes_on_from_the_checked_trade(node: HandMade, ledger: Ledger, store: sa.Engine) -> None:
    """The running hash must be continued, not begun anew, and only the new part of the ring be read."""
    node.trade(5)
    TradeIndex(store, ledger).catch_up()
    node.trade(2)
    node.reads.clear()
    assert [trade["trade_id"] for trade in TradeIndex(store, ledger).catch_up()] == [6, 7]
    assert (LAYOUT.offsets["fills"] + 48 * 5, 48 * 2) in node.reads


def test_a_gap_larger_than_the_ring_is_said_and_the_rest_indexed(
    node: HandMade, ledger: Ledger, store: sa.Engine
) -> None:
    """What is lost for good must be known, so that nobody takes the index for complete."""
    node.trade(2050)
    index = TradeIndex(store, ledger)
    assert len(index.catch_up()) == 2048
    assert index_state(store) == {"checked_trade": 2050, "lost_trades": [[1, 2]], "hash_mismatches": 0}
    node.trade()
    assert [trade["trade_id"] for trade in index.catch_up()] == [2051]


def test_a_ring_that_is_behind_its_head_is_read_again_later(node: HandMade, ledger: Ledger, store: sa.Engine) -> None:
    """Behind a load balancer the second read may be older than the first; that is no loss and no mismatch."""
    node.trade()
    at, entry = LAYOUT.offsets["fills"], bytes(node.data[LAYOUT.offsets["fills"] : LAYOUT.offsets["fills"] + 48])
    node.data[at : at + 48] = bytes(48)
    index = TradeIndex(store, ledger)
    assert index.catch_up() == []
    assert index_state(store)["hash_mismatches"] == 0
    node.data[at : at + 48] = entry
    assert len(index.catch_up()) == 1


def test_a_late_event_names_the_transaction_of_a_repaired_trade(store: sa.Engine) -> None:
    """A trade repaired too early is not left without its transaction."""
    row = {"interval": 5, "price_ticks": 30, "size_lots": 1, "taker_side": "buy", "buyer": "B", "seller": "S"}
    row |= {"trade_id": 1, "maker_order": "1", "taker_order": "2", "traded_at_s": 9}
    with store.begin() as db:
        assert book_keeping.trade_made(db, row | {"signature": "", "slot": 0})
        assert not book_keeping.trade_made(db, row | {"signature": "known", "slot": 4})
        assert not book_keeping.trade_made(db, row | {"signature": "", "slot": 0})
    assert listed(store) == [(1, "known")]


def test_an_event_of_a_foreign_seat_does_not_take_an_order_over(store: sa.Engine) -> None:
    """Client ids are public: who reuses one from another seat would own the victim's row, its fills and its end."""
    open_order(store, 4097, 20)
    with store.begin() as db:
        db.execute(sa.update(orders).values(chain_order_id=None, state="pending"))
        book_keeping.order_placed(db, client_id=7, chain_order_id=8194, wallet=WALLETS[BUYER])
        assert db.execute(sa.select(orders.c.state, orders.c.chain_order_id)).one() == ("pending", None)
        book_keeping.order_placed(db, client_id=7, chain_order_id=12291, wallet=WALLETS[SELLER])
        assert db.execute(sa.select(orders.c.state, orders.c.chain_order_id)).one() == ("open", "12291")


def test_an_order_bound_late_counts_the_trades_it_has_made(node: HandMade, ledger: Ledger, store: sa.Engine) -> None:
    """Its trades may be indexed before the row knows its number on the market."""
    node.trade(2)
    TradeIndex(store, ledger).catch_up()
    open_order(store, 4097, 30)
    assert state(store) == ("partially_filled", 20)


def test_an_absent_order_is_ended_only_when_all_trades_are_indexed(
    node: HandMade, ledger: Ledger, store: sa.Engine
) -> None:
    """A slow index must not call an order cancelled that was filled."""
    open_order(store, 4097, 10)
    node.trade()
    standing = Standing(store, ledger)
    assert (standing.check(), standing.check(), state(store)) == (0, 0, ("open", 0))
    TradeIndex(store, ledger).catch_up()
    assert (standing.check(), state(store)) == (0, ("filled", 10))


def test_an_order_that_stands_is_left_alone_and_one_whose_slot_is_taken_over_is_not(
    node: HandMade, ledger: Ledger, store: sa.Engine
) -> None:
    """The low 12 bits name a slot that others use again."""
    open_order(store, 4097, 10)
    at, standing = LAYOUT.offsets["orders"] + 48, Standing(store, ledger)
    node.data[at : at + 8] = (4097).to_bytes(8, "little")
    assert (standing.check(), standing.check()) == (0, 0)
    node.data[at : at + 8] = (4097 + 4096).to_bytes(8, "little")
    assert (standing.check(), standing.check(), state(store)) == (0, 1, ("cancelled", 0))


def test_lines_behind_a_cut_are_not_believed(ledger: Ledger) -> None:
    """There a short line of another program may stand under the market's name."""
    deposited = b"\0" * 8
    for known, (name, _) in idl.interface("trading").events.items():
        if name == "Deposited":
            deposited = known + (1).to_bytes(8, "little") + bytes(2) + bytes(16)
    line = "Program data: " + base64.b64encode(deposited).decode()
    before = {"meta": {"logMessages": [f"Program {PROGRAM} invoke [1]", line, "Log truncated"]}}
    behind = {"meta": {"logMessages": [f"Program {PROGRAM} invoke [1]", "Log truncated", line]}}
    programs = Ledger(ledger.rpc, SimpleNamespace(programs={"trading": PROGRAM}), SigningKey(bytes(32)))  # type: ignore[arg-type]
    assert len(programs.events_of(before)) == 1
    assert programs.events_of(behind) == ()


@pytest.mark.parametrize(
    ("first", "last", "part"),
    [
        (1, 1, (0, 1)),
        (3, 7, (2, 5)),
        (2048, 2048, (2047, 1)),
        (2048, 2049, (0, 2048)),
        (3, 2050, (0, 2048)),
        (1, 2048, (0, 2048)),
    ],
)
def test_only_the_wanted_part_of_the_ring_is_read(first: int, last: int, part: tuple[int, int]) -> None:
    """A hundred kilobytes for each trade would be felt by a public node."""
    assert market.ring_slice(first, last) == part


@pytest.mark.parametrize(
    ("known", "lost"), [([], [[1, 5]]), ([1, 2, 3, 4, 5], []), ([2, 4], [[1, 1], [3, 3], [5, 5]]), ([1, 5], [[2, 4]])]
)
def test_lost_trades_are_named_as_ranges(known: list[int], lost: list[list[int]]) -> None:
    """The ends are where one looks."""
    assert gaps(1, 5, known) == lost


def test_a_hidden_trade_is_given_to_the_only_cut_transaction_of_its_second() -> None:
    """Two that fit are none: a wrong transaction is worse than no transaction."""
    fill = Fill(1, 4097, 8194, 5, 10, 30, SELLER, BUYER, 0, 1001)
    one, other, later = Cut("a", 4, 1001), Cut("b", 4, 1001), Cut("c", 5, 1002)
    assert hidden_in(fill, [one, later]) == one
    assert hidden_in(fill, [one, other]) is None
    assert hidden_in(fill, [later]) is None


def made(maker: str, taker: str, **change: Any) -> dict[str, Any]:
    trade = {"price_ticks": 30, "size_lots": 10, "taker_side": "buy", "buyer": "B", "seller": "S", "traded_at_s": 50}
    return trade | {"maker_order": maker, "taker_order": taker} | change


def test_an_order_is_recognised_by_its_trades() -> None:
    """Side, limit, second and size must fit; ids of other orders and trades at worse prices are no candidates."""
    buy = SimpleNamespace(wallet="B", side="buy", price_ticks=30, size_lots=20)
    sell = SimpleNamespace(wallet="S", side="sell", price_ticks=30, size_lots=20)
    assert candidates(buy, [made("1", "2"), made("3", "2")], 50, set()) == {"2": 20}
    assert candidates(buy, [made("1", "2")], 50, {"2"}) == {}
    assert candidates(buy, [made("1", "2")], 51, set()) == {}
    assert candidates(buy, [made("1", "2", price_ticks=31)], 50, set()) == {}
    assert candidates(buy, [made("1", "2", size_lots=21)], 50, set()) == {}
    assert candidates(sell, [made("1", "2", traded_at_s=70)], 50, set()) == {"1": 10}
    assert candidates(sell, [made("1", "2", price_ticks=29)], 50, set()) == {}
    assert candidates(sell, [made("1", "2", traded_at_s=49)], 50, set()) == {}


def test_auction_fills_are_indexed_by_buyer_and_seller(node: HandMade, ledger: Ledger, store: sa.Engine) -> None:
    """A kilowatt-hour sold in an auction has a buyer and a seller like any other."""
    order = {"auction": 5, "campus_time": 1001, "interval": 6, "tick": 30}
    fill = Fill(1, auction.order_id(5, SELLER, 1), auction.order_id(5, BUYER, 0), 6, 10, 30, SELLER, BUYER, 0, 1001)
    fields = order | {"seq": 1, "first_trade": 1, "fills": [{"buy_seat": BUYER, "sell_seat": SELLER, "lots": 10}]}
    outcome = Outcome("confirmed", "s", slot=9, events=[idl.Event("trading", "AuctionFilled", fields)])
    with store.begin() as db:
        (told,) = apply_events(db, ledger, outcome)
        assert apply_events(db, ledger, outcome) == [], "told twice, indexed once"
    assert (told["buyer"], told["seller"], told["size_lots"]) == (WALLETS[BUYER], WALLETS[SELLER], 10)
    assert (told["maker_order"], told["taker_order"]) == (str(fill.maker_order), str(fill.taker_order))
    with store.connect() as db:
        assert db.execute(sa.select(trades.c.buyer)).scalar_one() == WALLETS[BUYER]
