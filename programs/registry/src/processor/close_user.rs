//! Ends a user for good, at an admin's word or at its own.
use crate::{
    authority::require_admin,
    generated::{RegistryError, UserClosed, ROLE_ADMIN, USER_CLOSED},
};
use campusgrid_sdk::{account::same, event, fault, load_mut, require_signer, state::User, sysvar, Ctx, Outcome};

#[inline(never)]
pub fn close_user(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let [authority, authority_user, user_view] = ctx.take()?;
    let is_own = same(authority_user.address(), user_view.address());
    if !is_own {
        require_admin(authority, authority_user, program_id)?;
    }
    let mut user = load_mut::<User>(user_view, program_id)?;
    if is_own {
        require_signer(authority)?;
        if !same(&user.wallet, authority.address()) {
            return Err(RegistryError::Unauthorized.into());
        }
        // So an admin remains: the last one can be closed by no one else.
        if user.role == ROLE_ADMIN {
            return Err(RegistryError::OwnRecord.into());
        }
    }
    if user.status == USER_CLOSED {
        return Err(RegistryError::TerminalStatus.into());
    }
    let old_status = user.status;
    user.status = USER_CLOSED;
    user.personal_hash = [0; 32];
    user.updated_at = sysvar::now_s()?;
    let mut bytes = [0; UserClosed::SIZE];
    UserClosed { wallet: user.wallet.as_array(), old_status, authority: authority.address().as_array() }.encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
