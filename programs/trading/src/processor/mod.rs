//! What each instruction does, one a file: take, check, compute, write. Accounts, arguments, refusals and events of each
//! are listed in `interface.toml`.
mod activate_order;
mod amend_order;
mod cancel_all;
mod auction_entry;
mod cancel_auction_order;
mod cancel_order;
mod clear_auction;
mod create_auctions;
mod create_market;
mod credit_grid;
mod deposit_credit;
mod initialize;
mod list_sell;
mod open_seat;
mod place_order;
mod place_stop;
mod prune_expired;
mod reduce_order;
mod sample_market_maker;
mod schedule_order;
mod set_fee_recipients;
mod set_maker_programme;
mod set_market_maker;
mod sweep_fees;
mod settle_auction;
mod submit_auction;
mod sync_seat;
mod trigger_stops;
mod withdraw_credit;
mod withdraw_grid;

pub use activate_order::activate_order;
pub use amend_order::amend_order;
pub use cancel_all::cancel_all;
pub use cancel_auction_order::cancel_auction_order;
pub use cancel_order::cancel_order;
pub use clear_auction::clear_auction;
pub use create_auctions::create_auctions;
pub use create_market::create_market;
pub use credit_grid::credit_grid;
pub use deposit_credit::deposit_credit;
pub use initialize::initialize;
pub use list_sell::list_sell;
pub use open_seat::open_seat;
pub use place_order::place_order;
pub use place_stop::place_stop;
pub use prune_expired::prune_expired;
pub use reduce_order::reduce_order;
pub use sample_market_maker::sample_market_maker;
pub use schedule_order::schedule_order;
pub use set_fee_recipients::set_fee_recipients;
pub use set_maker_programme::set_maker_programme;
pub use set_market_maker::set_market_maker;
pub use sweep_fees::sweep_fees;
pub use settle_auction::settle_auction;
pub use submit_auction::submit_auction;
pub use sync_seat::sync_seat;
pub use trigger_stops::trigger_stops;
pub use withdraw_credit::withdraw_credit;
pub use withdraw_grid::withdraw_grid;

use crate::{
    generated::{Deposited, PlaceOrderArgs, INTERVALS_PER_DAY, TradingError, Withdrawn, KIND_MARKET, SELF_TRADE_DECREMENT, SIDE_SELL},
    state::Market,
};
use campusgrid_sdk::{
    account::{require_address, same},
    event, load, require_signer,
    state::{Role, User},
    sysvar, AccountView, Address, Outcome,
};

/// Seed of the authority PDA.
const AUTHORITY: &[u8] = b"authority";
/// Seed of the GRID vault PDA.
const GRID_VAULT: &[u8] = b"grid_vault";
/// Seed of the CREDIT vault PDA.
const CREDIT_VAULT: &[u8] = b"credit_vault";

/// Interval of a campus time; a time before 1970 counts as 1970.
#[inline(always)]
pub fn interval_at(now_s: i64) -> u32 {
    (now_s.max(0) as u64 / sysvar::INTERVAL_S as u64) as u32
}

/// Day of an interval, modulo 65,536.
#[inline(always)]
pub fn day_of(interval: u32) -> u16 {
    (interval / INTERVALS_PER_DAY) as u16
}

/// The council itself must have signed, which its program does for a call that its members approved.
///
/// # Errors
/// `NOT_SIGNER`, `WRONG_ADDRESS`.
#[inline(always)]
fn require_council(council: &AccountView, market: &Market) -> Outcome {
    require_signer(council)?;
    require_address(council, &market.council)
}

/// What every order that is to wait must be. Errors: `BadOrder`, `BadTick`.
#[inline(always)]
fn require_waiting_order(market: &Market, order: &PlaceOrderArgs) -> Outcome {
    if order.side > SIDE_SELL || order.kind > KIND_MARKET || order.self_trade > SELF_TRADE_DECREMENT {
        return Err(TradingError::BadOrder.into());
    }
    if !market.has_tick(order.tick) {
        return Err(TradingError::BadTick.into());
    }
    Ok(())
}

/// Tell that funds came into a seat.
#[inline(always)]
fn emit_deposited(market: &mut Market, seat: u16, grid_lots: u64, credit_ucredit: u64) {
    let mut bytes = [0u8; Deposited::SIZE];
    Deposited { seq: market.next_event(), seat, grid_lots, credit_ucredit }.encode(&mut bytes);
    event::emit(&bytes);
}

/// Tell that funds left a seat.
#[inline(always)]
fn emit_withdrawn(market: &mut Market, seat: u16, grid_lots: u64, credit_ucredit: u64) {
    let mut bytes = [0u8; Withdrawn::SIZE];
    Withdrawn { seq: market.next_event(), seat, grid_lots, credit_ucredit }.encode(&mut bytes);
    event::emit(&bytes);
}

/// `user` must show `wallet` to be an active admin. Errors: `NotAdmin`, `UserInactive` and those of a wrong account.
#[inline(always)]
fn require_admin(wallet: &AccountView, user: &AccountView, registry: &Address) -> Outcome {
    let user = load::<User>(user, registry)?;
    if !same(&user.wallet, wallet.address()) || user.role != Role::Admin as u8 {
        return Err(TradingError::NotAdmin.into());
    }
    if !user.is_active() {
        return Err(TradingError::UserInactive.into());
    }
    Ok(())
}
