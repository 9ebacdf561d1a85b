"""Decides which reading is sent next, and again when; pure: time is given, nothing is sent or deleted here.

Per meter the oldest goes first. What was sent and has no receipt is sent again after a time-out, from the oldest on. A
transient refusal lets the whole meter wait, longer each time, so that nothing younger overtakes what was refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edge.spool import Row

MAX_BACK_OFF = 32
"""How often the back-off may be the first one, at most."""


class _Sent:
    __slots__ = ("at_s", "in_client")

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s
        self.in_client = True


class MeterOutbox:
    """The readings of one meter that are in memory, oldest first; the rest lies in the spool."""

    def __init__(self, meter_id: bytes, *, receipt_timeout_s: float, retry_s: float) -> None:
        """Begin empty; times are wall seconds."""
        self.meter_id = meter_id
        self._receipt_timeout_s = receipt_timeout_s
        self._retry_s = retry_s
        self._rows: dict[bytes, Row] = {}
        self._sent: dict[bytes, _Sent] = {}
        self._not_before_s = 0.0
        self._refusals = 0
        self.resends = 0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def in_flight(self) -> int:
        """Readings sent and not receipted."""
        return len(self._sent)

    @property
    def latest_key(self) -> tuple[int, int]:
        """(register epoch, interval) of the youngest row in memory; (-1, -1) when there is none."""
        row = next(reversed(self._rows.values()), None)
        return (-1, -1) if row is None else (row.register_epoch, row.interval)

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows from the spool, younger than all that are here; known ones are ignored."""
        for row in rows:
            self._rows.setdefault(row.sha256, row)

    def knows(self, sha256: bytes) -> bool:
        """Return whether this reading waits for a receipt here."""
        return sha256 in self._rows

    def due(self, now_s: float, room: int) -> list[Row]:
        """Return what is to be sent now, oldest first, at most `room` rows; the caller calls `sent` for each.

        The first un-receipted row past its time-out makes it and all after it unsent, except what the MQTT client
        still holds itself: that one repeats until the broker has acknowledged.
        """
        if now_s < self._not_before_s:
            return []
        overdue = False
        result: list[Row] = []
        for sha256, row in self._rows.items():
            sent = self._sent.get(sha256)
            if sent is not None:
                if sent.in_client:
                    continue
                overdue = overdue or now_s - sent.at_s >= self._receipt_timeout_s
                if not overdue:
                    continue
                del self._sent[sha256]
                self.resends += 1
            if len(result) < room:
                result.append(row)
            elif not overdue:
                break
        return result

    def sent(self, sha256: bytes, now_s: float) -> None:
        """Note that a row was handed to the MQTT client."""
        self._sent[sha256] = _Sent(now_s)

    def acknowledged(self, sha256: bytes, now_s: float) -> None:
        """Note that the broker has it; the receipt's time-out counts from here."""
        sent = self._sent.get(sha256)
        if sent is not None:
            sent.in_client = False
            sent.at_s = now_s

    def settled(self, sha256: bytes) -> None:
        """Forget a row that has left the spool. A settled row also ends the back-off."""
        self._rows.pop(sha256, None)
        self._sent.pop(sha256, None)
        self._refusals = 0
        self._not_before_s = 0.0

    def clear(self) -> None:
        """Forget everything: the spool has other payloads now."""
        self._rows.clear()
        self._sent.clear()
        self._refusals = 0
        self._not_before_s = 0.0

    def refused_for_now(self, sha256: bytes, now_s: float) -> None:
        """Note a transient refusal: the whole meter waits, and then begins at its oldest row again."""
        if sha256 not in self._rows:
            return
        back_off_s = self._retry_s * min(MAX_BACK_OFF, 1 << min(self._refusals, 16))
        self._refusals += 1
        self._not_before_s = max(self._not_before_s, now_s + back_off_s)
        for held in [key for key, sent in self._sent.items() if not sent.in_client]:
            del self._sent[held]

    def wait_s(self, now_s: float) -> float:
        """Return after how many seconds something may be due here, given that nothing arrives; large when empty."""
        if not self._rows:
            return 3600.0
        if now_s < self._not_before_s:
            return self._not_before_s - now_s
        if any(key not in self._sent for key in self._rows):
            return 0.0
        waiting = [sent.at_s for sent in self._sent.values() if not sent.in_client]
        return max(0.0, min(waiting) + self._receipt_timeout_s - now_s) if waiting else 3600.0


def take_turns(outboxes: list[MeterOutbox], now_s: float, window: int, start: int, send: Callable[[Row], bool]) -> int:
    """Send what is due, one meter after another, while the window has room; a full meter never starves the next.

    Args:
        outboxes: Of all meters that may send.
        now_s: Wall time.
        window: Readings sent and not receipted, all meters together.
        start: Index of the meter whose turn it is first.
        send: Hands a row to the client; False ends the turn (not connected).

    Returns:
        How many were sent.
    """
    if not outboxes:
        return 0
    room = window - sum(outbox.in_flight for outbox in outboxes)
    share = max(1, window // len(outboxes))
    count = 0
    for step in range(len(outboxes)):
        outbox = outboxes[(start + step) % len(outboxes)]
        for row in outbox.due(now_s, max(0, min(room, share - outbox.in_flight))):
            if not send(row):
                return count
            outbox.sent(row.sha256, now_s)
            room -= 1
            count += 1
    return count
