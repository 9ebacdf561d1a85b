"""kill -9 of one process in the middle of its work, then a restart: nothing lost, nothing doubled."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import demo
from deploy.history import History
from deploy.observe import Observer
from deploy.ports import Ports
from deploy.site import Site
from deploy.stack import Stack
from gridkit.chain.rpc import Rpc, RpcError
from gridkit.clock import open_clock
from gridkit.interval import INTERVAL_S

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]
METERS = 8
INTERVAL_NS = INTERVAL_S * 1_000_000_000


def say(text: str) -> None:
    print(text, flush=True)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "home", Ports.free(METERS, 2), METERS, 60)


@pytest.fixture
def stack(site: Site) -> Iterator[Stack]:
    stack = Stack(site, say)
    stack.start()
    yield stack
    stack.stop()


def wait_until_applied(observer: Observer, least: int, timeout_s: int = 120) -> None:
    """Wait until every meter has so many readings on chain."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            snapshot = observer.look()
        except RpcError:  # the chain may be the one that was killed
            time.sleep(0.2)
            continue
        if snapshot.meters and min(line.applied for line in snapshot.meters) >= least:
            return
        time.sleep(0.3)
    raise AssertionError(f"not every meter had {least} readings on chain within {timeout_s} s")


def wait_for_boundary(site: Site) -> None:
    """Wait until campus time enters the next quarter hour."""
    clock = open_clock(site.clock)
    clock_interval = clock.now_ns() // INTERVAL_NS
    while clock.now_ns() // INTERVAL_NS == clock_interval:
        time.sleep(0.01)


def wait_for_restart(stack: Stack, name: str, before: int) -> None:
    """Wait until the supervisor has seen the kill and started the process again."""
    deadline = time.monotonic() + 120
    while stack.processes[name].restarts == before:
        assert time.monotonic() < deadline, f"{name} was not killed, or not started again"
        time.sleep(0.05)


def test_killing_each_process_in_turn_loses_and_doubles_nothing(site: Site, stack: Stack) -> None:
    """The power goes when it likes: while readings are spooled, judged, posted or settled."""
    assert stack.deployment is not None
    observer = Observer(site, stack.deployment)
    wait_until_applied(observer, 1)
    applied = 1
    chance = random.Random(20_261_123)
    for name in ("bridge", "edge-1", "localnet", "bridge", "edge-2"):
        wait_for_boundary(site)
        time.sleep(chance.uniform(0, 1.2))  # somewhere between the boundary's polls and the settlement
        before = stack.processes[name].restarts
        stack.processes[name].signal(signal.SIGKILL)
        wait_for_restart(stack, name, before)
        applied += 1
        wait_until_applied(observer, applied)
    demo.make_trade(site, stack.deployment, observer, say)
    final = demo.wait_until_quiet(site, stack, observer, say)
    rpc = Rpc(site.rpc_url)
    history = History(rpc, stack.deployment)
    history.read()
    figures = demo.gather_figures(site, stack.deployment, rpc, history, final, applied - 1)
    assert figures.failures == []
    # Every interval since a meter's opening is on chain exactly once: a kill costs no interval, since boundaries come 15 s apart.
    rows = [row for row in demo.stored_rows(site) if row.state == "settled"]
    seen = [(row.meter_number, row.register_epoch, row.interval) for row in rows]
    assert len(seen) == len(set(seen)) == figures.readings_posted
