"""A month of campus time in one process: what the readings say and what the meter counted are the same, to the watt-hour."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

from nacl.signing import SigningKey

from edge.meter import Meter, rules_for
from edge.sample import Sample
from edge.settings import MeterSettings
from edge.track import TrackState
from gridkit.enrolment import ConfiguredMeter
from gridkit.profile import RawCounter, load_profile
from gridkit.quality import NO_POST_MASK, Quality
from gridkit.reading import Core, decode_core, decode_detail, split_payload

S = 1_000_000_000
DAY_S = 86_400
START_S = 20_625 * DAY_S
DAYS = 30
POLL_S = 60
PROFILE = "eastron-sdm630"
WRAP_WH = 1_000_000_000


class Device:
    """A prosumer's meter: counts true energy in mWh, shows tenths of a Wh and wraps as its family does."""

    def __init__(self, serial: str, import_wh: int) -> None:
        self.serial = serial
        self.import_mwh, self.export_mwh = import_wh * 1000, 0

    def carry(self, power_w: int, seconds: int) -> None:
        """Let energy flow."""
        mwh = abs(power_w) * seconds * 1000 // 3600
        if power_w >= 0:
            self.import_mwh += mwh
        else:
            self.export_mwh += mwh

    def shown(self, mwh: int) -> RawCounter:
        return RawCounter(mwh // 100 % (WRAP_WH * 10), 1, 10, 1, 10)


class Month:
    """The agent's side: polls, restarts, keeps what a spool keeps."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.state = TrackState()
        self.register_epoch = 0
        self.readings: list[tuple[Core, bytes]] = []
        self.meter = self.start()

    def start(self) -> Meter:
        """Begin where the kept state left off."""
        profile = load_profile(PROFILE)
        settings = MeterSettings(id="M1", profile=PROFILE, key_file=Path("k"), host="h", max_power_w=30_000)
        rules = rules_for(settings, profile, speed=1, poll_interval_s=POLL_S, clock_limit_ms=5000)
        meter = Meter(settings, profile, rules, {0: SigningKey(bytes(32))}, b"abcd", self.state)
        meter.row = ConfiguredMeter(meter.meter_id, 7, 1, 0, 0, self.register_epoch)
        return meter

    def poll(self, at_s: int) -> None:
        """One sample."""
        device = self.device
        sample = Sample(
            at_s * S,
            at_s * S,
            20,
            device.shown(device.import_mwh),
            device.shown(device.export_mwh),
            device.serial,
            (),
            {},
        )
        made = self.meter.make(sample)
        if made.readings:
            self.state = made.state
        self.readings += [(decode_core(payload[:47]), payload) for _, _, payload in made.readings]
        self.meter.kept(made)


def test_a_months_intervals_sum_to_the_registers_difference_exactly() -> None:
    """Outages, restarts, a wrap and a replaced meter included: nothing lost, nothing invented, day by day."""
    rng = random.Random(11)
    month = Month(Device("A1", WRAP_WH - 40_000))
    true_wh: dict[int, tuple[int, int]] = {}
    dead_until_s, power_w = 0, 4_000
    for step in range(DAYS * DAY_S // POLL_S):
        at_s = START_S + step * POLL_S
        month.device.carry(power_w, POLL_S)
        if step % 15 == 0:
            power_w = rng.randrange(-12_000, 12_000) if 6 <= at_s % DAY_S // 3600 < 18 else rng.randrange(0, 6_000)
        if rng.random() < 1 / 2_000:
            dead_until_s = at_s + rng.randrange(60, 6 * 3600)
        if step == 20 * DAY_S // POLL_S:
            month.device = Device("B2", 17)
        if step == 20 * DAY_S // POLL_S + 90:
            month.register_epoch = 1
            assert month.meter.row is not None
            month.meter.row = ConfiguredMeter(month.meter.meter_id, 7, 1, 0, 0, 1)
        if rng.random() < 1 / 3_000:
            month.meter = month.start()
        if at_s >= dead_until_s:
            if at_s % 900 == 0:
                true_wh[at_s // 900 - 1] = (month.device.import_mwh // 1000, month.device.export_mwh // 1000)
            month.poll(at_s)

    posted = [(core, payload) for core, payload in month.readings if core.quality & NO_POST_MASK == 0]
    assert len({(c.register_epoch, c.interval) for c, _ in month.readings}) == len(month.readings)
    for core, _ in posted:
        # Every signed register is the one that the meter had counted to at that quarter hour, unwrapped.
        assert (core.import_wh, core.export_wh) == true_wh[core.interval], core
    for epoch, serial in ((0, "A1"), (1, "B2")):
        of_epoch = [(c, decode_detail(split_payload(p).detail_bytes)) for c, p in posted if c.register_epoch == epoch]
        for (earlier, _), (_, detail) in itertools.pairwise(of_epoch):
            assert detail.opening_interval == earlier.interval
            assert (detail.opening_import_wh, detail.opening_export_wh) == (earlier.import_wh, earlier.export_wh)
        assert {detail.meter_serial for _, detail in of_epoch} == {serial}
        first, last = of_epoch[0][0], of_epoch[-1][0]
        by_day: dict[int, list[int]] = {}
        for core, detail in of_epoch[1:]:
            day = by_day.setdefault(core.interval // 96, [0, 0])
            day[0] += core.import_wh - detail.opening_import_wh
            day[1] += core.export_wh - detail.opening_export_wh
        assert sum(day[0] for day in by_day.values()) == last.import_wh - first.import_wh
        assert sum(day[1] for day in by_day.values()) == last.export_wh - first.export_wh
    assert any(core.quality & Quality.WRAP for core, _ in posted)
    assert any(core.quality & Quality.CATCH_UP for core, _ in posted)
    assert any(core.quality & Quality.SWAP for core, _ in posted)
    assert len(posted) > 2_500
