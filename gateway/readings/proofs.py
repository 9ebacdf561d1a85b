"""Makes proofs of readings from the bridge's store. Each zone's mountain range is hashed once and kept; whether a caller may see a
reading is decided elsewhere."""

from __future__ import annotations

import functools
import threading
from typing import Any

import sqlalchemy as sa

from gateway.readings.view import batches
from gridkit.chain import merkle, proof
from gridkit.chain.deployment import Deployment


class ReadingProofs:
    """Proves readings of one deployment; safe to share between threads.

    Args:
        engine: The bridge's store.
        deployment: The deployment.
    """

    def __init__(self, engine: sa.Engine, deployment: Deployment) -> None:
        self._engine, self._on = engine, deployment
        self._ranges: dict[int, merkle.Range] = {}
        self._lock = threading.Lock()

    def make(self, row: Any) -> proof.ReadingProof:
        """Return the proof of a posted reading, given its row of `readings_view`.

        Raises:
            gridkit.chain.proof.ProofError: A record or a root that it needs is not known.
        """
        one = (batches.c.zone == row.zone) & (batches.c.seq == row.seq)
        with self._engine.connect() as db:
            records = db.execute(sa.select(batches.c.records).where(one)).scalar_one_or_none()
            count = db.execute(sa.select(sa.func.max(batches.c.seq)).where(batches.c.zone == row.zone)).scalar_one()
        if not records:
            raise proof.NotProvableError(f"the records under root {row.seq} are not known")
        with self._lock:
            known = self._ranges.setdefault(row.zone, merkle.Range(functools.partial(self._roots, row.zone)))
            known.count = int(count) + 1
            return proof.reading_proof(
                genesis_hash=self._on.genesis_hash,
                oracle_program=self._on.programs["oracle"],
                zone=row.zone,
                seq=row.seq,
                index=row.record,
                core=bytes(row.core),
                signature=bytes(row.signature),
                device_key=bytes(row.device_key),
                records=bytes(records),
                roots=known,
            )

    def _roots(self, zone: int, first: int, count: int) -> list[bytes | None]:
        found: list[bytes | None] = [None] * count
        query = sa.select(batches.c.seq, batches.c.root).where(
            batches.c.zone == zone, batches.c.seq.between(first, first + count - 1)
        )
        with self._engine.connect() as db:
            for seq, root in db.execute(query):
                found[int(seq) - first] = bytes(root)
        return found
