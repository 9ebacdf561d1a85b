//! Creates a pending meter with its first device key, and gives it a number and a slot.
use crate::{
    authority::{require_active_owner, require_staff},
    generated::{MeterRegistered, RegisterMeterArgs, RegistryError, KIND_PROSUMER, MAX_FIRST_BEHIND, MAX_SWITCH_AHEAD, METER_PENDING},
    key_use::record_use,
    possession::require_possession,
    processor::{interval_at, require_running},
    state::{Config, Zone},
};
use campusgrid_sdk::{
    account,
    cpi::{self, Create, SignerSeed},
    event, fault, load_mut, pda, require_signer,
    state::{DeviceKey, Meter},
    sysvar, Ctx, Fault, Outcome,
};
use core::mem::size_of;

#[inline(never)]
pub fn register_meter(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let args = RegisterMeterArgs::parse(ctx.data).ok_or(Fault::BAD_ARGUMENTS)?;
    let [authority, authority_user, owner, owner_user, payer, council, config_view, zone_view, meter_view, key_record, system] =
        ctx.take()?;
    require_staff(authority, authority_user, program_id)?;
    require_signer(owner)?;
    require_active_owner(owner_user, owner.address(), program_id)?;
    let mut config = load_mut::<Config>(config_view, program_id)?;
    require_running(council, &config)?;
    if args.kind > KIND_PROSUMER {
        return Err(RegistryError::BadMeterKind.into());
    }
    if args.max_wh_interval == 0 || args.max_wh_interval > args.capacity_w / 2 {
        return Err(RegistryError::BadCapacity.into());
    }
    let now_s = sysvar::now_s()?;
    // The capacity bound counts from the first reading on: one of long ago would let the next one bring years of energy.
    let present = interval_at(now_s)?;
    let latest = present.checked_add(MAX_SWITCH_AHEAD).ok_or(Fault::OVERFLOW)?;
    if args.first_interval > latest || args.first_interval < present.saturating_sub(MAX_FIRST_BEHIND) {
        return Err(RegistryError::BadFirstInterval.into());
    }
    let mut zone = load_mut::<Zone>(zone_view, program_id)?;
    if zone.next_slot >= zone.capacity {
        return Err(RegistryError::ZoneFull.into());
    }
    let bump = pda::require_canonical(meter_view, &[b"meter", args.meter_id], program_id)?;
    require_possession(&config.network_tag, owner.address(), args.meter_id, args.device_key, args.proof)?;
    let meter_number = config.meter_count.checked_add(1).ok_or(Fault::OVERFLOW)?;

    config.meter_count = meter_number;
    let slot = zone.next_slot;
    zone.next_slot = slot.checked_add(1).ok_or(Fault::OVERFLOW)?;
    let seeds =
        [SignerSeed::from(b"meter"), SignerSeed::from(args.meter_id), SignerSeed::from(core::slice::from_ref(&bump))];
    cpi::create(&Create {
        payer,
        target: meter_view,
        system,
        owner: program_id,
        size: size_of::<Meter>() as u64,
        seeds: &seeds,
    })?;
    let mut bytes = [0; MeterRegistered::SIZE];
    MeterRegistered {
        meter: meter_view.address().as_array(),
        meter_id: args.meter_id,
        meter_number,
        owner: owner.address().as_array(),
        zone: zone.zone,
        slot,
        device_key: args.device_key,
        first_interval: args.first_interval,
        authority: authority.address().as_array(),
    }
    .encode(&mut bytes);
    let mut meter = account::init::<Meter>(meter_view, program_id, bump)?;
    meter.status = METER_PENDING;
    meter.kind = args.kind;
    meter.meter_number = meter_number;
    meter.meter_id = *args.meter_id;
    meter.owner = *owner.address();
    meter.zone = zone.zone;
    meter.slot = slot;
    meter.capacity_w = args.capacity_w;
    meter.max_wh_interval = args.max_wh_interval;
    meter.keys[0] = DeviceKey { key: *args.device_key, first_interval: args.first_interval, epoch: 0, flags: 0 };
    meter.location_hash = *args.location_hash;
    meter.serial_hash = *args.serial_hash;
    meter.registered_at = now_s;
    meter.updated_at = now_s;
    record_use(&meter, payer, key_record, system, program_id)?;
    event::emit(&bytes);
    Ok(())
}
