"""Decides how readings survive: one SQLite file per agent; what is sent when is `edge.outbox`'s matter.

A reading and the meter state that made it are written in one transaction, so a kill between any two statements leaves
both or neither. A row leaves only when the caller has a verified receipt for it: stored deletes it, a permanent refusal
moves it to quarantine, where it stays.

SQLite finds a page that is spoilt in its structure, and no bit that has turned over in what it stores. So payloads are compared with
their hash whenever they are read, and a meter's state carries a check sum: an unwrapped register one bit off would be signed.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from edge.errors import SpoolError
from edge.track import TrackState
from gridkit.log import get_logger
from gridkit.receipt import Verdict, is_permanent, is_stored, payload_sha256

log = get_logger("edge.spool")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS reading (
    meter_id BLOB NOT NULL, register_epoch INTEGER NOT NULL, interval INTEGER NOT NULL,
    sha256 BLOB NOT NULL, made_ms INTEGER NOT NULL, payload BLOB NOT NULL,
    PRIMARY KEY (meter_id, register_epoch, interval)) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS reading_sha256 ON reading (sha256);
CREATE TABLE IF NOT EXISTS quarantine (
    meter_id BLOB NOT NULL, register_epoch INTEGER NOT NULL, interval INTEGER NOT NULL,
    sha256 BLOB NOT NULL, made_ms INTEGER NOT NULL, payload BLOB NOT NULL,
    verdict INTEGER NOT NULL, refused_ms INTEGER NOT NULL, PRIMARY KEY (sha256)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meter_state (meter_id BLOB PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS config (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, bytes BLOB NOT NULL);
"""
_COLUMNS = "(meter_id, register_epoch, interval, made_ms, sha256, payload)"
LOG_BYTES = 1_048_576 + 65_536
"""Most that SQLite's log and its index take: 256 pages of 4 KiB with their heads."""
WHOLE_CHECK_BYTES = 64 * 1024 * 1024
"""Up to this size a file is checked whole when it is opened, indexes against tables; a larger one, months without a bridge, page by
page alone: a small computer would be at it for minutes."""
_STATE_MARK = b"\x01"
"""First byte of a state with its check sum; one kept by an earlier version begins with MessagePack's mark of an array."""
_STATE_SUM_SIZE = 8
_state_decoder = msgspec.msgpack.Decoder(TrackState)


class Row(NamedTuple):
    """A reading that waits for its receipt: its key, when it was made (wall ms), and its payload and hash."""

    meter_id: bytes
    register_epoch: int
    interval: int
    made_ms: int
    sha256: bytes
    payload: bytes


class Quarantined(NamedTuple):
    """A reading that the bridge has refused for ever."""

    row: Row
    verdict: int
    refused_ms: int


class Spool:
    """The agent's durable memory. Blocking: the agent calls it from one thread of its own."""

    def __init__(self, path: Path) -> None:
        """Open or make the file.

        A file that SQLite finds damaged is set aside under another name, loudly, and what it still gives is taken over:
        registers are cumulative, so the next reading carries the energy of what was lost in it, and an agent that does
        not start loses more.

        Raises:
            SpoolError: The folder cannot be written.
        """
        self.path = path
        self.is_open = True
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = self._open_or_set_aside()
        except (OSError, sqlite3.Error) as error:
            why = str(error) if os.access(path.parent, os.W_OK) else f"{error}: the folder is read-only"
            raise SpoolError(path, why) from error

    def _open_or_set_aside(self) -> sqlite3.Connection:
        try:
            return self._open()
        except sqlite3.DatabaseError as error:
            if not _says_damaged(error):
                raise
            return self._set_aside(str(error))

    def _set_aside(self, why: str) -> sqlite3.Connection:
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
        _move(self.path, aside)
        try:
            db = self._open()
            try:
                saved = _salvage(aside, db)
            except BaseException:
                db.close()
                raise
        except BaseException:
            # A card that is full just now must not cost what the file still gives: the next attempt finds it as it was.
            _move(aside, self.path)
            raise
        log.error("spool_damaged", path=self.path, kept_as=aside, error=why, **saved)
        return db

    def begin_anew(self) -> None:
        """Set the file aside that was found damaged while in use, and go on in a new one with what can still be read.

        Raises:
            SpoolError: Not even that is possible just now; nothing else is until it is.
        """
        try:
            self._db.close()
            self.is_open = False
            self._db = self._set_aside("damaged while in use")
            self.is_open = True
        except (OSError, sqlite3.Error) as error:
            raise SpoolError(self.path, str(error)) from error

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            # FULL syncs the log at each commit: with NORMAL a power cut takes the last commits back.
            db.execute("PRAGMA synchronous=FULL")
            # A small computer's card: fold the log in after 1 MiB, keep it at that size.
            db.execute("PRAGMA wal_autocheckpoint=256")
            db.execute("PRAGMA journal_size_limit=1048576")
            db.execute("PRAGMA cache_size=-512")
            check = "integrity_check" if self.path.stat().st_size <= WHOLE_CHECK_BYTES else "quick_check"
            (found,) = db.execute(f"PRAGMA {check}(1)").fetchone()
            if found != "ok":
                raise _damage(found)
            _make_tables(db)
        except UnicodeDecodeError as error:
            db.close()
            raise _damage(_NO_TEXT) from error
        except BaseException:
            db.close()
            raise
        return db

    def close(self) -> None:
        """Close the file; everything was already on disk."""
        self._db.close()

    def put(self, meter_id: bytes, readings: Sequence[tuple[int, int, bytes]], state: TrackState) -> list[Row]:
        """Keep readings and the state that they leave, all or nothing; on disk when this returns.

        Args:
            meter_id: 16 bytes.
            readings: (register epoch, interval, payload), oldest first.
            state: After the last of them.

        Raises:
            SpoolError: Disk full, or a reading for the same key is kept already.
        """
        made_ms = time.time_ns() // 1_000_000
        rows = [Row(meter_id, e, i, made_ms, payload_sha256(p), p) for e, i, p in readings]
        with self._errors(), self._transaction():
            self._db.executemany(f"INSERT INTO reading {_COLUMNS} VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._db.execute(
                "INSERT INTO meter_state VALUES (?, ?) ON CONFLICT (meter_id) DO UPDATE SET state = excluded.state",
                (meter_id, _encode_state(meter_id, state)),
            )
        return rows

    def settle(self, verdicts: Iterable[tuple[bytes, int]]) -> list[tuple[Row, int]]:
        """Take away what verified receipts have settled, in one transaction.

        Args:
            verdicts: (SHA-256 of the payload, verdict); transient ones are ignored, they settle nothing.

        Returns:
            The rows that left the spool, with their verdicts. A hash that is not in it (a second receipt) is left out.

        Raises:
            SpoolError: Disk full; the rows are still there and will be sent and receipted again.
        """
        settled: list[tuple[Row, int]] = []
        now_ms = time.time_ns() // 1_000_000
        with self._errors(), self._transaction():
            for sha256, verdict in verdicts:
                if not is_stored(verdict) and not is_permanent(verdict):
                    continue
                found = self._db.execute(
                    "SELECT meter_id, register_epoch, interval, made_ms, sha256, payload FROM reading WHERE sha256 = ?",
                    (sha256,),
                ).fetchone()
                if found is None:
                    continue
                row = Row(*found)
                if is_permanent(verdict):
                    self._db.execute(
                        "INSERT OR IGNORE INTO quarantine (meter_id, register_epoch, interval, made_ms, sha256,"
                        " payload, verdict, refused_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        (*row, verdict, now_ms),
                    )
                self._db.execute("DELETE FROM reading WHERE sha256 = ?", (sha256,))
                settled.append((row, verdict))
        return settled

    def sign_again(
        self,
        meter_id: bytes,
        key_epoch: int,
        first_interval: int,
        again: Callable[[bytes], bytes],
        core_hash: Callable[[bytes], bytes],
    ) -> int:
        """Put readings in place of those that another key has signed than their interval wants, all or nothing.

        Of those in quarantine the ones that were refused for their key come back. An interval before `first_interval` that is
        signed by an earlier key than `key_epoch` is left alone: which one that was is not known here.

        Args:
            meter_id: 16 bytes.
            key_epoch, first_interval: The current key, and the first interval that it signs.
            again: Returns the payload that a payload becomes; called oldest first.
            core_hash: Returns what a core's hash has become; for the meter's state.

        Returns:
            How many there were.

        Raises:
            SpoolError: Disk full; everything is as before. So it is with whatever `again` raises.
        """
        columns = "register_epoch, interval, made_ms, sha256, payload"
        wrong = (
            "(interval >= ? AND substr(payload, 12, 2) <> ?) OR (interval < ? AND substr(payload, 12, 2) = ? AND ? > 0)"
        )
        query = (
            f"SELECT {columns} FROM (SELECT {columns} FROM reading WHERE meter_id = ?"
            f" UNION ALL SELECT {columns} FROM quarantine WHERE meter_id = ? AND verdict = ?)"
            f" WHERE {wrong} ORDER BY register_epoch, interval LIMIT 64"
        )
        epoch_bytes = key_epoch.to_bytes(2, "little")
        bounds = (first_interval, epoch_bytes, first_interval, epoch_bytes, key_epoch)
        count = 0
        with self._errors(), self._transaction():
            while found := self._db.execute(query, (meter_id, meter_id, Verdict.WRONG_KEY_EPOCH, *bounds)).fetchall():
                for register_epoch, interval, made_ms, sha256, payload in found:
                    _check_payload(sha256, payload)
                    new = again(payload)
                    self._db.execute("DELETE FROM reading WHERE sha256 = ?", (sha256,))
                    self._db.execute("DELETE FROM quarantine WHERE sha256 = ?", (sha256,))
                    row = Row(meter_id, register_epoch, interval, made_ms, payload_sha256(new), new)
                    self._db.execute(f"INSERT OR IGNORE INTO reading {_COLUMNS} VALUES (?, ?, ?, ?, ?, ?)", row)
                count += len(found)
            state = self.state(meter_id) if count else None
            if state is not None:
                state = msgspec.structs.replace(state, core_hash=core_hash(state.core_hash))
                self._db.execute(
                    "UPDATE meter_state SET state = ? WHERE meter_id = ?", (_encode_state(meter_id, state), meter_id)
                )
        return count

    def oldest(self, meter_id: bytes, limit: int, after: tuple[int, int] = (-1, -1)) -> list[Row]:
        """Return up to `limit` readings of a meter after the key (register epoch, interval), oldest first.

        Raises:
            SpoolError: The file cannot be read, or a payload is not what was kept (`damaged`).
        """
        with self._errors():
            found = self._db.execute(
                "SELECT meter_id, register_epoch, interval, made_ms, sha256, payload FROM reading"
                " WHERE meter_id = ? AND (register_epoch, interval) > (?, ?) ORDER BY register_epoch, interval LIMIT ?",
                (meter_id, *after, limit),
            ).fetchall()
            rows = [Row(*row) for row in found]
            for row in rows:
                _check_payload(row.sha256, row.payload)
        return rows

    def counts(self) -> dict[bytes, tuple[int, int, int]]:
        """Return for each meter with any: readings waiting, wall ms of the oldest (0: none), readings in quarantine."""
        result: dict[bytes, tuple[int, int, int]] = {}
        with self._errors():
            waiting = self._db.execute(
                "SELECT meter_id, COUNT(*), MIN(made_ms) FROM reading GROUP BY meter_id"
            ).fetchall()
            refused = self._db.execute("SELECT meter_id, COUNT(*) FROM quarantine GROUP BY meter_id").fetchall()
        for meter_id, count, oldest_ms in waiting:
            result[meter_id] = (count, oldest_ms, 0)
        for meter_id, count in refused:
            result[meter_id] = (*result.get(meter_id, (0, 0, 0))[:2], count)
        return result

    def quarantine(self) -> list[Quarantined]:
        """Return everything in quarantine, oldest refusal first."""
        found = self._db.execute(
            "SELECT meter_id, register_epoch, interval, made_ms, sha256, payload, verdict, refused_ms FROM quarantine"
            " ORDER BY refused_ms, meter_id, register_epoch, interval"
        )
        return [Quarantined(Row(*row[:6]), row[6], row[7]) for row in found]

    def state(self, meter_id: bytes) -> TrackState | None:
        """Return a meter's state as last kept, None if there is none (or an unreadable one, which is logged)."""
        found = self._db.execute("SELECT state FROM meter_state WHERE meter_id = ?", (meter_id,)).fetchone()
        if found is None:
            return None
        try:
            return _decode_state(meter_id, found[0])
        except (ValueError, TypeError) as error:  # TypeError: it is not even a blob any more.
            log.error("meter_state_unreadable", meter_id=meter_id, error=str(error))
            return None

    def save_config(self, version: int, data: bytes) -> None:
        """Keep the latest signed configuration, as received. Raises SpoolError."""
        with self._errors(), self._transaction():
            self._db.execute("INSERT OR REPLACE INTO config VALUES (1, ?, ?)", (version, data))

    def config(self) -> bytes | None:
        """Return the bytes of the configuration last kept."""
        found = self._db.execute("SELECT bytes FROM config").fetchone()
        return found[0] if found is not None and isinstance(found[0], bytes) else None

    def size_bytes(self) -> int:
        """Return what the file and its log take on disk."""
        paths = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(path.stat().st_size for path in paths if path.exists())

    def log_room_bytes(self) -> int:
        """Return what SQLite's log may still grow by before it is folded in: room that no reading gets."""
        log_path = self.path.with_name(self.path.name + "-wal")
        return max(0, LOG_BYTES - (log_path.stat().st_size if log_path.exists() else 0))

    def free_bytes(self) -> int:
        """Return what the file system would still give us. Raises OSError where it has gone."""
        room = os.statvfs(self.path.parent)
        return room.f_bavail * room.f_frsize

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SpoolError(self.path, str(error), damaged=_says_damaged(error)) from error
        except UnicodeDecodeError as error:
            raise SpoolError(self.path, _NO_TEXT, damaged=True) from error

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)


class _Transaction:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK when anything in between fails."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None:
            try:
                self._db.execute("COMMIT")
                return
            except sqlite3.Error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


def _encode_state(meter_id: bytes, state: TrackState) -> bytes:
    content = msgspec.msgpack.encode(state)
    return _STATE_MARK + _state_sum(meter_id, content) + content


def _decode_state(meter_id: bytes, kept: bytes) -> TrackState:
    """Return a state. Raises ValueError (msgspec's errors are such) when it is not what was kept, or another meter's."""
    content = kept
    if kept[:1] == _STATE_MARK:
        content = kept[1 + _STATE_SUM_SIZE :]
        if kept[1 : 1 + _STATE_SUM_SIZE] != _state_sum(meter_id, content):
            raise ValueError("its check sum is another")
    return _state_decoder.decode(content)


def _state_sum(meter_id: bytes, content: bytes) -> bytes:
    return payload_sha256(meter_id + content)[:_STATE_SUM_SIZE]


def _check_payload(sha256: bytes, payload: bytes) -> None:
    if not _is_whole(sha256, payload):
        raise _damage("a reading's bytes are not those that were kept")


def _is_whole(sha256: object, payload: object) -> bool:
    # One bit of a row's head makes text, a number or nothing of a blob.
    return isinstance(payload, bytes) and payload_sha256(payload) == sha256


def _make_tables(db: sqlite3.Connection) -> None:
    """Make the tables that are missing, and refuse those that are not ours: a bit that turned over in a column's name, or another program's
    file. No check of SQLite's says so."""
    try:
        db.executescript(_SCHEMA)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname == "SQLITE_ERROR":  # "no such column"; a full or read-only card has names of its own.
            raise _damage(str(error)) from error
        raise
    for table, columns in _TABLES.items():
        found = tuple(row[1] for row in db.execute(f"PRAGMA table_info({table})"))
        if found != columns:
            raise _damage(f"table {table} has other columns than it was made with")


def _damage(what: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorname = "SQLITE_CORRUPT"
    return error


def _says_damaged(error: sqlite3.Error) -> bool:
    """Return whether an error says that the content is spoilt; "locked", "full" or "disk I/O error" do not."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


_KEYS = {
    "config": ("id",),
    "meter_state": ("meter_id",),
    "quarantine": ("sha256",),
    "reading": ("meter_id", "register_epoch", "interval"),
}
"""Each table's key, in the order of its b-tree."""
_READING = ("meter_id", "register_epoch", "interval", "sha256", "made_ms", "payload")
_TABLES = {
    "config": ("id", "version", "bytes"),
    "meter_state": ("meter_id", "state"),
    "quarantine": (*_READING, "verdict", "refused_ms"),
    "reading": _READING,
}
"""Each table's columns, in order."""
_NO_TEXT = "its schema is no text"
"""SQLite then quotes bytes that Python cannot decode, and what is raised is no error of SQLite's."""
_PAYLOADS = ("quarantine", "reading")
"""Tables with a payload: its hash is the fourth column, itself the sixth."""


def _move(path: Path, to: Path) -> None:
    """Give a database another name, its log with it; what bears that name is replaced."""
    for suffix in ("-wal", "-shm"):
        to.with_name(to.name + suffix).unlink(missing_ok=True)
    os.replace(path, to)
    for suffix in ("-wal", "-shm"):
        extra = path.with_name(path.name + suffix)
        if extra.exists():
            os.replace(extra, to.with_name(to.name + suffix))


def _salvage(damaged: Path, into: sqlite3.Connection) -> dict[str, int]:
    """Copy what a damaged file still gives, in one transaction; return how many rows of each table.

    Each table is read from both ends up to its first unreadable row, so that one bad page costs what is on it alone. A payload that is
    not what its hash says stays behind.

    Raises:
        sqlite3.Error: The new file cannot be written.
    """
    saved = {}
    _make_whole(damaged)
    old = sqlite3.connect(damaged, timeout=0)
    try:
        with _Transaction(into):
            for table, key in _KEYS.items():
                before = into.total_changes
                for way in ("ASC", "DESC"):
                    order = ", ".join(f"{column} {way}" for column in key)
                    for row in _readable(old, f"SELECT * FROM {table} ORDER BY {order}"):
                        if len(row) == len(_TABLES[table]) and (table not in _PAYLOADS or _is_whole(row[3], row[5])):
                            marks = ", ".join("?" * len(row))
                            into.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)
                saved[table] = into.total_changes - before
    finally:
        old.close()
    return saved


def _make_whole(damaged: Path) -> None:
    """Give a file that was cut short the length that its head tells: of a shorter one SQLite reads nothing, also where the pages are there.

    Source: sqlite.org/fileformat2.html, 1.3: page size at 16, size in pages at 28.
    """
    with damaged.open("rb") as file:
        head = file.read(32)
    if len(head) < 32:
        return
    size = int.from_bytes(head[16:18], "big") * int.from_bytes(head[28:32], "big")
    # A head that is nonsense tells any size; the cut is sparse, and takes no room on the card.
    if damaged.stat().st_size < size <= 64 * max(damaged.stat().st_size, 4096):
        os.truncate(damaged, size)


def _readable(db: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    """Return the rows up to the first that cannot be read."""
    try:
        yield from db.execute(query)
    except (sqlite3.Error, UnicodeDecodeError):
        return
