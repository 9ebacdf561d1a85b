"""Decides what is wrong with a meter as its agent knows it: which trouble, and since when; why and what to do is `edge/troubles.py`'s.

It tells lasting troubles; a single refused poll is a number in `poll_refused_total`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from edge.certificate import SOON_DAYS
from edge.checks import Check
from edge.direction import WRONG_WAY
from edge.meter import STEP_NS, Meter
from edge.rounds import DEAD_AFTER
from edge.troubles import TROUBLES
from gridkit.agent_status import Trouble
from gridkit.quality import Quality

BACKLOG_INTERVALS: Final = 3
"""Readings of one meter that wait although the broker is there: three quarter hours, so that a slow bridge is no alarm."""
ROOM_DAYS: Final = 7
"""Room on the card for fewer days than this without a bridge is told: nobody looks more often than once a week."""
PATIENCE_S: Final = 120.0
"""What every start and every reconnect brings for a moment is told when it lasts, wall s; and what comes back within that time has
never been over."""
_PASSING: Final = ("broker_away", "not_receipted", "unconfigured")


class Box(NamedTuple):
    """What concerns all meters of an agent.

    Attributes:
        spool_error: Why no reading can be kept; "" when it can.
        broker_connected: Whether the broker is there.
        certificate_days: Until the client's certificate runs out; None without one.
        damaged_spool: Name of a damaged spool that was set aside; "" without one.
        room_days: For how many days without a bridge the card has room.
        authority_days: Until the last of the broker's authorities runs out; None without TLS.
    """

    spool_error: str
    broker_connected: bool
    certificate_days: int | None
    damaged_spool: str = ""
    room_days: int = ROOM_DAYS
    authority_days: int | None = None


class _Lasting(NamedTuple):
    """One trouble: campus ms and monotonic s when it began, monotonic s when it was last there."""

    since_ms: int
    since_s: float
    seen_s: float


class Diary:
    """Remembers since when each trouble lasts."""

    def __init__(self) -> None:
        self._known: dict[bytes, dict[str, _Lasting]] = {}
        self._looked: tuple[int, float] | None = None

    def of(
        self, meter: Meter, box: Box, waiting: int, quarantined: int, now_ms: int, now_s: float, *, speed: int = 1
    ) -> list[Trouble]:
        """Return a meter's troubles, the gravest first; one that has gone for two minutes and comes again begins anew.

        Args:
            meter: As it is.
            box: What concerns all.
            waiting, quarantined: Its readings in the spool.
            now_ms: Campus time, which may be wrong.
            now_s: Monotonic wall time.
            speed: Campus seconds in a wall second.
        """
        self._follow_clock(now_ms, now_s, speed)
        known = self._known.setdefault(meter.meter_id, {})
        result = []
        found = {
            code: TROUBLES[code].why.format(**facts) for code, facts in _troubles(meter, box, waiting, quarantined)
        }
        for code, why in found.items():
            if code not in known:
                known[code] = _Lasting(min(now_ms, _began_ms(meter, code) or now_ms), now_s, now_s)
            lasting = known[code] = known[code]._replace(seen_s=now_s)
            if code not in _PASSING or now_s - lasting.since_s >= PATIENCE_S:
                result.append(Trouble(code, lasting.since_ms, why, TROUBLES[code].remedy))
        for code, lasting in list(known.items()):
            if code not in found and (code in _PASSING or now_s - lasting.seen_s >= PATIENCE_S):
                del known[code]
        return result

    def _follow_clock(self, now_ms: int, now_s: float, speed: int) -> None:
        """Move every beginning with a clock that was set: a box without a clock battery starts in 1970. Only UTC is ever set."""
        looked, self._looked = self._looked, (now_ms, now_s)
        if looked is None or speed != 1:
            return
        stepped_ms = now_ms - looked[0] - int((now_s - looked[1]) * 1000)
        if abs(stepped_ms) * 1_000_000 <= STEP_NS:
            return
        for known in self._known.values():
            for code, lasting in known.items():
                known[code] = lasting._replace(since_ms=lasting.since_ms + stepped_ms)


_SILENT: Final = {"timeout": "no_answer", "connect": "unreachable", "closed": "hangs_up", "exception": "refuses"}
_CHECKS: Final = {
    Check.POWER: "power_mismatch",
    Check.STANDSTILL: "standstill",
    Check.PHASES: "phases_differ",
    Check.PARTS: "parts_differ",
}
_Found = tuple[str, dict[str, object]]
_SINCE_BELIEVED: Final = {
    *_SILENT.values(),
    *("no_value", "disturbed", "other_device", "other_meter", "set_up_otherwise", "wrong_way", "register_jumped"),
    "wrap_in_doubt",
}


def _began_ms(meter: Meter, code: str) -> int:
    """Return when a trouble must have begun, campus ms; 0 where nothing tells.

    Nobody knows when a silent meter fell silent, but when it last spoke; and that is kept across a restart, as is when counters moved.
    """
    if code in _SINCE_BELIEVED:
        return meter.state.sample_ns // 1_000_000
    return meter.state.moved_ns // 1_000_000 if code == "standstill" else 0


def _troubles(meter: Meter, box: Box, waiting: int, quarantined: int) -> Iterator[_Found]:
    if box.spool_error:
        yield "spool_failed", {"error": box.spool_error}
    elif box.room_days < ROOM_DAYS:
        yield "card_fills", {"days": box.room_days}
    if box.damaged_spool:
        yield "card_damaged", {"name": box.damaged_spool}
    if meter.failures >= DEAD_AFTER:
        yield _silence(meter.last_refusal)
    elif meter.held:
        yield "clock_in_doubt", {}
    elif meter.is_in_question:
        yield from _question(meter)
    else:
        # Where the counters stand still, it follows that they and the power contradict each other.
        follows = {Check.POWER} if Check.STANDSTILL in meter.failed_checks else set()
        yield from ((code, {}) for check, code in _CHECKS.items() if check in meter.failed_checks.keys() - follows)
    if meter.row is None:
        yield "unconfigured", {}
    if quarantined:
        yield "refused_for_good", {"count": quarantined}
    if not box.broker_connected:
        yield "broker_away", {}
    elif waiting >= BACKLOG_INTERVALS:
        yield "not_receipted", {"count": waiting}
    for code, days in (("certificate_expires", box.certificate_days), ("authority_expires", box.authority_days)):
        if days is not None and days < SOON_DAYS:
            yield code, {"end": f"has run out {-days} days ago" if days < 0 else f"runs out in {days} days"}


def _silence(reason: str) -> _Found:
    code = _SILENT.get(reason) or ("no_value" if reason.startswith("energy_") else "disturbed")
    return code, {"reason": reason}


def _question(meter: Meter) -> Iterator[_Found]:
    """Yield what an open question is about, as the latest sample that was doubted has it; after a restart, as its flags have it."""
    sample, question = meter.doubted_sample, meter.state.question
    if question is None:
        return
    if sample is None:
        # Who answers instead, and what is set up otherwise, the first poll tells.
        if not question.flags & (Quality.IDENTITY_CHANGED | Quality.UNIT_CHANGED):
            yield ("register_jumped" if question.flags & Quality.RESET else "wrap_in_doubt"), {}
        return
    others = [fault for fault in sample.faults if fault != WRONG_WAY]
    expected = meter.expected_serial
    if any(fault.startswith("model") for fault in others):
        yield "other_device", {"faults": "; ".join(others)}
    elif expected and sample.serial != expected:
        yield "other_meter", {"shown": sample.serial or "without a serial", "expected": expected}
    elif others:
        yield "set_up_otherwise", {"faults": "; ".join(others)}
    elif WRONG_WAY in sample.faults:
        yield "wrong_way", {"fault": WRONG_WAY}
    elif question.flags & Quality.RESET:
        yield "register_jumped", {}
    else:
        yield "wrap_in_doubt", {}
