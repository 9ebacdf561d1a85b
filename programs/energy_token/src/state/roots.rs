//! What this program reads of the oracle's root ring: whose it is and how many roots it has had.
use campusgrid_sdk::Address;

campusgrid_sdk::account_record! {
    /// oracle.RootRing. The oracle makes one for each zone.
    pub struct RootRing[9_728], u64::from_le_bytes([36, 194, 60, 126, 17, 216, 243, 104]), {
        10 => zone: u16,
        12 => pad: [u8; 4],
        16 => next_seq: u64,
        24 => slab: Address,
        56 => rest: [u8; 9_672],
    }
}
