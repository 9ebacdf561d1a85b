"""What the gateway is told at start: one `[gateway]` table, with CAMPUSGRID_GATEWAY_* variables over it."""

from __future__ import annotations

from pathlib import Path

import msgspec


class GatewaySettings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Settings of one gateway process.

    Attributes:
        home: Folder of this gateway (database, token keys, sealing key).
        host, port: Where HTTP and WebSocket are served.
        rpc_url, ws_url: Solana JSON-RPC of the ledger, HTTP and WebSocket.
        deployment: Path of the deployment file (program ids, market, zones).
        store_url: SQLAlchemy URL of the gateway's own tables; empty = SQLite in `home`.
        bridge_store_url: SQLAlchemy URL of the bridge's store, opened for reading only.
        fee_payer_key: Keypair file that pays transaction fees of custodial users.
        clock: Campus clock file; empty = UTC.
        access_token_s: Life of an access token, seconds, at most 600.
        refresh_token_s: Life of a refresh token, seconds.
        logins_per_minute: Sign-in attempts allowed for one user name a minute; ten times as many from one address.
    """

    home: Path
    host: str = "127.0.0.1"
    port: int = 8080
    rpc_url: str = "http://127.0.0.1:8899"
    ws_url: str = "ws://127.0.0.1:8900"
    deployment: Path
    store_url: str = ""
    bridge_store_url: str
    fee_payer_key: Path
    clock: str = ""
    access_token_s: int = 600
    refresh_token_s: int = 14 * 86_400
    logins_per_minute: int = 12

    def __post_init__(self) -> None:
        if not 30 <= self.access_token_s <= 600:
            raise ValueError("access_token_s must be 30 to 600 seconds")
        if not self.store_url:
            self.store_url = f"sqlite:///{self.home / 'gateway.db'}"
