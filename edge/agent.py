"""Decides how the parts run together: poll loops (`edge.rounds`), one a link; the outbox; the broker's events; status and metrics.

Polling depends on nothing but the bus and the disk: a broker that is gone, a bridge that does not answer or a chain
that is paused lets the spool grow and nothing else happen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import msgspec

from edge import VERSION
from edge.broker import Acknowledged, Broker, Connected, Disconnected, Incoming
from edge.errors import MetricsPortError, SigningKeyError, SpoolError, TokenError
from edge.guard import Asks, Link
from edge.home_assistant import discovery
from edge.keystore import KeyStore
from edge.meter import Meter, rules_for
from edge.metrics import Counters, Labels, gauge, serve
from edge.notify import notify, watchdog_period_s
from edge.outbox import MeterOutbox, take_turns
from edge.rounds import DEAD_AFTER, MAX_BACK_OFF_S, Rounds
from edge.sample import Sample
from edge.settings import EdgeSettings, Endpoint, MeterSettings
from edge.spool import Row, Spool
from edge.track import Outcome, Rules, totals_wh
from gridkit.clock import UNKNOWN_ERROR_MS, Clock
from gridkit.enrolment import AgentConfig, EnrolmentError, verify_config
from gridkit.log import get_logger
from gridkit.profile import Profile, load_profile
from gridkit.quality import labels as quality_labels
from gridkit.reading import decode_core
from gridkit.receipt import ReceiptError, is_permanent, is_stored, is_transient, verdict_label, verify_receipt
from gridkit.topics import (
    Leaf,
    MeterTopic,
    agent_config_topic,
    agent_status_topic,
    parse_topic,
    reading_topic,
    receipt_topic,
    status_topic,
)

log = get_logger("edge.agent")
T = TypeVar("T")

REFILL_AT = 16
REFILL = 64
"""A meter's rows in memory: at most this many, loaded when fewer than REFILL_AT are left."""

CONFIG_TRIAL_S = 180.0
"""A new configuration under which neither a meter nor the broker has answered by then is rolled back, wall s."""
CONFIG_RETRY_S = 3600.0
"""The same version is not tried again before."""
ROW_BYTES = 2048
"""What a kept reading takes in the file, bytes: payload, indexes and half-filled pages; measured 1.3 kB, rounded up."""
INTERVALS_PER_DAY = 96

LinkFactory = Callable[[Endpoint], Asks]


class Trial:
    """A configuration in use that has yet to prove itself: what to go back to, and what has answered under it.

    Attributes:
        polls_before: Polls answered before it came; -1 when no meter was answering then either.
        asked: Ids of the messages by which the broker is asked.
        taken, refused: Whether the broker has taken one of them, or refused one.
    """

    def __init__(
        self, previous: AgentConfig, config: AgentConfig, data: bytes, began_s: float, polls_before: int
    ) -> None:
        self.previous, self.config, self.data = previous, config, data
        self.began_s, self.polls_before = began_s, polls_before
        self.asked: set[int] = set()
        self.taken = self.refused = False


class Agent:
    """The edge agent of one box."""

    def __init__(
        self,
        settings: EdgeSettings,
        clock: Clock,
        *,
        open_link: LinkFactory | None = None,
        open_broker: Callable[..., Broker] = Broker,
    ) -> None:
        """Open the spool and take up every meter; nothing is connected yet.

        Args:
            settings: As loaded.
            clock: Campus time.
            open_link: Makes a link to an endpoint; a fake in tests.
            open_broker: Makes the MQTT session; a fake in tests.

        Raises:
            SpoolError, ProfileError, KeyFileError: What cannot be opened.
        """
        self.settings = settings
        self.clock = clock
        self._speed = clock.speed
        self.counters = Counters()
        self.spool = Spool(settings.home / "spool.db")
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._open_broker = open_broker
        self._broker: Broker | None = None
        self._publishing: dict[int, bytes] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._receipts: list[tuple[bytes, bytes, int]] = []
        self._receipts_came = asyncio.Event()
        self._turn = 0
        self._status_due: set[bytes] = set()
        self.config: AgentConfig | None = None
        self._trial: Trial | None = None
        self._refused_version = -1
        self._refused_until_s = 0.0
        self.metrics_port = 0
        self._keys = KeyStore(settings)
        self.spool_error = ""
        self.meters: dict[bytes, Meter] = {}
        self.outboxes: dict[bytes, MeterOutbox] = {}
        self._counts: dict[bytes, tuple[int, int, int]] = self.spool.counts()
        self.rounds: dict[Endpoint, Rounds] = {}
        make_link = open_link or self._open_link
        for meter_settings in settings.meters:
            profile = load_profile(meter_settings.profile)
            meter_id = meter_settings.meter_id
            meter = Meter(
                meter_settings,
                profile,
                self._rules(meter_settings, profile),
                self._keys.keys(meter_settings.key_file),
                settings.network_tag_bytes,
                self.spool.state(meter_id),
            )
            self.meters[meter_id] = meter
            self.outboxes[meter_id] = MeterOutbox(
                meter_id, receipt_timeout_s=settings.receipt_timeout_s, retry_s=settings.retry_s
            )
            endpoint = settings.endpoint(meter_settings)
            if endpoint not in self.rounds:
                self.rounds[endpoint] = Rounds(
                    make_link(endpoint),
                    clock,
                    self.counters,
                    self._take,
                    self._meter_changed,
                    poll_interval_s=settings.poll_interval_s,
                )
            self.rounds[endpoint].meters.append(meter)
        self._load_config()

    def _rules(self, meter: MeterSettings, profile: Profile) -> Rules:
        return rules_for(
            meter,
            profile,
            speed=self._speed,
            poll_interval_s=self.settings.poll_interval_s,
            clock_limit_ms=self.settings.clock_error_limit_ms,
            site=self.settings.site,
        )

    def _follow_speed(self) -> None:
        """On a localnet the clock's speed may change while we run; how near a boundary sample must lie follows it."""
        if self.clock.speed == self._speed:
            return
        self._speed = self.clock.speed
        for meter in self.meters.values():
            meter.rules = self._rules(meter.settings, meter.profile)

    def _open_link(self, endpoint: Endpoint) -> Asks:
        return Link(endpoint, timeout_s=self.settings.request_timeout_s)

    def stop(self) -> None:
        """Let every loop end at its next turn, whatever becomes of the cancellation that follows.

        Before Python 3.12 `asyncio.wait_for`, which pymodbus is built on, swallows a cancellation that meets a finished wait; a loop
        would then go on for ever and the process would never end.
        """
        self._stopping = True

    async def run(self) -> None:
        """Work until cancelled, then put everything away in order."""
        status_topic_name = agent_status_topic(self.settings.agent)
        self._broker = self._open_broker(
            self.settings, will_topic=status_topic_name, will=self._agent_status("offline", "lost")
        )
        server: asyncio.Server | None = None
        try:
            if self.settings.metrics_port:
                server = await self._serve_metrics()
            self._broker.start()
            log.info(
                "ready",
                agent=self.settings.agent,
                meters=len(self.meters),
                links=len(self.rounds),
                metrics_port=self.metrics_port,
                backlog=sum(count for count, _, _ in self._counts.values()),
            )
            notify("READY=1")
            async with asyncio.TaskGroup() as tasks:
                for rounds in self.rounds.values():
                    tasks.create_task(self._supervised("poll", partial(self._poll_loop, rounds)))
                tasks.create_task(self._supervised("events", self._event_loop))
                tasks.create_task(self._supervised("receipts", self._receipt_loop))
                tasks.create_task(self._supervised("outbox", self._outbox_loop))
                tasks.create_task(self._supervised("status", self._status_loop))
        finally:
            notify("STOPPING=1")
            await self._put_away(server, status_topic_name)

    async def _serve_metrics(self) -> asyncio.Server:
        host, port = self.settings.metrics_host, self.settings.metrics_port
        try:
            server = await serve(host, port, self.metrics_text, self.is_polling)
        except OSError as error:
            raise MetricsPortError(host, port, error.strerror or str(error)) from error
        self.metrics_port = server.sockets[0].getsockname()[1]
        return server

    async def _put_away(self, server: asyncio.Server | None, status_topic_name: str) -> None:
        if server is not None:
            server.close()
        for rounds in self.rounds.values():
            await rounds.link.close()
        if self._broker is not None:
            self._broker.publish(status_topic_name, self._agent_status("offline", "stopped"), retain=True)
            await self._broker.stop()
        self._disk.shutdown(wait=True)
        self.spool.close()

    async def _supervised(self, name: str, loop: Callable[[], Any]) -> None:
        """Run one loop until the agent stops: a fault in it is logged and counted, and never ends the others or itself."""
        while not self._stopping:
            try:
                await loop()
            except Exception:
                log.exception("loop_failed", loop=name)
                self.counters.add("campusgrid_edge_loop_failures_total", loop=name)
                await asyncio.sleep(1)

    async def _on_disk(self, call: Callable[..., T], *args: Any) -> T:
        """Run a spool call in the spool's own thread: a slow card must not stop the polls."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, call, *args)

    # --- polling ------------------------------------------------------------------------------------------------------

    async def _poll_loop(self, rounds: Rounds) -> None:
        while not self._stopping:
            self._follow_speed()
            await rounds.step()

    def _meter_changed(self, meter: Meter) -> None:
        self._status_due.add(meter.meter_id)

    async def _take(self, meter: Meter, sample: Sample) -> None:
        """Turn one sample into readings, or hold it while nobody vouches for the clock."""
        if sample.clock_error_ms > self.settings.clock_error_limit_ms:
            if meter.held == 0:
                log.warning("clock_in_doubt", meter_id=meter.name, clock_error_ms=sample.clock_error_ms)
            meter.hold(sample)
            self.counters.add("campusgrid_edge_clock_holds_total", meter=meter.name)
            return
        if meter.held:
            log.info("clock_trusted_again", meter_id=meter.name, held=meter.held)
            for held in meter.restamped(sample.read_ns, sample.monotonic_ns, sample.clock_error_ms, self.clock.speed):
                if held.clock_error_ms <= self.settings.clock_error_limit_ms:
                    await self._make(meter, held)
        meter.notice_clock_steps(sample, self.clock.speed)
        await self._make(meter, sample)

    async def _make(self, meter: Meter, sample: Sample) -> None:
        before = meter.outcome
        try:
            made = meter.make(sample)
        except TokenError as error:
            # The state stays behind: once the token signs again, the next sample closes the interval.
            self.counters.add("campusgrid_edge_signing_failures_total", meter=meter.name)
            log.error("token_failed", meter_id=meter.name, error=str(error))
            return
        except SigningKeyError as error:
            self.counters.add("campusgrid_edge_signing_failures_total", meter=meter.name)
            log.error("signing_key_missing", meter_id=error.meter_id, key_epoch=error.key_epoch)
            return
        if made.readings:
            try:
                rows = await self._on_disk(self.spool.put, meter.meter_id, made.readings, made.state)
            except SpoolError as error:
                # The state stays behind: the next sample closes the interval again, and its registers hold the energy.
                await self._spool_failed(error)
                return
            self._spool_works()
            self._queue(meter, rows)
        meter.kept(made)
        if made.outcome is not before:
            self._tell_outcome(meter, made.outcome)

    async def _spool_failed(self, error: SpoolError) -> None:
        """Count and tell it, once; a damaged file is set aside at once, and what it still gives is taken over."""
        self.counters.add("campusgrid_edge_spool_failures_total")
        if not self.spool_error:
            log.error("spool_failed", error=str(error))
            self._status_due.update(self.meters)
        self.spool_error = str(error)
        if error.damaged:
            try:
                await self._on_disk(self.spool.begin_anew)
                self._counts = await self._on_disk(self.spool.counts)
            except SpoolError as still:
                log.error("spool_failed", error=str(still))

    def _spool_works(self) -> None:
        if self.spool_error:
            self.spool_error = ""
            log.info("spool_works_again")
            self._status_due.update(self.meters)

    def _tell_outcome(self, meter: Meter, outcome: Outcome) -> None:
        self.counters.add("campusgrid_edge_outcomes_total", meter=meter.name, outcome=outcome.value)
        if outcome is Outcome.TRUSTED:
            return
        self._status_due.add(meter.meter_id)
        sample, question = meter.last_sample, meter.window.question
        tell = log.warning if outcome in (Outcome.CONFIRMED, Outcome.NEW_EPOCH) else log.info
        tell(
            "register_event",
            meter_id=meter.name,
            outcome=outcome.value,
            flags=quality_labels(question.flags) if question else (),
            serial=sample.serial if sample else "",
            faults=sample.faults if sample else (),
        )

    def _queue(self, meter: Meter, rows: list[Row]) -> None:
        outbox = self.outboxes[meter.meter_id]
        count, oldest_ms, quarantined = self._counts.get(meter.meter_id, (0, 0, 0))
        if count == len(outbox):
            outbox.add(rows)  # Everything older is in memory too; else the refill brings them in their order.
        self._counts[meter.meter_id] = (count + len(rows), oldest_ms or rows[0].made_ms, quarantined)
        self.counters.add("campusgrid_edge_readings_total", len(rows), meter=meter.name)
        self._status_due.add(meter.meter_id)
        for row in rows:
            core = decode_core(row.payload[:47])
            log.info(
                "reading_made",
                meter_id=meter.name,
                interval=core.interval,
                register_epoch=core.register_epoch,
                import_wh=core.import_wh,
                export_wh=core.export_wh,
                quality=quality_labels(core.quality),
            )
        self._wake.set()

    # --- sending ------------------------------------------------------------------------------------------------------

    async def _outbox_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping:
            self._wake.clear()
            await self._refill()
            wait_s = 3600.0
            if self._broker is not None and self._broker.connected:
                ready = [box for key, box in self.outboxes.items() if self.meters[key].row is not None]
                self._turn = (self._turn + 1) % max(1, len(ready))
                sent = take_turns(ready, loop.time(), self.settings.window, self._turn, self._send)
                if sent:
                    self.counters.add("campusgrid_edge_published_total", sent)
                full = sum(box.in_flight for box in ready) >= self.settings.window
                wait_s = min((box.wait_s(loop.time()) for box in ready), default=3600.0)
                # A full window is opened by a receipt or a time-out, not by asking again at once.
                wait_s = max(wait_s, 0.2 if full or not sent else 0.0)
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _refill(self) -> None:
        for meter_id, outbox in self.outboxes.items():
            waiting = self._counts.get(meter_id, (0, 0, 0))[0]
            if len(outbox) < min(REFILL_AT, waiting):
                try:
                    rows = await self._on_disk(self.spool.oldest, meter_id, REFILL, outbox.latest_key)
                except SpoolError as error:
                    await self._spool_failed(error)
                    return
                outbox.add(rows)

    def _send(self, row: Row) -> bool:
        meter = self.meters[row.meter_id]
        if self._broker is None or meter.row is None:
            return False
        number = decode_core(row.payload[:47]).meter_number
        mid = self._broker.publish(reading_topic(meter.row.zone, number), row.payload)
        if mid is None:
            return False
        self._publishing[mid] = row.meter_id + row.sha256
        return True

    def _acknowledged(self, event: Acknowledged) -> None:
        if self._trial is not None and event.mid in self._trial.asked:
            self._trial.taken = self._trial.taken or event.ok
            self._trial.refused = self._trial.refused or not event.ok
        key = self._publishing.pop(event.mid, None)
        if key is None:
            return
        outbox = self.outboxes[key[:16]]
        now_s = asyncio.get_running_loop().time()
        outbox.acknowledged(key[16:], now_s)
        if not event.ok:
            self.counters.add("campusgrid_edge_publish_refused_total")
            outbox.refused_for_now(key[16:], now_s)
        self._wake.set()  # From now on the receipt's time-out counts.

    # --- what the broker brings ---------------------------------------------------------------------------------------

    async def _event_loop(self) -> None:
        broker = self._broker
        if broker is None:
            return
        while True:
            event = await broker.events.get()
            if isinstance(event, Incoming):
                await self._incoming(event)
            elif isinstance(event, Acknowledged):
                self._acknowledged(event)
            elif isinstance(event, Connected):
                log.info("mqtt_connected", host=self.settings.mqtt_host, port=self.settings.mqtt_port)
                broker.subscribe([agent_config_topic(self.settings.agent), *self._receipt_topics()])
                broker.publish(agent_status_topic(self.settings.agent), self._agent_status("online", ""), retain=True)
                self._announce()
                self._status_due.update(self.meters)
                self._wake.set()
            elif isinstance(event, Disconnected):
                self.counters.add("campusgrid_edge_mqtt_disconnects_total")
                log.warning("mqtt_disconnected", why=event.why)

    def _announce(self) -> None:
        """Tell Home Assistant of the meters, where it is wanted."""
        prefix = self.settings.home_assistant_prefix
        if not prefix or self._broker is None:
            return
        for meter in self.meters.values():
            for topic, payload in discovery(prefix, self.settings.agent, meter):
                self._broker.publish(topic, payload, retain=True)

    def _receipt_topics(self) -> list[str]:
        return [receipt_topic(m.row.zone, m.row.number) for m in self.meters.values() if m.row is not None]

    async def _incoming(self, event: Incoming) -> None:
        if event.topic == agent_config_topic(self.settings.agent):
            await self._configure(event.payload)
            return
        topic = parse_topic(event.topic)
        if isinstance(topic, MeterTopic) and topic.leaf is Leaf.RECEIPT:
            self._receipt(topic, event.payload)

    def _receipt(self, topic: MeterTopic, data: bytes) -> None:
        """Believe a receipt only under a pinned key, for a row that waits here, on that meter's own topic."""
        try:
            receipt = verify_receipt(data, self.settings.bridge_key_bytes, self.settings.network_tag_bytes)
        except ReceiptError as error:
            self.counters.add("campusgrid_edge_receipts_refused_total", reason=error.label)
            log.warning("receipt_refused", reason=error.label, error=str(error))
            return
        meter_id = next((k for k, box in self.outboxes.items() if box.knows(receipt.payload_sha256)), None)
        if meter_id is None:
            self.counters.add("campusgrid_edge_receipts_refused_total", reason="unmatched")
            return
        if receipt.meter_number != topic.meter_number:
            self.counters.add("campusgrid_edge_receipts_refused_total", reason="wrong_meter")
            return
        self.counters.add("campusgrid_edge_receipts_total", verdict=verdict_label(receipt.verdict))
        if is_transient(receipt.verdict):
            outbox = self.outboxes[meter_id]
            outbox.refused_for_now(receipt.payload_sha256, asyncio.get_running_loop().time())
            self._wake.set()
            log.info(
                "reading_refused_for_now", meter_id=self.meters[meter_id].name, verdict=verdict_label(receipt.verdict)
            )
            return
        self._receipts.append((meter_id, receipt.payload_sha256, receipt.verdict))
        self._receipts_came.set()

    async def _receipt_loop(self) -> None:
        """Settle receipts in groups: one transaction, one sync of the card, for all that came meanwhile."""
        while True:
            await self._receipts_came.wait()
            await asyncio.sleep(0.02)
            self._receipts_came.clear()
            group, self._receipts = self._receipts, []
            try:
                settled = await self._on_disk(self.spool.settle, [(sha256, verdict) for _, sha256, verdict in group])
            except SpoolError as error:
                await self._spool_failed(error)
                continue  # The rows stay, are sent again and receipted again.
            for row, verdict in settled:
                if is_permanent(verdict):
                    log.error(
                        "reading_quarantined",
                        meter_id=self.meters[row.meter_id].name,
                        interval=row.interval,
                        register_epoch=row.register_epoch,
                        verdict=verdict_label(verdict),
                    )
                elif is_stored(verdict):
                    log.debug("reading_receipted", meter_id=self.meters[row.meter_id].name, interval=row.interval)
            for meter_id, sha256, _ in group:
                self.outboxes[meter_id].settled(sha256)
                self._status_due.add(meter_id)
            self._counts = await self._on_disk(self.spool.counts)
            self._wake.set()

    # --- configuration ------------------------------------------------------------------------------------------------

    def _load_config(self) -> None:
        data = self.spool.config()
        if data is not None:
            config = self._verified(data)
            if config is not None:
                self._apply(config)

    def _verified(self, data: bytes) -> AgentConfig | None:
        try:
            return verify_config(data, bytes.fromhex(self.settings.config_key), self.settings.network_tag_bytes)
        except EnrolmentError as error:
            self.counters.add("campusgrid_edge_config_refused_total", reason=type(error).__name__)
            log.error("config_refused", error=str(error))
            return None

    async def _configure(self, data: bytes) -> None:
        """Take a signed configuration that is newer than the one in use, on trial; it never touches the spool's readings."""
        config = self._verified(data)
        if config is None:
            return
        if self.config is not None and config.version <= self.config.version:
            if config.version < self.config.version:
                self.counters.add("campusgrid_edge_config_refused_total", reason="older")
                log.warning("config_older", version=config.version, kept=self.config.version)
            return
        if self._refused_version == config.version and time.monotonic() < self._refused_until_s:
            self.counters.add("campusgrid_edge_config_refused_total", reason="rolled_back")
            return
        previous = self.config
        self._take_over(config)
        if previous is None:
            await self._on_disk(self.spool.save_config, config.version, data)
            return
        # On disk only once it has proved itself: a kill in between goes back by itself.
        alive = any(meter.failures < DEAD_AFTER for meter in self.meters.values())
        polls = self.counters.value("campusgrid_edge_polls_total") if alive else -1
        self._trial = Trial(previous, config, data, time.monotonic(), polls)
        self._trial.asked = set(filter(None, map(self._publish_status, self.meters.values())))
        # One without a meter of ours has nothing to be refused.
        self._trial.taken = all(meter.row is None for meter in self.meters.values())

    def _take_over(self, config: AgentConfig) -> None:
        """Go on with a configuration: its meters' topics and names."""
        known = set(self._receipt_topics())
        self._apply(config)
        if self._broker is not None and self._broker.connected:
            self._broker.subscribe([topic for topic in self._receipt_topics() if topic not in known])
            self._announce()
        self._status_due.update(self.meters)
        self._wake.set()

    async def _judge_trial(self) -> None:
        """Keep a new configuration once a meter and the broker have answered under it; go back when they do not."""
        trial = self._trial
        if trial is None:
            return
        polled = self.counters.value("campusgrid_edge_polls_total") > trial.polls_before
        if trial.taken and polled:
            self._trial = None
            try:
                await self._on_disk(self.spool.save_config, trial.config.version, trial.data)
            except SpoolError as error:
                await self._spool_failed(
                    error
                )  # It is used all the same, and comes again from the broker after a restart.
            log.info("config_kept", version=trial.config.version)
        elif trial.refused or time.monotonic() - trial.began_s > CONFIG_TRIAL_S:
            self._trial = None
            self._refused_version = trial.config.version
            self._refused_until_s = time.monotonic() + CONFIG_RETRY_S
            self.counters.add("campusgrid_edge_config_rollbacks_total")
            why = "refused by the broker" if trial.refused else "no meter" if trial.taken else "no broker"
            log.error("config_rolled_back", version=trial.config.version, to=trial.previous.version, why=why)
            self._take_over(trial.previous)

    def _apply(self, config: AgentConfig) -> None:
        self.config = config
        for meter_id, meter in self.meters.items():
            meter.row = config.meter(meter_id)
            if meter.row is not None and meter.row.key_epoch not in meter.keys:
                meter.keys = self._keys.keys(meter.settings.key_file)
        numbered = sum(1 for meter in self.meters.values() if meter.row is not None)
        log.info("config_taken", version=config.version, meters=numbered)

    # --- what is seen from outside ------------------------------------------------------------------------------------

    async def _status_loop(self) -> None:
        period_s = watchdog_period_s()
        fed_s = 0.0
        told_s = time.monotonic()
        while True:
            await asyncio.sleep(min(1.0, period_s or 1.0))
            now_s = time.monotonic()
            if period_s is not None and now_s - fed_s >= period_s and self.is_polling():
                notify("WATCHDOG=1")
                fed_s = now_s
            await self._judge_trial()
            if now_s - told_s >= self.settings.status_interval_s:
                told_s = now_s
                self._status_due.update(self.meters)
            if self._broker is None or not self._broker.connected:
                continue
            due, self._status_due = self._status_due, set()
            for meter_id in due:
                self._publish_status(self.meters[meter_id])

    def _publish_status(self, meter: Meter) -> int | None:
        """Retain a meter's status; return the message's id, None when it was not taken."""
        if meter.row is None or self._broker is None:
            return None
        topic = status_topic(meter.row.zone, meter.row.number)
        return self._broker.publish(topic, msgspec.json.encode(self.meter_status(meter)), retain=True)

    def is_polling(self) -> bool:
        """Return whether every poll loop is alive: a poll has ended there not long ago. Feeds /healthz and the watchdog.

        A meter that does not answer is a poll too; a link with dead meters alone is polled when their back-off ends.
        """
        now_s = time.monotonic()
        for rounds in self.rounds.values():
            patience_s = 10 * self.settings.poll_interval_s + 10 * self.settings.request_timeout_s * len(rounds.meters)
            if all(meter.failures >= DEAD_AFTER for meter in rounds.meters):
                patience_s += 1.2 * MAX_BACK_OFF_S
            if now_s - rounds.polled_s >= max(30.0, patience_s):
                return False
        return True

    def _agent_status(self, state: str, why: str) -> bytes:
        return msgspec.json.encode(
            {"version": 1, "agent": self.settings.agent, "agent_version": VERSION, "state": state, "why": why}
        )

    def meter_state_label(self, meter: Meter) -> str:
        """Return in one word how a meter is: spool_failed, dead, clock_in_doubt, question, unconfigured or ok."""
        if self.spool_error:
            return "spool_failed"
        if meter.failures >= DEAD_AFTER:
            return "dead"
        if meter.held:
            return "clock_in_doubt"
        if meter.outcome is Outcome.CONFIRMED:
            return "question"
        return "unconfigured" if meter.row is None else "ok"

    def meter_status(self, meter: Meter) -> dict[str, Any]:
        """Return what is retained on the meter's status topic: JSON with ints, text and lists of text."""
        waiting, oldest_ms, quarantined = self._counts.get(meter.meter_id, (0, 0, 0))
        question = meter.window.question
        sample = meter.last_sample
        totals = totals_wh(meter.state)
        power_mw = sample.measured.get(("power", 0)) if sample else None
        return {
            "version": 1,
            "agent": self.settings.agent,
            "meter_id": meter.name,
            "state": self.meter_state_label(meter),
            "serial": sample.serial if sample else meter.state.serial,
            "faults": list(sample.faults) if sample else [],
            "doubts": list(quality_labels(question.flags)) if question else [],
            "last_refusal": meter.last_refusal if meter.failures else "",
            "register_epoch": meter.state.register_epoch,
            "import_wh": totals[0],
            "export_wh": totals[1],
            "power_w": None if power_mw is None else power_mw // 1000,
            "last_interval": meter.state.last_interval,
            "last_measured_interval": meter.state.measured_interval,
            "last_sample_ms": meter.state.sample_ns // 1_000_000,
            "clock_error_ms": sample.clock_error_ms if sample else UNKNOWN_ERROR_MS,
            "backlog": waiting,
            "backlog_oldest_ms": oldest_ms,
            "quarantine": quarantined,
        }

    def _free_bytes(self) -> int:
        try:
            return self.spool.free_bytes()
        except OSError:
            return 0

    def days_left(self) -> int:
        """Return for how many days without a bridge the card has room."""
        return self._free_bytes() // (ROW_BYTES * INTERVALS_PER_DAY * max(1, len(self.meters)))

    def metrics_text(self) -> str:
        """Return all metrics in Prometheus text form."""
        prefix = "campusgrid_edge_"
        now_ms = time.time_ns() // 1_000_000
        named: dict[bytes, Labels] = {key: (("meter", meter.name),) for key, meter in self.meters.items()}
        per_meter = {key: self._counts.get(key, (0, 0, 0)) for key in named}
        ages = [(named[k], max(0, now_ms - c[1]) // 1000 if c[1] else 0) for k, c in per_meter.items()]
        lines = [
            *self.counters.lines(),
            *gauge(f"{prefix}backlog", [(named[k], c[0]) for k, c in per_meter.items()]),
            *gauge(f"{prefix}backlog_oldest_age_seconds", ages),
            *gauge(f"{prefix}quarantine", [(named[k], c[2]) for k, c in per_meter.items()]),
            *gauge(f"{prefix}meter_dead", [(named[k], int(m.failures >= DEAD_AFTER)) for k, m in self.meters.items()]),
            *gauge(
                f"{prefix}meter_in_question",
                [(named[k], int(m.outcome is Outcome.CONFIRMED)) for k, m in self.meters.items()],
            ),
            *gauge(f"{prefix}last_interval", [(named[k], m.state.last_interval) for k, m in self.meters.items()]),
            *gauge(f"{prefix}samples_held", [(named[k], m.held) for k, m in self.meters.items()]),
            *gauge(f"{prefix}in_flight", [((), sum(box.in_flight for box in self.outboxes.values()))]),
            *gauge(f"{prefix}resends", [((), sum(box.resends for box in self.outboxes.values()))]),
            *gauge(f"{prefix}spool_bytes", [((), self.spool.size_bytes())]),
            *gauge(f"{prefix}spool_failed", [((), int(bool(self.spool_error)))]),
            *gauge(f"{prefix}spool_free_bytes", [((), self._free_bytes())]),
            *gauge(f"{prefix}spool_days_left", [((), self.days_left())]),
            *gauge(f"{prefix}clock_error_ms", [((), self.clock.error_bound_ms())]),
            *gauge(f"{prefix}config_version", [((), self.config.version if self.config else -1)]),
            *gauge(f"{prefix}mqtt_connected", [((), int(self._broker is not None and self._broker.connected))]),
        ]
        return "\n".join(lines) + "\n"
