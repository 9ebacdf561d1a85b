"""Every meter of the registry, read from the chain and kept for some seconds."""

from __future__ import annotations

import base64
import threading
import time

import msgspec

from gridkit.chain.deployment import Deployment
from gridkit.chain.rpc import Rpc
from gridkit.chain.tx import Pubkey

_AGE_S = 10.0
_METER_SIZE = 384
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
        options = {"encoding": "base64", "commitment": "confirmed", "filters": [{"dataSize": _METER_SIZE}]}
        found = self._rpc.call("getProgramAccounts", self._program, options)
        meters = (_meter(base64.b64decode(item["account"]["data"][0])) for item in found)
        return {meter.number: meter for meter in meters}


def _meter(data: bytes) -> Meter:
    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], "little")

    return Meter(
        number=number(12, 4),
        meter_id=data[16:32].hex(),
        owner=str(Pubkey.from_bytes(data[32:64])),
        status=_name(_STATUS, data[10]),
        kind=_name(_KIND, data[11]),
        zone=number(64, 2),
        slot=number(66, 2),
        capacity_w=number(68, 4),
        max_wh_interval=number(72, 4),
        key_epoch=number(76, 2),
        register_epoch=number(78, 2),
        key=data[80:112].hex(),
    )


def _name(names: tuple[str, ...], index: int) -> str:
    return names[index] if index < len(names) else f"unknown_{index}"
