"""Decides how the parts run together. What is measured flows one way, what the bridge signs for flows back:

    rounds (one a link) ─▶ recorder ─▶ spool ─▶ sender ─▶ broker
                                         ▲                  │
                                         └─── receipts ◀────┘

Polling depends on nothing but the bus and the disk: a broker that is gone, a bridge that does not answer or a chain
that is paused lets the spool grow and nothing else happen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from edge.broker import Acknowledged, Broker, Connected, Disconnected, Event, Incoming
from edge.configuration import Configuration
from edge.errors import MetricsPortError
from edge.gauges import metrics_text
from edge.guard import Asks, Link
from edge.keystore import KeyStore
from edge.meter import Meter, rules_for
from edge.metrics import Counters, serve
from edge.notify import notify, watchdog_period_s
from edge.receipts import Receipts
from edge.recorder import Recorder
from edge.rounds import Rounds
from edge.sender import Sender
from edge.settings import EdgeSettings, Endpoint, MeterSettings
from edge.spool import Spool
from edge.spool_thread import SpoolThread
from edge.status import StatusBoard, agent_status
from edge.track import Rules
from gridkit.clock import Clock
from gridkit.log import get_logger
from gridkit.profile import Profile, load_profile
from gridkit.topics import Leaf, MeterTopic, agent_config_topic, agent_status_topic, parse_topic

log = get_logger("edge.agent")

NEWS_S = 2.0
"""How long a retained configuration is waited for before anything is sent, where a next key lies ready, wall s."""

LinkFactory = Callable[[Endpoint], Asks]


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
        """Open the spool and take up every meter, within a running loop; nothing is connected yet.

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
        self.counters = Counters()
        self.metrics_port = 0
        self._speed = clock.speed
        self._stopping = False
        self._make_link = open_link or self._open_link
        self.spool = Spool(settings.home / "spool.db")
        self.spool_thread = SpoolThread(self.spool, self.counters)
        keys = KeyStore(settings)
        self.meters = {m.meter_id: self._take_up(m, keys) for m in settings.meters}
        self.broker = open_broker(
            settings,
            will_topic=agent_status_topic(settings.agent),
            will=agent_status(settings.agent, "offline", "lost"),
        )
        self.status = StatusBoard(settings, self.meters, self.broker, self.spool_thread, clock)
        self.sender = Sender(settings, self.meters, self.broker, self.spool_thread, self.counters)
        self.receipts = Receipts(
            settings, self.meters, self.sender, self.spool_thread, self.counters, self.status.changed
        )
        self.recorder = Recorder(
            self.spool_thread,
            clock,
            self.counters,
            self.sender.queue,
            self.status.changed,
            clock_limit_ms=settings.clock_error_limit_ms,
        )
        self.rounds: dict[Endpoint, Rounds] = {}
        for meter in self.meters.values():
            self._rounds_of(settings.endpoint(meter.settings)).meters.append(meter)
        self.configuration = Configuration(
            settings,
            self.meters,
            keys,
            self.spool_thread,
            self.counters,
            ask_broker=self.status.publish,
            changed=self._configuration_changed,
            signed_again=self.sender.signed_again,
        )

    def _take_up(self, settings: MeterSettings, keys: KeyStore) -> Meter:
        profile = load_profile(settings.profile)
        return Meter(
            settings,
            profile,
            self._rules(settings, profile),
            keys.keys(settings.key_file),
            self.settings.network_tag_bytes,
            self.spool.state(settings.meter_id),
        )

    def _rounds_of(self, endpoint: Endpoint) -> Rounds:
        if endpoint not in self.rounds:
            self.rounds[endpoint] = Rounds(
                self._make_link(endpoint),
                self.clock,
                self.counters,
                self.recorder.take,
                self.status.changed,
                poll_interval_s=self.settings.poll_interval_s,
            )
        return self.rounds[endpoint]

    def _open_link(self, endpoint: Endpoint) -> Asks:
        return Link(endpoint, timeout_s=self.settings.request_timeout_s)

    def _rules(self, meter: MeterSettings, profile: Profile) -> Rules:
        return rules_for(
            meter,
            profile,
            speed=self._speed,
            poll_interval_s=self.settings.poll_interval_s,
            clock_limit_ms=self.settings.clock_error_limit_ms,
            site=self.settings.site,
        )

    # --- life ---------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until cancelled, then put everything away in order."""
        server: asyncio.Server | None = None
        try:
            if self.settings.metrics_port:
                server = await self._serve_metrics()
            self.broker.start()
            log.info(
                "ready",
                agent=self.settings.agent,
                meters=len(self.meters),
                links=len(self.rounds),
                metrics_port=self.metrics_port,
                backlog=self.spool_thread.backlog,
            )
            notify("READY=1")
            async with asyncio.TaskGroup() as tasks:
                for rounds in self.rounds.values():
                    tasks.create_task(self._repeat("poll", self._poller(rounds)))
                tasks.create_task(self._repeat("events", self.take_event))
                tasks.create_task(self._repeat("receipts", self.receipts.step))
                tasks.create_task(self._repeat("outbox", self.sender.step))
                tasks.create_task(self._repeat("status", self._status_keeper()))
        finally:
            notify("STOPPING=1")
            await self._put_away(server)

    def stop(self) -> None:
        """Let every loop end at its next turn, whatever becomes of the cancellation that follows.

        Before Python 3.12 `asyncio.wait_for`, which pymodbus is built on, swallows a cancellation that meets a finished wait; a loop
        would then go on for ever and the process would never end.
        """
        self._stopping = True

    async def _repeat(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        """Take one step after another until the agent stops: a fault in one is logged and counted, and ends nothing."""
        while not self._stopping:
            try:
                await step()
            except Exception:
                log.exception("loop_failed", loop=name)
                self.counters.add("campusgrid_edge_loop_failures_total", loop=name)
                await asyncio.sleep(1)

    async def _serve_metrics(self) -> asyncio.Server:
        host, port = self.settings.metrics_host, self.settings.metrics_port
        try:
            server = await serve(host, port, self.metrics_text, self.status.page, self.is_polling)
        except OSError as error:
            raise MetricsPortError(host, port, error.strerror or str(error)) from error
        self.metrics_port = server.sockets[0].getsockname()[1]
        return server

    async def _put_away(self, server: asyncio.Server | None) -> None:
        if server is not None:
            server.close()
        for rounds in self.rounds.values():
            await rounds.link.close()
        self.status.publish_agent("offline", "stopped")
        await self.broker.stop()
        self.spool_thread.close()

    # --- the loops' steps ---------------------------------------------------------------------------------------------

    def _poller(self, rounds: Rounds) -> Callable[[], Awaitable[None]]:
        async def step() -> None:
            self._follow_speed()
            await rounds.step()

        return step

    def _follow_speed(self) -> None:
        """On a localnet the clock's speed may change while we run; how near a boundary sample must lie follows it."""
        if self.clock.speed == self._speed:
            return
        self._speed = self.clock.speed
        for meter in self.meters.values():
            meter.rules = self._rules(meter.settings, meter.profile)

    async def take_event(self) -> None:
        """Wait for the next thing that the broker brings, and hand it to whom it concerns."""
        event: Event = await self.broker.events.get()
        if isinstance(event, Incoming):
            await self._incoming(event)
        elif isinstance(event, Acknowledged):
            self.configuration.acknowledged(event.mid, event.ok)
            self.sender.acknowledged(event)
        elif isinstance(event, Connected):
            self._connected()
        elif isinstance(event, Disconnected):
            self.counters.add("campusgrid_edge_mqtt_disconnects_total")
            log.warning("mqtt_disconnected", why=event.why)

    async def _incoming(self, event: Incoming) -> None:
        if event.topic == agent_config_topic(self.settings.agent):
            await self.configuration.take(event.payload)
            self.sender.hold(0)
            return
        topic = parse_topic(event.topic)
        if isinstance(topic, MeterTopic) and topic.leaf is Leaf.RECEIPT:
            self.receipts.take(topic, event.payload)

    def _connected(self) -> None:
        log.info("mqtt_connected", host=self.settings.mqtt_host, port=self.settings.mqtt_port)
        self.broker.subscribe([agent_config_topic(self.settings.agent), *self.configuration.receipt_topics()])
        self.status.publish_agent("online")
        self.status.announce()
        self.status.all_changed()
        if self.configuration.look_for_keys():
            self.sender.hold(NEWS_S)
        self.sender.wake()

    def _configuration_changed(self, new_topics: list[str]) -> None:
        if self.broker.connected:
            self.broker.subscribe(new_topics)
            self.status.announce()
        self.status.all_changed()
        self.sender.wake()

    def _status_keeper(self) -> Callable[[], Awaitable[None]]:
        """Return the step that feeds systemd's watchdog, judges a configuration on trial, and tells what is due."""
        period_s = watchdog_period_s()
        fed_s = 0.0
        told_s = time.monotonic()

        async def step() -> None:
            nonlocal fed_s, told_s
            await asyncio.sleep(min(1.0, period_s or 1.0))
            now_s = time.monotonic()
            if period_s is not None and now_s - fed_s >= period_s and self.is_polling():
                notify("WATCHDOG=1")
                fed_s = now_s
            await self.configuration.judge_trial()
            if now_s - told_s >= self.settings.status_interval_s:
                told_s = now_s
                self.status.all_changed()
            self.status.look()
            self.status.publish_due()

        return step

    # --- what is seen from outside ------------------------------------------------------------------------------------

    def is_polling(self) -> bool:
        """Return whether every poll loop is alive. Feeds /healthz and the watchdog."""
        now_s = time.monotonic()
        return all(rounds.is_alive(now_s, self.settings.request_timeout_s) for rounds in self.rounds.values())

    def metrics_text(self) -> str:
        """Return all metrics in Prometheus text form."""
        return metrics_text(
            self.counters,
            self.meters,
            self.sender.outboxes,
            self.spool_thread,
            self.configuration,
            self.broker,
            self.clock,
            self.status.certificate_days(),
            self.status.authority_days(),
        )
