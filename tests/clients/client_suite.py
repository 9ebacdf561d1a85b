"""The clients of the suite, how each is started, and the form in which what they saw is compared."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import client_anchorpy
import client_solana_py
from client_campus import Campus
from client_npm import find_node
from client_path import Path as DescribedPath

PYTHON = {"anchorpy": client_anchorpy, "solana-py": client_solana_py}
NODE = ("anchor29", "anchor31", "anchorcore", "web3js", "kit")
FEW = (*PYTHON, "anchor29", "anchor31")
"""Those of every test run; the others differ from one of these by their maker's name or by less."""
ALL = (*PYTHON, *NODE)
TITLES = {
    "anchorpy": "anchorpy 0.21",
    "solana-py": "solana-py 0.36",
    "anchor29": "@coral-xyz/anchor 0.29",
    "anchor31": "@coral-xyz/anchor 0.31",
    "anchorcore": "@anchor-lang/core 1.2",
    "web3js": "@solana/web3.js 1.98",
    "kit": "@solana/kit 8.4",
}

COUNTERS = {
    "seq", "id", "user_number", "meter_number", "row", "seat", "maker_seat", "taker_seat", "buyer_seat", "seller_seat", "slot",
    "from_slot", "order_id", "maker_order", "taker_order", "order_seq", "first_trade", "proposals", "meter", "meter_id", "key",
    "digest",
}  # fmt: skip
"""What differs between two clients of one campus because each comes after the other, or signs with another key."""
TIMES = {"campus_time", "eta", "expires_at", "interval"}


def walk(client: str, campus: Campus, folder: Path) -> dict[str, Any]:
    """Let a client walk the path, and return what it saw in normal form.

    Raises:
        client_npm.NoNodeError, client_npm.NoPackagesError: A TypeScript client cannot be run here.
        client_npm.NodeFailedError: A TypeScript client failed.
    """
    path = DescribedPath(campus, client).describe()
    if client in PYTHON:
        return normal(asyncio.run(PYTHON[client].walk(path)))
    node = find_node()
    node.install()
    described, seen = folder / f"{client}.json", folder / f"{client}-seen.json"
    described.write_text(json.dumps(path))
    node.run(f"{client}.js", [str(described), str(seen)])
    return normal(json.loads(seen.read_text()))


def normal(value: Any) -> Any:
    """Return what a client saw with every whole number an int, and every byte array in hex."""
    if isinstance(value, dict):
        found = {name: normal(one) for name, one in value.items()}
        if "events" in found and found["events"] and isinstance(found["events"][0], dict):
            found["events"] = sorted(found["events"], key=lambda event: event["program"])
        return found
    if isinstance(value, list):
        items = [normal(one) for one in value]
        if len(items) >= 8 and all(isinstance(one, int) and 0 <= one < 256 for one in items):
            return bytes(items).hex()
        return items
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 21 else value


def steps(seen: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what was seen by the name of the step."""
    return {step["name"]: step for step in seen["steps"]}


def comparable(seen: dict[str, Any], *, shared: Iterable[str]) -> dict[str, Any]:
    """Return what any client must have seen alike: without counters and times, and with its own wallets by name.

    Args:
        seen: In normal form.
        shared: Addresses that all clients have in common.
    """
    names = {address: f"<{name}>" for name, address in seen["wallets"].items()} | {one: one for one in shared}
    by_name = steps(seen)
    minted = by_name["minted"]["amount"] - by_name.pop("unminted")["amount"]
    moved = by_name.pop("after")["fields"]["order_seq"] - by_name.pop("before")["fields"]["order_seq"]
    by_name["minted"] = {"amount": minted, "simulation moved": moved}
    return {name: _comparable(step, names) for name, step in by_name.items()}


def _comparable(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        dropped = COUNTERS | TIMES | {"name", "logs", "units", "signature", "msg"}
        if "data" in value:  # an event
            return [value["program"], value["name"], _comparable(value["data"], names)]
        if "code" in value:  # a refusal: not every client finds the program or the words
            return value["code"]
        return {name: _comparable(one, names) for name, one in value.items() if name not in dropped}
    if isinstance(value, list):
        return [_comparable(one, names) for one in value]
    if isinstance(value, str) and len(value) > 30:
        return names.get(value, "<another>")
    return value
