"""kill -9 at any instant, then a restart: what was answered is there, nothing is there by half, time has not gone back."""

from __future__ import annotations

import base64
import http.client
import json
import random
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from localnet_process import CHECKOUT, PATIENCE_S, SOL, Node, Wallet, pay, signed
from proving import steps
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.signature import Signature

from gridkit.chain import loader
from gridkit.chain.rpc import Rpc
from gridkit.clock import CampusClock

pytestmark = pytest.mark.integration

MakeNode = Callable[..., Node]
UNIT = 1_000_000
KILLS = steps(10, prove=200)


class Load:
    """A client that pays pairs of accounts without end: both of a pair in one transaction, so none can be paid by half."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.payer = node.funded(1_000_000 * SOL)
        self.pairs = [(Wallet().pubkey, Wallet().pubkey) for _ in range(40)]
        self.sent: dict[str, tuple[int, int]] = {}
        self.answered: list[str] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        """Send batches until told to stop or until the process is gone."""
        while not self.stopping.is_set():
            try:
                blockhash = self.node.blockhash()
                calls = [("sendTransaction", [self._next(blockhash), {"encoding": "base64"}]) for _ in range(25)]
                self.answered += [answer["result"] for answer in self.node.batch(calls) if "result" in answer]
            except Exception:
                return  # the connection went with the process

    def _next(self, blockhash: str) -> str:
        serial = len(self.sent)
        index, lamports = serial % len(self.pairs), UNIT + serial
        first, second = self.pairs[index]
        wire = signed([pay(self.payer, first, lamports), pay(self.payer, second, lamports)], [self.payer], blockhash)
        self.sent[str(Signature.from_bytes(wire[1:65]))] = (index, lamports)
        return base64.b64encode(wire).decode()


@pytest.mark.prove_too
def test_after_kills_under_load_every_answered_transaction_is_there_and_none_by_half(make_node: MakeNode) -> None:
    """An answer is a promise: a reading is deleted from the edge's spool because of it."""
    node = make_node(snapshot_every=300).start()
    load, dice, checked = Load(node), random.Random(7), 0
    for kill in range(KILLS):
        load.stopping.clear()
        thread = threading.Thread(target=load.run)
        thread.start()
        time.sleep(dice.uniform(0.05, 1.2))
        node.kill()
        load.stopping.set()
        thread.join()
        if kill % 4 == 3:  # a start is work too: kill it somewhere in the middle
            node.spawn()
            time.sleep(dice.uniform(0.0, 0.8))
            node.kill()
        node.start()
        names, checked = load.answered[checked:], len(load.answered)
        assert statuses_of(node, names) == set(names), f"lost after kill {kill}"
    assert len(load.answered) > 20 * KILLS
    landed = statuses_of(node, list(load.sent))
    assert set(load.answered) <= landed
    owed = [0] * len(load.pairs)
    for name in landed:
        index, lamports = load.sent[name]
        owed[index] += lamports
    for index, (first, second) in enumerate(load.pairs):
        assert node.balance(first) == node.balance(second) == owed[index]
    assert node.call("getTransactionCount") == len(landed) + 1
    listed = history_of(node, load.payer.pubkey)
    assert set(listed) - landed == {listed[-1]}  # the airdrop is the oldest
    assert len(listed) == len(set(listed)) == len(landed) + 1


def statuses_of(node: Node, names: list[str]) -> set[str]:
    landed = set()
    for at in range(0, len(names), 256):
        part = names[at : at + 256]
        statuses = node.call("getSignatureStatuses", part, {"searchTransactionHistory": True})["value"]
        landed |= {name for name, status in zip(part, statuses, strict=True) if status and status["err"] is None}
    return landed


def history_of(node: Node, account: Pubkey) -> list[str]:
    listed: list[str] = []
    while page := node.call("getSignaturesForAddress", str(account), {"before": listed[-1]} if listed else {}):
        listed += [line["signature"] for line in page]
    return listed


def test_replay_of_the_whole_log_gives_the_same_state_as_the_process_had(make_node: MakeNode) -> None:
    """If a replay could differ by one account, a restart would be a fork that nobody notices."""
    node = make_node(snapshot_every=1_000_000).start()
    payer = node.funded()
    for number in range(40):
        node.run([pay(payer, Wallet().pubkey, SOL // 100 + number)], [payer])
    wire = signed([pay(payer, Wallet().pubkey, 10**15)], [payer], node.blockhash())
    node.send(wire, skipPreflight=True)
    before = node.call("getTransactionCount"), node.balance(payer.pubkey)
    node.kill()
    copy = make_node(home="copy", snapshot_every=1_000_000)
    shutil.copytree(node.home, copy.home, dirs_exist_ok=True)
    from_log = copy.digest()
    assert from_log["replayed"] == from_log["transactions"] == 42
    node.start()
    assert (node.call("getTransactionCount"), node.balance(payer.pubkey)) == before
    assert node.stop() == 0
    from_snapshot = node.digest()
    assert from_snapshot["replayed"] == 0
    assert node.events("stopped")[-1]["digest"] == from_snapshot["digest"] == from_log["digest"]


def test_a_snapshot_while_accounts_change_is_one_instant(make_node: MakeNode) -> None:
    """A snapshot of half a transfer would make or lose money at the next start."""
    node = make_node(snapshot_every=150).start()
    payer = node.funded(1_000_000 * SOL)
    targets = [Wallet().pubkey for _ in range(300)]
    for round_ in range(6):
        blockhash = node.blockhash()
        wires = [signed([pay(payer, target, SOL + round_)], [payer], blockhash) for target in targets]
        answers = node.batch(
            [("sendTransaction", [base64.b64encode(wire).decode(), {"encoding": "base64"}]) for wire in wires]
        )
        assert all("result" in answer for answer in answers)
    deadline = time.monotonic() + PATIENCE_S
    while not node.events("snapshot_taken"):
        assert time.monotonic() < deadline, "no snapshot was taken"
        time.sleep(0.1)
    node.kill()
    assert len(list((node.home / "localnet").glob("snapshot-*.cgs"))) >= 1
    assert node.digest()["transactions"] == 1_801
    node.start()
    spent = 6 * SOL + 15
    assert [node.balance(target) for target in targets] == [spent] * 300
    assert node.balance(payer.pubkey) == 1_000_000 * SOL - 300 * spent - 1_800 * 5_000


def test_short_lives_leave_a_snapshot_too(make_node: MakeNode) -> None:
    """A chain whose every life ends before the next snapshot is due would have more to replay, and start later, each time."""
    node = make_node(snapshot_every=50).start()
    payer = node.funded()
    for _ in range(2):
        node.pay_all(payer, [Wallet().pubkey for _ in range(30)], SOL // 100)
        node.kill()
        node.start()
    assert node.events("ledger_recovered")[-1]["replayed"] > 50
    deadline = time.monotonic() + PATIENCE_S
    while not node.events("snapshot_taken"):
        assert time.monotonic() < deadline, "what was replayed is replayed for ever"
        time.sleep(0.1)
    node.kill()
    assert node.digest()["replayed"] == 0


def test_a_program_deployed_before_a_kill_runs_after_it_from_log_and_from_snapshot(make_node: MakeNode) -> None:
    """The campus contracts are deployed once; they must be there on Monday."""
    images = sorted((CHECKOUT / "programs/so").glob("*.so"))
    if not images:
        pytest.fail("programs/so holds no program; run `make programs`")
    node = make_node(snapshot_every=1_000_000).start()
    payer, program = node.funded(10_000 * SOL), Wallet()
    rpc = Rpc(node.url)
    loader.deploy(rpc, payer.key, program.key, images[0].read_bytes())
    rpc.close()
    node.wait_slots(2)

    def called() -> Any:
        wire = signed([Instruction(program.pubkey, bytes(8), [])], [payer], node.blockhash())
        return node.call("simulateTransaction", base64.b64encode(wire).decode(), {"encoding": "base64"})["value"]["err"]

    before = called()
    assert before["InstructionError"][1] not in ("UnsupportedProgramId", "InvalidAccountData")
    node.kill()
    node.start()
    assert called() == before
    node.stop()
    node.start()
    assert called() == before


def test_signatures_are_still_refused_twice_after_a_kill_and_after_a_clean_stop(make_node: MakeNode) -> None:
    """A client resends what it got no answer for; the restart must not make it pay twice."""
    node = make_node(slot_ms=1_000).start()
    payer, target = node.funded(), Wallet()
    wire = signed([pay(payer, target.pubkey, SOL)], [payer], node.blockhash())
    node.send(wire)
    for end in (node.kill, node.stop):
        end()
        node.start()
        answer = node.ask("sendTransaction", base64.b64encode(wire).decode(), {"encoding": "base64"})
        assert answer["error"]["data"]["err"] == "AlreadyProcessed"
        assert node.balance(target.pubkey) == SOL


def test_a_blockhash_handed_out_before_a_kill_is_known_after_it(make_node: MakeNode) -> None:
    """Transactions signed just before would otherwise all be refused just after."""
    node = make_node(slot_ms=200).start()
    payer = node.funded()
    node.wait_slots(2)
    blockhash, slot = node.blockhash(), node.call("getSlot")
    node.kill()
    node.start()
    assert node.call("getSlot") >= slot
    assert node.send(signed([pay(payer, Wallet().pubkey, SOL)], [payer], blockhash))


def clock_s(node: Node) -> int:
    """Return the Clock sysvar's campus time."""
    key = "SysvarC1ock11111111111111111111111111111111"
    info = node.call("getAccountInfo", key, {"encoding": "jsonParsed"})["value"]["data"]["parsed"]["info"]
    return int(info["unixTimestamp"])


def test_campus_time_never_goes_back_over_kills_and_changes_of_speed(make_node: MakeNode) -> None:
    """A clock set back would let an interval end twice and a timelock run out early."""
    node = make_node(start="1700000000", speed=60)
    seen: list[int] = []
    for speed in (60, 60, 1, 3_600, 60):
        node.settings["speed"] = speed
        node.start()
        clock = CampusClock(node.home / "clock")
        assert clock.speed == speed
        for _ in range(5):
            file_s = clock.now_ns() // 1_000_000_000
            node.wait_slots(2)
            chain_s = clock_s(node)
            assert file_s <= chain_s <= clock.now_ns() // 1_000_000_000
            seen += [file_s, chain_s]
        node.kill()
    assert seen == sorted(seen)
    assert seen[0] >= 1_700_000_000
    assert 60 <= seen[-1] - seen[0] < 86_400


def test_a_lost_clock_file_does_not_set_the_chain_back(make_node: MakeNode) -> None:
    """A backup may lack it; the ledger still knows how late it was."""
    node = make_node(start="1700000000", speed=600).start()
    node.wait_slots(10)
    before = clock_s(node)
    node.kill()
    (node.home / "clock").unlink()
    node.start()
    node.wait_slots(2)
    assert clock_s(node) >= before


@pytest.mark.parametrize("setting", ["rpc_port", "ws_port"])
def test_a_taken_port_is_named_with_the_setting_that_changes_it(make_node: MakeNode, setting: str) -> None:
    """ "Address already in use" sends people looking through three processes."""
    node = make_node()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", node.settings[setting]))
        holder.listen()
        done = subprocess.run(node.command("run"), cwd=CHECKOUT, capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1
    said = done.stderr.decode()
    assert f"port {node.settings[setting]}" in said
    assert f"`{setting}`" in said


def test_two_chains_cannot_share_a_home(make_node: MakeNode) -> None:
    """Two writers of one ledger would ruin it for both."""
    node = make_node().start()
    other = Node(node.home)
    other.settings["rpc_port"], other.settings["ws_port"] = other.port, other.ws_port
    done = subprocess.run(other.command("run"), cwd=CHECKOUT, capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1
    assert "in use by another running localnet" in done.stderr.decode()


@pytest.mark.parametrize(
    ("line", "named"),
    [("speed = 0", "speed"), ("sped = 1", "sped"), ('rpc_port = "x"', "rpc_port"), ('start = "soon"', "start")],
)
def test_a_wrong_setting_is_named(make_node: MakeNode, line: str, named: str) -> None:
    """A typing error must not become a default."""
    node = make_node()
    command = node.command("run")[:-1]
    done = subprocess.run(
        [*command, str(write(node, line, named))], cwd=CHECKOUT, capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 2
    assert named in done.stderr.decode()


def write(node: Node, line: str, named: str) -> Path:
    """Write the settings with one line put in or replaced."""
    path = node.home / "wrong.toml"
    kept = [f"{name} = {json.dumps(value)}" for name, value in node.settings.items() if name != named]
    path.write_text("[localnet]\n" + "\n".join([*kept, line]) + "\n")
    return path


def test_a_damaged_ledger_stops_the_start_instead_of_being_forgotten(make_node: MakeNode) -> None:
    """Cutting the log at a flipped bit would silently drop every answered transaction behind it."""
    node = make_node().start()
    payer = node.funded()
    for _ in range(5):
        node.run([pay(payer, Wallet().pubkey, SOL)], [payer])
    node.kill()
    [path] = (node.home / "localnet").glob("ledger-*.cgl")
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    done = subprocess.run(node.command("run"), cwd=CHECKOUT, capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1
    assert path.name in done.stderr.decode()
    path.write_bytes(whole)
    node.start()
    assert node.call("getTransactionCount") == 6


@pytest.mark.prove_too
def test_a_full_disk_stops_the_chain_and_loses_nothing_that_was_answered(make_node: MakeNode) -> None:
    """A chain that answers without writing would forget a whole day at the next restart. The disk is full at any moment:
    in the log, in the history, in the middle of a snapshot."""
    dice = random.Random(5)
    sizes = [60_000, *(int(20_000 * 1.5 ** dice.uniform(0, 8)) for _ in range(steps(2, prove=30)))]
    for number, size in enumerate(sizes):
        node = make_node(home=f"full-{number}", snapshot_every=200)
        load: Load | None = None
        try:
            load = Load(node.start(largest_file_bytes=size))
            load.run()  # until the process is gone
        except (AssertionError, httpx.TransportError):
            pass  # it went while it started, or before the first airdrop was answered
        assert node.process is not None
        assert node.process.wait(PATIENCE_S) == 1
        why = [line["why"] for line in node.events("localnet_failed")]
        assert any(word in str(why) for word in ("could not be written", "cannot be written", "make room", "Errno")), (
            why
        )
        assert "Traceback" not in node.log() or "keeping_failed" in node.log()
        node.start()
        if load is not None:
            landed = statuses_of(node, list(load.sent))
            assert set(load.answered) <= landed
            assert node.call("getTransactionCount") == len(landed) + 1
        node.stop()


def test_a_damaged_history_is_named_and_the_accounts_live_without_it(make_node: MakeNode) -> None:
    """What landed long ago can be missed; the balances cannot."""
    node = make_node().start()
    payer, target = node.funded(), Wallet()
    name = node.run([pay(payer, target.pubkey, SOL)], [payer])
    assert node.stop() == 0
    path = node.home / "localnet/history.sqlite"
    path.write_bytes(b"no database" + path.read_bytes()[11:])
    done = subprocess.run(node.command("run"), cwd=CHECKOUT, capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1
    assert "history.sqlite" in done.stderr.decode()
    assert "delete it" in done.stderr.decode()
    for file in path.parent.glob("history.sqlite*"):
        file.unlink()
    node.start()
    assert node.balance(target.pubkey) == SOL
    assert node.call("getTransaction", name) is None
    assert node.run([pay(payer, target.pubkey, SOL + 1)], [payer])


def test_a_snapshot_that_was_cut_short_is_thrown_away(make_node: MakeNode) -> None:
    """A kill in the middle of writing one leaves it under another name; the log still has everything."""
    node = make_node(snapshot_every=1_000_000).start()
    payer, target = node.funded(), Wallet()
    node.run([pay(payer, target.pubkey, SOL)], [payer])
    node.kill()
    half = node.home / "localnet/snapshot-00000000000000000002.tmp"
    half.write_bytes(b"CGSNAP01" + bytes(100))
    node.start()
    assert not half.exists()
    assert node.balance(target.pubkey) == SOL


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_snapshot_stops_the_start_and_is_named(make_node: MakeNode, damage: str) -> None:
    """To go on from half of the accounts would be to make money disappear without a word."""
    node = make_node().start()
    payer, target = node.funded(), Wallet()
    node.run([pay(payer, target.pubkey, SOL)], [payer])
    assert node.stop() == 0
    [path] = (node.home / "localnet").glob("snapshot-*.cgs")
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(
        whole[:middle] if damage == "cut" else whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    )
    done = subprocess.run(node.command("run"), cwd=CHECKOUT, capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1
    assert path.name in done.stderr.decode()
    path.write_bytes(whole)
    node.start()
    assert node.balance(target.pubkey) == SOL


def test_sigterm_answers_what_is_under_way_and_leaves_a_snapshot(make_node: MakeNode) -> None:
    """An update of the software is a clean stop; it must need no replay."""
    node = make_node().start()
    node.funded()
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=PATIENCE_S)
    connection.request(
        "POST", "/", b'{"jsonrpc":"2.0","id":1,"method":"getHealth"}', {"content-type": "application/json"}
    )
    assert json.loads(connection.getresponse().read())["result"] == "ok"
    assert node.stop() == 0
    assert [path.suffix for path in (node.home / "localnet").glob("snapshot-*")] == [".cgs"]
    assert node.digest()["replayed"] == 0
    connection.close()
