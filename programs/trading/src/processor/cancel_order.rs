//! Cancels an order, resting or waiting. It looks at no pause, so that nothing can hold a trader's funds in the market.
use crate::{
    error::arguments, generated::{CancelOrderArgs, OUT_CANCELLED}, matching::emit_order_out, state::Market,
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
    let slot = market.slot_of(args.order_id)?;
    market.seats[usize::from(market.orders[usize::from(slot)].seat)].require_wallet(wallet.address())?;

    let order = market.take_out(slot)?;
    emit_order_out(market, &order, OUT_CANCELLED);
    Ok(())
}
