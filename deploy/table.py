"""Draws what a running box does as one live table. Where the figures come from is `observe.py`'s affair."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.observe import MeterLine, Snapshot
from deploy.site import HOST, Site
from gridkit.interval import INTERVAL_S
from gridkit.units import format_decimal

_NS = 1_000_000_000


def render(site: Site, snapshot: Snapshot, note: str = "") -> Group:
    """Return the whole picture: meters, what became of their readings, energy and money, and where to look further."""
    return Group(_head(site, snapshot), _meters(snapshot), _readings(snapshot), _energy(snapshot), _places(site, note))


def _head(site: Site, snapshot: Snapshot) -> Text:
    campus = datetime.fromtimestamp(snapshot.campus_ns // _NS, UTC)
    into = snapshot.campus_ns // _NS % INTERVAL_S
    return Text(
        f"campus time {campus:%Y-%m-%d %H:%M:%S} UTC (x{site.speed})   "
        f"interval {snapshot.interval}, {into // 60:02d}:{into % 60:02d} of 15:00   slot {snapshot.slot}",
        style="bold",
    )


def _meters(snapshot: Snapshot) -> Table:
    table = Table(title="Meters", title_justify="left", expand=True)
    for name in ("meter", "no", "zone", "family"):
        table.add_column(name)
    for name in ("import kWh", "export kWh", "signed for", "proven", "GRID", "debt"):
        table.add_column(name, justify="right")
    for line in snapshot.meters:
        table.add_row(*_row(line))
    return table


def _row(line: MeterLine) -> tuple[str, ...]:
    read = line.applied > 0
    return (
        line.label,
        str(line.number),
        str(line.zone),
        line.family,
        format_decimal(line.import_wh, 3) if read else "-",
        format_decimal(line.export_wh, 3) if read else "-",
        str(line.last_interval) if read else "-",
        f"{line.applied}{'' if line.settled else ' *'}",
        format_decimal(line.balance_atoms, 6),
        format_decimal(line.debt_atoms, 6) if line.debt_atoms else "",
    )


def _readings(snapshot: Snapshot) -> Table:
    table = Table(title="Readings", title_justify="left", expand=True)
    cells = {
        "signed": snapshot.signed,
        "in spools": snapshot.backlog,
        "stored, receipted": snapshot.stored,
        "to be posted": snapshot.pending,
        "posted on chain": snapshot.posted,
        "settled": snapshot.states.get("settled", 0),
        "superseded": snapshot.states.get("superseded", 0),
        "withheld": snapshot.states.get("withheld", 0),
        "refused": snapshot.refused,
    }
    for name in cells:
        table.add_column(name, justify="right")
    table.add_row(*(f"{value:,}" for value in cells.values()))
    return table


def _energy(snapshot: Snapshot) -> Table:
    table = Table(title="GRID (1 GRID = 1 kWh)", title_justify="left", expand=True)
    cells = {
        "minted": snapshot.minted_atoms,
        "burnt": snapshot.burned_atoms,
        "debt": snapshot.debt_atoms,
        "supply": snapshot.supply_atoms,
    }
    for name in (*cells, "trades"):
        table.add_column(name, justify="right")
    table.add_row(*(format_decimal(value, 6) for value in cells.values()), f"{snapshot.trades:,}")
    return table


def _places(site: Site, note: str) -> Panel:
    ports = site.ports
    lines = [
        f"API and its pages   {site.api_url}/docs",
        f"chain               {site.rpc_url} (WebSocket {ports.rpc + 1})",
        f"MQTT broker         {HOST}:{ports.broker}, topics cg/v1/#",
        f"meters (Modbus TCP) {HOST}:{ports.meters} to {ports.meters + len(site.fleet) - 1}",
        f"bridge              http://{HOST}:{site.bridge_metrics}/status",
        f"people, passwords   {site.home / 'accounts.json'}",
        f"logs                {site.home / 'log'}",
    ]
    return Panel("\n".join(lines + ([note] if note else [])), title="Where to look", title_align="left")
