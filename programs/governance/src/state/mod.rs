//! The program's records: one a file. The council's layout is in the sdk, because every program reads it.
mod proposal;
mod validator;

pub use proposal::Proposal;
pub use validator::Validator;

use crate::generated::{council_layout, proposal_layout, validator_layout};
use campusgrid_sdk::{account::State, state::Council};
use core::mem::{offset_of, size_of};

const _: () = {
    assert!(Council::DISCRIMINATOR == council_layout::DISC_U64 && size_of::<Council>() == council_layout::SIZE);
    assert!(offset_of!(Council, pause_mask) == council_layout::AT_PAUSE_MASK);
    assert!(offset_of!(Council, pause_until) == council_layout::AT_PAUSE_UNTIL);
    assert!(offset_of!(Council, timelock_s) == council_layout::AT_TIMELOCK_S);
    assert!(offset_of!(Council, credit_mint) == council_layout::AT_CREDIT_MINT);
    assert!(offset_of!(Council, guardians) == council_layout::AT_GUARDIANS);
    assert!(offset_of!(Council, members) == council_layout::AT_MEMBERS);
    assert!(offset_of!(Council, params) == council_layout::AT_PARAMS);
    assert!(offset_of!(Council, stop_allowed_at) == council_layout::AT_STOP_ALLOWED_AT);
    assert!(Proposal::DISCRIMINATOR == proposal_layout::DISC_U64 && size_of::<Proposal>() == proposal_layout::SIZE);
    assert!(offset_of!(Proposal, approvals) == proposal_layout::AT_APPROVALS);
    assert!(offset_of!(Proposal, eta) == proposal_layout::AT_ETA);
    assert!(offset_of!(Proposal, payload) == proposal_layout::AT_PAYLOAD);
    assert!(size_of::<Validator>() == validator_layout::SIZE);
    assert!(offset_of!(Validator, proposal_id) == validator_layout::AT_PROPOSAL_ID);
};
