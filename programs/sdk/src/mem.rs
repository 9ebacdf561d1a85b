//! Copies bytes by system call: the BPF backend has no memcpy of its own, and refuses code in which the compiler put one.
//! Up to about 64 constant bytes the compiler's own copy is fine and cheaper.
#[cfg(any(target_os = "solana", target_arch = "bpf"))]
use pinocchio::syscalls::sol_memcpy_;

/// Copy `source` over the start of `target`; lengths beyond the shorter of the two are left alone.
#[inline(always)]
pub fn copy(target: &mut [u8], source: &[u8]) {
    let length = core::cmp::min(target.len(), source.len());
    #[cfg(any(target_os = "solana", target_arch = "bpf"))]
    // SAFETY: both slices hold `length` bytes, and a shared and an exclusive reference never overlap.
    unsafe {
        sol_memcpy_(target.as_mut_ptr(), source.as_ptr(), length as u64)
    };
    #[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
    target[..length].copy_from_slice(&source[..length]);
}
