"""Starts a local chain or a real validator on free ports, and deploys the five programs to either with the same code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from client_campus import CHECKOUT, CLOCK, INTERVAL_S, Campus, free_pair
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from deploy.contact.chain import Chain
from deploy.contact.local import COUNCIL, GUARDIAN, PAYERS, deploy_local, fund
from deploy.ports import Ports
from deploy.processes import Process
from deploy.site import HOST, Site, localnet_python
from deploy.validator.node import Validator
from gridkit.chain.rpc import Rpc


@contextmanager
def localnet(home: Path, *, speed: int, genesis_hash: str | None = None) -> Iterator[Site]:
    """Run a local chain in a fresh home.

    Args:
        home: Its folder.
        speed: Campus seconds in one wall second.
        genesis_hash: For a chain that must agree with another one; drawn if None. Readings are bound to it.
    """
    site = Site(home, Ports(rpc=free_pair()), 1, speed)
    keys_of(site)
    if genesis_hash is not None:
        folder = home / "localnet"
        folder.mkdir(parents=True)
        made = {"version": 1, "genesis_hash": genesis_hash, "created_unix_s": 0}
        (folder / "genesis.json").write_text(json.dumps(made))
    table = {"home": site.home, "host": HOST, "rpc_port": site.ports.rpc, "speed": speed}
    command = [localnet_python(), "-m", "deploy.localnet", "run", "--config"]
    command.append(str(site.write("localnet", "localnet", table)))
    process = Process("localnet", command, home / "log" / "localnet.log", {"PYTHONPATH": str(CHECKOUT)})
    process.start()
    try:
        process.wait_ready()
        yield site
    finally:
        process.stop()


@contextmanager
def validator(home: Path) -> Iterator[Site]:
    """Run a real validator with a fresh ledger; FileNotFoundError when none is built here."""
    site = Site(home, Ports(rpc=free_pair()), 1, 1)
    keys_of(site)
    node = Validator(home, site.ports.rpc)
    try:
        node.start()
        yield site
    finally:
        node.stop()


def deployed(site: Site) -> Campus:
    """Deploy the programs, fund the council, and return what a client is told."""
    chain = Chain(Rpc(site.rpc_url), site.signer("deployer"))
    deployment = deploy_local(chain, site, lambda said: None)
    fund(chain, [site.signer(name).address for name in COUNCIL])
    [(zone, addresses)] = deployment.zones.items()
    clock = chain.rpc.account(str(CLOCK))
    assert clock is not None
    return Campus(
        rpc_url=site.rpc_url,
        ws_url=site.ws_url,
        programs={name: Pubkey.from_string(address) for name, address in deployment.programs.items()},
        market=Pubkey.from_string(deployment.market),
        zone=int(zone),
        slab=Pubkey.from_string(addresses.slab),
        roots=Pubkey.from_string(addresses.roots),
        ledger=Pubkey.from_string(addresses.ledger),
        network_tag=bytes.fromhex(deployment.network_tag),
        interval=int.from_bytes(clock.data[32:40], "little") // INTERVAL_S,
        keys=site.home / "keys",
    )


def keys_of(site: Site) -> None:
    """Write the keys of a throwaway chain, always the same: what an address costs to derive depends on it."""
    folder = site.home / "keys"
    folder.mkdir(parents=True, mode=0o700)
    for name in (*PAYERS, *COUNCIL, GUARDIAN):
        path = folder / f"{name}.json"
        seed = hashlib.sha256(f"campusgrid client test {name}".encode()).digest()
        path.touch(0o600)
        path.write_text(json.dumps(list(bytes(Keypair.from_seed(seed)))))
