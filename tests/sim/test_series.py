"""Load and PV series as energy: exact, additive, never backwards, and on the right day."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.series import (
    DATA_UTC_OFFSET_S,
    ENERGY_PER_MWH,
    EPOCH_YEAR,
    LOAD_RIPPLE,
    MINUTE_NS,
    PARTS,
    POWER_PER_W,
    PV_RIPPLE,
    ROWS,
    Connection,
    UnknownSeriesError,
    campus_start_ns,
    campus_start_s,
    data_row,
    list_series,
    series,
)

OFFICE = Connection("G1-B", 25_000, "PV6", 45_000, turn=4)
EPOCH_NS = (int(datetime(EPOCH_YEAR, 1, 1, tzinfo=UTC).timestamp()) - DATA_UTC_OFFSET_S) * 10**9
INSTANTS = st.integers(EPOCH_NS, EPOCH_NS + 5 * 366 * 86_400 * 10**9)


def utc_s(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())


def test_campus_starts_at_ten_on_a_sunny_working_morning() -> None:
    """A demonstration that starts at night or in a cloud shows no export for hours."""
    start = datetime.fromtimestamp(campus_start_s(), UTC)
    assert start == datetime(2026, 5, 24, 8, 0, tzinfo=UTC)  # 10:00 in Central European Summer Time
    assert campus_start_s() % 900 == 0
    row = data_row(campus_start_s())
    day = row - row % 96
    plants = [series(f"PV{n}")[day : day + 96] for n in range(1, 9)]
    best_days = sorted(sum(sum(series(f"PV{n}")[d * 96 : d * 96 + 96]) for n in range(1, 9)) for d in range(366))
    assert sum(map(sum, plants)) >= best_days[-20], "one of the twenty sunniest days of the year"
    assert series("PV1")[row] > PARTS // 2
    assert series("G1-A")[row] > PARTS // 2, "lecture halls are in use"


@pytest.mark.parametrize(
    ("campus", "row"),
    [
        ((2025, 12, 31, 23, 0), 0),
        ((2025, 12, 31, 22, 59), ROWS - 1),
        ((2026, 2, 28, 22, 59), 59 * 96 - 1),
        ((2026, 2, 28, 23, 0), 60 * 96),  # 29 February is passed over
        ((2028, 2, 28, 23, 0), 59 * 96),  # and kept in a leap year
        ((2026, 5, 24, 8, 0), (31 + 29 + 31 + 30 + 23) * 96 + 36),
        ((2026, 12, 31, 22, 45), ROWS - 1),
    ],
)
def test_campus_date_finds_its_row(campus: tuple[int, ...], row: int) -> None:
    """A shifted mapping would let the sun rise at midnight."""
    assert data_row(utc_s(*campus)) == row


def test_minute_patterns_keep_the_quarter_hours_mean() -> None:
    """The recorded energy of a quarter hour must survive the unevenness within it."""
    assert sum(LOAD_RIPPLE) == sum(PV_RIPPLE) == 0
    start = utc_s(2026, 5, 24, 8, 0) * 10**9
    only_load = Connection("G1-A", 60_000)
    used = only_load.energy(start + 900 * 10**9).import_day - only_load.energy(start).import_day
    assert used == 60_000 * series("G1-A")[data_row(start // 10**9)] * POWER_PER_W // PARTS * 900 * 10**9


def test_energy_is_the_integral_of_power() -> None:
    """Registers and the power register are two views of one thing; checks at the edge compare them."""
    start = utc_s(2026, 5, 24, 11, 0) * 10**9
    drawn = fed = 0
    for minute in range(240):
        net = OFFICE.power(start + minute * MINUTE_NS)
        drawn += max(0, net) * MINUTE_NS
        fed += max(0, -net) * MINUTE_NS
    before, after = OFFICE.energy(start), OFFICE.energy(start + 240 * MINUTE_NS)
    assert after.import_day + after.import_night - before.import_day - before.import_night == drawn
    assert after.export_day + after.export_night - before.export_day - before.export_night == fed
    assert drawn > 0
    assert fed > 0


@pytest.mark.parametrize("year", [2026, 2027, 2028, 2029])
def test_whole_years_add_up_day_by_day(year: int) -> None:
    """The shortcut over whole days and years must equal the walk through them, leap day or not."""
    fresh = Connection("G1-B", 25_000, "PV6", 45_000, turn=4)
    start = utc_s(year, 2, 27) * 10**9
    for day in range(4):
        a, b = start + day * 86_400 * 10**9, start + (day + 1) * 86_400 * 10**9
        walked = [0, 0]
        for minute in range(1440):
            net = fresh.power(a + minute * MINUTE_NS)
            walked[net < 0] += abs(net) * MINUTE_NS
        ea, eb = fresh.energy(a), fresh.energy(b)
        assert sum(eb[:2]) - sum(ea[:2]) == walked[0]
        assert sum(eb[2:]) - sum(ea[2:]) == walked[1]


def test_a_year_ends_where_the_next_begins() -> None:
    """New Year must not lose or repeat a second."""
    for year in (2027, 2029):
        turn = (utc_s(year, 1, 1) - DATA_UTC_OFFSET_S) * 10**9
        before, after = OFFICE.energy(turn - 1), OFFICE.energy(turn)
        assert all(0 <= b - a <= abs(OFFICE.power(turn - 1)) for a, b in zip(before, after, strict=True))


@given(st.lists(INSTANTS, min_size=2, max_size=12))
def test_registers_never_run_backwards_whatever_is_asked_when(instants: list[int]) -> None:
    """Polls come at any time and after any restart; a register that falls is read as a reset or theft."""
    answers = {t: OFFICE.energy(t) for t in instants}  # in the order drawn: the cache must not matter
    ordered = [answers[t] for t in sorted(answers)]
    for earlier, later in pairwise(ordered):
        assert all(a <= b for a, b in zip(earlier, later, strict=True))


@given(INSTANTS)
def test_a_restarted_process_gives_the_same_registers(instant: int) -> None:
    """There is no state to lose: another process, another day, the same answer."""
    fresh = Connection("G1-B", 25_000, "PV6", 45_000, turn=4)
    assert fresh.energy(instant) == OFFICE.energy(instant)


@given(INSTANTS, st.integers(2, 9))
def test_energy_grows_with_size(instant: int, factor: int) -> None:
    """Connections of one proportion share their sums; sharing must not change a single unit."""
    bigger = Connection("G1-B", 25_000 * factor, "PV6", 45_000 * factor, turn=4)
    assert bigger.energy(instant) == tuple(factor * x for x in OFFICE.energy(instant))


def test_energy_starts_at_zero() -> None:
    """The base register is what the meter showed at the epoch, nothing else."""
    assert OFFICE.energy(EPOCH_NS) == (0, 0, 0, 0)
    assert sum(OFFICE.energy(EPOCH_NS - 3600 * 10**9)) < 0


def test_night_tariff_counts_from_ten_to_six() -> None:
    """Two tariff registers that both moved at once would not test the sum."""
    start = (utc_s(2026, 5, 24) - DATA_UTC_OFFSET_S) * 10**9
    hour = 3600 * 10**9
    at = [OFFICE.energy(start + h * hour) for h in (0, 6, 22, 24)]
    assert at[1].import_day == at[0].import_day
    assert at[1].import_night > at[0].import_night
    assert at[2].import_night == at[1].import_night
    assert at[2].import_day > at[1].import_day
    assert at[3].import_day == at[2].import_day


def test_unknown_series_names_the_known_ones() -> None:
    """A typing error in a configuration is answered with what there is."""
    with pytest.raises(UnknownSeriesError, match="PV8"):
        Connection("G9-Z", 1000)
    assert len(list_series()) == 21
    assert all(len(series(name)) == ROWS and max(series(name)) <= PARTS for name in list_series())


def test_one_milliwatt_hour_is_three_point_six_joules() -> None:
    """The unit of every sum above."""
    assert ENERGY_PER_MWH == POWER_PER_W * 3_600_000_000
    steady = Connection("G1-A", 60_000)
    start = campus_start_ns()
    watts = steady.power(start)
    used = steady.energy(start + MINUTE_NS).import_day - steady.energy(start).import_day
    assert used == watts * 60 * 10**9


def test_a_day_step_by_step_is_the_day_at_once() -> None:
    """A meter that is polled all day must stand where one stands that was just switched on."""
    polled = Connection("G1-B", 9_000, "PV6", 16_000, 3)
    start_ns = campus_start_ns() // (900 * 10**9) * 900 * 10**9
    for quarter in range(130):
        at_ns = start_ns + quarter * 900 * 10**9 + 7
        assert polled.energy(at_ns) == Connection("G1-B", 9_000, "PV6", 16_000, 3).energy(at_ns), quarter
