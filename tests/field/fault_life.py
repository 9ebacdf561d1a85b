"""One life of a process among failing meters: `python fault_life.py FOLDER SEED FAULTS [MOMENT COUNT]`; made to be killed at any moment.

The process is the whole stepped rig: the agent's own code, its meters, broker and bridge. Whatever must outlive a kill is handed to the
operating system at once: every energy block served as a line of the truth log, and as a line of `FOLDER/journal` what the bridge was
given, campus time, faults so far, and what about the meters lasts. The next life goes on from there, on the spool that the killed
one left, and never earlier than the last thing that happened.

With a moment of `MOMENTS` and a count the process kills itself, SIGKILL, when it gets there for the count-th time.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from field.campus import NS, START_NS, Campus
from field.stepped import run_stepped

from firmware_sim.faults import FaultOrder
from firmware_sim.scenario import ScenarioMeter, Step
from firmware_sim.truth import latest_ns
from gridkit import log
from gridkit.receipt import payload_sha256

METERS = (
    ScenarioMeter(profile="eastron-sdm630", load_w=9_000, pv_w=12_000, rtu=True),
    ScenarioMeter(profile="abb-b23", load_w=9_000, pv_w=12_000, rtu=True),
    ScenarioMeter(profile="schneider-iem3155", load_w=9_000, pv_w=12_000),
    ScenarioMeter(profile="siemens-pac2200", load_w=9_000, pv_w=12_000),
    ScenarioMeter(profile="gavazzi-em340", load_w=9_000, pv_w=12_000),
    ScenarioMeter(profile="janitza-umg96rm", load_w=9_000, pv_w=12_000),
)
FRAMES = (
    "short", "long", "wrong_function", "wrong_unit", "wrong_transaction", "zero_transaction", "exception", "late", "dead",
    "hangup", "truncated", "noise", "bad_crc", "half_open", "one_client", "rebooting", "stray_bytes",
    "no_register", "same_word",
)  # fmt: skip
VALUES = (
    "frozen",
    "glitch_zero",
    "minus_one_lsb",
    "not_available",
    "jump",
    "unit_prefix",
    "swapped_serial",
    "word_order",
)
LASTING = ("reset", "wrap", "swap")
"""Those that end only with an approved register epoch. `one_way`, `exchanged_registers` and `reversed` are left out: they show nothing by
which their registers could be told from right ones."""
WORLD = ("broker", "bridge", "disk")
MOMENTS = {
    "served": 500,
    "signed": 20,
    "kept": 20,
    "given": 20,
    "stored": 20,
    "settling": 10,
    "settled": 10,
    "fault": 40,
    "told": 2,
    "done": 2,
    "approving": 2,
    "configured": 2,
}
"""Where a life can end, and the highest count that is drawn for each: a block is in the truth log and its reply not sent; a reading is
signed and not kept, or kept and nobody knows; the bridge is given it, or has it and its receipt is not sent; receipts are about to be
settled in the spool, or are; a fault comes on; a lasting event is written down and has not happened, or has happened; an approval is
about to come, or a configuration has just been kept."""


class Reaper:
    """Kills this process at a moment that was fixed beforehand, wherever in the code that is."""

    def __init__(self, moment: str = "", count: int = 0) -> None:
        self._moment, self._left = moment, count

    def at(self, moment: str) -> None:
        """Say that a moment has come."""
        if moment != self._moment:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, call: Callable[..., Any], before: str, after: str) -> Callable[..., Any]:
        """Return the call with a moment on either side of it."""

        def called(*args: Any) -> Any:
            if before:
                self.at(before)
            result = call(*args)
            self.at(after)
            return result

        return called


class Journal:
    """Lines that outlive a kill."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal"
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, **line: Any) -> None:
        os.write(self._fd, json.dumps(line).encode() + b"\n")

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]


class Life:
    """A campus that goes on where the journal ends."""

    def __init__(self, folder: Path, seed: int = 0, faults: int = 0, reaper: Reaper | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.reaper = reaper or Reaper()
        self.journal = Journal(folder)
        self.wanted = faults
        self.faults = 0
        self.kinds: set[str] = set()
        self.made: set[str] = set()
        self.disk_is_full = False
        self.lasting: dict[int, tuple[FaultOrder, int]] = {}
        lines = self.journal.lines()
        # A meter that had answered after the last line, and is asked earlier in its next life, would have gone backwards.
        now_ns = max(latest_ns(folder / "truth"), *(line["t"] for line in lines if "t" in line), START_NS)
        self.rng = random.Random(f"{seed}/{len(lines)}")
        random.seed(self.rng.random())  # The agent's own dice.
        if lines:
            now_ns += self.rng.randrange(1, 400 * NS)
        self.campus = Campus(folder, METERS, poll_s=60, start_ns=now_ns)
        self.ended_ns = next((line["ended"] for line in lines if "ended" in line), 0)
        self._lines = lines

    def recall(self) -> None:
        """Take up what the journal says; the places must be there."""
        campus = self.campus
        for line in self._lines:
            match line:
                case {"payload": text, "t": seen_ns}:
                    campus.bridge.take(bytes.fromhex(text), seen_ns)
                case {"made": sha256}:
                    self.made.add(sha256)
                case {"fault": kind}:
                    self.faults += 1
                    self.kinds.add(kind)
                case {"place": index, "serial": serial}:
                    campus.places[index].set_up(serial)
                    self.lasting.pop(index, None)
                case {"place": index, "kind": kind, "offset_wh": offset_wh, "since": since_ns}:
                    self.lasting[index] = (FaultOrder(kind=kind, offset_wh=offset_wh), since_ns)
                case {"place": index, "epoch": epoch}:
                    campus.places[index].register_epoch = epoch
                    campus.version += 1
        campus.bridge.copies = 0
        for index, (order, since_ns) in self.lasting.items():
            campus.places[index].meter.switch_on(order, since_ns)

    async def live(self) -> None:
        """Bring faults until there have been enough, then heal everything and let it settle."""
        campus, rng = self.campus, self.rng
        campus.before_start = self.recall
        async with campus:
            self._listen()
            async with asyncio.TaskGroup() as tasks:
                for index in range(len(METERS)):
                    tasks.create_task(self._meter(index, random.Random(rng.random())))
                tasks.create_task(self._world(random.Random(rng.random())))
            await asyncio.sleep(1000)
            for place in campus.places:
                meter = campus.agent.meters[f"M{place.index}".encode().ljust(16, b"\0")]
                if campus.agent.status.label(meter) == "question":
                    await self._approve(place.index)
            await asyncio.sleep(2 * 900)
            await campus.settled()
            self.journal.write(ended=campus.clock.now_ns(), waiting=campus.waiting())

    def _listen(self) -> None:
        campus, journal, reaper = self.campus, self.journal, self.reaper
        spool = campus.agent.spool
        take, put = campus.bridge.take, spool.put

        def taken(payload: bytes, now_ns: int) -> bytes | None:
            if campus.bridge.is_silent:
                return None
            reaper.at("given")
            journal.write(payload=payload.hex(), t=now_ns)
            receipt = take(payload, now_ns)
            reaper.at("stored")
            return None if self.rng.random() < 0.1 else receipt

        def kept(meter_id: bytes, readings: Any, state: Any) -> Any:
            reaper.at("signed")
            rows = put(meter_id, readings, state)
            reaper.at("kept")
            for _, _, payload in readings:
                journal.write(made=payload_sha256(payload).hex())
            return rows

        campus.bridge.take = taken  # type: ignore[method-assign]
        campus.spool_put = spool.put = kept  # type: ignore[method-assign]
        spool.settle = reaper.around(spool.settle, "settling", "settled")  # type: ignore[method-assign]
        spool.save_config = reaper.around(spool.save_config, "", "configured")  # type: ignore[method-assign]
        campus.truth.append = reaper.around(campus.truth.append, "", "served")  # type: ignore[method-assign]

    def _fault(self, kind: str) -> None:
        self.faults += 1
        self.journal.write(fault=kind, t=self.campus.clock.now_ns())
        self.reaper.at("fault")

    async def _meter(self, index: int, rng: random.Random) -> None:
        place = self.campus.places[index]
        while self.faults < self.wanted:
            await asyncio.sleep(rng.uniform(20, 400))
            if rng.random() < 0.06:
                await self._lasting(index, rng)
                continue
            kinds = [rng.choice(FRAMES if rng.random() < 0.6 else VALUES) for _ in range(rng.choice((1, 1, 2)))]
            for kind in kinds:
                self._fault(kind)
                place.meter.switch_on(_order(kind, rng), self.campus.clock.now_ns())
            await asyncio.sleep(rng.uniform(10, 600))
            for kind in kinds:
                place.meter.switch_off(kind)

    def _is_undecidable(self, index: int) -> bool:
        """Whether a register that began anew now could pass for one that went on.

        Both stand so low that they may have climbed over it again before anybody asks (an agent that is down hears of no reset), or so
        little below their wraps that a reset looks like running over, and another step up to the wrap like energy.
        """
        meter = self.campus.places[index].meter
        now = meter.true_energy(self.campus.clock.now_ns())
        registers_mwh = (now.import_mwh, now.export_mwh)
        for fault in meter.faults.values():
            registers_mwh = fault.energy(*registers_mwh)
        wraps_wh = (meter.profile.wrap_wh("import"), meter.profile.wrap_wh("export"))
        shown_wh = [mwh // 1000 % wrap_wh for mwh, wrap_wh in zip(registers_mwh, wraps_wh, strict=True)]
        return all(wh < 2000 or wrap - wh < 1000 for wh, wrap in zip(shown_wh, wraps_wh, strict=True))

    async def _lasting(self, index: int, rng: random.Random) -> None:
        """An event that somebody has to approve."""
        place, now_ns = self.campus.places[index], self.campus.clock.now_ns()
        kind = rng.choice(LASTING)
        if kind == "swap" and (place.told.rtu or not place.meter.profile.identity.serial):
            kind = "reset"
        if kind != "swap" and (self.disk_is_full or self._is_undecidable(index)):
            return  # What an agent can write nowhere it has forgotten when it is killed.
        self._fault(kind)
        if kind == "swap":
            serial = place.meter.serial[:-3] + f"{rng.randrange(1000):03d}"
            self.journal.write(place=index, serial=serial)
            self.reaper.at("told")
            self.lasting.pop(index, None)
            await self.campus.do(Step(at="00:00", do="swap", meter=index + 1, serial=serial))
        else:
            order = FaultOrder(kind=kind, offset_wh=rng.randrange(50, 800) if kind == "wrap" else 0)
            place.meter.switch_off()
            self.journal.write(place=index, kind=kind, offset_wh=order.offset_wh, since=now_ns)
            self.reaper.at("told")
            place.meter.switch_on(order, now_ns)
            self.lasting[index] = (order, now_ns)
        self.reaper.at("done")
        await asyncio.sleep(rng.uniform(60, 900))
        await self._approve(index)
        await asyncio.sleep(600)

    async def _approve(self, index: int) -> None:
        self.journal.write(place=index, epoch=self.campus.places[index].register_epoch + 1)
        self.reaper.at("approving")
        await self.campus.do(Step(at="00:00", do="approve", meter=index + 1))

    async def _world(self, rng: random.Random) -> None:
        campus = self.campus
        while self.faults < self.wanted:
            await asyncio.sleep(rng.uniform(300, 3000))
            kind = rng.choice(WORLD)
            self._fault(kind)
            on, off = {
                "broker": ("broker_away", "broker_back"),
                "bridge": ("bridge_silent", "bridge_back"),
                "disk": ("disk_full", "disk_free"),
            }[kind]
            self.disk_is_full = kind == "disk"
            await campus.do(Step(at="00:00", do=on))  # type: ignore[arg-type]
            await asyncio.sleep(rng.uniform(60, 2400))
            self.disk_is_full = False
            await campus.do(Step(at="00:00", do=off))  # type: ignore[arg-type]


def _order(kind: str, rng: random.Random) -> FaultOrder:
    return FaultOrder(
        kind=kind,
        count=1 if kind == "half_open" else rng.choice((None, None, 1, 2, 3, 6)),
        only=rng.choice(("", "energy")) if kind in FRAMES else "",  # type: ignore[arg-type]
        registers=rng.randrange(1, 5),
        code=rng.choice((1, 2, 4, 6, 11)),
        delay_ms=rng.randrange(100, 4000),
        offset_wh=rng.choice((1, -1)) * rng.randrange(500_000, 50_000_000),
    )


if __name__ == "__main__":
    log.configure("edge", "error")
    folder, seed, faults, *death = sys.argv[1:]
    reaper = Reaper(death[0], int(death[1])) if death else Reaper()
    run_stepped(Life(Path(folder), int(seed), int(faults), reaper).live())
