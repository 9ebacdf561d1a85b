"""Decides what one poll round of one meter is: which blocks are read in which order, and what the words say.

What a changed number means is `edge.track`'s question; this file only says what the meter showed, exactly, and when.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from edge.frame import Refusal, Refused, Words
from edge.guard import Asks
from gridkit.clock import UNKNOWN_ERROR_MS, Clock
from gridkit.profile import (
    Block,
    Direction,
    NotAvailable,
    Profile,
    RawCounter,
    Registers,
    Thousandths,
    identity_faults,
    plan_blocks,
    read_counter,
    read_serial,
    read_value,
    read_wrap_wh,
    with_scale_fields,
)

_MEASURED = re.compile(r"(voltage|current|power|power_factor|frequency)(?:_l([123]))?(?:_(?:v|a|w|hz))?")
_ILLEGAL_ADDRESS = 2
_DIRECTIONS: tuple[Direction, ...] = ("import", "export")
PARTS = {"phases": ("l1", "l2", "l3"), "tariffs": ("t1", "t2")}
"""Registers that add up to the total, by kind."""


class PartsOff(NamedTuple):
    """Registers that together count what the total counts: "phases" or "tariffs"; net of export where they count both.

    Attributes:
        kind: Of these.
        off_mwh: Their sum minus the total, mWh.
        step_mwh: Steps of all registers involved, added up, mWh.
    """

    kind: str
    off_mwh: int
    step_mwh: int


class ReadAgain(NamedTuple):
    """The counters as a boundary round showed them once more: import, export, and how much later, campus ns."""

    import_raw: RawCounter | None
    export_raw: RawCounter | None
    after_ns: int


class Sample(NamedTuple):
    """What a meter showed in one round.

    Attributes:
        read_ns: Campus UTC ns at which the energy block arrived.
        monotonic_ns: The same instant on CLOCK_MONOTONIC.
        clock_error_ms: Bound of the campus clock then, 65535 unknown.
        import_raw, export_raw: Registers; None where the family does not count the direction.
        serial: "" where the family has no such register.
        faults: What speaks against this being the meter and the set-up that the profile describes; sentences.
        measured: (quantity, phase) → thousandths of V, A, W, Hz or of the power factor; phase 0 is the total.
        parts: How far the registers of phases and tariffs are from the totals; in boundary rounds alone.
        again: The counters of a boundary round read twice; None: once, or the second time they showed no value.
        wraps_wh: Where import and export wrap at the scale factor that the meter shows, Wh; None where none shifts them.
    """

    read_ns: int
    monotonic_ns: int
    clock_error_ms: int
    import_raw: RawCounter | None
    export_raw: RawCounter | None
    serial: str
    faults: tuple[str, ...]
    measured: dict[tuple[str, int], int]
    parts: tuple[PartsOff, ...] = ()
    again: ReadAgain | None = None
    wraps_wh: tuple[int, int] | None = None


class PollRefused(NamedTuple):
    """A round without a sample: a metric label, and the Modbus exception code if that was it."""

    reason: str
    code: int = 0


class Instant(NamedTuple):
    """When registers were read: campus ns, monotonic ns, and the clock's error bound just before, ms."""

    read_ns: int
    monotonic_ns: int
    clock_error_ms: int


class EnergyRead(NamedTuple):
    """The energy registers alone, as read at one instant: blocks with their words, and that instant."""

    blocks: tuple[tuple[Block, Words], ...]
    at: Instant


class PollPlan:
    """The questions of one round: energy first, for its instant is the one that counts.

    `energy_only` are the fewest registers that hold the counters: on a slow line all meters are asked those first when a
    quarter hour has ended, and the rest afterwards.
    """

    def __init__(self, profile: Profile) -> None:
        """Plan a family's blocks; those of optional fields alone may be answered with "no such address"."""
        wanted = (*profile.energy_names, *profile.identity_names, *profile.measured_names)
        optional = {name for name in wanted if profile.field(name).optional}
        energy = set(profile.energy_names)
        covering = [profile.field(name) for name in energy]

        def holds_energy(block: Block) -> bool:
            return any(
                f.function_code == block.function_code and block.address <= f.address and f.end <= block.end
                for f in covering
            )

        blocks = plan_blocks(profile, [name for name in wanted if name not in optional])
        self.profile = profile
        self.blocks = sorted(blocks, key=lambda block: not holds_energy(block))
        self.energy_only = plan_blocks(profile, profile.energy_names)
        self.energy_blocks = sum(1 for block in blocks if holds_energy(block))
        self.optional_blocks = [block for name in sorted(optional) for block in plan_blocks(profile, [name])]
        self.parts = {kind: found for kind in PARTS if (found := _parts_of(profile, kind))}
        self.parts_blocks = plan_blocks(
            profile, [name for found in self.parts.values() for names in found for name in names]
        )
        self.measured = [
            (quantity, Thousandths(profile, name))
            for name in profile.measured_names
            if (quantity := _quantity(name)) is not None
        ]
        self._pinned = [profile.field(name) for name in with_scale_fields(profile, profile.identity_names)]
        self._identity: tuple[tuple[Words | None, ...], tuple[str, tuple[str, ...]]] | None = None
        self.scales_energy = any(profile.field(name).scale_field for name in energy)

    def identity(self, registers: Registers) -> tuple[str, tuple[str, ...]]:
        """Return the serial, "" where there is none, and what speaks against the meter.

        They are read in every round, and worked out again when a word of them has changed.
        """
        words = tuple(registers.words(field) for field in self._pinned)
        if self._identity is None or self._identity[0] != words:
            serial = read_serial(self.profile, registers)
            said = "" if isinstance(serial, NotAvailable) else serial
            self._identity = words, (said, tuple(identity_faults(self.profile, registers)))
        return self._identity[1]


async def read_energy(
    link: Asks, unit: int, plan: PollPlan, clock: Clock, *, monotonic_ns: Callable[[], int] = time.monotonic_ns
) -> EnergyRead | PollRefused:
    """Read the counters alone: the first part of a boundary sample, which `poll` completes."""
    access = plan.profile.access
    blocks: list[tuple[Block, Words]] = []
    for block in plan.energy_only:
        words = await link.read(unit, block, pause_ms=access.pause_ms, connect_pause_ms=access.connect_pause_ms)
        if isinstance(words, Refused):
            return PollRefused(words.reason.value, words.code)
        blocks.append((block, words))
    return EnergyRead(tuple(blocks), _instant(clock, monotonic_ns))


async def poll(
    link: Asks,
    unit: int,
    plan: PollPlan,
    clock: Clock,
    *,
    energy: EnergyRead | None = None,
    monotonic_ns: Callable[[], int] = time.monotonic_ns,
) -> Sample | PollRefused:
    """Ask one meter everything once.

    Args:
        energy: Counters that `read_energy` has brought; then theirs is the sample's instant, and identity and measured
            values are those of a little later.

    Returns:
        The sample, or why there is none: a `Refusal` label, or "energy_<reason>" when a counter shows no value. One
        refused block spoils the round; nothing of a half-read round is used.
    """
    registers = Registers()
    access = plan.profile.access
    at = Instant(0, 0, UNKNOWN_ERROR_MS)
    parts_blocks = plan.parts_blocks if energy is not None else []
    for index, block in enumerate([*plan.blocks, *plan.optional_blocks, *parts_blocks]):
        words = await link.read(unit, block, pause_ms=access.pause_ms, connect_pause_ms=access.connect_pause_ms)
        if isinstance(words, Refused):
            optional = index >= len(plan.blocks)
            if optional and words.reason is Refusal.EXCEPTION and words.code == _ILLEGAL_ADDRESS:
                # This unit does not have it: asking again every few seconds only fills its log and ours.
                (plan.optional_blocks if block in plan.optional_blocks else plan.parts_blocks).remove(block)
                continue
            return PollRefused(words.reason.value, words.code)
        registers.add(block, words)
        if index == plan.energy_blocks - 1:
            at = _instant(clock, monotonic_ns)
    parts: tuple[PartsOff, ...] = ()
    again: ReadAgain | None = None
    if energy is not None:
        shown = [read_counter(plan.profile, direction, registers) for direction in _DIRECTIONS]
        if not any(isinstance(counter, NotAvailable) for counter in shown):
            counters = [counter if isinstance(counter, RawCounter) else None for counter in shown]
            again = ReadAgain(counters[0], counters[1], at.read_ns - energy.at.read_ns)
        parts = tuple(filter(None, (_parts_off(plan, kind, registers) for kind in plan.parts)))
        for block, words in energy.blocks:
            registers.add(block, words)
        at = energy.at
    # Who vouches for the clock at the end does not vouch for what it said before: it may have been set since, from a time that
    # nobody knew. And one that has contradicted itself since is not believed for then either.
    bound_ms = max(at.clock_error_ms, clock.error_bound_ms())
    made = read_sample(plan, registers, at.read_ns, at.monotonic_ns, bound_ms)
    return made._replace(parts=parts, again=again) if isinstance(made, Sample) else made


def _instant(clock: Clock, monotonic_ns: Callable[[], int]) -> Instant:
    bound_ms = clock.error_bound_ms()
    return Instant(clock.now_ns(), monotonic_ns(), bound_ms)


def _parts_of(profile: Profile, kind: str) -> tuple[tuple[str, ...], ...]:
    """Return the parts' names for each direction that the total counts, or () where the family lacks some of them."""
    found = []
    for direction, total in (("import", profile.energy.import_), ("export", profile.energy.export)):
        if not total:
            continue
        names = tuple(f"{direction}_{part}_wh" for part in PARTS[kind])
        if set(names) & set(total) or not set(names) <= set(profile.fields):
            return ()
        found.append(names)
    return tuple(found)


def _parts_off(plan: PollPlan, kind: str, registers: Registers) -> PartsOff | None:
    """Return how far a kind of parts is from the totals read in the same round; None when one shows no value."""
    off, step = Fraction(0), Fraction(0)
    directions: tuple[tuple[Direction, int], ...] = (("import", 1), ("export", -1))
    counted = [(d, sign) for d, sign in directions if plan.profile.energy_fields(d)]
    for (direction, sign), names in zip(counted, plan.parts[kind], strict=True):
        total = read_counter(plan.profile, direction, registers)
        values = [read_value(plan.profile, name, registers) for name in names]
        if not isinstance(total, RawCounter):
            return None
        off -= sign * total.exact_wh
        step += total.step_wh
        for value in values:
            if not isinstance(value, RawCounter):
                return None
            off += sign * value.exact_wh
            step += value.step_wh
    return PartsOff(kind, int(off * 1000), int(step * 1000))


def read_sample(
    plan: PollPlan, registers: Registers, read_ns: int, monotonic_ns: int, clock_error_ms: int
) -> Sample | PollRefused:
    """Return what the words of a whole round say; a counter without a value refuses the round."""
    counters: list[RawCounter | None] = []
    for direction in _DIRECTIONS:
        counter = read_counter(plan.profile, direction, registers)
        if isinstance(counter, NotAvailable):
            return PollRefused(f"energy_{counter.reason.value}")
        counters.append(counter)
    serial, faults = plan.identity(registers)
    measured: dict[tuple[str, int], int] = {}
    for quantity, thousandths in plan.measured:
        value = thousandths.read(registers)
        if value is not None:
            measured[quantity] = value
    made = Sample(read_ns, monotonic_ns, clock_error_ms, counters[0], counters[1], serial, faults, measured)
    if not plan.scales_energy:
        return made
    return made._replace(wraps_wh=(_wrap_wh(plan, "import", registers), _wrap_wh(plan, "export", registers)))


def _wrap_wh(plan: PollPlan, direction: Direction, registers: Registers) -> int:
    wrap_wh = read_wrap_wh(plan.profile, direction, registers)
    return 0 if isinstance(wrap_wh, NotAvailable) else wrap_wh


def _quantity(name: str) -> tuple[str, int] | None:
    """Return (quantity, phase) of a field's name; phase 0 is the total."""
    match = _MEASURED.fullmatch(name)
    return None if match is None else (match.group(1), int(match.group(2) or 0))
