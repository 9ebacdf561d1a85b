"""A chain on which energy_token is set up: council, users, meters and slabs as the sibling programs would leave them.

The siblings' accounts are written byte by byte after their documented layouts, so these tests need no other program;
what a test does to the world and asserts is left to the test.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from program_harness import SYSTEM, TOKEN, Chain, Outcome, expect_ok, keypair, pda, program_data, program_id
from solders.keypair import Keypair
from solders.pubkey import Pubkey

LEDGER_SIZE = 55_552
SLAB_SIZE = 37_024
SLAB_ENTRY_AT, SLAB_ENTRY_SIZE = 160, 144
ATOMS_PER_WH = 1_000
STUDENT, ADMIN = 0, 6
PENDING, ACTIVE, SUSPENDED = 0, 1, 2

CONFIG = pda("energy_token", b"config")
MINT = pda("energy_token", b"mint")
VAULT = pda("energy_token", b"vault")
AUTHORITY = pda("energy_token", b"authority")
COUNCIL = pda("governance", b"council")
CREDIT_MINT = pda("governance", b"credit")
TRADING_CONFIG = pda("trading", b"config")
TRADING_AUTHORITY = pda("trading", b"authority")
MARKET_GRID_VAULT = pda("trading", b"grid_vault")
MARKET = keypair("market").pubkey()
MARKET_SIZE = 464_000
AUCTIONS = keypair("auctions").pubkey()
AUCTIONS_SIZE = 107_328
ROOTS_SIZE = 9_728
SEATS_AT, SEAT_SIZE = 17_536, 128


def discriminator(account: str) -> bytes:
    """Return the 8 bytes that begin an account of this type."""
    return hashlib.sha256(f"account:{account}".encode()).digest()[:8]


def u16(value: int) -> bytes:
    return value.to_bytes(2, "little")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def u64(value: int) -> bytes:
    return value.to_bytes(8, "little")


def ledger_address(zone: int) -> Pubkey:
    """Return the address of a zone's ledger, which the payer makes from a seed."""
    return Pubkey.create_with_seed(keypair("payer").pubkey(), f"ledger:{zone}", program_id("energy_token"))


def slab_address(zone: int) -> Pubkey:
    """Return the address of a zone's slab."""
    return Pubkey.create_with_seed(keypair("payer").pubkey(), f"slab:{zone}", program_id("oracle"))


def user_address(wallet: Pubkey) -> Pubkey:
    return pda("registry", b"user", bytes(wallet))


def row_address(zone: int, wallet: Pubkey) -> Pubkey:
    return pda("energy_token", b"row", u16(zone), bytes(wallet))


def zone_address(zone: int) -> Pubkey:
    return pda("energy_token", b"zone", u16(zone))


def oracle_zone_address(zone: int) -> Pubkey:
    return pda("oracle", b"zone", u16(zone))


def roots_address(zone: int) -> Pubkey:
    return pda("oracle", b"roots", u16(zone))


def meter_address(number: int) -> Pubkey:
    return pda("registry", b"meter", number.to_bytes(16, "little"))


@dataclass
class World:
    """A chain and what was put on it.

    Attributes:
        users: Registry numbers by wallet name.
        rows: Row numbers by (zone, wallet name).
        seats: Seat numbers by wallet name.
    """

    chain: Chain
    users: dict[str, int] = field(default_factory=dict)
    rows: dict[tuple[int, str], int] = field(default_factory=dict)
    seats: dict[str, int] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------- what the siblings would do

    def put_council(self, *, pause_mask: int = 0, pause_until: int = 0, transfer_mode: int = 0) -> None:
        """Write the council as governance keeps it."""
        data = bytearray(1792)
        data[:9] = discriminator("Council") + b"\x01"
        data[13] = pause_mask
        data[24:32] = pause_until.to_bytes(8, "little", signed=True)
        data[64:96] = bytes(CREDIT_MINT)
        data[704:712] = u64(transfer_mode)
        # Fee and order limits of the market, so that it can be set up beside the ledger.
        data[800:808], data[832:840] = u64(1), u64(64)
        self.chain.put(COUNCIL, bytes(data), program_id("governance"))

    def put_user(self, name: str, *, role: int = STUDENT, status: int = ACTIVE) -> Keypair:
        """Register the wallet called `name`, or change its role and status."""
        wallet = self.chain.wallet(name)
        number = self.users.setdefault(name, len(self.users) + 1)
        data = bytearray(160)
        data[:9] = discriminator("User") + b"\x01"
        data[10], data[11] = role, status
        data[12:16] = u32(number)
        data[16:48] = bytes(wallet.pubkey())
        self.chain.put(user_address(wallet.pubkey()), bytes(data), program_id("registry"))
        return wallet

    def put_oracle_zone(self, zone: int) -> None:
        """Write the oracle's zone, its empty slab and a ring of five roots."""
        record = discriminator("Zone") + b"\x01\xff" + u16(zone) + bytes(4) + bytes(slab_address(zone))
        self.chain.put(oracle_zone_address(zone), record.ljust(128, b"\0"), program_id("oracle"))
        slab = discriminator("MeterSlab") + b"\x01\0" + u16(zone) + u16(256)
        self.chain.put(slab_address(zone), slab.ljust(SLAB_SIZE, b"\0"), program_id("oracle"))
        ring = (
            discriminator("RootRing")
            + b"\x01\xff"
            + u16(zone)
            + u16(220)
            + bytes(2)
            + u64(5)
            + bytes(slab_address(zone))
        )
        self.chain.put(roots_address(zone), ring.ljust(ROOTS_SIZE, b"\0"), program_id("oracle"))

    def put_meter(self, number: int, zone: int, slot: int, owner: str) -> Pubkey:
        """Register a meter and enrol it in its slab slot."""
        data = bytearray(384)
        data[:9] = discriminator("Meter") + b"\x01"
        data[10] = ACTIVE
        data[12:16] = u32(number)
        data[16:32] = number.to_bytes(16, "little")
        data[32:64] = bytes(keypair(owner).pubkey())
        data[64:68] = u16(zone) + u16(slot)
        self.chain.put(meter_address(number), bytes(data), program_id("registry"))
        self.chain.patch(slab_address(zone), SLAB_ENTRY_AT + slot * SLAB_ENTRY_SIZE + 112, u32(number))
        return meter_address(number)

    def set_registers(self, zone: int, slot: int, *, import_wh: int, export_wh: int) -> None:
        """Set what the oracle has verified of a slot since its enrolment, Wh."""
        at = SLAB_ENTRY_AT + slot * SLAB_ENTRY_SIZE + 80
        self.chain.patch(slab_address(zone), at, u64(import_wh) + u64(export_wh))

    # ---------------------------------------------------------------------------------------------- set-up, by calls

    def initialize_accounts(self) -> dict[str, Any]:
        return {
            "upgrade_authority": self.chain.upgrade_authority,
            "payer": self.chain.payer,
            "program_data": program_data("energy_token"),
            "config": CONFIG,
            "mint": MINT,
            "vault": VAULT,
            "authority": AUTHORITY,
            "council": COUNCIL,
            "trading_authority": TRADING_AUTHORITY,
            "market_grid_vault": MARKET_GRID_VAULT,
            "token_program": TOKEN,
            "system_program": SYSTEM,
        }

    def initialize(self, accounts: dict[str, Any] | None = None, **programs: Pubkey) -> Outcome:
        names = {f"{name}_program": program_id(name) for name in ("governance", "registry", "oracle", "trading")}
        accounts = {**self.initialize_accounts(), **(accounts or {})}
        return self.chain.call("energy_token", "initialize", accounts, **{**names, **programs})

    def create_zone_accounts(self, zone: int) -> dict[str, Any]:
        admin = self.chain.wallet("admin")
        return {
            "admin": admin,
            "payer": self.chain.payer,
            "admin_user": user_address(admin.pubkey()),
            "config": CONFIG,
            "oracle_zone": oracle_zone_address(zone),
            "slab": slab_address(zone),
            "ledger": ledger_address(zone),
            "zone_account": zone_address(zone),
            "system_program": SYSTEM,
        }

    def put_blank_ledger(self, zone: int) -> None:
        """Put the zeroed account in place that a client makes with create_account_with_seed."""
        self.chain.put(ledger_address(zone), bytes(LEDGER_SIZE), program_id("energy_token"))

    def create_zone(self, zone: int) -> Outcome:
        """Put the oracle's side in place and give the zone its ledger."""
        self.put_oracle_zone(zone)
        self.put_blank_ledger(zone)
        return self.chain.call("energy_token", "create_zone", self.create_zone_accounts(zone), zone=zone)

    def open_account_accounts(self, zone: int, name: str) -> dict[str, Any]:
        wallet = keypair(name).pubkey()
        return {
            "payer": self.chain.payer,
            "config": CONFIG,
            "user": user_address(wallet),
            "ledger": ledger_address(zone),
            "row_account": row_address(zone, wallet),
            "system_program": SYSTEM,
        }

    def open_account(self, zone: int, name: str) -> int:
        """Register the wallet if need be, open its row in the zone and return the row's number."""
        if name not in self.users:
            self.put_user(name)
        outcome = expect_ok(self.chain.call("energy_token", "open_account", self.open_account_accounts(zone, name)))
        self.rows[zone, name] = outcome.event("AccountOpened")["row"]
        return self.rows[zone, name]

    def attach_meter_accounts(self, number: int, zone: int) -> dict[str, Any]:
        return {
            "config": CONFIG,
            "meter": meter_address(number),
            "slab": slab_address(zone),
            "ledger": ledger_address(zone),
        }

    def attach_meter(self, number: int, zone: int, slot: int, owner: str) -> None:
        """Register, enrol and attach a meter to its owner's row, which is opened if need be."""
        if (zone, owner) not in self.rows:
            self.open_account(zone, owner)
        self.put_meter(number, zone, slot, owner)
        accounts = self.attach_meter_accounts(number, zone)
        expect_ok(self.chain.call("energy_token", "attach_meter", accounts, row=self.rows[zone, owner]))

    # ------------------------------------------------------------------------------------------------- everyday calls

    def settle_accounts(self, zone: int) -> dict[str, Any]:
        return {
            "council": COUNCIL,
            "config": CONFIG,
            "slab": slab_address(zone),
            "ledger": ledger_address(zone),
            "mint": MINT,
            "vault": VAULT,
            "authority": AUTHORITY,
            "token_program": TOKEN,
        }

    def settle(self, zone: int, from_slot: int = 0, count: int = 128) -> Outcome:
        accounts = self.settle_accounts(zone)
        return self.chain.call("energy_token", "settle_range", accounts, from_slot=from_slot, count=count)

    def give(self, zone: int, slot: int, wh: int) -> None:
        """Let a meter export, and settle it: the one way to get GRID."""
        at = SLAB_ENTRY_AT + slot * SLAB_ENTRY_SIZE + 88
        old = int.from_bytes(self.chain.data(slab_address(zone))[at : at + 8], "little")
        self.chain.patch(slab_address(zone), at, u64(old + wh))
        expect_ok(self.settle(zone, slot, 1))

    def transfer_accounts(self, sender: str, receiver: str, from_zone: int, to_zone: int) -> dict[str, Any]:
        return {
            "owner": self.chain.wallet(sender),
            "council": COUNCIL,
            "config": CONFIG,
            "from_ledger": ledger_address(from_zone),
            "to_ledger": ledger_address(to_zone),
            "to_user": user_address(keypair(receiver).pubkey()),
            "from_user": user_address(keypair(sender).pubkey()),
        }

    def transfer(self, sender: str, receiver: str, amount_atoms: int, from_zone: int = 1, to_zone: int = 1) -> Outcome:
        return self.chain.call(
            "energy_token",
            "transfer",
            self.transfer_accounts(sender, receiver, from_zone, to_zone),
            from_row=self.rows[from_zone, sender],
            to_row=self.rows[to_zone, receiver],
            amount_atoms=amount_atoms,
        )

    def token_account(self, name: str, **options: Any) -> Pubkey:
        """Put an empty GRID token account of the wallet in place, once, and return its address."""
        address = keypair(f"{name}'s GRID account").pubkey()
        if options or not self.chain.data(address):
            self.chain.put_token_account(address, MINT, keypair(name).pubkey(), **options)
        return address

    def wallet_accounts(self, name: str, zone: int) -> dict[str, Any]:
        """Return the accounts of deposit and of withdraw, which are the same."""
        return {
            "owner": self.chain.wallet(name),
            "council": COUNCIL,
            "config": CONFIG,
            "ledger": ledger_address(zone),
            "vault": VAULT,
            "token_account": self.token_account(name),
            "mint": MINT,
            "authority": AUTHORITY,
            "user": user_address(keypair(name).pubkey()),
            "token_program": TOKEN,
        }

    def deposit(self, name: str, amount_atoms: int, zone: int = 1, **accounts: Any) -> Outcome:
        accounts = {**self.wallet_accounts(name, zone), **accounts}
        row = self.rows[zone, name]
        return self.chain.call("energy_token", "deposit", accounts, row=row, amount_atoms=amount_atoms)

    def withdraw(self, name: str, amount_atoms: int, zone: int = 1, **accounts: Any) -> Outcome:
        accounts = {**self.wallet_accounts(name, zone), **accounts}
        row = self.rows[zone, name]
        return self.chain.call("energy_token", "withdraw", accounts, row=row, amount_atoms=amount_atoms)

    # ---------------------------------------------------------------------------------------------------- the market

    def create_market(self) -> None:
        """Set the trading program up beside the ledger."""
        call = self.chain.call
        if not self.chain.data(CREDIT_MINT):
            self.chain.put_mint(CREDIT_MINT, pda("governance", b"treasury"))
        names = {f"{name}_program": program_id(name) for name in ("governance", "registry", "energy_token")}
        accounts = {
            "upgrade_authority": self.chain.upgrade_authority,
            "payer": self.chain.payer,
            "program_data": program_data("trading"),
            "config": TRADING_CONFIG,
            "council": COUNCIL,
            "energy_token_authority": AUTHORITY,
            "energy_token_vault": VAULT,
            "grid_mint": MINT,
            "credit_mint": CREDIT_MINT,
            "authority": TRADING_AUTHORITY,
            "grid_vault": MARKET_GRID_VAULT,
            "credit_vault": pda("trading", b"credit_vault"),
        }
        expect_ok(call("trading", "initialize", accounts, **names))
        self.chain.put(MARKET, bytes(MARKET_SIZE), program_id("trading"))
        admin = self.chain.wallet("admin")
        accounts = {
            "admin": admin,
            "admin_user": user_address(admin.pubkey()),
            "config": TRADING_CONFIG,
            "market": MARKET,
        }
        expect_ok(call("trading", "create_market", accounts, min_tick=10))
        self.chain.put(AUCTIONS, bytes(AUCTIONS_SIZE), program_id("trading"))
        del accounts["config"]
        expect_ok(call("trading", "create_auctions", accounts | {"auctions": AUCTIONS}))

    def open_seat(self, name: str) -> int:
        """Give the wallet a seat and return its number."""
        wallet = self.chain.wallet(name)
        accounts = {
            "payer": self.chain.payer,
            "wallet": wallet,
            "council": COUNCIL,
            "user": user_address(wallet.pubkey()),
            "market": MARKET,
            "seat_index": pda("trading", b"seat", bytes(wallet.pubkey())),
        }
        expect_ok(self.chain.call("trading", "open_seat", accounts))
        self.seats[name] = len(self.seats)
        return self.seats[name]

    def market_accounts(self, name: str, zone: int) -> dict[str, Any]:
        """Return the accounts of move_to_market."""
        return {
            "owner": self.chain.wallet(name),
            "council": COUNCIL,
            "config": CONFIG,
            "ledger": ledger_address(zone),
            "vault": VAULT,
            "market_grid_vault": MARKET_GRID_VAULT,
            "authority": AUTHORITY,
            "market": MARKET,
            "trading_program": program_id("trading"),
            "token_program": TOKEN,
        }

    def move_to_market(self, name: str, lots: int, zone: int = 1, **accounts: Any) -> Outcome:
        accounts = {**self.market_accounts(name, zone), **accounts}
        ids = {"row": self.rows[zone, name], "seat": self.seats.get(name, 0)}
        return self.chain.call("energy_token", "move_to_market", accounts, **ids, lots=lots)

    def withdraw_grid(self, name: str, lots: int, zone: int = 1) -> Outcome:
        accounts = {
            "wallet": self.chain.wallet(name),
            "market": MARKET,
            "authority": TRADING_AUTHORITY,
            "grid_vault": MARKET_GRID_VAULT,
            "energy_token_vault": VAULT,
            "energy_token_config": CONFIG,
            "ledger": ledger_address(zone),
            "token_program": TOKEN,
            "energy_token_program": program_id("energy_token"),
        }
        ids = {"row": self.rows[zone, name], "seat": self.seats[name]}
        return self.chain.call("trading", "withdraw_grid", accounts, **ids, lots=lots)

    def seat_lots(self, name: str) -> int:
        """Return the GRID in the wallet's seat, lots, free and locked."""
        at = SEATS_AT + SEAT_SIZE * self.seats[name] + 32
        data = self.chain.data(MARKET)
        return int.from_bytes(data[at : at + 8], "little") + int.from_bytes(data[at + 8 : at + 16], "little")

    # ---------------------------------------------------------------------------------------------- listing, retiring

    def set_rule(
        self, name: str, keep_atoms: int = 0, reserve_ticks: int = 100, *, zone: int = 1, enabled: bool = True
    ) -> None:
        """Let the wallet ask for listing."""
        accounts = {"owner": self.chain.wallet(name), "ledger": ledger_address(zone)}
        rule = {"enabled": enabled, "keep_atoms": keep_atoms, "reserve_ticks": reserve_ticks}
        expect_ok(self.chain.call("energy_token", "set_listing_rule", accounts, row=self.rows[zone, name], **rule))

    def clear_auction(self, interval: int) -> Outcome:
        accounts = {"council": COUNCIL, "market": MARKET, "auctions": AUCTIONS}
        return self.chain.call("trading", "clear_auction", accounts, interval=interval)

    def settle_auction(self, interval: int) -> Outcome:
        accounts = {"market": MARKET, "auctions": AUCTIONS}
        return self.chain.call("trading", "settle_auction", accounts, interval=interval, max_steps=0)

    def list_accounts(self, zone: int = 1) -> dict[str, Any]:
        return {
            "council": COUNCIL,
            "config": CONFIG,
            "ledger": ledger_address(zone),
            "vault": VAULT,
            "market_grid_vault": MARKET_GRID_VAULT,
            "authority": AUTHORITY,
            "market": MARKET,
            "auctions": AUCTIONS,
            "trading_program": program_id("trading"),
            "token_program": TOKEN,
        }

    def list_surplus(
        self, name: str, *, zone: int = 1, seat: int | None = None, interval: int | None = None
    ) -> Outcome:
        ids = {
            "row": self.rows[zone, name],
            "seat": self.seats[name] if seat is None else seat,
            "interval": self.chain.now_s() // 900 if interval is None else interval,
        }
        return self.chain.call("energy_token", "list_surplus", self.list_accounts(zone), **ids)

    def retire_accounts(self, name: str, zone: int = 1) -> dict[str, Any]:
        return {
            "owner": self.chain.wallet(name),
            "council": COUNCIL,
            "config": CONFIG,
            "ledger": ledger_address(zone),
            "roots": roots_address(zone),
            "mint": MINT,
            "vault": VAULT,
            "authority": AUTHORITY,
            "token_program": TOKEN,
        }

    def retire(self, name: str, amount_atoms: int, zone: int = 1, **changes: Any) -> Outcome:
        now = self.chain.now_s() // 900
        args = {
            "row": self.rows.get((zone, name), 0),
            "amount_atoms": amount_atoms,
            "from_interval": now - 4,
            "to_interval": now - 1,
            "beneficiary": bytes(range(32)),
        }
        args |= {key: changes.pop(key) for key in list(changes) if key in args}
        return self.chain.call("energy_token", "retire", self.retire_accounts(name, zone) | changes, **args)

    # -------------------------------------------------------------------------------------------------------- reading

    def ledger(self, zone: int) -> dict[str, Any]:
        return self.chain.read("energy_token", "Ledger", ledger_address(zone))

    def row(self, name: str, zone: int = 1) -> dict[str, Any]:
        return self.ledger(zone)["rows"][self.rows[zone, name]]

    def balance(self, name: str, zone: int = 1) -> int:
        return self.row(name, zone)["balance_atoms"]

    def debt(self, name: str, zone: int = 1) -> int:
        return self.row(name, zone)["debt_atoms"]

    def config(self) -> dict[str, Any]:
        return self.chain.read("energy_token", "Config", CONFIG)

    def assert_sound(self, zones: tuple[int, ...] = (1,), outside_atoms: int | None = None) -> None:
        """Check the invariants of the ledger on the accounts as they stand.

        Args:
            zones: All zones that were created.
            outside_atoms: GRID in wallets and in the market's vault; by default what the supply leaves for them.
        """
        ledgers = [self.ledger(zone) for zone in zones]
        vault = self.chain.token_amount(VAULT)
        supply = self.chain.supply(MINT)
        assert supply == sum(
            ledger["minted_atoms"] - ledger["burned_atoms"] - ledger["retired_atoms"] for ledger in ledgers
        )
        assert vault == self.config()["balance_atoms"] == sum(ledger["balance_atoms"] for ledger in ledgers)
        if outside_atoms is not None:
            assert supply == vault + outside_atoms
        for ledger in ledgers:
            rows = ledger["rows"]
            assert ledger["balance_atoms"] == sum(row["balance_atoms"] for row in rows)
            assert ledger["debt_atoms"] == sum(row["debt_atoms"] for row in rows)
            assert ledger["minted_atoms"] == sum(row["minted_atoms"] for row in rows)
            assert ledger["burned_atoms"] == sum(row["burned_atoms"] for row in rows)
            assert ledger["retired_atoms"] == sum(row["retired_atoms"] for row in rows)
            meters = ledger["meters"]
            assert ledger["minted_atoms"] == ATOMS_PER_WH * sum(meter["settled_export_wh"] for meter in meters)
            settled_import = sum(meter["settled_import_wh"] for meter in meters)
            assert ledger["burned_atoms"] + ledger["debt_atoms"] == ATOMS_PER_WH * settled_import


def new_world(zones: tuple[int, ...] = (1,), *, market: bool = False) -> World:
    """Return a world in which the program is initialised and the zones have ledgers; with a market if wanted."""
    world = World(Chain(["energy_token", "trading"] if market else ["energy_token"]))
    world.put_council()
    world.put_user("admin", role=ADMIN)
    expect_ok(world.initialize())
    for zone in zones:
        expect_ok(world.create_zone(zone))
    if market:
        world.create_market()
    return world
