"""Reads an anchor off a node: the state that offline proofs are checked against, all of it at one slot."""

from __future__ import annotations

from gridkit.chain import accounts, proof
from gridkit.chain.deployment import Deployment
from gridkit.chain.rpc import Rpc, RpcError

_ATTEMPTS = 5


class AnchorError(RpcError):
    """The accounts that an anchor is made of are missing, or the chain is not the deployment's."""


def read_anchor(rpc: Rpc, deployment: Deployment) -> proof.Anchor:
    """Return the anchor of a deployment now.

    Raises:
        AnchorError: Another genesis hash than the deployment's, or an account is missing.
        gridkit.chain.rpc.RpcError: The node does not answer.
    """
    genesis_hash = str(rpc.call("getGenesisHash"))
    if genesis_hash != deployment.genesis_hash:
        raise AnchorError(f"the node's genesis hash is {genesis_hash}, the deployment's {deployment.genesis_hash}")
    zones = sorted(int(zone) for zone in deployment.zones)
    names = [deployment.zones[str(zone)].roots for zone in zones]
    # One getMultipleAccounts is one slot; the market is half a megabyte, so its head alone is read and the slots compared.
    for _ in range(_ATTEMPTS):
        found = rpc.accounts([*names])
        market = rpc.account(deployment.market, offset=0, length=accounts.MARKET_HEAD_SIZE)
        if market is None or any(account is None for account in found):
            raise AnchorError("the market or a zone's roots are missing on this chain")
        roots = [accounts.decode_roots(account.data) for account in found if account is not None]
        again = rpc.accounts([*names])
        if [a.data for a in again if a is not None] == [a.data for a in found if a is not None]:
            break
    else:
        raise AnchorError("the roots changed at every look; try again")
    head = accounts.decode_market_head(market.data)
    return proof.make_anchor(
        genesis_hash=genesis_hash,
        programs=deployment.programs,
        slot=market.slot,
        zones={zone: (root.next_seq, root.peaks) for zone, root in zip(zones, roots, strict=True)},
        market=(head.trade_seq, head.fills_hash),
    )
