"""Decides what an agent says of itself and its meters over MQTT: retained status, and Home Assistant's discovery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from edge import VERSION
from edge.broker import Broker
from edge.home_assistant import discovery
from edge.meter import Meter
from edge.rounds import DEAD_AFTER
from edge.settings import EdgeSettings
from edge.spool_thread import SpoolThread
from edge.track import Outcome, totals_wh
from gridkit.clock import UNKNOWN_ERROR_MS
from gridkit.quality import labels as quality_labels
from gridkit.topics import agent_status_topic, status_topic


def agent_status(agent: str, state: str, why: str) -> bytes:
    """Return what is retained on the agent's status topic: JSON; `state` is "online" or "offline"."""
    return msgspec.json.encode({"version": 1, "agent": agent, "agent_version": VERSION, "state": state, "why": why})


class StatusBoard:
    """The status of all meters: which is due to be told, and what it says."""

    def __init__(
        self, settings: EdgeSettings, meters: Mapping[bytes, Meter], broker: Broker, spool: SpoolThread
    ) -> None:
        """Nothing is due yet."""
        self._agent = settings.agent
        self._home_assistant_prefix = settings.home_assistant_prefix
        self._meters = meters
        self._broker = broker
        self._spool = spool
        self._due: set[bytes] = set()
        self._failed = False

    def changed(self, meter: Meter) -> None:
        """Note that a meter's status is to be told."""
        self._due.add(meter.meter_id)

    def all_changed(self) -> None:
        """Note that every meter's status is to be told."""
        self._due.update(self._meters)

    def publish_due(self) -> None:
        """Tell what is due; without a broker it stays due."""
        if self._failed is not bool(self._spool.error):
            self._failed = not self._failed
            self.all_changed()
        if not self._broker.connected:
            return
        due, self._due = self._due, set()
        for meter_id in due:
            self.publish(self._meters[meter_id])

    def publish(self, meter: Meter) -> int | None:
        """Retain a meter's status; return the message's id, None when it was not taken."""
        if meter.row is None:
            return None
        topic = status_topic(meter.row.zone, meter.row.number)
        return self._broker.publish(topic, msgspec.json.encode(self.of(meter)), retain=True)

    def publish_agent(self, state: str, why: str = "") -> None:
        """Retain the agent's own status."""
        self._broker.publish(agent_status_topic(self._agent), agent_status(self._agent, state, why), retain=True)

    def announce(self) -> None:
        """Tell Home Assistant of the meters, where it is wanted."""
        if not self._home_assistant_prefix:
            return
        for meter in self._meters.values():
            for topic, payload in discovery(self._home_assistant_prefix, self._agent, meter):
                self._broker.publish(topic, payload, retain=True)

    def label(self, meter: Meter) -> str:
        """Return in one word how a meter is: spool_failed, dead, clock_in_doubt, question, unconfigured or ok."""
        if self._spool.error:
            return "spool_failed"
        if meter.failures >= DEAD_AFTER:
            return "dead"
        if meter.held:
            return "clock_in_doubt"
        if meter.outcome is Outcome.CONFIRMED:
            return "question"
        return "unconfigured" if meter.row is None else "ok"

    def of(self, meter: Meter) -> dict[str, Any]:
        """Return what is retained on the meter's status topic: JSON with ints, text and lists of text."""
        kept = self._spool.kept(meter.meter_id)
        question = meter.window.question
        sample = meter.last_sample
        totals = totals_wh(meter.state)
        power_mw = sample.measured.get(("power", 0)) if sample else None
        return {
            "version": 1,
            "agent": self._agent,
            "meter_id": meter.name,
            "state": self.label(meter),
            "serial": sample.serial if sample else meter.state.serial,
            "faults": list(sample.faults) if sample else [],
            "doubts": list(quality_labels(question.flags)) if question else [],
            "last_refusal": meter.last_refusal if meter.failures else "",
            "register_epoch": meter.state.register_epoch,
            "import_wh": totals[0],
            "export_wh": totals[1],
            "power_w": None if power_mw is None else power_mw // 1000,
            "last_interval": meter.state.last_interval,
            "last_measured_interval": meter.state.measured_interval,
            "last_sample_ms": meter.state.sample_ns // 1_000_000,
            "clock_error_ms": sample.clock_error_ms if sample else UNKNOWN_ERROR_MS,
            "backlog": kept.waiting,
            "backlog_oldest_ms": kept.oldest_ms,
            "quarantine": kept.quarantined,
        }
