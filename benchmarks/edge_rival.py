"""The edge agent beside thingsboard-gateway, on the same 20 simulated meters at one poll a second, in turns within one run.

thingsboard-gateway (PyPI, pinned with all it needs by constraints-rival.txt) is installed with pip into `.venv-rival`, an
environment of its own that the benchmark makes once; where that cannot be done the benchmark says so and measures the agent
alone. Three rounds. Each starts a mosquitto and the meters (Modbus TCP, eight families) and then, one after the other, our agent
as it ships, beside a stand-in for the bridge that signs a receipt for every reading; and the gateway, beside a stand-in for
ThingsBoard that answers what a session asks (its limits, its attributes) and takes the telemetry. A warm-up and a window of 15 s
for each. Processor time is the kernel's user + system time, private memory Private_Clean + Private_Dirty of smaps_rollup at each
second. Ratios are ours over the other's in the same round, those of memory of the most that either had.

What each does. The gateway reads import and export (of both tariffs where a meter has two), one power, one voltage and one
current, with a request for each register, keeps them in its SQLite store and sends every poll's values at QoS 1. Its settings are
those that it brings with it, but for the addresses, the SQLite store in place of memory, no configuration from afar, and no
way out to ask for newer versions. It does not sign, scale or check which meter answers. Our agent reads more, every value that the
family has (of all phases, with power factor, frequency, serial number and set-up), and reads it in blocks.
Per quarter hour it signs one reading, keeps it in its SQLite spool, synchronised at each commit, until the
bridge has signed for it, and sends it. It does not send every second's values: that is much of what it saves, and whoever wants
them gets less. In two of the rounds campus time runs 60 times as fast as polls do, so that an interval ends in every window: the
agent closes, signs and sends 60 times as often as on a campus, which makes its processor time larger than it is.

Bytes written are `write_bytes` of /proc/PID/io: what a process makes the kernel write to its disk, logs and store alike. For a
day and meter of our agent: 86,400 times what a second of polls costs (the round at campus speed 1, where no interval ends), and
96 times what an interval costs (the rounds at speed 60: the window's bytes less those of its polls, over the readings signed in
it; the spool's database file is added whole, as if its log were copied back at each interval's end, which happens less often).
For the gateway: the window's bytes per second times 86,400. Both over 20 meters.

The run fails if a window saw fewer than 90 % of our polls or 70 % of the gateway's, or a reading is without a receipt. (The gateway
counts a second from the end of the one before and on a busy machine falls behind; polls left out make it look cheaper, not dearer.)
Not measured: a Raspberry Pi, TLS, serial lines, days of work, a broker that is away.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt

from benchmarks.edge_agent import AGENT, METERS, Building, watch
from benchmarks.figures import Figure, Measured, Unit, ratio, sampled
from benchmarks.process import print_measured, say, written_bytes
from deploy.processes import Process
from deploy.site import CHECKOUT, HOST
from firmware_sim.fleet import FleetMeter
from gridkit.interval import INTERVAL_S
from gridkit.profile import Field, Profile, load_profile

ENVIRONMENT = CHECKOUT / ".venv-rival"
CONSTRAINTS = CHECKOUT / "constraints-rival.txt"
PACKAGES = (
    "thingsboard-gateway",
    "pymodbus",
    "pyserial",
    "pyserial-asyncio",
)  # it installs the last three itself, when first started
WINDOW_S = 15
SPEEDS = (INTERVAL_S // WINDOW_S, 1, INTERVAL_S // WINDOW_S)
_WARM_UP_S = 4
_FIRST_POLLS_TIMEOUT_S = 60
_LEAST_POLLS_PERCENT, _THEIR_LEAST_POLLS_PERCENT = 90, 70
_DAY_S = 86_400
_INTERVALS_A_DAY = _DAY_S // INTERVAL_S
_AIM_CPU, _AIM_MEMORY = 200, 500  # thousandths of the gateway's
_AIM_WRITTEN_KIB = 3_000_000 // 1024
_INSTALL_TIMEOUT_S = 300
_NOBODY = "http://127.0.0.1:9"  # the discard port: its question for newer versions leaves the machine never

# Source: thingsboard_gateway/connectors/modbus/constants.py of 3.8.5, AVAILABLE_DATA_TYPES_REGEX.
_TYPES = {
    "u16": "16uint",
    "s16": "16int",
    "u32": "32uint",
    "s32": "32int",
    "u64": "64uint",
    "s64": "64int",
    "f32": "32float",
    "f64": "64float",
}


class CannotInstallError(Exception):
    """pip could not make the environment of the program that is compared with; the text is its last line."""


class Turn(NamedTuple):
    """One window of one program: thousandths of a core, private memory at each second in KiB, bytes written, polls, readings
    signed, and the size of the spool's database after it, bytes."""

    cpu: int
    memory: list[int]
    written: int
    polls: int
    signed: int = 0
    spool: int = 0


class Round(NamedTuple):
    """Both programs' windows on the same meters at one campus speed; `theirs` is None where it is not installed."""

    speed: int
    ours: Turn
    theirs: Turn | None


def tags(profile: Profile) -> list[Field]:
    """Return the registers that the gateway is told to read: all of import and export, one power, one voltage, one current."""
    energy = [*profile.energy_fields("import"), *profile.energy_fields("export")]
    choices = (("power_w", "power_l1_w"), ("voltage_l1_v", "voltage_v"), ("current_l1_a", "current_a"))
    return energy + [profile.field(next(name for name in names if name in profile.fields)) for names in choices]


def slave(meter: FleetMeter) -> dict[str, Any]:
    """Return a meter's entry in the gateway's modbus.json. Source: docs/iot-gateway/config/modbus of ThingsBoard.

    Raises:
        ValueError: Registers of one meter are ordered differently; the gateway knows one order for each.
    """
    fields = tags(load_profile(meter.settings.profile))
    orders = {field.order for field in fields if field.width > 1}
    if len(orders) > 1:
        raise ValueError(f"{meter.settings.profile}: the gateway knows one word order for a meter")
    return {
        "host": HOST,
        "port": meter.settings.port,
        "type": "tcp",
        "method": "socket",
        "unitId": meter.settings.unit,
        "deviceName": meter.label,
        "deviceType": "default",
        "timeout": 35,
        "byteOrder": "BIG",
        "wordOrder": "LITTLE" if orders == {"low"} else "BIG",
        "retries": 3,
        "pollPeriod": 1_000,
        "connectAttemptTimeMs": 5_000,
        "connectAttemptCount": 5,
        "waitAfterFailedAttemptsMs": 300_000,
        "attributes": [],
        "timeseries": [
            {
                "tag": field.name,
                "type": _TYPES[field.type],
                "functionCode": field.function_code,
                "objectsCount": field.width,
                "address": field.address,
            }
            for field in fields
        ],
        "attributeUpdates": [],
        "rpc": [],
    }


def write_config(brought: Path, folder: Path, fleet: Sequence[FleetMeter], broker_port: int) -> None:
    """Write the gateway's configuration: what it brings with it, changed where this run needs it.

    Args:
        brought: The folder of configurations in its package; tb_gateway.json and logs.json are taken from it.
        folder: Where to write; the gateway keeps its store below it, too.
        fleet: The meters to read.
        broker_port: Of the broker that plays ThingsBoard's, on loopback.
    """
    (folder / "logs").mkdir(parents=True, exist_ok=True)  # without it, logs.json is refused at the start
    general = json.loads((brought / "tb_gateway.json").read_text())
    general["thingsboard"] |= {
        "host": HOST,
        "port": broker_port,
        "remoteConfiguration": False,
        "security": {"type": "accessToken", "accessToken": "benchmark"},
    }
    general["storage"] |= {"type": "sqlite", "data_file_path": f"{folder}/data/"}
    general["connectors"] = [{"name": "meters", "type": "modbus", "configuration": "modbus.json"}]
    modbus = {"name": "meters", "logLevel": "INFO", "master": {"slaves": [slave(meter) for meter in fleet]}}
    (folder / "tb_gateway.json").write_text(json.dumps(general, indent=1))
    (folder / "modbus.json").write_text(json.dumps(modbus, indent=1))
    shutil.copy(brought / "logs.json", folder / "logs.json")


class Platform:
    """ThingsBoard's side of the broker, as far as a gateway needs it: answers questions, counts polls that arrived.

    Args:
        port: The broker's.
        values: By device, how many values a whole poll has.
    """

    def __init__(self, port: int, values: dict[str, int]) -> None:
        self._values = values
        self._lock = threading.Lock()
        self._polls = 0
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="platform")
        self.client.on_message = self._answer
        self.client.connect(HOST, port)
        topics = ("v1/devices/me/rpc/request/+", "v1/devices/me/attributes/request/+", "v1/gateway/telemetry")
        self.client.subscribe([(topic, 1) for topic in topics])
        self.client.loop_start()

    def _answer(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic == "v1/gateway/telemetry":
            arrived = whole_polls(json.loads(message.payload), self._values)
            with self._lock:
                self._polls += arrived
            return
        said: dict[str, Any] = {}
        if json.loads(message.payload).get("method") == "getSessionLimits":
            limits = {"messages": "", "telemetryMessages": "", "telemetryDataPoints": ""}
            said = {
                "maxPayloadSize": 65_536,
                "maxInflightMessages": 100,
                "rateLimits": limits,
                "gatewayRateLimits": limits,
            }
        client.publish(message.topic.replace("/request/", "/response/"), json.dumps(said), qos=1)

    @property
    def polls(self) -> int:
        """Polls that arrived whole."""
        with self._lock:
            return self._polls

    def close(self) -> None:
        """Leave the broker."""
        self.client.disconnect()
        self.client.loop_stop()


def whole_polls(telemetry: dict[str, list[dict[str, Any]]], values: dict[str, int]) -> int:
    """Return how many polls a telemetry message carries: as many values as they have, over what a whole poll of the device has."""
    return sum(
        sum(len(row.get("values", row)) for row in rows) // values[device]
        for device, rows in telemetry.items()
        if device in values
    )


def install() -> Path:
    """Return the gateway's program; make its environment where there is none of these versions.

    Raises:
        CannotInstallError: No network, no wheel for this machine, or whatever pip says.
    """
    stamp, wanted = ENVIRONMENT / ".campusgrid-stamp", CONSTRAINTS.read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        say(f"installing {PACKAGES[0]} into {ENVIRONMENT.name} (pip, pinned by {CONSTRAINTS.name})")
        pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        for command in ([sys.executable, "-m", "venv", str(ENVIRONMENT)], [*pip, "-c", str(CONSTRAINTS), *PACKAGES]):
            try:
                subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=True)
            except (OSError, subprocess.SubprocessError) as error:
                said = getattr(error, "stderr", None) or str(error)
                raise CannotInstallError(str(said).strip().splitlines()[-1]) from error
        stamp.write_text(wanted)
    return ENVIRONMENT / "bin" / "thingsboard-gateway"


def version() -> str:
    """Return the pinned version of the program that is compared with."""
    pins = dict(line.split("==") for line in CONSTRAINTS.read_text().splitlines() if "==" in line)
    return pins[PACKAGES[0]]


def _our_turn(building: Building) -> Turn:
    agent = building.start_agent()
    pid = agent.pid or 0
    # Its `ready` comes before the broker has given it its configuration, which names the meters.
    _wait(lambda: building.counted("polls") >= METERS, "the agent")
    time.sleep(_WARM_UP_S)
    polls, signed, written = building.counted("polls"), building.counted("readings"), written_bytes(pid)
    cpu, memory = watch(pid, WINDOW_S)
    written = written_bytes(pid) - written
    polls, signed = building.counted("polls") - polls, building.counted("readings") - signed
    time.sleep(1)
    unreceipted = building.counted("readings") - building.counted("receipts")
    spool = (building.site.agent_home(AGENT) / "spool.db").stat().st_size
    agent.stop()
    if unreceipted > 0:
        raise SystemExit(f"{unreceipted} readings have no receipt")
    return Turn(cpu, memory, written, polls, signed, spool)


def _wait(done: Callable[[], bool], who: str) -> None:
    deadline = time.monotonic() + _FIRST_POLLS_TIMEOUT_S
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit(f"{who} has not read {METERS} meters within {_FIRST_POLLS_TIMEOUT_S} s")
        time.sleep(0.2)


def _their_turn(building: Building, program: Path) -> Turn:
    site = building.site
    folder = site.home / "rival"
    brought = next(ENVIRONMENT.glob("lib/python3*/site-packages/thingsboard_gateway/config"))
    write_config(brought, folder, site.fleet, site.ports.broker)
    values = {meter.label: len(tags(load_profile(meter.settings.profile))) for meter in site.fleet}
    platform = Platform(site.ports.broker, values)
    environment = {"TB_GW_CONFIG_DIR": str(folder), "HTTPS_PROXY": _NOBODY, "NO_PROXY": HOST}
    # It writes its logs below the folder that it is started in.
    command = [sys.executable, "-c", "import os, sys; os.chdir(sys.argv[1]); os.execv(sys.argv[2], sys.argv[2:])"]
    gateway = Process("rival", [*command, str(folder), str(program)], site.home / "log" / "rival.log", environment)
    try:
        building.up(gateway, lambda: platform.polls >= METERS)
        time.sleep(_WARM_UP_S)
        pid = gateway.pid or 0
        polls, written = platform.polls, written_bytes(pid)
        cpu, memory = watch(pid, WINDOW_S)
        return Turn(cpu, memory, written_bytes(pid) - written, platform.polls - polls)
    finally:
        gateway.stop()
        platform.close()


def one_round(speed: int, program: Path | None) -> Round:
    """Start everything, measure both programs one after the other, and stop everything."""
    home = Path(tempfile.mkdtemp(prefix="campusgrid-bench-"))
    building = Building(home, speed)
    try:
        building.start()
        ours = _our_turn(building)
        done = Round(speed, ours, None if program is None else _their_turn(building, program))
    finally:
        building.close()
        shutil.rmtree(home, ignore_errors=True)
    for name, turn, least in (
        ("the agent", done.ours, _LEAST_POLLS_PERCENT),
        ("thingsboard-gateway", done.theirs, _THEIR_LEAST_POLLS_PERCENT),
    ):
        if turn is not None and turn.polls * 100 < least * METERS * WINDOW_S:
            raise SystemExit(f"{name}: only {turn.polls} polls in {WINDOW_S} s: it was not doing what is measured here")
    if bool(ours.signed) != (speed > 1):
        raise SystemExit(f"{ours.signed} readings were signed in a window at speed {speed}")
    return done


def our_day_bytes(interval: Turn, polls: Turn) -> int:
    """Return what the agent writes in a day for a meter, bytes, rounded down.

    Args:
        interval: A window in which intervals ended and were signed.
        polls: One of the same length in which none did.
    """
    for_readings = _INTERVALS_A_DAY * (max(0, interval.written - polls.written) + interval.spool) // interval.signed
    return for_readings + _day_bytes(polls)


def poll_us(turns: list[Turn]) -> int:
    """Return the processor time of a poll, µs, over some windows: what is left to compare where one of the two fell behind."""
    return sum(turn.cpu for turn in turns) * WINDOW_S * 1_000 // max(1, sum(turn.polls for turn in turns))


def _day_bytes(turn: Turn) -> int:
    return turn.written * _DAY_S // (WINDOW_S * METERS)


def measure() -> Measured:
    """Run the rounds."""
    try:
        program, why = install(), ""
    except CannotInstallError as error:
        program, why = None, str(error)
    rounds = [one_round(speed, program) for speed in SPEEDS]
    return measured(rounds, why)


def measured(rounds: list[Round], why_alone: str = "") -> Measured:
    """Return the figures of some rounds; `why_alone` says why there is nothing to compare with."""
    ours = [done.ours for done in rounds]
    polls = next(done.ours for done in rounds if done.speed == 1)
    days = [our_day_bytes(done.ours, polls) // 1024 for done in rounds if done.speed > 1]
    figures = [
        _cpu("edge_rival_ours_cpu", "edge agent", ours),
        _memory("edge_rival_ours_memory", "edge agent", ours),
        sampled(
            "edge_written",
            "edge agent: written to disk a day and meter",
            Unit.KIB,
            days,
            aim_most=_AIM_WRITTEN_KIB,
            headline=True,
        ),
    ]
    remarks = [
        f"{sum(turn.polls for turn in ours):,} polls and {sum(turn.signed for turn in ours)} readings of ours, all receipted.",
        f"Without an interval's end our agent wrote {polls.written:,} bytes in {WINDOW_S} s.",
    ]
    pairs = [(done.ours, done.theirs) for done in rounds if done.theirs is not None]
    if not pairs:
        remarks.append(
            f"thingsboard-gateway {version()} could not be installed here, so there is no comparison: {why_alone}"
        )
        return Measured(figures=tuple(figures), remarks=tuple(remarks))
    theirs = [their for _, their in pairs]
    figures = [
        sampled(
            "edge_rival_cpu",
            f"edge agent / thingsboard-gateway, {METERS} meters, a poll a second: processor time",
            Unit.RATIO,
            [ratio(our.cpu, their.cpu) for our, their in pairs],
            aim_most=_AIM_CPU,
            headline=True,
        ),
        sampled(
            "edge_rival_memory",
            "edge agent / thingsboard-gateway: private memory",
            Unit.RATIO,
            [ratio(max(our.memory), max(their.memory)) for our, their in pairs],
            aim_most=_AIM_MEMORY,
            headline=True,
        ),
        *figures,
        _cpu("edge_rival_theirs_cpu", "thingsboard-gateway", theirs),
        _memory("edge_rival_theirs_memory", "thingsboard-gateway", theirs),
        sampled(
            "edge_rival_theirs_written",
            "thingsboard-gateway: written to disk a day and meter",
            Unit.KIB,
            [_day_bytes(their) // 1024 for their in theirs],
        ),
    ]
    remarks.append(
        f"thingsboard-gateway {version()}: {sum(turn.polls for turn in theirs):,} polls arrived whole at its broker."
    )
    remarks.append(
        f"For each poll that was done: {poll_us([our for our, _ in pairs]):,} µs of processor time here, {poll_us(theirs):,} µs there."
    )
    return Measured(figures=tuple(figures), remarks=tuple(remarks))


def _cpu(id: str, who: str, turns: list[Turn]) -> Figure:
    return sampled(id, f"{who}: processor time", Unit.CORE, [turn.cpu for turn in turns])


def _memory(id: str, who: str, turns: list[Turn]) -> Figure:
    return sampled(id, f"{who}: private memory", Unit.KIB, [kib for turn in turns for kib in turn.memory], of="seconds")


if __name__ == "__main__":
    print_measured(measure)
