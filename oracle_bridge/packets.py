"""Decides the bytes of the three MQTT packets that the bridge handles by the thousand: PUBLISH in, PUBACK and PUBLISH (QoS 0) out.

Everything else of the protocol is the client library's (`mqtt.py`). Source: MQTT 5.0 §3.3 and §3.4, MQTT 3.1.1 §3.3 and §3.4.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import NamedTuple

PUBLISH = 0x30
_PUBACK = b"\x40\x02"
"""Fixed header of a PUBACK without reason code, which means success in version 5 too (§3.4.2.1)."""


class MalformedPacketError(ValueError):
    """The broker sent bytes that are no PUBLISH packet."""


class Publication(NamedTuple):
    """One PUBLISH packet. `packet_id` is 0 with QoS 0, which wants no acknowledgement; properties are passed over."""

    topic: str
    payload: bytes
    packet_id: int


def parse_publication(command: int, body: bytes, *, properties: bool) -> Publication:
    """Return what a PUBLISH packet holds.

    Args:
        command: First byte of the packet.
        body: The packet without its fixed header.
        properties: Whether the connection speaks version 5, where a list of properties stands before the payload.

    Raises:
        MalformedPacketError: The bytes end too early, or the topic is not UTF-8.
    """
    try:
        at = 2 + (body[0] << 8 | body[1])
        topic = body[2:at].decode()
        packet_id = 0
        if command & 0x06:
            packet_id = body[at] << 8 | body[at + 1]
            at += 2
        if properties:
            length, at = _variable_length(body, at)
            at += length
    except (IndexError, UnicodeDecodeError) as error:
        raise MalformedPacketError(f"no PUBLISH packet: {error}") from error
    if at > len(body):
        raise MalformedPacketError("the PUBLISH packet ends before its payload")
    return Publication(topic, body[at:], packet_id)


def _variable_length(body: bytes, at: int) -> tuple[int, int]:
    """Return a variable byte integer (§1.5.5) and where it ends."""
    value = 0
    for shift in (0, 7, 14, 21):
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise MalformedPacketError("a length of more than four bytes")


def acknowledgements(packet_ids: Iterable[int]) -> bytes:
    """Return a PUBACK (success) for each packet id, joined."""
    return b"".join(_PUBACK + packet_id.to_bytes(2, "big") for packet_id in packet_ids)


def publication(topic: str, payload: bytes, *, properties: bool) -> bytes:
    """Return a PUBLISH packet with QoS 0, not retained."""
    return _publication_head(topic, len(payload), properties) + payload


@functools.lru_cache(maxsize=16_384)
def _publication_head(topic: str, payload_size: int, properties: bool) -> bytes:
    """Everything before the payload: a meter's receipts all begin alike."""
    name = topic.encode()
    variable = len(name).to_bytes(2, "big") + name + (b"\x00" if properties else b"")
    remaining, length = len(variable) + payload_size, bytearray()
    while True:
        remaining, digit = divmod(remaining, 128)
        length.append(digit | (0x80 if remaining else 0))
        if not remaining:
            return bytes([PUBLISH]) + bytes(length) + variable
