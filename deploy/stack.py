"""Brings one box up in order and takes it down again: broker, local chain, deployment, enrolment, simulator, edge agents, bridge, gateway."""

from __future__ import annotations

import fcntl
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from deploy import population
from deploy.broker import broker_process, find_broker
from deploy.contact.chain import Chain
from deploy.contact.local import deploy_local
from deploy.processes import Process
from deploy.site import CHECKOUT, HOST, Site, localnet_python, python
from firmware_sim.fleet import render_config
from firmware_sim.series import campus_start_s
from firmware_sim.settings import SimSettings
from gridkit import keys
from gridkit.chain.deployment import Deployment
from gridkit.chain.rpc import Rpc

Say = Callable[[str], None]
_WATCH_S = 1.0


class AlreadyRunningError(Exception):
    """Another process runs on the same home folder."""


class Stack:
    """The processes of one box.

    Args:
        site: Paths, ports and meters.
        say: Told each step in words.
    """

    def __init__(self, site: Site, say: Say) -> None:
        self.site, self._say = site, say
        self.processes: dict[str, Process] = {}
        self.deployment: Deployment | None = None
        self.rpc = Rpc(site.rpc_url)
        self._mqtt_version = 5
        self._stopping = threading.Event()
        self._lock_file: IO[str] | None = None
        self._watcher: threading.Thread | None = None

    # Up

    def start(self) -> Deployment:
        """Start everything; on a fault what had started is stopped again.

        Raises:
            AlreadyRunningError: The home folder is in use.
            deploy.ports.PortTakenError: A port is in use.
            deploy.processes.ProcessFailedError: A process did not come up.
        """
        self._lock_home()
        self.site.ports.check(len(self.site.fleet), len(self.site.agents()))
        try:
            return self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> Deployment:
        site = self.site
        program, self._mqtt_version = find_broker(CHECKOUT)
        broker = broker_process(site.home / "broker", HOST, site.ports.broker, program)
        self._up("broker", broker, lambda: _answers(site.ports.broker))
        self._up("localnet", self._localnet())
        chain = Chain(self.rpc, site.signer("deployer"))
        deployment = deploy_local(chain, site, self._say)
        self.deployment = deployment
        enrolled = population.enrol_all(chain, site, deployment, self._say)
        self._up("sim", self._sim())
        population.publish_configurations(site, deployment, enrolled)
        self._up("bridge", self._bridge())
        for agent in site.agents():
            self._up(site.agent_name(agent), self._edge(agent, deployment))
        population.make_accounts(site)
        self._up("gateway", self._gateway())
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self._watcher.start()
        return deployment

    def _up(self, name: str, process: Process, probe: Callable[[], bool] | None = None) -> None:
        self.processes[name] = process
        process.start()
        process.wait_ready(probe)
        self._say(f"{name} is up (pid {process.pid})")

    def build(self, name: str) -> Process:
        """Return the process `localnet` or `gateway`, configured and not started; the others need a deployment."""
        return {"localnet": self._localnet, "gateway": self._gateway}[name]()

    def _localnet(self) -> Process:
        site = self.site
        table = {
            "home": site.home,
            "host": HOST,
            "rpc_port": site.ports.rpc,
            "speed": site.speed,
            "start": str(campus_start_s()),
        }
        config = site.write("localnet", "localnet", table)
        command = [localnet_python(), "-m", "deploy.localnet", "run", "--config", str(config)]
        return Process("localnet", command, site.home / "log" / "localnet.log", {"PYTHONPATH": str(CHECKOUT)})

    def _sim(self) -> Process:
        site = self.site
        settings = SimSettings(
            home=site.home / "sim",
            clock=site.clock,
            host=HOST,
            base_port=site.ports.meters,
            meters=[meter.settings for meter in site.fleet],
            metrics_port=site.sim_metrics,
            control_port=site.ports.control,
        )
        path = site.config("sim")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render_config(settings))
        return self._service("sim", "firmware_sim", path)

    def _edge(self, agent: int, deployment: Deployment) -> Process:
        site = self.site
        table = {
            "agent": site.agent_name(agent),
            "home": site.agent_home(agent),
            "mqtt_host": HOST,
            "mqtt_port": site.ports.broker,
            "mqtt_version": self._mqtt_version,
            "clock": site.clock,
            "poll_interval_s": 1.0,
            "network_tag": deployment.network_tag,
            "bridge_keys": [keys.public_key(site.key("bridge-receipts")).hex()],
            "config_key": keys.public_key(site.key("operator")).hex(),
            "metrics_port": site.agent_metrics(agent),
            "meters": [
                {
                    "id": site.meter_id(meter).hex(),
                    "profile": meter.settings.profile,
                    "host": HOST,
                    "port": meter.settings.port,
                    "unit": meter.settings.unit,
                    "serial": meter.settings.serial,
                    "key_file": site.device_key_file(meter),
                    "max_power_w": meter.capacity_w,
                }
                for meter in site.meters_of(agent)
            ],
        }
        name = site.agent_name(agent)
        return self._service(name, "edge", site.write(name, "edge", table))

    def _bridge(self) -> Process:
        site = self.site
        table = {
            "home": site.home / "bridge",
            "mqtt_host": HOST,
            "mqtt_port": site.ports.broker,
            "mqtt_version": self._mqtt_version,
            "rpc_url": site.rpc_url,
            "ws_url": site.ws_url,
            "deployment": site.deployment,
            "clock": site.clock,
            "receipt_key": site.key_file("bridge-receipts"),
            "poster_key": site.key_file("poster"),
            "store_url": site.bridge_store,
            "metrics_port": site.bridge_metrics,
        }
        return self._service("bridge", "oracle_bridge", site.write("bridge", "bridge", table))

    def _gateway(self) -> Process:
        return self._service("gateway", "gateway", self.gateway_config())

    def gateway_config(self) -> Path:
        """Write the gateway's configuration and return its path."""
        site = self.site
        table = {
            "home": site.home / "gateway",
            "host": HOST,
            "port": site.ports.gateway,
            "rpc_url": site.rpc_url,
            "ws_url": site.ws_url,
            "deployment": site.deployment,
            "bridge_store_url": site.bridge_store,
            "fee_payer_key": site.key_file("gateway-payer"),
            "clock": site.clock,
        }
        return site.write("gateway", "gateway", table)

    def _service(self, name: str, module: str, config: Path) -> Process:
        command = [python(), "-m", module, "run", "--config", str(config)]
        environment = {"PYTHONPATH": str(CHECKOUT)}
        return Process(name, command, self.site.home / "log" / f"{name}.log", environment)

    # Watching and stopping

    def _watch(self) -> None:
        """Start a process that has ended again; state is on disk, so nothing is lost by it."""
        while not self._stopping.wait(_WATCH_S):
            for process in list(self.processes.values()):
                if process.exit_status is not None and not self._stopping.is_set():
                    process.restarts += 1
                    process.start()

    def stop(self) -> None:
        """Stop everything, the newest first, and release the home folder."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join()
        for process in reversed(list(self.processes.values())):
            process.stop()
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    def _lock_home(self) -> None:
        self.site.home.mkdir(parents=True, exist_ok=True)
        lock = (self.site.home / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise AlreadyRunningError(
                f"{self.site.home} is in use by another campusgrid; choose another --home"
            ) from error
        self._lock_file = lock


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=0.2):
            return True
    except OSError:
        time.sleep(0.05)
        return False
