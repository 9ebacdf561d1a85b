"""The compute units of every instruction, case by case, as the committed table has them, beside the earlier system's.

`programs/compute_units.json` is written and checked by the programs' tests: each instruction runs in LiteSVM against the built
file that is committed, and a test fails when one costs another unit than the table says. Units are exact and the same
on every machine, so nothing is timed here. "Own" are the units of our programs, calls between them included, on solders 0.26 (Agave
2.2) and on 0.29 (Agave 4.1); the token program's stand apart, because they change with its binary: SPL Token 3.5.0 as solders
0.26 brings it, and p-token, its successor on the main network, in its place. What follows the instruction's name
says what happened: `fills_10` met ten resting orders, `settle_range.128` settled 128 meters.

Not counted: signatures and fees, which the runtime charges apart. The earlier system's units are those of its own instructions
for the same act; its reading was not verified on chain, ours is.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from benchmarks.figures import Figure, Measured, Unit, UnitsRow
from benchmarks.process import print_measured

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"
_READINGS = 12
# The earlier system's program, same acts: an unverified reading, place a limit order that rests, cancel it.
_EARLIER = {"reading": 13_376, "place": 10_464, "cancel": 4_469}


def table(programs: Path) -> tuple[UnitsRow, ...]:
    """Return the rows of the tables in that folder, by program and case; units that a table does not have are 0.

    Raises:
        FileNotFoundError: A table is missing.
        msgspec.MsgspecError: It is no such table.
    """
    names = (
        "compute_units.json",
        "compute_units.0.29.json",
        "compute_units.token.json",
        "compute_units.p_token.token.json",
    )
    own, own_029, spl, p_token = (
        msgspec.json.decode((programs / name).read_bytes(), type=dict[str, int]) for name in names
    )
    return tuple(
        UnitsRow(key, units, own_029.get(key, 0), spl.get(key, 0), p_token.get(key, 0))
        for key, units in sorted(own.items())
    )


def measure() -> Measured:
    """Return the table and its three comparisons."""
    rows = table(PROGRAMS)
    own = {row.key: row.own for row in rows}
    reading = -(-own[f"oracle.post_verified.{_READINGS}"] // _READINGS)
    compared = (
        (
            "cu_reading",
            "one reading verified on chain, of twelve in a transaction (earlier system: not verified)",
            reading,
            "reading",
        ),
        ("cu_place", "place a limit order that rests", own["trading.place_order.rests"], "place"),
        ("cu_cancel", "cancel it", own["trading.cancel_order"], "cancel"),
    )
    return Measured(
        figures=tuple(
            Figure(id=id_, what=what, unit=Unit.COMPUTE_UNITS, median=units, earlier=_EARLIER[act], headline=True)
            for id_, what, units, act in compared
        ),
        units=rows,
    )


if __name__ == "__main__":
    print_measured(measure)
