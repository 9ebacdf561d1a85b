//! Cancels orders of a seat, newest first, up to a bound; what is left over waits for the next call. It looks at no pause.
use crate::{
    error::arguments,
    generated::{CancelAllArgs, TradingError, MAX_OUT, OUT_CANCELLED, SIDE_SELL},
    matching::emit_order_out,
    state::Market,
};
use campusgrid_sdk::{load_mut, require_signer, Ctx, Outcome};

/// `CancelAllArgs.side` for both sides.
const BOTH: u8 = SIDE_SELL + 1;

#[inline(never)]
pub fn cancel_all(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(CancelAllArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [wallet, market] = ctx.take::<2>()?;
    require_signer(wallet)?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    if args.side > BOTH || args.most > MAX_OUT {
        return Err(TradingError::BadOrder.into());
    }
    let mut link = market.seat_of(args.seat, wallet.address())?.first_order;
    let mut left = if args.most == 0 { MAX_OUT } else { args.most };

    while link != 0 && left != 0 {
        let slot = link - 1;
        let order = &market.orders[usize::from(slot)];
        link = order.seat_next;
        if args.side != BOTH && order.side != args.side {
            continue;
        }
        let order = market.take_out(slot)?;
        emit_order_out(market, &order, OUT_CANCELLED);
        left -= 1;
    }
    Ok(())
}
