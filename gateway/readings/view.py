"""Reads the bridge's view of its store. Nothing here can write to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from gateway.amounts import energy_text
from gateway.meters.directory import Directory
from gridkit.interval import interval_end

readings_view = sa.table(
    "readings_view",
    *(
        sa.column(name)
        for name in (
            "zone", "slot", "meter_number", "register_epoch", "interval", "key_epoch", "import_wh", "export_wh", "quality",
            "clock_error_ms", "received_at_ms", "state", "reason", "change_seq", "seq", "record", "tx_signature", "tx_slot",
            "core", "signature", "device_key",
        )
    ),
)  # fmt: skip
batches = sa.table("batches", *(sa.column(name) for name in ("zone", "seq", "root", "records", "tx_signature")))

_SHOWN = (
    "zone", "slot", "meter_number", "register_epoch", "interval", "key_epoch", "import_wh", "export_wh", "quality",
    "clock_error_ms", "received_at_ms", "state", "reason", "change_seq", "tx_signature", "tx_slot",
)  # fmt: skip
SHOWN = [readings_view.c[name] for name in _SHOWN]
_CHANGES_LIMIT = 500


def reading_id(meter_number: int, register_epoch: int, interval: int) -> str:
    """Return how the API names a reading."""
    return f"{meter_number}-{register_epoch}-{interval}"


def parse_reading_id(text: str) -> tuple[int, int, int] | None:
    """Return (meter number, register epoch, interval) of an API name, or None."""
    parts = text.split("-")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) <= 10 for part in parts):
        return None
    meter, epoch, interval = (int(part) for part in parts)
    return (meter, epoch, interval) if meter < 2**32 and epoch < 2**16 and interval < 2**32 else None


def as_json(row: Any) -> dict[str, Any]:
    """Return the API's form of a reading row: registers in kWh with three decimals, the interval by number and by its end."""
    return {
        "reading_id": reading_id(row.meter_number, row.register_epoch, row.interval),
        "meter_number": row.meter_number,
        "zone": row.zone,
        "register_epoch": row.register_epoch,
        "key_epoch": row.key_epoch,
        "interval": row.interval,
        "interval_end": interval_end(row.interval).isoformat().replace("+00:00", "Z"),
        "import_register": energy_text(row.import_wh),
        "export_register": energy_text(row.export_wh),
        "quality": row.quality,
        "clock_error_ms": row.clock_error_ms,
        "received_at_ms": row.received_at_ms,
        "state": row.state,
        "reason": row.reason or None,
        "signature": row.tx_signature,
        "slot": row.tx_slot,
    }


class ReadingFeed:
    """Hands out readings whose state changed, in the order of the changes, from the process's start on."""

    def __init__(self, engine: sa.Engine, directory: Directory) -> None:
        self._engine, self._directory = engine, directory
        self._last: int | None = None

    def changes(self) -> Sequence[tuple[dict[str, Any], str | None]]:
        """Return (reading, owner wallet) for each change since the last call, at most 500."""
        view = readings_view
        with self._engine.connect() as db:
            if self._last is None:
                self._last = int(db.execute(sa.select(sa.func.max(view.c.change_seq))).scalar_one() or 0)
                return []
            query = sa.select(*SHOWN).where(view.c.change_seq > self._last)
            rows = db.execute(query.order_by(view.c.change_seq).limit(_CHANGES_LIMIT)).all()
        if not rows:
            return []
        self._last = int(rows[-1].change_seq)
        meters = self._directory.all()
        owners = {number: meter.owner for number, meter in meters.items()}
        return [(as_json(row), owners.get(row.meter_number)) for row in rows]
