"""The compute units of every instruction, case by case, as the committed table has them, beside the earlier system's.

`programs/compute_units.json` is written and checked by the programs' tests: each instruction runs in LiteSVM against the built
file that is committed, and a test fails when one costs a single unit more than the table says. Units are exact and the same
on every machine, so nothing is timed here. "Own" are the units of our programs, calls between them included; "SPL Token"
those of the token program that they call, which another version of that program would change. The case behind the slash says
what happened: `fills_10` met ten resting orders, `settle_range/128` settled 128 meters.

Not counted: signatures and fees, which the runtime charges apart. The earlier system's units are those of its own instructions
for the same act; its reading was not verified on chain, ours is.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from benchmarks.figures import Figure, Measured, Unit, UnitsRow
from benchmarks.process import print_measured

TABLE = Path(__file__).resolve().parents[1] / "programs" / "compute_units.json"
_READINGS = 12
# The earlier system's program, same acts: an unverified reading, place a limit order that rests, cancel it.
_EARLIER = {"reading": 13_376, "place": 10_464, "cancel": 4_469}


class _Table(msgspec.Struct):
    programs: dict[str, dict[str, int]]
    token_program: dict[str, dict[str, int]] = {}


def table(data: bytes) -> tuple[UnitsRow, ...]:
    """Return the rows of programs/compute_units.json, by program and case.

    Raises:
        msgspec.MsgspecError: It is no such table.
    """
    known = msgspec.json.decode(data, type=_Table)
    return tuple(
        UnitsRow(program, case, own, known.token_program.get(program, {}).get(case, 0))
        for program, cases in sorted(known.programs.items())
        for case, own in sorted(cases.items())
    )


def measure() -> Measured:
    """Return the table and its three comparisons."""
    rows = table(TABLE.read_bytes())
    own = {(row.program, row.case): row.own for row in rows}
    reading = -(-own["oracle", f"post_verified/{_READINGS}"] // _READINGS)
    compared = (
        (
            "cu_reading",
            "one reading verified on chain, of twelve in a transaction (earlier system: not verified)",
            reading,
            "reading",
        ),
        ("cu_place", "place a limit order that rests", own["trading", "place_order/rests"], "place"),
        ("cu_cancel", "cancel it", own["trading", "cancel_order"], "cancel"),
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
