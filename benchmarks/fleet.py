"""A campus of 1,000 simulated meters in one process on one core, each read once a second: what is answered, how soon, at what cost.

The simulator as it ships, pinned to one core, serves 1,000 Modbus TCP meters of eight families, each on its own port. A poller on
the other cores holds one connection to each and asks it once a second everything that the edge agent asks in a round: counters,
identity and all measured quantities in block reads, 3.1 questions a meter, one after the other. A poll is answered when every
block has come back with the right ids, function and length; one that is still under way when the next is due counts as missed.
Every energy block goes through the truth log before its answer, and after the run the last registers that each meter showed must
be found there, or the run fails. Three windows with campus time at wall speed, as on a real site, then three at 60 times that, as
`make run` has it: there every meter's power changes once a second.

Processor time is the kernel's user + system time of the process, in thousandths of its core. The answer time is that of one
question, from the write to the last byte, for all questions of a window; the poller shares the machine with whatever else runs.

Not measured: serial lines, which are slow by nature, and faults switched on.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import NS_PER_S, Figure, Measured, Unit, per_second, percentile, ratio, sampled
from benchmarks.process import cores, pin, print_measured, processor_ns, say
from deploy.ports import Ports
from deploy.processes import Process
from deploy.site import CHECKOUT, HOST, python
from firmware_sim.fleet import default_fleet, render_config
from firmware_sim.series import campus_start_ns
from firmware_sim.settings import MeterSettings, SimSettings
from firmware_sim.truth import TruthReader
from gridkit.clock import ClockOwner
from gridkit.profile import Block, RawCounter, Registers, load_profile, plan_blocks, read_counter

METERS = 1_000
WINDOWS, WINDOW_S = 3, 10
SPEEDS = (1, 60)
_WARM_UP_S = 5
_PATIENCE_S = 120  # the recorded year is added up once for each proportion of load and roof: 5 s of processor time for the first polls
_MBAP = 7


class Round(NamedTuple):
    """What one meter is asked in a poll: the blocks, and their frames without the transaction id."""

    blocks: tuple[Block, ...]
    frames: tuple[bytes, ...]


def round_of(meter: MeterSettings) -> Round:
    """Return the questions that cover everything the agent wants of a meter."""
    profile = load_profile(meter.profile)
    names = (*profile.energy_names, *profile.identity_names, *profile.measured_names)
    blocks = tuple(plan_blocks(profile, names))
    return Round(blocks, tuple(_frame(meter.unit, block) for block in blocks))


def _frame(unit: int, block: Block) -> bytes:
    code, address, quantity = block
    pdu = bytes([code]) + address.to_bytes(2, "big") + quantity.to_bytes(2, "big")
    return b"\0\0\0\x06" + bytes([unit]) + pdu


class Poller(asyncio.Protocol):
    """One connection to one meter: a poll a second, its blocks one after the other."""

    def __init__(self, meter: MeterSettings, asked: Round, count: Count) -> None:
        self.meter = meter
        self.words: list[bytes] = []
        self.shown: tuple[bytes, ...] = ()
        self._asked, self._count = asked, count
        self._unread = b""
        self._transaction = self._asked_ns = 0
        self._under_way = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """A meter that hangs up ends the run."""
        if not self._count.over:
            self._count.broken = f"{self.meter.serial} hung up"

    def poll(self) -> None:
        """Begin a poll; count it as missed when the last one has not ended."""
        self._count.due += 1
        if self._under_way:
            self._count.missed += 1
            return
        self._under_way = True
        self.words = []
        self._ask()

    def _ask(self) -> None:
        self._transaction = self._transaction + 1 & 0xFFFF
        self._asked_ns = self._count.now_ns()
        self._transport.write(self._transaction.to_bytes(2, "big") + self._asked.frames[len(self.words)])

    def data_received(self, data: bytes) -> None:
        """Take a reply, ask the next block, or end the poll."""
        self._unread += data
        block = self._asked.blocks[len(self.words)]
        size = _MBAP + 2 + 2 * block.quantity
        if len(self._unread) < size and self._unread[_MBAP : _MBAP + 1] <= b"\x7f":
            return
        head = self._transaction.to_bytes(2, "big") + b"\0\0" + (size - 6).to_bytes(2, "big")
        head += bytes([self.meter.unit, block.function_code, 2 * block.quantity])
        if len(self._unread) != size or not self._unread.startswith(head):
            self._count.broken = f"{self.meter.serial} answered {self._unread[:12].hex()} to {block}"
            return
        self._count.answer_us.append((self._count.now_ns() - self._asked_ns) // 1_000)
        self.words.append(self._unread[_MBAP + 2 :])
        self._unread = b""
        if len(self.words) < len(self._asked.blocks):
            self._ask()
            return
        self._under_way = False
        self._count.answered += 1
        self.shown = tuple(self.words)

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()


class Count:
    """What has happened since the window began; `broken` says what ended the run."""

    def __init__(self) -> None:
        self.broken = ""
        self.over = False
        self.now_ns = lambda: 0
        self.begin()

    def begin(self) -> None:
        """Begin a window."""
        self.due = self.answered = self.missed = 0
        self.answer_us: list[int] = []


class Window(NamedTuple):
    """One window: polls due, answered, and missed; answered a second; thousandths of the core; processor time of a poll, p50, p99, µs."""

    due: int
    answered: int
    missed: int
    rate: int
    core: int
    poll_us: int
    p50_us: int
    p99_us: int


class Fleet:
    """The simulator with its meters and clock, in a temporary home."""

    def __init__(self, home: Path, meters: int) -> None:
        self.home = home
        base_port = Ports.free(meters, 1).meters
        self.meters = [meter.settings for meter in default_fleet(meters, base_port)]
        self.clock = ClockOwner(home / "clock", SPEEDS[0], campus_start_ns())
        settings = SimSettings(home=home / "sim", clock=home / "clock", host=HOST, meters=self.meters)
        config = home / "sim.toml"
        config.write_text(render_config(settings))
        command = [python(), "-m", "firmware_sim", "run", "--config", str(config)]
        self.process = Process("sim", command, home / "sim.log", {"PYTHONPATH": str(CHECKOUT)})

    def start(self) -> int:
        """Start it on its core; return its process id."""
        self.process.start()
        self.process.wait_ready()
        pid = self.process.pid or 0
        pin(pid, frozenset({cores()[0]}))
        return pid

    def close(self) -> None:
        """Stop it."""
        self.process.stop()
        self.clock.close()


async def poll_all(fleet: Fleet, pid: int) -> list[list[Window]]:
    """Return the windows at each speed, having polled every meter once a second throughout.

    Ends the process when a meter has answered wrongly, or shown what is not in the truth log.
    """
    loop = asyncio.get_running_loop()
    count = Count()
    count.now_ns = lambda: int(loop.time() * NS_PER_S)
    pollers = []
    for meter in fleet.meters:
        poller = Poller(meter, round_of(meter), count)
        await loop.create_connection(lambda poller=poller: poller, HOST, meter.port)  # type: ignore[misc]
        pollers.append(poller)
    say(f"{len(pollers)} connections")
    keeping = asyncio.create_task(fleet.clock.keep())
    polling = asyncio.create_task(_poll_for_ever(pollers))
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while not all(poller.shown for poller in pollers):  # noqa: ASYNC110 - looked at a few times in all
                await asyncio.sleep(1)
        say("every meter has answered")
        await asyncio.sleep(_WARM_UP_S)
        windows = []
        for speed in SPEEDS:
            fleet.clock.set_speed(speed)
            await asyncio.sleep(1)
            windows.append([await _window(count, pid) for _ in range(WINDOWS)])
    finally:
        polling.cancel()
        keeping.cancel()
    await asyncio.sleep(1)
    count.over = True
    for poller in pollers:
        poller.close()
    check_truth(fleet.home / "sim", pollers)
    return windows


async def _poll_for_ever(pollers: Sequence[Poller]) -> None:
    """Poll each once a second, spread over it; a late start is made up for, never left out."""
    loop = asyncio.get_running_loop()
    began_s, turn = loop.time(), 0
    while True:
        now_s = loop.time() - began_s
        while turn <= now_s * len(pollers):
            pollers[turn % len(pollers)].poll()
            turn += 1
        await asyncio.sleep(turn / len(pollers) - (loop.time() - began_s))


async def _window(count: Count, pid: int) -> Window:
    count.begin()
    began_ns, before = count.now_ns(), processor_ns(pid)
    await asyncio.sleep(WINDOW_S)
    elapsed_ns, used_ns = count.now_ns() - began_ns, processor_ns(pid) - before
    if count.broken or not count.answered:
        raise SystemExit(f"the meters were not being read: {count.broken or 'no answer'}")
    return Window(
        due=count.due,
        answered=count.answered,
        missed=count.missed,
        rate=per_second(count.answered, elapsed_ns),
        core=ratio(used_ns, elapsed_ns),
        poll_us=used_ns // count.answered // 1_000,
        p50_us=percentile(count.answer_us, 50),
        p99_us=percentile(count.answer_us, 99),
    )


def check_truth(folder: Path, pollers: Sequence[Poller]) -> None:
    """End the process unless the registers that each meter showed last are in the simulator's truth log, and true."""
    truth = TruthReader(folder)
    for poller in pollers:
        imported, exported = shown_wh(poller.meter, poller.shown)
        entry = truth.served(poller.meter.serial, imported, exported)
        if entry is None or entry.strays():
            raise SystemExit(f"{poller.meter.serial} showed {imported} and {exported} Wh; the truth log says {entry}")


def shown_wh(meter: MeterSettings, replies: Sequence[bytes]) -> tuple[int, int]:
    """Return import and export of the replies to a whole round, Wh.

    Raises:
        SystemExit: One of them has no value.
    """
    profile, registers = load_profile(meter.profile), Registers()
    for block, content in zip(round_of(meter).blocks, replies, strict=True):
        registers.add(block, [int.from_bytes(content[at : at + 2], "big") for at in range(0, len(content), 2)])
    imported, exported = read_counter(profile, "import", registers), read_counter(profile, "export", registers)
    if not isinstance(imported, RawCounter) or not isinstance(exported, RawCounter):
        raise SystemExit(f"{meter.serial} showed no counter: {imported}, {exported}")
    return imported.to_wh(), exported.to_wh()


def measure() -> Measured:
    """Run the windows."""
    home = Path(tempfile.mkdtemp(prefix="campusgrid-bench-"))
    fleet = Fleet(home, METERS)
    try:
        pid = fleet.start()
        pin(os.getpid(), cores()[1])
        say(f"{METERS} meters on core {cores()[0]}")
        windows = asyncio.run(poll_all(fleet, pid))
    finally:
        fleet.close()
        shutil.rmtree(home, ignore_errors=True)
    return _measured(windows)


def _measured(windows: list[list[Window]]) -> Measured:
    figures = tuple(f for speed, found in zip(SPEEDS, windows, strict=True) for f in _figures(speed, found))
    every = [window for found in windows for window in found]
    due, missed = sum(window.due for window in every), sum(window.missed for window in every)
    return Measured(
        figures=figures,
        remarks=(
            f"{missed:,} of {due:,} polls missed; {sum(w.answered for w in every):,} answered, each by its ids, function and length.",
            f"The last registers of all {METERS:,} meters were in the truth log and within their step of the true energy.",
        ),
    )


def _figures(speed: int, windows: list[Window]) -> tuple[Figure, ...]:
    suffix = "" if speed == 1 else f"_{speed}x"
    where = "" if speed == 1 else f", campus time at {speed}×"
    first = speed == 1
    return (
        sampled(
            f"fleet_polls{suffix}",
            f"simulator, {METERS:,} meters in one process: polls answered{where}",
            Unit.PER_S,
            [w.rate for w in windows],
            of="windows",
            headline=first,
        ),
        sampled(
            f"fleet_answered{suffix}",
            f"polls answered before the next was due, of all{where}",
            Unit.RATIO,
            [ratio(w.due - w.missed, w.due) for w in windows],
            of="windows",
            aim_least=1_000,
        ),
        sampled(
            f"fleet_cpu{suffix}",
            f"simulator, {METERS:,} meters, a poll a second each: processor time{where}",
            Unit.CORE,
            [w.core for w in windows],
            of="windows",
            headline=first,
        ),
        *(
            sampled(f"{name}{suffix}", f"{what}{where}", Unit.US, values, of="windows")
            for name, what, values in (
                ("fleet_poll_cpu", "processor time of a poll", [w.poll_us for w in windows]),
                ("fleet_p50", "answer time of a question, p50", [w.p50_us for w in windows]),
                ("fleet_p99", "answer time of a question, p99", [w.p99_us for w in windows]),
            )
        ),
    )


if __name__ == "__main__":
    print_measured(measure)
