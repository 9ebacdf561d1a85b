"""Runs the zones' workers in one thread: soon after something was stored or posted, else every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from gridkit.chain.rpc import RpcError
from gridkit.log import get_logger
from oracle_bridge.metrics import Metrics
from oracle_bridge.post import ZoneWorker
from oracle_bridge.store import Store

log = get_logger("bridge.chain")

LINGER_S = 0.2
"""After the first reading of a burst, wait so long for the others: a transaction holds twelve."""
IDLE_S = 2.0
RETRY_S = (0.5, 1.0, 2.0, 5.0)


class ChainLoop(threading.Thread):
    """The thread that posts, follows and settles.

    Args:
        workers: One for each zone.
        store: For the figures by state.
        metrics: Counters.
    """

    def __init__(self, workers: Sequence[ZoneWorker], store: Store, metrics: Metrics) -> None:
        super().__init__(name="chain", daemon=True)
        self.workers, self._store, self._metrics = tuple(workers), store, metrics
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self.chain_ok = False

    def wake(self) -> None:
        """Say that there may be something to do."""
        self._wake.set()

    def stop(self) -> None:
        """Ask the thread to end after the step it is in."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Work until stopped; a fault of one zone does not stop the others."""
        failures = 0
        while not self._stopping.is_set():
            busy, failed = False, False
            for worker in self.workers:
                if self._stopping.is_set():
                    return
                try:
                    step = worker.step()
                    busy = busy or step.busy
                    if step.posted or step.settled:
                        log.info("zone_advanced", zone=worker.zone, posted=step.posted, settled=step.settled)
                except RpcError as error:
                    failed = True
                    log.warning("chain_unreachable", zone=worker.zone, error=str(error))
                except Exception:
                    failed = True
                    self._metrics.fault("chain")
                    log.exception("zone_step_failed", zone=worker.zone)
            self._show(ok=not failed)
            failures = failures + 1 if failed else 0
            self._pause(busy=busy, failures=failures)

    def _pause(self, *, busy: bool, failures: int) -> None:
        if failures:
            self._stopping.wait(RETRY_S[min(failures - 1, len(RETRY_S) - 1)])
        elif not busy and self._wake.wait(IDLE_S) and not self._stopping.is_set():
            time.sleep(LINGER_S)
        self._wake.clear()

    def _show(self, *, ok: bool) -> None:
        self.chain_ok = ok
        self._metrics.chain_ok.set(int(ok))
        try:
            self._metrics.totals(self._store.totals())
        except Exception:
            self._metrics.fault("totals")
            log.exception("totals_unreadable")
