"""Measures how many transactions a second the local chain takes, as a share of what bare LiteSVM takes on the same machine.

    .venv-localnet/bin/python -m benchmarks.localnet_rate [--transactions N] [--rounds N] [--json]

One run, interleaved: bare LiteSVM (an object in this process, defaults, signatures checked, nothing kept), then the
local chain (a process of its own: decoded, checked, run, indexed, fsynced, answered) with JSON-RPC batches of 100, then
with one HTTP request each. The client shares the machine's cores with the chain. Medians of the rounds; each round
sends fresh SPL token transfers, signed beforehand.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import selectors
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey
from solders.account import Account
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import CreateAccountParams, create_account
from solders.transaction import Transaction, VersionedTransaction

TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
BATCH = 100
BATCH_CONNECTIONS = 4
SINGLE_CONNECTIONS = 32
TARGET_BATCHED, TARGET_SINGLE = 0.50, 0.20


class Wallet:
    """A key with its address parsed once."""

    def __init__(self) -> None:
        self.key = SigningKey.generate()
        self.pubkey = Pubkey.from_bytes(bytes(self.key.verify_key))


def signed(instructions: list[Instruction], wallets: list[Wallet], blockhash: Hash) -> bytes:
    """Return the wire bytes of a transaction; the first wallet pays."""
    message = Message.new_with_blockhash(instructions, wallets[0].pubkey, blockhash)
    data = bytes(message)
    by_key = {wallet.pubkey: wallet for wallet in wallets}
    keys = message.account_keys[: message.header.num_required_signatures]
    signatures = [Signature.from_bytes(by_key[key].key.sign(data).signature) for key in keys]
    return bytes(Transaction.populate(message, signatures))


class Tokens:
    """A mint and two token accounts of one owner, and transfers between them."""

    def __init__(self, rent_mint: int, rent_account: int) -> None:
        self.owner, self.mint, self.source, self.target = Wallet(), Wallet(), Wallet(), Wallet()
        self._rent_mint, self._rent_account = rent_mint, rent_account
        self._count = 0

    def setup(self, blockhash: Hash) -> bytes:
        """Return the transaction that makes mint and accounts and mints 10¹⁸ atoms."""
        owner, mint = self.owner.pubkey, self.mint.pubkey
        steps = [
            _create(owner, mint, self._rent_mint, 82),
            Instruction(TOKEN, struct.pack("<BB32sB", 20, 6, bytes(owner), 0), [AccountMeta(mint, False, True)]),
        ]
        for holder in (self.source.pubkey, self.target.pubkey):
            steps.append(_create(owner, holder, self._rent_account, 165))
            metas = [AccountMeta(holder, False, True), AccountMeta(mint, False, False)]
            steps.append(Instruction(TOKEN, struct.pack("<B32s", 18, bytes(owner)), metas))
        metas = [
            AccountMeta(mint, False, True),
            AccountMeta(self.source.pubkey, False, True),
            AccountMeta(owner, True, False),
        ]
        steps.append(Instruction(TOKEN, struct.pack("<BQ", 7, 10**18), metas))
        return signed(steps, [self.owner, self.mint, self.source, self.target], blockhash)

    def transfer(self, blockhash: Hash) -> bytes:
        """Return a transfer that no other equals."""
        self._count += 1
        metas = [
            AccountMeta(self.source.pubkey, False, True),
            AccountMeta(self.target.pubkey, False, True),
            AccountMeta(self.owner.pubkey, True, False),
        ]
        return signed([Instruction(TOKEN, struct.pack("<BQ", 3, self._count), metas)], [self.owner], blockhash)


def _create(payer: Pubkey, new: Pubkey, lamports: int, space: int) -> Instruction:
    return create_account(
        CreateAccountParams(from_pubkey=payer, to_pubkey=new, lamports=lamports, space=space, owner=TOKEN)
    )


def bare_rate(transactions: int) -> tuple[float, float]:
    """Return (transactions a second, processor seconds) of bare LiteSVM with its defaults; decoding is not counted."""
    svm = LiteSVM()
    tokens = Tokens(svm.minimum_balance_for_rent_exemption(82), svm.minimum_balance_for_rent_exemption(165))
    svm.set_account(tokens.owner.pubkey, Account(10**12, b"", Pubkey.default()))
    blockhash = svm.latest_blockhash()
    _must(svm.send_transaction(VersionedTransaction.from_bytes(tokens.setup(blockhash))))
    ready = [VersionedTransaction.from_bytes(tokens.transfer(blockhash)) for _ in range(transactions)]
    started, cpu_s = time.perf_counter(), time.process_time()
    for one in ready:
        result = svm.send_transaction(one)
    elapsed, cpu_s = time.perf_counter() - started, time.process_time() - cpu_s
    _must(result)
    return transactions / elapsed, cpu_s


def _must(result: Any) -> None:
    if hasattr(result, "err"):
        raise SystemExit(f"a transaction failed: {result.err()}")


class Localnet:
    """A local chain in a process of its own and a temporary home."""

    def __init__(self, home: Path) -> None:
        self.port = _free_port()
        config = home / "localnet.toml"
        config.write_text(f'[localnet]\nhome = "{home}"\nrpc_port = {self.port}\nws_port = {_free_port()}\n')
        command = [sys.executable, "-m", "deploy.localnet", "run", "--config", str(config)]
        self._log = (home / "log").open("w")
        self.process = subprocess.Popen(command, stderr=self._log, cwd=Path(__file__).parents[1])
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"the local chain did not start: {(home / 'log').read_text()}")

    def call(self, method: str, *params: Any) -> Any:
        """Return the result of one call."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        [answer] = exchange(self.port, [[request(body)]])
        answer = json.loads(answer)
        if "error" in answer:
            raise SystemExit(f"{method}: {answer['error']}")
        return answer["result"]

    def blockhash(self) -> Hash:
        """Return the latest blockhash."""
        return Hash.from_string(self.call("getLatestBlockhash")["value"]["blockhash"])

    def cpu_s(self) -> float:
        """Return the processor time that the process has used, all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> int:
        """Return the most memory that the process has held, MiB."""
        [line] = [
            one for one in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if one.startswith("VmHWM")
        ]
        return int(line.split()[1]) // 1024

    def stop(self) -> None:
        """Stop it and wait."""
        self.process.terminate()
        self.process.wait(30)
        self._log.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def request(body: bytes) -> bytes:
    """Return an HTTP request with a JSON body."""
    return b"POST / HTTP/1.1\r\nhost: localnet\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


def exchange(port: int, queues: list[list[bytes]]) -> list[bytes]:
    """Send each queue's requests over a connection of its own, one after the other; returns all bodies."""
    selector = selectors.DefaultSelector()
    bodies: list[bytes] = []
    for queue in queues:
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        waiting = iter(queue)
        connection.sendall(next(waiting))
        selector.register(connection, selectors.EVENT_READ, [waiting, b""])
    while selector.get_map():
        for key, _ in selector.select():
            connection: socket.socket = key.fileobj  # type: ignore[assignment]
            key.data[1] += connection.recv(1 << 20)
            head, separator, body = key.data[1].partition(b"\r\n\r\n")
            if not separator:
                continue
            length = int(head.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
            if len(body) < length:
                continue
            bodies.append(body)
            key.data[1] = b""
            following = next(key.data[0], None)
            if following is None:
                selector.unregister(connection)
                connection.close()
            else:
                connection.sendall(following)
    return bodies


def _send_call(id_: int, wire: bytes) -> bytes:
    text = base64.b64encode(wire)
    return b'{"jsonrpc":"2.0","id":%d,"method":"sendTransaction","params":["%b",{"encoding":"base64"}]}' % (id_, text)


def localnet_rate(localnet: Localnet, tokens: Tokens, transactions: int, *, batched: bool) -> float:
    """Return transactions a second that were sent (with preflight), landed, durable and answered."""
    blockhash = localnet.blockhash()
    calls = [_send_call(number, tokens.transfer(blockhash)) for number in range(transactions)]
    if batched:
        bodies = [request(b"[" + b",".join(calls[at : at + BATCH]) + b"]") for at in range(0, transactions, BATCH)]
        queues = [bodies[at::BATCH_CONNECTIONS] for at in range(BATCH_CONNECTIONS)]
    else:
        bodies = [request(call) for call in calls]
        queues = [bodies[at::SINGLE_CONNECTIONS] for at in range(SINGLE_CONNECTIONS)]
    before = localnet.call("getTransactionCount")
    started = time.perf_counter()
    answers = exchange(localnet.port, [queue for queue in queues if queue])
    elapsed = time.perf_counter() - started
    landed = localnet.call("getTransactionCount") - before
    if landed != transactions:
        raise SystemExit(f"{landed} of {transactions} landed; an answer: {answers[0][:500]!r}")
    return transactions / elapsed


def main() -> int:
    """Run and print; exit code 1 when a target is missed. Processor times tell more than rates on a busy machine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transactions", type=int, default=6_000, help="per round and way")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="localnet-rate-") as folder:
        localnet = Localnet(Path(folder))
        try:
            rent = [localnet.call("getMinimumBalanceForRentExemption", size) for size in (82, 165)]
            tokens = Tokens(*rent)
            localnet.call("requestAirdrop", str(tokens.owner.pubkey), 10**13)
            setup = base64.b64encode(tokens.setup(localnet.blockhash())).decode()
            localnet.call("sendTransaction", setup, {"encoding": "base64"})
            bare, batched, single = [], [], []
            bare_cpu_s = batched_cpu_s = single_cpu_s = 0.0
            for _ in range(given.rounds):
                rate, cpu_s = bare_rate(given.transactions)
                bare.append(rate)
                bare_cpu_s += cpu_s
                used_s = localnet.cpu_s()
                batched.append(localnet_rate(localnet, tokens, given.transactions, batched=True))
                batched_cpu_s += localnet.cpu_s() - used_s
                used_s = localnet.cpu_s()
                single.append(localnet_rate(localnet, tokens, given.transactions, batched=False))
                single_cpu_s += localnet.cpu_s() - used_s
            peak_mib = localnet.peak_mib()
        finally:
            localnet.stop()
    medians = [statistics.median(rates) for rates in (bare, batched, single)]
    ratios = [statistics.median([b / a for a, b in zip(bare, rates, strict=True)]) for rates in (batched, single)]
    total = given.transactions * given.rounds
    report = {
        "workload": "SPL token transfer, preflight on, every answer after its fsync",
        "cores": os.cpu_count(),
        "transactions_per_round": given.transactions,
        "rounds": given.rounds,
        "bare_litesvm_per_s": round(medians[0]),
        "batched_per_s": round(medians[1]),
        "single_per_s": round(medians[2]),
        "batched_ratio": round(ratios[0], 3),
        "single_ratio": round(ratios[1], 3),
        "bare_cpu_us_each": round(bare_cpu_s / total * 1e6),
        "batched_cpu_us_each": round(batched_cpu_s / total * 1e6),
        "single_cpu_us_each": round(single_cpu_s / total * 1e6),
        "localnet_peak_mib": peak_mib,
        "target_batched_ratio": TARGET_BATCHED,
        "target_single_ratio": TARGET_SINGLE,
    }
    if given.json:
        print(json.dumps(report))
    else:
        for name, value in report.items():
            print(f"{name:24} {value}")
    return 0 if ratios[0] >= TARGET_BATCHED and ratios[1] >= TARGET_SINGLE else 1


if __name__ == "__main__":
    raise SystemExit(main())
