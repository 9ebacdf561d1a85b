//! Lets an approved proposal take effect.
use crate::{
    change::Change,
    council::{put_guardians, put_members},
    decision,
    generated::{
        CreditIssued, GovernanceError, GuardiansChanged, List, MembersChanged, ParamChanged, Resumed, MAX_GUARDIANS,
        MAX_MEMBERS,
    },
};
use campusgrid_sdk::{
    account::{self, as_address, same},
    cpi::{self, SignerSeed, SignerSeeds, TokenMove},
    event, fault, load_mut,
    state::Council,
    AccountView, Ctx, Fault, Outcome,
};

#[inline(never)]
pub fn execute(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let [executor, council_view, proposal_view, treasury_accounts @ ..] = &mut *ctx.accounts else {
        return Err(Fault::NOT_ENOUGH_ACCOUNTS);
    };
    let mut council = load_mut::<Council>(council_view, program_id)?;
    let proposal = decision::take(executor, &council, proposal_view, program_id)?;

    let change = Change::parse(proposal.kind, proposal.payload()?)?;
    change.check(&council)?;
    match change {
        Change::SetParam { id, value } => set_param(&mut council, id, value)?,
        Change::SetMembers { threshold, members } => set_members(&mut council, threshold, &members)?,
        Change::SetGuardians { guardians } => set_guardians(&mut council, &guardians),
        Change::IssueCredit { token_account, amount_ucredit } => {
            issue_credit(&council, treasury_accounts, token_account, amount_ucredit)?
        }
        // Those that have an instruction of their own.
        Change::AddValidator { .. } | Change::RemoveValidator { .. } | Change::ApproveUpgrade { .. } | Change::Call(_) => {
            return Err(GovernanceError::BadKind.into())
        }
        Change::Resume { mask } => resume(&mut council, mask, proposal.created_at, proposal.closed_at)?,
    }
    decision::announce(proposal.id, proposal.kind, executor);
    Ok(())
}

#[inline(always)]
fn set_param(council: &mut Council, id: u8, value: u64) -> Outcome {
    let param = council.params.get_mut(id as usize).ok_or(GovernanceError::BadParam)?;
    let mut bytes = [0; ParamChanged::SIZE];
    ParamChanged { id, old_value: param.value, new_value: value }.encode(&mut bytes);
    param.value = value;
    event::emit(&bytes);
    Ok(())
}

/// The new epoch is what kills the older proposals, this one's copies included.
#[inline(always)]
fn set_members(council: &mut Council, threshold: u8, members: &List<'_, 32>) -> Outcome {
    put_members(council, members, threshold);
    council.council_epoch = council.council_epoch.checked_add(1).ok_or(Fault::OVERFLOW)?;
    let mut bytes = [0; MembersChanged::HEAD + MAX_MEMBERS * MembersChanged::ITEM];
    if let Some(mut writer) = (MembersChanged { council_epoch: council.council_epoch, threshold }).begin(&mut bytes) {
        let mut i = 0;
        while let Some(member) = members.at(i) {
            if let Some(room) = writer.next() {
                *room = *member;
            }
            i += 1;
        }
        event::emit(writer.finish());
    }
    Ok(())
}

/// New guardians start without a waiting time: the old ones may have used it up on purpose.
#[inline(always)]
fn set_guardians(council: &mut Council, guardians: &List<'_, 32>) {
    put_guardians(council, guardians);
    council.stop_allowed_at = 0;
    let mut bytes = [0; GuardiansChanged::HEAD + MAX_GUARDIANS * GuardiansChanged::ITEM];
    if let Some(mut writer) = (GuardiansChanged {}).begin(&mut bytes) {
        let mut i = 0;
        while let Some(guardian) = guardians.at(i) {
            if let Some(room) = writer.next() {
                *room = *guardian;
            }
            i += 1;
        }
        event::emit(writer.finish());
    }
}

#[inline(always)]
fn issue_credit(council: &Council, accounts: &[AccountView], token_account: &[u8; 32], amount_ucredit: u64) -> Outcome {
    let [credit_mint, credit_account, treasury, token_program, ..] = accounts else {
        return Err(Fault::NOT_ENOUGH_ACCOUNTS);
    };
    account::require_address(credit_mint, &council.credit_mint)?;
    if !same(credit_account.address(), as_address(token_account)) {
        return Err(Fault::WRONG_ADDRESS);
    }
    // The runtime refuses a treasury account that is not at the address of these seeds.
    let seeds = [SignerSeed::from(b"treasury"), SignerSeed::from(core::slice::from_ref(&council.treasury_bump))];
    let mint = TokenMove { from: credit_mint, to: credit_account, authority: treasury, token_program };
    cpi::token_mint_to(&mint, amount_ucredit, &[SignerSeeds::from(&seeds)])?;
    let mut bytes = [0; CreditIssued::SIZE];
    CreditIssued { token_account, amount_ucredit }.encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}

/// A proposal from before the stop is about another one, or none: kept ready, it would end any stop at once.
#[inline(always)]
fn resume(council: &mut Council, mask: u8, proposed_at: i64, now_s: i64) -> Outcome {
    let stopped_at = council.pause_until.wrapping_sub(council.stop_length_s as i64);
    if now_s >= council.pause_until || council.pause_mask & mask == 0 || proposed_at < stopped_at {
        return Err(GovernanceError::NotPaused.into());
    }
    council.resumed_mask |= council.pause_mask & mask;
    council.pause_mask &= !mask;
    if council.pause_mask == 0 {
        council.pause_until = 0;
    }
    let mut bytes = [0; Resumed::SIZE];
    Resumed { pause_mask: council.pause_mask, pause_until: council.pause_until }.encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
