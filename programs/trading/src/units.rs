//! Value and fee of a trade, in ucredit. Lots are u32 in an order and u64 in a sum, prices u16: the widths keep them apart.
use crate::generated::{MAX_TICK, UCREDIT_PER_LOT_TICK};

/// Basis points of the whole.
pub const BPS: u64 = 10_000;

// The largest value times the largest fee rate, plus what rounding up adds, stays in 64 bits.
const _: () = assert!(
    u32::MAX as u128 * MAX_TICK as u128 * UCREDIT_PER_LOT_TICK as u128 * BPS as u128 + (BPS as u128 - 1)
        <= u64::MAX as u128
);

/// What `lots` cost at `tick`, ucredit: a whole number, so a trade never rounds. `tick` is at most MAX_TICK.
#[inline(always)]
pub fn value_ucredit(lots: u32, tick: u16) -> u64 {
    lots as u64 * (tick as u64 * UCREDIT_PER_LOT_TICK)
}

/// The taker's fee on trades worth `value_ucredit`, rounded up: the remainder goes to the fee bucket, never to a trader.
/// `fee_bps` is at most 10,000, `value_ucredit` at most that of 2³² − 1 lots at MAX_TICK.
#[inline(always)]
pub fn fee_ucredit(value_ucredit: u64, fee_bps: u64) -> u64 {
    (value_ucredit * fee_bps + (BPS - 1)) / BPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fee_is_rounded_up_and_never_above_the_value() {
        assert_eq!(fee_ucredit(0, 25), 0);
        assert_eq!(fee_ucredit(1, 1), 1);
        assert_eq!(fee_ucredit(10_000, 25), 25);
        assert_eq!(fee_ucredit(10_001, 25), 26);
        let most = value_ucredit(u32::MAX, MAX_TICK);
        assert_eq!(fee_ucredit(most, BPS), most);
    }
}
