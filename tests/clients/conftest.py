"""Fixtures of the client tests: a real local chain on free ports with the five programs deployed and initialised, made once a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from solders.pubkey import Pubkey

sys.path.insert(0, str(Path(__file__).resolve().parent))

from client_campus import CHECKOUT, Campus, free_pair

from deploy.contact.chain import Chain
from deploy.contact.local import COUNCIL, deploy_local, fund
from deploy.ports import Ports
from deploy.processes import Process
from deploy.site import HOST, Site, localnet_python
from gridkit.chain.rpc import Rpc

SPEED = 60


@pytest.fixture(scope="session")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campus]:
    """A deployed campus in a fresh home; its clock runs 60 times as fast, so that a timelock of seconds is short."""
    site = Site(tmp_path_factory.mktemp("clients") / "home", Ports(rpc=free_pair()), 1, SPEED)
    table = {"home": site.home, "host": HOST, "rpc_port": site.ports.rpc, "speed": SPEED}
    command = [
        localnet_python(),
        "-m",
        "deploy.localnet",
        "run",
        "--config",
        str(site.write("localnet", "localnet", table)),
    ]
    localnet = Process("localnet", command, site.home / "log" / "localnet.log", {"PYTHONPATH": str(CHECKOUT)})
    localnet.start()
    try:
        localnet.wait_ready()
        chain = Chain(Rpc(site.rpc_url), site.signer("deployer"))
        deployment = deploy_local(chain, site, lambda said: None)
        fund(chain, [site.signer(name).address for name in COUNCIL])
        [(zone, addresses)] = deployment.zones.items()
        yield Campus(
            rpc_url=site.rpc_url,
            ws_url=site.ws_url,
            programs={name: Pubkey.from_string(address) for name, address in deployment.programs.items()},
            market=Pubkey.from_string(deployment.market),
            zone=int(zone),
            slab=Pubkey.from_string(addresses.slab),
            roots=Pubkey.from_string(addresses.roots),
            ledger=Pubkey.from_string(addresses.ledger),
            network_tag=bytes.fromhex(deployment.network_tag),
            keys=site.home / "keys",
        )
    finally:
        localnet.stop()
