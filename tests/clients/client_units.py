"""What each program of a transaction cost, from its log lines; and the same transactions once more on the clients' own SVM, LiteSVM 0.26."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from client_campus import CHECKOUT, PROGRAMS, Campus
from solders.account import Account
from solders.clock import Clock
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from gridkit.chain.loader import LOADER_V3, program_data_address
from gridkit.chain.rpc import Rpc

INVOKED = re.compile(r"Program (\w+) invoke \[\d+\]")
CONSUMED = re.compile(r"Program (\w+) consumed (\d+) of \d+ compute units")
ENDED = re.compile(r"Program (\w+) (success|failed)")
_RICH_LAMPORTS = 10**18
INVOCATION_0_26, INVOCATION = 1_000, 946
"""Base cost of calling another program: in Agave 2.2, and since SIMD-0339. Source: execution_budget.rs, invoke_units."""


class Cost(NamedTuple):
    """What a program used itself, and how many others it called (an invocation's base cost is the runtime's, not ours)."""

    units: int
    calls: int


def own_units(logs: Sequence[str], names: dict[str, str]) -> dict[str, Cost]:
    """Return what each program of a transaction cost, without what it called, by name (an address for programs that have none)."""
    running: list[tuple[int, int]] = []  # units and number of the callees of each running program
    found: dict[str, Cost] = {}
    for line in logs:
        if INVOKED.match(line):
            running.append((0, 0))
        elif consumed := CONSUMED.match(line):
            program, units = consumed[1], int(consumed[2])
            name, (below, calls) = names.get(program, program), running[-1]
            before = found.get(name, Cost(0, 0))
            found[name] = Cost(before.units + units - below, before.calls + calls)
            running[-1] = units, calls
        elif ENDED.match(line):
            used, _ = running.pop()
            if running:
                running[-1] = running[-1][0] + used, running[-1][1] + 1
    return found


def replayed(campus: Campus) -> dict[str, list[str]]:
    """Return the log lines of each transaction of a local chain, by signature, when it runs once more on LiteSVM 0.26.

    Deployments are left out, since 0.26 refuses loader v3's instructions: the programs are put where they belong. So are lookup tables.
    """
    rpc = Rpc(campus.rpc_url)
    svm = LiteSVM().with_sigverify(False).with_blockhash_check(False).with_transaction_history(0)
    deployer = campus.keypair("deployer").pubkey()
    for name in PROGRAMS:
        image = (CHECKOUT / "programs" / "so" / f"{name}.so").read_bytes()
        svm.add_program(campus.programs[name], image)
        header = (3).to_bytes(4, "little") + bytes(8) + b"\x01" + bytes(deployer)
        data = Pubkey.from_string(program_data_address(str(campus.programs[name])))
        svm.set_account(data, Account(_RICH_LAMPORTS, header + image, LOADER_V3))
    found: dict[str, list[str]] = {}
    for transaction, time_s, slot in _transactions(rpc):
        keys = transaction.message.account_keys
        tables = getattr(transaction.message, "address_table_lookups", None)
        if LOADER_V3 in keys or tables or any(str(key).startswith("AddressLookupTab1e") for key in keys):
            continue
        svm.set_clock(Clock(slot, 0, 0, 0, time_s))
        if svm.get_account(keys[0]) is None:  # the faucet, and whoever was given its fees in a deployment
            svm.set_account(keys[0], Account(_RICH_LAMPORTS, b"", Pubkey.default()))
        result = svm.send_transaction(transaction)
        found[str(transaction.signatures[0])] = (result.meta() if hasattr(result, "err") else result).logs()
    return found


def _transactions(rpc: Rpc) -> Iterator[tuple[VersionedTransaction, int, int]]:
    last = int(rpc.call("getSlot", {"commitment": "finalized"}))
    options = {"encoding": "base64", "maxSupportedTransactionVersion": 0, "rewards": False}
    for start in range(0, last + 1, 1_000):
        slots = rpc.call("getBlocks", start, min(start + 999, last), {"commitment": "finalized"})
        for slot, block in zip(slots, rpc.batch([("getBlock", (slot, options)) for slot in slots]), strict=True):
            for one in _landed(block):
                yield VersionedTransaction.from_bytes(one), int(block["blockTime"]), int(slot)


def _landed(block: Any) -> list[bytes]:
    if isinstance(block, Exception):
        return []  # a slot without transactions that is no longer kept
    return [base64.b64decode(one["transaction"][0]) for one in block["transactions"]]
