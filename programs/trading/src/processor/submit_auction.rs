//! Places a seat's order in the running auction and binds its funds.
use super::auction_entry::Entry;
use crate::{
    book::{ASKS, BIDS},
    error::arguments,
    generated::{SubmitAuctionArgs, TradingError, SIDE_BUY, SIDE_SELL},
    state::{Auctions, Market},
    units::value_ucredit,
};
use campusgrid_sdk::{account::require_address, load_mut, math, require_signer, Ctx, Outcome};

#[inline(never)]
pub fn submit_auction(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(SubmitAuctionArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [wallet, council, market, auctions] = ctx.take::<4>()?;
    require_signer(wallet)?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    require_address(auctions, &market.auction)?;
    let mut auctions = load_mut::<Auctions>(auctions, program_id)?;
    market.seat_of(args.seat, wallet.address())?.require_not_suspended()?;
    let side = match args.side {
        SIDE_BUY => BIDS,
        SIDE_SELL => ASKS,
        _ => return Err(TradingError::BadOrder.into()),
    };
    Entry {
        interval: args.interval,
        seat: args.seat,
        side,
        tick: args.tick,
        lots: args.lots,
        client_id: args.client_id,
        is_listed: false,
    }
    .enter(market, &mut auctions, council)?;

    let seat = &mut market.seats[usize::from(args.seat)];
    if side == BIDS {
        let value = value_ucredit(args.lots, args.tick);
        seat.credit_free_ucredit =
            seat.credit_free_ucredit.checked_sub(value).ok_or(TradingError::InsufficientCredit)?;
        seat.credit_locked_ucredit = math::add(seat.credit_locked_ucredit, value)?;
    } else {
        let lots = u64::from(args.lots);
        seat.grid_free_lots = seat.grid_free_lots.checked_sub(lots).ok_or(TradingError::InsufficientGrid)?;
        seat.grid_locked_lots = math::add(seat.grid_locked_lots, lots)?;
    }
    Ok(())
}
