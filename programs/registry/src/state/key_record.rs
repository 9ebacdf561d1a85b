//! That a device key is or was some meter's.
use crate::generated::key_record_layout;
use campusgrid_sdk::account_record;

account_record! {
    /// registry.KeyRecord, PDA ["key", device key].
    pub struct KeyRecord[96], key_record_layout::DISC_U64, {
        10 => epoch: u16,
        12 => meter_number: u32,
        16 => meter_id: [u8; 16],
        32 => device_key: [u8; 32],
        64 => registered_at: i64,
        72 => first_interval: u32,
        76 => reserved: [u8; 20],
    }
}
