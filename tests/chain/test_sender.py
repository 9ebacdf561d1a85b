"""Sending exactly once over a node that loses, delays and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from gridkit.chain.rpc import NodeUnreachableError, PreflightError, RpcRefusedError
from gridkit.chain.sender import Expired, Landed, Refused, Sender, Unknown, custom_code
from gridkit.chain.tx import Signed


class Node:
    """A node whose time is its block height; what it does with a transaction is scripted."""

    def __init__(self) -> None:
        self.height = 1_000
        self.wall_s = 0.0
        self.sent: list[tuple[float, bytes]] = []
        self.lands_after: int | None = 1
        self.error: Any = None
        self.refusal: Exception | None = None
        self.blind_until = 0
        self.blockhashes = 0
        self.requests = 0

    def latest_blockhash(self) -> tuple[str, int]:
        self.blockhashes += 1
        return f"hash {self.blockhashes}", self.height + 150

    def block_height(self) -> int:
        return self.height

    def send_many(self, wires: list[bytes], *, skip_preflight: bool = False) -> list[Any]:
        self.requests += 1
        self.sent += [(self.wall_s, wire) for wire in wires]
        refused = self.refusal is not None and not skip_preflight
        return [self.refusal if refused else wire.decode() for wire in wires]

    def statuses(self, signatures: list[str]) -> list[Any]:
        if self.height < self.blind_until:
            raise NodeUnreachableError("away")
        copies = [sum(wire.decode() == signature for _, wire in self.sent) for signature in signatures]
        landed = {"slot": 7, "err": self.error, "confirmationStatus": "confirmed"}
        return [landed if self.lands_after is not None and count >= self.lands_after else None for count in copies]

    def sleep(self, seconds: float) -> None:
        self.wall_s += seconds
        self.height += max(1, int(seconds / 0.4))


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
def sender(node: Node) -> Sender:
    return Sender(node, monotonic=lambda: node.wall_s, sleep=node.sleep, give_up_s=300.0)  # type: ignore[arg-type]


def build(blockhash: str, last: int) -> Signed:
    return Signed(f"tx {blockhash}".encode(), f"tx {blockhash}", last)


def test_what_lands_is_said_with_its_slot_and_error(node: Node, sender: Sender) -> None:
    """A failed transaction has landed too: sending it again would fail again and cost again."""
    assert sender.send(build) == Landed("tx hash 1", 7)
    node.error = {"InstructionError": [0, {"Custom": 6007}]}
    outcome = sender.send(build)
    assert isinstance(outcome, Landed)
    assert outcome.custom_code == 6007


def test_the_same_bytes_are_sent_again_about_every_two_seconds(node: Node, sender: Sender) -> None:
    """Leaders drop transactions; only repetition gets through, and only the same bytes are safe."""
    node.lands_after = 4
    assert isinstance(sender.send(build), Landed)
    assert len({wire for _, wire in node.sent}) == 1
    gaps = [later - earlier for (earlier, _), (later, _) in zip(node.sent, node.sent[1:], strict=False)]
    assert all(1.9 < gap < 2.5 for gap in gaps)


def test_expiry_is_proven_before_anything_is_signed_again(node: Node, sender: Sender) -> None:
    """Between 'not seen yet' and 'cannot land any more' lies a double payment."""
    node.lands_after = None
    start = node.height
    assert sender.send(build) == Expired("tx hash 1")
    assert node.height > start + 150
    assert node.blockhashes == 1
    node.lands_after = 1
    assert sender.send(build) == Landed("tx hash 2", 7)


def test_a_transaction_that_lands_in_its_last_block_is_not_called_expired(node: Node, sender: Sender) -> None:
    """The height is read before the status: what is unknown afterwards can never land."""
    node.lands_after = None
    statuses, late = node.statuses, []

    def status_of_a_node_that_catches_up(signatures: list[str]) -> list[Any]:
        found = statuses(signatures)
        if node.height > 1_150:  # Beyond the last valid height, and landed in the meantime.
            node.lands_after = 1
            late.append(node.height)
        return found

    node.statuses = status_of_a_node_that_catches_up  # type: ignore[method-assign]
    assert sender.send(build) == Landed("tx hash 1", 7)
    assert late


def test_a_node_that_is_away_leaves_the_outcome_unknown(node: Node, sender: Sender) -> None:
    """Nobody may conclude from silence that nothing happened."""
    node.blind_until = 10**9
    assert sender.send(build) == Unknown("tx hash 1")


def test_a_preflight_failure_is_a_refusal_and_nothing_is_repeated(node: Node, sender: Sender) -> None:
    """A transaction that cannot succeed must not be sent for a minute."""
    error = {"InstructionError": [0, {"Custom": 6019}]}
    node.refusal = PreflightError("sendTransaction", -32002, "simulation failed", {"err": error, "logs": ["x"]})
    outcome = sender.send(build)
    assert isinstance(outcome, Refused)
    assert (outcome.custom_code, outcome.logs) == (6019, ["x"])
    assert len(node.sent) == 1


@pytest.mark.parametrize("err", ["AlreadyProcessed", "BlockhashNotFound"])
def test_a_preflight_that_may_have_landed_is_followed(node: Node, sender: Sender, err: str) -> None:
    """A node behind its peers refuses what the chain has already taken."""
    node.refusal = PreflightError("sendTransaction", -32002, "simulation failed", {"err": err})
    assert isinstance(sender.send(build), Landed)


def test_a_busy_node_is_asked_again(node: Node, sender: Sender) -> None:
    """429 and 'node is behind' pass by themselves."""
    node.refusal = RpcRefusedError("sendTransaction", 429, "too many requests")
    assert isinstance(sender.send(build), Landed)


def test_other_refusals_are_final(node: Node, sender: Sender) -> None:
    """A malformed transaction will be malformed in two seconds too."""
    node.refusal = RpcRefusedError("sendTransaction", -32602, "invalid params")
    assert isinstance(sender.send(build), Refused)


def test_many_go_out_under_one_blockhash(node: Node, sender: Sender) -> None:
    """One question for a blockhash and one request serve a whole wave."""
    builds = [lambda h, last, n=n: Signed(f"{n} {h}".encode(), f"{n} {h}", last) for n in range(20)]
    outcomes = sender.send_all(builds)
    assert all(isinstance(outcome, Landed) for outcome in outcomes)
    assert node.blockhashes == 1
    assert node.requests == 1


def test_a_transaction_signed_before_a_restart_is_followed_to_its_end(node: Node, sender: Sender) -> None:
    """After a kill the same bytes go on; another signature is made only when these are proven dead."""
    signed = Signed(b"old", "old", node.height + 10)
    assert isinstance(sender.follow(signed), Landed)
    node.lands_after = None
    assert sender.follow(Signed(b"older", "older", node.height + 10)) == Expired("older")


def test_custom_codes_are_read_where_they_stand() -> None:
    """Other errors have no code."""
    assert custom_code({"InstructionError": [2, {"Custom": 0}]}) == 0
    assert custom_code({"InstructionError": [2, "MissingRequiredSignature"]}) is None
    assert custom_code("AccountInUse") is None
    assert custom_code(None) is None


def test_a_look_sends_nothing_and_calls_expired_only_what_cannot_land_any_more(node: Node, sender: Sender) -> None:
    """Whoever only asks must not bring an old order back to life, nor call it dead while it may still land."""
    node.lands_after = 1
    assert sender.outcome("a", node.height) == Unknown("a")
    assert sender.outcome("a", node.height - 1) == Expired("a")
    assert node.sent == []
    node.sent.append((0.0, b"a"))
    assert sender.outcome("a", node.height - 1) == Landed("a", 7)
    node.blind_until = 10_000
    with pytest.raises(NodeUnreachableError):
        sender.outcome("a", node.height)
