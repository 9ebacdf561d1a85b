"""Keeps readings, their outbox and the zones' batches: what is durable, and in which one transaction it becomes so.

SQLAlchemy Core, so SQLite (WAL, synchronous=FULL, clustered tables) and PostgreSQL run the same code. Whether a reading is
worth keeping is judged elsewhere; what its state is follows from the chain's events (`follow.py`).

A reading and its outbox row are written in one transaction. `totals` counts readings by state in the same transactions, so
posted + settled + superseded + withheld + stored is the number of readings at every instant, also after a kill.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from operator import itemgetter
from types import MappingProxyType
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from gridkit.chain import proof
from gridkit.chain.merkle import RECORD_SIZE
from oracle_bridge.errors import StoreError
from oracle_bridge.judge import Baseline

LAYOUT = 1
MASKED = "quality_masked"
"""Why a reading with a bit of NO_POST_MASK is withheld."""
_BUSY_MS = 15_000


class State(IntEnum):
    """Where a reading stands; the names are the API's."""

    STORED = 0
    POSTED = 1
    SETTLED = 2
    SUPERSEDED = 3
    WITHHELD = 4


metadata = sa.MetaData()
_U32 = sa.BigInteger  # PostgreSQL has no unsigned integers

readings = sa.Table(
    "readings",
    metadata,
    sa.Column("meter_number", _U32, primary_key=True, autoincrement=False),
    sa.Column("interval", _U32, primary_key=True, autoincrement=False),
    sa.Column("register_epoch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("import_wh", sa.BigInteger, nullable=False),
    sa.Column("export_wh", sa.BigInteger, nullable=False),
    sa.Column("quality", sa.Integer, nullable=False),
    sa.Column("clock_error_ms", sa.Integer, nullable=False),
    sa.Column("key_epoch", sa.Integer, nullable=False),
    sa.Column("zone", sa.Integer, nullable=False),
    sa.Column("slot", sa.Integer, nullable=False),
    sa.Column("received_at_ms", sa.BigInteger, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("change_seq", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger),
    sa.Column("record", sa.SmallInteger),
    sa.Column("record_flags", sa.SmallInteger),
    sa.Column("acc_import_wh", sa.BigInteger),
    sa.Column("acc_export_wh", sa.BigInteger),
    sa.Column("tx_signature", sa.String(88)),
    sa.Column("tx_slot", sa.BigInteger),
    sa.Index("readings_change_seq", "change_seq", unique=True),
    sqlite_with_rowid=False,
)

evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("meter_number", _U32, primary_key=True, autoincrement=False),
    sa.Column("interval", _U32, primary_key=True, autoincrement=False),
    sa.Column("register_epoch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("core", sa.LargeBinary, nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
    sa.Column("device_key", sa.LargeBinary, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("payload_sha256", sa.LargeBinary, nullable=False),
    sa.Column("detail", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""What only proofs and posting need, kept apart so that a month of one meter is a scan of small rows."""

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("zone", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("stage", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("interval", _U32, primary_key=True, autoincrement=False),
    sa.Column("meter_number", _U32, primary_key=True, autoincrement=False),
    sa.Column("register_epoch", sa.Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Readings whose story is not over: stage 0 to be posted, 1 posted and to be settled."""

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("zone", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("root", sa.LargeBinary, nullable=False),
    sa.Column("records", sa.LargeBinary, nullable=False),
    sa.Column("tx_signature", sa.String(88), nullable=False),
    sa.Column("tx_slot", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Without records: nobody could say yet what stands under the root. Without a root: the ring had passed on before anybody looked."""

cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.String(128), nullable=False),
)

totals = sa.Table(
    "totals",
    metadata,
    sa.Column("state", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("count", sa.BigInteger, nullable=False),
)

counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

_STATE_NAMES = " ".join(f"WHEN {state.value} THEN '{state.name.lower()}'" for state in State)
_VIEWS = {
    "readings_view": f"""
        SELECT r.zone, r.slot, r.meter_number, r.register_epoch, r.interval, r.key_epoch, r.import_wh, r.export_wh,
               r.quality, r.clock_error_ms, r.received_at_ms, CASE r.state {_STATE_NAMES} END AS state, r.reason,
               r.change_seq, r.seq, r.record, r.record_flags, r.acc_import_wh, r.acc_export_wh, r.tx_signature,
               r.tx_slot, e.core, e.signature, e.device_key, e.digest, e.payload_sha256, e.detail
        FROM readings r JOIN evidence e ON e.meter_number = r.meter_number AND e.interval = r.interval
             AND e.register_epoch = r.register_epoch""",
    "totals_view": f"SELECT CASE state {_STATE_NAMES} END AS state, count FROM totals",
}


Key = tuple[int, int, int]
"""Names a reading: (meter number, register epoch, interval)."""


class NewReading(msgspec.Struct, frozen=True):
    """A reading about to be stored: decoded fields, and the bytes that prove it."""

    meter_number: int
    register_epoch: int
    interval: int
    key_epoch: int
    zone: int
    slot: int
    import_wh: int
    export_wh: int
    quality: int
    clock_error_ms: int
    received_at_ms: int
    postable: bool
    core: bytes
    signature: bytes
    device_key: bytes
    digest: bytes
    payload_sha256: bytes
    detail: bytes


class Pending(msgspec.Struct, frozen=True):
    """A reading to be posted, with what posting needs."""

    meter_number: int
    register_epoch: int
    interval: int
    slot: int
    core: bytes
    signature: bytes
    device_key: bytes

    @property
    def key(self) -> Key:
        """Return (meter number, register epoch, interval)."""
        return self.meter_number, self.register_epoch, self.interval


class Applied(msgspec.Struct, frozen=True):
    """One reading of a batch that the program applied, as its event says."""

    meter_number: int
    interval: int
    digest: bytes
    record: int
    flags: int
    acc_import_wh: int
    acc_export_wh: int


class Batch(msgspec.Struct, frozen=True):
    """One batch root of a zone, and the transaction that made it."""

    zone: int
    seq: int
    root: bytes
    records: bytes
    tx_signature: str
    tx_slot: int
    applied: tuple[Applied, ...]


class Evidence(msgspec.Struct, frozen=True):
    """What proves a stored reading, and in which batch its record stands (None = in none that is known)."""

    core: bytes
    signature: bytes
    digest: bytes
    seq: int | None


class Known(msgspec.Struct, frozen=True):
    """What is stored for one (meter, register epoch, interval)."""

    core: bytes
    payload_sha256: bytes


def open_engine(url: str) -> sa.Engine:
    """Return an engine whose transactions are durable when they return, with all tables and views made.

    Raises:
        StoreError: The database cannot be opened, or holds another layout.
    """
    engine = sa.create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    try:
        with engine.begin() as connection:
            metadata.create_all(connection)
            _create_views(connection)
            _create_rows(connection)
            layout = connection.execute(sa.select(counters.c.value).where(counters.c.name == "layout")).scalar_one()
    except sa.exc.SQLAlchemyError as error:
        raise StoreError(f"the store {engine.url!r} cannot be opened: {error}") from error
    if layout != LAYOUT:
        raise StoreError(f"the store {engine.url!r} has layout {layout}, this program writes {LAYOUT}")
    return engine


def _prepare_sqlite(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # Transactions are begun below, not by the driver's guesses.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={_BUSY_MS}", "cache_size=-20000"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # IMMEDIATE: a reader that later wants to write would fail with "database is locked" beside another writer.
        connection.exec_driver_sql(
            "BEGIN IMMEDIATE" if not connection.get_execution_options().get("reads") else "BEGIN"
        )


def _create_views(connection: sa.Connection) -> None:
    for name, body in _VIEWS.items():
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"CREATE VIEW IF NOT EXISTS {name} AS {body}")
        else:
            connection.exec_driver_sql(f"CREATE OR REPLACE VIEW {name} AS {body}")


def _create_rows(connection: sa.Connection) -> None:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    rows = [{"state": state.value, "count": 0} for state in State]
    connection.execute(insert(totals).values(rows).on_conflict_do_nothing())
    names = [{"name": "change_seq", "value": 0}, {"name": "layout", "value": LAYOUT}]
    connection.execute(insert(counters).values(names).on_conflict_do_nothing())


class Store:
    """Reads and writes one bridge's database. Each method is one transaction; safe to share between threads.

    Args:
        engine: From `open_engine`.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
        self._reasons: dict[str, int] | None = None
        self.withheld_changes = 0
        """Grows when a reading is withheld: a baseline remembered before may be that reading."""
        self._reasons_lock = threading.Lock()
        self._mark = "?" if engine.dialect.name == "sqlite" else "%s"
        self._readings = _Many(engine, readings.insert(), _READING_COLUMNS)
        self._evidence = _Many(engine, evidence.insert(), tuple(evidence.c.keys()))
        self._outbox = _Many(engine, outbox.insert(), tuple(outbox.c.keys()))
        self._batches = _Many(engine, self._upsert_batch(), tuple(batches.c.keys()))
        self._changes: dict[tuple[str, ...], _Many] = {
            facts: _Many(engine, _change(facts), ("b_meter", "b_epoch", "b_interval", "b_before", *_prefixed(facts)))
            for facts in (_POSTED, _CONCLUDED, _SETTLED)
        }
        place = ("b_zone", "b_stage", "b_meter", "b_epoch", "b_interval")
        self._advance = _Many(engine, outbox.update().where(_is_place()).values(stage=sa.literal_column("1")), place)
        self._finish = _Many(engine, outbox.delete().where(_is_place()), place)

    def _upsert_batch(self) -> Any:
        """Return the insert of a batch; one whose records were not known gets them, any other stays."""
        insert = self._insert(batches)
        given = {name: insert.excluded[name] for name in ("root", "records", "tx_signature", "tx_slot")}
        unexplained = sa.func.length(batches.c.records) == sa.literal_column("0")
        return insert.on_conflict_do_update(index_elements=["zone", "seq"], set_=given, where=unexplained)

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._engine.connect().execution_options(reads=True) as connection:
            yield connection

    # Intake

    def add(self, rows: Sequence[NewReading]) -> None:
        """Store readings and their outbox rows, all or none, on disk when this returns.

        Raises:
            sqlalchemy.exc.IntegrityError: One of them is stored already: nothing was written.
        """
        if not rows:
            return
        with self._engine.begin() as connection:
            change_seq = self._take_changes(connection, len(rows))
            self._readings.run(connection, [_reading_row(row, change_seq + i) for i, row in enumerate(rows)])
            self._evidence.run(connection, [_evidence_row(row) for row in rows])
            postable = [
                (row.zone, 0, row.interval, row.meter_number, row.register_epoch) for row in rows if row.postable
            ]
            self._outbox.run(connection, postable)
            self._count(connection, {State.STORED: len(postable), State.WITHHELD: len(rows) - len(postable)})
        self._withheld(MASKED, len(rows) - len(postable))

    def known(self, meter_number: int, register_epoch: int, interval: int) -> Known | None:
        """Return what is stored for a reading's key, or None."""
        query = sa.select(evidence.c.core, evidence.c.payload_sha256).where(
            evidence.c.meter_number == meter_number,
            evidence.c.interval == interval,
            evidence.c.register_epoch == register_epoch,
        )
        with self._reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Known(bytes(row[0]), bytes(row[1]))

    def latest(self, meter_number: int, register_epoch: int) -> int | None:
        """Return the highest stored interval of a meter's register epoch, masked ones included."""
        query = (
            sa.select(readings.c.interval)
            .where(readings.c.meter_number == meter_number, readings.c.register_epoch == register_epoch)
            .order_by(readings.c.interval.desc())
            .limit(1)
        )
        with self._reading() as connection:
            value = connection.execute(query).scalar_one_or_none()
        return None if value is None else int(value)

    def nearest(self, meter_number: int, register_epoch: int, interval: int, *, later: bool) -> Baseline | None:
        """Return the nearest reading before (or after) an interval in the same register epoch that is neither masked nor withheld."""
        column = readings.c.interval
        query = (
            sa.select(column, readings.c.import_wh, readings.c.export_wh)
            .where(
                readings.c.meter_number == meter_number,
                readings.c.register_epoch == register_epoch,
                column > interval if later else column < interval,
                readings.c.quality.bitwise_and(0x000F) == 0,
                # What the program refuses for good proves nothing about the meter's registers.
                readings.c.state != State.WITHHELD.value,
            )
            .order_by(column.asc() if later else column.desc())
            .limit(1)
        )
        with self._reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Baseline(int(row[0]), int(row[1]), int(row[2]))

    # Posting

    def pending(self, zone: int, limit: int) -> list[Pending]:
        """Return readings to be posted, oldest interval first, at most `limit`."""
        return self._pending(zone, limit, sa.true())

    def pending_until(self, zone: int, meter_number: int, register_epoch: int, interval: int) -> list[Pending]:
        """Return readings of a meter to be posted whose watermark is not after (register epoch, interval)."""
        passed = sa.and_(
            outbox.c.meter_number == meter_number,
            sa.or_(
                outbox.c.register_epoch < register_epoch,
                sa.and_(outbox.c.register_epoch == register_epoch, outbox.c.interval <= interval),
            ),
        )
        return self._pending(zone, 1_000_000, passed)

    def _pending(self, zone: int, limit: int, condition: Any) -> list[Pending]:
        query = (
            sa.select(
                outbox.c.meter_number,
                outbox.c.register_epoch,
                outbox.c.interval,
                readings.c.slot,
                evidence.c.core,
                evidence.c.signature,
                evidence.c.device_key,
            )
            .select_from(outbox.join(readings, _same(outbox, readings)).join(evidence, _same(outbox, evidence)))
            .where(outbox.c.zone == zone, outbox.c.stage == 0, condition)
            .order_by(outbox.c.interval, outbox.c.meter_number, outbox.c.register_epoch)
            .limit(limit)
        )
        with self._reading() as connection:
            return [
                Pending(int(r[0]), int(r[1]), int(r[2]), int(r[3]), bytes(r[4]), bytes(r[5]), bytes(r[6]))
                for r in connection.execute(query)
            ]

    def pending_meters(self, zone: int) -> list[int]:
        """Return the meters that have readings to be posted."""
        query = sa.select(outbox.c.meter_number).distinct().where(outbox.c.zone == zone, outbox.c.stage == 0)
        with self._reading() as connection:
            return sorted(int(row[0]) for row in connection.execute(query))

    def conclude(self, zone: int, keys: Sequence[Key], state: State, reason: str = "") -> int:
        """Give stored readings their last state; return how many had none yet."""
        with self._engine.begin() as connection:
            wanted = self._in_state(connection, keys, State.STORED)
            self._move(connection, zone, [(key, (reason,)) for key in wanted], State.STORED, state, _CONCLUDED)
        if state is State.WITHHELD:
            self.withheld_changes += len(wanted)
            self._withheld(reason, len(wanted))
        return len(wanted)

    def claim(self, zone: int, keys: Sequence[Key], reached: Mapping[int, tuple[int, int]]) -> list[Key]:
        """Mark those stored readings posted whose record is in a batch that was followed before they came; return the others.

        A batch that somebody else posted (or this bridge, before its store was restored) can be here before its readings are. Its
        event's accumulators are gone by then; `reached`, the slab's (import, export) in Wh by meter, are never below them.
        """
        with self._engine.begin() as connection:
            wanted = self._in_state(connection, keys, State.STORED)
            moves: list[Move] = []
            for key in wanted:
                found = self._find_record(connection, zone, key)
                if found is not None and key[0] in reached:
                    moves.append((key, ("", *found[:3], *reached[key[0]], *found[3:])))
            self._move(connection, zone, moves, State.STORED, State.POSTED, _POSTED)
        claimed = {key for key, _ in moves}
        return [key for key in wanted if key not in claimed]

    def _find_record(self, connection: sa.Connection, zone: int, key: Key) -> tuple[int, int, int, str, int] | None:
        """Return (batch number, place, record flags, transaction, slot) of a reading's record, newest batch first."""
        named = zip(("meter_number", "register_epoch", "interval"), key, strict=True)
        same = sa.and_(*(evidence.c[name] == value for name, value in named))
        digest = bytes(connection.execute(sa.select(evidence.c.digest).where(same)).scalar_one())
        # The database looks through the blobs: rare, and 100,000 batches are 30 MB.
        holds = f"instr(records, {self._mark}) > 0" if self._mark == "?" else f"position({self._mark} IN records) > 0"
        rows = connection.exec_driver_sql(
            "SELECT seq, records, tx_signature, tx_slot FROM batches"
            f" WHERE zone = {self._mark} AND {holds} ORDER BY seq DESC",
            (zone, digest),
        )
        for seq, records, signature, slot in rows:
            for place in range(len(records) // RECORD_SIZE):
                at = RECORD_SIZE * place
                record = proof.decode_record(bytes(records[at : at + RECORD_SIZE]))
                if record.digest == digest and record.interval == key[2]:
                    return int(seq), place, record.flags, str(signature), int(slot)
        return None

    def record_batches(
        self,
        zone: int,
        found: Sequence[Batch],
        cursor: str | None,
        expected: Mapping[bytes, Key] = MappingProxyType({}),
        is_settled: Callable[[Applied], bool] = lambda _: False,
    ) -> int:
        """Write batches of a zone, mark their readings posted or settled, and move the zone's cursor.

        Args:
            zone: Zone number.
            found: New batches, in order.
            cursor: Signature of the last transaction that was looked at, None = it stays where it is.
            expected: Readings by digest that the caller knows to be stored and not posted: they need no look-up.
            is_settled: Whether the ledger's totals are known to have reached a reading's accumulators.

        Returns:
            How many readings were marked.

        Raises:
            StoreError: An expected reading is in another state. Nothing is changed.
        """
        marked = 0
        with self._engine.begin() as connection:
            self._batches.run(
                connection, [(b.zone, b.seq, b.root, b.records, b.tx_signature, b.tx_slot) for b in found]
            )
            places = {applied.digest: (batch, applied) for batch in found for applied in batch.applied}
            for (before, after), moves in self._to_mark(connection, places, expected, is_settled).items():
                self._move(connection, zone, moves, before, after, _POSTED)
                marked += len(moves)
                if before is State.WITHHELD:
                    self._reasons = None  # Counted anew when somebody asks.
            if cursor is not None:
                self._set_cursor(connection, f"zone-{zone}", cursor)
        return marked

    def _to_mark(
        self,
        connection: sa.Connection,
        places: dict[bytes, tuple[Batch, Applied]],
        expected: Mapping[bytes, Key],
        is_settled: Callable[[Applied], bool],
    ) -> dict[tuple[State, State], list[Move]]:
        """Return by present and next state what changes. A digest that is not ours was posted by somebody else."""
        moves: dict[tuple[State, State], list[Move]] = {}

        def mark(key: Key, before: State, batch: Batch, applied: Applied) -> None:
            after = State.SETTLED if is_settled(applied) else State.POSTED
            moves.setdefault((before, after), []).append((key, _posted_facts(batch, applied)))

        for digest in [digest for digest in places if digest in expected]:
            mark(expected[digest], State.STORED, *places.pop(digest))
        for part in _parts([(applied.meter_number, applied.interval) for _, applied in places.values()]):
            rows = connection.exec_driver_sql(
                f"WITH wanted (m, i) AS (VALUES {self._values(part)})"
                " SELECT r.meter_number, r.register_epoch, r.interval, r.state, e.digest FROM wanted"
                " JOIN readings r ON r.meter_number = wanted.m AND r.interval = wanted.i"
                " JOIN evidence e ON e.meter_number = r.meter_number AND e.interval = r.interval"
                " AND e.register_epoch = r.register_epoch",
                tuple(value for pair in part for value in pair),
            )
            for meter_number, register_epoch, interval, state, digest in rows:
                place = places.get(bytes(digest))
                if place is None or state in (_POSTED_STATE, _SETTLED_STATE):
                    continue
                mark((int(meter_number), int(register_epoch), int(interval)), State(state), *place)
        return moves

    def unsettled(self, zone: int, limit: int = 20_000) -> list[tuple[Key, int, int]]:
        """Return posted readings that are not settled: key, and the import and export accumulators after it, Wh."""
        query = (
            sa.select(
                readings.c.meter_number,
                readings.c.register_epoch,
                readings.c.interval,
                readings.c.acc_import_wh,
                readings.c.acc_export_wh,
            )
            .select_from(outbox.join(readings, _same(outbox, readings)))
            .where(outbox.c.zone == zone, outbox.c.stage == 1)
            .order_by(outbox.c.interval)
            .limit(limit)
        )
        with self._reading() as connection:
            return [
                ((int(meter), int(epoch), int(interval)), int(import_wh), int(export_wh))
                for meter, epoch, interval, import_wh, export_wh in connection.execute(query)
            ]

    def settle(self, zone: int, keys: Sequence[Key]) -> int:
        """Mark readings from `unsettled` settled; return how many."""
        with self._engine.begin() as connection:
            self._move(connection, zone, [(key, ()) for key in keys], State.POSTED, State.SETTLED, _SETTLED)
        return len(keys)

    def _in_state(self, connection: sa.Connection, keys: Sequence[Key], state: State) -> list[Key]:
        found: list[Key] = []
        for part in _parts(keys):
            rows = connection.exec_driver_sql(
                f"WITH wanted (m, e, i) AS (VALUES {self._values(part)})"
                " SELECT r.meter_number, r.register_epoch, r.interval FROM wanted"
                " JOIN readings r ON r.meter_number = wanted.m AND r.interval = wanted.i"
                f" AND r.register_epoch = wanted.e WHERE r.state = {state.value}",
                tuple(value for key in part for value in key),
            )
            found += [(int(row[0]), int(row[1]), int(row[2])) for row in rows]
        return found

    def _values(self, rows: Sequence[tuple[Any, ...]]) -> str:
        """Return `(?,?),(?,?)` for these rows. A join on VALUES looks rows up by key; `(a, b) IN (VALUES …)` scans in SQLite."""
        one = "(" + ",".join([self._mark] * len(rows[0])) + ")"
        return ",".join([one] * len(rows))

    def _move(
        self,
        connection: sa.Connection,
        zone: int,
        moves: Sequence[Move],
        before: State,
        after: State,
        facts: tuple[str, ...],
    ) -> None:
        """Move readings that are in state `before`, outbox and totals with them.

        Raises:
            StoreError: One of them is not in that state: somebody else writes here. Nothing is changed.
        """
        if not moves:
            return
        change_seq = self._take_changes(connection, len(moves))
        rows = [(*key, before.value, after.value, change_seq + n, *given) for n, (key, given) in enumerate(moves)]
        changed = self._changes[facts].run(connection, rows)
        if changed != len(moves):
            raise StoreError(f"{len(moves) - changed} readings of zone {zone} were changed by somebody else")
        if before is not State.WITHHELD and before is not State.SUPERSEDED:
            stage = 1 if before is State.POSTED else 0
            places = [(zone, stage, *key) for key, _ in moves]
            (self._advance if after is State.POSTED else self._finish).run(connection, places)
        elif after is State.POSTED:
            self._outbox.run(connection, [(zone, 1, key[2], key[0], key[1]) for key, _ in moves])
        self._count(connection, {before: -len(moves), after: len(moves)})

    # What the chain has shown

    def cursor(self, zone: int) -> str | None:
        """Return the last transaction signature of a zone that was worked in, or None."""
        with self._reading() as connection:
            value = connection.exec_driver_sql(
                f"SELECT value FROM cursors WHERE name = {self._mark}", (f"zone-{zone}",)
            ).scalar_one_or_none()
        return None if value is None else str(value)

    def _set_cursor(self, connection: sa.Connection, name: str, value: str) -> None:
        connection.exec_driver_sql(
            f"INSERT INTO cursors (name, value) VALUES ({self._mark}, {self._mark})"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def batch_count(self, zone: int) -> int:
        """Return how many batch roots of a zone are known here."""
        query = sa.select(sa.func.count()).select_from(batches).where(batches.c.zone == zone)
        with self._reading() as connection:
            return int(connection.execute(query).scalar_one())

    def batch_roots(self, zone: int, first: int, count: int | None = None) -> list[tuple[int, bytes]]:
        """Return (number, root) of a zone's batches from number `first` on, ascending; of `count` numbers, by default all."""
        query = (
            sa.select(batches.c.seq, batches.c.root)
            .where(batches.c.zone == zone, batches.c.seq >= first)
            .order_by(batches.c.seq)
        )
        if count is not None:
            query = query.where(batches.c.seq < first + count)
        with self._reading() as connection:
            return [(int(seq), bytes(root)) for seq, root in connection.execute(query)]

    def unexplained(self, zone: int) -> list[tuple[int, bytes, str]]:
        """Return (number, root, transaction) of the batches whose records are not known, ascending; what is empty is not known either."""
        query = (
            sa.select(batches.c.seq, batches.c.root, batches.c.tx_signature)
            .where(batches.c.zone == zone, sa.func.length(batches.c.records) == 0)
            .order_by(batches.c.seq)
        )
        with self._reading() as connection:
            return [(int(seq), bytes(root), str(name)) for seq, root, name in connection.execute(query)]

    def neighbour(self, zone: int, seq: int, *, later: bool) -> tuple[int, str] | None:
        """Return (number, transaction) of the nearest batch before (or after) number `seq` whose records are known."""
        column = batches.c.seq
        query = (
            sa.select(column, batches.c.tx_signature)
            .where(
                batches.c.zone == zone, column > seq if later else column < seq, sa.func.length(batches.c.records) > 0
            )
            .order_by(column.asc() if later else column.desc())
            .limit(1)
        )
        with self._reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else (int(row[0]), str(row[1]))

    def batches_near(self, zone: int, seq: int, span: int) -> list[tuple[str, bytes]]:
        """Return (transaction, records) of the batches at most `span` numbers from `seq` whose records are known, ascending."""
        near = sa.and_(batches.c.seq.between(seq - span, seq + span), sa.func.length(batches.c.records) > 0)
        query = (
            sa.select(batches.c.tx_signature, batches.c.records)
            .where(batches.c.zone == zone, near)
            .order_by(batches.c.seq)
        )
        with self._reading() as connection:
            return [(str(name), bytes(records)) for name, records in connection.execute(query)]

    def evidence_of(self, meter_number: int, interval: int) -> list[Evidence]:
        """Return what proves the stored readings of a meter for an interval, one for each register epoch."""
        query = (
            sa.select(evidence.c.core, evidence.c.signature, evidence.c.digest, readings.c.seq)
            .select_from(evidence.join(readings, _same(evidence, readings)))
            .where(evidence.c.meter_number == meter_number, evidence.c.interval == interval)
        )
        with self._reading() as connection:
            rows = connection.execute(query).all()
        return [Evidence(bytes(row[0]), bytes(row[1]), bytes(row[2]), row[3]) for row in rows]

    def totals(self) -> dict[State, int]:
        """Return the number of readings in each state."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(totals.c.state, totals.c.count)).all()
        return {State(int(state)): int(count) for state, count in rows}

    def withheld_reasons(self) -> dict[str, int]:
        """Return the number of withheld readings by reason. Counted in the table once, then kept in memory."""
        with self._reasons_lock:
            if self._reasons is None:
                self._reasons = self._count_reasons()
            return dict(self._reasons)

    def _count_reasons(self) -> dict[str, int]:
        query = (
            sa.select(readings.c.reason, sa.func.count())
            .where(readings.c.state == State.WITHHELD.value)
            .group_by(readings.c.reason)
        )
        with self._reading() as connection:
            return {str(reason): int(count) for reason, count in connection.execute(query)}

    def _withheld(self, reason: str, count: int) -> None:
        with self._reasons_lock:
            if self._reasons is not None and count:
                self._reasons[reason] = self._reasons.get(reason, 0) + count

    def pending_count(self, zone: int) -> int:
        """Return how many readings of a zone wait to be posted."""
        query = sa.select(sa.func.count()).select_from(outbox).where(outbox.c.zone == zone, outbox.c.stage == 0)
        with self._reading() as connection:
            return int(connection.execute(query).scalar_one())

    def has_pending(self, zone: int, count: int) -> bool:
        """Return whether at least `count` (≥1) readings of a zone wait to be posted."""
        query = sa.select(sa.literal(1)).select_from(outbox).where(outbox.c.zone == zone, outbox.c.stage == 0)
        with self._reading() as connection:
            return connection.execute(query.limit(1).offset(count - 1)).first() is not None

    def _take_changes(self, connection: sa.Connection, count: int) -> int:
        """Return the first of `count` new change numbers; the row's lock keeps them in the order of the commits."""
        last = connection.exec_driver_sql(
            f"UPDATE counters SET value = value + {self._mark} WHERE name = 'change_seq' RETURNING value", (count,)
        ).scalar_one()
        return int(last) - count + 1

    def _count(self, connection: sa.Connection, changes: dict[State, int]) -> None:
        for state, change in changes.items():
            if change:
                connection.exec_driver_sql(
                    f"UPDATE totals SET count = count + {self._mark} WHERE state = {self._mark}", (change, state.value)
                )

    def ping(self) -> float:
        """Return how long a trivial read takes, wall seconds; an exception when the store is away."""
        start_s = time.monotonic()
        with self._reading() as connection:
            connection.execute(sa.select(sa.literal(1)))
        return time.monotonic() - start_s


Move = tuple[Key, tuple[Any, ...]]
"""A reading and the values of the columns that change with its state."""

_CHANGED = ("state", "change_seq")
_POSTED = (
    *_CHANGED,
    "reason",
    "seq",
    "record",
    "record_flags",
    "acc_import_wh",
    "acc_export_wh",
    "tx_signature",
    "tx_slot",
)
_CONCLUDED = (*_CHANGED, "reason")
_SETTLED = _CHANGED
_POSTED_STATE, _SETTLED_STATE = State.POSTED.value, State.SETTLED.value


def _prefixed(facts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"b_{name}" for name in facts)


def _change(facts: tuple[str, ...]) -> Any:
    """Return the update of one reading that is in state `b_before`."""
    here = sa.and_(
        readings.c.meter_number == sa.bindparam("b_meter"),
        readings.c.register_epoch == sa.bindparam("b_epoch"),
        readings.c.interval == sa.bindparam("b_interval"),
        readings.c.state == sa.bindparam("b_before"),
    )
    return readings.update().where(here).values({name: sa.bindparam(f"b_{name}") for name in facts})


def _is_place() -> Any:
    return sa.and_(
        outbox.c.zone == sa.bindparam("b_zone"),
        outbox.c.stage == sa.bindparam("b_stage"),
        outbox.c.meter_number == sa.bindparam("b_meter"),
        outbox.c.register_epoch == sa.bindparam("b_epoch"),
        outbox.c.interval == sa.bindparam("b_interval"),
    )


def _posted_facts(batch: Batch, applied: Applied) -> tuple[Any, ...]:
    return (
        "",
        batch.seq,
        applied.record,
        applied.flags,
        applied.acc_import_wh,
        applied.acc_export_wh,
        batch.tx_signature,
        batch.tx_slot,
    )


def _parts(values: Sequence[Any], size: int = 250) -> Iterator[list[Any]]:
    """Yield the values in lists short enough for a statement's parameters (SQLite: 999 in old builds)."""
    for at in range(0, len(values), size):
        yield list(values[at : at + size])


def _same(left: sa.Table, right: sa.Table) -> Any:
    names = ("meter_number", "interval", "register_epoch")
    return sa.and_(*(left.c[name] == right.c[name] for name in names))


_READING_COLUMNS = (
    "meter_number",
    "interval",
    "register_epoch",
    "import_wh",
    "export_wh",
    "quality",
    "clock_error_ms",
    "key_epoch",
    "zone",
    "slot",
    "received_at_ms",
    "state",
    "reason",
    "change_seq",
)


def _reading_row(row: NewReading, change_seq: int) -> tuple[Any, ...]:
    return (
        row.meter_number,
        row.interval,
        row.register_epoch,
        row.import_wh,
        row.export_wh,
        row.quality,
        row.clock_error_ms,
        row.key_epoch,
        row.zone,
        row.slot,
        row.received_at_ms,
        0 if row.postable else State.WITHHELD.value,
        "" if row.postable else MASKED,
        change_seq,
    )


def _evidence_row(row: NewReading) -> tuple[Any, ...]:
    return (
        row.meter_number,
        row.interval,
        row.register_epoch,
        row.core,
        row.signature,
        row.device_key,
        row.digest,
        row.payload_sha256,
        row.detail,
    )


class _Many:
    """One statement run for many rows by the driver's own executemany: Core's per-value work costs more than the row.

    Args:
        engine: For its dialect.
        statement: An insert, update or delete whose parameters are `names`.
        names: Order of the values in each row handed to `run`.
    """

    def __init__(self, engine: sa.Engine, statement: Any, names: tuple[str, ...]) -> None:
        keys = list(names) if isinstance(statement, sa.Insert) else None
        compiled = statement.compile(dialect=engine.dialect, column_keys=keys)
        self._text = str(compiled)
        self._names = names
        self._in_order: Callable[[tuple[Any, ...]], tuple[Any, ...]] | None = None
        if compiled.positiontup is not None:
            self._in_order = itemgetter(*(names.index(name) for name in compiled.positiontup))

    def run(self, connection: sa.Connection, rows: list[tuple[Any, ...]]) -> int:
        """Run it for each row; return how many rows of the database it touched."""
        if not rows:
            return 0
        given: Any
        if self._in_order is None:
            given = [dict(zip(self._names, row, strict=True)) for row in rows]
        else:
            given = [*map(self._in_order, rows)]
        return int(connection.exec_driver_sql(self._text, given).rowcount)
