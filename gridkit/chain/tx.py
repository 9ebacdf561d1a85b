"""Builds and signs transactions. Public keys are parsed once and signatures come from PyNaCl: solders derives a public key anew at each use.

What goes into an instruction is decided by the interfaces (`idl.py`), where it is sent by `sender.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import msgspec
from nacl.signing import SigningKey
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import Transaction, VersionedTransaction

from gridkit.chain import idl

MAX_WIRE_BYTES = 1232


class TransactionTooLargeError(Exception):
    """A transaction is longer than 1,232 bytes; `size` is what it would be."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the transaction is {size} bytes, {MAX_WIRE_BYTES} are the most")
        self.size = size


class MissingAccountError(Exception):
    """An instruction was built without an account that it wants."""


class Signed(msgspec.Struct, frozen=True):
    """A signed transaction: wire bytes, signature in base58, last block height at which it can land."""

    wire: bytes
    signature: str
    last_valid_block_height: int


class Signer:
    """An Ed25519 key with its address parsed once.

    Args:
        key: PyNaCl signing key.
    """

    __slots__ = ("address", "key", "pubkey")

    def __init__(self, key: SigningKey) -> None:
        self.key = key
        self.pubkey = Pubkey.from_bytes(bytes(key.verify_key))
        self.address = str(self.pubkey)

    def sign(self, message: bytes) -> Signature:
        """Return the signature over `message`."""
        return Signature.from_bytes(self.key.sign(message).signature)


@functools.lru_cache(maxsize=65_536)
def pubkey(address: str) -> Pubkey:
    """Return the parsed address, parsed once."""
    return Pubkey.from_string(address)


def instruction(
    program: str,
    program_id: str,
    name: str,
    accounts: Mapping[str, str],
    remaining: Sequence[AccountMeta] = (),
    **args: object,
) -> Instruction:
    """Return one instruction of ours.

    Args:
        program: Interface name, for example `trading`.
        program_id: Address of the deployed program.
        name: Instruction name, snake_case.
        accounts: Address by account name; accounts with a fixed address (system program, token program) may be left out, and so may
            optional ones.
        remaining: Further accounts behind the listed ones.
        args: The instruction's arguments.

    Raises:
        MissingAccountError: A needed account is not named, or one that the instruction does not have.
        gridkit.chain.idl.InterfaceError: An argument does not fit.
    """
    described = idl.interface(program).instruction(name)
    metas: list[AccountMeta] = []
    for meta in described.metas:
        address = accounts.get(meta.name) or meta.address
        if address is None:
            if not meta.optional:
                raise MissingAccountError(f"{program}.{name} wants the account {meta.name!r}")
            address = program_id  # Anchor's rule for an optional account that is absent
        metas.append(AccountMeta(pubkey(address), meta.signer, meta.writable))
    unknown = accounts.keys() - {meta.name for meta in described.metas}
    if unknown:
        raise MissingAccountError(f"{program}.{name} has no account {sorted(unknown)[0]!r}")
    return Instruction(pubkey(program_id), described.encode(**args), metas + list(remaining))


class Template:
    """A transaction of one instruction that is sent over and over with other data: its accounts are compiled once.

    Compiling a message and filling a transaction through solders took five times what the signature takes.

    Args:
        shape: The instruction; its data is left aside.
        payer: Pays, and is the only signer.
        tables: Lookup tables; legacy without them, v0 with them.

    Raises:
        ValueError: The instruction wants another signer.
    """

    def __init__(self, shape: Instruction, payer: Signer, tables: Sequence[AddressLookupTableAccount] = ()) -> None:
        self._payer = payer
        bare, blank = [Instruction(shape.program_id, b"", shape.accounts)], Hash.default()
        message: MessageV0 | Message
        if tables:
            message = MessageV0.try_compile(payer.pubkey, bare, list(tables), blank)
            raw, head = to_bytes_versioned(message), 5
        else:
            message = Message.new_with_blockhash(bare, payer.pubkey, blank)
            raw, head = bytes(message), 4
        if message.header.num_required_signatures != 1:
            raise ValueError("the payer is not the only signer")
        # (version,) three counts, one length, keys; blockhash; one instruction: count, program, length, accounts, data length.
        hash_at = head + 32 * len(message.account_keys)
        data_at = hash_at + 32 + 3 + len(message.instructions[0].accounts)
        self._before_hash, self._before_data, self._after_data = (
            raw[:hash_at],
            raw[hash_at + 32 : data_at],
            raw[data_at + 1 :],
        )

    def sign(self, data: bytes, blockhash: str, last_valid_block_height: int) -> Signed:
        """Return the signed transaction with this instruction data.

        Raises:
            TransactionTooLargeError: Longer than 1,232 bytes.
        """
        size = len(data)
        length = bytes((size,)) if size < 0x80 else bytes((size & 0x7F | 0x80, size >> 7))  # Up to 16,383.
        message = b"".join(
            (self._before_hash, _hash_bytes(blockhash), self._before_data, length, data, self._after_data)
        )
        signature = self._payer.key.sign(message).signature
        wire = b"\x01" + signature + message
        if len(wire) > MAX_WIRE_BYTES:
            raise TransactionTooLargeError(len(wire))
        return Signed(wire, str(Signature.from_bytes(signature)), last_valid_block_height)


@functools.lru_cache(maxsize=64)
def _hash_bytes(blockhash: str) -> bytes:
    return bytes(Hash.from_string(blockhash))


def sign(
    instructions: Sequence[Instruction],
    signers: Sequence[Signer],
    blockhash: str,
    last_valid_block_height: int,
    tables: Sequence[AddressLookupTableAccount] = (),
) -> Signed:
    """Return a signed transaction; the first signer pays. Legacy without lookup tables, v0 with them.

    Raises:
        TransactionTooLargeError: Longer than 1,232 bytes.
    """
    recent, payer = Hash.from_string(blockhash), signers[0].pubkey
    by_key = {signer.pubkey: signer for signer in signers}
    if tables:
        v0 = MessageV0.try_compile(payer, list(instructions), list(tables), recent)
        bytes_to_sign = to_bytes_versioned(v0)
        signatures = [by_key[k].sign(bytes_to_sign) for k in v0.account_keys[: v0.header.num_required_signatures]]
        wire = bytes(VersionedTransaction.populate(v0, signatures))
    else:
        message = Message.new_with_blockhash(list(instructions), payer, recent)
        bytes_to_sign = bytes(message)
        signatures = [
            by_key[k].sign(bytes_to_sign) for k in message.account_keys[: message.header.num_required_signatures]
        ]
        wire = bytes(Transaction.populate(message, signatures))
    if len(wire) > MAX_WIRE_BYTES:
        raise TransactionTooLargeError(len(wire))
    return Signed(wire, str(signatures[0]), last_valid_block_height)
