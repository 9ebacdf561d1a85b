"""Order instructions packed by hand against the interface, and the account read by struct formats against the interface's decoder."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkit.chain import idl, orders
from gridkit.chain.accounts import AccountError
from gridkit.chain.deployment import Deployment, ZoneAddresses
from gridkit.chain.orders import Chores, Kind, Order, Orders, OutFor, PlacedAs, SelfTrade, Side, Terms
from gridkit.chain.tx import instruction

PROGRAM, GOVERNANCE, MARKET, WALLET = (
    "2Pfafob2TmRQ4N9zB5Ax7TYDAiu8X8roQJjoBMS2mpVs",
    "6fM8M2tHJdV3bm3LcERd5F88RE7NqoAGbuVH4cHUVQoP",
    "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin",
    "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T",
)
DEPLOYMENT = Deployment(
    genesis_hash="",
    network_tag="",
    programs={"trading": PROGRAM, "governance": GOVERNANCE},
    market=MARKET,
    zones={"1": ZoneAddresses("", "", "")},
    grid_mint="",
    credit_mint="",
)
INTERFACE = idl.interface("trading")
NOW_S = 1_780_308_000
INTERVAL = NOW_S // 900

number = {bits: st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64)}
terms = st.builds(
    Terms,
    seat=number[16],
    side=st.sampled_from(Side),
    tick=number[16],
    lots=number[32],
    kind=st.sampled_from(Kind),
    client_id=number[64],
    expires_interval=number[32],
    self_trade=st.sampled_from(SelfTrade),
)


def by_interface(name: str, **args: int) -> object:
    """The instruction as the interface builds it."""
    named = {"wallet": WALLET, "council": DEPLOYMENT.council, "market": MARKET}
    wanted = {meta.name for meta in INTERFACE.instruction(name).metas}
    return instruction("trading", PROGRAM, name, {key: named[key] for key in wanted}, (), **args)


def args_of(t: Terms) -> dict[str, int]:
    """Terms as arguments of the interface."""
    return {name: getattr(t, name) for name in t.__struct_fields__}


@given(terms, number[8], number[32], number[16], number[64])
def test_packed_orders_are_what_the_interface_says(
    t: Terms, small: int, interval: int, tick: int, order_id: int
) -> None:
    """A byte in another place would be another price."""
    build = Orders(DEPLOYMENT)
    assert build.place(WALLET, t, small) == by_interface("place_order", **args_of(t), max_fills=small)
    scheduled = by_interface("schedule_order", **args_of(t), not_before_interval=interval)
    assert build.schedule(WALLET, t, interval) == scheduled
    assert build.stop(WALLET, t, tick) == by_interface("place_stop", **args_of(t), trigger_tick=tick)
    amended = {name: getattr(t, name) for name in ("tick", "lots", "expires_interval", "self_trade")}
    wanted = by_interface("amend_order", order_id=order_id, **amended, max_fills=small)
    assert build.amend(WALLET, order_id, t, small) == wanted
    assert build.cancel(WALLET, order_id) == by_interface("cancel_order", order_id=order_id)
    assert build.cancel_all(WALLET, t.seat, 2, small) == by_interface("cancel_all", seat=t.seat, side=2, most=small)
    assert build.reduce(WALLET, order_id, t.lots) == by_interface("reduce_order", order_id=order_id, lots=t.lots)
    assert build.activate(order_id) == by_interface("activate_order", order_id=order_id)
    assert build.trigger(small) == by_interface("trigger_stops", most=small)
    assert build.prune(tick, t.seat) == by_interface("prune_expired", first_slot=tick, slots=t.seat)
    assert build.sample(t.seat) == by_interface("sample_market_maker", seat=t.seat)


@pytest.mark.parametrize(
    "changes", [{"lots": 2**32}, {"tick": -1}, {"seat": 65_536}, {"client_id": 2**64}, {"expires_interval": -1}]
)
def test_number_that_does_not_fit_is_an_error_and_not_another_number(changes: dict[str, int]) -> None:
    """A size that wrapped around would be a small order nobody asked for."""
    given_terms = {"seat": 0, "side": Side.BUY, "tick": 1, "lots": 1} | changes
    with pytest.raises(struct.error):
        Orders(DEPLOYMENT).place(WALLET, Terms(**given_terms))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("prefix", "names"),
    [("SIDE", Side), ("KIND", Kind), ("SELF_TRADE", SelfTrade), ("OUTCOME", PlacedAs), ("OUT", OutFor)],
)
def test_names_have_the_interfaces_numbers(prefix: str, names: type) -> None:
    """And every number of the interface has a name."""
    found = {
        name.removeprefix(f"{prefix}_"): value
        for name, value in INTERFACE.constants.items()
        if name.startswith(f"{prefix}_")
    }
    assert {member.name: member.value for member in names} == found  # type: ignore[attr-defined]


def test_offsets_are_the_interfaces() -> None:
    """The hot readers know them by heart."""
    layout = INTERFACE.layout("Market")
    at = layout.offsets
    assert (at["orders"], at["stops"], at["seats"]) == (orders.ORDER_AT, orders.STOP_AT, orders.SEAT_AT)
    assert (at["first_buy_stop"], at["last_due_stop"], at["high_tick"], at["seat_count"]) == (690, 712, 714, 398)
    assert INTERFACE.constants["MARKET_SIZE"] == orders.MARKET_SIZE
    assert INTERFACE.constants["ORDER_CAPACITY"] == orders.ORDER_COUNT
    for name in ("ORDER_WAITING", "MM_ACTIVE"):
        assert getattr(orders, name) == INTERFACE.constants[name]


class Market:
    """A Market account to be filled in."""

    def __init__(self) -> None:
        self.data = bytearray(orders.MARKET_SIZE)
        self.data[:9] = bytes.fromhex("dbbed53700e3c69a") + b"\x01"

    def order(self, slot: int, **fields: int) -> int:
        """Write an order; return its id."""
        values = dict.fromkeys(Order._fields, 0) | {"order_id": 7 << 12 | slot, "lots": 1, "tick": 10} | fields
        struct.pack_into("<QQIIIIHHHHHHBBH", self.data, orders.ORDER_AT + 48 * slot, *values.values())
        return values["order_id"]

    def chores(self) -> Chores:
        """What there is to do."""
        return orders.chores(bytes(self.data), NOW_S)


def test_orders_are_read_as_the_interface_reads_them() -> None:
    """One field off by two bytes and a price is a seat."""
    market = Market()
    market.order(0, **{name: n + 1 for n, name in enumerate(Order._fields)})
    market.order(4095, flags=1)
    read = list(orders.orders(bytes(market.data)))
    decoded = idl.decode_account("trading", "Market", bytes(market.data))["orders"]
    assert [order._asdict() for order in read] == [decoded[0], decoded[4095]]
    assert [order.is_waiting for order in read] == [True, True]
    with pytest.raises(AccountError):
        list(orders.orders(bytes(market.data[:-1])))


def test_chores_are_what_is_due_and_nothing_else() -> None:
    """A keeper that calls what is not due pays for refusals; one that misses something lets orders sleep."""
    market = Market()
    assert market.chores().are_done
    due = market.order(1, flags=1, active_from_s=NOW_S)
    market.order(2, flags=1, active_from_s=NOW_S + 1)
    market.order(3, expires_interval=INTERVAL)
    market.order(5, expires_interval=INTERVAL - 1)
    market.order(6, flags=1, active_from_s=1, expires_interval=INTERVAL - 1)
    stop = market.order(8, flags=1, prev=1)
    assert market.chores() == Chores(False, [due], [5, 6], [])
    struct.pack_into("<QH", market.data, orders.STOP_AT, stop, 120)
    (order,) = [order for order in orders.orders(bytes(market.data)) if order.is_stop]
    assert orders.trigger_tick(bytes(market.data), order) == 120


@pytest.mark.parametrize(
    ("first", "trigger", "high", "low", "due"),
    [
        (690, 120, 120, 120, True),
        (690, 121, 120, 90, False),
        (692, 90, 120, 90, True),
        (692, 89, 120, 90, False),
        (690, 120, 0, 0, False),
        (692, 90, 0, 0, False),
        (694, 500, 0, 0, True),
    ],
)
def test_stops_are_due_on_both_sides_of_their_trigger(first: int, trigger: int, high: int, low: int, due: bool) -> None:
    """The keeper must look where the program looks."""
    market = Market()
    struct.pack_into("<H", market.data, first, 1)
    struct.pack_into("<QH", market.data, orders.STOP_AT, 1, trigger)
    struct.pack_into("<HH", market.data, 714, high, low)
    assert market.chores().has_due_stops is due


@pytest.mark.parametrize(
    ("flags", "sampled", "day", "wanted"),
    [
        (1, INTERVAL - 1, INTERVAL // 96, True),
        (1, INTERVAL, INTERVAL // 96, False),
        (0, INTERVAL - 1, INTERVAL // 96, False),
        (0, 0, INTERVAL // 96 - 1, True),
        (0, 0, 0, False),
    ],
)
def test_makers_are_sampled_once_an_interval_and_closed_once_a_day(
    flags: int, sampled: int, day: int, wanted: bool
) -> None:
    """The second seat is; the first is nobody."""
    market = Market()
    struct.pack_into("<H", market.data, 398, 2)
    struct.pack_into("<HIIHH", market.data, orders.SEAT_AT + 128 + 98, flags, 0, sampled, 0, day)
    assert market.chores().makers == ([1] if wanted else [])
