"""Market makers' duty, its samples and the rebate; and the fee bucket that is shared by the council's recipients."""

from __future__ import annotations

import pytest
from program_harness import Chain, Outcome, expect_error, expect_ok, expect_shared, keypair
from solders.pubkey import Pubkey
from trading_world import AT_COUNCIL, AT_SEATS, BUY, PARAM_TAKER_FEE_BPS, SELL, Trader, World

CREDIT = 10**9
GRID = 100_000
INTERVALS = 96


@pytest.fixture
def world(chain: Chain) -> World:
    """A market with a fee of 1 %, in the first minutes of a UTC day."""
    chain.set_time(chain.now_s() // 86_400 * 86_400 + 86_400 + 60)
    return World(chain, fee_bps=100)


@pytest.fixture
def maker(world: World) -> Trader:
    """A market maker: 10 ticks wide, 5 lots, half a per cent of rebate for 3 intervals a day."""
    trader = world.trader("maker", lots=GRID, ucredit=CREDIT)
    expect_ok(world.set_maker(trader.number, spread=10, size=5))
    expect_ok(world.set_programme(50, 3))
    return trader


@pytest.fixture
def bob(world: World, maker: Trader) -> Trader:
    """Whoever trades with the maker."""
    return world.trader("bob", lots=GRID, ucredit=CREDIT)


def is_met(outcome: Outcome) -> bool:
    """What a sample says."""
    return bool(expect_ok(outcome).event("MakerSampled")["is_met"])


def quote(maker: Trader, bid: int = 100, ask: int = 110, lots: int = 5) -> tuple[int, int]:
    """Place both sides and let them become quotes."""
    placed = maker.rest(BUY, bid, lots), maker.rest(SELL, ask, lots)
    maker.world.chain.advance(80)
    return placed


# ----------------------------------------------------------------------------------------------------------- sampling


@pytest.mark.parametrize(
    ("bid", "ask", "bid_lots", "ask_lots", "met"),
    [
        (100, 110, 5, 5, True),
        (100, 111, 5, 5, False),
        (100, 110, 4, 5, False),
        (100, 110, 5, 4, False),
        (100, 101, 500, 500, True),
    ],
)
def test_duty_is_met_on_both_sides_of_each_bound(
    world: World, maker: Trader, bid: int, ask: int, bid_lots: int, ask_lots: int, met: bool
) -> None:
    """Spread and size are what the council pays for."""
    maker.rest(BUY, bid, bid_lots)
    maker.rest(SELL, ask, ask_lots)
    world.chain.advance(80)
    sampled = expect_ok(world.sample(maker.number)).event("MakerSampled")
    assert (sampled["bid_tick"], sampled["ask_tick"]) == (bid, ask)
    assert (sampled["bid_lots"], sampled["ask_lots"]) == (bid_lots, ask_lots)
    assert (sampled["is_met"], sampled["met"]) == (met, int(met))
    assert maker.seat.mm_met == int(met)


def test_several_orders_at_the_best_price_count_together_and_worse_ones_do_not(world: World, maker: Trader) -> None:
    """Size behind the quote is no quote."""
    for lots in (2, 3):
        maker.rest(BUY, 100, lots)
        maker.rest(SELL, 108, lots)
    maker.rest(BUY, 99, 100)
    world.chain.advance(80)
    sampled = expect_ok(world.sample(maker.number)).event("MakerSampled")
    assert (sampled["bid_lots"], sampled["ask_lots"], sampled["is_met"]) == (5, 5, True)


@pytest.mark.parametrize(
    ("age_s", "met"), [(59, False), (60, True), (65_536, True), (65_600, True), (20 * 86_400, True)]
)
def test_a_quote_counts_from_its_first_minute_on(world: World, maker: Trader, age_s: int, met: bool) -> None:
    """For ever: a quote that looked new again after 18 hours would cost the maker an interval, at a moment of another's choice."""
    maker.rest(BUY, 100, 5)
    maker.rest(SELL, 110, 5)
    world.chain.advance(age_s)
    assert is_met(world.sample(maker.number)) is met


def test_one_side_or_nothing_is_no_quote(world: World, maker: Trader) -> None:
    """A maker who only sells makes no market."""
    assert not is_met(world.sample(maker.number))
    maker.rest(SELL, 105, 50)
    world.chain.advance(900)
    assert not is_met(world.sample(maker.number))


def test_quote_made_for_the_sample_alone_counts_for_nothing(world: World, maker: Trader) -> None:
    """Else a maker would quote, sample and cancel in one transaction and be paid for an empty book."""
    maker.rest(BUY, 100, 5)
    maker.rest(SELL, 110, 5)
    assert not is_met(world.sample(maker.number))
    world.chain.advance(900)
    assert is_met(world.sample(maker.number))


def test_amended_quote_is_a_new_one_and_a_reduced_one_is_not(world: World, maker: Trader) -> None:
    """Moving a far order to the best price for a moment would be the same trick."""
    bid, ask = quote(maker, 80, 130, 10)
    expect_ok(maker.amend(bid, 100, 10))
    expect_ok(maker.amend(ask, 105, 10))
    assert not is_met(world.sample(maker.number))
    world.chain.advance(900)
    expect_ok(maker.reduce(bid, 5))
    assert is_met(world.sample(maker.number))


def test_expired_waiting_and_suspended_do_not_count(world: World, maker: Trader) -> None:
    """Nobody could trade with them."""
    now = world.interval
    maker.rest(BUY, 100, 5, expires=now)
    maker.rest(SELL, 105, 5)
    maker.waits(maker.stop(BUY, 104, 104, 5))
    maker.waits(maker.schedule(BUY, 103, 5, now + 1))
    world.chain.advance(900)
    sampled = expect_ok(world.sample(maker.number)).event("MakerSampled")
    assert (sampled["bid_tick"], sampled["bid_lots"], sampled["is_met"]) == (0, 0, False)
    quote(maker, 100, 104)
    world.chain.advance(900)
    world.chain.patch(world.market, AT_SEATS + 66, b"\x01")
    assert not is_met(world.sample(maker.number))


def test_one_sample_an_interval_and_only_of_market_makers(world: World, maker: Trader, bob: Trader) -> None:
    """Uptime is counted in intervals, however often somebody asks."""
    quote(maker)
    world.pause(255)  # no pause stops a sample
    expect_ok(world.sample(maker.number))
    expect_error(world.sample(maker.number), "trading", "AlreadySampled")
    expect_error(world.sample(bob.number), "trading", "NotMarketMaker")
    expect_error(world.sample(2), "trading", "WrongSeat")
    expect_error(world.sample(65_535), "trading", "WrongSeat")
    world.chain.advance(900)
    assert is_met(world.sample(maker.number))
    assert maker.seat.mm_met == 2


# ------------------------------------------------------------------------------------------------------------ rebates


def day(world: World, maker: Trader, bob: Trader, *, met: int) -> None:
    """A day in which the maker meets its duty `met` times and bob buys 40 lots of it at 110."""
    expect_ok(world.sample(maker.number))  # opens the day: nothing quoted yet
    maker.rest(SELL, 110, 40)
    expect_ok(bob.place(BUY, 110, 40))
    orders = quote(maker)
    for _ in range(met):
        world.chain.advance(900)
        assert is_met(world.sample(maker.number))
    for order in orders:
        expect_ok(maker.cancel(order))


def test_rebate_is_paid_after_the_day_if_the_duty_was_met(world: World, maker: Trader, bob: Trader) -> None:
    """40 lots at 110 are 44,000 ucredit: 440 of fee, 220 of them the maker's."""
    day(world, maker, bob, met=3)
    market = world.snapshot()
    assert (market.fee_ucredit, market.rebates_due, maker.seat.mm_rebate) == (440, 220, 220)
    free, credit = maker.seat.credit_free, market.credit_ucredit
    world.chain.advance(86_400)
    closed = expect_ok(world.sample(maker.number)).event("MakerDayClosed")
    assert (closed["met"], closed["paid_ucredit"], closed["forfeited_ucredit"]) == (3, 220, 0)
    market = world.snapshot()
    assert (market.fee_ucredit, market.rebates_due, market.credit_ucredit) == (220, 0, credit)
    assert maker.seat.credit_free == free + 220
    assert (maker.seat.mm_met, maker.seat.mm_rebate) == (0, 0)


def test_rebate_is_forfeited_below_the_target(world: World, maker: Trader, bob: Trader) -> None:
    """One interval too few and the fee belongs to everybody again."""
    day(world, maker, bob, met=2)
    free = maker.seat.credit_free
    world.chain.advance(86_400)
    closed = expect_ok(world.sample(maker.number)).event("MakerDayClosed")
    assert (closed["met"], closed["paid_ucredit"], closed["forfeited_ucredit"]) == (2, 0, 220)
    market = world.snapshot()
    assert (market.fee_ucredit, market.rebates_due, maker.seat.credit_free) == (440, 0, free)


def test_day_of_a_dismissed_maker_is_closed_and_no_new_one_opened(world: World, maker: Trader, bob: Trader) -> None:
    """What was earned is paid; what comes after is not."""
    day(world, maker, bob, met=3)
    expect_ok(world.set_maker(maker.number, flags=0))
    maker.rest(SELL, 110, 40)
    expect_ok(bob.place(BUY, 110, 40))
    expect_error(world.sample(maker.number), "trading", "NotMarketMaker")
    world.chain.advance(86_400)
    outcome = expect_ok(world.sample(maker.number))
    assert outcome.event("MakerDayClosed")["paid_ucredit"] == 220
    assert outcome.events("MakerSampled") == []
    expect_error(world.sample(maker.number), "trading", "NotMarketMaker")


def test_fills_before_the_first_sample_of_a_day_earn_nothing(world: World, maker: Trader, bob: Trader) -> None:
    """Without samples there is no duty that could have been met."""
    maker.rest(SELL, 110, 40)
    expect_ok(bob.place(BUY, 110, 10))
    assert world.snapshot().rebates_due == 0
    expect_ok(world.sample(maker.number))
    expect_ok(bob.place(BUY, 110, 10))
    assert world.snapshot().rebates_due == 55
    world.chain.advance(86_400)
    expect_ok(bob.place(BUY, 110, 10))
    assert world.snapshot().rebates_due == 55


def test_rebate_is_never_more_than_the_fee_of_the_fill(world: World, maker: Trader, bob: Trader) -> None:
    """Else a maker could trade with a friend and be paid from the other traders' fees."""
    expect_ok(world.set_programme(10_000, 1))
    expect_ok(world.sample(maker.number))
    fees = 0
    for lots in (1, 3, 7, 1, 1, 13):
        maker.rest(SELL, 111, lots)
        maker.rest(SELL, 111, 1)
        fees += expect_ok(bob.place(BUY, 111, lots + 1)).event("OrderPlaced")["fee_ucredit"]
        assert world.snapshot().rebates_due <= fees
    assert maker.seat.mm_rebate == world.snapshot().rebates_due > 0
    world.set_param(PARAM_TAKER_FEE_BPS, 0)
    before = world.snapshot().rebates_due
    maker.rest(SELL, 111, 50)
    expect_ok(bob.place(BUY, 111, 50))
    assert world.snapshot().rebates_due == before


def test_taking_earns_no_rebate(world: World, maker: Trader, bob: Trader) -> None:
    """The duty is to rest in the book."""
    expect_ok(world.sample(maker.number))
    bob.rest(SELL, 110, 40)
    expect_ok(maker.place(BUY, 110, 40))
    assert (world.snapshot().fee_ucredit, world.snapshot().rebates_due) == (440, 0)


def test_only_the_council_makes_market_makers_and_within_bounds(world: World, maker: Trader, bob: Trader) -> None:
    """An own key with the council's name would appoint itself."""
    terms = {"seat": bob.number, "flags": 1, "spread_ticks": 5, "size_lots": 5}
    for name, args in (("set_market_maker", terms), ("set_maker_programme", {"rebate_bps": 1, "target_intervals": 1})):
        outcome = world.chain.call("trading", name, {"council": bob.wallet, "market": world.market}, **args)
        expect_shared(outcome, "WRONG_ADDRESS")
    for changes in ({"flags": 2}, {"spread": 0}, {"size": 0}):
        expect_error(world.set_maker(bob.number, **changes), "trading", "BadTerms")
    expect_error(world.set_maker(2), "trading", "WrongSeat")
    for rebate, target in ((10_001, 1), (0, 0), (0, INTERVALS + 1)):
        expect_error(world.set_programme(rebate, target), "trading", "BadTerms")
    expect_ok(world.set_programme(0, INTERVALS))


# ------------------------------------------------------------------------------------------------------------- fees


def accounts(world: World, count: int) -> list[Pubkey]:
    """Token accounts of the recipients."""
    made = [keypair(f"recipient {i}").pubkey() for i in range(count)]
    return [world.chain.put_token_account(address, world.credit_mint, keypair("owner").pubkey()) for address in made]


@pytest.mark.parametrize("shares", [[10_000], [5_000, 5_000], [3_333, 3_333, 3_334], [1, 1, 1, 9_997]])
def test_bucket_is_paid_out_by_shares_to_the_last_ucredit(
    world: World, maker: Trader, bob: Trader, shares: list[int]
) -> None:
    """Nothing is left over and nothing is invented, whatever the shares."""
    recipients = accounts(world, len(shares))
    outcome = expect_ok(world.share_fees(recipients, shares))
    assert outcome.event("FeeRecipientsSet")["shares_bps"] == shares + [0] * (4 - len(shares))
    maker.rest(SELL, 333, 77)
    fee = expect_ok(bob.place(BUY, 333, 77)).event("OrderPlaced")["fee_ucredit"]
    vault, credit = world.chain.token_amount(world.credit_vault), world.snapshot().credit_ucredit
    world.pause(255)
    swept = expect_ok(world.sweep(recipients)).event("FeesSwept")["amounts_ucredit"]
    assert sum(swept) == fee
    assert [world.chain.token_amount(address) for address in recipients] == swept[: len(shares)]
    assert swept[: len(shares) - 1] == [fee * share // 10_000 for share in shares[:-1]]
    market = world.snapshot()
    assert (market.fee_ucredit, market.fees_total_ucredit) == (0, fee)
    assert (market.credit_ucredit, world.chain.token_amount(world.credit_vault)) == (credit - fee, vault - fee)
    expect_error(world.sweep(recipients), "trading", "NothingToSweep")


def test_sweep_leaves_what_market_makers_may_still_earn(world: World, maker: Trader, bob: Trader) -> None:
    """A rebate that was swept could only be paid from the traders' money."""
    recipients = accounts(world, 1)
    expect_ok(world.share_fees(recipients, [10_000]))
    day(world, maker, bob, met=3)
    expect_ok(world.sweep(recipients))
    assert (world.snapshot().fee_ucredit, world.chain.token_amount(recipients[0])) == (220, 220)
    expect_error(world.sweep(recipients), "trading", "NothingToSweep")
    world.chain.advance(86_400)
    expect_ok(world.sample(maker.number))
    market = world.snapshot()
    assert (market.fee_ucredit, market.rebates_due) == (0, 0)
    seats = sum(seat.credit_free + seat.credit_locked for seat in market.seats())
    assert seats == market.credit_ucredit == world.chain.token_amount(world.credit_vault)


def test_sweep_pays_only_the_named_accounts_in_their_order(world: World, maker: Trader, bob: Trader) -> None:
    """Anyone may call it, so the caller must have no choice."""
    recipients = accounts(world, 3)
    expect_error(world.sweep(recipients[:1]), "trading", "NothingToSweep")
    expect_ok(world.share_fees(recipients[:2], [4_000, 6_000]))
    expect_error(world.sweep(recipients[:2]), "trading", "NothingToSweep")
    maker.rest(SELL, 110, 10)
    expect_ok(bob.place(BUY, 110, 10))
    before = world.snapshot().data
    for wrong in ([recipients[1], recipients[0]], [recipients[0], recipients[2]], recipients[:1], [bob.tokens] * 2):
        expect_shared(world.sweep(wrong), "WRONG_ADDRESS")
    assert world.snapshot().data == before
    expect_ok(world.sweep(recipients[:2]))
    assert world.snapshot().fee_ucredit == 0


def test_frozen_recipient_stops_the_sweep_until_the_council_names_another(
    world: World, maker: Trader, bob: Trader
) -> None:
    """The money waits in the bucket; it is neither lost nor another's."""
    one, two = accounts(world, 2)
    expect_ok(world.share_fees([one, two], [5_000, 5_000]))
    maker.rest(SELL, 110, 10)
    fee = expect_ok(bob.place(BUY, 110, 10)).event("OrderPlaced")["fee_ucredit"]
    world.chain.put_token_account(two, world.credit_mint, keypair("owner").pubkey(), frozen=True)
    before = world.snapshot().data
    assert not world.sweep([one, two]).ok
    assert (world.snapshot().data, world.chain.token_amount(one)) == (before, 0)
    expect_ok(world.share_fees([one, one], [2_500, 7_500]))  # one account may have two shares
    expect_ok(world.sweep([one, one]))
    assert world.chain.token_amount(one) == fee


def test_shares_that_do_not_fit_are_refused(world: World, maker: Trader) -> None:
    """A bucket that pays out more or less than itself."""
    one, two, three, four = accounts(world, 4)
    before = world.snapshot().data
    for recipients, shares in (
        ([one], [9_999]),
        ([one], [10_001]),
        ([one, two], [5_000, 4_999]),
        ([one, two], [10_000, 0]),
        ([one], [5_000, 5_000]),
        ([one, two, three, four], [65_535, 1, 1, 1]),
        ([world.credit_vault], [10_000]),
    ):
        expect_error(world.share_fees(recipients, shares), "trading", "BadShares")
    absent = Pubkey.from_bytes(bytes(world.chain.svm.get_account(world.market).owner))  # type: ignore[union-attr]
    expect_error(world.share_fees([one, absent, three], [5_000, 0, 5_000]), "trading", "BadShares")
    grid = keypair("grid").pubkey()
    world.chain.put_token_account(grid, world.grid_mint, keypair("owner").pubkey())
    expect_error(world.share_fees([grid], [10_000]), "trading", "NotYourTokenAccount")
    named = {"council": maker.wallet, "market": world.market, "first_recipient": one}
    outcome = world.chain.call("trading", "set_fee_recipients", named, shares_bps=[10_000, 0, 0, 0])
    expect_shared(outcome, "WRONG_ADDRESS")
    assert world.snapshot().data == before
    assert before[AT_COUNCIL : AT_COUNCIL + 32] == bytes(world.council)
