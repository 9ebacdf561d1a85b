"""The other side of `order_placements`: bare LiteSVM runs transactions from a given state and says how long it took.

Runs in the local chain's environment (`.venv-localnet`), reads one JSON object on standard input and writes one on standard
output: {"programs": {id: path of the .so}, "accounts": [{address, lamports, owner, data}], "clock": data, "queues": [[transaction]]}
to {"elapsed_ns": [of each queue], "accounts": {address: data}}, all data in base64.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from pathlib import Path
from typing import Any

from solders.account import Account
from solders.clock import Clock
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

_U64 = 8


def machine(state: dict[str, Any]) -> LiteSVM:
    """Return LiteSVM in this state: its defaults, signatures checked; the other chain's blockhash is let pass."""
    svm = LiteSVM().with_mainnet_features().with_blockhash_check(False)
    for program, path in state["programs"].items():
        svm.add_program(Pubkey.from_string(program), Path(path).read_bytes())
    for account in state["accounts"]:
        svm.set_account(
            Pubkey.from_string(account["address"]),
            Account(account["lamports"], base64.b64decode(account["data"]), Pubkey.from_string(account["owner"])),
        )
    raw = base64.b64decode(state["clock"])
    fields = [int.from_bytes(raw[at : at + _U64], "little", signed=at in (8, 32)) for at in range(0, 40, _U64)]
    svm.set_clock(Clock(*fields))
    return svm


def run(svm: LiteSVM, queue: list[str]) -> int:
    """Send transactions that are decoded already; return the time, ns. Ends the process when one fails."""
    ready = [VersionedTransaction.from_bytes(base64.b64decode(text)) for text in queue]
    began = time.perf_counter_ns()
    results = [svm.send_transaction(one) for one in ready]
    elapsed = time.perf_counter_ns() - began
    for result in results:
        if isinstance(result, FailedTransactionMetadata):
            raise SystemExit(f"a transaction failed in bare LiteSVM: {result.err()}")
    return elapsed


def main() -> int:
    """Run what standard input says."""
    state = json.load(sys.stdin)
    svm = machine(state)
    elapsed = [run(svm, queue) for queue in state["queues"]]
    after = {a["address"]: svm.get_account(Pubkey.from_string(a["address"])) for a in state["accounts"]}
    data = {address: base64.b64encode(found.data).decode() for address, found in after.items() if found is not None}
    json.dump({"elapsed_ns": elapsed, "accounts": data}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
