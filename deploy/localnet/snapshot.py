"""Decides how the whole state of the chain lies in one file, so that a start need not replay from genesis.

    file   `CGSNAP01` ‖ chunks, each: length u32 ‖ CRC-32 u32 ‖ payload ‖ a chunk of length 0 at the end
    chunk  the first: the state without accounts, MessagePack; the others: accounts as `bank.pack_account` makes them
           (a deleted account has no entry; its address stands in the last chunk's list of empty ones)

It is written beside its name and renamed when it is whole and on disk.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from solders.account import Account
from solders.pubkey import Pubkey

from deploy.localnet.bank import Bank, unpack_accounts
from deploy.localnet.errors import LedgerDamagedError
from deploy.localnet.journal import sync_folder

_MAGIC = b"CGSNAP01"
_CHUNK = struct.Struct("<II")
_STATE, _ACCOUNTS, _EMPTY = b"S", b"A", b"E"


class State(msgspec.Struct):
    """A bank without its accounts. `blockhashes`: (hash 32, slot), oldest first; `recent`: (signature 64, slot, sequence,
    failure); `slot_hashes`: (slot, hash 32), newest first."""

    version: int
    lsn: int
    slot: int
    unix_s: int
    transaction_count: int
    blockhashes: list[tuple[bytes, int]]
    slot_hashes: list[tuple[int, bytes]]
    recent: list[tuple[bytes, int, int, Any]]


def state_of(bank: Bank, lsn: int) -> State:
    """Return what stands in a snapshot besides the accounts."""
    return State(
        version=1,
        lsn=lsn,
        slot=bank.slot,
        unix_s=bank.unix_s,
        transaction_count=bank.transaction_count,
        blockhashes=list(bank.blockhashes.items()),
        slot_hashes=[(slot, bytes(value)) for slot, value in bank.slot_hashes],
        recent=[(signature, *landed) for signature, landed in bank.recent.items()],
    )


def snapshot_path(folder: Path, lsn: int) -> Path:
    """Return the path of the snapshot that holds everything up to `lsn`."""
    return folder / f"snapshot-{lsn:020d}.cgs"


def snapshots(folder: Path) -> list[tuple[int, Path]]:
    """Return (lsn, path) of each snapshot, oldest first."""
    return sorted((int(path.stem.split("-")[1]), path) for path in folder.glob("snapshot-*.cgs"))


class Writer:
    """Writes one snapshot; every method blocks on the disk, so call them from a thread."""

    def __init__(self, folder: Path, state: State) -> None:
        self._folder, self._path = folder, snapshot_path(folder, state.lsn)
        self._temporary = self._path.with_suffix(".tmp")
        self._file: BinaryIO = self._temporary.open("wb")
        self._file.write(_MAGIC)
        self._chunk(_STATE + msgspec.msgpack.encode(state))

    def add(self, packed_accounts: bytes) -> None:
        """Add a run of packed accounts."""
        if packed_accounts:
            self._chunk(_ACCOUNTS + packed_accounts)

    def add_empty(self, addresses: list[Pubkey]) -> None:
        """Add addresses that were written once and hold nothing now."""
        if addresses:
            self._chunk(_EMPTY + b"".join(map(bytes, addresses)))

    def finish(self) -> Path:
        """Make the snapshot whole, durable and visible, and return its path."""
        self._file.write(_CHUNK.pack(0, 0))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._temporary, self._path)
        sync_folder(self._folder)
        return self._path

    def abandon(self) -> None:
        """Throw the unfinished file away."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def _chunk(self, payload: bytes) -> None:
        self._file.write(_CHUNK.pack(len(payload), zlib.crc32(payload)))
        self._file.write(payload)


def load(path: Path) -> tuple[State, Iterator[tuple[Pubkey, Account | None]]]:
    """Return a snapshot's state and its accounts (None for empty addresses).

    Raises:
        LedgerDamagedError: The file is not whole; also while the accounts are read.
    """
    chunks = _chunks(path)
    first = next(chunks, b"")
    if first[:1] != _STATE:
        raise LedgerDamagedError(path, 0, "the snapshot does not begin with its state")
    state = msgspec.msgpack.decode(first[1:], type=State)

    def accounts() -> Iterator[tuple[Pubkey, Account | None]]:
        for chunk in chunks:
            if chunk[:1] == _ACCOUNTS:
                yield from unpack_accounts(chunk[1:])
            else:
                for at in range(1, len(chunk), 32):
                    yield Pubkey.from_bytes(chunk[at : at + 32]), None

    return state, accounts()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise LedgerDamagedError(path, 0, "this is no snapshot")
        while True:
            at = file.tell()
            header = file.read(_CHUNK.size)
            if len(header) < _CHUNK.size:
                raise LedgerDamagedError(path, at, "the snapshot ends too early")
            size, crc = _CHUNK.unpack(header)
            if size == 0:
                return
            payload = file.read(size)
            if len(payload) < size or zlib.crc32(payload) != crc:
                raise LedgerDamagedError(path, at, "a chunk is damaged")
            yield payload
