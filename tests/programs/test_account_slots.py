"""Every account slot of every registry and governance instruction with something wrong in it.

The table starts from instructions that succeed, and ends by sending them: a refusal can only come from the one thing that
was changed, its reason must be one of `slot_reasons`, and a slot that the interface gains is in the table by itself.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from campus import (
    ADD_VALIDATOR,
    CALL,
    COUNCIL,
    CREDIT_MINT,
    ISSUE_CREDIT,
    SET_PARAM,
    TIMELOCK_S,
    TREASURY,
    Campus,
    device_key,
    key_record_address,
    meter_address,
    payload_call,
    payload_issue_credit,
    payload_set_param,
    proposal_address,
    user_address,
    validator_address,
    zone_address,
)
from governance_world import Upgrade, answering, transfer
from program_harness import (
    ROOT,
    START_S,
    TOKEN,
    Chain,
    Outcome,
    compute_limit,
    expect_error,
    expect_ok,
    expect_shared,
    keypair,
    program_id,
    with_slot,
)
from slot_reasons import expect_reason
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

NOW = START_S // 900


@dataclass
class Case:
    """An instruction that succeeds on its chain as it stands, and every key that may have to sign."""

    program: str
    name: str
    campus: Campus
    instruction: Instruction
    signers: list[Keypair]

    def send(self, built: Instruction) -> Outcome:
        """Send a changed copy, signed by whoever still has to."""
        needed = {meta.pubkey for meta in built.accounts if meta.is_signer}
        signers = [key for key in self.signers if key.pubkey() in needed]
        return self.campus.chain.send(compute_limit(600_000), built, signers=signers)


class Recorder:
    """Catches the instruction that a campus method would send, with a rent payer of its own.

    The fee payer signs and is writable for the whole transaction, so as a rent payer its flags could not be taken away.
    """

    def __init__(self, campus: Campus) -> None:
        self.campus = campus
        self.payer = campus.chain.wallet("rent payer")
        self.caught: tuple[str, str, Instruction, list[Keypair]] | None = None

    def call(
        self, program: str, name: str, accounts: dict[str, Any], remaining: Sequence[AccountMeta] = (), **args: Any
    ) -> Outcome:
        """Stand in for Chain.call."""
        args.pop("limit", None)
        if "payer" in accounts:
            accounts = accounts | {"payer": self.payer}
        chain = self.campus.chain
        keys = [value for value in accounts.values() if isinstance(value, Keypair)]
        self.caught = (program, name, chain.instruction(program, name, accounts, remaining, **args), keys)
        return Outcome(None, None, [], 0)


def catch(campus: Campus, send: Callable[[], Outcome]) -> Case:
    """Return the case of the instruction that `send` would send."""
    recorder = Recorder(campus)
    campus.chain.call = recorder.call  # type: ignore[method-assign]
    send()
    del campus.chain.call
    assert recorder.caught is not None
    program, name, built, keys = recorder.caught
    return Case(program, name, campus, built, keys)


def _fresh(programs: list[str]) -> Campus:
    return Campus.of(Chain(programs))


def _council() -> Campus:
    campus = _fresh(["governance"])
    expect_ok(campus.initialize_governance())
    return campus


def _approved(kind: int, payload: bytes) -> Campus:
    campus = _council()
    expect_ok(campus.propose(kind, payload))
    expect_ok(campus.vote("approve", 0, 1))
    campus.chain.advance(max(TIMELOCK_S))
    return campus


def _governance_initialize() -> Case:
    campus = _fresh(["governance"])
    return catch(campus, campus.initialize_governance)


def _propose() -> Case:
    campus = _council()
    return catch(campus, lambda: campus.propose(SET_PARAM, payload_set_param(1, 30)))


def _approve() -> Case:
    campus = _council()
    expect_ok(campus.propose(SET_PARAM, payload_set_param(1, 30)))
    return catch(campus, lambda: campus.vote("approve", 0, 1))


def _revoke() -> Case:
    campus = _approved(SET_PARAM, payload_set_param(1, 30))
    return catch(campus, lambda: campus.vote("revoke", 0, 1))


def _cancel() -> Case:
    campus = _approved(SET_PARAM, payload_set_param(1, 30))
    named = {"proposer": campus.members[0], "proposal": proposal_address(0)}
    return catch(campus, lambda: campus.chain.call("governance", "cancel", named))


def _execute() -> Case:
    campus = _council()
    account = campus.credit_account(keypair("alice"))
    expect_ok(campus.propose(ISSUE_CREDIT, payload_issue_credit(account, 5)))
    expect_ok(campus.vote("approve", 0, 1))
    campus.chain.advance(TIMELOCK_S[2])
    accounts = {"credit_mint": CREDIT_MINT, "credit_account": account, "treasury": TREASURY, "token_program": TOKEN}
    return catch(campus, lambda: campus.execute(0, **accounts))


def _execute_validator() -> Case:
    campus = _council()
    node = keypair("node").pubkey()
    number = campus.agree(ADD_VALIDATOR, bytes(node) * 2)
    return catch(campus, lambda: campus.execute_validator(number, node))


def _execute_upgrade() -> Case:
    campus = _council()
    upgrade = Upgrade.put(campus)
    number = upgrade.agree()
    return catch(campus, lambda: upgrade.execute(number))


def _execute_call() -> Case:
    campus = _council()
    source, target = (campus.credit_account(key) for key in (COUNCIL, keypair("alice")))
    built = transfer(source, target, 0)
    number = campus.agree(CALL, payload_call(built))
    return catch(campus, lambda: campus.execute_call(number, built))


def _emergency_stop() -> Case:
    campus = _council()
    return catch(campus, lambda: campus.stop(1))


def _built() -> tuple[Campus, Keypair]:
    campus = Campus.build(Chain(["governance", "registry"]))
    return campus, campus.user("alice")


def _registry_initialize() -> Case:
    campus = _fresh(["governance", "registry"])
    expect_ok(campus.initialize_governance())
    return catch(campus, campus.initialize_registry)


def _create_zone() -> Case:
    campus, _ = _built()
    return catch(campus, lambda: campus.create_zone(2))


def _register_user() -> Case:
    campus, _ = _built()
    return catch(campus, lambda: campus.register_user(campus.chain.wallet("bob")))


def _set_role() -> Case:
    campus, alice = _built()
    return catch(campus, lambda: campus.set_user("role", alice, 1))


def _set_user_status() -> Case:
    campus, alice = _built()
    return catch(campus, lambda: campus.set_user("status", alice, 2))


def _close_user() -> Case:
    campus, alice = _built()
    return catch(campus, lambda: campus.close_user(alice))


def _register_meter() -> Case:
    campus, alice = _built()
    return catch(campus, lambda: campus.register_meter("m1", alice))


def _with_meter(active: bool = True) -> tuple[Campus, Keypair]:
    campus, alice = _built()
    expect_ok(campus.register_meter("m1", alice))
    if active:
        expect_ok(campus.activate_meter("m1", alice))
    return campus, alice


def _activate_meter() -> Case:
    campus, alice = _with_meter(active=False)
    return catch(campus, lambda: campus.activate_meter("m1", alice))


def _suspend_meter() -> Case:
    campus, _ = _with_meter()
    return catch(campus, lambda: campus.suspend_meter("m1"))


def _retire_meter() -> Case:
    campus, _ = _with_meter()
    return catch(campus, lambda: campus.retire_meter("m1"))


def _rotate_device_key() -> Case:
    campus, alice = _with_meter()
    return catch(campus, lambda: campus.rotate_key("m1", alice, device_key("new"), NOW + 1))


def _swap_meter() -> Case:
    campus, _ = _with_meter()
    return catch(campus, lambda: campus.swap_meter("m1"))


CASES: dict[str, Callable[[], Case]] = {
    "governance.initialize": _governance_initialize,
    "governance.propose": _propose,
    "governance.approve": _approve,
    "governance.revoke": _revoke,
    "governance.cancel": _cancel,
    "governance.execute": _execute,
    "governance.execute_validator": _execute_validator,
    "governance.execute_upgrade": _execute_upgrade,
    "governance.execute_call": _execute_call,
    "governance.emergency_stop": _emergency_stop,
    "registry.initialize": _registry_initialize,
    "registry.create_zone": _create_zone,
    "registry.register_user": _register_user,
    "registry.set_role": _set_role,
    "registry.set_user_status": _set_user_status,
    "registry.close_user": _close_user,
    "registry.register_meter": _register_meter,
    "registry.activate_meter": _activate_meter,
    "registry.suspend_meter": _suspend_meter,
    "registry.retire_meter": _retire_meter,
    "registry.rotate_device_key": _rotate_device_key,
    "registry.swap_meter": _swap_meter,
}


def interface(program: str) -> dict[str, Any]:
    """Return a program's interface.toml."""
    return tomllib.loads((ROOT / "programs" / program / "interface.toml").read_text())


def slots(key: str) -> list[dict[str, Any]]:
    """Return the account slots of an instruction."""
    program, name = key.split(".")
    (found,) = [item for item in interface(program)["instruction"] if item["name"] == name]
    return found["accounts"]


def wrongs(case: Case, slot: dict[str, Any]) -> Iterator[tuple[str, Instruction]]:
    """Yield every wrong thing that can stand in a slot, with its name."""
    chain, name, kind = case.campus.chain, slot["name"], slot["kind"]
    index = [item["name"] for item in slots(f"{case.program}.{case.name}")].index(name)
    present = case.instruction.accounts[index].pubkey
    if slot.get("signer"):
        yield "no signature", with_slot(case.instruction, name, signer=False)
        stranger = chain.wallet("stranger")
        if name != "payer":
            case.signers.append(stranger)
            yield "a stranger's signature", with_slot(case.instruction, name, address=stranger.pubkey())
    if slot.get("writable"):
        yield "read-only", with_slot(case.instruction, name, writable=False)
    if kind.startswith("state:"):
        yield from _wrong_records(case, name, kind, present)
    if kind.startswith(("pda:", "new", "programdata", "mint", "token_account", "program:", "sysvar:", "any")):
        other = Pubkey.from_bytes(bytes([0xAB]) * 32)
        account = chain.svm.get_account(present)
        if account is not None:
            chain.svm.set_account(other, account)
        yield "a copy elsewhere", with_slot(case.instruction, name, address=other)
    if kind.startswith("program:"):
        willing = keypair("program that says yes").pubkey()
        chain.svm.add_program(willing, answering(0))
        yield "a program that says yes", with_slot(case.instruction, name, address=willing)
    if kind.startswith(("mint", "token_account", "programdata", "any")):
        forged = Pubkey.from_bytes(bytes([0xAC]) * 32)
        chain.put(forged, chain.data(present), program_id("trading"))
        yield "a forged copy elsewhere", with_slot(case.instruction, name, address=forged)
    # Whose wallet pays does not matter. In a signer's place only somebody else who signs is new.
    if name != "payer":
        for other_slot, meta in zip(slots(f"{case.program}.{case.name}"), case.instruction.accounts, strict=False):
            if meta.pubkey != present and (meta.is_signer or not slot.get("signer")):
                yield (
                    f"another slot's account: {other_slot['name']}",
                    with_slot(case.instruction, name, address=meta.pubkey),
                )


def _wrong_records(case: Case, name: str, kind: str, present: Pubkey) -> Iterator[tuple[str, Instruction]]:
    chain = case.campus.chain
    program, record = kind.removeprefix("state:").split(".")
    data, owner = chain.data(present), program_id(program)

    # In the account's own place: elsewhere a wrong address would be refused before anybody looks at the record.
    def put(changed: bytes, by: Pubkey) -> Instruction:
        chain.put(present, changed, by)
        return case.instruction

    yield "another program's copy", put(data, program_id("trading"))
    yield "the system program's copy", put(data, Pubkey.default())
    yield "another type", put(bytes(8) + data[8:], owner)
    yield "another version", put(data[:8] + b"\x02" + data[9:], owner)
    yield "one byte short", put(data[:-1], owner)
    yield "one byte long", put(data + b"\0", owner)
    yield "nothing", put(b"", Pubkey.default())
    for other, address in _records_of(case.campus, program, without=record).items():
        yield f"another record: {other}", put(chain.data(address), owner)
        # The type alone says what the same bytes mean.
        yield f"another record: {other} of this size", put(chain.data(address)[:8] + data[8:], owner)
    put(data, owner)


def _records_of(campus: Campus, program: str, without: str) -> dict[str, Pubkey]:
    """Return one existing account of each other type that the program makes, by type."""
    known = {
        "Council": COUNCIL,
        "Proposal": proposal_address(0),
        "Validator": validator_address(keypair("node").pubkey()),
        "Config": Pubkey.find_program_address([b"config"], program_id("registry"))[0],
        "User": user_address(campus.admin),
        "Zone": zone_address(1),
        "Meter": meter_address("m1"),
        "KeyRecord": key_record_address(bytes(device_key("m1").verify_key)),
    }
    types = {item["name"] for item in interface(program)["account"]}
    return {name: known[name] for name in sorted(types - {without}) if campus.chain.data(known[name])}


def test_the_table_has_every_instruction() -> None:
    """An instruction without a case would go untested by the whole table."""
    names = {
        f"{program}.{item['name']}"
        for program in ("governance", "registry")
        for item in interface(program)["instruction"]
    }
    assert names == set(CASES)


@pytest.mark.parametrize("key", CASES)
def test_every_slot_refuses_what_does_not_belong_there(key: str) -> None:
    """Wormhole, Cashio and Crema each lost their funds through one slot that was not checked."""
    case = CASES[key]()
    tried = 0
    for slot in slots(key):
        for what, built in wrongs(case, slot):
            expect_reason(case.send(built), key, slot["name"], what)
            tried += 1
    assert tried >= len(slots(key)) - 1, "a slot but for a plain wallet has at least one wrong filling"
    expect_ok(case.send(case.instruction))


@pytest.mark.parametrize("key", [key for key in CASES if any(slot["kind"] == "new" for slot in slots(key))])
def test_what_exists_is_not_made_again(key: str) -> None:
    """A second initialisation is a new owner for the old account."""
    case = CASES[key]()
    expect_ok(case.send(case.instruction))
    case.campus.chain.svm.expire_blockhash()
    outcome = case.send(case.instruction)
    # A counter has moved on, so the old address is no longer the next one's; a key waits for the one before it.
    if key == "registry.rotate_device_key":
        expect_error(outcome, "registry", "RotationPending")
    else:
        expect_shared(outcome, "WRONG_SEEDS" if key == "governance.propose" else "ALREADY_INITIALIZED")


@pytest.mark.parametrize("key", CASES)
def test_missing_accounts_and_wrong_lengths_are_refused(key: str) -> None:
    """A program that reads past what it was given reads somebody else's memory, or panics with a half-done change."""
    case = CASES[key]()
    built = case.instruction
    required = [slot for slot in slots(key) if not slot.get("optional")]
    for count in range(len(required)):
        shorter = Instruction(built.program_id, bytes(built.data), list(built.accounts)[:count])
        expect_shared(case.send(shorter), "NOT_ENOUGH_ACCOUNTS")
    data = bytes(built.data)
    for length in range(len(data)):
        shorter = Instruction(built.program_id, data[:length], list(built.accounts))
        expect_shared(case.send(shorter), "UNKNOWN_INSTRUCTION" if length < 8 else "BAD_ARGUMENTS")
    if len(data) > 8:
        longer = Instruction(built.program_id, data + b"\0", list(built.accounts))
        expect_shared(case.send(longer), "BAD_ARGUMENTS")
    expect_ok(case.send(built))


@pytest.mark.parametrize("program", ["governance", "registry"])
def test_an_unknown_instruction_is_refused(program: str) -> None:
    """A near miss of a discriminator must not reach a handler."""
    chain = Chain([program])
    for data in (b"", bytes(7), bytes(8), b"\xff" * 64):
        outcome = chain.send(Instruction(program_id(program), data, []))
        assert outcome.code == 101
