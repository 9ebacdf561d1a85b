//! Places an order: matches what crosses, settles it, and lets the rest rest or gives it back.
use crate::{
    entering::{enter_new, Rules},
    error::arguments,
    generated::{PlaceOrderArgs, TradingError, KIND_MARKET, MAX_FILLS, SELF_TRADE_DECREMENT},
    state::Market,
};
use campusgrid_sdk::{load_mut, require_signer, Ctx, Outcome};

#[inline(never)]
pub fn place_order(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(PlaceOrderArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [wallet, council, market] = ctx.take::<3>()?;
    require_signer(wallet)?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;

    let rules = Rules::for_order(council, market, args.lots)?;
    market.seat_of(args.seat, wallet.address())?.require_not_suspended()?;
    if args.kind > KIND_MARKET || args.self_trade > SELF_TRADE_DECREMENT || args.max_fills > MAX_FILLS {
        return Err(TradingError::BadOrder.into());
    }
    if !market.has_tick(args.tick) {
        return Err(TradingError::BadTick.into());
    }
    enter_new(market, &args, &rules)
}
