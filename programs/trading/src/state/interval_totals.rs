//! What traded in one interval.
use campusgrid_sdk::record;

record! {
    /// Entry i % 128 of the ring holds interval i, or an older one if nothing traded in i.
    pub struct IntervalTotals[64] {
        0 => interval: u32,
        4 => trades: u32,
        8 => lots: u64,
        16 => value_ucredit: u64,
        /// Running hash after the interval's last fill.
        24 => fills_hash: [u8; 32],
        /// Number of the interval's last trade.
        56 => last_trade: u64,
    }
}
