"""`campusgrid status`: what a running deployment is doing and what is wrong with which meter, once, as text or JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import msgspec
from rich.console import Console

from deploy.observe import Observer
from deploy.site import Site
from deploy.table import render
from deploy.up import DEFAULT_SPEED, add_port_options, default_home, ports_of
from gridkit.agent_status import EXIT_TROUBLE
from gridkit.chain import deployment as deployments
from gridkit.chain.rpc import RpcError


def main(argv: list[str]) -> int:
    """Print one look; return 0, 1 when the deployment does not answer, 4 when a meter is in trouble."""
    parser = argparse.ArgumentParser(
        prog="campusgrid status",
        description=__doc__,
        epilog="Exit status: 0 all is well, 4 a meter is in trouble, 1 the deployment does not answer.",
    )
    parser.add_argument("--home", type=Path, default=default_home(), help="home of the deployment (default: var/)")
    parser.add_argument("--meters", type=int, default=8, help="simulated meters of this home (default 8)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    add_port_options(parser)
    words = parser.parse_args(argv)
    site = Site(words.home, ports_of(words), words.meters, DEFAULT_SPEED)
    try:
        snapshot = Observer(site, deployments.load(site.deployment)).look()
    except FileNotFoundError:
        print(f"campusgrid status: nothing is deployed in {site.home}; `campusgrid up` does it", file=sys.stderr)
        return 1
    except RpcError as error:
        print(f"campusgrid status: the chain does not answer: {error}", file=sys.stderr)
        return 1
    if words.json:
        print(json.dumps(msgspec.to_builtins(snapshot)))
    else:
        console = Console()
        console.print(render(site, snapshot, width=console.width))
    return 0 if all(agent.is_well for agent in snapshot.agents) else EXIT_TROUBLE
