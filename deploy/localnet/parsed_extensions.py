"""Decides how the extensions behind a Token-2022 mint or account read in "jsonParsed".

Layouts: spl-token-2022-interface 2.1 (type u16, length u16, value; packed, little-endian). Shapes: solana-account-decoder 4.0.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from solders.pubkey import Pubkey

TYPE_AT = 165
"""Where the account type stands: behind the size of a token account, in mints too."""
MINT, ACCOUNT = 1, 2
STATES = ("uninitialized", "initialized", "frozen")

_Field = tuple[str, str]
_FEE: list[_Field] = [("epoch", "u64"), ("maximumFee", "u64"), ("transferFeeBasisPoints", "u16")]

# By extension type: name, the kind of account that may have it (None: any), its fields in order; no list: it has no state.
_EXTENSIONS: dict[int, tuple[str, int | None, list[_Field] | None]] = {
    1: ("transferFeeConfig", MINT, [
        ("transferFeeConfigAuthority", "key?"), ("withdrawWithheldAuthority", "key?"), ("withheldAmount", "u64"),
        ("olderTransferFee", "fee"), ("newerTransferFee", "fee"),
    ]),
    2: ("transferFeeAmount", ACCOUNT, [("withheldAmount", "u64")]),
    3: ("mintCloseAuthority", MINT, [("closeAuthority", "key?")]),
    4: ("confidentialTransferMint", MINT, [
        ("authority", "key?"), ("autoApproveNewAccounts", "bool"), ("auditorElgamalPubkey", "b32?"),
    ]),
    5: ("confidentialTransferAccount", ACCOUNT, [
        ("approved", "bool"), ("elgamalPubkey", "b32"), ("pendingBalanceLo", "b64"), ("pendingBalanceHi", "b64"),
        ("availableBalance", "b64"), ("decryptableAvailableBalance", "b36"), ("allowConfidentialCredits", "bool"),
        ("allowNonConfidentialCredits", "bool"), ("pendingBalanceCreditCounter", "u64"),
        ("maximumPendingBalanceCreditCounter", "u64"), ("expectedPendingBalanceCreditCounter", "u64"),
        ("actualPendingBalanceCreditCounter", "u64"),
    ]),
    6: ("defaultAccountState", MINT, [("accountState", "state")]),
    7: ("immutableOwner", None, None),
    8: ("memoTransfer", ACCOUNT, [("requireIncomingTransferMemos", "bool")]),
    9: ("nonTransferable", None, None),
    10: ("interestBearingConfig", MINT, [
        ("rateAuthority", "key?"), ("initializationTimestamp", "i64"), ("preUpdateAverageRate", "i16"),
        ("lastUpdateTimestamp", "i64"), ("currentRate", "i16"),
    ]),
    11: ("cpiGuard", ACCOUNT, [("lockCpi", "bool")]),
    12: ("permanentDelegate", MINT, [("delegate", "key?")]),
    13: ("nonTransferableAccount", None, None),
    14: ("transferHook", MINT, [("authority", "key?"), ("programId", "key?")]),
    15: ("transferHookAccount", ACCOUNT, [("transferring", "bool")]),
    16: ("confidentialTransferFeeConfig", MINT, [
        ("authority", "key?"), ("withdrawWithheldAuthorityElgamalPubkey", "b32?"), ("harvestToMintEnabled", "bool"),
        ("withheldAmount", "b64"),
    ]),
    17: ("confidentialTransferFeeAmount", ACCOUNT, [("withheldAmount", "b64")]),
    18: ("metadataPointer", MINT, [("authority", "key?"), ("metadataAddress", "key?")]),
    19: ("tokenMetadata", MINT, [
        ("updateAuthority", "key?"), ("mint", "key"), ("name", "text"), ("symbol", "text"), ("uri", "text"),
        ("additionalMetadata", "pairs"),
    ]),
    20: ("groupPointer", MINT, [("authority", "key?"), ("groupAddress", "key?")]),
    21: ("tokenGroup", MINT, [("updateAuthority", "key?"), ("mint", "key"), ("size", "u64"), ("maxSize", "u64")]),
    22: ("groupMemberPointer", MINT, [("authority", "key?"), ("memberAddress", "key?")]),
    23: ("tokenGroupMember", MINT, [("mint", "key"), ("group", "key"), ("memberNumber", "u64")]),
    24: ("confidentialMintBurn", MINT, [
        ("confidentialSupply", "b64"), ("decryptableSupply", "b36"), ("supplyElgamalPubkey", "b32"), ("pendingBurn", "b64"),
    ]),
    25: ("scaledUiAmountConfig", MINT, [
        ("authority", "key?"), ("multiplier", "f64"), ("newMultiplierEffectiveTimestamp", "i64"), ("newMultiplier", "f64"),
    ]),
    26: ("pausableConfig", MINT, [("authority", "key?"), ("paused", "bool")]),
    27: ("pausableAccount", None, None),
}  # fmt: skip


class _ShortError(Exception):
    """A value ends before its last field, or goes on behind it."""


def extensions(data: bytes) -> list[dict[str, Any]]:
    """Return [{"extension", "state"}] of a Token-2022 mint or account, in the order in which they stand.

    One that does not fit its type is "unparseableExtension"; with a type that nobody knows, or a list that is cut off, there are none.
    """
    found = []
    for number, value in _values(data):
        if number not in _EXTENSIONS:
            return []
        found.append(_extension(number, value, data[TYPE_AT]))
    return found


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    at, known = TYPE_AT + 1, []
    while at + 2 <= len(data):
        number = int.from_bytes(data[at : at + 2], "little")
        if number == 0:
            break
        end = at + 4 + int.from_bytes(data[at + 2 : at + 4], "little")
        if at + 4 > len(data) or end > len(data):
            return
        known.append((number, data[at + 4 : end]))
        at = end
    yield from known


def _extension(number: int, value: bytes, account_type: int) -> dict[str, Any]:
    name, belongs_to, fields = _EXTENSIONS[number]
    if fields is None:
        return {"extension": name}
    if account_type != belongs_to:
        return {"extension": "unparseableExtension"}
    reader = _Reader(value)
    try:
        state = reader.record(fields)
        reader.end()
    except (_ShortError, UnicodeDecodeError):
        return {"extension": "unparseableExtension"}
    return {"extension": name, "state": state}


class _Reader:
    """Reads fields one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def record(self, fields: list[_Field]) -> dict[str, Any]:
        """Return the fields by name."""
        return {name: self._value(kind) for name, kind in fields}

    def end(self) -> None:
        """Raise _ShortError unless everything has been read."""
        if self._at != len(self._data):
            raise _ShortError

    def _take(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise _ShortError
        self._at += size
        return self._data[self._at - size : self._at]

    def _value(self, kind: str) -> Any:
        if kind == "fee":
            return self.record(_FEE)
        if kind == "text":
            return self._text()
        if kind == "pairs":
            return [[self._text(), self._text()] for _ in range(int.from_bytes(self._take(4), "little"))]
        size, read = _KINDS[kind.rstrip("?")]
        raw = self._take(size)
        return None if kind.endswith("?") and not any(raw) else read(raw)

    def _text(self) -> str:
        return self._take(int.from_bytes(self._take(4), "little")).decode()


def _number(code: str) -> tuple[int, Callable[[bytes], Any]]:
    packed = struct.Struct(f"<{code}")
    return packed.size, lambda raw: packed.unpack(raw)[0]


def _base64(size: int) -> tuple[int, Callable[[bytes], Any]]:
    return size, lambda raw: base64.b64encode(raw).decode()


def _float(raw: bytes) -> str:
    """Return a float as Rust writes it: all digits, no exponent, no point behind a whole number."""
    value = struct.unpack("<d", raw)[0]
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return format(Decimal(repr(value)), "f").removesuffix(".0")


_KINDS: dict[str, tuple[int, Callable[[bytes], Any]]] = {
    "u64": _number("Q"),
    "u16": _number("H"),
    "i64": _number("q"),
    "i16": _number("h"),
    "f64": (8, _float),
    "bool": (1, lambda raw: raw[0] != 0),
    "state": (1, lambda raw: STATES[raw[0]] if raw[0] < len(STATES) else STATES[0]),
    "key": (32, lambda raw: str(Pubkey.from_bytes(raw))),
    "b32": _base64(32),
    "b36": _base64(36),
    "b64": _base64(64),
}
