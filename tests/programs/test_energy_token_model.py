"""Long random histories of the ledger against a model that was written from the rules and not from the program."""

from __future__ import annotations

import random
import struct
from collections import Counter
from dataclasses import dataclass, field

import pytest
from energy_token_world import (
    ATOMS_PER_WH,
    CONFIG,
    MARKET_GRID_VAULT,
    MINT,
    VAULT,
    World,
    ledger_address,
    new_world,
)
from program_harness import Outcome
from proving import steps

STEPS = steps(2_500, prove=50_000)
SEASON = 500
MOST_GROWTH_WH = ((1_500, 5_000), (4_000, 2_500))
"""Import and export of one step in the light and in the dark season. Alike in both, most rows would be in debt for good after
some thousand steps, since what is retired never comes back: nothing more would be allowed, and a long history would test nothing."""
QUARTERS = 4
ZONES = (1, 2)
SLOTS = 6
PEOPLE = ("ann", "ben", "cyd", "dot")
LEDGER_TOTALS = struct.Struct("<QQQQ")
METER = struct.Struct("<QQIHH")
ROW = struct.Struct("<32sQQQQQIHHIIQ")


@dataclass
class Meter:
    """Registers as the oracle has verified them and as they were settled, Wh."""

    owner: str
    import_wh: int = 0
    export_wh: int = 0
    settled_import_wh: int = 0
    settled_export_wh: int = 0


@dataclass
class Account:
    """One row, atoms."""

    balance: int = 0
    debt: int = 0
    minted: int = 0
    burned: int = 0
    retired: int = 0
    keep: int | None = None  # what the owner keeps when listing; None = no listing


@dataclass
class Model:
    """What the rules say: the rows of every zone, the wallets and the seats."""

    meters: dict[tuple[int, int], Meter] = field(default_factory=dict)
    rows: dict[tuple[int, str], Account] = field(default_factory=dict)
    wallets: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PEOPLE, 0))
    seats: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PEOPLE, 0))
    bound: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PEOPLE, 0))

    def settle(self, zone: int, first: int, count: int) -> None:
        for slot in range(first, first + count):
            meter = self.meters.get((zone, slot))
            if meter is None:
                continue
            row = self.rows[zone, meter.owner]
            minted = ATOMS_PER_WH * (meter.export_wh - meter.settled_export_wh)
            row.balance += minted
            row.minted += minted
            row.debt += ATOMS_PER_WH * (meter.import_wh - meter.settled_import_wh)
            # Old debt and new import are both paid from the balance; which comes first makes no difference to the sums.
            paid = min(row.balance, row.debt)
            row.balance -= paid
            row.debt -= paid
            row.burned += paid
            meter.settled_import_wh, meter.settled_export_wh = meter.import_wh, meter.export_wh

    def take(self, zone: int, name: str, atoms: int) -> bool:
        row = self.rows[zone, name]
        if row.debt or not 0 < atoms <= row.balance:
            return False
        row.balance -= atoms
        return True


class History:
    """One random history, on the chain and in the model."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.steps = 0
        self.doing = ""
        self.done: Counter[tuple[int, str]] = Counter()
        self.world: World = new_world(ZONES, market=True)
        self.model = Model()
        self.listed: set[str] = set()
        for name in PEOPLE:
            for zone in ZONES:
                self.world.open_account(zone, name)
                self.model.rows[zone, name] = Account()
            self.world.open_seat(name)
            self.world.token_account(name)
        number = 0
        for zone in ZONES:
            # Slots 0 and 1 have the same owner; the last person has a row and no meter.
            for slot in range(SLOTS):
                number += 1
                owner = PEOPLE[slot // 2]
                self.world.attach_meter(number, zone, slot, owner)
                self.model.meters[zone, slot] = Meter(owner)

    def amount(self, limit: int) -> int:
        """An amount around the limit as often as anywhere below it."""
        pick = self.random.random()
        if pick < 0.15:
            return limit
        if pick < 0.25:
            return limit + 1
        if pick < 0.3:
            return 0
        return self.random.randint(0, max(limit, 1))

    def step(self) -> None:
        """Do one thing on both sides; whether it is allowed must come out the same."""
        zone, name = self.random.choice(ZONES), self.random.choice(PEOPLE)
        action = self.random.choices(
            [
                self.grow,
                self.settle,
                self.transfer,
                self.withdraw,
                self.deposit,
                self.to_market,
                self.from_market,
                self.retire,
                self.set_rule,
                self.list_surplus,
                self.next_interval,
            ],
            weights=[30, 25, 15, 8, 8, 7, 7, 5, 3, 6, 2],
        )[0]
        self.steps += 1
        self.doing = action.__name__
        action(zone, name)

    @property
    def quarter(self) -> int:
        """Which quarter of the history this is, from 0."""
        return (self.steps - 1) * QUARTERS // STEPS

    def grow(self, zone: int, name: str) -> None:
        slot = self.random.randrange(SLOTS)
        meter = self.model.meters[zone, slot]
        most_import_wh, most_export_wh = MOST_GROWTH_WH[self.steps // SEASON % 2]
        meter.import_wh += self.random.choice([0, 0, 1, self.random.randint(0, most_import_wh)])
        meter.export_wh += self.random.choice([0, 0, 1, self.random.randint(0, most_export_wh)])
        self.world.set_registers(zone, slot, import_wh=meter.import_wh, export_wh=meter.export_wh)

    def settle(self, zone: int, name: str) -> None:
        first = self.random.randrange(SLOTS)
        count = self.random.choice([1, SLOTS - first, 128])
        self.expect(self.world.settle(zone, first, count), allowed=True)
        self.model.settle(zone, first, count)

    def transfer(self, zone: int, name: str) -> None:
        to_zone, receiver = self.random.choice(ZONES), self.random.choice(PEOPLE)
        amount = self.amount(self.model.rows[zone, name].balance)
        outcome = self.world.transfer(name, receiver, amount, zone, to_zone)
        allowed = (zone, name) != (to_zone, receiver) and self.model.take(zone, name, amount)
        if allowed:
            self.model.rows[to_zone, receiver].balance += amount
        self.expect(outcome, allowed=allowed)

    def withdraw(self, zone: int, name: str) -> None:
        amount = self.amount(self.model.rows[zone, name].balance)
        outcome = self.world.withdraw(name, amount, zone)
        allowed = self.model.take(zone, name, amount)
        if allowed:
            self.model.wallets[name] += amount
        self.expect(outcome, allowed=allowed)

    def deposit(self, zone: int, name: str) -> None:
        amount = self.amount(self.model.wallets[name])
        allowed = 0 < amount <= self.model.wallets[name]
        if allowed:
            self.model.wallets[name] -= amount
            self.model.rows[zone, name].balance += amount
        self.expect(self.world.deposit(name, amount, zone), allowed=allowed)

    def to_market(self, zone: int, name: str) -> None:
        lots = self.amount(self.model.rows[zone, name].balance // ATOMS_PER_WH)
        outcome = self.world.move_to_market(name, lots, zone)
        allowed = self.model.take(zone, name, lots * ATOMS_PER_WH)
        if allowed:
            self.model.seats[name] += lots
        self.expect(outcome, allowed=allowed)

    def from_market(self, zone: int, name: str) -> None:
        free = self.model.seats[name] - self.model.bound[name]
        lots = self.amount(free)
        allowed = 0 < lots <= free
        if allowed:
            self.model.seats[name] -= lots
            self.model.rows[zone, name].balance += lots * ATOMS_PER_WH
        self.expect(self.world.withdraw_grid(name, lots, zone), allowed=allowed)

    def retire(self, zone: int, name: str) -> None:
        amount = self.amount(self.model.rows[zone, name].balance)
        allowed = self.model.take(zone, name, amount)
        if allowed:
            self.model.rows[zone, name].retired += amount
        self.expect(self.world.retire(name, amount, zone), allowed=allowed)

    def set_rule(self, zone: int, name: str) -> None:
        keep = self.random.choice([None, 0, 0, self.amount(self.model.rows[zone, name].balance)])
        self.world.set_rule(name, keep or 0, zone=zone, enabled=keep is not None)
        self.model.rows[zone, name].keep = keep

    def list_surplus(self, zone: int, name: str) -> None:
        row = self.model.rows[zone, name]
        lots = 0 if row.keep is None or row.debt else max(0, row.balance - row.keep) // ATOMS_PER_WH
        allowed = lots > 0 and name not in self.listed
        if allowed:
            row.balance -= lots * ATOMS_PER_WH
            self.model.seats[name] += lots
            self.model.bound[name] += lots
            self.listed.add(name)
        self.expect(self.world.list_surplus(name, zone=zone), allowed=allowed)

    def next_interval(self, zone: int, name: str) -> None:
        """Let the auction end: nobody buys, so all that was listed is free again in the seats."""
        interval = self.world.chain.now_s() // 900
        self.world.chain.advance(900)
        if self.listed:
            self.expect(self.world.clear_auction(interval), allowed=True)
            self.expect(self.world.settle_auction(interval), allowed=True)
        self.listed.clear()
        self.model.bound = dict.fromkeys(PEOPLE, 0)

    def expect(self, outcome: Outcome, *, allowed: bool) -> None:
        """The chain decides as the model does."""
        assert outcome.ok == allowed, "\n".join([str(outcome.error), *outcome.logs])
        self.done[self.quarter, self.doing if allowed else f"refused {self.doing}"] += 1

    def compare(self) -> None:
        """Every number of every account is what the model says, and the invariants hold among themselves."""
        chain, model = self.world.chain, self.model
        everywhere = 0
        for zone in ZONES:
            data = chain.data(ledger_address(zone))
            rows = [model.rows[zone, name] for name in PEOPLE]
            for name, row in zip(PEOPLE, rows, strict=True):
                at = 6_400 + 96 * self.world.rows[zone, name]
                found = ROW.unpack_from(data, at)
                assert found[1:5] == (row.balance, row.debt, row.minted, row.burned), (zone, name)
                assert found[11] == row.retired, (zone, name)
            meters = [model.meters[zone, slot] for slot in range(SLOTS)]
            for slot, meter in enumerate(meters):
                settled = METER.unpack_from(data, 256 + 24 * slot)[:2]
                assert settled == (meter.settled_import_wh, meter.settled_export_wh), (zone, slot)
            minted, burned, debt, balance = LEDGER_TOTALS.unpack_from(data, 80)
            assert minted == sum(row.minted for row in rows) == 1_000 * sum(m.settled_export_wh for m in meters)
            assert burned + debt == 1_000 * sum(m.settled_import_wh for m in meters)
            assert burned == sum(row.burned for row in rows)
            assert debt == sum(row.debt for row in rows)
            assert balance == sum(row.balance for row in rows)
            retired = int.from_bytes(data[120:128], "little")
            assert retired == sum(row.retired for row in rows)
            everywhere += minted - burned - retired
            self.done[self.quarter, "debt"] += debt > 0
        balances = sum(row.balance for row in model.rows.values())
        assert chain.token_amount(VAULT) == balances
        assert int.from_bytes(chain.data(CONFIG)[336:344], "little") == balances
        for name in PEOPLE:
            assert chain.token_amount(self.world.token_account(name)) == model.wallets[name]
            assert self.world.seat_lots(name) == model.seats[name]
        market = 1_000 * sum(model.seats.values())
        assert chain.token_amount(MARKET_GRID_VAULT) == market
        assert chain.supply(MINT) == everywhere == balances + sum(model.wallets.values()) + market


@pytest.mark.prove_too
@pytest.mark.parametrize("seed", [20_260_601, 7])
def test_random_histories_follow_the_rules_and_keep_every_sum(seed: int) -> None:
    """Energy measured, GRID in rows, wallets and seats, and debt must agree to the atom after every single step."""
    history = History(seed)
    for _ in range(STEPS):
        history.step()
        history.compare()
    # A history, or a part of one, without debt, without seats and without withdrawals would have tested little.
    each = ("settle", "transfer", "withdraw", "deposit", "to_market", "from_market", "retire", "list_surplus")
    refused = [f"refused {name}" for name in each[1:]]
    for quarter in range(QUARTERS):
        for what in (*each, *refused, "next_interval", "debt"):
            assert history.done[quarter, what] > 0, (quarter, what, history.done)
