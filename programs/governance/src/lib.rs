//! The governance program: who may change what, and how fast. See `interface.toml` for accounts, flags and data of each
//! instruction and for the invariants.
#![no_std]

mod change;
mod council;
mod decision;
mod entrypoint;
#[rustfmt::skip]
mod generated;
mod processor;
mod state;

use campusgrid_sdk::Fault;
use generated::GovernanceError;

impl From<GovernanceError> for Fault {
    #[inline(always)]
    fn from(error: GovernanceError) -> Fault {
        Fault::custom(error as u32)
    }
}
