"""Brings up as much of a box as a benchmark needs, in a temporary home and on free ports, and takes it down again.

It uses what `campusgrid up` uses (`deploy`): the same broker configuration, local chain, deployment and enrolment.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from benchmarks.process import say
from deploy import population
from deploy.broker import broker_process, find_broker
from deploy.contact.chain import Chain
from deploy.contact.local import deploy_local
from deploy.population import Enrolled
from deploy.ports import Ports
from deploy.processes import Process
from deploy.site import CHECKOUT, HOST, Site, localnet_python, python
from deploy.validator.node import Validator
from firmware_sim.fleet import default_fleet
from gridkit.chain.deployment import Deployment
from gridkit.chain.rpc import Rpc
from gridkit.chain.tx import Signer
from gridkit.clock import NS_PER_S, ClockState, boot_id
from gridkit.durable import write_durably


class Campus:
    """Processes of one box that end with the `with` block.

    Args:
        meters: Meters of the fleet, spread over `zones` zones.
        owners: People who own them in turn; the fleet's own owners are too many for a benchmark.
        speed: Campus seconds in one wall second.
        zones: How many.
    """

    def __init__(self, meters: int, *, owners: int = 1, speed: int = 60, zones: int = 1) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="campusgrid-bench-"))
        self.site = Site(self.home, Ports.free(meters, 1), meters, speed)
        self.site.fleet = [
            msgspec.structs.replace(meter, owner=f"owner-{index % owners + 1}", label=f"meter-{index + 1}")
            for index, meter in enumerate(default_fleet(meters, self.site.ports.meters, zones))
        ]
        self.rpc = Rpc(self.site.rpc_url)
        self.processes: dict[str, Process] = {}
        self.enrolled: list[Enrolled] = []
        self._deployment: Deployment | None = None

    def __enter__(self) -> Campus:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in reversed(list(self.processes)):
            self.stop(name)
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def deployment(self) -> Deployment:
        """The deployment, once `deploy` has made it."""
        assert self._deployment is not None, "deploy() comes first"
        return self._deployment

    @property
    def chain(self) -> Chain:
        """The chain with the deployer as payer, for set-up transactions."""
        return Chain(self.rpc, self.site.signer("deployer"))

    def signer(self, person: str) -> Signer:
        """Return a person's wallet."""
        return self.site.signer(f"user-{person}")

    # Starting and stopping

    def broker(self) -> int:
        """Start the broker that ships; return its pid."""
        program, _ = find_broker(CHECKOUT)
        process = broker_process(self.home / "broker", HOST, self.site.ports.broker, program)
        return self._start("broker", process, answers_on=self.site.ports.broker)

    def localnet(self) -> int:
        """Start the local chain, or the stopped one again; return its pid."""
        site = self.site
        table = {"home": site.home, "host": HOST, "rpc_port": site.ports.rpc, "speed": site.speed}
        config = site.write("localnet", "localnet", table)
        command = [localnet_python(), "-m", "deploy.localnet", "run", "--config", str(config)]
        return self._start("localnet", self._process("localnet", command))

    def validator(self, hours_back: int) -> int:
        """Start a real validator in place of the local chain; return its pid.

        Its time is UTC and nobody can push it, so the people of this campus live some hours ago: meters are enrolled then, and their
        readings are of intervals that are past.

        Raises:
            FileNotFoundError: None is built here.
        """
        self.site.home.mkdir(parents=True, exist_ok=True)
        write_durably(self.site.clock, msgspec.json.encode(_clock_set_back(hours_back)))
        node = Validator(self.home / "validator", self.site.ports.rpc)
        self.processes["validator"] = node.process
        node.start()
        say("validator is up")
        return node.process.pid or 0

    def deploy(self) -> None:
        """Deploy the five programs and enrol the fleet with its owners."""
        self._deployment = deploy_local(self.chain, self.site, say)
        self.enrolled = population.enrol_all(self.chain, self.site, self._deployment, say)

    def bridge(self, **settings: Any) -> int:
        """Start the bridge with these settings over the usual ones; return its pid."""
        site = self.site
        table = {
            "home": site.home / "bridge",
            "mqtt_host": HOST,
            "mqtt_port": site.ports.broker,
            "rpc_url": site.rpc_url,
            "ws_url": site.ws_url,
            "deployment": site.deployment,
            "clock": site.clock,
            "receipt_key": site.key_file("bridge-receipts"),
            "poster_key": site.key_file("poster"),
            "store_url": site.bridge_store,
            "metrics_port": site.bridge_metrics,
        } | settings
        return self._service("bridge", "oracle_bridge", site.write("bridge", "bridge", table))

    def gateway(self) -> int:
        """Make the people's accounts and start the gateway; return its pid."""
        site = self.site
        population.make_accounts(site)
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
        return self._service("gateway", "gateway", site.write("gateway", "gateway", table))

    def stop(self, name: str) -> None:
        """Stop one process and wait for its end."""
        self.processes.pop(name).stop()

    def _service(self, name: str, module: str, config: Path) -> int:
        return self._start(name, self._process(name, [python(), "-m", module, "run", "--config", str(config)]))

    def _process(self, name: str, command: list[str]) -> Process:
        return Process(name, command, self.home / "log" / f"{name}.log", {"PYTHONPATH": str(CHECKOUT)})

    def _start(self, name: str, process: Process, answers_on: int | None = None) -> int:
        self.processes[name] = process
        process.start()
        process.wait_ready(None if answers_on is None else lambda: _answers(answers_on))
        say(f"{name} is up")
        return process.pid or 0


def _clock_set_back(hours: int) -> ClockState:
    campus_ns = time.time_ns() - hours * 3_600 * NS_PER_S
    return ClockState(
        version=1,
        boot_id=boot_id(),
        monotonic_ns=time.monotonic_ns(),
        campus_ns=campus_ns,
        speed=1,
        reserved_until_ns=campus_ns + 3_600 * NS_PER_S,
        error_bound_ms=0,
        pid=os.getpid(),
    )


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
