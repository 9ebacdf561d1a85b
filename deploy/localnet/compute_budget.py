"""Decides what a transaction asks of the compute budget, and whether it may ask so: a cluster reads it before anything runs.

The SVM reads the same instructions for the units, the heap and the price; the limit on loaded data it does not hold.
"""

from __future__ import annotations

from solders.pubkey import Pubkey

from deploy.localnet.failures import Failure
from deploy.localnet.wire import Wire

COMPUTE_BUDGET = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
HEAP, UNITS, PRICE, DATA_SIZE = 1, 2, 3, 4
_SIZES = {HEAP: 4, UNITS: 4, PRICE: 8, DATA_SIZE: 4}
"""Bytes behind each kind's number; what follows them is ignored. Source: ComputeBudgetInstruction, Borsh."""


class Budget:
    """What was asked, by kind; `failure` where it may not be asked so, for which a node does not even look further."""

    __slots__ = ("asked", "failure")

    def __init__(self) -> None:
        self.asked: dict[int, int] = {}
        self.failure: Failure | None = None


def budget_of(wire: Wire) -> Budget:
    """Return what a transaction asks of the compute budget.

    Source: process_instruction of compute_budget_instruction_details.rs, Agave 4.
    """
    budget = Budget()
    if COMPUTE_BUDGET not in wire.static:
        return budget
    for index, instruction in enumerate(wire.message.instructions):
        if wire.static[instruction.program_id_index] != COMPUTE_BUDGET:
            continue
        data = bytes(instruction.data)
        kind = data[0] if data else 0
        size = _SIZES.get(kind)
        if size is None or len(data) < 1 + size:
            budget.failure = {"InstructionError": [index, "InvalidInstructionData"]}
        elif kind in budget.asked:
            budget.failure = {"DuplicateInstruction": index}
        if budget.failure is not None:
            break
        budget.asked[kind] = int.from_bytes(data[1 : 1 + _SIZES[kind]], "little")
    return budget
