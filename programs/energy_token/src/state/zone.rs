//! Which ledger and which slab a zone has.
use crate::generated::zone_layout;
use campusgrid_sdk::Address;

campusgrid_sdk::account_record! {
    /// PDA ["zone", zone]; written once.
    pub struct Zone[128], zone_layout::DISC_U64, {
        10 => zone: u16,
        12 => pad: [u8; 4],
        16 => ledger: Address,
        48 => slab: Address,
        80 => reserved: [u8; 48],
    }
}
