"""How many SPL Token transfers a second the local chain takes, as a share of bare LiteSVM in the same run.

The smallest transaction that does anything, so the local chain's own work weighs most: decoding, rules, index, log, fsync. It
is `benchmarks/localnet_rate.py`, run once for each round in the local chain's environment: bare LiteSVM with its defaults, then
JSON-RPC batches of 100 on four connections, then one HTTP request each on 32, preflight on, answers after the fsync.

Not measured: what `order_placements` measures with a program of ours, and a real validator.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

from benchmarks.figures import Measured, Unit, sampled
from benchmarks.process import print_measured, say
from deploy.site import CHECKOUT, localnet_python

ROUNDS = 5
TRANSACTIONS = 2_000


def _round() -> dict[str, Any]:
    command = [localnet_python(), "-m", "benchmarks.localnet_rate", "--json", "--rounds", "1"]
    command += ["--transactions", str(TRANSACTIONS)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, timeout=120, check=False)
    try:
        said: dict[str, Any] = json.loads(
            done.stdout
        )  # it ends with 1 when a target is missed, and has its figures all the same
    except ValueError:
        raise SystemExit(f"localnet_rate: {done.stderr}") from None
    say(", ".join(f"{name} {said[f'{name}_per_s']:,}/s" for name in ("bare_litesvm", "batched", "single")))
    return said


def measure() -> Measured:
    """Run the rounds."""
    rounds = [_round() for _ in range(ROUNDS)]

    def rates(name: str) -> list[int]:
        return [int(one[f"{name}_per_s"]) for one in rounds]

    def shares(name: str) -> list[int]:
        return [round(one[f"{name}_ratio"] * 1_000) for one in rounds]

    what = {"batched": "token transfers, JSON-RPC batches", "single": "token transfers, one HTTP request each"}
    aims = {
        "batched": round(rounds[0]["target_batched_ratio"] * 1_000),
        "single": round(rounds[0]["target_single_ratio"] * 1_000),
    }
    figures = [sampled("transfers_bare", "token transfers, bare LiteSVM", Unit.PER_S, rates("bare_litesvm"))]
    for name, text in what.items():
        figures.append(sampled(f"transfers_{name}", text, Unit.PER_S, rates(name)))
        share = f"{text} / bare LiteSVM"
        figures.append(sampled(f"transfers_{name}_share", share, Unit.RATIO, shares(name), aim_least=aims[name]))
    return Measured(
        figures=tuple(figures), remarks=(f"{TRANSACTIONS:,} transfers of each kind in a round, {ROUNDS} rounds.",)
    )


if __name__ == "__main__":
    print_measured(measure)
