//! Books GRID that energy_token sent to the vault into a seat.
use crate::{
    error::arguments,
    generated::{CreditGridArgs, TradingError, ATOMS_PER_LOT},
    processor::emit_deposited,
    state::Market,
};
use campusgrid_sdk::{
    account::{require_address, same},
    load_mut, math, require_signer,
    state::TokenAccount,
    Address, Ctx, Outcome,
};

#[inline(never)]
pub fn credit_grid(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(CreditGridArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [authority, market, vault] = ctx.take::<3>()?;
    require_signer(authority)?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    if !same(authority.address(), &market.energy_token_authority) {
        return Err(TradingError::NotEnergyToken.into());
    }
    require_address(vault, &market.grid_vault)?;
    if args.lots == 0 {
        return Err(TradingError::BadAmount.into());
    }
    let total = math::add(market.grid_lots, args.lots)?;
    // The caller's word is not enough: the GRID must lie in the vault.
    if TokenAccount::read(vault)?.amount < math::mul(total, ATOMS_PER_LOT)? {
        return Err(TradingError::VaultShort.into());
    }
    let seat = market.seat_of(args.seat, &Address::new_from_array(*args.wallet))?;
    seat.require_not_suspended()?;

    seat.grid_free_lots = math::add(seat.grid_free_lots, args.lots)?;
    market.grid_lots = total;
    emit_deposited(market, args.seat, args.lots, 0);
    Ok(())
}
