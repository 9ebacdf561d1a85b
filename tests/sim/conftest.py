"""Fixtures of the simulator's tests: a clock that stands where it is put, and meters on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from firmware_sim.fleet import default_fleet
from firmware_sim.meter import SimMeter
from firmware_sim.modbus import MeterPort
from firmware_sim.series import campus_start_ns
from firmware_sim.truth import TruthLog
from gridkit.clock import FakeClock

Listen = Callable[[SimMeter], Awaitable[tuple[MeterPort, int]]]


@pytest.fixture
def clock() -> FakeClock:
    """A clock at the campus start."""
    return FakeClock(campus_start_ns())


@pytest.fixture
def meters() -> dict[str, SimMeter]:
    """The default fleet by family."""
    return {m.settings.profile: SimMeter(m.settings) for m in default_fleet(8)}


@pytest.fixture
async def listen(clock: FakeClock, tmp_path: Path) -> AsyncIterator[Listen]:
    """Start a meter on a free port of loopback; gives its port object and number."""
    truth = TruthLog(tmp_path)
    started: list[MeterPort] = []

    async def start(meter: SimMeter) -> tuple[MeterPort, int]:
        port = MeterPort(meter, clock, truth)
        started.append(port)
        return port, await port.listen("127.0.0.1", 0)

    yield start
    for port in started:
        await port.close()
    truth.close()
