"""The market against a book of plain Python lists: thousands of random steps of every kind, compared after every one.

What the reference (`trading_model.py`) decides is what the market must do: who trades with whom, what is bound, what a refusal is called. And
whatever happens: the book is never crossed at rest, no pause holds funds, and the seats with the fee bucket are what lies in the vaults.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from program_harness import Chain, Outcome, expect_error, expect_ok, keypair
from proving import steps
from solders.pubkey import Pubkey
from test_trading_funds import Ledger
from trading_model import Account as SeatAccount
from trading_model import Book, Order, Refused, Terms
from trading_world import (
    AT_SEATS,
    BOTH,
    BUY,
    CANCEL_MAKER,
    CANCEL_TAKER,
    DECREMENT,
    FOK,
    IOC,
    LIMIT,
    MARKET,
    MIN_TICK,
    PARAM_TAKER_FEE_BPS,
    POST_ONLY,
    REFUSE,
    SELL,
    Snapshot,
    Trader,
    World,
)

STEPS = steps(1_300, prove=50_000)
TRADERS = 6
CAPACITY = 4096
SHARES = [1_234, 5_000, 3_766]


@dataclass
class Market:
    """A market, its reference, and what is compared beside them."""

    chain: Chain
    world: World
    traders: list[Trader]
    book: Book
    ledger: Ledger
    recipients: list[Pubkey]
    dice: random.Random
    seen: Counter[str]
    fills_hash: bytes = bytes(32)
    trade: int = 0
    withdrawn_lots: int = 0

    @property
    def centre(self) -> int:
        """Around what prices are thrown: it moves slowly, so that most orders meet somebody and stops are reached."""
        return 120 + (sum(self.seen.values()) // 200) % 40

    def tick(self) -> int:
        """A price, mostly near the others."""
        near = self.centre + self.dice.randint(-5, 5)
        return self.dice.choice([near] * 7 + [self.dice.randrange(0, 540)])

    def terms(self, seat: int) -> Terms:
        """An order."""
        dice, interval = self.dice, self.book.interval
        return Terms(
            seat,
            dice.randrange(2),
            self.tick(),
            dice.choice([1, 2, 5, 17, 60, 400]),
            dice.choices([LIMIT, IOC, FOK, POST_ONLY, MARKET], [8, 1, 1, 1, 2])[0],
            dice.choice([*[0] * 9, *[interval, interval + 1] * 3, interval - 1]),
            dice.choices([CANCEL_TAKER, CANCEL_MAKER, DECREMENT, REFUSE], [2, 2, 2, 1])[0],
            dice.choice([0, 0, 1, 2, 5]),
        )

    def any_order(self) -> Order | None:
        """An order that is there."""
        return self.dice.choice(self.book.orders) if self.book.orders else None

    def next_id(self, terms: Terms, *, may_evict: bool) -> int:
        """The id the market gives to the next order: the next number, and the slot it will stand in."""
        market = self.world.snapshot()
        if market.free_order:
            slot = market.free_order - 1
        elif market.orders_high < CAPACITY:
            slot = market.orders_high
        else:
            may_rest = may_evict and terms.kind in (LIMIT, POST_ONLY)
            victim = (self.book.reachable(terms) or self.book.victim(terms)) if may_rest else None
            slot = victim.order_id & 0xFFF if victim else 0xFFF
        return (market.order_seq + 1) << 12 | slot

    def run(self, outcome: Outcome, decide: Callable[[Book], object]) -> Outcome | None:
        """Compare what the market did with what the reference decides; None if both refused, by the same name."""
        trial = self.book.copy()
        try:
            decide(trial)
        except Refused as refusal:
            expect_error(outcome, "trading", str(refusal))
            self.seen[str(refusal)] += 1
            return None
        expect_ok(outcome)
        self.book = trial
        self.compare_events(outcome)
        self.compare_trades()
        return outcome

    def compare_events(self, outcome: Outcome) -> None:
        """Each kind of event, in its order."""

        def told(name: str, *fields: str) -> list[tuple[int, ...]]:
            return [tuple(event.fields[key] for key in fields) for event in outcome.events(name)]

        wanted = self.book.told
        sums = ("filled_lots", "resting_lots", "value_ucredit", "fee_ucredit", "outcome")
        assert told("OrderPlaced", "order_id", "lots", *sums) == wanted.placed
        assert told("OrderOut", "order_id", "lots", "reason") == wanted.out
        assert told("OrderChanged", "order_id", "lots", "expires_interval") == wanted.changed
        assert told("OrderWoken", "order_id", "reason") == wanted.woken
        fills = [
            (event.fields["taker_order"], fill["maker_order"], fill["lots"], fill["tick"])
            for event in outcome.events("Filled")
            for fill in event.fields["fills"]
        ]
        assert fills == wanted.fills
        self.seen.update(f"outcome {placed[-1]}" for placed in wanted.placed)
        self.seen.update(f"out {out[-1]}" for out in wanted.out)
        self.seen.update(f"woken {woken[-1]}" for woken in wanted.woken)
        self.seen["fills"] += len(fills)

    def compare_trades(self) -> None:
        """The ring, the running hash and the totals of the interval."""
        if not self.book.trades:
            return
        market = self.world.snapshot()
        for maker, taker, lots, tick, side in self.book.trades:
            self.trade += 1
            fill = market.fill(self.trade)
            assert (fill.trade, fill.maker_order, fill.taker_order) == (self.trade, maker, taker)
            assert (fill.lots, fill.tick, fill.taker_side) == (lots, tick, side)
            assert (fill.interval, fill.campus_time) == (self.book.interval, self.book.now_s)
            self.fills_hash = hashlib.sha256(self.fills_hash + fill.raw).digest()
        assert (market.trade_seq, market.fills_hash) == (self.trade, self.fills_hash)
        totals = market.totals(self.book.interval)
        assert totals is not None
        assert (totals["fills_hash"], totals["last_trade"]) == (self.fills_hash, self.trade)


def compare(market: Snapshot, book: Book, base: int) -> None:
    """Compare the market with the reference, and the market's own tables with one another."""
    orders = market.orders()
    assert {
        (o.order_id, o.seat, o.side, o.tick, o.lots, o.placed_lots, o.expires_interval, o.is_waiting) for o in orders
    } == {
        (o.order_id, o.terms.seat, o.terms.side, o.terms.tick, o.lots, o.placed, o.terms.expires, o.waits)
        for o in book.orders
    }
    for side, best_name, lots_name in ((BUY, "best_bid_tick", "bid_lots"), (SELL, "best_ask_tick", "ask_lots")):
        levels: dict[int, list[tuple[int, int]]] = {}
        for order in book.queue(side):
            levels.setdefault(order.terms.tick, []).append((order.order_id, order.lots))
        wanted = list(levels.items())
        assert market.side(side) == wanted
        assert market.header[best_name] == (wanted[0][0] if wanted else 0)
        assert market.header[lots_name] == sum(lots for _, queue in wanted for _, lots in queue)
        for tick, queue in wanted:
            _, tail, count, lots = market.level(side, tick - MIN_TICK)
            assert (tail, count, lots) == ((queue[-1][0] & 0xFFF) + 1, len(queue), sum(n for _, n in queue))
    bid, ask = market.best_bid_tick, market.best_ask_tick
    assert not (bid and ask and bid >= ask), "the book is crossed at rest"
    assert (market.open_orders, market.last_tick) == (len(orders), book.last)
    assert [[order_id for _, order_id in found] for found in market.stop_lists()] == list(book.stops)

    seats = market.seats()
    for number, (seat, account) in enumerate(zip(seats, book.accounts, strict=True)):
        mine = book.of_seat(number)
        bound = [sum(part) for part in zip(*(o.bound for o in mine), strict=True)] or [0, 0]
        assert (seat.credit_free, seat.credit_locked) == (account.credit, bound[0])
        assert (seat.grid_free, seat.grid_locked) == (account.grid, bound[1])
        assert (seat.mm_met, seat.mm_day, seat.mm_rebate) == (account.met, account.day, account.rebate)
        walked, link, newer = [], seat.first_order, 0
        while link:
            order = market.order_at(link - 1)
            assert order is not None
            assert order.seat_prev == newer
            walked.append(order.order_id)
            newer, link = link, order.seat_next
        assert walked == [o.order_id for o in mine]
        assert (seat.open_orders, seat.open_stops) == (len(mine), sum(1 for o in mine if o.waits and o.trigger))
    assert market.grid_lots == sum(s.grid_free + s.grid_locked for s in seats)
    assert (market.fee_ucredit, market.rebates_due) == (book.bucket, book.rebates_due)
    assert 0 <= book.rebates_due <= book.bucket
    assert market.credit_ucredit == sum(s.credit_free + s.credit_locked for s in seats) + book.bucket
    free, link = 0, market.free_order
    while link:
        assert market.order_at(link - 1) is None
        free += 1
        at = 148_608 + 48 * (link - 1) + 38
        link = int.from_bytes(market.data[at : at + 2], "little")
    assert free + len(orders) == market.orders_high - base


# ------------------------------------------------------------------------------------------------------------- steps


def place(m: Market) -> None:
    """A new order of any kind."""
    seat = m.dice.randrange(TRADERS)
    t = m.terms(seat)
    order_id = m.next_id(t, may_evict=True)
    outcome = m.traders[seat].place(
        t.side, t.tick, t.lots, kind=t.kind, expires=t.expires, self_trade=t.self_trade, max_fills=t.max_fills
    )
    m.run(outcome, lambda book: book.place(order_id, t))


def stop(m: Market) -> None:
    """A stop near the last price."""
    seat = m.dice.randrange(TRADERS)
    t = m.terms(seat)
    t.max_fills = 0
    t.kind = m.dice.choice([LIMIT, IOC, MARKET, MARKET, FOK])
    up = 1 if t.side == BUY else -1
    trigger = max(0, (m.book.last or 130) + m.dice.randint(-3, 9) * up)
    t.tick = max(0, m.dice.choice([t.tick, trigger, trigger + 20 * up]))
    order_id = m.next_id(t, may_evict=False)
    outcome = m.traders[seat].stop(
        t.side, trigger, t.tick, t.lots, kind=t.kind, expires=t.expires, self_trade=t.self_trade
    )
    m.run(outcome, lambda book: book.stop(order_id, t, trigger))


def schedule(m: Market) -> None:
    """An order for one of the next intervals."""
    seat = m.dice.randrange(TRADERS)
    t = m.terms(seat)
    t.max_fills = 0
    first = m.book.interval + m.dice.choice([0, 1, 1, 1, 2])
    order_id = m.next_id(t, may_evict=False)
    outcome = m.traders[seat].schedule(
        t.side, t.tick, t.lots, first, kind=t.kind, expires=t.expires, self_trade=t.self_trade
    )
    m.run(outcome, lambda book: book.schedule(order_id, t, first))


def activate(m: Market) -> None:
    """Whoever comes by wakes an order, mostly a scheduled one."""
    due = [o for o in m.book.orders if o.waits and not o.trigger and o.not_before <= m.book.interval]
    order = m.dice.choice(due) if due else m.any_order()
    if order is not None:
        m.run(m.world.activate(order.order_id), lambda book: book.activate(order.order_id))


def trigger(m: Market) -> None:
    """Whoever comes by wakes stops."""
    most = m.dice.choice([0, 1, 3])
    m.run(m.world.trigger_stops(most), lambda book: book.trigger(most))


def cancel(m: Market) -> None:
    """An order's owner cancels it, or somebody else tries to."""
    if (order := m.any_order()) is not None:
        seat = m.dice.choice([order.terms.seat, order.terms.seat, m.dice.randrange(TRADERS)])
        m.run(m.traders[seat].cancel(order.order_id), lambda book: book.cancel(seat, order.order_id))


def cancel_all(m: Market) -> None:
    """A trader leaves."""
    seat, side, most = m.dice.randrange(TRADERS), m.dice.choice([BUY, SELL, BOTH]), m.dice.choice([0, 1, 4])
    m.run(m.traders[seat].cancel_all(side, most), lambda book: book.cancel_all(seat, side, most))


def reduce(m: Market) -> None:
    """An order's owner wants less."""
    if (order := m.any_order()) is not None:
        seat, lots = order.terms.seat, m.dice.choice([1, 1, 3, order.lots, order.lots + 1])
        m.run(m.traders[seat].reduce(order.order_id, lots), lambda book: book.reduce(seat, order.order_id, lots))


def amend(m: Market) -> None:
    """An order's owner wants other terms."""
    resting = [order for order in m.book.orders if not order.waits or m.dice.random() < 0.1]
    if resting:
        order = m.dice.choice(resting)
        seat, new = order.terms.seat, m.terms(order.terms.seat)
        new.tick = m.dice.choice([new.tick, order.terms.tick])
        new.lots = m.dice.choice([new.lots, order.placed, max(1, order.placed - 1)])
        outcome = m.traders[seat].amend(
            order.order_id,
            new.tick,
            new.lots,
            expires=new.expires,
            self_trade=new.self_trade,
            max_fills=new.max_fills,
        )
        m.run(outcome, lambda book: book.amend(seat, order.order_id, new))


def prune(m: Market) -> None:
    """Whoever comes by takes expired orders out."""
    by_slot = sorted((o.order_id for o in m.book.orders), key=lambda order_id: order_id & 0xFFF)
    m.run(m.world.prune(), lambda book: book.prune(by_slot))


def sample(m: Market) -> None:
    """Whoever comes by samples a market maker; the first two seats are, or were."""
    seat = m.dice.randrange(3)
    said: list[tuple[bool, int, int]] = []
    outcome = m.run(m.world.sample(seat), lambda book: said.append(book.sample(seat)))
    if outcome is None:
        return
    met, paid, forfeited = said[0]
    sampled = [event.fields["is_met"] for event in outcome.events("MakerSampled")]
    assert sampled == ([met] if m.book.accounts[seat].maker else [])
    for event in outcome.events("MakerDayClosed"):
        assert (event.fields["paid_ucredit"], event.fields["forfeited_ucredit"]) == (paid, forfeited)
        m.seen["paid"] += paid > 0
    m.seen["met"] += met


def sweep(m: Market) -> None:
    """Whoever comes by pays the bucket out."""
    before = [m.chain.token_amount(address) for address in m.recipients]
    said: list[list[int]] = []
    if m.run(m.world.sweep(m.recipients), lambda book: said.append(book.sweep(SHARES))) is not None:
        got = [m.chain.token_amount(address) - was for address, was in zip(m.recipients, before, strict=True)]
        assert got == said[0]
        m.seen["swept"] += 1


def withdraw(m: Market) -> None:
    """A trader takes free funds out, whatever is paused and whoever is suspended."""
    seat = m.dice.randrange(TRADERS)
    account = m.book.accounts[seat]
    ucredit, lots = min(account.credit, m.dice.randint(1, 500)), min(account.grid, 1)
    if ucredit:
        expect_ok(m.traders[seat].withdraw_credit(ucredit))
        account.credit -= ucredit
    if lots:
        expect_ok(m.ledger.withdraw_grid(m.traders[seat], seat, lots))
        account.grid -= lots
        m.withdrawn_lots += lots
    m.seen["withdrawn"] += 1


def deposit(m: Market) -> None:
    """A trader pays in, unless the council has paused it."""
    seat = m.dice.randrange(TRADERS)
    outcome = m.traders[seat].deposit_credit(100)
    if m.book.accounts[seat].suspended or m.book.mask & 16:
        assert not outcome.ok
    else:
        expect_ok(outcome)
        m.book.accounts[seat].credit += 100


def council(m: Market) -> None:
    """The council changes a pause, a fee or a market maker, or the registry suspends somebody."""
    held = next((seat for seat, account in enumerate(m.book.accounts) if account.suspended), None)
    what = 0 if m.book.mask else 3 if held is not None else m.dice.randrange(4)  # no trouble lasts
    if what == 0:
        m.book.mask = 0 if m.book.mask else m.dice.randrange(256)
        m.world.pause(m.book.mask, m.book.now_s + 10**9)
    elif what == 1:
        m.book.fee_bps = m.dice.choice([0, 25, 37, 100])
        m.world.set_param(PARAM_TAKER_FEE_BPS, m.book.fee_bps)
    elif what == 2:
        seat, is_maker = m.dice.randrange(2), m.dice.random() < 0.8
        expect_ok(m.world.set_maker(seat, flags=int(is_maker), spread=400, size=1))
        m.book.accounts[seat].maker = (400, 1) if is_maker else None
    else:
        seat, suspended = (held, False) if held is not None else (m.dice.randrange(TRADERS), True)
        m.chain.patch(m.world.market, AT_SEATS + 128 * seat + 66, bytes([suspended]))
        m.book.accounts[seat].suspended = suspended


def wait(m: Market) -> None:
    """Time passes; sometimes a night."""
    m.chain.advance(m.dice.choice([*[60, 450, 900, 900] * 4, 40_000]))
    m.book.now_s = m.chain.now_s()


WEIGHTS: dict[Callable[[Market], None], int] = {
    place: 46,
    stop: 9,
    schedule: 4,
    activate: 4,
    trigger: 6,
    cancel: 6,
    cancel_all: 1,
    reduce: 4,
    amend: 8,
    prune: 1,
    sample: 5,
    sweep: 1,
    withdraw: 2,
    deposit: 1,
    council: 6,
    wait: 4,
}


@pytest.mark.prove_too
@pytest.mark.parametrize(("seed", "slots"), [(22, CAPACITY), (2, 14)])
def test_market_decides_like_the_reference_book(chain: Chain, seed: int, slots: int) -> None:
    """Any step that breaks priority, conservation or a link would show as a difference to a book that cannot break them."""
    m = make_market(chain, seed, slots)
    base = CAPACITY - slots
    actions, weights = list(WEIGHTS), list(WEIGHTS.values())
    paid_in = chain.token_amount(m.world.credit_vault)
    for _ in range(STEPS):
        action = m.dice.choices(actions, weights)[0]
        m.seen[action.__name__] += 1
        action(m)
        compare(m.world.snapshot(), m.book, base)
        if action in (withdraw, deposit, sweep):
            market = m.world.snapshot()
            assert chain.token_amount(m.world.credit_vault) == market.credit_ucredit
            assert chain.token_amount(m.world.grid_vault) == 1000 * market.grid_lots
    assert paid_in > 0
    require_variety(m, slots)


def make_market(chain: Chain, seed: int, slots: int) -> Market:
    """Six traders, rich and poor; with few order slots the book is full half of the time."""
    dice = random.Random(seed)
    world = World(chain, fee_bps=37)
    book = Book(now_s=chain.now_s(), fee_bps=37, slots=slots)
    book.rebate_bps, book.target = 20, 1
    traders: list[Trader] = []
    for i in range(TRADERS):
        grid, credit = dice.choice([(5_000, 5_000_000), (200, 300_000), (50_000, 90_000_000)])
        traders.append(world.trader(f"trader {i}", lots=grid, ucredit=credit))
        book.accounts.append(SeatAccount(grid, credit))
    chain.patch(world.market, 402, (CAPACITY - slots).to_bytes(2, "little"))
    ledger = Ledger(world, [trader.wallet for trader in traders], 0)
    owner = keypair("owner").pubkey()
    recipients = [
        chain.put_token_account(keypair(f"recipient {i}").pubkey(), world.credit_mint, owner)
        for i in range(len(SHARES))
    ]
    expect_ok(world.share_fees(recipients, SHARES))
    expect_ok(world.set_programme(book.rebate_bps, book.target))
    for seat in (0, 1):
        expect_ok(world.set_maker(seat, flags=1, spread=400, size=1))
        book.accounts[seat].maker = (400, 1)
    return Market(chain, world, traders, book, ledger, recipients, dice, Counter())


def require_variety(m: Market, slots: int) -> None:
    """A walk that met nothing would prove nothing."""
    outcomes = {f"outcome {n}" for n in (0, 1, 2, 3, 4, 5, 6)}
    reasons = {f"out {n}" for n in (0, 1, 2)} | {f"woken {n}" for n in range(3)}
    refusals = {"SelfTrade", "WouldCross", "FillOrKill", "Expired", "BadTick", "Paused", "WrongSeat", "TriggerReached"}
    wanted = outcomes | reasons | refusals | {"NotYetActive", "NothingToTrigger", "swept", "withdrawn"}
    wanted |= {"met", "paid"} if slots == CAPACITY else {"out 3", "BookFull"}
    assert wanted <= {name for name, times in m.seen.items() if times}, (
        f"the dice never threw {sorted(wanted - set(m.seen))}"
    )
    assert m.seen["fills"] > STEPS // 10, m.seen
