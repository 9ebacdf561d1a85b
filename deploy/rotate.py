"""`campusgrid rotate FILE`: the registry takes the key that `campusgrid edge rotate` made, the oracle follows, the agent is told.

Every step looks first, so the command may be killed anywhere and given again: a key that is registered already is not sent twice,
and the configurations are published anew. Owner, key and the rotation before are compared with the chain before anything is sent.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from deploy import population
from deploy.contact.chain import Chain
from deploy.operator import TOLD, RefusedError, owner_of, registered
from deploy.site import Site
from deploy.up import DEFAULT_SPEED, add_port_options, default_home, ports_of
from gridkit.chain import accounts
from gridkit.chain import deployment as deployments
from gridkit.chain.deployment import SYSTEM_PROGRAM, Deployment
from gridkit.chain.rpc import Rpc
from gridkit.chain.tx import Signer, instruction
from gridkit.clock import open_clock
from gridkit.enrolment import Enrolment, format_meter_id, read_enrolment
from gridkit.interval import interval_at
from gridkit.keys import load_key

AHEAD = 2
"""Intervals from now to the switch: at least a whole quarter hour for the agent to hear of it; one that does not signs again later."""
_RETIRED = accounts.STATUS_RETIRED
_NO_KEY = bytes(32)


class RotationRefusedError(RefusedError):
    """The rotation does not fit what the chain says; nothing was sent."""


class Rotated(NamedTuple):
    """The meter as the registry then has it, and whether it was so before."""

    meter: accounts.Meter
    was_done: bool


def check_rotation(
    file: Enrolment,
    known: accounts.Meter | None,
    entry: accounts.SlabEntry | None,
    network_tag: str,
    present: int,
    *,
    compromised: bool = False,
) -> bool:
    """Compare a rotation file, whose proof has been checked, with the chain; return whether the registry has its key already.

    Args:
        file: What `campusgrid edge rotate` wrote.
        known: The registry's meter.
        entry: Its slot in the oracle's slab; None when it has none.
        network_tag: Of this deployment, 8 hex digits.
        present: Interval that is now under way.
        compromised: The present key is stolen: nothing is waited for, its spooled readings will not count.

    Raises:
        RotationRefusedError: Another network or owner, no such meter, an old key, or the rotation before is not over.
    """
    name = format_meter_id(file.meter_id_bytes)
    if file.network_tag != network_tag:
        raise RotationRefusedError(f"the file is for network {file.network_tag}, this one is {network_tag}")
    if known is None:
        raise RotationRefusedError(f"meter {name} is not in the registry: its first key is enrolled, not rotated")
    if known.status == _RETIRED:
        raise RotationRefusedError(f"meter {name} is retired")
    if known.owner != file.owner_bytes:
        raise RotationRefusedError(
            f"the file names the owner {Pubkey(file.owner_bytes)}, the registry has {Pubkey(known.owner)}; "
            "write it anew with `campusgrid edge rotate --owner`"
        )
    newest = known.keys[0]
    if newest.key == file.public_key_bytes:
        return True
    if any(key.key == file.public_key_bytes for key in known.keys):
        raise RotationRefusedError(f"the file's key was meter {name}'s before; a key never comes back")
    if compromised:
        return False
    if newest.first_interval > present:
        raise RotationRefusedError(
            f"the rotation before begins with interval {newest.first_interval} ({_time_of(newest.first_interval)}); try again after it"
        )
    # The slab keeps two keys: with a third, readings that the first has signed could not be posted any more.
    if entry is not None and entry.key_previous != _NO_KEY and entry.last_interval + 1 < entry.switch_interval:
        raise RotationRefusedError(
            f"readings before interval {entry.switch_interval} ({_time_of(entry.switch_interval)}), signed with the key before the "
            "present one, are still on their way; try again when they are posted"
        )
    return False


def submit_rotation(
    chain: Chain,
    on: Deployment,
    file: Enrolment,
    operator: Signer,
    owner: Signer,
    present: int,
    first_interval: int,
    *,
    compromised: bool = False,
) -> Rotated:
    """Send registry.rotate_device_key, unless the registry has the key, and oracle.sync_key; return the meter after it.

    Raises:
        RotationRefusedError: See `check_rotation`; also when `owner` is not the meter's owner.
        TransactionFailedError: The registry refused it, or the chain is paused.
    """
    address = on.meter(file.meter_id_bytes)
    known = registered(chain, address)
    entry = _entry(chain, on, known)
    was_done = check_rotation(file, known, entry, on.network_tag, present, compromised=compromised)
    assert known is not None, "a meter that is not there is refused"
    if not was_done and bytes(owner.pubkey) != file.owner_bytes:
        raise RotationRefusedError(f"{owner.address} is not the owner; give the owner's key file with --owner")
    made = [] if was_done else [_rotation(on, file, operator, owner, chain.payer, first_interval, compromised)]
    if entry is not None and not (was_done and entry.key_epoch == known.key_epoch):
        # Together with the rotation: alone it would be the same bytes as the last one, which a chain takes once a blockhash.
        named = {"slab": on.zones[str(known.zone)].slab, "meter": address}
        made.append(instruction("oracle", on.programs["oracle"], "sync_key", named, ()))
    if made:
        chain.send(f"rotate the key of {file.meter_id}", made, [] if was_done else [operator, owner])
    meter = registered(chain, address)
    assert meter is not None, "a meter that was just rotated"
    return Rotated(meter, was_done)


def _rotation(
    on: Deployment,
    file: Enrolment,
    operator: Signer,
    owner: Signer,
    payer: Signer,
    first_interval: int,
    compromised: bool,
) -> Instruction:
    named = {
        "authority": operator.address,
        "authority_user": on.user(operator.address),
        "owner": owner.address,
        "payer": payer.address,
        "council": on.council,
        "config": on.config("registry"),
        "meter": on.meter(file.meter_id_bytes),
        "key_record": on.pda("registry", b"key", file.public_key_bytes),
        "system_program": SYSTEM_PROGRAM,
    }
    return instruction(
        "registry",
        on.programs["registry"],
        "rotate_device_key",
        named,
        (),
        device_key=file.public_key_bytes,
        first_interval=first_interval,
        compromised=compromised,
        proof=file.proof_bytes,
    )


def _entry(chain: Chain, on: Deployment, meter: accounts.Meter | None) -> accounts.SlabEntry | None:
    zone = None if meter is None else on.zones.get(str(meter.zone))
    found = None if zone is None else chain.rpc.account(zone.slab)
    if found is None or meter is None:
        return None
    entry = accounts.decode_slab(found.data).entries.get(meter.slot)
    return None if entry is None or entry.meter_number != meter.meter_number else entry


def _time_of(interval: int) -> str:
    return datetime.fromtimestamp(900 * interval, UTC).strftime("%Y-%m-%d %H:%M UTC")


def main(argv: list[str]) -> int:
    """Submit one rotation file; return 1 with a sentence when it is refused."""
    parser = argparse.ArgumentParser(prog="campusgrid rotate", description=__doc__)
    parser.add_argument("file", type=Path, help="what `campusgrid edge rotate` wrote")
    parser.add_argument("--home", type=Path, default=default_home(), help="home of the deployment (default: var/)")
    parser.add_argument("--meters", type=int, default=8, help="simulated meters of this home (default 8)")
    parser.add_argument("--owner", type=Path, help="the owner's key file (default: the home's key of that wallet)")
    parser.add_argument("--operator", type=Path, help="the operator's key file (default: the home's)")
    parser.add_argument(
        "--ahead", type=int, default=AHEAD, metavar="N", help=f"quarter hours until the switch (default {AHEAD})"
    )
    parser.add_argument(
        "--compromised",
        action="store_true",
        help="the present key is stolen: revoke it, and with it whatever it has signed that is not posted yet",
    )
    add_port_options(parser)
    words = parser.parse_args(argv)
    if words.ahead < 1:
        parser.error("--ahead is at least 1: a key begins with a quarter hour that has not begun")
    site = Site(words.home, ports_of(words), words.meters, DEFAULT_SPEED)
    try:
        file = read_enrolment(words.file)
        on = deployments.load(site.deployment)
        owner = Signer(load_key(words.owner)) if words.owner else owner_of(site, file)
        operator = Signer(load_key(words.operator)) if words.operator else site.signer("operator")
        present = interval_at(open_clock(site.clock if site.clock.exists() else None).now_ns() // 1_000_000_000)
        chain = Chain(Rpc(site.rpc_url), site.signer("deployer"))
        done = submit_rotation(
            chain, on, file, operator, owner, present, present + words.ahead, compromised=words.compromised
        )
        population.publish_configurations(site, on, population.enrolled_meters(chain, site, on))
    except TOLD as error:
        print(f"campusgrid rotate: {error}", file=sys.stderr)
        return 1
    newest = done.meter.keys[0]
    print(
        f"meter {done.meter.meter_number} signs with key epoch {newest.epoch} from interval {newest.first_interval} "
        f"({_time_of(newest.first_interval)}) on"
        + ("; it was registered before, and is published again" if done.was_done else "")
    )
    return 0
