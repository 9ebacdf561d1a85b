"""The real local chain as a process under test: start, ask, kill, start again."""

from __future__ import annotations

import base64
import json
import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
from nacl.signing import SigningKey
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import Transaction

CHECKOUT = Path(__file__).resolve().parents[2]
PYTHON = Path(os.environ.get("CAMPUSGRID_LOCALNET_PYTHON", CHECKOUT / ".venv-localnet/bin/python"))
SOL = 1_000_000_000
PATIENCE_S = 120
"""A process has started, answered or ended by then, however busy the machine."""


class Wallet:
    """A key with its address parsed once."""

    def __init__(self, seed: bytes | None = None) -> None:
        self.key = SigningKey(seed) if seed else SigningKey.generate()
        self.pubkey = Pubkey.from_bytes(bytes(self.key.verify_key))
        self.address = str(self.pubkey)


def signed(instructions: list[Instruction], wallets: list[Wallet], blockhash: str) -> bytes:
    """Return the wire bytes of a legacy transaction; the first wallet pays."""
    message = Message.new_with_blockhash(instructions, wallets[0].pubkey, Hash.from_string(blockhash))
    data, by_key = bytes(message), {wallet.pubkey: wallet for wallet in wallets}
    keys = message.account_keys[: message.header.num_required_signatures]
    signatures = [Signature.from_bytes(by_key[key].key.sign(data).signature) for key in keys]
    return bytes(Transaction.populate(message, signatures))


def pay(source: Wallet, target: Pubkey, lamports: int) -> Instruction:
    """Return a system transfer."""
    return transfer(TransferParams(from_pubkey=source.pubkey, to_pubkey=target, lamports=lamports))


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class RpcRefused(Exception):
    """The node answered with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error))
        self.code, self.message, self.data = error["code"], error["message"], error.get("data")


class Node:
    """One local chain process over one home; it can be killed and started again."""

    def __init__(self, home: Path, **settings: Any) -> None:
        self.home = home
        self.port, self.ws_port = free_ports(2)
        self.settings = {"home": str(home), "rpc_port": self.port, "ws_port": self.ws_port, "slot_ms": 100, **settings}
        self.log_path = home.parent / f"{home.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.paid = 0
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE_S)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.ws_port}"

    @property
    def config(self) -> Path:
        self.home.mkdir(parents=True, exist_ok=True)
        path = self.home / "localnet.toml"
        lines = [f"{name} = {json.dumps(value)}" for name, value in self.settings.items()]
        path.write_text("[localnet]\n" + "\n".join(lines) + "\n")
        return path

    def command(self, verb: str) -> list[str]:
        return [str(PYTHON), "-m", "deploy.localnet", verb, "--config", str(self.config)]

    def spawn(self, *, largest_file_bytes: int | None = None) -> None:
        """Start and do not wait; a limit on file sizes stands in for a full disk."""

        def limit() -> None:
            if largest_file_bytes is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file_bytes, largest_file_bytes))

        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(self.command("run"), cwd=CHECKOUT, stderr=log, stdout=log, preexec_fn=limit)

    def start(self, *, largest_file_bytes: int | None = None) -> Node:
        """Start and wait until it answers."""
        self.spawn(largest_file_bytes=largest_file_bytes)
        assert self.process is not None
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the localnet ended with {self.process.returncode}:\n{self.log()}")
            try:
                if self.http.get("/health").text == "ok":
                    return self
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"the localnet did not answer:\n{self.log()}")

    def log(self) -> str:
        return self.log_path.read_text()[-4000:] if self.log_path.exists() else ""

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)
        self.http.close()
        self.http = httpx.Client(base_url=self.url, timeout=PATIENCE_S)

    def stop(self) -> int:
        if self.process is None:
            return 0
        self.process.terminate()
        code = self.process.wait(PATIENCE_S)
        self.process = None
        return code

    def digest(self) -> dict[str, Any]:
        """Return what a stopped chain's files hold, by a replay in another process."""
        done = subprocess.run(self.command("digest"), cwd=CHECKOUT, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr.decode()
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def events(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of the log with this event."""
        lines = [json.loads(line) for line in self.log_path.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    # Asking

    def post(self, body: bytes, **headers: str) -> httpx.Response:
        return self.http.post("/", content=body, headers={"content-type": "application/json", **headers})

    def ask(self, method: str, *params: Any) -> dict[str, Any]:
        """Return the whole answer of one call."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        found: dict[str, Any] = self.post(json.dumps(body).encode()).json()
        return found

    def call(self, method: str, *params: Any) -> Any:
        """Return the result of one call, or raise RpcRefused."""
        answer = self.ask(method, *params)
        if "error" in answer:
            raise RpcRefused(answer["error"])
        return answer["result"]

    def batch(self, calls: list[tuple[str, list[Any]]]) -> list[dict[str, Any]]:
        body = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": params} for i, (method, params) in enumerate(calls)
        ]
        found: list[dict[str, Any]] = self.post(json.dumps(body).encode()).json()
        return found

    def blockhash(self) -> str:
        return str(self.call("getLatestBlockhash")["value"]["blockhash"])

    def balance(self, key: Pubkey) -> int:
        return int(self.call("getBalance", str(key))["value"])

    def send(self, wire: bytes, **options: Any) -> str:
        text = base64.b64encode(wire).decode()
        return str(self.call("sendTransaction", text, {"encoding": "base64", **options}))

    def run(self, instructions: list[Instruction], wallets: list[Wallet], **options: Any) -> str:
        return self.send(signed(instructions, wallets, self.blockhash()), **options)

    def funded(self, lamports: int = 100 * SOL) -> Wallet:
        """Return a new wallet with an airdrop."""
        wallet = Wallet()
        self.call("requestAirdrop", wallet.address, lamports)
        return wallet

    def resident_mib(self) -> float:
        """Return the memory that the process holds, MiB."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def used_cpu_s(self) -> float:
        """Return the processor time that the process has used, s."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def pay_all(self, payer: Wallet, targets: list[Pubkey], lamports: int) -> None:
        """Pay each target once, in batches; each payment must land."""
        for at in range(0, len(targets), 500):
            blockhash = self.blockhash()
            wires = []
            for target in targets[at : at + 500]:
                self.paid += 1  # one lamport more each time, or two payments would be the same transaction
                wires.append(signed([pay(payer, target, lamports + self.paid)], [payer], blockhash))
            calls = [("sendTransaction", [base64.b64encode(wire).decode(), {"encoding": "base64"}]) for wire in wires]
            refused = [answer for answer in self.batch(calls) if "result" not in answer]
            assert not refused, refused[0]

    def wait_slots(self, count: int) -> None:
        """Wait until this many more slots have been opened."""
        target = self.call("getSlot") + count
        while self.call("getSlot") < target:
            time.sleep(0.02)
