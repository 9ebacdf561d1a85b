"""RS-485 lines, through a pseudo-terminal with true byte timing."""

from __future__ import annotations

import asyncio
import importlib.util
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge.frame import Question, Refusal, Refused, ask_rtu, ask_tcp
from edge.guard import Link, Patience
from edge.meter import Meter, boundary_tolerance_ns, rules_for
from edge.metrics import Counters
from edge.rounds import DEAD_AFTER, Rounds
from edge.sample import Sample
from edge.settings import LineSettings, MeterSettings
from gridkit.clock import _Sleeping
from gridkit.interval import INTERVAL_NS
from gridkit.profile import Block, load_profile

_spec = importlib.util.spec_from_file_location("serial_bus", Path(__file__).with_name("serial_bus.py"))
assert _spec is not None
assert _spec.loader is not None
serial_bus = importlib.util.module_from_spec(_spec)
sys.modules["serial_bus"] = serial_bus
_spec.loader.exec_module(serial_bus)

pytestmark = pytest.mark.integration
NS = 1_000_000_000


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Any]:
    """A line without delays; unit 1 answers with registers that hold their own addresses."""
    bus = serial_bus.SerialBus(tmp_path / "ttyUSB0")
    bus.units[1] = serial_bus.own_addresses
    bus.plug_in()
    yield bus
    bus.pull()


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Any]:
    """The same behind a socket, for stepped time; `bus.device` is what to open."""
    bus = serial_bus.SerialBus(tmp_path / "none")
    bus.device = bus.listen()
    yield bus
    bus.hang_up()


def link_to(bus: Any, **more: Any) -> Link:
    return Link(LineSettings("riser", str(bus.device), baud=115_200), **{"timeout_s": 1.0, **more})


async def test_a_line_is_read_in_rtu_frames(bus: Any) -> None:
    """Function codes 3 and 4, blocks of any size."""
    link = link_to(bus)
    for block in (Block(4, 72, 4), Block(3, 5, 1), Block(4, 0, 125)):
        assert await link.read(1, block) == tuple(range(block.address, block.end))
    await link.close()


async def test_nothing_but_reads_ever_leaves(bus: Any) -> None:
    """A write needs no password on most meters: one could reset their counters."""
    link = link_to(bus)
    for code in (5, 6, 15, 16):
        with pytest.raises(ValueError, match="does not read"):
            await link.read(1, Block(code, 0x3000, 1))
    await link.read(1, Block(4, 0, 2))
    for code in (5, 6, 15, 16):
        for ask in (ask_rtu, ask_tcp):
            with pytest.raises(ValueError, match="does not read"):
                ask(Question(0, 1, code, 1), 0x3000)
    assert bus.other_functions == []
    await link.close()


FAULTS = {
    "crc error": b"\x01\x04\x08\x00\x48\x00\x49\x00\x4a\x00\x4b\x00\x00",
    "noise": bytes(range(200, 255)),
    "another unit": serial_bus.frame(9, serial_bus.own_addresses(Block(4, 72, 4))),
    "function 3 for function 4": serial_bus.frame(1, serial_bus.own_addresses(Block(3, 72, 4))),
    "short by a register": serial_bus.frame(1, serial_bus.own_addresses(Block(4, 72, 3))),
    "long by a register": serial_bus.frame(1, serial_bus.own_addresses(Block(4, 72, 5))),
    "half a frame": serial_bus.frame(1, serial_bus.own_addresses(Block(4, 72, 4)))[:6],
    "twice": 2 * serial_bus.frame(1, serial_bus.own_addresses(Block(4, 72, 4))),
    "nothing": b"",
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_wrong_answer_is_refused_and_the_line_comes_back(bus: Any, name: str) -> None:
    """A bad line may cost a poll; it may not cost a register."""
    link = link_to(bus)
    block = Block(4, 72, 4)
    assert await link.read(1, block) == (72, 73, 74, 75)

    async def spoilt(asked: Block) -> None:
        await bus.send(FAULTS[name])

    bus.units[1] = spoilt
    assert isinstance(await link.read(1, block), Refused)
    bus.units[1] = serial_bus.own_addresses
    bus.units[2] = serial_bus.own_addresses
    assert await link.read(2, block) == (72, 73, 74, 75)
    assert await link.read(1, Block(4, 12, 4)) == (12, 13, 14, 15)
    await link.close()


@pytest.mark.stepped
async def test_a_late_answer_is_never_taken_for_the_next_one(line: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """RTU frames carry no id: an answer that is a second late has the size, unit and function of the next question's."""
    monkeypatch.setattr("edge.guard.LATE_S", 0.6)
    rng = random.Random(5)
    link = link_to(line, timeout_s=0.05, settle_s=0.01)

    async def late(block: Block) -> bytes:
        await asyncio.sleep(rng.choice((0, 0, 0, 0.06, 0.12, 0.25, 0.4)))
        return bytes(serial_bus.own_addresses(block))

    line.units[1] = line.units[2] = late
    answered = refused = 0
    for _ in range(120):
        block = Block(4, rng.randrange(0, 200), rng.choice((2, 4, 4, 4, 6)))
        words = await link.read(rng.choice((1, 1, 2)), block)
        if isinstance(words, Refused):
            refused += 1
        else:
            assert words == tuple(range(block.address, block.end))
            answered += 1
    assert answered, "a test in which nobody is ever answered shows nothing"
    assert refused > 20
    await link.close()


@pytest.mark.stepped
async def test_a_family_that_gives_exactly_its_blocks_is_waited_for(line: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception to a wider question proves nothing: it may itself be the late answer."""
    monkeypatch.setattr("edge.guard.LATE_S", 0.5)
    link = link_to(line, timeout_s=0.05)
    block = Block(4, 72, 4)
    line.units[1] = lambda asked: None
    assert await link.read(1, block) == Refused(Refusal.TIMEOUT)
    line.units[1] = lambda asked: bytes(serial_bus.own_addresses(asked)) if asked == block else b"\x84\x02"
    assert await link.read(1, block) == Refused(Refusal.LATE)
    await asyncio.sleep(0.6)
    assert await link.read(1, block) == (72, 73, 74, 75)
    await link.close()


async def test_an_adapter_that_is_pulled_is_found_again(bus: Any) -> None:
    """Somebody cleans behind the cabinet."""
    link = link_to(bus)
    assert await link.read(1, Block(4, 0, 2)) == (0, 1)
    bus.pull()
    for _ in range(3):
        refused = await link.read(1, Block(4, 0, 2))
        assert isinstance(refused, Refused)
    assert refused.reason is Refusal.CONNECT
    bus.plug_in()
    assert await link.read(1, Block(4, 0, 2)) == (0, 1)
    await link.close()


def test_a_unit_is_waited_for_four_times_as_long_as_it_takes() -> None:
    """A dead meter among quick ones costs little; one that became slower is found again with all the time there is."""
    patience = Patience(2.0)
    assert patience.deadline_s(1) == 2.0
    patience.answered(1, 0.2)
    assert patience.deadline_s(1) == pytest.approx(0.8)
    patience.answered(1, 0.001)
    assert patience.deadline_s(1) == pytest.approx(0.76)
    for _ in range(200):
        patience.answered(1, 0.001)
    assert patience.deadline_s(1) == 0.3
    patience.failed(1)
    assert patience.deadline_s(1) == 2.0


class RunningClock(_Sleeping):
    """Campus time that runs with the loop from where it is set."""

    speed = 1

    def __init__(self, now_ns: int) -> None:
        self._ahead_ns = now_ns - self._loop_ns()

    @staticmethod
    def _loop_ns() -> int:
        return round(asyncio.get_running_loop().time() * NS)

    def now_ns(self) -> int:
        return self._loop_ns() + self._ahead_ns

    def error_bound_ms(self) -> int:
        return 5


METERS = 32
BEFORE_S = 2


@pytest.mark.stepped
async def test_thirty_two_meters_at_9600_baud_give_boundary_samples_within_ten_seconds_with_three_dead(
    tmp_path: Path, profile_meter: Any
) -> None:
    """The quarter hour of everybody would otherwise hang on the one meter that somebody has switched off."""
    bus = serial_bus.SerialBus(tmp_path / "none", byte_s=LineSettings("riser", "/dev/ttyS0").byte_s, turnaround_s=0.02)
    line = LineSettings("riser", bus.listen())
    profile = load_profile("eastron-sdm630")
    clock = RunningClock(1_980_000 * INTERVAL_NS - BEFORE_S * NS)
    samples: dict[str, list[Sample]] = {}

    async def take(meter: Meter, sample: Sample) -> None:
        samples.setdefault(meter.name, []).append(sample)

    rounds = Rounds(Link(line), clock, Counters(), take, lambda meter: None, poll_interval_s=5)
    for unit in range(1, METERS + 1):
        served = profile_meter("eastron-sdm630", serial=str(1000 + unit))
        served.import_wh = 1000 * unit
        bus.units[unit] = lambda block, m=served: serial_bus.registers(m.words(block), block.function_code)
        settings = MeterSettings(id=f"M{unit}", profile=profile.id, key_file=tmp_path / "k", line="riser", unit=unit)
        rules = rules_for(settings, profile, speed=1, poll_interval_s=5, clock_limit_ms=5000)
        rounds.meters.append(Meter(settings, profile, rules, {}, b"\0\0\0\0"))
    # Nobody has been asked yet when the three die: the worst case, for nothing is known of them.
    dead = {f"M{unit}" for unit in (1, 16, 32)}
    for unit in (1, 16, 32):
        del bus.units[unit]
    boundary_ns = 1_980_000 * INTERVAL_NS

    def on_time() -> set[str]:
        return {
            n for n, s in samples.items() if any(0 <= x.read_ns - boundary_ns <= boundary_tolerance_ns(1) for x in s)
        }

    async with asyncio.timeout(60):
        while len(on_time()) < METERS - 3:
            await rounds.step()
    await rounds.link.close()
    bus.hang_up()
    assert on_time() == {m.name for m in rounds.meters} - dead
    assert all(s.import_raw.to_wh() == 1000 * int(n[1:]) for n, many in samples.items() for s in many)  # type: ignore[union-attr]
    assert all(m.failures >= DEAD_AFTER - 1 for m in rounds.meters if m.name in dead)
