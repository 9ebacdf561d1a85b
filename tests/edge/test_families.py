"""Every family through the whole of the agent's decisions: registers to signed reading."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from edge.meter import Meter, rules_for
from edge.sample import Sample, poll, read_energy
from edge.settings import MeterSettings
from gridkit.clock import FakeClock
from gridkit.enrolment import ConfiguredMeter
from gridkit.interval import INTERVAL_NS
from gridkit.profile import list_profiles, load_profile
from gridkit.reading import decode_core, decode_detail, split_payload

I0 = 1_980_000
S = 1_000_000_000


def agents_meter(profile_id: str) -> Meter:
    profile = load_profile(profile_id)
    settings = MeterSettings(id="M1", profile=profile_id, key_file=Path("k"), host="h")
    rules = rules_for(settings, profile, speed=1, poll_interval_s=5, clock_limit_ms=5000)
    meter = Meter(settings, profile, rules, {0: SigningKey(bytes(32))}, b"abcd")
    meter.row = ConfiguredMeter(meter.meter_id, 7, 1, 0, 0, 0)
    return meter


@pytest.mark.parametrize("start_wh", [Fraction(2_000), Fraction(1, 10**44), Fraction(123_456_789)])
@pytest.mark.parametrize("profile_id", list_profiles())
async def test_a_meter_of_every_family_closes_its_quarter_hour(
    fake_link: Any, profile_meter: Any, profile_id: str, start_wh: Fraction
) -> None:
    """A float register that stands at zero, as the export of every house without a roof, once could not be sent."""
    meter = agents_meter(profile_id)
    served = fake_link.units[1] = profile_meter(profile_id)
    served.import_wh = start_wh
    served.export_wh = Fraction(0) if "sunspec" not in profile_id else Fraction(1_000)
    clock = FakeClock(error_bound_ms=5)
    payloads = []
    for interval in (I0, I0 + 1):
        clock.set_ns((interval + 1) * INTERVAL_NS + S)
        served.import_wh += 1_000
        energy = await read_energy(fake_link, 1, meter.plan, clock)
        clock.advance_s(4)
        sample = await poll(fake_link, 1, meter.plan, clock, energy=energy)  # type: ignore[arg-type]
        assert isinstance(sample, Sample)
        assert sample.read_ns == (interval + 1) * INTERVAL_NS + S
        made = meter.make(sample)
        payloads += [payload for _, _, payload in made.readings]
        meter.kept(made)
    opening, closing = (decode_core(split_payload(payload).core_bytes) for payload in payloads)
    counted = (closing.import_wh - opening.import_wh) + (closing.export_wh - opening.export_wh)
    assert counted == pytest.approx(1_000 if meter.profile.energy_fields("import") else 0, abs=100)
    assert decode_detail(split_payload(payloads[1]).detail_bytes).version == 1
