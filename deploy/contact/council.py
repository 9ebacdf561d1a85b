"""Carries decisions of the council through with the members' keys that are on this box. What is decided is the caller's affair; whether
it may be is the governance program's."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence

import msgspec
from solders.instruction import AccountMeta, Instruction

from deploy.contact.chain import Chain
from gridkit.chain.deployment import SYSTEM_PROGRAM, derive
from gridkit.chain.tx import Pubkey, Signer, instruction

SET_PARAM, SET_MEMBERS, SET_GUARDIANS, ISSUE_CREDIT, RESUME, ADD_VALIDATOR, REMOVE_VALIDATOR, APPROVE_UPGRADE, CALL = (
    range(9)
)
_CLOCK = "SysvarC1ock11111111111111111111111111111111"
_OPEN = 0
_WRITABLE, _SIGNER = 1, 2
# How far back an open proposal of the same wording is looked for, so that a broken run is taken up and not done again.
_LOOK_BACK = 256


class Decision(msgspec.Struct, frozen=True):
    """Something that the council is to decide.

    Attributes:
        what: In words, for errors.
        kind, payload: As governance's KIND_ constants say.
        instruction: Which instruction executes it.
        accounts: Those of that instruction beside executor, payer, council and proposal, by name.
        remaining: Those behind them.
    """

    what: str
    kind: int
    payload: bytes
    instruction: str = "execute"
    accounts: dict[str, str] = {}
    remaining: tuple[AccountMeta, ...] = ()


def call_of(what: str, built: Instruction) -> Decision:
    """Return the decision that governance calls `built`, which the council's PDA signs where it says so."""
    keys = b"".join(bytes(meta.pubkey) for meta in built.accounts)
    flags = bytes(_WRITABLE * meta.is_writable | _SIGNER * meta.is_signer for meta in built.accounts)
    count, data = struct.pack("<I", len(flags)), bytes(built.data)
    payload = bytes(built.program_id) + count + keys + count + flags + struct.pack("<I", len(data)) + data
    metas = tuple(AccountMeta(meta.pubkey, False, meta.is_writable) for meta in built.accounts)
    return Decision(what, CALL, payload, "execute_call", {"program": str(built.program_id)}, metas)


class CouncilWaitsError(Exception):
    """Some decisions cannot take effect yet; the same call takes them up later.

    Attributes:
        proposals: Their numbers.
    """

    def __init__(self, proposals: Sequence[int], why: str) -> None:
        self.proposals = list(proposals)
        super().__init__(f"proposals {', '.join(map(str, proposals))}: {why}")


class _Proposal(msgspec.Struct, frozen=True):
    """One governance.Proposal. Times in UTC epoch seconds; `approvals` has bit i for member i."""

    number: int
    kind: int
    status: int
    epoch: int
    approvals: int
    eta_s: int
    expires_s: int
    payload: bytes


class Council:
    """The council of a deployment, as far as its members are on this box.

    Args:
        chain: Node and payer.
        governance: Program id.
        members: Keys of members; those of none are of no use.
    """

    def __init__(self, chain: Chain, governance: str, members: Sequence[Signer]) -> None:
        self._chain, self._id = chain, governance
        self.address = derive(governance, b"council")
        self._members = {member.address: member for member in members}

    def decide(self, decisions: Sequence[Decision], wait_s: float = 60) -> None:
        """Propose what is not proposed yet, approve it, wait for the timelocks and execute.

        Raises:
            CouncilWaitsError: Approvals are missing that no key here can give, or a timelock is longer than `wait_s` (wall time).
            deploy.contact.chain.TransactionFailedError: The program refused something.
        """
        if decisions:
            numbers = self.agree(decisions)
            self.wait(numbers, wait_s)
            self.execute(numbers, decisions)

    def agree(self, decisions: Sequence[Decision]) -> list[int]:
        """Propose what is not proposed yet and give it the approvals that it lacks; return the proposals' numbers."""
        threshold, order, epoch, count = self._state()
        here = [self._members[address] for address in order if address in self._members]
        if not here:
            raise CouncilWaitsError([], "no member's key is on this box")
        numbers = self._proposed(decisions, epoch, count, here[0])
        approvals = []
        for proposal in self._read(numbers):
            missing = [m for m in here if not proposal.approvals >> order.index(m.address) & 1]
            wanted = max(0, threshold - proposal.approvals.bit_count())
            approvals += [self._vote(proposal.number, member) for member in missing[:wanted]]
        self._chain.send_all(approvals)
        return numbers

    def execute(self, numbers: Sequence[int], decisions: Sequence[Decision]) -> None:
        """Let proposals take effect."""
        _, order, _, _ = self._state()
        executor = next(self._members[address] for address in order if address in self._members)
        self._chain.send_all([self._execution(n, d, executor) for n, d in zip(numbers, decisions, strict=True)])

    def _state(self) -> tuple[int, list[str], int, int]:
        """Return threshold, members in order, epoch and the number of proposals."""
        account = self._chain.rpc.account(self.address)
        if account is None:
            raise FileNotFoundError(f"there is no council at {self.address}: `campusgrid contact deploy` makes it")
        data = account.data
        members = [_address(data[192 + 32 * i : 224 + 32 * i]) for i in range(data[10])]
        return data[11], members, *struct.unpack_from("<I", data, 16), *struct.unpack_from("<Q", data, 32)

    def _proposed(self, decisions: Sequence[Decision], epoch: int, count: int, proposer: Signer) -> list[int]:
        """Return the number of each decision's proposal, making those that are not there."""
        now = self._now_s()
        known = {
            (p.kind, p.payload): p.number
            for p in self._read(range(max(0, count - _LOOK_BACK), count))
            if p.status == _OPEN and p.epoch == epoch and now < p.expires_s
        }
        numbers = []
        for decision in decisions:
            number = known.pop((decision.kind, decision.payload), None)
            if number is None:
                number, count = count, count + 1
                named = self._named(number) | {"proposer": proposer.address}
                args = {"kind": decision.kind, "payload": decision.payload}
                self._chain.send(f"propose: {decision.what}", [self._build("propose", named, args)], [proposer])
            numbers.append(number)
        return numbers

    def wait(self, numbers: Sequence[int], wait_s: float) -> None:
        """Wait until the timelocks of these proposals have ended; raises CouncilWaitsError as decide does."""
        deadline = time.monotonic() + wait_s
        while True:
            proposals, now = self._read(numbers), self._now_s()
            short = [p.number for p in proposals if not p.eta_s]
            if short:
                raise CouncilWaitsError(short, "approvals of members whose keys are not on this box are missing")
            waiting = [p for p in proposals if now < p.eta_s]
            if not waiting:
                return
            if time.monotonic() > deadline:
                eta = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(max(p.eta_s for p in waiting)))
                raise CouncilWaitsError([p.number for p in waiting], f"the timelock ends at {eta}; run this again then")
            time.sleep(0.2)

    def _vote(self, number: int, member: Signer) -> tuple[str, list[Instruction], list[Signer]]:
        named = self._named(number) | {"member": member.address}
        return f"approve proposal {number}", [self._build("approve", named, {})], [member]

    def _execution(
        self, number: int, decision: Decision, member: Signer
    ) -> tuple[str, list[Instruction], list[Signer]]:
        named = self._named(number) | decision.accounts | {"executor": member.address}
        return f"execute: {decision.what}", [self._build(decision.instruction, named, {}, decision.remaining)], [member]

    def _build(
        self, name: str, named: dict[str, str], args: dict[str, object], remaining: Sequence[AccountMeta] = ()
    ) -> Instruction:
        if name in ("propose", "execute_validator"):
            named = named | {"payer": self._chain.payer.address, "system_program": SYSTEM_PROGRAM}
        return instruction("governance", self._id, name, named, remaining, **args)

    def _named(self, number: int) -> dict[str, str]:
        return {"council": self.address, "proposal": self._address_of(number)}

    def _address_of(self, number: int) -> str:
        return derive(self._id, b"proposal", number.to_bytes(8, "little"))

    def _read(self, numbers: Sequence[int]) -> list[_Proposal]:
        found = self._chain.rpc.accounts([self._address_of(number) for number in numbers])
        return [_decode(account.data) for account in found if account is not None]

    def _now_s(self) -> int:
        """Campus time as the programs see it."""
        clock = self._chain.rpc.account(_CLOCK)
        if clock is None:
            raise RuntimeError("the chain has no Clock sysvar")
        return int(struct.unpack_from("<q", clock.data, 32)[0])


def _decode(data: bytes) -> _Proposal:
    kind, status, epoch, number, approvals = struct.unpack_from("<BBIQH", data, 10)
    length = struct.unpack_from("<H", data, 28)[0]
    eta, expires = struct.unpack_from("<qq", data, 40)
    return _Proposal(number, kind, status, epoch, approvals, eta, expires, data[96 : 96 + length])


def _address(raw: bytes) -> str:
    return str(Pubkey.from_bytes(raw))
