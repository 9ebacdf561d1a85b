"""What the simulator's process is told: the [sim] table of its TOML file, CAMPUSGRID_SIM_* variables over it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Watts = Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]


class MeterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One meter.

    `profile` is a family's id; `serial` must fit its identity register. `load` and `pv` name series, `load_w` and `pv_w`
    their nominal power in W (0: none). `port` 0 means base_port + position in the list; a meter that names a `line` has no port
    of its own and answers there as `unit`. The base registers are what the
    meter shows at the start of the energy epoch; drawn from the serial when left out.
    """

    serial: str
    profile: str
    port: Port = 0
    line: str = ""
    unit: Annotated[int, msgspec.Meta(ge=0, le=255)] = 1
    kind: Literal["consumer", "producer", "prosumer"] = "consumer"
    load: str = ""
    load_w: Watts = 0
    pv: str = ""
    pv_w: Watts = 0
    base_import_wh: Annotated[int, msgspec.Meta(ge=0)] | None = None
    base_export_wh: Annotated[int, msgspec.Meta(ge=0)] | None = None


class LineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One RS-485 line that meters share.

    It ends in a pseudo-terminal, linked at `<home>/<name>`; at the serial port `device`; or, with `tcp_port`, at a gateway that
    passes RTU frames through TCP. Eight data bits, one stop bit. `turnaround_ms` is what a meter takes before it answers.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
    device: str = ""
    tcp_port: Port = 0
    baud: Annotated[int, msgspec.Meta(ge=300, le=4_000_000)] = 9_600
    parity: Literal["N", "E", "O"] = "N"
    turnaround_ms: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 20


class SimSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The process.

    `home` is the simulator's own folder (`sim` in the deployment's home) and holds the truth log. `clock` is the campus
    clock's file (unset: UTC); port 0 for metrics or control switches it off.
    """

    home: Path
    clock: Path | None = None
    clock_wait_s: Annotated[int, msgspec.Meta(ge=0, le=600)] = 30
    host: str = "127.0.0.1"
    base_port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 15_020
    meters: list[MeterSettings]
    lines: list[LineSettings] = []
    seed: int = 1
    metrics_port: Port = 0
    control_port: Port = 0
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    truth_pieces_kept: Annotated[int, msgspec.Meta(ge=2, le=10_000)] = 32
