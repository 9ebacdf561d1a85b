"""Starts, watches and stops the processes of one box. What each one does is its own affair; here it is a command, a log file and a pid."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0


class ProcessFailedError(Exception):
    """A process ended, or never said that it was ready.

    Attributes:
        name: Which one.
        log_tail: The last lines of its log.
    """

    def __init__(self, name: str, what: str, log_path: Path) -> None:
        self.name, self.log_tail = name, tail(log_path)
        super().__init__(f"{name} {what}; the end of {log_path}:\n{self.log_tail}")


class Process:
    """One child in a session of its own, its output appended to a log file.

    Args:
        name: Short name for tables and errors.
        command: The argument list.
        log_path: Where its standard output and error go.
        environment: Added to this process's environment.
    """

    def __init__(
        self, name: str, command: list[str], log_path: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.name, self.command, self.log_path = name, command, log_path
        self._environment = environment or {}
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self.restarts = 0

    def start(self) -> None:
        """Start the child; its log goes on where it ended."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self._environment,
                start_new_session=True,
            )

    @property
    def pid(self) -> int | None:
        """Return the child's pid while it lives."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    @property
    def exit_status(self) -> int | None:
        """Return the exit status of a child that has ended."""
        return None if self._child is None else self._child.poll()

    def wait_ready(self, probe: Callable[[], bool] | None = None, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait for the child's `ready` log event, or for `probe` to say yes.

        Raises:
            ProcessFailedError: It ended first, or took longer than `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.exit_status is not None:
                raise ProcessFailedError(
                    self.name, f"ended with status {self.exit_status} before it was ready", self.log_path
                )
            if probe() if probe else self._said_ready():
                return
            time.sleep(0.05)
        raise ProcessFailedError(self.name, f"was not ready within {timeout_s:.0f} s", self.log_path)

    def _said_ready(self) -> bool:
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            for line in log:
                try:
                    said = json.loads(line)
                except ValueError:
                    continue
                if isinstance(said, dict) and said.get("event") == "ready":
                    return True
        return False

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the child and all it started."""
        if self._child is not None and self._child.poll() is None:
            os.killpg(self._child.pid, number)

    def stop(self) -> None:
        """Ask the child to end; after 15 s end it."""
        self.signal(signal.SIGTERM)
        if self._child is None:
            return
        try:
            self._child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self._child.wait()


def tail(path: Path, lines: int = 15) -> str:
    """Return the last lines of a text file, or a word that there is none."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log)"
