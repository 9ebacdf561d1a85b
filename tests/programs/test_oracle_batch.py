"""post_batch, and what can be done about what it says: attested readings move nothing but data, and a meter's own signature
overrules them."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from oracle_world import (
    APPLIED,
    CORRECTION,
    EMPTY,
    ENTRY_FAULTED,
    EPOCH_SHIFT,
    FAULTED,
    FUTURE,
    INACTIVE,
    MAX_WH,
    NO_ROOT,
    NOT_OPENED,
    OPENED,
    OPENING,
    OVER_CAPACITY,
    ROOT_ATTESTED,
    ROOT_CORRECTION,
    SIGNERS_SHIFT,
    STALE,
    SUSPENDED,
    TOLERANCE_S,
    VERIFIED,
    Meter,
    Reading,
    World,
    batch_root,
    device_key,
    mountain_path,
    mountain_peaks,
    network_tag,
)
from program_harness import (
    MAX_TRANSACTION_BYTES,
    START_S,
    Chain,
    Outcome,
    compute_limit,
    expect_error,
    expect_ok,
    expect_shared,
    keypair,
    program_id,
    with_slot,
)
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridkit.chain import hidden, merkle, posting
from gridkit.chain.accounts import RingRoot

Record = Callable[[str, Outcome], Outcome]
NOW = START_S // 900 - 1
FIRST = NOW - 100
IMPORT, EXPORT = 1_000_000, 500_000


@pytest.fixture
def world(chain: Chain) -> World:
    return World(chain)


@pytest.fixture
def meter(world: World) -> Meter:
    """A meter in slot 3 whose opening reading, interval FIRST, showed 1,000,000 and 500,000 Wh."""
    meter = world.meter(3)
    assert world.reasons(Reading(meter, FIRST, IMPORT, EXPORT)) == [APPLIED]
    return meter


def opened(world: World, slots: Sequence[int]) -> list[Meter]:
    """Meters in these slots, opened at FIRST; the registers of slot n began at IMPORT + n and EXPORT."""
    meters = [world.meter(slot) for slot in slots]
    for at in range(0, len(meters), 6):
        readings = [Reading(meter, FIRST, IMPORT + meter.slot, EXPORT) for meter in meters[at : at + 6]]
        assert set(world.reasons(*readings)) == {APPLIED}
    return meters


def record(slot: int, interval: int, import_wh: int, export_wh: int, *, epoch: int = 0, flags: int = 0) -> bytes:
    """The 24 bytes of an attested record."""
    return struct.pack("<HIHQQ", slot, interval, flags | epoch << EPOCH_SHIFT, import_wh, export_wh)


def applied(outcome: Outcome) -> list[dict[str, Any]]:
    return expect_ok(outcome).event("AttestedPosted")["records"]


def skipped(outcome: Outcome) -> dict[int, int]:
    """Reason by slot of what was skipped; every reading but those must have been applied."""
    events = expect_ok(outcome).events("AttestedSkipped")
    return {item["slot"]: item["reason"] for event in events for item in event.fields["skipped"]}


def attested(world: World, slot: int = 3) -> tuple[int, int, int]:
    entry = world.entry(slot)
    return entry["attested_interval"], entry["attested_import_wh"], entry["attested_export_wh"]


# ------------------------------------------------------------------------------------------------------- what is applied


def test_attested_reading_moves_its_own_watermark_and_the_roots_and_credits_nothing(world: World, meter: Meter) -> None:
    """It is cheap data: a lie in it must not be worth a watt-hour."""
    before, seq = world.entry(3), world.next_seq()
    outcome = world.attest(FIRST + 1, {3: (IMPORT + 70, EXPORT + 30)})
    (item,) = applied(outcome)
    assert item == {
        "slot": 3,
        "interval": FIRST + 1,
        "flags": 0,
        "import_wh": IMPORT + 70,
        "export_wh": EXPORT + 30,
    }
    changes = {"attested_interval": FIRST + 1, "attested_import_wh": IMPORT + 70, "attested_export_wh": EXPORT + 30}
    assert world.entry(3) == before | changes
    event = outcome.event("AttestedPosted")
    assert (event["zone"], event["seq"], event["signers"]) == (1, seq, 1)
    assert bytes(event["poster"]) == bytes(world.poster.pubkey())
    wanted = (
        FIRST + 1,
        1,
        ROOT_ATTESTED | 1 << SIGNERS_SHIFT,
        batch_root([record(3, FIRST + 1, IMPORT + 70, EXPORT + 30)]),
    )
    assert world.ring(seq) == wanted
    (told,) = [hidden.attested_batch(event) for event in outcome.events("AttestedPosted")]
    assert told == (seq, record(3, FIRST + 1, IMPORT + 70, EXPORT + 30)), "whoever follows events finds its record"
    assert not outcome.events("AttestedSkipped")


def test_next_verified_reading_credits_all_growth_whatever_was_attested(world: World, meter: Meter) -> None:
    """Attested registers are no baseline of credits."""
    applied(world.attest(FIRST + 1, {3: (IMPORT + 9_999, EXPORT + 1)}))
    (result,) = world.results(Reading(meter, FIRST + 2, IMPORT + 120, EXPORT + 60))
    assert (result["reason"], result["acc_import_wh"], result["acc_export_wh"]) == (APPLIED, 120, 60)


def test_low_order_bytes_count_from_the_newest_registers(world: World, meter: Meter) -> None:
    """Three bytes wrap every 16.7 MWh; each wrap is growth, whoever has spoken last."""
    meter.max_wh_interval = 2**31
    expect_ok(world.sync(meter))
    applied(world.attest(FIRST + 1, {3: (IMPORT + 2**24 - 1, EXPORT)}))
    assert attested(world) == (FIRST + 1, IMPORT + 2**24 - 1, EXPORT)
    applied(world.attest(FIRST + 2, {3: (IMPORT + 2**25 - 2, EXPORT + 5)}))
    assert attested(world) == (FIRST + 2, IMPORT + 2**25 - 2, EXPORT + 5)
    assert world.reasons(Reading(meter, FIRST + 3, IMPORT + 2**26, EXPORT + 6)) == [APPLIED]
    applied(world.attest(FIRST + 4, {3: (IMPORT + 2**26 + 7, EXPORT + 6)}))
    assert attested(world) == (FIRST + 4, IMPORT + 2**26 + 7, EXPORT + 6)


def test_verified_reading_between_is_the_floor_of_the_next_attested_one(world: World, meter: Meter) -> None:
    """A verified register of an earlier interval may already be above the attested one: no later claim may go below it."""
    applied(world.attest(FIRST + 5, {3: (IMPORT + 10, EXPORT)}))
    assert world.reasons(Reading(meter, FIRST + 4, IMPORT + 500, EXPORT)) == [APPLIED]
    assert skipped(world.attest(FIRST + 6, {3: (IMPORT + 499, EXPORT)})) == {3: OVER_CAPACITY}
    assert not skipped(world.attest(FIRST + 6, {3: (IMPORT + 500, EXPORT)}))


def test_runs_of_slots_leave_out_whom_they_leave_out(world: World) -> None:
    """A zone has gaps: retired meters, and meters that are silent."""
    opened(world, [0, 1, 2, 5, 6, 9, 200, 255])
    registers = {slot: (IMPORT + slot + 11, EXPORT + slot) for slot in (0, 1, 5, 6, 200, 255)}
    outcome = world.attest(FIRST + 1, registers)
    assert [(item["slot"], item["import_wh"], item["export_wh"]) for item in applied(outcome)] == [
        (slot, *wh) for slot, wh in registers.items()
    ]
    assert attested(world, 2) == (0, 0, 0)
    assert attested(world, 9) == (0, 0, 0)
    records = [record(slot, FIRST + 1, *wh) for slot, wh in registers.items()]
    assert world.ring(world.next_seq() - 1)[3] == batch_root(records)


# ------------------------------------------------------------------------------------------------------- what is skipped


def expect_skip(world: World, interval: int, registers: tuple[int, int], reason: int, slot: int = 3) -> None:
    """The reading must be skipped for `reason`, leaving slab and roots as they were."""
    slab, roots = world.chain.data(world.slab()), world.chain.data(world.roots())
    outcome = world.attest(interval, {slot: registers})
    assert skipped(outcome) == {slot: reason}
    assert outcome.event("AttestedPosted") | {"poster": b""} == {
        "zone": 1,
        "seq": NO_ROOT,
        "poster": b"",
        "signers": 1,
        "records": [],
    }
    assert world.chain.data(world.slab()) == slab
    assert world.chain.data(world.roots()) == roots


def test_one_bad_reading_spoils_no_other(world: World) -> None:
    """148 honest meters must not wait for the one that is refused."""
    meters = opened(world, range(7))
    meters[4].status = SUSPENDED
    expect_ok(world.sync(meters[4]))
    registers = {slot: (IMPORT + slot + 1, EXPORT) for slot in range(9)}
    registers[2] = (IMPORT + 2 + MAX_WH + 1, EXPORT)
    outcome = world.attest(FIRST + 1, registers)
    assert skipped(outcome) == {2: OVER_CAPACITY, 4: INACTIVE, 7: EMPTY, 8: EMPTY}
    event = outcome.event("AttestedSkipped")
    assert (event["zone"], event["interval"]) == (1, FIRST + 1)
    assert [item["slot"] for item in applied(outcome)] == [0, 1, 3, 5, 6]
    records = [record(slot, FIRST + 1, *registers[slot]) for slot in (0, 1, 3, 5, 6)]
    assert world.ring(world.next_seq() - 1)[1:] == (5, ROOT_ATTESTED | 1 << SIGNERS_SHIFT, batch_root(records))


def test_reading_that_is_not_after_both_watermarks_is_stale(world: World, meter: Meter) -> None:
    """What is known cannot be attested anew, neither by whom has attested nor against what was verified."""
    expect_skip(world, FIRST, (IMPORT, EXPORT), STALE)
    applied(world.attest(FIRST + 3, {3: (IMPORT + 5, EXPORT)}))
    expect_skip(world, FIRST + 3, (IMPORT + 6, EXPORT), STALE)
    expect_skip(world, FIRST + 2, (IMPORT + 5, EXPORT), STALE)
    assert world.reasons(Reading(meter, FIRST + 9, IMPORT + 9, EXPORT)) == [APPLIED]
    expect_skip(world, FIRST + 9, (IMPORT + 9, EXPORT), STALE)
    assert not skipped(world.attest(FIRST + 10, {3: (IMPORT + 9, EXPORT)}))


def test_slot_named_twice_is_applied_once(world: World, meter: Meter) -> None:
    """Two runs may overlap by a poster's mistake."""
    runs = posting.pack_runs({3: (IMPORT + 1, EXPORT)}) + posting.pack_runs({3: (IMPORT + 2, EXPORT)})
    outcome = world.attest(FIRST + 1, {}, runs=runs)
    assert skipped(outcome) == {3: STALE}
    assert attested(world) == (FIRST + 1, IMPORT + 1, EXPORT)


@pytest.mark.parametrize("late_s", [0, 1])
def test_interval_may_end_at_most_the_tolerance_ahead(world: World, meter: Meter, late_s: int) -> None:
    """Nobody attests the future."""
    ahead = NOW + 5
    world.chain.set_time(900 * (ahead + 1) - TOLERANCE_S - late_s)
    if late_s:
        expect_skip(world, ahead, (IMPORT, EXPORT), FUTURE)
    else:
        assert not skipped(world.attest(ahead, {3: (IMPORT, EXPORT)}))


@pytest.mark.parametrize("span", [1, 4])
@pytest.mark.parametrize("direction", [0, 1])
def test_growth_is_bounded_by_the_connection(world: World, meter: Meter, span: int, direction: int) -> None:
    """Attested or not, no more than the fuse lets through."""

    def registers(growth: int) -> tuple[int, int]:
        return (IMPORT + growth, EXPORT) if direction == 0 else (IMPORT, EXPORT + growth)

    expect_skip(world, FIRST + span, registers(span * MAX_WH + 1), OVER_CAPACITY)
    assert not skipped(world.attest(FIRST + span, {3: registers(span * MAX_WH)}))


def test_register_below_the_newest_would_be_a_whole_turn(world: World, meter: Meter) -> None:
    """Three bytes cannot say a lower register; what they say instead is beyond any connection."""
    expect_skip(world, FIRST + 1, (IMPORT - 1, EXPORT), OVER_CAPACITY)
    world.patch_entry(3, 64, (2**64 - 1).to_bytes(8, "little"))
    expect_skip(world, FIRST + 1, (3, EXPORT), OVER_CAPACITY)


def test_nobody_attests_where_a_register_begins(world: World, meter: Meter) -> None:
    """Until a verified reading has opened the register epoch there is nothing to count from."""
    world.meter(5)
    expect_skip(world, FIRST + 1, (0, 0), NOT_OPENED, slot=5)
    meter.register_epoch = 1
    expect_ok(world.sync(meter))
    assert not skipped(world.attest(FIRST + 1, {3: (IMPORT + 1, EXPORT)}))  # Still the old device's.
    assert world.reasons(Reading(meter, FIRST + 2, 7, 8, next_epoch=True)) == [APPLIED]
    outcome = world.attest(FIRST + 3, {3: (9, 8)})
    (item,) = applied(outcome)
    assert item["flags"] == 1 << EPOCH_SHIFT
    assert (item["import_wh"], item["export_wh"]) == (9, 8)


# ------------------------------------------------------------------------------------------------------- who may attest


def test_as_many_keys_must_sign_as_the_threshold_says(world: World, meter: Meter) -> None:
    """One stolen oracle key must not be enough where the council has asked for two."""
    expect_ok(world.set_oracles(2, [world.poster.pubkey(), world.second.pubkey(), keypair("third").pubkey()]))
    registers = {3: (IMPORT + 1, EXPORT)}
    expect_error(world.attest(FIRST + 1, registers), "oracle", "ThresholdNotMet")
    expect_error(world.attest(FIRST + 1, registers, signers=[world.second]), "oracle", "ThresholdNotMet")
    outcome = world.attest(FIRST + 1, registers, signers=[world.second, world.poster])
    assert expect_ok(outcome).event("AttestedPosted")["signers"] == 0b11
    third = world.chain.wallet("third")
    outcome = world.attest(FIRST + 2, registers, signers=[world.poster, third])
    assert expect_ok(outcome).event("AttestedPosted")["signers"] == 0b101
    outcome = world.attest(FIRST + 3, registers, signers=[third, world.second, world.poster])
    assert expect_ok(outcome).event("AttestedPosted")["signers"] == 0b111


def test_strangers_owners_and_unsigned_keys_attest_nothing(world: World, meter: Meter) -> None:
    """A meter's owner may post what the meter signed, not what they say themselves."""
    stranger = world.chain.wallet("stranger")
    registers = {3: (IMPORT + 1, EXPORT)}
    expect_error(world.attest(FIRST + 1, registers, signers=[stranger]), "oracle", "NotOracleKey")
    expect_error(world.attest(FIRST + 1, registers, signers=[meter.owner]), "oracle", "NotOracleKey")
    expect_error(world.attest(FIRST + 1, registers, signers=[world.poster, stranger]), "oracle", "NotOracleKey")
    built = world.batch_instruction(FIRST + 1, registers)
    unsigned = AccountMeta(world.second.pubkey(), is_signer=False, is_writable=False)
    outcome = world.chain.send(
        Instruction(built.program_id, built.data, [*built.accounts, unsigned]), signers=[world.poster]
    )
    expect_error(outcome, "oracle", "NotOracleKey")
    expect_shared(world.chain.send(with_slot(built, "poster", signer=False)), "NOT_SIGNER")


def test_key_is_counted_once(world: World, meter: Meter) -> None:
    """The same key twice is not two oracles."""
    expect_ok(world.set_oracles(2, [world.poster.pubkey(), world.second.pubkey()]))
    built = world.batch_instruction(FIRST + 1, {3: (IMPORT + 1, EXPORT)}, signers=[world.poster, world.poster])
    expect_error(world.chain.send(built, signers=[world.poster]), "oracle", "SignerTwice")


def test_former_oracle_key_attests_nothing(world: World, meter: Meter) -> None:
    """Its place in the table may still hold it, beyond the keys in use."""
    expect_ok(world.set_oracles(1, [world.second.pubkey()]))
    expect_error(world.attest(FIRST + 1, {3: (IMPORT, EXPORT)}), "oracle", "NotOracleKey")
    assert not skipped(world.attest(FIRST + 1, {3: (IMPORT, EXPORT)}, signers=[world.second]))


def test_pause_of_readings_stops_attested_ones_too(world: World, meter: Meter) -> None:
    """It ends by itself, and nothing was skipped meanwhile."""
    until = world.chain.now_s() + 100
    world.put_council(pause_mask=1, pause_until=until)
    expect_error(world.attest(FIRST + 1, {3: (IMPORT, EXPORT)}), "oracle", "Paused")
    world.put_council(pause_mask=0xFE, pause_until=until)
    assert not skipped(world.attest(FIRST + 1, {3: (IMPORT, EXPORT)}))


@pytest.mark.parametrize(
    "runs",
    [
        b"",
        b"\3",
        b"\3\0",
        b"\3\1" + bytes(5),
        b"\3\1" + bytes(7),
        b"\3\2" + bytes(6),
        b"\3\1" + bytes(6) + b"\4\0",
        b"\xff\2" + bytes(12),
    ],
    ids=["none", "no count", "empty run", "short", "long", "count", "empty second", "beyond slot 255"],
)
def test_malformed_runs_are_refused_as_a_whole(world: World, meter: Meter, runs: bytes) -> None:
    """A cut run could be read as other meters' registers."""
    expect_error(world.attest(FIRST + 1, {}, runs=runs), "oracle", "MalformedReadings")


def test_at_most_152_readings(world: World) -> None:
    """The event and the tree have room for so many; larger transactions will come."""
    import oracle_world

    saved, oracle_world.MAX_TRANSACTION_BYTES = oracle_world.MAX_TRANSACTION_BYTES, 4_096
    try:
        full = b"\0\x98" + bytes(6 * 152)
        assert skipped(world.attest(FIRST, {}, runs=full)) == dict.fromkeys(range(152), EMPTY)
        expect_error(world.attest(FIRST, {}, runs=full + b"\xc8\1" + bytes(6)), "oracle", "TooManyReadings")
    finally:
        oracle_world.MAX_TRANSACTION_BYTES = saved


# ------------------------------------------------------------------------------------------------- what fits, what it costs


@pytest.fixture(scope="module")
def full_zone() -> tuple[bytes, bytes]:
    """Slab and roots of a zone with 149 opened meters; written by hand from one slot, which the program has made."""
    world = World(Chain())
    meter = world.meter(0)
    assert world.reasons(Reading(meter, FIRST, IMPORT, EXPORT)) == [APPLIED]
    slab = bytearray(world.chain.data(world.slab()))
    for slot in range(1, 149):
        slab[160 + 144 * slot : 304 + 144 * slot] = slab[160:304]
        slab[160 + 144 * slot + 112 : 160 + 144 * slot + 116] = (slot + 1).to_bytes(4, "little")
    return bytes(slab), world.chain.data(world.roots())


@pytest.mark.parametrize("keys", [1, 2])
def test_149_readings_fit_one_transaction_for_less_than_250_units_each(
    world: World, full_zone: tuple[bytes, bytes], keys: int, record_units: Record
) -> None:
    """A thousand meters are seven transactions a quarter hour."""
    chain = world.chain
    chain.put(world.slab(), full_zone[0], program_id("oracle"))
    chain.put(world.roots(), full_zone[1], program_id("oracle"))
    signers = [world.poster, world.second][:keys]
    expect_ok(world.set_oracles(keys, [world.poster.pubkey(), world.second.pubkey()]))
    registers = {slot: (IMPORT + 7 * slot + 1, EXPORT + 3 * slot) for slot in range(149)}
    built = world.batch_instruction(FIRST + 1, registers, signers=signers)
    assert bytes(built.data) == posting.post_batch_data(FIRST + 1, posting.pack_runs(registers))
    size, outcome = world.send_packed(built, signers[0], signers[1:])
    record_units("oracle.post_batch.149" + (".two_keys" if keys == 2 else ""), outcome)
    assert len(applied(outcome)) == 149
    assert size <= MAX_TRANSACTION_BYTES
    assert outcome.units <= 149 * 250
    records = [record(slot, FIRST + 1, *wh) for slot, wh in registers.items()]
    assert world.ring(1)[3] == batch_root(records) == merkle.batch_root(b"".join(records))
    assert world.peaks() == mountain_peaks([world.ring(0)[3], world.ring(1)[3]])
    assert [attested(world, slot) for slot in range(149)] == [(FIRST + 1, *registers[slot]) for slot in range(149)]


def test_149_skipped_readings_are_reported_within_the_logs(world: World, record_units: Record) -> None:
    """The runtime cuts logs at 10,000 bytes, and a report that is cut is none."""
    outcome = world.attest(FIRST + 1, dict.fromkeys(range(149), (0, 0)))
    record_units("oracle.post_batch.149_skipped", outcome)
    assert skipped(outcome) == dict.fromkeys(range(149), EMPTY)


def test_one_attested_reading_costs(world: World, meter: Meter, record_units: Record) -> None:
    """The fixed part of a batch."""
    record_units("oracle.post_batch.1", world.attest(FIRST + 1, {3: (IMPORT + 1, EXPORT)}))


# -------------------------------------------------------------------------------------------------------- verify_reading


@dataclass(frozen=True)
class Proof:
    """A record's way up."""

    seq: int
    place: int
    records: tuple[bytes, ...]
    roots: tuple[bytes, ...] = ()
    """All roots of the zone, to prove by a peak; none: by the ring."""

    def args(self) -> dict[str, Any]:
        joined = b"".join(self.records)
        path = merkle.batch_path(joined, self.place // 4)
        return {
            "seq": self.seq,
            "record": self.place % 4,
            "batch_left": sum(1 << level for level, step in enumerate(path) if step.left),
            "leaf": merkle.leaves(joined)[self.place // 4],
            "batch_path": [{"hash": step.sibling} for step in path],
            "mountain_path": [{"hash": node} for node in mountain_path(list(self.roots), self.seq)]
            if self.roots
            else [],
        }


NO_SIGNATURE = {"core": bytes(47), "device_key": bytes(32), "signature": bytes(64)}


def signature_of(reading: Reading) -> dict[str, bytes]:
    return {
        "core": reading.core(),
        "device_key": bytes(reading.signer.key.verify_key),
        "signature": reading.signed(),
    }


def verify(world: World, proof: Proof, signed: Mapping[str, bytes], slab: Pubkey | None = None) -> Outcome:
    accounts = {"roots": world.roots(), "slab": slab}
    built = world.chain.instruction("oracle", "verify_reading", accounts, **proof.args(), **signed)
    return world.send_packed(built)[1]


def lone(world: World, slot: int, interval: int, import_wh: int, export_wh: int, **options: Any) -> Proof:
    """Attest one reading and return the proof of its record."""
    assert not skipped(world.attest(interval, {slot: (import_wh, export_wh)}, **options))
    epoch = world.entry(slot)["register_epoch"]
    return Proof(world.next_seq() - 1, 0, (record(slot, interval, import_wh, export_wh, epoch=epoch),))


def test_devices_signature_proves_an_attested_reading(world: World, meter: Meter) -> None:
    """Whoever doubts what was attested asks the meter."""
    proof = lone(world, 3, FIRST + 1, IMPORT + 9, EXPORT + 4)
    reading = Reading(meter, FIRST + 1, IMPORT + 9, EXPORT + 4)
    event = expect_ok(verify(world, proof, signature_of(reading), world.slab())).event("ReadingVerified")
    assert (event["zone"], event["slot"], event["meter_number"], event["interval"]) == (1, 3, 4, FIRST + 1)
    assert (event["import_wh"], event["export_wh"]) == (IMPORT + 9, EXPORT + 4)


def test_attested_reading_without_a_signature_is_proven_as_attested_only(world: World, meter: Meter) -> None:
    """The answer is another event, so that nobody takes one for the other."""
    proof = lone(world, 3, FIRST + 1, IMPORT + 9, EXPORT + 4)
    for slab in (None, world.slab()):
        outcome = expect_ok(verify(world, proof, NO_SIGNATURE, slab))
        assert not outcome.events("ReadingVerified")
        event = outcome.event("AttestationProven")
        assert (event["slot"], event["interval"], event["import_wh"], event["export_wh"]) == (
            3,
            FIRST + 1,
            IMPORT + 9,
            EXPORT + 4,
        )
        packed = struct.pack("<HQHIHQQ", 1, proof.seq, 3, FIRST + 1, 0, IMPORT + 9, EXPORT + 4)
        assert outcome.return_data.ljust(len(packed), b"\0") == packed


def test_signature_over_an_attested_reading_must_say_the_same(world: World, meter: Meter) -> None:
    """Each field that the record and the core share, and the key of the slab."""
    proof = lone(world, 3, FIRST + 1, IMPORT + 9, EXPORT + 4)
    good = Reading(meter, FIRST + 1, IMPORT + 9, EXPORT + 4)

    def answer(reading: Reading) -> Outcome:
        return verify(world, proof, signature_of(reading), world.slab())

    for other in (
        replace(good, import_wh=IMPORT + 8),
        replace(good, export_wh=EXPORT + 5),
        replace(good, interval=FIRST + 2),
        replace(good, register_epoch=1),
    ):
        expect_error(answer(other), "oracle", "WrongRecord")
    stranger = replace(meter.keys[0], key=device_key("stranger"))
    for other in (
        replace(good, tag=network_tag(b"\1" * 32)),
        replace(good, meter=replace(meter, number=99)),
        replace(good, key=replace(meter.keys[0], epoch=1)),
        replace(good, key=stranger),
    ):
        expect_error(answer(other), "oracle", "WrongReading")
    expect_error(answer(replace(good, signature=bytes(64))), "oracle", "BadSignature")
    expect_error(verify(world, proof, signature_of(good)), "oracle", "NotVerified")
    expect_error(verify(world, proof, signature_of(good), program_id("oracle")), "oracle", "NotVerified")
    lame = signature_of(good) | {"core": bytes(47)}
    expect_error(verify(world, proof, lame, world.slab()), "oracle", "WrongRecord")
    flipped = replace(proof, records=(proof.records[0][:-1] + b"\1",))
    expect_error(verify(world, flipped, NO_SIGNATURE), "oracle", "WrongPath")


def test_slab_of_an_attested_reading_is_the_zones(chain: Chain) -> None:
    """Another zone's slot holds another meter's key."""
    world = World(chain, zones=(1, 2))
    meter = world.meter(3)
    world.results(Reading(meter, FIRST, IMPORT, EXPORT))
    proof = lone(world, 3, FIRST + 1, IMPORT, EXPORT)
    signed = signature_of(Reading(meter, FIRST + 1, IMPORT, EXPORT))
    expect_shared(verify(world, proof, signed, world.slab(2)), "WRONG_ADDRESS")
    expect_shared(verify(world, proof, signed, world.roots(1)), "WRONG_ADDRESS")
    expect_ok(verify(world, proof, signed, world.slab(1)))


def test_every_attested_reading_of_a_full_batch_can_be_proven(
    world: World, full_zone: tuple[bytes, bytes], record_units: Record
) -> None:
    """From 38 leaves six siblings lead up; with the signature it is still cheaper than the target."""
    chain = world.chain
    chain.put(world.slab(), full_zone[0], program_id("oracle"))
    chain.put(world.roots(), full_zone[1], program_id("oracle"))
    registers = {slot: (IMPORT + slot, EXPORT) for slot in range(149)}
    records = tuple(record(slot, FIRST + 1, *wh) for slot, wh in registers.items())
    applied(world.attest(FIRST + 1, registers))
    roots = (world.ring(0)[3], world.ring(1)[3])
    for place in range(0, 149, 12):
        expect_ok(verify(world, Proof(1, place, records), NO_SIGNATURE))
        expect_ok(verify(world, Proof(1, place, records, roots), NO_SIGNATURE))
    meter = Meter(1, 0, world.chain.wallet("owner of 1"), world.meter(200, number=1, enrol=False).keys)
    reading = Reading(meter, FIRST + 1, IMPORT, EXPORT)
    outcome = verify(world, Proof(1, 0, records, roots), signature_of(reading), world.slab())
    record_units("oracle.verify_reading.attested", outcome)
    assert outcome.units <= 16_000
    record_units("oracle.verify_reading.attestation", verify(world, Proof(1, 0, records, roots), NO_SIGNATURE))


# ------------------------------------------------------------------------------------------------------ challenge_reading


def challenge(world: World, proof: Proof, reading: Reading, by: Keypair | None = None, **changes: Any) -> Outcome:
    """Challenge the record of a proof with a signed reading."""
    payer = by or world.chain.wallet("challenger")
    slot = struct.unpack_from("<H", proof.records[proof.place])[0]
    accounts = {
        "payer": payer,
        "config": world.config,
        "slab": world.slab(),
        "roots": world.roots(),
        "fault": world.fault(slot),
    } | changes
    built = world.chain.instruction(
        "oracle", "challenge_reading", accounts, core=reading.core(), signature=reading.signed(), **proof.args()
    )
    return world.chain.send(built, signers=[payer])


def fault_counts(world: World) -> list[int]:
    return list(world.chain.read("oracle", "Config", world.config)["fault_counts"])


@pytest.mark.parametrize(
    ("interval", "import_growth", "export_growth"),
    [
        (5, 99, 40),
        (5, 101, 40),
        (5, 100, 39),
        (5, 100, 41),
        (6, 99, 40),
        (6, 100, 39),
        (9, 0, 0),
        (4, 101, 40),
        (4, 0, 41),
        (1, 101, 0),
    ],
)
def test_meters_own_signature_overrules_what_was_attested(
    world: World, meter: Meter, interval: int, import_growth: int, export_growth: int, record_units: Record
) -> None:
    """Another register at the same instant, or one that would have had to fall."""
    proof = lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT + 40)
    before = world.entry(3)
    reading = Reading(meter, FIRST + interval, IMPORT + import_growth, EXPORT + export_growth)
    outcome = challenge(world, proof, reading)
    if (interval, import_growth) == (5, 99):
        record_units("oracle.challenge_reading", outcome)
    event = expect_ok(outcome).event("FaultProven")
    assert (event["zone"], event["slot"], event["meter_number"], event["seq"], event["signers"]) == (
        1,
        3,
        4,
        proof.seq,
        1,
    )
    assert (event["attested_interval"], event["attested_import_wh"], event["attested_export_wh"]) == (
        FIRST + 5,
        IMPORT + 100,
        EXPORT + 40,
    )
    assert (event["signed_interval"], event["signed_import_wh"]) == (FIRST + interval, IMPORT + import_growth)
    assert world.entry(3) == before | {"flags": before["flags"] | ENTRY_FAULTED}
    assert fault_counts(world) == [1, 0, 0, 0, 0, 0, 0, 0]
    fault = world.chain.read("oracle", "Fault", world.fault(3))
    assert (fault["status"], fault["count"], fault["cleared_interval"], fault["signers"]) == (1, 1, 0, 1)
    assert bytes(fault["core"]) == reading.core()
    assert bytes(fault["signature"]) == reading.signed()
    assert bytes(fault["record"]) == proof.records[0]
    assert bytes(fault["challenger"]) == bytes(world.chain.wallet("challenger").pubkey())


@pytest.mark.parametrize(
    ("interval", "import_growth", "export_growth"), [(5, 100, 40), (6, 100, 40), (6, 101, 41), (4, 100, 40), (4, 0, 0)]
)
def test_signature_that_fits_is_no_contradiction(
    world: World, meter: Meter, interval: int, import_growth: int, export_growth: int
) -> None:
    """An honest oracle has nothing to fear from an honest meter."""
    proof = lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT + 40)
    reading = Reading(meter, FIRST + interval, IMPORT + import_growth, EXPORT + export_growth)
    expect_error(challenge(world, proof, reading), "oracle", "NoContradiction")


def test_faulted_meter_takes_no_attested_reading_and_all_verified_ones(world: World, meter: Meter) -> None:
    """The consequence is confined to the kind of data that was proven wrong."""
    meters = opened(world, [4])
    proof = lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT)
    truth = Reading(meter, FIRST + 5, IMPORT + 10, EXPORT)
    expect_ok(challenge(world, proof, truth))
    assert skipped(world.attest(FIRST + 6, {3: (IMPORT + 100, EXPORT), 4: (IMPORT + 5, EXPORT)})) == {3: FAULTED}
    assert world.reasons(truth, Reading(meter, FIRST + 7, IMPORT + 12, EXPORT)) == [APPLIED, APPLIED]
    assert world.entry(3)["acc_import_wh"] == 12
    assert world.entry(3)["flags"] == OPENED | ENTRY_FAULTED
    meters[0].register_epoch = 1


def test_fault_outlives_a_swap(world: World, meter: Meter) -> None:
    """A new device does not make the oracle's word better."""
    proof = lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT)
    expect_ok(challenge(world, proof, Reading(meter, FIRST + 5, IMPORT + 10, EXPORT)))
    meter.register_epoch = 1
    expect_ok(world.sync(meter))
    assert world.reasons(Reading(meter, FIRST + 6, 1, 1, next_epoch=True)) == [APPLIED]
    assert skipped(world.attest(FIRST + 7, {3: (1, 1)})) == {3: FAULTED}


def test_second_challenge_of_an_open_fault_is_refused(world: World, meter: Meter) -> None:
    """One fault is counted once, however many records it is in."""
    proof = lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT)
    other = lone(world, 3, FIRST + 6, IMPORT + 101, EXPORT)
    truth = Reading(meter, FIRST + 6, IMPORT + 10, EXPORT)
    expect_ok(challenge(world, proof, truth))
    expect_error(challenge(world, proof, truth), "oracle", "AlreadyFaulted")
    expect_error(challenge(world, other, truth), "oracle", "AlreadyFaulted")
    assert fault_counts(world)[0] == 1


def test_challenge_needs_a_reading_that_the_program_would_believe(world: World, meter: Meter) -> None:
    """A forged, foreign, masked or future reading proves nothing, nor does one against what is verified."""
    proof = lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT)
    good = Reading(meter, FIRST + 5, IMPORT + 10, EXPORT)
    for bad in (
        replace(good, tag=network_tag(b"\1" * 32)),
        replace(good, meter=replace(meter, number=99)),
        replace(good, key=replace(meter.keys[0], epoch=1)),
    ):
        expect_error(challenge(world, proof, bad), "oracle", "WrongReading")
    expect_error(challenge(world, proof, replace(good, register_epoch=1)), "oracle", "NoContradiction")
    expect_error(challenge(world, proof, replace(good, signature=bytes(64))), "oracle", "BadSignature")
    stranger = replace(good, key=replace(meter.keys[0], key=device_key("stranger")))
    expect_error(challenge(world, proof, stranger), "oracle", "BadSignature")
    for quality in (1, 2, 4, 8):
        expect_error(challenge(world, proof, replace(good, quality=quality)), "oracle", "UnfitReading")
    expect_error(challenge(world, proof, replace(good, interval=NOW + 1)), "oracle", "UnfitReading")
    # A glitch that the device has signed: lower than its own verified register.
    expect_error(challenge(world, proof, replace(good, import_wh=IMPORT - 1)), "oracle", "UnfitReading")
    assert world.reasons(Reading(meter, FIRST + 7, IMPORT + 300, EXPORT)) == [APPLIED]
    expect_error(challenge(world, proof, replace(good, import_wh=IMPORT + 301)), "oracle", "UnfitReading")
    expect_error(
        challenge(world, proof, replace(good, interval=FIRST + 8, import_wh=IMPORT + 99)), "oracle", "UnfitReading"
    )
    assert world.entry(3)["flags"] == OPENED
    expect_ok(challenge(world, proof, good))


def test_register_epoch_that_never_began_proves_nothing(world: World, meter: Meter) -> None:
    """A record keeps 12 bits of the epoch: an owner could sign for 4,096 epochs later, with registers below what is verified."""
    proof = lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT)
    framed = Reading(meter, FIRST + 5, IMPORT - 1, EXPORT, register_epoch=4_096)
    expect_error(challenge(world, proof, framed), "oracle", "NoContradiction")
    assert (world.entry(3)["flags"], fault_counts(world)) == (OPENED, [0] * 8)


def test_challenger_signs_even_when_there_is_nothing_to_pay(world: World, meter: Meter) -> None:
    """The case names its challenger for ever; from the second one on no rent is due, and anybody could name anybody."""
    expect_ok(
        challenge(world, lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT), Reading(meter, FIRST + 5, IMPORT, EXPORT))
    )
    expect_ok(world.correct(3, FIRST + 6, IMPORT, EXPORT, fault=world.fault(3)))
    proof = lone(world, 3, FIRST + 8, IMPORT + 100, EXPORT)
    reading = Reading(meter, FIRST + 8, IMPORT, EXPORT)
    accounts = {"config": world.config, "slab": world.slab(), "roots": world.roots(), "fault": world.fault(3)}
    accounts["payer"] = world.chain.wallet("challenger")
    built = world.chain.instruction(
        "oracle", "challenge_reading", accounts, core=reading.core(), signature=reading.signed(), **proof.args()
    )
    expect_shared(world.chain.send(with_slot(built, "payer", signer=False)), "NOT_SIGNER")
    expect_ok(challenge(world, proof, reading))


def test_masked_core_is_judged_before_its_signature(world: World, meter: Meter) -> None:
    """The order of refusals is the same for every caller, so tests and clients can rely on it."""
    proof = lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT)
    reading = Reading(meter, FIRST + 5, IMPORT + 10, EXPORT, quality=1, signature=bytes(64))
    expect_error(challenge(world, proof, reading), "oracle", "UnfitReading")


def test_only_attested_records_can_be_challenged(world: World, meter: Meter) -> None:
    """A verified record has no registers to contradict, and the council's word is not the oracle's."""
    opening = Reading(meter, FIRST, IMPORT, EXPORT)
    verified = Proof(0, 0, (opening.record(VERIFIED | OPENING),))
    truth = Reading(meter, FIRST + 5, IMPORT + 10, EXPORT)
    expect_error(challenge(world, verified, truth), "oracle", "NotAttested")
    expect_ok(world.correct(3, FIRST + 5, IMPORT + 100, EXPORT))
    corrected = Proof(1, 0, (record(3, FIRST + 5, IMPORT + 100, EXPORT, flags=CORRECTION),))
    expect_error(challenge(world, corrected, truth), "oracle", "NotAttested")
    expect_ok(verify(world, corrected, NO_SIGNATURE))


def test_invented_record_cannot_be_challenged(world: World, meter: Meter) -> None:
    """Else anybody could fault an oracle for what it never said."""
    proof = lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT)
    truth = Reading(meter, FIRST + 5, IMPORT + 10, EXPORT)
    never = replace(proof, records=(record(3, FIRST + 5, IMPORT + 99, EXPORT),))
    expect_error(challenge(world, never, truth), "oracle", "WrongPath")
    expect_error(challenge(world, replace(proof, seq=9), truth), "oracle", "UnknownRoot")


def test_record_of_another_register_epoch_contradicts_nothing(world: World, meter: Meter) -> None:
    """After a swap the registers begin anew; both devices may be right."""
    proof = lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT)
    meter.register_epoch = 1
    expect_ok(world.sync(meter))
    opening = Reading(meter, FIRST + 5, 10, 10, next_epoch=True)
    assert world.reasons(opening) == [APPLIED]
    expect_error(challenge(world, proof, opening), "oracle", "NoContradiction")
    expect_ok(challenge(world, proof, Reading(meter, FIRST + 5, IMPORT + 10, EXPORT, register_epoch=0)))


def test_fault_is_counted_for_those_who_attested(world: World, meter: Meter) -> None:
    """By the ring's note of who signed; by a peak nobody knows any more, and after a change of keys their places have moved."""
    opened(world, [4, 5])
    expect_ok(world.set_oracles(2, [world.poster.pubkey(), world.second.pubkey()]))
    world.chain.advance(900 * 3)
    late = NOW + 2
    both = [world.second, world.poster]
    proof = lone(world, 3, late, IMPORT + 100, EXPORT, signers=both)
    expect_ok(challenge(world, proof, Reading(meter, late, IMPORT + 10, EXPORT)))
    assert fault_counts(world)[:3] == [1, 1, 0]

    four = lone(world, 4, late, IMPORT + 104, EXPORT, signers=both)
    roots = tuple(world.ring(seq)[3] for seq in range(world.next_seq()))
    truth = Reading(world.meter(4, enrol=False), late, IMPORT + 10, EXPORT)
    event = expect_ok(challenge(world, replace(four, roots=roots), truth)).event("FaultProven")
    assert (event["signers"], fault_counts(world)[:3]) == (0, [1, 1, 0])

    five = lone(world, 5, late, IMPORT + 105, EXPORT, signers=both)
    expect_ok(world.set_oracles(1, [keypair("third").pubkey(), world.second.pubkey()]))
    assert fault_counts(world)[:3] == [0, 1, 0]
    truth = Reading(world.meter(5, enrol=False), late, IMPORT + 10, EXPORT)
    event = expect_ok(challenge(world, five, truth)).event("FaultProven")
    assert (event["signers"], fault_counts(world)[:3]) == (0, [0, 1, 0])


# ------------------------------------------------------------------------------------------------------------------ correct


def test_council_corrects_and_the_meter_goes_on(world: World, meter: Meter, record_units: Record) -> None:
    """A correction is one more record; the wrong one stays where everybody can see it."""
    proof = lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT)
    expect_ok(challenge(world, proof, Reading(meter, FIRST + 5, IMPORT + 10, EXPORT)))
    before, seq = world.entry(3), world.next_seq()
    outcome = record_units("oracle.correct", world.correct(3, FIRST + 8, IMPORT + 14, EXPORT + 1, note_hash=b"n" * 32))
    event = outcome.event("ReadingCorrected")
    assert (event["zone"], event["slot"], event["meter_number"], event["seq"]) == (1, 3, 4, seq)
    assert (event["old_import_wh"], event["import_wh"], event["was_faulted"]) == (IMPORT + 100, IMPORT + 14, 1)
    assert (event["interval"], bytes(event["note_hash"]), event["flags"]) == (FIRST + 8, b"n" * 32, CORRECTION)
    changes = {
        "attested_interval": FIRST + 8,
        "attested_import_wh": IMPORT + 14,
        "attested_export_wh": EXPORT + 1,
        "flags": OPENED,
    }
    assert world.entry(3) == before | changes
    root = batch_root([record(3, FIRST + 8, IMPORT + 14, EXPORT + 1, flags=CORRECTION)])
    assert world.ring(seq) == (FIRST + 8, 1, ROOT_CORRECTION, root)
    (told,) = hidden.corrections_in(outcome.events(), 1, "", 0)
    assert hidden.find([told], RingRoot(seq, *world.ring(seq)), lambda _: None), (
        "whoever follows events finds its record"
    )
    fault = world.chain.read("oracle", "Fault", world.fault(3))
    assert (fault["status"], fault["count"], fault["cleared_interval"]) == (2, 1, FIRST + 8)
    assert not skipped(world.attest(FIRST + 9, {3: (IMPORT + 15, EXPORT + 1)}))
    expect_ok(verify(world, proof, NO_SIGNATURE))


def test_corrected_records_cannot_be_challenged_again(world: World, meter: Meter) -> None:
    """Else one old lie would stop the meter for ever; a new lie still counts."""
    proof = lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT)
    other = lone(world, 3, FIRST + 6, IMPORT + 100, EXPORT)
    truth = Reading(meter, FIRST + 6, IMPORT + 10, EXPORT)
    expect_ok(challenge(world, proof, truth))
    expect_ok(world.correct(3, FIRST + 6, IMPORT + 10, EXPORT))
    expect_error(challenge(world, proof, truth), "oracle", "FaultCleared")
    expect_error(challenge(world, other, truth), "oracle", "FaultCleared")
    again = lone(world, 3, FIRST + 7, IMPORT + 80, EXPORT)
    expect_ok(challenge(world, again, Reading(meter, FIRST + 7, IMPORT + 11, EXPORT)))
    fault = world.chain.read("oracle", "Fault", world.fault(3))
    assert (fault["status"], fault["count"], fault["cleared_interval"]) == (1, 2, FIRST + 6)


def test_correction_without_a_fault_needs_no_fault_account(world: World, meter: Meter) -> None:
    """The council may set right what nobody has challenged."""
    applied(world.attest(FIRST + 5, {3: (IMPORT + 100, EXPORT)}))
    event = expect_ok(world.correct(3, FIRST + 5, IMPORT + 20, EXPORT, fault=None)).event("ReadingCorrected")
    assert (event["was_faulted"], event["old_import_wh"]) == (0, IMPORT + 100)
    assert attested(world) == (FIRST + 5, IMPORT + 20, EXPORT)


def test_fault_is_ended_through_its_own_record(world: World, meter: Meter) -> None:
    """Without it the old lie could be challenged again, and with another meter's that one's lies never."""
    opened(world, [4])
    for slot, name in ((3, meter), (4, world.meter(4, enrol=False))):
        proof = lone(world, slot, FIRST + 5, IMPORT + 100, EXPORT)
        expect_ok(challenge(world, proof, Reading(name, FIRST + 5, IMPORT + 10, EXPORT)))
    expect_error(world.correct(3, FIRST + 5, IMPORT + 20, EXPORT, fault=None), "oracle", "InvalidCorrection")
    expect_shared(world.correct(3, FIRST + 5, IMPORT + 20, EXPORT, fault=world.fault(4)), "WRONG_SEEDS")
    expect_ok(world.correct(3, FIRST + 5, IMPORT + 20, EXPORT))


def test_correction_goes_forward_and_never_below_a_verified_register(world: World, meter: Meter) -> None:
    """What is known stays known, also for the council."""
    applied(world.attest(FIRST + 5, {3: (IMPORT + 100, EXPORT)}))

    def refused(interval: int, import_wh: int, export_wh: int) -> None:
        expect_error(world.correct(3, interval, import_wh, export_wh), "oracle", "InvalidCorrection")

    refused(FIRST + 4, IMPORT + 1, EXPORT)
    refused(FIRST + 5, IMPORT - 1, EXPORT)
    refused(FIRST + 5, IMPORT, EXPORT - 1)
    refused(NOW + 1, IMPORT, EXPORT)
    world.meter(6)
    expect_error(world.correct(6, FIRST + 5, 1, 1), "oracle", "InvalidCorrection")
    expect_error(world.correct(7, FIRST + 5, 1, 1), "oracle", "NotEnrolled")
    expect_ok(world.correct(3, NOW, IMPORT, EXPORT))


def test_correction_credits_nothing(world: World, meter: Meter) -> None:
    """Closing energy without a device signature is never minted, whoever vouches for it."""
    expect_ok(world.correct(3, FIRST + 5, IMPORT + 10_000, EXPORT + 10_000))
    entry = world.entry(3)
    assert (entry["acc_import_wh"], entry["acc_export_wh"], entry["last_interval"]) == (0, 0, FIRST)
    (result,) = world.results(Reading(meter, FIRST + 6, IMPORT + 60, EXPORT + 6))
    assert (result["acc_import_wh"], result["acc_export_wh"]) == (60, 6)


# ------------------------------------------------------------------------------------------------- decisions of the council


def _set_oracles(world: World, council: Keypair | None) -> Outcome:
    return world.set_oracles(1, [world.second.pubkey()], council)


def _correct(world: World, council: Keypair | None) -> Outcome:
    return world.correct(3, FIRST + 5, IMPORT + 20, EXPORT, council=council)


@pytest.mark.parametrize("act", [_set_oracles, _correct])
def test_only_the_council_decides(world: World, meter: Meter, act: Callable[[World, Keypair | None], Outcome]) -> None:
    """Neither an oracle key, nor an admin, nor the meter's owner; the council signs by its program alone."""
    for other in (world.poster, world.admin, meter.owner, world.chain.upgrade_authority):
        expect_shared(act(world, other), "WRONG_ADDRESS")
    expect_ok(act(world, None))


def test_naming_the_council_is_not_its_signature(world: World, meter: Meter) -> None:
    """Its address is public, and it has no key."""
    accounts = {"council": world.council, "config": world.config}
    args = {"threshold": 1, "oracle_keys": [bytes(world.second.pubkey())]}
    built = world.chain.instruction("oracle", "set_oracles", accounts, **args)
    expect_shared(world.chain.send(with_slot(built, "council", signer=False)), "NOT_SIGNER")


def test_new_oracle_keys_hold_at_once(world: World, meter: Meter, record_units: Record) -> None:
    """A stolen key must stop posting with the decision."""
    third = world.chain.wallet("third")
    keys = [third.pubkey(), world.second.pubkey()]
    outcome = record_units("oracle.set_oracles", world.set_oracles(2, keys))
    event = outcome.event("OraclesChanged")
    assert (event["threshold"], [bytes(key) for key in event["oracle_keys"]]) == (2, [bytes(key) for key in keys])
    assert event["keys_since_interval"] == START_S // 900 + 1
    config = world.chain.read("oracle", "Config", world.config)
    assert (config["oracle_key_count"], config["threshold"]) == (2, 2)
    assert [bytes(key) for key in config["oracle_keys"]] == [bytes(key) for key in keys] + [bytes(32)] * 6
    expect_error(world.post(Reading(meter, FIRST + 1, IMPORT, EXPORT)), "oracle", "NotPoster")
    assert world.reasons(Reading(meter, FIRST + 1, IMPORT, EXPORT), poster=third) == [APPLIED]


@pytest.mark.parametrize(
    ("threshold", "names"),
    [(1, []), (0, ["a"]), (2, ["a"]), (1, ["a", "a"]), (1, list("abcdefghi"))],
    ids=["none", "zero", "above", "twice", "nine"],
)
def test_oracle_keys_must_make_sense(world: World, threshold: int, names: list[str]) -> None:
    """A threshold that nobody can reach would stop attested readings for ever."""
    keys = [keypair(name).pubkey() for name in names]
    expect_error(world.set_oracles(threshold, keys), "oracle", "InvalidOracleKeys")
    with pytest.raises(posting.PackingError):
        posting.set_oracles_data(threshold, [bytes(key) for key in keys])


@pytest.mark.parametrize(("batch", "mountain", "fits"), [(6, 16, True), (6, 17, False), (0, 21, True)])
def test_size_of_a_challenge(world: World, meter: Meter, batch: int, mountain: int, fits: bool) -> None:
    """By the ring any record can be challenged; by the peaks while the mountain has up to 2^16 roots. (The path is made up: what
    matters is that the program gets to judge it.)"""
    proof = lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT)
    args = proof.args() | {
        "leaf": proof.records[0] * (4 if batch else 1),
        "batch_path": [{"hash": bytes(32)}] * batch,
        "mountain_path": [{"hash": bytes(32)}] * mountain,
    }
    reading = Reading(meter, FIRST + 5, IMPORT + 10, EXPORT)
    accounts = {
        "payer": world.poster,
        "config": world.config,
        "slab": world.slab(),
        "roots": world.roots(),
        "fault": world.fault(3),
    }
    signed = {"core": reading.core(), "signature": reading.signed()}
    built = world.chain.instruction("oracle", "challenge_reading", accounts, **args, **signed)
    if fits:
        expect_error(world.send_packed(built)[1], "oracle", "MalformedProof")
    else:
        with pytest.raises(AssertionError, match="no real cluster"):
            world.send_packed(built)


@pytest.mark.parametrize(("batch", "mountain", "fits"), [(6, 17, True), (6, 18, False), (2, 21, True)])
def test_size_of_an_attested_proof(world: World, meter: Meter, batch: int, mountain: int, fits: bool) -> None:
    """From the fullest batch up to 2^17 roots; what is older is proven off the chain, by the same path."""
    proof = lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT)
    args = proof.args() | {
        "leaf": proof.records[0] * 4,
        "batch_path": [{"hash": bytes(32)}] * batch,
        "mountain_path": [{"hash": bytes(32)}] * mountain,
    }
    signed = signature_of(Reading(meter, FIRST + 5, IMPORT + 100, EXPORT))
    accounts = {"roots": world.roots(), "slab": world.slab()}
    built = world.chain.instruction("oracle", "verify_reading", accounts, **args, **signed)
    if fits:
        expect_error(world.send_packed(built)[1], "oracle", "MalformedProof")
    else:
        with pytest.raises(AssertionError, match="no real cluster"):
            world.send_packed(built)


def test_compute_budget_is_the_default(world: World, meter: Meter) -> None:
    """Nothing here needs a larger budget than a transaction has by itself."""
    proof = lone(world, 3, FIRST + 5, IMPORT + 100, EXPORT)
    outcome = challenge(world, proof, Reading(meter, FIRST + 5, IMPORT + 10, EXPORT))
    assert expect_ok(outcome).units < 30_000
    assert compute_limit(1).program_id != program_id("oracle")


def test_noise_is_refused_and_changes_nothing(world: World, meter: Meter) -> None:
    """Whatever bytes a broken client sends: a numbered refusal, or a report that everything was skipped; never a fault of the
    program, and never a byte changed."""
    rng = random.Random(11)
    before = [world.chain.data(address) for address in (world.slab(), world.roots(), world.config)]
    codes = set()
    for _ in range(150):
        size = rng.choice([1, 2, 7, 8, 9, 64, 300])
        raw = bytearray(rng.randbytes(size))
        if rng.random() < 0.6:
            # Two bytes of a head that fits what follows, beside the meter's own slot.
            raw = bytearray((rng.choice([0, 4, 99]), (size // 6) % 3 + 1)) + rng.randbytes(6 * ((size // 6) % 3 + 1))
        outcome = world.attest(rng.choice([0, FIRST + 1, NOW, 2**32 - 1]), {}, runs=bytes(raw))
        if outcome.ok:
            assert not applied(outcome)
        else:
            assert outcome.code is not None, outcome.error
            codes.add(outcome.code)
        assert [world.chain.data(address) for address in (world.slab(), world.roots(), world.config)] == before
    assert codes
