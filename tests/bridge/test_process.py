"""The bridge as a process: a real broker, a chain behind HTTP, kill -9 at any moment."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bridge_fakes as fakes
import msgspec
import paho.mqtt.client as paho
import pytest
import sqlalchemy as sa

from gridkit import keys, receipt
from gridkit.receipt import Verdict

pytestmark = pytest.mark.integration

FIRST = fakes.BASE_INTERVAL
ROOT = Path(__file__).resolve().parents[2]
MOSQUITTO = next(
    (path for path in (shutil.which("mosquitto"), "/usr/sbin/mosquitto") if path and os.path.exists(path)), None
)


AMQTT = next(
    (
        path
        for path in (os.environ.get("CAMPUSGRID_TEST_AMQTT"), ROOT / ".venv-broker" / "bin" / "amqtt")
        if path and os.path.exists(path)
    ),
    None,
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], what: str, timeout_s: float = 120.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, sa.exc.OperationalError):
            if value := condition():
                return value
        time.sleep(0.05)
    raise AssertionError(f"waited {timeout_s} s for {what}")


class Broker:
    """A mosquitto with the limits that the project ships: no queue limit, a raised window."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        folder.mkdir(exist_ok=True)
        config = folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
            f"max_inflight_messages 500\npersistence true\npersistence_location {folder}/\nuser root\n"
        )
        self._command = [str(MOSQUITTO), "-c", str(config)]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: socket.create_connection(("127.0.0.1", self.port), 1).close() or True, "the broker")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


class SmallBroker(Broker):
    """amqtt: MQTT 3.1.1 alone, what runs where no mosquitto can be installed."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        folder.mkdir(exist_ok=True)
        config = folder / "amqtt.yaml"
        config.write_text(
            f"listeners:\n  default:\n    type: tcp\n    bind: 127.0.0.1:{self.port}\n"
            "auth:\n  allow-anonymous: true\ntopic-check:\n  enabled: false\n"
        )
        self._command = [str(AMQTT), "-c", str(config)]
        self.start()


class Edge:
    """Publishes readings until each has a `stored` receipt, as an agent does, and keeps every receipt."""

    def __init__(self, port: int, receipt_key: bytes, version: int = 5) -> None:
        self._key = receipt_key
        self._lock = threading.Lock()
        self.verdicts: dict[bytes, list[int]] = {}
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5 if version == 5 else paho.MQTTv311
        )
        self.client.on_connect = lambda client, *_: client.subscribe("cg/v1/+/+/receipt", qos=1)
        self.client.on_message = self._received
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _received(self, _client: Any, _data: Any, message: Any) -> None:
        said = receipt.verify_receipt(message.payload, [self._key], fakes.TAG)
        with self._lock:
            self.verdicts.setdefault(said.payload_sha256, []).append(said.verdict)

    def last(self, payload: bytes) -> int | None:
        with self._lock:
            found = self.verdicts.get(receipt.payload_sha256(payload))
            return found[-1] if found else None

    def publish(self, messages: list[tuple[str, bytes]]) -> None:
        for topic, payload in messages:
            self.client.publish(topic, payload, qos=1)

    def deliver(self, messages: list[tuple[str, bytes]], timeout_s: float = 200.0) -> None:
        """Publish, and publish again what has no `stored` receipt after two seconds."""
        deadline = time.monotonic() + timeout_s
        while missing := [item for item in messages if self.last(item[1]) != Verdict.STORED]:
            assert time.monotonic() < deadline, f"{len(missing)} readings without a receipt"
            self.publish(missing)
            until = time.monotonic() + 2
            while time.monotonic() < until and any(self.last(p) != Verdict.STORED for _, p in missing):
                time.sleep(0.02)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Scene:
    """Broker, chain and a bridge process that can be killed and started again."""

    def __init__(self, folder: Path, version: int = 5) -> None:
        self.folder = folder
        self.broker = (Broker if version == 5 else SmallBroker)(folder / "broker")
        self.chain = fakes.FakeChain(lambda: int(time.time()))
        self.server = fakes.serve(self.chain)
        self.metrics_port = free_port()
        (folder / "deployment.json").write_bytes(msgspec.json.encode(fakes.make_deployment()))
        self.receipt_key = keys.create_key(folder / "keys" / "receipt.json")
        keys.create_key(folder / "keys" / "poster.json", bytes(range(1, 33)))
        self.config = folder / "bridge.toml"
        self.config.write_text(
            f'[bridge]\nhome = "{folder}/bridge"\ndeployment = "{folder}/deployment.json"\n'
            f'receipt_key = "{folder}/keys/receipt.json"\nposter_key = "{folder}/keys/poster.json"\n'
            f'mqtt_port = {self.broker.port}\nrpc_url = "http://127.0.0.1:{self.server.server_address[1]}"\n'
            f'ws_url = ""\nmetrics_port = {self.metrics_port}\nmqtt_version = {version}\n'
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.edge = Edge(self.broker.port, keys.public_key(self.receipt_key), version)

    def start(self) -> None:
        self.log = (self.folder / "bridge.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "oracle_bridge", "run", "--config", str(self.config)], cwd=ROOT, stderr=self.log
        )

    def ready(self) -> None:
        wait_for(lambda: self.status()["mqtt_connected"], "the bridge")

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)

    def status(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/status", timeout=30) as answer:
            return dict(json.load(answer))

    def states(self) -> dict[str, int]:
        engine = sa.create_engine(f"sqlite:///file:{self.folder}/bridge/bridge.db?mode=ro&uri=true")
        with engine.connect() as db:
            return {state: count for state, count in db.exec_driver_sql("SELECT * FROM totals_view") if count}

    def stop(self) -> None:
        self.edge.stop()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(60) == 0, "a clean stop"
        self.server.shutdown()
        self.broker.stop()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    made = Scene(tmp_path)
    yield made
    made.stop()


def readings(scene: Scene, meters: int, intervals: int) -> list[tuple[str, bytes]]:
    """Enrol meters and return their readings, oldest first."""
    made = [scene.chain.enrol(fakes.FakeMeter(number)) for number in range(1, meters + 1)]
    return [(m.topic, m.payload(FIRST + n, 1_000 + 100 * n, 10 * n)) for n in range(intervals) for m in made]


def check_books(scene: Scene, messages: list[tuple[str, bytes]], meters: int, intervals: int) -> None:
    """Nothing lost, nothing doubled: store, chain and ledger agree with what the meters signed."""
    wait_for(lambda: scene.states() == {"settled": len(messages)}, f"all settled: {scene.states()}")
    assert scene.chain.posted_readings == len(messages)
    entries = scene.chain.zones[1].entries[:meters]
    assert [entry.acc_import_wh for entry in entries] == [100 * (intervals - 1)] * meters
    assert [entry.applied_count for entry in entries] == [intervals] * meters
    assert scene.chain.zones[1].minted_atoms == 1_000 * 10 * (intervals - 1) * meters


def test_readings_travel_from_broker_to_ledger(scene: Scene) -> None:
    """The whole bridge, once, with a real broker."""
    messages = readings(scene, meters=5, intervals=4)
    scene.start()
    scene.ready()
    scene.edge.deliver(messages)
    check_books(scene, messages, 5, 4)
    status = wait_for(lambda: (s := scene.status())["settled"] == 20 and s, "the status page")
    assert status["stored"] == 20
    assert status["refused"] == {}
    assert status["receipt_key"] == keys.public_key(scene.receipt_key).hex()
    with urllib.request.urlopen(f"http://127.0.0.1:{scene.metrics_port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    assert 'campusgrid_bridge_readings_refused_total{reason="bad_signature"} 0.0' in text
    with urllib.request.urlopen(f"http://127.0.0.1:{scene.metrics_port}/healthz", timeout=30) as answer:
        assert answer.status == 200


def test_bad_input_is_answered_and_harms_nobody(scene: Scene) -> None:
    """Garbage from one client must not keep another's readings from being stored."""
    messages = readings(scene, meters=2, intervals=2)
    scene.start()
    scene.ready()
    topic, payload = messages[0]
    flipped = payload[:50] + bytes([payload[50] ^ 1]) + payload[51:]
    bad = [
        (topic, b""),
        (topic, bytes(100_000)),
        (topic, flipped),
        ("cg/v1/1/9999/reading", payload),
        (topic, payload[:-1]),
    ]
    scene.edge.publish(bad)
    scene.edge.deliver(messages)
    check_books(scene, messages, 2, 2)
    refused = wait_for(lambda: sum((found := scene.status()["refused"]).values()) == 5 and found, "the refusals")
    assert refused == {"bad_signature": 1, "oversized": 1, "truncated": 2, "wrong_topic": 1}
    assert scene.edge.last(flipped) == Verdict.BAD_SIGNATURE
    assert scene.edge.last(bytes(100_000)) == Verdict.MALFORMED


def test_a_bridge_killed_at_random_moments_loses_and_doubles_nothing(scene: Scene) -> None:
    """kill -9 while readings are stored, receipted, posted and settled; afterwards the books must close exactly."""
    random.seed(20_260_504)
    messages = readings(scene, meters=8, intervals=30)
    scene.start()
    scene.ready()
    done = threading.Event()

    def deliver() -> None:
        for at in range(0, len(messages), 24):
            scene.edge.deliver(messages[at : at + 24], timeout_s=120)
        done.set()

    thread = threading.Thread(target=deliver, daemon=True)
    thread.start()
    kills = 0
    while not done.is_set() or kills < 4:
        time.sleep(random.uniform(0.2, 1.5))
        scene.kill()
        kills += 1
        scene.start()
        scene.ready()
        if kills >= 12:
            break
    thread.join(120)
    assert done.is_set()
    check_books(scene, messages, 8, 30)


def test_a_broker_that_restarts_and_a_bridge_that_was_away_lose_nothing(scene: Scene) -> None:
    """The broker in building 7 restarts on Sundays at 03:00."""
    messages = readings(scene, meters=3, intervals=6)
    scene.start()
    scene.ready()
    scene.edge.deliver(messages[:6])
    scene.broker.stop()
    scene.broker.start()
    scene.edge.deliver(messages[6:12])
    scene.kill()
    scene.edge.publish(messages[12:])
    scene.start()
    scene.edge.deliver(messages)
    check_books(scene, messages, 3, 6)


def test_two_bridges_do_not_share_a_home(scene: Scene) -> None:
    """Two writers of one store would judge with two memories."""
    scene.start()
    scene.ready()
    second = subprocess.run(
        [sys.executable, "-m", "oracle_bridge", "run", "--config", str(scene.config)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 2
    assert "another bridge works on" in second.stderr


def test_a_chain_of_another_deployment_is_refused(scene: Scene) -> None:
    """Posting to the wrong chain would fail one by one for ever; better to say so at once."""
    other = msgspec.structs.replace(fakes.make_deployment(), genesis_hash=str(fakes.address("elsewhere")))
    (scene.folder / "deployment.json").write_bytes(msgspec.json.encode(other))
    scene.start()
    assert scene.process is not None
    assert scene.process.wait(60) == 2
    scene.process = None
    assert "genesis hash" in (scene.folder / "bridge.log").read_text()


def test_a_metrics_port_that_is_taken_is_named(scene: Scene) -> None:
    """An operator at three in the morning needs the setting, not a stack trace."""
    with socket.create_server(("127.0.0.1", scene.metrics_port)):
        scene.start()
        assert scene.process is not None
        assert scene.process.wait(60) == 2
        scene.process = None
    assert "metrics_port" in (scene.folder / "bridge.log").read_text()


def test_a_broker_of_mqtt_3_1_1_carries_everything(tmp_path: Path) -> None:
    """Where no mosquitto can be installed amqtt runs; nothing on the path may need MQTT 5."""
    if AMQTT is None:
        pytest.skip("amqtt is not installed")
    scene = Scene(tmp_path, version=4)
    try:
        messages = readings(scene, meters=3, intervals=4)
        scene.start()
        scene.ready()
        scene.edge.deliver(messages)
        check_books(scene, messages, 3, 4)
    finally:
        scene.stop()
