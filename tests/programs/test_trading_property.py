"""The market against a book of sixty lines of Python: thousands of random steps, compared after every one.

The reference knows nothing of slots, links or bitmaps; it keeps sorted lists. What it decides is what the market must do.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field

import pytest
from program_harness import Chain, Outcome, expect_error, expect_ok
from trading_world import (
    BUY,
    CANCEL_MAKER,
    CANCEL_TAKER,
    COMPLETE,
    FOK,
    IOC,
    IOC_REST,
    LIMIT,
    MATCH_LIMIT,
    MIN_TICK,
    POST_ONLY,
    REFUSE,
    RESTING,
    SELF_TRADE,
    SELL,
    TICKS,
    Snapshot,
    Trader,
    World,
)

STEPS = 2_500
TRADERS = 6


class Refused(Exception):
    """The reference's refusal, by the market's name for it."""


@dataclass
class Resting:
    """An order of the reference book."""

    order_id: int
    seat: int
    side: int
    tick: int
    lots: int
    expires: int


@dataclass
class Account:
    """A seat of the reference: free funds; what is bound follows from the book."""

    grid: int
    credit: int


@dataclass
class Placed:
    """What the reference says became of an order."""

    fills: list[tuple[int, int, int]] = field(default_factory=list)  # maker order, lots, tick
    out: list[tuple[int, int]] = field(default_factory=list)  # order id, reason
    filled: int = 0
    value: int = 0
    fee: int = 0
    resting: int = 0
    outcome: int = COMPLETE


class ReferenceBook:
    """Price-time priority, settled at once."""

    def __init__(self, fee_bps: int) -> None:
        self.accounts: list[Account] = []
        self.orders: list[Resting] = []
        self.fee_bps = fee_bps
        self.bucket = 0

    def bound(self, seat: int) -> tuple[int, int]:
        """(lots, ucredit) that the seat's resting orders bind."""
        lots = sum(o.lots for o in self.orders if o.seat == seat and o.side == SELL)
        credit = sum(o.lots * o.tick * 10 for o in self.orders if o.seat == seat and o.side == BUY)
        return lots, credit

    def best(self, side: int) -> Resting | None:
        """The first order of a side: best price, then oldest."""
        queue = [o for o in self.orders if o.side == side]
        return min(queue, key=lambda o: (-o.tick if side == BUY else o.tick, o.order_id), default=None)

    def fee(self, value: int) -> int:
        """Taker fee on a value, rounded up."""
        return -(-value * self.fee_bps // 10_000)

    def remove(self, order: Resting) -> None:
        """Take an order out and free what it binds."""
        self.orders.remove(order)
        if order.side == BUY:
            self.accounts[order.seat].credit += order.lots * order.tick * 10
        else:
            self.accounts[order.seat].grid += order.lots

    def place(
        self,
        order_id: int,
        seat: int,
        side: int,
        tick: int,
        lots: int,
        kind: int,
        expires: int,
        self_trade: int,
        limit: int,
        interval: int,
    ) -> Placed:
        """Place an order, or raise Refused and change nothing that the caller keeps."""
        if not MIN_TICK <= tick < MIN_TICK + TICKS:
            raise Refused("BadTick")
        if expires and expires < interval:
            raise Refused("Expired")

        def reachable() -> Resting | None:
            other = self.best(1 - side)
            if other is None or (other.tick > tick if side == BUY else other.tick < tick):
                return None
            return other

        own = self.accounts[seat]
        most = lots * tick * 10
        if side == BUY and own.credit < most + (self.fee(most) if reachable() else 0):
            raise Refused("InsufficientCredit")
        if side == SELL and own.grid < lots:
            raise Refused("InsufficientGrid")
        placed, left, touched = Placed(), lots, 0
        while left and (maker := reachable()):
            if touched == limit:
                placed.outcome = MATCH_LIMIT
                break
            touched += 1
            if maker.expires and maker.expires < interval:
                self.remove(maker)
                placed.out.append((maker.order_id, 1))
                continue
            if maker.seat == seat:
                if self_trade == CANCEL_MAKER:
                    self.remove(maker)
                    placed.out.append((maker.order_id, 2))
                    continue
                if self_trade == CANCEL_TAKER:
                    placed.outcome = SELF_TRADE
                    break
                raise Refused("SelfTrade")
            if kind == POST_ONLY:
                raise Refused("WouldCross")
            traded = min(left, maker.lots)
            placed.fills.append((maker.order_id, traded, maker.tick))
            placed.value += traded * maker.tick * 10
            maker.lots -= traded
            left -= traded
            other = self.accounts[maker.seat]
            if side == BUY:
                other.credit += traded * maker.tick * 10
            else:
                other.grid += traded
            if maker.lots == 0:
                self.orders.remove(maker)
        placed.filled = lots - left
        placed.fee = self.fee(placed.value)
        self.bucket += placed.fee
        if side == BUY:
            own.credit -= placed.value + placed.fee
            own.grid += placed.filled
        else:
            own.credit += placed.value - placed.fee
            own.grid -= placed.filled
        if left and kind == FOK:
            raise Refused("FillOrKill")
        if left and placed.outcome == COMPLETE:
            if kind == IOC:
                placed.outcome = IOC_REST
            else:
                placed.outcome = RESTING
                placed.resting = left
                self.orders.append(Resting(order_id, seat, side, tick, left, expires))
                if side == BUY:
                    own.credit -= left * tick * 10
                else:
                    own.grid -= left
        return placed

    def copy(self) -> ReferenceBook:
        """A book to try a step on."""
        other = ReferenceBook(self.fee_bps)
        other.accounts = [Account(a.grid, a.credit) for a in self.accounts]
        other.orders = [Resting(**vars(o)) for o in self.orders]
        other.bucket = self.bucket
        return other


def check_equal(market: Snapshot, book: ReferenceBook) -> None:
    """Compare the market with the reference, and the market's own tables with one another."""
    resting = market.orders()
    assert {(o.order_id, o.seat, o.side, o.tick, o.lots, o.expires_interval) for o in resting} == {
        (o.order_id, o.seat, o.side, o.tick, o.lots, o.expires) for o in book.orders
    }
    for side, best_name, lots_name in ((BUY, "best_bid_tick", "bid_lots"), (SELL, "best_ask_tick", "ask_lots")):
        levels: dict[int, list[tuple[int, int]]] = {}
        for order in sorted((o for o in book.orders if o.side == side), key=lambda o: o.order_id):
            levels.setdefault(order.tick, []).append((order.order_id, order.lots))
        wanted = sorted(levels.items(), reverse=side == BUY)
        assert market.side(side) == wanted
        assert market.header[best_name] == (wanted[0][0] if wanted else 0)
        assert market.header[lots_name] == sum(lots for _, queue in wanted for _, lots in queue)
        for tick, queue in wanted:
            _, tail, count, lots = market.level(side, tick - MIN_TICK)
            assert (tail, count, lots) == ((queue[-1][0] & 0xFFF) + 1, len(queue), sum(n for _, n in queue))
    bid, ask = market.best_bid_tick, market.best_ask_tick
    assert not (bid and ask and bid >= ask), "the book is crossed at rest"
    assert market.open_orders == len(resting)

    seats = market.seats()
    for number, (seat, account) in enumerate(zip(seats, book.accounts, strict=True)):
        lots, credit = book.bound(number)
        assert (seat.grid_free, seat.grid_locked) == (account.grid, lots)
        assert (seat.credit_free, seat.credit_locked) == (account.credit, credit)
        mine = {o.order_id: o for o in resting if o.seat == number}
        walked, link, newer = [], seat.first_order, 0
        while link:
            order = market.order_at(link - 1)
            assert order is not None
            assert order.seat_prev == newer
            walked.append(order.order_id)
            newer, link = link, order.seat_next
        assert sorted(walked) == sorted(mine)
        assert seat.open_orders == len(mine)
    assert market.grid_lots == sum(s.grid_free + s.grid_locked for s in seats)
    assert market.fee_ucredit == book.bucket
    assert market.credit_ucredit == sum(s.credit_free + s.credit_locked for s in seats) + book.bucket
    free, link = 0, market.free_order
    while link:
        assert market.order_at(link - 1) is None
        free += 1
        at = 148_608 + 48 * (link - 1) + 38
        link = int.from_bytes(market.data[at : at + 2], "little")
    assert free + len(resting) == market.orders_high


@pytest.mark.parametrize("seed", [1, 2])
def test_market_decides_like_the_reference_book(chain: Chain, seed: int) -> None:
    """Any step that breaks priority, conservation or a link would show as a difference to a book that cannot break them."""
    dice = random.Random(seed)
    fee_bps = 0 if seed == 1 else 37
    world = World(chain, fee_bps=fee_bps)
    book = ReferenceBook(fee_bps)
    traders: list[Trader] = []
    for i in range(TRADERS):
        grid, credit = dice.choice([(5_000, 5_000_000), (200, 300_000), (50_000, 90_000_000)])
        traders.append(world.trader(f"trader {i}", lots=grid, ucredit=credit))
        book.accounts.append(Account(grid, credit))
    vaults = (chain.token_amount(world.grid_vault), chain.token_amount(world.credit_vault))
    fills_hash, trade = bytes(32), 0
    seen: dict[str, int] = {}
    market = world.snapshot()
    for step in range(STEPS):
        if dice.random() < 0.02:
            chain.advance(dice.choice([60, 450, 900]))
        interval = chain.now_s() // 900
        if book.orders and dice.random() < 0.22:
            order = dice.choice(book.orders)
            by = dice.randrange(TRADERS)
            outcome = traders[by].cancel(order.order_id)
            if by != order.seat:
                expect_error(outcome, "trading", "WrongSeat")
                continue
            out = expect_ok(outcome).event("OrderOut")
            assert (out["order_id"], out["lots"], out["reason"]) == (order.order_id, order.lots, 0)
            book.remove(order)
        else:
            seat = dice.randrange(TRADERS)
            side = dice.randrange(2)
            # A narrow band around a slowly moving centre, so that most orders meet somebody; a few anywhere.
            centre = 120 + (step // 50) % 40
            tick = dice.choice([centre + dice.randint(-8, 8), centre + dice.randint(-8, 8), dice.randrange(0, 540)])
            lots = dice.choice([1, 2, 5, 17, 60, 400])
            kind = dice.choices([LIMIT, IOC, FOK, POST_ONLY], [8, 1, 1, 1])[0]
            expires = dice.choice([0, 0, interval, interval + 1, interval - 1])
            mode = dice.choices([CANCEL_TAKER, CANCEL_MAKER, REFUSE], [2, 2, 1])[0]
            limit = dice.choice([0, 0, 1, 2, 5])
            order_id = next_order_id(market)
            trial = book.copy()
            outcome = traders[seat].place(
                side, tick, lots, kind=kind, expires=expires, self_trade=mode, max_fills=limit, client_id=step
            )
            try:
                placed = trial.place(order_id, seat, side, tick, lots, kind, expires, mode, limit or 128, interval)
            except Refused as refusal:
                expect_error(outcome, "trading", str(refusal))
                seen[str(refusal)] = seen.get(str(refusal), 0) + 1
                continue
            book = trial
            check_events(expect_ok(outcome), placed, order_id, step)
            seen[f"outcome {placed.outcome}"] = seen.get(f"outcome {placed.outcome}", 0) + 1
            seen["fills"] = seen.get("fills", 0) + len(placed.fills)
            market = world.snapshot()
            for maker, traded, price in placed.fills:
                trade += 1
                fill = market.fill(trade)
                assert (fill.trade, fill.maker_order, fill.taker_order) == (trade, maker, order_id)
                assert (fill.lots, fill.tick, fill.taker_seat, fill.taker_side) == (traded, price, seat, side)
                fills_hash = hashlib.sha256(fills_hash + fill.raw).digest()
            assert (market.trade_seq, market.fills_hash) == (trade, fills_hash)
        market = world.snapshot()
        check_equal(market, book)
    assert vaults == (chain.token_amount(world.grid_vault), chain.token_amount(world.credit_vault))
    assert vaults == (1000 * market.grid_lots, market.credit_ucredit)
    wanted = {f"outcome {n}" for n in range(5)} | {"SelfTrade", "WouldCross", "FillOrKill", "Expired", "BadTick"}
    assert wanted <= set(seen), f"the dice never threw {wanted - set(seen)}"
    assert seen["fills"] > 300


def next_order_id(market: Snapshot) -> int:
    """The id the market gives to the next order: the next number, and the slot at the head of the free list."""
    slot = market.free_order - 1 if market.free_order else market.orders_high
    return (market.order_seq + 1) << 12 | slot


def check_events(outcome: Outcome, placed: Placed, order_id: int, step: int) -> None:
    """Compare what the market told with what the reference decided."""
    told = outcome.event("OrderPlaced")
    assert (told["order_id"], told["client_id"]) == (order_id, step)
    assert (told["filled_lots"], told["value_ucredit"], told["fee_ucredit"]) == (
        placed.filled,
        placed.value,
        placed.fee,
    )
    assert (told["resting_lots"], told["outcome"]) == (placed.resting, placed.outcome)
    fills = [
        (fill["maker_order"], fill["lots"], fill["tick"])
        for event in outcome.events("Filled")
        for fill in event.fields["fills"]
    ]
    assert fills == placed.fills
    out = [(event.fields["order_id"], event.fields["reason"]) for event in outcome.events("OrderOut")]
    assert out == placed.out
