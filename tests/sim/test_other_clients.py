"""Clients and documents that are not ours: what they read of every family, over TCP and a pseudo-terminal, is the truth.

`KNOWN` is written down from the makers' documents, not from our profiles: two readings of one map that must agree. Bytes become
numbers by `struct`, not by our decoder. pymodbus and mbpoll ask over TCP, minimalmodbus and mbpoll over the line.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import struct
import subprocess
from collections.abc import AsyncIterator, Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import minimalmodbus
import pytest
from pymodbus.client import AsyncModbusTcpClient

from firmware_sim.fleet import default_fleet
from firmware_sim.meter import SimMeter
from firmware_sim.modbus import MeterPort
from firmware_sim.serial_line import SerialLine
from firmware_sim.settings import LineSettings, MeterSettings
from firmware_sim.truth import Entry, TruthLog, entries
from gridkit.clock import FakeClock
from gridkit.profile import Block, Field, Profile, list_profiles, load_profile, plan_blocks

pytestmark = pytest.mark.integration

MBPOLL = shutil.which("mbpoll") or shutil.which("mbpoll", path="/usr/bin")
BAUD = 115_200
Words = dict[tuple[int, int], int]
"""(function code, address) → word."""


class Known(NamedTuple):
    """A family's map as its documents have it: addresses of import and export (added up), their form, and the Wh of one count.

    Forms are struct's, big-endian; `low` says that the low word comes first. `power` is address, form and W of one count. Where a
    register of powers of ten belongs to a value, its address stands last.
    """

    code: int
    imports: tuple[int, ...]
    exports: tuple[int, ...]
    form: str
    wh: Fraction
    power: tuple[int, str, Fraction]
    serial: tuple[int, int, str] | None
    low: bool = False
    energy_sf: int = 0
    power_sf: int = 0


KWH, WH = Fraction(1000), Fraction(1)
W, KW = Fraction(1), Fraction(1000)
SUNSPEC_SERIAL = (3, 40_052, "32s")  # model 1, offset 50 of the ID word at 40002
KNOWN = {
    "eastron-sdm120": Known(4, (0x48,), (0x4A,), ">f", KWH, (0x0C, ">f", W), (3, 0xFC00, ">I")),
    "eastron-sdm230": Known(4, (0x48,), (0x4A,), ">f", KWH, (0x0C, ">f", W), None),
    "eastron-sdm630": Known(4, (0x48,), (0x4A,), ">f", KWH, (0x34, ">f", W), (3, 0x2A, ">Q")),
    "eastron-sdm72": Known(4, (0x48,), (0x4A,), ">f", KWH, (0x34, ">f", W), None),
    "eastron-sdm72-v2": Known(4, (0x48,), (0x4A,), ">f", KWH, (0x34, ">f", W), (3, 0xFC00, ">I")),
    "schneider-iem3155": Known(3, (3203,), (3207,), ">q", WH, (3059, ">f", KW), (3, 129, ">I")),
    "schneider-pm5100": Known(3, (3203,), (3207,), ">q", WH, (3059, ">f", KW), (3, 129, ">I")),
    "schneider-powertag-250": Known(3, (3207,), (3211,), ">q", WH, (3059, ">f", W), (3, 31_088, "20s")),
    "gavazzi-em24-e1": Known(
        3, (0x34,), (0x4E,), ">i", Fraction(100), (0x28, ">i", Fraction(1, 10)), (3, 0x5000, "14s"), low=True
    ),
    "gavazzi-em340": Known(
        4, (0x34,), (0x4E,), ">i", Fraction(100), (0x28, ">i", Fraction(1, 10)), (4, 0x5000, "14s"), low=True
    ),
    "janitza-umg96rm": Known(3, (19_068,), (19_076,), ">f", WH, (19_026, ">f", W), (3, 754, ">I")),
    "abb-b23": Known(3, (0x5000,), (0x5004,), ">Q", Fraction(10), (0x5B14, ">i", Fraction(1, 100)), (3, 0x8900, ">I")),
    "siemens-pac2200": Known(3, (801, 805), (809, 813), ">d", WH, (65, ">f", W), (3, 64_012, "16s")),
    "siemens-pac3200": Known(3, (801, 805), (809, 813), ">d", WH, (65, ">f", W), (3, 64_012, "16s")),
    # Offsets of the SunSpec models count from the ID word of the second model, at 40070 behind model 1 of 66 registers.
    "sunspec-103": Known(
        3, (), (40_094,), ">I", WH, (40_084, ">h", -W), SUNSPEC_SERIAL, energy_sf=40_096, power_sf=40_085
    ),
    "sunspec-203": Known(
        3, (40_116,), (40_108,), ">I", WH, (40_088, ">h", W), SUNSPEC_SERIAL, energy_sf=40_124, power_sf=40_092
    ),
    "sunspec-213": Known(3, (40_138,), (40_130,), ">f", WH, (40_098, ">f", W), SUNSPEC_SERIAL),
    "sunspec-701": Known(
        3, (40_093,), (40_089,), ">Q", WH, (40_080, ">h", -W), SUNSPEC_SERIAL, energy_sf=40_190, power_sf=40_186
    ),
}


def content_of(words: Words, code: int, address: int, form: str, *, low: bool = False) -> bytes:
    """Return the bytes of a register, most significant first."""
    width = struct.calcsize(form) // 2
    found = [words[code, address + offset] for offset in range(width)]
    return b"".join(word.to_bytes(2, "big") for word in (found[::-1] if low else found))


def number(words: Words, code: int, address: int, form: str, *, low: bool = False, sf: int = 0) -> Fraction:
    """Return the exact number of a register."""
    (value,) = struct.unpack(form, content_of(words, code, address, form, low=low))
    power = struct.unpack(">h", content_of(words, code, sf, ">h"))[0] if sf else 0
    return Fraction(value) * Fraction(10) ** power


def test_every_family_is_written_down() -> None:
    """A family without a second reading of its map stands on one source."""
    assert set(KNOWN) == set(list_profiles())


def blocks_of(profile: Profile) -> list[Block]:
    """Every register of the family, in as many questions as the device wants."""
    return plan_blocks(profile, tuple(profile.fields))


async def by_pymodbus(where: str, profile: Profile) -> Words:
    client = AsyncModbusTcpClient("127.0.0.1", port=int(where))
    assert await client.connect()
    words: Words = {}
    for code, address, quantity in blocks_of(profile):
        call = client.read_holding_registers if code == 3 else client.read_input_registers
        reply = await call(address, count=quantity, device_id=1)
        assert not reply.isError(), (profile.id, address, reply)
        words |= {(code, address + offset): word for offset, word in enumerate(reply.registers)}
    client.close()
    return words


async def by_minimalmodbus(where: str, profile: Profile) -> Words:
    def ask() -> Words:
        client = minimalmodbus.Instrument(where, 1)
        client.serial.baudrate, client.serial.timeout = BAUD, 10
        words: Words = {}
        for code, address, quantity in blocks_of(profile):
            got = client.read_registers(address, quantity, code)
            words |= {(code, address + offset): word for offset, word in enumerate(got)}
        client.serial.close()
        return words

    return await asyncio.to_thread(ask)


async def by_mbpoll(where: str, profile: Profile) -> Words:
    if MBPOLL is None:
        pytest.skip("needs mbpoll (Debian package)")
    words: Words = {}
    place = ["-m", "tcp", "-p", where, "127.0.0.1"] if where.isdigit() else []
    place = place or ["-m", "rtu", "-b", str(BAUD), "-P", "none", where]
    for code, address, quantity in blocks_of(profile):
        kind = {3: "4:hex", 4: "3:hex"}[code]
        asked = ["-a", "1", "-t", kind, "-0", "-r", str(address), "-c", str(quantity), "-1", "-o", "10"]
        done = await asyncio.to_thread(
            subprocess.run, [MBPOLL, *asked, *place], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for line in done.stdout.splitlines():
            if line.startswith("["):
                at, _, word = line[1:].partition("]:")
                words[code, int(at)] = int(word.strip(), 16)
    return words


CLIENTS: dict[str, tuple[str, Callable[[str, Profile], Any]]] = {
    "pymodbus over TCP": ("tcp", by_pymodbus),
    "mbpoll over TCP": ("tcp", by_mbpoll),
    "minimalmodbus on the line": ("line", by_minimalmodbus),
    "mbpoll on the line": ("line", by_mbpoll),
}


class Served(NamedTuple):
    """A meter, its port, and where clients find it on either wire."""

    meter: SimMeter
    places: dict[str, str]


def settings_of(family: str) -> MeterSettings:
    """A prosumer of any family."""
    for known in default_fleet(8):
        if known.settings.profile == family and known.settings.load and known.settings.pv:
            return known.settings
    serial = KNOWN[family].serial
    text = "7" if serial is None else "31000001" if serial[2] in (">I", ">Q") else "BY0420000071"
    return MeterSettings(serial=text, profile=family, load="G1-B", load_w=9_000, pv="PV6", pv_w=16_000)


@pytest.fixture
async def serve(clock: FakeClock, tmp_path: Path) -> AsyncIterator[Callable[[str], Any]]:
    """Serve one meter of a family on both wires, each with its truth log in tmp_path."""
    closing: list[Any] = []
    truth = TruthLog(tmp_path)

    async def start(family: str) -> Served:
        port = MeterPort(SimMeter(settings_of(family)), clock, truth)
        line = SerialLine(LineSettings(name="riser", baud=BAUD, turnaround_ms=1), {1: port})
        closing.extend((port, line))
        return Served(port.meter, {"tcp": str(await port.listen("127.0.0.1", 0)), "line": await line.open(tmp_path)})

    yield start
    for opened in closing:
        await opened.close()
    truth.close()


def total_wh(words: Words, known: Known, addresses: tuple[int, ...]) -> Fraction:
    return known.wh * sum(
        number(words, known.code, at, known.form, low=known.low, sf=known.energy_sf) for at in addresses
    )


def text_of(words: Words, code: int, address: int, form: str) -> str:
    content = content_of(words, code, address, form)
    return str(struct.unpack(form, content)[0]) if form in (">I", ">Q") else content.split(b"\0")[0].decode().strip()


def logged(folder: Path, imported_wh: int | None, exported_wh: int | None) -> list[Entry]:
    """Return the truth log's blocks that showed these registers; None: whatever the block showed."""
    return [
        entry
        for entry in entries(folder)
        if imported_wh in (None, entry.import_wh) and exported_wh in (None, entry.export_wh)
    ]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("family", list_profiles())
async def test_what_others_read_is_the_truth(
    serve: Any, clock: FakeClock, tmp_path: Path, family: str, client: str
) -> None:
    """Whoever doubts a bill reads the meter with a tool of their own choice: counters, power and name must be these."""
    clock.advance_s(7 * 3600 + 431)
    served: Served = await serve(family)
    profile, known = served.meter.profile, KNOWN[family]
    wire, read = CLIENTS[client]
    words: Words = await read(served.places[wire], profile)
    truth = served.meter.true_energy(clock.now_ns())
    for addresses, true_mwh, is_import in (
        (known.imports, truth.import_mwh, True),
        (known.exports, truth.export_mwh, False),
    ):
        if not addresses:
            continue
        shown = total_wh(words, known, addresses)
        whole = shown.numerator // shown.denominator
        found = logged(tmp_path, whole if is_import else None, None if is_import else whole)
        assert found, f"{shown} Wh is in no block of the truth log"
        step_mwh = found[0].import_step_mwh if is_import else found[0].export_step_mwh
        assert 0 <= true_mwh - shown * 1000 < step_mwh
        assert not found[0].strays()
    at, form, watts = known.power
    power = watts * number(words, known.code, at, form, low=known.low, sf=known.power_sf)
    assert abs(power - served.meter.true_power_w(clock.now_ns() // 60_000_000_000 * 60_000_000_000)) <= 10
    if known.serial is not None:
        assert text_of(words, *known.serial) == served.meter.serial
    imported, exported = (Fraction(mwh, 1000) for mwh in truth[:2])
    check_all_fields(profile, words, {"import": imported, "export": exported, "power": power})


_PART = re.compile(r"(import|export|power)_(?:(l)[123]|(t)[12])_")


def check_all_fields(profile: Profile, words: Words, totals: dict[str, Fraction]) -> None:
    """Every register of the profile: parts add up to their total, identity is the family's, the rest is a low-voltage grid's.

    Args:
        totals: True import and export, Wh, and the power that the total's register shows, W.
    """
    ranges = {"V": (227, 233), "Hz": (Fraction("49.9"), Fraction("50.1")), "A": (0, 1_000)}
    sums: dict[tuple[str, str], Fraction] = {}
    room: dict[tuple[str, str], Fraction] = {}
    for field in profile.fields.values():
        value = field_value(profile, field, words)
        if isinstance(value, str):
            assert value, field.name
        elif field.unit in ranges:
            low, high = ranges[field.unit]
            assert low <= value <= high, field.name
        elif field.expect:
            assert value in field.expect, field.name
        elif field.name.startswith("power_factor") and not field.name.endswith("_sf"):
            assert Fraction("0.95") <= abs(value) <= 1, field.name
        elif part := _PART.match(field.name):
            group = part[1], part[2] or part[3]
            step = abs(value) / 2**22 if field.type == "f32" else abs(field.scale_ratio) * 10**3
            sums[group] = sums.get(group, Fraction(0)) + value
            room[group] = room.get(group, Fraction(0)) + step
    for group, found in sums.items():
        assert abs(found - totals[group[0]]) <= room[group] + 1, group


def field_value(profile: Profile, field: Field, words: Words) -> Fraction | str:
    """Return a field's value, by struct."""
    if field.type == "text":
        return text_of(words, field.function_code, field.address, f"{2 * field.width}s")
    letter = {"u16": "H", "s16": "h", "u32": "I", "s32": "i", "u64": "Q", "s64": "q", "f32": "f", "f64": "d"}
    sf = profile.field(field.scale_field).address if field.scale_field else 0
    raw = number(words, field.function_code, field.address, ">" + letter[field.type], low=field.order == "low", sf=sf)
    return raw * field.scale_ratio


@pytest.mark.parametrize("family", list_profiles())
def test_a_read_that_begins_within_a_register_gets_its_second_half_or_a_refusal(clock: FakeClock, family: str) -> None:
    """Devices differ: some serve any word, Siemens refuses to cut a value, Eastron wants even counts. None invents a number."""
    from firmware_sim.meter import ModbusException
    from firmware_sim.meter import Served as Reply

    meter = SimMeter(settings_of(family))
    profile = load_profile(family)
    for field in (*profile.energy_fields("import"), *profile.energy_fields("export")):
        whole = meter.read(field.function_code, field.address, field.width, clock.now_ns())
        half = meter.read(field.function_code, field.address + field.width // 2, field.width // 2, clock.now_ns())
        assert isinstance(whole, Reply)
        assert whole.entry is not None or len(profile.energy.import_) > 1
        if profile.access.whole_values:
            assert half is ModbusException.ILLEGAL_ADDRESS
        elif profile.access.even_registers and field.width // 2 % 2:
            assert half is ModbusException.ILLEGAL_VALUE
        else:
            assert isinstance(half, Reply)
            assert half.words == whole.words[field.width // 2 :]
            assert half.entry is None, "half a register is no energy block"
