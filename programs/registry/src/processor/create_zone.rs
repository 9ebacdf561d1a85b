//! Creates a zone.
use crate::{
    authority::require_admin,
    generated::{CreateZoneArgs, RegistryError, ZoneCreated, MAX_ZONE_SLOTS},
    state::{Config, Zone},
};
use campusgrid_sdk::{
    account,
    cpi::{self, Create, SignerSeed},
    event, fault, load_mut, pda, Ctx, Fault, Outcome,
};
use core::mem::size_of;

#[inline(never)]
pub fn create_zone(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let args = CreateZoneArgs::parse(ctx.data).ok_or(Fault::BAD_ARGUMENTS)?;
    let [authority, authority_user, payer, config_view, zone_view, system] = ctx.take()?;
    require_admin(authority, authority_user, program_id)?;
    if args.capacity == 0 || args.capacity > MAX_ZONE_SLOTS {
        return Err(RegistryError::BadZone.into());
    }
    let mut config = load_mut::<Config>(config_view, program_id)?;
    let number = args.zone.to_le_bytes();
    let bump = pda::require_canonical(zone_view, &[b"zone", &number], program_id)?;

    config.zone_count = config.zone_count.checked_add(1).ok_or(Fault::OVERFLOW)?;
    let seeds =
        [SignerSeed::from(b"zone"), SignerSeed::from(&number), SignerSeed::from(core::slice::from_ref(&bump))];
    cpi::create(&Create {
        payer,
        target: zone_view,
        system,
        owner: program_id,
        size: size_of::<Zone>() as u64,
        seeds: &seeds,
    })?;
    let mut zone = account::init::<Zone>(zone_view, program_id, bump)?;
    zone.zone = args.zone;
    zone.capacity = args.capacity;
    let mut bytes = [0; ZoneCreated::SIZE];
    ZoneCreated { zone: args.zone, capacity: args.capacity }.encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
