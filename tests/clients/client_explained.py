"""Why the local chain answers a question otherwise than a validator, place by place; what is not listed is a fault."""

from __future__ import annotations

import re

from client_answers import Difference

EXPLAINED: tuple[tuple[str, str, str], ...] = (
    (
        r"getSignatureStatuses #\d+",
        r"value\[\]\.confirmations",
        "A validator counts up to 32 confirmations before a block is rooted; on the local chain a block is final at once.",
    ),
    (
        r"(getTransaction|getBlock) #\d+",
        r"(transactions\[\]\.)?meta\.costUnits",
        "A validator's scheduler prices each transaction for its block's limit; the local chain has no such limit.",
    ),
    (
        r"getAccountInfo #\d+",
        r"value\.data\.parsed\.info\.extensions\[\]\.state\.(initialization|lastUpdate)Timestamp",
        "It says in which second the mint was made.",
    ),
    (
        r"getVoteAccounts #\d+|getAccountInfo #\d+|getProgramAccounts #\d+",
        r"(current\[\]|(\[\]\.account\.|value\.)data\.parsed\.info)\.(epochCredits\[\]|votes\[\]|rootSlot|blsPubkeyCompressed)",
        "A validator's vote account is of version 4 and fills with votes and credits; the local chain's is of version 3, "
        "and its one producer sends no votes.",
    ),
    (
        r"getHighestSnapshotSlot #\d+",
        r"error|full|incremental",
        "The local chain keeps snapshots for its own start alone, and none that another node could fetch.",
    ),
    (
        r"getClusterNodes #\d+",
        r"\[\]\.(clientId|gossip|serveRepair|tpu\w*|tvu)",
        "The local chain is one process that gossips with nobody and takes transactions over JSON-RPC alone.",
    ),
)
"""(question, place, why); question and place are regular expressions for the whole."""


def explanation(difference: Difference) -> str | None:
    """Return why two answers differ at a place, or None when nobody has said."""
    for question, place, why in EXPLAINED:
        if re.fullmatch(question, difference.question) and re.fullmatch(place, difference.place):
            return why
    return None
