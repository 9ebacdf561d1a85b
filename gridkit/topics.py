"""Decides the MQTT topic names; who may publish where is the broker's ACL, which is generated from these.

cg/v1/<zone>/<meter number>/reading | receipt | status
cg/v1/agent/<agent>/config | status
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

PREFIX = "cg/v1"
READINGS_FILTER = "cg/v1/+/+/reading"
"""What the bridge subscribes to."""
RECEIPTS_FILTER = "cg/v1/+/+/receipt"
METER_STATUS_FILTER = "cg/v1/+/+/status"
AGENT_STATUS_FILTER = "cg/v1/agent/+/status"

_AGENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)


class Leaf(StrEnum):
    """The last word of a topic."""

    READING = "reading"
    RECEIPT = "receipt"
    STATUS = "status"
    CONFIG = "config"


class MeterTopic(NamedTuple):
    """A topic of one meter: zone u16, meter number u32 ≥1, and reading, receipt or status."""

    zone: int
    meter_number: int
    leaf: Leaf


class AgentTopic(NamedTuple):
    """A topic of one agent: its id, and config or status."""

    agent: str
    leaf: Leaf


def reading_topic(zone: int, meter_number: int) -> str:
    """Return where a meter's agent publishes its readings."""
    return f"{PREFIX}/{zone}/{meter_number}/reading"


def receipt_topic(zone: int, meter_number: int) -> str:
    """Return where the bridge publishes receipts for a meter."""
    return f"{PREFIX}/{zone}/{meter_number}/receipt"


def status_topic(zone: int, meter_number: int) -> str:
    """Return where an agent publishes a meter's state, retained JSON."""
    return f"{PREFIX}/{zone}/{meter_number}/status"


def agent_config_topic(agent: str) -> str:
    """Return where an agent's signed configuration is retained.

    Raises:
        ValueError: Not an agent id.
    """
    return f"{PREFIX}/agent/{check_agent(agent)}/config"


def agent_status_topic(agent: str) -> str:
    """Return where an agent says online or offline (its last will), retained JSON.

    Raises:
        ValueError: Not an agent id.
    """
    return f"{PREFIX}/agent/{check_agent(agent)}/status"


def check_agent(agent: str) -> str:
    """Return an agent id that can stand in a topic and a certificate's CN: 1 to 64 of letters, digits, '.', '_', '-'.

    Raises:
        ValueError: It is not one.
    """
    if _AGENT.fullmatch(agent) is None:
        raise ValueError(f"agent id {agent!r} is not 1 to 64 letters, digits, '.', '_' or '-'")
    return agent


def parse_topic(topic: str) -> MeterTopic | AgentTopic | None:
    """Return what a topic names, None when it is not one of ours (a number out of range included)."""
    parts = topic.split("/")
    if len(parts) != 5 or parts[0] != "cg" or parts[1] != "v1":
        return None
    try:
        leaf = Leaf(parts[4])
    except ValueError:
        return None
    if parts[2] == "agent":
        known = _AGENT.fullmatch(parts[3]) is not None and leaf in (Leaf.CONFIG, Leaf.STATUS)
        return AgentTopic(parts[3], leaf) if known else None
    if leaf is Leaf.CONFIG or not (_NUMBER.fullmatch(parts[2]) and _NUMBER.fullmatch(parts[3])):
        return None
    zone, meter_number = int(parts[2]), int(parts[3])
    if zone > 0xFFFF or not 1 <= meter_number <= 0xFFFF_FFFF:
        return None
    return MeterTopic(zone, meter_number, leaf)
