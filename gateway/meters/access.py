"""Which meters a caller may see: the own ones, or all of them by role."""

from __future__ import annotations

from gateway.auth.policy import Permission, allows
from gateway.auth.tokens import Claims
from gateway.context import Gateway
from gateway.meters.directory import Meter
from gateway.problems import Problem


def visible(gateway: Gateway, claims: Claims) -> list[Meter]:
    """Return the meters that the caller may see, by number."""
    meters = gateway.meters.all()
    sees_all = allows(claims.role, Permission.READ_ALL_METERS)
    return [meters[n] for n in sorted(meters) if sees_all or meters[n].owner == claims.wallet]


def one(gateway: Gateway, claims: Claims, number: int) -> Meter:
    """Return one meter; those of others are not found, so that numbers leak nothing.

    Raises:
        Problem: 404 `not_found`.
    """
    for meter in visible(gateway, claims):
        if meter.number == number:
            return meter
    raise Problem(404, "not_found", "There is no such meter of yours.")
