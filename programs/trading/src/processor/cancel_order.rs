//! Cancels a resting order. It looks at no pause, so that nothing can hold a trader's funds in the book.
use crate::{
    book::SLOT_MASK,
    error::arguments,
    generated::{CancelOrderArgs, TradingError, OUT_CANCELLED},
    matching::emit_order_out,
    state::Market,
};
use campusgrid_sdk::{load_mut, require_signer, Ctx, Outcome};

#[inline(never)]
pub fn cancel_order(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(CancelOrderArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [wallet, market] = ctx.take::<2>()?;
    require_signer(wallet)?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    let slot = (args.order_id & SLOT_MASK) as u16;
    let order = &market.orders[usize::from(slot)];
    // Id 0 would be equal to that of a free slot 0.
    if order.order_id != args.order_id || args.order_id == 0 {
        return Err(TradingError::UnknownOrder.into());
    }
    market.seats[usize::from(order.seat)].require_wallet(wallet.address())?;

    let order = market.take_out(slot)?;
    emit_order_out(market, &order, OUT_CANCELLED);
    Ok(())
}
