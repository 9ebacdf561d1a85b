//! Makes the account that keeps a zone's totals. Its address and its slab are the zone's, so anybody may call.
use crate::{
    error::arguments,
    generated::{open_totals_accounts as at, OpenTotalsArgs},
    processor::{create, Part},
    state::{MeterSlab, ZoneTotals},
};
use campusgrid_sdk::{
    account::{self, load},
    Ctx, Outcome,
};

#[inline(never)]
pub fn open_totals(ctx: &mut Ctx<'_>) -> Outcome {
    arguments(OpenTotalsArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [payer, slab, totals, system] = ctx.take::<{ at::COUNT }>()?;
    let zone = load::<MeterSlab>(slab, program_id)?.zone;
    let size = core::mem::size_of::<ZoneTotals>() as u64;
    let key = zone.to_le_bytes();
    let bump = create(&Part { payer, system, program_id, name: b"totals", key: &key, size }, totals)?;
    let mut record = account::init::<ZoneTotals>(totals, program_id, bump)?;
    record.zone = zone;
    record.slab = *slab.address();
    Ok(())
}
