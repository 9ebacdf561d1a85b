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
# end

The last line is `# end`: a file without it was cut, and nothing begins with it.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

from gridkit.clock import UNKNOWN_ERROR_MS
from gridkit.enrolment import format_meter_id, parse_meter_id
from gridkit.log import LEVELS
from gridkit.profile import list_profiles
from gridkit.topics import check_agent

PREFIX = "CAMPUSGRID_EDGE_"
TOKEN_SCHEME = "pkcs11:"
MAX_POWER_W = 1_000_000_000
"""More than any campus connection carries; a wattage beyond it is a slip of the keyboard."""
BAUD_RATES = (
    300,
    600,
    1_200,
    2_400,
    4_800,
    9_600,
    14_400,
    19_200,
    28_800,
    38_400,
    57_600,
    76_800,
    115_200,
    230_400,
    460_800,
    921_600,
)
"""What meters and adapters offer. The kernel takes any other number too, and then nothing on the line is understood."""
MAX_WAIT_S = 3_600
MAX_WINDOW = 10_000


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
        _check("parity", self.parity in ("none", "even", "odd"), 'is "none", "even" or "odd"')
        _check("stop_bits", self.stop_bits in (1, 2), "is 1 or 2")
        _check("baud", self.baud in BAUD_RATES, f"{self.baud} is none of {', '.join(map(str, BAUD_RATES))}")
        _check("name", bool(self.name), "may not be empty")
        _check("device", bool(self.device), "may not be empty")

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
        key_file: Key of epoch 0; that of epoch n lies beside it as `<key_file>.<n>`. "pkcs11:LABEL": in the token.
        framing: "tcp" (MBAP), or "rtu" for a serial gateway that passes RTU frames through.
        max_power_w: Most the connection can carry, W, either direction; growth beyond 1.2 times this is not believed.
        pv: Whether it counts a solar roof alone; what it exports in the dark is then a failed check.
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
    pv: bool = False

    def __post_init__(self) -> None:
        _text("id", parse_meter_id, self.id)
        _check(
            "profile",
            self.profile in list_profiles(),
            f"{self.profile!r} is no family; known: {', '.join(list_profiles())}",
        )
        _check("framing", self.framing in ("tcp", "rtu"), 'is "tcp" or "rtu"')
        _check("host", bool(self.host) != bool(self.line), "a meter has either a host or a line")
        _check("host", not self.host or is_host(self.host), NO_HOST.format(self.host))
        _check("port", not self.line or self.port == 502, "belongs to a host; a line has none")
        _check("framing", not self.line or self.framing == "tcp", "belongs to a host; a line always carries RTU frames")
        _check("unit", 0 <= self.unit <= 255, "is 0 to 255")
        _check("port", 1 <= self.port <= 65_535, "is 1 to 65535")
        _check("max_power_w", 0 < self.max_power_w <= MAX_POWER_W, f"is 1 to {MAX_POWER_W}")
        _check("key_file", str(self.key_file) not in (".", TOKEN_SCHEME), "names no file and no label")

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
        pkcs11_module, pkcs11_token, pkcs11_pin_file: Library, label and PIN of the token for keys named "pkcs11:LABEL".
        status_interval_s: Each meter's status is retained anew this often, and at once when something changed, wall s.
        config_trial_s: A new signed configuration under which neither a meter nor the broker has answered by then is taken back, wall s.
        home_assistant_prefix: Where discovery messages go, usually "homeassistant"; "" sends none.
        latitude, longitude: Of the site, degrees; needed where a meter is `pv`.
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
    pkcs11_module: Path | None = None
    pkcs11_token: str = ""
    pkcs11_pin_file: Path | None = None
    status_interval_s: float = 60.0
    config_trial_s: float = 180.0
    home_assistant_prefix: str = ""
    latitude: float | None = None
    longitude: float | None = None
    log_level: str = "info"

    def __post_init__(self) -> None:
        _text("agent", check_agent, self.agent)
        _hex("network_tag", self.network_tag, 4)
        _hex("config_key", self.config_key, 32)
        for key in self.bridge_keys:
            _hex("bridge_keys", key, 32)
        _check("bridge_keys", bool(self.bridge_keys), "without one no reading could ever be deleted")
        _check("mqtt_version", self.mqtt_version in (4, 5), "is 5, or 4 for MQTT 3.1.1")
        _check("mqtt_port", 1 <= self.mqtt_port <= 65_535, "is 1 to 65535")
        _check("mqtt_ca", self.mqtt_ca is not None or self.mqtt_cert is None, "is needed with mqtt_cert")
        _check("mqtt_key", (self.mqtt_cert is None) == (self.mqtt_key is None), "belongs together with mqtt_cert")
        _check("metrics_port", 0 <= self.metrics_port <= 65_535, "is 0 to 65535")
        _check("poll_interval_s", 0.1 <= self.poll_interval_s <= 900, "is 0.1 to 900")
        _check("request_timeout_s", 0.05 <= self.request_timeout_s <= 30, "is 0.05 to 30")
        _check("receipt_timeout_s", 0 < self.receipt_timeout_s <= MAX_WAIT_S, f"is above 0, at most {MAX_WAIT_S}")
        _check("retry_s", 0 < self.retry_s <= MAX_WAIT_S, f"is above 0, at most {MAX_WAIT_S}")
        _check("status_interval_s", 1 <= self.status_interval_s <= MAX_WAIT_S, f"is 1 to {MAX_WAIT_S}")
        _check("config_trial_s", 1 <= self.config_trial_s <= MAX_WAIT_S, f"is 1 to {MAX_WAIT_S}")
        _check("window", 1 <= self.window <= MAX_WINDOW, f"is 1 to {MAX_WINDOW}")
        # Above that an unknown error bound would pass for a known one.
        _check(
            "clock_error_limit_ms",
            1 <= self.clock_error_limit_ms < UNKNOWN_ERROR_MS,
            f"is 1 to {UNKNOWN_ERROR_MS - 1}",
        )
        _check("home", str(self.home) != ".", "is a folder of the agent's own")
        for field in ("mqtt_host", "metrics_host"):
            host = getattr(self, field)
            _check(field, is_host(host), NO_HOST.format(host))
        _check("meters", bool(self.meters), "an agent has at least one")
        _check(
            "mqtt_user", bool(self.mqtt_user) or self.mqtt_password_file is None, "is needed with mqtt_password_file"
        )
        _check("home_assistant_prefix", not set(self.home_assistant_prefix) & set("#+"), "holds no wildcard")
        _check("latitude", -90 <= (self.latitude or 0) <= 90, "is -90 to 90")
        _check("longitude", -180 <= (self.longitude or 0) <= 180, "is -180 to 180")
        given = "longitude" if self.latitude is None else "latitude"
        _check(
            given, (self.latitude is None) == (self.longitude is None), "says where the site is only with the other one"
        )
        for index, meter in enumerate(self.meters):
            _check(f"meters[{index}].pv", not meter.pv or self.site is not None, "needs latitude and longitude")
        _check("log_level", self.log_level in LEVELS, f"is one of {', '.join(LEVELS)}")
        _once("lines", "name", [line.name for line in self.lines])
        _once("lines", "device", [line.device for line in self.lines])
        _once("meters", "id", [format_meter_id(meter.meter_id) for meter in self.meters])
        _once("meters", "key_file", [str(meter.key_file) for meter in self.meters])
        for index, meter in enumerate(self.meters):
            try:
                self.endpoint(meter)
            except ValueError as error:
                raise ValueError(f"meters[{index}].line: {error}") from error
        in_token = any(str(meter.key_file).startswith(TOKEN_SCHEME) for meter in self.meters)
        _check(
            "pkcs11_module",
            not in_token or self.pkcs11_module is not None,
            f"is needed for a key_file {TOKEN_SCHEME}...",
        )
        _check("pkcs11_token", not in_token or bool(self.pkcs11_token), f"is needed for a key_file {TOKEN_SCHEME}...")
        _once("meters", "unit", [f"unit {meter.unit} at {self.endpoint(meter)}" for meter in self.meters])
        framings: dict[tuple[str, int], str] = {}
        for index, meter in enumerate(self.meters):
            known = framings.setdefault((meter.host, meter.port), meter.framing)
            _check(f"meters[{index}].framing", known == meter.framing, f"is {known!r} for another meter of this host")

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
        raise ValueError(f"no line is called {meter.line!r}")

    @property
    def site(self) -> tuple[float, float] | None:
        """Latitude and longitude, degrees; None where they are not given."""
        if self.latitude is None or self.longitude is None:
            return None
        return self.latitude, self.longitude

    @property
    def network_tag_bytes(self) -> bytes:
        """4 bytes."""
        return bytes.fromhex(self.network_tag)

    @property
    def bridge_key_bytes(self) -> tuple[bytes, ...]:
        """32 bytes each."""
        return tuple(bytes.fromhex(key) for key in self.bridge_keys)


NO_HOST = "{!r} is no host name and no address; scheme, port and path do not belong there"
_NAME = re.compile(r"(?!-)[\w-]{1,63}(\.(?!-)[\w-]{1,63})*\.?")


def is_host(text: str) -> bool:
    """Return whether a text can be a host: a name, an IPv4 or an IPv6 address."""
    numbers = ":" in text or not text.strip("0123456789.")
    if not numbers:
        return _NAME.fullmatch(text) is not None
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text.partition("%")[0])
    except OSError:
        return False
    return True


def _check(field: str, fits: bool, why: str) -> None:
    if not fits:
        raise ValueError(f"{field}: {why}")


def _text(field: str, parse: Callable[[str], object], text: str) -> None:
    try:
        parse(text)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from error


def _hex(field: str, text: str, size: int) -> None:
    try:
        fits = len(text) == 2 * size == 2 * len(bytes.fromhex(text))
    except ValueError:
        fits = False
    _check(field, fits, f"is {2 * size} hex digits")


def _once(table: str, field: str, values: list[str]) -> None:
    for index, value in enumerate(values):
        _check(f"{table}[{index}].{field}", value not in values[:index], f"{value} appears twice")
