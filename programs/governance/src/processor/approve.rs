//! Adds a member's approval to a proposal, or takes it back.
use crate::{
    council::require_member,
    generated::{GovernanceError, ProposalApproved, ProposalRevoked},
    state::Proposal,
};
use campusgrid_sdk::{event, fault, load, load_mut, state::Council, sysvar, Ctx, Outcome};

#[inline(never)]
pub fn approve(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process_approve(ctx))
}

#[inline(never)]
pub fn revoke(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process_revoke(ctx))
}

#[inline(always)]
fn process_approve(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let [member, council_view, proposal_view] = ctx.take()?;
    let council = load::<Council>(council_view, program_id)?;
    let bit = 1u16 << require_member(&council, member)?;
    let now_s = sysvar::now_s()?;
    let mut proposal = load_mut::<Proposal>(proposal_view, program_id)?;
    proposal.require_live(&council, now_s)?;
    if proposal.approvals & bit != 0 {
        return Err(GovernanceError::AlreadyApproved.into());
    }
    proposal.approvals |= bit;
    proposal.update_eta(&council, now_s)?;
    let mut bytes = [0; ProposalApproved::SIZE];
    ProposalApproved {
        id: proposal.id,
        member: member.address().as_array(),
        approvals: proposal.approvals,
        eta: proposal.eta,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}

#[inline(always)]
fn process_revoke(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let [member, council_view, proposal_view] = ctx.take()?;
    let council = load::<Council>(council_view, program_id)?;
    let bit = 1u16 << require_member(&council, member)?;
    let now_s = sysvar::now_s()?;
    let mut proposal = load_mut::<Proposal>(proposal_view, program_id)?;
    proposal.require_live(&council, now_s)?;
    if proposal.approvals & bit == 0 {
        return Err(GovernanceError::NotApproved.into());
    }
    proposal.approvals &= !bit;
    proposal.update_eta(&council, now_s)?;
    let mut bytes = [0; ProposalRevoked::SIZE];
    ProposalRevoked {
        id: proposal.id,
        member: member.address().as_array(),
        approvals: proposal.approvals,
        eta: proposal.eta,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
