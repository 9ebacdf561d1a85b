"""A book of plain Python lists that decides what the market must do: the reference of the property test.

It knows nothing of slots, links or bitmaps: the orders are one list, who is first follows from price and arrival, and what a seat has bound
follows from its orders. Amounts are ucredit and lots.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from trading_world import (
    BOTH,
    BUY,
    CANCEL_MAKER,
    CANCEL_TAKER,
    CANCELLED,
    COMPLETE,
    EVICTED,
    EXPIRED,
    FOK,
    IOC,
    IOC_REST,
    LIMIT,
    MARKET,
    MATCH_LIMIT,
    MIN_TICK,
    OUT_SELF_TRADE,
    POST_ONLY,
    PROTECTED,
    REFUSE,
    RESTING,
    SELF_TRADE,
    SELL,
    SUSPENDED,
    TICKS,
    UNFUNDED,
    WAITING,
    WOULD_CROSS,
)

TOUCHES, WOKEN, TOUCHES_OF_A_STOP, OUT_AT_ONCE, STOPS_OF_SEAT = 128, 8, 4, 128, 8
DUE = 2
BY_TIME, BY_PRICE, BY_OWNER = range(3)
PAUSE_ORDERS, PAUSE_DEPOSITS = 4, 16


class Refused(Exception):
    """The reference's refusal, by the market's name for it."""


@dataclass
class Terms:
    """What a trader asks for."""

    seat: int
    side: int
    tick: int
    lots: int
    kind: int = LIMIT
    expires: int = 0
    self_trade: int = REFUSE
    max_fills: int = 0


@dataclass
class Order:
    """An order of the reference, resting or waiting."""

    order_id: int
    terms: Terms
    lots: int
    placed: int
    arrived: int  # order of arrival at its price
    joined: int  # order of arrival in its seat's list
    came_s: int
    waits: bool = False
    fee_bps: int = 0
    not_before: int = 0
    trigger: int = 0

    @property
    def bound(self) -> tuple[int, int]:
        """(ucredit, lots) that it binds."""
        if self.terms.side == SELL:
            return 0, self.lots
        value = self.lots * self.terms.tick * 10
        return value + (ceil_bps(value, self.fee_bps) if self.waits else 0), 0


@dataclass
class Account:
    """A seat: free funds, and what it does as a market maker."""

    grid: int
    credit: int
    suspended: bool = False
    maker: tuple[int, int] | None = None  # widest spread, least size
    sampled: int = 0
    day: int = 0
    met: int = 0
    rebate: int = 0


@dataclass
class Told:
    """What an instruction tells: each kind of event in its order."""

    placed: list[tuple[int, ...]] = field(default_factory=list)  # id, lots, filled, resting, value, fee, outcome
    fills: list[tuple[int, ...]] = field(default_factory=list)  # taker order, maker order, lots, tick
    out: list[tuple[int, ...]] = field(default_factory=list)  # id, lots, reason
    changed: list[tuple[int, ...]] = field(default_factory=list)  # id, lots, expires
    woken: list[tuple[int, ...]] = field(default_factory=list)  # id, reason


def ceil_bps(value: int, bps: int) -> int:
    """A share of a value, rounded up."""
    return -(-value * bps // 10_000)


class Book:
    """Price-time priority, settled at once.

    Attributes:
        now_s: Campus time; the test moves it with the chain's.
        mask: The council's pause bits.
        slots: Order slots that exist in all.
    """

    def __init__(self, *, now_s: int, fee_bps: int, slots: int) -> None:
        self.now_s, self.fee_bps, self.slots = now_s, fee_bps, slots
        self.mask = 0
        self.most_orders = 4096
        self.accounts: list[Account] = []
        self.orders: list[Order] = []
        self.stops: tuple[list[int], list[int], list[int]] = ([], [], [])  # order ids as they would wake
        self.high = self.low = self.last = 0
        self.clock = 0
        self.bucket = self.rebates_due = self.swept = 0
        self.rebate_bps = self.target = 0
        self.trades: list[tuple[int, ...]] = []  # maker order, taker order, lots, tick, taker side
        self.told = Told()

    def copy(self) -> Book:
        """A book to try a step on, with nothing told yet."""
        other = copy.copy(self)
        other.accounts = [copy.copy(account) for account in self.accounts]
        other.orders = [copy.copy(order) for order in self.orders]
        for order in other.orders:
            order.terms = copy.copy(order.terms)
        other.stops = ([*self.stops[0]], [*self.stops[1]], [*self.stops[2]])
        other.trades, other.told = [], Told()
        return other

    # ------------------------------------------------------------------------------------------------------- looking

    @property
    def interval(self) -> int:
        """The present interval."""
        return self.now_s // 900

    def find(self, order_id: int) -> Order:
        """The order of that id; UnknownOrder if there is none."""
        for order in self.orders:
            if order.order_id == order_id:
                return order
        raise Refused("UnknownOrder")

    def queue(self, side: int) -> list[Order]:
        """The resting orders of a side: best price first, then the one that came first."""
        sign = -1 if side == BUY else 1
        found = [o for o in self.orders if o.terms.side == side and not o.waits]
        return sorted(found, key=lambda o: (sign * o.terms.tick, o.arrived))

    def of_seat(self, seat: int) -> list[Order]:
        """The orders of a seat, newest first."""
        return sorted((o for o in self.orders if o.terms.seat == seat), key=lambda o: -o.joined)

    def is_expired(self, order: Order) -> bool:
        """Whether its last interval is over."""
        return bool(order.terms.expires) and order.terms.expires < self.interval

    def next_tick(self) -> int:
        """One more than any arrival so far."""
        self.clock += 1
        return self.clock

    # -------------------------------------------------------------------------------------------------------- moving

    def free(self, seat: int, bound: tuple[int, int]) -> None:
        """Make bound funds free."""
        self.accounts[seat].credit += bound[0]
        self.accounts[seat].grid += bound[1]

    def take_out(self, order: Order) -> None:
        """Take an order out and free what it binds."""
        self.free(order.terms.seat, order.bound)
        self.orders.remove(order)
        for found in self.stops:
            if order.order_id in found:
                found.remove(order.order_id)

    def out(self, order: Order, reason: int) -> None:
        """Take an order out and say why."""
        self.take_out(order)
        self.told.out.append((order.order_id, order.lots, reason))

    def shrink(self, order: Order, lots: int) -> None:
        """Take lots off an order that keeps its place."""
        before = order.bound
        order.lots -= lots
        order.placed -= lots
        after = order.bound
        self.free(order.terms.seat, (before[0] - after[0], before[1] - after[1]))

    def require_running(self) -> None:
        """Refuse while orders are paused."""
        if self.mask & PAUSE_ORDERS:
            raise Refused("Paused")

    # ------------------------------------------------------------------------------------------------------- placing

    def place(self, order_id: int, terms: Terms) -> None:
        """Place a new order."""
        self.require_running()
        self.require_seat(terms)
        if not MIN_TICK <= terms.tick < MIN_TICK + TICKS:
            raise Refused("BadTick")
        self.enter(order_id, terms, terms.lots, limit=terms.max_fills or TOUCHES, new=True, strict=True)

    def require_seat(self, terms: Terms) -> None:
        """Refuse an order of a suspended seat."""
        if self.accounts[terms.seat].suspended:
            raise Refused("SeatSuspended")

    def enter(
        self, order_id: int, terms: Terms, placed: int, *, limit: int, new: bool, strict: bool, rest_fee_bps: int = 0
    ) -> tuple[int, int, int]:
        """Let an order meet the book; return (lots neither traded nor resting, resting orders it may still touch, outcome)."""
        if terms.expires and terms.expires < self.interval:
            raise Refused("Expired")
        own, side = self.accounts[terms.seat], terms.side
        crosses = self.reachable(terms) is not None
        value = terms.lots * terms.tick * 10
        cover = value + (ceil_bps(value, self.fee_bps) if crosses else 0)
        lacks_credit = side == BUY and own.credit < cover and not (new and terms.kind == MARKET)
        lacks_grid = side == SELL and own.grid < terms.lots
        outcome, left, worth = COMPLETE, terms.lots, 0
        fills: list[tuple[Order, int]] = []
        if lacks_credit or lacks_grid:
            if strict:
                raise Refused("InsufficientCredit" if lacks_credit else "InsufficientGrid")
            outcome = UNFUNDED
        is_full = len(self.orders) >= self.slots
        victim = self.victim(terms) if new and is_full and not crosses else None
        rebates, low, high, taken_off = 0, 0, 0, 0
        while outcome == COMPLETE and left and (maker := self.reachable(terms)):
            if limit == 0:
                outcome = MATCH_LIMIT
                break
            limit -= 1
            if self.is_expired(maker):
                self.out(maker, EXPIRED)
                continue
            if maker.terms.seat == terms.seat:
                if terms.self_trade == REFUSE:
                    raise Refused("SelfTrade")
                if terms.self_trade == CANCEL_TAKER:
                    outcome = SELF_TRADE
                elif terms.self_trade == CANCEL_MAKER:
                    self.out(maker, OUT_SELF_TRADE)
                else:
                    lots = min(left, maker.lots)
                    left, taken_off = left - lots, taken_off + lots
                    if lots < maker.lots:
                        self.shrink(maker, lots)
                        self.told.changed.append((maker.order_id, maker.lots, maker.terms.expires))
                    else:
                        self.out(maker, OUT_SELF_TRADE)
                    if not left:
                        outcome = SELF_TRADE
                continue
            if terms.kind == POST_ONLY:
                outcome = WOULD_CROSS
                break
            lots = min(left, maker.lots)
            fills.append((maker, lots))
            tick = maker.terms.tick
            worth += lots * tick * 10
            left -= lots
            low, high = min(low or tick, tick), max(high, tick)
            self.trades.append((maker.order_id, order_id, lots, tick, side))
            self.told.fills.append((order_id, maker.order_id, lots, tick))
            rebates += self.pay_maker(maker, lots, side)
        filled = terms.lots - left - taken_off
        fee = ceil_bps(worth, self.fee_bps)
        if outcome == MATCH_LIMIT and not strict and side == BUY:
            rest = left * terms.tick * 10
            fee = min(fee, own.credit - worth - rest - ceil_bps(rest, rest_fee_bps))
        if filled:
            self.last = self.trades[-1][3]
            if any(self.stops):
                self.high, self.low = max(self.high, high), min(self.low or low, low)
        self.bucket += fee
        self.rebates_due += rebates
        if terms.kind == FOK and filled != terms.lots:
            raise Refused("FillOrKill")
        rests = False
        if outcome == COMPLETE and left:
            if terms.kind in (IOC, MARKET):
                outcome = IOC_REST if terms.kind == IOC else PROTECTED
            else:
                outcome, rests = RESTING, True
        if outcome == WOULD_CROSS and strict:
            raise Refused("WouldCross")
        own.credit += worth - fee if side == SELL else -worth - fee
        own.grid += filled if side == BUY else -filled
        if own.credit < 0:
            raise Refused("InsufficientCredit")
        resting = left if rests else 0
        if rests:
            if new and victim is None and len(self.orders) >= self.slots:
                raise Refused("BookFull")
            if new and len(self.of_seat(terms.seat)) >= self.most_orders:
                raise Refused("SeatOrderLimit")
            if victim is not None:
                self.out(victim, EVICTED)
            order = Order(order_id, copy.copy(terms), left, placed, self.next_tick(), self.next_tick(), self.now_s)
            self.bind(order)
            self.orders.append(order)
        if outcome == MATCH_LIMIT and not strict:
            outcome, resting = WAITING, left
        self.told.placed.append((order_id, terms.lots, filled, resting, worth, fee, outcome))
        return (left if not rests else 0), limit, outcome

    def reachable(self, terms: Terms) -> Order | None:
        """The first order of the other side, if its price is within the limit."""
        queue = self.queue(1 - terms.side)
        if not queue:
            return None
        tick = queue[0].terms.tick
        return queue[0] if (tick <= terms.tick if terms.side == BUY else tick >= terms.tick) else None

    def victim(self, terms: Terms) -> Order | None:
        """Who makes room in a full book."""
        if terms.kind not in (LIMIT, POST_ONLY):
            return None
        queue = self.queue(terms.side)
        if not queue:
            return None
        worst = queue[-1].terms.tick
        return queue[-1] if (terms.tick > worst if terms.side == BUY else terms.tick < worst) else None

    def pay_maker(self, maker: Order, lots: int, taker_side: int) -> int:
        """Settle the maker's side of a fill; return the rebate that it earned."""
        account, value = self.accounts[maker.terms.seat], lots * maker.terms.tick * 10
        if taker_side == BUY:
            account.credit += value
        else:
            account.grid += lots
        maker.lots -= lots
        if maker.lots == 0:
            self.orders.remove(maker)
        if account.maker is None or account.day != self.now_s // 86_400:
            return 0
        rebate = value * min(self.rebate_bps, self.fee_bps) // 10_000
        account.rebate += rebate
        return rebate

    def bind(self, order: Order) -> None:
        """Bind what an order binds."""
        account, (ucredit, lots) = self.accounts[order.terms.seat], order.bound
        if account.credit < ucredit:
            raise Refused("InsufficientCredit")
        if account.grid < lots:
            raise Refused("InsufficientGrid")
        account.credit -= ucredit
        account.grid -= lots

    # ------------------------------------------------------------------------------------------------------- waiting

    def schedule(self, order_id: int, terms: Terms, not_before: int) -> None:
        """Take an order for a later interval."""
        self.require_running()
        self.require_seat(terms)
        if not MIN_TICK <= terms.tick < MIN_TICK + TICKS:
            raise Refused("BadTick")
        if terms.kind == FOK:
            raise Refused("BadOrder")
        if not_before <= self.interval or (terms.expires and terms.expires < not_before):
            raise Refused("BadSchedule")
        self.wait(order_id, terms, not_before=not_before, trigger=0)

    def stop(self, order_id: int, terms: Terms, trigger: int) -> None:
        """Take a stop."""
        self.require_running()
        self.require_seat(terms)
        if sum(1 for o in self.of_seat(terms.seat) if o.trigger and o.waits) >= STOPS_OF_SEAT:
            raise Refused("StopsFull")
        if not MIN_TICK <= terms.tick < MIN_TICK + TICKS:
            raise Refused("BadTick")
        if terms.kind in (FOK, POST_ONLY):
            raise Refused("BadOrder")
        if terms.expires and terms.expires < self.interval:
            raise Refused("Expired")
        if not MIN_TICK <= trigger < MIN_TICK + TICKS:
            raise Refused("BadTick")
        if self.last and (self.last >= trigger if terms.side == BUY else self.last <= trigger):
            raise Refused("TriggerReached")
        self.collect()
        self.wait(order_id, terms, not_before=0, trigger=trigger)

    def wait(self, order_id: int, terms: Terms, *, not_before: int, trigger: int) -> None:
        """Bind the funds of an order that waits."""
        if len(self.of_seat(terms.seat)) >= self.most_orders:
            raise Refused("SeatOrderLimit")
        if len(self.orders) >= self.slots:
            raise Refused("BookFull")
        mode = terms.self_trade or CANCEL_TAKER
        order = Order(
            order_id,
            copy.copy(terms),
            terms.lots,
            terms.lots,
            0,
            self.next_tick(),
            self.now_s,
            waits=True,
            fee_bps=self.fee_bps,
            not_before=not_before,
            trigger=trigger,
        )
        order.terms.self_trade = mode
        self.bind(order)
        self.orders.append(order)
        if trigger:
            found = self.stops[terms.side]
            sign = 1 if terms.side == BUY else -1
            at = sum(1 for other in found if sign * self.find(other).trigger <= sign * trigger)
            found.insert(at, order_id)
        self.told.placed.append((order_id, terms.lots, 0, terms.lots, 0, 0, WAITING))

    def collect(self) -> None:
        """Move the stops that trades have reached to the due ones."""
        if not self.high:
            return
        for side in (BUY, SELL):
            found = self.stops[side]
            while found and (
                self.find(found[0]).trigger <= self.high if side == BUY else self.find(found[0]).trigger >= self.low
            ):
                self.stops[DUE].append(found.pop(0))
        self.high = self.low = 0

    def activate(self, order_id: int) -> None:
        """Wake a scheduled order."""
        self.require_running()
        order = self.find(order_id)
        if not order.waits or order.trigger or order.not_before > self.interval:
            raise Refused("NotYetActive")
        self.wake(order, BY_TIME, TOUCHES)

    def trigger(self, most: int) -> None:
        """Wake due stops."""
        self.require_running()
        touches = TOUCHES
        self.collect()
        if not self.stops[DUE]:
            raise Refused("NothingToTrigger")
        for _ in range(most or WOKEN):
            if not self.stops[DUE] or touches <= TOUCHES_OF_A_STOP:
                break
            touches = self.wake(self.find(self.stops[DUE][0]), BY_PRICE, touches - TOUCHES_OF_A_STOP)
            self.collect()

    def wake(self, order: Order, reason: int, touches: int) -> int:
        """Let a waiting order meet the book; return the touches that are left."""
        suspended = self.accounts[order.terms.seat].suspended
        if suspended or self.is_expired(order):
            self.out(order, SUSPENDED if suspended else EXPIRED)
            return touches - 1
        self.take_out(order)
        self.told.woken.append((order.order_id, reason))
        terms = copy.copy(order.terms)
        terms.lots = order.lots
        left, touches, outcome = self.enter(
            order.order_id, terms, order.placed, limit=touches, new=False, strict=False, rest_fee_bps=order.fee_bps
        )
        if outcome == WAITING:
            order.lots, order.joined = left, self.next_tick()
            self.bind(order)
            self.orders.append(order)
            if order.trigger:
                self.stops[DUE].insert(0, order.order_id)
        return touches

    # ------------------------------------------------------------------------------------------------------ managing

    def owned(self, seat: int, order_id: int) -> Order:
        """An order of the seat."""
        order = self.find(order_id)
        if order.terms.seat != seat:
            raise Refused("WrongSeat")
        return order

    def cancel(self, seat: int, order_id: int) -> None:
        """Take an own order out."""
        self.out(self.owned(seat, order_id), CANCELLED)

    def cancel_all(self, seat: int, side: int, most: int) -> None:
        """Take orders of a seat out, newest first."""
        mine = [order for order in self.of_seat(seat) if side in (BOTH, order.terms.side)]
        for order in mine[: most or OUT_AT_ONCE]:
            self.out(order, CANCELLED)

    def reduce(self, seat: int, order_id: int, lots: int) -> None:
        """Take lots off an own order."""
        order = self.owned(seat, order_id)
        if lots >= order.lots:
            self.out(order, CANCELLED)
            return
        self.shrink(order, lots)
        self.told.changed.append((order_id, order.lots, order.terms.expires))

    def amend(self, seat: int, order_id: int, new: Terms) -> None:
        """Give an own order other terms."""
        self.require_running()
        order = self.owned(seat, order_id)
        self.require_seat(order.terms)
        if order.waits:
            raise Refused("OrderWaits")
        if not MIN_TICK <= new.tick < MIN_TICK + TICKS:
            raise Refused("BadTick")
        if self.is_expired(order):
            raise Refused("Expired")
        filled = order.placed - order.lots
        if new.lots <= filled:
            raise Refused("BadLots")
        left = new.lots - filled
        if new.tick != order.terms.tick or left > order.lots:
            self.take_out(order)
            self.told.woken.append((order_id, BY_OWNER))
            terms = Terms(seat, order.terms.side, new.tick, left, order.terms.kind, new.expires, new.self_trade)
            self.enter(order_id, terms, new.lots, limit=new.max_fills or TOUCHES, new=False, strict=True)
            return
        if new.expires and new.expires < self.interval:
            raise Refused("Expired")
        if left < order.lots:
            self.shrink(order, order.lots - left)
        order.terms.expires = new.expires
        self.told.changed.append((order_id, order.lots, new.expires))

    def prune(self, by_slot: list[int]) -> None:
        """Take expired orders out; `by_slot` are the ids of all orders as they stand in their slots."""
        gone = [order for order_id in by_slot if self.is_expired(order := self.find(order_id))]
        for order in gone[:OUT_AT_ONCE]:
            self.out(order, EXPIRED)

    # ------------------------------------------------------------------------------------------------ makers and fees

    def sample(self, seat: int) -> tuple[bool, int, int]:
        """Sample a market maker; return (duty met, rebate paid, rebate forfeited)."""
        account, day = self.accounts[seat], self.now_s // 86_400
        closes = account.day not in (0, day)
        if account.maker is None and not closes:
            raise Refused("NotMarketMaker")
        if account.maker is not None and account.sampled == self.interval:
            raise Refused("AlreadySampled")
        paid = forfeited = 0
        if closes:
            is_paid = self.target and account.met >= self.target
            paid, forfeited = (account.rebate, 0) if is_paid else (0, account.rebate)
            self.rebates_due -= account.rebate
            self.bucket -= paid
            account.credit += paid
            account.rebate = account.met = account.day = 0
        if account.maker is None:
            return False, paid, forfeited
        account.day, account.sampled = day, self.interval
        met = self.quotes(seat, *account.maker)
        account.met += met
        return met, paid, forfeited

    def quotes(self, seat: int, spread: int, size: int) -> bool:
        """Whether the seat quotes both sides now."""
        best: dict[int, tuple[int, int]] = {}
        for side in (BUY, SELL):
            counted = [
                o
                for o in self.queue(side)
                if o.terms.seat == seat and not self.is_expired(o) and self.now_s - o.came_s >= 60
            ]
            if not counted:
                return False
            tick = counted[0].terms.tick
            best[side] = tick, sum(o.lots for o in counted if o.terms.tick == tick)
        if self.accounts[seat].suspended or min(best[BUY][1], best[SELL][1]) < size:
            return False
        return best[SELL][0] - best[BUY][0] <= spread

    def sweep(self, shares: list[int]) -> list[int]:
        """Pay the bucket out; return the amounts."""
        total = self.bucket - self.rebates_due
        if not total:
            raise Refused("NothingToSweep")
        amounts = [total * share // 10_000 for share in shares[:-1]]
        self.bucket -= total
        self.swept += total
        return [*amounts, total - sum(amounts)]
