"""The bridge's exceptions: what it cannot go on with. A refused reading is no exception but a value (`judge.py`).

BridgeError
├── AlreadyRunningError      another bridge works on this home
├── WrongNetworkError        the chain is not the one of the deployment file
├── PortTakenError           the metrics port is in use
└── StoreError               the store cannot be opened or is of another layout
"""

from __future__ import annotations


class BridgeError(Exception):
    """Base of the tree at the head of this file."""


class AlreadyRunningError(BridgeError):
    """Another bridge works on this home; two would answer one reading twice."""


class WrongNetworkError(BridgeError):
    """The chain's genesis hash is not that of the deployment file."""


class PortTakenError(BridgeError):
    """The metrics port is in use."""


class StoreError(BridgeError):
    """The store cannot be opened or is of another layout."""
