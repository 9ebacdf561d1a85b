//! What this program reads of the oracle: the zone's slab, and in it the verified energy of each meter. It never
//! writes them, and nothing else of them decides what is minted.
use crate::generated::zone_layout;
use campusgrid_sdk::Address;

campusgrid_sdk::record! {
    /// One slot of the slab.
    pub struct SlabEntry[144] {
        0 => key_current: [u8; 32],
        32 => key_previous: [u8; 32],
        64 => import_wh: u64,
        72 => export_wh: u64,
        /// Verified import since the enrolment; never falls.
        80 => acc_import_wh: u64,
        /// Verified export since the enrolment; never falls.
        88 => acc_export_wh: u64,
        96 => attested_import_wh: u64,
        104 => attested_export_wh: u64,
        /// The registry's number; 0 for an empty slot.
        112 => meter_number: u32,
        116 => last_interval: u32,
        120 => switch_interval: u32,
        124 => max_wh_interval: u32,
        128 => attested_interval: u32,
        132 => applied_count: u32,
        136 => key_epoch: u16,
        138 => register_epoch: u16,
        140 => status: u8,
        141 => kind: u8,
        142 => flags: u16,
    }
}

campusgrid_sdk::account_record! {
    /// oracle.MeterSlab.
    pub struct MeterSlab[37_024], u64::from_le_bytes([58, 156, 141, 156, 66, 60, 204, 4]), {
        10 => zone: u16,
        12 => slot_count: u16,
        14 => net_mode: u8,
        15 => pad: u8,
        16 => network_tag: [u8; 4],
        20 => pad1: u32,
        24 => roots: Address,
        56 => registry_program: Address,
        88 => config: Address,
        120 => reserved: [u8; 40],
        160 => entries: [SlabEntry; 256],
    }
}

campusgrid_sdk::account_record! {
    /// oracle.Zone, PDA ["zone", zone] of the oracle. Same name and discriminator as ours; the owner tells them apart.
    pub struct OracleZone[128], zone_layout::DISC_U64, {
        10 => zone: u16,
        12 => net_mode: u8,
        13 => pad: [u8; 3],
        16 => slab: Address,
        48 => roots: Address,
        80 => reserved: [u8; 48],
    }
}

