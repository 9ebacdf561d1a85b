"""Days of campus time in one process: what the quarter hours of each day add up to is what the registers have grown by."""

from __future__ import annotations

from pathlib import Path

import pytest
from field.campus import Campus
from field.stepped import run_stepped

from firmware_sim.scenario import ScenarioMeter
from gridkit.quality import NO_POST_MASK

pytestmark = pytest.mark.integration
DAY = 96
METERS = (ScenarioMeter(profile="abb-b23"), ScenarioMeter(profile="schneider-iem3155"))


@pytest.mark.parametrize("days", [2, pytest.param(31, marks=[pytest.mark.soak, pytest.mark.timeout(2_400)])])
def test_every_days_quarter_hours_add_up_to_the_registers_difference(tmp_path: Path, days: int) -> None:
    """A kilowatt-hour that the rounding of quarter hours eats is missing on somebody's bill."""

    async def live() -> Campus:
        async with Campus(tmp_path, METERS, poll_s=280) as campus:
            await campus.until(days * 86_400 + 60)
            await campus.settled()
        return campus

    campus = run_stepped(live())
    assert campus.false_energy() == []
    assert campus.waiting() == 0
    for place in campus.places:
        readings = campus.bridge.readings(place.number)
        assert len(readings) == DAY * days + 1
        assert not any(core.quality & NO_POST_MASK for core, _ in readings)
        for day in range(days):
            of_day = readings[1 + DAY * day : 1 + DAY * (day + 1)]
            opening, closing = readings[DAY * day][0], of_day[-1][0]
            imported = [core.import_wh - detail.opening_import_wh for core, detail in of_day]
            exported = [core.export_wh - detail.opening_export_wh for core, detail in of_day]
            assert sum(imported) == closing.import_wh - opening.import_wh > 0
            # On an overcast day nothing is fed in.
            assert sum(exported) == closing.export_wh - opening.export_wh
            assert min(imported + exported) >= 0
        assert readings[-1][0].export_wh > readings[0][0].export_wh
