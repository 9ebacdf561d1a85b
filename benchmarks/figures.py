"""What a measured figure is, and the arithmetic on samples. It measures nothing and draws nothing.

Everything that is kept is an integer: ratios in thousandths rounded down, times in µs, memory in KiB. A median is the lower one
of an even number of samples, a percentile the smallest sample that at least that share of the samples does not exceed
(nearest rank), so every figure that is shown was really seen.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from enum import StrEnum

import msgspec

NS_PER_S = 1_000_000_000


class Unit(StrEnum):
    """What an integer counts."""

    RATIO = "thousandths"
    PER_S = "per second"
    US = "µs"
    KIB = "KiB"
    CORE = "thousandths of a core"
    COMPUTE_UNITS = "compute units"


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure, median over its samples.

    Attributes:
        id: Stable name, unique among all benchmarks.
        what: What it is, in words, without the number.
        unit: What `median`, `least` and `most` count.
        samples: How many there were; `of` says of what. One sample has no `least` and `most`.
        aim_least, aim_most: What we aim at, in the same unit; only one of them.
        earlier: The same of the system that this one follows, in the same unit.
        headline: Whether README quotes it.
    """

    id: str
    what: str
    unit: Unit
    median: int
    least: int | None = None
    most: int | None = None
    samples: int = 1
    of: str = "rounds"
    aim_least: int | None = None
    aim_most: int | None = None
    earlier: int | None = None
    headline: bool = False

    @property
    def reached(self) -> bool | None:
        """Whether the aim is reached by the median; None without an aim."""
        if self.aim_least is not None:
            return self.median >= self.aim_least
        return None if self.aim_most is None else self.median <= self.aim_most


class UnitsRow(msgspec.Struct, frozen=True):
    """Compute units of one instruction in one case, `key` = `<program>.<instruction>[.<case>]`.

    `own` on solders 0.26, `own_029` on 0.29; `token` and `p_token` are those of the token program called, beside `own`.
    """

    key: str
    own: int
    own_029: int
    token: int
    p_token: int


class Measured(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one benchmark returns: figures, remarks as sentences, and rows for the one that tables compute units."""

    figures: tuple[Figure, ...]
    remarks: tuple[str, ...] = ()
    units: tuple[UnitsRow, ...] = ()


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was measured. Memory in MiB; `versions` by name of library or program."""

    cpu: str
    cores: int
    memory_mib: int
    kernel: str
    python: str
    versions: dict[str, str]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark's run.

    Attributes:
        name, title: As in the catalogue.
        about: What is measured, how, and what is not: the head of its source file.
        measured_at: UTC, ISO 8601 to the minute.
        seconds: Wall time of the whole run with its set-up.
        load_before: The machine's load average of the last minute when it began, thousandths: what else was running.
        measured: What it returned.
    """

    name: str
    title: str
    about: str
    measured_at: str
    seconds: int
    load_before: int
    measured: Measured


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """docs/figures.json: one machine, and the results in the order of the catalogue."""

    machine: Machine
    results: tuple[Result, ...]


def encode(figures: Figures) -> bytes:
    """Return the JSON text of docs/figures.json."""
    return msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n"


def decode(data: bytes) -> Figures:
    """Return what a JSON text holds.

    Raises:
        msgspec.MsgspecError: It is no figures file.
    """
    return msgspec.json.decode(data, type=Figures)


def sampled(
    id: str,
    what: str,
    unit: Unit,
    samples: Sequence[int],
    *,
    of: str = "rounds",
    aim_least: int | None = None,
    aim_most: int | None = None,
    headline: bool = False,
) -> Figure:
    """Return the figure of some samples: their lower median, least and most.

    Raises:
        ValueError: No samples.
    """
    if not samples:
        raise ValueError(f"{id}: nothing was measured")
    return Figure(
        id=id,
        what=what,
        unit=unit,
        median=statistics.median_low(samples),
        least=min(samples),
        most=max(samples),
        samples=len(samples),
        of=of,
        aim_least=aim_least,
        aim_most=aim_most,
        headline=headline,
    )


def per_second(count: int, elapsed_ns: int) -> int:
    """Return `count` things in `elapsed_ns` as a rate, per second, rounded down."""
    return count * NS_PER_S // max(1, elapsed_ns)


def ratio(part: int, whole: int) -> int:
    """Return part/whole in thousandths, rounded down.

    Raises:
        ValueError: `whole` is not positive.
    """
    if whole <= 0:
        raise ValueError(f"a share of {whole} says nothing")
    return 1_000 * part // whole


def percentile(samples: Sequence[int], percent: int) -> int:
    """Return the nearest-rank percentile: the smallest sample that at least `percent` % of all do not exceed.

    Args:
        samples: At least one, in any order.
        percent: 1 to 100.

    Raises:
        ValueError: No samples, or `percent` out of range.
    """
    if not samples or not 1 <= percent <= 100:
        raise ValueError("a percentile wants samples and 1 to 100")
    return sorted(samples)[-(-len(samples) * percent // 100) - 1]
