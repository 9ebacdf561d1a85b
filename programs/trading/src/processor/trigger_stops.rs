//! Wakes the stops that trades have reached, in their order; anyone may call it, and it decides nothing itself.
use crate::{
    book::SLOT_MASK,
    entering::{wake, Rules, Waking},
    error::arguments,
    generated::{TradingError, TriggerStopsArgs, MAX_FILLS, MAX_WOKEN, WOKEN_BY_PRICE},
    state::Market,
};
use campusgrid_sdk::{load_mut, Ctx, Outcome};

/// What a woken stop tells, in resting orders: with these taken off, the log of a call that wakes eight stays whole.
const TOUCHES_OF_A_STOP: u32 = 4;

#[inline(never)]
pub fn trigger_stops(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(TriggerStopsArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [council, market] = ctx.take::<2>()?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    let rules = Rules::for_waiting(council, market)?;
    if args.most > MAX_WOKEN {
        return Err(TradingError::BadOrder.into());
    }
    let mut left = if args.most == 0 { MAX_WOKEN } else { args.most };
    let mut waking = Waking { reason: WOKEN_BY_PRICE, touches: u32::from(MAX_FILLS) };

    market.collect_due();
    if market.first_due_stop == 0 {
        return Err(TradingError::NothingToTrigger.into());
    }
    while left != 0 && waking.touches > TOUCHES_OF_A_STOP && market.first_due_stop != 0 {
        waking.touches -= TOUCHES_OF_A_STOP;
        let order_id = market.stops[usize::from(market.first_due_stop) - 1].order_id;
        wake(market, (order_id & SLOT_MASK) as u16, &rules, &mut waking)?;
        left -= 1;
        // What the woken stop traded may have reached others.
        market.collect_due();
    }
    Ok(())
}
