"""What only an hour's work shows: memory that stays where it is. Run by `make soak`."""

from __future__ import annotations

import shutil
import statistics
import time
import urllib.request
from pathlib import Path

import pytest

from benchmarks.edge_agent import AGENT, METERS, Building
from benchmarks.process import private_kib, written_bytes
from deploy.site import HOST

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.soak,
    pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto"),
]
MINUTES = 30
SCRAPE_S = 5
SPEED = 48
"""A quarter hour in 18.75 s: half an hour is a day of campus time, so each meter closes 96 intervals."""
MAX_GROWTH_KIB = 512
"""From the third five minutes to the last. A kibibyte a second, as it once was, would be 900; malloc takes 256 at a time."""
MAX_WRITTEN_BYTES = 3_000_000
"""A day and meter."""


def test_a_day_of_polls_and_scrapes_leaves_memory_where_it_is_and_spares_the_card(tmp_path: Path) -> None:
    """A Raspberry Pi on a roof is started once a year, and its card should see more than one of them."""
    building = Building(tmp_path, SPEED)
    try:
        building.start()
        pid = building.start_agent().pid or 0
        began = time.monotonic()
        metrics = f"http://{HOST}:{building.site.agent_metrics(AGENT)}/metrics"
        memory: list[int] = []
        before = written_bytes(pid)
        for turn in range(1, 60 * MINUTES // SCRAPE_S + 1):
            time.sleep(max(0.0, began + SCRAPE_S * turn - time.monotonic()))
            with urllib.request.urlopen(metrics, timeout=60) as answer:
                answer.read()
            memory.append(private_kib(pid))
        written = written_bytes(pid) - before
        readings = building.counted("readings")
        polls = building.counted("polls")
    finally:
        building.close()
    each = 300 // SCRAPE_S
    early, late = (statistics.median(part) for part in (memory[2 * each : 3 * each], memory[-each:]))
    a_day = written * 96 // (readings // METERS) // METERS
    print(
        f"{polls:,} polls, {readings:,} readings; private memory {early} KiB, then {late}; {a_day:,} B written a day and meter"
    )
    assert readings >= 80 * METERS
    assert late - early <= MAX_GROWTH_KIB
    assert a_day <= MAX_WRITTEN_BYTES
