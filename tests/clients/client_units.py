"""What each instruction of our programs cost on a chain, from the log lines of every transaction that called one; and the same transactions
once more on the clients' own SVM, LiteSVM 0.26."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from client_campus import CHECKOUT, PROGRAMS, Campus
from solders.account import Account
from solders.clock import Clock
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from gridkit.chain import idl
from gridkit.chain.loader import LOADER_V3, program_data_address
from gridkit.chain.rpc import Rpc

INVOKED = re.compile(r"Program (\w+) invoke \[\d+\]")
CONSUMED = re.compile(r"Program (\w+) consumed (\d+) of \d+ compute units")
ENDED = re.compile(r"Program (\w+) (success|failed)")
_RICH_LAMPORTS = 10**18
_PAGE = 1_000


class Cost(NamedTuple):
    """What one invocation used itself, without what it called, and how many programs it called."""

    program: str
    units: int
    calls: int


class Transaction(NamedTuple):
    """One landed transaction.

    Attributes:
        signature: On its chain.
        key: Equal for equal instructions and accounts, whatever the blockhash.
        names: Of each invocation in order, `program.instruction` for ours, an address for others.
        logs: Its log lines.
    """

    signature: str
    key: str
    names: tuple[str, ...]
    logs: tuple[str, ...]


def costs(logs: Sequence[str]) -> list[Cost]:
    """Return the cost of each invocation, in the order in which they began; builtin programs say none and have 0."""
    running: list[int] = []  # positions in `found`
    found: list[Cost] = []
    below: list[int] = []  # units used by the callees of each running program
    for line in logs:
        if invoked := INVOKED.match(line):
            if running:
                caller = found[running[-1]]
                found[running[-1]] = caller._replace(calls=caller.calls + 1)
            running.append(len(found))
            below.append(0)
            found.append(Cost(invoked[1], 0, 0))
        elif consumed := CONSUMED.match(line):
            units = int(consumed[2])
            found[running[-1]] = found[running[-1]]._replace(units=units - below[-1])
            below[-1] = units
        elif ENDED.match(line):
            running.pop()
            used = below.pop()
            if below:
                below[-1] += used
    return found


def transactions(campus: Campus) -> list[Transaction]:
    """Return every transaction of a chain that called one of the five programs."""
    rpc, found = Rpc(campus.rpc_url, timeout_s=60), {}
    for address in campus.programs.values():
        before: str | None = None
        while page := rpc.signatures_for(str(address), before=before, limit=_PAGE):
            before = page[-1]["signature"]
            found |= dict.fromkeys(one["signature"] for one in page)
    programs = {str(address): name for name, address in campus.programs.items()}
    listed = list(found)
    return [
        _transaction(signature, answer, programs)
        for signature, answer in zip(listed, rpc.transactions(listed), strict=True)
        if answer is not None
    ]


def _transaction(signature: str, answer: dict[str, Any], programs: dict[str, str]) -> Transaction:
    message, meta = answer["transaction"]["message"], answer["meta"]
    loaded = meta.get("loadedAddresses") or {}
    keys = [*message["accountKeys"], *loaded.get("writable", []), *loaded.get("readonly", [])]
    inner = {one["index"]: one["instructions"] for one in meta.get("innerInstructions") or []}
    called: list[tuple[str, str]] = []
    for index, top in enumerate(message["instructions"]):
        called += [(keys[one["programIdIndex"]], one["data"]) for one in (top, *inner.get(index, []))]
    said = [[keys[at] for at in one["accounts"]] + [one["data"]] for one in message["instructions"]]
    key = hashlib.sha256(repr(said).encode()).hexdigest()
    names = tuple(_name(address, data, programs) for address, data in called)
    return Transaction(signature, key, names, tuple(meta["logMessages"]))


def _name(address: str, data: str, programs: dict[str, str]) -> str:
    if (program := programs.get(address)) is None:
        return address
    tag = _base58(data)[:8]
    for instruction in idl.interface(program).instructions.values():
        if hashlib.sha256(f"global:{instruction.name}".encode()).digest()[:8] == tag:
            return f"{program}.{instruction.name}"
    return f"{program}.?"


def _base58(text: str) -> bytes:
    number = 0
    for letter in text:
        number = number * 58 + "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".index(letter)
    leading = len(text) - len(text.lstrip("1"))
    return bytes(leading) + number.to_bytes((number.bit_length() + 7) // 8, "big")


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
    for transaction, time_s, slot in _blocks(rpc):
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


def _blocks(rpc: Rpc) -> Iterator[tuple[VersionedTransaction, int, int]]:
    last = int(rpc.call("getSlot", {"commitment": "finalized"}))
    options = {"encoding": "base64", "maxSupportedTransactionVersion": 0, "rewards": False}
    for start in range(0, last + 1, _PAGE):
        slots = rpc.call("getBlocks", start, min(start + _PAGE - 1, last), {"commitment": "finalized"})
        for slot, block in zip(slots, rpc.batch([("getBlock", (slot, options)) for slot in slots]), strict=True):
            if isinstance(block, Exception):
                continue  # a slot without transactions that is no longer kept
            for one in block["transactions"]:
                wire = base64.b64decode(one["transaction"][0])
                yield VersionedTransaction.from_bytes(wire), int(block["blockTime"]), int(slot)
