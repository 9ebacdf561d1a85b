"""An oracle with its siblings around it, meters that sign, and a model of what posting must do; tests assert with them.

The siblings' accounts are written by hand, so that the oracle's tests stand and fall by the oracle alone. The model is
written from the rules, not from the program: it knows no accounts, hashes with hashlib and signs with PyNaCl.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nacl.signing import SigningKey
from program_harness import (
    MAX_TRANSACTION_BYTES,
    Chain,
    Outcome,
    _custom_code,
    expect_ok,
    keypair,
    pda,
    program_data,
    program_id,
)
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountWithSeedParams, create_account_with_seed
from solders.transaction import VersionedTransaction

from gridkit.chain import posting

SLAB_SIZE = 37_024
ENTRY_AT, ENTRY_SIZE = 160, 144
ENTRY = struct.Struct("<32s32sQQQQQQIIIIIIHHBBH")
ENTRY_FIELDS = (
    *("key_current", "key_previous", "import_wh", "export_wh", "acc_import_wh", "acc_export_wh"),
    *("attested_import_wh", "attested_export_wh", "meter_number", "last_interval", "switch_interval"),
    *(
        "max_wh_interval",
        "attested_interval",
        "applied_count",
        "key_epoch",
        "register_epoch",
        "status",
        "kind",
        "flags",
    ),
)
AT_COUNCIL = 48
ROOTS_SIZE, RING_AT, RING_LEN, PEAKS_AT = 9_728, 160, 220, 8_960
ROOT = struct.Struct("<IHH32s")
COUNCIL_SIZE, AT_PAUSE_MASK, AT_PAUSE_UNTIL, AT_TOLERANCE = 1792, 13, 24, 704 + 2 * 32
TOLERANCE_S = 60
GENESIS = hashlib.sha256(b"genesis of the oracle's tests").digest()
MAX_WH = 25_000
(
    APPLIED,
    STALE,
    FUTURE,
    LOWER,
    OVER_CAPACITY,
    BAD_SIGNATURE,
    MASKED,
    INACTIVE,
    EMPTY,
    WRONG_EPOCH,
    NOT_OPENED,
    FAULTED,
) = range(12)
PENDING, ACTIVE, SUSPENDED, RETIRED = range(4)
VERIFIED, OPENING, NETTED = 1, 2, 4
OPENED, NEXT_APPROVED, ENTRY_FAULTED, ONE_AHEAD = 1, 2, 4, 1 << 8
CORRECTION, EPOCH_SHIFT = 8, 4
ROOT_VERIFIED, ROOT_ATTESTED, ROOT_CORRECTION, SIGNERS_SHIFT = 1, 2, 4, 8
NO_ROOT = 2**64 - 1
MARKET_SIZE, MARKET_INTERVALS_AT = 464_000, 357_504
LOOKUP_TABLES = Pubkey.from_string("AddressLookupTab1e1111111111111111111111111")
REVOKED = 1
ADMIN, OPERATOR = 6, 4


def discriminator(account: str) -> bytes:
    """First eight bytes of an account."""
    return hashlib.sha256(f"account:{account}".encode()).digest()[:8]


def network_tag(genesis: bytes = GENESIS) -> bytes:
    """The four bytes that bind a reading to one network."""
    return hashlib.sha256(b"campusgrid" + genesis + bytes(program_id("oracle"))).digest()[:4]


@dataclass(frozen=True)
class DeviceKey:
    """One of the registry's keys of a meter."""

    key: SigningKey
    epoch: int = 0
    first_interval: int = 0
    flags: int = 0

    def encode(self) -> bytes:
        """The 40 bytes of the registry's table."""
        return struct.pack("<32sIHH", bytes(self.key.verify_key), self.first_interval, self.epoch, self.flags)


@dataclass
class Meter:
    """A meter as the registry has it, and the means to sign as it would.

    Attributes:
        keys: Newest first, at most four.
    """

    number: int
    slot: int
    owner: Keypair
    keys: list[DeviceKey]
    zone: int = 1
    status: int = ACTIVE
    kind: int = 2
    max_wh_interval: int = MAX_WH
    register_epoch: int = 0

    @property
    def address(self) -> Pubkey:
        """Where the registry keeps it."""
        return pda("registry", b"meter", self.number.to_bytes(16, "little"))

    def encode(self) -> bytes:
        """The 384 bytes of registry.Meter."""
        keys = b"".join(key.encode() for key in self.keys).ljust(160, b"\0")
        head = struct.pack("<BBBBI16s", 1, 255, self.status, self.kind, self.number, self.number.to_bytes(16, "little"))
        place = struct.pack("<HHII", self.zone, self.slot, 100_000, self.max_wh_interval)
        epochs = struct.pack("<HH", self.keys[0].epoch, self.register_epoch)
        data = discriminator("Meter") + head + bytes(self.owner.pubkey()) + place + epochs + keys
        return data.ljust(384, b"\0")

    def rotate(self, name: str, first_interval: int, *, compromised: bool = False) -> DeviceKey:
        """Give the meter a new key, as the registry would."""
        newest = self.keys[0]
        if compromised:
            self.keys[0] = replace(newest, flags=REVOKED)
        new = DeviceKey(device_key(name), newest.epoch + 1, first_interval)
        self.keys = [new, *self.keys][:4]
        return new


def device_key(name: str) -> SigningKey:
    """The device key that every run gives to `name`."""
    return SigningKey(hashlib.sha256(f"device {name}".encode()).digest())


@dataclass(frozen=True)
class Reading:
    """One reading: what the meter signed and how it is sent.

    Attributes:
        widths: Bytes sent of the import and the export register: 0, 2, 3 or 8; None lets `pack` choose the fewest.
        signature: Overrides the meter's own.
        next_epoch: Whether the descriptor names the register epoch after the stored one.
    """

    meter: Meter
    interval: int
    import_wh: int
    export_wh: int
    key: DeviceKey | None = None
    register_epoch: int | None = None
    quality: int = 0
    clock_error_ms: int = 12
    detail: bytes = b"detail.."
    tag: bytes = field(default_factory=network_tag)
    widths: tuple[int, int] | None = None
    signature: bytes | None = None
    next_epoch: bool = False
    slot: int | None = None

    @property
    def signer(self) -> DeviceKey:
        """The key that signs; by default the meter's newest."""
        return self.key if self.key is not None else self.meter.keys[0]

    def core(self) -> bytes:
        """The 47 signed bytes."""
        epoch = self.meter.register_epoch if self.register_epoch is None else self.register_epoch
        head = struct.pack("<2sB4sIHHI", b"CG", 1, self.tag, self.meter.number, self.signer.epoch, epoch, self.interval)
        body = struct.pack("<QQHH8s", self.import_wh, self.export_wh, self.quality, self.clock_error_ms, self.detail)
        return head + body

    def signed(self) -> bytes:
        """The 64 bytes of the signature."""
        return self.signature if self.signature is not None else self.signer.key.sign(self.core()).signature

    def digest(self) -> bytes:
        """The 16 bytes that stand in the reading's record."""
        return hashlib.sha256(self.core() + bytes(self.signer.key.verify_key)).digest()[:16]

    def record(self, flags: int) -> bytes:
        """The 24 bytes of the reading's record."""
        return struct.pack("<HIH16s", self.meter.slot, self.interval, flags, self.digest())

    def pack(self, base_interval: int) -> bytes:
        """The reading as post_verified takes it."""
        widths = self.widths if self.widths is not None else (8, 8)
        descriptor = (0, 2, 3, 8).index(widths[0]) | (0, 2, 3, 8).index(widths[1]) << 2
        offset = self.interval - base_interval
        parts = []
        if offset:
            descriptor |= 0x80
            parts.append(struct.pack("<H", offset))
        parts.append(self.import_wh.to_bytes(8, "little")[: widths[0]])
        parts.append(self.export_wh.to_bytes(8, "little")[: widths[1]])
        if self.quality:
            descriptor |= 0x10
            parts.append(struct.pack("<H", self.quality))
        if self.clock_error_ms:
            descriptor |= 0x20
            parts.append(struct.pack("<H", self.clock_error_ms))
        if self.next_epoch:
            descriptor |= 0x40
        slot = self.meter.slot if self.slot is None else self.slot
        return b"".join((bytes((slot, descriptor)), *parts, self.detail, self.signed()))


class World:
    """A chain with a council, a registry, an initialised oracle and one zone (number 1, gross unless said).

    The siblings' accounts are written by hand unless `siblings` says that their own instructions have made them.
    """

    def __init__(
        self, chain: Chain, *, net_mode: int = 0, zones: tuple[int, ...] = (1,), siblings: bool = False
    ) -> None:
        self.prepare(chain, siblings=siblings)
        expect_ok(self.initialize())
        for zone in zones:
            expect_ok(self.create_zone(zone, net_mode=net_mode))

    def prepare(self, chain: Chain, *, siblings: bool = False) -> None:
        """Set up everything but the oracle itself."""
        self.chain = chain
        self.admin = chain.wallet("admin")
        self.poster = chain.wallet("oracle key")
        self.second = chain.wallet("second oracle key")
        self.council = pda("governance", b"council")
        self.registry_config = pda("registry", b"config")
        self.config = pda("oracle", b"config")
        self.trades = pda("oracle", b"trades")
        self.trading_config = pda("trading", b"config")
        self.market = keypair("market").pubkey()
        if not siblings:
            self.put_council()
            self.put_registry_config()
            self.put_user(self.admin.pubkey(), role=ADMIN)

    # ---------------------------------------------------------------------------------------------- the siblings

    def put_council(self, *, pause_mask: int = 0, pause_until: int = 0, tolerance_s: int = TOLERANCE_S) -> None:
        """Write governance's Council."""
        data = bytearray(discriminator("Council").ljust(COUNCIL_SIZE, b"\0"))
        data[8:10] = bytes((1, 255))
        data[AT_PAUSE_MASK] = pause_mask
        data[AT_PAUSE_UNTIL : AT_PAUSE_UNTIL + 8] = pause_until.to_bytes(8, "little", signed=True)
        data[AT_TOLERANCE : AT_TOLERANCE + 8] = tolerance_s.to_bytes(8, "little")
        self.chain.put(self.council, bytes(data), program_id("governance"))

    def registry_config_data(self, **changes: bytes) -> bytes:
        """The 256 bytes of registry.Config; `changes` replace governance, council, oracle, genesis or tag."""
        parts = {
            "governance": bytes(program_id("governance")),
            "council": bytes(self.council),
            "oracle": bytes(program_id("oracle")),
            "genesis": GENESIS,
            "tag": network_tag(),
        } | changes
        head = discriminator("Config") + bytes((1, 255)) + bytes(6)
        return (head + b"".join(parts.values())).ljust(256, b"\0")

    def put_registry_config(self, **changes: bytes) -> None:
        """Write the registry's Config."""
        self.chain.put(self.registry_config, self.registry_config_data(**changes), program_id("registry"))

    def put_user(self, wallet: Pubkey, *, role: int = 0, status: int = 1) -> Pubkey:
        """Write a registry.User."""
        address = pda("registry", b"user", bytes(wallet))
        data = discriminator("User") + struct.pack("<BBBBI", 1, 255, role, status, 1) + bytes(wallet)
        self.chain.put(address, data.ljust(160, b"\0"), program_id("registry"))
        return address

    def put_meter(self, meter: Meter) -> None:
        """Write a registry.Meter as it stands now."""
        self.chain.put(meter.address, meter.encode(), program_id("registry"))

    # ----------------------------------------------------------------------------------------------- the oracle

    def initialize(self, **changes: Any) -> Outcome:
        """Set the oracle up; `changes` replace accounts or arguments by name."""
        accounts: dict[str, Any] = {
            "payer": self.chain.payer,
            "authority": self.chain.upgrade_authority,
            "config": self.config,
            "programdata": program_data("oracle"),
            "council": self.council,
            "registry_config": self.registry_config,
        }
        args: dict[str, Any] = {
            "trading_program": program_id("trading"),
            "energy_token_program": program_id("energy_token"),
            "threshold": 1,
            "oracle_keys": [bytes(self.poster.pubkey()), bytes(keypair("second oracle key").pubkey())],
        }
        accounts |= {name: value for name, value in changes.items() if name in accounts}
        args |= {name: value for name, value in changes.items() if name in args}
        return self.chain.call("oracle", "initialize", accounts, **args)

    def slab(self, zone: int = 1) -> Pubkey:
        """Address of a zone's slab."""
        return Pubkey.create_with_seed(self.chain.payer.pubkey(), f"slab:{zone}", program_id("oracle"))

    def roots(self, zone: int = 1) -> Pubkey:
        """Address of a zone's roots."""
        return pda("oracle", b"roots", zone.to_bytes(2, "little"))

    def zone(self, zone: int = 1) -> Pubkey:
        """Address of a zone's record."""
        return pda("oracle", b"zone", zone.to_bytes(2, "little"))

    def make_slab(self, zone: int, size: int = SLAB_SIZE) -> Instruction:
        """The instruction by which a client makes a slab account."""
        rent = self.chain.svm.minimum_balance_for_rent_exemption(size)
        payer = self.chain.payer.pubkey()
        return create_account_with_seed(
            CreateAccountWithSeedParams(
                from_pubkey=payer,
                to_pubkey=self.slab(zone),
                base=payer,
                seed=f"slab:{zone}",
                lamports=rent,
                space=size,
                owner=program_id("oracle"),
            )
        )

    def create_zone(
        self, number: int = 1, *, net_mode: int = 0, make: bool = True, size: int = SLAB_SIZE, **changes: Any
    ) -> Outcome:
        """Make a slab and the zone's accounts; `changes` replace accounts by name."""
        accounts: dict[str, Any] = {
            "payer": self.chain.payer,
            "admin": self.admin,
            "admin_user": pda("registry", b"user", bytes(self.admin.pubkey())),
            "config": self.config,
            "slab": self.slab(number),
            "zone": self.zone(number),
            "roots": self.roots(number),
        }
        accounts |= changes
        signers = [value for value in accounts.values() if isinstance(value, Keypair)]
        create = self.chain.instruction("oracle", "create_zone", accounts, zone=number, net_mode=net_mode)
        before = [self.make_slab(number, size)] if make else []
        return self.chain.send(*before, create, signers=signers)

    def meter(self, slot: int, *, number: int | None = None, enrol: bool = True, **fields: Any) -> Meter:
        """Register an active meter with one key, and enrol it."""
        number = number if number is not None else slot + 1
        owner = fields.pop("owner", None) or self.chain.wallet(f"owner of {number}")
        keys = fields.pop("keys", None) or [DeviceKey(device_key(f"{number}"))]
        meter = Meter(number=number, slot=slot, owner=owner, keys=keys, **fields)
        self.put_meter(meter)
        if enrol:
            expect_ok(self.enrol(meter))
        return meter

    def enrol(self, meter: Meter, zone: int | None = None) -> Outcome:
        """Copy a meter from the registry into its slot."""
        slab = self.slab(meter.zone if zone is None else zone)
        return self.chain.call("oracle", "enroll_meter", {"slab": slab, "meter": meter.address})

    def sync(self, meter: Meter, zone: int | None = None) -> Outcome:
        """Write the meter as it is now into the registry, and bring the slot up to it."""
        self.put_meter(meter)
        slab = self.slab(meter.zone if zone is None else zone)
        return self.chain.call("oracle", "sync_key", {"slab": slab, "meter": meter.address})

    def post_instruction(
        self,
        *readings: Reading,
        base: int | None = None,
        poster: Keypair | None = None,
        raw: bytes | None = None,
        zone: int = 1,
        meter: Pubkey | None = None,
    ) -> Instruction:
        """The instruction that posts `readings`, or the bytes `raw` in their place."""
        base = base if base is not None else min((reading.interval for reading in readings), default=0)
        packed = raw if raw is not None else b"".join(reading.pack(base) for reading in readings)
        accounts = {
            "poster": poster or self.poster,
            "council": self.council,
            "config": self.config,
            "slab": self.slab(zone),
            "roots": self.roots(zone),
            "meter": meter,
        }
        built = self.chain.instruction("oracle", "post_verified", accounts, base_interval=base, readings=packed)
        # A poster who names no meter leaves the last account out, as the bridge does.
        metas = list(built.accounts)[:5] if meter is None else list(built.accounts)
        return Instruction(built.program_id, built.data, metas)

    def post(self, *readings: Reading, **options: Any) -> Outcome:
        """Post readings in one transaction."""
        poster = options.get("poster") or self.poster
        return self.send_packed(self.post_instruction(*readings, **options), poster)[1]

    def results(self, *readings: Reading, **options: Any) -> list[dict[str, Any]]:
        """Post readings, which must be applied or skipped, and return what became of each."""
        return expect_ok(self.post(*readings, **options)).event("ReadingsPosted")["results"]

    def reasons(self, *readings: Reading, **options: Any) -> list[int]:
        """Post readings and return the reason of each."""
        return [result["reason"] for result in self.results(*readings, **options)]

    def send_packed(
        self, instruction: Instruction, poster: Keypair | None = None, others: Sequence[Keypair] = ()
    ) -> tuple[int, Outcome]:
        """Send in a v0 transaction with a lookup table; return its bytes and what became of it.

        The table holds what never signs; the poster pays the fee.
        """
        poster = poster or self.poster
        addresses = [self.council, self.config, self.slab(), self.roots()]
        table = AddressLookupTableAccount(key=keypair("lookup table").pubkey(), addresses=addresses)
        head = struct.pack("<IQQB", 1, 2**64 - 1, 0, 0) + b"\0" * 33 + bytes(2)
        self.chain.put(table.key, head + b"".join(map(bytes, addresses)), LOOKUP_TABLES)
        svm = self.chain.svm
        message = MessageV0.try_compile(poster.pubkey(), [instruction], [table], svm.latest_blockhash())
        transaction = VersionedTransaction(message, [poster, *others])
        size = len(bytes(transaction))
        assert size <= MAX_TRANSACTION_BYTES, f"{size} bytes: no real cluster takes such a transaction"
        result = svm.send_transaction(transaction)
        failed = hasattr(result, "err")
        meta = result.meta() if failed else result
        outcome = Outcome(
            error=str(result.err()) if failed else None,
            code=_custom_code(result.err()) if failed else None,
            logs=list(meta.logs()),
            units=meta.compute_units_consumed(),
            return_data=bytes(meta.return_data().data) if meta.return_data() is not None else b"",
            program_names=self.chain.program_names,
        )
        return size, outcome

    # ------------------------------------------------------------------------------------------ attested readings

    def batch_instruction(
        self,
        interval: int,
        registers: Mapping[int, tuple[int, int]],
        *,
        signers: Sequence[Keypair] | None = None,
        runs: bytes | None = None,
        zone: int = 1,
    ) -> Instruction:
        """The instruction that posts attested `registers` (import, export) by slot, or the bytes `runs` in their place."""
        signers = signers if signers is not None else [self.poster]
        accounts = {
            "poster": signers[0],
            "council": self.council,
            "config": self.config,
            "slab": self.slab(zone),
            "roots": self.roots(zone),
        }
        further = [AccountMeta(key.pubkey(), is_signer=True, is_writable=False) for key in signers[1:]]
        packed = runs if runs is not None else posting.pack_runs(registers)
        return self.chain.instruction("oracle", "post_batch", accounts, further, interval=interval, runs=packed)

    def attest(
        self,
        interval: int,
        registers: Mapping[int, tuple[int, int]],
        *,
        signers: Sequence[Keypair] | None = None,
        **options: Any,
    ) -> Outcome:
        """Post attested registers by slot in one transaction."""
        signers = signers if signers is not None else [self.poster]
        built = self.batch_instruction(interval, registers, signers=signers, **options)
        return self.send_packed(built, signers[0], signers[1:])[1]

    def decide(self, name: str, accounts: Mapping[str, Any], council: Keypair | None = None, **args: Any) -> Outcome:
        """Send an instruction that the council signs, with a key in place of its PDA for as long as it takes."""
        signer = council or keypair("the council's signature")
        self.chain.patch(self.config, AT_COUNCIL, bytes(keypair("the council's signature").pubkey()))
        outcome = self.chain.call("oracle", name, {"council": signer, **accounts}, **args)
        self.chain.patch(self.config, AT_COUNCIL, bytes(self.council))
        return outcome

    def correct(self, slot: int, interval: int, import_wh: int, export_wh: int, **options: Any) -> Outcome:
        """Set a slot's attested registers by the council."""
        accounts = {
            "config": self.config,
            "slab": self.slab(),
            "roots": self.roots(),
            "fault": options.pop("fault", self.fault(slot)),
        }
        note = options.pop("note_hash", bytes(32))
        args = {"slot": slot, "interval": interval, "import_wh": import_wh, "export_wh": export_wh, "note_hash": note}
        return self.decide("correct", accounts, options.pop("council", None), **args)

    def set_oracles(self, threshold: int, keys: Sequence[Pubkey], council: Keypair | None = None) -> Outcome:
        """Replace the oracle keys by the council."""
        return self.decide(
            "set_oracles",
            {"config": self.config},
            council,
            threshold=threshold,
            oracle_keys=[bytes(key) for key in keys],
        )

    def fault(self, slot: int, zone: int = 1) -> Pubkey:
        """Address of a meter's Fault."""
        return pda("oracle", b"fault", zone.to_bytes(2, "little"), slot.to_bytes(2, "little"))

    # ----------------------------------------------------------------------------------------------- feeds, totals

    def feed(self, kind: int, series: int, zone: int) -> Pubkey:
        """Address of a feed."""
        return pda("oracle", b"feed", bytes((kind, series)), zone.to_bytes(2, "little"))

    def feed_accounts(self, kind: int, series: int, zone: int) -> dict[str, Any]:
        """The accounts that create a feed."""
        return {
            "payer": self.chain.payer,
            "admin": self.admin,
            "admin_user": pda("registry", b"user", bytes(self.admin.pubkey())),
            "config": self.config,
            "feed": self.feed(kind, series, zone),
        }

    @staticmethod
    def feed_args(kind: int, series: int, zone: int, **changes: Any) -> dict[str, Any]:
        """The arguments that create a feed of tenths from -400 to 1,500, stale after two hours."""
        bounds = {"exponent": -1, "max_age_s": 7_200, "min_value": -400, "max_value": 1_500, "max_confidence": 50}
        return {"kind": kind, "series": series, "zone": zone, **bounds} | changes

    def create_feed(self, kind: int, series: int, zone: int, **changes: Any) -> Outcome:
        """Create a feed; `changes` replace accounts or arguments by name."""
        accounts, args = self.feed_accounts(kind, series, zone), self.feed_args(kind, series, zone)
        accounts |= {name: value for name, value in changes.items() if name in accounts}
        args |= {name: value for name, value in changes.items() if name in args}
        return self.chain.call("oracle", "create_feed", accounts, **args)

    def totals(self, zone: int = 1) -> Pubkey:
        """Address of a zone's totals."""
        return pda("oracle", b"totals", zone.to_bytes(2, "little"))

    def open_totals(self, zone: int = 1) -> Outcome:
        """Make a zone's totals."""
        accounts = {"payer": self.chain.payer, "slab": self.slab(zone), "totals": self.totals(zone)}
        return self.chain.call("oracle", "open_totals", accounts)

    def close(self, interval: int, zone: int = 1) -> Outcome:
        """Close an interval of a zone."""
        accounts = {"slab": self.slab(zone), "totals": self.totals(zone)}
        return self.chain.call("oracle", "close_interval", accounts, interval=interval)

    def open_trades(self) -> Outcome:
        """Make the totals of what traded."""
        accounts = {"payer": self.chain.payer, "config": self.config, "trades": self.trades}
        return self.chain.call("oracle", "open_trades", accounts)

    def record(self, interval: int, **changes: Any) -> Outcome:
        """Copy what traded in an interval."""
        accounts = {
            "config": self.config,
            "trading_config": self.trading_config,
            "market": self.market,
            "trades": self.trades,
        }
        return self.chain.call("oracle", "record_trades", accounts | changes, interval=interval)

    def put_market(self, totals: Mapping[int, tuple[int, int, int]]) -> None:
        """Write trading.Config and a market in which these (trades, lots, value) fell into these intervals."""
        config = bytearray((discriminator("Config") + bytes((1, 255))).ljust(512, b"\0"))
        config[240:272] = bytes(self.market)
        self.chain.put(self.trading_config, bytes(config), program_id("trading"))
        market = bytearray((discriminator("Market") + bytes((1, 255))).ljust(MARKET_SIZE, b"\0"))
        for interval, (trades, lots, value) in totals.items():
            at = MARKET_INTERVALS_AT + 64 * (interval % 128)
            running_hash = hashlib.sha256(str(interval).encode()).digest()
            market[at : at + 64] = struct.pack("<IIQQ32sQ", interval, trades, lots, value, running_hash, trades)
        self.chain.put(self.market, bytes(market), program_id("trading"))

    # ------------------------------------------------------------------------------------------------- read back

    def entry(self, slot: int, zone: int = 1) -> dict[str, Any]:
        """One slot of the slab."""
        at = ENTRY_AT + ENTRY_SIZE * slot
        values = ENTRY.unpack(self.chain.data(self.slab(zone))[at : at + ENTRY_SIZE])
        return dict(zip(ENTRY_FIELDS, values, strict=True))

    def patch_entry(self, slot: int, at: int, value: bytes, zone: int = 1) -> None:
        """Overwrite bytes of a slot, as nothing but a test can."""
        self.chain.patch(self.slab(zone), ENTRY_AT + ENTRY_SIZE * slot + at, value)

    def next_seq(self, zone: int = 1) -> int:
        """Roots so far."""
        return int.from_bytes(self.chain.data(self.roots(zone))[16:24], "little")

    def ring(self, seq: int, zone: int = 1) -> tuple[int, int, int, bytes]:
        """Interval, count, flags and root of the ring's entry for `seq`."""
        at = RING_AT + ROOT.size * (seq % RING_LEN)
        return ROOT.unpack(self.chain.data(self.roots(zone))[at : at + ROOT.size])

    def peaks(self, zone: int = 1) -> dict[int, bytes]:
        """Valid peaks by height."""
        data, count = self.chain.data(self.roots(zone)), self.next_seq(zone)
        return {k: data[PEAKS_AT + 32 * k : PEAKS_AT + 32 * k + 32] for k in range(24) if count >> k & 1}

    def now_interval(self) -> int:
        """The last interval that has ended."""
        return self.chain.now_s() // 900 - 1


def replaced(instruction: Instruction, index: int, **changes: Any) -> Instruction:
    """The instruction with one account's address or flags changed."""
    metas = list(instruction.accounts)
    old = metas[index]
    metas[index] = AccountMeta(
        changes.get("pubkey", old.pubkey),
        is_signer=changes.get("is_signer", old.is_signer),
        is_writable=changes.get("is_writable", old.is_writable),
    )
    return Instruction(instruction.program_id, instruction.data, metas)


# ---------------------------------------------------------------------------------------------------------- the model


@dataclass
class ModelSlot:
    """What a slot holds after the readings so far, by the rules."""

    max_wh: int = MAX_WH
    status: int = ACTIVE
    import_wh: int = 0
    export_wh: int = 0
    acc_import_wh: int = 0
    acc_export_wh: int = 0
    last_interval: int = 0
    register_epoch: int = 0
    opened: bool = False
    approved: bool = False

    def take(self, reading: Reading, *, latest_end_s: int, net: bool, genuine: bool = True) -> tuple[int, int]:
        """Judge a reading sent with all eight bytes, signed by the right key if `genuine`; return (reason, flags)."""
        epoch = self.register_epoch + 1 if reading.next_epoch else self.register_epoch
        if self.status != ACTIVE:
            return INACTIVE, 0
        if reading.next_epoch and not self.approved:
            return WRONG_EPOCH, 0
        opening = reading.next_epoch or not self.opened
        if reading.interval < self.last_interval + (0 if opening else 1):
            return STALE, 0
        if 900 * (reading.interval + 1) > latest_end_s:
            return FUTURE, 0
        if reading.quality & 0x000F:
            return MASKED, 0
        flags = VERIFIED
        credit_import = credit_export = 0
        if opening:
            flags |= OPENING
        else:
            credit_import = reading.import_wh - self.import_wh
            credit_export = reading.export_wh - self.export_wh
            span = reading.interval - self.last_interval
            if credit_import < 0 or credit_export < 0:
                return LOWER, 0
            if max(credit_import, credit_export) > self.max_wh * span:
                return OVER_CAPACITY, 0
            if net and span == 1:
                both = min(credit_import, credit_export)
                credit_import, credit_export, flags = credit_import - both, credit_export - both, flags | NETTED
        if not genuine or reading.register_epoch != epoch:
            return BAD_SIGNATURE, 0
        self.acc_import_wh += credit_import
        self.acc_export_wh += credit_export
        self.import_wh, self.export_wh = reading.import_wh, reading.export_wh
        self.last_interval, self.opened = reading.interval, True
        if reading.next_epoch:
            self.register_epoch, self.approved = epoch, False
        return APPLIED, flags


def batch_root(records: list[bytes]) -> bytes:
    """Root over the records of one batch."""
    level = [hashlib.sha256(b"\0" + b"".join(records[at : at + 4])).digest() for at in range(0, len(records), 4)]
    while len(level) > 1:
        paired = [hashlib.sha256(b"\1" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = paired + ([level[-1]] if len(level) % 2 else [])
    return level[0]


def mountain_peaks(roots: list[bytes]) -> dict[int, bytes]:
    """Peaks over all roots, by height: whole mountains from the left, each a perfect tree."""
    found = {}
    first = 0
    for height in range(len(roots).bit_length() - 1, -1, -1):
        if len(roots) >> height & 1:
            level = roots[first : first + (1 << height)]
            while len(level) > 1:
                level = [hashlib.sha256(b"\1" + level[i] + level[i + 1]).digest() for i in range(0, len(level), 2)]
            found[height] = level[0]
            first += 1 << height
    return found


def mountain_path(roots: list[bytes], seq: int) -> list[bytes]:
    """Siblings from root `seq` to its peak."""
    first = 0
    for height in range(len(roots).bit_length() - 1, -1, -1):
        if len(roots) >> height & 1:
            if seq < first + (1 << height):
                level, index, path = roots[first : first + (1 << height)], seq - first, []
                while len(level) > 1:
                    path.append(level[index ^ 1])
                    level = [hashlib.sha256(b"\1" + level[i] + level[i + 1]).digest() for i in range(0, len(level), 2)]
                    index //= 2
                return path
            first += 1 << height
    raise AssertionError(f"no root {seq}")
