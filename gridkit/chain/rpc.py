"""Asks a Solana node over JSON-RPC. It decides what an answer means (a value, a refusal, a lost connection) and leaves retrying to its callers.

RpcError
├── NodeUnreachableError   nobody answered, or not in JSON-RPC; asking again may help
└── RpcRefusedError        the node answered with an error; carries `code`, `data`, and whether asking again may help
    └── PreflightError     simulation failed before sending; carries the transaction error, logs and units
"""

from __future__ import annotations

import base64
import itertools
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from gridkit.chain.http import HttpError, Poster

DEFAULT_TIMEOUT_S = 10.0
MAX_MULTIPLE_ACCOUNTS = 100
MAX_STATUSES = 256
MAX_REQUEST_BYTES = 50 * 1024
"""Largest request that a validator takes; it answers a larger one with 413. Source: agave 4.0, rpc/src/rpc.rs, MAX_REQUEST_BODY_SIZE."""
PREFLIGHT_FAILED = -32002
# Codes of Solana's RPC that pass by themselves: node behind, block not available yet, slot skipped, too many requests.
_PASSING_CODES = frozenset({-32004, -32005, -32014, -32016, 429})


class RpcError(Exception):
    """Base of what can go wrong; `can_retry` says whether the same question may be answered later."""

    can_retry = False


class NodeUnreachableError(RpcError):
    """No answer, or one that is not JSON-RPC."""

    can_retry = True


class RpcRefusedError(RpcError):
    """The node refused: `code` and `data` are its own."""

    def __init__(self, method: str, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.method, self.code, self.message, self.data = method, code, message, data
        self.can_retry = code in _PASSING_CODES


class PreflightError(RpcRefusedError):
    """A transaction failed in simulation and was not sent.

    Attributes:
        err: Solana's transaction error (`InstructionError` and so on), as JSON.
        logs: Its log lines.
    """

    def __init__(self, method: str, code: int, message: str, data: Any) -> None:
        super().__init__(method, code, message, data)
        facts = data if isinstance(data, dict) else {}
        self.err: Any = facts.get("err")
        self.logs: list[str] = facts.get("logs") or []


class Account(msgspec.Struct, frozen=True):
    """An account as it stood at `slot`: owner in base58, raw data."""

    lamports: int
    owner: str
    data: bytes
    executable: bool
    slot: int


class Rpc:
    """A synchronous client of one node; safe to share between threads.

    Args:
        url: Where the node answers, for example `http://127.0.0.1:8899`.
        timeout_s: Longest wait for one answer, wall seconds.
    """

    def __init__(self, url: str, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self.url = url
        self._http = Poster(url, timeout_s)
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(self, method: str, *params: Any) -> Any:
        """Return the `result` of one call.

        Raises:
            NodeUnreachableError: No JSON-RPC answer.
            RpcRefusedError: The node's error; PreflightError when a simulation failed.
        """
        answer = self._post({"jsonrpc": "2.0", "id": self._next_id(), "method": method, "params": list(params)})
        if not isinstance(answer, dict):
            raise NodeUnreachableError(f"{method}: the answer is not an object")
        return _result(method, answer)

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Return the results of many calls, in order; an error stands in the list as its exception.

        They go in one request, or in as many as a node takes of this size.

        Raises:
            NodeUnreachableError: A request had no JSON-RPC answer; earlier ones may have been acted on.
        """
        first = self._next_id(len(calls))
        questions = [
            {"jsonrpc": "2.0", "id": first + i, "method": method, "params": list(params)}
            for i, (method, params) in enumerate(calls)
        ]
        by_id: dict[Any, Any] = {}
        for part in _parts(questions):
            answers = self._post(part)
            if not isinstance(answers, list):
                raise NodeUnreachableError("batch: the answer is not an array")
            by_id |= {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
        results: list[Any] = []
        for i, (method, _) in enumerate(calls):
            try:
                results.append(_result(method, by_id[first + i]))
            except KeyError:
                results.append(NodeUnreachableError(f"{method}: no answer in the batch"))
            except RpcRefusedError as error:
                results.append(error)
        return results

    def _next_id(self, count: int = 1) -> int:
        with self._lock:
            first = next(self._ids)
            for _ in range(count - 1):
                next(self._ids)
            return first

    def _post(self, body: Any) -> Any:
        try:
            return msgspec.json.decode(self._http.post(msgspec.json.encode(body)))
        except (HttpError, msgspec.DecodeError) as error:
            raise NodeUnreachableError(f"{self.url}: {error!r}") from error

    # Reading

    def account(self, address: str, *, offset: int | None = None, length: int | None = None) -> Account | None:
        """Return the account at `address`, or None; `offset` and `length` cut its data at the node."""
        return _account(self.call("getAccountInfo", address, _slice(offset, length)))

    def accounts(
        self, addresses: Sequence[str], *, offset: int | None = None, length: int | None = None
    ) -> list[Account | None]:
        """Return many accounts in order, 100 a request."""
        found: list[Account | None] = []
        for at in range(0, len(addresses), MAX_MULTIPLE_ACCOUNTS):
            part = list(addresses[at : at + MAX_MULTIPLE_ACCOUNTS])
            answer = self.call("getMultipleAccounts", part, _slice(offset, length))
            slot = int(answer["context"]["slot"])
            found += [_account({"context": {"slot": slot}, "value": value}) for value in answer["value"]]
        return found

    def latest_blockhash(self) -> tuple[str, int]:
        """Return (blockhash, last block height at which it is valid)."""
        value = self.call("getLatestBlockhash", {"commitment": "confirmed"})["value"]
        return str(value["blockhash"]), int(value["lastValidBlockHeight"])

    def block_height(self) -> int:
        """Return the block height."""
        return int(self.call("getBlockHeight", {"commitment": "confirmed"}))

    def rent_exempt_lamports(self, size: int) -> int:
        """Return what an account of `size` bytes must hold."""
        return int(self.call("getMinimumBalanceForRentExemption", size))

    def balance_lamports(self, address: str) -> int:
        """Return lamports at `address`."""
        return int(self.call("getBalance", address, {"commitment": "confirmed"})["value"])

    def token_supply_atoms(self, mint: str) -> int:
        """Return the supply of an SPL mint, atoms."""
        return int(self.call("getTokenSupply", mint, {"commitment": "confirmed"})["value"]["amount"])

    def statuses(self, signatures: Sequence[str], *, search_history: bool = True) -> list[dict[str, Any] | None]:
        """Return the status of each signature, 256 a request; None = the node does not know it."""
        found: list[dict[str, Any] | None] = []
        for at in range(0, len(signatures), MAX_STATUSES):
            part = list(signatures[at : at + MAX_STATUSES])
            answer = self.call("getSignatureStatuses", part, {"searchTransactionHistory": search_history})
            found += answer["value"]
        return found

    def transaction(self, signature: str) -> dict[str, Any] | None:
        """Return a landed transaction with its metadata, or None."""
        answer = self.call("getTransaction", signature, _TRANSACTION)
        return answer if answer is None else dict(answer)

    def transactions(self, signatures: Iterable[str]) -> list[dict[str, Any] | None]:
        """Return many landed transactions in order, in one batch; an error is raised."""
        results = self.batch([("getTransaction", (signature, _TRANSACTION)) for signature in signatures])
        for result in results:
            if isinstance(result, RpcError):
                raise result
        return results

    def signatures_for(
        self, address: str, *, until: str | None = None, before: str | None = None, limit: int = 1000
    ) -> list[dict[str, Any]]:
        """Return what touched `address`, newest first, newer than `until`."""
        options: dict[str, Any] = {"limit": limit, "commitment": "confirmed"}
        if until is not None:
            options["until"] = until
        if before is not None:
            options["before"] = before
        return list(self.call("getSignaturesForAddress", address, options))

    # Sending

    def send(self, wire: bytes, *, skip_preflight: bool = False) -> str:
        """Send a signed transaction once and return its signature; nothing is confirmed by this.

        Raises:
            PreflightError: It fails in simulation (with `skip_preflight` False).
        """
        return str(self.call("sendTransaction", *_sending(wire, skip_preflight)))

    def send_many(self, wires: Sequence[bytes], *, skip_preflight: bool = False) -> list[str | RpcError]:
        """Send signed transactions in one request; return a signature or the refusal for each, in order.

        Raises:
            NodeUnreachableError: No answer; some may have got through.
        """
        found = self.batch([("sendTransaction", _sending(wire, skip_preflight)) for wire in wires])
        return [item if isinstance(item, RpcError) else str(item) for item in found]


def _parts(questions: Sequence[Any]) -> Iterator[list[Any]]:
    """Cut a batch so that each request stays within a node's limit; a question that is larger by itself goes alone."""
    part: list[Any] = []
    size = 1
    for question in questions:
        more = len(msgspec.json.encode(question)) + 1
        if part and size + more > MAX_REQUEST_BYTES:
            yield part
            part, size = [], 1
        part.append(question)
        size += more
    if part:
        yield part


def _sending(wire: bytes, skip_preflight: bool) -> tuple[str, dict[str, Any]]:
    options = {
        "encoding": "base64",
        "skipPreflight": skip_preflight,
        "preflightCommitment": "confirmed",
        "maxRetries": 0,
    }
    return base64.b64encode(wire).decode(), options


_TRANSACTION = {"encoding": "json", "commitment": "confirmed", "maxSupportedTransactionVersion": 0}


def _slice(offset: int | None, length: int | None) -> dict[str, Any]:
    options: dict[str, Any] = {"encoding": "base64", "commitment": "confirmed"}
    if offset is not None and length is not None:
        options["dataSlice"] = {"offset": offset, "length": length}
    return options


def _account(answer: dict[str, Any]) -> Account | None:
    value = answer["value"]
    if value is None:
        return None
    return Account(
        lamports=int(value["lamports"]),
        owner=str(value["owner"]),
        data=base64.b64decode(value["data"][0]),
        executable=bool(value["executable"]),
        slot=int(answer["context"]["slot"]),
    )


def _result(method: str, answer: dict[str, Any]) -> Any:
    error = answer.get("error")
    if error is None:
        return answer.get("result")
    code, message, data = int(error.get("code", 0)), str(error.get("message", "")), error.get("data")
    kind = PreflightError if code == PREFLIGHT_FAILED else RpcRefusedError
    raise kind(method, code, message, data)
