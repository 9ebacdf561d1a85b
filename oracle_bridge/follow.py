"""Reads off the chain what became of readings: every batch of a zone, whoever posted it, in the order it happened.

The chain's own events decide the states; nothing here remembers what was sent. The cursor moves in the same transaction as
the states, so a kill at any moment repeats at most what changes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from gridkit.chain import idl, merkle, proof
from gridkit.chain.accounts import Roots, SlabEntry
from gridkit.log import get_logger
from oracle_bridge.store import Applied, Batch, Key

log = get_logger("bridge.follow")

_CHUNK = 50
_PAGE = 1000
APPLIED = 0


class Node(Protocol):
    """The part of `gridkit.chain.rpc.Rpc` that this file uses."""

    def signatures_for(
        self, address: str, *, until: str | None = None, before: str | None = None, limit: int = 1000
    ) -> list[dict[str, Any]]: ...

    def transactions(self, signatures: list[str]) -> list[dict[str, Any] | None]: ...


class Batches(Protocol):
    """The part of `store.Store` that this file uses."""

    def cursor(self, zone: int) -> str | None: ...

    def record_batches(self, zone: int, found: list[Batch], cursor: str, expected: Mapping[bytes, Key]) -> int: ...

    def batch_roots(self, zone: int, first: int) -> list[tuple[int, bytes]]: ...


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
    """

    def __init__(
        self,
        node: Node,
        store: Batches,
        oracle: str,
        zone: int,
        roots: str,
        meters: Callable[[], Mapping[int, SlabEntry]],
    ) -> None:
        self._node, self._store, self._zone, self._roots, self._meters = node, store, zone, roots, meters
        self._programs = {oracle: "oracle"}
        self._entries: Mapping[int, SlabEntry] = {}
        self._peaks: dict[int, bytes] = {}
        self._next_seq = 0

    def catch_up(self, expected: Mapping[bytes, Key] = MappingProxyType({})) -> dict[str, list[Result]]:
        """Work in every posting since the last call; return the program's answers by transaction signature.

        Args:
            expected: Readings by digest that the caller has just sent and knows to be stored and not posted.

        Raises:
            gridkit.chain.rpc.RpcError: The chain does not answer; what was worked in stays so.
        """
        answers: dict[str, list[Result]] = {}
        for chunk in self._new_signatures():
            transactions = self._node.transactions(chunk)
            found: list[Batch] = []
            last = None
            for signature, transaction in zip(chunk, transactions, strict=True):
                if transaction is None:
                    break  # Confirmed but not to be had yet: come back before moving past it.
                found += self._batches_in(signature, transaction, answers)
                last = signature
            if last is not None:
                marked = self._store.record_batches(self._zone, found, last, expected)
                log.debug("batches_followed", zone=self._zone, batches=len(found), posted=marked)
            if last != chunk[-1]:
                break
        return answers

    def _new_signatures(self) -> list[list[str]]:
        """Return what is newer than the cursor, oldest first, in chunks. Failed transactions changed nothing."""
        until = self._store.cursor(self._zone)
        newest_first: list[str] = []
        before = None
        while True:
            page = self._node.signatures_for(self._roots, until=until, before=before, limit=_PAGE)
            newest_first += [str(item["signature"]) for item in page if item.get("err") is None]
            if len(page) < _PAGE:
                break
            before = str(page[-1]["signature"])
        oldest_first = newest_first[::-1]
        return [oldest_first[at : at + _CHUNK] for at in range(0, len(oldest_first), _CHUNK)]

    def _batches_in(self, signature: str, transaction: dict[str, Any], answers: dict[str, list[Result]]) -> list[Batch]:
        logs = (transaction.get("meta") or {}).get("logMessages") or []
        if idl.logs_are_cut(logs):
            log.error("posting_logs_cut", zone=self._zone, signature=signature)
        found = []
        for event in idl.events_in(logs, self._programs):
            if event.name != "ReadingsPosted" or event.fields["zone"] != self._zone:
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

        Args:
            roots: The zone's RootRing, read before the last `catch_up`.
        """
        for seq, root in self._store.batch_roots(self._zone, self._next_seq):
            if seq != self._next_seq:
                break  # A gap: what lies behind it cannot be summed up.
            if self._next_seq >= roots.next_seq:
                break
            self._add_root(root)
        missing = roots.next_seq - self._next_seq
        return missing, missing == 0 and self._peaks != roots.peaks

    def _add_root(self, root: bytes) -> None:
        height, node = 0, root
        while height in self._peaks:
            node = merkle.node_hash(self._peaks.pop(height), node)
            height += 1
        self._peaks[height] = node
        self._next_seq += 1
