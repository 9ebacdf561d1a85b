"""A campus worth of meters: who they belong to, what they measure, which family they are.

Decides the default fleet of `up` and `demo` and how it is written as the simulator's configuration. What is enrolled on
the chain, and by whom, is deploy's business; the suggestions here (capacity, owner, zone, agent) are what it takes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from firmware_sim.series import list_series
from firmware_sim.settings import LineSettings, MeterSettings, SimSettings

SLOTS_PER_ZONE: Final = 250  # the ledger's zones hold 256 meters; a few slots stay free for swaps


class FleetMeter(msgspec.Struct, frozen=True, kw_only=True):
    """A meter and what an operator would register about it.

    `zone` counts from 1, `agent` (the edge computer that reads it) from 1. `capacity_w` is what the connection can carry
    either way; `max_wh_interval` the most energy that one quarter hour may show, a fifth above that.
    """

    settings: MeterSettings
    label: str
    owner: str
    zone: int
    agent: int
    capacity_w: int
    max_wh_interval: int


class _Site(NamedTuple):
    label: str
    profile: str
    kind: str
    load: str
    load_w: int
    pv: str
    pv_w: int
    serial: str  # with a place for a running number


# Zones alternate: the first, third, ... site lies in zone 1. Powers are chosen so that on a clear May morning three
# prosumers and the plant feed in while the rest of the campus draws more than they give.
_SITES: Final = (
    _Site("library", "eastron-sdm630", "prosumer", "G2-A", 40_000, "PV1", 60_000, "{:08d}"),
    _Site("canteen", "janitza-umg96rm", "consumer", "G5-A", 45_000, "", 0, "77{:06d}"),
    _Site("lecture-hall", "schneider-iem3155", "consumer", "G1-A", 60_000, "", 0, "16{:06d}"),
    _Site("sports-roof", "abb-b23", "producer", "H0-C", 60, "PV4", 50_000, "31{:06d}"),
    _Site("dormitory-north", "gavazzi-em340", "prosumer", "H0-A", 30_000, "PV5", 20_000, "BY042{:06d}"),
    _Site("dormitory-south", "eastron-sdm120", "prosumer", "H0-G", 6_000, "PV2", 5_000, "{:08d}"),
    _Site("laboratory", "siemens-pac2200", "consumer", "G3-A", 90_000, "", 0, "LQN/2405{:08d}"),
    _Site("offices", "sunspec-203", "prosumer", "G1-B", 25_000, "PV6", 45_000, "SN-{:08d}"),
)


# One owner with a plant and a load in the same zone: what the roof mints, the kitchen's import burns.
_OWNERS: Final = {"sports-roof": "campus-services", "canteen": "campus-services"}


def default_fleet(count: int = 8, base_port: int = 15_020, zones: int = 0, seed: int = 1) -> list[FleetMeter]:
    """Return `count` meters (at least 1), each on a port of its own from base_port on.

    The first eight are of eight families in two zones, five of them feed in at midday. Further ones repeat the eight
    sites with other sizes. `zones` 0 takes as many as needed, at least two; meters go round the zones in turn.
    `seed` 1 is this campus; another one draws the sites' load classes and plants anew, and the size of every meter.
    """
    if count < 1:
        raise ValueError("a fleet has at least one meter")
    zones = zones or max(2, -(-count // SLOTS_PER_ZONE))
    return [_meter(index, base_port + index, 1 + index % zones, seed) for index in range(count)]


def _meter(index: int, port: int, zone: int, seed: int) -> FleetMeter:
    site = _SITES[index % len(_SITES)]
    lap = index // len(_SITES)
    percent = 100 + 7 * (lap * 5 % 11 - 5) if lap else 100  # 65 to 135 % of the pattern site
    if seed != 1:
        site, percent = _drawn(site, seed), random.Random(f"{seed}/{index}").randrange(65, 136)
    settings = MeterSettings(
        serial=site.serial.format(22_050_001 + index if site.serial == "{:08d}" else 1 + index),
        profile=site.profile,
        port=port,
        kind=site.kind,  # type: ignore[arg-type]
        load=site.load,
        load_w=site.load_w * percent // 100,
        pv=site.pv,
        pv_w=site.pv_w * percent // 100,
    )
    suffix = f"-{lap + 1}" if lap else ""
    label = site.label + suffix
    capacity_w = max(settings.load_w, settings.pv_w, 1_000)
    return FleetMeter(
        settings=settings,
        label=label,
        owner=_OWNERS.get(site.label, site.label) + suffix,
        zone=zone,
        agent=1 + (zone - 1) % 2,
        capacity_w=capacity_w,
        max_wh_interval=capacity_w * 12 // 40,
    )


def _drawn(site: _Site, seed: int) -> _Site:
    """The site with another load class of its sort (commerce G, households H) and another plant.

    One draw for all meters of the site: each further proportion of load and plant costs the adding up of a year.
    """
    dice = random.Random(f"{seed}/{site.label}")
    loads = [name for name in list_series() if name[0] == site.load[0]]
    plants = [name for name in list_series() if name.startswith("PV")]
    return site._replace(load=dice.choice(loads), pv=site.pv and dice.choice(plants))


def render_config(settings: SimSettings) -> str:
    """Return the TOML text that `python -m firmware_sim run --config` reads back as the same settings."""
    lines = ["[sim]"]
    for key, value in msgspec.to_builtins(settings, enc_hook=str).items():
        if key not in ("meters", "lines") and value is not None:
            lines.append(f"{key} = {_toml(value)}")
    lines += _tables("lines", settings.lines)
    lines += _tables("meters", settings.meters)
    return "\n".join(lines) + "\n"


def _tables(name: str, rows: Sequence[MeterSettings] | Sequence[LineSettings]) -> list[str]:
    lines: list[str] = []
    for row in rows:
        lines += ["", f"[[sim.{name}]]"]
        defaults = {f.name: f.default for f in msgspec.structs.fields(row)}
        for key, value in msgspec.to_builtins(row).items():
            if value != defaults[key]:
                lines.append(f"{key} = {_toml(value)}")
    return lines


def _toml(value: object) -> str:
    # JSON strings and integers are TOML strings and integers; nothing else occurs in these settings.
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=True)
