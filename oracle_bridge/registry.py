"""Keeps the registry's meters at hand: what the chain said, and no longer ago than a revocation may take.

It decides when to ask the chain again; what a record means for a reading is judged elsewhere.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from gridkit.chain import accounts
from gridkit.chain.rpc import RpcError
from gridkit.log import get_logger
from oracle_bridge.judge import DeviceKey, Meter, MeterStatus

log = get_logger("bridge.registry")

_STATUS = (MeterStatus.PENDING, MeterStatus.ACTIVE, MeterStatus.SUSPENDED, MeterStatus.RETIRED)
_LOOK_AGAIN_S = 0.2
_FAILED_RETRY_S = 0.5


class Node(Protocol):
    """The part of `gridkit.chain.rpc.Rpc` that this file uses."""

    def call(self, method: str, *params: Any) -> Any:
        """Return the result of one JSON-RPC call."""


class RegistryUnavailableError(RpcError):
    """The chain does not answer and what is known is too old to be believed."""

    can_retry = True


class MeterCache:
    """Every meter of the registry, at most `max_age_s` old.

    Args:
        node: The chain.
        program_id: Registry program, base58.
        max_age_s: Oldest record that is believed, wall seconds: the delay of a revocation.
        monotonic: Wall time, replaced in tests.
    """

    def __init__(
        self,
        node: Node,
        program_id: str,
        max_age_s: float = 10.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._node, self._program_id, self._max_age_s, self._monotonic = node, program_id, max_age_s, monotonic
        self._lock = threading.Lock()
        self._meters: dict[int, Meter] = {}
        self._addresses: dict[int, str] = {}
        self._read_at_s = float("-inf")
        self._tried_at_s = float("-inf")

    @property
    def age_s(self) -> float:
        """Wall seconds since the registry was read."""
        return self._monotonic() - self._read_at_s

    def meters(self) -> dict[int, Meter]:
        """Return every meter by number, at most `max_age_s` old; asks the chain again at half that age.

        Raises:
            RegistryUnavailableError: What is known is older, and the chain does not answer.
        """
        with self._lock:
            if self.age_s > self._max_age_s / 2:
                self._refresh(_FAILED_RETRY_S)
            if self.age_s > self._max_age_s:
                raise RegistryUnavailableError(f"the registry was last read {self.age_s:.0f} s ago")
            return self._meters

    def now_s(self) -> float:
        """Return wall time, monotonic seconds."""
        return self._monotonic()

    def look_again(self, since_s: float) -> bool:
        """Ask the chain unless it was asked since then, at most five times a second; return whether what is known was read since then.

        For what is not known here, or was otherwise when it was last read: a new meter, a rotation, a swap.
        """
        with self._lock:
            if self._read_at_s < since_s:
                self._refresh(_LOOK_AGAIN_S)
            return self._read_at_s >= since_s

    def address(self, meter_number: int) -> str | None:
        """Return the address of a meter's account, base58, or None."""
        return self._addresses.get(meter_number)

    def _refresh(self, pause_s: float) -> None:
        now_s = self._monotonic()
        if now_s - self._tried_at_s < pause_s:
            return
        self._tried_at_s = now_s
        options = {
            "encoding": "base64",
            "commitment": "confirmed",
            "filters": [{"dataSize": accounts.METER_SIZE}],
        }
        try:
            found = self._node.call("getProgramAccounts", self._program_id, options)
        except RpcError as error:
            log.warning("registry_unreachable", error=str(error), age_s=round(self.age_s, 1))
            return
        meters: dict[int, Meter] = {}
        addresses: dict[int, str] = {}
        for item in found:
            try:
                record = accounts.decode_meter(base64.b64decode(item["account"]["data"][0]))
                meter = meter_of(record)
            except (accounts.AccountError, IndexError) as error:
                log.warning("registry_account_unreadable", account=item.get("pubkey"), error=str(error))
                continue
            meters[meter.meter_number] = meter
            addresses[meter.meter_number] = str(item["pubkey"])
        self._meters, self._addresses, self._read_at_s = meters, addresses, now_s


def meter_of(record: accounts.Meter) -> Meter:
    """Return what judging needs of a registry account."""
    return Meter(
        meter_number=record.meter_number,
        zone=record.zone,
        slot=record.slot,
        status=_STATUS[record.status],
        register_epoch=record.register_epoch,
        max_wh_interval=record.max_wh_interval,
        keys=tuple(
            DeviceKey(key.key, key.first_interval, key.epoch, bool(key.flags & accounts.KEY_COMPROMISED))
            for key in record.keys
        ),
    )
