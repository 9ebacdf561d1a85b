"""Measures how many readings a second one bridge takes, stores, posts and settles, beside PyNaCl's verify rate.

Everything is real: mosquitto, the local chain with the five programs (each signature is checked again on chain), the bridge
as its own process. Readings of past intervals are signed beforehand and published with QoS 1 from another process. Two
figures come out: wall clock with every process on this machine's cores, and processor time of the bridge process alone.
Usage: python benchmarks/bridge_rate.py [--meters N] [--intervals N] [--json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from deploy import enrol
from deploy.broker import broker_process, find_broker
from deploy.contact.chain import Chain
from deploy.contact.local import deploy_local
from deploy.ports import Ports
from deploy.site import CHECKOUT, HOST, Site
from deploy.stack import Stack, _answers
from gridkit import reading
from gridkit.chain.deployment import Deployment
from gridkit.clock import open_clock
from gridkit.keys import load_key
from gridkit.quality import Quality

WINDOW = 400
SPEED = 7_200


class Rig(Stack):
    """Broker, chain and enrolled meters; the bridge is started by `begin`."""

    def _start(self) -> Deployment:
        site = self.site
        broker = broker_process(site.home / "broker", HOST, site.ports.broker, find_broker(CHECKOUT)[0])
        # The shipped broker writes its whole state to disk at each change, which bounds it, not the bridge.
        config = site.home / "broker" / "mosquitto.conf"
        config.write_text(config.read_text().replace("autosave_on_changes true", "autosave_on_changes false"))
        self._up("broker", broker, lambda: _answers(site.ports.broker))
        self._up("localnet", self._localnet())
        chain = Chain(self.rpc, site.signer("deployer"))
        self.deployment = deploy_local(chain, site, self._say)
        self.enrolled = enrol.enrol_all(chain, site, self.deployment, self._say)
        return self.deployment

    def begin(self) -> int:
        """Start the bridge and return its process id."""
        self._up("bridge", self._bridge())
        return int(self.processes["bridge"].pid or 0)


def publish(port: int, messages: list[tuple[str, bytes]], start: Any) -> None:
    """Publish all messages, WINDOW in flight."""
    import paho.mqtt.client as mqtt

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(WINDOW)
    client.connect(HOST, port)
    client.loop_start()
    start.wait()
    for number, (topic, payload) in enumerate(messages):
        info = client.publish(topic, payload, qos=1)
        if number % WINDOW == WINDOW - 1:
            info.wait_for_publish(60)
    info.wait_for_publish(60)
    client.loop_stop()


def verify_us(payload: bytes, key: bytes) -> float:
    """Return processor microseconds of one PyNaCl verification, the floor of everything here."""
    from nacl.signing import VerifyKey

    core, signature, _ = reading.split_payload(payload)
    verifier = VerifyKey(key)
    start = time.process_time()
    for _ in range(5_000):
        verifier.verify(core, signature)
    return (time.process_time() - start) / 5_000 * 1e6


def cpu_s(pid: int) -> float:
    """Return the processor seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def totals(store: str) -> dict[str, int]:
    """Return readings by state, read beside the bridge so that asking costs it nothing."""
    with sqlite3.connect(f"file:{store.removeprefix('sqlite:///')}?mode=ro", uri=True) as db:
        return dict(db.execute("SELECT state, count FROM totals_view"))


def sign_all(rig: Rig, tag: bytes, intervals: int) -> list[tuple[str, bytes]]:
    """Return the signed readings, interval by interval."""
    first = max(item.first_interval for item in rig.enrolled) + 1
    detail = bytes(250)
    messages = []
    for step in range(intervals):
        for item in rig.enrolled:
            core = reading.Core(
                network_tag=tag,
                meter_number=item.number,
                key_epoch=item.key_epoch,
                register_epoch=item.register_epoch,
                interval=first + step,
                import_wh=100_000 + 40 * step,
                export_wh=50_000 + 20 * step,
                quality=int(Quality.CATCH_UP) if step % 10 == 5 else 0,
                clock_error_ms=20,
                detail_hash=reading.detail_hash(detail),
            )
            key = load_key(rig.site.device_key_file(item.meter))
            messages.append((f"cg/v1/{item.zone}/{item.number}/reading", reading.sign_reading(key, core, detail)))
    last_s = (first + intervals) * 900
    clock = open_clock(rig.site.clock)
    while clock.now_ns() // 1_000_000_000 < last_s:
        time.sleep(0.2)
    return messages


def main(argv: list[str]) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--meters", type=int, default=16)
    parser.add_argument("--intervals", type=int, default=250)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="campusgrid-bench-") as folder:
        site = Site(Path(folder), Ports.free(options.meters, 2), options.meters, SPEED)
        rig = Rig(site, lambda text: print(text, file=sys.stderr))
        deployment = rig.start()
        try:
            messages = sign_all(rig, bytes.fromhex(deployment.network_tag), options.intervals)
            key = load_key(site.device_key_file(rig.enrolled[0].meter))
            floor_us = verify_us(messages[0][1], bytes(key.verify_key))
            pid = rig.begin()
            begin = multiprocessing.Event()
            sender = multiprocessing.Process(target=publish, args=(site.ports.broker, messages, begin))
            sender.start()
            time.sleep(1.0)
            chain_pid = int(rig.processes["localnet"].pid or 0)
            chain_start, cpu_start, start = cpu_s(chain_pid), cpu_s(pid), time.perf_counter()
            begin.set()
            figures = _watch(site.bridge_store, len(messages), start, pid, cpu_start)
            figures["chain_cpu_us"] = round((cpu_s(chain_pid) - chain_start) / len(messages) * 1e6, 1)
            sender.join(30)
        finally:
            rig.stop()
    figures["verify_us"] = round(floor_us, 1)
    for name in ("stored", "settled"):
        figures[f"share_of_verify_wall_{name}"] = round(figures[f"{name}_per_s"] * floor_us / 1e6, 3)
    figures["share_of_verify_cpu"] = round(floor_us / figures["bridge_cpu_us"], 3)
    print(json.dumps(figures, indent=1) if options.json else _table(figures))
    return 0


def _watch(store: str, count: int, start: float, pid: int, cpu_start: float) -> dict[str, Any]:
    stored_s = 0.0
    while True:
        facts = totals(store)
        if not stored_s and sum(facts.values()) >= count:
            stored_s = time.perf_counter() - start
        if facts["settled"] >= count:
            break
        if time.perf_counter() - start > 300:
            raise SystemExit(f"not all settled: {facts}")
        time.sleep(0.1)
    settled_s = time.perf_counter() - start
    return {
        "readings": count,
        "stored_per_s": round(count / stored_s),
        "settled_per_s": round(count / settled_s),
        "bridge_cpu_us": round((cpu_s(pid) - cpu_start) / count * 1e6, 1),
    }


def _table(figures: dict[str, Any]) -> str:
    return "\n".join(f"{name:28s} {value}" for name, value in figures.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
