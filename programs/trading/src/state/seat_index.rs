//! Which seat a wallet has.
use crate::generated::seat_index_layout as at;
use campusgrid_sdk::{account_record, Address};

account_record! {
    /// PDA ["seat", wallet]. Its existence is what makes a second seat for the wallet impossible.
    pub struct SeatIndex[at::SIZE], at::DISC_U64, {
        10 => seat: u16,
        12 => user_number: u32,
        16 => wallet: Address,
        48 => opened_at: i64,
        56 => reserved: [u8; 8],
    }
}

// The layout that clients read is the one this code writes.
const _: () = {
    assert!(core::mem::offset_of!(SeatIndex, seat) == at::AT_SEAT);
    assert!(core::mem::offset_of!(SeatIndex, user_number) == at::AT_USER_NUMBER);
    assert!(core::mem::offset_of!(SeatIndex, wallet) == at::AT_WALLET);
    assert!(core::mem::offset_of!(SeatIndex, opened_at) == at::AT_OPENED_AT);
    assert!(core::mem::offset_of!(SeatIndex, reserved) == at::AT_RESERVED);
};
