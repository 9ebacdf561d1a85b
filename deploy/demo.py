"""`campusgrid demo`: in a temporary home and on free ports, meters are read, readings signed, proven and minted, and a trade is made.

Every figure is checked against another source. It prints what happened and ends with 1 if anything is missing or does not add up.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from deploy.api import Api
from deploy.history import History
from deploy.observe import Observer, Snapshot
from deploy.ports import Ports
from deploy.site import Site
from deploy.stack import Stack
from deploy.up import DEFAULT_SPEED, START_ERRORS
from firmware_sim.truth import TruthReader
from gridkit.chain import proof
from gridkit.chain.anchor import read_anchor
from gridkit.chain.rpc import Rpc, RpcError
from gridkit.chain.trades import TradeNotKeptError, trade_proof
from gridkit.units import ATOMS_PER_WH, format_decimal

_METERS = 8
_POLL_S = 0.5
_PRICE = "0.25"


class DemoError(Exception):
    """Something did not happen in time, or does not add up."""


class Figures(msgspec.Struct, kw_only=True):
    """What is printed. Energy in Wh from the simulator's truth log; atoms from the chain; counts from where they are kept."""

    meters: int
    intervals_closed: int
    readings_signed: int
    readings_stored: int
    readings_posted: int
    readings_superseded: int
    readings_withheld: int
    readings_refused: int
    export_wh: int
    import_wh: int
    minted_atoms: int
    burned_atoms: int
    debt_atoms: int
    supply_atoms: int
    proofs_verified: int
    trades: list[dict[str, Any]]
    seconds: int
    failures: list[str]


def main(argv: list[str]) -> int:
    """Run the demonstration; return 0 when everything happened and adds up."""
    parser = argparse.ArgumentParser(prog="campusgrid demo", description=__doc__)
    parser.add_argument("--intervals", type=int, default=2, help="quarter hours to wait for (default 2)")
    parser.add_argument("--meters", type=int, default=_METERS, help=f"simulated meters (default {_METERS}, the least)")
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")
    parser.add_argument("--keep", action="store_true", help="keep the temporary home")
    words = parser.parse_args(argv)
    if words.intervals < 1 or words.meters < _METERS:
        parser.error(f"at least 1 interval and {_METERS} meters")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    home = Path(tempfile.mkdtemp(prefix="campusgrid-demo-"))
    say = _speaker(words.json)
    started = time.monotonic()
    try:
        figures = _demonstrate(home, words.meters, words.intervals, say)
    except (*START_ERRORS, DemoError) as error:
        print(f"campusgrid demo: {error}", file=sys.stderr)
        return 1
    finally:
        if words.keep:
            say(f"kept {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
    figures.seconds = round(time.monotonic() - started)
    if words.json:
        print(json.dumps(msgspec.to_builtins(figures)))
    else:
        _tell(figures)
    for failure in figures.failures:
        print(f"campusgrid demo: {failure}", file=sys.stderr)
    return 1 if figures.failures else 0


def _speaker(quiet: bool) -> Any:
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {text}", file=sys.stderr if quiet else sys.stdout, flush=True)

    return say


def _demonstrate(home: Path, meter_count: int, intervals: int, say: Any) -> Figures:
    # A directory of ours alone, so that the ports found free are not another demonstration's home.
    site = Site(home, Ports.free(meter_count, 2), meter_count, DEFAULT_SPEED)
    stack = Stack(site, say)
    deployment = stack.start()
    try:
        observer, rpc = Observer(site, deployment), Rpc(site.rpc_url)
        closed = _wait_for_intervals(observer, intervals, say)
        make_trade(site, deployment, observer, say)
        final = wait_until_quiet(site, stack, observer, say)
        history = History(rpc, deployment)
        history.read()
        return gather_figures(site, deployment, rpc, history, final, closed)
    finally:
        stack.stop()


def _wait_for_intervals(observer: Observer, intervals: int, say: Any) -> int:
    """Wait until every meter has its opening reading and `intervals` more, all settled; return the closed intervals."""
    deadline = time.monotonic() + 60 + 25 * (intervals + 2)
    told = -1
    while time.monotonic() < deadline:
        snapshot = _look(observer)
        if snapshot is not None and snapshot.meters:
            least = min(line.applied for line in snapshot.meters)
            if least != told:
                told = least
                say(f"{snapshot.posted} readings on chain, {format_decimal(snapshot.minted_atoms, 6)} GRID minted")
            if least > intervals and all(line.settled for line in snapshot.meters):
                return least - 1
        time.sleep(_POLL_S)
    raise DemoError(
        f"after {intervals} intervals' time the meters' readings were not all settled (least applied: {told})"
    )


def _look(observer: Observer) -> Snapshot | None:
    try:
        return observer.look()
    except RpcError:
        return None


def make_trade(site: Site, deployment: Any, observer: Observer, say: Any) -> None:
    """The owner with the most GRID sells part of it, the student buys it; both through the gateway's API."""
    snapshot = observer.look()
    seller_line = max(snapshot.meters, key=lambda line: 0 if line.debt_atoms else line.balance_atoms)
    lots = min(seller_line.balance_atoms // ATOMS_PER_WH, 2_000) if not seller_line.debt_atoms else 0
    if lots == 0:
        raise DemoError("no owner has GRID to sell: no roof exported in the intervals seen")
    owner = next(meter.owner for meter in site.fleet if meter.label == seller_line.label)
    passwords = json.loads((site.home / "accounts.json").read_text())
    seller = Api(site.api_url, owner, passwords[owner])
    buyer = Api(site.api_url, "student", passwords["student"])
    quantity = format_decimal(lots, 3)
    seller.place("sell", quantity, _PRICE, "demo-sell-1")
    bought = buyer.place("buy", quantity, _PRICE, "demo-buy-1")
    if bought["state"] != "filled":
        raise DemoError(f"the student's order is {bought['state']} ({bought['reason']}), not filled")
    say(f"{owner} sold {quantity} kWh to student at {_PRICE} credit/kWh")
    seller.close()
    buyer.close()


def wait_until_quiet(site: Site, stack: Stack, observer: Observer, say: Any) -> Snapshot:
    """Stop reading meters, then wait until nothing is spooled or pending and all that is posted is settled."""
    deadline = time.monotonic() + 120
    stopped = False
    signed = 0
    while time.monotonic() < deadline:
        snapshot = _look(observer)
        if snapshot is not None:
            quiet = snapshot.pending == 0 and snapshot.states.get("posted", 0) == 0
            quiet = quiet and all(line.settled for line in snapshot.meters)
            if stopped and quiet:
                snapshot = msgspec.structs.replace(snapshot, signed=signed)
                say("nothing is pending and everything posted is settled")
                return snapshot
            if not stopped and quiet and snapshot.backlog == 0:
                for agent in site.agents():
                    process = stack.processes.pop(site.agent_name(agent))
                    signed = max(signed, snapshot.signed)
                    process.stop()
                stopped = True
        time.sleep(_POLL_S)
    raise DemoError("readings were still pending or unsettled after 120 s")


def gather_figures(site: Site, deployment: Any, rpc: Rpc, history: History, final: Snapshot, closed: int) -> Figures:
    failures: list[str] = []
    rows = stored_rows(site)
    history.explain(lambda *place: (row for row in rows if (row.zone, row.slot, row.interval) == place))
    export_wh, import_wh = _energy(site, rows, final, failures)
    anchor = read_anchor(rpc, deployment)
    proven = _prove_readings(rows, history, anchor, failures)
    trades = _trades(site, history, failures)
    proven += _prove_trades(rpc, deployment, trades, anchor, failures)
    posted = sum(line.applied for line in final.meters)
    settled = history.settled
    figures = Figures(
        meters=len(final.meters),
        intervals_closed=closed,
        readings_signed=final.signed,
        readings_stored=len(rows),
        readings_posted=posted,
        readings_superseded=final.states.get("superseded", 0),
        readings_withheld=final.states.get("withheld", 0),
        readings_refused=final.refused,
        export_wh=export_wh,
        import_wh=import_wh,
        minted_atoms=settled.minted_atoms,
        burned_atoms=settled.burned_atoms,
        debt_atoms=settled.debt_added_atoms - settled.debt_paid_atoms,
        supply_atoms=rpc.token_supply_atoms(deployment.grid_mint),
        proofs_verified=proven,
        trades=trades,
        seconds=0,
        failures=failures,
    )
    failures += check(figures)
    if failures and history.cut:
        failures.append(
            f"somebody had the logs of {len(history.cut)} transactions cut, so events are missing: {sorted(history.cut)}"
        )
    return figures


def check(figures: Figures) -> list[str]:
    """Return every equation between figures of different sources that does not hold."""
    f = figures
    equations = [
        (f.meters >= _METERS, f"at least {_METERS} meters, seen {f.meters}"),
        (
            f.minted_atoms == ATOMS_PER_WH * f.export_wh,
            f"minted {f.minted_atoms} is not 1000 x {f.export_wh} Wh exported",
        ),
        (
            f.burned_atoms + f.debt_atoms == ATOMS_PER_WH * f.import_wh,
            f"burnt {f.burned_atoms} + debt {f.debt_atoms} is not 1000 x {f.import_wh} Wh imported",
        ),
        (
            f.supply_atoms == f.minted_atoms - f.burned_atoms,
            f"supply {f.supply_atoms} is not minted {f.minted_atoms} - burnt {f.burned_atoms}",
        ),
        (
            f.readings_posted + f.readings_superseded + f.readings_withheld == f.readings_stored,
            f"posted {f.readings_posted} + superseded {f.readings_superseded} + withheld {f.readings_withheld} "
            f"is not stored {f.readings_stored}",
        ),
        (len(f.trades) >= 1, "no trade was made"),
        (
            f.proofs_verified == f.readings_posted + len(f.trades),
            f"{f.proofs_verified} proofs hold of {f.readings_posted} readings + {len(f.trades)} trades",
        ),
    ]
    return [text for holds, text in equations if not holds]


def stored_rows(site: Site) -> list[Any]:
    path = site.bridge_store.removeprefix("sqlite:///")
    engine = sa.create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")
    query = "SELECT * FROM readings_view ORDER BY meter_number, register_epoch, interval"
    with engine.connect() as db:
        return list(db.execute(sa.text(query)))


def _energy(site: Site, rows: list[Any], final: Snapshot, failures: list[str]) -> tuple[int, int]:
    """Return (export, import) in Wh between the blocks that were served for each meter's opening and last settled reading."""
    truth = TruthReader(site.home / "sim")
    serials = {line.number: _serial(site, line.label) for line in final.meters}
    export_wh = import_wh = 0
    for number, serial in serials.items():
        settled = [row for row in rows if row.meter_number == number and row.state == "settled"]
        if not settled:
            failures.append(f"meter {number} has no settled reading")
            continue
        served = []
        for row in (settled[0], settled[-1]):
            entry = truth.served(serial, row.import_wh, row.export_wh)
            if entry is None:
                failures.append(f"meter {number} signed {row.import_wh}/{row.export_wh} Wh, which was never served")
            elif entry.strays():
                failures.append(f"meter {number} was served {row.import_wh}/{row.export_wh} Wh, off true energy")
            served.append(entry)
        if None in served:
            continue
        export_wh += served[1].export_wh - served[0].export_wh
        import_wh += served[1].import_wh - served[0].import_wh
    return export_wh, import_wh


def _serial(site: Site, label: str) -> str:
    return next(meter.settings.serial for meter in site.fleet if meter.label == label)


def _prove_readings(rows: list[Any], history: History, anchor: proof.Anchor, failures: list[str]) -> int:
    """Prove every posted reading from the chain's own history against the anchor; return how many hold."""
    held = 0
    for row in rows:
        if row.state not in ("posted", "settled"):
            continue
        next_seq = anchor.zones[str(row.zone)].next_seq
        try:
            made = history.reading_proof(
                bytes(row.core), bytes(row.signature), bytes(row.device_key), row.zone, next_seq
            )
            proof.verify(proof.decode_proof(proof.encode(made)), anchor)
            held += 1
        except (KeyError, proof.ProofError) as error:
            failures.append(f"no proof of meter {row.meter_number}, interval {row.interval}: {error!r}")
    return held


def _trades(site: Site, history: History, failures: list[str]) -> list[dict[str, Any]]:
    """Return the trades as the API lists them; each must stand in a transaction that the chain has."""
    passwords = json.loads((site.home / "accounts.json").read_text())
    api = Api(site.api_url, "auditor", passwords["auditor"])
    listed = []
    for trade in api.get("/trades")["trades"]:
        if history.trade_signatures.get(trade["trade_id"]) != trade["signature"]:
            failures.append(f"trade {trade['trade_id']} is not in the transaction that the API names")
        listed.append(
            {
                "id": trade["trade_id"],
                "lots": int(trade["quantity"].replace(".", "")),
                "ticks": int(trade["price"].replace(".", "")),
                "buyer": trade["buyer"],
                "seller": trade["seller"],
                "signature": trade["signature"],
            }
        )
    if len(listed) != len(history.trade_signatures):
        failures.append(f"the API lists {len(listed)} trades, the chain has {len(history.trade_signatures)}")
    api.close()
    return sorted(listed, key=lambda trade: int(trade["id"]))


def _prove_trades(
    rpc: Rpc, deployment: Any, trades: list[dict[str, Any]], anchor: proof.Anchor, failures: list[str]
) -> int:
    held = 0
    for trade in trades:
        try:
            made = trade_proof(rpc, deployment, trade["id"])
            proof.verify(proof.decode_proof(proof.encode(made)), anchor)
            held += 1
        except (TradeNotKeptError, proof.ProofError) as error:
            failures.append(f"no proof of trade {trade['id']}: {error!r}")
    return held


def _tell(figures: Figures) -> None:
    f = figures
    print(
        f"\n{f.meters} meters, {f.intervals_closed} intervals: {f.readings_signed} readings signed, {f.readings_stored} stored, "
        f"{f.readings_posted} posted on chain, {f.readings_withheld} withheld, {f.readings_refused} refused\n"
        f"exported {format_decimal(f.export_wh, 3)} kWh -> minted {format_decimal(f.minted_atoms, 6)} GRID\n"
        f"imported {format_decimal(f.import_wh, 3)} kWh -> burnt {format_decimal(f.burned_atoms, 6)} GRID, "
        f"debt {format_decimal(f.debt_atoms, 6)}\n"
        f"supply {format_decimal(f.supply_atoms, 6)} GRID, {len(f.trades)} trade(s), {f.proofs_verified} proofs verified, "
        f"{f.seconds} s\n" + ("everything adds up" if not f.failures else "NOT everything adds up")
    )
