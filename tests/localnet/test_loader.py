"""Loader v3, instruction by instruction as `solana program` sends them, and what such tools read afterwards."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from typing import Any

import pytest
from localnet_process import CHECKOUT, SOL, Node, RpcRefused, Wallet, pay, signed
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, create_account

pytestmark = pytest.mark.integration

LOADER = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
RENT = Pubkey.from_string("SysvarRent111111111111111111111111111111111")
CLOCK = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")
SYSTEM = Pubkey.default()
BUFFER_HEADER, DATA_HEADER, PROGRAM_SIZE, PIECE = 37, 45, 36, 1_012


def meta(key: Pubkey, flags: str = "") -> AccountMeta:
    """Return an account with `s` for signer and `w` for writable."""
    return AccountMeta(key, "s" in flags, "w" in flags)


class Tool:
    """A deploy tool: a payer who is the authority, and one image."""

    def __init__(self, node: Node) -> None:
        self.node, self.payer = node, node.funded(10_000 * SOL)
        self.image = min((CHECKOUT / "programs/so").glob("*.so"), key=lambda path: path.stat().st_size).read_bytes()

    def send(self, instructions: list[Instruction], *signers: Wallet) -> str:
        return self.node.run(instructions, [self.payer, *signers])

    def refused(self, instructions: list[Instruction], *signers: Wallet) -> Any:
        with pytest.raises(RpcRefused) as caught:
            self.send(instructions, *signers)
        return caught.value.data["err"]["InstructionError"][1]

    def create(self, account: Wallet, size: int) -> Instruction:
        lamports = self.node.call("getMinimumBalanceForRentExemption", size)
        return create_account(
            CreateAccountParams(
                from_pubkey=self.payer.pubkey, to_pubkey=account.pubkey, lamports=lamports, space=size, owner=LOADER
            )
        )

    def buffer(self) -> Wallet:
        """Create a buffer and write the image into it, a thousand bytes a transaction."""
        buffer, size = Wallet(), BUFFER_HEADER + len(self.image)
        start = Instruction(LOADER, struct.pack("<I", 0), [meta(buffer.pubkey, "w"), meta(self.payer.pubkey)])
        self.send([self.create(buffer, size), start], buffer)
        calls = []
        blockhash = self.node.blockhash()
        for at in range(0, len(self.image), PIECE):
            wire = signed([self.write(buffer, at, self.image[at : at + PIECE])], [self.payer], blockhash)
            calls.append(("sendTransaction", [base64.b64encode(wire).decode(), {"encoding": "base64"}]))
        assert all("result" in answer for answer in self.node.batch(calls))
        return buffer

    def write(self, buffer: Wallet, at: int, piece: bytes) -> Instruction:
        data = struct.pack("<IIQ", 1, at, len(piece)) + piece
        return Instruction(LOADER, data, [meta(buffer.pubkey, "w"), meta(self.payer.pubkey, "s")])

    def deploy(self) -> Wallet:
        program, buffer = Wallet(), self.buffer()
        metas = [
            meta(self.payer.pubkey, "sw"),
            meta(data_of(program.pubkey), "w"),
            meta(program.pubkey, "w"),
            meta(buffer.pubkey, "w"),
            meta(RENT),
            meta(CLOCK),
            meta(SYSTEM),
            meta(self.payer.pubkey, "s"),
        ]
        make = Instruction(LOADER, struct.pack("<IQ", 2, len(self.image)), metas)
        self.last = self.send([self.create(program, PROGRAM_SIZE), make], program)
        assert self.node.call("getAccountInfo", buffer.address)["value"] is None
        self.node.wait_slots(1)
        return program

    def upgrade(self, program: Pubkey, buffer: Wallet) -> Instruction:
        metas = [
            meta(data_of(program), "w"),
            meta(program, "w"),
            meta(buffer.pubkey, "w"),
            meta(self.payer.pubkey, "w"),
            meta(RENT),
            meta(CLOCK),
            meta(self.payer.pubkey, "s"),
        ]
        return Instruction(LOADER, struct.pack("<I", 3), metas)

    def set_authority(self, account: Pubkey, new: Pubkey | None, holder: Wallet | None = None) -> Instruction:
        metas = [meta(account, "w"), meta((holder or self.payer).pubkey, "s")]
        return Instruction(LOADER, struct.pack("<I", 4), metas + ([meta(new)] if new else []))

    def close(self, account: Pubkey, program: Pubkey | None = None) -> Instruction:
        metas = [meta(account, "w"), meta(self.payer.pubkey, "w"), meta(self.payer.pubkey, "s")]
        return Instruction(LOADER, struct.pack("<I", 5), metas + ([meta(program, "w")] if program else []))

    def extend(self, program: Pubkey, size: int) -> Instruction:
        metas = [meta(data_of(program), "w"), meta(program, "w"), meta(SYSTEM), meta(self.payer.pubkey, "sw")]
        return Instruction(LOADER, struct.pack("<II", 6, size), metas)

    def parsed(self, account: Pubkey) -> dict[str, Any]:
        """Return an account as `solana program show` reads it."""
        shown = self.node.call("getAccountInfo", str(account), {"encoding": "jsonParsed"})["value"]
        return dict(shown["data"]["parsed"])

    def called(self, program: Pubkey) -> Any:
        """Return the error of calling a program with nothing: its own if it runs."""
        wire = signed([Instruction(program, b"", [])], [self.payer], self.node.blockhash())
        answer = self.node.call("simulateTransaction", base64.b64encode(wire).decode(), {"encoding": "base64"})
        return answer["value"]["err"]


def data_of(program: Pubkey) -> Pubkey:
    return Pubkey.find_program_address([bytes(program)], LOADER)[0]


def runs(error: Any) -> bool:
    """Return whether an error is the program's own."""
    return isinstance(error, dict) and error["InstructionError"][1] not in (
        "UnsupportedProgramId",
        "InvalidAccountData",
    )


@pytest.fixture(scope="module")
def tool(node: Node) -> Tool:
    return Tool(node)


def test_a_program_is_deployed_extended_upgraded_and_made_final(tool: Tool) -> None:
    """Each step is what the operator's deploy tool sends; one that worked here alone would fail on the campus validator."""
    program = tool.deploy().pubkey
    assert runs(tool.called(program))
    data = data_of(program)
    assert tool.parsed(program) == {"type": "program", "info": {"programData": str(data)}}
    shown = tool.parsed(data)
    assert shown["type"] == "programData"
    assert shown["info"]["authority"] == tool.payer.address
    assert base64.b64decode(shown["info"]["data"][0]) == tool.image

    made = tool.node.call("getTransaction", tool.last, {"encoding": "jsonParsed"})["transaction"]["message"]
    assert [one["parsed"]["type"] for one in made["instructions"]] == ["createAccount", "deployWithMaxDataLen"]
    assert made["instructions"][1]["parsed"]["info"]["programDataAccount"] == str(data)

    tool.send([tool.extend(program, 10_240)])
    extended = tool.node.call(
        "getAccountInfo", str(data), {"encoding": "base64", "dataSlice": {"offset": 0, "length": 0}}
    )
    assert extended["value"]["space"] == DATA_HEADER + len(tool.image) + 10_240
    tool.node.wait_slots(1)
    assert runs(tool.called(program))

    before = tool.node.balance(tool.payer.pubkey)
    buffer = tool.buffer()
    tool.send([tool.upgrade(program, buffer)])
    assert tool.parsed(data)["info"]["slot"] > shown["info"]["slot"]
    assert before - tool.node.balance(tool.payer.pubkey) < SOL // 100  # the buffer's rent came back
    tool.node.wait_slots(1)
    assert runs(tool.called(program))

    tool.send([tool.set_authority(data, None)])
    assert tool.parsed(data)["info"]["authority"] is None
    assert tool.refused([tool.upgrade(program, tool.buffer())]) == "Immutable"


def test_authority_is_handed_over_and_the_old_one_has_none(tool: Tool) -> None:
    """The council takes the programs over at set-up; whoever deployed them must be able to do nothing any more."""
    program, council = tool.deploy().pubkey, Wallet()
    data = data_of(program)
    both = [meta(data, "w"), meta(tool.payer.pubkey, "s"), meta(council.pubkey, "s")]
    tool.send([Instruction(LOADER, struct.pack("<I", 7), both)], council)  # checked: the new one signs too
    assert tool.parsed(data)["info"]["authority"] == council.address
    buffer = tool.buffer()
    assert tool.refused([tool.upgrade(program, buffer)]) == "IncorrectAuthority"
    assert tool.refused([tool.set_authority(data, tool.payer.pubkey)]) == "IncorrectAuthority"
    tool.send([tool.set_authority(data, tool.payer.pubkey, council)], council)
    tool.send([tool.upgrade(program, buffer)])


def test_a_buffer_is_listed_handed_over_and_closed(tool: Tool) -> None:
    """A deployment that broke off leaves SOL in a buffer; the operator must find it and get it back."""
    buffer = tool.buffer()
    shown = tool.parsed(buffer.pubkey)
    assert (shown["type"], shown["info"]["authority"]) == ("buffer", tool.payer.address)
    filters = [
        {"memcmp": {"offset": 0, "bytes": base64.b64encode(struct.pack("<IB", 1, 1)).decode(), "encoding": "base64"}},
        {"memcmp": {"offset": 5, "bytes": tool.payer.address}},
    ]
    options = {"encoding": "base64", "filters": filters, "dataSlice": {"offset": 0, "length": BUFFER_HEADER}}
    listed = tool.node.call("getProgramAccounts", str(LOADER), options)
    assert buffer.address in [one["pubkey"] for one in listed]
    stranger = Wallet()
    theft = [meta(buffer.pubkey, "w"), meta(stranger.pubkey, "w"), meta(stranger.pubkey, "s")]
    assert tool.refused([Instruction(LOADER, struct.pack("<I", 5), theft)], stranger) == "IncorrectAuthority"
    assert tool.refused([tool.write(buffer, len(tool.image), b"more")]) == "AccountDataTooSmall"
    held = tool.node.balance(buffer.pubkey)
    before = tool.node.balance(tool.payer.pubkey)
    tool.send([tool.close(buffer.pubkey)])
    assert tool.node.balance(tool.payer.pubkey) == before + held - 5_000


def test_a_closed_program_is_gone_also_after_restarts(make_node: Callable[..., Node]) -> None:
    """Its account stays, without code behind it: a start that stumbled over it would be the end of the chain."""
    node = make_node().start()
    tool = Tool(node)
    program, other = tool.deploy().pubkey, tool.deploy().pubkey
    tool.send([tool.close(data_of(program), program)])
    assert node.call("getAccountInfo", str(data_of(program)))["value"] is None
    node.wait_slots(1)
    gone = {"InstructionError": [0, "UnsupportedProgramId"]}
    assert tool.called(program) == gone
    for end in (node.kill, node.stop, node.kill):
        end()
        node.start()
        assert tool.called(program) == gone
        assert runs(tool.called(other))
        assert node.run([pay(tool.payer, Wallet().pubkey, SOL)], [tool.payer])
