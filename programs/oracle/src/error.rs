//! Turns this program's refusals into the number an instruction returns; their list is in `interface.toml`. Why a single
//! reading was skipped is no refusal but a result, see `judge.rs`.
use crate::generated::OracleError;
use campusgrid_sdk::{Fault, Outcome};

impl From<OracleError> for Fault {
    #[inline(always)]
    fn from(error: OracleError) -> Fault {
        Fault::custom(error as u32)
    }
}

/// Refuse with `error` unless `condition` holds.
#[inline(always)]
pub fn require(condition: bool, error: OracleError) -> Outcome {
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
