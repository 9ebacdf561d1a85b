//! Derived addresses: found once, canonically, when an account is made; afterwards the stored bump or the stored
//! address is compared, which costs a tenth.
use crate::{Fault, Outcome};
use pinocchio::{AccountView, Address};

/// Find the canonical bump for `seeds` and require `view` to be there; the bump must be stored in the account.
/// About 1,560 compute units a try. Errors: `WRONG_SEEDS`.
#[inline(always)]
pub fn require_canonical(view: &AccountView, seeds: &[&[u8]], program: &Address) -> Outcome<u8> {
    let mut address = [0u8; 32];
    let mut bump = 0u8;
    #[cfg(any(target_os = "solana", target_arch = "bpf"))]
    {
        // SAFETY: a `&[u8]` is an address and a length, the pair the call reads; the two results are ours.
        let result = unsafe {
            pinocchio::syscalls::sol_try_find_program_address(
                seeds.as_ptr().cast(),
                seeds.len() as u64,
                program.as_array().as_ptr(),
                address.as_mut_ptr(),
                &mut bump,
            )
        };
        if result != 0 {
            return Err(Fault::WRONG_SEEDS);
        }
    }
    #[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
    let _ = (seeds, program, &mut address, &mut bump);
    if !pinocchio::address::address_eq(view.address(), &Address::new_from_array(address)) {
        return Err(Fault::WRONG_SEEDS);
    }
    Ok(bump)
}
