"""How many readings a second one bridge stores and receipts, and how many it stores and posts on chain, beside the rate at
which PyNaCl verifies the same signatures on the same core in the same run.

Real throughout: mosquitto configured as it ships, the local chain with the five programs and enrolled meters, the bridge as
one process kept on one core; broker, chain and load generator have the other cores. Readings of past intervals, each 47 bytes
with its signature and a detail, one a message, are signed beforehand and published with QoS 1, at most 1,000 without a receipt
(four edge agents' windows). A round ends when the last receipt is in ("stored"), or when the chain has applied all of its
readings ("posted": the program checks every signature a second time; asked of the chain, so that the question costs the bridge
nothing) and the bridge says so too. Afterwards every receipt must be
signed by the bridge and say "stored", and the slab must have applied exactly the readings that were sent. Stored and posted
take turns, each right after the verifications that it is compared with; the bridge posts for zone 2 alone, so zone 1's
readings are only stored.

Two shares: by the clock, and by the bridge's own processor time against that of the verifications, which other processes on
the machine disturb less. The local chain's processor time stands beside it, for what it takes to run the transactions.

Not measured: TLS, PostgreSQL, more than one bridge, readings that are refused, and a real validator.
"""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from nacl.signing import SigningKey, VerifyKey

from benchmarks.campus import Campus
from benchmarks.figures import NS_PER_S, Measured, Unit, per_second, ratio, sampled
from benchmarks.mqtt_wire import Link, publication
from benchmarks.process import cores, on_core, pin, print_measured, processor_ns, say
from deploy.population import Enrolled
from deploy.site import HOST
from gridkit import keys, reading, receipt
from gridkit.chain import accounts
from gridkit.clock import open_clock
from gridkit.interval import INTERVAL_S
from gridkit.topics import reading_topic

METERS = 100
ROUNDS = 5
INTERVALS = 200  # of each meter in a round
WINDOW = 1_000
SPEED = 43_200  # 48 intervals a wall second: the readings' intervals are past when they are sent
VERIFICATIONS = 4_000
_STORED_ZONE, _POSTED_ZONE = 1, 2
_POLL_S = 0.05
_AIM_SHARE = 400
_IMPORT_WH, _EXPORT_WH, _GROWTH_WH = 100_000, 50_000, 40

Messages = list[tuple[str, bytes]]
"""Topic and payload of each reading."""


class Crowd:
    """The meters of one zone and what they sign next.

    Args:
        campus: Deployment and device keys.
        zone: Zone number.
    """

    def __init__(self, campus: Campus, zone: int) -> None:
        self.members = [e for e in campus.enrolled if e.zone == zone]
        self.keys = [keys.load_key(campus.site.device_key_file(e.meter)) for e in self.members]
        self._tag = bytes.fromhex(campus.deployment.network_tag)
        self._done = 0

    def sign(self, intervals: int) -> Messages:
        """Return (topic, payload) of each meter's next readings, oldest interval first."""
        steps = range(self._done + 1, self._done + intervals + 1)
        self._done += intervals
        return [
            (reading_topic(one.zone, one.number), self._payload(one, key, step))
            for step in steps
            for one, key in zip(self.members, self.keys, strict=True)
        ]

    @property
    def registers(self) -> tuple[int, int]:
        """Import and export register of the last readings that were signed, Wh; 0 before the first."""
        return (_IMPORT_WH + _GROWTH_WH * self._done, _EXPORT_WH + _GROWTH_WH * self._done) if self._done else (0, 0)

    @property
    def last_end_s(self) -> int:
        """When the last interval that was signed ends, campus epoch seconds."""
        return (max(one.first_interval for one in self.members) + self._done + 1) * INTERVAL_S

    def _payload(self, one: Enrolled, key: SigningKey, step: int) -> bytes:
        interval, import_wh = one.first_interval + step, _IMPORT_WH + _GROWTH_WH * step
        detail = reading.encode_detail(_detail(one, interval, import_wh))
        core = reading.Core(
            network_tag=self._tag,
            meter_number=one.number,
            key_epoch=one.key_epoch,
            register_epoch=one.register_epoch,
            interval=interval,
            import_wh=import_wh,
            export_wh=_EXPORT_WH + _GROWTH_WH * step,
            quality=0,
            clock_error_ms=20,
            detail_hash=reading.detail_hash(detail),
        )
        return reading.sign_reading(key, core, detail)


def _detail(one: Enrolled, interval: int, import_wh: int) -> reading.Detail:
    spread = (229_100, 230_200, 231_900)
    phase = [reading.PhaseStats(p, spread, (900, 1_200, 1_900), (150_000, 240_000, 410_000)) for p in range(4)]
    return reading.Detail(
        version=1,
        meter_serial=one.meter.settings.serial,
        profile_id=one.meter.settings.profile,
        profile_hash=bytes(8),
        agent_version="0.1.0",
        opening_interval=interval - 1,
        opening_import_wh=import_wh - _GROWTH_WH,
        opening_export_wh=0,
        opening_read_ms=interval * INTERVAL_S * 1_000,
        closing_read_ms=(interval + 1) * INTERVAL_S * 1_000,
        sample_count=180,
        frequency_mhz=(49_980, 50_000, 50_020),
        phases=tuple(phase),
        checks=tuple(reading.CheckResult(check, 1) for check in range(1, 7)),
        previous_core_hash=bytes(range(32)),
        raw_import=reading.RawRegister(import_wh, 1, 1),
        raw_export=reading.RawRegister(0, 1, 1),
    )


def verify_rates(messages: Messages, crowd: Crowd, core: int) -> tuple[int, int]:
    """Return how many of these readings' signatures PyNaCl verifies a second on one core: by the clock, and by processor time."""
    verifiers = [VerifyKey(bytes(key.verify_key)) for key in crowd.keys]
    cases = []
    for number in range(VERIFICATIONS):
        place = number % len(messages)
        parts = reading.split_payload(messages[place][1])
        cases.append((verifiers[place % len(verifiers)], parts.core_bytes, parts.signature))
    with on_core(core):
        began, processor = time.perf_counter_ns(), time.thread_time_ns()
        for verifier, message, signature in cases:
            verifier.verify(message, signature)
        elapsed, processor = time.perf_counter_ns() - began, time.thread_time_ns() - processor
    return per_second(len(cases), elapsed), per_second(len(cases), processor)


class Scene:
    """A running bridge with what is needed to load and to watch it."""

    def __init__(self, campus: Campus, bridge: int, chain: int) -> None:
        self._campus, self._bridge, self._chain = campus, bridge, chain
        self._link = Link(HOST, campus.site.ports.broker, "benchmark", "cg/v1/+/+/receipt")
        self._receipt_key = keys.public_key(campus.site.key("bridge-receipts"))
        self._tag = bytes.fromhex(campus.deployment.network_tag)

    def run(self, messages: Messages, posted: int | None) -> tuple[int, int, int]:
        """Send readings and wait for their receipts and, given the number that shall then be posted, for that.

        Returns:
            Wall time, the bridge's and the local chain's processor time, ns.
        """
        wire = [publication(topic, data, n % 65_535 + 1) for n, (topic, data) in enumerate(messages)]
        before = processor_ns(self._bridge), processor_ns(self._chain)
        began = time.perf_counter_ns()
        receipts = self._link.exchange(wire, WINDOW)
        for seen_by in () if posted is None else (self.applied, self._posted):
            while (seen := seen_by()) < posted:
                if time.perf_counter_ns() - began > 120 * NS_PER_S:
                    raise SystemExit(f"only {seen} of {posted} readings were posted")
                time.sleep(_POLL_S)
        elapsed = time.perf_counter_ns() - began
        bridge, chain = processor_ns(self._bridge) - before[0], processor_ns(self._chain) - before[1]
        self._check(messages, receipts)
        return elapsed, bridge, chain

    def _check(self, messages: Messages, receipts: list[bytes]) -> None:
        said = [receipt.verify_receipt(data, [self._receipt_key], self._tag) for data in receipts]
        refused = [r.verdict for r in said if r.verdict != receipt.Verdict.STORED]
        if refused:
            raise SystemExit(f"{len(refused)} readings were not stored: {sorted(set(refused))}")
        if {r.payload_sha256 for r in said} != {receipt.payload_sha256(data) for _, data in messages}:
            raise SystemExit("the receipts are not for the readings that were sent")

    def status(self) -> dict[str, Any]:
        """Return the bridge's own account."""
        url = f"http://{HOST}:{self._campus.site.bridge_metrics}/status"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return dict(json.load(answer))

    def _posted(self) -> int:
        now = self.status()
        return int(now["posted"]) + int(now["settled"])

    def wait_settled(self, count: int) -> None:
        """Wait until everything posted is settled, so that the next round begins quietly."""
        until = time.monotonic() + 60
        while int(self.status()["settled"]) < count:
            if time.monotonic() > until:
                raise SystemExit("the posted readings were not settled within a minute")
            time.sleep(0.2)

    def applied(self) -> int:
        """Return how many readings the posted zone's slab has applied."""
        account = self._campus.rpc.account(self._campus.deployment.zones[str(_POSTED_ZONE)].slab)
        assert account is not None, "the slab was made at the deployment"
        return sum(entry.applied_count for entry in accounts.decode_slab(account.data).entries.values())

    def close(self) -> None:
        """Leave the broker."""
        self._link.close()


def measure() -> Measured:
    """Run the rounds."""
    core, others = cores()
    with Campus(METERS, speed=SPEED, zones=2) as campus:
        pin(campus.broker(), others)
        chain = campus.localnet()
        pin(chain, others)
        campus.deploy()
        stored_crowd, posted_crowd = Crowd(campus, _STORED_ZONE), Crowd(campus, _POSTED_ZONE)
        say("signing")
        rounds = [(stored_crowd.sign(INTERVALS), posted_crowd.sign(INTERVALS)) for _ in range(ROUNDS)]
        _wait_past(campus, max(stored_crowd.last_end_s, posted_crowd.last_end_s))
        bridge = campus.bridge(zones=[_POSTED_ZONE])
        pin(bridge, frozenset({core}))
        scene = Scene(campus, bridge, chain)
        with on_core(min(others)):
            return _rounds(scene, rounds, stored_crowd, posted_crowd, core)


def _wait_past(campus: Campus, end_s: int) -> None:
    clock = open_clock(campus.site.clock)
    while clock.now_ns() < end_s * NS_PER_S:
        time.sleep(0.1)


def _rounds(
    scene: Scene, rounds: list[tuple[Messages, Messages]], stored_crowd: Crowd, posted_crowd: Crowd, core: int
) -> Measured:
    names = ("verify", "verify_cpu", "stored", "stored_cpu", "posted", "posted_cpu", "posted_chain_cpu")
    rates: dict[str, list[int]] = {name: [] for name in names}
    shares: dict[str, list[int]] = {name: [] for name in names if "verify" not in name}
    total = 0
    for number, (stored, posted) in enumerate(rounds, 1):
        total += len(posted)
        for prefix, messages, until in (("stored", stored, None), ("posted", posted, total)):
            floors = verify_rates(messages, stored_crowd if until is None else posted_crowd, core)
            elapsed, bridge, chain = scene.run(messages, until)
            spent = {prefix: elapsed, f"{prefix}_cpu": bridge} | ({} if until is None else {"posted_chain_cpu": chain})
            rates["verify"].append(floors[0])
            rates["verify_cpu"].append(floors[1])
            for name, ns in spent.items():
                rates[name].append(per_second(len(messages), ns))
                shares[name].append(ratio(rates[name][-1], floors[name.endswith("_cpu")]))
        scene.wait_settled(total)
        say(f"round {number}: " + ", ".join(f"{name} {values[-1]:,}/s" for name, values in rates.items()))
    if scene.applied() != total:
        raise SystemExit(f"the slab has applied {scene.applied()} readings, {total} were sent")
    scene.close()
    return _measured(rates, shares)


def _measured(rates: dict[str, list[int]], shares: dict[str, list[int]]) -> Measured:
    def share(name: str, what: str, *, aim: int | None = None, headline: bool = False) -> Any:
        return sampled(f"bridge_{name}_share", what, Unit.RATIO, shares[name], aim_least=aim, headline=headline)

    def rate(name: str, what: str, *, headline: bool = False) -> Any:
        return sampled(f"bridge_{name}_rate", what, Unit.PER_S, rates[name], headline=headline)

    return Measured(
        figures=(
            rate("verify", "PyNaCl verifications on the bridge's core"),
            rate("verify_cpu", "PyNaCl verifications in a second of processor time"),
            rate("stored", "readings stored and receipted", headline=True),
            share(
                "stored",
                "readings stored and receipted / PyNaCl verifications, by the clock",
                aim=_AIM_SHARE,
                headline=True,
            ),
            rate("stored_cpu", "readings stored in a second of the bridge's processor time"),
            share(
                "stored_cpu",
                "readings stored / PyNaCl verifications, in a second of the bridge's processor time",
                aim=_AIM_SHARE,
                headline=True,
            ),
            rate("posted", "readings stored, receipted and posted on chain", headline=True),
            share(
                "posted",
                "readings stored and posted / PyNaCl verifications, by the clock",
                aim=_AIM_SHARE,
                headline=True,
            ),
            rate("posted_cpu", "readings stored and posted in a second of the bridge's processor time"),
            share(
                "posted_cpu",
                "readings stored and posted / PyNaCl verifications, in a second of the bridge's processor time",
                aim=_AIM_SHARE,
                headline=True,
            ),
            rate("posted_chain_cpu", "readings posted in a second of the local chain's processor time"),
            share("posted_chain_cpu", "the same / PyNaCl verifications in a second of processor time"),
        ),
        remarks=(
            f"{METERS} meters in two zones, {INTERVALS * METERS // 2:,} readings a round and zone, {ROUNDS} rounds; all accepted.",
        ),
    )


if __name__ == "__main__":
    print_measured(measure)
