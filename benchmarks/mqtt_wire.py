"""A load generator's MQTT 3.1.1: publish with QoS 1, receive with QoS 0, nothing else, so that it costs next to nothing.

A client library spends as long on a message as the bridge does and would be what is measured. Packets are made beforehand.
Source: OASIS MQTT 3.1.1, sections 2 and 3.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

_CONNACK, _PUBLISH, _PUBACK, _SUBACK = 2, 3, 4, 9


class BrokerRefusedError(Exception):
    """The broker did not accept the connection or the subscription."""


def text(value: str) -> bytes:
    """Return a length-prefixed UTF-8 string."""
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def packet(head: int, body: bytes) -> bytes:
    """Return a packet: first byte, remaining length as a variable-length integer, body."""
    left, length = len(body), b""
    while True:
        left, digit = divmod(left, 128)
        length += bytes([digit | (0x80 if left else 0)])
        if not left:
            return bytes([head]) + length + body


def publication(topic: str, payload: bytes, packet_id: int) -> bytes:
    """Return a PUBLISH of QoS 1; `packet_id` 1 to 65535."""
    return packet(_PUBLISH << 4 | 0x02, text(topic) + struct.pack(">H", packet_id) + payload)


class Packets:
    """Cuts a stream of bytes into packets."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield (type, body) of each packet that is now whole."""
        self._buffer += data
        at = 0
        while (found := self._next(at)) is not None:
            start, end = found
            yield self._buffer[at] >> 4, self._buffer[start:end]
            at = end
        self._buffer = self._buffer[at:]

    def _next(self, at: int) -> tuple[int, int] | None:
        size = 0
        for place in range(4):
            if at + 1 + place >= len(self._buffer):
                return None
            byte = self._buffer[at + 1 + place]
            size |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                start = at + 2 + place
                return (start, start + size) if start + size <= len(self._buffer) else None
        raise ValueError("a remaining length of more than four bytes")


def payload_of(body: bytes) -> bytes:
    """Return the payload of a PUBLISH of QoS 0."""
    return body[2 + int.from_bytes(body[:2], "big") :]


class Link:
    """One connection that publishes and hears what it subscribed to.

    Args:
        host, port: The broker.
        client_id: Of a session that ends with the connection.
        topic_filter: What to hear, QoS 0.
    """

    def __init__(self, host: str, port: int, client_id: str, topic_filter: str) -> None:
        self._socket = socket.create_connection((host, port), 10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._packets = Packets()
        self._ask(packet(0x10, text("MQTT") + struct.pack(">BBH", 4, 0x02, 0) + text(client_id)), _CONNACK, b"\0\0")
        self._ask(packet(0x82, struct.pack(">H", 1) + text(topic_filter) + b"\0"), _SUBACK, b"\0\1\0")

    def _ask(self, data: bytes, answer: int, body: bytes) -> None:
        self._socket.sendall(data)
        for kind, said in self._packets.feed(self._socket.recv(4096)):
            if (kind, said) == (answer, body):
                return
        raise BrokerRefusedError(f"no packet of type {answer} came back")

    def exchange(self, publications: list[bytes], window: int, timeout_s: float = 60.0) -> list[bytes]:
        """Publish all, at most `window` ahead of what is heard, and return the payloads heard: one for each.

        Raises:
            TimeoutError: Nothing came for `timeout_s`.
        """
        self._socket.settimeout(timeout_s)
        heard: list[bytes] = []
        sent = 0
        while len(heard) < len(publications):
            due = min(len(publications), len(heard) + window)
            # A tenth of the window at a time: fewer, larger writes, and the other side never runs dry.
            if due - sent >= min(window // 10 + 1, len(publications) - sent) and sent < due:
                self._socket.sendall(b"".join(publications[sent:due]))
                sent = due
            data = self._socket.recv(1 << 18)
            if not data:
                raise ConnectionError("the broker has closed the connection")
            heard += [payload_of(body) for kind, body in self._packets.feed(data) if kind == _PUBLISH]
        return heard

    def close(self) -> None:
        """Disconnect."""
        self._socket.sendall(packet(0xE0, b""))
        self._socket.close()
