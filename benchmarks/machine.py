"""Says on which machine a benchmark runs: processor, cores, memory, kernel, Python and the versions that matter."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.figures import Machine
from deploy.broker import find_mosquitto
from deploy.site import localnet_python

_PACKAGES = ("PyNaCl", "msgspec", "pymodbus", "gmqtt", "paho-mqtt", "SQLAlchemy", "fastapi", "uvicorn", "solders")


def describe() -> Machine:
    """Return this machine."""
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory_mib=_memory_mib(),
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions=_versions(),
    )


def load_average() -> int:
    """Return the load average of the last minute, thousandths."""
    whole, _, part = Path("/proc/loadavg").read_text().split()[0].partition(".")
    return int(whole) * 1_000 + int(part.ljust(3, "0")[:3])


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _memory_mib() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    return 0


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    found["solders (local chain)"] = _said(
        [localnet_python(), "-c", "from importlib.metadata import version; print(version('solders'))"]
    )
    mosquitto = find_mosquitto()
    if mosquitto is not None:
        found["mosquitto"] = _said([mosquitto, "-h"]).partition("\n")[0].removeprefix("mosquitto version ")
    return found


def _said(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout.strip()
