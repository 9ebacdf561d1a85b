//! A meter known to the registry: its owner, its keys, its limits and its place in a zone.
use pinocchio::Address;

crate::record! {
    /// A device key and the first interval it may sign.
    pub struct DeviceKey[40] {
        0 => key: [u8; 32],
        32 => first_interval: u32,
        36 => epoch: u16,
        /// Bit 0 ([`DeviceKey::REVOKED`]): compromised, never to be believed again.
        38 => flags: u16,
    }
}

crate::account_record! {
    /// registry.Meter, PDA ["meter", meter_id].
    pub struct Meter[384], u64::from_le_bytes([5, 115, 227, 240, 63, 166, 206, 182]), {
        /// See [`MeterStatus`].
        10 => status: u8,
        /// See [`MeterKind`].
        11 => kind: u8,
        /// The registry's counter, from 1.
        12 => meter_number: u32,
        16 => meter_id: [u8; 16],
        /// Wallet of the owner.
        32 => owner: Address,
        64 => zone: u16,
        66 => slot: u16,
        68 => capacity_w: u32,
        /// Most energy one interval can carry, Wh.
        72 => max_wh_interval: u32,
        76 => key_epoch: u16,
        78 => register_epoch: u16,
        /// Newest first.
        80 => keys: [DeviceKey; 4],
        240 => location_hash: [u8; 32],
        272 => registered_at: i64,
        280 => closing_import_wh: u64,
        288 => closing_export_wh: u64,
        296 => opening_import_wh: u64,
        304 => opening_export_wh: u64,
        312 => serial_hash: [u8; 32],
        344 => updated_at: i64,
        352 => reserved: [u8; 32],
    }
}

impl DeviceKey {
    /// Bit of `flags`: compromised.
    pub const REVOKED: u16 = 1;
    /// No key.
    pub const NONE: DeviceKey = DeviceKey { key: [0; 32], first_interval: 0, epoch: 0, flags: 0 };
}

/// Where a meter stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum MeterStatus {
    Pending = 0,
    Active = 1,
    Suspended = 2,
    /// Terminal.
    Retired = 3,
}

/// Which way energy flows through a meter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum MeterKind {
    Consumer = 0,
    Producer = 1,
    Prosumer = 2,
}
