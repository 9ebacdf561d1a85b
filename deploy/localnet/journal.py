"""Decides how the steps of the chain reach the disk: in frames, each written and fsynced before anyone hears of it.

A file is a header and frames. A frame is what was appended while the one before it was being synced (group commit), so
one fsync serves every transaction that came in meanwhile. One frame is under way at a time: a torn frame can only be
the last, and nobody was answered for it. A broken frame with a whole one behind it is damage, and is refused.

    header   `CGLEDGR1` ‖ first lsn u64
    frame    `CGF1` ‖ payload length u32 ‖ CRC-32 of what follows u32 ‖ first lsn u64 ‖ payload
    payload  records: length u32 ‖ kind u8 ‖ body

An lsn is the number of a record on this chain, from 1. What the records mean is decided by `records`.
"""

from __future__ import annotations

import asyncio
import os
import queue
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from deploy.localnet.errors import LedgerDamagedError

_FILE_MAGIC, _FRAME_MAGIC = b"CGLEDGR1", b"CGF1"
_FILE_HEADER = struct.Struct("<8sQ")
_FRAME_HEADER = struct.Struct("<4sII")
_RECORD_HEADER = struct.Struct("<IB")
_LSN = struct.Struct("<Q")

Record = tuple[int, int, bytes]
"""(lsn, kind, body)"""


def segment_path(folder: Path, first_lsn: int) -> Path:
    """Return the path of the file whose first record is `first_lsn`."""
    return folder / f"ledger-{first_lsn:020d}.cgl"


def segments(folder: Path) -> list[tuple[int, Path]]:
    """Return (first lsn, path) of each file of the journal, oldest first."""
    return sorted((int(path.stem.split("-")[1]), path) for path in folder.glob("ledger-*.cgl"))


def read_segment(path: Path, *, is_last: bool) -> tuple[list[Record], int]:
    """Return the records of one file, and the length of its whole part, bytes.

    A torn tail of the last file is what a kill leaves; its records were never answered.

    Raises:
        LedgerDamagedError: A broken frame anywhere else, or records out of order.
    """
    data = path.read_bytes()
    if len(data) < _FILE_HEADER.size:
        if is_last:
            return [], 0
        raise LedgerDamagedError(path, 0, "the file has no header")
    magic, expected = _FILE_HEADER.unpack_from(data)
    if magic != _FILE_MAGIC:
        raise LedgerDamagedError(path, 0, "this is no ledger file")
    records: list[Record] = []
    at = _FILE_HEADER.size
    while at < len(data):
        frame = _whole_frame(data, at)
        if frame is None:
            if not is_last or _later_frame(data, at):
                raise LedgerDamagedError(path, at, "a frame is damaged")
            break
        first, payload_at, end = frame
        if first != expected:
            raise LedgerDamagedError(path, at, f"record {expected} should be here, {first} is")
        while payload_at < end:
            size, kind = _RECORD_HEADER.unpack_from(data, payload_at)
            payload_at += _RECORD_HEADER.size
            records.append((expected, kind, data[payload_at : payload_at + size]))
            payload_at += size
            expected += 1
        at = end
    return records, at


def _whole_frame(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Return (first lsn, start and end of the payload) of the frame at `at`, or None where none is whole."""
    body = at + _FRAME_HEADER.size
    if body + _LSN.size > len(data):
        return None
    magic, size, crc = _FRAME_HEADER.unpack_from(data, at)
    end = body + _LSN.size + size
    if magic != _FRAME_MAGIC or end > len(data) or zlib.crc32(memoryview(data)[body:end]) != crc:
        return None
    return _LSN.unpack_from(data, body)[0], body + _LSN.size, end


def _later_frame(data: bytes, at: int) -> bool:
    found = data.find(_FRAME_MAGIC, at + 1)
    while found >= 0:
        if _whole_frame(data, found) is not None:
            return True
        found = data.find(_FRAME_MAGIC, found + 1)
    return False


class Journal:
    """The writer: appends in the event loop's thread, writes and syncs in one of its own.

    Args:
        folder: Where the files are.
        next_lsn: Number of the next record.
        on_durable: Called in the loop with the last lsn that is now on disk.
        on_failed: Called in the loop when the disk refused; nothing after that is durable, so the process must end.
    """

    def __init__(
        self,
        folder: Path,
        next_lsn: int,
        *,
        on_durable: Callable[[int], None],
        on_failed: Callable[[OSError], None],
    ) -> None:
        self._folder = folder
        self._on_durable, self._on_failed = on_durable, on_failed
        self._next_lsn = next_lsn
        self.durable_lsn = next_lsn - 1
        self.written_lsn = next_lsn - 1  # as the thread sees it; `durable_lsn` follows in the loop
        self._buffer: list[bytes] = []
        self._first_buffered = next_lsn
        self._urgent = self._scheduled = self._in_flight = False
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._fd = self._open(next_lsn)
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()
        self.frames = 0

    @property
    def last_lsn(self) -> int:
        """Number of the last record appended, durable or not."""
        return self._next_lsn - 1

    def append(self, kind: int, body: bytes) -> int:
        """Append one record and return its lsn; `sync` brings it to disk.

        Args:
            kind: As `records` numbers them.
            body: What it holds.
        """
        self._buffer.append(_RECORD_HEADER.pack(len(body), kind) + body)
        self._next_lsn += 1
        return self._next_lsn - 1

    def sync(self) -> None:
        """See to it that everything appended so far becomes durable soon."""
        self._urgent = True
        if not self._scheduled and not self._in_flight:
            self._scheduled = True
            self._loop.call_soon(self._write_frame)

    def flush_now(self) -> None:
        """Hand everything appended so far to the writing thread at once; `written_lsn` tells when it is on disk."""
        self._write_frame(force=True)

    def rotate(self) -> asyncio.Future[None]:
        """Begin a new file behind what is appended so far; the future is done when all before is on disk."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._write_frame(force=True)
        first = self._next_lsn

        def job() -> None:
            os.close(self._fd)
            self._fd = self._open(first)
            self._loop.call_soon_threadsafe(_finish, done)

        self._jobs.put(job)
        return done

    async def close(self) -> None:
        """Write what is left and end the thread."""
        self._write_frame(force=True)
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        os.close(self._fd)
        self.durable_lsn = self.last_lsn

    def _write_frame(self, *, force: bool = False) -> None:
        self._scheduled = False
        if not self._buffer or (self._in_flight and not force):
            return
        payload = b"".join(self._buffer)
        self._buffer.clear()
        body = _LSN.pack(self._first_buffered) + payload
        frame = _FRAME_HEADER.pack(_FRAME_MAGIC, len(payload), zlib.crc32(body)) + body
        last = self._next_lsn - 1
        self._first_buffered = self._next_lsn
        self._in_flight, self._urgent = True, False
        self.frames += 1

        def job() -> None:
            write_all(self._fd, frame)
            os.fdatasync(self._fd)
            self.written_lsn = last
            self._loop.call_soon_threadsafe(self._written, last)

        self._jobs.put(job)

    def _written(self, last: int) -> None:
        self.durable_lsn = max(self.durable_lsn, last)
        if last == self._first_buffered - 1:
            self._in_flight = False
        self._on_durable(self.durable_lsn)
        if self._buffer and self._urgent:
            self._write_frame()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except OSError as error:
                self._loop.call_soon_threadsafe(self._on_failed, error)
                return

    def _open(self, first_lsn: int) -> int:
        path = segment_path(self._folder, first_lsn)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        if os.fstat(fd).st_size < _FILE_HEADER.size:
            os.ftruncate(fd, 0)
            write_all(fd, _FILE_HEADER.pack(_FILE_MAGIC, first_lsn))
            os.fsync(fd)
        sync_folder(self._folder)
        return fd


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def replay(folder: Path, after_lsn: int, *, repair: bool) -> Iterator[Record]:
    """Yield the durable records behind `after_lsn`, in order.

    Args:
        folder: The chain's folder.
        after_lsn: Last lsn of the snapshot; 0 without one.
        repair: Cut a torn tail off, so that appending can go on; False only reads.

    Raises:
        LedgerDamagedError: Damage, or a missing file.
    """
    found = segments(folder)
    expected = after_lsn + 1
    for number, (first, path) in enumerate(found):
        following = found[number + 1][0] if number + 1 < len(found) else None
        if following is not None and following <= expected:
            continue  # older than the snapshot, left behind by a kill before it was removed
        if first > expected:
            raise LedgerDamagedError(path, 0, f"record {expected} is missing: the file before this one is gone")
        records, whole = read_segment(path, is_last=following is None)
        if repair and whole < path.stat().st_size:
            _truncate(path, whole)
        for record in records:
            if record[0] == expected:
                yield record
                expected += 1
        if following is not None and following != expected:
            raise LedgerDamagedError(path, whole, f"records {expected} to {following - 1} are missing")


def _truncate(path: Path, size: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.ftruncate(fd, size)
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`; a single write may take less. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
