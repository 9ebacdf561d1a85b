"""No wrong number leaves the Modbus link."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from edge.frame import Question, Refusal, Refused, ask_rtu, ask_tcp, crc16, inspect_rtu, inspect_tcp
from edge.guard import Link
from edge.settings import TcpEndpoint
from gridkit.profile import Block

pytestmark = pytest.mark.stepped
BLOCK = Block(4, 72, 4)
RIGHT = (72, 73, 74, 75)


def wrong_function(r: Any) -> bytes:
    return r.frame(r.pdu(function_code=3))


FAULTS: dict[str, tuple[Any, Refusal]] = {
    "short by one register": (lambda r: r.frame(r.pdu(r.words(3))), Refusal.SHORT),
    "long by two registers": (lambda r: r.frame(r.pdu(r.words(6))), Refusal.LONG),
    "function 3 for function 4": (wrong_function, Refusal.WRONG_FUNCTION),
    "another unit": (lambda r: r.frame(r.pdu(), unit=9), Refusal.WRONG_UNIT),
    "transaction id 0": (lambda r: r.frame(r.pdu(), transaction=0), Refusal.WRONG_TRANSACTION),
    "another transaction": (lambda r: r.frame(r.pdu(), transaction=r.transaction + 7), Refusal.WRONG_TRANSACTION),
    "exception 2": (lambda r: r.frame(bytes([0x84, 2])), Refusal.EXCEPTION),
    "exception of another function": (lambda r: r.frame(bytes([0x83, 2])), Refusal.WRONG_FUNCTION),
    "exception 6 with a tail": (lambda r: r.frame(bytes([0x84, 6, 0])), Refusal.GARBAGE),
    "another protocol id": (lambda r: r.frame(r.pdu(), protocol=1), Refusal.GARBAGE),
    "noise": (lambda r: b"\xff" * 40, Refusal.GARBAGE),
    "half a frame": (lambda r: r.good()[:10], Refusal.SHORT),
    "two frames": (lambda r: r.good() * 2, Refusal.LONG),
    "a tail of noise": (lambda r: r.good() + b"\x00", Refusal.LONG),
    "byte count that lies": (lambda r: r.frame(bytes([4, 6]) + r.pdu()[2:]), Refusal.GARBAGE),
    "odd byte count": (lambda r: r.frame(bytes([4, 7]) + bytes(7)), Refusal.SHORT),
    "silence": (lambda r: None, Refusal.TIMEOUT),
    "hang-up": (lambda r: b"", Refusal.CLOSED),
}


@pytest.mark.integration
@pytest.mark.parametrize("name", FAULTS)
async def test_a_wrong_answer_is_refused_with_its_reason_and_the_next_one_is_right(modbus: Any, name: str) -> None:
    """Three registers for four shift a kWh counter by 65,536; pymodbus alone hands them over."""
    fault, reason = FAULTS[name]
    link = Link(TcpEndpoint("127.0.0.1", modbus.port), timeout_s=0.15, settle_s=0.02)
    assert await link.read(1, BLOCK) == RIGHT
    modbus.behave = fault
    refused = await link.read(1, BLOCK)
    assert isinstance(refused, Refused)
    assert refused.reason is reason
    modbus.behave = modbus.good
    assert await link.read(1, BLOCK) == RIGHT
    assert await link.read(1, Block(3, 5, 2)) == (5, 6)
    # A proper exception says nothing against the link; everything else does.
    assert modbus.connections == (1 if reason is Refusal.EXCEPTION else 2)
    await link.close()


@pytest.mark.integration
@pytest.mark.parametrize("rtu", [False, True])
async def test_a_late_answer_never_becomes_the_next_one(start_modbus: Any, rtu: bool) -> None:
    """RTU frames carry no id: with pymodbus alone every later read stays shifted by one question."""
    server = await start_modbus(rtu)
    link = Link(TcpEndpoint("127.0.0.1", server.port, "rtu" if server.rtu else "tcp"), timeout_s=0.2, settle_s=0.2)

    def after(delay_s: float) -> Any:
        async def answer(r: Any) -> bytes:
            await asyncio.sleep(delay_s)
            return bytes(r.good())

        return answer

    # The gateway gives the late answer to whoever is connected by then, just before the right one.
    server.behave = after(0.3)
    assert await link.read(1, Block(4, 72, 4)) == Refused(Refusal.TIMEOUT)
    server.behave = after(0.15)
    for address in (12, 40, 72):
        assert await link.read(1, Block(4, address, 4)) == tuple(range(address, address + 4))
    await link.close()


@pytest.mark.integration
async def test_bytes_that_nobody_asked_for_close_the_link_before_the_next_question(start_modbus: Any) -> None:
    """A second copy of an answer would otherwise be the answer to the next question."""
    modbus_rtu = await start_modbus(rtu=True)

    async def twice(r: Any) -> bytes:
        async def again() -> None:
            await asyncio.sleep(0.05)
            for writer in modbus_rtu._writers:
                writer.write(r.good())

        task = asyncio.create_task(again())
        modbus_rtu._tasks.add(task)
        return bytes(r.good())

    link = Link(TcpEndpoint("127.0.0.1", modbus_rtu.port, "rtu"), timeout_s=0.2, settle_s=0.02)
    modbus_rtu.behave = twice
    assert await link.read(1, BLOCK) == RIGHT
    modbus_rtu.behave = modbus_rtu.good
    await asyncio.sleep(0.1)
    assert await link.read(1, Block(4, 12, 4)) == (12, 13, 14, 15)
    assert modbus_rtu.connections == 2
    await link.close()


@pytest.mark.integration
async def test_a_frame_in_small_pieces_is_put_together(modbus: Any) -> None:
    """Slow gateways send a byte at a time; that is no fault."""

    async def pieces(r: Any) -> None:
        for byte in r.good():
            for writer in modbus._writers:
                writer.write(bytes([byte]))
                await writer.drain()
            await asyncio.sleep(0.002)

    modbus.behave = pieces
    link = Link(TcpEndpoint("127.0.0.1", modbus.port), timeout_s=1)
    assert await link.read(1, BLOCK) == RIGHT
    await link.close()


@pytest.mark.integration
async def test_a_host_that_is_not_there_is_refused_by_our_deadline_and_found_again(start_modbus: Any) -> None:
    """A link that is never opened again after a power cut is the commonest complaint about gateways."""
    server = await start_modbus()
    port = server.port
    await server.stop()
    link = Link(TcpEndpoint("127.0.0.1", port), timeout_s=0.2, settle_s=0.01)
    for _ in range(3):
        assert await link.read(1, BLOCK) == Refused(Refusal.CONNECT)
    await start_modbus(port=port)
    assert await link.read(1, BLOCK) == RIGHT
    await link.close()


def test_ten_thousand_spoilt_frames_give_no_wrong_register() -> None:
    """Whatever one to three changed bytes do to a frame, what is accepted are the registers that were sent."""
    rng = random.Random(7)
    asked = Question(5, 1, 4, 4)
    pdu = bytes([4, 8]) + b"".join(w.to_bytes(2, "big") for w in RIGHT)
    tcp = b"\x00\x05\x00\x00" + (len(pdu) + 1).to_bytes(2, "big") + b"\x01" + pdu
    rtu_body = b"\x01" + pdu
    rtu = rtu_body + crc16(rtu_body).to_bytes(2, "little")
    accepted = 0
    for _ in range(10_000):
        for frame, inspect in ((tcp, inspect_tcp), (rtu, inspect_rtu)):
            spoilt = bytearray(frame)
            head = len(frame) - 8 if inspect is inspect_tcp else len(frame)
            for _ in range(rng.randint(1, 3)):
                # TCP carries its own checksum for the data; what a meter or gateway gets wrong is the head.
                spoilt[rng.randrange(head)] ^= 1 << rng.randrange(8)
            if rng.random() < 0.3:
                del spoilt[rng.randrange(len(spoilt)) :]
            if bytes(spoilt) == frame:
                continue
            result = inspect(bytes(spoilt), asked)
            if isinstance(result, tuple) and not isinstance(result, Refused):
                accepted += 1
    assert accepted == 0


def test_crc_is_the_specifications() -> None:
    """The worked example of the serial line guide, 6.2.2: 02 07 gives 0x1241."""
    assert crc16(bytes([0x02, 0x07])) == 0x1241


def test_a_question_is_the_specifications() -> None:
    """Registers 108 to 110 of unit 17, the worked example of the application protocol, 6.3, in both framings."""
    asked = Question(0x1501, 0x11, 3, 3)
    assert ask_tcp(asked, 0x006B) == bytes.fromhex("1501 0000 0006 11 03 006b 0003")
    assert ask_rtu(asked, 0x006B) == bytes.fromhex("11 03 006b 0003 7687")
