//! Ends a proposal at its proposer's wish.
use crate::{
    generated::{GovernanceError, ProposalCancelled, STATUS_CANCELLED},
    state::Proposal,
};
use campusgrid_sdk::{account::same, event, fault, load_mut, require_signer, sysvar, Ctx, Outcome};

#[inline(never)]
pub fn cancel(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let [proposer, proposal_view] = ctx.take()?;
    require_signer(proposer)?;
    let mut proposal = load_mut::<Proposal>(proposal_view, program_id)?;
    proposal.require_open()?;
    if !same(&proposal.proposer, proposer.address()) {
        return Err(GovernanceError::NotProposer.into());
    }
    proposal.status = STATUS_CANCELLED;
    proposal.closed_at = sysvar::now_s()?;
    let mut bytes = [0; ProposalCancelled::SIZE];
    ProposalCancelled { id: proposal.id }.encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
