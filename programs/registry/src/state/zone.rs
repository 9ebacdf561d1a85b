//! A zone and the next free slot of its meter slab.
use crate::generated::zone_layout;
use campusgrid_sdk::account_record;

account_record! {
    /// registry.Zone, PDA ["zone", zone u16 LE].
    pub struct Zone[64], zone_layout::DISC_U64, {
        10 => zone: u16,
        12 => next_slot: u16,
        14 => capacity: u16,
        16 => reserved: [u8; 48],
    }
}
