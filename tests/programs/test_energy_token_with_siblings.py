"""energy_token beside the other four real programs: from a meter's signature to lots on the market and back."""

from __future__ import annotations

from typing import Any

import pytest
from campus import (
    DEPOSITS,
    MINT_SETTLE,
    SET_PARAM,
    SUSPENDED,
    Campus,
    device_key,
    network_tag,
    payload_set_param,
    user_address,
)
from energy_token_world import LEDGER_SIZE, MARKET_GRID_VAULT, MINT, World, ledger_address
from oracle_world import APPLIED, DeviceKey, Meter, Reading
from oracle_world import World as Oracle
from program_harness import Chain, Outcome, expect_error, expect_ok, program_id
from solders.system_program import CreateAccountWithSeedParams, create_account_with_seed

from gridkit.interval import interval_at

TRANSFER_MODE = 0


class Grid:
    """A campus with one zone, a ledger, a market and ann, who owns a metered roof."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.campus = Campus.build(chain)
        self.oracle = Oracle(chain, siblings=True)
        self.world = World(chain)
        expect_ok(self.world.initialize())
        expect_ok(self.create_ledger())
        self.ann = self.campus.user("ann")
        self.world.users["ann"] = 0
        self.meter = self.campus.meter("roof", self.ann)
        expect_ok(chain.call("oracle", "enroll_meter", {"slab": self.oracle.slab(), "meter": self.meter}))
        self.world.open_account(1, "ann")
        accounts = {**self.world.attach_meter_accounts(1, 1), "meter": self.meter}
        expect_ok(chain.call("energy_token", "attach_meter", accounts, row=0))
        self.first = interval_at(chain.now_s()) - 100

    def create_ledger(self) -> Outcome:
        """Make the ledger account as a client does and bind it, in one transaction."""
        payer = self.chain.payer.pubkey()
        make = create_account_with_seed(
            CreateAccountWithSeedParams(
                from_pubkey=payer,
                to_pubkey=ledger_address(1),
                base=payer,
                seed="ledger:1",
                lamports=self.chain.svm.minimum_balance_for_rent_exemption(LEDGER_SIZE),
                space=LEDGER_SIZE,
                owner=program_id("energy_token"),
            )
        )
        accounts = {
            **self.world.create_zone_accounts(1),
            "admin": self.campus.admin,
            "admin_user": user_address(self.campus.admin),
            "slab": self.oracle.slab(),
        }
        bind = self.chain.instruction("energy_token", "create_zone", accounts, zone=1)
        return self.chain.send(make, bind, signers=[self.campus.admin])

    def read(self, nth: int, import_wh: int, export_wh: int) -> None:
        """Let the roof's meter sign its registers at the end of an interval, and the oracle verify that."""
        record: dict[str, Any] = self.chain.read("registry", "Meter", self.meter)
        keys = [DeviceKey(device_key("roof"), 0)]
        meter = Meter(record["meter_number"], record["slot"], self.ann, keys)
        reading = Reading(meter, self.first + nth, import_wh, export_wh, tag=network_tag())
        assert self.oracle.reasons(reading) == [APPLIED]


@pytest.fixture
def grid(chain: Chain) -> Grid:
    return Grid(chain)


def test_signed_registers_become_grid_on_the_market(grid: Grid) -> None:
    """The whole way by the programs' own instructions: 250 Wh that a device signed for are 250 lots."""
    world = grid.world
    grid.read(0, 5_000, 90_000)
    expect_ok(world.settle(1))
    assert grid.chain.supply(MINT) == 0, "the first reading opens the registers and credits nothing"
    grid.read(1, 5_040, 90_290)
    event = expect_ok(world.settle(1)).event("Settled")
    assert (event["minted_atoms"], event["burned_atoms"]) == (290_000, 40_000)
    assert world.balance("ann") == 250_000
    world.create_market()
    world.open_seat("ann")
    expect_ok(world.move_to_market("ann", 250))
    assert grid.chain.token_amount(MARKET_GRID_VAULT) == 250_000
    world.assert_sound(outside_atoms=250_000)
    expect_ok(world.withdraw_grid("ann", 250))
    world.assert_sound(outside_atoms=0)


def test_lost_readings_are_made_up_by_the_next(grid: Grid) -> None:
    """Registers are cumulative: whatever was lost between two readings, the energy is minted once."""
    grid.read(0, 0, 0)
    grid.read(9, 10, 2_000)
    expect_ok(grid.world.settle(1))
    expect_ok(grid.world.settle(1))
    assert grid.world.balance("ann") == 1_990_000


def test_guardians_stop_settlement_and_not_the_way_out(grid: Grid) -> None:
    """The bits that governance really writes are those the ledger reads, and they pass by themselves."""
    world = grid.world
    grid.read(0, 0, 0)
    grid.read(1, 0, 100)
    expect_ok(world.settle(1))
    grid.read(2, 0, 200)
    expect_ok(grid.campus.stop(MINT_SETTLE | DEPOSITS))
    expect_error(world.settle(1), "energy_token", "Paused")
    expect_ok(world.withdraw("ann", 1_000))
    expect_error(world.deposit("ann", 1_000), "energy_token", "Paused")
    grid.chain.advance(3_600)
    expect_ok(world.settle(1))
    expect_ok(world.deposit("ann", 1_000))


def test_the_council_restricts_grid(grid: Grid) -> None:
    """The transfer mode is a parameter that the council votes on; the registry says who is active."""
    world = grid.world
    grid.read(0, 0, 0)
    grid.read(1, 0, 100)
    expect_ok(world.settle(1))
    grid.campus.decide(SET_PARAM, payload_set_param(TRANSFER_MODE, 1))
    expect_ok(world.withdraw("ann", 1_000))
    assert grid.chain.data(world.token_account("ann"))[108] == 2
    expect_ok(grid.campus.set_user("status", grid.ann, SUSPENDED))
    expect_error(world.withdraw("ann", 1_000), "energy_token", "UserInactive")
