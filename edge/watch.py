"""Decides when a clock that vouches for itself is believed: the kernel's word, else chrony's, and neither after a contradiction.

A clock that was within 20 ms of the truth and is set by an hour was wrong before or is wrong now. Which one nobody knows, so for a
while it counts as unknown: samples are held, and stamped once it has gone on for ten minutes without another jump. A clock that
never claimed to be right (a box that booted in 1970) contradicts nothing when it is set, and is believed at once.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable

from gridkit.clock import UNKNOWN_ERROR_MS, Clock
from gridkit.log import get_logger

log = get_logger("edge.watch")

DOUBT_NS = 600 * 1_000_000_000
JUMP_NS = 2 * 1_000_000_000
"""Less is a clock being steered, or a computer that was busy."""
ASK_EVERY_S = 64.0
"""How often chrony is asked: its own shortest usual poll."""
BELIEVED_FOR_S = 600.0
DRIFT_PPM = 500
_MS = 1_000_000


def boot_ns() -> int:
    """Return the time since boot, suspension included, ns: what no setting of the clock moves."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class WatchedClock:
    """UTC with its steps noticed."""

    def __init__(
        self,
        clock: Clock,
        *,
        steady_ns: Callable[[], int] = boot_ns,
        second_opinion_ms: Callable[[], int | None] | None = None,
    ) -> None:
        """Watch a clock.

        Args:
            clock: What is watched.
            steady_ns: A clock that is never set.
            second_opinion_ms: Another error bound, ms, None where nobody states one; by default chrony's. It is taken where the clock
                itself states none, and where it is the larger one.
        """
        self._clock = clock
        self._steady_ns = steady_ns
        self._second_opinion_ms = second_opinion_ms or Chrony().error_bound_ms
        self._last: tuple[int, int, int] | None = None
        self._doubt_until_ns = 0
        self.jumps = 0

    @property
    def speed(self) -> int:
        """The clock's."""
        return self._clock.speed

    def now_ns(self) -> int:
        """Return UTC ns, as the clock says."""
        self._look()
        return self._clock.now_ns()

    def error_bound_ms(self) -> int:
        """Return the bound that somebody vouches for, ms; 65535 when nobody does or the clock contradicts itself."""
        bound_ms = self._look()
        return UNKNOWN_ERROR_MS if self._steady_ns() < self._doubt_until_ns else bound_ms

    async def sleep_until_ns(self, target_ns: int) -> None:
        """As the clock does."""
        await self._clock.sleep_until_ns(target_ns)

    def _look(self) -> int:
        now_ns, steady_ns = self._clock.now_ns(), self._steady_ns()
        bound_ms = self._clock.error_bound_ms()
        opinion_ms = self._second_opinion_ms()
        if opinion_ms is not None:
            # With `rtcsync` chronyd gives the kernel delay and dispersion, and not what it has yet to correct: an hour, which it slews
            # for half a day, is 20 ms for the kernel all the while. Source: chrony 4, reference.c, LCL_SetSyncStatus.
            bound_ms = opinion_ms if bound_ms >= UNKNOWN_ERROR_MS else max(bound_ms, opinion_ms)
        last, self._last = self._last, (now_ns, steady_ns, bound_ms)
        if last is not None:
            jump_ns = (now_ns - last[0]) - (steady_ns - last[1])
            if abs(jump_ns) > JUMP_NS:
                self._jumped(jump_ns, last[2], bound_ms, steady_ns)
        return bound_ms

    def _jumped(self, jump_ns: int, before_ms: int, after_ms: int, steady_ns: int) -> None:
        self.jumps += 1
        vouched = max(before_ms, after_ms) < UNKNOWN_ERROR_MS
        if vouched and abs(jump_ns) > (before_ms + after_ms) * _MS:
            self._doubt_until_ns = steady_ns + DOUBT_NS
        log.warning("clock_jumped", by_ms=jump_ns // _MS, bound_before_ms=before_ms, in_doubt=vouched)


class Chrony:
    """The error bound that chronyd states, where it runs; with what it has yet to correct, of which the kernel does not hear."""

    def __init__(self, program: str | None = None) -> None:
        """Find the program; without it nobody states a bound."""
        # Not shutil.which: it brings three compression libraries into memory.
        found = (f"{folder}/chronyc" for folder in os.get_exec_path())
        self._program = next((p for p in found if os.access(p, os.X_OK)), None) if program is None else program
        self._bound_ms: int | None = None
        self._told_s = self._asked_s = -BELIEVED_FOR_S

    def error_bound_ms(self) -> int | None:
        """Return the bound last told, grown by what a clock may have drifted since, None without one; asks in the background."""
        if self._program is None:
            return None
        now_s = time.monotonic()
        if now_s - self._asked_s >= ASK_EVERY_S:
            self._asked_s = now_s
            threading.Thread(target=self.ask, name="chrony", daemon=True).start()
        age_s = now_s - self._told_s
        if self._bound_ms is None or age_s >= BELIEVED_FOR_S:
            return None
        return min(UNKNOWN_ERROR_MS, self._bound_ms + int(age_s * DRIFT_PPM / 1000) + 1)

    def ask(self) -> None:
        """Ask chronyd once; no answer leaves what was told to grow old."""
        try:
            done = subprocess.run(
                [str(self._program), "-c", "tracking"], capture_output=True, text=True, timeout=5, check=True
            )
        except (OSError, ValueError, subprocess.SubprocessError):
            return  # ValueError: what it says is no text.
        self._bound_ms, self._told_s = parse_tracking(done.stdout), time.monotonic()


def parse_tracking(text: str) -> int | None:
    """Return the clock error bound of `chronyc -c tracking`, ms rounded up, in [0, 65535]; None when it is not synchronised.

    The bound is |correction| + root dispersion + half the root delay. Source: chronyc(1), `tracking`: "An absolute bound on the
    computer's clock accuracy".
    """
    fields = text.strip().split(",")
    if len(fields) != 14 or fields[13] not in ("Normal", "Insert second", "Delete second"):
        return None
    try:
        correction_ns, delay_ns, dispersion_ns = (_seconds_ns(fields[at]) for at in (4, 10, 11))
    except ValueError:
        return None
    if delay_ns < 0 or dispersion_ns < 0:
        return None
    bound_ns = abs(correction_ns) + dispersion_ns + delay_ns // 2
    return min(UNKNOWN_ERROR_MS, -(-bound_ns // _MS))


def _seconds_ns(text: str) -> int:
    """Return decimal seconds as whole ns. Raises ValueError: they are none."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.lstrip("+"))
    whole, _, part = digits.partition(".")
    if not (digits.isascii() and (whole + part).isdigit()):
        raise ValueError(f"{text} is no number of seconds")
    return sign * (int(whole or 0) * 1_000_000_000 + int(part[:9].ljust(9, "0")))
