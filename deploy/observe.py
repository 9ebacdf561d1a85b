"""Looks at a running box from outside: the chain over RPC, the bridge's tables, the edge agents' metrics. It changes nothing."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

import msgspec
import sqlalchemy as sa

from deploy.site import HOST, Site
from gridkit import agent_status
from gridkit.agent_status import AgentSilentError, AgentStatus, MeterStatus
from gridkit.chain import accounts
from gridkit.chain.deployment import Deployment
from gridkit.chain.rpc import Rpc
from gridkit.clock import ClockError, open_clock
from gridkit.enrolment import format_meter_id
from gridkit.interval import INTERVAL_S

_NS = 1_000_000_000
_HTTP_S = 2.0
_SAMPLE = re.compile(r"^([a-z_:][a-z0-9_:]*)(?:\{([^}]*)\})? ([0-9.eE+-]+)$", re.IGNORECASE)

Metrics = dict[str, list[tuple[dict[str, str], int]]]


class MeterLine(msgspec.Struct, frozen=True):
    """One meter as the chain has it: registers in Wh, balances of its owner's row in atoms."""

    label: str
    number: int
    zone: int
    slot: int
    family: str
    last_interval: int
    applied: int
    import_wh: int
    export_wh: int
    acc_import_wh: int
    acc_export_wh: int
    settled: bool
    balance_atoms: int
    debt_atoms: int


class Snapshot(msgspec.Struct, frozen=True):
    """One look at a box; atoms, and counts of readings by state."""

    campus_ns: int
    interval: int
    slot: int
    meters: list[MeterLine]
    states: dict[str, int]
    signed: int
    backlog: int
    refused: int
    minted_atoms: int
    burned_atoms: int
    debt_atoms: int
    supply_atoms: int
    trades: int
    agents: list[AgentStatus] = []

    @property
    def stored(self) -> int:
        """Readings in the bridge's table, whatever became of them."""
        return sum(self.states.values())

    @property
    def posted(self) -> int:
        """Readings that the ledger's roots hold: posted or settled."""
        return self.states.get("posted", 0) + self.states.get("settled", 0)

    @property
    def pending(self) -> int:
        """Stored readings whose turn to be posted has not come."""
        return self.states.get("stored", 0)


class Observer:
    """Looks at one box.

    Args:
        site: Paths and ports.
        deployment: Its deployment.
    """

    def __init__(self, site: Site, deployment: Deployment) -> None:
        self._site, self._on = site, deployment
        self._rpc = Rpc(site.rpc_url)
        path = site.bridge_store.removeprefix("sqlite:///")
        self._store = sa.create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")
        self._labels = {site.meter_id(meter).hex(): meter for meter in site.fleet}

    def look(self) -> Snapshot:
        """Return what is there now.

        Raises:
            gridkit.chain.rpc.RpcError: The chain does not answer.
        """
        zones = sorted(self._on.zones)
        slabs = [self._on.zones[zone].slab for zone in zones]
        ledgers = [self._on.zones[zone].ledger for zone in zones]
        found = self._rpc.accounts([*slabs, *ledgers])
        decoded = [account for account in found if account is not None]
        slab_list = [accounts.decode_slab(account.data) for account in decoded[: len(zones)]]
        ledger_list = [accounts.decode_ledger(account.data) for account in decoded[len(zones) :]]
        head = self._rpc.account(self._on.market, offset=0, length=accounts.MARKET_HEAD_SIZE)
        campus_ns = self._campus_ns()
        edge = [self.metrics(self._site.agent_metrics(agent)) for agent in self._site.agents()]
        bridge = self.metrics(self._site.bridge_metrics)
        return Snapshot(
            campus_ns=campus_ns,
            interval=campus_ns // (INTERVAL_S * _NS),
            slot=decoded[0].slot if decoded else 0,
            meters=self._meters(slab_list, ledger_list),
            states=self._states(),
            signed=sum(total(metrics, "campusgrid_edge_readings_total") for metrics in edge),
            backlog=sum(total(metrics, "campusgrid_edge_backlog") for metrics in edge),
            refused=total(bridge, "campusgrid_bridge_readings_refused_total"),
            minted_atoms=sum(ledger.minted_atoms for ledger in ledger_list),
            burned_atoms=sum(ledger.burned_atoms for ledger in ledger_list),
            debt_atoms=sum(ledger.debt_atoms for ledger in ledger_list),
            supply_atoms=self._rpc.token_supply_atoms(self._on.grid_mint),
            trades=0 if head is None else accounts.decode_market_head(head.data).trade_seq,
            agents=[self.agent(agent, campus_ns // 1_000_000) for agent in self._site.agents()],
        )

    def _campus_ns(self) -> int:
        try:
            return open_clock(self._site.clock).now_ns()
        except ClockError:
            return 0

    def agent(self, agent: int, now_ms: int) -> AgentStatus:
        """Return what an edge agent says of its meters, by the labels that they have here; where it does not answer, that."""
        labels = {format_meter_id(self._site.meter_id(meter)): meter for meter in self._site.meters_of(agent)}
        port = self._site.agent_metrics(agent)
        try:
            said = agent_status.decode(agent_status.ask(HOST, port), f"{HOST}:{port}")
        except AgentSilentError as error:
            meters = [
                MeterStatus(meter_id=meter.label, expected_serial=meter.settings.serial) for meter in labels.values()
            ]
            return agent_status.silent(self._site.agent_name(agent), meters, now_ms, str(error))
        meters = [
            msgspec.structs.replace(meter, meter_id=labels[meter.meter_id].label) if meter.meter_id in labels else meter
            for meter in said.meters
        ]
        return msgspec.structs.replace(said, meters=meters)

    def _states(self) -> dict[str, int]:
        try:
            with self._store.connect() as db:
                return {str(state): int(n) for state, n in db.execute(sa.text("SELECT state, count FROM totals_view"))}
        except sa.exc.OperationalError:  # the bridge has not made its tables yet
            return {}

    def _meters(self, slabs: list[accounts.Slab], ledgers: list[accounts.Ledger]) -> list[MeterLine]:
        families = {meter.label: meter for meter in self._site.fleet}
        by_number = self._numbers()
        lines = []
        for slab, ledger in zip(slabs, ledgers, strict=True):
            for slot, entry in slab.entries.items():
                label = by_number.get(entry.meter_number, f"meter {entry.meter_number}")
                settled = ledger.meters.get(slot)
                row = ledger.rows.get(settled.row) if settled is not None else None
                done = settled is not None and (settled.settled_import_wh, settled.settled_export_wh) == (
                    entry.acc_import_wh,
                    entry.acc_export_wh,
                )
                meter = families.get(label)
                lines.append(
                    MeterLine(
                        label=label,
                        number=entry.meter_number,
                        zone=slab.zone,
                        slot=slot,
                        family=meter.settings.profile if meter else "?",
                        last_interval=entry.last_interval,
                        applied=entry.applied_count,
                        import_wh=entry.import_wh,
                        export_wh=entry.export_wh,
                        acc_import_wh=entry.acc_import_wh,
                        acc_export_wh=entry.acc_export_wh,
                        settled=done,
                        balance_atoms=row.balance_atoms if row else 0,
                        debt_atoms=row.debt_atoms if row else 0,
                    )
                )
        return sorted(lines, key=lambda line: line.number)

    def _numbers(self) -> dict[int, str]:
        """Return the label of each registered meter number, read from the registry once."""
        if not hasattr(self, "_known_numbers"):
            addresses = [self._on.meter(self._site.meter_id(meter)) for meter in self._site.fleet]
            found = self._rpc.accounts(addresses, offset=12, length=4)
            self._known_numbers = {
                int.from_bytes(account.data, "little"): meter.label
                for meter, account in zip(self._site.fleet, found, strict=True)
                if account is not None
            }
        return self._known_numbers

    @staticmethod
    def metrics(port: int) -> Metrics:
        """Return a process's Prometheus samples; empty when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=_HTTP_S) as answer:
                return parse_metrics(answer.read().decode())
        except (urllib.error.URLError, OSError, ValueError):
            return {}


def parse_metrics(text: str) -> Metrics:
    """Return samples by metric name; values are counts and gauges of whole things."""
    found: Metrics = {}
    for line in text.splitlines():
        matched = _SAMPLE.match(line.strip())
        if matched is None:
            continue
        labels = dict(part.split("=", 1) for part in (matched[2] or "").split(",") if "=" in part)
        found.setdefault(matched[1], []).append(
            ({name: value.strip('"') for name, value in labels.items()}, int(float(matched[3])))
        )
    return found


def total(metrics: Metrics, name: str) -> int:
    """Return the sum of a metric over its labels; 0 when it is absent."""
    return sum(value for _, value in metrics.get(name, []))
