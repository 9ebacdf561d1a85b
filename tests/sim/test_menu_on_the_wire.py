"""Every fault of the menu, switched on over HTTP and off from the command line while the process runs, as bytes on the wire."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.__main__ import main
from firmware_sim.faults import MENU
from firmware_sim.fleet import render_config
from firmware_sim.series import campus_start_ns
from firmware_sim.settings import LineSettings, MeterSettings, SimSettings
from gridkit.clock import RESERVE_WALL_NS, ClockOwner

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
ENERGY, POWER, SERIAL, PREFIX = (4, 0x48, 4), (4, 0x34, 2), (3, 0x2A, 4), (3, 0x1E, 2)  # of an SDM630
ON_TCP, ON_LINE = "22050001", "31000001"
HEALTHY = 17  # bytes of an answer to ENERGY: MBAP 7, function, byte count, four registers


class Wire:
    """The process, a meter on TCP and one behind a gateway that passes RTU frames. Its clock stands unless it is moved."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as one, socket.socket() as two, socket.socket() as three:
            for s in (one, two, three):
                s.bind(("127.0.0.1", 0))
            self.tcp, self.gateway, self.control = (s.getsockname()[1] for s in (one, two, three))
        made = {"load": "G1-B", "load_w": 4_000, "pv": "PV1", "pv_w": 30_000}
        settings = SimSettings(
            home=home,
            clock=home / "clock",
            control_port=self.control,
            lines=[LineSettings(name="riser", tcp_port=self.gateway, baud=1_000_000)],
            meters=[
                MeterSettings(serial=ON_TCP, profile="eastron-sdm630", port=self.tcp, **made),  # type: ignore[arg-type]
                MeterSettings(serial=ON_LINE, profile="abb-b23", line="riser", **made),  # type: ignore[arg-type]
            ],
        )
        (home / "sim.toml").write_text(render_config(settings))
        self.clock = ClockOwner(home / "clock", 60, campus_start_ns())
        self.log = home / "log"
        self.child = subprocess.Popen(
            [sys.executable, "-m", "firmware_sim", "run", "--config", str(home / "sim.toml")],
            cwd=ROOT,
            stderr=self.log.open("wb"),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def wait_ready(self) -> None:
        until = time.monotonic() + 60
        while b'"ready"' not in self.log.read_bytes() and time.monotonic() < until:
            time.sleep(0.05)
        self.let_clock_stop()

    def let_clock_stop(self) -> None:
        """What is reserved has passed: nothing moves any more."""
        time.sleep(RESERVE_WALL_NS / 1e9 + 0.1)

    def move_clock(self) -> None:
        """Let three minutes of campus time pass."""
        self.clock.renew()
        self.let_clock_stop()

    def on(self, kind: str, meter: str = ON_TCP, **particulars: Any) -> None:
        """Switch a fault on over HTTP."""
        body = json.dumps({"kind": kind, **particulars}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.control}/meters/{meter}/faults", body, method="POST")
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert json.load(answer)["faults"] == {kind: 0}

    def off(self, kind: str, serial: str = ON_TCP) -> None:
        """Take it off from the command line, which says how often it has worked."""
        assert main(["off", serial, kind, "--control", f"http://127.0.0.1:{self.control}"]) == 0

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.tcp), 20)

    def ask(self, question: tuple[int, int, int] = ENERGY, *, more: int = 0) -> bytes:
        """Return all bytes that come on a new connection until it is silent for a while or closed."""
        with self.connect() as link:
            return self.talk(link, question, more=more)

    @staticmethod
    def talk(
        link: socket.socket, question: tuple[int, int, int] = ENERGY, *, more: int = 0, wait_s: float = 5
    ) -> bytes:
        link.sendall(struct.pack(">HHHBBHH", 0x0102, 0, 6, 1, *question))
        want = 9 + 2 * question[2] + more
        got = b""
        link.settimeout(wait_s)
        try:
            while len(got) < want and (part := link.recv(512)):
                got += part
        except (TimeoutError, ConnectionError):
            pass
        return got


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    wire = Wire(tmp_path_factory.mktemp("wire"))
    try:
        wire.wait_ready()
        yield wire
    finally:
        wire.child.send_signal(signal.SIGTERM)
        wire.child.wait(20)
        wire.clock.close()


def kwh(frame: bytes) -> tuple[float, float]:
    """Import and export of a whole answer."""
    assert len(frame) == HEALTHY, frame.hex()
    return struct.unpack(">ff", frame[9:])


def frozen(wire: Wire) -> None:
    before = wire.ask()
    wire.on("frozen")
    wire.move_clock()
    assert wire.ask() == before
    wire.off("frozen")
    assert kwh(wire.ask())[1] > kwh(before)[1]


def glitch_zero(wire: Wire) -> None:
    wire.on("glitch_zero")
    assert wire.ask()[9:] == bytes(8)


def minus_one_lsb(wire: Wire) -> None:
    before = struct.unpack(">II", wire.ask()[9:])
    wire.on("minus_one_lsb")
    assert struct.unpack(">II", wire.ask()[9:]) == (before[0] - 1, before[1] - 1)


def not_available(wire: Wire) -> None:
    wire.on("not_available")
    assert wire.ask()[9:].hex() == "7fc00000" * 2


def reset(wire: Wire) -> None:
    wire.on("reset")
    wire.move_clock()
    imported, exported = kwh(wire.ask())
    assert imported < 10
    assert 0 < exported < 10


def jump(wire: Wire) -> None:
    before = kwh(wire.ask())
    wire.on("jump", offset_wh=-2_000)
    assert kwh(wire.ask()) == pytest.approx((before[0] - 2, before[1] - 2), abs=0.01)


def wrap(wire: Wire) -> None:
    wire.on("wrap", offset_wh=400)
    assert kwh(wire.ask())[1] == pytest.approx(999_999.6, abs=0.1)
    wire.move_clock()
    wire.move_clock()
    assert kwh(wire.ask())[1] < 5


def unit_prefix(wire: Wire) -> None:
    before = kwh(wire.ask())
    wire.on("unit_prefix")
    assert kwh(wire.ask()) == pytest.approx((before[0] / 1000, before[1] / 1000), rel=1e-5)
    assert struct.unpack(">f", wire.ask(PREFIX)[9:]) == (1.0,), "the meter says so, as a real one does"


def one_way(wire: Wire) -> None:
    before = kwh(wire.ask())
    wire.on("one_way")
    wire.move_clock()
    after = kwh(wire.ask())
    assert after[1] == before[1]
    assert after[0] > before[0] + 0.5


def exchanged_registers(wire: Wire) -> None:
    before = kwh(wire.ask())
    wire.on("exchanged_registers")
    wire.move_clock()
    exchanged = kwh(wire.ask())
    wire.off("exchanged_registers")
    truly = kwh(wire.ask())
    assert exchanged[0] - before[0] == pytest.approx(truly[1] - before[1], abs=0.02)
    assert exchanged[1] - before[1] == pytest.approx(truly[0] - before[0], abs=0.02)


def reversed_(wire: Wire) -> None:
    (before,) = struct.unpack(">f", wire.ask(POWER)[9:])
    wire.on("reversed")
    assert struct.unpack(">f", wire.ask(POWER)[9:]) == (-before,)
    assert before < 0


def swapped_serial(wire: Wire) -> None:
    before = wire.ask()
    wire.on("swapped_serial", serial="777")
    assert struct.unpack(">Q", wire.ask(SERIAL)[9:]) == (777,)
    assert wire.ask() == before


def word_order(wire: Wire) -> None:
    words = struct.unpack(">4H", wire.ask()[9:])
    wire.on("word_order")
    assert struct.unpack(">4H", wire.ask()[9:]) == (words[1], words[0], words[3], words[2])


def header(kind: str, expected: str, **particulars: Any) -> Callable[[Wire], None]:
    """A fault of the frame: the first nine bytes in hexadecimal are then these."""

    def check(wire: Wire) -> None:
        healthy = wire.ask()
        assert healthy[:9].hex() == "01020000000b010408"
        wire.on(kind, **particulars)
        got = wire.ask(more=2 * particulars.get("registers", 0) if kind == "long" else 0)
        assert got[:9].hex() == expected
        assert len(got) == 6 + int.from_bytes(got[4:6], "big")

    return check


def exception(wire: Wire) -> None:
    for code in (1, 2, 4, 6, 11):
        wire.on("exception", code=code)
        assert wire.ask()[4:] == bytes([0, 3, 1, 0x84, code])
        wire.off("exception")
    wire.on("exception", code=4)


def no_register(wire: Wire) -> None:
    wire.on("no_register")
    assert wire.ask(PREFIX)[7:] == b"\x83\x02"
    assert len(wire.ask()) == HEALTHY


def same_word(wire: Wire) -> None:
    wire.on("same_word", word=236)
    assert wire.ask()[9:].hex() == "00ec" * 4


def late(wire: Wire) -> None:
    wire.on("late", delay_ms=700)
    began = time.monotonic()
    assert len(wire.ask()) == HEALTHY
    assert time.monotonic() - began >= 0.7


def dead(wire: Wire) -> None:
    wire.on("dead")
    with wire.connect() as link:
        assert wire.talk(link, wait_s=0.3) == b""
        wire.off("dead")
        assert len(wire.talk(link)) == HEALTHY, "the connection has stayed open"
    wire.on("dead")


def hangup(wire: Wire) -> None:
    wire.on("hangup")
    assert wire.ask() == b""


def truncated(wire: Wire) -> None:
    before = wire.ask()
    wire.on("truncated")
    assert wire.ask() == before[: HEALTHY // 2]


def noise(wire: Wire) -> None:
    before = wire.ask()
    wire.on("noise")
    got = wire.ask()
    assert len(got) == HEALTHY
    assert got[2:6] != before[2:6]


def bad_crc(wire: Wire) -> None:
    question = bytes.fromhex("010350000008550c")
    with socket.create_connection(("127.0.0.1", wire.gateway), 20) as link:
        link.settimeout(5)

        def ask() -> bytes:
            link.sendall(question)
            got = b""
            while len(got) < 21:
                got += link.recv(64)
            return got

        healthy = ask()
        wire.on("bad_crc", ON_LINE)
        wrong = ask()
        wire.off("bad_crc", ON_LINE)
        assert wrong[:-2] == healthy[:-2]
        assert wrong[-2:] != healthy[-2:]
        assert ask() == healthy


def half_open(wire: Wire) -> None:
    wire.on("half_open", count=1)
    with wire.connect() as link:
        assert wire.talk(link, wait_s=0.3) == b""
        assert wire.talk(link, wait_s=0.3) == b""
        assert len(wire.ask()) == HEALTHY
    wire.on("half_open")


def one_client(wire: Wire) -> None:
    wire.on("one_client")
    with wire.connect() as link:
        assert len(wire.talk(link)) == HEALTHY
        assert wire.ask() == b""


def rebooting(wire: Wire) -> None:
    wire.on("rebooting", gap_ms=60_000, delay_ms=60_000)
    with wire.connect() as link:
        assert len(wire.talk(link)) == HEALTHY
        assert wire.talk(link) == b""
    assert wire.ask() == b"", "it is away"


def stray_bytes(wire: Wire) -> None:
    before = wire.ask()
    wire.on("stray_bytes")
    got = wire.ask(more=5)
    assert got[:HEALTHY] == before
    assert len(got) == HEALTHY + 5


SEEN: dict[str, Callable[[Wire], None]] = {
    "frozen": frozen,
    "glitch_zero": glitch_zero,
    "minus_one_lsb": minus_one_lsb,
    "not_available": not_available,
    "reset": reset,
    "jump": jump,
    "wrap": wrap,
    "unit_prefix": unit_prefix,
    "one_way": one_way,
    "exchanged_registers": exchanged_registers,
    "reversed": reversed_,
    "swapped_serial": swapped_serial,
    "word_order": word_order,
    "short": header("short", "010200000009010406", registers=1),
    "long": header("long", "01020000000f01040c", registers=2),
    "wrong_function": header("wrong_function", "01020000000b010308"),
    "wrong_unit": header("wrong_unit", "01020000000b020408"),
    "wrong_transaction": header("wrong_transaction", "01030000000b010408"),
    "zero_transaction": header("zero_transaction", "00000000000b010408"),
    "no_register": no_register,
    "same_word": same_word,
    "exception": exception,
    "late": late,
    "dead": dead,
    "hangup": hangup,
    "truncated": truncated,
    "noise": noise,
    "bad_crc": bad_crc,
    "half_open": half_open,
    "one_client": one_client,
    "rebooting": rebooting,
    "stray_bytes": stray_bytes,
}


@pytest.mark.parametrize("kind", MENU)
def test_a_fault_is_on_the_wire_while_it_is_on(wire: Wire, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    """A fault that is on the menu and does nothing would let every test that orders it pass."""
    SEEN[kind](wire)
    wire.off(kind)
    assert '"faults": {}' in capsys.readouterr().out
    assert len(wire.ask()) == HEALTHY
    assert wire.ask()[:9].hex() == "01020000000b010408"


def test_the_command_line_switches_every_fault_on(wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever shows the console to visitors writes no HTTP."""
    control = ["--control", f"http://127.0.0.1:{wire.control}"]
    for kind, fault in MENU.items():
        meter = ON_LINE if fault.place == "line" else ON_TCP
        particulars = ["--set", "offset_wh=40"] if kind == "jump" else []
        assert main(["on", meter, kind, "--count", "1", *particulars, *control]) == 0
        assert json.loads(capsys.readouterr().out)["faults"] == {kind: 0}
        assert main(["off", meter, *control]) == 0
        assert json.loads(capsys.readouterr().out)["faults"] == {}
