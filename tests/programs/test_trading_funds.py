"""How GRID and CREDIT get into seats and out again, and that neither a pause nor a stranger stands in the way."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from program_harness import (
    SYSTEM,
    Chain,
    Outcome,
    expect_error,
    expect_ok,
    expect_shared,
    keypair,
    pda,
    program_id,
)
from solders.keypair import Keypair
from trading_world import AT_SEATS, BUY, SELL, Trader, World, discriminator

CREDIT = 10**6
GRID = 1_000
LEDGER_SIZE = 55_552
AT_ROWS = 6_400


@pytest.fixture
def world(chain: Chain) -> World:
    """A deployment with its market."""
    return World(chain)


@pytest.fixture
def ada(world: World) -> Trader:
    """A trader with GRID and CREDIT."""
    return world.trader("ada", lots=GRID, ucredit=CREDIT)


@pytest.fixture
def bob(world: World, ada: Trader) -> Trader:
    """Another trader, seated after ada."""
    return world.trader("bob", lots=GRID, ucredit=CREDIT)


# ------------------------------------------------------------------------------------------------------------- CREDIT


def test_deposit_credit_moves_tokens_into_the_vault_and_the_seat(world: World, ada: Trader) -> None:
    """What the seat shows must lie in the vault."""
    vault = world.chain.token_amount(world.credit_vault)
    deposited = expect_ok(ada.deposit_credit(500)).event("Deposited")
    assert (deposited["seat"], deposited["grid_lots"], deposited["credit_ucredit"]) == (ada.number, 0, 500)
    assert ada.seat.credit_free == CREDIT + 500
    assert world.chain.token_amount(world.credit_vault) == vault + 500 == world.snapshot().credit_ucredit


def test_withdraw_credit_moves_free_credit_to_the_owners_account(world: World, ada: Trader) -> None:
    """A trader's money is the trader's to take."""
    withdrawn = expect_ok(ada.withdraw_credit(400)).event("Withdrawn")
    assert (withdrawn["seat"], withdrawn["grid_lots"], withdrawn["credit_ucredit"]) == (ada.number, 0, 400)
    assert world.chain.token_amount(ada.tokens) == 400
    assert ada.seat.credit_free == CREDIT - 400
    assert world.chain.token_amount(world.credit_vault) == CREDIT - 400 == world.snapshot().credit_ucredit
    expect_ok(ada.withdraw_credit(CREDIT - 400))
    assert world.chain.token_amount(world.credit_vault) == 0


def test_deposit_beyond_the_token_account_changes_nothing(world: World, ada: Trader) -> None:
    """The seat is credited before the tokens move, so a failing transfer must undo it."""
    before = world.snapshot().data
    assert not ada.deposit_credit(1, mint=False).ok
    assert world.snapshot().data == before


def test_withdraw_beyond_the_free_balance_is_refused(world: World, ada: Trader) -> None:
    """Locked funds are promised to somebody else."""
    ada.rest(BUY, 100, 10)
    free = CREDIT - 10_000
    expect_error(ada.withdraw_credit(free + 1), "trading", "InsufficientCredit")
    expect_error(ada.withdraw_credit(2**64 - 1), "trading", "InsufficientCredit")
    expect_ok(ada.withdraw_credit(free))


def test_zero_amounts_are_refused(world: World, ada: Trader) -> None:
    """An event that says nothing moved would only confuse the books."""
    expect_error(ada.deposit_credit(0), "trading", "BadAmount")
    expect_error(ada.withdraw_credit(0), "trading", "BadAmount")
    expect_error(credit_grid(world, ada, 0), "trading", "BadAmount")


def test_credit_goes_only_to_a_credit_account_of_the_wallet(world: World, ada: Trader, bob: Trader) -> None:
    """A seat's owner fooled into a wrong address would lose the money."""
    chain = world.chain
    expect_error(ada.withdraw_credit(1, destination=bob.tokens), "trading", "NotYourTokenAccount")
    grid = chain.put_token_account(keypair("grid of ada").pubkey(), world.grid_mint, ada.wallet.pubkey())
    expect_error(ada.withdraw_credit(1, destination=grid), "trading", "NotYourTokenAccount")
    expect_error(ada.withdraw_credit(1, destination=world.credit_vault), "trading", "NotYourTokenAccount")
    blank = keypair("blank").pubkey()
    chain.put(blank, bytes(165), chain.svm.get_account(ada.tokens).owner)  # type: ignore[union-attr]
    expect_shared(ada.withdraw_credit(1, destination=blank), "WRONG_TOKEN_ACCOUNT")
    chain.put(blank, chain.data(ada.tokens), SYSTEM)
    expect_shared(ada.withdraw_credit(1, destination=blank), "WRONG_OWNER")


def test_stranger_moves_no_credit_of_a_seat(world: World, ada: Trader, bob: Trader) -> None:
    """The seat number alone must open nothing."""
    expect_error(bob.withdraw_credit(1, seat=ada.number), "trading", "WrongSeat")
    expect_error(bob.deposit_credit(1, seat=ada.number), "trading", "WrongSeat")
    expect_error(bob.withdraw_credit(1, seat=2), "trading", "WrongSeat")


def test_deposit_takes_from_nobody_who_did_not_sign(world: World, ada: Trader, bob: Trader) -> None:
    """The token program checks the source's owner; the market must not sign for it."""
    world.chain.patch(bob.tokens, 64, struct.pack("<Q", 50))
    assert not ada.deposit_credit(50, mint=False, source=bob.tokens).ok
    assert not ada.deposit_credit(50, mint=False, source=world.credit_vault).ok


def test_deposit_goes_to_no_other_account_than_the_vault(world: World, ada: Trader) -> None:
    """A deposit into an account of one's own would buy a balance for nothing."""
    own = keypair("second account of ada").pubkey()
    world.chain.put_token_account(own, world.credit_mint, ada.wallet.pubkey())
    expect_shared(ada.deposit_credit(50, credit_vault=own), "WRONG_ADDRESS")
    expect_shared(ada.deposit_credit(50, credit_vault=world.grid_vault), "WRONG_ADDRESS")


def test_wrong_mint_cannot_be_deposited(world: World, ada: Trader) -> None:
    """GRID paid in as CREDIT would be spent as CREDIT."""
    grid = keypair("grid of ada").pubkey()
    world.chain.put_token_account(grid, world.grid_mint, ada.wallet.pubkey(), 100)
    assert not ada.deposit_credit(50, mint=False, source=grid).ok


def test_paused_deposits_are_refused(world: World, ada: Trader) -> None:
    """The guardians' stop holds new money back."""
    world.pause(16)
    expect_error(ada.deposit_credit(1), "trading", "Paused")
    world.pause(0b01111)
    expect_ok(ada.deposit_credit(1))


@pytest.mark.parametrize("mask", range(32))
def test_withdraw_credit_works_under_every_pause(world: World, ada: Trader, mask: int) -> None:
    """No emergency may keep a trader's money in."""
    world.pause(mask)
    expect_ok(ada.withdraw_credit(1))


def test_fake_programs_in_the_place_of_the_token_program_are_refused(world: World, ada: Trader) -> None:
    """A fake token program would say yes without moving anything."""
    for fake in (program_id("registry"), SYSTEM, keypair("fake").pubkey()):
        expect_shared(ada.deposit_credit(1, token_program=fake), "WRONG_PROGRAM")
        expect_shared(ada.withdraw_credit(1, token_program=fake), "WRONG_PROGRAM")


# --------------------------------------------------------------------------------------------------------- GRID comes


def credit_grid(world: World, trader: Trader, lots: int, **changes: Any) -> Outcome:
    """Run credit_grid as energy_token would, signed by a key that this market takes for its authority."""
    signer = keypair("energy token authority")
    world.chain.patch(world.market, 144, bytes(signer.pubkey()))
    wallet = changes.pop("owner", trader.wallet.pubkey())
    seat = changes.pop("seat", trader.number)
    accounts = {"energy_token_authority": signer, "market": world.market, "grid_vault": world.grid_vault}
    return world.chain.call("trading", "credit_grid", accounts | changes, seat=seat, wallet=wallet, lots=lots)


def fill_grid_vault(world: World, lots: int) -> None:
    """Let GRID arrive in the vault, as the transfer before credit_grid does."""
    amount = world.chain.token_amount(world.grid_vault) + 1000 * lots
    world.chain.patch(world.grid_vault, 64, struct.pack("<Q", amount))


def test_credit_grid_books_what_arrived_in_the_vault(world: World, ada: Trader) -> None:
    """Energy that moved to the market must show in its owner's seat."""
    fill_grid_vault(world, 40)
    deposited = expect_ok(credit_grid(world, ada, 40)).event("Deposited")
    assert (deposited["seat"], deposited["grid_lots"], deposited["credit_ucredit"]) == (ada.number, 40, 0)
    assert ada.seat.grid_free == GRID + 40
    assert world.snapshot().grid_lots == GRID + 40


def test_credit_grid_books_nothing_that_is_not_in_the_vault(world: World, ada: Trader) -> None:
    """Even a faulty ledger must not put more GRID into seats than the vault holds."""
    fill_grid_vault(world, 40)
    expect_error(credit_grid(world, ada, 41), "trading", "VaultShort")
    expect_ok(credit_grid(world, ada, 40))
    expect_error(credit_grid(world, ada, 1), "trading", "VaultShort")
    assert not credit_grid(world, ada, 2**64 - 1).ok
    assert not credit_grid(world, ada, 2**60).ok


def test_only_energy_token_books_grid(world: World, ada: Trader) -> None:
    """Anybody else booking GRID would mint energy."""
    fill_grid_vault(world, 40)
    for signer in (ada.wallet, world.admin, world.chain.upgrade_authority):
        expect_error(credit_grid(world, ada, 1, energy_token_authority=signer), "trading", "NotEnergyToken")


def test_credit_grid_needs_the_seat_of_the_row_s_owner(world: World, ada: Trader, bob: Trader) -> None:
    """GRID of one wallet must not land in another's seat by a wrong seat number."""
    fill_grid_vault(world, 40)
    expect_error(credit_grid(world, ada, 1, seat=bob.number), "trading", "WrongSeat")
    expect_error(credit_grid(world, ada, 1, seat=2), "trading", "WrongSeat")
    # A seat nobody opened has the zero wallet.
    expect_error(credit_grid(world, ada, 1, seat=2, owner=bytes(32)), "trading", "WrongSeat")
    expect_error(credit_grid(world, ada, 1, seat=65_535, owner=bytes(32)), "trading", "WrongSeat")


def test_credit_grid_believes_only_the_markets_own_vault(world: World, ada: Trader) -> None:
    """A fuller account elsewhere covers nothing."""
    rich = keypair("rich").pubkey()
    world.chain.put_token_account(rich, world.grid_mint, world.authority, 10**12)
    expect_shared(credit_grid(world, ada, 1, grid_vault=rich), "WRONG_ADDRESS")
    expect_shared(credit_grid(world, ada, 1, grid_vault=world.credit_vault), "WRONG_ADDRESS")


def test_suspended_seat_takes_no_grid_in(world: World, ada: Trader) -> None:
    """A suspended trader brings nothing more to the market."""
    fill_grid_vault(world, 40)
    world.chain.patch(world.market, AT_SEATS + 66, b"\x01\0")
    expect_error(credit_grid(world, ada, 1), "trading", "SeatSuspended")
    expect_error(ada.deposit_credit(1), "trading", "SeatSuspended")


# --------------------------------------------------------------------------------------- GRID comes and goes by CPI


class Ledger:
    """energy_token's Config and one zone's Ledger, written by hand around the real program."""

    def __init__(self, world: World, wallets: list[Keypair], lots: int) -> None:
        self.world = world
        self.config = pda("energy_token", b"config")
        self.address = keypair("ledger of zone 1").pubkey()
        program = program_id("energy_token")
        _, bump = type(program).find_program_address([b"authority"], program)
        atoms = 1000 * lots * len(wallets)
        config = bytearray(512)
        config[:11] = discriminator("Config") + bytes([1, 255, bump])
        for at, address in (
            (16, program_id("governance")),
            (48, world.council),
            (80, program_id("registry")),
            (112, program_id("oracle")),
            (144, program_id("trading")),
            (176, world.grid_mint),
            (208, world.ledger_vault),
            (240, world.ledger_authority),
            (272, world.authority),
            (304, world.grid_vault),
        ):
            config[at : at + 32] = bytes(address)
        struct.pack_into("<Q", config, 336, atoms)
        world.chain.put(self.config, bytes(config), program)
        data = bytearray(LEDGER_SIZE)
        struct.pack_into("<8sBBHHH", data, 0, discriminator("Ledger"), 1, 0, 1, len(wallets), 512)
        data[48:80] = bytes(self.config)
        struct.pack_into("<Q", data, 104, atoms)
        for row, wallet in enumerate(wallets):
            struct.pack_into("<32sQ", data, AT_ROWS + 96 * row, bytes(wallet.pubkey()), 1000 * lots)
        world.chain.put(self.address, bytes(data), program)
        world.chain.patch(world.ledger_vault, 64, struct.pack("<Q", atoms))

    def balance(self, row: int) -> int:
        """Atoms in a row."""
        at = AT_ROWS + 96 * row + 32
        return int.from_bytes(self.world.chain.data(self.address)[at : at + 8], "little")

    def move_to_market(self, trader: Trader, row: int, lots: int) -> Outcome:
        """Run energy_token.move_to_market."""
        accounts = {
            "owner": trader.wallet,
            "council": self.world.council,
            "config": self.config,
            "ledger": self.address,
            "vault": self.world.ledger_vault,
            "market_grid_vault": self.world.grid_vault,
            "authority": self.world.ledger_authority,
            "market": self.world.market,
            "trading_program": program_id("trading"),
        }
        return self.world.chain.call("energy_token", "move_to_market", accounts, row=row, seat=trader.number, lots=lots)

    def withdraw_grid(self, trader: Trader, row: int, lots: int, seat: int | None = None, **changes: Any) -> Outcome:
        """Run trading.withdraw_grid into a row of this ledger."""
        accounts: dict[str, Any] = {
            "wallet": trader.wallet,
            "market": self.world.market,
            "authority": self.world.authority,
            "grid_vault": self.world.grid_vault,
            "energy_token_vault": self.world.ledger_vault,
            "energy_token_config": self.config,
            "ledger": self.address,
            "energy_token_program": program_id("energy_token"),
        }
        seat = trader.number if seat is None else seat
        return self.world.chain.call("trading", "withdraw_grid", accounts | changes, seat=seat, row=row, lots=lots)


@pytest.fixture
def ledger(world: World, ada: Trader, bob: Trader) -> Ledger:
    """A ledger in which ada has row 0 and bob row 1, with 500 lots each."""
    return Ledger(world, [ada.wallet, bob.wallet], 500)


def test_grid_goes_from_the_ledger_to_a_seat_and_back(world: World, ledger: Ledger, ada: Trader) -> None:
    """The two programs must agree to the atom, or energy is made or lost on the way."""
    expect_ok(ledger.move_to_market(ada, 0, 200))
    assert (ledger.balance(0), ada.seat.grid_free) == (300_000, GRID + 200)
    assert world.chain.token_amount(world.grid_vault) == 1000 * (2 * GRID + 200)
    withdrawn = expect_ok(ledger.withdraw_grid(ada, 0, 700)).event("Withdrawn")
    assert (withdrawn["seat"], withdrawn["grid_lots"], withdrawn["credit_ucredit"]) == (ada.number, 700, 0)
    assert (ledger.balance(0), ada.seat.grid_free) == (1_000_000, GRID - 500)
    assert world.chain.token_amount(world.grid_vault) == 1000 * world.snapshot().grid_lots == 1000 * (2 * GRID - 500)
    assert world.chain.token_amount(world.ledger_vault) == ledger.balance(0) + ledger.balance(1)


def test_grid_leaves_only_into_a_row_of_the_same_wallet(world: World, ledger: Ledger, ada: Trader) -> None:
    """The market is no way to send GRID to somebody else."""
    before = world.snapshot().data
    expect_error(ledger.withdraw_grid(ada, 1, 10), "energy_token", "NotRowOwner")
    expect_error(ledger.withdraw_grid(ada, 2, 10), "energy_token", "NoSuchRow")
    assert world.snapshot().data == before
    assert ledger.balance(0) == ledger.balance(1) == 500_000


def test_locked_or_missing_grid_cannot_leave(world: World, ledger: Ledger, ada: Trader, bob: Trader) -> None:
    """What a resting ask promises must stay for its buyer."""
    ada.rest(SELL, 100, 600)
    expect_error(ledger.withdraw_grid(ada, 0, 401), "trading", "InsufficientGrid")
    expect_error(ledger.withdraw_grid(ada, 0, 2**64 - 1), "trading", "InsufficientGrid")
    expect_error(ledger.withdraw_grid(ada, 0, 0), "trading", "BadAmount")
    expect_error(ledger.withdraw_grid(bob, 1, 10, seat=ada.number), "trading", "WrongSeat")
    expect_ok(ledger.withdraw_grid(ada, 0, 400))


@pytest.mark.parametrize("mask", range(32))
def test_withdraw_grid_works_under_every_pause(world: World, ledger: Ledger, ada: Trader, mask: int) -> None:
    """No emergency may keep a trader's energy in the market."""
    world.pause(mask)
    expect_ok(ledger.withdraw_grid(ada, 0, 1))


def test_suspended_trader_takes_everything_out(world: World, ledger: Ledger, ada: Trader) -> None:
    """Suspension does not take property."""
    world.chain.patch(world.market, AT_SEATS + 66, b"\x01\0")
    expect_ok(ledger.withdraw_grid(ada, 0, GRID))
    expect_ok(ada.withdraw_credit(CREDIT))


def test_withdraw_grid_calls_no_program_but_energy_token(world: World, ledger: Ledger, ada: Trader) -> None:
    """A fake ledger would take the market's signature and the GRID with it."""
    for fake in (program_id("registry"), program_id("trading"), SYSTEM):
        expect_shared(ledger.withdraw_grid(ada, 0, 1, energy_token_program=fake), "WRONG_PROGRAM")
        expect_shared(ledger.withdraw_grid(ada, 0, 1, token_program=fake), "WRONG_PROGRAM")


def test_withdraw_grid_sends_to_no_other_vault(world: World, ledger: Ledger, ada: Trader) -> None:
    """GRID sent to a private account of the GRID mint would leave the ledger's books."""
    own = keypair("grid of ada").pubkey()
    world.chain.put_token_account(own, world.grid_mint, ada.wallet.pubkey())
    expect_shared(ledger.withdraw_grid(ada, 0, 1, energy_token_vault=own), "WRONG_ADDRESS")
    expect_shared(ledger.withdraw_grid(ada, 0, 1, energy_token_vault=world.grid_vault), "WRONG_ADDRESS")
    expect_shared(ledger.withdraw_grid(ada, 0, 1, grid_vault=world.credit_vault), "WRONG_ADDRESS")
    expect_shared(ledger.withdraw_grid(ada, 0, 1, authority=ada.wallet.pubkey()), "WRONG_ADDRESS")


def test_fake_ledger_or_config_is_refused_by_energy_token(world: World, ledger: Ledger, ada: Trader) -> None:
    """A look-alike ledger would swallow the GRID of a withdrawal."""
    chain = world.chain
    fake = keypair("fake ledger").pubkey()
    chain.put(fake, chain.data(ledger.address), program_id("registry"))
    assert not ledger.withdraw_grid(ada, 0, 1, ledger=fake).ok
    fake_config = keypair("fake config").pubkey()
    chain.put(fake_config, chain.data(ledger.config), program_id("registry"))
    assert not ledger.withdraw_grid(ada, 0, 1, energy_token_config=fake_config).ok
    assert ledger.balance(0) == 500_000
