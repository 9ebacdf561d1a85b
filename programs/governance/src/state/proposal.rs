//! One proposal: what it would do, who approves, and from when until when it may take effect.
use crate::generated::{proposal_layout, GovernanceError, MAX_PAYLOAD, STATUS_OPEN};
use campusgrid_sdk::{account_record, state::Council, Address, Fault, Outcome};

account_record! {
    /// governance.Proposal, PDA ["proposal", id u64 LE].
    pub struct Proposal[768], proposal_layout::DISC_U64, {
        10 => kind: u8,
        11 => status: u8,
        12 => council_epoch: u32,
        16 => id: u64,
        /// Bit i: member i approves.
        24 => approvals: u16,
        26 => class: u8,
        27 => pad_27: u8,
        28 => payload_len: u16,
        30 => pad_30: u16,
        32 => created_at: i64,
        /// From when it may be executed; 0 while approvals are missing.
        40 => eta: i64,
        48 => expires_at: i64,
        56 => closed_at: i64,
        64 => proposer: Address,
        96 => payload: [u8; MAX_PAYLOAD],
        640 => reserved: [u8; 128],
    }
}

impl Proposal {
    /// The proposal must still be able to gather approvals or to take effect.
    #[inline(always)]
    pub fn require_live(&self, council: &Council, now_s: i64) -> Outcome {
        self.require_open()?;
        if self.council_epoch != council.council_epoch {
            return Err(GovernanceError::StaleEpoch.into());
        }
        if now_s >= self.expires_at {
            return Err(GovernanceError::ProposalExpired.into());
        }
        Ok(())
    }

    /// Neither executed nor cancelled.
    #[inline(always)]
    pub fn require_open(&self) -> Outcome {
        if self.status != STATUS_OPEN {
            return Err(GovernanceError::NotOpen.into());
        }
        Ok(())
    }

    /// Whether enough members approve.
    #[inline(always)]
    pub fn is_approved(&self, council: &Council) -> bool {
        count_bits(self.approvals) >= council.threshold
    }

    /// Start, keep or stop the timelock after the approvals changed.
    #[inline(always)]
    pub fn update_eta(&mut self, council: &Council, now_s: i64) -> Outcome {
        if !self.is_approved(council) {
            self.eta = 0;
        } else if self.eta == 0 {
            let wait_s = council.timelock_s.get(self.class as usize).copied().unwrap_or(0);
            self.eta = now_s.checked_add(wait_s as i64).ok_or(Fault::OVERFLOW)?;
        }
        Ok(())
    }

    /// The payload in use.
    #[inline(always)]
    pub fn payload(&self) -> Outcome<&[u8]> {
        self.payload.get(..self.payload_len as usize).ok_or(GovernanceError::BadPayload.into())
    }
}

/// Number of set bits. (The target has no instruction for it, and the compiler's own would be a table.)
#[inline(always)]
fn count_bits(mut mask: u16) -> u8 {
    let mut count = 0;
    while mask != 0 {
        mask &= mask - 1;
        count += 1;
    }
    count
}
