"""Decides which family an unknown meter belongs to, and shows what it says, register by register. Reads only.

Every family's identity registers are asked for. What the meter itself says of its model speaks loudest; a chain of pinned
layout words (SunSpec) next; a family without either is only ever possible, when voltage and frequency look like a grid's.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from edge.frame import Refusal, Refused
from edge.guard import Asks, Link
from edge.settings import Endpoint, LineSettings
from gridkit.profile import (
    NotAvailable,
    Profile,
    RawCounter,
    Registers,
    Value,
    identity_faults,
    list_profiles,
    load_profile,
    plan_blocks,
    read_model,
    read_value,
)

SAYS_SO, LAYOUT, POSSIBLE = 3, 2, 1
_STRENGTH = {SAYS_SO: "the meter says so", LAYOUT: "its register layout fits", POSSIBLE: "possible; compare the values"}
_NOT_THERE = (Refusal.CONNECT, Refusal.TIMEOUT, Refusal.CLOSED)
_NO_TARGET = (10, 11)
"""Exceptions that a gateway answers in the place of a meter. Source: Modbus Application Protocol 1.1b3, 7."""
PATIENCE = 3
"""Families in a row without any answer after which nobody is there."""


class Line(NamedTuple):
    """One register of the table: name, function code, address, words as hex, value with its unit or why there is none."""

    name: str
    function_code: int
    address: int
    words: str
    value: str


class Match(NamedTuple):
    """A family that the meter may belong to: how strongly, what speaks against its set-up, and what its registers say."""

    profile_id: str
    title: str
    strength: int
    plausible: bool
    model: str
    faults: tuple[str, ...]
    lines: tuple[Line, ...]


class NobodyAnswersError(Exception):
    """No meter has answered; `reason` is the refusal's label, and the text says what to look at."""

    def __init__(self, where: str, unit: int, refused: Refused, *, on_line: bool = True) -> None:
        what, remedy = _told(refused, on_line)
        super().__init__(f"{what} at {where} unit {unit} ({refused.reason.value}): {remedy}")
        self.reason = refused.reason.value


def _told(refused: Refused, on_line: bool) -> tuple[str, str]:
    """Return what is the matter, and what to do, for a unit that gives no Modbus answer of its own."""
    if refused.reason is Refusal.EXCEPTION:
        return (
            "a gateway answers and no meter",
            "check the meter's power, its wiring to the gateway, unit number, baud rate and parity",
        )
    if refused.reason not in _NOT_THERE:
        if on_line:
            return (
                "nothing that makes sense comes",
                "check baud rate and parity, and whether two meters have this unit number or another master speaks",
            )
        return "something answers that is no Modbus", "check the port, and --framing (tcp or rtu)"
    if refused.reason is Refusal.CONNECT:
        if on_line:
            return (
                "no port",
                "is the adapter plugged in (ls /dev/serial/by-id/), may this user open it (group dialout)?",
            )
        return "nobody answers", "check power and network of the meter or gateway, its address and its port"
    if refused.reason is Refusal.CLOSED and not on_line:
        return (
            "nobody answers",
            "it hangs up: is it a Modbus port, and does another program hold the meter's only connection?",
        )
    if not on_line:
        return (
            "nobody answers",
            "check unit number, --framing (tcp or rtu), and behind a gateway the meter's power and wiring (A and B swapped?)",
        )
    return (
        "nobody answers",
        "check power, wiring (A and B swapped?), unit number, baud rate and parity, and that no other master holds the line",
    )


async def probe(
    link: Asks, unit: int, families: Iterable[str] | None = None, where: str = "", *, on_line: bool = True
) -> list[Match]:
    """Return the families that fit, the best first; empty when the meter answers and none fits.

    Args:
        link: To the meter.
        unit: Modbus unit.
        families: Ids to try; by default all.
        where, on_line: For the error's text: what is asked, and whether that is a serial line.

    Raises:
        NobodyAnswersError: No answer of any kind, or none that a Modbus unit gives.
    """
    matches = []
    silent, answered, refused = 0, False, None
    for profile_id in families or list_profiles():
        profile = load_profile(profile_id)
        registers = Registers()
        refused = await _read(link, unit, profile, profile.identity_names, registers)
        if refused is None and _strength(profile, registers):
            refused = await _read(link, unit, profile, tuple(profile.fields), registers)
        answered = answered or refused is None or _is_answer(refused)
        silent = 0 if answered else silent + 1
        if silent >= PATIENCE and refused is not None:
            raise NobodyAnswersError(where, unit, refused, on_line=on_line)
        strength = _strength(profile, registers)
        if not strength or not answered:
            continue
        match = _match(profile, registers, strength)
        if match is not None:
            matches.append(match)
    if not answered and refused is not None:
        raise NobodyAnswersError(where, unit, refused, on_line=on_line)
    return sorted(matches, key=lambda m: (-m.strength, bool(m.faults), not m.plausible, m.profile_id))


def _is_answer(refused: Refused) -> bool:
    """Return whether a unit itself has said no, so that somebody is there who speaks Modbus."""
    return refused.reason is Refusal.EXCEPTION and refused.code not in _NO_TARGET


async def _read(
    link: Asks, unit: int, profile: Profile, names: tuple[str, ...], registers: Registers
) -> Refused | None:
    """Read what covers these fields, block by block; return the last refusal. An optional field may be missing."""
    access = profile.access
    last: Refused | None = None
    wanted = [n for n in names if registers.words(profile.field(n)) is None]
    required = [n for n in wanted if not profile.field(n).optional]
    optional = [n for n in wanted if profile.field(n).optional]
    plan = [(block, True) for block in plan_blocks(profile, required)] if required else []
    plan += [(block, False) for name in optional for block in plan_blocks(profile, [name])]
    for block, must in plan:
        words = await link.read(unit, block, pause_ms=access.pause_ms, connect_pause_ms=access.connect_pause_ms)
        if not isinstance(words, Refused):
            registers.add(block, words)
        elif must:
            last = words
            if words.reason in _NOT_THERE:
                break
    return last


def _strength(profile: Profile, registers: Registers) -> int:
    """Return how strongly identity speaks for a family; 0 when it speaks against it."""
    identity = profile.identity
    faults = identity_faults(profile, registers)
    generic = identity.model_pattern == ".+"
    if any(fault.startswith("model") for fault in faults) or (generic and faults):
        return 0
    if not identity.model:
        return POSSIBLE
    pinned = any(field.expect for field in profile.fields.values())
    if generic:
        return LAYOUT if pinned else POSSIBLE
    # A meter code of 0 is what an old unit says that has none, and what an empty register holds.
    return POSSIBLE if read_model(profile, registers) == "0" else SAYS_SO


def _match(profile: Profile, registers: Registers, strength: int) -> Match | None:
    energy = [read_value(profile, name, registers) for name in (*profile.energy.import_, *profile.energy.export)]
    if any(isinstance(value, NotAvailable) and value.words == () for value in energy):
        return None  # Not even a word where its counters should be.
    plausible = _is_plausible(profile, registers)
    if strength == POSSIBLE and not plausible:
        return None
    lines = tuple(_line(profile, name, registers) for name in profile.fields)
    model = read_model(profile, registers) if profile.identity.model else ""
    return Match(
        profile.id,
        f"{profile.vendor} {profile.model}",
        strength,
        plausible,
        model if isinstance(model, str) else "",
        tuple(identity_faults(profile, registers)),
        lines,
    )


def _is_plausible(profile: Profile, registers: Registers) -> bool:
    """Return whether voltage and frequency, where the family shows them, look like a low-voltage grid's."""
    seen = False
    for name, low, high in (("voltage_l1_v", 80, 300), ("frequency_hz", 45, 65)):
        if name in profile.fields:
            value = read_value(profile, name, registers)
            if not isinstance(value, int | Fraction) or not low <= value <= high:
                return False
            seen = True
    return seen


def _line(profile: Profile, name: str, registers: Registers) -> Line:
    field = profile.field(name)
    words = registers.words(field)
    text = "-" if words is None else " ".join(f"{word:04X}" for word in words)
    return Line(
        name, field.function_code, field.address, text, _shown(field.unit, read_value(profile, name, registers))
    )


def _shown(unit: str, value: Value) -> str:
    if isinstance(value, NotAvailable):
        return f"({value.reason.value.replace('_', ' ')})"
    if isinstance(value, RawCounter):
        return f"{value.to_mwh() // 1000}.{value.to_mwh() % 1000:03d} Wh"
    if isinstance(value, Fraction):
        thousandths = round(value * 1000)
        sign = "-" if thousandths < 0 else ""
        value = f"{sign}{abs(thousandths) // 1000}.{abs(thousandths) % 1000:03d}"
    return f"{value}" if unit == "1" else f"{value} {unit}"


def named(matches: list[Match]) -> Match | None:
    """Return the family that the meter certainly or probably belongs to; None when two fit equally well, or none fits."""
    if not matches or any(m.strength == matches[0].strength for m in matches[1:]):
        return None
    return matches[0]


def render(matches: list[Match], where: str, unit: int, tried: str = "") -> str:
    """Return the page that `campusgrid edge probe` prints; a meter that two families fit equally well is given no name.

    Args:
        matches: As `probe` returned them.
        where, unit: What was asked.
        tried: The one family that was asked for, "" for all.
    """
    if not matches and tried:
        return f"{where} unit {unit} answers, and not as {tried} does. Without --profile every family is tried.\n"
    if not matches:
        return (
            f"{where} unit {unit} answers, and is of no family known here. docs/meters.md lists them; "
            "CONTRIBUTING.md says how to add one.\n"
        )
    best = named(matches)
    if best is None:
        equal = [m for m in matches if m.strength == matches[0].strength]
        lines = [
            f"{where} unit {unit}: NOT NAMED; {len(equal)} families fit equally well ({_STRENGTH[equal[0].strength]}).",
            "  Compare the type plate and the display with these, then ask again with --profile ID:",
        ]
        for match in equal:
            lines += ["", f"  {match.profile_id}, {match.title}"]
            lines += [f"    {line.name}: {line.value}" for line in match.lines if line.value.endswith((" Wh", " W"))]
        return "\n".join(lines) + "\n"
    lines = [f"{where} unit {unit}: {best.profile_id}, {best.title} ({_STRENGTH[best.strength]})"]
    lines += [f"  model register: {best.model}"] if best.model else []
    lines += [f"  NOT SET UP AS ASSUMED: {fault}" for fault in best.faults]
    lines += [f"  also {m.profile_id}: {_STRENGTH[m.strength]}" for m in matches[1:]]
    width = max(len(line.name) for line in best.lines)
    lines += ["", f"  {'register':<{width}}  FC  address          words                value"]
    for line in best.lines:
        lines.append(
            f"  {line.name:<{width}}  {line.function_code:>2}  {line.address:>5} (0x{line.address:04X})  "
            f"{line.words[:19]:<19}  {line.value}"
        )
    return "\n".join(lines) + "\n"


async def probe_at(endpoint: Endpoint, unit: int, families: Iterable[str] | None, timeout_s: float) -> list[Match]:
    """Probe over a link of its own. Raises NobodyAnswersError."""
    link = Link(endpoint, timeout_s=timeout_s)
    try:
        return await probe(link, unit, families, str(endpoint), on_line=isinstance(endpoint, LineSettings))
    finally:
        await link.close()
