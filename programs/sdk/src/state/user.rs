//! A person or building known to the registry: who they are is a hash, what they may do is a role.
use pinocchio::Address;

crate::account_record! {
    /// registry.User, PDA ["user", wallet].
    pub struct User[160], u64::from_le_bytes([159, 117, 95, 227, 239, 151, 58, 236]), {
        /// See [`Role`].
        10 => role: u8,
        /// See [`UserStatus`].
        11 => status: u8,
        /// The registry's counter, from 1.
        12 => user_number: u32,
        16 => wallet: Address,
        /// SHA-256 of the personal data, which itself is never on chain.
        48 => personal_hash: [u8; 32],
        80 => registered_at: i64,
        88 => updated_at: i64,
        96 => reserved: [u8; 64],
    }
}

/// What a user may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Role {
    Student = 0,
    Faculty = 1,
    ExternalPartner = 2,
    Facilities = 3,
    Operator = 4,
    Auditor = 5,
    Admin = 6,
}

/// Where a user stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum UserStatus {
    Pending = 0,
    Active = 1,
    Suspended = 2,
    /// Terminal.
    Closed = 3,
}

impl User {
    /// Whether the user may act.
    #[inline(always)]
    pub fn is_active(&self) -> bool {
        self.status == UserStatus::Active as u8
    }
}
