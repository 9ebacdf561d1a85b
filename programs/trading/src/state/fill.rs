//! One fill as the ring keeps it and as the running hash takes it in.
use super::Market;
use crate::generated::FILL_RING;
use campusgrid_sdk::{hash, plain, record};

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

impl FillRecord {
    /// Write the fill into the market's ring and take it into the running hash, which the caller holds.
    #[inline(always)]
    pub fn keep(self, market: &mut Market, fills_hash: &mut [u8; 32]) {
        let place = &mut market.fills[(self.trade - 1) as usize % FILL_RING as usize];
        *place = self;
        *fills_hash = hash::sha256(&[&*fills_hash, plain::bytes_of(place)]);
    }
}
