"""The oracle beside the real registry and the real council: what they write is what it reads."""

from __future__ import annotations

import pytest
from campus import READINGS, SET_PARAM, Campus, device_key, meter_address, network_tag, payload_set_param
from oracle_world import APPLIED, BAD_SIGNATURE, FUTURE, INACTIVE, SUSPENDED, DeviceKey, Meter, Reading, World
from program_harness import Chain, expect_error, expect_ok
from solders.keypair import Keypair

from gridkit.interval import interval_at


@pytest.fixture
def campus(chain: Chain) -> Campus:
    return Campus.build(chain)


@pytest.fixture
def world(campus: Campus) -> World:
    return World(campus.chain, siblings=True)


class Metered:
    """A meter of the real registry, enrolled, and its signature."""

    def __init__(self, campus: Campus, world: World) -> None:
        self.campus, self.world, self.chain = campus, world, campus.chain
        self.owner: Keypair = campus.user("owner")
        self.address = campus.meter("m", self.owner)
        self.enrol_outcome = expect_ok(
            self.chain.call("oracle", "enroll_meter", {"slab": world.slab(), "meter": self.address})
        )
        self.now = interval_at(self.chain.now_s()) - 1

    def reading(
        self,
        interval: int,
        import_wh: int,
        export_wh: int = 0,
        *,
        device: str = "m",
        key_epoch: int = 0,
        register_epoch: int = 0,
        next_epoch: bool = False,
    ) -> Reading:
        record = self.chain.read("registry", "Meter", self.address)
        key = DeviceKey(device_key(device), key_epoch)
        meter = Meter(record["meter_number"], record["slot"], self.owner, [key], register_epoch=register_epoch)
        return Reading(meter, interval, import_wh, export_wh, tag=network_tag(), next_epoch=next_epoch)

    def sync(self) -> None:
        expect_ok(self.chain.call("oracle", "sync_key", {"slab": self.world.slab(), "meter": self.address}))


@pytest.fixture
def metered(campus: Campus, world: World) -> Metered:
    return Metered(campus, world)


def test_reading_of_a_registered_meter_counts(metered: Metered) -> None:
    """From the proof of possession to the credited watt-hour, with nothing written by hand."""
    world, now = metered.world, metered.now
    assert world.reasons(metered.reading(now - 5, 1_000)) == [APPLIED]
    assert world.reasons(metered.reading(now - 4, 1_250, 40)) == [APPLIED]
    assert (world.entry(0)["acc_import_wh"], world.entry(0)["acc_export_wh"]) == (250, 40)
    outcome = world.post(metered.reading(now - 3, 1_251, 41), poster=metered.owner, meter=metered.address)
    assert expect_ok(outcome).event("ReadingsPosted")["results"][0]["reason"] == APPLIED


def test_registrys_rotation_reaches_the_slab(metered: Metered) -> None:
    """The switch lies in the future when it is decided; both keys sign their own side of it."""
    world, chain, now = metered.world, metered.chain, metered.now
    assert world.reasons(metered.reading(now, 1_000)) == [APPLIED]
    switch = now + 4
    expect_ok(metered.campus.rotate_key("m", metered.owner, device_key("new"), switch))
    metered.sync()
    chain.advance(900 * 6)
    old, new = metered.reading(switch - 1, 1_001), metered.reading(switch, 1_002, device="new", key_epoch=1)
    assert world.reasons(old, new) == [APPLIED, APPLIED]
    assert world.reasons(metered.reading(switch + 1, 1_003)) == [BAD_SIGNATURE]


def test_registrys_swap_reaches_the_slab(metered: Metered) -> None:
    """Two approvals in the registry, then the new device's first reading opens its registers."""
    world, now = metered.world, metered.now
    assert world.reasons(metered.reading(now - 3, 9_000)) == [APPLIED]
    expect_ok(metered.campus.swap_meter("m"))
    metered.sync()
    opening = metered.reading(now - 2, 3, 4, register_epoch=1, next_epoch=True)
    assert world.reasons(opening, metered.reading(now - 1, 10, 4, register_epoch=1)) == [APPLIED, APPLIED]
    assert world.entry(0)["acc_import_wh"] == 7


def test_registrys_suspension_reaches_the_slab(metered: Metered) -> None:
    """Anybody may carry it over."""
    expect_ok(metered.campus.suspend_meter("m"))
    metered.sync()
    assert metered.world.entry(0)["status"] == SUSPENDED
    assert metered.world.reasons(metered.reading(metered.now, 1)) == [INACTIVE]


def test_councils_stop_and_tolerance_rule_the_oracle(metered: Metered) -> None:
    """The pause bit and the parameter are read where governance writes them."""
    world, chain = metered.world, metered.chain
    ahead = metered.now + 20
    chain.set_time(900 * (ahead + 1) - 61)
    assert world.reasons(metered.reading(ahead, 1)) == [FUTURE]
    expect_ok(metered.campus.stop(READINGS))
    expect_error(world.post(metered.reading(metered.now, 1)), "oracle", "Paused")
    chain.advance(3_600)
    assert world.reasons(metered.reading(metered.now, 1)) == [APPLIED]
    metered.campus.decide(SET_PARAM, payload_set_param(2, 0))
    late = interval_at(chain.now_s()) + 3
    chain.set_time(900 * (late + 1) - 1)
    assert world.reasons(metered.reading(late, 1)) == [FUTURE]
    chain.advance(1)
    assert world.reasons(metered.reading(late, 1)) == [APPLIED]


def test_address_of_the_meter_is_the_registrys(metered: Metered) -> None:
    """The account that was enrolled is the one that clients derive from the meter's id."""
    assert metered.address == meter_address("m")
    assert metered.enrol_outcome.event("MeterEnrolled")["meter_number"] == 1
