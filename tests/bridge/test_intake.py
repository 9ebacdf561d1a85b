"""What bad input gets: refused with a stated reason, counted, answered, and nothing else changed."""

from __future__ import annotations

from typing import Any

import bridge_fakes as fakes
import pytest
import sqlalchemy as sa
from nacl.signing import SigningKey

from gridkit import reading, receipt
from gridkit.chain import accounts
from gridkit.receipt import Verdict

FIRST = fakes.BASE_INTERVAL


def meter(bench: Any, number: int = 1) -> fakes.FakeMeter:
    return bench.chain.meters[number]


def good(bench: Any, interval: int = FIRST, import_wh: int = 1_000, **changes: Any) -> tuple[str, bytes]:
    device = meter(bench)
    return device.topic, device.payload(interval, import_wh, **changes)


def test_a_good_reading_is_stored_and_receipted(bench: Any) -> None:
    """Without a signed receipt the edge keeps the reading for ever."""
    assert bench.send(good(bench)) == [Verdict.STORED]
    assert bench.states() == {"stored": 1}
    assert bench.refusals() == {}


def test_an_exact_replay_is_receipted_again_and_stored_once(bench: Any) -> None:
    """The edge repeats until it hears; each repetition must be answered and none may count twice."""
    message = good(bench)
    assert bench.send(message) == [Verdict.STORED]
    assert bench.send(message, message) == [Verdict.STORED] * 2
    bench.start()
    assert bench.send(message) == [Verdict.STORED]
    assert bench.states() == {"stored": 1}


def test_two_copies_in_one_batch_are_stored_once(bench: Any) -> None:
    """The broker may deliver both copies before the first is on disk."""
    message = good(bench)
    assert bench.send(message, message) == [Verdict.STORED, Verdict.STORED]
    assert bench.states() == {"stored": 1}
    assert bench.metrics.duplicates == 1


def test_every_flipped_bit_is_refused(bench: Any) -> None:
    """A single bit may turn 1 kWh into 1 GWh; none may pass, and none may hinder the true reading."""
    device = meter(bench)
    detail = b"\x92\x01\x02"
    core = device.core(FIRST, 1_000, 50, detail_hash=reading.detail_hash(detail))
    payload = reading.sign_reading(device.key, core, detail)
    flips = [
        (device.topic, payload[:at] + bytes([payload[at] ^ 1 << bit]) + payload[at + 1 :])
        for at in range(len(payload))
        for bit in range(8)
    ]
    verdicts = bench.send(*flips)
    assert Verdict.STORED not in verdicts
    assert sum(bench.refusals().values()) == len(flips)
    assert bench.states() == {}
    assert bench.send((device.topic, payload)) == [Verdict.STORED]
    assert Verdict.STORED not in bench.send(*flips), "also beside the stored original"
    assert bench.states() == {"stored": 1}


def test_another_meters_key_is_a_bad_signature(bench: Any) -> None:
    """A tenant with one enrolled meter must not sign for the neighbour's."""
    message = good(bench, signing_key=meter(bench, 2).key)
    assert bench.send(message) == [Verdict.BAD_SIGNATURE]
    assert bench.refusals() == {"bad_signature": 1}


def test_an_unknown_meter_is_asked_for_once_more(bench: Any) -> None:
    """A meter enrolled a second ago must not wait ten seconds for its first receipt."""
    bench.send(good(bench))
    late = fakes.FakeMeter(9)
    message = (late.topic, late.payload(FIRST, 5))
    assert bench.send(message) == [Verdict.UNKNOWN_METER]
    bench.chain.enrol(late)
    bench.wall_s += 1.1
    assert bench.send(message) == [Verdict.STORED]
    assert bench.refusals() == {"unknown_meter": 1}


def test_another_core_for_a_stored_interval_is_a_conflict(bench: Any) -> None:
    """The first truth stands, also when both come in one batch; the second is evidence of a fault."""
    assert bench.send(good(bench), good(bench, import_wh=1_001)) == [Verdict.STORED, Verdict.CONFLICT]
    assert bench.send(good(bench, import_wh=1_002)) == [Verdict.CONFLICT]
    assert bench.states() == {"stored": 1}


def test_a_future_interval_is_refused(bench: Any) -> None:
    """A meter ahead of its time could sell energy that has not been produced."""
    now_interval = FIRST + 10
    assert bench.send(good(bench, interval=now_interval + 1)) == [Verdict.SLIGHTLY_AHEAD]
    assert bench.send(good(bench, interval=now_interval + 2)) == [Verdict.FAR_FUTURE]
    assert bench.refusals() == {"slightly_ahead": 1, "far_future": 1}


def test_a_lower_register_is_refused(bench: Any) -> None:
    """Energy would be credited again on the way up."""
    assert bench.send(good(bench)) == [Verdict.STORED]
    assert bench.send(good(bench, interval=FIRST + 1, import_wh=999)) == [Verdict.REGISTER_LOWER]
    assert bench.send(good(bench, interval=FIRST - 1, import_wh=1_001)) == [Verdict.REGISTER_LOWER]
    assert bench.refusals() == {"register_lower": 1, "register_above_later": 1}


def test_energy_above_capacity_is_refused(bench: Any) -> None:
    """A 20 kW connection cannot have delivered a megawatt hour."""
    assert bench.send(good(bench)) == [Verdict.STORED]
    assert bench.send(good(bench, interval=FIRST + 2, import_wh=1_000 + 2 * 5_000 + 1)) == [Verdict.OVER_CAPACITY]
    assert bench.send(good(bench, interval=FIRST + 2, import_wh=1_000 + 2 * 5_000)) == [Verdict.STORED]


def test_a_reading_of_another_deployment_is_refused(bench: Any) -> None:
    """The same meter on a test network must not count here."""
    assert bench.send(good(bench, network_tag=b"\0\0\0\0")) == [Verdict.WRONG_NETWORK]
    assert bench.refusals() == {"wrong_network": 1}


def test_oversized_and_truncated_payloads_are_refused(bench: Any) -> None:
    """A broken or hostile client must cost a line in a log, not memory or a crash."""
    device = meter(bench)
    detail = bytes(2_048 - 111)
    core = device.core(FIRST, 1_000, 0, detail_hash=reading.detail_hash(detail))
    largest = reading.sign_reading(device.key, core, detail)
    assert bench.send((device.topic, largest)) == [Verdict.STORED]
    assert bench.send((device.topic, largest + b"\0")) == [Verdict.MALFORMED]
    assert bench.send((device.topic, largest[:110]), (device.topic, b"")) == [Verdict.MALFORMED] * 2
    assert bench.send((device.topic, largest[:-1])) == [Verdict.MALFORMED]
    assert bench.refusals() == {"malformed": 1, "oversized": 1, "truncated": 2}


def test_a_reading_on_another_meters_topic_is_refused(bench: Any) -> None:
    """The broker's ACL binds a client to topics; a reading from elsewhere got past it."""
    payload = meter(bench).payload(FIRST, 1_000)
    assert bench.send((meter(bench, 2).topic, payload)) == [Verdict.MALFORMED]
    assert bench.send(("cg/v1/2/1/reading", payload)) == [Verdict.MALFORMED]
    assert bench.send(("cg/v1/x/1/reading", payload), ("cg/v1/1/1/receipt", payload)) == [None, None]
    assert bench.refusals() == {"wrong_topic": 4}


def test_a_reading_with_the_wrong_register_epoch_is_refused(bench: Any) -> None:
    """Only an approved swap may start a register anew."""
    assert bench.send(good(bench, register_epoch=1)) == [Verdict.WRONG_REGISTER_EPOCH]
    meter(bench).register_epoch = 1
    bench.wall_s += 6
    assert bench.send(good(bench, register_epoch=1, import_wh=3)) == [Verdict.STORED]


def test_a_retired_meter_is_refused_but_its_replays_are_receipted(bench: Any) -> None:
    """The last receipt may have been lost; the edge must be able to empty its spool."""
    message = good(bench)
    assert bench.send(message) == [Verdict.STORED]
    meter(bench).status = accounts.STATUS_RETIRED
    bench.wall_s += 6
    assert bench.send(good(bench, interval=FIRST + 1)) == [Verdict.RETIRED_METER]
    assert bench.send(message) == [Verdict.STORED]


def test_a_revocation_is_known_within_ten_seconds(bench: Any) -> None:
    """The cache's age is the time a thief has."""
    assert bench.send(good(bench)) == [Verdict.STORED]
    meter(bench).keys = [(*meter(bench).keys[0][:3], accounts.KEY_COMPROMISED)]
    bench.wall_s += 10.1
    assert bench.send(good(bench, interval=FIRST + 1)) == [Verdict.WRONG_KEY_EPOCH]
    assert bench.refusals() == {"key_revoked": 1}


def test_without_the_registry_nothing_new_is_believed(bench: Any) -> None:
    """A bridge cut off from the chain would not hear of a revocation; the edge keeps its readings until it can."""
    first = good(bench)
    assert bench.send(first) == [Verdict.STORED]
    bench.chain.away = True
    bench.wall_s += 9
    assert bench.send(good(bench, interval=FIRST + 1)) == [Verdict.STORED]
    bench.wall_s += 2
    assert bench.send(good(bench, interval=FIRST + 2)) == [Verdict.STORE_UNAVAILABLE]
    assert bench.send(first) == [Verdict.STORED]
    assert bench.refusals() == {"registry_unavailable": 1}


def test_a_masked_reading_is_kept_but_no_baseline(bench: Any) -> None:
    """An estimate that was too high must not make the meter's next true reading a rollback."""
    assert bench.send(good(bench)) == [Verdict.STORED]
    assert bench.send(good(bench, interval=FIRST + 1, import_wh=3_000, quality=1)) == [Verdict.STORED]
    assert bench.send(good(bench, interval=FIRST + 2, import_wh=1_500)) == [Verdict.STORED]
    bench.start()
    assert bench.send(good(bench, interval=FIRST + 3, import_wh=1_499)) == [Verdict.REGISTER_LOWER]
    assert bench.send(good(bench, interval=FIRST + 3, import_wh=1_501)) == [Verdict.STORED]
    assert bench.states() == {"stored": 3, "withheld": 1}


def test_late_readings_find_their_place_in_one_batch(bench: Any) -> None:
    """A spool that empties out of order must be judged by what is true, not by what came last."""
    messages = [good(bench, interval=FIRST + n, import_wh=1_000 + 10 * n) for n in (3, 1, 2, 0)]
    assert bench.send(*messages) == [Verdict.STORED] * 4
    wrong = good(bench, interval=FIRST + 5, import_wh=1_029)
    assert bench.send(wrong) == [Verdict.REGISTER_LOWER]


def test_a_later_unmasked_reading_between_is_the_next_baseline(bench: Any) -> None:
    """Masked at 12, unmasked at 11 that came after it: 11 is what 13 is compared with."""
    assert bench.send(good(bench, interval=FIRST, import_wh=1_000)) == [Verdict.STORED]
    assert bench.send(good(bench, interval=FIRST + 2, import_wh=1_800, quality=2)) == [Verdict.STORED]
    assert bench.send(good(bench, interval=FIRST + 1, import_wh=1_700)) == [Verdict.STORED]
    assert bench.send(good(bench, interval=FIRST + 3, import_wh=1_600)) == [Verdict.REGISTER_LOWER]


def test_a_store_that_fails_is_a_transient_refusal(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk must leave the readings with the edge; afterwards they are stored, once."""

    def fail(_rows: Any) -> None:
        raise sa.exc.OperationalError("INSERT", {}, Exception("disk full"))

    messages = [good(bench), good(bench, interval=FIRST + 1)]
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "add", fail)
        assert bench.send(*messages) == [Verdict.STORE_UNAVAILABLE] * 2
    assert bench.refusals() == {"store_unavailable": 2}
    assert bench.states() == {}
    assert bench.send(*messages) == [Verdict.STORED] * 2


def test_a_stranger_who_signs_well_changes_nothing(bench: Any) -> None:
    """A key that nobody enrolled is worth nothing, however well it signs."""
    stranger = fakes.FakeMeter(77)
    stranger.key = SigningKey(bytes(32))
    assert bench.send((stranger.topic, stranger.payload(FIRST, 1))) == [Verdict.UNKNOWN_METER]
    assert bench.states() == {}


def approve_epoch(device: fakes.FakeMeter) -> None:
    device.register_epoch = 1


def approve_key(device: fakes.FakeMeter) -> None:
    device.rotate(FIRST + 1)


def approve_capacity(device: fakes.FakeMeter) -> None:
    device.max_wh_interval = 50_000


CHANGES = [
    (approve_epoch, {"register_epoch": 1}, 3, Verdict.WRONG_REGISTER_EPOCH),
    (approve_key, {}, 1_010, Verdict.WRONG_KEY_EPOCH),
    (approve_capacity, {}, 20_000, Verdict.OVER_CAPACITY),
]


@pytest.mark.parametrize(("approve", "changes", "register", "verdict"), CHANGES)
def test_what_was_approved_a_moment_ago_is_no_refusal_for_good(
    bench: Any, approve: Any, changes: Any, register: int, verdict: Verdict
) -> None:
    """A refusal for good puts the first reading after a swap or rotation into quarantine: energy that nobody counts."""
    assert bench.send(good(bench)) == [Verdict.STORED]
    bench.wall_s += 0.1
    approve(meter(bench))
    first = good(bench, interval=FIRST + 1, import_wh=register, **changes)
    assert bench.send(first) == [Verdict.STORE_UNAVAILABLE], "the registry was asked a moment ago: the edge keeps it"
    bench.wall_s += 0.2
    assert bench.send(first) == [Verdict.STORED], "and sends it again"
    assert bench.refusals() == {"registry_stale": 1}


@pytest.mark.parametrize(("approve", "changes", "register", "verdict"), CHANGES)
def test_what_was_not_approved_is_refused_after_one_more_look(
    bench: Any, approve: Any, changes: Any, register: int, verdict: Verdict
) -> None:
    """The edge must be told that sending it again cannot help; a look at the registry for each copy would be a gift to a flood."""
    assert bench.send(good(bench)) == [Verdict.STORED]
    bench.wall_s += 3
    strange = fakes.FakeMeter(1)
    approve(strange)
    wrong = (strange.topic, strange.payload(FIRST + 1, register, **changes))
    asked = []
    ask = bench.chain._rpc_getProgramAccounts
    bench.chain._rpc_getProgramAccounts = lambda *words: (asked.append(1), ask(*words))[1]
    assert bench.send(*[wrong] * 20) == [verdict] * 20
    assert len(asked) == 1
    bench.chain.away = True
    bench.wall_s += 3
    assert bench.send(wrong) == [Verdict.STORE_UNAVAILABLE], "nobody can say so while the chain is away"


def test_a_suspended_meters_readings_wait_and_a_retirement_is_for_ever(bench: Any) -> None:
    """A suspension is lifted; what was measured meanwhile is energy all the same. A retirement needs no second look."""
    meter(bench).status = accounts.STATUS_SUSPENDED
    message = good(bench)
    assert bench.send(message) == [Verdict.UNKNOWN_METER]
    assert receipt.is_transient(Verdict.UNKNOWN_METER)
    meter(bench).status = accounts.STATUS_ACTIVE
    bench.wall_s += 6
    assert bench.send(message) == [Verdict.STORED]
    meter(bench).status = accounts.STATUS_RETIRED
    bench.wall_s += 6
    later = good(bench, interval=FIRST + 1)
    assert bench.send(later) == [Verdict.RETIRED_METER]
    bench.wall_s += 3
    assert bench.send(later) == [Verdict.RETIRED_METER]
