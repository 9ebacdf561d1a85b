"""Decides how a transaction that has landed looks to a client: its message, its balances, its logs."""

from __future__ import annotations

import base64
from operator import attrgetter
from typing import Any, Literal

from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction_metadata import TransactionMetadata

from deploy.localnet import base58
from deploy.localnet.bank import TokenBalance
from deploy.localnet.failures import Failure
from deploy.localnet.history import Past
from deploy.localnet.jsonrpc import UNSUPPORTED_TRANSACTION_VERSION, RpcError, invalid_params
from deploy.localnet.params import Options
from deploy.localnet.parsed_accounts import token_amount
from deploy.localnet.parsed_instructions import parse
from deploy.localnet.wire import Wire

ENCODINGS = ("binary", "base64", "base58", "json", "jsonParsed")

DETAILS = ("full", "signatures", "none", "accounts")

Json = dict[str, Any]


class TransactionOptions:
    """How a client wants transactions: one of ENCODINGS, the newest message version that it understands (None: legacy
    only), and the other options that came."""

    __slots__ = ("encoding", "rest", "version")

    def __init__(self, encoding: str, version: int | None, rest: Options) -> None:
        self.encoding, self.version, self.rest = encoding, version, rest


def transaction_options(params: list[Any], slot: int) -> TransactionOptions:
    """Return the options of getTransaction and getBlock, which may also come in their old form, an encoding alone.

    Raises:
        RpcError: They fit neither form; a node does not say more.
    """
    given = params[1] if len(params) > 1 else None
    config = {"encoding": given} if isinstance(given, str) else given
    try:
        options = Options([config], 0, slot)
        options.choice("transactionDetails", DETAILS, "full")
        options.flag("rewards")
        encoding = options.choice("encoding", ENCODINGS, "json")
        version = options.integer("maxSupportedTransactionVersion", "u8", 255)
    except RpcError:
        raise invalid_params(
            "Invalid params: data did not match any variant of untagged enum RpcEncodingConfigWrapper."
        ) from None
    if options.get("commitment") == "processed":
        raise invalid_params("Method does not support commitment below `confirmed`")
    return TransactionOptions(encoding, version, options)


def with_meta(past: Past, encoding: str, max_version: int | None) -> Json:
    """Return a transaction with its metadata, as getTransaction and getBlock show it.

    Args:
        past: The transaction.
        encoding: One of ENCODINGS.
        max_version: Newest message version that the client understands; None = legacy only.

    Raises:
        RpcError: The transaction's version is newer (−32015).
    """
    is_v0 = _is_v0(past)
    if is_v0 and max_version is None:
        raise RpcError(
            UNSUPPORTED_TRANSACTION_VERSION,
            "Transaction version (0) is not supported by the requesting client. Please try the request again with the following "
            'configuration parameter: "maxSupportedTransactionVersion": 0',
        )
    shown: Json = {"transaction": transaction(past, encoding), "meta": meta(past, encoding)}
    if max_version is not None:
        shown["version"] = 0 if is_v0 else "legacy"
    return shown


def transaction(past: Past, encoding: str) -> Any:
    """Return the transaction itself in one of ENCODINGS."""
    if encoding == "base64":
        return [base64.b64encode(past.raw).decode(), "base64"]
    if encoding in ("base58", "binary"):
        text = base58.encode(past.raw)
        return text if encoding == "binary" else [text, "base58"]
    signatures = [str(signature) for signature in past.tx.signatures]
    return {"signatures": signatures, "message": _message(past, parsed=encoding == "jsonParsed")}


def accounts_only(past: Past, max_version: int | None) -> Json:
    """Return signatures, account list and short metadata, as getBlock's "accounts" detail shows them."""
    full = with_meta(past, "base64", max_version)
    meta_ = full["meta"]
    short = ("err", "status", "fee", "preBalances", "postBalances", "preTokenBalances", "postTokenBalances")
    full["transaction"] = {
        "signatures": [str(signature) for signature in past.tx.signatures],
        "accountKeys": _account_list(past),
    }
    full["meta"] = {name: meta_[name] for name in short}
    return full


def meta(past: Past, encoding: str) -> Json:
    """Return fee, balances, logs and the rest of what happened."""
    shown: Json = {
        "err": past.failure,
        "status": failure_status(past.failure),
        "fee": past.meta.fee(),
        "preBalances": past.pre,
        "postBalances": past.post,
        "innerInstructions": inner_instructions(past.meta, past.keys, parsed=encoding == "jsonParsed"),
        "logMessages": past.meta.logs(),
        "preTokenBalances": token_balances(past.tokens, "pre"),
        "postTokenBalances": token_balances(past.tokens, "post"),
        "rewards": [],
        "computeUnitsConsumed": past.meta.compute_units_consumed(),
    }
    if encoding != "jsonParsed":  # parsed messages list the loaded accounts themselves
        shown["loadedAddresses"] = loaded_addresses(past.keys, past.loaded)
    if (data := return_data(past.meta)) is not None:
        shown["returnData"] = data
    return shown


def loaded_addresses(keys: list[Pubkey], counts: tuple[int, int]) -> Json:
    """Return what came from lookup tables: the last of `keys`, (writable, read-only) in number."""
    first_readonly = len(keys) - counts[1]
    return {
        "writable": [str(key) for key in keys[first_readonly - counts[0] : first_readonly]],
        "readonly": [str(key) for key in keys[first_readonly:]],
    }


def return_data(meta_: TransactionMetadata) -> Json | None:
    """Return what a program left behind with sol_set_return_data, or None."""
    left = meta_.return_data()
    data = bytes(left.data)
    if not data:
        return None
    return {"programId": str(left.program_id), "data": [base64.b64encode(data).decode(), "base64"]}


def inner_instructions(meta_: TransactionMetadata, keys: list[Pubkey], *, parsed: bool) -> list[Json]:
    """Return the cross-program invocations of each instruction that made any."""
    shown: list[Json] = []
    for index, calls in enumerate(meta_.inner_instructions()):
        if calls:
            instructions = [
                _instruction(
                    keys,
                    call.instruction().program_id_index,
                    bytes(call.instruction().accounts),
                    bytes(call.instruction().data),
                    call.stack_height(),
                    parsed=parsed,
                )
                for call in calls
            ]
            shown.append({"index": index, "instructions": instructions})
    return shown


def failure_status(failure: Failure | None) -> Json:
    """Return the deprecated `status` beside `err`."""
    return {"Ok": None} if failure is None else {"Err": failure}


def _is_v0(past: Past) -> bool:
    return type(past.tx.message) is MessageV0


def _message(past: Past, *, parsed: bool) -> Json:
    message = past.tx.message
    header = message.header
    instructions = [
        _instruction(past.keys, one.program_id_index, bytes(one.accounts), bytes(one.data), 1, parsed=parsed)
        for one in message.instructions
    ]
    shown: Json = {"recentBlockhash": str(message.recent_blockhash), "instructions": instructions}
    if parsed:
        shown["accountKeys"] = _account_list(past)
    else:
        shown["accountKeys"] = [str(key) for key in message.account_keys]
        shown["header"] = {
            "numRequiredSignatures": header.num_required_signatures,
            "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
        }
    if isinstance(message, MessageV0):
        shown["addressTableLookups"] = [
            {
                "accountKey": str(lookup.account_key),
                "writableIndexes": list(bytes(lookup.writable_indexes)),
                "readonlyIndexes": list(bytes(lookup.readonly_indexes)),
            }
            for lookup in message.address_table_lookups
        ]
    return shown


def _account_list(past: Past) -> list[Json]:
    wire = Wire(past.tx, past.raw)
    count = len(wire.static)
    shown = [
        {
            "pubkey": str(key),
            "writable": wire.is_writable(index),
            "signer": index < wire.signers,
            "source": "transaction",
        }
        for index, key in enumerate(wire.static)
    ]
    for index, key in enumerate(past.keys[count:]):
        shown.append({"pubkey": str(key), "writable": index < past.loaded[0], "signer": False, "source": "lookupTable"})
    return shown


def _instruction(
    keys: list[Pubkey], program_index: int, accounts: bytes, data: bytes, stack_height: int | None, *, parsed: bool
) -> Json:
    if not parsed:
        return {
            "programIdIndex": program_index,
            "accounts": list(accounts),
            "data": base58.encode(data),
            "stackHeight": stack_height,
        }
    program = keys[program_index]
    found = parse(program, [keys[index] for index in accounts], data)
    if found is None:
        return {
            "programId": str(program),
            "accounts": [str(keys[index]) for index in accounts],
            "data": base58.encode(data),
            "stackHeight": stack_height,
        }
    return {"program": found[0], "programId": str(program), "parsed": found[1], "stackHeight": stack_height}


def token_balances(tokens: list[TokenBalance] | None, side: Literal["pre", "post"]) -> list[Json] | None:
    """Return the token balances before or after; None where nothing ran."""
    if tokens is None:
        return None
    atoms_of = attrgetter(side)
    return [_token_balance(token, atoms) for token in tokens if (atoms := atoms_of(token)) is not None]


def _token_balance(balance: TokenBalance, atoms: int) -> Json:
    kind = balance.kind
    return {
        "accountIndex": balance.index,
        "mint": str(Pubkey.from_bytes(kind.holder[:32])),
        "owner": str(Pubkey.from_bytes(kind.holder[32:])),
        "programId": str(Pubkey.from_bytes(kind.program)),
        "uiTokenAmount": token_amount(atoms, kind.decimals),
    }
