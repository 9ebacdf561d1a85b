//! Decides which Rust types may lie over account bytes, and makes zero-copy records whose every offset is asserted.
use crate::{Fault, Outcome};
use pinocchio::Address;

/// A type of which any bytes are a value: fixed width, no padding, no pointers, alignment at most 8.
///
/// # Safety
/// The implementor keeps all four promises; [`record!`] proves them for a record, and no other crate implements it.
pub unsafe trait Plain: Copy + 'static {}

macro_rules! plain {
    ($($type:ty),*) => {$(
        // SAFETY: integers and bytes have no padding and no invalid value; alignment is at most 8.
        unsafe impl Plain for $type {}
    )*};
}
plain!(u8, u16, u32, u64, i32, i64);
// SAFETY: a transparent wrapper of [u8; 32].
unsafe impl Plain for Address {}
// SAFETY: an array has no padding between or behind its items.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// Declare a zero-copy record: `record! { /// docs
/// pub struct Name[size] { offset => field: type, … } }`. Compilation fails if an offset or the size is not as written,
/// if there is padding, or if a field's type is not [`Plain`](crate::plain::Plain).
#[macro_export]
macro_rules! record {
    ($(#[$docs:meta])* pub struct $name:ident[$size:expr] {
        $($(#[$field_docs:meta])* $at:literal => $field:ident: $type:ty),* $(,)?
    }) => {
        $(#[$docs])*
        #[derive(Clone, Copy)]
        #[repr(C)]
        pub struct $name { $($(#[$field_docs])* pub $field: $type),* }

        const _: () = {
            $(assert!(core::mem::offset_of!($name, $field) == $at, "a field is not at the offset written");)*
            assert!(core::mem::size_of::<$name>() == $size, "the record has another size than written");
            assert!(0 $(+ core::mem::size_of::<$type>())* == $size, "the record has padding");
            assert!(core::mem::align_of::<$name>() <= 8, "account data is aligned to 8 bytes");
            const fn is_plain<T: $crate::plain::Plain>() {}
            $(is_plain::<$type>();)*
        };

        // SAFETY: repr(C), every field is Plain, and the assertions above rule out padding and wider alignment.
        #[allow(unsafe_code)]
        unsafe impl $crate::plain::Plain for $name {}
    };
}

/// Like [`record!`], and the record is a whole account: `account_record! { pub struct Name[size], discriminator { … } }`.
/// The common header (`discriminator` u64, `version` u8, `bump` u8) is put in front; fields start at offset 10.
#[macro_export]
macro_rules! account_record {
    ($(#[$docs:meta])* pub struct $name:ident[$size:expr], $discriminator:expr, {
        $($(#[$field_docs:meta])* $at:literal => $field:ident: $type:ty),* $(,)?
    }) => {
        $crate::record! {
            $(#[$docs])*
            pub struct $name[$size] {
                /// Which type of record this is.
                0 => discriminator: u64,
                /// Layout version.
                8 => version: u8,
                /// Bump of the account's address, 0 where it has none.
                9 => bump: u8,
                $($(#[$field_docs])* $at => $field: $type),*
            }
        }

        // SAFETY: a Plain record that begins with the common header; size asserted above.
        #[allow(unsafe_code)]
        unsafe impl $crate::account::State for $name {
            const DISCRIMINATOR: u64 = $discriminator;
        }
    };
}

/// The record at byte `at` of `bytes`. Errors: `WRONG_ACCOUNT_SIZE` if it does not fit or is not aligned.
#[inline(always)]
pub fn view<T: Plain>(bytes: &[u8], at: usize) -> Outcome<&T> {
    check::<T>(bytes, at, 1)?;
    // SAFETY: in bounds and aligned (checked), and any bytes are a T because T is Plain.
    Ok(unsafe { &*bytes.as_ptr().add(at).cast::<T>() })
}

/// The record at byte `at` of `bytes`, to change. Errors: as [`view`].
#[inline(always)]
pub fn view_mut<T: Plain>(bytes: &mut [u8], at: usize) -> Outcome<&mut T> {
    check::<T>(bytes, at, 1)?;
    // SAFETY: as in `view`; the exclusive reference is passed on.
    Ok(unsafe { &mut *bytes.as_mut_ptr().add(at).cast::<T>() })
}

/// `count` records from byte `at` on. Errors: as [`view`].
#[inline(always)]
pub fn slice<T: Plain>(bytes: &[u8], at: usize, count: usize) -> Outcome<&[T]> {
    check::<T>(bytes, at, count)?;
    // SAFETY: as in `view`, for `count` records.
    Ok(unsafe { core::slice::from_raw_parts(bytes.as_ptr().add(at).cast::<T>(), count) })
}

/// `count` records from byte `at` on, to change. Errors: as [`view`].
#[inline(always)]
pub fn slice_mut<T: Plain>(bytes: &mut [u8], at: usize, count: usize) -> Outcome<&mut [T]> {
    check::<T>(bytes, at, count)?;
    // SAFETY: as in `view_mut`, for `count` records.
    Ok(unsafe { core::slice::from_raw_parts_mut(bytes.as_mut_ptr().add(at).cast::<T>(), count) })
}

/// The bytes of a record, for example to hash them.
#[inline(always)]
pub fn bytes_of<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: a Plain value has no padding, so all its bytes are initialised.
    unsafe { core::slice::from_raw_parts((value as *const T).cast::<u8>(), core::mem::size_of::<T>()) }
}

#[inline(always)]
fn check<T: Plain>(bytes: &[u8], at: usize, count: usize) -> Outcome {
    let room = bytes.len().checked_sub(at).ok_or(Fault::WRONG_ACCOUNT_SIZE)?;
    // Sizes are constants and counts small, so a division here is a comparison after optimisation.
    if count > room / core::mem::size_of::<T>() || (bytes.as_ptr() as usize + at) % core::mem::align_of::<T>() != 0 {
        return Err(Fault::WRONG_ACCOUNT_SIZE);
    }
    Ok(())
}
