"""The spool: what it has acknowledged is there after any kill, and nothing leaves it without a settled receipt."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from edge.errors import SpoolError
from edge.spool import Spool
from edge.track import TrackState
from gridkit.receipt import Verdict, payload_sha256

METER = b"M1".ljust(16, b"\0")
OTHER = b"M2".ljust(16, b"\0")


def put(spool: Spool, interval: int, meter_id: bytes = METER, epoch: int = 0) -> bytes:
    payload = b"%d/%d/%s" % (epoch, interval, meter_id)
    spool.put(meter_id, [(epoch, interval, payload)], TrackState(last_interval=interval))
    return payload


def test_reading_and_state_are_kept_together_and_read_back_oldest_first(tmp_path: Path) -> None:
    """A state that is ahead of its reading loses an interval; one behind signs it twice."""
    spool = Spool(tmp_path / "a" / "spool.db")
    for interval in (5, 6, 7):
        put(spool, interval)
    put(spool, 3, epoch=1)
    put(spool, 1, OTHER)
    spool.close()
    again = Spool(tmp_path / "a" / "spool.db")
    keys = [(r.register_epoch, r.interval) for r in again.oldest(METER, 10)]
    assert keys == [(0, 5), (0, 6), (0, 7), (1, 3)]
    assert [(r.register_epoch, r.interval) for r in again.oldest(METER, 2, (0, 5))] == [(0, 6), (0, 7)]
    state = again.state(METER)
    assert state is not None
    assert state.last_interval == 3
    assert again.state(b"?" * 16) is None
    counts = again.counts()
    assert (counts[METER][0], counts[OTHER][0]) == (4, 1)


def signed(interval: int, key_epoch: int) -> bytes:
    """A payload of which the spool looks at the key epoch alone."""
    return b"CG\x01tag!numb" + key_epoch.to_bytes(2, "little") + b"%d" % interval


def test_readings_are_signed_again_all_or_none_and_each_meters_own(tmp_path: Path) -> None:
    """The power goes when half a month is signed again: the chain of cores would have a hole that nobody can close."""
    spool = Spool(tmp_path / "spool.db")
    for interval in range(100):
        state = TrackState(last_interval=interval, core_hash=b"old")
        for meter_id in (METER, OTHER):
            spool.put(meter_id, [(0, interval, signed(interval, 0) + meter_id)], state)
    refused = [payload_sha256(signed(i, 0) + METER) for i in (5, 70, 71)]
    for sha256, verdict in zip(
        refused, (Verdict.WRONG_KEY_EPOCH, Verdict.WRONG_KEY_EPOCH, Verdict.CONFLICT), strict=True
    ):
        spool.settle([(sha256, verdict)])
    before = [spool.oldest(m, 200) for m in (METER, OTHER)], spool.quarantine(), spool.state(METER)
    seen: list[bytes] = []

    def again(payload: bytes) -> bytes:
        seen.append(payload)
        if len(seen) == 70:
            raise RuntimeError("the token went")
        return payload[:11] + b"\1\0" + payload[13:]

    with pytest.raises(RuntimeError):
        spool.sign_again(METER, 1, 20, again, lambda before: b"new")
    assert ([spool.oldest(m, 200) for m in (METER, OTHER)], spool.quarantine(), spool.state(METER)) == before
    assert spool.sign_again(METER, 1, 20, again, lambda before: b"new") == 79
    assert seen[70:] == [signed(i, 0) + METER for i in range(20, 100) if i != 71], "oldest first"
    kept = {row.interval: row.payload[11] for row in spool.oldest(METER, 200)}
    assert kept == {i: int(i >= 20) for i in range(100) if i not in (5, 71)}
    assert [q.row.interval for q in spool.quarantine()] == [5, 71], (
        "one before the switch, one refused for another reason"
    )
    state = spool.state(METER)
    assert state is not None
    assert (state.core_hash, state.last_interval) == (b"new", 99)
    assert spool.oldest(OTHER, 200) == before[0][1]
    assert spool.sign_again(METER, 1, 20, again, lambda before: b"no") == 0
    assert spool.sign_again(METER, 1, 50, lambda p: p[:11] + b"\0\0" + p[13:], lambda before: b"old") == 30


def test_a_second_reading_for_the_same_interval_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    """Two cores for one interval are a conflict at the bridge; neither state nor row may move."""
    spool = Spool(tmp_path / "spool.db")
    put(spool, 5)
    with pytest.raises(SpoolError):
        spool.put(METER, [(0, 6, b"new"), (0, 5, b"other")], TrackState(last_interval=6))
    state = spool.state(METER)
    assert state is not None
    assert state.last_interval == 5
    assert [r.interval for r in spool.oldest(METER, 9)] == [5]


def test_stored_deletes_permanent_moves_transient_keeps(tmp_path: Path) -> None:
    """Deleting on anything but "stored" loses a reading; keeping a refused one blocks the queue for ever."""
    spool = Spool(tmp_path / "spool.db")
    stored, refused, later = (payload_sha256(put(spool, i)) for i in (1, 2, 3))
    settled = spool.settle(
        [(stored, Verdict.STORED), (refused, Verdict.CONFLICT), (later, Verdict.UNKNOWN_METER), (b"?" * 32, 1)]
    )
    assert [(row.interval, verdict) for row, verdict in settled] == [(1, 1), (2, Verdict.CONFLICT)]
    assert [r.interval for r in spool.oldest(METER, 9)] == [3]
    (kept,) = spool.quarantine()
    assert (kept.row.interval, kept.verdict, kept.row.payload) == (2, Verdict.CONFLICT, b"0/2/" + METER)
    assert spool.counts()[METER][0::2] == (1, 1)
    assert spool.settle([(stored, Verdict.STORED)]) == []


def test_settings_of_the_file_are_the_safe_ones(tmp_path: Path) -> None:
    """synchronous=NORMAL is ten times faster and loses the last commits at a power cut."""
    spool = Spool(tmp_path / "spool.db")
    assert spool._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert spool._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_damaged_file_is_set_aside_and_the_agent_starts(tmp_path: Path) -> None:
    """One bad sector must not stop every meter of a building; registers carry the energy."""
    path = tmp_path / "spool.db"
    path.write_bytes(b"this is no database, but it is long enough to be one" * 100)
    spool = Spool(path)
    put(spool, 1)
    assert [p.name for p in tmp_path.iterdir() if "damaged" in p.name]


def test_a_spoilt_page_in_the_middle_is_found_at_the_start(tmp_path: Path) -> None:
    """A card that loses a block would otherwise end in an exception weeks later, at the first read of it."""
    spool = Spool(tmp_path / "spool.db")
    for interval in range(200):
        spool.put(METER, [(0, interval, os.urandom(400))], TrackState(last_interval=interval))
    spool.close()
    content = bytearray((tmp_path / "spool.db").read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = bytes(4096)
    (tmp_path / "spool.db").write_bytes(content)
    put(Spool(tmp_path / "spool.db"), 900)
    assert [p.name for p in tmp_path.iterdir() if "damaged" in p.name]


def test_what_a_damaged_file_still_gives_is_taken_over(tmp_path: Path) -> None:
    """One bad page of a hundred: the readings on the others have not been receipted yet."""
    spool = Spool(tmp_path / "spool.db")
    for interval in range(300):
        spool.put(METER, [(0, interval, os.urandom(400))], TrackState(last_interval=interval))
    spool.save_config(7, b"seven")
    spool.close()
    content = bytearray((tmp_path / "spool.db").read_bytes())
    content[-3 * 4096 : -2 * 4096] = bytes(4096)
    (tmp_path / "spool.db").write_bytes(content)
    again = Spool(tmp_path / "spool.db")
    state = again.state(METER)
    assert state is not None
    assert state.last_interval == 299
    assert again.config() == b"seven"
    kept = [row.interval for row in again.oldest(METER, 999)]
    assert kept == sorted(kept)
    assert 285 <= len(kept) < 300, "what is on the page alone: the table is read from both ends"
    assert again._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"CREATE TABLE meter_state", b"CRE\xc1TE TABLE meter_state"),
        (b"payload BLOB", b"pahload BLOB"),
        (b"sha256 BLOB", b"sha257 BLOB"),
    ],
)
def test_a_bit_in_the_schema_is_damage_and_no_riddle(tmp_path: Path, before: bytes, after: bytes) -> None:
    """What SQLite then says is no text, or nothing at all: the agent ended at each start, and systemd was told not to try again."""
    path = tmp_path / "spool.db"
    spool = Spool(path)
    put(spool, 1)
    spool.close()
    path.write_bytes(path.read_bytes().replace(before, after))
    again = Spool(path)
    assert [p.name for p in tmp_path.iterdir() if "damaged" in p.name]
    kept = [row.interval for row in again.oldest(METER, 9)]
    assert kept == ([1] if before == b"payload BLOB" else [])
    put(again, 2)


@pytest.mark.parametrize("value", ["text", 7, 1.5])
def test_a_bit_in_a_rows_head_is_damage_too(tmp_path: Path, value: object) -> None:
    """It makes text or a number of what was bytes; hashing that ended the agent, also while it saved the rest."""
    path = tmp_path / "spool.db"
    spool = Spool(path)
    for interval in (1, 2, 3):
        put(spool, interval)
    spool.save_config(7, b"seven")
    spool._db.execute("UPDATE reading SET payload = ? WHERE interval = 2", (value,))
    spool._db.execute("UPDATE meter_state SET state = ?", (value,))
    spool._db.execute("UPDATE config SET bytes = ?", (value,))
    assert (spool.state(METER), spool.config()) == (None, None)
    with pytest.raises(SpoolError) as caught:
        spool.oldest(METER, 9)
    assert caught.value.damaged
    spool.begin_anew()
    assert [row.interval for row in spool.oldest(METER, 9)] == [1, 3]


def test_of_a_file_that_was_cut_short_what_is_left_is_taken_over(tmp_path: Path) -> None:
    """A card that was pulled: SQLite reads nothing of a file that is shorter than its head says."""
    path = tmp_path / "spool.db"
    spool = Spool(path)
    for interval in range(300):
        spool.put(METER, [(0, interval, os.urandom(400))], TrackState(last_interval=interval))
    spool.close()
    os.truncate(path, path.stat().st_size * 2 // 3)
    again = Spool(path)
    kept = [row.interval for row in again.oldest(METER, 999)]
    assert len(kept) > 100
    assert kept == sorted(set(kept))
    state = again.state(METER)
    assert state is not None
    assert state.last_interval == 299
    assert again._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def turn_a_bit(spool: Spool, table: str, column: str, key: bytes) -> None:
    """Turn a bit over in the middle of a stored value, as a worn-out cell does; SQLite's own checks do not see it."""
    (value,) = spool._db.execute(f"SELECT {column} FROM {table} WHERE meter_id = ?", (key,)).fetchone()
    spoilt = bytearray(value)
    spoilt[len(spoilt) // 2] ^= 0x10
    spool._db.execute(f"UPDATE {table} SET {column} = ? WHERE meter_id = ?", (bytes(spoilt), key))
    assert spool._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_bit_that_turned_over_in_a_reading_is_found_before_it_is_sent(tmp_path: Path) -> None:
    """The bridge would receipt other bytes than those that wait here, and the reading would be sent for ever."""
    spool = Spool(tmp_path / "spool.db")
    put(spool, 1)
    put(spool, 1, OTHER)
    turn_a_bit(spool, "reading", "payload", METER)
    with pytest.raises(SpoolError, match="set aside") as caught:
        spool.oldest(METER, 9)
    assert caught.value.damaged
    spool.begin_anew()
    assert spool.oldest(METER, 9) == []
    assert [r.interval for r in spool.oldest(OTHER, 9)] == [1]
    assert [p.name for p in tmp_path.iterdir() if "damaged" in p.name]


def test_spoilt_bytes_are_never_signed_again(tmp_path: Path) -> None:
    """A rotation heard of late signs what is kept once more: a register one bit off would become the meter's word."""
    spool = Spool(tmp_path / "spool.db")
    spool.put(METER, [(0, 5, bytes(200))], TrackState(last_interval=5))
    turn_a_bit(spool, "reading", "payload", METER)
    asked: list[bytes] = []
    with pytest.raises(SpoolError) as caught:
        spool.sign_again(METER, 1, 0, lambda payload: asked.append(payload) or payload, lambda before: before)  # type: ignore[func-returns-value]
    assert caught.value.damaged
    assert asked == []


def test_a_state_one_bit_off_is_no_state(tmp_path: Path) -> None:
    """It holds how often the register has wrapped: believed, it would sign energy that never was."""
    spool = Spool(tmp_path / "spool.db")
    spool.put(METER, [(0, 1, b"one")], TrackState(last_interval=1, import_offset_wh=10**9, sample_ns=10**18))
    spool.put(OTHER, [(0, 1, b"two")], TrackState(last_interval=1))
    for bit in range(8 * len(spool._db.execute("SELECT state FROM meter_state").fetchone()[0])):
        (kept,) = spool._db.execute("SELECT state FROM meter_state WHERE meter_id = ?", (METER,)).fetchone()
        spoilt = bytearray(kept)
        spoilt[bit // 8] ^= 1 << bit % 8
        spool._db.execute("UPDATE meter_state SET state = ? WHERE meter_id = ?", (bytes(spoilt), METER))
        assert spool.state(METER) is None, bit
        spool._db.execute("UPDATE meter_state SET state = ? WHERE meter_id = ?", (kept, METER))
    assert spool.state(METER) == TrackState(last_interval=1, import_offset_wh=10**9, sample_ns=10**18)
    spool._db.execute("UPDATE meter_state SET state = ? WHERE meter_id = ?", (kept, OTHER))
    assert spool.state(OTHER) is None, "another meter's"
    earlier = msgspec.msgpack.encode(TrackState(last_interval=7))
    spool._db.execute("UPDATE meter_state SET state = ? WHERE meter_id = ?", (earlier, METER))
    assert spool.state(METER) == TrackState(last_interval=7), "kept by a version that had no check sum"


def test_a_key_that_has_turned_over_is_found_at_the_start(tmp_path: Path) -> None:
    """Index and table then disagree, each sound in itself: a receipt would find no row, or another one."""
    path = tmp_path / "spool.db"
    spool = Spool(path)
    hashes = [payload_sha256(put(spool, interval)) for interval in range(3)]
    spool.close()
    content = bytearray(path.read_bytes())
    assert content.count(hashes[1]) == 2, "once in the table, once in its index"
    content[content.index(hashes[1])] ^= 1
    path.write_bytes(content)
    again = Spool(path)
    assert [p.name for p in tmp_path.iterdir() if "damaged" in p.name]
    kept = [r.interval for r in again.oldest(METER, 9)]
    assert {0, 2} <= set(kept)
    assert again._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_damaged_file_on_a_full_card_is_given_up_by_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of its readings copied, and the rest in a file that nobody opens again, would be readings lost."""
    spool = Spool(tmp_path / "spool.db")
    for interval in range(300):
        spool.put(METER, [(0, interval, os.urandom(400))], TrackState(last_interval=interval))
    spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (tmp_path / "spool.db").open("r+b") as file:
        file.seek(-3 * 4096, os.SEEK_END)
        file.write(bytes(4096))
    real = Spool._open

    def small(self: Spool) -> sqlite3.Connection:
        db = real(self)
        db.execute("PRAGMA max_page_count=15")
        return db

    monkeypatch.setattr(Spool, "_open", small)
    with pytest.raises(SpoolError, match="full"):
        spool.begin_anew()
    assert not spool.is_open
    assert not [p.name for p in tmp_path.iterdir() if "damaged" in p.name]
    monkeypatch.undo()
    spool.begin_anew()
    assert spool.is_open
    assert len(spool.oldest(METER, 999)) >= 285


def test_damage_while_in_use_is_told_from_a_full_disk_and_can_be_gone_on_from(tmp_path: Path) -> None:
    """A card dies slowly: the agent goes on in a new file, and the old one is kept for whoever wants to look."""
    spool = Spool(tmp_path / "spool.db")
    for interval in range(200):
        spool.put(METER, [(0, interval, os.urandom(400))], TrackState(last_interval=interval))
    spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spool._db.execute("PRAGMA cache_size=1")
    with (tmp_path / "spool.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 40)
    with pytest.raises(SpoolError) as caught:
        spool.oldest(METER, 999)
    assert caught.value.damaged
    spool.begin_anew()
    put(spool, 900)
    assert 900 in [row.interval for row in spool.oldest(METER, 999)]
    assert [p.name for p in tmp_path.iterdir() if "damaged" in p.name]


def test_a_read_only_file_system_is_an_error_and_no_damage(tmp_path: Path) -> None:
    """A card that has worn out turns read-only: nothing may be set aside then, and nothing is lost when it is back."""
    spool = Spool(tmp_path / "spool.db")
    put(spool, 1)
    spool._db.execute("PRAGMA query_only=ON")
    with pytest.raises(SpoolError, match="readonly") as caught:
        put(spool, 2)
    assert not caught.value.damaged
    assert [r.interval for r in spool.oldest(METER, 9)] == [1]
    spool._db.execute("PRAGMA query_only=OFF")
    put(spool, 2)
    assert not [p.name for p in tmp_path.iterdir() if "damaged" in p.name]


def test_a_folder_that_cannot_be_is_told_at_the_start(tmp_path: Path) -> None:
    """Better now than at the first quarter hour."""
    (tmp_path / "edge").write_text("a file where the folder should be")
    with pytest.raises(SpoolError):
        Spool(tmp_path / "edge" / "spool.db")


def test_a_full_disk_is_an_error_and_leaves_what_was_there(tmp_path: Path) -> None:
    """The next sample makes the same reading again, as soon as there is room."""
    spool = Spool(tmp_path / "spool.db")
    put(spool, 1)
    spool._db.execute("PRAGMA max_page_count=20")

    def fill() -> None:
        for interval in range(2, 500):
            spool.put(METER, [(0, interval, os.urandom(900))], TrackState(last_interval=interval))

    with pytest.raises(SpoolError):
        fill()
    kept = [r.interval for r in spool.oldest(METER, 999)]
    state = spool.state(METER)
    assert state is not None
    assert kept == list(range(1, state.last_interval + 1))
    spool._db.execute("PRAGMA max_page_count=1000000")
    put(spool, 600)


def test_the_configuration_is_kept_as_received(tmp_path: Path) -> None:
    """It is verified anew at each start; a stored parse could be edited."""
    spool = Spool(tmp_path / "spool.db")
    assert spool.config() is None
    spool.save_config(3, b"three")
    spool.save_config(4, b"four")
    assert spool.config() == b"four"


WRITER = """
import sys
from pathlib import Path
from edge.spool import Spool
from edge.track import TrackState
from gridkit.receipt import payload_sha256
spool = Spool(Path(sys.argv[1]))
meter = b"M1".ljust(16, b"\\0")
state = spool.state(meter)
i = state.last_interval + 1 if state else 0
print("up", flush=True)
while True:
    payload = b"reading %d" % i
    spool.put(meter, [(0, i, payload)], TrackState(last_interval=i))
    print("put", i, flush=True)
    if i % 3 == 0:
        spool.settle([(payload_sha256(payload), 1)])
        print("settled", i, flush=True)
    i += 1
"""


@pytest.mark.integration
def test_a_kill_between_any_two_statements_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Power goes at any moment: what was acknowledged is there, once, and the state agrees with the rows."""
    path = tmp_path / "spool.db"
    rng = random.Random(3)
    put_ok: set[int] = set()
    settled: set[int] = set()
    for _ in range(12):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        # However slow the machine is, some statements are through; the last ones are cut anywhere.
        told = [process.stdout.readline() for _ in range(rng.randrange(8))]
        time.sleep(rng.uniform(0.0, 0.02))
        process.send_signal(signal.SIGKILL)
        for line in ("".join(told) + process.stdout.read()).splitlines():
            words = line.split()
            if len(words) == 2 and line.endswith(words[1]):
                (put_ok if words[0] == "put" else settled).add(int(words[1]))
        process.wait()
        assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
        spool = Spool(path)
        rows = [r.interval for r in spool.oldest(METER, 100_000)]
        state = spool.state(METER)
        spool.close()
        last = state.last_interval if state is not None else -1
        made = set(range(last + 1))
        # The state never runs ahead of the rows, nor behind; only every third row can have been settled.
        assert set(rows) <= made
        assert all(interval % 3 == 0 for interval in made - set(rows))
        assert put_ok <= made
        assert not settled & set(rows)
    assert len(put_ok) > 20
