"""What each role may do, as one table. Routes name a permission; nobody writes `if role ==` anywhere else."""

from __future__ import annotations

from enum import StrEnum

from gateway.problems import Problem


class Permission(StrEnum):
    """One thing that somebody may be allowed to do."""

    READ_MARKET = "read_market"
    TRADE = "trade"
    READ_OWN_METERS = "read_own_meters"
    READ_ALL_METERS = "read_all_meters"


_TRADER = frozenset({Permission.READ_MARKET, Permission.TRADE, Permission.READ_OWN_METERS})
_OBSERVER = frozenset({Permission.READ_MARKET, Permission.READ_OWN_METERS, Permission.READ_ALL_METERS})

POLICY: dict[str, frozenset[Permission]] = {
    "student": _TRADER,
    "faculty": _TRADER,
    "external_partner": _TRADER,
    "facilities": _TRADER | {Permission.READ_ALL_METERS},
    "operator": _OBSERVER,
    "auditor": _OBSERVER,
    "admin": _OBSERVER,
}


def allows(role: str, permission: Permission) -> bool:
    """Return whether `role` has `permission`; an unknown role has none."""
    return permission in POLICY.get(role, frozenset())


def require(role: str, permission: Permission) -> None:
    """Refuse with 403 unless `role` has `permission`."""
    if not allows(role, permission):
        raise Problem(403, "forbidden", f"The role {role} may not {permission.replace('_', ' ')}.")
