"""`campusgrid swap FILE`: two people approve what `campusgrid edge swap` wrote, the registry records it, and the agent is told its new epoch.

Nothing is minted by it: the first accepted reading of the new register epoch sets the opening registers. Key and epoch are compared
with the registry before anything is sent, so that a file of another meter, or of a swap long done, is told by its name.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy import population
from deploy.contact.chain import Chain
from deploy.operator import TOLD, RefusedError, registered
from deploy.site import Site
from deploy.up import DEFAULT_SPEED, add_port_options, default_home, ports_of
from gridkit.chain import accounts
from gridkit.chain import deployment as deployments
from gridkit.chain.deployment import Deployment
from gridkit.chain.rpc import Rpc
from gridkit.chain.tx import Signer, instruction
from gridkit.keys import load_key
from gridkit.swap import Swap, read_swap


class SwapRefusedError(RefusedError):
    """The swap does not fit what the registry says; nothing was sent."""


def check_swap(swap: Swap, known: accounts.Meter | None, network_tag: str) -> None:
    """Compare a swap file, whose signature has been checked, with the registry's meter.

    Raises:
        SwapRefusedError: Another network, no such meter, another key than the meter's, or not the next register epoch.
    """
    if swap.network_tag != network_tag:
        raise SwapRefusedError(f"the file is for network {swap.network_tag}, this one is {network_tag}")
    if known is None:
        raise SwapRefusedError(f"meter {swap.meter_id} is not in the registry")
    if not known.keys or bytes.fromhex(swap.public_key) != known.keys[0].key:
        raise SwapRefusedError(
            "the file is not signed by the meter's current device key; rotate first, or write it anew"
        )
    if swap.register_epoch != known.register_epoch + 1:
        raise SwapRefusedError(
            f"the file opens register epoch {swap.register_epoch}, the registry is at {known.register_epoch}: "
            + (
                "it was submitted before"
                if swap.register_epoch <= known.register_epoch
                else "one is missing in between"
            )
        )


def submit_swap(chain: Chain, on: Deployment, swap: Swap, approvers: tuple[Signer, Signer]) -> accounts.Meter:
    """Send registry.swap_meter with both approvals; return the meter as the registry then has it.

    Raises:
        SwapRefusedError: See `check_swap`; also when both approvals are by one key.
        TransactionFailedError: The registry refused an approver, or the chain is paused.
    """
    first, second = approvers
    if first.address == second.address:
        raise SwapRefusedError("both approvals are by the same key; a swap wants two people")
    address = on.meter(bytes.fromhex(swap.meter_id))
    check_swap(swap, registered(chain, address), on.network_tag)
    named = {
        "authority": first.address,
        "authority_user": on.user(first.address),
        "second_authority": second.address,
        "second_authority_user": on.user(second.address),
        "council": on.council,
        "config": on.config("registry"),
        "meter": address,
    }
    made = instruction(
        "registry",
        on.programs["registry"],
        "swap_meter",
        named,
        (),
        serial_hash=swap.serial_hash,
        closing_import_wh=swap.closing_import_wh,
        closing_export_wh=swap.closing_export_wh,
        opening_import_wh=swap.opening_import_wh,
        opening_export_wh=swap.opening_export_wh,
    )
    signers = [signer for signer in approvers if signer.address != chain.payer.address]
    chain.send(f"swap meter {swap.meter_id}", [made], signers)
    done = registered(chain, address)
    assert done is not None, "a meter that was just swapped"
    return done


def main(argv: list[str]) -> int:
    """Submit one swap file; return 1 with a sentence when it is refused."""
    parser = argparse.ArgumentParser(prog="campusgrid swap", description=__doc__)
    parser.add_argument("file", type=Path, help="what `campusgrid edge swap` wrote")
    parser.add_argument("--home", type=Path, default=default_home(), help="home of the deployment (default: var/)")
    parser.add_argument("--meters", type=int, default=8, help="simulated meters of this home (default 8)")
    parser.add_argument(
        "--approver",
        type=Path,
        action="append",
        help="key file, given twice (default: the home's deployer and operator)",
    )
    add_port_options(parser)
    words = parser.parse_args(argv)
    if words.approver and len(words.approver) != 2:
        parser.error("--approver is given twice, once for each of the two people")
    site = Site(words.home, ports_of(words), words.meters, DEFAULT_SPEED)
    try:
        swap = read_swap(words.file)
        on = deployments.load(site.deployment)
        keys = [load_key(path) for path in words.approver or ()] or [site.key("deployer"), site.key("operator")]
        chain = Chain(Rpc(site.rpc_url), site.signer("deployer"))
        meter = submit_swap(chain, on, swap, (Signer(keys[0]), Signer(keys[1])))
        population.publish_configurations(site, on, population.enrolled_meters(chain, site, on))
    except TOLD as error:
        print(f"campusgrid swap: {error}", file=sys.stderr)
        return 1
    print(f"meter {meter.meter_number} is in register epoch {meter.register_epoch}; its next reading opens it")
    return 0
