"""Each method's answer has exactly the fields that Agave 4 gives it: the Rust and TypeScript clients parse strictly.

Shapes are those of solana-rpc-client-types, solana-account-decoder-client-types and solana-transaction-status-client-types
4.0.0. The requests are as those clients send them, with a null for each option that is not set.
"""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest
from localnet_process import SOL, Node, RpcRefused, Wallet, pay, signed
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, create_account
from spl.token.constants import TOKEN_PROGRAM_ID
from spl.token.instructions import (
    InitializeMintParams,
    MintToParams,
    create_associated_token_account,
    get_associated_token_address,
    initialize_mint,
    mint_to,
)

pytestmark = pytest.mark.integration


class Maybe:
    """A field that may be null."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


class Each:
    """An object with keys of its own, whose values all have one shape."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


def fits(value: Any, shape: Any, at: str = "result") -> None:
    """Fail unless a value has a shape: a type, [shape of each item], (shape of first, of second), {field: shape}."""
    if isinstance(shape, Maybe):
        if value is not None:
            fits(value, shape.shape, at)
    elif isinstance(shape, Each):
        assert isinstance(value, dict), f"{at} is {value!r}"
        assert value, f"{at} is empty"
        for key, item in value.items():
            fits(item, shape.shape, f"{at}.{key}")
    elif isinstance(shape, list):
        assert isinstance(value, list), f"{at} is {value!r}"
        for index, item in enumerate(value):
            fits(item, shape[0], f"{at}[{index}]")
    elif isinstance(shape, tuple):
        assert isinstance(value, list), f"{at} is {value!r}"
        assert len(value) == len(shape), f"{at} is {value!r}"
        for index, (item, each) in enumerate(zip(value, shape, strict=True)):
            fits(item, each, f"{at}[{index}]")
    elif isinstance(shape, dict):
        assert isinstance(value, dict), f"{at} is {value!r}"
        assert value.keys() == shape.keys(), f"{at} has {sorted(value)}, not {sorted(shape)}"
        for key, each in shape.items():
            fits(value[key], each, f"{at}.{key}")
    elif isinstance(shape, type):
        assert type(value) is shape, f"{at} is {value!r}, not {shape.__name__}"
    else:
        assert value == shape, f"{at} is {value!r}, not {shape!r}"


def context(shape: Any) -> dict[str, Any]:
    return {"context": {"slot": int, "apiVersion": str}, "value": shape}


AMOUNT = {"uiAmount": Maybe(float), "decimals": int, "amount": str, "uiAmountString": str}
ACCOUNT = {"lamports": int, "data": (str, str), "owner": str, "executable": bool, "rentEpoch": int, "space": int}
KEYED = {"pubkey": str, "account": ACCOUNT}
TOKEN_INFO = {"isNative": bool, "mint": str, "owner": str, "state": str, "tokenAmount": AMOUNT}
PARSED_TOKEN = {
    **ACCOUNT,
    "data": {"program": "spl-token", "parsed": {"type": "account", "info": TOKEN_INFO}, "space": 165},
}
MINT_INFO = {
    "decimals": 6,
    "freezeAuthority": Maybe(str),
    "isInitialized": True,
    "mintAuthority": Maybe(str),
    "supply": str,
}
PARSED_MINT = {**ACCOUNT, "data": {"program": "spl-token", "parsed": {"type": "mint", "info": MINT_INFO}, "space": 82}}
TOKEN_BALANCE = {"accountIndex": int, "mint": str, "uiTokenAmount": AMOUNT, "owner": str, "programId": str}
LOADED = {"writable": [str], "readonly": [str]}
COMPILED = {"programIdIndex": int, "accounts": [int], "data": str, "stackHeight": Maybe(int)}
PARSED = {"program": str, "programId": str, "parsed": {"type": str, "info": dict}, "stackHeight": Maybe(int)}
META_PARSED = {
    "err": Maybe(dict),
    "status": {"Ok": None},
    "fee": int,
    "preBalances": [int],
    "postBalances": [int],
    "innerInstructions": [{"index": int, "instructions": [PARSED]}],
    "logMessages": [str],
    "preTokenBalances": [TOKEN_BALANCE],
    "postTokenBalances": [TOKEN_BALANCE],
    "rewards": [dict],
    "computeUnitsConsumed": int,
}
META = {**META_PARSED, "innerInstructions": [{"index": int, "instructions": [COMPILED]}], "loadedAddresses": LOADED}
KEY = {"pubkey": str, "signer": bool, "writable": bool, "source": "transaction"}
HEADER = {"numRequiredSignatures": int, "numReadonlySignedAccounts": int, "numReadonlyUnsignedAccounts": int}
RAW_MESSAGE = {"header": HEADER, "accountKeys": [str], "recentBlockhash": str, "instructions": [COMPILED]}
PARSED_MESSAGE = {"accountKeys": [KEY], "recentBlockhash": str, "instructions": [PARSED]}
BLOCK = {"previousBlockhash": str, "blockhash": str, "parentSlot": int, "blockTime": int, "blockHeight": int}
SIMULATION = {
    "err": Maybe(dict),
    "logs": [str],
    "accounts": Maybe([Maybe(ACCOUNT)]),
    "unitsConsumed": int,
    "loadedAccountsDataSize": int,
    "returnData": Maybe(dict),
    "innerInstructions": Maybe([{"index": int, "instructions": [PARSED]}]),
    "replacementBlockhash": Maybe({"blockhash": str, "lastValidBlockHeight": int}),
    "fee": Maybe(int),
    "preBalances": Maybe([int]),
    "postBalances": Maybe([int]),
    "preTokenBalances": Maybe([TOKEN_BALANCE]),
    "postTokenBalances": Maybe([TOKEN_BALANCE]),
    "loadedAddresses": Maybe(LOADED),
}
STATUS = {
    "slot": int,
    "confirmations": None,
    "status": {"Ok": None},
    "err": None,
    "confirmationStatus": "finalized",
}
CONTACT = dict.fromkeys(("gossip", "tvu", "tpu", "tpuQuic", "tpuForwards", "tpuForwardsQuic", "tpuVote", "serveRepair"))
CONTACT |= {"pubkey": str, "rpc": str, "pubsub": str, "version": str, "clientId": None, "featureSet": int}
CONTACT |= {"shredVersion": int}


class World:
    """What the requests are about: a wallet, a mint with 5 tokens in the wallet's account, and who made them."""

    def __init__(self, node: Node) -> None:
        self.node, self.payer, mint = node, node.funded(), Wallet()
        self.mint = mint.address
        rent = node.call("getMinimumBalanceForRentExemption", 82)
        holder = get_associated_token_address(self.payer.pubkey, mint.pubkey)
        self.holder = str(holder)
        wallet = self.payer.pubkey
        steps = [
            create_account(
                CreateAccountParams(
                    from_pubkey=wallet, to_pubkey=mint.pubkey, lamports=rent, space=82, owner=TOKEN_PROGRAM_ID
                )
            ),
            initialize_mint(
                InitializeMintParams(
                    decimals=6,
                    program_id=TOKEN_PROGRAM_ID,
                    mint=mint.pubkey,
                    mint_authority=wallet,
                    freeze_authority=None,
                )
            ),
            create_associated_token_account(wallet, wallet, mint.pubkey),
            mint_to(
                MintToParams(
                    program_id=TOKEN_PROGRAM_ID, mint=mint.pubkey, dest=holder, mint_authority=wallet, amount=5_000_000
                )
            ),
        ]
        node.wait_slots(2)  # a block of its own, without the airdrop
        self.signature = node.run(steps, [self.payer, mint])
        self.slot = node.call("getTransaction", self.signature)["slot"]
        node.wait_slots(2)

    def transfer(self) -> str:
        """Return a transfer of one SOL, signed, base64."""
        wire = signed([pay(self.payer, Wallet().pubkey, SOL)], [self.payer], self.node.blockhash())
        return base64.b64encode(wire).decode()


@pytest.fixture(scope="module")
def world(node: Node) -> World:
    return World(node)


CONFIRMED = {"commitment": "confirmed", "minContextSlot": None}
BASE64 = {"encoding": "base64", "dataSlice": None, **CONFIRMED}


def test_what_the_chain_tells_of_itself(world: World) -> None:
    """`solana cluster-version`, `validators`, `epoch-info`, `block-production`, `gossip` and explorers begin with these."""
    call, slot = world.node.call, world.slot
    fits(call("getVersion"), {"solana-core": str, "feature-set": int})
    fits(call("getIdentity"), {"identity": str})
    fits(call("getHealth"), "ok")
    fits(call("getGenesisHash"), str)
    for method in ("getSlot", "getBlockHeight", "getTransactionCount"):
        fits(call(method, CONFIRMED), int)
    for method in ("getFirstAvailableBlock", "minimumLedgerSlot", "getMaxRetransmitSlot", "getMaxShredInsertSlot"):
        fits(call(method), int)
    epoch_info = dict.fromkeys(
        ("epoch", "slotIndex", "slotsInEpoch", "absoluteSlot", "blockHeight", "transactionCount"), int
    )
    fits(call("getEpochInfo", CONFIRMED), epoch_info)
    schedule = dict.fromkeys(("slotsPerEpoch", "leaderScheduleSlotOffset", "firstNormalEpoch", "firstNormalSlot"), int)
    fits(call("getEpochSchedule"), {**schedule, "warmup": bool})
    options = {"votePubkey": None, "commitment": "confirmed", "keepUnstakedDelinquents": False}
    voter = {"votePubkey": str, "nodePubkey": str, "activatedStake": int, "commission": int, "epochVoteAccount": True}
    voter |= {"epochCredits": [(int, int, int)], "lastVote": int, "rootSlot": int}
    fits(call("getVoteAccounts", options), {"current": (voter,), "delinquent": []})
    assert call("getVoteAccounts", {"votePubkey": Wallet().address})["current"] == []
    fits(call("getClusterNodes"), [CONTACT])
    assert call("getClusterNodes")[0]["rpc"] == f"127.0.0.1:{world.node.port}"
    fits(call("getSlotLeader", CONFIRMED), str)
    assert call("getSlotLeaders", slot, 3) == [call("getIdentity")["identity"]] * 3
    fits(call("getLeaderSchedule", None, {"identity": None, "commitment": "confirmed"}), Each([int]))
    assert call("getLeaderSchedule", 10**9) is None
    assert call("getLeaderSchedule", {"identity": Wallet().address}) == {}
    production = {"byIdentity": Each((int, int)), "range": {"firstSlot": int, "lastSlot": int}}
    fits(call("getBlockProduction"), context(production))
    ranged = {"identity": None, "range": {"firstSlot": 1, "lastSlot": slot}, "commitment": "confirmed"}
    [made] = call("getBlockProduction", ranged)["value"]["byIdentity"].values()
    assert made == [slot, slot]
    governor = dict.fromkeys(("initial", "terminal", "taper", "foundation", "foundationTerm"), float)
    fits(call("getInflationGovernor", {"commitment": "confirmed"}), governor)
    fits(call("getInflationRate"), {"total": float, "validator": float, "foundation": float, "epoch": int})
    supply = {"total": int, "circulating": int, "nonCirculating": int, "nonCirculatingAccounts": [str]}
    fits(call("getSupply", {"commitment": "finalized", "excludeNonCirculatingAccountsList": False}), context(supply))
    largest = {"commitment": "finalized", "filter": None, "sortResults": None}
    fits(call("getLargestAccounts", largest), context([{"address": str, "lamports": int}]))
    fits(call("getStakeMinimumDelegation", CONFIRMED), context(1_000_000_000))
    fits(call("getBlockCommitment", slot), {"commitment": Maybe([int]), "totalStake": int})
    sample = dict.fromkeys(("slot", "numTransactions", "numNonVoteTransactions", "numSlots", "samplePeriodSecs"), int)
    fits(call("getRecentPerformanceSamples", 4), [sample])
    fits(call("getRecentPrioritizationFees", [world.payer.address]), [{"slot": int, "prioritizationFee": int}])
    fits(call("getRecentPrioritizationFees"), [{"slot": int, "prioritizationFee": int}])


def test_the_producers_vote_and_stake_accounts_are_real_ones(world: World) -> None:
    """`solana vote-account`, `stakes` and `vote-update-commission` work on them; a drawing of one would fail there."""
    node, vote_program = world.node, Pubkey.from_string("Vote111111111111111111111111111111111111111")
    identity = Wallet(bytes(json.loads((node.home / "localnet/identity.json").read_text())[:32]))
    [shown] = node.call("getVoteAccounts")["current"]
    vote = Pubkey.from_string(shown["votePubkey"])
    metas = [AccountMeta(vote, False, True), AccountMeta(identity.pubkey, True, False)]
    node.run([Instruction(vote_program, struct.pack("<IB", 5, 100), metas)], [identity])  # UpdateCommission
    stake_program = Pubkey.from_string("Stake11111111111111111111111111111111111111")
    [stake] = node.call("getProgramAccounts", str(stake_program), {"encoding": "base64"})
    parsed = node.call("getAccountInfo", stake["pubkey"], {"encoding": "jsonParsed"})["value"]["data"]["parsed"]
    assert parsed["type"] == "delegated"
    assert parsed["info"]["stake"]["delegation"]["voter"] == str(vote)
    assert parsed["info"]["stake"]["delegation"]["stake"] == str(shown["activatedStake"])
    assert parsed["info"]["meta"]["authorized"] == {"staker": identity.address, "withdrawer": identity.address}
    clock = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")
    metas = [
        AccountMeta(Pubkey.from_string(stake["pubkey"]), False, True),
        AccountMeta(clock, False, False),
        AccountMeta(identity.pubkey, True, False),
    ]
    deactivate = signed([Instruction(stake_program, struct.pack("<I", 5), metas)], [identity], node.blockhash())
    text = base64.b64encode(deactivate).decode()
    assert node.call("simulateTransaction", text, {"encoding": "base64"})["value"]["err"] is None


def test_accounts_and_tokens(world: World) -> None:
    """`solana account`, `balance`, `spl-token accounts`, `supply` and `display` read these; spl-token wants jsonParsed."""
    call, wallet, mint, holder = world.node.call, world.payer.address, world.mint, world.holder
    parsed = {"encoding": "jsonParsed", "dataSlice": None, **CONFIRMED}
    fits(call("getBalance", wallet, CONFIRMED), context(int))
    fits(call("getMinimumBalanceForRentExemption", 165), int)
    fits(call("getAccountInfo", wallet, BASE64), context(ACCOUNT))
    fits(call("getAccountInfo", wallet), context({**ACCOUNT, "data": str}))
    fits(call("getAccountInfo", Wallet().address, BASE64), context(None))
    fits(call("getAccountInfo", holder, parsed), context(PARSED_TOKEN))
    fits(call("getAccountInfo", mint, parsed), context(PARSED_MINT))
    fits(call("getMultipleAccounts", [wallet, Wallet().address], BASE64), context((ACCOUNT, None)))
    fits(call("getMultipleAccounts", [holder, mint], parsed), context((PARSED_TOKEN, PARSED_MINT)))
    filters = [{"dataSize": 165}, {"memcmp": {"offset": 0, "bytes": mint, "encoding": "base58"}}]
    options = {"filters": filters, **BASE64, "withContext": None, "sortResults": None}
    fits(call("getProgramAccounts", str(TOKEN_PROGRAM_ID), options), [KEYED])
    fits(call("getProgramAccounts", str(TOKEN_PROGRAM_ID), {**options, "withContext": True}), context([KEYED]))
    hashes = call("getAccountInfo", "SysvarS1otHashes111111111111111111111111111", parsed)["value"]["data"]["parsed"]
    fits(hashes, {"type": "slotHashes", "info": [{"slot": int, "hash": str}]})
    owned = call("getTokenAccountsByOwner", wallet, {"mint": mint}, parsed)
    fits(owned, context(({"pubkey": holder, "account": PARSED_TOKEN},)))
    fits(call("getTokenAccountsByOwner", wallet, {"programId": str(TOKEN_PROGRAM_ID)}, BASE64), context([KEYED]))
    fits(call("getTokenAccountsByDelegate", wallet, {"mint": mint}, parsed), context([KEYED]))
    fits(call("getTokenAccountBalance", holder, {"commitment": "confirmed"}), context({**AMOUNT, "amount": "5000000"}))
    fits(call("getTokenSupply", mint, {"commitment": "confirmed"}), context({**AMOUNT, "uiAmountString": "5"}))
    fits(call("getTokenLargestAccounts", mint), context([{"address": holder, **AMOUNT}]))


def test_sol_can_be_wrapped(world: World) -> None:
    """`spl-token wrap` and every exchange do it; it needs the native mint, which a development cluster has from genesis."""
    wallet, native = world.payer.pubkey, Pubkey.from_string("So11111111111111111111111111111111111111112")
    holder = get_associated_token_address(wallet, native)
    make = create_associated_token_account(wallet, wallet, native)
    sync = Instruction(TOKEN_PROGRAM_ID, b"\x11", [AccountMeta(holder, False, True)])
    world.node.run([make, pay(world.payer, holder, SOL), sync], [world.payer])
    parsed = world.node.call("getAccountInfo", str(holder), {"encoding": "jsonParsed"})["value"]["data"]["parsed"]
    fits(parsed, {"type": "account", "info": {**TOKEN_INFO, "isNative": True, "rentExemptReserve": AMOUNT}})
    assert parsed["info"]["tokenAmount"] == {"uiAmount": 1.0, "decimals": 9, "amount": str(SOL), "uiAmountString": "1"}


def test_transactions_and_blocks(world: World) -> None:
    """`solana confirm`, `block`, `transaction-history` and every explorer read these."""
    call, name, slot = world.node.call, world.signature, world.slot
    head = {"slot": int, "blockTime": int, "transactionIndex": 0}
    options = {"commitment": "confirmed", "maxSupportedTransactionVersion": 0}
    shown = call("getTransaction", name, {"encoding": "json", **options})
    whole = {"signatures": [str], "message": RAW_MESSAGE}
    fits(shown, {**head, "transaction": whole, "meta": META, "version": "legacy"})
    fits(call("getTransaction", name), {**head, "transaction": whole, "meta": META})
    shown = call("getTransaction", name, {"encoding": "jsonParsed", **options})
    parsed = {"signatures": [str], "message": PARSED_MESSAGE}
    fits(shown, {**head, "transaction": parsed, "meta": META_PARSED, "version": "legacy"})
    for encoding in ("base64", "base58"):
        shown = call("getTransaction", name, {"encoding": encoding, **options})
        fits(shown, {**head, "transaction": (str, encoding), "meta": META, "version": "legacy"})
    assert call("getTransaction", name, "base58")["transaction"][1] == "base58"
    each = {"transaction": whole, "meta": META}
    fits(call("getBlock", slot), {**BLOCK, "transactions": [each], "rewards": [dict]})
    options |= {"encoding": "jsonParsed", "transactionDetails": "full", "rewards": False}
    each = {"transaction": parsed, "meta": {**META_PARSED, "rewards": None}, "version": "legacy"}
    fits(call("getBlock", slot, options), {**BLOCK, "transactions": [each]})
    signatures = call("getBlock", slot, {**options, "transactionDetails": "signatures", "rewards": None})
    fits(signatures, {**BLOCK, "signatures": [str], "rewards": [dict]})
    assert name in signatures["signatures"]
    fits(call("getBlock", slot, {**options, "transactionDetails": "none"}), BLOCK)
    names = ("err", "status", "fee", "preBalances", "postBalances", "preTokenBalances", "postTokenBalances")
    short = {name: META[name] for name in names}
    accounts = {"transaction": {"signatures": [str], "accountKeys": [KEY]}, "meta": short, "version": "legacy"}
    fits(call("getBlock", slot, {**options, "transactionDetails": "accounts"}), {**BLOCK, "transactions": [accounts]})
    assert slot in call("getBlocks", slot, slot + 1, {"commitment": "confirmed"})
    assert slot in call("getBlocks", slot, {"commitment": "confirmed"})
    assert call("getBlocks", slot, slot - 1) == []
    assert call("getBlocksWithLimit", slot, 1) == [slot]
    fits(call("getBlockTime", slot), int)
    line = {
        "transactionIndex": int,
        "signature": str,
        "slot": int,
        "err": None,
        "memo": None,
        "blockTime": int,
        "confirmationStatus": "finalized",
    }
    config = {"before": None, "until": None, "limit": None, **CONFIRMED}
    fits(call("getSignaturesForAddress", world.payer.address, config), [line])
    history = {"searchTransactionHistory": True}
    fits(call("getSignatureStatuses", [name, "1" * 64], history), context((STATUS, None)))


def test_sending_and_simulating(world: World) -> None:
    """`solana transfer`, `ping` and `program deploy` ask in this order: blockhash, fee, simulation, send, status."""
    call, wallet = world.node.call, world.payer.pubkey
    latest = call("getLatestBlockhash", CONFIRMED)
    fits(latest, context({"blockhash": str, "lastValidBlockHeight": int}))
    blockhash = latest["value"]["blockhash"]
    fits(call("isBlockhashValid", blockhash, CONFIRMED), context(True))
    message = Message.new_with_blockhash([pay(world.payer, Wallet().pubkey, SOL)], wallet, Hash.from_string(blockhash))
    fits(call("getFeeForMessage", base64.b64encode(bytes(message)).decode(), CONFIRMED), context(5_000))
    options = {"sigVerify": False, "replaceRecentBlockhash": True, "commitment": "confirmed", "encoding": "base64"}
    options |= {"accounts": None, "minContextSlot": None, "innerInstructions": False}
    simulated = call("simulateTransaction", world.transfer(), options)
    fits(simulated, context(SIMULATION))
    value = simulated["value"]
    assert value["unitsConsumed"] == 150
    assert value["fee"] == 5_000
    assert value["preBalances"][0] - value["postBalances"][0] == SOL + 5_000
    assert value["postBalances"][1] == SOL
    assert value["loadedAccountsDataSize"] == 64 + 64 + 14  # the wallet, the system program and its 14 bytes
    assert value["innerInstructions"] is value["accounts"] is None
    wanted = {"encoding": "base64", "addresses": [str(wallet), world.mint]}
    shown = call("simulateTransaction", world.transfer(), {**options, "accounts": wanted, "innerInstructions": True})
    fits(shown["value"]["accounts"], (ACCOUNT, ACCOUNT))  # also one that the transaction does not name
    assert shown["value"]["innerInstructions"] == []
    config = {"skipPreflight": False, "preflightCommitment": "confirmed", "encoding": "base64", "maxRetries": None}
    name = call("sendTransaction", world.transfer(), {**config, "minContextSlot": None})
    fits(call("getSignatureStatuses", [name]), context((STATUS,)))
    fits(call("requestAirdrop", str(wallet), SOL, {"recentBlockhash": blockhash, "commitment": "confirmed"}), str)
    poor = signed([pay(world.payer, Wallet().pubkey, 10**15)], [world.payer], blockhash)
    with pytest.raises(RpcRefused) as caught:
        call("sendTransaction", base64.b64encode(poor).decode(), config)
    fits(caught.value.data, SIMULATION)
    for name in ("accounts", "innerInstructions", "preBalances", "postTokenBalances", "loadedAddresses"):
        assert caught.value.data[name] is None


@pytest.mark.parametrize(
    ("method", "params", "code", "message"),
    [
        ("getBalance", [], -32602, "`params` should have at least 1 argument(s)"),
        ("getBalance", {"a": 1}, -32602, "`params` should be an array"),
        ("getBalance", [1], -32602, "Invalid params: invalid type: integer `1`, expected a string."),
        ("getBalance", ["0OIl"], -32602, "Invalid param: Invalid"),
        ("getBalance", ["1"], -32602, "Invalid param: WrongSize"),
        ("getBalance", ["1" * 32, None, 3], -32602, "Invalid parameters: Expected from 1 to 2 parameters."),
        ("getHealth", [1], -32602, "Invalid parameters: No parameters were expected"),
        ("getBlock", [1 << 40], -32004, f"Block not available for slot {1 << 40}"),
        ("getBlock", [1, {"commitment": "processed"}], -32602, "Method does not support commitment below `confirmed`"),
        ("getSlotLeaders", [0, 5_001], -32602, "Invalid limit; max 5000"),
        (
            "getSlotLeaders",
            [432_000 * 2, 1],
            -32602,
            "Invalid slot range: leader schedule for epoch 2 is unavailable",
        ),
        ("getRecentPerformanceSamples", [721], -32602, "Invalid limit; max 720"),
        ("getBlocksWithLimit", [0, 500_001], -32602, "Limit too large; max 500000"),
        ("getSignaturesForAddress", ["1" * 32, {"limit": 0}], -32602, "Invalid limit; max 1000"),
        ("getSignaturesForAddress", ["1" * 32, {"before": "1" * 64}], -32020, f"Transaction {'1' * 64} not found"),
        ("getSignatureStatuses", [["1" * 64] * 257], -32602, "Too many inputs provided; max 256"),
        ("getMultipleAccounts", [["1" * 32] * 101], -32602, "Too many inputs provided; max 100"),
        (
            "getProgramAccounts",
            ["1" * 32, {"filters": [{"dataSize": 1}] * 5}],
            -32602,
            "Too many filters provided; max 4",
        ),
        ("getTokenAccountBalance", ["1" * 32], -32602, "Invalid param: not a Token account"),
        ("getTokenSupply", ["1" * 32], -32602, "Invalid param: not a Token mint"),
        ("getTokenLargestAccounts", ["1" * 32], -32602, "Invalid param: Token mint could not be unpacked"),
        ("getTokenLargestAccounts", ["1" * 31 + "9"], -32602, "Invalid param: could not find mint"),
        ("getMinimumBalanceForRentExemption", [11 << 20], -32600, "Invalid request"),
        ("getHighestSnapshotSlot", [], -32008, "No snapshot"),
        ("getInflationReward", [["1" * 32]], -32004, "Block not available for slot 432000"),
        (
            "getInflationReward",
            [["1" * 32], {"commitment": "processed"}],
            -32602,
            "Method does not support commitment below `confirmed`",
        ),
        ("sendTransaction", ["0OIl"], -32602, "invalid base58 encoding: InvalidCharacter { character: '0', index: 0 }"),
        ("sendTransaction", ["?", {"encoding": "base64"}], -32602, "invalid base64 encoding: InvalidByte(0, 63)"),
        (
            "sendTransaction",
            ["AAAA", {"encoding": "base64"}],
            -32602,
            "failed to deserialize solana_transaction::versioned::VersionedTransaction: io error: failed to fill whole buffer",
        ),
        (
            "sendTransaction",
            ["", {"encoding": "hex"}],
            -32602,
            "Invalid params: unknown variant `hex`, expected one of `binary`, `base64`, `base58`, `json`, `jsonParsed`.",
        ),
        (
            "getTransaction",
            ["1" * 64, {"encoding": "hex"}],
            -32602,
            "Invalid params: data did not match any variant of untagged enum RpcEncodingConfigWrapper.",
        ),
        (
            "getProgramAccounts",
            ["1" * 32, {"filters": [{"memcmp": {"offset": 0, "bytes": "0"}}]}],
            -32602,
            "Invalid param: Base58DecodeError(InvalidCharacter { character: '0', index: 0 })",
        ),
        (
            "getAccountInfo",
            ["1" * 32, "base64"],
            -32602,
            'Invalid params: invalid type: string "base64", expected struct RpcAccountInfoConfig.',
        ),
        (
            "getLargestAccounts",
            [{"filter": "all"}],
            -32602,
            "Invalid params: unknown variant `all`, expected `circulating` or `nonCirculating`.",
        ),
        ("isBlockhashValid", ["no hash"], -32602, "Invalid"),
        (
            "getMinimumBalanceForRentExemption",
            [-1],
            -32602,
            "Invalid params: invalid value: integer `-1`, expected usize.",
        ),
        (
            "getTokenSupply",
            ["1" * 32, {"commitment": "soon"}],
            -32602,
            "Invalid params: unknown variant `soon`, expected one of `processed`, `confirmed`, `finalized`.",
        ),
        (
            "sendTransaction",
            ["", {"encoding": "json"}],
            -32602,
            "unsupported encoding: json. Supported encodings: base58, base64",
        ),
        ("mintMoney", [], -32601, "Method not found"),
    ],
)
def test_a_refusal_has_the_words_of_a_validator(
    node: Node, method: str, params: Any, code: int, message: str | None
) -> None:
    """Clients search them: "Blockhash not found" is tried again, "Invalid param" is not."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    error = node.http.post("/", json=body).json()["error"]
    assert error["code"] == code
    assert message in (None, error["message"])
