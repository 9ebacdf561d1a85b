"""Decides when readings go to the broker: those in memory by `edge.outbox`'s turns, refilled from the spool as they leave."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from edge.broker import Acknowledged, Broker
from edge.errors import SpoolError
from edge.meter import Meter
from edge.metrics import Counters
from edge.outbox import MeterOutbox, take_turns
from edge.settings import EdgeSettings
from edge.spool import Row
from edge.spool_thread import SpoolThread
from gridkit.reading import CORE_SIZE, decode_core
from gridkit.topics import reading_topic

REFILL_AT = 16
REFILL = 64
"""A meter's rows in memory: at most this many, loaded when fewer than REFILL_AT are left."""
IDLE_S = 3600.0
"""How long is waited when nothing is to be sent; whatever comes wakes the loop."""
PAUSE_S = 0.2
"""Least wait after a turn that sent nothing or has filled the window, wall s."""


class Sender:
    """The readings under way to the bridge, of all meters."""

    def __init__(
        self,
        settings: EdgeSettings,
        meters: Mapping[bytes, Meter],
        broker: Broker,
        spool: SpoolThread,
        counters: Counters,
    ) -> None:
        """Nothing is in memory yet; the first turn loads what the spool holds."""
        self.outboxes = {
            meter_id: MeterOutbox(meter_id, receipt_timeout_s=settings.receipt_timeout_s, retry_s=settings.retry_s)
            for meter_id in meters
        }
        self._meters = meters
        self._window = settings.window
        self._broker = broker
        self._spool = spool
        self._counters = counters
        self._wake = asyncio.Event()
        self._turn = 0
        self._not_before_s = 0.0
        self._publishing: dict[int, tuple[bytes, bytes]] = {}

    def wake(self) -> None:
        """Look again what is to be sent."""
        self._wake.set()

    def queue(self, meter: Meter, rows: list[Row]) -> None:
        """Take up readings that have just been kept."""
        outbox = self.outboxes[meter.meter_id]
        if self._spool.kept(meter.meter_id).waiting == len(outbox) + len(rows):
            outbox.add(rows)  # Everything older is in memory too; else the refill brings them in their order.
        self.wake()

    def signed_again(self, meter: Meter) -> None:
        """Let go what is in memory of a meter: the spool has other payloads in its place."""
        self.outboxes[meter.meter_id].clear()
        self.wake()

    def hold(self, seconds: float) -> None:
        """Send nothing for so long, wall s; 0 ends it."""
        self._not_before_s = asyncio.get_running_loop().time() + seconds
        self.wake()

    async def step(self) -> None:
        """Send what is due now, then wait for whatever may make something due."""
        self._wake.clear()
        await self._refill()
        held_s = self._not_before_s - asyncio.get_running_loop().time()
        wait_s = held_s if held_s > 0 else self._send_due() if self._broker.connected else IDLE_S
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    def acknowledged(self, event: Acknowledged) -> None:
        """Note the broker's word on a publication, if it was a reading: from now on the receipt's time-out counts."""
        meter_id, sha256 = self._publishing.pop(event.mid, (b"", b""))
        outbox = self.outboxes.get(meter_id)
        if outbox is None:
            return
        now_s = asyncio.get_running_loop().time()
        outbox.acknowledged(sha256, now_s)
        if not event.ok:
            self._counters.add("campusgrid_edge_publish_refused_total")
            outbox.refused_for_now(sha256, now_s)
        self.wake()

    async def _refill(self) -> None:
        for meter_id, outbox in self.outboxes.items():
            if len(outbox) < min(REFILL_AT, self._spool.kept(meter_id).waiting):
                try:
                    outbox.add(await self._spool.oldest(meter_id, REFILL, outbox.latest_key))
                except SpoolError:
                    return

    def _send_due(self) -> float:
        """Send, and return for how long nothing will be due."""
        now_s = asyncio.get_running_loop().time()
        ready = [box for key, box in self.outboxes.items() if self._meters[key].row is not None]
        self._turn = (self._turn + 1) % max(1, len(ready))
        sent = take_turns(ready, now_s, self._window, self._turn, self._publish)
        if sent:
            self._counters.add("campusgrid_edge_published_total", sent)
        full = sum(box.in_flight for box in ready) >= self._window
        wait_s = min((box.wait_s(now_s) for box in ready), default=IDLE_S)
        # A full window is opened by a receipt or a time-out, not by asking again at once.
        return max(wait_s, PAUSE_S if full or not sent else 0.0)

    def _publish(self, row: Row) -> bool:
        meter = self._meters[row.meter_id]
        if meter.row is None:
            return False
        number = decode_core(row.payload[:CORE_SIZE]).meter_number
        mid = self._broker.publish(reading_topic(meter.row.zone, number), row.payload)
        if mid is None:
            return False
        self._publishing[mid] = (row.meter_id, row.sha256)
        return True
