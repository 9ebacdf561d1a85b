"""Home Assistant's discovery: what it would refuse is found here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from edge.home_assistant import discovery
from edge.meter import Meter, rules_for
from edge.settings import MeterSettings
from gridkit.enrolment import ConfiguredMeter
from gridkit.profile import list_profiles, load_profile

# What the MQTT integration's own schemas accept: homeassistant/components/mqtt, `schemas.py` (availability, device, origin) and
# `sensor.py` with its common entity options, and the sensor integration's classes and units.
SENSOR = {
    "name", "unique_id", "object_id", "default_entity_id", "state_topic", "value_template", "unit_of_measurement", "device_class",
    "state_class", "options", "entity_category", "expire_after", "force_update", "icon", "enabled_by_default", "qos", "encoding",
    "json_attributes_topic", "json_attributes_template", "last_reset_value_template", "suggested_display_precision",
    "availability", "availability_mode", "availability_topic", "availability_template", "payload_available",
    "payload_not_available", "device", "origin", "entity_picture",
}  # fmt: skip
DEVICE = {
    "identifiers", "connections", "manufacturer", "model", "model_id", "name", "hw_version", "serial_number", "sw_version",
    "via_device", "suggested_area", "configuration_url",
}  # fmt: skip
ORIGIN = {"name", "sw_version", "support_url"}
UNITS = {"energy": {"Wh", "kWh", "MWh", "J", "kJ", "MJ", "GJ"}, "power": {"mW", "W", "kW", "MW"}}
STATE_CLASSES = {"energy": {"total", "total_increasing"}, "power": {"measurement"}, None: {"measurement", None}}
CONFIG_TOPIC = re.compile(r"homeassistant/sensor/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config")


def validate(topic: str, payload: dict[str, Any]) -> None:
    """Fail where Home Assistant would refuse the message."""
    assert CONFIG_TOPIC.fullmatch(topic)
    assert set(payload) <= SENSOR
    assert set(payload["device"]) <= DEVICE
    assert payload["device"]["identifiers"]
    assert all(isinstance(v, str) for k, v in payload["device"].items() if k != "identifiers")
    assert set(payload["origin"]) <= ORIGIN
    assert payload["origin"]["name"]
    for name in ("state_topic", "availability_topic"):
        assert payload[name]
        assert not set(payload[name]) & set("#+\0")
    assert not ("availability" in payload and "availability_topic" in payload)
    kind = payload.get("device_class")
    if kind == "enum":
        assert payload["options"]
        assert "state_class" not in payload
        assert "unit_of_measurement" not in payload
    else:
        assert "options" not in payload
        assert payload.get("state_class") in STATE_CLASSES[kind]
        if kind is not None:
            assert payload["unit_of_measurement"] in UNITS[kind]
    assert payload.get("entity_category") in (None, "diagnostic")
    assert re.fullmatch(r"\{\{ value_json\.[a-z_]+ \}\}", payload["value_template"])


def meter(profile_id: str, name: str = "HOUSE-07") -> Meter:
    profile = load_profile(profile_id)
    settings = MeterSettings(id=name, profile=profile_id, key_file=Path("k"), host="h", serial="22110017")
    return Meter(
        settings, profile, rules_for(settings, profile, speed=1, poll_interval_s=5, clock_limit_ms=1), {}, b"abcd"
    )


@pytest.mark.parametrize("profile_id", list_profiles())
def test_every_message_is_one_that_home_assistant_takes(profile_id: str) -> None:
    """A message with one wrong key is dropped, and the meter is simply not there."""
    m = meter(profile_id)
    assert discovery("homeassistant", "edge-1", m) == []
    m.row = ConfiguredMeter(m.meter_id, 11, 2, 0, 0, 0)
    messages = discovery("homeassistant", "edge-1", m)
    payloads = [json.loads(payload) for _, payload in messages]
    for (topic, _), payload in zip(messages, payloads, strict=True):
        validate(topic, payload)
        assert payload["state_topic"] == "cg/v1/2/11/status"
        assert payload["availability_topic"] == "cg/v1/agent/edge-1/status"
    ids = [payload["unique_id"] for payload in payloads]
    assert len(set(ids)) == len(ids)
    energy = [p for p in payloads if p.get("device_class") == "energy"]
    assert len(energy) == bool(m.profile.energy.import_) + bool(m.profile.energy.export)


def test_an_id_of_any_characters_makes_a_topic() -> None:
    """Meter ids are free text of the campus; a slash in one would be another topic."""
    m = meter("abb-b23", "A/B #1+ü"[:6])
    m.row = ConfiguredMeter(m.meter_id, 11, 2, 0, 0, 0)
    assert all(CONFIG_TOPIC.fullmatch(topic) for topic, _ in discovery("homeassistant", "edge-1", m))
