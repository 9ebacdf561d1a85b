"""The signed reading's bytes, both ways from one set of vectors."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from gridkit.reading import (
    CORE_SIZE,
    MAX_PAYLOAD,
    Core,
    Detail,
    Fault,
    MalformedReadingError,
    core_digest,
    decode_core,
    decode_detail,
    detail_hash,
    encode_core,
    encode_detail,
    network_tag,
    sign_reading,
    split_payload,
    verify_core,
)

KEY = SigningKey(b"\x07" * 32)


def core_of(value: dict[str, Any]) -> Core:
    """The vector's JSON value as a core."""
    fields = {k: bytes.fromhex(v) if k in ("network_tag", "detail_hash") else int(v) for k, v in value.items()}
    return Core(**fields)


def verdict(payload: bytes, device_key: bytes) -> str:
    """What a verifier says: a fault's label, bad_signature, or ok."""
    try:
        core_bytes, signature, detail_bytes = split_payload(payload)
        decode_core(core_bytes)
        decode_detail(detail_bytes)
    except MalformedReadingError as error:
        return error.fault.value
    return "ok" if verify_core(core_bytes, signature, device_key) else "bad_signature"


def test_bytes_decode_to_the_value_and_the_value_encodes_to_the_bytes(vectors: Any) -> None:
    """An edge and a program that disagree on one byte lose every reading of the fleet."""
    data = vectors("readings")
    device = bytes.fromhex(data["device_key"])
    for case in data["valid"]:
        core_bytes = bytes.fromhex(case["core"])
        assert decode_core(core_bytes) == core_of(case["value"]), case["name"]
        assert encode_core(core_of(case["value"])) == core_bytes, case["name"]
        assert core_digest(core_bytes, device).hex() == case["digest"], case["name"]
        assert verdict(bytes.fromhex(case["payload"]), device) == "ok", case["name"]


def test_signing_gives_the_vectors_payload(vectors: Any) -> None:
    """Ed25519 is deterministic: another payload for the same reading means that other bytes were signed."""
    data = vectors("readings")
    key = SigningKey(bytes.fromhex(data["device_seed"]))
    for case in data["valid"]:
        payload = sign_reading(key, core_of(case["value"]), bytes.fromhex(data["detail"]))
        assert payload.hex() == case["payload"], case["name"]


def test_each_way_of_being_invalid_is_named(vectors: Any) -> None:
    """An operator who is told only "invalid" cannot tell a wrong clock from a stolen key."""
    data = vectors("readings")
    for case in data["invalid"]:
        assert verdict(bytes.fromhex(case["payload"]), bytes.fromhex(data["device_key"])) == case["reason"], case[
            "name"
        ]


def test_detail_is_the_vectors_array_both_ways(vectors: Any) -> None:
    """The detail's hash is signed: a field that moves makes the auditor read a voltage as a register."""
    data = vectors("readings")
    detail = decode_detail(bytes.fromhex(data["detail"]))
    assert encode_detail(detail).hex() == data["detail"]
    assert detail.meter_serial == "22110017"
    assert detail.opening_import_wh == 1_234_000
    assert detail.phases[0].power_mw == (1_000_000, 1_500_000, 2_250_000)
    assert detail.raw_import is not None
    assert detail.raw_import.value == 1_234_567


def test_detail_of_a_later_version_with_more_fields_is_still_read(vectors: Any) -> None:
    """Agents are updated one building at a time; the bridge must not refuse the first."""
    fields = msgspec.msgpack.decode(bytes.fromhex(vectors("readings")["detail"]))
    later = msgspec.msgpack.encode([2, *fields[1:], "new field"])
    assert decode_detail(later).meter_serial == "22110017"


def test_network_tag_is_the_vectors(vectors: Any) -> None:
    """The tag keeps a reading of the test network out of the real one."""
    data = vectors("readings")
    tag = network_tag(bytes.fromhex(data["genesis_hash"]), bytes.fromhex(data["oracle_program"]))
    assert tag.hex() == data["network_tag"]
    with pytest.raises(ValueError):
        network_tag(b"short", bytes(32))


def test_payload_size_is_bounded_on_both_sides() -> None:
    """One byte over the limit is refused by every party alike, at the signer first."""
    detail = bytes(MAX_PAYLOAD - 111)
    core = Core(bytes(4), 1, 0, 0, 1, 0, 0, 0, 0, detail_hash(detail))
    assert len(split_payload(sign_reading(KEY, core, detail)).detail_bytes) == len(detail)
    longer = detail + b"\0"
    with pytest.raises(ValueError):
        sign_reading(KEY, msgspec.structs.replace(core, detail_hash=detail_hash(longer)), longer)
    with pytest.raises(MalformedReadingError) as caught:
        split_payload(bytes(110))
    assert caught.value.fault is Fault.SIZE


@pytest.mark.parametrize(
    "change",
    [
        {"meter_number": 0},
        {"meter_number": 2**32},
        {"import_wh": -1},
        {"export_wh": 2**64},
        {"quality": 0x8000},
        {"clock_error_ms": 65_536},
        {"network_tag": b"abc"},
        {"detail_hash": b"abc"},
    ],
)
def test_a_field_out_of_range_is_never_encoded(change: dict[str, Any]) -> None:
    """A silently truncated register would be signed and minted."""
    core = Core(bytes(4), 1, 0, 0, 1, 0, 0, 0, 0, bytes(8))
    with pytest.raises(ValueError):
        encode_core(msgspec.structs.replace(core, **change))


def test_a_core_is_never_signed_with_another_detail() -> None:
    """The signature would vouch for voltages that the meter never showed."""
    with pytest.raises(ValueError):
        sign_reading(KEY, Core(bytes(4), 1, 0, 0, 1, 0, 0, 0, 0, bytes(8)), b"detail")


u16, u32, u64 = st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)


@given(
    st.builds(
        Core,
        st.binary(min_size=4, max_size=4),
        st.integers(1, 2**32 - 1),
        u16,
        u16,
        u32,
        u64,
        u64,
        st.integers(0, 0x7FFF),
        u16,
        st.binary(min_size=8, max_size=8),
    )
)
def test_any_core_survives_the_way_there_and_back(core: Core) -> None:
    """A register that changes on the wire is energy made or lost."""
    data = encode_core(core)
    assert len(data) == CORE_SIZE
    assert decode_core(data) == core


@given(st.binary(max_size=300))
def test_garbage_is_malformed_and_nothing_else(data: bytes) -> None:
    """A broker carries anything; an unexpected exception would stop the bridge for everybody."""
    for decode in (split_payload, decode_core, decode_detail):
        try:
            result = decode(data)
        except MalformedReadingError:
            continue
        assert isinstance(result, Core | Detail | tuple)
