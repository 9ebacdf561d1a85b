//! One share of the fee bucket.
use campusgrid_sdk::{record, Address};

record! {
    /// All zero where there is none.
    pub struct FeeRecipient[40] {
        0 => token_account: Address,
        32 => share_bps: u16,
        34 => reserved: [u8; 6],
    }
}
