"""Takes readings in: parse, look up the meter, verify, judge, store with the outbox in one transaction, sign the receipt.

A batch is whatever has come in while the last one was being written, so the store commits once for many readings and a
lone reading waits for nobody. Where messages come from and where receipts go is left to `mqtt.py`.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import sqlalchemy as sa
from nacl.signing import SigningKey

from gridkit import reading, receipt
from gridkit.clock import Clock
from gridkit.interval import end_s
from gridkit.log import get_logger
from gridkit.reading import Core, MalformedReadingError, SplitPayload
from gridkit.receipt import Receipt, Verdict
from gridkit.topics import Leaf, MeterTopic, parse_topic, receipt_topic
from oracle_bridge.judge import (
    VERDICTS,
    Accepted,
    Baseline,
    DeviceKey,
    Duplicate,
    History,
    Meter,
    Reason,
    Rejected,
    admit,
    judge,
)
from oracle_bridge.registry import RegistryUnavailableError
from oracle_bridge.store import Known, NewReading

log = get_logger("bridge.intake")

_MIN_PAYLOAD = reading.CORE_SIZE + reading.SIGNATURE_SIZE
_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000


_STRANGERS = frozenset({Reason.WRONG_NETWORK, Reason.UNKNOWN_METER})
"""Refused before the store is asked anything: nobody enrolled has sent it."""
_BY_REGISTRY = frozenset({Reason.WRONG_KEY_EPOCH, Reason.WRONG_REGISTER_EPOCH, Reason.OVER_CAPACITY})
"""Refusals for good that the registry may have made wrong a moment ago: a rotation or a swap is approved, and its first reading is here
before our view of it. A retirement and a revoked key are for ever; a suspended meter's readings stay with the edge."""


_topic = functools.lru_cache(maxsize=16_384)(parse_topic)
"""A meter's topic is parsed once, not for each of its readings."""


class Message(msgspec.Struct, frozen=True):
    """What came from the broker."""

    topic: str
    payload: bytes


class Reply(msgspec.Struct, frozen=True):
    """A signed receipt and where to publish it."""

    topic: str
    payload: bytes


class Meters(Protocol):
    """Where meters are looked up (`registry.MeterCache`)."""

    def meters(self) -> dict[int, Meter]:
        """Return every meter by number; RegistryUnavailableError when too old."""

    def now_s(self) -> float:
        """Return wall time, monotonic seconds."""

    def look_again(self, since_s: float) -> bool:
        """Ask the registry unless it was read since then; return whether what is known now was read since then."""


class Readings(Protocol):
    """Where readings are kept (`store.Store`)."""

    def add(self, rows: Sequence[NewReading]) -> None: ...

    def known(self, meter_number: int, register_epoch: int, interval: int) -> Known | None: ...

    def latest(self, meter_number: int, register_epoch: int) -> int | None: ...

    def nearest(self, meter_number: int, register_epoch: int, interval: int, *, later: bool) -> Baseline | None: ...

    @property
    def withheld_changes(self) -> int: ...


class Counts(Protocol):
    """Where it is counted (`metrics.Metrics`)."""

    def received(self, count: int) -> None: ...

    def stored(self, count: int) -> None: ...

    def duplicate(self) -> None: ...

    def refused(self, reason: Reason) -> None: ...


class _Track(msgspec.Struct):
    """What is known of one (meter, register epoch) without asking the store."""

    latest: int
    baseline: Baseline | None
    dirty: bool = False
    """Holds readings of the batch being judged, which the store does not show yet."""


class _Parsed(msgspec.Struct, frozen=True):
    topic: MeterTopic
    core: Core
    parts: SplitPayload
    payload_sha256: bytes


class Intake:
    """Turns batches of messages into stored readings and receipts. One thread at a time.

    Args:
        store: Where readings are kept.
        meters: The registry.
        clock: Campus time.
        network_tag: 4 bytes.
        receipt_key: Signs receipts.
        counts: Counters.
        on_stored: Called after each commit that stored something to be posted.
    """

    def __init__(
        self,
        store: Readings,
        meters: Meters,
        clock: Clock,
        network_tag: bytes,
        receipt_key: SigningKey,
        counts: Counts,
        on_stored: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._meters, self._clock = store, meters, clock
        self._network_tag, self._receipt_key = network_tag, receipt_key
        self._counts, self._on_stored = counts, on_stored
        self._tracks: dict[tuple[int, int], _Track] = {}
        self._withheld_changes = 0
        self._lock = threading.Lock()

    def process(self, messages: Sequence[Message]) -> list[Reply | None]:
        """Return a receipt for each message, in order; None where nobody could be told.

        When this returns, every reading with a `stored` receipt is on disk.
        """
        with self._lock:
            self._forget_withheld()
            return _Round(self, messages).run()

    def _forget_withheld(self) -> None:
        """Ask the store for the baselines anew once a reading has been withheld: it may have been one."""
        if self._store.withheld_changes != self._withheld_changes:
            self._withheld_changes = self._store.withheld_changes
            self._tracks.clear()


class _Round:
    """One call of `process`: what has been decided so far, and what still waits for its commit."""

    def __init__(self, intake: Intake, messages: Sequence[Message]) -> None:
        self._intake = intake
        self._messages = messages
        self._store, self._tracks, self._counts = intake._store, intake._tracks, intake._counts
        now_ns = intake._clock.now_ns()
        self._now_s, self._now_ms = now_ns // _NS_PER_S, now_ns // _NS_PER_MS
        self._replies: list[Reply | None] = [None] * len(messages)
        self._waiting: list[tuple[int, _Parsed, NewReading]] = []
        self._dirty: list[_Track] = []
        self._looked_again = self._is_fresh = False
        self._meters: dict[int, Meter] | None = None
        self._started_s = intake._meters.now_s()

    def run(self) -> list[Reply | None]:
        try:
            self._meters = self._intake._meters.meters()
        except RegistryUnavailableError as error:
            log.warning("registry_unavailable", error=str(error))
        self._counts.received(len(self._messages))
        for place, message in enumerate(self._messages):
            self._take(place, message)
        self._commit()
        return self._replies

    def _take(self, place: int, message: Message) -> None:
        topic = _topic(message.topic)
        if not isinstance(topic, MeterTopic) or topic.leaf is not Leaf.READING:
            self._counts.refused(Reason.WRONG_TOPIC)
            return
        parsed = self._parse(topic, message.payload)
        if isinstance(parsed, Rejected):
            self._refuse(place, topic, receipt.payload_sha256(message.payload), parsed.reason)
            return
        try:
            self._decide(place, parsed)
        except sa.exc.SQLAlchemyError as error:
            log.error("store_unavailable", error=str(error))
            self._refuse(place, topic, parsed.payload_sha256, Reason.STORE_UNAVAILABLE)

    def _parse(self, topic: MeterTopic, payload: bytes) -> _Parsed | Rejected:
        if len(payload) > reading.MAX_PAYLOAD:
            return Rejected(Reason.OVERSIZED)
        if len(payload) < _MIN_PAYLOAD:
            return Rejected(Reason.TRUNCATED)
        try:
            parts = reading.split_payload(payload)
            core = reading.decode_core(parts.core_bytes)
        except MalformedReadingError:
            return Rejected(Reason.MALFORMED)
        if core.meter_number != topic.meter_number:
            return Rejected(Reason.WRONG_TOPIC)
        return _Parsed(topic, core, parts, receipt.payload_sha256(payload))

    def _decide(self, place: int, parsed: _Parsed) -> None:
        core = parsed.core
        meter, key = self._admit(core)
        if isinstance(key, Rejected) and key.reason in _STRANGERS:
            self._refuse(place, parsed.topic, parsed.payload_sha256, key.reason)
            return
        track = self._track(core)
        same: bytes | None = None
        if core.interval <= track.latest:
            if track.dirty:
                self._commit()  # The store must show what this one is compared with.
                track = self._track(core)
            known = self._store.known(core.meter_number, core.register_epoch, core.interval)
            if known is not None:
                if known.payload_sha256 == parsed.payload_sha256:
                    # Byte for byte what was verified when it was stored: also after the meter's retirement.
                    self._duplicate(place, parsed)
                    return
                same = known.core
        if isinstance(key, Rejected):
            self._refuse_by_registry(place, parsed, key.reason)
            return
        assert meter is not None
        if not reading.verify_core(parsed.parts.core_bytes, parsed.parts.signature, key.key):
            self._refuse(place, parsed.topic, parsed.payload_sha256, Reason.BAD_SIGNATURE)
            return
        if meter.zone != parsed.topic.zone:
            self._refuse(place, parsed.topic, parsed.payload_sha256, Reason.WRONG_TOPIC)
            return
        judgement = judge(core, parsed.parts.core_bytes, meter, self._history(core, track, same), self._now_s)
        if isinstance(judgement, Duplicate):
            self._duplicate(place, parsed)
        elif isinstance(judgement, Rejected):
            if judgement.reason is Reason.FAR_FUTURE:
                ahead_s = end_s(core.interval) - self._now_s
                log.warning("meter_clock_alarm", meter_number=core.meter_number, ahead_s=ahead_s)
            self._refuse_by_registry(place, parsed, judgement.reason)
        else:
            self._accept(place, parsed, meter, key.key, judgement, track)

    def _admit(self, core: Core) -> tuple[Meter | None, DeviceKey | Rejected]:
        if core.network_tag != self._intake._network_tag:
            return None, Rejected(Reason.WRONG_NETWORK)
        if self._meters is None:
            return None, Rejected(Reason.REGISTRY_UNAVAILABLE)
        meter = self._meter(core.meter_number)
        return meter, admit(core, self._intake._network_tag, meter)

    def _meter(self, number: int) -> Meter | None:
        assert self._meters is not None
        if number not in self._meters:
            self._look_again()
        return self._meters.get(number)

    def _look_again(self) -> None:
        """Ask the registry for what has happened before this round began; once a round."""
        if self._looked_again:
            return
        self._looked_again = True
        self._is_fresh = self._intake._meters.look_again(self._started_s)
        with contextlib.suppress(RegistryUnavailableError):
            self._meters = self._intake._meters.meters()

    def _refuse_by_registry(self, place: int, parsed: _Parsed, reason: Reason) -> None:
        """Refuse; but for good only what a registry read since this round began says, else the edge is to send it again."""
        if reason in _BY_REGISTRY and not self._is_fresh:
            if not self._looked_again:
                self._look_again()
                self._decide(place, parsed)
                return
            reason = Reason.REGISTRY_STALE
        self._refuse(place, parsed.topic, parsed.payload_sha256, reason)

    def _track(self, core: Core) -> _Track:
        key = (core.meter_number, core.register_epoch)
        track = self._tracks.get(key)
        if track is None:
            latest = self._store.latest(*key)
            baseline = None if latest is None else self._store.nearest(*key, latest + 1, later=False)
            track = _Track(-1 if latest is None else latest, baseline)
            if latest is not None:
                self._tracks[key] = track  # Only meters that have stored something: strangers must not fill memory.
        return track

    def _history(self, core: Core, track: _Track, same: bytes | None) -> History:
        if core.interval > track.latest:
            return History(before=track.baseline)
        key = (core.meter_number, core.register_epoch, core.interval)
        return History(same, self._store.nearest(*key, later=False), self._store.nearest(*key, later=True))

    def _accept(
        self, place: int, parsed: _Parsed, meter: Meter, device_key: bytes, judgement: Accepted, track: _Track
    ) -> None:
        core = parsed.core
        row = NewReading(
            meter_number=core.meter_number,
            register_epoch=core.register_epoch,
            interval=core.interval,
            key_epoch=core.key_epoch,
            zone=meter.zone,
            slot=meter.slot,
            import_wh=core.import_wh,
            export_wh=core.export_wh,
            quality=core.quality,
            clock_error_ms=core.clock_error_ms,
            received_at_ms=self._now_ms,
            postable=judgement.postable,
            core=parsed.parts.core_bytes,
            signature=parsed.parts.signature,
            device_key=device_key,
            digest=reading.core_digest(parsed.parts.core_bytes, device_key),
            payload_sha256=parsed.payload_sha256,
            detail=parsed.parts.detail_bytes,
        )
        self._waiting.append((place, parsed, row))
        if core.interval > track.latest:
            track.latest = core.interval
        if judgement.postable and (track.baseline is None or core.interval > track.baseline.interval):
            track.baseline = Baseline(core.interval, core.import_wh, core.export_wh)
        track.dirty = True
        self._dirty.append(track)
        self._tracks[core.meter_number, core.register_epoch] = track

    def _commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        rows = [row for _, _, row in waiting]
        try:
            self._store.add(rows)
        except sa.exc.SQLAlchemyError as error:
            log.error("store_unavailable", error=str(error), readings=len(rows))
            self._tracks.clear()
            for place, parsed, _ in waiting:
                self._refuse(place, parsed.topic, parsed.payload_sha256, Reason.STORE_UNAVAILABLE)
            return
        finally:
            for track in self._dirty:
                track.dirty = False
            self._dirty = []
        self._counts.stored(len(rows))
        for place, parsed, _ in waiting:
            self._reply(place, parsed.topic, parsed.payload_sha256, Verdict.STORED)
        if any(row.postable for row in rows):
            self._intake._on_stored()

    def _duplicate(self, place: int, parsed: _Parsed) -> None:
        self._counts.duplicate()
        self._reply(place, parsed.topic, parsed.payload_sha256, Verdict.STORED)

    def _refuse(self, place: int, topic: MeterTopic, payload_sha256: bytes, reason: Reason) -> None:
        self._counts.refused(reason)
        log.info("reading_refused", reason=reason.value, zone=topic.zone, meter_number=topic.meter_number)
        self._reply(place, topic, payload_sha256, VERDICTS[reason])

    def _reply(self, place: int, topic: MeterTopic, payload_sha256: bytes, verdict: Verdict) -> None:
        said = Receipt(self._intake._network_tag, topic.meter_number, payload_sha256, verdict)
        self._replies[place] = Reply(
            receipt_topic(topic.zone, topic.meter_number), receipt.encode_receipt(said, self._intake._receipt_key)
        )
