//! What a proposal would change: read from its payload, and checked against the council as it stands.
use crate::{
    council,
    generated::{
        GovernanceError, List, Reader, CALL_SIGNER, CALL_WRITABLE, CLASS_MEMBERS, CLASS_NONE, CLASS_PARAMS, CLASS_TREASURY,
        CLASS_UPGRADE, KIND_ADD_VALIDATOR, KIND_APPROVE_UPGRADE, KIND_CALL, KIND_ISSUE_CREDIT, KIND_REMOVE_VALIDATOR,
        KIND_RESUME, KIND_SET_GUARDIANS, KIND_SET_MEMBERS, KIND_SET_PARAM, MAX_CALL_ACCOUNTS, PAUSE_ALL,
    },
};
use campusgrid_sdk::{
    account::{as_address, same},
    state::Council,
    Address, Outcome,
};

/// A decision of the council.
pub enum Change<'a> {
    /// Give a parameter another value.
    SetParam { id: u8, value: u64 },
    /// Replace the members.
    SetMembers { threshold: u8, members: List<'a, 32> },
    /// Replace the guardians.
    SetGuardians { guardians: List<'a, 32> },
    /// Mint CREDIT.
    IssueCredit { token_account: &'a [u8; 32], amount_ucredit: u64 },
    /// End a pause, or parts of it.
    Resume { mask: u8 },
    /// Let a validator take part.
    AddValidator { identity: &'a [u8; 32], vote_account: &'a [u8; 32] },
    /// Let a validator take part no longer.
    RemoveValidator { identity: &'a [u8; 32] },
    /// Replace a program's code.
    ApproveUpgrade { program: &'a [u8; 32], buffer: &'a [u8; 32], spill: &'a [u8; 32], code_sha256: &'a [u8; 32] },
    /// Call another program.
    Call(Call<'a>),
}

/// A call of another program: address and flags of each account, and the data.
pub struct Call<'a> {
    pub program: &'a [u8; 32],
    pub accounts: List<'a, 32>,
    pub flags: &'a [u8],
    pub data: &'a [u8],
}

impl<'a> Change<'a> {
    /// Read a payload. Errors: `BadKind`, `BadPayload`.
    #[inline(always)]
    pub fn parse(kind: u8, payload: &'a [u8]) -> Outcome<Change<'a>> {
        if kind > KIND_CALL {
            return Err(GovernanceError::BadKind.into());
        }
        Self::read(kind, payload).ok_or(GovernanceError::BadPayload.into())
    }

    #[inline(always)]
    fn read(kind: u8, payload: &'a [u8]) -> Option<Change<'a>> {
        let mut reader = Reader::new(payload);
        let change = match kind {
            KIND_SET_PARAM => {
                let [id] = *reader.take::<1>()?;
                Change::SetParam { id, value: u64::from_le_bytes(*reader.take::<8>()?) }
            }
            KIND_SET_MEMBERS => {
                let [threshold] = *reader.take::<1>()?;
                Change::SetMembers { threshold, members: reader.list::<32>()? }
            }
            KIND_SET_GUARDIANS => Change::SetGuardians { guardians: reader.list::<32>()? },
            KIND_ISSUE_CREDIT => {
                let token_account = reader.take::<32>()?;
                Change::IssueCredit { token_account, amount_ucredit: u64::from_le_bytes(*reader.take::<8>()?) }
            }
            KIND_RESUME => {
                let [mask] = *reader.take::<1>()?;
                Change::Resume { mask }
            }
            KIND_ADD_VALIDATOR => {
                Change::AddValidator { identity: reader.take::<32>()?, vote_account: reader.take::<32>()? }
            }
            KIND_REMOVE_VALIDATOR => Change::RemoveValidator { identity: reader.take::<32>()? },
            KIND_APPROVE_UPGRADE => Change::ApproveUpgrade {
                program: reader.take::<32>()?,
                buffer: reader.take::<32>()?,
                spill: reader.take::<32>()?,
                code_sha256: reader.take::<32>()?,
            },
            KIND_CALL => Change::Call(Call {
                program: reader.take::<32>()?,
                accounts: reader.list::<32>()?,
                flags: reader.bytes()?,
                data: reader.bytes()?,
            }),
            _ => return None,
        };
        reader.is_done().then_some(change)
    }

    /// Which timelock it waits for.
    #[inline(always)]
    pub fn class(&self) -> u8 {
        match self {
            Change::SetParam { .. } => CLASS_PARAMS,
            Change::SetMembers { .. }
            | Change::SetGuardians { .. }
            | Change::AddValidator { .. }
            | Change::RemoveValidator { .. }
            | Change::Call(_) => CLASS_MEMBERS,
            Change::ApproveUpgrade { .. } => CLASS_UPGRADE,
            Change::IssueCredit { .. } => CLASS_TREASURY,
            Change::Resume { .. } => CLASS_NONE,
        }
    }

    /// Whether the council may do it. Errors: those of the kind.
    #[inline(always)]
    pub fn check(&self, council: &Council) -> Outcome {
        match self {
            Change::SetParam { id, value } => check_param(council, *id, *value),
            Change::SetMembers { threshold, members } => council::check_members(members, *threshold),
            Change::SetGuardians { guardians } => council::check_guardians(guardians),
            Change::IssueCredit { amount_ucredit: 0, .. } => Err(GovernanceError::ZeroAmount.into()),
            Change::IssueCredit { .. } => Ok(()),
            Change::Resume { mask } => check_mask(*mask),
            // Which accounts these are about is seen when they are executed; a call is checked by itself.
            Change::AddValidator { .. } | Change::RemoveValidator { .. } | Change::ApproveUpgrade { .. } | Change::Call(_) => Ok(()),
        }
    }
}

impl Call<'_> {
    /// Nobody but the council signs, and it does not call itself. Errors: `BadCall`.
    #[inline(always)]
    pub fn check(&self, program_id: &Address, council_address: &Address) -> Outcome {
        let count = self.accounts.len();
        if same(as_address(self.program), program_id) || count > MAX_CALL_ACCOUNTS || count != self.flags.len() {
            return Err(GovernanceError::BadCall.into());
        }
        for (i, flags) in self.flags.iter().enumerate() {
            let key = self.accounts.at(i).ok_or(GovernanceError::BadCall)?;
            let signs = flags & CALL_SIGNER != 0;
            if flags & !(CALL_WRITABLE | CALL_SIGNER) != 0 || (signs && !same(as_address(key), council_address)) {
                return Err(GovernanceError::BadCall.into());
            }
        }
        Ok(())
    }
}

/// Errors: `BadMask`.
#[inline(always)]
pub fn check_mask(mask: u8) -> Outcome {
    if mask == 0 || mask & !PAUSE_ALL != 0 {
        return Err(GovernanceError::BadMask.into());
    }
    Ok(())
}

#[inline(always)]
fn check_param(council: &Council, id: u8, value: u64) -> Outcome {
    let param = council.params.get(id as usize).ok_or(GovernanceError::BadParam)?;
    if value < param.min || value > param.max {
        return Err(GovernanceError::OutOfBounds.into());
    }
    if value.abs_diff(param.value) > param.step {
        return Err(GovernanceError::StepTooLarge.into());
    }
    Ok(())
}
