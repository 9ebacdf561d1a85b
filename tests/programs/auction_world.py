"""The auctions of a market: their account read back as plain values, their instructions, and a clearing by the rules' own words.

What a test does and asserts is left to the test.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from program_harness import Chain, Outcome, expect_ok, pda, program_id
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountWithSeedParams, create_account_with_seed
from trading_world import BUY, MIN_TICK, SELL, TICKS, Trader, World

AUCTIONS_SIZE = 107_328
OPEN, CLEARED, SETTLED = range(3)
NEITHER = 2
ORDER_BIT = 1 << 62
AT_HEADS, AT_SEATS, AT_LEVELS, AT_ORDERS = 64, 320, 832, 9_024
AT_SEAT_INTERVAL = 112
HEAD = struct.Struct("<IIBBHHHIIIIIIIIHHIIIq56x")
ORDER = struct.Struct("<QIIIHH")


@dataclass(frozen=True)
class Head:
    """One auction's head."""

    interval: int
    orders_standing: int
    state: int
    long_side: int
    tick: int
    marginal_tick: int
    reserved0: int
    lots: int
    settled_lots: int
    marginal_fill_lots: int
    marginal_lots: int
    marginal_run_lots: int
    settled_orders: int
    bid_lots: int
    ask_lots: int
    bid_cursor: int
    ask_cursor: int
    bid_due_lots: int
    ask_due_lots: int
    reserved1: int
    cleared_at: int


@dataclass(frozen=True)
class AuctionOrder:
    """One order; it stands while `stands`."""

    client_id: int
    lots: int
    interval: int
    filled_lots: int
    tick: int
    flags: int
    stands: bool


class AuctionsSnapshot:
    """The auctions' account at one moment."""

    def __init__(self, data: bytes) -> None:
        assert len(data) == AUCTIONS_SIZE
        self.data = data

    def head(self, interval: int) -> Head:
        """The head in the place of an auction, whichever stands there."""
        return Head(*HEAD.unpack_from(self.data, AT_HEADS + 128 * (interval % 2)))

    def order(self, interval: int, seat: int, side: int) -> AuctionOrder:
        """The order of a seat and side in the place of an auction."""
        at = AT_SEATS + 256 * (interval % 2) + 128 * side
        bits = int.from_bytes(self.data[at : at + 128], "little")
        found = ORDER.unpack_from(self.data, AT_ORDERS + 24 * (2_048 * (interval % 2) + 2 * seat + side))
        return AuctionOrder(*found, stands=bool(bits >> seat & 1))

    def levels(self, interval: int, side: int) -> list[int]:
        """Lots standing at each price of a side."""
        return list(struct.unpack_from("<512I", self.data, AT_LEVELS + 4_096 * (interval % 2) + 2_048 * side))

    def assert_empty(self, interval: int) -> None:
        """Nothing of the auction is left but what became of its orders."""
        place = interval % 2
        head = self.head(interval)
        assert (head.orders_standing, head.bid_lots, head.ask_lots, head.bid_due_lots, head.ask_due_lots) == (0,) * 5
        assert not any(self.data[AT_SEATS + 256 * place : AT_SEATS + 256 * place + 256])
        assert not any(self.data[AT_LEVELS + 4_096 * place : AT_LEVELS + 4_096 * place + 4_096])


def auctions_address(world: World) -> Pubkey:
    """Where the admin's auctions account stands."""
    return Pubkey.create_with_seed(world.admin.pubkey(), "auctions", program_id("trading"))


class AuctionHouse:
    """A market's auctions."""

    def __init__(self, world: World, *, create: bool = True) -> None:
        self.world = world
        self.chain: Chain = world.chain
        self.address = auctions_address(world)
        if create:
            expect_ok(self.make_account())
            expect_ok(self.create())

    @property
    def now(self) -> int:
        """The running interval."""
        return self.chain.now_s() // 900

    def snapshot(self) -> AuctionsSnapshot:
        """The account as it stands."""
        return AuctionsSnapshot(self.chain.data(self.address))

    def make_account(self, size: int = AUCTIONS_SIZE) -> Outcome:
        """Let the admin make the account as a client does."""
        admin = self.world.admin
        make = create_account_with_seed(
            CreateAccountWithSeedParams(
                from_pubkey=admin.pubkey(),
                to_pubkey=self.address,
                base=admin.pubkey(),
                seed="auctions",
                lamports=self.chain.svm.minimum_balance_for_rent_exemption(size),
                space=size,
                owner=program_id("trading"),
            )
        )
        return self.chain.send(make, signers=[admin])

    def create_accounts(self) -> dict[str, Any]:
        """The accounts of create_auctions."""
        admin = self.world.admin
        user = pda("registry", b"user", bytes(admin.pubkey()))
        return {"admin": admin, "admin_user": user, "market": self.world.market, "auctions": self.address}

    def create(self, **changes: Any) -> Outcome:
        """Run create_auctions; `changes` replace accounts."""
        return self.chain.call("trading", "create_auctions", self.create_accounts() | changes)

    def submit_accounts(self, trader: Trader) -> dict[str, Any]:
        """The accounts of submit_auction."""
        world = self.world
        return {
            "wallet": trader.wallet,
            "council": world.council,
            "market": world.market,
            "auctions": self.address,
        }

    def submit(
        self,
        trader: Trader,
        side: int,
        tick: int,
        lots: int,
        *,
        interval: int | None = None,
        client_id: int = 0,
        seat: int | None = None,
        **changes: Any,
    ) -> Outcome:
        """Run submit_auction in the running interval unless said otherwise; `changes` replace accounts."""
        return self.chain.call(
            "trading",
            "submit_auction",
            self.submit_accounts(trader) | changes,
            interval=self.now if interval is None else interval,
            seat=trader.number if seat is None else seat,
            side=side,
            tick=tick,
            lots=lots,
            client_id=client_id,
        )

    def cancel_accounts(self, trader: Trader) -> dict[str, Any]:
        """The accounts of cancel_auction_order."""
        return {"wallet": trader.wallet, "market": self.world.market, "auctions": self.address}

    def cancel(self, trader: Trader, side: int, *, interval: int | None = None, seat: int | None = None) -> Outcome:
        """Run cancel_auction_order."""
        return self.chain.call(
            "trading",
            "cancel_auction_order",
            self.cancel_accounts(trader),
            interval=self.now if interval is None else interval,
            seat=trader.number if seat is None else seat,
            side=side,
        )

    def clear_accounts(self) -> dict[str, Any]:
        """The accounts of clear_auction."""
        return {"council": self.world.council, "market": self.world.market, "auctions": self.address}

    def clear(self, interval: int, **changes: Any) -> Outcome:
        """Run clear_auction; `changes` replace accounts."""
        return self.chain.call("trading", "clear_auction", self.clear_accounts() | changes, interval=interval)

    def settle_accounts(self) -> dict[str, Any]:
        """The accounts of settle_auction."""
        return {"market": self.world.market, "auctions": self.address}

    def settle(self, interval: int, max_steps: int = 0, **changes: Any) -> Outcome:
        """Run settle_auction; `changes` replace accounts."""
        accounts = self.settle_accounts() | changes
        return self.chain.call("trading", "settle_auction", accounts, interval=interval, max_steps=max_steps)

    def settle_all(self, interval: int, max_steps: int = 0) -> list[Outcome]:
        """Settle until nothing is left; returns the calls."""
        calls = []
        while self.snapshot().head(interval).orders_standing:
            calls.append(expect_ok(self.settle(interval, max_steps)))
        return calls


@dataclass(frozen=True)
class Bid:
    """One order of a reference auction: side, price and size of a seat."""

    seat: int
    side: int
    tick: int
    lots: int


@dataclass(frozen=True)
class Reference:
    """What the rules say: price (0 = nothing trades), lots, and the lots of each (seat, side)."""

    tick: int
    lots: int
    filled: dict[tuple[int, int], int]


def reference(orders: Iterable[Bid]) -> Reference:
    """Clear by the rules' own words: look at every price, then hand out the lots, best price first.

    Most lots; of those prices the least difference of demand and supply; of those the middle, the lower of two. The orders of
    a side at the last price that gets anything share by running sums in the order of their seats.
    """
    orders = sorted(orders, key=lambda order: order.seat)

    def at(tick: int) -> tuple[int, int]:
        demand = sum(o.lots for o in orders if o.side == BUY and o.tick >= tick)
        supply = sum(o.lots for o in orders if o.side == SELL and o.tick <= tick)
        return min(demand, supply), abs(demand - supply)

    # Between two prices that somebody named nothing changes, so looking at the named ones and their neighbours is enough to
    # know the rest.
    named = {tick for o in orders for tick in (o.tick - 1, o.tick, o.tick + 1) if MIN_TICK <= tick < MIN_TICK + TICKS}
    steps = sorted(named | {MIN_TICK, MIN_TICK + TICKS - 1})
    found = {tick: at(tick) for tick in steps}
    most = max(volume for volume, _ in found.values())
    nothing = {(o.seat, o.side): 0 for o in orders}
    if most == 0:
        return Reference(0, 0, nothing)
    least = min(left for volume, left in found.values() if volume == most)
    best = [tick for tick in steps if found[tick] == (most, least)]
    tick = (best[0] + best[-1]) // 2
    filled = dict(nothing)
    for side in (BUY, SELL):
        left = most
        takes = [o for o in orders if o.side == side and (o.tick >= tick if side == BUY else o.tick <= tick)]
        for price in sorted({o.tick for o in takes}, reverse=side == BUY):
            group = [o for o in takes if o.tick == price]
            asked = sum(o.lots for o in group)
            given = min(left, asked)
            run = 0
            for order in group:
                filled[order.seat, side] = given * (run + order.lots) // asked - given * run // asked
                run += order.lots
            left -= given
        assert left == 0
    return Reference(tick, most, filled)
