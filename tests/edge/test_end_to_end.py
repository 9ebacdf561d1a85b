"""The real agent process between a real Modbus server, a real mosquitto and a small peer that signs receipts."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from field.truth_check import Finding, Signed, Truth, judge_readings
from nacl.signing import SigningKey
from paho.mqtt.enums import CallbackAPIVersion

from firmware_sim.faults import FaultOrder
from firmware_sim.meter import SimMeter
from firmware_sim.modbus import MeterPort
from firmware_sim.settings import MeterSettings as SimMeterSettings
from firmware_sim.truth import TruthLog
from gridkit.clock import NS_PER_S, ClockOwner
from gridkit.enrolment import AgentConfig, ConfiguredMeter, encode_config, read_enrolment
from gridkit.profile import Direction
from gridkit.quality import NO_POST_MASK
from gridkit.reading import decode_core, decode_detail, split_payload, verify_core
from gridkit.receipt import Receipt, Verdict, encode_receipt, payload_sha256
from gridkit.topics import (
    READINGS_FILTER,
    MeterTopic,
    agent_config_topic,
    agent_status_topic,
    parse_topic,
    receipt_topic,
)

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto"),
]
TAG = b"\x0a\x0b\x0c\x0d"
BRIDGE, OPERATOR, STRANGER = (SigningKey(bytes([n]) * 32) for n in (11, 12, 13))
SPEED = 600
"""A quarter hour in 1.5 s of wall time; a boundary sample may lie 300 campus seconds (0.5 s) off."""
START_NS = 1_782_000_000 * NS_PER_S
START_S = 60
"""A process has started, or ended, by then on any machine."""
METERS = {1: "schneider-iem3155", 2: "abb-b23", 3: "eastron-sdm120"}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Mosquitto:
    """A broker on a free port that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._file = folder / "mosquitto.conf"
        # Started as root it would become another user, who may not read the test's key files.
        stay = "user root\n" if os.geteuid() == 0 else ""
        self._file.write_text(f"{stay}listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self._process: subprocess.Popen[bytes] | None = None

    def require_certificates(self, folder: Path) -> int:
        """Add a second listener that wants a client certificate; return its port. Files: ca, server, client."""
        port = free_port()
        with self._file.open("a") as file:
            file.write(
                f"listener {port} 127.0.0.1\nrequire_certificate true\nuse_identity_as_username true\n"
                f"cafile {folder}/ca.pem\ncertfile {folder}/server.pem\nkeyfile {folder}/server.key\n"
            )
        return port

    def allow_only(self, *topics: str) -> None:
        """From the next start on, let everybody read and write these topics and no other."""
        acl = self._file.with_name("acl")
        acl.write_text("".join(f"topic readwrite {topic}\n" for topic in topics))
        with self._file.open("a") as file:
            file.write(f"acl_file {acl}\n")

    def start(self) -> None:
        self._process = subprocess.Popen(
            [str(MOSQUITTO), "-c", str(self._file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("mosquitto does not listen")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.kill()


class Bridge:
    """Stores what it gets under the key of the interval and signs receipts, as the real bridge does."""

    def __init__(self, port: int) -> None:
        self.stored: dict[tuple[int, int, int], bytes] = {}
        self.copies = 0
        self.conflicts = 0
        self.bad = 0
        self.silent = False
        self.forge = False
        self.drop_share = 0.0
        self.verdicts: dict[int, int] = {}
        self.statuses: dict[str, list[bytes]] = {}
        self.keys: dict[int, bytes] = {}
        self._rng = random.Random(1)
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="test-bridge")
        self._client.on_connect = lambda c, *_: c.subscribe([(READINGS_FILTER, 1), ("cg/v1/+/+/status", 1)])
        self._client.on_message = self._message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def configure(self, agent: str, data: bytes) -> None:
        self._client.publish(agent_config_topic(agent), data, qos=1, retain=True)

    def _message(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        topic = parse_topic(message.topic)
        if not isinstance(topic, MeterTopic):
            return
        if topic.leaf == "status":
            self.statuses.setdefault(message.topic, []).append(message.payload)
            return
        parts = split_payload(message.payload)
        core = decode_core(parts.core_bytes)
        if self.forge:
            for key, sha in ((STRANGER, message.payload), (BRIDGE, b"another payload")):
                self._answer(topic, core.meter_number, payload_sha256(sha), Verdict.STORED, key)
            return
        if self.silent or self._rng.random() < self.drop_share:
            return
        verdict = self.verdicts.get(core.meter_number, Verdict.STORED)
        if verdict == Verdict.STORED:
            if not verify_core(parts.core_bytes, parts.signature, self.keys[core.meter_number]):
                self.bad += 1
            key = (core.meter_number, core.register_epoch, core.interval)
            known = self.stored.setdefault(key, message.payload)
            if known[:47] != message.payload[:47]:
                self.conflicts += 1
            elif known is not message.payload:
                self.copies += 1
        if self._rng.random() >= self.drop_share:
            self._answer(topic, core.meter_number, payload_sha256(message.payload), verdict, BRIDGE)

    def _answer(self, topic: MeterTopic, number: int, sha256: bytes, verdict: int, key: SigningKey) -> None:
        receipt = encode_receipt(Receipt(TAG, number, sha256, verdict), key)
        self._client.publish(receipt_topic(topic.zone, topic.meter_number), receipt, qos=1)

    def intervals(self, number: int, *, measured: bool = True) -> list[int]:
        cores = [decode_core(p[:47]) for key, p in self.stored.items() if key[0] == number]
        return sorted(c.interval for c in cores if not measured or c.quality & NO_POST_MASK == 0)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Site:
    """Clock, meters, broker, bridge and the agent's process."""

    def __init__(self, folder: Path, broker: Mosquitto, start_modbus: Any, profile_meter: Any) -> None:
        self.folder, self.broker = folder, broker
        self._start_modbus, self._profile_meter = start_modbus, profile_meter
        self.meters: dict[int, Any] = {}
        self.servers: dict[int, Any] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.metrics_port = free_port()
        self.owner = ClockOwner(folder / "clock", SPEED, START_NS)
        self.bridge = Bridge(broker.port)
        self._tasks: list[asyncio.Task[Any]] = []

    async def open(self, **settings: Any) -> None:
        rows, tables = [], []
        for unit, profile in METERS.items():
            port = await self._serve(unit, profile)
            rows.append(ConfiguredMeter(f"M{unit}".encode().ljust(16, b"\0"), 50 + unit, 1, 0, 0, 0))
            tables.append(
                f'[[edge.meters]]\nid = "M{unit}"\nprofile = "{profile}"\nhost = "127.0.0.1"\n'
                f'port = {port}\nunit = {unit}\nserial = "{700 + unit}"\n'
                f'key_file = "{self.folder}/keys/M{unit}.json"\nmax_power_w = 100000\n'
            )
        settings = {"mqtt_port": self.broker.port, **settings}
        more = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        (self.folder / "edge.toml").write_text(
            f'[edge]\nagent = "e1"\nhome = "{self.folder}/edge"\nclock = "{self.folder}/clock"\n'
            f'network_tag = "{TAG.hex()}"\n'
            f'bridge_keys = ["{bytes(BRIDGE.verify_key).hex()}"]\nconfig_key = "{bytes(OPERATOR.verify_key).hex()}"\n'
            f"poll_interval_s = 0.3\nrequest_timeout_s = 2.0\nreceipt_timeout_s = 1.0\nretry_s = 0.2\n"
            f"metrics_port = {self.metrics_port}\n" + more + "".join(tables) + "# end\n"
        )
        for unit in METERS:
            out = self.folder / f"M{unit}.json"
            await self.edge("enroll", "--meter", f"M{unit}", "--owner", "11" * 32, "--out", str(out))
            self.bridge.keys[50 + unit] = read_enrolment(out).public_key_bytes
        self.bridge.configure("e1", encode_config(AgentConfig(TAG, 1, tuple(rows)), OPERATOR))
        self._tasks.append(asyncio.create_task(self.owner.keep()))
        self._tasks.append(asyncio.create_task(self._load()))

    async def _serve(self, unit: int, profile: str) -> int:
        """Put a meter there; return its port."""
        meter = self._profile_meter(profile, serial=str(700 + unit))
        meter.import_wh = 10_000 * unit
        self.meters[unit] = meter
        server = self.servers[unit] = await self._start_modbus()
        server.behave = server.good = meter.answer
        return int(server.port)

    async def _load(self) -> None:
        """Every meter carries some kW of campus time; the energy counter only grows."""
        last_ns = self.owner.now_ns()
        while True:
            await asyncio.sleep(0.02)
            now_ns = self.owner.now_ns()
            for unit, meter in self.meters.items():
                meter.import_wh += 4000 * unit * (now_ns - last_ns) // (3600 * NS_PER_S) if unit == 1 else unit
                meter.power_w = 4000 * unit
            last_ns = now_ns

    async def edge(self, *arguments: str) -> str:
        command = [
            sys.executable,
            "-m",
            "edge",
            arguments[0],
            "--config",
            str(self.folder / "edge.toml"),
            *arguments[1:],
        ]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        out, _ = await asyncio.wait_for(process.communicate(), START_S)
        assert process.returncode == 0
        return out.decode()

    async def start(self) -> None:
        log = (self.folder / "edge.log").open("ab")
        command = [sys.executable, "-m", "edge", "run", "--config", str(self.folder / "edge.toml")]
        self.process = subprocess.Popen(command, stderr=log, stdout=log)  # noqa: ASYNC220 - starts in milliseconds
        log.close()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    async def until(self, condition: Any, limit_s: float = 200) -> None:
        end = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < end, self.log()[-3000:]
            assert self.process is None or self.process.poll() is None, self.log()[-3000:]
            await asyncio.sleep(0.05)

    async def until_metric(self, name: str, condition: Callable[[int], bool], limit_s: float = 200) -> None:
        """Wait until the agent serves its metrics and a sum of them is so."""
        end, seen = time.monotonic() + limit_s, -1
        while time.monotonic() < end:
            try:
                seen = await self.metric(name)
            except OSError:
                seen = -1  # it has not started yet
            if seen >= 0 and condition(seen):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{name} {seen}\n{self.log()[-3000:]}")

    def log(self) -> str:
        return (self.folder / "edge.log").read_text()

    def configure(self, version: int, *, zone: int = 1, key: SigningKey = OPERATOR) -> None:
        """Publish a signed configuration of all meters, retained."""
        rows = tuple(ConfiguredMeter(f"M{u}".encode().ljust(16, b"\0"), 50 + u, zone, 0, 0, 0) for u in METERS)
        self.bridge.configure("e1", encode_config(AgentConfig(TAG, version, rows), key))

    def said(self, event: str) -> list[dict[str, Any]]:
        """What the agent's log has under this event, over all its lives."""
        lines = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") == event]

    async def metric(self, name: str) -> int:
        def ask() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
                return str(answer.read().decode())

        text = await asyncio.to_thread(ask)
        return sum(int(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(self.process.wait, START_S) == 0
        self.bridge.close()
        self.owner.close()


@pytest.fixture
async def site(tmp_path: Path, mosquitto: Mosquitto, start_modbus: Any, profile_meter: Any) -> AsyncIterator[Site]:
    site = Site(tmp_path, mosquitto, start_modbus, profile_meter)
    yield site
    await site.close()


def telescopes(site: Site, number: int) -> None:
    """Every reading's opening is the last measured one's closing: energy sums up exactly, nothing lost or doubled."""
    cores = sorted(
        ((decode_core(p[:47]), p) for key, p in site.bridge.stored.items() if key[0] == number),
        key=lambda pair: pair[0].interval,
    )
    measured = [(c, decode_detail(split_payload(p).detail_bytes)) for c, p in cores if c.quality & NO_POST_MASK == 0]
    for (earlier, _), (later, detail) in itertools.pairwise(measured):
        assert detail.opening_interval == earlier.interval
        assert (detail.opening_import_wh, detail.opening_export_wh) == (earlier.import_wh, earlier.export_wh)
        assert later.import_wh >= earlier.import_wh
    hashes = [payload_sha256(p[:47]) for _, p in cores]
    chain = [decode_detail(split_payload(p).detail_bytes).previous_core_hash for _, p in cores]
    assert chain == [b"", *hashes[:-1]]


async def test_quarter_hours_arrive_signed_and_consecutive_and_the_spool_empties(site: Site) -> None:
    """The ordinary day."""
    await site.open()
    await site.start()
    await site.until(lambda: all(len(site.bridge.intervals(50 + u)) >= 4 for u in METERS))
    assert site.bridge.bad == site.bridge.conflicts == 0
    for unit in METERS:
        telescopes(site, 50 + unit)
        intervals = site.bridge.intervals(50 + unit, measured=False)
        assert intervals == list(range(intervals[0], intervals[-1] + 1))
    await site.until_metric("campusgrid_edge_backlog{", lambda rows: rows <= len(METERS))
    assert await site.metric("campusgrid_edge_mqtt_connected") == 1
    assert any('"state":"ok"' in payload.decode() for batch in site.bridge.statuses.values() for payload in batch)
    ready = [json.loads(line) for line in site.log().splitlines() if '"event":"ready"' in line]
    assert ready[0]["metrics_port"] == site.metrics_port


async def test_forged_receipts_free_nothing_and_the_true_one_does(site: Site) -> None:
    """A stranger's signature, and the bridge's own for another payload."""
    site.bridge.forge = True
    await site.open()
    await site.start()
    await site.until_metric("campusgrid_edge_receipts_refused_total", lambda refused: refused >= 8)
    assert await site.metric("campusgrid_edge_receipts_total") == 0
    assert 2 <= await site.metric("campusgrid_edge_readings_total") <= await site.metric("campusgrid_edge_backlog{")
    site.bridge.forge = False
    await site.until(lambda: all(len(site.bridge.intervals(50 + u)) >= 3 for u in METERS))
    for unit in METERS:
        telescopes(site, 50 + unit)


async def test_kills_of_agent_and_broker_and_lost_messages_lose_and_double_nothing(site: Site) -> None:
    """Everything that can be taken away is, in the middle; what arrives in the end is every reading, once."""
    await site.open()
    site.bridge.drop_share = 0.3
    rng = random.Random(5)
    await site.start()
    await site.until(lambda: len(site.bridge.intervals(51)) >= 1)
    for turn in range(6):
        await asyncio.sleep(rng.uniform(0.3, 2.5))
        if turn == 2:
            site.broker.kill()
            await asyncio.sleep(2)
            site.broker.start()
            continue
        site.kill()
        await asyncio.sleep(rng.uniform(0, 1.0))
        await site.start()
    site.bridge.drop_share = 0.0
    count = {u: len(site.bridge.intervals(50 + u)) for u in METERS}
    await site.until(lambda: all(len(site.bridge.intervals(50 + u)) >= count[u] + 3 for u in METERS))
    await site.until_metric("campusgrid_edge_backlog{", lambda rows: rows == 0)
    assert site.bridge.bad == site.bridge.conflicts == 0
    for unit in METERS:
        telescopes(site, 50 + unit)


class TrueSite(Site):
    """The same with simulated meters on real load and PV, which can misbehave and keep a truth log."""

    async def _serve(self, unit: int, profile: str) -> int:
        if not self.servers:
            self.truth = TruthLog(self.folder / "truth")
        settings = SimMeterSettings(
            serial=str(700 + unit), profile=profile, unit=unit, load="G1-A", load_w=9_000, pv="PV1", pv_w=12_000
        )
        port = self.servers[unit] = MeterPort(SimMeter(settings), self.owner, self.truth)
        self.meters[unit] = port.meter
        return await port.listen("127.0.0.1", 0)

    async def _load(self) -> None:
        """Theirs is in the series."""

    def _true_mwh(self, serial: str, direction: Direction, campus_ns: int) -> int:
        energy = self.meters[int(serial) - 700].true_energy(campus_ns)
        return int(energy.import_mwh if direction == "import" else energy.export_mwh)

    def finding(self, unit: int) -> Finding:
        """Hold what the bridge has of a meter against the truth log."""
        truth = Truth(self.folder / "truth", self._true_mwh, answer_ns=10 * SPEED * NS_PER_S)
        parts = [split_payload(p) for key, p in sorted(self.bridge.stored.items()) if key[0] == 50 + unit]
        read = [(decode_core(p.core_bytes), decode_detail(p.detail_bytes)) for p in parts]
        signed = [Signed(core, detail, str(700 + unit), detail.closing_read_ms * 1_000_000) for core, detail in read]
        return judge_readings(signed, truth, lambda _, direction: self.meters[unit].profile.wrap_wh(direction))


@pytest.fixture
async def true_site(tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[TrueSite]:
    site = TrueSite(tmp_path, mosquitto, None, None)
    yield site
    await site.close()
    for port in site.servers.values():
        await port.close()


FAULTS = ("glitch_zero", "jump", "frozen", "minus_one_lsb", "not_available", "unit_prefix", "word_order", "swapped_serial",
          "short", "long", "late", "hangup", "truncated", "noise", "dead", "wrong_transaction")  # fmt: skip


async def test_an_agent_killed_while_its_meters_misbehave_signs_what_they_truly_counted(true_site: TrueSite) -> None:
    """Real processes and sockets in real time: the power fails again and again in a house whose meters are failing, too."""
    site = true_site
    await site.open()
    rng = random.Random(11)
    await site.start()
    await site.until(lambda: all(site.bridge.intervals(50 + u) for u in METERS))
    for _ in range(6):
        for meter in site.meters.values():
            order = FaultOrder(kind=rng.choice(FAULTS), count=rng.choice((None, 1, 2, 3)), offset_wh=5_000_000)
            meter.switch_off()
            meter.switch_on(order, site.owner.now_ns())
        await asyncio.sleep(rng.uniform(1, 4))
        site.kill()
        await asyncio.sleep(rng.uniform(0, 1))
        await site.start()
    for meter in site.meters.values():
        meter.switch_off()
    count = {u: len(site.bridge.intervals(50 + u)) for u in METERS}
    await site.until(lambda: all(len(site.bridge.intervals(50 + u)) >= count[u] + 3 for u in METERS))
    assert site.bridge.bad == site.bridge.conflicts == 0
    for unit in METERS:
        telescopes(site, 50 + unit)
        finding = site.finding(unit)
        assert finding.wrong == []
        assert finding.spans >= 3
        assert finding.energy_wh > 0


async def test_a_broker_that_is_away_stops_no_poll_and_nothing_is_lost(site: Site) -> None:
    """The uplink is down for hours: readings pile up on disk and come in order afterwards."""
    await site.open()
    await site.start()
    await site.until(lambda: all(site.bridge.intervals(50 + u) for u in METERS))
    site.broker.kill()
    polls = await site.metric("campusgrid_edge_polls_total")
    await site.until_metric("campusgrid_edge_polls_total", lambda now: now > polls + 15)
    await site.until_metric("campusgrid_edge_backlog{", lambda rows: rows >= 6)
    site.broker.start()
    before = {u: site.bridge.intervals(50 + u)[-1] for u in METERS}
    await site.until(lambda: all(site.bridge.intervals(50 + u)[-1] >= before[u] + 5 for u in METERS))
    for unit in METERS:
        telescopes(site, 50 + unit)


async def test_a_dead_meter_and_a_refused_one_touch_nobody_else(site: Site) -> None:
    """One meter is dead, the bridge refuses another for ever: the third does not notice."""
    await site.open()
    site.servers[3].behave = lambda request: None
    site.bridge.verdicts[52] = Verdict.OVER_CAPACITY
    await site.start()
    await site.until(lambda: len(site.bridge.intervals(51)) >= 4)
    await site.until_metric("campusgrid_edge_quarantine{", lambda rows: rows >= 3)
    await site.until_metric('campusgrid_edge_meter_dead{meter="M3"}', lambda dead: dead == 1)
    assert site.bridge.intervals(53) == []
    # Measured or, where the whole machine was late at a boundary, derived.
    intervals = site.bridge.intervals(51, measured=False)
    assert intervals == list(range(intervals[0], intervals[-1] + 1))
    site.servers[3].behave = site.servers[3].good
    await site.until(lambda: len(site.bridge.intervals(53)) >= 2)


async def test_enrolment_asks_the_meter_and_refuses_another_serial(site: Site) -> None:
    """The electrician holds the wrong meter's number: better here than on the bill."""
    await site.open()
    site.meters[1].set_serial("999")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "edge",
        "enroll",
        "--config",
        str(site.folder / "edge.toml"),
        "--meter",
        "M1",
        "--owner",
        "11" * 32,
        stderr=subprocess.PIPE,
        env={**os.environ},
    )
    _, error = await process.communicate()
    assert process.returncode == 2
    assert b"'999'" in error


def test_settings_that_cannot_work_are_named(tmp_path: Path) -> None:
    """A typo in a key must not become an agent that keeps every reading for ever."""
    (tmp_path / "edge.toml").write_text('[edge]\nagent = "e1"\nmqtt_port = 1\n# end\n')
    done = subprocess.run(
        [sys.executable, "-m", "edge", "run", "--config", str(tmp_path / "edge.toml")], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "edge.toml" in done.stderr
    assert "missing" in done.stderr


async def test_the_will_says_that_the_agent_is_lost(site: Site) -> None:
    """A killed agent says nothing itself."""
    seen: list[bytes] = []
    watcher = paho.Client(CallbackAPIVersion.VERSION2, client_id="watcher")
    watcher.on_connect = lambda c, *_: c.subscribe(agent_status_topic("e1"), 1)
    watcher.on_message = lambda c, d, m: seen.append(m.payload)
    watcher.connect("127.0.0.1", site.broker.port)
    watcher.loop_start()
    await site.open()
    await site.start()
    await site.until(lambda: any(b'"online"' in s for s in seen))
    site.kill()
    site.process = None
    await site.until(lambda: any(b'"lost"' in s for s in seen))
    watcher.disconnect()
    watcher.loop_stop()


def make_certificates(folder: Path) -> None:
    """A small authority, a server for 127.0.0.1 and a client whose CN is the agent's id."""
    folder.mkdir()

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *new_key, "-days", "2", "-subj", "/CN=test ca", "-keyout", "ca.key", "-out", "ca.pem")
    for name, subject, extra in (
        ("server", "/CN=broker", "subjectAltName=IP:127.0.0.1"),
        ("client", "/CN=e1", "extendedKeyUsage=clientAuth"),
    ):
        (folder / "ext").write_text(extra)
        openssl("req", *new_key, "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr")
        signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "ext"]
        openssl("x509", "-req", "-in", f"{name}.csr", *signing, "-out", f"{name}.pem")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
async def test_mutual_tls_carries_readings_and_no_certificate_carries_none(site: Site) -> None:
    """On a campus network everybody can reach the broker."""
    make_certificates(site.folder / "tls")
    site.broker.kill()
    port = site.broker.require_certificates(site.folder / "tls")
    site.broker.start()
    await site.open(mqtt_port=port, mqtt_ca=str(site.folder / "tls" / "ca.pem"))
    await site.start()
    await site.until(lambda: "mqtt_disconnected" in site.log())
    assert await site.metric("campusgrid_edge_mqtt_connected") == 0
    site.kill()
    text = (site.folder / "edge.toml").read_text()
    files = f'mqtt_cert = "{site.folder}/tls/client.pem"\nmqtt_key = "{site.folder}/tls/client.key"\n'
    (site.folder / "edge.toml").write_text(text.replace("mqtt_ca", files + "mqtt_ca"))
    await site.start()
    await site.until(lambda: all(len(site.bridge.intervals(50 + u)) >= 2 for u in METERS))
    for unit in METERS:
        telescopes(site, 50 + unit)


class Authority:
    """Signs certificates that end at any moment; openssl's command knows whole days alone."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(exist_ok=True)
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certify("ca.pem", self._name, self._key, x509.BasicConstraints(True, None), timedelta(days=400))

    def issue(self, name: str, common_name: str, lasts: timedelta) -> None:
        """Write `name`.pem and `name`.key: for 127.0.0.1, and for both sides of a session."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self._folder / f"{name}.key").write_bytes(private)
        where = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        self._certify(
            f"{name}.pem", x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]), key, where, lasts
        )

    def _certify(self, file: str, subject: Any, key: Any, extension: Any, lasts: timedelta) -> None:
        now = datetime.now(UTC)
        made = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        made = made.not_valid_before(now - timedelta(days=9)).not_valid_after(now + lasts)
        signed = made.add_extension(extension, critical=True).sign(self._key, SHA256())
        (self._folder / file).write_bytes(signed.public_bytes(Encoding.PEM))


async def test_a_certificate_that_expires_is_told_before_and_named_after_and_nothing_is_lost(site: Site) -> None:
    """Certificates end on a Sunday. "Disconnected" and nothing else would send somebody to look at cables."""
    tls = site.folder / "tls"
    authority = Authority(tls, "the campus")
    authority.issue("client", "e1", timedelta(days=20))
    authority.issue("server", "broker", timedelta(seconds=40))
    site.broker.kill()
    port = site.broker.require_certificates(tls)
    site.broker.start()
    files = {"mqtt_ca": "ca.pem", "mqtt_cert": "client.pem", "mqtt_key": "client.key"}
    await site.open(mqtt_port=port, **{name: str(tls / file) for name, file in files.items()})
    await site.start()
    await site.until(lambda: all(len(site.bridge.intervals(50 + u)) >= 2 for u in METERS))
    assert await site.metric("campusgrid_edge_certificate_days_left") == 19
    assert await site.metric("campusgrid_edge_authority_days_left") == 399
    await site.until(lambda: "certificate_expires" in [e["code"] for e in site.said("trouble")])

    expired = x509.load_pem_x509_certificate((tls / "server.pem").read_bytes()).not_valid_after_utc
    await site.until(lambda: datetime.now(UTC) > expired)
    site.broker.kill()
    site.broker.start()
    await site.until(lambda: "broker_certificate_expired" in [e["reason"] for e in site.said("mqtt_unreachable")])
    assert await site.metric('campusgrid_edge_mqtt_trouble{reason="broker_certificate_expired"}') == 1

    stranger = Authority(tls / "stranger", "another campus")
    stranger.issue("server", "broker", timedelta(days=400))
    for file in ("server.pem", "server.key"):
        shutil.copy(tls / "stranger" / file, tls / file)
    site.broker.kill()
    site.broker.start()
    await site.until(lambda: "broker_authority_unknown" in [e["reason"] for e in site.said("mqtt_unreachable")])

    kept = {u: set(site.bridge.intervals(50 + u)) for u in METERS}
    with (tls / "ca.pem").open("ab") as file:
        file.write(
            (tls / "stranger" / "ca.pem").read_bytes()
        )  # The operator's new file: the agent is not started anew for it.
    site.broker.kill()
    site.broker.start()
    await site.until(lambda: all(len(set(site.bridge.intervals(50 + u)) - kept[u]) >= 2 for u in METERS))
    assert await site.metric("campusgrid_edge_mqtt_trouble{") == 0
    for unit in METERS:
        telescopes(site, 50 + unit)


async def test_nothing_on_the_path_needs_mqtt_5(site: Site) -> None:
    """The small broker in Python that serves where no mosquitto is speaks 3.1.1 only."""
    await site.open(mqtt_version=4)
    await site.start()
    await site.until(lambda: all(len(site.bridge.intervals(50 + u)) >= 2 for u in METERS))
    await site.until_metric("campusgrid_edge_receipts_total", lambda receipts: receipts >= 3)


REFUSED = 'campusgrid_edge_config_refused_total{reason="'


async def test_a_configuration_that_the_broker_refuses_is_taken_back(site: Site) -> None:
    """A validly signed mistake puts the meters into a zone that the broker's list does not give them; nobody drives there."""
    site.broker.kill()
    site.broker.allow_only("cg/v1/1/#", "cg/v1/agent/#")
    site.broker.start()
    await site.open()
    await site.start()
    await site.until(lambda: all(site.bridge.intervals(50 + u) for u in METERS))
    site.configure(2, zone=2)
    await site.until(lambda: site.said("config_rolled_back"))
    assert site.said("config_rolled_back")[0]["why"] == "refused by the broker"
    assert await site.metric("campusgrid_edge_config_version") == 1
    last = {u: site.bridge.intervals(50 + u)[-1] for u in METERS}
    await site.until(lambda: all(site.bridge.intervals(50 + u)[-1] >= last[u] + 2 for u in METERS))
    site.configure(2, zone=2)
    await site.until_metric(f'{REFUSED}rolled_back"', lambda count: count >= 1)

    site.configure(4)
    await site.until(lambda: site.said("config_kept"))
    for version, key in ((1, OPERATOR), (3, OPERATOR), (9, STRANGER)):
        site.configure(version, key=key)  # Of those days when another meter had that number; and a stranger's.
    await site.until_metric(f'{REFUSED}older"', lambda count: count >= 2)
    await site.until_metric(f'{REFUSED}ForgedConfigError"', lambda count: count >= 1)
    site.kill()
    await site.start()
    await site.until(lambda: len(site.said("config_taken")) >= 5)
    assert site.said("config_taken")[-1]["version"] == 4
    await site.until_metric(
        f'{REFUSED}ForgedConfigError"', lambda count: count >= 1
    )  # The retained one came again, and it is still at work.
    assert await site.metric("campusgrid_edge_config_version") == 4
    assert site.bridge.bad == site.bridge.conflicts == 0
    for unit in METERS:
        telescopes(site, 50 + unit)


async def test_a_configuration_under_which_no_meter_answers_is_taken_back_also_over_a_power_cut(site: Site) -> None:
    """The power goes in the minutes in which it has yet to prove itself: it must not be the one that is begun with."""
    await site.open(config_trial_s=4.0)
    await site.start()
    await site.until(lambda: all(site.bridge.intervals(50 + u) for u in METERS))
    for server in site.servers.values():
        server.behave = lambda request: None
    site.configure(2)
    await site.until(lambda: [one["version"] for one in site.said("config_taken")] == [1, 2])
    site.kill()
    assert "version 1" in await site.edge("config")
    await site.start()
    await site.until(lambda: len(site.said("config_taken")) >= 5)
    assert [one["version"] for one in site.said("config_taken")] == [1, 2, 1, 2, 1]
    assert site.said("config_rolled_back")[0]["why"] == "no meter"
    assert site.said("config_kept") == []
    last = {u: site.bridge.intervals(50 + u)[-1] for u in METERS}
    for server in site.servers.values():
        server.behave = server.good
    await site.until(lambda: all(site.bridge.intervals(50 + u)[-1] >= last[u] + 2 for u in METERS))
    site.configure(3)
    await site.until(lambda: site.said("config_kept"))
    site.kill()
    assert "version 3" in await site.edge("config")
    for unit in METERS:
        telescopes(site, 50 + unit)
