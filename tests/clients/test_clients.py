"""The same path through every client that people use, unchanged, and what each must have seen; see client_path.py.

`make test` walks it with four clients, `make test-clients` (CAMPUSGRID_CLIENTS=all) with seven.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any

import pytest
from client_campus import Campus
from client_npm import TS, NoNodeError, NoPackagesError, find_node
from client_path import ACTIVE, BUY, SELL, STUDENT, TERMS
from client_suite import ALL, FEW, TITLES, comparable, steps, walk

# The first run installs and compiles.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

CLIENTS = ALL if os.environ.get("CAMPUSGRID_CLIENTS") == "all" else FEW
REFUSALS = {
    "InsufficientCredit": "trading",
    "UnknownOrder": "trading",
    "WrongSeat": "trading",
    "InsufficientBalance": "energy_token",
    "NotPoster": "oracle",
    "Unauthorized": "registry",
    "NotMember": "governance",
}
TRANSLATES = ("anchorpy", "anchor29", "anchor31", "anchorcore")
SHARED = ("deployer", "poster", "council-1", "council-2")


class Journey:
    """What one client saw, in normal form."""

    def __init__(self, client: str, seen: dict[str, Any]) -> None:
        self.client, self.seen, self.step = client, seen, steps(seen)
        self.buyer, self.seller = seen["wallets"]["buyer"], seen["wallets"]["seller"]

    def events(self, step: str) -> list[tuple[str, dict[str, Any]]]:
        """Return (name, data) of the events of a step, by program."""
        return [(event["name"], event["data"]) for event in self.step[step]["events"]]


@pytest.fixture(scope="module")
def journeys(campus: Campus, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Journey | Exception]:
    """The whole path through each client, one after the other; the tests below look at what they saw."""
    folder = tmp_path_factory.mktemp("walks")
    found: dict[str, Journey | Exception] = {}
    for client in CLIENTS:
        try:
            found[client] = Journey(client, walk(client, campus, folder))
        except Exception as error:
            found[client] = error
    return found


@pytest.fixture(params=CLIENTS, ids=lambda client: TITLES[client].replace("/", "-"))
def journey(request: pytest.FixtureRequest, journeys: dict[str, Journey | Exception]) -> Journey:
    """What one of the clients saw."""
    found = journeys[request.param]
    if isinstance(found, (NoNodeError, NoPackagesError)):
        pytest.skip(str(found))
    if isinstance(found, Exception):
        raise found
    return found


def test_a_new_user_gets_a_number_a_row_and_a_seat(campus: Campus, journey: Journey) -> None:
    """Without these three nobody can own or trade a watt-hour."""
    [(registered, user)], [(opened, row)], [(seated, seat)] = (
        journey.events(f"{step} buyer") for step in ("register", "row", "seat")
    )
    assert (registered, opened, seated) == ("UserRegistered", "AccountOpened", "SeatOpened")
    assert user["wallet"] == row["wallet"] == seat["wallet"] == journey.buyer
    assert user["user_number"] == row["user_number"] == seat["user_number"]
    assert (user["role"], user["status"]) == (STUDENT, ACTIVE)
    assert user["authority"] == str(campus.keypair("deployer").pubkey())


def test_one_transaction_registers_and_opens_everything(journey: Journey) -> None:
    """Three programs read what the one before wrote in the same transaction; order and account places must be right."""
    names, data = zip(*journey.events("join seller"), strict=True)
    assert sorted(names) == ["AccountOpened", "SeatOpened", "UserRegistered"]
    assert {one["wallet"] for one in data} == {journey.seller}
    assert len({one["user_number"] for one in data}) == 1


def test_the_council_issues_credit_by_proposal(campus: Campus, journey: Journey) -> None:
    """CREDIT has no other source; a client must be able to drive a proposal to its end."""
    assert [name for step in ("propose", "approve") for name, _ in journey.events(step)] == [
        "ProposalCreated",
        "ProposalApproved",
    ]
    executed = dict(journey.events("execute"))
    assert set(executed) == {"CreditIssued", "ProposalExecuted"}
    assert executed["CreditIssued"]["amount_ucredit"] == TERMS.issued
    assert journey.step["executed"]["fields"]["status"] == 1


def test_a_resting_bid_shows_in_event_and_book(journey: Journey) -> None:
    """The trader's screen is fed by this event and this account; both must say the same, in all 64 bits."""
    [(name, placed)] = journey.events("bid")
    assert (name, placed["client_id"], placed["side"], placed["outcome"]) == ("OrderPlaced", TERMS.bid_id, BUY, 1)
    assert (placed["tick"], placed["lots"], placed["resting_lots"]) == (TERMS.bid_tick, TERMS.bid_lots, TERMS.bid_lots)
    book = journey.step["book"]["fields"]
    assert (book["order_id"], book["client_id"]) == (placed["order_id"], placed["client_id"])
    assert (book["seat"], book["tick"]) == (placed["seat"], TERMS.bid_tick)
    assert (book["lots"], book["placed_lots"]) == (TERMS.bid_lots - TERMS.ask_lots, TERMS.bid_lots)


def test_signed_energy_becomes_tokens_that_sell(journey: Journey) -> None:
    """This is the point of it all: a register on a meter, a signature in any language, GRID, and a buyer."""
    for step, name in (("meter", "MeterRegistered"), ("enroll", "MeterEnrolled"), ("attach", "MeterAttached")):
        assert [event for event, _ in journey.events(step)] == [name]
    [(_, posted)] = journey.events("post")
    assert [(one["reason"], one["acc_export_wh"]) for one in posted["results"]] == [(0, 0), (0, TERMS.export_wh)]
    [(_, settled)] = journey.events("settle")
    minted = journey.step["minted"]["amount"] - journey.step["unminted"]["amount"]
    assert settled["minted_atoms"] == minted == TERMS.export_wh * 1_000
    events = dict(journey.events("move"))
    left = (TERMS.export_wh - TERMS.ask_lots) * 1_000
    assert events["MovedToMarket"]["wallet"] == journey.seller
    assert (events["MovedToMarket"]["lots"], events["MovedToMarket"]["balance_atoms"]) == (TERMS.ask_lots, left)
    assert events["Deposited"]["grid_lots"] == TERMS.ask_lots
    assert journey.step["ledger"]["fields"]["balance_atoms"] == left


def test_a_reading_with_one_wrong_bit_counts_for_nothing(journey: Journey) -> None:
    """Whoever can post must still not be able to invent energy."""
    [(name, posted)] = journey.events("forged")
    assert (name, posted["seq"]) == ("ReadingsPosted", 2**64 - 1)
    assert [one["reason"] for one in posted["results"]] == [5]


def test_a_match_settles_at_the_makers_price(journey: Journey) -> None:
    """The seller asked less; the bid that was there first sets the price, and the fill moves the money at once."""
    (first, filled), (second, placed) = journey.events("ask")
    assert (first, second, filled["taker_side"]) == ("Filled", "OrderPlaced", SELL)
    [fill] = filled["fills"]
    assert (fill["lots"], fill["tick"]) == (TERMS.ask_lots, TERMS.bid_tick)
    assert fill["maker_order"] == journey.events("bid")[0][1]["order_id"]
    assert (placed["filled_lots"], placed["value_ucredit"]) == (TERMS.ask_lots, TERMS.value_ucredit)
    assert journey.step["paid"]["fields"] == {"wallet": journey.seller, "credit_free_ucredit": TERMS.value_ucredit}


def test_what_is_cancelled_comes_back_and_leaves(journey: Journey) -> None:
    """A market that one cannot leave is a trap."""
    [(name, deposited)] = journey.events("deposit")
    assert (name, deposited["credit_ucredit"]) == ("Deposited", TERMS.deposited)
    [(name, out)] = journey.events("cancel")
    assert (name, out["lots"], out["reason"]) == ("OrderOut", TERMS.bid_lots - TERMS.ask_lots, 0)
    [(name, withdrawn)] = journey.events("withdraw")
    assert (name, withdrawn["credit_ucredit"]) == ("Withdrawn", TERMS.deposited - TERMS.value_ucredit)
    assert journey.step["credit"]["amount"] == TERMS.issued - TERMS.value_ucredit


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_in_preflight_comes_back_as_the_programs_own(campus: Campus, journey: Journey, name: str) -> None:
    """`custom program error: 0x1781` tells a trader nothing; a client must find the words by the number, or the number and whose it is."""
    code, message = campus.error(REFUSALS[name], name)
    refused = journey.step[name]["refused"]
    if journey.client in TRANSLATES:
        assert refused == {"code": code, "msg": message}
    else:
        assert refused == {"code": code, "program": REFUSALS[name]}


def test_a_foreign_account_is_refused_with_the_frameworks_number(journey: Journey) -> None:
    """Clients carry a table of Anchor's own errors; a program that used other numbers would be misread."""
    refused = journey.step["AccountOwnedByWrongProgram"]["refused"]
    assert refused["code"] == 3007
    if journey.client in TRANSLATES:
        assert refused["msg"] == "The given account is owned by a different program than expected"


def test_a_failure_that_lands_keeps_its_logs(campus: Campus, journey: Journey) -> None:
    """Without preflight the failure is in a block, and clients ask the node for its logs to learn what went wrong."""
    code, message = campus.error("trading", "UnknownOrder")
    newest = journey.step["newest"]
    assert newest["failed"]
    assert newest["logs"][-1] == f"Program {campus.programs['trading']} failed: custom program error: {code:#x}"
    refused = journey.step["landed"]["refused"]
    if journey.client in ("anchorpy", "solana-py"):
        assert refused is None, "solana-py waits for a transaction to land and does not look whether it failed"
    elif journey.client in TRANSLATES:
        assert refused == {"code": code, "msg": message}
    else:
        assert refused == {"code": code, "program": "trading"}


def test_a_simulation_shows_the_events_and_changes_nothing(journey: Journey) -> None:
    """Wallets ask what an order would do before the trader signs it."""
    [(name, placed)] = journey.events("simulation")
    assert (name, placed["resting_lots"]) == ("OrderPlaced", TERMS.bid_lots)
    before, after = (journey.step[name]["fields"]["order_seq"] for name in ("before", "after"))
    assert before == after


def test_subscriptions_push_every_event_and_balance_once(journey: Journey) -> None:
    """Clients find the WebSocket at the RPC port + 1; a missed event is an order that is gone on the screen."""
    pushed = journey.step["pushed"]
    placed = [event["data"] for event in pushed["placed"]]
    assert placed == [journey.events("bid")[0][1], journey.events("ask")[1][1]]
    assert pushed["balances"] == [TERMS.issued - TERMS.deposited, journey.step["credit"]["amount"]]
    assert pushed["events"] == [
        "Deposited",
        "OrderPlaced",
        "Deposited",
        "Filled",
        "OrderPlaced",
        "OrderOut",
        "Withdrawn",
    ]


def test_every_client_saw_the_same(campus: Campus, journeys: dict[str, Journey | Exception]) -> None:
    """Two clients that disagree about one account or event show two people two different markets."""
    shared = [str(campus.keypair(name).pubkey()) for name in SHARED]
    seen = {
        client: comparable(found.seen, shared=shared)
        for client, found in journeys.items()
        if isinstance(found, Journey)
    }
    reference = seen["anchorpy"]
    for client, found in seen.items():
        if client in ("anchorpy", "solana-py"):
            found = found | {"landed": reference["landed"]}
        else:
            found = found | {"landed": {"refused": None}}
        assert found == reference, TITLES[client]


BARE = """
const { Connection } = require("@solana/web3.js");
const { TranslatingConnection } = require("./dist/translating.js");
const { steady } = require("./dist/web3.js");
let asked = 0;
Connection.prototype.confirmTransaction = async () => { throw { InstructionError: [0, { Custom: 6023 }] }; };
Connection.prototype.getTransaction = async () => (asked++ % 2 ? { slot: 7, meta: { logMessages: ["a line"] } } : null);
const made = (kind) => new kind("http://127.0.0.1:1");
(async () => {
  const translated = await made(TranslatingConnection).confirmTransaction("s").catch((error) => [error instanceof Error, error.logs]);
  const answered = await steady(made(Connection)).confirmTransaction("s");
  console.log(JSON.stringify({ translated, answered }));
})();
"""


def test_a_failure_that_web3js_reads_before_it_is_told_is_a_failure_like_any() -> None:
    """It rejects with the bare TransactionError then: no Error, no logs, no words; on a busy node that is every other refusal."""
    try:
        node = find_node()
        node.install()
    except (NoNodeError, NoPackagesError) as error:
        pytest.skip(str(error))
    done = subprocess.run([str(node.node), "-e", BARE], cwd=TS, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == {
        "translated": [True, ["a line"]],
        "answered": {"context": {"slot": 7}, "value": {"err": {"InstructionError": [0, {"Custom": 6023}]}}},
    }


def test_the_lock_file_pins_every_package_and_names_no_registry() -> None:
    """A build elsewhere must fetch the very same packages, from wherever its reader gets them."""
    locked = json.loads((TS / "package-lock.json").read_text())
    packages = {path: one for path, one in locked["packages"].items() if path}
    assert all("integrity" in one and "resolved" not in one for one in packages.values())
    wanted = json.loads((TS / "package.json").read_text())
    for range_ in (wanted["dependencies"] | wanted["devDependencies"]).values():
        assert re.fullmatch(r"(npm:@[a-z-]+/[a-z-]+@)?\d+\.\d+\.\d+", range_), range_
