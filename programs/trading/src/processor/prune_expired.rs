//! Takes expired orders out of a range of slots and gives their owners the funds back; anyone may call it. It looks at no
//! pause.
use crate::{
    error::arguments,
    generated::{PruneExpiredArgs, TradingError, MAX_OUT, ORDER_CAPACITY, OUT_EXPIRED},
    matching::emit_order_out,
    processor::interval_at,
    state::Market,
};
use campusgrid_sdk::{load_mut, sysvar, Ctx, Outcome};

#[inline(never)]
pub fn prune_expired(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(PruneExpiredArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [market] = ctx.take::<1>()?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    if args.slots == 0 || args.slots > ORDER_CAPACITY || args.first_slot >= ORDER_CAPACITY {
        return Err(TradingError::BadOrder.into());
    }
    let interval = interval_at(sysvar::now_s()?);
    let end = (args.first_slot + args.slots).min(market.orders_high);
    let mut left = MAX_OUT;

    let mut slot = args.first_slot;
    while slot < end && left != 0 {
        let order = &market.orders[usize::from(slot)];
        if order.order_id != 0 && order.has_expired(interval) {
            let order = market.take_out(slot)?;
            emit_order_out(market, &order, OUT_EXPIRED);
            left -= 1;
        }
        slot += 1;
    }
    Ok(())
}
