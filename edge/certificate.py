"""Decides until when a certificate is valid, from its PEM file; no library, for this is all the agent wants of it."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"
_SEQUENCE, _CONTEXT_0, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
DAY_S: Final = 86_400
SOON_DAYS: Final = 30
"""A certificate that runs out within so many days is to be renewed: the old one and the new one are then both good."""


class CertificateError(ValueError):
    """A file holds no certificate that can be read."""


def valid_until_s(path: Path) -> int:
    """Return when the first certificate of a PEM file runs out, UTC epoch s.

    Raises:
        CertificateError: It holds none, or one that is cut short.
        OSError: It cannot be read.

    Source: RFC 5280, 4.1: Certificate, TBSCertificate, Validity; times as in 4.1.2.5.
    """
    return next(_ends_s(path))


def days_left(path: Path, now_s: float) -> int:
    """Return for how many whole days from an instant (UTC epoch s) it is valid; negative once it has run out. Raises as `valid_until_s`."""
    return int((valid_until_s(path) - now_s) // DAY_S)


def authority_days_left(path: Path, now_s: float) -> int:
    """Return for how many whole days a file of authorities vouches for anybody: until the last of them runs out. Raises as `valid_until_s`.

    The last and not the first: while an authority is renewed the file holds the old one and the new one.
    """
    return int((max(_ends_s(path)) - now_s) // DAY_S)


def _ends_s(path: Path) -> Iterator[int]:
    """Return when each certificate of a PEM file runs out, in the file's order; one at least, or it raises."""
    _, begin, rest = path.read_text(errors="replace").partition(_BEGIN)
    if not begin:
        raise CertificateError(f"{path} holds no certificate")
    while begin:
        body, end, rest = rest.partition(_END)
        if not end:
            raise CertificateError(f"{path} holds no certificate that ends")
        yield _end_s(path, body)
        _, begin, rest = rest.partition(_BEGIN)


def _end_s(path: Path, body: str) -> int:
    try:
        der = binascii.a2b_base64("".join(body.split()), strict_mode=True)
        certificate = _parts(_content(der, _SEQUENCE))
        fields = _parts(_content(certificate[0], _SEQUENCE))
        # version [0] may be left out; then serial, signature, issuer, validity.
        validity = fields[4 if fields[0][0] == _CONTEXT_0 else 3]
        return _time_s(_parts(_content(validity, _SEQUENCE))[1])
    except (ValueError, IndexError) as error:
        raise CertificateError(f"{path} holds no certificate that can be read ({error})") from error


def _header(der: bytes) -> tuple[int, int]:
    """Return header length and content length of the element that begins here."""
    length = der[1]
    if length < 0x80:
        return 2, length
    size = length & 0x7F
    return 2 + size, int.from_bytes(der[2 : 2 + size], "big")


def _content(der: bytes, tag: int) -> bytes:
    if der[0] != tag:
        raise ValueError(f"tag {der[0]:#x}, expected {tag:#x}")
    header, length = _header(der)
    if len(der) < header + length:
        raise ValueError("cut short")
    return der[header : header + length]


def _parts(content: bytes) -> list[bytes]:
    parts = []
    while content:
        header, length = _header(content)
        parts.append(content[: header + length])
        content = content[header + length :]
    return parts


def _time_s(der: bytes) -> int:
    text = _content(der, der[0]).decode("ascii")
    if der[0] == _UTC_TIME:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif der[0] != _GENERALIZED_TIME:
        raise ValueError(f"tag {der[0]:#x} is no time")
    if len(text) != 15 or text[14] != "Z":
        raise ValueError(f"{text} is no time")
    # Not strptime: it brings locale and calendar into memory.
    month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(4, 14, 2))
    return int(datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=UTC).timestamp())
