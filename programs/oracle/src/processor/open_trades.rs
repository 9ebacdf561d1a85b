//! Makes the one account that keeps what traded. Anybody may call.
use crate::{
    error::arguments,
    generated::{open_trades_accounts as at, OpenTradesArgs},
    processor::{create, Part},
    state::{Config, TradeTotals},
};
use campusgrid_sdk::{
    account::{self, load},
    Ctx, Outcome,
};

#[inline(never)]
pub fn open_trades(ctx: &mut Ctx<'_>) -> Outcome {
    arguments(OpenTradesArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [payer, config, trades, system] = ctx.take::<{ at::COUNT }>()?;
    load::<Config>(config, program_id)?;
    let size = core::mem::size_of::<TradeTotals>() as u64;
    let bump = create(&Part { payer, system, program_id, name: b"trades", key: b"", size }, trades)?;
    account::init::<TradeTotals>(trades, program_id, bump)?.config = *config.address();
    Ok(())
}
