"""`campusgrid gateway run --config FILE` serves; `campusgrid gateway user add …` makes an account."""

from __future__ import annotations

import argparse
import errno
import getpass
import json
import os
import socket
import sys
from pathlib import Path

import uvicorn

from gateway.app import PREFIX, create_app
from gateway.auth.passwords import PasswordPool
from gateway.auth.tokens import Tokens
from gateway.context import Gateway
from gateway.custody import Custody
from gateway.ledger import Ledger
from gateway.meters.directory import Directory
from gateway.readings.proofs import ReadingProofs
from gateway.settings import GatewaySettings
from gateway.store import open_readings, open_store
from gateway.stream import Hub
from gateway.users import BadAccountError, add_user
from gridkit import keys, log, settings
from gridkit.chain import deployment
from gridkit.chain.rpc import Rpc
from gridkit.clock import open_clock

_log = log.get_logger("gateway")
_SHUTDOWN_S = 5


def build(config: GatewaySettings) -> Gateway:
    """Return the parts of a gateway, opened and ready to serve."""
    config.home.mkdir(parents=True, exist_ok=True)
    deployed = deployment.load(config.deployment)
    rpc = Rpc(config.rpc_url)
    readings = open_readings(config.bridge_store_url)
    return Gateway(
        settings=config,
        store=open_store(config.store_url),
        readings=readings,
        tokens=Tokens(config.home / "token-keys", config.access_token_s),
        passwords=PasswordPool(),
        custody=Custody(config.home / "seal.key"),
        ledger=Ledger(rpc, deployed, keys.load_key(config.fee_payer_key)),
        meters=Directory(rpc, deployed),
        proofs=ReadingProofs(readings, deployed),
        hub=Hub(),
        clock=open_clock(config.clock or None),
        limiter=Gateway.new_limiter(),
    )


class _Server(uvicorn.Server):
    """Says `ready` in the log once it really listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _log.info("ready", host=self.config.host, port=self.config.port, api=PREFIX)


def _run(config: GatewaySettings) -> int:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        print(f"gateway: port {config.port} is in use; change [gateway] port", file=sys.stderr)
        return 1
    app = create_app(build(config))
    server = _Server(
        uvicorn.Config(
            app,
            host=config.host,
            port=config.port,
            log_config=None,
            access_log=False,
            ws="websockets-sansio",
            ws_max_size=64 * 1024,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=_SHUTDOWN_S,
            server_header=False,
        )
    )
    server.run(sockets=[listener])
    return 0


def _add_user(config: GatewaySettings, words: argparse.Namespace) -> int:
    password = os.environ.get("CAMPUSGRID_NEW_PASSWORD") or getpass.getpass("password: ")
    seed = bytes(json.loads(Path(words.wallet_key).read_text())[:32]) if words.wallet_key else os.urandom(32)
    config.home.mkdir(parents=True, exist_ok=True)
    try:
        wallet = add_user(
            open_store(config.store_url),
            Custody(config.home / "seal.key"),
            username=words.username,
            password=password,
            role=words.role,
            seed=None if words.wallet else seed,
            wallet=words.wallet or "",
        )
    except BadAccountError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    print(wallet)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run one sub-command; return its exit status."""
    parser = argparse.ArgumentParser(prog="campusgrid gateway", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="serve until stopped")
    run.add_argument("--config", type=Path, required=True, help="TOML file with a [gateway] table")
    user = commands.add_parser("user", help="accounts").add_subparsers(dest="user_command", required=True)
    add = user.add_parser(
        "add", help="make an account; the password comes from CAMPUSGRID_NEW_PASSWORD or the terminal"
    )
    add.add_argument("--config", type=Path, required=True)
    add.add_argument("--username", required=True)
    add.add_argument("--role", required=True)
    add.add_argument("--wallet-key", help="keypair file to take into custody (default: a new key)")
    add.add_argument("--wallet", help="address of the user's own wallet: nothing is kept in custody")
    words = parser.parse_args(argv)
    log.configure("gateway")
    try:
        config = settings.load(GatewaySettings, words.config, prefix="CAMPUSGRID_GATEWAY_")
    except settings.SettingsError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 2
    return _run(config) if words.command == "run" else _add_user(config, words)


if __name__ == "__main__":
    raise SystemExit(main())
