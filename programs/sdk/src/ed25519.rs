//! Decides whether a device signed a message: strict Ed25519 inside the program, by the curve system call and our own
//! SHA-512. Who the key belongs to and what the message means is left to the callers.
//!
//! The verdict is that of `gridkit.ed25519.verify_strict`: RFC 8032 §5.1.7 without the cofactor, and refused besides are s
//! not below the group order, A not canonical, and A or R of small order. R is compared byte for byte with the
//! canonical encoding that the curve call returns, so an R in any other encoding never fits.
//!
//! About 8,800 compute units for a reading's core: 5,290 the digest, 3,031 the curve call, the rest the digest modulo L.
use crate::sha512;

/// Length of the signed core of a reading; with R and A in front it fills one SHA-512 block with its padding.
pub const CORE_SIZE: usize = 47;

/// The byte that must follow the core in the buffer given to [`verify_core`]: the first of the padding.
pub const CORE_PADDING: u8 = 0x80;

/// Whether `signature` (R ‖ s) is `key`'s over the first 47 bytes of `core`; the last byte must be [`CORE_PADDING`], or
/// nothing fits.
#[inline(always)]
pub fn verify_core(key: &[u8; 32], signature: &[u8; 64], core: &[u8; 48]) -> bool {
    #[cfg(feature = "sha512-syscall")]
    {
        let (message, _) = core.split_at(CORE_SIZE);
        verify(key, signature, message)
    }
    #[cfg(not(feature = "sha512-syscall"))]
    {
        let (r, s) = halves(signature);
        is_strict(key, r, s) && is_solution(key, signature, &sha512::hash_one_block(r, key, core))
    }
}

/// Whether `signature` (R ‖ s) is `key`'s over `message`, which may have up to 175 bytes; a longer one is refused.
#[inline(always)]
pub fn verify(key: &[u8; 32], signature: &[u8; 64], message: &[u8]) -> bool {
    let (r, s) = halves(signature);
    match sha512::hash(r, key, message) {
        Some(digest) => is_strict(key, r, s) && is_solution(key, signature, &digest),
        None => false,
    }
}

/// All that strictness asks of A, R and s by themselves.
#[inline(always)]
fn is_strict(key: &[u8; 32], r: &[u8; 32], s: &[u8; 32]) -> bool {
    !is_weak(key) && !is_weak(r) && is_below_order(s)
}

/// Whether s·B − h·A = R for the digest h of R ‖ A ‖ message.
#[inline(never)]
fn is_solution(key: &[u8; 32], signature: &[u8; 64], digest: &sha512::Digest) -> bool {
    let (r, s) = halves(signature);
    let [a0, a1, a2, a3] = words_of(key);
    // The negative of a point differs in the sign bit alone; x = 0, where that is not so, is of small order.
    let points = [BASE, [a0, a1, a2, a3 ^ SIGN]];
    let scalars = [words_of(s), reduce(digest)];
    match sum_of_products(&scalars, &points) {
        Some([x0, x1, x2, x3]) => {
            let [r0, r1, r2, r3] = words_of(r);
            x0 == r0 && x1 == r1 && x2 == r2 && x3 == r3
        }
        None => false,
    }
}

/// Encoding of the base point B: y = 4/5, x even.
const BASE: [u64; 4] = [0x6666_6666_6666_6658, 0x6666_6666_6666_6666, 0x6666_6666_6666_6666, 0x6666_6666_6666_6666];
/// The bit of an encoding's last word that holds the sign of x.
const SIGN: u64 = 1 << 63;
/// The prime subgroup has L = 2²⁵² + c points; these are the low words of L, which are c. Source: RFC 8032 §5.1.
const ORDER_LOW: [u64; 2] = [0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6];
/// y of the points of order 8 (two values, each with both signs). Source: the multiples of a point of order 8.
const ORDER_8: [[u64; 4]; 2] = [
    [0x4fd8_4d3d_706a_17c7, 0x0f67_100d_760b_3cba, 0xc6cc_392c_fa53_202a, 0x7a03_ac92_77fd_c74e],
    [0xb027_b2c2_8f95_e826, 0xf098_eff2_89f4_c345, 0x3933_c6d3_05ac_dfd5, 0x05fc_536d_8802_38b1],
];

/// Whether an encoding is not canonical (y ≥ p = 2²⁵⁵ − 19) or of small order (y is 0, 1, p − 1 or one of [`ORDER_8`]).
/// Any sign of x is weak with these y. One look at the last word settles all but one encoding in 2⁶².
#[inline(always)]
fn is_weak(point: &[u8; 32]) -> bool {
    let top = words_of(point)[3] << 1;
    if top != 0 && top != u64::MAX << 1 && top != ORDER_8[0][3] << 1 && top != ORDER_8[1][3] << 1 {
        return false;
    }
    is_weak_in_full(point)
}

#[inline(never)]
#[cold]
fn is_weak_in_full(point: &[u8; 32]) -> bool {
    let [y0, y1, y2, top] = words_of(point);
    let y3 = top & !SIGN;
    let is_order_8 = ORDER_8.iter().any(|y| y[0] == y0 && y[1] == y1 && y[2] == y2 && y[3] == y3);
    // p - 1 ends in ..ec; everything from there to 2^255 - 1 is p - 1 or not canonical.
    let is_last = y3 == !SIGN && y2 == u64::MAX && y1 == u64::MAX && y0 >= 0xffff_ffff_ffff_ffec;
    let is_first = y3 == 0 && y2 == 0 && y1 == 0 && y0 <= 1;
    is_order_8 || is_last || is_first
}

/// Whether a scalar is below L. The curve call refuses others too; that a signature has no twin does not rest on it.
#[inline(always)]
fn is_below_order(s: &[u8; 32]) -> bool {
    const TOP: u64 = 1 << 60;
    let s = words_of(s);
    if s[3] < TOP {
        return true;
    }
    s[3] == TOP && s[2] == 0 && (s[1] < ORDER_LOW[1] || (s[1] == ORDER_LOW[1] && s[0] < ORDER_LOW[0]))
}

/// Bits of a digit in [`reduce`].
const DIGIT: u32 = 28;
const MASK: i64 = (1 << DIGIT) - 1;
/// c of L = 2²⁵² + c in digits of 28 bits.
const C: [i64; 5] = [0xcf5d3ed, 0x12631a5, 0x79cd658, 0xf9dea2f, 0x14de];
/// Row i: a number congruent to 2^(256 + 32 i) modulo L, in signed digits of 28 bits. Rows 0 to 3 are −16 c 2^(32 i), which
/// has zeros; the others are the residue nearest to 0. `residues_are_right` proves them.
const RESIDUE: [[i64; 9]; 8] = [
    [10666288, -40049245, 103979647, 102849800, -85488, 0, 0, 0, 0],
    [0, -97774848, -103917007, 53061614, 34984070, -1367802, 0, 0, 0],
    [0, 0, 46215168, -52059382, 43679450, 22874211, -21884830, 0, 0],
    [0, 0, 0, -65863680, -27643741, -106435171, 97551923, -81721823, -1],
    [2777713, -131984742, -2255558, 133445093, 20035146, 94571052, -92350002, -49781974, 34628118],
    [97678823, 29482192, 102153354, -92615489, 18578656, 52115860, -97475903, 133012710, 8794778],
    [51705720, -58122140, -96808158, -81921698, -96613011, 28820234, 28547393, 50998291, -19280294],
    [-75821287, -118614202, -5576114, 12624716, 64100554, 64810695, -75747174, -80112622, 10666290],
];

/// The digest, read as a little-endian number of 512 bits, modulo L.
///
/// Its upper eight 32-bit words are replaced by their residues, column by column of 28-bit digits: every column stays
/// below 2⁶², so there is one carry chain, then one multiple of L to take off, and a second chain.
#[inline(always)]
fn reduce(digest: &sha512::Digest) -> [u64; 4] {
    let mut x = [0i64; 16];
    for (word, bytes) in x.iter_mut().zip(digest.as_chunks::<4>().0) {
        *word = i64::from(u32::from_le_bytes(*bytes));
    }
    // Word i is worth 2^(32 i) = 2^(4 i) x 2^(28 i); word 7 stands at 2^224, where digit 8 stands.
    let mut d = [x[0], x[1] << 4, x[2] << 8, x[3] << 12, x[4] << 16, x[5] << 20, x[6] << 24, 0, x[7]];
    let mut column = 0;
    while column < 9 {
        let mut row = 0;
        while row < 8 {
            d[column] = d[column].wrapping_add(x[8 + row].wrapping_mul(RESIDUE[row][column]));
            row += 1;
        }
        column += 1;
    }
    let multiple = carry(&mut d);
    subtract_c(&mut d, multiple);
    // The value is now between -2^156 and 2^252 + 2^156, so what is left over is -1, 0 or 1, and almost always 0.
    let rest = carry(&mut d);
    if rest != 0 {
        finish_rare(&mut d, rest);
    }
    let w = |i: usize| d[i] as u64;
    [
        w(0) | w(1) << 28 | w(2) << 56,
        w(2) >> 8 | w(3) << 20 | w(4) << 48,
        w(4) >> 16 | w(5) << 12 | w(6) << 40,
        w(6) >> 24 | w(7) << 4 | w(8) << 32,
    ]
}

/// Bring every digit into 0..2²⁸ and return what is left over in units of 2²⁵².
#[inline(always)]
fn carry(d: &mut [i64; 9]) -> i64 {
    let mut left = 0;
    for digit in d.iter_mut() {
        *digit = digit.wrapping_add(left);
        left = *digit >> DIGIT;
        *digit &= MASK;
    }
    left
}

/// As `multiple` × 2²⁵² has been left out, take off `multiple` × c: together that is a multiple of L.
#[inline(always)]
fn subtract_c(d: &mut [i64; 9], multiple: i64) {
    for (digit, c) in d.iter_mut().zip(C) {
        *digit = digit.wrapping_sub(multiple.wrapping_mul(c));
    }
}

/// The digits stand for themselves plus `rest` × 2²⁵², `rest` being 1 or −1; bring that into 0..L.
#[inline(never)]
#[cold]
fn finish_rare(d: &mut [i64; 9], rest: i64) {
    let mut other = *d;
    subtract_c(&mut other, rest);
    let over = carry(&mut other);
    if rest < 0 {
        // Just below 0: L has been added. The sum may reach 2^252, which the last digit holds.
        *d = other;
        d[8] += over << DIGIT;
    } else if over < 0 {
        // From 2^252 to L: nothing to take off.
        d[8] += 1 << DIGIT;
    } else {
        *d = other;
    }
}

/// scalars[0] · points[0] + scalars[1] · points[1] on edwards25519, encoded. None when an encoding is of no point or a
/// scalar is not below L. 3,031 compute units.
#[inline(always)]
fn sum_of_products(scalars: &[[u64; 4]; 2], points: &[[u64; 4]; 2]) -> Option<[u64; 4]> {
    #[cfg(any(target_os = "solana", target_arch = "bpf"))]
    {
        const EDWARDS: u64 = 0;
        let mut sum = [0u64; 4];
        // SAFETY: two scalars and two points of 32 bytes each are read, and 32 bytes are written.
        let failed = unsafe {
            pinocchio::syscalls::sol_curve_multiscalar_mul(
                EDWARDS,
                scalars.as_ptr().cast(),
                points.as_ptr().cast(),
                2,
                sum.as_mut_ptr().cast(),
            )
        };
        (failed == 0).then_some(sum)
    }
    #[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
    {
        // There is no curve outside the runtime; the suite runs this code in one.
        let _ = (scalars, points);
        None
    }
}

#[inline(always)]
fn halves(signature: &[u8; 64]) -> (&[u8; 32], &[u8; 32]) {
    // SAFETY: 64 bytes are twice 32 bytes.
    let [r, s] = unsafe { &*signature.as_ptr().cast::<[[u8; 32]; 2]>() };
    (r, s)
}

#[inline(always)]
fn words_of(bytes: &[u8; 32]) -> [u64; 4] {
    // SAFETY: 32 bytes are read at any alignment, and any bytes are words. The target is little-endian.
    unsafe { bytes.as_ptr().cast::<[u64; 4]>().read_unaligned() }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    /// Little-endian number modulo L, one bit at a time from the top.
    fn slow_reduce(bytes: &[u8]) -> [u64; 4] {
        let order = [ORDER_LOW[0], ORDER_LOW[1], 0, 1 << 60];
        let mut value = [0u64; 4];
        for bit in (0..8 * bytes.len()).rev() {
            for i in (0..4).rev() {
                value[i] = value[i] << 1 | if i > 0 { value[i - 1] >> 63 } else { u64::from(bytes[bit / 8] >> (bit % 8) & 1) };
            }
            if value.iter().rev().ge(order.iter().rev()) {
                let mut borrow = 0u128;
                for i in 0..4 {
                    let (wide, taken) = (u128::from(value[i]), u128::from(order[i]) + borrow);
                    borrow = u128::from(wide < taken);
                    value[i] = wide.wrapping_sub(taken) as u64;
                }
            }
        }
        value
    }

    /// little-endian product of small factor and L plus an offset, as 64 bytes.
    fn near_multiple(factor: u64, shift: usize, offset: i64) -> [u8; 64] {
        let mut words = [0u64; 9];
        let order = [ORDER_LOW[0], ORDER_LOW[1], 0, 1 << 60];
        let mut over = 0u128;
        for i in 0..5 {
            over += u128::from(factor) * u128::from(*order.get(i).unwrap_or(&0));
            words[i + shift] = over as u64;
            over >>= 64;
        }
        let mut over = i128::from(offset);
        for word in words.iter_mut() {
            over += i128::from(*word);
            *word = over as u64;
            over >>= 64;
        }
        let mut bytes = [0u8; 64];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn residues_are_right() {
        for (row, digits) in RESIDUE.iter().enumerate() {
            let mut power = [0u8; 64];
            power[4 * (8 + row)] = 1;
            let mut d = *digits;
            let rest = carry(&mut d);
            subtract_c(&mut d, rest);
            let rest = carry(&mut d);
            if rest != 0 {
                finish_rare(&mut d, rest);
            }
            let mut bytes = [0u8; 64];
            for (i, digit) in d.iter().enumerate() {
                for bit in 0..30 {
                    bytes[(28 * i + bit) / 8] |= ((digit >> bit & 1) as u8) << ((28 * i + bit) % 8);
                }
            }
            assert_eq!(slow_reduce(&bytes), slow_reduce(&power), "row {row}");
        }
    }

    #[test]
    fn reduction_is_long_division() {
        let mut cases: Vec<[u8; 64]> = Vec::new();
        for bit in 0..512 {
            let mut one = [0u8; 64];
            one[bit / 8] = 1 << (bit % 8);
            let mut below = [0u8; 64];
            below[..bit / 8].fill(0xff);
            below[bit / 8] = (1u8 << (bit % 8)).wrapping_sub(1);
            cases.extend([one, below]);
        }
        for factor in [1, 2, 3, 7, 15, 16, 17, 255, u64::MAX] {
            for shift in 0..4 {
                for offset in [-2, -1, 0, 1, 2] {
                    cases.push(near_multiple(factor, shift, offset));
                }
            }
        }
        let mut seed = 1u64;
        for _ in 0..20_000 {
            let mut bytes = [0u8; 64];
            for byte in bytes.iter_mut() {
                seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                *byte = (seed >> 56) as u8;
            }
            cases.push(bytes);
        }
        cases.extend([[0; 64], [0xff; 64]]);
        for case in cases {
            assert_eq!(reduce(&case), slow_reduce(&case), "{case:02x?}");
        }
    }

    #[test]
    fn only_what_is_below_the_order_is_a_scalar() {
        let [low, high] = ORDER_LOW;
        for (s, wanted) in [
            ([low, high, 0, 1 << 60], false),
            ([low - 1, high, 0, 1 << 60], true),
            ([u64::MAX, high - 1, 0, 1 << 60], true),
            ([0, high + 1, 0, 1 << 60], false),
            ([0, 0, 1, 1 << 60], false),
            ([u64::MAX, u64::MAX, u64::MAX, (1 << 60) - 1], true),
            ([0, 0, 0, (1 << 60) + 1], false),
        ] {
            let mut bytes = [0u8; 32];
            for (chunk, word) in bytes.chunks_exact_mut(8).zip(s) {
                chunk.copy_from_slice(&word.to_le_bytes());
            }
            assert_eq!(is_below_order(&bytes), wanted, "{s:x?}");
        }
    }
}
