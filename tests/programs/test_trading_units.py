"""What each instruction of the market costs, compared with the committed table; and that a fill costs the same in any book."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from program_harness import Chain, Outcome, expect_ok, keypair
from test_trading_funds import Ledger, credit_grid, fill_grid_vault
from trading_world import BUY, DECREMENT, MARKET, MIN_TICK, SELL, TICKS, Trader, World

Record = Callable[[str, Outcome], Outcome]


@pytest.fixture
def world(chain: Chain) -> World:
    """A market with a fee, as a deployment has."""
    return World(chain, fee_bps=25)


@pytest.fixture
def ada(world: World) -> Trader:
    """A trader with GRID and CREDIT."""
    return world.trader("ada", lots=100_000, ucredit=10**9)


@pytest.fixture
def bob(world: World, ada: Trader) -> Trader:
    """Another trader, seated after ada."""
    return world.trader("bob", lots=100_000, ucredit=10**9)


def used(outcome: Outcome) -> int:
    """Units of the market itself."""
    return expect_ok(outcome).own_units()[0]


def test_setting_up(chain: Chain, record_units: Record) -> None:
    """Once a deployment; noted so that a rise is seen."""
    world = World(chain, market=False)
    record_units("trading.initialize", world.initialize())
    expect_ok(world.make_market_account())
    record_units("trading.create_market", world.create_market())
    wallet = chain.wallet("ada")
    user = world.put_user(wallet.pubkey())
    record_units("trading.open_seat", world.open_seat(wallet))
    accounts = {"user": user, "market": world.market}
    record_units("trading.sync_seat", chain.call("trading", "sync_seat", accounts, seat=0))


def test_moving_funds(world: World, ada: Trader, record_units: Record) -> None:
    """The token program's part is counted apart, because its binary differs between clusters."""
    record_units("trading.deposit_credit", ada.deposit_credit(1_000))
    record_units("trading.withdraw_credit", ada.withdraw_credit(1_000))
    ledger = Ledger(world, [ada.wallet], 500)
    record_units("trading.withdraw_grid", ledger.withdraw_grid(ada, 0, 5))
    fill_grid_vault(world, 40)
    record_units("trading.credit_grid", credit_grid(world, ada, 40))


def test_placing_and_cancelling(world: World, ada: Trader, bob: Trader, record_units: Record) -> None:
    """Promised: at most 2,500 to place an order that rests, at most 1,500 to cancel it."""
    first = record_units("trading.place_order.rests", ada.place(SELL, 100, 5))
    behind = record_units("trading.place_order.rests_behind", bob.place(SELL, 100, 5))
    bid = record_units("trading.place_order.rests_bid", ada.place(BUY, 90, 5))
    assert max(used(first), used(behind), used(bid)) <= 2_500
    cancel = record_units("trading.cancel_order", ada.cancel(first.event("OrderPlaced")["order_id"]))
    far = ada.rest(SELL, MIN_TICK + TICKS - 1, 1)
    last = record_units("trading.cancel_order.next_level_far", bob.cancel(behind.event("OrderPlaced")["order_id"]))
    assert max(used(cancel), used(last)) <= 1_500
    # The worst case for a bid: the next bit is eight words down.
    ada_bid = bid.event("OrderPlaced")["order_id"]
    expect_ok(ada.cancel(far))
    top = bob.rest(BUY, MIN_TICK + TICKS - 1, 1)
    bob.rest(BUY, MIN_TICK, 1)
    expect_ok(ada.cancel(ada_bid))
    worst = record_units("trading.cancel_order.next_bid_far", bob.cancel(top))
    assert used(worst) <= 1_500


@pytest.mark.parametrize("count", [1, 10, 100])
def test_filling(world: World, ada: Trader, bob: Trader, record_units: Record, count: int) -> None:
    """Promised: at most 900 for a fill with its settlement."""
    for _ in range(count):
        ada.rest(SELL, 100, 5)
    outcome = record_units(f"trading.place_order.fills_{count}", bob.place(BUY, 100, 5 * count, limit=400_000))
    assert used(outcome) <= 2_500 + 900 * count


def test_filling_the_other_side_and_across_levels(world: World, ada: Trader, bob: Trader, record_units: Record) -> None:
    """The dearest fills: each empties a level, and the next one is far away."""
    for i in range(10):
        ada.rest(BUY, MIN_TICK + 50 * i, 5)
    outcome = record_units("trading.place_order.fills_10_levels", bob.place(SELL, MIN_TICK, 50))
    assert used(outcome) <= 2_500 + 900 * 10


def test_expired_orders_in_the_way(world: World, ada: Trader, bob: Trader, record_units: Record) -> None:
    """Sweeping is paid by the taker, so it must stay below the price of a fill."""
    interval = world.chain.now_s() // 900
    for _ in range(10):
        ada.rest(SELL, 100, 5, expires=interval)
    world.chain.advance(900)
    outcome = record_units("trading.place_order.sweeps_10", bob.place(BUY, 100, 5))
    assert used(outcome) <= 2_500 + 900 * 10


def test_cost_does_not_grow_with_the_book(world: World, ada: Trader, bob: Trader) -> None:
    """An order in a full book must cost what it costs in an empty one, or a busy market stops."""
    empty = used(ada.place(SELL, 100, 1))
    for i in range(200):
        bob.rest(SELL, 100 + i % 50, 1)
    assert abs(used(ada.place(SELL, 100, 1)) - empty) <= 50


def test_managing_orders(world: World, ada: Trader, bob: Trader, record_units: Record) -> None:
    """Promised: at most 1,500 to cancel; one of many costs no more."""
    orders = [ada.rest(SELL, 100 + i, 5) for i in range(5)]
    assert used(record_units("trading.reduce_order", ada.reduce(orders[0], 1))) <= 1_500
    record_units("trading.amend_order.in_place", ada.amend(orders[0], 100, 3))
    moved = record_units("trading.amend_order.moved", ada.amend(orders[0], 102, 3))
    assert used(moved) <= 2_500
    bob.rest(BUY, 90, 5)
    record_units("trading.amend_order.fills_1", ada.amend(orders[1], 90, 5))
    outcome = record_units("trading.cancel_all.4", ada.cancel_all())
    assert len(outcome.events("OrderOut")) == 4
    assert used(outcome) <= 1_500 * 4
    for _ in range(10):
        ada.rest(SELL, 100, 1, expires=world.interval)
    world.chain.advance(900)
    outcome = record_units("trading.prune_expired.10", world.prune(0, 64))
    assert len(outcome.events("OrderOut")) == 10


def test_market_orders_and_own_orders(world: World, ada: Trader, bob: Trader, record_units: Record) -> None:
    """A market order costs what a limit order with the same fills costs."""
    for _ in range(10):
        ada.rest(SELL, 100, 5)
    assert used(record_units("trading.place_order.market_10", bob.place(BUY, 110, 50, kind=MARKET))) <= 2_500 + 9_000
    ada.rest(SELL, 100, 5)
    record_units("trading.place_order.decrements_1", ada.place(BUY, 100, 5, self_trade=DECREMENT))


def test_full_book(world: World, ada: Trader, bob: Trader, record_units: Record) -> None:
    """Making room costs a cancel on top."""
    ada.rest(BUY, 50, 5)
    world.chain.patch(world.market, 402, (4096).to_bytes(2, "little"))
    assert used(record_units("trading.place_order.evicts", bob.place(BUY, 60, 1))) <= 2_500


def test_waiting_orders(world: World, ada: Trader, bob: Trader, record_units: Record) -> None:
    """A stop finds its place among those before it; the worst case is 255 of them."""
    scheduled = record_units("trading.schedule_order", ada.schedule(BUY, 100, 5, world.interval + 1))
    assert used(scheduled) <= 2_500
    world.chain.advance(900)
    order_id = scheduled.event("OrderPlaced")["order_id"]
    record_units("trading.activate_order.rests", world.activate(order_id))
    first = record_units("trading.place_stop", ada.stop(SELL, 99, 98, 1))
    assert used(first) <= 2_500
    assert used(record_units("trading.cancel_order.stop", ada.cancel(first.event("OrderPlaced")["order_id"]))) <= 1_500
    ada.waits(ada.stop(SELL, 99, 98, 3))
    bob.rest(BUY, 99, 10)
    carol = world.trader("carol", lots=10)
    expect_ok(carol.place(SELL, 99, 6))  # five at 100, one at 99
    outcome = record_units("trading.trigger_stops.1", world.trigger_stops())
    assert outcome.event("OrderPlaced")["filled_lots"] == 3
    for i in range(255):
        if i % 8 == 0:
            trader = world.trader(f"trader {i}", lots=8)
        trader.waits(trader.stop(SELL, 80, 70, 1))
    record_units("trading.place_stop.behind_255", trader.stop(SELL, 80, 70, 1))
    assert len(world.snapshot().stop_lists()[1]) == 256


def test_market_makers_and_fees(world: World, ada: Trader, bob: Trader, record_units: Record) -> None:
    """A fill of a market maker on duty stays below what a fill may cost."""
    record_units("trading.set_market_maker", world.set_maker(ada.number))
    record_units("trading.set_maker_programme", world.set_programme(10, 1))
    for _ in range(10):
        ada.rest(SELL, 100, 5)
    ada.rest(BUY, 95, 5)
    world.chain.advance(80)
    outcome = record_units("trading.sample_market_maker.11_orders", world.sample(ada.number))
    assert outcome.event("MakerSampled")["is_met"]
    outcome = record_units("trading.place_order.fills_10_market_maker", bob.place(BUY, 100, 50))
    assert used(outcome) <= 2_500 + 900 * 10
    world.chain.advance(86_400)
    outcome = record_units("trading.sample_market_maker.closes_day", world.sample(ada.number))
    assert outcome.event("MakerDayClosed")["paid_ucredit"] > 0
    owner = bob.wallet.pubkey()
    recipients = [
        world.chain.put_token_account(keypair(f"recipient {i}").pubkey(), world.credit_mint, owner) for i in range(4)
    ]
    record_units("trading.set_fee_recipients.4", world.share_fees(recipients, [2_500] * 4))
    record_units("trading.sweep_fees.4", world.sweep(recipients))
