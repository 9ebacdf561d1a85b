//! Initialises the auctions' account, once a market: the market remembers its address.
use crate::{
    error::arguments,
    generated::{CreateAuctionsArgs, TradingError},
    processor::require_admin,
    state::{Auctions, Market},
};
use campusgrid_sdk::{
    account::{init, require_rent_exempt, same},
    load_mut, require_signer, Address, Ctx, Outcome,
};

const NONE: Address = Address::new_from_array([0; 32]);

#[inline(never)]
pub fn create_auctions(ctx: &mut Ctx<'_>) -> Outcome {
    arguments(CreateAuctionsArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [admin, admin_user, market_view, auctions_view] = ctx.take::<4>()?;
    require_signer(admin)?;
    let market_address = *market_view.address();
    let mut market = load_mut::<Market>(market_view, program_id)?;
    require_admin(admin, admin_user, &market.registry_program)?;
    if !same(&market.auction, &NONE) {
        return Err(TradingError::AuctionsExist.into());
    }
    require_rent_exempt(auctions_view)?;

    market.auction = *auctions_view.address();
    init::<Auctions>(auctions_view, program_id, 0)?.market = market_address;
    Ok(())
}
