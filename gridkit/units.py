"""Decides the units of energy and money and how they are written as decimal text; nothing here rounds.

1 GRID = 1 kWh = 10**6 atoms, so 1 Wh is 1,000 atoms. 1 lot = 1 Wh. 1 tick = 0.01 CREDIT per kWh. CREDIT has six
decimals, so lots * ticks * 10 is a whole number of µcredit and a trade's value never rounds.
"""

from __future__ import annotations

import re
from typing import NewType

Wh = NewType("Wh", int)
"""Energy, watt-hours."""
Atoms = NewType("Atoms", int)
"""Smallest units of GRID: 1,000 a Wh."""
Lots = NewType("Lots", int)
"""Order size: 1 lot = 1 Wh."""
Ticks = NewType("Ticks", int)
"""Price: 1 tick = 0.01 CREDIT a kWh."""
Ucredit = NewType("Ucredit", int)
"""Money: 10**-6 CREDIT, the smallest unit of the CREDIT mint."""

WH_PER_KWH = 1_000
ATOMS_PER_WH = 1_000
ATOMS_PER_GRID = 1_000_000
WH_PER_LOT = 1
ATOMS_PER_LOT = ATOMS_PER_WH * WH_PER_LOT
UCREDIT_PER_CREDIT = 1_000_000
TICKS_PER_CREDIT = 100
UCREDIT_PER_LOT_TICK = 10

GRID_DECIMALS = 6
CREDIT_DECIMALS = 6
KWH_DECIMALS = 3
PRICE_DECIMALS = 2

U16_MAX = 0xFFFF
U32_MAX = 0xFFFF_FFFF
U64_MAX = 0xFFFF_FFFF_FFFF_FFFF

_DECIMAL = re.compile(r"(-?)([0-9]{1,30})(?:\.([0-9]{1,30}))?", re.ASCII)


class DecimalFormatError(ValueError):
    """Text is no plain decimal number, or it has more decimals than the unit carries."""

    def __init__(self, text: object, decimals: int, why: str) -> None:
        super().__init__(f"{text!r} is no decimal number with at most {decimals} decimals: {why}")
        self.text = text
        self.decimals = decimals


def trade_value_ucredit(lots: int, ticks: int) -> Ucredit:
    """Return what a trade is worth, µcredit, exactly.

    Args:
        lots: Energy, lots of 1 Wh, ≥0.
        ticks: Price, 0.01 CREDIT a kWh, ≥0.

    Raises:
        TypeError: A float or bool was given.
    """
    _require_int(lots)
    _require_int(ticks)
    return Ucredit(lots * ticks * UCREDIT_PER_LOT_TICK)


def parse_decimal(text: str, decimals: int) -> int:
    """Return decimal text as a whole number of 10**-decimals.

    Args:
        text: Like "12", "-0.5" or "3.250"; no exponent, sign "+", spaces or separators. Trailing zeros past the
            unit's decimals are accepted, other digits there are not: nothing is rounded.
        decimals: Decimals that the unit carries, ≥0.

    Raises:
        DecimalFormatError: Not such a text, or it would need rounding.
        TypeError: Not text (a float has already lost what was written).
    """
    if not isinstance(text, str):
        raise TypeError(f"a decimal is text, not {type(text).__name__}")
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise DecimalFormatError(text, decimals, "not a plain number")
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
    if fraction[decimals:].strip("0"):
        raise DecimalFormatError(text, decimals, "too many decimals")
    magnitude = int(whole + fraction[:decimals].ljust(decimals, "0"))
    return -magnitude if sign else magnitude


def format_decimal(value: int, decimals: int) -> str:
    """Return a whole number of 10**-decimals as decimal text with all its decimals: (1500, 3) -> "1.500".

    Raises:
        TypeError: A float or bool was given.
    """
    _require_int(value)
    if decimals == 0:
        return str(value)
    digits = str(abs(value)).rjust(decimals + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def _require_int(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"energy and money are whole numbers, not {type(value).__name__}")
