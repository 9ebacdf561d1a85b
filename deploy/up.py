"""`campusgrid up`: starts everything on this machine, keeps it running and shows it, until Ctrl-C. State survives a stop and a kill."""

from __future__ import annotations

import argparse
import io
import signal
import sys
import threading
from pathlib import Path

from rich.console import Console
from rich.live import Live

from deploy.broker import NoBrokerError
from deploy.contact.chain import TransactionFailedError
from deploy.observe import Observer
from deploy.ports import Ports, PortTakenError
from deploy.processes import ProcessFailedError
from deploy.site import CHECKOUT, Site
from deploy.stack import AlreadyRunningError, Stack
from deploy.table import render
from gridkit.chain.rpc import RpcError

DEFAULT_SPEED = 60
START_ERRORS = (
    PortTakenError,
    ProcessFailedError,
    AlreadyRunningError,
    NoBrokerError,
    TransactionFailedError,
    RpcError,
    FileNotFoundError,
)
_REFRESH_S = 1.0


def default_home() -> Path:
    """Return `var/` of the checkout, or of the current folder where campusgrid is an installed package."""
    return CHECKOUT / "var" if (CHECKOUT / "pyproject.toml").exists() else Path.cwd() / "var"


def add_port_options(parser: argparse.ArgumentParser) -> None:
    """Add one option for each port."""
    defaults = Ports()
    for name in defaults.__struct_fields__:
        parser.add_argument(
            f"--{name}-port", type=int, default=getattr(defaults, name), help=f"default {getattr(defaults, name)}"
        )


def ports_of(words: argparse.Namespace) -> Ports:
    """Return the ports that were asked for."""
    return Ports(**{name: getattr(words, f"{name}_port") for name in Ports.__struct_fields__})


def main(argv: list[str]) -> int:
    """Run until Ctrl-C or SIGTERM; return 0, or 1 when something did not start."""
    parser = argparse.ArgumentParser(prog="campusgrid up", description=__doc__)
    parser.add_argument("--home", type=Path, default=default_home(), help="where all state lives (default: var/)")
    parser.add_argument("--meters", type=int, default=8, help="simulated meters of a new home (default 8)")
    parser.add_argument(
        "--speed",
        type=int,
        default=DEFAULT_SPEED,
        choices=range(1, 61),
        metavar="1..60",
        help="campus seconds a second",
    )
    parser.add_argument("--seconds", type=int, default=0, help="stop by itself after so many seconds")
    parser.add_argument("--svg", type=Path, help="write the last table as a picture at the end")
    add_port_options(parser)
    words = parser.parse_args(argv)
    site = Site(words.home, ports_of(words), words.meters, words.speed)
    console = Console()
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    stack = Stack(site, lambda text: console.print(f"  {text}", highlight=False))
    console.print(f"campusgrid is starting in {site.home}")
    try:
        deployment = stack.start()
    except START_ERRORS as error:
        print(f"campusgrid up: {error}", file=sys.stderr)
        return 1
    try:
        _show(site, Observer(site, deployment), console, stopping, words.seconds, words.svg)
    finally:
        console.print("stopping")
        stack.stop()
    return 0


def _show(
    site: Site, observer: Observer, console: Console, stopping: threading.Event, seconds: int, svg: Path | None
) -> None:
    left = seconds or float("inf")
    note = "Ctrl-C stops everything; `make run` goes on where it stopped."
    with Live(console=console, refresh_per_second=2, screen=False) as live:
        while left > 0 and not stopping.wait(_REFRESH_S):
            left -= _REFRESH_S
            try:
                picture = render(site, observer.look(), note, width=console.width)
            except RpcError as error:
                picture = f"waiting for the chain: {error}"  # type: ignore[assignment]
            live.update(picture)
    if svg is not None:
        recorder = Console(record=True, width=110, file=io.StringIO())
        recorder.print(render(site, observer.look()))
        recorder.save_svg(str(svg), title="campusgrid up")
