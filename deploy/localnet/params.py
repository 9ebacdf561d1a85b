"""Decides what a client may pass: positions, options and their types, in the words that Solana's node uses for a no."""

from __future__ import annotations

import json
from typing import Any

from solders.pubkey import Pubkey
from solders.signature import Signature

from deploy.localnet import base58
from deploy.localnet.jsonrpc import MIN_CONTEXT_SLOT_NOT_REACHED, RpcError, invalid_params

COMMITMENTS = ("processed", "confirmed", "finalized")
U64_MAX = (1 << 64) - 1


def wrong_type(value: Any, expected: str) -> RpcError:
    """Return the error for a JSON value of another type, as serde words it."""
    return invalid_params(f"Invalid params: invalid type: {_named(value)}, expected {expected}.")


def text(value: Any) -> str:
    """Return a parameter that must be text."""
    if not isinstance(value, str):
        raise wrong_type(value, "a string")
    return value


def address(value: Any) -> Pubkey:
    """Return a base58 address as a key."""
    try:
        return Pubkey.from_string(text(value))
    except ValueError:
        raise _not_base58(value, 44) from None


def blockhash(value: Any) -> bytes:
    """Return a base58 blockhash as its 32 bytes."""
    return bytes(address(value))


def signature(value: Any) -> bytes:
    """Return a base58 signature as its 64 bytes."""
    try:
        return bytes(Signature.from_string(text(value)))
    except ValueError:
        raise _not_base58(value, 88) from None


def _not_base58(given: str, most: int) -> RpcError:
    """Return the error for a text that stands for no key, hash or signature, which have at most `most` letters."""
    fits = len(given) <= most and not set(given) <= set(base58.ALPHABET)
    return invalid_params(f"Invalid param: {'Invalid' if fits else 'WrongSize'}")


def integer(value: Any, kind: str = "u64", high: int = U64_MAX) -> int:
    """Return a whole number in [0, high]; `kind` is what Rust calls it."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(value, kind)
    if not 0 <= value <= high:
        raise invalid_params(f"Invalid params: invalid value: integer `{value}`, expected {kind}.")
    return value


def sequence(value: Any) -> list[Any]:
    """Return a parameter that must be a list."""
    if not isinstance(value, list):
        raise wrong_type(value, "a sequence")
    return value


def addresses(value: Any, most: int) -> list[Pubkey]:
    """Return a list of at most `most` addresses."""
    given = [text(item) for item in sequence(value)]
    if len(given) > most:
        raise invalid_params(f"Too many inputs provided; max {most}")
    return [address(item) for item in given]


class Options:
    """The object that closes a method's parameters; absent is empty. All commitments are one here: a lone producer's
    block is final as soon as it is on disk. One that is not known counts as none, as a node takes it. `kind` is what the
    node calls the object."""

    __slots__ = ("_values",)

    def __init__(
        self,
        params: list[Any],
        index: int,
        slot: int,
        kind: str = "RpcContextConfig",
        *,
        at_least_confirmed: bool = False,
    ) -> None:
        value = params[index] if index < len(params) else None
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise wrong_type(value, f"struct {kind}")
        self._values: dict[str, Any] = value
        if at_least_confirmed and value.get("commitment") == "processed":
            raise invalid_params("Method does not support commitment below `confirmed`")
        least = value.get("minContextSlot")
        if least is not None and integer(least) > slot:
            raise RpcError(
                MIN_CONTEXT_SLOT_NOT_REACHED, "Minimum context slot has not been reached", {"contextSlot": slot}
            )

    def get(self, key: str) -> Any:
        """Return an option as it came, None where it did not."""
        return self._values.get(key)

    def flag(self, key: str, default: bool = False) -> bool:
        """Return an option that is true or false."""
        value = self._values.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise wrong_type(value, "a boolean")
        return value

    def choice(self, key: str, known: tuple[str, ...], default: str) -> str:
        """Return an option that is one of a few words."""
        value = self._values.get(key)
        if value is None:
            return default
        if text(value) not in known:
            words = [f"`{word}`" for word in known]
            listed = " or ".join(words) if len(words) == 2 else "one of " + ", ".join(words)
            raise invalid_params(f"Invalid params: unknown variant `{value}`, expected {listed}.")
        return str(value)

    def integer(self, key: str, kind: str = "u64", high: int = U64_MAX) -> int | None:
        """Return an option that is a whole number in [0, high], None where it did not come."""
        value = self._values.get(key)
        return None if value is None else integer(value, kind, high)


def check_commitment(params: list[Any], index: int) -> None:
    """Look at the last parameter of methods that take a commitment and nothing else; they say no to one that is none."""
    Options(params, index, U64_MAX, "CommitmentConfig").choice("commitment", COMMITMENTS, "finalized")


def _named(value: Any) -> str:
    """Return what serde calls a JSON value."""
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{value}`"
    if isinstance(value, str):
        return f"string {json.dumps(value, ensure_ascii=False)}"
    return {list: "sequence", dict: "map"}.get(type(value), "null")
