"""docs/validator-run.json says what a real validator did with the programs; a record of other programs says nothing about these."""

from __future__ import annotations

import json
import warnings

from validator_run import RECORD, every_instruction, stale


def test_the_record_of_the_validator_is_of_these_programs() -> None:
    """A stale record is no failure here, since not every machine has a validator; where one is built, CI fails on it."""
    old = stale()
    if old:
        warnings.warn(
            f"docs/validator-run.json is not of these programs: {', '.join(old)}; `make test-validator`", stacklevel=1
        )
        return
    record = json.loads(RECORD.read_text())
    assert record["faults"] == []
    assert set(record["clients"].values()) == {"equal"}
    assert {name for name, *_ in record["units"]["rows"]} == every_instruction()
