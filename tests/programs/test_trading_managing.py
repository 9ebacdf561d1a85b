"""Market orders, decrement and cancel, room in a full book; and what becomes of an order: reduced, amended, cancelled, expired."""

from __future__ import annotations

import struct

import pytest
from program_harness import Chain, expect_error, expect_ok
from trading_world import (
    AT_SEATS,
    BOTH,
    BUY,
    CANCEL_MAKER,
    CANCELLED,
    COMPLETE,
    DECREMENT,
    EVICTED,
    EXPIRED,
    FOK,
    IOC,
    MARKET,
    MIN_TICK,
    OUT_SELF_TRADE,
    PARAM_MIN_ORDER_LOTS,
    POST_ONLY,
    PROTECTED,
    RESTING,
    SELF_TRADE,
    SELL,
    Trader,
    World,
)

CREDIT = 10**9
GRID = 100_000


@pytest.fixture
def world(chain: Chain) -> World:
    """A market without a fee."""
    return World(chain)


@pytest.fixture
def ada(world: World) -> Trader:
    """A trader with GRID and CREDIT."""
    return world.trader("ada", lots=GRID, ucredit=CREDIT)


@pytest.fixture
def bob(world: World, ada: Trader) -> Trader:
    """Another trader with GRID and CREDIT, seated after ada."""
    return world.trader("bob", lots=GRID, ucredit=CREDIT)


# ------------------------------------------------------------------------------------------------------ market orders


def test_market_order_trades_up_to_its_protection_and_never_rests(world: World, ada: Trader, bob: Trader) -> None:
    """In a thin book an order without a bound would buy the last kilowatt-hour at any price."""
    ada.rest(SELL, 100, 10)
    ada.rest(SELL, 110, 10)
    far = ada.rest(SELL, 120, 10)
    placed = expect_ok(bob.place(BUY, 115, 30, kind=MARKET)).event("OrderPlaced")
    assert (placed["filled_lots"], placed["resting_lots"], placed["outcome"]) == (20, 0, PROTECTED)
    assert placed["value_ucredit"] == 10 * 100 * 10 + 10 * 110 * 10
    market = world.snapshot()
    assert (market.side(SELL), market.side(BUY)) == ([(120, [(far, 10)])], [])
    assert (bob.seat.credit_free, bob.seat.credit_locked) == (CREDIT - 21_000, 0)


def test_market_order_in_an_empty_book_gives_everything_back(world: World, ada: Trader) -> None:
    """It says so instead of failing: there was nobody, and nothing is lost."""
    placed = expect_ok(ada.place(SELL, MIN_TICK, 5, kind=MARKET)).event("OrderPlaced")
    assert (placed["filled_lots"], placed["resting_lots"], placed["outcome"]) == (0, 0, PROTECTED)
    assert (ada.seat.grid_free, ada.seat.open_orders) == (GRID, 0)


def test_market_buy_is_covered_by_what_it_costs_not_by_its_protection(chain: Chain) -> None:
    """A trader with 10 credit may well protect at 50 when the makers ask 1."""
    world = World(chain, fee_bps=100)
    ada = world.trader("ada", lots=100)
    poor = world.trader("poor", ucredit=10_100)
    ada.rest(SELL, 100, 20)
    expect_ok(poor.place(BUY, 500, 10, kind=MARKET))
    assert (poor.seat.credit_free, poor.seat.grid_free) == (0, 10)


def test_market_buy_that_cannot_pay_its_fills_is_refused_whole(chain: Chain) -> None:
    """A fill the buyer cannot pay would be paid by somebody else."""
    world = World(chain, fee_bps=100)
    ada = world.trader("ada", lots=100)
    poor = world.trader("poor", ucredit=10_099)
    ada.rest(SELL, 100, 20)
    before = world.snapshot().data
    expect_error(poor.place(BUY, 500, 10, kind=MARKET), "trading", "InsufficientCredit")
    assert world.snapshot().data == before


# --------------------------------------------------------------------------------------------- decrement and cancel


def test_decrement_takes_the_smaller_size_off_both_without_a_trade(world: World, ada: Trader, bob: Trader) -> None:
    """An own order larger than the new one stays with the difference, in its place."""
    own = ada.rest(SELL, 100, 30)
    behind = bob.rest(SELL, 100, 5)
    outcome = expect_ok(ada.place(BUY, 100, 10, self_trade=DECREMENT))
    placed, changed = outcome.event("OrderPlaced"), outcome.event("OrderChanged")
    assert (placed["filled_lots"], placed["resting_lots"], placed["outcome"]) == (0, 0, SELF_TRADE)
    assert (changed["order_id"], changed["lots"]) == (own, 20)
    market = world.snapshot()
    assert market.side(SELL) == [(100, [(own, 20), (behind, 5)])]
    assert (market.ask_lots, market.trade_seq) == (25, 0)
    assert (ada.seat.grid_free, ada.seat.grid_locked, ada.seat.credit_free) == (GRID - 20, 20, CREDIT)


def test_decrement_of_a_smaller_own_order_takes_it_out_and_goes_on(world: World, ada: Trader, bob: Trader) -> None:
    """What is left of the new order is smaller by what the own one had."""
    own = ada.rest(BUY, 110, 4)
    other = bob.rest(BUY, 105, 3)
    outcome = expect_ok(ada.place(SELL, 100, 10, self_trade=DECREMENT))
    placed, out = outcome.event("OrderPlaced"), outcome.event("OrderOut")
    assert (out["order_id"], out["lots"], out["reason"]) == (own, 4, OUT_SELF_TRADE)
    assert (placed["filled_lots"], placed["resting_lots"], placed["outcome"]) == (3, 3, RESTING)
    assert outcome.event("Filled")["fills"][0]["maker_order"] == other
    assert (ada.seat.grid_free, ada.seat.grid_locked) == (GRID - 6, 3)
    assert (ada.seat.credit_free, ada.seat.credit_locked) == (CREDIT + 3 * 105 * 10, 0)
    assert world.snapshot().totals(world.interval)["lots"] == 3  # type: ignore[index]


def test_fok_that_is_decremented_is_not_filled(world: World, ada: Trader, bob: Trader) -> None:
    """Lots taken off by the trader's own order are no fill."""
    ada.rest(SELL, 100, 4)
    bob.rest(SELL, 101, 100)
    before = world.snapshot().data
    expect_error(ada.place(BUY, 110, 10, kind=FOK, self_trade=DECREMENT), "trading", "FillOrKill")
    assert world.snapshot().data == before


# ----------------------------------------------------------------------------------------------------- making room


def test_better_order_takes_the_place_of_the_worst_one_in_a_full_book(world: World, ada: Trader, bob: Trader) -> None:
    """Whoever fills the book with far prices must not be able to close the market."""
    ada.rest(BUY, 50, 5)
    ada.rest(BUY, 40, 5)
    worst = ada.rest(BUY, 40, 7)
    ask = ada.rest(SELL, 200, 1)
    fill_up(world)
    before = world.snapshot().data
    expect_error(bob.place(BUY, 40, 1), "trading", "BookFull")
    expect_error(bob.place(SELL, 200, 1, kind=POST_ONLY), "trading", "BookFull")
    assert world.snapshot().data == before
    outcome = expect_ok(bob.place(BUY, 41, 1))
    out, placed = outcome.event("OrderOut"), outcome.event("OrderPlaced")
    assert (out["order_id"], out["lots"], out["reason"], out["seat"]) == (worst, 7, EVICTED, ada.number)
    assert placed["outcome"] == RESTING
    assert placed["order_id"] & 0xFFF == worst & 0xFFF
    market = world.snapshot()
    assert [tick for tick, _ in market.side(BUY)] == [50, 41, 40]
    assert (ada.seat.credit_locked, ada.seat.credit_free) == (4_500, CREDIT - 4_500)
    assert expect_ok(bob.place(SELL, 199, 1)).event("OrderOut")["order_id"] == ask


def test_order_that_only_trades_evicts_nobody(world: World, ada: Trader, bob: Trader) -> None:
    """Room is made when it is needed, and not before."""
    ada.rest(BUY, 40, 5)
    ask = ada.rest(SELL, 100, 10)
    fill_up(world)
    outcome = expect_ok(bob.place(BUY, 100, 3))
    assert outcome.event("OrderPlaced")["outcome"] == COMPLETE
    assert outcome.events("OrderOut") == []
    for kind in (IOC, MARKET):
        assert expect_ok(bob.place(BUY, 100, 1, kind=kind)).events("OrderOut") == []
    outcome = expect_ok(bob.place(BUY, 100, 9))  # five are left: four rest, in the place of the ask
    assert outcome.events("OrderOut") == []
    assert outcome.event("OrderPlaced")["order_id"] & 0xFFF == ask & 0xFFF
    market = world.snapshot()
    assert [(tick, sum(lots for _, lots in queue)) for tick, queue in market.side(BUY)] == [(100, 4), (40, 5)]
    assert market.side(SELL) == []
    assert market.order(ask) is None


@pytest.mark.parametrize("taken", [1, 2, 5])
def test_order_rests_where_its_own_fills_have_made_room(world: World, ada: Trader, bob: Trader, taken: int) -> None:
    """It would else be refused for want of the room it has just made, or throw out somebody who is in nobody's way."""
    asks = [ada.rest(SELL, 100 + i, 10) for i in range(5)]
    bid = ada.rest(BUY, 40, 1)
    fill_up(world)
    placed = expect_ok(bob.place(BUY, 99 + taken, 10 * taken + 3)).event("OrderPlaced")
    assert (placed["outcome"], placed["filled_lots"], placed["resting_lots"]) == (RESTING, 10 * taken, 3)
    assert placed["order_id"] & 0xFFF == asks[0] & 0xFFF
    assert world.snapshot().order(bid) is not None
    # The other slots are free, each once.
    later = [bob.rest(BUY, 50, 1) for _ in range(taken - 1)]
    assert {order_id & 0xFFF for order_id in later} == {order_id & 0xFFF for order_id in asks[1:taken]}
    expect_error(bob.place(BUY, 40, 1), "trading", "BookFull")
    expect_ok(bob.cancel(placed["order_id"]))
    world.snapshot()


def test_expired_and_own_orders_make_room_as_well(world: World, ada: Trader, bob: Trader) -> None:
    """Whatever the order takes out of its way leaves a place."""
    expired = ada.rest(SELL, 100, 10, expires=world.interval)
    fill_up(world)
    world.chain.advance(900)
    placed = expect_ok(bob.place(BUY, 100, 3, kind=POST_ONLY)).event("OrderPlaced")
    assert (placed["outcome"], placed["order_id"] & 0xFFF) == (RESTING, expired & 0xFFF)
    placed = expect_ok(bob.place(SELL, 100, 4, self_trade=DECREMENT)).event("OrderPlaced")
    assert (placed["outcome"], placed["resting_lots"], placed["order_id"] & 0xFFF) == (RESTING, 1, expired & 0xFFF)
    expect_error(bob.place(BUY, 40, 1), "trading", "BookFull")


def fill_up(world: World) -> None:
    """Leave no free slot, as 4,096 orders do."""
    assert world.snapshot().free_order == 0
    world.chain.patch(world.market, 402, struct.pack("<H", 4096))


# ------------------------------------------------------------------------------------------------------------ reduce


@pytest.mark.parametrize("mask", [0, 4, 31])
def test_reduced_order_keeps_its_place_and_frees_what_was_taken_off(
    world: World, ada: Trader, bob: Trader, mask: int
) -> None:
    """Giving up a part must not cost the place in the queue; and no pause may hold the funds."""
    first = ada.rest(BUY, 100, 10)
    second = bob.rest(BUY, 100, 10)
    world.pause(mask)
    changed = expect_ok(ada.reduce(first, 4)).event("OrderChanged")
    assert (changed["order_id"], changed["lots"], changed["seat"]) == (first, 6, ada.number)
    market = world.snapshot()
    assert market.side(BUY) == [(100, [(first, 6), (second, 10)])]
    assert (market.bid_lots, market.level(BUY, 100 - MIN_TICK)[3]) == (16, 16)
    assert (ada.seat.credit_free, ada.seat.credit_locked) == (CREDIT - 6_000, 6_000)


@pytest.mark.parametrize("lots", [10, 11, 2**32 - 1])
def test_reducing_by_all_or_more_takes_the_order_out(world: World, ada: Trader, lots: int) -> None:
    """Whoever asks for less than nothing wants it gone; a fill in between must not make it an error."""
    order_id = ada.rest(SELL, 100, 10)
    out = expect_ok(ada.reduce(order_id, lots)).event("OrderOut")
    assert (out["lots"], out["reason"]) == (10, CANCELLED)
    assert (ada.seat.grid_free, ada.seat.grid_locked, ada.seat.open_orders) == (GRID, 0, 0)


def test_reducing_is_refused_for_others_for_nothing_and_for_what_is_gone(
    world: World, ada: Trader, bob: Trader
) -> None:
    """Each refusal by its name, and none changes anything."""
    order_id = ada.rest(SELL, 100, 10)
    before = world.snapshot().data
    expect_error(bob.reduce(order_id, 1), "trading", "WrongSeat")
    expect_error(ada.reduce(order_id, 0), "trading", "BadLots")
    expect_error(ada.reduce(order_id + 4096, 1), "trading", "UnknownOrder")
    expect_error(ada.reduce(0, 1), "trading", "UnknownOrder")
    assert world.snapshot().data == before


# ------------------------------------------------------------------------------------------------------------- amend


def test_amended_to_fewer_lots_at_its_price_keeps_its_place(world: World, ada: Trader, bob: Trader) -> None:
    """Only what is worse for the others may cost the place."""
    first = ada.rest(SELL, 100, 10)
    bob.rest(SELL, 100, 10)
    expect_ok(bob.place(BUY, 100, 3, self_trade=CANCEL_MAKER))
    outcome = expect_ok(ada.amend(first, 100, 8, expires=world.interval + 4))  # three of the eight are filled
    changed = outcome.event("OrderChanged")
    assert (changed["order_id"], changed["lots"], changed["expires_interval"]) == (first, 5, world.interval + 4)
    assert outcome.events("OrderPlaced") == []
    assert world.snapshot().side(SELL)[0][1][0] == (first, 5)
    assert (ada.seat.grid_free, ada.seat.grid_locked) == (GRID - 8, 5)


@pytest.mark.parametrize(("tick", "lots"), [(101, 10), (99, 10), (100, 11)])
def test_amended_to_another_price_or_more_lots_goes_to_the_end_under_its_id(
    world: World, ada: Trader, bob: Trader, tick: int, lots: int
) -> None:
    """An order that could grow in place would overtake everybody who came after it."""
    first = ada.rest(BUY, 100, 10)
    others = {100: bob.rest(BUY, 100, 1), 101: bob.rest(BUY, 101, 1), 99: bob.rest(BUY, 99, 1)}
    outcome = expect_ok(ada.amend(first, tick, lots))
    woken, placed = outcome.event("OrderWoken"), outcome.event("OrderPlaced")
    assert (woken["order_id"], woken["reason"]) == (first, 2)
    assert (placed["order_id"], placed["outcome"], placed["resting_lots"]) == (first, RESTING, lots)
    assert dict(world.snapshot().side(BUY))[tick] == [(others[tick], 1), (first, lots)]
    assert ada.seat.credit_locked == tick * lots * 10
    expect_ok(ada.cancel(first))
    assert (ada.seat.credit_free, ada.seat.credit_locked) == (CREDIT, 0)


def test_amended_across_the_spread_trades_as_a_taker(chain: Chain) -> None:
    """It pays the fee like any order that takes."""
    world = World(chain, fee_bps=50)
    ada = world.trader("ada", lots=100, ucredit=10**6)
    bob = world.trader("bob", lots=100, ucredit=10**6)
    ask = bob.rest(SELL, 100, 4)
    bid = ada.rest(BUY, 90, 10)
    outcome = expect_ok(ada.amend(bid, 105, 10))
    placed = outcome.event("OrderPlaced")
    assert (placed["filled_lots"], placed["resting_lots"], placed["fee_ucredit"]) == (4, 6, 20)
    fill = outcome.event("Filled")
    assert (fill["taker_order"], fill["fills"][0]["maker_order"]) == (bid, ask)
    order = world.snapshot().order(bid)
    assert order is not None
    assert (order.lots, order.placed_lots, order.tick) == (6, 10, 105)
    # The filled four count: amended to nine there are five left.
    assert expect_ok(ada.amend(bid, 105, 9)).event("OrderChanged")["lots"] == 5


def test_expired_order_cannot_be_amended_back_into_its_place(world: World, ada: Trader, bob: Trader) -> None:
    """Who lets an order expire and revives it keeps the first place without the risk to trade meanwhile."""
    first = ada.rest(BUY, 100, 10, expires=world.interval)
    second = bob.rest(BUY, 100, 10)
    world.chain.advance(900)
    before = world.snapshot().data
    for tick, lots in ((100, 10), (100, 5), (101, 10)):
        expect_error(ada.amend(first, tick, lots), "trading", "Expired")
    assert world.snapshot().data == before
    assert expect_ok(bob.reduce(second, 1)).event("OrderChanged")["lots"] == 9


def test_refused_amendment_changes_nothing(world: World, ada: Trader, bob: Trader) -> None:
    """An order must not be lost because its new terms were impossible."""
    bob.rest(SELL, 120, 5)
    own_ask = ada.rest(SELL, 130, 5)
    bid = ada.rest(BUY, 100, 10)
    post = ada.rest(BUY, 99, 10, kind=POST_ONLY)
    before = world.snapshot().data
    expect_error(bob.amend(bid, 100, 5), "trading", "WrongSeat")
    expect_error(ada.amend(bid + 4096, 100, 5), "trading", "UnknownOrder")
    expect_error(ada.amend(bid, 5, 5), "trading", "BadTick")
    expect_error(ada.amend(bid, 100, 0), "trading", "BadLots")
    expect_error(ada.amend(bid, 100, 5, self_trade=4), "trading", "BadOrder")
    expect_error(ada.amend(bid, 100, 5, max_fills=129), "trading", "BadOrder")
    expect_error(ada.amend(bid, 100, 5, expires=world.interval - 1), "trading", "Expired")
    expect_error(ada.amend(bid, 101, 5, expires=world.interval - 1), "trading", "Expired")
    expect_error(ada.amend(bid, 110, 2**32 - 1), "trading", "InsufficientCredit")
    expect_error(ada.amend(own_ask, 140, GRID + 1), "trading", "InsufficientGrid")
    expect_error(ada.amend(post, 120, 10), "trading", "WouldCross")
    expect_error(ada.amend(bid, 130, 10), "trading", "SelfTrade")
    world.set_param(PARAM_MIN_ORDER_LOTS, 6)
    expect_error(ada.amend(bid, 100, 5), "trading", "BadLots")
    world.pause(4)
    expect_error(ada.amend(bid, 100, 9), "trading", "Paused")
    assert world.snapshot().data == before
    world.pause(0)
    world.chain.patch(world.market, AT_SEATS + 66, b"\x01")
    expect_error(ada.amend(bid, 100, 9), "trading", "SeatSuspended")


def test_amendment_below_what_is_filled_is_refused(world: World, ada: Trader, bob: Trader) -> None:
    """Four of them are sold; three in all cannot be."""
    ask = ada.rest(SELL, 100, 10)
    expect_ok(bob.place(BUY, 100, 4))
    for lots in (3, 4):
        expect_error(ada.amend(ask, 100, lots), "trading", "BadLots")
    assert expect_ok(ada.amend(ask, 100, 5)).event("OrderChanged")["lots"] == 1


# -------------------------------------------------------------------------------------------------------- cancel all


@pytest.mark.parametrize("mask", [0, 31, 255])
def test_cancel_all_frees_everything_of_the_seat_and_of_nobody_else(
    world: World, ada: Trader, bob: Trader, mask: int
) -> None:
    """The one button for a bad day: it must work under every pause."""
    for i in range(5):
        ada.rest(SELL, 200 + i, 2)
        ada.rest(BUY, 100 - i, 2)
    ada.waits(ada.stop(BUY, 300, 310, 2))
    ada.waits(ada.schedule(SELL, 250, 2, world.interval + 1))
    kept = bob.rest(BUY, 100, 2)
    world.pause(mask)
    outcome = expect_ok(ada.cancel_all())
    assert [event.fields["reason"] for event in outcome.events("OrderOut")] == [CANCELLED] * 12
    assert (ada.seat.open_orders, ada.seat.first_order, ada.seat.open_stops) == (0, 0, 0)
    assert (ada.seat.grid_free, ada.seat.credit_free) == (GRID, CREDIT)
    market = world.snapshot()
    assert (market.side(BUY), market.side(SELL)) == ([(100, [(kept, 2)])], [])
    assert market.stop_lists() == ([], [], [])


def test_cancel_all_of_one_side_leaves_the_other(world: World, ada: Trader) -> None:
    """A maker pulls its asks and keeps its bids."""
    bids = [ada.rest(BUY, 90 + i, 1) for i in range(3)]
    asks = [ada.rest(SELL, 110 + i, 1) for i in range(3)]
    assert [e.fields["order_id"] for e in expect_ok(ada.cancel_all(SELL)).events("OrderOut")] == asks[::-1]
    assert sorted(order.order_id for order in world.snapshot().orders()) == bids
    assert len(expect_ok(ada.cancel_all(BUY)).events("OrderOut")) == 3
    assert expect_ok(ada.cancel_all()).events() == []


def test_cancel_all_is_bounded_and_goes_on_with_the_next_call(world: World, ada: Trader) -> None:
    """A seat with more orders than one transaction can take out must still get out of them; and its log must not be cut."""
    for i in range(140):
        ada.rest(SELL, 100 + i, 1)
    outcome = expect_ok(ada.cancel_all(limit=1_000_000))
    assert len(outcome.events("OrderOut")) == 128
    assert outcome.units < 150_000, "the default limit of an instruction is 200,000"
    assert not any("truncated" in line for line in outcome.logs)
    assert ada.seat.open_orders == 12
    assert len(expect_ok(ada.cancel_all(most=5)).events("OrderOut")) == 5
    assert len(expect_ok(ada.cancel_all()).events("OrderOut")) == 7
    assert (ada.seat.open_orders, ada.seat.grid_free) == (0, GRID)


def test_cancel_all_refuses_another_wallet_and_what_is_no_side(world: World, ada: Trader, bob: Trader) -> None:
    """Nobody else may empty a seat."""
    ada.rest(SELL, 100, 1)
    bob.number = ada.number
    expect_error(bob.cancel_all(), "trading", "WrongSeat")
    expect_error(ada.cancel_all(BOTH + 1), "trading", "BadOrder")
    expect_error(ada.cancel_all(most=129), "trading", "BadOrder")
    assert ada.seat.open_orders == 1


# ------------------------------------------------------------------------------------------------------------- prune


def test_anybody_prunes_expired_orders_and_only_those(world: World, ada: Trader, bob: Trader) -> None:
    """Funds in an order that can never trade again belong back in the seat, whoever has the time to see to it."""
    now = world.interval
    gone = [
        ada.rest(SELL, 100, 3, expires=now),
        ada.waits(ada.stop(BUY, 300, 310, 2, expires=now)),
        ada.waits(ada.schedule(BUY, 50, 2, now + 1, expires=now + 1)),
    ]
    kept = [ada.rest(SELL, 101, 3, expires=now + 2), ada.rest(SELL, 102, 3), bob.rest(BUY, 90, 1)]
    world.pause(31)
    assert expect_ok(world.prune()).events() == []
    world.chain.advance(1_800)
    outcome = expect_ok(world.prune())
    assert [(e.fields["order_id"], e.fields["reason"]) for e in outcome.events("OrderOut")] == [
        (order_id, EXPIRED) for order_id in gone
    ]
    assert [order.order_id for order in world.snapshot().orders()] == kept
    assert (ada.seat.credit_free, ada.seat.grid_free) == (CREDIT, GRID - 6)


def test_prune_looks_at_the_slots_it_is_told_and_takes_out_a_bounded_number(world: World, ada: Trader) -> None:
    """A sweep of the whole book must fit a transaction and its log."""
    for _ in range(131):
        ada.rest(SELL, 100, 1, expires=world.interval)
    world.chain.advance(900)
    assert [e.fields["order_id"] & 0xFFF for e in expect_ok(world.prune(5, 2)).events("OrderOut")] == [5, 6]
    outcome = expect_ok(world.prune(limit=1_000_000))
    assert len(outcome.events("OrderOut")) == 128
    assert outcome.units < 150_000, "the default limit of an instruction is 200,000"
    assert not any("truncated" in line for line in outcome.logs)
    assert len(expect_ok(world.prune()).events("OrderOut")) == 1
    for first_slot, slots in ((0, 0), (0, 4097), (4096, 1), (65_535, 65_535)):
        expect_error(world.prune(first_slot, slots), "trading", "BadOrder")
