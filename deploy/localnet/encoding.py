"""Decides how an account looks to a client: base58, base64, base64+zstd or parsed, whole or a slice."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import zstandard
from solders.account import Account
from solders.pubkey import Pubkey

from deploy.localnet import base58
from deploy.localnet.jsonrpc import INVALID_REQUEST, RpcError, invalid_params
from deploy.localnet.params import Options, integer, wrong_type
from deploy.localnet.parsed_accounts import parse

RENT_EXEMPT_EPOCH = 2**64 - 1
"""What a cluster shows for every account that need not pay rent; here no other can exist. Source: Agave's RENT_EXEMPT_RENT_EPOCH."""
ENCODINGS = ("binary", "base58", "base64", "jsonParsed", "base64+zstd")
MAX_BASE58_BYTES = 128
"""Above that base58 costs too much. Source: MAX_BASE58_BYTES, solana-account-decoder."""

Slice = tuple[int, int]
Decimals = Callable[[bytes], int]

_compressor = zstandard.ZstdCompressor(level=1)


def account_options(options: Options, default: str = "binary") -> tuple[str, Slice | None]:
    """Return (encoding, data slice as (offset, length) or None)."""
    encoding = options.choice("encoding", ENCODINGS, default)
    value = options.get("dataSlice")
    if value is None:
        return encoding, None
    if not isinstance(value, dict):
        raise wrong_type(value, "struct UiDataSliceConfig")
    for name in ("offset", "length"):
        if name not in value:
            raise invalid_params(f"Invalid params: missing field `{name}`.")
    return encoding, (integer(value["offset"], "usize"), integer(value["length"], "usize"))


def ui_account(
    address: Pubkey, account: Account, encoding: str, data_slice: Slice | None, decimals: Decimals
) -> dict[str, Any]:
    """Return an account as JSON.

    Args:
        address: Its address; sysvars are parsed by it.
        account: The account.
        encoding: One of ENCODINGS.
        data_slice: (offset, length) of the data to show; parsed data is never cut.
        decimals: Decimals by mint (32 B), for parsed token accounts.

    Raises:
        RpcError: base58 of more than 128 bytes.
    """
    data = account.data
    return {
        "lamports": account.lamports,
        "data": _data(address, account, data, encoding, data_slice, decimals),
        "owner": str(account.owner),
        "executable": account.executable,
        "rentEpoch": RENT_EXEMPT_EPOCH,
        "space": len(data),
    }


def _data(
    address: Pubkey, account: Account, data: bytes, encoding: str, data_slice: Slice | None, decimals: Decimals
) -> Any:
    if encoding == "jsonParsed":
        parsed = parse(address, account.owner, data, decimals)
        if parsed is not None:
            return parsed
        encoding = "base64"  # what no parser knows is shown raw, as everywhere
    if data_slice is not None:
        offset, length = data_slice
        data = data[offset : offset + length]
    if encoding == "base64":
        return [base64.b64encode(data).decode(), "base64"]
    if encoding == "base64+zstd":
        return [base64.b64encode(_compressor.compress(data)).decode(), "base64+zstd"]
    if len(data) > MAX_BASE58_BYTES:
        raise RpcError(
            INVALID_REQUEST,
            f"Encoded binary (base 58) data should be less than {MAX_BASE58_BYTES} bytes, please use Base64 encoding.",
        )
    text = base58.encode(data)
    return text if encoding == "binary" else [text, "base58"]
