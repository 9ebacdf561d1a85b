"""A meter with a key of its own, which signs real readings by hand: nothing of the project's signing code is used."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

from nacl.signing import SigningKey
from solders.pubkey import Pubkey

DETAIL_HASH = hashlib.sha256(b"no detail").digest()[:8]
ABSOLUTE_WITH_OFFSET = 3 | 3 << 2 | 0x80


class Device:
    """The meter of a path.

    Args:
        path: A description; its device, seed and network tag.
    """

    def __init__(self, path: dict[str, Any]) -> None:
        self._key = SigningKey(bytes.fromhex(path["device"]["seed"]))
        self._tag = bytes.fromhex(path["network_tag"])
        self.meter_id = bytes.fromhex(path["device"]["meter_id"])

    @property
    def public_key(self) -> bytes:
        """The device key, 32 bytes."""
        return bytes(self._key.verify_key)

    def proof(self, owner: Pubkey) -> bytes:
        """Return the proof that this device holds its key, 64 bytes."""
        return self._key.sign(b"CGP1" + self._tag + bytes(owner) + self.meter_id + self.public_key).signature

    def posted(self, *, meter_number: int, slot: int, base: int, offset: int, export_wh: int) -> bytes:
        """Return one signed reading as post_verified takes it, both registers (Wh) with all their bytes, import 0."""
        core, signature = self.signed(meter_number=meter_number, interval=base + offset, export_wh=export_wh)
        head = struct.pack("<BBHQQ", slot, ABSOLUTE_WITH_OFFSET, offset, 0, export_wh)
        return head + core[-len(DETAIL_HASH) :] + signature

    def signed(self, *, meter_number: int, interval: int, export_wh: int) -> tuple[bytes, bytes]:
        """Return the core of a reading, 47 bytes, and its signature, 64 bytes; the import register stands at 0."""
        core = struct.pack(
            "<3s4sIHHIQQHH8s", b"CG\x01", self._tag, meter_number, 0, 0, interval, 0, export_wh, 0, 0, DETAIL_HASH
        )
        return core, self._key.sign(core).signature
