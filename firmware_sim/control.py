"""The simulator's switchboard over HTTP: fault switches and a look at the truth, and Prometheus figures.

Decides the requests and their answers; listens on loopback unless told otherwise and knows no users, since it breaks
nothing but simulated meters. Small on purpose: one request a connection, JSON both ways. A request that is refused says
why in `detail` and has changed nothing.

    GET    /meters[/SERIAL]                 every meter, its port or line, true registers (mWh) and switched-on faults
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
from typing import Final, NamedTuple
from urllib.parse import unquote

import msgspec

from firmware_sim.errors import FaultError, PortTakenError
from firmware_sim.faults import MENU, FaultOrder
from firmware_sim.modbus import MeterPort
from gridkit.clock import Clock, ClockUnavailableError

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
        with contextlib.suppress(OSError):
            status, kind, body = await self._respond(reader)
            allow = f"Allow: {_ALLOWED}\r\n" if status == 405 else ""
            head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\n{allow}Content-Length: {len(body)}"
            writer.write(head.encode() + b"\r\nConnection: close\r\n\r\n" + body)
            async with asyncio.timeout(REQUEST_DEADLINE_S):
                await writer.drain()
        writer.close()

    async def _respond(self, reader: asyncio.StreamReader) -> Answer:
        try:
            async with asyncio.timeout(REQUEST_DEADLINE_S):
                request = await _read_request(reader)
        except TimeoutError:
            return _problem(408, f"the whole request within {REQUEST_DEADLINE_S} s")
        except asyncio.LimitOverrunError:
            return _problem(431, "a request line and headers of at most 64 KiB")
        except asyncio.IncompleteReadError:
            return _problem(400, "the request breaks off: its headers or its body are shorter than announced")
        if not isinstance(request, _Request):
            return request
        method, path, body = request
        try:
            if (method, path) == ("GET", ["meters"]):
                # The first look at a meter adds up its recorded year; with a thousand of them the others still answer.
                found = []
                for serial in self._ports:
                    found.append(self._describe(serial))
                    await asyncio.sleep(0)
                return _json(found)
            return self.answer(method, path, body)
        except (ClockUnavailableError, OSError) as error:
            return _problem(503, f"nothing was changed: {error}")

    def answer(self, method: str, path: list[str], body: bytes) -> Answer:
        """Return the answer to one request about one thing; `path` is split at slashes.

        Raises:
            ClockUnavailableError: There is no campus time.
            OSError: The truth log cannot be written.
        """
        match method, path:
            case "GET", ["metrics"]:
                return 200, "text/plain; version=0.0.4", self._metrics().encode()
            case "GET", ["menu"]:
                return _json({kind: (fault.__doc__ or "") for kind, fault in MENU.items()})
            case (("GET" | "POST" | "DELETE"), ["meters", serial, *_]) if serial not in self._ports:
                return _problem(404, f"no meter {serial}; GET /meters lists them")
            case "GET", ["meters", serial]:
                return _json(self._describe(serial))
            case "POST", ["meters", serial, "faults"]:
                return self._order(serial, body)
            case "DELETE", ["meters", serial, "faults", *kind] if len(kind) <= 1:
                return self._heal(serial, *kind)
            case _, ["metrics" | "menu" | "meters"] | ["meters", _] | ["meters", _, "faults"] | [
                "meters",
                _,
                "faults",
                _,
            ]:
                return _problem(405, f"{method} is not for this path; {_ROUTES}")
        return _problem(404, f"no such path; {_ROUTES}")

    def _order(self, serial: str, body: bytes) -> Answer:
        try:
            self._ports[serial].switch_on(msgspec.json.decode(body, type=FaultOrder))
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            return _problem(
                400, f'{error}; a body like {{"kind": "short", "count": 1}}, with {", ".join(_PARTICULARS)}'
            )
        except FaultError as error:
            return _problem(400, str(error))
        return _json(self._describe(serial))

    def _heal(self, serial: str, kind: str = "") -> Answer:
        try:
            self._ports[serial].switch_off(kind)
        except FaultError as error:
            return _problem(404, str(error))
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
_PARTICULARS: Final = tuple(f.name for f in msgspec.structs.fields(FaultOrder))
_ALLOWED: Final = "GET, POST, DELETE"
_ROUTES: Final = (
    "GET /meters[/SERIAL], /menu, /metrics; POST /meters/SERIAL/faults; DELETE /meters/SERIAL/faults[/KIND]"
)
_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    411: "Length Required",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class _Request(NamedTuple):
    method: str
    path: list[str]
    body: bytes


async def _read_request(reader: asyncio.StreamReader) -> _Request | Answer:
    """Read one request, or return what is wrong with it. Raises what the stream raises."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, _, rest = head[0].partition(" ")
    path, _, version = rest.partition(" ")
    if not version.startswith("HTTP/1."):
        return _problem(400, "this is no HTTP/1.1 request")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers:
        return _problem(411, "send the body whole, with its Content-Length")
    if not (length.isascii() and length.isdigit()):
        return _problem(400, f"Content-Length: {length} is no number of bytes")
    if len(length) > 9 or int(length) > BODY_LIMIT:
        return _problem(413, f"a body of at most {BODY_LIMIT} bytes")
    body = await reader.readexactly(int(length))
    return _Request(method, [unquote(part) for part in path.partition("?")[0].split("/") if part], body)


def _json(content: object) -> Answer:
    return 200, "application/json", msgspec.json.encode(content)


def _problem(status: int, detail: str) -> Answer:
    return status, "application/problem+json", msgspec.json.encode({"status": status, "detail": detail})
