"""sync_key: how a slot follows the registry's keys, limits and register epochs, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from oracle_world import (
    ACTIVE,
    APPLIED,
    BAD_SIGNATURE,
    NEXT_APPROVED,
    ONE_AHEAD,
    OPENED,
    OPENING,
    REVOKED,
    SUSPENDED,
    VERIFIED,
    WRONG_EPOCH,
    DeviceKey,
    Meter,
    Reading,
    World,
    device_key,
)
from program_harness import START_S, Chain, Outcome, expect_error, expect_ok

Record = Callable[[str, Outcome], Outcome]
NOW = START_S // 900 - 1
FIRST = NOW - 100


@pytest.fixture
def world(chain: Chain) -> World:
    return World(chain)


@pytest.fixture
def meter(world: World) -> Meter:
    """A meter in slot 3 whose opening reading, interval FIRST, showed 1,000 and 500 Wh."""
    meter = world.meter(3)
    assert world.reasons(Reading(meter, FIRST, 1_000, 500)) == [APPLIED]
    return meter


def public(key: DeviceKey) -> bytes:
    """The key as the slab holds it."""
    return bytes(key.key.verify_key)


def test_rotation_keeps_the_old_key_for_what_it_signed(world: World, meter: Meter, record_units: Record) -> None:
    """Spooled readings survive a rotation."""
    old = meter.keys[0]
    new = meter.rotate("second", FIRST + 10)
    outcome = record_units("oracle.sync_key", world.sync(meter))
    entry = world.entry(3)
    assert (entry["key_current"], entry["key_previous"]) == (public(new), public(old))
    assert (entry["key_epoch"], entry["switch_interval"]) == (1, FIRST + 10)
    event = outcome.event("MeterSynced")
    assert (event["key_epoch"], event["switch_interval"], event["slot"], event["meter_number"]) == (1, FIRST + 10, 3, 4)


def test_sync_changes_nothing_that_is_not_the_registrys(world: World, meter: Meter) -> None:
    """Registers, watermark and credits are the meter's own doing; anybody may call this."""
    world.results(Reading(meter, FIRST + 1, 1_070, 530))
    before = world.entry(3)
    for _ in range(2):
        expect_ok(world.sync(meter))
        assert world.entry(3) == before


@pytest.mark.parametrize("posted_until", [8, 9])
def test_second_rotation_waits_until_the_watermark_passed_the_first(
    world: World, meter: Meter, posted_until: int
) -> None:
    """With two keys in the slab a third would push out the one that spooled readings were signed with."""
    first = meter.keys[0]
    second = meter.rotate("second", FIRST + 10)
    expect_ok(world.sync(meter))
    third = meter.rotate("third", FIRST + 20)
    expect_ok(world.sync(meter))
    assert world.entry(3)["key_epoch"] == 1
    assert world.reasons(Reading(meter, FIRST + posted_until, 1_010, 500, key=first)) == [APPLIED]
    outcome = expect_ok(world.sync(meter))
    if posted_until == 8:
        # The reading of interval FIRST + 9, still the first key's, may come yet.
        assert (world.entry(3)["key_epoch"], outcome.event("MeterSynced")["key_epoch"]) == (1, 1)
        assert world.reasons(Reading(meter, FIRST + 9, 1_011, 500, key=first)) == [APPLIED]
    else:
        entry = world.entry(3)
        assert (entry["key_current"], entry["key_previous"]) == (public(third), public(second))
        assert (entry["key_epoch"], entry["switch_interval"]) == (2, FIRST + 20)
        assert world.reasons(Reading(meter, FIRST + 15, 1_011, 500, key=second)) == [APPLIED]
        assert world.reasons(Reading(meter, FIRST + 20, 1_012, 500, key=third)) == [APPLIED]


def test_waiting_rotation_does_not_hold_back_a_suspension(world: World, meter: Meter) -> None:
    """A meter that is suspended must stop at once, whatever its keys wait for."""
    meter.rotate("second", FIRST + 10)
    expect_ok(world.sync(meter))
    meter.rotate("third", FIRST + 20)
    meter.status, meter.max_wh_interval, meter.kind, meter.register_epoch = SUSPENDED, 77, 0, 1
    event = expect_ok(world.sync(meter)).event("MeterSynced")
    assert (event["key_epoch"], event["status"], event["max_wh_interval"]) == (1, SUSPENDED, 77)
    entry = world.entry(3)
    assert (entry["status"], entry["max_wh_interval"], entry["kind"]) == (SUSPENDED, 77, 0)
    assert entry["flags"] == OPENED | NEXT_APPROVED | ONE_AHEAD


def test_suspension_can_be_lifted(world: World, meter: Meter) -> None:
    """Nothing that was measured meanwhile is lost: the next reading carries it."""
    meter.status = SUSPENDED
    expect_ok(world.sync(meter))
    meter.status = ACTIVE
    expect_ok(world.sync(meter))
    assert world.reasons(Reading(meter, FIRST + 4, 1_400, 500)) == [APPLIED]
    assert world.entry(3)["acc_import_wh"] == 400


def test_compromised_key_is_dropped_at_once(world: World, meter: Meter) -> None:
    """A stolen key must not sign for the past either; the next register carries the energy."""
    stolen = meter.keys[0]
    new = meter.rotate("second", FIRST + 10, compromised=True)
    expect_ok(world.sync(meter))
    assert world.entry(3)["key_previous"] == bytes(32)
    assert world.reasons(Reading(meter, FIRST + 5, 1_001, 500, key=stolen)) == [BAD_SIGNATURE]
    assert world.reasons(Reading(meter, FIRST + 10, 1_100, 500, key=new)) == [APPLIED]
    assert world.entry(3)["acc_import_wh"] == 100


def test_compromise_does_not_wait_for_the_watermark(world: World, meter: Meter) -> None:
    """The rule about two keys protects spooled readings, not thieves."""
    first = meter.keys[0]
    meter.rotate("second", FIRST + 10)
    expect_ok(world.sync(meter))
    third = meter.rotate("third", FIRST + 20, compromised=True)
    expect_ok(world.sync(meter))
    entry = world.entry(3)
    assert (entry["key_current"], entry["key_previous"], entry["key_epoch"]) == (public(third), bytes(32), 2)
    assert world.reasons(Reading(meter, FIRST + 5, 1_001, 500, key=first)) == [BAD_SIGNATURE]


def test_compromised_key_is_passed_over_even_if_it_was_never_synced(world: World, meter: Meter) -> None:
    """Between two calls the registry may rotate twice; the stolen key in the middle is never believed."""
    first = meter.keys[0]
    second = meter.rotate("second", FIRST + 10)
    third = meter.rotate("third", FIRST + 20, compromised=True)
    expect_ok(world.sync(meter))
    entry = world.entry(3)
    assert (entry["key_current"], entry["key_previous"], entry["key_epoch"]) == (public(third), bytes(32), 2)
    for key, interval in ((second, 12), (first, 12), (replace(first, epoch=1), 12)):
        assert world.reasons(Reading(meter, FIRST + interval, 1_001, 500, key=key)) == [BAD_SIGNATURE]
    assert world.reasons(Reading(meter, FIRST + 20, 1_001, 500, key=third)) == [APPLIED]


def test_compromise_of_a_key_that_still_waits_ends_the_waiting(world: World, meter: Meter) -> None:
    """Else a meter whose old device will never speak again could not be helped: the watermark it waits for never comes."""
    meter.rotate("second", FIRST + 10)
    expect_ok(world.sync(meter))
    meter.rotate("third", FIRST + 20)
    expect_ok(world.sync(meter))
    assert world.entry(3)["key_epoch"] == 1
    fourth = meter.rotate("fourth", FIRST + 30, compromised=True)
    expect_ok(world.sync(meter))
    entry = world.entry(3)
    assert (entry["key_current"], entry["key_previous"], entry["key_epoch"]) == (public(fourth), bytes(32), 3)
    assert world.reasons(Reading(meter, FIRST + 30, 1_001, 500)) == [APPLIED]


def test_rotation_before_any_reading_does_not_wait(world: World) -> None:
    """Without a previous key nothing can be lost, and a meter whose first device never spoke must not be stuck."""
    meter = world.meter(3)
    first = meter.keys[0]
    second = meter.rotate("second", FIRST + 10)
    expect_ok(world.sync(meter))
    assert (world.entry(3)["key_current"], world.entry(3)["key_previous"]) == (public(second), public(first))
    assert world.reasons(Reading(meter, FIRST + 9, 5, 5, key=first)) == [APPLIED]
    assert world.reasons(Reading(meter, FIRST + 10, 6, 5, key=second)) == [APPLIED]


def test_late_sync_follows_one_rotation_at_a_time(world: World, meter: Meter) -> None:
    """Nobody called for two rotations: each step waits for the watermark, and no reading is refused on the way."""
    first = meter.keys[0]
    second = meter.rotate("second", FIRST + 10)
    third = meter.rotate("third", FIRST + 20)
    expect_ok(world.sync(meter))
    assert (world.entry(3)["key_current"], world.entry(3)["key_epoch"]) == (public(second), 1)
    for interval, key in ((9, first), (19, second)):
        assert world.reasons(Reading(meter, FIRST + interval, 1_000 + interval, 500, key=key)) == [APPLIED]
    expect_ok(world.sync(meter))
    assert world.entry(3)["key_epoch"] == 2
    assert world.reasons(Reading(meter, FIRST + 20, 1_020, 500, key=third)) == [APPLIED]


def test_watermark_past_both_switches_lets_sync_catch_up_at_once(world: World, meter: Meter) -> None:
    """Three rotations in one call, each with its condition met."""
    meter.rotate("second", FIRST - 30)
    meter.rotate("third", FIRST - 20)
    fourth = meter.rotate("fourth", FIRST + 5)
    expect_ok(world.sync(meter))
    entry = world.entry(3)
    assert (entry["key_current"], entry["key_epoch"], entry["switch_interval"]) == (public(fourth), 3, FIRST + 5)
    assert entry["key_previous"] == public(meter.keys[1])


def test_key_that_left_the_registrys_table_is_not_believed(world: World, meter: Meter) -> None:
    """Four rotations later nobody can say any more whether it was revoked."""
    for n in range(4):
        meter.rotate(f"number {n}", FIRST + 10 + n)
    assert meter.keys[-1].epoch == 1
    expect_ok(world.sync(meter))
    entry = world.entry(3)
    assert entry["key_epoch"] == 2
    assert (entry["key_current"], entry["key_previous"]) == (public(meter.keys[2]), public(meter.keys[3]))


def test_key_revoked_later_is_dropped(world: World, meter: Meter) -> None:
    """Whenever the registry says that a key is not to be believed, the slab follows."""
    meter.rotate("second", FIRST + 10)
    expect_ok(world.sync(meter))
    meter.keys[1] = replace(meter.keys[1], flags=REVOKED)
    expect_ok(world.sync(meter))
    assert world.entry(3)["key_previous"] == bytes(32)
    meter.keys[0] = replace(meter.keys[0], flags=REVOKED)
    expect_ok(world.sync(meter))
    assert world.entry(3)["key_current"] == bytes(32)
    assert world.reasons(Reading(meter, FIRST + 10, 1_001, 500)) == [BAD_SIGNATURE]


def test_approval_of_the_next_register_epoch_is_marked_and_nothing_else(world: World, meter: Meter) -> None:
    """The first accepted reading of the new epoch moves the slab, not the approval."""
    meter.register_epoch = 1
    event = expect_ok(world.sync(meter)).event("MeterSynced")
    assert (event["register_epoch"], event["flags"]) == (0, OPENED | NEXT_APPROVED | ONE_AHEAD)
    entry = world.entry(3)
    assert (entry["import_wh"], entry["register_epoch"], entry["last_interval"]) == (1_000, 0, FIRST)


def test_second_swap_takes_nothing_from_the_devices_before(world: World, meter: Meter) -> None:
    """Anybody may call sync_key at any time; what the first and the second device have in their spools still counts."""
    meter.register_epoch = 2
    before = world.entry(3)
    expect_ok(world.sync(meter))
    assert world.entry(3) == before | {"flags": OPENED | NEXT_APPROVED | 2 * ONE_AHEAD}
    (result,) = world.results(Reading(meter, FIRST + 1, 1_100, 500, register_epoch=0))
    assert (result["reason"], result["acc_import_wh"]) == (APPLIED, 100)
    (result,) = world.results(Reading(meter, FIRST + 2, 40, 40, register_epoch=1, next_epoch=True))
    assert (result["reason"], result["flags"], result["acc_import_wh"]) == (APPLIED, VERIFIED | OPENING, 100)
    entry = world.entry(3)
    assert (entry["register_epoch"], entry["flags"]) == (1, OPENED | NEXT_APPROVED | ONE_AHEAD)
    assert world.reasons(Reading(meter, FIRST + 3, 47, 40, register_epoch=1)) == [APPLIED]
    (result,) = world.results(Reading(meter, FIRST + 4, 9, 9, register_epoch=2, next_epoch=True))
    assert (result["reason"], result["flags"], result["acc_import_wh"]) == (APPLIED, VERIFIED | OPENING, 107)
    assert (world.entry(3)["register_epoch"], world.entry(3)["flags"]) == (2, OPENED)


@pytest.mark.parametrize("swaps", [2, 3, 5])
def test_newest_device_is_heard_though_those_before_it_never_spoke(
    world: World, meter: Meter, swaps: int, record_units: Record
) -> None:
    """Its first reading names its epoch by its signature; from then on the epochs passed over are closed."""
    world.results(Reading(meter, FIRST + 1, 1_100, 500))
    meter.register_epoch = swaps
    expect_ok(world.sync(meter))
    opening = Reading(meter, FIRST + 3, 9, 9, next_epoch=True)
    outcome = world.post(opening)
    if swaps == 2:
        record_units("oracle.post_verified.second_swap", outcome)
    (result,) = expect_ok(outcome).event("ReadingsPosted")["results"]
    assert (result["reason"], result["flags"], result["acc_import_wh"]) == (APPLIED, VERIFIED | OPENING, 100)
    assert (world.entry(3)["register_epoch"], world.entry(3)["flags"]) == (swaps, OPENED)
    for epoch in range(swaps):
        late = Reading(meter, FIRST + 4, 1_200, 500, register_epoch=epoch)
        assert world.reasons(late, replace(late, next_epoch=True)) == [BAD_SIGNATURE, WRONG_EPOCH]


def test_epoch_that_nobody_approved_is_not_opened(world: World, meter: Meter) -> None:
    """The search for the epoch ends where the registry's approval does."""
    meter.register_epoch = 2
    expect_ok(world.sync(meter))
    before = world.entry(3)
    opening = Reading(meter, FIRST + 3, 9, 9, register_epoch=3, next_epoch=True)
    assert world.reasons(opening, replace(opening, register_epoch=0)) == [BAD_SIGNATURE, BAD_SIGNATURE]
    assert world.entry(3) == before


def test_approvals_beyond_what_the_slot_counts_come_with_a_later_sync(world: World, meter: Meter) -> None:
    """The slot counts 255 epochs ahead; no meter is swapped so often, and no count may wrap."""
    meter.register_epoch = 300
    expect_ok(world.sync(meter))
    assert world.entry(3)["flags"] == OPENED | NEXT_APPROVED | 255 * ONE_AHEAD
    assert world.reasons(Reading(meter, FIRST + 1, 1, 1, register_epoch=1, next_epoch=True)) == [APPLIED]
    assert world.entry(3)["flags"] == OPENED | NEXT_APPROVED | 254 * ONE_AHEAD
    expect_ok(world.sync(meter))
    assert world.entry(3)["flags"] == OPENED | NEXT_APPROVED | 255 * ONE_AHEAD


def test_register_epoch_never_goes_back(world: World, meter: Meter) -> None:
    """The watermark's first part is the register epoch."""
    meter.register_epoch = 1
    expect_ok(world.sync(meter))
    assert world.reasons(Reading(meter, FIRST + 1, 5, 5, next_epoch=True)) == [APPLIED]
    meter.register_epoch = 0
    expect_ok(world.sync(meter))
    assert (world.entry(3)["register_epoch"], world.entry(3)["flags"]) == (1, OPENED)


def test_only_the_enrolled_meter_changes_its_slot(world: World, meter: Meter) -> None:
    """A registry record with the same slot but another number is another meter."""
    stranger = world.meter(3, number=77, enrol=False, keys=[DeviceKey(device_key("stranger"))])
    expect_error(world.sync(stranger), "oracle", "NotEnrolled")
    empty = world.meter(4, enrol=False)
    expect_error(world.sync(empty), "oracle", "NotEnrolled")
    far = world.meter(256, enrol=False)
    expect_error(world.sync(far), "oracle", "SlotOutOfRange")
