"""Names the five programs and, for a local chain alone, gives each a key pair that everybody can derive.

A localnet needs the same program ids on every machine, so that built files, lookup tables and recorded compute units
agree; so its program keys derive from public text. Whoever reads this file holds them, therefore a deployment to any
other network must refuse them. What is deployed where is left to others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from nacl.signing import SigningKey

PROGRAM_NAMES: Final = ("registry", "oracle", "energy_token", "trading", "governance")
_DOMAIN: Final = b"campusgrid public key v1"
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class PublicKeyError(Exception):
    """A key that anybody can derive was about to be used outside a localnet; `names` says which."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"the keys of {', '.join(names)} derive from public text, so anybody can sign with them; "
            "make new program key pairs for a network that is not a localnet"
        )
        self.names = names


def public_seed(purpose: str, name: str) -> bytes:
    """Return the Ed25519 seed (32 bytes) of a key pair that anybody can derive.

    Args:
        purpose: What the key is for, such as `program` or `test wallet`; separates keys of equal names.
        name: Which one.
    """
    parts = (_DOMAIN, purpose.encode(), name.encode())
    return hashlib.sha256(b"".join(len(part).to_bytes(2, "little") + part for part in parts)).digest()


def program_seed(name: str) -> bytes:
    """Return the Ed25519 seed (32 bytes) of a localnet program's key pair.

    Raises:
        ValueError: no program of that name.
    """
    if name not in PROGRAM_NAMES:
        raise ValueError(f"no program is called {name!r}; there are {', '.join(PROGRAM_NAMES)}")
    return public_seed("program", name)


def program_key(name: str) -> bytes:
    """Return the id (public key, 32 bytes) of a localnet program. Raises ValueError as `program_seed` does."""
    return bytes(SigningKey(program_seed(name)).verify_key)


def refuse_public_keys(program_ids: Mapping[str, str] | Iterable[str]) -> None:
    """Accept program ids (base58) for a network that is not a localnet.

    Raises:
        PublicKeyError: one of them belongs to a key pair that anybody can derive.
    """
    ids = program_ids.values() if isinstance(program_ids, Mapping) else program_ids
    given = set(ids)
    known = [name for name, address in PROGRAM_IDS.items() if address in given]
    if known:
        raise PublicKeyError(known)


def base58(data: bytes) -> str:
    """Return base58 (Bitcoin alphabet, as Solana writes keys) of `data`."""
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def unbase58(text: str) -> bytes:
    """Return the bytes that `base58` writes as `text`. Raises ValueError for a letter that is not in the alphabet."""
    number = 0
    for letter in text:
        number = number * 58 + _BASE58.index(letter)
    return bytes(len(text) - len(text.lstrip("1"))) + number.to_bytes((number.bit_length() + 7) // 8, "big")


PROGRAM_IDS: Final[dict[str, str]] = {name: base58(program_key(name)) for name in PROGRAM_NAMES}
"""Localnet program ids, base58, by name."""
