//! One series of values from outside, the bounds it must keep, and how old a value may be.
use crate::generated::feed_layout;
use campusgrid_sdk::Address;

campusgrid_sdk::account_record! {
    /// PDA ["feed", kind, series, zone].
    pub struct Feed[192], feed_layout::DISC_U64, {
        10 => kind: u8,
        11 => series: u8,
        12 => zone: u16,
        14 => exponent: u8,
        15 => pad: u8,
        16 => max_age_s: u32,
        20 => interval: u32,
        24 => value: i64,
        32 => confidence: u64,
        40 => publish_time: i64,
        48 => posted_at: i64,
        56 => sequence: u64,
        64 => min_value: i64,
        72 => max_value: i64,
        80 => max_confidence: u64,
        88 => config: Address,
        120 => reserved: [u8; 72],
    }
}
