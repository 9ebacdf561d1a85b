"""Reads off the chain what became of readings: every batch of a zone, whoever posted it, in the order it happened.

The chain's own events decide the states; nothing here remembers what was sent. The cursor moves in the same transaction as
the states, so a kill at any moment repeats at most what changes nothing the second time. Events are not believed to be complete:
what a cut log hid is rebuilt in `gaps.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from gridkit.chain import hidden, idl, merkle, proof, walk
from gridkit.chain.accounts import Roots, SlabEntry
from gridkit.log import get_logger
from oracle_bridge.gaps import Gaps
from oracle_bridge.notebook import Notebook
from oracle_bridge.store import Applied, Batch, Key, Store

log = get_logger("bridge.follow")

APPLIED = 0


class Result(msgspec.Struct, frozen=True):
    """What the program said of one reading of one posting: reason 0 = applied."""

    slot: int
    interval: int
    reason: int


class Follower:
    """Follows the postings of one zone.

    Args:
        node: The chain.
        store: Where batches and states are kept.
        oracle: Oracle program, base58.
        zone: Zone number.
        roots: The zone's RootRing, base58: every posting writes it.
        meters: Returns the slab's entries by slot; called anew when a slot is unknown.
        notebook: Where new batches go.
    """

    def __init__(
        self,
        node: walk.Node,
        store: Store,
        oracle: str,
        zone: int,
        roots: str,
        meters: Callable[[], Mapping[int, SlabEntry]],
        notebook: Notebook,
    ) -> None:
        self._notebook = notebook
        self._node, self._store, self._zone, self._roots, self._meters = node, store, zone, roots, meters
        self._programs = {oracle: "oracle"}
        self._entries: Mapping[int, SlabEntry] = {}
        self._gaps = Gaps(node, store, oracle, zone, roots, meters)
        self._peaks: dict[int, bytes] = {}
        self._next_seq = 0
        self._is_behind = True

    def catch_up(self, expected: Mapping[bytes, Key] = MappingProxyType({})) -> dict[str, list[Result]]:
        """Work in every posting since the last call; return the program's answers by transaction signature.

        Args:
            expected: Readings by digest that the caller has just sent and knows to be stored and not posted.

        Raises:
            gridkit.chain.rpc.RpcError: The chain does not answer; what was worked in stays so.
        """
        answers: dict[str, list[Result]] = {}
        self._is_behind = True
        for chunk in walk.chunks(self._node, self._roots, until=self._notebook.cursor(self._zone)):
            found: list[Batch] = []
            last = None
            for signature, transaction in chunk:
                if transaction is None:
                    break
                found += self._batches_in(signature, transaction, answers)
                last = signature
            if last is not None:
                marked = self._notebook.record_batches(self._zone, found, last, expected)
                log.debug("batches_followed", zone=self._zone, batches=len(found), posted=marked)
            if last != chunk[-1][0]:
                return answers  # Confirmed but not to be had yet: come back before moving past it.
        self._is_behind = False
        return answers

    def _batches_in(self, signature: str, transaction: dict[str, Any], answers: dict[str, list[Result]]) -> list[Batch]:
        logs = (transaction.get("meta") or {}).get("logMessages") or []
        if not hidden.logs_are_whole(transaction):
            log.warning("posting_logs_cut", zone=self._zone, signature=signature)
        found = []
        for event in idl.events_in(logs, self._programs):
            if event.fields.get("zone") != self._zone:
                continue
            attested = hidden.attested_batch(event)
            if attested is not None:
                seq, records = attested
                root = merkle.batch_root(records)
                found.append(Batch(self._zone, seq, root, records, signature, int(transaction["slot"]), ()))
            if event.name != "ReadingsPosted":
                continue
            results = event.fields["results"]
            answers.setdefault(signature, []).extend(
                Result(result["slot"], result["interval"], result["reason"]) for result in results
            )
            applied = [result for result in results if result["reason"] == APPLIED]
            if applied:
                found.append(self._batch(event.fields["seq"], applied, signature, int(transaction["slot"])))
        return found

    def _batch(self, seq: int, applied: list[dict[str, Any]], signature: str, slot: int) -> Batch:
        records = b"".join(
            proof.encode_record(proof.Record(result["slot"], result["interval"], result["flags"], result["digest"]))
            for result in applied
        )
        readings = []
        for place, result in enumerate(applied):
            meter_number = self._meter_in(result["slot"])
            if meter_number is not None:
                readings.append(
                    Applied(
                        meter_number=meter_number,
                        interval=result["interval"],
                        digest=result["digest"],
                        record=place,
                        flags=result["flags"],
                        acc_import_wh=result["acc_import_wh"],
                        acc_export_wh=result["acc_export_wh"],
                    )
                )
        return Batch(self._zone, seq, merkle.batch_root(records), records, signature, slot, tuple(readings))

    def _meter_in(self, slot: int) -> int | None:
        """Return the meter in a slot; a slot is never given to another meter, so an old view of the slab is as good."""
        if slot not in self._entries:
            self._entries = self._meters()
        entry = self._entries.get(slot)
        return None if entry is None else entry.meter_number

    def compare(self, roots: Roots) -> tuple[int, bool]:
        """Return how many of the zone's roots are not known here, and whether the peaks differ from ours.

        What no event told is rebuilt, or its root is kept without records; see `in_doubt`.

        Args:
            roots: The zone's RootRing, read before the last `catch_up`.
        """
        self._add_roots(roots)
        while not self._is_behind and self._next_seq < roots.next_seq:
            reached = self._next_seq
            self._gaps.repair(reached, roots)
            self._add_roots(roots)
            if self._next_seq == reached:
                break
        missing = roots.next_seq - self._next_seq
        # A peak over a root that is not known cannot be compared.
        wrong = missing == 0 and any(peak and peak != roots.peaks[height] for height, peak in self._peaks.items())
        return missing, wrong

    def in_doubt(self, keys: Iterable[Key], roots: Roots) -> set[Key]:
        """Return which of these readings may stand under a root whose records are not known; everything else can be judged.

        Looks once more when there are readings among them that were not there the last time: their cores may be what was missing.
        """
        return self._gaps.in_doubt(keys, roots)

    @property
    def unexplained(self) -> int:
        """Return how many of the zone's roots stand here without records."""
        return self._gaps.unexplained

    def _add_roots(self, roots: Roots) -> None:
        for seq, root in self._store.batch_roots(self._zone, self._next_seq):
            if seq != self._next_seq or seq >= roots.next_seq:
                break  # What lies behind a gap cannot be summed up.
            self._add_root(root)

    def _add_root(self, root: bytes) -> None:
        height, node = 0, root
        while height in self._peaks:
            older = self._peaks.pop(height)
            node = merkle.node_hash(older, node) if older and node else b""
            height += 1
        self._peaks[height] = node
        self._next_seq += 1
