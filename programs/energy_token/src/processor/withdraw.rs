//! Gives GRID out of the owner's row into the owner's wallet. No pause is asked for: what is paid out cannot be held.
use super::wallet_account::{is_restricted, WalletAccount};
use crate::{
    error::{arguments, require},
    generated::{withdraw_accounts as at, EnergyTokenError::ZeroAmount, WithdrawArgs, Withdrawn},
    state::{as_authority, Config, Ledger},
};
use campusgrid_sdk::{
    account::{load_mut, require_address},
    event, require_signer, Atoms, Ctx, Outcome,
};

#[inline(never)]
pub fn withdraw(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(WithdrawArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [owner, council, config, ledger, vault, token_account, mint, authority, user, token_program] =
        ctx.take::<{ at::COUNT }>()?;
    require_signer(owner)?;
    let mut config = load_mut::<Config>(config, program_id)?;
    let restricted = is_restricted(&*config.council(council)?);
    require_address(mint, &config.mint)?;
    config.require_vault_and_authority(vault, authority)?;
    require(args.amount_atoms != 0, ZeroAmount)?;
    let amount = Atoms(args.amount_atoms);
    let wallet = WalletAccount::new((token_account, mint, authority, token_program), restricted);
    let wallet = WalletAccount::check(&config, owner.address(), user, wallet, true)?;
    let mut ledger = load_mut::<Ledger>(ledger, program_id)?;

    let balance_atoms = ledger.debit(args.row, owner.address(), amount)?;
    config.lose(amount)?;
    as_authority(config.authority_bump, |signer| {
        wallet.transfer::<true>(amount, (&*vault, &*authority), signer, signer)
    })?;
    config.require_backed(vault)?;

    let mut bytes = [0; Withdrawn::SIZE];
    Withdrawn {
        zone: ledger.zone,
        seq: ledger.next_seq(),
        row: args.row,
        token_account: token_account.address().as_array(),
        amount_atoms: args.amount_atoms,
        balance_atoms,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
