//! Turns this program's refusals into the number an instruction returns; their list is in `interface.toml`.
use crate::generated::EnergyTokenError;
use campusgrid_sdk::{Fault, Outcome};

impl From<EnergyTokenError> for Fault {
    #[inline(always)]
    fn from(error: EnergyTokenError) -> Fault {
        Fault::custom(error as u32)
    }
}

/// Refuse with `error` unless `condition` holds.
#[inline(always)]
pub fn require(condition: bool, error: EnergyTokenError) -> Outcome {
    if condition {
        Ok(())
    } else {
        Err(error.into())
    }
}

/// Arguments, or the fault for bytes that are too short, too long or of no value.
#[inline(always)]
pub fn arguments<T>(parsed: Option<T>) -> Outcome<T> {
    parsed.ok_or(Fault::BAD_ARGUMENTS)
}
