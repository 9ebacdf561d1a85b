"""Custodial keys: made here, sealed at rest under one sealing key, opened only to sign. Who may ask for a signature is decided elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from nacl.signing import SigningKey
from nacl.utils import random as random_bytes

from gridkit.log import get_logger

log = get_logger("gateway")


class SealBrokenError(Exception):
    """A sealed key does not open: another sealing key, or changed bytes."""


class Custody:
    """Seals and opens Ed25519 seeds with XSalsa20-Poly1305 (libsodium secretbox).

    Args:
        path: File of the 32-byte sealing key; made with mode 0600 if it is missing, refused if others may read it.
    """

    def __init__(self, path: Path) -> None:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if path.stat().st_mode & 0o077:
                raise PermissionError(f"{path}: the sealing key must be readable by its owner alone (chmod 600)")
        else:
            with os.fdopen(handle, "wb") as file:
                file.write(random_bytes(SecretBox.KEY_SIZE))
                file.flush()
                os.fsync(file.fileno())
            log.info("sealing_key_made", path=str(path))
        self._box = SecretBox(path.read_bytes())

    def seal(self, seed: bytes) -> bytes:
        """Return `seed` (32 bytes) sealed: nonce 24 ‖ tag 16 ‖ ciphertext 32."""
        return bytes(self._box.encrypt(seed))

    def open(self, sealed: bytes) -> SigningKey:
        """Return the signing key inside `sealed`.

        Raises:
            SealBrokenError: The bytes were changed, or sealed under another key.
        """
        try:
            return SigningKey(self._box.decrypt(sealed))
        except CryptoError as error:
            raise SealBrokenError("a custodial key does not open under this sealing key") from error
