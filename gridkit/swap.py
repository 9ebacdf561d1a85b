"""Decides what stands in a swap file: the registers at which one device's epoch closes and the next one's opens.

The file is for the two people who approve the swap and for the auditor. Nothing of it is minted: the first accepted reading of
the new register epoch sets the opening registers and credits nothing.

Signed by the device key (62 bytes + serial hash): "CGS1" ‖ network tag 4 ‖ meter id 16 ‖ register epoch u16 ‖ closing import, closing
export, opening import, opening export u64 each, Wh ‖ SHA-256 of the new serial, little-endian.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from pathlib import Path

import msgspec
from nacl.signing import SigningKey

from gridkit.durable import write_durably
from gridkit.ed25519 import verify_strict

SWAP_MAGIC = b"CGS1"
_BODY = struct.Struct("<4s4s16sHQQQQ32s")


class SwapError(ValueError):
    """A file is no swap file, or its device key has not signed it."""


class Swap(msgspec.Struct, frozen=True, kw_only=True):
    """The swap file, JSON.

    Attributes:
        version: 1.
        network_tag, meter_id, public_key: Hex.
        agent, profile: Ids.
        register_epoch: The new one, u16.
        old_serial, new_serial: As the devices say; the new one's SHA-256 is what the registry keeps.
        closing_import_wh, closing_export_wh: Of the last signed reading's state, Wh, unwrapped.
        closing_read_ms: When they were read, campus UTC ms.
        opening_import_wh, opening_export_wh, opening_read_ms: Of the new device.
        signature: Base64 of 64 bytes.
    """

    network_tag: str
    meter_id: str
    public_key: str
    agent: str
    profile: str
    register_epoch: int
    old_serial: str
    new_serial: str
    closing_import_wh: int
    closing_export_wh: int
    closing_read_ms: int
    opening_import_wh: int
    opening_export_wh: int
    opening_read_ms: int
    signature: str = ""
    version: int = 1

    @property
    def serial_hash(self) -> bytes:
        """32 bytes, as the registry keeps them."""
        return hashlib.sha256(self.new_serial.encode()).digest()

    def message(self) -> bytes:
        """Return the bytes that the device key signs.

        Raises:
            SwapError: A field is out of range.
        """
        try:
            return _BODY.pack(
                SWAP_MAGIC,
                bytes.fromhex(self.network_tag),
                bytes.fromhex(self.meter_id),
                self.register_epoch,
                self.closing_import_wh,
                self.closing_export_wh,
                self.opening_import_wh,
                self.opening_export_wh,
                self.serial_hash,
            )
        except (struct.error, ValueError) as error:
            raise SwapError(f"a field is out of range: {error}") from error


def sign_swap(swap: Swap, key: SigningKey) -> Swap:
    """Return the swap with its key and signature. Raises SwapError."""
    swap = msgspec.structs.replace(swap, public_key=bytes(key.verify_key).hex())
    signature = bytes(key.sign(swap.message()).signature)
    return msgspec.structs.replace(swap, signature=base64.b64encode(signature).decode("ascii"))


def write_swap(path: Path, swap: Swap) -> None:
    """Write the file, whole and durable. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, msgspec.json.format(msgspec.json.encode(swap), indent=2) + b"\n")


def read_swap(path: Path) -> Swap:
    """Return a checked swap file; that its key is the meter's is the registry's to say.

    Raises:
        SwapError: No such shape, or not signed by the key that it names.
        OSError: Not readable.
    """
    try:
        swap = msgspec.json.decode(path.read_bytes(), type=Swap)
        key, signature = bytes.fromhex(swap.public_key), base64.b64decode(swap.signature, validate=True)
    except (msgspec.MsgspecError, ValueError) as error:
        raise SwapError(f"{path} is no swap file: {error}") from error
    if swap.version != 1 or len(key) != 32 or not verify_strict(key, swap.message(), signature):
        raise SwapError(f"the device key has not signed {path}")
    return swap
