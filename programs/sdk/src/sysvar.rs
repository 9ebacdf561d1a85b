//! The clock and the rent rule, read by system call so that no account can stand in for them. A slot is not time:
//! everything that waits goes by `now_s`.
use crate::Outcome;

/// Seconds of one metering interval.
pub const INTERVAL_S: i64 = 900;

/// Campus time by the Clock sysvar, UTC epoch seconds. 140 compute units. Errors: `INVALID_ARGUMENT` from the runtime.
#[inline(always)]
pub fn now_s() -> Outcome<i64> {
    clock().map(|words| words[4] as i64)
}

/// Lamports an account of `size` bytes must hold to live for ever: 3,480 a byte and year, two years, 128 bytes of
/// overhead. The three numbers have not changed since genesis; a cluster with a lower rent accepts more.
#[inline(always)]
pub const fn rent_exempt_lamports(size: u64) -> u64 {
    (128 + size) * 6_960
}

/// The Clock sysvar: slot, start of the epoch, epoch, leader schedule epoch, time. The call for it alone costs less than
/// `sol_get_sysvar`, which takes any sysvar.
#[inline(always)]
fn clock() -> Outcome<[u64; 5]> {
    let mut words = [0u64; 5];
    #[cfg(any(target_os = "solana", target_arch = "bpf"))]
    {
        // SAFETY: the call writes the 40 bytes of the sysvar, which `words` has.
        #[allow(deprecated)]
        let result = unsafe { pinocchio::syscalls::sol_get_clock_sysvar(words.as_mut_ptr().cast()) };
        if result != 0 {
            return Err(crate::Fault::INVALID_ARGUMENT);
        }
    }
    #[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
    core::hint::black_box(&mut words);
    Ok(words)
}
