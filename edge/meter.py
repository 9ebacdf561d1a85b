"""Decides what one meter's agent does with a sample: holds it while the clock is in doubt, else makes signed readings.

It owns the meter's state, keys and the row of the signed configuration; bus, spool and broker are the agent's.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from edge import VERSION
from edge.checks import FAILED, PASSED, Check, checks
from edge.direction import WRONG_WAY, is_wrong_way
from edge.errors import SigningKeyError
from edge.sample import PollPlan, Sample
from edge.settings import MeterSettings
from edge.track import CONFIRM_SAMPLES, Draft, Outcome, Rules, TrackState, Window, take
from edge.turns import FIRST_COST_S
from gridkit.clock import UNKNOWN_ERROR_MS
from gridkit.enrolment import ConfiguredMeter, format_meter_id
from gridkit.interval import BOUNDARY_TOLERANCE_S
from gridkit.profile import Profile
from gridkit.quality import Quality
from gridkit.reading import CheckResult, Core, Detail, detail_hash, encode_core, encode_detail, sign_reading

NS = 1_000_000_000
MAX_HELD = 512
"""Samples held while the clock is in doubt, their registers alone; when full every second one is let go."""
DRIFT_PPM = 500
"""Most that a computer's free-running clock is off. Source: adjtimex(2), the kernel's own limit for a tick's error."""
STEP_NS = 2 * NS
"""A clock that moved against CLOCK_MONOTONIC by more than this between two samples was set."""
PASSES = 4
"""Quarter hours in a row that must pass a check before its failure is over: it takes load to be seen, and comes and goes near its limit."""


class Made(NamedTuple):
    """What came of a sample: readings to keep as (register epoch, interval, payload), state after them, outcome."""

    readings: list[tuple[int, int, bytes]]
    state: TrackState
    outcome: Outcome


def boundary_tolerance_ns(speed: int) -> int:
    """Return how far a boundary sample may lie from the quarter hour: 10 campus s, or 1 wall s on a fast clock.

    Never more than a third of the interval, beyond which a sample would fit two boundaries.
    """
    return min(300 * NS, max(BOUNDARY_TOLERANCE_S * NS, speed * NS))


def rules_for(
    meter: MeterSettings,
    profile: Profile,
    *,
    speed: int,
    poll_interval_s: float,
    clock_limit_ms: int,
    site: tuple[float, float] | None = None,
) -> Rules:
    """Return a meter's rules from its profile, its rating and the clock's speed."""
    power = profile.fields.get("power_w")
    return Rules(
        wrap_import_wh=profile.wrap_wh("import"),
        wrap_export_wh=profile.wrap_wh("export"),
        max_power_w=meter.max_power_w,
        tolerance_ns=boundary_tolerance_ns(speed),
        coverage_gap_ns=max(300 * NS, int(3 * poll_interval_s * speed * NS)),
        clock_limit_ms=clock_limit_ms,
        power_signed=power is not None and not power.type.startswith("u"),
        pv_at=site if meter.pv else None,
    )


def key_epoch_of(row: ConfiguredMeter, interval: int) -> int:
    """Return which key signs an interval: from `first_interval` on the current one, before it the one before."""
    return row.key_epoch if interval >= row.first_interval or row.key_epoch == 0 else row.key_epoch - 1


class Meter:
    """One meter as its agent knows it."""

    def __init__(
        self,
        settings: MeterSettings,
        profile: Profile,
        rules: Rules,
        keys: Mapping[int, Any],
        network_tag: bytes,
        state: TrackState | None = None,
    ) -> None:
        """Take up a meter where its kept state left it; None: it was never seen."""
        self.settings = settings
        self.profile = profile
        self.rules = rules
        self.keys = keys
        self.meter_id = settings.meter_id
        self.name = format_meter_id(self.meter_id)
        self.plan = PollPlan(profile)
        self.row: ConfiguredMeter | None = None
        self.busy = asyncio.Lock()
        """Held from a sample to its reading on disk, and while readings are signed again."""
        self.state = state or TrackState()
        self.window = Window()
        self.window.reset(self.state.sample_ns)
        self.outcome: Outcome | None = None
        self.failures = 0
        self.next_try_s = 0.0
        self.cost_s = FIRST_COST_S
        self.last_refusal = ""
        self.last_sample: Sample | None = None
        self.doubted_sample: Sample | None = None
        """The latest one that showed what a confirmed question is about."""
        self.failed_checks: dict[int, int] = {}
        """Check that has failed in this register epoch and is not over → quarter hours in a row that have passed it since."""
        self._wrong_way_epoch = -1
        self._network_tag = network_tag
        self._held: list[Sample] = []
        self._previous: tuple[int, int] | None = None

    @property
    def held(self) -> int:
        """Samples held back because nobody vouches for the clock."""
        return len(self._held)

    @property
    def expected_serial(self) -> str:
        """The serial that must answer; "" as long as none is known."""
        return self.state.serial or self.settings.serial

    @property
    def is_in_question(self) -> bool:
        """Whether a confirmed question is open: until its end has been seen for long enough, whatever single samples say."""
        return self.state.question is not None and self.state.question.samples >= CONFIRM_SAMPLES

    def hold(self, sample: Sample) -> None:
        """Keep a sample whose instant is known on the monotonic clock alone."""
        if len(self._held) >= MAX_HELD:
            del self._held[::2]
        self._held.append(sample._replace(measured={}))

    def restamped(self, now_ns: int, monotonic_ns: int, clock_error_ms: int, speed: int) -> list[Sample]:
        """Return the held samples with the instants that a clock now trusted gives them, oldest first; none stay held.

        Their error bound grows by what a free-running clock may have drifted since.
        """
        result = []
        for sample in self._held:
            age_ns = monotonic_ns - sample.monotonic_ns
            error_ms = min(UNKNOWN_ERROR_MS, clock_error_ms + age_ns * DRIFT_PPM // 1_000_000 // 1_000_000 + 1)
            result.append(sample._replace(read_ns=now_ns - age_ns * speed, clock_error_ms=error_ms))
        if result:
            self.state = msgspec.structs.replace(self.state, flags=self.state.flags | Quality.CLOCK_ADJUSTED)
        self._held.clear()
        self._previous = None
        return result

    def notice_clock_steps(self, sample: Sample, speed: int) -> None:
        """Mark the next reading when the clock was set between two samples; only UTC is ever set."""
        previous, self._previous = self._previous, (sample.read_ns, sample.monotonic_ns)
        if previous is None or speed != 1:
            return
        stepped_ns = (sample.read_ns - previous[0]) - (sample.monotonic_ns - previous[1])
        if abs(stepped_ns) > STEP_NS:
            self.state = msgspec.structs.replace(self.state, flags=self.state.flags | Quality.CLOCK_ADJUSTED)

    def make(self, sample: Sample) -> Made:
        """Judge a sample and sign what it closes. The state is not taken over: `kept` does that, once it is on disk.

        Raises:
            SigningKeyError: The key of the epoch that must sign is not here.
        """
        if self._is_wrong_way(sample):
            if self.row is None or self.row.register_epoch <= self.state.register_epoch:
                sample = sample._replace(faults=(*sample.faults, WRONG_WAY))
            else:
                # Turned round and approved: nothing that was counted the wrong way is in the new epoch.
                known = self.expected_serial
                self.state = TrackState(
                    register_epoch=self.row.register_epoch,
                    serial=sample.serial,
                    last_interval=self.state.last_interval,
                    core_hash=self.state.core_hash,
                    flags=Quality.SWAP if known and sample.serial != known else Quality.RESET,
                )
                self.window.reset(0)
        taken = take(
            self.state,
            self.window,
            sample,
            self.rules,
            expected_serial=self.settings.serial,
            approved_epoch=None if self.row is None else self.row.register_epoch,
        )
        self.last_sample = sample
        state = taken.state
        readings = []
        for draft in taken.drafts:
            core_bytes, payload = self._sign(draft, sample, state.core_hash)
            readings.append((draft.register_epoch, draft.interval, payload))
            state = msgspec.structs.replace(state, core_hash=hashlib.sha256(core_bytes).digest())
        return Made(readings, state, taken.outcome)

    def _is_wrong_way(self, sample: Sample) -> bool:
        """Return whether the meter was seen to be the wrong way round in this register epoch."""
        if self._wrong_way_epoch != self.state.register_epoch and is_wrong_way(self.state, sample, self.rules):
            self._wrong_way_epoch = self.state.register_epoch
        return self._wrong_way_epoch == self.state.register_epoch

    def kept(self, made: Made) -> None:
        """Go on from there: what was made is on disk, or nothing was."""
        self.state = made.state
        self.outcome = made.outcome
        if made.outcome is Outcome.CONFIRMED:
            self.doubted_sample = self.last_sample
        if made.readings:
            self.window.reset(self.state.sample_ns)

    def _note_checks(self, results: tuple[CheckResult, ...], opens: bool) -> None:
        """Remember which checks have failed. One that could not run says nothing, but counters that move stand still no longer."""
        if opens:
            self.failed_checks.clear()
        for result in results:
            if result.result == FAILED:
                self.failed_checks[result.check] = 0
            elif result.result == PASSED and result.check in self.failed_checks:
                self.failed_checks[result.check] += 1
                if self.failed_checks[result.check] >= (1 if result.check == Check.STANDSTILL else PASSES):
                    del self.failed_checks[result.check]

    def _sign(self, draft: Draft, sample: Sample, previous_core_hash: bytes) -> tuple[bytes, bytes]:
        row = self.row
        if row is None:
            raise RuntimeError("a draft is made for configured meters only")
        key_epoch = key_epoch_of(row, draft.interval)
        key = self.keys.get(key_epoch)
        if key is None:
            raise SigningKeyError(self.name, key_epoch)
        results = checks(draft, self.window, self.rules)
        # Across a clock that was set, power times time is no energy.
        if not draft.quality & Quality.CLOCK_ADJUSTED:
            self._note_checks(results, draft.opens)
        detail_bytes = encode_detail(
            Detail(
                version=1,
                meter_serial=sample.serial,
                profile_id=self.profile.id,
                profile_hash=self.profile.sha256[:8],
                agent_version=VERSION,
                opening_interval=draft.opening_interval,
                opening_import_wh=draft.opening_import_wh,
                opening_export_wh=draft.opening_export_wh,
                opening_read_ms=draft.opening_read_ms,
                closing_read_ms=draft.closing_read_ms,
                sample_count=self.window.count,
                frequency_mhz=self.window.spread("frequency", 0),
                phases=self.window.phases(),
                checks=results,
                previous_core_hash=previous_core_hash,
                raw_import=draft.raw_import,
                raw_export=draft.raw_export,
                longest_gap_ms=self.window.longest_gap_ns // 1_000_000,
            )
        )
        core = Core(
            network_tag=self._network_tag,
            meter_number=row.number,
            key_epoch=key_epoch,
            register_epoch=draft.register_epoch,
            interval=draft.interval,
            import_wh=draft.import_wh,
            export_wh=draft.export_wh,
            quality=int(draft.quality),
            clock_error_ms=draft.clock_error_ms,
            detail_hash=detail_hash(detail_bytes),
        )
        return encode_core(core), sign_reading(key, core, detail_bytes)
