//! Turns this program's refusals into the number an instruction returns; their list is in `interface.toml`.
use crate::generated::TradingError;
use campusgrid_sdk::Fault;

impl From<TradingError> for Fault {
    #[inline(always)]
    fn from(error: TradingError) -> Fault {
        Fault::custom(error as u32)
    }
}

/// Arguments, or the fault for bytes that are too short, too long or of no value.
#[inline(always)]
pub fn arguments<T>(parsed: Option<T>) -> Result<T, Fault> {
    parsed.ok_or(Fault::BAD_ARGUMENTS)
}
