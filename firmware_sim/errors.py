"""What the simulator can fail with; a fault that a test switched on is no error and appears nowhere here.

SimError
├── FleetError            the configuration describes no fleet: which meter, what is wrong, what to change
├── FaultError            a fault that was ordered cannot be switched on: which meter, why, what to change
├── LineError             a serial line cannot be served: which one, what is wrong
├── PortTakenError        another program listens there: which setting moves it
└── ScenarioError         a scenario file cannot be played: which one, what is wrong (scenario.py)
"""

from __future__ import annotations


class SimError(Exception):
    """Base of all; the process ends with the message on its log. A retry cannot help before the cause is removed."""


class FleetError(SimError):
    """A meter of the configuration cannot be simulated; `serial` names it."""

    def __init__(self, serial: str, problem: str) -> None:
        super().__init__(f"meter {serial}: {problem}")
        self.serial = serial
        self.problem = problem


class FaultError(SimError):
    """A fault cannot be switched on, or its name is none; `serial` names the meter, nothing has been changed."""

    def __init__(self, serial: str, problem: str) -> None:
        super().__init__(f"meter {serial}: {problem}")
        self.serial = serial
        self.problem = problem


class PortTakenError(SimError):
    """A port is in use; `setting` is what to change."""

    def __init__(self, host: str, port: int, setting: str) -> None:
        super().__init__(f"{host}:{port} is taken by another program; change `{setting}` in [sim]")
        self.host = host
        self.port = port
        self.setting = setting


class LineError(SimError):
    """A serial line cannot be served; `line` names it."""

    def __init__(self, line: str, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem
