//! The last roots of a zone and the peaks over all of them.
use crate::generated::{root_ring_layout, RootEntry as Described, PEAK_COUNT, RING_LEN};
use campusgrid_sdk::Address;

campusgrid_sdk::record! {
    /// One root of the ring.
    pub struct RootEntry[40] {
        /// Highest interval under the root.
        0 => interval: u32,
        4 => count: u16,
        6 => flags: u16,
        8 => root: [u8; 32],
    }
}
const _: () = assert!(Described::SIZE == core::mem::size_of::<RootEntry>());

campusgrid_sdk::account_record! {
    /// PDA ["roots", zone].
    pub struct RootRing[9_728], root_ring_layout::DISC_U64, {
        10 => zone: u16,
        12 => ring_len: u16,
        14 => pad: u16,
        /// Roots so far; the number of the next one.
        16 => next_seq: u64,
        24 => slab: Address,
        56 => total_records: u64,
        64 => reserved: [u8; 96],
        160 => ring: [RootEntry; 220],
        8960 => peaks: [[u8; 32]; 24],
    }
}
const _: () = assert!(RING_LEN == 220 && PEAK_COUNT == 24);
