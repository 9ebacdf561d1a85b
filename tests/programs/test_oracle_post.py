"""post_verified: what a reading must be to count, what becomes of one that does not, and what it all costs."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey
from oracle_world import (
    APPLIED,
    BAD_SIGNATURE,
    EMPTY,
    FUTURE,
    INACTIVE,
    LOWER,
    MASKED,
    MAX_WH,
    NETTED,
    NEXT_APPROVED,
    NO_ROOT,
    ONE_AHEAD,
    OPENED,
    OPENING,
    OVER_CAPACITY,
    PENDING,
    RETIRED,
    STALE,
    SUSPENDED,
    TOLERANCE_S,
    VERIFIED,
    WRONG_EPOCH,
    DeviceKey,
    Meter,
    ModelSlot,
    Reading,
    World,
    batch_root,
    device_key,
    mountain_peaks,
    network_tag,
    replaced,
)
from program_harness import (
    MAX_TRANSACTION_BYTES,
    START_S,
    Chain,
    Outcome,
    expect_error,
    expect_ok,
    expect_shared,
    keypair,
    pda,
    program_id,
)

from gridkit.chain import posting
from gridkit.reading import Core, decode_core

Record = Callable[[str, Outcome], Outcome]
DEFAULT_UNITS = 200_000
NOW = START_S // 900 - 1
"""The last interval that has ended when a test begins."""
FIRST = NOW - 100


@pytest.fixture
def world(chain: Chain) -> World:
    return World(chain)


@pytest.fixture
def meter(world: World) -> Meter:
    """A meter in slot 3 whose opening reading, interval FIRST, showed 1,000,000 and 500,000 Wh."""
    meter = world.meter(3)
    assert world.reasons(Reading(meter, FIRST, 1_000_000, 500_000)) == [APPLIED]
    return meter


def after(
    meter: Meter, intervals: int = 1, import_wh: int = 1_000_000, export_wh: int = 500_000, **fields: Any
) -> Reading:
    """A reading some intervals after the opening one."""
    return Reading(meter, FIRST + intervals, import_wh, export_wh, **fields)


# ------------------------------------------------------------------------------------------------------- what is applied


def test_first_reading_opens_the_registers_and_credits_nothing(world: World) -> None:
    """A meter that has run for years must not mint its past."""
    meter = world.meter(3)
    outcome = expect_ok(world.post(Reading(meter, FIRST, 123_456_789, 987_654_321)))
    (result,) = outcome.event("ReadingsPosted")["results"]
    assert (result["reason"], result["flags"], result["interval"]) == (APPLIED, VERIFIED | OPENING, FIRST)
    assert (result["acc_import_wh"], result["acc_export_wh"]) == (0, 0)
    entry = world.entry(3)
    assert (entry["import_wh"], entry["export_wh"], entry["last_interval"]) == (123_456_789, 987_654_321, FIRST)
    assert (entry["acc_import_wh"], entry["acc_export_wh"], entry["applied_count"]) == (0, 0, 1)
    assert entry["flags"] == OPENED


def test_growth_is_credited_to_the_watt_hour(world: World, meter: Meter) -> None:
    """Both directions count in a gross zone."""
    outcome = expect_ok(world.post(after(meter, 1, 1_000_123, 500_045)))
    event = outcome.event("ReadingsPosted")
    assert (event["zone"], event["seq"], bytes(event["poster"])) == (1, 1, bytes(world.poster.pubkey()))
    (result,) = event["results"]
    assert (result["slot"], result["reason"], result["flags"]) == (3, APPLIED, VERIFIED)
    assert (result["acc_import_wh"], result["acc_export_wh"]) == (123, 45)
    assert bytes(result["digest"]) == after(meter, 1, 1_000_123, 500_045).digest()


def test_reading_without_growth_is_applied_and_credits_nothing(world: World, meter: Meter) -> None:
    """At night a panel's register stands still; the interval is accounted for all the same."""
    assert world.reasons(after(meter, 1, widths=(0, 0))) == [APPLIED]
    assert (world.entry(3)["acc_export_wh"], world.entry(3)["last_interval"]) == (0, FIRST + 1)


def test_next_reading_after_a_gap_carries_the_energy_of_the_gap(world: World, meter: Meter) -> None:
    """A lost reading costs nothing, because registers are cumulative."""
    assert world.reasons(after(meter, 9, 1_000_900, 500_090)) == [APPLIED]
    assert (world.entry(3)["acc_import_wh"], world.entry(3)["acc_export_wh"]) == (900, 90)


@pytest.mark.parametrize(
    ("import_wh", "widths"),
    [
        (1_000_000, (0, 8)),
        (1_000_001, (2, 8)),
        (1_000_000 + 65_535, (2, 2)),
        (1_000_000 + 65_536, (3, 3)),
        (1_000_000 + 2**24 - 1, (3, 0)),
        (1_000_000 + 2**24, (8, 0)),
    ],
)
def test_low_order_bytes_mean_the_smallest_register_not_below(
    world: World, meter: Meter, import_wh: int, widths: tuple[int, int]
) -> None:
    """The bytes wrap several times a day; each wrap must be taken for growth."""
    meter.max_wh_interval = 2**31
    expect_ok(world.sync(meter))
    assert world.reasons(after(meter, 1, import_wh, widths=widths)) == [APPLIED]
    assert world.entry(3)["import_wh"] == import_wh
    assert world.entry(3)["acc_import_wh"] == import_wh - 1_000_000


def test_lost_transaction_does_not_spoil_the_next(world: World, meter: Meter) -> None:
    """Bytes packed against an older register than the stored one still mean the same register."""
    packed_early = after(meter, 2, 1_000_300, widths=(2, 2))
    assert world.reasons(after(meter, 1, 1_000_200, widths=(2, 2))) == [APPLIED]
    assert world.reasons(packed_early) == [APPLIED]
    assert world.entry(3)["import_wh"] == 1_000_300


def test_readings_of_one_meter_go_in_one_transaction(world: World, meter: Meter) -> None:
    """After an outage a meter catches up many intervals at once."""
    readings = [after(meter, n, 1_000_000 + 100 * n, 500_000 + n) for n in range(1, 6)]
    assert world.reasons(*readings) == [APPLIED] * 5
    assert world.entry(3)["acc_import_wh"] == 500
    assert world.entry(3)["applied_count"] == 6


def test_applied_results_say_what_the_ledger_will_settle(world: World, meter: Meter) -> None:
    """The bridge calls a reading settled when the ledger's totals reach these accumulators."""
    results = world.results(*[after(meter, n, 1_000_000 + 10 * n, 500_000 + n) for n in range(1, 4)])
    assert [(r["acc_import_wh"], r["acc_export_wh"]) for r in results] == [(10, 1), (20, 2), (30, 3)]


@pytest.mark.parametrize("span", [1, 2])
def test_net_zone_nets_exactly_one_interval(chain: Chain, span: int) -> None:
    """Over a longer gap nobody knows which energy met which, so it counts gross."""
    world = World(chain, net_mode=1)
    meter = world.meter(3)
    world.results(Reading(meter, FIRST, 1_000_000, 500_000))
    (result,) = world.results(after(meter, span, 1_000_300, 500_120))
    if span == 1:
        assert (result["acc_import_wh"], result["acc_export_wh"], result["flags"]) == (180, 0, VERIFIED | NETTED)
    else:
        assert (result["acc_import_wh"], result["acc_export_wh"], result["flags"]) == (300, 120, VERIFIED)


def test_more_export_than_import_nets_to_export(chain: Chain) -> None:
    """The smaller of the two comes off both."""
    world = World(chain, net_mode=1)
    meter = world.meter(3)
    world.results(Reading(meter, FIRST, 0, 0))
    (result,) = world.results(after(meter, 1, 70, 100))
    assert (result["acc_import_wh"], result["acc_export_wh"]) == (0, 30)


# ------------------------------------------------------------------------------------------------------- what is skipped


def expect_skip(world: World, reading: Reading, reason: int, **options: Any) -> None:
    """The reading must be skipped for `reason`, leaving slab and roots as they were."""
    slab, roots = world.chain.data(world.slab()), world.chain.data(world.roots())
    outcome = expect_ok(world.post(reading, **options))
    event = outcome.event("ReadingsPosted")
    (result,) = event["results"]
    assert result["reason"] == reason
    assert (result["flags"], bytes(result["digest"]), event["seq"]) == (0, bytes(16), NO_ROOT)
    assert world.chain.data(world.slab()) == slab
    assert world.chain.data(world.roots()) == roots


def test_second_copy_is_stale(world: World, meter: Meter) -> None:
    """The bridge posts again after a crash; energy counts once."""
    reading = after(meter, 1, 1_000_010)
    assert world.reasons(reading) == [APPLIED]
    expect_skip(world, reading, STALE)


def test_second_copy_in_the_same_transaction_is_stale(world: World, meter: Meter) -> None:
    """A batch packed twice must not count twice either."""
    reading = after(meter, 1, 1_000_010)
    assert world.reasons(reading, reading) == [APPLIED, STALE]
    assert world.entry(3)["acc_import_wh"] == 10


def test_earlier_interval_is_stale(world: World, meter: Meter) -> None:
    """Registers of the past are part of the present one."""
    assert world.reasons(after(meter, 5, 1_000_500)) == [APPLIED]
    expect_skip(world, after(meter, 4, 1_000_400, 500_000, widths=(8, 8)), STALE)


@pytest.mark.parametrize("late_s", [0, 1])
def test_interval_may_end_at_most_the_tolerance_ahead(world: World, meter: Meter, late_s: int) -> None:
    """A meter whose clock runs ahead must not sell tomorrow's sun."""
    ahead = NOW + 5
    world.chain.set_time(900 * (ahead + 1) - TOLERANCE_S - late_s)
    reading = Reading(meter, ahead, 1_000_001, 500_000)
    if late_s:
        expect_skip(world, reading, FUTURE)
    else:
        assert world.reasons(reading) == [APPLIED]


def test_tolerance_is_the_councils(world: World, meter: Meter) -> None:
    """Governance can tighten it; the program has no number of its own."""
    ahead = NOW + 5
    world.chain.set_time(900 * (ahead + 1) - 30)
    world.put_council(tolerance_s=29)
    expect_skip(world, Reading(meter, ahead, 1_000_001, 500_000), FUTURE)
    world.put_council(tolerance_s=30)
    assert world.reasons(Reading(meter, ahead, 1_000_001, 500_000)) == [APPLIED]


@pytest.mark.parametrize(("import_wh", "export_wh"), [(999_999, 500_000), (1_000_000, 499_999), (0, 0)])
def test_lower_register_is_skipped(world: World, meter: Meter, import_wh: int, export_wh: int) -> None:
    """A register that falls is a glitch or another device; both are for people to look at."""
    expect_skip(world, after(meter, 1, import_wh, export_wh, widths=(8, 8)), LOWER)


@pytest.mark.parametrize("span", [1, 4])
@pytest.mark.parametrize("direction", ["import", "export"])
def test_growth_is_bounded_by_the_connection(world: World, meter: Meter, span: int, direction: str) -> None:
    """Even the meter's own key cannot invent more than the fuse lets through."""

    def reading(growth: int) -> Reading:
        imported = growth if direction == "import" else 0
        return after(meter, span, 1_000_000 + imported, 500_000 + growth - imported)

    expect_skip(world, reading(span * MAX_WH + 1), OVER_CAPACITY)
    assert world.reasons(reading(span * MAX_WH)) == [APPLIED]


def test_bound_counts_from_the_last_verified_interval(world: World, meter: Meter) -> None:
    """A skipped reading moves nothing, so the next may carry both intervals' energy."""
    expect_skip(world, after(meter, 1, 1_000_000 + MAX_WH + 5), OVER_CAPACITY)
    assert world.reasons(after(meter, 2, 1_000_000 + 2 * MAX_WH)) == [APPLIED]


def test_accumulators_do_not_wrap(world: World, meter: Meter) -> None:
    """A wrapped accumulator would fall, and the ledger would never settle the meter again."""
    world.patch_entry(3, 80, (2**64 - 5).to_bytes(8, "little"))
    expect_skip(world, after(meter, 1, 1_000_006), OVER_CAPACITY)
    assert world.reasons(after(meter, 1, 1_000_004)) == [APPLIED]


def test_register_beyond_64_bits_is_skipped(world: World, meter: Meter) -> None:
    """The smallest register with these bytes would not exist."""
    world.patch_entry(3, 64, (2**64 - 1).to_bytes(8, "little"))
    expect_skip(world, after(meter, 1, 3, widths=(2, 8)), OVER_CAPACITY)


@pytest.mark.parametrize("bit", range(16))
def test_quality_decides_what_is_posted(world: World, meter: Meter, bit: int) -> None:
    """An estimated register must never mint; the next measured one carries its energy."""
    reading = after(meter, 1, 1_000_007, quality=1 << bit)
    if bit < 4:
        expect_skip(world, reading, MASKED)
        assert world.reasons(after(meter, 2, 1_000_014)) == [APPLIED]
        assert world.entry(3)["acc_import_wh"] == 14
    else:
        assert world.reasons(reading) == [APPLIED]


@pytest.mark.parametrize("status", [PENDING, SUSPENDED, RETIRED])
def test_meter_that_is_not_active_is_skipped(world: World, meter: Meter, status: int) -> None:
    """A suspension takes effect with the next sync, which anybody may call."""
    meter.status = status
    expect_ok(world.sync(meter))
    expect_skip(world, after(meter, 1, 1_000_001), INACTIVE)


def test_empty_slot_is_skipped(world: World, meter: Meter) -> None:
    """Nobody's key is all zeros."""
    expect_skip(world, replace(after(meter, 1, 1_000_001), slot=4), EMPTY)
    expect_skip(world, replace(after(meter, 1, 1_000_001), slot=255), EMPTY)


def test_reading_in_another_meters_slot_is_a_bad_signature(world: World, meter: Meter) -> None:
    """A poster who mixes up slots must not credit the neighbour."""
    world.meter(4)
    expect_skip(world, replace(after(meter, 1, 1_000_001), slot=4), BAD_SIGNATURE)


def test_next_register_epoch_needs_approval(world: World, meter: Meter) -> None:
    """Else a meter could declare itself new and start from any register."""
    reading = after(meter, 1, 5, 6, register_epoch=1, next_epoch=True)
    expect_skip(world, reading, WRONG_EPOCH)


@pytest.mark.parametrize("field", ["tag", "meter", "key_epoch", "register_epoch", "domain"])
def test_signature_over_another_core_does_not_count(world: World, meter: Meter, field: str) -> None:
    """Everything that binds a reading to its meter, its epoch and its network is signed, though it is never sent."""
    good = after(meter, 1, 1_000_001)
    core = bytearray(good.core())
    at = {"domain": 0, "tag": 3, "meter": 7, "key_epoch": 11, "register_epoch": 13}[field]
    core[at] ^= 1
    forged = replace(good, signature=good.signer.key.sign(bytes(core)).signature)
    expect_skip(world, forged, BAD_SIGNATURE)
    assert world.reasons(good) == [APPLIED]


def test_reading_of_another_network_is_refused(world: World, meter: Meter) -> None:
    """A reading from a test network must not be worth anything here."""
    expect_skip(world, after(meter, 1, 1_000_001, tag=network_tag(b"\7" * 32)), BAD_SIGNATURE)


def test_every_flipped_bit_is_noticed(world: World, meter: Meter) -> None:
    """A reading is signed whole: whatever is sent differently, the meter has not said."""
    good = after(meter, 1, 1_000_001, 500_001, quality=0x40)
    base = good.interval
    packed = good.pack(base)
    # slot, descriptor; 8 + 8 registers, 2 quality, 2 clock, 8 detail, 64 signature.
    assert len(packed) == 2 + 8 + 8 + 2 + 2 + 8 + 64
    skipped: set[int] = set()
    before = world.chain.data(world.slab())
    for bit in range(8 * 2, 8 * len(packed)):
        flipped = bytearray(packed)
        flipped[bit // 8] ^= 1 << bit % 8
        (result,) = expect_ok(world.post(raw=bytes(flipped), base=base)).event("ReadingsPosted")["results"]
        skipped.add(result["reason"])
        assert result["reason"] != APPLIED, f"bit {bit}"
        if bit >= 8 * 22:
            assert result["reason"] == BAD_SIGNATURE, f"bit {bit} of detail or signature"
    assert skipped == {BAD_SIGNATURE, LOWER, OVER_CAPACITY, MASKED}
    assert world.chain.data(world.slab()) == before
    assert world.reasons(good) == [APPLIED]


@pytest.mark.parametrize("bit", range(5))
def test_flipped_bit_within_what_is_plausible_is_a_bad_signature(world: World, meter: Meter, bit: int) -> None:
    """Where no other rule is broken it is the signature that notices."""
    good = after(meter, 1, 1_000_000 + 1_024, 500_000 + 1_024, quality=0x40)
    for forged in (
        replace(good, import_wh=good.import_wh ^ (1 << bit)),
        replace(good, export_wh=good.export_wh ^ (1 << bit)),
        replace(good, interval=good.interval + (1 << bit)),
        replace(good, quality=good.quality ^ (0x80 << bit)),
        replace(good, clock_error_ms=good.clock_error_ms ^ (1 << bit)),
        replace(good, detail=bytes([good.detail[0] ^ (1 << bit)]) + good.detail[1:]),
    ):
        expect_skip(world, replace(forged, signature=good.signed()), BAD_SIGNATURE)


@pytest.mark.parametrize("position", range(3))
def test_one_bad_reading_spoils_no_other(world: World, position: int) -> None:
    """Eleven honest meters must not wait for the one with a broken clock."""
    meters = [world.meter(slot) for slot in range(3)]
    assert world.reasons(*[Reading(meter, FIRST, 100, 100) for meter in meters]) == [APPLIED] * 3
    readings = [Reading(meter, FIRST + 1, 110, 105) for meter in meters]
    readings[position] = replace(readings[position], signature=bytes(64))
    wanted = [APPLIED] * 3
    wanted[position] = BAD_SIGNATURE
    assert world.reasons(*readings) == wanted
    grown = [world.entry(slot)["acc_import_wh"] for slot in range(3)]
    assert grown == [0 if slot == position else 10 for slot in range(3)]


# --------------------------------------------------------------------------------------------------------- key rotation


def test_interval_chooses_the_key(world: World, meter: Meter) -> None:
    """Readings spooled before a rotation keep their signature; those after must have the new one."""
    old = meter.keys[0]
    new = meter.rotate("second key", FIRST + 10)
    expect_ok(world.sync(meter))
    expect_skip(world, after(meter, 9, 1_000_001, key=new), BAD_SIGNATURE)
    expect_skip(world, after(meter, 10, 1_000_001, key=old), BAD_SIGNATURE)
    assert world.reasons(after(meter, 9, 1_000_009, key=old), after(meter, 10, 1_000_010, key=new)) == [
        APPLIED,
        APPLIED,
    ]
    assert world.entry(3)["acc_import_wh"] == 10


def test_key_signs_under_its_own_epoch_only(world: World, meter: Meter) -> None:
    """The old key must not speak for the new epoch, nor the other way round."""
    old = meter.keys[0]
    new = meter.rotate("second key", FIRST + 10)
    expect_ok(world.sync(meter))
    expect_skip(world, after(meter, 9, 1_000_001, key=replace(old, epoch=1)), BAD_SIGNATURE)
    expect_skip(world, after(meter, 10, 1_000_001, key=replace(new, epoch=0)), BAD_SIGNATURE)


def test_interval_before_the_first_key_has_no_signer(world: World) -> None:
    """Otherwise a new meter could be given a past."""
    key = DeviceKey(device_key("late"), 0, FIRST + 10)
    meter = world.meter(3, keys=[key])
    expect_skip(world, Reading(meter, FIRST + 9, 1, 1), STALE)
    assert world.reasons(Reading(meter, FIRST + 10, 1, 1)) == [APPLIED]


@pytest.mark.parametrize("rotates_first", [True, False])
def test_previous_key_gives_a_new_meter_no_past_either(world: World, rotates_first: bool) -> None:
    """An opening backdated by a thousand intervals would let the next reading grow by a thousand intervals' energy."""
    old = DeviceKey(device_key("old"), 0, FIRST + 10)
    meter = world.meter(3, keys=[old], enrol=not rotates_first)
    new = meter.rotate("new", FIRST + 20)
    if rotates_first:
        world.put_meter(meter)
        expect_ok(world.enrol(meter))
    else:
        expect_ok(world.sync(meter))
    expect_skip(world, Reading(meter, FIRST - 1_000, 0, 0, key=old), STALE)
    expect_skip(world, Reading(meter, FIRST + 9, 0, 0, key=old), STALE)
    assert world.reasons(Reading(meter, FIRST + 10, 0, 0, key=old)) == [APPLIED]
    expect_skip(world, Reading(meter, FIRST + 20, 10 * meter.max_wh_interval + 1, 0, key=new), OVER_CAPACITY)
    assert world.reasons(Reading(meter, FIRST + 20, 10 * meter.max_wh_interval, 0, key=new)) == [APPLIED]


def test_zero_key_signs_nothing(world: World) -> None:
    """Before the first key stand zeros, a point of small order that anybody can sign for: nobody is asked for a signature there."""
    key = DeviceKey(device_key("late"), 1, FIRST + 10)
    meter = world.meter(3, keys=[key])
    reading = Reading(meter, FIRST, 0, 0, key=replace(key, epoch=0))
    for r in (bytes(32), b"\1" + bytes(31)):
        expect_skip(world, replace(reading, signature=r + bytes(32)), STALE)


# ------------------------------------------------------------------------------------------------------- register epochs


def test_new_register_epoch_opens_anew_and_keeps_the_credits(world: World, meter: Meter) -> None:
    """After a swap the new device's register may be lower or higher; neither is energy."""
    assert world.reasons(after(meter, 1, 1_000_100, 500_050)) == [APPLIED]
    meter.register_epoch = 1
    expect_ok(world.sync(meter))
    assert world.entry(3)["flags"] == OPENED | NEXT_APPROVED | ONE_AHEAD
    (result,) = world.results(after(meter, 2, 40, 9_000_000, next_epoch=True))
    assert (result["reason"], result["flags"]) == (APPLIED, VERIFIED | OPENING)
    assert (result["acc_import_wh"], result["acc_export_wh"]) == (100, 50)
    entry = world.entry(3)
    assert (entry["register_epoch"], entry["flags"], entry["import_wh"], entry["export_wh"]) == (
        1,
        OPENED,
        40,
        9_000_000,
    )
    assert world.reasons(after(meter, 3, 47, 9_000_002)) == [APPLIED]
    assert (world.entry(3)["acc_import_wh"], world.entry(3)["acc_export_wh"]) == (107, 52)


def test_spooled_readings_of_the_old_epoch_count_until_the_first_of_the_new(world: World, meter: Meter) -> None:
    """The approval may overtake what the old device still has to say; what it measured is not lost."""
    meter.register_epoch = 1
    expect_ok(world.sync(meter))
    assert world.reasons(after(meter, 1, 1_000_100, register_epoch=0)) == [APPLIED]
    assert world.reasons(after(meter, 2, 1, 1, next_epoch=True)) == [APPLIED]
    expect_skip(world, after(meter, 3, 1_000_200, register_epoch=0), OVER_CAPACITY)
    expect_skip(world, after(meter, 3, 1, 1, register_epoch=0), BAD_SIGNATURE)
    assert world.entry(3)["acc_import_wh"] == 100


def test_new_epoch_may_open_in_the_interval_that_the_old_one_closed(world: World, meter: Meter) -> None:
    """Old and new register are read at the same instant; requiring a later interval would lose one interval's energy."""
    meter.register_epoch = 1
    expect_ok(world.sync(meter))
    assert world.reasons(after(meter, 5, 1_000_100, register_epoch=0)) == [APPLIED]
    expect_skip(world, after(meter, 4, 7, 7, next_epoch=True), STALE)
    assert world.reasons(after(meter, 5, 7, 7, next_epoch=True)) == [APPLIED]
    assert world.reasons(after(meter, 6, 9, 7)) == [APPLIED]
    assert world.entry(3)["acc_import_wh"] == 102


def test_epoch_is_approved_once(world: World, meter: Meter) -> None:
    """Each swap needs its own two approvals."""
    meter.register_epoch = 1
    expect_ok(world.sync(meter))
    assert world.reasons(after(meter, 1, 5, 5, next_epoch=True)) == [APPLIED]
    expect_skip(world, after(meter, 2, 1, 1, register_epoch=2, next_epoch=True), WRONG_EPOCH)
    expect_ok(world.sync(meter))
    expect_skip(world, after(meter, 2, 1, 1, register_epoch=2, next_epoch=True), WRONG_EPOCH)


def test_reading_must_be_signed_for_the_epoch_it_opens(world: World, meter: Meter) -> None:
    """Else an old reading could be played as the opening of a new epoch."""
    meter.register_epoch = 1
    expect_ok(world.sync(meter))
    expect_skip(world, after(meter, 1, 1_000_001, register_epoch=0, next_epoch=True), BAD_SIGNATURE)


# ---------------------------------------------------------------------------------------------------------- who may post


def test_owner_posts_their_own_meter(world: World, meter: Meter) -> None:
    """An owner does not depend on the operator's bridge to get what the meter signed for."""
    reading = after(meter, 1, 1_000_005)
    assert world.reasons(reading, poster=meter.owner, meter=meter.address) == [APPLIED]
    assert world.entry(3)["acc_import_wh"] == 5


def test_second_oracle_key_posts_too(world: World, meter: Meter) -> None:
    """Bridges scale out."""
    second = world.chain.wallet("second oracle key")
    assert world.reasons(after(meter, 1, 1_000_005), poster=second) == [APPLIED]


def test_owner_posts_no_other_meter(world: World, meter: Meter) -> None:
    """Withholding is the poster's one power; an owner has it over their own meter alone."""
    other = world.meter(4)
    mine, theirs = after(meter, 1, 1_000_001), Reading(other, FIRST, 1, 1)
    before = world.chain.data(world.slab())
    for readings in ((theirs,), (mine, theirs), (replace(mine, slot=9),)):
        outcome = world.post(*readings, poster=meter.owner, meter=meter.address)
        expect_error(outcome, "oracle", "NotPostersMeter")
    assert world.chain.data(world.slab()) == before


def test_stranger_posts_nothing(world: World, meter: Meter) -> None:
    """Neither without a meter, nor with somebody else's, nor with the program's own id in its place."""
    stranger = world.chain.wallet("stranger")
    reading = after(meter, 1, 1_000_001)
    expect_error(world.post(reading, poster=stranger), "oracle", "NotPoster")
    expect_error(world.post(reading, poster=stranger, meter=meter.address), "oracle", "NotPoster")
    expect_error(world.post(reading, poster=stranger, meter=program_id("oracle")), "oracle", "NotPoster")


def test_owners_meter_comes_from_the_registry(world: World, meter: Meter) -> None:
    """A record of one's own making would make anybody an owner."""
    stranger = world.chain.wallet("stranger")
    forged = replace(meter, owner=stranger)
    address = keypair("forged").pubkey()
    world.chain.put(address, forged.encode(), program_id("trading"))
    expect_shared(world.post(after(meter), poster=stranger, meter=address), "WRONG_OWNER")
    world.chain.put(address, b"\1" * 8 + forged.encode()[8:], program_id("registry"))
    expect_shared(world.post(after(meter), poster=stranger, meter=address), "WRONG_ACCOUNT_TYPE")
    user = pda("registry", b"user", bytes(world.admin.pubkey()))
    expect_shared(world.post(after(meter), poster=stranger, meter=user), "WRONG_ACCOUNT_SIZE")


def test_unused_oracle_key_slots_are_nobodys(world: World, meter: Meter) -> None:
    """Beyond the keys in use the table is zeros, and old keys may stand there after a change."""
    former = world.chain.wallet("former oracle key")
    world.chain.patch(world.config, 216 + 2 * 32, bytes(former.pubkey()))
    expect_error(world.post(after(meter), poster=former), "oracle", "NotPoster")


def test_pause_stops_readings_and_ends_by_itself(world: World, meter: Meter) -> None:
    """A pause is no refusal: nothing is skipped, so nothing is lost when it ends."""
    until = world.chain.now_s() + 100
    world.put_council(pause_mask=1, pause_until=until)
    expect_error(world.post(after(meter, 1, 1_000_001)), "oracle", "Paused")
    outcome = world.post(after(meter, 1, 1_000_001), poster=meter.owner, meter=meter.address)
    expect_error(outcome, "oracle", "Paused")
    world.chain.set_time(until)
    assert world.reasons(after(meter, 1, 1_000_001)) == [APPLIED]


@pytest.mark.parametrize("mask", [2, 4, 8, 16, 0xFE])
def test_other_pause_bits_do_not_stop_readings(world: World, meter: Meter, mask: int) -> None:
    """A stopped market must not stop the meters."""
    world.put_council(pause_mask=mask, pause_until=2**40)
    assert world.reasons(after(meter, 1, 1_000_001)) == [APPLIED]


# -------------------------------------------------------------------------------------------------------------- accounts

POSTER, COUNCIL, CONFIG, SLAB, ROOTS = range(5)


def test_poster_must_sign(world: World, meter: Meter) -> None:
    """Oracle keys are public; naming one is not being one."""
    instruction = replaced(world.post_instruction(after(meter)), POSTER, is_signer=False)
    expect_shared(world.chain.send(instruction), "NOT_SIGNER")


@pytest.mark.parametrize("index", [SLAB, ROOTS])
def test_slab_and_roots_must_be_writable(world: World, meter: Meter, index: int) -> None:
    """Both are written together or not at all."""
    instruction = replaced(world.post_instruction(after(meter)), index, is_writable=False)
    expect_shared(world.chain.send(instruction, signers=[world.poster]), "NOT_WRITABLE")


@pytest.mark.parametrize("index", [COUNCIL, CONFIG, SLAB, ROOTS])
def test_copy_of_an_account_in_another_program_is_refused(world: World, meter: Meter, index: int) -> None:
    """An attacker can make an account with any bytes, in a program of their own."""
    instruction = world.post_instruction(after(meter))
    copied = keypair("copy").pubkey()
    world.chain.put(copied, world.chain.data(instruction.accounts[index].pubkey), program_id("trading"))
    outcome = world.chain.send(replaced(instruction, index, pubkey=copied), signers=[world.poster])
    expect_shared(outcome, "WRONG_OWNER" if index == SLAB else "WRONG_ADDRESS")


@pytest.mark.parametrize("index", [COUNCIL, CONFIG, ROOTS])
def test_copy_of_an_account_in_the_same_program_is_refused(world: World, meter: Meter, index: int) -> None:
    """Right owner and right type are not enough where there is one right account."""
    instruction = world.post_instruction(after(meter))
    original = instruction.accounts[index].pubkey
    owner = world.chain.svm.get_account(original)
    assert owner is not None
    copied = keypair("copy").pubkey()
    world.chain.put(copied, world.chain.data(original), owner.owner)
    outcome = world.chain.send(replaced(instruction, index, pubkey=copied), signers=[world.poster])
    expect_shared(outcome, "WRONG_ADDRESS")


def test_roots_of_another_zone_are_refused(chain: Chain) -> None:
    """Records of one zone must not stand under the other's roots."""
    world = World(chain, zones=(1, 2))
    meter = world.meter(3)
    instruction = world.post_instruction(Reading(meter, FIRST, 1, 1))
    outcome = chain.send(replaced(instruction, ROOTS, pubkey=world.roots(2)), signers=[world.poster])
    expect_shared(outcome, "WRONG_ADDRESS")


@pytest.mark.parametrize("index", [COUNCIL, CONFIG, SLAB, ROOTS])
def test_account_of_another_type_is_refused(world: World, meter: Meter, index: int) -> None:
    """Bytes that mean something else must not be read as keys or limits."""
    instruction = world.post_instruction(after(meter))
    address = instruction.accounts[index].pubkey
    world.chain.patch(address, 0, b"\1" * 8)
    expect_shared(world.chain.send(instruction, signers=[world.poster]), "WRONG_ACCOUNT_TYPE")


@pytest.mark.parametrize("index", [COUNCIL, CONFIG, SLAB, ROOTS])
def test_account_of_another_layout_version_is_refused(world: World, meter: Meter, index: int) -> None:
    """After an upgrade of the layout old code must not touch new accounts."""
    instruction = world.post_instruction(after(meter))
    world.chain.patch(instruction.accounts[index].pubkey, 8, b"\2")
    expect_shared(world.chain.send(instruction, signers=[world.poster]), "WRONG_ACCOUNT_TYPE")


def test_same_account_in_two_places_is_refused(world: World, meter: Meter) -> None:
    """Writing one account through two names could undo one of the writes."""
    instruction = world.post_instruction(after(meter))
    for index, pubkey in ((ROOTS, world.slab()), (CONFIG, world.slab()), (COUNCIL, world.slab())):
        outcome = world.chain.send(replaced(instruction, index, pubkey=pubkey), signers=[world.poster])
        expect_shared(outcome, "WRONG_ADDRESS")
    outcome = world.chain.send(replaced(instruction, SLAB, pubkey=world.roots()), signers=[world.poster])
    expect_shared(outcome, "WRONG_ACCOUNT_SIZE")


# ------------------------------------------------------------------------------------------------------------- arguments


def test_readings_that_end_too_early_or_too_late_are_refused(world: World, meter: Meter) -> None:
    """A cut reading could be read as another one, so the whole instruction is refused."""
    packed = after(meter, 1, 1_000_001).pack(FIRST + 1)
    before = world.chain.data(world.slab())
    for raw in (
        b"",
        *(packed[:length] for length in (1, 2, 9, 18, 28, len(packed) - 1)),
        packed + b"\0",
        packed + packed[:80],
    ):
        expect_error(world.post(raw=raw, base=FIRST + 1), "oracle", "MalformedReadings")
    assert world.chain.data(world.slab()) == before


def test_interval_beyond_32_bits_is_refused(world: World, meter: Meter) -> None:
    """base + offset must not wrap into the past."""
    reading = after(meter, 1, 1_000_001)
    raw = bytearray(reading.pack(FIRST))
    expect_error(world.post(raw=bytes(raw), base=2**32 - 1), "oracle", "MalformedReadings")


def test_at_most_sixteen_readings(world: World, meter: Meter) -> None:
    """The event and the tree have room for sixteen; larger transactions will come."""
    shortest = Reading(meter, FIRST + 1, 1_000_000, 500_000, widths=(0, 0), clock_error_ms=0, signature=bytes(64))
    packed = shortest.pack(FIRST + 1)
    instruction = world.post_instruction(raw=packed * 17, base=FIRST + 1)
    outcome = _send_oversize(world, instruction)
    expect_error(outcome, "oracle", "TooManyReadings")
    results = expect_ok(_send_oversize(world, world.post_instruction(raw=packed * 16, base=FIRST + 1)))
    assert [r["reason"] for r in results.event("ReadingsPosted")["results"]] == [BAD_SIGNATURE] * 16


def _send_oversize(world: World, instruction: Any) -> Outcome:
    """Past the rule of 1,232 bytes, which the program does not know."""
    import oracle_world

    saved, oracle_world.MAX_TRANSACTION_BYTES = oracle_world.MAX_TRANSACTION_BYTES, 4_096
    try:
        return world.send_packed(instruction)[1]
    finally:
        oracle_world.MAX_TRANSACTION_BYTES = saved


# ------------------------------------------------------------------------------------------------- what fits, what it costs


def _opened(world: World, count: int) -> list[Meter]:
    meters = [world.meter(slot) for slot in range(count)]
    for at in range(0, count, 6):
        openings = [Reading(meter, FIRST, 10**12 + slot, 2**40, widths=(8, 8)) for slot, meter in enumerate(meters)]
        assert set(world.reasons(*openings[at : at + 6])) == {APPLIED}
    return meters


def test_twelve_usual_readings_fit_one_transaction(world: World, record_units: Record) -> None:
    """Readings an hour are what a zone can post; twelve a transaction is what the fees were reckoned with."""
    meters = _opened(world, 12)
    readings = [
        Reading(meter, FIRST + 1, 10**12 + slot + 1_500, 2**40 + 20_000, widths=(2, 2))
        for slot, meter in enumerate(meters)
    ]
    size, outcome = world.send_packed(world.post_instruction(*readings))
    record_units("oracle.post_verified.12", outcome)
    assert [r["reason"] for r in outcome.event("ReadingsPosted")["results"]] == [APPLIED] * 12
    assert size <= MAX_TRANSACTION_BYTES
    assert outcome.units <= 12 * 10_000 < DEFAULT_UNITS


def test_twelve_readings_with_quality_and_wide_registers_fit(world: World) -> None:
    """Usual readings need not be the smallest: three bytes a register and a quality still go twelve at a time."""
    meters = _opened(world, 12)
    readings = [
        Reading(meter, FIRST + 1, 10**12 + slot + 900, 2**40 + 20_000, widths=(3, 3), clock_error_ms=0)
        for slot, meter in enumerate(meters)
    ]
    size, outcome = world.send_packed(world.post_instruction(*readings))
    assert [r["reason"] for r in outcome.event("ReadingsPosted")["results"]] == [APPLIED] * 12
    assert size <= MAX_TRANSACTION_BYTES


def test_ten_worst_case_readings_fit_one_transaction(world: World, record_units: Record) -> None:
    """With everything that can be sent, offset included, ten still fit, within the default compute budget."""
    meters = _opened(world, 10)
    readings = [
        Reading(meter, FIRST + 1 + slot % 2, 10**12 + slot + 900, 2**40 + 20_000, widths=(8, 8), quality=0x40)
        for slot, meter in enumerate(meters)
    ]
    size, outcome = world.send_packed(world.post_instruction(*readings, base=FIRST))
    record_units("oracle.post_verified.10", outcome)
    assert [r["reason"] for r in outcome.event("ReadingsPosted")["results"]] == [APPLIED] * 10
    assert size <= MAX_TRANSACTION_BYTES
    assert outcome.units <= 10 * 12_500 < DEFAULT_UNITS


def test_one_reading_and_one_skipped_reading_are_cheap(world: World, meter: Meter, record_units: Record) -> None:
    """An owner posts one at a time; a skip before the signature costs next to nothing."""
    record_units("oracle.post_verified.1", world.post(after(meter, 1, 1_000_001)))
    record_units("oracle.post_verified.stale", world.post(after(meter, 1, 1_000_001)))
    forged = replace(after(meter, 2, 1_000_002), signature=after(meter, 1, 1_000_001).signed())
    record_units("oracle.post_verified.bad_signature", world.post(forged))


# ---------------------------------------------------------------------------------------------------- against the model


def test_clients_packing_means_the_same_reading(world: World, meter: Meter) -> None:
    """The bridge packs with gridkit; one bit of difference and nothing is ever posted."""
    expect_ok(world.sync(replace(meter, max_wh_interval=2**31)))
    rng = random.Random(7)
    stored_import, stored_export, interval = 1_000_000, 500_000, FIRST
    for _ in range(25):
        interval += rng.choice((1, 1, 3))
        import_wh = stored_import + rng.choice((0, 1, 65_535, 65_536, 2**24 - 1, 2**24))
        export_wh = stored_export + rng.choice((0, 7, 65_536, 2**24 + 1))
        reading = Reading(
            meter, interval, import_wh, export_wh, quality=rng.choice((0, 0x40)), clock_error_ms=rng.choice((0, 9))
        )
        core: Core = decode_core(reading.core())
        base = interval - rng.choice((0, 1, 65_535))
        packed = posting.pack_reading(
            3,
            base,
            core,
            reading.signed(),
            stored_import_wh=stored_import,
            stored_export_wh=stored_export,
            next_epoch=False,
            absolute=rng.random() < 0.2,
        )
        (result,) = expect_ok(world.post(raw=packed, base=base)).event("ReadingsPosted")["results"]
        assert result["reason"] == APPLIED
        stored_import, stored_export = import_wh, export_wh


ACTIONS = st.lists(
    st.tuples(
        st.integers(0, 2),  # slot
        st.integers(-2, 4),  # intervals after the slot's watermark
        st.integers(-40, 2 * MAX_WH + 40).map(lambda wh: wh if wh < MAX_WH else wh + 1),  # import growth
        st.sampled_from([0, 0, 5, MAX_WH, MAX_WH + 1, -1]),  # export growth
        st.sampled_from([0, 0, 0, 1, 0x40, 8]),  # quality
        st.sampled_from(["good", "good", "good", "forged", "next epoch", "approve", "suspend", "again"]),
    ),
    min_size=4,
    max_size=40,
)


@pytest.mark.parametrize("net_mode", [0, 1])
def test_any_sequence_counts_every_watt_hour_once(net_mode: int) -> None:
    """Duplicates, gaps, reordering, forgeries, swaps and suspensions in any order: what is credited is what the model
    credits, nothing twice, and one slot never touches another."""
    world = World(Chain(), net_mode=net_mode)
    meters = [world.meter(slot) for slot in range(3)]
    accounts = {address: world.chain.data(address) for address in (world.slab(), world.roots())}

    @settings(max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(ACTIONS)
    def run(actions: list[tuple[int, int, int, int, int, str]]) -> None:
        for address, data in accounts.items():
            world.chain.put(address, data, program_id("oracle"))
        for meter in meters:
            meter.register_epoch, meter.status = 0, 1
            world.put_meter(meter)
        model = [ModelSlot() for _ in meters]
        sent: list[Reading] = []
        roots: list[bytes] = []
        batch: list[tuple[Reading, bool]] = []

        def flush() -> None:
            if not batch:
                return
            base = min(reading.interval for reading, _ in batch)
            outcome = expect_ok(world.post(*[reading for reading, _ in batch], base=base))
            records = []
            for (reading, genuine), result in zip(batch, outcome.event("ReadingsPosted")["results"], strict=True):
                slot = model[reading.meter.slot]
                latest = world.chain.now_s() + TOLERANCE_S
                reason, flags = slot.take(reading, latest_end_s=latest, net=bool(net_mode), genuine=genuine)
                assert (result["reason"], result["flags"]) == (reason, flags)
                if reason == APPLIED:
                    records.append(reading.record(flags))
            if records:
                roots.append(batch_root(records))
            batch.clear()

        for slot, step, imported, exported, quality, kind in actions:
            meter, state = meters[slot], model[slot]
            if kind in ("approve", "suspend"):
                flush()
                if kind == "approve":
                    meter.register_epoch = state.register_epoch + 1
                    state.approved = True
                else:
                    meter.status = 2 if meter.status == 1 else 1
                    state.status = meter.status
                expect_ok(world.sync(meter))
                continue
            if kind == "again" and sent:
                batch.append((sent[imported % len(sent)], True))
            else:
                next_epoch = kind == "next epoch"
                reading = Reading(
                    meter,
                    max(state.last_interval, FIRST) + step,
                    max(state.import_wh + imported, 0),
                    max(state.export_wh + exported, 0),
                    quality=quality,
                    register_epoch=state.register_epoch + next_epoch,
                    next_epoch=next_epoch,
                )
                if kind == "forged":
                    reading = replace(reading, signature=SigningKey(b"\5" * 32).sign(reading.core()).signature)
                else:
                    sent.append(reading)
                batch.append((reading, kind != "forged"))
            if len(batch) == 4 or any(reading.next_epoch for reading, _ in batch):
                flush()
        flush()

        for meter, state in zip(meters, model, strict=True):
            entry = world.entry(meter.slot)
            for name in ("acc_import_wh", "acc_export_wh", "import_wh", "export_wh", "last_interval", "register_epoch"):
                assert entry[name] == getattr(state, name), name
        assert world.next_seq() == len(roots)
        assert world.peaks() == mountain_peaks(roots)

    run()
