"""Deployment to a local chain: public program keys, airdropped fees, a council of three on this box, timelocks of seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

from nacl.signing import SigningKey

from deploy.contact.chain import Chain, TransactionFailedError
from deploy.contact.steps import PROGRAM_ORDER, Setup, Terms
from deploy.site import CHECKOUT, Site
from gridkit.chain import deployment as deployments
from gridkit.chain.deployment import Deployment
from gridkit.chain.tx import Signer
from gridkit.programs import program_seed

COUNCIL = ("council-1", "council-2", "council-3")
THRESHOLD = 2
GUARDIAN = "guardian"
PAYERS = ("deployer", "poster", "gateway-payer")
_SOL = 1_000_000_000
_LEAST_LAMPORTS = 20 * _SOL
_AIRDROP_LAMPORTS = 100 * _SOL
_AIRDROP_TIMEOUT_S, _AIRDROP_POLL_S = 60.0, 0.1
_TIMELOCK_S = 2  # campus seconds: a local council is one person at one desk
_STOP_LENGTH_S = 72 * 3600
_PROPOSAL_TTL_S = 7 * 86_400


def local_terms(site: Site) -> Terms:
    """Return what a local deployment is set up with."""
    return Terms(
        members=tuple(member.address for member in council_keys(site)),
        threshold=THRESHOLD,
        guardians=(site.signer(GUARDIAN).address,),
        timelocks_s=(_TIMELOCK_S, _TIMELOCK_S, _TIMELOCK_S, _TIMELOCK_S),
        stop_length_s=_STOP_LENGTH_S,
        proposal_ttl_s=_PROPOSAL_TTL_S,
        oracle_keys=(site.signer("poster").address,),
        zones=dict.fromkeys(sorted({meter.zone for meter in site.fleet}), False),
    )


def council_keys(site: Site) -> list[Signer]:
    """Return the keys of a local council's members."""
    return [site.signer(name) for name in COUNCIL]


def fund(chain: Chain, addresses: list[str]) -> None:
    """Bring each address to at least 20 SOL by airdrop; only a local chain or a test cluster gives one.

    Raises:
        deploy.contact.chain.TransactionFailedError: An airdrop did not arrive within a minute.
    """
    poor = [address for address in addresses if chain.rpc.balance_lamports(address) < _LEAST_LAMPORTS]
    for address in poor:
        chain.rpc.call("requestAirdrop", address, _AIRDROP_LAMPORTS)
    deadline_s = time.monotonic() + _AIRDROP_TIMEOUT_S
    for address in poor:  # a cluster's faucet sends a transaction, which lands some slots later
        while chain.rpc.balance_lamports(address) < _LEAST_LAMPORTS:
            if time.monotonic() > deadline_s:
                raise TransactionFailedError(f"airdrop to {address}", None, [])
            time.sleep(_AIRDROP_POLL_S)


def deploy_local(chain: Chain, site: Site, say: Callable[[str], None]) -> Deployment:
    """Deploy and initialise what is missing; return the deployment.

    Raises:
        deploy.contact.chain.TransactionFailedError: A step failed.
    """
    if site.deployment.exists():
        known = deployments.load(site.deployment)
        if known.genesis_hash == str(chain.rpc.call("getGenesisHash")):
            return known
    fund(chain, [site.signer(name).address for name in PAYERS])
    program_keys = {name: Signer(SigningKey(program_seed(name))) for name in PROGRAM_ORDER}
    images = {name: CHECKOUT / "programs" / "so" / f"{name}.so" for name in PROGRAM_ORDER}
    return Setup(chain, program_keys, images, local_terms(site), say).run(site.deployment)
