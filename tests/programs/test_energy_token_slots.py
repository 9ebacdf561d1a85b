"""Every account slot of every energy_token instruction with the wrong account in it.

Each case is an instruction that succeeds as it stands, so a refusal can only come from the one thing that was changed;
and no refused call may leave a byte changed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from energy_token_world import (
    ADMIN,
    AUTHORITY,
    CONFIG,
    COUNCIL,
    MINT,
    VAULT,
    World,
    ledger_address,
    new_world,
    u64,
)
from program_harness import (
    SO,
    SYSTEM,
    TOKEN,
    Chain,
    Outcome,
    expect_error,
    expect_ok,
    expect_shared,
    keypair,
)
from slot_reasons import expect_reason, stands_alone
from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridkit.chain import idl

SPEC = idl.interface("energy_token")
RESTRICTED = 1


@dataclass
class Case:
    """An instruction that succeeds on the world as it stands, and who signs it."""

    world: World
    names: list[str]
    instruction: Instruction
    signers: list[Keypair]

    def send(self, instruction: Instruction | None = None) -> Outcome:
        """Send it, or a changed copy."""
        built = instruction if instruction is not None else self.instruction
        needed = {meta.pubkey for meta in built.accounts if meta.is_signer}
        return self.world.chain.send(built, signers=[key for key in self.signers if key.pubkey() in needed])

    def address(self, slot: str) -> Pubkey:
        return self.instruction.accounts[self.names.index(slot)].pubkey

    def changed(
        self,
        slot: str,
        *,
        address: Pubkey | None = None,
        is_signer: bool | None = None,
        is_writable: bool | None = None,
    ) -> Instruction:
        """Return the instruction with one slot changed."""
        metas = list(self.instruction.accounts)
        index = self.names.index(slot)
        old = metas[index]
        metas[index] = AccountMeta(
            address if address is not None else old.pubkey,
            is_signer=old.is_signer if is_signer is None else is_signer,
            is_writable=old.is_writable if is_writable is None else is_writable,
        )
        return Instruction(self.instruction.program_id, bytes(self.instruction.data), metas)

    def bytes_of_all(self) -> list[bytes]:
        return [self.world.chain.data(meta.pubkey) for meta in self.instruction.accounts]


def case(world: World, name: str, accounts: dict[str, Any], **args: Any) -> Case:
    built = world.chain.instruction("energy_token", name, accounts, **args)
    keys = [value for value in accounts.values() if isinstance(value, Keypair)]
    return Case(world, [meta.name for meta in SPEC.instruction(name).metas], built, keys)


def initialize() -> Case:
    world = World(Chain(["energy_token"]))
    accounts = {**world.initialize_accounts(), "payer": world.chain.wallet("sponsor")}
    programs = {f"{name}_program": keypair(name).pubkey() for name in ("governance", "registry", "oracle", "trading")}

    def derived(seed: bytes, program: str) -> Pubkey:
        return Pubkey.find_program_address([seed], keypair(program).pubkey())[0]

    accounts["council"] = derived(b"council", "governance")
    accounts["trading_authority"] = derived(b"authority", "trading")
    accounts["market_grid_vault"] = derived(b"grid_vault", "trading")
    return case(world, "initialize", accounts, **programs)


def create_zone() -> Case:
    world = new_world(())
    world.put_oracle_zone(1)
    world.put_blank_ledger(1)
    accounts = {**world.create_zone_accounts(1), "payer": world.chain.wallet("sponsor")}
    return case(world, "create_zone", accounts, zone=1)


def open_account() -> Case:
    world = new_world()
    world.put_user("ann")
    accounts = {**world.open_account_accounts(1, "ann"), "payer": world.chain.wallet("sponsor")}
    return case(world, "open_account", accounts)


def attach_meter() -> Case:
    world = new_world()
    world.open_account(1, "ann")
    world.put_meter(1, 1, 0, "ann")
    return case(world, "attach_meter", world.attach_meter_accounts(1, 1), row=0)


def rich_world(*, market: bool = False) -> World:
    """ann has 100 Wh, 10 of them in her wallet; ben has a row; there is a second zone."""
    world = new_world((1, 2), market=market)
    world.attach_meter(1, 1, 0, "ann")
    world.open_account(1, "ben")
    world.give(1, 0, 100)
    expect_ok(world.withdraw("ann", 10_000))
    return world


def settle_range() -> Case:
    world = rich_world()
    world.set_registers(1, 0, import_wh=10, export_wh=130)
    return case(world, "settle_range", world.settle_accounts(1), from_slot=0, count=1)


def transfer() -> Case:
    world = rich_world()
    world.open_account(2, "ben")
    world.put_council(transfer_mode=RESTRICTED)
    return case(
        world, "transfer", world.transfer_accounts("ann", "ben", 1, 2), from_row=0, to_row=0, amount_atoms=1_000
    )


def deposit() -> Case:
    world = rich_world()
    world.put_council(transfer_mode=RESTRICTED)
    return case(world, "deposit", world.wallet_accounts("ann", 1), row=0, amount_atoms=1_000)


def withdraw() -> Case:
    world = rich_world()
    world.put_council(transfer_mode=RESTRICTED)
    return case(world, "withdraw", world.wallet_accounts("ann", 1), row=0, amount_atoms=1_000)


def move_to_market() -> Case:
    world = rich_world(market=True)
    world.open_seat("ann")
    return case(world, "move_to_market", world.market_accounts("ann", 1), row=0, seat=0, lots=10)


def credit_from_market() -> Case:
    world = rich_world()
    trading = world.chain.wallet("trading itself")
    world.chain.patch(CONFIG, 272, bytes(trading.pubkey()))
    world.chain.patch(VAULT, 64, u64(95_000))
    accounts = {"trading_authority": trading, "config": CONFIG, "ledger": ledger_address(1), "vault": VAULT}
    return case(world, "credit_from_market", accounts, row=0, wallet=keypair("ann").pubkey(), lots=5)


def set_listing_rule() -> Case:
    world = rich_world()
    accounts = {"owner": world.chain.wallet("ann"), "ledger": ledger_address(1)}
    return case(world, "set_listing_rule", accounts, row=0, enabled=True, keep_atoms=1, reserve_ticks=2)


def sync_freeze() -> Case:
    world = rich_world()
    world.put_council(transfer_mode=RESTRICTED)
    accounts = {
        "council": COUNCIL,
        "config": CONFIG,
        "token_account": world.token_account("ann"),
        "mint": MINT,
        "authority": AUTHORITY,
        "token_program": TOKEN,
    }
    return case(world, "sync_freeze", accounts)


def list_surplus() -> Case:
    world = rich_world(market=True)
    world.open_seat("ann")
    world.set_rule("ann")
    ids = {"row": 0, "seat": 0, "interval": world.chain.now_s() // 900}
    return case(world, "list_surplus", world.list_accounts(), **ids)


def retire() -> Case:
    world = rich_world()
    args = {"amount_atoms": 1_000, "from_interval": 1, "to_interval": 2, "beneficiary": bytes(32)}
    return case(world, "retire", world.retire_accounts("ann"), row=0, **args)


CASES: dict[str, Callable[[], Case]] = {
    function.__name__: function
    for function in (
        initialize,
        create_zone,
        open_account,
        attach_meter,
        settle_range,
        transfer,
        deposit,
        withdraw,
        move_to_market,
        credit_from_market,
        set_listing_rule,
        sync_freeze,
        list_surplus,
        retire,
    )
}
# Whether these records are right only the called program can tell; those checks are in its own matrix.
JUDGED_BY_CALLEE = {("move_to_market", "market"), ("list_surplus", "market"), ("list_surplus", "auctions")}
SLOTS = [(name, meta) for name in CASES for meta in SPEC.instruction(name).metas]
INTERFACE = tomllib.loads((SO.parent / "energy_token" / "interface.toml").read_text(encoding="utf-8"))
KINDS = {
    (instruction["name"], account["name"]): account["kind"]
    for instruction in INTERFACE["instruction"]
    for account in instruction["accounts"]
}
RECORDS = [
    (name, meta.name)
    for name, meta in SLOTS
    if KINDS[name, meta.name].startswith("state:") and (name, meta.name) not in JUDGED_BY_CALLEE
]
PROGRAMS = [(name, meta.name) for name, meta in SLOTS if KINDS[name, meta.name].startswith("program:")]
# One account alone may stand here, whoever owns a copy.
ONE_ADDRESS = [
    (name, meta.name)
    for name, meta in SLOTS
    if KINDS[name, meta.name] not in {"signer", "wallet"}
    and not stands_alone(f"energy_token.{name}", meta.name, KINDS[name, meta.name])
]


def ids(value: Any) -> str:
    return value if isinstance(value, str) else getattr(value, "name", str(value))


def test_the_table_names_every_instruction() -> None:
    """An instruction missing here would go without its account checks tested."""
    assert set(CASES) == set(SPEC.instructions)


@pytest.mark.parametrize("name", CASES)
def test_each_case_succeeds_unchanged(name: str) -> None:
    """A table of instructions that fail anyway would prove nothing."""
    expect_ok(CASES[name]().send())


@pytest.mark.parametrize(("name", "meta"), [(n, m) for n, m in SLOTS if m.signer], ids=ids)
def test_a_missing_signature_is_refused(name: str, meta: Any) -> None:
    """Without the signature anybody could act for anybody."""
    found = CASES[name]()
    expect_shared(found.send(found.changed(meta.name, is_signer=False)), "NOT_SIGNER")


@pytest.mark.parametrize(("name", "meta"), [(n, m) for n, m in SLOTS if m.writable and not m.signer], ids=ids)
def test_an_account_to_be_written_but_passed_read_only_is_refused(name: str, meta: Any) -> None:
    """A change that is lost without an error would leave tokens and ledger apart."""
    found = CASES[name]()
    before = found.bytes_of_all()
    expect_reason(
        found.send(found.changed(meta.name, is_writable=False)), f"energy_token.{name}", meta.name, "read-only"
    )
    assert found.bytes_of_all() == before


# Any signer with enough lamports may pay, so a payer is no wrong account.
@pytest.mark.parametrize(("name", "meta"), [(n, m) for n, m in SLOTS if m.name != "payer"], ids=ids)
def test_an_invented_account_is_refused(name: str, meta: Any) -> None:
    """An address nobody has used stands for every account a caller may make up."""
    found = CASES[name]()
    nobody = keypair("nobody")
    found.signers.append(nobody)
    outcome = found.send(found.changed(meta.name, address=nobody.pubkey()))
    expect_reason(outcome, f"energy_token.{name}", meta.name, "nobody's address")


@pytest.mark.parametrize(("name", "slot"), RECORDS)
def test_the_same_bytes_under_another_owner_are_refused(name: str, slot: str) -> None:
    """Anybody can write a record's bytes into an account of a program of their own."""
    found = CASES[name]()
    chain, address = found.world.chain, found.address(slot)
    before = chain.svm.get_account(address)
    chain.svm.set_account(address, Account(before.lamports, bytes(before.data), keypair("false program").pubkey()))
    expect_shared(found.send(), "WRONG_OWNER")


@pytest.mark.parametrize(("name", "slot"), RECORDS)
@pytest.mark.parametrize(("at", "value"), [(0, b"\xff"), (8, b"\x02")], ids=["type", "version"])
def test_a_record_of_another_type_or_version_is_refused(name: str, slot: str, at: int, value: bytes) -> None:
    """A record read as another type says whatever its bytes happen to mean."""
    found = CASES[name]()
    found.world.chain.patch(found.address(slot), at, value)
    expect_shared(found.send(), "WRONG_ACCOUNT_TYPE")


@pytest.mark.parametrize(("name", "slot"), RECORDS)
@pytest.mark.parametrize("longer", [False, True], ids=["shorter", "longer"])
def test_a_record_of_another_size_is_refused(name: str, slot: str, longer: bool) -> None:
    """What lies behind a short account is another account."""
    found = CASES[name]()
    chain, address = found.world.chain, found.address(slot)
    data = chain.data(address)
    chain.put(address, data + b"\0" if longer else data[:-1], chain.svm.get_account(address).owner)
    expect_shared(found.send(), "WRONG_ACCOUNT_SIZE")


@pytest.mark.parametrize(("name", "slot"), ONE_ADDRESS)
def test_a_twin_at_another_address_is_refused(name: str, slot: str) -> None:
    """A true copy, owner and all: a second council, slab, mint or vault must not speak for the one that is stored."""
    found = CASES[name]()
    chain, address, twin = found.world.chain, found.address(slot), keypair("twin").pubkey()
    original = chain.svm.get_account(address)
    if original is not None:
        chain.svm.set_account(twin, original)
    outcome = found.send(found.changed(slot, address=twin))
    expect_reason(outcome, f"energy_token.{name}", slot, "a copy elsewhere")


@pytest.mark.parametrize(("name", "slot"), PROGRAMS)
def test_a_false_program_is_never_called(name: str, slot: str) -> None:
    """A program of the caller's in the place of the token program would report success and move nothing."""
    found = CASES[name]()
    false = keypair("false program").pubkey()
    found.world.chain.svm.add_program(false, (SO / "energy_token.so").read_bytes())
    expect_shared(found.send(found.changed(slot, address=false)), "WRONG_PROGRAM")


@pytest.mark.parametrize("name", CASES)
def test_each_account_too_few_is_refused(name: str) -> None:
    """A missing account must not be read from what lies behind the last one."""
    found = CASES[name]()
    metas = list(found.instruction.accounts)
    for count in range(len(metas)):
        short = Instruction(found.instruction.program_id, bytes(found.instruction.data), metas[:count])
        expect_shared(found.send(short), "NOT_ENOUGH_ACCOUNTS")


@pytest.mark.parametrize("name", CASES)
def test_arguments_too_short_or_too_long_are_refused(name: str) -> None:
    """Bytes that are ignored are bytes two readers may understand differently."""
    found = CASES[name]()
    data = bytes(found.instruction.data)
    for wrong in (data + b"\0", data[:-1]) if len(data) > 8 else (data + b"\0",):
        built = Instruction(found.instruction.program_id, wrong, list(found.instruction.accounts))
        expect_shared(found.send(built), "BAD_ARGUMENTS", "UNKNOWN_INSTRUCTION")


@pytest.mark.parametrize(("name", "meta"), [(n, m) for n, m in SLOTS if m.name != "payer"], ids=ids)
def test_one_account_in_two_slots_is_refused(name: str, meta: Any) -> None:
    """An account that is changed through two slots would keep one change and lose the other, or stand for two parties."""
    found = CASES[name]()
    before = found.bytes_of_all()
    for other in SPEC.instruction(name).metas:
        if other.name in {meta.name, "payer"}:
            continue
        signs = meta.signer and other.signer
        outcome = found.send(found.changed(meta.name, address=found.address(other.name), is_signer=signs))
        expect_reason(outcome, f"energy_token.{name}", meta.name, f"another slot's account: {other.name}")
    assert found.bytes_of_all() == before


@pytest.mark.parametrize("name", ["initialize", "create_zone", "open_account", "attach_meter"])
def test_a_second_time_is_refused(name: str) -> None:
    """What is set up once must stay as it was set up."""
    found = CASES[name]()
    expect_ok(found.send())
    before = found.bytes_of_all()
    assert not found.send().ok
    assert found.bytes_of_all() == before


def test_an_unknown_instruction_is_refused() -> None:
    """Above all there is no mint, whatever a caller calls it."""
    found = settle_range()
    for data in (b"", b"\x07", bytes(8), bytes(range(8)) + u64(10**9)):
        built = Instruction(found.instruction.program_id, data, list(found.instruction.accounts))
        expect_shared(found.send(built), "UNKNOWN_INSTRUCTION")


def test_no_instruction_takes_an_amount_to_mint() -> None:
    """Two may name the mint and the vault as written: settle_range, whose arguments are slots, and retire, which burns."""
    changing = [
        name
        for name in CASES
        if {"mint", "vault"} <= {meta.name for meta in SPEC.instruction(name).metas if meta.writable}
        and name != "initialize"
    ]
    assert changing == ["settle_range", "retire"]
    assert [name for name, _ in SPEC.instruction("settle_range").args] == ["from_slot", "count"]
    found = retire()
    supply = found.world.chain.supply(MINT)
    expect_ok(found.send())
    assert found.world.chain.supply(MINT) == supply - 1_000


def test_rows_of_a_ledger_of_another_zone_do_not_serve() -> None:
    """A settlement with zone 1's slab and zone 2's ledger would mint the same energy again."""
    found = settle_range()
    expect_error(found.send(found.changed("ledger", address=ledger_address(2))), "energy_token", "WrongSlab")


def test_an_admin_of_another_registry_is_no_admin() -> None:
    """A User record is believed only if the registry that was named at set-up owns it."""
    found = create_zone()
    chain = found.world.chain
    found.world.put_user("admin", role=ADMIN)
    address = found.address("admin_user")
    account = chain.svm.get_account(address)
    chain.svm.set_account(address, Account(account.lamports, bytes(account.data), SYSTEM))
    expect_shared(found.send(), "WRONG_OWNER")
