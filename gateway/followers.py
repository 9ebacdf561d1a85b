"""Background work of a gateway: follow the market's trades and the bridge's readings, feed the live stream, resolve pending orders and
end those that the book no longer has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool

from gateway.context import Gateway
from gateway.orders.settlement import Settling
from gateway.orders.standing import Standing
from gateway.readings.view import ReadingFeed
from gateway.trades.index import TradeIndex
from gateway.trades.routes import view as trade_view
from gridkit.chain.rpc import RpcError
from gridkit.log import get_logger

log = get_logger("gateway")
_TRADES_S = 0.4  # one slot
_READINGS_S = 1.0
_PENDING_S = 2.0
_STANDING_S = 30.0  # an order that left the book unnoticed ends at the second look


class Followers:
    """The loops of one gateway; each goes on after a fault of its source."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._index = TradeIndex(gateway.store, gateway.ledger)
        self._feed = ReadingFeed(gateway.readings, gateway.meters)
        self._settling = Settling(gateway.store, gateway.ledger)
        self._standing = Standing(gateway.store, gateway.ledger)

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._loop("trades", _TRADES_S, self._trades))
            group.create_task(self._loop("readings", _READINGS_S, self._readings))
            group.create_task(self._loop("pending_orders", _PENDING_S, self._pending))
            group.create_task(self._loop("open_orders", _STANDING_S, self._open))

    async def _loop(self, name: str, pause_s: float, step: Callable[[], Any]) -> None:
        while True:
            try:
                await step()
            except (RpcError, sa.exc.SQLAlchemyError) as error:
                log.warning("follower_waits", follower=name, error=str(error))
            await asyncio.sleep(pause_s)

    async def _trades(self) -> None:
        for trade in await run_in_threadpool(self._index.catch_up):
            self._gateway.hub.publish("trades", trade_view(trade).model_dump())

    async def _readings(self) -> None:
        for reading, owner in await run_in_threadpool(self._feed.changes):
            self._gateway.hub.publish("readings", reading, owners=frozenset([owner]) if owner else frozenset())

    async def _pending(self) -> None:
        await run_in_threadpool(self._settling.resolve_all)

    async def _open(self) -> None:
        await run_in_threadpool(self._standing.check)
