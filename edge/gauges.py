"""Decides which numbers of the agent a scrape sees; they are computed when asked for, never before."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from edge.broker import Broker
from edge.configuration import Configuration
from edge.meanings import PREFIX
from edge.meter import Meter
from edge.metrics import Counters, Labels, gauge
from edge.outbox import MeterOutbox
from edge.rounds import DEAD_AFTER
from edge.spool_thread import SpoolThread
from gridkit.clock import Clock


def metrics_text(
    counters: Counters,
    meters: Mapping[bytes, Meter],
    outboxes: Mapping[bytes, MeterOutbox],
    spool: SpoolThread,
    configuration: Configuration,
    broker: Broker,
    clock: Clock,
    certificate_days: int | None,
    authority_days: int | None,
) -> str:
    """Return all metrics in Prometheus text form."""
    in_flight = sum(box.in_flight for box in outboxes.values())
    resends = sum(box.resends for box in outboxes.values())
    lines = [
        *counters.lines(),
        *_of_meters(meters.values(), spool),
        *_of_agent("in_flight", in_flight),
        *_of_agent("resends", resends),
        *_of_agent("spool_bytes", spool.spool.size_bytes()),
        *_of_agent("spool_failed", int(bool(spool.error))),
        *_of_agent("spool_free_bytes", spool.free_bytes()),
        *_of_agent("spool_days_left", spool.days_left(len(meters))),
        *_of_agent("clock_error_ms", clock.error_bound_ms()),
        *_of_agent("config_version", configuration.version),
        *_of_agent("mqtt_connected", int(broker.connected)),
        *_of_session(broker),
    ]
    if certificate_days is not None:
        lines += _of_agent("certificate_days_left", certificate_days)
    if authority_days is not None:
        lines += _of_agent("authority_days_left", authority_days)
    return "\n".join(lines) + "\n"


def _of_meters(meters: Iterable[Meter], spool: SpoolThread) -> list[str]:
    now_ms = time.time_ns() // 1_000_000
    named: list[tuple[Labels, Meter]] = [((("meter", meter.name),), meter) for meter in meters]
    kept = [(labels, spool.kept(meter.meter_id)) for labels, meter in named]
    ages = [(labels, max(0, now_ms - k.oldest_ms) // 1000 if k.oldest_ms else 0) for labels, k in kept]
    return [
        *gauge(f"{PREFIX}backlog", [(labels, k.waiting) for labels, k in kept]),
        *gauge(f"{PREFIX}backlog_oldest_age_seconds", ages),
        *gauge(f"{PREFIX}quarantine", [(labels, k.quarantined) for labels, k in kept]),
        *gauge(f"{PREFIX}meter_dead", [(labels, int(m.failures >= DEAD_AFTER)) for labels, m in named]),
        *gauge(f"{PREFIX}meter_in_question", [(labels, int(m.is_in_question)) for labels, m in named]),
        *gauge(f"{PREFIX}last_interval", [(labels, m.state.last_interval) for labels, m in named]),
        *gauge(f"{PREFIX}samples_held", [(labels, m.held) for labels, m in named]),
    ]


def _of_session(broker: Broker) -> list[str]:
    """Why there is no session, or why it is of no use."""
    trouble: list[tuple[Labels, int]] = [((("reason", broker.trouble.label),), 1)] if broker.trouble else []
    return gauge(f"{PREFIX}mqtt_trouble", trouble)


def _of_agent(name: str, value: int) -> list[str]:
    return gauge(f"{PREFIX}{name}", [((), value)])
