"""Gets transactions onto the chain exactly once: send, send again while it can still land, and say what became of it.

A signed transaction is sent anew about every two seconds until it lands or its blockhash has expired by block height. It is
signed again, with another blockhash, only after that expiry is proven: the block height has passed its last valid one and the
node, asked after that, knows no status for it. What a transaction contains is left to the callers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gridkit.chain.rpc import PreflightError, Rpc, RpcError
from gridkit.chain.tx import Signed

REBROADCAST_S = 2.0
POLL_S = 0.2
FIRST_POLL_S = 0.02
BLOCKHASH_AGE_S = 5.0
_LANDED = ("confirmed", "finalized")

Build = Callable[[str, int], Signed]
"""Signs for a blockhash (base58) and the last block height at which it is valid."""


class Landed(msgspec.Struct, frozen=True):
    """In a block. `error` is Solana's transaction error as JSON, None when every instruction succeeded."""

    signature: str
    slot: int
    error: Any = None

    @property
    def custom_code(self) -> int | None:
        """Return the program's own error code, if that is what failed."""
        return custom_code(self.error)


class Refused(msgspec.Struct, frozen=True):
    """Failed in simulation and was never sent to be processed; `error` and `logs` are the node's."""

    error: Any
    logs: list[str]
    message: str

    @property
    def custom_code(self) -> int | None:
        """Return the program's own error code, if that is what failed."""
        return custom_code(self.error)


class Expired(msgspec.Struct, frozen=True):
    """Proven not to have landed and unable to: it may be signed anew."""

    signature: str


class Unknown(msgspec.Struct, frozen=True):
    """Nobody can say yet (the node cannot be reached): ask for its status before anything else is done."""

    signature: str


Outcome = Landed | Refused | Expired | Unknown


def custom_code(error: Any) -> int | None:
    """Return n of {"InstructionError": [i, {"Custom": n}]}, else None."""
    try:
        return int(error["InstructionError"][1]["Custom"])
    except (TypeError, KeyError, IndexError):
        return None


class _Flight:
    def __init__(self, signed: Signed) -> None:
        self.signed = signed
        self.sent_at_s = float("-inf")
        self.outcome: Outcome | None = None
        self.seen_height = -1


class Sender:
    """Sends transactions through one node; safe to share between threads.

    Args:
        rpc: The node.
        monotonic, sleep: Wall time, replaced in tests.
        give_up_s: Longest that one transaction is followed while the node is away, wall seconds.
    """

    def __init__(
        self,
        rpc: Rpc,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        give_up_s: float = 120.0,
    ) -> None:
        self._rpc, self._monotonic, self._sleep, self._give_up_s = rpc, monotonic, sleep, give_up_s
        self._lock = threading.Lock()
        self._blockhash: tuple[float, str, int] = (float("-inf"), "", 0)

    def blockhash(self) -> tuple[str, int]:
        """Return a blockhash at most 5 s old and its last valid block height; RpcError when the node does not answer."""
        with self._lock:
            now_s = self._monotonic()
            if now_s - self._blockhash[0] > BLOCKHASH_AGE_S:
                self._blockhash = (now_s, *self._rpc.latest_blockhash())
            return self._blockhash[1], self._blockhash[2]

    def forget_blockhash(self) -> None:
        """Fetch a new blockhash for the next transaction (two equal transactions under one are one)."""
        with self._lock:
            self._blockhash = (float("-inf"), "", 0)

    def send(self, build: Build, *, skip_preflight: bool = False) -> Outcome:
        """Build, send and follow one transaction to its end; see send_all."""
        return self.send_all([build], skip_preflight=skip_preflight)[0]

    def send_all(self, builds: Sequence[Build], *, skip_preflight: bool = False) -> list[Outcome]:
        """Send many transactions at once and follow each to its end. Returns their outcomes in order.

        Raises:
            RpcError: No blockhash could be had: nothing was sent.
        """
        blockhash, last_height = self.blockhash()
        return self._fly([_Flight(build(blockhash, last_height)) for build in builds], skip_preflight=skip_preflight)

    def follow(self, signed: Signed, *, skip_preflight: bool = True) -> Outcome:
        """Send a transaction that is signed already (perhaps before a restart, and sent then) and follow it to its end."""
        return self._fly([_Flight(signed)], skip_preflight=skip_preflight)[0]

    def outcome(self, signature: str, last_valid_block_height: int) -> Landed | Expired | Unknown:
        """Return what has become of a transaction so far, without sending it: Unknown while it can still land.

        Raises:
            RpcError: The node does not answer.
        """
        height = self._rpc.block_height()  # Before the status: what lands in between is then still seen.
        return _outcome(signature, last_valid_block_height, self._rpc.statuses([signature])[0], height)

    def _fly(self, flights: Sequence[_Flight], *, skip_preflight: bool) -> list[Outcome]:
        deadline_s = self._monotonic() + self._give_up_s
        pause_s = FIRST_POLL_S
        while True:
            self._broadcast(flights, skip_preflight=skip_preflight)
            self._look([flight for flight in flights if flight.outcome is None])
            open_ = [flight for flight in flights if flight.outcome is None]
            if not open_:
                break
            if self._monotonic() >= deadline_s:
                for flight in open_:
                    flight.outcome = Unknown(flight.signed.signature)
                break
            self._sleep(pause_s)
            pause_s = min(POLL_S, pause_s * 2)
        if any(isinstance(flight.outcome, Expired) for flight in flights):
            self.forget_blockhash()
        return [flight.outcome for flight in flights if flight.outcome is not None]

    def _broadcast(self, flights: Sequence[_Flight], *, skip_preflight: bool) -> None:
        now_s = self._monotonic()
        due = [f for f in flights if f.outcome is None and now_s - f.sent_at_s >= REBROADCAST_S]
        first = [flight for flight in due if flight.sent_at_s == float("-inf")]
        again = [flight for flight in due if flight.sent_at_s != float("-inf")]
        for flight in due:
            flight.sent_at_s = now_s
        self._hand_over(first, skip_preflight=skip_preflight, first=True)
        self._hand_over(again, skip_preflight=True, first=False)

    def _hand_over(self, flights: Sequence[_Flight], *, skip_preflight: bool, first: bool) -> None:
        if not flights:
            return
        try:
            answers = self._rpc.send_many([f.signed.wire for f in flights], skip_preflight=skip_preflight)
        except RpcError:
            return  # Some may have got through: the status decides.
        for flight, answer in zip(flights, answers, strict=True):
            if not first or isinstance(answer, str):
                continue
            if isinstance(answer, PreflightError):
                if not _may_have_landed(answer.err):
                    flight.outcome = Refused(answer.err, answer.logs, answer.message)
            elif not answer.can_retry:
                flight.outcome = Refused(None, [], str(answer))

    def _look(self, flights: Sequence[_Flight]) -> None:
        if not flights:
            return
        try:
            statuses = self._rpc.statuses([flight.signed.signature for flight in flights])
        except RpcError:
            return
        for flight, status in zip(flights, statuses, strict=True):
            found = _outcome(flight.signed.signature, flight.signed.last_valid_block_height, status, flight.seen_height)
            flight.outcome = None if isinstance(found, Unknown) else found
        if any(flight.outcome is None for flight in flights):
            self._note_height(flights)

    def _note_height(self, flights: Sequence[_Flight]) -> None:
        """Read the height for the next look: expiry is proven by a status that was asked for after the height."""
        try:
            height = self._rpc.block_height()
        except RpcError:
            return
        for flight in flights:
            flight.seen_height = height


def _outcome(
    signature: str, last_valid_block_height: int, status: dict[str, Any] | None, seen_height: int
) -> Landed | Expired | Unknown:
    """Return what a status says that was asked for after the node had `seen_height`."""
    if status is None:
        return Expired(signature) if seen_height > last_valid_block_height else Unknown(signature)
    if status.get("confirmationStatus") in _LANDED or status.get("confirmations", 0) is None:
        return Landed(signature, int(status["slot"]), status.get("err"))
    return Unknown(signature)


def _may_have_landed(error: Any) -> bool:
    # BlockhashNotFound: this node is behind the one that gave the blockhash; expiry by height decides.
    return bool(error in ("AlreadyProcessed", "BlockhashNotFound"))
