//! The parts of SPL token accounts and mints that our programs check before they believe them.
use crate::{account, cpi, Fault, Outcome};
use pinocchio::{AccountView, Address};

/// What matters of an SPL token account (classic layout, 165 bytes).
#[derive(Clone, Copy)]
pub struct TokenAccount {
    /// Its mint.
    pub mint: Address,
    /// Who may move it.
    pub owner: Address,
    /// Atoms in it.
    pub amount: u64,
    /// Whether a delegate may move some of it.
    pub has_delegate: bool,
    /// Whether it is frozen.
    pub is_frozen: bool,
    /// Whether someone else may close it.
    pub has_close_authority: bool,
}

impl TokenAccount {
    /// Read an initialised token account. Errors: `WRONG_OWNER`, `WRONG_TOKEN_ACCOUNT`, `ACCOUNT_BORROWED`.
    #[inline(always)]
    pub fn read(view: &AccountView) -> Outcome<TokenAccount> {
        account::require_owner(view, &cpi::TOKEN)?;
        let data = view.try_borrow().map_err(|_| Fault::ACCOUNT_BORROWED)?;
        let bytes: &[u8; 165] = data.as_ref().try_into().map_err(|_| Fault::WRONG_TOKEN_ACCOUNT)?;
        if bytes[108] == 0 {
            return Err(Fault::WRONG_TOKEN_ACCOUNT);
        }
        Ok(TokenAccount {
            mint: address_at(bytes, 0),
            owner: address_at(bytes, 32),
            amount: u64_at(bytes, 64),
            has_delegate: bytes[72] != 0,
            is_frozen: bytes[108] == 2,
            has_close_authority: bytes[129] != 0,
        })
    }
}

/// Supply of an initialised SPL mint, atoms. Errors: `WRONG_OWNER`, `WRONG_TOKEN_ACCOUNT`, `ACCOUNT_BORROWED`.
#[inline(always)]
pub fn mint_supply(view: &AccountView) -> Outcome<u64> {
    account::require_owner(view, &cpi::TOKEN)?;
    let data = view.try_borrow().map_err(|_| Fault::ACCOUNT_BORROWED)?;
    if data.len() != 82 || data[45] != 1 {
        return Err(Fault::WRONG_TOKEN_ACCOUNT);
    }
    data[36..44].try_into().map(u64::from_le_bytes).map_err(|_| Fault::WRONG_TOKEN_ACCOUNT)
}

#[inline(always)]
fn address_at(bytes: &[u8; 165], at: usize) -> Address {
    let mut address = [0u8; 32];
    address.copy_from_slice(&bytes[at..at + 32]);
    Address::new_from_array(address)
}

#[inline(always)]
fn u64_at(bytes: &[u8; 165], at: usize) -> u64 {
    let mut word = [0u8; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}
