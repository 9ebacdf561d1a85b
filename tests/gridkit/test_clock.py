"""The campus clock: it may stop, it never goes back."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gridkit import clock as clock_module
from gridkit.clock import (
    NS_PER_S,
    CampusClock,
    ClockHeldError,
    ClockOwner,
    ClockUnavailableError,
    FakeClock,
    UtcClock,
    open_clock,
    read_state,
)

START_NS = 1_780_000_000 * NS_PER_S


class Monotonic:
    """Stands in for time.monotonic_ns."""

    def __init__(self) -> None:
        self.ns = 5_000_000_000_000

    def __call__(self) -> int:
        return self.ns

    def pass_s(self, seconds: float) -> None:
        self.ns += round(seconds * NS_PER_S)


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    fake = Monotonic()
    monkeypatch.setattr(clock_module.time, "monotonic_ns", fake)
    return fake


def test_sixty_campus_seconds_pass_in_one(tmp_path: Path, monotonic: Monotonic) -> None:
    """At speed 60 a quarter hour is 15 s; a clock at another pace makes every boundary poll late."""
    owner = ClockOwner(tmp_path / "clock", 60, START_NS)
    reader = CampusClock(tmp_path / "clock")
    monotonic.pass_s(1)
    assert owner.now_ns() == reader.now_ns() == START_NS + 60 * NS_PER_S
    assert reader.speed == 60


def test_time_stops_when_the_owner_is_gone(tmp_path: Path, monotonic: Monotonic) -> None:
    """Meters would go on into a future in which the chain has no block."""
    owner = ClockOwner(tmp_path / "clock", 60, START_NS)
    reader = CampusClock(tmp_path / "clock")
    monotonic.pass_s(3600)
    assert reader.now_ns() == owner.state.reserved_until_ns
    assert reader.now_ns() - START_NS == 3 * 60 * NS_PER_S


def test_an_owner_killed_at_any_moment_goes_on_where_no_reader_has_been(tmp_path: Path, monotonic: Monotonic) -> None:
    """A rewound clock makes two different readings for one interval: a conflict for every meter."""
    path = tmp_path / "clock"
    latest = 0
    for wait_s in (0.0, 0.4, 2.9, 50.0):
        owner = ClockOwner(path, 60, START_NS)
        reader = CampusClock(path)
        assert reader.now_ns() >= latest
        assert owner.now_ns() >= latest
        monotonic.pass_s(wait_s)
        latest = reader.now_ns()
        os.close(owner._lock_fd)  # what the kernel does at kill -9; nothing else is tidied up


def test_a_clean_stop_keeps_the_second_it_stopped_in(tmp_path: Path, monotonic: Monotonic) -> None:
    """A stack that is stopped over night must not find its morning skipped."""
    owner = ClockOwner(tmp_path / "clock", 60, START_NS)
    monotonic.pass_s(1)
    owner.close()
    monotonic.pass_s(86_400)
    assert CampusClock(tmp_path / "clock").now_ns() == START_NS + 60 * NS_PER_S
    assert ClockOwner(tmp_path / "clock", 60, 0).now_ns() == START_NS + 60 * NS_PER_S


def test_a_renewal_under_way_in_a_thread_cannot_undo_the_stop(tmp_path: Path) -> None:
    """The localnet renews in a thread; a renewal that ends behind the stop would write into the next owner's file."""
    for number in range(30):
        owner, failures = ClockOwner(tmp_path / f"clock{number}", 1, START_NS), list[BaseException]()

        def renew(owner: ClockOwner = owner, failures: list[BaseException] = failures) -> None:
            try:
                for _ in range(20):
                    owner.renew()
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=renew) for _ in range(2)]
        for thread in threads:
            thread.start()
        owner.close()
        stopped = (tmp_path / f"clock{number}").read_bytes()
        for thread in threads:
            thread.join()
        owner.renew()
        assert not failures
        assert (tmp_path / f"clock{number}").read_bytes() == stopped


def test_a_change_of_speed_neither_jumps_nor_goes_back(tmp_path: Path, monotonic: Monotonic) -> None:
    """A reader that has not yet seen the slower speed is ahead by a moment; it waits, it does not step back."""
    owner = ClockOwner(tmp_path / "clock", 60, START_NS)
    reader = CampusClock(tmp_path / "clock")
    monotonic.pass_s(1)
    before = reader.now_ns()
    owner.set_speed(1)
    assert owner.now_ns() == before
    monotonic.pass_s(0.05)
    ahead = reader.now_ns()
    assert 0 <= ahead - owner.now_ns() < 60 * NS_PER_S // 10
    monotonic.pass_s(0.1)
    assert reader.now_ns() == ahead
    monotonic.pass_s(2.5)
    assert 0 <= reader.now_ns() - owner.now_ns() < 60 * NS_PER_S // 10
    owner.renew()
    monotonic.pass_s(2.9)
    assert reader.now_ns() == owner.now_ns()


def test_another_boot_gives_the_reserved_end(
    tmp_path: Path, monotonic: Monotonic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A monotonic instant of an earlier boot would throw the clock hours ahead or behind."""
    ClockOwner(tmp_path / "clock", 60, START_NS)
    monkeypatch.setattr(clock_module, "boot_id", lambda: "another boot")
    assert CampusClock(tmp_path / "clock").now_ns() == START_NS + 180 * NS_PER_S


def test_a_look_at_the_clock_writes_nothing_to_the_card(tmp_path: Path) -> None:
    """A time of access for each second was a block of the card every half minute."""
    clock = ClockOwner(tmp_path / "clock", 60, START_NS)
    before_ns = (tmp_path / "clock").stat().st_atime_ns
    time.sleep(0.02)
    read_state(tmp_path / "clock")
    assert (tmp_path / "clock").stat().st_atime_ns == before_ns
    clock.close()


def test_one_owner_only(tmp_path: Path) -> None:
    """Two localnets in one home would each have their own time."""
    ClockOwner(tmp_path / "clock", 1, START_NS)
    with pytest.raises(ClockHeldError):
        ClockOwner(tmp_path / "clock", 1, START_NS)


@pytest.mark.parametrize("speed", [0, -1, 86_401, True, 1.5])
def test_a_speed_that_is_no_whole_number_from_one_up_is_refused(tmp_path: Path, speed: Any) -> None:
    """Speed 0 would divide by zero in every waiting process."""
    with pytest.raises(ValueError):
        ClockOwner(tmp_path / "clock", speed, START_NS)


def test_no_clock_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    """Falling back to UTC on a localnet would sign readings years away from the chain's time."""
    with pytest.raises(ClockUnavailableError, match="localnet"):
        open_clock(tmp_path / "clock")
    (tmp_path / "clock").write_text("{}")
    with pytest.raises(ClockUnavailableError):
        open_clock(tmp_path / "clock")
    assert isinstance(open_clock(None), UtcClock)


def test_the_file_has_the_agreed_fields(tmp_path: Path) -> None:
    """Programs in other languages read this file."""
    ClockOwner(tmp_path / "clock", 60, START_NS)
    fields = msgspec.json.decode((tmp_path / "clock").read_bytes())
    assert set(fields) == {
        "version",
        "boot_id",
        "monotonic_ns",
        "campus_ns",
        "speed",
        "reserved_until_ns",
        "error_bound_ms",
        "pid",
    }
    assert fields["version"] == 1
    assert fields["pid"] == os.getpid()


def test_utc_clock_states_a_bound_and_speed_one() -> None:
    """An unsynchronised machine must say 65535, never a comforting zero."""
    clock = UtcClock()
    assert clock.speed == 1
    assert 0 < clock.error_bound_ms() <= 65_535
    assert abs(clock.now_ns() - time.time_ns()) < NS_PER_S


async def test_sleeping_on_the_fake_clock_ends_when_it_is_moved() -> None:
    """Tests of whole days run in milliseconds on this."""
    clock = FakeClock(START_NS)
    sleeper = asyncio.create_task(clock.sleep_until_ns(START_NS + 900 * NS_PER_S))
    await asyncio.sleep(0)
    clock.advance_s(899)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance_s(1)
    await sleeper


@pytest.mark.integration
async def test_a_killed_owner_never_rewinds_a_reader(tmp_path: Path) -> None:
    """The same with a real process and a real SIGKILL."""
    path = tmp_path / "clock"
    script = (
        "import sys,time\nfrom gridkit.clock import ClockOwner\n"
        f"o=ClockOwner(sys.argv[1],60,{START_NS})\nprint('up',flush=True)\n"
        "while True:\n time.sleep(0.2); o.renew()\n"
    )
    reader: CampusClock | None = None
    latest = 0
    for _ in range(3):
        process = subprocess.Popen(  # noqa: ASYNC220 - a start of milliseconds, in a test
            [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        reader = reader or CampusClock(path)
        until = reader.now_ns() + 20 * NS_PER_S
        await asyncio.wait_for(reader.sleep_until_ns(until), 60)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert CampusClock(path).now_ns() >= latest
        latest = reader.now_ns()
    assert read_state(path).reserved_until_ns >= latest
