//! One order, resting in the book or waiting outside it.
use crate::{
    generated::{ORDER_WAITING, SIDE_BUY},
    units::{fee_ucredit, value_ucredit},
};
use campusgrid_sdk::record;

record! {
    /// An order, or a free slot: order_id 0, next = link of the next free slot.
    pub struct Order[48] {
        /// Order sequence number << 12 | slot.
        0 => order_id: u64,
        /// The trader's own number.
        8 => client_id: u64,
        /// Remaining.
        16 => lots: u32,
        20 => placed_lots: u32,
        /// Last interval in which it may trade; 0 = until cancelled.
        24 => expires_interval: u32,
        /// Campus time from which it may trade: when it came into the book, or when a scheduled order may; 0 for a stop.
        28 => active_from_s: u32,
        32 => seat: u16,
        34 => tick: u16,
        /// Link of the older order at this price; while it waits, of its stop (0 = scheduled).
        36 => prev: u16,
        /// Link of the newer order at this price; while it waits, the taker fee it binds, basis points.
        38 => next: u16,
        /// Link of the newer order of this seat.
        40 => seat_prev: u16,
        /// Link of the older order of this seat.
        42 => seat_next: u16,
        44 => side: u8,
        45 => kind: u8,
        /// ORDER_WAITING, then two bits of self-trade mode while it waits.
        46 => flags: u16,
    }
}

impl Order {
    /// Whether its last interval is over in `interval`.
    #[inline(always)]
    pub fn has_expired(&self, interval: u32) -> bool {
        self.expires_interval != 0 && self.expires_interval < interval
    }

    /// Whether it stands in no level.
    #[inline(always)]
    pub fn is_waiting(&self) -> bool {
        self.flags & ORDER_WAITING != 0
    }

    /// What `lots` of it bind: (CREDIT, GRID lots). A waiting buy binds the taker fee as well.
    #[inline(always)]
    pub fn bound(&self, lots: u32) -> (u64, u64) {
        if self.side != SIDE_BUY {
            return (0, u64::from(lots));
        }
        let value = value_ucredit(lots, self.tick);
        let fee = if self.is_waiting() { fee_ucredit(value, u64::from(self.next)) } else { 0 };
        (value + fee, 0)
    }
}
