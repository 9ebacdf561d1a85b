//! Activates or suspends a user.
use crate::{
    authority::{outranks, require_staff},
    generated::{RegistryError, SetUserStatusArgs, UserStatusChanged, USER_ACTIVE, USER_CLOSED, USER_PENDING, USER_SUSPENDED},
};
use campusgrid_sdk::{account::same, event, fault, load_mut, state::User, sysvar, Ctx, Fault, Outcome};

#[inline(never)]
pub fn set_user_status(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let args = SetUserStatusArgs::parse(ctx.data).ok_or(Fault::BAD_ARGUMENTS)?;
    let [authority, authority_user, user_view] = ctx.take()?;
    if same(authority_user.address(), user_view.address()) {
        return Err(RegistryError::OwnRecord.into());
    }
    let rank = require_staff(authority, authority_user, program_id)?;
    let mut user = load_mut::<User>(user_view, program_id)?;
    if !outranks(rank, user.role) {
        return Err(RegistryError::Unauthorized.into());
    }
    if user.status == USER_CLOSED {
        return Err(RegistryError::TerminalStatus.into());
    }
    let follows = match args.status {
        USER_ACTIVE => user.status == USER_PENDING || user.status == USER_SUSPENDED,
        USER_SUSPENDED => user.status == USER_PENDING || user.status == USER_ACTIVE,
        _ => false,
    };
    if !follows {
        return Err(RegistryError::BadStatus.into());
    }
    let old_status = user.status;
    user.status = args.status;
    user.updated_at = sysvar::now_s()?;
    let mut bytes = [0; UserStatusChanged::SIZE];
    UserStatusChanged {
        wallet: user.wallet.as_array(),
        old_status,
        new_status: args.status,
        authority: authority.address().as_array(),
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
