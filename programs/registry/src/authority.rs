//! Who may act: a signer and the user record that says what it may do.
use crate::generated::{RegistryError, ROLE_ADMIN, ROLE_OPERATOR};
use campusgrid_sdk::{account::same, load, require_signer, state::User, AccountView, Address, Ref, Outcome};

/// The user of the signing `wallet`, active, of whatever role. `record` needs no further check: only this program makes
/// User accounts, and one for each wallet.
///
/// # Errors
/// `NOT_SIGNER`, `Unauthorized`, and those of loading a record.
#[inline(always)]
fn require_active<'v>(wallet: &AccountView, record: &'v AccountView, program_id: &Address) -> Outcome<Ref<'v, User>> {
    require_signer(wallet)?;
    let user = load::<User>(record, program_id)?;
    if !same(&user.wallet, wallet.address()) || !user.is_active() {
        return Err(RegistryError::Unauthorized.into());
    }
    Ok(user)
}

/// The signer must be an active admin. Errors: as [`require_staff`].
#[inline(always)]
pub fn require_admin(wallet: &AccountView, record: &AccountView, program_id: &Address) -> Outcome {
    match require_active(wallet, record, program_id)?.role {
        ROLE_ADMIN => Ok(()),
        _ => Err(RegistryError::Unauthorized.into()),
    }
}

/// The signer must be an active admin or operator; returns which.
///
/// # Errors
/// `NOT_SIGNER`, `Unauthorized`, and those of loading a record.
#[inline(always)]
pub fn require_staff(wallet: &AccountView, record: &AccountView, program_id: &Address) -> Outcome<u8> {
    match require_active(wallet, record, program_id)?.role {
        role @ (ROLE_ADMIN | ROLE_OPERATOR) => Ok(role),
        _ => Err(RegistryError::Unauthorized.into()),
    }
}

/// Whether a user of role `actor` (admin or operator) decides over users of role `subject`.
#[inline(always)]
pub fn outranks(actor: u8, subject: u8) -> bool {
    actor == ROLE_ADMIN || subject < ROLE_OPERATOR
}

/// The user record of a meter's owner, who must be active. Errors: `UserInactive`, and those of loading a record.
#[inline(always)]
pub fn require_active_owner(record: &AccountView, owner: &Address, program_id: &Address) -> Outcome {
    let user = load::<User>(record, program_id)?;
    if !same(&user.wallet, owner) || !user.is_active() {
        return Err(RegistryError::UserInactive.into());
    }
    Ok(())
}
