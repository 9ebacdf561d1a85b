"""Decides what each metric is called in words, for whoever finds it in a list: the HELP line of the Prometheus text."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "campusgrid_edge_"

MEANINGS: Final = {
    "authority_days_left": "Whole days until the last authority in mqtt_ca runs out; -1 where it cannot be read.",
    "backlog": "Readings that wait for the bridge's signed receipt.",
    "backlog_oldest_age_seconds": "Age of the oldest reading that waits; 0 when none does.",
    "certificate_days_left": "Whole days until the client certificate runs out; -1 where it cannot be read.",
    "clock_error_ms": "Most that the clock can be wrong by, ms; 65535 when nobody vouches for it.",
    "clock_holds_total": "Samples held because nobody vouched for the clock.",
    "config_refused_total": "Configurations that were not taken, by reason.",
    "config_rollbacks_total": "Configurations taken back because meters or broker did not answer under them.",
    "config_version": "Version of the signed configuration in use; -1 when there is none.",
    "in_flight": "Readings sent and not receipted.",
    "last_interval": "Latest interval that a reading was made for.",
    "loop_failures_total": "Faults that no step should have; the loop went on.",
    "meter_dead": "1 when the meter has not answered for three rounds.",
    "meter_in_question": "1 when a register or the meter itself is doubted; nothing of it is posted.",
    "mqtt_connected": "1 while there is a session with the broker.",
    "mqtt_disconnects_total": "Sessions that ended, and attempts that the broker ended.",
    "mqtt_trouble": "1 under the reason why there is no session, or why it is of no use.",
    "outcomes_total": "Changes of what is thought of a meter's registers, by outcome.",
    "poll_refused_total": "Rounds without a sample, by reason.",
    "polls_total": "Rounds that brought a sample.",
    "publish_refused_total": "Readings that the broker refused.",
    "published_total": "Readings handed to the broker, repeats too.",
    "quarantine": "Readings that the bridge has refused for ever.",
    "readings_total": "Readings made, signed and kept.",
    "receipts_refused_total": "Receipts that were not believed, by reason.",
    "receipts_total": "Receipts believed, by verdict.",
    "resends": "Readings sent again for want of a receipt.",
    "samples_held": "Samples held now because nobody vouches for the clock.",
    "signed_again_total": "Readings signed again because a rotation was heard of late.",
    "signing_failures_total": "Readings that were not made for want of a key.",
    "spool_bytes": "What the spool takes on disk.",
    "spool_days_left": "Whole days without a bridge for which the disk has room.",
    "spool_failed": "1 while no reading can be kept.",
    "spool_failures_total": "Failures to write or read the spool.",
    "spool_free_bytes": "What the file system of the spool still gives.",
}
"""By name without prefix."""


def head(name: str, kind: str) -> list[str]:
    """Return the lines before a metric's series; `kind` is "counter" or "gauge". One without a meaning has no HELP line."""
    meaning = MEANINGS.get(name.removeprefix(PREFIX))
    return [*([] if meaning is None else [f"# HELP {name} {meaning}"]), f"# TYPE {name} {kind}"]
