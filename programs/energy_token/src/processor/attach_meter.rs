//! Decides to whose row a meter's energy goes: its registered owner's, and nobody has a say in it.
use crate::{
    error::{arguments, require},
    generated::{
        attach_meter_accounts as at, AttachMeterArgs,
        EnergyTokenError::{AlreadyAttached, MeterNotEnrolled, SlotTaken, WrongSlab, ZoneMismatch},
        MeterAttached,
    },
    state::{Config, Ledger, MeterSlab},
};
use campusgrid_sdk::{
    account::{load, load_mut, same},
    event,
    state::Meter,
    Ctx, Outcome,
};

#[inline(never)]
pub fn attach_meter(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(AttachMeterArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [config, meter, slab, ledger] = ctx.take::<{ at::COUNT }>()?;
    let config = load::<Config>(config, program_id)?;
    let meter = load::<Meter>(meter, &config.registry_program)?;
    let mut ledger = load_mut::<Ledger>(ledger, program_id)?;
    require(same(slab.address(), &ledger.slab), WrongSlab)?;
    let slab = load::<MeterSlab>(slab, &config.oracle_program)?;
    require(meter.zone == ledger.zone, ZoneMismatch)?;
    let slot = meter.slot as usize;
    let enrolled = slab.entries.get(slot).ok_or(MeterNotEnrolled)?;
    require(enrolled.meter_number == meter.meter_number && meter.meter_number != 0, MeterNotEnrolled)?;
    ledger.row_of(args.row, &meter.owner)?;
    let entry = ledger.meters.get_mut(slot).ok_or(MeterNotEnrolled)?;
    require(entry.meter_number != meter.meter_number, AlreadyAttached)?;
    // The registry never gives a slot out twice; if it did, the first meter's totals must not become the second's.
    require(entry.meter_number == 0, SlotTaken)?;

    entry.meter_number = meter.meter_number;
    entry.row = args.row;
    let mut bytes = [0; MeterAttached::SIZE];
    MeterAttached {
        zone: ledger.zone,
        seq: ledger.next_seq(),
        slot: meter.slot,
        meter_number: meter.meter_number,
        row: args.row,
        wallet: meter.owner.as_array(),
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
