"""Recorded fault cases, each from a complaint about other systems: no false energy in any, and the right diagnosis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from field.campus import NS, START_NS, Campus
from field.stepped import run_stepped

from edge.track import Change
from firmware_sim.scenario import FOLDER, Scenario, ScenarioError, cases_markdown, load_scenario
from gridkit.reading import decode_core, encode_core

pytestmark = pytest.mark.integration
CASES = sorted(FOLDER.glob("*.toml"))


def played(scenario: Scenario, folder: Path) -> Campus:
    """Play a scenario from its start to its end."""

    start_ns = START_NS + scenario.start_h * 3600 * NS
    certificate = None if scenario.certificate_days is None else make_certificate(folder, scenario.certificate_days)

    async def play() -> Campus:
        async with Campus(
            folder, scenario.meters, poll_s=scenario.poll_s, start_ns=start_ns, certificate=certificate
        ) as campus:
            await campus.play(scenario)
        return campus

    return run_stepped(play())


def make_certificate(folder: Path, days: int) -> Path:
    """Write a client certificate that runs out in so many days and twelve hours."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "e1")])
    until = datetime.now(UTC) + timedelta(days=days, hours=12)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(until - timedelta(days=365))
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "client.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


def misdiagnosis(scenario: Scenario, campus: Campus) -> list[str]:
    """Return where what the agent said differs from the right diagnosis."""
    expect = scenario.expect
    wrong = []
    for name, said, right in (
        ("flags", campus.flags(), expect.flags),
        ("refusals", set(campus.refusals), expect.refusals),
        ("diagnoses", campus.diagnoses, expect.diagnoses),
    ):
        if said != set(right):
            wrong.append(f"{name}: {sorted(said)} and not {sorted(right)}")
    exceptions = sum(place.port.counts.exceptions for place in campus.places)
    if expect.exceptions not in (-1, exceptions):
        wrong.append(f"exceptions: {exceptions} and not {expect.exceptions}")
    if expect.commits not in (-1, campus.commits):
        wrong.append(f"commits: {campus.commits} and not {expect.commits}")
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
        wrong = campus.false_energy()
        if scenario.expect.forgets:
            wrong = [what for what in wrong if "does not begin where" not in what]
        if scenario.expect.unread and all(what.endswith("no measured reading") for what in wrong):
            wrong = [] if wrong else ["a reading was made"]
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
