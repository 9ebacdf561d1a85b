//! Initialises the market account, once a deployment: Config remembers that it did.
use crate::{
    error::arguments,
    generated::{CreateMarketArgs, TradingError, MAX_TICK, TICK_COUNT},
    processor::require_admin,
    state::{Config, Market},
};
use campusgrid_sdk::{
    account::{init, require_rent_exempt, same},
    load_mut, require_signer, sysvar, Address, Ctx, Outcome,
};

const NONE: Address = Address::new_from_array([0; 32]);

#[inline(never)]
pub fn create_market(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(CreateMarketArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [admin, admin_user, config_view, market_view] = ctx.take::<4>()?;
    require_signer(admin)?;
    let config_address = *config_view.address();
    let mut config = load_mut::<Config>(config_view, program_id)?;
    require_admin(admin, admin_user, &config.registry_program)?;
    if !same(&config.market, &NONE) {
        return Err(TradingError::MarketExists.into());
    }
    if args.min_tick == 0 || args.min_tick > MAX_TICK - (TICK_COUNT - 1) {
        return Err(TradingError::BadTick.into());
    }
    require_rent_exempt(market_view)?;
    let now_s = sysvar::now_s()?;

    config.market = *market_view.address();
    // The market is no derived address of its own; its bump is that of the authority it signs by.
    let mut market = init::<Market>(market_view, program_id, config.authority_bump)?;
    market.tick_count = TICK_COUNT;
    market.min_tick = args.min_tick;
    market.config = config_address;
    market.governance_program = config.governance_program;
    market.council = config.council;
    market.registry_program = config.registry_program;
    market.energy_token_program = config.energy_token_program;
    market.energy_token_authority = config.energy_token_authority;
    market.energy_token_vault = config.energy_token_vault;
    market.grid_mint = config.grid_mint;
    market.credit_mint = config.credit_mint;
    market.authority = config.authority;
    market.grid_vault = config.grid_vault;
    market.credit_vault = config.credit_vault;
    market.created_at = now_s;
    Ok(())
}
