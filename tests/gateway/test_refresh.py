"""A refresh token and its successor are one step: either both are so or neither."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.auth.routes import RefreshRequest, refresh
from gateway.context import wall_s
from gateway.store import open_store, refresh_tokens, users

TOKEN = "a refresh token of some length"


class Settings:
    """Settings that cannot be read while a new token is made."""

    @property
    def refresh_token_s(self) -> int:
        raise RuntimeError("stopped between the two")


def test_a_token_is_not_used_up_before_its_successor_exists(tmp_path: Any) -> None:
    """In between, a thief's second use would end the family, and the successor would come to life after its end."""
    store = open_store(f"sqlite:///{tmp_path / 'g.db'}")
    user = {"user_id": "u1", "username": "ann", "password_hash": "x", "role": "student", "wallet": "W"}
    row = {"token_hash": hashlib.sha256(TOKEN.encode()).hexdigest(), "family": "f", "user_id": "u1", "revoked": False}
    with store.begin() as db:
        db.execute(sa.insert(users).values(**user, created_at_s=0, disabled=False))
        db.execute(sa.insert(refresh_tokens).values(**row, expires_at_s=wall_s() + 60))
    gateway: Any = SimpleNamespace(store=store, settings=Settings())
    with pytest.raises(RuntimeError, match="between the two"):
        refresh(RefreshRequest(refresh_token=TOKEN), gateway)
    with store.connect() as db:
        assert db.execute(sa.select(refresh_tokens.c.used_at_s)).scalar_one() is None
