"""The caller's meters as the registry knows them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from gateway.context import Caller, GatewayPart
from gateway.meters import access
from gateway.meters.directory import Meter

router = APIRouter(tags=["meters"])
MeterNumber = Annotated[int, Path(ge=1, lt=2**32)]


class MeterView(BaseModel):
    """One meter: registry number, id and key in hex, owner wallet, zone and slot."""

    number: int
    meter_id: str
    owner: str
    status: str
    kind: str
    zone: int
    slot: int
    capacity_w: int
    max_wh_interval: int
    key_epoch: int
    register_epoch: int
    key: str


class MeterList(BaseModel):
    """Meters by number."""

    meters: list[MeterView]


def view(meter: Meter) -> MeterView:
    """Return the API's form of a meter."""
    return MeterView(**{name: getattr(meter, name) for name in meter.__struct_fields__})


@router.get("/meters", summary="Meters I may see")
def list_meters(claims: Caller, gateway: GatewayPart) -> MeterList:
    """Return the caller's own meters; facilities staff, operators and auditors see all."""
    return MeterList(meters=[view(meter) for meter in access.visible(gateway, claims)])


@router.get("/meters/{number}", summary="One meter")
def one_meter(number: MeterNumber, claims: Caller, gateway: GatewayPart) -> MeterView:
    """Return one meter."""
    return view(access.one(gateway, claims, number))
