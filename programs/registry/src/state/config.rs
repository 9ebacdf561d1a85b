//! The registry's configuration and its counters.
use crate::generated::config_layout;
use campusgrid_sdk::{account_record, Address};

account_record! {
    /// registry.Config, PDA ["config"].
    pub struct Config[256], config_layout::DISC_U64, {
        10 => pad_10: [u8; 6],
        16 => governance_program: Address,
        48 => council: Address,
        80 => oracle_program: Address,
        112 => genesis_hash: [u8; 32],
        144 => network_tag: [u8; 4],
        /// Users registered; the last one's number.
        148 => user_count: u32,
        /// Meters registered; the last one's number.
        152 => meter_count: u32,
        156 => zone_count: u32,
        160 => reserved: [u8; 96],
    }
}
