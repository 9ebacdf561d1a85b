"""Decides how instructions of well-known programs read in "jsonParsed": system, SPL tokens, their accounts, memo; and the
deployment's, which `parsed_deployment` knows.

Shapes follow solana-transaction-status. What is not known here is shown with raw data by the caller.
"""

from __future__ import annotations

import struct
from typing import Any

from solders.instruction import CompiledInstruction
from solders.pubkey import Pubkey

from deploy.localnet import parsed_deployment
from deploy.localnet.bank import LOADER_V3, LOOKUP_TABLE, SYSTEM, TOKEN, TOKEN_2022
from deploy.localnet.parsed_accounts import token_amount

MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
MEMO_V1 = Pubkey.from_string("Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo")
ASSOCIATED_TOKEN = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")

Parsed = dict[str, Any]


def parse(program: Pubkey, accounts: list[Pubkey], data: bytes) -> tuple[str, Parsed | str] | None:
    """Return (program name, parsed), or None where the instruction is not known or does not fit.

    Args:
        program: The program's address.
        accounts: Its accounts, in order.
        data: Its data.
    """
    keys = [str(account) for account in accounts]
    try:
        if program == SYSTEM:
            return _named("system", _system(keys, data))
        if program in (TOKEN, TOKEN_2022):
            return _named("spl-token", _token(keys, data))
        if program == ASSOCIATED_TOKEN:
            return _named("spl-associated-token-account", _associated(keys, data))
        if program in (MEMO, MEMO_V1):
            return "spl-memo", data.decode()
        if program == LOADER_V3:
            return _named("bpf-upgradeable-loader", parsed_deployment.loader(keys, data))
        if program == LOOKUP_TABLE:
            return _named("address-lookup-table", parsed_deployment.lookup_table(keys, data))
    except (IndexError, ValueError, struct.error):  # UnicodeDecodeError is a ValueError
        return None
    return None


def memo_of(keys: list[Pubkey], instructions: list[CompiledInstruction]) -> str | None:
    """Return the memos of a transaction as getSignaturesForAddress tells them: "[length] text", joined by "; "."""
    memos = []
    for instruction in instructions:
        if keys[instruction.program_id_index] in (MEMO, MEMO_V1):
            data = bytes(instruction.data)
            memos.append(f"[{len(data)}] {data.decode(errors='replace')}")
    return "; ".join(memos) or None


def _named(name: str, parsed: Parsed | None) -> tuple[str, Parsed] | None:
    return None if parsed is None else (name, parsed)


def _system(keys: list[str], data: bytes) -> Parsed | None:
    kind = struct.unpack_from("<I", data)[0]
    if kind == 0:
        lamports, space = struct.unpack_from("<QQ", data, 4)
        info: Parsed = {
            "source": keys[0],
            "newAccount": keys[1],
            "lamports": lamports,
            "space": space,
            "owner": _key(data, 20),
        }
        return {"type": "createAccount", "info": info}
    if kind == 1:
        return {"type": "assign", "info": {"account": keys[0], "owner": _key(data, 4)}}
    if kind == 2:
        lamports = struct.unpack_from("<Q", data, 4)[0]
        return {"type": "transfer", "info": {"source": keys[0], "destination": keys[1], "lamports": lamports}}
    if kind == 3:
        seed, at = _seed(data, 36)
        lamports, space = struct.unpack_from("<QQ", data, at)
        info = {"source": keys[0], "newAccount": keys[1], "base": _key(data, 4), "seed": seed}
        info |= {"lamports": lamports, "space": space, "owner": _key(data, at + 16)}
        return {"type": "createAccountWithSeed", "info": info}
    if kind == 4:
        info = {"nonceAccount": keys[0], "recentBlockhashesSysvar": keys[1], "nonceAuthority": keys[2]}
        return {"type": "advanceNonce", "info": info}
    if kind == 5:
        info = {
            "nonceAccount": keys[0],
            "destination": keys[1],
            "recentBlockhashesSysvar": keys[2],
            "rentSysvar": keys[3],
        }
        info |= {"nonceAuthority": keys[4], "lamports": struct.unpack_from("<Q", data, 4)[0]}
        return {"type": "withdrawFromNonce", "info": info}
    if kind == 6:
        info = {"nonceAccount": keys[0], "recentBlockhashesSysvar": keys[1], "rentSysvar": keys[2]}
        return {"type": "initializeNonce", "info": info | {"nonceAuthority": _key(data, 4)}}
    if kind == 7:
        info = {"nonceAccount": keys[0], "nonceAuthority": keys[1], "newAuthorized": _key(data, 4)}
        return {"type": "authorizeNonce", "info": info}
    if kind == 8:
        return {"type": "allocate", "info": {"account": keys[0], "space": struct.unpack_from("<Q", data, 4)[0]}}
    if kind in (9, 10):
        seed, at = _seed(data, 36)
        info = {"account": keys[0], "base": _key(data, 4), "seed": seed}
        if kind == 9:
            info["space"] = struct.unpack_from("<Q", data, at)[0]
            at += 8
        return {"type": "allocateWithSeed" if kind == 9 else "assignWithSeed", "info": info | {"owner": _key(data, at)}}
    if kind == 11:
        seed, at = _seed(data, 12)
        info = {"source": keys[0], "sourceBase": keys[1], "destination": keys[2]}
        info |= {"lamports": struct.unpack_from("<Q", data, 4)[0], "sourceSeed": seed, "sourceOwner": _key(data, at)}
        return {"type": "transferWithSeed", "info": info}
    if kind == 12:
        return {"type": "upgradeNonce", "info": {"nonceAccount": keys[0]}}
    return None


def _seed(data: bytes, at: int) -> tuple[str, int]:
    """Return a seed that begins with its length (u64), and where it ends."""
    size = struct.unpack_from("<Q", data, at)[0]
    return data[at + 8 : at + 8 + size].decode(), at + 8 + size


_EXTENSIONS = ("uninitialized", "transferFeeConfig", "transferFeeAmount", "mintCloseAuthority")
_EXTENSIONS += ("confidentialTransferMint", "confidentialTransferAccount", "defaultAccountState", "immutableOwner")
"""Extensions of a token account or mint by number. Source: ExtensionType of spl-token-2022-interface."""

_AUTHORITIES = ("mintTokens", "freezeAccount", "accountOwner", "closeAccount")


def _token(keys: list[str], data: bytes) -> Parsed | None:
    kind = data[0]
    if kind in (0, 20):
        info: Parsed = {"mint": keys[0], "decimals": data[1], "mintAuthority": _key(data, 2)}
        if kind == 0:
            info["rentSysvar"] = keys[1]
        if data[34]:
            info["freezeAuthority"] = _key(data, 35)
        return {"type": "initializeMint" if kind == 0 else "initializeMint2", "info": info}
    if kind == 1:
        info = {"account": keys[0], "mint": keys[1], "owner": keys[2], "rentSysvar": keys[3]}
        return {"type": "initializeAccount", "info": info}
    if kind == 16:
        info = {"account": keys[0], "mint": keys[1], "owner": _key(data, 1), "rentSysvar": keys[2]}
        return {"type": "initializeAccount2", "info": info}
    if kind == 18:
        return {"type": "initializeAccount3", "info": {"account": keys[0], "mint": keys[1], "owner": _key(data, 1)}}
    if kind in (3, 4, 7, 8):
        return _token_moved(kind, keys, data)
    if kind in (12, 13, 14, 15):
        return _token_moved_checked(kind, keys, data)
    if kind == 5:
        return {"type": "revoke", "info": {"source": keys[0], **_authority("owner", keys, 1)}}
    if kind == 6:
        info = {"authorityType": _AUTHORITIES[data[1]], "newAuthority": _key(data, 3) if data[2] else None}
        info["mint" if data[1] < 2 else "account"] = keys[0]
        return {"type": "setAuthority", "info": info | _authority("authority", keys, 1)}
    if kind == 9:
        info = {"account": keys[0], "destination": keys[1], **_authority("owner", keys, 2)}
        return {"type": "closeAccount", "info": info}
    if kind in (10, 11):
        info = {"account": keys[0], "mint": keys[1], **_authority("freezeAuthority", keys, 2)}
        return {"type": "freezeAccount" if kind == 10 else "thawAccount", "info": info}
    if kind in (2, 19):
        first = 2 if kind == 2 else 1
        info = {"multisig": keys[0], "signers": keys[first:], "m": data[1]}
        if kind == 2:
            info["rentSysvar"] = keys[1]
        return {"type": "initializeMultisig" if kind == 2 else "initializeMultisig2", "info": info}
    if kind in (17, 22):
        return {"type": "syncNative" if kind == 17 else "initializeImmutableOwner", "info": {"account": keys[0]}}
    if kind == 21:
        info = {"mint": keys[0]}
        if types := [_EXTENSIONS[number] for (number,) in struct.iter_unpack("<H", data[1:])]:
            info["extensionTypes"] = types
        return {"type": "getAccountDataSize", "info": info}
    if kind == 23:
        amount = str(struct.unpack_from("<Q", data, 1)[0])
        return {"type": "amountToUiAmount", "info": {"mint": keys[0], "amount": amount}}
    if kind == 24:
        return {"type": "uiAmountToAmount", "info": {"mint": keys[0], "uiAmount": data[1:].decode()}}
    return None


def _token_moved(kind: int, keys: list[str], data: bytes) -> Parsed:
    amount = {"amount": str(struct.unpack_from("<Q", data, 1)[0])}
    if kind == 3:
        return {
            "type": "transfer",
            "info": {"source": keys[0], "destination": keys[1], **amount, **_authority("authority", keys, 2)},
        }
    if kind == 4:
        return {
            "type": "approve",
            "info": {"source": keys[0], "delegate": keys[1], **amount, **_authority("owner", keys, 2)},
        }
    if kind == 7:
        return {
            "type": "mintTo",
            "info": {"mint": keys[0], "account": keys[1], **amount, **_authority("mintAuthority", keys, 2)},
        }
    return {"type": "burn", "info": {"account": keys[0], "mint": keys[1], **amount, **_authority("authority", keys, 2)}}


def _token_moved_checked(kind: int, keys: list[str], data: bytes) -> Parsed:
    amount = {"tokenAmount": token_amount(struct.unpack_from("<Q", data, 1)[0], data[9])}
    if kind == 12:
        info = {
            "source": keys[0],
            "mint": keys[1],
            "destination": keys[2],
            **amount,
            **_authority("authority", keys, 3),
        }
        return {"type": "transferChecked", "info": info}
    if kind == 13:
        info = {"source": keys[0], "mint": keys[1], "delegate": keys[2], **amount, **_authority("owner", keys, 3)}
        return {"type": "approveChecked", "info": info}
    if kind == 14:
        info = {"mint": keys[0], "account": keys[1], **amount, **_authority("mintAuthority", keys, 2)}
        return {"type": "mintToChecked", "info": info}
    info = {"account": keys[0], "mint": keys[1], **amount, **_authority("authority", keys, 2)}
    return {"type": "burnChecked", "info": info}


def _authority(name: str, keys: list[str], at: int) -> Parsed:
    """Return the authority of a token instruction: a wallet, or a multisig with its signers behind it."""
    if len(keys) == at + 1:
        return {name: keys[at]}
    return {"multisig" + name[0].upper() + name[1:]: keys[at], "signers": keys[at + 1 :]}


def _associated(keys: list[str], data: bytes) -> Parsed | None:
    kind = data[0] if data else 0
    if kind == 2:
        names = ("nestedSource", "nestedMint", "destination", "nestedOwner", "ownerMint", "wallet", "tokenProgram")
        return {"type": "recoverNested", "info": parsed_deployment.named(names, keys)}
    if kind > 2:
        return None
    names = ("source", "account", "wallet", "mint", "systemProgram", "tokenProgram")
    return {"type": "create" if kind == 0 else "createIdempotent", "info": parsed_deployment.named(names, keys)}


def _key(data: bytes, at: int) -> str:
    return str(Pubkey.from_bytes(data[at : at + 32]))
