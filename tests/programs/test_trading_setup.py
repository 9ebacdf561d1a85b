"""How the market comes to be: initialize, create_market, seats; and that none of it can be done twice or by the wrong one."""

from __future__ import annotations

import struct

import pytest
from program_harness import TOKEN, Chain, expect_error, expect_ok, expect_shared, keypair, pda, program_id
from trading_world import (
    AT_SEATS,
    MARKET_SIZE,
    MIN_TICK,
    SELL,
    Trader,
    World,
    discriminator,
    market_address,
)


@pytest.fixture
def bare(chain: Chain) -> World:
    """The siblings, and a trading program nobody has initialised."""
    return World(chain, market=False)


@pytest.fixture
def world(chain: Chain) -> World:
    """A deployment with its market."""
    return World(chain)


# --------------------------------------------------------------------------------------------------------- initialize


def test_initialize_writes_config_and_makes_both_vaults(bare: World) -> None:
    """Every later check compares with these addresses."""
    expect_ok(bare.initialize())
    config = bare.chain.read("trading", "Config", bare.config)
    for field, wanted in {
        "governance_program": program_id("governance"),
        "registry_program": program_id("registry"),
        "energy_token_program": program_id("energy_token"),
        "council": bare.council,
        "energy_token_authority": bare.ledger_authority,
        "energy_token_vault": bare.ledger_vault,
        "grid_mint": bare.grid_mint,
        "credit_mint": bare.credit_mint,
        "authority": bare.authority,
        "grid_vault": bare.grid_vault,
        "credit_vault": bare.credit_vault,
    }.items():
        assert bytes(config[field]) == bytes(wanted), field
    assert not any(bytes(config["market"]))
    for vault, mint in ((bare.grid_vault, bare.grid_mint), (bare.credit_vault, bare.credit_mint)):
        account = bare.chain.svm.get_account(vault)
        assert account is not None
        assert account.owner == TOKEN
        assert bytes(account.data)[:72] == bytes(mint) + bytes(bare.authority) + bytes(8)
        assert account.lamports == bare.chain.svm.minimum_balance_for_rent_exemption(165)


def test_initialize_happens_once(bare: World) -> None:
    """A second one would bind the vaults' program to other siblings."""
    expect_ok(bare.initialize())
    expect_shared(bare.initialize(), "ALREADY_INITIALIZED")


def test_initialize_works_on_addresses_somebody_paid_into(bare: World) -> None:
    """Lamports sent to a derived address must not block the deployment."""
    for address in (bare.config, bare.grid_vault, bare.credit_vault):
        bare.chain.fund(address, 1_000_000)
    expect_ok(bare.initialize())


def test_only_the_upgrade_authority_initializes(bare: World) -> None:
    """Whoever initialises first names the siblings, so it must be the one who deployed."""
    thief = bare.chain.wallet("thief")
    expect_shared(bare.initialize(upgrade_authority=thief), "NOT_UPGRADE_AUTHORITY")
    bare.chain.set_upgrade_authority("trading", None)
    expect_shared(bare.initialize(), "NOT_UPGRADE_AUTHORITY")


def test_initialize_refuses_one_program_in_two_roles(bare: World) -> None:
    """A program that is registry and ledger at once could register and mint for itself."""
    twice = bytes(program_id("registry"))
    expect_error(bare.initialize(energy_token_program=twice), "trading", "SiblingsNotDistinct")
    own = bytes(program_id("trading"))
    for role in ("governance_program", "registry_program", "energy_token_program"):
        expect_error(bare.initialize(**{role: own}), "trading", "SiblingsNotDistinct")


def test_initialize_refuses_the_account_of_another_program_in_each_place(bare: World) -> None:
    """Each address that a sibling derives is derived here too; a look-alike is refused."""
    stranger = keypair("look-alike").pubkey()
    for slot in ("council", "energy_token_authority", "energy_token_vault", "grid_mint", "authority"):
        expect_shared(bare.initialize(**{slot: stranger}), "WRONG_SEEDS")
    for slot in ("config", "grid_vault", "credit_vault"):
        expect_shared(bare.initialize(**{slot: stranger}), "WRONG_SEEDS")
    expect_shared(bare.initialize(credit_mint=bare.grid_mint), "WRONG_ADDRESS")
    expect_shared(bare.initialize(program_data=stranger), "WRONG_OWNER")
    expect_shared(bare.initialize(token_program=stranger), "WRONG_PROGRAM")
    expect_shared(bare.initialize(system_program=stranger), "WRONG_PROGRAM")
    expect_ok(bare.initialize())


# ------------------------------------------------------------------------------------------------------ create_market


def test_create_market_binds_the_account_and_the_config_to_each_other(world: World) -> None:
    """Clients find the market by Config; instructions find their siblings by the market."""
    assert bytes(world.chain.read("trading", "Config", world.config)["market"]) == bytes(world.market)
    market = world.chain.read("trading", "Market", world.market)
    assert (market["tick_count"], market["min_tick"], market["created_at"]) == (512, MIN_TICK, world.chain.now_s())
    for field, wanted in {
        "config": world.config,
        "governance_program": program_id("governance"),
        "council": world.council,
        "registry_program": program_id("registry"),
        "energy_token_program": program_id("energy_token"),
        "energy_token_authority": world.ledger_authority,
        "energy_token_vault": world.ledger_vault,
        "grid_mint": world.grid_mint,
        "credit_mint": world.credit_mint,
        "authority": world.authority,
        "grid_vault": world.grid_vault,
        "credit_vault": world.credit_vault,
    }.items():
        assert bytes(market[field]) == bytes(wanted), field
    assert world.market == market_address(world.admin.pubkey())


def test_market_is_created_once(world: World) -> None:
    """A second market would share the vaults and could be drained into the first."""
    expect_error(world.create_market(), "trading", "MarketExists")
    other = keypair("another market").pubkey()
    world.chain.put(other, bytes(MARKET_SIZE), program_id("trading"))
    expect_error(world.create_market(market=other), "trading", "MarketExists")


def test_market_account_must_be_ours_blank_and_of_the_right_size(bare: World) -> None:
    """An account with something in it could bring balances nobody paid in."""
    expect_ok(bare.initialize())
    trading = program_id("trading")
    for data, owner, refusal in (
        (bytes(MARKET_SIZE - 1), trading, "WRONG_ACCOUNT_SIZE"),
        (bytes(MARKET_SIZE + 1), trading, "WRONG_ACCOUNT_SIZE"),
        (discriminator("Market") + bytes(MARKET_SIZE - 8), trading, "ALREADY_INITIALIZED"),
        (bytes(MARKET_SIZE), program_id("registry"), "WRONG_OWNER"),
    ):
        bare.chain.put(bare.market, data, owner)
        expect_shared(bare.create_market(), refusal)
    exempt = bare.chain.svm.minimum_balance_for_rent_exemption(MARKET_SIZE)
    bare.chain.put(bare.market, bytes(MARKET_SIZE), trading, exempt - 1)
    expect_shared(bare.create_market(), "NOT_RENT_EXEMPT")
    bare.chain.put(bare.market, bytes(MARKET_SIZE), trading)
    expect_ok(bare.create_market())


def test_market_prices_start_at_one_and_end_at_the_highest_tick(chain: Chain) -> None:
    """A price of zero gives energy away; one above the limit could overflow a trade's value."""
    bare = World(chain, market=False)
    expect_ok(bare.initialize())
    expect_ok(bare.make_market_account())
    for tick in (0, 9_490, 65_535):
        expect_error(bare.create_market(min_tick=tick), "trading", "BadTick")
    expect_ok(bare.create_market(min_tick=9_489))
    trader = bare.trader("ada", lots=1)
    trader.rest(SELL, 10_000, 1)
    expect_error(trader.place(SELL, 10_001, 1), "trading", "BadTick")


def test_only_an_active_admin_creates_the_market(bare: World) -> None:
    """The lowest price and the moment of opening are not for anybody to choose."""
    expect_ok(bare.initialize())
    expect_ok(bare.make_market_account())
    clerk = bare.chain.wallet("clerk")
    for role in range(6):
        user = bare.put_user(clerk.pubkey(), role=role)
        expect_error(bare.create_market(admin=clerk, admin_user=user), "trading", "NotAdmin")
    expect_error(bare.create_market(admin=clerk), "trading", "NotAdmin")
    for status in (0, 2, 3):
        bare.put_user(bare.admin.pubkey(), role=6, status=status)
        expect_error(bare.create_market(), "trading", "UserInactive")
    bare.put_user(bare.admin.pubkey(), role=6)
    expect_ok(bare.create_market())


# -------------------------------------------------------------------------------------------------------------- seats


def test_open_seat_gives_the_next_seat_and_an_index_by_wallet(world: World) -> None:
    """A client finds its seat by its wallet; the seat carries the registry's number for the auditor."""
    for number, name in enumerate(("ada", "bob")):
        wallet = world.chain.wallet(name)
        user = world.put_user(wallet.pubkey(), role=number)
        opened = expect_ok(world.open_seat(wallet)).event("SeatOpened")
        user_number = int.from_bytes(world.chain.data(user)[12:16], "little")
        assert (opened["seat"], opened["user_number"]) == (number, user_number)
        assert bytes(opened["wallet"]) == bytes(wallet.pubkey())
        index = world.chain.read("trading", "SeatIndex", pda("trading", b"seat", bytes(wallet.pubkey())))
        assert (index["seat"], index["user_number"], index["opened_at"]) == (number, user_number, world.chain.now_s())
        assert bytes(index["wallet"]) == bytes(wallet.pubkey())
        assert world.snapshot().seat(number).wallet == bytes(wallet.pubkey())
    assert world.snapshot().seat_count == 2


def test_wallet_has_one_seat(world: World) -> None:
    """Two seats of one wallet could trade with each other."""
    trader = world.trader("ada")
    expect_error(world.open_seat(trader.wallet), "trading", "SeatExists")
    assert world.snapshot().seat_count == 1


def test_seat_opens_on_an_address_somebody_paid_into(world: World) -> None:
    """Otherwise a stranger could lock a wallet out of the market for the price of dust."""
    wallet = world.chain.wallet("ada")
    world.put_user(wallet.pubkey())
    world.chain.fund(pda("trading", b"seat", bytes(wallet.pubkey())), 1_000_000)
    expect_ok(world.open_seat(wallet))
    expect_error(world.open_seat(wallet), "trading", "SeatExists")


@pytest.mark.parametrize("status", [0, 2, 3])
def test_only_an_active_user_gets_a_seat(world: World, status: int) -> None:
    """Who may trade is the registry's to say."""
    wallet = world.chain.wallet("ada")
    world.put_user(wallet.pubkey(), status=status)
    expect_error(world.open_seat(wallet), "trading", "UserInactive")


def test_seat_needs_the_wallets_own_user_and_index(world: World) -> None:
    """A stranger's registration must not let an unknown wallet in."""
    ada, bob = world.chain.wallet("ada"), world.chain.wallet("bob")
    user = world.put_user(ada.pubkey())
    expect_error(world.open_seat(bob, user=user), "trading", "NotYourUser")
    index = pda("trading", b"seat", bytes(bob.pubkey()))
    expect_shared(world.open_seat(ada, seat_index=index), "WRONG_SEEDS")
    expect_ok(world.open_seat(ada))


def test_seats_are_1024(world: World) -> None:
    """The 1,025th seat would be written into the orders."""
    world.chain.patch(world.market, 398, struct.pack("<H", 1023))
    wallet = world.chain.wallet("ada")
    world.put_user(wallet.pubkey())
    assert expect_ok(world.open_seat(wallet)).event("SeatOpened")["seat"] == 1023
    late = world.chain.wallet("late")
    world.put_user(late.pubkey())
    expect_error(world.open_seat(late), "trading", "SeatsFull")
    last = Trader(world, wallet, 1023)
    world.give_grid(1023, 5)
    last.rest(SELL, 100, 5)
    data = world.snapshot().data
    assert data[AT_SEATS + 128 * 1023 : AT_SEATS + 128 * 1023 + 32] == bytes(wallet.pubkey())


def test_no_seat_is_opened_while_deposits_are_paused(world: World) -> None:
    """The guardians' stop of money coming in holds at the door."""
    wallet = world.chain.wallet("ada")
    world.put_user(wallet.pubkey())
    world.pause(16)
    expect_error(world.open_seat(wallet), "trading", "Paused")
    world.pause(0b01111)
    expect_ok(world.open_seat(wallet))


def test_sync_seat_follows_the_registry_both_ways(world: World) -> None:
    """A user suspended in the registry must not go on trading, and one reinstated must be able to."""
    trader = world.trader("ada", lots=10, ucredit=1_000)
    user = pda("registry", b"user", bytes(trader.wallet.pubkey()))

    def sync() -> dict[str, int]:
        accounts = {"user": user, "market": world.market}
        return expect_ok(world.chain.call("trading", "sync_seat", accounts, seat=trader.number)).event("SeatSynced")

    world.put_user(trader.wallet.pubkey(), role=2, status=2)
    assert sync() | {"seq": 0} == {"seq": 0, "seat": trader.number, "flags": 1, "role": 2}
    expect_error(trader.place(SELL, 100, 1), "trading", "SeatSuspended")
    expect_error(trader.deposit_credit(1), "trading", "SeatSuspended")
    expect_ok(trader.withdraw_credit(1))
    world.put_user(trader.wallet.pubkey(), role=1)
    assert sync()["flags"] == 0
    trader.rest(SELL, 100, 1)


def test_sync_seat_takes_only_the_seats_own_user(world: World) -> None:
    """A suspended stranger's record must not suspend somebody else."""
    trader = world.trader("ada")
    other = world.put_user(world.chain.wallet("bob").pubkey(), status=2)
    accounts = {"user": other, "market": world.market}
    expect_error(world.chain.call("trading", "sync_seat", accounts, seat=trader.number), "trading", "WrongSeat")
    expect_error(world.chain.call("trading", "sync_seat", accounts, seat=1), "trading", "WrongSeat")
