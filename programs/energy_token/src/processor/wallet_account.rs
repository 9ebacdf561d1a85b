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
    account::{load, same},
    cpi::{self, FrozenTransfer, SignerSeeds, TokenMove},
    state::{Council, TokenAccount, User},
    AccountView, Address, Atoms, Fault, Outcome,
};

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

    /// Move `amount` into the account if `INTO`, else out of it, `other` being the vault; a frozen account is thawed for it, and
    /// left as the mode wants it. `signer` is the freeze authority's, `movers` sign for `mover`, the owner of what is moved.
    #[inline(always)]
    pub fn transfer<const INTO: bool>(
        &self,
        amount: Atoms,
        (other, mover): (&AccountView, &AccountView),
        signer: &[SignerSeeds<'_, '_>],
        movers: &[SignerSeeds<'_, '_>],
    ) -> Outcome {
        let Self { token_account: account, token_program, .. } = *self;
        if !(self.is_frozen | self.restricted) {
            let (from, to) = if INTO { (other, account) } else { (account, other) };
            return cpi::token_transfer(&TokenMove { from, to, authority: mover, token_program }, amount.0, movers);
        }
        let request = FrozenTransfer {
            account,
            other,
            mover,
            mint: self.mint,
            freeze_authority: self.authority,
            token_program,
            is_frozen: self.is_frozen,
            freezes: self.restricted,
        };
        cpi::token_transfer_frozen::<INTO>(&request, amount.0, signer, movers)
    }
}
