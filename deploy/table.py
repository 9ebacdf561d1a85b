"""Draws what a running box does as one live table. Where the figures come from is `observe.py`'s affair."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from rich import box
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.observe import MeterLine, Snapshot
from deploy.site import HOST, Site
from gridkit.agent_status import summary, told
from gridkit.interval import INTERVAL_S
from gridkit.units import ATOMS_PER_WH, format_decimal

_NS = 1_000_000_000


WIDE = 104


def render(site: Site, snapshot: Snapshot, note: str = "", *, width: int = WIDE) -> Group:
    """Return the whole picture: troubles, meters, what became of their readings, energy and money, and where to look further.

    Args:
        width: Columns of the terminal; below 104 the meters' families are left out, and 80 are enough for the rest.
    """
    return Group(
        _head(site, snapshot),
        _troubles(snapshot, width),
        _meters(snapshot, wide=width >= WIDE),
        _readings(snapshot, wide=width >= WIDE),
        _energy(snapshot),
        _places(site, note),
    )


def _head(site: Site, snapshot: Snapshot) -> Text:
    campus = datetime.fromtimestamp(snapshot.campus_ns // _NS, UTC)
    into = snapshot.campus_ns // _NS % INTERVAL_S
    return Text(
        f"campus time {campus:%Y-%m-%d %H:%M:%S} UTC (x{site.speed})  "
        f"interval {snapshot.interval} at {into // 60:02d}:{into % 60:02d}  slot {snapshot.slot}",
        style="bold",
    )


def _troubles(snapshot: Snapshot, width: int) -> Text:
    lines = [line for agent in snapshot.agents for line in told(agent, width)]
    return Text("\n".join([*lines, summary(snapshot.agents)]), style="" if not lines else "bold red")


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))


def _meters(snapshot: Snapshot, *, wide: bool) -> Table:
    table = _table("Meters: registers as last proven, and their owners' GRID")
    table.add_column("meter", no_wrap=True)
    if wide:
        table.add_column("family", no_wrap=True)
    for name in ("no", "zone", "import kWh", "export kWh", *(("interval",) if wide else ()), "proven", "GRID", "debt"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in snapshot.meters:
        table.add_row(*_row(line, wide=wide))
    return table


def _row(line: MeterLine, *, wide: bool) -> tuple[str, ...]:
    read = line.applied > 0
    family = (line.family,) if wide else ()
    return (
        line.label,
        *family,
        str(line.number),
        str(line.zone),
        format_decimal(line.import_wh, 3) if read else "-",
        format_decimal(line.export_wh, 3) if read else "-",
        *((str(line.last_interval) if read else "-",) if wide else ()),
        f"{line.applied}{'' if line.settled else '*'}",
        _grid(line.balance_atoms),
        _grid(line.debt_atoms) if line.debt_atoms else "",
    )


def _grid(atoms: int) -> str:
    """Return GRID with three decimals: settlement works in whole Wh, so nothing is cut that metering made."""
    return format_decimal(atoms // ATOMS_PER_WH, 3)


def _readings(snapshot: Snapshot, *, wide: bool) -> Table:
    table = _table("Readings (signed and refused: since the processes started)")
    cells = {
        "signed": snapshot.signed,
        "spooled": snapshot.backlog,
        "stored": snapshot.stored,
        **({"waiting": snapshot.pending} if wide else {}),
        "posted": snapshot.posted,
        "settled": snapshot.states.get("settled", 0),
        "withheld": snapshot.states.get("withheld", 0),
        "superseded": snapshot.states.get("superseded", 0),
        "refused": snapshot.refused,
    }
    for name in cells:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row(*(f"{value:,}" for value in cells.values()))
    return table


def _energy(snapshot: Snapshot) -> Table:
    table = _table("GRID (1 GRID = 1 kWh)")
    cells = {
        "minted": snapshot.minted_atoms,
        "burnt": snapshot.burned_atoms,
        "debt": snapshot.debt_atoms,
        "supply": snapshot.supply_atoms,
    }
    for name in (*cells, "trades"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row(*(_grid(value) for value in cells.values()), f"{snapshot.trades:,}")
    return table


def _places(site: Site, note: str) -> Panel:
    ports = site.ports
    lines = [
        f"API and its pages   {site.api_url}/docs",
        f"chain               {site.rpc_url} (WebSocket {ports.rpc + 1})",
        f"MQTT broker         {HOST}:{ports.broker}, topics cg/v1/#",
        f"meters (Modbus TCP) {HOST}:{ports.meters} to {ports.meters + len(site.fleet) - 1}",
        f"their faults        http://{HOST}:{ports.control} (campusgrid sim menu, sim on)",
        f"bridge              http://{HOST}:{site.bridge_metrics}/status",
        f"people, passwords   {_short(site.home / 'accounts.json')}",
        f"logs                {_short(site.home / 'log')}",
    ]
    return Panel("\n".join(lines + ([note] if note else [])), title="Where to look", title_align="left")


def _short(path: Path) -> str:
    """Return a path as one would type it: relative below the current folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
