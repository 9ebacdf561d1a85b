"""A box of real processes whose agent can be killed, cut off from its broker, and given another meter."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from deploy import population
from deploy.broker import broker_process, find_broker
from deploy.contact.chain import Chain
from deploy.contact.local import deploy_local
from deploy.processes import Process
from deploy.site import CHECKOUT, HOST, python
from deploy.stack import Stack, _answers
from firmware_sim.fleet import FleetMeter
from gridkit.chain import accounts
from gridkit.chain.deployment import Deployment
from gridkit.clock import open_clock
from gridkit.interval import interval_at
from gridkit.reading import Core, Detail, decode_core, decode_detail

PATIENCE_S = 150


class Relay:
    """A TCP relay between agent and broker that can be cut."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[socket.socket] = []
        self._lock = threading.Lock()
        self._is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection, and each new one at once."""
        with self._lock:
            self._is_cut = True
            for end in self._pairs:
                _shut(end)
            self._pairs.clear()

    def join(self) -> None:
        """Let connections through again."""
        self._is_cut = False

    def close(self) -> None:
        """End it for good."""
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection((HOST, self._target))
            except OSError:
                return
            with self._lock:
                if self._is_cut:
                    _shut(near)
                    _shut(far)
                    continue
                self._pairs += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
    except OSError:
        pass
    _shut(source)
    _shut(sink)


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()


class Stored(NamedTuple):
    """A reading as the bridge keeps it; state: 0 stored, 1 posted, 2 settled, 3 superseded, 4 withheld."""

    core: Core
    detail: Detail
    state: int


class WholeBox(Stack):
    """Broker, local chain, simulator with one meter, bridge and one agent; no gateway, and nobody starts again what was killed."""

    relay: Relay

    def _start(self) -> Deployment:
        site = self.site
        program, self._mqtt_version = find_broker(CHECKOUT)
        broker = broker_process(site.home / "broker", HOST, site.ports.broker, program)
        self._up("broker", broker, lambda: _answers(site.ports.broker))
        self.relay = Relay(site.ports.broker)
        self._up("localnet", self._localnet())
        self.chain = Chain(self.rpc, site.signer("deployer"))
        self.deployment = deploy_local(self.chain, site, self._say)
        enrolled = population.enrol_all(self.chain, site, self.deployment, self._say)
        self.enrolled = enrolled[0]
        self._up("sim", self._sim())
        population.publish_configurations(site, self.deployment, enrolled)
        self._up("bridge", self._bridge())
        self._up("edge-1", self._edge(1, self.deployment))
        return self.deployment

    def _edge(self, agent: int, deployment: Deployment) -> Process:
        process = super()._edge(agent, deployment)
        self.edge_toml = self.site.config("edge-1")
        text = self.edge_toml.read_text()
        line = f"mqtt_port = {self.site.ports.broker}"
        assert line in text
        self.edge_toml.write_text(text.replace(line, f"mqtt_port = {self.relay.port}"))
        return process

    def stop(self) -> None:
        super().stop()
        if hasattr(self, "relay"):
            self.relay.close()

    # What is done to it

    def kill(self) -> None:
        """End the agent as a power cut does."""
        agent = self.processes["edge-1"]
        agent.signal(signal.SIGKILL)
        self.until(lambda: agent.exit_status is not None)

    def restart(self) -> None:
        """Kill the agent and start it on what it has kept."""
        self.kill()
        self.processes["edge-1"].start()
        self.processes["edge-1"].wait_ready()

    def exchange_meter(self, serial: str) -> None:
        """Another device of the same family takes the meter's place, with registers of its own."""
        self.processes["sim"].stop()
        meter: FleetMeter = self.site.fleet[0]
        settings = msgspec.structs.replace(meter.settings, serial=serial)
        self.site.fleet[0] = msgspec.structs.replace(meter, settings=settings)
        self._up("sim", self._sim())

    def edge(self, *words: str) -> str:
        """Run one of the agent's commands for the meter; return what it says."""
        return self.edge_at(self.edge_toml, self.meter_id, *words)

    def edge_at(self, settings: Path, meter: str, *words: str) -> str:
        """Run one of an agent's commands; return what it says."""
        return _said(["-m", "edge", words[0], "--config", str(settings), "--meter", meter, *words[1:]])

    def campusgrid(self, *words: str) -> str:
        """Run one of the operator's commands on this home; return what it says."""
        ports = self.site.ports
        where = ["--home", str(self.site.home), "--meters", "1"]
        where += ["--rpc-port", str(ports.rpc), "--broker-port", str(ports.broker)]
        return _said(["-m", "deploy.command", *words, *where])

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so."""
        end = time.monotonic() + PATIENCE_S
        while not condition():
            log = self.site.home / "log" / "edge-1.log"
            assert time.monotonic() < end, "\n".join(log.read_text().splitlines()[-30:]) if log.exists() else ""
            time.sleep(0.1)

    # What is seen of it

    @property
    def meter_id(self) -> str:
        return self.site.meter_id(self.enrolled.meter).hex()

    @property
    def name(self) -> str:
        """The meter's id as its files are called: the hex of its settings."""
        return self.meter_id

    @property
    def owner(self) -> str:
        return self.site.signer(f"user-{self.enrolled.meter.owner}").address

    @property
    def present(self) -> int:
        """The interval under way."""
        return interval_at(open_clock(self.site.clock).now_ns() // 1_000_000_000)

    @property
    def spool(self) -> str:
        return f"file:{self.site.agent_home(1)}/spool.db?mode=ro"

    def spooled(self) -> list[Core]:
        """What waits in the agent's spool, oldest first."""
        found = _rows(self.spool, "SELECT payload FROM reading ORDER BY register_epoch, interval")
        return [decode_core(payload[:47]) for (payload,) in found]

    def quarantined(self) -> int:
        """Readings that the bridge has refused for good."""
        return int(_rows(self.spool, "SELECT COUNT(*) FROM quarantine")[0][0])

    def stored(self, epoch: int | None = None, number: int | None = None) -> list[Stored]:
        """What the bridge keeps of the box's meter (or of another number), oldest first; of one register epoch, or of all."""
        number = self.enrolled.number if number is None else number
        found = _rows(
            f"file:{self.site.home}/bridge/bridge.db?mode=ro",
            "SELECT core, detail, state FROM readings JOIN evidence USING (meter_number, interval, register_epoch)"
            f" WHERE meter_number = {number} ORDER BY register_epoch, interval",
        )
        kept = [Stored(decode_core(core), decode_detail(detail), state) for core, detail, state in found]
        return [one for one in kept if epoch in (None, one.core.register_epoch)]

    def refused(self, reason: str) -> int:
        """How many readings the bridge has refused for a reason, since it began."""
        with urllib.request.urlopen(f"http://{HOST}:{self.site.bridge_metrics}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        counts = re.findall(rf'readings_refused_total{{reason="{reason}"}} ([0-9.e+]+)', text)
        assert counts, f"no counter for {reason}"
        return sum(int(float(count)) for count in counts)

    def meter(self) -> accounts.Meter:
        """The registry's record."""
        assert self.deployment is not None
        found = self.rpc.account(self.deployment.meter(bytes.fromhex(self.meter_id)))
        assert found is not None
        return accounts.decode_meter(found.data)

    def entry(self, number: int | None = None) -> accounts.SlabEntry:
        """The oracle's slot of the box's meter, or of another number in its zone."""
        assert self.deployment is not None
        found = self.rpc.account(self.deployment.zones[str(self.enrolled.zone)].slab)
        assert found is not None
        wanted = self.enrolled.number if number is None else number
        entries = accounts.decode_slab(found.data).entries.values()
        return next(entry for entry in entries if entry.meter_number == wanted)


def _said(command: Sequence[str]) -> str:
    done = subprocess.run([python(), *command], capture_output=True, text=True, timeout=PATIENCE_S, cwd=CHECKOUT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _rows(uri: str, query: str) -> list[tuple[object, ...]]:
    db = sqlite3.connect(uri, uri=True, timeout=10)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()
