"""`campusgrid contact wait | build | deploy | verify | health`: the contract-deployment service at the command line."""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from deploy.contact.chain import Chain, TransactionFailedError
from deploy.contact.local import deploy_local
from deploy.contact.steps import PROGRAM_ORDER
from deploy.ports import Ports
from deploy.site import CHECKOUT, Site
from gridkit.chain import deployment as deployments
from gridkit.chain import loader
from gridkit.chain.rpc import Rpc, RpcError


def main(argv: list[str]) -> int:
    """Run one of the five; return its exit status."""
    parser = argparse.ArgumentParser(prog="campusgrid contact", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    texts = {
        "wait": "wait until the chain answers",
        "build": "rebuild the programs from source (Debian's rustc-web, rust-web-src, cargo-web, llvm-22)",
        "deploy": "deploy and initialise what is missing on a local chain",
        "verify": "compare the code on chain with programs/so, byte by byte",
        "health": "the chain, the programs and the accounts of a deployment",
    }
    for name, text in texts.items():
        sub = commands.add_parser(name, help=text)
        sub.add_argument("--home", type=Path, default=CHECKOUT / "var", help="home of the deployment (default: var/)")
        sub.add_argument("--rpc-port", type=int, default=Ports().rpc, help="JSON-RPC of the local chain")
        sub.add_argument("--timeout", type=int, default=60, help="longest wait, seconds")
    words = parser.parse_args(argv)
    run: dict[str, Callable[[argparse.Namespace], int]] = {
        "wait": _wait,
        "build": _build,
        "deploy": _deploy,
        "verify": _verify,
        "health": _health,
    }
    try:
        return run[words.command](words)
    except (RpcError, TransactionFailedError, loader.DeployError, FileNotFoundError) as error:
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
    if genesis != deployment.genesis_hash:
        print(f"the chain's genesis is {genesis}, the deployment's {deployment.genesis_hash}", file=sys.stderr)
    return 1 if missing or genesis != deployment.genesis_hash else 0
