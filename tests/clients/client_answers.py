"""The same questions to two nodes: where their answers differ in shape, in an error's number or words, or in a value that must agree."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from client_campus import CLOCK, SYSTEM, TOKEN, Campus
from client_token22 import TOKEN_2022, holder_address, mint_address
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import Transaction

from gridkit.chain.rpc import Rpc, RpcRefusedError

CONFIRMED = {"commitment": "confirmed"}
HEAD = {"encoding": "base64", "dataSlice": {"offset": 0, "length": 8}} | CONFIRMED
PARSED = {"encoding": "jsonParsed"} | CONFIRMED
NOBODY = "Campus1111111111111111111111111111111111111"
STAKE = "Stake11111111111111111111111111111111111111"
VOTE = "Vote111111111111111111111111111111111111111"


@dataclass(frozen=True)
class Difference:
    """Where two answers differ: the question, the place in the answer, and what each said."""

    question: str
    place: str
    localnet: str
    validator: str


@dataclass(frozen=True)
class Question:
    """A call; `exact` says that the values must agree, not only their types."""

    name: str
    method: str
    params: tuple[Any, ...]
    exact: bool = False


def questions(campus: Campus, landed: str, failed: str) -> list[Question]:
    """Return every question.

    Args:
        campus: Addresses that both chains have.
        landed, failed: A signature that landed and one that failed in a block, on the chain that is asked.
    """
    market, wallet = str(campus.market), str(campus.keypair("deployer").pubkey())
    trading = str(campus.programs["trading"])
    mint = _pda(campus, "energy_token", b"mint")
    vault = _pda(campus, "energy_token", b"vault")
    payer = campus.keypair("deployer")
    stale = _transfer(payer, payer.pubkey(), Hash.default())
    forged = bytearray(stale)
    forged[1] ^= 1
    b58 = {"encoding": "base64"}
    listed = [
        ("getAccountInfo", (market, HEAD), True),
        ("getAccountInfo", (mint, PARSED), True),
        ("getAccountInfo", (vault, PARSED), True),
        ("getAccountInfo", (trading, PARSED), True),
        ("getAccountInfo", (str(CLOCK), PARSED), False),
        ("getAccountInfo", ("a vote account", PARSED), False),
        ("getAccountInfo", (mint_address(), PARSED), True),
        ("getAccountInfo", (holder_address(), PARSED), True),
        ("getAccountInfo", (wallet,), False),
        ("getAccountInfo", (NOBODY, CONFIRMED), True),
        ("getMultipleAccounts", ([market, NOBODY], HEAD), True),
        ("getProgramAccounts", (trading, HEAD | {"filters": [{"dataSize": 464_000}]}), True),
        ("getProgramAccounts", (STAKE, PARSED), False),
        ("getProgramAccounts", (VOTE, PARSED), False),
        ("getBalance", (wallet, CONFIRMED), False),
        ("getBlock", ("a block", {"encoding": "json", "maxSupportedTransactionVersion": 0, "rewards": False} | CONFIRMED), False),
        ("getBlockCommitment", (1,), False),
        ("getBlockHeight", (CONFIRMED,), False),
        ("getBlockProduction", (), False),
        ("getBlockProduction", ({"identity": "an identity", "range": {"firstSlot": 0, "lastSlot": 5}} | CONFIRMED,), False),
        ("getBlockProduction", ({"range": {"firstSlot": 10**9}},), False),
        ("getBlockTime", ("a block",), False),
        ("getBlocks", ("a block", "a block", CONFIRMED), False),
        ("getBlocksWithLimit", ("a block", 1, CONFIRMED), False),
        ("getClusterNodes", (), False),
        ("getEpochInfo", (), False),
        ("getEpochSchedule", (), True),
        ("getFeeForMessage", ("a message", CONFIRMED), True),
        ("getFirstAvailableBlock", (), False),
        ("getGenesisHash", (), True),
        ("getHealth", (), True),
        ("getIdentity", (), False),
        ("getInflationGovernor", (), False),
        ("getInflationRate", (), False),
        ("getInflationReward", ([wallet],), False),
        ("getLargestAccounts", (), False),
        ("getLatestBlockhash", (CONFIRMED,), False),
        ("getLeaderSchedule", (), False),
        ("getLeaderSchedule", (None, {"identity": "an identity"} | CONFIRMED), False),
        ("getLeaderSchedule", (10**9,), True),
        ("getHighestSnapshotSlot", (), False),
        ("getMaxRetransmitSlot", (), False),
        ("getMaxShredInsertSlot", (), False),
        ("getMinimumBalanceForRentExemption", (165,), True),
        ("getRecentPerformanceSamples", (1,), False),
        ("getRecentPrioritizationFees", ([market],), False),
        ("getSignatureStatuses", ([landed, failed], {"searchTransactionHistory": True}), False),
        ("getSignaturesForAddress", (market, {"limit": 2} | CONFIRMED), False),
        ("getSlot", (CONFIRMED,), False),
        ("getSlotLeader", (), False),
        ("getSlotLeaders", (0, 1), False),
        ("getStakeMinimumDelegation", (CONFIRMED,), True),
        ("getSupply", (), False),
        ("getTokenAccountBalance", (vault, CONFIRMED), True),
        ("getTokenAccountsByDelegate", (wallet, {"programId": str(TOKEN)}, PARSED), True),
        ("getTokenAccountsByOwner", (_pda(campus, "energy_token", b"authority"), {"mint": mint}, PARSED), True),
        ("getTokenAccountsByOwner", (wallet, {"programId": str(TOKEN_2022)}, PARSED), True),
        ("getTokenAccountBalance", (holder_address(), CONFIRMED), True),
        ("getTokenSupply", (mint_address(), CONFIRMED), True),
        ("getTokenLargestAccounts", (mint_address(), CONFIRMED), True),
        ("getTokenLargestAccounts", (mint, CONFIRMED), True),
        ("getTokenSupply", (mint, CONFIRMED), True),
        ("getTransaction", (landed, {"encoding": "json", "maxSupportedTransactionVersion": 0} | CONFIRMED), False),
        ("getTransaction", (landed, {"encoding": "jsonParsed", "maxSupportedTransactionVersion": 0} | CONFIRMED), False),
        ("getTransaction", (failed, {"encoding": "json", "maxSupportedTransactionVersion": 0} | CONFIRMED), False),
        ("getTransactionCount", (CONFIRMED,), False),
        ("getVersion", (), False),
        ("getVoteAccounts", (), False),
        ("getVoteAccounts", ({"votePubkey": "a vote account"} | CONFIRMED,), False),
        ("getVoteAccounts", ({"votePubkey": NOBODY},), True),
        ("getVoteAccounts", ({"votePubkey": "no address"},), True),
        ("isBlockhashValid", (str(Hash.default()), CONFIRMED), True),
        ("minimumLedgerSlot", (), False),
        ("simulateTransaction", (_b64(stale), b58 | CONFIRMED), False),
        ("simulateTransaction", (_b64(stale), b58 | CONFIRMED | {"replaceRecentBlockhash": True}), False),
        # What must be refused, with the same number and the same words.
        ("sendTransaction", (_b64(stale), b58), True),
        ("sendTransaction", (_b64(bytes(forged)), b58), True),
        ("sendTransaction", (_b64(stale)[:40], b58), True),
        ("sendTransaction", ("?", b58), True),
        ("sendTransaction", (_b64(bytes(1_300)), b58), True),
        ("sendTransaction", (_b64(stale), {"encoding": "hex"}), True),
        ("simulateTransaction", (_b64(stale), b58 | {"sigVerify": True, "replaceRecentBlockhash": True}), True),
        ("getAccountInfo", ("no address",), True),
        ("getAccountInfo", ("1111",), True),
        ("getAccountInfo", (), True),
        ("getAccountInfo", (market, {"encoding": "base58"}), True),
        ("getAccountInfo", (market, {"commitment": "soon"}), True),
        ("getAccountInfo", (7,), True),
        ("getBalance", (wallet, {"minContextSlot": 10**12}), True),
        ("getMultipleAccounts", ([str(SYSTEM)] * 101,), True),
        ("getProgramAccounts", (trading, {"filters": [{"memcmp": {"offset": 0, "bytes": "0"}}]}), True),
        ("getSignaturesForAddress", (market, {"limit": 1_001}), True),
        ("getSignatureStatuses", ([landed] * 257,), True),
        ("getSignatureStatuses", (["no signature"],), True),
        ("getTransaction", ("no signature",), True),
        ("getTransaction", ("1" * 64, CONFIRMED), True),
        ("getTransaction", (landed, {"commitment": "processed"}), True),
        ("getTokenAccountBalance", (market, CONFIRMED), True),
        ("getTokenAccountBalance", (NOBODY, CONFIRMED), True),
        ("getTokenSupply", (market, CONFIRMED), True),
        ("getTokenAccountsByOwner", (wallet, {"mint": NOBODY}), True),
        ("getTokenAccountsByOwner", (wallet, {"programId": trading}), True),
        ("getBlock", (10**9,), True),
        ("getBlock", ("7",), True),
        ("getBlocks", (0, 10**7), False),
        ("getBlocksWithLimit", (0, 10**7), True),
        ("getSlotLeaders", (0, 5_001), True),
        ("getFeeForMessage", ("AAAA",), True),
        ("requestAirdrop", ("no address", 1), True),
        ("isBlockhashValid", ("no hash",), True),
        ("getMinimumBalanceForRentExemption", (-1,), True),
        ("getRecentPrioritizationFees", ([market] * 129,), True),
        ("noSuchMethod", (), True),
    ]  # fmt: skip
    counted: dict[str, int] = {}
    made = []
    for method, params, exact in listed:
        counted[method] = counted.get(method, 0) + 1
        made.append(Question(f"{method} #{counted[method]}", method, params, exact))
    return made


def answers(campus: Campus, landed: str, failed: str) -> dict[str, tuple[Question, Any]]:
    """Ask one node, and return question and answer by the question's name; a refusal as {error: {code, message, data}}.

    The node's identity stands in it as <identity>.
    """
    rpc = Rpc(campus.rpc_url, timeout_s=30)
    slot = int(rpc.transaction(landed)["slot"])  # type: ignore[index]
    blockhash = Hash.from_string(rpc.latest_blockhash()[0])
    payer = campus.keypair("deployer").pubkey()
    message = Message.new_with_blockhash([], payer, blockhash)
    identity, found = str(rpc.call("getIdentity")["identity"]), {}
    stands_for = {
        "a block": slot,
        "a message": _b64(bytes(message)),
        "a vote account": rpc.call("getVoteAccounts")["current"][0]["votePubkey"],
        "an identity": identity,
    }
    for question in questions(campus, landed, failed):
        params = [_filled(one, stands_for) for one in question.params]
        try:
            answer = rpc.call(question.method, *params)
        except RpcRefusedError as refused:
            answer = {"error": {"code": refused.code, "message": refused.message, "data": refused.data}}
        found[question.name] = question, json.loads(json.dumps(answer).replace(identity, "<identity>"))
    return found


def _filled(given: Any, stands_for: dict[str, Any]) -> Any:
    if isinstance(given, dict):
        return {name: _filled(one, stands_for) for name, one in given.items()}
    return stands_for.get(given, given) if isinstance(given, str) else given


def differences(
    localnet: dict[str, tuple[Question, Any]], validator: dict[str, tuple[Question, Any]]
) -> list[Difference]:
    """Return every place where two nodes' answers differ."""
    found = []
    for name, (question, mine) in localnet.items():
        theirs = validator[name][1]
        refused = _refused(mine) or _refused(theirs)
        for place, ours, others in _compare(mine, theirs, "", exact=question.exact or refused):
            found.append(Difference(name, place or "answer", ours, others))
    return found


def _refused(answer: Any) -> bool:
    return isinstance(answer, dict) and set(answer) == {"error"}


def _compare(mine: Any, theirs: Any, place: str, *, exact: bool) -> Iterator[tuple[str, str, str]]:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key in sorted(mine.keys() | theirs.keys()):
            at = f"{place}.{key}" if place else key
            if key in ("context", "contextSlot"):
                yield from _compare(mine.get(key), theirs.get(key), at, exact=False)
            elif key not in mine or key not in theirs:
                yield at, _said(mine.get(key, "(absent)")), _said(theirs.get(key, "(absent)"))
            else:
                yield from _compare(mine[key], theirs[key], at, exact=exact)
    elif isinstance(mine, list) and isinstance(theirs, list):
        # Whether there is anything must agree too, but not inside of a list: its items need not be the same ones.
        if (exact and len(mine) != len(theirs)) or ("[]" not in place and bool(mine) != bool(theirs)):
            yield f"{place}[]", f"{len(mine)} items", f"{len(theirs)} items"
        for ours, others in zip(mine, theirs, strict=False):
            yield from _compare(ours, others, f"{place}[]", exact=exact)
    elif exact and place.endswith("message"):
        # The serde text of a parse error may name another column; the words before it must agree.
        if re.sub(r"\d+", "0", str(mine)) != re.sub(r"\d+", "0", str(theirs)):
            yield place, _said(mine), _said(theirs)
    elif type(mine) is not type(theirs) or (exact and mine != theirs):
        yield place, _said(mine), _said(theirs)


def _said(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 160 else text[:157] + "..."


def _transfer(payer: Keypair, to: Pubkey, blockhash: Hash) -> bytes:
    instruction = transfer(TransferParams(from_pubkey=payer.pubkey(), to_pubkey=to, lamports=1))
    return bytes(Transaction([payer], Message.new_with_blockhash([instruction], payer.pubkey(), blockhash), blockhash))


def _pda(campus: Campus, program: str, seed: bytes) -> str:
    return str(Pubkey.find_program_address([seed], campus.programs[program])[0])


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
