//! Takes GRID from the owner's wallet into the owner's row.
use super::wallet_account::{is_restricted, WalletAccount};
use crate::{
    error::{arguments, require},
    generated::{
        deposit_accounts as at, DepositArgs, Deposited,
        EnergyTokenError::{Paused, ZeroAmount},
    },
    state::{as_authority, Config, Ledger},
};
use campusgrid_sdk::{
    account::{load_mut, require_address},
    event, require_signer,
    state::Pause,
    Atoms, Ctx, Outcome,
};

#[inline(never)]
pub fn deposit(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(DepositArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [owner, council, config, ledger, vault, token_account, mint, authority, user, token_program] =
        ctx.take::<{ at::COUNT }>()?;
    require_signer(owner)?;
    let mut config = load_mut::<Config>(config, program_id)?;
    let restricted = {
        let council = config.council(council)?;
        council.require_running(Pause::Deposits, Paused.into())?;
        is_restricted(&council)
    };
    require_address(mint, &config.mint)?;
    config.require_vault_and_authority(vault, authority)?;
    require(args.amount_atoms != 0, ZeroAmount)?;
    let amount = Atoms(args.amount_atoms);
    let wallet = WalletAccount::new((token_account, mint, authority, token_program), restricted);
    let wallet = WalletAccount::check(&config, owner.address(), user, wallet, false)?;
    let mut ledger = load_mut::<Ledger>(ledger, program_id)?;

    let balance_atoms = ledger.credit(args.row, owner.address(), amount)?;
    config.gain(amount)?;
    as_authority(config.authority_bump, |signer| {
        // The owner's own signature moves it; ours is not passed on for that.
        wallet.transfer::<false>(amount, (&*vault, &*owner), signer, &[])
    })?;
    config.require_backed(vault)?;

    let mut bytes = [0; Deposited::SIZE];
    Deposited {
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
