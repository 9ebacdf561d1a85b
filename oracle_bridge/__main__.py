"""Joins the bridge's parts into one process: `python -m oracle_bridge run --config FILE`."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import gc
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from gridkit import keys, log, settings
from gridkit.chain import deployment as deployments
from gridkit.chain.deployment import Deployment
from gridkit.chain.rpc import Rpc, RpcError
from gridkit.chain.sender import Sender
from gridkit.chain.tx import Signer
from gridkit.chain.ws import LogNotices
from gridkit.clock import ClockUnavailableError, open_clock
from oracle_bridge.chain_loop import ChainLoop
from oracle_bridge.errors import AlreadyRunningError, BridgeError, WrongNetworkError
from oracle_bridge.intake import Intake
from oracle_bridge.metrics import Metrics
from oracle_bridge.mqtt import BrokerLink
from oracle_bridge.post import ZoneWorker
from oracle_bridge.registry import MeterCache
from oracle_bridge.settings import BridgeSettings
from oracle_bridge.status_server import StatusServer, json_page
from oracle_bridge.store import State, Store, open_engine

_log = log.get_logger("bridge")
_WAIT_S = 0.5


class Bridge:
    """One bridge process.

    Args:
        config: Its settings.
        deployment: The deployment that it works for.

    Raises:
        BridgeError: See `errors.py`.
    """

    def __init__(self, config: BridgeSettings, deployment: Deployment) -> None:
        self._config, self._on = config, deployment
        self._lock = _lock(config.home)
        self._receipt_key = keys.load_or_create(config.receipt_key)
        poster = Signer(keys.load_key(config.poster_key))
        self._metrics = Metrics()
        self._store = Store(open_engine(config.store_url))
        rpc = Rpc(config.rpc_url)
        meters = MeterCache(Rpc(config.rpc_url), deployment.programs["registry"], config.registry_age_s)
        sender = Sender(rpc)
        zones = config.zones or sorted(int(zone) for zone in deployment.zones)
        workers = [
            ZoneWorker(rpc, sender, deployment, zone, poster, self._store, meters, self._metrics) for zone in zones
        ]
        self._loop = ChainLoop(workers, self._store, self._metrics)
        intake = Intake(
            self._store,
            meters,
            open_clock(config.clock),
            bytes.fromhex(deployment.network_tag),
            self._receipt_key,
            self._metrics,
            self._loop.wake,
        )
        self._ready = asyncio.Event()
        self._link = BrokerLink(config, intake, self._metrics, self._ready.set)
        roots = [deployment.zones[str(zone)].roots for zone in zones]
        self._notices = (
            LogNotices(config.ws_url, roots, lambda _signature: self._loop.wake()) if config.ws_url else None
        )
        pages = {
            "/metrics": lambda: (200, "text/plain; version=0.0.4", self._metrics.text()),
            "/status": json_page(lambda: (True, self.status())),
            "/healthz": json_page(self._health),
        }
        self._server = StatusServer(config.metrics_host, config.metrics_port, pages)

    async def run(self) -> None:
        """Serve until cancelled."""
        self._server.start()
        self._loop.start()
        if self._notices is not None:
            self._notices.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._link.run())
                group.create_task(self._say_ready())
        finally:
            self._loop.stop()
            if self._notices is not None:
                self._notices.stop()
            self._server.stop()
            await asyncio.to_thread(self._loop.join, 15)

    async def _say_ready(self) -> None:
        await self._ready.wait()
        _log.info(
            "ready",
            metrics_port=self._server.port,
            mqtt_port=self._config.mqtt_port,
            rpc_url=self._config.rpc_url,
            receipt_key=keys.public_key(self._receipt_key).hex(),
            zones=[worker.zone for worker in self._loop.workers],
        )

    def status(self) -> dict[str, Any]:
        """Return what an operator asks first: readings by state, refusals by reason, and who is connected."""
        totals = self._store.totals()
        return {
            "stored": sum(totals.values()),
            "pending": totals.get(State.STORED, 0),
            "posted": totals.get(State.POSTED, 0),
            "settled": totals.get(State.SETTLED, 0),
            "superseded": totals.get(State.SUPERSEDED, 0),
            "withheld": totals.get(State.WITHHELD, 0),
            "withheld_reasons": self._store.withheld_reasons(),
            "refused": self._metrics.refusals(),
            "duplicates": self._metrics.duplicates,
            "receipt_key": keys.public_key(self._receipt_key).hex(),
            "network_tag": self._on.network_tag,
            "zones": {
                str(worker.zone): {"next_seq": worker.next_seq, "pending": self._store.pending_count(worker.zone)}
                for worker in self._loop.workers
            },
            "mqtt_connected": self._link.connected,
            "chain_ok": self._loop.chain_ok,
        }

    def _health(self) -> tuple[bool, dict[str, Any]]:
        facts = {
            "mqtt_connected": self._link.connected,
            "chain_ok": self._loop.chain_ok,
            "chain_thread": self._loop.is_alive(),
        }
        return all(facts.values()), facts


def _lock(home: Path) -> int:
    """Take the home for this process; the lock goes with it, however it ends."""
    home.mkdir(parents=True, exist_ok=True)
    handle = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise AlreadyRunningError(f"another bridge works on {home}; stop it or set `home` to another folder") from None
    return handle


def check_network(rpc_url: str, deployment: Deployment) -> None:
    """Wait until the chain answers, and make sure that it is the deployment's.

    Raises:
        WrongNetworkError: Another genesis hash.
    """
    rpc = Rpc(rpc_url)
    told = False
    while True:
        try:
            genesis_hash = str(rpc.call("getGenesisHash"))
            break
        except RpcError as error:
            if not told:
                _log.warning("waiting_for_chain", error=str(error), setting="rpc_url")
                told = True
            time.sleep(_WAIT_S)
    rpc.close()
    if genesis_hash != deployment.genesis_hash:
        raise WrongNetworkError(
            f"{rpc_url} has genesis hash {genesis_hash}, the deployment file says {deployment.genesis_hash}; "
            "set `rpc_url` or `deployment` right"
        )


async def _serve(config: BridgeSettings, deployment: Deployment) -> None:
    bridge = Bridge(config, deployment)
    task = asyncio.ensure_future(bridge.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        _log.info("stopped")


def main(argv: list[str]) -> int:
    """Run the bridge; return 0 after a clean stop, 2 for settings that cannot work."""
    parser = argparse.ArgumentParser(prog="oracle_bridge")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="serve until SIGTERM")
    run.add_argument("--config", type=Path, help="TOML file with a [bridge] table")
    words = parser.parse_args(argv)
    log.configure("bridge")
    try:
        config = settings.load(BridgeSettings, words.config, prefix="CAMPUSGRID_BRIDGE_")
        log.configure("bridge", config.log_level)
        deployment = deployments.load(config.deployment)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        # A burst makes many short-lived rows and no cycles: the default threshold of 700 collects them over and over.
        gc.set_threshold(50_000, 20, 20)
        check_network(config.rpc_url, deployment)
        asyncio.run(_serve(config, deployment))
    except KeyboardInterrupt:
        return 0
    except (
        settings.SettingsError,
        BridgeError,
        ClockUnavailableError,
        keys.KeyFileError,
        OSError,
        ValueError,
    ) as error:
        _log.error("cannot_start", error=str(error), kind=type(error).__name__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
