"""Runs the simulated fleet: `python -m firmware_sim run --config FILE` (the [sim] table; see settings.py), switches the
faults of a running one (switch.py), looks at scenario files and writes the configuration of large fleets.

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
from firmware_sim.fleet import default_fleet, render_config
from firmware_sim.meter import SimMeter
from firmware_sim.modbus import MeterPort
from firmware_sim.scenario import ScenarioError, load_scenario
from firmware_sim.serial_line import SerialLine, lines_of
from firmware_sim.settings import SimSettings
from firmware_sim.switch import add_commands, switch
from firmware_sim.truth import TruthLog
from gridkit.clock import Clock, ClockUnavailableError, open_clock
from gridkit.log import configure, get_logger
from gridkit.settings import SettingsError, load

log = get_logger("sim")

MOST_METERS = 10_000
_SPARE_FILES = 128  # clock, truth log, lines, control and its clients, what Python itself holds


def main(argv: list[str]) -> int:
    """Do one command; 0 after a clean stop, 1 when it cannot be done, 2 on bad usage."""
    parser = argparse.ArgumentParser(prog="campusgrid sim", description="simulated Modbus meters")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="serve the configured meters until stopped")
    run.add_argument("--config", type=Path, help="TOML file with a [sim] table")
    check = commands.add_parser("check", help="look whether scenario files can be played")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    fleet = commands.add_parser("fleet", help="write the configuration of a fleet of many meters")
    fleet.add_argument("meters", type=int, metavar="METERS", help=f"1 to {MOST_METERS}")
    fleet.add_argument("--home", type=Path, default=Path("var/fleet"), help="the truth log is here (var/fleet)")
    fleet.add_argument("--base-port", type=int, default=15_020, help="port of the first meter; the others follow")
    fleet.add_argument("--control-port", type=int, default=9120)
    fleet.add_argument("--seed", type=int, default=1, help="1 is the default campus; another one draws other series")
    add_commands(commands)
    arguments = parser.parse_args(argv)
    if arguments.command == "check":
        return check_scenarios(arguments.files)
    if arguments.command == "fleet":
        return write_fleet(arguments)
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


def check_scenarios(files: list[Path]) -> int:
    """Print of each scenario file what is in it, or why it cannot be played; 1 when one cannot."""
    code = 0
    for path in files:
        try:
            found = load_scenario(path)
        except ScenarioError as error:
            print(f"sim: {error}", file=sys.stderr)
            code = 1
            continue
        print(f"{path}: {found.title}; {len(found.meters)} meters, {len(found.steps)} steps, {found.minutes} minutes")
    return code


def write_fleet(words: argparse.Namespace) -> int:
    """Print the configuration of a fleet; 2 for a size or ports that cannot be."""
    if not 1 <= words.meters <= MOST_METERS or not 1 <= words.base_port <= 65_536 - words.meters:
        print(
            f"sim: a fleet has 1 to {MOST_METERS} meters, each on a port of its own from --base-port to 65535",
            file=sys.stderr,
        )
        return 2
    meters = [meter.settings for meter in default_fleet(words.meters, words.base_port, seed=words.seed)]
    settings = SimSettings(home=words.home, meters=meters, seed=words.seed, control_port=words.control_port)
    print(render_config(settings), end="")
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
