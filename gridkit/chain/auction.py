"""The market's call auctions for clients: reads their account, builds their instructions, and says what is to be done (`chores`).

Who clears, settles and lists is left to the callers: all three are open to anybody, and a second call is refused without harm.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import msgspec
from solders.instruction import Instruction

from gridkit.chain import accounts
from gridkit.chain.deployment import TOKEN_PROGRAM, Deployment
from gridkit.chain.tx import instruction

AUCTIONS_SIZE = 107_328
OPEN, CLEARED, SETTLED = range(3)
MAX_STEPS = 128
"""Most steps of one settle_auction; they fit the default compute budget of a transaction."""

INTERVAL_S = 900
ATOMS_PER_LOT = 1_000
LISTING_ON = 1

_ORDER_BIT = 1 << 62
_SLOTS = 2_048
_HEADS_AT, _SEATS_AT, _ORDERS_AT = 64, 320, 9_024
_HEAD = struct.Struct("<IIBBHH2xII12xIII")
_ORDER = struct.Struct("<QIIIHH")
assert _ORDER.size == 24


class AuctionHead(msgspec.Struct, frozen=True):
    """One auction: number, how far it is (OPEN, CLEARED, SETTLED), and its result. Lots are Wh, a tick is 0.01 credit/kWh.

    `tick` 0 = nothing trades; `long_side` 2 = no side shares at `marginal_tick`.
    """

    interval: int
    orders_standing: int
    state: int
    long_side: int
    tick: int
    marginal_tick: int
    lots: int
    settled_lots: int
    settled_orders: int
    bid_lots: int
    ask_lots: int


class AuctionOrder(msgspec.Struct, frozen=True):
    """One order of an auction; it stands, or `filled_lots` of `lots` are what became of it (0 of 0: cancelled)."""

    seat: int
    side: int
    client_id: int
    lots: int
    filled_lots: int
    tick: int
    is_listed: bool
    stands: bool


class Auctions(msgspec.Struct, frozen=True):
    """trading.Auctions: an auction and the one after it; auction k has place k % 2."""

    market: bytes
    heads: tuple[AuctionHead, AuctionHead]
    orders: tuple[tuple[AuctionOrder, ...], tuple[AuctionOrder, ...]]

    def head(self, interval: int) -> AuctionHead | None:
        """Return auction `interval`; None when nobody has ordered in it or its place is used again."""
        found = self.heads[interval % 2]
        return found if found.interval == interval else None

    def orders_of(self, interval: int) -> tuple[AuctionOrder, ...]:
        """Return the orders of auction `interval`, cancelled and settled ones too, by seat and side."""
        return self.orders[interval % 2] if self.head(interval) is not None else ()


def decode_auctions(data: bytes) -> Auctions:
    """Return a trading.Auctions; AccountError when it is none."""
    accounts.check(data, "Auctions", AUCTIONS_SIZE)
    heads = tuple(AuctionHead(*_HEAD.unpack_from(data, _HEADS_AT + 128 * place)) for place in range(2))
    orders = tuple(tuple(_orders(data, place, heads[place].interval)) for place in range(2))
    return Auctions(data[16:48], heads, orders)  # type: ignore[arg-type]  # two of each


def _orders(data: bytes, place: int, interval: int) -> list[AuctionOrder]:
    found = []
    sides = [_SEATS_AT + 256 * place + 128 * side for side in range(2)]
    standing = [int.from_bytes(data[at : at + 128], "little") for at in sides]
    start = _ORDERS_AT + _ORDER.size * _SLOTS * place
    for slot, record in enumerate(_ORDER.iter_unpack(data[start : start + _ORDER.size * _SLOTS])):
        client_id, lots, placed_in, filled, tick, flags = record
        seat, side = slot >> 1, slot & 1
        if placed_in == interval and tick:
            stands = bool(standing[side] >> seat & 1)
            found.append(AuctionOrder(seat, side, client_id, lots, filled, tick, bool(flags & 1), stands))
    return found


def order_id(interval: int, seat: int, side: int) -> int:
    """Return the id by which a fill names an order of an auction; no order of the book has it."""
    return _ORDER_BIT | interval << 11 | seat << 1 | side


def auction_of(order: int) -> int | None:
    """Return the auction that a fill's order id names, or None for an order of the book."""
    return (order ^ _ORDER_BIT) >> 11 if order & _ORDER_BIT else None


class Chore(NamedTuple):
    """A call that is due: settle_auction of a cleared auction, else clear_auction."""

    interval: int
    is_cleared: bool


def chores(found: Auctions, now_s: int) -> list[Chore]:
    """Return what is to be called at campus time `now_s`, the older auction first: it must be settled before the next can clear."""
    return [
        Chore(head.interval, head.state == CLEARED)
        for head in sorted(found.heads, key=lambda head: head.interval)
        if head.orders_standing and (head.state == CLEARED or now_s >= INTERVAL_S * (head.interval + 1))
    ]


def listable_rows(ledger: accounts.Ledger, interval: int) -> list[int]:
    """Return the rows of a ledger that list_surplus can list in auction `interval` as far as the ledger knows.

    The market may still refuse: the owner has no seat or has sold there already, or the size is below the council's least.
    """
    return [
        number
        for number, row in ledger.rows.items()
        if row.flags & LISTING_ON
        and not row.debt_atoms
        and row.listed_interval != interval
        and row.balance_atoms >= row.keep_atoms + ATOMS_PER_LOT
    ]


def submit_auction(
    on: Deployment, wallet: str, interval: int, *, seat: int, side: int, tick: int, lots: int, client_id: int = 0
) -> Instruction:
    """Return submit_auction, signed by the seat's wallet. Side 0 buy, 1 sell; tick 0.01 credit/kWh, lots Wh."""
    named = {"wallet": wallet, "council": on.council, "market": on.market, "auctions": on.auctions}
    args = {"interval": interval, "seat": seat, "side": side, "tick": tick, "lots": lots, "client_id": client_id}
    return instruction("trading", on.programs["trading"], "submit_auction", named, (), **args)


def cancel_auction_order(on: Deployment, wallet: str, interval: int, *, seat: int, side: int) -> Instruction:
    """Return cancel_auction_order, signed by the seat's wallet."""
    named = {"wallet": wallet, "market": on.market, "auctions": on.auctions}
    args = {"interval": interval, "seat": seat, "side": side}
    return instruction("trading", on.programs["trading"], "cancel_auction_order", named, (), **args)


def clear_auction(on: Deployment, interval: int) -> Instruction:
    """Return clear_auction: to be sent once campus time has reached 900·(interval + 1). Needs no signer but the fee payer."""
    named = {"council": on.council, "market": on.market, "auctions": on.auctions}
    return instruction("trading", on.programs["trading"], "clear_auction", named, (), interval=interval)


def settle_auction(on: Deployment, interval: int, max_steps: int = MAX_STEPS) -> Instruction:
    """Return settle_auction: to be sent after clearing until no order stands. Needs no signer but the fee payer."""
    named = {"market": on.market, "auctions": on.auctions}
    args = {"interval": interval, "max_steps": max_steps}
    return instruction("trading", on.programs["trading"], "settle_auction", named, (), **args)


def list_surplus(on: Deployment, zone: int, row: int, seat: int, interval: int) -> Instruction:
    """Return energy_token.list_surplus for a ledger row and its owner's seat, in the running auction. Needs no signer but the payer."""
    named = {
        "council": on.council,
        "config": on.config("energy_token"),
        "ledger": on.zones[str(zone)].ledger,
        "vault": on.pda("energy_token", b"vault"),
        "market_grid_vault": on.pda("trading", b"grid_vault"),
        "authority": on.pda("energy_token", b"authority"),
        "market": on.market,
        "auctions": on.auctions,
        "trading_program": on.programs["trading"],
        "token_program": TOKEN_PROGRAM,
    }
    args = {"row": row, "seat": seat, "interval": interval}
    return instruction("energy_token", on.programs["energy_token"], "list_surplus", named, (), **args)
