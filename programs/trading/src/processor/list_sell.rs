//! Takes what energy_token lists under an owner's rule: books the GRID into the seat, bound by a sell in the running auction.
use super::auction_entry::Entry;
use crate::{
    book::ASKS,
    error::arguments,
    generated::{ListSellArgs, TradingError, ATOMS_PER_LOT, SEAT_SOLD_IN_AUCTION},
    state::{Auctions, Market},
};
use campusgrid_sdk::{
    account::{as_address, require_address, same},
    load_mut, math, require_signer,
    state::TokenAccount,
    Ctx, Outcome,
};

#[inline(never)]
pub fn list_sell(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(ListSellArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [authority, council, market, auctions, vault] = ctx.take::<5>()?;
    require_signer(authority)?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    if !same(authority.address(), &market.energy_token_authority) {
        return Err(TradingError::NotEnergyToken.into());
    }
    require_address(auctions, &market.auction)?;
    require_address(vault, &market.grid_vault)?;
    let mut auctions = load_mut::<Auctions>(auctions, program_id)?;
    let lots = u64::from(args.lots);
    let total = math::add(market.grid_lots, lots)?;
    // The caller's word is not enough: the GRID must lie in the vault.
    if TokenAccount::read(vault)?.amount < math::mul(total, ATOMS_PER_LOT)? {
        return Err(TradingError::VaultShort.into());
    }
    let seat = market.seat_of(args.seat, as_address(args.wallet))?;
    seat.require_not_suspended()?;
    if seat.auction_interval == args.interval && seat.auction_flags & SEAT_SOLD_IN_AUCTION != 0 {
        return Err(TradingError::AlreadyListed.into());
    }
    seat.grid_locked_lots = math::add(seat.grid_locked_lots, lots)?;
    market.grid_lots = total;
    // An owner who asks for less than the market's lowest price gets at least that.
    let tick = if args.tick < market.min_tick { market.min_tick } else { args.tick };
    Entry {
        interval: args.interval,
        seat: args.seat,
        side: ASKS,
        tick,
        lots: args.lots,
        client_id: 0,
        is_listed: true,
    }
    .enter(market, &mut auctions, council)
}
