"""The registry: who may register what, and which records can never be changed."""

from __future__ import annotations

import hashlib

import pytest
from campus import (
    ACTIVE,
    ADMIN,
    AUDITOR,
    CLOSED,
    COUNCIL,
    FACILITIES,
    GENESIS,
    OPERATOR,
    PENDING,
    READINGS,
    REGISTRY_CONFIG,
    RETIRED,
    STOP_LENGTH_S,
    STUDENT,
    SUSPENDED,
    Campus,
    device_key,
    key_record_address,
    meter_address,
    meter_id,
    network_tag,
    possession_proof,
    user_address,
    zone_address,
)
from program_harness import (
    START_S,
    Chain,
    Outcome,
    expect_error,
    expect_ok,
    expect_shared,
    pda,
    program_id,
    with_slot,
)
from solders.keypair import Keypair

NOW = START_S // 900


@pytest.fixture
def alice(campus: Campus) -> Keypair:
    """An active student with a funded wallet."""
    return campus.user("alice")


def user(campus: Campus, wallet: Keypair) -> dict:
    """Return a user's fields."""
    return campus.chain.read("registry", "User", user_address(wallet))


def meter(campus: Campus, name: str) -> dict:
    """Return a meter's fields."""
    return campus.chain.read("registry", "Meter", meter_address(name))


# ---------------------------------------------------------------------------------------------------------- initialize


def test_initialize_creates_the_configuration_and_the_first_admin(chain: Chain, record_units) -> None:
    """The network tag decides which readings count anywhere; the first admin is the root of all authority."""
    campus = Campus.of(chain)
    expect_ok(campus.initialize_governance())
    outcome = record_units("registry.initialize", campus.initialize_registry())
    config = chain.read("registry", "Config", REGISTRY_CONFIG)
    assert config["network_tag"] == network_tag()
    assert config["council"] == bytes(COUNCIL)
    assert config["governance_program"] == bytes(program_id("governance"))
    assert config["oracle_program"] == bytes(program_id("oracle"))
    assert config["genesis_hash"] == GENESIS
    assert (config["user_count"], config["meter_count"]) == (1, 0)
    admin = user(campus, campus.admin)
    assert (admin["role"], admin["status"], admin["user_number"]) == (ADMIN, ACTIVE, 1)
    assert [event.name for event in outcome.events()] == ["ConfigCreated", "UserRegistered"]


def test_the_registry_is_set_up_once_and_by_the_upgrade_authority_alone(campus: Campus, chain: Chain) -> None:
    """A second initialize would make another admin; a foreign one would make a thief admin."""
    thief = chain.wallet("thief")
    expect_shared(campus.initialize_registry(), "ALREADY_INITIALIZED")
    mine = {"admin": thief, "admin_user": user_address(thief)}
    expect_shared(campus.initialize_registry(mine), "ALREADY_INITIALIZED")
    fresh = Campus.of(Chain(["registry"]))
    expect_shared(fresh.initialize_registry({"upgrade_authority": thief}), "NOT_UPGRADE_AUTHORITY")


def test_the_council_must_be_that_of_the_governance_program(chain: Chain) -> None:
    """A council of another program would never be paused by ours."""
    campus = Campus.of(chain)
    other = pda("registry", b"council")
    expect_shared(campus.initialize_registry({"council": other}), "WRONG_SEEDS")


# --------------------------------------------------------------------------------------------------------------- users


def test_an_operator_registers_users_below_its_own_rank(campus: Campus, record_units) -> None:
    """Enrolling students is daily work; making operators is not."""
    wallet = campus.chain.wallet("bob")
    outcome = record_units("registry.register_user", campus.register_user(wallet, FACILITIES, PENDING, campus.operator))
    bob = user(campus, wallet)
    assert (bob["role"], bob["status"], bob["user_number"]) == (FACILITIES, PENDING, 3)
    assert bob["wallet"] == bytes(wallet.pubkey())
    assert (bob["registered_at"], bob["updated_at"]) == (START_S, START_S)
    assert outcome.event("UserRegistered")["authority"] == bytes(campus.operator.pubkey())
    for role in (OPERATOR, AUDITOR, ADMIN):
        outcome = campus.register_user(campus.chain.wallet("eve"), role, ACTIVE, campus.operator)
        expect_error(outcome, "registry", "BadRole")
    expect_error(campus.register_user(campus.chain.wallet("eve"), 7), "registry", "BadRole")


@pytest.mark.parametrize("status", [SUSPENDED, CLOSED, 4, 255])
def test_a_user_begins_pending_or_active(campus: Campus, status: int) -> None:
    """A user who begins in another state has a history that never was."""
    expect_error(campus.register_user(campus.chain.wallet("bob"), STUDENT, status), "registry", "BadStatus")


def test_a_wallet_is_registered_once(campus: Campus, alice: Keypair) -> None:
    """A second record could wash off a suspension."""
    expect_shared(campus.register_user(alice), "ALREADY_INITIALIZED")


def test_lamports_sent_ahead_do_not_block_a_registration(campus: Campus, record_units) -> None:
    """Otherwise anybody could keep anybody out for one lamport."""
    wallet = campus.chain.wallet("bob")
    campus.chain.fund(user_address(wallet), 1)
    record_units("registry.register_user.prefunded", campus.register_user(wallet))
    rich = campus.chain.wallet("carol")
    campus.chain.fund(user_address(rich), 10**10)
    expect_ok(campus.register_user(rich))
    assert user(campus, rich)["wallet"] == bytes(rich.pubkey())


def test_students_suspended_operators_and_strangers_have_no_authority(campus: Campus, alice: Keypair) -> None:
    """Each way of not being staff is refused for each thing staff does."""
    stranger = campus.chain.wallet("stranger")
    suspended = campus.user("suspended operator", OPERATOR)
    expect_ok(campus.set_user("status", suspended, SUSPENDED))
    expect_ok(campus.register_meter("m1", alice))
    bob = campus.chain.wallet("bob")
    for actor in (alice, suspended):
        outcomes = [
            campus.register_user(bob, STUDENT, ACTIVE, actor),
            campus.set_user("role", alice if actor is suspended else suspended, FACILITIES, actor),
            campus.set_user("status", alice if actor is suspended else suspended, SUSPENDED, actor),
            campus.create_zone(2, authority=actor),
            campus.register_meter("m2", alice, authority=actor),
            campus.activate_meter("m1", alice, actor),
            campus.suspend_meter("m1", actor),
            campus.retire_meter("m1", actor),
            campus.swap_meter("m1", actor),
            campus.swap_meter("m1", campus.admin, actor),
        ]
        for outcome in outcomes:
            expect_error(outcome, "registry", "Unauthorized")
    # A stranger has no record of his own and shows the admin's.
    shown = {"authority": stranger, "authority_user": user_address(campus.admin)}
    accounts = shown | {"payer": campus.chain.payer, "config": REGISTRY_CONFIG, "zone": zone_address(2)}
    outcome = campus.chain.call("registry", "create_zone", accounts, zone=2, capacity=1)
    expect_error(outcome, "registry", "Unauthorized")


def test_an_operator_cannot_do_what_is_an_admins(campus: Campus, alice: Keypair) -> None:
    """Zones, roles and closing are an admin's; an operator touches nobody of its own rank or above."""
    other = campus.user("other operator", OPERATOR)
    for outcome in (
        campus.create_zone(2, authority=campus.operator),
        campus.set_user("role", alice, FACILITIES, campus.operator),
        campus.close_user(alice, campus.operator),
        campus.set_user("status", other, SUSPENDED, campus.operator),
        campus.set_user("status", campus.admin, SUSPENDED, campus.operator),
    ):
        expect_error(outcome, "registry", "Unauthorized")


def test_nobody_changes_their_own_record(campus: Campus) -> None:
    """So the last admin cannot lock the campus out, and an operator cannot rise."""
    for what, value in (("role", STUDENT), ("status", SUSPENDED)):
        expect_error(campus.set_user(what, campus.admin, value), "registry", "OwnRecord")
    expect_error(campus.set_user("role", campus.operator, ADMIN, campus.operator), "registry", "OwnRecord")


def test_roles_change_by_an_admin(campus: Campus, alice: Keypair, record_units) -> None:
    """A student becomes an operator and has its power from then on."""
    outcome = record_units("registry.set_role", campus.set_user("role", alice, OPERATOR))
    assert outcome.event("UserRoleChanged")["old_role"] == STUDENT
    expect_ok(campus.register_user(campus.chain.wallet("bob"), STUDENT, ACTIVE, alice))
    expect_error(campus.set_user("role", alice, 7), "registry", "BadRole")


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ([PENDING], [PENDING, CLOSED, 4, 255]),
        ([PENDING, ACTIVE], [PENDING, ACTIVE, CLOSED]),
        ([PENDING, SUSPENDED], [PENDING, SUSPENDED]),
        ([PENDING, ACTIVE, SUSPENDED, ACTIVE], [PENDING, ACTIVE]),
    ],
)
def test_a_users_status_goes_only_where_it_may(campus: Campus, path: list[int], refused: list[int]) -> None:
    """Each step a user can make, and each that does not exist."""
    wallet = campus.chain.wallet("bob")
    expect_ok(campus.register_user(wallet, STUDENT, path[0]))
    for status in path[1:]:
        expect_ok(campus.set_user("status", wallet, status, campus.operator))
    for status in refused:
        expect_error(campus.set_user("status", wallet, status), "registry", "BadStatus")
    assert user(campus, wallet)["status"] == path[-1]


def test_a_user_is_suspended(campus: Campus, alice: Keypair, record_units) -> None:
    """The event is the audit trail: who did it, from what to what."""
    outcome = record_units("registry.set_user_status", campus.set_user("status", alice, SUSPENDED))
    assert outcome.event("UserStatusChanged") == {
        "wallet": bytes(alice.pubkey()),
        "old_status": ACTIVE,
        "new_status": SUSPENDED,
        "authority": bytes(campus.admin.pubkey()),
    }


def test_a_closed_user_stays_closed_and_is_forgotten(campus: Campus, alice: Keypair, record_units) -> None:
    """A closed account that opens again is an identity somebody else may take over."""
    assert user(campus, alice)["personal_hash"] != bytes(32)
    outcome = record_units("registry.close_user", campus.close_user(alice))
    assert outcome.event("UserClosed") == {
        "wallet": bytes(alice.pubkey()),
        "old_status": ACTIVE,
        "authority": bytes(campus.admin.pubkey()),
    }
    assert user(campus, alice)["status"] == CLOSED
    assert user(campus, alice)["personal_hash"] == bytes(32)
    for what, value in (("status", ACTIVE), ("status", SUSPENDED), ("role", ADMIN)):
        expect_error(campus.set_user(what, alice, value), "registry", "TerminalStatus")
    for authority in (None, alice):
        expect_error(campus.close_user(alice, authority), "registry", "TerminalStatus")
    expect_shared(campus.register_user(alice), "ALREADY_INITIALIZED")


def test_everybody_but_an_admin_closes_their_own_record(campus: Campus, alice: Keypair) -> None:
    """A person may leave; the last admin may not, because nobody could follow."""
    bob = campus.user("bob")
    expect_error(campus.close_user(bob, alice), "registry", "Unauthorized")
    expect_error(campus.close_user(bob, campus.operator), "registry", "Unauthorized")
    expect_error(campus.close_user(campus.admin, campus.admin), "registry", "OwnRecord")
    expect_ok(campus.set_user("status", alice, SUSPENDED))
    expect_ok(campus.close_user(alice, alice))
    expect_ok(campus.close_user(campus.operator, campus.operator))
    stranger = {"authority": bob, "authority_user": user_address(campus.admin), "user": user_address(campus.admin)}
    expect_error(campus.chain.call("registry", "close_user", stranger), "registry", "Unauthorized")


# --------------------------------------------------------------------------------------------------------------- zones


def test_a_zone_gives_out_its_slots_once(campus: Campus, alice: Keypair, record_units) -> None:
    """Two meters in one slot would share a register."""
    outcome = record_units("registry.create_zone", campus.create_zone(7, capacity=2))
    assert outcome.event("ZoneCreated") == {"zone": 7, "capacity": 2}
    for slot, name in enumerate(("a", "b")):
        registered = expect_ok(campus.register_meter(name, alice, 7)).event("MeterRegistered")
        assert (registered["zone"], registered["slot"]) == (7, slot)
    expect_error(campus.register_meter("c", alice, 7), "registry", "ZoneFull")
    expect_ok(campus.retire_meter("a"))
    expect_error(campus.register_meter("c", alice, 7), "registry", "ZoneFull")


@pytest.mark.parametrize(("capacity", "fits"), [(0, False), (1, True), (256, True), (257, False), (65_535, False)])
def test_a_zone_has_as_many_slots_as_a_slab(campus: Campus, capacity: int, fits: bool) -> None:
    """Both sides of both edges; slot 256 would lie behind the oracle's slab."""
    outcome = campus.create_zone(9, capacity)
    if fits:
        expect_ok(outcome)
        expect_shared(campus.create_zone(9, capacity), "ALREADY_INITIALIZED")
    else:
        expect_error(outcome, "registry", "BadZone")


# -------------------------------------------------------------------------------------------------------------- meters


def test_a_meter_is_registered_with_a_proven_key(campus: Campus, alice: Keypair, record_units) -> None:
    """What the oracle will believe is exactly what owner, device and operator agreed on."""
    outcome = record_units("registry.register_meter", campus.register_meter("m1", alice))
    record = meter(campus, "m1")
    key = bytes(device_key("m1").verify_key)
    assert record["status"] == PENDING
    assert record["meter_number"] == 1
    assert record["meter_id"] == meter_id("m1")
    assert record["owner"] == bytes(alice.pubkey())
    assert (record["zone"], record["slot"]) == (1, 0)
    assert (record["capacity_w"], record["max_wh_interval"]) == (10_000, 3_000)
    assert (record["key_epoch"], record["register_epoch"]) == (0, 0)
    assert record["keys"][0] == {"key": key, "first_interval": NOW - 200, "epoch": 0, "flags": 0}
    assert record["keys"][1]["key"] == bytes(32)
    assert outcome.event("MeterRegistered")["device_key"] == key
    assert expect_ok(campus.register_meter("m2", alice)).event("MeterRegistered")["meter_number"] == 2


def test_a_meter_id_has_one_owner_for_ever(campus: Campus, alice: Keypair) -> None:
    """Two owners of one meter would both be paid for its energy; not even retiring frees the id."""
    bob = campus.user("bob")
    expect_ok(campus.register_meter("m1", alice))
    expect_shared(campus.register_meter("m1", bob), "ALREADY_INITIALIZED")
    expect_ok(campus.retire_meter("m1"))
    expect_shared(campus.register_meter("m1", bob), "ALREADY_INITIALIZED")


def test_a_key_without_possession_is_refused(campus: Campus, alice: Keypair) -> None:
    """A proof counts for one network, owner, meter and key; each of the four replaced must fail."""
    bob = campus.user("bob")
    good, other = device_key("m1"), device_key("other")
    proofs = {
        "another device": possession_proof(other, alice.pubkey(), meter_id("m1")),
        "another owner": possession_proof(good, bob.pubkey(), meter_id("m1")),
        "another meter": possession_proof(good, alice.pubkey(), meter_id("m2")),
        "another network": possession_proof(good, alice.pubkey(), meter_id("m1"), tag=b"\0\0\0\0"),
        "nothing": bytes(64),
    }
    for proof in proofs.values():
        expect_error(campus.register_meter("m1", alice, proof=proof), "registry", "BadPossessionProof")
    flipped = bytearray(possession_proof(good, alice.pubkey(), meter_id("m1")))
    flipped[40] ^= 1
    expect_error(campus.register_meter("m1", alice, proof=bytes(flipped)), "registry", "BadPossessionProof")


@pytest.mark.parametrize("key", [bytes(32), b"\x01" + bytes(31), bytes([0xEC]) + bytes([0xFF]) * 30 + b"\x7f"])
def test_a_key_of_small_order_is_refused(campus: Campus, alice: Keypair, key: bytes) -> None:
    """Under such a key one signature fits every message: R = the key itself and s = 0."""
    outcome = campus.register_meter("m1", alice, device_key=key, proof=key + bytes(32))
    expect_error(outcome, "registry", "BadPossessionProof")


def test_owner_and_staff_must_both_sign(campus: Campus, alice: Keypair) -> None:
    """Neither enrols a meter in the other's name."""
    for slot in ("authority", "owner"):
        expect_shared(_register_without_signature(campus, alice, slot), "NOT_SIGNER")


def _register_without_signature(campus: Campus, owner: Keypair, slot: str) -> Outcome:
    chain = campus.chain
    accounts = campus.as_authority(campus.operator) | {
        "owner": owner,
        "owner_user": user_address(owner),
        "payer": chain.payer,
        "council": COUNCIL,
        "config": REGISTRY_CONFIG,
        "zone": zone_address(1),
        "meter": meter_address("m1"),
        "key_record": key_record_address(bytes(device_key("m1").verify_key)),
    }
    built = chain.instruction(
        "registry",
        "register_meter",
        accounts,
        meter_id=meter_id("m1"),
        kind=0,
        capacity_w=100,
        max_wh_interval=50,
        first_interval=NOW,
        device_key=bytes(device_key("m1").verify_key),
        proof=possession_proof(device_key("m1"), owner.pubkey(), meter_id("m1")),
        location_hash=bytes(32),
        serial_hash=bytes(32),
    )
    return chain.send(with_slot(built, slot, signer=False), signers=[owner, campus.operator])


def test_an_inactive_owner_gets_no_meter(campus: Campus, alice: Keypair) -> None:
    """Nor does the record of somebody else stand in for the owner's."""
    bob = campus.chain.wallet("bob")
    expect_ok(campus.register_user(bob, STUDENT, PENDING))
    expect_error(campus.register_meter("m1", bob), "registry", "UserInactive")
    shown = {"owner_user": user_address(alice)}
    expect_error(campus.register_meter("m1", bob, accounts=shown), "registry", "UserInactive")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"kind": 3}, "BadMeterKind"),
        ({"max_wh_interval": 0}, "BadCapacity"),
        ({"max_wh_interval": 5_001}, "BadCapacity"),
        ({"capacity_w": 1, "max_wh_interval": 1}, "BadCapacity"),
        ({"first_interval": NOW + 2_977}, "BadFirstInterval"),
        ({"max_wh_interval": 5_000}, None),
        ({"first_interval": NOW + 2_976}, None),
        ({"first_interval": NOW - 2_976}, None),
        ({"first_interval": NOW - 2_977}, "BadFirstInterval"),
        ({"first_interval": 0}, "BadFirstInterval"),
        ({"kind": 0}, None),
    ],
)
def test_a_meters_limits_are_sane(campus: Campus, alice: Keypair, changes: dict, error: str | None) -> None:
    """Both sides of each edge; a limit that is too wide lets a broken meter mint a power plant."""
    outcome = campus.register_meter("m1", alice, **changes)
    if error is None:
        expect_ok(outcome)
    else:
        expect_error(outcome, "registry", error)


def test_a_meter_goes_through_its_life(campus: Campus, alice: Keypair, record_units) -> None:
    """Pending, active, suspended, active, retired; no other step exists and the last is final."""
    expect_ok(campus.register_meter("m1", alice))
    expect_error(campus.suspend_meter("m1"), "registry", "BadStatus")
    record_units("registry.activate_meter", campus.activate_meter("m1", alice))
    expect_error(campus.activate_meter("m1", alice), "registry", "BadStatus")
    suspended = record_units("registry.suspend_meter", campus.suspend_meter("m1")).event("MeterStatusChanged")
    assert (suspended["old_status"], suspended["new_status"]) == (ACTIVE, SUSPENDED)
    expect_ok(campus.activate_meter("m1", alice))
    retired = record_units("registry.retire_meter", campus.retire_meter("m1")).event("MeterRetired")
    assert (retired["closing_import_wh"], retired["closing_export_wh"]) == (111, 222)
    assert meter(campus, "m1")["status"] == RETIRED
    for outcome in (
        campus.activate_meter("m1", alice),
        campus.suspend_meter("m1"),
        campus.retire_meter("m1"),
        campus.swap_meter("m1"),
        campus.rotate_key("m1", alice, device_key("new"), NOW + 1),
    ):
        expect_error(outcome, "registry", "TerminalStatus")


def test_a_meter_is_not_activated_for_an_inactive_owner(campus: Campus, alice: Keypair) -> None:
    """A suspended user would be paid for energy while barred from everything else."""
    bob = campus.user("bob")
    expect_ok(campus.register_meter("m1", alice))
    expect_ok(campus.set_user("status", alice, SUSPENDED))
    expect_error(campus.activate_meter("m1", alice), "registry", "UserInactive")
    expect_error(campus.activate_meter("m1", bob), "registry", "UserInactive")


# ----------------------------------------------------------------------------------------------------------- rotations


def test_a_key_is_rotated_from_a_future_interval(campus: Campus, alice: Keypair, record_units) -> None:
    """Spooled readings of the old key stay verifiable, so the old key is kept behind the new one."""
    campus.meter("m1", alice)
    outcome = record_units("registry.rotate_device_key", campus.rotate_key("m1", alice, device_key("new"), NOW + 1))
    record = meter(campus, "m1")
    assert record["key_epoch"] == 1
    assert record["keys"][0] == {
        "key": bytes(device_key("new").verify_key),
        "first_interval": NOW + 1,
        "epoch": 1,
        "flags": 0,
    }
    assert record["keys"][1]["key"] == bytes(device_key("m1").verify_key)
    assert outcome.event("DeviceKeyRotated")["compromised"] is False


def test_the_last_four_keys_are_kept(campus: Campus, alice: Keypair) -> None:
    """An auditor can check readings of the last four keys from the chain alone."""
    campus.meter("m1", alice)
    for i in range(1, 6):
        expect_ok(campus.rotate_key("m1", alice, device_key(f"key {i}"), campus.chain.now_s() // 900 + 1))
        campus.chain.advance(900)
    record = meter(campus, "m1")
    assert [row["key"] for row in record["keys"]] == [bytes(device_key(f"key {i}").verify_key) for i in (5, 4, 3, 2)]
    assert [row["epoch"] for row in record["keys"]] == [5, 4, 3, 2]


@pytest.mark.parametrize(("ahead", "fits"), [(-1, False), (0, False), (1, True), (2_976, True), (2_977, False)])
def test_a_switch_lies_in_the_future(campus: Campus, alice: Keypair, ahead: int, fits: bool) -> None:
    """A switch in the past would disown readings that the old key has signed already."""
    campus.meter("m1", alice)
    outcome = campus.rotate_key("m1", alice, device_key("new"), NOW + ahead)
    if fits:
        expect_ok(outcome)
    else:
        expect_error(outcome, "registry", "BadFirstInterval")


def test_a_second_rotation_waits_for_the_first_unless_the_key_is_compromised(
    campus: Campus, alice: Keypair, record_units
) -> None:
    """With two switches ahead nobody could say which key signs an interval; a thief must still be cut off at once."""
    campus.meter("m1", alice)
    expect_ok(campus.rotate_key("m1", alice, device_key("new"), NOW + 3))
    expect_error(campus.rotate_key("m1", alice, device_key("newer"), NOW + 5), "registry", "RotationPending")
    outcome = campus.rotate_key("m1", alice, device_key("newer"), NOW + 1, compromised=True)
    record_units("registry.rotate_device_key.compromised", outcome)
    record = meter(campus, "m1")
    assert [row["flags"] for row in record["keys"][:3]] == [0, 1, 0]
    assert record["key_epoch"] == 2


def test_an_old_key_does_not_come_back(campus: Campus, alice: Keypair) -> None:
    """A key that was given up may be in other hands, and forgetting it after four more would let it in again."""
    campus.meter("m1", alice)
    expect_error(campus.rotate_key("m1", alice, device_key("m1"), NOW + 1), "registry", "KeyReuse")
    for i in range(1, 7):
        expect_ok(campus.rotate_key("m1", alice, device_key(f"key {i}"), campus.chain.now_s() // 900 + 1))
        campus.chain.advance(1_800)
        for old in ("m1", *(f"key {k}" for k in range(1, i + 1))):
            outcome = campus.rotate_key("m1", alice, device_key(old), campus.chain.now_s() // 900 + 1)
            expect_error(outcome, "registry", "KeyReuse")
    assert meter(campus, "m1")["key_epoch"] == 6


def test_a_device_key_belongs_to_one_meter(campus: Campus, alice: Keypair) -> None:
    """One device enrolled as two meters would be paid twice for its energy; not even retiring frees its key."""
    bob = campus.user("bob")
    campus.meter("m1", alice)
    campus.meter("m2", alice)
    expect_error(campus.rotate_key("m2", alice, device_key("m1"), NOW + 1), "registry", "KeyReuse")
    expect_error(campus.register_meter("m3", bob, device=device_key("m1")), "registry", "KeyReuse")
    expect_ok(campus.retire_meter("m1"))
    expect_error(campus.register_meter("m3", bob, device=device_key("m1")), "registry", "KeyReuse")


def test_a_key_is_recorded_with_its_meter(campus: Campus, alice: Keypair) -> None:
    """An auditor who holds an old signature finds whose key it was, from the chain alone."""
    campus.meter("m1", alice)
    expect_ok(campus.rotate_key("m1", alice, device_key("new"), NOW + 1))
    for name, epoch, first in (("m1", 0, NOW - 200), ("new", 1, NOW + 1)):
        key = bytes(device_key(name).verify_key)
        record = campus.chain.read("registry", "KeyRecord", key_record_address(key))
        assert (record["device_key"], record["meter_id"]) == (key, meter_id("m1"))
        assert (record["epoch"], record["first_interval"], record["meter_number"]) == (epoch, first, 1)


def test_lamports_sent_ahead_do_not_block_a_key(campus: Campus, alice: Keypair) -> None:
    """Anybody can send a lamport to the record's address before the key is used."""
    campus.chain.fund(key_record_address(bytes(device_key("m1").verify_key)), 1)
    expect_ok(campus.register_meter("m1", alice))


def test_a_rotation_needs_owner_staff_and_possession(campus: Campus, alice: Keypair) -> None:
    """Three parties, and none of them missing."""
    bob = campus.user("bob")
    campus.meter("m1", alice)
    expect_error(campus.rotate_key("m1", bob, device_key("new"), NOW + 1), "registry", "NotOwner")
    bad = possession_proof(device_key("m1"), alice.pubkey(), meter_id("m1"))
    outcome = campus.rotate_key("m1", alice, device_key("new"), NOW + 1, proof=bad)
    expect_error(outcome, "registry", "BadPossessionProof")


# ---------------------------------------------------------------------------------------------------------------- swap


def test_a_swap_needs_two_different_approvals(campus: Campus, alice: Keypair, record_units) -> None:
    """Letting registers start anew is the one way energy could be counted twice; one person must not decide it."""
    campus.meter("m1", alice)
    expect_error(campus.swap_meter("m1", campus.admin, campus.admin), "registry", "SameApprover")
    swapped = record_units("registry.swap_meter", campus.swap_meter("m1")).event("MeterSwapped")
    record = meter(campus, "m1")
    assert record["register_epoch"] == swapped["register_epoch"] == 1
    assert (record["closing_import_wh"], record["closing_export_wh"]) == (1_000, 2_000)
    assert (record["opening_import_wh"], record["opening_export_wh"]) == (3, 4)
    assert record["serial_hash"] == bytes([9]) * 32


# --------------------------------------------------------------------------------------------------------------- pause


def test_a_pause_of_readings_stops_what_would_add_them_and_nothing_else(campus: Campus, alice: Keypair) -> None:
    """While readings are suspect no new meter or key may join; suspending and retiring must stay possible."""
    campus.meter("m1", alice)
    expect_ok(campus.register_meter("m2", alice))
    expect_ok(campus.stop(READINGS))
    for outcome in (
        campus.register_meter("m3", alice),
        campus.activate_meter("m2", alice),
        campus.rotate_key("m1", alice, device_key("new"), NOW + 1),
        campus.swap_meter("m1"),
    ):
        expect_error(outcome, "registry", "Paused")
    expect_ok(campus.suspend_meter("m1"))
    expect_ok(campus.retire_meter("m1"))
    expect_ok(campus.register_user(campus.chain.wallet("bob")))
    campus.chain.advance(STOP_LENGTH_S)
    expect_ok(campus.register_meter("m3", alice))


def test_another_pause_does_not_stop_the_registry(campus: Campus, alice: Keypair) -> None:
    """Only the readings' bit is ours."""
    expect_ok(campus.stop(31 & ~READINGS))
    campus.meter("m1", alice)


def test_a_council_of_another_program_does_not_count(campus: Campus, alice: Keypair) -> None:
    """A copy of the council without the pause would lift it."""
    expect_ok(campus.stop(READINGS))
    chain = campus.chain
    forged = pda("registry", b"council")
    data = bytearray(chain.data(COUNCIL))
    data[13] = 0
    chain.put(forged, bytes(data), program_id("governance"))
    expect_shared(campus.register_meter("m1", alice, accounts={"council": forged}), "WRONG_ADDRESS")


def test_the_network_tag_is_the_formula_everybody_uses(campus: Campus) -> None:
    """Bridge, edge and oracle compute it on their own; one different byte and no reading is ever accepted."""
    wanted = hashlib.sha256(b"campusgrid" + GENESIS + bytes(program_id("oracle"))).digest()[:4]
    assert campus.chain.read("registry", "Config", REGISTRY_CONFIG)["network_tag"] == wanted
