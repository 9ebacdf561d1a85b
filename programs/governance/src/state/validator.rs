//! One entry of the register of validators.
use crate::generated::validator_layout;
use campusgrid_sdk::{account_record, Address};

account_record! {
    /// governance.Validator, PDA ["validator", identity].
    pub struct Validator[128], validator_layout::DISC_U64, {
        10 => status: u8,
        11 => pad_11: [u8; 5],
        16 => identity: Address,
        48 => vote_account: Address,
        80 => added_at: i64,
        /// 0: never.
        88 => removed_at: i64,
        /// Proposal that changed it last.
        96 => proposal_id: u64,
        104 => reserved: [u8; 24],
    }
}
