//! Adds a validator to the register, or removes it.
use crate::{
    change::Change,
    decision,
    generated::{GovernanceError, ValidatorChanged, VALIDATOR_ACTIVE, VALIDATOR_REMOVED},
    state::Validator,
};
use campusgrid_sdk::{
    account::{self, as_address, same},
    cpi::{self, Create, SignerSeed},
    event, fault, load, load_mut, pda,
    state::Council,
    AccountView, Address, Ctx, Fault, Outcome,
};
use core::mem::size_of;

#[inline(never)]
pub fn execute_validator(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let [executor, payer, council_view, proposal_view, validator_view, system] = ctx.take()?;
    let proposal = decision::take(executor, &*load::<Council>(council_view, program_id)?, proposal_view, program_id)?;
    let (identity, vote_account) = match Change::parse(proposal.kind, proposal.payload()?)? {
        Change::AddValidator { identity, vote_account } => (identity, Some(vote_account)),
        Change::RemoveValidator { identity } => (identity, None),
        _ => return Err(GovernanceError::BadKind.into()),
    };
    if vote_account.is_some() && validator_view.is_data_empty() {
        create(payer, validator_view, system, identity, program_id)?;
    }
    let mut validator = load_mut::<Validator>(validator_view, program_id)?;
    if !same(&validator.identity, as_address(identity)) {
        return Err(Fault::WRONG_SEEDS);
    }
    let wanted = if vote_account.is_some() { VALIDATOR_ACTIVE } else { VALIDATOR_REMOVED };
    // A new account has neither status; one that exists is the other one's successor alone.
    if validator.status == wanted {
        return Err(GovernanceError::ValidatorUnchanged.into());
    }
    validator.status = wanted;
    validator.proposal_id = proposal.id;
    match vote_account {
        Some(vote_account) => {
            validator.vote_account = *as_address(vote_account);
            validator.added_at = proposal.closed_at;
        }
        None => validator.removed_at = proposal.closed_at,
    }
    let mut bytes = [0; ValidatorChanged::SIZE];
    ValidatorChanged { identity, vote_account: validator.vote_account.as_array(), status: wanted }.encode(&mut bytes);
    event::emit(&bytes);
    decision::announce(proposal.id, proposal.kind, executor);
    Ok(())
}

#[inline(always)]
fn create(
    payer: &AccountView,
    validator_view: &mut AccountView,
    system: &AccountView,
    identity: &[u8; 32],
    program_id: &Address,
) -> Outcome {
    let bump = pda::require_canonical(validator_view, &[b"validator", identity], program_id)?;
    let seeds = [
        SignerSeed::from(b"validator"),
        SignerSeed::from(identity),
        SignerSeed::from(core::slice::from_ref(&bump)),
    ];
    cpi::create(&Create {
        payer,
        target: validator_view,
        system,
        owner: program_id,
        size: size_of::<Validator>() as u64,
        seeds: &seeds,
    })?;
    let mut validator = account::init::<Validator>(validator_view, program_id, bump)?;
    validator.identity = *as_address(identity);
    Ok(())
}
