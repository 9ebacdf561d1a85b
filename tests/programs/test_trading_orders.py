"""Orders on the market: resting, matching, settling, cancelling, expiring, and every way of being refused."""

from __future__ import annotations

import hashlib
import struct

import pytest
from program_harness import Chain, expect_error, expect_ok, expect_shared, keypair
from trading_world import (
    AT_FILLS,
    AT_ORDERS,
    AT_SEATS,
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
    PARAM_MAX_OPEN_ORDERS,
    PARAM_MIN_ORDER_LOTS,
    PARAM_TAKER_FEE_BPS,
    POST_ONLY,
    RESTING,
    SELF_TRADE,
    SELL,
    TICKS,
    Trader,
    World,
)

MAX_TICK = MIN_TICK + TICKS - 1
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


# ------------------------------------------------------------------------------------------------------------ resting


def test_ask_rests_and_binds_its_grid(world: World, ada: Trader) -> None:
    """GRID offered twice would be sold twice."""
    order_id = ada.rest(SELL, 100, 30, client_id=77)
    market = world.snapshot()
    assert market.side(SELL) == [(100, [(order_id, 30)])]
    assert (market.best_ask_tick, market.best_bid_tick) == (100, 0)
    assert (market.ask_lots, market.open_orders) == (30, 1)
    assert (ada.seat.grid_free, ada.seat.grid_locked) == (GRID - 30, 30)
    order = market.orders()[0]
    assert (order.client_id, order.placed_lots, order.seat, order.side) == (77, 30, ada.number, SELL)


def test_bid_rests_and_binds_its_value_at_its_own_price(world: World, ada: Trader) -> None:
    """A bid that binds less than it may cost could not pay its seller."""
    ada.rest(BUY, 123, 7)
    assert (ada.seat.credit_free, ada.seat.credit_locked) == (CREDIT - 7 * 123 * 10, 7 * 123 * 10)
    assert world.snapshot().best_bid_tick == 123


def test_first_order_id_names_slot_and_sequence(world: World, ada: Trader) -> None:
    """Cancel finds an order by the slot in its id; an id used twice would cancel a stranger's order."""
    first, second = ada.rest(SELL, 100, 1), ada.rest(SELL, 100, 1)
    assert (first, second) == (1 << 12 | 0, 2 << 12 | 1)
    expect_ok(ada.cancel(first))
    third = ada.rest(SELL, 100, 1)
    assert third == 3 << 12 | 0
    expect_error(ada.cancel(first), "trading", "UnknownOrder")
    assert [o.order_id for o in world.snapshot().queue(SELL, 100)] == [second, third]


def test_both_ends_of_the_price_range_are_prices_and_the_next_ticks_are_not(world: World, ada: Trader) -> None:
    """A level outside the array would be written into another table of the account."""
    for tick in (MIN_TICK, MAX_TICK):
        order = ada.rest(BUY if tick == MIN_TICK else SELL, tick, 1)
        expect_ok(ada.cancel(order))
    for tick in (0, MIN_TICK - 1, MAX_TICK + 1, 65_535):
        expect_error(ada.place(SELL, tick, 1), "trading", "BadTick")


def test_best_price_is_found_again_across_the_whole_range(world: World, ada: Trader) -> None:
    """After the best level empties, the next one may lie words of the bitmap away."""
    ticks = [MIN_TICK, MIN_TICK + 63, MIN_TICK + 64, MIN_TICK + 300, MAX_TICK]
    asks = {tick: ada.rest(SELL, tick, 1) for tick in ticks}
    for tick, order_id in asks.items():
        assert world.snapshot().best_ask_tick == tick
        expect_ok(ada.cancel(order_id))
    assert world.snapshot().best_ask_tick == 0
    bids = {tick: ada.rest(BUY, tick, 1) for tick in ticks}
    for tick in reversed(ticks):
        assert world.snapshot().best_bid_tick == tick
        expect_ok(ada.cancel(bids[tick]))
    assert world.snapshot().best_bid_tick == 0


def test_cancelling_in_the_middle_keeps_the_queue(world: World, ada: Trader, bob: Trader) -> None:
    """A broken link would lose the orders behind it with their funds."""
    ids = [trader.rest(SELL, 100, lots) for trader, lots in ((ada, 1), (bob, 2), (ada, 3), (bob, 4))]
    expect_ok(bob.cancel(ids[1]))
    assert world.snapshot().side(SELL) == [(100, [(ids[0], 1), (ids[2], 3), (ids[3], 4)])]
    expect_ok(ada.cancel(ids[0]))
    expect_ok(bob.cancel(ids[3]))
    assert world.snapshot().side(SELL) == [(100, [(ids[2], 3)])]
    assert ada.seat.first_order == (ids[2] & 0xFFF) + 1
    assert bob.seat.open_orders == 0


# ----------------------------------------------------------------------------------------------------------- matching


def test_buyer_pays_the_makers_price_and_keeps_the_difference(world: World, ada: Trader, bob: Trader) -> None:
    """A buyer charged the own limit instead of the maker's price would be robbed of the improvement."""
    maker = ada.rest(SELL, 100, 50)
    placed = expect_ok(bob.place(BUY, 130, 20)).event("OrderPlaced")
    assert (placed["filled_lots"], placed["resting_lots"], placed["outcome"]) == (20, 0, COMPLETE)
    assert placed["value_ucredit"] == 20 * 100 * 10
    assert (bob.seat.grid_free, bob.seat.credit_free, bob.seat.credit_locked) == (GRID + 20, CREDIT - 20_000, 0)
    assert (ada.seat.grid_free, ada.seat.grid_locked, ada.seat.credit_free) == (GRID - 50, 30, CREDIT + 20_000)
    assert world.snapshot().side(SELL) == [(100, [(maker, 30)])]


def test_seller_gets_the_makers_price(world: World, ada: Trader, bob: Trader) -> None:
    """The same from the other side: the bid's funds are bound at its price and all go to the seller."""
    bob.rest(BUY, 120, 10)
    expect_ok(ada.place(SELL, 90, 10))
    assert (bob.seat.credit_locked, bob.seat.credit_free, bob.seat.grid_free) == (0, CREDIT - 12_000, GRID + 10)
    assert (ada.seat.credit_free, ada.seat.grid_free, ada.seat.grid_locked) == (CREDIT + 12_000, GRID - 10, 0)
    assert world.snapshot().open_orders == 0


def test_better_price_first_then_older_first(world: World, ada: Trader, bob: Trader) -> None:
    """Price-time priority is the promise a resting order is made on."""
    late_best = [ada.rest(SELL, 102, 5), ada.rest(SELL, 100, 5), ada.rest(SELL, 101, 5), ada.rest(SELL, 100, 5)]
    filled = expect_ok(bob.place(BUY, 102, 18)).event("Filled")["fills"]
    makers = [(fill["maker_order"], fill["tick"], fill["lots"]) for fill in filled]
    assert makers == [
        (late_best[1], 100, 5),
        (late_best[3], 100, 5),
        (late_best[2], 101, 5),
        (late_best[0], 102, 3),
    ]
    assert world.snapshot().side(SELL) == [(102, [(late_best[0], 2)])]


def test_rest_of_a_crossing_order_rests_at_its_limit(world: World, ada: Trader, bob: Trader) -> None:
    """What could not be filled must neither vanish nor keep more funds than it needs."""
    ada.rest(SELL, 100, 5)
    placed = expect_ok(bob.place(BUY, 110, 8)).event("OrderPlaced")
    assert (placed["filled_lots"], placed["resting_lots"], placed["outcome"]) == (5, 3, RESTING)
    assert world.snapshot().side(BUY) == [(110, [(placed["order_id"], 3)])]
    assert bob.seat.credit_locked == 3 * 110 * 10
    assert bob.seat.credit_free == CREDIT - 5 * 100 * 10 - 3 * 110 * 10


def test_taker_fee_is_rounded_up_into_the_bucket(world: World, ada: Trader, bob: Trader) -> None:
    """A fee rounded down could be avoided by slicing orders; a fee that is not booked would be lost."""
    world.set_param(PARAM_TAKER_FEE_BPS, 25)
    ada.rest(SELL, 101, 3)
    placed = expect_ok(bob.place(BUY, 101, 3)).event("OrderPlaced")
    fee = -(-3 * 101 * 10 * 25 // 10_000)
    assert (placed["value_ucredit"], placed["fee_ucredit"]) == (3_030, fee)
    assert bob.seat.credit_free == CREDIT - 3_030 - fee
    assert ada.seat.credit_free == CREDIT + 3_030
    assert (world.snapshot().fee_ucredit, world.snapshot().fees_total_ucredit) == (fee, fee)
    ada.rest(BUY, 50, 3)
    expect_ok(bob.place(SELL, 50, 3))
    second = -(-3 * 50 * 10 * 25 // 10_000)
    assert bob.seat.credit_free == CREDIT - 3_030 - fee + 1_500 - second
    assert world.snapshot().fee_ucredit == fee + second
    assert world.chain.token_amount(world.credit_vault) == world.snapshot().credit_ucredit == 2 * CREDIT


def test_fee_is_rounded_once_for_all_fills_of_an_order(world: World, ada: Trader, bob: Trader) -> None:
    """Rounded per fill, the fee would depend on how many makers happened to stand there."""
    world.set_param(PARAM_TAKER_FEE_BPS, 1)
    for _ in range(10):
        ada.rest(SELL, 100, 1)
    placed = expect_ok(bob.place(BUY, 100, 10)).event("OrderPlaced")
    assert (placed["value_ucredit"], placed["fee_ucredit"]) == (10_000, 1)


def test_fee_above_the_whole_value_is_refused(world: World, ada: Trader) -> None:
    """A mistaken parameter must not take more than the trade is worth."""
    world.set_param(PARAM_TAKER_FEE_BPS, 10_001)
    expect_error(ada.place(SELL, 100, 1), "trading", "FeeOutOfRange")
    world.set_param(PARAM_TAKER_FEE_BPS, 10_000)
    expect_ok(ada.place(SELL, 100, 1))


def test_fill_ring_running_hash_and_interval_totals_tell_the_same_trades(
    world: World, ada: Trader, bob: Trader
) -> None:
    """An auditor recomputes the hash from the ring; a fill that is in neither could be denied."""
    chain = world.chain
    hash_now, trade = bytes(32), 0
    for tick in (100, 101):
        interval = chain.now_s() // 900
        ada.rest(SELL, tick, 2)
        ada.rest(SELL, tick, 3)
        taker = expect_ok(bob.place(BUY, tick, 5)).event("OrderPlaced")["order_id"]
        market = world.snapshot()
        for lots in (2, 3):
            trade += 1
            fill = market.fill(trade)
            assert (fill.trade, fill.lots, fill.tick, fill.interval) == (trade, lots, tick, interval)
            assert (fill.maker_seat, fill.taker_seat, fill.taker_side) == (ada.number, bob.number, BUY)
            assert (fill.taker_order, fill.campus_time) == (taker, chain.now_s())
            hash_now = hashlib.sha256(hash_now + fill.raw).digest()
        assert market.fills_hash == hash_now
        assert market.totals(interval) == {
            "interval": interval,
            "trades": 2,
            "lots": 5,
            "value_ucredit": 5 * tick * 10,
            "fills_hash": hash_now,
            "last_trade": trade,
        }
        assert (market.last_tick, market.last_interval, market.trade_seq) == (tick, interval, trade)
        chain.advance(900)
    assert (world.snapshot().traded_lots, ada.seat.traded_lots, bob.seat.traded_lots) == (10, 10, 10)
    assert world.snapshot().traded_ucredit == ada.seat.traded_ucredit == bob.seat.traded_ucredit == 10_050


def test_interval_totals_start_anew_when_the_ring_comes_round(world: World, ada: Trader, bob: Trader) -> None:
    """Totals of an interval 32 hours ago must not be added to today's."""
    ada.rest(SELL, 100, 10)
    expect_ok(bob.place(BUY, 100, 1))
    first = world.chain.now_s() // 900
    world.chain.advance(128 * 900)
    expect_ok(bob.place(BUY, 100, 2))
    totals = world.snapshot().totals(first + 128)
    assert totals is not None
    assert (totals["trades"], totals["lots"], totals["value_ucredit"]) == (1, 2, 2_000)
    assert world.snapshot().totals(first) is None


def test_fill_ring_wraps_without_touching_its_neighbours(world: World, ada: Trader, bob: Trader) -> None:
    """Trade 2,049 stands where trade 1 stood, and the stops area before the ring stays empty."""
    world.chain.patch(world.market, 384, struct.pack("<Q", 2046))
    for _ in range(4):
        ada.rest(SELL, 100, 1)
    expect_ok(bob.place(BUY, 100, 4))
    market = world.snapshot()
    assert [market.fill(n).trade for n in (2047, 2048, 2049, 2050)] == [2047, 2048, 2049, 2050]
    assert struct.unpack_from("<Q", market.data, AT_FILLS)[0] == 2049
    assert not any(market.data[345_216:357_504])


def test_a_hundred_fills_in_one_transaction_settle_completely(world: World, ada: Trader, bob: Trader) -> None:
    """A matched but unsettled trade is what this market must never have."""
    for i in range(100):
        ada.rest(SELL, 100 + i % 7, 2)
    outcome = expect_ok(bob.place(BUY, 110, 200, limit=400_000))
    placed = outcome.event("OrderPlaced")
    assert (placed["filled_lots"], placed["outcome"]) == (200, COMPLETE)
    events = outcome.events("Filled")
    assert [len(event.fields["fills"]) for event in events] == [32, 32, 32, 4]
    assert [event.fields["first_trade"] for event in events] == [1, 33, 65, 97]
    assert (ada.seat.grid_locked, ada.seat.open_orders, world.snapshot().open_orders) == (0, 0, 0)
    assert ada.seat.credit_free + bob.seat.credit_free == 2 * CREDIT


def test_events_number_themselves_without_gaps(world: World, ada: Trader, bob: Trader) -> None:
    """An indexer finds a lost event by the gap in the sequence."""
    start = world.snapshot().event_seq
    outcomes = [ada.place(SELL, 100, 5), ada.place(SELL, 101, 5), bob.place(BUY, 100, 7)]
    outcomes.append(bob.cancel(outcomes[2].event("OrderPlaced")["order_id"]))
    numbers = [event.fields["seq"] for outcome in outcomes for event in expect_ok(outcome).events()]
    assert numbers == list(range(start + 1, start + 6))
    assert world.snapshot().event_seq == start + 5


# -------------------------------------------------------------------------------------------------------------- kinds


def test_ioc_gives_the_rest_back(world: World, ada: Trader, bob: Trader) -> None:
    """An IOC order that rests would trade later, at a moment its owner did not choose."""
    ada.rest(SELL, 100, 5)
    placed = expect_ok(bob.place(BUY, 110, 8, kind=IOC)).event("OrderPlaced")
    assert (placed["filled_lots"], placed["resting_lots"], placed["outcome"]) == (5, 0, IOC_REST)
    assert (bob.seat.credit_locked, bob.seat.credit_free) == (0, CREDIT - 5_000)
    assert world.snapshot().open_orders == 0
    nothing = expect_ok(bob.place(BUY, 110, 8, kind=IOC)).event("OrderPlaced")
    assert (nothing["filled_lots"], nothing["outcome"]) == (0, IOC_REST)


def test_fok_fills_in_full_or_changes_nothing(world: World, ada: Trader, bob: Trader) -> None:
    """Half of a fill-or-kill order is what its owner said not to do."""
    ada.rest(SELL, 100, 5)
    before = world.snapshot().data
    expect_error(bob.place(BUY, 110, 6, kind=FOK), "trading", "FillOrKill")
    assert world.snapshot().data == before
    placed = expect_ok(bob.place(BUY, 110, 5, kind=FOK)).event("OrderPlaced")
    assert (placed["filled_lots"], placed["outcome"]) == (5, COMPLETE)


def test_post_only_rests_or_is_refused(world: World, ada: Trader, bob: Trader) -> None:
    """A post-only order pays no fee because it never takes."""
    ada.rest(SELL, 100, 5)
    expect_error(bob.place(BUY, 100, 1, kind=POST_ONLY), "trading", "WouldCross")
    bob.rest(BUY, 99, 1, kind=POST_ONLY)
    assert world.snapshot().trade_seq == 0


def test_match_limit_never_leaves_the_book_crossed(world: World, ada: Trader, bob: Trader) -> None:
    """A limit order whose rest rested above the best ask would trade at a price nobody agreed on."""
    for _ in range(3):
        ada.rest(SELL, 100, 5)
    placed = expect_ok(bob.place(BUY, 110, 15, max_fills=2)).event("OrderPlaced")
    assert (placed["filled_lots"], placed["resting_lots"], placed["outcome"]) == (10, 0, MATCH_LIMIT)
    assert (world.snapshot().best_bid_tick, bob.seat.credit_locked) == (0, 0)
    exact = expect_ok(bob.place(BUY, 110, 5, max_fills=1)).event("OrderPlaced")
    assert exact["outcome"] == COMPLETE


def test_match_limit_that_clears_the_crossing_part_lets_the_rest_rest(world: World, ada: Trader, bob: Trader) -> None:
    """The limit bounds work; it is no reason to refuse a rest that crosses nothing any more."""
    ada.rest(SELL, 100, 5)
    placed = expect_ok(bob.place(BUY, 110, 8, max_fills=1)).event("OrderPlaced")
    assert (placed["filled_lots"], placed["resting_lots"], placed["outcome"]) == (5, 3, RESTING)


# --------------------------------------------------------------------------------------------------------- self trade


def test_own_order_in_the_way_is_refused_by_default(world: World, ada: Trader) -> None:
    """A trade with oneself makes volume and price out of nothing."""
    ada.rest(SELL, 100, 5)
    before = world.snapshot().data
    expect_error(ada.place(BUY, 100, 5), "trading", "SelfTrade")
    assert world.snapshot().data == before


def test_cancel_taker_keeps_the_fills_before_the_own_order(world: World, ada: Trader, bob: Trader) -> None:
    """The owner chose to stop at the own order, not to lose what was traded before."""
    bob.rest(SELL, 99, 2)
    own = ada.rest(SELL, 100, 5)
    placed = expect_ok(ada.place(BUY, 105, 9, self_trade=CANCEL_TAKER)).event("OrderPlaced")
    assert (placed["filled_lots"], placed["resting_lots"], placed["outcome"]) == (2, 0, SELF_TRADE)
    assert world.snapshot().side(SELL) == [(100, [(own, 5)])]
    assert (ada.seat.credit_free, ada.seat.credit_locked) == (CREDIT - 1_980, 0)


def test_cancel_maker_takes_the_own_order_out_and_goes_on(world: World, ada: Trader, bob: Trader) -> None:
    """The own order's GRID must come back when it is taken out of the way."""
    own = ada.rest(SELL, 100, 5)
    bob.rest(SELL, 101, 3)
    outcome = expect_ok(ada.place(BUY, 101, 3, self_trade=CANCEL_MAKER))
    assert outcome.event("OrderOut") | {"seq": 0} == {
        "seq": 0,
        "order_id": own,
        "lots": 5,
        "tick": 100,
        "seat": ada.number,
        "side": SELL,
        "reason": 2,
    }
    assert outcome.event("OrderPlaced")["filled_lots"] == 3
    assert (ada.seat.grid_free, ada.seat.grid_locked) == (GRID + 3, 0)


# ------------------------------------------------------------------------------------------------------------- expiry


def test_expired_order_is_swept_when_matching_meets_it(world: World, ada: Trader, bob: Trader) -> None:
    """An order past its interval must not trade, and its owner's funds must come free."""
    interval = world.chain.now_s() // 900
    stale = ada.rest(SELL, 100, 5, expires=interval)
    live = ada.rest(SELL, 101, 5, expires=interval + 1)
    world.chain.advance(900)
    outcome = expect_ok(bob.place(BUY, 101, 2))
    assert (outcome.event("OrderOut")["order_id"], outcome.event("OrderOut")["reason"]) == (stale, 1)
    assert outcome.event("Filled")["fills"][0]["maker_order"] == live
    assert (ada.seat.grid_free, ada.seat.grid_locked, ada.seat.open_orders) == (GRID - 5, 3, 1)


def test_order_trades_until_the_end_of_its_last_interval(world: World, ada: Trader, bob: Trader) -> None:
    """Good-till means through the interval named, not until its beginning."""
    interval = world.chain.now_s() // 900
    ada.rest(SELL, 100, 5, expires=interval)
    world.chain.set_time((interval + 1) * 900 - 1)
    assert expect_ok(bob.place(BUY, 100, 1)).event("OrderPlaced")["filled_lots"] == 1
    world.chain.set_time((interval + 1) * 900)
    assert expect_ok(bob.place(BUY, 100, 1, kind=IOC)).event("OrderPlaced")["filled_lots"] == 0


def test_order_for_a_past_interval_is_refused(world: World, ada: Trader) -> None:
    """It could never trade and would only take a slot."""
    interval = world.chain.now_s() // 900
    expect_error(ada.place(SELL, 100, 1, expires=interval - 1), "trading", "Expired")
    ada.rest(SELL, 100, 1, expires=interval)


def test_expired_orders_count_against_the_match_limit(world: World, ada: Trader, bob: Trader) -> None:
    """Otherwise a book full of expired orders would make one placement run out of compute."""
    interval = world.chain.now_s() // 900
    for _ in range(3):
        ada.rest(SELL, 100, 5, expires=interval)
    world.chain.advance(900)
    first = expect_ok(bob.place(BUY, 100, 5, max_fills=2)).event("OrderPlaced")
    assert (first["filled_lots"], first["resting_lots"], first["outcome"]) == (0, 0, MATCH_LIMIT)
    second = expect_ok(bob.place(BUY, 100, 5, max_fills=2)).event("OrderPlaced")
    assert (second["resting_lots"], second["outcome"]) == (5, RESTING)


def test_logs_of_the_widest_instruction_are_not_cut(world: World, ada: Trader, bob: Trader) -> None:
    """Logs end at 10,000 bytes; beyond, an indexer would miss events of trades that happened."""
    interval = world.chain.now_s() // 900
    for i in range(128):
        ada.rest(SELL, 100, 1, expires=interval if i % 2 else 0)
    world.chain.advance(900)
    outcome = expect_ok(bob.place(BUY, 100, 1000, kind=IOC, limit=1_000_000))
    assert not any("truncated" in line for line in outcome.logs)
    assert sum(len(line) for line in outcome.logs) < 10_000
    assert len(outcome.events("OrderOut")) == 64
    assert sum(len(event.fields["fills"]) for event in outcome.events("Filled")) == 64
    for _ in range(128):
        ada.rest(BUY, 50, 1, expires=interval + 1)
    world.chain.advance(900)
    outcome = expect_ok(bob.place(SELL, 50, 1, limit=1_000_000))
    assert not any("truncated" in line for line in outcome.logs)
    assert len(outcome.events("OrderOut")) == 128


# ------------------------------------------------------------------------------------------------------------ refusals


def test_order_beyond_the_balance_is_refused(world: World, ada: Trader) -> None:
    """Selling what one has not is the oldest fraud of all."""
    expect_error(ada.place(SELL, 100, GRID + 1), "trading", "InsufficientGrid")
    most = CREDIT // (100 * 10)
    expect_error(ada.place(BUY, 100, most + 1), "trading", "InsufficientCredit")
    ada.rest(SELL, 300, GRID)
    expect_error(ada.place(SELL, 100, 1), "trading", "InsufficientGrid")
    ada.rest(BUY, 100, most)
    expect_error(ada.place(BUY, 100, 1), "trading", "InsufficientCredit")


def test_buy_that_can_trade_must_cover_the_fee_as_well(world: World, ada: Trader, bob: Trader) -> None:
    """Without it the fee would have to come from funds the buyer does not have."""
    world.set_param(PARAM_TAKER_FEE_BPS, 100)
    all_in = CREDIT // (100 * 10)
    ada.rest(SELL, 100, 10)
    expect_error(bob.place(BUY, 100, all_in), "trading", "InsufficientCredit")
    expect_ok(bob.place(BUY, 99, CREDIT // (99 * 10)))  # rests: no fee is due


@pytest.mark.parametrize("lots", [0, 4])
def test_order_below_the_least_size_is_refused(world: World, ada: Trader, lots: int) -> None:
    """Dust orders would fill the book for nothing."""
    world.set_param(PARAM_MIN_ORDER_LOTS, 5)
    expect_error(ada.place(SELL, 100, lots), "trading", "BadLots")
    ada.rest(SELL, 100, 5)


def test_zero_lots_are_refused_even_where_the_least_size_is_zero(world: World, ada: Trader) -> None:
    """An order of nothing would rest for ever."""
    world.set_param(PARAM_MIN_ORDER_LOTS, 0)
    expect_error(ada.place(SELL, 100, 0), "trading", "BadLots")


def test_unknown_side_kind_mode_or_match_limit_is_refused(world: World, ada: Trader) -> None:
    """A value without a meaning must not fall into the nearest branch."""
    for changes in ({"kind": 5}, {"self_trade": 4}, {"max_fills": 129}, {"kind": 255}, {"self_trade": 255}):
        expect_error(ada.place(SELL, 100, 1, **changes), "trading", "BadOrder")
    for side in (2, 255):
        expect_error(ada.place(side, 100, 1), "trading", "BadOrder")


def test_another_wallet_cannot_order_from_a_seat(world: World, ada: Trader, bob: Trader) -> None:
    """The seat number is an argument; only the signature says whose seat it is."""
    expect_error(bob.place(SELL, 100, 1, seat=ada.number), "trading", "WrongSeat")
    for seat in (2, 1023, 1024, 65_535):
        expect_error(bob.place(SELL, 100, 1, seat=seat), "trading", "WrongSeat")


def test_paused_orders_are_refused_and_a_pause_that_ran_out_is_none(world: World, ada: Trader) -> None:
    """The stop of the guardians must stop new orders, and must end by itself."""
    world.pause(4)
    expect_error(ada.place(SELL, 100, 1), "trading", "Paused")
    world.pause(0b11011)
    ada.rest(SELL, 100, 1)
    world.pause(4, until_s=world.chain.now_s() + 10)
    world.chain.advance(9)
    expect_error(ada.place(SELL, 100, 1), "trading", "Paused")
    world.chain.advance(1)
    ada.rest(SELL, 100, 1)


def test_seat_has_no_more_orders_than_the_council_allows(world: World, ada: Trader, bob: Trader) -> None:
    """One trader must not be able to fill the book."""
    world.set_param(PARAM_MAX_OPEN_ORDERS, 2)
    first = ada.rest(SELL, 100, 1)
    ada.rest(SELL, 101, 1)
    expect_error(ada.place(SELL, 102, 1), "trading", "SeatOrderLimit")
    bob.rest(SELL, 102, 1)
    expect_ok(ada.place(SELL, 102, 1, kind=IOC))  # rests nowhere, so it needs no room
    expect_ok(ada.cancel(first))
    ada.rest(SELL, 100, 1)


def test_full_book_is_a_clear_refusal_and_orders_that_do_not_rest_still_trade(
    world: World, ada: Trader, bob: Trader
) -> None:
    """A full book must not read as somebody's missing money."""
    last = 4095
    resting = ada.rest(SELL, 100, 5)
    world.chain.patch(world.market, 402, struct.pack("<H", last))
    order_id = ada.rest(SELL, 101, 5)
    assert order_id & 0xFFF == last
    before = world.snapshot().data
    expect_error(bob.place(BUY, 99, 1), "trading", "BookFull")
    assert world.snapshot().data == before
    assert expect_ok(bob.place(BUY, 100, 2, kind=IOC)).event("OrderPlaced")["filled_lots"] == 2
    expect_ok(ada.cancel(resting))
    bob.rest(BUY, 99, 1)


def test_arguments_too_short_or_too_long_are_refused(world: World, ada: Trader) -> None:
    """Bytes left over would mean two readings of one order."""
    from program_harness import Instruction

    good = world.chain.instruction(
        "trading",
        "place_order",
        {"wallet": ada.wallet, "council": world.council, "market": world.market},
        seat=0,
        side=SELL,
        kind=LIMIT,
        tick=100,
        lots=1,
        client_id=0,
        expires_interval=0,
        self_trade=0,
        max_fills=0,
    )
    for data in (bytes(good.data)[:-1], bytes(good.data) + b"\0", bytes(good.data)[:8]):
        bad = Instruction(good.program_id, data, list(good.accounts))
        expect_shared(world.chain.send(bad, signers=[ada.wallet]), "BAD_ARGUMENTS")
    for data in (b"", bytes(good.data)[:7], b"\xff" * 8):
        bad = Instruction(good.program_id, data, list(good.accounts))
        expect_shared(world.chain.send(bad, signers=[ada.wallet]), "UNKNOWN_INSTRUCTION")


# ------------------------------------------------------------------------------------------------------------- cancel


def test_cancel_frees_the_funds_of_both_sides(world: World, ada: Trader) -> None:
    """Funds that stay bound after a cancel are lost to their owner."""
    ask, bid = ada.rest(SELL, 100, 30), ada.rest(BUY, 90, 20)
    out = expect_ok(ada.cancel(ask)).event("OrderOut")
    assert (out["order_id"], out["lots"], out["reason"]) == (ask, 30, 0)
    expect_ok(ada.cancel(bid))
    seat = ada.seat
    assert (seat.grid_free, seat.grid_locked, seat.credit_free, seat.credit_locked) == (GRID, 0, CREDIT, 0)
    assert (seat.open_orders, seat.first_order, world.snapshot().open_orders) == (0, 0, 0)


def test_cancel_of_a_part_filled_order_frees_what_is_left(world: World, ada: Trader, bob: Trader) -> None:
    """What was sold must not come back with the cancel."""
    order_id = ada.rest(SELL, 100, 30)
    expect_ok(bob.place(BUY, 100, 12))
    assert expect_ok(ada.cancel(order_id)).event("OrderOut")["lots"] == 18
    assert (ada.seat.grid_free, ada.seat.grid_locked) == (GRID - 12, 0)


def test_only_the_owner_cancels_and_only_once(world: World, ada: Trader, bob: Trader) -> None:
    """A stranger's cancel is a denial of trade; a second one would free funds twice."""
    order_id = ada.rest(SELL, 100, 30)
    expect_error(bob.cancel(order_id), "trading", "WrongSeat")
    expect_ok(ada.cancel(order_id))
    expect_error(ada.cancel(order_id), "trading", "UnknownOrder")


@pytest.mark.parametrize("order_id", [0, 1, 4095, 1 << 12 | 1, 2 << 12, 2**64 - 1])
def test_cancel_of_an_id_that_never_was_is_refused(world: World, ada: Trader, order_id: int) -> None:
    """An id that names a slot in use, but not its order, must not take that order out."""
    ada.rest(SELL, 100, 30)
    expect_error(ada.cancel(order_id), "trading", "UnknownOrder")


def test_cancel_of_id_zero_does_not_reach_into_a_free_slot(world: World, ada: Trader) -> None:
    """A free slot holds id 0 and still names its last seat: its owner must not take it out a second time."""
    order_id = ada.rest(SELL, 100, 30)
    assert order_id & 0xFFF == 0
    expect_ok(ada.cancel(order_id))
    before = world.snapshot().data
    expect_error(ada.cancel(0), "trading", "UnknownOrder")
    assert world.snapshot().data == before


@pytest.mark.parametrize("mask", range(32))
def test_cancel_works_under_every_pause(world: World, ada: Trader, mask: int) -> None:
    """No emergency may hold a trader's funds in the book."""
    ask, bid = ada.rest(SELL, 100, 1), ada.rest(BUY, 90, 1)
    world.pause(mask)
    expect_ok(ada.cancel(ask))
    expect_ok(ada.cancel(bid))


def test_suspended_trader_cannot_order_but_can_cancel(world: World, ada: Trader) -> None:
    """Suspension stops trading; it does not take anybody's property."""
    order_id = ada.rest(SELL, 100, 1)
    world.chain.patch(world.market, AT_SEATS + 128 * ada.number + 66, b"\x01\0")
    expect_error(ada.place(SELL, 100, 1), "trading", "SeatSuspended")
    expect_ok(ada.cancel(order_id))


def test_slot_of_a_killed_order_is_used_again(world: World, ada: Trader) -> None:
    """Slots that leak would fill the book with nothing in it."""
    for _ in range(5):
        expect_ok(ada.place(SELL, 100, 1, kind=IOC))
    market = world.snapshot()
    assert (market.orders_high, market.free_order, market.open_orders) == (1, 1, 0)
    assert not any(market.data[AT_ORDERS : AT_ORDERS + 48])


def test_unregistered_key_cannot_order(world: World, ada: Trader) -> None:
    """A wallet without a seat has nothing to trade with."""
    stranger = world.chain.wallet("stranger")
    assert stranger.pubkey() == keypair("stranger").pubkey()
    expect_error(Trader(world, stranger, 0).place(SELL, 100, 1), "trading", "WrongSeat")
