"""Anchor's TypeScript client, unchanged, in two generations: 0.31 with the new IDLs over web3.js 1.98, 0.29 with the legacy ones over 1.91."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from client_campus import CREDIT, IDL_FOLDER, Campus
from client_node import TS, NoNodeError, NoPackagesError, find_node

# The first run installs and compiles.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

BUY, SELL = 0, 1
TERMS = {
    "issued": 30 * CREDIT,
    "deposited": 10 * CREDIT,
    "bid_tick": 44,
    "bid_lots": 300,
    "ask_tick": 40,
    "ask_lots": 120,
    "export_wh": 555,
}
VALUE_UCREDIT = 120 * 44 * 10


@dataclass(frozen=True)
class Journey:
    """What one generation of the client saw, as JSON: keys in base58, 64-bit numbers as decimal text."""

    generation: str
    seen: dict[str, Any]

    def events(self, step: str) -> list[tuple[str, dict[str, Any]]]:
        """Return (name, data) of the events of a step; 0.31 writes event names with a small first letter."""
        return [(capital(event["name"]), event["data"]) for event in self.seen[step]]


def capital(name: str) -> str:
    return name[0].upper() + name[1:]


@pytest.fixture(scope="module", params=["anchor31", "anchor29"])
def journey(request: pytest.FixtureRequest, campus: Campus, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    """The whole path through one generation of the client; the tests below look at what it showed."""
    try:
        node = find_node()
        node.install()
    except (NoNodeError, NoPackagesError) as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp(request.param)
    seen = folder / "seen.json"
    node.run(f"{request.param}.js", [str(describe(campus, folder)), json.dumps(TERMS), str(seen)])
    return Journey(request.param, json.loads(seen.read_text()))


def describe(campus: Campus, folder: Path) -> Path:
    """Write what an operator would publish, and where the keys are, and return the file."""
    path = folder / "campus.json"
    described = {
        "rpc_url": campus.rpc_url,
        "idl_folder": str(IDL_FOLDER),
        "keys": str(campus.keys),
        "network_tag": campus.network_tag.hex(),
        "zone": campus.zone,
        "programs": {name: str(address) for name, address in campus.programs.items()},
    }
    described |= {name: str(getattr(campus, name)) for name in ("market", "slab", "roots", "ledger")}
    path.write_text(json.dumps(described))
    return path


def test_the_client_finds_the_programs_that_were_deployed(campus: Campus, journey: Journey) -> None:
    """The new IDLs carry the program ids; one of another deployment would send every order into the void."""
    assert journey.seen["program_ids"] == {name: str(address) for name, address in campus.programs.items()}


def test_a_new_user_gets_a_number_a_row_and_a_seat(journey: Journey) -> None:
    """Without these three nobody can own or trade a watt-hour."""
    names, data = zip(*journey.events("join"), strict=True)
    assert names == ("UserRegistered", "AccountOpened", "SeatOpened")
    assert {one["wallet"] for one in data} == {journey.seen["buyer"]}
    assert len({one["userNumber"] for one in data}) == 1


def test_the_council_issues_credit_by_proposal(campus: Campus, journey: Journey) -> None:
    """CREDIT has no other source; a client must be able to drive a proposal to its end."""
    events = dict(journey.events("issue"))
    assert {"ProposalCreated", "ProposalApproved", "CreditIssued", "ProposalExecuted"} == set(events)
    assert events["CreditIssued"]["amountUcredit"] == str(TERMS["issued"])


def test_a_resting_bid_shows_in_event_and_book(journey: Journey) -> None:
    """The trader's screen is fed by this event and this account; 64-bit numbers must survive JavaScript."""
    [(name, placed)] = journey.events("bid")
    assert (name, placed["clientId"], placed["side"], placed["outcome"]) == ("OrderPlaced", str(2**63 + 5), BUY, 1)
    assert (placed["tick"], placed["lots"], placed["restingLots"]) == (44, 300, 300)
    order = journey.seen["book_order"]
    assert (order["orderId"], order["clientId"]) == (placed["orderId"], placed["clientId"])
    assert (order["lots"], order["placedLots"], order["tick"]) == (180, 300, 44)


def test_signed_energy_becomes_tokens_that_sell(journey: Journey) -> None:
    """A meter's key in Node signs the same 47 bytes as one in Python, and the program believes it."""
    [(name, posted)] = journey.events("post")
    assert name == "ReadingsPosted"
    assert [(one["reason"], one["accExportWh"]) for one in posted["results"]] == [(0, "0"), (0, "555")]
    [(_, settled)] = journey.events("settle")
    assert settled["mintedAtoms"] == "555000"
    [(name, moved)] = journey.events("move")
    assert (name, moved["lots"], moved["balanceAtoms"]) == ("MovedToMarket", "120", "435000")
    assert moved["wallet"] == journey.seen["seller"]


def test_a_match_settles_at_the_makers_price(journey: Journey) -> None:
    """The seller asked less; the bid that was there first sets the price, and the fill moves the money at once."""
    (first, filled), (second, placed) = journey.events("ask")
    assert (first, second) == ("Filled", "OrderPlaced")
    [fill] = filled["fills"]
    assert (fill["lots"], fill["tick"], fill["makerOrder"]) == (120, 44, journey.events("bid")[0][1]["orderId"])
    assert (placed["filledLots"], placed["valueUcredit"]) == (120, str(VALUE_UCREDIT))
    seat = journey.seen["seller_seat"]
    assert (seat["wallet"], seat["creditFreeUcredit"]) == (journey.seen["seller"], str(VALUE_UCREDIT))


def test_what_is_cancelled_comes_back_and_leaves(journey: Journey) -> None:
    """A market that one cannot leave is a trap."""
    [(name, deposited)] = journey.events("deposit")
    assert (name, deposited["creditUcredit"]) == ("Deposited", str(TERMS["deposited"]))
    [(name, out)] = journey.events("cancel")
    assert (name, out["lots"], out["reason"]) == ("OrderOut", 180, 0)
    [(name, withdrawn)] = journey.events("withdraw")
    assert (name, withdrawn["creditUcredit"]) == ("Withdrawn", str(TERMS["deposited"] - VALUE_UCREDIT))
    assert journey.seen["credit"] == str(TERMS["issued"] - VALUE_UCREDIT)


@pytest.mark.parametrize(
    ("program", "error"),
    [("trading", "InsufficientCredit"), ("trading", "UnknownOrder"), ("governance", "NotMember")],
)
def test_a_refusal_comes_back_as_the_programs_own_words(
    campus: Campus, journey: Journey, program: str, error: str
) -> None:
    """`custom program error: 0x1781` tells a trader nothing; the client must find the words by the number."""
    code, message = campus.error(program, error)
    assert journey.seen["refused"][error] == {"code": code, "msg": message}


def test_a_failure_that_lands_keeps_its_logs(campus: Campus, journey: Journey) -> None:
    """Without preflight the failure is in a block, and the client asks the node for its logs to learn what went wrong.

    Anchor 0.31 asks too, but hands what it got to web3.js in the order of arguments that held until 1.91, and it is lost.
    """
    code, message = campus.error("trading", "UnknownOrder")
    landed = journey.seen["landed"]
    assert landed["err"] == {"InstructionError": [0, {"Custom": code}]}
    assert landed["logs"][-1].endswith(f"failed: custom program error: {code:#x}")
    if journey.generation == "anchor29":
        assert landed["translated"] == {"code": code, "msg": message}


def test_a_foreign_account_is_refused_with_the_frameworks_number(journey: Journey) -> None:
    """Clients carry a table of Anchor's own errors; a program that used other numbers would be misread."""
    refused = journey.seen["refused"]["foreign account"]
    assert refused == {"code": 3007, "msg": "The given account is owned by a different program than expected"}


def test_a_simulation_shows_the_events_and_changes_nothing(journey: Journey) -> None:
    """Wallets ask what an order would do before the trader signs it."""
    simulated = journey.seen["simulated"]
    [event] = simulated["events"]
    assert (capital(event["name"]), event["data"]["restingLots"]) == ("OrderPlaced", 300)
    assert simulated["after"] == simulated["before"]


def test_subscriptions_push_every_event_and_balance_once(journey: Journey) -> None:
    """web3.js finds the WebSocket at the RPC port + 1 by itself; a missed event is an order that is gone on the screen."""
    pushed = journey.seen["pushed"]
    [bid, ask] = [event for event, _ in pushed["heard"]]
    assert (bid, ask) == (journey.events("bid")[0][1], journey.events("ask")[1][1])
    assert pushed["balances"] == [str(TERMS["issued"] - TERMS["deposited"]), journey.seen["credit"]]
    names = ["Deposited", "OrderPlaced", "Deposited", "Filled", "OrderPlaced", "OrderOut", "Withdrawn"]
    assert [capital(name) for name in pushed["events"]] == names


def test_the_lock_file_pins_every_package_and_names_no_registry() -> None:
    """A build elsewhere must fetch the very same packages, from wherever its reader gets them."""
    locked = json.loads((TS / "package-lock.json").read_text())
    packages = {path: one for path, one in locked["packages"].items() if path}
    assert all("integrity" in one and "resolved" not in one for one in packages.values())
    wanted = json.loads((TS / "package.json").read_text())
    for range_ in (wanted["dependencies"] | wanted["devDependencies"]).values():
        assert re.fullmatch(r"(npm:@[a-z-]+/[a-z-]+@)?\d+\.\d+\.\d+", range_), range_
