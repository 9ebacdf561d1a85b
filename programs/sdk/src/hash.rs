//! SHA-256 by system call: 85 compute units and half a unit a byte, at least 10 a slice.

/// SHA-256 of the concatenation of `parts`.
#[inline(always)]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = core::mem::MaybeUninit::<[u8; 32]>::uninit();
    #[cfg(any(target_os = "solana", target_arch = "bpf"))]
    // SAFETY: a `&[u8]` is an address and a length, the pair the call reads; the call writes all 32 bytes or aborts.
    unsafe {
        pinocchio::syscalls::sol_sha256(parts.as_ptr().cast(), parts.len() as u64, digest.as_mut_ptr().cast());
        digest.assume_init()
    }
    #[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
    {
        let _ = (parts, &mut digest);
        unreachable!("SHA-256 is a system call of the chain")
    }
}
