"""Recorded fault cases, each from a complaint about other systems: no false energy in any, and the right diagnosis."""

from __future__ import annotations

from pathlib import Path

import pytest
from field.campus import Campus
from field.stepped import run_stepped

from firmware_sim.scenario import FOLDER, Scenario, ScenarioError, load_scenario

pytestmark = pytest.mark.integration
CASES = sorted(FOLDER.glob("*.toml"))


def played(scenario: Scenario, folder: Path) -> Campus:
    """Play a scenario from its start to its end."""

    async def play() -> Campus:
        async with Campus(folder, scenario.meters, poll_s=scenario.poll_s) as campus:
            await campus.play(scenario)
        return campus

    return run_stepped(play())


def misdiagnosis(scenario: Scenario, campus: Campus) -> list[str]:
    """Return where what the agent said differs from the right diagnosis."""
    expect = scenario.expect
    wrong = []
    for name, said, right in (
        ("flags", campus.flags(), expect.flags),
        ("refusals", set(campus.refusals), expect.refusals),
    ):
        if said != set(right):
            wrong.append(f"{name}: {sorted(said)} and not {sorted(right)}")
    metrics = {name.removeprefix("campusgrid_edge_") for name in campus.metrics}
    for name, said, right in (
        ("outcomes", set(campus.outcomes), expect.outcomes),
        ("states", campus.states, expect.states),
        ("metrics", metrics, expect.metrics),
    ):
        if missing := set(right) - said:
            wrong.append(f"{name}: no {', '.join(sorted(missing))}")
    return wrong


def test_fifty_recorded_cases_bring_no_false_energy_and_the_right_diagnosis(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of them has booked energy that never was, or lost some, in a system that people use."""
    false: dict[str, list[str]] = {}
    missed: dict[str, list[str]] = {}
    for path in CASES:
        scenario = load_scenario(path)
        campus = played(scenario, tmp_path / path.stem)
        wrong = campus.false_energy(lags=scenario.expect.lags)
        if waiting := campus.waiting():
            wrong.append(f"{waiting} readings never receipted")
        if wrong:
            false[path.stem] = wrong
        if said := misdiagnosis(scenario, campus):
            missed[path.stem] = said
    with capsys.disabled():
        print(
            f"\nscenarios: {len(CASES)} played, false energy in {len(false)}, right diagnosis in {len(CASES) - len(missed)}"
        )
    assert len(CASES) >= 50
    assert false == {}
    assert len(missed) <= len(CASES) // 25, missed


def test_a_wrong_register_that_were_believed_would_be_seen(tmp_path: Path) -> None:
    """The judge must be able to say no: readings whose registers are not the truth's."""
    scenario = load_scenario(FOLDER / "polled-too-fast.toml")
    campus = played(scenario, tmp_path)
    assert campus.false_energy() == []
    meter = campus.places[0].meter
    truly = meter.true_energy
    meter.true_energy = lambda ns: truly(ns)._replace(import_mwh=truly(ns).import_mwh * 2)  # type: ignore[method-assign]
    assert any("import grew" in what for what in campus.false_energy())


def test_every_case_has_a_source_of_its_own() -> None:
    """Fifty variations of one complaint are one case."""
    sources = [load_scenario(path).source for path in CASES]
    assert len(set(sources)) == len(sources)
    assert all("#" in source for source in sources)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("minutes = 60", "minutes = 5"), "minutes"),
        (('at = "00:20"', 'at = "20 past"'), "hours:minutes"),
        (('at = "00:20"', 'at = "03:20"'), "after the end"),
        (('do = "fault"', 'do = "explode"'), "explode"),
        (('do = "fault"', 'do = "heal"'), "belong together"),
        (('kind = "glitch_zero"', 'kind = "gremlin"'), "no fault 'gremlin'"),
        (('do = "fault"', 'do = "fault"\nmeter = 2'), "no meter 2"),
        (("[expect]", "[expects]"), "expects"),
        (("title = ", "title "), "scenario.toml"),
    ],
)
def test_a_scenario_that_cannot_be_played_says_why(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    """A step that is silently left out would prove nothing."""
    path = tmp_path / "scenario.toml"
    good = (FOLDER / "zero-in-place-of-the-counter.toml").read_text()
    path.write_text(good.replace(*change))
    with pytest.raises(ScenarioError, match=says):
        load_scenario(path)
