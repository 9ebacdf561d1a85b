//! Makes a proposal and approves it for the proposer.
use crate::{
    change::Change,
    council::require_member,
    generated::{GovernanceError, ProposalCreated, ProposeArgs, MAX_PAYLOAD, STATUS_OPEN},
    state::Proposal,
};
use campusgrid_sdk::{
    account,
    cpi::{self, Create, SignerSeed},
    event, fault, load_mut, mem, pda,
    state::Council,
    sysvar, Ctx, Fault, Outcome,
};
use core::mem::size_of;

#[inline(never)]
pub fn propose(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let args = ProposeArgs::parse(ctx.data).ok_or(Fault::BAD_ARGUMENTS)?;
    let [proposer, payer, council_view, proposal_view, system] = ctx.take()?;
    let now_s = sysvar::now_s()?;
    let council_address = &council_view.address().clone();
    let mut council = load_mut::<Council>(council_view, program_id)?;
    let member = require_member(&council, proposer)?;
    let change = Change::parse(args.kind, args.payload)?;
    change.check(&council)?;
    if let Change::Call(call) = &change {
        call.check(program_id, council_address)?;
    }
    if args.payload.len() > MAX_PAYLOAD {
        return Err(GovernanceError::BadPayload.into());
    }
    let expires_at = now_s.checked_add(council.proposal_ttl_s as i64).ok_or(Fault::OVERFLOW)?;
    let id = council.proposal_count;
    let bump = pda::require_canonical(proposal_view, &[b"proposal", &id.to_le_bytes()], program_id)?;
    council.proposal_count = id.checked_add(1).ok_or(Fault::OVERFLOW)?;

    let id_bytes = id.to_le_bytes();
    let seeds =
        [SignerSeed::from(b"proposal"), SignerSeed::from(&id_bytes), SignerSeed::from(core::slice::from_ref(&bump))];
    cpi::create(&Create {
        payer,
        target: proposal_view,
        system,
        owner: program_id,
        size: size_of::<Proposal>() as u64,
        seeds: &seeds,
    })?;
    let mut proposal = account::init::<Proposal>(proposal_view, program_id, bump)?;
    proposal.kind = args.kind;
    proposal.status = STATUS_OPEN;
    proposal.council_epoch = council.council_epoch;
    proposal.id = id;
    proposal.approvals = 1 << member;
    proposal.class = change.class();
    proposal.payload_len = args.payload.len() as u16;
    proposal.created_at = now_s;
    proposal.expires_at = expires_at;
    proposal.proposer = *proposer.address();
    mem::copy(&mut proposal.payload, args.payload);
    proposal.update_eta(&council, now_s)?;

    let head = ProposalCreated {
        id,
        proposer: proposer.address().as_array(),
        council_epoch: council.council_epoch,
        kind: args.kind,
        eta: proposal.eta,
        expires_at,
    };
    let mut bytes = [0; ProposalCreated::HEAD + MAX_PAYLOAD];
    if let Some(mut writer) = head.begin(&mut bytes) {
        if let Some(room) = writer.room(args.payload.len()) {
            mem::copy(room, args.payload);
        }
        event::emit(writer.finish());
    }
    Ok(())
}
