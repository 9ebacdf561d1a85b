"""Decides how what has landed is found again: by signature, by account, by slot. Kept in SQLite beside the journal.

It is made of the chain's steps alone, so after a kill it is cut back to the journal's end and filled again by replay.
What landed last is kept in memory too and written in batches by a thread.
"""

from __future__ import annotations

import sqlite3
import threading
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import TransactionMetadata

from deploy.localnet.bank import Landed, TokenBalance, TokenKind
from deploy.localnet.errors import HistoryUnusableError
from deploy.localnet.failures import Failure
from deploy.localnet.parsed_instructions import MEMO, MEMO_V1, memo_of

FLUSH_TRANSACTIONS = 2_000
EMPTY_BLOCKS_KEPT = 9_000
"""Blocks without transactions that are kept: an hour of slots. Older ones count as skipped, as on a cluster they can be."""

PART = 400
"""Transactions whose account lists are written together: one row for each account and part, not for each mention."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tx (
    sequence INTEGER PRIMARY KEY, slot INTEGER NOT NULL, unix_s INTEGER NOT NULL,
    name INTEGER NOT NULL, signature BLOB NOT NULL, failure TEXT, memo TEXT, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS tx_name ON tx (name);
CREATE INDEX IF NOT EXISTS tx_slot ON tx (slot);
CREATE TABLE IF NOT EXISTS account_tx (
    account INTEGER NOT NULL, last INTEGER NOT NULL, sequences BLOB NOT NULL, PRIMARY KEY (account, last)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS account_tx_last ON account_tx (last);
CREATE TABLE IF NOT EXISTS block (
    slot INTEGER PRIMARY KEY, blockhash BLOB NOT NULL, previous BLOB NOT NULL, unix_s INTEGER NOT NULL, transactions INTEGER NOT NULL);
"""


_COLUMNS = "sequence, slot, unix_s, signature, failure, memo"


class Stored(msgspec.Struct, array_like=True):
    """Everything of a landed transaction that outlives it. Keys are 32 bytes each, without gaps.

    `tokens`: (index, mint ‖ owner 64, program 32, decimals, atoms before or None, atoms after or None).
    """

    raw: bytes
    meta: bytes
    loaded_keys: bytes
    loaded_writable: int
    pre: list[int]
    post: list[int]
    tokens: list[tuple[int, bytes, bytes, int, int | None, int | None]]


class Past:
    """A landed transaction as history tells it; the same for one still in memory and one long ago."""

    __slots__ = (
        "failure",
        "keys",
        "loaded",
        "meta",
        "post",
        "pre",
        "raw",
        "sequence",
        "signature",
        "slot",
        "tokens",
        "tx",
        "unix_s",
    )

    sequence: int
    slot: int
    unix_s: int
    signature: bytes
    failure: Failure | None
    raw: bytes
    tx: VersionedTransaction
    meta: TransactionMetadata
    keys: list[Pubkey]
    loaded: tuple[int, int]
    pre: list[int]
    post: list[int]
    tokens: list[TokenBalance]


class Line(msgspec.Struct, frozen=True):
    """What getSignaturesForAddress tells of one transaction."""

    sequence: int
    slot: int
    unix_s: int
    signature: bytes
    failure: Failure | None
    memo: str | None


class Block(msgspec.Struct, frozen=True):
    """A closed block: its slot, hash (32 B) and that of the block before, campus time and number of transactions."""

    slot: int
    blockhash: bytes
    previous: bytes
    unix_s: int
    transactions: int


class History:
    """All that has landed.

    Args:
        path: The SQLite file.

    Raises:
        HistoryUnusableError: It cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._reader = _connect(path)
            self._reader.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise HistoryUnusableError(path, str(error)) from error
        self._recent: deque[Landed] = deque()
        self._by_signature: dict[bytes, Landed] = {}
        self._blocks: deque[Block] = deque()
        self._flushing = threading.Lock()
        self._last_added = 0
        self._marks: set[int] = set()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    # Writing

    def cut(self, last_sequence: int, open_slot: int) -> None:
        """Forget what came after a snapshot, replay tells it again: later transactions, and blocks from the open slot on.

        Args:
            last_sequence: Of the snapshot; `mark` was called with it, so no part spans it. 0 without a snapshot.
            open_slot: The snapshot's.
        """
        with self._reader as database:
            database.execute("DELETE FROM tx WHERE sequence > ?", (last_sequence,))
            database.execute("DELETE FROM account_tx WHERE last > ?", (last_sequence,))
            database.execute("DELETE FROM block WHERE slot >= ?", (open_slot,))

    def mark(self) -> None:
        """Let no part of the account lists reach over this moment: a snapshot is taken of it."""
        self._marks = {mark for mark in self._marks if self._recent and mark >= self._recent[0].sequence} | {
            self._last_added
        }

    def add(self, landed: Landed) -> None:
        """Remember one transaction."""
        self._recent.append(landed)
        self._last_added = landed.sequence
        self._by_signature[landed.wire.signature] = landed

    def add_block(self, block: Block) -> None:
        """Remember a block that is closed now."""
        self._blocks.append(block)

    @property
    def waiting(self) -> int:
        """Transactions that are in memory only."""
        return len(self._recent)

    def flush(self, *, checkpoint: bool = False) -> None:
        """Write what is in memory; call it from a thread. One at a time.

        Args:
            checkpoint: Also make it durable, as before the journal is cut.
        """
        with self._flushing:
            transactions, blocks = list(self._recent), list(self._blocks)
            database = _connect(self._path)
            try:
                with database:
                    for part in _parts(transactions, self._marks):
                        # Many rows a statement: SQLite gives Python's lock back once a statement, not once a row.
                        _insert(database, "tx", [_row(landed) for landed in part])
                        _insert(database, "account_tx", _account_rows(part))
                    database.executemany(
                        "INSERT OR REPLACE INTO block VALUES (?,?,?,?,?)",
                        [msgspec.structs.astuple(block) for block in blocks],
                    )
                    if blocks:
                        oldest = blocks[-1].slot - EMPTY_BLOCKS_KEPT
                        database.execute("DELETE FROM block WHERE slot < ? AND transactions = 0", (oldest,))
                if checkpoint:
                    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                database.close()
            # Only the flush takes from the left, so what was listed is still there.
            for _ in transactions:
                self._by_signature.pop(self._recent.popleft().wire.signature, None)
            for _ in blocks:
                self._blocks.popleft()

    # Reading: memory first, then the file. A flush writes before it lets go, so nothing falls between the two.

    def find(self, signature: bytes) -> Past | None:
        """Return a transaction by its signature (64 bytes)."""
        landed = self._by_signature.get(signature)
        if landed is not None:
            return _past_of(landed)
        row = self._row_of(signature, _COLUMNS + ", body")
        return None if row is None else _past_of_row(row)

    def line(self, signature: bytes) -> Line | None:
        """Return the short form of a transaction by its signature."""
        landed = self._by_signature.get(signature)
        if landed is not None:
            return _line_of(landed)
        row = self._row_of(signature, _COLUMNS)
        return None if row is None else _line_of_row(row)

    def lines_for(self, account: Pubkey, *, before: int | None, until: int, limit: int) -> list[Line]:
        """Return what names `account`, newest first.

        Args:
            account: Any address; read-only mentions count.
            before: Only sequences below it; None = from the newest.
            until: Only sequences above it.
            limit: Most lines.
        """
        lines: list[Line] = []
        recent = list(self._recent)
        for landed in reversed(recent):
            if landed.sequence <= until or len(lines) >= limit:
                break
            if (before is None or landed.sequence < before) and account in landed.keys:
                lines.append(_line_of(landed))
        newest = min(before or 1 << 62, recent[0].sequence if recent else 1 << 62)
        if len(lines) < limit:
            lines += self._old_lines(self._sequences(account, until, newest, limit - len(lines)))
        return lines

    def _sequences(self, account: Pubkey, above: int, below: int, limit: int) -> list[int]:
        """Return the newest written sequences of an account in (above, below), newest first."""
        rows = self._reader.execute(
            "SELECT sequences FROM account_tx WHERE account = ? AND last > ? AND last < ? ORDER BY last DESC",
            (_number(bytes(account)), above, below + PART),
        )
        found: list[int] = []
        for (packed,) in rows:
            part = array("q", packed)
            found += [sequence for sequence in reversed(part) if above < sequence < below]
            if len(found) >= limit:
                break
        return found[:limit]

    def _old_lines(self, sequences: list[int]) -> list[Line]:
        marks = ",".join("?" * len(sequences))
        rows = self._reader.execute(f"SELECT {_COLUMNS} FROM tx WHERE sequence IN ({marks})", sequences)
        return sorted(map(_line_of_row, rows), key=lambda line: -line.sequence)

    def in_slot(self, slot: int) -> list[Past]:
        """Return a slot's transactions in order."""
        found = {landed.sequence: _past_of(landed) for landed in list(self._recent) if landed.slot == slot}
        rows = self._reader.execute(f"SELECT {_COLUMNS}, body FROM tx WHERE slot = ?", (slot,))
        found |= {past.sequence: past for past in map(_past_of_row, rows)}
        return [found[sequence] for sequence in sorted(found)]

    def first_in_slot(self, slot: int) -> int:
        """Return the lowest sequence of a slot's transactions; there must be one."""
        recent = [landed.sequence for landed in list(self._recent) if landed.slot == slot]
        row = self._reader.execute("SELECT min(sequence) FROM tx WHERE slot = ?", (slot,)).fetchone()
        return min([*recent, *(one for one in row if one is not None)])

    def block(self, slot: int) -> Block | None:
        """Return a closed block, or None when it is not kept (or not closed)."""
        for block in reversed(list(self._blocks)):
            if block.slot == slot:
                return block
        row = self._reader.execute("SELECT * FROM block WHERE slot = ?", (slot,)).fetchone()
        return None if row is None else Block(*row)

    def blocks(self, first: int, last: int, limit: int) -> list[int]:
        """Return kept slots in [first, last], at most `limit`, ascending."""
        found = {block.slot for block in list(self._blocks) if first <= block.slot <= last}
        rows = self._reader.execute(
            "SELECT slot FROM block WHERE slot BETWEEN ? AND ? ORDER BY slot LIMIT ?", (first, last, limit)
        )
        return sorted(found | {row[0] for row in rows})[:limit]

    def first_block(self) -> int:
        """Return the oldest kept slot."""
        recent = list(self._blocks)
        row = self._reader.execute("SELECT min(slot) FROM block").fetchone()
        if row[0] is not None:
            return int(row[0])
        return recent[0].slot if recent else 0

    def _row_of(self, signature: bytes, columns: str) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._reader.execute(
            f"SELECT {columns} FROM tx WHERE name = ? AND signature = ?", (_number(signature), signature)
        ).fetchone()
        return found


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=30.0, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    return database


def _number(key: bytes) -> int:
    """Return the first eight bytes as SQLite's signed integer: indexes on them are a fifth of the size."""
    return int.from_bytes(key[:8], "little", signed=True)


def _row(landed: Landed) -> tuple[Any, ...]:
    wire, count = landed.wire, len(landed.wire.static)
    stored = Stored(
        raw=wire.raw,
        meta=bytes(landed.meta),
        loaded_keys=b"".join(map(bytes, landed.keys[count:])),
        loaded_writable=landed.loaded[0],
        pre=landed.pre,
        post=landed.post,
        tokens=[(t.index, t.kind.holder, t.kind.program, t.kind.decimals, t.pre, t.post) for t in landed.tokens],
    )
    failure = None if landed.failure is None else msgspec.json.encode(landed.failure).decode()
    return (
        landed.sequence,
        landed.slot,
        landed.unix_s,
        _number(wire.signature),
        wire.signature,
        failure,
        _memo_of(landed),
        msgspec.msgpack.encode(stored),
    )


def _account_rows(part: Sequence[Landed]) -> list[tuple[int, int, bytes]]:
    by_account: dict[Pubkey, array[int]] = {}
    for landed in part:
        for key in landed.keys:
            if (sequences := by_account.get(key)) is None:
                sequences = by_account[key] = array("q")
            sequences.append(landed.sequence)
    last = part[-1].sequence
    return [(_number(bytes(key)), last, sequences.tobytes()) for key, sequences in by_account.items()]


def _parts(transactions: list[Landed], marks: set[int]) -> Iterator[list[Landed]]:
    """Cut a run of transactions into parts of at most PART, and after each marked sequence."""
    part: list[Landed] = []
    for landed in transactions:
        part.append(landed)
        if len(part) >= PART or landed.sequence in marks:
            yield part
            part = []
    if part:
        yield part


def _insert(database: sqlite3.Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    for at in range(0, len(rows), PART):
        some = rows[at : at + PART]
        marks = f"({','.join('?' * len(some[0]))})"
        values = [value for row in some for value in row]
        database.execute(f"INSERT OR REPLACE INTO {table} VALUES {','.join([marks] * len(some))}", values)


def _line_of(landed: Landed) -> Line:
    return Line(landed.sequence, landed.slot, landed.unix_s, landed.wire.signature, landed.failure, _memo_of(landed))


def _memo_of(landed: Landed) -> str | None:
    if MEMO not in landed.wire.static and MEMO_V1 not in landed.wire.static:
        return None
    return memo_of(landed.keys, landed.wire.message.instructions)


def _line_of_row(row: Sequence[Any]) -> Line:
    return Line(row[0], row[1], row[2], row[3], None if row[4] is None else msgspec.json.decode(row[4]), row[5])


def _past_of(landed: Landed) -> Past:
    past = Past()
    past.sequence, past.slot, past.unix_s = landed.sequence, landed.slot, landed.unix_s
    past.signature, past.failure = landed.wire.signature, landed.failure
    past.raw, past.tx, past.meta = landed.wire.raw, landed.wire.tx, landed.meta
    past.keys, past.loaded = landed.keys, landed.loaded
    past.pre, past.post, past.tokens = landed.pre, landed.post, landed.tokens
    return past


def _past_of_row(row: Sequence[Any]) -> Past:
    line = _line_of_row(row)
    stored = msgspec.msgpack.decode(row[6], type=Stored)
    past = Past()
    past.sequence, past.slot, past.unix_s = line.sequence, line.slot, line.unix_s
    past.signature, past.failure = line.signature, line.failure
    past.raw, past.tx = stored.raw, VersionedTransaction.from_bytes(stored.raw)
    past.meta = TransactionMetadata.from_bytes(stored.meta)
    loaded = [Pubkey.from_bytes(stored.loaded_keys[at : at + 32]) for at in range(0, len(stored.loaded_keys), 32)]
    past.keys = past.tx.message.account_keys + loaded
    past.loaded = (stored.loaded_writable, len(loaded) - stored.loaded_writable)
    past.pre, past.post = stored.pre, stored.post
    past.tokens = [
        TokenBalance(index, TokenKind(holder, program, decimals), pre, post)
        for index, holder, program, decimals, pre, post in stored.tokens
    ]
    return past
