"""Answers what is asked about slots, blocks, epochs and the one node that makes them."""

from __future__ import annotations

from typing import Any

from solders.hash import Hash

from deploy.localnet.bank import SLOTS_PER_EPOCH
from deploy.localnet.jsonrpc import BLOCK_NOT_AVAILABLE, SLOT_SKIPPED, RpcError, invalid_params
from deploy.localnet.node import API_VERSION, SAMPLE_PERIOD_S, Node
from deploy.localnet.params import Options, address, addresses, at, integer
from deploy.localnet.ui_transactions import ENCODINGS, accounts_only, with_meta

MAX_BLOCKS = 500_000
MAX_SLOT_LEADERS = 5_000


def get_slot(node: Node, params: list[Any]) -> Any:
    """getSlot(): the open slot, at every commitment."""
    Options(params, 0, node.slot)
    return node.slot


def get_block(node: Node, params: list[Any]) -> Any:
    """getBlock(slot, {encoding, transactionDetails, rewards, maxSupportedTransactionVersion})."""
    slot = integer(at(params, 0, "a slot"), "u64")
    if len(params) > 1 and isinstance(params[1], str):
        params = [params[0], {"encoding": params[1]}]
    options = Options(params, 1, node.slot)
    encoding = options.choice("encoding", ENCODINGS, "json")
    details = options.choice("transactionDetails", ("full", "accounts", "signatures", "none"), "full")
    version = options.integer("maxSupportedTransactionVersion", None, 0, 255)
    shown = closed_block(node, slot)
    if details == "signatures":
        shown["signatures"] = [str(past.tx.signatures[0]) for past in node.history.in_slot(slot)]
    elif details == "accounts":
        shown["transactions"] = [accounts_only(past, version) for past in node.history.in_slot(slot)]
    elif details == "full":
        shown["transactions"] = [with_meta(past, encoding, version) for past in node.history.in_slot(slot)]
    if options.get("rewards") is not False:
        shown["rewards"] = []  # nobody is paid: fees are burnt
    return shown


def closed_block(node: Node, slot: int) -> dict[str, Any]:
    """Return a block without its transactions.

    Raises:
        RpcError: It is still open or in the future (−32004), or no longer kept (−32007).
    """
    if slot >= node.slot:
        raise RpcError(BLOCK_NOT_AVAILABLE, f"Block not available for slot {slot}")
    block = node.history.block(slot)
    if block is None:
        raise RpcError(SLOT_SKIPPED, f"Slot {slot} was skipped, or missing due to ledger jump to recent snapshot")
    return {
        "blockhash": str(Hash.from_bytes(block.blockhash)),
        "previousBlockhash": str(Hash.from_bytes(block.previous)),
        "parentSlot": max(0, slot - 1),
        "blockTime": block.unix_s,
        "blockHeight": slot,
    }


def get_blocks(node: Node, params: list[Any]) -> Any:
    """getBlocks(first, last): kept slots, both ends included."""
    first = integer(at(params, 0, "a slot"), "u64")
    last = node.slot - 1
    if len(params) > 1 and isinstance(params[1], int):
        last = min(last, integer(params[1], "u64"))
    if last - first > MAX_BLOCKS:
        raise invalid_params(f"Slot range too large; max {MAX_BLOCKS}")
    return node.history.blocks(first, last, MAX_BLOCKS + 1)


def get_blocks_with_limit(node: Node, params: list[Any]) -> Any:
    """getBlocksWithLimit(first, limit)."""
    first, limit = integer(at(params, 0, "a slot"), "u64"), integer(at(params, 1, "a limit"), "usize")
    if limit > MAX_BLOCKS:
        raise invalid_params(f"Limit too large; max {MAX_BLOCKS}")
    return node.history.blocks(first, node.slot - 1, limit)


def get_block_time(node: Node, params: list[Any]) -> Any:
    """getBlockTime(slot): campus epoch seconds."""
    slot = integer(at(params, 0, "a slot"), "u64")
    if slot == node.slot:
        return node.bank.unix_s
    return closed_block(node, slot)["blockTime"]


def get_first_available_block(node: Node, params: list[Any]) -> Any:
    """getFirstAvailableBlock(): the oldest kept slot."""
    return node.history.first_block()


def get_epoch_info(node: Node, params: list[Any]) -> Any:
    """getEpochInfo()."""
    Options(params, 0, node.slot)
    return {
        "absoluteSlot": node.slot,
        "blockHeight": node.slot,
        "epoch": node.slot // SLOTS_PER_EPOCH,
        "slotIndex": node.slot % SLOTS_PER_EPOCH,
        "slotsInEpoch": SLOTS_PER_EPOCH,
        "transactionCount": node.bank.transaction_count,
    }


def get_epoch_schedule(node: Node, params: list[Any]) -> Any:
    """getEpochSchedule()."""
    return {
        "slotsPerEpoch": SLOTS_PER_EPOCH,
        "leaderScheduleSlotOffset": SLOTS_PER_EPOCH,
        "warmup": False,
        "firstNormalEpoch": 0,
        "firstNormalSlot": 0,
    }


def get_genesis_hash(node: Node, params: list[Any]) -> Any:
    """getGenesisHash()."""
    return str(node.genesis.hash)


def get_identity(node: Node, params: list[Any]) -> Any:
    """getIdentity()."""
    return {"identity": str(node.genesis.identity)}


def get_version(node: Node, params: list[Any]) -> Any:
    """getVersion(): Agave's version that the SVM is of. Its optional feature set is left out: LiteSVM does not tell it."""
    return {"solana-core": API_VERSION}


def get_health(node: Node, params: list[Any]) -> Any:
    """getHealth(): a lone producer is never behind."""
    return "ok"


def get_slot_leader(node: Node, params: list[Any]) -> Any:
    """getSlotLeader(): the one node."""
    Options(params, 0, node.slot)
    return str(node.genesis.identity)


def get_slot_leaders(node: Node, params: list[Any]) -> Any:
    """getSlotLeaders(first, limit): the one node for every slot."""
    integer(at(params, 0, "a slot"), "u64")
    limit = integer(at(params, 1, "a limit"), "u64")
    if limit > MAX_SLOT_LEADERS:
        raise invalid_params(f"Invalid limit; max {MAX_SLOT_LEADERS}")
    return [str(node.genesis.identity)] * limit


def get_leader_schedule(node: Node, params: list[Any]) -> Any:
    """getLeaderSchedule(slot, {identity}): every slot of the epoch is the one node's; null for an epoch to come."""
    given = [params[0] if params and not isinstance(params[0], dict) else None]
    options = Options(params if len(params) > 1 else [None, params[0] if params else None], 1, node.slot)
    slot = node.slot if given[0] is None else integer(given[0], "u64")
    if slot // SLOTS_PER_EPOCH > node.slot // SLOTS_PER_EPOCH + 1:
        return None
    wanted, identity = options.get("identity"), str(node.genesis.identity)
    if wanted is not None and str(address(wanted)) != identity:
        return {}
    return {identity: list(range(SLOTS_PER_EPOCH))}


def get_vote_accounts(node: Node, params: list[Any]) -> Any:
    """getVoteAccounts(): a lone producer needs no votes, so there are none."""
    Options(params, 0, node.slot)
    return {"current": [], "delinquent": []}


def get_cluster_nodes(node: Node, params: list[Any]) -> Any:
    """getClusterNodes(): the one node. It gossips with nobody."""
    return [
        {
            "pubkey": str(node.genesis.identity),
            "gossip": None,
            "tpu": None,
            "rpc": node.rpc_address,
            "version": API_VERSION,
            "featureSet": None,
            "shredVersion": 0,
        }
    ]


def get_inflation_governor(node: Node, params: list[Any]) -> Any:
    """getInflationGovernor(): there is no inflation."""
    Options(params, 0, node.slot)
    return {"initial": 0.0, "terminal": 0.0, "taper": 0.0, "foundation": 0.0, "foundationTerm": 0.0}


def get_inflation_rate(node: Node, params: list[Any]) -> Any:
    """getInflationRate(): there is no inflation."""
    return {"total": 0.0, "validator": 0.0, "foundation": 0.0, "epoch": node.slot // SLOTS_PER_EPOCH}


def get_inflation_reward(node: Node, params: list[Any]) -> Any:
    """getInflationReward([address]): nobody was rewarded."""
    Options(params, 1, node.slot)
    return [None] * len(addresses(at(params, 0, "a list of addresses"), 1_024))


def get_recent_performance_samples(node: Node, params: list[Any]) -> Any:
    """getRecentPerformanceSamples(limit): transactions and slots of each past minute, newest first."""
    limit = integer(params[0], "usize", 0, 720) if params and params[0] is not None else 720
    return [
        {
            "slot": slot,
            "numTransactions": transactions,
            "numNonVoteTransactions": transactions,
            "numSlots": slots,
            "samplePeriodSecs": SAMPLE_PERIOD_S,
        }
        for slot, transactions, slots in list(node.samples)[:limit]
    ]


def get_block_production(node: Node, params: list[Any]) -> Any:
    """getBlockProduction(): this epoch's slots so far, all led and made by the one node."""
    Options(params, 0, node.slot)
    first = node.slot - node.slot % SLOTS_PER_EPOCH
    made = node.slot - first
    value = {
        "byIdentity": {str(node.genesis.identity): [made, made]},
        "range": {"firstSlot": first, "lastSlot": max(first, node.slot - 1)},
    }
    return node.with_context(value)


def get_block_commitment(node: Node, params: list[Any]) -> Any:
    """getBlockCommitment(slot): nobody votes, so no stake stands behind any block."""
    integer(at(params, 0, "a slot"), "u64")
    return {"commitment": None, "totalStake": 0}


METHODS = {
    "getSlot": get_slot,
    "getBlockHeight": get_slot,
    "getBlock": get_block,
    "getBlocks": get_blocks,
    "getBlocksWithLimit": get_blocks_with_limit,
    "getBlockTime": get_block_time,
    "getFirstAvailableBlock": get_first_available_block,
    "minimumLedgerSlot": get_first_available_block,
    "getEpochInfo": get_epoch_info,
    "getEpochSchedule": get_epoch_schedule,
    "getGenesisHash": get_genesis_hash,
    "getIdentity": get_identity,
    "getVersion": get_version,
    "getHealth": get_health,
    "getSlotLeader": get_slot_leader,
    "getSlotLeaders": get_slot_leaders,
    "getLeaderSchedule": get_leader_schedule,
    "getVoteAccounts": get_vote_accounts,
    "getClusterNodes": get_cluster_nodes,
    "getInflationGovernor": get_inflation_governor,
    "getInflationRate": get_inflation_rate,
    "getInflationReward": get_inflation_reward,
    "getRecentPerformanceSamples": get_recent_performance_samples,
    "getBlockProduction": get_block_production,
    "getBlockCommitment": get_block_commitment,
    "getMaxRetransmitSlot": get_slot,
    "getMaxShredInsertSlot": get_slot,
}
