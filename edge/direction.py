"""Decides whether a meter that counts a solar roof alone is the wrong way round: it exports in the dark, or draws power as a roof does not.

A roof's inverter draws a few watts at night and nothing else. Pure; the sun's place is `edge.sun`'s.
"""

from __future__ import annotations

from typing import Final

from edge.checks import DARK_DEG, SPIKE_FLOOR_STEPS
from edge.sample import Sample
from edge.sun import elevation_deg
from edge.track import Rules, TrackState
from gridkit.profile import RawCounter

WRONG_WAY: Final = (
    "counts a solar roof, and exports in the dark or draws power: import and export are the wrong way round"
)
LEAST_NS: Final = 300 * 1_000_000_000
STANDBY_SHARE: Final = 50
"""What a roof may draw: a fiftieth of the connection's rating. Inverters and a plant's transformer stay below half a per cent."""
_NS_PER_HOUR: Final = 3600 * 1_000_000_000


def is_wrong_way(state: TrackState, sample: Sample, rules: Rules) -> bool:
    """Return whether what has been counted since the last measured reading cannot be a roof's.

    Args:
        state: With that reading's registers; without one nothing is known yet.
        sample: What the meter shows now.
        rules: `pv_at` says where the roof is; None: not a roof's meter.
    """
    elapsed_ns = sample.read_ns - state.measured_read_ms * 1_000_000
    if rules.pv_at is None or state.measured_interval < 0 or elapsed_ns < LEAST_NS:
        return False
    drawn_wh = _grown_wh(sample.import_raw, state.import_offset_wh, state.measured_import_wh)
    fed_wh = _grown_wh(sample.export_raw, state.export_offset_wh, state.measured_export_wh)
    limit_wh = rules.max_power_w * elapsed_ns // (STANDBY_SHARE * _NS_PER_HOUR)
    if drawn_wh > max(limit_wh, _floor_wh(sample.import_raw)):
        return True
    instants_s = (state.measured_read_ms // 1000, sample.read_ns // 1_000_000_000)
    dark = elapsed_ns < 2 * _NS_PER_HOUR and all(elevation_deg(*rules.pv_at, at_s) < DARK_DEG for at_s in instants_s)
    return dark and fed_wh > _floor_wh(sample.export_raw)


def _grown_wh(counter: RawCounter | None, offset_wh: int, measured_wh: int) -> int:
    return 0 if counter is None else counter.to_wh() + offset_wh - measured_wh


def _floor_wh(counter: RawCounter | None) -> int:
    return SPIKE_FLOOR_STEPS * max(1, int(counter.step_wh) if counter else 1)
