"""Runs the simulated fleet: `python -m firmware_sim run --config FILE` (the [sim] table; see settings.py), and switches the
faults of a running one (switch.py).

Joins clock, meters, sockets and the truth log, and takes them down in order on SIGTERM or SIGINT. The truth log is held
under a lock, so two simulators never share a home.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import resource
import signal
import sys
import time
from pathlib import Path

from firmware_sim.control import Switchboard
from firmware_sim.errors import FleetError, SimError
from firmware_sim.meter import SimMeter
from firmware_sim.modbus import MeterPort
from firmware_sim.serial_line import SerialLine, lines_of
from firmware_sim.settings import SimSettings
from firmware_sim.switch import add_commands, switch
from firmware_sim.truth import TruthLog
from gridkit.clock import Clock, ClockUnavailableError, open_clock
from gridkit.log import configure, get_logger
from gridkit.settings import SettingsError, load

log = get_logger("sim")

_SPARE_FILES = 128  # clock, truth log, lines, control and its clients, what Python itself holds


def main(argv: list[str]) -> int:
    """Run `run --config FILE`, or switch faults; 0 after a clean stop, 1 when it cannot be done, 2 on bad usage."""
    parser = argparse.ArgumentParser(prog="campusgrid sim", description="simulated Modbus meters")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="serve the configured meters until stopped")
    run.add_argument("--config", type=Path, help="TOML file with a [sim] table")
    add_commands(commands)
    arguments = parser.parse_args(argv)
    if arguments.command != "run":
        return switch(arguments)
    configure("sim")
    try:
        settings = load(SimSettings, arguments.config, prefix="CAMPUSGRID_SIM_")
        configure("sim", settings.log_level)
        asyncio.run(serve(settings))
    except (SettingsError, SimError, ClockUnavailableError) as error:
        log.error("cannot_run", reason=str(error))
        return 1
    except OSError as error:
        log.error("cannot_run", reason=f"{error}; `home` in [sim] is a folder that can be written, on a disk with room")
        return 1
    return 0


async def serve(settings: SimSettings) -> None:
    """Serve the fleet until SIGTERM or SIGINT. Raises `SimError` and `ClockUnavailableError` when it cannot start."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    folder = settings.home
    folder.mkdir(parents=True, exist_ok=True)
    _allow_open_files(2 * len(settings.meters) + _SPARE_FILES)
    lock_fd = _hold(folder)
    truth = TruthLog(folder, pieces_kept=settings.truth_pieces_kept)
    ports: dict[str, MeterPort] = {}
    lines: list[SerialLine] = []
    board: Switchboard | None = None
    try:
        clock = await _wait_for_clock(settings, stop)
        if clock is None:
            return
        truth.begin(clock.now_ns())
        ports = build_ports(settings, clock, truth)
        lines = list(lines_of(settings.lines, ports))
        ends = {line.settings.name: await line.open(folder) for line in lines}
        where: dict[str, int | str] = {
            meter.serial: ends[meter.line]
            if meter.line
            else await ports[meter.serial].listen(
                settings.host, meter.port or settings.base_port + index, f"meters[{index}].port or base_port"
            )
            for index, meter in enumerate(settings.meters)
        }
        board = Switchboard(ports, where, clock)
        extra = {}
        if settings.control_port:
            extra["control_port"] = await board.listen(settings.host, settings.control_port, "control_port")
        if settings.metrics_port:
            extra["metrics_port"] = await board.listen(settings.host, settings.metrics_port, "metrics_port")
        log.info("ready", host=settings.host, meters=len(ports), ports=where, **extra)
        await stop.wait()
    finally:
        if board is not None:
            await board.close()
        for line in lines:
            await line.close()
        for port in ports.values():
            await port.close()
        truth.close()
        os.close(lock_fd)
        log.info("stopped")


def build_ports(settings: SimSettings, clock: Clock, truth: TruthLog | None) -> dict[str, MeterPort]:
    """Return every configured meter behind a port that does not listen yet. Raises `FleetError`."""
    ports: dict[str, MeterPort] = {}
    for meter in settings.meters:
        if meter.serial in ports:
            raise FleetError(meter.serial, "is configured twice")
        ports[meter.serial] = MeterPort(SimMeter(meter, settings.seed), clock, truth)
    return ports


def _allow_open_files(count: int) -> None:
    """Raise the limit on open files where the system lets us: each meter listens and has a client, and the usual limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < count:
        log.warning("few_open_files", allowed=allowed, wanted=count, remedy="raise ulimit -Hn or serve fewer meters")


async def _wait_for_clock(settings: SimSettings, stop: asyncio.Event) -> Clock | None:
    """The localnet that owns the clock may start a moment later than we do."""
    give_up = time.monotonic() + settings.clock_wait_s
    while not stop.is_set():
        try:
            return open_clock(settings.clock)
        except ClockUnavailableError:
            if time.monotonic() >= give_up:
                raise
            await asyncio.sleep(0.1)
    return None


def _hold(folder: Path) -> int:
    lock_fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock_fd)
        raise SimError(f"another simulator runs in {folder}; give this one another `home`") from error
    return lock_fd


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
