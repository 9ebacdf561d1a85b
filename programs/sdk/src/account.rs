//! The checks every account goes through before a program believes a byte of it.
use crate::{plain::Plain, sysvar, Fault, Outcome};
use pinocchio::{
    account::{Ref, RefMut},
    address::address_eq,
    AccountView, Address,
};

/// Layout version of every record of this release.
pub const VERSION: u8 = 1;

/// A record that fills a whole account and begins with the common header: discriminator, version, bump.
///
/// # Safety
/// The type is `repr(C)` and its first ten bytes are that header. [`account_record!`](crate::account_record) makes it so.
pub unsafe trait State: Plain {
    /// First eight bytes of SHA-256(`account:<Type>`), little-endian.
    const DISCRIMINATOR: u64;
}

/// Errors: `NOT_SIGNER`.
#[inline(always)]
pub fn require_signer(view: &AccountView) -> Outcome {
    if view.is_signer() {
        Ok(())
    } else {
        Err(Fault::NOT_SIGNER)
    }
}

/// Errors: `NOT_WRITABLE`.
#[inline(always)]
pub fn require_writable(view: &AccountView) -> Outcome {
    if view.is_writable() {
        Ok(())
    } else {
        Err(Fault::NOT_WRITABLE)
    }
}

/// Errors: `WRONG_ADDRESS`.
#[inline(always)]
pub fn require_address(view: &AccountView, wanted: &Address) -> Outcome {
    if address_eq(view.address(), wanted) {
        Ok(())
    } else {
        Err(Fault::WRONG_ADDRESS)
    }
}

/// An account that a client made must hold the lamports its size needs, or the cluster may take it away with everything in
/// it. Accounts made by [`crate::cpi::create`] do. Errors: `NOT_RENT_EXEMPT`.
#[inline(always)]
pub fn require_rent_exempt(view: &AccountView) -> Outcome {
    if view.lamports() >= sysvar::rent_exempt_lamports(view.data_len() as u64) {
        Ok(())
    } else {
        Err(Fault::NOT_RENT_EXEMPT)
    }
}

/// The account must be the program `wanted`, which is about to be called. Errors: `WRONG_PROGRAM`.
#[inline(always)]
pub fn require_program(view: &AccountView, wanted: &Address) -> Outcome {
    if address_eq(view.address(), wanted) {
        Ok(())
    } else {
        Err(Fault::WRONG_PROGRAM)
    }
}

/// Errors: `WRONG_OWNER`.
#[inline(always)]
pub fn require_owner(view: &AccountView, program: &Address) -> Outcome {
    // Not `owned_by`: that compares by a byte-wise memcmp, 96 units where four words cost 16.
    if address_eq(&view.owner(), program) {
        Ok(())
    } else {
        Err(Fault::WRONG_OWNER)
    }
}

/// Whether two addresses are the same.
#[inline(always)]
pub fn same(left: &Address, right: &Address) -> bool {
    address_eq(left, right)
}

/// The 32 bytes of an argument as an address, in place.
#[inline(always)]
pub fn as_address(bytes: &[u8; 32]) -> &Address {
    // SAFETY: Address is a transparent wrapper of [u8; 32].
    unsafe { &*bytes.as_ptr().cast::<Address>() }
}

/// Read a whole-account record that `program` owns.
///
/// # Errors
/// `WRONG_OWNER`, `WRONG_ACCOUNT_SIZE`, `WRONG_ACCOUNT_TYPE` (discriminator or version), `ACCOUNT_BORROWED` if it is
/// being changed under another slot.
#[inline(always)]
pub fn load<'v, T: State>(view: &'v AccountView, program: &Address) -> Outcome<Ref<'v, T>> {
    require_owner(view, program)?;
    let data = view.try_borrow().map_err(|_| Fault::ACCOUNT_BORROWED)?;
    check_header::<T>(&data)?;
    // SAFETY: length checked to be that of T; account data begins at an 8-aligned address (the runtime's layout);
    // any bytes are a T because T is Plain.
    Ok(Ref::map(data, |bytes| unsafe { &*bytes.as_ptr().cast::<T>() }))
}

/// Read and change a whole-account record that `program` (the running one) owns.
///
/// # Errors
/// As [`load`], and `NOT_WRITABLE`.
#[inline(always)]
pub fn load_mut<'v, T: State>(view: &'v mut AccountView, program: &Address) -> Outcome<RefMut<'v, T>> {
    require_writable(view)?;
    require_owner(view, program)?;
    let data = view.try_borrow_mut().map_err(|_| Fault::ACCOUNT_BORROWED)?;
    check_header::<T>(&data)?;
    // SAFETY: as in `load`.
    Ok(RefMut::map(data, |bytes| unsafe { &mut *bytes.as_mut_ptr().cast::<T>() }))
}

/// Claim a zeroed account of this program (made by [`crate::cpi::create`] or by the client) for a record: writes the
/// header and returns the record to fill. Everything else in it is zero.
///
/// # Errors
/// `NOT_WRITABLE`, `WRONG_OWNER`, `WRONG_ACCOUNT_SIZE`, `ALREADY_INITIALIZED` if the discriminator is not zero.
#[inline(always)]
pub fn init<'v, T: State>(view: &'v mut AccountView, program: &Address, bump: u8) -> Outcome<RefMut<'v, T>> {
    require_writable(view)?;
    require_owner(view, program)?;
    let mut data = view.try_borrow_mut().map_err(|_| Fault::ACCOUNT_BORROWED)?;
    if data.len() != core::mem::size_of::<T>() {
        return Err(Fault::WRONG_ACCOUNT_SIZE);
    }
    let (head, rest) = data.split_first_chunk_mut::<8>().ok_or(Fault::WRONG_ACCOUNT_SIZE)?;
    if u64::from_le_bytes(*head) != 0 {
        return Err(Fault::ALREADY_INITIALIZED);
    }
    *head = T::DISCRIMINATOR.to_le_bytes();
    let [version, bump_byte, ..] = rest else {
        return Err(Fault::WRONG_ACCOUNT_SIZE);
    };
    *version = VERSION;
    *bump_byte = bump;
    // SAFETY: as in `load`; the length was checked above.
    Ok(RefMut::map(data, |bytes| unsafe { &mut *bytes.as_mut_ptr().cast::<T>() }))
}

#[inline(always)]
fn check_header<T: State>(bytes: &[u8]) -> Outcome {
    if bytes.len() != core::mem::size_of::<T>() {
        return Err(Fault::WRONG_ACCOUNT_SIZE);
    }
    match bytes.first_chunk::<9>() {
        Some(&[a, b, c, d, e, f, g, h, VERSION]) if u64::from_le_bytes([a, b, c, d, e, f, g, h]) == T::DISCRIMINATOR => Ok(()),
        _ => Err(Fault::WRONG_ACCOUNT_TYPE),
    }
}
