"""What the other program is told to read, and what is made of the two programs' windows."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from benchmarks import edge_rival
from benchmarks.edge_rival import Round, Turn, measured, our_day_bytes, poll_us, slave, whole_polls, write_config
from firmware_sim.fleet import default_fleet
from gridkit.profile import list_profiles

FLEET = default_fleet(8, 15_020, zones=1)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A configuration written from what a gateway brings with it."""
    brought = tmp_path / "brought"
    brought.mkdir()
    general = {"thingsboard": {"host": "elsewhere", "qos": 1}, "storage": {"type": "memory"}, "connectors": []}
    (brought / "tb_gateway.json").write_text(json.dumps(general))
    (brought / "logs.json").write_text('{"version": 1}')
    write_config(brought, tmp_path / "config", FLEET, 21_883)
    return tmp_path / "config"


def test_the_gateway_keeps_its_own_settings_but_for_what_the_run_needs(written: Path) -> None:
    """A rival that was tuned to lose proves nothing; one in memory would be spared the disk that ours pays for."""
    general = json.loads((written / "tb_gateway.json").read_text())
    assert general["thingsboard"]["qos"] == 1
    assert (general["thingsboard"]["host"], general["thingsboard"]["port"]) == ("127.0.0.1", 21_883)
    assert general["storage"] == {"type": "sqlite", "data_file_path": f"{written}/data/"}
    assert general["connectors"] == [{"name": "meters", "type": "modbus", "configuration": "modbus.json"}]
    assert (written / "logs.json").exists()


def test_every_meter_is_read_once_a_second_where_it_answers(written: Path) -> None:
    """A meter left out, or one asked every two seconds, would make the rival cheaper than it is."""
    slaves = json.loads((written / "modbus.json").read_text())["master"]["slaves"]
    assert [(s["port"], s["unitId"], s["pollPeriod"]) for s in slaves] == [(m.settings.port, 1, 1_000) for m in FLEET]
    assert len({s["deviceName"] for s in slaves}) == len(FLEET)


def test_registers_are_those_of_the_family() -> None:
    """ABB B23: import 0x5000 and export 0x5004 in four registers each, voltage 0x5B00, current 0x5B0C, power 0x5B14."""
    abb = next(slave(m) for m in FLEET if m.settings.profile == "abb-b23")
    rows = [
        (row["tag"], row["type"], row["functionCode"], row["address"], row["objectsCount"]) for row in abb["timeseries"]
    ]
    assert rows == [
        ("import_wh", "64uint", 3, 0x5000, 4),
        ("export_wh", "64uint", 3, 0x5004, 4),
        ("power_w", "32int", 3, 0x5B14, 2),
        ("voltage_l1_v", "32uint", 3, 0x5B00, 2),
        ("current_l1_a", "32uint", 3, 0x5B0C, 2),
    ]
    assert (abb["byteOrder"], abb["wordOrder"]) == ("BIG", "BIG")


def test_a_family_that_sends_the_low_word_first_is_read_that_way() -> None:
    """Otherwise the rival reads the same registers and means other values."""
    gavazzi = next(slave(m) for m in FLEET if m.settings.profile == "gavazzi-em340")
    assert gavazzi["wordOrder"] == "LITTLE"


def test_every_family_of_the_fleet_has_the_five_quantities() -> None:
    """A register that a family lacks would be an error a second, in a log that costs time."""
    assert {m.settings.profile for m in FLEET} <= set(list_profiles())
    for meter in FLEET:
        names = [row["tag"] for row in slave(meter)["timeseries"]]
        assert {name.split("_")[0] for name in names} == {"import", "export", "power", "voltage", "current"}, names


def test_polls_are_counted_by_their_values() -> None:
    """The gateway packs several polls, or a part of one, into a message; half a poll is none."""
    values = {"library": 5, "offices": 5}
    five = {name: 1 for name in "abcde"}
    assert whole_polls({"library": [{"ts": 1, "values": five}, {"ts": 2, "values": five}]}, values) == 2
    assert (
        whole_polls({"library": [{"ts": 1, "values": {"a": 1}}], "offices": [{"ts": 1, "values": five}]}, values) == 1
    )
    assert whole_polls({"somebody": [{"ts": 1, "values": five}]}, values) == 0


def test_a_day_of_writing_counts_each_interval_once_and_each_second_once() -> None:
    """Scaling a fast clock's window to a day as it is would count 60 days of readings; leaving out the polls, none of theirs."""
    polls = Turn(5, [1], written=3_000, polls=300)
    interval = Turn(5, [1], written=203_000, polls=300, signed=20, spool=40_000)
    assert our_day_bytes(interval, polls) == 96 * (10_000 + 2_000) + 10 * 86_400


def rounds(*, installed: bool) -> list[Round]:
    """Three rounds as `measure` makes them."""
    theirs = Turn(150, [66_000, 70_000], written=1_000_000, polls=300) if installed else None
    fast = Turn(9, [25_000, 26_000], written=203_000, polls=300, signed=20)
    return [
        Round(60, fast, theirs),
        Round(1, Turn(6, [25_000], written=3_000, polls=300), theirs),
        Round(60, fast, theirs),
    ]


def test_ratios_are_ours_over_theirs_in_one_round() -> None:
    """Upside down, 20 times as much would be read as a twentieth."""
    figures = {figure.id: figure for figure in measured(rounds(installed=True)).figures}
    assert (figures["edge_rival_cpu"].median, figures["edge_rival_cpu"].aim_most) == (60, 200)
    assert (figures["edge_rival_memory"].most, figures["edge_rival_memory"].aim_most) == (371, 500)
    assert figures["edge_written"].median == (960_000 + 864_000) // 1024
    assert figures["edge_written"].reached


def test_processor_time_of_a_poll_counts_the_polls_that_were_done() -> None:
    """On a busy machine one of the two falls behind; polls that it left out must not make it look cheaper."""
    assert poll_us([Turn(20, [1], written=0, polls=300), Turn(10, [1], written=0, polls=150)]) == 1_000
    assert poll_us([Turn(20, [1], written=0, polls=150)]) == 2_000


def test_without_the_rival_there_is_a_statement_and_no_ratio() -> None:
    """A machine without a network must neither fail nor print a comparison that it did not make."""
    alone = measured(rounds(installed=False), "no route to host")
    assert not [figure for figure in alone.figures if figure.unit == "thousandths"]
    assert any("could not be installed" in remark and "no route to host" in remark for remark in alone.remarks)
    assert msgspec.json.encode(alone)


def test_an_environment_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is pip's or the system's own, not a traceback."""
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(edge_rival, "ENVIRONMENT", tmp_path / "file" / "venv")
    with pytest.raises(edge_rival.CannotInstallError):
        edge_rival.install()
