"""Which readings go into which post_verified: what several swaps in a row mean for the order."""

from __future__ import annotations

from gridkit.chain import accounts
from gridkit.chain.accounts import SlabEntry
from gridkit.reading import Core, encode_core
from oracle_bridge.plan import Ready, after, plan, readiness
from oracle_bridge.store import Pending

KEY = b"k" * 32


def pending(register_epoch: int, interval: int, wh: int) -> Pending:
    core = Core(b"abcd", 4, 0, register_epoch, interval, wh, wh, 0, 0, b"detail..")
    return Pending(4, register_epoch, interval, 3, encode_core(core), bytes(64), KEY)


def entry(*, ahead: int) -> SlabEntry:
    """A meter of register epoch 0 that has spoken for interval 100, with so many later epochs approved."""
    flags = accounts.ENTRY_OPENED | accounts.ENTRY_FAULTED | ahead << accounts.ENTRY_AHEAD_SHIFT
    if ahead:
        flags |= accounts.ENTRY_NEXT_EPOCH_APPROVED
    return SlabEntry(
        KEY, bytes(32), 50, 50, 0, 0, 0, 0, 4, 100, 0, 10_000, 0, 1, 0, 0, accounts.STATUS_ACTIVE, 2, flags
    )


def test_readings_of_every_approved_epoch_are_posted_oldest_first() -> None:
    """After two swaps the first device's spool, the second's and the third's all count, each until the next has spoken."""
    readings = [pending(0, 101, 60), pending(1, 102, 7), pending(1, 103, 8), pending(2, 104, 1)]
    found = plan(readings, {3: entry(ahead=2)}, {}, 900)
    assert not found.sync
    assert [item.register_epoch for shot in found.shots for item in shot.items] == [0, 1, 1, 2]
    (shot,) = found.shots
    assert [shot.data[at] & 0x40 for at in _descriptors(shot.data)] == [0, 0x40, 0, 0x40]


def test_newest_device_is_posted_though_those_before_it_never_spoke() -> None:
    """The program finds the epoch by the signature; the bridge must only say that it is a later one."""
    (shot,) = plan([pending(2, 104, 1)], {3: entry(ahead=2)}, {}, 900).shots
    assert shot.data[1] & 0x40


def test_an_epoch_that_is_not_approved_waits_for_a_sync() -> None:
    """The registry may know more than the slab."""
    assert readiness(pending(2, 104, 1), entry(ahead=1), None) == (Ready.SYNC, "")
    assert readiness(pending(1, 104, 1), entry(ahead=1), None) == (Ready.POST, "")
    assert readiness(pending(1, 104, 1), entry(ahead=0), None) == (Ready.SYNC, "")


def test_what_remains_approved_after_an_opening() -> None:
    """The slot counts down as epochs are opened, and a fault stays."""
    second = after(entry(ahead=2), pending(1, 102, 7))
    assert (second.register_epoch, second.epochs_ahead) == (1, 1)
    assert second.flags & accounts.ENTRY_FAULTED
    third = after(second, pending(2, 104, 1))
    assert (third.register_epoch, third.epochs_ahead) == (2, 0)
    assert not third.flags & accounts.ENTRY_NEXT_EPOCH_APPROVED


def _descriptors(data: bytes) -> list[int]:
    """Where the descriptors of packed readings stand."""
    found, at = [], 0
    while at < len(data):
        found.append(at + 1)
        bits = data[at + 1]
        size = 2 + 2 * bool(bits & 0x80) + sum((0, 2, 3, 8)[bits >> shift & 3] for shift in (0, 2))
        at += size + 2 * bool(bits & 0x10) + 2 * bool(bits & 0x20) + 8 + 64
    return found
