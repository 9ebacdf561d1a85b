"""Decides what an edge agent's `/status` holds, and how the troubles in it are told to a person: one form for every console.

The texts are the agent's (`edge/troubles.py`); only that an agent does not answer is said here, for it cannot say so itself.
"""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from typing import Final

import msgspec

EXIT_TROUBLE: Final = 4
"""Exit status of a command that looked, and found a meter in trouble."""
SILENT_REMEDY: Final = (
    "See whether the agent runs, and start it: `systemctl status campusgrid-edge`, or its log. "
    "The meters count on: no energy is lost."
)
_ASK_S: Final = 2.0
_UNITS_S: Final = ((86_400, "days"), (3_600, "h"), (60, "min"), (1, "s"))


class AgentSilentError(Exception):
    """Nobody, or no agent, answers at `address`."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"no agent answers at {address}: {why}")
        self.address = address


class Trouble(msgspec.Struct, frozen=True):
    """One trouble: its code, campus ms since when (0: nobody knows), why, and what to do."""

    code: str
    since_ms: int
    why: str
    remedy: str


class MeterStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one meter: its id, the serial that it should have ("" where none is known), and its troubles, the gravest first."""

    meter_id: str
    expected_serial: str = ""
    diagnosis: list[Trouble] = []


class AgentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent says of itself; `now_ms` is its campus time."""

    agent: str
    now_ms: int
    meters: list[MeterStatus]

    @property
    def is_well(self) -> bool:
        """Whether no meter is in trouble."""
        return not any(meter.diagnosis for meter in self.meters)


def ask(host: str, port: int) -> bytes:
    """Return the JSON of an agent's `/status`.

    Raises:
        AgentSilentError: There is none.
    """
    import http.client  # The agent itself never asks, and does without.
    import urllib.error
    import urllib.request

    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        with urllib.request.urlopen(f"http://{place}/status", timeout=_ASK_S) as answer:
            return bytes(answer.read())
    except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
        raise AgentSilentError(place, str(getattr(error, "reason", error))) from error


def decode(body: bytes, address: str) -> AgentStatus:
    """Return what `ask` brought.

    Raises:
        AgentSilentError: It is no agent's status.
    """
    try:
        return msgspec.json.decode(body, type=AgentStatus)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AgentSilentError(address, f"not an agent's status ({error})") from error


def silent(agent: str, meters: list[MeterStatus], now_ms: int, why: str) -> AgentStatus:
    """Return what is to be said of the meters of an agent that does not answer."""
    trouble = Trouble("agent_silent", 0, f"{why}; nobody reads its meters", SILENT_REMEDY)
    return AgentStatus(
        agent=agent, now_ms=now_ms, meters=[msgspec.structs.replace(meter, diagnosis=[trouble]) for meter in meters]
    )


def told(status: AgentStatus, width: int = 100) -> list[str]:
    """Return the lines that tell all troubles of an agent's meters: which, since when, why, what to do; none where all is well.

    What ails several meters alike is told once.

    Args:
        status: Of one agent.
        width: Columns to wrap at.
    """
    alike: dict[tuple[str, str, str], list[tuple[MeterStatus, int]]] = {}
    for meter in status.meters:
        for trouble in meter.diagnosis:
            key = (trouble.code, trouble.why, trouble.remedy)
            alike.setdefault(key, []).append((meter, trouble.since_ms))
    lines: list[str] = []
    for (code, why, remedy), found in alike.items():
        since_ms = min(since for _, since in found)
        for first, text in (
            ("", f"{_which(status, [meter for meter, _ in found])}: {code}, {_since(since_ms, status.now_ms)}"),
            ("  why: ", why),
            ("  do:  ", remedy),
        ):
            lines += textwrap.wrap(
                text, width, initial_indent=first, subsequent_indent=" " * (len(first) or 4), break_on_hyphens=False
            )
    return lines


def summary(statuses: list[AgentStatus]) -> str:
    """Return in one line how many meters there are, and how many are in trouble."""
    meters = [meter for status in statuses for meter in status.meters]
    ill = sum(bool(meter.diagnosis) for meter in meters)
    return f"{len(meters)} meters, {ill} in trouble" if ill else f"{len(meters)} meters, all is well"


def _which(status: AgentStatus, meters: list[MeterStatus]) -> str:
    if len(meters) == len(status.meters) > 1:
        return f"all {len(meters)} meters of {status.agent}"
    return ", ".join(f"{meter.meter_id} (serial {meter.expected_serial or 'not known'})" for meter in meters)


def _since(since_ms: int, now_ms: int) -> str:
    if not since_ms:
        return "nobody knows since when"
    return f"since {datetime.fromtimestamp(since_ms // 1000, UTC):%Y-%m-%d %H:%M} UTC, for {_length(max(0, now_ms - since_ms) // 1000)}"


def _length(length_s: int) -> str:
    """Return a length of time in the largest unit of which there are two: it is to be read at a glance."""
    size_s, unit = next((row for row in _UNITS_S if length_s >= 2 * row[0]), _UNITS_S[-1])
    return f"{length_s // size_s} {unit}"
