"""Energy, prices and money as the API writes them: decimal strings outside, integers inside. A JSON number here is refused."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from gridkit.units import format_decimal, parse_decimal

LOT_DECIMALS = 3  # kWh with three decimals: 1 lot = 1 Wh
TICK_DECIMALS = 2  # credit/kWh with two decimals: 1 tick = 0.01 credit/kWh
ATOM_DECIMALS = 6  # GRID and CREDIT


def _text_only(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("an amount is a decimal string, not a JSON number")
    if len(value) > 32:
        raise ValueError("an amount has at most 32 characters")
    return value


def _decimals(places: int) -> BeforeValidator:
    def check(value: Any) -> str:
        text = _text_only(value)
        if parse_decimal(text, places) <= 0:
            raise ValueError("an amount is above zero")
        return str(text)

    return BeforeValidator(check)


EnergyText = Annotated[str, _decimals(LOT_DECIMALS), Field(examples=["1.250"], description="kWh, up to 3 decimals")]
PriceText = Annotated[
    str, _decimals(TICK_DECIMALS), Field(examples=["0.25"], description="credit/kWh, up to 2 decimals")
]


def lots_of(text: str) -> int:
    """Return lots (Wh) of a kWh text."""
    return parse_decimal(text, LOT_DECIMALS)


def ticks_of(text: str) -> int:
    """Return ticks (0.01 credit/kWh) of a credit/kWh text."""
    return parse_decimal(text, TICK_DECIMALS)


def energy_text(wh: int) -> str:
    """Return Wh (or lots) as kWh text with three decimals."""
    return format_decimal(wh, LOT_DECIMALS)


def price_text(ticks: int) -> str:
    """Return ticks as credit/kWh text with two decimals."""
    return format_decimal(ticks, TICK_DECIMALS)


def atoms_text(atoms: int) -> str:
    """Return atoms (GRID) or µcredit (CREDIT) as text with six decimals."""
    return format_decimal(atoms, ATOM_DECIMALS)
