"""Writes the vectors of every byte format, without gridkit, so that gridkit and the Rust programs are held to them.

    python tests/vectors/make_vectors.py           writes the files beside it
    python tests/vectors/make_vectors.py --check   exits 1 when a file differs from what this script writes

Bytes are hex. Keys are derived from public seeds and protect nothing.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import msgspec
from nacl.signing import SigningKey

HERE = Path(__file__).parent
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def key(name: str) -> SigningKey:
    return SigningKey(sha(b"campusgrid vector key " + name.encode()))


def pub(signing_key: SigningKey) -> bytes:
    return bytes(signing_key.verify_key)


def u(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


# --- readings ---------------------------------------------------------------------------------------------------------
GENESIS = sha(b"genesis of the vectors")
ORACLE = sha(b"oracle program of the vectors")
TAG = sha(b"campusgrid" + GENESIS + ORACLE)[:4]
DETAIL = [
    1,
    "22110017",
    "eastron-sdm630",
    bytes(range(8)),
    "0.1.0",
    1_992_959,
    1_234_000,
    56_000,
    1_793_664_001_250,
    1_793_664_901_120,
    90,
    [49_980, 50_001, 50_020],
    [
        [0, None, None, [1_000_000, 1_500_000, 2_250_000], [980, 991, 1000]],
        [1, [229_100, 230_000, 231_400], None, None, None],
    ],
    [[1, 1, 0], [7, 1, 420]],
    sha(b"previous core"),
    [1234567, 1, 1],
    [56123, 1, 1],
    10_200,
]


def core(**changes: int | bytes) -> bytes:
    f: dict[str, int | bytes] = {
        "domain": b"CG",
        "version": 1,
        "network_tag": TAG,
        "meter_number": 17,
        "key_epoch": 0,
        "register_epoch": 0,
        "interval": 1_992_960,
        "import_wh": 1_234_567,
        "export_wh": 56_123,
        "quality": 0,
        "clock_error_ms": 12,
        "detail_hash": sha(msgspec.msgpack.encode(DETAIL))[:8],
    }
    f.update(changes)
    sizes = {
        "version": 1,
        "meter_number": 4,
        "key_epoch": 2,
        "register_epoch": 2,
        "interval": 4,
        "import_wh": 8,
        "export_wh": 8,
        "quality": 2,
        "clock_error_ms": 2,
    }
    return b"".join(v if isinstance(v, bytes) else u(v, sizes[k]) for k, v in f.items())


VALID_CORES: dict[str, dict[str, int]] = {
    "ordinary": {},
    "opening reading of a new meter, all registers zero": {"import_wh": 0, "export_wh": 0, "interval": 1},
    "every field at its greatest": {
        "meter_number": 2**32 - 1,
        "key_epoch": 2**16 - 1,
        "register_epoch": 2**16 - 1,
        "interval": 2**32 - 1,
        "import_wh": 2**64 - 1,
        "export_wh": 2**64 - 1,
        "quality": 0x7FFF,
        "clock_error_ms": 65_535,
    },
    "after a wrap of a 32-bit register": {"import_wh": 2**32 + 5, "quality": 0x0100},
    "catch-up after an outage": {"quality": 0x0040, "interval": 1_992_990},
    "derived, never posted": {"quality": 0x0002},
    "after a key rotation and a meter swap": {"key_epoch": 3, "register_epoch": 1, "quality": 0x0400},
}
FIELDS = (
    ("network_tag", 3, 7),
    ("meter_number", 7, 11),
    ("key_epoch", 11, 13),
    ("register_epoch", 13, 15),
    ("interval", 15, 19),
    ("import_wh", 19, 27),
    ("export_wh", 27, 35),
    ("quality", 35, 37),
    ("clock_error_ms", 37, 39),
    ("detail_hash", 39, 47),
)


def value_of(core_bytes: bytes) -> dict[str, object]:
    value: dict[str, object] = {}
    for name, start, end in FIELDS:
        part = core_bytes[start:end]
        # 64-bit registers as text: a JSON number of another language may not hold them.
        value[name] = (
            part.hex()
            if name in ("network_tag", "detail_hash")
            else str(int.from_bytes(part, "little"))
            if name.endswith("_wh")
            else int.from_bytes(part, "little")
        )
    return value


def payload(core_bytes: bytes, signer: SigningKey, detail: bytes) -> bytes:
    return core_bytes + signer.sign(core_bytes).signature + detail


def readings() -> dict[str, object]:
    device = key("device")
    detail = msgspec.msgpack.encode(DETAIL)
    valid = []
    for name, changes in VALID_CORES.items():
        core_bytes = core(**changes)
        valid.append(
            {
                "name": name,
                "value": value_of(core_bytes),
                "core": core_bytes.hex(),
                "signature": device.sign(core_bytes).signature.hex(),
                "payload": payload(core_bytes, device, detail).hex(),
                "digest": sha(core_bytes + pub(device))[:16].hex(),
            }
        )
    good = payload(core(), device, detail)
    flipped = bytearray(good)
    flipped[19] ^= 1
    signature_s = int.from_bytes(good[79:111], "little")
    other_detail = msgspec.msgpack.encode([*DETAIL[:1], "x", *DETAIL[2:]])
    invalid = [
        ("shorter than core and signature", good[:110], "size"),
        ("longer than 2,048 bytes", payload(core(detail_hash=sha(bytes(1938))[:8]), device, bytes(1938)), "size"),
        ("empty", b"", "size"),
        ("domain tag of something else", payload(core(domain=b"CR"), device, detail), "domain"),
        ("version 2", payload(core(version=2), device, detail), "version"),
        ("meter number 0", payload(core(meter_number=0), device, detail), "meter_number"),
        ("reserved quality bit", payload(core(quality=0x8000), device, detail), "quality"),
        (
            "detail exchanged",
            payload(core(), device, other_detail),
            "detail_hash",
        ),
        ("detail cut off", good[:-1], "detail_hash"),
        ("detail is no array", payload(core(detail_hash=sha(b"\x01")[:8]), device, b"\x01"), "detail"),
        ("one bit of a register flipped", bytes(flipped), "bad_signature"),
        ("signed by another meter's key", payload(core(), key("other device"), detail), "bad_signature"),
        ("s not reduced", good[:79] + u(signature_s + L, 32) + good[111:], "bad_signature"),
    ]
    return {
        "genesis_hash": GENESIS.hex(),
        "oracle_program": ORACLE.hex(),
        "network_tag": TAG.hex(),
        "device_key": pub(device).hex(),
        "device_seed": bytes(device).hex(),
        "detail": detail.hex(),
        "detail_fields": [v.hex() if isinstance(v, bytes) else v for v in DETAIL],
        "valid": valid,
        "invalid": [{"name": n, "payload": b.hex(), "reason": r} for n, b, r in invalid],
    }


# --- Ed25519 ----------------------------------------------------------------------------------------------------------
Point = tuple[int, int]


def add(a: Point, b: Point) -> Point:
    k = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + k, P - 2, P) % P
    return x, (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, P - 2, P) % P


def times(n: int, a: Point) -> Point:
    total: Point = (0, 1)
    while n:
        if n & 1:
            total = add(total, a)
        a, n = add(a, a), n >> 1
    return total


def compress(a: Point) -> bytes:
    return u(a[1] | (a[0] & 1) << 255, 32)


def decompress(y: int, sign: int) -> Point | None:
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - xx) % P:
        return None
    return (P - x if x & 1 != sign else x), y


BASE = decompress(4 * pow(5, P - 2, P) % P, 0)
assert BASE is not None


def order_8() -> Point:
    y = 2
    while True:
        point = decompress(y, 0)
        if point is not None:
            small = times(L, point)
            if times(4, small) != (0, 1):
                return small
        y += 1


def challenge(r: bytes, a: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + a + message).digest(), "little") % L


def ed25519() -> dict[str, object]:
    device = key("device")
    message = core()
    signature = device.sign(message).signature
    s = int.from_bytes(signature[32:], "little")
    secret = int.from_bytes(sha(b"scalar of the vectors") + bytes(31), "little") % L
    nonce = int.from_bytes(sha(b"nonce of the vectors"), "little") % L
    a_point, r_point = times(secret, BASE), times(nonce, BASE)
    small = [times(i, order_8()) for i in range(8)]
    cases: list[tuple[str, bytes, bytes, bytes, bool]] = [
        ("ordinary signature of a core", pub(device), message, signature, True),
        ("empty message", pub(device), b"", device.sign(b"").signature, True),
        ("longer message", pub(device), bytes(300), device.sign(bytes(300)).signature, True),
        ("another message", pub(device), message[:-1] + b"\xff", signature, False),
        ("another key", pub(key("other device")), message, signature, False),
        ("R changed", pub(device), message, bytes([signature[0] ^ 1]) + signature[1:], False),
        ("s plus the group order", pub(device), message, signature[:32] + u(s + L, 32), False),
        ("s equal to the group order", pub(device), message, signature[:32] + u(L, 32), False),
        ("s all ones", pub(device), message, signature[:32] + b"\xff" * 32, False),
        ("all zero signature", pub(device), message, bytes(64), False),
        ("signature one byte short", pub(device), message, signature[:63], False),
        ("signature one byte long", pub(device), message, signature + b"\0", False),
        ("key one byte short", pub(device)[:31], message, signature, False),
    ]
    for index, point in enumerate(small):
        a_bytes = compress(point)
        # A of small order: whoever picks R = s*B - h*A makes a signature that fits without any secret.
        for attempt in range(64):
            r_bytes = compress(times(nonce + attempt, BASE))
            if times(challenge(r_bytes, a_bytes, message), point) == (0, 1):
                forged = r_bytes + u((nonce + attempt) % L, 32)
                cases.append((f"A of small order, point {index}", a_bytes, message, forged, False))
                break
    for index, point in enumerate(small):
        # R of small order under an honest key: s = h*a makes s*B - h*A the neutral element.
        r_bytes = compress(point)
        h = challenge(r_bytes, compress(a_point), message)
        cases.append(
            (f"R of small order, point {index}", compress(a_point), message, r_bytes + u(h * secret % L, 32), False)
        )
    for name, y, sign in (
        ("y = p", P, 0),
        ("y = p + 1", P + 1, 0),
        ("y = 1 with sign", 1, 1),
        ("y = p - 1 with sign", P - 1, 1),
        ("y = p + 1 with sign", P + 1, 1),
    ):
        encoded = u(y | sign << 255, 32)
        r_bytes = compress(r_point)
        cases.append((f"A encoded as {name}", encoded, message, r_bytes + u(nonce, 32), False))
        h = challenge(encoded, compress(a_point), message)
        cases.append((f"R encoded as {name}", compress(a_point), message, encoded + u(h * secret % L, 32), False))
    y = next(y for y in range(P + 3, 2**255) if decompress(y - P, 0) is not None)
    cases.append((f"A not canonical, y = p + {y - P}", u(y, 32), message, signature, False))
    off_curve = next(y for y in range(2, 99) if decompress(y, 0) is None)
    cases.append(("A not on the curve", u(off_curve, 32), message, signature, False))
    cases.append(("R not on the curve", pub(device), message, u(off_curve, 32) + signature[32:], False))
    # R + small order: a check with cofactor would accept it, the strict one must not.
    for index, point in list(enumerate(small))[1:]:
        r_bytes = compress(add(r_point, point))
        h = challenge(r_bytes, compress(a_point), message)
        signed = r_bytes + u((nonce + h * secret) % L, 32)
        cases.append((f"R plus small order point {index}", compress(a_point), message, signed, False))
    # A with a small-order part is no small-order point: the equation alone decides, and it holds when 8 divides h.
    mixed = compress(add(a_point, small[1]))
    seen: set[bool] = set()
    for attempt in range(99):
        r_bytes = compress(times(nonce + attempt, BASE))
        h = challenge(r_bytes, mixed, message)
        fits = h % 8 == 0
        if fits not in seen:
            seen.add(fits)
            signed = r_bytes + u((nonce + attempt + h * secret) % L, 32)
            cases.append(
                (f"A with a small-order part, equation {'holds' if fits else 'fails'}", mixed, message, signed, fits)
            )
        if len(seen) == 2:
            break
    return {
        "cases": [
            {"name": n, "public_key": a.hex(), "message": m.hex(), "signature": g.hex(), "valid": v}
            for n, a, m, g, v in cases
        ]
    }


# --- receipts ---------------------------------------------------------------------------------------------------------
VERDICTS = {
    "stored": 0x0001,
    "malformed": 0x0101,
    "bad_signature": 0x0102,
    "wrong_network": 0x0103,
    "wrong_key_epoch": 0x0104,
    "wrong_register_epoch": 0x0105,
    "conflict": 0x0106,
    "register_lower": 0x0107,
    "over_capacity": 0x0108,
    "far_future": 0x0109,
    "retired_meter": 0x010A,
    "unknown_meter": 0x0201,
    "slightly_ahead": 0x0202,
    "store_unavailable": 0x0203,
}


def receipt(signer: SigningKey, verdict: int, tag: bytes = TAG, magic: bytes = b"CGR1") -> bytes:
    body = magic + tag + u(17, 4) + sha(b"a payload") + u(verdict, 2) + sha(pub(signer))[:4]
    return body + signer.sign(body).signature


def receipts() -> dict[str, object]:
    bridge = key("bridge")
    good = receipt(bridge, 1)
    other = receipt(key("other bridge"), 1)
    invalid = [
        ("one byte short", good[:-1], "malformed"),
        ("one byte long", good + b"\0", "malformed"),
        ("other magic", receipt(bridge, 1, magic=b"CGR2"), "malformed"),
        ("of another network", receipt(bridge, 1, tag=b"\0\1\2\3"), "wrong_network"),
        ("signed by a key that is not pinned", other, "unknown_key"),
        (
            "names the pinned key, signed by another",
            good[:50] + key("other bridge").sign(good[:50]).signature,
            "forged",
        ),
        ("verdict changed from refused to stored", good[:50] + receipt(bridge, 0x0106)[50:], "forged"),
        ("payload hash changed", good[:12] + sha(b"another payload") + good[44:], "forged"),
        ("meter number changed", good[:8] + u(18, 4) + good[12:], "forged"),
    ]
    return {
        "network_tag": TAG.hex(),
        "bridge_key": pub(bridge).hex(),
        "bridge_seed": bytes(bridge).hex(),
        "meter_number": 17,
        "payload_sha256": sha(b"a payload").hex(),
        "valid": [{"verdict": v, "name": n, "receipt": receipt(bridge, v).hex()} for n, v in VERDICTS.items()],
        "invalid": [{"name": n, "receipt": b.hex(), "reason": r} for n, b, r in invalid],
    }


# --- enrolment --------------------------------------------------------------------------------------------------------
def enrolment() -> dict[str, object]:
    device, owner, meter_id = key("device"), pub(key("owner")), b"HOUSE-07".ljust(16, b"\0")
    message = b"CGP1" + TAG + owner + meter_id + pub(device)
    proof = device.sign(message).signature
    good = {"network_tag": TAG, "owner": owner, "meter_id": meter_id, "device_key": pub(device), "proof": proof}
    changes: list[tuple[str, dict[str, bytes]]] = [
        ("for another network", {"network_tag": b"\0\1\2\3"}),
        ("for another owner", {"owner": pub(key("thief"))}),
        ("for another meter", {"meter_id": b"HOUSE-08".ljust(16, b"\0")}),
        ("for another key", {"device_key": pub(key("other device"))}),
        ("signed by the owner instead of the device", {"proof": key("owner").sign(message).signature}),
    ]
    return {
        "device_seed": bytes(device).hex(),
        "message": message.hex(),
        "valid": {k: v.hex() for k, v in good.items()},
        "invalid": [{"name": n, **{k: v.hex() for k, v in {**good, **c}.items()}} for n, c in changes],
    }


# --- signed configuration ---------------------------------------------------------------------------------------------
ROWS: list[list[object]] = [
    [b"HOUSE-07".ljust(16, b"\0"), 17, 1, 0, 0, 0],
    [sha(b"meter")[:16], 2**32 - 1, 2**16 - 1, 3, 1_992_960, 2],
]


def config_bytes(rows: list[list[object]], version: int, signer: SigningKey, tag: bytes = TAG) -> bytes:
    body = b"CGC1" + tag + u(version, 4) + msgspec.msgpack.encode(rows) + sha(pub(signer))[:4]
    return body + signer.sign(body).signature


def configuration() -> dict[str, object]:
    operator = key("operator")
    good = config_bytes(ROWS, 7, operator)
    forged = good[:8] + u(8, 4) + good[12:]
    invalid = [
        ("signed by somebody else", config_bytes(ROWS, 7, key("thief")), "forged"),
        ("version raised without the key", forged, "forged"),
        ("of another network", config_bytes(ROWS, 7, operator, b"\0\1\2\3"), "forged"),
        ("a meter twice", config_bytes([ROWS[0], ROWS[0]], 7, operator), "malformed"),
        ("meter number 0", config_bytes([[ROWS[0][0], 0, 1, 0, 0, 0]], 7, operator), "malformed"),
        ("meter id of 15 bytes", config_bytes([[bytes(15), 1, 1, 0, 0, 0]], 7, operator), "malformed"),
        ("no list", config_bytes({}, 7, operator), "malformed"),  # type: ignore[arg-type]
        ("other magic", b"CGC2" + good[4:], "malformed"),
        ("cut off", good[:40], "malformed"),
        ("empty", b"", "malformed"),
    ]
    return {
        "network_tag": TAG.hex(),
        "operator_key": pub(operator).hex(),
        "operator_seed": bytes(operator).hex(),
        "valid": [
            {
                "name": "two meters",
                "version": 7,
                "meters": [[r[0].hex(), *r[1:]] for r in ROWS],  # type: ignore[attr-defined]
                "config": good.hex(),
            },
            {"name": "no meter yet", "version": 0, "meters": [], "config": config_bytes([], 0, operator).hex()},
        ],
        "invalid": [{"name": n, "config": b.hex(), "reason": r} for n, b, r in invalid],
    }


FILES = {
    "readings.json": readings,
    "ed25519.json": ed25519,
    "receipts.json": receipts,
    "enrolment.json": enrolment,
    "configuration.json": configuration,
}


def main(argv: list[str]) -> int:
    differing = []
    for name, make in FILES.items():
        text = json.dumps(make(), indent=1) + "\n"
        path = HERE / name
        if "--check" in argv:
            if not path.exists() or path.read_text() != text:
                differing.append(name)
        else:
            path.write_text(text)
    if differing:
        print("differ from what this script writes: " + ", ".join(differing), file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
