//! Calls another program as the council decided: its data and its accounts are those of the payload, byte for byte.
use crate::{
    change::{Call, Change},
    decision,
    generated::{GovernanceError, CALL_SIGNER, CALL_WRITABLE, MAX_CALL_ACCOUNTS, MAX_PAYLOAD},
};
use campusgrid_sdk::{
    account::{as_address, require_address},
    cpi::{self, CallAccount, SignerSeed, SignerSeeds},
    fault, load, mem,
    state::Council,
    Ctx, Fault, Outcome,
};

#[inline(never)]
pub fn execute_call(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let [executor, council_view, proposal_view, program, accounts @ ..] = &mut *ctx.accounts else {
        return Err(Fault::NOT_ENOUGH_ACCOUNTS);
    };
    let council = load::<Council>(council_view, program_id)?;
    let proposal = decision::take(executor, &council, proposal_view, program_id)?;
    let (id, kind, council_bump) = (proposal.id, proposal.kind, council.bump);
    drop(council);
    // The callee may be given the proposal and the council, so nothing of them stays borrowed: the payload is copied.
    let payload = ctx.scratch.get_mut(..MAX_PAYLOAD).ok_or(Fault::INVALID_ARGUMENT)?;
    mem::copy(payload, proposal.payload()?);
    let payload = payload.get(..proposal.payload_len as usize).ok_or(GovernanceError::BadPayload)?;
    drop(proposal);
    let Change::Call(call) = Change::parse(kind, payload)? else {
        return Err(GovernanceError::BadKind.into());
    };
    call.check(program_id, council_view.address())?;
    let Call { program: wanted, accounts: listed, flags, data } = call;
    require_address(program, as_address(wanted))?;
    if accounts.len() != listed.len() {
        return Err(GovernanceError::BadCall.into());
    }
    let mut metas = [const { CallAccount::readonly(&cpi::SYSTEM) }; MAX_CALL_ACCOUNTS];
    for ((i, flags), meta) in flags.iter().enumerate().zip(metas.iter_mut()) {
        let (Some(view), Some(key)) = (accounts.get(i), listed.at(i)) else {
            return Err(GovernanceError::BadCall.into());
        };
        require_address(view, as_address(key))?;
        *meta = CallAccount::new(view.address(), flags & CALL_WRITABLE != 0, flags & CALL_SIGNER != 0);
    }
    let metas = metas.get(..accounts.len()).ok_or(GovernanceError::BadCall)?;
    let seeds = [SignerSeed::from(b"council"), SignerSeed::from(core::slice::from_ref(&council_bump))];
    cpi::call_slice(program.address(), metas, accounts, data, &[SignerSeeds::from(&seeds)])?;
    decision::announce(id, kind, executor);
    Ok(())
}
