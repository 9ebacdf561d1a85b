"""Decides what one can set of the local chain: table [localnet], or CAMPUSGRID_LOCALNET_* variables over it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class LocalnetSettings(msgspec.Struct, forbid_unknown_fields=True):
    """Settings of one local chain.

    Attributes:
        home: The deployment's home; the chain lives in `<home>/localnet/`, its clock in `<home>/clock`.
        host: Address to listen on.
        rpc_port: JSON-RPC over HTTP.
        ws_port: WebSocket; 0 = `rpc_port` + 1, where web3.js looks for it.
        speed: Campus seconds in one wall second; slots stay at `slot_ms` of wall time.
        start: Campus time of a new chain: epoch seconds in digits, or "now". An old chain goes on where it stopped.
        snapshot_every: Transactions between two snapshots, more if the chain has more than five times as many accounts.
        slot_ms: Wall milliseconds of a slot; Solana's 400. Only tests have a reason to change it.
        max_body_bytes: Largest HTTP request; a larger one gets 413.
        max_batch: Most calls in one JSON-RPC batch.
        max_connections: Most open HTTP and, separately, WebSocket connections.
        log_level: debug, info, warning or error.
    """

    home: Path = Path("var")
    host: str = "127.0.0.1"
    rpc_port: Port = 8899
    ws_port: Port = 0
    speed: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 1
    start: str | int = "now"
    snapshot_every: Annotated[int, msgspec.Meta(ge=1)] = 10_000
    slot_ms: Annotated[int, msgspec.Meta(ge=5, le=10_000)] = 400
    max_body_bytes: Annotated[int, msgspec.Meta(ge=65_536)] = 4 * 1024 * 1024
    max_batch: Annotated[int, msgspec.Meta(ge=1)] = 2_000
    max_connections: Annotated[int, msgspec.Meta(ge=1)] = 1_024
    log_level: str = "info"

    @property
    def folder(self) -> Path:
        """The chain's own folder."""
        return self.home / "localnet"

    @property
    def websocket_port(self) -> int:
        """The WebSocket port in force."""
        return self.ws_port or self.rpc_port + 1

    def start_ns(self, utc_now_ns: int) -> int:
        """Return the campus time at which a new chain begins, ns.

        Raises:
            ValueError: `start` is neither "now" nor whole seconds.
        """
        text = str(self.start).strip()
        if text == "now":
            return utc_now_ns
        if not text.isdecimal():
            raise ValueError(f'`start` is {text!r}; write epoch seconds in digits, or "now"')
        return int(text) * 1_000_000_000
