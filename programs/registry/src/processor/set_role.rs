//! Gives a user another role.
use crate::{
    authority::require_admin,
    generated::{RegistryError, SetRoleArgs, UserRoleChanged, ROLE_ADMIN, USER_CLOSED},
};
use campusgrid_sdk::{account::same, event, fault, load_mut, state::User, sysvar, Ctx, Fault, Outcome};

#[inline(never)]
pub fn set_role(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let args = SetRoleArgs::parse(ctx.data).ok_or(Fault::BAD_ARGUMENTS)?;
    let [authority, authority_user, user_view] = ctx.take()?;
    // So an admin remains: the last one can be demoted by no one else.
    if same(authority_user.address(), user_view.address()) {
        return Err(RegistryError::OwnRecord.into());
    }
    require_admin(authority, authority_user, program_id)?;
    if args.role > ROLE_ADMIN {
        return Err(RegistryError::BadRole.into());
    }
    let mut user = load_mut::<User>(user_view, program_id)?;
    if user.status == USER_CLOSED {
        return Err(RegistryError::TerminalStatus.into());
    }
    let old_role = user.role;
    user.role = args.role;
    user.updated_at = sysvar::now_s()?;
    let mut bytes = [0; UserRoleChanged::SIZE];
    UserRoleChanged {
        wallet: user.wallet.as_array(),
        old_role,
        new_role: args.role,
        authority: authority.address().as_array(),
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
