"""The journal's files, broken in every way a kill or a disk can break them; and base58, both ways."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from deploy.localnet import base58
from deploy.localnet.errors import LedgerDamagedError
from deploy.localnet.journal import Journal, replay, segment_path, segments


async def written(folder: Path, groups: list[list[bytes]], next_lsn: int = 1) -> list[int]:
    """Write groups of records, each group in a frame of its own; returns the file's length after each."""
    durable: asyncio.Queue[int] = asyncio.Queue()
    journal = Journal(folder, next_lsn, on_durable=durable.put_nowait, on_failed=lambda error: pytest.fail(str(error)))
    path, lengths = segment_path(folder, next_lsn), []
    for group in groups:
        for body in group:
            journal.append(1, body)
        journal.sync()
        while await durable.get() < journal.last_lsn:
            pass
        lengths.append(path.stat().st_size)
    await journal.close()
    return lengths


def bodies(folder: Path, after: int = 0, *, repair: bool = False) -> list[bytes]:
    return [body for _, _, body in replay(folder, after, repair=repair)]


GROUPS = [[b"one"], [b"two", b"three" * 100], [b""], [b"five", b"six"]]


async def test_a_torn_tail_of_any_length_loses_only_the_frame_it_tears(tmp_path: Path) -> None:
    """A kill can stop a write at any byte; the frames before it were answered, the torn one was not."""
    lengths = await written(tmp_path, GROUPS)
    path = segment_path(tmp_path, 1)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        kept = sum(length <= cut for length in lengths)
        assert bodies(tmp_path) == [body for group in GROUPS[:kept] for body in group]
    path.write_bytes(whole)
    assert len(bodies(tmp_path)) == 6


async def test_zeros_behind_the_last_frame_are_a_torn_tail(tmp_path: Path) -> None:
    """A file system may lengthen a file before its bytes arrive."""
    await written(tmp_path, GROUPS)
    path = segment_path(tmp_path, 1)
    path.write_bytes(path.read_bytes() + bytes(5_000))
    assert len(bodies(tmp_path, repair=True)) == 6
    assert len(bodies(tmp_path)) == 6


async def test_any_flipped_bit_before_the_last_frame_is_refused(tmp_path: Path) -> None:
    """Behind it stand answered transactions; forgetting them in silence is the worst that can happen."""
    lengths = await written(tmp_path, GROUPS)
    path = segment_path(tmp_path, 1)
    whole = path.read_bytes()
    for at in range(lengths[-2]):
        for bit in (0, 7):
            spoilt = bytearray(whole)
            spoilt[at] ^= 1 << bit
            path.write_bytes(spoilt)
            with pytest.raises(LedgerDamagedError, match=path.name):
                bodies(tmp_path)


async def test_writing_goes_on_in_a_new_file_after_a_torn_tail(tmp_path: Path) -> None:
    """The torn bytes must not stand between old and new records for ever."""
    lengths = await written(tmp_path, GROUPS)
    path = segment_path(tmp_path, 1)
    path.write_bytes(path.read_bytes()[: lengths[2] + 5])
    assert bodies(tmp_path, repair=True) == [b"one", b"two", b"three" * 100, b""]
    await written(tmp_path, [[b"after"]], next_lsn=5)
    assert bodies(tmp_path) == [b"one", b"two", b"three" * 100, b"", b"after"]
    assert bodies(tmp_path, after=4) == [b"after"]


async def test_a_missing_file_is_noticed(tmp_path: Path) -> None:
    """A backup that copied one file less must not start as if nothing had been."""
    await written(tmp_path, [[b"one", b"two"]])
    await written(tmp_path, [[b"three"]], next_lsn=3)
    segment_path(tmp_path, 1).unlink()
    with pytest.raises(LedgerDamagedError, match="missing"):
        bodies(tmp_path)
    assert bodies(tmp_path, after=2) == [b"three"]


async def test_rotation_puts_each_record_in_one_file(tmp_path: Path) -> None:
    """After a snapshot the old file goes; a record in the wrong one would go with it."""
    durable: list[int] = []
    journal = Journal(tmp_path, 1, on_durable=durable.append, on_failed=lambda error: pytest.fail(str(error)))
    for number in range(10):
        journal.append(1, b"%d" % number)
    journal.sync()
    await asyncio.sleep(0)
    journal.append(1, b"10")
    rotated = journal.rotate()
    journal.append(1, b"11")
    journal.sync()
    await rotated
    await journal.close()
    assert [first for first, _ in segments(tmp_path)] == [1, 12]
    assert bodies(tmp_path) == [b"%d" % number for number in range(12)]
    assert bodies(tmp_path, after=11) == [b"11"]


@given(st.binary(max_size=200))
def test_base58_gives_back_what_it_was_given(data: bytes) -> None:
    """Instruction data goes to explorers in base58; leading zeros are what such code loses."""
    assert base58.decode(base58.encode(data)) == data


@given(st.binary(min_size=32, max_size=32))
def test_base58_is_solanas(data: bytes) -> None:
    """Another alphabet or order would name other accounts."""
    assert base58.encode(data) == str(Pubkey.from_bytes(data))


def test_base58_refuses_letters_that_look_alike() -> None:
    """0, O, I and l are not in the alphabet so that nobody mistypes an address into another."""
    for letter in "0OIl ":
        with pytest.raises(ValueError, match="base58"):
            base58.decode("1" + letter)
