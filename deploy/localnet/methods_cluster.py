"""Answers what is asked about slots, blocks, epochs and the one node that makes them."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from solders.hash import Hash

from deploy.localnet.bank import SLOTS_PER_EPOCH
from deploy.localnet.genesis_accounts import commission_of, delegated_lamports, stake_address, vote_address
from deploy.localnet.jsonrpc import (
    BLOCK_CLEANED_UP,
    BLOCK_NOT_AVAILABLE,
    NO_SNAPSHOT,
    SLOT_SKIPPED,
    RpcError,
    invalid_params,
)
from deploy.localnet.node import API_VERSION, FEATURE_SET, SAMPLE_PERIOD_S, Node
from deploy.localnet.params import Options, address, addresses, check_commitment, integer
from deploy.localnet.ui_transactions import DETAILS, accounts_only, transaction_options, with_meta

MAX_BLOCKS = 500_000
MAX_SLOT_LEADERS = 5_000
MAX_SAMPLES = 720
SHRED_VERSION = 0
"""There are no shreds."""

STAKE_MINIMUM_LAMPORTS = 1_000_000_000
"""Source: get_minimum_delegation of solana-runtime with the stake program's version 5, which mainnet has on."""


def get_slot(node: Node, params: list[Any]) -> Any:
    """getSlot({commitment}): the last closed slot, which has a block and a hash; the open one for "processed"."""
    return _newest(node, Options(params, 0, node.slot))


def _newest(node: Node, options: Options) -> int:
    return node.slot if options.get("commitment") == "processed" else max(0, node.slot - 1)


def get_open_slot(node: Node, params: list[Any]) -> Any:
    """getMaxRetransmitSlot, getMaxShredInsertSlot: the open slot."""
    return node.slot


def get_block(node: Node, params: list[Any]) -> Any:
    """getBlock(slot, {encoding, transactionDetails, rewards, maxSupportedTransactionVersion})."""
    slot = integer(params[0])
    options = transaction_options(params, node.slot)
    details = options.rest.choice("transactionDetails", DETAILS, "full")
    shown = closed_block(node, slot)
    past = node.history.in_slot(slot) if details != "none" else []
    if details == "signatures":
        shown["signatures"] = [str(one.tx.signatures[0]) for one in past]
    elif details == "accounts":
        shown["transactions"] = [accounts_only(one, options.version) for one in past]
    elif details == "full":
        shown["transactions"] = [with_meta(one, options.encoding, options.version) for one in past]
    if options.rest.flag("rewards", default=True):
        shown["rewards"] = []  # nobody is paid: fees are burnt
    elif details == "full":
        for one in shown["transactions"]:
            one["meta"]["rewards"] = None
    return shown


def closed_block(node: Node, slot: int) -> dict[str, Any]:
    """Return a block without its transactions.

    Raises:
        RpcError: It is still open or in the future (−32004), older than all that are kept (−32001), or left out because
            it was empty (−32007).
    """
    if slot >= node.slot:
        raise RpcError(BLOCK_NOT_AVAILABLE, f"Block not available for slot {slot}")
    block = node.history.block(slot)
    if block is None and slot < (first := node.history.first_block()):
        why = f"Block {slot} cleaned up, does not exist on node. First available block: {first}"
        raise RpcError(BLOCK_CLEANED_UP, why)
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
    """getBlocks(first, last or options, options): kept slots, both ends included."""
    first = integer(params[0])
    config = params[1:2] if len(params) > 1 and isinstance(params[1], dict) else params[2:]
    Options(config, 0, node.slot, at_least_confirmed=True)
    last = node.slot - 1
    if len(params) > 1 and params[1] is not None and not isinstance(params[1], dict):
        last = min(last, integer(params[1]))
    if last < first:
        return []
    if last - first > MAX_BLOCKS:
        raise invalid_params(f"Slot range too large; max {MAX_BLOCKS}")
    return node.history.blocks(first, last, MAX_BLOCKS + 1)


def get_blocks_with_limit(node: Node, params: list[Any]) -> Any:
    """getBlocksWithLimit(first, limit)."""
    first, limit = integer(params[0]), integer(params[1], "usize")
    Options(params, 2, node.slot, at_least_confirmed=True)
    if limit > MAX_BLOCKS:
        raise invalid_params(f"Limit too large; max {MAX_BLOCKS}")
    return node.history.blocks(first, node.slot - 1, limit)


def get_block_time(node: Node, params: list[Any]) -> Any:
    """getBlockTime(slot): campus epoch seconds."""
    slot = integer(params[0])
    if slot == 0:
        return node.genesis.created_unix_s
    if slot == node.slot:
        return node.bank.unix_s
    return closed_block(node, slot)["blockTime"]


def get_first_available_block(node: Node, params: list[Any]) -> Any:
    """getFirstAvailableBlock(): the oldest kept slot."""
    return node.history.first_block()


def get_epoch_info(node: Node, params: list[Any]) -> Any:
    """getEpochInfo({commitment}): of the slot that getSlot names."""
    slot = _newest(node, Options(params, 0, node.slot))
    return {
        "epoch": slot // SLOTS_PER_EPOCH,
        "slotIndex": slot % SLOTS_PER_EPOCH,
        "slotsInEpoch": SLOTS_PER_EPOCH,
        "absoluteSlot": slot,
        "blockHeight": slot,
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
    """getVersion(): Agave's version that the SVM is of, and a number for the features that are on."""
    return {"solana-core": API_VERSION, "feature-set": FEATURE_SET}


def get_health(node: Node, params: list[Any]) -> Any:
    """getHealth(): a lone producer is never behind."""
    return "ok"


def get_slot_leader(node: Node, params: list[Any]) -> Any:
    """getSlotLeader(): the one node."""
    Options(params, 0, node.slot)
    return str(node.genesis.identity)


def get_slot_leaders(node: Node, params: list[Any]) -> Any:
    """getSlotLeaders(first, limit): the one node for every slot of this epoch and the next."""
    first, limit = integer(params[0]), integer(params[1])
    if limit > MAX_SLOT_LEADERS:
        raise invalid_params(f"Invalid limit; max {MAX_SLOT_LEADERS}")
    unknown = node.slot // SLOTS_PER_EPOCH + 2
    if limit and (first + limit - 1) // SLOTS_PER_EPOCH >= unknown:
        epoch = max(unknown, first // SLOTS_PER_EPOCH)
        raise invalid_params(f"Invalid slot range: leader schedule for epoch {epoch} is unavailable")
    return [str(node.genesis.identity)] * limit


def get_leader_schedule(node: Node, params: list[Any]) -> Any:
    """getLeaderSchedule(slot or options, options): every slot of its epoch is the one node's; null for a later epoch."""
    config = params[:1] if params and isinstance(params[0], dict) else params[1:]
    options = Options(config, 0, node.slot)
    slot = node.slot if not params or params[0] is None or isinstance(params[0], dict) else integer(params[0])
    wanted, identity = options.get("identity"), str(node.genesis.identity)
    is_other = wanted is not None and str(address(wanted)) != identity
    if slot // SLOTS_PER_EPOCH > node.slot // SLOTS_PER_EPOCH + 1:
        return None
    return {} if is_other else {identity: _all_slots()}


@functools.cache
def _all_slots() -> msgspec.Raw:
    """Return the JSON of every slot index of an epoch: 3 MB, made once, or a few clients could keep the node busy with it."""
    return msgspec.Raw(msgspec.json.encode(list(range(SLOTS_PER_EPOCH))))


def get_vote_accounts(node: Node, params: list[Any]) -> Any:
    """getVoteAccounts({votePubkey}): the one node. Its last vote is the last closed block, which is final; there are no vote
    transactions, so it earns no credits."""
    wanted = Options(params, 0, node.slot, "RpcGetVoteAccountsConfig").get("votePubkey")
    vote = vote_address(node.genesis.identity)
    account = node.bank.account(vote)
    if account is None or (wanted is not None and address(wanted) != vote):
        return {"current": [], "delinquent": []}
    closed = max(0, node.slot - 1)
    shown = {
        "votePubkey": str(vote),
        "nodePubkey": str(node.genesis.identity),
        "activatedStake": active_stake(node),
        "commission": commission_of(account.data),
        "epochVoteAccount": True,
        "epochCredits": [],
        "lastVote": closed,
        "rootSlot": closed,
    }
    return {"current": [shown], "delinquent": []}


def active_stake(node: Node) -> int:
    """Return the lamports that stand behind the one node."""
    account = node.bank.account(stake_address(node.genesis.identity))
    return 0 if account is None else delegated_lamports(account.data)


def get_cluster_nodes(node: Node, params: list[Any]) -> Any:
    """getClusterNodes(): the one node. It gossips with nobody and takes transactions by RPC alone."""
    nowhere = ("gossip", "tvu", "tpu", "tpuQuic", "tpuForwards", "tpuForwardsQuic", "tpuVote", "serveRepair")
    return [
        {
            "pubkey": str(node.genesis.identity),
            **dict.fromkeys(nowhere),
            "rpc": node.rpc_address,
            "pubsub": node.pubsub_address,
            "version": API_VERSION,
            "clientId": None,
            "featureSet": FEATURE_SET,
            "shredVersion": SHRED_VERSION,
        }
    ]


def get_inflation_governor(node: Node, params: list[Any]) -> Any:
    """getInflationGovernor(): there is no inflation."""
    check_commitment(params, 0)
    return {"initial": 0.0, "terminal": 0.0, "taper": 0.0, "foundation": 0.0, "foundationTerm": 0.0}


def get_inflation_rate(node: Node, params: list[Any]) -> Any:
    """getInflationRate(): there is no inflation."""
    return {"total": 0.0, "validator": 0.0, "foundation": 0.0, "epoch": node.slot // SLOTS_PER_EPOCH}


def get_inflation_reward(node: Node, params: list[Any]) -> Any:
    """getInflationReward([address], {epoch}): nobody was rewarded in an epoch that is over."""
    keys, options = (
        addresses(params[0], 1 << 20),
        Options(params, 1, node.slot, "RpcEpochConfig", at_least_confirmed=True),
    )
    now = node.slot // SLOTS_PER_EPOCH
    epoch = options.integer("epoch")
    first_slot_after = ((max(0, now - 1) if epoch is None else epoch) + 1) * SLOTS_PER_EPOCH
    if first_slot_after >= node.slot:
        raise RpcError(BLOCK_NOT_AVAILABLE, f"Block not available for slot {first_slot_after}")
    return [None] * len(keys)


def get_recent_performance_samples(node: Node, params: list[Any]) -> Any:
    """getRecentPerformanceSamples(limit): transactions and slots of each past minute, newest first."""
    limit = integer(params[0], "usize") if params and params[0] is not None else MAX_SAMPLES
    if limit > MAX_SAMPLES:
        raise invalid_params(f"Invalid limit; max {MAX_SAMPLES}")
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
    """getBlockProduction({identity, range}): every slot was led and made by the one node, in this epoch if none is named."""
    options = Options(params, 0, node.slot, "RpcBlockProductionConfig")
    wanted, identity = options.get("identity"), str(node.genesis.identity)
    is_other = wanted is not None and str(address(wanted)) != identity
    newest = _newest(node, options)
    first, last = newest - newest % SLOTS_PER_EPOCH, newest
    if options.get("range") is not None:
        given = Options([options.get("range")], 0, node.slot)
        named = given.integer("firstSlot")
        if named is None:
            raise invalid_params("Invalid params: missing field `firstSlot`.")
        end = given.integer("lastSlot")
        first, last = named, newest if end is None else end
        if last < first:
            raise invalid_params(f"lastSlot, {last}, cannot be less than firstSlot, {first}")
        if last > newest:
            raise invalid_params(f"lastSlot, {last}, is too large; max {newest}")
    slots = last - first + 1
    made = slots - (last == node.slot)
    shown = {} if is_other else {identity: [slots, made]}
    return node.with_context({"byIdentity": shown, "range": {"firstSlot": first, "lastSlot": last}})


def get_block_commitment(node: Node, params: list[Any]) -> Any:
    """getBlockCommitment(slot): votes are counted for blocks that are not final yet, and all are."""
    integer(params[0])
    return {"commitment": None, "totalStake": active_stake(node)}


def get_highest_snapshot_slot(node: Node, params: list[Any]) -> Any:
    """getHighestSnapshotSlot(): there is none that a validator could fetch."""
    raise RpcError(NO_SNAPSHOT, "No snapshot")


def get_stake_minimum_delegation(node: Node, params: list[Any]) -> Any:
    """getStakeMinimumDelegation(): lamports."""
    Options(params, 0, node.slot)
    return node.with_context(STAKE_MINIMUM_LAMPORTS)


METHODS = {
    "getSlot": (get_slot, 0, 1),
    "getBlockHeight": (get_slot, 0, 1),
    "getBlock": (get_block, 1, 2),
    "getBlocks": (get_blocks, 1, 3),
    "getBlocksWithLimit": (get_blocks_with_limit, 2, 3),
    "getBlockTime": (get_block_time, 1, 1),
    "getFirstAvailableBlock": (get_first_available_block, 0, 0),
    "minimumLedgerSlot": (get_first_available_block, 0, 0),
    "getEpochInfo": (get_epoch_info, 0, 1),
    "getEpochSchedule": (get_epoch_schedule, 0, 0),
    "getGenesisHash": (get_genesis_hash, 0, 0),
    "getIdentity": (get_identity, 0, 0),
    "getVersion": (get_version, 0, 0),
    "getHealth": (get_health, 0, 0),
    "getSlotLeader": (get_slot_leader, 0, 1),
    "getSlotLeaders": (get_slot_leaders, 2, 2),
    "getLeaderSchedule": (get_leader_schedule, 0, 2),
    "getVoteAccounts": (get_vote_accounts, 0, 1),
    "getClusterNodes": (get_cluster_nodes, 0, 0),
    "getInflationGovernor": (get_inflation_governor, 0, 1),
    "getInflationRate": (get_inflation_rate, 0, 0),
    "getInflationReward": (get_inflation_reward, 1, 2),
    "getRecentPerformanceSamples": (get_recent_performance_samples, 0, 1),
    "getBlockProduction": (get_block_production, 0, 1),
    "getBlockCommitment": (get_block_commitment, 1, 1),
    "getMaxRetransmitSlot": (get_open_slot, 0, 0),
    "getMaxShredInsertSlot": (get_open_slot, 0, 0),
    "getHighestSnapshotSlot": (get_highest_snapshot_slot, 0, 0),
    "getStakeMinimumDelegation": (get_stake_minimum_delegation, 0, 1),
}
