//! Brings a slot up to what the registry says of its meter: status, limits, keys, and whether a next register epoch has
//! been approved. Everything comes from the registry's record, so anybody may call.
use crate::{
    error::{arguments, require},
    generated::{sync_key_accounts as at, MeterSynced, OracleError::NotEnrolled, SyncKeyArgs, ENTRY_NEXT_EPOCH_APPROVED},
    keys,
    processor::slot_of,
    state::{MeterSlab, SlabEntry},
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
    approve_register_epoch(entry, meter.register_epoch);

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

/// Approve the registry's register epoch. Readings of the stored one still count until the first of the next, but only
/// of the next: after a second swap the slot stands right before the newest epoch, and the ones between are passed over.
#[inline(always)]
fn approve_register_epoch(entry: &mut SlabEntry, wanted: u16) {
    if wanted <= entry.register_epoch {
        return;
    }
    if wanted - entry.register_epoch > 1 {
        entry.begin_register_epoch(wanted - 1);
    }
    entry.flags |= ENTRY_NEXT_EPOCH_APPROVED;
}
