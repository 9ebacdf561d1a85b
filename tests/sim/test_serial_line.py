"""Several meters on one RS-485 line: who answers, when, and what clients that know nothing of us read there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import minimalmodbus
import msgspec
import pytest

from firmware_sim.errors import LineError
from firmware_sim.faults import FaultOrder, Frame, crc16, rtu_frame
from firmware_sim.fleet import default_fleet
from firmware_sim.meter import SimMeter
from firmware_sim.modbus import MeterPort
from firmware_sim.serial_line import SerialLine, lines_of
from firmware_sim.settings import LineSettings, MeterSettings
from firmware_sim.truth import TruthLog, TruthReader
from gridkit.clock import FakeClock
from gridkit.profile import Block, RawCounter, Registers, list_profiles, plan_blocks, read_counter, read_serial

pytestmark = pytest.mark.integration

MBPOLL = shutil.which("mbpoll") or shutil.which("mbpoll", path="/usr/bin")
FAST = 115_200


class Bus:
    """A line with meters, and the questions of a bare client."""

    def __init__(self, line: SerialLine, where: str, ports: dict[int, MeterPort]) -> None:
        self.line, self.where, self.ports = line, where, ports

    def ask(self, request: bytes, want: int, wait_s: float = 60.0) -> bytes:
        """Send bytes and return what comes back: `want` bytes, or what there is after `wait_s`."""
        fd = os.open(self.where, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            os.write(fd, request)
            got, until = b"", time.monotonic() + wait_s
            while len(got) < want and time.monotonic() < until:
                try:
                    got += os.read(fd, 512)
                except BlockingIOError:
                    time.sleep(0.001)
            return got
        finally:
            os.close(fd)

    async def asked(self, request: bytes, want: int, wait_s: float = 60.0) -> bytes:
        return await asyncio.to_thread(self.ask, request, want, wait_s)


@pytest.fixture
async def open_line(clock: FakeClock, tmp_path: Path) -> AsyncIterator[Any]:
    """Open a line with meters of these families as units 1, 2, …"""
    truth = TruthLog(tmp_path)
    opened: list[SerialLine] = []

    async def start(*families: str, baud: int = FAST, **settings: Any) -> Bus:
        ports = {}
        for number, family in enumerate(families, 1):
            meter = _meter(family)
            placed = msgspec.structs.replace(meter, unit=number, line="riser")
            ports[number] = MeterPort(SimMeter(placed), clock, truth)
        line = SerialLine(LineSettings(name="riser", baud=baud, **settings), ports)
        opened.append(line)
        return Bus(line, await line.open(tmp_path), ports)

    yield start
    for line in opened:
        await line.close()
    truth.close()


def _meter(family: str) -> MeterSettings:
    known = {m.settings.profile: m.settings for m in default_fleet(8)}
    if family in known:
        return known[family]
    return MeterSettings(serial="31000001", profile=family, load="G1-A", load_w=9_000)


def read(unit: int, block: Block) -> bytes:
    pdu = bytes([block.function_code]) + block.address.to_bytes(2, "big") + block.quantity.to_bytes(2, "big")
    return rtu_frame(Frame(0, unit, pdu))


async def test_each_unit_answers_for_itself_and_nobody_for_others(open_line: Any, tmp_path: Path) -> None:
    """Two meters that answer one question would drown each other on a real line."""
    bus = await open_line("eastron-sdm630", "abb-b23")
    truth = TruthReader(tmp_path)
    for unit, port in bus.ports.items():
        profile, registers = port.meter.profile, Registers()
        for block in plan_blocks(profile, (*profile.energy_names, *profile.identity_names)):
            reply = await bus.asked(read(unit, block), 5 + 2 * block.quantity)
            assert crc16(reply) == 0
            assert reply[:3] == bytes([unit, block.function_code, 2 * block.quantity])
            registers.add(block, [int.from_bytes(reply[at : at + 2], "big") for at in range(3, len(reply) - 2, 2)])
        assert read_serial(profile, registers) == port.meter.serial
        shown = [read_counter(profile, direction, registers) for direction in ("import", "export")]
        assert all(isinstance(value, RawCounter) for value in shown)
        assert truth.served(port.meter.serial, *(value.to_wh() for value in shown)) is not None
    assert await bus.asked(read(3, Block(4, 72, 4)), 1, 0.2) == b""
    assert await bus.asked(read(0, Block(4, 72, 4)), 1, 0.2) == b"", "a broadcast is not answered"


async def test_a_frame_with_a_wrong_checksum_is_nobodys(open_line: Any) -> None:
    """A meter that answered a disturbed question would answer another one than was asked; the next one is heard again."""
    bus = await open_line("eastron-sdm630")
    good = read(1, Block(4, 72, 4))
    assert await bus.asked(good[:-1] + bytes([good[-1] ^ 1]), 1, 0.3) == b""
    assert await bus.asked(b"\x00\xff\x55", 1, 0.3) == b""
    assert len(await bus.asked(good, 13)) == 13


async def test_a_write_is_refused_on_the_line_too(open_line: Any) -> None:
    """Registers that reset counters must not be reachable from anywhere."""
    bus = await open_line("eastron-sdm630")
    reply = await bus.asked(rtu_frame(Frame(0, 1, bytes.fromhex("0600010002"))), 5)
    assert reply == rtu_frame(Frame(0, 1, b"\x86\x01"))


async def test_bytes_take_their_time(open_line: Any) -> None:
    """A scheduler that never waited for a slow line would be tuned on a line that does not exist."""
    bus = await open_line("eastron-sdm630", baud=2_400, turnaround_ms=50)
    began = time.monotonic()
    assert len(await bus.asked(read(1, Block(4, 72, 40)), 85)) == 85
    # 8 bytes there, 85 back, ten bits each at 2,400 a second, and the meter's own pause.
    assert time.monotonic() - began >= (8 + 85) * 10 / 2_400 + 0.05


@pytest.mark.parametrize(
    ("kind", "size", "means"),
    [
        ("bad_crc", 13, lambda reply: crc16(reply) != 0),
        ("dead", 0, lambda reply: True),
        ("truncated", 6, lambda reply: True),
        ("short", 11, lambda reply: crc16(reply) == 0),
        ("wrong_unit", 13, lambda reply: reply[0] == 2 and crc16(reply) == 0),
        ("noise", 17, lambda reply: crc16(reply) != 0),
    ],
)
async def test_faults_reach_the_wire(open_line: Any, clock: FakeClock, kind: str, size: int, means: Any) -> None:
    """The menu must mean the same on both wires."""
    bus = await open_line("eastron-sdm630")
    bus.ports[1].meter.switch_on(FaultOrder(kind=kind, count=1), clock.now_ns())
    reply = await bus.asked(read(1, Block(4, 72, 4)), max(size, 1), 60.0 if size else 0.3)
    assert len(reply) == size
    assert means(reply)
    assert len(await bus.asked(read(1, Block(4, 72, 4)), 13)) == 13


async def test_a_late_answer_comes_when_the_next_question_has_been_asked(open_line: Any, clock: FakeClock) -> None:
    """RTU has no transaction id: the agent must be shown what that leads to."""
    bus = await open_line("eastron-sdm630")
    bus.ports[1].meter.switch_on(FaultOrder(kind="late", count=1, delay_ms=1_500), clock.now_ns())

    def both() -> bytes:
        fd = os.open(bus.where, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            os.write(fd, read(1, Block(4, 72, 2)))
            time.sleep(0.1)
            os.write(fd, read(1, Block(4, 74, 4)))
            got, until = b"", time.monotonic() + 60
            while len(got) < 22 and time.monotonic() < until:
                with contextlib.suppress(BlockingIOError):
                    got += os.read(fd, 512)
                time.sleep(0.001)
            return got
        finally:
            os.close(fd)

    got = await asyncio.to_thread(both)
    assert sorted((len(got), got[2])) in ([4, 22], [8, 22]), got.hex()


async def test_rtu_over_tcp(open_line: Any) -> None:
    """Serial gateways in pass-through mode carry RTU frames with their checksum over TCP."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    bus = await open_line("eastron-sdm630", tcp_port=free)
    reader, writer = await asyncio.open_connection("127.0.0.1", free)
    writer.write(read(1, Block(4, 72, 4)))
    reply = await asyncio.wait_for(reader.readexactly(13), 60)
    assert crc16(reply) == 0
    writer.close()
    assert bus.where == f"127.0.0.1:{free}"


async def test_an_independent_library_reads_the_same(open_line: Any, clock: FakeClock) -> None:
    """minimalmodbus shares no line with pymodbus or with us."""
    bus = await open_line("abb-b23")

    def registers() -> list[int]:
        client = minimalmodbus.Instrument(bus.where, 1)
        client.serial.baudrate, client.serial.timeout = FAST, 2
        return list(client.read_registers(0x5000, 8))

    words = await asyncio.to_thread(registers)
    truth = bus.ports[1].meter.true_energy(clock.now_ns())
    assert int.from_bytes(b"".join(word.to_bytes(2, "big") for word in words[:4]), "big") == truth.import_mwh // 10_000
    assert int.from_bytes(b"".join(word.to_bytes(2, "big") for word in words[4:]), "big") == truth.export_mwh // 10_000


@pytest.mark.skipif(MBPOLL is None, reason="needs mbpoll (Debian package)")
async def test_mbpoll_reads_the_same(open_line: Any, clock: FakeClock) -> None:
    """What an electrician has on the laptop."""
    bus = await open_line("schneider-iem3155")
    command = [
        MBPOLL,
        "-m",
        "rtu",
        "-a",
        "1",
        "-b",
        str(FAST),
        "-P",
        "none",
        "-t",
        "4:hex",
        "-0",
        "-r",
        "3203",
        "-c",
        "4",
        "-1",
        bus.where,
    ]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    words = [int(line.split("0x")[1], 16) for line in done.stdout.splitlines() if line.startswith("[")]
    shown_wh = int.from_bytes(b"".join(word.to_bytes(2, "big") for word in words), "big")
    assert shown_wh == bus.ports[1].meter.true_energy(clock.now_ns()).import_mwh // 1_000


@pytest.mark.parametrize("family", list_profiles())
async def test_every_family_can_be_served_on_a_line(open_line: Any, family: str) -> None:
    """Every profile, both directions that it counts, through the same images as over TCP."""
    bus = await open_line(family)
    profile = bus.ports[1].meter.profile
    for block in plan_blocks(profile, profile.energy_names):
        reply = await bus.asked(read(1, block), 5 + 2 * block.quantity)
        assert crc16(reply) == 0
        assert reply[2] == 2 * block.quantity, (family, reply.hex())


def line(name: str = "riser", **more: Any) -> LineSettings:
    return LineSettings(name=name, **more)


def port_on(clock: FakeClock, name: str, unit: int, serial: str) -> MeterPort:
    settings = MeterSettings(serial=serial, profile="abb-b23", line=name, unit=unit, load="G1-A", load_w=10)
    return MeterPort(SimMeter(settings), clock, None)


def test_lines_that_cannot_be_are_named(clock: FakeClock) -> None:
    """Two meters with one address is the commonest mistake on a bus; it must be said before anything runs."""
    one, two = port_on(clock, "riser", 7, "31000001"), port_on(clock, "riser", 7, "31000002")
    with pytest.raises(LineError, match="unit 7 is taken"):
        list(lines_of([line()], {"31000001": one, "31000002": two}))
    with pytest.raises(LineError, match="no line has this name"):
        list(lines_of([], {"31000001": one}))
    with pytest.raises(LineError, match="configured twice"):
        list(lines_of([line(), line()], {"31000001": one}))


async def test_a_port_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The adapter is in another computer."""
    with pytest.raises(LineError, match="/dev/nothing cannot be opened"):
        await SerialLine(line(device="/dev/nothing"), {}).open(tmp_path)
