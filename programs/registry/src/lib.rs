//! The registry program: users, zones and meters. See `interface.toml` for accounts, flags and data of each instruction
//! and for the invariants.
#![no_std]

mod authority;
mod entrypoint;
#[rustfmt::skip]
mod generated;
mod key_use;
mod possession;
mod processor;
mod state;

use campusgrid_sdk::Fault;
use generated::RegistryError;

impl From<RegistryError> for Fault {
    #[inline(always)]
    fn from(error: RegistryError) -> Fault {
        Fault::custom(error as u32)
    }
}
