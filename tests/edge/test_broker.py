"""The MQTT session against brokers that refuse, hang up, say nothing, or let nobody listen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import edge.broker
from edge.broker import Broker, Connected
from edge.settings import EdgeSettings, MeterSettings

pytestmark = pytest.mark.integration
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def settings(port: int, version: int) -> EdgeSettings:
    return EdgeSettings(
        agent="e1",
        home=Path("home"),
        mqtt_port=port,
        mqtt_version=version,
        network_tag="01020304",
        bridge_keys=("ab" * 32,),
        config_key="cd" * 32,
        meters=(MeterSettings(id="M1", profile="abb-b23", key_file=Path("k"), host="h"),),
    )


class Peer:
    """Whatever listens where a broker should be, and the session that meets it."""

    def __init__(self, behave: Behaviour, version: int) -> None:
        self._behave, self._version = behave, version
        self.connections = 0
        self.connect_packet = b""

    async def __aenter__(self) -> Peer:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            try:
                self.connect_packet = await reader.read(1000)
                await self._behave(reader, writer)
            except OSError:
                pass
            finally:
                writer.close()

        self._server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.session = Broker(settings(port, self._version), will_topic="w", will=b"lost")
        self.session.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.session.stop()
        self._server.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - the session tells nobody
                await asyncio.sleep(0.02)

    def trouble(self) -> str:
        return "" if self.session.trouble is None else self.session.trouble.label


def connack(version: int, reason: int) -> bytes:
    return bytes((0x20, 3, 0, reason, 0)) if version == 5 else bytes((0x20, 2, 0, reason))


@pytest.mark.parametrize(
    ("version", "reason", "label"),
    [
        (5, 0x87, "broker_login_refused"),
        (5, 0x85, "broker_client_id_refused"),
        (5, 0x84, "broker_other_version"),
        (5, 0x88, "broker_busy"),
        (5, 0x9C, "broker_moved"),
        (5, 0x80, "broker_refuses"),
        (4, 2, "broker_client_id_refused"),
        (4, 3, "broker_busy"),
        (4, 4, "broker_login_refused"),
        (4, 5, "broker_login_refused"),
    ],
)
async def test_a_broker_that_refuses_is_told_with_its_reason_and_asked_again(
    version: int, reason: int, label: str
) -> None:
    """There was a connection, so nothing was in the metrics: no session, no reason, and readings that wait."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(connack(version, reason))
        await writer.drain()
        await reader.read()

    async with Peer(refuse, version) as peer:
        await peer.until(lambda: peer.connections >= 2)
        assert peer.trouble() == label
        assert not peer.session.connected


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_one_that_hangs_up_or_is_no_broker_is_told(answer: bytes) -> None:
    """So does one that refuses our certificate: TLS 1.3 has told it only after the handshake."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    async with Peer(hang_up, 5) as peer:
        await peer.until(lambda: peer.connections >= 2)
        assert peer.trouble() == "broker_hangs_up"


async def test_one_that_never_answers_is_told_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker whose disk hangs takes every connection; waiting for it for ever looks like being connected."""
    monkeypatch.setattr(edge.broker, "KEEPALIVE_S", 1)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with Peer(silent, 5) as peer:
        await peer.until(lambda: peer.connections >= 2)
        assert peer.trouble() == "broker_silent"


@pytest.mark.parametrize("version", [4, 5])
async def test_a_refused_subscription_is_told_and_asked_for_again(
    version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of the broker is brought up to date a moment after the configuration: no receipt would come until the next outage."""
    monkeypatch.setattr(edge.broker, "SUBSCRIBE_AGAIN_S", 0.3)
    asked: list[bytes] = []

    async def refuse_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(connack(version, 0))
        while packet := await reader.read(1000):
            if packet[0] == 0x82:
                asked.append(packet)
                codes = {1: (1, 0x80), 2: (0x80,)}.get(len(asked), (1,))
                body = packet[2:4] + (b"\0" if version == 5 else b"") + bytes(codes)
                writer.write(bytes((0x90, len(body))) + body)

    async with Peer(refuse_once, version) as peer:
        await peer.until(lambda: peer.session.connected)
        peer.session.subscribe(["cg/config", "cg/receipt"])
        await peer.until(lambda: peer.trouble() == "subscription_refused")
        await peer.until(lambda: len(asked) >= 3 and not peer.trouble())
        assert [(b"cg/config" in packet, b"cg/receipt" in packet) for packet in asked] == [
            (True, True),
            (False, True),
            (False, True),
        ]
        await asyncio.sleep(0.5)
        assert len(asked) == 3


async def test_what_is_larger_than_any_message_of_ours_is_not_asked_for() -> None:
    """One retained message of a hundred megabytes would end the agent at each start."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(connack(5, 0))
        await reader.read()

    async with Peer(take, 5) as peer:
        await peer.until(lambda: peer.session.connected)
        event: Any = await peer.session.events.get()
        assert isinstance(event, Connected)
        assert b"\x27" + edge.broker.LARGEST_PACKET.to_bytes(4, "big") in peer.connect_packet
