"""Counts what the bridge does, for Prometheus and for the status page. It decides the names; nothing is computed here."""

from __future__ import annotations

import threading

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from oracle_bridge.judge import Reason
from oracle_bridge.store import State


class Metrics:
    """All figures of one bridge; safe to share between threads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._lock = threading.Lock()
        self._refused: dict[str, int] = {}
        self._duplicates = 0
        make = self.registry
        self._c_received = Counter("campusgrid_bridge_readings_received", "Messages that came in.", registry=make)
        self._c_stored = Counter("campusgrid_bridge_readings_stored", "Readings made durable.", registry=make)
        self._c_duplicates = Counter(
            "campusgrid_bridge_readings_duplicate", "Copies of stored readings.", registry=make
        )
        self._c_refused = Counter("campusgrid_bridge_readings_refused", "Refused readings.", ["reason"], registry=make)
        for reason in Reason:
            self._c_refused.labels(reason.value)
        self._c_transactions = Counter(
            "campusgrid_bridge_transactions", "Transactions by outcome.", ["outcome"], registry=make
        )
        self._c_skipped = Counter(
            "campusgrid_bridge_readings_skipped", "Skips by the program.", ["reason"], registry=make
        )
        self._c_faults = Counter("campusgrid_bridge_faults", "Unexpected faults of a loop.", ["loop"], registry=make)
        self.state = Gauge("campusgrid_bridge_readings", "Readings by state.", ["state"], registry=make)
        self.batch = Histogram(
            "campusgrid_bridge_batch_readings",
            "Readings of one store transaction.",
            registry=make,
            buckets=(1, 5, 20, 100, 500),
        )
        self.receipt_s = Histogram(
            "campusgrid_bridge_receipt_seconds",
            "From the arrival of a batch's first message to its receipts.",
            registry=make,
            buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
        )
        self.mqtt_connected = Gauge(
            "campusgrid_bridge_mqtt_connected", "1 while the broker is connected.", registry=make
        )
        self.chain_ok = Gauge("campusgrid_bridge_chain_ok", "1 while the chain answers.", registry=make)
        self.roots_missing = Gauge(
            "campusgrid_bridge_roots_missing", "Roots whose batch is not known.", ["zone"], registry=make
        )
        self.roots_unexplained = Gauge(
            "campusgrid_bridge_roots_unexplained",
            "Roots without records: somebody hid the posting, and a core that it needs is not here.",
            ["zone"],
            registry=make,
        )
        self.roots_wrong = Gauge(
            "campusgrid_bridge_roots_wrong", "1 when the peaks differ from ours.", ["zone"], registry=make
        )

    def received(self, count: int) -> None:
        """Count messages."""
        self._c_received.inc(count)

    def stored(self, count: int) -> None:
        """Count stored readings."""
        self._c_stored.inc(count)
        self.batch.observe(count)

    def duplicate(self) -> None:
        """Count a copy."""
        self._c_duplicates.inc()
        with self._lock:
            self._duplicates += 1

    def refused(self, reason: Reason) -> None:
        """Count a refusal."""
        self._c_refused.labels(reason.value).inc()
        with self._lock:
            self._refused[reason.value] = self._refused.get(reason.value, 0) + 1

    def transaction(self, outcome: str) -> None:
        """Count a transaction: landed, failed, refused, expired, unknown."""
        self._c_transactions.labels(outcome).inc()

    def skipped(self, reason: str) -> None:
        """Count a reading that the program skipped."""
        self._c_skipped.labels(reason).inc()

    def fault(self, loop: str) -> None:
        """Count a fault that a loop survived."""
        self._c_faults.labels(loop).inc()

    def totals(self, totals: dict[State, int]) -> None:
        """Set the readings by state."""
        for state, count in totals.items():
            self.state.labels(state.name.lower()).set(count)

    def refusals(self) -> dict[str, int]:
        """Return refusals by reason since the start."""
        with self._lock:
            return dict(sorted(self._refused.items()))

    @property
    def duplicates(self) -> int:
        """Return copies since the start."""
        with self._lock:
            return self._duplicates

    def text(self) -> bytes:
        """Return the Prometheus text."""
        return generate_latest(self.registry)
