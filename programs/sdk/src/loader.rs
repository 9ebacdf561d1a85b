//! Who may set a program up: the upgrade authority that the loader itself has on record.
use crate::{account, pda, require_signer, Fault, Outcome};
use pinocchio::{AccountView, Address};

/// The upgradeable loader (loader v3).
pub const LOADER_V3: Address = Address::new_from_array([
    // BPFLoaderUpgradeab1e11111111111111111111111
    2, 168, 246, 145, 78, 136, 161, 176, 226, 16, 21, 62, 247, 99, 174, 43, 0, 194, 185, 61, 22, 193, 36, 210, 192, 83, 122, 16, 4, 128, 0, 0,
]);

/// Require that `authority` signs and is the upgrade authority that `program_data`, the ProgramData account of
/// `program_id`, names. Layout of that account: u32 3, u64 slot, u8 1, authority 32, then the code.
///
/// # Errors
/// `NOT_SIGNER`, `WRONG_SEEDS` (not this program's ProgramData), `WRONG_OWNER`, `WRONG_ACCOUNT_TYPE`,
/// `NOT_UPGRADE_AUTHORITY` (another one, or none: a program made immutable can no longer be set up).
pub fn require_upgrade_authority(program_id: &Address, program_data: &AccountView, authority: &AccountView) -> Outcome {
    require_signer(authority)?;
    account::require_owner(program_data, &LOADER_V3)?;
    pda::require_canonical(program_data, &[program_id.as_array()], &LOADER_V3)?;
    let data = program_data.try_borrow().map_err(|_| Fault::ACCOUNT_BORROWED)?;
    let (kind, rest) = data.split_first_chunk::<4>().ok_or(Fault::WRONG_ACCOUNT_SIZE)?;
    if u32::from_le_bytes(*kind) != 3 {
        return Err(Fault::WRONG_ACCOUNT_TYPE);
    }
    let (_slot, rest) = rest.split_first_chunk::<8>().ok_or(Fault::WRONG_ACCOUNT_SIZE)?;
    let Some((1, rest)) = rest.split_first() else {
        return Err(Fault::NOT_UPGRADE_AUTHORITY);
    };
    let named = rest.first_chunk::<32>().ok_or(Fault::WRONG_ACCOUNT_SIZE)?;
    if !account::same(account::as_address(named), authority.address()) {
        return Err(Fault::NOT_UPGRADE_AUTHORITY);
    }
    Ok(())
}
