"""Answers what is asked about transactions: send, simulate, find, price."""

from __future__ import annotations

import struct
from typing import Any

from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import Message, from_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import Transaction, VersionedTransaction

from deploy.localnet import text_bytes
from deploy.localnet.bank import Refused, Resolved, Simulated, has_run, was_processed
from deploy.localnet.compute_budget import COMPUTE_BUDGET, budget_of
from deploy.localnet.encoding import ENCODINGS as ACCOUNT_ENCODINGS
from deploy.localnet.encoding import ui_account
from deploy.localnet.failures import Failure, sentence
from deploy.localnet.history import Line
from deploy.localnet.jsonrpc import (
    FILTER_TRANSACTION_NOT_FOUND,
    INTERNAL_ERROR,
    PREFLIGHT_FAILURE,
    RpcError,
    invalid_params,
)
from deploy.localnet.node import Node
from deploy.localnet.params import (
    COMMITMENTS,
    Options,
    address,
    addresses,
    blockhash,
    integer,
    sequence,
    signature,
    text,
    wrong_type,
)
from deploy.localnet.ui_transactions import (
    ENCODINGS,
    failure_status,
    inner_instructions,
    loaded_addresses,
    return_data,
    token_balances,
    transaction_options,
    with_meta,
)
from deploy.localnet.wire import (
    MAX_TRANSACTION_BYTES,
    MalformedTransactionError,
    UnsanitaryTransactionError,
    Wire,
    has_valid_signatures,
    read,
    signature_of,
)

MAX_STATUSES = 256
MAX_SIGNATURES = 1_000
# Source: MAX_BASE58_SIZE and MAX_BASE64_SIZE of Agave's rpc.rs: 1,232 bytes in those encodings.
MAX_BASE58_TEXT, MAX_BASE64_TEXT = 1_683, 1_644
_TRANSACTION_TYPE = "solana_transaction::versioned::VersionedTransaction"
_MESSAGE_TYPE = "solana_message::non_bpf_modules::versions::VersionedMessage"
# What lookup tables and locks can be wrong about is told before anything runs.
_SANITIZE_FAILURES = frozenset(
    {
        "AddressLookupTableNotFound",
        "InvalidAddressLookupTableOwner",
        "InvalidAddressLookupTableData",
        "InvalidAddressLookupTableIndex",
        "SanitizeFailure",
    }
)


def decode_transaction(value: str, encoding: str) -> Wire:
    """Return a transaction out of base58 or base64 text.

    Raises:
        RpcError: Too long, not in that encoding, no transaction, or one that contradicts itself (−32602).
    """
    try:
        wire = read(_decode(value, encoding, _TRANSACTION_TYPE))
    except UnsanitaryTransactionError:
        raise invalid_params(f"invalid transaction: {sentence('SanitizeFailure')}") from None
    except MalformedTransactionError as error:
        raise _undeserializable(_TRANSACTION_TYPE, error) from error
    if (failure := budget_of(wire).failure) is not None:
        raise invalid_params(f"invalid transaction: {sentence(failure)}")
    return wire


def _decode(value: str, encoding: str, type_: str) -> bytes:
    most = MAX_BASE64_TEXT if encoding == "base64" else MAX_BASE58_TEXT
    if len(value) > most:
        raise invalid_params(
            f"{encoding} encoded {type_} too large: {len(value)} bytes (max: encoded/raw {most}/{MAX_TRANSACTION_BYTES})"
        )
    try:
        data = text_bytes.decode(value, encoding)
    except ValueError as error:
        raise invalid_params(f"invalid {encoding} encoding: {error}") from error
    if len(data) > MAX_TRANSACTION_BYTES:
        raise invalid_params(f"decoded {type_} too large: {len(data)} bytes (max: {MAX_TRANSACTION_BYTES} bytes)")
    return data


def _undeserializable(type_: str, error: Exception) -> RpcError:
    why = str(error)
    if why.startswith("Attempting to read"):  # solders' words for what a node calls so
        why = "io error: failed to fill whole buffer"
    return invalid_params(f"failed to deserialize {type_}: {why}")


def _binary_encoding(options: Options) -> str:
    encoding = options.choice("encoding", ENCODINGS, "base58")
    if encoding in ("json", "jsonParsed"):
        raise invalid_params(f"unsupported encoding: {encoding}. Supported encodings: base58, base64")
    return "base64" if encoding == "base64" else "base58"


def sent(item: Any) -> Wire | None:
    """Return the transaction of a request that sends one, decoded ahead of its turn; None where there is none to check."""
    try:
        if item["method"] != "sendTransaction":
            return None
        options = item["params"][1] if len(item["params"]) > 1 else {}
        return decode_transaction(item["params"][0], options.get("encoding", "base58"))
    except (RpcError, KeyError, IndexError, TypeError, AttributeError):
        return None  # its turn will say what is wrong


def send_transaction(node: Node, params: list[Any], *, verified: Wire | None = None) -> Any:
    """sendTransaction(transaction, {encoding, skipPreflight, ...}): its signature.

    It has landed when this answers. A failure in preflight leaves no trace; with skipPreflight it lands and pays. What
    cannot land at all (wrong signature, unknown blockhash, sent before) is an error in preflight and silence without,
    as on a cluster.

    Args:
        node: The node.
        params: As sent.
        verified: The transaction, if somebody decoded it already and found its signatures valid.

    Raises:
        RpcError: −32602 malformed, −32002 preflight failure.
    """
    given, options = text(params[0]), Options(params, 1, node.slot, "RpcSendTransactionConfig")
    skip = options.flag("skipPreflight")
    options.choice("preflightCommitment", COMMITMENTS, "finalized")
    options.integer("maxRetries", "usize")  # nothing is ever sent again: it lands at once or not at all
    wire = verified or decode_transaction(given, _binary_encoding(options))
    failure = node.bank.check(wire)
    if failure is None:
        outcome = node.submit(wire, keep_failure=skip, verified=verified is not None)
        if not isinstance(outcome, Refused):
            return str(signature_of(wire.signature))
        failure, meta = outcome.failure, outcome.meta
    else:
        meta = None
        if verified is None and not has_valid_signatures(wire):
            failure = "SignatureFailure"
    node.counters.add("refused", "reason", failure if isinstance(failure, str) else next(iter(failure)))
    if isinstance(failure, str) and failure in _SANITIZE_FAILURES:
        raise invalid_params(f"invalid transaction: {sentence(failure)}")
    if skip:
        return str(signature_of(wire.signature))
    shown = _simulation(node, wire, Simulated(failure, meta))
    # Preflight tells no balances and no addresses.
    shown |= dict.fromkeys(("preBalances", "postBalances", "preTokenBalances", "postTokenBalances", "loadedAddresses"))
    raise RpcError(PREFLIGHT_FAILURE, f"Transaction simulation failed: {sentence(failure)}", shown)


def simulate_transaction(node: Node, params: list[Any]) -> Any:
    """simulateTransaction(transaction, {sigVerify, replaceRecentBlockhash, accounts, innerInstructions, encoding})."""
    given, options = text(params[0]), Options(params, 1, node.slot, "RpcSimulateTransactionConfig")
    verify, replace = options.flag("sigVerify"), options.flag("replaceRecentBlockhash")
    wire = decode_transaction(given, _binary_encoding(options))
    if verify and replace:
        raise invalid_params("sigVerify may not be used with replaceRecentBlockhash")
    failure: Failure | None = "SignatureFailure" if verify and not has_valid_signatures(wire) else node.bank.check(wire)
    if replace and failure in ("BlockhashNotFound", "AlreadyProcessed"):
        failure = None  # with another blockhash it is another transaction
    simulated = node.bank.simulate(wire) if failure is None else node.bank.unmoved(wire, failure)
    if isinstance(simulated.failure, str) and simulated.failure in _SANITIZE_FAILURES:
        raise invalid_params(f"invalid transaction: {sentence(simulated.failure)}")
    shown = _simulation(node, wire, simulated, inner=options.flag("innerInstructions"))
    shown["accounts"] = _simulated_accounts(node, simulated, options.get("accounts"), node.bank.keys(wire))
    if replace:
        hash_, last_valid = node.latest_blockhash()
        shown["replacementBlockhash"] = {"blockhash": hash_, "lastValidBlockHeight": last_valid}
    return node.with_context(shown)


def _simulation(node: Node, wire: Wire, simulated: Simulated, *, inner: bool = False) -> dict[str, Any]:
    meta, resolved = simulated.meta, node.bank.resolve(wire)
    if meta is not None and not was_processed(meta, simulated.failure):
        meta = None
    known = isinstance(resolved, Resolved)
    ran = meta is not None and known and has_run(meta, simulated.failure)
    return {
        "err": simulated.failure,
        "logs": [] if meta is None else meta.logs(),
        "accounts": None,
        "unitsConsumed": 0 if meta is None else meta.compute_units_consumed(),
        "loadedAccountsDataSize": node.bank.loaded_bytes(wire, resolved) if ran else 0,
        "returnData": None if meta is None else return_data(meta),
        "innerInstructions": inner_instructions(meta, resolved.keys, parsed=True) if inner and ran else None,
        "replacementBlockhash": None,
        "fee": None if meta is None else meta.fee(),
        "preBalances": simulated.pre,
        "postBalances": simulated.post,
        "preTokenBalances": token_balances(simulated.tokens, "pre"),
        "postTokenBalances": token_balances(simulated.tokens, "post"),
        "loadedAddresses": loaded_addresses(resolved.keys, resolved.loaded) if known else None,
    }


def _simulated_accounts(node: Node, simulated: Simulated, wanted: Any, keys: list[Pubkey]) -> list[Any] | None:
    if wanted is None:
        return None
    if not isinstance(wanted, dict):
        raise wrong_type(wanted, "struct RpcSimulateTransactionAccountsConfig")
    encoding = Options([wanted], 0, node.slot).choice("encoding", ACCOUNT_ENCODINGS, "base64")
    if encoding in ("binary", "base58"):
        raise invalid_params("base58 encoding not supported")
    if "addresses" not in wanted:
        raise invalid_params("Invalid params: missing field `addresses`.")
    named = sequence(wanted["addresses"])
    if len(named) > len(keys):
        raise invalid_params(f"Too many accounts provided; max {len(keys)}")
    if simulated.failure is not None:
        return [None] * len(named)
    shown: list[Any] = []
    for key in map(address, named):
        account = simulated.accounts.get(key) or node.bank.account(key)
        gone = account is None or not account.lamports
        shown.append(None if gone or account is None else ui_account(key, account, encoding, None, node.bank.decimals))
    return shown


def request_airdrop(node: Node, params: list[Any]) -> Any:
    """requestAirdrop(address, lamports, {recentBlockhash}): the signature of a transfer from the faucet, which landed."""
    to, lamports, options = (
        address(params[0]),
        integer(params[1]),
        Options(params, 2, node.slot, "RpcRequestAirdropConfig"),
    )
    given = options.get("recentBlockhash")
    hash_ = Hash.from_bytes(node.bank.latest_blockhash if given is None else blockhash(given))
    # Two equal airdrops in one slot would be the same transaction twice: the unit limit tells them apart.
    limit = 1_000 + node.bank.transaction_count % 1_000_000
    salt = Instruction(COMPUTE_BUDGET, struct.pack("<BI", 2, limit), [])
    faucet = node.genesis.faucet
    give = transfer(TransferParams(from_pubkey=faucet, to_pubkey=to, lamports=lamports))
    message = Message.new_with_blockhash([salt, give], faucet, hash_)
    signed = Signature.from_bytes(node.genesis.faucet_key.sign(bytes(message)).signature)
    wire = read(bytes(Transaction.populate(message, [signed])))
    failure = node.bank.check(wire)
    if failure is None:
        outcome = node.submit(wire, keep_failure=False, verified=True)
        if not isinstance(outcome, Refused):
            return str(signed)
        failure = outcome.failure
    raise RpcError(INTERNAL_ERROR, f"airdrop request failed: {sentence(failure)}")


def get_latest_blockhash(node: Node, params: list[Any]) -> Any:
    """getLatestBlockhash(): with the last block height at which it may be used."""
    Options(params, 0, node.slot)
    hash_, last_valid = node.latest_blockhash()
    return node.with_context({"blockhash": hash_, "lastValidBlockHeight": last_valid})


def is_blockhash_valid(node: Node, params: list[Any]) -> Any:
    """isBlockhashValid(blockhash)."""
    try:
        given = blockhash(params[0])
    except RpcError as error:  # the one method that says it in one word
        raise invalid_params(error.message.removeprefix("Invalid param: ")) from None
    Options(params, 1, node.slot)
    return node.with_context(given in node.bank.blockhashes)


def get_fee_for_message(node: Node, params: list[Any]) -> Any:
    """getFeeForMessage(message in base64): lamports, or null when its blockhash is not known."""
    data, _ = _decode(text(params[0]), "base64", _MESSAGE_TYPE), Options(params, 1, node.slot)
    try:
        message = from_bytes_versioned(data)
        unsigned = [Signature.default()] * message.header.num_required_signatures
        wire = read(bytes(VersionedTransaction.populate(message, unsigned)))
    except UnsanitaryTransactionError as error:
        raise invalid_params(f"invalid transaction message: {error}") from error
    except (ValueError, MalformedTransactionError) as error:
        raise _undeserializable(_MESSAGE_TYPE, error) from error
    if wire.blockhash not in node.bank.blockhashes and not node.bank.uses_valid_nonce(wire):
        return node.with_context(None)
    # The SVM states the fee of whatever it gets as far as loading, whether it could be paid or not.
    simulated = node.bank.simulate(wire)
    return node.with_context(None if simulated.meta is None else simulated.meta.fee())


def get_recent_prioritization_fees(node: Node, params: list[Any]) -> Any:
    """getRecentPrioritizationFees([address]): least price by slot, micro-lamports a unit."""
    keys = addresses(params[0], 128) if params and params[0] is not None else []
    return [{"slot": slot, "prioritizationFee": price} for slot, price in node.fees.recent(node.slot, keys)]


def get_signature_statuses(node: Node, params: list[Any]) -> Any:
    """getSignatureStatuses([signature], {searchTransactionHistory})."""
    given, options = (
        [text(item) for item in sequence(params[0])],
        Options(params, 1, node.slot, "RpcSignatureStatusConfig"),
    )
    if len(given) > MAX_STATUSES:
        raise invalid_params(f"Too many inputs provided; max {MAX_STATUSES}")
    search = options.flag("searchTransactionHistory")
    return node.with_context([_status(node, signature(item), search) for item in given])


def _status(node: Node, name: bytes, search: bool) -> dict[str, Any] | None:
    known = node.bank.recent.get(name)
    if known is not None:
        slot, _, failure = known
    else:
        line = node.history.line(name) if search else None
        if line is None:
            return None
        slot, failure = line.slot, line.failure
    return {
        "slot": slot,
        "confirmations": None,
        "err": failure,
        "status": failure_status(failure),
        "confirmationStatus": "finalized",
    }


def get_transaction(node: Node, params: list[Any]) -> Any:
    """getTransaction(signature, {encoding, maxSupportedTransactionVersion}); failed ones too."""
    name, options = signature(params[0]), transaction_options(params, node.slot)
    past = node.history.find(name)
    if past is None:
        return None
    shown = with_meta(past, options.encoding, options.version)
    index = past.sequence - node.history.first_in_slot(past.slot)
    return {"slot": past.slot, **shown, "blockTime": past.unix_s, "transactionIndex": index}


def get_signatures_for_address(node: Node, params: list[Any]) -> Any:
    """getSignaturesForAddress(address, {before, until, limit}): newest first."""
    key, options = (
        address(params[0]),
        Options(params, 1, node.slot, "RpcSignaturesForAddressConfig", at_least_confirmed=True),
    )
    before, until = options.get("before"), options.get("until")
    limit = options.integer("limit", "usize")
    if limit is None:
        limit = MAX_SIGNATURES
    if not 0 < limit <= MAX_SIGNATURES:
        raise invalid_params(f"Invalid limit; max {MAX_SIGNATURES}")
    newest = None if before is None else _sequence(node, before)
    oldest = 0 if until is None else _sequence(node, until)
    lines = node.history.lines_for(key, before=newest, until=oldest, limit=limit)
    first = {slot: node.history.first_in_slot(slot) for slot in {line.slot for line in lines}}
    return [{**_listed(line), "transactionIndex": line.sequence - first[line.slot]} for line in lines]


def _sequence(node: Node, given: Any) -> int:
    line = node.history.line(signature(given))
    if line is None:
        raise RpcError(FILTER_TRANSACTION_NOT_FOUND, f"Transaction {given} not found")
    return line.sequence


def _listed(line: Line) -> dict[str, Any]:
    failure: Failure | None = line.failure
    return {
        "signature": str(signature_of(line.signature)),
        "slot": line.slot,
        "err": failure,
        "memo": line.memo,
        "blockTime": line.unix_s,
        "confirmationStatus": "finalized",
    }


def get_transaction_count(node: Node, params: list[Any]) -> Any:
    """getTransactionCount(): landed since genesis."""
    Options(params, 0, node.slot)
    return node.bank.transaction_count


METHODS = {
    "sendTransaction": (send_transaction, 1, 2),
    "simulateTransaction": (simulate_transaction, 1, 2),
    "requestAirdrop": (request_airdrop, 2, 3),
    "getLatestBlockhash": (get_latest_blockhash, 0, 1),
    "isBlockhashValid": (is_blockhash_valid, 1, 2),
    "getFeeForMessage": (get_fee_for_message, 1, 2),
    "getRecentPrioritizationFees": (get_recent_prioritization_fees, 0, 1),
    "getSignatureStatuses": (get_signature_statuses, 1, 2),
    "getTransaction": (get_transaction, 1, 2),
    "getSignaturesForAddress": (get_signatures_for_address, 1, 2),
    "getTransactionCount": (get_transaction_count, 0, 1),
}
