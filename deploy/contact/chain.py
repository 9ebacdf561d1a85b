"""Sends set-up transactions one by one and waits for each: slow and plain, for deployment and enrolment, never for trading."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import AccountMeta, Instruction
from solders.system_program import CreateAccountWithSeedParams, create_account_with_seed

from gridkit.chain import idl
from gridkit.chain.rpc import PreflightError, Rpc, RpcError
from gridkit.chain.tx import Pubkey, Signed, Signer, sign

_CONFIRM_S = 60.0
_POLL_S = 0.05
_REBROADCAST_S = 2.0


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

    def send(
        self,
        what: str,
        instructions: Sequence[Instruction],
        signers: Sequence[Signer] = (),
        tables: Sequence[AddressLookupTableAccount] = (),
    ) -> dict[str, Any]:
        """Send one transaction, wait until it is confirmed, and return it with its metadata.

        Raises:
            TransactionFailedError: It failed, or did not land before its blockhash ended.
        """
        blockhash, last_valid = self.rpc.latest_blockhash()
        others = [signer for signer in signers if signer.address != self.payer.address]
        signed = sign(instructions, [self.payer, *others], blockhash, last_valid, tables)
        try:
            self.rpc.send(signed.wire)
        except PreflightError as error:
            raise TransactionFailedError(what, error.err, error.logs) from error
        return self._confirm(what, signed)

    def _confirm(self, what: str, signed: Signed) -> dict[str, Any]:
        deadline = time.monotonic() + _CONFIRM_S
        sent_at = time.monotonic()
        while time.monotonic() < deadline:
            status = self.rpc.statuses([signed.signature])[0]
            if status is not None and status.get("confirmationStatus") in ("confirmed", "finalized"):
                transaction = self.rpc.transaction(signed.signature)
                if transaction is not None:
                    if status.get("err") is not None:
                        raise TransactionFailedError(what, status["err"], transaction["meta"]["logMessages"] or [])
                    return transaction
            elif self.rpc.block_height() > signed.last_valid_block_height:
                break
            elif time.monotonic() - sent_at > _REBROADCAST_S:
                sent_at = time.monotonic()
                self._send_again(signed)
            time.sleep(_POLL_S)
        raise TransactionFailedError(what, None, [])

    def _send_again(self, signed: Signed) -> None:
        try:
            self.rpc.send(signed.wire, skip_preflight=True)
        except RpcError:  # the loop that asks for its status goes on, and ends at the blockhash's end
            return

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


def token_account_instruction(payer: Signer, owner: str, mint: str, account: str) -> Instruction:
    """Return the instruction that creates an associated token account unless it exists (idempotent create)."""
    from gridkit.chain.deployment import ATA_PROGRAM, SYSTEM_PROGRAM, TOKEN_PROGRAM

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
