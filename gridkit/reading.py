"""Decides the bytes of a signed reading (wire format v1); whether a reading is believed is the bridge's to judge.

Payload = core (47 bytes, what the meter's key signs) ‖ Ed25519 signature (64) ‖ detail (MessagePack, named by its hash
in the core). The verifier checks the exact bytes it received; nothing is ever encoded again to be checked.

Core, little-endian (47 bytes, so that R ‖ A ‖ core is one SHA-512 block when the chain verifies it):

    at  bytes  field
     0      2  domain tag "CG"
     2      1  version, 1
     3      4  network tag
     7      4  meter number, the registry's counter, from 1
    11      2  key epoch, +1 at a key rotation
    13      2  register epoch, +1 at an approved swap or reset
    15      4  interval, named by its start: [900*i, 900*(i+1)) UTC epoch seconds
    19      8  import register at the interval's end, Wh
    27      8  export register at the interval's end, Wh
    35      2  quality flags
    37      2  clock error bound, ms, saturating; 65535 = unknown
    39      8  first 8 bytes of SHA-256 of the detail
"""

from __future__ import annotations

import hashlib
import struct
from enum import StrEnum
from typing import NamedTuple

import msgspec
from nacl.signing import SigningKey

from gridkit.ed25519 import verify_strict
from gridkit.quality import RESERVED_MASK

CORE_SIZE = 47
SIGNATURE_SIZE = 64
DETAIL_HASH_SIZE = 8
DIGEST_SIZE = 16
MAX_PAYLOAD = 2048
"""Largest payload that anybody accepts, bytes: core, signature and a detail of up to 1,937."""
DOMAIN = b"CG"
VERSION = 1
DETAIL_VERSION = 1

_CORE = struct.Struct("<2sB4sIHHIQQHH8s")
assert _CORE.size == CORE_SIZE


class Fault(StrEnum):
    """What is wrong with bytes that are no reading; a metric label."""

    SIZE = "size"
    DOMAIN = "domain"
    VERSION = "version"
    METER_NUMBER = "meter_number"
    QUALITY = "quality"
    DETAIL_HASH = "detail_hash"
    DETAIL = "detail"


class MalformedReadingError(ValueError):
    """Bytes are no reading of this format. `fault` says in which respect."""

    def __init__(self, fault: Fault, why: str) -> None:
        super().__init__(f"malformed reading ({fault}): {why}")
        self.fault = fault


class Core(msgspec.Struct, frozen=True, order=False):
    """What a meter's key signs.

    Attributes:
        network_tag: 4 bytes, see `network_tag`.
        meter_number: u32, ≥1.
        key_epoch: u16.
        register_epoch: u16.
        interval: u32.
        import_wh: +A at the interval's end, Wh, u64, unwrapped. Source: OBIS 1-0:1.8.0.
        export_wh: −A likewise. Source: OBIS 1-0:2.8.0.
        quality: u16 of `gridkit.quality.Quality`; bit 15 is 0.
        clock_error_ms: u16, 65535 = unknown.
        detail_hash: 8 bytes, see `detail_hash`.
    """

    network_tag: bytes
    meter_number: int
    key_epoch: int
    register_epoch: int
    interval: int
    import_wh: int
    export_wh: int
    quality: int
    clock_error_ms: int
    detail_hash: bytes


def network_tag(genesis_hash: bytes, oracle_program: bytes) -> bytes:
    """Return the 4 bytes that bind a reading to one chain and one oracle program.

    Args:
        genesis_hash: 32 bytes.
        oracle_program: 32 bytes, the program id.

    Returns:
        First 4 bytes of SHA-256("campusgrid" ‖ genesis hash ‖ oracle program id).

    Raises:
        ValueError: Not 32 bytes each.
    """
    if len(genesis_hash) != 32 or len(oracle_program) != 32:
        raise ValueError("genesis hash and oracle program id are 32 bytes each")
    return hashlib.sha256(b"campusgrid" + genesis_hash + oracle_program).digest()[:4]


def encode_core(core: Core) -> bytes:
    """Return the 47 bytes of a core.

    Raises:
        ValueError: A field is out of its range.
    """
    if len(core.network_tag) != 4 or len(core.detail_hash) != DETAIL_HASH_SIZE:
        raise ValueError("network tag is 4 bytes and detail hash 8")
    if core.meter_number == 0 or core.quality & RESERVED_MASK:
        raise ValueError("meter numbers start at 1 and quality bit 15 is reserved")
    try:
        return _CORE.pack(
            DOMAIN,
            VERSION,
            core.network_tag,
            core.meter_number,
            core.key_epoch,
            core.register_epoch,
            core.interval,
            core.import_wh,
            core.export_wh,
            core.quality,
            core.clock_error_ms,
            core.detail_hash,
        )
    except struct.error as error:
        raise ValueError(f"a field of the core is out of range: {error}") from error


def decode_core(data: bytes) -> Core:
    """Return the core that 47 bytes hold.

    Raises:
        MalformedReadingError: Wrong size, domain, version, meter number 0, or the reserved quality bit is set.
    """
    if len(data) != CORE_SIZE:
        raise MalformedReadingError(Fault.SIZE, f"core of {len(data)} bytes is not {CORE_SIZE}")
    domain, version, *fields = _CORE.unpack(data)
    if domain != DOMAIN:
        raise MalformedReadingError(Fault.DOMAIN, f"domain tag {domain!r} is not {DOMAIN!r}")
    if version != VERSION:
        raise MalformedReadingError(Fault.VERSION, f"version {version} is not {VERSION}")
    core = Core(*fields)
    if core.meter_number == 0:
        raise MalformedReadingError(Fault.METER_NUMBER, "meter number 0 is nobody's")
    if core.quality & RESERVED_MASK:
        raise MalformedReadingError(Fault.QUALITY, "quality bit 15 is reserved")
    return core


def core_digest(core_bytes: bytes, device_key: bytes) -> bytes:
    """Return what a root's leaf holds of a verified reading: first 16 bytes of SHA-256(core ‖ device key)."""
    if len(core_bytes) != CORE_SIZE or len(device_key) != 32:
        raise ValueError("a digest is made of a 47-byte core and a 32-byte key")
    return hashlib.sha256(core_bytes + device_key).digest()[:DIGEST_SIZE]


Spread = tuple[int, int, int]
"""Least, mean and greatest of the interval's polls, whole numbers in the field's unit."""


class PhaseStats(msgspec.Struct, frozen=True, array_like=True):
    """What one phase did within the interval; None where the meter does not say.

    Attributes:
        phase: 0 all phases together, 1 to 3.
        voltage_mv: L-N.
        current_ma: Per phase.
        power_mw: Active power, import positive, mW.
        power_factor_milli: Advisory: signs differ between makers.
    """

    phase: int
    voltage_mv: Spread | None = None
    current_ma: Spread | None = None
    power_mw: Spread | None = None
    power_factor_milli: Spread | None = None


class CheckResult(msgspec.Struct, frozen=True, array_like=True):
    """One edge check: its code (`edge` and the docs list them), 0 not run, 1 passed, 2 failed, and what it measured."""

    check: int
    result: int
    value: int = 0


class RawRegister(msgspec.Struct, frozen=True, array_like=True):
    """A register as the meter showed it: value * unit_num / unit_den Wh, exactly. The core has its whole Wh."""

    value: int
    unit_num: int
    unit_den: int


class Detail(msgspec.Struct, frozen=True, array_like=True):
    """What stands beside a reading for the auditor; bound to it by its hash.

    Attributes:
        version: 1.
        meter_serial: As read from the meter in this interval's last poll; empty if it has no such register.
        profile_id: Which register map was read.
        profile_hash: First 8 bytes of SHA-256 of the profile's file.
        agent_version: Of the edge agent.
        opening_interval: The interval whose end the opening registers belong to; 0 when this reading opens the epoch.
        opening_import_wh, opening_export_wh: Registers of the previous reading, Wh; this one's own in an opening.
        opening_read_ms, closing_read_ms: When the two boundary samples were read, campus UTC epoch ms.
        sample_count: Polls of this interval that were good.
        frequency_mhz: Spread of the grid frequency, mHz.
        phases: Total first, then each phase that the meter has.
        checks: Result of each edge check.
        previous_core_hash: SHA-256 of the previous core of this meter, 32 bytes; empty in an opening reading.
        raw_import, raw_export: The registers before unwrapping and conversion.
        longest_gap_ms: Longest time without a good poll within the span, campus ms.
    """

    version: int
    meter_serial: str
    profile_id: str
    profile_hash: bytes
    agent_version: str
    opening_interval: int
    opening_import_wh: int
    opening_export_wh: int
    opening_read_ms: int
    closing_read_ms: int
    sample_count: int
    frequency_mhz: Spread | None
    phases: tuple[PhaseStats, ...]
    checks: tuple[CheckResult, ...]
    previous_core_hash: bytes
    raw_import: RawRegister | None = None
    raw_export: RawRegister | None = None
    longest_gap_ms: int = 0


_detail_encoder = msgspec.msgpack.Encoder()
_detail_decoder = msgspec.msgpack.Decoder(Detail)


def encode_detail(detail: Detail) -> bytes:
    """Return the MessagePack array of a detail."""
    return _detail_encoder.encode(detail)


def decode_detail(data: bytes) -> Detail:
    """Return the detail that these bytes hold. Fields that a later version appends are ignored.

    Raises:
        MalformedReadingError: No MessagePack array of this shape, or version 0.
    """
    try:
        detail = _detail_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MalformedReadingError(Fault.DETAIL, str(error)) from error
    if detail.version < DETAIL_VERSION:
        raise MalformedReadingError(Fault.DETAIL, f"detail version {detail.version} is unknown")
    return detail


def detail_hash(detail_bytes: bytes) -> bytes:
    """Return the first 8 bytes of SHA-256 of a detail's bytes."""
    return hashlib.sha256(detail_bytes).digest()[:DETAIL_HASH_SIZE]


class SplitPayload(NamedTuple):
    """The three parts of a payload, as received: 47 bytes, 64 bytes, the rest."""

    core_bytes: bytes
    signature: bytes
    detail_bytes: bytes


def split_payload(payload: bytes) -> SplitPayload:
    """Return core, signature and detail of a payload whose detail is the one that its core names.

    Args:
        payload: 111 to 2,048 bytes.

    Raises:
        MalformedReadingError: Wrong size, or the detail's hash is not the core's. Signature and fields are not checked.
    """
    if not CORE_SIZE + SIGNATURE_SIZE <= len(payload) <= MAX_PAYLOAD:
        raise MalformedReadingError(Fault.SIZE, f"payload of {len(payload)} bytes is not in [111, {MAX_PAYLOAD}]")
    core_bytes = payload[:CORE_SIZE]
    detail_bytes = payload[CORE_SIZE + SIGNATURE_SIZE :]
    if detail_hash(detail_bytes) != core_bytes[CORE_SIZE - DETAIL_HASH_SIZE :]:
        raise MalformedReadingError(Fault.DETAIL_HASH, "the detail is not the one that the core names")
    return SplitPayload(core_bytes, payload[CORE_SIZE : CORE_SIZE + SIGNATURE_SIZE], detail_bytes)


def sign_reading(signing_key: SigningKey, core: Core, detail_bytes: bytes) -> bytes:
    """Return the payload: core ‖ signature ‖ detail.

    Args:
        signing_key: The meter's key.
        core: Its `detail_hash` must be that of detail_bytes.
        detail_bytes: At most 1,937 bytes.

    Raises:
        ValueError: A field is out of range, the detail is another one, or the payload would be too large.
    """
    if core.detail_hash != detail_hash(detail_bytes):
        raise ValueError("the core names another detail")
    core_bytes = encode_core(core)
    payload = core_bytes + signing_key.sign(core_bytes).signature + detail_bytes
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"payload of {len(payload)} bytes is larger than {MAX_PAYLOAD}")
    return payload


def verify_core(core_bytes: bytes, signature: bytes, device_key: bytes) -> bool:
    """Return whether a meter's key has signed exactly these core bytes; strict, see `gridkit.ed25519`."""
    return verify_strict(device_key, core_bytes, signature)
