//! The rules of a GRID token account in a user's wallet: whose it must be, and what restricted mode adds.
use crate::{
    error::require,
    generated::{
        EnergyTokenError::{TokenAccountDelegated, TokenAccountHasCloseAuthority, TokenAccountNotOwned, UserInactive, WrongUser},
        TRANSFER_MODE_PARAM,
    },
    state::Config,
};
use campusgrid_sdk::{
    account::{load, require_program, same},
    cpi::{self, SignerSeeds},
    state::{Council, TokenAccount, User},
    AccountView, Address, Fault, Outcome,
};

/// Instructions of the token program: FreezeAccount and ThawAccount.
const FREEZE: u8 = 10;
const THAW: u8 = 11;

/// Whether governance has restricted GRID: it then moves between wallets by this program's instructions alone, because
/// every wallet's account stays frozen outside them.
#[inline(always)]
pub fn is_restricted(council: &Council) -> bool {
    council.param(TRANSFER_MODE_PARAM as usize) != 0
}

/// `user` must show `wallet` to be an active user of the registry. Errors: `WrongUser`, `UserInactive`.
#[inline(always)]
pub fn require_active(config: &Config, wallet: &Address, user: &AccountView) -> Outcome {
    let user = load::<User>(user, &config.registry_program)?;
    require(same(&user.wallet, wallet), WrongUser)?;
    require(user.is_active(), UserInactive)
}

/// A GRID token account, any. Errors: `WRONG_OWNER`, `WRONG_TOKEN_ACCOUNT`.
#[inline(always)]
pub fn read_grid_account(config: &Config, token_account: &AccountView) -> Outcome<TokenAccount> {
    let found = TokenAccount::read(token_account)?;
    if !same(&found.mint, &config.mint) {
        return Err(Fault::WRONG_TOKEN_ACCOUNT);
    }
    Ok(found)
}

/// A wallet's account about to be moved to or from.
pub struct WalletAccount<'a> {
    pub token_account: &'a AccountView,
    pub mint: &'a AccountView,
    pub authority: &'a AccountView,
    pub token_program: &'a AccountView,
    /// Whether it must be frozen afterwards; in free mode it is left thawed.
    pub restricted: bool,
    is_frozen: bool,
}

impl<'a> WalletAccount<'a> {
    /// Check that the account is the wallet's own, whatever its address; in restricted mode also that `user` shows the
    /// wallet to be active and, if it `receives`, that nobody else can move or close it. The way back to the ledger stays
    /// open for an account with a delegate: a frozen one cannot be rid of it, and within the instruction only the owner moves.
    ///
    /// # Errors
    /// `WRONG_TOKEN_ACCOUNT`, `TokenAccountNotOwned`, `TokenAccountDelegated`, `TokenAccountHasCloseAuthority`,
    /// `WrongUser`, `UserInactive`.
    #[inline(always)]
    pub fn check(
        config: &Config,
        wallet: &Address,
        user: &AccountView,
        mut account: WalletAccount<'a>,
        receives: bool,
    ) -> Outcome<WalletAccount<'a>> {
        let found = read_grid_account(config, account.token_account)?;
        require(same(&found.owner, wallet), TokenAccountNotOwned)?;
        if account.restricted {
            if receives {
                require(!found.has_delegate, TokenAccountDelegated)?;
                require(!found.has_close_authority, TokenAccountHasCloseAuthority)?;
            }
            require_active(config, wallet, user)?;
        }
        account.is_frozen = found.is_frozen;
        Ok(account)
    }

    #[inline(always)]
    pub fn new(
        accounts: (&'a AccountView, &'a AccountView, &'a AccountView, &'a AccountView),
        restricted: bool,
    ) -> WalletAccount<'a> {
        let (token_account, mint, authority, token_program) = accounts;
        WalletAccount { token_account, mint, authority, token_program, restricted, is_frozen: false }
    }

    /// Thaw the account if it is frozen, run `moving`, and leave the account as the mode wants it.
    #[inline(always)]
    pub fn open_for(&self, signer: &[SignerSeeds<'_, '_>], moving: impl FnOnce() -> Outcome) -> Outcome {
        if !(self.is_frozen | self.restricted) {
            return moving();
        }
        require_program(self.token_program, &cpi::TOKEN)?;
        let metas = [
            cpi::CallAccount::writable(self.token_account.address()),
            cpi::CallAccount::readonly(self.mint.address()),
            cpi::CallAccount::readonly_signer(self.authority.address()),
        ];
        let views = [self.token_account, self.mint, self.authority];
        if self.is_frozen {
            cpi::call(&cpi::TOKEN, &metas, &views, &[THAW], signer)?;
        }
        moving()?;
        if self.restricted {
            cpi::call(&cpi::TOKEN, &metas, &views, &[FREEZE], signer)?;
        }
        Ok(())
    }
}
