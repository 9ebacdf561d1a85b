"""The signature check inside the programs: the same verdict as gridkit's on every kind of signature that anybody could
make, honest or not. It is asked through verify_reading, whose record and path are made right beforehand."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path

import nacl.bindings as sodium
import pytest
from nacl.signing import SigningKey
from oracle_world import VERIFIED, World
from program_harness import Chain, Outcome, expect_error

from gridkit.ed25519 import verify_strict

Verdict = Callable[[bytes, bytes, bytes], bool]
VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "ed25519.json"
ORDER = 2**252 + 27742317777372353535851937790883648493
PRIME = 2**255 - 19
CORE_SIZE = 47
CORE = bytes(range(CORE_SIZE))
# Encodings of the eight points of small order, orders 1, 8, 4, 8, 2, 8, 4, 8.
SMALL = [
    bytes.fromhex(text)
    for text in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    )
]
# The same points said in other ways: y not reduced, or x = 0 with a sign.
DISGUISED = [
    (y | sign << 255).to_bytes(32, "little")
    for y, sign in ((PRIME, 0), (PRIME, 1), (PRIME + 1, 0), (PRIME + 1, 1), (1, 1), (PRIME - 1, 1))
]
IDENTITY = SMALL[0]


@pytest.fixture(scope="module")
def world() -> World:
    return World(Chain(["oracle"]))


@pytest.fixture(scope="module")
def check(world: World) -> Verdict:
    """Ask the program. Its verdict must be gridkit's, whatever a test expects."""
    chain, roots = world.chain, world.roots()
    chain.patch(roots, 16, (1).to_bytes(8, "little"))

    def verdict(key: bytes, core: bytes, signature: bytes) -> bool:
        digest = hashlib.sha256(core + key).digest()[:16]
        record = struct.pack("<HIH16s", 0, int.from_bytes(core[15:19], "little"), VERIFIED, digest)
        chain.patch(roots, 160 + 8, hashlib.sha256(b"\0" + record).digest())
        outcome: Outcome = chain.call(
            "oracle",
            "verify_reading",
            {"roots": roots},
            seq=0,
            record=0,
            batch_left=0,
            core=core,
            device_key=key,
            signature=signature,
            leaf=record,
            batch_path=[],
            mountain_path=[],
        )
        if not outcome.ok:
            expect_error(outcome, "oracle", "BadSignature")
        assert outcome.ok == verify_strict(key, core, signature), "the two halves of the system differ"
        return outcome.ok

    return verdict


def scalar(value: int) -> bytes:
    return (value % ORDER).to_bytes(32, "little")


def times_base(value: int) -> bytes:
    return IDENTITY if value % ORDER == 0 else sodium.crypto_scalarmult_ed25519_base_noclamp(scalar(value))


def challenge(r: bytes, key: bytes, core: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + key + core).digest(), "little") % ORDER


def secret_of(name: str) -> int:
    """The scalar of a device key."""
    digest = hashlib.sha512(hashlib.sha256(name.encode()).digest()).digest()
    return (int.from_bytes(digest[:32], "little") & (2**254 - 8)) | 2**254


def cores() -> list[bytes]:
    """Cores to try until one hashes as wanted."""
    return [struct.pack("<I", n) + CORE[4:] for n in range(400)]


# ---------------------------------------------------------------------------------------------------------------- honest


def test_what_a_device_signs_is_believed(check: Verdict) -> None:
    """Random keys, messages and nonces, so that every limb of the arithmetic carries."""
    rng = hashlib.sha256(b"devices")
    for n in range(200):
        rng.update(bytes([n]))
        key = SigningKey(rng.digest())
        core = hashlib.sha512(rng.digest()).digest()[:CORE_SIZE]
        assert check(bytes(key.verify_key), core, key.sign(core).signature)


@pytest.mark.parametrize("filler", [0x00, 0xFF, 0x80, 0x01])
def test_extreme_messages_are_hashed_right(check: Verdict, filler: int) -> None:
    """The padding follows the message in the same block."""
    key = SigningKey(bytes(32))
    core = bytes([filler]) * CORE_SIZE
    assert check(bytes(key.verify_key), core, key.sign(core).signature)


def test_shared_vectors_have_their_verdict(check: Verdict) -> None:
    """The same file is read by the edge, the bridge and this; whoever changes one finds the others here."""
    cases = [case for case in json.loads(VECTORS.read_text())["cases"] if len(case["message"]) == 2 * CORE_SIZE]
    whole = [c for c in cases if len(c["public_key"]) == 64 and len(c["signature"]) == 128]
    assert len(whole) > 20
    for case in whole:
        key, core, signature = (bytes.fromhex(case[name]) for name in ("public_key", "message", "signature"))
        assert check(key, core, signature) == case["valid"], case["name"]


# ------------------------------------------------------------------------------------------------------------- dishonest


def test_every_flipped_bit_of_signature_message_and_key_is_noticed(check: Verdict) -> None:
    """There is no bit that does not count."""
    key = SigningKey(b"\x11" * 32)
    public, signature = bytes(key.verify_key), key.sign(CORE).signature
    assert check(public, CORE, signature)
    for name, value in (("signature", signature), ("core", CORE), ("key", public)):
        for bit in range(8 * len(value)):
            flipped = bytearray(value)
            flipped[bit // 8] ^= 1 << bit % 8
            parts = {"key": public, "core": CORE, "signature": signature, name: bytes(flipped)}
            assert not check(parts["key"], parts["core"], parts["signature"]), f"{name}, bit {bit}"


@pytest.mark.parametrize("multiple", [1, 2, 3, 8, 14, 15])
def test_scalar_that_is_not_reduced_is_refused(check: Verdict, multiple: int) -> None:
    """Else every signature would have a twin, and a reading two digests."""
    key = SigningKey(b"\x12" * 32)
    signature = key.sign(CORE).signature
    value = int.from_bytes(signature[32:], "little") + multiple * ORDER
    if value < 2**256:
        assert not check(bytes(key.verify_key), CORE, signature[:32] + value.to_bytes(32, "little"))


@pytest.mark.parametrize("value", [0, 1, ORDER - 1, ORDER, ORDER + 1, 2**252, 2**253 - 1, 2**255 - 1, 2**256 - 1])
def test_extreme_scalars_are_judged_alike(check: Verdict, value: int) -> None:
    """On both sides of the group order. No signature with a chosen scalar can be made, so none fits; what matters is that
    neither side stumbles."""
    key = times_base(secret_of("device"))
    assert not check(key, CORE, times_base(value) + value.to_bytes(32, "little"))


@pytest.mark.parametrize("point", [*SMALL, *DISGUISED], ids=lambda point: point.hex()[:4] + point.hex()[-2:])
def test_key_of_small_order_is_refused(check: Verdict, point: bytes) -> None:
    """Anybody can sign for such a key: whenever its order divides the challenge, s = r fits."""
    for n, core in enumerate(cores()[:64]):
        r = 1000 + n
        assert not check(point, core, times_base(r) + scalar(r))


@pytest.mark.parametrize("point", [*SMALL, *DISGUISED], ids=lambda point: point.hex()[:4] + point.hex()[-2:])
def test_nonce_point_of_small_order_is_refused(check: Verdict, point: bytes) -> None:
    """With R the identity, s = h a satisfies the equation; devices never make such a nonce, so somebody else did."""
    secret = secret_of("device")
    key = times_base(secret)
    for core in cores()[:16]:
        h = challenge(point, key, core)
        assert not check(key, core, point + scalar(h * secret))


@pytest.mark.parametrize("offset", range(19))
@pytest.mark.parametrize("sign", [0, 1])
def test_key_that_is_not_canonical_is_refused(check: Verdict, offset: int, sign: int) -> None:
    """One point, two encodings: the registry would take them for two keys."""
    key = (PRIME + offset | sign << 255).to_bytes(32, "little")
    assert not check(key, CORE, times_base(7) + scalar(7))


@pytest.mark.parametrize("torsion", SMALL[1:], ids=lambda point: point.hex()[:4])
def test_nonce_with_a_part_of_small_order_is_refused(check: Verdict, torsion: bytes) -> None:
    """A check that multiplies by the cofactor would accept it, and one that does not would not."""
    secret, r = secret_of("device"), 4711
    key = times_base(secret)
    nonce = sodium.crypto_core_ed25519_add(times_base(r), torsion)
    assert not check(key, CORE, nonce + scalar(r + challenge(nonce, key, CORE) * secret))


@pytest.mark.parametrize("torsion", SMALL[1:], ids=lambda point: point.hex()[:4])
def test_key_with_a_part_of_small_order_is_judged_alike(check: Verdict, torsion: bytes) -> None:
    """Without the cofactor such a signature fits only when the torsion's order divides the challenge."""
    secret, r = secret_of("device"), 815
    key = sodium.crypto_core_ed25519_add(times_base(secret), torsion)
    nonce = times_base(r)
    verdicts = {check(key, core, nonce + scalar(r + challenge(nonce, key, core) * secret)) for core in cores()[:60]}
    assert verdicts == {True, False}


def test_encoding_of_no_point_is_refused(check: Verdict) -> None:
    """Half of all encodings are of no point of the curve."""
    key = SigningKey(b"\x13" * 32)
    signature = key.sign(CORE).signature
    refused = 0
    for n in range(2, 60):
        encoding = hashlib.sha256(bytes([n])).digest()
        assert not check(encoding, CORE, signature)
        assert not check(bytes(key.verify_key), CORE, encoding + signature[32:])
        refused += not sodium.crypto_core_ed25519_is_valid_point(encoding)
    assert refused > 20


def test_signature_of_another_key_or_message_is_refused(check: Verdict) -> None:
    """The plain forgery."""
    mine, theirs = SigningKey(b"\x14" * 32), SigningKey(b"\x15" * 32)
    assert not check(bytes(theirs.verify_key), CORE, mine.sign(CORE).signature)
    assert not check(bytes(mine.verify_key), CORE, mine.sign(CORE[::-1]).signature)
    assert not check(bytes(mine.verify_key), CORE, bytes(64))
    assert not check(bytes(mine.verify_key), CORE, b"\xff" * 64)


def test_random_bytes_are_refused(check: Verdict) -> None:
    """Whatever a broken line delivers."""
    key = bytes(SigningKey(b"\x16" * 32).verify_key)
    for n in range(200):
        noise = hashlib.sha512(bytes([n])).digest()
        assert not check(key, CORE, noise)
