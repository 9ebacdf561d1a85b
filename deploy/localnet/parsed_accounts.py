"""Decides how the accounts of well-known programs read in "jsonParsed": SPL tokens, nonces, lookup tables, the loader, stakes, sysvars;
votes and Token-2022's extensions are in parsed_votes and parsed_extensions.

Shapes follow solana-account-decoder. What is not known here is shown as base64 by the caller.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from typing import Any

from solders.pubkey import Pubkey

from deploy.localnet.bank import (
    LOADER_V3,
    LOOKUP_TABLE,
    MULTISIG_SIZE,
    SYSTEM,
    TOKEN,
    TOKEN_2022,
    is_mint,
    is_token_account,
)
from deploy.localnet.genesis_accounts import STAKE, VOTE
from deploy.localnet.parsed_extensions import STATES, extensions
from deploy.localnet.parsed_votes import vote_account

Decimals = Callable[[bytes], int]

SYSVAR_OWNER = Pubkey.from_string("Sysvar1111111111111111111111111111111111111")
CLOCK = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")
RENT = Pubkey.from_string("SysvarRent111111111111111111111111111111111")
EPOCH_SCHEDULE = Pubkey.from_string("SysvarEpochSchedu1e111111111111111111111111")
SLOT_HASHES = Pubkey.from_string("SysvarS1otHashes111111111111111111111111111")
LAST_RESTART = Pubkey.from_string("SysvarLastRestartS1ot1111111111111111111111")


def parse(address: Pubkey, owner: Pubkey, data: bytes, decimals: Decimals) -> dict[str, Any] | None:
    """Return {"program", "parsed": {"type", "info"}, "space"}, or None where no parser knows the data.

    Args:
        address: The account's address.
        owner: Its program.
        data: All of its data.
        decimals: Decimals by mint (32 B).
    """
    found: tuple[str, Any] | None = None
    if owner in (TOKEN, TOKEN_2022):
        found = ("spl-token" if owner == TOKEN else "spl-token-2022", _token(data, decimals))
    elif owner == SYSTEM and len(data) == 80:
        found = ("nonce", _nonce(data))
    elif owner == LOOKUP_TABLE:
        found = ("address-lookup-table", _lookup_table(data))
    elif owner == LOADER_V3:
        found = ("bpf-upgradeable-loader", _loader(data))
    elif owner == STAKE:
        found = ("stake", _stake(data))
    elif owner == VOTE:
        found = ("vote", vote_account(address, data))
    elif owner == SYSVAR_OWNER:
        found = ("sysvar", _sysvar(address, data))
    if found is None or found[1] is None:
        return None
    return {"program": found[0], "parsed": found[1], "space": len(data)}


def token_amount(atoms: int, decimals: int) -> dict[str, Any]:
    """Return an amount as UiTokenAmount: exact text beside the float that Solana's API has."""
    text = str(atoms)
    if decimals:
        padded = text.rjust(decimals + 1, "0")
        text = f"{padded[:-decimals]}.{padded[-decimals:]}".rstrip("0").rstrip(".")
    # `uiAmount` is a float because Solana's API says so; nothing of ours reads it. From 20 decimals on the node gives none.
    shown = float(atoms) / 10**decimals if decimals < 20 else None
    return {"uiAmount": shown, "decimals": decimals, "amount": str(atoms), "uiAmountString": text}


def _token(data: bytes, decimals: Decimals) -> dict[str, Any] | None:
    if is_token_account(data):
        return _token_account(data, decimals)
    if is_mint(data):
        return _mint(data)
    if len(data) == MULTISIG_SIZE and data[2]:
        signers = [_key(data, 3 + 32 * index) for index in range(11) if any(data[3 + 32 * index : 35 + 32 * index])]
        info = {"numRequiredSigners": data[0], "numValidSigners": data[1], "isInitialized": True, "signers": signers}
        return {"type": "multisig", "info": info}
    return None


def _token_account(data: bytes, decimals: Decimals) -> dict[str, Any] | None:
    if data[108] >= len(STATES):
        return None
    places = decimals(data[:32])
    amount, delegated = struct.unpack_from("<Q", data, 64)[0], struct.unpack_from("<Q", data, 121)[0]
    native = struct.unpack_from("<IQ", data, 109)
    info: dict[str, Any] = {
        "mint": _key(data, 0),
        "owner": _key(data, 32),
        "tokenAmount": token_amount(amount, places),
        "state": STATES[data[108]],
        "isNative": bool(native[0]),
    }
    if (delegate := _optional_key(data, 72)) is not None:
        info["delegate"] = delegate
        info["delegatedAmount"] = token_amount(delegated, places)
    if native[0]:
        info["rentExemptReserve"] = token_amount(native[1], places)
    if (closer := _optional_key(data, 129)) is not None:
        info["closeAuthority"] = closer
    return {"type": "account", "info": info | _extensions(data)}


def _mint(data: bytes) -> dict[str, Any]:
    info = {
        "mintAuthority": _optional_key(data, 0),
        "supply": str(struct.unpack_from("<Q", data, 36)[0]),
        "decimals": data[44],
        "isInitialized": True,
        "freezeAuthority": _optional_key(data, 46),
    }
    return {"type": "mint", "info": info | _extensions(data)}


def _extensions(data: bytes) -> dict[str, Any]:
    found = extensions(data)
    return {"extensions": found} if found else {}


def _nonce(data: bytes) -> dict[str, Any] | None:
    if data[4] != 1:
        return None
    info = {
        "authority": _key(data, 8),
        "blockhash": _key(data, 40),
        "feeCalculator": {"lamportsPerSignature": str(struct.unpack_from("<Q", data, 72)[0])},
    }
    return {"type": "initialized", "info": info}


def _lookup_table(data: bytes) -> dict[str, Any] | None:
    if len(data) < 56 or data[0] != 1:
        return None
    deactivation, extended, start = struct.unpack_from("<QQB", data, 4)
    info: dict[str, Any] = {
        "deactivationSlot": str(deactivation),
        "lastExtendedSlot": str(extended),
        "lastExtendedSlotStartIndex": start,
    }
    if data[21]:
        info["authority"] = _key(data, 22)
    info["addresses"] = [_key(data, at) for at in range(56, len(data) - 31, 32)]
    return {"type": "lookupTable", "info": info}


def _loader(data: bytes) -> dict[str, Any] | None:
    if len(data) < 4:
        return None
    kind = struct.unpack_from("<I", data)[0]
    if kind == 0:
        return {"type": "uninitialized"}
    if kind == 1 and len(data) >= 37:
        info: dict[str, Any] = {"authority": _key(data, 5) if data[4] else None}
        return {"type": "buffer", "info": {**info, "data": [base64.b64encode(data[37:]).decode(), "base64"]}}
    if kind == 2 and len(data) >= 36:
        return {"type": "program", "info": {"programData": _key(data, 4)}}
    if kind == 3 and len(data) >= 45:
        info = {"slot": struct.unpack_from("<Q", data, 4)[0], "authority": _key(data, 13) if data[12] else None}
        return {"type": "programData", "info": {**info, "data": [base64.b64encode(data[45:]).decode(), "base64"]}}
    return None


def _stake(data: bytes) -> dict[str, Any] | None:
    kind = struct.unpack_from("<I", data)[0]
    if kind in (0, 3):
        return {"type": "uninitialized" if kind == 0 else "rewardsPool"}
    if kind > 3 or len(data) < 197:
        return None
    unix_s, epoch = struct.unpack_from("<qQ", data, 76)
    meta = {
        "rentExemptReserve": str(struct.unpack_from("<Q", data, 4)[0]),
        "authorized": {"staker": _key(data, 12), "withdrawer": _key(data, 44)},
        "lockup": {"unixTimestamp": unix_s, "epoch": epoch, "custodian": _key(data, 92)},
    }
    if kind == 1:
        return {"type": "initialized", "info": {"meta": meta, "stake": None}}
    lamports, since, until, rate, credits_ = struct.unpack_from("<QQQdQ", data, 156)
    delegation = {
        "voter": _key(data, 124),
        "stake": str(lamports),
        "activationEpoch": str(since),
        "deactivationEpoch": str(until),
        "warmupCooldownRate": rate,
    }
    return {
        "type": "delegated",
        "info": {"meta": meta, "stake": {"delegation": delegation, "creditsObserved": credits_}},
    }


def _sysvar(address: Pubkey, data: bytes) -> dict[str, Any] | None:
    if address == CLOCK:
        slot, epoch_start, epoch, leader_epoch, unix_s = struct.unpack_from("<QqQQq", data)
        info: dict[str, Any] = {
            "slot": slot,
            "epoch": epoch,
            "epochStartTimestamp": epoch_start,
            "leaderScheduleEpoch": leader_epoch,
            "unixTimestamp": unix_s,
        }
        return {"type": "clock", "info": info}
    if address == RENT:
        per_byte, threshold, burn = struct.unpack_from("<QdB", data)
        info = {"lamportsPerByteYear": str(per_byte), "exemptionThreshold": threshold, "burnPercent": burn}
        return {"type": "rent", "info": info}
    if address == EPOCH_SCHEDULE:
        slots, offset, warmup, first_epoch, first_slot = struct.unpack_from("<QQ?QQ", data)
        info = {
            "slotsPerEpoch": slots,
            "leaderScheduleSlotOffset": offset,
            "warmup": warmup,
            "firstNormalEpoch": first_epoch,
            "firstNormalSlot": first_slot,
        }
        return {"type": "epochSchedule", "info": info}
    if address == SLOT_HASHES:
        count = struct.unpack_from("<Q", data)[0]
        entries = [(struct.unpack_from("<Q", data, 8 + 40 * i)[0], _key(data, 16 + 40 * i)) for i in range(count)]
        return {"type": "slotHashes", "info": [{"slot": slot, "hash": hash_} for slot, hash_ in entries]}
    if address == LAST_RESTART:
        return {"type": "lastRestartSlot", "info": {"lastRestartSlot": struct.unpack_from("<Q", data)[0]}}
    return None


def _key(data: bytes, at: int) -> str:
    return str(Pubkey.from_bytes(data[at : at + 32]))


def _optional_key(data: bytes, at: int) -> str | None:
    """Return a COption<Pubkey>: tag u32, key 32."""
    return _key(data, at + 4) if data[at] else None
