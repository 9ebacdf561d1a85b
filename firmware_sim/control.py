"""The simulator's switchboard over HTTP: fault switches and a look at the truth, and Prometheus figures.

Decides the requests and their answers; listens on loopback unless told otherwise and knows no users, since it breaks
nothing but simulated meters. Small on purpose: one request a connection, JSON both ways.

    GET    /meters                          every meter, its port or line, true registers (mWh) and switched-on faults
    POST   /meters/SERIAL/faults            {"kind": "short", "count": 1}: switch on (see faults.py for the particulars)
    DELETE /meters/SERIAL/faults[/KIND]     take one off, or all
    GET    /menu                            the kinds and what each does
    GET    /metrics                         Prometheus text
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

import msgspec

from firmware_sim.errors import FleetError, PortTakenError
from firmware_sim.faults import MENU, FaultOrder
from firmware_sim.modbus import MeterPort
from gridkit.clock import Clock

BODY_LIMIT: Final = 16 * 1024
REQUEST_DEADLINE_S: Final = 5

Answer = tuple[int, str, bytes]  # status, content type, body


class Switchboard:
    """Answers HTTP about the fleet; `ports` maps serial to meter, `where` to its bound TCP port or to its line's end."""

    def __init__(self, ports: Mapping[str, MeterPort], where: Mapping[str, int | str], clock: Clock) -> None:
        self._ports, self._where, self._clock = ports, where, clock
        self._servers: list[asyncio.Server] = []

    async def listen(self, host: str, port: int, setting: str) -> int:
        """Start to listen and return the port. Raises `PortTakenError`."""
        try:
            server = await asyncio.start_server(self._serve, host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTakenError(host, port, setting) from error
            raise
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening."""
        for server in self._servers:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(REQUEST_DEADLINE_S):
                status, kind, body = await self._respond(reader)
                head = (
                    f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                )
                writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
                await writer.drain()
        writer.close()

    async def _respond(self, reader: asyncio.StreamReader) -> Answer:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, _, rest = head[0].partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        length = "0"
        for line in head[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = value.strip()
        if not length.isdigit() or int(length) > BODY_LIMIT:
            return _problem(413, f"a body of at most {BODY_LIMIT} bytes, with its length")
        body = await reader.readexactly(int(length))
        return self.answer(method, [unquote(part) for part in path.split("/") if part], body)

    def answer(self, method: str, path: list[str], body: bytes) -> Answer:
        """Return the answer to one request; `path` is split at slashes."""
        match method, path:
            case "GET", ["metrics"]:
                return 200, "text/plain; version=0.0.4", self._metrics().encode()
            case "GET", ["menu"]:
                return _json({kind: (fault.__doc__ or "") for kind, fault in MENU.items()})
            case "GET", ["meters"]:
                return _json([self._describe(serial) for serial in self._ports])
            case (("POST" | "DELETE"), ["meters", serial, "faults", *kind]) if len(kind) <= 1:
                if serial not in self._ports:
                    return _problem(404, f"no meter {serial}")
                if method == "DELETE":
                    self._ports[serial].meter.switch_off(kind[0] if kind else "")
                    return _json(self._describe(serial))
                return self._order(serial, body) if not kind else _problem(405, "POST to /meters/SERIAL/faults")
        return _problem(404, "try GET /meters, /menu or /metrics")

    def _order(self, serial: str, body: bytes) -> Answer:
        try:
            self._ports[serial].meter.switch_on(msgspec.json.decode(body, type=FaultOrder), self._clock.now_ns())
        except (msgspec.ValidationError, msgspec.DecodeError, FleetError) as error:
            return _problem(400, str(error))
        return _json(self._describe(serial))

    def _describe(self, serial: str) -> dict[str, object]:
        port = self._ports[serial]
        now_ns = self._clock.now_ns()
        truth = port.meter.true_energy(now_ns)
        return {
            "serial": serial,
            "profile": port.meter.profile.id,
            "kind": port.meter.settings.kind,
            "line" if port.meter.settings.line else "port": self._where[serial],
            "unit": port.meter.unit,
            "campus_ns": now_ns,
            "import_mwh": truth.import_mwh,
            "export_mwh": truth.export_mwh,
            "faults": {kind: fault.used for kind, fault in port.meter.faults.items()},
        }

    def _metrics(self) -> str:
        lines = []
        for name, help_text in _METRICS.items():
            lines += [f"# HELP sim_{name} {help_text}", f"# TYPE sim_{name} counter"]
            lines += [
                f'sim_{name}{{meter="{s}"}} {getattr(p.counts, name.removesuffix("_total"))}'
                for s, p in self._ports.items()
            ]
        return "\n".join(lines) + "\n"


_METRICS: Final = {
    "requests_total": "Modbus requests received.",
    "exceptions_total": "Modbus exceptions answered.",
    "energy_blocks_total": "Replies that held a whole energy register, each in the truth log.",
    "faulty_replies_total": "Replies that a switched-on fault changed.",
    "connections_total": "TCP connections taken.",
}
_REASONS: Final = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large"}


def _json(content: object) -> Answer:
    return 200, "application/json", msgspec.json.encode(content)


def _problem(status: int, detail: str) -> Answer:
    return status, "application/problem+json", msgspec.json.encode({"status": status, "detail": detail})
