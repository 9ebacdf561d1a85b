"""Decides how a kept reading is signed again by the key that its interval wants, when the agent hears of a rotation after it.

Only key epoch, signature and the hash of the core before change; what was measured does not. Nobody has the reading that is replaced:
the bridge takes none from a key that is not its interval's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from edge.errors import SigningKeyError
from edge.meter import key_epoch_of
from gridkit.enrolment import ConfiguredMeter
from gridkit.reading import (
    decode_core,
    decode_detail,
    detail_hash,
    encode_core,
    encode_detail,
    sign_reading,
    split_payload,
)


class SignAgain:
    """Signs one meter's readings again, oldest first; remembers how the cores' hashes change."""

    def __init__(self, name: str, row: ConfiguredMeter, keys: Mapping[int, Any]) -> None:
        """Prepare; `name` and `keys` (by epoch) are the meter's, `row` is what the configuration says of it."""
        self._name, self._row, self._keys = name, row, keys
        self._hashes: dict[bytes, bytes] = {}

    def __call__(self, payload: bytes) -> bytes:
        """Return a reading as the key of its interval signs it.

        Raises:
            SigningKeyError: That key is not here.
            TokenError: Its token does not sign.
        """
        parts = split_payload(payload)
        core, detail = decode_core(parts.core_bytes), decode_detail(parts.detail_bytes)
        key_epoch = key_epoch_of(self._row, core.interval)
        key = self._keys.get(key_epoch)
        if key is None:
            raise SigningKeyError(self._name, key_epoch)
        detail = msgspec.structs.replace(detail, previous_core_hash=self.core_hash(detail.previous_core_hash))
        detail_bytes = encode_detail(detail)
        core = msgspec.structs.replace(core, key_epoch=key_epoch, detail_hash=detail_hash(detail_bytes))
        self._hashes[hashlib.sha256(parts.core_bytes).digest()] = hashlib.sha256(encode_core(core)).digest()
        return sign_reading(key, core, detail_bytes)

    def core_hash(self, before: bytes) -> bytes:
        """Return what a core's hash has become; the same, if it was not signed again."""
        return self._hashes.get(before, before)
