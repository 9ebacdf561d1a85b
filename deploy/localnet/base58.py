"""Decides how bytes of any length look in base58 (Bitcoin's alphabet); keys and signatures use solders, which is faster."""

from __future__ import annotations

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUE = {letter: value for value, letter in enumerate(ALPHABET)}
_STEP = 58**10


def encode(data: bytes) -> str:
    """Return base58 text; each leading zero byte is a leading "1"."""
    zeros = len(data) - len(data.lstrip(b"\0"))
    number = int.from_bytes(data, "big")
    letters: list[str] = []
    while number:
        number, part = divmod(number, _STEP)  # ten letters a division: big-integer divisions are what costs
        for _ in range(10):
            part, letter = divmod(part, 58)
            letters.append(ALPHABET[letter])
            if not number and not part:
                break
    return "1" * zeros + "".join(reversed(letters))


def decode(text: str) -> bytes:
    """Return the bytes of base58 text.

    Raises:
        ValueError: A letter outside of the alphabet.
    """
    number = 0
    try:
        for at in range(0, len(text), 10):  # ten letters a multiplication
            part = 0
            for letter in text[at : at + 10]:
                part = part * 58 + _VALUE[letter]
            number = number * 58 ** len(text[at : at + 10]) + part
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} is no base58 letter") from None
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
