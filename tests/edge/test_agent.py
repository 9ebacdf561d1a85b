"""The agent's decisions with a bus, a broker and a clock in memory."""

from __future__ import annotations

import asyncio
import itertools
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nacl.signing import SigningKey

import edge
import gridkit
from edge.agent import Agent
from edge.broker import Acknowledged, Connected, Disconnected, Event, Incoming
from edge.configuration import RETRY_S
from edge.errors import SpoolError
from edge.frame import Refusal, Refused
from edge.rounds import DEAD_AFTER
from edge.settings import EdgeSettings, MeterSettings
from edge.spool import LOG_BYTES
from edge.unreachable import Trouble
from gridkit.clock import UNKNOWN_ERROR_MS, FakeClock
from gridkit.enrolment import AgentConfig, ConfiguredMeter, encode_config
from gridkit.interval import INTERVAL_S
from gridkit.keys import create_key, load_key
from gridkit.quality import NO_POST_MASK, Quality
from gridkit.reading import decode_core, decode_detail, split_payload, verify_core
from gridkit.receipt import Receipt, Verdict, encode_receipt, payload_sha256
from gridkit.topics import agent_config_topic, agent_status_topic, receipt_topic

TAG = b"\x01\x02\x03\x04"
BRIDGE, OPERATOR, STRANGER = (SigningKey(bytes([n]) * 32) for n in (1, 2, 3))
T0_S = 1_980_000 * INTERVAL_S
NS = 1_000_000_000


class FakeBroker:
    """A session in memory that is up from the start."""

    def __init__(self, settings: EdgeSettings, *, will_topic: str, will: bytes) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.connected = False
        self.will = (will_topic, will)
        self.published: list[tuple[str, bytes, bool]] = []
        self.subscribed: list[str] = []
        self.trouble: Trouble | None = None
        self._mid = 0

    def start(self) -> None:
        self.connected = True
        self.events.put_nowait(Connected())

    async def stop(self) -> None:
        self.connected = False

    def subscribe(self, topics: list[str]) -> None:
        self.subscribed += topics

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int | None:
        if not self.connected:
            return None
        self._mid += 1
        self.published.append((topic, payload, retain))
        self.events.put_nowait(Acknowledged(self._mid, True))
        return self._mid

    @property
    def readings(self) -> list[bytes]:
        return [payload for topic, payload, _ in self.published if topic.endswith("/reading")]


def meter_settings(tmp_path: Path, unit: int = 1, port: int = 502, **more: Any) -> MeterSettings:
    key_file = tmp_path / "keys" / f"M{unit}.json"
    if not key_file.exists():
        create_key(key_file, bytes([100 + unit]) * 32)
    return MeterSettings(
        id=f"M{unit}", profile="schneider-iem3155", host="bus", port=port, unit=unit, key_file=key_file, **more
    )


def edge_settings(tmp_path: Path, meters: list[MeterSettings], **more: Any) -> EdgeSettings:
    return EdgeSettings(
        **{
            "agent": "e1",
            "home": tmp_path / "edge",
            "mqtt_port": 1,
            "network_tag": TAG.hex(),
            "bridge_keys": (bytes(BRIDGE.verify_key).hex(),),
            "config_key": bytes(OPERATOR.verify_key).hex(),
            "meters": tuple(meters),
            **more,
        }
    )


def config(version: int, rows: dict[int, tuple[int, int, int]], key: SigningKey = OPERATOR) -> bytes:
    """rows: meter → (key epoch, first interval, register epoch)."""
    meters = tuple(
        ConfiguredMeter(f"M{m}".encode().ljust(16, b"\0"), 10 + m, 1, k, first, r) for m, (k, first, r) in rows.items()
    )
    return encode_config(AgentConfig(TAG, version, meters), key)


class Rig:
    """An agent whose rounds the test starts itself; its loops for receipts and sending run."""

    def __init__(self, tmp_path: Path, link: Any, meters: list[MeterSettings], **more: Any) -> None:
        self.clock = FakeClock((T0_S - 10) * NS, error_bound_ms=5)
        self.link = link
        self.settings = edge_settings(tmp_path, meters, **more)
        self.brokers: list[FakeBroker] = []
        self.agent = Agent(
            self.settings,
            self.clock,
            open_link=lambda endpoint: link,
            open_broker=self._open,  # type: ignore[arg-type]
        )
        self._tasks: list[asyncio.Task[Any]] = []

    def _open(self, settings: EdgeSettings, **more: Any) -> FakeBroker:
        self.brokers.append(FakeBroker(settings, **more))
        return self.brokers[-1]

    async def __aenter__(self) -> Rig:
        agent = self.agent
        (self.broker,) = self.brokers
        self.broker.start()
        for step in (agent.take_event, agent.receipts.step, agent.sender.step):
            self._tasks.append(asyncio.create_task(self._repeat(step)))
        await self.quiet()
        return self

    @staticmethod
    async def _repeat(step: Callable[[], Awaitable[None]]) -> None:
        while True:
            await step()

    async def __aexit__(self, *error: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.agent.spool_thread.close()

    async def quiet(self, until: Callable[[], bool] | None = None, limit_s: float = 60) -> None:
        """Let the loops work off what there is, or go on until something is so.

        They hand work to one another and to the disk's thread, where calls wait in line: a call of ours that comes back has seen
        all before it done. A receipt is put on disk, then the rows are counted, then the outbox looks what more there is to send.
        """
        end = asyncio.get_running_loop().time() + limit_s
        rounds_at_rest = 0
        while rounds_at_rest < 4:
            assert asyncio.get_running_loop().time() < end, "it never came"
            for _ in range(30):
                await asyncio.sleep(0)
            await self.agent.spool_thread.run(lambda: None)
            if until is not None:
                if until():
                    return
                await asyncio.sleep(0.005)
            elif self._busy():
                rounds_at_rest = 0
                await asyncio.sleep(0.005)
            else:
                rounds_at_rest += 1

    def _busy(self) -> bool:
        return not self.broker.events.empty() or bool(self.agent.receipts.pending)

    def deliver(self, topic: str, payload: bytes) -> None:
        self.broker.events.put_nowait(Incoming(topic, payload))

    async def configure(self, data: bytes) -> None:
        self.deliver(agent_config_topic("e1"), data)
        await self.quiet()

    async def round_at(self, at_s: int, at_boundary: bool = False) -> None:
        """One round at T0 + at_s campus seconds."""
        self.clock.set_ns((T0_S + at_s) * NS)
        now_s = asyncio.get_running_loop().time()
        for rounds in self.agent.rounds.values():
            if at_boundary:
                await rounds.at_boundary()
                continue
            for meter in rounds.meters:
                if meter.failures < DEAD_AFTER or meter.next_try_s <= now_s:
                    await rounds.turn(meter)
        await self.quiet()

    async def receipt(self, payload: bytes, verdict: int, key: SigningKey = BRIDGE, **change: Any) -> None:
        core = decode_core(payload[:47])
        fields = {
            "network_tag": TAG,
            "meter_number": core.meter_number,
            "payload_sha256": payload_sha256(payload),
            "verdict": verdict,
            **{k: v for k, v in change.items() if k != "topic_number"},
        }
        topic = receipt_topic(1, change.get("topic_number", core.meter_number))
        self.deliver(topic, encode_receipt(Receipt(**fields), key))
        await self.quiet()


@pytest.fixture
def bus(fake_link: Any, profile_meter: Any) -> Any:
    """Two meters on one bus."""
    for unit in (1, 2):
        fake_link.units[unit] = profile_meter("schneider-iem3155", serial=str(1000 + unit))
        fake_link.units[unit].import_wh = 1000 * unit
    return fake_link


async def test_a_quarter_hour_becomes_one_signed_reading_on_the_meters_topic(tmp_path: Path, bus: Any) -> None:
    """The whole way in memory: registers, boundary, detail, signature, spool, topic."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        assert receipt_topic(1, 11) in rig.broker.subscribed
        await rig.round_at(1)
        bus.units[1].import_wh = 1250
        bus.units[1].export_wh = 40
        await rig.round_at(450)
        await rig.round_at(900)
        opening, reading = (split_payload(p) for p in rig.broker.readings)
        key = bytes(SigningKey(bytes([101]) * 32).verify_key)
        assert verify_core(reading.core_bytes, reading.signature, key)
        core = decode_core(reading.core_bytes)
        assert (core.network_tag, core.meter_number, core.import_wh, core.export_wh) == (TAG, 11, 1250, 40)
        assert (core.interval, core.quality & NO_POST_MASK, core.clock_error_ms) == (T0_S // 900, 0, 5)
        detail = decode_detail(reading.detail_bytes)
        assert (detail.opening_import_wh, detail.meter_serial, detail.sample_count) == (1000, "1001", 2)
        assert detail.previous_core_hash == payload_sha256(opening.core_bytes)
        assert decode_detail(opening.detail_bytes).previous_core_hash == b""
        assert {topic for topic, payload, _ in rig.broker.published if payload in rig.broker.readings} == {
            "cg/v1/1/11/reading"
        }


async def test_a_row_leaves_on_a_signed_receipt_alone(tmp_path: Path, bus: Any) -> None:
    """Anybody on the broker could otherwise make the agent forget energy."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        await rig.round_at(1)
        (payload,) = rig.broker.readings
        meter_id = rig.settings.meters[0].meter_id

        def waiting() -> int:
            return len(rig.agent.spool.oldest(meter_id, 9))

        await rig.receipt(payload, Verdict.STORED, STRANGER)
        await rig.receipt(payload, Verdict.STORED, network_tag=b"\0\0\0\0")
        await rig.receipt(payload, Verdict.STORED, payload_sha256=payload_sha256(b"other"))
        await rig.receipt(payload, Verdict.STORED, topic_number=12)
        rig.deliver(receipt_topic(1, 11), b"garbage")
        await rig.quiet()
        assert waiting() == 1
        refused = "campusgrid_edge_receipts_refused_total"
        reasons = ("unknown_key", "wrong_network", "unmatched", "wrong_meter", "malformed")
        assert [rig.agent.counters.value(refused, reason=r) for r in reasons] == [1] * 5
        await rig.receipt(payload, Verdict.STORED)
        await rig.quiet(lambda: len(rig.agent.sender.outboxes[meter_id]) == 0)
        assert waiting() == 0
        await rig.receipt(payload, Verdict.STORED)
        assert rig.agent.counters.value(refused, reason="unmatched") == 2


async def test_a_permanent_refusal_is_kept_in_quarantine_and_a_transient_one_in_the_spool(
    tmp_path: Path, bus: Any
) -> None:
    """A refused reading is evidence; one refused for now is energy."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path), meter_settings(tmp_path, 2)], retry_s=0.05) as rig:
        await rig.configure(config(1, {1: (0, 0, 0), 2: (0, 0, 0)}))
        await rig.round_at(1)
        first, second = rig.broker.readings
        await rig.receipt(first, Verdict.BAD_SIGNATURE)
        await rig.receipt(second, Verdict.UNKNOWN_METER)
        assert [q.row.payload for q in rig.agent.spool.quarantine()] == [first]
        await rig.quiet(lambda: len(rig.broker.readings) > 2)
        assert rig.broker.readings[2] == second
        await rig.receipt(second, Verdict.STORED)
        assert 'campusgrid_edge_quarantine{meter="M1"} 1' in rig.agent.metrics_text()
        assert rig.agent.spool.counts()[rig.settings.meters[0].meter_id][0] == 0


async def test_a_reading_without_receipt_is_sent_again(tmp_path: Path, bus: Any) -> None:
    """The broker acknowledged it and died; only the bridge's word counts."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)], receipt_timeout_s=0.1) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        await rig.round_at(1)
        await rig.quiet(lambda: len(rig.broker.readings) >= 2)
        assert len(set(rig.broker.readings)) == 1


def refused_configs(rig: Rig) -> dict[str, int]:
    """How many configurations were refused, by reason."""
    name = "campusgrid_edge_config_refused_total"
    lines = [line for line in rig.agent.metrics_text().splitlines() if line.startswith(f"{name}{{")]
    return {line.split('"')[1]: int(line.rsplit(" ", 1)[1]) for line in lines}


async def test_only_the_pinned_operator_configures_and_only_forward(tmp_path: Path, bus: Any) -> None:
    """An old configuration replayed would give a meter its neighbour's former number."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        meter = next(iter(rig.agent.meters.values()))
        await rig.configure(config(5, {1: (0, 0, 0)}, STRANGER))
        await rig.configure(b"garbage")
        assert meter.row is None
        await rig.configure(config(5, {1: (0, 0, 1)}))
        await rig.configure(config(4, {1: (0, 0, 2)}))
        await rig.configure(config(5, {1: (0, 0, 1)}))
        assert refused_configs(rig) == {"ForgedConfigError": 1, "MalformedConfigError": 1, "older": 1}
        await rig.configure(config(5, {1: (0, 0, 3)}))
        assert refused_configs(rig)["same_version"] == 1, "an operator who signs two truths under one number is told"
        assert meter.row is not None
        assert meter.row.register_epoch == 1
    again = Rig(tmp_path, bus, [meter_settings(tmp_path)])
    kept = next(iter(again.agent.meters.values())).row
    assert kept is not None
    assert kept.register_epoch == 1
    async with again:
        await again.configure(config(4, {1: (0, 0, 2)}))
        assert again.agent.configuration.current is not None
        assert again.agent.configuration.version == 5


def row_in_use(rig: Rig) -> Any:
    return next(iter(rig.agent.meters.values())).row


async def test_a_new_configuration_is_kept_once_meter_and_broker_have_answered(tmp_path: Path, bus: Any) -> None:
    """On disk only then: a kill in between goes back by itself."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        await rig.round_at(1)
        await rig.configure(config(2, {1: (0, 0, 1)}))
        assert row_in_use(rig).register_epoch == 1
        await rig.agent.configuration.judge_trial()
        assert rig.agent.spool.config() == config(1, {1: (0, 0, 0)})
        await rig.round_at(5)
        await rig.agent.configuration.judge_trial()
        assert rig.agent.spool.config() == config(2, {1: (0, 0, 1)})


@pytest.mark.parametrize("case", ["refused", "silent broker", "silent meters"])
async def test_a_configuration_that_cuts_the_agent_off_is_rolled_back(tmp_path: Path, bus: Any, case: str) -> None:
    """Nobody drives to forty roofs because of one wrong zone."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        await rig.round_at(1)
        if case != "silent meters":
            real = rig.broker.publish

            def publish(topic: str, payload: bytes, *, retain: bool = False) -> int | None:
                mid = real(topic, payload, retain=retain)
                if case == "refused":
                    rig.broker.events.put_nowait(Acknowledged(mid or 0, False))
                return mid

            rig.broker.publish = publish  # type: ignore[method-assign]
            real_put = rig.broker.events.put_nowait
            rig.broker.events.put_nowait = lambda e: (  # type: ignore[method-assign]
                None if isinstance(e, Acknowledged) and e.ok else real_put(e)
            )
        await rig.configure(config(2, {1: (0, 0, 1)}))
        assert row_in_use(rig).register_epoch == 1
        if case != "silent meters":
            await rig.round_at(5)
        if case != "refused":
            await rig.agent.configuration.judge_trial()
            assert row_in_use(rig).register_epoch == 1, "it gets its time"
            rig.agent.configuration._trial_s = 0
        await rig.agent.configuration.judge_trial()
        assert row_in_use(rig).register_epoch == 0
        assert rig.agent.configuration.current is not None
        assert rig.agent.configuration.version == 1
        assert rig.agent.spool.config() == config(1, {1: (0, 0, 0)})
        assert rig.agent.counters.value("campusgrid_edge_config_rollbacks_total") == 1
        await rig.configure(config(2, {1: (0, 0, 1)}))
        assert row_in_use(rig).register_epoch == 0, "the retained message comes again with every reconnect"
        await rig.configure(config(3, {1: (0, 0, 0)}))
        assert rig.agent.configuration.version == 3


async def test_what_replaces_a_configuration_on_trial_goes_back_to_one_that_has_proved_itself(
    tmp_path: Path, bus: Any
) -> None:
    """The operator sees the mistake and corrects it wrongly within the three minutes: the mistake must not be what is gone back to."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        await rig.round_at(1)
        bus.refusing[1] = Refused(Refusal.CONNECT)
        for version in (2, 3):
            await rig.configure(config(version, {1: (0, 0, version)}))
        assert row_in_use(rig).register_epoch == 3
        rig.agent.configuration._trial_s = -1
        for _ in range(2):
            await rig.agent.configuration.judge_trial()
        assert (rig.agent.configuration.version, row_in_use(rig).register_epoch) == (1, 0)
        assert rig.agent.spool.config() == config(1, {1: (0, 0, 0)})


async def test_a_next_key_that_cannot_be_read_costs_the_other_meters_nothing(tmp_path: Path, bus: Any) -> None:
    """Made with sudo it is root's: the configuration that names it was taken by half, and nothing of it could be taken back."""
    settings = [meter_settings(tmp_path), meter_settings(tmp_path, 2)]
    async with Rig(tmp_path, bus, settings) as rig:
        await rig.configure(config(1, {1: (0, 0, 0), 2: (0, 0, 0)}))
        await rig.round_at(1)
        next_key = settings[0].key_file.with_name("M1.json.1")
        next_key.mkdir()  # Root, who runs tests, may read every file.
        await rig.configure(config(2, {1: (1, T0_S // 900 + 9, 0), 2: (0, 0, 1)}))
        rows = [meter.row for meter in rig.agent.meters.values()]
        assert [(row.key_epoch, row.register_epoch) for row in rows if row] == [(1, 0), (0, 1)]
        assert rig.agent.configuration.version == 2
        await rig.round_at(901)
        assert {decode_core(payload[:47]).meter_number for payload in rig.broker.readings} == {11, 12}
        await rig.agent.configuration.judge_trial()
        assert rig.agent.spool.config() is not None
        next_key.rmdir()
        create_key(next_key)
        rig.agent.configuration.look_for_keys()
        assert set(next(iter(rig.agent.meters.values())).keys) == {0, 1}


async def test_a_version_taken_back_is_asked_for_again_later(tmp_path: Path, bus: Any) -> None:
    """A broker brings its retained message on a subscription alone; without one the agent would stay behind until the next outage."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        await rig.round_at(1)
        await rig.configure(config(2, {1: (0, 0, 1)}))
        rig.agent.configuration._trial_s = -1
        await rig.agent.configuration.judge_trial()
        topic = agent_config_topic("e1")
        await rig.agent.configuration.judge_trial()
        assert rig.broker.subscribed.count(topic) == 1, "not at once"
        assert rig.agent.configuration._refused_until_s > time.monotonic() + RETRY_S - 60
        rig.agent.configuration._refused_until_s = time.monotonic()
        for _ in range(2):
            await rig.agent.configuration.judge_trial()
        assert rig.broker.subscribed.count(topic) == 2, "once"
        await rig.configure(config(2, {1: (0, 0, 1)}))
        assert row_in_use(rig).register_epoch == 1


async def test_a_restart_is_no_excuse_for_meters_that_do_not_answer(tmp_path: Path, bus: Any) -> None:
    """Power cut on trial: the meters were silent since the start then, and the bad configuration was kept for that."""
    settings = meter_settings(tmp_path)
    async with Rig(tmp_path, bus, [settings]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        await rig.round_at(1)
    bus.refusing[1] = Refused(Refusal.CONNECT)
    again = Rig(tmp_path, bus, [settings])
    async with again:
        for at in range(DEAD_AFTER):
            await again.round_at(5 + at)
        meter = next(iter(again.agent.meters.values()))
        assert meter.failures >= DEAD_AFTER
        await again.configure(config(2, {1: (0, 0, 1)}))
        await again.agent.configuration.judge_trial()
        assert again.agent.spool.config() == config(1, {1: (0, 0, 0)})
        del bus.refusing[1]
        meter.next_try_s = 0.0
        await again.round_at(20)
        await again.agent.configuration.judge_trial()
        assert again.agent.spool.config() == config(2, {1: (0, 0, 1)})


async def test_the_interval_chooses_the_key(tmp_path: Path, bus: Any) -> None:
    """Readings before the switch belong to the old key, whenever they are made."""
    settings = meter_settings(tmp_path)
    create_key(settings.key_file.with_name("M1.json.1"), bytes([77]) * 32)
    switch = T0_S // 900
    async with Rig(tmp_path, bus, [settings]) as rig:
        await rig.configure(config(1, {1: (1, switch, 0)}))
        await rig.round_at(1)
        await rig.round_at(901)
        cores = [decode_core(p[:47]) for p in rig.broker.readings]
        assert [(c.interval - switch, c.key_epoch) for c in cores] == [(-1, 0), (0, 1)]
        last = split_payload(rig.broker.readings[-1])
        assert verify_core(last.core_bytes, last.signature, bytes(SigningKey(bytes([77]) * 32).verify_key))


def chain_of(payloads: list[bytes]) -> None:
    """Each reading names the core before it."""
    for before, after in itertools.pairwise(payloads):
        detail = decode_detail(split_payload(after).detail_bytes)
        assert detail.previous_core_hash == payload_sha256(before[:47])


async def test_a_rotation_heard_of_late_signs_again_what_the_old_key_has_signed(tmp_path: Path, bus: Any) -> None:
    """The uplink was down over the switch: the bridge would refuse every quarter hour since, and each would lie in quarantine."""
    settings = meter_settings(tmp_path)
    new_key = SigningKey(bytes([77]) * 32)
    switch = T0_S // 900 + 1
    async with Rig(tmp_path, bus, [settings]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        for at in range(5):
            bus.units[1].import_wh += 10
            await rig.round_at(1 + 900 * at)
        old = rig.broker.readings
        assert [decode_core(p[:47]).interval - switch for p in old] == [-2, -1, 0, 1, 2]
        await rig.receipt(old[0], Verdict.STORED)
        await rig.receipt(old[2], Verdict.WRONG_KEY_EPOCH)  # That one was too quick.
        assert len(rig.agent.spool.quarantine()) == 1
        create_key(settings.key_file.with_name("M1.json.1"), bytes([77]) * 32)
        await rig.configure(config(2, {1: (1, switch, 0)}))
        assert rig.agent.spool.quarantine() == []
        meter = next(iter(rig.agent.meters.values()))
        assert rig.agent.spool.state(meter.meter_id) == meter.state, "a kill now must not break the chain"
        kept = [row.payload for row in rig.agent.spool.oldest(meter.meter_id, 64)]
        for before, after in zip(old[1:], kept, strict=True):
            core, was = decode_core(after[:47]), decode_core(before[:47])
            assert msgspec.structs.replace(core, key_epoch=0, detail_hash=was.detail_hash) == was
            assert core.key_epoch == (1 if core.interval >= switch else 0)
            parts = split_payload(after)
            key = new_key if core.key_epoch else load_key(settings.key_file)
            assert verify_core(parts.core_bytes, parts.signature, bytes(key.verify_key))
        assert kept[0] == old[1]
        await rig.quiet(lambda: rig.broker.readings[-3:] == kept[1:])
        assert rig.broker.readings[-3:] == kept[1:], "they are sent again, oldest first"
        bus.units[1].import_wh += 10
        await rig.round_at(1 + 900 * 5)
        last = rig.broker.readings[-1]
        assert decode_core(last[:47]).key_epoch == 1
        chain_of([old[0], *kept, last])
        assert rig.agent.spool.state(meter.meter_id) == meter.state
        assert rig.agent.counters.value("campusgrid_edge_signed_again_total") == 3
        await rig.receipt(kept[1], Verdict.STORED)
        await rig.quiet(lambda: rig.agent.spool_thread.kept(meter.meter_id).waiting == 4)
        assert rig.agent.spool_thread.kept(meter.meter_id).waiting == 4


async def test_nothing_is_signed_again_without_the_key_or_for_another_reason(tmp_path: Path, bus: Any) -> None:
    """What was refused as over capacity stays refused; and half a backlog under a new key is none at all."""
    settings = meter_settings(tmp_path)
    switch = T0_S // 900
    async with Rig(tmp_path, bus, [settings]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        for at in range(3):
            await rig.round_at(1 + 900 * at)
        old = rig.broker.readings[:3]
        await rig.receipt(old[1], Verdict.OVER_CAPACITY)
        await rig.configure(config(2, {1: (1, switch, 0)}))
        meter = next(iter(rig.agent.meters.values()))
        assert [row.payload for row in rig.agent.spool.oldest(meter.meter_id, 64)] == [old[0], old[2]]
        create_key(settings.key_file.with_name("M1.json.1"), bytes([77]) * 32)
        await rig.configure(config(3, {1: (1, switch, 0)}))
        kept = [row.payload for row in rig.agent.spool.oldest(meter.meter_id, 64)]
        assert kept[0] == old[0]
        assert decode_core(kept[1][:47]).key_epoch == 1
        assert [q.row.payload for q in rig.agent.spool.quarantine()] == [old[1]]


async def test_a_configuration_taken_back_gives_the_old_key_its_readings_back(tmp_path: Path, bus: Any) -> None:
    """A validly signed mistake names a key that the registry does not have."""
    settings = meter_settings(tmp_path)
    create_key(settings.key_file.with_name("M1.json.1"), bytes([77]) * 32)
    async with Rig(tmp_path, bus, [settings]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        await rig.round_at(1)
        before = rig.broker.readings[0]
        await rig.configure(config(2, {1: (1, 0, 0)}))
        meter = next(iter(rig.agent.meters.values()))
        [row] = rig.agent.spool.oldest(meter.meter_id, 64)
        assert decode_core(row.payload[:47]).key_epoch == 1
        rig.agent.configuration._trial_s = -1
        await rig.agent.configuration.judge_trial()
        assert [row.payload for row in rig.agent.spool.oldest(meter.meter_id, 64)] == [before]


async def test_where_a_next_key_lies_ready_the_configuration_is_heard_before_anything_is_sent(
    tmp_path: Path, bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an outage the first message would be a reading under a key that may have ended meanwhile."""
    monkeypatch.setattr("edge.agent.NEWS_S", 60.0)
    settings = meter_settings(tmp_path)
    switch = T0_S // 900
    async with Rig(tmp_path, bus, [settings]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        rig.broker.events.put_nowait(Disconnected("gone"))
        rig.broker.connected = False
        await rig.quiet()
        for at in range(3):
            await rig.round_at(1 + 900 * at)
        create_key(settings.key_file.with_name("M1.json.1"), bytes([77]) * 32)
        rig.broker.connected = True
        rig.broker.events.put_nowait(Connected())
        await rig.quiet()
        assert rig.broker.readings == []
        await rig.configure(config(2, {1: (1, switch, 0)}))
        await rig.quiet(lambda: len(rig.broker.readings) == 3)
        assert [decode_core(p[:47]).key_epoch for p in rig.broker.readings] == [0, 1, 1]


async def test_a_missing_key_makes_no_reading_and_loses_nothing(tmp_path: Path, bus: Any) -> None:
    """The operator rotated before the agent had the key: the energy waits in the registers."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        await rig.round_at(1)
        await rig.configure(config(2, {1: (1, 0, 0)}))
        bus.units[1].import_wh = 1100
        await rig.round_at(901)
        assert len(rig.broker.readings) == 1
        assert rig.agent.counters.value("campusgrid_edge_signing_failures_total") >= 1
        create_key(rig.settings.meters[0].key_file.with_name("M1.json.1"), bytes([77]) * 32)
        await rig.configure(config(3, {1: (1, 0, 0)}))
        bus.units[1].import_wh = 1200
        await rig.round_at(1801)
        core = decode_core(rig.broker.readings[-1][:47])
        assert (core.import_wh, core.key_epoch, core.quality & NO_POST_MASK) == (1200, 1, 0)


async def test_no_interval_closes_while_nobody_vouches_for_the_clock(tmp_path: Path, bus: Any) -> None:
    """A box without a clock battery boots in 1970; its readings must not be stamped until it knows better."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        rig.clock.set_error_bound_ms(UNKNOWN_ERROR_MS)
        await rig.round_at(1)
        await rig.round_at(901)
        assert rig.broker.readings == []
        assert rig.agent.counters.value("campusgrid_edge_clock_holds_total") == 2
        rig.clock.set_error_bound_ms(20)
        await rig.round_at(1801)
        core = decode_core(rig.broker.readings[-1][:47])
        assert core.quality & Quality.CLOCK_ADJUSTED
        assert core.interval == T0_S // 900 + 1


async def test_a_dead_meter_costs_the_others_nothing_and_is_found_again(tmp_path: Path, bus: Any) -> None:
    """One dead slave that blocks the bus is the oldest complaint about gateways."""
    # Polled once a quarter hour, a dead meter is left alone for minutes: the rounds that follow are over before that.
    meters = [meter_settings(tmp_path), meter_settings(tmp_path, 2)]
    async with Rig(tmp_path, bus, meters, poll_interval_s=900) as rig:
        await rig.configure(config(1, {1: (0, 0, 0), 2: (0, 0, 0)}))
        bus.refusing[1] = Refused(Refusal.TIMEOUT)
        for second in range(100, 100 + DEAD_AFTER):
            await rig.round_at(second)
        bus.asked.clear()
        for second in range(200, 220):
            await rig.round_at(second)
        assert 1 not in bus.asked
        assert bus.asked.count(2) >= 20
        await rig.round_at(900, at_boundary=True)
        assert 1 not in bus.asked
        assert [decode_core(p[:47]).meter_number for p in rig.broker.readings] == [12]
        del bus.refusing[1]
        rig.agent.meters[rig.settings.meters[0].meter_id].next_try_s = 0
        await rig.round_at(1000)
        assert 1 in bus.asked
        assert 'campusgrid_edge_meter_dead{meter="M1"} 0' in rig.agent.metrics_text()


async def test_a_refused_poll_changes_nothing_but_its_counter(tmp_path: Path, bus: Any) -> None:
    """A wrong answer that moved a register, however little, would be signed."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        await rig.round_at(1)
        meter = next(iter(rig.agent.meters.values()))
        before = meter.state
        for reason in Refusal:
            bus.refusing[1] = Refused(reason)
            meter.failures = 0
            await rig.round_at(10)
            counted = rig.agent.counters.value("campusgrid_edge_poll_refused_total", meter="M1", reason=reason.value)
            assert counted == 1
        assert meter.state == before
        assert len(rig.broker.readings) == 1


async def test_a_glitch_is_read_again_in_the_same_round(tmp_path: Path, bus: Any) -> None:
    """At the quarter hour there is no time for the next round."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        await rig.round_at(1)
        bus.units[1].import_wh = 0
        reads = 0

        def heal(unit: int) -> None:
            nonlocal reads
            reads += 1
            if reads > len(next(iter(rig.agent.meters.values())).plan.blocks):
                bus.units[1].import_wh = 1100

        bus.before_answer = heal
        await rig.round_at(900)
        core = decode_core(rig.broker.readings[-1][:47])
        assert core.import_wh == 1100
        assert core.quality & Quality.GLITCH_REJECTED


async def test_a_confirmed_question_outlives_a_kill(tmp_path: Path, bus: Any) -> None:
    """A meter that was reset has climbed over its old register when the agent is back: half of the energy would be gone unseen."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        await rig.round_at(1)
        for at_s, shown_wh in ((60, 0), (120, 30)):
            bus.units[1].import_wh = shown_wh
            await rig.round_at(at_s)
        assert len(rig.broker.readings) == 1
    bus.units[1].import_wh = 1200
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.round_at(400)
        bus.units[1].import_wh = 1300
        await rig.round_at(900)
        assert rig.agent.status.label(next(iter(rig.agent.meters.values()))) == "question"


async def test_a_full_disk_makes_no_reading_and_the_next_round_makes_it(
    tmp_path: Path, bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading that is sent but not kept could be lost; one that is kept later is only late."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        real = rig.agent.spool.put

        def full(*args: Any) -> Any:
            raise SpoolError(tmp_path, "disk full")

        monkeypatch.setattr(rig.agent.spool, "put", full)
        await rig.round_at(1)
        assert rig.broker.readings == []
        meter = next(iter(rig.agent.meters.values()))
        assert rig.agent.status.of(meter)["state"] == "spool_failed"
        assert "campusgrid_edge_spool_failed 1" in rig.agent.metrics_text()
        monkeypatch.setattr(rig.agent.spool, "put", real)
        await rig.round_at(5)
        assert len(rig.broker.readings) == 1
        assert "campusgrid_edge_spool_failed 0" in rig.agent.metrics_text()
        assert rig.agent.status.of(meter)["state"] == "ok"


async def test_the_days_of_room_left_are_told(tmp_path: Path, bus: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever plans a week without a bridge wants to know."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path), meter_settings(tmp_path, 2)]) as rig:
        monkeypatch.setattr(
            rig.agent.spool, "free_bytes", lambda: rig.agent.spool.log_room_bytes() + 10 * 2 * 96 * 2048
        )
        assert "campusgrid_edge_spool_days_left 10" in rig.agent.metrics_text()


async def test_a_spool_that_is_damaged_while_in_use_is_begun_anew(tmp_path: Path, bus: Any) -> None:
    """A bad sector must not end the metering of a building until somebody restarts the agent."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        rig.broker.connected = False
        for n in range(3):
            await rig.round_at(1 + 900 * n)
        spool = rig.agent.spool
        await rig.agent.spool_thread.run(lambda: spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
        await rig.agent.spool_thread.run(lambda: spool._db.execute("PRAGMA shrink_memory").fetchall())
        with spool.path.open("r+b") as file:
            file.write(b"\xff" * spool.path.stat().st_size)
        bus.units[1].import_wh = 2000
        await rig.round_at(1 + 900 * 3)
        await rig.round_at(8 + 900 * 3)
        assert rig.agent.counters.value("campusgrid_edge_spool_failures_total") >= 1
        assert rig.agent.spool_thread.error == ""
        kept = rig.agent.spool.oldest(rig.settings.meters[0].meter_id, 99)
        assert decode_core(kept[-1].payload[:47]).import_wh == 2000


async def test_what_the_session_lacks_is_in_the_metrics(tmp_path: Path, bus: Any) -> None:
    """Whoever is told "disconnected" alone drives out to look at a cable."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        assert "mqtt_trouble{" not in rig.agent.metrics_text()
        rig.broker.trouble = Trouble("broker_certificate_expired", "renew it")
        assert 'campusgrid_edge_mqtt_trouble{reason="broker_certificate_expired"} 1' in rig.agent.metrics_text()


async def test_room_that_sqlites_log_takes_is_no_room_for_readings(
    tmp_path: Path, bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card with a megabyte left took 58 readings, and five days of room had been told."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        spool = rig.agent.spool
        wal_bytes = spool.path.with_name("spool.db-wal").stat().st_size
        assert spool.log_room_bytes() == LOG_BYTES - wal_bytes
        monkeypatch.setattr(spool, "free_bytes", lambda: 1_000_000)
        assert "campusgrid_edge_spool_days_left 0" in rig.agent.metrics_text()


async def test_a_damaged_spool_on_a_full_card_is_tried_again_until_there_is_room(
    tmp_path: Path, bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damage seldom comes alone; an agent that gave up after the first attempt would meter nothing until somebody came."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        spool, tried = rig.agent.spool, []
        real = spool._set_aside

        def full(why: str) -> Any:
            tried.append(why)
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(spool, "_set_aside", full)
        await rig.agent.spool_thread.failed(SpoolError(spool.path, "spoilt", damaged=True))
        await rig.round_at(1)
        assert len(tried) == 1, "not at every poll"
        assert rig.agent.status.label(next(iter(rig.agent.meters.values()))) == "spool_failed"
        monkeypatch.setattr(spool, "_set_aside", real)
        monkeypatch.setattr("edge.spool_thread.TRY_AGAIN_S", 0.0)
        await rig.round_at(2)
        await rig.round_at(3)
        assert rig.agent.spool_thread.error == ""
        assert len(spool.oldest(rig.settings.meters[0].meter_id, 9)) == 1


async def test_without_broker_polling_and_spooling_go_on_and_all_is_sent_in_order_later(
    tmp_path: Path, bus: Any
) -> None:
    """An outage of the Internet must not touch metering."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        rig.broker.connected = False
        for n in range(100):
            bus.units[1].import_wh = 1000 + n
            await rig.round_at(1 + 900 * n)
        assert rig.broker.readings == []
        rig.broker.connected = True
        rig.broker.events.put_nowait(Connected())
        await rig.quiet(lambda: len(rig.broker.readings) >= 64)
        while rig.agent.spool.counts().get(rig.settings.meters[0].meter_id, (0,))[0]:
            for payload in list(dict.fromkeys(rig.broker.readings)):
                rig.deliver(receipt_topic(1, 11), encode_receipt(Receipt(TAG, 11, payload_sha256(payload), 1), BRIDGE))
            await rig.quiet()
        intervals = [decode_core(p[:47]).interval for p in dict.fromkeys(rig.broker.readings)]
        assert len(intervals) == 100
        assert intervals == sorted(intervals)


async def test_run_says_ready_leaves_a_will_and_says_goodbye(tmp_path: Path, bus: Any) -> None:
    """Whoever watches the status topic must tell a stopped agent from a lost one."""
    rig = Rig(tmp_path, bus, [meter_settings(tmp_path)])
    task = asyncio.create_task(rig.agent.run())

    def published() -> list[bytes]:
        return [
            data for broker in rig.brokers for topic, data, _ in broker.published if topic == agent_status_topic("e1")
        ]

    async with asyncio.timeout(60):
        while not (published() and rig.agent.counters.value("campusgrid_edge_polls_total", meter="M1")):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    (broker,) = rig.brokers
    assert broker.will[0] == agent_status_topic("e1")
    assert b'"lost"' in broker.will[1]
    states = [payload for topic, payload, retain in broker.published if topic == agent_status_topic("e1") and retain]
    assert b'"online"' in states[0]
    assert b'"stopped"' in states[-1]


async def test_home_assistant_is_told_where_it_is_wanted_and_only_there(tmp_path: Path, bus: Any) -> None:
    """Its values are the status that is retained anyway."""
    async with Rig(tmp_path, bus, [meter_settings(tmp_path)], home_assistant_prefix="homeassistant") as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        announced = [
            topic for topic, _, retain in rig.broker.published if topic.startswith("homeassistant/") and retain
        ]
        assert "homeassistant/sensor/campusgrid_M1/import_wh/config" in announced
        await rig.round_at(1)
        status = rig.agent.status.of(next(iter(rig.agent.meters.values())))
        assert (status["import_wh"], status["export_wh"], status["state"]) == (1000, 0, "ok")
    async with Rig(tmp_path / "2", bus, [meter_settings(tmp_path / "2")]) as rig:
        await rig.configure(config(1, {1: (0, 0, 0)}))
        assert not any(topic.startswith("homeassistant/") for topic, _, _ in rig.broker.published)


HEAVY = ("pydantic", "sqlalchemy", "solders", "solana", "anchorpy", "fastapi", "httpx", "cryptography", "structlog")


AS_IT_RUNS = "from edge import lean; lean.begin(); import edge.__main__, edge.run"
PUT_OFF = (
    "http.client",
    "email.message",
    "tempfile",
    "ast",
    "dis",
    "typing_extensions",
    "pymodbus.pdu",
    "pymodbus.client",
)
"""What comes with modules that the agent's libraries import and the agent never calls: see `edge.lean`."""


def modules_after(script: str, names: tuple[str, ...]) -> list[str]:
    """Which of these modules an interpreter has loaded after a script."""
    script = f"{script}\nimport sys; print(*[m for m in {names!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_agent_imports_nothing_heavy() -> None:
    """It runs on a computer with 512 MB beside other things."""
    assert modules_after(AS_IT_RUNS, (*HEAVY, *PUT_OFF, "redis")) == []


def test_a_module_that_was_put_off_is_there_when_it_is_wanted() -> None:
    """A library's rare branch must find what it imported."""
    script = f"{AS_IT_RUNS}\nimport inspect, ipaddress, urllib.request, asyncio.coroutines"
    wanted = """
assert str(ipaddress.ip_address("192.0.2.1")) == "192.0.2.1"
assert urllib.request.getproxies is not None and asyncio.coroutines.iscoroutinefunction(len) is False
assert inspect.signature(len) is not None
try:
    inspect.no_such_name
except AttributeError:
    pass
else:
    raise AssertionError
"""
    assert modules_after(script + wanted, ("ast", "email.message")) == ["ast", "email.message"]


def private_kib(script: str) -> int:
    """Private memory of an interpreter that has run a script."""
    read = "print(sum(int(l.split()[1]) for l in open('/proc/self/smaps_rollup') if l.startswith('Private_')))"
    done = subprocess.run(
        [sys.executable, "-c", f"{script}\n{read}"], capture_output=True, text=True, check=True, env={**os.environ}
    )
    return int(done.stdout)


@pytest.mark.integration
def test_the_agents_code_takes_at_most_sixteen_mebibytes_above_a_bare_interpreter() -> None:
    """Private pages, compiled as pip compiles an installed package; `make bench` measures the running agent, ≤20 MiB."""
    folders = [str(Path(module.__file__ or "").parent) for module in (edge, gridkit)]
    subprocess.run([sys.executable, "-m", "compileall", "-q", *folders], check=True)
    bare = min(private_kib("") for _ in range(3))
    agent = min(private_kib(AS_IT_RUNS) for _ in range(3))
    assert agent - bare <= 16 * 1024, f"{(agent - bare) / 1024:.1f} MiB"
