"""The truth log: complete, searchable, bounded, and still readable after a kill."""

from __future__ import annotations

from pathlib import Path

from firmware_sim.truth import Entry, TruthLog, TruthReader, entries, latest_ns, served


def entry(n: int, **changes: object) -> Entry:
    fields = {
        "serial": "A1",
        "campus_ns": n,
        "import_wh": n,
        "export_wh": 5,
        "true_import_mwh": 1000 * n + 1,
        "true_export_mwh": 5000,
        "import_step_mwh": 1000,
        "export_step_mwh": 1000,
    }
    return Entry(**{**fields, **changes})  # type: ignore[arg-type]


def test_what_was_served_is_found_and_nothing_else(tmp_path: Path) -> None:
    """A signed value that no meter ever served must be recognised as invented."""
    log = TruthLog(tmp_path)
    log.append(entry(10))
    assert served(tmp_path, "A1", 10, 5) == entry(10)
    assert served(tmp_path, "A1", 11, 5) is None
    assert served(tmp_path, "A1", 10, 6) is None
    assert served(tmp_path, "B2", 10, 5) is None


def test_line_is_visible_before_append_returns(tmp_path: Path) -> None:
    """The reply leaves after append: whoever got a value must find it in the log, also after a kill."""
    log = TruthLog(tmp_path)
    log.append(entry(1))
    assert (tmp_path / "truth.jsonl").read_bytes().endswith(b"\n")


def test_reader_reads_on_across_pieces(tmp_path: Path) -> None:
    """A long run turns pages while somebody reads."""
    log = TruthLog(tmp_path, piece_bytes=400, pieces_kept=100)
    reader = TruthReader(tmp_path)
    for n in range(50):
        log.append(entry(n))
        assert reader.served("A1", n, 5) == entry(n)
    assert len(list(tmp_path.glob("truth-*.jsonl"))) > 5
    assert [e.campus_ns for e in entries(tmp_path)] == list(range(50))


def test_oldest_pieces_are_dropped(tmp_path: Path) -> None:
    """A simulator that runs for months must not fill the disk."""
    log = TruthLog(tmp_path, piece_bytes=400, pieces_kept=4)
    for n in range(200):
        log.append(entry(n))
    assert len(list(tmp_path.glob("truth*.jsonl"))) <= 4
    assert [e.campus_ns for e in entries(tmp_path)][-1] == 199


def test_torn_line_is_passed_over_and_writing_goes_on(tmp_path: Path) -> None:
    """A power cut in the middle of a write must not make the log unreadable or swallow the next entry."""
    log = TruthLog(tmp_path)
    log.append(entry(1))
    log.close()
    path = tmp_path / "truth.jsonl"
    path.write_bytes(path.read_bytes() + b'{"s":"A1","t":2,')
    log = TruthLog(tmp_path)
    log.append(entry(3))
    assert [e.campus_ns for e in entries(tmp_path)] == [1, 3]
    assert TruthReader(tmp_path).served("A1", 3, 5) == entry(3)


def test_straying_is_more_than_one_step() -> None:
    """Both sides of the edge: a register may lag by less than its step and the cut-off Wh, never lead."""
    assert not entry(10, true_import_mwh=10_000).strays()
    assert not entry(10, true_import_mwh=11_999).strays()
    assert entry(10, true_import_mwh=12_000).strays()
    assert entry(10, true_import_mwh=9_999).strays()
    assert entry(10, true_export_mwh=7_000).strays()
    assert not entry(10, import_wh=None).strays()


def test_missing_log_is_empty(tmp_path: Path) -> None:
    """A home without a simulator has served nothing."""
    assert list(entries(tmp_path / "none")) == []
    assert served(tmp_path / "none", "A1", 1, 1) is None


def test_the_latest_instant_is_that_of_the_last_whole_line(tmp_path: Path) -> None:
    """A simulator that starts again earlier than it has answered would count backwards."""
    assert latest_ns(tmp_path) == 0
    log = TruthLog(tmp_path, piece_bytes=400, pieces_kept=100)
    for n in range(1, 50):
        log.append(entry(n))
        assert latest_ns(tmp_path) == n
    with (tmp_path / "truth.jsonl").open("ab") as f:
        f.write(b'{"s":"A1","t":77')
    assert latest_ns(tmp_path) == 49
    (tmp_path / "truth.jsonl").write_bytes(b'{"s":"A1"')
    assert latest_ns(tmp_path) > 40


def test_a_line_says_only_what_is_out_of_the_ordinary(tmp_path: Path) -> None:
    """A month of lines holds one fault; what every line says would be half of the log."""
    log = TruthLog(tmp_path)
    log.append(entry(1))
    log.append(entry(2, fault="frozen", shown_ns=1))
    plain, frozen = (tmp_path / "truth.jsonl").read_text().splitlines()
    assert '"f"' not in plain
    assert '"ts"' not in plain
    assert '"f":"frozen","ts":1' in frozen
    assert [e.shown_ns for e in entries(tmp_path)] == [0, 1]
