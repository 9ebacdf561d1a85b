"""Serves /metrics, /status and /healthz on one port. What the figures are is decided elsewhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gridkit.log import get_logger
from oracle_bridge.errors import PortTakenError

log = get_logger("bridge.status")

Page = Callable[[], tuple[int, str, bytes]]
"""Returns HTTP status, content type and body."""


class StatusServer:
    """A small HTTP server in threads of its own.

    Args:
        host, port: Where to listen; port 0 takes a free one.
        pages: By path.

    Raises:
        PortTakenError: Somebody else has the port.
    """

    def __init__(self, host: str, port: int, pages: dict[str, Page]) -> None:
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(pages))
        except OSError as error:
            raise PortTakenError(f"{host}:{port} cannot be served ({error.strerror}); set `metrics_port`") from error
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="status", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()


def json_page(values: Callable[[], tuple[bool, dict[str, Any]]]) -> Page:
    """Return a page of JSON; 503 when `values` says that all is not well."""

    def page() -> tuple[int, str, bytes]:
        well, facts = values()
        return (200 if well else 503), "application/json", json.dumps(facts, indent=1).encode() + b"\n"

    return page


def _handler(pages: dict[str, Page]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path.split("?")[0])
            if page is None:
                self.send_error(404)
                return
            try:
                status, kind, body = page()
            except Exception as error:
                log.exception("status_page_failed", path=self.path)
                status, kind, body = 500, "text/plain", f"{type(error).__name__}\n".encode()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass  # Scrapes every few seconds are no news.

    return Handler
