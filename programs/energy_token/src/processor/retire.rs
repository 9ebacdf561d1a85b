//! Burns GRID of the owner's row for good, and says in a certificate for whom and what stands behind it.
use crate::{
    error::{arguments, require},
    generated::{
        retire_accounts as at,
        EnergyTokenError::{BadIntervals, Paused, WrongRoots, ZeroAmount},
        RetireArgs, Retired,
    },
    state::{as_authority, Config, Ledger, RootRing},
};
use campusgrid_sdk::{
    account::{load, load_mut, require_address, same},
    cpi::{self, TokenMove},
    event, math, require_signer,
    state::Pause,
    sysvar, Atoms, Ctx, Outcome,
};

#[inline(never)]
pub fn retire(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(RetireArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [owner, council, config, ledger, roots, mint, vault, authority, token_program] =
        ctx.take::<{ at::COUNT }>()?;
    require_signer(owner)?;
    let mut config = load_mut::<Config>(config, program_id)?;
    config.council(council)?.require_running(Pause::MintSettle, Paused.into())?;
    require_address(mint, &config.mint)?;
    config.require_vault_and_authority(vault, authority)?;
    require(args.amount_atoms != 0, ZeroAmount)?;
    let amount = Atoms(args.amount_atoms);
    let now_s = sysvar::now_s()?;
    let is_over = (i64::from(args.to_interval) + 1) * sysvar::INTERVAL_S <= now_s;
    require(args.from_interval <= args.to_interval && is_over, BadIntervals)?;
    let mut ledger = load_mut::<Ledger>(ledger, program_id)?;
    let root_seq = {
        let ring = load::<RootRing>(roots, &config.oracle_program)?;
        require(same(&ring.slab, &ledger.slab), WrongRoots)?;
        ring.next_seq
    };

    let balance_atoms = ledger.debit(args.row, owner.address(), amount)?;
    config.lose(amount)?;
    ledger.retired_atoms = math::add(ledger.retired_atoms, amount.0)?;
    // A part of the ledger's sum, which was checked.
    let row = ledger.row_of(args.row, owner.address())?;
    row.retired_atoms = row.retired_atoms.wrapping_add(amount.0);
    as_authority(config.authority_bump, |signer| {
        cpi::token_burn(&TokenMove { from: vault, to: mint, authority, token_program }, amount.0, signer)
    })?;
    config.require_backed(vault)?;

    let mut bytes = [0; Retired::SIZE];
    Retired {
        zone: ledger.zone,
        seq: ledger.next_seq(),
        row: args.row,
        wallet: owner.address().as_array(),
        amount_atoms: args.amount_atoms,
        from_interval: args.from_interval,
        to_interval: args.to_interval,
        beneficiary: args.beneficiary,
        roots: roots.address().as_array(),
        root_seq,
        campus_time: now_s,
        balance_atoms,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
