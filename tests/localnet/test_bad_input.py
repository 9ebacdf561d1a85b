"""Whatever clients send, and however slowly, the chain refuses in Solana's words, stays up, and stays small."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import json
import os
import random
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest
from localnet_process import PATIENCE_S, SOL, Node, Wallet, pay, signed
from proving import steps
from solders.system_program import CreateAccountParams, create_account
from test_websocket import run, watching
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidMessage

pytestmark = pytest.mark.integration

MakeNode = Callable[..., Node]
MAX_GROWTH_MIB = 64.0
MAX_CROWD_GROWTH_MIB = 640.0
"""Over many clients who ask for more than a node can hold: 96 MiB being made, 128 unread, one answer whole, and what malloc keeps of it."""

MAX_BODIES_GROWTH_MIB = 256.0
"""128 MiB of bodies, and what malloc keeps between them."""

POST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
CODES = frozenset({-32700, -32600, -32601, -32602, -32001, -32002, -32004, -32007, -32008, -32015, -32016, -32020})
"""Every code that a client may be refused with; −32603, "Internal error", would be our own fault (or an empty faucet)."""


def methods() -> list[str]:
    """Return every method that the page of the local chain lists."""
    from localnet_process import CHECKOUT

    page = (CHECKOUT / "deploy/localnet/README.md").read_text(encoding="utf-8")
    return page.split("<!-- methods -->")[1].split("<!-- /methods -->")[0].replace("\n", " ").split(", ")


class Nonsense:
    """Draws parameters: often almost right, seldom right, sometimes absurd."""

    def __init__(self, node: Node, seed: int) -> None:
        self.dice = random.Random(seed)
        payer = node.funded()
        name = node.call("getSignaturesForAddress", payer.address)[0]["signature"]
        self.texts = [payer.address, name, node.blockhash(), "", "1" * 32, "1" * 200, "0OIl", "\u2028\0", "processed"]
        self.texts += ["TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", "So11111111111111111111111111111111111111112"]
        self.texts += [base64.b64encode(os.urandom(200)).decode(), "AQ==", "circulating", "all", "json", "jsonParsed"]
        self.keys = ["encoding", "commitment", "minContextSlot", "dataSlice", "filters", "offset", "length", "memcmp"]
        self.keys += [
            "dataSize",
            "bytes",
            "mint",
            "programId",
            "limit",
            "before",
            "until",
            "epoch",
            "identity",
            "range",
        ]
        self.keys += ["firstSlot", "lastSlot", "transactionDetails", "rewards", "maxSupportedTransactionVersion"]
        self.keys += ["accounts", "addresses", "sigVerify", "replaceRecentBlockhash", "skipPreflight", "withContext"]
        self.keys += ["searchTransactionHistory", "recentBlockhash", "votePubkey", "filter", "maxRetries", "x"]

    def value(self, depth: int = 0) -> Any:
        kind = self.dice.randrange(8 if depth < 3 else 6)
        if kind < 2:
            return self.dice.choice(self.texts)
        if kind == 2:
            return self.dice.choice([0, 1, 5, 255, 256, 1 << 31, (1 << 64) - 1, 1 << 64, -1, 10**30])
        if kind == 3:
            return self.dice.choice([None, True, False, 0.5, -0.0, 1e308])
        if kind == 6:
            return [self.value(depth + 1) for _ in range(self.dice.randrange(4))]
        return {self.dice.choice(self.keys): self.value(depth + 1) for _ in range(self.dice.randrange(1, 4))}

    def params(self) -> Any:
        return [self.value() for _ in range(self.dice.randrange(4))]


@pytest.mark.prove_too
def test_no_parameters_of_any_method_are_an_internal_error(node: Node) -> None:
    """A method that falls over on a null tells an attacker where to dig, and a client nothing."""
    nonsense, names = Nonsense(node, 11), methods()
    answered = refused = 0
    for _ in range(steps(30, prove=1_000)):
        calls = [(name, nonsense.params()) for name in names]
        for (name, params), answer in zip(calls, node.batch(calls), strict=True):
            if "result" in answer:
                answered += 1
                continue
            refused += 1
            assert answer["error"]["code"] in CODES or name == "requestAirdrop", (name, params, answer)
            assert isinstance(answer["error"]["message"], str)
    assert answered > 0
    assert refused > answered
    assert not node.events("method_failed")


@pytest.mark.prove_too
async def test_no_message_to_the_websocket_is_an_internal_error(node: Node) -> None:
    """The console of every user hangs on that port."""
    nonsense = Nonsense(node, 12)
    kinds = ("account", "program", "logs", "signature", "slot", "root", "block", "slotsUpdates", "vote")
    async with watching(node) as watcher:
        for number in range(steps(400, prove=20_000)):
            method = nonsense.dice.choice(kinds) + nonsense.dice.choice(("Subscribe", "Unsubscribe"))
            params = nonsense.params()
            while len(json.dumps(params)) > 3_900:  # What is longer ends the connection, as below.
                params = nonsense.params()
            answer = await watcher.ask_raw({"method": method, "params": params})
            if "result" not in answer:
                assert answer["error"]["code"] in CODES, answer
            elif method.endswith("Subscribe"):
                end = {"method": method.replace("Subscribe", "Unsubscribe"), "params": [answer["result"]]}
                assert "jsonrpc" in await watcher.ask_raw(end)  # a known signature's ends by itself
            if number % 50 == 0:
                watcher.forget()


@pytest.mark.prove_too
def test_no_bytes_are_an_internal_error(node: Node) -> None:
    """A broken proxy cuts and doubles what it carries; each piece must be refused for itself."""
    dice = random.Random(13)
    whole = json.dumps(
        [{"jsonrpc": "2.0", "id": 1, "method": "getBalance", "params": [Wallet().address, {"commitment": "confirmed"}]}]
    ).encode()
    for _ in range(steps(300, prove=20_000)):
        body = bytearray(whole)
        for _ in range(dice.randrange(1, 5)):
            at = dice.randrange(len(body))
            body[at : at + dice.randrange(4)] = bytes(dice.randrange(256) for _ in range(dice.randrange(4)))
        response = node.post(bytes(body))
        assert response.status_code == 200
        for answer in response.json() if response.text.startswith("[") else [response.json()]:
            assert "result" in answer or answer["error"]["code"] in CODES, (bytes(body), answer)


def send_raw(node: Node, data: bytes) -> None:
    """Send bytes on a connection of their own and wait until the chain has done with them."""
    with socket.create_connection(("127.0.0.1", node.port), 20) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 20):
                pass
        except OSError:
            pass  # it closed on us


@pytest.mark.prove_too
def test_memory_stays_bounded_whatever_comes(make_node: MakeNode) -> None:
    """One bad client must not push the chain out of a small machine's memory."""
    node = make_node(slot_ms=400, max_connections=128).start()
    payer = node.funded()
    node.pay_all(payer, [Wallet().pubkey for _ in range(300)], SOL // 100)
    before = node.resident_mib()
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    mega = b"x" * (1 << 20)
    for _ in range(steps(1, prove=20)):
        send_raw(node, head + b"content-length: 10485760\r\n\r\n" + mega * 10)
        send_raw(node, head + b"transfer-encoding: chunked\r\n\r\n" + (b"100000\r\n" + mega + b"\r\n") * 10)
        send_raw(node, head + b"a: " + mega)
        for body in (b"[" * 1_000_000, b'{"a":' * 300_000, gzip.compress(b" " * 100_000_000), b"1" * 1_000_000):
            assert node.post(body).json()["error"]["code"] == -32700
        many = b"[" + b",".join([b'{"jsonrpc":"2.0","id":1,"method":"getSlot"}'] * 60_000) + b"]"
        assert node.post(many).json()["error"]["code"] == -32600
    # The schedule is 3 MB of JSON; 2,000 of them are cut off, and what was asked before is still answered.
    calls: list[tuple[str, list[Any]]] = [("getSlot", [])] + [("getLeaderSchedule", [])] * 200
    answers = node.batch(calls)
    assert isinstance(answers[0]["result"], int)
    assert "exceed" in answers[-1]["error"]["message"]
    del answers
    # Asking without reading: requests queue up in the client's own sockets.
    schedule = b'{"jsonrpc":"2.0","id":1,"method":"getLeaderSchedule"}'
    ask = head + b"content-length: %d\r\n\r\n" % len(schedule) + schedule
    deaf = [socket.create_connection(("127.0.0.1", node.port), 5) for _ in range(10)]
    for connection in deaf:
        connection.sendall(ask * 60)
    assert node.call("getHealth") == "ok"
    growth = 0.0
    for _ in range(10):  # while it works through what the deaf ones asked
        time.sleep(0.1)
        growth = max(growth, node.resident_mib() - before)
    for connection in deaf:
        connection.close()
    print(f"memory grew by {growth:.0f} MiB from {before:.0f} MiB")
    assert growth <= MAX_GROWTH_MIB
    assert node.process is not None
    assert node.process.poll() is None


def test_memory_stays_bounded_over_many_deaf_clients_with_large_batches(make_node: MakeNode) -> None:
    """Sixty megabytes of answers to each are little for one, and everything there is for twenty who ask and do not read."""
    node = make_node(slot_ms=400).start()
    node.call("getLeaderSchedule")  # made once
    before, longest_s, growth = node.resident_mib(), 0.0, 0.0
    calls = [{"jsonrpc": "2.0", "id": number, "method": "getLeaderSchedule"} for number in range(300)]
    body = json.dumps(calls).encode()
    deaf = []
    for _ in range(24):
        connection = socket.create_connection(("127.0.0.1", node.port), 5)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(POST % len(body) + body)
        deaf.append(connection)
    quiet = 0
    while quiet < 10:  # until nothing is under way any more
        started, used = time.monotonic(), node.used_cpu_s()
        assert isinstance(node.call("getSlot"), int)
        longest_s = max(longest_s, time.monotonic() - started)
        growth = max(growth, node.resident_mib() - before)
        time.sleep(0.3)
        quiet = quiet + 1 if node.used_cpu_s() - used < 0.1 else 0
    print(f"memory grew by {growth:.0f} MiB from {before:.0f} MiB; the longest wait was {longest_s:.1f} s")
    assert growth <= MAX_CROWD_GROWTH_MIB
    assert node.events("http_client_too_slow")
    answers = node.batch([("getLeaderSchedule", [])] * 3)
    assert all("result" in answer for answer in answers)
    for connection in deaf:
        connection.close()


def test_memory_stays_bounded_over_many_requests_that_never_end(make_node: MakeNode) -> None:
    """Each may have four megabytes and half a minute; a thousand clients would have four gigabytes."""
    node = make_node(slot_ms=400).start()
    before, growth, part = node.resident_mib(), 0.0, b"x" * 3_900_000
    slow = []
    for number in range(120):
        connection = socket.create_connection(("127.0.0.1", node.port), 20)
        with contextlib.suppress(OSError):  # it may be cut off while it sends
            connection.sendall(POST % 4_000_000 + part)
        slow.append(connection)
        if number % 10 == 9:
            assert node.call("getHealth") == "ok"
            growth = max(growth, node.resident_mib() - before)
    print(f"memory grew by {growth:.0f} MiB from {before:.0f} MiB")
    assert growth <= MAX_BODIES_GROWTH_MIB
    assert node.events("http_client_sends_too_much")
    for connection in slow:
        connection.close()


def test_a_batch_whose_client_has_left_is_not_answered_but_what_it_sends_lands(make_node: MakeNode) -> None:
    """Asking and leaving, again and again, would cost the asker nothing; a payment that was sent was sent."""
    node = make_node(slot_ms=400).start()
    payer, target = node.funded(), Wallet()
    wire = base64.b64encode(signed([pay(payer, target.pubkey, SOL)], [payer], node.blockhash())).decode()
    calls = [("getLargestAccounts", [])] * 1_500 + [("sendTransaction", [wire, {"encoding": "base64"}])]
    listed = [{"jsonrpc": "2.0", "id": i, "method": name, "params": params} for i, (name, params) in enumerate(calls)]
    body = json.dumps(listed).encode()
    with socket.create_connection(("127.0.0.1", node.port), 5) as connection:
        connection.sendall(POST % len(body) + body)
        while "getLargestAccounts" not in node.http.get("/metrics").text:
            time.sleep(0.001)
        # Close with a reset: who only says that he sends no more still gets his answers.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    deadline = time.monotonic() + 30
    while node.balance(target.pubkey) != SOL:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    [line] = [line for line in node.http.get("/metrics").text.splitlines() if '"getLargestAccounts"' in line]
    assert float(line.split()[-1]) < 1_500


async def test_memory_stays_bounded_over_a_thousand_subscriptions_to_a_large_account(make_node: MakeNode) -> None:
    """A market is half a megabyte: a thousand copies of it, for a client that reads none, must never exist together."""
    node = make_node(slot_ms=400).start()
    payer, large = node.funded(), Wallet()
    rent, holder = node.call("getMinimumBalanceForRentExemption", 400_000), Wallet().pubkey
    made = CreateAccountParams(
        from_pubkey=payer.pubkey, to_pubkey=large.pubkey, lamports=rent, space=400_000, owner=holder
    )
    node.run([create_account(made)], [payer, large])
    before, growth = node.resident_mib(), 0.0
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(4):
            watcher = await stack.enter_async_context(watching(node))
            for _ in range(1_000):
                await watcher.ask("accountSubscribe", large.address, {"encoding": "base64"})
            watcher.connection.transport.pause_reading()
        before = node.resident_mib()
        for number in range(10):
            await run(node, node.run, [pay(payer, large.pubkey, 1 + number)], [payer])
            growth = max(growth, node.resident_mib() - before)
            await asyncio.sleep(0.1)
    print(f"memory grew by {growth:.0f} MiB from {before:.0f} MiB")
    assert growth <= MAX_CROWD_GROWTH_MIB
    assert len(node.events("ws_client_too_slow")) == 4


def test_clients_that_never_finish_their_request_do_not_lock_others_out(make_node: MakeNode) -> None:
    """Slowloris: a few hundred open connections, one byte now and then, are all it takes against a server that waits."""
    node = make_node(max_connections=64).start()
    slow = []
    for _ in range(200):
        connection = socket.create_connection(("127.0.0.1", node.port), 5)
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        slow.append(connection)
    for _ in range(5):
        node.http.close()
        node.http = type(node.http)(base_url=node.url, timeout=PATIENCE_S)
        assert node.call("getHealth") == "ok"
    for connection in slow:
        connection.close()
    assert "campusgrid_localnet_http_connections" in node.http.get("/metrics").text


async def test_more_connections_than_there_may_be_are_cut_off_and_leave_no_trace(make_node: MakeNode) -> None:
    """Whoever opens connections without end must find the end; afterwards there is room again."""
    node = make_node(max_connections=50).start()
    crowd = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(150) for port in (node.port, node.ws_port)]
    assert node.call("getHealth") == "ok"
    for connection in crowd:
        connection.close()
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            async with watching(node) as watcher:
                assert await watcher.ask("slotSubscribe")
                return
        except (OSError, InvalidMessage, ConnectionClosed):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)


async def test_a_flood_of_subscriptions_ends_at_the_limit_and_the_connection_lives(node: Node) -> None:
    """A page in an endless loop subscribes until something gives; it must not be the chain."""
    async with watching(node) as watcher:
        for _ in range(1_000):
            await watcher.ask("accountSubscribe", Wallet().address)
        answer = await watcher.ask_raw({"method": "slotSubscribe"})
        assert answer["error"]["code"] == -32603
        assert "Node subscription limit reached" in answer["error"]["message"]
    async with watching(node) as other:
        assert await other.ask("slotSubscribe") > 1_000


async def test_a_message_to_the_websocket_has_a_validators_length(node: Node) -> None:
    """A batch of subscriptions that works here and closes the connection on a cluster is found out on the wrong day."""
    call = '{"jsonrpc":"2.0","id":1,"method":"slotSubscribe"}'
    async with connect(node.ws_url) as connection:
        await connection.send(call.ljust(4_096))
        assert json.loads(await asyncio.wait_for(connection.recv(), 10))["result"] >= 1
        await connection.send(call.ljust(4_097))
        await asyncio.wait_for(connection.wait_closed(), 10)
        assert connection.close_code in (1006, 1009)


@pytest.mark.parametrize("frame", ["text", "binary"])
async def test_an_oversized_frame_ends_its_own_connection_alone(node: Node, frame: str) -> None:
    """Frames have no business being large here: requests are a few hundred bytes."""
    async with watching(node) as other:
        async with connect(node.ws_url, max_size=None) as connection:
            with contextlib.suppress(ConnectionClosed):  # it may close before it has read all
                await connection.send("x" * (2 << 20) if frame == "text" else b"x" * (2 << 20))
            with pytest.raises(ConnectionClosed) as caught:
                await asyncio.wait_for(connection.recv(), PATIENCE_S)
            assert caught.value.rcvd is None or caught.value.rcvd.code == 1009
        assert await other.ask("slotSubscribe")


async def test_binary_frames_are_read_as_text_is(node: Node) -> None:
    """Some clients send their JSON as bytes."""
    async with connect(node.ws_url) as connection:
        await connection.send(b'{"jsonrpc":"2.0","id":1,"method":"getVersion"}')
        assert "solana-core" in json.loads(await connection.recv())["result"]
        await connection.send(bytes(range(256)))
        assert json.loads(await connection.recv())["error"]["code"] == -32700
