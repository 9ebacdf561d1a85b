//! What this program reads of the registry's configuration, once, when it is set up.
use crate::generated::config_layout;
use campusgrid_sdk::Address;

campusgrid_sdk::account_record! {
    /// registry.Config, PDA ["config"] of the registry. Same name and discriminator as ours; the owner tells them apart.
    pub struct RegistryConfig[256], config_layout::DISC_U64, {
        10 => pad: [u8; 6],
        16 => governance_program: Address,
        48 => council: Address,
        80 => oracle_program: Address,
        112 => genesis_hash: [u8; 32],
        144 => network_tag: [u8; 4],
        148 => user_count: u32,
        152 => meter_count: u32,
        156 => zone_count: u32,
        160 => reserved: [u8; 96],
    }
}
