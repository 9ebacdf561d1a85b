"""The auctions' account and instructions as clients see them, against the interface; and the fills that events tell."""

from __future__ import annotations

import struct

import pytest

from gridkit.chain import accounts, auction, idl, trades
from gridkit.chain.deployment import Deployment, ZoneAddresses
from gridkit.chain.proof import Fill, decode_fill, encode_fill
from gridkit.chain.tx import Pubkey

LAYOUT = idl.interface("trading").layout("Auctions")
K = 1_977_641


def address(n: int) -> str:
    return str(Pubkey.from_bytes(bytes([n]) * 32))


DEPLOYMENT = Deployment(
    genesis_hash="g",
    network_tag="00000000",
    programs={name: address(40 + n) for n, name in enumerate(idl.PROGRAMS)},
    market=address(1),
    zones={"3": ZoneAddresses(slab=address(2), roots=address(3), ledger=address(4))},
    grid_mint=address(5),
    credit_mint=address(6),
    auctions=address(7),
)


def account() -> bytes:
    """An account in whose odd place auction K is half settled: seat 2 has sold 30 of 50, seat 5's buy was cancelled."""
    data = bytearray(LAYOUT.size)
    data[:9] = LAYOUT.discriminator + b"\x01"
    data[16:48] = bytes([9]) * 32
    head = struct.pack(
        "<IIBBHHHIIIIIIIIHHIIIq", K, 1, 1, 1, 120, 118, 0, 80, 30, 30, 50, 20, 4, 0, 50, 3, 2, 0, 20, 0, 99
    )
    at = LAYOUT.offsets["heads"] + 128
    data[at : at + len(head)] = head
    data[LAYOUT.offsets["seats"] + 256 + 128] = 1 << 2
    orders = {(2, 1): (77, 50, K, 30, 118, 1), (5, 0): (78, 0, K, 0, 110, 0), (6, 0): (79, 9, K - 2, 9, 130, 0)}
    for (seat, side), fields in orders.items():
        at = LAYOUT.offsets["orders"] + 24 * (2_048 + 2 * seat + side)
        data[at : at + 24] = struct.pack("<QIIIHH", *fields)
    return bytes(data)


def test_an_auction_is_read_as_its_interface_lays_it_out() -> None:
    """A field read one off would show a trader another price than the one that was paid."""
    found = auction.decode_auctions(account())
    assert found.market == bytes([9]) * 32
    head = found.head(K)
    assert head is not None
    told = idl.decode_account("trading", "Auctions", account())["heads"][1]
    for name in type(head).__struct_fields__:
        assert getattr(head, name) == told[name], name
    assert (head.state, head.tick, head.lots, head.settled_lots) == (auction.CLEARED, 120, 80, 30)
    assert found.orders_of(K) == (
        auction.AuctionOrder(2, 1, 77, 50, 30, 118, True, True),
        auction.AuctionOrder(5, 0, 78, 0, 0, 110, False, False),
    ), "an order of an older generation is none"


def test_an_auction_that_is_not_there_is_none() -> None:
    """The place of another auction must not be taken for the one asked for."""
    found = auction.decode_auctions(account())
    for interval in (K - 2, K + 1, K + 2):
        assert found.head(interval) is None
        assert found.orders_of(interval) == ()


def test_another_account_is_refused() -> None:
    """Half an account, or the market, read as auctions would say whatever its bytes mean."""
    for data in (account()[:-1], b"\0" * LAYOUT.size, b""):
        with pytest.raises(accounts.AccountError):
            auction.decode_auctions(data)


def test_order_ids_name_auction_seat_and_side_and_never_an_order_of_the_book() -> None:
    """A fill is found by the ids of its orders."""
    constants = idl.interface("trading").constants
    assert auction.order_id(K, 0, 0) == constants["AUCTION_ORDER_BIT"] | K << 11
    ids = {auction.order_id(k, seat, side) for k in (K, K + 1) for seat in (0, 1, 1_023) for side in (0, 1)}
    assert len(ids) == 12
    assert all(order < 1 << 63 for order in ids), "they fit a signed column"
    assert auction.auction_of(auction.order_id(K, 1_023, 1)) == K
    assert auction.auction_of((1 << 40) << 12 | 4_095) is None


def test_fills_of_an_auction_are_read_like_any_other() -> None:
    """Index, history and proof must not stumble over a fill that had no taker."""
    fields = {
        "seq": 9,
        "auction": K,
        "first_trade": 41,
        "campus_time": 1_000,
        "interval": K + 1,
        "tick": 120,
        "fills": [{"buy_seat": 5, "sell_seat": 2, "lots": 30}, {"buy_seat": 6, "sell_seat": 2, "lots": 1}],
    }
    first, second = trades.fills_of(idl.Event("trading", "AuctionFilled", fields))
    sell, buy = auction.order_id(K, 2, 1), auction.order_id(K, 5, 0)
    assert first == Fill(41, sell, buy, K + 1, 30, 120, 2, 5, 0, 1_000)
    assert (first.buyer_seat, first.seller_seat) == (5, 2)
    assert (second.trade, second.taker_seat, second.lots) == (42, 6, 1)
    assert decode_fill(encode_fill(first)) == first


def test_other_events_tell_no_fills() -> None:
    """Another program's event of the same name is not the market's word."""
    fields = {"first_trade": 1, "fills": [{"lots": 1}]}
    assert trades.fills_of(idl.Event("oracle", "Filled", fields)) == []
    assert trades.fills_of(idl.Event("trading", "AuctionCleared", {})) == []


def test_what_is_due_is_called_in_the_order_it_can_be() -> None:
    """A node that clears the newer auction first is refused, and settles nothing."""
    ended = 900 * (K + 1)
    found = auction.decode_auctions(account())
    assert auction.chores(found, ended) == [auction.Chore(K, True)]
    data = bytearray(account())
    at = LAYOUT.offsets["heads"]
    data[at : at + 9] = struct.pack("<IIB", K + 1, 2, 0)
    both = auction.decode_auctions(bytes(data))
    assert auction.chores(both, ended + 899) == [auction.Chore(K, True)]
    assert auction.chores(both, ended + 900) == [auction.Chore(K, True), auction.Chore(K + 1, False)]
    data[at + 4 : at + 8] = bytes(4)
    assert auction.chores(auction.decode_auctions(bytes(data)), ended + 900) == [auction.Chore(K, True)]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, [0]),
        ({"flags": 0}, []),
        ({"debt_atoms": 1}, []),
        ({"listed_interval": K}, []),
        ({"balance_atoms": 5_999}, []),
        ({"keep_atoms": 2**64 - 1}, []),
    ],
)
def test_rows_that_can_be_listed(changes: dict[str, int], wanted: list[int]) -> None:
    """A call for a row that has nothing to list is a fee for a refusal."""
    row = accounts.LedgerRow(bytes(32), 6_000, 0, 0, 0, 5_000, K - 1, 100, 1, 1, 0)._replace(**changes)  # type: ignore[arg-type]
    ledger = accounts.Ledger(1, 0, 0, 0, 0, 0, {}, {0: row})
    assert auction.listable_rows(ledger, K) == wanted


def test_orders_are_signed_by_their_wallet() -> None:
    """Nobody else may bind a seat's funds."""
    wallet = address(8)
    submit = auction.submit_auction(DEPLOYMENT, wallet, K, seat=3, side=1, tick=120, lots=9, client_id=7)
    cancel = auction.cancel_auction_order(DEPLOYMENT, wallet, K, seat=3, side=1)
    for made in (submit, cancel):
        assert [str(meta.pubkey) for meta in made.accounts if meta.is_signer] == [wallet]
    assert bytes(submit.data)[8:] == struct.pack("<IHBHIQ", K, 3, 1, 120, 9, 7)
    assert bytes(cancel.data)[8:] == struct.pack("<IHB", K, 3, 1)


def test_the_cranks_need_no_signer_but_the_payer() -> None:
    """Anybody may keep the auctions going, so nobody's absence can hold them up."""
    on = DEPLOYMENT
    built = (auction.clear_auction(on, K), auction.settle_auction(on, K), auction.list_surplus(on, 3, 7, 8, K))
    for made in built:
        assert not any(meta.is_signer for meta in made.accounts)
    clear, settle, listing = built
    assert [str(meta.pubkey) for meta in settle.accounts] == [on.market, on.auctions]
    assert [str(meta.pubkey) for meta in clear.accounts] == [on.council, on.market, on.auctions]
    assert bytes(settle.data)[8:] == struct.pack("<IH", K, 128)
    assert str(listing.program_id) == on.programs["energy_token"]
    assert str(listing.accounts[2].pubkey) == on.zones["3"].ledger
    assert bytes(listing.data)[8:] == struct.pack("<HHI", 7, 8, K)
