//! Decides whether the council wants something: governance signs for the council's address when it carries out a proposal,
//! or as many members as the threshold sign the transaction themselves.
use crate::{
    error::require,
    generated::OracleError::{NotDecided, SignerTwice},
};
use campusgrid_sdk::{account::same, state::Council, AccountView, Outcome};

/// Errors: `NotDecided`, `SignerTwice`.
#[inline(always)]
pub fn require_decision(view: &AccountView, council: &Council, members: &[AccountView]) -> Outcome {
    // Only the program that the address is derived from can sign for it.
    if view.is_signer() {
        return Ok(());
    }
    let mut seen = 0u16;
    let mut count = 0u8;
    for member in members {
        require(member.is_signer(), NotDecided)?;
        let bit = place_of(council, member)?;
        require(seen & bit == 0, SignerTwice)?;
        seen |= bit;
        count += 1;
    }
    require(count >= 1 && count >= council.threshold, NotDecided)
}

#[inline(always)]
fn place_of(council: &Council, wallet: &AccountView) -> Outcome<u16> {
    let mut bit = 1;
    for member in council.members.iter().take(council.member_count as usize) {
        if same(member, wallet.address()) {
            return Ok(bit);
        }
        bit <<= 1;
    }
    Err(NotDecided.into())
}
