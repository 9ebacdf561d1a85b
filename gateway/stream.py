"""One WebSocket for live data: sign in by the first frame, subscribe to channels, numbered events, heartbeats, bounded queues.

Every event of a channel carries the channel's sequence number and the hub's epoch (a new one at each start), so a client sees any gap.
Which events there are is decided by the indexers that call `Hub.publish`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from typing import Any, Protocol

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from gateway.auth.policy import Permission, allows
from gateway.auth.tokens import Claims, InvalidTokenError, Tokens
from gridkit.log import get_logger

log = get_logger("gateway")

CHANNELS = ("trades", "readings")
QUEUE_LIMIT = 256
HISTORY_LIMIT = 2048
SIGN_IN_S = 5.0
HEARTBEAT_S = 5.0
FRAME_LIMIT = 64 * 1024
CLOSE_UNAUTHENTICATED = 4401
CLOSE_TOO_SLOW = 4008
CLOSE_BAD_FRAME = 4400


class WallClock(Protocol):
    """Gives epoch seconds of wall time."""

    def __call__(self) -> int: ...


class Event(msgspec.Struct, frozen=True):
    """One thing that happened on a channel.

    Attributes:
        seq: Number on its channel, from 1, without holes within one epoch.
        owners: Wallets that may see it besides those who may see everything; None = every signed-in user.
    """

    channel: str
    seq: int
    owners: frozenset[str] | None
    data: dict[str, Any]


class _Subscriber:
    def __init__(self, claims: Claims) -> None:
        self.claims = claims
        self.channels: set[str] = set()
        self.queue: asyncio.Queue[str] = asyncio.Queue(QUEUE_LIMIT)
        self.too_slow = asyncio.Event()

    def may_see(self, event: Event) -> bool:
        if event.owners is None or self.claims.wallet in event.owners:
            return True
        return allows(self.claims.role, Permission.READ_ALL_METERS)


class Hub:
    """Keeps the last 2,048 events of each channel and hands new ones to subscribers; a full queue closes its socket."""

    def __init__(self) -> None:
        self.epoch = uuid.uuid4().hex[:12]
        self._seq = dict.fromkeys(CHANNELS, 0)
        self._history: dict[str, deque[Event]] = {name: deque(maxlen=HISTORY_LIMIT) for name in CHANNELS}
        self._subscribers: set[_Subscriber] = set()

    def publish(self, channel: str, data: dict[str, Any], *, owners: frozenset[str] | None = None) -> None:
        """Number `data` and hand it to everybody who is subscribed and may see it. Call it on the event loop."""
        self._seq[channel] += 1
        event = Event(channel, self._seq[channel], owners, data)
        self._history[channel].append(event)
        frame: str | None = None
        for subscriber in self._subscribers:
            if channel in subscriber.channels and subscriber.may_see(event):
                frame = frame or self._frame(event)
                self._offer(subscriber, frame)

    def last_sequences(self) -> dict[str, int]:
        """Return the last number of each channel."""
        return dict(self._seq)

    def _frame(self, event: Event) -> str:
        return _text(
            {"type": "event", "channel": event.channel, "epoch": self.epoch, "seq": event.seq, "data": event.data}
        )

    @staticmethod
    def _offer(subscriber: _Subscriber, frame: str) -> None:
        try:
            subscriber.queue.put_nowait(frame)
        except asyncio.QueueFull:
            subscriber.too_slow.set()

    async def serve(self, socket: WebSocket, tokens: Tokens, now_s: WallClock) -> None:
        """Serve one socket until it closes."""
        await socket.accept()
        claims = await self._sign_in(socket, tokens, now_s)
        if claims is None:
            return
        subscriber = _Subscriber(claims)
        self._subscribers.add(subscriber)
        tasks = [
            asyncio.create_task(self._send(socket, subscriber)),
            asyncio.create_task(self._receive(socket, subscriber, tokens, now_s)),
            asyncio.create_task(subscriber.too_slow.wait()),
            asyncio.create_task(self._expire(subscriber, now_s)),
        ]
        codes = (1011, 1000, CLOSE_TOO_SLOW, CLOSE_UNAUTHENTICATED)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            code = next(code for task, code in zip(tasks, codes, strict=True) if task in done)
            first = done.pop()
            code = first.result() if first is tasks[1] and not first.exception() else code
        finally:
            self._subscribers.discard(subscriber)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await _close(socket, code)

    async def _sign_in(self, socket: WebSocket, tokens: Tokens, now_s: WallClock) -> Claims | None:
        try:
            async with asyncio.timeout(SIGN_IN_S):
                frame = _frame_of(await socket.receive_text())
            if frame.get("op") != "auth":
                raise InvalidTokenError("the first frame must be auth")
            claims = tokens.verify(str(frame.get("token", "")), now_s())
        except WebSocketDisconnect:
            return None
        except (TimeoutError, InvalidTokenError, ValueError, KeyError) as error:
            await _refuse(socket, "unauthenticated", str(error) or "no auth frame within 5 seconds")
            await _close(socket, CLOSE_UNAUTHENTICATED)
            return None
        welcome = {
            "type": "welcome",
            "id": frame.get("id"),
            "epoch": self.epoch,
            "channels": CHANNELS,
            "heartbeat_s": HEARTBEAT_S,
        }
        await socket.send_text(_text(welcome))
        return claims

    async def _receive(self, socket: WebSocket, subscriber: _Subscriber, tokens: Tokens, now_s: WallClock) -> int:
        while True:
            try:
                frame = _frame_of(await socket.receive_text())
            except WebSocketDisconnect:
                return 1000
            except (ValueError, KeyError) as error:
                await _refuse(socket, "bad_frame", str(error))
                return CLOSE_BAD_FRAME
            answer, replay = self._obey(frame, subscriber, tokens, now_s)
            self._offer(subscriber, _text(answer | {"id": frame.get("id")}))
            for event in replay:
                self._offer(subscriber, self._frame(event))

    def _obey(
        self, frame: dict[str, Any], subscriber: _Subscriber, tokens: Tokens, now_s: WallClock
    ) -> tuple[dict[str, Any], list[Event]]:
        """Return the answer to one client frame, and the events to replay after it."""
        operation, channel = frame.get("op"), frame.get("channel")
        if operation == "ping":
            return {"type": "pong"}, []
        if operation == "auth":
            return _renew(frame, subscriber, tokens, now_s), []
        if operation not in ("subscribe", "unsubscribe"):
            return _problem("unknown_op", f"unknown op {operation!r}"), []
        if channel not in CHANNELS:
            return _problem("unknown_channel", f"unknown channel {channel!r}"), []
        if operation == "unsubscribe":
            subscriber.channels.discard(channel)
            return {"type": "ack", "op": operation, "channel": channel}, []
        subscriber.channels.add(channel)
        return self._catch_up(frame, channel, subscriber)

    def _catch_up(
        self, frame: dict[str, Any], channel: str, subscriber: _Subscriber
    ) -> tuple[dict[str, Any], list[Event]]:
        """Replay what came after the client's last number, or say that it must start afresh."""
        newest = self._seq[channel]
        ack = {"type": "ack", "op": "subscribe", "channel": channel, "epoch": self.epoch, "seq": newest}
        last = frame.get("from_seq")
        if last is None:
            return ack, []
        history = self._history[channel]
        oldest = history[0].seq if history else newest + 1
        if frame.get("epoch") != self.epoch or type(last) is not int or not oldest - 1 <= last <= newest:
            return ack | {"resync": True}, []
        return ack, [event for event in history if event.seq > last and subscriber.may_see(event)]

    async def _send(self, socket: WebSocket, subscriber: _Subscriber) -> None:
        while True:
            try:
                # Not wait_for: before Python 3.12 it swallows a cancellation that meets a finished get.
                async with asyncio.timeout(HEARTBEAT_S):
                    frame = await subscriber.queue.get()
            except TimeoutError:
                frame = _text({"type": "heartbeat", "epoch": self.epoch, "seq": self._seq})
            await socket.send_text(frame)

    @staticmethod
    async def _expire(subscriber: _Subscriber, now_s: WallClock) -> None:
        # Looked at every few seconds, because a renewed token moves the end.
        while (left := subscriber.claims.expires_at_s - now_s()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left, 5))


def _text(frame: dict[str, Any]) -> str:
    return msgspec.json.encode(frame).decode()


def _problem(code: str, detail: str) -> dict[str, Any]:
    return {"type": "problem", "code": code, "detail": detail}


def _renew(frame: dict[str, Any], subscriber: _Subscriber, tokens: Tokens, now_s: WallClock) -> dict[str, Any]:
    """Take a newer token of the same user, so that a socket outlives one access token."""
    try:
        renewed = tokens.verify(str(frame.get("token", "")), now_s())
    except InvalidTokenError as error:
        return _problem("unauthenticated", str(error))
    if renewed.user_id != subscriber.claims.user_id:
        return _problem("forbidden", "the token is another user's")
    subscriber.claims = renewed
    return {"type": "ack", "op": "auth"}


def _frame_of(text: str) -> dict[str, Any]:
    if len(text) > FRAME_LIMIT:
        raise ValueError("a frame is at most 64 KiB")
    try:
        frame = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(frame, dict):
        raise ValueError("a frame is a JSON object")
    return frame


async def _refuse(socket: WebSocket, code: str, detail: str) -> None:
    if socket.client_state is WebSocketState.CONNECTED:
        await socket.send_text(_text(_problem(code, detail)))


async def _close(socket: WebSocket, code: int) -> None:
    if socket.client_state is WebSocketState.CONNECTED and socket.application_state is WebSocketState.CONNECTED:
        try:
            await socket.close(code)
        except RuntimeError:
            log.info("socket_already_closed")
