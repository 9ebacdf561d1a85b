"""Decides what bytes a base58 or base64 text stands for, and how a Solana node says that it stands for none.

The words are those of Rust's crates bs58 and base64 in their Debug form: clients see them inside of error messages.
"""

from __future__ import annotations

import base64
import binascii

from deploy.localnet import base58

_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_PAD = ord("=")


def decode(text: str, encoding: str) -> bytes:
    """Return the bytes of a text.

    Args:
        text: As it came.
        encoding: "base58" or "base64".

    Raises:
        ValueError: It stands for none; the message is the node's.
    """
    if encoding == "base64":
        try:
            return base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error):
            raise ValueError(_base64_fault(text.encode())) from None
    try:
        return base58.decode(text)
    except ValueError:
        raise ValueError(_base58_fault(text)) from None


def _base64_fault(text: bytes) -> str:
    if len(text) % 4 == 1 and text[-1] != _PAD and text[-1] not in _BASE64:
        return f"InvalidByte({len(text) - 1}, {text[-1]})"
    body = text.rstrip(b"=")
    for at, byte in enumerate(body):
        if byte not in _BASE64:
            return f"InvalidByte({at}, {byte})"
    if len(body) % 4 == 1:
        return f"InvalidLength({len(body)})"
    if len(text) - len(body) > 2:
        return f"InvalidByte({len(body) + 2}, {_PAD})"
    return "InvalidPadding"


def _base58_fault(text: str) -> str:
    for at, letter in enumerate(text):
        if not letter.isascii():
            return f"NonAsciiCharacter {{ index: {at} }}"
        if letter not in base58.ALPHABET:
            shown = {"'": "\\'", "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}.get(letter, letter)
            return f"InvalidCharacter {{ character: '{shown}', index: {at} }}"
    return "BufferTooSmall"
