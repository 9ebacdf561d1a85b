"""Every account slot of every oracle instruction with something wrong in it.

Each case is an instruction that succeeds as it stands, so a refusal can only come from the one thing that was changed; its reason
must be one of `slot_reasons`, and no refused call may leave a byte changed. A slot that the interface gains is in the table by itself.
"""

from __future__ import annotations

import struct
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from governance_world import answering
from oracle_world import (
    APPLIED,
    AT_COUNCIL,
    Meter,
    Reading,
    World,
    discriminator,
)
from program_harness import (
    ROOT,
    START_S,
    SYSTEM,
    Chain,
    Outcome,
    compute_limit,
    expect_ok,
    expect_shared,
    keypair,
    pda,
    program_id,
    with_slot,
)
from slot_reasons import expect_reason
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridkit.chain import idl, posting

NOW = START_S // 900 - 1
FIRST = NOW - 100
SPEC = idl.interface("oracle")
INTERFACE = tomllib.loads((ROOT / "programs" / "oracle" / "interface.toml").read_text())
KINDS = {(item["name"], slot["name"]): slot["kind"] for item in INTERFACE["instruction"] for slot in item["accounts"]}


@dataclass
class Case:
    """An instruction that succeeds on the world as it stands, and every key that may have to sign."""

    world: World
    name: str
    instruction: Instruction
    signers: list[Keypair]

    def send(self, built: Instruction | None = None) -> Outcome:
        """Send it, or a changed copy, signed by whoever still has to."""
        built = built if built is not None else self.instruction
        needed = {meta.pubkey for meta in built.accounts if meta.is_signer}
        signers = [key for key in self.signers if key.pubkey() in needed]
        return self.world.chain.send(compute_limit(400_000), built, signers=signers)

    def address(self, slot: str) -> Pubkey:
        names = [meta.name for meta in SPEC.instruction(self.name).metas]
        return self.instruction.accounts[names.index(slot)].pubkey

    def bytes_of_all(self) -> list[bytes]:
        return [self.world.chain.data(meta.pubkey) for meta in self.instruction.accounts]


def case(world: World, name: str, accounts: dict[str, Any], further: tuple[Keypair, ...] = (), **args: Any) -> Case:
    if "payer" in accounts:
        # The fee payer signs and is writable for the whole transaction, so as a rent payer its flags could not be taken.
        accounts = accounts | {"payer": world.chain.wallet("rent payer")}
    metas = [AccountMeta(key.pubkey(), is_signer=True, is_writable=False) for key in further]
    built = world.chain.instruction("oracle", name, accounts, metas, **args)
    keys = [value for value in accounts.values() if isinstance(value, Keypair)]
    return Case(world, name, built, [*keys, *further])


def ready() -> tuple[World, Meter]:
    """An oracle with zone 1 and a meter in slot 3 that has spoken once."""
    world = World(Chain(["oracle"]))
    meter = world.meter(3)
    assert world.reasons(Reading(meter, FIRST, 1_000, 500)) == [APPLIED]
    return world, meter


def _sent(world: World, name: str, send: Callable[[], Any]) -> Case:
    """The case of the instruction that a method of the world would send."""
    caught: list[Case] = []
    chain = world.chain

    def call(
        program: str, called: str, accounts: dict[str, Any], signers: Any = (), remaining: Any = (), **args: Any
    ) -> Outcome:
        further = tuple(signers)
        assert (program, called) == ("oracle", name)
        caught.append(case(world, name, dict(accounts), further, **args))
        return Outcome(None, None, [], 0)

    chain.call = call  # type: ignore[method-assign]
    send()
    del chain.call
    return caught[0]


def initialize() -> Case:
    world = World.__new__(World)
    world.prepare(Chain(["oracle"]))
    return _sent(world, "initialize", world.initialize)


def create_zone() -> Case:
    world, _ = ready()
    expect_ok(world.chain.send(world.make_slab(2)))
    accounts = {
        "payer": world.chain.payer,
        "admin": world.admin,
        "admin_user": pda("registry", b"user", bytes(world.admin.pubkey())),
        "config": world.config,
        "slab": world.slab(2),
        "zone": world.zone(2),
        "roots": world.roots(2),
    }
    return case(world, "create_zone", accounts, zone=2, net_mode=0)


def enroll_meter() -> Case:
    world, _ = ready()
    meter = world.meter(4, enrol=False)
    return case(world, "enroll_meter", {"slab": world.slab(), "meter": meter.address})


def sync_key() -> Case:
    world, meter = ready()
    return case(world, "sync_key", {"slab": world.slab(), "meter": meter.address})


def posting_accounts(world: World, poster: Keypair) -> dict[str, Any]:
    return {
        "poster": poster,
        "council": world.council,
        "config": world.config,
        "slab": world.slab(),
        "roots": world.roots(),
    }


def post_verified() -> Case:
    world, meter = ready()
    reading = Reading(meter, FIRST + 1, 1_001, 500)
    accounts = posting_accounts(world, meter.owner) | {"meter": meter.address}
    return case(world, "post_verified", accounts, base_interval=FIRST + 1, readings=reading.pack(FIRST + 1))


def post_batch() -> Case:
    world, _ = ready()
    expect_ok(world.set_oracles(2, [world.poster.pubkey(), world.second.pubkey()]))
    runs = posting.pack_runs({3: (1_001, 500)})
    return case(
        world, "post_batch", posting_accounts(world, world.poster), (world.second,), interval=FIRST + 1, runs=runs
    )


def attested(interval: int = FIRST + 1) -> tuple[World, Meter, dict[str, Any]]:
    """A world in which slot 3 is attested with 1,010 and 500 Wh, and the proof of that record."""
    world, meter = ready()
    expect_ok(world.attest(interval, {3: (1_010, 500)}))
    leaf = struct.pack("<HIHQQ", 3, interval, 0, 1_010, 500)
    proof = {"seq": 1, "record": 0, "batch_left": 0, "leaf": leaf, "batch_path": [], "mountain_path": []}
    return world, meter, proof


def verify_reading() -> Case:
    world, meter, proof = attested()
    reading = Reading(meter, FIRST + 1, 1_010, 500)
    signed = {"core": reading.core(), "signature": reading.signed(), "device_key": bytes(reading.signer.key.verify_key)}
    return case(world, "verify_reading", {"roots": world.roots(), "slab": world.slab()}, **proof, **signed)


def challenge_reading() -> Case:
    world, meter, proof = attested()
    reading = Reading(meter, FIRST + 1, 1_001, 500)
    accounts = {
        "payer": world.chain.payer,
        "config": world.config,
        "slab": world.slab(),
        "roots": world.roots(),
        "fault": world.fault(3),
    }
    return case(world, "challenge_reading", accounts, core=reading.core(), signature=reading.signed(), **proof)


def decided(world: World) -> Keypair:
    """A key in place of the council's address, so that the instruction can be signed."""
    council = keypair("the council's signature")
    world.chain.patch(world.config, AT_COUNCIL, bytes(council.pubkey()))
    return council


def correct() -> Case:
    found = challenge_reading()
    expect_ok(found.send())
    world = found.world
    accounts = {
        "council": decided(world),
        "config": world.config,
        "slab": world.slab(),
        "roots": world.roots(),
        "fault": world.fault(3),
    }
    args = {"slot": 3, "interval": FIRST + 2, "import_wh": 1_001, "export_wh": 500, "note_hash": bytes(32)}
    return case(world, "correct", accounts, **args)


def set_oracles() -> Case:
    world, _ = ready()
    accounts = {"council": decided(world), "config": world.config}
    return case(world, "set_oracles", accounts, threshold=1, oracle_keys=[bytes(world.second.pubkey())])


def create_feed() -> Case:
    world, _ = ready()
    return case(world, "create_feed", world.feed_accounts(0, 1, 7), **world.feed_args(0, 1, 7))


def set_feed() -> Case:
    world, _ = ready()
    expect_ok(world.create_feed(0, 1, 7))
    accounts = {"council": decided(world), "config": world.config, "feed": world.feed(0, 1, 7)}
    return case(world, "set_feed", accounts, max_age_s=60, min_value=0, max_value=9, max_confidence=1)


def post_feed() -> Case:
    world, _ = ready()
    expect_ok(world.create_feed(0, 1, 7))
    accounts = {"poster": world.poster, "council": world.council, "config": world.config, "feed": world.feed(0, 1, 7)}
    args = {"value": 5, "confidence": 1, "publish_time": START_S, "interval": NOW, "sequence": 1}
    return case(world, "post_feed", accounts, **args)


def open_totals() -> Case:
    world, _ = ready()
    return case(world, "open_totals", {"payer": world.chain.payer, "slab": world.slab(), "totals": world.totals()})


def close_interval() -> Case:
    world, _ = ready()
    expect_ok(world.open_totals())
    return case(world, "close_interval", {"slab": world.slab(), "totals": world.totals()}, interval=FIRST)


def open_trades() -> Case:
    world, _ = ready()
    return case(world, "open_trades", {"payer": world.chain.payer, "config": world.config, "trades": world.trades})


def record_trades() -> Case:
    world, _ = ready()
    expect_ok(world.open_trades())
    world.put_market({NOW: (2, 30, 400)})
    accounts = {
        "config": world.config,
        "trading_config": world.trading_config,
        "market": world.market,
        "trades": world.trades,
    }
    return case(world, "record_trades", accounts, interval=NOW)


CASES: dict[str, Callable[[], Case]] = {
    "initialize": initialize,
    "create_zone": create_zone,
    "enroll_meter": enroll_meter,
    "sync_key": sync_key,
    "post_verified": post_verified,
    "post_batch": post_batch,
    "challenge_reading": challenge_reading,
    "correct": correct,
    "set_oracles": set_oracles,
    "create_feed": create_feed,
    "set_feed": set_feed,
    "post_feed": post_feed,
    "open_totals": open_totals,
    "close_interval": close_interval,
    "open_trades": open_trades,
    "record_trades": record_trades,
    "verify_reading": verify_reading,
}
# The account that the others are checked against: whatever record of this program and type stands here is right in itself.
ANCHORS = {
    *((name, "slab") for name in CASES),
    ("verify_reading", "roots"),
    ("create_zone", "config"),
    ("create_feed", "config"),
    ("set_oracles", "config"),
    ("open_trades", "config"),
    *((name, "meter") for name in CASES),
    *((name, "admin_user") for name in CASES),
    ("post_feed", "feed"),
    ("set_feed", "feed"),
    ("close_interval", "totals"),
    ("record_trades", "trades"),
    # The trading program makes one account of this type.
    ("record_trades", "trading_config"),
} - {("close_interval", "slab"), ("verify_reading", "slab")}


def wrongs(found: Case, slot: Any) -> Iterator[tuple[str, Instruction]]:
    """Yield every wrong thing that can stand in a slot, with its name."""
    chain, name, kind = found.world.chain, slot.name, KINDS[found.name, slot.name]
    present = found.address(name)
    if slot.signer:
        yield "no signature", with_slot(found.instruction, name, signer=False)
        if name != "payer":
            stranger = chain.wallet("stranger")
            found.signers.append(stranger)
            yield "a stranger's signature", with_slot(found.instruction, name, address=stranger.pubkey())
    if slot.writable:
        yield "read-only", with_slot(found.instruction, name, writable=False)
    if name != "payer":
        found.signers.append(keypair("nobody"))
        yield "nobody's address", with_slot(found.instruction, name, address=keypair("nobody").pubkey())
    if kind.startswith("state:"):
        yield from _wrong_records(found, name, kind)
    if kind.startswith("program:"):
        willing = keypair("program that says yes").pubkey()
        chain.svm.add_program(willing, answering(0))
        yield "a program that says yes", with_slot(found.instruction, name, address=willing)
    if kind == "new" and chain.data(present):
        yield from _wrong_blanks(found, name)
    account = chain.svm.get_account(present)
    owner = account.owner if account is not None else SYSTEM
    if not slot.signer and (found.name, name) not in ANCHORS:
        other = Pubkey.from_bytes(bytes([0xAB]) * 32)
        chain.put(other, chain.data(present), owner)
        yield "a copy elsewhere", with_slot(found.instruction, name, address=other)
    for other_slot in SPEC.instruction(found.name).metas:
        if other_slot.name != name and "payer" not in (name, other_slot.name):
            address = found.address(other_slot.name)
            # A derived address cannot sign, so there it stands unsigned.
            signer = slot.signer and other_slot.signer
            yield (
                f"another slot's account: {other_slot.name}",
                with_slot(found.instruction, name, address=address, signer=signer),
            )


def _wrong_blanks(found: Case, name: str) -> Iterator[tuple[str, Instruction]]:
    """What a client may have made wrongly of an account that the instruction makes its own."""
    chain, address = found.world.chain, found.address(name)
    account = chain.svm.get_account(address)
    assert account is not None
    blank, owner = bytes(account.data), account.owner
    for what, data, by in (
        ("another program's copy", blank, program_id("registry")),
        ("used before", b"\1" + blank[1:], owner),
        ("one byte short", blank[:-1], owner),
        ("one byte long", blank + b"\0", owner),
    ):
        chain.put(address, data, by)
        yield what, found.instruction
    chain.put(address, blank, owner)


def _wrong_records(found: Case, name: str, kind: str) -> Iterator[tuple[str, Instruction]]:
    chain = found.world.chain
    address = found.address(name)
    account = chain.svm.get_account(address)
    assert account is not None
    data, owner = bytes(account.data), account.owner

    def put(changed: bytes, by: Pubkey) -> Instruction:
        chain.put(address, changed, by)
        return found.instruction

    yield "another program's copy", put(data, program_id("governance" if "registry" in kind else "registry"))
    yield "the system program's copy", put(data, SYSTEM)
    yield "another type", put(bytes(8) + data[8:], owner)
    yield "another version", put(data[:8] + b"\2" + data[9:], owner)
    yield "one byte short", put(data[:-1], owner)
    yield "one byte long", put(data + b"\0", owner)
    yield "nothing", put(b"", SYSTEM)
    for other in (
        "Config",
        "Zone",
        "MeterSlab",
        "RootRing",
        "Feed",
        "Fault",
        "ZoneTotals",
        "TradeTotals",
        "Meter",
        "User",
    ):
        if discriminator(other) != data[:8]:
            yield f"another record: {other}", put(discriminator(other) + data[8:], owner)
    put(data, owner)


def test_the_table_names_every_instruction() -> None:
    """An instruction missing here would go without its account checks tested."""
    assert set(CASES) == set(SPEC.instructions)


TRIED: dict[str, int] = {}


@pytest.mark.parametrize("name", CASES)
def test_every_slot_refuses_what_does_not_belong_there(name: str) -> None:
    """Wormhole, Cashio and Crema each lost their funds through one slot that was not checked."""
    found = CASES[name]()
    before = found.bytes_of_all()
    tried = 0
    for slot in SPEC.instruction(name).metas:
        mine = 0
        for what, built in wrongs(found, slot):
            expect_reason(found.send(built), f"oracle.{name}", slot.name, what)
            mine += 1
        assert mine > 0, slot.name
        tried += mine
    TRIED[name] = tried
    assert found.bytes_of_all() == before
    expect_ok(found.send())


def test_no_kind_of_wrong_filling_has_gone_missing() -> None:
    """The run's last line counts what was refused; a table that shrinks would count less and still be green."""
    if len(TRIED) == len(CASES):
        assert sum(TRIED.values()) > 1_000


@pytest.mark.parametrize("name", CASES)
def test_missing_accounts_and_wrong_lengths_are_refused(name: str) -> None:
    """A program that reads past what it was given reads somebody else's memory, or panics with a half-done change."""
    found = CASES[name]()
    built = found.instruction
    required = [meta for meta in SPEC.instruction(name).metas if not meta.optional]
    for count in range(len(required)):
        shorter = Instruction(built.program_id, bytes(built.data), list(built.accounts)[:count])
        expect_shared(found.send(shorter), "NOT_ENOUGH_ACCOUNTS")
    data = bytes(built.data)
    for length in range(len(data)):
        shorter = Instruction(built.program_id, data[:length], list(built.accounts))
        expect_shared(found.send(shorter), "UNKNOWN_INSTRUCTION" if length < 8 else "BAD_ARGUMENTS")
    longer = Instruction(built.program_id, data + b"\0", list(built.accounts))
    expect_shared(found.send(longer), "BAD_ARGUMENTS")
    expect_ok(found.send(built))


@pytest.mark.parametrize(
    "name", ["initialize", "create_zone", "create_feed", "open_totals", "open_trades", "enroll_meter"]
)
def test_what_is_made_once_is_not_made_again(name: str) -> None:
    """A second initialisation would start an account's history anew."""
    found = CASES[name]()
    expect_ok(found.send())
    before = found.bytes_of_all()
    again = found.send(Instruction(found.instruction.program_id, found.instruction.data, found.instruction.accounts))
    assert not again.ok
    assert found.bytes_of_all() == before
