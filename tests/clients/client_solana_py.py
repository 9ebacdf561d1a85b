"""solana-py alone: instructions and accounts are packed and unpacked by hand, from the published tables.

What this client agrees on with the chain are bytes: a changed discriminator, account's place, argument's width or offset breaks it even
when the interface files change along. Events are decoded by their Borsh types as the IDL lists them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from client_walk import SIZES, Call, Walk, data_by_program, discriminator, packed, unpacked
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.core import RPCException
from solana.rpc.types import TxOpts
from solders.instruction import AccountMeta, Instruction
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import Transaction, VersionedTransaction
from spl.token.instructions import create_idempotent_associated_token_account

FAILED = re.compile(r"Program (\w+) failed: custom program error: 0x([0-9a-f]+)")


class SolanaPy:
    """solana-py's AsyncClient and solders; no interface file but for the shape of events."""

    def __init__(self, path: dict[str, Any], connection: AsyncClient) -> None:
        self._connection = connection
        self._ids = {name: Pubkey.from_string(address) for name, address in path["programs"].items()}
        self._names = {address: name for name, address in path["programs"].items()}
        self._events = {name: EventTypes(idl["new"]) for name, idl in path["idls"].items()}

    async def send(self, call: Call) -> Signature:
        """Send as a legacy transaction, or version 0 where the path asks for it."""
        latest = (await self._connection.get_latest_blockhash(Confirmed)).value
        options = TxOpts(
            skip_confirmation=False,
            skip_preflight=not call.preflight,
            preflight_commitment=Confirmed,
            last_valid_block_height=latest.last_valid_block_height,
        )
        instructions, payer = self._instructions(call), call.signers[0].pubkey()
        if call.versioned:
            compiled = MessageV0.try_compile(payer, instructions, [], latest.blockhash)
            sent = await self._connection.send_transaction(VersionedTransaction(compiled, call.signers), options)
        else:
            message = Message.new_with_blockhash(instructions, payer, latest.blockhash)
            sent = await self._connection.send_transaction(
                Transaction(call.signers, message, latest.blockhash), options
            )
        return sent.value

    async def simulate(self, call: Call) -> list[str]:
        """Simulate with signatures checked."""
        blockhash = (await self._connection.get_latest_blockhash(Confirmed)).value.blockhash
        message = Message.new_with_blockhash(self._instructions(call), call.signers[0].pubkey(), blockhash)
        transaction = Transaction(call.signers, message, blockhash)
        answer = (await self._connection.simulate_transaction(transaction, True, Confirmed)).value
        assert answer.err is None
        assert 0 < (answer.units_consumed or 0) < 200_000
        return list(answer.logs or [])

    def refusal(self, error: Exception) -> dict[str, Any]:
        """Return (program, code) of the innermost program that failed, from the logs in the node's error."""
        if not isinstance(error, RPCException):
            raise error
        program, number = next(found.groups() for line in error.args[0].data.logs if (found := FAILED.match(line)))
        return {"program": self._names[program], "code": int(number, 16)}

    def events(self, logs: Sequence[str]) -> list[dict[str, Any]]:
        """Decode each `Program data` line of the five programs."""
        found = [(name, self._events[name].decode(data)) for name, data in data_by_program(logs, self._names)]
        return [{"program": name, "name": event, "data": data} for name, (event, data) in found]

    async def read(self, program: str, account: str, address: Pubkey, fields: Sequence[list[Any]]) -> dict[str, Any]:
        """Read fields at their byte offsets."""
        found = (await self._connection.get_account_info(address, Confirmed)).value
        assert found is not None
        assert found.owner == self._ids[program]
        assert found.data[:8] == discriminator("account", account)
        return {as_: unpacked(kind, found.data, at) for as_, _, at, kind in fields}

    def _instructions(self, call: Call) -> list[Instruction]:
        first = [
            create_idempotent_associated_token_account(*one) if isinstance(one, tuple) else self._instruction(one)
            for one in call.first
        ]
        return [*first, self._instruction(call)]

    def _instruction(self, call: Call) -> Instruction:
        program = self._ids[call.program]
        data = discriminator("global", call.instruction) + b"".join(packed(kind, value) for _, kind, value in call.args)
        metas = [AccountMeta(key or program, "s" in marks, "w" in marks) for _, key, marks in call.accounts]
        return Instruction(program, data, metas)


class EventTypes:
    """The Borsh types of a program's events.

    Args:
        idl: The program's IDL, spec 0.1.0.
    """

    def __init__(self, idl: dict[str, Any]) -> None:
        self._types = {one["name"]: one["type"]["fields"] for one in idl["types"]}
        self._events = {bytes(one["discriminator"]): one["name"] for one in idl["events"]}

    def decode(self, data: bytes) -> tuple[str, dict[str, Any]]:
        """Return an event's name and fields."""
        name = self._events[data[:8]]
        value, end = self._read({"defined": {"name": name}}, data, 8)
        assert end == len(data), f"{name}: {len(data) - end} bytes left"
        return name, value

    def _read(self, kind: Any, data: bytes, at: int) -> tuple[Any, int]:
        if isinstance(kind, str):
            if kind == "bool":
                return data[at] != 0, at + 1
            if kind == "bytes":
                size = int.from_bytes(data[at : at + 4], "little")
                return list(data[at + 4 : at + 4 + size]), at + 4 + size
            return unpacked(kind, data, at), at + SIZES[kind]
        if "defined" in kind:
            fields = {}
            for one in self._types[kind["defined"]["name"]]:
                fields[one["name"]], at = self._read(one["type"], data, at)
            return fields, at
        if "vec" in kind:
            of, count, at = kind["vec"], int.from_bytes(data[at : at + 4], "little"), at + 4
        else:
            of, count = kind["array"]
        values = []
        for _ in range(count):
            value, at = self._read(of, data, at)
            values.append(value)
        return values, at


async def walk(path: dict[str, Any]) -> dict[str, Any]:
    """Walk the path with solana-py."""
    async with AsyncClient(path["rpc_url"], commitment=Confirmed) as connection:
        return await Walk(path, connection, SolanaPy(path, connection)).walk()
