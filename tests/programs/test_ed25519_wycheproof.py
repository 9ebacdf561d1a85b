"""One verdict on every signature that others have collected for breaking checks: in the programs' code, in gridkit and in PyNaCl.

Project Wycheproof's messages have other lengths than the programs' own, so the programs' check is asked through a fixture that
is built from the same two source files (`ed25519_probe/`). The 47-byte path is held to the same verdicts beside it.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nacl.bindings
import nacl.exceptions
import pytest
from program_harness import Chain, Outcome, keypair
from solders.instruction import Instruction
from test_ed25519 import CORE, DISGUISED, IDENTITY, SMALL, challenge, scalar, secret_of, times_base

from gridkit.ed25519 import verify_strict

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"
WYCHEPROOF = json.loads((VECTORS / "wycheproof_ed25519.json").read_text())
OURS = json.loads((VECTORS / "ed25519.json").read_text())["cases"]
# The longest message that the programs hash; they have none above 88 bytes.
LONGEST_MESSAGE = 175
PROBE = keypair("ed25519 probe").pubkey()
INVALID = 1

Verdict = Callable[[bytes, bytes, bytes], bool]


@pytest.fixture(scope="module")
def program() -> Verdict:
    """The verdict of the programs' code, run by the SVM."""
    chain = Chain([])
    chain.svm.add_program(PROBE, (HERE / "ed25519_probe" / "ed25519_probe.so").read_bytes())

    def verdict(key: bytes, message: bytes, signature: bytes) -> bool:
        assert (len(key), len(signature)) == (32, 64)
        outcome: Outcome = chain.send(Instruction(PROBE, bytes(8) + key + signature + message, []))
        assert outcome.ok or outcome.code == INVALID, outcome.logs
        return outcome.ok

    return verdict


def pynacl(key: bytes, message: bytes, signature: bytes) -> bool:
    """PyNaCl's own verdict, used strictly: a wrong length is a refusal, and nothing is caught but its refusals."""
    if len(key) != 32 or len(signature) != 64:
        return False
    try:
        nacl.bindings.crypto_sign_open(signature + message, key)
    except (nacl.exceptions.BadSignatureError, nacl.exceptions.ValueError):
        return False
    return True


def parts(case: dict[str, Any]) -> tuple[bytes, bytes, bytes]:
    return tuple(bytes.fromhex(case[name]) for name in ("public_key", "message", "signature"))  # type: ignore[return-value]


def test_the_fixture_is_built_from_the_check_as_it_is() -> None:
    """A verdict of older code would say nothing: `python tests/programs/ed25519_probe/build.py`."""
    spec = importlib.util.spec_from_file_location("ed25519_probe_build", HERE / "ed25519_probe" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.BUILT_FROM.read_text().strip() == module.sources_sha256()


def test_the_file_is_whole() -> None:
    """A file that lost its hard cases would pass."""
    cases = WYCHEPROOF["cases"]
    assert len(cases) == WYCHEPROOF["number_of_tests"] == 150
    assert [sum(case["valid"] is valid for case in cases) for valid in (True, False)] == [88, 62]


@pytest.mark.parametrize("check", [verify_strict, pynacl], ids=["gridkit", "PyNaCl"])
def test_wycheproof_in_python(check: Verdict) -> None:
    """Every case, of every length of key and signature."""
    for case in WYCHEPROOF["cases"]:
        assert check(*parts(case)) == case["valid"], (case["id"], case["comment"])


def test_wycheproof_in_the_programs(program: Verdict) -> None:
    """The same, as far as the program can be asked: a signature of another length than 64 bytes does not fit its instruction, and
    neither does a message of 1,023 bytes fit a transaction."""
    asked = left_out = 0
    for case in WYCHEPROOF["cases"]:
        key, message, signature = parts(case)
        if len(signature) != 64:
            assert not case["valid"], "whatever cannot be said is not valid"
            left_out += 1
        elif len(message) > 1_000:
            left_out += 1
        elif len(message) > LONGEST_MESSAGE:
            # The one difference, on the safe side: the program hashes two blocks and refuses what is longer.
            assert case["valid"]
            assert not program(key, message, signature)
            asked += 1
        else:
            assert program(key, message, signature) == case["valid"], (case["id"], case["comment"])
            asked += 1
    assert (asked, left_out) == (137, 13)


def test_our_vectors_in_all_three(program: Verdict) -> None:
    """Small order, not canonical, not reduced: what the RFC leaves open is settled the same way everywhere. libsodium, as PyNaCl
    ships it, needs no help; gridkit's own checks are for builds of it that are laxer (ED25519_COMPAT)."""
    for case in OURS:
        key, message, signature = parts(case)
        assert verify_strict(key, message, signature) == case["valid"], case["name"]
        if (len(key), len(signature)) == (32, 64) and len(message) <= LONGEST_MESSAGE:
            assert program(key, message, signature) == case["valid"], case["name"]
        assert pynacl(key, message, signature) == case["valid"], case["name"]


@pytest.mark.parametrize("point", [*SMALL, *DISGUISED], ids=lambda point: point.hex()[:4] + point.hex()[-2:])
def test_points_of_small_order_in_all_three(program: Verdict, point: bytes) -> None:
    """As a key anybody can sign for them; as a nonce no device makes them."""
    secret = secret_of("device")
    honest = times_base(secret)
    for n in range(8):
        message = bytes([n]) + CORE[1:]
        as_key = (point, message, times_base(1_000 + n) + scalar(1_000 + n))
        as_nonce = (honest, message, point + scalar(challenge(point, honest, message) * secret))
        for asked in (as_key, as_nonce):
            assert [check(*asked) for check in (program, verify_strict, pynacl)] == [False] * 3
    assert IDENTITY in SMALL
