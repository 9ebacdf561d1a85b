"""Accounts of people and bots: made by an operator at the command line, each with a wallet, custodial unless an address is brought."""

from __future__ import annotations

import time
import uuid

import sqlalchemy as sa
from nacl.signing import SigningKey

from gateway.auth.passwords import hash_password
from gateway.auth.policy import POLICY
from gateway.custody import Custody
from gateway.store import users
from gridkit.chain.tx import Signer


class BadAccountError(ValueError):
    """The account cannot be made as asked."""


def add_user(
    store: sa.Engine, custody: Custody, *, username: str, password: str, role: str, seed: bytes | None, wallet: str = ""
) -> str:
    """Make an account and return its wallet; an account of that name with the same wallet stays as it is.

    Args:
        seed: Ed25519 seed of the custodial wallet, 32 bytes; None when the user signs with an own wallet.
        wallet: The user's own wallet, base58, when there is no seed.

    Raises:
        BadAccountError: Unknown role, short password, or the name is taken by another wallet.
    """
    if role not in POLICY:
        raise BadAccountError(f"unknown role {role!r}; roles are {', '.join(sorted(POLICY))}")
    if len(password) < 10:
        raise BadAccountError("a password has at least 10 characters")
    address = Signer(SigningKey(seed)).address if seed is not None else wallet
    with store.begin() as db:
        before = db.execute(sa.select(users.c.wallet).where(users.c.username == username)).scalar_one_or_none()
        if before is not None:
            if before != address:
                raise BadAccountError(f"the name {username!r} is taken")
            return address
        db.execute(
            sa.insert(users).values(
                user_id=str(uuid.uuid4()),
                username=username,
                password_hash=hash_password(password),
                role=role,
                wallet=address,
                sealed_key=None if seed is None else custody.seal(seed),
                created_at_s=int(time.time()),
                disabled=False,
            )
        )
    return address
