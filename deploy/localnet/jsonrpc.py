"""Decides what a JSON-RPC 2.0 request is and how an answer or an error looks; what methods do is theirs.

Codes and sentences are those of Solana's own node, because clients match on them.
"""

from __future__ import annotations

from typing import Any

import msgspec

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
# Source: solana-rpc-client-api, custom_error.rs.
BLOCK_CLEANED_UP = -32001
PREFLIGHT_FAILURE = -32002
BLOCK_NOT_AVAILABLE = -32004
SLOT_SKIPPED = -32007
NO_SNAPSHOT = -32008
UNSUPPORTED_TRANSACTION_VERSION = -32015
MIN_CONTEXT_SLOT_NOT_REACHED = -32016
FILTER_TRANSACTION_NOT_FOUND = -32020

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()
_FIELDS = frozenset({"jsonrpc", "id", "method", "params"})


class RpcError(Exception):
    """A refusal that goes to the client: `code`, `message`, and `data` if there is more to say."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


class Call:
    """One request. Without an id it is a notification (`wants_answer` False): nothing of Solana's listens to those."""

    __slots__ = ("id", "method", "params", "wants_answer")

    def __init__(self, method: str, params: Any, id_: Any, wants_answer: bool) -> None:
        self.method, self.params, self.id, self.wants_answer = method, params, id_, wants_answer

    def positional(self, required: int, most: int) -> list[Any]:
        """Return the parameters, if their number is one that the method takes.

        Args:
            required: How many there must be.
            most: How many there may be.

        Raises:
            RpcError: Too few, too many, or given by name (−32602).
        """
        params = [] if self.params is None else self.params
        if not isinstance(params, list):
            raise invalid_params("`params` should be an array")
        if len(params) < required:
            raise invalid_params(f"`params` should have at least {required} argument(s)")
        if len(params) > most:
            why = f"Expected from {required} to {most} parameters." if most else "No parameters were expected"
            raise RpcError(INVALID_PARAMS, f"Invalid parameters: {why}", f'"Got: {len(params)}"')
        return params


def invalid_params(message: str) -> RpcError:
    """Return the error for parameters that cannot be used."""
    return RpcError(INVALID_PARAMS, message)


def parse(body: bytes) -> Any:
    """Return the JSON of a request body: one request or a list of them, each an object whose id is one.

    Raises:
        RpcError: Not JSON, or nothing that could be a request (−32700).
    """
    try:
        request = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        request = None
    items = request if isinstance(request, list) else [request]
    if not all(isinstance(item, dict) and _is_id(item.get("id")) for item in items):
        raise RpcError(PARSE_ERROR, "Parse error")
    return request


def _is_id(value: Any) -> bool:
    """Return whether an id is what Solana's node takes for one: text, a whole number from 0 on, or null."""
    return value is None or isinstance(value, str) or (type(value) is int and 0 <= value < 1 << 64)


def call_of(item: dict[str, Any]) -> Call:
    """Return one request out of what `parse` let pass.

    Raises:
        RpcError: Not a request of JSON-RPC 2.0 (−32600).
    """
    params = item.get("params")
    fits = isinstance(item.get("method"), str) and (params is None or isinstance(params, list | dict))
    if not fits or not item.keys() <= _FIELDS or item.get("jsonrpc") not in (None, "2.0"):
        raise RpcError(INVALID_REQUEST, "Invalid request")
    if item.get("jsonrpc") is None and "id" in item:
        raise RpcError(INVALID_REQUEST, "Unsupported JSON-RPC protocol version")
    return Call(item["method"], params, item.get("id"), "id" in item)


def result(id_: Any, value: Any) -> bytes:
    """Return the answer to a call."""
    return b'{"jsonrpc":"2.0","result":%b,"id":%b}' % (_encoder.encode(value), _encoder.encode(id_))


def error(id_: Any, failure: RpcError) -> bytes:
    """Return the answer to a call that was refused."""
    body: dict[str, Any] = {"code": failure.code, "message": failure.message}
    if failure.data is not None:
        body["data"] = failure.data
    return b'{"jsonrpc":"2.0","error":%b,"id":%b}' % (_encoder.encode(body), _encoder.encode(id_))


def notification(method: str, subscription: int, value: Any) -> bytes:
    """Return what a subscriber is sent."""
    return b'{"jsonrpc":"2.0","method":"%b","params":{"result":%b,"subscription":%d}}' % (
        method.encode(),
        _encoder.encode(value),
        subscription,
    )
