"""Runs in the localnet's own environment: what the bank does when the SVM under it panics, and what it never reads.

Usage: bank_probe.py deployment | elsewhere | large. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey
from solders.account import Account
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import Transaction

from deploy.localnet.bank import LOADER_V3, Bank
from deploy.localnet.genesis import Genesis, load_or_make
from deploy.localnet.ledger import Ledger
from deploy.localnet.wire import Wire, read

SOL = 1_000_000_000


class PanicException(BaseException):
    """Named and derived like pyo3's."""


class Panicking:
    """An SVM that stores half of an outcome and then panics."""

    def __init__(self, svm: Any, spoil: list[Pubkey]) -> None:
        self._svm, self._spoil = svm, spoil

    def __getattr__(self, name: str) -> Any:
        return getattr(self._svm, name)

    def send_transaction(self, tx: Any) -> Any:
        for key in self._spoil:
            self._svm.set_account(key, Account(7, b"half", LOADER_V3))
        raise PanicException("called `Result::unwrap()` on an `Err` value")


class Counting:
    """An SVM that counts whose accounts are read."""

    def __init__(self, svm: Any) -> None:
        self._svm = svm
        self.reads: dict[Pubkey, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._svm, name)

    def get_account(self, key: Pubkey) -> Any:
        self.reads[key] = self.reads.get(key, 0) + 1
        return self._svm.get_account(key)


def pay(genesis: Genesis, bank: Bank, target: Pubkey, lamports: int, more: list[AccountMeta] | None = None) -> Wire:
    """Return a transfer from the faucet that names further accounts."""
    step = transfer(TransferParams(from_pubkey=genesis.faucet, to_pubkey=target, lamports=lamports))
    step = Instruction(step.program_id, bytes(step.data), [*step.accounts, *(more or [])])
    message = Message.new_with_blockhash([step], genesis.faucet, Hash.from_bytes(bank.latest_blockhash))
    signature = Signature.from_bytes(genesis.faucet_key.sign(bytes(message)).signature)
    return read(bytes(Transaction.populate(message, [signature])))


def new_key() -> Pubkey:
    return Pubkey.from_bytes(bytes(SigningKey.generate().verify_key))


async def panic_in(where: str, folder: Path) -> dict[str, Any]:
    genesis = load_or_make(folder, 1_700_000_000)
    ledger = Ledger(folder, genesis, 1_000_000)
    ledger.recover()
    await ledger.start()
    target = new_key()
    for number in range(5):
        ledger.submit(pay(genesis, ledger.bank, target, SOL + number), keep_failure=False, verified=False)
    before, bank = ledger.bank.digest(), ledger.bank
    loader = [AccountMeta(LOADER_V3, False, False)] if where == "deployment" else []
    wire = pay(genesis, bank, target, 77, loader)
    sound = bank._raw
    bank._raw = Panicking(sound, [target, genesis.faucet])
    outcome = ledger.submit(wire, keep_failure=True, verified=False)
    bank._raw = sound
    found = {
        "failure": outcome.failure,
        "same_digest": ledger.bank.digest() == before,
        "same_bank": ledger.bank is bank,
        "transactions": ledger.bank.transaction_count,
    }
    ledger.submit(pay(genesis, ledger.bank, target, 99), keep_failure=False, verified=False)
    found["balance"] = ledger.bank.balance(target)
    await ledger.durable()
    await ledger.stop()
    again = Ledger(folder, genesis, 1_000_000)
    again.recover()
    found["after_restart"] = again.bank.balance(target)
    return found


def large(folder: Path) -> dict[str, Any]:
    genesis = load_or_make(folder, 1_700_000_000)
    bank = Bank(genesis)
    market, program = new_key(), new_key()
    bank._raw.set_account(market, Account(10 * SOL, bytes(450_000), program))
    counting = Counting(bank._raw)
    bank._raw = counting
    for number in range(200):
        metas = [AccountMeta(market, False, True)]
        bank.execute(pay(genesis, bank, new_key(), SOL + number, metas), keep_failure=False)
    return {"reads_of_the_market": counting.reads.get(market, 0)}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "localnet"
        found = large(folder) if sys.argv[1] == "large" else asyncio.run(panic_in(sys.argv[1], folder))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
