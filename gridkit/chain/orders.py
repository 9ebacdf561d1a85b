"""The market's orders: instructions of every kind, packed by hand, and the orders and stops of the account read back.

A trader's bot sends many of these, so the bytes are packed by struct formats and not by the interface; a test compares the two. Whether
an order is wise or covered is the caller's to decide; what anybody may call now, and what for, is `chores`.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import struct
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from solders.instruction import AccountMeta, Instruction

from gridkit.chain import accounts
from gridkit.chain.deployment import Deployment
from gridkit.chain.tx import pubkey

MARKET_SIZE = 464_000
ORDER_AT, ORDER_COUNT = 148_608, 4_096
STOP_AT = 345_216
SEAT_AT, SEAT_SIZE = 17_536, 128
INTERVAL_S, DAY_INTERVALS = 900, 96
BOTH_SIDES = 2
ORDER_WAITING = 1
MM_ACTIVE = 1


class Side(enum.IntEnum):
    """Which side an order is on."""

    BUY = 0
    SELL = 1


class Kind(enum.IntEnum):
    """What becomes of what an order does not trade at once."""

    LIMIT = 0
    IOC = 1
    FOK = 2
    POST_ONLY = 3
    MARKET = 4


class SelfTrade(enum.IntEnum):
    """What happens when an order meets one of its own seat. REFUSE means CANCEL_TAKER for orders that wait first."""

    REFUSE = 0
    CANCEL_TAKER = 1
    CANCEL_MAKER = 2
    DECREMENT = 3


class PlacedAs(enum.IntEnum):
    """OrderPlaced.outcome; all but RESTING and WAITING are final."""

    COMPLETE = 0
    RESTING = 1
    IOC_REST = 2
    MATCH_LIMIT = 3
    SELF_TRADE = 4
    PROTECTED = 5
    WAITING = 6
    WOULD_CROSS = 7
    UNFUNDED = 8


class OutFor(enum.IntEnum):
    """OrderOut.reason."""

    CANCELLED = 0
    EXPIRED = 1
    SELF_TRADE = 2
    EVICTED = 3
    SUSPENDED = 4


class Terms(msgspec.Struct, frozen=True):
    """What a trader asks for.

    Attributes:
        seat: Seat number.
        side: Buy or sell.
        tick: Limit price, or the worst price of a market order; 0.01 credit/kWh.
        lots: Size, Wh.
        kind: What becomes of the rest.
        client_id: The trader's own number, 64 bits.
        expires_interval: Last interval in which it may trade; 0: until cancelled.
        self_trade: What happens when it meets an order of the same seat.
    """

    seat: int
    side: Side
    tick: int
    lots: int
    kind: Kind = Kind.LIMIT
    client_id: int = 0
    expires_interval: int = 0
    self_trade: SelfTrade = SelfTrade.CANCEL_TAKER


def _discriminator(name: str) -> bytes:
    return hashlib.sha256(f"global:{name}".encode()).digest()[:8]


_TERMS = "HBBHIQIB"  # seat, side, kind, tick, lots, client id, last interval, self-trade mode
_PLACE, _CANCEL, _CANCEL_ALL = struct.Struct(f"<8s{_TERMS}B"), struct.Struct("<8sQ"), struct.Struct("<8sHBB")
_REDUCE, _AMEND = struct.Struct("<8sQI"), struct.Struct("<8sQHIIBB")
_SCHEDULE, _STOP = struct.Struct(f"<8s{_TERMS}I"), struct.Struct(f"<8s{_TERMS}H")
_TRIGGER, _PRUNE, _SEAT = struct.Struct("<8sB"), struct.Struct("<8sHH"), struct.Struct("<8sH")


def _packed(terms: Terms) -> tuple[int, ...]:
    return (
        terms.seat,
        terms.side,
        terms.kind,
        terms.tick,
        terms.lots,
        terms.client_id,
        terms.expires_interval,
        terms.self_trade,
    )


class Orders:
    """Builds the market's order instructions of one deployment; `struct.error` when a number does not fit its field.

    Args:
        deployment: Where the market is.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._program = pubkey(deployment.programs["trading"])
        council, market = pubkey(deployment.council), pubkey(deployment.market)
        self._council = AccountMeta(council, is_signer=False, is_writable=False)
        self._market = AccountMeta(market, is_signer=False, is_writable=True)

    def place(self, wallet: str, terms: Terms, max_fills: int = 0) -> Instruction:
        """Return place_order; it touches at most `max_fills` resting orders, 1 to 128 (0: 128)."""
        return self._ruled(wallet, _PLACE.pack(_discriminator("place_order"), *_packed(terms), max_fills))

    def schedule(self, wallet: str, terms: Terms, not_before_interval: int) -> Instruction:
        """Return schedule_order, for an order that may trade from a later interval on."""
        data = _SCHEDULE.pack(_discriminator("schedule_order"), *_packed(terms), not_before_interval)
        return self._ruled(wallet, data)

    def stop(self, wallet: str, terms: Terms, trigger_tick: int) -> Instruction:
        """Return place_stop, for an order that wakes when a trade reaches its trigger."""
        return self._ruled(wallet, _STOP.pack(_discriminator("place_stop"), *_packed(terms), trigger_tick))

    def amend(self, wallet: str, order_id: int, terms: Terms, max_fills: int = 0) -> Instruction:
        """Return amend_order: price, size (with what is filled), last interval and self-trade mode of `terms`; the rest of it stays."""
        numbers = terms.tick, terms.lots, terms.expires_interval, terms.self_trade, max_fills
        return self._ruled(wallet, _AMEND.pack(_discriminator("amend_order"), order_id, *numbers))

    def cancel(self, wallet: str, order_id: int) -> Instruction:
        """Return cancel_order."""
        return self._owned(wallet, _CANCEL.pack(_discriminator("cancel_order"), order_id))

    def cancel_all(self, wallet: str, seat: int, side: int = BOTH_SIDES, most: int = 0) -> Instruction:
        """Return cancel_all for a side or both; at most `most` orders at once, 1 to 128 (0: 128)."""
        return self._owned(wallet, _CANCEL_ALL.pack(_discriminator("cancel_all"), seat, side, most))

    def reduce(self, wallet: str, order_id: int, lots: int) -> Instruction:
        """Return reduce_order, which takes `lots` off."""
        return self._owned(wallet, _REDUCE.pack(_discriminator("reduce_order"), order_id, lots))

    def activate(self, order_id: int) -> Instruction:
        """Return activate_order, which anybody may send once the order's interval has come."""
        return self._public([self._council], _CANCEL.pack(_discriminator("activate_order"), order_id))

    def trigger(self, most: int = 0) -> Instruction:
        """Return trigger_stops, which anybody may send; at most `most` stops wake, 1 to 8 (0: 8)."""
        return self._public([self._council], _TRIGGER.pack(_discriminator("trigger_stops"), most))

    def prune(self, first_slot: int, slots: int) -> Instruction:
        """Return prune_expired for a range of order slots, which anybody may send."""
        return self._public([], _PRUNE.pack(_discriminator("prune_expired"), first_slot, slots))

    def sample(self, seat: int) -> Instruction:
        """Return sample_market_maker, which anybody may send."""
        return self._public([], _SEAT.pack(_discriminator("sample_market_maker"), seat))

    def _ruled(self, wallet: str, data: bytes) -> Instruction:
        return Instruction(self._program, data, [_signer(wallet), self._council, self._market])

    def _owned(self, wallet: str, data: bytes) -> Instruction:
        return Instruction(self._program, data, [_signer(wallet), self._market])

    def _public(self, before: list[AccountMeta], data: bytes) -> Instruction:
        return Instruction(self._program, data, [*before, self._market])


@functools.lru_cache(maxsize=4_096)
def _signer(wallet: str) -> AccountMeta:
    return AccountMeta(pubkey(wallet), is_signer=True, is_writable=False)


class Order(NamedTuple):
    """One order of the account, resting or waiting; see the interface for each field."""

    order_id: int
    client_id: int
    lots: int
    placed_lots: int
    expires_interval: int
    active_from_s: int
    seat: int
    tick: int
    prev: int
    next: int
    seat_prev: int
    seat_next: int
    side: int
    kind: int
    flags: int

    @property
    def is_waiting(self) -> bool:
        """Whether it stands outside the book."""
        return bool(self.flags & ORDER_WAITING)

    @property
    def is_stop(self) -> bool:
        """Whether it waits for a trigger."""
        return self.is_waiting and self.prev != 0


_ORDER = struct.Struct("<QQIIIIHHHHHHBBH")
_STOP_ENTRY = struct.Struct("<QHBBHH32x")
_STOPS = struct.Struct(
    "<HHH16xHHHH"
)  # first buy, sell and due stop; last due one; highest and lowest trade; stops in use


def orders(market: bytes) -> Iterator[Order]:
    """Yield the orders of a Market account, by slot; AccountError when it is none."""
    accounts.check(market, "Market", MARKET_SIZE)
    rows = _ORDER.iter_unpack(market[ORDER_AT : ORDER_AT + ORDER_COUNT * _ORDER.size])
    return (order for order in map(Order._make, rows) if order.order_id)


def trigger_tick(market: bytes, order: Order) -> int:
    """Return the trigger of a stop that waits, ticks."""
    return int(_STOP_ENTRY.unpack_from(market, STOP_AT + _STOP_ENTRY.size * (order.prev - 1))[1])


class Chores(msgspec.Struct, frozen=True):
    """What anybody may call at a moment, and what for.

    Attributes:
        has_due_stops: Whether trigger_stops would wake one.
        scheduled: Orders for activate_order, by id.
        expired_slots: Slots of expired orders, for prune_expired.
        makers: Seats for sample_market_maker.
    """

    has_due_stops: bool
    scheduled: list[int]
    expired_slots: list[int]
    makers: list[int]

    @property
    def are_done(self) -> bool:
        """Whether there is nothing to call."""
        return not (self.has_due_stops or self.scheduled or self.expired_slots or self.makers)


def chores(market: bytes, now_s: int) -> Chores:
    """Return what can be called on a Market account at campus time `now_s`; AccountError when it is none."""
    interval = now_s // INTERVAL_S
    scheduled, expired = [], []
    for order in orders(market):
        if 0 < order.expires_interval < interval:
            expired.append(order.order_id % ORDER_COUNT)
        elif order.is_waiting and not order.is_stop and order.active_from_s <= now_s:
            scheduled.append(order.order_id)
    return Chores(_has_due_stops(market), scheduled, expired, list(_makers(market, interval)))


def _has_due_stops(market: bytes) -> bool:
    first_buy, first_sell, first_due, _, high, low, _ = _STOPS.unpack_from(market, 690)

    def trigger(link: int) -> int:
        return int(_STOP_ENTRY.unpack_from(market, STOP_AT + _STOP_ENTRY.size * (link - 1))[1])

    is_reached = high and ((first_buy and trigger(first_buy) <= high) or (first_sell and trigger(first_sell) >= low))
    return bool(first_due or is_reached)


def _makers(market: bytes, interval: int) -> Iterator[int]:
    """Yield the seats that were not sampled in the interval, or whose day is over."""
    (count,) = struct.unpack_from("<H", market, 398)
    for seat in range(count):
        at = SEAT_AT + SEAT_SIZE * seat
        flags, sampled, day = struct.unpack_from("<98xH4xI2xH", market, at)
        is_day_over = day not in (0, interval // DAY_INTERVALS % 65_536)
        if is_day_over or (flags & MM_ACTIVE and sampled != interval):
            yield seat
