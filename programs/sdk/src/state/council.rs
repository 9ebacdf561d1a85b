//! The council's record: who governs, what is paused and until when, and the bounded parameters.
use crate::{account, Fault, Outcome};
use pinocchio::{account::Ref, AccountView, Address};

crate::record! {
    /// A parameter and the bounds within which a proposal may move it.
    pub struct Param[32] {
        /// Value in force.
        0 => value: u64,
        /// Least value.
        8 => min: u64,
        /// Greatest value.
        16 => max: u64,
        /// Most that one proposal may change it by; 0 = fixed.
        24 => step: u64,
    }
}

crate::account_record! {
    /// governance.Council, PDA ["council"].
    pub struct Council[1792], u64::from_le_bytes([28, 184, 149, 185, 217, 59, 252, 96]), {
        10 => member_count: u8,
        11 => threshold: u8,
        12 => guardian_count: u8,
        /// Pause bits; in force only while now < pause_until. Use [`Council::require_running`].
        13 => pause_mask: u8,
        14 => treasury_bump: u8,
        15 => credit_bump: u8,
        16 => council_epoch: u32,
        20 => stop_length_s: u32,
        24 => pause_until: i64,
        32 => proposal_count: u64,
        40 => proposal_ttl_s: u32,
        /// By class: parameters, members, treasury, upgrade.
        44 => timelock_s: [u32; 4],
        /// Zero.
        60 => padding: u32,
        64 => credit_mint: Address,
        96 => guardians: [Address; 3],
        192 => members: [Address; 16],
        704 => params: [Param; 32],
        /// Guardians wait until then before the next stop.
        1728 => stop_allowed_at: i64,
        /// Parts of the running stop that the council has let go on; guardians cannot stop them again within it.
        1736 => resumed_mask: u8,
        1737 => reserved: [u8; 55],
    }
}

/// What an emergency stop can hold. There is no bit for cancel or withdraw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Pause {
    /// Readings are not posted.
    Readings = 1,
    /// GRID is not minted or burned.
    MintSettle = 2,
    /// No new orders on the book.
    Orders = 4,
    /// No new orders in the auction.
    Auction = 8,
    /// Nothing more is paid in.
    Deposits = 16,
}

impl Council {
    /// Refuse with `fault` while the part is paused. `now_s` is asked for only when a bit is set, so that the usual case
    /// costs no system call.
    #[inline(always)]
    pub fn require_running(&self, part: Pause, fault: Fault) -> Outcome {
        if self.pause_mask & part as u8 == 0 {
            return Ok(());
        }
        if crate::sysvar::now_s()? < self.pause_until {
            return Err(fault);
        }
        Ok(())
    }

    /// Value of parameter `id`, in 0..32.
    #[inline(always)]
    pub fn param(&self, id: usize) -> u64 {
        self.params[id].value
    }
}

/// The council that a program's config names: `view` must be at `address` and belong to `governance_program`.
///
/// # Errors
/// `WRONG_ADDRESS` and those of [`account::load`].
#[inline(always)]
pub fn load_council<'v>(
    view: &'v AccountView,
    address: &Address,
    governance_program: &Address,
) -> Outcome<Ref<'v, Council>> {
    account::require_address(view, address)?;
    account::load::<Council>(view, governance_program)
}
