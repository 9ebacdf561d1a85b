"""The oracle beside the real registry and the real council: what they write is what it reads."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from campus import (
    CALL,
    COUNCIL,
    READINGS,
    SET_PARAM,
    Campus,
    device_key,
    meter_address,
    network_tag,
    payload_call,
    payload_set_param,
)
from oracle_world import APPLIED, BAD_SIGNATURE, FUTURE, INACTIVE, SUSPENDED, DeviceKey, Meter, Reading, World
from program_harness import Chain, Outcome, expect_error, expect_ok
from solders.keypair import Keypair
from trading_world import BUY, SELL
from trading_world import World as Market

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


# ------------------------------------------------------------------------------------------------- what the council decides


def by_council(metered: Metered, name: str, accounts: dict[str, Any], **args: Any) -> Outcome:
    """Carry an oracle instruction through the real council: proposed, approved by two, waited for, called."""
    named = {"council": COUNCIL, "config": metered.world.config} | accounts
    built = metered.chain.instruction("oracle", name, named, **args)
    number = metered.campus.agree(CALL, payload_call(built))
    return expect_ok(metered.campus.execute_call(number, built))


def test_council_replaces_the_oracle_keys(metered: Metered) -> None:
    """A stolen key is worthless once the members have decided; no single key can do it."""
    chain, world = metered.chain, metered.world
    assert world.reasons(metered.reading(metered.now - 9, 10)) == [APPLIED]
    new = chain.wallet("new oracle key")
    by_council(metered, "set_oracles", {}, threshold=1, oracle_keys=[bytes(new.pubkey())])
    expect_error(world.post(metered.reading(metered.now - 8, 11)), "oracle", "NotPoster")
    assert world.reasons(metered.reading(metered.now - 8, 11), poster=new) == [APPLIED]


def test_council_corrects_what_a_meter_has_contradicted(metered: Metered) -> None:
    """From the lie to the correction by the programs' own instructions, with a key of the registry's own table."""
    world, chain = metered.world, metered.chain
    assert world.reasons(metered.reading(metered.now - 9, 1_000)) == [APPLIED]
    slot = metered.reading(0, 0).meter.slot
    expect_ok(world.attest(metered.now - 8, {slot: (1_900, 0)}))
    truth = metered.reading(metered.now - 8, 1_010)
    leaf = struct.pack("<HIHQQ", slot, metered.now - 8, 0, 1_900, 0)
    accounts = {
        "payer": chain.payer,
        "config": world.config,
        "slab": world.slab(),
        "roots": world.roots(),
        "fault": world.fault(slot),
    }
    proof = {"seq": 1, "record": 0, "batch_left": 0, "leaf": leaf, "batch_path": [], "mountain_path": []}
    expect_ok(chain.call("oracle", "challenge_reading", accounts, core=truth.core(), signature=truth.signed(), **proof))
    named = {"slab": world.slab(), "roots": world.roots(), "fault": world.fault(slot)}
    values = {"slot": slot, "interval": metered.now - 8, "import_wh": 1_010, "export_wh": 0, "note_hash": bytes(32)}
    event = by_council(metered, "correct", named, **values).event("ReadingCorrected")
    assert (event["was_faulted"], event["import_wh"], event["old_import_wh"]) == (1, 1_010, 1_900)
    assert world.reasons(metered.reading(metered.now - 7, 1_020)) == [APPLIED]
    assert world.entry(slot)["acc_import_wh"] == 20
    assert not expect_ok(world.attest(metered.now - 6, {slot: (1_030, 0)})).events("AttestedSkipped")


def test_totals_of_the_real_market_are_copied(chain: Chain) -> None:
    """The layout that the oracle reads is the one that the trading program writes."""
    market = Market(chain)
    ann, ben = market.trader("ann", lots=500), market.trader("ben", ucredit=10**9)
    ann.rest(SELL, 500, 300)
    expect_ok(ben.place(BUY, 500, 120))
    expect_ok(ben.place(BUY, 500, 30))
    interval = interval_at(chain.now_s())
    oracle = World(chain)
    oracle.market = market.market
    expect_ok(oracle.open_trades())
    expect_error(oracle.record(interval), "oracle", "StillOpen")
    chain.advance(900)
    event = expect_ok(oracle.record(interval)).event("TradesRecorded")
    assert (event["trades"], event["lots"], event["value_ucredit"]) == (2, 150, 150 * 500 * 10)
    header = chain.read("trading", "Market", market.market)
    assert bytes(event["fills_hash"]) == bytes(header["fills_hash"])
    assert event["last_trade"] == header["trade_seq"] == 2
    assert expect_ok(oracle.record(interval - 1)).event("TradesRecorded")["trades"] == 0
