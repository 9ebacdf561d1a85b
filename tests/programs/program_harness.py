"""Runs the built programs on LiteSVM and speaks to them by their interfaces; what a test asserts is left to the test.

Works on solders 0.26 and 0.29 alike with nothing but solders and PyNaCl besides. All keys derive from public text, so
addresses, bumps and therefore compute units are the same on every machine.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from solders.account import Account
from solders.clock import Clock
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import Transaction

from gridkit.chain import idl
from gridkit.programs import PROGRAM_NAMES, program_seed, public_seed

ROOT = Path(__file__).resolve().parents[2]
SO = ROOT / "programs" / "so"
SYSTEM = Pubkey.from_string("11111111111111111111111111111111")
TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
LOADER_V3 = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
COMPUTE_BUDGET = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
# 2026-06-01 10:00 UTC: a whole interval, 1,977,640.
START_S = 1_780_308_000
SOLDERS = version("solders")
IS_MAIN_ENVIRONMENT = SOLDERS.startswith("0.26.")
# "p_token" puts the token program of the localnet's environment in place of the one that solders brings.
TOKEN_VARIABLE = "CAMPUSGRID_TOKEN_PROGRAM"
TOKEN_PROGRAM = os.environ.get(TOKEN_VARIABLE, "")
SOL = 1_000_000_000
# A packet: what a cluster forwards (IPv6 minimum MTU less headers). LiteSVM itself does not mind.
MAX_TRANSACTION_BYTES = 1_232


def keypair(name: str) -> Keypair:
    """Return the key pair that every run gives to `name`."""
    return Keypair.from_seed(public_seed("test", name))


def program_id(name: str) -> Pubkey:
    """Return the id a program runs at on a localnet and here."""
    return Keypair.from_seed(program_seed(name)).pubkey()


def pda(program: str, *seeds: bytes) -> Pubkey:
    """Return the canonical derived address of `seeds` under one of our programs."""
    return Pubkey.find_program_address(list(seeds), program_id(program))[0]


def program_data(program: str) -> Pubkey:
    """Return the address of a program's ProgramData account."""
    return Pubkey.find_program_address([bytes(program_id(program))], LOADER_V3)[0]


def compute_limit(units: int) -> Instruction:
    """Return the ComputeBudget instruction that raises (or lowers) a transaction's limit; costs 150 units itself."""
    return Instruction(COMPUTE_BUDGET, b"\x02" + units.to_bytes(4, "little"), [])


@dataclass(frozen=True)
class Outcome:
    """What became of one transaction.

    Attributes:
        error: None, or the runtime's words for the failure.
        code: Custom error number of a failed transaction, if it was one.
        logs: The runtime's log lines.
        units: Compute units of the whole transaction.
    """

    error: str | None
    code: int | None
    logs: list[str]
    units: int
    return_data: bytes = b""
    program_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the transaction was applied."""
        return self.error is None

    def events(self, name: str | None = None) -> list[idl.Event]:
        """Return the events our programs emitted, in order; only those called `name` if given."""
        found = idl.events_in(self.logs, self.program_names)
        return [event for event in found if name is None or event.name == name]

    def event(self, name: str) -> dict[str, Any]:
        """Return the fields of the one event called `name`."""
        (event,) = self.events(name)
        return event.fields

    def units_of(self, program: Pubkey | str) -> int:
        """Return the units of all calls of one program, each with everything it called."""
        key = str(program_id(program) if isinstance(program, str) and program in PROGRAM_NAMES else program)
        return sum(used for name, used in self._consumed() if name == key)

    def own_units(self) -> tuple[int, int]:
        """Return (units of our programs and the system program, units of the token program) without ComputeBudget."""
        token = self.units_of(TOKEN)
        ours = 0
        depth = 0
        for line in self.logs:
            words = line.split()
            if len(words) >= 3 and words[0] == "Program":
                if words[2] == "invoke":
                    depth += 1
                elif words[2] == "success" or words[2].startswith("failed"):
                    depth -= 1
                elif words[2] == "consumed" and depth == 1 and words[1] in self.program_names:
                    ours += int(words[3])
        return ours - token, token

    def _consumed(self) -> Iterator[tuple[str, int]]:
        for line in self.logs:
            words = line.split()
            if len(words) > 3 and words[0] == "Program" and words[2] == "consumed":
                yield words[1], int(words[3])


@functools.cache
def p_token_image() -> bytes:
    """Return the ELF of p-token, read out of the localnet's environment, whose SVM has it at the token program's id."""
    python = ROOT / ".venv-localnet" / "bin" / "python"
    code = """
import sys
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
svm = LiteSVM()
program = svm.get_account(Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"))
sys.stdout.buffer.write(svm.get_account(Pubkey(bytes(program.data)[4:36])).data[45:])
"""
    image = subprocess.run([python, "-c", code], check=True, capture_output=True, timeout=60).stdout
    assert image.startswith(b"\x7fELF")
    return image


class Chain:
    """A LiteSVM with our programs at their localnet ids and a ProgramData account for each.

    The clock stands at `START_S` until a test moves it. Signatures are checked; a transaction may be sent twice.
    """

    def __init__(self, programs: Sequence[str] | None = None) -> None:
        self.svm = LiteSVM().with_transaction_history(0)
        if TOKEN_PROGRAM:
            assert TOKEN_PROGRAM == "p_token", f"{TOKEN_VARIABLE}={TOKEN_PROGRAM}: only p_token is known"
            self.svm.add_program(TOKEN, p_token_image())
        self.payer = keypair("payer")
        self.upgrade_authority = keypair("upgrade authority")
        self.program_names = {str(program_id(name)): name for name in PROGRAM_NAMES}
        names = programs if programs is not None else [n for n in PROGRAM_NAMES if (SO / f"{n}.so").exists()]
        for name in names:
            self.load(name)
        for key in (self.payer, self.upgrade_authority):
            self.fund(key)
        self.set_time(START_S)

    # ---------------------------------------------------------------------------------------------------- set-up

    def load(self, name: str, image: bytes | None = None) -> None:
        """Install a program (its committed `.so` by default) with a ProgramData account naming our upgrade authority."""
        image = image if image is not None else (SO / f"{name}.so").read_bytes()
        self.svm.add_program(program_id(name), image)
        self.set_upgrade_authority(name, self.upgrade_authority.pubkey())

    def set_upgrade_authority(self, name: str, authority: Pubkey | None) -> None:
        """Write the authority into a program's ProgramData; None: the program is immutable.

        solders 0.26 installs under loader v2, which has no such account; then one without the code is made by hand.
        """
        option = b"\x01" + bytes(authority) if authority is not None else bytes(33)
        head = (3).to_bytes(4, "little") + (0).to_bytes(8, "little") + option
        code = self.data(program_data(name))[len(head) :]
        self.put(program_data(name), head + code, LOADER_V3)

    def fund(self, key: Keypair | Pubkey, lamports: int = 1_000 * SOL) -> None:
        """Give a wallet lamports."""
        address = key.pubkey() if isinstance(key, Keypair) else key
        self.put(address, b"", SYSTEM, lamports)

    def wallet(self, name: str) -> Keypair:
        """Return the funded wallet called `name`."""
        key = keypair(name)
        if not self.svm.get_balance(key.pubkey()):
            self.fund(key)
        return key

    def put(self, address: Pubkey, data: bytes, owner: Pubkey, lamports: int | None = None) -> None:
        """Write an account as it stands, rent-exempt by default."""
        if lamports is None:
            lamports = self.svm.minimum_balance_for_rent_exemption(len(data))
        self.svm.set_account(address, Account(lamports, data, owner))

    def set_time(self, now_s: int) -> None:
        """Set campus time, UTC epoch seconds, and let a slot pass."""
        old = self.svm.get_clock()
        self.svm.set_clock(Clock(old.slot + 1, now_s, old.epoch, old.leader_schedule_epoch, now_s))

    def advance(self, seconds: int) -> None:
        """Let campus time pass."""
        self.set_time(self.now_s() + seconds)

    def now_s(self) -> int:
        """Campus time, UTC epoch seconds."""
        return int(self.svm.get_clock().unix_timestamp)

    # ---------------------------------------------------------------------------------------------------- reading

    def data(self, address: Pubkey) -> bytes:
        """Return an account's bytes; empty if there is none."""
        account = self.svm.get_account(address)
        return bytes(account.data) if account is not None else b""

    def read(self, program: str, account: str, address: Pubkey) -> dict[str, Any]:
        """Return the fields of one of our accounts, by its interface."""
        return idl.decode_account(program, account, self.data(address))

    def patch(self, address: Pubkey, at: int, value: bytes) -> None:
        """Overwrite bytes of an account, as nothing but a test can."""
        account = self.svm.get_account(address)
        assert account is not None
        data = bytearray(account.data)
        data[at : at + len(value)] = value
        self.svm.set_account(address, Account(account.lamports, bytes(data), account.owner))

    def token_amount(self, address: Pubkey) -> int:
        """Return the atoms in a token account."""
        return int.from_bytes(self.data(address)[64:72], "little")

    def supply(self, mint: Pubkey) -> int:
        """Return the supply of a mint, atoms."""
        return int.from_bytes(self.data(mint)[36:44], "little")

    # -------------------------------------------------------------------------------------------------- SPL token

    def put_mint(self, address: Pubkey, authority: Pubkey, *, freeze: Pubkey | None = None, supply: int = 0) -> Pubkey:
        """Write a classic SPL mint of 6 decimals."""
        freezer = b"\x01\0\0\0" + bytes(freeze) if freeze is not None else bytes(36)
        data = b"\x01\0\0\0" + bytes(authority) + supply.to_bytes(8, "little") + b"\x06\x01" + freezer
        self.put(address, data, TOKEN)
        return address

    def put_token_account(
        self,
        address: Pubkey,
        mint: Pubkey,
        owner: Pubkey,
        amount: int = 0,
        *,
        frozen: bool = False,
        delegate: Pubkey | None = None,
        close_authority: Pubkey | None = None,
    ) -> Pubkey:
        """Write a classic SPL token account (165 bytes)."""

        def option(key: Pubkey | None) -> bytes:
            return b"\x01\0\0\0" + bytes(key) if key is not None else bytes(36)

        data = bytes(mint) + bytes(owner) + amount.to_bytes(8, "little") + option(delegate)
        data += bytes([2 if frozen else 1]) + bytes(12)
        data += (amount if delegate is not None else 0).to_bytes(8, "little") + option(close_authority)
        assert len(data) == 165
        self.put(address, data, TOKEN)
        return address

    # ---------------------------------------------------------------------------------------------------- sending

    def instruction(
        self,
        program: str,
        name: str,
        accounts: Mapping[str, Pubkey | Keypair | None],
        remaining: Sequence[AccountMeta] = (),
        **args: Any,
    ) -> Instruction:
        """Build an instruction by its interface: accounts by name, arguments by name.

        Accounts with a fixed address (system and token program) may be left out, and so may optional ones.
        """
        spec = idl.interface(program).instruction(name)
        known = {meta.name for meta in spec.metas}
        strange = set(accounts) - known
        assert not strange, f"{program}.{name} has no account {strange}; it has {sorted(known)}"
        metas = []
        for meta in spec.metas:
            value = accounts.get(meta.name)
            if value is None and meta.address:
                value = Pubkey.from_string(meta.address)
            if value is None and meta.optional:
                metas.append(AccountMeta(program_id(program), is_signer=False, is_writable=False))
                continue
            assert value is not None, f"{program}.{name} wants account {meta.name}"
            address = value.pubkey() if isinstance(value, Keypair) else value
            metas.append(AccountMeta(address, is_signer=meta.signer, is_writable=meta.writable))
        data = spec.encode(**{key: _argument(value) for key, value in args.items()})
        return Instruction(program_id(program), data, [*metas, *remaining])

    def send(
        self, *instructions: Instruction, signers: Sequence[Keypair] = (), payer: Keypair | None = None
    ) -> Outcome:
        """Send one transaction and return what became of it. The payer signs by itself."""
        payer = payer if payer is not None else self.payer
        by_key = {key.pubkey(): key for key in (payer, *signers)}
        message = Message.new_with_blockhash(list(instructions), payer.pubkey(), self.svm.latest_blockhash())
        needed = list(message.account_keys)[: message.header.num_required_signatures]
        missing = [str(key) for key in needed if key not in by_key]
        assert not missing, f"no key pair for the signers {missing}"
        transaction = Transaction([by_key[key] for key in needed], message, Hash(bytes(message.recent_blockhash)))
        size = len(bytes(transaction))
        assert size <= MAX_TRANSACTION_BYTES, f"{size} bytes: no real cluster takes such a transaction"
        result = self.svm.send_transaction(transaction)
        failed = hasattr(result, "err")
        meta = result.meta() if failed else result
        error = result.err() if failed else None
        return Outcome(
            error=str(error) if failed else None,
            code=_custom_code(error) if failed else None,
            logs=list(meta.logs()),
            units=meta.compute_units_consumed(),
            return_data=bytes(meta.return_data().data) if meta.return_data() is not None else b"",
            program_names=self.program_names,
        )

    def call(
        self,
        program: str,
        name: str,
        accounts: Mapping[str, Pubkey | Keypair | None],
        signers: Sequence[Keypair] = (),
        remaining: Sequence[AccountMeta] = (),
        limit: int | None = None,
        **args: Any,
    ) -> Outcome:
        """Send one instruction. Key pairs among the accounts sign by themselves; `limit` raises the unit limit."""
        keys = [value for value in accounts.values() if isinstance(value, Keypair)]
        built = self.instruction(program, name, accounts, remaining, **args)
        before = [compute_limit(limit)] if limit else []
        return self.send(*before, built, signers=[*keys, *signers])


def with_slot(
    built: Instruction,
    slot: str,
    *,
    address: Pubkey | None = None,
    signer: bool | None = None,
    writable: bool | None = None,
) -> Instruction:
    """Return one of our instructions with another address or other flags in the account slot of that name."""
    names = {str(program_id(name)): name for name in PROGRAM_NAMES}
    interface = idl.interface(names[str(built.program_id)])
    data = bytes(built.data)
    (spec,) = [item for item in interface.instructions.values() if item.discriminator == data[:8]]
    index = [meta.name for meta in spec.metas].index(slot)
    metas = list(built.accounts)
    old = metas[index]
    metas[index] = AccountMeta(
        address if address is not None else old.pubkey,
        is_signer=old.is_signer if signer is None else signer,
        is_writable=old.is_writable if writable is None else writable,
    )
    return Instruction(built.program_id, data, metas)


def expect_ok(outcome: Outcome) -> Outcome:
    """Return the outcome of a transaction that must have been applied."""
    assert outcome.ok, "\n".join([f"refused: {outcome.error}", *outcome.logs])
    return outcome


def expect_error(outcome: Outcome, program: str, name: str) -> Outcome:
    """Return the outcome of a transaction that must have been refused with the custom error `name` of `program`."""
    assert not outcome.ok, f"was applied, but {program}.{name} was expected"
    spec = idl.error(program, outcome.code) if outcome.code is not None else None
    assert spec is not None, "\n".join([f"{outcome.error} instead of {name}", *outcome.logs])
    assert spec.name == name, f"{spec.name} instead of {name}"
    return outcome


# Numbers of the checks that all programs share; they are those of the Anchor framework.
SHARED = {
    "UNKNOWN_INSTRUCTION": 101,
    "BAD_ARGUMENTS": 102,
    "NOT_WRITABLE": 2000,
    "WRONG_RELATION": 2001,
    "NOT_RENT_EXEMPT": 2005,
    "WRONG_SEEDS": 2006,
    "WRONG_ADDRESS": 2012,
    "WRONG_TOKEN_ACCOUNT": 2015,
    "ALREADY_INITIALIZED": 3000,
    "WRONG_ACCOUNT_TYPE": 3002,
    "WRONG_ACCOUNT_SIZE": 3003,
    "NOT_ENOUGH_ACCOUNTS": 3005,
    "WRONG_OWNER": 3007,
    "WRONG_PROGRAM": 3008,
    "NOT_SIGNER": 3010,
    "NOT_UPGRADE_AUTHORITY": 3014,
}


def expect_shared(outcome: Outcome, *names: str) -> Outcome:
    """Return the outcome of a transaction that must have been refused by one of the checks all programs share."""
    assert not outcome.ok, f"was applied, but {' or '.join(names)} was expected"
    codes = {SHARED[name]: name for name in names}
    got = next((n for n, c in SHARED.items() if c == outcome.code), outcome.code)
    assert outcome.code in codes, "\n".join([f"{got} ({outcome.error}) instead of {names}", *outcome.logs])
    return outcome


def _argument(value: Any) -> Any:
    return bytes(value) if isinstance(value, Pubkey) else value


def _custom_code(error: Any) -> int | None:
    inner = getattr(error, "err", None)
    code = getattr(inner, "code", None)
    return int(code) if code is not None else None


# ------------------------------------------------------------------------------------------------------ compute units

UNITS_FILE = ROOT / "programs" / "compute_units.json"
RECORD_VARIABLE = "CAMPUSGRID_RECORD_UNITS"


def units_environment() -> str | None:
    """Return which table this run's units belong to; None: no table is kept of it.

    "": solders 0.26 with the SPL Token 3.5.0 that it brings, the main one. "0.29": solders 0.29 with the p-token that it
    brings. "p_token": solders 0.26 with that p-token in place of the SPL token program.
    """
    if IS_MAIN_ENVIRONMENT:
        return TOKEN_PROGRAM
    return "0.29" if SOLDERS.startswith("0.29.") and not TOKEN_PROGRAM else None


def units_files(environment: str, main: Path = UNITS_FILE) -> tuple[Path, Path]:
    """Return the two files of an environment: our own units, and those of the token program."""
    stem = ".".join(part for part in (main.stem, environment) if part)
    return main.with_name(f"{stem}.json"), main.with_name(f"{stem}.token.json")


class UnitTable:
    """The recorded compute units of one environment, as two flat files {"<program>.<instruction>[.<case>]": units}.

    The first counts our code and the system program's, the second the SPL token program's part, which changes with its
    binary; a call that costs no token units has no entry there.
    """

    def __init__(self, own: Path, token: Path, *, recording: bool = False) -> None:
        self.paths = (own, token)
        self.recording = recording
        self.measured: dict[str, tuple[int, int]] = {}

    def check(self, key: str, own: int, token: int) -> None:
        """Compare one measurement with the table, or remember it to be written.

        Args:
            key: `<program>.<instruction>[.<case>]`.
            own, token: As `Outcome.own_units` gives them.

        Raises:
            AssertionError: other units than recorded, or none are recorded. A fall counts too: left in the table, it
                would hide the next rise.
        """
        program, _, rest = key.partition(".")
        assert program in PROGRAM_NAMES, f"{key}: {program} is no program"
        assert rest, f"{key}: names no instruction"
        self.measured[key] = (own, token)
        if self.recording:
            return
        for path, used in zip(self.paths, (own, token), strict=True):
            recorded = _load(path).get(key, 0 if path == self.paths[1] else None)
            assert used == recorded, f"{key}: {used} units, {recorded} recorded in {path.name}; `make units` if meant"

    def write(self) -> None:
        """Merge what was measured into the files."""
        for index, path in enumerate(self.paths):
            table = _load(path) | {key: units[index] for key, units in self.measured.items()}
            kept = {key: units for key, units in sorted(table.items()) if units}
            scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            scratch.write_text(json.dumps(kept, indent=2) + "\n")
            scratch.replace(path)


def _load(path: Path) -> dict[str, int]:
    return json.loads(path.read_text()) if path.exists() else {}
