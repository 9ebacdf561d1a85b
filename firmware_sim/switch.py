"""Switches faults of a running simulator from the command line, by its HTTP control.

    campusgrid sim menu                                    the kinds, and what each does
    campusgrid sim meters                                  every meter, its true registers and switched-on faults
    campusgrid sim on SERIAL KIND [--count N] [--set name=value]...
    campusgrid sim off SERIAL [KIND]

`--control` says where (default http://127.0.0.1:9120; CAMPUSGRID_SIM_CONTROL over it).
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import quote

import msgspec

from firmware_sim.faults import MENU, FaultOrder

DEFAULT_CONTROL: Final = "http://127.0.0.1:9120"
TIMEOUT_S: Final = 120  # the first look at a thousand meters adds up a thousand recorded years
_PARTICULARS: Final = {
    f.name: type(f.default) for f in msgspec.structs.fields(FaultOrder) if f.name not in ("kind", "count")
}


def add_commands(commands: Any) -> None:
    """Add `menu`, `meters`, `on` and `off` to a parser's sub-commands."""
    menu = commands.add_parser("menu", help="the faults that can be switched on")
    meters = commands.add_parser("meters", help="a running simulator's meters, true registers and faults")
    on = commands.add_parser("on", help="switch a fault on")
    on.add_argument("serial")
    on.add_argument("kind", choices=sorted(MENU), metavar="KIND")
    on.add_argument("--count", type=int, help="only for so many replies")
    on.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=", ".join(_PARTICULARS))
    off = commands.add_parser("off", help="take a fault off, or all")
    off.add_argument("serial")
    off.add_argument("kind", nargs="?", default="")
    for command in (menu, meters, on, off):
        command.add_argument("--control", default=os.environ.get("CAMPUSGRID_SIM_CONTROL", DEFAULT_CONTROL))


def switch(words: argparse.Namespace) -> int:
    """Do one command and print the answer; 0 done, 1 refused or nobody there, 2 for particulars that are none."""
    try:
        if words.command == "menu":
            answer = {kind: fault.__doc__ for kind, fault in MENU.items()}
        elif words.command == "meters":
            answer = _ask(words.control, "GET", "/meters")
        elif words.command == "on":
            order = {"kind": words.kind, **_particulars(words.set)}
            if words.count is not None:
                order["count"] = words.count
            answer = _ask(words.control, "POST", f"/meters/{quote(words.serial, safe='')}/faults", order)
        else:
            kind = f"/{quote(words.kind, safe='')}" if words.kind else ""
            answer = _ask(words.control, "DELETE", f"/meters/{quote(words.serial, safe='')}/faults{kind}")
    except _BadParticularsError as error:
        print(f"sim: {error}", file=sys.stderr)
        return 2
    except _RefusedError as error:
        print(f"sim: {error}", file=sys.stderr)
        return 1
    print(json.dumps(answer, indent=1))
    return 0


class _RefusedError(Exception):
    pass


class _BadParticularsError(Exception):
    pass


def _particulars(given: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in given:
        name, is_set, value = item.partition("=")
        if not is_set or name not in _PARTICULARS:
            raise _BadParticularsError(f"--set {item}: NAME=VALUE with NAME one of {', '.join(_PARTICULARS)}")
        try:
            found[name] = int(value) if _PARTICULARS[name] is int else value
        except ValueError:
            raise _BadParticularsError(f"--set {item}: {name} is a whole number") from None
    return found


def _ask(control: str, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    try:
        request = urllib.request.Request(control.rstrip("/") + path, method=method)
        with urllib.request.urlopen(request, data, timeout=TIMEOUT_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise _RefusedError(_detail(error)) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _RefusedError(
            f"nobody answers at {control} ({error}); set `control_port` in [sim] and --control"
        ) from error


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return str(error)
