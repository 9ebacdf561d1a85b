"""Reads the programs' accounts: which bytes hold which value. It decides nothing about what the values mean.

Offsets stand in each program's interface; here they are fixed once more as struct formats because the hot readers (slab,
ledger, roots) run for every posting, and a test compares the two.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from gridkit.chain import merkle

SLAB_SIZE = 37_024
SLAB_HEADER = 160
SLAB_ENTRY = 144
SLOT_COUNT = 256
ROOTS_SIZE = 9_728
RING_LEN = 220
RING_AT = 160
RING_ENTRY = 40
PEAKS_AT = 8_960
LEDGER_SIZE = 55_552
LEDGER_METERS_AT = 256
LEDGER_METER = 24
LEDGER_ROWS_AT = 6_400
LEDGER_ROW = 96
NO_ROW = 0xFFFF
METER_SIZE = 384
USER_SIZE = 160
COUNCIL_SIZE = 1_792
FEED_SIZE = 192

ENTRY_OPENED = 1
ENTRY_NEXT_EPOCH_APPROVED = 2
ENTRY_FAULTED = 4
ENTRY_AHEAD_SHIFT = 8
STATUS_PENDING, STATUS_ACTIVE, STATUS_SUSPENDED, STATUS_RETIRED = range(4)
KEY_COMPROMISED = 1

PAUSE_READINGS = 1
PAUSE_SETTLE = 2
PAUSE_ORDERS = 4
PAUSE_AUCTION = 8
PAUSE_DEPOSITS = 16
PARAM_READING_TOLERANCE = 2


class AccountError(Exception):
    """Bytes are not the account that was asked for; `account` names the type."""

    def __init__(self, account: str, why: str) -> None:
        super().__init__(f"{account}: {why}")
        self.account = account


def discriminator(name: str) -> bytes:
    """Return the first 8 bytes of an account of type `name`."""
    return hashlib.sha256(f"account:{name}".encode()).digest()[:8]


_DISCS = {
    name: discriminator(name)
    for name in (
        "Council",
        "User",
        "Meter",
        "MeterSlab",
        "RootRing",
        "Ledger",
        "Market",
        "Auctions",
        "Config",
        "Zone",
        "Feed",
    )
}


def check(data: bytes, name: str, size: int | None = None) -> None:
    """Raise AccountError unless `data` begins as an account of type `name` (and has `size` bytes)."""
    if data[:8] != _DISCS[name]:
        raise AccountError(name, f"the discriminator is {data[:8].hex()}")
    if size is not None and len(data) != size:
        raise AccountError(name, f"{len(data)} bytes are not {size}")


class Council(msgspec.Struct, frozen=True):
    """governance.Council: what pauses and bounds the others. Times in UTC epoch seconds."""

    member_count: int
    threshold: int
    pause_mask: int
    council_epoch: int
    pause_until_s: int
    credit_mint: bytes
    members: tuple[bytes, ...]
    params: tuple[int, ...]

    def paused(self, bit: int, now_s: int) -> bool:
        """Return whether a pause bit is in force."""
        return bool(self.pause_mask & bit) and now_s < self.pause_until_s


def decode_council(data: bytes) -> Council:
    """Return a governance.Council; AccountError when it is none."""
    check(data, "Council", COUNCIL_SIZE)
    count = data[10]
    return Council(
        member_count=count,
        threshold=data[11],
        pause_mask=data[13],
        council_epoch=_u32(data, 16),
        pause_until_s=struct.unpack_from("<q", data, 24)[0],
        credit_mint=data[64:96],
        members=tuple(data[192 + 32 * i : 224 + 32 * i] for i in range(count)),
        params=tuple(_u64(data, 704 + 32 * i) for i in range(32)),
    )


class User(msgspec.Struct, frozen=True):
    """registry.User: role 0 student, 1 faculty, 2 partner, 3 facilities, 4 operator, 5 auditor, 6 admin; status 1 active."""

    role: int
    status: int
    user_number: int
    wallet: bytes


def decode_user(data: bytes) -> User:
    """Return a registry.User; AccountError when it is none."""
    check(data, "User", USER_SIZE)
    return User(data[10], data[11], _u32(data, 12), data[16:48])


class DeviceKey(msgspec.Struct, frozen=True):
    """A device key: 32 bytes, first interval it may sign, its epoch; flag bit 0 = compromised."""

    key: bytes
    first_interval: int
    epoch: int
    flags: int


class Meter(msgspec.Struct, frozen=True):
    """registry.Meter. Power in W, energy bound in Wh an interval; `keys` newest first, empty places left out."""

    status: int
    kind: int
    meter_number: int
    meter_id: bytes
    owner: bytes
    zone: int
    slot: int
    capacity_w: int
    max_wh_interval: int
    key_epoch: int
    register_epoch: int
    keys: tuple[DeviceKey, ...]
    location_hash: bytes
    registered_at_s: int
    closing_import_wh: int
    closing_export_wh: int
    opening_import_wh: int
    opening_export_wh: int
    serial_hash: bytes

    def key_at(self, interval: int) -> DeviceKey | None:
        """Return the key that signs `interval`: the newest whose first interval is not after it; None when revoked."""
        for key in self.keys:
            if interval >= key.first_interval:
                return None if key.flags & KEY_COMPROMISED else key
        return None


_METER_HEAD = struct.Struct("<10xBBI16s32sHHIIHH")
_METER_KEY = struct.Struct("<32sIHH")
_METER_TAIL = struct.Struct("<32sqQQQQ32s")


def decode_meter(data: bytes) -> Meter:
    """Return a registry.Meter; AccountError when it is none."""
    check(data, "Meter", METER_SIZE)
    head = _METER_HEAD.unpack_from(data)
    found = (DeviceKey(*_METER_KEY.unpack_from(data, 80 + 40 * i)) for i in range(4))
    tail = _METER_TAIL.unpack_from(data, 240)
    keys = tuple(key for key in found if any(key.key))
    return Meter(*head, keys, *tail)  # type: ignore[call-arg]  # the formats' order is the struct's


class SlabEntry(NamedTuple):
    """One slot of an oracle slab; see the oracle's interface for each field."""

    key_current: bytes
    key_previous: bytes
    import_wh: int
    export_wh: int
    acc_import_wh: int
    acc_export_wh: int
    attested_import_wh: int
    attested_export_wh: int
    meter_number: int
    last_interval: int
    switch_interval: int
    max_wh_interval: int
    attested_interval: int
    applied_count: int
    key_epoch: int
    register_epoch: int
    status: int
    kind: int
    flags: int

    @property
    def opened(self) -> bool:
        """Return whether the opening reading of this register epoch has been applied."""
        return bool(self.flags & ENTRY_OPENED)

    @property
    def epochs_ahead(self) -> int:
        """Return how many register epochs after the present one a reading may open."""
        return max(self.flags >> ENTRY_AHEAD_SHIFT, int(bool(self.flags & ENTRY_NEXT_EPOCH_APPROVED)))

    def key_for(self, interval: int) -> bytes:
        """Return the key that the program checks a reading of `interval` with."""
        return self.key_current if interval >= self.switch_interval else self.key_previous


_ENTRY = struct.Struct("<32s32s6Q6IHHBBH")
assert _ENTRY.size == SLAB_ENTRY


class Slab(msgspec.Struct, frozen=True):
    """oracle.MeterSlab: header and the slots in use, by slot number."""

    zone: int
    net_mode: int
    network_tag: bytes
    roots: bytes
    entries: dict[int, SlabEntry]


def decode_slab(data: bytes) -> Slab:
    """Return an oracle.MeterSlab; AccountError when it is none."""
    check(data, "MeterSlab", SLAB_SIZE)
    rows = enumerate(_ENTRY.iter_unpack(data[SLAB_HEADER:]))
    entries = {slot: SlabEntry(*row) for slot, row in rows if row[8]}
    return Slab(_u16(data, 10), data[14], data[16:20], data[24:56], entries)


class RingRoot(NamedTuple):
    """One root of the ring: number, highest interval, record count, flags, root of 32 bytes."""

    seq: int
    interval: int
    record_count: int
    flags: int
    root: bytes


class Roots(msgspec.Struct, frozen=True):
    """oracle.RootRing: how many roots there are, the last of them, and the peaks by height."""

    zone: int
    next_seq: int
    total_records: int
    ring: tuple[RingRoot, ...]
    peaks: dict[int, bytes]


_RING = struct.Struct("<IHH32s")


def decode_roots(data: bytes) -> Roots:
    """Return an oracle.RootRing; AccountError when it is none."""
    check(data, "RootRing", ROOTS_SIZE)
    next_seq = _u64(data, 16)
    ring = tuple(
        RingRoot(seq, *_RING.unpack_from(data, RING_AT + RING_ENTRY * (seq % RING_LEN)))
        for seq in range(max(0, next_seq - RING_LEN), next_seq)
    )
    heights = (height for height in range(merkle.PEAK_COUNT) if next_seq >> height & 1)
    peaks = {height: data[PEAKS_AT + 32 * height : PEAKS_AT + 32 * height + 32] for height in heights}
    return Roots(_u16(data, 10), next_seq, _u64(data, 56), ring, peaks)


class LedgerMeter(NamedTuple):
    """What one meter slot has settled, Wh; row 65535 = no row attached."""

    settled_import_wh: int
    settled_export_wh: int
    meter_number: int
    row: int


class LedgerRow(NamedTuple):
    """One user's account in a zone, atoms."""

    wallet: bytes
    balance_atoms: int
    debt_atoms: int
    minted_atoms: int
    burned_atoms: int
    keep_atoms: int
    listed_interval: int
    reserve_ticks: int
    flags: int
    user_number: int
    retired_atoms: int


class Ledger(msgspec.Struct, frozen=True):
    """energy_token.Ledger: totals in atoms, attached meters by slot, rows by number."""

    zone: int
    minted_atoms: int
    burned_atoms: int
    debt_atoms: int
    balance_atoms: int
    retired_atoms: int
    meters: dict[int, LedgerMeter]
    rows: dict[int, LedgerRow]


_LEDGER_METER = struct.Struct("<QQIHxx")
_LEDGER_ROW = struct.Struct("<32s5QIHHIxxxxQ")
assert _LEDGER_ROW.size == LEDGER_ROW


def decode_ledger(data: bytes) -> Ledger:
    """Return an energy_token.Ledger; AccountError when it is none."""
    check(data, "Ledger", LEDGER_SIZE)
    rows_used = _u16(data, 12)
    rows = _LEDGER_ROW.iter_unpack(data[LEDGER_ROWS_AT : LEDGER_ROWS_AT + LEDGER_ROW * rows_used])
    return Ledger(
        zone=_u16(data, 10),
        minted_atoms=_u64(data, 80),
        burned_atoms=_u64(data, 88),
        debt_atoms=_u64(data, 96),
        balance_atoms=_u64(data, 104),
        retired_atoms=_u64(data, 120),
        meters=dict(_ledger_meters(data)),
        rows={number: LedgerRow(*row) for number, row in enumerate(rows)},
    )


def _ledger_meters(data: bytes) -> Iterator[tuple[int, LedgerMeter]]:
    rows = _LEDGER_METER.iter_unpack(data[LEDGER_METERS_AT:LEDGER_ROWS_AT])
    for slot, row in enumerate(rows):
        if row[2]:
            yield slot, LedgerMeter(*row)


class MarketHead(msgspec.Struct, frozen=True):
    """trading.Market's running figures: number of the last trade and the hash over all fills."""

    trade_seq: int
    fills_hash: bytes
    event_seq: int


MARKET_HEAD_SIZE = 512


def decode_market_head(data: bytes) -> MarketHead:
    """Return the head of a trading.Market from its first 512 bytes (or more); AccountError when it is none."""
    check(data, "Market")
    return MarketHead(_u64(data, 384), data[480:512], _u64(data, 376))


def mint_supply_atoms(data: bytes) -> int:
    """Return the supply of an SPL mint account, atoms."""
    return _u64(data, 36)


def token_amount_atoms(data: bytes) -> int:
    """Return the amount in an SPL token account, atoms."""
    return _u64(data, 64)


def _u16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def _u64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


class Feed(msgspec.Struct, frozen=True):
    """oracle.Feed: a value means value x 10^exponent in the unit of its series. Times in UTC epoch seconds."""

    kind: int
    series: int
    zone: int
    exponent: int
    max_age_s: int
    interval: int
    value: int
    confidence: int
    publish_time_s: int
    posted_at_s: int
    sequence: int

    def is_stale(self, now_s: int) -> bool:
        """Return whether the value is older than the feed allows, or there is none yet."""
        return self.sequence == 0 or now_s - self.publish_time_s > self.max_age_s


_FEED = struct.Struct("<BBHbxIIqQqqQ")


def decode_feed(data: bytes) -> Feed:
    """Return an oracle.Feed; AccountError when it is none."""
    check(data, "Feed", FEED_SIZE)
    return Feed(*_FEED.unpack_from(data, 10))
