"""Decides how the parts run together: poll loops, one a link; the outbox; the broker's events; status and metrics.

Polling depends on nothing but the bus and the disk: a broker that is gone, a bridge that does not answer or a chain
that is paused lets the spool grow and nothing else happen.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import msgspec

from edge import VERSION
from edge.broker import Acknowledged, Broker, Connected, Disconnected, Incoming
from edge.errors import MetricsPortError, SigningKeyError, SpoolError
from edge.guard import Asks, Link
from edge.meter import Meter, load_keys, rules_for
from edge.metrics import Counters, Labels, gauge, serve
from edge.notify import notify, watchdog_period_s
from edge.outbox import MeterOutbox, take_turns
from edge.sample import PollRefused, Sample, poll
from edge.settings import EdgeSettings, MeterSettings
from edge.spool import Row, Spool
from edge.track import Outcome, Rules
from gridkit.clock import UNKNOWN_ERROR_MS, Clock
from gridkit.enrolment import AgentConfig, EnrolmentError, verify_config
from gridkit.interval import end_ns, interval_at_ns
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

DEAD_AFTER = 3
"""Rounds in a row without answer after which a meter is quarantined on its link."""
MAX_BACK_OFF_ROUNDS = 12
MAX_BACK_OFF_S = 300.0
REFILL_AT = 16
REFILL = 64
"""A meter's rows in memory: at most this many, loaded when fewer than REFILL_AT are left."""
BOUNDARY_GUARD_S = 2.0
"""At most this long before a quarter hour a link is kept free for the boundary poll, wall s."""

LinkFactory = Callable[[str, int, str], Asks]


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
            open_link: Makes a link from host, port and framing; a fake in tests.
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
        self._polled_s = time.monotonic()
        self._status_due: set[bytes] = set()
        self.config: AgentConfig | None = None
        self.metrics_port = 0
        self.meters: dict[bytes, Meter] = {}
        self.outboxes: dict[bytes, MeterOutbox] = {}
        self._counts: dict[bytes, tuple[int, int, int]] = self.spool.counts()
        self._links: dict[tuple[str, int], tuple[Asks, list[Meter]]] = {}
        make_link = open_link or self._open_link
        for meter_settings in settings.meters:
            profile = load_profile(meter_settings.profile)
            meter_id = meter_settings.meter_id
            meter = Meter(
                meter_settings,
                profile,
                self._rules(meter_settings, profile),
                load_keys(meter_settings.key_file),
                settings.network_tag_bytes,
                self.spool.state(meter_id),
            )
            self.meters[meter_id] = meter
            self.outboxes[meter_id] = MeterOutbox(
                meter_id, receipt_timeout_s=settings.receipt_timeout_s, retry_s=settings.retry_s
            )
            address = (meter_settings.host, meter_settings.port)
            if address not in self._links:
                self._links[address] = (make_link(*address, meter_settings.framing), [])
            self._links[address][1].append(meter)
        self._load_config()

    def _rules(self, meter: MeterSettings, profile: Profile) -> Rules:
        return rules_for(
            meter,
            profile,
            speed=self._speed,
            poll_interval_s=self.settings.poll_interval_s,
            clock_limit_ms=self.settings.clock_error_limit_ms,
        )

    def _follow_speed(self) -> None:
        """On a localnet the clock's speed may change while we run; how near a boundary sample must lie follows it."""
        if self.clock.speed == self._speed:
            return
        self._speed = self.clock.speed
        for meter in self.meters.values():
            meter.rules = self._rules(meter.settings, meter.profile)

    def _open_link(self, host: str, port: int, framing: str) -> Asks:
        return Link(host, port, framing=framing, timeout_s=self.settings.request_timeout_s)

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
                links=len(self._links),
                metrics_port=self.metrics_port,
                backlog=sum(count for count, _, _ in self._counts.values()),
            )
            notify("READY=1")
            async with asyncio.TaskGroup() as tasks:
                for link, meters in self._links.values():
                    tasks.create_task(self._supervised("poll", partial(self._poll_loop, link, meters)))
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
        for link, _ in self._links.values():
            await link.close()
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

    async def _poll_loop(self, link: Asks, meters: list[Meter]) -> None:
        loop = asyncio.get_running_loop()
        next_round_s = loop.time()
        round_s = 0.1
        while not self._stopping:
            now_ns = self.clock.now_ns()
            boundary_ns = end_ns(interval_at_ns(now_ns))
            to_boundary_s = (boundary_ns - now_ns) / self.clock.speed / 1e9
            wait_s = next_round_s - loop.time()
            at_boundary = to_boundary_s <= max(wait_s, min(BOUNDARY_GUARD_S, 1.5 * round_s))
            if at_boundary:
                # A clock that stands still never gets there: the bound keeps the meters polled meanwhile.
                limit_s = 2 * to_boundary_s + self.settings.poll_interval_s
                try:
                    async with asyncio.timeout(limit_s):
                        await self.clock.sleep_until_ns(boundary_ns)
                except TimeoutError:
                    at_boundary = False
            elif wait_s > 0:
                await asyncio.sleep(wait_s)
            self._follow_speed()
            started_s = loop.time()
            await self._round(link, meters, at_boundary)
            round_s = (round_s + loop.time() - started_s) / 2
            next_round_s = max(started_s + self.settings.poll_interval_s, loop.time())
            self._polled_s = time.monotonic()

    async def _round(self, link: Asks, meters: list[Meter], at_boundary: bool) -> None:
        """Ask every meter of a link once: the answering ones first; a dead one on a shared link has to wait its turn."""
        loop = asyncio.get_running_loop()
        again: list[Meter] = []
        for meter in sorted(meters, key=lambda m: m.failures >= DEAD_AFTER):
            dead = meter.failures >= DEAD_AFTER
            alone_at_boundary = at_boundary and len(meters) == 1
            if dead and not alone_at_boundary and (loop.time() < meter.next_try_s or self._boundary_is_near()):
                continue
            answered = await self._poll(link, meter)
            if not answered and at_boundary and not dead:
                again.append(meter)
            await self._take_held_or_reread(link, meter)
        for meter in again:
            await self._poll(link, meter)

    def _boundary_is_near(self) -> bool:
        """Return whether a time-out now could cost another meter of the link its boundary sample."""
        now_ns = self.clock.now_ns()
        left_s = (end_ns(interval_at_ns(now_ns)) - now_ns) / self.clock.speed / 1e9
        return left_s < 3 * self.settings.request_timeout_s

    async def _take_held_or_reread(self, link: Asks, meter: Meter) -> None:
        """A doubtful value is read again at once: most glitches are over by then."""
        if meter.outcome is Outcome.QUESTION and meter.failures == 0:
            await self._poll(link, meter)

    async def _poll(self, link: Asks, meter: Meter) -> bool:
        result = await poll(link, meter.settings.unit, meter.plan, self.clock)
        if isinstance(result, PollRefused):
            self._refused(meter, result)
            return False
        if meter.failures >= DEAD_AFTER:
            log.info("meter_back", meter_id=meter.name, after_rounds=meter.failures)
            self._status_due.add(meter.meter_id)
        meter.failures = 0
        self.counters.add("campusgrid_edge_polls_total", meter=meter.name)
        await self._take(meter, result)
        return True

    def _refused(self, meter: Meter, refused: PollRefused) -> None:
        self.counters.add("campusgrid_edge_poll_refused_total", meter=meter.name, reason=refused.reason)
        meter.failures += 1
        meter.last_refusal = refused.reason
        if meter.failures < DEAD_AFTER:
            return
        rounds = min(MAX_BACK_OFF_ROUNDS, 1 << min(10, meter.failures - DEAD_AFTER))
        back_off_s = min(MAX_BACK_OFF_S, rounds * self.settings.poll_interval_s) * random.uniform(0.8, 1.2)
        meter.next_try_s = asyncio.get_running_loop().time() + back_off_s
        if meter.failures == DEAD_AFTER:
            log.warning("meter_dead", meter_id=meter.name, reason=refused.reason, code=refused.code)
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
        except SigningKeyError as error:
            self.counters.add("campusgrid_edge_signing_failures_total", meter=meter.name)
            log.error("signing_key_missing", meter_id=error.meter_id, key_epoch=error.key_epoch)
            return
        if made.readings:
            try:
                rows = await self._on_disk(self.spool.put, meter.meter_id, made.readings, made.state)
            except SpoolError as error:
                # The state stays behind: the next sample closes the interval again, and its registers hold the energy.
                self.counters.add("campusgrid_edge_spool_failures_total")
                log.error("spool_failed", meter_id=meter.name, error=str(error))
                return
            self._queue(meter, rows)
        meter.kept(made)
        if made.outcome is not before:
            self._tell_outcome(meter, made.outcome)

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
                rows = await self._on_disk(self.spool.oldest, meter_id, REFILL, outbox.latest_key)
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
                self._status_due.update(self.meters)
                self._wake.set()
            elif isinstance(event, Disconnected):
                self.counters.add("campusgrid_edge_mqtt_disconnects_total")
                log.warning("mqtt_disconnected", why=event.why)

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
                self.counters.add("campusgrid_edge_spool_failures_total")
                log.error("spool_failed", error=str(error))
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
        """Take over a signed configuration that is newer than the one kept; it never touches the spool's readings."""
        config = self._verified(data)
        if config is None:
            return
        if self.config is not None and config.version <= self.config.version:
            if config.version < self.config.version:
                self.counters.add("campusgrid_edge_config_refused_total", reason="older")
                log.warning("config_older", version=config.version, kept=self.config.version)
            return
        await self._on_disk(self.spool.save_config, config.version, data)
        known = set(self._receipt_topics())
        self._apply(config)
        if self._broker is not None and self._broker.connected:
            self._broker.subscribe([topic for topic in self._receipt_topics() if topic not in known])
        self._status_due.update(self.meters)
        self._wake.set()

    def _apply(self, config: AgentConfig) -> None:
        self.config = config
        for meter_id, meter in self.meters.items():
            meter.row = config.meter(meter_id)
            if meter.row is not None and meter.row.key_epoch not in meter.keys:
                meter.keys = load_keys(meter.settings.key_file)
        numbered = sum(1 for meter in self.meters.values() if meter.row is not None)
        log.info("config_taken", version=config.version, meters=numbered)

    # --- what is seen from outside ------------------------------------------------------------------------------------

    async def _status_loop(self) -> None:
        period_s = watchdog_period_s()
        fed_s = 0.0
        while True:
            await asyncio.sleep(min(1.0, period_s or 1.0))
            now_s = time.monotonic()
            if period_s is not None and now_s - fed_s >= period_s and self.is_polling():
                notify("WATCHDOG=1")
                fed_s = now_s
            if self._broker is None or not self._broker.connected:
                continue
            due, self._status_due = self._status_due, set()
            for meter_id in due:
                meter = self.meters[meter_id]
                if meter.row is not None:
                    topic = status_topic(meter.row.zone, meter.row.number)
                    self._broker.publish(topic, msgspec.json.encode(self.meter_status(meter)), retain=True)

    def is_polling(self) -> bool:
        """Return whether the poll loops are alive: a round has ended not long ago. Feeds /healthz and the watchdog."""
        patience_s = 10 * self.settings.poll_interval_s + 10 * self.settings.request_timeout_s * len(self.meters)
        return not self.meters or time.monotonic() - self._polled_s < max(30.0, patience_s)

    def _agent_status(self, state: str, why: str) -> bytes:
        return msgspec.json.encode(
            {"version": 1, "agent": self.settings.agent, "agent_version": VERSION, "state": state, "why": why}
        )

    def meter_state_label(self, meter: Meter) -> str:
        """Return in one word how a meter is: dead, clock_in_doubt, question, unconfigured or ok."""
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
            "last_interval": meter.state.last_interval,
            "last_measured_interval": meter.state.measured_interval,
            "last_sample_ms": meter.state.sample_ns // 1_000_000,
            "clock_error_ms": sample.clock_error_ms if sample else UNKNOWN_ERROR_MS,
            "backlog": waiting,
            "backlog_oldest_ms": oldest_ms,
            "quarantine": quarantined,
        }

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
            *gauge(f"{prefix}clock_error_ms", [((), self.clock.error_bound_ms())]),
            *gauge(f"{prefix}config_version", [((), self.config.version if self.config else -1)]),
            *gauge(f"{prefix}mqtt_connected", [((), int(self._broker is not None and self._broker.connected))]),
        ]
        return "\n".join(lines) + "\n"
