//! Borsh, as far as fixed-width arguments and events need it: little-endian, no padding, a u32 count before a vector.
use crate::{mem, Fault, Outcome};
use pinocchio::Address;

/// Reads arguments from the front. Every read fails with `BAD_ARGUMENTS` when the bytes do not suffice.
pub struct Reader<'a> {
    rest: &'a [u8],
}

macro_rules! read_int {
    ($($name:ident: $type:ty),*) => {$(
        /// The next integer.
        #[inline(always)]
        pub fn $name(&mut self) -> Outcome<$type> {
            self.array::<{ core::mem::size_of::<$type>() }>().map(|bytes| <$type>::from_le_bytes(*bytes))
        }
    )*};
}

impl<'a> Reader<'a> {
    /// A reader over the bytes behind the discriminator.
    #[inline(always)]
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    read_int!(u8: u8, u16: u16, u32: u32, u64: u64, i64: i64);

    /// The next byte as a flag; anything but 0 and 1 is refused, because Borsh has one form for each value.
    #[inline(always)]
    pub fn bool(&mut self) -> Outcome<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Fault::BAD_ARGUMENTS),
        }
    }

    /// The next `N` bytes, in place.
    #[inline(always)]
    pub fn array<const N: usize>(&mut self) -> Outcome<&'a [u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Fault::BAD_ARGUMENTS)?;
        self.rest = rest;
        Ok(head)
    }

    /// The next 32 bytes as an address, in place.
    #[inline(always)]
    pub fn pubkey(&mut self) -> Outcome<&'a Address> {
        // SAFETY: Address is a transparent wrapper of [u8; 32].
        self.array::<32>().map(|bytes| unsafe { &*bytes.as_ptr().cast::<Address>() })
    }

    /// The next `length` bytes, in place.
    #[inline(always)]
    pub fn take(&mut self, length: usize) -> Outcome<&'a [u8]> {
        if length > self.rest.len() {
            return Err(Fault::BAD_ARGUMENTS);
        }
        let (head, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(head)
    }

    /// A Borsh `bytes`: a u32 count, then that many bytes, in place.
    #[inline(always)]
    pub fn bytes(&mut self) -> Outcome<&'a [u8]> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    /// All bytes not read yet.
    #[inline(always)]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// End of the arguments; bytes left over are refused.
    #[inline(always)]
    pub fn finish(self) -> Outcome {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Fault::BAD_ARGUMENTS)
        }
    }
}

/// Writes an event or CPI arguments into `N` bytes on the stack. Writing past the end aborts the transaction.
pub struct Writer<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

macro_rules! write_int {
    ($($name:ident: $type:ty),*) => {$(
        /// Append an integer.
        #[inline(always)]
        pub fn $name(&mut self, value: $type) -> &mut Self {
            self.array(&value.to_le_bytes())
        }
    )*};
}

impl<const N: usize> Writer<N> {
    /// Start with the eight-byte discriminator.
    #[inline(always)]
    pub fn new(discriminator: u64) -> Writer<N> {
        let mut writer = Writer { bytes: [0; N], length: 0 };
        writer.u64(discriminator);
        writer
    }

    write_int!(u8: u8, u16: u16, u32: u32, u64: u64, i64: i64);

    /// Append a flag.
    #[inline(always)]
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.u8(value as u8)
    }

    /// Append an address.
    #[inline(always)]
    pub fn pubkey(&mut self, value: &Address) -> &mut Self {
        self.array(value.as_array())
    }

    /// Append fixed bytes.
    #[inline(always)]
    pub fn array<const M: usize>(&mut self, value: &[u8; M]) -> &mut Self {
        self.bytes[self.length..self.length + M].copy_from_slice(value);
        self.length += M;
        self
    }

    /// Append bytes as they are, without a count.
    #[inline(always)]
    pub fn raw(&mut self, value: &[u8]) -> &mut Self {
        mem::copy(&mut self.bytes[self.length..self.length + value.len()], value);
        self.length += value.len();
        self
    }

    /// What was written.
    #[inline(always)]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Emit what was written as one event.
    #[inline(always)]
    pub fn emit(&self) {
        crate::event::emit(self.as_bytes());
    }
}
