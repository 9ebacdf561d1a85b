"""Decides what a JSON-RPC 2.0 request is and how an answer or an error looks; what methods do is theirs.

Codes and sentences are those of Solana's own node, because clients match on them.
"""

from __future__ import annotations

from typing import Any

import msgspec

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
# Source: solana-rpc-client-api, custom_error.rs.
PREFLIGHT_FAILURE = -32002
SIGNATURE_VERIFICATION_FAILURE = -32003
BLOCK_NOT_AVAILABLE = -32004
SLOT_SKIPPED = -32007
LONG_TERM_STORAGE_SLOT_SKIPPED = -32009
UNSUPPORTED_TRANSACTION_VERSION = -32015
MIN_CONTEXT_SLOT_NOT_REACHED = -32016

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()
_MISSING = object()


class RpcError(Exception):
    """A refusal that goes to the client: `code`, `message`, and `data` if there is more to say."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


class Call:
    """One request. `id` is None for a notification, which gets no answer (`wants_answer` False)."""

    __slots__ = ("id", "method", "params", "wants_answer")

    def __init__(self, method: str, params: list[Any], id_: Any, wants_answer: bool) -> None:
        self.method, self.params, self.id, self.wants_answer = method, params, id_, wants_answer


def invalid_params(message: str) -> RpcError:
    """Return the error for parameters that cannot be used."""
    return RpcError(INVALID_PARAMS, message)


def parse(body: bytes) -> Any:
    """Return the JSON of a request body.

    Raises:
        RpcError: Not JSON (−32700).
    """
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RpcError(PARSE_ERROR, "Parse error") from None


def call_of(item: Any) -> Call:
    """Return one request out of parsed JSON.

    Raises:
        RpcError: Not a request (−32600), or parameters by name (−32602): Solana's are positional.
    """
    if not isinstance(item, dict) or item.get("jsonrpc") != "2.0" or not isinstance(item.get("method"), str):
        raise RpcError(INVALID_REQUEST, "Invalid request")
    id_ = item.get("id", _MISSING)
    if id_ is not _MISSING and id_ is not None and (isinstance(id_, bool) or not isinstance(id_, int | str | float)):
        raise RpcError(INVALID_REQUEST, "Invalid request")
    params = item.get("params")
    if params is None:
        params = []
    elif not isinstance(params, list):
        raise RpcError(INVALID_PARAMS, "`params` should be an array")
    return Call(item["method"], params, None if id_ is _MISSING else id_, id_ is not _MISSING)


def id_of(item: Any) -> Any:
    """Return the id of something that may not be a request; None where there is none."""
    id_ = item.get("id") if isinstance(item, dict) else None
    return id_ if isinstance(id_, int | str | float) and not isinstance(id_, bool) else None


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
