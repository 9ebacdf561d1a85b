"""Decides how the agent's process begins and ends: settings and clock, signals, the loop."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from pathlib import Path

from edge import lean
from edge.agent import Agent
from edge.errors import HomeInUseError, SpoolError
from edge.settings import EdgeSettings
from edge.watch import WatchedClock
from gridkit import log
from gridkit.clock import UtcClock, open_clock

logger = log.get_logger("edge")


def run(settings: EdgeSettings) -> int:
    """Poll, sign and send until SIGTERM or SIGINT; 0 when it has put everything away.

    Raises:
        EdgeError, ClockError, ProfileError, KeyFileError: It cannot begin.
    """
    return asyncio.run(_run(settings))


async def _run(settings: EdgeSettings) -> int:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_loop_exception)
    lock = _hold(settings.home)
    clock = open_clock(settings.clock)
    # Only UTC is ever set; a localnet's clock never goes back and states its own bound.
    agent = Agent(settings, WatchedClock(clock) if isinstance(clock, UtcClock) else clock)
    task = asyncio.current_task()
    assert task is not None, "asyncio.run runs a task"

    def stop() -> None:
        agent.stop()
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        # Not loop.add_signal_handler: it would load what `edge.lean` has put off.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    loop.call_later(1, lean.settle)
    try:
        await agent.run()
    except asyncio.CancelledError:
        logger.info("stopped")
    finally:
        os.close(lock)
    return 0


def _hold(home: Path) -> int:
    """Return the descriptor of a lock that ends with the process, however it ends. Raises HomeInUseError, SpoolError."""
    try:
        lock = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        # Read-only or full just now: the same as of the spool beside it, and as that tried again.
        raise SpoolError(home / "lock", error.strerror or str(error)) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise HomeInUseError(home) from error
    return lock


def _log_loop_exception(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    logger.debug("loop_exception", message=context.get("message"), error=str(context.get("exception")))
