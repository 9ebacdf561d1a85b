"""Decides what the 16 quality bits of a reading mean, and which of them keep it off the chain.

One table maps each bit to the codes of ESPI (Green Button), IEEE 2030.5 and IEC 61968-9, so an export never guesses.
"""

from __future__ import annotations

from enum import IntFlag
from typing import NamedTuple


class Quality(IntFlag):
    """The flag word, u16. Bit 15 is reserved and 0."""

    ESTIMATED = 1 << 0
    DERIVED = 1 << 1
    """The boundary was interpolated between two polls."""
    QUESTIONABLE = 1 << 2
    CLOCK_INVALID = 1 << 3
    """Nobody vouches for the clock, or its error bound is beyond what an interval may carry."""
    POWER_FAILURE = 1 << 4
    PARTIAL = 1 << 5
    CATCH_UP = 1 << 6
    """Spans more than one interval: its energy was measured, how it was spread was not."""
    CLOCK_ADJUSTED = 1 << 7
    WRAP = 1 << 8
    RESET = 1 << 9
    SWAP = 1 << 10
    IDENTITY_CHANGED = 1 << 11
    JITTER_HELD = 1 << 12
    """The meter showed a value a few steps lower than before; the higher one was kept."""
    GLITCH_REJECTED = 1 << 13
    """The meter showed an impossible value for a while; it was read again and is not in this reading."""
    UNIT_CHANGED = 1 << 14


RESERVED_MASK = 0x8000
NO_POST_MASK = 0x000F
"""Estimated, derived, questionable, clock invalid: stored and shown, never posted, and never a baseline."""


class QualityCode(NamedTuple):
    """What one bit is called elsewhere.

    Attributes:
        bit: The flag.
        label: Metric and API label, constant.
        espi: ESPI QualityOfReading code.
        ieee_2030_5: Bit number of IEEE 2030.5 ReadingBase.qualityFlags.
        iec_61968_9: ReadingQualityType, "system.category.index".
    """

    bit: Quality
    label: str
    espi: int
    ieee_2030_5: int
    iec_61968_9: str


CODES: tuple[QualityCode, ...] = (
    QualityCode(Quality.ESTIMATED, "estimated", 9, 3, "3.8.0"),
    QualityCode(Quality.DERIVED, "derived", 11, 5, "3.11.0"),
    QualityCode(Quality.QUESTIONABLE, "questionable", 10, 4, "3.6.0"),
    QualityCode(Quality.CLOCK_INVALID, "clock_invalid", 10, 4, "1.4.256"),
    QualityCode(Quality.POWER_FAILURE, "power_failure", 10, 4, "1.2.32"),
    QualityCode(Quality.PARTIAL, "partial", 10, 4, "1.4.2"),
    QualityCode(Quality.CATCH_UP, "catch_up", 10, 4, "1.4.4"),
    QualityCode(Quality.CLOCK_ADJUSTED, "clock_adjusted", 10, 4, "1.4.64"),
    QualityCode(Quality.WRAP, "wrap", 17, 0, "1.4.0"),
    QualityCode(Quality.RESET, "reset", 10, 4, "1.4.0"),
    QualityCode(Quality.SWAP, "swap", 10, 4, "1.4.0"),
    QualityCode(Quality.IDENTITY_CHANGED, "identity_changed", 10, 4, "1.3.0"),
    QualityCode(Quality.JITTER_HELD, "jitter_held", 17, 0, "1.4.0"),
    QualityCode(Quality.GLITCH_REJECTED, "glitch_rejected", 17, 0, "1.4.0"),
    QualityCode(Quality.UNIT_CHANGED, "unit_changed", 10, 4, "1.4.0"),
)
"""One row a bit, lowest first. Source: ESPI 1.1 QualityOfReading; IEEE 2030.5 ReadingBase; IEC 61968-9 annex on
reading quality. Where a bit has no code of its own elsewhere, the nearest broader one stands."""

_ESPI_SEVERITY = (9, 10, 11)
ESPI_VALIDATED = 17


def is_postable(flags: int) -> bool:
    """Return whether a reading with these flags may be posted: none of `NO_POST_MASK`."""
    return flags & NO_POST_MASK == 0


def labels(flags: int) -> tuple[str, ...]:
    """Return the labels of the set bits, lowest bit first."""
    return tuple(code.label for code in CODES if flags & code.bit)


def espi_code(flags: int) -> int:
    """Return the one ESPI code that fits worst: estimated (9), else questionable (10), else derived (11), else 17."""
    codes = {code.espi for code in CODES if flags & code.bit}
    return next((code for code in _ESPI_SEVERITY if code in codes), ESPI_VALIDATED)


def ieee_2030_5_flags(flags: int) -> int:
    """Return IEEE 2030.5 qualityFlags: bit 0 (valid) alone, or the bits of everything that is set."""
    mapped = 0
    for code in CODES:
        if flags & code.bit and code.ieee_2030_5:
            mapped |= 1 << code.ieee_2030_5
    return mapped or 1


def iec_61968_9_codes(flags: int) -> tuple[str, ...]:
    """Return the IEC 61968-9 codes of the set bits without repetition; ("3.0.0",), valid, when none is set."""
    found = tuple(dict.fromkeys(code.iec_61968_9 for code in CODES if flags & code.bit))
    return found or ("3.0.0",)
