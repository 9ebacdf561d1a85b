"""What is sent next, and again when: time is given, nothing sleeps."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.outbox import MeterOutbox, take_turns
from edge.spool import Row


def row(interval: int, meter: int = 1) -> Row:
    return Row(b"M%d" % meter, 0, interval, 0, b"%d/%d" % (meter, interval), b"payload")


def outbox(count: int, meter: int = 1) -> MeterOutbox:
    box = MeterOutbox(b"M%d" % meter, receipt_timeout_s=10, retry_s=2)
    box.add(row(i, meter) for i in range(count))
    return box


def send(box: MeterOutbox, now_s: float, room: int = 99, *, acknowledged: bool = True) -> list[int]:
    """Send what is due and have the broker acknowledge it."""
    sent = []
    for r in box.due(now_s, room):
        box.sent(r.sha256, now_s)
        if acknowledged:
            box.acknowledged(r.sha256, now_s)
        sent.append(r.interval)
    return sent


def test_oldest_first_and_each_once_until_the_time_out() -> None:
    """The chain takes a meter's readings in order; a younger one sent first supersedes the older."""
    box = outbox(3)
    assert send(box, 0, room=2) == [0, 1]
    assert send(box, 1) == [2]
    assert send(box, 9.9) == []


def test_without_receipt_everything_from_the_oldest_on_is_sent_again() -> None:
    """An acknowledgement is no storage: a broker forgets what it has acknowledged."""
    box = outbox(3)
    send(box, 0)
    box.settled(b"1/0")
    assert send(box, 10) == [1, 2]
    assert box.resends == 2


def test_what_the_client_still_holds_is_not_handed_over_again() -> None:
    """Across a long outage the client's memory would fill with copies."""
    box = outbox(2)
    send(box, 0, acknowledged=False)
    assert send(box, 1000) == []
    box.acknowledged(b"1/0", 1000)
    assert send(box, 1009) == []
    assert send(box, 1010) == [0]


def test_a_transient_refusal_stops_the_meter_and_then_begins_at_the_oldest() -> None:
    """A meter that is unknown for a minute must not have its younger readings stored first."""
    box = outbox(3)
    send(box, 0)
    box.refused_for_now(b"1/0", 0.5)
    assert send(box, 2.4) == []
    assert box.wait_s(2.4) > 0
    assert send(box, 2.5) == [0, 1, 2]
    box.refused_for_now(b"1/0", 3)
    assert send(box, 6.9) == []
    assert send(box, 7) == [0, 1, 2]


def test_the_back_off_has_an_end() -> None:
    """After a weekend without registry entry the first reading must not wait for days."""
    box = outbox(1)
    for _ in range(50):
        box.refused_for_now(b"1/0", 0)
    assert box.wait_s(0) <= 64


def test_a_silent_meters_backlog_never_starves_the_others() -> None:
    """One meter with a month of backlog and the window would be its alone."""
    boxes = [outbox(500, 1), outbox(2, 2), outbox(2, 3)]
    sent: list[Row] = []

    def hand_over(r: Row) -> bool:
        sent.append(r)
        return True

    assert take_turns(boxes, 0, window=30, start=0, send=hand_over) == 14
    assert {r.meter_id for r in sent} == {b"M1", b"M2", b"M3"}
    assert sum(box.in_flight for box in boxes) == 14


def test_a_client_that_takes_nothing_ends_the_turn() -> None:
    """Marked as sent though it never left, it would wait for a receipt that cannot come."""
    boxes = [outbox(5)]
    assert take_turns(boxes, 0, window=30, start=0, send=lambda r: False) == 0
    assert boxes[0].in_flight == 0


@settings(max_examples=200)
@given(st.data())
def test_whatever_happens_every_reading_is_settled_in_the_end_and_the_window_holds(data: st.DataObject) -> None:
    """Losses, late acknowledgements, refusals in any order."""
    boxes = [outbox(data.draw(st.integers(0, 8)), m) for m in (1, 2, 3)]
    now_s, held = 0.0, []  # type: float, list[Row]

    def hand_over(r: Row) -> bool:
        held.append(r)
        return True

    by_meter = {box.meter_id: box for box in boxes}
    for _ in range(30):
        now_s += data.draw(st.floats(0, 15))
        take_turns(boxes, now_s, window=6, start=data.draw(st.integers(0, 2)), send=hand_over)
        assert sum(box.in_flight for box in boxes) <= 6
        if held:
            r = held.pop(data.draw(st.integers(0, len(held) - 1)))
            box = by_meter[r.meter_id]
            box.acknowledged(r.sha256, now_s)
            fate = data.draw(st.sampled_from(["stored", "lost", "later"]))
            if fate == "stored":
                box.settled(r.sha256)
            elif fate == "later":
                box.refused_for_now(r.sha256, now_s)
    for _ in range(300):
        now_s += 70
        take_turns(boxes, now_s, window=6, start=0, send=hand_over)
        while held:
            r = held.pop(0)
            by_meter[r.meter_id].acknowledged(r.sha256, now_s)
            by_meter[r.meter_id].settled(r.sha256)
        if not any(len(box) for box in boxes):
            break
    assert [len(box) for box in boxes] == [0, 0, 0]
