"""What the caller owns: GRID in the ledgers, debt, and GRID and CREDIT in the market, read from the chain at each call."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from gateway.amounts import atoms_text
from gateway.context import Caller, GatewayPart
from gridkit.units import ATOMS_PER_WH

router = APIRouter(tags=["balances"])


class RowView(BaseModel):
    """GRID in the ledger of one zone; a row in debt cannot be moved or sold until the debt is paid."""

    zone: int
    balance: str
    debt: str


class SeatView(BaseModel):
    """GRID and CREDIT in the market: free, and bound by open orders."""

    seat: int
    grid_free: str
    grid_locked: str
    credit_free: str
    credit_locked: str


class BalancesView(BaseModel):
    """Everything the wallet has. GRID and CREDIT with six decimals; 1 GRID = 1 kWh."""

    wallet: str
    ledger: list[RowView]
    market: SeatView | None
    credit_account: str


@router.get("/balances", summary="What I own")
def balances(claims: Caller, gateway: GatewayPart) -> BalancesView:
    """Return the caller's balances."""
    funds = gateway.ledger.funds(claims.wallet)
    seat = funds.seat
    return BalancesView(
        wallet=claims.wallet,
        ledger=[
            RowView(zone=r.zone, balance=atoms_text(r.balance_atoms), debt=atoms_text(r.debt_atoms)) for r in funds.rows
        ],
        market=None
        if seat is None
        else SeatView(
            seat=seat.seat,
            grid_free=atoms_text(seat.grid_free_lots * ATOMS_PER_WH),
            grid_locked=atoms_text(seat.grid_locked_lots * ATOMS_PER_WH),
            credit_free=atoms_text(seat.credit_free_ucredit),
            credit_locked=atoms_text(seat.credit_locked_ucredit),
        ),
        credit_account=atoms_text(funds.credit_account_ucredit),
    )
