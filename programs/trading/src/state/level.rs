//! One price level of one side.
use campusgrid_sdk::record;

record! {
    /// A first-in first-out list of orders. Links are slot + 1; 0 is none.
    pub struct Level[16] {
        /// Link of the oldest order.
        0 => head: u16,
        /// Link of the newest order.
        2 => tail: u16,
        /// Orders at this price.
        4 => count: u16,
        6 => reserved: u16,
        /// Their remaining lots.
        8 => lots: u64,
    }
}
