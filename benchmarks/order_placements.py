"""How many limit orders a second the local chain takes in with its persistence on, as a share of bare LiteSVM, which runs the
very same signed transactions from the same state in the same run.

An order is one `trading.place_order` that rests in the book, signed beforehand by its trader and a fee payer, as the gateway
builds it; a dozen seats place them at 32 prices. "Batches" are JSON-RPC batches of 100 sendTransaction calls on four
connections; "one request each" is one call in each HTTP request on 32 connections. Preflight is on, and every answer comes
after the transaction is on disk (fsync). Each round starts anew from a copy of the same home: bare LiteSVM runs both halves of
the orders, then the local chain takes the first half in batches and the second in single requests. Afterwards the market
must hold the same orders, levels and balances in both, or the run fails.

Bare LiteSVM has its defaults, signatures checked; decoding is not in its time, in the local chain's it is, and the client that
sends shares the machine's cores. Not measured: orders that match, confirmation by polling, subscriptions, a real validator.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from solders.instruction import Instruction

from benchmarks.campus import Campus
from benchmarks.figures import Figure, Measured, Unit, per_second, ratio, sampled
from benchmarks.localnet_rate import exchange, request
from benchmarks.process import print_measured, say
from deploy.site import CHECKOUT, localnet_python
from gridkit.chain import idl
from gridkit.chain.deployment import associated_token_account
from gridkit.chain.rpc import Account
from gridkit.chain.tx import Signer, instruction, sign

OWNERS = 10  # with the two people without a meter, twelve seats
ROUNDS = 5
ORDERS_PER_SEAT = 250  # the council lets a seat have 256 open
BATCH, BATCH_CONNECTIONS, SINGLE_CONNECTIONS = 100, 4, 32
_CLOCK = "SysvarC1ock11111111111111111111111111111111"
_DEPOSIT_UCREDIT = 500_000_000
_FIRST_TICK, _TICKS, _LOTS = 16, 32, 1_000
_BUY, _BOTH, _LIMIT = 0, 2, 0
_CANCELLED_AT_ONCE = 128
_AIM_BATCHED, _AIM_SINGLE = 500, 200


class Traders:
    """Seats with money in them, and their orders.

    Args:
        campus: A deployed box.
    """

    def __init__(self, campus: Campus) -> None:
        self._campus, self._on = campus, campus.deployment
        names = [f"owner-{number + 1}" for number in range(OWNERS)] + ["student", "facilities"]
        self.signers = [campus.signer(name) for name in names]
        self.payer = campus.site.signer("gateway-payer")
        indexes = campus.rpc.accounts([self._on.seat_index(signer.address) for signer in self.signers])
        self.seats = [int.from_bytes(index.data[10:12], "little") for index in indexes if index is not None]
        assert len(self.seats) == len(self.signers), "enrolment opens a seat for everybody who trades"

    def deposit(self) -> None:
        """Put CREDIT into every seat."""
        parts = []
        for signer, seat in zip(self.signers, self.seats, strict=True):
            named = self._named(signer) | {
                "source": associated_token_account(signer.address, self._on.credit_mint),
                "credit_vault": self._on.pda("trading", b"credit_vault"),
            }
            parts.append(
                (
                    f"deposit into seat {seat}",
                    [self._trading("deposit_credit", named, seat=seat, amount_ucredit=_DEPOSIT_UCREDIT)],
                    [signer],
                )
            )
        self._campus.chain.send_all(parts)

    def orders(self, blockhash: str) -> list[bytes]:
        """Return the signed orders of all seats in turn, wire bytes."""
        return [
            sign([placed], [self.payer, signer], blockhash, 0).wire
            for placed, signer in self.placements(ORDERS_PER_SEAT)
        ]

    def placements(self, each: int) -> list[tuple[Instruction, Signer]]:
        """Return `each` orders of every seat in turn, with the wallet that signs it."""
        return [
            (self._placement(signer, seat, number), signer)
            for number in range(each)
            for signer, seat in zip(self.signers, self.seats, strict=True)
        ]

    def _placement(self, signer: Signer, seat: int, number: int) -> Instruction:
        return self._trading(
            "place_order",
            self._named(signer),
            seat=seat,
            side=_BUY,
            kind=_LIMIT,
            tick=_FIRST_TICK + (number * 7 + seat) % _TICKS,
            lots=_LOTS,
            client_id=number + 1,
            expires_interval=0,
            self_trade=0,
            max_fills=0,
        )

    def cancel_all(self, each: int) -> None:
        """Take `each` orders of every seat out again."""
        for most in range(_CANCELLED_AT_ONCE, _CANCELLED_AT_ONCE - 1 - each // _CANCELLED_AT_ONCE, -1):  # no two alike
            parts = []
            for signer, seat in zip(self.signers, self.seats, strict=True):
                named = {"wallet": signer.address, "market": self._on.market}
                made = self._trading("cancel_all", named, seat=seat, side=_BOTH, most=most)
                parts.append((f"cancel the orders of seat {seat}", [made], [signer]))
            self._campus.chain.send_all(parts)

    def _named(self, signer: Signer) -> dict[str, str]:
        return {"wallet": signer.address, "council": self._on.council, "market": self._on.market}

    def _trading(self, name: str, accounts: dict[str, str], **args: int) -> Instruction:
        return instruction("trading", self._on.programs["trading"], name, accounts, (), **args)

    def state(self) -> dict[str, Any]:
        """Return what bare LiteSVM needs to run the orders: program, accounts and clock."""
        names = [self._on.council, self._on.market, self.payer.address, *(signer.address for signer in self.signers)]
        found = self._campus.rpc.accounts([*names, _CLOCK])
        clock = found.pop()
        assert clock is not None, "every chain has a clock"
        known = [(name, account) for name, account in zip(names, found, strict=True) if account is not None]
        return {
            "programs": {self._on.programs["trading"]: str(CHECKOUT / "programs" / "so" / "trading.so")},
            "accounts": [_as_json(name, account) for name, account in known],
            "clock": base64.b64encode(clock.data).decode(),
        }

    def market(self) -> bytes:
        """Return the market account's data."""
        account = self._campus.rpc.account(self._on.market)
        assert account is not None, "the market was made at the deployment"
        return account.data


def book(market: bytes) -> tuple[bytes, list[bytes], list[bytes], list[bytes]]:
    """Return what a Market account holds, whatever the order in which the orders came in.

    Several connections send at once, so which order is first at its price differs from run to run, and so does the campus time at
    which an order came (active_from_s, and bits 4 to 15 of the flags); nothing else may.

    Returns:
        The head, count and lots of each bid level, each seat without its link, and the sorted orders without their ids and links.
    """
    at = idl.interface("trading").layout("Market").offsets
    head = market[: at["bid_levels"]]
    levels = [market[a + 4 : a + 16] for a in range(at["bid_levels"], at["ask_levels"], 16)]
    seats = [market[a : a + 72] + market[a + 74 : a + 128] for a in range(at["seats"], at["orders"], 128)]
    orders = [
        market[a + 8 : a + 28] + market[a + 32 : a + 36] + market[a + 44 : a + 46] + bytes([market[a + 46] & 0x0F])
        for a in range(at["orders"], at["stops"], 48)
    ]
    return head, levels, seats, sorted(orders)


def _as_json(address: str, account: Account) -> dict[str, Any]:
    data = base64.b64encode(account.data).decode()
    return {"address": address, "lamports": account.lamports, "owner": account.owner, "data": data}


def bare(state: dict[str, Any], queues: list[list[bytes]], market: str) -> tuple[list[int], bytes]:
    """Return bare LiteSVM's time for each queue, ns, and the market's data afterwards."""
    texts = [[base64.b64encode(wire).decode() for wire in queue] for queue in queues]
    command = [localnet_python(), "-m", "benchmarks.bare_market"]
    done = subprocess.run(
        command, input=json.dumps(state | {"queues": texts}), capture_output=True, text=True, cwd=CHECKOUT, check=False
    )
    if done.returncode:
        raise SystemExit(f"bare LiteSVM: {done.stderr}")
    said = json.loads(done.stdout)
    return list(said["elapsed_ns"]), base64.b64decode(said["accounts"][market])


def _call(number: int, wire: bytes) -> bytes:
    text = base64.b64encode(wire)
    return b'{"jsonrpc":"2.0","id":%d,"method":"sendTransaction","params":["%b",{"encoding":"base64"}]}' % (
        number,
        text,
    )


def bodies(queue: list[bytes], *, batched: bool) -> list[list[bytes]]:
    """Return the HTTP requests of each connection."""
    calls = [_call(number, wire) for number, wire in enumerate(queue)]
    if batched:
        texts = [request(b"[" + b",".join(calls[at : at + BATCH]) + b"]") for at in range(0, len(calls), BATCH)]
        return [part for n in range(BATCH_CONNECTIONS) if (part := texts[n::BATCH_CONNECTIONS])]
    texts = [request(call) for call in calls]
    return [part for n in range(SINGLE_CONNECTIONS) if (part := texts[n::SINGLE_CONNECTIONS])]


def send(port: int, queue: list[bytes], *, batched: bool) -> int:
    """Send orders to the local chain; return the time until the last answer, ns. Ends the process when one is refused."""
    ready = bodies(queue, batched=batched)
    began = time.perf_counter_ns()
    answers = exchange(port, ready)
    elapsed = time.perf_counter_ns() - began
    for answer in answers:
        if b'"error"' in answer:
            raise SystemExit(f"the local chain refused an order: {answer[:500]!r}")
    return elapsed


def measure() -> Measured:
    """Run the rounds."""
    names = ("bare", "batched", "single")
    rates: dict[str, list[int]] = {name: [] for name in names}
    shares: dict[str, list[int]] = {name: [] for name in names[1:]}
    with Campus(OWNERS, owners=OWNERS) as campus:
        campus.localnet()
        campus.deploy()
        traders = Traders(campus)
        traders.deposit()
        campus.stop("localnet")
        live, kept = campus.home / "localnet", campus.home / "kept"
        shutil.copytree(live, kept)
        for number in range(1, ROUNDS + 1):
            _restore(live, kept)
            campus.localnet()
            found = _round(campus, traders)
            campus.stop("localnet")
            for name, values in zip(names, (found[:2], found[2:3], found[3:]), strict=True):
                rates[name] += values
            shares["batched"].append(ratio(found[2], found[0]))
            shares["single"].append(ratio(found[3], found[1]))
            say(
                f"round {number}: bare {found[0]:,}/s and {found[1]:,}/s, batched {found[2]:,}/s, single {found[3]:,}/s"
            )
    return _measured(rates, shares)


def _restore(live: Path, kept: Path) -> None:
    shutil.rmtree(live)
    shutil.copytree(kept, live)


def _round(campus: Campus, traders: Traders) -> tuple[int, int, int, int]:
    """Return orders a second: bare for each half, batched, single."""
    blockhash, _ = campus.rpc.latest_blockhash()
    orders = traders.orders(blockhash)
    halves = [orders[: len(orders) // 2], orders[len(orders) // 2 :]]
    times, market = bare(traders.state(), halves, campus.deployment.market)
    port = campus.site.ports.rpc
    times += [send(port, halves[0], batched=True), send(port, halves[1], batched=False)]
    if book(traders.market()) != book(market):
        raise SystemExit("the market differs between bare LiteSVM and the local chain after the same orders")
    first, second, batched, single = (per_second(len(halves[n % 2]), elapsed) for n, elapsed in enumerate(times))
    return first, second, batched, single


def _measured(rates: dict[str, list[int]], shares: dict[str, list[int]]) -> Measured:
    def figure(id_: str, what: str, unit: Unit, samples: list[int], aim: int | None = None) -> Figure:
        return sampled(f"orders_{id_}", what, unit, samples, aim_least=aim, headline=aim is not None)

    what = {"batched": "order placements, JSON-RPC batches", "single": "order placements, one HTTP request each"}
    return Measured(
        figures=(
            figure("bare", "order placements, bare LiteSVM", Unit.PER_S, rates["bare"]),
            figure("batched", what["batched"], Unit.PER_S, rates["batched"]),
            figure("batched_share", what["batched"] + " / bare LiteSVM", Unit.RATIO, shares["batched"], _AIM_BATCHED),
            figure("single", what["single"], Unit.PER_S, rates["single"]),
            figure("single_share", what["single"] + " / bare LiteSVM", Unit.RATIO, shares["single"], _AIM_SINGLE),
        ),
        remarks=(
            f"{(OWNERS + 2) * ORDERS_PER_SEAT // 2:,} orders of each kind in a round, {ROUNDS} rounds; all of them rested.",
        ),
    )


if __name__ == "__main__":
    print_measured(measure)
