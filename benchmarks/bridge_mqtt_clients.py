"""Measures what one reading costs the bridge's MQTT side: receive it, acknowledge it after a batch is done, send a receipt.

Alternatives run one after the other against the same broker and publisher, several rounds, medians: paho with manual
acknowledgement, gmqtt with acknowledgement after its handler; receipts with QoS 1 and QoS 0. CPU is that of the subscribing
process alone. Usage: python benchmarks/bridge_mqtt_clients.py [--messages N] [--rounds N]
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

PAYLOAD = bytes(360)
RECEIPT = bytes(114)
WINDOW = 200


def publisher(port: int, messages: int, barrier: Any) -> None:
    """Publish with QoS 1, WINDOW in flight; started by the barrier."""
    import paho.mqtt.client as mqtt

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(WINDOW)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", port)
    client.loop_start()
    barrier.wait()
    for number in range(messages):
        info = client.publish(f"cg/v1/1/{number % 200 + 1}/reading", PAYLOAD, qos=1)
        if number % WINDOW == 0:
            info.wait_for_publish(30)
    info.wait_for_publish(30)
    client.loop_stop()


def paho_side(port: int, messages: int, barrier: Any, result: Any, receipt_qos: int) -> None:
    """Receive with paho, acknowledge by hand from a second thread after each batch."""
    import paho.mqtt.client as mqtt

    done, lock, waiting, wake = threading.Event(), threading.Lock(), [], threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, manual_ack=True, client_id="sub-paho")
    client.max_inflight_messages_set(2000)

    def on_message(_client: Any, _data: Any, message: Any) -> None:
        with lock:
            waiting.append((message.topic, message.mid, message.qos, message.payload))
        wake.set()

    def work() -> None:
        seen = 0
        while seen < messages:
            wake.wait()
            wake.clear()
            with lock:
                batch = waiting[:]
                waiting.clear()
            for topic, mid, qos, _payload in batch:
                client.publish(topic.replace("reading", "receipt"), RECEIPT, qos=receipt_qos)
                client.ack(mid, qos)
            seen += len(batch)
        done.set()

    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.subscribe("cg/v1/+/+/reading", qos=1)
    threading.Thread(target=work, daemon=True).start()
    client.loop_start()
    time.sleep(0.5)
    barrier.wait()
    _measure(result, done.wait)
    client.loop_stop()


def gmqtt_side(port: int, messages: int, barrier: Any, result: Any, receipt_qos: int) -> None:
    """Receive with gmqtt; the handler's coroutine ends, and so acknowledges, when its batch is done."""
    import gmqtt

    async def run() -> None:
        loop = asyncio.get_running_loop()
        waiting: list[tuple[str, bytes, asyncio.Future[int]]] = []
        wake = asyncio.Event()

        async def on_message(_client: Any, topic: str, payload: bytes, _qos: int, _properties: Any) -> int:
            future = loop.create_future()
            waiting.append((topic, payload, future))
            wake.set()
            return await future

        client = gmqtt.Client("sub-gmqtt", optimistic_acknowledgement=False, receive_maximum=2000)
        client.on_message = on_message
        await client.connect("127.0.0.1", port)
        client.subscribe("cg/v1/+/+/reading", qos=1)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(barrier.wait)
        start, cpu = time.perf_counter(), time.process_time()
        seen = 0
        while seen < messages:
            await wake.wait()
            wake.clear()
            batch, waiting[:] = waiting[:], []
            for topic, _payload, future in batch:
                client.publish(topic.replace("reading", "receipt"), RECEIPT, qos=receipt_qos)
                future.set_result(0)
            seen += len(batch)
            await asyncio.sleep(0)
        result.put((time.perf_counter() - start, time.process_time() - cpu))
        await client.disconnect()

    asyncio.run(run())


def _measure(result: Any, wait: Any) -> None:
    start, cpu = time.perf_counter(), time.process_time()
    wait()
    result.put((time.perf_counter() - start, time.process_time() - cpu))


def broker(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start a mosquitto on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 2000\n"
    )
    binary = next((path for path in ("/usr/sbin/mosquitto", "mosquitto") if os.path.exists(path)), "mosquitto")
    process = subprocess.Popen([binary, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    return process, port


def main(argv: list[str]) -> int:
    """Print CPU per message and rate of each alternative."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(argv)
    sides = {
        "paho, receipts QoS 1": (paho_side, 1),
        "gmqtt, receipts QoS 1": (gmqtt_side, 1),
        "paho, receipts QoS 0": (paho_side, 0),
        "gmqtt, receipts QoS 0": (gmqtt_side, 0),
    }
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory() as folder:
        process, port = broker(Path(folder))
        try:
            for _ in range(options.rounds):
                for name, (side, qos) in sides.items():
                    barrier, result = multiprocessing.Barrier(2), multiprocessing.Queue()
                    sub = multiprocessing.Process(target=side, args=(port, options.messages, barrier, result, qos))
                    pub = multiprocessing.Process(target=publisher, args=(port, options.messages, barrier))
                    sub.start()
                    pub.start()
                    figures[name].append(result.get(timeout=180))
                    pub.join(30)
                    sub.join(30)
        finally:
            process.terminate()
            process.wait()
    for name, rows in figures.items():
        wall_s = statistics.median(row[0] for row in rows)
        cpu_s = statistics.median(row[1] for row in rows)
        per = 1e6 / options.messages
        print(f"{name:24s} {cpu_s * per:6.1f} us CPU a message   {options.messages / wall_s:8.0f} messages/s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
