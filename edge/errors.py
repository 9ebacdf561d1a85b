"""What makes the agent unable to go on; a refused poll or reading is a value instead.

EdgeError
├── EnrolError           a key or enrolment file could not be made
├── TokenError           a PKCS#11 token cannot be used
├── SpoolError           the spool cannot be opened or written
├── HomeInUseError       another agent runs on this home
└── SigningKeyError      a meter's key for its current epoch is missing
"""

from __future__ import annotations

from pathlib import Path


class EdgeError(Exception):
    """Base of the agent's errors. `can_retry` says whether the same call may work later."""

    can_retry = False


class EnrolError(EdgeError):
    """An enrolment could not be made; the message says what to correct."""


class TokenError(EdgeError):
    """A PKCS#11 token cannot be opened, or does not do what is asked of it. No retry: a wrong PIN, tried often, locks it."""

    def __init__(self, why: str) -> None:
        super().__init__(f"PKCS#11 token {why}")


class MetricsPortError(EdgeError):
    """`host`:`port` cannot be listened on."""

    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(f"cannot serve metrics on {host}:{port}: {why}; change metrics_port (0 serves none)")
        self.host = host
        self.port = port


class HomeInUseError(EdgeError):
    """Another agent runs on `home`: two that sign with one key sign two truths for one quarter hour."""

    can_retry = True

    def __init__(self, home: Path) -> None:
        super().__init__(
            f"another agent runs on {home}; stop it (`systemctl stop campusgrid-edge`), or give this one a home of its own"
        )
        self.home = home


class SpoolError(EdgeError):
    """The spool at `path` cannot be used: disk full, read-only, no folder, or (`damaged`) its content is spoilt."""

    can_retry = True

    def __init__(self, path: Path, why: str, *, damaged: bool = False) -> None:
        remedy = (
            "it is set aside and gone on from; look at the card"
            if damaged
            else "free some space, or correct owner and mode of the home folder and of what is in it"
        )
        super().__init__(f"spool {path}: {why}; {remedy}")
        self.path = path
        self.damaged = damaged


class SigningKeyError(EdgeError):
    """No key file for `key_epoch` of `meter_id`; `campusgrid edge enroll --key-epoch` makes it."""

    def __init__(self, meter_id: str, key_epoch: int) -> None:
        super().__init__(f"meter {meter_id} has no key of epoch {key_epoch}")
        self.meter_id = meter_id
        self.key_epoch = key_epoch
