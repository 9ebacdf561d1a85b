//! How an event leaves a program: one `sol_log_data` field, discriminator first, and never a text log, because
//! anchorpy's event parser fails on short texts that happen to be base64.

/// Emit one event: the eight-byte discriminator and the Borsh fields, already in `bytes`. Costs 200 compute units and
/// one a byte. The runtime cuts the logs of a transaction at 10,000 bytes, so an instruction keeps below 6 kB.
#[inline(always)]
pub fn emit(bytes: &[u8]) {
    #[cfg(any(target_os = "solana", target_arch = "bpf"))]
    {
        let fields: [&[u8]; 1] = [bytes];
        // SAFETY: a `&[u8]` is an address and a length, the pair the call reads, and there is one.
        unsafe { pinocchio::syscalls::sol_log_data(fields.as_ptr().cast(), 1) };
    }
    #[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
    core::hint::black_box(bytes);
}

/// Leave `bytes` (at most 1,024) to whoever called the program, or to the client who simulates the call.
#[inline(always)]
pub fn set_return_data(bytes: &[u8]) {
    #[cfg(any(target_os = "solana", target_arch = "bpf"))]
    // SAFETY: the slice is readable for its length, and the runtime copies it.
    unsafe {
        pinocchio::syscalls::sol_set_return_data(bytes.as_ptr(), bytes.len() as u64)
    };
    #[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
    core::hint::black_box(bytes);
}
