"""Carries subscriptions over WebSocket, one queue a client. Who does not read is cut off, nobody waits for him."""

from __future__ import annotations

import asyncio
from collections import deque

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from deploy.localnet.subscriptions import Subscriptions
from gridkit.log import get_logger

log = get_logger("localnet.ws")

MAX_MESSAGE_BYTES = 4_096
"""Source: set_max_message_size in rpc_pubsub_service.rs of Agave 4. A thousand clients with longer ones would be a gigabyte."""

HANDSHAKE_TIMEOUT_S = 3.0
MAX_QUEUED_BYTES = 16 << 20
"""What one client may leave unread: a block or two of full speed."""

MAX_QUEUED_TOGETHER_BYTES = 128 << 20
"""What all clients together may leave unread; beyond it whoever leaves the most is cut off."""


class Queued:
    """What waits for all clients.

    Attributes:
        bytes: All of it.
        clients: Whom it waits for.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self.clients: set[Client] = set()

    def relieve(self) -> None:
        """Cut off those who leave the most unread, until the rest is within bounds."""
        while self.bytes > MAX_QUEUED_TOGETHER_BYTES:
            max(self.clients, key=lambda client: client.queued_bytes).cut_off()


class Client:
    """One connection and what waits to be sent to it."""

    def __init__(self, connection: ServerConnection, together: Queued) -> None:
        self._connection, self._together = connection, together
        self._queue: deque[bytes] = deque()
        self._is_cut_off = False
        self._wake = asyncio.Event()
        self.queued_bytes = 0
        self.subscriptions: set[int] = set()

    def expect(self, size: int) -> bool:
        """Make room for a message of `size` bytes that `tell` will bring; False when the client is, or now was, cut off."""
        if self._is_cut_off:
            return False
        self._count(size)
        self._together.clients.add(self)
        if self.queued_bytes > MAX_QUEUED_BYTES:
            self.cut_off()
        self._together.relieve()
        return not self._is_cut_off

    def tell(self, message: bytes) -> None:
        """Queue a message for which `expect` made room."""
        if not self._is_cut_off:
            self._queue.append(message)
            self._wake.set()

    def cut_off(self) -> None:
        """End a connection with too much unread, and forget what waits for it."""
        log.warning("ws_client_too_slow", client=str(self._connection.remote_address), queued_bytes=self.queued_bytes)
        self.forget()
        self._connection.transport.abort()  # a close handshake would wait for the one who does not read

    def forget(self) -> None:
        """Throw away what waits; nothing is taken any more."""
        self._is_cut_off = True
        self._queue.clear()
        self._count(-self.queued_bytes)
        self._together.clients.discard(self)

    async def send(self) -> None:
        """Send what is queued until the connection ends."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                message = self._queue.popleft()
                self._count(-len(message))
                await self._connection.send(message, text=True)

    def _count(self, size: int) -> None:
        self.queued_bytes += size
        self._together.bytes += size


class WebSocketServer:
    """The listener.

    Args:
        subscriptions: What answers.
        max_connections: Most clients at once, those included that have not said yet what they want.
    """

    def __init__(self, subscriptions: Subscriptions, max_connections: int) -> None:
        self._subscriptions, self._max = subscriptions, max_connections
        self._open: set[ServerConnection] = set()
        self._queued = Queued()

    async def start(self, host: str, port: int) -> Server:
        """Listen; raises OSError when the port is taken."""
        limit = self

        class Counted(ServerConnection):
            """A connection that is cut off at once when there are too many."""

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                limit._open.add(self)
                if len(limit._open) > limit._max:
                    log.warning("ws_refused", open=len(limit._open))
                    self.transport.abort()

            def connection_lost(self, exc: Exception | None) -> None:
                limit._open.discard(self)
                super().connection_lost(exc)

        return await serve(
            self._serve,
            host,
            port,
            create_connection=Counted,
            max_size=MAX_MESSAGE_BYTES,
            compression=None,
            open_timeout=HANDSHAKE_TIMEOUT_S,
            ping_interval=20,
            ping_timeout=60,
            close_timeout=2,
            server_header=None,
        )

    async def _serve(self, connection: ServerConnection) -> None:
        client = Client(connection, self._queued)
        sender = asyncio.create_task(client.send())
        try:
            async for message in connection:
                self._subscriptions.handle(client, message if isinstance(message, bytes) else message.encode())
        except ConnectionClosed:
            pass
        finally:
            self._subscriptions.drop(client)
            client.forget()
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
