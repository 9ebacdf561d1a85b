"""Carries readings from the broker to the intake and receipts back. It decides flow: batches, acknowledgements, reconnects.

A message is acknowledged (PUBACK) after the store transaction of its batch. Nothing hangs on that acknowledgement: the edge
keeps a reading until it holds the signed receipt. The client is gmqtt behind this file alone (see docs/adr); readings and their
receipts go past its queues of tasks (`Lane`).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import gmqtt
import msgspec

from gridkit.log import get_logger
from gridkit.topics import READINGS_FILTER
from oracle_bridge import packets
from oracle_bridge.intake import Message, Reply
from oracle_bridge.metrics import Metrics
from oracle_bridge.settings import BridgeSettings

log = get_logger("bridge.mqtt")

_SESSION_S = 7 * 86_400
_KEEPALIVE_S = 30
_CONNECT_S = 10.0
_RETRY_S = (0.5, 1.0, 2.0, 5.0)
_BURST = 20
"""Receipts of larger batches go with QoS 0, all in one write: a lost one costs one more copy of its reading, no more."""

# gmqtt logs frames and payloads and warns once a message on a lost connection; what matters is logged here.
logging.getLogger("gmqtt").setLevel(logging.CRITICAL)


class Processor(Protocol):
    """What turns messages into receipts (`intake.Intake`)."""

    def process(self, messages: list[Message]) -> list[Reply | None]: ...


class Arrived(msgspec.Struct, frozen=True):
    """A message that waits for its batch.

    Attributes:
        message: What came.
        packet_id: To be acknowledged with; 0 = the broker wants no acknowledgement.
        connection: Which of the link's connections brought it: another one must not acknowledge it.
        at_s: When it came, monotonic.
    """

    message: Message
    packet_id: int
    connection: int
    at_s: float


class BrokerLink:
    """One connection to the broker, renewed for ever.

    Args:
        config: Broker, credentials, window and batch size.
        intake: Called in one worker thread with a batch at a time.
        metrics: Counters.
        on_connected: Called after each (re)subscription.
    """

    def __init__(
        self,
        config: BridgeSettings,
        intake: Processor,
        metrics: Metrics,
        on_connected: Callable[[], None] = lambda: None,
    ) -> None:
        self._config, self._intake, self._metrics, self._on_connected = config, intake, metrics, on_connected
        self._queue: list[Arrived] = []
        self._wake = asyncio.Event()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="intake")
        self._connection = 0
        self.connected = False

    async def run(self) -> None:
        """Serve until cancelled."""
        client = self._client()
        lane = Lane(client, self._arrived)
        try:
            await self._connect(client)
            await self._serve(client, lane)
        finally:
            self._worker.shutdown(wait=True)
            try:
                await asyncio.wait_for(client.disconnect(), 2.0)
            except (TimeoutError, OSError, AttributeError):
                pass  # It was not connected: gmqtt has no transport to close.

    def _client(self) -> gmqtt.Client:
        config = self._config
        properties = {"session_expiry_interval": _SESSION_S, "receive_maximum": config.window}
        client = gmqtt.Client(
            config.client_id,
            clean_session=False,
            **(properties if config.mqtt_version == gmqtt.constants.MQTTv50 else {}),
        )
        if config.mqtt_username:
            client.set_auth_credentials(config.mqtt_username, config.mqtt_password or None)
        client.set_config({"reconnect_retries": gmqtt.constants.UNLIMITED_RECONNECTS, "reconnect_delay": 1})
        client.on_connect = self._connected_now
        client.on_disconnect = self._disconnected_now
        return client

    async def _connect(self, client: gmqtt.Client) -> None:
        attempt = 0
        tls = _tls(self._config)
        while True:
            try:
                await asyncio.wait_for(self._connect_once(client, tls), _CONNECT_S)
            except (OSError, gmqtt.mqtt.handler.MQTTConnectError, TimeoutError) as error:
                pause_s = _RETRY_S[min(attempt, len(_RETRY_S) - 1)]
                log.warning("broker_unreachable", error=str(error), retry_s=pause_s, setting="mqtt_host, mqtt_port")
                attempt += 1
                await asyncio.sleep(pause_s)
            else:
                return

    async def _connect_once(self, client: gmqtt.Client, tls: ssl.SSLContext | bool) -> None:
        config = self._config
        version = gmqtt.constants.MQTTv50 if config.mqtt_version == 5 else gmqtt.constants.MQTTv311
        await client.connect(config.mqtt_host, config.mqtt_port, ssl=tls, keepalive=_KEEPALIVE_S, version=version)

    def _connected_now(self, client: gmqtt.Client, _flags: int, _code: int, _properties: Any) -> None:
        self._connection += 1
        client.subscribe(READINGS_FILTER, qos=1)
        self.connected = True
        self._metrics.mqtt_connected.set(1)
        log.info("broker_connected", host=self._config.mqtt_host, port=self._config.mqtt_port)
        self._on_connected()

    def _disconnected_now(self, _client: gmqtt.Client, _packet: Any, *_rest: Any) -> None:
        self.connected = False
        self._metrics.mqtt_connected.set(0)
        log.warning("broker_disconnected")

    def _arrived(self, came: packets.Publication) -> None:
        message = Message(came.topic, came.payload)
        self._queue.append(Arrived(message, came.packet_id, self._connection, time.monotonic()))
        self._wake.set()

    async def _serve(self, client: gmqtt.Client, lane: Lane) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            batch, self._queue = self._queue[: self._config.batch_max], self._queue[self._config.batch_max :]
            if not self._queue:
                self._wake.clear()
            messages = [arrived.message for arrived in batch]
            replies = await loop.run_in_executor(self._worker, self._intake.process, messages)
            self._metrics.receipt_s.observe(time.monotonic() - batch[0].at_s)
            said = [reply for reply in replies if reply is not None]
            if len(batch) <= _BURST:
                said = [reply for reply in said if not self._publish(client, reply)]
            mine = [arrived.packet_id for arrived in batch if arrived.connection == self._connection]
            lane.send([packet_id for packet_id in mine if packet_id], said)

    @staticmethod
    def _publish(client: gmqtt.Client, reply: Reply) -> bool:
        """Publish with QoS 1; return False when as many are on their way as the broker admits."""
        try:
            client.publish(reply.topic, reply.payload, qos=1)
        except OverflowError:
            return False
        return True


class Lane:
    """Takes readings from gmqtt's parser and hands it receipts, without the task, two futures and two writes a message that its
    own way costs: more than the signature check of a reading (docs/adr).

    gmqtt has no setting for it, so the entry for PUBLISH in its table of packet handlers is replaced, and what goes out is
    written to its protocol whole. The library is pinned to the minor version, and a test with a real broker holds both.

    Args:
        client: Not connected yet.
        arrived: Called with each publication.
    """

    def __init__(self, client: gmqtt.Client, arrived: Callable[[packets.Publication], None]) -> None:
        self._client, self._arrived = client, arrived
        client._package_handler._handler_cache[packets.PUBLISH] = self._take

    @property
    def _properties(self) -> bool:
        return bool(self._client._connection_state.protocol_version == gmqtt.constants.MQTTv50)

    def _take(self, command: int, body: bytes) -> None:
        try:
            came = packets.parse_publication(command, body, properties=self._properties)
        except packets.MalformedPacketError as error:
            log.error("publication_malformed", error=str(error))
            return
        self._arrived(came)

    def send(self, packet_ids: Sequence[int], replies: Sequence[Reply]) -> None:
        """Acknowledge packets and publish receipts with QoS 0, in one write; both are lost when the connection is."""
        properties = self._properties
        parts = [packets.acknowledgements(packet_ids)]
        parts += [packets.publication(reply.topic, reply.payload, properties=properties) for reply in replies]
        data = b"".join(parts)
        if data and self._client.is_connected:
            self._client._connection._protocol.write_data(data)


def _tls(config: BridgeSettings) -> ssl.SSLContext | bool:
    if not config.mqtt_ca:
        return False
    context = ssl.create_default_context(cafile=config.mqtt_ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.mqtt_cert:
        context.load_cert_chain(config.mqtt_cert, config.mqtt_key or None)
    return context
