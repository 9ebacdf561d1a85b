"""Random councils against a model of the rules: every way round them is tried, and the account must say what the model says."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field

import pytest
from campus import (
    ADD_VALIDATOR,
    APPROVE_UPGRADE,
    CALL,
    COUNCIL,
    CREDIT_MINT,
    ISSUE_CREDIT,
    PARAMS,
    PROPOSAL_TTL_S,
    REMOVE_VALIDATOR,
    RESUME,
    SET_GUARDIANS,
    SET_MEMBERS,
    SET_PARAM,
    STOP_LENGTH_S,
    TIMELOCK_S,
    TREASURY,
    Campus,
    payload_call,
    payload_issue_credit,
    payload_set_guardians,
    payload_set_members,
    payload_set_param,
    payload_upgrade,
    proposal_address,
)
from governance_world import Upgrade, transfer
from program_harness import SHARED, TOKEN, Chain, Outcome, keypair
from proving import steps
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridkit.chain import idl

STEPS = steps(2_000, prove=100_000)
OPEN, EXECUTED, CANCELLED = range(3)
CLASS = {
    SET_PARAM: 0,
    SET_MEMBERS: 1,
    SET_GUARDIANS: 1,
    ISSUE_CREDIT: 2,
    ADD_VALIDATOR: 1,
    REMOVE_VALIDATOR: 1,
    APPROVE_UPGRADE: 3,
    CALL: 1,
}
OK = "ok"


@dataclass
class Proposal:
    """One proposal as the rules see it; `wish` is what its payload says."""

    kind: int
    wish: tuple
    epoch: int
    proposer: Pubkey
    created_at: int
    approvals: set[Pubkey] = field(default_factory=set)
    eta: int = 0
    status: int = OPEN


@dataclass
class Rules:
    """What a council may do, written down once more and without the program's words."""

    members: list[Pubkey]
    guardians: list[Pubkey]
    threshold: int = 2
    epoch: int = 1
    params: dict[int, int] = field(default_factory=lambda: {row[0]: row[1] for row in PARAMS})
    pause_mask: int = 0
    pause_until: int = 0
    stop_allowed_at: int = 0
    resumed_mask: int = 0
    proposals: list[Proposal] = field(default_factory=list)
    issued: int = 0
    called: int = 0
    upgraded: int = 0
    validators: dict[Pubkey, int] = field(default_factory=dict)

    def propose(self, who: Pubkey, kind: int, wish: tuple, now: int) -> str:
        """A member proposes what the council could do now."""
        if who not in self.members:
            return "NotMember"
        refusal = self.refusal_of(kind, wish)
        if refusal:
            return refusal
        made = Proposal(kind, wish, self.epoch, who, now, {who})
        self.start_timelock(made, now)
        self.proposals.append(made)
        return OK

    def refusal_of(self, kind: int, wish: tuple) -> str | None:
        """Why the council cannot do it as it stands now."""
        if kind == SET_PARAM:
            number, value = wish
            if number > 31:
                return "BadParam"
            low, high, step = next((row[2:] for row in PARAMS if row[0] == number), (0, 0, 0))
            if not low <= value <= high:
                return "OutOfBounds"
            return "StepTooLarge" if abs(value - self.params.get(number, 0)) > step else None
        if kind == SET_MEMBERS:
            threshold, keys = wish
            if not 1 <= len(keys) <= 16 or len(set(keys)) < len(keys):
                return "BadMembers"
            return None if 1 <= threshold <= len(keys) else "BadThreshold"
        if kind == SET_GUARDIANS:
            return "BadGuardians" if len(wish[0]) > 3 or len(set(wish[0])) < len(wish[0]) else None
        if kind == ISSUE_CREDIT:
            return "ZeroAmount" if wish[0] == 0 else None
        if kind == RESUME:
            return None if 0 < wish[0] < 32 else "BadMask"
        return "BadKind" if kind > CALL else None

    def start_timelock(self, proposal: Proposal, now: int) -> None:
        """The wait begins with the approval that completes the threshold, and ends when one is missing again."""
        if len(proposal.approvals) < self.threshold:
            proposal.eta = 0
        elif not proposal.eta:
            proposal.eta = now + (TIMELOCK_S[CLASS[proposal.kind]] if proposal.kind in CLASS else 0)

    def why_not_live(self, who: Pubkey, proposal: Proposal, now: int) -> str | None:
        """Why nobody can vote on it or execute it any more, or this one cannot."""
        if who not in self.members:
            return "NotMember"
        if proposal.status != OPEN:
            return "NotOpen"
        if proposal.epoch != self.epoch:
            return "StaleEpoch"
        return "ProposalExpired" if now >= proposal.created_at + PROPOSAL_TTL_S else None

    def vote(self, who: Pubkey, proposal: Proposal, yes: bool, now: int) -> str:
        """A member adds or takes back the one approval it has."""
        refusal = self.why_not_live(who, proposal, now)
        if refusal:
            return refusal
        if (who in proposal.approvals) == yes:
            return "AlreadyApproved" if yes else "NotApproved"
        (proposal.approvals.add if yes else proposal.approvals.remove)(who)
        self.start_timelock(proposal, now)
        return OK

    def cancel(self, who: Pubkey, proposal: Proposal) -> str:
        """The proposer alone."""
        if proposal.status != OPEN:
            return "NotOpen"
        if who != proposal.proposer:
            return "NotProposer"
        proposal.status = CANCELLED
        return OK

    def execute(self, who: Pubkey, proposal: Proposal, way: int, right_accounts: bool, now: int) -> str:
        """Any member, through the instruction that is made for kind `way`."""
        refusal = self.why_not_live(who, proposal, now)
        if refusal:
            return refusal
        if len(proposal.approvals) < self.threshold:
            return "BelowThreshold"
        if now < proposal.eta:
            return "TimelockActive"
        if ways(proposal.kind) != ways(way):
            return "BadKind"
        refusal = self.refusal_of(proposal.kind, proposal.wish)
        if refusal:
            return refusal
        if not right_accounts and proposal.kind == ISSUE_CREDIT:
            return "WRONG_ADDRESS"
        refusal = self.apply(proposal, now)
        if refusal:
            return refusal
        proposal.status = EXECUTED
        return OK

    def apply(self, proposal: Proposal, now: int) -> str | None:
        """Let it take effect."""
        kind, wish = proposal.kind, proposal.wish
        if kind == SET_PARAM:
            self.params[wish[0]] = wish[1]
        elif kind == SET_MEMBERS:
            self.threshold, self.members = wish[0], list(wish[1])
            self.epoch += 1
        elif kind == SET_GUARDIANS:
            self.guardians, self.stop_allowed_at = list(wish[0]), 0
        elif kind == ISSUE_CREDIT:
            self.issued += wish[0]
        elif kind == CALL:
            self.called += wish[0]
        elif kind == ADD_VALIDATOR:
            if self.validators.get(wish[0]) == 1:
                return "ValidatorUnchanged"
            self.validators[wish[0]] = 1
        elif kind == REMOVE_VALIDATOR:
            if wish[0] not in self.validators:
                return "WRONG_OWNER"
            if self.validators[wish[0]] == 2:
                return "ValidatorUnchanged"
            self.validators[wish[0]] = 2
        elif kind == APPROVE_UPGRADE:
            if not wish[0]:
                return "HashMismatch"
            self.upgraded += 1
        elif kind == RESUME:
            began = self.pause_until - STOP_LENGTH_S
            if now >= self.pause_until or not self.pause_mask & wish[0] or proposal.created_at < began:
                return "NotPaused"
            self.resumed_mask |= self.pause_mask & wish[0]
            self.pause_mask &= ~wish[0]
            if not self.pause_mask:
                self.pause_until = 0
        return None

    def stop(self, who: Pubkey, mask: int, now: int) -> str:
        """A guardian stops parts for a while: more parts while it runs, no more time, and a wait as long before the next."""
        if who not in self.guardians:
            return "NotGuardian"
        if not 0 < mask < 32:
            return "BadMask"
        if now < self.pause_until:
            if not mask & ~self.pause_mask:
                return "StopActive"
            if mask & self.resumed_mask:
                return "CoolingOff"
            self.pause_mask |= mask
            return OK
        if now < self.stop_allowed_at:
            return "CoolingOff"
        self.pause_mask, self.resumed_mask, self.pause_until = mask, 0, now + STOP_LENGTH_S
        self.stop_allowed_at = self.pause_until + STOP_LENGTH_S
        return OK


def ways(kind: int) -> int:
    """Which instruction executes a kind: execute (0), or one of the three others."""
    return {ADD_VALIDATOR: 1, REMOVE_VALIDATOR: 1, APPROVE_UPGRADE: 2, CALL: 3}.get(kind, 0)


class Walk:
    """One council under random hands, and the rules beside it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.campus = Campus.of(Chain(["governance"]))
        self.chain = self.campus.chain
        self.people = [
            *self.campus.members,
            *self.campus.guardians,
            *(self.chain.wallet(f"person {i}") for i in range(12)),
        ]
        assert self.campus.initialize_governance().ok
        self.rules = Rules(
            [key.pubkey() for key in self.campus.members], [key.pubkey() for key in self.campus.guardians]
        )
        self.account = self.campus.credit_account(keypair("alice"))
        self.thief = self.campus.credit_account(keypair("thief"))
        self.source = self.campus.credit_account(COUNCIL)
        self.upgrade = Upgrade.put(self.campus)
        self.nodes = [keypair(f"node {i}").pubkey() for i in range(3)]
        self.outcomes: dict[tuple[str, str], int] = {}

    def step(self) -> None:
        """Do one random thing, and compare."""
        what = self.random.choices(
            ("propose", "approve", "revoke", "cancel", "execute", "stop", "wait", "forge"), (20, 34, 6, 3, 30, 9, 10, 3)
        )[0]
        getattr(self, what)()
        self.compare()

    def someone(self) -> Keypair:
        """Mostly a member; sometimes a former one, a guardian or a stranger."""
        if self.random.random() < 0.8:
            wanted = self.random.choice(self.rules.members)
            return next(key for key in self.people if key.pubkey() == wanted)
        return self.random.choice(self.people)

    def some_proposal(self) -> int | None:
        """Mostly a late one that is still alive; sometimes any since the beginning."""
        known = self.rules.proposals
        if not known:
            return None
        late = range(max(0, len(known) - 8), len(known))
        alive = [i for i in late if known[i].status == OPEN and known[i].epoch == self.rules.epoch]
        if alive and self.random.random() < 0.7:
            return self.random.choice(alive)
        return self.random.choice(late) if self.random.random() < 0.8 else self.random.randrange(len(known))

    def check(self, what: str, outcome: Outcome, wanted: str) -> None:
        """The program must do or refuse what the rules do or refuse, for the same reason."""
        got = OK if outcome.ok else reason(outcome)
        assert got == wanted, "\n".join([f"{what}: {got} instead of {wanted}", *outcome.logs])
        self.outcomes[what, got] = self.outcomes.get((what, got), 0) + 1

    def wish(self) -> tuple[int, tuple, bytes]:
        """Return kind, wish and payload of something a council may, or may not, want."""
        pick, keys = self.random, [key.pubkey() for key in self.people]
        kind = pick.choice((0, 0, 0, 1, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9))
        if kind == SET_PARAM:
            number = pick.choice((0, 1, 1, 1, 2, 3, 4, 4, 31, 32))
            value = max(0, self.rules.params.get(number, 0) + pick.randint(-70, 70) // pick.choice((1, 5, 50)))
            return kind, (number, value), payload_set_param(number, value)
        if kind == SET_MEMBERS:
            chosen = pick.sample(keys, pick.choice((1, 2, 3, 4, 6, 16)))
            if pick.random() < 0.2:
                chosen.append(chosen[0])
            threshold = pick.randint(1, min(3, len(chosen))) if pick.random() < 0.9 else pick.choice((0, 9))
            return kind, (threshold, tuple(chosen)), payload_set_members(threshold, chosen)
        if kind == SET_GUARDIANS:
            chosen = pick.sample(keys, pick.randint(0, 4))
            return kind, (tuple(chosen),), payload_set_guardians(chosen)
        if kind == ISSUE_CREDIT:
            amount = pick.choice((0, 1, 1_000, 10**9))
            return kind, (amount,), payload_issue_credit(self.account, amount)
        if kind == RESUME:
            mask = pick.choice((0, 1, 4, 5, 31, 32))
            return kind, (mask,), bytes([mask])
        if kind in (ADD_VALIDATOR, REMOVE_VALIDATOR):
            node = pick.choice(self.nodes)
            return kind, (node,), bytes(node) * (2 if kind == ADD_VALIDATOR else 1)
        if kind == APPROVE_UPGRADE:
            right, it = pick.random() < 0.7, self.upgrade
            code = it.code if right else it.code + b"\0"
            return kind, (right,), payload_upgrade(it.program, it.buffer, it.spill, code)
        if kind == CALL:
            amount = pick.choice((0, 1, 2))
            self.fund_source(amount)
            return kind, (amount,), payload_call(transfer(self.source, self.account, amount))
        return kind, (), b""

    def fund_source(self, amount: int) -> None:
        """Keep enough in the council's account for every call that may come; it is no part of the supply that is checked."""
        if self.chain.token_amount(self.source) < 1_000 + amount:
            self.chain.put_token_account(self.source, CREDIT_MINT, COUNCIL, 1_000_000)

    # The steps

    def propose(self) -> None:
        """Somebody proposes something."""
        who, (kind, wish, payload) = self.someone(), self.wish()
        named = {
            "proposer": who,
            "payer": self.chain.payer,
            "council": COUNCIL,
            "proposal": proposal_address(len(self.rules.proposals)),
        }
        outcome = self.chain.call("governance", "propose", named, kind=kind, payload=payload)
        self.check("propose", outcome, self.rules.propose(who.pubkey(), kind, wish, self.chain.now_s()))

    def approve(self) -> None:
        """Somebody votes for something."""
        self.vote(True)

    def revoke(self) -> None:
        """Somebody learns better."""
        self.vote(False)

    def vote(self, yes: bool) -> None:
        """Send approve or revoke."""
        number, who = self.some_proposal(), self.someone()
        if number is not None:
            name = "approve" if yes else "revoke"
            wanted = self.rules.vote(who.pubkey(), self.rules.proposals[number], yes, self.chain.now_s())
            self.check(name, self.campus.vote(name, number, who), wanted)

    def cancel(self) -> None:
        """Somebody takes a proposal back."""
        number, who = self.some_proposal(), self.someone()
        if number is not None:
            named = {"proposer": who, "proposal": proposal_address(number)}
            wanted = self.rules.cancel(who.pubkey(), self.rules.proposals[number])
            self.check("cancel", self.chain.call("governance", "cancel", named), wanted)

    def execute(self) -> None:
        """Somebody executes something, now and then through the wrong instruction or with the thief's account."""
        number, who = self.some_proposal(), self.someone()
        if number is None:
            return
        if self.random.random() < 0.4:
            self.chain.advance(self.random.choice(TIMELOCK_S))
        proposal = self.rules.proposals[number]
        way = (
            proposal.kind if self.random.random() < 0.95 else self.random.choice((SET_PARAM, REMOVE_VALIDATOR, 7, CALL))
        )
        right, now, before = self.random.random() < 0.7, self.chain.now_s(), self.record_of(number)
        council_before, members = self.chain.data(COUNCIL), list(self.rules.members)
        wanted = self.rules.execute(who.pubkey(), proposal, way, right, now)
        outcome = self.send_execute(who, number, proposal, way, right)
        self.check("execute", outcome, wanted)
        if outcome.ok:
            self.must_have_been_allowed(before, council_before, members, now)
            if proposal.kind == APPROVE_UPGRADE:
                self.upgrade.put_buffer(self.upgrade.code)
            # The loader replaces a program once a slot.
            self.chain.set_time(now)

    def send_execute(self, who: Keypair, number: int, proposal: Proposal, way: int, right: bool) -> Outcome:
        """Send the instruction made for kind `way`."""
        named = {"executor": who, "council": COUNCIL, "proposal": proposal_address(number)}
        if way in (ADD_VALIDATOR, REMOVE_VALIDATOR):
            node = proposal.wish[0] if proposal.kind in (ADD_VALIDATOR, REMOVE_VALIDATOR) else self.nodes[0]
            return self.campus.execute_validator(number, node, who)
        if way == APPROVE_UPGRADE:
            return self.upgrade.execute(number, executor=who)
        if way == CALL:
            built = transfer(self.source, self.account, 0)
            return self.campus.execute_call(number, Instruction(TOKEN, b"", list(built.accounts)), who)
        if proposal.kind == ISSUE_CREDIT:
            account = self.account if right else self.thief
            named |= {
                "credit_mint": CREDIT_MINT,
                "credit_account": account,
                "treasury": TREASURY,
                "token_program": TOKEN,
            }
        return self.chain.call("governance", "execute", named)

    def must_have_been_allowed(self, record: bytes, council: bytes, members: list[Pubkey], now: int) -> None:
        """Read the bytes as they were before and judge them without the model: enough members, its epoch, its time."""
        approvals, kind, epoch = (
            struct.unpack_from("<H", record, 24)[0],
            record[10],
            struct.unpack_from("<I", record, 12)[0],
        )
        eta, expires_at = struct.unpack_from("<q", record, 40)[0], struct.unpack_from("<q", record, 48)[0]
        assert approvals >> len(members) == 0
        assert approvals.bit_count() >= council[11], "fewer members than the threshold"
        assert epoch == struct.unpack_from("<I", council, 16)[0], "of another council"
        assert 0 < eta <= now < expires_at
        assert record[11] == OPEN, "a second time"
        if kind in CLASS:
            assert eta >= struct.unpack_from("<q", record, 32)[0] + TIMELOCK_S[CLASS[kind]], "before its timelock"

    def stop(self) -> None:
        """Somebody presses the button."""
        guardian = self.rules.guardians and self.random.random() < 0.8
        wanted = self.random.choice(self.rules.guardians) if guardian else self.random.choice(self.people).pubkey()
        who = next(key for key in self.people if key.pubkey() == wanted)
        mask = self.random.choice((0, 1, 2, 4, 6, 8, 16, 31, 32, 64, 255))
        expected = self.rules.stop(wanted, mask, self.chain.now_s())
        self.check("stop", self.campus.stop(mask, who), expected)

    def wait(self) -> None:
        """Time passes."""
        self.chain.advance(self.random.choice((1, 60, 600, 1_200, 1_800, 3_600, PROPOSAL_TTL_S // 6)))

    def forge(self) -> None:
        """Somebody brings a proposal or a council of their own making; whatever it says, it must count for nothing."""
        number, who = self.some_proposal(), self.someone()
        if number is None:
            return
        forged = keypair("forged").pubkey()
        named = {"executor": who, "council": COUNCIL, "proposal": proposal_address(number)}
        slot = self.random.choice(("council", "proposal"))
        data = bytearray(self.chain.data(named[slot]))
        if slot == "council":
            data[11] = 1
            data[192:224] = bytes(who.pubkey())
        else:
            data[24:26], data[40:48], data[11] = b"\xff\xff", bytes(8), OPEN
        self.chain.put(forged, bytes(data), self.random.choice((TOKEN, who.pubkey(), Pubkey.default())))
        self.check(
            "forge",
            self.chain.call("governance", "execute", named | {slot: forged}),
            "WRONG_OWNER" if slot == "council" or who.pubkey() in self.rules.members else "NotMember",
        )

    # Comparing

    def record_of(self, number: int) -> bytes:
        """The proposal's bytes."""
        return self.chain.data(proposal_address(number))

    def compare(self) -> None:
        """The council's bytes, the latest proposals and the money must be what the rules say."""
        rules, data = self.rules, self.chain.data(COUNCIL)
        head = (len(rules.members), rules.threshold, len(rules.guardians), rules.pause_mask)
        assert tuple(data[10:14]) == head
        numbers = (rules.epoch, rules.pause_until, len(rules.proposals), rules.stop_allowed_at, rules.resumed_mask)
        found = (
            *struct.unpack_from("<I", data, 16),
            *struct.unpack_from("<qQ", data, 24),
            *struct.unpack_from("<qB", data, 1728),
        )
        assert found == numbers
        assert data[96:192] == b"".join(map(bytes, rules.guardians)).ljust(96, b"\0")
        assert data[192:704] == b"".join(map(bytes, rules.members)).ljust(512, b"\0")
        for number, value, low, high, step in PARAMS:
            assert struct.unpack_from("<4Q", data, 704 + 32 * number) == (rules.params[number], low, high, step)
            assert low <= rules.params[number] <= high or value == rules.params[number]
        assert rules.pause_until <= self.chain.now_s() + STOP_LENGTH_S, "a stop longer than a stop"
        for number in range(max(0, len(rules.proposals) - 4), len(rules.proposals)):
            record, proposal = self.record_of(number), rules.proposals[number]
            assert record[11] == proposal.status
            assert struct.unpack_from("<q", record, 40)[0] == proposal.eta
            if proposal.epoch == rules.epoch:
                assert struct.unpack_from("<H", record, 24)[0] == sum(
                    1 << i for i, key in enumerate(rules.members) if key in proposal.approvals
                )
        assert self.chain.supply(CREDIT_MINT) == rules.issued
        assert self.chain.token_amount(self.account) == rules.issued + rules.called
        assert self.chain.token_amount(self.thief) == 0


def reason(outcome: Outcome) -> str:
    """Return the name of the custom error."""
    assert outcome.code is not None, "\n".join([str(outcome.error), *outcome.logs])
    shared = {code: name for name, code in SHARED.items()}
    if outcome.code in shared:
        return shared[outcome.code]
    found = idl.error("governance", outcome.code)
    assert found is not None
    return found.name


@pytest.mark.prove_too
def test_a_council_under_random_hands_keeps_its_rules() -> None:
    """Duplicate approvals, former members, stale and expired proposals, replays, early executions, wrong payloads and accounts,
    guardians who stop again and again, forged records: none has an effect that the rules do not have."""
    seen: dict[tuple[str, str], int] = {}
    done = 0
    for seed in range(10**6):
        walk = Walk(seed)
        for _ in range(min(500, STEPS - done)):
            walk.step()
            done += 1
        for key, count in walk.outcomes.items():
            seen[key] = seen.get(key, 0) + count
        if done >= STEPS:
            break
    print(f"{done:,} steps: " + ", ".join(f"{what} {got} {count:,}" for (what, got), count in sorted(seen.items())))
    wanted = {
        ("execute", name)
        for name in (
            OK,
            "NotMember",
            "NotOpen",
            "StaleEpoch",
            "BelowThreshold",
            "TimelockActive",
            "BadKind",
            "WRONG_ADDRESS",
        )
    }
    wanted |= {
        ("approve", "AlreadyApproved"),
        ("approve", "StaleEpoch"),
        ("revoke", "NotApproved"),
        ("cancel", "NotProposer"),
    }
    wanted |= {("stop", name) for name in (OK, "NotGuardian", "BadMask", "StopActive", "CoolingOff")}
    wanted |= {("propose", name) for name in (OK, "NotMember", "BadMembers", "StepTooLarge", "OutOfBounds")}
    assert wanted <= seen.keys(), f"never tried: {sorted(wanted - seen.keys())}"
