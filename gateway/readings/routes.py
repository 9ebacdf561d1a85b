"""Readings of the meters that the caller may see, newest first, one alone, and the proof of one."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel

from gateway import paging
from gateway.auth.tokens import Claims
from gateway.context import Caller, Gateway, GatewayPart
from gateway.meters import access
from gateway.meters.routes import MeterNumber
from gateway.problems import Problem
from gateway.readings.view import SHOWN, as_json, parse_reading_id, readings_view
from gridkit.chain import proof
from gridkit.log import get_logger

router = APIRouter(tags=["readings"])
log = get_logger("gateway")
State = Literal["stored", "posted", "settled", "superseded", "withheld"]
_PROVABLE = ("posted", "settled")


class ReadingView(BaseModel):
    """One reading. Registers are cumulative, kWh; `state` says how far the ledger has taken it, `signature` is the Solana transaction."""

    reading_id: str
    meter_number: int
    zone: int
    register_epoch: int
    key_epoch: int
    interval: int
    interval_end: str
    import_register: str
    export_register: str
    quality: int
    clock_error_ms: int
    received_at_ms: int
    state: State
    reason: str | None
    signature: str | None
    slot: int | None


class ReadingPage(BaseModel):
    """Some readings of one meter, newest first, and where the next page starts."""

    readings: list[ReadingView]
    next: str | None


@router.get("/meters/{number}/readings", summary="Readings of one meter, newest first")
def list_readings(
    number: MeterNumber,
    claims: Caller,
    gateway: GatewayPart,
    since: Annotated[int, Query(ge=0, lt=2**32, description="first interval")] = 0,
    until: Annotated[int, Query(ge=0, lt=2**32, description="last interval")] = 2**32 - 1,
    state: State | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 96,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> ReadingPage:
    """Return the readings of one meter between two intervals, both included."""
    access.one(gateway, claims, number)
    view = readings_view
    query = sa.select(*SHOWN).where(view.c.meter_number == number, view.c.interval.between(since, until))
    if state is not None:
        query = query.where(view.c.state == state)
    if cursor is not None:
        interval, epoch = paging.unpack(cursor)
        query = query.where(sa.tuple_(view.c.interval, view.c.register_epoch) < (interval, epoch))
    with gateway.readings.connect() as db:
        rows = db.execute(query.order_by(view.c.interval.desc(), view.c.register_epoch.desc()).limit(limit + 1)).all()
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return ReadingPage(
        readings=[ReadingView(**as_json(row)) for row in rows[:limit]],
        next=paging.pack([last.interval, last.register_epoch]) if last is not None else None,
    )


@router.get("/readings/{reading_id}", summary="One reading")
def one_reading(reading_id: str, claims: Caller, gateway: GatewayPart) -> ReadingView:
    """Return one reading, named `<meter number>-<register epoch>-<interval>`."""
    return ReadingView(**as_json(_row(gateway, claims, reading_id)))


@router.get("/readings/{reading_id}/proof", summary="Proof of one reading")
def reading_proof(reading_id: str, claims: Caller, gateway: GatewayPart) -> dict[str, Any]:
    """Return the proof that `campusgrid verify` checks offline: the meter's own signature, and the path to the ledger's peaks.

    409 `not_posted`: the ledger does not hold the reading (yet), so there is nothing to prove. 409 `not_provable`: it does, but a
    root that the proof needs is not known here, because whoever posted it hid it.
    """
    row = _row(gateway, claims, reading_id)
    if row.state not in _PROVABLE:
        raise Problem(
            409, "not_posted", f"The reading is {row.state}; the ledger holds nothing to prove.", retry="later"
        )
    try:
        made = gateway.proofs.make(row)
    except proof.ProofError as error:
        log.error("reading_not_provable", reading_id=reading_id, error=str(error))
        raise Problem(409, "not_provable", f"No proof can be made now: {error}.", retry="later") from error
    return _object(made)


def _row(gateway: Gateway, claims: Claims, reading_id: str) -> Any:
    key = parse_reading_id(reading_id)
    if key is None:
        raise Problem(404, "not_found", "A reading is named <meter number>-<register epoch>-<interval>.")
    access.one(gateway, claims, key[0])
    view = readings_view
    query = sa.select(view).where(
        view.c.meter_number == key[0], view.c.register_epoch == key[1], view.c.interval == key[2]
    )
    with gateway.readings.connect() as db:
        row = db.execute(query).one_or_none()
    if row is None:
        raise Problem(404, "not_found", "There is no such reading.")
    return row


def _object(made: proof.ReadingProof | proof.TradeProof) -> dict[str, Any]:
    return dict(json.loads(proof.encode(made)))
