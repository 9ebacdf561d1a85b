//! Gives a zone its ledger, once, and binds that to the slab which the oracle has for the zone.
use crate::{
    error::{arguments, require},
    generated::{
        create_zone_accounts as at, CreateZoneArgs,
        EnergyTokenError::{NotAdmin, WrongOracleZone, WrongSlab, WrongUser, ZoneExists},
        ZoneCreated, NO_ROW, ROW_CAPACITY,
    },
    state::{Config, Ledger, MeterSlab, OracleZone, Zone},
};
use campusgrid_sdk::{
    account::{self, load, load_mut, same},
    cpi::{self, Create, SignerSeed},
    event, math, pda, require_signer,
    state::{Role, User},
    Ctx, Outcome,
};

#[inline(never)]
pub fn create_zone(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(CreateZoneArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [admin, payer, admin_user, config, oracle_zone, slab, ledger, zone_account, system] = ctx.take::<{ at::COUNT }>()?;
    require_signer(admin)?;
    let config_address = *config.address();
    let mut config = load_mut::<Config>(config, program_id)?;
    {
        let user = load::<User>(admin_user, &config.registry_program)?;
        require(same(&user.wallet, admin.address()), WrongUser)?;
        require(user.role == Role::Admin as u8 && user.is_active(), NotAdmin)?;
        // The oracle makes one zone record of each number and names one slab in it, for ever.
        let oracle_zone = load::<OracleZone>(oracle_zone, &config.oracle_program)?;
        require(oracle_zone.zone == args.zone, WrongOracleZone)?;
        require(same(&oracle_zone.slab, slab.address()), WrongSlab)?;
        let slab = load::<MeterSlab>(slab, &config.oracle_program)?;
        require(slab.zone == args.zone, WrongSlab)?;
    }
    let number = args.zone.to_le_bytes();
    let bump = pda::require_canonical(zone_account, &[b"zone", &number], program_id)?;
    require(zone_account.is_data_empty(), ZoneExists)?;
    account::require_rent_exempt(ledger)?;

    let bump_seed = [bump];
    let seeds = [SignerSeed::from(b"zone"), SignerSeed::from(&number), SignerSeed::from(&bump_seed)];
    let size = core::mem::size_of::<Zone>() as u64;
    cpi::create(&Create { payer, target: zone_account, system, owner: program_id, size, seeds: &seeds })?;
    config.zone_count = math::add(config.zone_count as u64, 1)? as u16;

    let mut zone = account::init::<Zone>(zone_account, program_id, bump)?;
    zone.zone = args.zone;
    zone.ledger = *ledger.address();
    zone.slab = *slab.address();

    let ledger_address = *ledger.address();
    let mut record = account::init::<Ledger>(ledger, program_id, 0)?;
    record.zone = args.zone;
    record.row_capacity = ROW_CAPACITY;
    record.slab = *slab.address();
    record.config = config_address;
    for meter in record.meters.iter_mut() {
        meter.row = NO_ROW;
    }

    let mut bytes = [0; ZoneCreated::SIZE];
    ZoneCreated { zone: args.zone, ledger: ledger_address.as_array(), slab: slab.address().as_array() }.encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
