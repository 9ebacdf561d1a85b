"""Decides what a reading is worth: accepted, a second copy, or refused with a reason. Pure: values in, a value out.

The signature is checked by the caller between `admit` (which key must have signed) and `judge` (is it plausible), so that
nobody who cannot sign learns anything or raises a clock alarm.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gridkit.interval import is_acceptable, is_slightly_ahead
from gridkit.quality import is_postable
from gridkit.reading import Core
from gridkit.receipt import Verdict

MAX_REGISTER_WH = 2**63 - 1
"""Largest register that is kept: what a signed 64-bit column holds. At 1 TW it lasts a thousand years."""


class Reason(StrEnum):
    """Why a reading is refused; a metric label, never renamed."""

    MALFORMED = "malformed"
    OVERSIZED = "oversized"
    TRUNCATED = "truncated"
    WRONG_TOPIC = "wrong_topic"
    WRONG_NETWORK = "wrong_network"
    UNKNOWN_METER = "unknown_meter"
    METER_PENDING = "meter_pending"
    METER_SUSPENDED = "meter_suspended"
    METER_RETIRED = "meter_retired"
    WRONG_KEY_EPOCH = "wrong_key_epoch"
    KEY_REVOKED = "key_revoked"
    BAD_SIGNATURE = "bad_signature"
    WRONG_REGISTER_EPOCH = "wrong_register_epoch"
    SLIGHTLY_AHEAD = "slightly_ahead"
    FAR_FUTURE = "far_future"
    CONFLICT = "conflict"
    REGISTER_LOWER = "register_lower"
    REGISTER_ABOVE_LATER = "register_above_later"
    OVER_CAPACITY = "over_capacity"
    OUT_OF_RANGE = "out_of_range"
    REGISTRY_UNAVAILABLE = "registry_unavailable"
    REGISTRY_STALE = "registry_stale"
    STORE_UNAVAILABLE = "store_unavailable"


VERDICTS: dict[Reason, Verdict] = {
    Reason.MALFORMED: Verdict.MALFORMED,
    Reason.OVERSIZED: Verdict.MALFORMED,
    Reason.TRUNCATED: Verdict.MALFORMED,
    Reason.WRONG_TOPIC: Verdict.MALFORMED,
    Reason.WRONG_NETWORK: Verdict.WRONG_NETWORK,
    Reason.UNKNOWN_METER: Verdict.UNKNOWN_METER,
    Reason.METER_PENDING: Verdict.UNKNOWN_METER,
    Reason.METER_SUSPENDED: Verdict.UNKNOWN_METER,
    Reason.METER_RETIRED: Verdict.RETIRED_METER,
    Reason.WRONG_KEY_EPOCH: Verdict.WRONG_KEY_EPOCH,
    Reason.KEY_REVOKED: Verdict.WRONG_KEY_EPOCH,
    Reason.BAD_SIGNATURE: Verdict.BAD_SIGNATURE,
    Reason.WRONG_REGISTER_EPOCH: Verdict.WRONG_REGISTER_EPOCH,
    Reason.SLIGHTLY_AHEAD: Verdict.SLIGHTLY_AHEAD,
    Reason.FAR_FUTURE: Verdict.FAR_FUTURE,
    Reason.CONFLICT: Verdict.CONFLICT,
    Reason.REGISTER_LOWER: Verdict.REGISTER_LOWER,
    Reason.REGISTER_ABOVE_LATER: Verdict.REGISTER_LOWER,
    Reason.OVER_CAPACITY: Verdict.OVER_CAPACITY,
    Reason.OUT_OF_RANGE: Verdict.OVER_CAPACITY,
    Reason.REGISTRY_UNAVAILABLE: Verdict.STORE_UNAVAILABLE,
    Reason.REGISTRY_STALE: Verdict.STORE_UNAVAILABLE,
    Reason.STORE_UNAVAILABLE: Verdict.STORE_UNAVAILABLE,
}
"""What the receipt says for each reason. A suspended or pending meter's readings are kept by the edge: energy that was
measured is not thrown away because of a paper that is not signed yet."""


class MeterStatus(StrEnum):
    """Where a meter stands in the registry."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    RETIRED = "retired"


class DeviceKey(msgspec.Struct, frozen=True):
    """A key of a meter: 32 bytes, the first interval it signs, its epoch, and whether it was revoked."""

    key: bytes
    first_interval: int
    epoch: int
    revoked: bool = False


class Meter(msgspec.Struct, frozen=True):
    """What the registry says about a meter; `keys` newest first, energy bound in Wh an interval."""

    meter_number: int
    zone: int
    slot: int
    status: MeterStatus
    register_epoch: int
    max_wh_interval: int
    keys: tuple[DeviceKey, ...]


class Baseline(msgspec.Struct, frozen=True):
    """A stored, unmasked reading of the same register epoch: interval and registers in Wh."""

    interval: int
    import_wh: int
    export_wh: int


class History(msgspec.Struct, frozen=True):
    """What the store knows around one reading.

    Attributes:
        same: Core bytes already stored for this meter, register epoch and interval, or None.
        before, after: Nearest unmasked readings of the same register epoch, or None.
    """

    same: bytes | None = None
    before: Baseline | None = None
    after: Baseline | None = None


class Accepted(msgspec.Struct, frozen=True):
    """To be stored. `postable` False = masked by its quality: stored and shown, never posted, never a baseline."""

    postable: bool


class Duplicate(msgspec.Struct, frozen=True):
    """The same core is stored already: receipted again, stored and credited once."""

    interval: int


class Rejected(msgspec.Struct, frozen=True):
    """Refused; nothing changes but a counter."""

    reason: Reason


Judgement = Accepted | Duplicate | Rejected


def admit(core: Core, network_tag: bytes, meter: Meter | None) -> DeviceKey | Rejected:
    """Return the key that must have signed this core, or why nobody's signature could help.

    Args:
        core: As decoded.
        network_tag: Ours, 4 bytes.
        meter: The registry's record of core.meter_number, None when it has none.
    """
    if core.network_tag != network_tag:
        return Rejected(Reason.WRONG_NETWORK)
    if meter is None:
        return Rejected(Reason.UNKNOWN_METER)
    if meter.status is MeterStatus.RETIRED:
        return Rejected(Reason.METER_RETIRED)
    if meter.status is MeterStatus.PENDING:
        return Rejected(Reason.METER_PENDING)
    if meter.status is MeterStatus.SUSPENDED:
        return Rejected(Reason.METER_SUSPENDED)
    key = key_at(meter, core.interval)
    if key is None or key.epoch != core.key_epoch:
        return Rejected(Reason.WRONG_KEY_EPOCH)
    return Rejected(Reason.KEY_REVOKED) if key.revoked else key


def key_at(meter: Meter, interval: int) -> DeviceKey | None:
    """Return the key in force for an interval: the newest whose first interval is not after it. The interval chooses."""
    return next((key for key in meter.keys if interval >= key.first_interval), None)


def judge(core: Core, core_bytes: bytes, meter: Meter, history: History, now_s: int) -> Judgement:
    """Return what a reading with a good signature is worth.

    Args:
        core, core_bytes: Decoded and as signed.
        meter: The registry's record, active.
        history: What is stored around it.
        now_s: Campus time, UTC epoch seconds.
    """
    if history.same is not None:
        return Duplicate(core.interval) if history.same == core_bytes else Rejected(Reason.CONFLICT)
    if not is_acceptable(core.interval, now_s):
        return Rejected(Reason.SLIGHTLY_AHEAD if is_slightly_ahead(core.interval, now_s) else Reason.FAR_FUTURE)
    if core.register_epoch > meter.register_epoch:
        return Rejected(Reason.WRONG_REGISTER_EPOCH)
    if max(core.import_wh, core.export_wh) > MAX_REGISTER_WH:
        return Rejected(Reason.OUT_OF_RANGE)
    reading = Baseline(core.interval, core.import_wh, core.export_wh)
    for earlier, later in ((history.before, reading), (reading, history.after)):
        if earlier is None or later is None:
            continue
        reason = _contradiction(earlier, later, meter.max_wh_interval)
        if reason is Reason.REGISTER_LOWER and earlier is reading:
            reason = Reason.REGISTER_ABOVE_LATER
        if reason is not None:
            return Rejected(reason)
    return Accepted(is_postable(core.quality))


def _contradiction(earlier: Baseline, later: Baseline, max_wh_interval: int) -> Reason | None:
    import_growth_wh = later.import_wh - earlier.import_wh
    export_growth_wh = later.export_wh - earlier.export_wh
    if import_growth_wh < 0 or export_growth_wh < 0:
        return Reason.REGISTER_LOWER
    bound_wh = max_wh_interval * (later.interval - earlier.interval)
    if import_growth_wh > bound_wh or export_growth_wh > bound_wh:
        return Reason.OVER_CAPACITY
    return None
