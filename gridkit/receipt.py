"""Decides the bytes of a receipt, the only proof of storage on which an edge deletes a reading.

Receipt, little-endian, 114 bytes; the signature covers everything before it:

    at  bytes  field
     0      4  "CGR1"
     4      4  network tag
     8      4  meter number
    12     32  SHA-256 of the payload as received
    44      2  verdict
    46      4  bridge key id: first 4 bytes of SHA-256(bridge public key)
    50     64  Ed25519 signature of the bridge
"""

from __future__ import annotations

import functools
import hashlib
import struct
from collections.abc import Iterable
from enum import IntEnum

import msgspec
from nacl.signing import SigningKey

from gridkit.ed25519 import verify_strict

MAGIC = b"CGR1"
RECEIPT_SIZE = 114
_SIGNED_SIZE = 50
_BODY = struct.Struct("<4s4sI32sH4s")
assert _BODY.size == _SIGNED_SIZE


class Verdict(IntEnum):
    """What the bridge did with a reading. Codes are never renumbered; the high byte is the class."""

    STORED = 0x0001
    """Durable at the bridge (also a second copy of the same core): the edge deletes the row."""

    MALFORMED = 0x0101
    BAD_SIGNATURE = 0x0102
    WRONG_NETWORK = 0x0103
    WRONG_KEY_EPOCH = 0x0104
    WRONG_REGISTER_EPOCH = 0x0105
    CONFLICT = 0x0106
    """Another core is already stored for this meter, register epoch and interval."""
    REGISTER_LOWER = 0x0107
    OVER_CAPACITY = 0x0108
    FAR_FUTURE = 0x0109
    """Ahead of the bridge by more than one interval: the meter's clock is wrong."""
    RETIRED_METER = 0x010A

    UNKNOWN_METER = 0x0201
    """Not in the registry yet, or the bridge's cache is older."""
    SLIGHTLY_AHEAD = 0x0202
    STORE_UNAVAILABLE = 0x0203


def is_stored(verdict: int) -> bool:
    """Return whether the edge may delete the reading."""
    return verdict == Verdict.STORED


def is_permanent(verdict: int) -> bool:
    """Return whether sending again can never help (class 0x01xx, also codes that this version does not know)."""
    return 0x0100 <= verdict <= 0x01FF


def is_transient(verdict: int) -> bool:
    """Return whether the reading must be kept and sent again: whatever is neither stored nor a permanent refusal."""
    return not is_stored(verdict) and not is_permanent(verdict)


def verdict_label(verdict: int) -> str:
    """Return a verdict's metric label: "stored", "bad_signature", or "0x0142" for a code of a later version."""
    try:
        return Verdict(verdict).name.lower()
    except ValueError:
        return f"0x{verdict:04x}"


class ReceiptError(ValueError):
    """A receipt is not to be believed. Leaves: malformed, of another network, of an unknown key, forged."""

    label = "receipt"


class MalformedReceiptError(ReceiptError):
    """Not 114 bytes beginning with "CGR1"."""

    label = "malformed"


class ForeignReceiptError(ReceiptError):
    """Signed for another network."""

    label = "wrong_network"


class UnknownBridgeKeyError(ReceiptError):
    """Signed by a key that is not pinned here."""

    label = "unknown_key"


class ForgedReceiptError(ReceiptError):
    """The signature does not fit the key that it names."""

    label = "forged"


class Receipt(msgspec.Struct, frozen=True):
    """What a receipt says.

    Attributes:
        network_tag: 4 bytes.
        meter_number: u32.
        payload_sha256: 32 bytes, of the payload as the bridge received it.
        verdict: u16, a `Verdict` or a later code.
    """

    network_tag: bytes
    meter_number: int
    payload_sha256: bytes
    verdict: int


def payload_sha256(payload: bytes) -> bytes:
    """Return the 32 bytes that name a payload in its receipt."""
    return hashlib.sha256(payload).digest()


@functools.lru_cache(maxsize=64)
def bridge_key_id(public_key: bytes) -> bytes:
    """Return the first 4 bytes of SHA-256 of a 32-byte public key."""
    return hashlib.sha256(public_key).digest()[:4]


def encode_receipt(receipt: Receipt, signing_key: SigningKey) -> bytes:
    """Return the 114 signed bytes.

    Raises:
        ValueError: A field is out of its range.
    """
    if len(receipt.network_tag) != 4 or len(receipt.payload_sha256) != 32:
        raise ValueError("network tag is 4 bytes and the payload hash 32")
    try:
        body = _BODY.pack(
            MAGIC,
            receipt.network_tag,
            receipt.meter_number,
            receipt.payload_sha256,
            receipt.verdict,
            bridge_key_id(bytes(signing_key.verify_key)),
        )
    except struct.error as error:
        raise ValueError(f"a field of the receipt is out of range: {error}") from error
    return body + signing_key.sign(body).signature


def decode_receipt(data: bytes) -> Receipt:
    """Return what a receipt says, UNVERIFIED: only `verify_receipt` makes it worth believing.

    Raises:
        MalformedReceiptError: Wrong size or magic.
    """
    if len(data) != RECEIPT_SIZE or data[:4] != MAGIC:
        raise MalformedReceiptError(f"a receipt is {RECEIPT_SIZE} bytes beginning with CGR1")
    _, tag, meter_number, sha256, verdict, _ = _BODY.unpack(data[:_SIGNED_SIZE])
    return Receipt(tag, meter_number, sha256, verdict)


def verify_receipt(data: bytes, bridge_keys: Iterable[bytes], network_tag: bytes) -> Receipt:
    """Return what a receipt says, once one of the pinned bridge keys has been found under it.

    Args:
        data: The message as received.
        bridge_keys: Pinned public keys, 32 bytes each.
        network_tag: 4 bytes, of the network that the caller works on.

    Raises:
        MalformedReceiptError: Wrong size or magic.
        ForeignReceiptError: Another network's.
        UnknownBridgeKeyError: No pinned key has this id.
        ForgedReceiptError: The signature does not fit.
    """
    receipt = decode_receipt(data)
    if receipt.network_tag != network_tag:
        raise ForeignReceiptError(f"receipt of network {receipt.network_tag.hex()}, not {network_tag.hex()}")
    key_id = data[46:50]
    candidates = [key for key in bridge_keys if bridge_key_id(key) == key_id]
    if not candidates:
        raise UnknownBridgeKeyError(f"bridge key {key_id.hex()} is not pinned")
    if not any(verify_strict(key, data[:_SIGNED_SIZE], data[_SIGNED_SIZE:]) for key in candidates):
        raise ForgedReceiptError(f"signature does not fit bridge key {key_id.hex()}")
    return receipt
