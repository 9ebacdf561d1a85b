//! Creates a user.
use crate::{
    authority::{outranks, require_staff},
    generated::{RegisterUserArgs, RegistryError, UserRegistered, ROLE_ADMIN, USER_ACTIVE},
    state::Config,
};
use campusgrid_sdk::{
    account,
    cpi::{self, Create, SignerSeed},
    event, fault, load_mut, pda,
    state::User,
    sysvar, AccountView, Address, Ctx, Fault, Outcome, RefMut,
};
use core::mem::size_of;

#[inline(never)]
pub fn register_user(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let args = RegisterUserArgs::parse(ctx.data).ok_or(Fault::BAD_ARGUMENTS)?;
    let [authority, authority_user, payer, config_view, wallet, user_view, system] = ctx.take()?;
    let rank = require_staff(authority, authority_user, program_id)?;
    if args.role > ROLE_ADMIN || !outranks(rank, args.role) {
        return Err(RegistryError::BadRole.into());
    }
    if args.status > USER_ACTIVE {
        return Err(RegistryError::BadStatus.into());
    }
    let now_s = sysvar::now_s()?;
    let mut config = load_mut::<Config>(config_view, program_id)?;
    let user_number = config.user_count.checked_add(1).ok_or(Fault::OVERFLOW)?;

    config.user_count = user_number;
    let mut user = create_user(payer, wallet, user_view, system, program_id)?;
    user.role = args.role;
    user.status = args.status;
    user.user_number = user_number;
    user.personal_hash = *args.personal_hash;
    user.registered_at = now_s;
    user.updated_at = now_s;
    let mut bytes = [0; UserRegistered::SIZE];
    UserRegistered {
        wallet: wallet.address().as_array(),
        user_number,
        role: args.role,
        status: args.status,
        authority: authority.address().as_array(),
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}

/// Make the User account of `wallet`, with nothing in it but the wallet.
///
/// # Errors
/// `WRONG_SEEDS`, `ALREADY_INITIALIZED`, and those of [`cpi::create`].
#[inline(always)]
pub fn create_user<'v>(
    payer: &AccountView,
    wallet: &AccountView,
    user_view: &'v mut AccountView,
    system: &AccountView,
    program_id: &Address,
) -> Outcome<RefMut<'v, User>> {
    let bump = pda::require_canonical(user_view, &[b"user", wallet.address().as_array()], program_id)?;
    let seeds = [
        SignerSeed::from(b"user"),
        SignerSeed::from(wallet.address().as_array()),
        SignerSeed::from(core::slice::from_ref(&bump)),
    ];
    cpi::create(&Create {
        payer,
        target: user_view,
        system,
        owner: program_id,
        size: size_of::<User>() as u64,
        seeds: &seeds,
    })?;
    let mut user = account::init::<User>(user_view, program_id, bump)?;
    user.wallet = *wallet.address();
    Ok(user)
}
