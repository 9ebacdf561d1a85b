"""The live stream: who gets what, in which order, and what happens to those who break the rules."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from gateway import stream
from gateway.auth.tokens import Tokens
from gateway.stream import Hub

NOW_S = 1_790_000_000
pytestmark = pytest.mark.integration


class World:
    """A hub behind a real server on a free port, its tokens, and a clock that stands still."""

    def __init__(self, folder: Path) -> None:
        self.hub, self.tokens = Hub(), Tokens(folder, life_s=600)

        async def serve(socket: WebSocket) -> None:
            self.loop = asyncio.get_running_loop()
            await self.hub.serve(socket, self.tokens, lambda: NOW_S)

        app = Starlette(routes=[WebSocketRoute("/stream", serve)])
        listener = sockets.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{listener.getsockname()[1]}/stream"
        self.server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", ws="websockets-sansio", timeout_graceful_shutdown=1)
        )
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listener]})
        self.thread.start()

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()

    def token(self, wallet: str = "W", role: str = "student") -> str:
        return self.tokens.issue(user_id=wallet, username=wallet, role=role, wallet=wallet, session="s", now_s=NOW_S)


class Client:
    """A socket that speaks JSON and waits at most a minute for a frame."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def send_json(self, frame: dict[str, Any]) -> None:
        self.send_text(json.dumps(frame))

    def send_text(self, text: str) -> None:
        self._connection.send(text)

    def receive_json(self) -> dict[str, Any]:
        return json.loads(self._connection.recv(timeout=60))

    def closed_with(self) -> int:
        """Read to the end and return the close code."""
        try:
            while True:
                self._connection.recv(timeout=60)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.stop()


def open_socket(world: World) -> Client:
    return Client(connect(world.url))


def sign_in(world: World, socket: Any, **who: str) -> dict[str, Any]:
    socket.send_json({"op": "auth", "token": world.token(**who)})
    return socket.receive_json()


def publish(world: World, channel: str, *, owners: list[str] | None = None, times: int = 1) -> None:
    """Publish from the server's own loop, and return when it is done."""

    async def on_loop() -> None:
        for n in range(times):
            world.hub.publish(channel, {"n": n}, owners=None if owners is None else frozenset(owners))

    if hasattr(world, "loop"):
        asyncio.run_coroutine_threadsafe(on_loop(), world.loop).result(10)
    else:  # nobody has connected yet: the hub has no loop to respect
        asyncio.run(on_loop())


def test_events_come_numbered_after_the_subscription(world: World) -> None:
    """A gap in the numbers is how a client sees a loss."""
    with open_socket(world) as socket:
        assert sign_in(world, socket)["type"] == "welcome"
        socket.send_json({"op": "subscribe", "channel": "trades", "id": 7})
        assert socket.receive_json() | {"epoch": ""} == {
            "type": "ack", "op": "subscribe", "channel": "trades", "epoch": "", "seq": 0, "id": 7,
        }  # fmt: skip
        publish(world, "trades", times=3)
        assert [socket.receive_json()["seq"] for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("frame", [{"op": "auth", "token": "nonsense"}, {"op": "subscribe", "channel": "trades"}])
def test_who_does_not_sign_in_first_is_closed(world: World, frame: dict[str, Any]) -> None:
    """The socket has no header to carry a token; the first frame is the door."""
    with open_socket(world) as socket:
        socket.send_json(frame)
        assert socket.receive_json()["code"] == "unauthenticated"
        assert socket.closed_with() == stream.CLOSE_UNAUTHENTICATED


def test_a_reading_reaches_its_owner_and_those_who_may_see_all(world: World) -> None:
    """A student must not watch the neighbour's consumption."""
    with (
        open_socket(world) as owner,
        open_socket(world) as other,
        open_socket(world) as auditor,
    ):
        for socket, who in (
            (owner, {"wallet": "A"}),
            (other, {"wallet": "B"}),
            (auditor, {"wallet": "C", "role": "auditor"}),
        ):
            sign_in(world, socket, **who)
            socket.send_json({"op": "subscribe", "channel": "readings"})
            socket.receive_json()
        publish(world, "readings", owners=["A"])
        assert owner.receive_json()["seq"] == 1
        assert auditor.receive_json()["seq"] == 1
        other.send_json({"op": "ping"})
        assert other.receive_json()["type"] == "pong"


def test_a_client_that_comes_back_gets_what_it_missed(world: World) -> None:
    """A dropped connection must cost nothing while the log still has it."""
    publish(world, "trades", times=5)
    with open_socket(world) as socket:
        epoch = sign_in(world, socket)["epoch"]
        socket.send_json({"op": "subscribe", "channel": "trades", "epoch": epoch, "from_seq": 2})
        assert "resync" not in socket.receive_json()
        assert [socket.receive_json()["seq"] for _ in range(3)] == [3, 4, 5]


@pytest.mark.parametrize("claim", [{"epoch": "another", "from_seq": 2}, {"from_seq": 99}, {"from_seq": True}])
def test_a_client_that_cannot_be_caught_up_is_told_to_start_afresh(world: World, claim: dict[str, Any]) -> None:
    """Silence would leave it with a wrong picture."""
    publish(world, "trades", times=5)
    with open_socket(world) as socket:
        epoch = sign_in(world, socket)["epoch"]
        socket.send_json({"op": "subscribe", "channel": "trades", "epoch": epoch} | claim)
        assert socket.receive_json()["resync"] is True


def test_a_reader_that_is_too_slow_is_closed_and_holds_nobody_up(world: World) -> None:
    """One sleeping browser must not fill the gateway's memory."""
    with open_socket(world) as socket:
        sign_in(world, socket)
        socket.send_json({"op": "subscribe", "channel": "trades"})
        socket.receive_json()
        publish(world, "trades", times=stream.QUEUE_LIMIT + 1)
        assert socket.closed_with() == stream.CLOSE_TOO_SLOW


@pytest.mark.parametrize("text", ["not json", "[1]", '"x"'])
def test_a_frame_that_is_no_object_closes_the_socket(world: World, text: str) -> None:
    """A client that speaks something else is broken or hostile."""
    with open_socket(world) as socket:
        sign_in(world, socket)
        socket.send_text(text)
        assert socket.receive_json()["code"] == "bad_frame"
        assert socket.closed_with() == stream.CLOSE_BAD_FRAME


def test_an_unknown_channel_or_word_gets_a_problem_and_the_socket_stays(world: World) -> None:
    """A newer client must be able to find out what this gateway knows."""
    with open_socket(world) as socket:
        sign_in(world, socket)
        socket.send_json({"op": "subscribe", "channel": "weather"})
        assert socket.receive_json()["code"] == "unknown_channel"
        socket.send_json({"op": "dance"})
        assert socket.receive_json()["code"] == "unknown_op"
