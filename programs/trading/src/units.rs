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

/// A market maker's rebate on a fill worth `value_ucredit`, rounded down. With `rebate_bps` no more than the fee rate the rebates
/// of all fills of an order are no more than its fee, which is rounded up.
#[inline(always)]
pub fn rebate_ucredit(value_ucredit: u64, rebate_bps: u64) -> u64 {
    value_ucredit * rebate_bps / BPS
}

/// A share of `amount`, rounded down, without leaving 64 bits. `share_bps` is at most 10,000.
#[inline(always)]
pub fn share_ucredit(amount: u64, share_bps: u64) -> u64 {
    amount / BPS * share_bps + amount % BPS * share_bps / BPS
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
    #[test]
    fn rebates_of_an_order_are_never_above_its_fee() {
        for bps in [0, 1, 25, 9_999, BPS] {
            for values in [[1, 1, 1], [9_999, 1, 10_001], [123_457, 7, 0]] {
                let rebates: u64 = values.iter().map(|value| rebate_ucredit(*value, bps)).sum();
                assert!(rebates <= fee_ucredit(values.iter().sum(), bps));
            }
        }
    }

    #[test]
    fn share_is_the_exact_quotient_also_at_the_end_of_the_range() {
        for amount in [0, 1, 9_999, 10_000, 123_456_789, u64::MAX - 1, u64::MAX] {
            for bps in [0, 1, 3_333, 9_999, BPS] {
                assert_eq!(u128::from(share_ucredit(amount, bps)), u128::from(amount) * u128::from(bps) / u128::from(BPS));
            }
        }
    }
}
