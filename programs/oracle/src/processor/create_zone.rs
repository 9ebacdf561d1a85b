//! Gives a zone its slab and its roots, once. The Zone account is what makes the slab the zone's for ever.
use crate::{
    error::{arguments, require},
    generated::{
        create_zone_accounts as at, CreateZoneArgs, OracleError::InvalidNetMode, ZoneCreated, RING_LEN, SLOT_COUNT,
    },
    processor::{create, require_admin, Part},
    state::{Config, MeterSlab, RootRing, Zone},
};
use campusgrid_sdk::{
    account::{self, load},
    event, Ctx, Outcome,
};

#[inline(never)]
pub fn create_zone(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(CreateZoneArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [payer, admin, admin_user, config, slab, zone, roots, system] = ctx.take::<{ at::COUNT }>()?;
    require(args.net_mode <= 1, InvalidNetMode)?;
    let config_address = *config.address();
    let (network_tag, registry_program) = {
        let config = load::<Config>(config, program_id)?;
        require_admin(admin, admin_user, &config)?;
        (config.network_tag, config.registry_program)
    };
    let number = args.zone.to_le_bytes();
    let zone_size = core::mem::size_of::<Zone>() as u64;
    let zone_bump = create(&Part { payer, system, program_id, key: &number, name: b"zone", size: zone_size }, zone)?;
    let roots_size = core::mem::size_of::<RootRing>() as u64;
    let roots_bump = create(&Part { payer, system, program_id, key: &number, name: b"roots", size: roots_size }, roots)?;

    account::require_rent_exempt(slab)?;
    {
        let mut slab = account::init::<MeterSlab>(slab, program_id, 0)?;
        slab.zone = args.zone;
        slab.slot_count = SLOT_COUNT;
        slab.net_mode = args.net_mode;
        slab.network_tag = network_tag;
        slab.roots = *roots.address();
        slab.registry_program = registry_program;
        slab.config = config_address;
    }
    {
        let mut zone = account::init::<Zone>(zone, program_id, zone_bump)?;
        zone.zone = args.zone;
        zone.net_mode = args.net_mode;
        zone.slab = *slab.address();
        zone.roots = *roots.address();
    }
    {
        let mut ring = account::init::<RootRing>(roots, program_id, roots_bump)?;
        ring.zone = args.zone;
        ring.ring_len = RING_LEN;
        ring.slab = *slab.address();
    }

    let mut bytes = [0; ZoneCreated::SIZE];
    ZoneCreated {
        zone: args.zone,
        net_mode: args.net_mode,
        slab: slab.address().as_array(),
        roots: roots.address().as_array(),
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
