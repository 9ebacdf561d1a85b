"""solana-py alone: every instruction, account and event is packed and unpacked by hand, from the published tables.

What this client agrees on with the chain are bytes. A change of a discriminator, an account's place, an argument's width or an
offset breaks it even when the interface files change along.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import zstandard
from client_campus import CLOCK, CREDIT, INTERVAL_S, SOL, SYSTEM, TOKEN, Campus, Device
from solana.rpc.api import Client
from solana.rpc.commitment import Confirmed
from solana.rpc.core import RPCException
from solana.rpc.types import TxOpts
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.transaction import Transaction, VersionedTransaction
from spl.token.instructions import create_idempotent_associated_token_account
from websockets.sync.client import ClientConnection, connect

pytestmark = pytest.mark.integration

FACULTY, STUDENT, ACTIVE = 1, 0, 1
BUY, SELL, LIMIT = 0, 1, 0
ISSUED, DEPOSITED = 50 * CREDIT, 20 * CREDIT
BID_TICK, BID_LOTS, ASK_TICK, ASK_LOTS = 31, 400, 30, 150
EXPORT_WH = 777

# Offsets in accounts, from docs/programs.
PROPOSAL_COUNT, PROPOSAL_STATUS, PROPOSAL_ETA = 32, 11, 40
METER_NUMBER, METER_SLOT = 12, 66
SEAT_NUMBER, ROW_NUMBER = 10, 12
ORDER_SEQ, BEST_BID, SEATS, SEAT_SIZE, ORDERS, ORDER_SIZE = 368, 392, 17_536, 128, 148_608, 48
LEDGER_ROWS, ROW_SIZE = 6_400, 96

FAILED = re.compile(r"Program (\w+) failed: custom program error: 0x([0-9a-f]+)")


def call(program: Pubkey, name: str, data: bytes, *accounts: tuple[str, Pubkey]) -> Instruction:
    """Return an instruction: discriminator by Anchor's rule, and each account with `w` if writable and `s` if it signs."""
    metas = [AccountMeta(key, "s" in marks, "w" in marks) for marks, key in accounts]
    return Instruction(program, hashlib.sha256(f"global:{name}".encode()).digest()[:8] + data, metas)


def events(logs: Sequence[str], name: str, layout: str) -> list[tuple[Any, ...]]:
    """Return the events of one name in log lines, each unpacked by a struct layout that may leave a tail."""
    tag, found = hashlib.sha256(f"event:{name}".encode()).digest()[:8], []
    for line in logs:
        if line.startswith("Program data: "):
            data = base64.b64decode(line.removeprefix("Program data: "))
            if data[:8] == tag:
                found.append(struct.unpack_from("<" + layout, data, 8))
    return found


ORDER_PLACED = "QQQHBBHIIIQQIqB"
ORDER_OUT = "QQIHHBB"
FILLED = "QQQqIHBI" + "QIHH"  # one fill behind the vector's length
MOVED = "HQH32sQQ"


class Node:
    """solana-py's Client, with sending and reading in one call."""

    def __init__(self, campus: Campus) -> None:
        self.campus, self.client = campus, Client(campus.rpc_url, commitment=Confirmed)

    def send(
        self, signers: Sequence[Keypair], *instructions: Instruction, v0: bool = False, preflight: bool = True
    ) -> list[str]:
        """Send one transaction paid by the first signer, wait, and return its log lines, failed or not."""
        latest = self.client.get_latest_blockhash().value
        options = TxOpts(
            skip_confirmation=False,
            skip_preflight=not preflight,
            preflight_commitment=Confirmed,
            last_valid_block_height=latest.last_valid_block_height,
        )
        payer = signers[0].pubkey()
        if v0:
            compiled = MessageV0.try_compile(payer, list(instructions), [], latest.blockhash)
            sent = self.client.send_transaction(VersionedTransaction(compiled, list(signers)), options)
        else:
            message = Message.new_with_blockhash(list(instructions), payer, latest.blockhash)
            sent = self.client.send_transaction(Transaction(list(signers), message, latest.blockhash), options)
        found = self.client.get_transaction(sent.value, max_supported_transaction_version=0).value
        assert found is not None
        assert found.transaction.meta is not None
        return found.transaction.meta.log_messages or []

    def data(self, address: Pubkey) -> bytes:
        """Return an account's bytes."""
        account = self.client.get_account_info(address).value
        assert account is not None
        return account.data

    def number(self, address: Pubkey, at: int, size: int) -> int:
        """Return an unsigned number out of an account."""
        return int.from_bytes(self.data(address)[at : at + size], "little")

    def campus_time(self) -> int:
        """Return the Clock sysvar's UTC seconds."""
        return self.number(CLOCK, 32, 8)


class Listener:
    """A WebSocket at the RPC port + 1, spoken to in JSON."""

    def __init__(self, url: str) -> None:
        self._socket: ClientConnection = connect(url, max_size=None)
        self._held: list[dict[str, Any]] = []

    def subscribe(self, method: str, *params: Any) -> int:
        """Subscribe and return the subscription's number."""
        self._socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}))
        while "result" not in (answer := json.loads(self._socket.recv(timeout=10))):
            self._held.append(answer)
        return int(answer["result"])

    def read(self, subscription: int) -> Any:
        """Return the value of the next notification of one subscription; those of others are kept."""
        while True:
            for i, held in enumerate(self._held):
                if held["params"]["subscription"] == subscription:
                    return self._held.pop(i)["params"]["result"]["value"]
            self._held.append(json.loads(self._socket.recv(timeout=10)))

    def close(self) -> None:
        self._socket.close()


@dataclass
class Journey:
    """What the path left behind: log lines by step, accounts as bytes, numbers."""

    logs: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, tuple[str, int]] = field(default_factory=dict)
    pushed: dict[str, Any] = field(default_factory=dict)
    market: bytes = b""
    ledger: bytes = b""
    proposal: bytes = b""
    number: dict[str, int] = field(default_factory=dict)
    buyer: Pubkey = field(default_factory=Pubkey.default)
    seller: Pubkey = field(default_factory=Pubkey.default)


@pytest.fixture(scope="module")
def journey(campus: Campus) -> Journey:
    """The whole path, once; the tests below look at what it showed."""
    node, seen, buyer, seller = Node(campus), Journey(), Keypair(), Keypair()
    seen.buyer, seen.seller = buyer.pubkey(), seller.pubkey()
    for wallet in (buyer, seller):
        node.client.request_airdrop(wallet.pubkey(), 10 * SOL)
    for wallet, role in ((buyer, STUDENT), (seller, FACULTY)):
        join(node, seen, wallet, role)
    issue_credit(node, seen, buyer)
    trade(node, seen, buyer, seller)
    fail(node, seen, buyer, seller)
    return seen


def join(node: Node, seen: Journey, wallet: Keypair, role: int) -> None:
    """Register, open a row, a token account and a seat: all in one transaction."""
    campus, key, admin = node.campus, wallet.pubkey(), node.campus.keypair("deployer")
    programs, user = campus.programs, campus.user(key)
    register = call(
        programs["registry"], "register_user", struct.pack("<BB32s", role, ACTIVE, bytes(32)),
        ("s", admin.pubkey()), ("", campus.user(admin.pubkey())), ("ws", key), ("w", campus.config("registry")), ("", key),
        ("w", user), ("", SYSTEM),
    )  # fmt: skip
    open_account = call(
        programs["energy_token"], "open_account", b"",
        ("ws", key), ("", campus.config("energy_token")), ("", user), ("w", campus.ledger), ("w", campus.row(key)), ("", SYSTEM),
    )  # fmt: skip
    open_seat = call(
        programs["trading"], "open_seat", b"",
        ("ws", key), ("s", key), ("", campus.council), ("", user), ("w", campus.market), ("w", campus.seat_index(key)),
        ("", SYSTEM),
    )  # fmt: skip
    token = create_idempotent_associated_token_account(key, key, campus.credit_mint)
    seen.logs[f"join {role}"] = node.send([wallet, admin], register, open_account, token, open_seat)


def issue_credit(node: Node, seen: Journey, wallet: Keypair) -> None:
    """Propose, approve and, after the timelock, execute an issue of CREDIT."""
    campus, first, second = node.campus, node.campus.keypair("council-1"), node.campus.keypair("council-2")
    governance, council = campus.programs["governance"], campus.council
    proposal = campus.proposal(node.number(council, PROPOSAL_COUNT, 8))
    account = campus.credit_account(wallet.pubkey())
    payload = bytes(account) + struct.pack("<Q", ISSUED)
    propose = call(
        governance, "propose", struct.pack("<BI", 3, len(payload)) + payload,
        ("s", first.pubkey()), ("ws", first.pubkey()), ("w", council), ("w", proposal), ("", SYSTEM),
    )  # fmt: skip
    approve = call(governance, "approve", b"", ("s", second.pubkey()), ("", council), ("w", proposal))
    execute = call(
        governance, "execute", b"",
        ("s", second.pubkey()), ("w", council), ("w", proposal), ("w", campus.credit_mint), ("w", account),
        ("", campus.pda("governance", b"treasury")), ("", TOKEN),
    )  # fmt: skip
    node.send([first], propose)
    node.send([second], approve)
    while node.campus_time() < node.number(proposal, PROPOSAL_ETA, 8):
        time.sleep(0.1)
    seen.logs["execute"] = node.send([second], execute)
    seen.proposal = node.data(proposal)


def place(
    campus: Campus, wallet: Pubkey, seat: int, side: int, kind: int, tick: int, lots: int, client_id: int
) -> Instruction:
    """Return a place_order that refuses self trades and touches as many orders as it may."""
    data = struct.pack("<HBBHIQIBB", seat, side, kind, tick, lots, client_id, 0, 0, 0)
    accounts = ("s", wallet), ("", campus.council), ("w", campus.market)
    return call(campus.programs["trading"], "place_order", data, *accounts)


def withdraw(campus: Campus, wallet: Pubkey, seat: int, amount_ucredit: int) -> Instruction:
    """Return a withdraw_credit to the wallet's own token account."""
    return call(
        campus.programs["trading"], "withdraw_credit", struct.pack("<HQ", seat, amount_ucredit),
        ("s", wallet), ("w", campus.market), ("", campus.pda("trading", b"authority")),
        ("w", campus.pda("trading", b"credit_vault")), ("w", campus.credit_account(wallet)), ("", TOKEN),
    )  # fmt: skip


def cancel(campus: Campus, wallet: Pubkey, order_id: int) -> Instruction:
    """Return a cancel_order."""
    accounts = ("s", wallet), ("w", campus.market)
    return call(campus.programs["trading"], "cancel_order", struct.pack("<Q", order_id), *accounts)


def trade(node: Node, seen: Journey, buyer: Keypair, seller: Keypair) -> None:
    """Deposit, bid, sell metered energy into the bid, cancel what is left, withdraw; listening all the while."""
    campus, wallet = node.campus, buyer.pubkey()
    mine = node.number(campus.seat_index(wallet), SEAT_NUMBER, 2)
    theirs = node.number(campus.seat_index(seller.pubkey()), SEAT_NUMBER, 2)
    seen.number |= {"buyer's seat": mine, "seller's seat": theirs}
    listener = Listener(campus.ws_url)
    try:
        account = listener.subscribe(
            "accountSubscribe",
            str(campus.credit_account(wallet)),
            {"encoding": "jsonParsed", "commitment": "confirmed"},
        )
        deposit = call(
            campus.programs["trading"], "deposit_credit", struct.pack("<HQ", mine, DEPOSITED),
            ("s", wallet), ("", campus.council), ("w", campus.market), ("w", campus.credit_account(wallet)),
            ("w", campus.pda("trading", b"credit_vault")), ("", TOKEN),
        )  # fmt: skip
        seen.logs["deposit"] = node.send([buyer], deposit)
        seen.pushed["credit"] = listener.read(account)

        bid = place(campus, wallet, mine, BUY, LIMIT, BID_TICK, BID_LOTS, 2**63 + 1)
        simulate(node, seen, buyer, bid)
        book = listener.subscribe(
            "accountSubscribe", str(campus.market), {"encoding": "base64+zstd", "commitment": "confirmed"}
        )
        logs = listener.subscribe("logsSubscribe", {"mentions": [str(campus.market)]}, {"commitment": "confirmed"})
        seen.logs["bid"] = node.send([buyer], bid, v0=True)
        seen.pushed["bid"] = listener.read(logs)
        packed, encoding = listener.read(book)["data"]
        assert encoding == "base64+zstd"
        seen.pushed["market"] = zstandard.ZstdDecompressor().decompressobj().decompress(base64.b64decode(packed))
    finally:
        listener.close()

    meter_and_mint(node, seen, seller, theirs)
    ask = place(campus, seller.pubkey(), theirs, SELL, LIMIT, ASK_TICK, ASK_LOTS, 2)
    seen.logs["ask"] = node.send([seller], ask)
    seen.market = node.data(campus.market)
    [[_, order_id, *_]] = events(seen.logs["bid"], "OrderPlaced", ORDER_PLACED)
    seen.logs["cancel"] = node.send([buyer], cancel(campus, wallet, order_id))
    rest = DEPOSITED - ASK_LOTS * BID_TICK * 10
    seen.logs["withdraw"] = node.send([buyer], withdraw(campus, wallet, mine, rest))
    seen.number["credit"] = int(node.client.get_token_account_balance(campus.credit_account(wallet)).value.amount)


def simulate(node: Node, seen: Journey, wallet: Keypair, instruction: Instruction) -> None:
    """Simulate an instruction and note what it would have done and whether it did."""
    before = node.number(node.campus.market, ORDER_SEQ, 8)
    blockhash = node.client.get_latest_blockhash().value.blockhash
    message = Message.new_with_blockhash([instruction], wallet.pubkey(), blockhash)
    answer = node.client.simulate_transaction(Transaction([wallet], message, blockhash), sig_verify=True).value
    assert answer.err is None
    seen.logs["simulation"] = answer.logs or []
    seen.number["units"] = answer.units_consumed or 0
    seen.number["simulation moved"] = node.number(node.campus.market, ORDER_SEQ, 8) - before


def meter_and_mint(node: Node, seen: Journey, owner: Keypair, seat: int) -> None:
    """Enrol a meter, post two readings that it signs, settle them to GRID and move that to the market."""
    campus, admin, poster = node.campus, node.campus.keypair("deployer"), node.campus.keypair("poster")
    registry, oracle, energy = (campus.programs[name] for name in ("registry", "oracle", "energy_token"))
    device, present, key = Device(campus, "by-hand-meter"), node.campus_time() // INTERVAL_S, owner.pubkey()
    authority = ("s", admin.pubkey()), ("", campus.user(admin.pubkey()))
    described = struct.pack("<BIII", 1, 10_000, 5_000, present - 10)
    register = call(
        registry, "register_meter",
        device.meter_id + described + device.public_key + device.proof(key) + bytes(32) + device.serial_hash,
        *authority, ("s", key), ("", campus.user(key)), ("ws", key), ("", campus.council), ("w", campus.config("registry")),
        ("w", campus.zone_of("registry")), ("w", device.account), ("", SYSTEM),
    )  # fmt: skip
    activate = call(
        registry, "activate_meter", b"",
        *authority, ("", campus.council), ("", campus.config("registry")), ("", campus.user(key)), ("w", device.account),
    )  # fmt: skip
    node.send([owner, admin], register)
    number, slot = node.number(device.account, METER_NUMBER, 4), node.number(device.account, METER_SLOT, 2)
    enroll = call(oracle, "enroll_meter", b"", ("w", campus.slab), ("", device.account))
    row = node.number(campus.row(key), ROW_NUMBER, 2)
    config = campus.config("energy_token")
    attach = call(
        energy, "attach_meter", struct.pack("<H", row),
        ("", config), ("", device.account), ("", campus.slab), ("w", campus.ledger),
    )  # fmt: skip
    node.send([owner, admin], activate, enroll, attach)
    first, second = (
        device.posted(
            meter_number=number,
            slot=slot,
            offset=offset,
            interval=present - 3 + offset,
            import_wh=0,
            export_wh=export_wh,
        )
        for offset, export_wh in ((0, 9), (1, 9 + EXPORT_WH))
    )
    spoilt = first[:-1] + bytes([first[-1] ^ 1])
    posting = [("s", poster.pubkey()), ("", campus.council), ("", campus.config("oracle")), ("w", campus.slab)]
    posting += [("w", campus.roots), ("", oracle)]
    for step, readings in (("forged", spoilt), ("post", first + second)):
        data = struct.pack("<II", present - 3, len(readings)) + readings
        seen.logs[step] = node.send([poster], call(oracle, "post_verified", data, *posting))
    vault, authority_pda = campus.pda("energy_token", b"vault"), campus.pda("energy_token", b"authority")
    supply = int(node.client.get_token_supply(campus.grid_mint).value.amount)
    settle = call(
        energy, "settle_range", struct.pack("<HH", slot, 1),
        ("", campus.council), ("w", config), ("", campus.slab), ("w", campus.ledger), ("w", campus.grid_mint), ("w", vault),
        ("", authority_pda), ("", TOKEN),
    )  # fmt: skip
    node.send([owner], settle)
    seen.number["minted"] = int(node.client.get_token_supply(campus.grid_mint).value.amount) - supply
    move = call(
        energy, "move_to_market", struct.pack("<HHQ", row, seat, ASK_LOTS),
        ("s", key), ("", campus.council), ("w", config), ("w", campus.ledger), ("w", vault),
        ("w", campus.pda("trading", b"grid_vault")), ("", authority_pda), ("w", campus.market), ("", campus.programs["trading"]),
        ("", TOKEN),
    )  # fmt: skip
    seen.logs["move"] = node.send([owner], move)
    seen.ledger, seen.number["row"] = node.data(campus.ledger), row


def fail(node: Node, seen: Journey, buyer: Keypair, seller: Keypair) -> None:
    """Be refused in preflight, and in a block."""
    campus, mine, theirs = node.campus, seen.number["buyer's seat"], seen.number["seller's seat"]
    foreign = place(campus, buyer.pubkey(), theirs, BUY, LIMIT, BID_TICK, 1, 0)
    wrong = {
        "InsufficientCredit": withdraw(campus, buyer.pubkey(), mine, 10**15),
        "UnknownOrder": cancel(campus, buyer.pubkey(), 2**40),
        "WrongSeat": foreign,
    }
    for name, instruction in wrong.items():
        with pytest.raises(RPCException) as caught:
            node.send([buyer], instruction)
        seen.refused[name] = failure(caught.value.args[0].data.logs)
    landed = node.send([seller], withdraw(campus, seller.pubkey(), theirs, 10**15), preflight=False)
    seen.refused["landed"] = failure(landed)


def failure(logs: Sequence[str]) -> tuple[str, int]:
    """Return (program id, error number) of the innermost program that failed."""
    program, number = next(found.groups() for line in logs if (found := FAILED.match(line)))
    return program, int(number, 16)


def test_one_transaction_registers_and_opens_everything(campus: Campus, journey: Journey) -> None:
    """Four programs read what the one before wrote in the same transaction; order and account places must be right."""
    [(wallet, number, role, status, authority)] = events(journey.logs["join 0"], "UserRegistered", "32sIBB32s")
    assert (wallet, role, status) == (bytes(journey.buyer), STUDENT, ACTIVE)
    assert authority == bytes(campus.keypair("deployer").pubkey())
    [(_, _, _, row_wallet, row_number)] = events(journey.logs["join 0"], "AccountOpened", "HQH32sI")
    [(_, seat, seat_number, seat_wallet)] = events(journey.logs["join 0"], "SeatOpened", "QHI32s")
    assert (row_wallet, seat_wallet, seat) == (wallet, wallet, journey.number["buyer's seat"])
    assert row_number == seat_number == number


def test_the_council_issues_credit_by_hand_packed_proposal(campus: Campus, journey: Journey) -> None:
    """The payload is bytes inside bytes; nobody but its reader checks them."""
    [(account, amount)] = events(journey.logs["execute"], "CreditIssued", "32sQ")
    assert (account, amount) == (bytes(campus.credit_account(journey.buyer)), ISSUED)
    assert journey.proposal[PROPOSAL_STATUS] == 1


def test_a_resting_bid_shows_in_event_and_book(journey: Journey) -> None:
    """Sent as a version 0 transaction; the client's own number fills all 64 bits."""
    [placed] = events(journey.logs["bid"], "OrderPlaced", ORDER_PLACED)
    _, order_id, client_id, seat, side, kind, tick, lots, filled, resting, value, fee, expires, _, outcome = placed
    assert (client_id, seat, side, kind) == (2**63 + 1, journey.number["buyer's seat"], BUY, LIMIT)
    assert (tick, lots, filled, resting, value, fee, expires, outcome) == (BID_TICK, BID_LOTS, 0, BID_LOTS, 0, 0, 0, 1)
    order = struct.unpack_from("<QQIIIIHH", journey.market, ORDERS + ORDER_SIZE * (order_id & 0xFFF))
    assert order == (order_id, client_id, BID_LOTS - ASK_LOTS, BID_LOTS, 0, 0, seat, BID_TICK)


def test_signed_energy_becomes_tokens_that_sell(journey: Journey) -> None:
    """Packed to the byte by a stranger: a register, a signature, GRID, and a buyer."""
    results = events(journey.logs["post"], "ReadingsPosted", "HQ32sI" + 2 * "BBIH16sQQ")[0][3:]
    assert (results[0], results[2], results[9]) == (2, 0, 0), "both applied"
    assert (results[7], results[14]) == (0, EXPORT_WH)
    assert journey.number["minted"] == EXPORT_WH * 1_000
    [(_, _, row, wallet, lots, balance)] = events(journey.logs["move"], "MovedToMarket", MOVED)
    assert (row, wallet, lots) == (journey.number["row"], bytes(journey.seller), ASK_LOTS)
    assert balance == (EXPORT_WH - ASK_LOTS) * 1_000
    at = LEDGER_ROWS + ROW_SIZE * row
    assert struct.unpack_from("<32sQQQ", journey.ledger, at) == (wallet, balance, 0, EXPORT_WH * 1_000)


def test_a_reading_with_one_wrong_bit_counts_for_nothing(journey: Journey) -> None:
    """Whoever can post must still not be able to invent energy."""
    [(_, seq, _, count, _, reason)] = events(journey.logs["forged"], "ReadingsPosted", "HQ32sIBB")
    assert (seq, count, reason) == (2**64 - 1, 1, 5)


def test_a_match_settles_at_the_makers_price(journey: Journey) -> None:
    """The seller asked less; the bid that was there first sets the price, and the fill moves the money at once."""
    [filled] = events(journey.logs["ask"], "Filled", FILLED)
    [[_, bid_id, *_]] = events(journey.logs["bid"], "OrderPlaced", ORDER_PLACED)
    assert filled[5:8] == (journey.number["seller's seat"], SELL, 1)
    assert filled[8:] == (bid_id, ASK_LOTS, BID_TICK, journey.number["buyer's seat"])
    at = SEATS + SEAT_SIZE * journey.number["seller's seat"]
    value = ASK_LOTS * BID_TICK * 10
    assert struct.unpack_from("<32sQQQQ", journey.market, at) == (bytes(journey.seller), 0, 0, value, 0)


def test_what_is_cancelled_comes_back_and_leaves(journey: Journey) -> None:
    """A market that one cannot leave is a trap."""
    [(_, _, lots, tick, seat, side, reason)] = events(journey.logs["cancel"], "OrderOut", ORDER_OUT)
    assert (lots, tick, seat) == (BID_LOTS - ASK_LOTS, BID_TICK, journey.number["buyer's seat"])
    assert (side, reason) == (BUY, 0)
    [(_, _, grid, credit)] = events(journey.logs["withdraw"], "Withdrawn", "QHQQ")
    assert (grid, credit) == (0, DEPOSITED - ASK_LOTS * BID_TICK * 10)
    assert journey.number["credit"] == ISSUED - ASK_LOTS * BID_TICK * 10


@pytest.mark.parametrize("name", ["InsufficientCredit", "UnknownOrder", "WrongSeat"])
def test_a_refusal_in_preflight_names_program_and_error(campus: Campus, journey: Journey, name: str) -> None:
    """The node's error data carry the logs; without them a client knows only that something failed."""
    program, code = journey.refused[name]
    assert (program, code) == (str(campus.programs["trading"]), campus.error("trading", name)[0])


def test_a_failure_that_lands_keeps_its_logs(campus: Campus, journey: Journey) -> None:
    """Without preflight the failure is in a block; Anchor's TypeScript client asks for such a transaction's logs."""
    code, _ = campus.error("trading", "InsufficientCredit")
    assert journey.refused["landed"] == (str(campus.programs["trading"]), code)


def test_a_simulation_shows_the_events_and_changes_nothing(journey: Journey) -> None:
    """Wallets ask what an order would do before the trader signs it."""
    [placed] = events(journey.logs["simulation"], "OrderPlaced", ORDER_PLACED)
    assert placed[9] == BID_LOTS
    assert journey.number["simulation moved"] == 0
    assert 0 < journey.number["units"] < 200_000


def test_subscriptions_push_logs_book_and_balance(journey: Journey) -> None:
    """All three encodings that clients ask for, at the port where they look for it."""
    parsed = journey.pushed["credit"]["data"]["parsed"]["info"]["tokenAmount"]
    assert (parsed["amount"], parsed["uiAmountString"]) == (str(ISSUED - DEPOSITED), "30")
    assert journey.pushed["bid"]["err"] is None
    assert journey.pushed["bid"]["logs"] == journey.logs["bid"]
    assert struct.unpack_from("<H", journey.pushed["market"], BEST_BID) == (BID_TICK,)
    assert len(journey.pushed["market"]) == len(journey.market)
