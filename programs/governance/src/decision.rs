//! The moment at which an approved proposal takes effect: what every way of executing one checks first and says last.
use crate::{
    council::require_member,
    generated::{GovernanceError, ProposalExecuted, STATUS_EXECUTED},
    state::Proposal,
};
use campusgrid_sdk::{event, load_mut, state::Council, sysvar, AccountView, Address, Outcome, RefMut};

/// The proposal, from now on executed: the signing `executor` is a member, and it is open, of this epoch, approved, and
/// its time is here. A refusal afterwards undoes that with the whole transaction.
///
/// # Errors
/// `NOT_SIGNER`, `NotMember`, `NotOpen`, `StaleEpoch`, `ProposalExpired`, `BelowThreshold`, `TimelockActive`, and those of
/// loading a record.
#[inline(always)]
pub fn take<'v>(
    executor: &AccountView,
    council: &Council,
    proposal_view: &'v mut AccountView,
    program_id: &Address,
) -> Outcome<RefMut<'v, Proposal>> {
    require_member(council, executor)?;
    let now_s = sysvar::now_s()?;
    let mut proposal = load_mut::<Proposal>(proposal_view, program_id)?;
    proposal.require_live(council, now_s)?;
    if !proposal.is_approved(council) {
        return Err(GovernanceError::BelowThreshold.into());
    }
    if now_s < proposal.eta {
        return Err(GovernanceError::TimelockActive.into());
    }
    proposal.status = STATUS_EXECUTED;
    proposal.closed_at = now_s;
    Ok(proposal)
}

/// Say that it took effect.
#[inline(always)]
pub fn announce(id: u64, kind: u8, executor: &AccountView) {
    let mut bytes = [0; ProposalExecuted::SIZE];
    ProposalExecuted { id, kind, executor: executor.address().as_array() }.encode(&mut bytes);
    event::emit(&bytes);
}
