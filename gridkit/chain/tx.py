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
