"""Reads a transaction as it came over the wire: its size, its accounts and which of them it may write.

Whether it may run is the bank's to say.
"""

from __future__ import annotations

from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from gridkit.ed25519 import verify_strict

MAX_TRANSACTION_BYTES = 1232
"""PACKET_DATA_SIZE: an IPv6 MTU of 1,280 less headers. LiteSVM takes longer ones; no cluster does."""

MAX_ACCOUNT_LOCKS = 64
"""MAX_TX_ACCOUNT_LOCKS of a cluster without the feature that raises it to 128 (mainnet has it off)."""


class MalformedTransactionError(Exception):
    """The bytes are no transaction that can be run."""


class UnsanitaryTransactionError(MalformedTransactionError):
    """It reads as a transaction, but its counts and indexes contradict each other."""


class Wire:
    """One transaction, read.

    Attributes:
        tx: What the SVM takes.
        raw: Its bytes, without anything that trailed them.
        signature: The first signature, 64 bytes: the transaction's name.
        static: Accounts named in the message, in order; the first pays.
        signers: How many of them sign.
        blockhash: 32 bytes, a recent blockhash or a nonce.
        is_v0: Message version 0 (may use lookup tables); else legacy.
    """

    __slots__ = (
        "_readonly_signed",
        "_readonly_unsigned",
        "blockhash",
        "is_v0",
        "message",
        "raw",
        "signature",
        "signers",
        "static",
        "tx",
    )

    def __init__(self, tx: VersionedTransaction, raw: bytes) -> None:
        self.tx = tx
        self.raw = raw
        message = tx.message
        if not isinstance(message, Message | MessageV0):
            raise MalformedTransactionError("message version 1 is not active on this cluster")
        self.message: Message | MessageV0 = message
        self.is_v0 = type(message) is MessageV0
        header = message.header
        self.signers = header.num_required_signatures
        self._readonly_signed = header.num_readonly_signed_accounts
        self._readonly_unsigned = header.num_readonly_unsigned_accounts
        self.static: list[Pubkey] = message.account_keys
        self.signature = raw[1:65]  # compact-u16 count, one byte: 1,232 bytes hold at most 19 signatures
        self.blockhash = bytes(message.recent_blockhash)

    def is_writable(self, index: int) -> bool:
        """Return whether the message asks to write the static account at `index`."""
        if index < self.signers:
            return index < self.signers - self._readonly_signed
        return index < len(self.static) - self._readonly_unsigned

    def writable(self) -> list[Pubkey]:
        """Return the static accounts that the message asks to write."""
        signed_end = self.signers - self._readonly_signed
        unsigned_end = len(self.static) - self._readonly_unsigned
        return self.static[:signed_end] + self.static[self.signers : unsigned_end]


def read(data: bytes) -> Wire:
    """Return the transaction in `data`; bytes behind it are ignored, as every Solana node does.

    Args:
        data: At most 1,232 bytes (the caller says no to more, each way in has its own words for it).

    Raises:
        MalformedTransactionError: Not a transaction.
        UnsanitaryTransactionError: One that does not fit together.
    """
    try:
        tx = VersionedTransaction.from_bytes(data)
    except (ValueError, OverflowError) as error:
        raise MalformedTransactionError(str(error)) from error
    try:
        tx.sanitize()
    except Exception as error:  # solders raises its own SanitizeError
        raise UnsanitaryTransactionError(str(error) or type(error).__name__) from error
    wire = Wire(tx, bytes(tx))
    if not wire.signers or len(tx.signatures) != wire.signers:
        raise UnsanitaryTransactionError("index out of bounds")
    return wire


def signature_of(signature: bytes) -> Signature:
    """Return 64 bytes as solders' type, whose text is base58."""
    return Signature.from_bytes(signature)


def has_valid_signatures(wire: Wire) -> bool:
    """Return whether every signature is valid in the strict sense that Solana's nodes check."""
    message = wire.raw[1 + 64 * wire.signers :]
    return all(
        verify_strict(bytes(wire.static[index]), message, wire.raw[1 + 64 * index : 65 + 64 * index])
        for index in range(wire.signers)
    )
