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
