"""The council on a real chain: validators registered, programs handed over, and upgraded by its decision and in no other way."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from localnet_process import PATIENCE_S, SOL, Node, free_ports
from nacl.signing import SigningKey

from deploy.contact import authority
from deploy.contact import main as contact
from deploy.contact.chain import Chain, TransactionFailedError, token_account_instruction
from deploy.contact.council import ADD_VALIDATOR, SET_MEMBERS, Council, CouncilWaitsError, Decision, call_of
from deploy.contact.local import council_keys, deploy_local
from deploy.ports import Ports
from deploy.site import CHECKOUT, Site
from gridkit.chain import idl, loader
from gridkit.chain.deployment import Deployment, associated_token_account
from gridkit.chain.rpc import Rpc
from gridkit.chain.tx import Signer, instruction, pubkey

SO = CHECKOUT / "programs" / "so"


class Box:
    """A local chain with the five programs, and the keys of its deployer and council."""

    def __init__(self, node: Node, site: Site) -> None:
        self.node, self.site, self.rpc = node, site, Rpc(node.url)
        self.chain = Chain(self.rpc, site.signer("deployer"))
        self.said: list[str] = []
        self.deployment: Deployment = deploy_local(self.chain, site, self.said.append)
        self.members = council_keys(site)
        self.council = Council(self.chain, self.deployment.programs["governance"], self.members)

    def contact(self, *words: str) -> int:
        """Run `campusgrid contact …` for this box."""
        return contact([words[0], "--home", str(self.site.home), "--rpc-port", str(self.node.port), *words[1:]])

    def code(self, program: str) -> bytes:
        """The program's code as the loader has it."""
        account = self.rpc.account(loader.program_data_address(self.deployment.programs[program]))
        assert account is not None
        return account.data[loader.PROGRAM_DATA_HEADER :]

    def buffer(self, image: bytes, key: SigningKey, owner: str | None = None) -> str:
        """Write the buffer of that key; `owner` gets it."""
        return loader.write_buffer(self.rpc, self.chain.payer.key, image, buffer=key, authority=owner)

    def upgrade_to(self, program: str, buffer: str, image: bytes) -> Decision:
        """The decision to run `image`."""
        digest = hashlib.sha256(image).digest()
        return authority.upgrade_to(self.deployment, program, buffer, self.chain.payer.address, digest)

    def refused(self, number: int, decision: Decision) -> str:
        """Execute, and return the name of governance's error."""
        with pytest.raises(TransactionFailedError) as caught:
            self.council.execute([number], [decision])
        error = idl.error("governance", caught.value.err["InstructionError"][1]["Custom"])
        assert error is not None, str(caught.value)
        return error.name


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A chain at the speed of the world, so that two seconds of timelock are two seconds."""
    home = tmp_path_factory.mktemp("council") / "home"
    node = Node(home)
    node.start()
    yield Box(node, Site(home, Ports(rpc=node.port), 8, 1))
    assert node.stop() == 0, node.log()


def test_wait_deploy_and_verify_may_be_repeated(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    """A service that is started again after a break finds what is there and sends nothing."""
    before = box.node.call("getTransactionCount")
    for words in (["wait"], ["deploy"], ["verify"]):
        assert box.contact(*words) == 0
    assert box.node.call("getTransactionCount") == before
    assert capsys.readouterr().out.count("equal ") == 5
    nowhere = str(free_ports(1)[0])
    assert contact(["wait", "--timeout", "1", "--home", str(box.site.home), "--rpc-port", nowhere]) == 1


@pytest.mark.parametrize("name", ["wait", "build", "deploy", "verify", "setup-poa", "health"])
def test_each_command_is_a_script_too(name: str, tmp_path: Path) -> None:
    """A container or a unit file names a script, and runs it from anywhere."""
    script = CHECKOUT / "deploy" / "contact" / f"{name}.sh"
    run = subprocess.run(
        [script, "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert run.returncode == 0, run.stderr
    assert f"campusgrid contact {name}" in run.stdout


def test_setup_poa_registers_the_validators_and_hands_the_programs_over(
    box: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a second run changes nothing, so it can be repeated after a break."""
    council, deployer = authority.upgrade_authority(box.deployment), box.chain.payer.address
    assert set(authority.authorities(box.rpc, box.deployment).values()) == {deployer}
    with pytest.raises(authority.ForeignAuthorityError, match="not the council"):
        authority.upgrade(box.chain, box.deployment, box.members, "trading", (SO / "registry.so").read_bytes())
    assert box.contact("health") == 0
    assert "is not in the council's register" in capsys.readouterr().out
    assert box.contact("setup-poa") == 0
    nodes = authority.nodes_of(box.rpc)
    assert nodes
    assert authority.active_validators(box.rpc, box.deployment, nodes) == {node.identity for node in nodes}
    assert set(authority.authorities(box.rpc, box.deployment).values()) == {council}
    before = box.node.call("getTransactionCount")
    capsys.readouterr()
    assert box.contact("setup-poa") == 0
    assert "registered\n" not in capsys.readouterr().out.removesuffix("the programs\n")
    assert box.node.call("getTransactionCount") == before, "a second run sends nothing"
    assert box.contact("health") == 0
    out = capsys.readouterr().out
    assert "note" not in out
    assert out.count("the council's") == 5


def test_the_deployer_upgrades_nothing_any_more(box: Box) -> None:
    """One key that could replace a program could do anything that needs the council."""
    image = (SO / "registry.so").read_bytes()
    with pytest.raises(loader.DeployError):
        loader.upgrade(box.rpc, box.chain.payer.key, box.deployment.programs["registry"], image)


def test_the_council_upgrades_a_program_and_back(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole way through the loader's own instructions: buffer, proposal, approvals, timelock, new code."""
    old, new = (SO / "trading.so").read_bytes(), (SO / "registry.so").read_bytes()
    assert authority.upgrade(box.chain, box.deployment, box.members, "trading", new)
    assert box.code("trading").startswith(new)
    assert not authority.upgrade(box.chain, box.deployment, box.members, "trading", new), "it runs that code already"
    assert box.contact("verify") == 1
    assert "DIFFERENT trading" in capsys.readouterr().out
    assert box.contact("upgrade", "--program", "trading") == 0
    assert box.code("trading").startswith(old)
    assert box.contact("verify") == 0
    assert box.contact("upgrade", "--program", "trading") == 0
    assert "already" in capsys.readouterr().out


def test_governance_upgrades_itself(box: Box) -> None:
    """Otherwise the first fault in it would be there for ever."""
    image = (SO / "governance.so").read_bytes()
    assert authority.upgrade(box.chain, box.deployment, box.members, "governance", image + b"\x01")
    box.node.wait_slots(2)
    assert authority.upgrade(box.chain, box.deployment, box.members, "governance", image)
    assert box.contact("verify") == 0


def test_upgrades_that_nobody_approved_are_refused_on_the_chain(box: Box) -> None:
    """Early, from a buffer that the deployer can still write, with bytes changed after the approval, and of an older council."""
    council, program = authority.upgrade_authority(box.deployment), "registry"
    image = (SO / "oracle.so").read_bytes()[:20_000]
    key = SigningKey.generate()
    kept, theirs = box.buffer(image, key), box.buffer(image[:-1] + b"\x77", SigningKey.generate(), council)
    decisions = [box.upgrade_to(program, kept, image), box.upgrade_to(program, theirs, image)]
    numbers = box.council.agree(decisions)
    assert box.refused(numbers[0], decisions[0]) == "TimelockActive"
    box.council.wait(numbers, 30)
    assert box.refused(numbers[0], decisions[0]) == "NotUpgradeAuthority"
    assert box.buffer(image[:-1] + b"\x78", key, council) == kept, "rewritten after the approval, then handed over"
    assert box.refused(numbers[0], decisions[0]) == "HashMismatch"
    assert box.refused(numbers[1], decisions[1]) == "HashMismatch"
    members = b"".join(bytes(member.pubkey) for member in box.members)
    box.council.decide([Decision("the same members", SET_MEMBERS, b"\x02" + (3).to_bytes(4, "little") + members)])
    assert box.refused(numbers[1], decisions[1]) == "StaleEpoch"
    assert box.code(program).startswith((SO / f"{program}.so").read_bytes())


def test_the_council_sets_what_other_programs_leave_to_it(box: Box) -> None:
    """Oracle keys and fee recipients change by a call that the members approved, and by nothing else."""
    on, key = box.deployment, Signer(SigningKey.generate())
    accounts = {"council": on.council, "config": on.config("oracle")}
    keys = [bytes(box.site.signer("poster").pubkey), bytes(key.pubkey)]
    oracles = instruction("oracle", on.programs["oracle"], "set_oracles", accounts, threshold=1, oracle_keys=keys)
    recipient = associated_token_account(box.chain.payer.address, on.credit_mint)
    made = token_account_instruction(box.chain.payer, box.chain.payer.address, on.credit_mint, recipient)
    box.chain.send("a CREDIT account", [made])
    named = {"council": on.council, "market": on.market, "first_recipient": recipient}
    shares = [10_000, 0, 0, 0]
    fees = instruction("trading", on.programs["trading"], "set_fee_recipients", named, shares_bps=shares)
    box.council.decide([call_of("two oracle keys", oracles), call_of("fees to the deployer", fees)])
    config, market = box.rpc.account(on.config("oracle")), box.rpc.account(on.market)
    assert config is not None
    assert market is not None
    assert bytes(key.pubkey) in config.data
    assert bytes(pubkey(recipient)) in market.data[:2_048]


def test_a_broken_run_is_taken_up(box: Box) -> None:
    """Proposals that were made and not executed are found again instead of made twice, also by other members."""
    identity = Signer(SigningKey.generate()).address
    decision = Decision(
        "add a validator",
        ADD_VALIDATOR,
        bytes(pubkey(identity)) + bytes(32),
        "execute_validator",
        {"validator": box.deployment.pda("governance", b"validator", bytes(pubkey(identity)))},
    )
    alone = Council(box.chain, box.deployment.programs["governance"], box.members[2:])
    with pytest.raises(CouncilWaitsError, match="approvals") as caught:
        alone.decide([decision])
    assert box.council.agree([decision]) == caught.value.proposals
    with pytest.raises(CouncilWaitsError, match="timelock"):
        box.council.decide([decision], wait_s=0)
    box.council.decide([decision])
    stranger = Council(box.chain, box.deployment.programs["governance"], [Signer(SigningKey.generate())])
    with pytest.raises(CouncilWaitsError, match="no member"):
        stranger.decide([decision])


def test_what_cannot_be_done_is_said_in_words(box: Box, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback for an operator: nothing deployed, no chain, or a program that somebody else owns."""
    nowhere = free_ports(1)[0]
    for words in (["setup-poa"], ["health"], ["upgrade", "--program", "oracle"]):
        assert contact([*words, "--home", str(tmp_path), "--rpc-port", str(box.node.port)]) == 1
        assert contact([*words, "--home", str(box.site.home), "--rpc-port", str(nowhere)]) == 1
    told = capsys.readouterr().err
    assert told.count("campusgrid contact") == 6
    assert "Traceback" not in told


def test_a_program_of_somebody_else_is_not_taken_for_ours(box: Box) -> None:
    """Handing four programs over and finding the fifth in other hands would leave the council half in charge."""
    stranger, program = box.node.funded(10_000 * SOL), SigningKey.generate()
    address = loader.deploy(box.rpc, stranger.key, program, (SO / "energy_token.so").read_bytes())
    other = msgspec.structs.replace(box.deployment, programs=box.deployment.programs | {"oracle": address})
    with pytest.raises(authority.ForeignAuthorityError, match=f"oracle: {stranger.address}") as caught:
        authority.set_up(box.chain, other, box.members, print)
    assert caught.value.authority == stranger.address
