//! Replaces a program's code by the code that the council approved, and by no other.
use crate::{
    change::Change,
    decision,
    generated::{GovernanceError, ProgramUpgraded},
};
use campusgrid_sdk::{
    account::{self, as_address, same},
    cpi::{self, CallAccount, SignerSeed, SignerSeeds},
    event, fault, hash, load,
    loader::LOADER_V3,
    pda,
    state::Council,
    AccountView, Address, Ctx, Fault, Outcome,
};

/// What the loader keeps in front of a buffer's code: u32 1, u8 1, authority 32.
const BUFFER_HEADER: usize = 37;

#[inline(never)]
pub fn execute_upgrade(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let [executor, council_view, proposal_view, authority, program_data, program, buffer, spill, rent, clock, loader] =
        ctx.take()?;
    let proposal = decision::take(executor, &*load::<Council>(council_view, program_id)?, proposal_view, program_id)?;
    let Change::ApproveUpgrade { program: wanted, buffer: wanted_buffer, spill: wanted_spill, code_sha256 } =
        Change::parse(proposal.kind, proposal.payload()?)?
    else {
        return Err(GovernanceError::BadKind.into());
    };
    account::require_program(loader, &LOADER_V3)?;
    account::require_address(program, as_address(wanted))?;
    account::require_address(buffer, as_address(wanted_buffer))?;
    account::require_address(spill, as_address(wanted_spill))?;
    let bump = pda::require_canonical(authority, &[b"upgrade"], program_id)?;
    require_program(program, program_data, authority.address())?;
    require_code(buffer, authority.address(), code_sha256)?;

    let metas = [
        CallAccount::writable(program_data.address()),
        CallAccount::writable(program.address()),
        CallAccount::writable(buffer.address()),
        CallAccount::writable(spill.address()),
        CallAccount::readonly(rent.address()),
        CallAccount::readonly(clock.address()),
        CallAccount::readonly_signer(authority.address()),
    ];
    let views = [&*program_data, &*program, &*buffer, &*spill, &*rent, &*clock, &*authority];
    let seeds = [SignerSeed::from(b"upgrade"), SignerSeed::from(core::slice::from_ref(&bump))];
    // 3 = Upgrade.
    cpi::call(&LOADER_V3, &metas, &views, &3u32.to_le_bytes(), &[SignerSeeds::from(&seeds)])?;

    let mut bytes = [0; ProgramUpgraded::SIZE];
    ProgramUpgraded { program: wanted, code_sha256, proposal_id: proposal.id }.encode(&mut bytes);
    event::emit(&bytes);
    decision::announce(proposal.id, proposal.kind, executor);
    Ok(())
}

/// `program` is one of the loader's, `program_data` is its code, and `authority` may replace it.
///
/// # Errors
/// `WRONG_OWNER`, `WRONG_ACCOUNT_TYPE`, `WRONG_RELATION`, `NotUpgradeAuthority`.
#[inline(always)]
fn require_program(program: &AccountView, program_data: &AccountView, authority: &Address) -> Outcome {
    account::require_owner(program, &LOADER_V3)?;
    account::require_owner(program_data, &LOADER_V3)?;
    let data = program.try_borrow().map_err(|_| Fault::ACCOUNT_BORROWED)?;
    // u32 2, address of the ProgramData.
    let rest = after_kind(&data, 2)?;
    let named = rest.first_chunk::<32>().ok_or(Fault::WRONG_ACCOUNT_SIZE)?;
    if !same(as_address(named), program_data.address()) {
        return Err(Fault::WRONG_RELATION);
    }
    let data = program_data.try_borrow().map_err(|_| Fault::ACCOUNT_BORROWED)?;
    // u32 3, slot u64, u8 1, authority.
    let (_slot, rest) = after_kind(&data, 3)?.split_first_chunk::<8>().ok_or(Fault::WRONG_ACCOUNT_SIZE)?;
    require_authority(rest, authority)
}

/// `buffer` is one of the loader's, holds exactly the approved code, and nobody but `authority` can write it.
///
/// # Errors
/// `WRONG_OWNER`, `WRONG_ACCOUNT_TYPE`, `NotUpgradeAuthority`, `HashMismatch`.
#[inline(always)]
fn require_code(buffer: &AccountView, authority: &Address, code_sha256: &[u8; 32]) -> Outcome {
    account::require_owner(buffer, &LOADER_V3)?;
    let data = buffer.try_borrow().map_err(|_| Fault::ACCOUNT_BORROWED)?;
    require_authority(after_kind(&data, 1)?, authority)?;
    let code = data.get(BUFFER_HEADER..).ok_or(Fault::WRONG_ACCOUNT_SIZE)?;
    if !same(as_address(&hash::sha256(&[code])), as_address(code_sha256)) {
        return Err(GovernanceError::HashMismatch.into());
    }
    Ok(())
}

/// What follows the u32 by which the loader tells its accounts apart. Errors: `WRONG_ACCOUNT_SIZE`, `WRONG_ACCOUNT_TYPE`.
#[inline(always)]
fn after_kind(data: &[u8], kind: u32) -> Outcome<&[u8]> {
    let (found, rest) = data.split_first_chunk::<4>().ok_or(Fault::WRONG_ACCOUNT_SIZE)?;
    if u32::from_le_bytes(*found) != kind {
        return Err(Fault::WRONG_ACCOUNT_TYPE);
    }
    Ok(rest)
}

/// `option` begins with u8 1 and the authority's address. Errors: `WRONG_ACCOUNT_SIZE`, `NotUpgradeAuthority`.
#[inline(always)]
fn require_authority(option: &[u8], authority: &Address) -> Outcome {
    let (flag, rest) = option.split_first().ok_or(Fault::WRONG_ACCOUNT_SIZE)?;
    let named = rest.first_chunk::<32>().ok_or(Fault::WRONG_ACCOUNT_SIZE)?;
    if *flag != 1 || !same(as_address(named), authority) {
        return Err(GovernanceError::NotUpgradeAuthority.into());
    }
    Ok(())
}
