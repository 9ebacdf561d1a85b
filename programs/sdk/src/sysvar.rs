//! The clock and the rent rule, read by system call so that no account can stand in for them. A slot is not time:
//! everything that waits goes by `now_s`.
use crate::{Fault, Outcome};
use pinocchio::Address;

/// Seconds of one metering interval.
pub const INTERVAL_S: i64 = 900;

const CLOCK: Address = Address::new_from_array([
    // SysvarC1ock11111111111111111111111111111111
    6, 167, 213, 23, 24, 199, 116, 201, 40, 86, 99, 152, 105, 29, 94, 182, 139, 94, 184, 163, 155, 75, 109, 92, 115, 85, 91, 33, 0, 0, 0, 0,
]);

/// Campus time by the Clock sysvar, UTC epoch seconds. 110 compute units. Errors: `INVALID_ARGUMENT` from the runtime.
#[inline(always)]
pub fn now_s() -> Outcome<i64> {
    let mut bytes = [0u8; 8];
    // Offset 32 of the sysvar: slot, epoch start, epoch, leader schedule epoch (8 bytes each), then the time.
    read(&CLOCK, &mut bytes, 32)?;
    Ok(i64::from_le_bytes(bytes))
}

/// The slot by the Clock sysvar; good for audit records, not for time. Errors: `INVALID_ARGUMENT`.
#[inline(always)]
pub fn slot() -> Outcome<u64> {
    let mut bytes = [0u8; 8];
    read(&CLOCK, &mut bytes, 0)?;
    Ok(u64::from_le_bytes(bytes))
}

/// Lamports an account of `size` bytes must hold to live for ever: 3,480 a byte and year, two years, 128 bytes of
/// overhead. The three numbers have not changed since genesis; a cluster with a lower rent accepts more.
#[inline(always)]
pub const fn rent_exempt_lamports(size: u64) -> u64 {
    (128 + size) * 6_960
}

#[inline(always)]
fn read(sysvar: &Address, target: &mut [u8], offset: u64) -> Outcome {
    #[cfg(any(target_os = "solana", target_arch = "bpf"))]
    {
        // SAFETY: `sysvar` is 32 bytes and `target` as long as said; the call writes all of it or returns non-zero.
        let result = unsafe {
            pinocchio::syscalls::sol_get_sysvar(
                sysvar.as_array().as_ptr(),
                target.as_mut_ptr(),
                offset,
                target.len() as u64,
            )
        };
        if result != 0 {
            return Err(Fault::INVALID_ARGUMENT);
        }
        Ok(())
    }
    #[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
    {
        let _ = (sysvar, target, offset);
        Err(Fault::INVALID_ARGUMENT)
    }
}
