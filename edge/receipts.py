"""Decides which receipts are believed, and settles their readings in groups: one transaction, one sync of the card, for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from edge.errors import SpoolError
from edge.meter import Meter
from edge.metrics import Counters
from edge.sender import Sender
from edge.settings import EdgeSettings
from edge.spool import Row
from edge.spool_thread import SpoolThread
from gridkit.log import get_logger
from gridkit.receipt import ReceiptError, is_permanent, is_stored, is_transient, verdict_label, verify_receipt
from gridkit.topics import MeterTopic

log = get_logger("edge.receipts")

GATHER_S = 0.02
"""How long receipts are gathered after the first one, wall s."""


class Receipts:
    """The way of every reading out of the spool."""

    def __init__(
        self,
        settings: EdgeSettings,
        meters: Mapping[bytes, Meter],
        sender: Sender,
        spool: SpoolThread,
        counters: Counters,
        changed: Callable[[Meter], None],
    ) -> None:
        """Nothing has come yet.

        Args:
            settings: The bridge's keys and the network's tag.
            meters: By meter id.
            sender: Holds the readings that wait for a receipt.
            spool: Where they are kept.
            counters: Of the agent.
            changed: Called when what a meter's status says has changed.
        """
        self._keys = settings.bridge_key_bytes
        self._network_tag = settings.network_tag_bytes
        self._meters = meters
        self._sender = sender
        self._spool = spool
        self._counters = counters
        self._changed = changed
        self._group: list[tuple[bytes, bytes, int]] = []
        self._came = asyncio.Event()

    @property
    def pending(self) -> int:
        """Receipts believed and not yet settled."""
        return len(self._group)

    def take(self, topic: MeterTopic, data: bytes) -> None:
        """Believe a receipt only under a pinned key, for a row that waits here, on that meter's own topic."""
        try:
            receipt = verify_receipt(data, self._keys, self._network_tag)
        except ReceiptError as error:
            self._refuse(error.label)
            log.warning("receipt_refused", reason=error.label, error=str(error))
            return
        sha256, verdict = receipt.payload_sha256, receipt.verdict
        meter_id = next((k for k, box in self._sender.outboxes.items() if box.knows(sha256)), None)
        if meter_id is None:
            self._refuse("unmatched")
        elif receipt.meter_number != topic.meter_number:
            self._refuse("wrong_meter")
        else:
            self._counters.add("campusgrid_edge_receipts_total", verdict=verdict_label(verdict))
            self._believe(meter_id, sha256, verdict)

    async def step(self) -> None:
        """Wait for receipts and settle all that come within a moment."""
        await self._came.wait()
        await asyncio.sleep(GATHER_S)
        self._came.clear()
        group, self._group = self._group, []
        try:
            settled = await self._spool.settle([(sha256, verdict) for _, sha256, verdict in group])
        except SpoolError:
            return  # The rows stay, are sent again and receipted again.
        self._tell(settled)
        for meter_id, sha256, _ in group:
            self._sender.outboxes[meter_id].settled(sha256)
            self._changed(self._meters[meter_id])
        await self._spool.count()
        self._sender.wake()

    def _refuse(self, reason: str) -> None:
        self._counters.add("campusgrid_edge_receipts_refused_total", reason=reason)

    def _believe(self, meter_id: bytes, sha256: bytes, verdict: int) -> None:
        if not is_transient(verdict):
            self._group.append((meter_id, sha256, verdict))
            self._came.set()
            return
        self._sender.outboxes[meter_id].refused_for_now(sha256, asyncio.get_running_loop().time())
        self._sender.wake()
        log.info("reading_refused_for_now", meter_id=self._meters[meter_id].name, verdict=verdict_label(verdict))

    def _tell(self, settled: list[tuple[Row, int]]) -> None:
        for row, verdict in settled:
            name = self._meters[row.meter_id].name
            if is_permanent(verdict):
                log.error(
                    "reading_quarantined",
                    meter_id=name,
                    interval=row.interval,
                    register_epoch=row.register_epoch,
                    verdict=verdict_label(verdict),
                )
            elif is_stored(verdict):
                log.debug("reading_receipted", meter_id=name, interval=row.interval)
