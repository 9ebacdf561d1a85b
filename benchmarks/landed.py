"""Sends signed transactions through our own sender from several threads at once and says how many a second have landed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.figures import per_second
from gridkit.chain.rpc import Rpc
from gridkit.chain.sender import Build, Landed, Sender
from gridkit.chain.tx import Signed

SENDERS = 4


def landed_per_s(rpc_url: str, signed: Sequence[Signed]) -> int:
    """Return transactions a second from the first byte sent until each is seen confirmed and successful.

    Each thread has its share, sends it in batches, asks for the statuses and sends again what has not landed after 2 s, until its
    blockhash has expired. Ends the process when one fails or never lands.
    """
    shares = [signed[n::SENDERS] for n in range(SENDERS)]
    senders = [Sender(Rpc(rpc_url, timeout_s=60)) for _ in shares]
    for sender in senders:
        sender.blockhash()  # the connection is open before the clock runs
    began = time.perf_counter_ns()
    with ThreadPoolExecutor(SENDERS) as pool:
        outcomes = [one for part in pool.map(_send, senders, shares) for one in part]
    elapsed_ns = time.perf_counter_ns() - began
    lost = [one for one in outcomes if not isinstance(one, Landed) or one.error is not None]
    if lost:
        raise SystemExit(f"{len(lost)} of {len(signed)} transactions did not land: {lost[0]}")
    return per_second(len(signed), elapsed_ns)


def _send(sender: Sender, signed: Sequence[Signed]) -> list[object]:
    return list(sender.send_all([_build(one) for one in signed], skip_preflight=True))


def _build(signed: Signed) -> Build:
    return lambda _blockhash, _last_valid: signed
