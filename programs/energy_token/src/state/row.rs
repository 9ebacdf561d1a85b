//! Proof that a wallet has a row in a zone: its existence makes a second one impossible.
use crate::generated::row_layout;
use campusgrid_sdk::Address;

campusgrid_sdk::account_record! {
    /// PDA ["row", zone, wallet]; written once.
    pub struct Row[64], row_layout::DISC_U64, {
        10 => zone: u16,
        12 => row: u16,
        14 => pad: [u8; 2],
        16 => wallet: Address,
        48 => reserved: [u8; 16],
    }
}
