"""What the council's wider decisions are about: a program that can be upgraded, and a transfer that the council signs."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from campus import APPROVE_UPGRADE, COUNCIL, UPGRADE_AUTHORITY, Campus, payload_upgrade
from object_writer import ALLOC, EXEC, EXIT, ObjectWriter, mov
from program_harness import LOADER_V3, TOKEN, Outcome, keypair
from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from programs.tools.pack import pack


def answering(number: int) -> bytes:
    """Return the image of a program that answers every call with that custom error; 0: with success."""
    writer = ObjectWriter()
    writer.symbol("entrypoint", writer.section(".text", ALLOC | EXEC, mov(0, number) + EXIT))
    return pack(writer.bytes())


@dataclass
class Upgrade:
    """A program whose upgrade authority is the council's PDA, and a buffer with other code for it."""

    campus: Campus
    program: Pubkey
    buffer: Pubkey
    spill: Pubkey
    code: bytes

    @classmethod
    def put(cls, campus: Campus) -> Upgrade:
        """Write a program that answers 6001, and a buffer with one that answers 6007."""
        names = ("upgraded program", "buffer", "spill")
        made = cls(campus, *(keypair(name).pubkey() for name in names), answering(6_007))
        made.put_program_data(UPGRADE_AUTHORITY, answering(6_001) + bytes(100))
        record = (2).to_bytes(4, "little") + bytes(made.program_data)
        lamports = campus.chain.svm.minimum_balance_for_rent_exemption(len(record))
        campus.chain.svm.set_account(made.program, Account(lamports, record, LOADER_V3, True))
        made.put_buffer(made.code)
        campus.chain.advance(1)
        return made

    def put_buffer(self, code: bytes, authority: Pubkey | None = UPGRADE_AUTHORITY, kind: int = 1) -> None:
        """Write the buffer as the loader would have left it."""
        option = b"\x01" + bytes(authority) if authority is not None else bytes(33)
        self.campus.chain.put(self.buffer, kind.to_bytes(4, "little") + option + code, LOADER_V3)

    def put_program_data(self, authority: Pubkey | None, code: bytes | None = None) -> None:
        """Write the program's ProgramData, with room to grow."""
        chain, address = self.campus.chain, self.program_data
        option = b"\x01" + bytes(authority) if authority is not None else bytes(33)
        code = code if code is not None else chain.data(address)[45:]
        chain.put(address, struct.pack("<IQ", 3, 0) + option + code, LOADER_V3)

    @property
    def program_data(self) -> Pubkey:
        """ProgramData of the program."""
        return Pubkey.find_program_address([bytes(self.program)], LOADER_V3)[0]

    def agree(self, code: bytes | None = None) -> int:
        """Let the council approve the code; return the proposal's number."""
        payload = payload_upgrade(self.program, self.buffer, self.spill, self.code if code is None else code)
        return self.campus.agree(APPROVE_UPGRADE, payload)

    def execute(self, number: int, **accounts: object) -> Outcome:
        """Send execute_upgrade."""
        return self.campus.execute_upgrade(number, self.program, self.buffer, self.spill, **accounts)

    def answer(self) -> int | None:
        """What the program answers: the number that its code is made of."""
        return self.campus.chain.send(Instruction(self.program, b"", [])).code


def transfer(source: Pubkey, target: Pubkey, amount: int, authority: Pubkey = COUNCIL) -> Instruction:
    """Return an SPL transfer that `authority` signs."""
    metas = [
        AccountMeta(source, is_signer=False, is_writable=True),
        AccountMeta(target, is_signer=False, is_writable=True),
        AccountMeta(authority, is_signer=True, is_writable=False),
    ]
    return Instruction(TOKEN, b"\x03" + amount.to_bytes(8, "little"), metas)
