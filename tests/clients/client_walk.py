"""Walks a described path (client_path.py) with one Python client, and writes down what the client saw.

Resolves values and keeps what later steps need. How a call is built, sent and understood is each client's own: client_anchorpy.py and
client_solana_py.py. The TypeScript clients have the same in ts/src/walk.ts.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from client_campus import CLOCK, TOKEN
from client_device import Device
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.websocket_api import SolanaWsClientProtocol, connect
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.rpc.config import RpcTransactionLogsFilterMentions
from solders.rpc.responses import AccountNotification, LogsNotification, SlotNotification
from solders.signature import Signature

ATA = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "i64": 8, "pubkey": 32}
WAIT_S = 120.0


@dataclass
class Call:
    """One instruction with its values resolved; `first` go before it in the same transaction."""

    program: str
    instruction: str
    args: list[tuple[str, str, Any]]
    accounts: list[tuple[str, Pubkey | None, str]]
    signers: list[Keypair]
    first: list[Call | tuple[Pubkey, Pubkey, Pubkey]] = field(default_factory=list)
    versioned: bool = False
    preflight: bool = True


class Client(Protocol):
    """What a client of this chain must be able to do; the rest is solana-py's connection, which both share."""

    async def send(self, call: Call) -> Signature:
        """Send and wait until it is confirmed; raises the client's own error."""

    async def simulate(self, call: Call) -> list[str]:
        """Return the log lines of a simulation."""

    def refusal(self, error: Exception) -> dict[str, Any]:
        """Return code, and program and words where the client finds them."""

    def events(self, logs: Sequence[str]) -> list[dict[str, Any]]:
        """Return the events of the five programs in log lines as {program, name, data}."""

    async def read(self, program: str, account: str, address: Pubkey, fields: Sequence[list[Any]]) -> dict[str, Any]:
        """Return the named fields of an account."""


class Walk:
    """One client on the path.

    Args:
        path: A description.
        connection: Where.
        client: Who.
    """

    def __init__(self, path: dict[str, Any], connection: AsyncClient, client: Client) -> None:
        self._path, self._connection, self._client = path, connection, client
        self._programs = {name: Pubkey.from_string(address) for name, address in path["programs"].items()}
        self._keys = {name: Keypair.from_bytes(bytes(key)) for name, key in path["keys"].items()}
        self._kept: dict[str, Any] = {}
        self._seen: list[dict[str, Any]] = []
        self._socket: SolanaWsClientProtocol | None = None
        self._held = "0"

    async def walk(self) -> dict[str, Any]:
        """Return what was seen: each step that has a name, in order."""
        for step in self._path["steps"]:
            step = dict(step)
            await getattr(self, "_" + step.pop("do"))(**step)
        wallets = {name: str(self._keys[name].pubkey()) for name in ("buyer", "seller")}
        return {"wallets": wallets, "steps": self._seen}

    def _note(self, name: str, **facts: Any) -> None:
        self._seen.append({"name": name, **facts})

    # Values

    def _address(self, value: Any) -> Pubkey | None:
        if value is None or isinstance(value, str):
            return None if value is None else Pubkey.from_string(value)
        if "key" in value:
            return self._keys[value["key"]].pubkey()
        if "program" in value:
            return self._programs[value["program"]]
        if "ata" in value:
            wallet, mint = (self._address(one) for one in value["ata"])
            return Pubkey.find_program_address([bytes(wallet), bytes(TOKEN), bytes(mint)], ATA)[0]  # type: ignore[arg-type]
        program, *seeds = value["pda"]
        return Pubkey.find_program_address([self._seed(*seed) for seed in seeds], self._programs[program])[0]

    def _seed(self, kind: str, value: Any) -> bytes:
        if kind == "text":
            return bytes(value, "ascii")
        if kind == "key":
            return bytes(self._keys[value].pubkey())
        found = self._value(value)
        return found if kind == "hex" else packed(kind, found)

    def _value(self, value: Any) -> Any:
        """Return a whole number, bytes, or an address."""
        if not isinstance(value, dict):
            return int(value)
        if "var" in value:
            kept = self._kept[value["var"]]
            return kept & value["and"] if "and" in value else kept
        if "hex" in value:
            return bytes.fromhex(value["hex"])
        if "pack" in value:
            return b"".join(packed(kind, self._value(one)) for kind, one in value["pack"])
        return self._address(value)

    def _call_of(self, step: dict[str, Any], signers: Sequence[str] = ()) -> Call:
        return Call(
            program=step["program"],
            instruction=step["instruction"],
            args=[(name, kind, self._value(value)) for name, kind, value in step["args"]],
            accounts=[(name, self._address(value), marks) for name, value, marks in step["accounts"]],
            signers=[self._keys[name] for name in signers],
            first=[self._first(one) for one in step.get("first", [])],
            versioned=step.get("versioned", False),
            preflight=step.get("preflight", True),
        )

    def _first(self, step: dict[str, Any]) -> Any:
        if "create_ata" in step:
            return tuple(self._address(one) for one in step["create_ata"])
        return self._call_of(step)

    # Steps

    async def _airdrop(self, to: str, lamports: int) -> None:
        signature = (await self._connection.request_airdrop(self._keys[to].pubkey(), lamports)).value
        await self._connection.confirm_transaction(signature, Confirmed, sleep_seconds=0.1)

    async def _call(self, name: str, signers: list[str], refused: bool = False, keep: Any = None, **step: Any) -> None:
        call = self._call_of(step, signers)
        if refused or not call.preflight:
            try:
                signature = await self._client.send(call)
            except Exception as error:
                self._note(name, refused=self._client.refusal(error))
            else:
                self._note(name, refused=None, signature=str(signature))
            return
        signature = await self._client.send(call)
        found = (await self._connection.get_transaction(signature, "json", Confirmed, 0)).value
        assert found is not None
        assert found.transaction.meta is not None
        meta = found.transaction.meta
        events = self._client.events(meta.log_messages or [])
        for variable, (event, name_) in (keep or {}).items():
            self._kept[variable] = next(int(one["data"][name_]) for one in events if one["name"] == event)
        self._note(
            name,
            events=events,
            logs=meta.log_messages,
            units=meta.compute_units_consumed,
            slot=found.slot,
            signature=str(signature),
        )

    async def _simulate(self, name: str, signers: list[str], **step: Any) -> None:
        logs = await self._client.simulate(self._call_of(step, signers))
        self._note(name, events=self._client.events(logs))

    async def _read(self, name: str, program: str, account: str, address: Any, fields: list[list[Any]]) -> None:
        found = self._address(address)
        assert found is not None
        resolved = [
            [
                as_,
                [one if isinstance(one, str) else self._value(one) for one in path],
                at + (rest[0] * self._value(rest[1]) if rest else 0),
                kind,
            ]
            for as_, path, at, kind, *rest in fields
        ]
        values = await self._client.read(program, account, found, resolved)
        self._kept |= values
        self._note(name, fields=values)

    async def _wait(self, until: Any) -> None:
        """Wait until the chain's clock has come so far."""
        while await self._clock() < self._value(until):  # noqa: ASYNC110 - the chain's clock tells nobody that it moved
            await asyncio.sleep(0.1)

    async def _clock(self) -> int:
        account = (await self._connection.get_account_info(CLOCK, Confirmed)).value
        assert account is not None
        return int.from_bytes(account.data[32:40], "little")

    async def _device(self) -> None:
        device = Device(self._path)
        self._kept |= {
            "meter_id": device.meter_id,
            "device_key": device.public_key,
            "proof": device.proof(self._keys["seller"].pubkey()),
        }

    async def _sign(self, keep: str, base: int, registers: list[list[int]], spoilt: bool) -> None:
        device, at = Device(self._path), {"meter_number": self._kept["meter_number"], "slot": self._kept["slot"]}
        readings = b"".join(
            device.posted(**at, base=base, offset=offset, export_wh=export_wh) for offset, export_wh in registers
        )
        self._kept[keep] = readings[:-1] + bytes([readings[-1] ^ 1]) if spoilt else readings

    async def _listen(self, program: str, event: str, logs: str, account: Any) -> None:
        del program, event  # clients that filter events by themselves use these
        # A validator may push the logs of simulations too (30 notices beside six transactions were seen): no bound for what is not read yet,
        # or pings would not be answered behind it.
        self._socket = await connect(self._path["ws_url"], max_size=None, max_queue=None)
        await self._socket.logs_subscribe(RpcTransactionLogsFilterMentions(Pubkey.from_string(logs)), Confirmed)
        await self._socket.account_subscribe(self._address(account), Confirmed, "base64")  # type: ignore[arg-type]
        # A validator answers a subscription before it has taken it up, and takes them up in turn: when it tells of a slot, it has
        # taken up the two before.
        await self._socket.slot_subscribe()
        slots: int | None = None
        async with asyncio.timeout(WAIT_S):
            while slots is None:
                for message in await self._socket.recv():
                    slots = message.subscription if isinstance(message, SlotNotification) else slots
        await self._socket.slot_unsubscribe(slots)
        self._held = (await self._connection.get_token_account_balance(self._address(account))).value.amount  # type: ignore[arg-type]

    async def _heard(self, name: str, calls: list[str], balances: int) -> None:
        """Note what was pushed: the events of each of these calls, and the balances, in the order in which they came.

        A validator may push first what the account held already: when it does not find the block that was confirmed last, it takes the
        account for one that it has told nothing of. So a notice counts when it tells something new.
        """
        assert self._socket is not None
        wanted = {str(step["signature"]) for step in self._seen if step["name"] in calls}
        pushed: dict[str, list[str]] = {}
        amounts = [int(self._held)]
        with contextlib.suppress(TimeoutError):  # what is missing then shows in what is noted
            async with asyncio.timeout(WAIT_S):
                while not wanted <= pushed.keys() or len(amounts) <= balances:
                    for message in await self._socket.recv():
                        if isinstance(message, LogsNotification):
                            pushed.setdefault(str(message.result.value.signature), message.result.value.logs)
                        elif isinstance(message, AccountNotification):
                            amount = int.from_bytes(message.result.value.data[64:72], "little")
                            amounts += [amount] if amount != amounts[-1] else []
        await self._socket.close()
        found = [event for name_, lines in pushed.items() if name_ in wanted for event in self._client.events(lines)]
        placed = [event for event in found if event["name"] == "OrderPlaced"]
        names = [event["name"] for event in found if event["program"] == "trading"]
        self._note(name, placed=placed, balances=amounts[1:], events=names)

    async def _balance(self, name: str, account: Any) -> None:
        address = self._address(account)
        assert address is not None
        self._note(name, amount=(await self._connection.get_token_account_balance(address)).value.amount)

    async def _supply(self, name: str, mint: Any) -> None:
        address = self._address(mint)
        assert address is not None
        self._note(name, amount=(await self._connection.get_token_supply(address)).value.amount)

    async def _newest(self, name: str, wallet: str) -> None:
        """Note what the node tells of the newest transaction of a wallet, failed or not."""
        key = self._keys[wallet].pubkey()
        [newest] = (await self._connection.get_signatures_for_address(key, limit=1, commitment=Confirmed)).value
        found = (await self._connection.get_transaction(newest.signature, "json", Confirmed, 0)).value
        assert found is not None
        assert found.transaction.meta is not None
        meta = found.transaction.meta
        self._note(name, failed=newest.err is not None, logs=meta.log_messages, units=meta.compute_units_consumed)


def packed(kind: str, value: Any) -> bytes:
    """Return an argument's Borsh bytes."""
    if kind == "bytes":
        return struct.pack("<I", len(value)) + value
    if kind == "pubkey" or kind == "fixed":
        return bytes(value)
    return int(value).to_bytes(SIZES[kind], "little", signed=kind == "i64")


def unpacked(kind: str, data: bytes, at: int) -> Any:
    """Return a number or an address out of an account."""
    piece = data[at : at + SIZES[kind]]
    return str(Pubkey.from_bytes(piece)) if kind == "pubkey" else int.from_bytes(piece, "little", signed=kind == "i64")


def discriminator(kind: str, name: str) -> bytes:
    """Return the first 8 bytes by Anchor's rule."""
    return hashlib.sha256(f"{kind}:{name}".encode()).digest()[:8]


def data_by_program(logs: Sequence[str], programs: dict[str, str]) -> list[tuple[str, bytes]]:
    """Return (name of the program, bytes) of each `Program data` line; a line belongs to the program that is running."""
    running: list[str] = []
    found = []
    for line in logs:
        words = line.split(" ")
        if words[0] == "Program" and words[2:3] == ["invoke"]:
            running.append(words[1])
        elif words[0] == "Program" and len(words) > 2 and words[2].rstrip(":") in ("success", "failed"):
            running.pop()
        elif line.startswith("Program data: ") and (name := programs.get(running[-1])):
            found.append((name, base64.b64decode(line.removeprefix("Program data: "))))
    return found
