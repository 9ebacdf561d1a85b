"""Decides how the event loop uses the spool: in a thread of its own, for a slow card must not stop the polls.

It keeps in memory how many readings wait, and what the spool's last failure was. A failure is counted, told once, and is over
with the next reading that is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import msgspec

from edge.errors import SpoolError
from edge.meter import Meter
from edge.metrics import Counters
from edge.resign import SignAgain
from edge.spool import Row, Spool
from edge.track import TrackState
from gridkit.enrolment import ConfiguredMeter
from gridkit.log import get_logger

log = get_logger("edge.spool_thread")
T = TypeVar("T")

ROW_BYTES = 2048
"""What a kept reading takes in the file, bytes: payload, indexes and half-filled pages; measured 1.3 kB, rounded up."""
INTERVALS_PER_DAY = 96
TRY_AGAIN_S = 60.0
"""A damaged file that could not be set aside, on a card that is full or read-only too, is tried again after so long, wall s."""


class Kept(NamedTuple):
    """What the spool holds of one meter: readings waiting, wall ms of the oldest (0: none), readings in quarantine."""

    waiting: int = 0
    oldest_ms: int = 0
    quarantined: int = 0


class SpoolThread:
    """The spool as the loops see it: every call waits without blocking them."""

    def __init__(self, spool: Spool, counters: Counters) -> None:
        """Count what is in it.

        Raises:
            SpoolError: It cannot be read.
        """
        self.spool = spool
        self.error = ""
        self._counters = counters
        self._tried_s = -TRY_AGAIN_S
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._kept = _named(spool.counts())

    def kept(self, meter_id: bytes) -> Kept:
        """Return what is held of a meter, as last counted."""
        return self._kept.get(meter_id, Kept())

    @property
    def backlog(self) -> int:
        """Readings that wait for their receipt, all meters together."""
        return sum(kept.waiting for kept in self._kept.values())

    async def put(self, meter_id: bytes, readings: list[tuple[int, int, bytes]], state: TrackState) -> list[Row]:
        """Keep readings and the state after them, as `Spool.put`. Raises SpoolError, counted and told already."""
        rows = await self._told(self.spool.put, meter_id, readings, state)
        if self.error:
            self.error = ""
            log.info("spool_works_again")
        before = self.kept(meter_id)
        self._kept[meter_id] = before._replace(
            waiting=before.waiting + len(rows), oldest_ms=before.oldest_ms or (rows[0].made_ms if rows else 0)
        )
        return rows

    async def oldest(self, meter_id: bytes, limit: int, after: tuple[int, int]) -> list[Row]:
        """Return readings as `Spool.oldest`. Raises SpoolError, counted and told already."""
        return await self._told(self.spool.oldest, meter_id, limit, after)

    async def sign_again(self, meter: Meter, row: ConfiguredMeter) -> int:
        """Sign a meter's readings again where another key has signed than `row` wants; return how many there were.

        Raises:
            SpoolError: Counted and told already.
            SigningKeyError, TokenError: The key is not to be had. Everything is as before.
        """
        again = SignAgain(meter.name, row, meter.keys)
        count = await self._told(
            self.spool.sign_again, meter.meter_id, row.key_epoch, row.first_interval, again, again.core_hash
        )
        if count:
            meter.state = msgspec.structs.replace(meter.state, core_hash=again.core_hash(meter.state.core_hash))
            await self.count()
        return count

    async def settle(self, verdicts: list[tuple[bytes, int]]) -> list[tuple[Row, int]]:
        """Take away what receipts have settled, as `Spool.settle`. Raises SpoolError, counted and told already."""
        return await self._told(self.spool.settle, verdicts)

    async def save_config(self, version: int, data: bytes) -> None:
        """Keep a configuration. Raises SpoolError, counted and told already."""
        await self._told(self.spool.save_config, version, data)

    async def count(self) -> None:
        """Count anew what is in the spool. Raises SpoolError."""
        self._kept = _named(await self.run(self.spool.counts))

    async def failed(self, error: SpoolError) -> None:
        """Count a failure, and tell the first; a damaged file is set aside at once, and what it still gives is taken over."""
        self._counters.add("campusgrid_edge_spool_failures_total")
        if not self.error:
            log.error("spool_failed", error=str(error))
        self.error = str(error)
        if error.damaged or not self.spool.is_open:
            await self._begin_anew()

    async def _begin_anew(self) -> None:
        now_s = time.monotonic()
        if now_s - self._tried_s < TRY_AGAIN_S:
            return
        self._tried_s = now_s
        try:
            await self.run(self.spool.begin_anew)
            self._tried_s = -TRY_AGAIN_S
            await self.count()
        except SpoolError as still:
            log.error("spool_failed", error=str(still))

    def free_bytes(self) -> int:
        """Return what the card would still give us; 0 where it has gone."""
        try:
            return self.spool.free_bytes()
        except OSError:
            return 0

    def days_left(self, meters: int) -> int:
        """Return for how many days without a bridge the card has room for so many meters' readings."""
        try:
            room = max(0, self.free_bytes() - self.spool.log_room_bytes())
        except OSError:
            return 0
        return room // (ROW_BYTES * INTERVALS_PER_DAY * max(1, meters))

    async def _told(self, call: Callable[..., T], *args: Any) -> T:
        """Return what a call returns; a failure is counted and told before it is raised."""
        try:
            return await self.run(call, *args)
        except SpoolError as error:
            await self.failed(error)
            raise

    async def run(self, call: Callable[..., T], *args: Any) -> T:
        """Return what a call returns in the spool's thread, one after the other."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    def close(self) -> None:
        """End the thread after what it is at, and close the file."""
        self._thread.shutdown(wait=True)
        self.spool.close()


def _named(counts: dict[bytes, tuple[int, int, int]]) -> dict[bytes, Kept]:
    return {meter_id: Kept(*count) for meter_id, count in counts.items()}
