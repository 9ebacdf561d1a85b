"""Packs readings for the oracle, signed ones for post_verified (and reads them back) and attested ones for post_batch.

It decides which low-order bytes of a register are enough. The program takes the smallest register not below the stored one
that ends in the bytes it is given. Whoever packs must therefore count from a stored register that the chain has confirmed: it
may be older than the one in force when the transaction runs (an earlier one may be lost or landed), and the bytes still mean
the same register. What is posted when is left to the callers.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence

import msgspec

from gridkit.reading import Core

DESCRIPTOR_QUALITY = 0x10
DESCRIPTOR_CLOCK = 0x20
DESCRIPTOR_NEXT_EPOCH = 0x40
DESCRIPTOR_OFFSET = 0x80
MAX_READINGS = 16
USUAL_READINGS = 12
"""Verified readings that fit one transaction and its default compute budget of 200,000 units."""

ATTESTED_READINGS = 149
"""Attested readings in one run that fit a transaction of 1,232 bytes signed by two oracle keys, one of them the payer."""
MAX_ATTESTED = 152
"""Most attested readings that the program takes in one instruction."""
ATTESTED_SIZE = 6
_LOW = (1 << 24) - 1
_MAX_RUN = 255

_WIDTHS = (0, 2, 3, 8)
"""Bytes of a register by width code."""


class PackingError(ValueError):
    """A reading cannot be said in this form: a register below the stored one, or an interval out of the offset's reach."""


def width_code(register: int, stored: int, *, absolute: bool = False) -> int:
    """Return the width code 0 to 3 (0, 2, 3 or 8 bytes) that says `register` to a program that has at least `stored`.

    Raises:
        PackingError: The register is below the stored one and `absolute` is False.
    """
    if absolute:
        return 3
    growth = register - stored
    if growth < 0:
        raise PackingError(f"register {register} is below the stored {stored}")
    return 0 if growth == 0 else 1 if growth < 1 << 16 else 2 if growth < 1 << 24 else 3


def pack_reading(
    slot: int,
    base_interval: int,
    core: Core,
    signature: bytes,
    *,
    stored_import_wh: int,
    stored_export_wh: int,
    next_epoch: bool,
    absolute: bool = False,
) -> bytes:
    """Return one reading of post_verified, 74 to 94 bytes.

    Args:
        slot: Slot of the meter in its zone, 0 to 255.
        base_interval: The instruction's base interval; at most 65,535 below the reading's.
        core: The signed core.
        signature: 64 bytes.
        stored_import_wh, stored_export_wh: Registers that the slab has confirmed (of the same register epoch), Wh.
        next_epoch: The reading is the first of the register epoch after the stored one; its registers count from 0.
        absolute: Send all 8 bytes of both registers.

    Raises:
        PackingError: See there.
    """
    offset = core.interval - base_interval
    if not 0 <= offset <= 0xFFFF:
        raise PackingError(f"interval {core.interval} is not within 65,535 of {base_interval}")
    import_code = width_code(core.import_wh, 0 if next_epoch else stored_import_wh, absolute=absolute)
    export_code = width_code(core.export_wh, 0 if next_epoch else stored_export_wh, absolute=absolute)
    descriptor = import_code | export_code << 2
    parts = []
    if offset:
        descriptor |= DESCRIPTOR_OFFSET
        parts.append(struct.pack("<H", offset))
    parts.append(core.import_wh.to_bytes(8, "little")[: _WIDTHS[import_code]])
    parts.append(core.export_wh.to_bytes(8, "little")[: _WIDTHS[export_code]])
    if core.quality:
        descriptor |= DESCRIPTOR_QUALITY
        parts.append(struct.pack("<H", core.quality))
    if core.clock_error_ms:
        descriptor |= DESCRIPTOR_CLOCK
        parts.append(struct.pack("<H", core.clock_error_ms))
    if next_epoch:
        descriptor |= DESCRIPTOR_NEXT_EPOCH
    return b"".join((bytes((slot, descriptor)), *parts, core.detail_hash, signature))


class Packed(msgspec.Struct, frozen=True):
    """One reading as it travels: registers by their low-order bytes, of which there are 0, 2, 3 or 8."""

    slot: int
    interval: int
    next_epoch: bool
    import_low: bytes
    export_low: bytes
    quality: int
    clock_error_ms: int
    detail_hash: bytes
    signature: bytes

    def says(self, core: Core) -> bool:
        """Return whether these bytes can mean `core`."""
        return (
            (self.interval, self.quality, self.clock_error_ms, self.detail_hash)
            == (core.interval, core.quality, core.clock_error_ms, core.detail_hash)
            and core.import_wh.to_bytes(8, "little").startswith(self.import_low)
            and core.export_wh.to_bytes(8, "little").startswith(self.export_low)
        )


def unpack_readings(base_interval: int, data: bytes) -> list[Packed]:
    """Return the readings of one post_verified, in order; the inverse of joined `pack_reading`s.

    Raises:
        PackingError: The bytes end within a reading.
    """
    found: list[Packed] = []
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        at += size
        if at > len(data):
            raise PackingError(f"{len(data)} bytes end within a reading")
        return data[at - size : at]

    def number() -> int:
        return int.from_bytes(take(2), "little")

    while at < len(data):
        slot, descriptor = take(2)
        found.append(
            Packed(
                slot,
                base_interval + (number() if descriptor & DESCRIPTOR_OFFSET else 0),
                bool(descriptor & DESCRIPTOR_NEXT_EPOCH),
                take(_WIDTHS[descriptor & 3]),
                take(_WIDTHS[descriptor >> 2 & 3]),
                number() if descriptor & DESCRIPTOR_QUALITY else 0,
                number() if descriptor & DESCRIPTOR_CLOCK else 0,
                take(8),
                take(64),
            )
        )
    return found


def pack_runs(registers: Mapping[int, tuple[int, int]]) -> bytes:
    """Return attested registers as the `runs` of post_batch: 2 bytes for each run of slots and 6 for each reading.

    The program understands the smallest register not below the meter's newest that ends in the three bytes sent, so a meter that
    has counted 2^24 Wh or more since then needs a verified reading first; the capacity rule skips it otherwise.

    Args:
        registers: (import, export) in Wh by slot, 0 to 255.

    Raises:
        PackingError: No reading, more than MAX_ATTESTED, or a slot or register out of range.
    """
    if not 1 <= len(registers) <= MAX_ATTESTED:
        raise PackingError(f"{len(registers)} readings are not 1 to {MAX_ATTESTED}")
    runs: list[list[int]] = []
    for slot in sorted(registers):
        if not 0 <= slot <= 0xFF or not all(0 <= wh < 1 << 64 for wh in registers[slot]):
            raise PackingError(f"slot {slot} or its registers {registers[slot]} are out of range")
        if runs and slot == runs[-1][-1] + 1 and len(runs[-1]) < _MAX_RUN:
            runs[-1].append(slot)
        else:
            runs.append([slot])
    out = bytearray()
    for run in runs:
        out += bytes((run[0], len(run)))
        for slot in run:
            for wh in registers[slot]:
                out += (wh & _LOW).to_bytes(3, "little")
    return bytes(out)


def post_batch_data(interval: int, runs: bytes) -> bytes:
    """Return the data of a post_batch instruction.

    Raises:
        PackingError: The interval does not fit 32 bits.
    """
    if not 0 <= interval < 1 << 32:
        raise PackingError(f"interval {interval} does not fit 32 bits")
    return _POST_BATCH + struct.pack("<II", interval, len(runs)) + runs


def set_oracles_data(threshold: int, keys: Sequence[bytes]) -> bytes:
    """Return the data of a set_oracles instruction: 1 to 8 different keys of 32 bytes, threshold 1 to their number.

    Raises:
        PackingError: They are not.
    """
    if not 1 <= threshold <= len(keys) <= 8 or len(set(keys)) != len(keys) or any(len(key) != 32 for key in keys):
        raise PackingError("oracle keys are 1 to 8 different keys of 32 bytes, the threshold 1 to their number")
    return _SET_ORACLES + struct.pack("<BI", threshold, len(keys)) + b"".join(keys)


_POST_BATCH, _SET_ORACLES = (
    hashlib.sha256(f"global:{name}".encode()).digest()[:8] for name in ("post_batch", "set_oracles")
)
