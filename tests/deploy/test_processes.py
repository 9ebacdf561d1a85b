"""Children of the supervisor: how it knows that one is ready, has failed, or will not end."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from deploy import processes
from deploy.processes import Process, ProcessFailedError

pytestmark = pytest.mark.integration


def child(tmp_path: Path, code: str) -> Process:
    return Process("child", [sys.executable, "-u", "-c", code], tmp_path / "child.log")


def test_ready_is_what_the_child_says_in_its_log(tmp_path: Path) -> None:
    """A port that answers is not yet a service that works."""
    process = child(tmp_path, "import time\nprint('noise')\nprint('{\"event\": \"ready\"}')\ntime.sleep(60)")
    process.start()
    process.wait_ready()
    assert process.pid is not None
    process.stop()
    assert process.exit_status == -signal.SIGTERM


def test_a_ready_of_the_run_before_does_not_count(tmp_path: Path) -> None:
    """The log is appended to: an old line must not declare a new child ready."""
    (tmp_path / "child.log").write_text('{"event": "ready"}\n')
    process = child(tmp_path, "import time; time.sleep(60)")
    process.start()
    with pytest.raises(ProcessFailedError, match="not ready"):
        process.wait_ready(timeout_s=0.5)
    process.stop()


def test_a_child_that_dies_early_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    """`exit status 3` alone sends people searching."""
    process = child(tmp_path, "print('the disk is full'); raise SystemExit(3)")
    process.start()
    with pytest.raises(ProcessFailedError, match="the disk is full"):
        process.wait_ready()


def test_a_child_that_ignores_the_request_to_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C must stop all."""
    monkeypatch.setattr(processes, "STOP_TIMEOUT_S", 0.5)
    code = 'import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint(\'{"event": "ready"}\')\ntime.sleep(60)'
    process = child(tmp_path, code)
    process.start()
    process.wait_ready()
    process.stop()
    assert process.exit_status == -signal.SIGKILL
