"""What the bridge is told at start: one `[bridge]` table, with CAMPUSGRID_BRIDGE_* variables over it."""

from __future__ import annotations

from pathlib import Path

import msgspec


class BridgeSettings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Settings of one bridge process.

    Attributes:
        home: Folder of this bridge (store, lock).
        deployment: Deployment file: program ids, zones, lookup table.
        receipt_key: Key file that signs receipts; made when it is missing.
        poster_key: Keypair file of a registered oracle key; it pays the fees.
        mqtt_host, mqtt_port: The broker.
        mqtt_version: 5, or 4 for MQTT 3.1.1; nothing here needs a property of version 5.
        mqtt_username, mqtt_password: Empty = none.
        mqtt_ca, mqtt_cert, mqtt_key: PEM files; TLS when `mqtt_ca` is set, mutual when all are.
        client_id: MQTT client id; its session survives a restart of the bridge.
        rpc_url, ws_url: Solana JSON-RPC, HTTP and WebSocket (empty ws_url = poll alone).
        store_url: SQLAlchemy URL; empty = SQLite in `home`.
        metrics_host, metrics_port: Where /metrics, /status and /healthz are served.
        zones: Zones to post for; empty = all of the deployment.
        clock: Campus clock file; empty = UTC.
        batch_max: Most readings of one store transaction.
        window: Readings that may wait unacknowledged at once.
        registry_age_s: Oldest registry record that is believed, wall seconds, at most 10.
        log_level: debug, info, warning or error.
    """

    home: Path
    deployment: Path
    receipt_key: Path
    poster_key: Path
    mqtt_host: str = "127.0.0.1"
    mqtt_port: int = 18830
    mqtt_version: int = 5
    mqtt_username: str = ""
    mqtt_password: str = ""
    mqtt_ca: str = ""
    mqtt_cert: str = ""
    mqtt_key: str = ""
    client_id: str = "campusgrid-bridge"
    rpc_url: str = "http://127.0.0.1:8899"
    ws_url: str = "ws://127.0.0.1:8900"
    store_url: str = ""
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 9103
    zones: list[int] = []
    clock: str = ""
    batch_max: int = 500
    window: int = 2_000
    registry_age_s: int = 10
    log_level: str = "info"

    def __post_init__(self) -> None:
        if self.mqtt_version not in (4, 5):
            raise ValueError("mqtt_version is 5, or 4 for MQTT 3.1.1")
        if not 1 <= self.registry_age_s <= 10:
            raise ValueError("registry_age_s must be 1 to 10: it is the delay of a revocation")
        if not 1 <= self.batch_max <= 10_000:
            raise ValueError("batch_max must be 1 to 10,000")
        if not 1 <= self.window <= 65_000:
            raise ValueError("window must be 1 to 65,000")
        if not self.store_url:
            self.store_url = f"sqlite:///{self.home / 'bridge.db'}"
