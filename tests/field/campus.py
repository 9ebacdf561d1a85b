"""A whole field in one process and in stepped time: simulated meters, the agent's own code, a broker and a bridge in memory.

The agent asks the meters over loopback through its guard and pymodbus, keeps its spool on the disk and runs its loops
unchanged. Nothing of it is replaced but the MQTT session and the clock.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from field.truth_check import Finding, Signed, Truth, judge_readings
from nacl.signing import SigningKey

from edge.agent import Agent
from edge.broker import Acknowledged, Connected, Disconnected, Event, Incoming
from edge.errors import SpoolError
from edge.sample import Sample
from edge.settings import EdgeSettings, MeterSettings
from firmware_sim.meter import SimMeter
from firmware_sim.modbus import MeterPort
from firmware_sim.scenario import Scenario, ScenarioMeter, Step, settings_of
from firmware_sim.serial_line import SerialLine
from firmware_sim.series import campus_start_ns
from firmware_sim.settings import LineSettings
from firmware_sim.truth import TruthLog
from gridkit.clock import UNKNOWN_ERROR_MS
from gridkit.enrolment import AgentConfig, ConfiguredMeter, encode_config
from gridkit.interval import INTERVAL_NS
from gridkit.keys import create_key, load_key
from gridkit.profile import Direction, load_profile
from gridkit.quality import NO_POST_MASK, labels
from gridkit.reading import Core, Detail, decode_core, decode_detail, encode_detail, split_payload, verify_core
from gridkit.receipt import Receipt, Verdict, encode_receipt, payload_sha256
from gridkit.topics import Leaf, MeterTopic, agent_config_topic, parse_topic, receipt_topic

NS = 1_000_000_000
TAG = b"\x05\x06\x07\x08"
BRIDGE, OPERATOR = (SigningKey(bytes([n]) * 32) for n in (21, 22))
START_NS = campus_start_ns() // INTERVAL_NS * INTERVAL_NS
ERROR_MS = 20
LINE = "riser"
FIRST_NUMBER = 101
SITE = (49.0, 10.0)
"""Where the recorded load and sun are from, degrees: SimBench's German grids."""


class TrueClock:
    """Campus time, for the meters."""

    speed = 1

    def __init__(self, start_ns: int = START_NS) -> None:
        self.start_ns = start_ns

    def now_ns(self) -> int:
        return self.start_ns + round(asyncio.get_running_loop().time() * NS)

    def error_bound_ms(self) -> int:
        return 0

    async def sleep_until_ns(self, target_ns: int) -> None:
        while (left_ns := target_ns - self.now_ns()) > 0:  # noqa: ASYNC110 - time is no event
            await asyncio.sleep(max(left_ns, 1000) / NS)


class BoxClock(TrueClock):
    """The clock of the agent's computer, which can be set wrong; remembers when its stamps really were."""

    def __init__(self, start_ns: int = START_NS) -> None:
        super().__init__(start_ns)
        self.offset_ns = 0
        self.bound_ms = ERROR_MS
        self._truly_ns: dict[int, list[int]] = {}

    def truly_ns(self, stamp_ms: int, seen_ns: int) -> int:
        """Return when a stamp was really made, given when its reading was first seen: the same stamp may come twice."""
        made = [stamp_ms * 1_000_000, *self._truly_ns.get(stamp_ms, ())]
        return max((ns for ns in made if ns <= seen_ns), default=made[0])

    def now_ns(self) -> int:
        true_ns = super().now_ns()
        stamp_ns = true_ns + self.offset_ns
        if self.offset_ns:
            self._truly_ns.setdefault(stamp_ns // 1_000_000, []).append(true_ns)
        return stamp_ns

    def error_bound_ms(self) -> int:
        return self.bound_ms


class Bridge:
    """Keeps what it gets, whatever becomes of the agent, and signs receipts."""

    def __init__(self) -> None:
        self.stored: dict[tuple[int, int, int], bytes] = {}
        self.first_seen_ns: dict[bytes, int] = {}
        self.keys: dict[int, bytes] = {}
        self.is_silent = False
        self.copies = 0
        self.conflicts = 0
        self.forged = 0

    def take(self, payload: bytes, now_ns: int) -> bytes | None:
        """Return the receipt for one payload; None while it is silent."""
        parts = split_payload(payload)
        core = decode_core(parts.core_bytes)
        if self.is_silent:
            return None
        if not verify_core(parts.core_bytes, parts.signature, self.keys[core.meter_number]):
            self.forged += 1
        self.first_seen_ns.setdefault(parts.detail_bytes, now_ns)
        known = self.stored.setdefault((core.meter_number, core.register_epoch, core.interval), payload)
        if known[:47] != payload[:47]:
            self.conflicts += 1
        elif known is not payload:
            self.copies += 1
        return encode_receipt(Receipt(TAG, core.meter_number, payload_sha256(payload), Verdict.STORED), BRIDGE)

    def readings(self, number: int) -> list[tuple[Core, Detail]]:
        """Return a meter's readings in the order of their intervals."""
        parts = [split_payload(p) for key, p in sorted(self.stored.items()) if key[0] == number]
        return [(decode_core(p.core_bytes), decode_detail(p.detail_bytes)) for p in parts]


class Session:
    """The agent's MQTT session, in memory."""

    def __init__(self, campus: Campus) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.connected = False
        self.trouble = None
        self._campus = campus
        self._mid = 0

    def start(self) -> None:
        if self._campus.broker_up:
            self.come()

    def come(self) -> None:
        self.connected = True
        self.events.put_nowait(Connected())

    def go(self) -> None:
        self.connected = False
        self.events.put_nowait(Disconnected("gone"))

    async def stop(self) -> None:
        self.connected = False

    def subscribe(self, topics: list[str]) -> None:
        if agent_config_topic("e1") in topics:
            self.events.put_nowait(Incoming(agent_config_topic("e1"), self._campus.config()))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int | None:
        if not self.connected:
            return None
        self._mid += 1
        self.events.put_nowait(Acknowledged(self._mid, True))
        parsed = parse_topic(topic)
        if isinstance(parsed, MeterTopic) and parsed.leaf is Leaf.READING:
            receipt = self._campus.bridge.take(payload, self._campus.clock.now_ns())
            if receipt is not None:
                answer = Incoming(receipt_topic(parsed.zone, parsed.meter_number), receipt)
                asyncio.get_running_loop().call_later(0.2, self._bring, answer)
        return self._mid

    def _bring(self, message: Incoming) -> None:
        if self.connected:
            self.events.put_nowait(message)


class Place:
    """Where a meter sits: its port, and every meter that has sat there."""

    def __init__(self, campus: Campus, index: int, told: ScenarioMeter) -> None:
        self.campus, self.index, self.told = campus, index, told
        self.number = FIRST_NUMBER + index
        self.register_epoch = 0
        self.tcp_port = 0
        self.meters: dict[str, SimMeter] = {}
        self.port: MeterPort
        self.set_up("")

    @property
    def meter(self) -> SimMeter:
        """The one that sits there now."""
        return self.port.meter

    def set_up(self, serial: str) -> None:
        """Put a meter there."""
        told = self.told
        meter = SimMeter(settings_of(told, self.index, serial, LINE))
        told_serial = load_profile(told.read_as or told.profile).identity.serial
        self.meters[meter.serial if told_serial else ""] = meter
        self.port = MeterPort(
            meter,
            self.campus.clock,
            self.campus.truth,
            wall_s=lambda: asyncio.get_running_loop().time(),
        )

    async def power_on(self) -> None:
        if not self.told.rtu:
            self.tcp_port = await self.port.listen("127.0.0.1", self.tcp_port)


class Campus:
    """The field. `async with`, then `play` or step by hand."""

    def __init__(
        self,
        folder: Path,
        meters: Iterable[ScenarioMeter],
        *,
        poll_s: float = 60,
        start_ns: int = START_NS,
        certificate: Path | None = None,
        authority: Path | None = None,
    ) -> None:
        self.folder = folder
        self.truth = TruthLog(folder / "truth")
        self.clock = TrueClock(start_ns)
        self.box = BoxClock(start_ns)
        self.bridge = Bridge()
        self.broker_up = True
        self.version = 1
        self.poll_s = poll_s
        self.agent: Agent
        self.session = Session(self)
        self.refusals: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.states: set[str] = set()
        self.metrics: set[str] = set()
        self.diagnoses: set[str] = set()
        self.commits = 0
        self.certificate, self.authority = certificate, authority
        self.before_start: Callable[[], None] = lambda: None
        self.spool_put: Any = None
        self._told = list(meters)
        self.places: list[Place] = []
        self._line: SerialLine | None = None
        self._stranger: socket.socket | None = None
        self._run: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None

    def set_up(self) -> None:
        """Put the meters in their places; nothing listens yet."""
        self.places = [Place(self, index, told) for index, told in enumerate(self._told)]
        for place in self.places:
            file = self._key_file(place)
            key = load_key(file) if file.exists() else create_key(file, bytes([60 + place.index]) * 32)
            self.bridge.keys[place.number] = bytes(key.verify_key)
        self.before_start()

    async def __aenter__(self) -> Campus:
        self.set_up()
        for place in self.places:
            await place.power_on()
        await self._open_line()
        self.start()
        self._watch = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._watch is not None:
            self._watch.cancel()
        await self.kill()
        for place in self.places:
            await place.port.close()
        if self._line is not None:
            await self._line.close()
        self.truth.close()

    async def _open_line(self) -> None:
        on_line = {p.index + 1: p.port for p in self.places if p.told.rtu}
        if on_line:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = int(free.getsockname()[1])
            self._line = SerialLine(LineSettings(name=LINE, tcp_port=port), on_line)
            await self._line.open(self.folder)
            for place in self.places:
                if place.told.rtu:
                    place.tcp_port = port

    def _key_file(self, place: Place) -> Path:
        return self.folder / "keys" / f"M{place.index}.json"

    def config(self) -> bytes:
        """The signed configuration in use."""
        rows = tuple(
            ConfiguredMeter(f"M{p.index}".encode().ljust(16, b"\0"), p.number, 1, 0, 0, p.register_epoch)
            for p in self.places
        )
        return encode_config(AgentConfig(TAG, self.version, rows), OPERATOR)

    # --- the agent ---

    def start(self) -> None:
        """Start the agent on what it has kept."""
        settings = EdgeSettings(
            agent="e1",
            home=self.folder / "edge",
            mqtt_port=1,
            network_tag=TAG.hex(),
            bridge_keys=(bytes(BRIDGE.verify_key).hex(),),
            config_key=bytes(OPERATOR.verify_key).hex(),
            poll_interval_s=self.poll_s,
            latitude=SITE[0],
            longitude=SITE[1],
            mqtt_ca=self.authority,
            mqtt_cert=self.certificate,
            mqtt_key=self.certificate,
            meters=tuple(
                MeterSettings(
                    id=f"M{p.index}",
                    profile=p.told.read_as or p.told.profile,
                    pv=p.told.roof_alone,
                    host="127.0.0.1",
                    port=p.tcp_port,
                    unit=p.meter.unit,
                    framing="rtu" if p.told.rtu else "tcp",
                    key_file=self._key_file(p),
                    max_power_w=p.told.max_power_w,
                )
                for p in self.places
            ),
        )
        agent = Agent(settings, self.box, open_broker=self._session)  # type: ignore[arg-type]
        loop = asyncio.get_running_loop()

        async def take(meter: Any, sample: Sample) -> None:
            # The instant on the computer's own counter, which runs in stepped time too.
            await agent.recorder.take(meter, sample._replace(monotonic_ns=round(loop.time() * NS)))

        for rounds in agent.rounds.values():
            rounds._take = take
        self.agent = agent
        self._count_commits()
        self._run = asyncio.create_task(agent.run())

    def _session(self, settings: EdgeSettings, **will: Any) -> Session:
        self.session = Session(self)
        return self.session

    async def kill(self) -> None:
        """Let the agent vanish between two turns of its loops: no goodbye, no clean end of anything but the test's own files."""
        if self._run is None:
            return
        self._count()
        run, self._run = self._run, None
        self.session.connected = False
        self.agent.stop()
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    # --- what is seen ---

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(20)
            if self._run is None:
                continue
            self.states.update(self.agent.status.label(m) for m in self.agent.meters.values())
            self.metrics.update(self._above_zero())
            for meter in self.agent.meters.values():
                self.diagnoses.update(trouble.code for trouble in self.agent.status.diagnoses(meter))

    def _above_zero(self) -> set[str]:
        lines = [line for line in self.agent.metrics_text().splitlines() if not line.startswith("#")]
        return {line.split("{")[0].split(" ")[0] for line in lines if line.rsplit(" ", 1)[1] not in ("0", "-1")}

    def _count(self) -> None:
        for line in self.agent.counters.lines():
            name, _, rest = line.partition("{")
            parts = dict(p.split("=") for p in rest.partition("}")[0].split(",") if "=" in p)
            amount = int(line.rsplit(" ", 1)[1]) if not line.startswith("#") else 0
            if name == "campusgrid_edge_poll_refused_total":
                self.refusals[parts["reason"].strip('"')] += amount
            elif name == "campusgrid_edge_outcomes_total":
                self.outcomes[parts["outcome"].strip('"')] += amount
        self.metrics.update(self._above_zero())

    # --- what happens ---

    async def until(self, at_s: float) -> None:
        """Let campus time go on to so many seconds after the start."""
        left_s = at_s - asyncio.get_running_loop().time()
        if left_s > 0:
            await asyncio.sleep(left_s)

    async def play(self, scenario: Scenario) -> None:
        """Do every step at its time, wait for the end and until everything made has been receipted."""
        for step in scenario.steps:
            await self.until(step.at_s)
            await self.do(step)
        await self.until(60 * scenario.minutes + 40)
        await self.settled()

    async def settled(self) -> None:
        """Wait until everything made has been receipted, ten minutes at most."""
        for _ in range(600):
            if self._run is None or not self.waiting():
                break
            await asyncio.sleep(1)

    def waiting(self) -> int:
        """Readings that wait in the spool for their receipt."""
        return self.agent.spool_thread.backlog

    async def do(self, step: Step) -> None:
        """Do one step."""
        place = self.places[step.meter - 1]
        match step.do:
            case "fault":
                assert step.fault is not None
                place.port.switch_on(step.fault)
            case "heal":
                place.port.switch_off(step.kind)
            case "power_off":
                await place.port.close()
            case "power_on":
                await place.power_on()
            case "swap":
                await place.port.close()
                place.set_up(step.serial)
                await place.power_on()
            case "approve":
                place.register_epoch += 1
                self._configure()
            case "configure":
                self._configure(newer=False)
            case "kill":
                await self.kill()
            case "start":
                self.start()
            case "broker_away" | "broker_back":
                self.broker_up = step.do == "broker_back"
                self.session.come() if self.broker_up else self.session.go()
            case "bridge_silent" | "bridge_back":
                self.bridge.is_silent = step.do == "bridge_silent"
            case "clock_step":
                self.box.offset_ns += step.seconds * NS
            case "clock_doubt" | "clock_trust":
                self.box.bound_ms = UNKNOWN_ERROR_MS if step.do == "clock_doubt" else ERROR_MS
            case "disk_full":
                self._fill_disk()
            case "stranger_comes":
                self._stranger = socket.create_connection(("127.0.0.1", place.tcp_port))
            case "stranger_goes":
                assert self._stranger is not None
                self._stranger.close()
            case "spool_damage":
                self._damage_spool()
            case "disk_free":
                del self.agent.spool.put
                self._count_commits()
                if self.spool_put is not None:
                    self.agent.spool.put = self.spool_put  # type: ignore[method-assign]

    def _configure(self, *, newer: bool = True) -> None:
        self.version += newer
        self.session.events.put_nowait(Incoming(agent_config_topic("e1"), self.config()))

    def _count_commits(self) -> None:
        put = self.agent.spool.put

        def counted(*args: Any) -> Any:
            self.commits += 1
            return put(*args)

        self.agent.spool.put = counted  # type: ignore[method-assign]

    def _damage_spool(self) -> None:
        """Overwrite every page behind the first, as a card does that forgets a block."""
        path = self.folder / "edge" / "spool.db"
        path.with_name("spool.db-wal").unlink(missing_ok=True)
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * max(0, path.stat().st_size - 4096))

    def _fill_disk(self) -> None:
        def refuse(*_: Any) -> Any:
            raise SpoolError(self.agent.spool.path, "database or disk is full")

        self.agent.spool.put = refuse  # type: ignore[method-assign]

    # --- the judgement ---

    def flags(self) -> set[str]:
        """Quality labels of all readings."""
        return {
            name for p in self.places for core, _ in self.bridge.readings(p.number) for name in labels(core.quality)
        }

    def read_truth(self) -> Truth:
        """Return the truth log as it is now."""
        return Truth(self.folder / "truth", self._true_mwh)

    def finding(self, place: Place, truth: Truth) -> Finding:
        """Hold the receipted readings of one place against the truth log."""
        return judge_readings(self._signed(place), truth, self._wrap_wh)

    def false_energy(self) -> list[str]:
        """Return everything in which the receipted readings and the truth differ; empty when they agree."""
        wrong = []
        if self.bridge.forged or self.bridge.conflicts:
            wrong.append(f"{self.bridge.forged} forged, {self.bridge.conflicts} in conflict")
        truth = self.read_truth()
        for place in self.places:
            if not self._signed(place):
                wrong.append(f"meter {place.number}: no measured reading")
            wrong += [f"meter {place.number}: {what}" for what in self.finding(place, truth).wrong]
        return wrong

    def _signed(self, place: Place) -> list[Signed]:
        return [
            Signed(
                core,
                detail,
                place.meters[detail.meter_serial].serial,
                self.box.truly_ns(detail.closing_read_ms, self.bridge.first_seen_ns[encode_detail(detail)]),
            )
            for core, detail in self.bridge.readings(place.number)
            if not core.quality & NO_POST_MASK
        ]

    def _meter(self, serial: str) -> SimMeter:
        return next(m for place in self.places for m in place.meters.values() if m.serial == serial)

    def _true_mwh(self, serial: str, direction: Direction, campus_ns: int) -> int:
        truth = self._meter(serial).true_energy(campus_ns)
        return truth.import_mwh if direction == "import" else truth.export_mwh

    def _wrap_wh(self, serial: str, direction: Direction) -> int:
        return self._meter(serial).profile.wrap_wh(direction)
