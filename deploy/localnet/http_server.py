"""Carries JSON-RPC over HTTP/1.1: keep-alive, pipelining, and limits on everything a client can make large or slow.

httptools parses; what the requests mean is `dispatch`'s. GET /health and GET /metrics are answered here.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, cast

import httptools

from deploy.localnet.dispatch import Dispatcher
from deploy.localnet.outbox import Outbox
from gridkit.log import get_logger

log = get_logger("localnet.http")

MAX_HEADER_BYTES = 16_384
MAX_PIPELINED = 64
REQUEST_TIMEOUT_S = 30.0
"""From the first byte of a request to its last; a slower client holds a connection for nothing."""

IDLE_TIMEOUT_S = 120.0
MAX_HELD_BYTES = 1 << 20
"""Answers of one client that wait for the disk; beyond it his next requests wait too."""

MAX_BODIES_BYTES = 128 << 20
"""Request bodies of all clients together, whole or not, that are not yet served; beyond it whoever has the most is cut off."""

SMALL_BYTES = 1 << 16
"""What the transport takes without being asked to pause."""

MAX_UNREAD_BYTES = 128 << 20
"""Answers that all clients together have not read; beyond it whoever leaves the most unread is cut off."""

_REASONS = {200: b"OK", 204: b"No Content", 400: b"Bad Request", 404: b"Not Found", 405: b"Method Not Allowed"}
_REASONS |= {408: b"Request Timeout", 413: b"Payload Too Large", 431: b"Request Header Fields Too Large"}
_REASONS |= {415: b"Unsupported Media Type", 503: b"Service Unavailable"}
_JSON = frozenset((b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"))
_NO_JSON = b"Supplied content type is not allowed. Content-Type: application/json is required\n"
# Source: is_json of jsonrpc-http-server 18. A page of somebody else's may post text/plain without asking; JSON it may not.

# Wallets in a browser ask the node themselves, as they may ask any Solana node.
_CORS = b"access-control-allow-origin: *\r\n"
_PREFLIGHT = (
    _CORS
    + b"access-control-allow-methods: POST, GET, OPTIONS\r\naccess-control-allow-headers: *\r\naccess-control-max-age: 86400\r\n"
)


class HttpLimits:
    """What all connections share: limits and their number.

    Attributes:
        max_body_bytes, max_connections: As set.
        connections: All that are open.
        unread: Those that read more slowly than they ask.
        bodies_bytes: What all have sent and is not served.
    """

    def __init__(self, max_body_bytes: int, max_connections: int) -> None:
        self.max_body_bytes, self.max_connections = max_body_bytes, max_connections
        self.connections: set[HttpConnection] = set()
        self.unread: set[HttpConnection] = set()
        self.bodies_bytes = 0

    def relieve_bodies(self) -> None:
        """Cut off those who have sent the most that is not served, until the rest is within bounds."""
        while self.bodies_bytes > MAX_BODIES_BYTES and self.connections:
            worst = max(self.connections, key=lambda connection: connection.bodies_bytes)
            log.warning("http_client_sends_too_much", bodies_bytes=worst.bodies_bytes)
            worst.abort()

    def relieve(self) -> None:
        """Cut off those who leave the most unread, until the rest is within bounds."""
        while self.unread and sum(connection.unread_bytes for connection in self.unread) > MAX_UNREAD_BYTES:
            worst = max(self.unread, key=lambda connection: connection.unread_bytes)
            log.warning("http_client_too_slow", unread_bytes=worst.unread_bytes)
            worst.abort()

    def has_room(self) -> bool:
        """Return whether one more client fits, if need be in place of the one who keeps his request waiting the longest."""
        if len(self.connections) < self.max_connections:
            return True
        idle = [connection for connection in self.connections if connection.is_idle]
        if not idle:
            return False
        min(idle, key=lambda connection: connection.since).abort()
        return True

    async def sweep(self) -> None:
        """Close connections that dawdle, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(5)
            now = loop.time()
            for connection in list(self.connections):
                connection.close_if_late(now)


class HttpConnection(asyncio.Protocol):
    """One client. Requests are answered in the order in which they came."""

    def __init__(
        self, dispatcher: Dispatcher, outbox: Outbox, limits: HttpLimits, metrics: Callable[[], bytes]
    ) -> None:
        self._dispatcher, self._outbox, self._limits, self._metrics = dispatcher, outbox, limits, metrics
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[bytes, bytes, bytes, bool, bool]] = deque()
        self.bodies_bytes = 0
        self._busy = self._closing = self._paused = self._begun = False
        self.since = self._loop.time()
        self._deadline = self.since + IDLE_TIMEOUT_S
        self._held_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._unparsed_header = 0
        self._reset()

    # Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a client, or refuse it when there are too many."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not derived from asyncio's
        self._parser = httptools.HttpRequestParser(self)
        if not self._limits.has_room():
            self._fail(503)
            return
        self._limits.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client; the transactions of his batch still land, they were accepted."""
        self._limits.connections.discard(self)
        self._limits.unread.discard(self)
        self._closing = True
        self._let_go()

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._closing:
            return
        self._unparsed_header += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(400)
        except httptools.HttpParserError:
            if not self._closing:
                self._fail(400)
        if self._in_header and self._unparsed_header > MAX_HEADER_BYTES:
            self._fail(431)  # one endless header: the parser tells of it only when it is over

    def pause_writing(self) -> None:
        """The client does not read: stop reading him."""
        self._paused = True
        self._limits.unread.add(self)
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._paused = False
        self._limits.unread.discard(self)
        self._serve()

    def eof_received(self) -> bool:
        """Keep the way back open while answers are owed."""
        return self._busy or bool(self._waiting)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is owed to the client: he has sent no request, or not all of one."""
        return not self._busy and not self._waiting and not self._held_bytes

    @property
    def unread_bytes(self) -> int:
        """What was sent and is still in our memory because the client does not take it."""
        return self._transport.get_write_buffer_size()

    def abort(self) -> None:
        """Cut the client off at once."""
        self._closing = True
        self._limits.connections.discard(self)
        self._limits.unread.discard(self)
        self._let_go()
        self._transport.abort()

    def close_if_late(self, now: float) -> None:
        """Close when the request, or the next one, is overdue."""
        if self.is_idle and now > self._deadline:
            self._fail(408) if self._begun else self._transport.close()

    # Parser callbacks

    def on_message_begin(self) -> None:
        """A request begins."""
        self._reset()
        self._begun = self._in_header = True
        self._deadline = self._loop.time() + REQUEST_TIMEOUT_S

    def on_url(self, url: bytes) -> None:
        """Part of the path."""
        self._url += url
        self._count_header(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self._count_header(len(name) + len(value) + 4)
        name = name.lower()
        if name == b"content-length" and value.isdigit() and int(value) > self._limits.max_body_bytes:
            self._fail(413)
        elif name == b"content-type":
            self._is_json = value.strip().lower() in _JSON
        elif name == b"expect" and value.lower() == b"100-continue" and not self._closing:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_headers_complete(self) -> None:
        """The headers are over."""
        self._in_header, self._unparsed_header = False, 0

    def on_body(self, body: bytes) -> None:
        """Part of the body."""
        if self._closing:
            return
        self._size += len(body)
        if self._size > self._limits.max_body_bytes:
            self._fail(413)
            self._let_go()
            return
        self._body.append(body)
        self._hold(len(body))
        if self._limits.bodies_bytes > MAX_BODIES_BYTES:
            self._limits.relieve_bodies()

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._begun, self._unparsed_header = False, 0
        self.since = self._loop.time()
        self._deadline = self.since + IDLE_TIMEOUT_S
        if self._closing:
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body = []
        keep_alive = self._parser.should_keep_alive()
        self._waiting.append((self._parser.get_method(), self._url, body, self._is_json, keep_alive))
        if self._busy:
            if self._is_full():
                self._transport.pause_reading()
        else:
            self._serve()

    # Answering

    def _serve(self) -> None:
        while self._waiting and not (self._busy or self._closing or self._paused or self._held_bytes > MAX_HELD_BYTES):
            method, url, body, is_json, keep_alive = self._waiting.popleft()
            self._hold(-len(body))
            if method != b"POST":
                self._serve_other(method, url, keep_alive)
                continue
            if not is_json:
                self._answer(415, _NO_JSON, keep_alive, kind=b"text/plain")
                continue
            if body[:2] == b"\x1f\x8b":
                body = _gunzip(body, self._limits.max_body_bytes) or b"\xff"
            # Some clients say content-encoding: gzip and send plain JSON; the bytes themselves decide.
            answer = self._dispatcher.handle(body, self._is_gone)
            if isinstance(answer, Coroutine):
                self._busy = True
                self._task = asyncio.ensure_future(self._await(answer, keep_alive))
            else:
                self._answer(200, answer or b"", keep_alive)
        self._resume()

    def _serve_other(self, method: bytes, url: bytes, keep_alive: bool) -> None:
        path = url.partition(b"?")[0]
        if method == b"OPTIONS":
            self._answer(204, b"", keep_alive, extra=_PREFLIGHT)
        elif method not in (b"GET", b"HEAD"):
            self._answer(
                405, b"Used HTTP Method is not allowed. POST or OPTIONS is required\n", keep_alive, kind=b"text/plain"
            )
        elif path == b"/health":
            self._answer(200, b"ok", keep_alive, kind=b"text/plain", head=method == b"HEAD")
        elif path == b"/metrics":
            self._answer(200, self._metrics(), keep_alive, kind=b"text/plain; version=0.0.4", head=method == b"HEAD")
        else:
            self._answer(
                405, b"Used HTTP Method is not allowed. POST or OPTIONS is required\n", keep_alive, kind=b"text/plain"
            )

    async def _await(self, answer: Coroutine[Any, Any, bytes | None], keep_alive: bool) -> None:
        body = await answer
        self._busy = False
        self._answer(200, body or b"", keep_alive)
        self._serve()

    def _answer(
        self,
        status: int,
        body: bytes,
        keep_alive: bool,
        *,
        kind: bytes = b"application/json",
        extra: bytes = _CORS,
        head: bool = False,
    ) -> None:
        message = b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n%b%b\r\n%b" % (
            status,
            _REASONS[status],
            kind,
            len(body),
            extra,
            b"" if keep_alive else b"connection: close\r\n",
            b"" if head else body,
        )

        def send() -> None:
            self._held_bytes -= len(message)
            if not self._transport.is_closing():
                self._transport.write(message)
                if len(message) > SMALL_BYTES:
                    self._loop.call_soon(self._limits.relieve)  # behind this turn's writes: then it shows what is left
                if not keep_alive:
                    self._transport.close()
            if self._waiting:
                self._loop.call_soon(self._serve)

        self._held_bytes += len(message)
        if not keep_alive:
            self._closing = True
        self._outbox.put(send)

    def _is_gone(self) -> bool:
        return self._transport.is_closing()

    def _fail(self, status: int) -> None:
        if self._closing:
            return
        log.warning("http_refused", status=status)
        self._answer(status, _REASONS[status] + b"\n", False, kind=b"text/plain")

    def _resume(self) -> None:
        if not self._paused and not self._closing and not self._is_full():
            self._transport.resume_reading()

    def _is_full(self) -> bool:
        """Return whether enough of his requests wait."""
        if not self._waiting:
            return False  # one request, however large, must be allowed to end
        return len(self._waiting) >= MAX_PIPELINED or self.bodies_bytes >= self._limits.max_body_bytes

    def _hold(self, size: int) -> None:
        self.bodies_bytes += size
        self._limits.bodies_bytes += size

    def _let_go(self) -> None:
        """Forget what the client has sent and what was not served of it."""
        self._waiting.clear()
        self._body = []
        self._hold(-self.bodies_bytes)

    def _reset(self) -> None:
        self._url = b""
        self._body: list[bytes] = []
        self._size = self._header_bytes = 0
        self._in_header = self._is_json = False

    def _count_header(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADER_BYTES:
            self._fail(431)


def _gunzip(body: bytes, most: int) -> bytes | None:
    """Return an unpacked body, None when it is not gzip after all or would be too large."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(body, most)
    except zlib.error:
        return None
    return data if unpacker.eof else None
