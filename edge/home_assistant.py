"""Decides how Home Assistant finds the meters: one retained discovery message an entity, on values that are published anyway.

Nothing of the path to the chain depends on it; an empty prefix turns it off.
Source: Home Assistant, MQTT integration, "MQTT Discovery" and "MQTT Sensor".
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from edge import VERSION
from edge.meter import Meter
from gridkit.topics import agent_status_topic, status_topic

_AVAILABLE = "{{ 'online' if value_json.state == 'online' else 'offline' }}"
_STATES = ("ok", "unconfigured", "question", "clock_in_doubt", "dead", "spool_failed")


class _Entity(NamedTuple):
    key: str
    name: str
    more: dict[str, Any]


def _energy(key: str, name: str) -> _Entity:
    return _Entity(
        key, name, {"device_class": "energy", "state_class": "total_increasing", "unit_of_measurement": "Wh"}
    )


_ENTITIES = (
    _energy("import_wh", "Import"),
    _energy("export_wh", "Export"),
    _Entity("power_w", "Power", {"device_class": "power", "state_class": "measurement", "unit_of_measurement": "W"}),
    _Entity("state", "State", {"device_class": "enum", "options": list(_STATES), "entity_category": "diagnostic"}),
    _Entity("backlog", "Readings waiting", {"state_class": "measurement", "entity_category": "diagnostic"}),
)


def discovery(prefix: str, agent: str, meter: Meter) -> list[tuple[str, bytes]]:
    """Return (topic, JSON) of a meter's entities, to be retained; empty before the meter has its number.

    Args:
        prefix: Home Assistant's discovery prefix, usually "homeassistant".
        agent: Id of the agent.
        meter: Its number and zone name the status topic that the values are taken from.
    """
    if meter.row is None:
        return []
    profile = meter.profile
    # Topic and object ids may hold letters, digits, _ and - alone; the id on the wire does not change with the number.
    node = re.sub(r"[^A-Za-z0-9_-]", "_", f"campusgrid_{meter.name}")
    device = {
        "identifiers": [node],
        "name": meter.name,
        "manufacturer": profile.vendor,
        "model": profile.model,
        "sw_version": VERSION,
    }
    serial = meter.expected_serial
    if serial:
        device["serial_number"] = serial
    messages = []
    for entity in _ENTITIES:
        shown = {"import_wh": profile.energy.import_, "export_wh": profile.energy.export}
        if not shown.get(entity.key, True) or (entity.key == "power_w" and entity.key not in profile.fields):
            continue
        payload = {
            "name": entity.name,
            "unique_id": f"{node}_{entity.key}",
            "state_topic": status_topic(meter.row.zone, meter.row.number),
            "value_template": f"{{{{ value_json.{entity.key} }}}}",
            "availability_topic": agent_status_topic(agent),
            "availability_template": _AVAILABLE,
            "device": device,
            "origin": {"name": "campusgrid", "sw_version": VERSION},
            **entity.more,
        }
        messages.append((f"{prefix}/sensor/{node}/{entity.key}/config", msgspec.json.encode(payload)))
    return messages
