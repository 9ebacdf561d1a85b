//! Takes a stop or stop-limit order, which waits until a trade reaches its trigger.
use crate::{
    entering::{wait, Rules, Wish},
    error::arguments,
    generated::{
        PlaceOrderArgs, PlaceStopArgs, TradingError, KIND_FOK, KIND_POST_ONLY, SEAT_STOPS, SIDE_BUY,
    },
    processor::{interval_at, require_waiting_order},
    state::Market,
};
use campusgrid_sdk::{load_mut, require_signer, sysvar, Ctx, Outcome};

#[inline(never)]
pub fn place_stop(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(PlaceStopArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [wallet, council, market] = ctx.take::<3>()?;
    require_signer(wallet)?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    let rules = Rules::for_order(council, market, args.lots)?;
    let seat = market.seat_of(args.seat, wallet.address())?;
    seat.require_not_suspended()?;
    if seat.open_stops >= SEAT_STOPS {
        return Err(TradingError::StopsFull.into());
    }
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
    if args.kind == KIND_FOK || args.kind == KIND_POST_ONLY {
        return Err(TradingError::BadOrder.into());
    }
    let now_s = sysvar::now_s()?;
    if args.expires_interval != 0 && args.expires_interval < interval_at(now_s) {
        return Err(TradingError::Expired.into());
    }
    let last = market.last_tick;
    if !market.has_tick(args.trigger_tick) {
        return Err(TradingError::BadTick.into());
    }
    let is_reached = if args.side == SIDE_BUY { last >= args.trigger_tick } else { last <= args.trigger_tick };
    if last != 0 && is_reached {
        return Err(TradingError::TriggerReached.into());
    }
    // Trades before this one must wake the stops that stood there then, and not this one.
    market.collect_due();
    wait(market, &order, &rules, &Wish { not_before_interval: 0, active_from_s: 0, trigger_tick: args.trigger_tick }, now_s)
}
