"""Subscriptions, as web3.js and solana-py hold them, on the real process."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from localnet_process import PATIENCE_S, SOL, Node, Wallet, pay, signed
from solana.rpc.websocket_api import connect
from solders.pubkey import Pubkey
from solders.signature import Signature
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_raw

pytestmark = pytest.mark.integration

SYSTEM = str(Pubkey.default())


class Watcher:
    """A raw WebSocket client that keeps answers and notifications apart."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._id = 0
        self._told: list[dict[str, Any]] = []

    async def ask(self, method: str, *params: Any) -> Any:
        """Return the result of a call."""
        answer = await self.ask_raw({"method": method, "params": list(params)})
        assert "error" not in answer, answer
        return answer["result"]

    async def ask_raw(self, call: dict[str, Any]) -> dict[str, Any]:
        self._id += 1
        await self.connection.send(json.dumps({"jsonrpc": "2.0", "id": self._id, **call}))
        while True:
            message = json.loads(await asyncio.wait_for(self.connection.recv(), PATIENCE_S))
            if message.get("id") == self._id:
                return dict(message)
            self._told.append(message)

    def forget(self) -> None:
        """Let go of the notifications that came so far."""
        self._told.clear()

    async def told(self, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """Return the next notification's params."""
        if not self._told:
            self._told.append(json.loads(await asyncio.wait_for(self.connection.recv(), timeout_s)))
        return dict(self._told.pop(0)["params"])


@asynccontextmanager
async def watching(node: Node) -> AsyncIterator[Watcher]:
    async with connect_raw(node.ws_url, max_size=None) as connection:
        yield Watcher(connection)


async def run(node: Node, function: Callable[..., Any], *args: Any) -> Any:
    return await asyncio.to_thread(function, *args)


async def test_a_signature_is_told_once_whether_it_landed_before_or_after(node: Node) -> None:
    """confirmTransaction waits for this; a missed one costs a client half a minute of time-out."""
    payer = node.funded()
    async with watching(node) as watcher:
        wire = signed([pay(payer, Wallet().pubkey, SOL)], [payer], node.blockhash())
        name = str(Signature.from_bytes(wire[1:65]))
        options = {"commitment": "confirmed", "enableReceivedNotification": True}
        subscription = await watcher.ask("signatureSubscribe", name, options)
        assert await run(node, node.send, wire) == name
        assert (await watcher.told())["result"]["value"] == "receivedSignature"
        told = await watcher.told()
        assert told["subscription"] == subscription
        assert told["result"]["value"] == {"err": None}
        late = await watcher.ask("signatureSubscribe", name)
        told = await watcher.told()
        assert (told["subscription"], told["result"]["value"]) == (late, {"err": None})
        answer = await watcher.ask_raw({"method": "signatureUnsubscribe", "params": [late]})
        assert answer["error"]["code"] == -32602  # it ended by itself


async def test_logs_are_told_to_those_who_watch_a_mentioned_account(node: Node) -> None:
    """The gateway's indexer lives on this: each trade is a log line of the trading program."""
    payer, other = node.funded(), node.funded()
    async with watching(node) as watcher:
        mine = await watcher.ask("logsSubscribe", {"mentions": [payer.address]})
        everything = await watcher.ask("logsSubscribe", "all")
        name = await run(node, node.run, [pay(payer, Wallet().pubkey, SOL)], [payer])
        told = [await watcher.told(), await watcher.told()]
        assert {one["subscription"] for one in told} == {mine, everything}
        for one in told:
            assert one["result"]["value"]["signature"] == name
            assert one["result"]["value"]["logs"][0] == f"Program {SYSTEM} invoke [1]"
        await run(node, node.run, [pay(other, Wallet().pubkey, SOL)], [other])
        assert (await watcher.told())["subscription"] == everything
        answer = await watcher.ask_raw({"method": "logsSubscribe", "params": [{"mentions": []}]})
        assert answer["error"]["code"] == -32602


async def test_an_account_and_its_program_are_told_the_new_state(node: Node) -> None:
    """The console draws the book from the market account; it must see each new state and end at the last."""
    payer, target = node.funded(), Wallet()
    async with watching(node) as watcher:
        account = await watcher.ask("accountSubscribe", target.address, {"encoding": "base64"})
        program = await watcher.ask("programSubscribe", SYSTEM, {"encoding": "base64", "filters": [{"dataSize": 0}]})
        await run(node, node.run, [pay(payer, target.pubkey, SOL)], [payer])
        seen: dict[int, list[Any]] = {account: [], program: []}
        while not seen[account] or len(seen[program]) < 2:
            told = await watcher.told()
            seen[told["subscription"]].append(told["result"]["value"])
        assert seen[account][-1]["lamports"] == SOL
        assert {one["pubkey"]: one["account"]["lamports"] for one in seen[program]}[target.address] == SOL
        assert await watcher.ask("programUnsubscribe", program) is True
        await run(node, node.run, [pay(payer, target.pubkey, 7)], [payer])
        told = await watcher.told()
        assert (told["subscription"], told["result"]["value"]["lamports"]) == (account, SOL + 7)


async def test_slots_and_roots_are_told_in_order(node: Node) -> None:
    """web3.js counts slots to judge whether a node lags."""
    async with watching(node) as watcher:
        slots, roots = await watcher.ask("slotSubscribe"), await watcher.ask("rootSubscribe")
        seen: dict[int, list[Any]] = {slots: [], roots: []}
        while min(map(len, seen.values())) < 4:
            told = await watcher.told()
            seen[told["subscription"]].append(told["result"])
        numbers = [one["slot"] for one in seen[slots]]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert seen[roots] == sorted(seen[roots])
        assert all(one["parent"] == one["slot"] - 1 for one in seen[slots])


async def test_the_life_of_each_slot_is_told_as_deploy_tools_follow_it(node: Node) -> None:
    """`solana program deploy` finds the leader by these; without them it sends into the void."""
    payer = node.funded()
    node.wait_slots(1)  # the airdrop is in the slot before
    async with watching(node) as watcher:
        await watcher.ask("slotsUpdatesSubscribe")
        await run(node, node.run, [pay(payer, Wallet().pubkey, SOL)], [payer])
        seen = [(await watcher.told())["result"] for _ in range(18)]
        kinds = ["completed", "frozen", "optimisticConfirmation", "root", "firstShredReceived", "createdBank"]
        assert [one["type"] for one in seen] == kinds * 3
        assert [one["slot"] - seen[0]["slot"] for one in seen[:6]] == [0, 0, 0, 0, 1, 1]
        stats = [one["stats"] for one in seen if one["type"] == "frozen"]
        assert sum(one["numSuccessfulTransactions"] for one in stats) == 1
        answer = await watcher.ask_raw({"method": "voteSubscribe"})
        assert answer["error"] == {"code": -32601, "message": "Method not found"}  # as Agave without its flag


async def test_a_block_is_told_with_its_transactions(node: Node) -> None:
    """An indexer that follows blocks must see each transaction in exactly one."""
    payer = node.funded()
    async with watching(node) as watcher:
        options = {"transactionDetails": "signatures", "maxSupportedTransactionVersion": 0}
        await watcher.ask("blockSubscribe", {"mentionsAccountOrProgram": payer.address}, options)
        name = await run(node, node.run, [pay(payer, Wallet().pubkey, SOL)], [payer])
        seen: list[str] = []
        while name not in seen:  # the block of the airdrop may come first
            seen += (await watcher.told())["result"]["value"]["block"]["signatures"]
        assert seen.count(name) == 1


async def test_solana_pys_websocket_client_works(node: Node) -> None:
    """Its parser is strict: a field too few ends the stream."""
    payer = node.funded()
    async with connect(node.ws_url) as client:
        await client.account_subscribe(payer.pubkey)
        assert (await client.recv())[0].result >= 1  # type: ignore[union-attr]
        await run(node, node.run, [pay(payer, Wallet().pubkey, SOL)], [payer])
        told = (await asyncio.wait_for(client.recv(), PATIENCE_S))[0]
        assert told.result.value.lamports < 100 * SOL  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", -32700),
        ("[1]", -32700),
        ('{"jsonrpc":"2.0","id":1,"method":"getSlot"}', -32601),
        ('{"jsonrpc":"2.0","id":1,"method":"accountSubscribe","params":["0"]}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"slotUnsubscribe","params":[99999]}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"voteSubscribe"}', -32601),
        ('{"jsonrpc":"2.0","id":1,"method":"voteUnsubscribe","params":[99999]}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"blockSubscribe","params":["all",{"encoding":"hex"}]}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"blockSubscribe","params":["all",{"transactionDetails":"some"}]}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"blockSubscribe","params":["all",{"showRewards":1}]}', -32602),
        (
            '{"jsonrpc":"2.0","id":1,"method":"blockSubscribe","params":["all",{"maxSupportedTransactionVersion":256}]}',
            -32602,
        ),
    ],
)
async def test_what_is_no_subscription_is_refused_and_the_connection_lives(node: Node, message: str, code: int) -> None:
    """One wrong call of a page must not cut all its live data."""
    async with watching(node) as watcher:
        await watcher.connection.send(message)
        assert json.loads(await watcher.connection.recv())["error"]["code"] == code
        assert await watcher.ask("slotSubscribe") >= 1


async def test_a_subscriber_cannot_end_anothers_subscription(node: Node) -> None:
    """Numbers are easy to guess; a prankster would silence the indexer."""
    async with watching(node) as mine, watching(node) as other:
        subscription = await mine.ask("slotSubscribe")
        answer = await other.ask_raw({"method": "slotUnsubscribe", "params": [subscription]})
        assert answer["error"]["code"] == -32602


async def test_a_subscriber_that_does_not_read_is_cut_off_and_nobody_waits_for_him(
    make_node: Callable[..., Node],
) -> None:
    """One sleeping laptop must not hold up the market or fill the node's memory."""
    node = make_node().start()
    payer = node.funded(10_000 * SOL)
    lazy = socket.create_connection(("127.0.0.1", node.ws_port))
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    key = base64.b64encode(b"0123456789abcdef")
    lazy.sendall(
        b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: "
        + key
        + b"\r\n\r\n"
    )
    assert b"101" in lazy.recv(4096)
    for number in range(200):
        call = json.dumps({"jsonrpc": "2.0", "id": number, "method": "logsSubscribe", "params": ["all"]}).encode()
        lazy.sendall(b"\x81" + bytes([0x80 | len(call)]) + bytes(4) + call)
    async with watching(node) as attentive:
        await attentive.ask("logsSubscribe", "all")
        deadline = time.monotonic() + PATIENCE_S
        while not node.events("ws_client_too_slow"):
            assert time.monotonic() < deadline, "the sleeper was never cut off"
            blockhash = await run(node, node.blockhash)
            wires = [signed([pay(payer, Wallet().pubkey, SOL // 100 + i)], [payer], blockhash) for i in range(100)]
            calls = [("sendTransaction", [base64.b64encode(wire).decode(), {"encoding": "base64"}]) for wire in wires]
            answers = await run(node, node.batch, calls)
            assert all("result" in answer for answer in answers)
            for _ in range(100):
                assert (await attentive.told())["result"]["value"]["err"] is None
    lazy.close()
