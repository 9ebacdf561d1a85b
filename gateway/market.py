"""Reads the market account's own state: its head, its ring of fills and its order slots. What that means for the tables is decided elsewhere.

Events tell early, the account tells the truth: log lines can be cut, the account cannot.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gateway.ledger import Ledger
from gridkit.chain import accounts, idl
from gridkit.chain.proof import FILL_SIZE, decode_fill
from gridkit.chain.rpc import Account, NodeUnreachableError

FILL_RING = 2048
_ORDER_SIZE = 48
_SLOTS = 4096


class Head(msgspec.Struct, frozen=True):
    """Number of the last trade, the running hash after it (32 bytes), and the slot at which both were read."""

    trade_seq: int
    fills_hash: bytes
    slot: int


class Resting(msgspec.Struct, frozen=True):
    """One order in the book."""

    order_id: int
    client_id: int
    seat: int


def read_head(ledger: Ledger) -> Head:
    """Return the market's head; NodeUnreachableError when the account is missing."""
    account = _part(ledger, 0, accounts.MARKET_HEAD_SIZE)
    found = accounts.decode_market_head(account.data)
    return Head(found.trade_seq, found.fills_hash, account.slot)


def ring_slice(first: int, last: int) -> tuple[int, int]:
    """Return (first entry, number of entries) of the ring that hold the trades `first` to `last`: all of it when they wrap around its end."""
    start, end = (first - 1) % FILL_RING, (last - 1) % FILL_RING
    return (start, end - start + 1) if last - first < FILL_RING and start <= end else (0, FILL_RING)


def read_fills(ledger: Ledger, first: int, last: int) -> dict[int, bytes]:
    """Return the fills (48 bytes) of the trades `first` to `last` that the ring holds, by trade number, in one read.

    A trade that is too old, or that the node does not have yet, is not in the answer: each entry says its own number.
    """
    start, count = ring_slice(first, last)
    data = _part(ledger, _offset("fills") + FILL_SIZE * start, FILL_SIZE * count).data
    found = {}
    for at in range(0, len(data), FILL_SIZE):
        raw = data[at : at + FILL_SIZE]
        number = int.from_bytes(raw[:8], "little")
        if first <= number <= last and decode_fill(raw).trade == number:
            found[number] = raw
    return found


def read_resting(ledger: Ledger, order_ids: Iterable[int] | None = None) -> tuple[list[Resting], int]:
    """Return (orders in the book, slot of the read).

    Args:
        ledger: The ledger.
        order_ids: Read only the span of the order slots that these would stand in (the low 12 bits of an id); None reads all.
    """
    slots = [0, _SLOTS - 1] if order_ids is None else sorted(order_id % _SLOTS for order_id in order_ids)
    start = slots[0]
    account = _part(ledger, _offset("orders") + _ORDER_SIZE * start, _ORDER_SIZE * (slots[-1] - start + 1))
    data, found = account.data, []
    for at in range(0, len(data), _ORDER_SIZE):
        order_id = int.from_bytes(data[at : at + 8], "little")
        if order_id:
            client_id = int.from_bytes(data[at + 8 : at + 16], "little")
            found.append(Resting(order_id, client_id, int.from_bytes(data[at + 32 : at + 34], "little")))
    return found, account.slot


def _offset(name: str) -> int:
    return idl.interface("trading").layout("Market").offsets[name]


def _part(ledger: Ledger, offset: int, length: int) -> Account:
    account = ledger.rpc.account(ledger.deployment.market, offset=offset, length=length)
    if account is None:
        raise NodeUnreachableError("the market account is missing")
    return account
