"""Instruction bytes, accounts and events: the same as Anchor's own client makes of the same interface."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from anchorpy import Idl
from anchorpy.coder.coder import Coder
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from gridkit.chain import accounts, idl

ROOT = Path(__file__).resolve().parents[2]
INTS = {"u8": (0, 2**8 - 1), "u16": (0, 2**16 - 1), "u32": (0, 2**32 - 1), "u64": (0, 2**64 - 1)}
INTS |= {"i64": (-(2**63), 2**63 - 1), "i32": (-(2**31), 2**31 - 1), "i8": (-(2**7), 2**7 - 1)}
CODERS = {
    name: Coder(Idl.from_json((ROOT / "programs" / "idl" / f"{name}.legacy.json").read_text())) for name in idl.PROGRAMS
}
SPECS = {name: json.loads((ROOT / "programs" / "idl" / f"{name}.json").read_text()) for name in idl.PROGRAMS}
STRUCTS = {(name, item["name"]): item["type"]["fields"] for name, spec in SPECS.items() for item in spec["types"]}
INSTRUCTIONS = [(name, item) for name, spec in SPECS.items() for item in spec["instructions"]]
EVENTS = [(name, item["name"]) for name, spec in SPECS.items() for item in spec["events"]]


def values(program: str, spec: Any) -> st.SearchStrategy[Any]:
    """Return any value of an IDL type, as our packers take it."""
    if isinstance(spec, str) and spec in INTS:
        return st.integers(*INTS[spec])
    if spec == "bool":
        return st.booleans()
    if spec == "pubkey":
        return st.binary(min_size=32, max_size=32)
    if spec == "bytes":
        return st.binary(max_size=40)
    if "array" in spec:
        item, count = spec["array"]
        if item == "u8":
            return st.binary(min_size=count, max_size=count)
        return st.lists(values(program, item), min_size=count, max_size=count)
    if "vec" in spec:
        return st.lists(values(program, spec["vec"]), max_size=4)
    if "option" in spec:
        return st.none() | values(program, spec["option"])
    fields = STRUCTS[program, spec["defined"]["name"]]
    return st.fixed_dictionaries({field["name"]: values(program, field["type"]) for field in fields})


def for_anchorpy(program: str, spec: Any, value: Any) -> Any:
    """Return the same value as anchorpy takes it."""
    if spec == "pubkey":
        return Pubkey(value)
    if isinstance(spec, str) or value is None:
        return value
    if "array" in spec:
        return [for_anchorpy(program, spec["array"][0], item) for item in value]
    if "vec" in spec:
        return [for_anchorpy(program, spec["vec"], item) for item in value]
    if "option" in spec:
        return for_anchorpy(program, spec["option"], value)
    fields = STRUCTS[program, spec["defined"]["name"]]
    return {field["name"]: for_anchorpy(program, field["type"], value[field["name"]]) for field in fields}


@pytest.mark.parametrize(("program", "item"), INSTRUCTIONS, ids=[f"{p}.{i['name']}" for p, i in INSTRUCTIONS])
def test_instruction_bytes_are_those_of_anchorpy(program: str, item: dict[str, Any]) -> None:
    """A client library that packs one byte differently sends an order that nobody gave."""

    @settings(max_examples=12)
    @given(args=st.fixed_dictionaries({arg["name"]: values(program, arg["type"]) for arg in item["args"]}))
    def check(args: dict[str, Any]) -> None:
        ours = idl.encode(program, item["name"], **args)
        theirs = {arg["name"]: for_anchorpy(program, arg["type"], args[arg["name"]]) for arg in item["args"]}
        assert ours == CODERS[program].instruction.build(SimpleNamespace(name=item["name"], data=theirs))
        assert idl.interface(program).instruction(item["name"]).decode(ours) == args

    check()


@pytest.mark.parametrize(("program", "event"), EVENTS, ids=[f"{p}.{e}" for p, e in EVENTS])
def test_events_are_read_as_anchorpy_reads_them(program: str, event: str) -> None:
    """States and balances are derived from events: a shifted field would credit the wrong meter."""
    disc, compiled = next(
        (disc, fields) for disc, (name, fields) in idl.interface(program).events.items() if name == event
    )

    @settings(max_examples=8)
    @given(body=st.fixed_dictionaries({f["name"]: values(program, f["type"]) for f in STRUCTS[program, event]}))
    def check(body: dict[str, Any]) -> None:
        data = bytearray(disc)
        for name, type_ in compiled:
            type_.pack(body[name], data)
        decoded = idl.interface(program).decode_event(bytes(data))
        assert decoded == idl.Event(program, event, body)
        theirs = CODERS[program].events.parse(bytes(data))
        assert theirs.name == event
        for name, value in body.items():
            if isinstance(value, int):
                assert getattr(theirs.data, name) == value

    check()


def test_accounts_stand_in_the_same_order_with_the_same_flags_in_both_forms() -> None:
    """A signer that one client leaves out makes its transactions fail there alone."""
    for name, spec in SPECS.items():
        legacy = json.loads((ROOT / "programs" / "idl" / f"{name}.legacy.json").read_text())
        for new, old in zip(spec["instructions"], legacy["instructions"], strict=True):
            flags = [(bool(m.get("signer")), bool(m.get("writable")), bool(m.get("optional"))) for m in new["accounts"]]
            assert flags == [(m["isSigner"], m["isMut"], bool(m.get("isOptional"))) for m in old["accounts"]]
            metas = idl.interface(name).instruction(new["name"]).metas
            assert [(m.signer, m.writable, m.optional) for m in metas] == flags


def test_a_value_that_does_not_fit_names_its_argument() -> None:
    """`struct.error: required argument is not an integer` sends nobody to the right line."""
    good = {"from_slot": 0, "count": 1}
    assert len(idl.encode("energy_token", "settle_range", **good)) == 12
    for name, value in (("from_slot", 2**16), ("from_slot", -1), ("count", 1.0), ("count", None), ("count", "1")):
        with pytest.raises(idl.ArgumentError) as caught:
            idl.encode("energy_token", "settle_range", **(good | {name: value}))
        assert caught.value.argument == name
    with pytest.raises(idl.ArgumentError) as caught:
        idl.encode("energy_token", "settle_range", from_slot=1)
    assert caught.value.argument == "count"
    with pytest.raises(idl.ArgumentError) as caught:
        idl.encode("energy_token", "settle_range", **good, extra=1)
    assert caught.value.argument == "extra"
    with pytest.raises(idl.UnknownInterfaceError):
        idl.encode("energy_token", "mint_for_me")


def posted(zone: int) -> str:
    data = idl.interface("oracle")
    disc = next(disc for disc, (name, _) in data.events.items() if name == "ReadingsPosted")
    return "Program data: " + base64.b64encode(disc + struct.pack("<HQ32sI", zone, 5, bytes(32), 0)).decode()


def test_an_event_belongs_to_the_program_on_top_of_the_stack() -> None:
    """Anybody can deploy a program that logs a mint; only ours is believed, also inside and after inner calls."""
    logs = [
        "Program Evil invoke [1]",
        posted(1),
        "Program Ours invoke [2]",
        posted(2),
        "Program Third invoke [3]",
        posted(3),
        "Program Third success",
        posted(4),
        "Program Ours success",
        posted(5),
        "Program Evil failed: custom program error: 0x1",
        "Program Ours invoke [1]",
        posted(6),
        "Program data: !!!!",
        "Program data: YWJj ZGVm",
        "Program log: Program Evil success",
        posted(7),
        "Program Ours success",
    ]
    assert [event.fields["zone"] for event in idl.events_in(logs, {"Ours": "oracle"})] == [2, 4, 6, 7]


def test_cut_logs_are_noticed() -> None:
    """The runtime drops what is beyond 10,000 bytes: whoever counts events must know."""
    assert idl.logs_are_cut(["Program Ours invoke [1]", "Log truncated"])
    assert not idl.logs_are_cut(["Program Ours invoke [1]"])


def test_error_codes_have_names() -> None:
    """`custom program error: 0x1777` helps nobody."""
    spec = SPECS["oracle"]["errors"]
    for item in spec:
        found = idl.error("oracle", item["code"])
        assert found is not None
        assert (found.name, found.message) == (item["name"], item["msg"])
    assert idl.error("oracle", 6000 + len(spec)) is None


LAYOUTS = {
    ("oracle", "MeterSlab"): accounts.SLAB_SIZE,
    ("oracle", "RootRing"): accounts.ROOTS_SIZE,
    ("registry", "Meter"): accounts.METER_SIZE,
    ("registry", "User"): accounts.USER_SIZE,
    ("energy_token", "Ledger"): accounts.LEDGER_SIZE,
    ("governance", "Council"): accounts.COUNCIL_SIZE,
}


@pytest.mark.parametrize(("program", "account"), LAYOUTS)
def test_account_sizes_are_those_of_the_interfaces(program: str, account: str) -> None:
    """An account read with yesterday's layout gives numbers that look right."""
    layout = idl.interface(program).layout(account)
    assert layout.size == LAYOUTS[program, account]
    assert layout.discriminator == accounts.discriminator(account)


def filled(program: str, account: str, seed: int) -> tuple[bytes, dict[str, Any]]:
    """Return an account of pseudo-random bytes and its fields as the interface reads them."""
    layout = idl.interface(program).layout(account)
    data = bytearray((seed * 31 + i * 7 + i // 251) % 251 for i in range(layout.size))
    data[:8] = layout.discriminator
    return bytes(data), {}


def test_the_slab_is_read_as_the_interface_says() -> None:
    """Every accumulator that the ledger settles is read through this format."""
    data, _ = filled("oracle", "MeterSlab", 3)
    theirs = idl.decode_account("oracle", "MeterSlab", data)
    ours = accounts.decode_slab(data)
    assert (ours.zone, ours.net_mode, ours.network_tag, ours.roots) == (
        theirs["zone"],
        theirs["net_mode"],
        theirs["network_tag"],
        theirs["roots"],
    )
    for slot, entry in ours.entries.items():
        assert entry._asdict() == theirs["entries"][slot]


def test_the_roots_are_read_as_the_interface_says() -> None:
    """A proof is only as good as the peak that it is compared with."""
    data = bytearray(filled("oracle", "RootRing", 4)[0])
    data[16:24] = (1_000_003).to_bytes(8, "little")
    theirs = idl.decode_account("oracle", "RootRing", bytes(data))
    ours = accounts.decode_roots(bytes(data))
    assert ours.next_seq == theirs["next_seq"] == 1_000_003
    assert len(ours.ring) == 220
    for entry in ours.ring:
        listed = theirs["ring"][entry.seq % 220]
        assert (entry.interval, entry.record_count, entry.flags, entry.root) == tuple(listed.values())
    assert ours.peaks == {k: theirs["peaks"][k] for k in range(24) if 1_000_003 >> k & 1}


def test_the_ledger_is_read_as_the_interface_says() -> None:
    """Balances and settled totals: the figures people trade on."""
    data = bytearray(filled("energy_token", "Ledger", 5)[0])
    data[12:14] = (9).to_bytes(2, "little")
    theirs = idl.decode_account("energy_token", "Ledger", bytes(data))
    ours = accounts.decode_ledger(bytes(data))
    assert (ours.minted_atoms, ours.burned_atoms, ours.debt_atoms, ours.balance_atoms) == tuple(
        theirs[name] for name in ("minted_atoms", "burned_atoms", "debt_atoms", "balance_atoms")
    )
    for slot, meter in ours.meters.items():
        assert meter._asdict() == {k: v for k, v in theirs["meters"][slot].items() if k != "pad"}
    assert len(ours.rows) == 9
    for number, row in ours.rows.items():
        listed = theirs["rows"][number]
        assert all(listed[name] == value for name, value in row._asdict().items())


def test_the_market_head_is_read_as_the_interface_says() -> None:
    """An anchor holds the running hash from here."""
    data, _ = filled("trading", "Market", 6)
    layout = idl.interface("trading").layout("Market")
    head = accounts.decode_market_head(data[: accounts.MARKET_HEAD_SIZE])
    assert head.trade_seq == layout.read(data, "trade_seq")
    assert head.event_seq == layout.read(data, "event_seq")
    assert head.fills_hash == layout.read(data, "fills_hash")


def test_meter_user_and_council_are_read_as_the_interfaces_say() -> None:
    """Who owns a meter, who may act, and what is paused."""
    data, _ = filled("registry", "Meter", 7)
    meter, theirs = accounts.decode_meter(data), idl.decode_account("registry", "Meter", data)
    for name in ("status", "kind", "meter_number", "meter_id", "zone", "slot", "capacity_w", "max_wh_interval"):
        assert getattr(meter, name) == theirs[name], name
    assert (meter.key_epoch, meter.register_epoch) == (theirs["key_epoch"], theirs["register_epoch"])
    assert meter.keys[0].key == theirs["keys"][0]["key"]
    assert meter.keys[3].first_interval == theirs["keys"][3]["first_interval"]
    data, _ = filled("registry", "User", 8)
    user, theirs = accounts.decode_user(data), idl.decode_account("registry", "User", data)
    assert (user.role, user.status, user.user_number, user.wallet) == (
        theirs["role"],
        theirs["status"],
        theirs["user_number"],
        theirs["wallet"],
    )
    raw = bytearray(filled("governance", "Council", 9)[0])
    raw[10] = 3
    council, theirs = accounts.decode_council(bytes(raw)), idl.decode_account("governance", "Council", bytes(raw))
    assert council.members == tuple(theirs["members"][:3])
    assert council.pause_mask == theirs["pause_mask"]
    assert council.params[2] == theirs["params"][2]["value"]


@pytest.mark.parametrize("decode", [accounts.decode_slab, accounts.decode_roots, accounts.decode_ledger])
def test_another_account_is_refused(decode: Any) -> None:
    """A substituted account must be an error, not a slab of zeros."""
    with pytest.raises(accounts.AccountError):
        decode(bytes(37_024))
    with pytest.raises(accounts.AccountError):
        decode(accounts.discriminator("MeterSlab") + bytes(5))
