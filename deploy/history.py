"""Rebuilds from a chain's own transactions what proofs need: batches of records, mints and burns, fills. The bridge is not asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from gridkit.chain import idl, proof
from gridkit.chain.deployment import Deployment, network_programs
from gridkit.chain.merkle import batch_root
from gridkit.chain.rpc import Rpc
from gridkit.reading import core_digest

_PAGE = 1000
_BATCH = 50


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

    def read(self) -> None:
        """Read all transactions of the zones and the market that are new."""
        for zone, addresses in self._on.zones.items():
            for signature, event in self._events(addresses.roots):
                if event.name == "ReadingsPosted" and event.program == "oracle" and event.fields["zone"] == int(zone):
                    self._take_batch(int(zone), event.fields, signature)
            for _, event in self._events(addresses.ledger):
                if event.name == "Settled" and event.program == "energy_token":
                    self._take_settlement(event.fields)
        for signature, event in self._events(self._on.market):
            if event.name == "Filled" and event.program == "trading":
                for offset in range(len(event.fields["fills"])):
                    self.trade_signatures[event.fields["first_trade"] + offset] = signature

    def _take_batch(self, zone: int, fields: dict[str, Any], signature: str) -> None:
        records = b""
        for result in fields["results"]:
            if result["reason"] != 0:
                continue
            record = proof.Record(result["slot"], result["interval"], result["flags"], bytes(result["digest"]))
            key = (zone, record.digest)
            self.places[key] = Placed(zone, fields["seq"], len(records) // 24, signature)
            records += proof.encode_record(record)
        if records:
            self.batches.setdefault(zone, {})[fields["seq"]] = records

    def _take_settlement(self, fields: dict[str, Any]) -> None:
        self.settled.minted_atoms += fields["minted_atoms"]
        self.settled.burned_atoms += fields["burned_atoms"]
        self.settled.debt_added_atoms += fields["debt_added_atoms"]
        self.settled.debt_paid_atoms += fields["debt_paid_atoms"]

    def roots(self, zone: int) -> list[bytes]:
        """Return every batch root of a zone from number 0 on; a missing one ends the list."""
        batches = self.batches.get(zone, {})
        roots: list[bytes] = []
        while len(roots) in batches:
            roots.append(batch_root(batches[len(roots)]))
        return roots

    def reading_proof(
        self, core: bytes, signature: bytes, device_key: bytes, zone: int, next_seq: int | None = None
    ) -> proof.ReadingProof:
        """Return the proof of a posted reading.

        Raises:
            KeyError: No batch on this chain holds the reading.
        """
        placed = self.places[(zone, core_digest(core, device_key))]
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

    def _events(self, address: str) -> Iterator[tuple[str, idl.Event]]:
        """Yield the new events of landed transactions that touch `address`, oldest first."""
        pages: list[dict[str, Any]] = []
        before: str | None = None
        while True:
            page = self._rpc.signatures_for(address, until=self._until.get(address), before=before, limit=_PAGE)
            pages += page
            if len(page) < _PAGE:
                break
            before = str(page[-1]["signature"])
        landed = [str(item["signature"]) for item in reversed(pages) if item.get("err") is None]
        for at in range(0, len(landed), _BATCH):
            part = landed[at : at + _BATCH]
            for signature, transaction in zip(part, self._rpc.transactions(part), strict=True):
                if transaction is None:
                    return  # not served yet: go on from here the next time
                logs = transaction["meta"]["logMessages"] or []
                yield from ((signature, event) for event in idl.events_in(logs, self._programs))
                self._until[address] = signature
