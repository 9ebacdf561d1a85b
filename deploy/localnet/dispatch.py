"""Decides which method a request reaches, and how many requests at once; the bytes come from HTTP or WebSocket."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from deploy.localnet import jsonrpc, methods_accounts, methods_cluster, methods_tokens, methods_transactions
from deploy.localnet.jsonrpc import Call, RpcError
from deploy.localnet.node import Node
from deploy.localnet.wire import Wire, has_valid_signatures
from gridkit.log import get_logger

log = get_logger("localnet.rpc")

Method = tuple[Callable[[Node, list[Any]], Any], int, int]
"""What answers, and how many parameters it must and may have."""

METHODS: dict[str, Method] = {
    **methods_accounts.METHODS,
    **methods_cluster.METHODS,
    **methods_tokens.METHODS,
    **methods_transactions.METHODS,
}
"""Every method by its name. All of them are Solana's, none is ours alone: what works here works on a cluster."""

SLICE_S = 0.004
"""How long a batch may run before others get their turn."""

SMALL_BATCH, CHUNK = 16, 128
MAX_BATCH_ANSWER_BYTES = 64 << 20
"""What a batch may be answered: 2,000 calls for one market would otherwise be a gigabyte."""

MAX_BATCHES_BYTES, SMALL_ANSWER_BYTES = 96 << 20, 1 << 20
"""What all long batches under way may hold together; one whose own answers are small is never refused for the others'."""


class Dispatcher:
    """Turns request bodies into answers.

    Args:
        node: What answers.
        max_batch: Most calls in one batch.
    """

    def __init__(self, node: Node, max_batch: int) -> None:
        self._node, self._max_batch = node, max_batch
        self._turn = asyncio.Lock()
        self._batches_bytes = 0

    def handle(
        self, body: bytes, is_gone: Callable[[], bool] = lambda: False
    ) -> bytes | Coroutine[Any, Any, bytes | None] | None:
        """Return the answer to a body; None when it holds only notifications; something to await for a long batch.

        Args:
            body: As it came.
            is_gone: Whether the client has left. The rest of his batch is then not answered; what it sends still lands.
        """
        try:
            request = jsonrpc.parse(body)
        except RpcError as error:
            return self._refused(None, error)
        if not isinstance(request, list):
            return self.answer(request)
        if not request:
            return self._refused(None, RpcError(jsonrpc.INVALID_REQUEST, "Invalid request"))
        if len(request) > self._max_batch:
            why = f"Batch of {len(request)} calls is too large; max {self._max_batch}"
            return self._refused(None, RpcError(jsonrpc.INVALID_REQUEST, why))
        if len(request) > SMALL_BATCH:
            return self._long_batch(request, is_gone)
        answers = _Answers()
        for item in request:
            answers.add(self._in_batch(item, answers))
        return answers.joined()

    def answer(self, item: Any, verified: Wire | None = None) -> bytes | None:
        """Return the answer to one request; None for a notification, which nothing listens to.

        Args:
            item: One request that `jsonrpc.parse` let pass.
            verified: Where it sends a transaction: that, decoded, if its signatures are known to be valid.
        """
        try:
            call = jsonrpc.call_of(item)
        except RpcError as error:
            return self._refused(item.get("id"), error)
        if not call.wants_answer:
            return None
        try:
            return jsonrpc.result(call.id, self.run(call, verified))
        except RpcError as error:
            return self._refused(call.id, error)

    def run(self, call: Call, verified: Wire | None = None) -> Any:
        """Return what a method answers; `verified` as for `answer`.

        Raises:
            RpcError: The refusal, also where the method itself fell over.
        """
        found = METHODS.get(call.method)
        if found is None:
            raise RpcError(jsonrpc.METHOD_NOT_FOUND, "Method not found")
        method, required, most = found
        self._node.counters.add("requests", "method", call.method)
        params = call.positional(required, most)
        try:
            if verified is not None:
                return methods_transactions.send_transaction(self._node, params, verified=verified)
            return method(self._node, params)
        except RpcError:
            raise
        except Exception:
            log.exception("method_failed", method=call.method)
            raise RpcError(jsonrpc.INTERNAL_ERROR, "Internal error") from None

    async def _long_batch(self, request: list[Any], is_gone: Callable[[], bool]) -> bytes | None:
        """Answer call by call, in slices. Batches take turns, so a hundred of them hold others up no longer than one."""
        answers = _Answers()
        try:
            for at in range(0, len(request), CHUNK):
                chunk = request[at : at + CHUNK]
                async with self._turn:
                    verified = await self._verify(chunk)
                number = 0
                while number < len(chunk):
                    async with self._turn:
                        slice_end = time.monotonic() + SLICE_S
                        while number < len(chunk) and time.monotonic() < slice_end:
                            self._next(chunk[number], answers, verified.get(number), gone=is_gone())
                            number += 1
                    await asyncio.sleep(0)
            return answers.joined()
        finally:
            self._batches_bytes -= answers.size

    def _next(self, item: Any, answers: _Answers, verified: Wire | None, *, gone: bool) -> None:
        if gone and item.get("method") != "sendTransaction":
            return
        before = answers.size
        answers.add(self._in_batch(item, answers, verified))
        self._batches_bytes += answers.size - before

    def _in_batch(self, item: Any, answers: _Answers, verified: Wire | None = None) -> bytes | None:
        if answers.size >= MAX_BATCH_ANSWER_BYTES:
            why = f"The answers of this batch exceed {MAX_BATCH_ANSWER_BYTES} bytes; ask for less at once"
        elif answers.size >= SMALL_ANSWER_BYTES and self._batches_bytes >= MAX_BATCHES_BYTES:
            why = (
                f"The answers of all batches under way exceed {MAX_BATCHES_BYTES} bytes; ask for less at once, or later"
            )
        else:
            return self.answer(item, verified)
        return self._refused(item.get("id"), RpcError(jsonrpc.INVALID_REQUEST, why))

    async def _verify(self, request: list[Any]) -> dict[int, Wire]:
        """Return the transactions of a batch whose signatures are valid, by position, checked on two cores at once.

        libsodium gives Python's lock back while it works, LiteSVM does not. What is not returned is checked again by
        whoever runs it, and refused in the right words.
        """
        waiting = deque(
            (index, wire) for index, item in enumerate(request) if (wire := methods_transactions.sent(item)) is not None
        )
        found: dict[int, Wire] = {}
        other = asyncio.get_running_loop().run_in_executor(None, _verify, waiting, found)
        _verify(waiting, found)
        await other
        return found

    def _refused(self, id_: Any, error: RpcError) -> bytes:
        self._node.counters.add("errors", "code", str(error.code))
        return jsonrpc.error(id_, error)


def _verify(waiting: deque[tuple[int, Wire]], found: dict[int, Wire]) -> None:
    """Take transactions until none is left, and put those with valid signatures into `found`. For several threads."""
    while waiting:
        try:
            index, wire = waiting.popleft()
        except IndexError:
            return
        if has_valid_signatures(wire):
            found[index] = wire


class _Answers:
    """The answers of a batch, and how large they are together."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def add(self, answer: bytes | None) -> None:
        if answer is not None:
            self._parts.append(answer)
            self.size += len(answer)

    def joined(self) -> bytes | None:
        return b"[" + b",".join(self._parts) + b"]" if self._parts else None
