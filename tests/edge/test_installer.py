"""The installer and the unit that a Raspberry Pi gets."""

from __future__ import annotations

import configparser
import os
import subprocess
from pathlib import Path

import pytest

from edge.settings import PREFIX, EdgeSettings
from gridkit.settings import SettingsError, load

SYSTEMD = Path(__file__).parents[2] / "deploy" / "systemd"
FAKE_PYTHON = """#!/bin/sh
echo "$0 $*" >> "$CALLS"
case "$1 $2" in
    "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
esac
"""


def install(root: Path, folder: Path) -> str:
    python = folder / "python3.11"
    if not python.exists():
        python.write_text(FAKE_PYTHON)
        python.chmod(0o755)
    environ = {**os.environ, "ROOT": str(root), "PYTHON": str(python), "CALLS": str(folder / "calls")}
    done = subprocess.run(
        [SYSTEMD / "install-edge.sh"], env=environ, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout


def tree(root: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(p.relative_to(root)): (p.stat().st_mode, p.read_bytes()) for p in sorted(root.rglob("*")) if p.is_file()
    }


@pytest.mark.integration
def test_a_second_run_changes_nothing_and_touches_no_settings_keys_or_spool(tmp_path: Path) -> None:
    """It is run again at each update, by somebody in a hurry."""
    root = tmp_path / "root"
    root.mkdir()
    assert "now edit" in install(root, tmp_path)
    settings = root / "etc/campusgrid/edge.toml"
    assert settings.stat().st_mode & 0o007 == 0
    assert (root / "var/lib/campusgrid/keys").stat().st_mode & 0o077 == 0
    settings.write_text(settings.read_text().replace("edge-1", "edge-7"))
    (root / "var/lib/campusgrid/keys/HOUSE-07.json").write_text("[1]")
    (root / "var/lib/campusgrid/spool.db").write_text("spool")
    before = tree(root)
    again = install(root, tmp_path)
    assert tree(root) == before
    assert "now edit" not in again
    calls = (tmp_path / "calls").read_text()
    assert calls.count("-m venv") == 1
    assert calls.count("-m pip install --quiet --disable-pip-version-check --upgrade campusgrid") == 2


@pytest.mark.integration
def test_the_settings_that_it_lays_out_want_only_what_the_operator_knows(tmp_path: Path) -> None:
    """A template with a setting that no longer exists would be the first thing that a new user meets."""
    root = tmp_path / "root"
    root.mkdir()
    install(root, tmp_path)
    settings = root / "etc/campusgrid/edge.toml"
    with pytest.raises(SettingsError) as caught:
        load(EdgeSettings, settings, {}, PREFIX)
    assert caught.value.field == "network_tag"
    text = settings.read_text().replace('network_tag = ""', 'network_tag = "01020304"')
    text = text.replace('[""]', f'["{"ab" * 32}"]').replace('config_key = ""', f'config_key = "{"cd" * 32}"')
    settings.write_text(text.replace("# [[", "[[").replace("# name", "name").replace("# device", "device"))
    assert load(EdgeSettings, settings, {}, PREFIX).meters[0].id == "HOUSE-07"


def test_the_unit_is_notified_and_watched() -> None:
    """An agent that hangs must be started again, one that cannot start must not be started for ever."""
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(SYSTEMD / "campusgrid-edge.service")
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) >= 60
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("always", "2")
    assert service["User"] == "campusgrid"
    assert service["ExecStart"].endswith("campusgrid edge run --config /etc/campusgrid/edge.toml")
