//! Moves and compares bytes by system call: the BPF backend has no memcpy, memset or memcmp of its own, and refuses
//! code in which the compiler put one. Up to about 64 constant bytes the compiler's own copy is fine and cheaper.
#[cfg(any(target_os = "solana", target_arch = "bpf"))]
use pinocchio::syscalls::{sol_memcmp_, sol_memcpy_, sol_memmove_, sol_memset_};

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

/// Move `length` bytes inside `bytes` from `from` to `to`; the two ranges may overlap. Ranges that do not fit: no-op,
/// returns false.
#[inline(always)]
pub fn shift(bytes: &mut [u8], from: usize, to: usize, length: usize) -> bool {
    let fits = |at: usize| matches!(at.checked_add(length), Some(end) if end <= bytes.len());
    if !fits(from) || !fits(to) {
        return false;
    }
    #[cfg(any(target_os = "solana", target_arch = "bpf"))]
    // SAFETY: both ranges lie in `bytes`, checked above; memmove allows overlap.
    unsafe {
        let base = bytes.as_mut_ptr();
        sol_memmove_(base.add(to), base.add(from), length as u64)
    };
    #[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
    bytes.copy_within(from..from + length, to);
    true
}

/// Set every byte of `target` to `value`.
#[inline(always)]
pub fn fill(target: &mut [u8], value: u8) {
    #[cfg(any(target_os = "solana", target_arch = "bpf"))]
    // SAFETY: the slice holds that many bytes.
    unsafe {
        sol_memset_(target.as_mut_ptr(), value, target.len() as u64)
    };
    #[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
    target.fill(value);
}

/// Whether two slices hold the same bytes.
#[inline(always)]
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    #[cfg(any(target_os = "solana", target_arch = "bpf"))]
    {
        let mut order = 0i32;
        // SAFETY: both slices hold `left.len()` bytes; `order` is ours.
        unsafe { sol_memcmp_(left.as_ptr(), right.as_ptr(), left.len() as u64, &mut order) };
        order == 0
    }
    #[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
    {
        left == right
    }
}
