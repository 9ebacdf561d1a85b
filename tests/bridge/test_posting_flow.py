"""From a stored reading to a settled one: what the bridge does about everything that can happen on the way."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import bridge_fakes as fakes
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey
from test_gaps import packed, post

from gridkit.chain import accounts, merkle, proof
from gridkit.chain.rpc import NodeUnreachableError
from gridkit.chain.tx import Signer
from gridkit.receipt import Verdict
from oracle_bridge.post import ZoneWorker
from oracle_bridge.store import State

FIRST = fakes.BASE_INTERVAL


def feed(bench: Any, number: int, *registers: tuple[int, int], first: int = FIRST, **changes: Any) -> None:
    """Store readings of a meter, one an interval from `first` on; registers are (import, export)."""
    device = bench.chain.meters[number]
    messages = [(device.topic, device.payload(first + n, i, e, **changes)) for n, (i, e) in enumerate(registers)]
    assert bench.send(*messages) == [Verdict.STORED] * len(messages)


def rows(bench: Any) -> list[Any]:
    with bench.store._engine.connect() as db:
        return list(db.exec_driver_sql("SELECT * FROM readings_view ORDER BY meter_number, register_epoch, interval"))


def post_elsewhere(bench: Any) -> None:
    """Post what is pending with another key than the bridge's, as a meter's owner may."""
    posted = bench.workers[1]
    owner = ZoneWorker(
        bench.rpc, posted._sender, bench.on, 1, Signer(SigningKey(bytes(32))), bench.store, bench.meters, bench.metrics
    )
    shots = owner._plan(bench.store.pending(1, 10), owner._look().slab.entries).shots
    bench.rpc.send(owner._posting(shots[0])(str(fakes.address("a block")), 10_000).wire)


def test_readings_are_posted_and_settled(bench: Any) -> None:
    """The whole point: a quarter hour of a meter becomes energy in the ledger."""
    for number in (1, 2, 3):
        feed(bench, number, (1_000, 10), (1_100, 25), (1_250, 40))
    bench.step()
    assert bench.states() == {"settled": 9}
    assert bench.chain.posted_readings == 9
    assert bench.chain.zones[1].minted_atoms == 3 * 30 * 1000
    assert [entry.acc_import_wh for entry in bench.chain.zones[1].entries[:3]] == [250] * 3


def test_a_posting_says_where_each_reading_stands(bench: Any) -> None:
    """The proof of a reading starts at its batch, its place in it and the accumulators after it."""
    feed(bench, 1, (1_000, 10), (1_100, 25))
    bench.step()
    first, second = rows(bench)
    assert (first.state, first.seq, first.record, first.record_flags) == ("settled", 0, 0, 3)
    assert (second.record, second.record_flags, second.acc_import_wh, second.acc_export_wh) == (1, 1, 100, 15)
    assert second.tx_signature in bench.chain.landed
    with bench.store._engine.connect() as db:
        batch = db.exec_driver_sql("SELECT root, records FROM batches").one()
    assert merkle.batch_root(batch.records) == batch.root == bench.chain.zones[1].roots[0][2]
    assert proof.decode_record(batch.records[24:48]).digest == second.digest


def test_a_masked_reading_is_withheld_and_the_next_carries_its_energy(bench: Any) -> None:
    """Estimates are shown to people and never minted."""
    feed(bench, 1, (1_000, 0))
    feed(bench, 1, (5_900, 0), first=FIRST + 1, quality=1)
    feed(bench, 1, (1_200, 0), first=FIRST + 2)
    bench.step()
    assert bench.states() == {"settled": 2, "withheld": 1}
    assert rows(bench)[1].reason == "quality_masked"
    assert bench.chain.zones[1].entries[0].acc_import_wh == 200


def test_more_than_one_transaction_holds_still_goes_oldest_first(bench: Any) -> None:
    """If a meter's later reading landed before an earlier one, the earlier one would be lost to the roots."""
    feed(bench, 1, *((1_000 + 10 * n, n) for n in range(11)))
    feed(bench, 2, *((2_000 + 10 * n, n) for n in range(11)))
    feed(bench, 3, *((3_000 + 10 * n, n) for n in range(11)))
    bench.step(times=4)
    assert bench.states() == {"settled": 33}
    assert bench.metrics.refusals() == {}


def test_lost_transactions_are_signed_again_only_after_they_expired(bench: Any) -> None:
    """A transaction that is signed twice too early could land twice."""
    feed(bench, 1, (1_000, 0), (1_100, 0))
    bench.chain.lost = 10_000
    bench.step()
    assert bench.states() == {"stored": 2}
    signatures = set(bench.chain.sent)
    assert len(signatures) == 1, "the same transaction was sent again and again, never another one"
    assert len(bench.chain.sent) > 5
    bench.chain.lost = 0
    bench.step()
    assert bench.states() == {"settled": 2}


def test_a_pause_on_the_chain_is_no_refusal(bench: Any) -> None:
    """Governance may stop posting for a while; meters go on and nothing is lost."""
    bench.chain.paused = True
    feed(bench, 1, (1_000, 0), (1_100, 0))
    bench.step(times=3)
    assert bench.states() == {"stored": 2}
    bench.chain.paused = False
    bench.step(times=2)
    assert bench.states() == {"settled": 2}


def test_what_somebody_else_posted_is_posted(bench: Any) -> None:
    """An owner may post for himself; the state follows from the chain, not from who sent it."""
    feed(bench, 1, (1_000, 0), (1_100, 0))
    post_elsewhere(bench)
    bench.start()
    bench.step()
    assert bench.states() == {"settled": 2}
    assert bench.chain.posted_readings == 2


def test_a_reading_behind_the_watermark_is_superseded(bench: Any) -> None:
    """It came too late for the roots; its energy was carried by the one that overtook it."""
    feed(bench, 1, (1_000, 0))
    feed(bench, 1, (1_200, 0), first=FIRST + 2)
    bench.step()
    feed(bench, 1, (1_100, 0), first=FIRST + 1)
    bench.step()
    assert bench.states() == {"settled": 2, "superseded": 1}
    assert bench.chain.zones[1].entries[0].acc_import_wh == 200


def test_nothing_is_superseded_while_a_posting_is_not_known(bench: Any) -> None:
    """Calling a reading superseded that stands in a root would be a lie about the chain."""
    feed(bench, 1, (1_000, 0))
    post_elsewhere(bench)
    bench.chain.hold_transactions = True
    bench.step(times=2)
    assert bench.states() == {"stored": 1}
    bench.chain.hold_transactions = False
    bench.step()
    assert bench.states() == {"settled": 1}


def test_a_lasting_skip_withholds_and_the_outbox_moves_on(bench: Any) -> None:
    """One reading that the program will never take must not dam up those behind it."""
    feed(bench, 1, (1_000, 0))
    bench.step()
    bench.chain.zones[1].entries[0].max_wh_interval = 60
    feed(bench, 1, (1_100, 0), (1_110, 0), first=FIRST + 1)
    bench.step(times=2)
    assert bench.states() == {"settled": 2, "withheld": 1}
    assert rows(bench)[1].reason == "over_capacity"
    assert bench.store.withheld_reasons() == {"over_capacity": 1}


def test_a_meter_missing_from_the_slab_is_enrolled_by_the_bridge(bench: Any) -> None:
    """Anyone may copy a registration; a forgotten step of set-up must not hold energy back."""
    bench.chain.enrol(fakes.FakeMeter(9), slab=False)
    bench.wall_s += 6
    feed(bench, 9, (1_000, 0), (1_100, 0))
    bench.step(times=2)
    assert bench.states() == {"settled": 2}


def test_a_rotation_is_copied_before_its_readings_are_posted(bench: Any) -> None:
    """Readings of the new key would be skipped as forged while the slab still holds the old one."""
    device = bench.chain.meters[1]
    feed(bench, 1, (1_000, 0))
    bench.step()
    device.rotate(FIRST + 2)
    bench.wall_s += 6
    feed(bench, 1, (1_100, 0), first=FIRST + 1, key_epoch=0, signing_key=fakes.FakeMeter(1).key)
    feed(bench, 1, (1_200, 0), first=FIRST + 2)
    bench.step(times=3)
    assert bench.states() == {"settled": 3}


def test_a_key_revoked_after_storing_withholds_the_reading(bench: Any) -> None:
    """The bridge believed the key when it stored; the chain does not any more and never will again."""
    device = bench.chain.meters[1]
    feed(bench, 1, (1_000, 0))
    old = device.keys[0]
    device.rotate(FIRST + 5)
    device.keys[1] = (*old[:3], accounts.KEY_COMPROMISED)
    bench.chain._sync(device)
    bench.step(times=2)
    assert bench.states() == {"withheld": 1}
    assert rows(bench)[0].reason == "key_revoked"


def test_a_key_that_a_compromise_swept_away_does_not_dam_up_the_meter(bench: Any) -> None:
    """Its readings wait in the spool over a rotation; then the next key is stolen, and the slab keeps neither of the two."""
    device = bench.chain.meters[1]
    feed(bench, 1, (1_000, 0))
    bench.step()
    first_key = device.key
    device.rotate(FIRST + 2)
    device.rotate(FIRST + 4)
    device.keys[1] = (*device.keys[1][:3], accounts.KEY_COMPROMISED)
    bench.chain._sync(device)
    bench.wall_s += 11
    feed(bench, 1, (1_100, 0), first=FIRST + 1, key_epoch=0, signing_key=first_key)
    feed(bench, 1, (1_200, 0), first=FIRST + 4)
    bench.step(times=2)
    assert bench.states() == {"settled": 2, "withheld": 1}
    assert rows(bench)[1].reason == "key_dropped"
    assert bench.chain.zones[1].entries[0].acc_import_wh == 200


def test_a_swap_moves_to_the_next_register_epoch(bench: Any) -> None:
    """A new meter starts at its own register: nothing of the jump may be credited, and nothing afterwards lost."""
    device = bench.chain.meters[1]
    feed(bench, 1, (90_000, 0), (90_100, 0))
    bench.step()
    device.register_epoch = 1
    bench.wall_s += 6
    feed(bench, 1, (90_150, 0), first=FIRST + 2, register_epoch=0)
    feed(bench, 1, (70, 0), (90, 0), (95, 0), first=FIRST + 3)
    bench.step(times=3)
    assert bench.states() == {"settled": 6}
    assert bench.chain.zones[1].entries[0].acc_import_wh == 150 + 25
    assert [row.record_flags for row in rows(bench)] == [3, 1, 1, 3, 1, 1]


def test_a_suspended_meter_waits_and_a_retired_one_is_withheld(bench: Any) -> None:
    """Suspension is for a time; retirement is for ever."""
    device = bench.chain.meters[1]
    feed(bench, 1, (1_000, 0))
    device.status = accounts.STATUS_SUSPENDED
    bench.chain._sync(device)
    bench.step(times=2)
    assert bench.states() == {"stored": 1}
    device.status = accounts.STATUS_ACTIVE
    bench.step(times=3)
    assert bench.states() == {"settled": 1}
    feed(bench, 1, (1_100, 0), first=FIRST + 1)
    device.status = accounts.STATUS_RETIRED
    bench.chain._sync(device)
    bench.step(times=2)
    assert bench.states() == {"settled": 1, "withheld": 1}


def test_an_unattached_meter_stays_posted_until_somebody_attaches_it(bench: Any) -> None:
    """`settled` says that GRID was minted; it must not be said before."""
    bench.chain.zones[1].settled[0][3] = accounts.NO_ROW
    feed(bench, 1, (1_000, 0), (1_100, 50))
    bench.step(times=2)
    assert bench.states() == {"posted": 2}
    bench.chain.zones[1].settled[0][3] = 4
    bench.step()
    assert bench.states() == {"settled": 2}


def test_a_chain_that_is_away_loses_nothing(bench: Any) -> None:
    """The node restarts on Sundays; the outbox waits."""
    feed(bench, 1, (1_000, 0))
    bench.chain.away = True
    with pytest.raises(NodeUnreachableError):
        bench.step()
    assert bench.states() == {"stored": 1}
    bench.chain.away = False
    bench.step()
    assert bench.states() == {"settled": 1}


def test_a_new_store_learns_the_roots_of_the_past(bench: Any, tmp_path: Path) -> None:
    """After a lost disk the bridge must still be able to tell whether its roots are complete."""
    feed(bench, 1, *((1_000 + n, 0) for n in range(8)))
    bench.step()
    feed(bench, 2, *((1_000 + n, 0) for n in range(8)))
    bench.step()
    bench.folder = tmp_path / "new"
    bench.folder.mkdir()
    bench.start()
    bench.step()
    roots = accounts.decode_roots(bench.chain.zones[1].ring())
    assert bench.store.batch_count(1) == roots.next_seq == 2
    assert bench.workers[1]._follower.compare(roots) == (0, False)
    bench.chain.zones[1].roots[1] = (0, 1, bytes(32))
    assert bench.workers[1]._follower.compare(accounts.decode_roots(bench.chain.zones[1].ring())) == (0, True)


def test_a_forged_event_of_another_program_is_not_believed(bench: Any) -> None:
    """Anyone can log the same bytes; only the oracle's word moves a state."""
    feed(bench, 1, (1_000, 0))
    post_elsewhere(bench)
    signature = bench.chain.order[-1]
    logs = bench.chain.landed[signature]["meta"]["logMessages"]
    stranger = str(fakes.address("stranger"))
    genuine = list(logs)
    logs[:] = [line.replace(str(fakes.IDS["oracle"]), stranger) for line in logs]
    bench.workers[1]._follower.catch_up()
    assert bench.states() == {"stored": 1}
    assert base64.b64decode(genuine[1].removeprefix("Program data: "))


def test_a_reading_whose_batch_came_first_is_posted_and_settled(bench: Any, bench_type: Any, tmp_path: Any) -> None:
    """The owner may post before the bridge has the reading: it is in the roots, so nobody may call it superseded."""
    other = bench_type.__new__(bench_type)
    other.folder = tmp_path / "other"
    other.folder.mkdir()
    other.clock, other.chain, other.rpc, other.on, other.wall_s = bench.clock, bench.chain, bench.rpc, bench.on, 0.0
    other.start()
    feed(other, 1, (1000, 0), (1100, 0))
    other.step()
    bench.step()  # follows the batch; nothing of it is stored here yet
    feed(bench, 1, (1000, 0), (1100, 0))
    bench.step(times=3)
    assert bench.states() == {"settled": 2}


def test_a_withheld_reading_is_no_baseline(bench: Any) -> None:
    """A glitch that the program refused must not make the bridge refuse the truth that comes after it."""
    feed(bench, 1, (1000, 0))
    bench.step()
    bench.folder = bench.folder / "new"  # the bridge's disk is lost, and a glitch comes first
    bench.folder.mkdir()
    bench.start()
    feed(bench, 1, (900_000, 0), first=FIRST + 1)
    bench.step(times=2)
    assert bench.states() == {"withheld": 1}
    device = bench.chain.meters[1]
    assert bench.send((device.topic, device.payload(FIRST + 2, 1200))) == [Verdict.STORED]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    script=st.lists(
        st.one_of(
            st.tuples(st.just("feed"), st.integers(1, 3), st.integers(0, 9)),
            st.tuples(st.just("step"), st.just(0), st.just(0)),
            st.tuples(st.just("restart"), st.just(0), st.just(0)),
            st.tuples(st.just("lose"), st.integers(1, 400), st.just(0)),
            st.tuples(st.just("replay"), st.integers(1, 3), st.integers(0, 9)),
            st.tuples(st.just("hide"), st.integers(1, 3), st.integers(0, 9)),
        ),
        max_size=40,
    )
)
def test_whatever_happens_energy_is_credited_once(
    tmp_path_factory: pytest.TempPathFactory, bench_type: Any, script: Any
) -> None:
    """Any order of readings, copies, losses, hidden postings and restarts credits exactly the growth of the registers, and the books close."""
    bench = bench_type(tmp_path_factory.mktemp("script"))
    for number in (1, 2, 3):
        bench.chain.enrol(fakes.FakeMeter(number))
    sent: dict[int, set[int]] = {1: set(), 2: set(), 3: set()}

    def give(number: int, step: int) -> None:
        device = bench.chain.meters[number]
        assert bench.send((device.topic, device.payload(FIRST + step, 1_000 + 100 * step, 100 + 10 * step))) == [
            Verdict.STORED
        ]
        sent[number].add(step)

    for what, a, b in script:
        if what == "feed" or (what == "replay" and b in sent[a]):
            give(a, b)
        elif what == "step":
            bench.step()
        elif what == "restart":
            bench.start()
        elif what == "hide" and b in sent[a] and not bench.chain.lost:
            post(bench, packed(bench, a, FIRST + b, 1_000 + 100 * b))
        elif what == "lose":
            bench.chain.lost = a
    bench.chain.lost = 0
    bench.start()
    bench.step(times=5)
    totals = bench.store.totals()
    assert sum(totals.values()) == sum(len(steps) for steps in sent.values())
    assert totals[State.STORED] == totals[State.POSTED] == totals[State.WITHHELD] == 0
    assert totals[State.SETTLED] == bench.chain.posted_readings
    for number, steps in sent.items():
        entry = bench.chain.zones[1].entries[number - 1]
        if steps:
            opening = (entry.import_wh - entry.acc_import_wh - 1_000) // 100
            assert entry.import_wh == 1_000 + 100 * max(steps)
            assert opening in steps, "credited since the first reading that was posted"
    bench.rpc.close()
