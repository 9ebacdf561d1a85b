"""Closes the gaps that cut logs leave: which batch stands under a root whose event nobody saw, and which readings are in doubt.

Anybody who may post can pad a transaction so that the runtime drops the event. The root is then taken from the zone's ring (or,
once that has passed on, from the peaks), and the records are rebuilt from the posting's own bytes and the cores in the store; the
chain's root decides whether they are the right ones. Where they cannot be rebuilt, the root is kept without them, and only the readings that
the hidden posting names stay open.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence

from gridkit.chain import hidden, idl, merkle, walk
from gridkit.chain.accounts import RingRoot, Roots, SlabEntry
from gridkit.chain.hidden import Posting
from gridkit.chain.posting import Packed
from gridkit.chain.proof import RECORD_VERIFIED, decode_record
from gridkit.log import get_logger
from gridkit.reading import decode_core
from oracle_bridge.store import Applied, Batch, Evidence, Key, Store

log = get_logger("bridge.gaps")

_PEAK_GUESSES = 256
"""Most combinations of batches that are tried against a peak, where no root says which batch is right."""
_BATCH_GUESSES = 64
MOST_POSTINGS = 16
"""More postings than one transaction of 1,232 bytes holds."""


class Gaps:
    """Rebuilds what the events of one zone did not tell. Arguments as for `follow.Follower`; `meters` always asks the chain."""

    def __init__(
        self,
        node: walk.Node,
        store: Store,
        oracle: str,
        zone: int,
        roots: str,
        meters: Callable[[], Mapping[int, SlabEntry]],
    ) -> None:
        self._node, self._store, self._oracle, self._zone, self._roots = node, store, oracle, zone, roots
        self._meters = meters
        self._entries: Mapping[int, SlabEntry] = {}
        self._range = merkle.Range(self._fetch)
        self._doubts: dict[int, tuple[Packed, ...]] = {}  # what may stand under a root, by its number
        self._places: dict[tuple[int, int], list[tuple[int, Packed]]] = {}  # the same by (slot, interval)
        self._unnamed: set[int] = set()  # roots of which the store does not say whose posting may have made them
        self._is_loaded = False
        self._tried: set[Key] = set()

    @property
    def unexplained(self) -> int:
        """Return how many roots stand without records."""
        self._load()
        return len(self._doubts)

    def in_doubt(self, keys: Iterable[Key], roots: Roots) -> set[Key]:
        """Return which of these readings may stand under a root whose records are not known; see `Follower.in_doubt`."""
        wanted = list(keys)
        if not self._load() or not all(self.repair(seq, roots) for seq in sorted(self._unnamed)):
            return set(wanted)
        if not self._doubts:
            return set()
        found = self._doubted(wanted)
        if found.keys() - self._tried:
            for seq in sorted({seq for key in found.keys() - self._tried for seq in found[key]}):
                if seq in self._doubts:
                    self.repair(seq, roots)
            found = self._doubted(wanted)
            self._tried = set(found)
        return set(found)

    def _load(self) -> bool:
        """Learn after a start what may stand under the roots that have no records; return whether that is known."""
        if not self._is_loaded:
            named = {seq: signature for seq, _, signature in self._store.unexplained(self._zone)}
            postings = self._postings_of(sorted({signature for signature in named.values() if signature}))
            if postings is None:
                return False
            for seq, signature in named.items():
                own = [posting.readings for posting in postings if posting.signature == signature]
                self._doubts[seq] = tuple(reading for readings in own for reading in readings)
            self._unnamed = {seq for seq, signature in named.items() if not signature}
            self._index()
            self._is_loaded = True
        return True

    def _index(self) -> None:
        self._places = {}
        for seq, readings in self._doubts.items():
            for packed in readings:
                self._places.setdefault((packed.slot, packed.interval), []).append((seq, packed))

    def _doubted(self, keys: Iterable[Key]) -> dict[Key, set[int]]:
        """Return which of these readings an unexplained posting can have applied, with the roots in question.

        The posting's signature and bytes say which reading is meant, so another one for the same interval is not in doubt.
        """
        self._entries = self._entries or self._meters()
        slots = {entry.meter_number: slot for slot, entry in self._entries.items()}
        found: dict[Key, set[int]] = {}
        for key in keys:
            for seq, packed in self._places.get((slots.get(key[0], -1), key[2]), ()):
                stored = self._stored(packed, seq)
                if stored is not None and decode_core(stored.core).register_epoch == key[1]:
                    found.setdefault(key, set()).add(seq)
        return found

    def repair(self, seq: int, roots: Roots) -> bool:
        """Explain batch `seq` and those around it that no event told; return whether all that can tell was served.

        Raises:
            gridkit.chain.rpc.RpcError: The chain does not answer; nothing is changed.
        """
        before = self._store.neighbour(self._zone, seq, later=False)
        after = self._store.neighbour(self._zone, seq, later=True)
        first = before[0] + 1 if before else 0
        last = after[0] if after else roots.next_seq
        postings = self._cut_postings(before, after)
        if postings is None or (not postings and after is None):
            return False  # The newest transaction is not listed yet, or one is not served.
        kept = {number: root for number, root, _ in self._store.unexplained(self._zone)}
        ring = {root.seq: root for root in roots.ring}
        entries = self._entries = self._meters()
        found: list[Batch] = []
        for number in range(first, last):
            root = ring.get(number) or RingRoot(number, 0, 0, 0, kept.get(number, b""))
            answer = hidden.find(postings, root, self._digest(number)) if root.root else None
            if answer is not None:
                postings.remove(answer[0])
                found.append(self._batch(number, root.root, *answer, entries))
        explained = {batch.seq for batch in found}
        rest = [number for number in range(first, last) if number not in explained]
        if after is None:
            rest = rest[: len(postings)]  # What comes behind them is not listed yet.
        roots_known = {number: ring[number].root if number in ring else kept.get(number, b"") for number in rest}
        by_peaks = self._by_peaks(roots_known, postings, roots, found)
        if by_peaks:
            found, roots_known, postings = found + by_peaks, {}, []
        self._keep(found, roots_known, postings)
        self._unnamed -= {*range(first, last)}
        return True

    def _cut_postings(self, before: tuple[int, str] | None, after: tuple[int, str] | None) -> list[Posting] | None:
        """Return what no event told from one known batch to the next.

        Their own transactions are looked at too, since they may hold several postings; those that made a known batch are left out.
        """
        ends = [end for end in (before, after) if end is not None]
        between = walk.landed(self._node, self._roots, until=before and before[1], before=after and after[1])
        names = [name for name in (before and before[1], *between, after and after[1]) if name]
        found = self._postings_of(list(dict.fromkeys(names)))
        if found is None:
            return None
        first, last = before[0] + 1 if before else 0, after[0] if after else 2**64
        found = [one for one in found if one.correction is None or first <= one.correction["seq"] < last]
        for seq, signature in ends:
            for maker, records in self._store.batches_near(self._zone, seq, MOST_POSTINGS):
                made = (one for one in found if one.signature == maker == signature and _made(one, records))
                if (known := next(made, None)) is not None:
                    found.remove(known)
        return found

    def _postings_of(self, signatures: Sequence[str]) -> list[Posting] | None:
        """Return what of those transactions no event tells in full: what a cut log hid, and corrections; None when one is not served."""
        found: list[Posting] = []
        for signature, transaction in walk.served(self._node, signatures):
            if transaction is None:
                return None
            if hidden.logs_are_whole(transaction):
                events = idl.events_in(transaction["meta"]["logMessages"], {self._oracle: "oracle"})
                found += hidden.corrections_in(events, self._zone, signature, int(transaction["slot"]))
            else:
                found += hidden.postings_in(transaction, signature, self._oracle, self._roots)
        return found

    def _digest(self, seq: int) -> hidden.Digest:
        """Return what says which record a packed reading can have made in batch `seq`."""

        def digest(packed: Packed) -> bytes | None:
            stored = self._stored(packed, seq)
            return None if stored is None else stored.digest

        return digest

    def _stored(self, packed: Packed, seq: int) -> Evidence | None:
        """Return the stored reading that was packed, unless another batch than `seq` holds it."""
        entry = self._entries.get(packed.slot)
        if entry is None:
            return None
        for stored in self._store.evidence_of(entry.meter_number, packed.interval):
            fits = stored.signature == packed.signature and packed.says(decode_core(stored.core))
            if fits and stored.seq in (None, seq):
                return stored
        return None

    def _batch(
        self, seq: int, root: bytes, posting: Posting, records: bytes, entries: Mapping[int, SlabEntry]
    ) -> Batch:
        """Return the batch. Its event's accumulators are lost; those of the slab, read after it, are never below them."""
        applied = []
        for place in range(len(records) // merkle.RECORD_SIZE):
            record = decode_record(records[merkle.RECORD_SIZE * place : merkle.RECORD_SIZE * (place + 1)])
            if not record.flags & RECORD_VERIFIED:
                continue
            entry = entries[record.slot]
            applied.append(
                Applied(
                    meter_number=entry.meter_number,
                    interval=record.interval,
                    digest=record.digest,
                    record=place,
                    flags=record.flags,
                    acc_import_wh=entry.acc_import_wh,
                    acc_export_wh=entry.acc_export_wh,
                )
            )
        return Batch(self._zone, seq, root, records, posting.signature, posting.slot, tuple(applied))

    def _by_peaks(
        self, missing: Mapping[int, bytes], postings: Sequence[Posting], roots: Roots, found: Sequence[Batch]
    ) -> list[Batch]:
        """Return the batches of roots that the ring has passed, where the peak over them vouches for what was rebuilt.

        Only when as many postings are left as roots are missing: which posting made which root is then their order.
        """
        if not missing or any(missing.values()) or len(postings) != len(missing):
            return []
        guesses = [
            list(itertools.islice(hidden.possible_records(posting.readings, digests), _BATCH_GUESSES))
            for seq, posting in zip(missing, postings, strict=True)
            for digests in [[self._digest(seq)(reading) for reading in posting.readings]]
        ]
        known = {batch.seq: batch.root for batch in found}
        self._range.count = roots.next_seq
        for chosen in itertools.islice(itertools.product(*guesses), _PEAK_GUESSES):
            overlay = known | dict(zip(missing, map(merkle.batch_root, chosen), strict=True))
            if self._fits_peaks(overlay, roots):
                return [
                    self._batch(seq, overlay[seq], posting, records, self._entries)
                    for (seq, posting), records in zip(zip(missing, postings, strict=True), chosen, strict=True)
                ]
        return []

    def _fits_peaks(self, overlay: Mapping[int, bytes], roots: Roots) -> bool:
        try:
            for seq in overlay:
                height, first = merkle.mountain_of(seq, roots.next_seq)
                if self._overlaid(overlay, height, first >> height) != roots.peaks[height]:
                    return False
        except merkle.UnknownRootError:
            return False
        return True

    def _overlaid(self, overlay: Mapping[int, bytes], height: int, index: int) -> bytes:
        """Return a node of the range as it is with these roots put in."""
        if not any(seq >> height == index for seq in overlay):
            return self._range.node(height, index)
        if height == 0:
            return overlay[index]
        left, right = (self._overlaid(overlay, height - 1, 2 * index + side) for side in (0, 1))
        return merkle.node_hash(left, right)

    def _fetch(self, first: int, count: int) -> list[bytes | None]:
        roots: list[bytes | None] = [None] * count
        for seq, root in self._store.batch_roots(self._zone, first, count):
            roots[seq - first] = root
        return roots

    def _keep(self, found: Sequence[Batch], unexplained: Mapping[int, bytes], postings: Sequence[Posting]) -> None:
        """Write what was found, and roots without records; note which readings these leave in doubt."""
        lone = Posting((), "", 0)  # Which posting made which root is known only where there are as many of both.
        makers = postings if len(postings) == len(unexplained) else [lone] * len(unexplained)
        bare = [
            Batch(self._zone, seq, root, b"", maker.signature, maker.slot, ())
            for (seq, root), maker in zip(unexplained.items(), makers, strict=True)
        ]
        self._store.record_batches(self._zone, [*found, *bare], None)
        for batch in found:
            self._doubts.pop(batch.seq, None)
            log.info("batch_rebuilt", zone=self._zone, seq=batch.seq, signature=batch.tx_signature)
        readings = tuple(reading for posting in postings for reading in posting.readings)
        for seq, root in unexplained.items():
            if seq not in self._doubts:
                log.error("batch_unexplained", zone=self._zone, seq=seq, root=root.hex(), readings=len(readings))
            self._doubts[seq] = readings
        self._index()


def _made(posting: Posting, records: bytes) -> bool:
    """Return whether a posting can have made these records: they stand for some of its readings, in their order."""
    places = iter([(reading.slot, reading.interval) for reading in posting.readings])
    cut = (records[at : at + merkle.RECORD_SIZE] for at in range(0, len(records), merkle.RECORD_SIZE))
    told = [decode_record(record) for record in cut]
    if not all(record.flags & RECORD_VERIFIED for record in told):
        return not posting.readings
    return all((record.slot, record.interval) in places for record in told)
