"""RS256 access tokens with a key id, and the published key set. Which user gets one is decided in `routes.py`."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

ISSUER = "campusgrid"
AUDIENCE = "campusgrid-api"
_CACHE_LIMIT = 10_000


class Claims(msgspec.Struct, frozen=True):
    """Who a verified access token speaks for."""

    user_id: str
    username: str
    role: str
    wallet: str
    session: str
    expires_at_s: int


class InvalidTokenError(Exception):
    """The token is not ours, not valid now, or not a token."""


class Tokens:
    """Signs with the newest key file of a folder and verifies with any of them.

    Args:
        folder: Holds `<kid>.pem` private keys, mode 0600; the first is made if there is none. Adding a file and
            restarting rotates: older keys go on verifying until their file is removed.
        life_s: Life of an access token, seconds.
    """

    def __init__(self, folder: Path, life_s: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        files = sorted(folder.glob("*.pem"), key=lambda file: file.stat().st_mtime_ns)
        if not files:
            files = [_make_key(folder)]
        self._keys = {
            file.stem: RSAKey.import_key(file.read_bytes(), {"kid": file.stem, "use": "sig"}) for file in files
        }
        self._kid, self.life_s = files[-1].stem, life_s
        self._verified: dict[str, Claims] = {}

    def issue(self, *, user_id: str, username: str, role: str, wallet: str, session: str, now_s: int) -> str:
        """Return a compact JWS that speaks for the user for `life_s` seconds."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id,
            "name": username,
            "role": role,
            "wallet": wallet,
            "sid": session,
            "iat": now_s,
            "exp": now_s + self.life_s,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": self._kid}, claims, self._keys[self._kid])

    def verify(self, token: str, now_s: int) -> Claims:
        """Return the claims of `token`.

        Raises:
            InvalidTokenError: Wrong form, algorithm, key, issuer, audience or type, or out of its time.
        """
        cached = self._verified.get(token)
        if cached is not None:
            if cached.expires_at_s <= now_s:
                del self._verified[token]
                raise InvalidTokenError("the token has expired")
            return cached
        if len(token) > 4096:
            raise InvalidTokenError("the token is too long")
        claims = self._decode(token, now_s)
        if len(self._verified) >= _CACHE_LIMIT:
            self._verified.clear()
        self._verified[token] = claims
        return claims

    def _decode(self, token: str, now_s: int) -> Claims:
        try:
            # The key is looked up among ours by its id; a key inside the token's header is never used.
            decoded = jwt.decode(token, KeySet(list(self._keys.values())), algorithms=["RS256"])
            if decoded.header.get("typ") != "at+jwt":
                raise InvalidTokenError("not an access token")
            rules = jwt.JWTClaimsRegistry(
                now=lambda: now_s,
                leeway=0,
                iss={"essential": True, "value": ISSUER},
                aud={"essential": True, "value": AUDIENCE},
                exp={"essential": True},
                sub={"essential": True},
            )
            rules.validate(decoded.claims)
            return _claims(decoded.claims)
        except InvalidTokenError:
            raise
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise InvalidTokenError(str(error)) from error

    def key_set(self) -> dict[str, Any]:
        """Return the public keys as a JWKS object (RFC 7517)."""
        keys = [key.as_dict(private=False) | {"alg": "RS256", "use": "sig"} for key in self._keys.values()]
        return {"keys": keys}


def _claims(claims: dict[str, Any]) -> Claims:
    return Claims(
        user_id=str(claims["sub"]),
        username=str(claims["name"]),
        role=str(claims["role"]),
        wallet=str(claims["wallet"]),
        session=str(claims["sid"]),
        expires_at_s=int(claims["exp"]),
    )


def _make_key(folder: Path) -> Path:
    path = folder / f"{uuid.uuid4().hex[:16]}.pem"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(RSAKey.generate_key(2048).as_pem(private=True))
    return path
