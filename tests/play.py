"""Plays scenario files: `python tests/play.py FILE...`. One line a file, and below it what was not as it should be.

Exit code 0 when no file brought false energy and every diagnosis was the expected one, 1 otherwise, 2 for a file that is none.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from field.playing import false_energy, misdiagnosis, played

from firmware_sim.scenario import ScenarioError, load_scenario
from gridkit import log


def play(path: Path) -> int:
    """Play one file and say how it went."""
    try:
        scenario = load_scenario(path)
    except ScenarioError as error:
        print(error, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="campusgrid-play-") as folder:
        campus = played(scenario, Path(folder))
        wrong = [f"false energy: {what}" for what in false_energy(scenario, campus)]
    wrong += [f"expected otherwise: {what}" for what in misdiagnosis(scenario, campus)]
    print(f"{path}: {'NOT as expected' if wrong else 'as expected'} ({scenario.title}, {scenario.minutes} minutes)")
    for what in wrong:
        print(f"  {what}")
    return int(bool(wrong))


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit("usage: python tests/play.py FILE...")
    log.configure("edge", "error")
    sys.exit(max(play(Path(name)) for name in sys.argv[1:]))
