//! Gives a meter its slot. Everything comes from the registry's record, so anybody may call.
use crate::{
    error::{arguments, require},
    generated::{
        enroll_meter_accounts as at, EnrollMeterArgs, MeterEnrolled,
        OracleError::{AlreadyEnrolled, MeterNotActive, SlotTaken},
    },
    keys,
    processor::slot_of,
    state::MeterSlab,
};
use campusgrid_sdk::{
    account::{load, load_mut},
    event,
    state::{Meter, MeterStatus},
    Ctx, Outcome,
};

#[inline(never)]
pub fn enroll_meter(ctx: &mut Ctx<'_>) -> Outcome {
    arguments(EnrollMeterArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [slab, meter] = ctx.take::<{ at::COUNT }>()?;
    let mut slab = load_mut::<MeterSlab>(slab, program_id)?;
    let meter = load::<Meter>(meter, &slab.registry_program)?;
    let zone = slab.zone;
    let entry = slot_of(&mut slab, &meter)?;
    require(entry.meter_number != meter.meter_number, AlreadyEnrolled)?;
    // Also of a retired meter: the ledger has settled the accumulators that stand here.
    require(entry.meter_number == 0, SlotTaken)?;
    require(meter.status == MeterStatus::Active as u8, MeterNotActive)?;

    entry.meter_number = meter.meter_number;
    entry.status = meter.status;
    entry.kind = meter.kind;
    entry.max_wh_interval = meter.max_wh_interval;
    entry.register_epoch = meter.register_epoch;
    keys::begin(entry, &meter);

    let mut bytes = [0; MeterEnrolled::SIZE];
    MeterEnrolled {
        zone,
        slot: meter.slot,
        meter_number: entry.meter_number,
        key_epoch: entry.key_epoch,
        register_epoch: entry.register_epoch,
        key: &entry.key_current,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
