//! One resting order.
use campusgrid_sdk::record;

record! {
    /// An order in the book, or a free slot: order_id 0, next = link of the next free slot.
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
        /// Kept for scheduled orders; 0.
        28 => not_before_interval: u32,
        32 => seat: u16,
        34 => tick: u16,
        /// Link of the older order at this price.
        36 => prev: u16,
        /// Link of the newer order at this price.
        38 => next: u16,
        /// Link of the newer order of this seat.
        40 => seat_prev: u16,
        /// Link of the older order of this seat.
        42 => seat_next: u16,
        44 => side: u8,
        45 => kind: u8,
        46 => flags: u16,
    }
}

impl Order {
    /// Whether its last interval is over in `interval`.
    #[inline(always)]
    pub fn has_expired(&self, interval: u32) -> bool {
        self.expires_interval != 0 && self.expires_interval < interval
    }
}
