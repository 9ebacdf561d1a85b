"""The default fleet and its configuration file."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware_sim.errors import FleetError
from firmware_sim.fleet import default_fleet, render_config
from firmware_sim.meter import SimMeter
from firmware_sim.series import campus_start_ns
from firmware_sim.settings import SimSettings
from gridkit.settings import load

START = campus_start_ns()


def test_default_fleet_has_eight_families_in_two_zones() -> None:
    """The first thing a visitor sees must show more than one kind of meter and more than one zone."""
    fleet = default_fleet()
    assert len(fleet) == 8
    assert len({m.settings.profile for m in fleet}) >= 4
    assert {m.zone for m in fleet} == {1, 2}
    assert {m.agent for m in fleet} == {1, 2}
    assert len({m.settings.port for m in fleet}) == 8
    assert sum(m.settings.kind != "consumer" for m in fleet) >= 4
    assert len({m.owner for m in fleet}) == 7  # the roof and the canteen are one owner's


@pytest.mark.parametrize("count", [1, 8, 9, 60])
def test_fleet_of_any_size_is_buildable_and_unique(count: int) -> None:
    """`up --meters N` takes any N."""
    fleet = default_fleet(count)
    assert len({m.settings.serial for m in fleet}) == count
    assert len({m.settings.port for m in fleet}) == count
    assert len({m.label for m in fleet}) == count
    for m in fleet:
        SimMeter(m.settings)


def test_large_fleet_stays_within_a_zones_slots() -> None:
    """A zone of the ledger holds 256 meters."""
    fleet = default_fleet(1000)
    for zone in {m.zone for m in fleet}:
        assert sum(m.zone == zone for m in fleet) <= 250


def test_no_quarter_hour_exceeds_the_suggested_bound() -> None:
    """The chain refuses energy above the bound: an honest meter must never reach it. A sunny week, every quarter."""
    for m in default_fleet(16):
        meter = SimMeter(m.settings)
        before = meter.true_energy(START)
        for quarter in range(1, 7 * 96):
            after = meter.true_energy(START + quarter * 900 * 10**9)
            assert after.import_mwh - before.import_mwh <= m.max_wh_interval * 1000, m.label
            assert after.export_mwh - before.export_mwh <= m.max_wh_interval * 1000, m.label
            before = after


def test_written_configuration_reads_back_the_same(tmp_path: Path) -> None:
    """Whoever starts the simulator writes its file with this; a lost field would move a meter."""
    settings = SimSettings(
        home=tmp_path / 'with "quotes" and \\',
        clock=tmp_path / "clock",
        meters=[m.settings for m in default_fleet(9)],
        metrics_port=9105,
        control_port=9205,
    )
    path = tmp_path / "sim.toml"
    path.write_text(render_config(settings))
    assert load(SimSettings, path, environ={}, prefix="CAMPUSGRID_SIM_") == settings


def test_meter_configured_twice_is_refused(tmp_path: Path) -> None:
    """Two meters with one serial would make the truth log ambiguous."""
    from firmware_sim.__main__ import build_ports
    from gridkit.clock import FakeClock

    meter = default_fleet(1)[0].settings
    with pytest.raises(FleetError, match="twice"):
        build_ports(SimSettings(home=tmp_path, meters=[meter, meter]), FakeClock(START), None)


def test_a_fleet_of_any_size_is_written_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody writes a thousand tables by hand; one seed is one campus, another seed another one."""
    from firmware_sim.__main__ import main

    def written(*words: str) -> SimSettings:
        assert main(["fleet", *words]) == 0
        path = tmp_path / "fleet.toml"
        path.write_text(capsys.readouterr().out)
        return load(SimSettings, path, environ={}, prefix="CAMPUSGRID_SIM_")

    assert written("1000").meters == [m.settings for m in default_fleet(1000)]
    seven, again, eight = (written("40", "--seed", seed) for seed in ("7", "7", "8"))
    assert seven == again
    assert len({m.serial for m in seven.meters}) == 40
    day_ns = 86_400 * 10**9
    used = []
    for settings in (seven, eight):
        made = [SimMeter(meter, settings.seed) for meter in settings.meters[:8]]
        used.append([m.true_energy(START + day_ns).import_mwh - m.true_energy(START).import_mwh for m in made])
    assert all(one != other for one, other in zip(*used, strict=True))
    for words in (["0"], ["10001"], ["1000", "--base-port", "65000"]):
        assert main(["fleet", *words]) == 2
    assert "each on a port of its own" in capsys.readouterr().err


def test_scenario_files_are_looked_at_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever writes one wants to know before anything is played."""
    from firmware_sim.__main__ import main
    from firmware_sim.scenario import FOLDER

    assert main(["check", *map(str, sorted(FOLDER.glob("*.toml")))]) == 0
    assert "1 meters" in capsys.readouterr().out
    (tmp_path / "mine.toml").write_text("minutes = 60")
    assert main(["check", str(tmp_path / "mine.toml")]) == 1
    assert "missing required field" in capsys.readouterr().err
