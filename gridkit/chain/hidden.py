"""Finds what a posting applied when its event cannot be read: from the instruction's own bytes, known cores and the batch root.

Anybody can pad a transaction so that the runtime cuts its logs; the instructions themselves are never cut, not even inner ones. A
guess is worth nothing until the chain's root vouches for it: `possible_records` only says what may stand under the root, the
likeliest first. Pure, but for what a caller hands in.
"""

from __future__ import annotations

import contextlib
import itertools
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from gridkit.chain import idl, merkle, proof
from gridkit.chain.accounts import RingRoot
from gridkit.chain.posting import Packed, PackingError, unpack_readings
from gridkit.programs import unbase58

MAX_GUESSES = 30_000
"""Most batches that are hashed for one posting and root: about a third of a second. An owner's posting of 16 readings, any 8 of them
skipped, is within it."""
_VERIFIED, _OPENING, _NETTED = 1, 2, 4
_ATTESTED = struct.Struct("<HIHQQ")
assert _ATTESTED.size == merkle.RECORD_SIZE

Digest = Callable[[Packed], bytes | None]
"""Returns the record digest of a packed reading whose core is known and was not applied before, else None."""


class Posting(msgspec.Struct, frozen=True):
    """What may have made a root: the readings of a post_verified (none for another instruction), the transaction's signature (base58)
    and slot; for a correction by the council its event."""

    readings: tuple[Packed, ...]
    signature: str
    slot: int
    correction: dict[str, Any] | None = None


def logs_are_whole(transaction: dict[str, Any]) -> bool:
    """Return whether a transaction's events can all be read: its logs are there and were not cut."""
    logs = (transaction.get("meta") or {}).get("logMessages")
    return logs is not None and not idl.logs_are_cut(logs)


def attested_batch(event: idl.Event) -> tuple[int, bytes] | None:
    """Return number and records of the root that an AttestedPosted tells of; None for another event, or when nothing was applied."""
    if event.name != "AttestedPosted" or not event.fields["records"]:
        return None
    return event.fields["seq"], b"".join(_ATTESTED.pack(*record.values()) for record in event.fields["records"])


def corrections_in(events: Iterable[idl.Event], zone: int, signature: str, slot: int) -> list[Posting]:
    """Return the council's corrections among a transaction's events."""
    return [
        Posting((), signature, slot, event.fields)
        for event in events
        if event.name == "ReadingCorrected" and event.fields["zone"] == zone
    ]


def postings_in(transaction: dict[str, Any], signature: str, oracle: str, roots: str) -> list[Posting]:
    """Return the instructions of a transaction that write one zone's roots, inner ones included, in order.

    Args:
        transaction: As getTransaction serves it, encoding `json`.
        signature: Its signature, base58.
        oracle, roots: Oracle program and the zone's RootRing, base58.
    """
    known = {described.discriminator: described for described in idl.interface("oracle").instructions.values()}
    message, meta = transaction["transaction"]["message"], transaction.get("meta") or {}
    loaded = meta.get("loadedAddresses") or {}
    keys = [*message["accountKeys"], *loaded.get("writable", ()), *loaded.get("readonly", ())]
    inner = {int(group["index"]): group["instructions"] for group in meta.get("innerInstructions") or ()}
    found = []
    for place, outer in enumerate(message["instructions"]):
        for item in (outer, *inner.get(place, ())):
            if keys[item["programIdIndex"]] != oracle:
                continue
            data = unbase58(item["data"])
            described = known.get(data[: idl.DISCRIMINATOR_SIZE])
            named = [keys[place] for place in item["accounts"]]
            if described is None or ("roots", roots) not in _written(described, named):
                continue
            readings: list[Packed] = []
            if described.name == "post_verified":
                with contextlib.suppress(idl.DecodeError, PackingError):  # A malformed one would have failed.
                    args = described.decode(data)
                    readings = unpack_readings(args["base_interval"], args["readings"])
            found.append(Posting(tuple(readings), signature, int(transaction["slot"])))
    return found


def _written(described: idl.Instruction, named: Sequence[str]) -> list[tuple[str, str]]:
    return [(meta.name, name) for meta, name in zip(described.metas, named, strict=False) if meta.writable]


def find(postings: Iterable[Posting], root: RingRoot, digest: Digest) -> tuple[Posting, bytes] | None:
    """Return the posting that made a root and the records under it, or None when none of them can be shown to have.

    A record count of 0 is not known: the root outlived its place in the ring.
    """
    for posting in postings:
        if posting.correction is not None:
            guesses = iter([_correction(posting.correction)])
        else:
            digests = [digest(reading) for reading in posting.readings]
            guesses = possible_records(posting.readings, digests, root.record_count or None)
        for records in itertools.islice(guesses, MAX_GUESSES):
            if merkle.batch_root(records) == root.root:
                return posting, records
    return None


def possible_records(
    readings: Sequence[Packed], digests: Sequence[bytes | None], count: int | None = None
) -> Iterator[bytes]:
    """Yield what records of 24 bytes each a posting can have made, the likeliest first.

    Args:
        readings: As posted.
        digests: 16 bytes for each, None = it cannot have been applied, or its core is not known.
        count: Records that were made, None = not known.
    """
    able = [place for place, digest in enumerate(digests) if digest is not None]
    for size in [count] if count is not None else range(len(able), 0, -1):
        for chosen in itertools.combinations(able, size):
            applied = [readings[place] for place in chosen]
            for flags in _possible_flags(applied):
                yield b"".join(
                    proof.encode_record(proof.Record(reading.slot, reading.interval, flag, digests[place] or b""))
                    for place, reading, flag in zip(chosen, applied, flags, strict=True)
                )


def _correction(fields: dict[str, Any]) -> bytes:
    """Return the record that the event of a correction tells of."""
    return _ATTESTED.pack(*(fields[name] for name in ("slot", "interval", "flags", "import_wh", "export_wh")))


def _possible_flags(applied: Sequence[Packed]) -> Iterator[tuple[int, ...]]:
    """Yield the record flags of readings that were all applied; nothing when the program cannot have applied them in this order."""
    before: dict[int, int] = {}
    spans: list[int | None] = []  # None = the first of its meter here
    for reading in applied:
        last = before.get(reading.slot)
        if last is not None and reading.interval - last < (0 if reading.next_epoch else 1):
            return
        spans.append(None if last is None else reading.interval - last)
        before[reading.slot] = reading.interval
    seen = set()
    plain, opening, netted = _VERIFIED, _VERIFIED | _OPENING, _VERIFIED | _NETTED
    for follows, firsts in ((plain, (plain, opening)), (netted, (netted, plain, opening))):
        fixed = [
            opening if reading.next_epoch else None if span is None else follows if span == 1 else plain
            for reading, span in zip(applied, spans, strict=True)
        ]
        free = fixed.count(None)
        uniform = ((one,) * free for one in firsts)
        for given in itertools.chain(uniform, itertools.product(firsts, repeat=free)):
            rest = iter(given)
            flags = tuple(next(rest) if flag is None else flag for flag in fixed)
            if flags not in seen:
                seen.add(flags)
                yield flags
