"""Random faults from the menu, and the whole rig killed at random moments: nothing wrong, lost or doubled."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from field.campus import Bridge
from field.fault_life import FRAMES, LASTING, MOMENTS, VALUES, WORLD, Life
from field.stepped import run_stepped
from proving import steps

from firmware_sim.faults import MENU
from gridkit.interval import interval_at_ns
from gridkit.quality import NO_POST_MASK
from gridkit.reading import decode_core, encode_core, split_payload
from gridkit.receipt import payload_sha256

pytestmark = [pytest.mark.integration, pytest.mark.prove_too]
FAULTS = steps(300, prove=10_000)
SEED = int(os.environ.get("CAMPUSGRID_FAULT_SEED", "20261127"))
COARSEST_WH = 130
"""More than two steps of the coarsest register here: 62.5 Wh, a float of an SDM630 just below its wrap."""
LIFE = Path(__file__).with_name("fault_life.py")


KILLS = FAULTS // 25
"""Lives that are ended before the last one."""
WALL = "wall"
"""One kill in this many is by the wall clock and can meet any instruction; the others are at a moment that the seed fixes."""


def ends(seed: int) -> Iterator[tuple[str, int]]:
    """Yield how each life is to end, every way as often as the others: a moment of `fault_life` and its count, or WALL and wall ms."""
    rng = random.Random(seed)
    while True:
        ways = [*MOMENTS, WALL, WALL]
        rng.shuffle(ways)
        for way in ways:
            yield way, rng.randrange(500, 3000) if way == WALL else rng.randint(1, MOMENTS[way])


def lives(folder: Path, seed: int, faults: int = FAULTS, kills: int = KILLS) -> Counter[str]:
    """Start the rig's process again and again until one of them has come to its end; return how the others were killed."""
    tests = LIFE.parents[1]
    environment = {**os.environ, "PYTHONPATH": f"{tests.parent}:{tests}", "PYTHONHASHSEED": "0"}
    killed: Counter[str] = Counter()
    for way, count in ends(seed):
        spared = killed.total() >= kills
        death = [] if spared or way == WALL else [way, str(count)]
        command = [sys.executable, str(LIFE), str(folder), str(seed), str(faults), *death]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
        try:
            # Its start alone takes longer on a busy machine; a kill there is worth no less.
            _, said = process.communicate(timeout=count / 1000 if way == WALL and not spared else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, said.decode()[-3000:]
        killed[way] += 1
    return killed


def recalled(folder: Path) -> Life:
    """Return what is known of all lives, as the journal and the truth log have it."""

    async def recall() -> Life:
        life = Life(folder)
        life.campus.before_start = life.recall
        life.campus.set_up()
        return life

    return run_stepped(recall())


def falsified(bridge: Bridge, key: tuple[int, int, int], wh: int) -> bytes:
    """Return a stored reading as it were had its registers been off by so much: what a believed wrong register looks like."""
    parts = split_payload(bridge.stored[key])
    core = decode_core(parts.core_bytes)
    off = {name: max(0, getattr(core, name) + wh) for name in ("import_wh", "export_wh")}
    return encode_core(msgspec.structs.replace(core, **off)) + bridge.stored[key][47:]


def test_random_faults_and_kills_bring_no_wrong_lost_or_doubled_reading(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a field of failing meters and a box whose power is cut do in years."""
    began_s = time.monotonic()
    killed = lives(tmp_path / "field", SEED)
    life = recalled(tmp_path / "field")
    bridge = life.campus.bridge
    wrong = life.campus.false_energy()
    truth = life.campus.read_truth()
    findings = [life.campus.finding(place, truth) for place in life.campus.places]
    spans, energy_wh = sum(f.spans for f in findings), sum(f.energy_wh for f in findings)
    receipted = {payload_sha256(payload).hex() for payload in bridge.stored.values()}
    lost = life.made - receipted
    hashes = {hashlib.sha256(payload[:47]).digest() for payload in bridge.stored.values()}
    numbers = [place.number for place in life.campus.places]
    broken = [
        core.interval
        for number in numbers
        for core, detail in bridge.readings(number)
        if detail.previous_core_hash and detail.previous_core_hash not in hashes
    ]
    with capsys.disabled():
        print(
            f"\nfaults: {life.faults} of {len(life.kinds)} kinds, process killed {killed.total()} times at {len(killed)} kinds of moment, "
            f"{len(bridge.stored)} readings: {len(wrong)} wrong, {len(lost) + len(broken)} lost, {bridge.conflicts} doubled; "
            f"{energy_wh} Wh in {spans} spans are the truth log's, in {time.monotonic() - began_s:.0f} s"
        )
    assert wrong == [], "\n".join(wrong)
    assert lost == set()
    assert broken == []
    assert bridge.conflicts == bridge.forged == 0
    assert life.faults >= FAULTS
    assert killed.total() >= FAULTS // 75
    assert len(life.kinds) >= len(FRAMES) + len(VALUES), "the whole menu has been tried"
    for number in numbers:
        core, _ = next(r for r in reversed(bridge.readings(number)) if not r[0].quality & NO_POST_MASK)
        assert core.interval >= interval_at_ns(life.ended_ns) - 2, (
            f"meter {number} was healed and is still not measured"
        )
    # The judge can say no, to each of them: a reading whose registers are off by what no remainder explains.
    measured = [key for key, p in sorted(bridge.stored.items()) if not decode_core(p[:47]).quality & NO_POST_MASK]
    for key in random.Random(SEED).sample(measured, 40):
        honest = bridge.stored[key]
        place = life.campus.places[numbers.index(key[0])]
        for wh in (-COARSEST_WH, COARSEST_WH):
            bridge.stored[key] = falsified(bridge, key, wh)
            seen = any(f"interval {key[2]}: " in what for what in life.campus.finding(place, truth).wrong)
            assert seen or bridge.stored[key] == honest, (key, wh)
            bridge.stored[key] = honest


def test_the_menu_is_proven_but_for_what_nobody_can_tell() -> None:
    """A fault that is added to the menu must come into the proof, too."""
    assert set(MENU) - set(FRAMES) - set(VALUES) - set(LASTING) == {"one_way", "exchanged_registers", "reversed"}
    assert set(LASTING) - set(MENU) == {"swap"}
    assert not set(WORLD) & set(MENU)
