"""Questions in batches: no request is larger than a validator takes, and every answer finds its question."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gridkit.chain.rpc import MAX_REQUEST_BYTES, NodeUnreachableError, Rpc, RpcRefusedError


class Node:
    """Answers each question with its parameter, or refuses it; keeps the size of each request."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.answers_lists = True

    def post(self, body: bytes) -> bytes:
        self.sizes.append(len(body))
        answers = [self._answer(question) for question in msgspec.json.decode(body)]
        return msgspec.json.encode(answers[::-1] if self.answers_lists else {"error": "too large"})

    def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        [param] = question["params"]
        if param == "refuse":
            return {"id": question["id"], "error": {"code": -32602, "message": "no"}}
        return {"id": question["id"], "result": param}


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
def rpc(node: Node) -> Rpc:
    made = Rpc("http://127.0.0.1:1")
    made._http = node  # type: ignore[assignment]
    return made


def test_a_batch_is_cut_where_a_validator_would_refuse_it(rpc: Rpc, node: Node) -> None:
    """A deployment of 64 pieces in one request is 413 on a validator: nothing of it would ever land."""
    wires = [f"{number:04}" * 400 for number in range(200)]
    assert rpc.batch([("sendTransaction", (wire,)) for wire in wires]) == wires
    assert len(node.sizes) > 1
    assert max(node.sizes) <= MAX_REQUEST_BYTES
    assert min(node.sizes[:-1]) > MAX_REQUEST_BYTES - 2_000, "full, or there would be more requests than needed"


@pytest.mark.parametrize("spare", [0, 1, -1])
def test_the_limit_itself_still_fits(rpc: Rpc, node: Node, spare: int) -> None:
    """One byte more makes two requests."""
    empty = len(msgspec.json.encode([{"jsonrpc": "2.0", "id": 1, "method": "m", "params": [""]}] * 2))
    rest = MAX_REQUEST_BYTES - empty - spare
    texts = ["a" * (rest // 2), "b" * (rest - rest // 2)]
    assert rpc.batch([("m", (text,)) for text in texts]) == texts
    assert len(node.sizes) == (2 if spare < 0 else 1)


def test_a_refusal_stands_among_the_answers(rpc: Rpc) -> None:
    """One bad question must not cost the others their answers."""
    first, second, third = rpc.batch([("m", (text,)) for text in ("one", "refuse", "three")])
    assert (first, third) == ("one", "three")
    assert isinstance(second, RpcRefusedError)


def test_no_questions_are_no_request(rpc: Rpc, node: Node) -> None:
    """An empty batch is an error to every node."""
    assert rpc.batch([]) == []
    assert node.sizes == []


def test_an_answer_that_is_no_batch_is_no_answer(rpc: Rpc, node: Node) -> None:
    """A proxy's page in place of answers must not be taken for refusals."""
    node.answers_lists = False
    with pytest.raises(NodeUnreachableError):
        rpc.batch([("m", ("one",))])
