//! One instruction a file: take, check, compute, write.
mod activate_meter;
mod close_user;
mod create_zone;
mod initialize;
mod register_meter;
mod register_user;
mod retire_meter;
mod rotate_device_key;
mod set_role;
mod set_user_status;
mod suspend_meter;
mod swap_meter;

pub use activate_meter::activate_meter;
pub use close_user::close_user;
pub use create_zone::create_zone;
pub use initialize::initialize;
pub use register_meter::register_meter;
pub use register_user::register_user;
pub use retire_meter::retire_meter;
pub use rotate_device_key::rotate_device_key;
pub use set_role::set_role;
pub use set_user_status::set_user_status;
pub use suspend_meter::suspend_meter;
pub use swap_meter::swap_meter;

use crate::{
    generated::{RegistryError, METER_RETIRED},
    state::Config,
};
use campusgrid_sdk::{
    state::{load_council, Meter, Pause},
    sysvar, AccountView, Fault, Outcome,
};

/// Readings must not be paused by the council that `config` names. Errors: `Paused`, and those of loading the council.
#[inline(always)]
fn require_running(council: &AccountView, config: &Config) -> Outcome {
    load_council(council, &config.council, &config.governance_program)?
        .require_running(Pause::Readings, RegistryError::Paused.into())
}

/// Errors: `TerminalStatus`.
#[inline(always)]
fn require_not_retired(meter: &Meter) -> Outcome {
    if meter.status == METER_RETIRED {
        return Err(RegistryError::TerminalStatus.into());
    }
    Ok(())
}

/// The interval that contains `now_s`. Errors: `OVERFLOW` before 1970 or after the year 124,000.
#[inline(always)]
fn interval_at(now_s: i64) -> Outcome<u32> {
    let seconds = u64::try_from(now_s).map_err(|_| Fault::OVERFLOW)?;
    u32::try_from(seconds / sysvar::INTERVAL_S as u64).map_err(|_| Fault::OVERFLOW)
}
