"""`campusgrid contact wait | build | deploy | verify | setup-poa | upgrade | health`: the contract-deployment service at the command line."""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from deploy.contact import authority
from deploy.contact.chain import Chain, TransactionFailedError
from deploy.contact.council import CouncilWaitsError
from deploy.contact.local import council_keys, deploy_local
from deploy.contact.steps import PROGRAM_ORDER
from deploy.ports import Ports
from deploy.site import CHECKOUT, Site
from gridkit.chain import deployment as deployments
from gridkit.chain import loader
from gridkit.chain.rpc import Rpc, RpcError

_REFUSALS = (CouncilWaitsError, authority.ForeignAuthorityError)


def main(argv: list[str]) -> int:
    """Run one of them; return its exit status."""
    parser = argparse.ArgumentParser(prog="campusgrid contact", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    texts = {
        "wait": "wait until the chain answers",
        "build": "rebuild the programs from source (Debian's rustc-web, rust-web-src, cargo-web, llvm-22)",
        "deploy": "deploy and initialise what is missing on a local chain",
        "verify": "compare the code on chain with programs/so, byte by byte",
        "setup-poa": "register the validators, and hand the programs to the council",
        "upgrade": "replace a program's code by the one in programs/so, by decision of the council",
        "health": "the chain, the programs, the accounts, the validators and the authorities of a deployment",
    }
    for name, text in texts.items():
        sub = commands.add_parser(name, help=text)
        sub.add_argument("--home", type=Path, default=CHECKOUT / "var", help="home of the deployment (default: var/)")
        sub.add_argument("--rpc-port", type=int, default=Ports().rpc, help="JSON-RPC of the local chain")
        sub.add_argument("--timeout", type=int, default=60, help="longest wait, seconds")
        if name == "upgrade":
            sub.add_argument("--program", required=True, choices=PROGRAM_ORDER)
    words = parser.parse_args(argv)
    run: dict[str, Callable[[argparse.Namespace], int]] = {
        "wait": _wait,
        "build": _build,
        "deploy": _deploy,
        "verify": _verify,
        "setup-poa": _setup_poa,
        "upgrade": _upgrade,
        "health": _health,
    }
    try:
        return run[words.command](words)
    except (RpcError, TransactionFailedError, loader.DeployError, FileNotFoundError, *_REFUSALS) as error:
        print(f"campusgrid contact {words.command}: {error}", file=sys.stderr)
        return 1


def _site(words: argparse.Namespace) -> Site:
    return Site(words.home, Ports(rpc=words.rpc_port), 8, 60)


def _wait(words: argparse.Namespace) -> int:
    rpc, deadline = Rpc(_site(words).rpc_url, timeout_s=2), time.monotonic() + words.timeout
    while time.monotonic() < deadline:
        try:
            rpc.call("getHealth")
        except RpcError:
            time.sleep(0.2)
        else:
            print("the chain answers")
            return 0
    print(f"no answer from {rpc.url} within {words.timeout} s", file=sys.stderr)
    return 1


def _build(words: argparse.Namespace) -> int:
    del words
    return subprocess.run([sys.executable, "-m", "programs.tools.build"], cwd=CHECKOUT, check=False).returncode


def _deploy(words: argparse.Namespace) -> int:
    site = _site(words)
    deployment = deploy_local(Chain(Rpc(site.rpc_url), site.signer("deployer")), site, print)
    print(f"deployed; network tag {deployment.network_tag}, market {deployment.market}")
    return 0


def _verify(words: argparse.Namespace) -> int:
    site = _site(words)
    rpc, deployment = Rpc(site.rpc_url), deployments.load(site.deployment)
    different = 0
    for name in PROGRAM_ORDER:
        image = (CHECKOUT / "programs" / "so" / f"{name}.so").read_bytes()
        account = rpc.account(loader.program_data_address(deployment.programs[name]))
        code = b"" if account is None else account.data[loader.PROGRAM_DATA_HEADER :]
        same = code[: len(image)] == image and not any(code[len(image) :])
        different += not same
        print(f"{'equal    ' if same else 'DIFFERENT'} {name} {hashlib.sha256(image).hexdigest()}")
    return 1 if different else 0


def _setup_poa(words: argparse.Namespace) -> int:
    site = _site(words)
    chain, deployment = Chain(Rpc(site.rpc_url), site.signer("deployer")), deployments.load(site.deployment)
    authority.set_up(chain, deployment, council_keys(site), print)
    print("the validators are registered, and the council alone upgrades the programs")
    return 0


def _upgrade(words: argparse.Namespace) -> int:
    site = _site(words)
    chain, deployment = Chain(Rpc(site.rpc_url), site.signer("deployer")), deployments.load(site.deployment)
    image = (CHECKOUT / "programs" / "so" / f"{words.program}.so").read_bytes()
    done = authority.upgrade(chain, deployment, council_keys(site), words.program, image)
    print(f"{words.program} {'runs the new code' if done else 'runs this code already'}")
    return 0


def _health(words: argparse.Namespace) -> int:
    site = _site(words)
    rpc, deployment = Rpc(site.rpc_url), deployments.load(site.deployment)
    genesis = str(rpc.call("getGenesisHash"))
    named = {f"program {name}": address for name, address in deployment.programs.items()}
    named |= {f"config {name}": deployment.config(name) for name in PROGRAM_ORDER if name != "governance"}
    named |= {"council": deployment.council, "market": deployment.market}
    for zone, addresses in deployment.zones.items():
        named |= {f"slab {zone}": addresses.slab, f"roots {zone}": addresses.roots, f"ledger {zone}": addresses.ledger}
    found = rpc.accounts(list(named.values()), offset=0, length=0)
    missing = [name for name, account in zip(named, found, strict=True) if account is None]
    for name, address in named.items():
        print(f"{'MISSING' if name in missing else 'ok     '} {name:<22} {address}")
    council = authority.upgrade_authority(deployment)
    for name, owner in authority.authorities(rpc, deployment).items():
        whose = "the council's" if owner == council else f"upgraded by {owner}" if owner else "immutable"
        print(f"{'ok     ' if owner == council else 'note   '} authority {name:<12} {whose}")
    nodes = authority.nodes_of(rpc)
    known = authority.active_validators(rpc, deployment, nodes)
    for node in nodes:
        print(f"{'ok     ' if node.identity in known else 'note   '} validator {node.identity}", end="")
        print("" if node.identity in known else " is not in the council's register; `campusgrid contact setup-poa`")
    if genesis != deployment.genesis_hash:
        print(f"the chain's genesis is {genesis}, the deployment's {deployment.genesis_hash}", file=sys.stderr)
    return 1 if missing or genesis != deployment.genesis_hash else 0
