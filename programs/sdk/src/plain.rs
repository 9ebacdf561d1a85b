//! Decides which Rust types may lie over account bytes, and makes zero-copy records whose every offset is asserted.
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

/// The bytes of a record, for example to hash them.
#[inline(always)]
pub fn bytes_of<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: a Plain value has no padding, so all its bytes are initialised.
    unsafe { core::slice::from_raw_parts((value as *const T).cast::<u8>(), core::mem::size_of::<T>()) }
}
