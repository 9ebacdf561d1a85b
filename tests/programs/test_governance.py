"""The council: who may decide what, how fast, and what a guardian's stop can and cannot do."""

from __future__ import annotations

import pytest
from campus import (
    CREDIT_MINT,
    DEPOSITS,
    ISSUE_CREDIT,
    ORDERS,
    PARAMS,
    PROPOSAL_TTL_S,
    READINGS,
    RESUME,
    SET_GUARDIANS,
    SET_MEMBERS,
    SET_PARAM,
    STOP_LENGTH_S,
    TIMELOCK_S,
    TREASURY,
    Campus,
    payload_issue_credit,
    payload_set_guardians,
    payload_set_members,
    payload_set_param,
    proposal_address,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from program_harness import (
    START_S,
    TOKEN,
    Chain,
    expect_error,
    expect_ok,
    expect_shared,
    keypair,
    program_data,
    program_id,
)
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

FEE_30 = payload_set_param(1, 30)


@pytest.fixture
def bare() -> Campus:
    """Governance installed, nothing set up."""
    return Campus.of(Chain(["governance"]))


@pytest.fixture
def council(bare: Campus) -> Campus:
    """A council of three members, threshold two, and two guardians."""
    expect_ok(bare.initialize_governance())
    return bare


def proposal(campus: Campus, number: int = 0) -> dict:
    """Return a proposal's fields."""
    return campus.chain.read("governance", "Proposal", proposal_address(number))


# ---------------------------------------------------------------------------------------------------------- initialize


def test_initialize_creates_the_council_and_the_credit_mint(bare: Campus, record_units) -> None:
    """Everything else hangs on this account; a wrong byte here is a wrong rule everywhere."""
    outcome = record_units("governance.initialize", bare.initialize_governance())
    council = bare.council()
    assert council["member_count"] == 3
    assert council["threshold"] == 2
    assert council["guardian_count"] == 2
    assert council["council_epoch"] == 1
    assert council["timelock_s"] == TIMELOCK_S
    assert [council["params"][row[0]] for row in PARAMS] == [
        dict(zip(("value", "min", "max", "step"), row[1:], strict=True)) for row in PARAMS
    ]
    assert council["credit_mint"] == bytes(CREDIT_MINT)
    assert council["members"][:3] == [bytes(key.pubkey()) for key in bare.members]
    mint = bare.chain.data(CREDIT_MINT)
    assert mint[4:36] == bytes(TREASURY)
    assert mint[44] == 6
    assert mint[46:50] == bytes(4), "CREDIT that somebody can freeze is no money"
    assert outcome.event("CouncilCreated")["threshold"] == 2


def test_initialize_twice_is_refused(council: Campus) -> None:
    """A second council would take over every program that reads the first."""
    expect_shared(council.initialize_governance(), "ALREADY_INITIALIZED")


def test_only_the_upgrade_authority_initializes(bare: Campus) -> None:
    """Whoever front-runs the deployer would be the council."""
    thief = bare.chain.wallet("thief")
    expect_shared(bare.initialize_governance({"upgrade_authority": thief}), "NOT_UPGRADE_AUTHORITY")


def test_an_immutable_program_cannot_be_set_up(bare: Campus) -> None:
    """ProgramData without an authority names nobody, not everybody."""
    bare.chain.set_upgrade_authority("governance", None)
    expect_shared(bare.initialize_governance(), "NOT_UPGRADE_AUTHORITY")


def test_program_data_of_another_program_does_not_count(bare: Campus) -> None:
    """A thief deploys a program of his own and shows its ProgramData."""
    thief = bare.chain.wallet("thief")
    bare.chain.set_upgrade_authority("registry", thief.pubkey())
    accounts = {"upgrade_authority": thief, "program_data": program_data("registry")}
    expect_shared(bare.initialize_governance(accounts), "WRONG_SEEDS")


def test_program_data_must_belong_to_the_loader(bare: Campus) -> None:
    """An account of the right form and the wrong owner is a forgery."""
    address = program_data("governance")
    bare.chain.put(address, bare.chain.data(address), program_id("registry"))
    expect_shared(bare.initialize_governance(), "WRONG_OWNER")


@pytest.mark.parametrize("kind", [0, 1, 2, 4])
def test_program_data_must_be_program_data(bare: Campus, kind: int) -> None:
    """The loader's buffers hold an authority too, and anybody makes one."""
    bare.chain.patch(program_data("governance"), 0, kind.to_bytes(4, "little"))
    expect_shared(bare.initialize_governance(), "WRONG_ACCOUNT_TYPE")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"threshold": 0}, "BadThreshold"),
        ({"threshold": 4}, "BadThreshold"),
        ({"members": []}, "BadMembers"),
        ({"members": [bytes(32)], "threshold": 1}, "BadMembers"),
        ({"members": [bytes([1]) * 32, bytes([2]) * 32, bytes([1]) * 32]}, "BadMembers"),
        ({"guardians": [bytes([1]) * 32] * 2}, "BadGuardians"),
        ({"guardians": [bytes([i]) * 32 for i in range(1, 5)]}, "BadGuardians"),
        ({"stop_length_s": 0}, "BadTiming"),
        ({"stop_length_s": 604_801}, "BadTiming"),
        ({"proposal_ttl_s": 3_600}, "BadTiming"),
        ({"timelock_s": [0, 0, 0, 7_776_001], "proposal_ttl_s": 2**32 - 1}, "BadTiming"),
        ({"params": [{"id": 32, "value": 0, "min": 0, "max": 0, "step": 0}]}, "BadParam"),
        ({"params": [{"id": 1, "value": 5, "min": 6, "max": 9, "step": 0}]}, "BadParam"),
        ({"params": [{"id": 1, "value": 10, "min": 6, "max": 9, "step": 0}]}, "BadParam"),
        ({"params": [{"id": 1, "value": 7, "min": 6, "max": 9, "step": 0}] * 2}, "BadParam"),
    ],
)
def test_a_council_that_cannot_work_is_refused(bare: Campus, changes: dict, error: str) -> None:
    """A council without a quorum, or whose proposals die before they may be executed, can never be repaired."""
    expect_error(bare.initialize_governance(**changes), "governance", error)


def test_thirteen_members_fit_into_one_plain_transaction(bare: Campus) -> None:
    """The documented limit; more would need a lookup table at the very first step."""
    members = [bytes([i + 1]) * 32 for i in range(13)]
    guardians = [bytes([i + 100]) * 32 for i in range(3)]
    expect_ok(bare.initialize_governance(members=members, guardians=guardians))
    assert bare.council()["member_count"] == 13


def test_a_council_can_be_created_where_somebody_sent_lamports(bare: Campus) -> None:
    """Otherwise one lamport to the known address would block the deployment for ever."""
    bare.chain.fund(Pubkey.from_bytes(bytes(CREDIT_MINT)), 1_000_000)
    bare.chain.fund(proposal_address(0), 900_000_000)
    expect_ok(bare.initialize_governance())
    expect_ok(bare.propose(SET_PARAM, FEE_30))


# ----------------------------------------------------------------------------------------------------------- proposals


def test_a_parameter_changes_by_two_members_after_the_timelock(council: Campus, record_units) -> None:
    """The whole way of a decision, as it is meant."""
    created = record_units("governance.propose", council.propose(SET_PARAM, FEE_30)).event("ProposalCreated")
    assert created["payload"] == FEE_30
    assert created["eta"] == 0
    assert created["expires_at"] == START_S + PROPOSAL_TTL_S
    approved = record_units("governance.approve", council.vote("approve", 0, 1)).event("ProposalApproved")
    assert approved["approvals"] == 0b011
    assert approved["eta"] == START_S + TIMELOCK_S[0]
    council.chain.advance(TIMELOCK_S[0])
    outcome = record_units("governance.execute.set_param", council.execute(0, 2))
    assert outcome.event("ParamChanged") == {"id": 1, "old_value": 25, "new_value": 30}
    assert outcome.event("ProposalExecuted")["id"] == 0
    assert council.council()["params"][1]["value"] == 30
    assert proposal(council)["status"] == 1


def test_the_last_second_of_the_timelock_still_counts(council: Campus) -> None:
    """Both sides of the edge: one second early is refused, the second itself is allowed."""
    expect_ok(council.propose(SET_PARAM, FEE_30))
    expect_ok(council.vote("approve", 0, 1))
    council.chain.advance(TIMELOCK_S[0] - 1)
    expect_error(council.execute(0), "governance", "TimelockActive")
    council.chain.advance(1)
    expect_ok(council.execute(0))


def test_one_member_alone_can_do_nothing(council: Campus) -> None:
    """The reason for a council: a stolen key changes no parameter, however long its thief waits."""
    expect_ok(council.propose(SET_PARAM, FEE_30))
    expect_error(council.vote("approve", 0, 0), "governance", "AlreadyApproved")
    council.chain.advance(max(TIMELOCK_S))
    expect_error(council.execute(0), "governance", "BelowThreshold")
    assert council.council()["params"][1]["value"] == 25


def test_a_proposal_dies_at_its_expiry(council: Campus) -> None:
    """Both sides of the edge: approved and forgotten, it must not take effect years later."""
    expect_ok(council.propose(SET_PARAM, FEE_30))
    expect_ok(council.vote("approve", 0, 1))
    council.chain.set_time(START_S + PROPOSAL_TTL_S)
    expect_error(council.execute(0), "governance", "ProposalExpired")
    expect_error(council.vote("approve", 0, 2), "governance", "ProposalExpired")
    expect_error(council.vote("revoke", 0, 1), "governance", "ProposalExpired")
    council.chain.set_time(START_S + PROPOSAL_TTL_S - 1)
    expect_ok(council.execute(0))


def test_a_proposal_takes_effect_once(council: Campus) -> None:
    """An issue of CREDIT executed twice would be money from nothing."""
    account = council.credit_account(keypair("alice"))
    expect_ok(council.issue_credit(account, 1_000_000))
    again = council.execute(0, credit_mint=CREDIT_MINT, credit_account=account, treasury=TREASURY, token_program=TOKEN)
    expect_error(again, "governance", "NotOpen")
    assert council.chain.supply(CREDIT_MINT) == 1_000_000


def test_a_revoked_approval_stops_the_timelock(council: Campus, record_units) -> None:
    """A member who learns better before execution can take the approval back, and the wait begins anew."""
    expect_ok(council.propose(SET_PARAM, FEE_30))
    expect_ok(council.vote("approve", 0, 1))
    revoked = record_units("governance.revoke", council.vote("revoke", 0, 1)).event("ProposalRevoked")
    assert revoked["eta"] == 0
    council.chain.advance(TIMELOCK_S[0])
    expect_error(council.execute(0), "governance", "BelowThreshold")
    expect_error(council.vote("revoke", 0, 1), "governance", "NotApproved")
    expect_ok(council.vote("approve", 0, 2))
    expect_error(council.execute(0), "governance", "TimelockActive")
    council.chain.advance(TIMELOCK_S[0])
    expect_ok(council.execute(0))


def test_a_third_approval_does_not_move_the_timelock(council: Campus) -> None:
    """A late friend of the proposal must not delay it."""
    expect_ok(council.propose(SET_PARAM, FEE_30))
    eta = expect_ok(council.vote("approve", 0, 1)).event("ProposalApproved")["eta"]
    council.chain.advance(100)
    assert expect_ok(council.vote("approve", 0, 2)).event("ProposalApproved")["eta"] == eta
    expect_ok(council.vote("revoke", 0, 0))
    assert proposal(council)["eta"] == eta


def test_new_members_kill_every_older_proposal(council: Campus, record_units) -> None:
    """A proposal that the old council approved must not outlive it."""
    expect_ok(council.propose(SET_PARAM, FEE_30))
    expect_ok(council.vote("approve", 0, 1))
    newcomers = [council.chain.wallet(f"newcomer {i}") for i in range(2)]
    payload = payload_set_members(1, [key.pubkey() for key in newcomers])
    expect_ok(council.propose(SET_MEMBERS, payload))
    expect_ok(council.vote("approve", 1, 1))
    council.chain.advance(TIMELOCK_S[1])
    changed = record_units("governance.execute.set_members", council.execute(1)).event("MembersChanged")
    assert changed["members"] == [bytes(key.pubkey()) for key in newcomers]
    assert changed["council_epoch"] == 2
    now = council.council()
    assert (now["member_count"], now["threshold"], now["council_epoch"]) == (2, 1, 2)
    assert now["members"][2:] == [bytes(32)] * 14
    expect_error(council.execute(0, newcomers[0]), "governance", "StaleEpoch")
    expect_error(council.vote("approve", 0, newcomers[0]), "governance", "StaleEpoch")
    expect_error(council.execute(0, council.members[0]), "governance", "NotMember")
    expect_error(council.propose(SET_PARAM, FEE_30), "governance", "NotMember")


def test_sixteen_members_fit_and_seventeen_do_not(council: Campus) -> None:
    """Both sides of the edge of the members' table."""
    keys = [Pubkey.from_bytes(bytes([i + 1]) * 32) for i in range(17)]
    expect_ok(council.propose(SET_MEMBERS, payload_set_members(16, keys[:16])))
    expect_error(council.propose(SET_MEMBERS, payload_set_members(16, keys)), "governance", "BadMembers")


def test_a_parameter_stays_in_its_bounds_and_steps(council: Campus) -> None:
    """A fee of 100 % decided in one night is what the table is there to prevent."""
    for value, error in ((101, "OutOfBounds"), (36, "StepTooLarge"), (14, "StepTooLarge")):
        expect_error(council.propose(SET_PARAM, payload_set_param(1, value)), "governance", error)
    expect_ok(council.propose(SET_PARAM, payload_set_param(1, 35)))
    expect_ok(council.propose(SET_PARAM, payload_set_param(1, 15)))
    expect_error(council.propose(SET_PARAM, payload_set_param(31, 1)), "governance", "OutOfBounds")
    expect_error(council.propose(SET_PARAM, payload_set_param(32, 0)), "governance", "BadParam")


def test_bounds_are_checked_again_at_execution(council: Campus) -> None:
    """Two proposals of one step each must not add up to a jump that neither was allowed."""
    for value in (35, 15):
        expect_ok(council.propose(SET_PARAM, payload_set_param(1, value)))
    for number in (0, 1):
        expect_ok(council.vote("approve", number, 1))
    council.chain.advance(TIMELOCK_S[0])
    expect_ok(council.execute(0))
    expect_error(council.execute(1), "governance", "StepTooLarge")
    assert council.council()["params"][1]["value"] == 35


@pytest.mark.parametrize(
    ("kind", "payload", "error"),
    [
        (9, b"", "BadKind"),
        (255, b"", "BadKind"),
        (5, bytes(63), "BadPayload"),
        (5, bytes(65), "BadPayload"),
        (6, bytes(31), "BadPayload"),
        (7, bytes(127), "BadPayload"),
        (7, bytes(129), "BadPayload"),
        (8, bytes(43), "BadPayload"),
        (SET_PARAM, FEE_30[:-1], "BadPayload"),
        (SET_PARAM, FEE_30 + b"\0", "BadPayload"),
        (SET_MEMBERS, payload_set_members(1, [TOKEN])[:-1], "BadPayload"),
        (SET_MEMBERS, b"\x01" + (2**32 - 1).to_bytes(4, "little"), "BadPayload"),
        (SET_MEMBERS, payload_set_members(2, [TOKEN]), "BadThreshold"),
        (SET_MEMBERS, payload_set_members(1, []), "BadMembers"),
        (SET_GUARDIANS, payload_set_guardians([TOKEN, TOKEN]), "BadGuardians"),
        (
            SET_GUARDIANS,
            payload_set_guardians([Pubkey.from_bytes(bytes([i + 1]) * 32) for i in range(4)]),
            "BadGuardians",
        ),
        (ISSUE_CREDIT, payload_issue_credit(TOKEN, 0), "ZeroAmount"),
        (ISSUE_CREDIT, bytes(39), "BadPayload"),
        (RESUME, b"\0", "BadMask"),
        (RESUME, b"\x20", "BadMask"),
        (RESUME, b"", "BadPayload"),
    ],
)
def test_a_payload_that_says_nothing_valid_is_refused(council: Campus, kind: int, payload: bytes, error: str) -> None:
    """Members approve by number; what they approve must be able to happen."""
    expect_error(council.propose(kind, payload), "governance", error)
    assert council.council()["proposal_count"] == 0


def test_a_stranger_neither_proposes_nor_votes_nor_executes(council: Campus) -> None:
    """Signing is not enough; the signer must be on the list, guardians included."""
    stranger = council.chain.wallet("stranger")
    guardian = council.guardians[0]
    expect_ok(council.propose(SET_PARAM, FEE_30))
    expect_ok(council.vote("approve", 0, 1))
    council.chain.advance(TIMELOCK_S[0])
    for key in (stranger, guardian):
        for name in ("approve", "revoke"):
            expect_error(council.vote(name, 0, key), "governance", "NotMember")
        expect_error(council.execute(0, key), "governance", "NotMember")
    council.members[0] = stranger
    expect_error(council.propose(SET_PARAM, FEE_30), "governance", "NotMember")


def test_only_the_proposer_cancels(council: Campus, record_units) -> None:
    """If any member could cancel, any member would have a veto."""
    expect_ok(council.propose(SET_PARAM, FEE_30))

    def cancel(member: int):
        named = {"proposer": council.members[member], "proposal": proposal_address(0)}
        return council.chain.call("governance", "cancel", named)

    expect_error(cancel(1), "governance", "NotProposer")
    assert record_units("governance.cancel", cancel(0)).event("ProposalCancelled") == {"id": 0}
    expect_error(cancel(0), "governance", "NotOpen")
    expect_error(council.vote("approve", 0, 1), "governance", "NotOpen")
    expect_error(council.execute(0), "governance", "NotOpen")


def test_a_proposal_is_made_at_its_own_number_only(council: Campus) -> None:
    """A proposal at a foreign address could be shown as another one."""
    named = {
        "proposer": council.members[0],
        "payer": council.chain.payer,
        "council": Pubkey.find_program_address([b"council"], program_id("governance"))[0],
        "proposal": proposal_address(1),
    }
    outcome = council.chain.call("governance", "propose", named, kind=SET_PARAM, payload=FEE_30)
    expect_shared(outcome, "WRONG_SEEDS")


# ------------------------------------------------------------------------------------------------------------ treasury


def test_the_council_issues_credit_to_the_account_it_named(council: Campus, record_units) -> None:
    """CREDIT is money: amount and recipient are what the members approved, to the atom."""
    account = council.credit_account(keypair("alice"))
    outcome = record_units("governance.execute.issue_credit", council.issue_credit(account, 1_000_000_000))
    assert outcome.event("CreditIssued") == {"token_account": bytes(account), "amount_ucredit": 1_000_000_000}
    assert council.chain.token_amount(account) == 1_000_000_000
    assert council.chain.supply(CREDIT_MINT) == 1_000_000_000


def test_credit_does_not_go_to_another_account_than_approved(council: Campus) -> None:
    """The executor chooses the accounts of the transaction; the payload chooses the recipient."""
    alice, thief = (council.credit_account(keypair(name)) for name in ("alice", "thief"))
    other_mint = council.chain.put_mint(keypair("other mint").pubkey(), TREASURY)
    expect_ok(council.propose(ISSUE_CREDIT, payload_issue_credit(alice, 5)))
    expect_ok(council.vote("approve", 0, 1))
    council.chain.advance(TIMELOCK_S[2])
    good = {"credit_mint": CREDIT_MINT, "credit_account": alice, "treasury": TREASURY, "token_program": TOKEN}
    expect_shared(council.execute(0, **good | {"credit_account": thief}), "WRONG_ADDRESS")
    expect_shared(council.execute(0, **good | {"credit_mint": other_mint}), "WRONG_ADDRESS")
    expect_shared(council.execute(0, **good | {"token_program": program_id("registry")}), "WRONG_PROGRAM")
    assert not council.execute(0, **good | {"treasury": council.members[0].pubkey()}).ok
    assert not council.execute(0).ok
    assert council.chain.supply(CREDIT_MINT) == 0
    expect_ok(council.execute(0, **good))
    assert council.chain.token_amount(alice) == 5


def test_nobody_else_mints_credit(council: Campus) -> None:
    """The mint's authority is an address that only this program signs for."""
    account = council.credit_account(keypair("alice"))
    for key in (*council.members, council.chain.upgrade_authority):
        metas = [
            AccountMeta(CREDIT_MINT, is_signer=False, is_writable=True),
            AccountMeta(account, is_signer=False, is_writable=True),
            AccountMeta(key.pubkey(), is_signer=True, is_writable=False),
        ]
        mint_to = Instruction(TOKEN, b"\x07" + (1).to_bytes(8, "little"), metas)
        assert not council.chain.send(mint_to, signers=[key]).ok


# ------------------------------------------------------------------------------------------------------ emergency stop


def test_a_guardian_stops_at_once_and_the_stop_ends_by_itself(council: Campus, record_units) -> None:
    """Nobody has to remember to switch the system on again."""
    outcome = record_units("governance.emergency_stop", council.stop(READINGS | ORDERS))
    assert outcome.event("EmergencyStopped")["pause_until"] == START_S + STOP_LENGTH_S
    state = council.council()
    assert (state["pause_mask"], state["pause_until"]) == (READINGS | ORDERS, START_S + STOP_LENGTH_S)


def test_a_running_stop_takes_more_parts_but_no_more_time(council: Campus, record_units) -> None:
    """A second guardian may find more to stop; no guardian makes the stop last longer."""
    expect_ok(council.stop(ORDERS))
    council.chain.advance(STOP_LENGTH_S - 1)
    expect_error(council.stop(ORDERS, 1), "governance", "StopActive")
    added = record_units("governance.emergency_stop.more", council.stop(ORDERS | DEPOSITS, 1)).event("EmergencyStopped")
    assert added["pause_mask"] == ORDERS | DEPOSITS
    assert added["pause_until"] == START_S + STOP_LENGTH_S


def test_guardians_cannot_stop_for_ever_by_taking_turns(council: Campus) -> None:
    """After a stop the system runs at least as long as it stood."""
    expect_ok(council.stop(ORDERS))
    council.chain.advance(STOP_LENGTH_S)
    for guardian in (0, 1):
        expect_error(council.stop(ORDERS, guardian), "governance", "CoolingOff")
    council.chain.advance(STOP_LENGTH_S - 1)
    expect_error(council.stop(READINGS), "governance", "CoolingOff")
    council.chain.advance(1)
    again = expect_ok(council.stop(READINGS)).event("EmergencyStopped")
    assert again["pause_mask"] == READINGS, "parts of the last stop must not come back"


def test_only_a_guardian_stops(council: Campus) -> None:
    """A member is not a guardian: stopping fast and deciding slowly are two powers."""
    for key in (council.members[0], council.chain.wallet("stranger")):
        expect_error(council.stop(ORDERS, key), "governance", "NotGuardian")


@pytest.mark.parametrize("mask", [0, 32, 63, 128])
def test_a_stop_of_nothing_or_of_cancel_and_withdraw_is_refused(council: Campus, mask: int) -> None:
    """There is no bit for cancelling or withdrawing, and none can be invented."""
    expect_error(council.stop(mask), "governance", "BadMask")


def test_the_council_ends_a_stop_without_a_timelock(council: Campus, record_units) -> None:
    """A false alarm is over as soon as two members say so; the guardians' wait stays."""
    expect_ok(council.stop(READINGS | ORDERS))
    for number, mask in ((0, READINGS), (1, ORDERS)):
        expect_ok(council.propose(RESUME, bytes([mask])))
        expect_ok(council.vote("approve", number, 1))
    resumed = expect_ok(council.execute(0)).event("Resumed")
    assert resumed == {"pause_mask": ORDERS, "pause_until": START_S + STOP_LENGTH_S}
    assert record_units("governance.execute.resume", council.execute(1)).event("Resumed") == {
        "pause_mask": 0,
        "pause_until": 0,
    }
    expect_error(council.stop(ORDERS), "governance", "CoolingOff")


def test_resume_without_a_pause_is_refused(council: Campus) -> None:
    """A resume kept ready must not wipe out a later stop it never meant: it fails while nothing is paused."""
    expect_ok(council.propose(RESUME, b"\x1f"))
    expect_ok(council.vote("approve", 0, 1))
    expect_error(council.execute(0), "governance", "NotPaused")
    expect_ok(council.stop(ORDERS))
    council.chain.advance(STOP_LENGTH_S)
    expect_error(council.execute(0), "governance", "NotPaused")


def test_a_resume_from_before_a_stop_does_not_end_it(council: Campus) -> None:
    """Kept ready and approved, it would turn every later stop into nothing."""
    expect_ok(council.propose(RESUME, b"\x1f"))
    expect_ok(council.vote("approve", 0, 1))
    council.chain.advance(1_000)
    expect_ok(council.stop(ORDERS))
    expect_error(council.execute(0), "governance", "NotPaused")


def test_a_guardian_does_not_stop_again_what_the_council_has_let_go_on(council: Campus) -> None:
    """Within one stop the council's word is the last; one guardian must not outvote it."""
    expect_ok(council.stop(READINGS | ORDERS))
    expect_ok(council.propose(RESUME, bytes([READINGS])))
    expect_ok(council.vote("approve", 0, 1))
    expect_ok(council.execute(0))
    expect_error(council.stop(READINGS), "governance", "CoolingOff")
    expect_error(council.stop(READINGS | DEPOSITS), "governance", "CoolingOff")
    expect_ok(council.stop(DEPOSITS))


def test_new_guardians_start_without_a_wait(council: Campus, record_units) -> None:
    """Guardians who used up the wait on purpose are replaced by ones who can act."""
    fresh = council.chain.wallet("fresh guardian")
    expect_ok(council.stop(ORDERS))
    council.chain.advance(STOP_LENGTH_S)
    decided = council.decide(SET_GUARDIANS, payload_set_guardians([fresh.pubkey()]))
    changed = record_units("governance.execute.set_guardians", decided).event("GuardiansChanged")
    assert changed["guardians"] == [bytes(fresh.pubkey())]
    expect_error(council.stop(ORDERS, 0), "governance", "NotGuardian")
    expect_ok(council.stop(ORDERS, fresh))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 31), st.integers(0, 5_000)), max_size=25))
def test_whatever_guardians_do_the_system_runs_half_the_time(steps: list[tuple[int, int, int]]) -> None:
    """Random guardians at random times: between the end of a stop and the next one lies at least a stop's length."""
    campus = Campus.of(Chain(["governance"]))
    expect_ok(campus.initialize_governance())
    last_end = None
    for guardian, mask, pause_s in steps:
        campus.chain.advance(pause_s)
        outcome = campus.stop(mask, guardian % 2)
        now = campus.chain.now_s()
        until = campus.council()["pause_until"]
        assert until <= now + STOP_LENGTH_S
        if outcome.ok and (last_end is None or now >= last_end):
            assert last_end is None or now >= last_end + STOP_LENGTH_S
            last_end = until
        assert last_end is None or until == last_end
