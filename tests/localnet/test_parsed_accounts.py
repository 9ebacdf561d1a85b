"""How vote accounts and Token-2022's extensions read in "jsonParsed"; whole accounts of a real validator are compared in tests/clients."""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import Any

import pytest
from solders.pubkey import Pubkey

from deploy.localnet.bank import TOKEN, TOKEN_2022
from deploy.localnet.genesis_accounts import VOTE, vote_address
from deploy.localnet.parsed_accounts import parse
from deploy.localnet.parsed_extensions import extensions
from deploy.localnet.parsed_votes import vote_account

A, B, C = (Pubkey.from_bytes(hashlib.sha256(name).digest()) for name in (b"a", b"b", b"c"))
MINT, ACCOUNT = 1, 2
NOBODY = bytes(32)
PENDING = bytes(range(64))


def behind(account_type: int, *values: tuple[int, bytes]) -> bytes:
    """Return an account whose base is zeros, with extensions behind it."""
    listed = b"".join(struct.pack("<HH", number, len(value)) + value for number, value in values)
    return bytes(165) + bytes([account_type]) + listed


def b64(data: bytes) -> str:
    """Return base64 text."""
    return base64.b64encode(data).decode()


def fee(epoch: int) -> dict[str, int]:
    """Return a fee as the node shows it."""
    return {"epoch": epoch, "maximumFee": 2**64 - 1, "transferFeeBasisPoints": 250}


def packed_fee(epoch: int) -> bytes:
    """Return the same as it is stored."""
    return struct.pack("<QQH", epoch, 2**64 - 1, 250)


def text(value: str) -> bytes:
    """Return a Borsh string."""
    return struct.pack("<I", len(value.encode())) + value.encode()


STATES: list[tuple[int, int, bytes, str, dict[str, Any] | None]] = [
    (1, MINT, bytes(A) + NOBODY + struct.pack("<Q", 7) + packed_fee(3) + packed_fee(5), "transferFeeConfig", {
        "transferFeeConfigAuthority": str(A), "withdrawWithheldAuthority": None, "withheldAmount": 7,
        "olderTransferFee": fee(3), "newerTransferFee": fee(5),
    }),
    (2, ACCOUNT, struct.pack("<Q", 9), "transferFeeAmount", {"withheldAmount": 9}),
    (3, MINT, bytes(A), "mintCloseAuthority", {"closeAuthority": str(A)}),
    (4, MINT, bytes(A) + b"\1" + bytes(B), "confidentialTransferMint", {
        "authority": str(A), "autoApproveNewAccounts": True, "auditorElgamalPubkey": b64(bytes(B)),
    }),
    (5, ACCOUNT, b"\1" + bytes(A) + PENDING * 3 + bytes(36) + b"\1\0" + struct.pack("<4Q", 1, 2, 3, 4),
     "confidentialTransferAccount", {
        "approved": True, "elgamalPubkey": b64(bytes(A)), "pendingBalanceLo": b64(PENDING), "pendingBalanceHi": b64(PENDING),
        "availableBalance": b64(PENDING), "decryptableAvailableBalance": b64(bytes(36)), "allowConfidentialCredits": True,
        "allowNonConfidentialCredits": False, "pendingBalanceCreditCounter": 1, "maximumPendingBalanceCreditCounter": 2,
        "expectedPendingBalanceCreditCounter": 3, "actualPendingBalanceCreditCounter": 4,
    }),
    (6, MINT, b"\2", "defaultAccountState", {"accountState": "frozen"}),
    (7, ACCOUNT, b"", "immutableOwner", None),
    (8, ACCOUNT, b"\1", "memoTransfer", {"requireIncomingTransferMemos": True}),
    (9, MINT, b"", "nonTransferable", None),
    (10, MINT, bytes(A) + struct.pack("<qhqh", 1_700_000_000, -5, 1_800_000_000, 500), "interestBearingConfig", {
        "rateAuthority": str(A), "initializationTimestamp": 1_700_000_000, "preUpdateAverageRate": -5,
        "lastUpdateTimestamp": 1_800_000_000, "currentRate": 500,
    }),
    (11, ACCOUNT, b"\0", "cpiGuard", {"lockCpi": False}),
    (12, MINT, bytes(A), "permanentDelegate", {"delegate": str(A)}),
    (13, ACCOUNT, b"", "nonTransferableAccount", None),
    (14, MINT, bytes(A) + bytes(B), "transferHook", {"authority": str(A), "programId": str(B)}),
    (15, ACCOUNT, b"\1", "transferHookAccount", {"transferring": True}),
    (16, MINT, bytes(A) + bytes(B) + b"\1" + PENDING, "confidentialTransferFeeConfig", {
        "authority": str(A), "withdrawWithheldAuthorityElgamalPubkey": b64(bytes(B)), "harvestToMintEnabled": True,
        "withheldAmount": b64(PENDING),
    }),
    (17, ACCOUNT, PENDING, "confidentialTransferFeeAmount", {"withheldAmount": b64(PENDING)}),
    (18, MINT, bytes(A) + bytes(B), "metadataPointer", {"authority": str(A), "metadataAddress": str(B)}),
    (19, MINT, bytes(A) + bytes(B) + text("Grid") + text("GRD") + text("https://grid") + struct.pack("<I", 1) + text("k") + text("ä"),
     "tokenMetadata", {
        "updateAuthority": str(A), "mint": str(B), "name": "Grid", "symbol": "GRD", "uri": "https://grid",
        "additionalMetadata": [["k", "ä"]],
    }),
    (20, MINT, NOBODY + bytes(B), "groupPointer", {"authority": None, "groupAddress": str(B)}),
    (21, MINT, bytes(A) + bytes(B) + struct.pack("<QQ", 1, 9), "tokenGroup", {
        "updateAuthority": str(A), "mint": str(B), "size": 1, "maxSize": 9,
    }),
    (22, MINT, bytes(A) + bytes(B), "groupMemberPointer", {"authority": str(A), "memberAddress": str(B)}),
    (23, MINT, bytes(A) + bytes(B) + struct.pack("<Q", 4), "tokenGroupMember", {
        "mint": str(A), "group": str(B), "memberNumber": 4,
    }),
    (24, MINT, PENDING + bytes(36) + bytes(A) + PENDING, "confidentialMintBurn", {
        "confidentialSupply": b64(PENDING), "decryptableSupply": b64(bytes(36)), "supplyElgamalPubkey": b64(bytes(A)),
        "pendingBurn": b64(PENDING),
    }),
    (25, MINT, bytes(A) + struct.pack("<dqd", 5.0, -1, 1.25e-7), "scaledUiAmountConfig", {
        "authority": str(A), "multiplier": "5", "newMultiplierEffectiveTimestamp": -1, "newMultiplier": "0.000000125",
    }),
    (26, MINT, bytes(A) + b"\1", "pausableConfig", {"authority": str(A), "paused": True}),
    (27, ACCOUNT, b"", "pausableAccount", None),
]  # fmt: skip


@pytest.mark.parametrize(("number", "account_type", "value", "name", "state"), STATES, ids=[one[3] for one in STATES])
def test_an_extension_reads_as_on_a_validator(
    number: int, account_type: int, value: bytes, name: str, state: dict[str, Any] | None
) -> None:
    """`spl-token display` and every wallet show a mint's fees and delegates from this."""
    shown = {"extension": name} if state is None else {"extension": name, "state": state}
    assert extensions(behind(account_type, (number, value))) == [shown]


@pytest.mark.parametrize(("number", "account_type", "value", "name", "state"), [one for one in STATES if one[2]])
def test_an_extension_of_another_size_or_account_is_unparseable(
    number: int, account_type: int, value: bytes, name: str, state: dict[str, Any] | None
) -> None:
    """Read with a field too few, a delegate would be somebody else."""
    del name, state
    unparseable = [{"extension": "unparseableExtension"}]
    assert extensions(behind(account_type, (number, value[:-1]))) == unparseable
    assert extensions(behind(account_type, (number, value + b"\0"))) == unparseable
    assert extensions(behind(MINT + ACCOUNT - account_type, (number, value))) == unparseable


def test_extensions_stand_in_their_order_up_to_the_end() -> None:
    """A list is closed by type 0 or by the account's end; one that is cut off, or has a type of the future, is shown as none."""
    guard, memo = (11, b"\1"), (8, b"\0")
    names = [one["extension"] for one in extensions(behind(ACCOUNT, guard, memo))]
    assert names == ["cpiGuard", "memoTransfer"]
    assert len(extensions(behind(ACCOUNT, guard) + bytes(40))) == 1
    assert len(extensions(behind(ACCOUNT, guard) + b"\1")) == 1
    assert extensions(behind(ACCOUNT, guard) + struct.pack("<HH", 8, 2) + b"\1") == []
    assert extensions(behind(ACCOUNT, guard) + struct.pack("<HB", 8, 1)) == []
    assert extensions(behind(ACCOUNT, guard, (28, b""))) == []
    assert extensions(bytes(165)) == []


def vote_state(version: int) -> bytes:
    """Return a vote state with two votes, a root, two voters and two epochs' credits."""
    keys = bytes(A) + bytes(B)
    if version == 4:
        keys += bytes(C) + bytes(A) + struct.pack("<HHQ", 750, 9_000, 33) + b"\1" + bytes(48)
        head = struct.pack("<I", 3)
    else:
        keys += bytes([7])
        head = struct.pack("<I", {1: 1, 3: 2}[version])
    latency = b"" if version == 1 else b"\2"
    votes = struct.pack("<Q", 2) + b"".join(latency + struct.pack("<QI", slot, 3) for slot in (40, 41))
    root = b"\1" + struct.pack("<Q", 8)
    voters = struct.pack("<Q", 2) + b"".join(struct.pack("<Q", epoch) + bytes(A) for epoch in (5, 6))
    prior = b"" if version == 4 else bytes(32 * 48) + struct.pack("<Q?", 31, True)
    credits_ = struct.pack("<Q", 2) + struct.pack("<6Q", 5, 100, 90, 6, 110, 100)
    return (head + keys + votes + root + voters + prior + credits_ + struct.pack("<Qq", 41, 1_700_000_000)).ljust(
        3_762, b"\0"
    )


@pytest.mark.parametrize("version", [1, 3, 4])
def test_a_vote_account_of_any_version_reads_as_the_newest(version: int) -> None:
    """`solana vote-account` reads it; a field too far to the left would show another node's commission."""
    newest = version == 4
    address = vote_address(A)
    assert vote_account(address, vote_state(version)) == {
        "type": "vote",
        "info": {
            "nodePubkey": str(A),
            "authorizedWithdrawer": str(B),
            "commission": 7,
            "votes": [{"latency": 0 if version == 1 else 2, "slot": slot, "confirmationCount": 3} for slot in (40, 41)],
            "rootSlot": 8,
            "authorizedVoters": [{"epoch": epoch, "authorizedVoter": str(A)} for epoch in (5, 6)],
            "priorVoters": [],
            "epochCredits": [
                {"epoch": 5, "credits": "100", "previousCredits": "90"},
                {"epoch": 6, "credits": "110", "previousCredits": "100"},
            ],
            "lastTimestamp": {"slot": 41, "timestamp": 1_700_000_000},
            "inflationRewardsCommissionBps": 750 if newest else 700,
            "inflationRewardsCollector": str(C if newest else address),
            "blockRevenueCollector": str(A),
            "blockRevenueCommissionBps": 9_000 if newest else 10_000,
            "pendingDelegatorRewards": "33" if newest else "0",
            "blsPubkeyCompressed": "1" * 48 if newest else None,
        },
    }


def test_what_is_no_vote_state_is_not_parsed() -> None:
    """An account that was only allocated, or is cut off, is shown as its bytes."""
    assert vote_account(A, bytes(3_762)) is None
    assert vote_account(A, struct.pack("<I", 4).ljust(3_762, b"\0")) is None
    assert vote_account(A, vote_state(3)[:300]) is None
    assert vote_account(A, vote_state(4)[: 4 + 64 + 64 + 12 + 49] + b"\xff" * 8) is None


def test_extensions_stand_behind_the_base_of_mint_and_account() -> None:
    """A wallet that saw the base alone would send without the fee; one without extensions has no such field."""
    mint = (bytes(44) + bytes([6, 1])).ljust(82, b"\0")
    account = (bytes(A) + bytes(B) + struct.pack("<Q", 5)).ljust(108, b"\0") + b"\1" + bytes(56)
    delegate = behind(MINT, (12, bytes(A)))[165:]
    guard = behind(ACCOUNT, (11, b"\1"))[165:]
    for base, rest, kind in ((mint, delegate, "mint"), (account, guard, "account")):
        whole = parse(C, TOKEN_2022, base.ljust(165, b"\0") + rest, lambda mint: 2)
        plain = parse(C, TOKEN, base, lambda mint: 2)
        assert whole is not None
        assert plain is not None
        assert whole["program"] == "spl-token-2022"
        listed = whole["parsed"]["info"].pop("extensions")
        assert whole["parsed"] == plain["parsed"]
        assert plain["parsed"]["type"] == kind
        assert [one["extension"] for one in listed] == ["permanentDelegate" if kind == "mint" else "cpiGuard"]


def test_a_vote_account_is_known_by_its_program() -> None:
    """The same bytes in another program's account are that program's."""
    shown = parse(vote_address(A), VOTE, vote_state(3), lambda mint: 0)
    assert shown is not None
    assert (shown["program"], shown["space"], shown["parsed"]["info"]["nodePubkey"]) == ("vote", 3_762, str(A))
    assert parse(vote_address(A), A, vote_state(3), lambda mint: 0) is None
