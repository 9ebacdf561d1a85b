"""Decides how the meters of one link are polled: whose turn it is, what a boundary pass is, when a meter counts as dead.

When a quarter hour has ended, all meters of the link are asked their counters first, which are few registers, and the rest
afterwards: thirty-two meters at 9,600 baud have given theirs within ten seconds, also with three dead ones among them.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from edge.guard import Asks
from edge.meter import Meter
from edge.metrics import Counters
from edge.sample import EnergyRead, PollRefused, Sample, poll, read_energy
from edge.track import Outcome
from edge.turns import learn_cost, next_turn
from gridkit.clock import Clock
from gridkit.interval import end_ns, interval_at_ns
from gridkit.log import get_logger

log = get_logger("edge.rounds")

DEAD_AFTER = 3
"""Rounds in a row without answer after which a meter is quarantined on its link."""
MAX_BACK_OFF_ROUNDS = 64
MAX_BACK_OFF_S = 300.0
LONGEST_SLEEP_S = 5.0
"""A clock that is set, or changes its speed, is noticed after this, wall s."""
_NS = 1_000_000_000


class Rounds:
    """The poll loop of one link and its meters."""

    def __init__(
        self,
        link: Asks,
        clock: Clock,
        counters: Counters,
        take: Callable[[Meter, Sample], Awaitable[None]],
        changed: Callable[[Meter], None],
        *,
        poll_interval_s: float,
    ) -> None:
        """Nothing is asked yet.

        Args:
            link: Shared by the meters.
            clock: Campus time.
            counters: Of the agent.
            take: What becomes of a sample.
            changed: Called when a meter has died or come back.
            poll_interval_s: A meter is polled this often where the link allows, wall s.
        """
        self.link = link
        self.meters: list[Meter] = []
        self.polled_s = time.monotonic()
        self._clock = clock
        self._counters = counters
        self._take = take
        self._changed = changed
        self._poll_interval_s = poll_interval_s
        self._passed: int | None = None

    def is_alive(self, now_s: float, timeout_s: float) -> bool:
        """Return whether a poll has ended not long ago.

        A meter that does not answer is a poll too; a link with dead meters alone is polled when their back-off ends.

        Args:
            now_s: By time.monotonic.
            timeout_s: Most that one answer is waited for.
        """
        patience_s = 10 * self._poll_interval_s + 10 * timeout_s * len(self.meters)
        if all(meter.failures >= DEAD_AFTER for meter in self.meters):
            patience_s += 1.2 * MAX_BACK_OFF_S
        return now_s - self.polled_s < max(30.0, patience_s)

    async def step(self) -> None:
        """Do the next thing: a boundary pass, one meter's poll, or wait for either."""
        now_ns = self._clock.now_ns()
        interval = interval_at_ns(now_ns)
        passed, self._passed = self._passed, interval
        if passed is not None and interval > passed:
            await self.at_boundary()
            return
        now_s = asyncio.get_running_loop().time()
        left_s = (end_ns(interval) - now_ns) / self._clock.speed / _NS
        turn = next_turn(self.meters, now_s, now_s + left_s)
        if turn.meter is None:
            await self._until_boundary(end_ns(interval), left_s)
        elif turn.start_s > now_s:
            await asyncio.sleep(min(turn.start_s - now_s, LONGEST_SLEEP_S))
        else:
            await self.turn(self.meters[turn.meter])

    async def _until_boundary(self, boundary_ns: int, left_s: float) -> None:
        """Keep the link free until then. A clock that stands still never gets there: the meters are polled meanwhile."""
        try:
            async with asyncio.timeout(2 * left_s + self._poll_interval_s):
                await self._clock.sleep_until_ns(boundary_ns)
        except TimeoutError:
            meter = min(self.meters, key=lambda m: m.next_try_s)
            if meter.next_try_s <= asyncio.get_running_loop().time():
                await self.turn(meter)

    async def turn(self, meter: Meter) -> None:
        """Poll one meter; a doubtful value is read again at once: most glitches are over by then."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        meter.next_try_s = began_s + self._poll_interval_s
        if await self._poll(meter) and meter.outcome is Outcome.QUESTION:
            await self._poll(meter)
        meter.cost_s = learn_cost(meter.cost_s, loop.time() - began_s)
        self.polled_s = time.monotonic()

    async def at_boundary(self) -> None:
        """Ask everybody's counters, then the rest; who did not answer is asked once more, and a dead one at the very end."""
        began_ns = self._clock.now_ns()
        energies: dict[int, tuple[Meter, EnergyRead]] = {}
        silent: list[Meter] = []
        for meter in self.meters:
            if meter.failures < DEAD_AFTER and not await self._energy(meter, energies):
                silent.append(meter)
        dead = [m for m in self.meters if m.failures >= DEAD_AFTER and m not in silent]
        if len(self.meters) > 1:
            now_s = asyncio.get_running_loop().time()
            dead = [m for m in dead if m.next_try_s <= now_s]
        for meter in (*silent, *dead):
            if self._clock.now_ns() - began_ns < meter.rules.tolerance_ns:
                await self._energy(meter, energies)
        for meter, energy in energies.values():
            meter.next_try_s = asyncio.get_running_loop().time() + self._poll_interval_s
            if await self._poll(meter, energy) and meter.outcome is Outcome.QUESTION:
                await self._poll(meter)
        self.polled_s = time.monotonic()

    async def _energy(self, meter: Meter, energies: dict[int, tuple[Meter, EnergyRead]]) -> bool:
        result = await read_energy(self.link, meter.settings.unit, meter.plan, self._clock)
        if isinstance(result, PollRefused):
            self._refused(meter, result)
            return False
        energies[id(meter)] = (meter, result)
        return True

    async def _poll(self, meter: Meter, energy: EnergyRead | None = None) -> bool:
        result = await poll(self.link, meter.settings.unit, meter.plan, self._clock, energy=energy)
        if isinstance(result, PollRefused):
            self._refused(meter, result)
            return False
        if meter.failures >= DEAD_AFTER:
            log.info("meter_back", meter_id=meter.name, after_rounds=meter.failures)
            self._changed(meter)
        meter.failures = 0
        self._counters.add("campusgrid_edge_polls_total", meter=meter.name)
        await self._take(meter, result)
        return True

    def _refused(self, meter: Meter, refused: PollRefused) -> None:
        self._counters.add("campusgrid_edge_poll_refused_total", meter=meter.name, reason=refused.reason)
        meter.failures += 1
        meter.last_refusal = refused.reason
        if meter.failures < DEAD_AFTER:
            return
        rounds = min(MAX_BACK_OFF_ROUNDS, 1 << min(10, meter.failures - DEAD_AFTER))
        back_off_s = min(MAX_BACK_OFF_S, rounds * self._poll_interval_s) * random.uniform(0.8, 1.2)
        meter.next_try_s = asyncio.get_running_loop().time() + back_off_s
        if meter.failures == DEAD_AFTER:
            log.warning("meter_dead", meter_id=meter.name, reason=refused.reason, code=refused.code)
            self._changed(meter)
