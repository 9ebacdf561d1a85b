"""GRID between the ledger and the market, with the real trading program on the other side."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from energy_token_world import (
    CONFIG,
    MARKET_GRID_VAULT,
    MINT,
    VAULT,
    World,
    ledger_address,
    new_world,
    u64,
)
from program_harness import SO, Outcome, expect_error, expect_ok, expect_shared, keypair

EVERY_PAUSE = 255
DEPOSITS = 16


def refused(outcome: Outcome, name: str) -> None:
    expect_error(outcome, "energy_token", name)


@pytest.fixture
def world() -> World:
    """Two zones and a market; ann has a meter in zone 1, 100 Wh of GRID, a row in zone 2 and a seat."""
    world = new_world((1, 2), market=True)
    world.attach_meter(1, 1, 0, "ann")
    world.open_account(2, "ann")
    world.open_seat("ann")
    world.give(1, 0, 100)
    return world


def test_lots_go_to_the_seat_and_come_back(world: World) -> None:
    """The same kilowatt-hours, whether on the ledger or on the market; no atom appears or disappears on the way."""
    event = expect_ok(world.move_to_market("ann", 70)).event("MovedToMarket")
    assert (event["lots"], event["balance_atoms"]) == (70, 30_000)
    assert world.seat_lots("ann") == 70
    assert world.chain.token_amount(MARKET_GRID_VAULT) == 70_000
    world.assert_sound((1, 2), outside_atoms=70_000)
    event = expect_ok(world.withdraw_grid("ann", 20)).event("CreditedFromMarket")
    assert (event["lots"], event["balance_atoms"]) == (20, 50_000)
    assert world.seat_lots("ann") == 50
    world.assert_sound((1, 2), outside_atoms=50_000)


def test_lots_come_back_to_a_row_of_any_zone(world: World) -> None:
    """A seat belongs to no zone: its owner says where the GRID goes, for instance where the debt is."""
    expect_ok(world.move_to_market("ann", 70))
    expect_ok(world.withdraw_grid("ann", 70, zone=2))
    assert (world.balance("ann", 1), world.balance("ann", 2)) == (30_000, 70_000)
    world.assert_sound((1, 2), outside_atoms=0)


@pytest.mark.parametrize(
    ("lots", "error"), [(0, "ZeroAmount"), (101, "InsufficientBalance"), (2**64 // 1000, "InsufficientBalance")]
)
def test_moving_nothing_or_too_much_is_refused(world: World, lots: int, error: str) -> None:
    """One lot beyond the balance is another row's."""
    refused(world.move_to_market("ann", lots), error)


def test_lots_that_overflow_in_atoms_are_refused(world: World) -> None:
    """2⁶⁴/1000 + 1 lots are a few atoms after a wrap: few to pay and many to get."""
    outcome = world.move_to_market("ann", 2**64 // 1000 + 1)
    assert not outcome.ok
    world.assert_sound((1, 2), outside_atoms=0)


def test_a_debtor_cannot_move_to_the_market(world: World) -> None:
    """What is owed must be burned before anything can be sold."""
    world.set_registers(1, 0, import_wh=101, export_wh=100)
    expect_ok(world.settle(1))
    expect_ok(world.chain.call("energy_token", "settle_range", world.settle_accounts(1), from_slot=0, count=1))
    assert world.debt("ann") == 1_000
    refused(world.move_to_market("ann", 1), "InDebt")


def test_only_the_owner_moves_a_row_and_only_to_the_own_seat(world: World) -> None:
    """GRID of one user must not end in another's seat."""
    world.put_user("ben")
    world.open_account(1, "ben")
    world.open_seat("ben")
    accounts = world.market_accounts("ben", 1)
    call = world.chain.call
    refused(call("energy_token", "move_to_market", accounts, row=0, seat=1, lots=1), "NotRowOwner")
    accounts = world.market_accounts("ann", 1)
    outcome = call("energy_token", "move_to_market", accounts, row=0, seat=1, lots=1)
    assert not outcome.ok
    assert world.balance("ann") == 100_000
    assert world.chain.token_amount(MARKET_GRID_VAULT) == 0


def test_a_pause_stops_the_way_in_and_never_the_way_out(world: World) -> None:
    """Under every pause bit GRID on the market can go home."""
    expect_ok(world.move_to_market("ann", 10))
    world.put_council(pause_mask=EVERY_PAUSE, pause_until=2**60)
    refused(world.move_to_market("ann", 10), "Paused")
    expect_ok(world.withdraw_grid("ann", 10))
    world.put_council(pause_mask=EVERY_PAUSE ^ DEPOSITS, pause_until=2**60)
    expect_ok(world.move_to_market("ann", 10))


def test_a_suspended_user_gets_grid_back_from_the_market(world: World) -> None:
    """The registry's verdict stops trading, not property."""
    expect_ok(world.move_to_market("ann", 10))
    world.put_user("ann", status=2)
    expect_ok(world.withdraw_grid("ann", 10))


def test_a_false_trading_program_is_refused(world: World) -> None:
    """A program that pretends to book the lots would leave them in the vault for itself."""
    false = keypair("false trading").pubkey()
    world.chain.svm.add_program(false, (SO / "trading.so").read_bytes())
    expect_shared(world.move_to_market("ann", 1, trading_program=false), "WRONG_PROGRAM")


def test_another_vault_for_the_market_is_refused(world: World) -> None:
    """A GRID account of the caller's in the place of the market's vault would be a withdrawal past every rule."""
    mine = world.token_account("ann")
    expect_shared(world.move_to_market("ann", 1, market_grid_vault=mine), "WRONG_ADDRESS")
    expect_shared(world.move_to_market("ann", 1, market_grid_vault=VAULT), "WRONG_ADDRESS")


def test_a_vault_that_holds_too_little_stops_the_way_to_the_market(world: World) -> None:
    """If tokens were ever missing, the market must not get the last ones of other rows."""
    world.chain.patch(VAULT, 64, u64(99_999))
    refused(world.move_to_market("ann", 1), "VaultShort")


# ------------------------------------------------------------------------------------------ credit_from_market, directly


def credit_accounts(signer: object) -> dict[str, object]:
    return {"trading_authority": signer, "config": CONFIG, "ledger": ledger_address(1), "vault": VAULT}


def credit(world: World, signer: object, lots: int, row: int = 0, wallet: str = "ann") -> Outcome:
    args = {"row": row, "wallet": keypair(wallet).pubkey(), "lots": lots}
    return world.chain.call("energy_token", "credit_from_market", credit_accounts(signer), **args)


@pytest.fixture
def trading(world: World) -> object:
    """A key that the ledger takes for trading's authority, to say what the real program never would."""
    key = world.chain.wallet("trading itself")
    world.chain.patch(CONFIG, 272, bytes(key.pubkey()))
    return key


def raise_vault(world: World, atoms: int) -> None:
    """Put GRID into the vault as a transfer would, and into the supply."""
    for address, at in ((VAULT, 64), (MINT, 36)):
        old = int.from_bytes(world.chain.data(address)[at : at + 8], "little")
        world.chain.patch(address, at, u64(old + atoms))


def test_nobody_but_trading_may_credit(world: World) -> None:
    """Otherwise anyone could write themselves a balance."""
    refused(credit(world, world.chain.wallet("ann"), 1), "NotTradingAuthority")


def test_trading_credits_what_the_vault_holds_and_no_lot_more(world: World, trading: object) -> None:
    """Even the right signer is believed only as far as the tokens go: a fault in trading must not make GRID."""
    raise_vault(world, 4_999)
    refused(credit(world, trading, 5), "VaultShort")
    expect_ok(credit(world, trading, 4))
    refused(credit(world, trading, 1), "VaultShort")
    assert world.balance("ann") == 104_000


def test_a_credit_names_its_row_and_its_owner(world: World, trading: object) -> None:
    """The seat's owner and the row's must be one and the same wallet."""
    raise_vault(world, 10_000)
    refused(credit(world, trading, 1, wallet="ben"), "NotRowOwner")
    refused(credit(world, trading, 1, row=1), "NoSuchRow")
    refused(credit(world, trading, 0), "ZeroAmount")
    expect_shared(credit_with_vault(world, trading, world.token_account("ann")), "WRONG_ADDRESS")
    expect_ok(credit(world, trading, 1))


def credit_with_vault(world: World, signer: object, vault: object) -> Outcome:
    accounts = {**credit_accounts(signer), "vault": vault}
    args = {"row": 0, "wallet": keypair("ann").pubkey(), "lots": 1}
    return world.chain.call("energy_token", "credit_from_market", accounts, **args)


def test_units_of_the_way_to_the_market_and_back(
    world: World, trading: object, record_units: Callable[[str, Outcome], Outcome]
) -> None:
    """credit_from_market alone; move_to_market with what trading takes for booking the lots."""
    raise_vault(world, 10_000)
    record_units("energy_token.credit_from_market", credit(world, trading, 1))
    record_units("energy_token.move_to_market", world.move_to_market("ann", 5))
