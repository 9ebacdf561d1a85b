"""What the edge agent costs a small computer: processor time and private memory with 20 meters at one poll a second each.

The agent as it ships, as a process, against 20 simulated Modbus TCP meters of eight families, a real mosquitto and a stand-in for
the bridge that signs a "stored" receipt for every reading. Polls are one a wall second; campus time runs at 36 times
that, so every meter also closes an interval, signs, spools and sends a reading every 25 s instead of every 15 minutes: more
than an agent ever does, and all of it is in the window. Three windows of 25 s.

Processor time is the kernel's user + system time of the process, in thousandths of a core. Private memory is Private_Clean +
Private_Dirty of smaps_rollup, looked at every second: what the machine would have back if the agent ended. "Above a bare
interpreter" takes off the same figure of the same Python that only sleeps. A library's pages count as long as nobody else has it
mapped: beside another program that uses SQLite the same agent shows up to 1.2 MiB less. The run fails if fewer than 95 % of the
polls were answered or a reading is without a receipt.

Not measured: a Raspberry Pi, TLS, serial lines, a spool that has grown for days without a broker.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from nacl.signing import SigningKey

from benchmarks.figures import NS_PER_S, Measured, Unit, percentile, sampled
from benchmarks.process import print_measured, private_kib, processor_ns, say
from deploy.broker import broker_process, find_broker
from deploy.observe import Observer, total
from deploy.ports import Ports
from deploy.processes import Process
from deploy.site import CHECKOUT, HOST, Site, python
from firmware_sim.fleet import default_fleet, render_config
from firmware_sim.series import campus_start_s
from firmware_sim.settings import SimSettings
from gridkit import enrolment, keys, reading, topics
from gridkit.clock import ClockOwner
from gridkit.interval import INTERVAL_S
from gridkit.receipt import Receipt, Verdict, encode_receipt, payload_sha256

METERS = 20
WINDOWS, WINDOW_S = 3, 25
SPEED = INTERVAL_S // WINDOW_S
AGENT = 1
_TAG = bytes([0xBE, 0x4C, 0x40, 0x01])
_WARM_UP_S = 10
_LEAST_POLLS_PERCENT = 95
_AIM_KIB = 20 * 1024


class StandIn:
    """Receipts every reading, as a bridge does that has stored it.

    Args:
        port: The broker's.
        key: Signs the receipts.
    """

    def __init__(self, port: int, key: SigningKey) -> None:
        self._key = key
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="benchmark")
        self.client.on_message = self._receipt
        self.client.connect(HOST, port)
        self.client.subscribe(topics.READINGS_FILTER, 1)
        self.client.loop_start()

    def _receipt(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        core = reading.decode_core(reading.split_payload(message.payload).core_bytes)
        said = Receipt(_TAG, core.meter_number, payload_sha256(message.payload), Verdict.STORED)
        client.publish(message.topic.removesuffix("reading") + "receipt", encode_receipt(said, self._key), qos=1)

    def configure(self, agent: str, signed: bytes) -> None:
        """Retain an agent's configuration."""
        self.client.publish(topics.agent_config_topic(agent), signed, qos=1, retain=True).wait_for_publish(10)

    def close(self) -> None:
        """Leave the broker."""
        self.client.disconnect()
        self.client.loop_stop()


class Building:
    """Clock, broker, meters and one agent in a temporary home; `speed` campus seconds pass in one wall second."""

    def __init__(self, home: Path, speed: int = SPEED) -> None:
        self.site = Site(home, Ports.free(METERS, 1), METERS, speed)
        self.site.fleet = default_fleet(METERS, self.site.ports.meters, zones=1)
        self._clock = ClockOwner(self.site.clock, speed, campus_start_s() * NS_PER_S)
        self._closing = threading.Event()
        self._ticking = threading.Thread(target=self._tick, name="clock", daemon=True)
        self._ticking.start()
        self._processes: list[Process] = []
        self._stand_in: StandIn | None = None

    def _tick(self) -> None:
        while not self._closing.wait(1):
            self._clock.renew()

    def start(self) -> None:
        """Start the broker, the meters and the stand-in for the bridge."""
        site = self.site
        program, _ = find_broker(CHECKOUT)
        broker = broker_process(site.home / "broker", HOST, site.ports.broker, program)
        self.up(broker, lambda: _answers(site.ports.broker))
        self.up(self._service("sim", "firmware_sim", self._sim_config()))
        self._stand_in = StandIn(site.ports.broker, site.key("bridge-receipts"))
        self._stand_in.configure(site.agent_name(AGENT), self._agent_config())

    def start_agent(self) -> Process:
        """Start the agent; return its process, which may be stopped before the rest."""
        agent = self._service("edge", "edge", self._edge_config())
        self.up(agent)
        return agent

    def up(self, process: Process, probe: Any = None) -> None:
        """Start a process that ends with the building, and wait until it is ready."""
        self._processes.append(process)
        process.start()
        process.wait_ready(probe)
        say(f"{process.name} is up")

    def _service(self, name: str, module: str, config: Path) -> Process:
        command = [python(), "-m", module, "run", "--config", str(config)]
        return Process(name, command, self.site.home / "log" / f"{name}.log", {"PYTHONPATH": str(CHECKOUT)})

    def _sim_config(self) -> Path:
        site = self.site
        settings = SimSettings(
            home=site.home / "sim",
            clock=site.clock,
            host=HOST,
            base_port=site.ports.meters,
            meters=[meter.settings for meter in site.fleet],
        )
        path = site.config("sim")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render_config(settings))
        return path

    def _agent_config(self) -> bytes:
        rows = tuple(
            enrolment.ConfiguredMeter(
                meter_id=_meter_id(index), number=index + 1, zone=1, key_epoch=0, first_interval=0, register_epoch=0
            )
            for index in range(METERS)
        )
        return enrolment.encode_config(enrolment.AgentConfig(_TAG, 1, rows), self.site.key("operator"))

    def _edge_config(self) -> Path:
        site = self.site
        table = {
            "agent": site.agent_name(AGENT),
            "home": site.agent_home(AGENT),
            "mqtt_host": HOST,
            "mqtt_port": site.ports.broker,
            "clock": site.clock,
            "poll_interval_s": 1.0,
            "network_tag": _TAG.hex(),
            "bridge_keys": [keys.public_key(site.key("bridge-receipts")).hex()],
            "config_key": keys.public_key(site.key("operator")).hex(),
            "metrics_port": site.agent_metrics(AGENT),
            "meters": [
                {
                    "id": _meter_id(index).hex(),
                    "profile": meter.settings.profile,
                    "host": HOST,
                    "port": meter.settings.port,
                    "unit": meter.settings.unit,
                    "serial": meter.settings.serial,
                    "key_file": site.device_key_file(meter),
                    "max_power_w": meter.capacity_w,
                }
                for index, meter in enumerate(site.fleet)
            ],
        }
        for meter in site.fleet:
            keys.load_or_create(site.device_key_file(meter))
        return site.write("edge", "edge", table)

    def counted(self, name: str) -> int:
        """Return a counter of the agent."""
        return total(Observer.metrics(self.site.agent_metrics(AGENT)), f"campusgrid_edge_{name}_total")

    def close(self) -> None:
        """Stop everything."""
        for process in reversed(self._processes):
            process.stop()
        if self._stand_in is not None:
            self._stand_in.close()
        self._closing.set()
        self._ticking.join()
        self._clock.close()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _meter_id(index: int) -> bytes:
    return f"METER-{index + 1}".encode().ljust(16, b"\0")


def bare_interpreter_kib() -> int:
    """Return the private memory of a Python that only sleeps, KiB."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        time.sleep(1.0)
        return private_kib(child.pid)
    finally:
        child.kill()
        child.wait()


def watch(pid: int, window_s: int = WINDOW_S) -> tuple[int, list[int]]:
    """Return the processor time of one window in thousandths of a core, and the private memory at each second, KiB."""
    began, before = time.monotonic_ns(), processor_ns(pid)
    memory = []
    for second in range(1, window_s + 1):
        time.sleep(max(0.0, (began - time.monotonic_ns()) / NS_PER_S + second))
        memory.append(private_kib(pid))
    return 1_000 * (processor_ns(pid) - before) // (time.monotonic_ns() - began), memory


def measure() -> Measured:
    """Run the windows."""
    home = Path(tempfile.mkdtemp(prefix="campusgrid-bench-"))
    building = Building(home)
    try:
        bare_kib = bare_interpreter_kib()
        building.start()
        pid = building.start_agent().pid or 0
        time.sleep(_WARM_UP_S)
        polls, signed, began = building.counted("polls"), building.counted("readings"), time.monotonic()
        windows = [watch(pid) for _ in range(WINDOWS)]
        seconds = time.monotonic() - began
        polls, signed = building.counted("polls") - polls, building.counted("readings") - signed
        time.sleep(1)
        unreceipted = building.counted("readings") - building.counted("receipts")
    finally:
        building.close()
        shutil.rmtree(home, ignore_errors=True)
    if polls * 100 < _LEAST_POLLS_PERCENT * METERS * int(seconds):
        raise SystemExit(f"only {polls} polls in {seconds:.0f} s: the agent was not doing what is measured here")
    if unreceipted > 0 or not signed:
        raise SystemExit(f"{signed} readings were signed and {unreceipted} have no receipt")
    return _measured(
        [cpu for cpu, _ in windows], [kib for _, memory in windows for kib in memory], bare_kib, polls, signed
    )


def _measured(cores: list[int], memory: list[int], bare_kib: int, polls: int, signed: int) -> Measured:
    above = [kib - bare_kib for kib in memory]
    return Measured(
        figures=(
            sampled(
                "edge_cpu",
                f"edge agent, {METERS} meters, a poll a second: processor time",
                Unit.CORE,
                cores,
                of="windows",
                headline=True,
            ),
            sampled("edge_memory", "its private memory", Unit.KIB, memory, of="seconds"),
            sampled("edge_bare", "private memory of a bare interpreter", Unit.KIB, [bare_kib]),
            sampled(
                "edge_memory_above",
                "edge agent: private memory above a bare interpreter",
                Unit.KIB,
                above,
                of="seconds",
                aim_most=_AIM_KIB,
                headline=True,
            ),
        ),
        remarks=(
            f"{polls:,} polls and {signed} readings signed, sent and receipted in {WINDOWS} windows of {WINDOW_S} s.",
            f"95 % of the seconds saw at most {percentile(above, 95) / 1024:.1f} MiB above the bare interpreter.",
        ),
    )


if __name__ == "__main__":
    print_measured(measure)
