"""`campusgrid edge probe` in front of simulated meters of every family, on either wire."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from field.campus import START_NS, TrueClock
from field.stepped import run_stepped

from edge.probe import LAYOUT, POSSIBLE, SAYS_SO, Match, named, probe_at, render
from edge.settings import LineSettings as EdgeLine
from edge.settings import TcpEndpoint
from firmware_sim.meter import ModbusException, Served, SimMeter
from firmware_sim.modbus import MeterPort
from firmware_sim.serial_line import SerialLine
from firmware_sim.settings import LineSettings, MeterSettings
from gridkit.clock import FakeClock
from gridkit.profile import list_profiles

pytestmark = pytest.mark.integration
SERIALS = {"gavazzi": "BY0420000071", "siemens": "LQN/24050000071", "sunspec": "SN-71"}
WITHOUT_NAME = {"eastron-sdm230", "janitza-umg96rm", "schneider-powertag-250"}


def meter_of(family: str) -> SimMeter:
    serial = SERIALS.get(family.split("-")[0], "31000001")
    return SimMeter(MeterSettings(serial=serial, profile=family, load="G1-B", load_w=9_000, pv="PV6", pv_w=16_000))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def probed(meter: SimMeter, folder: Path, framing: str) -> list[Match]:
    async def ask() -> list[Match]:
        port = MeterPort(meter, TrueClock(), None, wall_s=lambda: asyncio.get_running_loop().time())
        number = free_port()
        line = SerialLine(LineSettings(name="riser", tcp_port=number), {1: port})
        if framing == "rtu":
            await line.open(folder)
        else:
            await port.listen("127.0.0.1", number)
        try:
            return await probe_at(TcpEndpoint("127.0.0.1", number, framing), 1, None, 1.0)
        finally:
            await line.close()
            await port.close()

    return run_stepped(ask())


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
@pytest.mark.parametrize("family", list_profiles())
def test_each_family_is_named_from_its_registers(tmp_path: Path, family: str, framing: str) -> None:
    """The type plate is behind the cover, and the installer has gone."""
    matches = probed(meter_of(family), tmp_path, framing)
    best = named(matches)
    assert best is not None, matches
    assert (best.profile_id, best.faults) == (family, ())
    sure = POSSIBLE if family in WITHOUT_NAME else LAYOUT if family.startswith("sunspec") else SAYS_SO
    assert best.strength == sure
    assert all(other.strength < sure for other in matches[1:])


def test_a_probe_on_a_real_line_names_the_meter(tmp_path: Path) -> None:
    """A laptop with an adapter at the meter's own terminals."""

    async def ask() -> list[Match]:
        port = MeterPort(meter_of("abb-b23"), FakeClock(START_NS), None)
        line = SerialLine(LineSettings(name="riser", baud=115_200), {1: port})
        try:
            where = await line.open(tmp_path)
            families = ["abb-b23", "eastron-sdm630", "schneider-iem3155"]
            return await probe_at(EdgeLine("probe", where, 115_200), 1, families, 2.0)
        finally:
            await line.close()

    assert [m.profile_id for m in asyncio.run(ask())] == ["abb-b23"]


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
def test_a_meter_that_two_families_fit_equally_well_is_not_named(tmp_path: Path, framing: str) -> None:
    """An SDM630 of the first years has no code; taken for its single-phase sister it would be billed for one phase."""
    meter = meter_of("eastron-sdm630")
    meter._static["meter_code"] = (0,)
    matches = probed(meter, tmp_path, framing)
    assert {m.profile_id for m in matches} == {"eastron-sdm230", "eastron-sdm630"}
    assert named(matches) is None
    page = render(matches, "h:502", 1)
    assert "NOT NAMED" in page
    assert all(f"{m.profile_id}, Eastron" in page for m in matches)
    assert page.count("import_wh: ") == 2


UNKNOWN: dict[str, Any] = {
    "that answers zero everywhere": lambda quantity: Served([0] * quantity, None, ()),
    "that answers ones everywhere": lambda quantity: Served([0xFFFF] * quantity, None, ()),
    "that answers 236 everywhere": lambda quantity: Served([236] * quantity, None, ()),
    "that has no such register": lambda quantity: ModbusException.ILLEGAL_ADDRESS,
    "that answers text everywhere": lambda quantity: Served([0x4142] * quantity, None, ()),
}


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
@pytest.mark.parametrize("stranger", UNKNOWN)
def test_a_stranger_gets_no_name(tmp_path: Path, stranger: str, framing: str) -> None:
    """A heat pump on the same line must not become a meter."""
    meter = meter_of("abb-b23")
    meter.read = lambda code, address, quantity, ns: UNKNOWN[stranger](quantity)  # type: ignore[method-assign]
    assert probed(meter, tmp_path, framing) == []


@pytest.mark.parametrize(
    ("family", "setting", "words", "says"),
    [
        ("eastron-sdm630", "energy_prefix", (0x3F80, 0), "MWh"),
        ("gavazzi-em340", "measurement_mode", (0,), "export would be counted as import"),
        ("gavazzi-em24-e1", "application", (1,), "application"),
    ],
)
def test_a_meter_that_is_set_up_otherwise_is_named_and_warned_of(
    tmp_path: Path, family: str, setting: str, words: tuple[int, ...], says: str
) -> None:
    """The right family with the wrong setting counts as wrongly as the wrong family."""
    meter = meter_of(family)
    meter._static[setting] = words
    best = named(probed(meter, tmp_path, "tcp"))
    assert best is not None
    assert best.profile_id == family
    assert any(setting in fault and says in fault for fault in best.faults), best.faults
