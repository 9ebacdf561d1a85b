"""Proof of possession, the enrolment file and the signed configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from gridkit.enrolment import (
    AgentConfig,
    BadProofError,
    ConfiguredMeter,
    EnrolmentError,
    ForgedConfigError,
    MalformedConfigError,
    encode_config,
    format_meter_id,
    make_enrolment,
    parse_meter_id,
    proof_message,
    read_enrolment,
    sign_proof,
    verify_config,
    verify_proof,
    write_enrolment,
)

PROOF_FIELDS = ("proof", "network_tag", "owner", "meter_id", "device_key")


def test_the_proof_signs_the_vectors_message(vectors: Any) -> None:
    """The registry program rebuilds this message; one other byte and no meter can ever be enrolled."""
    data = vectors("enrolment")
    v = {k: bytes.fromhex(x) for k, x in data["valid"].items()}
    assert proof_message(v["network_tag"], v["owner"], v["meter_id"], v["device_key"]).hex() == data["message"]
    key = SigningKey(bytes.fromhex(data["device_seed"]))
    assert sign_proof(key, v["network_tag"], v["owner"], v["meter_id"]) == v["proof"]
    assert verify_proof(*(v[k] for k in PROOF_FIELDS))


def test_a_proof_for_anything_else_is_refused(vectors: Any) -> None:
    """A proof that could be used for another owner would hand him somebody's meter."""
    for case in vectors("enrolment")["invalid"]:
        assert not verify_proof(*(bytes.fromhex(case[k]) for k in PROOF_FIELDS)), case["name"]


def test_an_enrolment_file_is_read_back_and_a_changed_one_refused(tmp_path: Path) -> None:
    """The file travels by mail; somebody may put his own wallet into it."""
    enrolment = make_enrolment(
        SigningKey(b"\x01" * 32),
        network_tag=b"abcd",
        owner=b"\x02" * 32,
        meter_id=parse_meter_id("HOUSE-07"),
        serial="42",
        agent="a1",
        profile="abb-b23",
    )
    write_enrolment(tmp_path / "e.json", enrolment)
    assert read_enrolment(tmp_path / "e.json") == enrolment
    for change in (
        {"owner": "03" * 32},
        {"network_tag": "00000000"},
        {"proof": "AAAA"},
        {"meter_id": "zz"},
        {"version": 2},
    ):
        write_enrolment(tmp_path / "e.json", msgspec.structs.replace(enrolment, **change))
        with pytest.raises(BadProofError):
            read_enrolment(tmp_path / "e.json")


def test_configuration_bytes_and_value_agree(vectors: Any) -> None:
    """The number and the zone in it decide under which name a meter signs."""
    data = vectors("configuration")
    key, tag = SigningKey(bytes.fromhex(data["operator_seed"])), bytes.fromhex(data["network_tag"])
    for case in data["valid"]:
        rows = tuple(ConfiguredMeter(bytes.fromhex(r[0]), *r[1:]) for r in case["meters"])
        value = AgentConfig(tag, case["version"], rows)
        assert verify_config(bytes.fromhex(case["config"]), bytes.fromhex(data["operator_key"]), tag) == value
        assert encode_config(value, key).hex() == case["config"]


def test_a_configuration_that_the_operator_did_not_sign_is_refused(vectors: Any) -> None:
    """Whoever can publish on the broker could otherwise swap two neighbours' meters."""
    data = vectors("configuration")
    kinds = {"forged": ForgedConfigError, "malformed": MalformedConfigError}
    for case in data["invalid"]:
        with pytest.raises(kinds[case["reason"]]):
            verify_config(
                bytes.fromhex(case["config"]), bytes.fromhex(data["operator_key"]), bytes.fromhex(data["network_tag"])
            )


@given(st.binary(max_size=200))
def test_garbage_is_no_configuration(data: bytes) -> None:
    """Retained messages outlive mistakes; the agent must survive them at every start."""
    with pytest.raises(EnrolmentError):
        verify_config(data, bytes(range(32)), bytes(4))


@given(st.binary(min_size=16, max_size=16))
def test_meter_id_text_names_the_same_sixteen_bytes(meter_id: bytes) -> None:
    """Two meters that print alike would be enrolled as one."""
    assert parse_meter_id(format_meter_id(meter_id)) == meter_id


@pytest.mark.parametrize("text", ["", "seventeen chars..", "tab\there", "größe"])
def test_a_meter_id_that_cannot_be_sixteen_bytes_is_refused(text: str) -> None:
    """A cut-off id would name another meter."""
    with pytest.raises(ValueError):
        parse_meter_id(text)
