//! Moves GRID between two rows; the vault holds both, so no token moves.
use super::wallet_account::{is_restricted, require_active};
use crate::{
    error::{arguments, require},
    generated::{
        transfer_accounts as at,
        EnergyTokenError::{Paused, SameRow, UserInactive, ZeroAmount},
        TransferArgs, Transferred,
    },
    state::{Config, Ledger},
};
use campusgrid_sdk::{
    account::{load, load_mut, same},
    event, require_signer,
    state::{Pause, User},
    Atoms, Ctx, Outcome,
};

#[inline(never)]
pub fn transfer(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(TransferArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [owner, council, config, from_ledger, to_ledger, to_user, from_user] = ctx.take::<{ at::COUNT }>()?;
    require_signer(owner)?;
    let config = load::<Config>(config, program_id)?;
    let restricted = {
        let council = config.council(council)?;
        council.require_running(Pause::Deposits, Paused.into())?;
        is_restricted(&council)
    };
    if restricted {
        require_active(&config, owner.address(), from_user)?;
    }
    let receiver = load::<User>(to_user, &config.registry_program)?;
    require(receiver.is_active(), UserInactive)?;
    require(args.amount_atoms != 0, ZeroAmount)?;
    let amount = Atoms(args.amount_atoms);
    let within_one = same(from_ledger.address(), to_ledger.address());
    require(!(within_one && args.from_row == args.to_row), SameRow)?;

    // Both slots may hold the same account, so the first is let go before the second is taken.
    let (from_zone, from_seq, from_balance_atoms) = {
        let mut from = load_mut::<Ledger>(from_ledger, program_id)?;
        let balance = from.debit(args.from_row, owner.address(), amount)?;
        (from.zone, from.next_seq(), balance)
    };
    let mut to = load_mut::<Ledger>(to_ledger, program_id)?;
    let to_balance_atoms = to.credit(args.to_row, &receiver.wallet, amount)?;
    let to_seq = if within_one { from_seq } else { to.next_seq() };

    let mut bytes = [0; Transferred::SIZE];
    Transferred {
        from_zone,
        from_seq,
        from_row: args.from_row,
        to_zone: to.zone,
        to_seq,
        to_row: args.to_row,
        amount_atoms: args.amount_atoms,
        from_balance_atoms,
        to_balance_atoms,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
