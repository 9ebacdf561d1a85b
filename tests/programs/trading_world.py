"""A market with its siblings around it, and its account read back as plain values; what a test asserts is left to the test.

The siblings' accounts are written by hand, so that the tests of the market stand and fall by the market alone.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Any

from program_harness import Chain, Outcome, expect_ok, keypair, pda, program_data, program_id
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountWithSeedParams, create_account_with_seed

MARKET_SIZE = 464_000
MIN_TICK = 10
TICKS = 512
LAST_SCHEDULED = 4_772_184
BUY, SELL = 0, 1
LIMIT, IOC, FOK, POST_ONLY, MARKET = range(5)
REFUSE, CANCEL_TAKER, CANCEL_MAKER, DECREMENT = range(4)
COMPLETE, RESTING, IOC_REST, MATCH_LIMIT, SELF_TRADE, PROTECTED, WAITING, WOULD_CROSS, UNFUNDED = range(9)
CANCELLED, EXPIRED, OUT_SELF_TRADE, EVICTED, SUSPENDED = range(5)
BOTH = 2
ADMIN = 6

COUNCIL_SIZE = 1792
AT_COUNCIL = 48  # in the market
AT_PAUSE_MASK, AT_PAUSE_UNTIL, AT_CREDIT_MINT, AT_PARAMS = 13, 24, 64, 704
PARAM_TAKER_FEE_BPS, PARAM_MIN_ORDER_LOTS, PARAM_MAX_OPEN_ORDERS = 1, 3, 4

AT_BITMAPS, AT_LEVELS, AT_SEATS, AT_ORDERS, AT_STOPS = 1024, 1152, 17_536, 148_608, 345_216
AT_INTERVALS, AT_FILLS = 357_504, 365_696
SEAT = struct.Struct("<32sQQQQHHIHBBIQQHHIIHHIIQ")
ORDER = struct.Struct("<QQIIIIHHHHHHBBH")
STOP = struct.Struct("<QHBBHH32x")
STOP_HEADER = struct.Struct("<HHH16xHHHH")  # heads of the three lists, tail of the third, marks, open stops
LEVEL = struct.Struct("<HHHHQ")
TOTALS = struct.Struct("<IIQQ32sQ")
FILL = struct.Struct("<QQQIIHHHBBq")
HEADER = struct.Struct("<QQQHHHHHHHHHHIQQQQQQQQ32s")
HEADER_FIELDS = [
    "order_seq",
    "event_seq",
    "trade_seq",
    "best_bid_tick",
    "best_ask_tick",
    "last_tick",
    "seat_count",
    "free_order",
    "orders_high",
    "open_orders",
    "free_seat",
    "free_stop",
    "stops_high",
    "last_interval",
    "bid_lots",
    "ask_lots",
    "grid_lots",
    "credit_ucredit",
    "fee_ucredit",
    "fees_total_ucredit",
    "traded_lots",
    "traded_ucredit",
    "fills_hash",
]


RECIPIENTS = ("first_recipient", "second_recipient", "third_recipient", "fourth_recipient")


def discriminator(account: str) -> bytes:
    """First eight bytes of an account."""
    return hashlib.sha256(f"account:{account}".encode()).digest()[:8]


@dataclass(frozen=True)
class Seat:
    """One seat's balances: lots and ucredit."""

    wallet: bytes
    grid_free: int
    grid_locked: int
    credit_free: int
    credit_locked: int
    open_orders: int
    flags: int
    first_order: int
    open_stops: int
    traded_lots: int
    traded_ucredit: int
    mm_met: int
    mm_day: int
    mm_rebate: int


@dataclass(frozen=True)
class Order:
    """One order, resting or waiting."""

    order_id: int
    client_id: int
    lots: int
    placed_lots: int
    expires_interval: int
    active_from_s: int
    seat: int
    tick: int
    prev: int
    next: int
    seat_prev: int
    seat_next: int
    side: int
    kind: int
    flags: int

    @property
    def is_waiting(self) -> bool:
        """Whether it stands outside the book."""
        return bool(self.flags & 1)

    @property
    def slot(self) -> int:
        """Where it stands."""
        return self.order_id & 0xFFF


@dataclass(frozen=True)
class Fill:
    """One record of the fill ring, with its 48 bytes."""

    trade: int
    maker_order: int
    taker_order: int
    interval: int
    lots: int
    tick: int
    maker_seat: int
    taker_seat: int
    taker_side: int
    campus_time: int
    raw: bytes


class Snapshot:
    """The market account at one moment."""

    def __init__(self, data: bytes) -> None:
        assert len(data) == MARKET_SIZE
        self.data = data
        self.header: dict[str, Any] = dict(zip(HEADER_FIELDS, HEADER.unpack_from(data, 368), strict=True))
        self.min_tick: int = struct.unpack_from("<H", data, 14)[0]

    @property
    def rebates_due(self) -> int:
        """Rebates in the fee bucket whose day is not closed, ucredit."""
        return int.from_bytes(self.data[696:704], "little")

    def __getattr__(self, name: str) -> Any:
        try:
            return self.header[name]
        except KeyError:
            raise AttributeError(name) from None

    def seat(self, number: int) -> Seat:
        """The seat of that number."""
        f = SEAT.unpack_from(self.data, AT_SEATS + 128 * number)
        maker = {"mm_met": f[18], "mm_day": f[19], "mm_rebate": f[22]}
        return Seat(*f[:7], first_order=f[8], open_stops=f[10], traded_lots=f[12], traded_ucredit=f[13], **maker)

    def seats(self) -> list[Seat]:
        """All seats opened."""
        return [self.seat(i) for i in range(self.header["seat_count"])]

    def order_at(self, slot: int) -> Order | None:
        """The order in a slot."""
        f = ORDER.unpack_from(self.data, AT_ORDERS + 48 * slot)
        if f[0] == 0:
            return None
        return Order(*f)

    def orders(self) -> list[Order]:
        """All orders, resting and waiting, by slot."""
        found = (self.order_at(slot) for slot in range(self.header["orders_high"]))
        return [order for order in found if order is not None]

    def order(self, order_id: int) -> Order | None:
        """The order of that id, if it is there."""
        order = self.order_at(order_id & 0xFFF)
        return order if order is not None and order.order_id == order_id else None

    def stop_lists(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]], list[tuple[int, int]]]:
        """[(trigger, order id)] of the buys, the sells and the due stops, as they would wake; every link is checked."""
        *heads, last_due, _, _, open_stops = STOP_HEADER.unpack_from(self.data, 690)
        lists: list[list[tuple[int, int]]] = []
        for number, head in enumerate(heads):
            found, link, before = [], head, 0
            while link:
                order_id, trigger, where, _, prev, behind = STOP.unpack_from(self.data, AT_STOPS + 48 * (link - 1))
                assert (where, prev) == (number, before)
                order = self.order(order_id)
                assert order is not None
                assert (order.is_waiting, order.prev) == (True, link)
                found.append((trigger, order_id))
                before, link = link, behind
            lists.append(found)
        assert last_due == before
        assert open_stops == sum(len(found) for found in lists)
        return lists[0], lists[1], lists[2]

    def level(self, side: int, index: int) -> tuple[int, int, int, int]:
        """(head link, tail link, count, lots) of a level."""
        head, tail, count, _, lots = LEVEL.unpack_from(self.data, AT_LEVELS + side * 8192 + 16 * index)
        return head, tail, count, lots

    def queue(self, side: int, tick: int) -> list[Order]:
        """The orders of a price, oldest first."""
        link = self.level(side, tick - self.min_tick)[0]
        found = []
        while link:
            order = self.order_at(link - 1)
            assert order is not None
            found.append(order)
            link = order.next
        return found

    def bitmap(self, side: int) -> int:
        """The bitmap of a side as one number."""
        return int.from_bytes(self.data[AT_BITMAPS + 64 * side : AT_BITMAPS + 64 * side + 64], "little")

    def side(self, side: int) -> list[tuple[int, list[tuple[int, int]]]]:
        """[(tick, [(order id, lots)])], best price first, oldest first."""
        bits = self.bitmap(side)
        ticks = [self.min_tick + i for i in range(TICKS) if bits >> i & 1]
        ticks.sort(reverse=side == BUY)
        return [(t, [(o.order_id, o.lots) for o in self.queue(side, t)]) for t in ticks]

    def fill(self, trade: int) -> Fill:
        """The ring's record of a trade."""
        at = AT_FILLS + 48 * ((trade - 1) % 2048)
        f = FILL.unpack_from(self.data, at)
        return Fill(*f[:9], f[10], self.data[at : at + 48])

    def totals(self, interval: int) -> dict[str, Any] | None:
        """The totals of an interval, or None if nothing traded in it (or too long ago)."""
        f = TOTALS.unpack_from(self.data, AT_INTERVALS + 64 * (interval % 128))
        names = ("interval", "trades", "lots", "value_ucredit", "fills_hash", "last_trade")
        return dict(zip(names, f, strict=True)) if f[0] == interval else None


class World:
    """A deployment of the trading program with a market, ready for seats."""

    def __init__(
        self,
        chain: Chain,
        *,
        fee_bps: int = 0,
        min_lots: int = 1,
        max_open_orders: int = 4096,
        market: bool = True,
    ) -> None:
        self.chain = chain
        self.admin = chain.wallet("admin")
        self.council = pda("governance", b"council")
        self.credit_mint = pda("governance", b"credit")
        self.grid_mint = pda("energy_token", b"mint")
        self.ledger_authority = pda("energy_token", b"authority")
        self.ledger_vault = pda("energy_token", b"vault")
        self.config = pda("trading", b"config")
        self.authority = pda("trading", b"authority")
        self.grid_vault = pda("trading", b"grid_vault")
        self.credit_vault = pda("trading", b"credit_vault")
        self.market = market_address(self.admin.pubkey())
        self._user_count = 0
        self.put_council(fee_bps=fee_bps, min_lots=min_lots, max_open_orders=max_open_orders)
        chain.put_mint(self.credit_mint, pda("governance", b"treasury"))
        chain.put_mint(self.grid_mint, self.ledger_authority, freeze=self.ledger_authority)
        chain.put_token_account(self.ledger_vault, self.grid_mint, self.ledger_authority)
        self.put_user(self.admin.pubkey(), role=ADMIN)
        if market:
            expect_ok(self.initialize())
            expect_ok(self.make_market_account())
            expect_ok(self.create_market())

    # --------------------------------------------------------------------------------------------- siblings by hand

    def put_council(self, *, fee_bps: int, min_lots: int, max_open_orders: int) -> None:
        """Write the council with its parameters and no pause."""
        data = bytearray(COUNCIL_SIZE)
        data[:9] = discriminator("Council") + b"\x01"
        data[AT_CREDIT_MINT : AT_CREDIT_MINT + 32] = bytes(self.credit_mint)
        self.chain.put(self.council, bytes(data), program_id("governance"))
        self.set_param(PARAM_TAKER_FEE_BPS, fee_bps)
        self.set_param(PARAM_MIN_ORDER_LOTS, min_lots)
        self.set_param(PARAM_MAX_OPEN_ORDERS, max_open_orders)

    def set_param(self, number: int, value: int) -> None:
        """Set a council parameter."""
        self.chain.patch(self.council, AT_PARAMS + 32 * number, value.to_bytes(8, "little"))

    def pause(self, mask: int, until_s: int | None = None) -> None:
        """Put a pause mask in force (for a day)."""
        until_s = self.chain.now_s() + 86_400 if until_s is None else until_s
        self.chain.patch(self.council, AT_PAUSE_MASK, bytes([mask]))
        self.chain.patch(self.council, AT_PAUSE_UNTIL, until_s.to_bytes(8, "little", signed=True))

    def put_user(self, wallet: Pubkey, *, role: int = 0, status: int = 1) -> Pubkey:
        """Write a registry user."""
        self._user_count += 1
        address = pda("registry", b"user", bytes(wallet))
        data = discriminator("User") + bytes([1, 255, role, status]) + self._user_count.to_bytes(4, "little")
        data += bytes(wallet) + bytes(160 - 48)
        self.chain.put(address, data, program_id("registry"))
        return address

    # --------------------------------------------------------------------------------------------- set-up instructions

    def initialize(self, **changes: Any) -> Outcome:
        """Run initialize; `changes` replace accounts."""
        accounts: dict[str, Any] = {
            "upgrade_authority": self.chain.upgrade_authority,
            "payer": self.chain.payer,
            "program_data": program_data("trading"),
            "config": self.config,
            "council": self.council,
            "energy_token_authority": self.ledger_authority,
            "energy_token_vault": self.ledger_vault,
            "grid_mint": self.grid_mint,
            "credit_mint": self.credit_mint,
            "authority": self.authority,
            "grid_vault": self.grid_vault,
            "credit_vault": self.credit_vault,
        }
        ids = {f"{name}_program": program_id(name) for name in ("governance", "registry", "energy_token")}
        ids |= {key: changes.pop(key) for key in list(changes) if key in ids}
        return self.chain.call("trading", "initialize", accounts | changes, **ids)

    def make_market_account(self, size: int = MARKET_SIZE, owner: Pubkey | None = None) -> Outcome:
        """Let the admin make the market account as a client does."""
        lamports = self.chain.svm.minimum_balance_for_rent_exemption(size)
        make = create_account_with_seed(
            CreateAccountWithSeedParams(
                from_pubkey=self.admin.pubkey(),
                to_pubkey=self.market,
                base=self.admin.pubkey(),
                seed="market",
                lamports=lamports,
                space=size,
                owner=owner or program_id("trading"),
            )
        )
        return self.chain.send(make, signers=[self.admin])

    def create_market(self, min_tick: int = MIN_TICK, **changes: Any) -> Outcome:
        """Run create_market; `changes` replace accounts."""
        accounts: dict[str, Any] = {
            "admin": self.admin,
            "admin_user": pda("registry", b"user", bytes(self.admin.pubkey())),
            "config": self.config,
            "market": self.market,
        }
        return self.chain.call("trading", "create_market", accounts | changes, min_tick=min_tick)

    # --------------------------------------------------------------------------------------------- traders

    def open_seat(self, wallet: Keypair, **changes: Any) -> Outcome:
        """Run open_seat for a registered wallet; `changes` replace accounts."""
        accounts: dict[str, Any] = {
            "payer": self.chain.payer,
            "wallet": wallet,
            "council": self.council,
            "user": pda("registry", b"user", bytes(wallet.pubkey())),
            "market": self.market,
            "seat_index": pda("trading", b"seat", bytes(wallet.pubkey())),
        }
        return self.chain.call("trading", "open_seat", accounts | changes)

    def trader(self, name: str, *, lots: int = 0, ucredit: int = 0) -> Trader:
        """Register a user, open the seat and pay in."""
        wallet = self.chain.wallet(name)
        self.put_user(wallet.pubkey())
        seat = self.snapshot().seat_count
        expect_ok(self.open_seat(wallet))
        trader = Trader(self, wallet, seat)
        if lots:
            self.give_grid(seat, lots)
        if ucredit:
            expect_ok(trader.deposit_credit(ucredit))
        return trader

    def give_grid(self, seat: int, lots: int) -> None:
        """Put GRID into a seat with its cover in the vault, as credit_grid does."""
        data = self.chain.data(self.market)
        (free,) = struct.unpack_from("<Q", data, AT_SEATS + 128 * seat + 32)
        (total,) = struct.unpack_from("<Q", data, 432)
        self.chain.patch(self.market, AT_SEATS + 128 * seat + 32, struct.pack("<Q", free + lots))
        self.chain.patch(self.market, 432, struct.pack("<Q", total + lots))
        amount = self.chain.token_amount(self.grid_vault) + 1000 * lots
        self.chain.patch(self.grid_vault, 64, struct.pack("<Q", amount))

    def trigger_stops(self, most: int = 0, limit: int | None = None) -> Outcome:
        """Let anybody run trigger_stops."""
        accounts = {"council": self.council, "market": self.market}
        return self.chain.call("trading", "trigger_stops", accounts, limit=limit, most=most)

    def activate(self, order_id: int, limit: int | None = None) -> Outcome:
        """Let anybody run activate_order."""
        accounts = {"council": self.council, "market": self.market}
        return self.chain.call("trading", "activate_order", accounts, limit=limit, order_id=order_id)

    def by_council(self, name: str, accounts: dict[str, Any] | None = None, **args: Any) -> Outcome:
        """Run an instruction that the council signs, with a key in place of its PDA for as long as it takes.

        On a cluster only governance can make the PDA sign.
        """
        signer = keypair("the council's signature")
        self.chain.patch(self.market, AT_COUNCIL, bytes(signer.pubkey()))
        named = {"council": signer, "market": self.market} | (accounts or {})
        outcome = self.chain.call("trading", name, named, **args)
        self.chain.patch(self.market, AT_COUNCIL, bytes(self.council))
        return outcome

    def set_maker(self, seat: int, *, flags: int = 1, spread: int = 10, size: int = 5) -> Outcome:
        """Let the council run set_market_maker."""
        return self.by_council("set_market_maker", seat=seat, flags=flags, spread_ticks=spread, size_lots=size)

    def set_programme(self, rebate_bps: int, target: int) -> Outcome:
        """Let the council run set_maker_programme."""
        return self.by_council("set_maker_programme", rebate_bps=rebate_bps, target_intervals=target)

    def sample(self, seat: int) -> Outcome:
        """Let anybody run sample_market_maker."""
        return self.chain.call("trading", "sample_market_maker", {"market": self.market}, seat=seat)

    def share_fees(self, recipients: list[Pubkey], shares: list[int]) -> Outcome:
        """Let the council run set_fee_recipients."""
        named = dict(zip(RECIPIENTS, recipients, strict=False))
        return self.by_council("set_fee_recipients", named, shares_bps=shares + [0] * (4 - len(shares)))

    def sweep(self, recipients: list[Pubkey]) -> Outcome:
        """Let anybody run sweep_fees."""
        named = {"market": self.market, "authority": self.authority, "credit_vault": self.credit_vault}
        return self.chain.call("trading", "sweep_fees", named | dict(zip(RECIPIENTS, recipients, strict=False)))

    def prune(self, first_slot: int = 0, slots: int = 4096, limit: int | None = None) -> Outcome:
        """Let anybody run prune_expired."""
        args = {"first_slot": first_slot, "slots": slots}
        return self.chain.call("trading", "prune_expired", {"market": self.market}, limit=limit, **args)

    @property
    def interval(self) -> int:
        """The present interval."""
        return self.chain.now_s() // 900

    def snapshot(self) -> Snapshot:
        """The market as it stands."""
        return Snapshot(self.chain.data(self.market))


class Trader:
    """One wallet with a seat."""

    def __init__(self, world: World, wallet: Keypair, seat: int) -> None:
        self.world = world
        self.wallet = wallet
        self.number = seat
        self.tokens = keypair(f"tokens of {wallet.pubkey()}").pubkey()
        world.chain.put_token_account(self.tokens, world.credit_mint, wallet.pubkey())

    @property
    def seat(self) -> Seat:
        """The seat as it stands."""
        return self.world.snapshot().seat(self.number)

    def place(
        self,
        side: int,
        tick: int,
        lots: int,
        *,
        kind: int = LIMIT,
        client_id: int = 0,
        expires: int = 0,
        self_trade: int = REFUSE,
        max_fills: int = 0,
        limit: int | None = None,
        seat: int | None = None,
        **changes: Any,
    ) -> Outcome:
        """Run place_order; `changes` replace accounts."""
        accounts: dict[str, Any] = {
            "wallet": self.wallet,
            "council": self.world.council,
            "market": self.world.market,
        }
        return self.world.chain.call(
            "trading",
            "place_order",
            accounts | changes,
            limit=limit,
            seat=self.number if seat is None else seat,
            side=side,
            kind=kind,
            tick=tick,
            lots=lots,
            client_id=client_id,
            expires_interval=expires,
            self_trade=self_trade,
            max_fills=max_fills,
        )

    def rest(self, side: int, tick: int, lots: int, **rest: Any) -> int:
        """Place an order that must rest; returns its id."""
        placed = expect_ok(self.place(side, tick, lots, **rest)).event("OrderPlaced")
        assert placed["outcome"] == RESTING
        return int(placed["order_id"])

    def cancel(self, order_id: int, **changes: Any) -> Outcome:
        """Run cancel_order; `changes` replace accounts."""
        accounts: dict[str, Any] = {"wallet": self.wallet, "market": self.world.market}
        return self.world.chain.call("trading", "cancel_order", accounts | changes, order_id=order_id)

    def _call(self, name: str, limit: int | None = None, **args: int) -> Outcome:
        """Run an instruction of the seat's wallet."""
        accounts: dict[str, Any] = {"wallet": self.wallet, "market": self.world.market}
        if name in ("place_stop", "schedule_order", "amend_order"):
            accounts["council"] = self.world.council
        return self.world.chain.call("trading", name, accounts, limit=limit, **args)

    def stop(
        self,
        side: int,
        trigger: int,
        tick: int,
        lots: int,
        *,
        kind: int = MARKET,
        client_id: int = 0,
        expires: int = 0,
        self_trade: int = REFUSE,
    ) -> Outcome:
        """Run place_stop."""
        return self._wait("place_stop", side, tick, lots, kind, client_id, expires, self_trade, trigger_tick=trigger)

    def schedule(
        self,
        side: int,
        tick: int,
        lots: int,
        not_before: int,
        *,
        kind: int = LIMIT,
        client_id: int = 0,
        expires: int = 0,
        self_trade: int = REFUSE,
    ) -> Outcome:
        """Run schedule_order."""
        return self._wait(
            "schedule_order", side, tick, lots, kind, client_id, expires, self_trade, not_before_interval=not_before
        )

    def _wait(
        self, name: str, side: int, tick: int, lots: int, kind: int, client: int, expires: int, mode: int, **when: int
    ) -> Outcome:
        """Run an instruction whose order waits; `when` is what for."""
        terms = {"seat": self.number, "side": side, "kind": kind, "tick": tick, "lots": lots}
        return self._call(name, **terms, client_id=client, expires_interval=expires, self_trade=mode, **when)

    def waits(self, outcome: Outcome) -> int:
        """The id of an order that must have begun to wait."""
        placed = expect_ok(outcome).event("OrderPlaced")
        assert (placed["outcome"], placed["filled_lots"], placed["resting_lots"]) == (WAITING, 0, placed["lots"])
        assert expect_ok(outcome).event("OrderWaits")["order_id"] == placed["order_id"]
        return int(placed["order_id"])

    def cancel_all(self, side: int = BOTH, most: int = 0, limit: int | None = None) -> Outcome:
        """Run cancel_all."""
        return self._call("cancel_all", limit, seat=self.number, side=side, most=most)

    def reduce(self, order_id: int, lots: int) -> Outcome:
        """Run reduce_order."""
        return self._call("reduce_order", order_id=order_id, lots=lots)

    def amend(
        self, order_id: int, tick: int, lots: int, *, expires: int = 0, self_trade: int = REFUSE, max_fills: int = 0
    ) -> Outcome:
        """Run amend_order."""
        return self._call(
            "amend_order",
            order_id=order_id,
            tick=tick,
            lots=lots,
            expires_interval=expires,
            self_trade=self_trade,
            max_fills=max_fills,
        )

    def deposit_credit(self, ucredit: int, *, mint: bool = True, seat: int | None = None, **changes: Any) -> Outcome:
        """Run deposit_credit from the trader's token account, filled first unless `mint` is False."""
        chain = self.world.chain
        if mint:
            amount = chain.token_amount(self.tokens) + ucredit
            chain.patch(self.tokens, 64, struct.pack("<Q", amount))
        accounts: dict[str, Any] = {
            "wallet": self.wallet,
            "council": self.world.council,
            "market": self.world.market,
            "source": self.tokens,
            "credit_vault": self.world.credit_vault,
        }
        seat = self.number if seat is None else seat
        return chain.call("trading", "deposit_credit", accounts | changes, seat=seat, amount_ucredit=ucredit)

    def withdraw_credit(self, ucredit: int, *, seat: int | None = None, **changes: Any) -> Outcome:
        """Run withdraw_credit to the trader's token account."""
        accounts: dict[str, Any] = {
            "wallet": self.wallet,
            "market": self.world.market,
            "authority": self.world.authority,
            "credit_vault": self.world.credit_vault,
            "destination": self.tokens,
        }
        seat = self.number if seat is None else seat
        return self.world.chain.call(
            "trading", "withdraw_credit", accounts | changes, seat=seat, amount_ucredit=ucredit
        )


def market_address(admin: Pubkey) -> Pubkey:
    """Where the admin's market account stands."""
    return Pubkey.create_with_seed(admin, "market", program_id("trading"))


def with_account(instruction: Instruction, index: int, **changes: Any) -> Instruction:
    """The instruction with one account slot changed: address, is_signer, is_writable."""
    metas = list(instruction.accounts)
    old = metas[index]
    metas[index] = AccountMeta(
        changes.get("address", old.pubkey),
        changes.get("is_signer", old.is_signer),
        changes.get("is_writable", old.is_writable),
    )
    return Instruction(instruction.program_id, bytes(instruction.data), metas)
