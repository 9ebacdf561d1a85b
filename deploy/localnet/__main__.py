"""Starts and stops the local chain: `python -m deploy.localnet run --config FILE`; `digest` says what a stopped one holds."""

from __future__ import annotations

import argparse
import asyncio
import errno
import gc
import os
import resource
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import uvloop

from deploy.localnet.dispatch import Dispatcher
from deploy.localnet.errors import LocalnetError, PortTakenError
from deploy.localnet.genesis import Genesis, load_or_make
from deploy.localnet.http_server import HttpConnection, HttpLimits
from deploy.localnet.ledger import Ledger, rebuild
from deploy.localnet.node import Node
from deploy.localnet.outbox import Outbox
from deploy.localnet.settings import LocalnetSettings
from deploy.localnet.subscriptions import Subscriptions
from deploy.localnet.ws_server import WebSocketServer
from gridkit.clock import ClockError, ClockOwner
from gridkit.log import configure, get_logger
from gridkit.settings import SettingsError, load

log = get_logger("localnet")

PREFIX = "CAMPUSGRID_LOCALNET_"
NS_PER_S = 1_000_000_000
SPARE_FILES = 256
"""Files of the ledger and its threads, and connections that are being refused."""


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 stopped as asked, 1 could not go on, 2 wrong settings."""
    parser = argparse.ArgumentParser(prog="localnet", description="The local chain.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (
        ("run", "serve until SIGTERM or SIGINT"),
        ("digest", "replay a stopped chain and print its digest"),
    ):
        command = commands.add_parser(name, help=about)
        command.add_argument("--config", type=Path, default=None, help="TOML file with a [localnet] table")
    given = parser.parse_args(argv)
    os.environ.pop(f"{PREFIX}PYTHON", None)  # names the interpreter that got us here: a setting of whoever starts us
    try:
        settings = load(LocalnetSettings, given.config, prefix=PREFIX)
        configure("localnet", settings.log_level)
        start_ns = settings.start_ns(time.time_ns())
    except (SettingsError, ValueError) as error:
        print(f"localnet: {error}", file=sys.stderr)
        return 2
    try:
        if given.command == "digest":
            return _digest(settings)
        return uvloop.run(_run(settings, start_ns))
    except (LocalnetError, ClockError, OSError, sqlite3.Error) as error:
        log.error("localnet_failed", error=type(error).__name__, why=str(error))
        print(f"localnet: {error}", file=sys.stderr)
        return 1


def _digest(settings: LocalnetSettings) -> int:
    genesis = load_or_make(settings.folder, 0)
    bank, lsn, replayed = rebuild(settings.folder, genesis, repair=False, history=None)
    print(
        f'{{"digest":"{bank.digest()}","lsn":{lsn},"replayed":{replayed},"slot":{bank.slot},"transactions":{bank.transaction_count}}}'
    )
    return 0


async def _run(settings: LocalnetSettings, start_ns: int) -> int:
    loop = asyncio.get_running_loop()
    stopping: asyncio.Future[str] = loop.create_future()

    def stop(why: str) -> None:
        if not stopping.done():
            stopping.set_result(why)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, "")
    genesis = load_or_make(settings.folder, start_ns // NS_PER_S)
    ledger = Ledger(settings.folder, genesis, settings.snapshot_every)
    ledger.on_fatal = stop
    started = time.monotonic()
    replayed = await asyncio.to_thread(ledger.recover)
    log.info("ledger_recovered", slot=ledger.bank.slot, replayed=replayed, seconds=round(time.monotonic() - started, 3))
    # The ledger may be ahead of a clock file that was lost: campus time goes on from whichever is later.
    clock = ClockOwner(settings.home / "clock", settings.speed, max(start_ns, ledger.bank.unix_s * NS_PER_S))
    node = Node(ledger, genesis, clock, settings.slot_ms)
    try:
        await ledger.start()
        why = await _serve(settings, node, stopping)
    finally:
        clock.close()
    if why:
        log.error("localnet_failed", why=why)
        return 1
    await ledger.stop()
    log.info("stopped", slot=ledger.bank.slot, transactions=ledger.bank.transaction_count, digest=ledger.bank.digest())
    return 0


async def _serve(settings: LocalnetSettings, node: Node, stopping: asyncio.Future[str]) -> str:
    """Listen until stopped; returns why the chain cannot go on, "" when somebody asked for the stop."""
    _allow_open_files(2 * settings.max_connections + SPARE_FILES)
    loop = asyncio.get_running_loop()
    outbox = Outbox(node.ledger)
    dispatcher = Dispatcher(node, settings.max_batch)
    limits = HttpLimits(settings.max_body_bytes, settings.max_connections)
    subscriptions = Subscriptions(node, outbox)

    def metrics() -> bytes:
        gauges = {"slot": node.slot, "transactions": node.bank.transaction_count, "accounts": len(node.bank.touched)}
        return node.counters.text(gauges | {"http_connections": len(limits.connections)})

    def connection() -> HttpConnection:
        return HttpConnection(dispatcher, outbox, limits, metrics)

    try:
        http = await loop.create_server(connection, settings.host, settings.rpc_port)
    except OSError as error:
        raise _port_error(error, settings.host, settings.rpc_port, "rpc_port") from error
    websocket_server = WebSocketServer(subscriptions, settings.max_connections)
    try:
        ws = await websocket_server.start(settings.host, settings.websocket_port)
    except OSError as error:
        raise _port_error(error, settings.host, settings.websocket_port, "ws_port") from error
    node.rpc_address, node.pubsub_address = _address(http.sockets), _address(ws.sockets)
    tasks = [asyncio.create_task(work) for work in (node.open_slots(), node.keep_clock(), limits.sweep())]
    for task in tasks:
        task.add_done_callback(lambda done: _report(done, stopping))
    # What exists now stays: later collections need not look through it again, and need not come as often.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    log.info("ready", **_ready(settings, node.genesis, node))
    try:
        return await stopping
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        http.close()
        ws.close()
        if not stopping.cancelled() and stopping.done() and not stopping.result():
            await node.ledger.durable()


def _address(sockets: Iterable[socket.socket]) -> str:
    """Return where a server listens as "ip:port", which Rust's clients parse: a host name they could not."""
    host, port = next(iter(sockets)).getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _allow_open_files(count: int) -> None:
    """Raise the limit on open files where the system lets us: without a file to spare, no client is answered any more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        if wanted < count:
            log.warning(
                "few_open_files", allowed=wanted, wanted=count, remedy="raise ulimit -n or lower max_connections"
            )


def _ready(settings: LocalnetSettings, genesis: Genesis, node: Node) -> dict[str, object]:
    return {
        "host": settings.host,
        "rpc_port": settings.rpc_port,
        "ws_port": settings.websocket_port,
        "genesis_hash": str(genesis.hash),
        "identity": str(genesis.identity),
        "slot": node.slot,
        "speed": settings.speed,
        "home": str(settings.home),
    }


def _report(done: asyncio.Task[None], stopping: asyncio.Future[str]) -> None:
    """A slot or clock task never ends by itself: without it the chain stands still, so it stops for all to see."""
    error = None if done.cancelled() else done.exception()
    if error is not None and not stopping.done():
        stopping.set_result(f"{type(error).__name__}: {error}")


def _port_error(error: OSError, host: str, port: int, setting: str) -> Exception:
    return PortTakenError(host, port, setting) if error.errno == errno.EADDRINUSE else error


if __name__ == "__main__":
    raise SystemExit(main())
