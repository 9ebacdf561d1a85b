"""Compute units of the auction's instructions, on fixed keys and to the unit."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from auction_world import AT_HEADS, AT_LEVELS, AuctionHouse
from program_harness import Chain, Outcome, expect_ok
from test_trading_auction import close, fill_house, list_sell
from trading_world import BUY, SELL, World

Record = Callable[[str, Outcome], Outcome]


@pytest.fixture
def house(chain: Chain) -> AuctionHouse:
    """A market with auctions."""
    return AuctionHouse(World(chain))


def test_setting_up(chain: Chain, record_units: Record) -> None:
    """Once a market."""
    house = AuctionHouse(World(chain), create=False)
    expect_ok(house.make_account())
    record_units("trading.create_auctions", house.create())


def test_taking_orders(house: AuctionHouse, record_units: Record) -> None:
    """What a student pays for a place in the auction, and for leaving it."""
    ada = house.world.trader("ada", lots=100, ucredit=10**6)
    bob = house.world.trader("bob", lots=100, ucredit=10**6)
    cyd = house.world.trader("cyd", lots=100, ucredit=10**6)
    record_units("trading.submit_auction.first", house.submit(ada, SELL, 100, 10))
    record_units("trading.submit_auction", house.submit(bob, SELL, 100, 10))
    record_units("trading.submit_auction.both_sides", house.submit(bob, BUY, 99, 10))
    record_units("trading.cancel_auction_order", house.cancel(bob, BUY))
    record_units("trading.list_sell", list_sell(house, cyd, 10, 100))


def clear_with(house: AuctionHouse, buys: dict[int, int], sells: dict[int, int]) -> Outcome:
    """Clear an auction with these lots at these levels, written straight into the account."""
    ada = house.world.trader("ada", lots=100)
    expect_ok(house.submit(ada, SELL, 100, 1))
    interval, place = house.now, house.now % 2
    for side, lots in enumerate((buys, sells)):
        levels = [lots.get(level, 0) for level in range(512)]
        house.chain.patch(house.address, AT_LEVELS + 4_096 * place + 2_048 * side, struct.pack("<512I", *levels))
    sums = struct.pack("<II", sum(buys.values()), sum(sells.values()))
    house.chain.patch(house.address, AT_HEADS + 128 * place + 40, sums)
    close(house)
    return house.clear(interval)


@pytest.mark.parametrize(
    ("case", "buys", "sells"),
    [
        # The pass goes to the last price, with something at each: the most any book can cost.
        ("512", dict.fromkeys(range(512), 3), {511: 2_000}),
        ("512_flat", {511: 9}, {0: 5}),
        ("512_crossing_low", {511: 5}, {0: 9}),
        ("512_everywhere", dict.fromkeys(range(512), 3), dict.fromkeys(range(512), 3)),
        ("512_nothing", dict.fromkeys(range(256), 3), dict.fromkeys(range(256, 512), 3)),
    ],
)
def test_clearing_512_prices(
    house: AuctionHouse, record_units: Record, case: str, buys: dict[int, int], sells: dict[int, int]
) -> None:
    """At most 15,000 units, however many orders stand."""
    outcome = record_units(f"trading.clear_auction.{case}", clear_with(house, buys, sells))
    assert outcome.own_units()[0] <= 15_000


def test_settling(house: AuctionHouse, record_units: Record) -> None:
    """A step is one pair of orders or a part of one; 128 fit the default budget of a transaction."""
    owner = house.world.trader("owner", lots=10**6, ucredit=10**12)
    orders = fill_house(house, owner, 400)
    interval = close(house)
    expect_ok(house.clear(interval))
    record_units("trading.settle_auction.1", house.settle(interval, 1))
    record_units("trading.settle_auction.10", house.settle(interval, 10))
    outcome = record_units("trading.settle_auction.128", house.settle(interval, 128))
    assert outcome.own_units()[0] <= 128 * 700
    assert len(outcome.event("AuctionSettled")["orders"]) >= 128
    assert len(orders) == 400
