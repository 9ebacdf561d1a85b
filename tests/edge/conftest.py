"""A raw Modbus server that answers as it is told, and the values it serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from fractions import Fraction
from typing import Any

import pytest
from field.stepped import SteppedLoop

from edge.frame import Refused, crc16
from gridkit.profile import Block, encode, load_profile


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], Any]]:
    """Give tests of deadlines and late answers a loop in which a second passes when nothing else is to do."""
    return {"loop": SteppedLoop if item.get_closest_marker("stepped") else asyncio.new_event_loop}


Behaviour = Callable[["Request"], Awaitable[bytes | None] | bytes | None]


class Request:
    """One question as the server saw it."""

    def __init__(self, transaction: int, unit: int, function_code: int, address: int, quantity: int, rtu: bool) -> None:
        self.transaction, self.unit, self.function_code = transaction, unit, function_code
        self.address, self.quantity, self.rtu = address, quantity, rtu

    def frame(
        self,
        pdu: bytes,
        *,
        transaction: int | None = None,
        unit: int | None = None,
        protocol: int = 0,
        length: int | None = None,
    ) -> bytes:
        """Wrap a PDU as this request's answer, or as something slightly else."""
        unit_byte = bytes([self.unit if unit is None else unit])
        if self.rtu:
            body = unit_byte + pdu
            return body + crc16(body).to_bytes(2, "little")
        return (
            (self.transaction if transaction is None else transaction).to_bytes(2, "big")
            + protocol.to_bytes(2, "big")
            + (len(pdu) + 1 if length is None else length).to_bytes(2, "big")
            + unit_byte
            + pdu
        )

    def words(self, count: int | None = None, first: int | None = None) -> list[int]:
        """What the map holds: each register holds its own address."""
        start = self.address if first is None else first
        return [(start + i) & 0xFFFF for i in range(self.quantity if count is None else count)]

    def pdu(self, words: list[int] | None = None, function_code: int | None = None) -> bytes:
        """A read reply's PDU."""
        values = self.words() if words is None else words
        code = self.function_code if function_code is None else function_code
        return bytes([code, 2 * len(values)]) + b"".join(w.to_bytes(2, "big") for w in values)

    def good(self) -> bytes:
        """The right answer."""
        return self.frame(self.pdu())


class RawModbus:
    """A server on loopback; `behave` decides each answer (None: silence; b"": hang up)."""

    def __init__(self, rtu: bool = False) -> None:
        self.rtu = rtu
        self.good: Behaviour = Request.good
        self.behave: Behaviour = self.good
        self.requests: list[Request] = []
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.close()
        for task in list(self._tasks):
            task.cancel()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                if self.rtu:
                    frame = await reader.readexactly(8)
                    request = Request(
                        0, frame[0], frame[1], int.from_bytes(frame[2:4]), int.from_bytes(frame[4:6]), True
                    )
                else:
                    head = await reader.readexactly(7)
                    pdu = await reader.readexactly(int.from_bytes(head[4:6]) - 1)
                    request = Request(
                        int.from_bytes(head[0:2]),
                        head[6],
                        pdu[0],
                        int.from_bytes(pdu[1:3]),
                        int.from_bytes(pdu[3:5]),
                        False,
                    )
                self.requests.append(request)
                # Answers do not wait for each other: a late one meets the next question, as on a real bus.
                task = asyncio.create_task(self._answer(request, writer))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        answer = self.behave(request)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer is None:
            return
        if answer == b"":
            writer.close()
            return
        # A gateway relays to whoever is connected now.
        for target in list(self._writers):
            if not target.is_closing():
                target.write(answer)


@pytest.fixture
async def start_modbus() -> AsyncIterator[Callable[..., Awaitable[RawModbus]]]:
    """A function that starts a server: start_modbus(rtu=False, port=0)."""
    servers: list[RawModbus] = []

    async def start(rtu: bool = False, port: int = 0) -> RawModbus:
        server = RawModbus(rtu)
        servers.append(server)
        await server.start(port)
        return server

    yield start
    for server in servers:
        await server.stop()


@pytest.fixture
async def modbus(start_modbus: Callable[..., Awaitable[RawModbus]]) -> RawModbus:
    """A Modbus TCP server."""
    return await start_modbus()


class ProfileMeter:
    """A meter of one family, in memory: answers blocks with the family's own encoding."""

    def __init__(self, profile_id: str, serial: str = "1234567") -> None:
        self.profile = load_profile(profile_id)
        self.values: dict[str, Any] = {}
        for name, field in self.profile.fields.items():
            self.values[name] = (
                field.expect[0] if field.expect else field.typical or ("" if field.type == "text" else 0)
            )
        identity = self.profile.identity
        if identity.model:
            typical = identity.model_typical
            self.values[identity.model] = typical if self.profile.field(identity.model).type == "text" else int(typical)
        self.set_serial(serial)
        self.import_wh = Fraction(0)
        self.export_wh = Fraction(0)
        self.power_w = 0

    def set_serial(self, serial: str) -> None:
        """Become another meter."""
        name = self.profile.identity.serial
        if name:
            self.values[name] = serial if self.profile.field(name).type == "text" else int(serial)

    def words(self, block: Block) -> tuple[int, ...]:
        """The registers of a block; holes are zero."""
        values = dict(self.values)
        for names, total in (
            (self.profile.energy.import_, self.import_wh),
            (self.profile.energy.export, self.export_wh),
        ):
            for index, name in enumerate(names):
                values[name] = total if index == 0 else 0
        if "power_w" in values:
            values["power_w"] = self.power_w
        words = [0] * block.quantity
        for name, field in self.profile.fields.items():
            if field.function_code != block.function_code:
                continue
            exponent = int(values[field.scale_field]) if field.scale_field else 0
            for offset, word in enumerate(encode(self.profile, field, values[name], exponent=exponent)):
                at = field.address + offset - block.address
                if 0 <= at < block.quantity:
                    words[at] = word
        return tuple(words)

    def answer(self, request: Request) -> bytes:
        """The same over a socket."""
        block = Block(request.function_code, request.address, request.quantity)
        return request.frame(request.pdu(list(self.words(block))))


class FakeLink:
    """A bus in memory: units by id; a unit may be told to refuse."""

    def __init__(self) -> None:
        self.units: dict[int, ProfileMeter] = {}
        self.refusing: dict[int, Refused] = {}
        self.asked: list[int] = []
        self.before_answer: Callable[[int], None] = lambda unit: None

    async def read(self, unit: int, block: Block, *, pause_ms: int = 0, connect_pause_ms: int = 0) -> Any:
        self.asked.append(unit)
        self.before_answer(unit)
        if unit in self.refusing:
            return self.refusing[unit]
        return self.units[unit].words(block)

    async def close(self) -> None:
        """Nothing to hang up."""


@pytest.fixture
def profile_meter() -> type[ProfileMeter]:
    """The class of meters in memory."""
    return ProfileMeter


@pytest.fixture
def fake_link() -> FakeLink:
    """A bus in memory."""
    return FakeLink()
