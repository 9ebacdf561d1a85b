//! Where a zone's slab and roots are; its existence is what makes a zone unique.
use crate::generated::zone_layout;
use campusgrid_sdk::Address;

campusgrid_sdk::account_record! {
    /// PDA ["zone", zone].
    pub struct Zone[128], zone_layout::DISC_U64, {
        10 => zone: u16,
        12 => net_mode: u8,
        13 => pad: [u8; 3],
        16 => slab: Address,
        48 => roots: Address,
        80 => reserved: [u8; 48],
    }
}
