"""What a look at a running box brings of its agents."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from deploy.observe import Observer
from deploy.ports import Ports
from deploy.site import Site
from gridkit.agent_status import AgentSilentError, AgentStatus, MeterStatus, told
from gridkit.enrolment import format_meter_id


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, Ports(), 60, 60)


def test_an_agents_meters_have_the_labels_by_which_people_know_them(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A label of more than sixteen characters is a hash in the registry; nobody finds that on a door."""
    long = next(meter for meter in site.fleet if len(meter.label) > 16)
    said = AgentStatus(
        agent="e",
        now_ms=5,
        meters=[MeterStatus(meter_id=format_meter_id(site.meter_id(long))), MeterStatus(meter_id="X")],
    )
    monkeypatch.setattr("gridkit.agent_status.ask", lambda host, port: msgspec.json.encode(said))
    seen = Observer(site, cast(Any, None)).agent(long.agent, 0)
    assert [meter.meter_id for meter in seen.meters] == [long.label, "X"]


def test_an_agent_that_does_not_answer_is_told_for_each_of_its_meters(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A box whose agent is dead showed the same table as one that is well, with figures that stood still."""

    def nobody(host: str, port: int) -> bytes:
        raise AgentSilentError(f"{host}:{port}", "refused")

    monkeypatch.setattr("gridkit.agent_status.ask", nobody)
    seen = Observer(site, cast(Any, None)).agent(1, 7)
    assert not seen.is_well
    assert [meter.meter_id for meter in seen.meters] == [meter.label for meter in site.meters_of(1)]
    assert f"{site.agent_metrics(1)}: refused" in "".join(told(seen))
