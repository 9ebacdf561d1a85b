//! Sets the program up, once. Governance and registry are the owners of the two accounts given, which must be at their
//! canonical addresses and name each other and this program.
use crate::{
    error::{arguments, require},
    generated::{initialize_accounts as at, ConfigInitialized, InitializeArgs, OracleError::WrongRegistry},
    state::{Config, RegistryConfig},
};
use campusgrid_sdk::{
    account::{self, load, same},
    cpi::{self, Create, SignerSeed},
    event, hash, loader, pda, state, Address, Ctx, Outcome,
};

#[inline(never)]
pub fn initialize(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(InitializeArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [payer, authority, config, program_data, council, registry_config, system] = ctx.take::<{ at::COUNT }>()?;
    loader::require_upgrade_authority(program_id, program_data, authority)?;

    let (governance, registry) = (council.owner(), registry_config.owner());
    pda::require_canonical(council, &[b"council"], &governance)?;
    account::load::<state::Council>(council, &governance)?;
    pda::require_canonical(registry_config, &[b"config"], &registry)?;
    let network_tag = {
        let record = load::<RegistryConfig>(registry_config, &registry)?;
        let names_us = same(&record.oracle_program, program_id);
        let same_council = same(&record.council, council.address()) && same(&record.governance_program, &governance);
        require(names_us && same_council, WrongRegistry)?;
        let [a, b, c, d, ..] = hash::sha256(&[b"campusgrid", &record.genesis_hash, program_id.as_array()]);
        require(record.network_tag == [a, b, c, d], WrongRegistry)?;
        record.network_tag
    };

    let bump = pda::require_canonical(config, &[b"config"], program_id)?;
    let bump_seed = [bump];
    let seeds = [SignerSeed::from(b"config"), SignerSeed::from(&bump_seed)];
    let size = core::mem::size_of::<Config>() as u64;
    cpi::create(&Create { payer, target: config, system, owner: program_id, size, seeds: &seeds })?;

    let mut record = account::init::<Config>(config, program_id, bump)?;
    record.governance_program = governance;
    record.council = *council.address();
    record.registry_program = registry;
    record.trading_program = Address::new_from_array(*args.trading_program);
    record.energy_token_program = Address::new_from_array(*args.energy_token_program);
    record.network_tag = network_tag;
    record.registry_config = *registry_config.address();
    record.set_oracles(args.threshold, &args.oracle_keys)?;

    let mut bytes = [0; ConfigInitialized::SIZE];
    ConfigInitialized {
        council: council.address().as_array(),
        registry_program: registry.as_array(),
        network_tag: &network_tag,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
