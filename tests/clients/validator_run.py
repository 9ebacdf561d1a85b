"""The whole client suite on a real validator and on the local chain, side by side.

    python tests/clients/validator_run.py
                   run it, print it, write docs/validator-run.json; 1 if anything differs unexplained
    … --rehearse   the same with a second local chain in the validator's place, nothing written: only what differs from run to run;
                   both clocks run three times as fast
    … --check      1 if that file is not of the programs that are in programs/so now

Both chains get the same programs by the same code, the same keys and the same path for each client. The local chain takes the
validator's genesis hash, since readings are bound to it. An auction clears when its quarter hour is over and a cluster's time cannot be
pushed, so a run lasts until then: 12 to 25 minutes. 3 = no validator is built here (`make validator`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from client_answers import Difference, answers, differences
from client_campus import CHECKOUT, PROGRAMS, Campus
from client_chains import deployed, localnet, validator
from client_explained import explanation
from client_suite import ALL, TIMES, TITLES, steps, walk
from client_tour import AFTER, Tour, common_interval
from client_units import Transaction, costs, replayed, transactions

from deploy.site import Site
from deploy.validator.node import VERSION, tool
from gridkit.chain import idl
from gridkit.chain.rpc import Rpc

RECORD = CHECKOUT / "docs" / "validator-run.json"
NO_VALIDATOR = 3
NODES = ("localnet", "validator")
COLUMNS = ["instruction", "calls", "litesvm_0.26", "localnet", "validator", "times"]
REHEARSAL_SPEED = 3
STEP_S, TOUR_S = 150, 240
"""What a client's path and the tour take, wall seconds, with something to spare: a step that crosses a quarter hour on one chain alone
takes other turns in the programs there, and costs other units."""


def checksums() -> dict[str, str]:
    """Return SHA-256 of each built program."""
    folder = CHECKOUT / "programs" / "so"
    return {name: hashlib.sha256((folder / f"{name}.so").read_bytes()).hexdigest() for name in PROGRAMS}


def stale() -> list[str]:
    """Return the programs whose bytes are not those that the record speaks of; all of them when there is none."""
    try:
        known = json.loads(RECORD.read_text())["programs"]
    except FileNotFoundError:
        known = {}
    return [name for name, digest in checksums().items() if known.get(name) != digest]


def run(*, rehearsal: bool) -> int:
    """Run; return the exit status."""
    began, programs = time.monotonic(), checksums()
    with both(rehearsal=rehearsal) as campuses:
        say(f"deployed to both in {time.monotonic() - began:.0f} s; walking with {len(ALL)} clients")
        seen = walked_and_toured(campuses, REHEARSAL_SPEED if rehearsal else 1)
        say("toured; the same transactions on LiteSVM 0.26")
        older = replayed(campuses["localnet"])
        units, unequal = compared_units(campuses, older)
        asked = {node: answers(campus, *ends(campus)) for node, campus in campuses.items()}
        version = str(Rpc(campuses["validator"].rpc_url).call("getVersion")["solana-core"])
    told, unexplained = explained(differences(asked["localnet"], asked["validator"]))
    clients = {TITLES[client]: results_differ(seen["localnet"][client], seen["validator"][client]) for client in ALL}
    faults = [f"{client}: {where}" for client, found in clients.items() for where in found] + unequal + unexplained
    report(clients, units, told, len(asked["localnet"]))
    record = {
        "validator": f"agave {version}",
        "programs": programs,
        "clients": {client: "differs" if found else "equal" for client, found in clients.items()},
        "units": {"columns": COLUMNS, "rows": units},
        "rpc": {"questions": len(asked["localnet"]), "differences": told},
        "faults": faults,
    }
    if programs != checksums():
        faults.append("the programs in programs/so have changed meanwhile")
    if not rehearsal:
        RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    for fault in faults:
        print(f"DIFFERS  {fault}")
    say(f"{len(faults)} differences without an explanation; {time.monotonic() - began:.0f} s")
    return 1 if faults else 0


@contextmanager
def both(*, rehearsal: bool) -> Iterator[dict[str, Campus]]:
    """Run both chains in a temporary folder, with the programs deployed and the same interval to begin from."""
    with tempfile.TemporaryDirectory(prefix="campusgrid-validator-") as folder:
        home = Path(folder) / "validator"
        speed = REHEARSAL_SPEED if rehearsal else 1
        with localnet(home, speed=speed) if rehearsal else validator(home) as site:
            yield from _both(site, Path(folder) / "localnet", speed)


def _both(site: Site, home: Path, speed: int) -> Iterator[dict[str, Campus]]:
    genesis = str(Rpc(site.rpc_url).call("getGenesisHash"))
    with localnet(home, speed=speed, genesis_hash=genesis) as local:
        with ThreadPoolExecutor() as pool:
            found = dict(zip(NODES, pool.map(deployed, (local, site)), strict=True))
        interval = min(campus.interval for campus in found.values())
        yield {node: replace(campus, interval=interval) for node, campus in found.items()}


def walked_and_toured(campuses: dict[str, Campus], speed: int) -> dict[str, dict[str, Any]]:
    """Return what each client saw on each node; the clients go one after the other, each on both nodes at the same time.

    The tour of what they do not call enters an auction between two of them, and leaves it when its quarter hour is over.

    Args:
        campuses: By node.
        speed: Seconds of the chains in one wall second.
    """
    tours = {node: Tour(campus) for node, campus in campuses.items()}
    seen: dict[str, dict[str, Any]] = {node: {} for node in campuses}
    auction = 0
    for client in ALL:
        common_interval(campuses.values(), STEP_S * speed)
        for node, (found, took_s) in on_each(lambda node, c=client: timed(c, campuses[node])).items():
            seen[node][client] = found
            say(f"{TITLES[client]} on the {node}: {took_s:.0f} s")
        if client == AFTER:
            auction = common_interval(campuses.values(), STEP_S * speed)
            on_each(lambda node, k=auction: tours[node].enter(k))
    common_interval(campuses.values(), TOUR_S * speed)
    on_each(lambda node: tours[node].walk())
    say("toured; waiting until the auction's quarter hour is over")
    on_each(lambda node: tours[node].leave(auction))
    return seen


def on_each(work: Callable[[str], Any]) -> dict[str, Any]:
    """Return what `work` returns for each node; it runs for both at the same time."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(NODES, pool.map(work, NODES), strict=True))


def timed(client: str, campus: Campus) -> tuple[dict[str, Any], float]:
    """Let a client walk, and return what it saw and how many seconds it took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        return walk(client, campus, Path(folder)), time.monotonic() - began


def ends(campus: Campus) -> tuple[str, str]:
    """Return a signature that landed and one that failed in a block: the newest of each that touched the market."""
    listed = Rpc(campus.rpc_url).signatures_for(str(campus.market), limit=100)
    landed = next(one["signature"] for one in listed if one["err"] is None)
    failed = next(one["signature"] for one in listed if one["err"] is not None)
    return landed, failed


def results_differ(localnet_seen: dict[str, Any], validator_seen: dict[str, Any]) -> list[str]:
    """Return the steps at which a client saw something else, with both.

    Times, slots, units and log lines are compared elsewhere or not at all.
    """
    mine, theirs = (steps(timeless(seen)) for seen in (localnet_seen, validator_seen))
    return [
        f"{name}\n    localnet  {json.dumps(mine.get(name), default=str)}\n    validator {json.dumps(theirs.get(name), default=str)}"
        for name in sorted(mine.keys() | theirs.keys())
        if mine.get(name) != theirs.get(name)
    ]


def timeless(value: Any) -> Any:
    """Return what was seen without what depends on the hour, and without what the nodes say of their own work."""
    if isinstance(value, dict):
        at_step = {"slot"} if "logs" in value else set()
        dropped = TIMES | at_step | {"logs", "units", "signature"}
        return {name: timeless(one) for name, one in value.items() if name not in dropped}
    return [timeless(one) for one in value] if isinstance(value, list) else value


def compared_units(campuses: dict[str, Campus], older: dict[str, list[str]]) -> tuple[list[list[Any]], list[str]]:
    """Return a row for each instruction and number of units, and where they are not equal to the unit.

    A transaction is compared with the one of the same instructions, accounts and data on the other chain. A row is
    instruction, calls of other programs, units on LiteSVM 0.26 (None where it was not run), on the local chain, on the validator, how
    often. What a call of another program costs is the runtime's and has changed since 0.26 (1,000 units then, 946 now, and less for
    the accounts passed), so 0.26 must agree where nothing is called; the other two always.
    """
    theirs: dict[str, list[Transaction]] = {}
    for one in transactions(campuses["validator"]):
        theirs.setdefault(one.key, []).append(one)  # the newest first, as on the other side
    rows: Counter[tuple[Any, ...]] = Counter()
    unequal = []
    for mine in transactions(campuses["localnet"]):
        twins = theirs.get(mine.key)
        if not any(name.split(".")[0] in PROGRAMS for name in mine.names):
            continue  # a deployment: it names a program, and a buffer at random
        if not twins:
            unequal.append(f"{' '.join(mine.names)} has no equal on the validator")
            continue
        third, second = costs(twins.pop(0).logs), costs(mine.logs)
        first = costs(older[mine.signature]) if mine.signature in older else [None] * len(second)
        for name, *cost in zip(mine.names, first, second, third, strict=False):
            if name.split(".")[0] not in PROGRAMS:
                continue
            units, calls = [None if one is None else one.units for one in cost], cost[1].calls
            rows[name, calls, *units] += 1
            if len({one for one in units[calls > 0 :] if one is not None}) != 1:
                unequal.append(f"{name}: {units[0]}, {units[1]}, {units[2]} units, {calls} calls")
    unequal += [f"{name} was not called" for name in sorted(every_instruction() - {row[0] for row in rows})]
    return [[*row, times] for row, times in sorted(rows.items(), key=str)], unequal


def every_instruction() -> set[str]:
    """Return `program.instruction` for each that the five programs have."""
    return {f"{program}.{name}" for program in PROGRAMS for name in idl.interface(program).instructions}


def explained(found: list[Difference]) -> tuple[list[dict[str, str]], list[str]]:
    """Return each difference with why it is there, and those for which nobody has said why."""
    told, unexplained = [], []
    for one in found:
        why = explanation(one)
        told.append(asdict(one) | {"why": why or ""})
        if why is None:
            unexplained.append(f"{one.question}, {one.place}: {one.localnet} | {one.validator}")
    return told, unexplained


def report(clients: dict[str, list[str]], units: list[list[Any]], told: list[dict[str, str]], asked: int) -> None:
    """Print both side by side."""
    for client, found in clients.items():
        print(f"{'differs' if found else 'equal':<9}{client}")
    print(f"\n{'own compute units':<32}{'calls':>6}{'LiteSVM 0.26':>14}{'localnet':>10}{'validator':>11}{'times':>7}")
    for name, calls, *figures, times in units:
        older, mine, theirs = ("-" if one is None else f"{one:,}" for one in figures)
        print(f"{name:<32}{calls:>6}{older:>14}{mine:>10}{theirs:>11}{times:>7}")
    print(f"{len({row[0] for row in units})} of {len(every_instruction())} instructions")
    print(f"\n{asked} questions over JSON-RPC, {len(told)} places where the answers differ")
    for one in told:
        print(
            f"  {one['question']}, {one['place']}: {one['localnet']} | {one['validator']}\n      {one['why'] or 'NOT EXPLAINED'}"
        )


def say(text: str) -> None:
    """Tell a step."""
    print(f"validator: {text}", flush=True)


def main() -> int:
    """Read the words and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--check", action="store_true", help="only see whether docs/validator-run.json is of these programs"
    )
    parser.add_argument("--rehearse", action="store_true", help="two local chains, nothing written")
    words = parser.parse_args()
    if words.check:
        old = stale()
        print(
            f"docs/validator-run.json is older than {', '.join(old)}"
            if old
            else "docs/validator-run.json is of these programs"
        )
        return 1 if old else 0
    if not words.rehearse and tool("solana-test-validator") is None:
        say(f"no agave {VERSION} is built here, nothing was run; `make validator` builds it once")
        return NO_VALIDATOR
    return run(rehearsal=words.rehearse)


if __name__ == "__main__":
    sys.exit(main())
