"""Decides what a swap file of a meter says: its last signed registers, and what the device that is there now shows."""

from __future__ import annotations

import asyncio
from pathlib import Path

from edge.enroll import read_sample
from edge.errors import EnrolError
from edge.keystore import KeyStore
from edge.sample import Sample
from edge.settings import EdgeSettings, MeterSettings
from edge.track import TrackState
from gridkit.enrolment import AgentConfig
from gridkit.swap import Swap, sign_swap, write_swap


def swap(
    settings: EdgeSettings,
    meter: MeterSettings,
    state: TrackState | None,
    config: AgentConfig | None,
    out: Path,
    *,
    reset: bool = False,
) -> Swap:
    """Read the device that is there now, write the signed swap file and return it.

    Args:
        settings, meter: The agent's.
        state: As kept with the last reading.
        config: The signed configuration, which has the register epoch that is to follow.
        out: Where the file goes.
        reset: It is the same device, with its registers set back.

    Raises:
        EnrolError: Nothing was signed yet, the device does not answer, or it is (not) the old one.
        OSError: `out` cannot be written.
    """
    row = None if config is None else config.meter(meter.meter_id)
    if state is None or state.measured_interval < 0 or row is None:
        raise EnrolError(f"meter {meter.id} has no signed reading yet: there is nothing to close")
    key = KeyStore(settings).keys(meter.key_file).get(row.key_epoch)
    if key is None:
        raise EnrolError(f"meter {meter.id} has no key of epoch {row.key_epoch}")
    endpoint = settings.endpoint(meter)
    sample = asyncio.run(read_sample(meter, endpoint, settings.request_timeout_s))
    same = sample.serial == state.serial
    if sample.serial and same != reset:
        remedy = "add --reset if its registers were set back" if same else "leave --reset out: it is another device"
        raise EnrolError(f"the device at {endpoint} unit {meter.unit} says serial {sample.serial!r}; {remedy}")
    made = sign_swap(
        Swap(
            network_tag=settings.network_tag_bytes.hex(),
            meter_id=meter.meter_id.hex(),
            public_key="",
            agent=settings.agent,
            profile=meter.profile,
            register_epoch=state.register_epoch + 1,
            old_serial=state.serial,
            new_serial=sample.serial,
            closing_import_wh=state.measured_import_wh,
            closing_export_wh=state.measured_export_wh,
            closing_read_ms=state.measured_read_ms,
            opening_import_wh=_wh(sample, "import_raw"),
            opening_export_wh=_wh(sample, "export_raw"),
            opening_read_ms=sample.read_ns // 1_000_000,
        ),
        key,
    )
    write_swap(out, made)
    return made


def _wh(sample: Sample, name: str) -> int:
    counter = getattr(sample, name)
    return 0 if counter is None else int(counter.to_wh())
