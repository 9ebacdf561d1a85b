"""Every meter of the registry, read from the chain and kept for some seconds."""

from __future__ import annotations

import base64
import threading
import time

import msgspec

from gridkit.chain import accounts
from gridkit.chain.deployment import Deployment
from gridkit.chain.rpc import Rpc
from gridkit.chain.tx import Pubkey

_AGE_S = 10.0
_STATUS = ("pending", "active", "suspended", "retired")
_KIND = ("consumer", "producer", "prosumer")


class Meter(msgspec.Struct, frozen=True):
    """One meter of the registry; power in W, energy bound in Wh an interval."""

    number: int
    meter_id: str
    owner: str
    status: str
    kind: str
    zone: int
    slot: int
    capacity_w: int
    max_wh_interval: int
    key_epoch: int
    register_epoch: int
    key: str


class Directory:
    """The registry's meters, at most 10 s old."""

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None:
        self._rpc, self._program = rpc, deployment.programs["registry"]
        self._meters: dict[int, Meter] = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    def all(self) -> dict[int, Meter]:
        """Return every meter by number."""
        with self._lock:
            if time.monotonic() - self._read_at > _AGE_S:
                self._meters = self._read()
                self._read_at = time.monotonic()
            return self._meters

    def _read(self) -> dict[int, Meter]:
        options = {"encoding": "base64", "commitment": "confirmed", "filters": [{"dataSize": accounts.METER_SIZE}]}
        found = self._rpc.call("getProgramAccounts", self._program, options)
        meters = (_meter(base64.b64decode(item["account"]["data"][0])) for item in found)
        return {meter.number: meter for meter in meters}


def _meter(data: bytes) -> Meter:
    found = accounts.decode_meter(data)
    return Meter(
        number=found.meter_number,
        meter_id=found.meter_id.hex(),
        owner=str(Pubkey.from_bytes(found.owner)),
        status=_name(_STATUS, found.status),
        kind=_name(_KIND, found.kind),
        zone=found.zone,
        slot=found.slot,
        capacity_w=found.capacity_w,
        max_wh_interval=found.max_wh_interval,
        key_epoch=found.key_epoch,
        register_epoch=found.register_epoch,
        key=found.keys[0].key.hex() if found.keys else "",
    )


def _name(names: tuple[str, ...], index: int) -> str:
    return names[index] if index < len(names) else f"unknown_{index}"
