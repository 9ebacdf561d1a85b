"""The auction against a clearing written from the rules' own words: thousands of random books, compared to the last atom."""

from __future__ import annotations

import hashlib
import random

import pytest
from auction_world import ORDER_BIT, SETTLED, AuctionHouse, Bid, Reference, reference
from program_harness import Chain, expect_error, expect_ok
from proving import steps
from trading_world import AT_SEATS as AT_SEATS_OF_MARKET
from trading_world import BUY, MIN_TICK, SELL, TICKS, Fill, Snapshot, Trader, World

# For each of two seeds. A book is a dozen steps: orders, cancels, clearing, settling.
BOOKS = steps(1_000, prove=25_000)
TRADERS = 9
RICH_LOTS = 1 << 40
RICH_UCREDIT = 1 << 62


def random_book(dice: random.Random) -> list[Bid]:
    """A book for the seats: narrow or wide prices, sizes from one lot to a whole side, never against the seat itself."""
    low = dice.randrange(MIN_TICK, MIN_TICK + TICKS - 6)
    width = dice.choice([1, 3, 6, 6, 40, TICKS])
    ticks = range(MIN_TICK, MIN_TICK + TICKS) if width == TICKS else range(low, min(low + width, MIN_TICK + TICKS))
    most = dice.choice([1, 3, 3, 50, 10_000, (2**32 - 1) // TRADERS])
    orders = []
    for seat in range(TRADERS):
        sides = dice.choice([[BUY], [SELL], [BUY, SELL], []])
        own: dict[int, Bid] = {}
        for side in sides:
            tick = dice.choice(ticks)
            if side == SELL and BUY in own and own[BUY].tick >= tick:
                continue
            own[side] = Bid(seat, side, tick, dice.choice([most, dice.randint(1, most), dice.randint(1, most)]))
        orders += own.values()
    dice.shuffle(orders)
    return orders


class Funds:
    """Free lots and ucredit of every seat by the reference."""

    def __init__(self) -> None:
        self.grid = [RICH_LOTS] * TRADERS
        self.credit = [RICH_UCREDIT // TRADERS] * TRADERS

    def apply(self, orders: list[Bid], result: Reference) -> None:
        """Move what the auction moves."""
        for order in orders:
            lots = result.filled[order.seat, order.side]
            sign = 1 if order.side == BUY else -1
            self.grid[order.seat] += sign * lots
            self.credit[order.seat] -= sign * lots * result.tick * 10

    def check(self, market: Snapshot) -> None:
        """Every seat has exactly this, and nothing is bound."""
        for seat, grid, credit in zip(market.seats(), self.grid, self.credit, strict=True):
            assert (seat.grid_free, seat.grid_locked) == (grid, 0)
            assert (seat.credit_free, seat.credit_locked) == (credit, 0)
        assert market.grid_lots == TRADERS * RICH_LOTS
        assert market.credit_ucredit == TRADERS * (RICH_UCREDIT // TRADERS)


def conserved(market: Snapshot) -> None:
    """No lot and no ucredit appears or disappears, whatever has been settled so far."""
    seats = market.seats()
    assert sum(s.grid_free + s.grid_locked for s in seats) == market.grid_lots
    assert sum(s.credit_free + s.credit_locked for s in seats) + market.fee_ucredit == market.credit_ucredit


@pytest.mark.prove_too
@pytest.mark.parametrize("seed", [1, 2])
def test_auctions_decide_and_settle_like_the_reference(chain: Chain, seed: int) -> None:
    """A price off by a tick, a share off by a lot or a cursor off by one would differ from a clearing that has none of them."""
    dice = random.Random(seed)
    world = World(chain)
    house = AuctionHouse(world)
    traders = [world.trader(f"trader {i}") for i in range(TRADERS)]
    for trader in traders:
        world.give_grid(trader.number, RICH_LOTS)
        expect_ok(trader.deposit_credit(RICH_UCREDIT // TRADERS))
    # One wallet for all seats, so that a whole book fits one transaction; a seat's owner is a matter of other tests.
    for trader in traders:
        chain.patch(world.market, AT_SEATS_OF_MARKET + 128 * trader.number, bytes(traders[0].wallet.pubkey()))
    vaults = (chain.token_amount(world.grid_vault), chain.token_amount(world.credit_vault))
    funds, fills_hash, trade = Funds(), bytes(32), 0
    seen = {"nothing": 0, "shared buys": 0, "shared sells": 0, "even": 0, "cancelled": 0, "in steps": 0}
    for _ in range(BOOKS):
        chain.advance(900)
        interval = house.now
        orders = submit_book(dice, house, traders[0], seen)
        chain.advance(dice.choice([900, 900 + dice.randrange(800)]))
        wanted = reference(orders)
        if not orders:
            expect_error(house.clear(interval), "trading", "NoSuchAuction")
            continue
        told = expect_ok(house.clear(interval)).event("AuctionCleared")
        assert (told["tick"], told["lots"], told["orders"]) == (wanted.tick, wanted.lots, len(orders))
        conserved(world.snapshot())
        seen["nothing"] += wanted.lots == 0
        for side, name in enumerate(("shared buys", "shared sells", "even")):
            seen[name] += wanted.lots > 0 and told["long_side"] == side

        step = dice.choice([0, 0, 0, 0, 1, 2, 5])
        left = len(orders)
        while left:
            settled = expect_ok(house.settle(interval, step))
            left = settled.event("AuctionSettled")["orders_left"]
            market = world.snapshot()
            conserved(market)
            for event in settled.events("AuctionFilled"):
                assert event.fields["first_trade"] == trade + 1
                for pair in event.fields["fills"]:
                    trade += 1
                    raw = check_fill(market.fill(trade), trade, pair, wanted.tick, interval, house.now)
                    fills_hash = hashlib.sha256(fills_hash + raw).digest()
            assert (market.trade_seq, market.fills_hash) == (trade, fills_hash)
            seen["in steps"] += step != 0
        after = house.snapshot()
        assert after.head(interval).state == SETTLED
        after.assert_empty(interval)
        assert {(o.seat, o.side): after.order(interval, o.seat, o.side).filled_lots for o in orders} == wanted.filled
        funds.apply(orders, wanted)
        funds.check(market)
        if wanted.lots:
            totals = market.totals(house.now)
            assert totals is not None
            assert (totals["lots"], totals["value_ucredit"]) == (wanted.lots, wanted.lots * wanted.tick * 10)
            assert (totals["fills_hash"], totals["last_trade"]) == (fills_hash, trade)
            assert market.last_tick == wanted.tick
    assert vaults == (chain.token_amount(world.grid_vault), chain.token_amount(world.credit_vault))
    assert all(seen.values()), f"the dice never threw {[name for name, count in seen.items() if not count]}"


def check_fill(fill: Fill, trade: int, pair: dict[str, int], tick: int, auction: int, now: int) -> bytes:
    """The ring's record of a fill is what the event told; returns its bytes."""
    assert (fill.trade, fill.lots, fill.tick, fill.interval) == (trade, pair["lots"], tick, now)
    assert (fill.taker_seat, fill.maker_seat, fill.taker_side) == (pair["buy_seat"], pair["sell_seat"], BUY)
    assert fill.taker_order == ORDER_BIT | auction << 11 | 2 * pair["buy_seat"]
    assert fill.maker_order == ORDER_BIT | auction << 11 | 2 * pair["sell_seat"] + 1
    return fill.raw


def submit_book(dice: random.Random, house: AuctionHouse, owner: Trader, seen: dict[str, int]) -> list[Bid]:
    """Submit a random book and cancel some of it, in one transaction; returns what stands."""
    standing, sent = [], []
    for order in random_book(dice):
        named = {"interval": house.now, "seat": order.seat, "side": order.side}
        accounts = house.submit_accounts(owner)
        place = {"tick": order.tick, "lots": order.lots, "client_id": 0}
        sent.append(house.chain.instruction("trading", "submit_auction", accounts, **named, **place))
        if dice.random() < 0.1:
            accounts = house.cancel_accounts(owner)
            sent.append(house.chain.instruction("trading", "cancel_auction_order", accounts, **named))
            seen["cancelled"] += 1
        else:
            standing.append(order)
    if sent:
        expect_ok(house.chain.send(*sent, signers=[owner.wallet]))
    return standing
