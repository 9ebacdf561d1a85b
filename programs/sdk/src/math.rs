//! Arithmetic on energy and money: checked everywhere, saturating nowhere, and without 128-bit integers, which the
//! BPF backend cannot compile. (A checked 64-bit multiply is one: the compiler asks for `__multi3`.)
use crate::{Fault, Outcome};

/// `a + b`. Errors: `OVERFLOW`.
#[inline(always)]
pub fn add(a: u64, b: u64) -> Outcome<u64> {
    a.checked_add(b).ok_or(Fault::OVERFLOW)
}

/// `a − b`. Errors: `OVERFLOW` if b > a.
#[inline(always)]
pub fn sub(a: u64, b: u64) -> Outcome<u64> {
    a.checked_sub(b).ok_or(Fault::OVERFLOW)
}

/// `a × b` by 32-bit halves. Errors: `OVERFLOW` if the product reaches 2⁶⁴.
#[inline(always)]
pub fn mul(a: u64, b: u64) -> Outcome<u64> {
    checked_mul(a, b).ok_or(Fault::OVERFLOW)
}

/// `a × b`, or None if the product reaches 2⁶⁴.
#[inline(always)]
pub const fn checked_mul(a: u64, b: u64) -> Option<u64> {
    let (a_high, a_low) = (a >> 32, a & 0xffff_ffff);
    let (b_high, b_low) = (b >> 32, b & 0xffff_ffff);
    if a_high != 0 && b_high != 0 {
        return None;
    }
    // One of the highs is 0, so this is a single product of two 32-bit numbers and fits.
    let middle = a_high.wrapping_mul(b_low).wrapping_add(a_low.wrapping_mul(b_high));
    if middle >> 32 != 0 {
        return None;
    }
    a_low.wrapping_mul(b_low).checked_add(middle << 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> impl Iterator<Item = u64> {
        let edges = [0, 1, 2, 3, 0xffff_fffe, 0xffff_ffff, 1 << 32, (1 << 32) + 1, u64::MAX / 2, u64::MAX - 1, u64::MAX];
        edges.into_iter().chain((0..200u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(i as u32)))
    }

    #[test]
    fn product_is_the_compilers_or_refused() {
        for a in samples() {
            for b in samples() {
                assert_eq!(checked_mul(a, b), a.checked_mul(b), "{a} * {b}");
            }
        }
    }
}
