"""Decides where a meter's keys lie: in files for their owner alone, or in a PKCS#11 token that never gives them away.

`key_file = "/var/lib/campusgrid/keys/HOUSE-07.json"` is a file; epoch n lies beside it as `<file>.<n>`. `key_file = "pkcs11:HOUSE-07"`
is the private key with that label in the token that the settings name; epoch n has the label `HOUSE-07.<n>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from nacl.signing import SignedMessage, SigningKey, VerifyKey

from edge.errors import TokenError
from edge.settings import TOKEN_SCHEME, EdgeSettings
from gridkit.keys import load_key, load_or_create

_ED25519_OID = bytes.fromhex("06032b6570")
"""1.3.101.112 in DER. Source: RFC 8410, 3."""


class Key(Protocol):
    """What signs: PyNaCl's SigningKey, or one that stays in its token."""

    @property
    def verify_key(self) -> VerifyKey:
        """The public half."""

    def sign(self, message: bytes) -> SignedMessage:
        """Return the message with its signature."""


class KeyStore:
    """The keys of an agent's meters."""

    def __init__(self, settings: EdgeSettings) -> None:
        """Nothing is opened yet."""
        self._settings = settings
        self._token: _Token | None = None

    def keys(self, key_file: Path) -> dict[int, Any]:
        """Return a meter's keys by epoch.

        Raises:
            KeyFileError: A file is no key, or others can read it.
            TokenError: The token cannot be used.
        """
        label = token_label(key_file)
        if label is not None:
            return self._open_token().keys(label)
        keys: dict[int, SigningKey] = {}
        if key_file.exists():
            keys[0] = load_key(key_file)
        for path in key_file.parent.glob(f"{key_file.name}.*"):
            epoch = path.name[len(key_file.name) + 1 :]
            if epoch.isascii() and epoch.isdigit():
                keys[int(epoch)] = load_key(path)
        return keys

    def load_or_make(self, key_file: Path, epoch: int) -> Any:
        """Return the key of an epoch, made now if there is none. Raises what `keys` raises, and OSError."""
        label = token_label(key_file)
        if label is None:
            return load_or_create(key_file if epoch == 0 else key_file.with_name(f"{key_file.name}.{epoch}"))
        token = self._open_token()
        return token.keys(label).get(epoch) or token.make(label, epoch)

    def beside(self, key_file: Path, name: str) -> Path:
        """Return where a file about a meter goes: beside its key, or in the agent's home when the key is in a token."""
        name = name.replace("/", "_")  # A meter's id may hold one.
        return self._settings.home / name if token_label(key_file) is not None else key_file.with_name(name)

    def _open_token(self) -> _Token:
        if self._token is None:
            self._token = _Token(self._settings)
        return self._token


def token_label(key_file: Path) -> str | None:
    """Return the label in a token that a key file's text names, None when it is a file."""
    text = str(key_file)
    return text.removeprefix(TOKEN_SCHEME) if text.startswith(TOKEN_SCHEME) else None


class TokenKey:
    """An Ed25519 key in a token: signs there, by CKM_EDDSA."""

    def __init__(self, private: Any, point: bytes) -> None:
        self._private = private
        # CKA_EC_POINT is the 32 bytes in a DER octet string; some tokens leave the string out.
        self.verify_key = VerifyKey(point[-32:])

    def sign(self, message: bytes) -> SignedMessage:
        """Return the message with its signature.

        Raises:
            TokenError: The token does not sign (any more).
        """
        import pkcs11

        try:
            signature = bytes(self._private.sign(message, mechanism=pkcs11.Mechanism.EDDSA))
        except pkcs11.PKCS11Error as error:
            raise TokenError(f"does not sign ({type(error).__name__})") from error
        return SignedMessage._from_parts(signature, message, signature + message)


class _Token:
    """An open session with the token."""

    def __init__(self, settings: EdgeSettings) -> None:
        try:
            import pkcs11
        except ImportError as error:
            raise TokenError("needs the package python-pkcs11: pip install 'campusgrid[pkcs11]'") from error
        self._pkcs11: Any = pkcs11
        pin = "" if settings.pkcs11_pin_file is None else settings.pkcs11_pin_file.read_text().strip()
        try:
            library = pkcs11.lib(str(settings.pkcs11_module))
            token = library.get_token(token_label=settings.pkcs11_token)
            try:
                session = token.open(rw=True, user_pin=pin)
            except pkcs11.UserAlreadyLoggedIn:
                session = token.open(rw=True)  # The whole process is, by an earlier session.
            self._session: Any = session
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            why = str(error) or type(error).__name__
            raise TokenError(
                f"{settings.pkcs11_token!r} cannot be opened by {settings.pkcs11_module}: {why}"
            ) from error

    def keys(self, label: str) -> dict[int, TokenKey]:
        """Return the keys with this label, by epoch."""
        kinds, attribute = self._pkcs11.ObjectClass, self._pkcs11.Attribute
        points: Mapping[str, bytes] = {
            key.label: bytes(key[attribute.EC_POINT])
            for key in self._session.get_objects({attribute.CLASS: kinds.PUBLIC_KEY})
        }
        found = {}
        for key in self._session.get_objects({attribute.CLASS: kinds.PRIVATE_KEY}):
            name, _, epoch = key.label.rpartition(".") if key.label != label else (label, "", "0")
            if name == label and epoch.isascii() and epoch.isdigit() and key.label in points:
                found[int(epoch)] = TokenKey(key, points[key.label])
        return found

    def make(self, label: str, epoch: int) -> TokenKey:
        """Make a key in the token; its secret half never leaves it."""
        p = self._pkcs11
        try:
            parameters = self._session.create_domain_parameters(
                p.KeyType.EC_EDWARDS, {p.Attribute.EC_PARAMS: _ED25519_OID}, local=True
            )
            public, private = parameters.generate_keypair(
                mechanism=p.Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                store=True,
                label=label if epoch == 0 else f"{label}.{epoch}",
            )
        except p.PKCS11Error as error:
            raise TokenError(f"makes no Ed25519 key ({type(error).__name__})") from error
        return TokenKey(private, bytes(public[p.Attribute.EC_POINT]))
