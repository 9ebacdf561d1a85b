"""Answers what is asked about transactions: send, simulate, find, price."""

from __future__ import annotations

import base64
import binascii
import struct
from typing import Any

from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import Message, from_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import Transaction, VersionedTransaction

from deploy.localnet import base58
from deploy.localnet.bank import Refused, Simulated
from deploy.localnet.encoding import ui_account
from deploy.localnet.failures import Failure, sentence
from deploy.localnet.fees import COMPUTE_BUDGET
from deploy.localnet.history import Line
from deploy.localnet.jsonrpc import (
    INVALID_REQUEST,
    PREFLIGHT_FAILURE,
    SIGNATURE_VERIFICATION_FAILURE,
    RpcError,
    invalid_params,
)
from deploy.localnet.node import Node
from deploy.localnet.params import Options, address, addresses, at, integer, signature, text
from deploy.localnet.ui_transactions import ENCODINGS, failure_status, inner_instructions, return_data, with_meta
from deploy.localnet.wire import (
    MAX_TRANSACTION_BYTES,
    MalformedTransactionError,
    Wire,
    has_valid_signatures,
    read,
    signature_of,
)

MAX_STATUSES = 256
MAX_SIGNATURES = 1_000
# Source: MAX_BASE58_SIZE and MAX_BASE64_SIZE of Agave's rpc.rs: 1,232 bytes in those encodings.
MAX_BASE58_TEXT, MAX_BASE64_TEXT = 1_683, 1_644
_TYPE = "solana_transaction::versioned::VersionedTransaction"
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
        RpcError: Too long, not in that encoding, or no transaction (−32602).
    """
    most = MAX_BASE64_TEXT if encoding == "base64" else MAX_BASE58_TEXT
    if len(value) > most:
        raise invalid_params(
            f"{encoding} encoded {_TYPE} too large: {len(value)} bytes (max: encoded/raw {most}/{MAX_TRANSACTION_BYTES})"
        )
    try:
        data = base64.b64decode(value, validate=True) if encoding == "base64" else base58.decode(value)
    except (ValueError, binascii.Error) as error:
        raise invalid_params(f"invalid {encoding} encoding: {error}") from error
    if len(data) > MAX_TRANSACTION_BYTES:
        raise invalid_params(f"decoded {_TYPE} too large: {len(data)} bytes (max: {MAX_TRANSACTION_BYTES} bytes)")
    try:
        return read(data)
    except MalformedTransactionError as error:
        raise invalid_params(f"failed to deserialize {_TYPE}: {error}") from error


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
    cannot land at all (unknown blockhash, sent before) is an error in preflight and silence without, as on a cluster.

    Args:
        node: The node.
        params: As sent.
        verified: The transaction, if somebody decoded it already and found its signatures valid.

    Raises:
        RpcError: −32602 malformed, −32003 a bad signature, −32002 preflight failure.
    """
    options = Options(params, 1, node.slot)
    wire = verified
    if wire is None:
        encoding = options.choice("encoding", ("base58", "base64"), "base58")
        wire = decode_transaction(text(params, 0, "a transaction"), encoding)
    skip = options.flag("skipPreflight")
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
    if failure == "SignatureFailure":
        raise RpcError(SIGNATURE_VERIFICATION_FAILURE, "Transaction signature verification failure")
    if isinstance(failure, str) and failure in _SANITIZE_FAILURES:
        raise invalid_params(f"invalid transaction: {sentence(failure)}")
    if skip:
        return str(signature_of(wire.signature))
    shown = _simulation(Simulated(failure, meta, {}), wire.static, parsed=False)
    raise RpcError(
        PREFLIGHT_FAILURE, f"Transaction simulation failed: {sentence(failure)}", {**shown, "accounts": None}
    )


def simulate_transaction(node: Node, params: list[Any]) -> Any:
    """simulateTransaction(transaction, {sigVerify, replaceRecentBlockhash, accounts, innerInstructions, encoding})."""
    options = Options(params, 1, node.slot)
    encoding = options.choice("encoding", ("base58", "base64"), "base58")
    wire = decode_transaction(text(params, 0, "a transaction"), encoding)
    verify, replace = options.flag("sigVerify"), options.flag("replaceRecentBlockhash")
    if verify and replace:
        raise invalid_params("sigVerify may not be used with replaceRecentBlockhash")
    if verify and not has_valid_signatures(wire):
        raise RpcError(SIGNATURE_VERIFICATION_FAILURE, "Transaction signature verification failure")
    failure = node.bank.check(wire)
    if failure is None or (replace and failure == "BlockhashNotFound"):
        simulated = node.bank.simulate(wire, verify=False)
        if isinstance(simulated.failure, str) and simulated.failure in _SANITIZE_FAILURES:
            raise invalid_params(f"invalid transaction: {sentence(simulated.failure)}")
    else:
        simulated = Simulated(failure, None, {})
    shown = _simulation(simulated, _keys(node, wire), parsed=True, inner=options.flag("innerInstructions"))
    shown["accounts"] = _simulated_accounts(node, simulated, options.get("accounts"), len(wire.static))
    if replace:
        blockhash, last_valid = node.latest_blockhash()
        shown["replacementBlockhash"] = {"blockhash": blockhash, "lastValidBlockHeight": last_valid}
    return node.with_context(shown)


def _keys(node: Node, wire: Wire) -> list[Pubkey]:
    resolved = node.bank.resolve(wire)
    return wire.static if isinstance(resolved, str | dict) else resolved.keys


def _simulation(simulated: Simulated, keys: list[Pubkey], *, parsed: bool, inner: bool = False) -> dict[str, Any]:
    meta = simulated.meta
    return {
        "err": simulated.failure,
        "logs": [] if meta is None else meta.logs(),
        "unitsConsumed": 0 if meta is None else meta.compute_units_consumed(),
        "fee": None if meta is None else meta.fee(),
        "returnData": None if meta is None else return_data(meta),
        "innerInstructions": inner_instructions(meta, keys, parsed=parsed) if inner and meta is not None else None,
        "replacementBlockhash": None,
    }


def _simulated_accounts(node: Node, simulated: Simulated, wanted: Any, most: int) -> list[Any] | None:
    if wanted is None:
        return None
    if not isinstance(wanted, dict):
        raise invalid_params("Invalid params: invalid type for accounts, expected a configuration object.")
    options = Options([wanted], 0, node.slot)
    encoding = options.choice("encoding", ("base64", "base64+zstd", "jsonParsed"), "base64")
    keys = addresses(options.get("addresses"), max(most, 64))
    if simulated.failure is not None:
        return [None] * len(keys)
    shown: list[Any] = []
    for key in keys:
        account = simulated.accounts.get(key)
        gone = account is None or not account.lamports
        shown.append(None if gone or account is None else ui_account(key, account, encoding, None, node.bank.decimals))
    return shown


def request_airdrop(node: Node, params: list[Any]) -> Any:
    """requestAirdrop(address, lamports): the signature of a transfer from the faucet, which has landed."""
    to, lamports = address(at(params, 0, "an address")), integer(at(params, 1, "lamports"), "u64")
    blockhash = Hash.from_bytes(node.bank.latest_blockhash)
    # Two equal airdrops in one slot would be the same transaction twice: the unit limit tells them apart.
    limit = 1_000 + node.bank.transaction_count % 1_000_000
    salt = Instruction(COMPUTE_BUDGET, struct.pack("<BI", 2, limit), [])
    faucet = node.genesis.faucet
    give = transfer(TransferParams(from_pubkey=faucet, to_pubkey=to, lamports=lamports))
    message = Message.new_with_blockhash([salt, give], faucet, blockhash)
    signed = Signature.from_bytes(node.genesis.faucet_key.sign(bytes(message)).signature)
    wire = read(bytes(Transaction.populate(message, [signed])))
    outcome = node.submit(wire, keep_failure=False, verified=True)
    if isinstance(outcome, Refused):
        raise RpcError(INVALID_REQUEST, f"airdrop request failed: {sentence(outcome.failure)}")
    return str(signed)


def get_latest_blockhash(node: Node, params: list[Any]) -> Any:
    """getLatestBlockhash(): with the last block height at which it may be used."""
    Options(params, 0, node.slot)
    blockhash, last_valid = node.latest_blockhash()
    return node.with_context({"blockhash": blockhash, "lastValidBlockHeight": last_valid})


def is_blockhash_valid(node: Node, params: list[Any]) -> Any:
    """isBlockhashValid(blockhash)."""
    Options(params, 1, node.slot)
    given = text(params, 0, "a blockhash")
    try:
        return node.with_context(bytes(Hash.from_string(given)) in node.bank.blockhashes)
    except ValueError:
        raise invalid_params("Invalid param: Invalid") from None


def get_fee_for_message(node: Node, params: list[Any]) -> Any:
    """getFeeForMessage(message in base64): lamports, or null when its blockhash is not known."""
    Options(params, 1, node.slot)
    try:
        message = from_bytes_versioned(base64.b64decode(text(params, 0, "a message"), validate=True))
    except (ValueError, binascii.Error) as error:
        raise invalid_params(f"invalid message: {error}") from error
    unsigned = [Signature.default()] * message.header.num_required_signatures
    try:
        wire = read(bytes(VersionedTransaction.populate(message, unsigned)))
    except MalformedTransactionError as error:
        raise invalid_params(f"invalid message: {error}") from error
    if wire.blockhash not in node.bank.blockhashes and not node.bank.uses_valid_nonce(wire):
        return node.with_context(None)
    # The SVM states the fee of whatever it gets as far as loading, whether it could be paid or not.
    simulated = node.bank.simulate(wire, verify=False)
    return node.with_context(None if simulated.meta is None else simulated.meta.fee())


def get_recent_prioritization_fees(node: Node, params: list[Any]) -> Any:
    """getRecentPrioritizationFees([address]): least price by slot, micro-lamports a unit."""
    keys = addresses(params[0], 128) if params and params[0] is not None else []
    return [{"slot": slot, "prioritizationFee": price} for slot, price in node.fees.recent(node.slot, keys)]


def get_signature_statuses(node: Node, params: list[Any]) -> Any:
    """getSignatureStatuses([signature], {searchTransactionHistory})."""
    given, options = at(params, 0, "a list of signatures"), Options(params, 1, node.slot)
    if not isinstance(given, list):
        raise invalid_params("Invalid params: invalid type, expected a sequence.")
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
    name = signature(at(params, 0, "a signature"))
    if len(params) > 1 and isinstance(params[1], str):  # the deprecated form: an encoding alone
        params = [params[0], {"encoding": params[1]}]
    options = Options(params, 1, node.slot)
    encoding = options.choice("encoding", ENCODINGS, "json")
    past = node.history.find(name)
    if past is None:
        return None
    shown = with_meta(past, encoding, options.integer("maxSupportedTransactionVersion", None, 0, 255))
    return {"slot": past.slot, "blockTime": past.unix_s, **shown}


def get_signatures_for_address(node: Node, params: list[Any]) -> Any:
    """getSignaturesForAddress(address, {before, until, limit}): newest first."""
    key, options = address(at(params, 0, "an address")), Options(params, 1, node.slot)
    limit = options.integer("limit", MAX_SIGNATURES, 1, MAX_SIGNATURES) or MAX_SIGNATURES
    before = _sequence(node, options.get("before"))
    if options.get("before") is not None and before is None:
        return []
    until = _sequence(node, options.get("until")) or 0
    return [_listed(line) for line in node.history.lines_for(key, before=before, until=until, limit=limit)]


def _sequence(node: Node, given: Any) -> int | None:
    if given is None:
        return None
    line = node.history.line(signature(given))
    return None if line is None else line.sequence


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
    "sendTransaction": send_transaction,
    "simulateTransaction": simulate_transaction,
    "requestAirdrop": request_airdrop,
    "getLatestBlockhash": get_latest_blockhash,
    "isBlockhashValid": is_blockhash_valid,
    "getFeeForMessage": get_fee_for_message,
    "getRecentPrioritizationFees": get_recent_prioritization_fees,
    "getSignatureStatuses": get_signature_statuses,
    "getTransaction": get_transaction,
    "getSignaturesForAddress": get_signatures_for_address,
    "getTransactionCount": get_transaction_count,
}
