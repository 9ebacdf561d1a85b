"""Holds signed readings against the truth log: every register is one that the meter showed then, every span holds what truly flowed.

A true energy in [e, e + step) shows as e, and a core has whole Wh, so what a reading holds is behind the truth of its instant by less
than the register's own step and one Wh; a register held for jitter by as many steps more as pass for jitter. Nothing else is granted:
two readings of one epoch, neighbours or not, differ by the energy of the truth log but for those remainders.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from edge.track import JITTER_STEPS
from firmware_sim.truth import Entry, entries
from gridkit.profile import Direction
from gridkit.quality import NO_POST_MASK, Quality
from gridkit.reading import Core, Detail

ANSWER_NS = 10_000_000_000
"""A reply that has been longer under way is no answer to the question any more."""
DIRECTIONS: tuple[Direction, ...] = ("import", "export")

TrueMwh = Callable[[str, Direction, int], int]
"""(serial, direction, campus ns) → true register, mWh."""


class Signed(NamedTuple):
    """A reading as the bridge got it: of which meter, and when its boundary sample truly was read, campus ns."""

    core: Core
    detail: Detail
    serial: str
    read_ns: int

    def register_wh(self, direction: Direction) -> int:
        """The signed register, Wh."""
        return self.core.import_wh if direction == "import" else self.core.export_wh

    def opening_wh(self, direction: Direction) -> int:
        """The register it begins with, Wh."""
        return self.detail.opening_import_wh if direction == "import" else self.detail.opening_export_wh


class Held(NamedTuple):
    """What one register of one reading holds: signed mWh, true mWh when it was shown, and how far it may be behind, mWh."""

    signed_mwh: int
    true_mwh: int
    behind_mwh: int


class Truth:
    """A truth log, read once."""

    def __init__(self, folder: Path, true_mwh: TrueMwh, *, answer_ns: int = ANSWER_NS) -> None:
        """Read it; `true_mwh` answers for instants between the entries, an answer is under way for `answer_ns` campus ns at most."""
        self._answer_ns = answer_ns
        self._true_mwh = true_mwh
        self._served: dict[tuple[str, Direction], list[Entry]] = defaultdict(list)
        for entry in entries(folder):
            for direction in DIRECTIONS:
                if shown_wh(entry, direction) is not None:
                    self._served[entry.serial, direction].append(entry)
        for served in self._served.values():
            served.sort(key=lambda entry: entry.campus_ns)

    def counts(self, serial: str, direction: Direction) -> bool:
        """Return whether the meter ever showed such a register."""
        return (serial, direction) in self._served

    def served(self, serial: str, direction: Direction, read_ns: int) -> list[Entry]:
        """Return what the meter had answered last when its answer was read, latest first; several within the same ms, or under way."""
        known = self._served[serial, direction]
        # A stamp is in whole ms, rounded down.
        at = bisect_right(known, read_ns + 1_000_000, key=lambda entry: entry.campus_ns) - 1
        if at < 0 or known[at].campus_ns < read_ns - self._answer_ns:
            return []
        latest = [e for e in known[: at + 1][-8:] if e.campus_ns >= known[at].campus_ns - 1_000_000]
        before = at - len(latest)
        # The next question is put the moment that an answer comes: what was served in that ms may answer it already.
        is_next = before >= 0 and known[at].campus_ns >= read_ns - 1_000_000
        under_way = known[before : before + 1] if is_next else []
        return [*reversed(latest), *(e for e in under_way if e.campus_ns >= read_ns - self._answer_ns)]

    def true_mwh(self, entry: Entry, direction: Direction) -> int:
        """Return the true energy of the instant whose register was shown: a frozen one is of an earlier instant."""
        if entry.shown_ns:
            return self._true_mwh(entry.serial, direction, entry.shown_ns)
        return entry.true_import_mwh if direction == "import" else entry.true_export_mwh


def shown_wh(entry: Entry, direction: Direction) -> int | None:
    """Return the register that was shown, Wh."""
    return entry.import_wh if direction == "import" else entry.export_wh


class Finding(NamedTuple):
    """What differs, a sentence each; and what was looked at: spans between two readings and their energy, Wh."""

    wrong: list[str]
    spans: int
    energy_wh: int


def judge_readings(readings: Iterable[Signed], truth: Truth, wraps_wh: Callable[[str, Direction], int]) -> Finding:
    """Hold one meter's readings, oldest first, against the truth.

    Args:
        readings: All of them; those that never reach the chain are passed over.
        truth: Of the whole time.
        wraps_wh: (serial, direction) → first value that the register cannot show, Wh; 0 where there is none.
    """
    wrong: list[str] = []
    spans = energy_wh = 0
    opening: tuple[Signed, dict[Direction, Held]] | None = None
    before: tuple[Signed, dict[Direction, Held]] | None = None
    for reading in readings:
        if reading.core.quality & NO_POST_MASK:
            continue
        held: dict[Direction, Held] = {}
        for direction in DIRECTIONS:
            found = _held(reading, direction, truth, wraps_wh(reading.serial, direction))
            if isinstance(found, str):
                wrong.append(f"interval {reading.core.interval}: {direction} {found}")
            else:
                held[direction] = found
        if opening is None or before is None or reading.core.register_epoch != opening[0].core.register_epoch:
            if any(reading.register_wh(d) != reading.opening_wh(d) for d in DIRECTIONS):
                wrong.append(f"interval {reading.core.interval} opens an epoch and holds energy")
            opening = before = (reading, held)
            continue
        wrong += _span(before, (reading, held), "")
        wrong += _span(opening, (reading, held), " since the opening")
        wrong += _joint(before[0], reading)
        spans += 1
        energy_wh += sum(reading.register_wh(d) - before[0].register_wh(d) for d in DIRECTIONS)
        before = (reading, held)
    return Finding(wrong, spans, energy_wh)


def _joint(before: Signed, reading: Signed) -> Iterator[str]:
    begins = (reading.detail.opening_interval, *(reading.opening_wh(d) for d in DIRECTIONS))
    if begins != (before.core.interval, *(before.register_wh(d) for d in DIRECTIONS)):
        yield f"interval {reading.core.interval} does not begin where {before.core.interval} ended"


def _held(reading: Signed, direction: Direction, truth: Truth, wrap_wh: int) -> Held | str:
    """Return what the register holds, or what is wrong with it by itself."""
    signed_wh = reading.register_wh(direction)
    if not truth.counts(reading.serial, direction):
        return Held(0, 0, 0) if signed_wh == 0 else f"is {signed_wh} Wh, and the meter has no such register"
    answers = truth.served(reading.serial, direction, reading.read_ns)
    for entry in answers:
        step_mwh = entry.import_step_mwh if direction == "import" else entry.export_step_mwh
        above_wh = signed_wh - (shown_wh(entry, direction) or 0)
        above_wh = above_wh % wrap_wh if wrap_wh else above_wh
        # A register that went back by a step or two is held at the value before; no other may be signed than the one shown.
        jitters = bool(reading.core.quality & Quality.JITTER_HELD)
        if 0 <= 1000 * above_wh <= jitters * (JITTER_STEPS * step_mwh + 1000):
            # A held one is behind the right value by as much as passes for jitter; the next reading that is not held makes up for it.
            steps = 1 + JITTER_STEPS if above_wh else 2 if "minus_one_lsb" in entry.fault else 1
            return Held(1000 * signed_wh, truth.true_mwh(entry, direction), steps * step_mwh + 1000)
    shown = [shown_wh(entry, direction) for entry in answers]
    return f"is {signed_wh} Wh, and the meter " + (f"showed {shown}" if answers else "had not answered")


def _span(
    earlier: tuple[Signed, dict[Direction, Held]], later: tuple[Signed, dict[Direction, Held]], since: str
) -> Iterator[str]:
    """Compare the energy between two readings of one epoch with what truly flowed."""
    for direction in DIRECTIONS:
        if direction not in earlier[1] or direction not in later[1]:
            continue  # Already said.
        first, last = earlier[1][direction], later[1][direction]
        grown_mwh = last.signed_mwh - first.signed_mwh
        truly_mwh = last.true_mwh - first.true_mwh
        if not -last.behind_mwh < grown_mwh - truly_mwh < max(1, first.behind_mwh):
            yield (
                f"interval {later[0].core.interval}: {direction} grew by {grown_mwh} mWh{since}, truly by {truly_mwh}"
            )
