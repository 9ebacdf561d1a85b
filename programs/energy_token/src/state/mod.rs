//! The records of this program, and the oracle's records that it reads; one a file.
mod config;
mod ledger;
mod roots;
mod row;
mod slab;
mod zone;

pub use config::{as_authority, Config};
pub use ledger::{Ledger, LedgerMeter, LedgerRow};
pub use roots::RootRing;
pub use row::Row;
pub use slab::{MeterSlab, OracleZone, SlabEntry};
pub use zone::Zone;
