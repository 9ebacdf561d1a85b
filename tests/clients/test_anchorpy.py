"""anchorpy with the legacy IDLs, unchanged, from a new wallet to a trade and out again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from anchorpy import Context, Event, EventParser, Idl, Program, Provider, Wallet
from anchorpy.error import ProgramError
from client_campus import CLOCK, CREDIT, INTERVAL_S, PROGRAMS, SOL, SYSTEM, TOKEN, Campus, Device
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.websocket_api import connect
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.rpc.config import RpcTransactionLogsFilterMentions
from solders.rpc.responses import AccountNotification, LogsNotification
from solders.signature import Signature
from spl.token.instructions import create_associated_token_account

pytestmark = pytest.mark.integration

FACULTY, STUDENT, ACTIVE = 1, 0, 1
ISSUE_CREDIT = 3
BUY, SELL, LIMIT = 0, 1, 0
ISSUED, DEPOSITED = 100 * CREDIT, 40 * CREDIT
BID_TICK, BID_LOTS, ASK_TICK, ASK_LOTS = 25, 500, 20, 200
EXPORT_WH = 1_234


class Client:
    """anchorpy's Program objects over one provider; whoever holds it pays."""

    def __init__(self, campus: Campus, payer: Keypair) -> None:
        self.campus, self.payer = campus, payer
        self.connection = AsyncClient(campus.rpc_url, commitment=Confirmed)
        provider = Provider(self.connection, Wallet(payer))
        self.programs = {
            name: Program(Idl.from_json(campus.legacy_idl(name)), campus.programs[name], provider) for name in PROGRAMS
        }

    async def call(
        self,
        program: str,
        name: str,
        *args: Any,
        accounts: dict[str, Pubkey],
        signers: Sequence[Keypair] = (),
        first: Sequence[Instruction] = (),
    ) -> list[Event]:
        """Send one instruction through anchorpy, wait, and return the program's events as anchorpy decodes them."""
        context = Context(accounts=accounts, signers=list(signers), pre_instructions=list(first))
        signature = await self.programs[program].rpc[name](*args, ctx=context)
        return self.parse(program, await self.logs(signature))

    async def logs(self, signature: Signature) -> list[str]:
        """Return the log lines of a landed transaction."""
        found = (await self.connection.get_transaction(signature, commitment=Confirmed)).value
        assert found is not None
        assert found.transaction.meta is not None
        return found.transaction.meta.log_messages or []

    def parse(self, program: str, logs: list[str]) -> list[Event]:
        """Return the events that anchorpy's parser finds for a program."""
        events: list[Event] = []
        EventParser(self.campus.programs[program], self.programs[program].coder).parse_logs(logs, events.append)
        return events

    async def fetch(self, program: str, account: str, address: Pubkey) -> Any:
        """Return an account as anchorpy decodes it."""
        return await self.programs[program].account[account].fetch(address)

    async def campus_time(self) -> int:
        """Return the Clock sysvar's UTC seconds."""
        account = (await self.connection.get_account_info(CLOCK)).value
        assert account is not None
        return int.from_bytes(account.data[32:40], "little")

    async def close(self) -> None:
        await self.connection.close()


@dataclass
class Journey:
    """What one trader's client saw on the way."""

    events: dict[str, list[Event]] = field(default_factory=dict)
    errors: dict[str, ProgramError] = field(default_factory=dict)
    accounts: dict[str, Any] = field(default_factory=dict)
    pushed_logs: list[Event] = field(default_factory=list)
    pushed_credit: list[int] = field(default_factory=list)
    simulated: list[Event] = field(default_factory=list)
    sequence_around_simulation: tuple[int, int] = (0, 0)
    tokens: dict[str, int] = field(default_factory=dict)
    buyer: Pubkey = field(default_factory=Pubkey.default)
    seller: Pubkey = field(default_factory=Pubkey.default)


@pytest.fixture(scope="module")
def journey(campus: Campus) -> Journey:
    """The whole path, once; the tests below look at what it showed."""
    return asyncio.run(travel(campus))


async def travel(campus: Campus) -> Journey:
    """Register, open, issue, deposit, bid, meter, mint, sell, cancel, withdraw; and fail on purpose."""
    buyer, seller, seen = Keypair(), Keypair(), Journey()
    seen.buyer, seen.seller = buyer.pubkey(), seller.pubkey()
    client = Client(campus, buyer)
    try:
        for wallet in (buyer, seller):
            await client.connection.request_airdrop(wallet.pubkey(), 10 * SOL)
        await join(client, seen, buyer, STUDENT)
        await join(client, seen, seller, FACULTY)
        await issue_credit(client, seen, buyer.pubkey())
        await trade(client, seen, buyer, seller)
        await fail(client, seen, buyer, seller)
        return seen
    finally:
        await client.close()


async def join(client: Client, seen: Journey, wallet: Keypair, role: int) -> None:
    """Register a user by the admin, open a ledger row, a CREDIT token account and a market seat."""
    campus, admin, key = client.campus, client.campus.keypair("deployer"), wallet.pubkey()
    shared = {"payer": client.payer.pubkey(), "user": campus.user(key), "system_program": SYSTEM}
    authority = {"authority": admin.pubkey(), "authority_user": campus.user(admin.pubkey())}
    seen.events[f"register {role}"] = await client.call(
        "registry", "register_user", role, ACTIVE, list(bytes(32)),
        accounts=shared | authority | {"config": campus.config("registry"), "wallet": key},
        signers=[admin],
    )  # fmt: skip
    seen.events[f"row {role}"] = await client.call(
        "energy_token",
        "open_account",
        accounts=shared
        | {"config": campus.config("energy_token"), "ledger": campus.ledger, "row_account": campus.row(key)},
    )
    seat = {"wallet": key, "council": campus.council, "market": campus.market, "seat_index": campus.seat_index(key)}
    seen.events[f"seat {role}"] = await client.call(
        "trading",
        "open_seat",
        accounts=shared | seat,
        signers=[wallet],
        first=[create_associated_token_account(client.payer.pubkey(), key, campus.credit_mint)],
    )


async def issue_credit(client: Client, seen: Journey, wallet: Pubkey) -> None:
    """Propose, approve and, after the timelock, execute an issue of CREDIT."""
    campus, first, second = client.campus, client.campus.keypair("council-1"), client.campus.keypair("council-2")
    number = (await client.fetch("governance", "Council", campus.council)).proposal_count
    named = {"council": campus.council, "proposal": campus.proposal(number)}
    payload = bytes(campus.credit_account(wallet)) + ISSUED.to_bytes(8, "little")
    seen.events["propose"] = await client.call(
        "governance", "propose", ISSUE_CREDIT, payload,
        accounts=named | {"proposer": first.pubkey(), "payer": client.payer.pubkey(), "system_program": SYSTEM},
        signers=[first],
    )  # fmt: skip
    approve = named | {"member": second.pubkey()}
    seen.events["approve"] = await client.call("governance", "approve", accounts=approve, signers=[second])
    eta = (await client.fetch("governance", "Proposal", campus.proposal(number))).eta
    while await client.campus_time() < eta:  # noqa: ASYNC110 - the chain's clock tells nobody that it moved
        await asyncio.sleep(0.1)
    execute = named | {
        "executor": second.pubkey(),
        "credit_mint": campus.credit_mint,
        "credit_account": campus.credit_account(wallet),
        "treasury": campus.pda("governance", b"treasury"),
        "token_program": TOKEN,
    }
    seen.events["execute"] = await client.call("governance", "execute", accounts=execute, signers=[second])
    seen.accounts["proposal"] = await client.fetch("governance", "Proposal", campus.proposal(number))


async def trade(client: Client, seen: Journey, buyer: Keypair, seller: Keypair) -> None:
    """Deposit, bid, sell metered energy into the bid, cancel what is left, withdraw; listening all the while."""
    campus = client.campus
    mine = (await client.fetch("trading", "SeatIndex", campus.seat_index(buyer.pubkey()))).seat
    theirs = (await client.fetch("trading", "SeatIndex", campus.seat_index(seller.pubkey()))).seat
    order = {"wallet": buyer.pubkey(), "council": campus.council, "market": campus.market}
    async with connect(campus.ws_url) as listener:
        await listener.logs_subscribe(RpcTransactionLogsFilterMentions(campus.market), commitment=Confirmed)
        await listener.recv()
        await listener.account_subscribe(campus.credit_account(buyer.pubkey()), commitment=Confirmed, encoding="base64")
        await listener.recv()

        seen.events["deposit"] = await client.call(
            "trading", "deposit_credit", mine, DEPOSITED, accounts=order | funds(campus, buyer.pubkey(), "source")
        )
        before = (await client.fetch("trading", "Market", campus.market)).order_seq
        bid = (mine, BUY, LIMIT, BID_TICK, BID_LOTS, 7, 0, 0, 0)
        simulation = await client.programs["trading"].simulate["place_order"](*bid, ctx=Context(accounts=order))
        seen.simulated = simulation.events
        after = (await client.fetch("trading", "Market", campus.market)).order_seq
        seen.sequence_around_simulation = (before, after)
        seen.events["bid"] = await client.call("trading", "place_order", *bid, accounts=order)
        await meter_and_mint(client, seen, seller, theirs)
        seen.events["ask"] = await client.call(
            "trading", "place_order", theirs, SELL, LIMIT, ASK_TICK, ASK_LOTS, 8, 0, 0, 0,
            accounts=order | {"wallet": seller.pubkey()}, signers=[seller],
        )  # fmt: skip
        seen.accounts["market"] = await client.fetch("trading", "Market", campus.market)
        order_id = seen.events["bid"][-1].data.order_id
        seen.events["cancel"] = await client.call(
            "trading", "cancel_order", order_id, accounts={"wallet": buyer.pubkey(), "market": campus.market}
        )
        rest = DEPOSITED - ASK_LOTS * BID_TICK * 10
        seen.events["withdraw"] = await client.call(
            "trading",
            "withdraw_credit",
            mine,
            rest,
            accounts={"wallet": buyer.pubkey(), "market": campus.market}
            | funds(campus, buyer.pubkey(), "destination")
            | {"authority": campus.pda("trading", b"authority")},
        )
        while not (seen.pushed_logs and seen.pushed_logs[-1].name == "Withdrawn" and len(seen.pushed_credit) == 2):
            for message in await asyncio.wait_for(listener.recv(), 10):
                if isinstance(message, LogsNotification):
                    seen.pushed_logs += client.parse("trading", message.result.value.logs)
                elif isinstance(message, AccountNotification):
                    seen.pushed_credit.append(int.from_bytes(message.result.value.data[64:72], "little"))
    balance = await client.connection.get_token_account_balance(campus.credit_account(buyer.pubkey()))
    seen.tokens["credit"] = int(balance.value.amount)


def funds(campus: Campus, wallet: Pubkey, role: str) -> dict[str, Pubkey]:
    """Return the accounts between which CREDIT moves."""
    vault = campus.pda("trading", b"credit_vault")
    return {role: campus.credit_account(wallet), "credit_vault": vault, "token_program": TOKEN}


async def meter_and_mint(client: Client, seen: Journey, owner: Keypair, seat: int) -> None:
    """Enrol a meter, post two readings that it signs, settle them to GRID and move that to the market."""
    campus, admin, poster = client.campus, client.campus.keypair("deployer"), client.campus.keypair("poster")
    device, present = Device(campus, "anchorpy-meter"), await client.campus_time() // INTERVAL_S
    authority = {
        "authority": admin.pubkey(),
        "authority_user": campus.user(admin.pubkey()),
        "owner_user": campus.user(owner.pubkey()),
        "council": campus.council,
        "config": campus.config("registry"),
        "meter": device.account,
    }
    seen.events["meter"] = await client.call(
        "registry", "register_meter",
        list(device.meter_id), 1, 10_000, 5_000, present - 10, list(device.public_key), list(device.proof(owner.pubkey())),
        list(bytes(32)), list(device.serial_hash),
        accounts=authority
        | {"owner": owner.pubkey(), "payer": client.payer.pubkey(), "zone": campus.zone_of("registry"), "system_program": SYSTEM},
        signers=[admin, owner],
    )  # fmt: skip
    await client.call("registry", "activate_meter", accounts=authority, signers=[admin])
    meter = seen.accounts["meter"] = await client.fetch("registry", "Meter", device.account)
    slab = {"slab": campus.slab, "meter": device.account}
    seen.events["enroll"] = await client.call("oracle", "enroll_meter", accounts=slab)
    row = (await client.fetch("energy_token", "Row", campus.row(owner.pubkey()))).row
    token = {"council": campus.council, "config": campus.config("energy_token"), "ledger": campus.ledger}
    seen.events["attach"] = await client.call("energy_token", "attach_meter", row, accounts=token | slab)

    readings = b"".join(
        device.posted(
            meter_number=meter.meter_number,
            slot=meter.slot,
            offset=offset,
            interval=present - 3 + offset,
            import_wh=1_000,
            export_wh=export_wh,
        )
        for offset, export_wh in ((0, 5_000), (1, 5_000 + EXPORT_WH))
    )
    seen.events["post"] = await client.call(
        "oracle", "post_verified", present - 3, readings,
        accounts={
            "poster": poster.pubkey(), "council": campus.council, "config": campus.config("oracle"), "slab": campus.slab,
            "roots": campus.roots, "meter": campus.programs["oracle"],
        },
        signers=[poster],
    )  # fmt: skip
    seen.accounts["slab"] = await client.fetch("oracle", "MeterSlab", campus.slab)
    token |= {
        "vault": campus.pda("energy_token", b"vault"),
        "authority": campus.pda("energy_token", b"authority"),
        "mint": campus.grid_mint,
        "token_program": TOKEN,
    }
    supply = (await client.connection.get_token_supply(campus.grid_mint)).value.amount
    settle = token | {"slab": campus.slab}
    seen.events["settle"] = await client.call("energy_token", "settle_range", meter.slot, 1, accounts=settle)
    seen.tokens["minted"] = int((await client.connection.get_token_supply(campus.grid_mint)).value.amount) - int(supply)
    move = token | {
        "owner": owner.pubkey(),
        "market": campus.market,
        "market_grid_vault": campus.pda("trading", b"grid_vault"),
        "trading_program": campus.programs["trading"],
    }
    context = Context(accounts=move, signers=[owner])
    signature = await client.programs["energy_token"].rpc["move_to_market"](row, seat, ASK_LOTS, ctx=context)
    logs = await client.logs(signature)
    seen.events["move"], seen.events["moved in"] = client.parse("energy_token", logs), client.parse("trading", logs)
    seen.accounts["ledger"] = await client.fetch("energy_token", "Ledger", campus.ledger)


async def fail(client: Client, seen: Journey, buyer: Keypair, seller: Keypair) -> None:
    """Break one rule of each program, and one that every program has."""
    campus, key = client.campus, buyer.pubkey()
    mine = (await client.fetch("trading", "SeatIndex", campus.seat_index(key))).seat
    row = (await client.fetch("energy_token", "Row", campus.row(seller.pubkey()))).row
    theirs = (await client.fetch("trading", "SeatIndex", campus.seat_index(seller.pubkey()))).seat
    number = (await client.fetch("governance", "Council", campus.council)).proposal_count
    wallet = {"wallet": key, "market": campus.market}
    token = {"council": campus.council, "config": campus.config("energy_token"), "ledger": campus.ledger}
    token |= {"vault": campus.pda("energy_token", b"vault"), "authority": campus.pda("energy_token", b"authority")}
    wrong: dict[str, tuple[str, str, tuple[Any, ...], dict[str, Pubkey], list[Keypair]]] = {
        "InsufficientCredit": (
            "trading", "withdraw_credit", (mine, 10**15),
            wallet | funds(campus, key, "destination") | {"authority": campus.pda("trading", b"authority")}, [],
        ),
        "UnknownOrder": ("trading", "cancel_order", (2**40,), wallet, []),
        "InsufficientBalance": (
            "energy_token", "move_to_market", (row, theirs, 10**9),
            token | {
                "owner": seller.pubkey(), "market": campus.market, "trading_program": campus.programs["trading"],
                "market_grid_vault": campus.pda("trading", b"grid_vault"), "token_program": TOKEN,
            },
            [seller],
        ),
        "NotPoster": (
            "oracle", "post_verified", (0, bytes(94)),
            {
                "poster": key, "council": campus.council, "config": campus.config("oracle"), "slab": campus.slab,
                "roots": campus.roots, "meter": campus.programs["oracle"],
            },
            [],
        ),
        "Unauthorized": (
            "registry", "set_role", (6,),
            {"authority": key, "authority_user": campus.user(key), "user": campus.user(seller.pubkey())}, [],
        ),
        "NotMember": (
            "governance", "propose", (ISSUE_CREDIT, bytes(40)),
            {
                "proposer": key, "payer": key, "council": campus.council, "proposal": campus.proposal(number),
                "system_program": SYSTEM,
            },
            [],
        ),
        "foreign account": ("trading", "cancel_order", (1,), wallet | {"market": campus.council}, []),
    }  # fmt: skip
    for name, (program, instruction, args, accounts, signers) in wrong.items():
        with pytest.raises(ProgramError) as caught:
            await client.call(program, instruction, *args, accounts=accounts, signers=signers)
        seen.errors[name] = caught.value


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events]


async def test_every_account_has_the_size_that_the_idl_describes(campus: Campus) -> None:
    """A field too many or too few in the description shifts every later one, and a balance is read from a hash."""
    client = Client(campus, Keypair())
    addresses = {
        ("governance", "Council"): campus.council,
        ("registry", "Config"): campus.config("registry"),
        ("registry", "User"): campus.user(campus.keypair("deployer").pubkey()),
        ("registry", "Zone"): campus.zone_of("registry"),
        ("oracle", "Config"): campus.config("oracle"),
        ("oracle", "Zone"): campus.zone_of("oracle"),
        ("oracle", "MeterSlab"): campus.slab,
        ("oracle", "RootRing"): campus.roots,
        ("energy_token", "Config"): campus.config("energy_token"),
        ("energy_token", "Zone"): campus.zone_of("energy_token"),
        ("energy_token", "Ledger"): campus.ledger,
        ("trading", "Config"): campus.config("trading"),
        ("trading", "Market"): campus.market,
    }
    try:
        for (program, account), address in addresses.items():
            found = (await client.connection.get_account_info(address)).value
            assert found is not None
            assert len(found.data) == client.programs[program].account[account].size, (program, account)
            decoded = await client.fetch(program, account, address)
            assert decoded.version == 1, (program, account)
        [user] = await client.programs["registry"].account["Zone"].all()
        assert user.public_key == campus.zone_of("registry")
    finally:
        await client.close()


def test_a_new_user_gets_a_number_a_row_and_a_seat(campus: Campus, journey: Journey) -> None:
    """Without these three nobody can own or trade a watt-hour."""
    [registered], [opened], [seated] = (journey.events[f"{step} {STUDENT}"] for step in ("register", "row", "seat"))
    assert (registered.name, opened.name, seated.name) == ("UserRegistered", "AccountOpened", "SeatOpened")
    assert registered.data.wallet == opened.data.wallet == seated.data.wallet == journey.buyer
    assert registered.data.user_number == opened.data.user_number == seated.data.user_number
    assert registered.data.authority == campus.keypair("deployer").pubkey()


def test_the_council_issues_credit_by_proposal(campus: Campus, journey: Journey) -> None:
    """CREDIT has no other source; a client must be able to drive a proposal to its end."""
    assert names(journey.events["propose"]) == ["ProposalCreated"]
    assert names(journey.events["approve"]) == ["ProposalApproved"]
    issued = next(event for event in journey.events["execute"] if event.name == "CreditIssued")
    assert issued.data.amount_ucredit == ISSUED
    assert issued.data.token_account == campus.credit_account(journey.buyer)
    assert journey.accounts["proposal"].status == 1


def test_a_resting_bid_shows_in_event_and_book(journey: Journey) -> None:
    """The trader's screen is fed by this event and this account; both must say the same."""
    [placed] = journey.events["bid"]
    assert placed.name == "OrderPlaced"
    assert (placed.data.tick, placed.data.lots, placed.data.resting_lots) == (BID_TICK, BID_LOTS, BID_LOTS)
    assert (placed.data.side, placed.data.client_id, placed.data.outcome) == (BUY, 7, 1)
    order = journey.accounts["market"].orders[placed.data.order_id & 0xFFF]
    assert (order.order_id, order.lots, order.tick) == (placed.data.order_id, BID_LOTS - ASK_LOTS, BID_TICK)


def test_signed_energy_becomes_tokens_that_sell(journey: Journey) -> None:
    """This is the point of it all: a register on a meter, a signature, GRID, and a buyer."""
    assert names(journey.events["meter"]) == ["MeterRegistered"]
    assert names(journey.events["enroll"]) == ["MeterEnrolled"]
    assert names(journey.events["attach"]) == ["MeterAttached"]
    [posted] = journey.events["post"]
    assert [(one.reason, one.acc_export_wh) for one in posted.data.results] == [(0, 0), (0, EXPORT_WH)]
    slot = journey.accounts["meter"].slot
    assert journey.accounts["slab"].entries[slot].export_wh == 5_000 + EXPORT_WH
    [settled] = journey.events["settle"]
    assert settled.data.minted_atoms == journey.tokens["minted"] == EXPORT_WH * 1_000
    [moved], [arrived] = journey.events["move"], journey.events["moved in"]
    assert (moved.name, moved.data.lots) == ("MovedToMarket", ASK_LOTS)
    assert (arrived.name, arrived.data.grid_lots) == ("Deposited", ASK_LOTS)
    row = journey.accounts["ledger"].rows[moved.data.row]
    assert (row.wallet, row.balance_atoms) == (journey.seller, (EXPORT_WH - ASK_LOTS) * 1_000)


def test_a_match_settles_at_the_makers_price(journey: Journey) -> None:
    """The seller asked less; the bid that was there first sets the price, and the fill moves the money at once."""
    filled, placed = journey.events["ask"]
    assert (filled.name, placed.name) == ("Filled", "OrderPlaced")
    [fill] = filled.data.fills
    assert (fill.lots, fill.tick) == (ASK_LOTS, BID_TICK)
    assert fill.maker_order == journey.events["bid"][0].data.order_id
    assert (placed.data.filled_lots, placed.data.value_ucredit) == (ASK_LOTS, ASK_LOTS * BID_TICK * 10)
    seat = journey.accounts["market"].seats[placed.data.seat]
    assert (seat.wallet, seat.credit_free_ucredit) == (journey.seller, ASK_LOTS * BID_TICK * 10)


def test_what_is_cancelled_comes_back_and_leaves(journey: Journey) -> None:
    """A market that one cannot leave is a trap."""
    [out] = journey.events["cancel"]
    assert (out.name, out.data.lots, out.data.reason) == ("OrderOut", BID_LOTS - ASK_LOTS, 0)
    [withdrawn] = journey.events["withdraw"]
    assert withdrawn.data.credit_ucredit == DEPOSITED - ASK_LOTS * BID_TICK * 10
    assert journey.tokens["credit"] == ISSUED - ASK_LOTS * BID_TICK * 10


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("trading", "InsufficientCredit"),
        ("trading", "UnknownOrder"),
        ("energy_token", "InsufficientBalance"),
        ("oracle", "NotPoster"),
        ("registry", "Unauthorized"),
        ("governance", "NotMember"),
    ],
)
def test_a_refusal_comes_back_as_the_programs_own_words(
    campus: Campus, journey: Journey, program: str, name: str
) -> None:
    """`custom program error: 0x1781` tells a trader nothing; the client must find the words by the number."""
    assert (journey.errors[name].code, journey.errors[name].msg) == campus.error(program, name)


def test_a_foreign_account_is_refused_with_the_frameworks_number(journey: Journey) -> None:
    """Clients carry a table of Anchor's own errors; a program that used other numbers would be misread."""
    error = journey.errors["foreign account"]
    assert (error.code, error.msg) == (3007, "The given account is owned by a different program than expected")


def test_a_simulation_shows_the_events_and_changes_nothing(journey: Journey) -> None:
    """Wallets ask what an order would do before the trader signs it."""
    [placed] = journey.simulated
    assert (placed.name, placed.data.resting_lots) == ("OrderPlaced", BID_LOTS)
    before, after = journey.sequence_around_simulation
    assert after == before


def test_subscriptions_push_every_event_and_balance_once(journey: Journey) -> None:
    """A screen that misses one event shows an order that is gone, or a balance that was spent."""
    sent = [*journey.events["deposit"], *journey.events["bid"], *journey.events["moved in"], *journey.events["ask"]]
    sent += [*journey.events["cancel"], *journey.events["withdraw"]]
    assert [(one.name, one.data) for one in journey.pushed_logs] == [(one.name, one.data) for one in sent]
    assert journey.pushed_credit == [ISSUED - DEPOSITED, journey.tokens["credit"]]
