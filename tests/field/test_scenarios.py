"""Recorded fault cases, each from a complaint about other systems: no false energy in any, and the right diagnosis."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from field.playing import false_energy, misdiagnosis, played

from edge.track import Change
from firmware_sim.scenario import FOLDER, ScenarioError, cases_markdown, load_scenario
from gridkit.reading import decode_core, encode_core

pytestmark = pytest.mark.integration
CASES = sorted(FOLDER.glob("*.toml"))


def test_fifty_recorded_cases_bring_no_false_energy_and_the_right_diagnosis(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of them has booked energy that never was, or lost some, in a system that people use."""
    false: dict[str, list[str]] = {}
    missed: dict[str, list[str]] = {}
    for path in CASES:
        scenario = load_scenario(path)
        campus = played(scenario, tmp_path / path.stem)
        if wrong := false_energy(scenario, campus):
            false[path.stem] = wrong
        if said := misdiagnosis(scenario, campus):
            missed[path.stem] = said
    with capsys.disabled():
        print(
            f"\nscenarios: {len(CASES)} played, false energy in {len(false)}, right diagnosis in {len(CASES) - len(missed)}"
        )
    assert len(CASES) >= 50
    assert false == {}
    assert missed == {}


BELIEVED = """
title = "A leap over one quarter hour"
source = "the judge"
minutes = 60

[[meters]]
profile = "eastron-sdm630"

[[steps]]
at = "00:29:50"
do = "fault"
fault = { kind = "jump", offset_wh = 40 }

[[steps]]
at = "00:30:30"
do = "heal"
"""


def test_a_wrong_register_that_were_believed_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge must be able to say no: the agent believes whatever a meter shows, and it shows forty watt-hours too many."""
    monkeypatch.setattr("edge.track.judge_register", lambda trusted_wh, shown_wh, **_: Change.RISE)
    path = tmp_path / "believed.toml"
    path.write_text(BELIEVED)
    campus = played(load_scenario(path), tmp_path / "field")
    wrong = campus.false_energy()
    assert any("import grew by" in what and "since" not in what for what in wrong), wrong
    assert any("export grew by" in what for what in wrong)


def test_an_interval_whose_register_is_of_another_minute_would_be_seen(tmp_path: Path) -> None:
    """Energy that is right in sum and in the wrong quarter hour is sold at the wrong price."""
    campus = played(load_scenario(FOLDER / "polled-too-fast.toml"), tmp_path)
    assert campus.false_energy() == []
    key, early, late = next(
        (key, early, late)
        for (key, early), (_, late) in pairwise(sorted(campus.bridge.stored.items()))
        if decode_core(early[:47]).import_wh < decode_core(late[:47]).import_wh
    )
    moved = msgspec.structs.replace(decode_core(early[:47]), import_wh=decode_core(late[:47]).import_wh)
    campus.bridge.stored[key] = encode_core(moved) + early[47:]
    assert any(f"interval {key[2]}: import is" in what for what in campus.false_energy())


def test_every_case_has_a_source_of_its_own() -> None:
    """Fifty variations of one complaint are one case."""
    sources = [load_scenario(path).source for path in CASES]
    assert len(set(sources)) == len(sources)
    assert all("#" in source for source in sources)


def test_the_docs_list_every_case_and_what_is_said() -> None:
    """Whoever has had such a night looks there for what we say to it."""
    page = (FOLDER.parents[1] / "docs" / "simulator.md").read_text()
    assert cases_markdown() in page, "run: python -m firmware_sim.scenario, and put it in docs/simulator.md"


def test_every_trouble_that_is_told_is_in_the_docs_with_its_remedy() -> None:
    """A code in an alarm at night wants a page to look it up."""
    page = (FOLDER.parents[1] / "docs" / "edge.md").read_text()
    told = {code for path in CASES for code in load_scenario(path).expect.diagnoses}
    assert [code for code in sorted(told) if f"| `{code}` |" not in page] == []


GOOD = """title = "Dead"
source = "me"
minutes = 60

[[meters]]
profile = "eastron-sdm630"

[[steps]]
at = "00:20"
do = "fault"
fault = { kind = "dead" }

[[steps]]
at = "00:40"
do = "heal"
"""


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


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("", ""), ""),
        (('at = "00:20"', 'at = "00:20"\nwhen = "now"'), "line 8, step 1: .*`when`; there are at, do, meter"),
        (('kind = "dead"', 'kind = "dead", hue = 1'), "line 8, step 1, fault: .*`hue`; there are kind, count"),
        (('kind = "dead"', 'kind = "late", delay_ms = -5'), "line 8, step 1, fault.delay_ms: .*>= 1"),
        (('kind = "dead"', 'kind = "dead", code = 4'), "does not read code"),
        (('kind = "dead"', 'kind = "bad_crc"'), "on a serial line"),
        (('at = "00:40"', 'at = "-00:40"'), "line 13, step 2: .*hours:minutes"),
        (('at = "00:40"', 'at = "00:10"'), r"step 2 \(00:10\): no fault at all is on"),
        (
            ('do = "heal"', 'do = "fault"\nfault = { kind = "dead" }'),
            "line 13, step 2 .*dead is on since 00:20: heal it",
        ),
        (('do = "heal"', 'do = "heal"\nkind = "late"'), "no fault late is on at meter 1"),
        (('do = "heal"', 'do = "heal"\nmeter = 2'), "no meter 2; there are 1"),
        (('do = "heal"', 'do = "start"'), "there has been no kill before"),
        (('do = "heal"', 'do = "power_off"\n[[steps]]\nat = "00:50"\ndo = "power_off"'), "since 00:40 already"),
        (('do = "heal"', 'do = "swap"'), "wants `serial`"),
        (('do = "heal"', 'do = "swap"\nserial = "BY1"'), "serial register"),
        (('do = "heal"', 'do = "clock_step"'), "wants `seconds`"),
        (('do = "heal"', 'do = "heal"\nseconds = 5'), 'seconds belongs to do = "clock_step"'),
        (("sdm630", "sdm999"), "line 5, meter 1: .*no such family"),
        (('"eastron-sdm630"', '"eastron-sdm630"\nload = "G9"'), "line 5, meter 1: .*no series 'G9'"),
    ],
)
def test_a_scenario_that_was_meant_otherwise_names_line_and_remedy(
    tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    """A step that changes nothing proves nothing, and whoever wrote it does not know."""
    path = tmp_path / "scenario.toml"
    assert change[0] in GOOD
    path.write_text(GOOD.replace(*change))
    if not says:
        assert load_scenario(path).steps[1].do == "heal"
        return
    with pytest.raises(ScenarioError, match=says) as told:
        load_scenario(path)
    assert str(told.value).startswith(f"{path}: ")
