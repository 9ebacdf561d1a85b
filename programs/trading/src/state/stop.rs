//! When one stop order wakes.
use campusgrid_sdk::record;

record! {
    /// An entry of one of the three lists of stops, or a free one: order_id 0, next = link of the next free entry.
    pub struct Stop[48] {
        /// The waiting order, which has an order slot of its own.
        0 => order_id: u64,
        8 => trigger_tick: u16,
        /// Which list it stands in: 0 buys, 1 sells, 2 due.
        10 => list: u8,
        11 => reserved0: u8,
        12 => prev: u16,
        14 => next: u16,
        16 => reserved1: [u8; 32],
    }
}
