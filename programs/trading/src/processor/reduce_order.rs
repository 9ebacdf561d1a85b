//! Takes lots off an order, which keeps its place; taking off all is cancelling it. It looks at no pause.
use crate::{
    error::arguments,
    generated::{ReduceOrderArgs, TradingError, OUT_CANCELLED},
    matching::{emit_order_changed, emit_order_out},
    state::Market,
};
use campusgrid_sdk::{load_mut, require_signer, Ctx, Outcome};

#[inline(never)]
pub fn reduce_order(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(ReduceOrderArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [wallet, market] = ctx.take::<2>()?;
    require_signer(wallet)?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    let slot = market.slot_of(args.order_id)?;
    let order = &market.orders[usize::from(slot)];
    market.seats[usize::from(order.seat)].require_wallet(wallet.address())?;
    if args.lots == 0 {
        return Err(TradingError::BadLots.into());
    }

    if args.lots < order.lots {
        market.shrink(slot, args.lots)?;
        emit_order_changed(market, slot);
    } else {
        let order = market.take_out(slot)?;
        emit_order_out(market, &order, OUT_CANCELLED);
    }
    Ok(())
}
