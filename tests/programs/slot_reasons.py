"""For which reasons a wrong account in a slot may be refused: one list for the slot matrices of all programs.

A case that is refused for another reason says nothing about its slot, so it is red. What a slot answers otherwise, and why that is right,
stands in `ALSO`; nothing else is let through.
"""

from __future__ import annotations

import re
from typing import Final

from program_harness import SHARED, Outcome

from gridkit.chain import idl

# The runtime's own: an account borrowed twice, a call that asks for more than was signed or writable, a callee's refusal.
BORROWED, ESCALATION, CALLEE = "AccountBorrowFailed", "PrivilegeEscalation", "InvalidArgument"
_SHARED_NAMES: Final = {code: name for name, code in SHARED.items()}

# Somebody signed, but not the one whose say it is.
PERSON: Final = frozenset(
    {
        "NotMember",
        "NotGuardian",
        "NotProposer",
        "Unauthorized",
        "NotOwner",
        "OwnRecord",
        "UserInactive",
        "NotAdmin",
        "NotPoster",
        "NotOracleKey",
        "NotRowOwner",
        "NotYourUser",
        "NotYourTokenAccount",
        "NotTradingAuthority",
        "WrongUser",
        "WrongSeat",
        "NotEnergyToken",
        "TokenAccountNotOwned",
        "NOT_UPGRADE_AUTHORITY",
        "WRONG_ADDRESS",
        "WRONG_SEEDS",
    }
)
# Another account than the one that is stored, derived or named by another account.
PLACE: Final = frozenset(
    [
        "WRONG_ADDRESS",
        "WRONG_SEEDS",
        "WRONG_RELATION",
        "WRONG_PROGRAM",
        "WrongSlab",
        "WrongRoots",
        "NOT_UPGRADE_AUTHORITY",
    ]
)
RECORD: Final = frozenset(["WRONG_OWNER", "WRONG_ACCOUNT_SIZE", "WRONG_ACCOUNT_TYPE", "WRONG_TOKEN_ACCOUNT"])

REASONS: Final[dict[str, frozenset[str]]] = {
    "no signature": frozenset({"NOT_SIGNER"}),
    "a stranger's signature": PERSON,
    "read-only": frozenset({"NOT_WRITABLE"}),
    "another program's copy": frozenset({"WRONG_OWNER"}),
    "the system program's copy": frozenset({"WRONG_OWNER"}),
    "another type": frozenset({"WRONG_ACCOUNT_TYPE"}),
    "another version": frozenset({"WRONG_ACCOUNT_TYPE"}),
    "one byte short": frozenset({"WRONG_ACCOUNT_SIZE"}),
    "one byte long": frozenset({"WRONG_ACCOUNT_SIZE"}),
    "nothing": frozenset({"WRONG_OWNER"}),
    "used before": frozenset({"ALREADY_INITIALIZED"}),
    # A record of another size is known by its size before its type is read.
    "another record": frozenset({"WRONG_ACCOUNT_TYPE", "WRONG_ACCOUNT_SIZE"}),
    "a copy elsewhere": PLACE,
    "a program that says yes": frozenset({"WRONG_PROGRAM"}),
    "a forged copy elsewhere": PLACE | RECORD,
    "nobody's address": PERSON | PLACE | RECORD,
    # One account in two slots: it is not the right one there, or it is, and is changed through the other.
    "another slot's account": PERSON | PLACE | RECORD | {BORROWED, "NOT_SIGNER"},
}

# Slots whose accounts the called program writes and ours does not: passed read-only, the runtime refuses the call.
WRITTEN_BY_CALLEE: Final[dict[str, tuple[str, ...]]] = {
    "governance.execute": ("credit_mint", "credit_account"),
    "governance.execute_upgrade": ("program", "program_data", "buffer", "spill"),
    "energy_token.deposit": ("token_account", "vault"),
    "energy_token.withdraw": ("token_account", "vault"),
    "energy_token.settle_range": ("mint", "vault"),
    "energy_token.retire": ("mint", "vault"),
    "energy_token.sync_freeze": ("token_account",),
    "energy_token.move_to_market": ("vault", "market_grid_vault", "market"),
    "energy_token.list_surplus": ("vault", "market_grid_vault", "market", "auctions"),
    "trading.deposit_credit": ("source", "credit_vault"),
    "trading.withdraw_credit": ("credit_vault", "destination"),
    "trading.withdraw_grid": ("grid_vault", "energy_token_vault", "energy_token_config", "ledger"),
    "trading.sweep_fees": (
        "credit_vault",
        "first_recipient",
        "second_recipient",
        "third_recipient",
        "fourth_recipient",
    ),
}

# (program.instruction, slot, what is wrong; "" = anything): the reasons it may have besides.
ALSO: Final[dict[tuple[str, str, str], frozenset[str]]] = {
    **{(key, slot, "read-only"): frozenset({ESCALATION}) for key, slots in WRITTEN_BY_CALLEE.items() for slot in slots},
    # It signs by its seeds, which are no other account's; a token account in its place is not the mint's authority (4).
    ("governance.execute", "treasury", ""): frozenset({ESCALATION, "code 4"}),
    # The loader asks for the two sysvars and knows them by their addresses.
    ("governance.execute_upgrade", "clock", ""): frozenset({CALLEE}),
    ("governance.execute_upgrade", "rent", ""): frozenset({CALLEE}),
    # An account that a client made is asked for its rent first.
    ("oracle.create_zone", "slab", ""): frozenset({"NOT_RENT_EXEMPT"}),
    ("energy_token.create_zone", "ledger", ""): frozenset({"NOT_RENT_EXEMPT"}),
    ("trading.create_market", "market", ""): frozenset({"NOT_RENT_EXEMPT"}),
    ("trading.create_auctions", "auctions", ""): frozenset({"NOT_RENT_EXEMPT"}),
    # Both rows are then the same one.
    ("energy_token.transfer", "from_ledger", ""): frozenset({"SameRow"}),
    ("energy_token.transfer", "to_ledger", ""): frozenset({"SameRow"}),
    # Where the money comes from is the token program's to judge: no token account, or not the wallet's (4).
    ("trading.deposit_credit", "source", ""): frozenset({"InvalidAccountData", "code 4"}),
    # Something stands there already.
    ("trading.open_seat", "seat_index", ""): frozenset({"SeatExists"}),
    # What its program has not made yet, or somebody else has, is judged by its address alone.
    ("oracle.initialize", "council", ""): frozenset({"WRONG_SEEDS"}),
    ("oracle.initialize", "registry_config", ""): frozenset({"WRONG_SEEDS"}),
    # A poster that is neither an oracle key nor the owner of the one meter that is named.
    ("oracle.post_verified", "poster", ""): frozenset({"NotPostersMeter"}),
}

# (program.instruction or program, slot): whatever record of the right program and type stands here is right in itself, since the program
# makes one of its kind, at one address, or what the record says is compared instead. A copy elsewhere cannot come to be.
ANCHORS: Final[dict[tuple[str, str], str]] = {
    ("trading", "market"): "create_market makes one, and everything else is checked against it",
    ("trading.create_market", "config"): "initialize makes one",
    ("trading.create_market", "market"): "a blank one, which is written into the config",
    ("trading.create_auctions", "auctions"): "a blank one, which is written into the market",
    ("trading", "admin_user"): "the registry makes one for each wallet, which is compared",
    ("trading", "user"): "the registry makes one for each wallet, which is compared",
    ("trading.deposit_credit", "source"): "any account from which the wallet may pay",
    ("trading.withdraw_credit", "destination"): "any account of the wallet",
    ("trading.withdraw_grid", "energy_token_config"): "compared by the called program",
    ("trading.withdraw_grid", "ledger"): "compared by the called program",
    **{
        ("trading.set_fee_recipients", f"{place}_recipient"): "the council names them"
        for place in ("first", "second", "third", "fourth")
    },
    ("energy_token", "config"): "initialize makes one",
    ("energy_token", "ledger"): "create_zone makes one for each zone, and writes its zone and slab into it",
    ("energy_token", "from_ledger"): "create_zone makes one for each zone",
    ("energy_token", "to_ledger"): "create_zone makes one for each zone",
    ("energy_token", "admin_user"): "the registry makes one for each wallet, which is compared",
    ("energy_token", "user"): "the registry makes one for each wallet, which is compared",
    ("energy_token", "from_user"): "the registry makes one for each wallet, which is compared",
    ("energy_token", "to_user"): "the registry makes one for each wallet, which is compared",
    ("energy_token.attach_meter", "meter"): "the registry makes one for each meter; number, slot and zone are compared",
    ("energy_token.create_zone", "oracle_zone"): "the oracle makes one for each zone, whose number is compared",
    ("energy_token.retire", "roots"): "the oracle makes one for each zone, whose slab is compared",
    ("energy_token", "token_account"): "any GRID account of the wallet",
    ("energy_token", "market"): "compared by the called program",
    ("energy_token", "auctions"): "compared by the called program",
}


RESERVED: Final = ("system_program", "loader_program", "rent", "clock")
"""Slots of reserved accounts: the runtime hands none of them over as writable, whatever the transaction says (SVM 4; the one before let
some pass)."""


def stands_alone(key: str, slot: str, kind: str) -> bool:
    """Whether a slot is an anchor, so that no copy elsewhere is tried. `initialize` has none: there all is derived."""
    program, _, name = key.partition(".")
    if name == "initialize" or kind.startswith("program:"):
        return False
    return (key, slot) in ANCHORS or (program, slot) in ANCHORS


def reason_of(outcome: Outcome, program: str) -> str:
    """Return the name of a refusal: of a shared check, of the program's own error, or of the runtime's."""
    assert not outcome.ok
    if outcome.code is None:
        return re.findall(r"\w+", outcome.error or "")[-1]
    if outcome.code in _SHARED_NAMES:
        return _SHARED_NAMES[outcome.code]
    own = idl.error(program, outcome.code)
    return own.name if own is not None else f"code {outcome.code}"


def kind_of(what: str) -> str:
    """Return the row of `REASONS` of a wrong filling; what stands in another slot is called `<kind>: <which>`."""
    return what.partition(":")[0]


def expect_reason(outcome: Outcome, key: str, slot: str, what: str) -> None:
    """Assert that `what` in `slot` of `key` (program.instruction) was refused, and for a reason that says so."""
    assert not outcome.ok, f"{key} took {what} as {slot}"
    kind = kind_of(what)
    allowed = REASONS[kind] | ALSO.get((key, slot, kind), frozenset()) | ALSO.get((key, slot, ""), frozenset())
    if what.partition(": ")[2] in RESERVED:
        allowed |= {"NOT_WRITABLE"}
    found = reason_of(outcome, key.partition(".")[0])
    assert found in allowed, f"{key} refused {what} as {slot} for {found}, not for {' or '.join(sorted(allowed))}"
