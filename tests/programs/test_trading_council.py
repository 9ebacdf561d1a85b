"""The market under the real council: what only the council may set is set by a proposal that its members approved, and by nothing less."""

from __future__ import annotations

from typing import Any

import pytest
from campus import CALL, Campus, payload_call
from program_harness import Chain, expect_error, expect_ok, keypair, program_id
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from trading_world import BUY, RECIPIENTS, SELL, World


class CouncilWorld(World):
    """A market whose council is governance's own."""

    def put_council(self, **_: Any) -> None:
        """The council is there already."""


@pytest.fixture
def campus(chain: Chain) -> Campus:
    """A council of three members, threshold two."""
    campus = Campus.of(chain)
    expect_ok(campus.initialize_governance())
    return campus


@pytest.fixture
def world(campus: Campus) -> CouncilWorld:
    """Its market."""
    return CouncilWorld(campus.chain)


def call_of(world: World, name: str, accounts: dict[str, Pubkey] | None = None, **args: Any) -> Instruction:
    """Return a call of the market that the council signs."""
    named = {"council": world.council, "market": world.market} | (accounts or {})
    return world.chain.instruction("trading", name, named, **args)


def decide(campus: Campus, built: Instruction) -> None:
    """Carry a call through the council."""
    expect_ok(campus.execute_call(campus.agree(CALL, payload_call(built)), built))


def test_council_appoints_a_market_maker_and_shares_the_fees(campus: Campus, world: CouncilWorld) -> None:
    """From a proposal to money in the recipients' accounts, with nobody's key but the members'."""
    chain = campus.chain
    ada, bob = world.trader("ada", lots=1_000, ucredit=10**7), world.trader("bob", ucredit=10**7)
    addresses = [keypair(f"recipient {i}").pubkey() for i in range(2)]
    for address in addresses:
        chain.put_token_account(address, world.credit_mint, keypair("owner").pubkey())
    named = dict(zip(RECIPIENTS, addresses, strict=False))
    decide(campus, call_of(world, "set_fee_recipients", named, shares_bps=[2_500, 7_500, 0, 0]))
    decide(campus, call_of(world, "set_maker_programme", rebate_bps=10, target_intervals=1))
    decide(campus, call_of(world, "set_market_maker", seat=ada.number, flags=1, spread_ticks=20, size_lots=5))
    ada.rest(BUY, 95, 100)
    ada.rest(SELL, 100, 100)
    chain.advance(80)
    assert expect_ok(world.sample(ada.number)).event("MakerSampled")["is_met"]
    fee = expect_ok(bob.place(BUY, 100, 40)).event("OrderPlaced")["fee_ucredit"]
    rebate = world.snapshot().rebates_due
    assert 0 < rebate < fee
    expect_ok(world.sweep(addresses))
    paid = [chain.token_amount(address) for address in addresses]
    assert paid == [(fee - rebate) // 4, fee - rebate - (fee - rebate) // 4]
    chain.advance(86_400)
    assert expect_ok(world.sample(ada.number)).event("MakerDayClosed")["paid_ucredit"] == rebate


def test_no_single_member_and_no_other_terms_get_through(campus: Campus, world: CouncilWorld) -> None:
    """One approval is not two, and what was approved is what is called."""
    ada = world.trader("ada")
    built = call_of(world, "set_market_maker", seat=ada.number, flags=1, spread_ticks=20, size_lots=5)
    number = campus.council()["proposal_count"]
    expect_ok(campus.propose(CALL, payload_call(built)))
    expect_error(campus.execute_call(number, built), "governance", "BelowThreshold")
    number = campus.agree(CALL, payload_call(built))
    other = call_of(world, "set_market_maker", seat=ada.number, flags=1, spread_ticks=500, size_lots=1)
    expect_ok(campus.execute_call(number, other))  # the executor brings accounts, never data
    maker = chain_maker(world, ada.number)
    assert (maker["mm_spread_ticks"], maker["mm_size_lots"], maker["mm_flags"]) == (20, 5, 1)
    direct = world.chain.send(Instruction(program_id("trading"), bytes(built.data), unsigned(built)))
    assert not direct.ok


def unsigned(built: Instruction) -> list[Any]:
    """The accounts of a call without the council's signature."""
    return [type(meta)(meta.pubkey, is_signer=False, is_writable=meta.is_writable) for meta in built.accounts]


def chain_maker(world: World, seat: int) -> dict[str, Any]:
    """The seat as the interface reads it."""
    found: dict[str, Any] = world.chain.read("trading", "Market", world.market)["seats"][seat]
    return found
