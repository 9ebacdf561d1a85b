"""Decides which readings go into which post_verified, and what an answer of the program means. Pure.

Oldest first per meter: a meter's readings stand in one transaction of a wave, in the order of their intervals, so that
transactions of one wave may land in any order.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from gridkit.chain.accounts import (
    ENTRY_AHEAD_SHIFT,
    ENTRY_FAULTED,
    ENTRY_NEXT_EPOCH_APPROVED,
    ENTRY_OPENED,
    STATUS_ACTIVE,
    STATUS_RETIRED,
    SlabEntry,
)
from gridkit.chain.posting import USUAL_READINGS, PackingError, pack_reading
from gridkit.reading import Core, decode_core
from oracle_bridge.judge import Meter
from oracle_bridge.store import Key, Pending

INSTRUCTION_OVERHEAD = 16
"""Discriminator, base interval and the length of the readings, bytes."""
_MAX_OFFSET = 0xFFFF


@functools.lru_cache(maxsize=8_192)
def _core(data: bytes) -> Core:
    """Return a stored core decoded; a wave looks at each several times."""
    return decode_core(data)


class Ready(StrEnum):
    """What stands between a stored reading and its posting."""

    POST = "post"
    ENROLL = "enroll"
    """Its meter is not in the slab yet."""
    SYNC = "sync"
    """The slab does not know what the registry knows: key, register epoch or status."""
    PASSED = "passed"
    """The watermark is not before it: posted by somebody, or superseded."""
    WITHHELD = "withheld"
    """It can never be posted: its meter is retired, or its key was revoked or dropped."""


class Shot(msgspec.Struct, frozen=True):
    """One post_verified: its readings in order, base interval and packed bytes."""

    items: tuple[Pending, ...]
    base_interval: int
    data: bytes


class Plan(msgspec.Struct, frozen=True):
    """What to do with the pending readings of a zone."""

    shots: tuple[Shot, ...]
    enroll: frozenset[int]
    """Meter numbers whose enrolment must be copied."""
    sync: frozenset[int]
    """Meter numbers whose registry record must be copied."""
    passed: tuple[Key, ...]
    withheld: tuple[tuple[Key, str], ...]


class Answer(StrEnum):
    """What follows from the program's reason for skipping a reading."""

    DONE = "done"
    AGAIN = "again"
    SYNC = "sync"
    ABSOLUTE = "absolute"
    """Perhaps its register was understood otherwise: once more with all 8 bytes."""
    WITHHOLD = "withhold"


SKIP_NAMES = {
    1: "stale_interval",
    2: "future_interval",
    3: "register_lower",
    4: "over_capacity",
    5: "bad_signature",
    6: "quality_masked",
    7: "meter_inactive",
    8: "empty_slot",
    9: "wrong_register_epoch",
}
_ANSWERS = {
    0: Answer.DONE,
    1: Answer.AGAIN,  # The watermark has moved: the next look at the slab says whether it is in the roots.
    2: Answer.AGAIN,
    3: Answer.WITHHOLD,
    4: Answer.WITHHOLD,
    5: Answer.ABSOLUTE,
    6: Answer.WITHHOLD,
    7: Answer.SYNC,
    8: Answer.SYNC,
    9: Answer.SYNC,
}


def answer(reason: int, *, was_absolute: bool) -> Answer:
    """Return what to do about the program's reason for one reading."""
    found = _ANSWERS.get(reason, Answer.AGAIN)
    return Answer.WITHHOLD if found is Answer.ABSOLUTE and was_absolute else found


def readiness(reading: Pending, entry: SlabEntry | None, meter: Meter | None) -> tuple[Ready, str]:
    """Return what one reading waits for, and for a withheld one why.

    Args:
        reading: The reading.
        entry: What its slot of the slab holds, None = empty.
        meter: The registry's record.
    """
    if entry is None or entry.meter_number != reading.meter_number:
        return Ready.ENROLL, ""
    if (reading.register_epoch, reading.interval) <= (entry.register_epoch, entry.last_interval):
        return Ready.PASSED, ""
    if entry.status != STATUS_ACTIVE:
        return (Ready.WITHHELD, "meter_retired") if entry.status == STATUS_RETIRED else (Ready.SYNC, "")
    ahead = reading.register_epoch - entry.register_epoch
    if ahead > entry.epochs_ahead:
        return Ready.SYNC, ""
    if entry.key_for(reading.interval) != reading.device_key:
        if _is_revoked(reading, meter):
            return Ready.WITHHELD, "key_revoked"
        # The slab's key epoch only rises: a key of an epoch that it has reached and does not hold never comes back. The
        # key before a compromised one goes that way, though nobody has revoked it.
        is_dropped = _core(reading.core).key_epoch <= entry.key_epoch
        return (Ready.WITHHELD, "key_dropped") if is_dropped else (Ready.SYNC, "")
    return Ready.POST, ""


def _is_revoked(reading: Pending, meter: Meter | None) -> bool:
    if meter is None:
        return False
    return any(key.key == reading.device_key and key.revoked for key in meter.keys)


def plan(
    pending: Sequence[Pending],
    entries: Mapping[int, SlabEntry],
    meters: Mapping[int, Meter],
    capacity: int,
    absolute: frozenset[Key] = frozenset(),
) -> Plan:
    """Return what to do with the pending readings of a zone.

    Args:
        pending: Oldest first for each meter.
        entries: The slab by slot, as the chain has confirmed it.
        meters: The registry by meter number.
        capacity: Bytes of packed readings that one transaction holds.
        absolute: Readings to send with all bytes of their registers.
    """
    enroll: set[int] = set()
    sync: set[int] = set()
    passed: list[Key] = []
    withheld: list[tuple[Key, str]] = []
    by_meter: dict[int, list[Pending]] = {}
    blocked: set[int] = set()
    for reading in pending:
        number = reading.meter_number
        ready, why = readiness(reading, entries.get(reading.slot), meters.get(number))
        if ready is Ready.PASSED:
            passed.append(reading.key)
        elif ready is Ready.WITHHELD:
            withheld.append((reading.key, why))
        elif number in blocked:
            continue  # Oldest first: what is behind a waiting reading waits with it.
        elif ready is Ready.POST:
            by_meter.setdefault(number, []).append(reading)
        else:
            blocked.add(number)
            (enroll if ready is Ready.ENROLL else sync).add(number)
    shots = _shots(list(by_meter.values()), entries, capacity, absolute)
    return Plan(tuple(shots), frozenset(enroll), frozenset(sync), tuple(passed), tuple(withheld))


def after(entry: SlabEntry, reading: Pending) -> SlabEntry:
    """Return a slab entry as it is once the program has applied a reading to it (accumulators left as they were)."""
    core = _core(reading.core)
    left = entry.epochs_ahead - (core.register_epoch - entry.register_epoch)
    flags = entry.flags & ENTRY_FAULTED | ENTRY_OPENED | left << ENTRY_AHEAD_SHIFT
    if left:
        flags |= ENTRY_NEXT_EPOCH_APPROVED
    return entry._replace(
        import_wh=core.import_wh,
        export_wh=core.export_wh,
        last_interval=core.interval,
        register_epoch=core.register_epoch,
        flags=flags,
    )


def _shots(
    groups: Sequence[Sequence[Pending]], entries: Mapping[int, SlabEntry], capacity: int, absolute: frozenset[Key]
) -> list[Shot]:
    shots: list[Shot] = []
    load = _Load(capacity, absolute)
    for group in sorted(groups, key=lambda items: items[0].interval):
        entry = entries[group[0].slot]
        for position, reading in enumerate(group):
            if load.add(reading, entry, first=position == 0):
                continue
            if position:
                break  # The rest of this meter waits for the next wave: its order must hold.
            shots.append(load.shot())
            load = _Load(capacity, absolute)
            if not load.add(reading, entry, first=True):
                raise PackingError(f"one reading does not fit {capacity} bytes")
    if load.items:
        shots.append(load.shot())
    return shots


class _Load:
    """A post_verified being filled."""

    def __init__(self, capacity: int, absolute: frozenset[Key]) -> None:
        self._capacity, self._absolute = capacity, absolute
        self.items: list[Pending] = []
        self._packed: list[bytes] = []
        self._base = 0
        self._size = 0
        self._stored = (0, 0, 0)

    def add(self, reading: Pending, entry: SlabEntry, *, first: bool) -> bool:
        """Append a reading if it fits; `first` = first of its meter here."""
        if len(self.items) >= USUAL_READINGS:
            return False
        if first:
            stored = (entry.register_epoch, entry.import_wh, entry.export_wh)
        else:
            stored = self._stored
        base = self._base if self.items else reading.interval
        if not 0 <= reading.interval - base <= _MAX_OFFSET:
            return False
        core = _core(reading.core)
        next_epoch = core.register_epoch > stored[0]
        absolute = reading.key in self._absolute
        try:
            packed = _pack(reading, base, stored, next_epoch=next_epoch, absolute=absolute)
        except PackingError:
            packed = _pack(reading, base, stored, next_epoch=next_epoch, absolute=True)  # The program says why not.
        if self._size + len(packed) > self._capacity:
            return False
        self.items.append(reading)
        self._packed.append(packed)
        self._base, self._size = base, self._size + len(packed)
        # Within one epoch the confirmed registers stay the base: a skipped reading must not spoil the next. Behind the
        # first reading of a new epoch there is nothing confirmed, so its own registers are.
        self._stored = (core.register_epoch, core.import_wh, core.export_wh) if next_epoch else stored
        return True

    def shot(self) -> Shot:
        """Return what has been loaded."""
        return Shot(tuple(self.items), self._base, b"".join(self._packed))


def _pack(reading: Pending, base: int, stored: tuple[int, int, int], *, next_epoch: bool, absolute: bool) -> bytes:
    return pack_reading(
        reading.slot,
        base,
        _core(reading.core),
        reading.signature,
        stored_import_wh=stored[1],
        stored_export_wh=stored[2],
        next_epoch=next_epoch,
        absolute=absolute,
    )
