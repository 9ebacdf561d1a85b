"""Decides what an agent says of itself and its meters over MQTT: retained status, and Home Assistant's discovery."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from edge import VERSION
from edge.broker import Broker
from edge.certificate import CertificateError, authority_days_left, days_left
from edge.diagnosis import Box, Diary
from edge.home_assistant import discovery
from edge.meter import Meter
from edge.rounds import DEAD_AFTER
from edge.settings import EdgeSettings
from edge.spool_thread import SpoolThread
from edge.track import totals_wh
from gridkit.agent_status import Trouble
from gridkit.clock import UNKNOWN_ERROR_MS, Clock
from gridkit.log import get_logger
from gridkit.quality import labels as quality_labels
from gridkit.topics import agent_status_topic, status_topic

log = get_logger("edge.status")

LOOK_EVERY_S = 600.0
"""How often the certificates' files, and the card (room, and whether a damaged spool lies there), are looked at, wall s."""


def agent_status(agent: str, state: str, why: str) -> bytes:
    """Return what is retained on the agent's status topic: JSON; `state` is "online" or "offline"."""
    return msgspec.json.encode({"version": 1, "agent": agent, "agent_version": VERSION, "state": state, "why": why})


class _DaysLeft:
    """For how many days a certificate's file is good; looked at again now and then."""

    def __init__(self, path: Path | None, days: Callable[[Path, float], int]) -> None:
        """`path` is None where there is no such file; `days` reads it, given UTC epoch s."""
        self._path, self._read = path, days
        self._days: int | None = None
        self._read_s = 0.0

    def __call__(self) -> int | None:
        """Return the days; None without a file, -1 where it cannot be read."""
        if self._path is None:
            return None
        now_s = time.monotonic()
        if self._days is None or now_s - self._read_s >= LOOK_EVERY_S:
            self._read_s = now_s
            try:
                self._days = self._read(self._path, time.time())
            except (CertificateError, OSError) as error:
                self._days = -1
                log.error("certificate_unreadable", error=str(error))
        return self._days


class StatusBoard:
    """The status of all meters: which is due to be told, and what it says."""

    def __init__(
        self, settings: EdgeSettings, meters: Mapping[bytes, Meter], broker: Broker, spool: SpoolThread, clock: Clock
    ) -> None:
        """Nothing is due yet."""
        self.certificate_days = _DaysLeft(settings.mqtt_cert, days_left)
        self.authority_days = _DaysLeft(settings.mqtt_ca, authority_days_left)
        self._home = settings.home
        self._damaged: str | None = None
        self._room_days = 0
        self._looked_s = 0.0
        self._clock = clock
        self._diary = Diary()
        self._told: dict[bytes, set[str]] = {}
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

    def _card(self) -> tuple[str, int]:
        """Return the name of a damaged spool that was set aside, and for how many days there is room."""
        now_s = time.monotonic()
        if self._damaged is None or now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now_s
            aside = sorted(self._home.glob("spool.db.damaged-*"))
            self._damaged = aside[0].name if aside else ""
            self._room_days = self._spool.days_left(len(self._meters))
        return self._damaged, self._room_days

    def diagnoses(self, meter: Meter) -> list[Trouble]:
        """Return what is wrong with a meter now, the gravest first."""
        kept = self._spool.kept(meter.meter_id)
        box = Box(
            self._spool.error, self._broker.connected, self.certificate_days(), *self._card(), self.authority_days()
        )
        now_ms, now_s = self._clock.now_ns() // 1_000_000, asyncio.get_running_loop().time()
        return self._diary.of(meter, box, kept.waiting, kept.quarantined, now_ms, now_s, speed=self._clock.speed)

    def look(self) -> None:
        """Log every trouble that has begun and every one that is over."""
        for meter in self._meters.values():
            found = {diagnosis.code: diagnosis for diagnosis in self.diagnoses(meter)}
            told = self._told.get(meter.meter_id, set())
            for code in found.keys() - told:
                trouble = found[code]
                log.warning(
                    "trouble",
                    meter_id=meter.name,
                    code=code,
                    since_ms=trouble.since_ms,
                    why=trouble.why,
                    remedy=trouble.remedy,
                )
            for code in told - found.keys():
                log.info("trouble_over", meter_id=meter.name, code=code)
            if told != found.keys():
                self._told[meter.meter_id] = set(found)
                self.changed(meter)

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
        if meter.is_in_question:
            return "question"
        return "unconfigured" if meter.row is None else "ok"

    def page(self) -> str:
        """Return what the agent says of itself and all its meters, JSON: `gridkit.agent_status` reads it."""
        now_ms = self._clock.now_ns() // 1_000_000
        meters = [self.of(meter) for meter in self._meters.values()]
        return msgspec.json.encode({"version": 1, "agent": self._agent, "now_ms": now_ms, "meters": meters}).decode()

    def of(self, meter: Meter) -> dict[str, Any]:
        """Return what is retained on the meter's status topic: JSON with ints, text and lists of text."""
        kept = self._spool.kept(meter.meter_id)
        question = meter.state.question
        sample = meter.last_sample
        totals = totals_wh(meter.state)
        power_mw = sample.measured.get(("power", 0)) if sample else None
        return {
            "version": 1,
            "agent": self._agent,
            "meter_id": meter.name,
            "state": self.label(meter),
            "serial": sample.serial if sample else meter.state.serial,
            "expected_serial": meter.expected_serial,
            "diagnosis": [msgspec.structs.asdict(diagnosis) for diagnosis in self.diagnoses(meter)],
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
