"""`make prove`: every test marked `prove_too` at its full length. The last line is the verdict."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter

import pytest

LONGEST_TEST_S = 2_400


class Count:
    """Counts what became of each test; a failed set-up or tear-down fails its test."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.outcome] += 1


def main() -> int:
    """Run the tests; returns pytest's exit code (an error if no test was found)."""
    os.environ["CAMPUSGRID_PROVE"] = "1"
    count, started = Count(), time.monotonic()
    arguments = ["-m", "prove_too", "--timeout", str(LONGEST_TEST_S), "--durations", "10", *sys.argv[1:]]
    code = int(pytest.main(arguments, plugins=[count]))
    told = ", ".join(f"{count.outcomes[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped"))
    print(f"prove: {'held' if code == 0 else 'FAILED'}: {told} in {time.monotonic() - started:.0f} s")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
