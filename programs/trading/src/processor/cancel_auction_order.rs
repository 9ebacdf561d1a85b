//! Takes an order out of an auction that is not cleared. It looks at no pause, so that nothing can hold a trader's funds.
use crate::{
    book::{ASKS, BIDS},
    error::arguments,
    generated::{AuctionOrderOut, CancelAuctionOrderArgs, TradingError, SIDE_BUY, SIDE_SELL},
    settling::unbind,
    state::{Auctions, Market},
};
use campusgrid_sdk::{account::require_address, event, load_mut, require_signer, Ctx, Outcome};

#[inline(never)]
pub fn cancel_auction_order(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(CancelAuctionOrderArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [wallet, market, auctions] = ctx.take::<3>()?;
    require_signer(wallet)?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    require_address(auctions, &market.auction)?;
    let mut auctions = load_mut::<Auctions>(auctions, program_id)?;
    market.seat_of(args.seat, wallet.address())?;
    let side = match args.side {
        SIDE_BUY => BIDS,
        SIDE_SELL => ASKS,
        _ => return Err(TradingError::BadOrder.into()),
    };
    let mut auction = auctions.waiting(args.interval)?;
    if auction.is_cleared() {
        return Err(TradingError::AuctionCleared.into());
    }
    if !auction.stands(args.seat, side) {
        return Err(TradingError::UnknownOrder.into());
    }

    let order = auction.orders[usize::from(args.seat)][side];
    auction.leave(args.seat, side, order.tick - market.min_tick);
    auction.orders[usize::from(args.seat)][side].lots = 0;
    let seat = &mut market.seats[usize::from(args.seat)];
    if side == BIDS {
        unbind::<BIDS>(seat, order.lots, order.tick)?;
    } else {
        unbind::<ASKS>(seat, order.lots, order.tick)?;
    }
    let mut bytes = [0u8; AuctionOrderOut::SIZE];
    AuctionOrderOut {
        seq: market.next_event(),
        interval: args.interval,
        seat: args.seat,
        side: args.side,
        tick: order.tick,
        lots: order.lots,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
