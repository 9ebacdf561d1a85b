"""The whole process: configuration in, meters on ports, faults over HTTP, and a kill that loses nothing."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import minimalmodbus
import msgspec
import pytest

from firmware_sim.fleet import default_fleet, render_config
from firmware_sim.series import campus_start_ns
from firmware_sim.settings import LineSettings, SimSettings
from firmware_sim.truth import TruthReader, entries
from gridkit.clock import ClockOwner

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


class Sim:
    """The simulator as a child process."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = ClockOwner(home / "clock", 60, campus_start_ns())
        ports = free_ports(10)
        self.fleet = default_fleet(8)
        meters = [
            type(m.settings)(**{**{f: getattr(m.settings, f) for f in m.settings.__struct_fields__}, "port": port})
            for m, port in zip(self.fleet, ports, strict=False)
        ]
        self.settings = SimSettings(
            home=home, clock=home / "clock", meters=meters, control_port=ports[8], metrics_port=ports[9]
        )
        self.config = home / "sim.toml"
        self.config.write_text(render_config(self.settings))
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> dict[str, Any]:
        log = (self.home / "sim.log").open("ab")
        at = log.tell()
        self.child = subprocess.Popen(
            [sys.executable, "-m", "firmware_sim", "run", "--config", str(self.config)],
            cwd=ROOT,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.child.poll() is None:
            self.clock.renew()
            for line in (self.home / "sim.log").read_bytes()[at:].splitlines():
                event: dict[str, Any] = json.loads(line)
                if event["event"] == "ready":
                    return event
            time.sleep(0.05)
        raise AssertionError((self.home / "sim.log").read_text())

    def read_energy(self, index: int) -> tuple[int, int]:
        """Read import and export of the ABB meter (u64 in 10 Wh) by hand."""
        with socket.create_connection(("127.0.0.1", self.settings.meters[index].port), 30) as s:
            s.sendall(struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0x5000, 8))
            reply = b""
            while len(reply) < 25:
                part = s.recv(64)
                assert part, reply
                reply += part
        imported, exported = struct.unpack(">QQ", reply[9:])
        return imported * 10, exported * 10

    def http(self, method: str, path: str, body: object = None) -> Any:
        content = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.settings.control_port}{path}", data=content, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            text = response.read()
            return json.loads(text) if response.headers["Content-Type"] == "application/json" else text.decode()

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.child is not None
        self.child.send_signal(number)
        return self.child.wait(60)


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim]:
    sim = Sim(tmp_path)
    yield sim
    if sim.child is not None and sim.child.poll() is None:
        sim.stop(signal.SIGKILL)
    sim.clock.close()


def test_registers_survive_a_kill_and_never_go_back(sim: Sim) -> None:
    """kill -9 between any two polls: the next process shows the same energy, and the log has every block served."""
    sim.start()
    truth = TruthReader(sim.home)
    last = (0, 0)
    for _ in range(3):
        for _ in range(5):
            sim.clock.renew()
            now = sim.read_energy(3)
            assert now >= last
            assert truth.served("31000004", *now) is not None
            last = now
        sim.stop(signal.SIGKILL)
        sim.start()
    assert last[1] > 0
    blocks = list(entries(sim.home))
    assert len(blocks) == 15
    assert not any(block.strays() for block in blocks)


def test_process_stops_cleanly_and_refuses_company(sim: Sim) -> None:
    """systemd sends SIGTERM; two simulators in one home would spoil the log."""
    ready = sim.start()
    assert len(ready["ports"]) == 8
    second = subprocess.run(
        [sys.executable, "-m", "firmware_sim", "run", "--config", str(sim.config)],
        cwd=ROOT,
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert second.returncode == 1
    assert b"another simulator" in second.stderr
    assert sim.stop() == 0
    assert json.loads((sim.home / "sim.log").read_bytes().splitlines()[-1])["event"] == "stopped"


def test_faults_are_switched_over_http(sim: Sim) -> None:
    """Tests of the edge and a visitor of the demonstration break a meter without touching the process."""
    sim.start()
    described = sim.http("GET", "/meters")
    assert len(described) == 8
    assert "glitch_zero" in sim.http("GET", "/menu")
    assert sim.http("POST", "/meters/31000004/faults", {"kind": "glitch_zero", "count": 1})["faults"] == {
        "glitch_zero": 0
    }
    assert sim.read_energy(3) == (0, 0)
    assert sim.read_energy(3)[1] > 0
    sim.http("POST", "/meters/31000004/faults", {"kind": "reset"})
    assert sim.http("DELETE", "/meters/31000004/faults/reset")["faults"] == {}
    metrics = sim.http("GET", "/metrics")
    assert 'sim_energy_blocks_total{meter="31000004"} 2' in metrics
    for path, body in (
        ("/meters/31000004/faults", {"kind": "explode"}),
        ("/meters/31000004/faults", {"kind": "short", "surprise": 1}),
        ("/meters/nobody/faults", {"kind": "short"}),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            sim.http("POST", path, body)
        assert refused.value.code in (400, 404)


def test_missing_clock_is_a_clear_error(tmp_path: Path) -> None:
    """Started without its localnet, the process says what is missing and ends."""
    settings = SimSettings(
        home=tmp_path, clock=tmp_path / "none", clock_wait_s=0, meters=[default_fleet(1)[0].settings]
    )
    (tmp_path / "sim.toml").write_text(render_config(settings))
    done = subprocess.run(
        [sys.executable, "-m", "firmware_sim", "run", "--config", str(tmp_path / "sim.toml")],
        cwd=ROOT,
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 1
    assert b"campus clock" in done.stderr


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the simulator's as somebody in a terminal does."""
    return subprocess.run(
        [sys.executable, "-m", "firmware_sim", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_faults_are_switched_from_the_command_line(sim: Sim) -> None:
    """An electrician who is shown the console breaks a meter without writing HTTP."""
    sim.start()
    control = f"--control=http://127.0.0.1:{sim.settings.control_port}"
    assert "glitch_zero" in json.loads(command("menu").stdout)
    done = command("on", "31000004", "jump", "--count", "2", "--set", "offset_wh=-5", control)
    assert json.loads(done.stdout)["faults"] == {"jump": 0}
    assert [m["faults"] for m in json.loads(command("meters", control).stdout) if m["serial"] == "31000004"] == [
        {"jump": 0}
    ]
    assert json.loads(command("off", "31000004", control).stdout)["faults"] == {}
    for words, code, says in (
        (("on", "nobody", "jump", control), 1, "no meter nobody"),
        (("on", "31000004", "jump", "--set", "height=1", control), 2, "NAME one of"),
        (("meters", "--control=http://127.0.0.1:9"), 1, "nobody answers"),
        (("on", "31000004", "explode", control), 2, "invalid choice"),
    ):
        refused = command(*words)
        assert (refused.returncode, says in refused.stderr) == (code, True), refused


def test_a_line_and_ports_are_served_by_one_process(tmp_path: Path) -> None:
    """A campus has both: the configuration says which meter is where."""
    ClockOwner(tmp_path / "clock", 60, campus_start_ns())
    fleet = default_fleet(3, free_ports(1)[0])
    meters = [
        msgspec.structs.replace(m.settings, line="riser", unit=unit) if unit else m.settings
        for m, unit in zip(fleet, (0, 1, 2), strict=True)
    ]
    control = free_ports(1)[0]
    settings = SimSettings(
        home=tmp_path,
        clock=tmp_path / "clock",
        meters=meters,
        lines=[LineSettings(name="riser", baud=115_200)],
        control_port=control,
    )
    (tmp_path / "sim.toml").write_text(render_config(settings))
    child = subprocess.Popen(
        [sys.executable, "-m", "firmware_sim", "run", "--config", str(tmp_path / "sim.toml")],
        cwd=ROOT,
        stderr=(tmp_path / "log").open("wb"),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        until = time.monotonic() + 120
        while b'"ready"' not in (tmp_path / "log").read_bytes() and time.monotonic() < until:
            time.sleep(0.05)
        seen = json.loads(command("meters", f"--control=http://127.0.0.1:{control}").stdout)
        assert [m.get("line") for m in seen] == [None, str(tmp_path / "riser"), str(tmp_path / "riser")]
        client = minimalmodbus.Instrument(str(tmp_path / "riser"), 1)
        client.serial.baudrate, client.serial.timeout = 115_200, 5
        assert len(client.read_registers(19_068, 4)) == 4
    finally:
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
    assert not (tmp_path / "riser").exists(), "the link goes with the line"


def test_a_fleet_larger_than_the_usual_limit_of_open_files_is_served(tmp_path: Path) -> None:
    """A login shell allows 1,024 open files; a thousand meters with a client each are two thousand."""
    count = 40
    base = free_ports(1)[0]
    ports = free_ports(count)
    meters = [
        msgspec.structs.replace(m.settings, port=port)
        for m, port in zip(default_fleet(count, base), ports, strict=True)
    ]
    owner = ClockOwner(tmp_path / "clock", 60, campus_start_ns())
    settings = SimSettings(home=tmp_path, clock=tmp_path / "clock", meters=meters)
    (tmp_path / "sim.toml").write_text(render_config(settings))
    child = subprocess.Popen(
        [sys.executable, "-m", "firmware_sim", "run", "--config", str(tmp_path / "sim.toml")],
        cwd=ROOT,
        stderr=(tmp_path / "log").open("wb"),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (count, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        ),
    )
    clients: list[socket.socket] = []
    try:
        until = time.monotonic() + 120
        while b'"ready"' not in (tmp_path / "log").read_bytes() and time.monotonic() < until:
            time.sleep(0.05)
        for meter in meters:
            client = socket.create_connection(("127.0.0.1", meter.port), 5)
            clients.append(client)
            client.sendall(struct.pack(">HHHBBH", 1, 0, 4, 1, 0x2B, 0))
            assert client.recv(9)[7:] == b"\xab\x01"
    finally:
        for client in clients:
            client.close()
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
        owner.close()
