"""One box: its home folder, ports, meters and keys, and the configuration file of each process. Starting them is decided elsewhere."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomli_w
from nacl.signing import SigningKey

from deploy.ports import Ports
from firmware_sim.fleet import FleetMeter, default_fleet
from gridkit import keys
from gridkit.chain.tx import Signer
from gridkit.durable import write_durably
from gridkit.settings import END

CHECKOUT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
AGENTS = (1, 2)


class Site:
    """The paths, ports and meters of one box.

    Args:
        home: Everything that this box keeps stands below it.
        ports: TCP ports.
        meter_count: Simulated meters.
        speed: Campus seconds in one wall second.
    """

    def __init__(self, home: Path, ports: Ports, meter_count: int, speed: int) -> None:
        self.home, self.ports, self.speed = home.resolve(), ports, speed
        self.fleet: list[FleetMeter] = default_fleet(meter_count, ports.meters)

    # Places

    @property
    def clock(self) -> Path:
        """The campus clock, owned by the local chain."""
        return self.home / "clock"

    @property
    def deployment(self) -> Path:
        """Program ids and addresses of this deployment."""
        return self.home / "deployment.json"

    @property
    def bridge_store(self) -> str:
        """SQLAlchemy URL of the bridge's store."""
        return f"sqlite:///{self.home / 'bridge' / 'bridge.db'}"

    @property
    def rpc_url(self) -> str:
        """JSON-RPC of the local chain."""
        return f"http://{HOST}:{self.ports.rpc}"

    @property
    def ws_url(self) -> str:
        """WebSocket of the local chain: RPC port + 1."""
        return f"ws://{HOST}:{self.ports.rpc + 1}"

    @property
    def api_url(self) -> str:
        """The gateway's API."""
        return f"http://{HOST}:{self.ports.gateway}/api/v1"

    def agent_name(self, agent: int) -> str:
        """Return an edge agent's id."""
        return f"edge-{agent}"

    def agent_home(self, agent: int) -> Path:
        """Return an edge agent's folder."""
        return self.home / self.agent_name(agent)

    def agent_metrics(self, agent: int) -> int:
        """Return an edge agent's metrics port."""
        return self.ports.metrics + agent

    @property
    def bridge_metrics(self) -> int:
        """The bridge's metrics and status port."""
        return self.ports.metrics

    @property
    def sim_metrics(self) -> int:
        """The simulator's metrics port."""
        return self.ports.metrics + len(AGENTS) + 1

    def config(self, name: str) -> Path:
        """Return the configuration file of a process."""
        return self.home / "config" / f"{name}.toml"

    # Keys

    def key(self, name: str) -> SigningKey:
        """Return the key of that name, made at first use with mode 0600."""
        folder = self.home / "keys"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return keys.load_or_create(folder / f"{name}.json")

    def key_file(self, name: str) -> Path:
        """Return the file of a key, making the key if it is missing."""
        self.key(name)
        return self.home / "keys" / f"{name}.json"

    def signer(self, name: str) -> Signer:
        """Return the key of that name as a signer."""
        return Signer(self.key(name))

    def device_key_file(self, meter: FleetMeter) -> Path:
        """Return where the agent of a meter keeps its device key."""
        return self.agent_home(meter.agent) / "keys" / f"{safe_name(meter.settings.serial)}.json"

    def meter_id(self, meter: FleetMeter) -> bytes:
        """Return the 16-byte meter id: the label, zero-padded, or its hash when it is longer (a campus would use its asset numbers)."""
        label = meter.label.encode()
        return label.ljust(16, b"\0") if len(label) <= 16 else hashlib.sha256(label).digest()[:16]

    # Configurations

    def write(self, name: str, section: str, table: dict[str, Any]) -> Path:
        """Write one process's TOML file, whole, readable by the owner alone, and return its path."""
        path = self.config(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        plain = {section: {key: _plain(value) for key, value in table.items()}}
        write_durably(path, f"{tomli_w.dumps(plain)}{END}\n".encode(), 0o600)
        return path

    def agents(self) -> list[int]:
        """Return the agents that have meters."""
        return sorted({meter.agent for meter in self.fleet})

    def meters_of(self, agent: int) -> list[FleetMeter]:
        """Return the meters that an agent reads."""
        return [meter for meter in self.fleet if meter.agent == agent]


def python() -> str:
    """Return this environment's interpreter."""
    return sys.executable


def localnet_python() -> str:
    """Return the interpreter of the local chain's own environment; CAMPUSGRID_LOCALNET_PYTHON overrides it.

    Raises:
        FileNotFoundError: There is none; `make setup` makes it.
    """
    named = os.environ.get("CAMPUSGRID_LOCALNET_PYTHON")
    path = Path(named) if named else CHECKOUT / ".venv-localnet" / "bin" / "python"
    if not path.exists():
        raise FileNotFoundError(f"{path}: the local chain's environment is missing; run `make setup`")
    return str(path)


def safe_name(text: str) -> str:
    """Return `text` as a file name: anything but letters, digits, dot and dash becomes a dash."""
    return "".join(c if c.isalnum() or c in ".-" else "-" for c in text)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
