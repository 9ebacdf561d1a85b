"""Listens to a node's WebSocket and says that something happened; what happened is asked over RPC by whoever is told.

Notices can be lost or late (a reconnect, a slow node), so nobody may rely on them for more than waking up early.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

_RETRY_S = (0.5, 1.0, 2.0, 5.0, 10.0)
_RECEIVE_S = 1.0
_OPEN_S = 5.0


class LogNotices(threading.Thread):
    """A thread that calls back when a confirmed transaction mentions one of the given accounts.

    Args:
        url: WebSocket of a node, for example `ws://127.0.0.1:8900`.
        mentions: Accounts in base58; one logsSubscribe each.
        on_notice: Called with the signature; must be quick and must not raise.
    """

    def __init__(self, url: str, mentions: Sequence[str], on_notice: Callable[[str], None]) -> None:
        super().__init__(name="log-notices", daemon=True)
        self._url, self._mentions, self._on_notice = url, tuple(mentions), on_notice
        self._stop = threading.Event()
        self.connected = False

    def stop(self) -> None:
        """Ask the thread to end; it does within a second."""
        self._stop.set()

    def run(self) -> None:
        """Connect, listen, and connect again until stopped."""
        attempt = 0
        while not self._stop.is_set():
            try:
                with connect(self._url, open_timeout=_OPEN_S, max_size=2**22) as socket:
                    self._subscribe(socket)
                    self.connected, attempt = True, 0
                    self._listen(socket)
            except (OSError, WebSocketException, TimeoutError, ValueError):
                pass  # The node is away: RPC callers say so; here one only tries again.
            self.connected = False
            self._stop.wait(_RETRY_S[min(attempt, len(_RETRY_S) - 1)])
            attempt += 1

    def _subscribe(self, socket: Any) -> None:
        for number, account in enumerate(self._mentions, 1):
            params = [{"mentions": [account]}, {"commitment": "confirmed"}]
            socket.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": "logsSubscribe", "params": params}))

    def _listen(self, socket: Any) -> None:
        while not self._stop.is_set():
            try:
                message = json.loads(socket.recv(timeout=_RECEIVE_S))
            except TimeoutError:
                continue
            if isinstance(message, dict) and message.get("method") == "logsNotification":
                self._on_notice(str(message["params"]["result"]["value"]["signature"]))
