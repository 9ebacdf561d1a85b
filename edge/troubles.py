"""Every trouble that the agent tells of a meter: its code, why in one sentence, and what to do in another.

The only place of these texts: log, status topic, `campusgrid edge status` and `campusgrid status` show them, and docs/edge.md lists them
(`python -m edge.troubles` prints its rows). Codes are constant, for alarms and tests; the sentences may change. Which trouble there is,
is decided in `edge/diagnosis.py`.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Text(NamedTuple):
    """Why, with places for facts in braces, and what to do."""

    why: str
    remedy: str


TROUBLES: Final = {
    "spool_failed": Text(
        "no reading can be kept: {error}", "Make room on the card, or replace it; the next reading carries the energy."
    ),
    "card_damaged": Text(
        "the spool was damaged, and was set aside as {name}",
        "Replace the card. What was lost is in the next registers; give the file to the operator, then delete it.",
    ),
    "card_fills": Text(
        "the card has room for {days} days of readings that nobody takes",
        "Make room on the card; and where readings wait, see why: broker and bridge.",
    ),
    "no_answer": Text("it does not answer", "Check its power, the wires (A and B), unit number, baud rate and parity."),
    "unreachable": Text(
        "its address takes no connection",
        "Check power and network of the meter or its gateway, and the address in edge.toml.",
    ),
    "hangs_up": Text(
        "it hangs up", "See whether another program holds its only connection; then switch it off and on."
    ),
    "refuses": Text(
        "it, or its gateway, answers with an exception",
        "Behind a gateway: check the meter's power and unit number. Else run `campusgrid edge probe`: the family may be another.",
    ),
    "disturbed": Text(
        "its answers are no answers to our questions ({reason})",
        "Look for two meters of one unit number, a second master, and a line without 120 Ω at both ends.",
    ),
    "no_value": Text(
        "its counter shows no number ({reason})", "Compare with its display; a meter that stays so is to be replaced."
    ),
    "clock_in_doubt": Text(
        "nobody vouches for the clock; samples are held and stamped later",
        "Check that chrony reaches a time server; give the box a clock battery.",
    ),
    "other_device": Text(
        "another device answers here, or a gateway answers nonsense: {faults}",
        "Run `campusgrid edge probe`, then look at wires and unit numbers.",
    ),
    "other_meter": Text(
        "meter {shown} answers where {expected} was",
        "Exchanged: `campusgrid edge swap`, two approvals. Not exchanged: put adapters and unit numbers right.",
    ),
    "set_up_otherwise": Text(
        "it is set up otherwise than its profile assumes: {faults}",
        "Set the meter as the profile assumes, or choose its family anew.",
    ),
    "wrong_way": Text(
        "it {fault}",
        "Turn the meter or its current transformers round, or take `pv = true` out of edge.toml where there is more than a roof; "
        "then `campusgrid edge swap --reset`, two approvals.",
    ),
    "register_jumped": Text(
        "a register is lower than before, or has risen by more than the connection carries",
        "Compare with its display. Set back or exchanged: `campusgrid edge swap --reset`, two approvals. Else wait: nothing is posted.",
    ),
    "wrap_in_doubt": Text(
        "a register has run over or was set back, and has not counted on since",
        "Wait for load: it is believed once it has counted on. Set back: `campusgrid edge swap --reset`, two approvals.",
    ),
    "power_mismatch": Text(
        "its counters and its power contradict each other",
        "Compare transformer ratio and unit prefix with the type plate, import and export with the display.",
    ),
    "standstill": Text(
        "power flows and its counters stand still",
        "Compare with its display; a counter that stands there too means a broken meter.",
    ),
    "phases_differ": Text(
        "its phases do not add up to its total",
        "Look for a current transformer that is off, reversed or on another phase; or all registers read the same.",
    ),
    "parts_differ": Text(
        "the counters of its phases or tariffs grow otherwise than the total",
        "Look for a current transformer that is off or reversed.",
    ),
    "unconfigured": Text("it has no number yet", "Send its enrolment file to the operator, or wait for the broker."),
    "refused_for_good": Text(
        "the bridge has refused {count} readings for ever", "Ask the operator which verdict, and why."
    ),
    "broker_away": Text(
        "the broker cannot be reached; readings wait here", "Check the network, the broker, and the certificates."
    ),
    "not_receipted": Text(
        "the broker takes them, but {count} readings have no receipt", "Ask the operator whether the bridge runs."
    ),
    "certificate_expires": Text(
        "the client certificate {end}",
        "Put a new mqtt_cert and mqtt_key in place while the old one is still good; they are taken at the next session.",
    ),
    "authority_expires": Text(
        "the certificate of the broker's authority {end}",
        "Ask the operator for the new one, and append it to mqtt_ca while the old one is still good; it is taken at the next session.",
    ),
}
"""By code."""


def markdown() -> str:
    """Return the rows of the docs' table."""
    return "".join(
        f"| `{code}` | {re.sub('{.*?}', '…', text.why)} | {text.remedy} |\n" for code, text in TROUBLES.items()
    )


if __name__ == "__main__":
    print(markdown(), end="")
