"""The `campusgrid` command: reads the first word and hands the rest to the part that knows it. Parts are imported only when asked for,
so that the bare install of an edge agent can run its own sub-commands."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NamedTuple


class SubCommand(NamedTuple):
    """Where a sub-command lives: `module.main(argv)`; `prefix` words are put before the user's."""

    module: str
    help: str
    extra: str
    prefix: tuple[str, ...] = ()


SUB_COMMANDS: dict[str, SubCommand] = {
    "up": SubCommand("deploy.up", "start everything on this machine and show it working", "all"),
    "demo": SubCommand("deploy.demo", "a fresh temporary deployment: meter, mint, trade, prove, stop", "all"),
    "status": SubCommand("deploy.status", "what a running deployment is doing", "all"),
    "doctor": SubCommand("deploy.doctor", "what is missing or wrong on this machine", "bare"),
    "proof": SubCommand("deploy.proof", "write the proof of a reading or of a trade, or an anchor", "all"),
    "verify": SubCommand("deploy.verify", "check a proof offline against an anchor", "all"),
    "swap": SubCommand("deploy.swap", "approve and record a meter swap that `edge swap` wrote", "all"),
    "enroll": SubCommand("deploy.enroll", "register the meter that `edge enroll` made a key for", "all"),
    "rotate": SubCommand("deploy.rotate", "give a meter the new key that `edge rotate` made", "all"),
    "contact": SubCommand(
        "deploy.contact", "contract deployment: wait, build, deploy, verify, setup-poa, upgrade, health", "all"
    ),
    "localnet": SubCommand("deploy.localnet_command", "the local chain (in its own environment)", "bare"),
    "sim": SubCommand("firmware_sim.__main__", "simulated Modbus meters", "sim"),
    "edge": SubCommand("edge.__main__", "the edge agent: run, status, enroll, rotate, swap, config, probe", "bare"),
    "bridge": SubCommand("oracle_bridge.__main__", "the oracle bridge", "bridge"),
    "gateway": SubCommand("gateway.__main__", "the gateway: run, user", "gateway"),
}


def usage() -> str:
    """Return the help page."""
    rows = "\n".join(f"  {name:<10} {sub.help}" for name, sub in SUB_COMMANDS.items())
    return f"usage: campusgrid COMMAND [ARGUMENTS]\n\ncommands:\n{rows}\n\n`campusgrid COMMAND --help` tells more.\n"


def main(argv: list[str] | None = None) -> int:
    """Run one sub-command; return its exit status."""
    words = sys.argv[1:] if argv is None else argv
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage(), end="")
        return 0 if words else 2
    if words[0] in ("-V", "--version"):
        from importlib.metadata import version

        print(f"campusgrid {version('campusgrid')}")
        return 0
    sub = SUB_COMMANDS.get(words[0])
    if sub is None:
        print(f"campusgrid: unknown command {words[0]!r}; `campusgrid --help` lists them", file=sys.stderr)
        return 2
    try:
        module = importlib.import_module(sub.module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in _OURS:
            raise
        print(
            f"campusgrid {words[0]}: the package {error.name!r} is missing; pip install 'campusgrid[{sub.extra}]'",
            file=sys.stderr,
        )
        return 3
    try:
        status = int(module.main([*sub.prefix, *words[1:]]))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has what he wanted, as `head` does. What is left in the buffer goes nowhere at the exit, in silence.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    return status


_PIPE_CLOSED = 141  # as a shell says it of SIGPIPE
_OURS = frozenset({"gridkit", "edge", "oracle_bridge", "gateway", "firmware_sim", "deploy"})

if __name__ == "__main__":
    raise SystemExit(main())
