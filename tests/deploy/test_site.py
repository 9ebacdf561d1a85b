"""One box's paths and names."""

from __future__ import annotations

from pathlib import Path

from deploy.ports import Ports
from deploy.site import Site


def test_no_two_meters_of_a_large_fleet_share_an_id(tmp_path: Path) -> None:
    """Long labels that differ only at their end must not become one meter in the registry."""
    site = Site(tmp_path, Ports(), 60, 60)
    assert len({site.meter_id(meter) for meter in site.fleet}) == 60
    assert {len(site.meter_id(meter)) for meter in site.fleet} == {16}
