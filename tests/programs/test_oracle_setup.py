"""Setting the oracle up: who may, once, and from which accounts; and how a meter comes to its slot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from oracle_world import (
    ACTIVE,
    ADMIN,
    ENTRY_AT,
    GENESIS,
    OPERATOR,
    PENDING,
    RETIRED,
    REVOKED,
    SLAB_SIZE,
    SUSPENDED,
    DeviceKey,
    Meter,
    World,
    device_key,
    network_tag,
    replaced,
)
from program_harness import (
    SYSTEM,
    Chain,
    Outcome,
    expect_error,
    expect_ok,
    expect_shared,
    keypair,
    pda,
    program_data,
    program_id,
)

Record = Callable[[str, Outcome], Outcome]


@pytest.fixture
def world(chain: Chain) -> World:
    return World(chain)


# ----------------------------------------------------------------------------------------------------------- initialize


@pytest.fixture
def bare(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose oracle has not been initialised."""
    monkeypatch.setattr(World, "create_zone", lambda *_, **__: _done())
    monkeypatch.setattr(World, "initialize", lambda *_, **__: _done())
    world = World(chain, zones=())
    monkeypatch.undo()
    return world


def _done() -> Outcome:
    return Outcome(error=None, code=None, logs=[], units=0)


def test_configuration_names_siblings_network_and_posters(bare: World, record_units: Record) -> None:
    """Everything later trusts this account; a wrong byte here would point the oracle at somebody else's registry."""
    outcome = record_units("oracle.initialize", bare.initialize())
    config = bare.chain.read("oracle", "Config", bare.config)
    assert config["oracle_key_count"] == 2
    assert config["threshold"] == 1
    assert bytes(config["council"]) == bytes(bare.council)
    assert bytes(config["governance_program"]) == bytes(program_id("governance"))
    assert bytes(config["registry_program"]) == bytes(program_id("registry"))
    assert bytes(config["registry_config"]) == bytes(bare.registry_config)
    assert bytes(config["trading_program"]) == bytes(program_id("trading"))
    assert bytes(config["energy_token_program"]) == bytes(program_id("energy_token"))
    assert bytes(config["network_tag"]) == network_tag()
    assert bytes(config["oracle_keys"][0]) == bytes(bare.poster.pubkey())
    assert bytes(outcome.event("ConfigInitialized")["network_tag"]) == network_tag()


def test_only_the_upgrade_authority_sets_the_program_up(bare: World) -> None:
    """Whoever initialises chooses the oracle keys, so a stranger who is first must not be able to."""
    expect_shared(bare.initialize(authority=bare.chain.wallet("stranger")), "NOT_UPGRADE_AUTHORITY")
    bare.chain.set_upgrade_authority("oracle", None)
    expect_shared(bare.initialize(), "NOT_UPGRADE_AUTHORITY")


def test_authority_must_sign(bare: World) -> None:
    """The authority's address is public; naming it proves nothing."""
    outcome = _sent_with(bare, _initialize_instruction(bare), 1, is_signer=False)
    expect_shared(outcome, "NOT_SIGNER")


def test_program_data_of_another_program_proves_nothing(bare: World) -> None:
    """An attacker is the upgrade authority of a program of their own."""
    attacker = bare.chain.wallet("attacker")
    bare.chain.set_upgrade_authority("trading", attacker.pubkey())
    expect_shared(bare.initialize(authority=attacker, programdata=program_data("trading")), "WRONG_SEEDS")
    copied = keypair("copied program data").pubkey()
    bare.chain.put(copied, bare.chain.data(program_data("oracle")), program_id("oracle"))
    expect_shared(bare.initialize(programdata=copied), "WRONG_OWNER")


def test_second_initialisation_is_refused(world: World) -> None:
    """It would replace the oracle keys."""
    expect_shared(world.initialize(), "ALREADY_INITIALIZED")


@pytest.mark.parametrize(
    "keys",
    [[], [b"\1" * 32, b"\2" * 32, b"\1" * 32], [bytes([n]) * 32 for n in range(9)]],
    ids=["none", "twice", "nine"],
)
def test_oracle_keys_are_one_to_eight_different_ones(bare: World, keys: list[bytes]) -> None:
    """One key listed twice would agree with itself."""
    expect_error(bare.initialize(oracle_keys=keys), "oracle", "InvalidOracleKeys")


@pytest.mark.parametrize("threshold", [0, 3])
def test_threshold_is_reachable_and_not_zero(bare: World, threshold: int) -> None:
    """With 0 nobody would have to agree, with 3 of 2 nobody could."""
    expect_error(bare.initialize(threshold=threshold), "oracle", "InvalidOracleKeys")


@pytest.mark.parametrize(
    "changes",
    [
        {"oracle": bytes(program_id("trading"))},
        {"council": bytes(32)},
        {"governance": bytes(program_id("trading"))},
        {"tag": b"\0\0\0\0"},
        {"genesis": b"another genesis".ljust(32)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_registry_must_name_this_oracle_and_the_same_council(bare: World, changes: dict[str, bytes]) -> None:
    """A registry set up for another network would lend its tag to readings that were signed there."""
    bare.put_registry_config(**changes)
    expect_error(bare.initialize(), "oracle", "WrongRegistry")


def test_siblings_stand_at_their_canonical_addresses(bare: World) -> None:
    """Anybody can make an account with a council's bytes in a program of their own."""
    chain = bare.chain
    fake = keypair("fake").pubkey()
    chain.put(fake, chain.data(bare.council), program_id("governance"))
    expect_shared(bare.initialize(council=fake), "WRONG_SEEDS")
    chain.put(fake, chain.data(bare.registry_config), program_id("registry"))
    expect_shared(bare.initialize(registry_config=fake), "WRONG_SEEDS")
    expect_shared(bare.initialize(config=fake), "WRONG_SEEDS")
    chain.put(bare.council, chain.data(bare.registry_config).ljust(1792, b"\0"), program_id("governance"))
    expect_shared(bare.initialize(), "WRONG_ACCOUNT_TYPE")


# ---------------------------------------------------------------------------------------------------------- create_zone


def test_zone_has_a_slab_and_roots_that_name_each_other(chain: Chain, record_units: Record) -> None:
    """The ledger believes the slab that the zone's record names, and nothing else."""
    world = World(chain, zones=())
    outcome = record_units("oracle.create_zone", world.create_zone(7, net_mode=1))
    slab, roots = world.slab(7), world.roots(7)
    header = chain.read("oracle", "MeterSlab", slab)
    assert (header["zone"], header["slot_count"], header["net_mode"]) == (7, 256, 1)
    assert bytes(header["network_tag"]) == network_tag(GENESIS)
    assert bytes(header["roots"]) == bytes(roots)
    assert bytes(header["registry_program"]) == bytes(program_id("registry"))
    assert bytes(header["config"]) == bytes(world.config)
    zone = chain.read("oracle", "Zone", world.zone(7))
    assert (zone["zone"], zone["net_mode"], bytes(zone["slab"]), bytes(zone["roots"])) == (
        7,
        1,
        bytes(slab),
        bytes(roots),
    )
    ring = chain.read("oracle", "RootRing", roots)
    assert (ring["zone"], ring["ring_len"], ring["next_seq"], bytes(ring["slab"])) == (7, 220, 0, bytes(slab))
    assert outcome.event("ZoneCreated")["zone"] == 7


@pytest.mark.parametrize(("role", "status"), [(OPERATOR, 1), (ADMIN, 0), (ADMIN, 2), (ADMIN, 3)])
def test_only_an_active_admin_creates_a_zone(world: World, role: int, status: int) -> None:
    """The zone number is taken for ever, so an operator or a suspended admin must not spend it."""
    world.put_user(world.admin.pubkey(), role=role, status=status)
    expect_error(world.create_zone(2), "oracle", "NotAdmin")


def test_admin_cannot_be_borrowed(world: World) -> None:
    """User records are public: showing an admin's record is not being the admin."""
    stranger = world.chain.wallet("stranger")
    expect_error(world.create_zone(2, admin=stranger), "oracle", "NotAdmin")
    forged = keypair("forged user").pubkey()
    user = pda("registry", b"user", bytes(world.admin.pubkey()))
    data = bytearray(world.chain.data(user))
    data[16:48] = bytes(stranger.pubkey())
    world.chain.put(forged, bytes(data), program_id("trading"))
    expect_shared(world.create_zone(2, admin=stranger, admin_user=forged), "WRONG_OWNER")
    expect_shared(world.create_zone(2, admin_user=world.registry_config), "WRONG_ACCOUNT_SIZE", "WRONG_ACCOUNT_TYPE")
    unsigned = _zone_instruction(world, 2)
    expect_shared(_sent_with(world, unsigned, 1, is_signer=False, before=[world.make_slab(2)]), "NOT_SIGNER")


def test_zone_is_created_once(world: World) -> None:
    """A second slab for a zone would start every meter's credits anew."""
    other = world.make_slab(2)
    expect_ok(world.chain.send(other))
    expect_shared(world.create_zone(1, make=False, slab=world.slab(2)), "ALREADY_INITIALIZED")


def test_slab_serves_one_zone(world: World) -> None:
    """Two zones in one slab would give two meters the same slot."""
    expect_shared(world.create_zone(2, make=False, slab=world.slab(1)), "ALREADY_INITIALIZED")


@pytest.mark.parametrize("size", [SLAB_SIZE - 8, SLAB_SIZE + 8])
def test_slab_has_its_exact_size(world: World, size: int) -> None:
    """A short slab would end inside a meter."""
    expect_shared(world.create_zone(2, size=size), "WRONG_ACCOUNT_SIZE")


def test_slab_belongs_to_the_oracle(world: World) -> None:
    """Its owner is who may write it."""
    foreign = keypair("foreign slab").pubkey()
    world.chain.put(foreign, bytes(SLAB_SIZE), program_id("trading"))
    expect_shared(world.create_zone(2, make=False, slab=foreign), "WRONG_OWNER")


def test_slab_that_rent_would_eat_is_refused(world: World) -> None:
    """The cluster may remove an account below the rent limit, and every watermark and credit in it."""
    exempt = world.chain.svm.minimum_balance_for_rent_exemption(SLAB_SIZE)
    world.chain.put(world.slab(2), bytes(SLAB_SIZE), program_id("oracle"), exempt - 1)
    expect_shared(world.create_zone(2, make=False), "NOT_RENT_EXEMPT")
    world.chain.put(world.slab(2), bytes(SLAB_SIZE), program_id("oracle"), exempt)
    expect_ok(world.create_zone(2, make=False))


def test_zone_accounts_stand_at_their_seeds(world: World) -> None:
    """Else a zone could be created twice, at two addresses."""
    for name in ("zone", "roots"):
        expect_shared(world.create_zone(2, **{name: keypair("elsewhere").pubkey()}), "WRONG_SEEDS")
    expect_shared(world.create_zone(2, zone=world.zone(3)), "WRONG_SEEDS")


def test_slab_cannot_stand_in_for_another_account(world: World) -> None:
    """The same account in two slots must not be written twice."""
    expect_shared(world.create_zone(2, make=False, slab=world.zone(2)), "WRONG_ACCOUNT_SIZE", "ALREADY_INITIALIZED")
    expect_shared(world.create_zone(2, config=world.slab(1)), "WRONG_ACCOUNT_SIZE")


@pytest.mark.parametrize("index", [4, 5, 6], ids=["slab", "zone", "roots"])
def test_written_accounts_must_be_writable(world: World, index: int) -> None:
    """A read-only account would make the runtime undo everything, with a message that helps nobody."""
    expect_ok(world.chain.send(world.make_slab(2)))
    expect_shared(_sent_with(world, _zone_instruction(world, 2), index, is_writable=False), "NOT_WRITABLE")


def test_system_program_is_the_real_one(world: World) -> None:
    """A program in its place would receive the payer's signature."""
    expect_shared(world.create_zone(2, system_program=program_id("trading")), "WRONG_PROGRAM")


def test_paying_for_a_zone_beforehand_does_not_block_it(world: World) -> None:
    """Anybody can send lamports to an address that will be derived."""
    world.chain.put(world.zone(2), b"", SYSTEM, 1_000_000)
    world.chain.put(world.roots(2), b"", SYSTEM, 500_000_000)
    expect_ok(world.create_zone(2))
    assert world.chain.read("oracle", "Zone", world.zone(2))["zone"] == 2


def test_net_mode_is_gross_or_net(world: World) -> None:
    """A third value would mean whatever the next release says."""
    expect_error(world.create_zone(2, net_mode=2), "oracle", "InvalidNetMode")


# --------------------------------------------------------------------------------------------------------- enroll_meter


def test_enrolment_copies_the_registry(world: World, record_units: Record) -> None:
    """The slab's key, limit and number are the registry's, so nobody needs to be trusted with the copy."""
    meter = world.meter(17, enrol=False, keys=[DeviceKey(device_key("a"), 0, 1_900_000)], register_epoch=3)
    outcome = record_units("oracle.enroll_meter", world.enrol(meter))
    entry = world.entry(17)
    assert entry["key_current"] == bytes(device_key("a").verify_key)
    assert entry["key_previous"] == bytes(32)
    assert (entry["meter_number"], entry["max_wh_interval"], entry["switch_interval"]) == (18, 25_000, 1_900_000)
    assert (entry["status"], entry["kind"], entry["register_epoch"], entry["flags"]) == (ACTIVE, 2, 3, 0)
    assert (entry["acc_import_wh"], entry["acc_export_wh"], entry["last_interval"]) == (0, 0, 1_899_999)
    assert outcome.event("MeterEnrolled")["meter_number"] == 18


def test_meter_with_a_rotation_behind_it_keeps_its_previous_key(world: World) -> None:
    """Readings from before the switch may still be in its spool."""
    meter = world.meter(0, enrol=False)
    before = meter.keys[0]
    meter.rotate("next", 1_990_000)
    world.put_meter(meter)
    expect_ok(world.enrol(meter))
    assert world.entry(0)["key_previous"] == bytes(before.key.verify_key)
    assert world.entry(0)["key_epoch"] == 1


def test_revoked_previous_key_is_not_enrolled(world: World) -> None:
    """Whoever stole it must not sign for the past either."""
    meter = world.meter(0, enrol=False)
    meter.rotate("next", 1_990_000, compromised=True)
    assert meter.keys[1].flags == REVOKED
    world.put_meter(meter)
    expect_ok(world.enrol(meter))
    assert world.entry(0)["key_previous"] == bytes(32)


@pytest.mark.parametrize("status", [PENDING, SUSPENDED, RETIRED])
def test_only_an_active_meter_is_enrolled(world: World, status: int) -> None:
    """Until somebody has approved it, a meter has no slot."""
    meter = world.meter(0, enrol=False, status=status)
    expect_error(world.enrol(meter), "oracle", "MeterNotActive")


def test_second_enrolment_does_not_start_a_meter_anew(world: World) -> None:
    """It would forget the watermark, and every reading would count again."""
    meter = world.meter(0)
    expect_error(world.enrol(meter), "oracle", "AlreadyEnrolled")


@pytest.mark.parametrize("status", [ACTIVE, RETIRED])
def test_slot_is_never_given_to_another_meter(world: World, status: int) -> None:
    """The ledger has settled the old meter's credits in this slot; a new one's would be taken for their growth."""
    first = world.meter(0)
    first.status = status
    expect_ok(world.sync(first))
    second = world.meter(0, number=99, enrol=False)
    expect_error(world.enrol(second), "oracle", "SlotTaken")


def test_meter_of_another_zone_is_refused(chain: Chain) -> None:
    """Its slot number means another place there."""
    world = World(chain, zones=(1, 2))
    meter = world.meter(0, enrol=False, zone=2)
    expect_error(world.enrol(meter, zone=1), "oracle", "WrongZone")
    expect_ok(world.enrol(meter, zone=2))
    expect_error(world.sync(meter, zone=1), "oracle", "WrongZone")


def test_slot_beyond_the_slab_is_refused(world: World) -> None:
    """The registry may know larger zones than a slab has slots."""
    expect_error(world.enrol(world.meter(256, enrol=False)), "oracle", "SlotOutOfRange")
    expect_ok(world.enrol(world.meter(255, enrol=False)))


@pytest.mark.parametrize("name", ["enroll_meter", "sync_key"])
def test_meter_record_comes_from_the_registry(world: World, name: str) -> None:
    """A record of one's own making would enrol a key of one's own choosing."""
    chain = world.chain
    meter = world.meter(3, enrol=name == "sync_key")
    forged = keypair("forged meter").pubkey()
    chain.put(forged, meter.encode(), program_id("trading"))
    user = pda("registry", b"user", bytes(world.admin.pubkey()))
    wrong_type = keypair("wrong type").pubkey()
    chain.put(wrong_type, b"\1" * 8 + meter.encode()[8:], program_id("registry"))
    wrong_version = keypair("wrong version").pubkey()
    chain.put(wrong_version, meter.encode()[:8] + b"\2" + meter.encode()[9:], program_id("registry"))
    for address, fault in (
        (forged, "WRONG_OWNER"),
        (user, "WRONG_ACCOUNT_SIZE"),
        (wrong_type, "WRONG_ACCOUNT_TYPE"),
        (wrong_version, "WRONG_ACCOUNT_TYPE"),
        (world.slab(), "WRONG_OWNER"),
    ):
        expect_shared(chain.call("oracle", name, {"slab": world.slab(), "meter": address}), fault)


@pytest.mark.parametrize("name", ["enroll_meter", "sync_key"])
def test_slab_of_enrolment_is_the_oracles(world: World, name: str) -> None:
    """Any other account's bytes are not meters."""
    chain = world.chain
    meter = world.meter(3, enrol=name == "sync_key")
    foreign = keypair("foreign slab").pubkey()
    chain.put(foreign, chain.data(world.slab()), program_id("trading"))
    blank = keypair("blank slab").pubkey()
    chain.put(blank, bytes(SLAB_SIZE), program_id("oracle"))
    for address, fault in (
        (foreign, "WRONG_OWNER"),
        (blank, "WRONG_ACCOUNT_TYPE"),
        (world.roots(), "WRONG_ACCOUNT_SIZE"),
        (meter.address, "WRONG_OWNER"),
    ):
        expect_shared(chain.call("oracle", name, {"slab": address, "meter": meter.address}), fault)
    built = chain.instruction("oracle", name, {"slab": world.slab(), "meter": meter.address})
    expect_shared(chain.send(replaced(built, 0, is_writable=False)), "NOT_WRITABLE")


def test_enrolment_touches_one_slot_alone(world: World) -> None:
    """Neighbours' credits stand 144 bytes away."""
    before = world.chain.data(world.slab())
    world.meter(5)
    after = world.chain.data(world.slab())
    at = ENTRY_AT + 144 * 5
    assert before[:at] == after[:at]
    assert before[at + 144 :] == after[at + 144 :]


def test_unknown_instruction_and_malformed_arguments_are_refused(world: World) -> None:
    """Bytes left over would mean something else to the next release."""
    built = world.chain.instruction(
        "oracle", "enroll_meter", {"slab": world.slab(), "meter": world.meter(0, enrol=False).address}
    )
    for data, fault in (
        (b"\0" * 8, "UNKNOWN_INSTRUCTION"),
        (b"", "UNKNOWN_INSTRUCTION"),
        (bytes(built.data) + b"\0", "BAD_ARGUMENTS"),
    ):
        expect_shared(world.chain.send(type(built)(built.program_id, data, list(built.accounts))), fault)
    expect_shared(
        world.chain.send(type(built)(built.program_id, built.data, list(built.accounts)[:1])), "NOT_ENOUGH_ACCOUNTS"
    )


def _initialize_instruction(world: World) -> Any:
    accounts = {
        "payer": world.chain.payer,
        "authority": world.chain.upgrade_authority,
        "config": world.config,
        "programdata": program_data("oracle"),
        "council": world.council,
        "registry_config": world.registry_config,
    }
    keys = [bytes(world.poster.pubkey())]
    return world.chain.instruction(
        "oracle",
        "initialize",
        accounts,
        trading_program=bytes(32),
        energy_token_program=bytes(32),
        threshold=1,
        oracle_keys=keys,
    )


def _zone_instruction(world: World, zone: int) -> Any:
    accounts = {
        "payer": world.chain.payer,
        "admin": world.admin,
        "admin_user": pda("registry", b"user", bytes(world.admin.pubkey())),
        "config": world.config,
        "slab": world.slab(zone),
        "zone": world.zone(zone),
        "roots": world.roots(zone),
    }
    return world.chain.instruction("oracle", "create_zone", accounts, zone=zone, net_mode=0)


def _sent_with(world: World, instruction: Any, index: int, before: Any = (), **changes: Any) -> Outcome:
    signers = [world.admin, world.chain.upgrade_authority]
    changed = replaced(instruction, index, **changes)
    needed = {meta.pubkey for meta in changed.accounts if meta.is_signer}
    return world.chain.send(*before, changed, signers=[key for key in signers if key.pubkey() in needed])


def test_meter_helper_writes_what_the_registry_describes(world: World) -> None:
    """The tests' own meter must be the one of the registry's interface, or they prove nothing."""
    meter = Meter(5, 9, world.admin, [DeviceKey(device_key("x"), 4, 77)], register_epoch=2)
    world.put_meter(meter)
    read = world.chain.read("registry", "Meter", meter.address)
    assert (read["meter_number"], read["slot"], read["zone"], read["key_epoch"], read["register_epoch"]) == (
        5,
        9,
        1,
        4,
        2,
    )
    assert (read["max_wh_interval"], read["status"], read["keys"][0]["first_interval"]) == (25_000, ACTIVE, 77)
    assert bytes(read["owner"]) == bytes(world.admin.pubkey())
