"""Decides how a meter proves that it holds its key, and how the answer of the registry comes back to its agent.

Proof (what the device key signs, 88 bytes): "CGP1" ‖ network tag 4 ‖ owner wallet 32 ‖ meter id 16 ‖ device key 32.

Configuration (what the operator key signs): "CGC1" ‖ network tag 4 ‖ version u32 ‖ MessagePack list of [meter id,
number, zone, key epoch, first interval, register epoch] ‖ operator key id 4 ‖ Ed25519 64, little-endian. The key id is
the first 4 bytes of SHA-256 of the operator's public key.
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

PROOF_MAGIC = b"CGP1"
CONFIG_MAGIC = b"CGC1"
METER_ID_SIZE = 16
MAX_CONFIG = 65_536
"""Largest configuration that an agent reads, bytes: some 1,000 meters."""

_CONFIG_HEAD = struct.Struct("<4s4sI")
_CONFIG_TAIL_SIZE = 4 + 64


class EnrolmentError(ValueError):
    """Base: a proof, an enrolment file or a configuration is not to be believed."""


class BadProofError(EnrolmentError):
    """The device key has not signed this enrolment."""


class MalformedConfigError(EnrolmentError):
    """Bytes are no configuration."""


class ForgedConfigError(EnrolmentError):
    """A configuration that the pinned operator key has not signed, or of another network."""


def proof_message(network_tag: bytes, owner: bytes, meter_id: bytes, device_key: bytes) -> bytes:
    """Return the 88 bytes that a device key signs to prove that its agent holds it.

    Raises:
        ValueError: Tag, owner, meter id or key are not 4, 32, 16 and 32 bytes.
    """
    if (len(network_tag), len(owner), len(meter_id), len(device_key)) != (4, 32, METER_ID_SIZE, 32):
        raise ValueError("network tag, owner, meter id and key are 4, 32, 16 and 32 bytes")
    return PROOF_MAGIC + network_tag + owner + meter_id + device_key


def sign_proof(signing_key: SigningKey, network_tag: bytes, owner: bytes, meter_id: bytes) -> bytes:
    """Return the 64-byte proof of possession."""
    message = proof_message(network_tag, owner, meter_id, bytes(signing_key.verify_key))
    return bytes(signing_key.sign(message).signature)


def verify_proof(proof: bytes, network_tag: bytes, owner: bytes, meter_id: bytes, device_key: bytes) -> bool:
    """Return whether the device key has signed this enrolment; strict, as the registry program checks it."""
    return verify_strict(device_key, proof_message(network_tag, owner, meter_id, device_key), proof)


def parse_meter_id(text: str) -> bytes:
    """Return the 16 bytes of a meter id: up to 16 ASCII characters padded with zero bytes, or 32 hex digits.

    Raises:
        ValueError: Neither.
    """
    if len(text) == 32:
        return bytes.fromhex(text)
    data = text.encode("ascii", errors="strict") if text.isascii() else b""
    if not 1 <= len(data) <= METER_ID_SIZE or not text.isprintable():
        raise ValueError(f"meter id {text!r} is neither 1 to 16 printable ASCII characters nor 32 hex digits")
    return data.ljust(METER_ID_SIZE, b"\0")


def format_meter_id(meter_id: bytes) -> str:
    """Return a meter id as text that `parse_meter_id` reads back to the same 16 bytes."""
    text = meter_id.rstrip(b"\0")
    if text and text.isascii() and text.decode("ascii").isprintable():
        return text.decode("ascii")
    return meter_id.hex()


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """The enrolment file, JSON: what an operator or the gateway submits to the registry.

    Attributes:
        version: 1.
        network_tag: 8 hex digits.
        owner: 64 hex digits, the wallet that owns the meter.
        meter_id: 32 hex digits.
        serial: As the meter itself says; may be empty.
        public_key: 64 hex digits, the device key.
        proof: Base64 of 64 bytes.
        agent: Id of the agent that holds the key.
        profile: Id of the meter profile.
    """

    network_tag: str
    owner: str
    meter_id: str
    serial: str
    public_key: str
    proof: str
    agent: str
    profile: str
    version: int = 1

    @property
    def meter_id_bytes(self) -> bytes:
        """16 bytes."""
        return bytes.fromhex(self.meter_id)

    @property
    def public_key_bytes(self) -> bytes:
        """32 bytes."""
        return bytes.fromhex(self.public_key)

    @property
    def owner_bytes(self) -> bytes:
        """32 bytes."""
        return bytes.fromhex(self.owner)

    @property
    def proof_bytes(self) -> bytes:
        """64 bytes."""
        return base64.b64decode(self.proof, validate=True)


def make_enrolment(
    signing_key: SigningKey,
    *,
    network_tag: bytes,
    owner: bytes,
    meter_id: bytes,
    serial: str,
    agent: str,
    profile: str,
) -> Enrolment:
    """Return the enrolment of a meter, with its proof of possession made."""
    return Enrolment(
        network_tag=network_tag.hex(),
        owner=owner.hex(),
        meter_id=meter_id.hex(),
        serial=serial,
        public_key=bytes(signing_key.verify_key).hex(),
        proof=base64.b64encode(sign_proof(signing_key, network_tag, owner, meter_id)).decode("ascii"),
        agent=agent,
        profile=profile,
    )


def write_enrolment(path: Path, enrolment: Enrolment) -> None:
    """Write the enrolment file, whole and durable. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, msgspec.json.format(msgspec.json.encode(enrolment), indent=2) + b"\n")


def read_enrolment(path: Path) -> Enrolment:
    """Return a checked enrolment file.

    Raises:
        BadProofError: No such shape, or the proof does not fit.
        OSError: Not readable.
    """
    try:
        enrolment = msgspec.json.decode(path.read_bytes(), type=Enrolment)
        proven = enrolment.version == 1 and verify_proof(
            enrolment.proof_bytes,
            bytes.fromhex(enrolment.network_tag),
            enrolment.owner_bytes,
            enrolment.meter_id_bytes,
            enrolment.public_key_bytes,
        )
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadProofError(f"{path} is no enrolment file: {error}") from error
    if not proven:
        raise BadProofError(f"the proof of possession in {path} does not fit its key, owner, meter id and network")
    return enrolment


class ConfiguredMeter(msgspec.Struct, frozen=True, array_like=True):
    """What the registry says of one meter.

    Attributes:
        meter_id: 16 bytes.
        number: u32, ≥1.
        zone: u16.
        key_epoch: u16, of the current key.
        first_interval: First interval that the current key signs, u32; earlier ones are signed with epoch − 1.
        register_epoch: u16; larger than what the agent has: a swap or reset was approved.
    """

    meter_id: bytes
    number: int
    zone: int
    key_epoch: int
    first_interval: int
    register_epoch: int


class AgentConfig(msgspec.Struct, frozen=True):
    """A configuration for one agent: version (u32, only rises) and its meters, each meter id once."""

    network_tag: bytes
    version: int
    meters: tuple[ConfiguredMeter, ...]

    def meter(self, meter_id: bytes) -> ConfiguredMeter | None:
        """Return the row of a meter id, None when the registry has not given it a number yet."""
        return next((row for row in self.meters if row.meter_id == meter_id), None)


_rows_decoder = msgspec.msgpack.Decoder(tuple[ConfiguredMeter, ...])


def operator_key_id(public_key: bytes) -> bytes:
    """Return the first 4 bytes of SHA-256 of a 32-byte public key."""
    return hashlib.sha256(public_key).digest()[:4]


def encode_config(config: AgentConfig, signing_key: SigningKey) -> bytes:
    """Return the signed bytes of a configuration.

    Raises:
        ValueError: A field is out of range, a meter id appears twice, or the result is larger than MAX_CONFIG.
    """
    _check_rows(config.meters)
    try:
        head = _CONFIG_HEAD.pack(CONFIG_MAGIC, config.network_tag, config.version)
    except struct.error as error:
        raise ValueError(f"version out of range: {error}") from error
    if len(config.network_tag) != 4:
        raise ValueError("network tag is 4 bytes")
    body = head + msgspec.msgpack.encode(config.meters) + operator_key_id(bytes(signing_key.verify_key))
    if len(body) + 64 > MAX_CONFIG:
        raise ValueError(f"configuration is larger than {MAX_CONFIG} bytes")
    return body + bytes(signing_key.sign(body).signature)


def verify_config(data: bytes, operator_key: bytes, network_tag: bytes) -> AgentConfig:
    """Return a configuration that the pinned operator key has signed for this network.

    Raises:
        MalformedConfigError: No such bytes, a field out of range, or a meter id twice.
        ForgedConfigError: Not signed by operator_key, or of another network.
    """
    if not _CONFIG_HEAD.size + _CONFIG_TAIL_SIZE < len(data) <= MAX_CONFIG or data[:4] != CONFIG_MAGIC:
        raise MalformedConfigError("a configuration begins with CGC1 and is at most 64 KiB")
    body, signature = data[:-64], data[-64:]
    if body[-4:] != operator_key_id(operator_key) or not verify_strict(operator_key, body, signature):
        raise ForgedConfigError("the pinned operator key has not signed this configuration")
    _, tag, version = _CONFIG_HEAD.unpack_from(data)
    if tag != network_tag:
        raise ForgedConfigError(f"configuration of network {tag.hex()}, not {network_tag.hex()}")
    try:
        rows = _rows_decoder.decode(body[_CONFIG_HEAD.size : -4])
        _check_rows(rows)
    except (msgspec.MsgspecError, ValueError) as error:
        raise MalformedConfigError(str(error)) from error
    return AgentConfig(tag, version, rows)


def _check_rows(rows: tuple[ConfiguredMeter, ...]) -> None:
    if len({row.meter_id for row in rows}) != len(rows):
        raise ValueError("a meter id appears twice")
    for row in rows:
        in_range = (
            len(row.meter_id) == METER_ID_SIZE
            and 1 <= row.number <= 0xFFFF_FFFF
            and 0 <= row.zone <= 0xFFFF
            and 0 <= row.key_epoch <= 0xFFFF
            and 0 <= row.first_interval <= 0xFFFF_FFFF
            and 0 <= row.register_epoch <= 0xFFFF
        )
        if not in_range:
            raise ValueError(f"a field of meter {row.meter_id.hex()} is out of range")
