"""Builds and checks proofs of readings and trades, offline: who signed, and which state of the chain vouches for it.

A proof is one JSON text in a canonical form, so that a single flipped byte anywhere makes it fail. It is checked against an
anchor: genesis hash, program ids, peaks of the zones and the market's running hash at a slot, taken from another source
than the proof. Without an anchor only the meter's signature can be checked. Pure functions on integers and bytes; reading
a chain or a store is left to the callers.

ProofError
├── MalformedProofError     not a proof in canonical form
├── ForeignProofError       of another chain or other programs than the anchor
├── WrongSignatureError     the meter's key has not signed this core
├── WrongRecordError        the parts of the proof do not belong together
├── WrongPathError          the path does not lead to the anchor
├── NotProvableError        a root or a record that the proof needs is not known to whoever makes it
└── AnchorTooOldError, ProofTooOldError   the anchor does not cover it yet; the proof must be made anew for this anchor
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gridkit.chain import merkle
from gridkit.chain.merkle import Step
from gridkit.ed25519 import verify_strict
from gridkit.programs import unbase58
from gridkit.reading import Core, MalformedReadingError, core_digest, decode_core, network_tag

PROOF_VERSION = 1
FILL_SIZE = 48
RECORD_VERIFIED = 1
_RECORD = struct.Struct("<HIH16s")
_FILL = struct.Struct("<QQQIIHHHBBq")
assert _RECORD.size == merkle.RECORD_SIZE
assert _FILL.size == FILL_SIZE


class ProofError(Exception):
    """Base; the tree stands at the head of this file."""


class MalformedProofError(ProofError):
    """Not a proof in canonical form."""


class ForeignProofError(ProofError):
    """Of another chain or other programs than the anchor."""


class WrongSignatureError(ProofError):
    """The meter's key has not signed this core."""


class WrongRecordError(ProofError):
    """The parts of the proof do not belong together."""


class WrongPathError(ProofError):
    """The path does not lead to the anchor."""


class NotProvableError(ProofError):
    """A root or a record that the proof needs is not known to whoever makes it."""


class AnchorTooOldError(ProofError):
    """The anchor was taken before the thing was on the chain: take a newer anchor."""


class ProofTooOldError(ProofError):
    """The range has grown over the proof's mountain since: make the proof anew."""


class Record(msgspec.Struct, frozen=True):
    """What a root stands for: slot u16, interval u32, flags u16 (1 verified, 2 opening, 4 netted), digest 16 bytes."""

    slot: int
    interval: int
    flags: int
    digest: bytes


class Fill(msgspec.Struct, frozen=True):
    """One fill as the market hashes it; lots are Wh, a tick 0.01 credit/kWh, campus_time UTC epoch seconds."""

    trade: int
    maker_order: int
    taker_order: int
    interval: int
    lots: int
    tick: int
    maker_seat: int
    taker_seat: int
    taker_side: int
    campus_time: int

    @property
    def buyer_seat(self) -> int:
        """Return the seat that received GRID."""
        return self.taker_seat if self.taker_side == 0 else self.maker_seat

    @property
    def seller_seat(self) -> int:
        """Return the seat that received CREDIT."""
        return self.maker_seat if self.taker_side == 0 else self.taker_seat


class ZoneAnchor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A zone's mountain range: number of roots, and the peaks by height (decimal text → hex)."""

    next_seq: int
    peaks: dict[str, str]


class MarketAnchor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The market's running hash (hex) after trade number `trade_seq`."""

    trade_seq: int
    fills_hash: str


class Anchor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a verifier trusts: the chain by genesis hash (base58), program ids (base58), and state at `slot`."""

    version: int
    genesis_hash: str
    programs: dict[str, str]
    slot: int
    zones: dict[str, ZoneAnchor]
    market: MarketAnchor | None = None


class ReadingProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="reading", tag_field="kind"):
    """Proof of one reading. Bytes are lower-case hex; a path step is `l` or `r` (where the sibling stands) and 64 digits.

    Attributes:
        genesis_hash, oracle_program: Base58; the network tag in the core is made of them.
        zone, seq: Zone, and number of the batch root in its mountain range.
        record: Place of the record in its leaf, 0 to 3.
        core, signature, device_key: 47, 64 and 32 bytes.
        leaf: 1 to 4 records of 24 bytes.
        batch_path, mountain_path: From the leaf to the batch root, from there to its peak.
    """

    version: int
    genesis_hash: str
    oracle_program: str
    zone: int
    seq: int
    record: int
    core: str
    signature: str
    device_key: str
    leaf: str
    batch_path: list[str]
    mountain_path: list[str]


class TradeProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="trade", tag_field="kind"):
    """Proof of one trade: every fill from the first of its interval up to the anchor's running hash.

    Attributes:
        genesis_hash, trading_program, market: Base58.
        fill: The trade itself, 48 bytes hex; `fills` contains it.
        before: Running hash before `fills`, 32 bytes hex.
        fills: 48 bytes hex each, in order of their trade numbers.
    """

    version: int
    genesis_hash: str
    trading_program: str
    fill: str
    before: str
    fills: list[str]


class ProvenReading(msgspec.Struct, frozen=True):
    """What a reading's proof says once it holds. `anchored` False = the meter's signature alone was checked."""

    anchored: bool
    zone: int
    slot: int
    flags: int
    core: Core
    device_key: bytes


class ProvenTrade(msgspec.Struct, frozen=True):
    """What a trade's proof says once it holds. `anchored` False = only that the fills hash consistently."""

    anchored: bool
    fill: Fill


def encode_record(record: Record) -> bytes:
    """Return the 24 bytes of a record."""
    return _RECORD.pack(record.slot, record.interval, record.flags, record.digest)


def decode_record(data: bytes) -> Record:
    """Return the record that 24 bytes hold; ValueError for another length."""
    if len(data) != merkle.RECORD_SIZE:
        raise ValueError(f"a record is {merkle.RECORD_SIZE} bytes, not {len(data)}")
    return Record(*_RECORD.unpack(data))


def decode_fill(data: bytes) -> Fill:
    """Return the fill that 48 bytes hold; ValueError for another length or a set reserved byte."""
    if len(data) != FILL_SIZE:
        raise ValueError(f"a fill is {FILL_SIZE} bytes, not {len(data)}")
    fields = _FILL.unpack(data)
    side, reserved, campus_time = fields[8:]
    if reserved or side > 1:
        raise ValueError("a fill's side is 0 or 1 and its reserved byte 0")
    trade, maker_order, taker_order, interval, lots, tick, maker_seat, taker_seat = fields[:8]
    return Fill(trade, maker_order, taker_order, interval, lots, tick, maker_seat, taker_seat, side, campus_time)


def encode_fill(fill: Fill) -> bytes:
    """Return the 48 bytes of a fill, as the market hashes them."""
    return _FILL.pack(
        fill.trade,
        fill.maker_order,
        fill.taker_order,
        fill.interval,
        fill.lots,
        fill.tick,
        fill.maker_seat,
        fill.taker_seat,
        fill.taker_side,
        0,
        fill.campus_time,
    )


def fills_hash(before: bytes, fills: Sequence[bytes]) -> bytes:
    """Return the running hash after these fills of 48 bytes each: H' = SHA-256(H ‖ fill)."""
    for fill in fills:
        before = hashlib.sha256(before + fill).digest()
    return before


def reading_proof(
    *,
    genesis_hash: str,
    oracle_program: str,
    zone: int,
    seq: int,
    index: int,
    core: bytes,
    signature: bytes,
    device_key: bytes,
    records: bytes,
    roots: Sequence[bytes] | merkle.Range,
    next_seq: int | None = None,
) -> ReadingProof:
    """Return the proof of one posted reading.

    Args:
        genesis_hash, oracle_program: Base58.
        zone, seq: Where its batch root stands.
        index: Place of its record in the batch.
        core, signature, device_key: As the meter signed, and the key it signed with.
        records: The whole batch, 24 bytes a record, in order.
        roots: Batch roots of the zone from number 0 on; as a Range, hashes are not computed again for the next proof.
        next_seq: Roots of the anchor's range; by default all that are given. An anchor of another slot takes the same proof
            while the root's mountain is as high in both.

    Raises:
        WrongRecordError: The record at `index` is not this reading's, or root `seq` is not that of the records.
        NotProvableError: `next_seq` is beyond the roots that are known, or one of the root's mountain is missing.
    """
    raw = records[index * merkle.RECORD_SIZE : (index + 1) * merkle.RECORD_SIZE]
    if len(raw) != merkle.RECORD_SIZE or decode_record(raw).digest != core_digest(core, device_key):
        raise WrongRecordError("the batch holds another record at this place")
    known = roots if isinstance(roots, merkle.Range) else merkle.Range.of(roots)
    if known.root(seq) != merkle.batch_root(records):
        raise WrongRecordError("the batch's root is not the one at this number")
    try:
        path = known.path(seq, next_seq)
    except merkle.UnknownRootError as error:
        raise NotProvableError(str(error)) from error
    leaf_index = index // merkle.LEAF_RECORDS
    return ReadingProof(
        version=PROOF_VERSION,
        genesis_hash=genesis_hash,
        oracle_program=oracle_program,
        zone=zone,
        seq=seq,
        record=index % merkle.LEAF_RECORDS,
        core=core.hex(),
        signature=signature.hex(),
        device_key=device_key.hex(),
        leaf=merkle.leaves(records)[leaf_index].hex(),
        batch_path=[_step_text(step) for step in merkle.batch_path(records, leaf_index)],
        mountain_path=[_step_text(step) for step in path],
    )


def trade_proof(
    *, genesis_hash: str, trading_program: str, trade: int, before: bytes, fills: Sequence[bytes]
) -> TradeProof:
    """Return the proof of trade number `trade`.

    Args:
        genesis_hash, trading_program: Base58.
        trade: Number of the trade; one of `fills`.
        before: Running hash before the first of `fills`, 32 bytes (zeros before trade 1).
        fills: 48 bytes each, without a gap, from the first of the trade's interval (or earlier) to the anchor's last.

    Raises:
        WrongRecordError: `fills` does not hold the trade.
    """
    wanted = [fill for fill in fills if decode_fill(fill).trade == trade]
    if len(wanted) != 1:
        raise WrongRecordError(f"trade {trade} is not among the fills")
    return TradeProof(
        version=PROOF_VERSION,
        genesis_hash=genesis_hash,
        trading_program=trading_program,
        fill=wanted[0].hex(),
        before=before.hex(),
        fills=[fill.hex() for fill in fills],
    )


def encode(value: ReadingProof | TradeProof | Anchor) -> bytes:
    """Return the canonical JSON text of a proof or an anchor, with a newline at its end."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1) + b"\n"


def decode_proof(text: bytes) -> ReadingProof | TradeProof:
    """Return the proof in a file.

    Raises:
        MalformedProofError: No proof, or not in the canonical form that `encode` writes.
    """
    try:
        proof: ReadingProof | TradeProof = msgspec.json.decode(text, type=ReadingProof | TradeProof)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise MalformedProofError(str(error)) from error
    if encode(proof) != text:
        raise MalformedProofError("the text is not in canonical form")
    if proof.version != PROOF_VERSION:
        raise MalformedProofError(f"version {proof.version} is not {PROOF_VERSION}")
    return proof


def decode_anchor(text: bytes) -> Anchor:
    """Return the anchor in a file; MalformedProofError when it holds none. Its form need not be canonical."""
    try:
        return msgspec.json.decode(text, type=Anchor)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise MalformedProofError(f"no anchor: {error}") from error


def make_anchor(
    *,
    genesis_hash: str,
    programs: Mapping[str, str],
    slot: int,
    zones: Mapping[int, tuple[int, Mapping[int, bytes]]],
    market: tuple[int, bytes] | None = None,
) -> Anchor:
    """Return an anchor.

    Args:
        genesis_hash, programs: Base58; program id by interface name.
        slot: Slot at which all that follows was read.
        zones: By zone number: number of roots, and peaks by height.
        market: Number of the last trade, and the running hash after it.
    """
    return Anchor(
        version=PROOF_VERSION,
        genesis_hash=genesis_hash,
        programs=dict(programs),
        slot=slot,
        zones={
            str(zone): ZoneAnchor(next_seq, {str(height): peak.hex() for height, peak in sorted(found.items())})
            for zone, (next_seq, found) in sorted(zones.items())
        },
        market=None if market is None else MarketAnchor(market[0], market[1].hex()),
    )


def verify(proof: ReadingProof | TradeProof, anchor: Anchor | None) -> ProvenReading | ProvenTrade:
    """Return what a proof proves; see verify_reading and verify_trade for the errors."""
    return verify_reading(proof, anchor) if isinstance(proof, ReadingProof) else verify_trade(proof, anchor)


def verify_reading(proof: ReadingProof, anchor: Anchor | None) -> ProvenReading:
    """Return the proven reading.

    Args:
        proof: The proof.
        anchor: From another source; None checks the signature, the record and the network tag alone.

    Raises:
        ProofError: A leaf of the tree at the head of this file, the first reason that was found.
    """
    core_bytes, key = _hex(proof.core, 47), _hex(proof.device_key, 32)
    try:
        core = decode_core(core_bytes)
    except MalformedReadingError as error:
        raise MalformedProofError(str(error)) from error
    expected = network_tag(_base58(proof.genesis_hash), _base58(proof.oracle_program))
    if core.network_tag != expected:
        raise ForeignProofError("the core was signed for another chain or oracle program")
    if not verify_strict(key, core_bytes, _hex(proof.signature, 64)):
        raise WrongSignatureError("the device key has not signed this core")
    leaf = _hex(proof.leaf)
    record = _record(leaf, proof.record)
    if record.digest != core_digest(core_bytes, key) or record.interval != core.interval:
        raise WrongRecordError("the record is of another reading")
    if not record.flags & RECORD_VERIFIED:
        raise WrongRecordError("the record is of an attested reading, whose signature the chain has not checked")
    node = merkle.climb(merkle.leaf_hash(leaf), _path(proof.batch_path))
    mountain = _path(proof.mountain_path)
    if anchor is not None:
        _check_peak(proof, anchor, node, mountain)
    return ProvenReading(anchor is not None, proof.zone, record.slot, record.flags, core, key)


def _check_peak(proof: ReadingProof, anchor: Anchor, node: bytes, path: list[Step]) -> None:
    if proof.genesis_hash != anchor.genesis_hash or proof.oracle_program != anchor.programs.get("oracle"):
        raise ForeignProofError("the anchor is of another chain or oracle program")
    zone = anchor.zones.get(str(proof.zone))
    if zone is None:
        raise WrongPathError(f"the anchor has no zone {proof.zone}")
    if not 0 <= proof.seq < zone.next_seq:
        raise AnchorTooOldError(f"the anchor covers {zone.next_seq} roots, not number {proof.seq}")
    sides = merkle.mountain_sides(proof.seq, zone.next_seq)
    if len(path) < len(sides):
        raise ProofTooOldError("the anchor is newer than the proof; make the proof anew")
    # Steps beyond the anchor's mountain were true later than the anchor: it cannot vouch for them, so they must not be
    # there to be flipped unnoticed.
    if len(path) > len(sides):
        raise AnchorTooOldError("the proof is newer than the anchor; take a newer anchor or prove for this one")
    if [step.left for step in path] != sides:
        raise WrongPathError("the path's sides are not those of this number")
    peak = zone.peaks.get(str(len(sides)))
    if peak is None or merkle.climb(node, path) != _hex(peak, merkle.HASH_SIZE):
        raise WrongPathError("the path does not lead to the anchor's peak")


def verify_trade(proof: TradeProof, anchor: Anchor | None) -> ProvenTrade:
    """Return the proven trade.

    Raises:
        ProofError: A leaf of the tree at the head of this file.
    """
    raw = [_hex(fill, FILL_SIZE) for fill in proof.fills]
    wanted = _hex(proof.fill, FILL_SIZE)
    try:
        numbers = [decode_fill(fill).trade for fill in raw]
        fill = decode_fill(wanted)
    except ValueError as error:
        raise MalformedProofError(str(error)) from error
    _base58(proof.genesis_hash)
    _base58(proof.trading_program)
    if not numbers or numbers != list(range(numbers[0], numbers[0] + len(numbers))) or numbers[0] < 1:
        raise WrongRecordError("the fills are not numbered without a gap")
    if raw.count(wanted) != 1:
        raise WrongRecordError("the trade is not among the fills")
    before = _hex(proof.before, merkle.HASH_SIZE)
    if numbers[0] == 1 and before != bytes(merkle.HASH_SIZE):
        raise WrongPathError("the hash before trade 1 is zero")
    after = fills_hash(before, raw)
    if anchor is not None:
        if proof.genesis_hash != anchor.genesis_hash or proof.trading_program != anchor.programs.get("trading"):
            raise ForeignProofError("the anchor is of another chain or trading program")
        if anchor.market is None or numbers[-1] > anchor.market.trade_seq:
            raise AnchorTooOldError(f"the anchor does not reach trade {numbers[-1]}")
        if numbers[-1] < anchor.market.trade_seq:
            raise ProofTooOldError("the anchor is newer than the proof; make the proof anew")
        if after != _hex(anchor.market.fills_hash, merkle.HASH_SIZE):
            raise WrongPathError("the fills do not hash to the anchor's running hash")
    return ProvenTrade(anchor is not None, fill)


def _record(leaf: bytes, place: int) -> Record:
    if len(leaf) % merkle.RECORD_SIZE or not 0 < len(leaf) <= merkle.RECORD_SIZE * merkle.LEAF_RECORDS:
        raise MalformedProofError("a leaf holds 1 to 4 records")
    if not 0 <= place < len(leaf) // merkle.RECORD_SIZE:
        raise MalformedProofError("the leaf has no record at this place")
    return decode_record(leaf[place * merkle.RECORD_SIZE : (place + 1) * merkle.RECORD_SIZE])


def _step_text(step: Step) -> str:
    return ("l" if step.left else "r") + step.sibling.hex()


def _path(texts: Sequence[str]) -> list[Step]:
    if len(texts) > merkle.PEAK_COUNT:
        raise MalformedProofError("a path is longer than any mountain")
    steps = []
    for text in texts:
        if text[:1] not in ("l", "r"):
            raise MalformedProofError("a path step begins with l or r")
        steps.append(Step(text[0] == "l", _hex(text[1:], merkle.HASH_SIZE)))
    return steps


def _hex(text: str, size: int | None = None) -> bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError as error:
        raise MalformedProofError(f"not hex: {error}") from error
    if data.hex() != text or (size is not None and len(data) != size):
        raise MalformedProofError(f"{'an even number of' if size is None else 2 * size} lower-case hex digits wanted")
    return data


def _base58(text: str) -> bytes:
    try:
        data = unbase58(text)
    except ValueError:
        raise MalformedProofError(f"{text!r} is not base58") from None
    if len(data) != 32:
        raise MalformedProofError(f"{text!r} is not 32 bytes in base58")
    return data


def summary(proven: ProvenReading | ProvenTrade) -> dict[str, Any]:
    """Return what a proof proves as plain values, for printing."""
    if isinstance(proven, ProvenTrade):
        return {"kind": "trade", "anchored": proven.anchored, **msgspec.structs.asdict(proven.fill)}
    core = proven.core
    return {
        "kind": "reading",
        "anchored": proven.anchored,
        "zone": proven.zone,
        "slot": proven.slot,
        "flags": proven.flags,
        "meter_number": core.meter_number,
        "register_epoch": core.register_epoch,
        "interval": core.interval,
        "import_wh": core.import_wh,
        "export_wh": core.export_wh,
        "quality": core.quality,
        "device_key": proven.device_key.hex(),
    }
