//! Makes a seat a market maker, changes its duty, or ends it, by decision of the council.
use crate::{
    error::arguments,
    generated::{MarketMakerSet, SetMarketMakerArgs, TradingError, MM_ACTIVE},
    processor::require_council,
    state::Market,
};
use campusgrid_sdk::{event, load_mut, Ctx, Outcome};

#[inline(never)]
pub fn set_market_maker(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(SetMarketMakerArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [council, market] = ctx.take::<2>()?;
    let mut market = load_mut::<Market>(market, program_id)?;
    require_council(council, &market)?;
    if args.seat >= market.seat_count {
        return Err(TradingError::WrongSeat.into());
    }
    if args.flags > MM_ACTIVE || args.spread_ticks == 0 || args.size_lots == 0 {
        return Err(TradingError::BadTerms.into());
    }

    let seat = &mut market.seats[usize::from(args.seat)];
    seat.mm_flags = args.flags;
    seat.mm_spread_ticks = args.spread_ticks;
    seat.mm_size_lots = args.size_lots;
    let mut bytes = [0u8; MarketMakerSet::SIZE];
    MarketMakerSet {
        seq: market.next_event(),
        seat: args.seat,
        flags: args.flags,
        spread_ticks: args.spread_ticks,
        size_lots: args.size_lots,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
