//! One fill as the ring keeps it and as the running hash takes it in.
use campusgrid_sdk::record;

record! {
    /// H' = SHA-256(H ‖ these 48 bytes); H is 32 zero bytes before trade 1.
    pub struct FillRecord[48] {
        /// Counted from 1 without gaps.
        0 => trade: u64,
        8 => maker_order: u64,
        16 => taker_order: u64,
        24 => interval: u32,
        28 => lots: u32,
        /// The maker's price.
        32 => tick: u16,
        34 => maker_seat: u16,
        36 => taker_seat: u16,
        38 => taker_side: u8,
        39 => reserved: u8,
        /// Clock sysvar, UTC seconds.
        40 => campus_time: i64,
    }
}
