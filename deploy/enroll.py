"""`campusgrid enroll FILE`: the registry takes the meter of `campusgrid edge enroll`, oracle and ledger follow, its agent is told.

Every step looks first, so the command may be killed anywhere and given again. What the file says of the connection nobody has to
believe: zone, kind and capacity are the operator's words, and the owner signs them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from solders.pubkey import Pubkey

from deploy import population
from deploy.contact.chain import Chain
from deploy.operator import TOLD, RefusedError, owner_of, registered
from deploy.site import Site
from deploy.up import DEFAULT_SPEED, add_port_options, default_home, ports_of
from gridkit.chain import accounts
from gridkit.chain import deployment as deployments
from gridkit.chain.deployment import Deployment
from gridkit.chain.rpc import Rpc
from gridkit.chain.tx import Signer
from gridkit.enrolment import Enrolment, format_meter_id, read_enrolment, write_enrolment
from gridkit.keys import load_key

KINDS = ("consumer", "producer", "prosumer")
ROLES = ("student", "faculty", "external_partner", "facilities")


class EnrolmentRefusedError(RefusedError):
    """The file does not fit the network or what the registry says; nothing was sent."""


def check_enrolment(file: Enrolment, known: accounts.Meter | None, on: Deployment, zone: int) -> None:
    """Compare an enrolment file, whose proof has been checked, with the deployment and the registry's meter, if there is one.

    Raises:
        EnrolmentRefusedError: Another network, no such zone, or the meter is another's, elsewhere, or has another key.
    """
    name = format_meter_id(file.meter_id_bytes)
    if file.network_tag != on.network_tag:
        raise EnrolmentRefusedError(f"the file is for network {file.network_tag}, this one is {on.network_tag}")
    if str(zone) not in on.zones:
        raise EnrolmentRefusedError(f"there is no zone {zone}; there are {', '.join(sorted(on.zones))}")
    if known is None:
        return
    if known.owner != file.owner_bytes:
        raise EnrolmentRefusedError(f"meter {name} belongs to {Pubkey(known.owner)}")
    if known.keys[0].key != file.public_key_bytes:
        raise EnrolmentRefusedError(f"meter {name} has a key already; `campusgrid edge rotate` makes the next one")
    if known.zone != zone:
        raise EnrolmentRefusedError(f"meter {name} is in zone {known.zone} and stays there")


def submit_enrolment(
    chain: Chain,
    site: Site,
    on: Deployment,
    file: Enrolment,
    operator: Signer,
    owner: Signer,
    *,
    zone: int,
    kind: str,
    capacity_w: int,
    role: str = "faculty",
) -> accounts.Meter:
    """Register owner and meter, enrol and attach it, whichever is still to do; return the registry's record.

    Raises:
        EnrolmentRefusedError: See `check_enrolment`; also when `owner` is not the file's.
        TransactionFailedError: The registry refused it, or the chain is paused.
    """
    work = population.Enroller(chain, site, on)
    address = on.meter(file.meter_id_bytes)
    known = registered(chain, address)
    check_enrolment(file, known, on, zone)
    if bytes(owner.pubkey) != file.owner_bytes:
        raise EnrolmentRefusedError(f"{owner.address} is not the owner; give the owner's key file with --owner")
    for what, made, signers in work.opening(owner.address, role, zone):
        chain.send(what, made, signers)
    place = format_meter_id(file.meter_id_bytes)
    if known is None:
        what, made, signers = work.registration(
            file,
            operator,
            owner,
            zone=zone,
            kind=kind,
            capacity_w=capacity_w,
            # A fifth above what the connection can carry in a quarter hour.
            max_wh_interval=max(1, capacity_w * 12 // 40),
            place=place,
        )
        chain.send(what, made, signers)
        known = registered(chain, address)
        assert known is not None, "a meter that was just registered"
    for what, made, signers in work.attachment(file.meter_id_bytes, owner.address, known.zone, known.slot, place):
        chain.send(what, made, signers)
    return known


def main(argv: list[str]) -> int:
    """Submit one enrolment file; return 1 with a sentence when it is refused."""
    parser = argparse.ArgumentParser(prog="campusgrid enroll", description=__doc__)
    parser.add_argument("file", type=Path, help="what `campusgrid edge enroll` wrote")
    parser.add_argument("--zone", type=int, required=True, help="zone of the campus")
    parser.add_argument("--capacity-w", type=int, required=True, metavar="W", help="what the connection can carry")
    parser.add_argument("--kind", choices=KINDS, default="consumer", help="default consumer")
    parser.add_argument(
        "--role", choices=ROLES, default="faculty", help="of an owner who is not registered yet (faculty)"
    )
    parser.add_argument("--owner", type=Path, help="the owner's key file (default: the home's key of that wallet)")
    parser.add_argument("--operator", type=Path, help="the operator's key file (default: the home's)")
    parser.add_argument("--home", type=Path, default=default_home(), help="home of the deployment (default: var/)")
    parser.add_argument("--meters", type=int, default=8, help="simulated meters of this home (default 8)")
    add_port_options(parser)
    words = parser.parse_args(argv)
    if not 0 < words.capacity_w < 2**32:
        parser.error("--capacity-w is above 0")
    site = Site(words.home, ports_of(words), words.meters, DEFAULT_SPEED)
    try:
        file = read_enrolment(words.file)
        on = deployments.load(site.deployment)
        owner = Signer(load_key(words.owner)) if words.owner else owner_of(site, file)
        operator = Signer(load_key(words.operator)) if words.operator else site.signer("operator")
        chain = Chain(Rpc(site.rpc_url), site.signer("deployer"))
        meter = submit_enrolment(
            chain,
            site,
            on,
            file,
            operator,
            owner,
            zone=words.zone,
            kind=words.kind,
            capacity_w=words.capacity_w,
            role=words.role,
        )
        write_enrolment(population.enrolments(site) / f"{file.meter_id}.json", file)
        population.publish_configurations(site, on, population.enrolled_meters(chain, site, on))
    except TOLD as error:
        print(f"campusgrid enroll: {error}", file=sys.stderr)
        return 1
    print(
        f"meter {format_meter_id(file.meter_id_bytes)} has number {meter.meter_number} in zone {meter.zone}; {file.agent} is told"
    )
    return 0
