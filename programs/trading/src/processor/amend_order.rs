//! Gives a resting order another price, size or last interval. It keeps its place only if it gets neither another price nor
//! larger.
use crate::{
    entering::{arguments_of, replace, Rules},
    error::arguments,
    generated::{AmendOrderArgs, TradingError, MAX_FILLS, SELF_TRADE_DECREMENT},
    matching::emit_order_changed,
    processor::interval_at,
    state::Market,
};
use campusgrid_sdk::{load_mut, require_signer, sysvar, Ctx, Outcome};

#[inline(never)]
pub fn amend_order(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(AmendOrderArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [wallet, council, market] = ctx.take::<3>()?;
    require_signer(wallet)?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    let rules = Rules::for_order(council, market, args.lots)?;
    let slot = market.slot_of(args.order_id)?;
    let order = market.orders[usize::from(slot)];
    let seat = &market.seats[usize::from(order.seat)];
    seat.require_wallet(wallet.address())?;
    seat.require_not_suspended()?;
    if order.is_waiting() {
        return Err(TradingError::OrderWaits.into());
    }
    if args.self_trade > SELF_TRADE_DECREMENT || args.max_fills > MAX_FILLS {
        return Err(TradingError::BadOrder.into());
    }
    if !market.has_tick(args.tick) {
        return Err(TradingError::BadTick.into());
    }
    // It is out of the market, though nobody has taken it out yet: its place must not be kept without the risk to trade.
    if order.expires_interval != 0 && order.has_expired(interval_at(sysvar::now_s()?)) {
        return Err(TradingError::Expired.into());
    }
    let filled = order.placed_lots - order.lots;
    if args.lots <= filled {
        return Err(TradingError::BadLots.into());
    }
    let left = args.lots - filled;

    if args.tick != order.tick || left > order.lots {
        let mut again = arguments_of(&order, left);
        again.tick = args.tick;
        again.expires_interval = args.expires_interval;
        again.self_trade = args.self_trade;
        again.max_fills = args.max_fills;
        return replace(market, slot, &again, args.lots, &rules);
    }
    if args.expires_interval != 0 && args.expires_interval < interval_at(sysvar::now_s()?) {
        return Err(TradingError::Expired.into());
    }
    if left < order.lots {
        market.shrink(slot, order.lots - left)?;
    }
    market.orders[usize::from(slot)].expires_interval = args.expires_interval;
    emit_order_changed(market, slot);
    Ok(())
}
