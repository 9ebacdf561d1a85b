"""Orders for faults, over HTTP: what is refused says why and changes nothing; what is taken is in the truth log with begin and end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.control import BODY_LIMIT, Switchboard
from firmware_sim.meter import SimMeter
from firmware_sim.modbus import MeterPort
from firmware_sim.settings import MeterSettings
from firmware_sim.truth import TruthLog, deeds, entries
from gridkit.clock import ClockUnavailableError, FakeClock

pytestmark = pytest.mark.integration
ENERGY = bytes.fromhex("0400480004")  # of an SDM630
PREFIX = bytes.fromhex("03001e0002")
Ask = Callable[..., Awaitable[tuple[int, Any]]]


class Board:
    """Three meters behind a switchboard: an SDM630 and an SDM230 on TCP, an ABB on a line."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.folder, self.clock = folder, clock
        self.truth = TruthLog(folder)
        made = {"load": "G1-B", "load_w": 4_000, "pv": "PV1", "pv_w": 30_000}
        settings = (
            MeterSettings(serial="22050001", profile="eastron-sdm630", **made),  # type: ignore[arg-type]
            MeterSettings(serial="23050001", profile="eastron-sdm230", **made),  # type: ignore[arg-type]
            MeterSettings(serial="31000001", profile="abb-b23", line="riser", **made),  # type: ignore[arg-type]
        )
        self.ports = {s.serial: MeterPort(SimMeter(s), clock, self.truth) for s in settings}
        self.board = Switchboard(self.ports, dict.fromkeys(self.ports, 0), clock)
        self.port = 0

    async def raw(self, request: bytes) -> tuple[int, Any]:
        """Send bytes; return the status and what the JSON says."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), json.loads(body)

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Make one request; a body that is no bytes goes as JSON."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nContent-Length: {len(content)}\r\n\r\n"
        return await self.raw(head.encode() + content)

    def on(self) -> dict[str, list[str]]:
        """The faults that are on."""
        return {serial: list(port.meter.faults) for serial, port in self.ports.items() if port.meter.faults}


@pytest.fixture
async def board(tmp_path: Path, clock: FakeClock) -> Any:
    board = Board(tmp_path, clock)
    board.port = await board.board.listen("127.0.0.1", 0, "control_port")
    yield board
    await board.board.close()
    board.truth.close()


SDM630, SDM230, ABB = "/meters/22050001/faults", "/meters/23050001/faults", "/meters/31000001/faults"
REFUSED = [
    ("POST", SDM630, {"kind": "gremlin"}, 400, "no fault 'gremlin'; the menu: frozen"),
    ("POST", SDM630, {"kind": "short", "regs": 1}, 400, "regs"),
    ("POST", SDM630, {"kind": "short", "registers": "two"}, 400, "$.registers"),
    ("POST", SDM630, {"kind": "short", "registers": 0}, 400, ">= 1 - at `$.registers`"),
    ("POST", SDM630, {"kind": "long", "registers": 126}, 400, "<= 125 - at `$.registers`"),
    ("POST", SDM630, {"kind": "exception", "code": 0}, 400, ">= 1 - at `$.code`"),
    ("POST", SDM630, {"kind": "exception", "code": 256}, 400, "<= 255 - at `$.code`"),
    ("POST", SDM630, {"kind": "late", "delay_ms": -1}, 400, ">= 1 - at `$.delay_ms`"),
    ("POST", SDM630, {"kind": "rebooting", "gap_ms": 0}, 400, ">= 1 - at `$.gap_ms`"),
    ("POST", SDM630, {"kind": "short", "count": 0}, 400, ">= 1 - at `$.count`"),
    ("POST", SDM630, {"kind": "same_word", "word": 65_536}, 400, "<= 65535 - at `$.word`"),
    ("POST", SDM630, {"kind": "short", "only": "power"}, 400, "$.only"),
    ("POST", SDM630, {"kind": "dead", "code": 4}, 400, "dead does not read code; it takes count, only"),
    ("POST", SDM630, {"kind": "frozen", "only": "energy"}, 400, "frozen does not read only; it takes count"),
    ("POST", SDM630, {"kind": "jump"}, 400, "give the Wh"),
    ("POST", SDM630, {"kind": "wrap", "offset_wh": -1}, 400, "0 or more"),
    ("POST", SDM630, {"kind": "swapped_serial", "serial": "BY1"}, 400, "whole number"),
    ("POST", SDM630, {"kind": "swapped_serial", "serial": "22050001"}, 400, "the meter's own"),
    ("POST", SDM630, {"kind": "swapped_serial", "serial": "99999999999999999999"}, 400, "does not fit"),
    ("POST", SDM230, {"kind": "swapped_serial"}, 400, "no serial number"),
    ("POST", SDM230, {"kind": "no_register"}, 400, "another family"),
    ("POST", SDM630, {"kind": "bad_crc"}, 400, "on a serial line"),
    ("POST", ABB, {"kind": "half_open"}, 400, "on a TCP port of its own"),
    ("POST", SDM630, [], 400, "Expected `object`"),
    ("POST", SDM630, b"short", 400, "malformed"),
    ("POST", SDM630, None, 400, "a body like"),
    ("POST", SDM630, b"x" * (BODY_LIMIT + 1), 413, "16384 bytes"),
    ("POST", "/meters/1/faults", {"kind": "short"}, 404, "GET /meters lists them"),
    ("DELETE", SDM630 + "/gremlin", None, 404, "no fault 'gremlin'"),
    ("DELETE", "/meters/1/faults", None, 404, "no meter 1"),
    ("PUT", SDM630, {"kind": "short"}, 405, "POST /meters/SERIAL/faults"),
    ("POST", SDM630 + "/short", {"kind": "short"}, 405, "POST /meters/SERIAL/faults"),
    ("POST", "/meters", {"kind": "short"}, 405, "POST is not for this path"),
    ("GET", "/", None, 404, "GET /meters"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "says"), REFUSED)
async def test_what_is_refused_says_why_and_changes_nothing(
    board: Board, method: str, path: str, body: object, status: int, says: str
) -> None:
    """A fault that was not what somebody meant makes their test prove something else."""
    assert (await board.ask("POST", SDM630, {"kind": "minus_one_lsb"}))[0] == 200
    before = len(list(deeds(board.folder)))
    found, answer = await board.ask(method, path, body)
    assert found == answer["status"] == status
    assert says in answer["detail"]
    assert board.on() == {"22050001": ["minus_one_lsb"]}
    assert len(list(deeds(board.folder))) == before


@pytest.mark.parametrize(
    ("request_", "status", "says"),
    [
        (b"good morning\r\n\r\n", 400, "no HTTP/1.1"),
        (b"GET /meters HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431, "64 KiB"),
        (b"POST %s HTTP/1.1\r\nContent-Length: -5\r\n\r\n" % SDM630.encode(), 400, "no number of bytes"),
        (b"POST %s HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n" % SDM630.encode(), 400, "no number of bytes"),
        (b"POST %s HTTP/1.1\r\nContent-Length: %s\r\n\r\n" % (SDM630.encode(), b"9" * 30), 413, "16384"),
        (b"POST %s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" % SDM630.encode(), 411, "Content-Length"),
    ],
)
async def test_nonsense_gets_an_answer(board: Board, request_: bytes, status: int, says: str) -> None:
    """A connection that just closes tells nobody what to do."""
    found, answer = await board.raw(request_)
    assert found == status
    assert says in answer["detail"]


async def test_without_a_clock_or_a_log_nothing_is_switched(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault whose begin nobody has written down would make every comparison with the log wrong."""

    def full(entry: object) -> None:
        raise OSError("no space left")

    def gone() -> int:
        raise ClockUnavailableError(Path("clock"), "gone")

    with monkeypatch.context() as patch:
        patch.setattr(board.truth, "append", full)
        assert (await board.ask("POST", SDM630, {"kind": "short"}))[0] == 503
    with monkeypatch.context() as patch:
        patch.setattr(board.clock, "now_ns", gone)
        status, answer = await board.ask("POST", SDM630, {"kind": "short"})
    assert status == 503
    assert answer["detail"].startswith("nothing was changed: ")
    assert board.on() == {}


async def test_one_meter_is_looked_at_by_its_serial(board: Board) -> None:
    """Whoever waits for one fault of a thousand meters does not want the list."""
    assert (await board.ask("GET", "/meters/23050001"))[1]["profile"] == "eastron-sdm230"
    assert [m["serial"] for m in (await board.ask("GET", "/meters"))[1]] == list(board.ports)


async def test_begin_and_end_of_every_fault_are_in_the_truth_log(board: Board, clock: FakeClock) -> None:
    """Between them lie the readings that may be wrong; what was really counted at both says by how much."""
    port = board.ports["22050001"]
    second = 10**9
    began_ns = clock.now_ns()
    await board.ask("POST", SDM630, {"kind": "jump", "offset_wh": 500})
    clock.advance_s(600)
    port.answer(1, 1, ENERGY)
    await board.ask("POST", SDM630, {"kind": "exception", "code": 6, "count": 2})
    port.answer(1, 1, ENERGY)
    port.answer(1, 1, ENERGY)
    clock.advance_s(1)
    await board.ask("POST", SDM630, {"kind": "no_register", "count": 1})
    port.answer(1, 1, PREFIX)
    clock.advance_s(1)
    await board.ask("DELETE", SDM630)
    said = [(e.deed, e.fault, (e.campus_ns - began_ns) // second) for e in deeds(board.folder)]
    assert said == [
        ("on jump offset_wh=500", "jump", 0),
        ("on exception count=2 code=6", "jump+exception", 600),
        ("spent exception", "jump", 600),
        ("on no_register count=1", "jump+no_register", 601),
        ("spent no_register", "jump", 601),
        ("off jump", "", 602),
    ]
    for line in deeds(board.folder):
        truth = port.meter.true_energy(line.campus_ns)
        assert (line.true_import_mwh, line.true_export_mwh) == (truth.import_mwh, truth.export_mwh)
    blocks = list(entries(board.folder))
    assert [e.fault for e in blocks] == ["jump", "jump+exception", "jump+exception"]
    assert all(e.true_import_mwh == port.meter.true_energy(e.campus_ns).import_mwh for e in blocks)
    assert all(e.strays() for e in blocks)
