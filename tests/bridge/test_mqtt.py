"""The packets that the bridge reads and writes itself, and which of them it acknowledges, without a socket."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gmqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle_bridge import packets
from oracle_bridge.intake import Message, Reply
from oracle_bridge.metrics import Metrics
from oracle_bridge.mqtt import BrokerLink, Lane
from oracle_bridge.settings import BridgeSettings

# MQTT 5.0 §3.3, byte by byte: topic "a/b", packet id 10, no properties, payload "xy"; then the same in 3.1.1, then with QoS 0.
VECTORS = [
    (0x32, b"\x00\x03a/b\x00\x0a\x00xy", True, packets.Publication("a/b", b"xy", 10)),
    (0x32, b"\x00\x03a/b\x00\x0axy", False, packets.Publication("a/b", b"xy", 10)),
    (0x30, b"\x00\x03a/b\x00xy", True, packets.Publication("a/b", b"xy", 0)),
    (0x3A, b"\x00\x03a/b\x01\x02\x05\x02\x00\x00\x00\x3cxy", True, packets.Publication("a/b", b"xy", 258)),
    (0x32, b"\x00\x03a/b\x00\x0a\x00", True, packets.Publication("a/b", b"", 10)),
]


@pytest.mark.parametrize(("command", "body", "properties", "meant"), VECTORS)
def test_these_bytes_are_this_publication(
    command: int, body: bytes, properties: bool, meant: packets.Publication
) -> None:
    """A payload cut one byte off would fail every signature."""
    assert packets.parse_publication(command, body, properties=properties) == meant


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"\x00\x05a/b",
        b"\x00\x03a/b\x00",
        b"\x00\x03a/b\x00\x0a",
        b"\x00\x03a/b\x00\x0a\x05\x02",
        b"\x00\x03a/b\x00\x0a\xff\xff\xff\xff\x01",
        b"\x00\x01\xff\x00\x0a\x00xy",
    ],
)
def test_a_packet_that_ends_early_is_said_to(body: bytes) -> None:
    """A broken broker must cost one packet, not the connection's whole reader."""
    with pytest.raises(packets.MalformedPacketError):
        packets.parse_publication(0x32, body, properties=True)


@given(st.binary(max_size=40), st.booleans())
def test_any_bytes_are_a_publication_or_refused(body: bytes, properties: bool) -> None:
    """No bytes from the network may raise anything else."""
    with suppress(packets.MalformedPacketError):
        packets.parse_publication(0x32, body, properties=properties)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200), st.binary(max_size=300))
def test_what_is_written_is_read_back(topic: str, payload: bytes) -> None:
    """Lengths of one and of two bytes, in both versions."""
    for properties in (True, False):
        packet = packets.publication(topic, payload, properties=properties)
        size, at = packets._variable_length(packet, 1)
        assert packet[0] == packets.PUBLISH
        assert size == len(packet) - at
        assert packets.parse_publication(packet[0], packet[at:], properties=properties) == (topic, payload, 0)


def test_acknowledgements_are_joined() -> None:
    """§3.4: four bytes each when all is well."""
    assert packets.acknowledgements([1, 258, 65_535]) == b"\x40\x02\x00\x01\x40\x02\x01\x02\x40\x02\xff\xff"
    assert packets.acknowledgements([]) == b""


class Client:
    """What the link uses of gmqtt's client."""

    def __init__(self, version: int = gmqtt.constants.MQTTv50) -> None:
        self._package_handler = SimpleNamespace(_handler_cache={})
        self._connection_state = SimpleNamespace(protocol_version=version)
        self.written: list[bytes] = []
        self._connection = SimpleNamespace(_protocol=SimpleNamespace(write_data=self.written.append))
        self.is_connected = True
        self.published: list[tuple[str, bytes, int]] = []
        self.room = 1_000

    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        if len(self.published) >= self.room:
            raise OverflowError
        self.published.append((topic, payload, qos))

    def subscribe(self, _topic: str, qos: int) -> None: ...

    def deliver(self, packet_id: int, payload: bytes = b"x") -> None:
        self._package_handler._handler_cache[packets.PUBLISH](
            0x32, b"\x00\x01t" + packet_id.to_bytes(2, "big") + b"\x00" + payload
        )


class Slow:
    """An intake that answers when it is let."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.batches: list[list[bytes]] = []
        self.begun = 0

    def process(self, messages: list[Message]) -> list[Reply | None]:
        self.begun += 1
        self.go.wait(60)
        self.batches.append([message.payload for message in messages])
        return [Reply("r", message.payload) if message.payload != b"nobody" else None for message in messages]


def served(client: Any, intake: Any) -> tuple[BrokerLink, asyncio.Task[None]]:
    link = BrokerLink(BridgeSettings(**_needed()), intake, Metrics())
    lane = Lane(client, link._arrived)
    link._connected_now(client, 0, 0, None)
    return link, asyncio.create_task(link._serve(client, lane))


def _needed() -> dict[str, Any]:
    return {name: Path(f"/{name}") for name in ("home", "deployment", "receipt_key", "poster_key")}


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the link tells nobody
            await asyncio.sleep(0.01)


async def test_acknowledged_after_the_batch_and_receipted() -> None:
    """The broker must hold a message until it is stored here."""
    client, intake = Client(), Slow()
    intake.go.clear()
    link, task = served(client, intake)
    client.deliver(7, b"one")
    client.deliver(8, b"nobody")
    await until(lambda: intake.begun)
    assert client.written == []
    intake.go.set()
    await until(lambda: client.written)
    assert client.written == [packets.acknowledgements([7, 8])]
    assert client.published == [("r", b"one", 1)]
    task.cancel()
    link._worker.shutdown()


async def test_a_burst_is_answered_in_one_write() -> None:
    """A system call for each acknowledgement and each receipt was a third of the connection's cost."""
    client, intake = Client(), Slow()
    link, task = served(client, intake)
    intake.go.clear()
    client.deliver(1)
    await until(lambda: intake.begun)
    for packet_id in range(2, 102):
        client.deliver(packet_id)
    intake.go.set()
    await until(lambda: len(client.written) == 2)
    receipts = packets.publication("r", b"x", properties=True) * 100
    assert client.written[1] == packets.acknowledgements(range(2, 102)) + receipts
    task.cancel()
    link._worker.shutdown()


async def test_receipts_beyond_what_the_broker_admits_go_with_qos_0() -> None:
    """gmqtt raises OverflowError there: a lost receipt costs one more copy, an exception would end the bridge."""
    client, intake = Client(), Slow()
    client.room = 0
    link, task = served(client, intake)
    client.deliver(1)
    await until(lambda: client.written)
    assert client.written == [packets.acknowledgements([1]) + packets.publication("r", b"x", properties=True)]
    task.cancel()
    link._worker.shutdown()


async def test_another_connection_does_not_acknowledge() -> None:
    """After a reconnect the broker counts packets anew: an old number would acknowledge another message unseen."""
    client, intake = Client(), Slow()
    intake.go.clear()
    link, task = served(client, intake)
    client.deliver(7)
    await until(lambda: intake.begun)
    link._connected_now(client, 0, 0, None)
    intake.go.set()
    await until(lambda: client.published)
    await asyncio.sleep(0.02)
    assert client.written == []
    task.cancel()
    link._worker.shutdown()


async def test_nothing_is_written_to_a_lost_connection() -> None:
    """The broker sends again what was not acknowledged; the bridge must live on."""
    client, intake = Client(), Slow()
    link, task = served(client, intake)
    client.is_connected = False
    client.room = 0
    client.deliver(7)
    await until(lambda: intake.batches)
    await asyncio.sleep(0.02)
    assert client.written == []
    assert not task.done()
    task.cancel()
    link._worker.shutdown()


def test_the_lane_fits_the_installed_client() -> None:
    """A later gmqtt with other insides must fail here, not in a basement."""
    client = gmqtt.Client("test")
    lane = Lane(client, lambda _: None)
    assert client._package_handler.__get_handler__(0x32) == lane._take
    assert lane._properties
