"""Calls the instructions that no client's path calls, so that their compute units can be compared from chain to chain.

It goes on from where one client's path ended, with that client's wallets, through the project's own chain client, in three steps: `enter`
an auction while it runs, `walk` through everything that needs no particular hour, and `leave` once the auction's quarter hour is over.
Nothing is judged here: a call that fails stops the tour.
"""

from __future__ import annotations

import hashlib
import struct
import time
from collections.abc import Iterable, Sequence

import client_token22
from client_campus import CHECKOUT, CLOCK, INTERVAL_S, Campus
from client_device import Device
from client_path import ACTIVE, BACK, BUY, FACULTY, LIMIT, PRODUCER, SELL, STUDENT, TERMS, device_of, wallet_of
from nacl.signing import SigningKey
from solders.compute_budget import set_compute_unit_limit
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from deploy.contact.chain import Chain, token_account_instruction
from deploy.contact.council import (
    ADD_VALIDATOR,
    APPROVE_UPGRADE,
    REMOVE_VALIDATOR,
    RESUME,
    SET_PARAM,
    Council,
    Decision,
    call_of,
)
from deploy.contact.local import COUNCIL, GUARDIAN
from gridkit.chain import idl, loader
from gridkit.chain.deployment import SYSTEM_PROGRAM, TOKEN_PROGRAM, associated_token_account, derive
from gridkit.chain.posting import pack_runs
from gridkit.chain.rpc import Rpc
from gridkit.chain.tx import Signer, instruction

NOBODY = bytes(32)
AFTER = "solana-py"
"""Whose wallets it goes on with."""
TICK, LOTS = 100, 10
OPERATOR = 4
_UNITS = 1_000_000
EVERYTHING, PAUSE = 2, 1
TRANSFER_MODE, TAKER_FEE = 0, 1
_KEPT_ATOMS = 300_000
"""What the listing rule leaves in the seller's row for the rest of the tour."""
_RECORD_VERIFIED = 1
_RENT = "SysvarRent111111111111111111111111111111111"
_POLL_S = 0.2


class Tour:
    """One tour of one campus: enter, walk, leave.

    Args:
        campus: Where a client of the name AFTER has walked its path.
    """

    def __init__(self, campus: Campus) -> None:
        self._campus = campus
        self._ids = {name: str(address) for name, address in campus.programs.items()}
        self._admin, self._poster, self._guardian = (self._key(name) for name in ("deployer", "poster", GUARDIAN))
        self._buyer, self._seller = (
            Signer(SigningKey(wallet_of(AFTER, name).secret())) for name in ("buyer", "seller")
        )
        self._rpc = Rpc(campus.rpc_url)
        self._chain = Chain(self._rpc, self._admin)
        self._council = Council(self._chain, self._ids["governance"], [self._key(name) for name in COUNCIL])
        self._market, self._slab, self._ledger = str(campus.market), str(campus.slab), str(campus.ledger)
        self._device = Device({"device": device_of(AFTER), "network_tag": campus.network_tag.hex()})
        auctions = Pubkey.create_with_seed(self._admin.pubkey, "auctions", Pubkey.from_string(self._ids["trading"]))
        self._auctions = {"market": self._market, "auctions": str(auctions)}
        self._base, self._sent, self._scheduled = campus.interval - BACK, 0, 0

    def enter(self, interval: int) -> None:
        """Bring both sides into the auction of `interval`, and an order that may enter the book in the next one.

        Args:
            interval: The running one; the calls must reach the chain while it is.
        """
        buyer = {"wallet": self._buyer.address, "source": self._credit(self._buyer)} | self._auctions
        seat, row = self._seat(self._buyer), self._row(self._seller)
        self._do("trading", "deposit_credit", buyer, [self._buyer], seat=seat, amount_ucredit=TERMS.deposited)
        order = {"seat": seat, "side": BUY, "kind": LIMIT, "tick": TICK, "lots": LOTS, "client_id": 1}
        later = {"expires_interval": 0, "self_trade": 0, "not_before_interval": interval + 1}
        self._scheduled = self._placed(self._do("trading", "schedule_order", buyer, [self._buyer], **order, **later))
        rule = {"enabled": True, "keep_atoms": _KEPT_ATOMS, "reserve_ticks": 1}
        self._do("energy_token", "set_listing_rule", {"owner": self._seller.address}, [self._seller], row=row, **rule)
        self._do(
            "energy_token", "list_surplus", self._auctions, row=row, seat=self._seat(self._seller), interval=interval
        )
        bid = {"interval": interval, "seat": seat, "side": BUY}
        for client_id in (2, 3):
            self._do(
                "trading", "submit_auction", buyer, [self._buyer], **bid, tick=TICK, lots=LOTS, client_id=client_id
            )
            if client_id == 2:
                self._do("trading", "cancel_auction_order", buyer, [self._buyer], **bid)

    def walk(self) -> None:
        """Call everything that needs no particular hour."""
        self._people()
        self._meters()
        self._data()
        self._rows()
        self._orders()
        self._decisions()
        client_token22.make(self._chain)

    def leave(self, interval: int) -> None:
        """Wait until the quarter hour `interval` is over, then settle what was begun in `enter`."""
        while clock_of(self._rpc) < (interval + 1) * INTERVAL_S:
            time.sleep(_POLL_S)
        self._do("trading", "activate_order", {}, order_id=self._scheduled)
        self._do("trading", "clear_auction", self._auctions, interval=interval)
        self._do("trading", "settle_auction", self._auctions, interval=interval, max_steps=0)
        buyer, seat = {"wallet": self._buyer.address}, self._seat(self._buyer)
        self._do("trading", "cancel_all", buyer, [self._buyer], seat=seat, side=EVERYTHING, most=0)

    # The parts

    def _people(self) -> None:
        leaver = Signer(SigningKey(hashlib.sha256(b"campusgrid tour leaver").digest()))
        args = {"role": STUDENT, "status": ACTIVE, "personal_hash": NOBODY}
        self._do("registry", "register_user", {"wallet": leaver.address, "user": self._user(leaver)}, **args)
        self._do("registry", "set_role", {"user": self._user(leaver)}, role=FACULTY)
        self._do("registry", "set_user_status", {"user": self._user(leaver)}, status=2)
        self._do("registry", "close_user", {"user": self._user(leaver)})
        self._do(
            "trading",
            "sync_seat",
            {"user": self._user(self._buyer), "market": self._market},
            seat=self._seat(self._buyer),
        )

    def _meters(self) -> None:
        device, next_device = (
            SigningKey(hashlib.sha256(b"campusgrid tour " + name).digest()) for name in (b"one", b"two")
        )
        meter_id = b"tour".ljust(16, b"\0")
        owner = {
            "owner": self._seller.address,
            "owner_user": self._user(self._seller),
            "meter": self._pda("registry", b"meter", meter_id),
        }
        zone = {"zone": self._pda("registry", b"zone", self._campus.zone.to_bytes(2, "little"))}
        described = {
            "meter_id": meter_id, "kind": PRODUCER, "capacity_w": 10_000, "max_wh_interval": 5_000,
            "first_interval": self._base - 8, "location_hash": NOBODY, "serial_hash": NOBODY,
        }  # fmt: skip
        self._do("registry", "register_meter", owner | zone | self._key_record(device), [self._seller],
                 device_key=bytes(device.verify_key), proof=self._proof(device, meter_id), **described)  # fmt: skip
        self._do("registry", "activate_meter", owner)
        slab = {"slab": self._slab, "meter": owner["meter"]}
        self._do("oracle", "enroll_meter", slab)
        self._do("registry", "suspend_meter", owner)
        self._do("oracle", "sync_key", slab)
        self._do("registry", "activate_meter", owner)
        self._do("registry", "rotate_device_key", owner | self._key_record(next_device), [self._seller],
                 device_key=bytes(next_device.verify_key), first_interval=self._campus.interval + 50, compromised=False,
                 proof=self._proof(next_device, meter_id))  # fmt: skip
        operator = Signer(SigningKey(hashlib.sha256(b"campusgrid tour operator").digest()))
        named = {"wallet": operator.address, "user": self._user(operator)}
        self._do("registry", "register_user", named, role=OPERATOR, status=ACTIVE, personal_hash=NOBODY)
        second = {"second_authority": operator.address, "second_authority_user": self._user(operator)}
        registers = {"closing_import_wh": 5, "closing_export_wh": 6}
        opened = {"opening_import_wh": 0, "opening_export_wh": 0, "serial_hash": NOBODY}
        self._do("registry", "swap_meter", owner | second, [operator], **registers, **opened)
        self._do("registry", "retire_meter", owner, **registers)
        self._do("oracle", "sync_key", slab)

    def _data(self) -> None:
        zone = self._campus.zone.to_bytes(2, "little")
        roots = {"slab": self._slab, "roots": str(self._campus.roots), "poster": self._poster.address}
        registers = {self._number(self._meter(), 66, 2): (0, TERMS.opening_wh + TERMS.export_wh + 5)}
        said = self._do(
            "oracle", "post_batch", roots, [self._poster], interval=self._base + 2, runs=pack_runs(registers)
        )
        self._contradict(said)
        self._prove(roots)
        feed = self._feed()
        bounds = {"exponent": 0, "max_age_s": 86_400, "min_value": -10, "max_value": 10, "max_confidence": 5}
        self._do("oracle", "create_feed", feed, kind=0, series=0, zone=self._campus.zone, **bounds)
        value = {"value": 3, "confidence": 1, "publish_time": self._now(), "interval": self._base, "sequence": 1}
        self._do("oracle", "post_feed", feed | {"poster": self._poster.address}, [self._poster], **value)
        totals = {"slab": self._slab, "totals": self._pda("oracle", b"totals", zone)}
        self._do("oracle", "open_totals", totals)
        self._do("oracle", "close_interval", totals, interval=self._base)
        trades = {
            "trades": self._pda("oracle", b"trades"),
            "market": self._market,
            "trading_config": self._config("trading"),
        }
        self._do("oracle", "open_trades", trades)
        self._do("oracle", "record_trades", trades, interval=self._campus.interval - 1)

    def _contradict(self, posted: str) -> None:
        """Let the meter's own signature contradict what was attested of it by the transaction `posted`."""
        [attested] = [event for event in self._events(posted) if event.name == "AttestedPosted"]
        [record] = attested.fields["records"]
        core, signature = self._device.signed(
            meter_number=self._number(self._meter(), 12, 4), interval=self._base + 2, export_wh=record["export_wh"] + 2
        )
        leaf = struct.pack(
            "<HIHQQ", *(record[name] for name in ("slot", "interval", "flags", "import_wh", "export_wh"))
        )
        args = {"core": core, "signature": signature} | self._lone_leaf(attested.fields["seq"], leaf)
        self._do("oracle", "challenge_reading", self._fault() | {"roots": str(self._campus.roots)}, **args)

    def _prove(self, roots: dict[str, str]) -> None:
        """Post one more reading of the meter, and prove it."""
        number, slot = self._number(self._meter(), 12, 4), self._number(self._meter(), 66, 2)
        offset, export_wh = 3, TERMS.opening_wh + TERMS.export_wh + 9
        reading = self._device.posted(
            meter_number=number, slot=slot, base=self._base, offset=offset, export_wh=export_wh
        )
        said = self._do("oracle", "post_verified", roots, [self._poster], base_interval=self._base, readings=reading)
        [posted] = [event for event in self._events(said) if event.name == "ReadingsPosted"]
        core, signature = self._device.signed(meter_number=number, interval=self._base + offset, export_wh=export_wh)
        digest = hashlib.sha256(core + self._device.public_key).digest()[:16]
        leaf = struct.pack("<HIH16s", slot, self._base + offset, _RECORD_VERIFIED, digest)
        signed = {"core": core, "device_key": self._device.public_key, "signature": signature}
        args = signed | self._lone_leaf(posted.fields["seq"], leaf)
        self._do("oracle", "verify_reading", {"roots": str(self._campus.roots)}, **args)

    def _lone_leaf(self, seq: int, leaf: bytes) -> dict[str, object]:
        """Return the proof that the one record of a leaf is under the root `seq`, which is still in the ring."""
        return {"seq": seq, "record": 0, "batch_left": 0, "leaf": leaf, "batch_path": [], "mountain_path": []}

    def _rows(self) -> None:
        grid = associated_token_account(self._seller.address, self._pda("energy_token", b"mint"))
        row, theirs = self._row(self._seller), self._row(self._buyer)
        self._chain.send(
            "account",
            [token_account_instruction(self._admin, self._seller.address, self._pda("energy_token", b"mint"), grid)],
        )
        owner = {
            "owner": self._seller.address,
            "ledger": self._ledger,
            "token_account": grid,
            "user": self._user(self._seller),
        }
        self._do("energy_token", "withdraw", owner, [self._seller], row=row, amount_atoms=100_000)
        self._do("energy_token", "deposit", owner, [self._seller], row=row, amount_atoms=50_000)
        claim = {"from_interval": self._base, "to_interval": self._base + 1, "beneficiary": NOBODY}
        retired = owner | {"roots": str(self._campus.roots)}
        self._do("energy_token", "retire", retired, [self._seller], row=row, amount_atoms=1_000, **claim)
        between = owner | {
            "from_ledger": self._ledger,
            "to_ledger": self._ledger,
            "from_user": owner["user"],
            "to_user": self._user(self._buyer),
        }
        self._do("energy_token", "transfer", between, [self._seller], from_row=row, to_row=theirs, amount_atoms=1_000)
        self._do(
            "energy_token", "move_to_market", owner, [self._seller], row=row, seat=self._seat(self._seller), lots=100
        )
        self._do(
            "trading",
            "withdraw_grid",
            {"wallet": self._seller.address},
            [self._seller],
            seat=self._seat(self._seller),
            row=row,
            lots=1,
        )

    def _orders(self) -> None:
        buyer = {"wallet": self._buyer.address, "market": self._market, "source": self._credit(self._buyer)}
        seat = self._seat(self._buyer)
        self._do("trading", "deposit_credit", buyer, [self._buyer], seat=seat, amount_ucredit=TERMS.deposited)
        first = self._place(self._buyer, BUY, TICK, LOTS)
        self._do("trading", "reduce_order", buyer, [self._buyer], order_id=first, lots=1)
        changed = {"tick": TICK + 1, "lots": LOTS, "expires_interval": 0, "self_trade": 0, "max_fills": 0}
        self._do("trading", "amend_order", buyer, [self._buyer], order_id=first, **changed)
        order = {"seat": seat, "side": BUY, "lots": LOTS, "client_id": 1, "expires_interval": 0, "self_trade": 0}
        self._do("trading", "place_stop", buyer, [self._buyer], **order, kind=LIMIT, tick=TICK, trigger_tick=TICK)
        self._place(self._seller, SELL, TICK, LOTS)
        self._do("trading", "trigger_stops", buyer, most=0)
        self._do("trading", "prune_expired", buyer, first_slot=0, slots=64)

    def _decisions(self) -> None:
        seat, market = self._seat(self._buyer), {"market": self._market, "council": self._council.address}
        recipient = {"first_recipient": self._credit(self._buyer)}
        identity = bytes(range(32))
        validator = {"validator": self._pda("governance", b"validator", identity)}
        self._council.decide([
            Decision("taker fee", SET_PARAM, struct.pack("<BQ", TAKER_FEE, 50)),
            Decision("validator", ADD_VALIDATOR, identity + identity, "execute_validator", validator),
            call_of("maker", self._build("trading", "set_market_maker", market, seat=seat, flags=1, spread_ticks=10, size_lots=1)),
            call_of("programme", self._build("trading", "set_maker_programme", market, rebate_bps=0, target_intervals=1)),
            call_of("recipients", self._build("trading", "set_fee_recipients", market | recipient, shares_bps=[10_000, 0, 0, 0])),
            call_of("oracles", self._build("oracle", "set_oracles", {"council": self._council.address}, threshold=1,
                                           oracle_keys=[bytes(self._poster.pubkey)])),
            call_of("bounds", self._build("oracle", "set_feed", self._feed(), max_age_s=3_600, min_value=-20, max_value=20,
                                          max_confidence=10)),
            call_of("correction", self._build("oracle", "correct", self._fault() | {"roots": str(self._campus.roots)},
                                              slot=self._number(self._meter(), 66, 2), interval=self._base + 3, import_wh=0,
                                              export_wh=TERMS.opening_wh + TERMS.export_wh + 9, note_hash=NOBODY)),
        ])  # fmt: skip
        self._council.decide([Decision("validator", REMOVE_VALIDATOR, identity, "execute_validator", validator)])
        self._place(self._buyer, BUY, TICK, LOTS)
        self._place(self._seller, SELL, TICK, LOTS)
        self._do("trading", "sample_market_maker", market, seat=seat)
        self._do("trading", "sweep_fees", market | recipient)
        self._restrict()
        self._change_of_mind()
        self._upgrade()
        self._do(
            "governance",
            "emergency_stop",
            {"guardian": self._guardian.address, "council": self._council.address},
            [self._guardian],
            mask=PAUSE,
        )
        self._council.decide([Decision("go on", RESUME, bytes([PAUSE]))])

    def _restrict(self) -> None:
        """Move GRID in restricted mode, and go back to the free one."""
        grid = associated_token_account(self._seller.address, self._pda("energy_token", b"mint"))
        owner = {"owner": self._seller.address, "token_account": grid, "user": self._user(self._seller)}
        row = self._row(self._seller)
        self._council.decide([Decision("restricted", SET_PARAM, struct.pack("<BQ", TRANSFER_MODE, 1))])
        self._do("energy_token", "sync_freeze", owner)
        self._do("energy_token", "withdraw", owner, [self._seller], row=row, amount_atoms=1_000)
        self._do("energy_token", "deposit", owner, [self._seller], row=row, amount_atoms=2_000)
        self._council.decide([Decision("free", SET_PARAM, struct.pack("<BQ", TRANSFER_MODE, 0))])
        self._chain = Chain(
            self._rpc, self._admin
        )  # with another blockhash: the same words under the old one are the same transaction
        self._do("energy_token", "sync_freeze", owner)

    def _change_of_mind(self) -> None:
        """Approve a proposal, take the approval back, and withdraw the proposal."""
        member = self._key(COUNCIL[0])
        [number] = self._council.agree([Decision("nothing", SET_PARAM, struct.pack("<BQ", TAKER_FEE, 40))])
        proposal = {"proposal": self._pda("governance", b"proposal", number.to_bytes(8, "little"))}
        self._do("governance", "revoke", proposal | {"member": member.address}, [member])
        self._do("governance", "cancel", proposal | {"proposer": member.address}, [member])

    def _upgrade(self) -> None:
        """Deploy one more program, hand it to the council, and let the council replace its code."""
        old, new = (
            (CHECKOUT / "programs" / "so" / f"{name}.so").read_bytes() for name in ("governance", "energy_token")
        )
        program, buffer = (
            SigningKey(hashlib.sha256(b"campusgrid tour " + name).digest()) for name in (b"program", b"buffer")
        )
        council, key = self._pda("governance", b"upgrade"), self._admin.key
        address = loader.deploy(self._rpc, key, program, old)
        data = loader.program_data_address(address)
        loader.set_authority(self._rpc, key, data, council)
        written = loader.write_buffer(self._rpc, key, new, buffer=buffer, authority=council)
        spill = self._admin.address
        accounts = {
            "upgrade_authority": council, "program_data": data, "program": address, "buffer": written, "spill": spill,
            "rent": _RENT, "clock": str(CLOCK),
        }  # fmt: skip
        payload = b"".join(bytes(Pubkey.from_string(one)) for one in (address, written, spill))
        payload += hashlib.sha256(new).digest()
        self._council.decide([Decision("upgrade", APPROVE_UPGRADE, payload, "execute_upgrade", accounts)])

    # Calling

    def _do(
        self, program: str, name: str, accounts: dict[str, str], signers: list[Signer] | None = None, **args: object
    ) -> str:
        return self._send(f"{program}.{name}", self._build(program, name, accounts, **args), signers or [])

    def _send(self, what: str, built: Instruction, signers: list[Signer]) -> str:
        """Send a transaction that no other equals (two alike under one blockhash are one) and return its signature."""
        self._sent += 1
        return self._chain.send(what, [set_compute_unit_limit(_UNITS + self._sent), built], signers).signature

    def _build(self, program: str, name: str, accounts: dict[str, str], **args: object) -> Instruction:
        offered = self._known(program) | accounts
        wanted = {
            meta.name: offered[meta.name]
            for meta in idl.interface(program).instruction(name).metas
            if meta.name in offered
        }
        return instruction(program, self._ids[program], name, wanted, (), **args)

    def _known(self, program: str) -> dict[str, str]:
        """Return the accounts that have one address in a program's instructions."""
        market = program == "trading"
        return {
            "payer": self._admin.address,
            "authority": self._pda(program, b"authority") if program in ("trading", "energy_token") else self._admin.address,
            "authority_user": self._user(self._admin),
            "admin": self._admin.address,
            "admin_user": self._user(self._admin),
            "council": self._council.address,
            "config": self._config(program),
            "mint": self._pda("energy_token", b"mint"),
            "vault": self._pda("energy_token", b"vault"),
            "market": self._market,
            "market_grid_vault": self._pda("trading", b"grid_vault"),
            "grid_vault": self._pda("trading", b"grid_vault"),
            "credit_vault": self._pda("trading", b"credit_vault"),
            "energy_token_vault": self._pda("energy_token", b"vault"),
            "energy_token_config": self._config("energy_token"),
            "ledger": self._ledger,
            "trading_program": self._ids["trading"],
            "energy_token_program": self._ids["energy_token"],
            "system_program": SYSTEM_PROGRAM,
            "token_program": TOKEN_PROGRAM,
        } | ({} if market else {"slab": self._slab})  # fmt: skip

    def _place(self, wallet: Signer, side: int, tick: int, lots: int) -> int:
        """Place a limit order and return its id."""
        market = {"wallet": wallet.address, "market": self._market}
        args = {
            "kind": LIMIT,
            "tick": tick,
            "lots": lots,
            "client_id": 9,
            "expires_interval": 0,
            "self_trade": 0,
            "max_fills": 0,
        }
        built = self._build("trading", "place_order", market, seat=self._seat(wallet), side=side, **args)
        return self._placed(self._send("place", built, [wallet]))

    def _placed(self, signature: str) -> int:
        """Return the id of the order that a transaction placed."""
        return int(next(event.fields["order_id"] for event in self._events(signature) if event.name == "OrderPlaced"))

    def _events(self, signature: str) -> Sequence[idl.Event]:
        logs = (self._rpc.transaction(signature) or {})["meta"]["logMessages"]
        return list(idl.events_in(logs, {address: name for name, address in self._ids.items()}))

    # Addresses and numbers

    def _key(self, name: str) -> Signer:
        return Signer(SigningKey(self._campus.keypair(name).secret()))

    def _pda(self, program: str, *seeds: bytes) -> str:
        return derive(self._ids[program], *seeds)

    def _config(self, program: str) -> str:
        return self._pda(program, b"config")

    def _user(self, wallet: Signer) -> str:
        return self._pda("registry", b"user", bytes(wallet.pubkey))

    def _credit(self, wallet: Signer) -> str:
        return associated_token_account(wallet.address, self._pda("governance", b"credit"))

    def _meter(self) -> str:
        return self._pda("registry", b"meter", AFTER.encode().ljust(16, b"\0"))

    def _feed(self) -> dict[str, str]:
        return {"feed": self._pda("oracle", b"feed", bytes([0, 0]) + self._campus.zone.to_bytes(2, "little"))}

    def _fault(self) -> dict[str, str]:
        key = self._campus.zone.to_bytes(2, "little") + self._number(self._meter(), 66, 2).to_bytes(2, "little")
        return {"fault": self._pda("oracle", b"fault", key)}

    def _key_record(self, device: SigningKey) -> dict[str, str]:
        return {"key_record": self._pda("registry", b"key", bytes(device.verify_key))}

    def _proof(self, device: SigningKey, meter_id: bytes) -> bytes:
        owner = bytes(self._seller.pubkey)
        return device.sign(b"CGP1" + self._campus.network_tag + owner + meter_id + bytes(device.verify_key)).signature

    def _number(self, address: str, at: int, size: int) -> int:
        account = self._rpc.account(address, offset=at, length=size)
        assert account is not None
        return int.from_bytes(account.data, "little")

    def _seat(self, wallet: Signer) -> int:
        return self._number(self._pda("trading", b"seat", bytes(wallet.pubkey)), 10, 2)

    def _row(self, wallet: Signer) -> int:
        zone = self._campus.zone.to_bytes(2, "little")
        return self._number(self._pda("energy_token", b"row", zone, bytes(wallet.pubkey)), 12, 2)

    def _now(self) -> int:
        return self._campus.interval * INTERVAL_S


def clock_of(rpc: Rpc) -> int:
    """Return a chain's time, UTC epoch seconds."""
    account = rpc.account(str(CLOCK), offset=32, length=8)
    assert account is not None
    return int.from_bytes(account.data, "little")


def common_interval(campuses: Iterable[Campus], room_s: int) -> int:
    """Wait until the chains are in one quarter hour of which at least `room_s` seconds are left; return its number."""
    rpcs = [Rpc(campus.rpc_url) for campus in campuses]
    while True:
        clocks = [clock_of(rpc) for rpc in rpcs]
        interval = clocks[0] // INTERVAL_S
        if all(clock // INTERVAL_S == interval and clock % INTERVAL_S <= INTERVAL_S - room_s for clock in clocks):
            return interval
        time.sleep(_POLL_S)
