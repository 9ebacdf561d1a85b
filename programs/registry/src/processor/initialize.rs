//! Creates the configuration and the first user, an active admin.
use crate::{
    generated::{ConfigCreated, InitializeArgs, UserRegistered, ROLE_ADMIN, USER_ACTIVE},
    processor::register_user::create_user,
    state::Config,
};
use campusgrid_sdk::{
    account::{self, as_address},
    cpi::{self, Create, SignerSeed},
    event, fault, hash, loader, pda, require_signer, sysvar, Ctx, Fault, Outcome,
};
use core::mem::size_of;

#[inline(never)]
pub fn initialize(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let args = InitializeArgs::parse(ctx.data).ok_or(Fault::BAD_ARGUMENTS)?;
    let [upgrade_authority, payer, program_data, config_view, council, admin, admin_user, system] = ctx.take()?;
    loader::require_upgrade_authority(program_id, program_data, upgrade_authority)?;
    require_signer(admin)?;
    let governance_program = as_address(args.governance_program);
    let bump = pda::require_canonical(config_view, &[b"config"], program_id)?;
    pda::require_canonical(council, &[b"council"], governance_program)?;
    let now_s = sysvar::now_s()?;
    let digest = hash::sha256(&[b"campusgrid", args.genesis_hash, args.oracle_program]);
    let network_tag = [digest[0], digest[1], digest[2], digest[3]];

    let seeds = [SignerSeed::from(b"config"), SignerSeed::from(core::slice::from_ref(&bump))];
    cpi::create(&Create {
        payer,
        target: config_view,
        system,
        owner: program_id,
        size: size_of::<Config>() as u64,
        seeds: &seeds,
    })?;
    let mut config = account::init::<Config>(config_view, program_id, bump)?;
    config.governance_program = *governance_program;
    config.council = *council.address();
    config.oracle_program = *as_address(args.oracle_program);
    config.genesis_hash = *args.genesis_hash;
    config.network_tag = network_tag;
    config.user_count = 1;
    drop(config);

    let mut user = create_user(payer, admin, admin_user, system, program_id)?;
    user.role = ROLE_ADMIN;
    user.status = USER_ACTIVE;
    user.user_number = 1;
    user.personal_hash = *args.personal_hash;
    user.registered_at = now_s;
    user.updated_at = now_s;

    let mut bytes = [0; ConfigCreated::SIZE];
    ConfigCreated {
        governance_program: args.governance_program,
        oracle_program: args.oracle_program,
        network_tag: &network_tag,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    let mut bytes = [0; UserRegistered::SIZE];
    UserRegistered {
        wallet: admin.address().as_array(),
        user_number: 1,
        role: ROLE_ADMIN,
        status: USER_ACTIVE,
        authority: upgrade_authority.address().as_array(),
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
