"""When subscribers are told of a changed account: a fake bank and an outbox whose disk is always ready."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from solders.account import Account
from solders.pubkey import Pubkey

from deploy.localnet.node import Node
from deploy.localnet.outbox import Outbox
from deploy.localnet.subscriptions import Subscriptions

ADDRESS = Pubkey.from_bytes(bytes(range(32)))


class Reader:
    """A connection that keeps what it is told: the result of a call, or the lamports of a notification with the subscription."""

    def __init__(self) -> None:
        self.subscriptions: set[int] = set()
        self.told: list[Any] = []
        self._more = asyncio.Event()

    def expect(self, size: int) -> bool:
        """There is room."""
        return True

    def tell(self, message: bytes) -> None:
        """Keep it."""
        said = json.loads(message)
        value = said["params"]["result"]["value"]["lamports"] if "params" in said else said["result"]
        self.told.append(value)
        self._more.set()

    async def reads(self, lamports: int) -> None:
        """Wait until it is told of so many lamports."""
        async with asyncio.timeout(60):
            while self.told[-1] != lamports:
                self._more.clear()
                await self._more.wait()


class Chain:
    """One account, and what the node calls when a transaction has changed it."""

    def __init__(self) -> None:
        self.lamports = 0
        bank = SimpleNamespace(
            account=lambda key: Account(self.lamports, b"", Pubkey.default()), slot=7, decimals=lambda mint: 0
        )
        self._landed: list[Callable[[Any], None]] = []
        node = SimpleNamespace(bank=bank, slot=7, on_landed=self._landed, on_slot=[])
        self.subscriptions = Subscriptions(cast(Node, node), cast(Outbox, SimpleNamespace(put=lambda send: send())))

    def pay(self) -> None:
        """Let a transaction land that adds a lamport to the account."""
        self.lamports += 1
        wire = SimpleNamespace(signature=bytes(64))
        for tell in self._landed:
            tell(SimpleNamespace(wire=wire, slot=7, failure=None, keys=[ADDRESS], writable=[ADDRESS]))

    def subscribe(self) -> Reader:
        """Return a reader that watches the account."""
        reader, params = Reader(), [str(ADDRESS), {"encoding": "base64"}]
        call = {"jsonrpc": "2.0", "id": 1, "method": "accountSubscribe", "params": params}
        self.subscriptions.handle(reader, json.dumps(call).encode())
        return reader


async def test_changes_within_a_moment_are_told_as_one() -> None:
    """A market that a thousand orders a second write to is read for its latest state, not a thousand times."""
    chain = Chain()
    reader = chain.subscribe()
    chain.pay()
    chain.pay()
    await reader.reads(2)
    chain.pay()
    await reader.reads(3)
    assert reader.told[1:] == [2, 3]


async def test_a_new_subscriber_is_not_told_of_what_changed_before() -> None:
    """A client that counts what it is told from its subscription on would count one too many, as on no validator."""
    chain = Chain()
    first = chain.subscribe()
    chain.pay()
    second = chain.subscribe()
    await first.reads(1)
    chain.pay()
    await first.reads(2)
    await second.reads(2)
    assert first.told[1:] == [1, 2]
    assert second.told[1:] == [2]
