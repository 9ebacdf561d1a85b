"""Roots, peaks and proofs: every applied reading stands under exactly one root, and anybody can have it proven."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from oracle_world import (
    APPLIED,
    NO_ROOT,
    OPENING,
    PEAKS_AT,
    RING_LEN,
    VERIFIED,
    Meter,
    Reading,
    World,
    batch_root,
    mountain_path,
    mountain_peaks,
    network_tag,
)
from program_harness import START_S, Chain, Outcome, expect_error, expect_ok, expect_shared, keypair, program_id

from gridkit.chain import merkle
from gridkit.reading import core_digest

Record = Callable[[str, Outcome], Outcome]
NOW = START_S // 900 - 1
FIRST = NOW - 400


@pytest.fixture
def world(chain: Chain) -> World:
    return World(chain)


def openings(world: World, count: int) -> list[Meter]:
    """Meters in the first slots, opened at FIRST in batches of six."""
    meters = [world.meter(slot) for slot in range(count)]
    for at in range(0, count, 6):
        assert set(world.reasons(*[Reading(meter, FIRST, 0, 0) for meter in meters[at : at + 6]])) == {APPLIED}
    return meters


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 9, 12])
def test_root_is_computed_from_what_was_applied(world: World, count: int) -> None:
    """A root that disagreed with the slab would prove readings that never counted."""
    meters = openings(world, count)
    seq = world.next_seq()
    readings = [Reading(meter, FIRST + 1 + n % 2, n, n, widths=(2, 2)) for n, meter in enumerate(meters)]
    outcome = expect_ok(world.post(*readings))
    records = [reading.record(VERIFIED) for reading in readings]
    assert outcome.event("ReadingsPosted")["seq"] == seq
    assert world.next_seq() == seq + 1
    assert world.ring(seq) == (max(r.interval for r in readings), count, 1, batch_root(records))
    total = int.from_bytes(world.chain.data(world.roots())[56:64], "little")
    assert total == 2 * count


def test_root_holds_applied_readings_alone(world: World) -> None:
    """A skipped reading must not be provable."""
    meters = openings(world, 5)
    readings = [Reading(meter, FIRST + 1, 1, 1, widths=(2, 2)) for meter in meters]
    readings[2] = replace(readings[2], quality=1)
    readings[4] = replace(readings[4], signature=bytes(64))
    seq = world.next_seq()
    world.results(*readings)
    applied = [reading.record(VERIFIED) for n, reading in enumerate(readings) if n not in (2, 4)]
    assert world.ring(seq)[1:] == (3, 1, batch_root(applied))


def test_batch_without_an_applied_reading_has_no_root(world: World) -> None:
    """An empty root would take a place in the ring and prove nothing."""
    (meter,) = openings(world, 1)
    before = world.next_seq()
    outcome = expect_ok(world.post(Reading(meter, FIRST, 0, 0)))
    assert outcome.event("ReadingsPosted")["seq"] == NO_ROOT
    assert world.next_seq() == before


def test_opening_reading_is_under_a_root_too(world: World) -> None:
    """It credits nothing, and it is the proof of where the register began."""
    meter = world.meter(0)
    reading = Reading(meter, FIRST, 77, 88)
    world.results(reading)
    assert world.ring(0)[3] == batch_root([reading.record(VERIFIED | OPENING)])


def test_peaks_cover_every_root_also_after_the_ring_has_wrapped(world: World) -> None:
    """Roots leave the ring after two days; the peaks keep them provable for years."""
    (meter,) = openings(world, 1)
    roots = [world.ring(0)[3]]
    for n in range(1, RING_LEN + 30):
        reading = Reading(meter, FIRST + n, n, 0, widths=(2, 0))
        assert world.reasons(reading) == [APPLIED]
        roots.append(batch_root([reading.record(VERIFIED)]))
        if n in (1, 2, 3, 6, 7, 8, 15, 16, 63, 64):
            assert world.peaks() == mountain_peaks(roots)
    assert world.next_seq() == len(roots) == RING_LEN + 30
    assert world.peaks() == mountain_peaks(roots)
    for seq in range(len(roots) - RING_LEN, len(roots)):
        assert world.ring(seq)[3] == roots[seq]


def test_clients_hashes_are_the_programs(world: World) -> None:
    """The offline verifier and the bridge hash with gridkit; a difference would make every proof fail."""
    meters = openings(world, 7)
    readings = [Reading(meter, FIRST + 1, n, n, widths=(2, 2)) for n, meter in enumerate(meters)]
    seq = world.next_seq()
    results = world.results(*readings)
    records = b"".join(
        struct.pack("<HIH16s", r["slot"], r["interval"], r["flags"], bytes(r["digest"])) for r in results
    )
    assert world.ring(seq)[3] == merkle.batch_root(records)
    for reading, result in zip(readings, results, strict=True):
        assert bytes(result["digest"]) == core_digest(reading.core(), bytes(reading.signer.key.verify_key))
    assert world.peaks() == merkle.peaks([world.ring(n)[3] for n in range(seq + 1)])


def test_full_mountain_range_refuses_instead_of_forgetting(world: World) -> None:
    """After 2^24 - 1 roots there is no peak left; until then every root must stay provable."""
    (meter,) = openings(world, 1)
    world.chain.patch(world.roots(), 16, (2**24 - 1).to_bytes(8, "little"))
    expect_error(world.post(Reading(meter, FIRST + 1, 1, 1)), "oracle", "MountainsFull")
    assert world.entry(0)["last_interval"] == FIRST
    world.chain.patch(world.roots(), 16, (2**24 - 2).to_bytes(8, "little"))
    assert world.reasons(Reading(meter, FIRST + 1, 1, 1)) == [APPLIED]


# -------------------------------------------------------------------------------------------------------- verify_reading


@dataclass(frozen=True)
class Proof:
    """The arguments of verify_reading."""

    seq: int
    record: int
    batch_left: int
    core: bytes
    device_key: bytes
    signature: bytes
    leaf: bytes
    batch_path: tuple[bytes, ...] = ()
    mountain_path: tuple[bytes, ...] = ()


def proof_of(reading: Reading, records: list[bytes], place: int, seq: int, roots: list[bytes] | None = None) -> Proof:
    """The proof of the reading whose record stands at `place`; by the peaks if all roots are given, else by the ring."""
    joined = b"".join(records)
    path = merkle.batch_path(joined, place // 4)
    return Proof(
        seq=seq,
        record=place % 4,
        batch_left=sum(1 << level for level, step in enumerate(path) if step.left),
        core=reading.core(),
        device_key=bytes(reading.signer.key.verify_key),
        signature=reading.signed(),
        leaf=merkle.leaves(joined)[place // 4],
        batch_path=tuple(step.sibling for step in path),
        mountain_path=tuple(mountain_path(roots, seq)) if roots is not None else (),
    )


def check(world: World, proof: Proof, **options: Any) -> Outcome:
    """Have a proof checked by the program."""
    return world.chain.call(
        "oracle",
        "verify_reading",
        {"roots": options.get("roots", world.roots())},
        seq=proof.seq,
        record=proof.record,
        batch_left=proof.batch_left,
        core=proof.core,
        device_key=proof.device_key,
        signature=proof.signature,
        leaf=proof.leaf,
        batch_path=[{"hash": sibling} for sibling in proof.batch_path],
        mountain_path=[{"hash": sibling} for sibling in proof.mountain_path],
    )


@dataclass
class Posted:
    """A zone with several batches and everything needed to prove their readings."""

    world: World
    batches: list[list[Reading]]
    records: list[list[bytes]]
    roots: list[bytes]

    def proof(self, seq: int, place: int, *, by_peak: bool) -> Proof:
        """The proof of one reading."""
        return proof_of(self.batches[seq][place], self.records[seq], place, seq, self.roots if by_peak else None)


@pytest.fixture
def posted(world: World) -> Posted:
    """Thirteen batches (mountains of 8, 4 and 1) of up to nine readings."""
    meters = [world.meter(slot) for slot in range(9)]
    rng = random.Random(3)
    batches: list[list[Reading]] = []
    records = []
    opened: set[int] = set()
    for n in range(13):
        chosen = meters if n == 12 else rng.sample(meters, rng.randint(1, 6))
        batch = [Reading(meter, FIRST + n, 10 * n, 3 * n) for meter in chosen]
        assert set(world.reasons(*batch)) == {APPLIED}
        flags = [VERIFIED if reading.meter.slot in opened else VERIFIED | OPENING for reading in batch]
        opened |= {reading.meter.slot for reading in batch}
        batches.append(batch)
        records.append([reading.record(flag) for reading, flag in zip(batch, flags, strict=True)])
    return Posted(world, batches, records, [batch_root(batch) for batch in records])


@pytest.mark.parametrize("by_peak", [False, True])
def test_every_reading_can_be_proven(posted: Posted, by_peak: bool) -> None:
    """From the newest to the oldest, in every place of its batch."""
    for seq, batch in enumerate(posted.batches):
        for place, reading in enumerate(batch):
            outcome = expect_ok(check(posted.world, posted.proof(seq, place, by_peak=by_peak)))
            event = outcome.event("ReadingVerified")
            assert (event["zone"], event["seq"], event["slot"]) == (1, seq, reading.meter.slot)
            assert (event["meter_number"], event["interval"]) == (reading.meter.number, reading.interval)
            assert (event["import_wh"], event["export_wh"]) == (reading.import_wh, reading.export_wh)
            assert bytes(event["device_key"]) == bytes(reading.signer.key.verify_key)
            returned = struct.unpack("<HQHIIQQ32s", outcome.return_data.ljust(68, b"\0"))
            assert returned[:5] == (1, seq, reading.meter.slot, reading.meter.number, reading.interval)


def test_proof_changes_nothing_and_costs_little(posted: Posted, record_units: Record) -> None:
    """Anybody may have anything proven, so it must not be able to do anything."""
    world = posted.world
    before = world.chain.data(world.roots())
    record_units("oracle.verify_reading.ring", check(world, posted.proof(12, 8, by_peak=False)))
    outcome = record_units("oracle.verify_reading.peak", check(world, posted.proof(3, 0, by_peak=True)))
    assert outcome.units <= 16_000
    assert world.chain.data(world.roots()) == before


def test_oldest_provable_root_costs_less_than_the_target(world: World, record_units: Record) -> None:
    """After years the path to the peak has 21 siblings; the proof must still fit a transaction and its budget."""
    meter = world.meter(0)
    reading = Reading(meter, FIRST, 1, 2)
    world.results(reading)
    record = reading.record(VERIFIED | OPENING)
    root = batch_root([record])
    siblings = [bytes([n]) * 32 for n in range(21)]
    peak = merkle.climb(root, [merkle.Step(left=False, sibling=sibling) for sibling in siblings])
    world.chain.patch(world.roots(), 16, (2**21).to_bytes(8, "little"))
    world.chain.patch(world.roots(), PEAKS_AT + 32 * 21, peak)
    proof = replace(proof_of(reading, [record], 0, 0), mountain_path=tuple(siblings))
    outcome = record_units("oracle.verify_reading.old", check(world, proof))
    assert outcome.units <= 16_000


def _flips(proof: Proof, name: str) -> list[Proof]:
    value = getattr(proof, name)
    if isinstance(value, tuple):
        out = []
        for n, sibling in enumerate(value):
            for flipped in _flipped_bytes(sibling, step=37):
                out.append(replace(proof, **{name: (*value[:n], flipped, *value[n + 1 :])}))
        return out
    if isinstance(value, bytes):
        return [replace(proof, **{name: flipped}) for flipped in _flipped_bytes(value, step=5)]
    return [replace(proof, **{name: value ^ (1 << bit)}) for bit in range(3)]


def _flipped_bytes(value: bytes, step: int) -> list[bytes]:
    out = []
    for bit in range(0, 8 * len(value), step):
        flipped = bytearray(value)
        flipped[bit // 8] ^= 1 << bit % 8
        out.append(bytes(flipped))
    return out


@pytest.mark.parametrize("by_peak", [False, True])
@pytest.mark.parametrize(
    "name", ["seq", "core", "device_key", "signature", "leaf", "batch_path", "mountain_path", "batch_left"]
)
def test_any_flipped_bit_of_a_proof_fails(posted: Posted, name: str, by_peak: bool) -> None:
    """A proof is right as a whole or not at all."""
    proof = posted.proof(12 if name in ("batch_path", "batch_left") else 2, 0, by_peak=by_peak)
    expect_ok(check(posted.world, proof))
    flips = _flips(proof, name)
    assert flips or (name == "mountain_path" and not by_peak)
    if name == "batch_left":
        flips = flips[: len(proof.batch_path)]
    for flipped in flips:
        outcome = check(posted.world, flipped)
        assert not outcome.ok, flipped
        assert outcome.code is not None
        assert outcome.code >= 6000


def test_proof_of_another_place_in_the_leaf_fails(posted: Posted) -> None:
    """The record next to it is another meter's."""
    proof = posted.proof(12, 1, by_peak=False)
    for place in (0, 2, 3):
        expect_error(check(posted.world, replace(proof, record=place)), "oracle", "WrongRecord")
    expect_error(check(posted.world, replace(proof, record=4)), "oracle", "MalformedProof")


def test_proof_says_which_part_is_wrong(posted: Posted) -> None:
    """An auditor wants to know whether the signature, the record or the path is bad."""
    world, proof = posted.world, posted.proof(12, 0, by_peak=False)
    peak = posted.proof(2, 0, by_peak=True)
    expect_error(check(world, replace(proof, signature=bytes(64))), "oracle", "BadSignature")
    expect_error(check(world, replace(proof, device_key=bytes(32))), "oracle", "WrongRecord")
    expect_error(check(world, replace(proof, seq=11)), "oracle", "WrongPath")
    expect_error(check(world, replace(proof, seq=13)), "oracle", "UnknownRoot")
    expect_error(check(world, replace(proof, seq=2**64 - 1)), "oracle", "UnknownRoot")
    expect_error(check(world, replace(peak, seq=13)), "oracle", "UnknownRoot")
    expect_error(check(world, replace(peak, seq=9)), "oracle", "MalformedProof")
    expect_error(check(world, replace(peak, mountain_path=peak.mountain_path[:-1])), "oracle", "MalformedProof")
    expect_error(check(world, replace(proof, leaf=b"")), "oracle", "MalformedProof")
    expect_error(check(world, replace(proof, leaf=proof.leaf[:-1])), "oracle", "MalformedProof")
    expect_error(check(world, replace(proof, leaf=proof.leaf + proof.leaf[:24])), "oracle", "MalformedProof")
    expect_error(check(world, replace(proof, batch_path=(bytes(32),) * 6)), "oracle", "WrongPath")
    expect_error(check(world, replace(proof, batch_path=(bytes(32),) * 7)), "oracle", "MalformedProof")


def test_record_without_a_signature_is_no_proof(world: World) -> None:
    """An attested record holds registers where a verified one holds a digest; it must not be taken for one."""
    meter = world.meter(0)
    reading = Reading(meter, FIRST, 1, 2)
    world.results(reading)
    attested = reading.record(0)
    world.chain.patch(world.roots(), 160 + 8, batch_root([attested]))
    expect_error(check(world, proof_of(reading, [attested], 0, 0)), "oracle", "NotVerified")
    world.chain.patch(world.roots(), 160 + 8, batch_root([reading.record(VERIFIED)]))
    expect_ok(check(world, proof_of(reading, [reading.record(VERIFIED)], 0, 0)))


def test_record_must_name_the_interval_that_was_signed(world: World) -> None:
    """Both stand in the proof; a reader may take either."""
    meter = world.meter(0)
    reading = Reading(meter, FIRST, 1, 2)
    record = struct.pack("<HIH16s", 0, FIRST + 1, VERIFIED, reading.digest())
    world.results(reading)
    world.chain.patch(world.roots(), 160 + 8, batch_root([record]))
    expect_error(check(world, proof_of(reading, [record], 0, 0)), "oracle", "WrongRecord")


def test_root_that_left_the_ring_needs_its_mountain_path(world: World) -> None:
    """Its place in the ring belongs to another root by then."""
    meter = world.meter(0)
    readings = [Reading(meter, FIRST + n, n, 0) for n in range(RING_LEN + 2)]
    for reading in readings:
        assert world.reasons(reading) == [APPLIED]
    records = [[r.record(VERIFIED | OPENING if n == 0 else VERIFIED)] for n, r in enumerate(readings)]
    roots = [batch_root(record) for record in records]
    expect_error(check(world, proof_of(readings[1], records[1], 0, 1)), "oracle", "UnknownRoot")
    expect_ok(check(world, proof_of(readings[2], records[2], 0, 2)))
    for seq in (0, 1, 127, 128, 220, 221):
        expect_ok(check(world, proof_of(readings[seq], records[seq], 0, seq, roots)))


def test_roots_come_from_the_oracle(posted: Posted) -> None:
    """A ring of one's own making proves anything."""
    world, proof = posted.world, posted.proof(12, 0, by_peak=False)
    foreign = keypair("foreign roots").pubkey()
    world.chain.put(foreign, world.chain.data(world.roots()), program_id("trading"))
    expect_shared(check(world, proof, roots=foreign), "WRONG_OWNER")
    expect_shared(check(world, proof, roots=world.slab()), "WRONG_ACCOUNT_SIZE")
    blank = keypair("blank roots").pubkey()
    world.chain.put(blank, bytes(9_728), program_id("oracle"))
    expect_shared(check(world, proof, roots=blank), "WRONG_ACCOUNT_TYPE")


def test_genuine_signature_without_a_record_proves_nothing(posted: Posted) -> None:
    """A reading that was signed and never posted must not be provable."""
    reading = posted.batches[12][0]
    never = replace(reading, import_wh=reading.import_wh + 1)
    assert never.tag == network_tag()
    proof = replace(posted.proof(12, 0, by_peak=False), core=never.core(), signature=never.signed())
    expect_error(check(posted.world, proof), "oracle", "WrongRecord")
