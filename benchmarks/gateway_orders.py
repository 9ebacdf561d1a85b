"""How long a person waits for an order over HTTP until its outcome is certain: p50 and p95.

A student signs in and places resting limit orders one after the other on one kept-alive connection. The time of one runs
from the request to the response, in which the gateway has checked token, body and funds, stored the order, signed with the
custodial key, sent the transaction to the local chain, seen it confirmed (it is on disk by then), read its events and stored
the outcome. Every answer must say "open" and name the market's own order number, or the run fails.

Gateway and local chain are processes as they ship; the client shares their cores. Not measured: TLS, many users at once,
orders that match, PostgreSQL, and a real validator, where the confirmation alone takes longer than all of this.
"""

from __future__ import annotations

import json
import time

from benchmarks.campus import Campus
from benchmarks.figures import Measured, Unit, percentile, sampled
from benchmarks.process import print_measured, say
from deploy.api import Api

ROUNDS = 4
ORDERS = 60  # 240 in all: the council lets a seat have 256 open
_WARM_UP = 5
_WHO = "student"


def place(api: Api, number: int) -> int:
    """Place one order that rests; return how long it took, µs. Ends the process when it does not rest."""
    price = f"0.{number % 20 + 1:02}"
    began = time.perf_counter_ns()
    placed = api.place("buy", "0.010", price, f"bench-{number}")
    elapsed = time.perf_counter_ns() - began
    if placed["state"] != "open" or not placed["chain_order_id"]:
        raise SystemExit(f"an order is {placed['state']} ({placed['reason']}), not open")
    return elapsed // 1_000


def measure() -> Measured:
    """Run the rounds."""
    with Campus(1) as campus:
        campus.localnet()
        campus.deploy()
        campus.gateway()
        password = json.loads((campus.home / "accounts.json").read_text())[_WHO]
        api = Api(campus.site.api_url, _WHO, password)
        for number in range(_WARM_UP):
            place(api, number)
        rounds = []
        for at in range(ROUNDS):
            first = _WARM_UP + at * ORDERS
            rounds.append([place(api, number) for number in range(first, first + ORDERS)])
            say(f"round {at + 1}: p50 {percentile(rounds[-1], 50):,} µs, p95 {percentile(rounds[-1], 95):,} µs")
        api.close()
    return _measured(rounds)


def _measured(rounds: list[list[int]]) -> Measured:
    every = [us for one in rounds for us in one]
    return Measured(
        figures=(
            sampled(
                "gateway_p50",
                "order over HTTP to its confirmed outcome, p50",
                Unit.US,
                [percentile(one, 50) for one in rounds],
                headline=True,
            ),
            sampled(
                "gateway_p95",
                "order over HTTP to its confirmed outcome, p95",
                Unit.US,
                [percentile(one, 95) for one in rounds],
                headline=True,
            ),
        ),
        remarks=(
            f"{len(every)} orders in {len(rounds)} rounds after {_WARM_UP} that were not counted; over all of them p50 "
            f"{percentile(every, 50) / 1000:.1f} ms, p95 {percentile(every, 95) / 1000:.1f} ms, fastest {min(every) / 1000:.1f} ms, "
            f"slowest {max(every) / 1000:.1f} ms.",
        ),
    )


if __name__ == "__main__":
    print_measured(measure)
