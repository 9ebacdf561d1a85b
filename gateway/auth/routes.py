"""Sign in, renew, sign out. A refresh token works once; a second use ends every session of its family."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Request
from limits import RateLimitItemPerMinute
from pydantic import BaseModel, ConfigDict, StringConstraints

from gateway.context import Caller, Gateway, GatewayPart, wall_s
from gateway.problems import Problem
from gateway.store import refresh_tokens, users

router = APIRouter(tags=["auth"])


class Credentials(BaseModel):
    """A user name and a password."""

    model_config = ConfigDict(extra="forbid")
    username: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class RefreshRequest(BaseModel):
    """A refresh token that has not been used yet."""

    model_config = ConfigDict(extra="forbid")
    refresh_token: Annotated[str, StringConstraints(min_length=20, max_length=128)]


class TokenPair(BaseModel):
    """An access token for some minutes and a refresh token that works once."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int
    refresh_token: str


class Me(BaseModel):
    """Who the access token speaks for."""

    user_id: str
    username: str
    role: str
    wallet: str


@router.post("/auth/login", summary="Sign in with a password")
async def login(request: Request, credentials: Credentials, gateway: GatewayPart) -> TokenPair:
    """Return a token pair; a wrong name and a wrong password are answered alike, after the same work."""
    address = request.client.host if request.client else "unknown"
    _limit_sign_ins(gateway, "name", credentials.username, gateway.settings.logins_per_minute)
    # A campus stands behind few addresses: one of them may try ten times as often as one name.
    _limit_sign_ins(gateway, "address", address, 10 * gateway.settings.logins_per_minute)
    row = _user_by_name(gateway, credentials.username)
    stored = row.password_hash if row is not None and not row.disabled else None
    if not await gateway.passwords.matches(credentials.password, stored) or row is None:
        raise Problem(401, "bad_credentials", "The user name or the password is wrong.")
    with gateway.store.begin() as db:
        return _token_pair(gateway, db, row, family=str(uuid.uuid4()))


@router.post("/auth/refresh", summary="Renew a session")
def refresh(asked: RefreshRequest, gateway: GatewayPart) -> TokenPair:
    """Return a new pair for a refresh token; a token that was used before ends its whole family."""
    hashed = hashlib.sha256(asked.refresh_token.encode()).hexdigest()
    now = wall_s()
    with gateway.store.begin() as db:
        row = db.execute(sa.select(refresh_tokens).where(refresh_tokens.c.token_hash == hashed)).one_or_none()
        if row is None or row.revoked or row.expires_at_s <= now:
            raise Problem(401, "bad_refresh_token", "The refresh token is unknown, revoked or expired.")
        claimed = db.execute(
            sa.update(refresh_tokens)
            .where(refresh_tokens.c.token_hash == hashed, refresh_tokens.c.used_at_s.is_(None))
            .values(used_at_s=now)
        )
        reused = claimed.rowcount != 1
        user = db.execute(sa.select(users).where(users.c.user_id == row.user_id)).one()
        if reused:
            _end_family(db, row.family)
        elif not user.disabled:
            # With the claim, or a second use in between would end a family that its next token does not belong to yet.
            pair = _token_pair(gateway, db, user, family=row.family)
    if reused:
        raise Problem(401, "refresh_token_reused", "This refresh token was used before; its sessions are ended.")
    if user.disabled:
        raise Problem(401, "bad_refresh_token", "The account is disabled.")
    return pair


@router.post("/auth/logout", status_code=204, summary="End this session")
def logout(claims: Caller, gateway: GatewayPart) -> None:
    """Revoke every refresh token of the caller's session; its access token ends by itself within minutes."""
    with gateway.store.begin() as db:
        _end_family(db, claims.session)


@router.get("/me", summary="Who am I")
def me(claims: Caller) -> Me:
    """Return whom the access token speaks for."""
    return Me(user_id=claims.user_id, username=claims.username, role=claims.role, wallet=claims.wallet)


@router.get("/.well-known/jwks.json", summary="Public keys of access tokens", tags=["auth"])
def key_set(gateway: GatewayPart) -> dict[str, Any]:
    """Return the key set (RFC 7517) that verifies our access tokens."""
    return gateway.tokens.key_set()


def _limit_sign_ins(gateway: Gateway, kind: str, value: str, per_minute: int) -> None:
    limit = RateLimitItemPerMinute(per_minute)
    if not gateway.limiter.hit(limit, "login", kind, value):
        raise Problem(
            429, "too_many_sign_ins", "Too many sign-ins; wait a minute.", retry="after", headers={"Retry-After": "60"}
        )


def _user_by_name(gateway: Gateway, username: str) -> Any:
    with gateway.store.connect() as db:
        return db.execute(sa.select(users).where(users.c.username == username)).one_or_none()


def _token_pair(gateway: Gateway, db: sa.Connection, user: Any, *, family: str) -> TokenPair:
    now, token = wall_s(), secrets.token_urlsafe(32)
    db.execute(
        sa.insert(refresh_tokens).values(
            token_hash=hashlib.sha256(token.encode()).hexdigest(),
            family=family,
            user_id=user.user_id,
            expires_at_s=now + gateway.settings.refresh_token_s,
            revoked=False,
        )
    )
    access = gateway.tokens.issue(
        user_id=user.user_id, username=user.username, role=user.role, wallet=user.wallet, session=family, now_s=now
    )
    return TokenPair(access_token=access, expires_in=gateway.tokens.life_s, refresh_token=token)


def _end_family(db: sa.Connection, family: str) -> None:
    db.execute(sa.update(refresh_tokens).where(refresh_tokens.c.family == family).values(revoked=True))
