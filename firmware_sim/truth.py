"""The truth log: every energy block that a simulated meter served, beside the energy that was really used.

Decides the log's form and how it is searched; who compares it with what is a caller's business. One JSON object a line:

    {"s":serial,"t":campus ns,"i":import Wh,"e":export Wh,"ti":true import mWh,"te":true export mWh,
     "pi":import step mWh,"pe":export step mWh,"f":fault,"ts":campus ns,"d":deed}

`i` and `e` are the registers as an exact decoder reads them from the very words of the reply (null where the reply did
not hold that direction or held no value); `pi` and `pe` are the registers' steps at that value, rounded up; `f` names
the switched-on faults and is absent without any; `ts` is the instant whose registers were shown and is absent where that is `t`, as it is
with every meter that is not frozen.

A line with `d` is no block (`i` and `e` are null): there a fault began or ended, and `ti` and `te` are what the meter had really
counted by then. `d` is "on KIND PARTICULARS" as it was ordered, "off KIND" when it was taken off, "spent KIND" when its `count` was
used up; `f` are the faults on from then on. "begin", without a meter, is where a process starts: all faults are off.

A line has been handed to the operating system before its reply is
sent, so it outlives a kill of the process at any point; a power cut may take the last second.

The log is kept in pieces of bounded size and the oldest pieces are dropped, so a long run cannot fill the disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

PIECE_BYTES: Final = 16 * 1024 * 1024
PIECES_KEPT: Final = 32
_TAIL_BYTES: Final = 4096  # holds several lines


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One served energy block, or with a `deed` the begin or end of a fault.

    Registers in Wh, true energy and steps in mWh; `shown_ns` 0: those of `campus_ns`.
    """

    serial: str = msgspec.field(name="s")
    campus_ns: int = msgspec.field(name="t")
    import_wh: int | None = msgspec.field(name="i")
    export_wh: int | None = msgspec.field(name="e")
    true_import_mwh: int = msgspec.field(name="ti")
    true_export_mwh: int = msgspec.field(name="te")
    import_step_mwh: int = msgspec.field(name="pi", default=0)
    export_step_mwh: int = msgspec.field(name="pe", default=0)
    fault: str = msgspec.field(name="f", default="")
    shown_ns: int = msgspec.field(name="ts", default=0)
    deed: str = msgspec.field(name="d", default="")

    def strays(self) -> bool:
        """True when a register is off true energy by more than its step (and the Wh that whole Wh cut off)."""
        return _strays(self.import_wh, self.true_import_mwh, self.import_step_mwh) or _strays(
            self.export_wh, self.true_export_mwh, self.export_step_mwh
        )


def _strays(shown_wh: int | None, true_mwh: int, step_mwh: int) -> bool:
    return shown_wh is not None and not 0 <= true_mwh - shown_wh * 1000 < step_mwh + 1000


class TruthLog:
    """The writing end; one process owns it."""

    def __init__(self, folder: Path, *, piece_bytes: int = PIECE_BYTES, pieces_kept: int = PIECES_KEPT) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._piece_bytes, self._pieces_kept = folder, piece_bytes, pieces_kept
        self._encoder = msgspec.json.Encoder()
        self._fd = -1
        self._size = 0
        self._open()

    def append(self, entry: Entry) -> None:
        """Write one line; it is with the operating system when this returns. Raises `OSError` (disk full)."""
        line = self._encoder.encode(entry) + b"\n"
        if self._size + len(line) > self._piece_bytes:
            self._turn_page()
        written = os.write(self._fd, line)
        if written != len(line):  # a full disk takes part of a line: cut it off again, the log stays readable
            os.ftruncate(self._fd, self._size)
            raise OSError("truth log: the disk took only part of a line")
        self._size += written

    def begin(self, campus_ns: int) -> None:
        """Write that a process starts here, with every fault off. Raises `OSError`."""
        self.append(Entry("", campus_ns, None, None, 0, 0, deed="begin"))

    def close(self) -> None:
        """Flush to the disk and close."""
        if self._fd >= 0:
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        path = self._folder / "truth.jsonl"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._size = os.fstat(self._fd).st_size
        if self._size:
            with path.open("rb") as f:
                f.seek(-1, os.SEEK_END)
                if f.read(1) != b"\n":  # killed within a write: close the torn line, readers skip it
                    self._size += os.write(self._fd, b"\n")

    def _turn_page(self) -> None:
        os.close(self._fd)
        pieces = _old_pieces(self._folder)
        number = int(pieces[-1].stem.split("-")[1]) + 1 if pieces else 1
        (self._folder / "truth.jsonl").rename(self._folder / f"truth-{number:08d}.jsonl")
        for piece in pieces[: max(0, len(pieces) + 2 - self._pieces_kept)]:
            piece.unlink()
        self._open()


def _old_pieces(folder: Path) -> list[Path]:
    return sorted(folder.glob("truth-*.jsonl"))


def entries(folder: Path) -> Iterator[Entry]:
    """Yield every block kept in the simulator's folder, oldest first; a torn line (a kill within a write) is passed over."""
    return (line for line in _lines(folder) if not line.deed)


def deeds(folder: Path) -> Iterator[Entry]:
    """Yield where faults began and ended, and where processes began, oldest first."""
    return (line for line in _lines(folder) if line.deed)


def _lines(folder: Path) -> Iterator[Entry]:
    decoder = msgspec.json.Decoder(Entry)
    for path in [*_old_pieces(folder), folder / "truth.jsonl"]:
        try:
            with path.open("rb") as f:
                for line in f:
                    try:
                        yield decoder.decode(line)
                    except msgspec.DecodeError:
                        continue
        except FileNotFoundError:
            continue


def latest_ns(folder: Path) -> int:
    """Return the campus instant of the last whole line, 0 without any; the last piece alone is read, from its end."""
    decoder = msgspec.json.Decoder(Entry)
    for path in [folder / "truth.jsonl", *reversed(_old_pieces(folder))]:
        try:
            with path.open("rb") as f:
                f.seek(max(0, os.fstat(f.fileno()).st_size - _TAIL_BYTES))
                lines = f.read().splitlines()
        except FileNotFoundError:
            continue
        for line in reversed(lines):
            try:
                return decoder.decode(line).campus_ns
            except msgspec.DecodeError:
                continue
    return 0


class TruthReader:
    """The reading end: remembers what it has read, so that repeated questions read only what was added."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[tuple[str, int | None, int | None], Entry] = {}
        self._decoder = msgspec.json.Decoder(Entry)
        self._read_to: dict[int, int] = {}  # inode -> bytes read; a piece keeps its inode when it is renamed

    def served(self, serial: str, import_wh: int, export_wh: int) -> Entry | None:
        """Return the first block of that meter that showed exactly these two registers (Wh), or None."""
        key = (serial, import_wh, export_wh)
        if key not in self._found:
            self._read_on()
        return self._found.get(key)

    def _read_on(self) -> None:
        for path in [*_old_pieces(self._folder), self._folder / "truth.jsonl"]:
            try:
                f = path.open("rb")
            except FileNotFoundError:
                continue
            with f:
                inode = os.fstat(f.fileno()).st_ino
                start = self._read_to.get(inode, 0)
                f.seek(start)
                content = f.read()
                whole = content.rfind(b"\n") + 1
                self._read_to[inode] = start + whole
            for line in content[:whole].splitlines():
                try:
                    entry = self._decoder.decode(line)
                except msgspec.DecodeError:
                    continue
                if entry.deed:
                    continue
                self._found.setdefault((entry.serial, entry.import_wh, entry.export_wh), entry)


def served(folder: Path, serial: str, import_wh: int, export_wh: int) -> Entry | None:
    """Return the block that showed these registers, or None; for one question (use `TruthReader` for many)."""
    return TruthReader(folder).served(serial, import_wh, export_wh)
