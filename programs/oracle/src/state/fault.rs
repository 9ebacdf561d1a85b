//! What a meter's signature has proven wrong of what was attested about it: the last case in full, and until when cases
//! are settled.
use crate::generated::fault_layout;
use campusgrid_sdk::Address;

campusgrid_sdk::account_record! {
    /// PDA ["fault", zone, slot]. Made with the first case and kept for ever.
    pub struct Fault[320], fault_layout::DISC_U64, {
        10 => status: u8,
        11 => signers: u8,
        12 => zone: u16,
        14 => slot: u16,
        16 => meter_number: u32,
        20 => count: u32,
        /// No record up to this interval can be challenged any more.
        24 => cleared_interval: u32,
        28 => pad: [u8; 4],
        32 => seq: u64,
        40 => proven_at: i64,
        48 => challenger: Address,
        80 => device_key: [u8; 32],
        112 => signature: [u8; 64],
        176 => record: [u8; 24],
        200 => core: [u8; 47],
        247 => reserved: [u8; 73],
    }
}
