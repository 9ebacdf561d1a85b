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
from firmware_sim.faults import MENU, FaultOrder, order_problem
from firmware_sim.meter import SimMeter
from firmware_sim.settings import MeterSettings
from gridkit.profile import ProfileError, load_profile

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
        ScenarioError: It is not TOML, says what no scenario says, or a step cannot be done or would change nothing.
    """
    try:
        text = path.read_text()
        scenario = msgspec.convert(tomllib.loads(text), Scenario)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(path, str(error)) from error
    except msgspec.ValidationError as error:
        raise ScenarioError(path, _told(str(error), text)) from error
    meters = []
    for index, told in enumerate(scenario.meters):
        try:
            load_profile(told.read_as or told.profile)
            meters.append(SimMeter(settings_of(told, index)))
        except (SimError, ProfileError) as error:
            raise ScenarioError(path, f"{_place('meters', index, text)}: {error}") from error
    serials = [meter.serial for meter in meters]
    if len(set(serials)) < len(serials):
        raise ScenarioError(
            path, f"two meters have one serial ({', '.join(serials)}); give each its own or leave it out"
        )
    course = Course(scenario, meters)
    order = range(len(scenario.steps))
    for index in order:
        problem = _problem(scenario.steps[index], scenario)
        if problem:
            raise ScenarioError(path, f"{_place('steps', index, text)}: {problem}")
    for index in sorted(order, key=lambda index: scenario.steps[index].at_s):
        problem = course.problem(scenario.steps[index])
        if problem:
            raise ScenarioError(path, f"{_place('steps', index, text)} ({scenario.steps[index].at}): {problem}")
    return msgspec.structs.replace(scenario, steps=tuple(sorted(scenario.steps, key=lambda step: step.at_s)))


def settings_of(told: ScenarioMeter, index: int, serial: str = "", line: str = "riser") -> MeterSettings:
    """Return the simulated meter in place `index`, from 0; `serial` "" is the file's, or one that fits the family."""
    fits = _SERIALS.get(told.profile.split("-")[0], "{}").format(4100 + index)
    return MeterSettings(
        serial=serial or told.serial or fits,
        profile=told.profile,
        line=line if told.rtu else "",
        unit=index + 1 if told.rtu else 1,
        load=told.load,
        load_w=told.load_w,
        pv=told.pv,
        pv_w=told.pv_w,
    )


_SERIALS: Final = {"gavazzi": "BY0420{:06d}", "siemens": "LQN/24050000{}", "sunspec": "SN-{}"}
_PAIRS: Final = {  # what a deed begins or ends: its name, whether it begins it, and who else it is done to
    "power_off": ("power_off", True, "meter"),
    "power_on": ("power_off", False, "meter"),
    "kill": ("kill", True, ""),
    "start": ("kill", False, ""),
    "broker_away": ("broker_away", True, ""),
    "broker_back": ("broker_away", False, ""),
    "bridge_silent": ("bridge_silent", True, ""),
    "bridge_back": ("bridge_silent", False, ""),
    "clock_doubt": ("clock_doubt", True, ""),
    "clock_trust": ("clock_doubt", False, ""),
    "disk_full": ("disk_full", True, ""),
    "disk_free": ("disk_full", False, ""),
    "stranger_comes": ("stranger_comes", True, ""),
    "stranger_goes": ("stranger_comes", False, ""),
}
_WANTED_BY: Final = {"fault": "fault", "serial": "swap", "seconds": "clock_step", "kind": "heal"}


class Course:
    """What is the case from step to step: a step that would change nothing was meant otherwise."""

    def __init__(self, scenario: Scenario, meters: list[SimMeter]) -> None:
        self._told, self._meters = scenario.meters, meters
        self._since: dict[tuple[str, int], str] = {}
        self._faults: dict[int, dict[str, Step]] = {}

    def problem(self, step: Step) -> str:
        """Take the next step; return why it cannot be, and what to do, or ""."""
        told, meter = self._told[step.meter - 1], self._meters[step.meter - 1]
        if told.rtu and step.do in ("power_off", "power_on", "swap"):
            return f"{step.do} of a meter on the shared line (rtu = true) cannot be played; use a fault, or rtu = false"
        if step.do in _PAIRS:
            return self._pair(step)
        faults = self._faults.setdefault(step.meter, {})
        if step.do == "swap":
            faults.clear()
            try:
                self._meters[step.meter - 1] = SimMeter(settings_of(told, step.meter - 1, step.serial))
            except SimError as error:
                return str(error)
        if step.do == "fault" and step.fault is not None:
            before = faults.get(step.fault.kind)
            if before is not None and before.fault is not None and before.fault.count is None:
                return f"{step.fault.kind} is on since {before.at}: heal it before, or give that one a count"
            faults[step.fault.kind] = step
            return order_problem(step.fault, meter)
        if step.do == "heal":
            if not (step.kind in faults if step.kind else faults):
                return (
                    f"no fault {step.kind or 'at all'} is on at meter {step.meter}; order it before, or leave this out"
                )
            gone = [step.kind] if step.kind else list(faults)
            for kind in gone:
                del faults[kind]
        return ""

    def _pair(self, step: Step) -> str:
        name, begins, whose = _PAIRS[step.do]
        key = (name, step.meter if whose else 0)
        since = self._since.pop(key, None)
        if begins:
            self._since[key] = since or step.at
            return f"{name} since {since} already; end it before, or leave this out" if since else ""
        return "" if since else f"there has been no {name} before; put one there, or leave this out"


def _told(error: str, text: str) -> str:
    """A schema's complaint with the place in the file, and for a word that is none, those that there are."""
    found = re.search(r" - at `\$\.?([a-z]*)(?:\[(\d+)\])?\.?(.*)`$", error)
    table, number, below = found.groups() if found else ("", None, "")
    if found and number is not None:
        field = f", {below}" if below else ""
        error = f"{_place(table, int(number), text)}{field}: {error[: found.start()]}"
    if "unknown field" in error:
        kinds = {"meters": ScenarioMeter, "steps": FaultOrder if below == "fault" else Step, "expect": Expect}
        error += f"; there are {', '.join(f.name for f in msgspec.structs.fields(kinds.get(table, Scenario)))}"
    return error


def _place(table: str, index: int, text: str) -> str:
    """Where the file says it, as far as it is written one table below the other."""
    heads = [number for number, line in enumerate(text.splitlines(), 1) if line.split("#")[0].strip() == f"[[{table}]]"]
    line = f"line {heads[index]}, " if index < len(heads) else ""
    return f"{line}{table.removesuffix('s')} {index + 1}"


def _problem(step: Step, scenario: Scenario) -> str:
    if not _AT.fullmatch(step.at):
        return f'at = "{step.at}" is not hours:minutes or hours:minutes:seconds, as "00:20"'
    if step.at_s > 60 * scenario.minutes:
        return f"at = {step.at} lies after the end ({scenario.minutes} minutes); raise `minutes` or do it earlier"
    if step.meter > len(scenario.meters):
        return f"there is no meter {step.meter}; there are {len(scenario.meters)}, counted from 1"
    if (step.do == "fault") != (step.fault is not None):
        return 'do = "fault" and a fault belong together'
    for field, deed in _WANTED_BY.items():
        if getattr(step, field) and step.do != deed:
            return f'{field} belongs to do = "{deed}", and this is "{step.do}"'
    if step.do == "swap" and not step.serial:
        return 'do = "swap" wants `serial`, that of the other meter'
    if step.do == "clock_step" and not step.seconds:
        return 'do = "clock_step" wants `seconds`, by how much; -3600 is an hour back'
    if step.kind and step.kind not in MENU:
        return f"no fault {step.kind!r}; the menu: {', '.join(MENU)}"
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
