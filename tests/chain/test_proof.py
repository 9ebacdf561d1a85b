"""Proofs, offline: a true one holds, and no byte of it can be changed."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from gridkit import reading
from gridkit.chain import merkle, proof
from gridkit.chain.proof import ProofError

GENESIS = "4sGjMW1sUnHzSxGspuhpqLDx6wiyjNtZAMdL4VZHirAn"
ORACLE = "GfRUvXo2PN6YZxFNXyGB1BjYgGTNfVAoDh4UdkvR4VqK"
TRADING = "FfgW9TpgbGnqkQPe5QcsPyL55RuKdFJEkBqkKiqfQHKt"
KEY = SigningKey(bytes(range(32)))
PUBLIC = bytes(KEY.verify_key)


def base58(text: str) -> bytes:
    return proof._base58(text)


TAG = reading.network_tag(base58(GENESIS), base58(ORACLE))


def core_of(number: int) -> bytes:
    return reading.encode_core(
        reading.Core(TAG, number + 1, 0, 0, 1_992_960 + number, 1_000 + number, number, 0, 9, bytes(8))
    )


class Range:
    """A zone with batches of the given sizes; every record is a signed reading."""

    def __init__(self, sizes: list[int]) -> None:
        self.batches: list[bytes] = []
        self.cores: dict[tuple[int, int], bytes] = {}
        number = 0
        for seq, size in enumerate(sizes):
            records = b""
            for index in range(size):
                core = core_of(number)
                self.cores[seq, index] = core
                digest = reading.core_digest(core, PUBLIC)
                records += proof.encode_record(proof.Record(number % 256, 1_992_960 + number, 1, digest))
                number += 1
            self.batches.append(records)
        self.roots = [merkle.batch_root(records) for records in self.batches]

    def prove(self, seq: int, index: int, next_seq: int | None = None) -> proof.ReadingProof:
        core = self.cores[seq, index]
        return proof.reading_proof(
            genesis_hash=GENESIS,
            oracle_program=ORACLE,
            zone=3,
            seq=seq,
            index=index,
            core=core,
            signature=KEY.sign(core).signature,
            device_key=PUBLIC,
            records=self.batches[seq],
            roots=self.roots,
            next_seq=next_seq,
        )

    def anchor(self, next_seq: int | None = None, **changes: object) -> proof.Anchor:
        count = len(self.roots) if next_seq is None else next_seq
        made = proof.make_anchor(
            genesis_hash=GENESIS,
            programs={"oracle": ORACLE, "trading": TRADING},
            slot=77,
            zones={3: (count, merkle.peaks(self.roots[:count])), 4: (count, merkle.peaks(self.roots[:count]))},
        )
        return msgspec.structs.replace(made, **changes)


SAMPLE = Range([12, 1, 5, 16, 4, 7, 12, 3, 9, 2, 12])


@pytest.mark.parametrize(
    "place", [(s, i) for s, records in enumerate(SAMPLE.batches) for i in range(len(records) // 24)]
)
def test_every_reading_of_every_batch_can_be_proven(place: tuple[int, int]) -> None:
    """An auditor picks any quarter hour; there is none without a proof."""
    made = SAMPLE.prove(*place)
    text = proof.encode(made)
    proven = proof.verify(proof.decode_proof(text), SAMPLE.anchor())
    assert isinstance(proven, proof.ProvenReading)
    assert proven.anchored
    assert reading.encode_core(proven.core) == SAMPLE.cores[place]


def test_every_flipped_byte_of_a_proof_fails() -> None:
    """A proof in which one byte may differ proves whatever that byte says."""
    text = proof.encode(SAMPLE.prove(6, 9))
    anchor = SAMPLE.anchor()
    proof.verify(proof.decode_proof(text), anchor)
    for at in range(len(text)):
        for value in {text[at] ^ 1, text[at] ^ 0x20, text[at] ^ 0x80, 0x30, 0x61}:
            if value == text[at]:
                continue
            changed = text[:at] + bytes([value]) + text[at + 1 :]
            with pytest.raises(ProofError):
                proof.verify(proof.decode_proof(changed), anchor)
    for changed in (text + b" ", text[:-1], text[:50] + b" " + text[50:], b"", b"{}"):
        with pytest.raises(ProofError):
            proof.verify(proof.decode_proof(changed), anchor)


def test_a_proof_without_an_anchor_says_signature_only() -> None:
    """Whoever has nothing to compare with must not be told that the chain vouches."""
    proven = proof.verify(SAMPLE.prove(0, 0), None)
    assert not proven.anchored


def test_a_proof_holds_for_an_anchor_of_another_slot_while_its_mountain_is_as_high() -> None:
    """Two people rarely look at the chain in the same slot."""
    made = SAMPLE.prove(1, 0, next_seq=10)
    proof.verify(made, SAMPLE.anchor(10))
    proof.verify(made, SAMPLE.anchor(11))
    with pytest.raises(proof.AnchorTooOldError):
        proof.verify(made, SAMPLE.anchor(1))
    with pytest.raises(proof.AnchorTooOldError):
        proof.verify(made, SAMPLE.anchor(4))
    with pytest.raises(proof.ProofTooOldError):
        proof.verify(SAMPLE.prove(1, 0, next_seq=4), SAMPLE.anchor())


def test_an_anchor_of_another_chain_proves_nothing() -> None:
    """The same roots may stand on a test network that anybody can write."""
    made = SAMPLE.prove(2, 3)
    for changed in ({"genesis_hash": ORACLE}, {"programs": {"oracle": TRADING}}, {"programs": {}}):
        with pytest.raises(proof.ForeignProofError):
            proof.verify(made, SAMPLE.anchor(**changed))
    zones = {"3": msgspec.structs.replace(SAMPLE.anchor().zones["3"], peaks={"0": "00" * 32})}
    with pytest.raises(proof.WrongPathError):
        proof.verify(made, SAMPLE.anchor(zones=zones))


def test_another_zone_with_the_same_peaks_is_the_only_other_zone_that_fits() -> None:
    """The zone is what the anchor's peaks say: a zone that the anchor does not have fails."""
    made = SAMPLE.prove(2, 3)
    with pytest.raises(proof.WrongPathError):
        proof.verify(msgspec.structs.replace(made, zone=5), SAMPLE.anchor())


def test_an_attested_record_proves_no_signature() -> None:
    """A record that the oracle merely attested must not pass for one that the chain checked."""
    core = core_of(0)
    record = proof.Record(0, 1_992_960, 0, reading.core_digest(core, PUBLIC))
    records = proof.encode_record(record)
    made = proof.reading_proof(
        genesis_hash=GENESIS,
        oracle_program=ORACLE,
        zone=3,
        seq=0,
        index=0,
        core=core,
        signature=KEY.sign(core).signature,
        device_key=PUBLIC,
        records=records,
        roots=[merkle.batch_root(records)],
    )
    with pytest.raises(proof.WrongRecordError):
        proof.verify(made, None)


def test_a_batch_that_does_not_fit_is_not_proven() -> None:
    """A wrong row in a store must show when the proof is made, not in front of the auditor."""
    two = Range([3, 3])
    two.batches[1] = two.batches[0]
    with pytest.raises(proof.WrongRecordError):
        two.prove(1, 0)
    two.cores[1, 0] = two.cores[0, 0]
    with pytest.raises(proof.WrongRecordError):
        two.prove(1, 0)


@settings(max_examples=60)
@given(count=st.integers(1, 70), data=st.data())
def test_peaks_and_paths_agree_for_every_number_of_roots(count: int, data: st.DataObject) -> None:
    """The mountain range grows for years: it must be right at every number, above all at powers of two."""
    roots = [hashlib.sha256(bytes([n])).digest() for n in range(count)]
    seq = data.draw(st.integers(0, count - 1))
    path = merkle.mountain_path(roots, seq)
    height = merkle.mountain_of(seq, count).height
    assert merkle.climb(roots[seq], path) == merkle.peaks(roots)[height]
    assert [step.left for step in path] == merkle.mountain_sides(seq, count)
    assert sum(1 << k for k in merkle.peaks(roots)) == count


@settings(max_examples=60)
@given(count=st.integers(1, 70), data=st.data())
def test_batch_paths_lead_to_the_batch_root(count: int, data: st.DataObject) -> None:
    """An odd leaf is promoted; a path that counted it would lead elsewhere."""
    records = b"".join(hashlib.sha256(bytes([n])).digest()[:24] for n in range(count))
    leaf = data.draw(st.integers(0, (count - 1) // 4))
    start = merkle.leaf_hash(merkle.leaves(records)[leaf])
    assert merkle.climb(start, merkle.batch_path(records, leaf)) == merkle.batch_root(records)


def fills(count: int) -> list[bytes]:
    return [
        proof.encode_fill(
            proof.Fill(n, 10 + n, 20 + n, 1_992_960 + n // 3, 500 + n, 1_400, 1, 2, n % 2, 1_793_664_000 + n)
        )
        for n in range(1, count + 1)
    ]


def trade_anchor(count: int, after: bytes) -> proof.Anchor:
    return proof.make_anchor(
        genesis_hash=GENESIS, programs={"trading": TRADING}, slot=5, zones={}, market=(count, after)
    )


def test_a_trade_is_proven_by_the_fills_of_its_interval() -> None:
    """From any trade to the state of the market, without trusting whoever keeps the history."""
    listed = fills(12)
    before = proof.fills_hash(bytes(32), listed[:5])
    after = proof.fills_hash(bytes(32), listed)
    made = proof.trade_proof(genesis_hash=GENESIS, trading_program=TRADING, trade=8, before=before, fills=listed[5:])
    proven = proof.verify(proof.decode_proof(proof.encode(made)), trade_anchor(12, after))
    assert isinstance(proven, proof.ProvenTrade)
    assert proven.fill.trade == 8
    assert (proven.fill.buyer_seat, proven.fill.seller_seat) == (2, 1)
    assert not proof.verify(made, None).anchored
    with pytest.raises(proof.AnchorTooOldError):
        proof.verify(made, trade_anchor(11, after))
    with pytest.raises(proof.ProofTooOldError):
        proof.verify(made, trade_anchor(13, after))
    with pytest.raises(proof.WrongPathError):
        proof.verify(made, trade_anchor(12, bytes(32)))
    with pytest.raises(proof.WrongRecordError):
        proof.trade_proof(genesis_hash=GENESIS, trading_program=TRADING, trade=99, before=before, fills=listed)


def test_every_flipped_byte_of_a_trades_proof_fails() -> None:
    """A price or a buyer that can be edited is no proof of a sale."""
    listed = fills(4)
    made = proof.trade_proof(genesis_hash=GENESIS, trading_program=TRADING, trade=2, before=bytes(32), fills=listed)
    anchor = trade_anchor(4, proof.fills_hash(bytes(32), listed))
    text = proof.encode(made)
    proof.verify(proof.decode_proof(text), anchor)
    for at in range(len(text)):
        for value in {text[at] ^ 1, text[at] ^ 0x20, 0x30, 0x61} - {text[at]}:
            with pytest.raises(ProofError):
                proof.verify(proof.decode_proof(text[:at] + bytes([value]) + text[at + 1 :]), anchor)


def test_ten_thousand_roots_are_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A zone makes thousands of roots a day: a proof must cost what its own block costs, not what all that came before cost."""
    count, hashed, fetched = 10_000, [0], [0]
    roots = [hashlib.sha256(n.to_bytes(4, "big")).digest() for n in range(count + 300)]
    real = merkle.node_hash

    def counted(left: bytes, right: bytes) -> bytes:
        hashed[0] += 1
        return real(left, right)

    def fetch(first: int, wanted: int) -> list[bytes]:
        fetched[0] += 1
        return roots[first : min(first + wanted, known.count)]

    monkeypatch.setattr(merkle, "node_hash", counted)
    known = merkle.Range(fetch, count)
    for seq in (0, 8_191, 8_192, 9_215, 9_216, 9_984, count - 1):
        known.path(seq)
    assert hashed[0] <= count, "every node once"
    for seq in (0, 4_321, 8_191, 8_192, 9_984, count - 1):
        hashed[0] = fetched[0] = 0
        path = known.path(seq)
        assert (hashed[0] <= 255, fetched[0] <= 1) == (True, True), (seq, hashed, fetched)
        assert path == merkle.mountain_path(roots[:count], seq)
    for more in range(1, 300):
        known.count = count + more
        hashed[0] = 0
        known.path(count + more - 1)
        assert hashed[0] <= 2 * 255 + 16, "the newest block, the one before it when it is full, and what stands above"
    assert known.path(5, 4_096) == merkle.mountain_path(roots[:4_096], 5), "an older anchor's range is served too"
    assert len(known._nodes) < 2 * (count + 300) // 256 + 2


@settings(max_examples=60)
@given(count=st.integers(1, 1_200), lost=st.sets(st.integers(0, 1_199), max_size=3), data=st.data())
def test_a_range_with_lost_roots_proves_what_does_not_need_them(
    count: int, lost: set[int], data: st.DataObject
) -> None:
    """One root that nobody knows any more must not take every proof of the zone with it, nor make a wrong one."""
    roots = [b"" if n in lost else hashlib.sha256(n.to_bytes(4, "big")).digest() for n in range(count)]
    known = merkle.Range.of(roots)
    for _ in range(3):
        seq = data.draw(st.integers(0, count - 1))
        height, first = merkle.mountain_of(seq, count)
        if any(first <= n < first + (1 << height) and n != seq for n in lost if n < count):
            with pytest.raises(merkle.UnknownRootError) as refused:
                known.path(seq)
            assert refused.value.seq in lost
        else:
            assert known.path(seq) == merkle.mountain_path(roots, seq)
    with pytest.raises(merkle.UnknownRootError):
        known.path(0, count + 1)
