//! Calls of the system program and of the SPL token program; calls between our own programs are built by the callers
//! with [`call`]. Every helper compares the program account with the one constant address it may be.
use crate::{account, sysvar, Fault, Outcome};
use core::mem::MaybeUninit;
use pinocchio::{
    cpi::{invoke_signed_unchecked, CpiAccount, Seed, Signer},
    instruction::{InstructionAccount, InstructionView},
    AccountView, Address,
};

pub use pinocchio::cpi::{Seed as SignerSeed, Signer as SignerSeeds};
/// An account of a call that a program builds itself, with its flags.
pub use pinocchio::instruction::InstructionAccount as CallAccount;

/// The system program.
pub const SYSTEM: Address = Address::new_from_array([0; 32]);
/// The SPL token program (p-token behind the same address on newer clusters).
pub const TOKEN: Address = Address::new_from_array([
    // TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA
    6, 221, 246, 225, 215, 101, 161, 147, 217, 203, 225, 70, 206, 235, 121, 172, 28, 180, 133, 237, 95, 91, 55, 145, 58, 140, 245, 133, 126, 255, 0, 169,
]);

/// Call `program` with `N` accounts in the given order and flags, signed for the derived addresses in `signers`.
/// Each item of `metas` names its account by reference to the view at the same place. Accounts that the call may change
/// must not be borrowed. A refusal of the callee ends the whole transaction.
///
/// # Errors
/// `ACCOUNT_BORROWED`, `INVALID_ARGUMENT` (a meta is of another view).
#[inline(always)]
pub fn call<const N: usize>(
    program: &Address,
    metas: &[InstructionAccount<'_>; N],
    views: &[&AccountView; N],
    data: &[u8],
    signers: &[Signer<'_, '_>],
) -> Outcome {
    let mut accounts = [const { MaybeUninit::<CpiAccount>::uninit() }; N];
    for ((meta, view), account) in metas.iter().zip(views).zip(accounts.iter_mut()) {
        if !core::ptr::eq(meta.address, view.address()) {
            return Err(Fault::INVALID_ARGUMENT);
        }
        let borrow = if meta.is_writable { view.check_borrow_mut() } else { view.check_borrow() };
        borrow.map_err(|_| Fault::ACCOUNT_BORROWED)?;
        CpiAccount::init_from_account_view(view, account);
    }
    let instruction = InstructionView { program_id: program, data, accounts: metas };
    // SAFETY: the loop above has filled all N accounts.
    let accounts = unsafe { core::slice::from_raw_parts(accounts.as_ptr().cast::<CpiAccount>(), N) };
    // SAFETY: the callee can write only accounts whose meta is writable; each of those is the view at its place, and
    // nobody in this program holds a borrow of it. (The library's own check costs 300 units more a call.)
    unsafe { invoke_signed_unchecked(&instruction, accounts, signers) };
    Ok(())
}

/// Accounts of several calls in a row, written out for the runtime once: each account more in a call costs about 20 units.
/// For calls that leave the sizes of the accounts as they are.
pub struct CallSet<'a, const N: usize> {
    views: [&'a AccountView; N],
    accounts: [MaybeUninit<CpiAccount<'a>>; N],
}

impl<'a, const N: usize> CallSet<'a, N> {
    /// The accounts; nothing is checked yet.
    #[inline(always)]
    pub fn new(views: [&'a AccountView; N]) -> CallSet<'a, N> {
        let mut accounts = [const { MaybeUninit::<CpiAccount>::uninit() }; N];
        for (view, account) in views.iter().zip(accounts.iter_mut()) {
            CpiAccount::init_from_account_view(view, account);
        }
        CallSet { views, accounts }
    }

    /// As [`call`]; `places` says for each of the `M` metas which account of the set it is of.
    ///
    /// # Errors
    /// As [`call`], and `INVALID_ARGUMENT` for a place outside the set.
    #[inline(always)]
    pub fn call<const M: usize>(
        &self,
        (program, data): (&Address, &[u8]),
        metas: &[InstructionAccount<'_>; M],
        places: [usize; M],
        signers: &[Signer<'_, '_>],
    ) -> Outcome {
        for (meta, place) in metas.iter().zip(places) {
            let view = self.views.get(place).ok_or(Fault::INVALID_ARGUMENT)?;
            if !core::ptr::eq(meta.address, view.address()) {
                return Err(Fault::INVALID_ARGUMENT);
            }
            let borrow = if meta.is_writable { view.check_borrow_mut() } else { view.check_borrow() };
            borrow.map_err(|_| Fault::ACCOUNT_BORROWED)?;
        }
        let instruction = InstructionView { program_id: program, data, accounts: metas };
        // SAFETY: `new` has filled all N accounts.
        let accounts = unsafe { core::slice::from_raw_parts(self.accounts.as_ptr().cast::<CpiAccount>(), N) };
        // SAFETY: as in `call`; an account of the set that no meta names is not the callee's to write.
        unsafe { invoke_signed_unchecked(&instruction, accounts, signers) };
        Ok(())
    }
}

/// Most accounts of a [`call_slice`].
pub const MAX_SLICE_ACCOUNTS: usize = 16;

/// As [`call`], with a number of accounts that is known only when it runs.
///
/// # Errors
/// As [`call`], and `INVALID_ARGUMENT` above [`MAX_SLICE_ACCOUNTS`] or when there are not as many metas as views.
#[inline(always)]
pub fn call_slice(
    program: &Address,
    metas: &[InstructionAccount<'_>],
    views: &[AccountView],
    data: &[u8],
    signers: &[Signer<'_, '_>],
) -> Outcome {
    if metas.len() > MAX_SLICE_ACCOUNTS || metas.len() != views.len() {
        return Err(Fault::INVALID_ARGUMENT);
    }
    let mut accounts = [const { MaybeUninit::<CpiAccount>::uninit() }; MAX_SLICE_ACCOUNTS];
    for ((meta, view), account) in metas.iter().zip(views).zip(accounts.iter_mut()) {
        if !core::ptr::eq(meta.address, view.address()) {
            return Err(Fault::INVALID_ARGUMENT);
        }
        let borrow = if meta.is_writable { view.check_borrow_mut() } else { view.check_borrow() };
        borrow.map_err(|_| Fault::ACCOUNT_BORROWED)?;
        CpiAccount::init_from_account_view(view, account);
    }
    let instruction = InstructionView { program_id: program, data, accounts: metas };
    // SAFETY: the loop above has filled as many accounts as there are metas, at most MAX_SLICE_ACCOUNTS.
    let accounts = unsafe { core::slice::from_raw_parts(accounts.as_ptr().cast::<CpiAccount>(), metas.len()) };
    // SAFETY: as in `call`.
    unsafe { invoke_signed_unchecked(&instruction, accounts, signers) };
    Ok(())
}

/// Make a derived account of `size` zero bytes owned by `owner` (the running program), paid for by `payer`.
///
/// Works on an address somebody has already sent lamports to: then it tops up, allocates and assigns, so nobody can
/// block an account by paying for it first.
///
/// # Errors
/// `ALREADY_INITIALIZED` if the account has data or an owner, `NOT_SIGNER`, `NOT_WRITABLE`, `WRONG_PROGRAM`.
#[inline(never)]
pub fn create(request: &Create<'_>) -> Outcome {
    let Create { payer, target, system, owner, size, seeds } = request;
    account::require_program(system, &SYSTEM)?;
    account::require_signer(payer)?;
    account::require_writable(payer)?;
    account::require_writable(target)?;
    if !target.is_data_empty() || account::require_owner(target, &SYSTEM).is_err() {
        return Err(Fault::ALREADY_INITIALIZED);
    }
    let signer = [Signer::from(*seeds)];
    let rent = sysvar::rent_exempt_lamports(*size);
    if target.lamports() == 0 {
        let mut data = [0u8; 52]; // u32 0 = CreateAccount, lamports, space, owner
        data[4..12].copy_from_slice(&rent.to_le_bytes());
        data[12..20].copy_from_slice(&size.to_le_bytes());
        data[20..52].copy_from_slice(owner.as_array());
        let metas = [InstructionAccount::writable_signer(payer.address()), InstructionAccount::writable_signer(target.address())];
        return call(&SYSTEM, &metas, &[payer, target], &data, &signer);
    }
    let missing = rent.saturating_sub(target.lamports());
    if missing > 0 {
        let mut data = [0u8; 12]; // u32 2 = Transfer, lamports
        data[0] = 2;
        data[4..12].copy_from_slice(&missing.to_le_bytes());
        let metas = [InstructionAccount::writable_signer(payer.address()), InstructionAccount::writable(target.address())];
        call(&SYSTEM, &metas, &[payer, target], &data, &[])?;
    }
    let metas = [InstructionAccount::writable_signer(target.address())];
    let mut allocate = [0u8; 12]; // u32 8 = Allocate, space
    allocate[0] = 8;
    allocate[4..12].copy_from_slice(&size.to_le_bytes());
    call(&SYSTEM, &metas, &[target], &allocate, &signer)?;
    let mut assign = [0u8; 36]; // u32 1 = Assign, owner
    assign[0] = 1;
    assign[4..36].copy_from_slice(owner.as_array());
    call(&SYSTEM, &metas, &[target], &assign, &signer)
}

/// What [`create`] needs.
pub struct Create<'a> {
    /// Signer that pays the rent.
    pub payer: &'a AccountView,
    /// The address to make an account at.
    pub target: &'a AccountView,
    /// The system program's account.
    pub system: &'a AccountView,
    /// Owner of the new account.
    pub owner: &'a Address,
    /// Bytes.
    pub size: u64,
    /// Seeds of `target` with the bump last.
    pub seeds: &'a [Seed<'a>],
}

/// Transfer `amount` from one SPL token account to another. `authority` is the owner of `from` and signs the
/// transaction, or is the derived address of `signers`. Errors: `WRONG_PROGRAM`.
#[inline(never)]
pub fn token_transfer(transfer: &TokenMove<'_>, amount: u64, signers: &[Signer<'_, '_>]) -> Outcome {
    token_op(TRANSFER, transfer, amount, signers)
}

/// Mint `amount`: `from` is the mint, `to` the token account, `authority` the mint authority. Errors: `WRONG_PROGRAM`.
#[inline(never)]
pub fn token_mint_to(mint: &TokenMove<'_>, amount: u64, signers: &[Signer<'_, '_>]) -> Outcome {
    token_op(7, mint, amount, signers)
}

/// Burn `amount`: `from` is the token account, `to` the mint, `authority` the account's owner. Errors: `WRONG_PROGRAM`.
#[inline(never)]
pub fn token_burn(burn: &TokenMove<'_>, amount: u64, signers: &[Signer<'_, '_>]) -> Outcome {
    token_op(8, burn, amount, signers)
}

/// Two accounts that a token instruction changes, who authorises it, and the token program.
pub struct TokenMove<'a> {
    /// First account of the instruction.
    pub from: &'a AccountView,
    /// Second account of the instruction.
    pub to: &'a AccountView,
    /// Owner or mint authority.
    pub authority: &'a AccountView,
    /// The SPL token program's account.
    pub token_program: &'a AccountView,
}

/// Tag of the token program's Transfer.
const TRANSFER: u8 = 3;
/// Tag of its FreezeAccount.
const FREEZE: u8 = 10;
/// Tag of its ThawAccount.
const THAW: u8 = 11;

/// A transfer from or to a token account that is thawed before it or frozen after it.
pub struct FrozenTransfer<'a> {
    /// The token account that is thawed or frozen.
    pub account: &'a AccountView,
    /// The token account at the other end.
    pub other: &'a AccountView,
    /// Owner of the one that the tokens leave.
    pub mover: &'a AccountView,
    /// Their mint.
    pub mint: &'a AccountView,
    /// The mint's freeze authority, the derived address of the signers.
    pub freeze_authority: &'a AccountView,
    /// The SPL token program's account.
    pub token_program: &'a AccountView,
    /// Whether `account` is frozen now.
    pub is_frozen: bool,
    /// Whether it is to be frozen afterwards.
    pub freezes: bool,
}

/// Thaw `account` if it is frozen, transfer `amount` (into it if `INTO`, else out of it), and freeze it if asked. `signers` sign
/// the thawing and freezing, `movers` the transfer. Errors: `WRONG_PROGRAM`.
#[inline(always)]
pub fn token_transfer_frozen<const INTO: bool>(
    request: &FrozenTransfer<'_>,
    amount: u64,
    signers: &[Signer<'_, '_>],
    movers: &[Signer<'_, '_>],
) -> Outcome {
    let FrozenTransfer { account, other, mover, mint, freeze_authority, .. } = *request;
    account::require_program(request.token_program, &TOKEN)?;
    let set = CallSet::new([account, other, mover, mint, freeze_authority]);
    let gate = [
        InstructionAccount::writable(account.address()),
        InstructionAccount::readonly(mint.address()),
        InstructionAccount::readonly_signer(freeze_authority.address()),
    ];
    if request.is_frozen {
        set.call((&TOKEN, &[THAW]), &gate, [0, 3, 4], signers)?;
    }
    let (from, to) = if INTO { (1, 0) } else { (0, 1) };
    let metas = [
        InstructionAccount::writable(set.views[from].address()),
        InstructionAccount::writable(set.views[to].address()),
        InstructionAccount::readonly_signer(mover.address()),
    ];
    set.call((&TOKEN, &amount_data(TRANSFER, amount)), &metas, [from, to, 2], movers)?;
    if request.freezes {
        set.call((&TOKEN, &[FREEZE]), &gate, [0, 3, 4], signers)?;
    }
    Ok(())
}

#[inline(always)]
fn amount_data(tag: u8, amount: u64) -> [u8; 9] {
    let mut data = [0u8; 9];
    data[0] = tag;
    data[1..9].copy_from_slice(&amount.to_le_bytes());
    data
}

#[inline(always)]
fn token_op(tag: u8, accounts: &TokenMove<'_>, amount: u64, signers: &[Signer<'_, '_>]) -> Outcome {
    account::require_program(accounts.token_program, &TOKEN)?;
    let data = amount_data(tag, amount);
    let metas = [
        InstructionAccount::writable(accounts.from.address()),
        InstructionAccount::writable(accounts.to.address()),
        InstructionAccount::readonly_signer(accounts.authority.address()),
    ];
    call(&TOKEN, &metas, &[accounts.from, accounts.to, accounts.authority], &data, signers)
}

/// Freeze `token_account` of `mint` by its freeze authority. Errors: `WRONG_PROGRAM`.
#[inline(never)]
pub fn token_freeze(accounts: &TokenMove<'_>, signers: &[Signer<'_, '_>]) -> Outcome {
    freeze_op(FREEZE, accounts, signers)
}

/// Thaw `token_account` of `mint` by its freeze authority. Errors: `WRONG_PROGRAM`.
#[inline(never)]
pub fn token_thaw(accounts: &TokenMove<'_>, signers: &[Signer<'_, '_>]) -> Outcome {
    freeze_op(THAW, accounts, signers)
}

/// `from` is the token account, `to` the mint.
#[inline(always)]
fn freeze_op(tag: u8, accounts: &TokenMove<'_>, signers: &[Signer<'_, '_>]) -> Outcome {
    account::require_program(accounts.token_program, &TOKEN)?;
    let metas = [
        InstructionAccount::writable(accounts.from.address()),
        InstructionAccount::readonly(accounts.to.address()),
        InstructionAccount::readonly_signer(accounts.authority.address()),
    ];
    call(&TOKEN, &metas, &[accounts.from, accounts.to, accounts.authority], &[tag], signers)
}

/// Make `mint` (82 zero bytes owned by the token program) a mint; `freeze_authority` None means it can never freeze.
/// Errors: `WRONG_PROGRAM`.
#[inline(never)]
pub fn token_init_mint(
    mint: &AccountView,
    token_program: &AccountView,
    decimals: u8,
    authorities: (&Address, Option<&Address>),
) -> Outcome {
    account::require_program(token_program, &TOKEN)?;
    let (mint_authority, freeze_authority) = authorities;
    let mut data = [0u8; 67]; // 20 = InitializeMint2, decimals, authority, option flag, freeze authority
    data[0] = 20;
    data[1] = decimals;
    data[2..34].copy_from_slice(mint_authority.as_array());
    let length = match freeze_authority {
        Some(authority) => {
            data[34] = 1;
            data[35..67].copy_from_slice(authority.as_array());
            67
        }
        None => 35,
    };
    call(&TOKEN, &[InstructionAccount::writable(mint.address())], &[mint], &data[..length], &[])
}

/// Make `token_account` (165 zero bytes owned by the token program) an account of `mint` that `owner` owns.
/// Errors: `WRONG_PROGRAM`.
#[inline(never)]
pub fn token_init_account(
    token_account: &AccountView,
    mint: &AccountView,
    token_program: &AccountView,
    owner: &Address,
) -> Outcome {
    account::require_program(token_program, &TOKEN)?;
    let mut data = [0u8; 33]; // 18 = InitializeAccount3, owner
    data[0] = 18;
    data[1..33].copy_from_slice(owner.as_array());
    let metas = [InstructionAccount::writable(token_account.address()), InstructionAccount::readonly(mint.address())];
    call(&TOKEN, &metas, &[token_account, mint], &data, &[])
}

/// Bytes of an SPL mint.
pub const MINT_SIZE: u64 = 82;
/// Bytes of an SPL token account.
pub const TOKEN_ACCOUNT_SIZE: u64 = 165;
