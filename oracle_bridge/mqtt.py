"""Carries readings from the broker to the intake and receipts back. It decides flow: batches, acknowledgements, reconnects.

A message is acknowledged (PUBACK) after the store transaction of its batch. Nothing hangs on that acknowledgement: the edge
keeps a reading until it holds the signed receipt. The client is gmqtt behind this file alone (see docs/adr).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import gmqtt

from gridkit.log import get_logger
from gridkit.topics import READINGS_FILTER
from oracle_bridge.intake import Message, Reply
from oracle_bridge.metrics import Metrics
from oracle_bridge.settings import BridgeSettings

log = get_logger("bridge.mqtt")

_SESSION_S = 7 * 86_400
_KEEPALIVE_S = 30
_CONNECT_S = 10.0
_RETRY_S = (0.5, 1.0, 2.0, 5.0)
_SUCCESS = 0
_BURST = 20
"""Receipts of larger batches go with QoS 0 (half the work): a lost one costs one more copy of its reading, no more."""

# gmqtt logs frames and payloads and warns once a message on a lost connection; what matters is logged here.
logging.getLogger("gmqtt").setLevel(logging.CRITICAL)


class Processor(Protocol):
    """What turns messages into receipts (`intake.Intake`)."""

    def process(self, messages: list[Message]) -> list[Reply | None]: ...


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
        self._queue: list[tuple[Message, asyncio.Future[int], float]] = []
        self._wake = asyncio.Event()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="intake")
        self._outgoing: Outgoing | None = None
        self.connected = False

    async def run(self) -> None:
        """Serve until cancelled."""
        client = self._client()
        try:
            await self._connect(client)
            await self._serve(client)
        finally:
            self._worker.shutdown(wait=True)
            if self._outgoing is not None:
                self._outgoing.end()
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
            optimistic_acknowledgement=False,
            **(properties if config.mqtt_version == gmqtt.constants.MQTTv50 else {}),
        )
        if config.mqtt_username:
            client.set_auth_credentials(config.mqtt_username, config.mqtt_password or None)
        client.set_config({"reconnect_retries": gmqtt.constants.UNLIMITED_RECONNECTS, "reconnect_delay": 1})
        client.on_connect = self._connected_now
        client.on_disconnect = self._disconnected_now
        client.on_message = self._message
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
        self._outgoing = Outgoing.of(client)
        client.subscribe(READINGS_FILTER, qos=1)
        self.connected = True
        self._metrics.mqtt_connected.set(1)
        log.info("broker_connected", host=self._config.mqtt_host, port=self._config.mqtt_port)
        self._on_connected()

    def _disconnected_now(self, _client: gmqtt.Client, _packet: Any, *_rest: Any) -> None:
        self.connected = False
        self._metrics.mqtt_connected.set(0)
        log.warning("broker_disconnected")

    async def _message(self, _client: Any, topic: str, payload: bytes, _qos: int, _properties: Any) -> int:
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.append((Message(topic, bytes(payload)), done, time.monotonic()))
        self._wake.set()
        return await done

    async def _serve(self, client: gmqtt.Client) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            batch, self._queue = self._queue[: self._config.batch_max], self._queue[self._config.batch_max :]
            if not self._queue:
                self._wake.clear()
            messages = [message for message, _, _ in batch]
            replies = await loop.run_in_executor(self._worker, self._intake.process, messages)
            now_s = time.monotonic()
            qos = 1 if len(batch) <= _BURST else 0
            self._metrics.receipt_s.observe(now_s - batch[0][2])
            for (_, done, _), reply in zip(batch, replies, strict=True):
                if reply is not None:
                    self._publish(client, reply, qos)
                if not done.done():
                    done.set_result(_SUCCESS)

    def _publish(self, client: gmqtt.Client, reply: Reply, qos: int) -> None:
        try:
            client.publish(reply.topic, reply.payload, qos=qos)
        except OverflowError:
            client.publish(reply.topic, reply.payload, qos=0)  # As many are on their way as the broker admits.


class Outgoing:
    """Joins what gmqtt writes within one turn of the event loop into one write.

    gmqtt hands every packet to the socket by itself: two system calls a reading (acknowledgement and receipt), which were
    more than a third of what the connection cost. It has no setting for it, so its protocol's one writing method is
    replaced on the instance; where a later version has none, everything works as before, only dearer.
    """

    def __init__(self, protocol: Any) -> None:
        self._protocol, self._write = protocol, protocol.write_data
        self._packets: list[bytes] = []
        protocol.write_data = self.write

    @classmethod
    def of(cls, client: Any) -> Outgoing | None:
        """Return the joiner of a client's present connection, None when its insides are not as expected."""
        protocol = getattr(getattr(client, "_connection", None), "_protocol", None)
        return cls(protocol) if callable(getattr(protocol, "write_data", None)) else None

    def write(self, packet: bytes) -> None:
        """Keep a packet for the end of this turn of the loop."""
        if not self._packets:
            asyncio.get_running_loop().call_soon(self.flush)
        self._packets.append(packet)

    def flush(self) -> None:
        """Write what has gathered, in order."""
        packets, self._packets = self._packets, []
        if packets:
            self._write(b"".join(packets))

    def end(self) -> None:
        """Write what has gathered, and everything from now on at once."""
        self.flush()
        self._protocol.write_data = self._write


def _tls(config: BridgeSettings) -> ssl.SSLContext | bool:
    if not config.mqtt_ca:
        return False
    context = ssl.create_default_context(cafile=config.mqtt_ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.mqtt_cert:
        context.load_cert_chain(config.mqtt_cert, config.mqtt_key or None)
    return context
