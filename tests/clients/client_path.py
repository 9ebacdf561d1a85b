"""The path that every client walks, written once: from a new wallet to metered energy, a trade, its money and the way out, with refusals.

`describe` returns it as JSON: keys, and steps in order. Instructions stand as a stranger packs them from docs/programs: accounts by name
with `w` if writable and `s` if they sign, arguments with name, type and value, account fields with path and byte offset. A client with an
interface file uses the names and ignores the rest; one without uses the order, the types and the offsets. What a client must have seen
is judged in test_clients.py.

A value is a number (in digits where JavaScript would round it), an address, or one of {var: kept earlier}, {key: a keypair},
{program: name}, {pda: [program, seeds...]}, {ata: [wallet, mint]}, {pack: [[type, value]...]}, {hex: bytes}; a seed is [type, value].
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from client_campus import CREDIT, PROGRAMS, SOL, SYSTEM, TOKEN, Campus
from solders.keypair import Keypair

Value = Any
Step = dict[str, Any]

STUDENT, FACULTY, ACTIVE, PRODUCER = 0, 1, 1, 1
ISSUE_CREDIT = 3
BUY, SELL, LIMIT = 0, 1, 0
BACK = 200
"""How many intervals before now the readings begin: they must be past on a cluster whose time nobody can push."""
SPARE = 8
"""Intervals of each client's own, so that two runs of one campus do not meet."""


@dataclass(frozen=True)
class Terms:
    """Amounts in ucredit, prices in ticks, sizes in lots, energy in Wh; equal for every client."""

    issued: int = 30 * CREDIT
    deposited: int = 10 * CREDIT
    bid_tick: int = 44
    bid_lots: int = 300
    ask_tick: int = 40
    ask_lots: int = 120
    opening_wh: int = 100
    export_wh: int = 555
    bid_id: int = 2**63 + 5
    ask_id: int = 6

    @property
    def value_ucredit(self) -> int:
        """What the ask costs at the bid's price: lots x ticks x 10."""
        return self.ask_lots * self.bid_tick * 10


TERMS = Terms()

COUNCIL = {"pda": ["governance", ["text", "council"]]}
CREDIT_MINT = {"pda": ["governance", ["text", "credit"]]}
GRID_MINT = {"pda": ["energy_token", ["text", "mint"]]}
METER = {"pda": ["registry", ["text", "meter"], ["hex", {"var": "meter_id"}]]}
KEY_RECORD = {"pda": ["registry", ["text", "key"], ["hex", {"var": "device_key"}]]}
PROPOSAL = {"pda": ["governance", ["text", "proposal"], ["u64", {"var": "proposals"}]]}


def pda(program: str, name: str) -> Value:
    """Return the one account of that name under a program."""
    return {"pda": [program, ["text", name]]}


def user(wallet: str) -> Value:
    """Return a wallet's registry user."""
    return {"pda": ["registry", ["text", "user"], ["key", wallet]]}


def seat_index(wallet: str) -> Value:
    """Return a wallet's SeatIndex."""
    return {"pda": ["trading", ["text", "seat"], ["key", wallet]]}


def credit_of(wallet: str) -> Value:
    """Return a wallet's associated token account for CREDIT."""
    return {"ata": [{"key": wallet}, CREDIT_MINT]}


class Path:
    """The steps for one campus.

    Args:
        campus: Where.
        label: Names the client; its wallets and its meter come from it, so that two runs cost the same units.
    """

    def __init__(self, campus: Campus, label: str) -> None:
        self._campus, self._label = campus, label
        self._zone = {name: campus_zone(name, campus.zone) for name in ("registry", "oracle", "energy_token")}
        self._steps: list[Step] = []

    def describe(self) -> dict[str, Any]:
        """Return the whole description."""
        for wallet in ("buyer", "seller"):
            self._do("airdrop", to=wallet, lamports=10 * SOL)
        self._join_step_by_step("buyer", STUDENT)
        self._join_at_once("seller", FACULTY)
        self._issue_credit()
        self._trade()
        self._fail()
        campus = self._campus
        wallets = {name: wallet_of(self._label, name) for name in ("buyer", "seller")}
        keys = wallets | {name: campus.keypair(name) for name in ("deployer", "poster", "council-1", "council-2")}
        return {
            "rpc_url": campus.rpc_url,
            "ws_url": campus.ws_url,
            "programs": {name: str(campus.programs[name]) for name in PROGRAMS},
            "idls": {
                name: {form: json.loads(campus.idl(name, form)) for form in ("legacy", "new")} for name in PROGRAMS
            },
            "network_tag": campus.network_tag.hex(),
            "keys": {name: list(bytes(keypair)) for name, keypair in keys.items()},
            "device": device_of(self._label),
            "steps": self._steps,
        }

    # The parts of the path

    def _join_step_by_step(self, wallet: str, role: int) -> None:
        self._call(f"register {wallet}", self._register(wallet, "buyer", role), signers=["buyer", "deployer"])
        self._call(f"row {wallet}", self._open_account(wallet, "buyer"), signers=["buyer"])
        token = {"create_ata": [{"key": "buyer"}, {"key": wallet}, CREDIT_MINT]}
        self._call(f"seat {wallet}", self._open_seat(wallet, "buyer"), first=[token], signers=["buyer"])

    def _join_at_once(self, wallet: str, role: int) -> None:
        first = [
            self._register(wallet, "buyer", role),
            self._open_account(wallet, "buyer"),
            {"create_ata": [{"key": "buyer"}, {"key": wallet}, CREDIT_MINT]},
        ]
        signers = ["buyer", "deployer", wallet]
        self._call(f"join {wallet}", self._open_seat(wallet, "buyer"), first=first, signers=signers)

    def _register(self, wallet: str, payer: str, role: int) -> Step:
        return instruction(
            "registry", "register_user",
            [["role", "u8", role], ["status", "u8", ACTIVE], ["personal_hash", "fixed", {"hex": "00" * 32}]],
            ["authority", {"key": "deployer"}, "s"], ["authority_user", user("deployer")], ["payer", {"key": payer}, "ws"],
            ["config", pda("registry", "config"), "w"], ["wallet", {"key": wallet}], ["user", user(wallet), "w"],
            ["system_program", str(SYSTEM)],
        )  # fmt: skip

    def _open_account(self, wallet: str, payer: str) -> Step:
        return instruction(
            "energy_token", "open_account", [],
            ["payer", {"key": payer}, "ws"], ["config", pda("energy_token", "config")], ["user", user(wallet)],
            ["ledger", str(self._campus.ledger), "w"], ["row_account", self._row(wallet), "w"], ["system_program", str(SYSTEM)],
        )  # fmt: skip

    def _open_seat(self, wallet: str, payer: str) -> Step:
        return instruction(
            "trading", "open_seat", [],
            ["payer", {"key": payer}, "ws"], ["wallet", {"key": wallet}, "s"], ["council", COUNCIL], ["user", user(wallet)],
            ["market", str(self._campus.market), "w"], ["seat_index", seat_index(wallet), "w"], ["system_program", str(SYSTEM)],
        )  # fmt: skip

    def _issue_credit(self) -> None:
        account = credit_of("buyer")
        self._read("council", "governance", "Council", COUNCIL, ["proposals", ["proposal_count"], 32, "u64"])
        self._call("propose", self._propose("council-1", "buyer", {"pack": [["pubkey", account], ["u64", TERMS.issued]]}),
                   signers=["buyer", "council-1"])  # fmt: skip
        approve = instruction(
            "governance", "approve", [],
            ["member", {"key": "council-2"}, "s"], ["council", COUNCIL], ["proposal", PROPOSAL, "w"],
        )  # fmt: skip
        self._call("approve", approve, signers=["buyer", "council-2"])
        self._read("proposal", "governance", "Proposal", PROPOSAL, ["eta", ["eta"], 40, "i64"])
        self._do("wait", until={"var": "eta"})
        execute = instruction(
            "governance", "execute", [],
            ["executor", {"key": "council-2"}, "s"], ["council", COUNCIL, "w"], ["proposal", PROPOSAL, "w"],
            ["credit_mint", CREDIT_MINT, "w"], ["credit_account", account, "w"], ["treasury", pda("governance", "treasury")],
            ["token_program", str(TOKEN)],
        )  # fmt: skip
        self._call("execute", execute, signers=["buyer", "council-2"])
        self._read("executed", "governance", "Proposal", PROPOSAL, ["status", ["status"], 11, "u8"])

    def _propose(self, proposer: str, payer: str, payload: Value) -> Step:
        return instruction(
            "governance", "propose", [["kind", "u8", ISSUE_CREDIT], ["payload", "bytes", payload]],
            ["proposer", {"key": proposer}, "s"], ["payer", {"key": payer}, "ws"], ["council", COUNCIL, "w"],
            ["proposal", PROPOSAL, "w"], ["system_program", str(SYSTEM)],
        )  # fmt: skip

    def _trade(self) -> None:
        """Deposit, bid, sell metered energy into the bid, cancel what is left, withdraw; listening all the while."""
        market = str(self._campus.market)
        for wallet in ("buyer", "seller"):
            name = f"{wallet}_seat"
            self._read(name, "trading", "SeatIndex", seat_index(wallet), [name, ["seat"], 10, "u16"])
        self._do("listen", program="trading", event="OrderPlaced", logs=market, account=credit_of("buyer"))
        deposit = instruction(
            "trading", "deposit_credit", [["seat", "u16", {"var": "buyer_seat"}], ["amount_ucredit", "u64", TERMS.deposited]],
            ["wallet", {"key": "buyer"}, "s"], ["council", COUNCIL], ["market", market, "w"], ["source", credit_of("buyer"), "w"],
            ["credit_vault", pda("trading", "credit_vault"), "w"], ["token_program", str(TOKEN)],
        )  # fmt: skip
        self._call("deposit", deposit, signers=["buyer"])
        bid = self._order("buyer", BUY, TERMS.bid_tick, TERMS.bid_lots, TERMS.bid_id)
        sequence = ["order_seq", ["order_seq"], 368, "u64"]
        self._read("before", "trading", "Market", market, sequence)
        self._do("simulate", name="simulation", **bid, signers=["buyer"])
        self._read("after", "trading", "Market", market, sequence)
        keep = {"bid_order": ["OrderPlaced", "order_id"]}
        self._call("bid", bid, signers=["buyer"], keep=keep, versioned=True)
        self._meter_and_mint()
        ask = self._order("seller", SELL, TERMS.ask_tick, TERMS.ask_lots, TERMS.ask_id)
        self._call("ask", ask, signers=["buyer", "seller"])
        at = {"var": "bid_order", "and": 0xFFF}
        order = [
            [name, ["orders", at, name], 148_608 + offset, kind, 48, at]
            for name, offset, kind in (
                ("order_id", 0, "u64"), ("client_id", 8, "u64"), ("lots", 16, "u32"), ("placed_lots", 20, "u32"),
                ("seat", 32, "u16"), ("tick", 34, "u16"),
            )
        ]  # fmt: skip
        self._read("book", "trading", "Market", market, *order)
        at = {"var": "seller_seat"}
        seat = [
            [name, ["seats", at, name], 17_536 + offset, kind, 128, at]
            for name, offset, kind in (("wallet", 0, "pubkey"), ("credit_free_ucredit", 48, "u64"))
        ]
        self._read("paid", "trading", "Market", market, *seat)
        self._call("cancel", self._cancel({"var": "bid_order"}), signers=["buyer"])
        rest = TERMS.deposited - TERMS.value_ucredit
        self._call("withdraw", self._withdraw("buyer", rest), signers=["buyer"])
        self._do("heard", name="pushed", calls=["deposit", "bid", "move", "ask", "cancel", "withdraw"], balances=2)
        self._do("balance", name="credit", account=credit_of("buyer"))

    def _order(self, wallet: str, side: int, tick: int, lots: int, client_id: int) -> Step:
        args = [
            ["seat", "u16", {"var": f"{wallet}_seat"}], ["side", "u8", side], ["kind", "u8", LIMIT], ["tick", "u16", tick],
            ["lots", "u32", lots], ["client_id", "u64", str(client_id)], ["expires_interval", "u32", 0], ["self_trade", "u8", 0],
            ["max_fills", "u8", 0],
        ]  # fmt: skip
        return instruction(
            "trading", "place_order", args,
            ["wallet", {"key": wallet}, "s"], ["council", COUNCIL], ["market", str(self._campus.market), "w"],
        )  # fmt: skip

    def _cancel(self, order_id: Value, market: Value = None) -> Step:
        accounts = ["wallet", {"key": "buyer"}, "s"], ["market", market or str(self._campus.market), "w"]
        return instruction("trading", "cancel_order", [["order_id", "u64", order_id]], *accounts)

    def _withdraw(self, wallet: str, amount_ucredit: int) -> Step:
        args = [["seat", "u16", {"var": f"{wallet}_seat"}], ["amount_ucredit", "u64", amount_ucredit]]
        return instruction(
            "trading", "withdraw_credit", args,
            ["wallet", {"key": wallet}, "s"], ["market", str(self._campus.market), "w"], ["authority", pda("trading", "authority")],
            ["credit_vault", pda("trading", "credit_vault"), "w"], ["destination", credit_of(wallet), "w"],
            ["token_program", str(TOKEN)],
        )  # fmt: skip

    def _meter_and_mint(self) -> None:
        """Enrol a meter, post readings that it signs, a forged one first, settle them to GRID and move that to the market."""
        campus, base = self._campus, self._campus.interval - BACK
        slab, ledger = str(campus.slab), str(campus.ledger)
        self._do("device")
        nobody = {"hex": "00" * 32}
        authority = ["authority", {"key": "deployer"}, "s"], ["authority_user", user("deployer")]
        register = instruction(
            "registry", "register_meter",
            [
                ["meter_id", "fixed", {"var": "meter_id"}], ["kind", "u8", PRODUCER], ["capacity_w", "u32", 10_000],
                ["max_wh_interval", "u32", 5_000], ["first_interval", "u32", base - SPARE],
                ["device_key", "fixed", {"var": "device_key"}], ["proof", "fixed", {"var": "proof"}],
                ["location_hash", "fixed", nobody], ["serial_hash", "fixed", nobody],
            ],
            *authority, ["owner", {"key": "seller"}, "s"], ["owner_user", user("seller")], ["payer", {"key": "buyer"}, "ws"],
            ["council", COUNCIL], ["config", pda("registry", "config"), "w"], ["zone", self._zone["registry"], "w"],
            ["meter", METER, "w"], ["key_record", KEY_RECORD, "w"], ["system_program", str(SYSTEM)],
        )  # fmt: skip
        self._call("meter", register, signers=["buyer", "deployer", "seller"])
        activate = instruction(
            "registry", "activate_meter", [],
            *authority, ["council", COUNCIL], ["config", pda("registry", "config")], ["owner_user", user("seller")],
            ["meter", METER, "w"],
        )  # fmt: skip
        self._call("activate", activate, signers=["buyer", "deployer"])
        fields = ["meter_number", ["meter_number"], 12, "u32"], ["slot", ["slot"], 66, "u16"]
        self._read("registered", "registry", "Meter", METER, *fields)
        enroll = instruction("oracle", "enroll_meter", [], ["slab", slab, "w"], ["meter", METER])
        self._call("enroll", enroll, signers=["buyer"])
        self._read("row", "energy_token", "Row", self._row("seller"), ["row", ["row"], 12, "u16"])
        config = pda("energy_token", "config")
        attach = instruction(
            "energy_token", "attach_meter", [["row", "u16", {"var": "row"}]],
            ["config", config], ["meter", METER], ["slab", slab], ["ledger", ledger, "w"],
        )  # fmt: skip
        self._call("attach", attach, signers=["buyer"])
        registers = [[0, TERMS.opening_wh], [1, TERMS.opening_wh + TERMS.export_wh]]
        for name, spoilt, posted in (("forged", True, registers[:1]), ("post", False, registers)):
            self._do("sign", keep="readings", base=base, registers=posted, spoilt=spoilt)
            post = instruction(
                "oracle", "post_verified", [["base_interval", "u32", base], ["readings", "bytes", {"var": "readings"}]],
                ["poster", {"key": "poster"}, "s"], ["council", COUNCIL], ["config", pda("oracle", "config")], ["slab", slab, "w"],
                ["roots", str(campus.roots), "w"], ["meter", None],
            )  # fmt: skip
            self._call(name, post, signers=["buyer", "poster"])
        vault, token = pda("energy_token", "vault"), pda("energy_token", "authority")
        settle = instruction(
            "energy_token", "settle_range", [["from_slot", "u16", {"var": "slot"}], ["count", "u16", 1]],
            ["council", COUNCIL], ["config", config, "w"], ["slab", slab], ["ledger", ledger, "w"], ["mint", GRID_MINT, "w"],
            ["vault", vault, "w"], ["authority", token], ["token_program", str(TOKEN)],
        )  # fmt: skip
        self._do("supply", name="unminted", mint=GRID_MINT)
        self._call("settle", settle, signers=["buyer"])
        self._do("supply", name="minted", mint=GRID_MINT)
        self._call("move", self._move(TERMS.ask_lots), signers=["buyer", "seller"])
        at = {"var": "row"}
        balance = ["balance_atoms", ["rows", at, "balance_atoms"], 6_400 + 32, "u64", 96, at]
        self._read("ledger", "energy_token", "Ledger", ledger, balance)

    def _move(self, lots: int) -> Step:
        args = [["row", "u16", {"var": "row"}], ["seat", "u16", {"var": "seller_seat"}], ["lots", "u64", lots]]
        return instruction(
            "energy_token", "move_to_market", args,
            ["owner", {"key": "seller"}, "s"], ["council", COUNCIL], ["config", pda("energy_token", "config"), "w"],
            ["ledger", str(self._campus.ledger), "w"], ["vault", pda("energy_token", "vault"), "w"],
            ["market_grid_vault", pda("trading", "grid_vault"), "w"], ["authority", pda("energy_token", "authority")],
            ["market", str(self._campus.market), "w"], ["trading_program", {"program": "trading"}], ["token_program", str(TOKEN)],
        )  # fmt: skip

    def _fail(self) -> None:
        """Break a rule of each program and one that all have, in preflight; then one in a block."""
        campus = self._campus
        self._refused("InsufficientCredit", self._withdraw("buyer", 10**15))
        self._refused("UnknownOrder", self._cancel(2**40))
        self._refused("WrongSeat", self._order("buyer", BUY, TERMS.bid_tick, 1, 0) | {"seat_of": "seller"})
        self._refused("InsufficientBalance", self._move(10**9), "seller")
        post = instruction(
            "oracle", "post_verified", [["base_interval", "u32", 0], ["readings", "bytes", {"hex": "00" * 94}]],
            ["poster", {"key": "buyer"}, "s"], ["council", COUNCIL], ["config", pda("oracle", "config")],
            ["slab", str(campus.slab), "w"], ["roots", str(campus.roots), "w"], ["meter", None],
        )  # fmt: skip
        self._refused("NotPoster", post)
        role = instruction(
            "registry", "set_role", [["role", "u8", 6]],
            ["authority", {"key": "buyer"}, "s"], ["authority_user", user("buyer")], ["user", user("seller"), "w"],
        )  # fmt: skip
        self._refused("Unauthorized", role)
        self._read("last", "governance", "Council", COUNCIL, ["proposals", ["proposal_count"], 32, "u64"])
        self._refused("NotMember", self._propose("buyer", "buyer", {"hex": "00" * 40}))
        self._refused("AccountOwnedByWrongProgram", self._cancel(1, COUNCIL))
        self._call("landed", self._cancel(2**41), signers=["buyer"], preflight=False)
        self._do("newest", name="newest", wallet="buyer")

    def _refused(self, name: str, step: Step, *others: str) -> None:
        self._call(name, step, signers=["buyer", *others], refused=True)

    # Writing steps down

    def _do(self, what: str, **facts: Any) -> None:
        self._steps.append({"do": what, **facts})

    def _call(self, name: str, step: Step, **facts: Any) -> None:
        if step.pop("seat_of", None):
            step["args"][0][2] = {"var": "seller_seat"}
        self._do("call", name=name, **step, **facts)

    def _read(self, name: str, program: str, account: str, address: Value, *fields: Sequence[Any]) -> None:
        self._do("read", name=name, program=program, account=account, address=address, fields=list(fields))

    def _row(self, wallet: str) -> Value:
        return {"pda": ["energy_token", ["text", "row"], ["u16", self._campus.zone], ["key", wallet]]}


def instruction(program: str, name: str, args: list[list[Any]], *accounts: list[Any]) -> Step:
    """Return an instruction as a step carries it."""
    return {"program": program, "instruction": name, "args": args, "accounts": [[*a, ""][:3] for a in accounts]}


def campus_zone(program: str, zone: int) -> Value:
    """Return the Zone account of a program."""
    return {"pda": [program, ["text", "zone"], ["u16", zone]]}


def device_of(label: str) -> dict[str, str]:
    """Return the meter of a client: the seed of its key and its id, in hex."""
    seed = hashlib.sha256(f"campusgrid device {label}".encode()).hexdigest()
    return {"seed": seed, "meter_id": label.encode().ljust(16, b"\0").hex()}


def wallet_of(label: str, name: str) -> Keypair:
    """Return the buyer or the seller of a client."""
    return Keypair.from_seed(hashlib.sha256(f"campusgrid client test {label} {name}".encode()).digest())
