"""Decides who is told of what: the WebSocket subscriptions of Solana's API. What is told has reached the disk before.

Accounts are read for subscribers only, and at most every 50 ms each: a market that a thousand orders a second write to
is a large account, and a reader wants its latest state, not a thousand of them.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Protocol

from solders.pubkey import Pubkey

from deploy.localnet import jsonrpc
from deploy.localnet.bank import Landed
from deploy.localnet.encoding import Slice, account_options, ui_account
from deploy.localnet.jsonrpc import RpcError, invalid_params
from deploy.localnet.methods_accounts import Keep, filters
from deploy.localnet.methods_cluster import get_block, get_version
from deploy.localnet.node import Node
from deploy.localnet.outbox import Outbox
from deploy.localnet.params import Options, address, integer, sequence, signature, text
from deploy.localnet.ui_transactions import DETAILS, ENCODINGS
from deploy.localnet.wire import signature_of

ACCOUNT_PERIOD_S = 0.05
MAX_PER_CONNECTION, MAX_TOGETHER = 1_000, 100_000


class Subscriber(Protocol):
    """A connection that can be told something."""

    subscriptions: set[int]

    def expect(self, size: int) -> bool:
        """Make room for a message of `size` bytes; False when there is none, and it must not be told."""

    def tell(self, message: bytes) -> None:
        """Queue a message for which there is room; never waits."""


class _Subscription:
    __slots__ = ("encoding", "id", "keep", "kind", "options", "subscriber", "topic")

    def __init__(self, id_: int, subscriber: Subscriber, kind: str, topic: Any) -> None:
        self.id, self.subscriber, self.kind, self.topic = id_, subscriber, kind, topic
        self.encoding: tuple[str, Slice | None] = ("base64", None)
        self.keep: Keep = lambda data: True
        self.options: dict[str, Any] = {}


Topic = tuple[str, Any]


class Subscriptions:
    """All subscriptions of the node."""

    def __init__(self, node: Node, outbox: Outbox) -> None:
        self._node, self._outbox = node, outbox
        self._ids = itertools.count(1)
        self._by_id: dict[int, _Subscription] = {}
        self._by_topic: defaultdict[Topic, dict[int, _Subscription]] = defaultdict(dict)
        self._kinds: defaultdict[str, int] = defaultdict(int)
        self._dirty: set[Pubkey] = set()
        self._flush: asyncio.TimerHandle | None = None
        self._landed_in_slot = [0, 0]  # successes, failures
        node.on_landed.append(self._landed)
        node.on_slot.append(self._slot_opened)

    # Requests

    def handle(self, subscriber: Subscriber, body: bytes) -> None:
        """Answer one message of a client; batches are arrays, as over HTTP."""
        try:
            request = jsonrpc.parse(body)
        except RpcError as error:
            _say(subscriber, jsonrpc.error(None, error))
            return
        for item in request if isinstance(request, list) else [request]:
            try:
                call = jsonrpc.call_of(item)
            except RpcError as error:
                _say(subscriber, jsonrpc.error(item.get("id"), error))
                continue
            if not call.wants_answer:
                continue
            try:
                self._answer(subscriber, call)
            except RpcError as error:
                _say(subscriber, jsonrpc.error(call.id, error))

    def drop(self, subscriber: Subscriber) -> None:
        """Forget a client that has gone."""
        for id_ in list(subscriber.subscriptions):
            self._remove(self._by_id[id_])

    def _answer(self, subscriber: Subscriber, call: jsonrpc.Call) -> None:
        after: Callable[[], None] | None = None
        if call.method in _SUBSCRIBE:
            kind, required, most = _SUBSCRIBE[call.method]
            params = call.positional(required, most)
            if len(subscriber.subscriptions) >= MAX_PER_CONNECTION or len(self._by_id) >= MAX_TOGETHER:
                raise RpcError(
                    jsonrpc.INTERNAL_ERROR, "Internal Error: Subscription refused. Node subscription limit reached"
                )
            subscribe = getattr(self, f"_subscribe_{kind}", None)
            made, after = subscribe(subscriber, params) if subscribe else (self._make(subscriber, kind, None), None)
            if self._flush is not None:  # what changed before is told to those who were there
                self._flush.cancel()
                self._tell_accounts()
            value: Any = made.id
            self._add(made)
        elif call.method in _UNSUBSCRIBE:
            found = self._by_id.get(integer(call.positional(1, 1)[0]))
            if found is None or found.subscriber is not subscriber:
                raise invalid_params("Invalid subscription id.")
            self._remove(found)
            value = True
        elif call.method == "getVersion":
            call.positional(0, 0)
            value = get_version(self._node, [])
        else:
            raise RpcError(jsonrpc.METHOD_NOT_FOUND, "Method not found")
        answer = jsonrpc.result(call.id, value)
        if subscriber.expect(len(answer)):
            self._outbox.put(lambda: subscriber.tell(answer))
        if after is not None:
            after()

    def _make(self, subscriber: Subscriber, kind: str, topic: Any) -> _Subscription:
        return _Subscription(next(self._ids), subscriber, kind, topic)

    def _subscribe_signature(self, subscriber: Subscriber, params: list[Any]) -> Any:
        name, options = _named(signature, params[0], "signature"), Options(params, 1, self._node.slot)
        made = self._make(subscriber, "signature", name)
        received = options.flag("enableReceivedNotification")
        known = self._node.bank.recent.get(name)
        line = self._node.history.line(name) if known is None else None
        if known is None and line is None:
            made.options["received"] = received
            return made, None
        slot, failure = (known[0], known[2]) if known is not None else (line.slot, line.failure)  # type: ignore[union-attr]

        def after() -> None:
            if received:
                self._tell(made, self._at(slot, "receivedSignature"))
            self._tell(made, self._at(slot, {"err": failure}))
            self._remove(made)

        return made, after

    def _subscribe_logs(self, subscriber: Subscriber, params: list[Any]) -> Any:
        wanted, _ = params[0], Options(params, 1, self._node.slot)
        if wanted in ("all", "allWithVotes"):
            return self._make(subscriber, "logs", None), None
        if not isinstance(wanted, dict) or wanted.keys() != {"mentions"}:
            raise invalid_params("Invalid params: expected one of `all`, `allWithVotes`, `mentions`.")
        mentions = sequence(wanted["mentions"])
        if len(mentions) != 1:
            raise invalid_params("Invalid Request: Only 1 address supported")
        return self._make(subscriber, "logs", _named(address, mentions[0], "mentions")), None

    def _subscribe_account(self, subscriber: Subscriber, params: list[Any]) -> Any:
        made = self._make(subscriber, "account", _named(address, params[0], "pubkey"))
        made.encoding = account_options(Options(params, 1, self._node.slot))
        return made, None

    def _subscribe_program(self, subscriber: Subscriber, params: list[Any]) -> Any:
        made = self._make(subscriber, "program", _named(address, params[0], "pubkey"))
        options = Options(params, 1, self._node.slot)
        made.encoding, made.keep = account_options(options), filters(options.get("filters"))
        return made, None

    def _subscribe_block(self, subscriber: Subscriber, params: list[Any]) -> Any:
        wanted, options = params[0], Options(params, 1, self._node.slot, at_least_confirmed=True)
        mentioned: Pubkey | None = None
        if isinstance(wanted, dict) and wanted.keys() == {"mentionsAccountOrProgram"}:
            mentioned = _named(address, wanted["mentionsAccountOrProgram"], "mentions_account_or_program")
        elif wanted != "all":
            raise invalid_params("Invalid params: unknown filter, expected `all` or `mentionsAccountOrProgram`.")
        made = self._make(subscriber, "block", mentioned)
        made.options = {
            "encoding": options.choice("encoding", ENCODINGS, "base64"),
            "transactionDetails": options.choice("transactionDetails", DETAILS, "full"),
            "maxSupportedTransactionVersion": options.integer("maxSupportedTransactionVersion", "u8", 255),
            "rewards": options.flag("showRewards"),
        }
        return made, None

    def _add(self, made: _Subscription) -> None:
        self._by_id[made.id] = made
        self._by_topic[made.kind, made.topic][made.id] = made
        self._kinds[made.kind] += 1
        made.subscriber.subscriptions.add(made.id)

    def _remove(self, gone: _Subscription) -> None:
        if self._by_id.pop(gone.id, None) is None:
            return
        topic = (gone.kind, gone.topic)
        del self._by_topic[topic][gone.id]
        if not self._by_topic[topic]:
            del self._by_topic[topic]
        self._kinds[gone.kind] -= 1
        gone.subscriber.subscriptions.discard(gone.id)

    # Notifications

    def _of(self, kind: str, topic: Any) -> list[_Subscription]:
        found = self._by_topic.get((kind, topic))
        return list(found.values()) if found else []

    def _tell(self, to: _Subscription, value: Any) -> None:
        if not to.subscriber.expect(0):
            return  # cut off a moment ago, perhaps in the midst of a thousand notifications
        message = jsonrpc.notification(f"{to.kind}Notification", to.id, value)
        if to.subscriber.expect(len(message)):  # counted now: until it is on disk it waits here
            self._outbox.put(lambda: to.subscriber.tell(message))

    def _at(self, slot: int, value: Any) -> dict[str, Any]:
        return {"context": {"slot": slot}, "value": value}

    def _landed(self, landed: Landed) -> None:
        self._landed_in_slot[landed.failure is not None] += 1
        if not self._by_id:
            return
        for one in self._of("signature", landed.wire.signature):
            if one.options["received"]:
                self._tell(one, self._at(landed.slot, "receivedSignature"))
            self._tell(one, self._at(landed.slot, {"err": landed.failure}))
            self._remove(one)
        if self._kinds["logs"]:
            self._tell_logs(landed)
        if self._kinds["account"] or self._kinds["program"]:
            self._dirty.update(landed.writable if landed.failure is None else landed.keys[:1])
            if self._flush is None:
                self._flush = asyncio.get_running_loop().call_later(ACCOUNT_PERIOD_S, self._tell_accounts)

    def _tell_logs(self, landed: Landed) -> None:
        interested = self._of("logs", None)
        for key in landed.keys:
            interested += self._of("logs", key)
        if interested:
            name = str(signature_of(landed.wire.signature))
            value = self._at(landed.slot, {"signature": name, "err": landed.failure, "logs": landed.meta.logs()})
            for one in interested:
                self._tell(one, value)

    def _tell_accounts(self) -> None:
        self._flush = None
        dirty, self._dirty = self._dirty, set()
        bank = self._node.bank
        for key in dirty:
            by_account = self._of("account", key)
            if not by_account and not self._kinds["program"]:
                continue
            account = bank.account(key)
            if account is None:  # closed: told as the empty account that it is
                gone = {"lamports": 0, "data": ["", "base64"], "owner": str(Pubkey.default()), "executable": False}
                for one in by_account:
                    self._tell(one, self._at(bank.slot, {**gone, "rentEpoch": 0, "space": 0}))
                continue
            data = None
            shown_as: dict[tuple[str, Slice | None], dict[str, Any]] = {}
            for one in (*by_account, *self._of("program", account.owner)):
                if one.kind == "program":
                    data = account.data if data is None else data
                    if not one.keep(data):
                        continue
                if (shown := shown_as.get(one.encoding)) is None:
                    try:
                        shown = ui_account(key, account, *one.encoding, bank.decimals)
                    except RpcError:  # base58 of what has grown too long for it
                        shown = ui_account(key, account, "base64", one.encoding[1], bank.decimals)
                    shown_as[one.encoding] = shown
                value = shown if one.kind == "account" else {"pubkey": str(key), "account": shown}
                self._tell(one, self._at(bank.slot, value))

    def _slot_opened(self, slot: int) -> None:
        for one in self._of("slot", None):
            self._tell(one, {"parent": slot - 1, "root": slot - 1, "slot": slot})
        for one in self._of("root", None):
            self._tell(one, slot - 1)
        if self._kinds["slotsUpdates"]:
            self._tell_slots_updates(slot)
        if self._kinds["block"]:
            self._tell_block(slot - 1)
        self._landed_in_slot = [0, 0]

    def _tell_slots_updates(self, slot: int) -> None:
        """Tell how the closed slot ended and the open one began; deploy tools follow the leader by it."""
        at, closed = {"timestamp": time.time_ns() // 1_000_000}, {"slot": slot - 1}
        successes, failures = self._landed_in_slot
        entries = successes + failures
        stats = {
            "numTransactionEntries": entries,
            "numSuccessfulTransactions": successes,
            "numFailedTransactions": failures,
            "maxTransactionsPerEntry": min(entries, 1),
        }
        updates: list[dict[str, Any]] = [
            {**closed, **at, "type": "completed"},
            {**closed, **at, "stats": stats, "type": "frozen"},
            {**closed, **at, "type": "optimisticConfirmation"},
            {**closed, **at, "type": "root"},
            {"slot": slot, **at, "type": "firstShredReceived"},
            {"slot": slot, "parent": slot - 1, **at, "type": "createdBank"},
        ]
        for one in self._of("slotsUpdates", None):
            for update in updates:
                self._tell(one, update)

    def _tell_block(self, slot: int) -> None:
        mentioned = None
        for topic in [topic for topic in self._by_topic if topic[0] == "block"]:
            if topic[1] is not None:
                if mentioned is None:
                    mentioned = {key for past in self._node.history.in_slot(slot) for key in past.keys}
                if topic[1] not in mentioned:
                    continue
            for one in self._of(*topic):
                block: dict[str, Any] | None = None
                failure: dict[str, int] | None = None
                try:
                    block = get_block(self._node, [slot, one.options])
                except RpcError:  # a client that takes no versions is told of the first transaction that has one
                    failure = {"UnsupportedTransactionVersion": 0}
                self._tell(one, self._at(slot, {"slot": slot, "block": block, "err": failure}))


def _say(subscriber: Subscriber, message: bytes) -> None:
    """Tell what depends on nothing that the disk has yet to take."""
    if subscriber.expect(len(message)):
        subscriber.tell(message)


def _named(read: Callable[[Any], Any], given: Any, thing: str) -> Any:
    """Return what `read` makes of a text; the node's WebSocket has its own words for one that is none."""
    text(given)
    try:
        return read(given)
    except RpcError:
        raise invalid_params(f"Invalid Request: Invalid {thing} provided") from None


# Each kind with the number of parameters that it must and may have.
_KINDS = {
    "signature": (1, 2),
    "logs": (1, 2),
    "account": (1, 2),
    "program": (1, 2),
    "slot": (0, 0),
    "root": (0, 0),
    "slotsUpdates": (0, 0),
    "block": (1, 2),
}
_SUBSCRIBE = {f"{kind}Subscribe": (kind, *count) for kind, count in _KINDS.items()}
# There is nothing to end of votes either, but a validator without voteSubscribe has the method.
_UNSUBSCRIBE = frozenset(f"{kind}Unsubscribe" for kind in (*_KINDS, "vote"))
