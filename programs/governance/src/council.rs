//! Who counts as a member or guardian, and which sets of them are allowed.
use crate::generated::{GovernanceError, List, MAX_GUARDIANS, MAX_MEMBERS};
use campusgrid_sdk::{
    account::{as_address, same},
    state::Council,
    AccountView, Address, Outcome,
};

/// Position of the signing `view` among the members. Errors: `NOT_SIGNER`, `NotMember`.
#[inline(always)]
pub fn require_member(council: &Council, view: &AccountView) -> Outcome<usize> {
    campusgrid_sdk::require_signer(view)?;
    position(&council.members, council.member_count as usize, view.address()).ok_or(GovernanceError::NotMember.into())
}

/// Errors: `NOT_SIGNER`, `NotGuardian`.
#[inline(always)]
pub fn require_guardian(council: &Council, view: &AccountView) -> Outcome {
    campusgrid_sdk::require_signer(view)?;
    position(&council.guardians, council.guardian_count as usize, view.address())
        .map(|_| ())
        .ok_or(GovernanceError::NotGuardian.into())
}

#[inline(always)]
fn position(keys: &[Address], count: usize, wanted: &Address) -> Option<usize> {
    keys.iter().take(count).position(|key| same(key, wanted))
}

/// Errors: `BadMembers`, `BadThreshold`.
#[inline(always)]
pub fn check_members(members: &List<'_, 32>, threshold: u8) -> Outcome {
    if members.is_empty() || members.len() > MAX_MEMBERS || !all_different(members) {
        return Err(GovernanceError::BadMembers.into());
    }
    if threshold == 0 || threshold as usize > members.len() {
        return Err(GovernanceError::BadThreshold.into());
    }
    Ok(())
}

/// Errors: `BadGuardians`.
#[inline(always)]
pub fn check_guardians(guardians: &List<'_, 32>) -> Outcome {
    if guardians.len() > MAX_GUARDIANS || !all_different(guardians) {
        return Err(GovernanceError::BadGuardians.into());
    }
    Ok(())
}

/// Whether no key is zero and none stands twice.
#[inline(never)]
fn all_different(keys: &List<'_, 32>) -> bool {
    let mut i = 0;
    while let Some(key) = keys.at(i) {
        let key = as_address(key);
        if same(key, &NOBODY) {
            return false;
        }
        let mut j = i + 1;
        while let Some(other) = keys.at(j) {
            if same(key, as_address(other)) {
                return false;
            }
            j += 1;
        }
        i += 1;
    }
    true
}

const NOBODY: Address = Address::new_from_array([0; 32]);

/// Put checked members in place of the old ones.
#[inline(always)]
pub fn put_members(council: &mut Council, members: &List<'_, 32>, threshold: u8) {
    put(&mut council.members, members);
    council.member_count = members.len() as u8;
    council.threshold = threshold;
}

/// Put checked guardians in place of the old ones.
#[inline(always)]
pub fn put_guardians(council: &mut Council, guardians: &List<'_, 32>) {
    put(&mut council.guardians, guardians);
    council.guardian_count = guardians.len() as u8;
}

#[inline(always)]
fn put(slots: &mut [Address], keys: &List<'_, 32>) {
    for (i, slot) in slots.iter_mut().enumerate() {
        *slot = Address::new_from_array(keys.at(i).copied().unwrap_or([0; 32]));
    }
}
