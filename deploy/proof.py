"""`campusgrid proof ID`: writes the proof of a reading (`<meter>-<register epoch>-<interval>`) or a trade (`trade-<n>`), or an `anchor` of now.

Readings come from the bridge's store, batches and fills from the chain's own transactions; nothing is changed. What cannot be proven, because
whoever posted it hid it and the parts are lost, is refused with the reason.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from deploy.history import History
from deploy.up import default_home
from gridkit.chain import deployment as deployments
from gridkit.chain import proof
from gridkit.chain.anchor import read_anchor
from gridkit.chain.rpc import Rpc, RpcError
from gridkit.chain.trades import trade_proof


def main(argv: list[str]) -> int:
    """Write one proof or anchor; return 1 when there is none to write."""
    parser = argparse.ArgumentParser(prog="campusgrid proof", description=__doc__)
    parser.add_argument("id", help="3-0-1976544, trade-7, or anchor")
    parser.add_argument("--home", type=Path, default=default_home(), help="home of the deployment (default: var/)")
    parser.add_argument("--rpc", default="http://127.0.0.1:8899", help="JSON-RPC of the chain")
    parser.add_argument("--store", help="SQLAlchemy URL of the bridge's store (default: SQLite in the home)")
    parser.add_argument("--anchor", type=Path, help="make the proof for this anchor instead of the newest state")
    parser.add_argument("--out", type=Path, help="file to write (default: standard output)")
    words = parser.parse_args(argv)
    try:
        text = _make(words)
    except (LookupError, ValueError, RpcError, FileNotFoundError, proof.ProofError, sa.exc.SQLAlchemyError) as error:
        print(f"campusgrid proof: {error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr)
        return 1
    if words.out:
        words.out.write_bytes(text)
    else:
        sys.stdout.buffer.write(text)
    return 0


def _make(words: argparse.Namespace) -> bytes:
    deployment = deployments.load(words.home / "deployment.json")
    rpc = Rpc(words.rpc)
    anchor = proof.decode_anchor(words.anchor.read_bytes()) if words.anchor else None
    if words.id == "anchor":
        return proof.encode(read_anchor(rpc, deployment))
    if words.id.startswith("trade-"):
        number = words.id.removeprefix("trade-")
        if not number.isdecimal():
            raise ValueError(f"{words.id!r} is no trade: write trade-<n>")
        if anchor is not None and anchor.market is None:
            raise ValueError("the anchor has no market")
        last = anchor.market.trade_seq if anchor is not None and anchor.market is not None else None
        return proof.encode(trade_proof(rpc, deployment, int(number), last))
    store = sa.create_engine(words.store or f"sqlite:///file:{words.home}/bridge/bridge.db?mode=ro&uri=true")
    row = _row(store, words.id)
    history = History(rpc, deployment)
    history.read()
    history.explain(lambda *place: _signed(store, *place))
    zone = anchor.zones.get(str(row.zone)) if anchor is not None else None
    if anchor is not None and zone is None:
        raise ValueError(f"the anchor has no zone {row.zone}")
    next_seq = zone.next_seq if zone is not None else None
    made = history.reading_proof(bytes(row.core), bytes(row.signature), bytes(row.device_key), row.zone, next_seq)
    return proof.encode(made)


def _signed(store: sa.Engine, zone: int, slot: int, interval: int) -> Sequence[Any]:
    query = sa.text("SELECT core, signature, device_key FROM readings_view WHERE zone=:z AND slot=:s AND interval=:i")
    with store.connect() as db:
        return db.execute(query, {"z": zone, "s": slot, "i": interval}).all()


def _row(store: sa.Engine, name: str) -> sa.Row[tuple[object, ...]]:
    parts = name.split("-")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        raise ValueError(f"{name!r} is no id: write <meter>-<register epoch>-<interval>, trade-<n> or anchor")
    query = sa.text("SELECT * FROM readings_view WHERE meter_number=:m AND register_epoch=:e AND interval=:i")
    with store.connect() as db:
        row = db.execute(query, dict(zip("mei", map(int, parts), strict=True))).one_or_none()
    if row is None:
        raise KeyError(f"the bridge has no reading {name}")
    if row.state not in ("posted", "settled"):
        raise KeyError(f"reading {name} is {row.state}: the ledger does not hold it")
    return row
