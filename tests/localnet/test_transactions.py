"""The rules of a cluster, each met from both sides, on the real process."""

from __future__ import annotations

import base64
import os
import re
import struct
import time
from collections.abc import Callable

import pytest
import zstandard
from localnet_process import SOL, Node, RpcRefused, Wallet, pay, signed
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, CompiledInstruction, Instruction
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import (
    AdvanceNonceAccountParams,
    CreateAccountParams,
    InitializeNonceAccountParams,
    advance_nonce_account,
    create_account,
    initialize_nonce_account,
)
from solders.transaction import Transaction, VersionedTransaction

pytestmark = pytest.mark.integration

CLOCK = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")
COMPUTE_BUDGET = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")


def memo(text: bytes) -> Instruction:
    return Instruction(MEMO, text, [])


def transaction_of(size: int, payer: Wallet, blockhash: str) -> bytes:
    """Return a transaction of exactly `size` bytes: one memo, filled up."""
    spare = size - len(signed([memo(b"x" * 300)], [payer], blockhash))
    wire = signed([memo(b"x" * (300 + spare))], [payer], blockhash)
    assert len(wire) == size
    return wire


def refusal(node: Node, wire: bytes, **options: object) -> RpcRefused:
    with pytest.raises(RpcRefused) as caught:
        node.send(wire, **options)
    return caught.value


def test_a_transaction_of_1232_bytes_lands_and_one_of_1233_does_not(node: Node) -> None:
    """LiteSVM takes any size; a cluster drops what does not fit a packet, and the field would find out last."""
    payer = node.funded()
    assert node.send(transaction_of(1232, payer, node.blockhash()))
    error = refusal(node, transaction_of(1233, payer, node.blockhash()))
    assert error.code == -32602
    assert "too large" in error.message
    error = refusal(node, transaction_of(1240, payer, node.blockhash()), skipPreflight=True)
    assert error.code == -32602


@pytest.mark.parametrize(("locks", "lands"), [(64, True), (65, False)])
def test_64_accounts_may_be_locked_and_65_may_not(node: Node, locks: int, lands: bool) -> None:
    """A settlement of too many accounts at once would work here and never land on a cluster."""
    payer = node.funded()
    table, addresses = make_table(node, payer, 62)
    metas = [AccountMeta(key, False, False) for key in addresses[: locks - 2]]
    if locks == 65:
        metas.append(AccountMeta(Wallet().pubkey, False, False))
    blockhash = Hash.from_string(node.blockhash())
    known = [AddressLookupTableAccount(table, addresses)]
    target = Instruction(
        Pubkey.default(), struct.pack("<IQ", 2, 1), [AccountMeta(payer.pubkey, True, True)] * 2 + metas
    )
    message = MessageV0.try_compile(payer.pubkey, [target], known, blockhash)
    assert (
        len(message.account_keys)
        + sum(
            len(bytes(one.writable_indexes)) + len(bytes(one.readonly_indexes)) for one in message.address_table_lookups
        )
        == locks
    )
    wire = bytes(
        VersionedTransaction.populate(
            message, [Signature.from_bytes(payer.key.sign(to_bytes_versioned(message)).signature)]
        )
    )
    if lands:
        name = node.send(wire)
        shown = node.call("getTransaction", name, {"maxSupportedTransactionVersion": 0})
        assert shown["version"] == 0
        assert len(shown["meta"]["loadedAddresses"]["readonly"]) == 62
        with pytest.raises(RpcRefused) as caught:
            node.call("getTransaction", name)
        assert caught.value.code == -32015
    else:
        assert refusal(node, wire).data["err"] == "TooManyAccountLocks"


def make_table(node: Node, payer: Wallet, count: int) -> tuple[Pubkey, list[Pubkey]]:
    """Create a lookup table of random addresses and wait until it is warm."""
    program = Pubkey.from_string("AddressLookupTab1e1111111111111111111111111")
    node.wait_slots(2)
    slot = node.call("getSlot")
    table, bump = Pubkey.find_program_address([bytes(payer.pubkey), struct.pack("<Q", slot)], program)
    metas = [
        AccountMeta(table, False, True),
        AccountMeta(payer.pubkey, True, False),
        AccountMeta(payer.pubkey, True, True),
        AccountMeta(Pubkey.default(), False, False),
    ]
    node.run([Instruction(program, struct.pack("<IQB", 0, slot, bump), metas)], [payer])
    addresses = [Wallet().pubkey for _ in range(count)]
    for at in range(0, count, 25):
        part = addresses[at : at + 25]
        data = struct.pack("<IQ", 2, len(part)) + b"".join(map(bytes, part))
        node.run([Instruction(program, data, metas)], [payer])
    parsed = node.call("getAccountInfo", str(table), {"encoding": "jsonParsed"})["value"]["data"]["parsed"]
    assert parsed["info"]["addresses"] == [str(key) for key in addresses]
    node.wait_slots(1)
    return table, addresses


def test_the_same_transaction_lands_once(node: Node) -> None:
    """LiteSVM forgets after about 500 transactions and would pay again; a resend after a lost answer must be harmless."""
    payer, target = node.funded(), Wallet()
    wire = signed([pay(payer, target.pubkey, SOL)], [payer], node.blockhash())
    name = node.send(wire)
    for _ in range(6):
        blockhash = node.blockhash()
        texts = [
            base64.b64encode(signed([pay(payer, Wallet().pubkey, SOL // 1000 + i)], [payer], blockhash)).decode()
            for i in range(100)
        ]
        answers = node.batch([("sendTransaction", [text, {"encoding": "base64"}]) for text in texts])
        assert all("result" in answer for answer in answers)
    error = refusal(node, wire)
    assert (error.code, error.data["err"]) == (-32002, "AlreadyProcessed")
    assert node.send(wire, skipPreflight=True) == name
    assert node.balance(target.pubkey) == SOL


def test_a_blockhash_can_be_used_for_150_slots_and_no_longer(make_node: Callable[..., Node]) -> None:
    """A sender that waits for expiry before it signs again relies on expiry being real, or it would pay twice."""
    node = make_node(slot_ms=30).start()
    payer = node.funded()
    latest = node.call("getLatestBlockhash")
    old = latest["value"]["blockhash"]
    assert latest["value"]["lastValidBlockHeight"] == latest["context"]["slot"] + 150
    assert node.send(signed([pay(payer, Wallet().pubkey, SOL)], [payer], old))
    while node.call("getBlockHeight") <= latest["value"]["lastValidBlockHeight"]:
        time.sleep(0.05)
    assert node.call("isBlockhashValid", old)["value"] is False
    error = refusal(node, signed([pay(payer, Wallet().pubkey, SOL)], [payer], old))
    assert (error.code, error.data["err"]) == (-32002, "BlockhashNotFound")
    assert error.message == "Transaction simulation failed: Blockhash not found"


def test_a_failed_preflight_leaves_no_trace_and_a_failed_transaction_pays_and_is_remembered(node: Node) -> None:
    """The one is a warning and free; the other is history, and its logs are how one finds out why."""
    payer, target = node.funded(), Wallet()
    wire = signed([pay(payer, target.pubkey, 10**15)], [payer], node.blockhash())
    before = node.balance(payer.pubkey)
    error = refusal(node, wire)
    assert error.code == -32002
    assert error.message == "Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1"
    assert error.data["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert "insufficient lamports" in error.data["logs"][1]
    assert error.data["unitsConsumed"] == 150
    assert node.balance(payer.pubkey) == before
    name = str(Signature.from_bytes(wire[1:65]))
    assert node.call("getSignatureStatuses", [name], {"searchTransactionHistory": True})["value"] == [None]
    assert node.call("getTransaction", name) is None

    assert node.send(wire, skipPreflight=True) == name
    assert node.balance(payer.pubkey) == before - 5_000
    shown = node.call("getTransaction", name)
    assert shown["meta"]["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert shown["meta"]["logMessages"] == error.data["logs"]
    assert shown["meta"]["preBalances"][0] - shown["meta"]["postBalances"][0] == shown["meta"]["fee"] == 5_000
    [status] = node.call("getSignatureStatuses", [name])["value"]
    assert status["err"] == shown["meta"]["err"]
    assert status["confirmationStatus"] == "finalized"


def test_a_call_of_no_program_lands_for_its_fee_and_its_sender_learns_of_it(make_node: Callable[..., Node]) -> None:
    """A sender that skips preflight would otherwise wait a minute for the blockhash to expire, and never know why."""
    node = make_node().start()
    payer = node.funded()
    wire = signed([Instruction(Wallet().pubkey, b"", [])], [payer], node.blockhash())
    assert refusal(node, wire).data["err"] == "ProgramAccountNotFound"
    assert node.balance(payer.pubkey) == 100 * SOL
    name = node.send(wire, skipPreflight=True)
    assert node.call("getSignatureStatuses", [name])["value"][0]["err"] == "ProgramAccountNotFound"
    shown = node.call("getTransaction", name)["meta"]
    assert (shown["err"], shown["fee"], shown["computeUnitsConsumed"]) == ("ProgramAccountNotFound", 5_000, 0)
    assert shown["preBalances"][0] - shown["postBalances"][0] == 5_000
    not_one = signed([Instruction(CLOCK, b"", [])], [payer], node.blockhash())
    assert refusal(node, not_one).data["err"] == "InvalidProgramForExecution"
    before = node.balance(payer.pubkey)
    for end in (node.kill, node.stop):
        end()
        node.start()
        assert node.balance(payer.pubkey) == before == 100 * SOL - 5_000
        assert refusal(node, wire).data["err"] == "AlreadyProcessed"


def test_the_limit_on_loaded_data_holds_as_on_a_cluster(make_node: Callable[..., Node]) -> None:
    """Wallets set it to what they simulated; one byte too little must fail here too, not only where it costs something."""
    node = make_node().start()
    payer, target = node.funded(), node.funded()

    def wire(limit: int, lamports: int) -> bytes:
        asked = Instruction(COMPUTE_BUDGET, b"\x04" + struct.pack("<I", limit), [])
        return signed([asked, pay(payer, target.pubkey, lamports)], [payer], node.blockhash())

    shown = node.call("simulateTransaction", base64.b64encode(wire(1 << 20, 1)).decode(), {"encoding": "base64"})[
        "value"
    ]
    loaded = shown["loadedAccountsDataSize"]
    assert loaded > 0
    assert node.send(wire(loaded, 2))
    short = wire(loaded - 1, 3)
    error = refusal(node, short)
    assert error.message == "Transaction simulation failed: Transaction exceeded max loaded accounts data size cap"
    told = (error.data["fee"], error.data["unitsConsumed"], error.data["loadedAccountsDataSize"], error.data["logs"])
    assert told == (5_000, 0, 0, [])
    shown = node.call("simulateTransaction", base64.b64encode(short).decode(), {"encoding": "base64"})["value"]
    assert shown["err"] == "MaxLoadedAccountsDataSizeExceeded"
    assert shown["preBalances"][0] - shown["postBalances"][0] == 5_000
    assert refusal(node, wire(0, 4)).data["err"] == "InvalidLoadedAccountsDataSizeLimit"
    before = node.balance(payer.pubkey), node.balance(target.pubkey)
    name = node.send(short, skipPreflight=True)  # lands for its fee
    meta = node.call("getTransaction", name)["meta"]
    assert (meta["err"], meta["fee"], meta["logMessages"]) == ("MaxLoadedAccountsDataSizeExceeded", 5_000, [])
    for end in (node.kill, node.stop):
        assert (node.balance(payer.pubkey), node.balance(target.pubkey)) == (before[0] - 5_000, before[1])
        end()
        node.start()


def test_what_is_refused_before_it_is_loaded_owes_no_fee(node: Node) -> None:
    """A client that believes the fee in an error books one that nobody took."""
    poor, rich = Wallet(), node.funded()
    twice = Message.new_with_blockhash([pay(rich, poor.pubkey, SOL)], rich.pubkey, Hash.from_string(node.blockhash()))
    keys = [rich.pubkey, poor.pubkey, poor.pubkey, twice.account_keys[2]]
    calls = [CompiledInstruction(3, bytes(twice.instructions[0].data), bytes([0, 1]))]
    double = Message.new_with_compiled_instructions(1, 0, 1, keys, twice.recent_blockhash, calls)
    heap = Instruction(COMPUTE_BUDGET, b"\x01" + struct.pack("<I", 1_000), [])
    for wire, failure in (
        (signed([pay(poor, rich.pubkey, SOL)], [poor], node.blockhash()), "AccountNotFound"),
        (
            bytes(Transaction.populate(double, [Signature.from_bytes(rich.key.sign(bytes(double)).signature)])),
            "AccountLoadedTwice",
        ),
        (
            signed([heap, pay(rich, poor.pubkey, SOL)], [rich], node.blockhash()),
            {"InstructionError": [0, "InvalidInstructionData"]},
        ),
    ):
        data = refusal(node, wire).data
        assert (data["err"], data["fee"], data["loadedAccountsDataSize"], data["logs"]) == (failure, None, 0, [])
        shown = node.call("simulateTransaction", base64.b64encode(wire).decode(), {"encoding": "base64"})["value"]
        assert (shown["err"], shown["fee"], shown["loadedAccountsDataSize"]) == (failure, None, 0)
        assert shown["preBalances"] == shown["postBalances"] != []


@pytest.mark.parametrize("skip", [False, True])
def test_a_compute_budget_that_may_not_be_asked_for_is_no_transaction(node: Node, skip: bool) -> None:
    """Sent without preflight it would vanish; a cluster says so at once, and the words say which instruction."""
    payer = node.funded()
    units, nonsense = set_compute_unit_limit(9_000), Instruction(COMPUTE_BUDGET, b"\x09", [])
    short = Instruction(COMPUTE_BUDGET, b"\x03\0\0", [])
    transfer = pay(payer, Wallet().pubkey, SOL)
    invalid = "invalid transaction: Error processing Instruction {}: invalid instruction data"
    for instructions, words in (
        (
            [units, transfer, units],
            "invalid transaction: Transaction contains a duplicate instruction (2) that is not allowed",
        ),
        ([transfer, nonsense], invalid.format(1)),
        ([short, transfer], invalid.format(0)),
    ):
        wire = signed(instructions, [payer], node.blockhash())
        error = refusal(node, wire, skipPreflight=skip)
        assert (error.code, error.message) == (-32602, words)
        with pytest.raises(RpcRefused, match=re.escape(words)):
            node.call("simulateTransaction", base64.b64encode(wire).decode(), {"encoding": "base64"})
    longer = Instruction(COMPUTE_BUDGET, b"\x02" + struct.pack("<I", 9_000) + b"more", [])
    assert node.run([longer, transfer], [payer])


def test_a_transaction_that_contradicts_itself_is_told_so(node: Node) -> None:
    """It reads as one, so "failed to deserialize" would send its author looking in the wrong place."""
    payer = node.funded()
    message = Message.new_with_blockhash(
        [pay(payer, Wallet().pubkey, SOL)], payer.pubkey, Hash.from_string(node.blockhash())
    )
    keys, hash_, call = message.account_keys, message.recent_blockhash, message.instructions[0]
    for broken in (
        Message.new_with_compiled_instructions(
            1, 0, 1, keys, hash_, [CompiledInstruction(2, call.data, bytes([0, 9]))]
        ),
        Message.new_with_compiled_instructions(
            1, 0, 1, keys, hash_, [CompiledInstruction(9, call.data, bytes([0, 1]))]
        ),
        Message.new_with_compiled_instructions(
            1, 0, 1, keys, hash_, [CompiledInstruction(0, call.data, bytes([0, 1]))]
        ),
        Message.new_with_compiled_instructions(1, 1, 1, keys, hash_, [call]),
        Message.new_with_compiled_instructions(1, 0, 3, keys, hash_, [call]),
    ):
        wire = bytes(Transaction.populate(broken, [Signature.from_bytes(payer.key.sign(bytes(broken)).signature)]))
        error = refusal(node, wire)
        words = "invalid transaction: Transaction failed to sanitize accounts offsets correctly"
        assert (error.code, error.message) == (-32602, words)
        with pytest.raises(RpcRefused, match="invalid transaction message: in"):
            node.call("getFeeForMessage", base64.b64encode(bytes(broken)).decode())


def test_a_wrong_signature_never_lands_and_preflight_says_so(node: Node) -> None:
    """Whoever could send for another would own his tokens."""
    payer, target = node.funded(), Wallet()
    message = Message.new_with_blockhash(
        [pay(payer, target.pubkey, SOL)], payer.pubkey, Hash.from_string(node.blockhash())
    )
    wire = bytes(Transaction.populate(message, [Signature.from_bytes(os.urandom(64))]))
    error = refusal(node, wire)
    assert (error.code, error.data["err"], error.data["unitsConsumed"]) == (-32002, "SignatureFailure", 0)
    assert error.message == "Transaction simulation failed: Transaction did not pass signature verification"
    name = node.send(wire, skipPreflight=True)  # a cluster takes it and drops it
    assert node.call("getSignatureStatuses", [name], {"searchTransactionHistory": True})["value"] == [None]
    good = signed([pay(payer, Wallet().pubkey, SOL)], [payer], node.blockhash())
    calls = [
        ("sendTransaction", [base64.b64encode(one).decode(), {"encoding": "base64"}]) for one in [wire] * 20 + [good]
    ]
    answers = node.batch(calls)
    assert [answer["error"]["data"]["err"] for answer in answers[:20]] == ["SignatureFailure"] * 20
    assert "result" in answers[20]
    assert node.balance(target.pubkey) == 0


def test_any_flipped_bit_of_a_signed_transaction_is_refused(node: Node) -> None:
    """The signature is the only thing that stands between a transaction and its forgery."""
    payer, target = node.funded(), Wallet()
    wire = signed([pay(payer, target.pubkey, SOL)], [payer], node.blockhash())
    flipped = [bytearray(wire) for _ in range(len(wire) * 8)]
    for bit, copy in enumerate(flipped):
        copy[bit // 8] ^= 1 << bit % 8
    for at in range(0, len(flipped), 400):
        texts = [base64.b64encode(bytes(copy)).decode() for copy in flipped[at : at + 400]]
        answers = node.batch([("sendTransaction", [text, {"encoding": "base64"}]) for text in texts])
        assert all("error" in answer for answer in answers)
    assert node.balance(target.pubkey) == 0


def test_an_account_may_not_be_left_below_its_rent(node: Node) -> None:
    """0.26's LiteSVM allows it and a cluster does not: a payout of dust to a new wallet fails there."""
    payer, target = node.funded(), Wallet()
    least = node.call("getMinimumBalanceForRentExemption", 0)
    error = refusal(node, signed([pay(payer, target.pubkey, least - 1)], [payer], node.blockhash()))
    assert error.data["err"] == {"InsufficientFundsForRent": {"account_index": 1}}
    assert node.run([pay(payer, target.pubkey, least)], [payer])


def test_the_priority_fee_is_paid_and_foretold(node: Node) -> None:
    """A poster that cannot foresee its fee runs dry at the wrong moment."""
    payer = node.funded()
    node.wait_slots(1)  # the airdrop locked the payer for nothing, in another slot
    steps = [set_compute_unit_limit(10_000), set_compute_unit_price(2_000_000), pay(payer, Wallet().pubkey, SOL)]
    message = Message.new_with_blockhash(steps, payer.pubkey, Hash.from_string(node.blockhash()))
    foretold = node.call("getFeeForMessage", base64.b64encode(bytes(message)).decode())["value"]
    before = node.balance(payer.pubkey)
    name = node.run(steps, [payer])
    assert before - node.balance(payer.pubkey) - SOL == foretold == 5_000 + 20_000
    slot = node.call("getTransaction", name)["slot"]
    fees = node.call("getRecentPrioritizationFees", [payer.address])
    assert {"slot": slot, "prioritizationFee": 2_000_000} in fees


def test_simulation_tells_what_would_happen_and_changes_nothing(node: Node) -> None:
    """A gateway simulates each instruction shape once to set its limits; it must be free and true."""
    payer, target = node.funded(), Wallet()
    message = Message.new_with_blockhash([pay(payer, target.pubkey, SOL)], payer.pubkey, Hash.default())
    unsigned = base64.b64encode(bytes(Transaction.populate(message, [Signature.default()]))).decode()
    options = {
        "encoding": "base64",
        "replaceRecentBlockhash": True,
        "accounts": {"encoding": "base64", "addresses": [target.address]},
    }
    value = node.call("simulateTransaction", unsigned, options)["value"]
    assert value["err"] is None
    assert value["unitsConsumed"] == 150
    assert value["accounts"][0]["lamports"] == SOL
    assert value["replacementBlockhash"]["blockhash"] == node.blockhash() or value["replacementBlockhash"]
    assert node.balance(target.pubkey) == 0
    stale = node.call("simulateTransaction", unsigned, {"encoding": "base64"})["value"]
    assert stale["err"] == "BlockhashNotFound"
    poor = {"encoding": "base64", "replaceRecentBlockhash": True}
    broke = bytes(
        Transaction.populate(
            Message.new_with_blockhash([pay(payer, target.pubkey, 10**15)], payer.pubkey, Hash.default()),
            [Signature.default()],
        )
    )
    assert node.call("simulateTransaction", base64.b64encode(broke).decode(), poor)["value"]["err"] == {
        "InstructionError": [0, {"Custom": 1}]
    }
    unproven = node.call("simulateTransaction", unsigned, {"encoding": "base64", "sigVerify": True})["value"]
    assert unproven["err"] == "SignatureFailure"


def test_history_is_found_by_account_newest_first_and_page_by_page(node: Node) -> None:
    """The gateway rebuilds its tables from here; a page that skips one transaction loses a trade."""
    payer = node.funded()
    names = [node.run([memo(b"n%d" % number)], [payer]) for number in range(7)]
    time.sleep(2.5)  # the first ones are on disk by now, the next ones in memory
    names += [node.run([memo(b"n%d" % number)], [payer]) for number in range(7, 12)]
    listed = node.call("getSignaturesForAddress", payer.address)
    assert [line["signature"] for line in listed[:12]] == names[::-1]
    assert [line["memo"] for line in listed[:12]] == [f"[{len(f'n{n}')}] n{n}" for n in range(11, -1, -1)]
    paged: list[str] = []
    before = None
    while page := node.call(
        "getSignaturesForAddress", payer.address, {"limit": 5, "before": before} if before else {"limit": 5}
    ):
        paged += [line["signature"] for line in page]
        before = paged[-1]
    assert paged == [line["signature"] for line in listed]
    newer = node.call("getSignaturesForAddress", payer.address, {"until": names[8]})
    assert [line["signature"] for line in newer] == names[:8:-1]


def test_a_block_holds_its_transactions_and_chains_to_the_one_before(node: Node) -> None:
    """An auditor walks the blocks; a broken chain of hashes would mean a rewritten past."""
    payer = node.funded()
    name = node.run([memo(b"here")], [payer])
    slot = node.call("getTransaction", name)["slot"]
    with pytest.raises(RpcRefused) as caught:
        node.call("getBlock", slot + 1_000)
    assert caught.value.code == -32004
    node.wait_slots(2)
    options = {"maxSupportedTransactionVersion": 0}
    block = node.call("getBlock", slot, options)
    assert name in [one["transaction"]["signatures"][0] for one in block["transactions"]]
    assert node.call("getBlock", slot, {**options, "transactionDetails": "signatures"})["signatures"]
    assert node.call("getBlock", slot + 1, options)["previousBlockhash"] == block["blockhash"]
    assert slot in node.call("getBlocks", slot - 1, slot + 1)
    assert node.call("getBlockTime", slot) == block["blockTime"]


def test_a_durable_nonce_serves_instead_of_a_blockhash_and_once(node: Node) -> None:
    """A council member signs today what is executed next week; signed once, it must run at most once, failed or not."""
    payer, nonce, target = node.funded(), Wallet(), Wallet()
    rent = node.call("getMinimumBalanceForRentExemption", 80)
    params = CreateAccountParams(
        from_pubkey=payer.pubkey, to_pubkey=nonce.pubkey, lamports=rent, space=80, owner=Pubkey.default()
    )
    begin = initialize_nonce_account(InitializeNonceAccountParams(nonce_pubkey=nonce.pubkey, authority=payer.pubkey))
    node.run([create_account(params), begin], [payer, nonce])

    def value() -> str:
        parsed = node.call("getAccountInfo", nonce.address, {"encoding": "jsonParsed"})["value"]["data"]["parsed"]
        return str(parsed["info"]["blockhash"])

    advance = advance_nonce_account(
        AdvanceNonceAccountParams(nonce_pubkey=nonce.pubkey, authorized_pubkey=payer.pubkey)
    )
    first = value()
    wire = signed([advance, pay(payer, target.pubkey, SOL)], [payer], first)
    node.send(wire)
    assert node.balance(target.pubkey) == SOL
    second = value()
    assert second != first
    later = signed([advance, pay(payer, target.pubkey, SOL + 1)], [payer], first)
    assert refusal(node, later).data["err"] == "BlockhashNotFound"
    fails = signed([advance, pay(payer, target.pubkey, 10**15)], [payer], second)
    node.send(fails, skipPreflight=True)
    assert value() != second
    assert (
        refusal(node, signed([advance, pay(payer, target.pubkey, 7)], [payer], second)).data["err"]
        == "BlockhashNotFound"
    )


def test_an_airdrop_is_a_transaction_like_any_other(node: Node) -> None:
    """Two equal airdrops in one slot are two; and what the faucet gives has a signature that can be looked up."""
    target = Wallet()
    names = {node.call("requestAirdrop", target.address, SOL) for _ in range(5)}
    assert len(names) == 5
    assert node.balance(target.pubkey) == 5 * SOL
    assert node.call("getTransaction", names.pop())["meta"]["err"] is None
    with pytest.raises(RpcRefused):
        node.call("requestAirdrop", target.address, 2**63)


def test_the_newest_slot_has_a_block_and_is_a_recent_one(node: Node) -> None:
    """web3.js's users derive a lookup table from it, and `solana block` shows it; an open slot is not in SlotHashes, and has no block yet."""
    node.wait_slots(2)
    for commitment in (None, "confirmed", "finalized"):
        slot = node.call("getSlot", *([{"commitment": commitment}] if commitment else []))
        assert node.call("getBlock", slot)["parentSlot"] == slot - 1
        hashes = node.call("getAccountInfo", "SysvarS1otHashes111111111111111111111111111", {"encoding": "jsonParsed"})
        assert slot in [one["slot"] for one in hashes["value"]["data"]["parsed"]["info"]]
    production = node.call("getBlockProduction")["value"]
    [[slots, blocks]] = production["byIdentity"].values()
    assert slots == blocks == production["range"]["lastSlot"] + 1
    closed = node.call("getSlot")
    assert node.call("getSlot", {"commitment": "processed"}) > closed


def test_slots_go_on_and_epoch_and_supply_are_true(node: Node) -> None:
    """Clients pace themselves by slots; a chain that stands still while it answers is worse than one that is down."""
    first = node.call("getSlot")
    node.wait_slots(3)
    info = node.call("getEpochInfo")
    assert info["absoluteSlot"] >= first + 3
    assert info["epoch"] == info["absoluteSlot"] // 432_000
    supply = node.call("getSupply")["value"]
    assert supply["total"] == supply["circulating"] + supply["nonCirculating"] <= 501_000_600 * SOL
    assert node.call("getLeaderSchedule", None, {"identity": node.call("getIdentity")["identity"]})
    [producer] = node.call("getVoteAccounts")["current"]
    assert producer["nodePubkey"] == node.call("getIdentity")["identity"]
    assert producer["activatedStake"] == 1_000_000 * SOL
    assert producer["lastVote"] >= first + 2


def test_account_data_comes_in_every_encoding_and_in_slices(node: Node) -> None:
    """The gateway reads one level of a market of 450 kB; without slices it would read it whole."""
    payer, held = node.funded(), Wallet()
    rent = node.call("getMinimumBalanceForRentExemption", 10_000)
    params = CreateAccountParams(
        from_pubkey=payer.pubkey, to_pubkey=held.pubkey, lamports=rent, space=10_000, owner=MEMO
    )
    node.run([create_account(params)], [payer, held])
    whole = node.call("getAccountInfo", held.address, {"encoding": "base64"})["value"]
    assert base64.b64decode(whole["data"][0]) == bytes(10_000)
    assert (whole["owner"], whole["lamports"], whole["space"]) == (str(MEMO), rent, 10_000)
    packed = node.call("getAccountInfo", held.address, {"encoding": "base64+zstd"})["value"]
    assert zstandard.ZstdDecompressor().decompressobj().decompress(base64.b64decode(packed["data"][0])) == bytes(10_000)
    part = {"encoding": "base58", "dataSlice": {"offset": 9_990, "length": 100}}
    assert node.call("getAccountInfo", held.address, part)["value"]["data"] == ["1" * 10, "base58"]
    with pytest.raises(RpcRefused, match="128 bytes"):
        node.call("getAccountInfo", held.address, {"encoding": "base58"})
    found = node.call("getProgramAccounts", str(MEMO), {"encoding": "base64", "filters": [{"dataSize": 10_000}]})
    assert held.address in [one["pubkey"] for one in found]
    none = node.call("getProgramAccounts", str(MEMO), {"filters": [{"memcmp": {"offset": 0, "bytes": "2"}}]})
    assert none == []
    assert node.call("getAccountInfo", Wallet().address)["value"] is None
