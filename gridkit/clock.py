"""Decides what time it is on the campus; wall and monotonic time (time-outs, tokens, TLS) stay with the callers.

Campus time rules intervals, meters, orders, timelocks and the chain's Clock. It is UTC, or on a localnet a clock
that may run faster. The localnet owns the accelerated clock in one small file; every other process reads it there.

The file is JSON: version, boot_id, monotonic_ns, campus_ns, speed, reserved_until_ns, error_bound_ms, pid. It is
replaced as a whole (write, fsync, rename). A reader computes

    min(campus_ns + (CLOCK_MONOTONIC - monotonic_ns) * speed, reserved_until_ns)

so time stops by itself when its owner dies, and the owner starts again at reserved_until_ns, which nobody can have
seen exceeded: a kill never rewinds the campus.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import threading
import time
from pathlib import Path
from typing import Protocol

import msgspec

from gridkit.durable import write_durably

NS_PER_S = 1_000_000_000
UNKNOWN_ERROR_MS = 65_535
"""Clock error bound that means "nobody vouches for this clock"; also what larger bounds saturate to."""

RENEW_PERIOD_S = 1
"""How often an owner renews the file, wall seconds."""

RESERVE_WALL_NS = 3 * NS_PER_S
"""How far ahead an owner reserves: three renewals, so that one late fsync does not stop the campus."""

MAX_SPEED = 86_400
"""A day a second; above that the arithmetic still holds but nothing on the campus does."""

_REREAD_NS = 100_000_000
_SLEEP_SLICE_S = 0.25
_BOOT_ID_PATH = Path("/proc/sys/kernel/random/boot_id")


class ClockError(Exception):
    """Base of what a clock can fail with; `ClockUnavailableError` and `ClockHeldError` are its leaves."""


class ClockUnavailableError(ClockError):
    """The clock file is missing or unreadable: the localnet has never run in this home. Retrying can help."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"campus clock {path} cannot be read: {why}; "
            "start the localnet of this home, or unset the clock path to use UTC"
        )
        self.path = path


class ClockHeldError(ClockError):
    """Another process owns this clock file; two owners would disagree about the time."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"campus clock {path} is owned by another running process; use another home or stop that one")
        self.path = path


class Clock(Protocol):
    """Campus time as every process sees it."""

    @property
    def speed(self) -> int:
        """Campus seconds in one wall second, ≥1; 1 for UTC."""

    def now_ns(self) -> int:
        """Return campus UTC time, ns since 1970. An accelerated clock never goes back; UTC may be set back."""

    def error_bound_ms(self) -> int:
        """Return the most the clock can be wrong by, campus ms in [0, 65535]; 65535 means unknown."""

    async def sleep_until_ns(self, target_ns: int) -> None:
        """Return once `now_ns()` ≥ target_ns; waits for ever while the clock stands still. Cancellable."""


class ClockState(msgspec.Struct, frozen=True):
    """The clock file, as written. All times in ns; `speed` campus seconds per wall second."""

    version: int
    boot_id: str
    monotonic_ns: int
    campus_ns: int
    speed: int
    reserved_until_ns: int
    error_bound_ms: int
    pid: int

    def at(self, monotonic_ns: int, boot_id: str) -> int:
        """Return campus ns at a monotonic instant; the reserved end when the machine has booted since."""
        if boot_id != self.boot_id:
            return self.reserved_until_ns
        elapsed_ns = max(0, monotonic_ns - self.monotonic_ns)
        return min(self.campus_ns + elapsed_ns * self.speed, self.reserved_until_ns)


_decoder = msgspec.json.Decoder(ClockState)


def boot_id() -> str:
    """Return this boot's id as the kernel names it; a monotonic instant means nothing under another one."""
    try:
        return _BOOT_ID_PATH.read_text().strip()
    except OSError:
        return "unknown"


def read_state(path: Path) -> ClockState:
    """Return the clock file's content.

    Raises:
        ClockUnavailableError: No file, no JSON of this shape, or another version.
    """
    try:
        state = _decoder.decode(_content(path))
    except OSError as error:
        raise ClockUnavailableError(path, error.strerror or str(error)) from error
    except msgspec.MsgspecError as error:
        raise ClockUnavailableError(path, str(error)) from error
    if state.version != 1:
        raise ClockUnavailableError(path, f"version {state.version} is not 1")
    return state


def _content(path: Path) -> bytes:
    """Return a file's bytes without leaving a time of access: noting that each second is a write to the card."""
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NOATIME", 0))) as file:
            return file.read()
    except PermissionError:  # The file is another user's.
        return path.read_bytes()


class _Sleeping:
    """Sleeping in slices, so that a change of speed or a stop of the clock is noticed."""

    speed: int

    def now_ns(self) -> int:
        raise NotImplementedError

    async def sleep_until_ns(self, target_ns: int) -> None:
        """Return once `now_ns()` ≥ target_ns. Source: `Clock`."""
        while (left_ns := target_ns - self.now_ns()) > 0:  # noqa: ASYNC110 - time is no event
            # At least 4 ms: a clock that stands still at its reserved end must not become a busy loop.
            await asyncio.sleep(min(_SLEEP_SLICE_S, max(0.004, left_ns / self.speed / NS_PER_S)))


class UtcClock(_Sleeping):
    """UTC of this machine, with the error bound that its kernel states (adjtimex, fed by NTP, PTP or chrony)."""

    @property
    def speed(self) -> int:  # type: ignore[override]
        """Always 1."""
        return 1

    def now_ns(self) -> int:
        """Return UTC ns. Not clamped: when the machine's clock is set back, readings must notice (quality bit 7)."""
        return time.time_ns()

    def error_bound_ms(self) -> int:
        """Return the kernel's maximum error, ms rounded up; 65535 when it says that the clock is not disciplined.

        Source: adjtimex(2): `maxerror` in µs, status bit STA_UNSYNC 0x0040, return value TIME_ERROR 5.
        """
        return kernel_error_bound_ms()


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


_STA_UNSYNC = 0x0040
_TIME_ERROR = 5
_libc: ctypes.CDLL | None = None


def kernel_error_bound_ms() -> int:
    """Return the kernel's clock error bound, ms in [0, 65535]; 65535 = unsynchronised or not asked (no adjtimex)."""
    global _libc
    try:
        if _libc is None:
            _libc = ctypes.CDLL(None, use_errno=True)
        timex = _Timex()
        state = int(_libc.adjtimex(ctypes.byref(timex)))
    except (OSError, AttributeError):
        return UNKNOWN_ERROR_MS
    if state < 0 or state == _TIME_ERROR or timex.status & _STA_UNSYNC:
        return UNKNOWN_ERROR_MS
    return int(min(UNKNOWN_ERROR_MS, -(-int(timex.maxerror) // 1000)))


class CampusClock(_Sleeping):
    """The accelerated clock of a localnet, read from its file. It never goes back, also when its speed changes."""

    def __init__(self, path: Path | str) -> None:
        """Read the file once.

        Raises:
            ClockUnavailableError: There is no such clock yet.
        """
        self._path = Path(path)
        self._boot_id = boot_id()
        self._state = read_state(self._path)
        self._read_at_ns = time.monotonic_ns()
        self._latest_ns = 0

    @property
    def speed(self) -> int:  # type: ignore[override]
        """Campus seconds in one wall second, as the file said at most 0.1 s ago."""
        self._refresh(time.monotonic_ns())
        return self._state.speed

    def now_ns(self) -> int:
        """Return campus UTC ns; stands still while the owner is down. Rereads the file at most ten times a second."""
        monotonic_ns = time.monotonic_ns()
        self._refresh(monotonic_ns)
        self._latest_ns = max(self._latest_ns, self._state.at(monotonic_ns, self._boot_id))
        return self._latest_ns

    def error_bound_ms(self) -> int:
        """Return the bound that the owner states, campus ms, saturating at 65535."""
        self._refresh(time.monotonic_ns())
        return min(UNKNOWN_ERROR_MS, self._state.error_bound_ms)

    def _refresh(self, monotonic_ns: int) -> None:
        if monotonic_ns - self._read_at_ns < _REREAD_NS:
            return
        self._read_at_ns = monotonic_ns
        try:
            self._state = read_state(self._path)
        except ClockUnavailableError:
            # The owner is gone and its home with it: what was last read still ends at its reserved instant.
            return


class ClockOwner(_Sleeping):
    """The one writer of a campus clock file; the localnet alone makes one.

    Call `renew()` every second (or run `keep()` as a task) and `close()` at the end.
    """

    def __init__(self, path: Path | str, speed: int, start_ns: int, *, error_bound_ms: int | None = None) -> None:
        """Take the clock: continue an existing file at its reserved end, or begin at start_ns.

        Args:
            path: The clock file; its folder is made. A lock file is kept beside it.
            speed: Campus seconds per wall second, in [1, 86400].
            start_ns: Campus time of a clock that does not exist yet, ns; ignored when the file exists.
            error_bound_ms: What the clock states as its bound, campus ms; by default one wall ms.

        Raises:
            ClockHeldError: Another process owns the file.
            ValueError: Speed out of range.
        """
        _check_speed(speed)
        self._path = Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock_fd = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock_fd)
            raise ClockHeldError(self._path) from None
        self._boot_id = boot_id()
        self._writing = threading.Lock()  # `renew` may run in a thread while `close` is called
        self._fixed_error_bound_ms = error_bound_ms
        self._state = self._begin(speed, start_ns)
        self._write()

    def _begin(self, speed: int, start_ns: int) -> ClockState:
        campus_ns = start_ns
        if self._path.exists():
            campus_ns = read_state(self._path).reserved_until_ns
        return self._stated(time.monotonic_ns(), campus_ns, speed)

    def _stated(self, monotonic_ns: int, campus_ns: int, speed: int) -> ClockState:
        bound_ms = speed if self._fixed_error_bound_ms is None else self._fixed_error_bound_ms
        return ClockState(
            version=1,
            boot_id=self._boot_id,
            monotonic_ns=monotonic_ns,
            campus_ns=campus_ns,
            speed=speed,
            reserved_until_ns=campus_ns + RESERVE_WALL_NS * speed,
            error_bound_ms=min(UNKNOWN_ERROR_MS, bound_ms),
            pid=os.getpid(),
        )

    @property
    def speed(self) -> int:  # type: ignore[override]
        """Campus seconds in one wall second."""
        return self._state.speed

    @property
    def state(self) -> ClockState:
        """What the file says now."""
        return self._state

    def now_ns(self) -> int:
        """Return campus UTC ns; never beyond what is already reserved on disk."""
        return self._state.at(time.monotonic_ns(), self._boot_id)

    def error_bound_ms(self) -> int:
        """Return the stated bound, campus ms in [0, 65535]."""
        return self._state.error_bound_ms

    def renew(self) -> None:
        """Reserve the next three wall seconds on disk; a late call lets the clock stand still, never jump.

        May be called from a thread; after `close` it does nothing, for the file may be another owner's by then.
        """
        self._move(self._state.speed)

    def set_speed(self, speed: int) -> None:
        """Go on from now at another speed, in [1, 86400]; readers follow within 0.1 s and never see time go back."""
        _check_speed(speed)
        self._move(speed)

    def _move(self, speed: int) -> None:
        with self._writing:
            if self._lock_fd < 0:
                return
            monotonic_ns = time.monotonic_ns()
            self._state = self._stated(monotonic_ns, self._state.at(monotonic_ns, self._boot_id), speed)
            self._write()

    async def keep(self) -> None:
        """Renew every second until cancelled."""
        while True:
            await asyncio.sleep(RENEW_PERIOD_S)
            self.renew()

    def close(self) -> None:
        """Stop the clock where it is, on disk, and let another owner take it. Safe to call twice."""
        with self._writing:
            if self._lock_fd < 0:
                return
            campus_ns = self.now_ns()
            self._state = msgspec.structs.replace(
                self._state, monotonic_ns=time.monotonic_ns(), campus_ns=campus_ns, reserved_until_ns=campus_ns, pid=0
            )
            self._write()
            os.close(self._lock_fd)
            self._lock_fd = -1

    def _write(self) -> None:
        write_durably(self._path, msgspec.json.encode(self._state) + b"\n")


def _check_speed(speed: int) -> None:
    if isinstance(speed, bool) or not isinstance(speed, int) or not 1 <= speed <= MAX_SPEED:
        raise ValueError(f"clock speed {speed!r} is not a whole number in [1, {MAX_SPEED}]")


class FakeClock:
    """A clock that moves only when told to; for tests."""

    def __init__(self, now_ns: int = 0, *, error_bound_ms: int = 1, speed: int = 1) -> None:
        self._now_ns = now_ns
        self._error_bound_ms = error_bound_ms
        self._speed = speed
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def speed(self) -> int:
        """As given."""
        return self._speed

    def now_ns(self) -> int:
        """Return the time last set, ns."""
        return self._now_ns

    def error_bound_ms(self) -> int:
        """Return the bound last set, ms."""
        return self._error_bound_ms

    def set_error_bound_ms(self, error_bound_ms: int) -> None:
        """State another bound, ms in [0, 65535]."""
        self._error_bound_ms = error_bound_ms

    def advance_s(self, seconds: int) -> None:
        """Move by whole seconds (negative: somebody has set the clock back) and wake whoever is due."""
        self.set_ns(self._now_ns + seconds * NS_PER_S)

    def set_ns(self, now_ns: int) -> None:
        """Set the time, ns, and wake whoever is due."""
        self._now_ns = now_ns
        due = [future for target_ns, future in self._waiters if target_ns <= now_ns]
        self._waiters = [waiter for waiter in self._waiters if waiter[0] > now_ns]
        for future in due:
            if not future.done():
                future.set_result(None)

    async def sleep_until_ns(self, target_ns: int) -> None:
        """Return once somebody has moved the clock to target_ns."""
        if target_ns > self._now_ns:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((target_ns, future))
            await future


def open_clock(path: Path | str | None) -> UtcClock | CampusClock:
    """Return the campus clock at path, or UTC when there is none to read (path is None or empty).

    Raises:
        ClockUnavailableError: A path was given and no clock is there yet.
    """
    return CampusClock(path) if path else UtcClock()
