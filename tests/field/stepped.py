"""An event loop whose time jumps to the next timer when nothing else is to do: an hour of waiting takes no time.

Sockets on loopback are real: what was written has arrived before anybody looks. While another thread works (the spool's
disk) time stands still.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.working = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.working or timeout is None:
            return super().select(1)
        ready = super().select(0)
        if not ready:
            self.now_s += timeout
        return ready


class SteppedLoop(asyncio.SelectorEventLoop):
    """Time starts at 0 s and is the time of everything that waits in this loop."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)
        # A timer that is due a nanosecond later must not be waited for in turns of nothing.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Seconds since the loop's start."""
        return self._jumping.now_s

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """Let another thread work; time stands still until it has.

        What a pool of one does is waited for here and now: else it would depend on the machine which of two things comes first.
        """
        if isinstance(executor, ThreadPoolExecutor) and executor._max_workers == 1:
            working = executor.submit(func, *args)
            wait([working])
            return asyncio.wrap_future(working, loop=self)
        self._jumping.working += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._worked)
        return future

    def _worked(self, future: asyncio.Future[Any]) -> None:
        self._jumping.working -= 1


def run_stepped(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end in stepped time."""
    with asyncio.Runner(loop_factory=SteppedLoop) as runner:
        return runner.run(main)
