"""Decides what a client may pass: positions, options and their types, in the words that Solana's node uses for a no."""

from __future__ import annotations

from typing import Any

from solders.pubkey import Pubkey
from solders.signature import Signature

from deploy.localnet.jsonrpc import MIN_CONTEXT_SLOT_NOT_REACHED, RpcError, invalid_params

_COMMITMENTS = frozenset({"processed", "confirmed", "finalized", "recent", "single", "singleGossip", "root", "max"})
U64_MAX = (1 << 64) - 1


def at(params: list[Any], index: int, what: str) -> Any:
    """Return a parameter that must be there."""
    if index >= len(params):
        raise invalid_params(f"`params` should have at least {index + 1} argument(s): {what} is missing")
    return params[index]


def text(params: list[Any], index: int, what: str) -> str:
    """Return a parameter that must be text."""
    value = at(params, index, what)
    if not isinstance(value, str):
        raise invalid_params(f"Invalid params: invalid type: {type_name(value)}, expected a string.")
    return value


def address(value: Any) -> Pubkey:
    """Return a base58 address as a key."""
    if not isinstance(value, str):
        raise invalid_params(f"Invalid params: invalid type: {type_name(value)}, expected a string.")
    try:
        return Pubkey.from_string(value)
    except ValueError:
        raise invalid_params("Invalid param: Invalid") from None


def signature(value: Any) -> bytes:
    """Return a base58 signature as its 64 bytes."""
    if not isinstance(value, str):
        raise invalid_params(f"Invalid params: invalid type: {type_name(value)}, expected a string.")
    try:
        return bytes(Signature.from_string(value))
    except ValueError:
        raise invalid_params("Invalid param: Invalid") from None


def integer(value: Any, what: str, low: int = 0, high: int = U64_MAX) -> int:
    """Return a whole number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid_params(f"Invalid params: invalid type: {type_name(value)}, expected {what}.")
    if not low <= value <= high:
        raise invalid_params(f"Invalid params: invalid value: integer `{value}`, expected {what} in [{low}, {high}].")
    return value


def addresses(value: Any, most: int) -> list[Pubkey]:
    """Return a list of at most `most` addresses."""
    if not isinstance(value, list):
        raise invalid_params(f"Invalid params: invalid type: {type_name(value)}, expected a sequence.")
    if len(value) > most:
        raise invalid_params(f"Too many inputs provided; max {most}")
    return [address(item) for item in value]


class Options:
    """The object that closes a method's parameters; absent is empty. All commitments are one here: a lone producer's
    block is final as soon as it is on disk, so `commitment` is checked and then makes no difference."""

    __slots__ = ("_values",)

    def __init__(self, params: list[Any], index: int, slot: int) -> None:
        value = params[index] if index < len(params) else None
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise invalid_params(f"Invalid params: invalid type: {type_name(value)}, expected a configuration object.")
        self._values: dict[str, Any] = value
        for key in ("commitment", "preflightCommitment"):
            commitment = value.get(key)
            if commitment is not None and commitment not in _COMMITMENTS:
                raise invalid_params(
                    f"Invalid params: unknown variant `{commitment}`, expected one of `processed`, `confirmed`, `finalized`."
                )
        least = value.get("minContextSlot")
        if least is not None and integer(least, "u64") > slot:
            raise RpcError(
                MIN_CONTEXT_SLOT_NOT_REACHED, "Minimum context slot has not been reached", {"contextSlot": slot}
            )

    def get(self, key: str) -> Any:
        """Return an option as it came, None where it did not."""
        return self._values.get(key)

    def flag(self, key: str) -> bool:
        """Return an option that is true or false, False by default."""
        value = self._values.get(key)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise invalid_params(f"Invalid params: invalid type: {type_name(value)}, expected a boolean.")
        return value

    def choice(self, key: str, known: tuple[str, ...], default: str) -> str:
        """Return an option that is one of a few words."""
        value = self._values.get(key)
        if value is None:
            return default
        if value not in known:
            listed = ", ".join(f"`{word}`" for word in known)
            raise invalid_params(f"Invalid params: unknown variant `{value}`, expected one of {listed}.")
        return str(value)

    def integer(self, key: str, default: int | None, low: int = 0, high: int = U64_MAX) -> int | None:
        """Return an option that is a whole number."""
        value = self._values.get(key)
        return default if value is None else integer(value, "a number", low, high)


def type_name(value: Any) -> str:
    """Return what serde would call a JSON value."""
    names: dict[type, str] = {
        type(None): "null",
        bool: "boolean",
        int: "integer",
        float: "floating point",
        str: "string",
        list: "sequence",
        dict: "map",
    }
    return names.get(type(value), "unknown")
