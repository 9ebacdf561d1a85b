"""What makes the local chain give up, drawn as one tree; refusals that a client hears are `jsonrpc.RpcError`.

LocalnetError
├── PortTakenError         another program listens there; names the setting
├── HomeHeldError          another localnet runs in this home
├── LedgerDamagedError     a file of the ledger is not what was written; names file and offset
├── HistoryUnusableError   the file of past transactions cannot be read or written
├── LedgerDivergedError    replay gave another result than the one answered when the transaction was first run
└── BankPanickedError      the SVM gave up in the middle of a transaction; its memory cannot be trusted any more
"""

from __future__ import annotations

from pathlib import Path


class LocalnetError(Exception):
    """Base of everything that stops the local chain."""


class PortTakenError(LocalnetError):
    """The port is in use; `setting` is the one that changes it."""

    def __init__(self, host: str, port: int, setting: str) -> None:
        super().__init__(
            f"port {port} on {host} is taken by another program; set `{setting}` in [localnet] "
            f"(or CAMPUSGRID_LOCALNET_{setting.upper()}) to a free one"
        )
        self.host, self.port, self.setting = host, port, setting


class HomeHeldError(LocalnetError):
    """Two chains must not write one ledger."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is in use by another running localnet; stop that one or set another `home`")
        self.folder = folder


class LedgerDamagedError(LocalnetError):
    """Answered transactions may be missing, so the chain refuses to start instead of forgetting them."""

    def __init__(self, path: Path, offset: int, why: str) -> None:
        super().__init__(
            f"{path} at byte {offset}: {why}; restore the folder from a backup, or start with another `home`"
        )
        self.path, self.offset = path, offset


class HistoryUnusableError(LocalnetError):
    """The disk is full or broken, or the file is damaged."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path}: {why}; make room, or restore the file from a backup, or delete it: what landed before the last "
            "snapshot is then no longer found, the accounts are as they were"
        )
        self.path = path


class LedgerDivergedError(LocalnetError):
    """The runtime that replays is not the one that answered: another solders version, or a fault of it."""

    def __init__(self, signature: str, was: str, now: str) -> None:
        super().__init__(
            f"replay of {signature} gives {now}, it was answered as {was}; run the solders version that wrote this ledger, "
            "stop it cleanly (that writes a snapshot), then upgrade"
        )
        self.signature = signature


class BankPanickedError(LocalnetError):
    """The SVM panicked outside of what can be undone in place; the ledger rebuilds it from disk."""
