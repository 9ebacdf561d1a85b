"""Sends set-up transactions one by one and waits for each: slow and plain, for deployment and enrolment, never for trading."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from typing import Any

from solders.address_lookup_table_account import (
    ID as ADDRESS_LOOKUP_TABLE_ID,
)
from solders.address_lookup_table_account import (
    AddressLookupTableAccount,
    derive_lookup_table_address,
)
from solders.instruction import AccountMeta, Instruction
from solders.system_program import CreateAccountWithSeedParams, create_account_with_seed

from gridkit.chain import idl
from gridkit.chain.deployment import ATA_PROGRAM, SYSTEM_PROGRAM, TOKEN_PROGRAM
from gridkit.chain.rpc import Rpc
from gridkit.chain.sender import Build, Landed, Refused, Sender
from gridkit.chain.tx import Pubkey, Signer, sign

_SLOT_HASHES = "SysvarS1otHashes111111111111111111111111111"


class TransactionFailedError(Exception):
    """A set-up transaction failed or never landed.

    Attributes:
        err: Solana's transaction error, as JSON; None when it never landed.
        logs: Its log lines.
    """

    def __init__(self, what: str, err: Any, logs: Sequence[str]) -> None:
        tail = "\n  ".join(logs[-12:])
        super().__init__(f"{what}: {_readable(err, logs)}" + (f"\n  {tail}" if tail else ""))
        self.err, self.logs = err, list(logs)


class Chain:
    """A node and the wallet that pays for the set-up.

    Args:
        rpc: The node.
        payer: Pays fees and rent.
    """

    def __init__(self, rpc: Rpc, payer: Signer) -> None:
        self.rpc, self.payer = rpc, payer
        self._sender = Sender(rpc)

    def send(
        self,
        what: str,
        instructions: Sequence[Instruction],
        signers: Sequence[Signer] = (),
        tables: Sequence[AddressLookupTableAccount] = (),
    ) -> Landed:
        """Send one transaction and wait until it is confirmed.

        Raises:
            TransactionFailedError: It failed, or did not land before its blockhash ended.
        """
        return self.send_all([(what, instructions, signers)], tables)[0]

    def send_all(
        self,
        parts: Sequence[tuple[str, Sequence[Instruction], Sequence[Signer]]],
        tables: Sequence[AddressLookupTableAccount] = (),
    ) -> list[Landed]:
        """Send independent transactions together and wait until all are confirmed; see send."""
        builds = [self._build(instructions, signers, tables) for _, instructions, signers in parts]
        landed: list[Landed] = []
        for (what, _, _), outcome in zip(parts, self._sender.send_all(builds), strict=True):
            if isinstance(outcome, Refused):
                raise TransactionFailedError(what, outcome.error, outcome.logs)
            if not isinstance(outcome, Landed) or outcome.error is not None:
                error = outcome.error if isinstance(outcome, Landed) else None
                raise TransactionFailedError(what, error, [])
            landed.append(outcome)
        return landed

    def _build(
        self,
        instructions: Sequence[Instruction],
        signers: Sequence[Signer],
        tables: Sequence[AddressLookupTableAccount],
    ) -> Build:
        everyone = [self.payer, *(signer for signer in signers if signer.address != self.payer.address)]
        return lambda blockhash, last_valid: sign(instructions, everyone, blockhash, last_valid, tables)

    def exists(self, address: str) -> bool:
        """Return whether there is an account at `address`."""
        return self.rpc.account(address, offset=0, length=0) is not None

    def create_with_seed(self, seed: str, size: int, owner_program: str) -> tuple[str, Instruction | None]:
        """Return (address, the instruction that creates it), or (address, None) when it exists.

        Accounts above 10,240 bytes cannot be made by a program; the client makes them, with the payer as base.
        """
        base, owner = self.payer.pubkey, Pubkey.from_string(owner_program)
        address = Pubkey.create_with_seed(base, seed, owner)
        if self.exists(str(address)):
            return str(address), None
        params = CreateAccountWithSeedParams(
            from_pubkey=base,
            to_pubkey=address,
            base=base,
            seed=seed,
            lamports=self.rpc.rent_exempt_lamports(size),
            space=size,
            owner=owner,
        )
        return str(address), create_account_with_seed(params)


def create_lookup_table(chain: Chain, addresses: Sequence[str]) -> str:
    """Make an address lookup table that holds `addresses`, and return its address once a transaction may use it."""
    hashes = chain.rpc.account(_SLOT_HASHES, offset=0, length=16)
    if hashes is None:
        raise RuntimeError("the chain has no SlotHashes sysvar")
    slot = int.from_bytes(
        hashes.data[8:16], "little"
    )  # the newest slot that the program will find there, skipped ones left out
    payer = chain.payer.pubkey
    table, bump = derive_lookup_table_address(payer, slot)
    metas = [
        AccountMeta(table, False, True),
        AccountMeta(payer, True, False),
        AccountMeta(payer, True, True),
        AccountMeta(Pubkey.from_string(SYSTEM_PROGRAM), False, False),
    ]
    create = Instruction(ADDRESS_LOOKUP_TABLE_ID, struct.pack("<IQB", 0, slot, bump), metas)
    listed = b"".join(bytes(Pubkey.from_string(address)) for address in addresses)
    extend = Instruction(ADDRESS_LOOKUP_TABLE_ID, struct.pack("<IQ", 2, len(addresses)) + listed, metas)
    landed = chain.send("create the lookup table", [create, extend])
    while int(chain.rpc.call("getSlot", {"commitment": "confirmed"})) <= landed.slot:
        time.sleep(0.1)  # addresses count from the slot after the one that added them
    return str(table)


def token_account_instruction(payer: Signer, owner: str, mint: str, account: str) -> Instruction:
    """Return the instruction that creates an associated token account unless it exists (idempotent create)."""
    metas = [
        AccountMeta(payer.pubkey, True, True),
        AccountMeta(Pubkey.from_string(account), False, True),
        AccountMeta(Pubkey.from_string(owner), False, False),
        AccountMeta(Pubkey.from_string(mint), False, False),
        AccountMeta(Pubkey.from_string(SYSTEM_PROGRAM), False, False),
        AccountMeta(Pubkey.from_string(TOKEN_PROGRAM), False, False),
    ]
    return Instruction(Pubkey.from_string(ATA_PROGRAM), bytes([1]), metas)


def _readable(err: Any, logs: Sequence[str]) -> str:
    """Return a transaction error in words: a custom error is looked up in every program's table by the number."""
    if err is None:
        return "it never landed"
    if isinstance(err, dict) and "InstructionError" in err:
        index, inner = err["InstructionError"]
        if isinstance(inner, dict) and "Custom" in inner:
            names = [f"{p}.{e.name}" for p in idl.PROGRAMS if (e := _error(p, inner["Custom"])) is not None]
            return f"instruction {index} failed with custom error {inner['Custom']} ({' or '.join(names) or 'unknown'})"
    return str(err)


def _error(program: str, code: int) -> idl.ErrorSpec | None:
    try:
        return idl.error(program, code)
    except idl.UnknownInterfaceError:
        return None
