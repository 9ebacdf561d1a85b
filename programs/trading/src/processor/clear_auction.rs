//! Fixes the price of an auction whose interval is over. Which price that is, `clearing` decides; nothing moves here.
use super::interval_at;
use crate::{
    clearing::{self, NEITHER},
    error::arguments,
    generated::{AuctionCleared, ClearAuctionArgs, TradingError, AUCTION_CLEARED},
    state::{Auctions, Market},
};
use campusgrid_sdk::{
    account::require_address,
    event, load_mut,
    state::{load_council, Pause},
    sysvar, Ctx, Outcome,
};

#[inline(never)]
pub fn clear_auction(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(ClearAuctionArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [council, market, auctions] = ctx.take::<3>()?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    require_address(auctions, &market.auction)?;
    let mut auctions = load_mut::<Auctions>(auctions, program_id)?;
    // While new orders are stopped nothing is cleared either: whoever wants out cancels.
    load_council(council, &market.council, &market.governance_program)?
        .require_running(Pause::Auction, TradingError::Paused.into())?;
    let now_s = sysvar::now_s()?;
    if interval_at(now_s) <= args.interval {
        return Err(TradingError::AuctionOpen.into());
    }
    // Prices follow one another in time, and the market's header tells of one auction.
    let other = auctions.other_head(args.interval);
    if other.orders_standing != 0 {
        if other.state == AUCTION_CLEARED {
            return Err(TradingError::AuctionNotSettled.into());
        }
        if other.interval < args.interval {
            return Err(TradingError::AuctionNotCleared.into());
        }
    }
    let auction = auctions.waiting(args.interval)?;
    if auction.is_cleared() {
        return Err(TradingError::AuctionCleared.into());
    }

    let found = clearing::clear(auction.levels, auction.head.side_lots[0]);
    let head = auction.head;
    head.state = AUCTION_CLEARED;
    head.cleared_at = now_s;
    head.long_side = NEITHER;
    if let Some(found) = found {
        head.tick = market.min_tick + found.level;
        head.lots = found.lots;
        head.long_side = found.long_side;
        if found.long_side != NEITHER {
            let level = usize::from(found.marginal_level);
            head.marginal_tick = market.min_tick + found.marginal_level;
            head.marginal_fill_lots = found.marginal_fill;
            head.marginal_lots = auction.levels[usize::from(found.long_side)][level];
        }
        market.last_tick = head.tick;
        market.note_trades(head.tick, head.tick);
        market.auction_tick = head.tick;
    }
    market.auction_interval = args.interval;
    market.auction_state = AUCTION_CLEARED;
    market.auction_cursor = 0;
    market.auction_lots = u64::from(head.lots);
    let mut bytes = [0u8; AuctionCleared::SIZE];
    AuctionCleared {
        seq: market.next_event(),
        interval: args.interval,
        tick: head.tick,
        lots: head.lots,
        bid_lots: head.side_lots[0],
        ask_lots: head.side_lots[1],
        orders: head.orders_standing,
        long_side: head.long_side,
        marginal_tick: head.marginal_tick,
        marginal_fill_lots: head.marginal_fill_lots,
        marginal_lots: head.marginal_lots,
        campus_time: now_s,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
