//! Takes an order that enters the book in a later interval.
use crate::{
    entering::{wait, Rules, Wish},
    error::arguments,
    generated::{PlaceOrderArgs, ScheduleOrderArgs, TradingError, KIND_FOK, LAST_SCHEDULED},
    processor::{interval_at, require_waiting_order},
    state::Market,
};
use campusgrid_sdk::{load_mut, require_signer, sysvar, Ctx, Outcome};

#[inline(never)]
pub fn schedule_order(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(ScheduleOrderArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [wallet, council, market] = ctx.take::<3>()?;
    require_signer(wallet)?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    let rules = Rules::for_order(council, market, args.lots)?;
    market.seat_of(args.seat, wallet.address())?.require_not_suspended()?;
    let order = PlaceOrderArgs {
        seat: args.seat,
        side: args.side,
        kind: args.kind,
        tick: args.tick,
        lots: args.lots,
        client_id: args.client_id,
        expires_interval: args.expires_interval,
        self_trade: args.self_trade,
        max_fills: 0,
    };
    require_waiting_order(market, &order)?;
    if args.kind == KIND_FOK {
        return Err(TradingError::BadOrder.into());
    }
    let now_s = sysvar::now_s()?;
    let is_last_before_first = args.expires_interval != 0 && args.expires_interval < args.not_before_interval;
    if args.not_before_interval <= interval_at(now_s) || is_last_before_first {
        return Err(TradingError::BadSchedule.into());
    }
    if args.not_before_interval > LAST_SCHEDULED {
        return Err(TradingError::BadSchedule.into());
    }
    let active_from_s = args.not_before_interval.wrapping_mul(sysvar::INTERVAL_S as u32); // Below 2^32 up to LAST_SCHEDULED.
    let wish = Wish { not_before_interval: args.not_before_interval, active_from_s, trigger_tick: 0 };
    wait(market, &order, &rules, &wish, now_s)
}
