"""What a request may reach: the parts of a running gateway, and the caller whom its token names."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Request
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from gateway.auth.passwords import PasswordPool
from gateway.auth.policy import Permission, require
from gateway.auth.tokens import Claims, InvalidTokenError, Tokens
from gateway.custody import Custody
from gateway.ledger import Ledger
from gateway.meters.directory import Directory
from gateway.problems import Problem
from gateway.readings.proofs import ReadingProofs
from gateway.settings import GatewaySettings
from gateway.stream import Hub
from gridkit.clock import Clock


@dataclass(slots=True)
class Gateway:
    """The parts of one gateway process."""

    settings: GatewaySettings
    store: sa.Engine
    readings: sa.Engine
    tokens: Tokens
    passwords: PasswordPool
    custody: Custody
    ledger: Ledger
    meters: Directory
    proofs: ReadingProofs
    hub: Hub
    clock: Clock
    limiter: MovingWindowRateLimiter

    @staticmethod
    def new_limiter() -> MovingWindowRateLimiter:
        """Return an in-process limiter."""
        return MovingWindowRateLimiter(MemoryStorage())


def wall_s() -> int:
    """Return wall time, epoch seconds: it rules tokens and rate limits, never intervals."""
    return int(time.time())


def gateway_of(request: Request) -> Gateway:
    """Return the gateway that serves this request."""
    return request.app.state.gateway  # type: ignore[no-any-return]


GatewayPart = Annotated[Gateway, Depends(gateway_of)]


def caller(request: Request, gateway: GatewayPart) -> Claims:
    """Return who is asking.

    Raises:
        Problem: 401 `unauthenticated`, without a valid bearer token.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _unauthenticated("A bearer token is needed.")
    try:
        return gateway.tokens.verify(token.strip(), wall_s())
    except InvalidTokenError as error:
        raise _unauthenticated(f"The access token is not valid: {error}")


def _unauthenticated(detail: str) -> Problem:
    return Problem(401, "unauthenticated", detail, headers={"WWW-Authenticate": "Bearer"})


Caller = Annotated[Claims, Depends(caller)]


class Allowed:
    """A dependency that lets only callers with `permission` through, and gives their claims."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def __call__(self, claims: Caller) -> Claims:
        require(claims.role, self.permission)
        return claims
