"""The `solana` and `spl-token` commands of Agave, unchanged, on the local chain: what an operator types on any cluster must work here.

Both are found in the cache that `make validator` fills, else on PATH; where there are none the tests are skipped and say so.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from client_campus import CHECKOUT, Campus
from solders.keypair import Keypair

from deploy.validator.node import tool

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

TIMEOUT_S = 120
SOL = 1_000_000_000


class Commands:
    """The two commands, with a home of their own and one paying key."""

    def __init__(self, campus: Campus, home: Path) -> None:
        self.campus, self.home = campus, home
        self.wallet = self.key("wallet")
        self._settings = home / "cli.yml"
        self._settings.write_text(
            f"json_rpc_url: {campus.rpc_url}\nwebsocket_url: ''\nkeypair_path: {self.path('wallet')}\n"
        )
        self.solana("airdrop", "50")

    def path(self, name: str) -> Path:
        """Return where a key is."""
        return self.home / f"{name}.json"

    def key(self, name: str) -> str:
        """Write a new keypair file and return its address."""
        made = Keypair()
        self.path(name).write_text(json.dumps(list(bytes(made))))
        return str(made.pubkey())

    def solana(self, *words: str) -> str:
        """Run `solana` and return what it printed."""
        return self._run("solana", *words)

    def solana_json(self, *words: str) -> Any:
        """Run `solana` with JSON output and return that."""
        return json.loads(self._run("solana", *words, "--output", "json"))

    def next_slot(self) -> None:
        """Wait until the open slot is closed. On a cluster a step that was confirmed is in a closed one; here the next is this quick."""
        slot = self.solana("slot")
        while self.solana("slot") == slot:
            time.sleep(0.1)

    def spl_token(self, *words: str) -> str:
        """Run `spl-token` and return what it printed."""
        return self._run("spl-token", *words)

    def spl_token_json(self, *words: str) -> Any:
        """Run `spl-token` with JSON output and return that."""
        return json.loads(self._run("spl-token", *words, "--output", "json"))

    def _run(self, name: str, *words: str) -> str:
        command = [found(name), words[0], "--config", str(self._settings), *words[1:]]
        environment = {"HOME": str(self.home), "PATH": os.environ["PATH"], "RUST_LOG": "off"}
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{name} {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def found(name: str) -> str:
    """Return a command; skips the test where there is none."""
    path = tool(name) or shutil.which(name)
    if path is None:
        pytest.skip(f"no `{name}` command here; `make validator` builds it")
    return str(path)


@pytest.fixture(scope="module")
def commands(campus: Campus, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """`solana` with a wallet of 50 SOL."""
    found("solana")
    return Commands(campus, tmp_path_factory.mktemp("commands"))


def test_the_cluster_says_what_it_is(commands: Commands) -> None:
    """The first thing an operator types; a node that cannot answer it is not monitored either."""
    assert re.match(r"\d+\.\d+\.\d+", commands.solana("cluster-version"))
    assert commands.solana("genesis-hash").strip()
    shown = commands.solana_json("epoch-info")
    assert shown["absoluteSlot"] >= shown["slotIndex"] > 0
    assert commands.solana_json("epoch") >= 0
    assert "Rent-exempt minimum" in commands.solana("rent", "165")
    assert int(commands.solana("slot")) > 0
    assert int(commands.solana("block-height")) > 0
    assert int(commands.solana("transaction-count")) > 0


def test_the_one_producer_is_a_validator_with_votes_and_stake(commands: Commands) -> None:
    """`solana validators` counts who produces; an empty list reads as a chain that nobody keeps."""
    shown = commands.solana_json("validators")
    [validator] = shown["validators"]
    assert validator["delinquent"] is False
    assert shown["totalActiveStake"] == validator["activatedStake"] > 0
    vote = commands.solana_json("vote-account", validator["voteAccountPubkey"])
    assert vote["validatorIdentity"] == validator["identityPubkey"]
    [stake] = commands.solana_json("stakes", validator["voteAccountPubkey"])
    assert stake["delegatedStake"] == validator["activatedStake"]
    leaders = commands.solana_json("leader-schedule")["leaderScheduleEntries"]
    assert {one["leader"] for one in leaders} == {validator["identityPubkey"]}
    [produced] = commands.solana_json("block-production")["leaders"]
    assert produced["identityPubkey"] == validator["identityPubkey"]
    assert produced["blocksProduced"] == produced["leaderSlots"]
    assert validator["identityPubkey"] in commands.solana("gossip")


def test_a_transfer_lands_and_can_be_found_again(commands: Commands) -> None:
    """Fees are paid this way, and support asks for the signature."""
    other = Keypair().pubkey()
    sent = commands.solana_json("transfer", str(other), "1.5", "--allow-unfunded-recipient")["signature"]
    assert commands.solana("balance", str(other)).strip() == "1.5 SOL"
    confirmed = commands.solana("confirm", "-v", sent)
    assert "Finalized" in confirmed
    assert "Status: Ok" in confirmed
    assert sent in commands.solana("transaction-history", str(other))
    slot = re.search(r"Transaction executed in slot (\d+)", confirmed)
    assert slot is not None
    commands.next_slot()
    assert commands.solana_json("block", slot[1])["blockhash"]
    assert commands.solana_json("block")["blockhash"]
    assert commands.solana_json("account", str(other))["account"]["lamports"] == 3 * SOL // 2
    assert int(commands.solana_json("supply")["total"]) > 0


def test_a_ping_is_answered(commands: Commands) -> None:
    """It sends transfers to itself and measures; an operator's first look at whether blocks are made."""
    said = commands.solana("ping", "--count", "3", "--interval", "0")
    assert "3 transactions submitted, 3 transactions confirmed, 0.0% transaction loss" in said


def test_a_program_is_deployed_shown_upgraded_and_closed(commands: Commands) -> None:
    """Anybody's deployment tool must be able to bring a program here, not our own alone."""
    image = CHECKOUT / "programs" / "so" / "governance.so"
    program = commands.key("program")
    made = commands.solana_json("program", "deploy", str(image), "--program-id", str(commands.path("program")))
    assert made["programId"] == program
    shown = commands.solana_json("program", "show", program)
    assert (shown["programId"], shown["authority"], shown["dataLen"]) == (
        program,
        commands.wallet,
        image.stat().st_size,
    )
    [listed] = commands.solana_json("program", "show", "--programs")["programs"]
    assert listed["programId"] == program
    copy = commands.home / "dumped.so"
    commands.solana("program", "dump", program, str(copy))
    assert copy.read_bytes() == image.read_bytes()
    commands.next_slot()
    commands.solana("program", "deploy", str(image), "--program-id", program)
    assert commands.solana_json("program", "show", program)["lastDeploySlot"] > shown["lastDeploySlot"]
    commands.next_slot()
    commands.solana("program", "close", program, "--bypass-warning")


@pytest.mark.parametrize("which", ["spl-token", "spl-token-2022"])
def test_a_token_is_made_minted_and_sent(commands: Commands, which: str) -> None:
    """GRID and CREDIT are such tokens; a wallet reads them by the same calls."""
    found("spl-token")
    options = [
        "--program-2022",
        "--enable-close",
        "--transfer-fee-basis-points",
        "50",
        "--transfer-fee-maximum-fee",
        "1",
    ]
    made = commands.spl_token_json("create-token", "--decimals", "6", *(options if which.endswith("2022") else []))
    mint = made["commandOutput"]["address"]
    commands.spl_token("create-account", mint)
    commands.spl_token("mint", mint, "10")
    assert commands.spl_token("balance", mint).strip() == "10"
    assert commands.spl_token("supply", mint).strip() == "10"
    other = str(Keypair().pubkey())
    fee = ["--expected-fee", "0.0125"] if which.endswith("2022") else []
    commands.spl_token("transfer", mint, "2.5", other, "--fund-recipient", "--allow-unfunded-recipient", *fee)
    assert commands.spl_token("balance", mint).strip() == "7.5"
    accounts = commands.spl_token_json("accounts", "--owner", commands.wallet)["accounts"]
    assert mint in {one["mint"] for one in accounts}
    shown = commands.spl_token("display", mint)
    assert "Decimals: 6" in shown
    assert ("Transfer fees" in shown) == which.endswith("2022")
