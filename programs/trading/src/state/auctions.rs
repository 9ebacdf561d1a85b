//! The call auctions' account: two places, so that one auction takes orders while the one before clears and settles.
use crate::{
    book::{ASKS, BIDS},
    generated::{
        auctions_layout as at, TradingError, AUCTION_CLEARED, AUCTION_OPEN, AUCTION_ORDER_BIT, AUCTION_SLOTS,
        SEAT_CAPACITY, TICK_COUNT,
    },
};
use campusgrid_sdk::{account_record, record, Address, Outcome};

/// Bits of an auction order's id that name its slot.
const SLOT_BITS: u32 = 11;
const _: () = assert!(AUCTION_SLOTS == 1 << SLOT_BITS && AUCTION_SLOTS == 2 * SEAT_CAPACITY);

record! {
    /// The order of one seat and side. It stands while its seat's bit is set.
    pub struct AuctionOrder[24] {
        0 => client_id: u64,
        8 => lots: u32,
        /// Auction it was placed in.
        12 => interval: u32,
        16 => filled_lots: u32,
        20 => tick: u16,
        22 => flags: u16,
    }
}

record! {
    /// What one auction is and how far it has come. Arrays of two are [buys, sells].
    pub struct AuctionHead[128] {
        0 => interval: u32,
        4 => orders_standing: u32,
        8 => state: u8,
        9 => long_side: u8,
        10 => tick: u16,
        12 => marginal_tick: u16,
        14 => reserved0: u16,
        16 => lots: u32,
        20 => settled_lots: u32,
        24 => marginal_fill_lots: u32,
        28 => marginal_lots: u32,
        32 => marginal_run_lots: u32,
        36 => settled_orders: u32,
        40 => side_lots: [u32; 2],
        /// Seat of the order being settled.
        48 => cursor: [u16; 2],
        /// Lots that order is still to trade; 0 = look for the next.
        52 => due_lots: [u32; 2],
        60 => reserved1: u32,
        64 => cleared_at: i64,
        72 => reserved2: [u8; 56],
    }
}

account_record! {
    /// 107,328 bytes, made by the client and initialised by create_auctions. Auction k has place k % 2 of each array.
    pub struct Auctions[at::SIZE], at::DISC_U64, {
        10 => reserved0: [u8; 6],
        16 => market: Address,
        48 => reserved1: [u8; 16],
        64 => heads: [AuctionHead; 2],
        320 => seats: [[[u64; 16]; 2]; 2],
        832 => levels: [[[u32; 512]; 2]; 2],
        9024 => orders: [[[AuctionOrder; 2]; 1024]; 2],
    }
}

// The layout that clients read is the one this code writes.
const _: () = {
    assert!(core::mem::offset_of!(Auctions, market) == at::AT_MARKET);
    assert!(core::mem::offset_of!(Auctions, heads) == at::AT_HEADS);
    assert!(core::mem::offset_of!(Auctions, seats) == at::AT_SEATS);
    assert!(core::mem::offset_of!(Auctions, levels) == at::AT_LEVELS);
    assert!(core::mem::offset_of!(Auctions, orders) == at::AT_ORDERS);
};

/// One auction's part of every array.
pub struct Auction<'a> {
    pub head: &'a mut AuctionHead,
    /// Bit n of word n / 64 of a side: seat n has an order there.
    pub seats: &'a mut [[u64; 16]; 2],
    /// Lots standing at each price of a side.
    pub levels: &'a mut [[u32; TICK_COUNT as usize]; 2],
    /// By seat, then side.
    pub orders: &'a mut [[AuctionOrder; 2]; SEAT_CAPACITY as usize],
}

impl Auctions {
    /// The place of auction `interval`, whatever stands there now.
    #[inline(always)]
    pub fn place(&mut self, interval: u32) -> Auction<'_> {
        let place = (interval & 1) as usize;
        Auction {
            head: &mut self.heads[place],
            seats: &mut self.seats[place],
            levels: &mut self.levels[place],
            orders: &mut self.orders[place],
        }
    }

    /// Auction `interval` with orders that wait. Errors: `NoSuchAuction`.
    #[inline(always)]
    pub fn waiting(&mut self, interval: u32) -> Outcome<Auction<'_>> {
        let auction = self.place(interval);
        if auction.head.interval != interval || auction.head.orders_standing == 0 {
            return Err(TradingError::NoSuchAuction.into());
        }
        Ok(auction)
    }

    /// The head in the other place than that of auction `interval`.
    #[inline(always)]
    pub fn other_head(&self, interval: u32) -> &AuctionHead {
        &self.heads[(interval & 1 ^ 1) as usize]
    }
}

impl Auction<'_> {
    /// Begin auction `interval` in this place unless it has begun. What was there must be settled to the last order.
    /// Errors: `AuctionNotSettled`.
    #[inline(always)]
    pub fn begin(&mut self, interval: u32) -> Outcome {
        let head = &mut *self.head;
        if head.interval == interval {
            return Ok(());
        }
        if head.orders_standing != 0 {
            return Err(TradingError::AuctionNotSettled.into());
        }
        // Levels, bitmaps and sums went back to zero with the last order.
        *head = AuctionHead {
            interval,
            orders_standing: 0,
            state: AUCTION_OPEN,
            long_side: 0,
            tick: 0,
            marginal_tick: 0,
            reserved0: 0,
            lots: 0,
            settled_lots: 0,
            marginal_fill_lots: 0,
            marginal_lots: 0,
            marginal_run_lots: 0,
            settled_orders: 0,
            side_lots: [0; 2],
            cursor: [0; 2],
            due_lots: [0; 2],
            reserved1: 0,
            cleared_at: 0,
            reserved2: [0; 56],
        };
        Ok(())
    }

    /// Whether the seat has an order standing on a side.
    #[inline(always)]
    pub fn stands(&self, seat: u16, side: usize) -> bool {
        self.seats[side][usize::from(seat >> 6)] >> (seat & 63) & 1 != 0
    }

    /// Let `order` stand at `level` (its tick less the market's lowest). `AuctionOrderExists`, `SelfTrade`, `AuctionFull`.
    #[inline(always)]
    pub fn enter(&mut self, seat: u16, side: usize, level: u16, order: AuctionOrder) -> Outcome {
        if self.stands(seat, side) {
            return Err(TradingError::AuctionOrderExists.into());
        }
        let both = &mut self.orders[usize::from(seat)];
        if self.seats[1 - side][usize::from(seat >> 6)] >> (seat & 63) & 1 != 0 {
            let (buy, sell) = if side == BIDS { (order.tick, both[ASKS].tick) } else { (both[BIDS].tick, order.tick) };
            if buy >= sell {
                return Err(TradingError::SelfTrade.into());
            }
        }
        let total = self.head.side_lots[side].checked_add(order.lots).ok_or(TradingError::AuctionFull)?;
        self.head.side_lots[side] = total;
        self.head.orders_standing += 1;
        self.seats[side][usize::from(seat >> 6)] |= 1u64 << (seat & 63);
        // A level is a part of its side, whose sum was checked.
        self.levels[side][usize::from(level)] += order.lots;
        both[side] = order;
        Ok(())
    }

    /// Let the seat's order of a side stand no longer. Its funds are the caller's part.
    #[inline(always)]
    pub fn leave(&mut self, seat: u16, side: usize, level: u16) {
        let lots = self.orders[usize::from(seat)][side].lots;
        self.head.side_lots[side] -= lots;
        self.head.orders_standing -= 1;
        self.seats[side][usize::from(seat >> 6)] &= !(1u64 << (seat & 63));
        self.levels[side][usize::from(level)] -= lots;
    }

    /// The first seat with an order standing on a side, looked for from the word of seat `from` on.
    #[inline(always)]
    pub fn next_seat(&self, side: usize, from: u16) -> Option<u16> {
        let mut word = usize::from(from >> 6);
        loop {
            let bits = *self.seats[side].get(word)?;
            if bits != 0 {
                return Some((word as u16) << 6 | bits.trailing_zeros() as u16);
            }
            word += 1;
        }
    }

    /// Whether the price is fixed and orders wait to be settled.
    #[inline(always)]
    pub fn is_cleared(&self) -> bool {
        self.head.state == AUCTION_CLEARED
    }

    /// The id by which a fill names the seat's order of a side.
    #[inline(always)]
    pub fn order_id(&self, seat: u16, side: usize) -> u64 {
        AUCTION_ORDER_BIT | u64::from(self.head.interval) << SLOT_BITS | u64::from(seat) << 1 | side as u64
    }
}
