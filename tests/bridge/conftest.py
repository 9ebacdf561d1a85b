"""Fixtures of the bridge's tests: a fake chain, a store on disk, and an intake and a worker joined to them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

sys.path.insert(0, str(Path(__file__).parent))

import bridge_fakes as fakes

from gridkit import receipt
from gridkit.chain.sender import Sender
from gridkit.chain.tx import Signer
from gridkit.clock import NS_PER_S, FakeClock
from oracle_bridge.intake import Intake, Message
from oracle_bridge.metrics import Metrics
from oracle_bridge.post import ZoneWorker
from oracle_bridge.registry import MeterCache
from oracle_bridge.store import Store, open_engine

RECEIPT_KEY = SigningKey(bytes(range(32)))
POSTER_KEY = SigningKey(bytes(range(1, 33)))


class Bench:
    """Everything of one bridge but the broker, with clocks that move when told to."""

    def __init__(self, folder: Path, zones: tuple[int, ...] = (1,)) -> None:
        self.folder = folder
        self.clock = FakeClock(fakes.end_of(fakes.BASE_INTERVAL + 10) * NS_PER_S)
        self.chain = fakes.FakeChain(lambda: self.clock.now_ns() // NS_PER_S, zones)
        self.rpc = fakes.FakeRpc(self.chain)
        self.on = fakes.make_deployment(zones)
        self.wall_s = 0.0
        self.start()

    def start(self) -> None:
        """Join the parts anew, as after a restart of the process: only the store and the chain remember."""
        self.metrics = Metrics()
        self.store = Store(open_engine(f"sqlite:///{self.folder / 'bridge.db'}"))
        self.meters = MeterCache(self.rpc, self.on.programs["registry"], 10.0, lambda: self.wall_s)
        self.intake = Intake(self.store, self.meters, self.clock, fakes.TAG, RECEIPT_KEY, self.metrics)
        sender = Sender(self.rpc, monotonic=lambda: self.wall_s, sleep=self._sleep, give_up_s=400.0)
        self.workers = {
            zone: ZoneWorker(
                self.rpc,
                sender,
                self.on,
                zone,
                Signer(POSTER_KEY),
                self.store,
                self.meters,
                self.metrics,
                lambda: self.wall_s,
            )
            for zone in self.chain.zones
        }

    def _sleep(self, seconds: float) -> None:
        self.wall_s += seconds
        self.chain.height += 1

    def send(self, *messages: tuple[str, bytes]) -> list[int | None]:
        """Hand messages to the intake as one batch; return the verdicts of the receipts, which are checked."""
        replies = self.intake.process([Message(topic, payload) for topic, payload in messages])
        verdicts: list[int | None] = []
        for reply, (_, payload) in zip(replies, messages, strict=True):
            if reply is None:
                verdicts.append(None)
                continue
            said = receipt.verify_receipt(reply.payload, [bytes(RECEIPT_KEY.verify_key)], fakes.TAG)
            assert said.payload_sha256 == receipt.payload_sha256(payload)
            verdicts.append(said.verdict)
        return verdicts

    def step(self, zone: int = 1, times: int = 1) -> None:
        """Let a zone's worker work; a little wall time passes before each step."""
        for _ in range(times):
            self.wall_s += 11.0
            self.workers[zone].step()

    def states(self) -> dict[str, int]:
        """Return the number of readings by state, without zeros."""
        return {state.name.lower(): count for state, count in self.store.totals().items() if count}

    def refusals(self) -> dict[str, int]:
        """Return refusals by reason."""
        return self.metrics.refusals()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Any]:
    """A bridge of one zone with three meters."""
    made = Bench(tmp_path)
    for number in (1, 2, 3):
        made.chain.enrol(fakes.FakeMeter(number))
    yield made
    made.rpc.close()


@pytest.fixture(scope="session")
def bench_type() -> type[Bench]:
    """The class itself, for a test that wants a fresh bench for each of its examples."""
    return Bench
