"""Decides how the agent's numbers look from outside: Prometheus text on a small HTTP port, no library."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from edge.meanings import head
from gridkit.log import get_logger

log = get_logger("edge.metrics")

Labels = tuple[tuple[str, str], ...]
_REQUEST_LIMIT = 8192
_REQUEST_TIMEOUT_S = 5


class Counters:
    """Numbers that only grow, by name and labels."""

    def __init__(self) -> None:
        self._values: dict[str, dict[Labels, int]] = {}

    def add(self, name: str, by: int = 1, /, **labels: str) -> None:
        """Count `by` more under a metric's name and labels."""
        series = self._values.setdefault(name, {})
        key = tuple(sorted(labels.items()))
        series[key] = series.get(key, 0) + by

    def value(self, name: str, /, **labels: str) -> int:
        """Return a series' value; without labels the sum of all its series."""
        series = self._values.get(name, {})
        if not labels:
            return sum(series.values())
        return series.get(tuple(sorted(labels.items())), 0)

    def lines(self) -> Iterable[str]:
        """Return the text lines of all counters."""
        for name, series in sorted(self._values.items()):
            yield from head(name, "counter")
            for labels, value in sorted(series.items()):
                yield f"{name}{render_labels(labels)} {value}"


def render_labels(labels: Labels) -> str:
    """Return {a="b",...}, escaped; "" without labels. Source: Prometheus text exposition format 0.0.4."""
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def gauge(name: str, series: Iterable[tuple[Labels, int | float]]) -> list[str]:
    """Return the text lines of one gauge."""
    return [*head(name, "gauge"), *(f"{name}{render_labels(labels)} {value}" for labels, value in series)]


async def serve(
    host: str, port: int, text: Callable[[], str], status_page: Callable[[], str], healthy: Callable[[], bool]
) -> asyncio.Server:
    """Answer GET /metrics with `text()`, /status with `status_page()`, JSON, and /healthz with 200 or 503; everything else is 404.

    Raises:
        OSError: The port is taken.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _REQUEST_TIMEOUT_S)
            target = request.split(b" ", 2)[1:2]
            kind = "text/plain; version=0.0.4; charset=utf-8"
            if target == [b"/metrics"]:
                status, body = "200 OK", text()
            elif target == [b"/status"]:
                status, body, kind = "200 OK", status_page(), "application/json"
            elif target == [b"/healthz"]:
                status, body = ("200 OK", "ok\n") if healthy() else ("503 Service Unavailable", "not polling\n")
            else:
                status, body = "404 Not Found", "only /metrics, /status and /healthz\n"
            content = body.encode()
            head = (
                f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + content)
            await asyncio.wait_for(writer.drain(), _REQUEST_TIMEOUT_S)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # Whoever asked has gone or does not speak HTTP.
        finally:
            writer.close()

    return await asyncio.start_server(answer, host, port, limit=_REQUEST_LIMIT)
