"""anchorpy 0.21 with the legacy IDLs, unchanged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from anchorpy import Context, Event, EventParser, Idl, Program, Provider, Wallet
from anchorpy.error import ProgramError
from client_walk import Call, Walk
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.types import TxOpts
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature
from spl.token.instructions import create_idempotent_associated_token_account


class AnchorPy:
    """anchorpy's Program objects over one provider; the buyer pays."""

    def __init__(self, path: dict[str, Any], connection: AsyncClient) -> None:
        provider = Provider(connection, Wallet(Keypair.from_bytes(bytes(path["keys"]["buyer"]))))
        self.programs = {
            name: Program(
                Idl.from_json(json.dumps(idl["legacy"])), Pubkey.from_string(path["programs"][name]), provider
            )
            for name, idl in path["idls"].items()
        }

    async def send(self, call: Call) -> Signature:
        """Send through `program.rpc`, which builds a legacy transaction."""
        options = TxOpts(skip_preflight=not call.preflight, skip_confirmation=False, preflight_commitment=Confirmed)
        context = self._context(call, [self._instruction(one) for one in call.first], options)
        return await self.programs[call.program].rpc[call.instruction](*arguments(call), ctx=context)

    async def simulate(self, call: Call) -> list[str]:
        """Simulate through `program.simulate`, and give back the lines that it got."""
        found = await self.programs[call.program].simulate[call.instruction](*arguments(call), ctx=self._context(call))
        return list(found.raw)

    def refusal(self, error: Exception) -> dict[str, Any]:
        """anchorpy raises its ProgramError, with the words of the IDL."""
        if not isinstance(error, ProgramError):
            raise error
        return {"code": error.code, "msg": error.msg}

    def events(self, logs: Sequence[str]) -> list[dict[str, Any]]:
        """Parse with anchorpy's own parser, program by program."""
        found: list[dict[str, Any]] = []
        for name, program in self.programs.items():
            events: list[Event] = []
            EventParser(program.program_id, program.coder).parse_logs(list(logs), events.append)
            found += [{"program": name, "name": event.name, "data": plain(event.data)} for event in events]
        return found

    async def read(self, program: str, account: str, address: Pubkey, fields: Sequence[list[Any]]) -> dict[str, Any]:
        """Fetch the whole account as anchorpy decodes it, and pick the fields by name."""
        decoded = await self.programs[program].account[account].fetch(address)
        found = {}
        for as_, path, *_ in fields:
            value = decoded
            for part in path:
                value = value[part] if isinstance(part, int) else getattr(value, part)
            found[as_] = plain(value)
        return found

    def _instruction(self, first: Any) -> Instruction:
        if isinstance(first, tuple):
            return create_idempotent_associated_token_account(*first)
        return self.programs[first.program].instruction[first.instruction](*arguments(first), ctx=self._context(first))

    def _context(self, call: Call, first: Sequence[Instruction] = (), options: TxOpts | None = None) -> Context:
        absent = self.programs[call.program].program_id  # Anchor's rule for an optional account
        accounts = {name: address or absent for name, address, _ in call.accounts}
        return Context(accounts=accounts, signers=call.signers, pre_instructions=list(first), options=options)


def arguments(call: Call) -> list[Any]:
    """Return the arguments as anchorpy takes them: byte arrays are lists."""
    return [list(value) if kind == "fixed" else value for _, kind, value in call.args]


def plain(value: Any) -> Any:
    """Return a decoded value as JSON can hold it."""
    if isinstance(value, Pubkey):
        return str(value)
    if isinstance(value, bytes):
        return list(value)
    if isinstance(value, (list, tuple)) and not hasattr(value, "__dataclass_fields__"):
        return [plain(one) for one in value]
    if hasattr(value, "__dict__") or hasattr(value, "__dataclass_fields__"):
        return {name: plain(one) for name, one in vars(value).items()}
    return value


async def walk(path: dict[str, Any]) -> dict[str, Any]:
    """Walk the path with anchorpy."""
    async with AsyncClient(path["rpc_url"], commitment=Confirmed) as connection:
        return await Walk(path, connection, AnchorPy(path, connection)).walk()
