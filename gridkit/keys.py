"""Decides how a secret key lies on disk: the JSON array of 64 numbers of Solana's tools, for its owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
from nacl.signing import SigningKey


class KeyFileError(Exception):
    """Base; leaves: `KeyFileModeError`, `MalformedKeyFileError`, `KeyFileExistsError`. `path` names the file."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"key file {path}: {why}")
        self.path = path


class KeyFileModeError(KeyFileError):
    """Others than its owner may read or write the file."""


class MalformedKeyFileError(KeyFileError):
    """Not 64 numbers, or its public half does not belong to its secret half."""


class KeyFileExistsError(KeyFileError):
    """A key is there already and is never overwritten."""


def public_key(signing_key: SigningKey) -> bytes:
    """Return the 32 bytes of the public half."""
    return bytes(signing_key.verify_key)


def load_key(path: Path | str) -> SigningKey:
    """Return the key in a file.

    Raises:
        KeyFileModeError: Mode is wider than 0600.
        MalformedKeyFileError: Not a key.
        OSError: Not readable.
    """
    path = Path(path)
    # Not blocking: a pipe of that name would be waited for, for ever.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        found = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(found):
            raise MalformedKeyFileError(path, "is no file")
        mode = stat.S_IMODE(found)
        if mode & 0o077:
            raise KeyFileModeError(path, f"mode {mode:04o} lets others in; run `chmod 600 {path}` and rotate the key")
        content = file.read(4096)
    try:
        numbers = msgspec.json.decode(content, type=list[int])
        data = bytes(numbers)
    except (msgspec.MsgspecError, ValueError) as error:
        raise MalformedKeyFileError(path, "not a JSON array of bytes") from error
    if len(data) != 64:
        raise MalformedKeyFileError(path, f"{len(data)} numbers instead of 64")
    key = SigningKey(data[:32])
    if bytes(key.verify_key) != data[32:]:
        raise MalformedKeyFileError(path, "public half does not belong to the secret half")
    return key


def create_key(path: Path | str, seed: bytes | None = None) -> SigningKey:
    """Make a key and its file (mode 0600, never over an existing one, on disk before this returns).

    Args:
        path: The file; its folder is made.
        seed: 32 bytes, for keys that a localnet derives; by default random.

    Raises:
        KeyFileExistsError: There is a file already.
        OSError: Not writable.
    """
    path = Path(path)
    key = SigningKey(seed) if seed is not None else SigningKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and linked into place: a crash leaves no half key under the name, and a link never overwrites.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(msgspec.json.encode(list(bytes(key) + bytes(key.verify_key))) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        raise KeyFileExistsError(path, "exists already; a key is never overwritten") from None
    finally:
        temporary.unlink(missing_ok=True)
    folder_fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder_fd)
    finally:
        os.close(folder_fd)
    return key


def load_or_create(path: Path | str) -> SigningKey:
    """Return the key in a file, made now if there is none. Raises what `load_key` and `create_key` raise."""
    path = Path(path)
    if not path.exists():
        try:
            return create_key(path)
        except KeyFileExistsError:
            pass  # Another process was faster; its key is the one.
    return load_key(path)
