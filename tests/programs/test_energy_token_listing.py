"""Surplus listed in the auctions under its owner's rule, with the real trading program on the other side; and GRID retired."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from energy_token_world import AUCTIONS, MARKET, MARKET_GRID_VAULT, World, new_world, roots_address
from program_harness import Outcome, expect_error, expect_ok, keypair

EVERY_PAUSE = 255
AUCTION, DEPOSITS, MINT_SETTLE = 8, 16, 2
SELL = 1


def refused(outcome: Outcome, name: str, program: str = "energy_token") -> None:
    expect_error(outcome, program, name)


@pytest.fixture
def world() -> World:
    """Two zones and a market; ann has a meter in zone 1, 100.5 Wh of GRID there, a row in zone 2 and a seat."""
    world = new_world((1, 2), market=True)
    world.attach_meter(1, 1, 0, "ann")
    world.open_account(1, "ben")
    world.open_account(2, "ann")
    world.open_seat("ann")
    world.give(1, 0, 101)
    expect_ok(world.transfer("ann", "ben", 500))
    return world


def auction_order(world: World, seat: int = 0, side: int = SELL) -> tuple[int, int, int]:
    """(lots, tick, flags) of an order of the running auction."""
    data, place = world.chain.data(AUCTIONS), world.chain.now_s() // 900 % 2
    at = 9_024 + 24 * (2_048 * place + 2 * seat + side)
    lots, tick, flags = data[at + 8 : at + 12], data[at + 20 : at + 22], data[at + 22 : at + 24]
    return tuple(int.from_bytes(part, "little") for part in (lots, tick, flags))  # type: ignore[return-value]


# ------------------------------------------------------------------------------------------------------------- listing


def test_all_whole_lots_above_what_the_owner_keeps_are_listed(world: World) -> None:
    """The rule is the owner's; whoever calls it decides neither how much nor at what price."""
    world.set_rule("ann", keep_atoms=20_400, reserve_ticks=150)
    event = expect_ok(world.list_surplus("ann")).event("SurplusListed")
    assert (event["lots"], event["reserve_ticks"], event["balance_atoms"]) == (80, 150, 20_500)
    assert (event["wallet"], event["seat"]) == (bytes(keypair("ann").pubkey()), 0)
    assert event["interval"] == world.chain.now_s() // 900
    assert auction_order(world) == (80, 150, 1)
    assert world.seat_lots("ann") == 80
    assert world.chain.token_amount(MARKET_GRID_VAULT) == 80_000
    assert world.row("ann")["listed_interval"] == event["interval"]
    world.assert_sound((1, 2), outside_atoms=80_000)


def test_a_row_is_listed_once_for_each_auction(world: World) -> None:
    """A second listing would sell what came in since against a rule that speaks of an interval."""
    world.set_rule("ann", keep_atoms=50_500)
    expect_ok(world.list_surplus("ann"))
    world.set_rule("ann", keep_atoms=0)
    refused(world.list_surplus("ann"), "AlreadyListed")
    world.chain.advance(900)
    expect_ok(world.list_surplus("ann"))
    assert auction_order(world) == (50, 100, 1)


def test_the_owners_own_sell_or_cancel_counts_as_listed(world: World) -> None:
    """Who decides for an interval must not be overruled in it by a rule of yesterday."""
    world.set_rule("ann", keep_atoms=50_500)
    expect_ok(world.list_surplus("ann"))
    interval = world.chain.now_s() // 900
    accounts = {"wallet": world.chain.wallet("ann"), "market": MARKET, "auctions": AUCTIONS}
    cancel = {"interval": interval, "seat": 0, "side": SELL}
    expect_ok(world.chain.call("trading", "cancel_auction_order", accounts, **cancel))
    # Another row of the same wallet is stopped by trading's own mark, which the cancel has left.
    expect_ok(world.transfer("ann", "ann", 10_000, 1, 2))
    world.set_rule("ann", zone=2)
    refused(world.list_surplus("ann", zone=2), "AlreadyListed", "trading")
    assert world.balance("ann", 2) == 10_000, "a refused listing moves nothing"
    world.assert_sound((1, 2), outside_atoms=50_000)


def test_nothing_is_listed_without_the_owners_rule(world: World) -> None:
    """Anybody may call, so the rule is all that stands between a row and a sale."""
    refused(world.list_surplus("ann"), "ListingOff")
    world.set_rule("ann")
    world.set_rule("ann", enabled=False)
    refused(world.list_surplus("ann"), "ListingOff")
    world.set_rule("ben")
    world.seats["ben"] = 0
    refused(world.list_surplus("ben"), "NothingToList")  # 500 atoms are no lot


@pytest.mark.parametrize("keep_atoms", [99_501, 100_500, 100_501, 2**64 - 1])
def test_what_the_owner_keeps_is_never_listed(world: World, keep_atoms: int) -> None:
    """A difference that wraps would list everything."""
    world.set_rule("ann", keep_atoms=keep_atoms)
    refused(world.list_surplus("ann"), "NothingToList")


def test_a_debtor_lists_nothing(world: World) -> None:
    """What is owed must be burned before anything can be sold."""
    world.set_rule("ann")
    world.set_registers(1, 0, import_wh=200, export_wh=101)
    expect_ok(world.settle(1, 0, 1))
    assert world.debt("ann") > 0
    expect_ok(world.transfer("ben", "ann", 500))
    refused(world.list_surplus("ann"), "NothingToList")
    world.attach_meter(2, 1, 1, "ben")
    world.give(1, 1, 50)
    expect_ok(world.transfer("ben", "ann", 50_000))
    refused(world.list_surplus("ann"), "InDebt")


def test_a_listing_goes_to_the_owners_seat_alone(world: World) -> None:
    """Another seat would be another wallet's GRID."""
    world.put_user("ben")
    world.open_seat("ben")
    world.set_rule("ann")
    refused(world.list_surplus("ann", seat=1), "WrongSeat", "trading")
    refused(world.list_surplus("ann", seat=2), "WrongSeat", "trading")


def test_a_listing_is_for_the_running_auction(world: World) -> None:
    """A call that arrives late must not sell in an interval nobody meant, nor use up the row's one listing."""
    world.set_rule("ann")
    now = world.chain.now_s() // 900
    for interval in (now - 1, now + 1):
        refused(world.list_surplus("ann", interval=interval), "AuctionClosed", "trading")
    expect_ok(world.list_surplus("ann"))


def test_pauses_stop_listings(world: World) -> None:
    """Listing is a way in and an order: both stops hold it."""
    world.set_rule("ann")
    world.put_council(pause_mask=DEPOSITS, pause_until=2**60)
    refused(world.list_surplus("ann"), "Paused")
    world.put_council(pause_mask=AUCTION, pause_until=2**60)
    refused(world.list_surplus("ann"), "Paused", "trading")
    world.put_council(pause_mask=EVERY_PAUSE ^ AUCTION ^ DEPOSITS, pause_until=2**60)
    expect_ok(world.list_surplus("ann"))


def test_units_of_listing(world: World, record_units: Callable[[str, Outcome], Outcome]) -> None:
    """With what trading takes for booking it."""
    world.set_rule("ann")
    record_units("energy_token.list_surplus", world.list_surplus("ann"))


# ------------------------------------------------------------------------------------------------------------ retiring


def test_a_certificate_says_what_was_burned_for_whom(world: World) -> None:
    """A claim of used energy must name its GRID, and that GRID must be gone."""
    supply = world.chain.supply(world.retire_accounts("ann")["mint"])
    now = world.chain.now_s() // 900
    seq = world.ledger(1)["seq"]
    event = expect_ok(world.retire("ann", 40_250)).event("Retired")
    assert (event["zone"], event["seq"], event["row"]) == (1, seq + 1, 0)
    assert (event["amount_atoms"], event["balance_atoms"]) == (40_250, 60_250)
    assert (event["from_interval"], event["to_interval"]) == (now - 4, now - 1)
    assert bytes(event["beneficiary"]) == bytes(range(32))
    assert (event["wallet"], event["roots"]) == (bytes(keypair("ann").pubkey()), bytes(roots_address(1)))
    assert (event["root_seq"], event["campus_time"]) == (5, world.chain.now_s())
    assert world.chain.supply(world.retire_accounts("ann")["mint"]) == supply - 40_250
    assert (world.ledger(1)["retired_atoms"], world.row("ann")["retired_atoms"]) == (40_250, 40_250)
    assert world.row("ann")["burned_atoms"] == 0, "what is retired covers no import"
    world.assert_sound((1, 2), outside_atoms=0)


@pytest.mark.parametrize(
    ("amount", "error"), [(0, "ZeroAmount"), (100_501, "InsufficientBalance"), (2**64 - 1, "InsufficientBalance")]
)
def test_retiring_nothing_or_too_much_is_refused(world: World, amount: int, error: str) -> None:
    """A certificate for GRID that was not there would be worth as much as one for GRID that was."""
    refused(world.retire("ann", amount), error)


def test_intervals_of_a_certificate_lie_in_the_past_and_in_order(world: World) -> None:
    """Energy of an interval that is not over has not been metered."""
    now = world.chain.now_s() // 900
    for first, last in ((now - 1, now - 2), (now, now), (now - 1, now), (0, 2**32 - 1), (2**32 - 1, 2**32 - 1)):
        refused(world.retire("ann", 1_000, from_interval=first, to_interval=last), "BadIntervals")
    world.chain.set_time(900 * now + 899)
    refused(world.retire("ann", 1_000, from_interval=now, to_interval=now), "BadIntervals")
    world.chain.set_time(900 * now + 900)
    expect_ok(world.retire("ann", 1_000, from_interval=now, to_interval=now))


def test_a_debtor_cannot_retire(world: World) -> None:
    """What is owed must be burned for the import it is owed for."""
    world.set_registers(1, 0, import_wh=200, export_wh=101)
    expect_ok(world.settle(1, 0, 1))
    expect_ok(world.transfer("ben", "ann", 500))
    refused(world.retire("ann", 1), "InDebt")


def test_only_the_owner_retires(world: World) -> None:
    """Burning somebody's GRID is taking it."""
    refused(world.retire("ben", 1_000, row=0), "NotRowOwner")
    refused(world.retire("ann", 1_000, row=7), "NoSuchRow")


def test_a_certificate_names_the_roots_of_its_own_zone(world: World) -> None:
    """Roots of another zone say nothing of this zone's energy."""
    refused(world.retire("ann", 1_000, roots=roots_address(2)), "WrongRoots")


def test_a_pause_of_minting_stops_retiring(world: World) -> None:
    """While the supply is in doubt nobody changes it."""
    world.put_council(pause_mask=MINT_SETTLE, pause_until=2**60)
    refused(world.retire("ann", 1_000), "Paused")
    world.put_council(pause_mask=EVERY_PAUSE ^ MINT_SETTLE, pause_until=2**60)
    expect_ok(world.retire("ann", 1_000))


def test_units_of_retiring(world: World, record_units: Callable[[str, Outcome], Outcome]) -> None:
    """The burn's own units are the token program's."""
    record_units("energy_token.retire", world.retire("ann", 1_000))
