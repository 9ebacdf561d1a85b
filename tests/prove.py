"""`make prove`: every test marked `prove_too` at its full length, in two lanes beside one another. The last line is the verdict.

The programs' walks need a core and nothing else; the tests of processes wait for kills and restarts most of their time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

LONGEST_TEST_S = 2_400
LANES = {"programs": ["tests/programs"], "processes": ["tests", "--ignore=tests/programs"]}


class Count:
    """Counts what became of each test; a failed set-up or tear-down fails its test."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.outcome] += 1


def walk(told: Path, arguments: list[str]) -> int:
    """Run one lane and write its counts as JSON; returns pytest's exit code."""
    count = Count()
    arguments = ["-m", "prove_too", "--timeout", str(LONGEST_TEST_S), "--durations", "10", *arguments]
    code = int(pytest.main(arguments, plugins=[count]))
    told.write_text(json.dumps(count.outcomes))
    return code


def main(words: list[str]) -> int:
    """Run both lanes, or what is asked for; returns 0 when all of it held."""
    os.environ["CAMPUSGRID_PROVE"] = "1"
    started, total, codes = time.monotonic(), Counter[str](), []
    with tempfile.TemporaryDirectory() as folder:
        lanes = {"asked": words} if words else LANES
        running = {}
        for name, arguments in lanes.items():
            command = [sys.executable, __file__, "--lane", f"{folder}/{name}.json", *arguments]
            with Path(folder, f"{name}.log").open("wb") as log:
                running[name] = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        for name, lane in running.items():
            codes.append(lane.wait())
            print(f"--- {name}\n{Path(folder, f'{name}.log').read_text(errors='replace')}", flush=True)
            counts = Path(folder, f"{name}.json")
            total.update(json.loads(counts.read_text()) if counts.exists() else {"failed": 1})
    held = all(code == 0 for code in codes)
    told = ", ".join(f"{total[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped"))
    print(f"prove: {'held' if held else 'FAILED'}: {told} in {time.monotonic() - started:.0f} s")
    return 0 if held else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--lane"]:
        raise SystemExit(walk(Path(sys.argv[2]), sys.argv[3:]))
    raise SystemExit(main(sys.argv[1:]))
