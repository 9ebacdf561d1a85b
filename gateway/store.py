"""The gateway's own tables. The chain's book is the truth; what stands here is accounts, sign-ins, orders as they were asked, and an index."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()

users = sa.Table(
    "users",
    metadata,
    sa.Column("user_id", sa.String(36), primary_key=True),
    sa.Column("username", sa.String(64), nullable=False, unique=True),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("role", sa.String(24), nullable=False),
    sa.Column("wallet", sa.String(44), nullable=False, unique=True),
    sa.Column("sealed_key", sa.LargeBinary, nullable=True),  # absent: the user signs with an own wallet
    sa.Column("created_at_s", sa.BigInteger, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False, default=False),
)

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("family", sa.String(36), nullable=False, index=True),
    sa.Column("user_id", sa.String(36), sa.ForeignKey("users.user_id"), nullable=False),
    sa.Column("expires_at_s", sa.BigInteger, nullable=False),
    sa.Column("used_at_s", sa.BigInteger, nullable=True),
    sa.Column("revoked", sa.Boolean, nullable=False, default=False),
)

# One row for each order that was ever asked for; (user_id, client_order_id) stays unique for ever, so that asking again is harmless.
orders = sa.Table(
    "orders",
    metadata,
    sa.Column("order_id", sa.String(36), primary_key=True),
    sa.Column("user_id", sa.String(36), sa.ForeignKey("users.user_id"), nullable=False),
    sa.Column("client_order_id", sa.String(64), nullable=False),
    sa.Column(
        "chain_client_id", sa.String(20), nullable=False
    ),  # u64: SQLite would keep a number above 2^63 as a float
    sa.Column("body_hash", sa.String(64), nullable=False),
    sa.Column("side", sa.String(4), nullable=False),
    sa.Column("price_ticks", sa.Integer, nullable=False),
    sa.Column("size_lots", sa.BigInteger, nullable=False),
    sa.Column("time_in_force", sa.String(4), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),  # pending, open, filled, partially_filled, cancelled, rejected
    sa.Column("chain_order_id", sa.String(20), nullable=True),
    sa.Column("filled_lots", sa.BigInteger, nullable=False, default=0),
    sa.Column("signature", sa.String(88), nullable=True),
    sa.Column("transaction", sa.LargeBinary, nullable=True),
    sa.Column("last_valid_block_height", sa.BigInteger, nullable=True),
    sa.Column("reason", sa.Text, nullable=True),
    sa.Column("created_at_s", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("user_id", "client_order_id"),
    sa.Index("orders_by_user", "user_id", "created_at_s"),
    sa.Index("orders_by_chain_id", "chain_order_id"),
)

# An index of the chain's fills; can be dropped and rebuilt from the market's transactions and its ring of fills.
trades = sa.Table(
    "trades",
    metadata,
    sa.Column("trade_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("interval", sa.BigInteger, nullable=False, index=True),
    sa.Column("price_ticks", sa.Integer, nullable=False),
    sa.Column("size_lots", sa.BigInteger, nullable=False),
    sa.Column("taker_side", sa.String(4), nullable=False),
    sa.Column("buyer", sa.String(44), nullable=False, index=True),
    sa.Column("seller", sa.String(44), nullable=False, index=True),
    sa.Column("maker_order", sa.String(20), nullable=False),
    sa.Column("taker_order", sa.String(20), nullable=False),
    sa.Column("traded_at_s", sa.BigInteger, nullable=False),
    sa.Column("signature", sa.String(88), nullable=False),  # empty: its transaction is not known
    sa.Column("slot", sa.BigInteger, nullable=False),  # 0 with an empty signature
)

cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)


def open_store(url: str, *, create: bool = True) -> sa.Engine:
    """Return an engine on `url`; SQLite gets WAL and full synchronisation, and the tables are made if they are missing."""
    engine = sa.create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if url.startswith("sqlite"):

        @sa.event.listens_for(engine, "connect")
        def _pragmas(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

    if create:
        metadata.create_all(engine)
    return engine


def open_readings(url: str) -> sa.Engine:
    """Return an engine on the bridge's store that cannot write to it (SQLite is opened read-only)."""
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///")
        return sa.create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")
    engine = sa.create_engine(url, pool_pre_ping=True)
    return engine.execution_options(postgresql_readonly=True, isolation_level="AUTOCOMMIT")
