"""How many orders, readings and bare transfers a second land on one real validator on this machine from our own sender, beside the
local chain.

The validator is Agave's, built by `make validator`, one node on loopback with an empty ledger; the local chain has its persistence
on. Both hold the five programs, deployed by the same code. The sender is `gridkit.chain.sender`: four threads, requests of up to 50 KiB,
no preflight, statuses asked in batches of 256, sent again after two seconds until the blockhash has expired. Everything is signed
beforehand; the time runs from the first byte sent until the last transaction is seen confirmed and successful, so with two
slots (0.8 s) of waiting on a validator. A transaction that fails or never lands fails the run.

An order is one `trading.place_order` that rests, of a dozen seats in turn, paid by eight fee payers; all of them write the one
market account. A reading is one of ten of one meter in a `post_verified`, whose signatures the program checks; 200 meters in two zones.
A transfer moves lamports from one of eight payers to an account of its own. Chain, sender and the rest share the machine's cores.

What bounds each shows in the processor time beside it: that of the chain's process, all threads, and that of the sender's, as shares of
one core. A validator keeps one core busy by itself, with the hashes that are its clock.

Not measured: several validators, transactions that reach a leader over a network, and orders that match.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit
from solders.instruction import Instruction
from solders.system_program import TransferParams, transfer

from benchmarks.bridge import Crowd
from benchmarks.campus import Campus
from benchmarks.figures import Measured, Unit, per_second, ratio, sampled
from benchmarks.order_placements import OWNERS, Traders
from benchmarks.process import print_measured, processor_ns, say
from deploy.contact.local import fund
from deploy.validator.node import VERSION, tool
from gridkit.chain import accounts
from gridkit.chain.posting import pack_reading
from gridkit.chain.rpc import Rpc
from gridkit.chain.sender import Landed, Sender
from gridkit.chain.tx import Signed, Signer, instruction, pubkey, sign
from gridkit.clock import NS_PER_S, open_clock
from gridkit.reading import SplitPayload, decode_core, split_payload

ROUNDS = 3
METERS, ZONES, READINGS = 200, 2, 10
ORDERS_PER_SEAT = 250  # the council lets a seat have 256 open
SENDERS, PAYERS = 4, 8
TRANSFERS = 4_000
HOURS_BACK = 50  # 200 intervals
SPEED = 14_400  # of the local chain: 16 intervals a wall second, so that its readings' intervals are past as well
# What a transaction asks for counts against a block until it has run, so each asks for what it needs.
_ORDER_UNITS, _READINGS_UNITS = 5_000, 130_000
_TABLE_HEADER = 56
KINDS, SHARES = ("orders", "readings", "transfers"), ("chain", "sender")
_NAMES = {"validator": "validator", "localnet": "local chain"}
_AIM_ORDERS = 1_000
"""The specification's promise: 1,000+ transactions a second."""


class Load:
    """What one chain gets to do, signed.

    Args:
        campus: A deployed box with its fleet enrolled.
    """

    def __init__(self, campus: Campus) -> None:
        self._campus, self._on = campus, campus.deployment
        self._payers = [campus.site.signer(f"payer-{number}") for number in range(PAYERS)]
        self._poster = campus.site.signer("poster")
        fund(campus.chain, [payer.address for payer in self._payers])
        self.traders = Traders(campus)
        self.traders.deposit()
        self._crowds = {zone: Crowd(campus, zone) for zone in range(1, ZONES + 1)}
        table = campus.rpc.account(self._on.lookup_table)
        assert table is not None, "the deployment made it"
        raw = table.data[_TABLE_HEADER:]
        listed = [type(self._poster.pubkey).from_bytes(raw[at : at + 32]) for at in range(0, len(raw), 32)]
        self._tables = [AddressLookupTableAccount(pubkey(self._on.lookup_table), listed)]
        self._sent = 0

    def orders(self) -> list[Signed]:
        """Return orders of each seat in turn; all of them rest."""
        limit = set_compute_unit_limit(_ORDER_UNITS)
        return self._signed(([limit, placed], [signer]) for placed, signer in self.traders.placements(ORDERS_PER_SEAT))

    def readings(self) -> list[Signed]:
        """Return one post_verified for each meter's next readings."""
        limit = set_compute_unit_limit(_READINGS_UNITS)
        posts = [post for zone, crowd in self._crowds.items() for post in self._posts(zone, crowd)]
        clock, until_s = open_clock(self._campus.site.clock), max(crowd.last_end_s for crowd in self._crowds.values())
        while self._campus.site.speed > 1 and clock.now_ns() < until_s * NS_PER_S:
            time.sleep(0.1)
        return self._signed(([limit, post], [self._poster]) for post in posts)

    def applied(self) -> int:
        """Return how many readings the slabs have applied."""
        found = self._campus.rpc.accounts([self._on.zones[str(zone)].slab for zone in self._crowds])
        slabs = [accounts.decode_slab(account.data) for account in found if account is not None]
        return sum(entry.applied_count for slab in slabs for entry in slab.entries.values())

    def transfers(self) -> list[Signed]:
        """Return transfers that no other equals, from each payer to the next."""
        first, self._sent = self._sent + 1, self._sent + TRANSFERS
        steps = []
        for lamports in range(first, first + TRANSFERS):
            payer, to = (self._payers[(lamports + more) % PAYERS].pubkey for more in (0, 1))
            steps.append(([transfer(TransferParams(from_pubkey=payer, to_pubkey=to, lamports=lamports))], []))
        return self._signed(steps, first)

    def _signed(self, steps: Iterable[tuple[list[Instruction], list[Signer]]], first: int = 0) -> list[Signed]:
        blockhash, last_valid = self._campus.rpc.latest_blockhash()
        return [
            sign(made, [self._payers[number % PAYERS], *signers], blockhash, last_valid, self._tables)
            for number, (made, signers) in enumerate(steps, first)
        ]

    def _posts(self, zone: int, crowd: Crowd) -> list[Instruction]:
        stored = crowd.registers
        parts = [split_payload(payload) for _, payload in crowd.sign(READINGS)]
        return [
            self._post(zone, one.slot, parts[index :: len(crowd.members)], stored)
            for index, one in enumerate(crowd.members)
        ]

    def _post(self, zone: int, slot: int, parts: Sequence[SplitPayload], stored: tuple[int, int]) -> Instruction:
        cores = [decode_core(part.core_bytes) for part in parts]
        base, (import_wh, export_wh) = cores[0].interval, stored
        registers = {"stored_import_wh": import_wh, "stored_export_wh": export_wh, "next_epoch": False}
        data = b"".join(
            pack_reading(slot, base, core, part.signature, **registers) for core, part in zip(cores, parts, strict=True)
        )
        named = {
            "poster": self._poster.address,
            "council": self._on.council,
            "config": self._on.config("oracle"),
            "slab": self._on.zones[str(zone)].slab,
            "roots": self._on.zones[str(zone)].roots,
        }
        program = self._on.programs["oracle"]
        return instruction("oracle", program, "post_verified", named, base_interval=base, readings=data)


class Run(NamedTuple):
    """One run: wall time, and the processor time that the chain and this process with its sender used meanwhile, ns."""

    elapsed_ns: int
    chain_ns: int
    sender_ns: int


def landed(rpc_url: str, pid: int, signed: Sequence[Signed]) -> Run:
    """Send everything and return what it took until all was seen confirmed; ends the process when one transaction is not."""
    shares = [signed[n::SENDERS] for n in range(SENDERS)]
    senders = [Sender(Rpc(rpc_url, timeout_s=60)) for _ in shares]
    for sender in senders:
        sender.blockhash()  # the connection is open before the clock runs
    began, chain_ns, sender_ns = time.perf_counter_ns(), processor_ns(pid), time.process_time_ns()
    with ThreadPoolExecutor(SENDERS) as pool:
        outcomes = [one for part in pool.map(_send, senders, shares) for one in part]
    run = Run(time.perf_counter_ns() - began, processor_ns(pid) - chain_ns, time.process_time_ns() - sender_ns)
    lost = [one for one in outcomes if not isinstance(one, Landed) or one.error is not None]
    if lost:
        raise SystemExit(f"{len(lost)} of {len(signed)} transactions did not land: {lost[0]}")
    return run


def _send(sender: Sender, signed: Sequence[Signed]) -> list[Any]:
    builds = [lambda _blockhash, _last_valid, one=one: one for one in signed]
    return list(sender.send_all(builds, skip_preflight=True))


def rates(start: Callable[[Campus], int], speed: int) -> dict[str, list[int]]:
    """Return each kind's rates on one chain, and the shares of a core that chain and sender took for the orders."""
    found: dict[str, list[int]] = {name: [] for name in (*KINDS, *SHARES)}
    with Campus(METERS, owners=OWNERS, speed=speed, zones=ZONES) as campus:
        pid = start(campus)
        campus.deploy()
        load, url = Load(campus), campus.site.rpc_url
        for number in range(1, ROUNDS + 1):
            orders = load.orders()
            run = landed(url, pid, orders)
            found["orders"].append(per_second(len(orders), run.elapsed_ns))
            found["chain"].append(ratio(run.chain_ns, run.elapsed_ns))
            found["sender"].append(ratio(run.sender_ns, run.elapsed_ns))
            load.traders.cancel_all(ORDERS_PER_SEAT)
            before, posts = load.applied(), load.readings()
            run = landed(url, pid, posts)
            applied = load.applied() - before
            if applied != READINGS * len(posts):
                raise SystemExit(f"{applied} of {READINGS * len(posts)} readings were applied")
            found["readings"].append(per_second(applied, run.elapsed_ns))
            transfers = load.transfers()
            found["transfers"].append(per_second(len(transfers), landed(url, pid, transfers).elapsed_ns))
            say(f"round {number}: " + ", ".join(f"{found[kind][-1]:,} {kind}/s" for kind in KINDS))
    return found


def measure() -> Measured:
    """Run both chains, one after the other."""
    if tool("solana-test-validator") is None:
        return Measured(
            figures=(),
            remarks=(f"No validator is built on this machine (`make validator`, Agave {VERSION}): not measured.",),
        )
    validator = rates(lambda campus: campus.validator(HOURS_BACK), 1)
    localnet = rates(lambda campus: campus.localnet(), SPEED)
    both = {"validator": validator, "localnet": localnet}
    figures = []
    for kind in KINDS:
        for where, found in both.items():
            aim = _AIM_ORDERS if (kind, where) == ("orders", "validator") else None
            figures.append(
                sampled(
                    f"landed_{kind}_{where}", f"{kind} landed on one {_NAMES[where]}", Unit.PER_S, found[kind],
                    aim_least=aim, headline=aim is not None,
                )
            )  # fmt: skip
    for share in SHARES:
        for where, found in both.items():
            what = f"processor time of the {share} while orders land on the {_NAMES[where]}"
            figures.append(sampled(f"landed_{share}_{where}", what, Unit.CORE, found[share]))
    return Measured(
        figures=tuple(figures),
        remarks=(
            f"Agave {VERSION}; {ROUNDS} rounds of {(OWNERS + 2) * ORDERS_PER_SEAT:,} orders, {METERS * READINGS:,} readings and "
            f"{TRANSFERS:,} transfers.",
        ),
    )


if __name__ == "__main__":
    print_measured(measure)
