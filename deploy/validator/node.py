"""Runs one Agave validator of `make validator` on loopback, with a fresh ledger, and knows where its binaries are."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from deploy.processes import Process
from deploy.site import HOST
from gridkit.chain.rpc import Rpc, RpcError

VERSION = "4.0.0"
_START_TIMEOUT_S = 300.0
_DYNAMIC_PORTS = 32
"""Consecutive ports for gossip's and the transaction unit's sockets; the validator refuses a range below 25 (agave 4.0)."""


def cache() -> Path:
    """Return the folder that `make validator` fills: CAMPUSGRID_VALIDATOR, or under the user's cache folder."""
    named = os.environ.get("CAMPUSGRID_VALIDATOR")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else home / "campusgrid" / f"agave-{VERSION}"


def tool(name: str) -> Path | None:
    """Return a built binary (`solana-test-validator`, `solana`, `spl-token`), or None when it is not built here."""
    path = cache() / "bin" / name
    return path if os.access(path, os.X_OK) else None


class Validator:
    """One validator with a ledger that is made new at each start.

    Args:
        home: Its folder: ledger and log.
        rpc_port: JSON-RPC; the WebSocket is at the next port.

    Attributes:
        rpc_url: Where it answers.
        process: The running program.

    Raises:
        FileNotFoundError: It is not built here.
    """

    def __init__(self, home: Path, rpc_port: int) -> None:
        binary = tool("solana-test-validator")
        if binary is None:
            raise FileNotFoundError(f"no validator in {cache()}; `make validator` builds it")
        self.rpc_url = f"http://{HOST}:{rpc_port}"
        first = free_range(_DYNAMIC_PORTS + 2)
        command = [
            str(binary), "--reset", "--quiet", "--ledger", str(home / "ledger"), "--bind-address", HOST,
            "--rpc-port", str(rpc_port), "--faucet-port", str(first), "--gossip-port", str(first + 1),
            "--dynamic-port-range", f"{first + 2}-{first + 2 + _DYNAMIC_PORTS}", "--limit-ledger-size", "50000000",
        ]  # fmt: skip
        self.process = Process("validator", command, home / "validator.log", {"RUST_LOG": "warn"})

    def start(self) -> None:
        """Start it and wait until it answers and has closed a block.

        Raises:
            deploy.processes.ProcessFailedError: It ended, or was not ready within five minutes.
        """
        self.process.start()
        self.process.wait_ready(self._answers, _START_TIMEOUT_S)

    def stop(self) -> None:
        """Stop it."""
        self.process.stop()

    def _answers(self) -> bool:
        rpc = Rpc(self.rpc_url, timeout_s=2)
        try:
            return rpc.call("getHealth") == "ok" and int(rpc.call("getSlot", {"commitment": "finalized"})) > 0
        except RpcError:
            return False
        finally:
            rpc.close()


def free_range(size: int) -> int:
    """Return the first of `size` consecutive ports that nobody listens on now."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            first = int(probe.getsockname()[1])
        if first + size < 65_536 and all(_free(port) for port in range(first, first + size)):
            return first


def _free(port: int) -> bool:
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        try:
            tcp.bind((HOST, port))
            udp.bind((HOST, port))
        except OSError:
            return False
    return True
