"""Opaque cursors for lists in a stable order. A cursor is ours alone: changed bytes are refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

from gateway.problems import Problem

_KEY = secrets.token_bytes(32)  # cursors end with the process; a client then starts from the first page


def pack(position: list[Any]) -> str:
    """Return `position` (JSON values) as a cursor."""
    body = json.dumps(position, separators=(",", ":")).encode()
    mark = hmac.new(_KEY, body, hashlib.sha256).digest()[:12]
    return base64.urlsafe_b64encode(mark + body).decode().rstrip("=")


def unpack(cursor: str) -> list[Any]:
    """Return the position inside `cursor`.

    Raises:
        Problem: 410 `bad_cursor`, when it is not one of this process's.
    """
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raw = b""
    mark, body = raw[:12], raw[12:]
    if not body or not hmac.compare_digest(mark, hmac.new(_KEY, body, hashlib.sha256).digest()[:12]):
        raise Problem(410, "bad_cursor", "The cursor is unknown or has expired; start from the first page.")
    position: list[Any] = json.loads(body)
    return position
