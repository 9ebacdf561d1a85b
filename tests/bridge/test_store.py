"""The store: one transaction or none, counts that always add up, queries that never scan, two databases with one code."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gridkit.chain import proof
from oracle_bridge.errors import StoreError
from oracle_bridge.judge import Baseline
from oracle_bridge.store import MASKED, Applied, Batch, NewReading, State, Store, open_engine

BINARIES = next(
    (path for path in (Path("/usr/lib/postgresql/15/bin"), Path("/usr/lib/postgresql/16/bin")) if path.exists()),
    None,
)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of its own on a free port, or the one that CAMPUSGRID_TEST_POSTGRES names."""
    given = os.environ.get("CAMPUSGRID_TEST_POSTGRES")
    if given:
        yield given
        return
    if BINARIES is None:
        pytest.skip("PostgreSQL is not installed")
    folder = tmp_path_factory.mktemp("postgres")
    prefix: list[str] = []
    if getpass.getuser() == "root":
        if (
            shutil.which("runuser") is None
            or subprocess.run(["id", "postgres"], capture_output=True, check=False).returncode
        ):
            pytest.skip("PostgreSQL does not run as root and there is no user for it")
        prefix = ["runuser", "-u", "postgres", "--"]
        folder = Path("/tmp") / f"campusgrid-postgres-{os.getpid()}"
        folder.mkdir()
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    made = subprocess.run(
        [*prefix, str(BINARIES / "initdb"), "-D", str(data), "-U", "grid", "-A", "trust", "-E", "UTF8", "--no-sync"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/tmp",
    )
    if made.returncode:
        pytest.skip(f"PostgreSQL cannot be set up here: {made.stderr[-200:]}")
    server = subprocess.Popen(
        [*prefix, str(BINARIES / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/tmp",
    )
    url = f"postgresql+psycopg://grid@127.0.0.1:{port}/postgres"
    try:
        for _ in range(600):
            try:
                sa.create_engine(url).connect().close()
                break
            except sa.exc.OperationalError:
                time.sleep(0.1)
        yield url
    finally:
        subprocess.run(
            [*prefix, str(BINARIES / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"],
            check=False,
            cwd="/tmp",
            capture_output=True,
        )
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A new store, once on each database."""
    if request.param == "sqlite":
        yield Store(open_engine(f"sqlite:///{tmp_path / 'bridge.db'}"))
        return
    url = request.getfixturevalue("postgres")
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    name = f"store_{time.monotonic_ns()}"
    with admin.connect() as db:
        db.exec_driver_sql(f"CREATE DATABASE {name}")
    engine = open_engine(sa.make_url(url).set(database=name).render_as_string(hide_password=False))
    yield Store(engine)
    engine.dispose()
    with admin.connect() as db:
        db.exec_driver_sql(f"DROP DATABASE {name}")
    admin.dispose()


def row(meter: int, interval: int, **changes: Any) -> NewReading:
    fields: dict[str, Any] = {
        "meter_number": meter,
        "register_epoch": 0,
        "interval": interval,
        "key_epoch": 0,
        "zone": 1,
        "slot": meter - 1,
        "import_wh": 2**40 + interval,
        "export_wh": interval,
        "quality": 0,
        "clock_error_ms": 3,
        "received_at_ms": 1_793_664_000_000,
        "postable": True,
        "core": b"c" * 47,
        "signature": b"s" * 64,
        "device_key": b"k" * 32,
        "digest": meter.to_bytes(8, "little") + interval.to_bytes(8, "little"),
        "payload_sha256": b"p" * 32,
        "detail": b"d" * 20,
    }
    return NewReading(**(fields | changes))


def batch(seq: int, *places: tuple[int, int]) -> Batch:
    applied = tuple(
        Applied(m, i, m.to_bytes(8, "little") + i.to_bytes(8, "little"), n, 1, 100 + i, 10)
        for n, (m, i) in enumerate(places)
    )
    return Batch(1, seq, bytes([seq]) * 32, b"r" * 24 * len(places), f"signature {seq}", 77, applied)


def view(store: Store) -> list[Any]:
    with store._engine.connect() as db:
        return list(db.exec_driver_sql("SELECT * FROM readings_view ORDER BY meter_number, interval"))


def states(store: Store) -> dict[str, int]:
    return {state.name.lower(): count for state, count in store.totals().items() if count}


def test_a_reading_lives_from_stored_to_settled(store: Store) -> None:
    """Every state is one that an operator sees; each change has a number that followers go on from."""
    store.add([row(1, 10), row(1, 11), row(2, 10), row(3, 10, postable=False, quality=1)])
    assert [item.interval for item in store.pending(1, 9)] == [10, 10, 11]
    assert [store.has_pending(1, count) for count in (1, 3, 4)] == [True, True, False]
    assert not store.has_pending(2, 1)
    assert store.pending(2, 9) == []
    assert store.record_batches(1, [batch(0, (1, 10), (2, 10)), batch(1, (9, 9))], "cursor 1") == 2
    assert store.unsettled(1) == [((1, 0, 10), 110, 10), ((2, 0, 10), 110, 10)]
    assert store.settle(1, [(1, 0, 10)]) == 1
    assert store.conclude(1, [(1, 0, 11)], State.WITHHELD, "over_capacity") == 1
    assert states(store) == {"posted": 1, "settled": 1, "withheld": 2}
    rows = {(item.meter_number, item.interval): item for item in view(store)}
    assert (rows[1, 10].state, rows[1, 10].seq, rows[1, 10].record, rows[1, 10].tx_signature) == (
        "settled",
        0,
        0,
        "signature 0",
    )
    assert rows[1, 10].import_wh == 2**40 + 10
    assert bytes(rows[1, 10].core) == b"c" * 47
    assert (rows[3, 10].state, rows[3, 10].reason) == ("withheld", MASKED)
    assert store.withheld_reasons() == {MASKED: 1, "over_capacity": 1}
    changes = [item.change_seq for item in rows.values()]
    assert len(set(changes)) == len(changes)
    assert max(changes) == rows[1, 11].change_seq
    assert store.cursor(1) == "cursor 1"
    assert store.cursor(2) is None
    assert store.batch_roots(1, 0) == [(0, bytes(32)), (1, bytes([1]) * 32)]
    assert store.pending(1, 9) == []
    assert store.pending_count(1) == 0


def test_all_of_a_batch_is_stored_or_none(store: Store) -> None:
    """Half a batch would be receipted as a whole."""
    store.add([row(1, 10)])
    with pytest.raises(sa.exc.IntegrityError):
        store.add([row(1, 11), row(1, 10), row(1, 12)])
    assert states(store) == {"stored": 1}
    assert len(view(store)) == 1
    store.add([row(1, 11)])
    assert states(store) == {"stored": 2}


def test_the_same_batches_again_change_nothing(store: Store) -> None:
    """After a kill the follower repeats what it may have done."""
    store.add([row(1, 10)])
    assert store.record_batches(1, [batch(0, (1, 10))], "a") == 1
    before = view(store)
    assert store.record_batches(1, [batch(0, (1, 10))], "a") == 0
    store.settle(1, [(1, 0, 10)])
    assert store.record_batches(1, [batch(0, (1, 10))], "a") == 0
    assert states(store) == {"settled": 1}
    assert before[0].change_seq < view(store)[0].change_seq


@pytest.mark.parametrize("state", [State.SUPERSEDED, State.WITHHELD])
def test_the_chain_has_the_last_word(store: Store, state: State) -> None:
    """A reading that was given up and then turns up in a root is posted: the root is the truth."""
    store.add([row(1, 10)])
    store.conclude(1, [(1, 0, 10)], state, "given up")
    assert store.record_batches(1, [batch(0, (1, 10))], "a") == 1
    assert states(store) == {"posted": 1}
    assert store.withheld_reasons() == {}
    assert store.unsettled(1) == [((1, 0, 10), 110, 10)]


def test_a_reading_whose_batch_was_followed_before_it_came_is_claimed(store: Store) -> None:
    """Its owner posted it: it stands in a root, so it is posted, with its place and never less than its accumulators."""
    first, second = row(1, 10), row(2, 10)
    records = b"".join(proof.encode_record(proof.Record(r.slot, 10, 1, r.digest)) for r in (second, first))
    store.record_batches(1, [Batch(1, 7, bytes(32), records, "theirs", 70, ())], "a")
    store.add([first, second, row(3, 10)])
    keys = [(1, 0, 10), (2, 0, 10), (3, 0, 10)]
    assert store.claim(1, keys, {1: (500, 60), 3: (1, 1)}) == [(2, 0, 10), (3, 0, 10)]
    found = view(store)[0]
    assert (found.state, found.seq, found.record, found.tx_signature) == ("posted", 7, 1, "theirs")
    assert store.unsettled(1) == [((1, 0, 10), 500, 60)]


def test_a_root_without_records_gets_them_once(store: Store) -> None:
    """Somebody hid the posting; when it is explained the batch is whole, and nothing takes that away again."""
    store.add([row(1, 10), row(2, 10)])
    store.record_batches(1, [batch(0, (1, 10)), batch(3, (9, 9))], "a")
    bare = [Batch(1, seq, root, b"", maker, 70, ()) for seq, root, maker in ((1, b"q" * 32, "theirs"), (2, b"", ""))]
    assert store.record_batches(1, bare, None) == 0
    assert store.unexplained(1) == [(1, b"q" * 32, "theirs"), (2, b"", "")]
    assert store.neighbour(1, 1, later=False) == (0, "signature 0")
    assert store.neighbour(1, 1, later=True) == (3, "signature 3")
    assert store.neighbour(1, 3, later=True) is None
    assert store.batch_roots(1, 1, 2) == [(1, b"q" * 32), (2, b"")]
    assert [(found.seq, found.digest) for found in store.evidence_of(1, 10)] == [(0, row(1, 10).digest)]
    assert [found.seq for found in store.evidence_of(2, 10)] == [None]
    assert store.record_batches(1, [batch(1, (2, 10))], None) == 1
    store.record_batches(1, bare, None)
    assert store.unexplained(1) == [(2, b"", "")]
    assert store.batch_roots(1, 1, 1) == [(1, bytes([1]) * 32)]
    assert store.cursor(1) == "a"
    assert states(store) == {"posted": 2}


def test_a_second_writer_is_noticed(store: Store) -> None:
    """Two bridges on one store would count some readings twice; the second must stop, not go on."""
    store.add([row(1, 10)])
    with pytest.raises(StoreError):
        store.settle(1, [(1, 0, 10)])
    assert states(store) == {"stored": 1}


def test_the_nearest_unmasked_readings_are_found(store: Store) -> None:
    """Masked readings and other register epochs are never a baseline."""
    store.add([row(1, 10), row(1, 12, quality=4, postable=False), row(1, 14), row(1, 11, register_epoch=1), row(2, 12)])
    assert store.nearest(1, 0, 13, later=False) == Baseline(10, 2**40 + 10, 10)
    assert store.nearest(1, 0, 11, later=True) == Baseline(14, 2**40 + 14, 14)
    assert store.nearest(1, 0, 10, later=False) is None
    assert store.nearest(1, 0, 14, later=True) is None
    assert store.latest(1, 0) == 14
    assert store.latest(1, 1) == 11
    assert store.latest(5, 0) is None
    known = store.known(1, 0, 12)
    assert known is not None
    assert known.core == b"c" * 47
    assert store.known(1, 0, 13) is None


def test_a_store_of_another_layout_is_refused(tmp_path: Path) -> None:
    """An older program on a newer store would write rows that the newer one misreads."""
    url = f"sqlite:///{tmp_path / 'bridge.db'}"
    engine = open_engine(url)
    with engine.begin() as db:
        db.exec_driver_sql("UPDATE counters SET value = 99 WHERE name = 'layout'")
    with pytest.raises(StoreError, match="layout 99"):
        open_engine(url)
    with pytest.raises(StoreError, match="cannot be opened"):
        open_engine(f"sqlite:///{tmp_path}/missing/bridge.db")


def test_no_statement_of_the_hot_path_scans_the_readings(tmp_path: Path) -> None:
    """At ten million rows a scan for each posting would take seconds."""
    store = Store(open_engine(f"sqlite:///{tmp_path / 'bridge.db'}"))
    seen: list[tuple[str, Any]] = []

    @sa.event.listens_for(store._engine, "before_cursor_execute")
    def _note(_c: Any, _cursor: Any, text: str, parameters: Any, _context: Any, many: bool) -> None:
        if text.lstrip().upper().startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
            seen.append((text, parameters[0] if many else parameters))

    store.add([row(m, i) for m in range(1, 5) for i in range(10)])
    store.pending(1, 5)
    store.record_batches(1, [batch(0, (1, 1), (2, 1))], "a")
    store.settle(1, [key for key, *_ in store.unsettled(1)])
    store.conclude(1, [(3, 0, 1)], State.SUPERSEDED)
    store.known(1, 0, 1)
    store.latest(1, 0)
    store.nearest(1, 0, 5, later=True)
    store.batch_roots(1, 0)
    with store._engine.connect() as db:
        month = "SELECT interval, import_wh, export_wh, quality, state FROM readings_view WHERE meter_number = 1 AND interval BETWEEN 1 AND 9"
        follow = "SELECT * FROM readings_view WHERE change_seq > 5 ORDER BY change_seq LIMIT 10"
        for text, parameters in [*seen, (month, ()), (follow, ())]:
            plan = [str(item[3]) for item in db.exec_driver_sql("EXPLAIN QUERY PLAN " + text, parameters)]
            big = [
                line
                for line in plan
                if line.startswith("SCAN") and line.split()[1] in ("r", "e", "readings", "evidence", "outbox")
            ]
            assert not big, (text, plan)
            assert not any("TEMP B-TREE" in line for line in plan), (text, plan)
