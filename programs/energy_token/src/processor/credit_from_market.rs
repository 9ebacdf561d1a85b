//! Takes lots that trading has sent to the vault into a row of their owner. No pause is asked for: it is the only way
//! out of the market.
use crate::{
    error::{arguments, require},
    generated::{
        credit_from_market_accounts as at, CreditFromMarketArgs, CreditedFromMarket,
        EnergyTokenError::{NotTradingAuthority, ZeroAmount},
    },
    state::{Config, Ledger},
};
use campusgrid_sdk::{
    account::{load_mut, require_address, same},
    event, require_signer, Address, Ctx, Lots, Outcome,
};

#[inline(never)]
pub fn credit_from_market(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(CreditFromMarketArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [trading_authority, config, ledger, vault] = ctx.take::<{ at::COUNT }>()?;
    require_signer(trading_authority)?;
    let mut config = load_mut::<Config>(config, program_id)?;
    require(same(trading_authority.address(), &config.trading_authority), NotTradingAuthority)?;
    require_address(vault, &config.vault)?;
    require(args.lots != 0, ZeroAmount)?;
    let amount = Lots(args.lots).atoms()?;
    let mut ledger = load_mut::<Ledger>(ledger, program_id)?;

    let wallet = Address::new_from_array(*args.wallet);
    let balance_atoms = ledger.credit(args.row, &wallet, amount)?;
    config.gain(amount)?;
    // Trading names the amount, the vault proves it: without the tokens the sum of all rows would exceed it.
    config.require_backed(vault)?;

    let mut bytes = [0; CreditedFromMarket::SIZE];
    CreditedFromMarket {
        zone: ledger.zone,
        seq: ledger.next_seq(),
        row: args.row,
        wallet: args.wallet,
        lots: args.lots,
        balance_atoms,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
