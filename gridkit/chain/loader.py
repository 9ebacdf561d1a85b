"""Deploys and upgrades programs by loader v3's own instructions, as every deploy tool does, on a local chain and on a real cluster alike.

The image is written into a buffer in pieces, many transactions at a time; one more instruction turns the buffer into the program. A buffer
whose write broke off is filled again from the start of the next call, so a deployment may simply be repeated.
"""

from __future__ import annotations

import struct

from nacl.signing import SigningKey
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, create_account

from gridkit.chain.rpc import Rpc
from gridkit.chain.sender import Build, Expired, Landed, Outcome, Refused, Sender
from gridkit.chain.tx import Signer, sign

LOADER_V3 = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
_SYSTEM = Pubkey.from_string("11111111111111111111111111111111")
_RENT = Pubkey.from_string("SysvarRent111111111111111111111111111111111")
_CLOCK = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")
BUFFER_HEADER = 37
PROGRAM_SIZE = 36
PROGRAM_DATA_HEADER = 45
# 1,232 bytes less signature, header, three keys, blockhash and the instruction's own 16 bytes leave 1,012; every tool sends about as much.
PIECE = 1_000
_TOGETHER = 64
_ATTEMPTS = 5


class DeployError(Exception):
    """A deployment failed; `error` is the transaction's, as JSON, `logs` its lines where the node gave them."""

    def __init__(self, what: str, outcome: Outcome) -> None:
        self.error = getattr(outcome, "error", None)
        self.logs: list[str] = getattr(outcome, "logs", [])
        super().__init__(f"{what}: {outcome}")


def program_data_address(program_id: str) -> str:
    """Return the ProgramData account of a program."""
    return str(Pubkey.find_program_address([bytes(Pubkey.from_string(program_id))], LOADER_V3)[0])


def deploy(rpc: Rpc, payer: SigningKey, program: SigningKey, image: bytes, *, max_len: int | None = None) -> str:
    """Deploy `image` at the address of `program` and return that address. The payer becomes its upgrade authority.

    Args:
        rpc: The node.
        payer: Pays rent and fees.
        program: Keypair of the program's address.
        image: The sBPF shared object.
        max_len: Largest image that later upgrades may bring; default twice this one.

    Raises:
        DeployError: A transaction failed, for instance because the image is not a program that the loader accepts.
    """
    work = _Deployment(rpc, payer)
    buffer = work.write_buffer(image)
    target = Signer(program)
    room = max_len or 2 * len(image)
    lamports = rpc.rent_exempt_lamports(PROGRAM_SIZE)
    create = create_account(
        CreateAccountParams(
            from_pubkey=work.payer.pubkey,
            to_pubkey=target.pubkey,
            lamports=lamports,
            space=PROGRAM_SIZE,
            owner=LOADER_V3,
        )
    )
    data = Pubkey.from_string(program_data_address(target.address))
    make = Instruction(
        LOADER_V3,
        struct.pack("<IQ", 2, room),
        [
            AccountMeta(work.payer.pubkey, True, True),
            AccountMeta(data, False, True),
            AccountMeta(target.pubkey, False, True),
            AccountMeta(buffer, False, True),
            AccountMeta(_RENT, False, False),
            AccountMeta(_CLOCK, False, False),
            AccountMeta(_SYSTEM, False, False),
            AccountMeta(work.payer.pubkey, True, False),
        ],
    )
    work.send("deploy", [create, make], [work.payer, target])
    return target.address


def upgrade(rpc: Rpc, authority: SigningKey, program_id: str, image: bytes) -> None:
    """Replace a program's image; `authority` is its upgrade authority and pays.

    Raises:
        DeployError: A transaction failed.
    """
    work = _Deployment(rpc, authority)
    buffer = work.write_buffer(image)
    program = Pubkey.from_string(program_id)
    replace = Instruction(
        LOADER_V3,
        struct.pack("<I", 3),
        [
            AccountMeta(Pubkey.from_string(program_data_address(program_id)), False, True),
            AccountMeta(program, False, True),
            AccountMeta(buffer, False, True),
            AccountMeta(work.payer.pubkey, False, True),
            AccountMeta(_RENT, False, False),
            AccountMeta(_CLOCK, False, False),
            AccountMeta(work.payer.pubkey, True, False),
        ],
    )
    work.send("upgrade", [replace], [work.payer])


def write_buffer(rpc: Rpc, payer: SigningKey, image: bytes, *, buffer: SigningKey, authority: str | None = None) -> str:
    """Write `image` into the buffer at the address of `buffer` and return that address; a buffer begun before is taken up.

    Args:
        rpc: The node.
        payer: Pays rent and fees; the buffer's authority while it is written.
        image: The sBPF shared object.
        buffer: Keypair of the buffer's address.
        authority: Who may write it in the end; a buffer that is theirs already is left as it is. None: the payer stays.

    Raises:
        DeployError: A transaction failed, for instance because the buffer is somebody else's.
    """
    work, target = _Deployment(rpc, payer), Signer(buffer)
    known = rpc.account(target.address, offset=0, length=BUFFER_HEADER)
    if known is None or authority is None or authority_of(known.data) != authority:
        work.write_buffer(image, target, create=known is None)
        if authority is not None:
            set_authority(rpc, payer, target.address, authority)
    return target.address


def set_authority(rpc: Rpc, authority: SigningKey, account: str, successor: str) -> None:
    """Give a buffer, or a program by its ProgramData account, to another authority; `authority` has it now and pays.

    Raises:
        DeployError: The transaction failed, for instance because `authority` does not have it.
    """
    work = _Deployment(rpc, authority)
    metas = [
        AccountMeta(Pubkey.from_string(account), False, True),
        AccountMeta(work.payer.pubkey, True, False),
        AccountMeta(Pubkey.from_string(successor), False, False),
    ]
    work.send("set the authority", [Instruction(LOADER_V3, struct.pack("<I", 4), metas)], [work.payer])


def authority_of(data: bytes) -> str | None:
    """Return who may write a buffer or upgrade a program, by the head of its buffer or ProgramData account; None: nobody.

    Raises:
        ValueError: It is neither.
    """
    kind = int.from_bytes(data[:4], "little")
    if kind not in (1, 3):
        raise ValueError("neither a buffer nor a ProgramData account")
    option = data[4:37] if kind == 1 else data[12:45]
    return str(Pubkey.from_bytes(option[1:])) if option[0] else None


class _Deployment:
    def __init__(self, rpc: Rpc, payer: SigningKey) -> None:
        self.rpc, self.payer, self._sender = rpc, Signer(payer), Sender(rpc)

    def send(self, what: str, instructions: list[Instruction], signers: list[Signer]) -> None:
        outcome = self._sender.send(lambda blockhash, last_valid: sign(instructions, signers, blockhash, last_valid))
        if not isinstance(outcome, Landed) or outcome.error is not None:
            raise DeployError(what, outcome)

    def write_buffer(self, image: bytes, buffer: Signer | None = None, *, create: bool = True) -> Pubkey:
        """Create a buffer unless it is there, write the image into it and return its address."""
        buffer = buffer or Signer(SigningKey.generate())
        if create:
            self._create_buffer(buffer, len(image))
        todo = list(range(0, len(image), PIECE))
        for _ in range(_ATTEMPTS):
            todo = self._write(buffer.pubkey, image, todo)
            if not todo:
                return buffer.pubkey
        raise DeployError("write the buffer", Expired(""))

    def _create_buffer(self, buffer: Signer, image_len: int) -> None:
        size = BUFFER_HEADER + image_len
        made = create_account(
            CreateAccountParams(
                from_pubkey=self.payer.pubkey,
                to_pubkey=buffer.pubkey,
                lamports=self.rpc.rent_exempt_lamports(size),
                space=size,
                owner=LOADER_V3,
            )
        )
        metas = [AccountMeta(buffer.pubkey, False, True), AccountMeta(self.payer.pubkey, False, False)]
        self.send(
            "create the buffer", [made, Instruction(LOADER_V3, struct.pack("<I", 0), metas)], [self.payer, buffer]
        )

    def _write(self, buffer: Pubkey, image: bytes, offsets: list[int]) -> list[int]:
        """Write the pieces at `offsets`; return those that have expired and must be written again."""
        again: list[int] = []
        for at in range(0, len(offsets), _TOGETHER):
            part = offsets[at : at + _TOGETHER]
            builds = [self._piece(buffer, offset, image[offset : offset + PIECE]) for offset in part]
            for offset, outcome in zip(part, self._sender.send_all(builds, skip_preflight=True), strict=True):
                if isinstance(outcome, Expired):
                    again.append(offset)
                elif isinstance(outcome, Refused) or not isinstance(outcome, Landed) or outcome.error is not None:
                    raise DeployError(f"write {len(image)} bytes at {offset}", outcome)
        return again

    def _piece(self, buffer: Pubkey, offset: int, piece: bytes) -> Build:
        data = struct.pack("<IIQ", 1, offset, len(piece)) + piece
        write = Instruction(
            LOADER_V3, data, [AccountMeta(buffer, False, True), AccountMeta(self.payer.pubkey, True, False)]
        )
        return lambda blockhash, last_valid: sign([write], [self.payer], blockhash, last_valid)
