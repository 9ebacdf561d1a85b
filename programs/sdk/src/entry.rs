//! Decides how the runtime's input becomes accounts and arguments; which handler runs is left to the program's `route`.
use crate::{Fault, Outcome};
use core::mem::MaybeUninit;
use pinocchio::{entrypoint::deserialize, AccountView, Address};

/// One call of the program.
pub struct Ctx<'a> {
    /// Address this program runs at.
    pub program_id: &'a Address,
    /// The accounts in the order of the interface; those above the entrypoint's limit are dropped.
    pub accounts: &'a mut [AccountView],
    /// The instruction's bytes behind the discriminator (all of them if there are fewer than eight).
    pub data: &'a [u8],
    /// First eight bytes of the instruction, little-endian; 0 if there are fewer.
    pub discriminator: u64,
    /// Zeroed room for what does not fit a frame, such as a long event.
    pub scratch: &'a mut [u8; SCRATCH_BYTES],
}

/// The runtime maps a heap of this many bytes, unless a transaction asks for more. No program of ours allocates.
pub const SCRATCH_BYTES: usize = 32 * 1024;
const HEAP_START: usize = 0x3_0000_0000;

impl<'a> Ctx<'a> {
    /// The first `N` accounts.
    ///
    /// # Errors
    /// `NOT_ENOUGH_ACCOUNTS`.
    #[inline(always)]
    pub fn take<const N: usize>(&mut self) -> Outcome<&mut [AccountView; N]> {
        match self.accounts.first_chunk_mut::<N>() {
            Some(accounts) => Ok(accounts),
            None => Err(Fault::NOT_ENOUGH_ACCOUNTS),
        }
    }
}

/// Parse the runtime's input and call `route`. Called by [`entry!`] alone.
///
/// # Safety
/// `input` is the parameter block of the runtime's aligned loader (loader v2 and v3), which stays valid and is not
/// touched by anyone else while the program runs.
#[inline(always)]
pub unsafe fn run<const MAX_ACCOUNTS: usize>(input: *mut u8, route: fn(&mut Ctx<'_>) -> u64) -> u64 {
    let mut views = [const { MaybeUninit::<AccountView>::uninit() }; MAX_ACCOUNTS];
    // SAFETY: the caller hands over the runtime's input; `deserialize` fills the first `count` views.
    let (program_id, count, bytes) = unsafe { deserialize::<MAX_ACCOUNTS>(input, &mut views) };
    // SAFETY: `count` is at most MAX_ACCOUNTS and those views were written just now.
    let accounts = unsafe { core::slice::from_raw_parts_mut(views.as_mut_ptr().cast::<AccountView>(), count) };
    let (discriminator, data) = match bytes.split_first_chunk::<8>() {
        Some((head, rest)) => (u64::from_le_bytes(*head), rest),
        None => (0, bytes),
    };
    // SAFETY: the runtime maps and zeroes the heap for each call; without an allocator nobody else refers to it, and this
    // runs once a call. The address is outside the input and the stack.
    let scratch = unsafe { &mut *(HEAP_START as *mut [u8; SCRATCH_BYTES]) };
    route(&mut Ctx { program_id, accounts, data, discriminator, scratch })
}

/// Make `entrypoint` for a program whose `route` is `fn(&mut Ctx) -> u64` and whose longest instruction names
/// `$max_accounts` accounts; and a panic handler that aborts without a text log.
#[macro_export]
macro_rules! entry {
    ($route:path, $max_accounts:expr) => {
        /// Called by the runtime.
        ///
        /// # Safety
        /// Only the runtime calls this, with its own parameter block.
        #[allow(unsafe_code)]
        #[no_mangle]
        pub unsafe extern "C" fn entrypoint(input: *mut u8) -> u64 {
            // SAFETY: the runtime's own input, see above.
            unsafe { $crate::entry::run::<{ $max_accounts }>(input, $route) }
        }

        #[cfg(any(target_os = "solana", target_arch = "bpf"))]
        #[panic_handler]
        fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
            $crate::entry::abort()
        }
    };
}

/// Stop the program; the whole transaction is undone.
#[cfg(any(target_os = "solana", target_arch = "bpf"))]
pub fn abort() -> ! {
    // SAFETY: the call takes nothing and never returns.
    unsafe { pinocchio::syscalls::abort() }
}
