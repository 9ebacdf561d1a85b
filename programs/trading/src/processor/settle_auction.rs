//! Settles orders of a cleared auction, as many as the caller pays for. It looks at no pause and at no signature.
use super::interval_at;
use crate::{
    error::arguments,
    generated::{SettleAuctionArgs, TradingError, MAX_AUCTION_STEPS},
    settling::{Moment, Settling},
    state::{Auctions, Market},
};
use campusgrid_sdk::{account::require_address, load_mut, sysvar, Ctx, Fault, Outcome};

#[inline(never)]
pub fn settle_auction(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(SettleAuctionArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [market, auctions] = ctx.accounts.first_chunk_mut::<2>().ok_or(Fault::NOT_ENOUGH_ACCOUNTS)?;
    let mut market = load_mut::<Market>(market, program_id)?;
    require_address(auctions, &market.auction)?;
    let mut auctions = load_mut::<Auctions>(auctions, program_id)?;
    if args.max_steps > MAX_AUCTION_STEPS {
        return Err(TradingError::BadOrder.into());
    }
    let auction = auctions.waiting(args.interval)?;
    if !auction.is_cleared() {
        return Err(TradingError::AuctionNotCleared.into());
    }
    let now_s = sysvar::now_s()?;
    let steps = if args.max_steps == 0 { MAX_AUCTION_STEPS } else { args.max_steps };
    let moment = Moment { now_s, interval: interval_at(now_s) };
    Settling::new(&mut market, auction, moment, ctx.scratch).run(usize::from(steps))
}
