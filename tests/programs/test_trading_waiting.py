"""Orders that wait outside the book: scheduled ones for their interval, stops for a trade at their trigger."""

from __future__ import annotations

import pytest
from program_harness import Chain, expect_error, expect_ok
from trading_world import (
    AT_SEATS,
    BUY,
    CANCEL_MAKER,
    CANCELLED,
    COMPLETE,
    DECREMENT,
    EXPIRED,
    FOK,
    IOC,
    IOC_REST,
    LAST_SCHEDULED,
    LIMIT,
    MARKET,
    MIN_TICK,
    PARAM_MAX_OPEN_ORDERS,
    PARAM_MIN_ORDER_LOTS,
    PARAM_TAKER_FEE_BPS,
    POST_ONLY,
    PROTECTED,
    RESTING,
    SELF_TRADE,
    SELL,
    SUSPENDED,
    TICKS,
    UNFUNDED,
    WAITING,
    WOULD_CROSS,
    Trader,
    World,
)

CREDIT = 10**9
GRID = 100_000
BY_TIME, BY_PRICE = 0, 1


@pytest.fixture
def world(chain: Chain) -> World:
    """A market with a fee of 1 %."""
    return World(chain, fee_bps=100)


@pytest.fixture
def ada(world: World) -> Trader:
    """A trader with GRID and CREDIT."""
    return world.trader("ada", lots=GRID, ucredit=CREDIT)


@pytest.fixture
def bob(world: World, ada: Trader) -> Trader:
    """Another trader with GRID and CREDIT, seated after ada."""
    return world.trader("bob", lots=GRID, ucredit=CREDIT)


@pytest.fixture
def eve(world: World, bob: Trader) -> Trader:
    """Whoever trades so that prices move."""
    return world.trader("eve", lots=GRID, ucredit=CREDIT)


def trade_at(maker: Trader, taker: Trader, tick: int) -> None:
    """Let one lot change hands at a price at which nobody else stands in the way."""
    maker.rest(SELL, tick, 1)
    expect_ok(taker.place(BUY, tick, 1))


# --------------------------------------------------------------------------------------------------------- scheduled


@pytest.mark.parametrize(("side", "bound"), [(BUY, (100 * 10 * 7 + 70, 0)), (SELL, (0, 7))])
def test_scheduled_order_binds_its_funds_and_stands_in_no_level(
    world: World, ada: Trader, side: int, bound: tuple[int, int]
) -> None:
    """Funds that are free until then would be spent by then; a buy binds the fee as well."""
    order_id = ada.waits(ada.schedule(side, 100, 7, world.interval + 3, client_id=5))
    market = world.snapshot()
    assert (market.side(BUY), market.side(SELL), market.open_orders) == ([], [], 1)
    assert (ada.seat.credit_locked, ada.seat.grid_locked) == bound
    assert (ada.seat.credit_free, ada.seat.grid_free) == (CREDIT - bound[0], GRID - bound[1])
    order = market.order(order_id)
    assert order is not None
    assert (order.is_waiting, order.active_from_s, order.client_id) == (True, 900 * (world.interval + 3), 5)
    world.pause(255)
    out = expect_ok(ada.cancel(order_id)).event("OrderOut")
    assert (out["lots"], out["reason"]) == (7, CANCELLED)
    assert (ada.seat.credit_free, ada.seat.grid_free, ada.seat.open_orders) == (CREDIT, GRID, 0)


def test_scheduled_order_takes_its_place_when_it_is_activated(world: World, ada: Trader, bob: Trader) -> None:
    """Whoever rests now is before whoever only said that he would."""
    order_id = ada.waits(ada.schedule(SELL, 100, 7, world.interval + 1))
    first = bob.rest(SELL, 100, 2)
    expect_error(world.activate(order_id), "trading", "NotYetActive")
    world.chain.advance(900)
    second = bob.rest(SELL, 100, 2)
    outcome = expect_ok(world.activate(order_id))
    woken, placed = outcome.event("OrderWoken"), outcome.event("OrderPlaced")
    assert (woken["order_id"], woken["reason"]) == (order_id, BY_TIME)
    assert (placed["order_id"], placed["outcome"], placed["resting_lots"]) == (order_id, RESTING, 7)
    assert world.snapshot().side(SELL) == [(100, [(first, 2), (second, 2), (order_id, 7)])]
    assert (ada.seat.grid_locked, ada.seat.open_orders) == (7, 1)
    expect_error(world.activate(order_id), "trading", "NotYetActive")
    expect_error(world.activate(order_id + 4096), "trading", "UnknownOrder")


def test_scheduled_buy_that_crosses_pays_the_makers_price_and_the_fee(world: World, ada: Trader, bob: Trader) -> None:
    """It is a taker like any other; what was bound too much comes back."""
    order_id = ada.waits(ada.schedule(BUY, 120, 10, world.interval + 1))
    bob.rest(SELL, 100, 4)
    world.chain.advance(900)
    placed = expect_ok(world.activate(order_id)).event("OrderPlaced")
    assert (placed["filled_lots"], placed["resting_lots"], placed["fee_ucredit"]) == (4, 6, 40)
    assert ada.seat.credit_locked == 6 * 120 * 10
    assert ada.seat.credit_free == CREDIT - 4_000 - 40 - 7_200
    assert world.snapshot().fee_ucredit == 40


@pytest.mark.parametrize(
    ("kind", "outcome", "filled", "resting"),
    [(IOC, IOC_REST, 4, 0), (MARKET, PROTECTED, 4, 0), (POST_ONLY, WOULD_CROSS, 0, 0), (LIMIT, RESTING, 4, 6)],
)
def test_each_kind_does_at_its_time_what_it_would_do_now(
    world: World, ada: Trader, bob: Trader, kind: int, outcome: int, filled: int, resting: int
) -> None:
    """An order that fails when nobody is there to see it must give its funds back and say why."""
    order_id = ada.waits(ada.schedule(BUY, 120, 10, world.interval + 1, kind=kind))
    bob.rest(SELL, 100, 4)
    world.chain.advance(900)
    placed = expect_ok(world.activate(order_id)).event("OrderPlaced")
    assert (placed["outcome"], placed["filled_lots"], placed["resting_lots"]) == (outcome, filled, resting)
    assert ada.seat.credit_locked == resting * 1_200
    assert ada.seat.open_orders == (1 if resting else 0)


def test_activation_that_touches_too_many_goes_on_with_the_next_call(world: World, ada: Trader, bob: Trader) -> None:
    """Whoever calls must not be able to make an order lose its rest; and no call is without a bound."""
    for _ in range(150):
        bob.rest(SELL, 100, 1)
    order_id = ada.waits(ada.schedule(BUY, 110, 160, world.interval + 1))
    world.chain.advance(900)
    outcome = expect_ok(world.activate(order_id, limit=1_000_000))
    placed = outcome.event("OrderPlaced")
    assert (placed["outcome"], placed["filled_lots"], placed["resting_lots"]) == (WAITING, 128, 32)
    assert not any("truncated" in line for line in outcome.logs)
    assert ada.seat.credit_locked == 32 * 1_100 + 352
    assert ada.seat.open_orders == 1
    placed = expect_ok(world.activate(order_id)).event("OrderPlaced")
    assert (placed["outcome"], placed["filled_lots"], placed["resting_lots"]) == (RESTING, 22, 10)
    order = world.snapshot().order(order_id)
    assert order is not None
    assert (order.placed_lots, order.lots) == (160, 10)


def test_expired_or_suspended_order_leaves_when_it_is_activated(world: World, ada: Trader, bob: Trader) -> None:
    """It must neither trade nor stay for ever."""
    first = world.interval + 1
    late = ada.waits(ada.schedule(BUY, 100, 1, first, expires=first))
    suspended = bob.waits(bob.schedule(BUY, 100, 1, first))
    world.chain.advance(1_800)
    out = expect_ok(world.activate(late)).event("OrderOut")
    assert (out["order_id"], out["reason"]) == (late, EXPIRED)
    world.chain.patch(world.market, AT_SEATS + 128 * bob.number + 66, b"\x01")
    out = expect_ok(world.activate(suspended)).event("OrderOut")
    assert (out["order_id"], out["reason"]) == (suspended, SUSPENDED)
    for trader in (ada, bob):
        assert (trader.seat.credit_free, trader.seat.credit_locked, trader.seat.open_orders) == (CREDIT, 0, 0)


def test_buy_that_cannot_cover_a_risen_fee_is_given_back(chain: Chain) -> None:
    """The fee that was bound is the fee of that day; a higher one needs free funds or there is no trade."""
    world = World(chain, fee_bps=100)
    ada = world.trader("ada", ucredit=10_100)
    bob = world.trader("bob", lots=10)
    order_id = ada.waits(ada.schedule(BUY, 100, 10, world.interval + 1))
    assert ada.seat.credit_free == 0
    bob.rest(SELL, 100, 10)
    world.set_param(PARAM_TAKER_FEE_BPS, 101)
    world.chain.advance(900)
    placed = expect_ok(world.activate(order_id)).event("OrderPlaced")
    assert (placed["outcome"], placed["filled_lots"], placed["resting_lots"]) == (UNFUNDED, 0, 0)
    assert (ada.seat.credit_free, ada.seat.credit_locked, ada.seat.open_orders) == (10_100, 0, 0)


@pytest.mark.parametrize("kind", [MARKET, LIMIT])
def test_stop_that_cannot_cover_a_risen_fee_holds_up_nobody(chain: Chain, kind: int) -> None:
    """A call that failed by one stop would fail by it for ever, and every stop behind it would sleep on."""
    world = World(chain, fee_bps=100)
    poor = world.trader("poor", ucredit=10_100)
    ada = world.trader("ada", lots=100, ucredit=CREDIT)
    bob = world.trader("bob", lots=100, ucredit=CREDIT)
    first = poor.waits(poor.stop(BUY, 90, 100, 10, kind=kind))
    second = ada.waits(ada.stop(BUY, 90, 100, 1, kind=kind))
    trade_at(bob, ada, 90)
    bob.rest(SELL, 100, 20)
    world.set_param(PARAM_TAKER_FEE_BPS, 200)
    outcome = expect_ok(world.trigger_stops())
    assert [(e.fields["order_id"], e.fields["outcome"]) for e in outcome.events("OrderPlaced")] == [
        (first, UNFUNDED),
        (second, COMPLETE),
    ]
    assert (poor.seat.credit_free, poor.seat.credit_locked) == (10_100, 0)


def test_own_orders_in_the_way_follow_the_mode_that_was_asked_for(world: World, ada: Trader, bob: Trader) -> None:
    """Nobody is there to be refused, so refusing means giving the new order's rest back."""
    first = world.interval + 1
    own = ada.rest(SELL, 100, 4)
    bob.rest(SELL, 101, 4)
    refusing = ada.waits(ada.schedule(BUY, 101, 10, first))
    decrementing = ada.waits(ada.schedule(BUY, 101, 2, first, self_trade=DECREMENT))
    cancelling = ada.waits(ada.schedule(BUY, 101, 3, first, self_trade=CANCEL_MAKER))
    world.chain.advance(900)
    assert expect_ok(world.activate(refusing)).event("OrderPlaced")["outcome"] == SELF_TRADE
    outcome = expect_ok(world.activate(decrementing))
    assert outcome.event("OrderChanged")["lots"] == 2
    outcome = expect_ok(world.activate(cancelling))
    assert outcome.event("OrderOut")["order_id"] == own
    assert outcome.event("OrderPlaced")["filled_lots"] == 3


def test_schedules_that_cannot_be_are_refused(world: World, ada: Trader, bob: Trader) -> None:
    """Each refusal by its name; none binds anything."""
    now = world.interval
    before = world.snapshot().data

    def refused(error: str, trader: Trader = ada, **changes: int) -> None:
        terms = {"side": SELL, "tick": 100, "lots": 5, "not_before": now + 1} | changes
        expect_error(trader.schedule(**terms), "trading", error)  # type: ignore[arg-type]

    refused("BadSchedule", not_before=now)
    refused("BadSchedule", not_before=0)
    refused("BadSchedule", not_before=LAST_SCHEDULED + 1)
    refused("BadSchedule", not_before=2**32 - 1)
    refused("BadSchedule", not_before=now + 2, expires=now + 1)
    refused("BadTick", tick=MIN_TICK - 1)
    refused("BadTick", tick=MIN_TICK + TICKS)
    refused("BadLots", lots=0)
    refused("BadOrder", side=2)
    refused("BadOrder", kind=FOK)
    refused("BadOrder", kind=5)
    refused("BadOrder", self_trade=4)
    refused("InsufficientGrid", lots=GRID + 1)
    refused("InsufficientCredit", side=BUY, lots=CREDIT // 1_000)
    bob.number = ada.number
    refused("WrongSeat", bob)
    world.set_param(PARAM_MAX_OPEN_ORDERS, 0)
    refused("SeatOrderLimit")
    world.set_param(PARAM_MIN_ORDER_LOTS, 6)
    refused("BadLots")
    world.pause(4)
    refused("Paused")
    expect_error(world.activate(4096), "trading", "Paused")
    assert world.snapshot().data == before
    world.pause(0)
    world.set_param(PARAM_MIN_ORDER_LOTS, 1)
    world.chain.patch(world.market, AT_SEATS + 66, b"\x01")
    refused("SeatSuspended")


# -------------------------------------------------------------------------------------------------------------- stops


def test_stop_wakes_at_its_trigger_and_trades_up_to_its_protection(
    world: World, ada: Trader, bob: Trader, eve: Trader
) -> None:
    """A stop-loss that sleeps through the fall is none; one without a bound sells at any price."""
    trade_at(bob, eve, 150)
    stop = ada.waits(ada.stop(SELL, 120, 100, 10))
    assert (ada.seat.grid_locked, ada.seat.open_stops, ada.seat.open_orders) == (10, 1, 1)
    assert world.snapshot().stop_lists() == ([], [(120, stop)], [])
    bob.rest(BUY, 110, 4)
    bob.rest(BUY, 99, 100)
    expect_error(world.trigger_stops(), "trading", "NothingToTrigger")
    trade_at(bob, eve, 121)
    expect_error(world.trigger_stops(), "trading", "NothingToTrigger")
    trade_at(bob, eve, 120)
    outcome = expect_ok(world.trigger_stops())
    woken, placed = outcome.event("OrderWoken"), outcome.event("OrderPlaced")
    assert (woken["order_id"], woken["reason"]) == (stop, BY_PRICE)
    assert (placed["order_id"], placed["filled_lots"], placed["outcome"]) == (stop, 4, PROTECTED)
    assert (ada.seat.grid_free, ada.seat.grid_locked) == (GRID - 4, 0)
    assert (ada.seat.open_stops, ada.seat.open_orders) == (0, 0)
    assert ada.seat.credit_free == CREDIT + 4_400 - 44
    assert world.snapshot().stop_lists() == ([], [], [])


def test_stop_limit_rests_what_it_cannot_trade(world: World, ada: Trader, bob: Trader, eve: Trader) -> None:
    """A buy stop-limit at 120 that finds 4 lots below 125 bids for the others."""
    stop = ada.waits(ada.stop(BUY, 120, 125, 10, kind=LIMIT))
    assert ada.seat.credit_locked == 12_500 + 125
    trade_at(bob, eve, 120)
    bob.rest(SELL, 122, 4)
    placed = expect_ok(world.trigger_stops()).event("OrderPlaced")
    assert (placed["filled_lots"], placed["resting_lots"], placed["outcome"]) == (4, 6, RESTING)
    assert world.snapshot().side(BUY) == [(125, [(stop, 6)])]
    assert ada.seat.credit_locked == 6 * 1_250


def test_trade_that_is_over_when_somebody_looks_still_wakes_the_stops_it_reached(
    world: World, ada: Trader, bob: Trader, eve: Trader
) -> None:
    """Prices touch 120 for a second and come back; the stop was reached all the same."""
    stop = ada.waits(ada.stop(BUY, 120, 130, 1))
    trade_at(bob, eve, 120)
    trade_at(bob, eve, 100)
    assert expect_ok(world.trigger_stops()).event("OrderWoken")["order_id"] == stop


def test_trade_before_a_stop_was_placed_does_not_wake_it(world: World, ada: Trader, bob: Trader, eve: Trader) -> None:
    """The mark of an older trade belongs to the stops that stood there then."""
    older = ada.waits(ada.stop(BUY, 120, 130, 1))
    trade_at(bob, eve, 125)
    trade_at(bob, eve, 100)
    newer = ada.waits(ada.stop(BUY, 121, 130, 1))
    assert world.snapshot().stop_lists() == ([(121, newer)], [], [(120, older)])
    outcome = expect_ok(world.trigger_stops())
    assert [event.fields["order_id"] for event in outcome.events("OrderWoken")] == [older]
    assert world.snapshot().stop_lists()[0] == [(121, newer)]


def test_stops_never_wake_on_quotes(world: World, ada: Trader, bob: Trader) -> None:
    """A quote costs nothing: whoever could wake stops by one would hunt them."""
    ada.waits(ada.stop(BUY, 120, 130, 1))
    bob.rest(BUY, 300, 1)
    expect_error(world.trigger_stops(), "trading", "NothingToTrigger")


def test_stops_wake_in_the_order_in_which_the_price_reached_them(world: World, ada: Trader, bob: Trader) -> None:
    """Lowest buy trigger first, the older first at the same; so no caller chooses who gets the better price."""
    high = ada.waits(ada.stop(BUY, 130, 140, 1))
    low = bob.waits(bob.stop(BUY, 110, 140, 1))
    middle = ada.waits(ada.stop(BUY, 120, 140, 1))
    same = bob.waits(bob.stop(BUY, 110, 140, 1))
    assert world.snapshot().stop_lists()[0] == [(110, low), (110, same), (120, middle), (130, high)]
    low_sell = ada.waits(ada.stop(SELL, 80, 70, 1))
    high_sell = bob.waits(bob.stop(SELL, 90, 70, 1))
    same_sell = ada.waits(ada.stop(SELL, 90, 70, 1))
    assert world.snapshot().stop_lists()[1] == [(90, high_sell), (90, same_sell), (80, low_sell)]
    eve = world.trader("eve", lots=10, ucredit=10**6)
    dan = world.trader("dan", lots=10, ucredit=10**6)
    trade_at(eve, dan, 120)
    trade_at(eve, dan, 85)
    outcome = expect_ok(world.trigger_stops(2))
    assert [event.fields["order_id"] for event in outcome.events("OrderWoken")] == [low, same]
    outcome = expect_ok(world.trigger_stops())
    assert [event.fields["order_id"] for event in outcome.events("OrderWoken")] == [middle, high_sell, same_sell]
    assert world.snapshot().stop_lists() == ([(130, high)], [(80, low_sell)], [])


def test_woken_stop_wakes_the_next_by_its_own_trade(world: World, ada: Trader, bob: Trader, eve: Trader) -> None:
    """A chain of stops runs through in one call, bounded by its number of stops."""
    first = ada.waits(ada.stop(BUY, 120, 140, 1))
    second = ada.waits(ada.stop(BUY, 125, 140, 1))
    trade_at(bob, eve, 120)
    bob.rest(SELL, 125, 1)
    bob.rest(SELL, 126, 1)
    outcome = expect_ok(world.trigger_stops())
    assert [event.fields["order_id"] for event in outcome.events("OrderWoken")] == [first, second]
    assert [event.fields["outcome"] for event in outcome.events("OrderPlaced")] == [COMPLETE, COMPLETE]
    assert world.snapshot().last_tick == 126


def test_stop_that_is_cut_short_goes_on_first_in_the_next_call(world: World, ada: Trader, bob: Trader) -> None:
    """Many small makers must not make a stop lose its rest, and one stop must not hold up the others for ever."""
    eve = world.trader("eve", lots=10, ucredit=10**7)
    long = ada.waits(ada.stop(BUY, 110, 140, 150))
    other = ada.waits(ada.stop(BUY, 110, 140, 1))
    for _ in range(155):
        bob.rest(SELL, 120, 1)
    trade_at(bob, eve, 110)
    outcome = expect_ok(world.trigger_stops(limit=1_000_000))
    placed = outcome.event("OrderPlaced")
    assert (placed["order_id"], placed["outcome"], placed["filled_lots"]) == (long, WAITING, 124)
    assert not any("truncated" in line for line in outcome.logs)
    assert world.snapshot().stop_lists() == ([], [], [(110, long), (110, other)])
    assert (ada.seat.open_stops, ada.seat.open_orders) == (2, 2)
    outcome = expect_ok(world.trigger_stops())
    assert [(e.fields["order_id"], e.fields["filled_lots"]) for e in outcome.events("OrderPlaced")] == [
        (long, 26),
        (other, 1),
    ]


def test_log_of_eight_stops_that_sweep_expired_orders_is_not_cut(world: World, ada: Trader, bob: Trader) -> None:
    """The longest log of a call: an indexer that loses its end loses orders."""
    eve = world.trader("eve", lots=10, ucredit=10**7)
    for _ in range(8):
        ada.waits(ada.stop(BUY, 110, 140, 1))
        bob.rest(SELL, 120, 1)
        for _ in range(15):
            bob.rest(SELL, 115, 1, expires=world.interval)
    trade_at(bob, eve, 110)
    world.chain.advance(900)
    outcome = expect_ok(world.trigger_stops(limit=1_000_000))
    assert not any("truncated" in line for line in outcome.logs)
    assert len(outcome.events("OrderOut")) + len(outcome.events("Filled")) > 90
    assert sum(len(line) for line in outcome.logs) < 9_000


def test_due_stop_can_still_be_cancelled_or_reduced(world: World, ada: Trader, bob: Trader, eve: Trader) -> None:
    """As long as nobody has woken it, it is the owner's, under every pause."""
    stops = [ada.waits(ada.stop(BUY, 120, 130, 10)) for _ in range(3)]
    trade_at(bob, eve, 120)
    world.pause(255)
    expect_ok(ada.reduce(stops[0], 4))
    assert ada.seat.credit_locked == 2 * (13_000 + 130) + 7_800 + 78
    expect_ok(ada.cancel(stops[1]))
    expect_error(world.trigger_stops(), "trading", "Paused")
    world.pause(0)
    expect_error(ada.amend(stops[0], 120, 5), "trading", "OrderWaits")
    outcome = expect_ok(world.trigger_stops())
    assert [(e.fields["order_id"], e.fields["lots"]) for e in outcome.events("OrderPlaced")] == [
        (stops[0], 6),
        (stops[2], 10),
    ]
    assert (ada.seat.credit_free, ada.seat.credit_locked) == (CREDIT, 0)


@pytest.mark.parametrize("gone", range(5))
def test_cancelling_anywhere_keeps_the_list(world: World, ada: Trader, gone: int) -> None:
    """A broken link would lose every stop behind it."""
    stops = [ada.waits(ada.stop(SELL, 200 - i, 100, 1)) for i in range(5)]
    expect_ok(ada.cancel(stops[gone]))
    left = [stop for stop in stops if stop != stops[gone]]
    assert [order_id for _, order_id in world.snapshot().stop_lists()[1]] == left
    again = ada.waits(ada.stop(SELL, 50, 40, 1))
    assert [order_id for _, order_id in world.snapshot().stop_lists()[1]] == [*left, again]


def test_a_seat_has_at_most_eight_stops_and_the_market_256(world: World, ada: Trader) -> None:
    """One trader must not take all of them."""
    for _ in range(8):
        ada.waits(ada.stop(SELL, 50, 40, 1))
    expect_error(ada.stop(SELL, 50, 40, 1), "trading", "StopsFull")
    for i in range(31):
        trader = world.trader(f"trader {i}", lots=8)
        for j in range(8):
            trader.waits(trader.stop(SELL, 50 + j, 40, 1))
    last = world.trader("last", lots=8)
    expect_error(last.stop(SELL, 50, 40, 1), "trading", "StopsFull")
    assert last.seat.grid_free == 8
    expect_ok(ada.cancel_all())
    last.waits(last.stop(SELL, 60, 40, 1))
    assert len(world.snapshot().stop_lists()[1]) == 249


def test_stops_that_cannot_be_are_refused(world: World, ada: Trader, bob: Trader, eve: Trader) -> None:
    """Each refusal by its name; none binds anything."""
    trade_at(bob, eve, 100)
    before = world.snapshot().data

    def refused(error: str, trader: Trader = ada, **changes: int) -> None:
        terms = {"side": SELL, "trigger": 90, "tick": 80, "lots": 5} | changes
        expect_error(trader.stop(**terms), "trading", error)  # type: ignore[arg-type]

    refused("TriggerReached", trigger=100)
    refused("TriggerReached", trigger=101)
    refused("TriggerReached", side=BUY, trigger=100)
    refused("TriggerReached", side=BUY, trigger=99)
    refused("Expired", expires=world.interval - 1)
    refused("BadTick", tick=MIN_TICK + TICKS)
    refused("BadTick", trigger=MIN_TICK - 1)
    refused("BadTick", trigger=0)
    refused("BadLots", lots=0)
    refused("BadOrder", side=2)
    for kind in (FOK, POST_ONLY, 5):
        refused("BadOrder", kind=kind)
    refused("BadOrder", self_trade=4)
    refused("InsufficientGrid", lots=GRID + 1)
    refused("InsufficientCredit", side=BUY, trigger=101, tick=MIN_TICK + TICKS - 1, lots=CREDIT // 5_000)
    bob.number = ada.number
    refused("WrongSeat", bob)
    world.set_param(PARAM_MAX_OPEN_ORDERS, 0)
    refused("SeatOrderLimit")
    world.set_param(PARAM_MIN_ORDER_LOTS, 6)
    refused("BadLots")
    world.pause(4)
    refused("Paused")
    assert world.snapshot().data == before
    expect_error(world.trigger_stops(9), "trading", "Paused")
    world.pause(0)
    expect_error(world.trigger_stops(9), "trading", "BadOrder")
    world.set_param(PARAM_MIN_ORDER_LOTS, 1)
    world.chain.patch(world.market, AT_SEATS + 66, b"\x01")
    refused("SeatSuspended")


def test_expired_suspended_and_unfunded_stops_leave_and_hold_up_nobody(
    world: World, ada: Trader, bob: Trader, eve: Trader
) -> None:
    """The first in the queue must not be able to close it."""
    late = ada.waits(ada.stop(BUY, 110, 130, 1, expires=world.interval))
    held = bob.waits(bob.stop(BUY, 110, 130, 1))
    good = ada.waits(ada.stop(BUY, 110, 130, 1))
    trade_at(ada, eve, 110)
    world.chain.advance(900)
    world.chain.patch(world.market, AT_SEATS + 128 * bob.number + 66, b"\x01")
    outcome = expect_ok(world.trigger_stops())
    assert [(e.fields["order_id"], e.fields["reason"]) for e in outcome.events("OrderOut")] == [
        (late, EXPIRED),
        (held, SUSPENDED),
    ]
    assert outcome.event("OrderPlaced")["order_id"] == good
    assert world.snapshot().stop_lists() == ([], [], [])


# ------------------------------------------------------------------------------------------- cut short to the last µcredit


def exact_buyer(world: World, name: str, *, lots: int, tick: int) -> Trader:
    """A trader who owns what a waiting buy of `lots` at `tick` binds, value and fee of 1 % rounded up, and nothing more."""
    value = lots * tick * 10
    return world.trader(name, ucredit=value + -(-value // 100))


def offer_single_lots(seller: Trader, count: int, tick: int) -> None:
    """As many orders of one lot at a price."""
    for _ in range(count):
        seller.rest(SELL, tick, 1)


def test_stop_without_a_spare_ucredit_does_not_hold_up_those_behind_it(
    world: World, ada: Trader, bob: Trader, eve: Trader
) -> None:
    """Two fees rounded up may be one µcredit more than the fee on both parts: whoever owned exactly what a stop binds
    could refuse everybody's stops for ever."""
    tick = 53
    poor = exact_buyer(world, "poor", lots=200, tick=tick)
    stop = poor.waits(poor.stop(BUY, 50, tick, 200))
    behind = bob.waits(bob.stop(BUY, 50, 60, 5))
    trade_at(ada, eve, 50)
    offer_single_lots(ada, 127, tick)
    ada.rest(SELL, tick, 100)
    before = poor.seat
    outcome = expect_ok(world.trigger_stops())
    placed = outcome.event("OrderPlaced")
    filled = placed["filled_lots"]
    assert (placed["order_id"], placed["outcome"]) == (stop, WAITING)
    assert filled * tick * 10 % 100 != 0, "the rounding is what this test is about"
    assert poor.seat.credit_free == 0
    assert poor.seat.credit_locked == before.credit_locked - placed["value_ucredit"] - placed["fee_ucredit"]
    outcome = expect_ok(world.trigger_stops())
    assert [event.fields["order_id"] for event in outcome.events("OrderPlaced")] == [stop, behind]
