"""What a benchmark needs of the operating system: processor time and memory of a process, a core to itself, a clean end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.figures import NS_PER_S, Measured

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def print_measured(measure: Callable[[], Measured]) -> None:
    """Run a benchmark and print what it returns as JSON on standard output; SIGTERM ends it by way of its `finally`s."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.stdout.buffer.write(msgspec.json.encode(measure()) + b"\n")


def say(text: str) -> None:
    """Tell a step on standard error."""
    print(f"  {text}", file=sys.stderr, flush=True)


def processor_ns(pid: int) -> int:
    """Return the processor time that a process has used in all its threads, ns, to the kernel's tick (usually 10 ms)."""
    return parse_processor_ticks(Path(f"/proc/{pid}/stat").read_text()) * NS_PER_S // _TICKS_PER_S


def parse_processor_ticks(stat: str) -> int:
    """Return user and system ticks of a /proc/<pid>/stat line. Source: proc(5), fields 14 and 15; the name may hold spaces."""
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def private_kib(pid: int) -> int:
    """Return the memory that a process shares with nobody, KiB: what would be free if it ended."""
    return parse_private_kib(Path(f"/proc/{pid}/smaps_rollup").read_text())


def parse_private_kib(rollup: str) -> int:
    """Return Private_Clean + Private_Dirty of a smaps_rollup text, KiB. Source: Linux Documentation/filesystems/proc.rst."""
    return sum(
        int(line.split()[1]) for line in rollup.splitlines() if line.startswith(("Private_Clean:", "Private_Dirty:"))
    )


def written_bytes(pid: int) -> int:
    """Return the bytes that a process has caused to be written to its disks; nothing is counted for a file system in memory."""
    return parse_written_bytes(Path(f"/proc/{pid}/io").read_text())


def parse_written_bytes(io: str) -> int:
    """Return write_bytes of a /proc/<pid>/io text. Source: proc(5); pages cut off before they were written stay in it."""
    return next(int(line.split()[1]) for line in io.splitlines() if line.startswith("write_bytes:"))


def cores() -> tuple[int, frozenset[int]]:
    """Return the core for the process that is measured, and those for everything else; the same one where there is one."""
    mine = sorted(os.sched_getaffinity(0))
    return mine[-1], frozenset(mine[:-1] or mine)


def pin(pid: int, where: frozenset[int]) -> None:
    """Keep a process and all its threads on some cores; threads that it starts later stay there too."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            os.sched_setaffinity(int(task.name), where)
        except ProcessLookupError:
            continue  # the thread has ended since


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Run what is inside on one core, by the calling thread alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
