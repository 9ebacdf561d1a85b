"""Makes a Token-2022 mint and account with extensions, packed by hand: what a node shows of them is compared from chain to chain."""

from __future__ import annotations

import hashlib
import struct

from nacl.signing import SigningKey
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, create_account

from deploy.contact.chain import Chain
from gridkit.chain.tx import Signer

TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
DECIMALS, MINTED = 6, 1_234_567
_MINT, _HOLDER = (
    Signer(SigningKey(hashlib.sha256(b"campusgrid token-2022 " + name).digest())) for name in (b"mint", b"holder")
)
_BASE = 165 + 1
_METADATA_ROOM = 300


def mint_address() -> str:
    """Return the mint."""
    return _MINT.address


def holder_address() -> str:
    """Return the account that holds what was minted."""
    return _HOLDER.address


def make(chain: Chain) -> None:
    """Make both, with everything in the hands of the chain's payer.

    Raises:
        deploy.contact.chain.TransactionFailedError: The token program refused something.
    """
    payer = bytes(chain.payer.pubkey)
    mint_extensions = {
        b"\x19" + b"\1" + payer: 32,  # InitializeMintCloseAuthority
        b"\x1a\0" + b"\1" + payer + b"\0" + struct.pack("<HQ", 50, 5_000): 108,  # InitializeTransferFeeConfig
        b"\x1c\0\1": 1,  # DefaultAccountState: initialized
        b"\x21\0" + payer + struct.pack("<h", 0): 52,  # InterestBearingMint, at 0 basis points
        b"\x23" + payer: 32,  # InitializePermanentDelegate
        b"\x24\0" + payer + bytes(32): 64,  # TransferHook without a program
        b"\x27\0" + payer + bytes(_MINT.pubkey): 64,  # MetadataPointer
        b"\x28\0" + payer + bytes(32): 64,  # GroupPointer
        b"\x2c\0" + payer: 33,  # Pausable
    }
    size = _BASE + sum(4 + length for length in mint_extensions.values())
    made = [_account(chain, _MINT, size, size + _METADATA_ROOM)]
    made += [_call(data, _MINT.pubkey) for data in mint_extensions]
    chain.send("mint", [*made, _call(b"\x14" + bytes([DECIMALS]) + payer + b"\1" + payer, _MINT.pubkey)], [_MINT])
    words = b"".join(
        struct.pack("<I", len(word)) + word for word in (b"Campus hour", b"CH", b"https://campus.example/ch")
    )
    tag = hashlib.sha256(b"spl_token_metadata_interface:initialize_account").digest()[:8]
    who = AccountMeta(chain.payer.pubkey, True, False)
    described = [AccountMeta(_MINT.pubkey, False, True), who, AccountMeta(_MINT.pubkey, False, False), who]
    chain.send("metadata", [Instruction(TOKEN_2022, tag + words, described)])
    # ImmutableOwner, TransferFeeAmount, TransferHookAccount and PausableAccount, which the mint's own extensions want, and CpiGuard.
    size = _BASE + sum(4 + length for length in (0, 8, 1, 0, 1))
    into = [AccountMeta(_MINT.pubkey, False, True), AccountMeta(_HOLDER.pubkey, False, True), who]
    begin = [_account(chain, _HOLDER, size, size), _call(b"\x16", _HOLDER.pubkey)]
    begin += [_call(b"\x12" + payer, _HOLDER.pubkey, AccountMeta(_MINT.pubkey, False, False))]
    begin += [_call(b"\x22\0", _HOLDER.pubkey, who)]
    chain.send("holder", [*begin, Instruction(TOKEN_2022, b"\x07" + struct.pack("<Q", MINTED), into)], [_HOLDER])


def _account(chain: Chain, key: Signer, size: int, paid_for: int) -> Instruction:
    lamports = chain.rpc.rent_exempt_lamports(paid_for)
    payer = chain.payer.pubkey
    return create_account(
        CreateAccountParams(from_pubkey=payer, to_pubkey=key.pubkey, lamports=lamports, space=size, owner=TOKEN_2022)
    )


def _call(data: bytes, account: Pubkey, *more: AccountMeta) -> Instruction:
    return Instruction(TOKEN_2022, data, [AccountMeta(account, False, True), *more])
