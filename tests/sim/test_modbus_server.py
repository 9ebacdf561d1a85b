"""Over real sockets: an independent client and a bare one read what the truth log says was served."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient

from firmware_sim.errors import PortTakenError
from firmware_sim.faults import FaultOrder
from firmware_sim.meter import SimMeter
from firmware_sim.modbus import MeterPort
from firmware_sim.truth import TruthReader
from gridkit.clock import FakeClock
from gridkit.profile import RawCounter, Registers, plan_blocks, read_counter, read_serial

Listen = Callable[[SimMeter], Awaitable[tuple[MeterPort, int]]]

pytestmark = pytest.mark.integration


async def ask(port: int, pdu: bytes, unit: int = 1, transaction: int = 7) -> bytes:
    """Send one frame with nothing but struct and a socket; return the whole reply."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu)
    head = await asyncio.wait_for(reader.readexactly(7), 60)
    body = await reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
    writer.close()
    return head + body


async def test_pymodbus_reads_every_family_and_finds_it_in_the_truth_log(
    meters: dict[str, SimMeter], clock: FakeClock, listen: Listen, tmp_path: Path
) -> None:
    """An independent client must see real Modbus TCP, and each value that it read must be in the log."""
    truth = TruthReader(tmp_path)
    for meter in meters.values():
        _, number = await listen(meter)
        client = AsyncModbusTcpClient("127.0.0.1", port=number)
        assert await client.connect()
        registers = Registers()
        profile = meter.profile
        for block in plan_blocks(profile, (*profile.energy_names, *profile.measured_names, *profile.identity_names)):
            call = client.read_holding_registers if block.function_code == 3 else client.read_input_registers
            reply = await call(block.address, count=block.quantity, device_id=1)
            assert not reply.isError(), (profile.id, block, reply)
            registers.add(block, reply.registers)
        client.close()
        assert read_serial(profile, registers) == meter.serial
        imported, exported = (read_counter(profile, d, registers) for d in ("import", "export"))  # type: ignore[arg-type]
        assert isinstance(imported, RawCounter)
        assert isinstance(exported, RawCounter)
        entry = truth.served(meter.serial, imported.to_wh(), exported.to_wh())
        assert entry is not None
        assert entry.campus_ns == clock.now_ns()
        assert not entry.strays()


async def test_bare_socket_client_reads_the_true_register(
    meters: dict[str, SimMeter], clock: FakeClock, listen: Listen
) -> None:
    """No Modbus library on either side: bytes by hand against the true energy."""
    meter = meters["abb-b23"]
    _, number = await listen(meter)
    reply = await ask(number, struct.pack(">BHH", 3, 0x5000, 8))
    assert reply[:9] == struct.pack(">HHHBBB", 7, 0, 19, 1, 3, 16)
    imported, exported = struct.unpack(">QQ", reply[9:])
    truth = meter.true_energy(clock.now_ns())
    assert imported == truth.import_mwh // 10_000
    assert exported == truth.export_mwh // 10_000


async def test_registers_advance_with_campus_time_alone(
    meters: dict[str, SimMeter], clock: FakeClock, listen: Listen
) -> None:
    """Wall time passes between two polls; a stopped campus must not use energy."""
    _, number = await listen(meters["schneider-iem3155"])
    request = struct.pack(">BHH", 3, 3203, 8)
    first = await ask(number, request)
    await asyncio.sleep(0.05)
    assert await ask(number, request) == first
    clock.advance_s(900)
    assert await ask(number, request) != first


async def test_requests_in_one_segment_and_in_single_bytes_are_answered(
    meters: dict[str, SimMeter], listen: Listen
) -> None:
    """TCP gives bytes, not frames."""
    _, number = await listen(meters["eastron-sdm630"])
    frames = b"".join(struct.pack(">HHHBBHH", n, 0, 6, 1, 4, 0, 2) for n in (1, 2, 3))
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    writer.write(frames)
    replies = await asyncio.wait_for(reader.readexactly(3 * 13), 60)
    assert [replies[i : i + 2] for i in (0, 13, 26)] == [b"\0\1", b"\0\2", b"\0\3"]
    for byte in frames[:12]:
        writer.write(bytes([byte]))
        await writer.drain()
    assert await asyncio.wait_for(reader.readexactly(13), 60) == replies[:13]
    writer.close()


@pytest.mark.parametrize(
    ("pdu", "unit", "reply"),
    [
        (struct.pack(">BHH", 4, 0x7000, 2), 1, b"\x84\x02"),
        (struct.pack(">BHH", 4, 0, 82), 1, b"\x84\x03"),
        (struct.pack(">BHH", 6, 0, 1), 1, b"\x86\x01"),
        (struct.pack(">BHH", 4, 0, 2), 9, b"\x84\x0b"),
        (b"\x04\x00", 1, b"\x84\x03"),
    ],
)
async def test_bad_request_gets_the_exception_of_the_specification(
    meters: dict[str, SimMeter], listen: Listen, pdu: bytes, unit: int, reply: bytes
) -> None:
    """A client is tested against what a device says, so it must say it right."""
    _, number = await listen(meters["eastron-sdm630"])
    assert (await ask(number, pdu, unit))[7:] == reply


async def test_bytes_that_are_no_modbus_close_the_connection(meters: dict[str, SimMeter], listen: Listen) -> None:
    """A port scanner must not hang a meter, nor be answered."""
    _, number = await listen(meters["eastron-sdm630"])
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await asyncio.wait_for(reader.readexactly(1), 60)
    writer.close()


async def test_late_reply_comes_after_the_next_one(
    meters: dict[str, SimMeter], clock: FakeClock, listen: Listen
) -> None:
    """The reply to the first question arrives when the second was already answered: ids must tell them apart."""
    port, number = await listen(meters["eastron-sdm630"])
    port.meter.switch_on(FaultOrder(kind="late", count=1, delay_ms=80), clock.now_ns())
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    writer.write(struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 0, 2) + struct.pack(">HHHBBHH", 2, 0, 6, 1, 4, 2, 2))
    replies = await asyncio.wait_for(reader.readexactly(26), 60)
    assert [replies[0:2], replies[13:15]] == [b"\0\2", b"\0\1"]
    writer.close()


async def test_dead_meter_keeps_the_connection_and_says_nothing(
    meters: dict[str, SimMeter], clock: FakeClock, listen: Listen
) -> None:
    """The worst neighbour on a bus: reachable and silent."""
    port, number = await listen(meters["eastron-sdm630"])
    port.meter.switch_on(FaultOrder(kind="dead", count=1), clock.now_ns())
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    writer.write(struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 0, 2))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(1), 0.2)
    writer.write(struct.pack(">HHHBBHH", 2, 0, 6, 1, 4, 0, 2))
    assert (await asyncio.wait_for(reader.readexactly(13), 60))[:2] == b"\0\2"
    writer.close()


async def test_taken_port_names_the_setting(meters: dict[str, SimMeter], clock: FakeClock, listen: Listen) -> None:
    """The operator must learn which line to change."""
    _, number = await listen(meters["eastron-sdm630"])
    with pytest.raises(PortTakenError, match="base_port"):
        await MeterPort(meters["abb-b23"], clock, None).listen("127.0.0.1", number, "base_port")


async def test_reply_is_withheld_when_the_truth_log_cannot_take_it(
    meters: dict[str, SimMeter], clock: FakeClock
) -> None:
    """A value that is not in the log must not be on the wire, or an honest reading looks invented."""

    class FullDisk:
        def append(self, entry: object) -> None:
            raise OSError(28, "No space left on device")

    port = MeterPort(meters["eastron-sdm630"], clock, FullDisk())  # type: ignore[arg-type]
    frame = port.answer(1, 1, struct.pack(">BHH", 4, 0x48, 4))
    assert frame is not None
    assert frame.pdu == b"\x84\x04"
    voltage = port.answer(1, 1, struct.pack(">BHH", 4, 0, 2))
    assert voltage is not None
    assert voltage.pdu[0] == 4


async def test_hundred_meters_answer_side_by_side(clock: FakeClock, listen: Listen) -> None:
    """One process carries a campus; how quickly is measured by `make bench`."""
    from firmware_sim.fleet import default_fleet

    numbers = [(await listen(SimMeter(m.settings)))[1] for m in default_fleet(100)]
    replies = await asyncio.gather(*(ask(n, struct.pack(">BHH", 0x2B, 0, 1)) for n in numbers))
    assert all(r[7:] == b"\xab\x01" for r in replies)


async def test_a_half_open_connection_stays_silent_and_a_new_one_is_answered(
    meters: dict[str, SimMeter], clock: FakeClock, listen: Listen
) -> None:
    """A firewall that forgot the connection: nobody hangs up, nothing comes any more."""
    meter = meters["eastron-sdm630"]
    _, number = await listen(meter)
    meter.switch_on(FaultOrder(kind="half_open", count=1), clock.now_ns())
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    question = struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 0x48, 4)
    for _ in range(2):
        writer.write(question)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(1), 0.1)
    assert not meter.faults, "the connection is gone for good, the meter is not"
    assert (await ask(number, question[7:]))[7] == 4
    writer.close()


async def test_a_meter_that_serves_one_client_hangs_up_on_the_second(
    meters: dict[str, SimMeter], clock: FakeClock, listen: Listen
) -> None:
    """A forgotten laptop on the meter's only connection looks like a dead meter."""
    meter = meters["eastron-sdm630"]
    _, number = await listen(meter)
    meter.switch_on(FaultOrder(kind="one_client"), clock.now_ns())
    reader, first = await asyncio.open_connection("127.0.0.1", number)
    question = struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 0x48, 4)
    first.write(question)
    assert len(await reader.readexactly(17)) == 17
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await ask(number, question[7:])
    meter.switch_off("one_client")
    assert (await ask(number, question[7:]))[7] == 4
    first.close()


async def test_stray_bytes_come_between_answer_and_next_question(
    meters: dict[str, SimMeter], clock: FakeClock, listen: Listen
) -> None:
    """Noise on an idle line: the answer before it is whole, and whoever reads on takes the noise for a frame."""
    meter = meters["eastron-sdm630"]
    _, number = await listen(meter)
    meter.switch_on(FaultOrder(kind="stray_bytes", count=1), clock.now_ns())
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    writer.write(struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 0x48, 4))
    answer = await reader.readexactly(17)
    assert answer[7] == 4
    assert await asyncio.wait_for(reader.readexactly(5), 60) != answer[:5]
    writer.close()
