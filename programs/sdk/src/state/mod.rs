//! The records that one program reads of another, one a file. The program that owns a record writes it and nobody else
//! can; a reader checks owner, size, discriminator and, where it matters, address.
mod council;
mod meter;
mod token;
mod user;

pub use council::{load_council, Council, Param, Pause};
pub use meter::{DeviceKey, Meter, MeterKind, MeterStatus};
pub use token::{mint_supply, TokenAccount};
pub use user::{Role, User, UserStatus};
