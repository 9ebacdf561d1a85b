//! Sets the program up, once: the configuration, the GRID mint and the vault.
use crate::{
    error::{arguments, require},
    generated::{initialize_accounts as at, EnergyTokenError::SiblingsNotDistinct, InitializeArgs, Initialized, DECIMALS},
    state::Config,
};
use campusgrid_sdk::{
    account,
    cpi::{self, Create, SignerSeed},
    event, loader, pda, Address, Ctx, Outcome,
};

#[inline(never)]
pub fn initialize(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(InitializeArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [upgrade_authority, payer, program_data, config, mint, vault, authority, council, trading_authority, market_grid_vault, token_program, system] =
        ctx.take::<{ at::COUNT }>()?;
    loader::require_upgrade_authority(program_id, program_data, upgrade_authority)?;
    let governance = Address::new_from_array(*args.governance_program);
    let registry = Address::new_from_array(*args.registry_program);
    let oracle = Address::new_from_array(*args.oracle_program);
    let trading = Address::new_from_array(*args.trading_program);
    require_distinct(&[program_id, &governance, &registry, &oracle, &trading])?;

    let config_bump = pda::require_canonical(config, &[b"config"], program_id)?;
    let mint_bump = pda::require_canonical(mint, &[b"mint"], program_id)?;
    let vault_bump = pda::require_canonical(vault, &[b"vault"], program_id)?;
    let authority_bump = pda::require_canonical(authority, &[b"authority"], program_id)?;
    pda::require_canonical(council, &[b"council"], &governance)?;
    pda::require_canonical(trading_authority, &[b"authority"], &trading)?;
    pda::require_canonical(market_grid_vault, &[b"grid_vault"], &trading)?;

    let create = |target, owner, size, name: &[u8], bump: u8| {
        let bump = [bump];
        let seeds = [SignerSeed::from(name), SignerSeed::from(&bump)];
        cpi::create(&Create { payer, target, system, owner, size, seeds: &seeds })
    };
    create(config, program_id, core::mem::size_of::<Config>() as u64, b"config", config_bump)?;
    create(mint, &cpi::TOKEN, cpi::MINT_SIZE, b"mint", mint_bump)?;
    create(vault, &cpi::TOKEN, cpi::TOKEN_ACCOUNT_SIZE, b"vault", vault_bump)?;
    cpi::token_init_mint(mint, token_program, DECIMALS, (authority.address(), Some(authority.address())))?;
    cpi::token_init_account(vault, mint, token_program, authority.address())?;

    let mut record = account::init::<Config>(config, program_id, config_bump)?;
    record.authority_bump = authority_bump;
    record.mint_bump = mint_bump;
    record.vault_bump = vault_bump;
    record.governance_program = governance;
    record.council = *council.address();
    record.registry_program = registry;
    record.oracle_program = oracle;
    record.trading_program = trading;
    record.mint = *mint.address();
    record.vault = *vault.address();
    record.authority = *authority.address();
    record.trading_authority = *trading_authority.address();
    record.trading_grid_vault = *market_grid_vault.address();

    let mut bytes = [0; Initialized::SIZE];
    Initialized {
        governance_program: args.governance_program,
        registry_program: args.registry_program,
        oracle_program: args.oracle_program,
        trading_program: args.trading_program,
        mint: mint.address().as_array(),
        vault: vault.address().as_array(),
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}

/// One program in two roles could approve itself. Errors: `SiblingsNotDistinct`.
#[inline(always)]
fn require_distinct(programs: &[&Address; 5]) -> Outcome {
    for (index, program) in programs.iter().enumerate() {
        for other in programs.iter().skip(index + 1) {
            require(!account::same(program, other), SiblingsNotDistinct)?;
        }
    }
    Ok(())
}
