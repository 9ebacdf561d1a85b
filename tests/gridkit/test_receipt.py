"""Receipts: the only word on which a reading is deleted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from gridkit.receipt import (
    Receipt,
    ReceiptError,
    Verdict,
    decode_receipt,
    encode_receipt,
    is_permanent,
    is_stored,
    is_transient,
    verdict_label,
    verify_receipt,
)


def test_bytes_and_value_agree_for_every_verdict(vectors: Any) -> None:
    """A verdict that reads differently at the edge deletes what the bridge has refused."""
    data = vectors("receipts")
    key = SigningKey(bytes.fromhex(data["bridge_seed"]))
    tag, bridge = bytes.fromhex(data["network_tag"]), bytes.fromhex(data["bridge_key"])
    assert {case["name"]: case["verdict"] for case in data["valid"]} == {v.name.lower(): int(v) for v in Verdict}
    for case in data["valid"]:
        value = Receipt(tag, data["meter_number"], bytes.fromhex(data["payload_sha256"]), case["verdict"])
        assert encode_receipt(value, key).hex() == case["receipt"]
        assert verify_receipt(bytes.fromhex(case["receipt"]), [bytes(32), bridge], tag) == value


def test_a_receipt_that_is_not_the_bridges_is_refused_with_its_reason(vectors: Any) -> None:
    """Anybody on the broker could make the edge delete readings."""
    data = vectors("receipts")
    for case in data["invalid"]:
        with pytest.raises(ReceiptError) as caught:
            verify_receipt(
                bytes.fromhex(case["receipt"]), [bytes.fromhex(data["bridge_key"])], bytes.fromhex(data["network_tag"])
            )
        assert caught.value.label == case["reason"], case["name"]


@given(st.integers(0, 0xFFFF))
def test_every_code_is_exactly_one_of_stored_permanent_transient(code: int) -> None:
    """A code of a later bridge must neither delete nor be forgotten."""
    assert [is_stored(code), is_permanent(code), is_transient(code)].count(True) == 1
    assert is_stored(code) == (code == 1)
    assert verdict_label(code)


@given(st.binary(max_size=130))
def test_garbage_is_refused_as_a_receipt_error(data: bytes) -> None:
    """The edge must go on polling whatever arrives on its receipt topic."""
    with pytest.raises(ReceiptError):
        verify_receipt(data, [bytes(32)], bytes(4))


def test_fields_out_of_range_are_not_encoded(vectors: Any) -> None:
    """A truncated meter number would be a receipt for somebody else."""
    key = SigningKey(bytes(32))
    for bad in (Receipt(b"abc", 1, bytes(32), 1), Receipt(bytes(4), 2**32, bytes(32), 1), Receipt(bytes(4), 1, b"", 1)):
        with pytest.raises(ValueError):
            encode_receipt(bad, key)
    assert decode_receipt(encode_receipt(Receipt(bytes(4), 1, bytes(32), 0x0142), key)).verdict == 0x0142
