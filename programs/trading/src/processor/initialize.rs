//! Binds this program to its siblings and makes the vaults, once, by its upgrade authority.
use crate::{
    error::arguments,
    generated::{InitializeArgs, TradingError},
    processor::{AUTHORITY, CREDIT_VAULT, GRID_VAULT},
    state::Config,
};
use campusgrid_sdk::{
    account::{init, require_address, same},
    cpi::{create, token_init_account, Create, SignerSeed, TOKEN, TOKEN_ACCOUNT_SIZE},
    load,
    loader::require_upgrade_authority,
    pda,
    state::{mint_supply, Council},
    AccountView, Address, Ctx, Outcome,
};

const CONFIG: &[u8] = b"config";

#[inline(never)]
pub fn initialize(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(InitializeArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [upgrade_authority, payer, program_data, config_view, council, ledger_authority, ledger_vault, grid_mint, credit_mint, authority, grid_vault, credit_vault, token_program, system] =
        ctx.take::<14>()?;
    require_upgrade_authority(program_id, program_data, upgrade_authority)?;
    let governance = Address::new_from_array(*args.governance_program);
    let registry = Address::new_from_array(*args.registry_program);
    let energy_token = Address::new_from_array(*args.energy_token_program);
    for (one, other) in [(&governance, &registry), (&governance, &energy_token), (&registry, &energy_token)] {
        if same(one, other) || same(one, program_id) || same(other, program_id) {
            return Err(TradingError::SiblingsNotDistinct.into());
        }
    }
    pda::require_canonical(council, &[b"council"], &governance)?;
    require_address(credit_mint, &load::<Council>(council, &governance)?.credit_mint)?;
    pda::require_canonical(ledger_authority, &[b"authority"], &energy_token)?;
    pda::require_canonical(ledger_vault, &[b"vault"], &energy_token)?;
    pda::require_canonical(grid_mint, &[b"mint"], &energy_token)?;
    mint_supply(grid_mint)?;
    mint_supply(credit_mint)?;
    let authority_bump = pda::require_canonical(authority, &[AUTHORITY], program_id)?;
    let bump = [pda::require_canonical(config_view, &[CONFIG], program_id)?];

    create(&Create {
        payer,
        target: config_view,
        system,
        owner: program_id,
        size: core::mem::size_of::<Config>() as u64,
        seeds: &[SignerSeed::from(CONFIG), SignerSeed::from(&bump)],
    })?;
    let payment = Payment { payer, system, token_program, owner: authority.address(), program_id };
    let grid_vault_bump = make_vault(&payment, grid_vault, grid_mint, GRID_VAULT)?;
    let credit_vault_bump = make_vault(&payment, credit_vault, credit_mint, CREDIT_VAULT)?;

    let mut config = init::<Config>(config_view, program_id, bump[0])?;
    config.authority_bump = authority_bump;
    config.grid_vault_bump = grid_vault_bump;
    config.credit_vault_bump = credit_vault_bump;
    config.governance_program = governance;
    config.council = *council.address();
    config.registry_program = registry;
    config.energy_token_program = energy_token;
    config.energy_token_authority = *ledger_authority.address();
    config.energy_token_vault = *ledger_vault.address();
    config.grid_mint = *grid_mint.address();
    config.credit_mint = *credit_mint.address();
    config.authority = *authority.address();
    config.grid_vault = *grid_vault.address();
    config.credit_vault = *credit_vault.address();
    Ok(())
}

/// Who pays for a vault and whose it will be.
struct Payment<'a> {
    payer: &'a AccountView,
    system: &'a AccountView,
    token_program: &'a AccountView,
    owner: &'a Address,
    program_id: &'a Address,
}

/// Make the token account at PDA [`seed`]; returns its bump.
#[inline(always)]
fn make_vault(payment: &Payment<'_>, vault: &AccountView, mint: &AccountView, seed: &[u8]) -> Outcome<u8> {
    let bump = [pda::require_canonical(vault, &[seed], payment.program_id)?];
    create(&Create {
        payer: payment.payer,
        target: vault,
        system: payment.system,
        owner: &TOKEN,
        size: TOKEN_ACCOUNT_SIZE,
        seeds: &[SignerSeed::from(seed), SignerSeed::from(&bump)],
    })?;
    token_init_account(vault, mint, payment.token_program, payment.owner)?;
    Ok(bump[0])
}
