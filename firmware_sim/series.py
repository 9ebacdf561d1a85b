"""Real load and PV series as exact energy: how much a connection has drawn and fed in by any campus instant.

Decides the mapping from campus time to the recorded year, and integrates power to energy in integers: the register of
a meter is a pure function of campus time, so a restart loses nothing and nothing ever runs backwards. What a meter shows
of it is meter.py's business; where the series come from is told in data/README.md.

Within a quarter hour, power changes every minute by patterns whose sum is zero: the quarter's mean stays the recorded
one, and around balance a prosumer's import and export registers both move within one interval, as on a cloudy day.
"""

from __future__ import annotations

import gzip
import json
import sys
from array import array
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import accumulate
from math import gcd
from pathlib import Path
from typing import Final, NamedTuple

DATA_PATH: Final = Path(__file__).parent / "data" / "simbench_2016_quarter_hours.bin.gz"
ROWS: Final = 366 * 96
PARTS: Final = 10_000  # a series' value is in parts per 10,000 of its nominal power
DATA_UTC_OFFSET_S: Final = 3600  # rows are Central European Time without summer time
DAY_S: Final = 86_400
DAY_NS: Final = DAY_S * 10**9
MINUTE_NS: Final = 60 * 10**9
EPOCH_YEAR: Final = 2026  # energy is counted from the start of this year (in the data's time)
NIGHT_TARIFF_QUARTERS: Final = (24, 88)  # tariff 2 before 06:00 and from 22:00, in the data's time

# Sixty-fourths of the quarter's mean, minute by minute; each sums to zero.
LOAD_RIPPLE: Final = (0, 3, 5, 2, -4, -6, -2, 1, 4, 6, 1, -3, -5, -2, 0)
PV_RIPPLE: Final = (2, 6, 11, 14, 9, 0, -8, -15, -16, -9, -3, 1, 4, 6, -2)
RIPPLE_ONE: Final = 64
assert sum(LOAD_RIPPLE) == sum(PV_RIPPLE) == 0
_LOAD_SWING: Final = max(abs(x) for x in LOAD_RIPPLE)
_PV_SWING: Final = max(abs(x) for x in PV_RIPPLE)

# Power is kept in W / (PARTS * RIPPLE_ONE); energy in that times nanoseconds. 1 mWh = 3.6 J = 3.6e9 W ns.
POWER_PER_W: Final = PARTS * RIPPLE_ONE
ENERGY_PER_MWH: Final = POWER_PER_W * 3_600_000_000

_LEAP_DAYS_BEFORE: Final = (0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335)
_FEB_29: Final = 59
_UNIX_ORDINAL: Final = date(1970, 1, 1).toordinal()


class UnknownSeriesError(ValueError):
    """No such series; `name` is what was asked for, `known` what there is."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"no series {name!r}; there are {', '.join(known)}")
        self.name = name
        self.known = known


class Energy(NamedTuple):
    """Energy since the epoch, in 1/ENERGY_PER_MWH mWh: import by day and night tariff, export likewise."""

    import_day: int
    import_night: int
    export_day: int
    export_night: int


def campus_start_s() -> int:
    """Return the instant at which a fresh campus begins: 10:00 local on the sunny 24 May 2026, UTC epoch seconds.

    Same date as 24 May 2016 in the data, a clear working day: roofs already feed in while lecture halls draw power.
    """
    return int(datetime(2026, 5, 24, 8, 0, tzinfo=UTC).timestamp())


def campus_start_ns() -> int:
    """Return `campus_start_s` in nanoseconds, as the campus clock wants it."""
    return campus_start_s() * 10**9


@lru_cache(maxsize=1)
def _series() -> dict[str, array[int]]:
    head, body = gzip.decompress(DATA_PATH.read_bytes()).split(b"\n", 1)
    found: dict[str, array[int]] = {}
    for index, name in enumerate(json.loads(head)["series"]):
        values = array("H")
        values.frombytes(body[2 * ROWS * index : 2 * ROWS * (index + 1)])
        if sys.byteorder == "big":
            values.byteswap()
        found[name] = values
    return found


def list_series() -> tuple[str, ...]:
    """Return the names of all series, loads first."""
    return tuple(_series())


def series(name: str) -> array[int]:
    """Return a series: 35,136 quarter-hour means in parts per 10,000. Raises `UnknownSeriesError`."""
    try:
        return _series()[name]
    except KeyError:
        raise UnknownSeriesError(name, list_series()) from None


@lru_cache(maxsize=4096)
def _day_of(days: int) -> tuple[int, int]:
    """Return (year, day of a leap year) of a day counted from 1970 in the data's time."""
    day = date.fromordinal(_UNIX_ORDINAL + days)
    return day.year, _LEAP_DAYS_BEFORE[day.month - 1] + day.day - 1


def data_row(campus_s: int) -> int:
    """Return the row of the recorded year that a campus second falls in: the same month, day and quarter hour.

    Only the date counts, not the weekday; 29 February occurs in leap years alone.
    """
    days, second = divmod(campus_s + DATA_UTC_OFFSET_S, DAY_S)
    return _day_of(days)[1] * 96 + second // 900


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


class Connection:
    """One metered connection: a load, a PV plant, or both behind one meter.

    `load_w` and `pv_w` are the nominal powers that the series are parts of; 0 leaves one out. `turn` shifts the minute
    patterns so that neighbours do not move in step.
    """

    def __init__(self, load: str = "", load_w: int = 0, pv: str = "", pv_w: int = 0, turn: int = 0) -> None:
        self._load = series(load) if load_w else None
        self._pv = series(pv) if pv_w else None
        self._load_w, self._pv_w, self._turn = load_w, pv_w, turn
        # Energy is linear in size: a fleet of a thousand has few proportions, and only those with a load and a plant
        # depend on the minute pattern. Their day sums are made once.
        self._size = gcd(load_w, pv_w) or 1
        self._shape = (
            load if load_w else "",
            load_w // self._size,
            pv if pv_w else "",
            pv_w // self._size,
            turn if load_w and pv_w else 0,
        )
        self._days: list[array[int]] | None = None
        self._at: tuple[int, int] = (-1, -1)
        self._before: tuple[int, int, int, int] = (0, 0, 0, 0)

    def power(self, campus_ns: int) -> int:
        """Return net power at an instant, in W / POWER_PER_W; positive draws from the grid."""
        second = campus_ns // 10**9
        return self._minute(data_row(second), second // 60 % 15)

    def energy(self, campus_ns: int) -> Energy:
        """Return all energy from the epoch to an instant, exactly; before the epoch the values are negative."""
        days, ns = divmod(campus_ns + DATA_UTC_OFFSET_S * 10**9, DAY_NS)
        minute, rest = divmod(ns, MINUTE_NS)
        quarter, step = divmod(minute, 15)
        if self._at != (days, quarter):
            self._before = self._next(days, quarter) if self._at == (days, quarter - 1) else self._until(days, quarter)
            self._at = (days, quarter)
        day_in, night_in, day_out, night_out = self._before
        row = _day_of(days)[1] * 96 + quarter
        drawn = fed = 0
        for k in range(step):
            net = self._minute(row, k)
            if net > 0:
                drawn += net
            else:
                fed -= net
        net = self._minute(row, step)
        drawn = drawn * MINUTE_NS + (net * rest if net > 0 else 0)
        fed = fed * MINUTE_NS - (net * rest if net < 0 else 0)
        if NIGHT_TARIFF_QUARTERS[0] <= quarter < NIGHT_TARIFF_QUARTERS[1]:
            return Energy(day_in + drawn, night_in, day_out + fed, night_out)
        return Energy(day_in, night_in + drawn, day_out, night_out + fed)

    def _minute(self, row: int, k: int) -> int:
        """Net power of one minute of a quarter, in W / POWER_PER_W."""
        net = 0
        if self._load is not None:
            net = self._load_w * self._load[row] * (RIPPLE_ONE + LOAD_RIPPLE[(k + row + self._turn) % 15])
        if self._pv is not None:
            net -= self._pv_w * self._pv[row] * (RIPPLE_ONE + PV_RIPPLE[(k + 7 * row + self._turn) % 15])
        return net

    def _quarter(self, row: int) -> tuple[int, int]:
        """Return (drawn, fed in) of one quarter, in minutes times W / POWER_PER_W."""
        load = self._load_w * self._load[row] if self._load is not None else 0
        plant = self._pv_w * self._pv[row] if self._pv is not None else 0
        if load * (RIPPLE_ONE - _LOAD_SWING) >= plant * (RIPPLE_ONE + _PV_SWING):
            return 15 * RIPPLE_ONE * (load - plant), 0
        if plant * (RIPPLE_ONE - _PV_SWING) >= load * (RIPPLE_ONE + _LOAD_SWING):
            return 0, 15 * RIPPLE_ONE * (plant - load)
        minutes = [self._minute(row, k) for k in range(15)]
        return sum(m for m in minutes if m > 0), -sum(m for m in minutes if m < 0)

    def _next(self, days: int, quarter: int) -> tuple[int, int, int, int]:
        """What `_until` gives, from what it gave a quarter before: a fleet that is polled all day takes one step at a time."""
        total = list(self._before)
        drawn, fed = self._quarter(_day_of(days)[1] * 96 + quarter - 1)
        night = not NIGHT_TARIFF_QUARTERS[0] <= quarter - 1 < NIGHT_TARIFF_QUARTERS[1]
        total[night] += drawn * MINUTE_NS
        total[2 + night] += fed * MINUTE_NS
        return total[0], total[1], total[2], total[3]

    def _until(self, days: int, quarter: int) -> tuple[int, int, int, int]:
        """Energy from the epoch to the start of a quarter."""
        year, day = _day_of(days)
        sums = _pattern(*self._shape)._prefix_sums()
        total = [self._whole_years(year, column) + column[day] for column in sums]
        if not _is_leap(year) and day > _FEB_29:
            for index, column in enumerate(sums):
                total[index] -= column[_FEB_29 + 1] - column[_FEB_29]
        total = [self._size * amount for amount in total]
        for q in range(quarter):
            drawn, fed = self._quarter(day * 96 + q)
            night = not NIGHT_TARIFF_QUARTERS[0] <= q < NIGHT_TARIFF_QUARTERS[1]
            total[night] += drawn
            total[2 + night] += fed
        return total[0] * MINUTE_NS, total[1] * MINUTE_NS, total[2] * MINUTE_NS, total[3] * MINUTE_NS

    @staticmethod
    def _whole_years(year: int, column: array[int]) -> int:
        first, last, sign = (EPOCH_YEAR, year, 1) if year >= EPOCH_YEAR else (year, EPOCH_YEAR, -1)
        leap_day = column[_FEB_29 + 1] - column[_FEB_29]
        leaps = sum(_is_leap(y) for y in range(first, last))
        return sign * ((last - first) * (column[366] - leap_day) + leaps * leap_day)

    def _prefix_sums(self) -> list[array[int]]:
        """Four columns of 367: energy before each day of the leap year; made once, on first use (about 20 ms)."""
        if self._days is None:
            per_day = [array("q", [0] * 366) for _ in range(4)]
            low, high = NIGHT_TARIFF_QUARTERS
            for row in range(ROWS):
                drawn, fed = self._quarter(row)
                day, quarter = divmod(row, 96)
                night = not low <= quarter < high
                per_day[night][day] += drawn
                per_day[2 + night][day] += fed
            self._days = [array("q", accumulate(column, initial=0)) for column in per_day]
        return self._days


@lru_cache(maxsize=4096)
def _pattern(load: str, load_w: int, pv: str, pv_w: int, turn: int) -> Connection:
    """The connection that all those of the same proportion share their day sums with."""
    return Connection(load, load_w, pv, pv_w, turn)
