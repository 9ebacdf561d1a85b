"""What the GRID program does and refuses: settlement, debt, transfers, deposits, withdrawals, restricted mode."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from energy_token_world import (
    ACTIVE,
    AUTHORITY,
    CONFIG,
    COUNCIL,
    LEDGER_SIZE,
    MINT,
    PENDING,
    STUDENT,
    SUSPENDED,
    TRADING_AUTHORITY,
    VAULT,
    World,
    ledger_address,
    new_world,
    oracle_zone_address,
    row_address,
    slab_address,
    user_address,
    zone_address,
)
from program_harness import (
    IS_MAIN_ENVIRONMENT,
    TOKEN,
    TOKEN_PROGRAM,
    AccountMeta,
    Chain,
    Instruction,
    Outcome,
    expect_error,
    expect_ok,
    expect_shared,
    keypair,
    program_id,
)
from solders.keypair import Keypair

FREE, RESTRICTED = 0, 1
SETTLE, DEPOSITS = 2, 16
EVERY_PAUSE = 255


def refused(outcome: Outcome, name: str) -> None:
    expect_error(outcome, "energy_token", name)


@pytest.fixture
def world() -> World:
    """Zone 1 with ann's meter in slot 0 and ben, who has a row and no meter."""
    world = new_world()
    world.attach_meter(1, 1, 0, "ann")
    world.open_account(1, "ben")
    return world


# ------------------------------------------------------------------------------------------------------------ set-up


def test_initialize_makes_a_mint_only_the_program_can_use() -> None:
    """A mint with any other authority would let its holder make GRID without energy."""
    world = new_world(zones=())
    mint = world.chain.data(MINT)
    assert mint[:4] == b"\x01\0\0\0"
    assert mint[4:36] == bytes(AUTHORITY)
    assert mint[44] == 6
    assert mint[46:50] == b"\x01\0\0\0"
    assert mint[50:82] == bytes(AUTHORITY)
    vault = world.chain.data(VAULT)
    assert vault[:32] == bytes(MINT)
    assert vault[32:64] == bytes(AUTHORITY)
    config = world.config()
    assert config["council"] == bytes(COUNCIL)
    assert config["trading_authority"] == bytes(TRADING_AUTHORITY)
    assert config["oracle_program"] == bytes(program_id("oracle"))


def test_initialize_works_once() -> None:
    """A second set-up could name another oracle, and that one could say anything about energy."""
    world = new_world(zones=())
    expect_shared(world.initialize(), "ALREADY_INITIALIZED")


def test_initialize_wants_the_upgrade_authority() -> None:
    """Otherwise whoever is first after the deployment chooses the siblings."""
    world = World(Chain(["energy_token"]))
    stranger = world.chain.wallet("stranger")
    expect_shared(world.initialize({"upgrade_authority": stranger}), "NOT_UPGRADE_AUTHORITY")


def test_initialize_refuses_one_program_in_two_roles() -> None:
    """An oracle that is also the governance program would approve itself."""
    world = World(Chain(["energy_token"]))
    refused(world.initialize(oracle_program=program_id("registry")), "SiblingsNotDistinct")
    refused(world.initialize(oracle_program=program_id("energy_token")), "SiblingsNotDistinct")


def test_initialize_survives_lamports_sent_to_its_addresses_before() -> None:
    """The addresses are public: one lamport each must not block the deployment for ever."""
    world = World(Chain(["energy_token"]))
    for address in (CONFIG, MINT, VAULT):
        world.chain.fund(address, 1)
    expect_ok(world.initialize())


def test_create_zone_binds_ledger_and_slab() -> None:
    """A ledger bound to the wrong slab would pay one zone's energy to another zone's rows."""
    world = new_world(zones=(7,))
    ledger = world.ledger(7)
    assert (ledger["zone"], ledger["rows_used"], ledger["row_capacity"]) == (7, 0, 512)
    assert ledger["slab"] == bytes(slab_address(7))
    assert all(meter["row"] == 0xFFFF for meter in ledger["meters"])
    zone = world.chain.read("energy_token", "Zone", zone_address(7))
    assert (zone["zone"], zone["ledger"], zone["slab"]) == (7, bytes(ledger_address(7)), bytes(slab_address(7)))
    assert world.config()["zone_count"] == 1


def test_create_zone_wants_an_active_admin() -> None:
    """Anybody else could bind a zone to a ledger of their own choosing first."""
    world = new_world(zones=())
    for role, status in ((STUDENT, ACTIVE), (6, SUSPENDED), (6, PENDING)):
        world.put_user("admin", role=role, status=status)
        refused(world.create_zone(1), "NotAdmin")


def test_create_zone_refuses_another_admins_record() -> None:
    """A stranger who signs and shows the admin's record is no admin."""
    world = new_world(zones=())
    world.put_oracle_zone(1)
    world.put_blank_ledger(1)
    accounts = {**world.create_zone_accounts(1), "admin": world.chain.wallet("stranger")}
    refused(world.chain.call("energy_token", "create_zone", accounts, zone=1), "WrongUser")


def test_a_zone_has_one_ledger() -> None:
    """A second ledger on the same slab would mint the same energy again."""
    world = new_world(zones=(1,))
    second = keypair("second ledger").pubkey()
    world.chain.put(second, bytes(LEDGER_SIZE), program_id("energy_token"))
    accounts = {**world.create_zone_accounts(1), "ledger": second}
    refused(world.chain.call("energy_token", "create_zone", accounts, zone=1), "ZoneExists")


def test_a_ledger_serves_one_zone() -> None:
    """Re-initialising a ledger would wipe what its meters have settled, and all of it would be minted again."""
    world = new_world(zones=(1,))
    world.put_oracle_zone(2)
    accounts = {**world.create_zone_accounts(2), "ledger": ledger_address(1)}
    expect_shared(world.chain.call("energy_token", "create_zone", accounts, zone=2), "ALREADY_INITIALIZED")


def test_a_ledger_account_that_rent_would_eat_is_refused() -> None:
    """The cluster may remove an account below the rent limit, and every balance in it."""
    world = new_world(zones=())
    world.put_oracle_zone(1)
    exempt = world.chain.svm.minimum_balance_for_rent_exemption(LEDGER_SIZE)
    world.chain.put(ledger_address(1), bytes(LEDGER_SIZE), program_id("energy_token"), exempt - 1)
    accounts = world.create_zone_accounts(1)
    expect_shared(world.chain.call("energy_token", "create_zone", accounts, zone=1), "NOT_RENT_EXEMPT")
    world.chain.put(ledger_address(1), bytes(LEDGER_SIZE), program_id("energy_token"), exempt)
    expect_ok(world.chain.call("energy_token", "create_zone", accounts, zone=1))


def test_create_zone_wants_the_slab_the_oracle_names() -> None:
    """A slab of another zone, or one the oracle does not name, must not become a source of GRID."""
    world = new_world(zones=())
    world.put_oracle_zone(1)
    world.put_oracle_zone(2)
    world.put_blank_ledger(1)
    accounts = world.create_zone_accounts(1)
    call = world.chain.call
    refused(call("energy_token", "create_zone", {**accounts, "slab": slab_address(2)}, zone=1), "WrongSlab")
    wrong = {**accounts, "oracle_zone": oracle_zone_address(2)}
    refused(call("energy_token", "create_zone", wrong, zone=1), "WrongOracleZone")
    world.chain.patch(slab_address(1), 10, b"\x02")
    refused(call("energy_token", "create_zone", accounts, zone=1), "WrongSlab")
    world.chain.patch(slab_address(1), 10, b"\x01")
    ours = {**accounts, "zone_account": zone_address(2)}
    expect_shared(call("energy_token", "create_zone", ours, zone=1), "WRONG_SEEDS")


# ----------------------------------------------------------------------------------------------------- rows and meters


def test_open_account_writes_row_and_its_address(world: World) -> None:
    """A client finds the row by the address of (zone, wallet); a wrong number there would lead it to another's row."""
    row = world.open_account(1, "cyd")
    assert row == 2
    record = world.chain.read("energy_token", "Row", row_address(1, keypair("cyd").pubkey()))
    assert (record["zone"], record["row"], record["wallet"]) == (1, 2, bytes(keypair("cyd").pubkey()))
    found = world.ledger(1)["rows"][2]
    assert found["wallet"] == bytes(keypair("cyd").pubkey())
    assert found["user_number"] == world.users["cyd"]
    assert world.ledger(1)["rows_used"] == 3


def test_a_wallet_has_one_row_in_a_zone(world: World) -> None:
    """With a second row a debtor would let the debt stand in one and sell from the other."""
    refused(world.chain.call("energy_token", "open_account", world.open_account_accounts(1, "ann")), "AccountExists")


def test_open_account_wants_a_user_the_registry_has_vouched_for(world: World) -> None:
    """Rows are few; only people the registry vouches for may use one up."""
    world.put_user("cyd", status=PENDING)
    outcome = world.chain.call("energy_token", "open_account", world.open_account_accounts(1, "cyd"))
    refused(outcome, "UserInactive")


@pytest.mark.parametrize("status", [SUSPENDED, 3])
def test_open_account_is_there_for_whoever_was_suspended_or_closed_since(world: World, status: int) -> None:
    """Whoever bought on the market without ever having a row would else lose the GRID with the status."""
    world.put_user("cyd", status=status)
    expect_ok(world.chain.call("energy_token", "open_account", world.open_account_accounts(1, "cyd")))


def test_open_account_survives_lamports_at_the_address(world: World) -> None:
    """One lamport sent to somebody's future row must not keep them out of the zone."""
    world.chain.fund(row_address(1, keypair("cyd").pubkey()), 1)
    world.open_account(1, "cyd")


def test_the_513th_row_is_refused(world: World) -> None:
    """Beyond the last row lies nothing; a row written there would be another account's bytes."""
    world.chain.patch(ledger_address(1), 12, (512).to_bytes(2, "little"))
    world.put_user("cyd")
    outcome = world.chain.call("energy_token", "open_account", world.open_account_accounts(1, "cyd"))
    refused(outcome, "LedgerFull")
    world.chain.patch(ledger_address(1), 12, (511).to_bytes(2, "little"))
    accounts = world.open_account_accounts(1, "cyd") | {"payer": world.chain.wallet("cyd")}
    outcome = expect_ok(world.chain.call("energy_token", "open_account", accounts))
    assert outcome.event("AccountOpened")["row"] == 511


def test_the_last_256_rows_are_opened_by_their_users_alone(world: World) -> None:
    """Else anybody could fill a zone with people who never come, and a meter's owner would find no row."""
    world.put_user("cyd")
    accounts = world.open_account_accounts(1, "cyd")
    cyd, eve = world.chain.wallet("cyd"), world.chain.wallet("eve")

    def opened(payer: Keypair, *others: tuple[Keypair, bool]) -> Outcome:
        metas = [AccountMeta(key.pubkey(), is_signer=signs, is_writable=False) for key, signs in others]
        named = accounts | {"payer": payer}
        signers = [key for key, signs in others if signs]
        return world.chain.call("energy_token", "open_account", named, signers=signers, remaining=metas)

    world.chain.patch(ledger_address(1), 12, (256).to_bytes(2, "little"))
    before = world.chain.data(ledger_address(1))
    for others in ((), ((cyd, False),), ((eve, True),), ((eve, True), (cyd, True))):
        refused(opened(eve, *others), "OwnerMustSign")
    assert world.chain.data(ledger_address(1)) == before
    assert expect_ok(opened(eve, (cyd, True))).event("AccountOpened")["row"] == 256
    world.put_user("dan")
    accounts = world.open_account_accounts(1, "dan")
    assert expect_ok(opened(world.chain.wallet("dan"))).event("AccountOpened")["row"] == 257
    world.put_user("fay")
    accounts = world.open_account_accounts(1, "fay")
    world.chain.patch(ledger_address(1), 12, (255).to_bytes(2, "little"))
    assert expect_ok(opened(eve)).event("AccountOpened")["row"] == 255


def test_attach_meter_points_to_its_owners_row_only(world: World) -> None:
    """Anyone may call it, so no caller may choose whose row the energy goes to."""
    world.put_meter(2, 1, 1, "ben")
    accounts = world.attach_meter_accounts(2, 1)
    refused(world.chain.call("energy_token", "attach_meter", accounts, row=world.rows[1, "ann"]), "NotRowOwner")
    refused(world.chain.call("energy_token", "attach_meter", accounts, row=2), "NoSuchRow")
    refused(world.chain.call("energy_token", "attach_meter", accounts, row=0xFFFF), "NoSuchRow")
    event = expect_ok(world.chain.call("energy_token", "attach_meter", accounts, row=1)).event("MeterAttached")
    assert (event["slot"], event["meter_number"], event["row"]) == (1, 2, 1)
    refused(world.chain.call("energy_token", "attach_meter", accounts, row=1), "AlreadyAttached")


def test_attach_meter_refuses_a_slot_with_another_meter(world: World) -> None:
    """The second meter of a slot would inherit the first one's settled totals and lose energy, or gain it."""
    world.put_meter(9, 1, 0, "ben")
    outcome = world.chain.call("energy_token", "attach_meter", world.attach_meter_accounts(9, 1), row=1)
    refused(outcome, "SlotTaken")


def test_attach_meter_wants_the_oracle_to_hold_the_meter(world: World) -> None:
    """Attached before its enrolment, a slot's later meter would credit the wrong owner."""
    world.put_meter(2, 1, 1, "ben")
    world.chain.patch(slab_address(1), 160 + 144 + 112, bytes(4))
    outcome = world.chain.call("energy_token", "attach_meter", world.attach_meter_accounts(2, 1), row=1)
    refused(outcome, "MeterNotEnrolled")


def test_attach_meter_refuses_a_meter_of_another_zone(world: World) -> None:
    """Slot 3 of zone 2 is not slot 3 of zone 1."""
    expect_ok(world.create_zone(2))
    world.put_meter(2, 2, 3, "ben")
    world.chain.patch(slab_address(1), 160 + 3 * 144 + 112, (2).to_bytes(4, "little"))
    outcome = world.chain.call("energy_token", "attach_meter", world.attach_meter_accounts(2, 1), row=1)
    refused(outcome, "ZoneMismatch")


# --------------------------------------------------------------------------------------------------------- settlement


def test_export_becomes_grid(world: World) -> None:
    """1 Wh verified is 1,000 atoms for the meter's owner, no more and no less."""
    world.set_registers(1, 0, import_wh=0, export_wh=1_234)
    event = expect_ok(world.settle(1)).event("Settled")
    assert (event["minted_atoms"], event["burned_atoms"]) == (1_234_000, 0)
    assert event["changes"] == [
        {
            "slot": 0,
            "row": 0,
            "settled_import_wh": 0,
            "settled_export_wh": 1_234,
            "balance_atoms": 1_234_000,
            "debt_atoms": 0,
        }
    ]
    assert world.balance("ann") == 1_234_000
    world.assert_sound(outside_atoms=0)


def test_a_second_settlement_mints_nothing(world: World) -> None:
    """Anybody may call settle_range as often as they like; energy is paid for once."""
    world.set_registers(1, 0, import_wh=5, export_wh=50)
    expect_ok(world.settle(1))
    before = world.chain.data(ledger_address(1))
    outcome = expect_ok(world.settle(1))
    assert outcome.events() == []
    assert world.chain.data(ledger_address(1)) == before
    assert world.chain.supply(MINT) == 45_000


def test_import_burns_grid_and_the_rest_is_debt(world: World) -> None:
    """Consumption that no GRID covers is owed, not forgotten."""
    world.give(1, 0, 100)
    world.set_registers(1, 0, import_wh=130, export_wh=100)
    event = expect_ok(world.settle(1)).event("Settled")
    assert (event["burned_atoms"], event["debt_added_atoms"]) == (100_000, 30_000)
    assert (world.balance("ann"), world.debt("ann")) == (0, 30_000)
    world.assert_sound(outside_atoms=0)


def test_old_debt_is_paid_before_new_import(world: World) -> None:
    """Each burned atom is booked once: old debt first, then what was consumed now."""
    world.set_registers(1, 0, import_wh=40, export_wh=0)
    expect_ok(world.settle(1))
    world.set_registers(1, 0, import_wh=60, export_wh=50)
    event = expect_ok(world.settle(1)).event("Settled")
    assert (event["minted_atoms"], event["debt_paid_atoms"]) == (50_000, 40_000)
    assert (event["burned_atoms"], event["debt_added_atoms"]) == (50_000, 10_000)
    assert (world.balance("ann"), world.debt("ann")) == (0, 10_000)
    world.assert_sound(outside_atoms=0)


def test_incoming_grid_pays_debt_at_the_next_settlement_without_growth(world: World) -> None:
    """A debtor who buys GRID to be free again must not wait for the next kilowatt-hour."""
    world.attach_meter(2, 1, 1, "ben")
    world.give(1, 1, 70)
    world.set_registers(1, 0, import_wh=50, export_wh=0)
    expect_ok(world.settle(1))
    expect_ok(world.transfer("ben", "ann", 60_000))
    event = expect_ok(world.settle(1)).event("Settled")
    assert (event["minted_atoms"], event["burned_atoms"], event["debt_paid_atoms"]) == (0, 50_000, 50_000)
    assert (world.balance("ann"), world.debt("ann")) == (10_000, 0)
    world.assert_sound(outside_atoms=0)


def test_two_meters_of_one_owner_share_the_row(world: World) -> None:
    """The roof's export pays for the kitchen's import of the same settlement, whichever slot comes first."""
    world.attach_meter(2, 1, 1, "ann")
    world.set_registers(1, 0, import_wh=30, export_wh=0)
    world.set_registers(1, 1, import_wh=0, export_wh=100)
    expect_ok(world.settle(1))
    assert (world.balance("ann"), world.debt("ann")) == (70_000, 0)
    world.assert_sound(outside_atoms=0)


def test_unattached_and_foreign_slots_are_passed_over(world: World) -> None:
    """A slab slot whose meter nobody attached, or another meter than the attached one, credits nobody."""
    world.set_registers(1, 5, import_wh=0, export_wh=99)
    world.chain.patch(slab_address(1), 160 + 112, (77).to_bytes(4, "little"))
    world.set_registers(1, 0, import_wh=0, export_wh=99)
    assert expect_ok(world.settle(1)).events() == []
    assert world.chain.supply(MINT) == 0


def test_a_lower_accumulator_credits_nothing_and_blocks_nobody(world: World) -> None:
    """The oracle never lets one fall; if it did, one slot must not hold up the zone."""
    world.attach_meter(2, 1, 1, "ben")
    world.give(1, 0, 100)
    world.set_registers(1, 0, import_wh=0, export_wh=40)
    world.set_registers(1, 1, import_wh=0, export_wh=10)
    expect_ok(world.settle(1))
    assert (world.balance("ann"), world.balance("ben")) == (100_000, 10_000)
    world.assert_sound(outside_atoms=0)


def test_growth_beyond_32_bits_is_settled_in_steps(world: World) -> None:
    """The product with 1,000 must not wrap into a small mint; what one call leaves the next one takes."""
    grown = 2**33
    world.set_registers(1, 0, import_wh=0, export_wh=grown)
    for _ in range(3):
        expect_ok(world.settle(1))
    assert world.balance("ann") == grown * 1_000
    assert expect_ok(world.settle(1)).events() == []
    world.assert_sound(outside_atoms=0)


@pytest.mark.parametrize(("first", "count"), [(0, 0), (0, 129), (256, 1), (255, 2), (129, 128), (65_535, 1)])
def test_ranges_outside_the_slab_are_refused(world: World, first: int, count: int) -> None:
    """Slots beyond the last entry are rows' bytes, which must never be read as meters."""
    refused(world.settle(1, first, count), "RangeOutOfBounds")


def test_a_range_settles_its_slots_alone(world: World) -> None:
    """Both edges: the slot before the range and the one after it stay as they are."""
    for slot in (254, 255):
        world.attach_meter(slot, 1, slot, "ann")
        world.set_registers(1, slot, import_wh=0, export_wh=10)
    world.set_registers(1, 0, import_wh=0, export_wh=10)
    assert [c["slot"] for c in expect_ok(world.settle(1, 255, 1)).event("Settled")["changes"]] == [255]
    assert [c["slot"] for c in expect_ok(world.settle(1, 128, 128)).event("Settled")["changes"]] == [254]
    assert [c["slot"] for c in expect_ok(world.settle(1, 0, 1)).event("Settled")["changes"]] == [0]


def test_pause_of_settlement_ends_by_itself(world: World) -> None:
    """A guardian may stop minting, for a while; what was stopped is minted afterwards."""
    world.set_registers(1, 0, import_wh=0, export_wh=10)
    world.put_council(pause_mask=SETTLE, pause_until=world.chain.now_s() + 100)
    refused(world.settle(1), "Paused")
    world.chain.advance(100)
    expect_ok(world.settle(1))
    assert world.balance("ann") == 10_000


def test_the_event_of_128_meters_fits_the_log(world: World) -> None:
    """A log that is cut loses balances that no indexer can then know of."""
    for slot in range(1, 128):
        world.attach_meter(slot + 1, 1, slot, "ann")
    for slot in range(128):
        world.set_registers(1, slot, import_wh=1, export_wh=2)
    outcome = expect_ok(world.settle(1))
    event = outcome.event("Settled")
    assert [change["slot"] for change in event["changes"]] == list(range(128))
    assert event["changes"][-1]["balance_atoms"] == 128_000
    assert not any("Log truncated" in line for line in outcome.logs)
    world.assert_sound(outside_atoms=0)


def test_every_change_of_a_ledger_has_the_next_number(world: World) -> None:
    """An indexer that sees 6 after 4 knows that it missed one."""
    world.give(1, 0, 100)
    first = world.ledger(1)["seq"]
    assert expect_ok(world.transfer("ann", "ben", 1)).event("Transferred")["from_seq"] == first + 1
    assert expect_ok(world.withdraw("ann", 1)).event("Withdrawn")["seq"] == first + 2
    assert expect_ok(world.deposit("ann", 1)).event("Deposited")["seq"] == first + 3
    assert world.ledger(1)["seq"] == first + 3


# ---------------------------------------------------------------------------------------------------------- transfer


def test_transfer_moves_between_rows(world: World) -> None:
    """What one row loses the other gains, and no token moves."""
    world.give(1, 0, 10)
    event = expect_ok(world.transfer("ann", "ben", 4_000)).event("Transferred")
    assert (event["from_balance_atoms"], event["to_balance_atoms"]) == (6_000, 4_000)
    assert (world.balance("ann"), world.balance("ben")) == (6_000, 4_000)
    world.assert_sound(outside_atoms=0)


def test_transfer_crosses_zones(world: World) -> None:
    """A user with meters in two zones pays the debt in one with the surplus of the other."""
    expect_ok(world.create_zone(2))
    world.open_account(2, "ann")
    world.give(1, 0, 10)
    event = expect_ok(world.transfer("ann", "ann", 10_000, 1, 2)).event("Transferred")
    assert (event["from_zone"], event["to_zone"]) == (1, 2)
    assert (world.balance("ann", 1), world.balance("ann", 2)) == (0, 10_000)
    world.assert_sound(zones=(1, 2), outside_atoms=0)


def test_transfer_to_the_same_row_is_refused(world: World) -> None:
    """A row that pays itself must not end with more than it had."""
    world.give(1, 0, 10)
    refused(world.transfer("ann", "ann", 1_000), "SameRow")


@pytest.mark.parametrize(
    ("amount", "error"), [(0, "ZeroAmount"), (10_001, "InsufficientBalance"), (2**64 - 1, "InsufficientBalance")]
)
def test_transfer_of_nothing_or_too_much_is_refused(world: World, amount: int, error: str) -> None:
    """One atom beyond the balance would be somebody else's."""
    world.give(1, 0, 10)
    refused(world.transfer("ann", "ben", amount), error)


def test_transfer_wants_the_rows_owner(world: World) -> None:
    """A signature moves the signer's GRID only."""
    world.give(1, 0, 10)
    accounts = world.transfer_accounts("ben", "ben", 1, 1)
    outcome = world.chain.call("energy_token", "transfer", accounts, from_row=0, to_row=1, amount_atoms=1)
    refused(outcome, "NotRowOwner")


def test_transfer_goes_to_the_shown_user_and_no_other(world: World) -> None:
    """Showing an active user's record must not open the way into an inactive user's row."""
    world.give(1, 0, 10)
    world.open_account(1, "cyd")
    accounts = world.transfer_accounts("ann", "ben", 1, 1)
    outcome = world.chain.call("energy_token", "transfer", accounts, from_row=0, to_row=2, amount_atoms=1)
    refused(outcome, "NotRowOwner")
    outcome = world.chain.call("energy_token", "transfer", accounts, from_row=0, to_row=3, amount_atoms=1)
    refused(outcome, "NoSuchRow")


def test_transfer_to_an_inactive_user_is_refused(world: World) -> None:
    """A suspended user must not be paid."""
    world.give(1, 0, 10)
    world.put_user("ben", status=SUSPENDED)
    refused(world.transfer("ann", "ben", 1), "UserInactive")


def test_a_debtor_cannot_transfer_or_withdraw(world: World) -> None:
    """Otherwise a consumer would move GRID away before it is burned for what they consumed."""
    world.attach_meter(2, 1, 1, "ben")
    world.give(1, 1, 100)
    world.set_registers(1, 0, import_wh=5, export_wh=0)
    expect_ok(world.settle(1))
    expect_ok(world.transfer("ben", "ann", 50_000))
    refused(world.transfer("ann", "ben", 1), "InDebt")
    refused(world.withdraw("ann", 1), "InDebt")
    expect_ok(world.settle(1))
    expect_ok(world.transfer("ann", "ben", 45_000))


# ------------------------------------------------------------------------------------------------ deposit and withdraw


def test_withdraw_and_deposit_are_inverse(world: World) -> None:
    """GRID in a wallet is the same GRID."""
    world.give(1, 0, 10)
    event = expect_ok(world.withdraw("ann", 7_000)).event("Withdrawn")
    assert event["balance_atoms"] == 3_000
    assert world.chain.token_amount(world.token_account("ann")) == 7_000
    world.assert_sound(outside_atoms=7_000)
    event = expect_ok(world.deposit("ann", 7_000)).event("Deposited")
    assert event["balance_atoms"] == 10_000
    world.assert_sound(outside_atoms=0)


@pytest.mark.parametrize(("amount", "error"), [(0, "ZeroAmount"), (10_001, "InsufficientBalance")])
def test_withdraw_of_nothing_or_too_much_is_refused(world: World, amount: int, error: str) -> None:
    """The vault holds everybody's GRID; one atom too much is another row's."""
    world.give(1, 0, 10)
    refused(world.withdraw("ann", amount), error)


def test_withdraw_and_deposit_want_the_rows_owner(world: World) -> None:
    """A signature opens the signer's row only."""
    world.give(1, 0, 10)
    for name in ("withdraw", "deposit"):
        accounts = world.wallet_accounts("ben", 1)
        refused(world.chain.call("energy_token", name, accounts, row=0, amount_atoms=1), "NotRowOwner")
        refused(world.chain.call("energy_token", name, accounts, row=2, amount_atoms=1), "NoSuchRow")


def test_withdraw_goes_to_the_owners_account_only(world: World) -> None:
    """GRID leaves a row for its owner's wallet; the rest is what transfer is for."""
    world.give(1, 0, 10)
    refused(world.withdraw("ann", 1, token_account=world.token_account("ben")), "TokenAccountNotOwned")
    refused(world.withdraw("ann", 1, token_account=VAULT), "TokenAccountNotOwned")


def test_deposit_takes_from_the_owners_account_only(world: World) -> None:
    """A delegate of somebody's account must not book that GRID as their own."""
    world.give(1, 0, 10)
    expect_ok(world.withdraw("ann", 5_000))
    refused(world.deposit("ben", 1, token_account=world.token_account("ann")), "TokenAccountNotOwned")


def test_deposit_of_more_than_the_account_has_fails_whole(world: World) -> None:
    """The row must not be credited when the token program refuses."""
    world.give(1, 0, 10)
    expect_ok(world.withdraw("ann", 1_000))
    assert not world.deposit("ann", 1_001).ok
    refused(world.deposit("ann", 0), "ZeroAmount")
    world.assert_sound(outside_atoms=1_000)


def test_tokens_of_another_mint_are_refused(world: World) -> None:
    """A worthless token deposited as GRID would be withdrawn as the real one."""
    fake = world.chain.put_mint(keypair("fake mint").pubkey(), keypair("ann").pubkey(), supply=10**9)
    account = keypair("ann's fakes").pubkey()
    world.chain.put_token_account(account, fake, keypair("ann").pubkey(), 10**9)
    expect_shared(world.deposit("ann", 10**9, token_account=account), "WRONG_TOKEN_ACCOUNT")
    expect_shared(world.deposit("ann", 10**9, token_account=account, mint=fake), "WRONG_ADDRESS")


def test_a_debtor_may_deposit(world: World) -> None:
    """Paying in is how one gets out of debt."""
    world.give(1, 0, 10)
    expect_ok(world.withdraw("ann", 10_000))
    world.set_registers(1, 0, import_wh=8, export_wh=10)
    expect_ok(world.settle(1))
    expect_ok(world.deposit("ann", 10_000))
    expect_ok(world.settle(1))
    assert (world.balance("ann"), world.debt("ann")) == (2_000, 0)
    world.assert_sound(outside_atoms=0)


def test_a_pause_stops_deposits_and_transfers_but_never_a_withdrawal(world: World) -> None:
    """A stopped market must not be a trap: what is mine can leave under every pause."""
    world.give(1, 0, 10)
    world.put_council(pause_mask=EVERY_PAUSE, pause_until=2**60)
    expect_ok(world.withdraw("ann", 1_000))
    refused(world.deposit("ann", 1_000), "Paused")
    refused(world.transfer("ann", "ben", 1_000), "Paused")
    world.put_council(pause_mask=EVERY_PAUSE ^ DEPOSITS, pause_until=2**60)
    expect_ok(world.transfer("ann", "ben", 1_000))
    expect_ok(world.deposit("ann", 1_000))


@pytest.mark.parametrize("mask", range(32))
def test_withdraw_works_under_every_pause_mask(world: World, mask: int) -> None:
    """No combination of bits may hold what somebody owns."""
    world.give(1, 0, 1)
    world.put_council(pause_mask=mask, pause_until=2**60)
    expect_ok(world.withdraw("ann", 1_000))


def test_grid_sent_straight_to_the_vault_is_nobodys(world: World) -> None:
    """A gift to the vault raises no row, and breaks no later instruction."""
    world.give(1, 0, 10)
    world.chain.patch(VAULT, 64, (10_000 + 500).to_bytes(8, "little"))
    expect_ok(world.withdraw("ann", 10_000))
    assert world.chain.token_amount(VAULT) == 500
    assert world.balance("ann") == 0


def test_a_vault_that_holds_too_little_stops_everything(world: World) -> None:
    """If tokens were ever missing, paying the first who asks would leave the others with nothing."""
    world.give(1, 0, 11)
    expect_ok(world.withdraw("ann", 1_000))
    world.chain.patch(VAULT, 64, (9_999).to_bytes(8, "little"))
    refused(world.withdraw("ann", 1), "VaultShort")
    refused(world.deposit("ann", 1), "VaultShort")
    world.set_registers(1, 0, import_wh=0, export_wh=12)
    refused(world.settle(1), "VaultShort")


# ---------------------------------------------------------------------------------------------------- restricted mode


def test_restricted_withdraw_leaves_the_account_frozen(world: World) -> None:
    """In restricted mode GRID moves by this program alone: whatever reaches a wallet stays there."""
    world.give(1, 0, 10)
    world.put_council(transfer_mode=RESTRICTED)
    account = world.token_account("ann")
    for _ in range(2):
        expect_ok(world.withdraw("ann", 2_000))
        assert world.chain.data(account)[108] == 2
    assert world.chain.token_amount(account) == 4_000
    expect_ok(world.deposit("ann", 3_000))
    assert world.chain.data(account)[108] == 2
    assert world.chain.token_amount(account) == 1_000
    world.assert_sound(outside_atoms=1_000)


def test_restricted_mode_is_for_active_users(world: World) -> None:
    """A suspended user's GRID stays in the ledger while the mode is restricted, and leaves in free mode."""
    world.give(1, 0, 10)
    expect_ok(world.withdraw("ann", 1_000))
    world.put_council(transfer_mode=RESTRICTED)
    world.put_user("ann", status=SUSPENDED)
    refused(world.withdraw("ann", 1_000), "UserInactive")
    refused(world.deposit("ann", 1_000), "UserInactive")
    refused(world.withdraw("ann", 1_000, user=user_address(keypair("ben").pubkey())), "WrongUser")
    world.put_council(transfer_mode=FREE)
    expect_ok(world.withdraw("ann", 1_000))


def test_a_suspended_sender_cannot_transfer_in_restricted_mode(world: World) -> None:
    """A withdrawal that is refused must not succeed by way of a friend's row."""
    world.give(1, 0, 10)
    world.put_council(transfer_mode=RESTRICTED)
    expect_ok(world.transfer("ann", "ben", 1_000))
    world.put_user("ann", status=SUSPENDED)
    refused(world.transfer("ann", "ben", 1_000), "UserInactive")
    accounts = {
        **world.transfer_accounts("ann", "ben", 1, 1),
        "from_user": user_address(keypair("ben").pubkey()),
    }
    outcome = world.chain.call("energy_token", "transfer", accounts, from_row=0, to_row=1, amount_atoms=1)
    refused(outcome, "WrongUser")
    world.put_council(transfer_mode=FREE)
    expect_ok(world.transfer("ann", "ben", 1_000))


def test_restricted_mode_refuses_accounts_others_can_move_or_close(world: World) -> None:
    """A delegate or a close authority would carry GRID past the freeze."""
    world.give(1, 0, 10)
    world.put_council(transfer_mode=RESTRICTED)
    stranger = keypair("stranger").pubkey()
    for option, error in (("delegate", "TokenAccountDelegated"), ("close_authority", "TokenAccountHasCloseAuthority")):
        world.token_account("ann", **{option: stranger})
        refused(world.withdraw("ann", 1), error)
        world.put_council(transfer_mode=FREE)
        expect_ok(world.withdraw("ann", 1))
        world.put_council(transfer_mode=RESTRICTED)


def test_restricted_mode_lets_grid_come_back_from_an_account_with_a_delegate(world: World) -> None:
    """A frozen account cannot revoke its delegate, so refusing the deposit would hold the owner's GRID until the mode changes."""
    world.give(1, 0, 10)
    expect_ok(world.withdraw("ann", 4_000))
    account, owner = world.token_account("ann"), world.chain.wallet("ann")
    own, sign = AccountMeta(account, False, True), AccountMeta(owner.pubkey(), True, False)
    approve = b"\x04" + (4_000).to_bytes(8, "little")
    stranger = AccountMeta(keypair("stranger").pubkey(), False, False)
    expect_ok(world.chain.send(Instruction(TOKEN, approve, [own, stranger, sign]), signers=[owner]))
    world.put_council(transfer_mode=RESTRICTED)
    expect_ok(world.deposit("ann", 1_000))  # leaves it frozen, as the sweep does
    assert not world.chain.send(Instruction(TOKEN, b"\x05", [own, sign]), signers=[owner]).ok  # Revoke
    expect_ok(world.deposit("ann", 3_000))
    assert world.chain.token_amount(account) == 0
    assert world.chain.data(account)[108] == 2
    world.assert_sound(outside_atoms=0)


def test_free_mode_thaws_what_restricted_mode_froze(world: World) -> None:
    """After the switch back nobody's GRID may stay locked until somebody sweeps it."""
    world.give(1, 0, 10)
    world.put_council(transfer_mode=RESTRICTED)
    expect_ok(world.withdraw("ann", 2_000))
    world.put_council(transfer_mode=FREE)
    expect_ok(world.withdraw("ann", 1_000))
    assert world.chain.data(world.token_account("ann"))[108] == 1


def test_sync_freeze_follows_the_mode(world: World, record_units: Callable[[str, Outcome], Outcome]) -> None:
    """The sweep that completes a switch of mode is anybody's to do and can do nothing else."""
    account = world.token_account("ann")
    accounts = {
        "council": COUNCIL,
        "config": CONFIG,
        "token_account": account,
        "mint": MINT,
        "authority": AUTHORITY,
        "token_program": TOKEN,
    }
    refused(world.chain.call("energy_token", "sync_freeze", accounts), "AlreadyInLine")
    world.put_council(transfer_mode=RESTRICTED)
    synced = record_units("energy_token.sync_freeze", world.chain.call("energy_token", "sync_freeze", accounts))
    assert synced.event("FreezeSynced")["frozen"]
    assert world.chain.data(account)[108] == 2
    refused(world.chain.call("energy_token", "sync_freeze", accounts), "AlreadyInLine")
    world.put_council(transfer_mode=FREE)
    expect_ok(world.chain.call("energy_token", "sync_freeze", accounts))
    assert world.chain.data(account)[108] == 1


def test_the_vaults_are_never_frozen(world: World) -> None:
    """A frozen vault would stop every withdrawal, which nothing may."""
    world.put_council(transfer_mode=RESTRICTED)
    market_vault = keypair("a market vault").pubkey()
    world.chain.put_token_account(market_vault, MINT, TRADING_AUTHORITY)
    for account in (VAULT, market_vault):
        accounts = {
            "council": COUNCIL,
            "config": CONFIG,
            "token_account": account,
            "mint": MINT,
            "authority": AUTHORITY,
            "token_program": TOKEN,
        }
        refused(world.chain.call("energy_token", "sync_freeze", accounts), "ExemptAccount")


# -------------------------------------------------------------------------------------------------------- listing rule


def test_listing_rule_is_the_owners(world: World) -> None:
    """Somebody else's rule would sell my kilowatt-hours at their price."""
    accounts = {"owner": world.chain.wallet("ann"), "ledger": ledger_address(1)}
    rule = {"enabled": True, "keep_atoms": 5_000, "reserve_ticks": 1_200}
    event = expect_ok(world.chain.call("energy_token", "set_listing_rule", accounts, row=0, **rule)).event(
        "ListingRuleSet"
    )
    assert {key: event[key] for key in rule} == rule
    row = world.row("ann")
    assert (row["flags"], row["keep_atoms"], row["reserve_ticks"]) == (1, 5_000, 1_200)
    refused(world.chain.call("energy_token", "set_listing_rule", accounts, row=1, **rule), "NotRowOwner")
    refused(world.chain.call("energy_token", "set_listing_rule", accounts, row=2, **rule), "NoSuchRow")
    off = {**rule, "enabled": False}
    expect_ok(world.chain.call("energy_token", "set_listing_rule", accounts, row=0, **off))
    assert world.row("ann")["flags"] == 0


# -------------------------------------------------------------------------------------------------------- compute units


def meters(world: World, count: int) -> None:
    """Attach further meters of ann until the first `count` slots have one."""
    for slot in range(1, count):
        world.attach_meter(slot + 1, 1, slot, "ann")


def test_units_of_settling_64_meters(world: World, record_units: Callable[[str, Outcome], Outcome]) -> None:
    """300 of our units a meter, two calls and the event included; the token program's part does not grow with meters."""
    meters(world, 64)
    for slot in range(64):
        world.set_registers(1, slot, import_wh=100 + slot, export_wh=900 + slot)
    outcome = record_units("energy_token.settle_range.64", world.settle(1, 0, 64))
    assert outcome.own_units()[0] <= 300 * 64
    record_units("energy_token.settle_range.64_idle", world.settle(1, 0, 64))


def test_units_of_settling_128_meters(world: World, record_units: Callable[[str, Outcome], Outcome]) -> None:
    """The longest range costs 300 units a meter with the token program's part, and fits the default limit of 200,000."""
    meters(world, 128)
    for slot in range(128):
        world.set_registers(1, slot, import_wh=100 + slot, export_wh=900 + slot)
    outcome = record_units("energy_token.settle_range.128", world.settle(1, 0, 128))
    assert sum(outcome.own_units()) <= 300 * 128


def test_units_of_one_empty_slot(world: World, record_units: Callable[[str, Outcome], Outcome]) -> None:
    """What a call costs that finds nothing to do."""
    record_units("energy_token.settle_range.empty_128", world.settle(1, 128, 128))
    world.set_registers(1, 0, import_wh=0, export_wh=1)
    record_units("energy_token.settle_range.1", world.settle(1, 0, 1))


def test_units_of_the_everyday_instructions(world: World, record_units: Callable[[str, Outcome], Outcome]) -> None:
    """A rise here is paid by every user, each time."""
    world.give(1, 0, 100)
    record_units("energy_token.transfer", world.transfer("ann", "ben", 1_000))
    record_units("energy_token.withdraw.free", world.withdraw("ann", 5_000))
    record_units("energy_token.deposit.free", world.deposit("ann", 1_000))
    world.put_council(transfer_mode=RESTRICTED)
    expect_ok(world.withdraw("ann", 1))
    restricted = record_units("energy_token.withdraw.restricted", world.withdraw("ann", 1_000))
    is_p_token = TOKEN_PROGRAM or not IS_MAIN_ENVIRONMENT
    assert sum(restricted.own_units()) <= (4_500 if is_p_token else 18_000)
    record_units("energy_token.deposit.restricted", world.deposit("ann", 1_000))
    accounts = {"owner": world.chain.wallet("ann"), "ledger": ledger_address(1)}
    rule = {"row": 0, "enabled": True, "keep_atoms": 0, "reserve_ticks": 900}
    record_units(
        "energy_token.set_listing_rule", world.chain.call("energy_token", "set_listing_rule", accounts, **rule)
    )


def test_units_of_set_up(record_units: Callable[[str, Outcome], Outcome]) -> None:
    """Seldom paid; recorded so that a change is seen."""
    world = World(Chain(["energy_token"]))
    world.put_council()
    world.put_user("admin", role=6)
    record_units("energy_token.initialize", world.initialize())
    record_units("energy_token.create_zone", world.create_zone(1))
    world.put_user("ann")
    accounts = world.open_account_accounts(1, "ann")
    record_units("energy_token.open_account", world.chain.call("energy_token", "open_account", accounts))
    world.put_meter(1, 1, 0, "ann")
    accounts = world.attach_meter_accounts(1, 1)
    record_units("energy_token.attach_meter", world.chain.call("energy_token", "attach_meter", accounts, row=0))
