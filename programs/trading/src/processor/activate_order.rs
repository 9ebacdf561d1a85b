//! Lets a scheduled order meet the book once its interval has come; anyone may call it, and it decides nothing itself.
use crate::{
    entering::{wake, Rules, Waking},
    error::arguments,
    generated::{ActivateOrderArgs, TradingError, MAX_FILLS, WOKEN_BY_TIME},
    state::Market,
};
use campusgrid_sdk::{load_mut, sysvar, Ctx, Outcome};

#[inline(never)]
pub fn activate_order(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(ActivateOrderArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [council, market] = ctx.take::<2>()?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    let rules = Rules::for_waiting(council, market)?;
    let slot = market.slot_of(args.order_id)?;
    let order = &market.orders[usize::from(slot)];
    let is_scheduled = order.is_waiting() && order.prev == 0;
    if !is_scheduled || i64::from(order.active_from_s) > sysvar::now_s()? {
        return Err(TradingError::NotYetActive.into());
    }
    wake(market, slot, &rules, &mut Waking { reason: WOKEN_BY_TIME, touches: u32::from(MAX_FILLS) })
}
