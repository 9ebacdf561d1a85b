"""Rebuilds from a chain's own transactions what proofs need: batches of records, mints and burns, fills. The bridge is not believed:
what it has stored is at most a guess about a hidden posting, and the chain's root decides."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import msgspec

from gridkit.chain import accounts, hidden, idl, merkle, proof, trades, walk
from gridkit.chain.deployment import Deployment, network_programs
from gridkit.chain.posting import Packed
from gridkit.chain.rpc import Rpc
from gridkit.reading import core_digest, decode_core


class Stored(Protocol):
    """What somebody says a meter signed: a row of the bridge's `readings_view`."""

    core: bytes
    signature: bytes
    device_key: bytes


Find = Callable[[int, int, int], Iterable[Stored]]
"""Returns what was signed for (zone, slot, interval)."""


class Placed(msgspec.Struct, frozen=True):
    """Where a posted reading stands: batch number in its zone, place in the batch, and the transaction."""

    zone: int
    seq: int
    index: int
    signature: str


class Settled(msgspec.Struct):
    """Sums over every Settled event, atoms."""

    minted_atoms: int = 0
    burned_atoms: int = 0
    debt_added_atoms: int = 0
    debt_paid_atoms: int = 0


class History:
    """Reads one deployment's past through one node; call `read` again to go on."""

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None:
        self._rpc, self._on = rpc, deployment
        self._programs = network_programs(deployment)
        self._until: dict[str, str] = {}
        self.batches: dict[int, dict[int, bytes]] = {}
        self.places: dict[tuple[int, bytes], Placed] = {}
        self.settled = Settled()
        self.trade_signatures: dict[int, str] = {}
        self.cut: set[str] = set()
        """Transactions whose logs somebody had cut: events of theirs are missing."""
        self._hidden: dict[int, list[hidden.Posting]] = {}
        self._rings: dict[int, accounts.Roots] = {}
        self._ranges: dict[int, merkle.Range] = {}

    def read(self) -> None:
        """Read all transactions of the zones and the market that are new."""
        for zone, addresses in self._on.zones.items():
            for signature, event in self._events(addresses.roots, int(zone)):
                if event.program != "oracle" or event.fields.get("zone") != int(zone):
                    continue
                attested = hidden.attested_batch(event)
                if event.name == "ReadingsPosted":
                    self._take_batch(int(zone), event.fields, signature)
                elif attested is not None:
                    self._place(int(zone), *attested, signature)
                else:  # the slot of its transaction is not needed here
                    self._hidden.setdefault(int(zone), []).extend(
                        hidden.corrections_in([event], int(zone), signature, 0)
                    )
            for _, event in self._events(addresses.ledger):
                if event.name == "Settled" and event.program == "energy_token":
                    self._take_settlement(event.fields)
        for signature, event in self._events(self._on.market):
            for fill in trades.fills_of(event):
                self.trade_signatures[fill.trade] = signature

    def explain(self, find: Find) -> None:
        """Rebuild the batches that no event told from the postings' own bytes and what `find` knows; the zone's ring decides."""
        for zone, addresses in self._on.zones.items():
            account = self._rpc.account(addresses.roots)
            if account is None:
                continue
            ring = self._rings[int(zone)] = accounts.decode_roots(account.data)
            known = self.batches.setdefault(int(zone), {})
            for root in ring.ring:
                if root.seq in known:
                    continue
                found = hidden.find(
                    self._hidden.get(int(zone), []), root, functools.partial(self._digest, find, int(zone))
                )
                if found is not None:
                    self._hidden[int(zone)].remove(found[0])
                    self._place(int(zone), root.seq, found[1], found[0].signature)

    def _digest(self, find: Find, zone: int, packed: Packed) -> bytes | None:
        for stored in find(zone, packed.slot, packed.interval):
            core = bytes(stored.core)
            if bytes(stored.signature) == packed.signature and packed.says(decode_core(core)):
                digest = core_digest(core, bytes(stored.device_key))
                return None if (zone, digest) in self.places else digest
        return None

    def _take_batch(self, zone: int, fields: dict[str, Any], signature: str) -> None:
        records = b"".join(
            proof.encode_record(
                proof.Record(result["slot"], result["interval"], result["flags"], bytes(result["digest"]))
            )
            for result in fields["results"]
            if result["reason"] == 0
        )
        if records:
            self._place(zone, fields["seq"], records, signature)

    def _place(self, zone: int, seq: int, records: bytes, signature: str) -> None:
        self.batches.setdefault(zone, {})[seq] = records
        for index in range(len(records) // merkle.RECORD_SIZE):
            record = proof.decode_record(records[merkle.RECORD_SIZE * index : merkle.RECORD_SIZE * (index + 1)])
            self.places[(zone, record.digest)] = Placed(zone, seq, index, signature)

    def _take_settlement(self, fields: dict[str, Any]) -> None:
        self.settled.minted_atoms += fields["minted_atoms"]
        self.settled.burned_atoms += fields["burned_atoms"]
        self.settled.debt_added_atoms += fields["debt_added_atoms"]
        self.settled.debt_paid_atoms += fields["debt_paid_atoms"]

    def roots(self, zone: int) -> merkle.Range:
        """Return a zone's mountain range as far as its roots are known."""
        known = self._ranges.setdefault(zone, merkle.Range(functools.partial(self._roots_from, zone)))
        ring = self._rings.get(zone)
        known.count = max((ring.next_seq if ring else 0, *(seq + 1 for seq in self.batches.get(zone, {}))))
        return known

    def _roots_from(self, zone: int, first: int, count: int) -> list[bytes | None]:
        batches, ring = self.batches.get(zone, {}), self._rings.get(zone)
        kept = {root.seq: root.root for root in ring.ring} if ring else {}
        return [
            merkle.batch_root(batches[seq]) if seq in batches else kept.get(seq) for seq in range(first, first + count)
        ]

    def reading_proof(
        self, core: bytes, signature: bytes, device_key: bytes, zone: int, next_seq: int | None = None
    ) -> proof.ReadingProof:
        """Return the proof of a posted reading.

        Raises:
            KeyError: No batch on this chain holds the reading.
            gridkit.chain.proof.NotProvableError: It may stand in a batch that somebody hid, or a root that its path needs is lost.
        """
        key = (zone, core_digest(core, device_key))
        if key not in self.places:
            lost = self.roots(zone).count - len(self.batches.get(zone, {}))
            if lost:
                raise proof.NotProvableError(
                    f"{lost} batches of zone {zone} are hidden, the reading may be in one of them"
                )
            raise KeyError("no batch on this chain holds the reading")
        placed = self.places[key]
        return proof.reading_proof(
            genesis_hash=self._on.genesis_hash,
            oracle_program=self._on.programs["oracle"],
            zone=zone,
            seq=placed.seq,
            index=placed.index,
            core=core,
            signature=signature,
            device_key=device_key,
            records=self.batches[zone][placed.seq],
            roots=self.roots(zone),
            next_seq=next_seq,
        )

    def _events(self, address: str, zone: int | None = None) -> Iterator[tuple[str, idl.Event]]:
        """Yield the new events of landed transactions that touch `address`, oldest first; keep the hidden postings of a zone."""
        for chunk in walk.chunks(self._rpc, address, until=self._until.get(address)):
            for signature, transaction in chunk:
                if transaction is None:
                    return  # not served yet: go on from here the next time
                if not hidden.logs_are_whole(transaction):
                    self.cut.add(signature)
                    if zone is not None:
                        oracle = self._on.programs["oracle"]
                        self._hidden.setdefault(zone, []).extend(
                            hidden.postings_in(transaction, signature, oracle, address)
                        )
                logs = transaction["meta"]["logMessages"] or []
                yield from ((signature, event) for event in idl.events_in(logs, self._programs))
                self._until[address] = signature
