"""The clients that people use, unchanged, against the real process: solana-py, anchorpy, and loader v3 through our own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from anchorpy import Idl, Program, Provider
from anchorpy import Wallet as AnchorWallet
from localnet_process import CHECKOUT, PYTHON, SOL, Node, Wallet
from solana.rpc.api import Client
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.core import RPCException
from solana.rpc.types import MemcmpOpts, TokenAccountOpts
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import Transaction
from spl.token.client import Token

from gridkit.chain import loader
from gridkit.chain.rpc import Rpc

pytestmark = pytest.mark.integration

TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")

NO_ARGUMENTS = [
    "get_block_height",
    "get_slot",
    "get_epoch_info",
    "get_epoch_schedule",
    "get_first_available_block",
    "get_genesis_hash",
    "get_identity",
    "get_inflation_governor",
    "get_inflation_rate",
    "get_latest_blockhash",
    "get_leader_schedule",
    "get_minimum_ledger_slot",
    "get_slot_leader",
    "get_supply",
    "get_transaction_count",
    "get_version",
    "get_vote_accounts",
    "get_cluster_nodes",
    "get_recent_performance_samples",
    "get_largest_accounts",
]


@pytest.fixture(scope="module")
def client(node: Node) -> Client:
    return Client(node.url, commitment=Confirmed)


def keypair(node: Node) -> Keypair:
    made = Keypair()
    node.call("requestAirdrop", str(made.pubkey()), 100 * SOL)
    return made


@pytest.mark.parametrize("method", NO_ARGUMENTS)
def test_solana_py_understands_what_the_chain_tells_of_itself(client: Client, method: str) -> None:
    """solders parses strictly: one missing or misnamed field and a client stops working."""
    assert getattr(client, method)().value is not None


def test_solana_py_makes_and_moves_tokens_and_reads_them_back(node: Node, client: Client) -> None:
    """CREDIT and GRID are such tokens; every wallet and explorer reads them through these calls."""
    owner = keypair(node)
    token = Token.create_mint(client, owner, owner.pubkey(), 6, TOKEN)
    mine, theirs = token.create_associated_token_account(owner.pubkey()), token.create_account(Keypair().pubkey())
    token.mint_to(mine, owner, 1_000_000_000)
    name = token.transfer(mine, theirs, owner, 12_345).value
    assert token.get_balance(theirs).value.amount == "12345"
    assert client.get_token_supply(token.pubkey).value.amount == "1000000000"
    largest = client.get_token_largest_accounts(token.pubkey).value
    assert [str(one.address) for one in largest] == [str(mine), str(theirs)]
    by_mint = TokenAccountOpts(mint=token.pubkey)
    assert [one.pubkey for one in client.get_token_accounts_by_owner(owner.pubkey(), by_mint).value] == [mine]
    [parsed] = client.get_token_accounts_by_owner_json_parsed(owner.pubkey(), TokenAccountOpts(program_id=TOKEN)).value
    assert parsed.account.data.parsed["info"]["tokenAmount"]["amount"] == "999987655"
    filters: list[Any] = [165, MemcmpOpts(0, str(token.pubkey))]
    assert {one.pubkey for one in client.get_program_accounts(TOKEN, filters=filters).value} == {mine, theirs}
    assert client.get_account_info_json_parsed(token.pubkey).value.data.parsed["info"]["supply"] == "1000000000"  # type: ignore[union-attr]
    for encoding in ("json", "jsonParsed", "base64", "base58"):
        found = client.get_transaction(name, encoding, max_supported_transaction_version=0).value
        assert found is not None
        meta = found.transaction.meta
        assert meta is not None
        before = {one.account_index: one.ui_token_amount.amount for one in meta.pre_token_balances or []}
        after = {one.account_index: one.ui_token_amount.amount for one in meta.post_token_balances or []}
        assert sorted(before.values()) == ["0", "1000000000"]
        assert sorted(after.values()) == ["12345", "999987655"]


def test_a_token_account_that_is_made_and_closed_has_a_balance_on_one_side_only(node: Node, client: Client) -> None:
    """An explorer adds balances up; a closed account that still shows one would double the supply."""
    owner = keypair(node)
    token = Token.create_mint(client, owner, owner.pubkey(), 0, TOKEN)
    account = token.create_account(owner.pubkey())
    made = node.call("getSignaturesForAddress", str(account))[0]["signature"]
    closed = str(token.close_account(account, owner.pubkey(), owner).value)
    for name, sides in (
        (made, ("postTokenBalances", "preTokenBalances")),
        (closed, ("preTokenBalances", "postTokenBalances")),
    ):
        meta = node.call("getTransaction", name)["meta"]
        assert [one["uiTokenAmount"]["amount"] for one in meta[sides[0]]] == ["0"]
        assert meta[sides[1]] == []


def test_solana_py_sees_a_preflight_failure_with_its_logs(node: Node, client: Client) -> None:
    """The logs are the only hint that a trader gets."""
    owner = keypair(node)
    step = transfer(TransferParams(from_pubkey=owner.pubkey(), to_pubkey=Pubkey.new_unique(), lamports=10**15))
    blockhash = client.get_latest_blockhash().value.blockhash
    with pytest.raises(RPCException) as caught:
        client.send_transaction(
            Transaction([owner], Message.new_with_blockhash([step], owner.pubkey(), blockhash), blockhash)
        )
    failure = caught.value.args[0]
    assert "custom program error: 0x1" in failure.message
    assert failure.data.logs is not None
    assert "insufficient lamports" in failure.data.logs[1]


IDL = {
    "version": "0.1.0",
    "name": "memo_like",
    "instructions": [{"name": "speak", "accounts": [], "args": [{"name": "what", "type": "u64"}]}],
    "accounts": [{"name": "Thing", "type": {"kind": "struct", "fields": [{"name": "value", "type": "u64"}]}}],
    "errors": [{"code": 6000, "name": "Never", "msg": "never"}],
}


async def test_anchorpy_reads_accounts_and_sends_through_its_provider(node: Node) -> None:
    """anchorpy is what Python users hold; it reads many accounts by a batch with a false gzip header."""
    owner = keypair(node)
    connection = AsyncClient(node.url, commitment=Confirmed)
    provider = Provider(connection, AnchorWallet(owner))
    program = Program(Idl.from_json(json.dumps(IDL)), TOKEN, provider)
    target = Pubkey.new_unique()
    step = transfer(TransferParams(from_pubkey=owner.pubkey(), to_pubkey=target, lamports=SOL))
    blockhash = (await connection.get_latest_blockhash()).value.blockhash
    await provider.send(Transaction([owner], Message.new_with_blockhash([step], owner.pubkey(), blockhash), blockhash))
    assert (await connection.get_balance(target)).value == SOL
    assert await program.account["Thing"].fetch_multiple([target, Pubkey.new_unique()]) == [None, None]
    assert await program.account["Thing"].all() == []
    with pytest.raises(RPCException) as caught:
        await program.rpc["speak"](7)
    assert (
        "invalid instruction data" in caught.value.args[0].message
        or "custom program error" in caught.value.args[0].message
    )
    await program.close()


def images() -> list[Path]:
    """Return the built programs; without any, the SPL token program as LiteSVM holds it."""
    return sorted((CHECKOUT / "programs/so").glob("*.so"))


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    if found := images():
        return found[0].read_bytes()
    path = tmp_path_factory.mktemp("elf") / "token.so"
    script = (
        "from solders.litesvm import LiteSVM; from solders.pubkey import Pubkey; s = LiteSVM();"
        "p = Pubkey.from_string('TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA'); d = s.get_account(p).data;"
        f"open({str(path)!r}, 'wb').write(s.get_account(Pubkey.from_bytes(d[4:36])).data[45:])"
    )
    subprocess.run([str(PYTHON), "-c", script], check=True)
    return path.read_bytes()


def test_programs_are_deployed_and_upgraded_by_the_loaders_own_instructions(node: Node, image: bytes) -> None:
    """What deploys here must deploy on a cluster: no call that only the local chain has."""
    rpc = Rpc(node.url)
    payer, program = node.funded(10_000 * SOL), Wallet()
    address = loader.deploy(rpc, payer.key, program.key, image)
    assert address == program.address
    account = node.call("getAccountInfo", program.address, {"encoding": "jsonParsed"})["value"]
    assert account["executable"] is True
    assert account["data"]["parsed"]["info"]["programData"] == loader.program_data_address(program.address)
    data = rpc.account(loader.program_data_address(program.address))
    assert data is not None
    assert data.data[45 : 45 + len(image)] == image
    node.wait_slots(2)
    loader.upgrade(rpc, payer.key, program.address, image)
    rpc.close()


def test_a_bad_elf_is_refused_and_the_chain_lives_on_with_the_old_program(node: Node, image: bytes) -> None:
    """solders raises a panic that no `except Exception` holds; one bad upload must not take the campus down."""
    rpc = Rpc(node.url)
    payer, program = node.funded(10_000 * SOL), Wallet()
    loader.deploy(rpc, payer.key, program.key, image)
    node.wait_slots(2)
    before = node.call("getAccountInfo", loader.program_data_address(program.address), {"encoding": "base64"})["value"]
    wrong_arch = bytearray(image)
    wrong_arch[18] = 0x3E  # e_machine x86-64
    spoilt = bytearray(image)
    spoilt[0x100 : len(spoilt) // 2] = bytes(len(spoilt) // 2 - 0x100)
    for bad in (b"\x7fELF" + bytes(500), image[: len(image) // 2], bytes(wrong_arch), bytes(spoilt), b"no elf at all"):
        with pytest.raises(loader.DeployError) as caught:
            loader.upgrade(rpc, payer.key, program.address, bad)
        assert "InvalidAccountData" in json.dumps(caught.value.error)
        with pytest.raises(loader.DeployError):
            loader.deploy(rpc, payer.key, Wallet().key, bad)
    after = node.call("getAccountInfo", loader.program_data_address(program.address), {"encoding": "base64"})["value"]
    assert after == before
    assert node.process is not None
    assert node.process.poll() is None
    rpc.close()
