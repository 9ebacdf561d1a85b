"""Random histories of two auctions beside each other against a model of the rules: who may do what when, and whose is what.

`test_trading_auction_property` asks if one auction is cleared and settled right; this one if orders, cancels, clearing, settling in
steps and pauses may come in any order. Every call must be allowed or refused as the model says, and every balance agree after it.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from auction_world import AuctionHouse, Bid, reference
from program_harness import Chain, Outcome, expect_error, expect_ok
from proving import steps
from trading_world import BUY, MIN_TICK, SELL, TICKS, World

STEPS = steps(2_500, prove=100_000)
TRADERS = 5
LOTS, UCREDIT = 60, 90_000
AUCTION_PAUSE = 8


class Refused(Exception):
    """The model's refusal, by the market's name for it."""


@dataclass
class Standing:
    """An order of the model; `due` is what it still gets, once the price is fixed."""

    bid: Bid
    filled: int = 0
    due: int = 0

    @property
    def left(self) -> int:
        """Lots not traded yet."""
        return self.bid.lots - self.filled


@dataclass
class Auction:
    """One auction of the model: the orders that stand, by (side, seat), and its price once cleared."""

    orders: dict[tuple[int, int], Standing] = field(default_factory=dict)
    tick: int | None = None


class Model:
    """Two places, free funds of each seat, and what the orders bind."""

    def __init__(self) -> None:
        self.places: dict[int, tuple[int, Auction]] = {}
        self.grid = [LOTS] * TRADERS
        self.credit = [UCREDIT] * TRADERS
        self.paused = False

    def waiting(self, interval: int) -> Auction:
        """The auction, if orders stand in it."""
        number, auction = self.places.get(interval % 2, (0, Auction()))
        if number != interval or not auction.orders:
            raise Refused("NoSuchAuction")
        return auction

    def submit(self, now: int, interval: int, bid: Bid) -> None:
        """Let an order stand and bind its funds."""
        if self.paused:
            raise Refused("Paused")
        if bid.lots == 0:
            raise Refused("BadLots")
        if not MIN_TICK <= bid.tick < MIN_TICK + TICKS:
            raise Refused("BadTick")
        if now != interval:
            raise Refused("AuctionClosed")
        number, auction = self.places.get(interval % 2, (0, Auction()))
        if number != interval:
            if auction.orders:
                raise Refused("AuctionNotSettled")
            auction = Auction()
        if (bid.side, bid.seat) in auction.orders:
            raise Refused("AuctionOrderExists")
        other = auction.orders.get((1 - bid.side, bid.seat))
        if other is not None:
            buy, sell = (bid, other.bid) if bid.side == BUY else (other.bid, bid)
            if buy.tick >= sell.tick:
                raise Refused("SelfTrade")
        if bid.side == BUY and self.credit[bid.seat] < bid.lots * bid.tick * 10:
            raise Refused("InsufficientCredit")
        if bid.side == SELL and self.grid[bid.seat] < bid.lots:
            raise Refused("InsufficientGrid")
        self.free(bid, -bid.lots)
        auction.orders[bid.side, bid.seat] = Standing(bid)
        self.places[interval % 2] = (interval, auction)

    def free(self, bid: Bid, lots: int) -> None:
        """Make what these lots of an order bind free again (or bind it)."""
        if bid.side == BUY:
            self.credit[bid.seat] += lots * bid.tick * 10
        else:
            self.grid[bid.seat] += lots

    def cancel(self, interval: int, seat: int, side: int) -> None:
        """Take an order out."""
        auction = self.waiting(interval)
        if auction.tick is not None:
            raise Refused("AuctionCleared")
        if (side, seat) not in auction.orders:
            raise Refused("UnknownOrder")
        order = auction.orders.pop((side, seat))
        self.free(order.bid, order.left)

    def clear(self, now: int, interval: int) -> tuple[int, int]:
        """Fix the price; returns (tick, lots)."""
        if self.paused:
            raise Refused("Paused")
        if now <= interval:
            raise Refused("AuctionOpen")
        number, other = self.places.get((interval + 1) % 2, (0, Auction()))
        if other.orders:
            if other.tick is not None:
                raise Refused("AuctionNotSettled")
            if number < interval:
                raise Refused("AuctionNotCleared")
        auction = self.waiting(interval)
        if auction.tick is not None:
            raise Refused("AuctionCleared")
        result = reference(order.bid for order in auction.orders.values())
        auction.tick = result.tick
        for order in auction.orders.values():
            order.due = result.filled[order.bid.seat, order.bid.side]
        return result.tick, result.lots

    def settle(self, interval: int, steps_left: int) -> None:
        """Close orders that get nothing, and pair buys with sells, each by seat number."""
        auction = self.waiting(interval)
        if auction.tick is None:
            raise Refused("AuctionNotCleared")
        for _ in range(steps_left):
            pair = []
            for side in (BUY, SELL):
                mine = sorted(seat for of, seat in auction.orders if of == side)
                first = auction.orders[side, mine[0]] if mine else None
                if first is not None and first.due == 0:
                    self.close(auction, first)
                    break
                pair.append(first)
            else:
                buy, sell = pair
                if buy is None or sell is None:
                    assert buy is None
                    assert sell is None
                    return
                lots = min(buy.due, sell.due)
                self.credit[buy.bid.seat] += lots * (buy.bid.tick - auction.tick) * 10
                self.grid[buy.bid.seat] += lots
                self.credit[sell.bid.seat] += lots * auction.tick * 10
                for order in (buy, sell):
                    order.filled += lots
                    order.due -= lots
                    if order.due == 0:
                        self.close(auction, order)

    def close(self, auction: Auction, order: Standing) -> None:
        """Free what an order did not need."""
        del auction.orders[order.bid.side, order.bid.seat]
        self.free(order.bid, order.left)

    def bound(self, seat: int) -> tuple[int, int]:
        """(lots, ucredit) that the seat's orders bind in both auctions."""
        orders = [o for _, auction in self.places.values() for o in auction.orders.values() if o.bid.seat == seat]
        return (
            sum(o.left for o in orders if o.bid.side == SELL),
            sum(o.left * o.bid.tick * 10 for o in orders if o.bid.side == BUY),
        )


@pytest.mark.prove_too
def test_auctions_beside_each_other_follow_the_rules(chain: Chain) -> None:
    """A place used again too early, a cancel too late or funds freed twice would show as a difference."""
    dice = random.Random(20_261_127)
    world = World(chain)
    house = AuctionHouse(world)
    traders = [world.trader(f"trader {i}", lots=LOTS, ucredit=UCREDIT) for i in range(TRADERS)]
    model, seen = Model(), Counter[str]()

    def agree(name: str, outcome: Outcome, refusal: Refused | None) -> None:
        seen[f"{name}: {refusal or 'done'}"] += 1
        if refusal is None:
            expect_ok(outcome)
        else:
            expect_error(outcome, "trading", str(refusal))

    for _ in range(STEPS):
        now = house.now
        used = [number for number, _ in model.places.values()]
        near = dice.choice([*used, *used, *used, now, now - 1, now - 2, now + 1])
        if model.paused and dice.random() < 0.1:
            model.paused = False
            world.pause(255 ^ AUCTION_PAUSE)
        seat, side = dice.randrange(TRADERS), dice.randrange(2)
        refusal: Refused | None = None
        match dice.choices(["submit", "cancel", "clear", "settle", "time", "pause"], [40, 8, 12, 20, 7, 1])[0]:
            case "submit":
                interval = now if dice.random() < 0.9 else near
                tick = dice.choice([100 + dice.randint(-4, 4)] * 9 + [dice.choice([MIN_TICK - 1, MIN_TICK + TICKS])])
                bid = Bid(seat, side, tick, dice.choice([0, 1, 3, 7, 20, LOTS]) if dice.random() < 0.3 else 5)
                outcome = house.submit(traders[seat], side, tick, bid.lots, interval=interval)
                try:
                    model.submit(now, interval, bid)
                except Refused as found:
                    refusal = found
                agree("submit", outcome, refusal)
            case "cancel":
                outcome = house.cancel(traders[seat], side, interval=near)
                try:
                    model.cancel(near, seat, side)
                except Refused as found:
                    refusal = found
                agree("cancel", outcome, refusal)
            case "clear":
                outcome = house.clear(near)
                try:
                    tick, lots = model.clear(now, near)
                    told = expect_ok(outcome).event("AuctionCleared")
                    assert (told["tick"], told["lots"]) == (tick, lots)
                except Refused as found:
                    refusal = found
                agree("clear", outcome, refusal)
            case "settle":
                most = dice.choice([1, 1, 2, 3, 0])
                outcome = house.settle(near, most)
                try:
                    model.settle(near, most or 128)
                except Refused as found:
                    refusal = found
                agree("settle", outcome, refusal)
            case "time":
                chain.advance(dice.choice([300, 450, 900]))
            case "pause":
                model.paused = True
                world.pause(AUCTION_PAUSE)
        market = world.snapshot()
        for number, found in enumerate(market.seats()):
            grid, credit = model.bound(number)
            assert (found.grid_free, found.grid_locked) == (model.grid[number], grid)
            assert (found.credit_free, found.credit_locked) == (model.credit[number], credit)
    done = {f"{name}: done" for name in ("submit", "cancel", "clear", "settle")}
    wanted = done | {
        "submit: AuctionNotSettled",
        "submit: AuctionOrderExists",
        "submit: SelfTrade",
        "submit: Paused",
        "cancel: AuctionCleared",
        "clear: AuctionNotSettled",
        "clear: AuctionNotCleared",
        "clear: AuctionOpen",
        "settle: AuctionNotCleared",
        "settle: NoSuchAuction",
    }
    assert wanted <= set(seen), f"the dice never threw {wanted - set(seen)}"
    assert sum(model.grid) + sum(model.bound(n)[0] for n in range(TRADERS)) == TRADERS * LOTS
