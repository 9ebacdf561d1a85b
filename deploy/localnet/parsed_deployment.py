"""Decides how instructions of loader v3 and of the lookup tables' program read in "jsonParsed".

Shapes follow solana-transaction-status: parse_bpf_loader.rs and parse_address_lookup_table.rs.
"""

from __future__ import annotations

import base64
import struct
from typing import Any

from solders.pubkey import Pubkey

Parsed = dict[str, Any]

# By number: name, accounts that must be there, accounts that may be (null without).
_LOADER: dict[int, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    1: ("write", ("account", "authority"), ()),
    2: (
        "deployWithMaxDataLen",
        (
            "payerAccount",
            "programDataAccount",
            "programAccount",
            "bufferAccount",
            "rentSysvar",
            "clockSysvar",
            "systemProgram",
            "authority",
        ),
        (),
    ),
    3: (
        "upgrade",
        (
            "programDataAccount",
            "programAccount",
            "bufferAccount",
            "spillAccount",
            "rentSysvar",
            "clockSysvar",
            "authority",
        ),
        (),
    ),
    4: ("setAuthority", ("account", "authority"), ("newAuthority",)),
    5: ("close", ("account", "recipient", "authority"), ("programAccount",)),
    6: ("extendProgram", ("programDataAccount", "programAccount"), ("systemProgram", "payerAccount")),
    7: ("setAuthorityChecked", ("account", "authority", "newAuthority"), ()),
    8: ("migrate", ("programDataAccount", "programAccount", "authority"), ()),
    9: (
        "extendProgramChecked",
        ("programDataAccount", "programAccount", "authority"),
        ("systemProgram", "payerAccount"),
    ),
}

_TABLE = ("lookupTableAccount", "lookupTableAuthority")
_LOOKUP_TABLE: dict[int, tuple[str, tuple[str, ...]]] = {
    0: ("createLookupTable", (*_TABLE, "payerAccount", "systemProgram")),
    1: ("freezeLookupTable", _TABLE),
    2: ("extendLookupTable", _TABLE),
    3: ("deactivateLookupTable", _TABLE),
    4: ("closeLookupTable", (*_TABLE, "recipient")),
}


def named(names: tuple[str, ...], keys: list[str], optional: tuple[str, ...] = ()) -> Parsed:
    """Return accounts by name; the optional ones behind them are None where they are missing.

    Raises:
        IndexError: An account that must be there is not.
    """
    info: Parsed = {name: keys[index] for index, name in enumerate(names)}
    rest = keys[len(names) :]
    return info | {name: rest[index] if index < len(rest) else None for index, name in enumerate(optional)}


def loader(keys: list[str], data: bytes) -> Parsed | None:
    """Return {"type", "info"} of a loader v3 instruction, None for one that is not known."""
    kind = struct.unpack_from("<I", data)[0]
    if kind == 0:
        optional = ("authority",) if len(keys) > 1 else ()
        return {"type": "initializeBuffer", "info": named(("account", *optional), keys)}
    if kind not in _LOADER:
        return None
    name, must, may = _LOADER[kind]
    info = named(must, keys, may)
    if kind == 1:
        offset, size = struct.unpack_from("<IQ", data, 4)
        info |= {"offset": offset, "bytes": base64.b64encode(data[16 : 16 + size]).decode()}
    elif kind == 2:
        info["maxDataLen"] = struct.unpack_from("<Q", data, 4)[0]
    elif kind in (6, 9):
        info["additionalBytes"] = struct.unpack_from("<I", data, 4)[0]
    return {"type": name, "info": info}


def lookup_table(keys: list[str], data: bytes) -> Parsed | None:
    """Return {"type", "info"} of an instruction about a lookup table, None for one that is not known."""
    kind = struct.unpack_from("<I", data)[0]
    if kind not in _LOOKUP_TABLE:
        return None
    name, must = _LOOKUP_TABLE[kind]
    info = named(must, keys)
    if kind == 0:
        info["recentSlot"], info["bumpSeed"] = struct.unpack_from("<QB", data, 4)
    elif kind == 2:
        count = struct.unpack_from("<Q", data, 4)[0]
        info["newAddresses"] = [str(Pubkey.from_bytes(data[12 + 32 * i : 44 + 32 * i])) for i in range(count)]
        if len(keys) >= 4:
            info |= {"payerAccount": keys[2], "systemProgram": keys[3]}
    return {"type": name, "info": info}
