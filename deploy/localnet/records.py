"""Decides what a step of the chain looks like in the journal. Two kinds are enough: replay makes all else of them."""

from __future__ import annotations

import struct

import msgspec

TRANSACTION, SLOT = 1, 2

_TRANSACTION = struct.Struct("<BI")
_SLOT = struct.Struct("<Qq32s")


class TransactionRecord(msgspec.Struct, frozen=True):
    """A landed transaction: its wire bytes, and what its client was told, which replay must find again."""

    succeeded: bool
    compute_units: int
    raw: bytes


class SlotRecord(msgspec.Struct, frozen=True):
    """The opening of a slot: its number, the Clock's campus epoch seconds, and the blockhash (32 B) valid from now."""

    slot: int
    unix_s: int
    blockhash: bytes


def pack_transaction(succeeded: bool, compute_units: int, raw: bytes) -> bytes:
    """Return succeeded u8 ‖ compute units u32 ‖ wire bytes."""
    return _TRANSACTION.pack(succeeded, compute_units) + raw


def pack_slot(slot: int, unix_s: int, blockhash: bytes) -> bytes:
    """Return slot u64 ‖ campus epoch seconds i64 ‖ blockhash 32."""
    return _SLOT.pack(slot, unix_s, blockhash)


def unpack(kind: int, body: bytes) -> TransactionRecord | SlotRecord:
    """Return the step that a record holds.

    Raises:
        ValueError: A kind that this version does not know, or a body too short.
    """
    try:
        if kind == TRANSACTION:
            succeeded, units = _TRANSACTION.unpack_from(body)
            return TransactionRecord(bool(succeeded), units, body[_TRANSACTION.size :])
        if kind == SLOT:
            return SlotRecord(*_SLOT.unpack(body))
    except struct.error as error:
        raise ValueError(f"record of kind {kind}: {error}") from error
    raise ValueError(f"record of unknown kind {kind}")
