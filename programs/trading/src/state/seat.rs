//! One trader's balances in the market.
use crate::generated::{TradingError, SEAT_SUSPENDED};
use campusgrid_sdk::{account::same, record, Address, Outcome};

record! {
    /// Free amounts can be withdrawn or bound by an order; locked ones are bound by resting orders.
    pub struct Seat[128] {
        0 => wallet: Address,
        32 => grid_free_lots: u64,
        40 => grid_locked_lots: u64,
        48 => credit_free_ucredit: u64,
        56 => credit_locked_ucredit: u64,
        64 => open_orders: u16,
        66 => flags: u16,
        68 => user_number: u32,
        /// Link of the newest order of this seat.
        72 => first_order: u16,
        74 => role: u8,
        75 => open_stops: u8,
        76 => opened_interval: u32,
        80 => traded_lots: u64,
        88 => traded_ucredit: u64,
        /// Market-maker duty, and what of it was met on mm_day.
        96 => mm_spread_ticks: u16,
        98 => mm_flags: u16,
        100 => mm_size_lots: u32,
        104 => mm_sampled_interval: u32,
        108 => mm_met: u16,
        110 => mm_day: u16,
        /// Last auction in which the seat placed an order, and whether a sell.
        112 => auction_interval: u32,
        116 => auction_flags: u32,
        /// Rebate of mm_day so far.
        120 => mm_rebate_ucredit: u64,
    }
}

impl Seat {
    /// Errors: `WrongSeat`. A seat that was never opened has the zero wallet, which nobody can sign for; the callers of
    /// instructions without a wallet's signature check the seat number first.
    #[inline(always)]
    pub fn require_wallet(&self, wallet: &Address) -> Outcome {
        if same(&self.wallet, wallet) {
            Ok(())
        } else {
            Err(TradingError::WrongSeat.into())
        }
    }

    /// Errors: `SeatSuspended`.
    #[inline(always)]
    pub fn require_not_suspended(&self) -> Outcome {
        if self.flags & SEAT_SUSPENDED == 0 {
            Ok(())
        } else {
            Err(TradingError::SeatSuspended.into())
        }
    }
}
