"""The strict signature check: one verdict for edge, bridge and chain."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from gridkit import ed25519
from gridkit.ed25519 import GROUP_ORDER, verify_strict


def test_every_vector_gets_its_verdict(vectors: Any) -> None:
    """Two checkers that differ on one signature let half the system believe what the other half refuses."""
    cases = vectors("ed25519")["cases"]
    assert len(cases) > 40
    for case in cases:
        a, m, s = (bytes.fromhex(case[k]) for k in ("public_key", "message", "signature"))
        assert verify_strict(a, m, s) is case["valid"], case["name"]


def test_small_order_and_unreduced_values_are_refused_before_the_library_is_asked(
    vectors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A libsodium built with ED25519_COMPAT accepts these; a forgery without any secret would then be a reading."""
    monkeypatch.setattr(ed25519, "crypto_sign_open", lambda signed, key: signed[64:])
    refused = ("s plus", "s equal", "s all ones", "of small order", "encoded as", "not canonical")
    seen = 0
    for case in vectors("ed25519")["cases"]:
        if any(word in case["name"] for word in refused):
            a, m, s = (bytes.fromhex(case[k]) for k in ("public_key", "message", "signature"))
            assert not verify_strict(a, m, s), case["name"]
            seen += 1
    assert seen == 3 + 16 + 10 + 1


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200))
def test_an_honest_signature_is_accepted_and_its_unreduced_twin_is_not(seed: bytes, message: bytes) -> None:
    """s and s + L give the same equation: without the range check each reading would have a second valid form."""
    key = SigningKey(seed)
    public, signature = bytes(key.verify_key), key.sign(message).signature
    assert verify_strict(public, message, signature)
    twin = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    assert not verify_strict(public, message, signature[:32] + twin.to_bytes(32, "little"))


@given(bit=st.integers(0, 64 * 8 - 1))
def test_any_flipped_bit_of_a_signature_fails(bit: int) -> None:
    """A bit error on a serial line or a disk must never pass as a signature."""
    key = SigningKey(hashlib.sha256(b"flip").digest())
    signature = bytearray(key.sign(b"core").signature)
    signature[bit // 8] ^= 1 << bit % 8
    assert not verify_strict(bytes(key.verify_key), b"core", bytes(signature))
