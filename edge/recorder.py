"""Decides what becomes of a sample: held while nobody vouches for the clock, else judged, signed and kept before it is sent."""

from __future__ import annotations

from collections.abc import Callable

from edge.errors import SigningKeyError, SpoolError, TokenError
from edge.meter import Made, Meter
from edge.metrics import Counters
from edge.sample import Sample
from edge.spool import Row
from edge.spool_thread import SpoolThread
from edge.track import Outcome
from gridkit.clock import Clock
from gridkit.log import get_logger
from gridkit.quality import labels as quality_labels
from gridkit.reading import CORE_SIZE, decode_core

log = get_logger("edge.recorder")


class Recorder:
    """The way of every sample into the spool."""

    def __init__(
        self,
        spool: SpoolThread,
        clock: Clock,
        counters: Counters,
        send: Callable[[Meter, list[Row]], None],
        changed: Callable[[Meter], None],
        *,
        clock_limit_ms: int,
    ) -> None:
        """Nothing is taken yet.

        Args:
            spool: Where readings are kept.
            clock: Campus time.
            counters: Of the agent.
            send: Called with a meter's readings once they are on disk.
            changed: Called when what a meter's status says has changed.
            clock_limit_ms: No interval closes while the clock's error bound is above it.
        """
        self._spool = spool
        self._clock = clock
        self._counters = counters
        self._send = send
        self._changed = changed
        self._clock_limit_ms = clock_limit_ms

    async def take(self, meter: Meter, sample: Sample) -> None:
        """Turn one sample into readings, or hold it while nobody vouches for the clock."""
        if sample.clock_error_ms > self._clock_limit_ms:
            if meter.held == 0:
                log.warning("clock_in_doubt", meter_id=meter.name, clock_error_ms=sample.clock_error_ms)
            meter.hold(sample)
            self._counters.add("campusgrid_edge_clock_holds_total", meter=meter.name)
            return
        if meter.held:
            log.info("clock_trusted_again", meter_id=meter.name, held=meter.held)
            for held in meter.restamped(sample.read_ns, sample.monotonic_ns, sample.clock_error_ms, self._clock.speed):
                if held.clock_error_ms <= self._clock_limit_ms:
                    await self._record(meter, held)
        meter.notice_clock_steps(sample, self._clock.speed)
        await self._record(meter, sample)

    async def _record(self, meter: Meter, sample: Sample) -> None:
        """Where signing or keeping fails the state stays behind: the next sample closes the interval, and its registers hold the energy."""
        async with meter.busy:
            await self._record_alone(meter, sample)

    async def _record_alone(self, meter: Meter, sample: Sample) -> None:
        before = meter.outcome
        made = self._made(meter, sample)
        if made is None:
            return
        # A confirmed question is kept at once: a restart must not find plausible what was doubted while it ran.
        if made.readings or (made.outcome is Outcome.CONFIRMED and before is not Outcome.CONFIRMED):
            try:
                rows = await self._spool.put(meter.meter_id, made.readings, made.state)
            except SpoolError:
                return
            self._tell_readings(meter, rows)
            self._send(meter, rows)
        meter.kept(made)
        if made.outcome is not before:
            self._tell_outcome(meter, made.outcome)

    def _made(self, meter: Meter, sample: Sample) -> Made | None:
        try:
            return meter.make(sample)
        except TokenError as error:
            log.error("token_failed", meter_id=meter.name, error=str(error))
        except SigningKeyError as error:
            log.error("signing_key_missing", meter_id=error.meter_id, key_epoch=error.key_epoch)
        self._counters.add("campusgrid_edge_signing_failures_total", meter=meter.name)
        return None

    def _tell_readings(self, meter: Meter, rows: list[Row]) -> None:
        self._counters.add("campusgrid_edge_readings_total", len(rows), meter=meter.name)
        self._changed(meter)
        for row in rows:
            core = decode_core(row.payload[:CORE_SIZE])
            log.info(
                "reading_made",
                meter_id=meter.name,
                interval=core.interval,
                register_epoch=core.register_epoch,
                import_wh=core.import_wh,
                export_wh=core.export_wh,
                quality=quality_labels(core.quality),
            )

    def _tell_outcome(self, meter: Meter, outcome: Outcome) -> None:
        self._counters.add("campusgrid_edge_outcomes_total", meter=meter.name, outcome=outcome.value)
        if outcome is Outcome.TRUSTED:
            return
        self._changed(meter)
        sample, question = meter.last_sample, meter.state.question
        tell = log.warning if outcome in (Outcome.CONFIRMED, Outcome.NEW_EPOCH) else log.info
        tell(
            "register_event",
            meter_id=meter.name,
            outcome=outcome.value,
            flags=quality_labels(question.flags) if question else (),
            serial=sample.serial if sample else "",
            faults=sample.faults if sample else (),
        )
