"""What the operator's commands for one meter (enroll, rotate, swap) share: keys, the registry's record, what ends them with a sentence."""

from __future__ import annotations

from typing import Final

from solders.pubkey import Pubkey

from deploy import population
from deploy.contact.chain import Chain, TransactionFailedError
from deploy.site import Site
from gridkit.chain import accounts
from gridkit.chain.rpc import RpcError
from gridkit.chain.tx import Signer
from gridkit.clock import ClockError
from gridkit.enrolment import BadProofError, Enrolment
from gridkit.keys import KeyFileError
from gridkit.swap import SwapError


class RefusedError(Exception):
    """A file does not fit what the deployment or the registry says; nothing was sent."""


TOLD: Final = (
    OSError,
    BadProofError,
    SwapError,
    RefusedError,
    KeyFileError,
    ClockError,
    TransactionFailedError,
    RpcError,
)
"""What ends a command with one sentence and code 1: a bad file or key, a refusal, or a chain that does not answer."""


def registered(chain: Chain, address: str) -> accounts.Meter | None:
    """Return the registry's record of a meter, by the record's address; None where there is none."""
    found = chain.rpc.account(address)
    return None if found is None else accounts.decode_meter(found.data)


def owner_of(site: Site, file: Enrolment) -> Signer:
    """Return the home's key of the wallet that the file names. Raises RefusedError when it has none."""
    for person in population.people_of(site):
        signer = site.signer(f"user-{person.name}")
        if bytes(signer.pubkey) == file.owner_bytes:
            return signer
    raise RefusedError(
        f"this home has no key of the owner {Pubkey(file.owner_bytes)}; give the owner's key file with --owner"
    )
