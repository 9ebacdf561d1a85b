"""Postings whose event somebody hid: what is rebuilt, what stays in doubt, and that everything else goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bridge_fakes as fakes
import pytest
from solders.instruction import AccountMeta, Instruction

from gridkit.chain import accounts, hidden, merkle, proof
from gridkit.chain.posting import pack_reading
from gridkit.chain.tx import Signer, pubkey, sign
from gridkit.receipt import Verdict

FIRST = fakes.BASE_INTERVAL


def feed(bench: Any, number: int, *registers: int, first: int = FIRST, **changes: Any) -> None:
    """Store readings of a meter, one an interval from `first` on."""
    device = bench.chain.meters[number]
    messages = [(device.topic, device.payload(first + n, wh, wh // 10, **changes)) for n, wh in enumerate(registers)]
    assert bench.send(*messages) == [Verdict.STORED] * len(messages)


def packed(bench: Any, number: int, interval: int, register: int, **changes: Any) -> bytes:
    """Return a meter's reading as its owner packs it."""
    device = bench.chain.meters[number]
    core = device.core(interval, register, register // 10, **changes)
    signature = device.payload(interval, register, register // 10, **changes)[47:111]
    stored = {"stored_import_wh": 0, "stored_export_wh": 0, "next_epoch": changes.get("register_epoch", 0) > 0}
    return pack_reading(device.slot, FIRST, core, signature, absolute=True, **stored)


def post(bench: Any, *batches: bytes, memos: int = fakes.PADDING, proxy: bool = False, memos_last: bool = False) -> str:
    """Land one transaction with a post_verified for each of `batches`; 63 memos in front of it hide its events."""
    worker, bench.wall_s = bench.workers[1], bench.wall_s + 1.0
    made = [worker._post_instruction(FIRST, readings) for readings in batches]
    if proxy:
        called = AccountMeta(pubkey(str(fakes.IDS["oracle"])), False, False)
        made = [Instruction(pubkey(fakes.PROXY), one.data, [*one.accounts, called]) for one in made]
    padding = [Instruction(pubkey(fakes.MEMO), b"", [])] * memos
    signed = sign(
        made + padding if memos_last else padding + made,
        [Signer(worker._poster.key)],
        str(fakes.address(f"b{bench.wall_s}")),
        10_000,
    )
    signature = str(bench.rpc.send(signed.wire))
    whole = hidden.logs_are_whole(bench.chain.landed[signature])
    assert whole == (memos < fakes.PADDING), "the padding is what hides the event"
    return signature


def rows(bench: Any) -> list[Any]:
    with bench.store._engine.connect() as db:
        return list(db.exec_driver_sql("SELECT * FROM readings_view ORDER BY meter_number, register_epoch, interval"))


def gauge(bench: Any, name: str) -> float:
    return float(getattr(bench.metrics, name).labels("1")._value.get())


def batches(bench: Any) -> list[tuple[bytes, bytes]]:
    with bench.store._engine.connect() as db:
        return [
            (bytes(r[0]), bytes(r[1])) for r in db.exec_driver_sql("SELECT root, records FROM batches ORDER BY seq")
        ]


def assert_whole(bench: Any, *, unexplained: int = 0) -> None:
    """Every root is known here, right, and explained but for `unexplained` of them."""
    real = [root for _, _, root in bench.chain.zones[1].roots]
    bench.step()
    assert (gauge(bench, "roots_missing"), gauge(bench, "roots_wrong")) == (0, 0)
    assert gauge(bench, "roots_unexplained") == unexplained
    found = batches(bench)
    assert [root for root, _ in found] == real
    assert [merkle.batch_root(records) for root, records in found if records] == [r for r, n in found if n]
    assert sum(1 for _, records in found if not records) == unexplained


@pytest.mark.parametrize("proxy", [False, True])
def test_a_hidden_posting_of_stored_readings_is_rebuilt(bench: Any, proxy: bool) -> None:
    """The owner's energy is on the chain: to the bridge it must be posted, and the zone must go on."""
    feed(bench, 1, 1_000, 1_100)
    feed(bench, 2, 1_000)
    signature = post(bench, packed(bench, 1, FIRST, 1_000) + packed(bench, 1, FIRST + 1, 1_100), proxy=proxy)
    bench.step(times=2)
    assert bench.states() == {"settled": 3}
    assert_whole(bench)
    first, second, _ = rows(bench)
    assert (first.seq, first.record, first.record_flags, first.tx_signature) == (0, 0, 3, signature)
    assert (second.record, second.record_flags) == (1, 1)
    feed(bench, 2, 1_200, first=FIRST + 3)
    bench.step()
    feed(bench, 2, 1_100, first=FIRST + 2)
    bench.step()
    assert bench.states() == {"settled": 4, "superseded": 1}


def test_a_hidden_posting_of_a_reading_that_comes_later_is_explained_when_it_comes(bench: Any) -> None:
    """Until then its root stands without records, and nothing else of the zone waits for it."""
    post(bench, packed(bench, 1, FIRST, 1_000) + packed(bench, 1, FIRST + 1, 1_100))
    feed(bench, 2, 1_000)
    feed(bench, 2, 1_200, first=FIRST + 2)
    bench.step()
    assert_whole(bench, unexplained=1)
    feed(bench, 2, 1_100, first=FIRST + 1)
    feed(bench, 1, 1_000)
    bench.step(times=2)
    assert bench.states() == {"settled": 2, "superseded": 1, "stored": 1}, "only what the posting names stays open"
    bench.start()
    bench.chain.hold_transactions = True
    bench.step()
    assert bench.states() == {"settled": 2, "superseded": 1, "stored": 1}, (
        "nor is it judged while the posting is not served"
    )
    bench.chain.hold_transactions = False
    bench.step(times=2)
    assert bench.states() == {"settled": 2, "superseded": 1, "stored": 1}, "a restart knows it too"
    feed(bench, 1, 1_100, first=FIRST + 1)
    bench.step(times=2)
    assert bench.states() == {"settled": 4, "superseded": 1}
    assert_whole(bench)


def test_a_reading_that_a_hidden_posting_does_not_mean_is_not_in_doubt(bench: Any) -> None:
    """A meter of two minds signed another reading for the interval: that one is not in the root, so it is superseded."""
    post(bench, packed(bench, 1, FIRST, 1_000))
    feed(bench, 1, 1_001)
    bench.step(times=2)
    assert bench.states() == {"superseded": 1}
    assert_whole(bench, unexplained=1)


def test_what_the_program_skipped_is_not_under_the_root(bench: Any) -> None:
    """A posting may hold stale and foreign readings beside good ones, and its bitmap of reasons is hidden too."""
    feed(bench, 1, 1_000, 1_100, 1_200, 1_300)
    bench.step()
    feed(bench, 1, 1_400, 1_500, first=FIRST + 4)
    stale = [packed(bench, 1, FIRST + n, 1_000 + 100 * n) for n in (2, 3)]
    post(bench, b"".join(stale))
    assert bench.chain.posted_readings == 4, "all of it is stale: no root"
    post(bench, stale[0] + b"".join(packed(bench, 1, FIRST + n, 1_000 + 100 * n) for n in (5, 4)) + stale[1])
    assert bench.chain.posted_readings == 5, "the later overtook the earlier"
    bench.step(times=2)
    assert bench.states() == {"settled": 5, "superseded": 1}
    assert_whole(bench)


def test_postings_of_one_transaction_are_told_apart(bench: Any) -> None:
    """The first event is still logged, the second is cut; and a posting that applied nothing has no root."""
    feed(bench, 1, 1_000, 1_100)
    feed(bench, 2, 1_000)
    stale = packed(bench, 1, FIRST, 1_000)
    post(bench, stale, memos=0)
    post(bench, stale, packed(bench, 2, FIRST, 1_000), stale, packed(bench, 1, FIRST + 1, 1_100))
    bench.step(times=2)
    assert bench.states() == {"settled": 3}
    assert_whole(bench)


def test_many_hidden_postings_in_a_row_are_rebuilt(bench: Any) -> None:
    """Whoever can hide one can hide a day of them."""
    feed(bench, 1, *(1_000 + 100 * n for n in range(9)))
    feed(bench, 2, *(1_000 + 100 * n for n in range(9)))
    for n in range(9):
        post(bench, packed(bench, 1 + n % 2, FIRST + n, 1_000 + 100 * n))
    bench.step(times=3)
    assert_whole(bench)
    assert bench.states() == {"settled": 10, "superseded": 8}, "and meter 2's last one was still to be posted"


def test_a_hidden_opening_of_the_next_register_epoch_is_rebuilt(bench: Any) -> None:
    """Its record says `opening`, which the bytes of the posting say too."""
    feed(bench, 1, 9_000)
    bench.step()
    device = bench.chain.meters[1]
    device.register_epoch = 1
    bench.chain._sync(device)
    bench.wall_s += 6
    feed(bench, 1, 70, 90, first=FIRST + 1)
    later = [packed(bench, 1, FIRST + 1 + n, wh, register_epoch=1) for n, wh in enumerate((70, 90))]
    post(bench, later[0])
    bench.step(times=2)
    assert [row.record_flags for row in rows(bench)] == [3, 3, 1]
    assert_whole(bench)


def fill_ring(bench: Any, count: int) -> None:
    """Let somebody else post readings of meter 3, a root for each."""
    bench.clock.advance_s(count * 900)
    for n in range(count):
        post(bench, packed(bench, 3, FIRST + n, 1_000 + n), memos=0)


def test_what_the_ring_has_passed_is_rebuilt_by_the_peaks(bench: Any) -> None:
    """A bridge that was away for a day finds only the newest 220 roots; the peaks still vouch for every one."""
    feed(bench, 1, 1_000)
    feed(bench, 2, 1_000)
    fill_ring(bench, 5)
    post(bench, packed(bench, 1, FIRST, 1_000))
    post(bench, packed(bench, 2, FIRST, 1_000))
    fill_ring(bench, 5 + accounts.RING_LEN)
    bench.step(times=2)
    assert bench.states() == {"settled": 2}
    assert_whole(bench)


def test_what_the_ring_has_passed_and_nobody_knows_stays_unknown(bench: Any) -> None:
    """The root is lost to the bridge; the zone goes on, and the peaks that do not cover it are still compared."""
    post(bench, packed(bench, 1, FIRST, 1_000))
    fill_ring(bench, 3 + accounts.RING_LEN)
    feed(bench, 2, 1_000)
    feed(bench, 2, 1_200, first=FIRST + 2)
    bench.step()
    feed(bench, 2, 1_100, first=FIRST + 1)
    bench.step()
    assert (gauge(bench, "roots_missing"), gauge(bench, "roots_wrong")) == (0, 0)
    assert batches(bench)[0] == (b"", b"")
    assert bench.states() == {"settled": 2, "superseded": 1}
    feed(bench, 1, 1_000)
    bench.step(times=2)
    assert bench.states() == {"settled": 3, "superseded": 1}
    assert_whole(bench)


def test_a_kept_root_explains_its_batch_after_the_ring_has_passed_it(bench: Any) -> None:
    """Then nobody says any more how many records it has: the root alone must be enough."""
    post(bench, packed(bench, 1, FIRST, 1_000) + packed(bench, 1, FIRST + 1, 1_100))
    bench.step()
    fill_ring(bench, 1 + accounts.RING_LEN)
    assert_whole(bench, unexplained=1)
    bench.start()
    feed(bench, 1, 1_000)
    bench.step(times=2)
    assert bench.states() == {"stored": 1}
    feed(bench, 1, 1_100, first=FIRST + 1)
    bench.step(times=2)
    assert bench.states() == {"settled": 2}
    assert_whole(bench)


def test_doubt_about_more_postings_than_roots_survives_a_restart(bench: Any) -> None:
    """One of two hidden postings applied nothing: nobody can say which until the core is here, also not after a restart."""
    feed(bench, 1, 1_000)
    bench.step()
    post(bench, packed(bench, 1, FIRST, 1_000))
    post(bench, packed(bench, 2, FIRST, 1_000) + packed(bench, 2, FIRST + 1, 1_100))
    feed(bench, 2, 1_000)
    for _ in range(2):
        bench.step(times=2)
        assert bench.states() == {"settled": 1, "stored": 1}
        bench.start()
    feed(bench, 2, 1_100, first=FIRST + 1)
    bench.step(times=2)
    assert bench.states() == {"settled": 3}
    assert_whole(bench)


def test_a_hidden_transaction_that_is_not_served_decides_nothing(bench: Any) -> None:
    """A node that holds a transaction back for a moment must not turn its readings into superseded ones."""
    feed(bench, 1, 1_000)
    post(bench, packed(bench, 1, FIRST, 1_000))
    serve = bench.chain._rpc_getTransaction
    served = [False, True, False]  # followed, then not to be had when the gap is looked at

    def stutter(*words: Any) -> Any:
        return serve(*words) if not served or served.pop() is False else None

    bench.chain._rpc_getTransaction = stutter
    bench.step()
    assert (bench.states(), batches(bench)) == ({"stored": 1}, [])
    bench.chain._rpc_getTransaction = serve
    bench.step(times=2)
    assert bench.states() == {"settled": 1}


def test_a_root_that_is_not_listed_yet_is_waited_for(bench: Any) -> None:
    """A node may show the account before it lists the transaction: that is no gap, and nothing is judged meanwhile."""
    feed(bench, 1, 1_000)
    post(bench, packed(bench, 1, FIRST, 1_000), memos=0)
    listed = bench.chain.order
    bench.chain.order = []
    bench.step()
    assert (bench.states(), gauge(bench, "roots_missing"), batches(bench)) == ({"stored": 1}, 1, [])
    bench.chain.order = listed
    bench.step(times=2)
    assert bench.states() == {"settled": 1}


def test_a_hidden_posting_that_is_not_listed_yet_is_not_taken_for_the_one_before(bench: Any) -> None:
    """Else the readings of the second would be judged by what the first one names."""
    feed(bench, 1, 1_000)
    post(bench, packed(bench, 1, FIRST, 1_000))
    bench.chain.correct(1, {"slot": 0, "interval": FIRST, "flags": 8, "import_wh": 5, "export_wh": 5})
    feed(bench, 2, 1_000)
    post(bench, packed(bench, 2, FIRST, 1_000))
    bench.step()
    assert_whole(bench)
    states = bench.states()
    feed(bench, 3, 1_000, 1_100)
    post(bench, packed(bench, 3, FIRST, 1_000), packed(bench, 3, FIRST + 1, 1_100))
    listed, bench.chain.order = bench.chain.order, bench.chain.order[:-1]
    bench.step()
    assert bench.states() == states | {"stored": 2}
    assert gauge(bench, "roots_missing") == 2
    bench.chain.order = listed
    bench.step(times=2)
    assert bench.states() == {"settled": 4}
    assert_whole(bench)


def test_a_lost_store_explains_hidden_batches_anew(bench: Any, tmp_path: Path) -> None:
    """The new store has no cursor and no cores; it gets the cores again from the edges, or shows the root alone."""
    feed(bench, 1, 1_000)
    post(bench, packed(bench, 1, FIRST, 1_000))
    post(bench, packed(bench, 2, FIRST, 1_000), memos=0)
    bench.step(times=2)
    assert_whole(bench)
    bench.folder = tmp_path / "new"
    bench.folder.mkdir()
    bench.start()
    bench.step()
    assert_whole(bench, unexplained=1)
    feed(bench, 1, 1_000)
    bench.step(times=2)
    assert_whole(bench)
    assert bench.states() == {"settled": 1}


@pytest.mark.parametrize("net", [False, True])
def test_flags_that_only_the_event_said_are_found(net: bool) -> None:
    """Opening and netting are not in the posting's bytes; the root decides between the few possibilities."""
    readings = tuple(
        hidden.Packed(slot, interval, False, b"", b"", 0, 0, bytes(8), bytes(64))
        for slot, interval in ((1, 5), (2, 5), (1, 6), (2, 8))
    )
    digests = [bytes([n]) * 16 for n in range(4)]
    flags = (3, 5, 5, 1) if net else (3, 1, 1, 1)
    records = b"".join(
        proof.encode_record(proof.Record(reading.slot, reading.interval, flag, digest))
        for reading, flag, digest in zip(readings, flags, digests, strict=True)
    )
    root = accounts.RingRoot(0, 8, 4, 1, merkle.batch_root(records))
    posting = hidden.Posting(readings, "s", 1)
    known = dict(zip((reading.slot * 100 + reading.interval for reading in readings), digests, strict=True))
    answer = hidden.find([posting], root, lambda reading: known[reading.slot * 100 + reading.interval])
    assert answer == (posting, records)
    assert (
        hidden.find(
            [posting], root._replace(root=bytes(32)), lambda reading: known[reading.slot * 100 + reading.interval]
        )
        is None
    )


def test_attested_batches_and_corrections_are_roots_like_any_other(bench: Any) -> None:
    """Data that oracle keys attest to stands in the same mountain range: without it no reading of the zone could be judged or proven."""
    feed(bench, 1, 1_000)
    bench.step()
    device = bench.chain.meters[1]
    attested = {"slot": device.slot, "interval": FIRST + 1, "flags": 0, "import_wh": 1_050, "export_wh": 9}
    bench.chain.attest(1, [attested, attested | {"slot": 200}])
    bench.chain.correct(1, attested | {"flags": 8 | 3 << 4})
    feed(bench, 1, 1_200, first=FIRST + 2)
    bench.step()
    feed(bench, 1, 1_100, first=FIRST + 1)
    bench.step(times=2)
    assert bench.states() == {"settled": 2, "superseded": 1}
    assert_whole(bench)
    bench.chain.correct(1, attested | {"flags": 8})
    bench.step()
    assert_whole(bench)
    bench.chain.attest(1, [attested], memos=fakes.PADDING)
    bench.step()
    assert_whole(bench, unexplained=1)
