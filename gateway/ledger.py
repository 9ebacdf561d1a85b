"""The gateway's view of the ledger: book, balances and orders as they stand on chain, and the transactions that change them.

It signs with keys it is handed and never keeps one. What an order means for the gateway's tables is decided in `orders/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from nacl.signing import SigningKey

from gridkit.chain import idl
from gridkit.chain.deployment import Deployment, associated_token_account, network_programs
from gridkit.chain.rpc import NodeUnreachableError, Rpc, RpcError
from gridkit.chain.sender import Expired, Landed, Refused, Sender, Unknown
from gridkit.chain.tx import Signed, Signer, instruction, sign
from gridkit.log import get_logger
from gridkit.units import ATOMS_PER_WH, trade_value_ucredit

log = get_logger("gateway")

_CONFIRM_S = 20.0
_SIDE = {"buy": 0, "sell": 1}
_KIND = {"GTC": 0, "IOC": 1, "FOK": 2, "POST": 3}
_SELF_TRADE_CANCEL_TAKER = 1
_MAX_FILLS = 64
_BPS = 10_000

OutcomeKind = Literal["confirmed", "failed", "expired", "unknown"]


class OrderRefusedError(Exception):
    """An order or cancel that the market will not take; `code` is stable text for the API."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class NewOrder(msgspec.Struct, frozen=True):
    """What a trader wants to place: size in lots (Wh), price in ticks (0.01 credit/kWh)."""

    side: str
    kind: str
    price_ticks: int
    size_lots: int
    client_id: int


class Outcome(msgspec.Struct, frozen=True):
    """What became of a transaction; `events` are the programs' own, `code` names a failure, `time_s` is its block's campus time."""

    kind: OutcomeKind
    signature: str
    slot: int = 0
    code: str = ""
    detail: str = ""
    events: tuple[idl.Event, ...] = ()
    time_s: int | None = None


class Level(msgspec.Struct, frozen=True):
    """One price of the book."""

    price_ticks: int
    size_lots: int
    orders: int


class Book(msgspec.Struct, frozen=True):
    """Both sides, best price first, as they stood at `slot`; `seq` is the market's event number."""

    seq: int
    slot: int
    last_price_ticks: int | None
    bids: list[Level]
    asks: list[Level]


class SeatFunds(msgspec.Struct, frozen=True):
    """What a seat holds: GRID in lots (Wh), CREDIT in µcredit."""

    seat: int
    grid_free_lots: int
    grid_locked_lots: int
    credit_free_ucredit: int
    credit_locked_ucredit: int


class RowFunds(msgspec.Struct, frozen=True):
    """What a ledger row holds in one zone, atoms."""

    zone: int
    row: int
    balance_atoms: int
    debt_atoms: int


class Funds(msgspec.Struct, frozen=True):
    """Everything a wallet has: its seat, its rows, and CREDIT in its token account (µcredit)."""

    seat: SeatFunds | None
    rows: list[RowFunds]
    credit_account_ucredit: int


class Ledger:
    """Reads and writes one deployment through one node.

    Args:
        rpc: The node.
        deployment: The deployment.
        fee_payer: Pays the fees of everybody whose key is in custody here.
    """

    def __init__(self, rpc: Rpc, deployment: Deployment, fee_payer: SigningKey) -> None:
        self.rpc, self.deployment = rpc, deployment
        self._payer = Signer(fee_payer)
        self._programs = network_programs(deployment)
        self._market = idl.interface("trading").layout("Market").offsets
        self._wallets: dict[int, str] = {}
        self._seats: dict[str, int] = {}
        self._sender = Sender(rpc, give_up_s=_CONFIRM_S)

    # Reading

    def book(self, depth: int = 50) -> Book:
        """Return the best `depth` prices of each side."""
        at = self._market
        account = self.rpc.account(self.deployment.market, offset=0, length=at["seats"])
        if account is None:
            raise NodeUnreachableError("the market account is missing")
        data = account.data
        min_tick = _u16(data, at["min_tick"])
        last = _u16(data, at["last_tick"])
        bids = _levels(data, at["bid_levels"], min_tick)
        asks = _levels(data, at["ask_levels"], min_tick)
        return Book(
            seq=_u64(data, at["event_seq"]),
            slot=account.slot,
            last_price_ticks=last or None,
            bids=bids[::-1][:depth],
            asks=asks[:depth],
        )

    def funds(self, wallet: str) -> Funds:
        """Return what `wallet` has, in three reads."""
        deployment = self.deployment
        zones = sorted(int(zone) for zone in deployment.zones)
        token_account = associated_token_account(wallet, deployment.credit_mint)
        names = [deployment.row(zone, wallet) for zone in zones]
        found = self.rpc.accounts([deployment.seat_index(wallet), token_account, *names])
        seat_index, credit, rows = found[0], found[1], found[2:]
        row_numbers = [(zone, _u16(row.data, 12)) for zone, row in zip(zones, rows, strict=True) if row is not None]
        return Funds(
            seat=None if seat_index is None else self._seat(_u16(seat_index.data, 10)),
            rows=[self._row(zone, row) for zone, row in row_numbers],
            credit_account_ucredit=0 if credit is None or len(credit.data) < 72 else _u64(credit.data, 64),
        )

    def _seat(self, seat: int) -> SeatFunds:
        base = self._market["seats"] + 128 * seat
        account = self.rpc.account(self.deployment.market, offset=base, length=128)
        if account is None:
            raise NodeUnreachableError("the market account is missing")
        data = account.data
        return SeatFunds(seat, _u64(data, 32), _u64(data, 40), _u64(data, 48), _u64(data, 56))

    def _row(self, zone: int, row: int) -> RowFunds:
        base = idl.interface("energy_token").layout("Ledger").offsets["rows"] + 96 * row
        account = self.rpc.account(self.deployment.zones[str(zone)].ledger, offset=base, length=96)
        if account is None:
            raise NodeUnreachableError("the ledger account is missing")
        return RowFunds(zone, row, _u64(account.data, 32), _u64(account.data, 40))

    def wallet_of_seat(self, seat: int) -> str:
        """Return the owner of a seat; an owner never changes, so it is read once."""
        if seat not in self._wallets:
            from gridkit.chain.tx import Pubkey

            base = self._market["seats"] + 128 * seat
            account = self.rpc.account(self.deployment.market, offset=base, length=32)
            if account is None:
                raise NodeUnreachableError("the market account is missing")
            self._wallets[seat] = str(Pubkey.from_bytes(account.data))
        return self._wallets[seat]

    def seat_of(self, wallet: str) -> int | None:
        """Return the seat of a wallet; a seat is given once and for ever, so it is read once."""
        if wallet not in self._seats:
            account = self.rpc.account(self.deployment.seat_index(wallet), offset=0, length=64)
            if account is None:
                return None
            self._seats[wallet] = _u16(account.data, 10)
        return self._seats[wallet]

    def events_of(self, transaction: dict[str, Any]) -> tuple[idl.Event, ...]:
        """Return the programs' events in a landed transaction, up to where its logs were cut."""
        return tuple(idl.events_in(transaction["meta"]["logMessages"] or [], self._programs))

    # Writing

    def prepare_order(self, key: SigningKey, order: NewOrder) -> Signed:
        """Return a signed transaction that places `order`, moving what the seat lacks from the wallet's ledger rows or CREDIT account first.

        Raises:
            OrderRefusedError: No seat, in debt, or not enough free GRID or CREDIT in all.
        """
        trader = Signer(key)
        funds = self.funds(trader.address)
        if funds.seat is None:
            raise OrderRefusedError("no_seat", "This account has no seat in the market.")
        seat = funds.seat
        first = self._grid_for(trader, funds, order) if order.side == "sell" else self._credit_for(trader, funds, order)
        place = self._trading(
            "place_order",
            {"wallet": trader.address, "council": self.deployment.council, "market": self.deployment.market},
            seat=seat.seat,
            side=_SIDE[order.side],
            kind=_KIND[order.kind],
            tick=order.price_ticks,
            lots=order.size_lots,
            client_id=order.client_id,
            expires_interval=0,
            self_trade=_SELF_TRADE_CANCEL_TAKER,
            max_fills=_MAX_FILLS,
        )
        return self._sign([*first, place], trader)

    def _grid_for(self, trader: Signer, funds: Funds, order: NewOrder) -> list[Any]:
        seat = _seat_of(funds)
        lacking = order.size_lots - seat.grid_free_lots
        moves: list[Any] = []
        for row in funds.rows:
            if lacking <= 0:
                break
            lots = min(lacking, row.balance_atoms // ATOMS_PER_WH)
            if lots == 0 or row.debt_atoms > 0:
                continue
            moves.append(self._move_to_market(trader, seat.seat, row, lots))
            lacking -= lots
        if lacking > 0:
            raise OrderRefusedError(
                "insufficient_balance", f"The order needs {lacking} Wh more than this account's free GRID."
            )
        return moves

    def _credit_for(self, trader: Signer, funds: Funds, order: NewOrder) -> list[Any]:
        seat = _seat_of(funds)
        value = trade_value_ucredit(order.size_lots, order.price_ticks)
        lacking = value + self._worst_fee_ucredit(value) - seat.credit_free_ucredit
        if lacking <= 0:
            return []
        if lacking > funds.credit_account_ucredit:
            raise OrderRefusedError(
                "insufficient_balance",
                f"The order needs {lacking - funds.credit_account_ucredit} µcredit more than this account has free.",
            )
        accounts = {
            "wallet": trader.address,
            "council": self.deployment.council,
            "market": self.deployment.market,
            "source": associated_token_account(trader.address, self.deployment.credit_mint),
            "credit_vault": self.deployment.pda("trading", b"credit_vault"),
        }
        return [self._trading("deposit_credit", accounts, seat=seat.seat, amount_ucredit=lacking)]

    def _worst_fee_ucredit(self, value: int) -> int:
        return -(-value * self.taker_fee_bps() // _BPS)

    def taker_fee_bps(self) -> int:
        """Return the council's taker fee, basis points."""
        offset = idl.interface("governance").layout("Council").offsets["params"] + 32
        account = self.rpc.account(self.deployment.council, offset=offset, length=8)
        return 0 if account is None else _u64(account.data, 0)

    def _move_to_market(self, trader: Signer, seat: int, row: RowFunds, lots: int) -> Any:
        deployment = self.deployment
        accounts = {
            "owner": trader.address,
            "council": deployment.council,
            "config": deployment.config("energy_token"),
            "ledger": deployment.zones[str(row.zone)].ledger,
            "vault": deployment.pda("energy_token", b"vault"),
            "market_grid_vault": deployment.pda("trading", b"grid_vault"),
            "authority": deployment.pda("energy_token", b"authority"),
            "market": deployment.market,
            "trading_program": deployment.programs["trading"],
        }
        described = idl.interface("energy_token").instruction("move_to_market")
        if any(meta.name == "trading_config" for meta in described.metas):
            accounts["trading_config"] = deployment.config("trading")
        args = {"row": row.row, "lots": lots, "seat": seat}
        wanted = {name: args[name] for name, _ in described.args}
        return instruction(
            "energy_token", deployment.programs["energy_token"], "move_to_market", accounts, (), **wanted
        )

    def prepare_cancel(self, key: SigningKey, chain_order_id: int) -> Signed:
        """Return a signed transaction that cancels an order."""
        trader = Signer(key)
        accounts = {"wallet": trader.address, "market": self.deployment.market}
        return self._sign([self._trading("cancel_order", accounts, order_id=chain_order_id)], trader)

    def _trading(self, name: str, accounts: dict[str, str], **args: int) -> Any:
        return instruction("trading", self.deployment.programs["trading"], name, accounts, (), **args)

    def _sign(self, instructions: Sequence[Any], trader: Signer) -> Signed:
        blockhash, last_valid = self._sender.blockhash()
        return sign(instructions, [self._payer, trader], blockhash, last_valid)

    def submit(self, signed: Signed) -> Outcome:
        """Send until the ledger knows what became of it; at most 20 s, then the outcome is unknown."""
        sent = self._sender.follow(signed, skip_preflight=False)
        if not isinstance(sent, Refused):
            return self._told(sent)
        try:
            known = self.outcome(signed.signature, signed.last_valid_block_height)  # it may have landed before
        except RpcError:
            known = Outcome("unknown", signed.signature)
        if known.kind == "confirmed" or sent.error is None:
            return known
        return self._failure(signed.signature, sent.error)

    def outcome(self, signature: str, last_valid_block_height: int) -> Outcome:
        """Return what became of a transaction: `expired` only when the chain is past its last block height without having it."""
        return self._told(self._sender.outcome(signature, last_valid_block_height))

    def _told(self, found: Landed | Expired | Unknown) -> Outcome:
        """Return an outcome with the events of what landed; unknown while its transaction is not served yet."""
        if isinstance(found, Expired):
            return Outcome("expired", found.signature, code="expired", detail="The transaction never landed.")
        if isinstance(found, Unknown):
            return Outcome("unknown", found.signature)
        if found.error is not None:
            return self._failure(found.signature, found.error)
        try:
            transaction = self.rpc.transaction(found.signature)
        except RpcError:
            transaction = None
        if transaction is None:
            return Outcome("unknown", found.signature)
        return Outcome(
            "confirmed",
            found.signature,
            slot=int(transaction["slot"]),
            events=self.events_of(transaction),
            time_s=transaction.get("blockTime"),
        )

    def _failure(self, signature: str, err: Any) -> Outcome:
        code, detail = failure_of(err)
        return Outcome("failed", signature, code=code, detail=detail)


def failure_of(err: Any) -> tuple[str, str]:
    """Return (stable code, sentence) of a transaction error.

    The error itself does not name the program, so trading's table is asked.
    """
    custom = None
    if isinstance(err, dict) and "InstructionError" in err:
        inner = err["InstructionError"][1]
        custom = inner.get("Custom") if isinstance(inner, dict) else None
    if custom is None:
        return "transaction_failed", f"The ledger refused the transaction: {err}."
    known = idl.error("trading", int(custom))
    name = known.name if known else f"custom_{custom}"
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
    return snake, f"The market refused it: {known.message if known else custom}."


def _seat_of(funds: Funds) -> SeatFunds:
    if funds.seat is None:
        raise OrderRefusedError("no_seat", "This account has no seat in the market.")
    return funds.seat


def _levels(data: bytes, at: int, min_tick: int) -> list[Level]:
    """Return the levels that hold orders, lowest price first."""
    found = []
    for level in range(512):
        base = at + 16 * level
        if count := _u16(data, base + 4):
            found.append(Level(min_tick + level, _u64(data, base + 8), count))
    return found


def _u16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _u64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")
