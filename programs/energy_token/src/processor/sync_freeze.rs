//! Freezes or thaws one GRID token account as the transfer mode wants it; moves nothing.
use super::wallet_account::{is_restricted, read_grid_account};
use crate::{
    error::{arguments, require},
    generated::{
        sync_freeze_accounts as at,
        EnergyTokenError::{AlreadyInLine, ExemptAccount},
        FreezeSynced, SyncFreezeArgs,
    },
    state::{as_authority, Config},
};
use campusgrid_sdk::{
    account::{load, require_address, same},
    cpi::{self, TokenMove},
    event, Ctx, Outcome,
};

#[inline(never)]
pub fn sync_freeze(ctx: &mut Ctx<'_>) -> Outcome {
    arguments(SyncFreezeArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [council, config, token_account, mint, authority, token_program] = ctx.take::<{ at::COUNT }>()?;
    let config = load::<Config>(config, program_id)?;
    let restricted = is_restricted(&*config.council(council)?);
    require_address(mint, &config.mint)?;
    require_address(authority, &config.authority)?;
    let found = read_grid_account(&config, token_account)?;
    let is_exempt = same(&found.owner, &config.authority) || same(&found.owner, &config.trading_authority);
    require(!is_exempt, ExemptAccount)?;
    require(found.is_frozen != restricted, AlreadyInLine)?;

    as_authority(config.authority_bump, |signer| {
        let accounts = TokenMove { from: token_account, to: mint, authority, token_program };
        if restricted {
            cpi::token_freeze(&accounts, signer)
        } else {
            cpi::token_thaw(&accounts, signer)
        }
    })?;
    let mut bytes = [0; FreezeSynced::SIZE];
    FreezeSynced { token_account: token_account.address().as_array(), frozen: restricted }.encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
