"""Random people against a model of the registry's rules: who may do what to whom, and which states are final."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from campus import (
    ACTIVE,
    ADMIN,
    CLOSED,
    OPERATOR,
    PENDING,
    RETIRED,
    STUDENT,
    SUSPENDED,
    Campus,
    device_key,
    meter_address,
    user_address,
)
from program_harness import SHARED, Chain, Outcome
from proving import steps
from solders.keypair import Keypair

from gridkit.chain import idl

STEPS = steps(1_000, prove=20_000)
OK = "ok"
STAFF = (OPERATOR, ADMIN)


@dataclass
class User:
    """A registered wallet."""

    role: int
    status: int


@dataclass
class Meter:
    """A registered meter; `keys` oldest first, each with its first interval."""

    owner: str
    status: int = PENDING
    keys: list[tuple[str, int]] = field(default_factory=list)
    register_epoch: int = 0


class Rules:
    """What the registry allows, written down once more and without the program's words."""

    def __init__(self) -> None:
        self.users = {"admin": User(ADMIN, ACTIVE), "operator": User(OPERATOR, ACTIVE)}
        self.meters: dict[str, Meter] = {}
        self.used: set[str] = set()

    def not_staff(self, who: str, roles: tuple[int, ...] = STAFF) -> str | None:
        """Why `who` may not act for the registry."""
        user = self.users.get(who)
        if user is None:
            return "WRONG_OWNER"
        return None if user.status == ACTIVE and user.role in roles else "Unauthorized"

    def outranks(self, who: str, role: int) -> bool:
        """An operator decides over the roles below its own, an admin over all."""
        return self.users[who].role == ADMIN or role < OPERATOR

    def register_user(self, who: str, wallet: str, role: int, status: int) -> str:
        if refusal := self.not_staff(who):
            return refusal
        if role > ADMIN or not self.outranks(who, role):
            return "BadRole"
        if status not in (PENDING, ACTIVE):
            return "BadStatus"
        if wallet in self.users:
            return "ALREADY_INITIALIZED"
        self.users[wallet] = User(role, status)
        return OK

    def set_role(self, who: str, wallet: str, role: int) -> str:
        if who == wallet:
            return "OwnRecord"
        if refusal := self.not_staff(who, (ADMIN,)):
            return refusal
        if role > ADMIN:
            return "BadRole"
        if wallet not in self.users:
            return "WRONG_OWNER"
        if self.users[wallet].status == CLOSED:
            return "TerminalStatus"
        self.users[wallet].role = role
        return OK

    def set_status(self, who: str, wallet: str, status: int) -> str:
        if who == wallet:
            return "OwnRecord"
        if refusal := self.not_staff(who):
            return refusal
        user = self.users.get(wallet)
        if user is None:
            return "WRONG_OWNER"
        if not self.outranks(who, user.role):
            return "Unauthorized"
        if user.status == CLOSED:
            return "TerminalStatus"
        if status not in (ACTIVE, SUSPENDED) or status == user.status:
            return "BadStatus"
        user.status = status
        return OK

    def close_user(self, who: str, wallet: str) -> str:
        if who != wallet and (refusal := self.not_staff(who, (ADMIN,))):
            return refusal
        user = self.users.get(wallet)
        if user is None:
            return "WRONG_OWNER"
        if who == wallet and user.role == ADMIN:
            return "OwnRecord"
        if user.status == CLOSED:
            return "TerminalStatus"
        user.status = CLOSED
        return OK

    def inactive(self, owner: str) -> str | None:
        """Why somebody cannot own a meter that counts."""
        user = self.users.get(owner)
        if user is None:
            return "WRONG_OWNER"
        return None if user.status == ACTIVE else "UserInactive"

    def register_meter(self, who: str, name: str, owner: str, key: str, present: int) -> str:
        if refusal := self.not_staff(who) or self.inactive(owner):
            return refusal
        if name in self.meters:
            return "ALREADY_INITIALIZED"
        if key in self.used:
            return "KeyReuse"
        self.used.add(key)
        self.meters[name] = Meter(owner, keys=[(key, present - 200)])
        return OK

    def not_alive(self, who: str, name: str) -> str | None:
        """Why `who` may not touch a meter."""
        if refusal := self.not_staff(who):
            return refusal
        if name not in self.meters:
            return "WRONG_OWNER"
        return "TerminalStatus" if self.meters[name].status == RETIRED else None

    def activate(self, who: str, name: str) -> str:
        if refusal := self.not_alive(who, name):
            return refusal
        meter = self.meters[name]
        if meter.status == ACTIVE:
            return "BadStatus"
        if refusal := self.inactive(meter.owner):
            return refusal
        meter.status = ACTIVE
        return OK

    def suspend(self, who: str, name: str) -> str:
        if refusal := self.not_alive(who, name):
            return refusal
        if self.meters[name].status != ACTIVE:
            return "BadStatus"
        self.meters[name].status = SUSPENDED
        return OK

    def retire(self, who: str, name: str) -> str:
        if refusal := self.not_alive(who, name):
            return refusal
        self.meters[name].status = RETIRED
        return OK

    def rotate(self, name: str, owner: str, key: str, first: int, compromised: bool, present: int) -> str:
        if refusal := self.not_alive("operator", name):
            return refusal
        meter = self.meters[name]
        if meter.owner != owner:
            return "NotOwner"
        if not present < first <= present + 2_976:
            return "BadFirstInterval"
        if meter.keys[-1][1] > present and not compromised:
            return "RotationPending"
        if key in self.used:
            return "KeyReuse"
        self.used.add(key)
        meter.keys.append((key, first))
        return OK

    def swap(self, first: str, second: str, name: str) -> str:
        if refusal := self.not_staff(first) or self.not_staff(second):
            return refusal
        if first == second:
            return "SameApprover"
        if refusal := self.not_alive(first, name):
            return refusal
        self.meters[name].register_epoch += 1
        return OK


class Walk:
    """One registry under random hands, and the rules beside it."""

    def __init__(self, seed: int) -> None:
        self.random, self.rules = random.Random(seed), Rules()
        self.campus = Campus.build(Chain(["governance", "registry"]))
        names = ("admin", "operator", *(f"person {i}" for i in range(5)))
        self.keys: dict[str, Keypair] = {name: self.campus.chain.wallet(name) for name in names}
        self.outcomes: dict[tuple[str, str], int] = {}

    def somebody(self) -> str:
        """Mostly somebody who is in charge."""
        staff = [name for name, user in self.rules.users.items() if user.role in STAFF and user.status == ACTIVE]
        return self.random.choice(staff if staff and self.random.random() < 0.75 else list(self.keys))

    def step(self) -> None:
        """Do one random thing, and compare."""
        pick, campus, rules, who = self.random, self.campus, self.rules, self.somebody()
        key, wallet, name = self.keys[who], pick.choice(list(self.keys)), f"meter {pick.randrange(6)}"
        present = campus.chain.now_s() // 900
        what = pick.choice(
            [
                "register_user",
                "set_role",
                "set_status",
                "set_status",
                "close",
                "register_meter",
                "activate",
                "activate",
                "suspend",
                "retire",
                "rotate",
                "rotate",
                "swap",
            ]
        )
        if what in ("close", "retire") and pick.random() < 0.7:
            what = "wait"
        owner = rules.meters[name].owner if name in rules.meters and pick.random() < 0.8 else wallet
        device = pick.choice((f"key {len(rules.used)}", f"key {pick.randrange(len(rules.used) + 1)}"))
        if what == "wait":
            campus.chain.advance(pick.choice((60, 900, 1_800)))
            return
        if what == "register_user":
            role, status = (
                pick.choice((STUDENT, 1, 2, 3, OPERATOR, ADMIN, 7)),
                pick.choice((PENDING, ACTIVE, ACTIVE, CLOSED)),
            )
            wanted = rules.register_user(who, wallet, role, status)
            outcome = campus.register_user(self.keys[wallet], role, status, key)
        elif what == "set_role":
            role = pick.choice((STUDENT, OPERATOR, OPERATOR, ADMIN, 7))
            wanted = rules.set_role(who, wallet, role)
            outcome = campus.set_user("role", self.keys[wallet], role, key)
        elif what == "set_status":
            status = pick.choice((PENDING, ACTIVE, ACTIVE, SUSPENDED, CLOSED, 9))
            wanted = rules.set_status(who, wallet, status)
            outcome = campus.set_user("status", self.keys[wallet], status, key)
        elif what == "close":
            who = wallet if pick.random() < 0.5 else who
            wanted = rules.close_user(who, wallet)
            outcome = campus.close_user(self.keys[wallet], self.keys[who])
        elif what == "register_meter":
            wanted = rules.register_meter(who, name, owner, device, present)
            outcome = campus.register_meter(name, self.keys[owner], authority=key, device=device_key(device))
        elif what == "activate":
            real = rules.meters[name].owner if name in rules.meters else owner
            wanted = rules.activate(who, name)
            outcome = campus.activate_meter(name, self.keys[real], key)
        elif what == "suspend":
            wanted = rules.suspend(who, name)
            outcome = campus.suspend_meter(name, key)
        elif what == "retire":
            wanted = rules.retire(who, name)
            outcome = campus.retire_meter(name, key)
        elif what == "rotate":
            first, compromised = present + pick.choice((0, 1, 1, 2, 2_976, 2_977)), pick.random() < 0.3
            wanted = rules.rotate(name, owner, device, first, compromised, present)
            outcome = campus.rotate_key(name, self.keys[owner], device_key(device), first, compromised=compromised)
        else:
            second = self.somebody()
            wanted = rules.swap(who, second, name)
            outcome = campus.swap_meter(name, key, self.keys[second])
        self.check(what, outcome, wanted)
        self.compare(wallet, name)

    def check(self, what: str, outcome: Outcome, wanted: str) -> None:
        """The program must do or refuse what the rules do or refuse, for the same reason."""
        got = OK if outcome.ok else reason(outcome)
        assert got == wanted, "\n".join([f"{what}: {got} instead of {wanted}", *outcome.logs])
        self.outcomes[what, got] = self.outcomes.get((what, got), 0) + 1

    def compare(self, wallet: str, name: str) -> None:
        """The accounts must be what the rules say."""
        chain, rules = self.campus.chain, self.rules
        if wallet in rules.users:
            data, user = chain.data(user_address(self.keys[wallet])), rules.users[wallet]
            assert (data[10], data[11]) == (user.role, user.status)
        if name in rules.meters:
            record, meter = chain.read("registry", "Meter", meter_address(name)), rules.meters[name]
            assert (record["status"], record["register_epoch"]) == (meter.status, meter.register_epoch)
            assert record["owner"] == bytes(self.keys[meter.owner].pubkey())
            kept = [(bytes(device_key(key).verify_key), first) for key, first in reversed(meter.keys[-4:])]
            assert [(row["key"], row["first_interval"]) for row in record["keys"][: len(kept)]] == kept
        assert any(user.role == ADMIN and user.status == ACTIVE for user in rules.users.values()), "nobody is in charge"


def reason(outcome: Outcome) -> str:
    """Return the name of the custom error."""
    assert outcome.code is not None, "\n".join([str(outcome.error), *outcome.logs])
    shared = {code: name for name, code in SHARED.items()}
    if outcome.code in shared:
        return shared[outcome.code]
    found = idl.error("registry", outcome.code)
    assert found is not None
    return found.name


@pytest.mark.prove_too
def test_a_registry_under_random_hands_keeps_its_rules() -> None:
    """Two owners of one meter, a key that comes back, a closed user or retired meter that lives again, an operator who rises,
    a campus without an admin: none can be reached from anywhere."""
    seen: dict[tuple[str, str], int] = {}
    done = 0
    while done < STEPS:
        walk = Walk(done)
        for _ in range(min(250, STEPS - done)):
            walk.step()
            done += 1
        for key, count in walk.outcomes.items():
            seen[key] = seen.get(key, 0) + count
    print(f"{done:,} steps: " + ", ".join(f"{what} {got} {count:,}" for (what, got), count in sorted(seen.items())))
    for what in (
        "register_user",
        "set_role",
        "set_status",
        "close",
        "register_meter",
        "activate",
        "suspend",
        "retire",
        "rotate",
        "swap",
    ):
        assert (what, OK) in seen
    final = {
        ("set_status", "TerminalStatus"),
        ("activate", "TerminalStatus"),
        ("rotate", "KeyReuse"),
        ("rotate", "RotationPending"),
    }
    assert final | {("register_meter", "KeyReuse"), ("swap", "SameApprover"), ("set_role", "OwnRecord")} <= seen.keys()
