"""Joins bank, journal, snapshot and history: takes steps, keeps them, and after a kill is where it was.

The order of things is the whole of the promise: a step is applied, appended, synced, and only then answered. Whoever
answers a client therefore waits for `durable_lsn` to reach the `last_lsn` of the moment in which he looked; reads too,
or somebody could see a state that a kill takes back.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from solders.account import Account
from solders.pubkey import Pubkey

from deploy.localnet import journal as journal_files
from deploy.localnet import records, snapshot
from deploy.localnet.bank import Bank, Landed, Refused, pack_account
from deploy.localnet.errors import BankPanickedError, HomeHeldError, LedgerDamagedError, LedgerDivergedError
from deploy.localnet.genesis import Genesis
from deploy.localnet.history import FLUSH_TRANSACTIONS, Block, History
from deploy.localnet.journal import Journal
from deploy.localnet.wire import Wire, read, signature_of
from gridkit.log import get_logger

log = get_logger("localnet.ledger")

FLUSH_PERIOD_S = 2.0
UNSYNCED_STEPS = 50
"""What an idle chain may keep to itself: 20 s of slots, which nobody has seen."""

SNAPSHOT_SLICE_S = 0.002
SNAPSHOT_CHUNK_BYTES = 1 << 20
ACCOUNTS_PER_TRANSACTION = 5
SLOTS_PER_SNAPSHOT = 9_000
"""An idle chain snapshots once an hour, or its slots alone would make starts slow."""


class Ledger:
    """The chain of one home.

    Args:
        folder: The chain's folder, with its genesis.
        genesis: Its beginning.
        snapshot_every: Transactions between two snapshots.

    Raises:
        HomeHeldError: Another process holds the folder.
    """

    def __init__(self, folder: Path, genesis: Genesis, snapshot_every: int) -> None:
        self._folder, self._genesis, self._snapshot_every = folder, genesis, snapshot_every
        self._lock_fd = _lock(folder)
        self.history = History(folder / "history.sqlite")
        self.bank = Bank(genesis)
        self._lsn = 0
        self._journal: Journal | None = None
        self._since_snapshot = self._slots_since_snapshot = 0
        self._keeper: asyncio.Task[None] | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self.on_durable: Callable[[int], None] = lambda lsn: None
        self.on_fatal: Callable[[str], None] = lambda why: None

    # Life

    def recover(self) -> int:
        """Load the last snapshot and replay what is behind it; returns the number of replayed transactions.

        Raises:
            LedgerDamagedError: A file is damaged or missing.
            LedgerDivergedError: Replay gives another result than was answered.
        """
        for stale in self._folder.glob("snapshot-*.tmp"):
            stale.unlink()
        self.bank, self._lsn, replayed = rebuild(self._folder, self._genesis, repair=True, history=self.history)
        # They count: a chain that is killed again and again before its next snapshot would take longer to start each time.
        self._since_snapshot = replayed
        return replayed

    async def start(self) -> None:
        """Open the journal for writing; needs `recover` before."""
        self._open_journal()
        self._keeper = asyncio.create_task(self._keep(), name="keeper")

    async def stop(self) -> None:
        """Write everything, leave a snapshot, and let go of the folder."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._journal is not None:
            await self._snapshot()
            await self._journal.close()
        self.history.close()
        os.close(self._lock_fd)

    # Steps

    @property
    def last_lsn(self) -> int:
        """Number of the last step taken."""
        return self._lsn

    @property
    def durable_lsn(self) -> int:
        """Number of the last step that a kill cannot take back."""
        return self._lsn if self._journal is None else self._journal.durable_lsn

    def submit(self, wire: Wire, *, keep_failure: bool, verified: bool) -> Landed | Refused:
        """Run a transaction and append it if it landed. Arguments and errors as `Bank.execute`.

        A panic of the SVM is survived by building the bank anew from disk; the transaction is refused.
        """
        try:
            outcome = self.bank.execute(wire, keep_failure=keep_failure, verified=verified)
        except BankPanickedError as error:
            log.error("bank_panicked", signature=str(signature_of(wire.signature)), why=str(error))
            self._rebuild_in_place()
            return Refused({"InstructionError": [0, "ProgramFailedToComplete"]})
        if isinstance(outcome, Landed):
            self.history.add(outcome)
            self._since_snapshot += 1
            units = outcome.meta.compute_units_consumed()
            body = records.pack_transaction(outcome.failure is None, units, wire.raw)
            self._append(records.TRANSACTION, body)
        return outcome

    def advance(self, unix_s: int, blockhash: bytes) -> None:
        """Close the open slot and open the next; `unix_s` is campus time, `blockhash` 32 fresh bytes."""
        slot = self.bank.slot + 1
        self.history.add_block(_close_block(self.bank, blockhash))
        self.bank.advance(slot, unix_s, blockhash)
        self._slots_since_snapshot += 1
        self._append(records.SLOT, records.pack_slot(slot, self.bank.unix_s, blockhash))

    def sync(self) -> None:
        """See to it that all steps so far become durable soon."""
        if self._journal is not None:
            self._journal.sync()

    async def durable(self) -> None:
        """Return when every step so far is on disk."""
        if self.durable_lsn >= self._lsn:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((self._lsn, future))
        self.sync()
        await future

    # Inside

    def _append(self, kind: int, body: bytes) -> None:
        # Not synced yet: who has an answer waiting asks for that, so a batch needs one fsync and an idle chain none.
        assert self._journal is not None, "the ledger is not started"
        self._lsn = self._journal.append(kind, body)

    def _open_journal(self) -> None:
        self._journal = Journal(
            self._folder,
            self._lsn + 1,
            on_durable=self._became_durable,
            on_failed=lambda error: self.on_fatal(f"the ledger cannot be written: {error}"),
        )

    def _became_durable(self, lsn: int) -> None:
        ready = [future for waiting, future in self._waiting if waiting <= lsn]
        self._waiting = [pair for pair in self._waiting if pair[0] > lsn]
        for future in ready:
            if not future.done():
                future.set_result(None)
        self.on_durable(lsn)

    def _rebuild_in_place(self) -> None:
        """Make the bank anew from the steps taken so far, those still on their way to disk included."""
        journal = self._journal
        assert journal is not None
        deadline = time.monotonic() + 30.0
        journal.flush_now()
        while journal.written_lsn < self._lsn:
            if time.monotonic() > deadline:
                self.on_fatal("the ledger could not be written in 30 s while rebuilding after a panic")
                return
            time.sleep(0.001)
        self.bank, _, _ = rebuild(self._folder, self._genesis, repair=False, history=None)

    async def _keep(self) -> None:
        """Flush the history and take snapshots when they are due."""
        last_flush = time.monotonic()
        while True:
            await asyncio.sleep(0.1)
            if self._lsn - self.durable_lsn >= UNSYNCED_STEPS:
                self.sync()
            due = time.monotonic() - last_flush >= FLUSH_PERIOD_S
            try:
                if self.history.waiting >= FLUSH_TRANSACTIONS or due:
                    await asyncio.to_thread(self.history.flush)
                    last_flush = time.monotonic()
                if self._snapshot_is_due():
                    await self._snapshot()
            except Exception:
                log.exception("keeping_failed")
                self.on_fatal("history or snapshot could not be written")
                return

    def _snapshot_is_due(self) -> bool:
        # Writing all accounts must stay cheap beside the transactions that it spares a start from running again.
        least = max(self._snapshot_every, len(self.bank.touched) // ACCOUNTS_PER_TRANSACTION)
        return self._since_snapshot >= least or self._slots_since_snapshot >= SLOTS_PER_SNAPSHOT

    async def _snapshot(self) -> None:
        journal = self._journal
        assert journal is not None
        started = time.monotonic()
        lsn, state = self._lsn, snapshot.state_of(self.bank, self._lsn)
        bank = self.bank
        accounts = bank.start_saving()
        rotated = journal.rotate()
        self.history.mark()
        self._since_snapshot = self._slots_since_snapshot = 0
        writer = await asyncio.to_thread(snapshot.Writer, self._folder, state)
        try:
            count = await self._write_accounts(writer, accounts)
            await rotated
            if self.bank is not bank:
                log.warning("snapshot_abandoned", why="the bank was rebuilt after a panic")
                await asyncio.to_thread(writer.abandon)
                return
            await asyncio.to_thread(self.history.flush, checkpoint=True)
            await asyncio.to_thread(writer.finish)
        except BaseException:
            accounts.close()  # type: ignore[attr-defined]
            writer.abandon()
            raise
        await asyncio.to_thread(self._remove_before, lsn)
        log.info(
            "snapshot_taken", lsn=lsn, slot=state.slot, accounts=count, seconds=round(time.monotonic() - started, 3)
        )

    async def _write_accounts(self, writer: snapshot.Writer, accounts: Iterator[tuple[Pubkey, Account | None]]) -> int:
        """Write all accounts in slices so short that clients do not notice."""
        count, parts, size, empty = 0, list[bytes](), 0, list[Pubkey]()
        slice_end = time.monotonic() + SNAPSHOT_SLICE_S
        for address, account in accounts:
            if account is None:
                empty.append(address)
            else:
                parts.append(pack_account(address, account))
                size += len(parts[-1])
                count += 1
            if size >= SNAPSHOT_CHUNK_BYTES:
                await asyncio.to_thread(writer.add, b"".join(parts))
                parts, size = [], 0
            if time.monotonic() >= slice_end:
                await asyncio.sleep(0)
                slice_end = time.monotonic() + SNAPSHOT_SLICE_S
        await asyncio.to_thread(writer.add, b"".join(parts))
        await asyncio.to_thread(writer.add_empty, empty)
        return count

    def _remove_before(self, lsn: int) -> None:
        for kept_lsn, path in snapshot.snapshots(self._folder):
            if kept_lsn < lsn:
                path.unlink()
        for first, path in journal_files.segments(self._folder):
            if first <= lsn:
                path.unlink()


def rebuild(folder: Path, genesis: Genesis, *, repair: bool, history: History | None) -> tuple[Bank, int, int]:
    """Return the bank that a folder's snapshot and journal give, its last lsn, and how many transactions were replayed.

    Args:
        folder: The chain's folder.
        genesis: Its beginning.
        repair: Cut a torn tail off the journal.
        history: Cut back and filled again on the way; None leaves it alone.

    Raises:
        LedgerDamagedError, LedgerDivergedError.
    """
    bank, lsn, replayed = Bank(genesis), 0, 0
    if found := snapshot.snapshots(folder):
        lsn, path = found[-1]
        state, accounts = snapshot.load(path)
        bank.restore(
            slot=state.slot,
            unix_s=state.unix_s,
            blockhashes=state.blockhashes,
            slot_hashes=state.slot_hashes,
            transaction_count=state.transaction_count,
            recent=state.recent,
            accounts=accounts,
        )
    if history is not None:
        history.cut(bank.transaction_count, bank.slot)
    for number, kind, body in journal_files.replay(folder, lsn, repair=repair):
        lsn = number
        try:
            step = records.unpack(kind, body)
        except ValueError as error:
            raise LedgerDamagedError(folder, number, f"record {number}: {error}") from error
        if isinstance(step, records.SlotRecord):
            if history is not None:
                history.add_block(_close_block(bank, step.blockhash))
            bank.advance(step.slot, step.unix_s, step.blockhash)
            continue
        landed = _run_again(bank, step)
        replayed += 1
        if history is not None:
            history.add(landed)
            if history.waiting >= FLUSH_TRANSACTIONS:
                history.flush()
    return bank, lsn, replayed


def _run_again(bank: Bank, step: records.TransactionRecord) -> Landed:
    wire = read(step.raw)
    # What the log says has run was within its limit on loaded data, or is older than our holding it.
    has_run = step.succeeded or step.compute_units > 0
    outcome = bank.execute(wire, keep_failure=True, verified=True, limits_data=not has_run)
    was = f"{'success' if step.succeeded else 'failure'} with {step.compute_units} units"
    if isinstance(outcome, Refused):
        raise LedgerDivergedError(str(signature_of(wire.signature)), was, f"a refusal ({outcome.failure})")
    units = outcome.meta.compute_units_consumed()
    if (outcome.failure is None, units) != (step.succeeded, step.compute_units):
        now = f"{'success' if outcome.failure is None else f'failure ({outcome.failure})'} with {units} units"
        raise LedgerDivergedError(str(signature_of(wire.signature)), was, now)
    return outcome


def _close_block(bank: Bank, blockhash: bytes) -> Block:
    return Block(bank.slot, blockhash, bank.latest_blockhash, bank.unix_s, bank.landed_in_slot)


def _lock(folder: Path) -> int:
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise HomeHeldError(folder) from None
    return fd
