//! Brings a slot up to what the registry says of its meter: status, limits, keys, and whether a next register epoch has
//! been approved. Everything comes from the registry's record, so anybody may call.
use crate::{
    error::{arguments, require},
    generated::{sync_key_accounts as at, MeterSynced, OracleError::NotEnrolled, SyncKeyArgs},
    keys,
    processor::slot_of,
    state::MeterSlab,
};
use campusgrid_sdk::{
    account::{load, load_mut},
    event,
    state::Meter,
    Ctx, Outcome,
};

#[inline(never)]
pub fn sync_key(ctx: &mut Ctx<'_>) -> Outcome {
    arguments(SyncKeyArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [slab, meter] = ctx.take::<{ at::COUNT }>()?;
    let mut slab = load_mut::<MeterSlab>(slab, program_id)?;
    let meter = load::<Meter>(meter, &slab.registry_program)?;
    let zone = slab.zone;
    let entry = slot_of(&mut slab, &meter)?;
    require(entry.meter_number == meter.meter_number, NotEnrolled)?;

    entry.status = meter.status;
    entry.kind = meter.kind;
    entry.max_wh_interval = meter.max_wh_interval;
    keys::follow(entry, &meter);
    if meter.register_epoch > entry.register_epoch {
        entry.approve_epochs_to(meter.register_epoch);
    }

    let mut bytes = [0; MeterSynced::SIZE];
    MeterSynced {
        zone,
        slot: meter.slot,
        meter_number: entry.meter_number,
        key_epoch: entry.key_epoch,
        register_epoch: entry.register_epoch,
        switch_interval: entry.switch_interval,
        max_wh_interval: entry.max_wh_interval,
        status: entry.status,
        flags: entry.flags,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
