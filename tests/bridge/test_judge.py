"""What a reading is worth, on both sides of every edge."""

from __future__ import annotations

import bridge_fakes as fakes
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkit.chain.accounts import decode_meter
from gridkit.reading import encode_core
from gridkit.receipt import Verdict, is_permanent, is_transient
from oracle_bridge.judge import (
    VERDICTS,
    Accepted,
    Baseline,
    DeviceKey,
    Duplicate,
    History,
    Meter,
    MeterStatus,
    Reason,
    Rejected,
    admit,
    judge,
)
from oracle_bridge.registry import meter_of

FIRST = fakes.BASE_INTERVAL
NOW_S = fakes.end_of(FIRST)


@pytest.fixture
def device() -> fakes.FakeMeter:
    return fakes.FakeMeter(7)


def record(device: fakes.FakeMeter, **changes: object) -> Meter:
    return msgspec.structs.replace(meter_of(decode_meter(device.registry_account())), **changes)


def verdict(device: fakes.FakeMeter, history: History | None = None, now_s: int = NOW_S, **changes: object) -> object:
    fields = {"interval": FIRST, "import_wh": 10_000, "export_wh": 4_000} | changes
    core = device.core(**fields)
    return judge(core, encode_core(core), record(device), history or History(), now_s)


def test_every_reason_has_a_verdict_for_the_receipt() -> None:
    """A refusal without a verdict would leave the edge without an answer, and the reading in its spool for ever."""
    assert set(VERDICTS) == set(Reason)
    assert all(is_permanent(v) or is_transient(v) for v in VERDICTS.values())
    assert Verdict.STORED not in VERDICTS.values()


def test_a_reading_of_another_network_is_refused(device: fakes.FakeMeter) -> None:
    """A test campus must not mint on the real one with the same keys."""
    core = device.core(FIRST, 1, 1, network_tag=b"oops")
    assert admit(core, fakes.TAG, record(device)) == Rejected(Reason.WRONG_NETWORK)


def test_an_unknown_meter_is_refused_for_now(device: fakes.FakeMeter) -> None:
    """Enrolment may be a few seconds old: the edge must keep the reading."""
    assert admit(device.core(FIRST, 1, 1), fakes.TAG, None) == Rejected(Reason.UNKNOWN_METER)
    assert is_transient(VERDICTS[Reason.UNKNOWN_METER])


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (MeterStatus.PENDING, Reason.METER_PENDING),
        (MeterStatus.SUSPENDED, Reason.METER_SUSPENDED),
        (MeterStatus.RETIRED, Reason.METER_RETIRED),
    ],
)
def test_only_active_meters_are_admitted(device: fakes.FakeMeter, status: MeterStatus, reason: Reason) -> None:
    """A suspended meter's energy must not reach the market; it stays with the edge until the paper is signed."""
    assert admit(device.core(FIRST, 1, 1), fakes.TAG, record(device, status=status)) == Rejected(reason)


def test_the_interval_chooses_the_key(device: fakes.FakeMeter) -> None:
    """A reading spooled before a rotation was signed by the key of its day and must still count."""
    old_key = device.keys[0][0]
    device.rotate(FIRST + 5)
    new_key = device.keys[0][0]
    meter = record(device)
    assert admit(device.core(FIRST + 4, 1, 1, key_epoch=0), fakes.TAG, meter) == DeviceKey(old_key, 0, 0)
    assert admit(device.core(FIRST + 5, 1, 1, key_epoch=1), fakes.TAG, meter) == DeviceKey(new_key, FIRST + 5, 1)
    assert admit(device.core(FIRST + 5, 1, 1, key_epoch=0), fakes.TAG, meter) == Rejected(Reason.WRONG_KEY_EPOCH)
    assert admit(device.core(FIRST + 4, 1, 1, key_epoch=1), fakes.TAG, meter) == Rejected(Reason.WRONG_KEY_EPOCH)


def test_a_revoked_key_admits_nothing(device: fakes.FakeMeter) -> None:
    """Whoever stole a key could otherwise still fill in the past."""
    revoked = tuple(msgspec.structs.replace(key, revoked=True) for key in record(device).keys)
    assert admit(device.core(FIRST, 1, 1), fakes.TAG, record(device, keys=revoked)) == Rejected(Reason.KEY_REVOKED)


@pytest.mark.parametrize(
    ("now_s", "expected"),
    [
        (NOW_S - 60, Accepted(True)),
        (NOW_S - 61, Rejected(Reason.SLIGHTLY_AHEAD)),
        (NOW_S - 960, Rejected(Reason.SLIGHTLY_AHEAD)),
        (NOW_S - 961, Rejected(Reason.FAR_FUTURE)),
    ],
)
def test_the_future_is_refused_by_how_far_it_is_ahead(device: fakes.FakeMeter, now_s: int, expected: object) -> None:
    """A clock a minute off is Tuesday; one an interval off is an alarm, and its readings can never be right."""
    assert verdict(device, now_s=now_s) == expected


def test_the_same_core_again_is_a_duplicate_and_another_is_a_conflict(device: fakes.FakeMeter) -> None:
    """A broker delivers twice; but a meter that signs two truths for one quarter hour has a fault that must be seen."""
    stored = encode_core(device.core(FIRST, 10_000, 4_000))
    assert verdict(device, History(same=stored)) == Duplicate(FIRST)
    assert verdict(device, History(same=stored), import_wh=10_001) == Rejected(Reason.CONFLICT)


def test_registers_never_fall_within_an_epoch(device: fakes.FakeMeter) -> None:
    """A register that falls would let the same energy be credited again when it rises."""
    before = History(before=Baseline(FIRST - 1, 10_000, 4_000))
    assert verdict(device, before) == Accepted(True)
    assert verdict(device, before, import_wh=9_999) == Rejected(Reason.REGISTER_LOWER)
    assert verdict(device, before, export_wh=3_999) == Rejected(Reason.REGISTER_LOWER)
    after = History(after=Baseline(FIRST + 1, 10_000, 4_000))
    assert verdict(device, after) == Accepted(True)
    assert verdict(device, after, import_wh=10_001) == Rejected(Reason.REGISTER_ABOVE_LATER)
    assert verdict(device, after, export_wh=4_001) == Rejected(Reason.REGISTER_ABOVE_LATER)


@pytest.mark.parametrize("field", ["import_wh", "export_wh"])
def test_energy_is_bounded_by_the_connection_over_the_whole_gap(device: fakes.FakeMeter, field: str) -> None:
    """A meter cannot deliver more than its wires carry; after an outage the bound covers every missed interval."""
    start = {"import_wh": 10_000, "export_wh": 4_000}
    before = History(before=Baseline(FIRST - 3, **start))
    bound_wh = 3 * device.max_wh_interval
    assert verdict(device, before, **{field: start[field] + bound_wh}) == Accepted(True)
    assert verdict(device, before, **{field: start[field] + bound_wh + 1}) == Rejected(Reason.OVER_CAPACITY)
    after = History(
        after=Baseline(FIRST + 2, **{name: value + 2 * device.max_wh_interval for name, value in start.items()})
    )
    assert verdict(device, after) == Accepted(True)
    assert verdict(device, after, **{field: start[field] - 1}) == Rejected(Reason.OVER_CAPACITY)


def test_a_register_epoch_must_be_approved(device: fakes.FakeMeter) -> None:
    """A meter that resets itself could otherwise credit its whole register anew; older epochs may still arrive late."""
    device.register_epoch = 2
    assert verdict(device, register_epoch=3) == Rejected(Reason.WRONG_REGISTER_EPOCH)
    assert verdict(device, register_epoch=2) == Accepted(True)
    assert verdict(device, register_epoch=1) == Accepted(True)


def test_registers_beyond_63_bits_are_refused(device: fakes.FakeMeter) -> None:
    """A database column would overflow and take the whole batch with it."""
    assert verdict(device, import_wh=2**63 - 1) == Accepted(True)
    assert verdict(device, import_wh=2**63) == Rejected(Reason.OUT_OF_RANGE)
    assert verdict(device, export_wh=2**64 - 1) == Rejected(Reason.OUT_OF_RANGE)


@given(quality=st.integers(0, 0x7FFF))
def test_only_unmasked_readings_are_postable(quality: int) -> None:
    """An estimate that reached the chain would be minted as if it had been measured."""
    device = fakes.FakeMeter(7)
    assert verdict(device, quality=quality) == Accepted(quality & 0xF == 0)
