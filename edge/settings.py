"""Decides what an agent is told at its installation: the [edge] table of its TOML file and CAMPUSGRID_EDGE_* variables.

[edge]
agent = "edge-1"                       # also the certificate's CN
home = "var/edge-1"                    # spool and state
clock = "var/clock"                    # campus clock of a localnet; leave out for UTC
mqtt_host = "127.0.0.1"
mqtt_port = 18830
network_tag = "1f2e3d4c"               # 8 hex digits
bridge_keys = ["..64 hex digits.."]    # whose receipts are believed
config_key = "..64 hex digits.."       # who may configure this agent
poll_interval_s = 5                    # wall seconds
metrics_port = 9101                    # 0: none

[[edge.meters]]
id = "HOUSE-07"                        # or 32 hex digits
profile = "eastron-sdm630"
host = "127.0.0.1"
port = 15020
unit = 1
serial = "22110017"                    # "" adopts the serial that is read first
key_file = "var/keys/HOUSE-07.json"

[[edge.lines]]                         # an RS-485 line; a meter on it says line = "riser-2" instead of host and port
name = "riser-2"
device = "/dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0"   # by-id: stays the same adapter after a reboot
baud = 9600
parity = "none"
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from gridkit.enrolment import parse_meter_id
from gridkit.topics import check_agent

PREFIX = "CAMPUSGRID_EDGE_"


class TcpEndpoint(msgspec.Struct, frozen=True):
    """A Modbus TCP server or gateway; framing "tcp" (MBAP) or "rtu" (RTU frames passed through)."""

    host: str
    port: int
    framing: str = "tcp"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class LineSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One RS-485 line at a serial port: RTU frames, eight data bits.

    Attributes:
        name: What its meters call it.
        device: The port; a path under /dev/serial/by-id names the adapter, whatever the order of plugging in.
        baud: Bits a second.
        parity: "none", "even" or "odd", as the meters are set.
        stop_bits: 1 or 2.
    """

    name: str
    device: str
    baud: int = 9600
    parity: str = "none"
    stop_bits: int = 1

    def __post_init__(self) -> None:
        if self.parity not in ("none", "even", "odd"):
            raise ValueError('parity is "none", "even" or "odd"')
        if self.stop_bits not in (1, 2):
            raise ValueError("stop_bits is 1 or 2")
        if not 300 <= self.baud <= 1_000_000:
            raise ValueError("baud is 300 to 1000000")
        if not self.name or not self.device:
            raise ValueError("name and device may not be empty")

    @property
    def byte_s(self) -> float:
        """Time of one byte on the wire, s: start bit, eight data bits, parity, stop bits."""
        return (9 + (self.parity != "none") + self.stop_bits) / self.baud

    def __str__(self) -> str:
        return self.device


Endpoint = TcpEndpoint | LineSettings


class MeterSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One meter: where it is, what it is, and its key.

    Attributes:
        id: Meter id as `gridkit.enrolment.parse_meter_id` reads it.
        profile: Id of its family in `gridkit/profiles`.
        host, port: Modbus TCP server or gateway; or instead of them
        line: Name of a line of `lines`.
        unit: Modbus unit id, 0 to 255.
        serial: What its serial register must say; "" adopts what is read first.
        key_file: Key of epoch 0; that of epoch n lies beside it as `<key_file>.<n>`.
        framing: "tcp" (MBAP), or "rtu" for a serial gateway that passes RTU frames through.
        max_power_w: Most the connection can carry, W, either direction; growth beyond 1.2 times this is not believed.
    """

    id: str
    profile: str
    key_file: Path
    host: str = ""
    port: int = 502
    line: str = ""
    unit: int = 1
    serial: str = ""
    framing: str = "tcp"
    max_power_w: int = 250_000

    def __post_init__(self) -> None:
        parse_meter_id(self.id)
        if self.framing not in ("tcp", "rtu"):
            raise ValueError('framing is "tcp" or "rtu"')
        if bool(self.host) == bool(self.line):
            raise ValueError("a meter has either a host or a line")
        if not (0 <= self.unit <= 255 and 1 <= self.port <= 65_535 and self.max_power_w > 0):
            raise ValueError("unit is 0 to 255, port 1 to 65535, max_power_w above 0")

    @property
    def meter_id(self) -> bytes:
        """16 bytes."""
        return parse_meter_id(self.id)


class EdgeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agent's settings; see the head of this file.

    Attributes:
        mqtt_version: 5, or 4 for MQTT 3.1.1; nothing here needs a property of version 5.
        mqtt_ca, mqtt_cert, mqtt_key: PEM files; mqtt_ca turns TLS on, cert and key make it mutual.
        mqtt_user, mqtt_password_file: For a broker with passwords.
        request_timeout_s: Deadline of one Modbus request, wall s.
        receipt_timeout_s: An un-receipted reading is sent again after this, wall s.
        retry_s: Back-off after a transient refusal, wall s; doubles up to 32 times this.
        window: Readings sent and not yet receipted, all meters together.
        clock_error_limit_ms: No interval closes while the clock's bound is larger, campus ms.
        metrics_host: Where the metrics listen; loopback unless told otherwise.
    """

    agent: str
    home: Path
    mqtt_port: int
    network_tag: str
    bridge_keys: tuple[str, ...]
    config_key: str
    meters: tuple[MeterSettings, ...]
    lines: tuple[LineSettings, ...] = ()
    mqtt_host: str = "127.0.0.1"
    mqtt_version: int = 5
    mqtt_ca: Path | None = None
    mqtt_cert: Path | None = None
    mqtt_key: Path | None = None
    mqtt_user: str = ""
    mqtt_password_file: Path | None = None
    clock: Path | None = None
    poll_interval_s: float = 5.0
    request_timeout_s: float = 1.0
    receipt_timeout_s: float = 10.0
    retry_s: float = 2.0
    window: int = 256
    clock_error_limit_ms: int = 5_000
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    log_level: str = "info"

    def __post_init__(self) -> None:
        check_agent(self.agent)
        for name, text, size in (
            ("network_tag", self.network_tag, 4),
            ("config_key", self.config_key, 32),
            *(("bridge_keys", key, 32) for key in self.bridge_keys),
        ):
            if len(bytes.fromhex(text)) != size:
                raise ValueError(f"{name} is {2 * size} hex digits")
        if not self.bridge_keys:
            raise ValueError("bridge_keys: without one no reading could ever be deleted")
        if self.mqtt_version not in (4, 5):
            raise ValueError("mqtt_version is 5, or 4 for MQTT 3.1.1")
        if not (0.1 <= self.poll_interval_s <= 900 and 0.05 <= self.request_timeout_s <= 30 and self.window >= 1):
            raise ValueError("poll_interval_s is 0.1 to 900, request_timeout_s 0.05 to 30, window at least 1")
        if len({meter.meter_id for meter in self.meters}) != len(self.meters):
            raise ValueError("a meter id appears twice")
        if len({line.name for line in self.lines}) != len(self.lines):
            raise ValueError("lines: two have the same name")
        if len({line.device for line in self.lines}) != len(self.lines):
            raise ValueError("lines: two have the same device")
        for meter in self.meters:
            self.endpoint(meter)
        where = {(str(self.endpoint(m)), m.unit) for m in self.meters}
        if len(where) != len(self.meters):
            raise ValueError("meters: two have the same place (host and port, or line) and unit")
        framings = {endpoint for endpoint in map(self.endpoint, self.meters) if isinstance(endpoint, TcpEndpoint)}
        if len({(endpoint.host, endpoint.port) for endpoint in framings}) != len(framings):
            raise ValueError("meters: one host and port has two framings")

    def endpoint(self, meter: MeterSettings) -> Endpoint:
        """Return where a meter is asked.

        Raises:
            ValueError: It names a line that is not there.
        """
        if meter.host:
            return TcpEndpoint(meter.host, meter.port, meter.framing)
        for line in self.lines:
            if line.name == meter.line:
                return line
        raise ValueError(f"meters: {meter.id} is on line {meter.line!r}, which is not among the lines")

    @property
    def network_tag_bytes(self) -> bytes:
        """4 bytes."""
        return bytes.fromhex(self.network_tag)

    @property
    def bridge_key_bytes(self) -> tuple[bytes, ...]:
        """32 bytes each."""
        return tuple(bytes.fromhex(key) for key in self.bridge_keys)
