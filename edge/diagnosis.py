"""Decides what is wrong with a meter as its agent knows it: which trouble, since when, why, and what to do about it.

One sentence each, for the electrician at the console or on the ladder. It tells lasting troubles; a single refused poll is a number
in `poll_refused_total`. Codes are constant, for alarms and tests; the sentences may change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from edge.certificate import SOON_DAYS
from edge.checks import Check
from edge.direction import WRONG_WAY
from edge.meter import Meter
from edge.rounds import DEAD_AFTER
from edge.track import Outcome
from gridkit.quality import Quality

BACKLOG_INTERVALS = 3
"""Readings of one meter that wait although the broker is there: three quarter hours, so that a slow bridge is no alarm."""
PATIENCE_S = 120.0
"""What every start and every reconnect brings for a moment is told when it lasts, wall s."""
_PASSING = ("broker_away", "not_receipted", "unconfigured")


class Diagnosis(msgspec.Struct, frozen=True):
    """One trouble: its code, campus ms since when, why, and what to do."""

    code: str
    since_ms: int
    why: str
    remedy: str


class Box(NamedTuple):
    """What concerns all meters of an agent.

    Attributes:
        spool_error: Why no reading can be kept; "" when it can.
        broker_connected: Whether the broker is there.
        certificate_days: Until the client's certificate runs out; None without one.
        damaged_spool: Name of a damaged spool that was set aside; "" without one.
        authority_days: Until the last of the broker's authorities runs out; None without TLS.
    """

    spool_error: str
    broker_connected: bool
    certificate_days: int | None
    damaged_spool: str = ""
    authority_days: int | None = None


_SILENT = {
    "timeout": (
        "no_answer",
        "it does not answer",
        "Check its power, the wires (A and B), unit number, baud rate and parity.",
    ),
    "connect": (
        "unreachable",
        "its address takes no connection",
        "Check power and network of the meter or its gateway, and the address in edge.toml.",
    ),
    "closed": (
        "hangs_up",
        "it hangs up",
        "See whether another program holds its only connection; then switch it off and on.",
    ),
    "exception": (
        "refuses",
        "it, or its gateway, answers with an exception",
        "Behind a gateway: check the meter's power and unit number. Else run `campusgrid edge probe`: the family may be another.",
    ),
}
_NO_VALUE = (
    "no_value",
    "its counter shows no number ({reason})",
    "Compare with its display; a meter that stays so is to be replaced.",
)
_DISTURBED = (
    "disturbed",
    "its answers are no answers to our questions ({reason})",
    "Look for two meters of one unit number, a second master, and a line without 120 Ω at both ends.",
)
_CHECKS = {
    Check.POWER: (
        "power_mismatch",
        "its counters and its power contradict each other",
        "Compare transformer ratio and unit prefix with the type plate, import and export with the display.",
    ),
    Check.STANDSTILL: (
        "standstill",
        "power flows and its counters stand still",
        "Compare with its display; a counter that stands there too means a broken meter.",
    ),
    Check.PHASES: (
        "phases_differ",
        "its phases do not add up to its total",
        "Look for a current transformer that is off, reversed or on another phase; or all registers read the same.",
    ),
    Check.PARTS: (
        "parts_differ",
        "the counters of its phases or tariffs grow otherwise than the total",
        "Look for a current transformer that is off or reversed.",
    ),
}


class Diary:
    """Remembers since when each trouble lasts."""

    def __init__(self) -> None:
        self._since: dict[bytes, dict[str, tuple[int, float]]] = {}

    def of(self, meter: Meter, box: Box, waiting: int, quarantined: int, now_ms: int, now_s: float) -> list[Diagnosis]:
        """Return a meter's troubles, the gravest first; one that has gone and comes again begins anew.

        Args:
            meter: As it is.
            box: What concerns all.
            waiting, quarantined: Its readings in the spool.
            now_ms: Campus time, which may be wrong.
            now_s: Monotonic wall time.
        """
        known = self._since.setdefault(meter.meter_id, {})
        found = dict(_troubles(meter, box, waiting, quarantined))
        for code in [code for code in known if code not in found]:
            del known[code]
        last_ms = meter.state.sample_ns // 1_000_000
        result = []
        for code, (why, remedy) in found.items():
            # Nobody knows when a silent meter fell silent, but when it last spoke.
            began_ms = last_ms if last_ms and meter.failures >= DEAD_AFTER and code in _DEAD else now_ms
            since_ms, since_s = known.setdefault(code, (min(now_ms, began_ms), now_s))
            if code not in _PASSING or now_s - since_s >= PATIENCE_S:
                result.append(Diagnosis(code, since_ms, why, remedy))
        return result


_DEAD = {code for code, *_ in (*_SILENT.values(), _NO_VALUE, _DISTURBED)}
_Trouble = tuple[str, tuple[str, str]]


def _troubles(meter: Meter, box: Box, waiting: int, quarantined: int) -> Iterator[_Trouble]:
    if box.spool_error:
        yield (
            "spool_failed",
            (box.spool_error, "Make room on the card, or replace it; the next reading carries the energy."),
        )
    if box.damaged_spool:
        yield (
            "card_damaged",
            (
                f"the spool was damaged, and was set aside as {box.damaged_spool}",
                "Replace the card. What was lost is in the next registers; give the file to the operator, then delete it.",
            ),
        )
    if meter.failures >= DEAD_AFTER:
        yield _silence(meter.last_refusal)
    elif meter.held:
        yield (
            "clock_in_doubt",
            (
                "nobody vouches for the clock; samples are held and stamped later",
                "Check that chrony reaches a time server; give the box a clock battery.",
            ),
        )
    elif meter.outcome is Outcome.CONFIRMED:
        yield from _question(meter)
    else:
        for check, (code, why, remedy) in _CHECKS.items():
            if check in meter.failed_checks:
                yield code, (why, remedy)
    if meter.row is None:
        yield (
            "unconfigured",
            ("it has no number yet", "Send its enrolment file to the operator, or wait for the broker."),
        )
    if quarantined:
        yield (
            "refused_for_good",
            (f"the bridge has refused {quarantined} readings for ever", "Ask the operator which verdict, and why."),
        )
    if not box.broker_connected:
        yield (
            "broker_away",
            (
                "the broker cannot be reached; readings wait here",
                "Check the network, the broker, and the certificates.",
            ),
        )
    elif waiting >= BACKLOG_INTERVALS:
        yield (
            "not_receipted",
            (
                f"the broker takes them, but {waiting} readings have no receipt",
                "Ask the operator whether the bridge runs.",
            ),
        )
    if box.certificate_days is not None and box.certificate_days < SOON_DAYS:
        yield (
            "certificate_expires",
            (
                _expires("the client certificate", box.certificate_days),
                "Put a new mqtt_cert and mqtt_key in place while the old one is still good; they are taken at the next session.",
            ),
        )
    if box.authority_days is not None and box.authority_days < SOON_DAYS:
        yield (
            "authority_expires",
            (
                _expires("the certificate of the broker's authority", box.authority_days),
                "Ask the operator for the new one, and append it to mqtt_ca while the old one is still good; it is taken at the next session.",
            ),
        )


def _expires(what: str, days: int) -> str:
    return f"{what} has run out {-days} days ago" if days < 0 else f"{what} runs out in {days} days"


def _silence(reason: str) -> _Trouble:
    code, why, remedy = _SILENT.get(reason) or (_NO_VALUE if reason.startswith("energy_") else _DISTURBED)
    return code, (why.format(reason=reason), remedy)


def _question(meter: Meter) -> Iterator[_Trouble]:
    sample, question = meter.last_sample, meter.state.question
    if sample is None or question is None:
        return
    others = [fault for fault in sample.faults if fault != WRONG_WAY]
    expected = meter.state.serial or meter.settings.serial
    if any(fault.startswith("model") for fault in others):
        yield (
            "other_device",
            (
                "; ".join(others),
                "Another device answers here, or a gateway answers nonsense: run `campusgrid edge probe`, then look at wires and unit numbers.",
            ),
        )
    elif expected and sample.serial != expected:
        yield (
            "other_meter",
            (
                f"meter {sample.serial or 'without a serial'} answers where {expected} was",
                "Exchanged: `campusgrid edge swap`, two approvals. Not exchanged: put adapters and unit numbers right.",
            ),
        )
    elif others:
        yield (
            "set_up_otherwise",
            ("; ".join(others), "Set the meter as the profile assumes, or choose its family anew."),
        )
    elif WRONG_WAY in sample.faults:
        yield (
            "wrong_way",
            (
                f"it {WRONG_WAY}",
                "Turn the meter or its current transformers round, or take `pv = true` out of edge.toml where there is more than a roof; "
                "then `campusgrid edge swap --reset`, two approvals.",
            ),
        )
    elif question.flags & Quality.RESET:
        yield (
            "register_jumped",
            (
                "a register is lower than before, or has risen by more than the connection carries",
                "Compare with its display. Set back or exchanged: `campusgrid edge swap --reset`, two approvals. Else wait: nothing is posted.",
            ),
        )
