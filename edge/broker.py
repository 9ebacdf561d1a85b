"""Decides how the agent talks MQTT: paho in a thread of its own, its events brought into the event loop.

Nothing here needs MQTT 5. A clean session is asked for, because neither the broker's memory nor its acknowledgement counts as storage:
what is kept and sent again is `edge.outbox`'s matter.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.settings import EdgeSettings
from edge.unreachable import HANGS_UP, NOT_SUBSCRIBED, SILENT, Trouble, refused, trouble
from gridkit.log import get_logger

log = get_logger("edge.broker")

INCOMING_LIMIT = 10_000
"""Messages that may wait for the agent; beyond that they are dropped: receipts come again with the resend."""
KEEPALIVE_S = 30
LARGEST_PACKET = 1_048_576
"""What a broker of version 5 is asked to bring at most, bytes: a configuration of ten thousand meters. More would not fit a small computer's
memory; of 3.1.1 nothing can be asked."""
SUBSCRIBE_AGAIN_S = 60.0
"""A subscription that was refused is asked for again after this, wall s: a broker's list may follow the configuration that it serves."""
_KEEP_ALIVE_TIMEOUT = 0x8D


class Connected(NamedTuple):
    """The session is up; subscriptions must be made again."""


class Disconnected(NamedTuple):
    """The session is down; paho goes on trying."""

    why: str


class Incoming(NamedTuple):
    """A message."""

    topic: str
    payload: bytes


class Acknowledged(NamedTuple):
    """The broker has taken (or, with `ok` False, refused) the publication `mid`."""

    mid: int
    ok: bool


Event = Connected | Disconnected | Incoming | Acknowledged


class Broker:
    """The MQTT session. Made and used in the event loop; its thread touches nothing but paho and the event queue."""

    def __init__(self, settings: EdgeSettings, *, will_topic: str, will: bytes) -> None:
        """Prepare a session; `start` opens it.

        Args:
            settings: Host, port, version, TLS files, user.
            will_topic, will: What the broker publishes, retained, when the agent is gone without saying so.
        """
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.connected = False
        self.dropped = 0
        five = settings.mqtt_version == 5
        extra: dict[str, Any] = {} if five else {"clean_session": True}
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"cg-edge-{settings.agent}",
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            **extra,
        )
        self._client.max_inflight_messages_set(max(20, settings.window))
        self._client.reconnect_delay_set(min_delay=1, max_delay=random.randint(20, 40))
        self._client.will_set(will_topic, will, qos=1, retain=True)
        if settings.mqtt_user:
            password = settings.mqtt_password_file.read_text().strip() if settings.mqtt_password_file else None
            self._client.username_pw_set(settings.mqtt_user, password)
        self._context: ssl.SSLContext | None = None
        if settings.mqtt_ca is not None:
            self._context = ssl.create_default_context(cafile=str(settings.mqtt_ca))
            self._context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._load_chain(self._context)
            self._client.tls_set_context(self._context)
        self.trouble: Trouble | None = None
        self._answered = False
        self._sessions = 0
        self._asked: dict[int, list[str]] = {}
        self._missing: set[str] = set()
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish

    def start(self) -> None:
        """Begin to connect, and never stop trying."""
        properties: Any = None
        if self._settings.mqtt_version == 5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = LARGEST_PACKET
        host, port = self._settings.mqtt_host, self._settings.mqtt_port
        self._client.connect_async(host, port, keepalive=KEEPALIVE_S, properties=properties)
        self._client.loop_start()

    async def stop(self) -> None:
        """Say goodbye, so that the will is not published, and end the thread."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def subscribe(self, topics: list[str]) -> None:
        """Ask for messages on these topics, QoS 1."""
        if topics:
            _, mid = self._client.subscribe([(topic, 1) for topic in topics])
            if mid is not None:
                self._asked[mid] = topics

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int | None:
        """Hand over a message, QoS 1.

        Returns:
            Its id, acknowledged later by an event; None when it was not taken.
        """
        if not self.connected:
            return None
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        return info.mid if info.rc in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN) else None

    def _tell(self, event: Event) -> None:
        self._in_loop(self._put, event)

    def _in_loop(self, call: Callable[..., None], *arguments: Any) -> None:
        """From paho's thread."""
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            return  # The loop is closed: the agent is stopping.

    def _put(self, event: Event) -> None:
        if isinstance(event, Incoming) and self.events.qsize() >= INCOMING_LIMIT:
            self.dropped += 1
            return
        if isinstance(event, Connected | Disconnected):
            self.connected = isinstance(event, Connected)
            self._sessions += 1
            self._asked.clear()
            self._missing.clear()
        self.events.put_nowait(event)

    def _load_chain(self, context: ssl.SSLContext) -> None:
        if self._settings.mqtt_cert is not None:
            context.load_cert_chain(self._settings.mqtt_cert, self._settings.mqtt_key)

    def _renew(self) -> None:
        """Before the next attempt, take the files as they are now: who renews them need not start the agent anew."""
        if self._context is None:
            return
        try:
            self._context.load_verify_locations(str(self._settings.mqtt_ca))
            self._load_chain(self._context)
        except OSError as error:  # ssl.SSLError is one
            log.error("certificate_unreadable", error=str(error))

    def _note(self, found: Trouble, said: object) -> None:
        """Remember why there is no session; tell it when it is another reason than before."""
        if found != self.trouble:
            log.warning("mqtt_unreachable", reason=found.label, error=str(said), remedy=found.remedy)
        self.trouble = found

    def _on_connect_fail(self, client: Any, data: Any) -> None:
        """paho calls this while it handles what the attempt has failed of."""
        error = sys.exc_info()[1]
        self._note(trouble(error), error)
        self._renew()

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._answered = True
        if reason.is_failure:
            self._note(refused(reason.value, str(reason)), reason)
        else:
            self.trouble = None
            self._tell(Connected())

    def _on_subscribe(self, client: Any, data: Any, mid: int, reasons: Any, properties: Any) -> None:
        self._in_loop(self._subscribed, mid, [reason.is_failure for reason in reasons])

    def _subscribed(self, mid: int, refusals: list[bool]) -> None:
        for topic, is_refused in zip(self._asked.pop(mid, ()), refusals, strict=False):
            (self._missing.add if is_refused else self._missing.discard)(topic)
        if self._missing:
            self._note(NOT_SUBSCRIBED, ", ".join(sorted(self._missing)))
        elif self.trouble == NOT_SUBSCRIBED:
            self.trouble = None
        if any(refusals):
            self._loop.call_later(SUBSCRIBE_AGAIN_S, self._subscribe_again, self._sessions)

    def _subscribe_again(self, session: int) -> None:
        if session == self._sessions and self._missing:
            self.subscribe(sorted(self._missing))

    def _on_disconnect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure and not self._answered:
            self._note(SILENT if reason.value == _KEEP_ALIVE_TIMEOUT else HANGS_UP, reason)
        self._answered = False
        self._tell(Disconnected(str(reason)))
        self._renew()
        if reason.is_failure:
            # A broker that comes back finds its agents one after another; paho's own back-off has no jitter.
            time.sleep(random.random())

    def _on_message(self, client: Any, data: Any, message: Any) -> None:
        self._tell(Incoming(message.topic, bytes(message.payload)))

    def _on_publish(self, client: Any, data: Any, mid: int, reason: Any, properties: Any) -> None:
        self._tell(Acknowledged(mid, not reason.is_failure))


BrokerFactory = Callable[..., Broker]
