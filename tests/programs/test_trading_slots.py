"""Every account slot of every instruction with the wrong account in it: one table, one refusal each.

The table starts from instructions that succeed, so a refusal can only come from the one thing that was changed; its reason must be
one of `slot_reasons`, and a slot that the interface gains is in the table by itself.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from auction_world import AuctionHouse
from governance_world import answering
from program_harness import (
    ROOT,
    SYSTEM,
    Chain,
    Outcome,
    expect_ok,
    expect_shared,
    keypair,
    pda,
    program_data,
    program_id,
)
from slot_reasons import expect_reason, stands_alone
from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from test_trading_funds import Ledger
from trading_world import AT_COUNCIL, BOTH, BUY, LIMIT, MARKET_SIZE, RECIPIENTS, SELL, Trader, World, with_account

from gridkit.chain import idl


@dataclass
class Case:
    """An instruction that succeeds on the chain as it stands, and who signs it."""

    chain: Chain
    instruction: Instruction
    signers: list[Keypair]
    names: list[str] = field(default_factory=list)

    def slot(self, name: str) -> int:
        """Index of the account called `name`."""
        return self.names.index(name)

    def send(self, instruction: Instruction | None = None) -> Outcome:
        """Send it, or a changed copy, signed by whoever still has to."""
        built = instruction or self.instruction
        needed = {meta.pubkey for meta in built.accounts if meta.is_signer}
        return self.chain.send(built, signers=[key for key in self.signers if key.pubkey() in needed])


def _case(world: World, name: str, accounts: dict[str, Pubkey | Keypair], **args: object) -> Case:
    built = world.chain.instruction("trading", name, accounts, **args)
    keys = [value for value in accounts.values() if isinstance(value, Keypair)]
    names = [meta.name for meta in idl.interface("trading").instruction(name).metas]
    return Case(world.chain, built, keys, names)


def _place_order(chain: Chain) -> Case:
    world = World(chain)
    ada = world.trader("ada", lots=10)
    accounts = {"wallet": ada.wallet, "council": world.council, "market": world.market}
    args = {"kind": 0, "client_id": 0, "expires_interval": 0, "self_trade": 0, "max_fills": 0}
    return _case(world, "place_order", accounts, seat=0, side=SELL, tick=100, lots=1, **args)


def _cancel_order(chain: Chain) -> Case:
    world = World(chain)
    ada = world.trader("ada", lots=10)
    order_id = ada.rest(SELL, 100, 1)
    return _case(world, "cancel_order", {"wallet": ada.wallet, "market": world.market}, order_id=order_id)


def _of_owner(name: str, order: Callable[[Trader], dict[str, int]], *, council: bool) -> Callable[[Chain], Case]:
    """A case of an instruction that a seat's wallet signs; `order` sets the stage and returns the arguments."""

    def make(chain: Chain) -> Case:
        world = World(chain)
        ada = world.trader("ada", lots=10)
        accounts: dict[str, Pubkey | Keypair] = {"wallet": ada.wallet, "market": world.market}
        if council:
            accounts["council"] = world.council
        return _case(world, name, accounts, **order(ada))

    return make


def _of_nobody(name: str, order: Callable[[Trader], dict[str, int]], *, council: bool) -> Callable[[Chain], Case]:
    """A case of an instruction that anyone may call."""

    def make(chain: Chain) -> Case:
        world = World(chain)
        args = order(world.trader("ada", lots=10))
        accounts: dict[str, Pubkey | Keypair] = {"market": world.market}
        if council:
            accounts["council"] = world.council
        return _case(world, name, accounts, **args)

    return make


def _new_order(ada: Trader) -> dict[str, int]:
    terms = {"seat": 0, "side": SELL, "kind": LIMIT, "tick": 100, "lots": 1}
    return terms | {"client_id": 0, "expires_interval": 0, "self_trade": 0}


def _amended(ada: Trader) -> dict[str, int]:
    order_id = ada.rest(SELL, 100, 1)
    return {"order_id": order_id, "tick": 101, "lots": 2, "expires_interval": 0, "self_trade": 0, "max_fills": 0}


def _scheduled(ada: Trader) -> dict[str, int]:
    order_id = ada.waits(ada.schedule(SELL, 100, 1, ada.world.interval + 1))
    ada.world.chain.advance(900)
    return {"order_id": order_id}


def _reached(ada: Trader) -> dict[str, int]:
    ada.waits(ada.stop(SELL, 100, 90, 1))
    bob = ada.world.trader("bob", ucredit=10_000)
    ada.rest(SELL, 100, 1)
    expect_ok(bob.place(BUY, 100, 1))
    return {"most": 0}


def _expired(ada: Trader) -> dict[str, int]:
    ada.rest(SELL, 100, 1, expires=ada.world.interval)
    ada.world.chain.advance(900)
    return {"first_slot": 0, "slots": 10}


def _of_council(name: str, **args: object) -> Callable[[Chain], Case]:
    """A case of an instruction that the council signs, with a key in place of its PDA."""

    def make(chain: Chain) -> Case:
        world = World(chain)
        world.trader("ada")
        signer = keypair("the council's signature")
        chain.patch(world.market, AT_COUNCIL, bytes(signer.pubkey()))
        accounts: dict[str, Pubkey | Keypair] = {"council": signer, "market": world.market}
        if name == "set_fee_recipients":
            accounts |= _recipients(world)
        return _case(world, name, accounts, **args)

    return make


def _recipients(world: World) -> dict[str, Pubkey]:
    owner = keypair("owner").pubkey()
    return {
        name: world.chain.put_token_account(keypair(name).pubkey(), world.credit_mint, owner) for name in RECIPIENTS
    }


def _sweep_fees(chain: Chain) -> Case:
    world = World(chain, fee_bps=100)
    ada, bob = world.trader("ada", lots=10), world.trader("bob", ucredit=100_000)
    recipients = _recipients(world)
    expect_ok(world.share_fees(list(recipients.values()), [2_500] * 4))
    ada.rest(SELL, 100, 10)
    expect_ok(bob.place(BUY, 100, 10))
    accounts = {"market": world.market, "authority": world.authority, "credit_vault": world.credit_vault}
    return _case(world, "sweep_fees", accounts | recipients)


def _sampled(ada: Trader) -> dict[str, int]:
    expect_ok(ada.world.set_maker(ada.number))
    return {"seat": ada.number}


def _deposit_credit(chain: Chain) -> Case:
    world = World(chain)
    ada = world.trader("ada", ucredit=10)
    ada.deposit_credit(1)
    chain.patch(ada.tokens, 64, (100).to_bytes(8, "little"))
    accounts = {
        "wallet": ada.wallet,
        "council": world.council,
        "market": world.market,
        "source": ada.tokens,
        "credit_vault": world.credit_vault,
    }
    return _case(world, "deposit_credit", accounts, seat=0, amount_ucredit=5)


def _withdraw_credit(chain: Chain) -> Case:
    world = World(chain)
    ada = world.trader("ada", ucredit=10)
    accounts = {
        "wallet": ada.wallet,
        "market": world.market,
        "authority": world.authority,
        "credit_vault": world.credit_vault,
        "destination": ada.tokens,
    }
    return _case(world, "withdraw_credit", accounts, seat=0, amount_ucredit=5)


def _credit_grid(chain: Chain) -> Case:
    world = World(chain)
    ada = world.trader("ada")
    signer = keypair("energy token authority")
    chain.patch(world.market, 144, bytes(signer.pubkey()))
    chain.patch(world.grid_vault, 64, (10_000).to_bytes(8, "little"))
    accounts = {"energy_token_authority": signer, "market": world.market, "grid_vault": world.grid_vault}
    return _case(world, "credit_grid", accounts, seat=0, wallet=ada.wallet.pubkey(), lots=10)


def _withdraw_grid(chain: Chain) -> Case:
    world = World(chain)
    ada = world.trader("ada", lots=10)
    ledger = Ledger(world, [ada.wallet], 500)
    accounts = {
        "wallet": ada.wallet,
        "market": world.market,
        "authority": world.authority,
        "grid_vault": world.grid_vault,
        "energy_token_vault": world.ledger_vault,
        "energy_token_config": ledger.config,
        "ledger": ledger.address,
        "energy_token_program": program_id("energy_token"),
    }
    return _case(world, "withdraw_grid", accounts, seat=0, row=0, lots=5)


def _open_seat(chain: Chain) -> Case:
    world = World(chain)
    wallet = chain.wallet("ada")
    user = world.put_user(wallet.pubkey())
    accounts = {
        "payer": chain.wallet("sponsor"),
        "wallet": wallet,
        "council": world.council,
        "user": user,
        "market": world.market,
        "seat_index": pda("trading", b"seat", bytes(wallet.pubkey())),
    }
    return _case(world, "open_seat", accounts)


def _sync_seat(chain: Chain) -> Case:
    world = World(chain)
    ada = world.trader("ada")
    user = pda("registry", b"user", bytes(ada.wallet.pubkey()))
    return _case(world, "sync_seat", {"user": user, "market": world.market}, seat=0)


def _create_market(chain: Chain) -> Case:
    world = World(chain, market=False)
    expect_ok(world.initialize())
    chain.put(world.market, bytes(MARKET_SIZE), program_id("trading"))
    user = pda("registry", b"user", bytes(world.admin.pubkey()))
    accounts = {"admin": world.admin, "admin_user": user, "config": world.config, "market": world.market}
    return _case(world, "create_market", accounts, min_tick=1)


def _initialize(chain: Chain) -> Case:
    world = World(chain, market=False)
    accounts = {
        "upgrade_authority": chain.upgrade_authority,
        "payer": chain.wallet("sponsor"),
        "program_data": program_data("trading"),
        "config": world.config,
        "council": world.council,
        "energy_token_authority": world.ledger_authority,
        "energy_token_vault": world.ledger_vault,
        "grid_mint": world.grid_mint,
        "credit_mint": world.credit_mint,
        "authority": world.authority,
        "grid_vault": world.grid_vault,
        "credit_vault": world.credit_vault,
    }
    ids = {f"{name}_program": program_id(name) for name in ("governance", "registry", "energy_token")}
    return _case(world, "initialize", accounts, **ids)


def _house(chain: Chain, *, create: bool = True) -> tuple[AuctionHouse, Trader]:
    world = World(chain)
    ada = world.trader("ada", lots=10)
    return AuctionHouse(world, create=create), ada


def _create_auctions(chain: Chain) -> Case:
    house, _ = _house(chain, create=False)
    expect_ok(house.make_account())
    return _case(house.world, "create_auctions", house.create_accounts())


def _submit_auction(chain: Chain) -> Case:
    house, ada = _house(chain)
    order = {"seat": 0, "side": SELL, "tick": 100, "lots": 1, "client_id": 0}
    return _case(house.world, "submit_auction", house.submit_accounts(ada), interval=house.now, **order)


def _list_sell(chain: Chain) -> Case:
    house, ada = _house(chain)
    world = house.world
    signer = keypair("energy token authority")
    chain.patch(world.market, 144, bytes(signer.pubkey()))
    chain.patch(world.grid_vault, 64, (20_000).to_bytes(8, "little"))
    accounts = {
        "energy_token_authority": signer,
        "council": world.council,
        "market": world.market,
        "auctions": house.address,
        "grid_vault": world.grid_vault,
    }
    order = {"seat": 0, "wallet": ada.wallet.pubkey(), "tick": 100, "lots": 10}
    return _case(world, "list_sell", accounts, interval=house.now, **order)


def _cancel_auction_order(chain: Chain) -> Case:
    house, ada = _house(chain)
    expect_ok(house.submit(ada, SELL, 100, 1))
    accounts = house.cancel_accounts(ada)
    return _case(house.world, "cancel_auction_order", accounts, interval=house.now, seat=0, side=SELL)


def _clear_auction(chain: Chain) -> Case:
    house, ada = _house(chain)
    expect_ok(house.submit(ada, SELL, 100, 1))
    chain.advance(900)
    return _case(house.world, "clear_auction", house.clear_accounts(), interval=house.now - 1)


def _settle_auction(chain: Chain) -> Case:
    house, ada = _house(chain)
    expect_ok(house.submit(ada, SELL, 100, 1))
    chain.advance(900)
    expect_ok(house.clear(house.now - 1))
    return _case(house.world, "settle_auction", house.settle_accounts(), interval=house.now - 1, max_steps=0)


CASES: dict[str, Callable[[Chain], Case]] = {
    "place_order": _place_order,
    "cancel_order": _cancel_order,
    "cancel_all": _of_owner(
        "cancel_all", lambda ada: {"seat": 0 * ada.rest(SELL, 100, 1), "side": BOTH, "most": 0}, council=False
    ),
    "reduce_order": _of_owner(
        "reduce_order", lambda ada: {"order_id": ada.rest(SELL, 100, 2), "lots": 1}, council=False
    ),
    "amend_order": _of_owner("amend_order", _amended, council=True),
    "schedule_order": _of_owner(
        "schedule_order",
        lambda ada: _new_order(ada) | {"not_before_interval": ada.world.interval + 1},
        council=True,
    ),
    "activate_order": _of_nobody("activate_order", _scheduled, council=True),
    "place_stop": _of_owner("place_stop", lambda ada: _new_order(ada) | {"trigger_tick": 100}, council=True),
    "trigger_stops": _of_nobody("trigger_stops", _reached, council=True),
    "prune_expired": _of_nobody("prune_expired", _expired, council=False),
    "set_market_maker": _of_council("set_market_maker", seat=0, flags=1, spread_ticks=1, size_lots=1),
    "set_maker_programme": _of_council("set_maker_programme", rebate_bps=1, target_intervals=1),
    "sample_market_maker": _of_nobody("sample_market_maker", _sampled, council=False),
    "set_fee_recipients": _of_council("set_fee_recipients", shares_bps=[2_500] * 4),
    "sweep_fees": _sweep_fees,
    "deposit_credit": _deposit_credit,
    "withdraw_credit": _withdraw_credit,
    "credit_grid": _credit_grid,
    "withdraw_grid": _withdraw_grid,
    "open_seat": _open_seat,
    "sync_seat": _sync_seat,
    "create_market": _create_market,
    "initialize": _initialize,
    "create_auctions": _create_auctions,
    "submit_auction": _submit_auction,
    "list_sell": _list_sell,
    "cancel_auction_order": _cancel_auction_order,
    "clear_auction": _clear_auction,
    "settle_auction": _settle_auction,
}
SPEC = idl.interface("trading")
INTERFACE = tomllib.loads((ROOT / "programs" / "trading" / "interface.toml").read_text())
KINDS = {(item["name"], slot["name"]): slot["kind"] for item in INTERFACE["instruction"] for slot in item["accounts"]}
# Slots of records; a copy of one that is owned by anybody else must be refused.
RECORDS = {key for key, kind in KINDS.items() if kind.startswith("state:")}


def _slots() -> list[tuple[str, str]]:
    return [(name, meta.name) for name in CASES for meta in SPEC.instruction(name).metas]


def test_table_names_every_instruction() -> None:
    """An instruction missing here would go without its account checks tested."""
    assert set(CASES) == {instruction for instruction in SPEC.instructions}


@pytest.mark.parametrize("name", CASES)
def test_each_case_succeeds_unchanged(chain: Chain, name: str) -> None:
    """A table of instructions that fail anyway would prove nothing."""
    expect_ok(CASES[name](chain).send())


@pytest.mark.parametrize(
    ("name", "slot"), [(n, s) for n, s in _slots() if next(m for m in SPEC.instruction(n).metas if m.name == s).signer]
)
def test_missing_signature_is_refused(chain: Chain, name: str, slot: str) -> None:
    """Without the signature anybody could act for anybody."""
    case = CASES[name](chain)
    outcome = case.send(with_account(case.instruction, case.slot(slot), is_signer=False))
    expect_shared(outcome, "NOT_SIGNER")


@pytest.mark.parametrize(
    ("name", "slot"),
    [(n, s) for n, s in _slots() if next(m for m in SPEC.instruction(n).metas if m.name == s).writable],
)
def test_read_only_account_that_must_be_written_is_refused(chain: Chain, name: str, slot: str) -> None:
    """The runtime would end the transaction too, but only after the work, and without a reason."""
    case = CASES[name](chain)
    outcome = case.send(with_account(case.instruction, case.slot(slot), is_writable=False))
    expect_reason(outcome, f"trading.{name}", slot, "read-only")


# Any signer with enough lamports may pay, so a payer is no wrong account.
@pytest.mark.parametrize(("name", "slot"), [(n, s) for n, s in _slots() if s != "payer"])
def test_account_that_does_not_exist_is_refused(chain: Chain, name: str, slot: str) -> None:
    """An empty address stands for every account the caller just invented, and for a stranger's signature."""
    case = CASES[name](chain)
    stranger = keypair("nobody")
    case.signers.append(stranger)
    outcome = case.send(with_account(case.instruction, case.slot(slot), address=stranger.pubkey()))
    expect_reason(outcome, f"trading.{name}", slot, "nobody's address")


@pytest.mark.parametrize(
    ("name", "slot"),
    [
        (n, s)
        for n, s in _slots()
        if KINDS[n, s] not in {"signer", "wallet"} and not stands_alone(f"trading.{n}", s, KINDS[n, s])
    ],
)
def test_true_copy_at_another_address_is_refused(chain: Chain, name: str, slot: str) -> None:
    """A second council, vault or auctions account, owner and all, must not speak for the one that is stored or derived."""
    case = CASES[name](chain)
    twin = keypair("twin").pubkey()
    original = chain.svm.get_account(case.instruction.accounts[case.slot(slot)].pubkey)
    if original is not None:
        chain.svm.set_account(twin, original)
    outcome = case.send(with_account(case.instruction, case.slot(slot), address=twin))
    expect_reason(outcome, f"trading.{name}", slot, "a copy elsewhere")


@pytest.mark.parametrize(("name", "slot"), [(n, s) for n, s in _slots() if KINDS[n, s].startswith("program:")])
def test_false_program_is_never_called(chain: Chain, name: str, slot: str) -> None:
    """A program of the caller's in the place of the token program would report success and move nothing."""
    case = CASES[name](chain)
    willing = keypair("program that says yes").pubkey()
    chain.svm.add_program(willing, answering(0))
    outcome = case.send(with_account(case.instruction, case.slot(slot), address=willing))
    expect_reason(outcome, f"trading.{name}", slot, "a program that says yes")


@pytest.mark.parametrize(("name", "slot"), sorted(RECORDS))
def test_same_bytes_under_another_owner_are_refused(chain: Chain, name: str, slot: str) -> None:
    """Anybody can write the bytes of a record into an account of a program of their own."""
    case = CASES[name](chain)
    address = case.instruction.accounts[case.slot(slot)].pubkey
    account = chain.svm.get_account(address)
    assert account is not None
    chain.svm.set_account(address, Account(account.lamports, bytes(account.data), SYSTEM))
    expect_shared(case.send(), "WRONG_OWNER")


@pytest.mark.parametrize(("name", "slot"), sorted(RECORDS))
def test_record_of_another_type_or_version_is_refused(chain: Chain, name: str, slot: str) -> None:
    """A record read as another type gives its owner whatever the bytes happen to mean."""
    case = CASES[name](chain)
    address = case.instruction.accounts[case.slot(slot)].pubkey
    wanted = ("WRONG_ACCOUNT_TYPE", "ALREADY_INITIALIZED")
    chain.patch(address, 0, b"\xff")
    expect_shared(case.send(), *wanted)
    if (name, slot) not in {("create_market", "market"), ("create_auctions", "auctions")}:
        original = CASES[name](Chain()).chain.data(address)
        chain.patch(address, 0, original[:1])
        chain.patch(address, 8, b"\x02")
        expect_shared(case.send(), *wanted)


@pytest.mark.parametrize(("name", "slot"), sorted(RECORDS))
def test_record_of_another_size_is_refused(chain: Chain, name: str, slot: str) -> None:
    """Reading beyond a short account would read the next one."""
    case = CASES[name](chain)
    address = case.instruction.accounts[case.slot(slot)].pubkey
    account = chain.svm.get_account(address)
    assert account is not None
    for data in (bytes(account.data)[:-1], bytes(account.data) + b"\0"):
        chain.put(address, data, account.owner)
        expect_shared(case.send(), "WRONG_ACCOUNT_SIZE")


@pytest.mark.parametrize("name", CASES)
def test_each_account_short_is_refused(chain: Chain, name: str) -> None:
    """A missing account must not be read from what lies behind the last one."""
    case = CASES[name](chain)
    metas = list(case.instruction.accounts)
    for count in range(len(metas)):
        short = Instruction(case.instruction.program_id, bytes(case.instruction.data), metas[:count])
        expect_shared(case.send(short), "NOT_ENOUGH_ACCOUNTS")


@pytest.mark.parametrize("name", CASES)
def test_accounts_behind_the_last_one_change_nothing(chain: Chain, name: str) -> None:
    """Clients may append accounts for later versions."""
    case = CASES[name](chain)
    metas = [*case.instruction.accounts, AccountMeta(SYSTEM, is_signer=False, is_writable=False)]
    expect_ok(case.send(Instruction(case.instruction.program_id, bytes(case.instruction.data), metas)))


@pytest.mark.parametrize(("name", "slot"), [(n, s) for n, s in _slots() if s != "payer"])
def test_account_of_another_slot_is_refused(chain: Chain, name: str, slot: str) -> None:
    """One account in two slots must never be changed through both, nor stand for two parties."""
    case = CASES[name](chain)
    own = case.instruction.accounts[case.slot(slot)]
    before = [chain.data(meta.pubkey) for meta in case.instruction.accounts]
    for other, meta in zip(case.names, case.instruction.accounts, strict=True):
        if other in {slot, "payer"} or (
            slot in RECIPIENTS and other in RECIPIENTS
        ):  # Who gets two shares gets their sum.
            continue
        signs = own.is_signer and meta.is_signer
        changed = with_account(case.instruction, case.slot(slot), address=meta.pubkey, is_signer=signs)
        expect_reason(case.send(changed), f"trading.{name}", slot, f"another slot's account: {other}")
    assert [chain.data(meta.pubkey) for meta in case.instruction.accounts] == before
    expect_ok(case.send())


@pytest.mark.parametrize("name", ["initialize", "create_market", "open_seat", "create_auctions"])
def test_second_time_is_refused(chain: Chain, name: str) -> None:
    """What is set up once must stay as it was set up."""
    case = CASES[name](chain)
    expect_ok(case.send())
    before = [chain.data(meta.pubkey) for meta in case.instruction.accounts]
    assert not case.send().ok
    assert [chain.data(meta.pubkey) for meta in case.instruction.accounts] == before
