"""Decides whether an Ed25519 signature is valid, with the same verdict as the check in the chain's program.

libsodium compares the encoded R with s*B - h*A byte for byte (no cofactor), so a non-canonical R never passes. What it
accepts beyond that is refused here: a verdict that two checkers can differ on is a reading that one half of the system
believes and the other does not.
"""

from __future__ import annotations

import functools

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError
from nacl.exceptions import ValueError as NaclValueError

PUBLIC_KEY_SIZE = 32
SIGNATURE_SIZE = 64

FIELD_PRIME = 2**255 - 19
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
"""Order of the prime subgroup; s must lie below it. Source: RFC 8032 §5.1."""

_Y_MASK = 2**255 - 1
_Y_ORDER_8 = (
    2707385501144840649318225287225658788936804267575313519463743609750303402022,
    55188659117513257062467267217118295137698188065244968500265048394206261417927,
)
# y of the eight points of small order: 1 (order 1), p-1 (order 2), 0 (order 4, two points), two of order 8 (two points
# each), and the encodings of 0 and 1 that are not reduced. The sign bit is masked off before the look-up.
SMALL_ORDER_Y = frozenset((0, 1, FIELD_PRIME - 1, FIELD_PRIME, FIELD_PRIME + 1, *_Y_ORDER_8))


def verify_strict(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether the signature is valid in the strict sense.

    Args:
        public_key: 32 bytes, A.
        message: Any length.
        signature: 64 bytes, R ‖ s.

    Returns:
        False for a wrong length, s ≥ group order, A not canonical (y ≥ p), A or R of small order, a point that does not
        decompress, and of course a signature that does not fit.

    Source: RFC 8032 §5.1.7, and ed25519-dalek's verify_strict, which the on-chain check follows.
    """
    if len(public_key) != PUBLIC_KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        return False
    if int.from_bytes(signature[32:], "little") >= GROUP_ORDER:
        return False
    if not is_acceptable_key(public_key):
        return False
    if int.from_bytes(signature[:32], "little") & _Y_MASK in SMALL_ORDER_Y:
        return False
    try:
        crypto_sign_open(signature + message, public_key)
    except (BadSignatureError, NaclValueError):
        return False
    return True


@functools.lru_cache(maxsize=16_384)
def is_acceptable_key(public_key: bytes) -> bool:
    """Return whether 32 bytes are canonical and not of small order (whether they are on the curve is not checked)."""
    y = int.from_bytes(public_key, "little") & _Y_MASK
    return len(public_key) == PUBLIC_KEY_SIZE and y < FIELD_PRIME and y not in SMALL_ORDER_Y
