"""What the council decides beyond its own account: validators, upgrades of programs, and calls of other programs."""

from __future__ import annotations

import pytest
from campus import (
    ADD_VALIDATOR,
    APPROVE_UPGRADE,
    CALL,
    COUNCIL,
    CREDIT_MINT,
    REMOVE_VALIDATOR,
    SET_MEMBERS,
    SET_PARAM,
    TIMELOCK_S,
    UPGRADE_AUTHORITY,
    Campus,
    payload_call,
    payload_set_members,
    payload_set_param,
    payload_upgrade,
    proposal_address,
    validator_address,
)
from governance_world import Upgrade, transfer
from program_harness import (
    LOADER_V3,
    START_S,
    TOKEN,
    Chain,
    expect_error,
    expect_ok,
    expect_shared,
    keypair,
    program_id,
)
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

NODE, VOTE = keypair("node").pubkey(), keypair("vote").pubkey()
ADD = bytes(NODE) + bytes(VOTE)


@pytest.fixture
def council() -> Campus:
    """A council of three members, threshold two, and two guardians."""
    campus = Campus.of(Chain(["governance"]))
    expect_ok(campus.initialize_governance())
    return campus


# ---------------------------------------------------------------------------------------------------------- validators


def validator(campus: Campus, identity: Pubkey = NODE) -> dict:
    """Return a validator's fields."""
    return campus.chain.read("governance", "Validator", validator_address(identity))


def test_a_validator_is_added_removed_and_added_again(council: Campus, record_units) -> None:
    """The register of who ought to take part in the network, with its history in events."""
    added = record_units(
        "governance.execute_validator.add", council.execute_validator(council.agree(ADD_VALIDATOR, ADD), NODE)
    )
    assert added.event("ValidatorChanged") == {"identity": bytes(NODE), "vote_account": bytes(VOTE), "status": 1}
    assert added.event("ProposalExecuted")["kind"] == ADD_VALIDATOR
    fields = validator(council)
    assert (fields["identity"], fields["vote_account"], fields["status"]) == (bytes(NODE), bytes(VOTE), 1)
    assert (fields["added_at"], fields["removed_at"]) == (START_S + max(TIMELOCK_S), 0)

    number = council.agree(REMOVE_VALIDATOR, bytes(NODE))
    removed = record_units("governance.execute_validator.remove", council.execute_validator(number, NODE))
    assert removed.event("ValidatorChanged") == {"identity": bytes(NODE), "vote_account": bytes(VOTE), "status": 2}
    assert validator(council)["removed_at"] == START_S + 2 * max(TIMELOCK_S)
    assert validator(council)["proposal_id"] == number

    other = bytes(NODE) + bytes(keypair("new vote").pubkey())
    again = expect_ok(council.execute_validator(council.agree(ADD_VALIDATOR, other), NODE))
    assert again.event("ValidatorChanged")["vote_account"] == other[32:]


def test_a_validator_is_not_added_or_removed_twice(council: Campus) -> None:
    """An event without a change would make the register's history unreadable."""
    expect_ok(council.execute_validator(council.agree(ADD_VALIDATOR, ADD), NODE))
    again = council.agree(ADD_VALIDATOR, ADD)
    expect_error(council.execute_validator(again, NODE), "governance", "ValidatorUnchanged")
    expect_ok(council.execute_validator(council.agree(REMOVE_VALIDATOR, bytes(NODE)), NODE))
    again = council.agree(REMOVE_VALIDATOR, bytes(NODE))
    expect_error(council.execute_validator(again, NODE), "governance", "ValidatorUnchanged")


def test_an_unknown_validator_cannot_be_removed(council: Campus) -> None:
    """There is no account to write to, and none is made."""
    number = council.agree(REMOVE_VALIDATOR, bytes(NODE))
    expect_shared(council.execute_validator(number, NODE), "WRONG_OWNER")
    assert council.chain.data(validator_address(NODE)) == b""


def test_the_payload_chooses_the_validator(council: Campus) -> None:
    """The executor brings the accounts; another validator's account must not pass for the one approved."""
    other = keypair("other node").pubkey()
    number = council.agree(ADD_VALIDATOR, ADD)
    expect_shared(council.execute_validator(number, other), "WRONG_SEEDS")
    expect_ok(council.execute_validator(number, NODE))
    expect_ok(council.execute_validator(council.agree(ADD_VALIDATOR, bytes(other) + bytes(VOTE)), other))
    number = council.agree(REMOVE_VALIDATOR, bytes(NODE))
    expect_shared(council.execute_validator(number, other), "WRONG_SEEDS")
    assert validator(council, other)["status"] == 1


# ------------------------------------------------------------------------------------------------------------ upgrades


@pytest.fixture
def upgrade(council: Campus) -> Upgrade:
    """A program that answers 6001, and a buffer with one that answers 6007."""
    return Upgrade.put(council)


def test_a_program_is_upgraded_to_the_approved_code(upgrade: Upgrade, record_units) -> None:
    """The whole way; the buffer's rent goes where the payload says, and the program stays the council's."""
    chain = upgrade.campus.chain
    assert upgrade.answer() == 6_001
    rent = chain.svm.get_balance(upgrade.buffer)
    number = upgrade.agree()
    outcome = record_units("governance.execute_upgrade", upgrade.execute(number))
    assert outcome.event("ProgramUpgraded")["proposal_id"] == number
    assert outcome.event("ProposalExecuted")["kind"] == APPROVE_UPGRADE
    chain.advance(1)
    assert upgrade.answer() == 6_007
    data = chain.data(upgrade.program_data)
    assert data[13:45] == bytes(UPGRADE_AUTHORITY)
    assert data[45 : 45 + len(upgrade.code)] == upgrade.code
    assert chain.svm.get_balance(upgrade.spill) >= rent
    expect_error(upgrade.execute(number), "governance", "NotOpen")


def test_one_changed_byte_of_the_buffer_is_refused(upgrade: Upgrade) -> None:
    """What the members looked at and what would run must be the same, to the last bit, and no byte longer or shorter."""
    number = upgrade.agree()
    for code in (
        bytes([upgrade.code[0] ^ 1]) + upgrade.code[1:],
        upgrade.code[:-1] + bytes([upgrade.code[-1] ^ 0x80]),
        upgrade.code + b"\0",
        upgrade.code[:-1],
    ):
        upgrade.put_buffer(code)
        expect_error(upgrade.execute(number), "governance", "HashMismatch")
    upgrade.put_buffer(upgrade.code)
    expect_ok(upgrade.execute(number))


def test_a_hash_of_other_code_is_refused(upgrade: Upgrade) -> None:
    """The wrong hash was approved: the buffer that was meant does not pass either."""
    expect_error(upgrade.execute(upgrade.agree(b"other code")), "governance", "HashMismatch")


def test_a_buffer_that_somebody_can_still_write_is_refused(upgrade: Upgrade) -> None:
    """Hashed now and rewritten a moment later in the same transaction, it would be other code."""
    number = upgrade.agree()
    for authority in (keypair("deployer").pubkey(), COUNCIL, None):
        upgrade.put_buffer(upgrade.code, authority)
        expect_error(upgrade.execute(number), "governance", "NotUpgradeAuthority")


def test_a_program_of_another_authority_is_refused(upgrade: Upgrade) -> None:
    """The council speaks for the programs that were handed to it; an immutable one stays so."""
    number = upgrade.agree()
    for authority in (keypair("deployer").pubkey(), None):
        upgrade.put_program_data(authority)
        expect_error(upgrade.execute(number), "governance", "NotUpgradeAuthority")


@pytest.mark.parametrize("kind", [0, 2, 3])
def test_only_a_buffer_is_a_buffer(upgrade: Upgrade, kind: int) -> None:
    """The loader's other accounts hold authorities as well."""
    number = upgrade.agree()
    upgrade.put_buffer(upgrade.code, kind=kind)
    expect_shared(upgrade.execute(number), "WRONG_ACCOUNT_TYPE")


def test_the_payload_chooses_program_buffer_and_spill(upgrade: Upgrade) -> None:
    """The executor brings the accounts; a copy of the approved buffer elsewhere is not the approved one, nor is a thief's wallet."""
    chain, number = upgrade.campus.chain, upgrade.agree()
    other = keypair("other buffer").pubkey()
    chain.put(other, chain.data(upgrade.buffer), LOADER_V3)
    expect_shared(upgrade.execute(number, buffer=other), "WRONG_ADDRESS")
    expect_shared(upgrade.execute(number, spill=keypair("thief").pubkey()), "WRONG_ADDRESS")
    expect_shared(upgrade.execute(number, program=program_id("governance")), "WRONG_ADDRESS")
    expect_shared(upgrade.execute(number, loader_program=TOKEN), "WRONG_PROGRAM")
    expect_shared(upgrade.execute(number, upgrade_authority=COUNCIL), "WRONG_SEEDS")
    elsewhere = keypair("other data").pubkey()
    chain.put(elsewhere, chain.data(upgrade.program_data), LOADER_V3)
    expect_shared(upgrade.execute(number, program_data=elsewhere), "WRONG_RELATION")
    for name in ("rent", "clock"):
        assert not upgrade.execute(number, **{name: NODE}).ok
    expect_ok(upgrade.execute(number))


def test_an_upgrade_waits_for_its_own_timelock_and_dies_with_the_council(upgrade: Upgrade) -> None:
    """Early, under-approved and stale proposals are refused like any other."""
    campus = upgrade.campus
    payload = payload_upgrade(upgrade.program, upgrade.buffer, upgrade.spill, upgrade.code)
    expect_ok(campus.propose(APPROVE_UPGRADE, payload))
    expect_error(upgrade.execute(0), "governance", "BelowThreshold")
    expect_ok(campus.vote("approve", 0, 1))
    campus.chain.advance(TIMELOCK_S[3] - 1)
    expect_error(upgrade.execute(0), "governance", "TimelockActive")
    campus.chain.advance(1)
    expect_error(upgrade.execute(0, executor=campus.guardians[0]), "governance", "NotMember")
    campus.decide(SET_MEMBERS, payload_set_members(2, [key.pubkey() for key in campus.members]))
    expect_error(upgrade.execute(0), "governance", "StaleEpoch")


def test_each_kind_has_one_way_to_be_executed(upgrade: Upgrade) -> None:
    """An upgrade pushed through another instruction would skip its checks."""
    campus = upgrade.campus
    number = campus.agree(SET_PARAM, payload_set_param(1, 30))
    expect_error(upgrade.execute(number), "governance", "BadKind")
    expect_error(campus.execute_validator(number, NODE), "governance", "BadKind")
    expect_error(campus.execute_call(number, transfer(NODE, VOTE, 1)), "governance", "BadKind")
    for kind, payload in (
        (APPROVE_UPGRADE, payload_upgrade(upgrade.program, upgrade.buffer, upgrade.spill, upgrade.code)),
        (ADD_VALIDATOR, ADD),
        (REMOVE_VALIDATOR, bytes(NODE)),
        (CALL, payload_call(transfer(NODE, VOTE, 1))),
    ):
        expect_error(campus.execute(campus.agree(kind, payload)), "governance", "BadKind")


# --------------------------------------------------------------------------------------------------------------- calls


@pytest.fixture
def fees(council: Campus) -> tuple[Pubkey, Pubkey]:
    """A token account of the council's with 100 atoms, and one of alice's."""
    source, target = keypair("council's fees").pubkey(), keypair("alice's account").pubkey()
    council.chain.put_token_account(source, CREDIT_MINT, COUNCIL, 100)
    council.chain.put_token_account(target, CREDIT_MINT, keypair("alice").pubkey())
    return source, target


def test_the_council_signs_what_it_decided(council: Campus, fees: tuple[Pubkey, Pubkey], record_units) -> None:
    """This is how oracle keys, fee recipients and corrections are set: the callee sees the council's own signature."""
    built = transfer(*fees, 30)
    number = council.agree(CALL, payload_call(built))
    outcome = record_units("governance.execute_call", council.execute_call(number, built))
    assert outcome.event("ProposalExecuted") == {
        "id": number,
        "kind": CALL,
        "executor": bytes(council.members[0].pubkey()),
    }
    assert [council.chain.token_amount(account) for account in fees] == [70, 30]
    expect_error(council.execute_call(number, built), "governance", "NotOpen")


def test_a_call_goes_nowhere_but_where_it_was_decided(council: Campus, fees: tuple[Pubkey, Pubkey]) -> None:
    """The executor brings the accounts; one swapped, left out, added or made writable is another call."""
    built = transfer(*fees, 30)
    number = council.agree(CALL, payload_call(built))
    thief = council.chain.put_token_account(keypair("thief's").pubkey(), CREDIT_MINT, keypair("thief").pubkey())
    expect_shared(council.execute_call(number, transfer(fees[0], thief, 30)), "WRONG_ADDRESS")
    expect_shared(council.execute_call(number, built, program=program_id("governance")), "WRONG_ADDRESS")
    metas = list(built.accounts)
    for wrong in (metas[:2], [*metas, metas[0]], []):
        expect_error(
            council.execute_call(number, Instruction(TOKEN, bytes(built.data), wrong)), "governance", "BadCall"
        )
    read_only = [AccountMeta(meta.pubkey, is_signer=False, is_writable=False) for meta in metas]
    assert not council.execute_call(number, Instruction(TOKEN, bytes(built.data), read_only)).ok
    assert council.chain.token_amount(fees[0]) == 100
    expect_ok(council.execute_call(number, built))


def test_nobody_but_the_council_signs_a_call(council: Campus) -> None:
    """A member who executes must not find that a hidden call spent from the member's own account."""
    member = council.members[0].pubkey()
    source, target = (keypair(name).pubkey() for name in ("member's account", "other account"))
    council.chain.put_token_account(source, CREDIT_MINT, member, 100)
    council.chain.put_token_account(target, CREDIT_MINT, NODE)
    built = transfer(source, target, 100, member)
    expect_error(council.propose(CALL, payload_call(built)), "governance", "BadCall")
    metas = [AccountMeta(meta.pubkey, is_signer=False, is_writable=meta.is_writable) for meta in built.accounts]
    quiet = Instruction(TOKEN, bytes(built.data), metas)
    number = council.agree(CALL, payload_call(quiet))
    assert not council.execute_call(number, quiet).ok
    assert council.chain.token_amount(source) == 100


def test_a_call_that_cannot_be_made_is_not_proposed(council: Campus) -> None:
    """Members approve by number; what they approve must be able to happen, and never this program itself."""
    meta = AccountMeta(NODE, is_signer=False, is_writable=True)
    for built in (
        Instruction(program_id("governance"), b"", []),
        Instruction(TOKEN, b"", [meta] * 11),
    ):
        expect_error(council.propose(CALL, payload_call(built)), "governance", "BadCall")
    good = payload_call(Instruction(TOKEN, b"\x11", [meta] * 10))
    strange_flag = good.replace(b"\x0a\0\0\0" + bytes([1] * 10), b"\x0a\0\0\0" + bytes([4] * 10))
    fewer_flags = good.replace(b"\x0a\0\0\0" + bytes([1] * 10), b"\x09\0\0\0" + bytes([1] * 9))
    for payload in (strange_flag, fewer_flags):
        assert payload != good
        expect_error(council.propose(CALL, payload), "governance", "BadCall")
    expect_error(council.propose(CALL, good + b"\0"), "governance", "BadPayload")
    expect_ok(council.propose(CALL, good))


def test_a_refusal_of_the_called_program_leaves_the_proposal_open(council: Campus, fees: tuple[Pubkey, Pubkey]) -> None:
    """Nothing is half done: what failed today for want of funds can be executed tomorrow."""
    built = transfer(*fees, 101)
    number = council.agree(CALL, payload_call(built))
    assert not council.execute_call(number, built).ok
    assert council.chain.read("governance", "Proposal", proposal_address(number))["status"] == 0
    council.chain.put_token_account(fees[0], CREDIT_MINT, COUNCIL, 101)
    expect_ok(council.execute_call(number, built))
