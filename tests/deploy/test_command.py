"""The command's front door: it finds sub-commands, and says what is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from deploy import command


def test_help_lists_every_sub_command(capsys: pytest.CaptureFixture[str]) -> None:
    """A reader starts here."""
    assert command.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in command.SUB_COMMANDS)


def test_an_unknown_word_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Silence would look like success in a script."""
    assert command.main(["fly"]) == 2
    assert "fly" in capsys.readouterr().err


def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bare install on a Raspberry Pi has no gateway; a traceback would not say what to do."""

    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named 'fastapi' ({name})", name="fastapi")

    monkeypatch.setattr(command.importlib, "import_module", absent)
    assert command.main(["gateway", "run"]) == 3
    assert "pip install 'campusgrid[gateway]'" in capsys.readouterr().err


def test_the_front_door_imports_nothing_heavy() -> None:
    """The bare install has neither solders nor rich, and `campusgrid edge run` must start there."""
    code = "import deploy.command, sys; print(sorted(sys.modules.keys() & {'solders', 'rich', 'fastapi', 'sqlalchemy', 'httpx'}))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_a_reader_that_goes_away_gets_no_traceback() -> None:
    """`campusgrid sim menu | head` ended in one."""
    command = f"{sys.executable} -m deploy.command sim menu | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (141, "")
