"""Proof of authority: the register of validators, the programs handed to the council, and their upgrades by its decision alone.

Which nodes take part in the consensus is the cluster's own setting (genesis, stake, firewall). The register says which of them the council
knows, so that a node that nobody decided on is seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec
from nacl.signing import SigningKey

from deploy.contact.chain import Chain
from deploy.contact.council import ADD_VALIDATOR, APPROVE_UPGRADE, Council, Decision
from gridkit.chain import loader
from gridkit.chain.deployment import Deployment
from gridkit.chain.rpc import Rpc
from gridkit.chain.tx import Signer, pubkey

_ACTIVE = 1
_NO_VOTES = bytes(32)
_RENT = "SysvarRent111111111111111111111111111111111"
_CLOCK = "SysvarC1ock11111111111111111111111111111111"


class ForeignAuthorityError(Exception):
    """A program can be upgraded by somebody who is neither the deployer nor the council.

    Attributes:
        program: Its name.
        authority: Who can; None: nobody, it is immutable.
    """

    def __init__(self, program: str, authority: str | None) -> None:
        self.program, self.authority = program, authority
        who = f"{authority} can upgrade it, not the council" if authority else "nobody can upgrade it any more"
        super().__init__(f"{program}: {who}")


class Node(msgspec.Struct, frozen=True):
    """A node that takes part: identity, and its vote account (32 zero bytes where a lone producer needs no votes)."""

    identity: str
    vote_account: bytes


def nodes_of(rpc: Rpc) -> list[Node]:
    """Return the nodes that take part in the network now: those with a vote account, or the one that answers."""
    votes = rpc.call("getVoteAccounts")
    found = [
        Node(str(vote["nodePubkey"]), bytes(pubkey(str(vote["votePubkey"]))))
        for vote in [*votes["current"], *votes["delinquent"]]
    ]
    return found or [Node(str(rpc.call("getIdentity")["identity"]), _NO_VOTES)]


def active_validators(rpc: Rpc, deployment: Deployment, nodes: Sequence[Node]) -> set[str]:
    """Return the identities among `nodes` that the council's register has as active."""
    found = rpc.accounts([_validator(deployment, node.identity) for node in nodes])
    return {
        node.identity
        for node, account in zip(nodes, found, strict=True)
        if account is not None and account.data[10] == _ACTIVE
    }


def upgrade_authority(deployment: Deployment) -> str:
    """Return the address that upgrades programs when the council says so, and never otherwise."""
    return deployment.pda("governance", b"upgrade")


def authorities(rpc: Rpc, deployment: Deployment) -> dict[str, str | None]:
    """Return who can upgrade each program; None: nobody."""
    names = list(deployment.programs)
    addresses = [loader.program_data_address(deployment.programs[name]) for name in names]
    found = rpc.accounts(addresses, offset=0, length=loader.PROGRAM_DATA_HEADER)
    return {
        name: loader.authority_of(account.data) if account is not None else None
        for name, account in zip(names, found, strict=True)
    }


def set_up(chain: Chain, deployment: Deployment, members: Sequence[Signer], say: Callable[[str], None]) -> None:
    """Register the validators that are not, and hand the programs that the deployer can upgrade to the council.

    Raises:
        ForeignAuthorityError: A program belongs to somebody else; nothing was handed over.
        deploy.contact.council.CouncilWaitsError: A decision cannot take effect yet; the same call takes it up later.
    """
    council, deployer = upgrade_authority(deployment), chain.payer
    found = authorities(chain.rpc, deployment)
    for name, authority in found.items():
        if authority not in (council, deployer.address):
            raise ForeignAuthorityError(name, authority)
    nodes = nodes_of(chain.rpc)
    known = active_validators(chain.rpc, deployment, nodes)
    new = [node for node in nodes if node.identity not in known]
    decisions = [
        Decision(
            f"add the validator {node.identity}",
            ADD_VALIDATOR,
            bytes(pubkey(node.identity)) + node.vote_account,
            "execute_validator",
            {"validator": _validator(deployment, node.identity)},
        )
        for node in new
    ]
    Council(chain, deployment.programs["governance"], members).decide(decisions)
    for node in new:
        say(f"validator {node.identity} registered")
    for name, authority in found.items():
        if authority == deployer.address:
            address = loader.program_data_address(deployment.programs[name])
            loader.set_authority(chain.rpc, deployer.key, address, council)
            say(f"{name} is the council's to upgrade")


def upgrade(chain: Chain, deployment: Deployment, members: Sequence[Signer], program: str, image: bytes) -> bool:
    """Replace a program's code by decision of the council; return False if it runs that code already.

    A buffer that an earlier call left waiting for its timelock is taken up, because the proposal names it.

    Raises:
        ForeignAuthorityError: The program is not the council's; see set_up.
        deploy.contact.council.CouncilWaitsError: The decision cannot take effect yet; the same call takes it up later.
    """
    account = chain.rpc.account(loader.program_data_address(deployment.programs[program]))
    code = b"" if account is None else account.data[loader.PROGRAM_DATA_HEADER :]
    if code[: len(image)] == image and not any(code[len(image) :]):
        return False
    owner = authorities(chain.rpc, deployment)[program]
    if owner != upgrade_authority(deployment):
        raise ForeignAuthorityError(program, owner)
    buffer = _buffer(chain, deployment, program, image)
    decision = upgrade_to(deployment, program, buffer, chain.payer.address, hashlib.sha256(image).digest())
    Council(chain, deployment.programs["governance"], members).decide([decision])
    return True


def upgrade_to(deployment: Deployment, program: str, buffer: str, spill: str, code_sha256: bytes) -> Decision:
    """Return the decision that `program` runs the code in `buffer`, whose rent goes to `spill`."""
    address = deployment.programs[program]
    payload = b"".join(bytes(pubkey(key)) for key in (address, buffer, spill)) + code_sha256
    accounts = {
        "upgrade_authority": upgrade_authority(deployment),
        "program_data": loader.program_data_address(address),
        "program": address,
        "buffer": buffer,
        "spill": spill,
        "rent": _RENT,
        "clock": _CLOCK,
    }
    return Decision(f"upgrade {program}", APPROVE_UPGRADE, payload, "execute_upgrade", accounts)


def _buffer(chain: Chain, deployment: Deployment, program: str, image: bytes) -> str:
    """Write the code where the same call would look for it again, and give the buffer to the council."""
    named = bytes(chain.payer.key) + deployment.programs[program].encode() + hashlib.sha256(image).digest()
    key = SigningKey(hashlib.sha256(b"campusgrid upgrade buffer" + named).digest())
    council = upgrade_authority(deployment)
    return loader.write_buffer(chain.rpc, chain.payer.key, image, buffer=key, authority=council)


def _validator(deployment: Deployment, identity: str) -> str:
    return deployment.pda("governance", b"validator", bytes(pubkey(identity)))
