"""Decides what became of orders about which the market's events say nothing: a landed order without its event, an open row without its order.

Log lines can be cut, so the book, the fills and the index are asked instead. What events do say is applied in `trades/index.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa

from gateway import market
from gateway.ledger import Ledger, Outcome
from gateway.orders import book_keeping
from gateway.store import orders, trades, users
from gateway.trades.index import checked_position, trade_of
from gridkit.chain.proof import decode_fill
from gridkit.log import get_logger

log = get_logger("gateway")

_NOT_RESTING = {"IOC": "ioc_rest"}


def find_silent(store: sa.Engine, ledger: Ledger, order_id: str, outcome: Outcome) -> None:
    """Move a still pending order forward whose transaction landed but did not tell: bind it to its place in the book or to its fills.

    An order that is in neither has left the book again and ends as cancelled. Nothing changes while the node, or the index of trades,
    does not reach far enough to know.
    """
    with store.connect() as db:
        query = sa.select(orders, users.c.wallet).join(users, users.c.user_id == orders.c.user_id)
        row = db.execute(query.where(orders.c.order_id == order_id)).one()
    if row.state != "pending" or (seat := ledger.seat_of(row.wallet)) is None:
        return
    resting, slot = market.read_resting(ledger)
    if slot < outcome.slot:
        return  # a node that is behind
    client_id = int(row.chain_client_id)
    standing = [one.order_id for one in resting if (one.seat, one.client_id) == (seat, client_id)]
    with store.connect() as db:
        mine = (orders.c.user_id == row.user_id, orders.c.chain_order_id.is_not(None))
        bound = set(db.execute(sa.select(orders.c.chain_order_id).where(*mine)).scalars())
    free = [chain_id for chain_id in standing if str(chain_id) not in bound]
    if free:
        with store.begin() as db:
            book_keeping.order_placed(db, client_id=client_id, chain_order_id=min(free), wallet=row.wallet)
        log.info("order_found_in_book", order_id=order_id, chain_order_id=str(min(free)))
        return
    made = _trades_of_seat(store, ledger, seat, row.wallet, outcome.time_s or 0)
    if made is not None:
        _end_by_trades(store, row, candidates(row, made, outcome.time_s, bound))


def candidates(row: Any, made: Iterable[dict[str, Any]], time_s: int | None, bound: Collection[str]) -> dict[str, int]:
    """Return the lots by chain id under which `made` may hold the trades of an order that landed at `time_s` and no longer rests.

    Args:
        row: The order's row with `wallet`.
        made: Trades, as rows of the index.
        time_s: Campus time of the order's block, None when the node does not say.
        bound: Chain ids that belong to other orders.

    Returns:
        Ids it may have traded under on arrival, else those it may have rested under; none of them with more lots than the order has.
    """
    took: dict[str, int] = {}
    rested: dict[str, int] = {}
    for trade in made:
        taker = trade["buyer"] if trade["taker_side"] == "buy" else trade["seller"]
        is_taker = taker == row.wallet and trade["taker_side"] == row.side
        if is_taker:
            better = (
                trade["price_ticks"] <= row.price_ticks
                if row.side == "buy"
                else trade["price_ticks"] >= row.price_ticks
            )
            if better and time_s in (None, trade["traded_at_s"]):
                took[trade["taker_order"]] = took.get(trade["taker_order"], 0) + trade["size_lots"]
        elif taker != row.wallet and trade["taker_side"] != row.side and trade["price_ticks"] == row.price_ticks:
            if time_s is None or trade["traded_at_s"] >= time_s:
                rested[trade["maker_order"]] = rested.get(trade["maker_order"], 0) + trade["size_lots"]
    for found in (took, rested):
        fitting = {id_: lots for id_, lots in found.items() if id_ not in bound and lots <= row.size_lots}
        if fitting:
            return fitting
    return {}


def _trades_of_seat(
    store: sa.Engine, ledger: Ledger, seat: int, wallet: str, since_s: int
) -> list[dict[str, Any]] | None:
    """Return a seat's trades since a campus time, from the ring and from the index; None while there may be others between the two."""
    head = market.read_head(ledger)
    oldest = max(1, head.trade_seq - market.FILL_RING + 1)
    ring = market.read_fills(ledger, oldest, head.trade_seq) if head.trade_seq else {}
    with store.connect() as db:
        if checked_position(db).trade + 1 < oldest:
            return None
        mine = sa.or_(trades.c.buyer == wallet, trades.c.seller == wallet)
        indexed = db.execute(sa.select(trades).where(mine, trades.c.traded_at_s >= since_s)).mappings()
        found: dict[int, dict[str, Any]] = {row["trade_id"]: dict(row) for row in indexed}
    for raw in ring.values():
        fill = decode_fill(raw)
        is_mine = seat in (fill.maker_seat, fill.taker_seat) and fill.campus_time >= since_s
        if is_mine and fill.trade not in found:
            found[fill.trade] = trade_of(fill, ledger, "", 0)
    return list(found.values())


def _end_by_trades(store: sa.Engine, row: Any, fitting: dict[str, int]) -> None:
    """Bind an order to the only id that fits and end it unless its trades fill it; without such an id it was taken out unfilled."""
    reason = _NOT_RESTING.get(row.time_in_force, "left_book")
    with store.begin() as db:
        if len(fitting) == 1:
            chain_id, lots = int(next(iter(fitting))), next(iter(fitting.values()))
            book_keeping.order_placed(
                db, client_id=int(row.chain_client_id), chain_order_id=chain_id, wallet=row.wallet
            )
            if lots < row.size_lots:
                book_keeping.order_out(db, chain_order_id=chain_id, reason=reason)
        else:
            book_keeping.end_unplaced(db, row.order_id, "fills_not_attributable" if fitting else reason)
    log.info("order_found_gone", order_id=row.order_id, chain_order_ids=list(fitting))


class Standing:
    """Ends open orders that the book no longer has; one instance looks again and again.

    Args:
        store: The gateway's tables.
        ledger: The ledger.
    """

    def __init__(self, store: sa.Engine, ledger: Ledger) -> None:
        self._store, self._ledger = store, ledger
        self._missed: dict[
            str, int
        ] = {}  # chain order id → trade that must be indexed before its absence means anything

    def check(self) -> int:
        """Compare open rows with the book once; return how many orders were ended.

        An order ends at the second look that does not find it, when every trade up to the first such look is indexed and did not fill
        it: so neither a slow index nor a node that is behind ends an order that stands.
        """
        is_open = orders.c.state.in_(book_keeping.STANDING) & orders.c.chain_order_id.is_not(None)
        with self._store.connect() as db:
            wanted = set(db.execute(sa.select(orders.c.chain_order_id).where(is_open)).scalars())
            checked = checked_position(db).trade
        if not wanted:
            self._missed.clear()
            return 0
        resting, _ = market.read_resting(self._ledger, [int(chain_id) for chain_id in wanted])
        absent = wanted - {str(one.order_id) for one in resting}
        newest = market.read_head(self._ledger).trade_seq
        gone = [chain_id for chain_id in absent if self._missed.get(chain_id, checked + 1) <= checked]
        with self._store.begin() as db:
            for chain_id in gone:
                book_keeping.order_out(db, chain_order_id=int(chain_id), reason="left_book")
        self._missed = {chain_id: self._missed.get(chain_id, newest) for chain_id in absent.difference(gone)}
        if gone:
            log.info("orders_left_book", count=len(gone))
        return len(gone)
