//! One instruction a file: take the accounts, check them, compute, write. Accounts and arguments of each are described
//! in `interface.toml`.
mod create_zone;
mod enroll_meter;
mod initialize;
mod post_verified;
mod sync_key;
mod verify_reading;

pub use create_zone::create_zone;
pub use enroll_meter::enroll_meter;
pub use initialize::initialize;
pub use post_verified::post_verified;
pub use sync_key::sync_key;
pub use verify_reading::verify_reading;

use crate::{
    error::require,
    generated::OracleError::{SlotOutOfRange, WrongZone},
    state::{MeterSlab, SlabEntry},
};
use campusgrid_sdk::{state::Meter, Outcome};

/// The slot of `slab` that the registry has given to `meter`. Errors: `WrongZone`, `SlotOutOfRange`.
#[inline(always)]
fn slot_of<'s>(slab: &'s mut MeterSlab, meter: &Meter) -> Outcome<&'s mut SlabEntry> {
    require(meter.zone == slab.zone, WrongZone)?;
    slab.entries.get_mut(meter.slot as usize).ok_or(SlotOutOfRange.into())
}
