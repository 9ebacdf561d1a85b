"""Scenarios in files: what happens to which meter and to the agent beside it at which campus time, and what must be seen.

Decides what a scenario file may say. Playing it is up to whoever owns the parts: the tests drive the agent's own code
against these meters, step by step (tests/field).

    title = "Zero in place of the counter for two reads"
    source = "home-assistant/core#182493"
    minutes = 90                           # campus time from the start of a quarter hour

    [[meters]]
    profile = "eastron-sdm630"

    [[steps]]
    at = "00:20"                           # hours:minutes[:seconds] after the start
    do = "fault"
    fault = { kind = "glitch_zero", count = 2 }

    [expect]
    flags = ["glitch_rejected"]            # quality flags of all readings together, exactly these
    refusals = []                          # reasons of refused polls, exactly these
    outcomes = ["glitch_over"]             # among what samples were taken for
    states = ["question"]                  # among what the meter's status said
    metrics = ["backlog"]                  # counters and gauges of the agent that were above zero at some time
    diagnoses = ["register_jumped"]        # troubles that the agent has told the electrician of, exactly these
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from firmware_sim.errors import SimError
from firmware_sim.faults import MENU, FaultOrder

FOLDER: Final = Path(__file__).with_name("scenarios")
_AT: Final = re.compile(r"(\d{2,3}):([0-5]\d)(?::([0-5]\d))?")

Deed = Literal[
    "fault",  # switch `fault` on
    "heal",  # take fault `kind` off, or all
    "power_off",  # the meter's port is closed
    "power_on",
    "swap",  # another meter of the family, with serial `serial`, takes the place
    "approve",  # the operator approves a new register epoch
    "kill",  # the agent is gone without a word
    "start",
    "broker_away",
    "broker_back",
    "bridge_silent",  # readings arrive and are not receipted
    "bridge_back",
    "clock_step",  # the agent's clock is set by `seconds`
    "clock_doubt",  # nobody vouches for the agent's clock
    "clock_trust",
    "disk_full",
    "disk_free",
    "stranger_comes",  # another client connects to the meter and stays
    "stranger_goes",
    "spool_damage",  # the spool's file is overwritten in its middle; the agent is gone, or is using it
    "configure",  # the signed configuration in use comes again
]


class ScenarioError(SimError):
    """A scenario file cannot be played: which one, and what is wrong."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class ScenarioMeter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One meter. Series and powers as in the [sim] table; `serial` "" takes one that fits the family."""

    profile: str
    serial: str = ""
    load: str = "G1-A"
    load_w: Annotated[int, msgspec.Meta(ge=0)] = 20_000
    pv: str = "PV1"
    pv_w: Annotated[int, msgspec.Meta(ge=0)] = 30_000
    max_power_w: Annotated[int, msgspec.Meta(ge=1)] = 60_000
    rtu: bool = False
    """Behind a gateway that passes RTU frames; meters that say so share one line."""
    read_as: str = ""
    """Family that the agent was told it is; "" the true one."""
    roof_alone: bool = False
    """The agent was told that it counts a solar roof and nothing else."""


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that happens; `meter` counts from 1."""

    at: str
    do: Deed
    meter: Annotated[int, msgspec.Meta(ge=1)] = 1
    fault: FaultOrder | None = None
    kind: str = ""
    serial: str = ""
    seconds: int = 0

    @property
    def at_s(self) -> int:
        """Campus seconds after the start."""
        hours, minutes, seconds = _clock(self.at)
        return 3600 * hours + 60 * minutes + seconds


class Expect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The right diagnosis."""

    flags: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    diagnoses: tuple[str, ...] = ()
    commits: int = -1
    """Transactions by which readings were kept on the card, exactly so many; -1: any number."""
    exceptions: int = -1
    """Exceptions that the meters answered, exactly so many; -1: any number."""
    forgets: bool = False
    """The agent has lost what it knew of earlier readings: one of them does not name the one before as its opening."""
    unread: bool = False
    """Not one reading is made, since nobody would vouch for it."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole file."""

    title: str
    source: str
    minutes: Annotated[int, msgspec.Meta(ge=15, le=44_640)]
    meters: Annotated[tuple[ScenarioMeter, ...], msgspec.Meta(min_length=1)]
    steps: tuple[Step, ...] = ()
    expect: Expect = Expect()
    poll_s: Annotated[int, msgspec.Meta(ge=1, le=900)] = 60
    start_h: Annotated[int, msgspec.Meta(ge=0, le=23)] = 0
    """Campus hours after 10:00 local on the sunny 24 May."""
    certificate_days: int | None = None
    """The agent has a client certificate that runs out in so many days."""


def load_scenario(path: Path) -> Scenario:
    """Return a file's scenario, its steps in the order of their times.

    Raises:
        ScenarioError: It is not TOML, says what no scenario says, or a step cannot be done.
    """
    try:
        scenario = msgspec.convert(tomllib.loads(path.read_text()), Scenario)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ScenarioError(path, str(error)) from error
    for number, step in enumerate(scenario.steps, 1):
        problem = _problem(step, scenario)
        if problem:
            raise ScenarioError(path, f"step {number}: {problem}")
    return msgspec.structs.replace(scenario, steps=tuple(sorted(scenario.steps, key=lambda step: step.at_s)))


def _problem(step: Step, scenario: Scenario) -> str:
    if not _AT.fullmatch(step.at):
        return f'at = "{step.at}" is not hours:minutes or hours:minutes:seconds'
    if step.at_s > 60 * scenario.minutes:
        return f"{step.at} lies after the end ({scenario.minutes} minutes)"
    if step.meter > len(scenario.meters):
        return f"there is no meter {step.meter}"
    if (step.do == "fault") != (step.fault is not None):
        return 'do = "fault" and a fault belong together'
    kind = step.fault.kind if step.fault else step.kind
    if kind and kind not in MENU:
        return f"no fault {kind!r}; the menu: {', '.join(MENU)}"
    return ""


def _clock(text: str) -> tuple[int, int, int]:
    found = _AT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return int(found[1]), int(found[2]), int(found[3] or 0)


def cases_markdown() -> str:
    """Return the table of all cases that docs/simulator.md holds: complaint, what happens, file, and what the agent must say."""
    lines = ["| complaint | what happens | file | what is said |", "|---|---|---|---|"]
    for path in sorted(FOLDER.glob("*.toml")):
        scenario = load_scenario(path)
        lines.append(f"| {_link(scenario.source)} | {scenario.title} | `{path.stem}` | {_said(scenario.expect)} |")
    return "\n".join(lines) + "\n"


def _link(source: str) -> str:
    repository, _, number = source.partition("#")
    return f"[{source}](https://github.com/{repository}/issues/{number})"


def _said(expect: Expect) -> str:
    parts = [f"**{code}**" for code in expect.diagnoses]
    parts += [f"poll refused: {reason}" for reason in expect.refusals]
    parts += [f"`{flag}`" for flag in expect.flags]
    return ", ".join(parts) or "nothing: nothing is wrong"


if __name__ == "__main__":
    print(cases_markdown(), end="")
