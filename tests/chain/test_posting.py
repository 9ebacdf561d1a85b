"""Packing readings: the bytes mean the same register whatever has landed before."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkit.chain import idl
from gridkit.chain.posting import (
    ATTESTED_READINGS,
    ATTESTED_SIZE,
    MAX_ATTESTED,
    PackingError,
    pack_reading,
    pack_runs,
    post_batch_data,
    set_oracles_data,
    unpack_readings,
    width_code,
)
from gridkit.reading import Core

WIDTHS = (0, 2, 3, 8)


def core(**changes: object) -> Core:
    fields = {"import_wh": 1_000_100, "export_wh": 70, "quality": 0, "clock_error_ms": 0, "interval": 500} | changes
    return Core(network_tag=b"abcd", meter_number=1, key_epoch=0, register_epoch=0, detail_hash=b"hashhash", **fields)  # type: ignore[arg-type]


@given(
    stored=st.integers(0, 2**40),
    landed=st.integers(0, 2**25),
    growth=st.integers(0, 2**25),
)
def test_low_order_bytes_mean_the_same_register_whatever_landed_before(stored: int, landed: int, growth: int) -> None:
    """An earlier transaction may be lost or not: the reading must not be understood as another one."""
    register = stored + landed + growth
    size = WIDTHS[width_code(register, stored)]
    low = register.to_bytes(8, "little")[:size]
    for now in (stored, stored + landed):
        value = int.from_bytes(low, "little")
        understood = value if size == 8 else now + (value - now) % (1 << 8 * size)
        assert understood == register


@pytest.mark.parametrize(
    ("growth", "code"), [(0, 0), (1, 1), (2**16 - 1, 1), (2**16, 2), (2**24 - 1, 2), (2**24, 3), (2**63, 3)]
)
def test_the_shortest_width_that_reaches_is_taken(growth: int, code: int) -> None:
    """Two bytes more a reading cost one reading in twelve."""
    assert width_code(1_000 + growth, 1_000) == code


def test_a_register_below_the_stored_one_needs_all_bytes() -> None:
    """Fewer bytes would mean a higher register: energy that was never metered."""
    with pytest.raises(PackingError):
        width_code(999, 1_000)
    assert width_code(999, 1_000, absolute=True) == 3


def test_a_usual_reading_is_77_bytes_and_the_worst_94() -> None:
    """Twelve usual ones fit a transaction; the worst case must still fit ten."""
    usual = pack_reading(
        3, 500, core(clock_error_ms=12), bytes(64), stored_import_wh=1_000_000, stored_export_wh=70, next_epoch=False
    )
    assert usual == bytes([3, 0x21]) + (1_000_100 & 0xFFFF).to_bytes(2, "little") + b"\x0c\x00" + b"hashhash" + bytes(
        64
    )
    assert len(usual) == 78
    worst = pack_reading(
        3,
        499,
        core(clock_error_ms=1, quality=64),
        bytes(64),
        stored_import_wh=0,
        stored_export_wh=0,
        next_epoch=True,
        absolute=True,
    )
    assert len(worst) == 96
    assert worst[1] == 0xFF
    assert worst[2:4] == b"\x01\x00"


def test_an_interval_beyond_the_offset_is_refused() -> None:
    """A wrapped offset would name another quarter hour."""
    with pytest.raises(PackingError):
        pack_reading(0, 501, core(), bytes(64), stored_import_wh=0, stored_export_wh=0, next_epoch=False)
    with pytest.raises(PackingError):
        pack_reading(0, 0, core(interval=65_536), bytes(64), stored_import_wh=0, stored_export_wh=0, next_epoch=False)


@given(
    readings=st.lists(
        st.tuples(
            st.integers(0, 255),
            st.integers(0, 0xFFFF),
            st.integers(0, 2**64 - 1),
            st.integers(0, 2**64 - 1),
            st.integers(0, 0xFFFF),
            st.integers(0, 0xFFFF),
            st.booleans(),
        ),
        max_size=6,
    )
)
def test_what_was_packed_is_read_back(readings: list[tuple[int, ...]]) -> None:
    """A posting whose event is hidden is understood from its own bytes alone."""
    sent, data = [], b""
    for n, (slot, offset, import_wh, export_wh, quality, clock, next_epoch) in enumerate(readings):
        made = core(
            interval=500 + offset, import_wh=import_wh, export_wh=export_wh, quality=quality, clock_error_ms=clock
        )
        stored = {"stored_import_wh": import_wh - import_wh % 7, "stored_export_wh": 0, "next_epoch": bool(next_epoch)}
        signature = bytes([n]) * 64
        data += pack_reading(slot, 500, made, signature, **stored)
        sent.append((slot, made, signature, bool(next_epoch)))
    found = unpack_readings(500, data)
    assert [(one.slot, one.interval, one.signature, one.next_epoch) for one in found] == [
        (slot, made.interval, signature, next_epoch) for slot, made, signature, next_epoch in sent
    ]
    for one, (_, made, _, _) in zip(found, sent, strict=True):
        assert one.says(made)
        for change in ({"interval": made.interval + 1}, {"quality": made.quality ^ 1}, {"detail_hash": b"otherone"}):
            assert not one.says(msgspec.structs.replace(made, **change))
        if one.import_low:
            assert not one.says(msgspec.structs.replace(made, import_wh=made.import_wh ^ 1))
    if data:
        with pytest.raises(PackingError):
            unpack_readings(500, data[:-1])


def unpack_runs(runs: bytes) -> dict[int, tuple[int, int]]:
    """What the program reads: the low 24 bits of import and export by slot."""
    found: dict[int, tuple[int, int]] = {}
    at = 0
    while at < len(runs):
        first, count = runs[at], runs[at + 1]
        at += 2
        for slot in range(first, first + count):
            assert slot not in found
            found[slot] = (int.from_bytes(runs[at : at + 3], "little"), int.from_bytes(runs[at + 3 : at + 6], "little"))
            at += ATTESTED_SIZE
    assert at == len(runs)
    return found


@given(
    st.dictionaries(
        st.integers(0, 255),
        st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)),
        min_size=1,
        max_size=MAX_ATTESTED,
    )
)
def test_every_slot_keeps_its_own_registers(registers: dict[int, tuple[int, int]]) -> None:
    """One slot off, and a whole building's registers are its neighbours'."""
    runs = pack_runs(registers)
    low = 2**24 - 1
    assert unpack_runs(runs) == {slot: (wh[0] & low, wh[1] & low) for slot, wh in registers.items()}


def test_a_full_batch_is_912_bytes_of_instruction() -> None:
    """149 readings fit a transaction because neighbours share two bytes of head."""
    runs = pack_runs(dict.fromkeys(range(ATTESTED_READINGS), (1, 2)))
    assert len(runs) == 2 + 6 * 149
    assert runs[:2] == b"\x00\x95"
    assert len(post_batch_data(7, runs)) == 8 + 4 + 4 + 896


@pytest.mark.parametrize(
    "registers",
    [{}, dict.fromkeys(range(MAX_ATTESTED + 1), (0, 0)), {256: (0, 0)}, {-1: (0, 0)}, {0: (-1, 0)}, {0: (0, 2**64)}],
    ids=["none", "too many", "slot 256", "slot -1", "negative", "65 bits"],
)
def test_what_cannot_be_said_is_refused(registers: dict[int, tuple[int, int]]) -> None:
    """Better no transaction than one that says something else."""
    with pytest.raises(PackingError):
        pack_runs(registers)


def test_hand_packed_instructions_are_those_of_the_interface() -> None:
    """The fast packer and the described one must never drift apart."""
    spec = idl.interface("oracle")
    runs = pack_runs({3: (5, 6), 4: (7, 8), 9: (1, 1)})
    assert post_batch_data(1_977_640, runs) == spec.instruction("post_batch").encode(interval=1_977_640, runs=runs)
    keys = [bytes([n]) * 32 for n in range(8)]
    for count in (1, 8):
        packed = set_oracles_data(count, keys[:count])
        assert packed == spec.instruction("set_oracles").encode(threshold=count, oracle_keys=keys[:count])
    with pytest.raises(PackingError):
        post_batch_data(2**32, runs)
