"""The call auction: taking orders, cancelling, clearing, settling, listing, and every way of being refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from auction_world import (
    AT_SEAT_INTERVAL,
    AUCTIONS_SIZE,
    CLEARED,
    NEITHER,
    SETTLED,
    AuctionHouse,
    Bid,
    reference,
)
from program_harness import Chain, Outcome, expect_error, expect_ok, expect_shared, keypair, program_id
from trading_world import (
    AT_SEATS,
    BUY,
    MIN_TICK,
    PARAM_MIN_ORDER_LOTS,
    SELL,
    TICKS,
    Trader,
    World,
    discriminator,
)

from gridkit.chain import proof, trades
from gridkit.chain.auction import auction_of

MAX_TICK = MIN_TICK + TICKS - 1
CREDIT = 10**9
GRID = 100_000
AUCTION_PAUSE = 8


@pytest.fixture
def world(chain: Chain) -> World:
    """A market."""
    return World(chain)


@pytest.fixture
def house(world: World) -> AuctionHouse:
    """Its auctions."""
    return AuctionHouse(world)


@pytest.fixture
def ada(world: World) -> Trader:
    """A trader with GRID and CREDIT."""
    return world.trader("ada", lots=GRID, ucredit=CREDIT)


@pytest.fixture
def bob(world: World, ada: Trader) -> Trader:
    """Another one, seated after ada."""
    return world.trader("bob", lots=GRID, ucredit=CREDIT)


@pytest.fixture
def cyd(world: World, bob: Trader) -> Trader:
    """A third one."""
    return world.trader("cyd", lots=GRID, ucredit=CREDIT)


def refused(outcome: Outcome, name: str) -> None:
    expect_error(outcome, "trading", name)


def funds(trader: Trader) -> tuple[int, int, int, int]:
    """(free lots, bound lots, free ucredit, bound ucredit)."""
    seat = trader.seat
    return seat.grid_free, seat.grid_locked, seat.credit_free, seat.credit_locked


def close(house: AuctionHouse) -> int:
    """Let the running interval end; returns its number."""
    interval = house.now
    house.chain.advance(900)
    return interval


# ------------------------------------------------------------------------------------------------------------- set-up


def test_auctions_belong_to_one_market_for_good(world: World, ada: Trader) -> None:
    """A second account would let the orders of the first be forgotten with their funds."""
    house = AuctionHouse(world, create=False)
    exempt = world.chain.svm.minimum_balance_for_rent_exemption(AUCTIONS_SIZE)
    trading = program_id("trading")
    for data, owner, lamports, refusal in (
        (bytes(AUCTIONS_SIZE - 1), trading, exempt, "WRONG_ACCOUNT_SIZE"),
        (bytes(AUCTIONS_SIZE), program_id("registry"), exempt, "WRONG_OWNER"),
        (discriminator("Auctions") + bytes(AUCTIONS_SIZE - 8), trading, exempt, "ALREADY_INITIALIZED"),
        (bytes(AUCTIONS_SIZE), trading, exempt - 1, "NOT_RENT_EXEMPT"),
    ):
        world.chain.put(house.address, data, owner, lamports)
        expect_shared(house.create(), refusal)
    world.chain.put(house.address, bytes(AUCTIONS_SIZE), trading)
    expect_ok(house.create())
    assert world.snapshot().data[720:752] == bytes(house.address)
    assert house.snapshot().data[16:48] == bytes(world.market)
    second = keypair("second auctions").pubkey()
    world.chain.put(second, bytes(AUCTIONS_SIZE), trading)
    refused(house.create(auctions=second), "AuctionsExist")


def test_only_an_active_admin_creates_the_auctions(world: World) -> None:
    """Whoever names the account names where orders go."""
    house = AuctionHouse(world, create=False)
    expect_ok(house.make_account())
    clerk = world.chain.wallet("clerk")
    refused(house.create(admin=clerk, admin_user=world.put_user(clerk.pubkey(), role=4)), "NotAdmin")
    refused(house.create(admin=clerk), "NotAdmin")
    world.put_user(world.admin.pubkey(), role=6, status=2)
    refused(house.create(), "UserInactive")


def test_without_auctions_nothing_can_be_submitted(world: World, ada: Trader) -> None:
    """The zero address in the market must not be an account somebody can bring."""
    house = AuctionHouse(world, create=False)
    expect_ok(house.make_account())
    expect_shared(house.submit(ada, SELL, 100, 1), "WRONG_ADDRESS")


def test_a_true_copy_of_the_auctions_is_refused(house: AuctionHouse, ada: Trader) -> None:
    """Orders in another account would bind funds that no settlement frees."""
    twin = keypair("twin").pubkey()
    account = house.chain.svm.get_account(house.address)
    assert account is not None
    house.chain.svm.set_account(twin, account)
    expect_shared(house.submit(ada, SELL, 100, 1, auctions=twin), "WRONG_ADDRESS")
    expect_ok(house.submit(ada, SELL, 100, 1))
    interval = close(house)
    expect_shared(house.clear(interval, auctions=twin), "WRONG_ADDRESS")
    expect_ok(house.clear(interval))
    expect_shared(house.settle(interval, auctions=twin), "WRONG_ADDRESS")


# ------------------------------------------------------------------------------------------------------------- submit


def test_orders_bind_their_funds(house: AuctionHouse, ada: Trader, bob: Trader) -> None:
    """What an order may cost must be there when it settles."""
    placed = expect_ok(house.submit(ada, SELL, 100, 30, client_id=7)).event("AuctionOrderPlaced")
    assert (placed["seat"], placed["side"], placed["tick"], placed["lots"]) == (ada.number, SELL, 100, 30)
    assert (placed["interval"], placed["client_id"], placed["listed"]) == (house.now, 7, False)
    expect_ok(house.submit(bob, BUY, 120, 20))
    assert funds(ada) == (GRID - 30, 30, CREDIT, 0)
    assert funds(bob) == (GRID, 0, CREDIT - 20 * 120 * 10, 20 * 120 * 10)
    state = house.snapshot()
    order = state.order(house.now, ada.number, SELL)
    assert (order.stands, order.lots, order.tick, order.interval, order.client_id) == (True, 30, 100, house.now, 7)
    assert (state.head(house.now).bid_lots, state.head(house.now).ask_lots) == (20, 30)
    assert state.levels(house.now, SELL)[100 - MIN_TICK] == 30
    assert state.levels(house.now, BUY)[120 - MIN_TICK] == 20


def test_an_auction_takes_orders_in_its_own_interval_alone(house: AuctionHouse, ada: Trader) -> None:
    """An order that arrives late must not land in an auction its owner did not mean."""
    chain, interval = house.chain, house.now
    assert chain.now_s() == 900 * interval
    refused(house.submit(ada, SELL, 100, 1, interval=interval + 1), "AuctionClosed")
    refused(house.submit(ada, SELL, 100, 1, interval=interval - 1), "AuctionClosed")
    chain.set_time(900 * interval + 899)
    expect_ok(house.submit(ada, SELL, 100, 1, interval=interval))
    chain.set_time(900 * interval + 900)
    refused(house.submit(ada, BUY, 90, 1, interval=interval), "AuctionClosed")
    expect_ok(house.submit(ada, SELL, 100, 1))


def test_a_seat_has_one_order_on_each_side(house: AuctionHouse, ada: Trader) -> None:
    """A slot overwritten would lose the funds of the order in it."""
    expect_ok(house.submit(ada, SELL, 100, 1))
    refused(house.submit(ada, SELL, 101, 1), "AuctionOrderExists")
    expect_ok(house.submit(ada, BUY, 99, 1))
    refused(house.submit(ada, BUY, 98, 1), "AuctionOrderExists")
    expect_ok(house.cancel(ada, SELL))
    expect_ok(house.submit(ada, SELL, 102, 2))


def test_a_seat_cannot_trade_with_itself(house: AuctionHouse, ada: Trader) -> None:
    """A price made by one trader alone is no price."""
    expect_ok(house.submit(ada, SELL, 100, 1))
    for tick in (100, 101):
        refused(house.submit(ada, BUY, tick, 1), "SelfTrade")
    expect_ok(house.cancel(ada, SELL))
    expect_ok(house.submit(ada, BUY, 100, 1))
    for tick in (100, 99):
        refused(house.submit(ada, SELL, tick, 1), "SelfTrade")
    expect_ok(house.submit(ada, SELL, 101, 1))


def test_orders_out_of_range_or_without_cover_are_refused(house: AuctionHouse, ada: Trader, bob: Trader) -> None:
    """Each of these would settle against somebody else's funds, or outside the tables."""
    for tick in (0, MIN_TICK - 1, MAX_TICK + 1, 65_535):
        refused(house.submit(ada, SELL, tick, 1), "BadTick")
    refused(house.submit(ada, SELL, 100, 0), "BadLots")
    house.world.set_param(PARAM_MIN_ORDER_LOTS, 5)
    refused(house.submit(ada, SELL, 100, 4), "BadLots")
    refused(house.submit(ada, 2, 100, 5), "BadOrder")
    refused(house.submit(ada, SELL, 100, GRID + 1), "InsufficientGrid")
    refused(house.submit(ada, BUY, 100, CREDIT // 1000 + 1), "InsufficientCredit")
    refused(house.submit(bob, SELL, 100, 5, seat=ada.number), "WrongSeat")
    refused(house.submit(bob, SELL, 100, 5, seat=1_023), "WrongSeat")
    assert funds(ada) == (GRID, 0, CREDIT, 0)
    assert house.snapshot().head(house.now).orders_standing == 0
    expect_ok(house.submit(ada, SELL, MIN_TICK, GRID))
    expect_ok(house.submit(bob, BUY, MAX_TICK, 5))


def test_a_side_holds_less_than_2_to_the_32_lots(house: AuctionHouse, ada: Trader, bob: Trader) -> None:
    """The shares of the marginal orders are products of two such sums, which must fit 64 bits."""
    for trader in (ada, bob):
        house.world.give_grid(trader.number, 2**33)
    expect_ok(house.submit(ada, SELL, 100, 2**32 - 2))
    refused(house.submit(bob, SELL, 90, 2), "AuctionFull")
    expect_ok(house.submit(bob, SELL, 90, 1))


def test_a_pause_stops_submit_and_clear_and_never_cancel_or_settle(
    house: AuctionHouse, ada: Trader, bob: Trader
) -> None:
    """The guardians' stop must not hold anybody's funds."""
    expect_ok(house.submit(ada, SELL, 100, 10))
    expect_ok(house.submit(bob, BUY, 100, 10))
    house.world.pause(AUCTION_PAUSE)
    refused(house.submit(bob, SELL, 110, 1), "Paused")
    interval = close(house)
    refused(house.clear(interval), "Paused")
    house.world.pause(255 ^ AUCTION_PAUSE)
    expect_ok(house.clear(interval))
    house.world.pause(255)
    expect_ok(house.settle(interval))
    assert house.snapshot().head(interval).state == SETTLED


@pytest.mark.parametrize("mask", range(32))
def test_cancel_works_under_every_pause(house: AuctionHouse, ada: Trader, mask: int) -> None:
    """No emergency may hold a trader's funds in an auction that is not cleared."""
    expect_ok(house.submit(ada, SELL, 100, 10))
    expect_ok(house.submit(ada, BUY, 90, 10))
    house.world.pause(mask)
    expect_ok(house.cancel(ada, SELL))
    interval = close(house)
    expect_ok(house.cancel(ada, BUY, interval=interval))
    assert funds(ada) == (GRID, 0, CREDIT, 0)


def test_a_suspended_trader_cannot_submit_but_can_cancel(house: AuctionHouse, ada: Trader) -> None:
    """Suspension stops trading; it takes nobody's property."""
    expect_ok(house.submit(ada, SELL, 100, 10))
    house.chain.patch(house.world.market, AT_SEATS + 128 * ada.number + 66, b"\x01\0")
    refused(house.submit(ada, BUY, 90, 1), "SeatSuspended")
    expect_ok(house.cancel(ada, SELL))


# ------------------------------------------------------------------------------------------------------------- cancel


def test_cancel_frees_the_funds_of_both_sides(house: AuctionHouse, ada: Trader) -> None:
    """Funds that stay bound after a cancel are lost to their owner."""
    expect_ok(house.submit(ada, SELL, 100, 10))
    expect_ok(house.submit(ada, BUY, 90, 10))
    out = expect_ok(house.cancel(ada, BUY)).event("AuctionOrderOut")
    assert (out["seat"], out["side"], out["tick"], out["lots"]) == (ada.number, BUY, 90, 10)
    expect_ok(house.cancel(ada, SELL))
    assert funds(ada) == (GRID, 0, CREDIT, 0)
    house.snapshot().assert_empty(house.now)


def test_cancel_of_what_does_not_stand_is_refused(house: AuctionHouse, ada: Trader, bob: Trader) -> None:
    """A second cancel would free funds twice; a stranger's is a denial of trade."""
    refused(house.cancel(ada, SELL), "NoSuchAuction")
    expect_ok(house.submit(ada, SELL, 100, 10))
    refused(house.cancel(ada, BUY), "UnknownOrder")
    refused(house.cancel(bob, SELL), "UnknownOrder")
    refused(house.cancel(bob, SELL, seat=ada.number), "WrongSeat")
    refused(house.cancel(ada, 2), "BadOrder")
    for interval in (house.now - 1, house.now + 1, house.now - 2, house.now + 2):
        refused(house.cancel(ada, SELL, interval=interval), "NoSuchAuction")
    expect_ok(house.submit(bob, SELL, 100, 10))
    expect_ok(house.cancel(ada, SELL))
    refused(house.cancel(ada, SELL), "UnknownOrder")


def test_cancel_works_until_the_auction_is_cleared(house: AuctionHouse, ada: Trader, bob: Trader) -> None:
    """After the price is fixed a cancel would take away what others were promised."""
    expect_ok(house.submit(ada, SELL, 100, 10))
    expect_ok(house.submit(bob, SELL, 101, 10))
    interval = close(house)
    expect_ok(house.cancel(ada, SELL, interval=interval))
    expect_ok(house.clear(interval))
    refused(house.cancel(bob, SELL, interval=interval), "AuctionCleared")
    expect_ok(house.settle(interval))
    assert funds(bob) == (GRID, 0, CREDIT, 0)
    refused(house.cancel(bob, SELL, interval=interval), "NoSuchAuction")


# -------------------------------------------------------------------------------------------------------------- clear


def test_one_price_for_all_and_the_difference_back(house: AuctionHouse, ada: Trader, bob: Trader, cyd: Trader) -> None:
    """A buyer who offered more pays what all pay."""
    expect_ok(house.submit(ada, SELL, 90, 30))
    expect_ok(house.submit(bob, BUY, 120, 20))
    expect_ok(house.submit(cyd, BUY, 110, 10))
    interval = close(house)
    cleared = expect_ok(house.clear(interval)).event("AuctionCleared")
    assert (cleared["tick"], cleared["lots"], cleared["long_side"]) == (100, 30, NEITHER)
    market = house.world.snapshot()
    assert market.last_tick == 100
    assert funds(ada) == (GRID - 30, 30, CREDIT, 0), "clearing moves nothing"
    settled = expect_ok(house.settle(interval))
    assert settled.event("AuctionFilled")["fills"] == [
        {"buy_seat": bob.number, "sell_seat": ada.number, "lots": 20},
        {"buy_seat": cyd.number, "sell_seat": ada.number, "lots": 10},
    ]
    results = settled.event("AuctionSettled")
    assert results["orders_left"] == 0
    assert {(r["slot"], r["lots"], r["filled_lots"]) for r in results["orders"]} == {
        (2 * ada.number + 1, 30, 30),
        (2 * bob.number, 20, 20),
        (2 * cyd.number, 10, 10),
    }
    assert funds(ada) == (GRID - 30, 0, CREDIT + 30_000, 0)
    assert funds(bob) == (GRID + 20, 0, CREDIT - 20_000, 0)
    assert funds(cyd) == (GRID + 10, 0, CREDIT - 10_000, 0)
    assert (ada.seat.traded_lots, ada.seat.traded_ucredit) == (30, 30_000)
    assert house.world.snapshot().traded_lots == 30


def test_marginal_orders_share_to_the_last_lot(house: AuctionHouse, ada: Trader, bob: Trader, cyd: Trader) -> None:
    """Rounding each share for itself would make or lose lots."""
    expect_ok(house.submit(ada, BUY, 100, 10))
    expect_ok(house.submit(bob, SELL, 100, 7))
    expect_ok(house.submit(cyd, SELL, 100, 8))
    interval = close(house)
    cleared = expect_ok(house.clear(interval)).event("AuctionCleared")
    assert (cleared["long_side"], cleared["marginal_tick"]) == (SELL, 100)
    assert (cleared["marginal_fill_lots"], cleared["marginal_lots"]) == (10, 15)
    expect_ok(house.settle(interval))
    assert (bob.seat.grid_free, cyd.seat.grid_free) == (GRID - 4, GRID - 6)
    assert funds(ada) == (GRID + 10, 0, CREDIT - 10_000, 0)


def test_nothing_trades_and_everything_comes_back(house: AuctionHouse, ada: Trader, bob: Trader) -> None:
    """An auction without a price must not keep anybody's funds, nor change the last price."""
    expect_ok(house.submit(ada, SELL, 101, 10))
    expect_ok(house.submit(bob, BUY, 100, 10))
    interval = close(house)
    cleared = expect_ok(house.clear(interval)).event("AuctionCleared")
    assert (cleared["tick"], cleared["lots"]) == (0, 0)
    assert house.world.snapshot().last_tick == 0
    settled = expect_ok(house.settle(interval))
    assert settled.events("AuctionFilled") == []
    assert (funds(ada), funds(bob)) == ((GRID, 0, CREDIT, 0), (GRID, 0, CREDIT, 0))


def test_clearing_waits_for_the_end_of_the_interval(house: AuctionHouse, ada: Trader) -> None:
    """Whoever could clear early would choose the price."""
    expect_ok(house.submit(ada, SELL, 100, 10))
    interval = house.now
    refused(house.clear(interval), "AuctionOpen")
    house.chain.set_time(900 * interval + 899)
    refused(house.clear(interval), "AuctionOpen")
    house.chain.set_time(900 * interval + 900)
    expect_ok(house.clear(interval))
    refused(house.clear(interval), "AuctionCleared")
    expect_ok(house.settle(interval))
    refused(house.clear(interval), "NoSuchAuction")


def test_auctions_clear_in_order_one_at_a_time(house: AuctionHouse, ada: Trader, bob: Trader) -> None:
    """The price of a later interval must not become the last price before an earlier one."""
    expect_ok(house.submit(ada, SELL, 100, 10))
    first = close(house)
    expect_ok(house.submit(bob, SELL, 100, 10))
    second = close(house)
    refused(house.clear(second), "AuctionNotCleared")
    expect_ok(house.clear(first))
    refused(house.clear(second), "AuctionNotSettled")
    expect_ok(house.settle(first))
    expect_ok(house.clear(second))
    expect_ok(house.settle(second))


# ------------------------------------------------------------------------------------------------- settle and use again


def test_settling_wants_a_cleared_auction(house: AuctionHouse, ada: Trader) -> None:
    """Before the price is fixed nobody is owed anything."""
    refused(house.settle(house.now), "NoSuchAuction")
    expect_ok(house.submit(ada, SELL, 100, 10))
    refused(house.settle(house.now), "AuctionNotCleared")
    interval = close(house)
    refused(house.settle(interval), "AuctionNotCleared")
    expect_ok(house.clear(interval))
    refused(house.settle(interval, 129), "BadOrder")
    expect_ok(house.settle(interval, 128))
    refused(house.settle(interval), "NoSuchAuction")


def test_a_place_is_used_again_only_when_the_last_order_is_settled(
    house: AuctionHouse, ada: Trader, bob: Trader, cyd: Trader
) -> None:
    """An order of an older auction that survives in the place would settle at a price it never agreed to."""
    expect_ok(house.submit(ada, SELL, 100, 10))
    expect_ok(house.submit(bob, BUY, 100, 4))
    expect_ok(house.submit(cyd, BUY, 99, 4))
    first = close(house)
    expect_ok(house.submit(ada, SELL, 100, 1))  # the next auction runs beside
    close(house)
    refused(house.submit(ada, BUY, 50, 1), "AuctionNotSettled")
    expect_ok(house.clear(first))
    expect_ok(house.settle(first, 1))
    refused(house.submit(ada, BUY, 50, 1), "AuctionNotSettled")
    house.settle_all(first, 1)
    assert house.snapshot().head(first).tick == 100, "the result stays readable"
    expect_ok(house.submit(ada, BUY, 50, 1))
    head = house.snapshot().head(house.now)
    assert (head.interval, head.tick, head.orders_standing, head.settled_orders) == (first + 2, 0, 1, 0)


def test_an_auction_whose_orders_were_all_cancelled_holds_nothing_up(house: AuctionHouse, ada: Trader) -> None:
    """Nobody clears an empty auction, so the place must be free without it."""
    expect_ok(house.submit(ada, SELL, 100, 10))
    expect_ok(house.cancel(ada, SELL))
    interval = close(house)
    refused(house.clear(interval), "NoSuchAuction")
    close(house)
    expect_ok(house.submit(ada, SELL, 100, 10))


def test_the_market_tells_how_far_the_auction_is(house: AuctionHouse, ada: Trader, bob: Trader, cyd: Trader) -> None:
    """One read of the market's head must tell a console what there is to do."""

    def told() -> tuple[int, ...]:
        data = house.world.snapshot().data
        return tuple(
            int.from_bytes(data[at : at + size], "little")
            for at, size in ((752, 4), (756, 1), (760, 4), (764, 2), (768, 8))
        )

    expect_ok(house.submit(ada, SELL, 100, 10))
    expect_ok(house.submit(bob, BUY, 100, 4))
    expect_ok(house.submit(cyd, BUY, 100, 4))
    interval = close(house)
    assert told() == (0, 0, 0, 0, 0)
    expect_ok(house.clear(interval))
    assert told() == (interval, CLEARED, 0, 100, 8)
    expect_ok(house.settle(interval, 1))
    assert told() == (interval, CLEARED, 1, 100, 4)
    expect_ok(house.settle(interval))
    assert told() == (interval, SETTLED, 3, 100, 0)


def test_fills_count_in_the_interval_they_are_settled_in(house: AuctionHouse, ada: Trader, bob: Trader) -> None:
    """The ring's intervals must never fall, or a proof could not find the hash before an interval's first fill."""
    expect_ok(house.submit(ada, SELL, 100, 10))
    expect_ok(house.submit(bob, BUY, 100, 10))
    interval = close(house)
    expect_ok(ada.place(SELL, 105, 3))
    expect_ok(bob.place(BUY, 105, 3))
    expect_ok(house.clear(interval))
    expect_ok(house.settle(interval))
    market = house.world.snapshot()
    assert [market.fill(n).interval for n in (1, 2)] == [interval + 1] * 2
    assert market.totals(interval) is None
    totals = market.totals(interval + 1)
    assert totals is not None
    assert (totals["trades"], totals["lots"], totals["value_ucredit"]) == (2, 13, 3 * 1_050 + 10 * 1_000)
    assert totals["fills_hash"] == market.fills_hash


def test_trades_of_the_auction_and_of_the_book_are_proven_alike(
    house: AuctionHouse, ada: Trader, bob: Trader, cyd: Trader
) -> None:
    """From any trade to the market's running hash, also when an auction settled between two trades of the book."""

    def trade_on_the_book() -> None:
        expect_ok(ada.place(SELL, 105, 3))
        expect_ok(bob.place(BUY, 105, 3))

    trade_on_the_book()
    expect_ok(house.submit(ada, SELL, 100, 10))
    expect_ok(house.submit(bob, BUY, 100, 7))
    expect_ok(house.submit(cyd, BUY, 101, 6))
    interval = close(house)
    trade_on_the_book()
    expect_ok(house.clear(interval))
    expect_ok(house.settle(interval, 1))
    trade_on_the_book()
    house.settle_all(interval)
    close(house)
    trade_on_the_book()
    market = house.world.snapshot()
    assert market.trade_seq == 6
    programs, genesis = {"trading": str(program_id("trading"))}, str(keypair("genesis").pubkey())
    node: Any = SimpleNamespace(account=lambda _: SimpleNamespace(data=market.data))
    deployment: Any = SimpleNamespace(market="market", genesis_hash=genesis, programs=programs)
    anchor = proof.make_anchor(
        genesis_hash=genesis, programs=programs, slot=1, zones={}, market=(market.trade_seq, market.fills_hash)
    )
    for number in range(1, 7):
        proven = proof.verify(trades.trade_proof(node, deployment, number), anchor)
        assert isinstance(proven, proof.ProvenTrade)
        assert proven.anchored
        is_of_auction = number in (3, 5)
        assert auction_of(proven.fill.taker_order) == (interval if is_of_auction else None)
        # Seat by seat: bob's buy is settled before cyd's.
        buyer = cyd if number == 5 else bob
        assert (proven.fill.buyer_seat, proven.fill.seller_seat) == (buyer.number, ada.number)


def test_a_full_house_settles_in_steps_within_the_log(chain: Chain) -> None:
    """1,024 seats on both sides of one price: each call must fit its units and its log, and nothing may be left over."""
    world = World(chain)
    house = AuctionHouse(world)
    owner = world.trader("owner", lots=10**6, ucredit=10**12)
    orders = fill_house(house, owner, 1_024)
    interval = close(house)
    expect_ok(house.clear(interval))
    calls = house.settle_all(interval)
    for call in calls:
        assert call.units < 200_000
        assert not any("truncated" in line for line in call.logs)
        assert sum(len(line) for line in call.logs) < 10_000
    wanted = reference(orders)
    state = house.snapshot()
    assert {(o.seat, o.side): state.order(interval, o.seat, o.side).filled_lots for o in orders} == wanted.filled
    assert house.world.snapshot().traded_lots == wanted.lots


def fill_house(house: AuctionHouse, owner: Trader, seats: int) -> list[Bid]:
    """Write an order for each of many seats of one wallet, every second a buy, as submit_auction would leave them."""
    chain, world = house.chain, house.world
    chain.patch(world.market, 398, seats.to_bytes(2, "little"))
    orders = [Bid(n, n % 2, 100, 3 + n % 7) for n in range(seats)]
    for order in orders:
        at = AT_SEATS + 128 * order.seat
        bound = (0, 0, order.lots * 1_000) if order.side == BUY else (order.lots, 0, 0)
        grid, _, credit = bound
        chain.patch(world.market, at, bytes(owner.wallet.pubkey()))
        chain.patch(world.market, at + 32, (grid).to_bytes(8, "little"))
        chain.patch(world.market, at + 48, (credit).to_bytes(8, "little"))
    for start in range(0, seats, 12):
        built = [
            chain.instruction(
                "trading",
                "submit_auction",
                house.submit_accounts(owner),
                interval=house.now,
                seat=order.seat,
                side=order.side,
                tick=order.tick,
                lots=order.lots,
                client_id=0,
            )
            for order in orders[start : start + 12]
        ]
        expect_ok(chain.send(*built, signers=[owner.wallet]))
    return orders


# --------------------------------------------------------------------------------------------------------------- stops


def test_the_auction_price_wakes_stops(house: AuctionHouse, ada: Trader, bob: Trader, cyd: Trader) -> None:
    """A stop that sleeps through the auction would protect nobody from the price everybody got."""
    expect_ok(cyd.stop(SELL, 95, 80, 5))
    expect_ok(house.submit(ada, SELL, 90, 10))
    expect_ok(house.submit(bob, BUY, 90, 10))
    interval = close(house)
    assert house.world.snapshot().stop_lists()[1] != []
    expect_ok(house.clear(interval))
    expect_ok(house.world.trigger_stops())
    assert house.world.snapshot().stop_lists() == ([], [], [])


# ------------------------------------------------------------------------------------------------------------- listing


def list_sell(
    house: AuctionHouse, trader: Trader, lots: int, tick: int, *, interval: int | None = None, cover: bool = True
) -> Outcome:
    """Run list_sell as energy_token does, with a key that the market takes for its authority."""
    chain, world = house.chain, house.world
    signer = chain.wallet("energy_token itself")
    chain.patch(world.market, 144, bytes(signer.pubkey()))
    if cover:
        amount = chain.token_amount(world.grid_vault) + 1_000 * lots
        chain.patch(world.grid_vault, 64, amount.to_bytes(8, "little"))
    accounts = {
        "energy_token_authority": signer,
        "council": world.council,
        "market": world.market,
        "auctions": house.address,
        "grid_vault": world.grid_vault,
    }
    return chain.call(
        "trading",
        "list_sell",
        accounts,
        interval=house.now if interval is None else interval,
        seat=trader.number,
        wallet=trader.wallet.pubkey(),
        tick=tick,
        lots=lots,
    )


def test_a_listing_is_a_sell_of_its_owner(house: AuctionHouse, ada: Trader, bob: Trader) -> None:
    """The GRID that came with it is bound at once, and what does not sell is the owner's."""
    placed = expect_ok(list_sell(house, ada, 40, 100)).event("AuctionOrderPlaced")
    assert placed["listed"]
    assert funds(ada) == (GRID, 40, CREDIT, 0)
    expect_ok(house.submit(bob, BUY, 100, 15))
    interval = close(house)
    expect_ok(house.clear(interval))
    expect_ok(house.settle(interval))
    assert funds(ada) == (GRID + 25, 0, CREDIT + 15_000, 0)
    market = house.world.snapshot()
    assert house.chain.token_amount(house.world.grid_vault) == 1_000 * market.grid_lots


def test_a_reserve_below_the_lowest_price_counts_as_that(house: AuctionHouse, ada: Trader) -> None:
    """Who takes any price wrote 0."""
    expect_ok(list_sell(house, ada, 40, 0))
    assert house.snapshot().order(house.now, ada.number, SELL).tick == MIN_TICK
    house.chain.advance(900)
    refused(list_sell(house, ada, 40, MAX_TICK + 1), "BadTick")


def test_nothing_is_listed_beside_an_own_sell_or_after_its_cancel(house: AuctionHouse, ada: Trader) -> None:
    """The owner's own decision in an auction stands above the rule."""
    expect_ok(house.submit(ada, BUY, 90, 1))
    expect_ok(list_sell(house, ada, 1, 100))
    refused(list_sell(house, ada, 1, 100), "AlreadyListed")
    expect_ok(house.cancel(ada, SELL))
    refused(list_sell(house, ada, 1, 100), "AlreadyListed")
    expect_ok(house.submit(ada, SELL, 120, 1))
    house.chain.advance(900)
    expect_ok(house.submit(ada, SELL, 120, 1))
    refused(list_sell(house, ada, 1, 100), "AlreadyListed")
    expect_ok(house.cancel(ada, SELL))
    refused(list_sell(house, ada, 1, 100), "AlreadyListed")
    expect_ok(house.clear(house.now - 1))
    expect_ok(house.settle(house.now - 1))
    house.chain.advance(900)
    expect_ok(list_sell(house, ada, 1, 100))
    at = AT_SEATS + 128 * ada.number + AT_SEAT_INTERVAL
    assert int.from_bytes(house.world.snapshot().data[at : at + 4], "little") == house.now


def test_listing_wants_cover_owner_and_running_auction(house: AuctionHouse, ada: Trader, bob: Trader) -> None:
    """energy_token's word is believed no further than the vault, the seat and the clock go."""
    refused(list_sell(house, ada, 40, 100, cover=False), "VaultShort")
    refused(list_sell(house, ada, 40, 100, interval=house.now + 1), "AuctionClosed")
    refused(list_sell(house, Trader(house.world, bob.wallet, ada.number), 40, 100), "WrongSeat")
    refused(list_sell(house, ada, 0, 100), "BadLots")
    house.world.pause(AUCTION_PAUSE)
    refused(list_sell(house, ada, 40, 100), "Paused")
    house.world.pause(0)
    house.chain.patch(house.world.market, AT_SEATS + 128 * ada.number + 66, b"\x01\0")
    refused(list_sell(house, ada, 40, 100), "SeatSuspended")
    house.chain.patch(house.world.market, AT_SEATS + 128 * ada.number + 66, b"\0\0")
    expect_ok(house.submit(ada, BUY, 100, 1))
    refused(list_sell(house, ada, 40, 100), "SelfTrade")
    expect_ok(list_sell(house, ada, 40, 101))


def test_only_energy_token_lists(house: AuctionHouse, ada: Trader) -> None:
    """Anybody else would sell other people's kilowatt-hours."""
    expect_ok(list_sell(house, ada, 1, 100))
    house.chain.advance(900)
    accounts = {
        "energy_token_authority": ada.wallet,
        "council": house.world.council,
        "market": house.world.market,
        "auctions": house.address,
        "grid_vault": house.world.grid_vault,
    }
    args = {"seat": ada.number, "wallet": ada.wallet.pubkey(), "tick": 100, "lots": 1}
    refused(house.chain.call("trading", "list_sell", accounts, interval=house.now, **args), "NotEnergyToken")
