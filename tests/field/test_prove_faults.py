"""Random faults from the menu, and the agent's process killed at random moments: nothing wrong, lost or doubled."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from field.fault_life import FRAMES, LASTING, METERS, VALUES, WORLD, Life
from field.stepped import run_stepped
from proving import steps

from firmware_sim.faults import MENU
from gridkit.receipt import payload_sha256

pytestmark = [pytest.mark.integration, pytest.mark.prove_too]
FAULTS = steps(300, prove=10_000)
LIFE = Path(__file__).with_name("fault_life.py")


def lives(folder: Path, seed: int) -> int:
    """Start the agent's process again and again until one of them has come to its end; return how many were killed."""
    rng = random.Random(seed)
    tests = LIFE.parents[1]
    environment = {**os.environ, "PYTHONPATH": f"{tests.parent}:{tests}"}
    killed = 0
    while True:
        command = [sys.executable, str(LIFE), str(folder), str(seed), str(FAULTS)]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
        try:
            # Its start alone takes longer on a busy machine; a kill there is worth no less.
            _, said = process.communicate(timeout=rng.uniform(0.5, 3.0) if killed < FAULTS // 50 else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1
            continue
        assert process.returncode == 0, said.decode()[-3000:]
        return killed


def test_random_faults_and_kills_bring_no_wrong_lost_or_doubled_reading(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a field of failing meters and a box whose power is cut do in years."""
    began_s = time.monotonic()
    killed = lives(tmp_path / "field", seed=20_261_127)

    async def judge() -> Life:
        life = Life(tmp_path / "field")
        life.campus.before_start = life.recall
        life.campus.set_up()
        return life

    life = run_stepped(judge())
    bridge = life.campus.bridge
    wrong = life.campus.false_energy(lags=True)
    receipted = {payload_sha256(payload).hex() for payload in bridge.stored.values()}
    lost = life.made - receipted
    hashes = {hashlib.sha256(payload[:47]).digest() for payload in bridge.stored.values()}
    broken = [
        core.interval
        for index in range(len(METERS))
        for core, detail in bridge.readings(life.campus.places[index].number)
        if detail.previous_core_hash and detail.previous_core_hash not in hashes
    ]
    with capsys.disabled():
        print(
            f"\nfaults: {life.faults} of {len(life.kinds)} kinds, agent killed {killed} times, {len(bridge.stored)} readings: "
            f"{len(wrong)} wrong, {len(lost) + len(broken)} lost, {bridge.conflicts} doubled, in {time.monotonic() - began_s:.0f} s"
        )
    assert wrong == [], "\n".join(wrong)
    assert lost == set()
    assert broken == []
    assert bridge.conflicts == bridge.forged == 0
    assert life.faults >= FAULTS
    assert killed >= FAULTS // 100
    assert len(life.kinds) >= len(FRAMES) + len(VALUES), "the whole menu has been tried"


def test_the_menu_is_proven_but_for_what_nobody_can_tell() -> None:
    """A fault that is added to the menu must come into the proof, too."""
    assert set(MENU) - set(FRAMES) - set(VALUES) - set(LASTING) == {"one_way"}
    assert set(LASTING) - set(MENU) == {"swap"}
    assert not set(WORLD) & set(MENU)
