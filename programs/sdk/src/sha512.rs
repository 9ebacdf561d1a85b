//! SHA-512 inside a program: decides how the 64 bytes are computed where the runtime has no system call for them. What
//! is hashed is left to [`crate::ed25519`].
//!
//! The compression is nine tenths of the price of a device signature beyond the curve, so on the BPF target it is
//! written in assembler: the eight working words stay in r0 to r7 for all 80 rounds, the message schedule keeps its last
//! seven words in registers, and three rotations cost 13 instructions (three nested right shifts, three nested left
//! shifts) where the compiler's rotates take 17. 5.3k compute units a block; the compiler's best was 7.9k.
//! Everywhere else, also under `cargo build-sbf`, the same steps run in plain Rust, against which the assembler is tested.

/// A SHA-512 digest in the order of its bytes.
pub type Digest = [u8; 64];

/// Most bytes that [`hash`] takes: two blocks less the padding.
pub const MAX_MESSAGE: usize = 256 - 17;

/// Hash `head` ‖ `middle` ‖ `tail`. Two blocks at most; None if the message is longer than [`MAX_MESSAGE`].
#[cfg(not(all(feature = "sha512-syscall", any(target_os = "solana", target_arch = "bpf"))))]
#[inline(never)]
pub fn hash(head: &[u8; 32], middle: &[u8; 32], tail: &[u8]) -> Option<Digest> {
    let length = 64 + tail.len();
    if length > MAX_MESSAGE {
        return None;
    }
    let mut blocks = [0u64; 32];
    let bytes = bytes_of_mut(&mut blocks);
    crate::mem::copy(&mut bytes[..32], head);
    crate::mem::copy(&mut bytes[32..64], middle);
    crate::mem::copy(&mut bytes[64..], tail);
    bytes[length] = 0x80;
    let used = if length < 112 { 1 } else { 2 };
    // The length in bits is a 128-bit big-endian number; ours fits its last two bytes.
    blocks[16 * used - 1] = (8 * length as u64).to_be();

    let mut state = INITIAL;
    let [first, second] = halves(&blocks);
    compress(&mut state, first);
    if used == 2 {
        compress(&mut state, second);
    }
    Some(digest_of(&state))
}

/// Hash `head` ‖ `middle` ‖ `tail` by system call (SIMD-0512), with the same bound as without it.
#[cfg(all(feature = "sha512-syscall", any(target_os = "solana", target_arch = "bpf")))]
#[inline(always)]
pub fn hash(head: &[u8; 32], middle: &[u8; 32], tail: &[u8]) -> Option<Digest> {
    if 64 + tail.len() > MAX_MESSAGE {
        return None;
    }
    let parts: [&[u8]; 3] = [head, middle, tail];
    let mut digest = [0u8; 64];
    // SAFETY: a `&[u8]` is an address and a length, the pair the call reads, and there are three; it writes 64 bytes.
    let failed = unsafe { pinocchio::syscalls::sol_sha512(parts.as_ptr().cast(), 3, digest.as_mut_ptr()) };
    (failed == 0).then_some(digest)
}

/// Hash `head` ‖ `middle` ‖ the first 47 bytes of `tail`, whose last byte must be 0x80: the one block of R ‖ A ‖ core.
#[inline(always)]
pub fn hash_one_block(head: &[u8; 32], middle: &[u8; 32], tail: &[u8; 48]) -> Digest {
    #[cfg(all(target_arch = "bpf", not(target_os = "solana")))]
    {
        let mut words = [0u64; 8];
        // SAFETY: the four pointers are to 32, 32, 48 and 64 bytes, and the routine touches no other memory of ours.
        unsafe { bpf::one_block::<0>(head.as_ptr(), middle.as_ptr(), tail.as_ptr(), words.as_mut_ptr()) };
        // SAFETY: [u64; 8] and [u8; 64] have the same size, and any bytes are a [u8; 64].
        unsafe { core::mem::transmute::<[u64; 8], Digest>(words) }
    }
    #[cfg(not(all(target_arch = "bpf", not(target_os = "solana"))))]
    {
        let mut block = [0u64; 16];
        let bytes = bytes_of_mut(&mut block);
        bytes[..32].copy_from_slice(head);
        bytes[32..64].copy_from_slice(middle);
        bytes[64..112].copy_from_slice(tail);
        block[15] = 888u64.to_be();
        let mut state = INITIAL;
        compress(&mut state, &block);
        digest_of(&state)
    }
}

/// Mix one block (16 words as they lie in memory, big-endian) into `state`.
#[inline(always)]
fn compress(state: &mut [u64; 8], block: &[u64; 16]) {
    #[cfg(all(target_arch = "bpf", not(target_os = "solana")))]
    // SAFETY: the pointers are to 8 and 16 words, and the routine touches no other memory of ours.
    unsafe {
        bpf::compress::<0>(state.as_mut_ptr(), block.as_ptr())
    };
    #[cfg(not(all(target_arch = "bpf", not(target_os = "solana"))))]
    plain::compress(state, block);
}

/// First 64 bits of the fractional parts of the square roots of the first eight primes. Source: FIPS 180-4 §5.3.5.
const INITIAL: [u64; 8] = [
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
];

#[inline(always)]
fn digest_of(state: &[u64; 8]) -> Digest {
    let mut words = [0u64; 8];
    for (word, value) in words.iter_mut().zip(state) {
        *word = value.to_be();
    }
    // SAFETY: [u64; 8] and [u8; 64] have the same size, and any bytes are a [u8; 64].
    unsafe { core::mem::transmute::<[u64; 8], Digest>(words) }
}

#[inline(always)]
fn bytes_of_mut<const N: usize>(words: &mut [u64; N]) -> &mut [u8] {
    // SAFETY: the words are 8 × N bytes, any bytes are words, and the exclusive reference is passed on.
    unsafe { core::slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u8>(), 8 * N) }
}

#[inline(always)]
fn halves(blocks: &[u64; 32]) -> &[[u64; 16]; 2] {
    // SAFETY: 32 words are twice 16 words, with the same alignment.
    unsafe { &*blocks.as_ptr().cast::<[[u64; 16]; 2]>() }
}

/// Calls `$use` with the 80 round constants, eight a row behind the round they begin with: first 64 bits of the
/// fractional parts of the cube roots of the first 80 primes. Source: FIPS 180-4 §4.2.3.
macro_rules! with_round_constants {
    ($use:ident) => {
        $use! {
            "0": 0x428a2f98d728ae22 0x7137449123ef65cd 0xb5c0fbcfec4d3b2f 0xe9b5dba58189dbbc 0x3956c25bf348b538 0x59f111f1b605d019 0x923f82a4af194f9b 0xab1c5ed5da6d8118;
            "8": 0xd807aa98a3030242 0x12835b0145706fbe 0x243185be4ee4b28c 0x550c7dc3d5ffb4e2 0x72be5d74f27b896f 0x80deb1fe3b1696b1 0x9bdc06a725c71235 0xc19bf174cf692694;
            "16": 0xe49b69c19ef14ad2 0xefbe4786384f25e3 0x0fc19dc68b8cd5b5 0x240ca1cc77ac9c65 0x2de92c6f592b0275 0x4a7484aa6ea6e483 0x5cb0a9dcbd41fbd4 0x76f988da831153b5;
            "24": 0x983e5152ee66dfab 0xa831c66d2db43210 0xb00327c898fb213f 0xbf597fc7beef0ee4 0xc6e00bf33da88fc2 0xd5a79147930aa725 0x06ca6351e003826f 0x142929670a0e6e70;
            "32": 0x27b70a8546d22ffc 0x2e1b21385c26c926 0x4d2c6dfc5ac42aed 0x53380d139d95b3df 0x650a73548baf63de 0x766a0abb3c77b2a8 0x81c2c92e47edaee6 0x92722c851482353b;
            "40": 0xa2bfe8a14cf10364 0xa81a664bbc423001 0xc24b8b70d0f89791 0xc76c51a30654be30 0xd192e819d6ef5218 0xd69906245565a910 0xf40e35855771202a 0x106aa07032bbd1b8;
            "48": 0x19a4c116b8d2d0c8 0x1e376c085141ab53 0x2748774cdf8eeb99 0x34b0bcb5e19b48a8 0x391c0cb3c5c95a63 0x4ed8aa4ae3418acb 0x5b9cca4f7763e373 0x682e6ff3d6b2b8a3;
            "56": 0x748f82ee5defb2fc 0x78a5636f43172f60 0x84c87814a1f0ab72 0x8cc702081a6439ec 0x90befffa23631e28 0xa4506cebde82bde9 0xbef9a3f7b2c67915 0xc67178f2e372532b;
            "64": 0xca273eceea26619c 0xd186b8c721c0c207 0xeada7dd6cde0eb1e 0xf57d4f7fee6ed178 0x06f067aa72176fba 0x0a637dc5a2c898a6 0x113f9804bef90dae 0x1b710b35131c471b;
            "72": 0x28db77f523047d84 0x32caab7b40c72493 0x3c9ebe0a15c9bebc 0x431d67c49c100d4c 0x4cc5d4becb3e42b6 0x597f299cfc657e2a 0x5fcb6fab3ad6faec 0x6c44198c4a475817;
        }
    };
}

/// The compression for every target but upstream BPF.
#[cfg(any(test, not(all(target_arch = "bpf", not(target_os = "solana")))))]
mod plain {
    macro_rules! table {
        ($($at:literal: $($constant:literal)*;)*) => { [$($($constant),*),*] };
    }
    const ROUND: [u64; 80] = with_round_constants!(table);

    /// Source: FIPS 180-4 §6.4.2.
    pub fn compress(state: &mut [u64; 8], block: &[u64; 16]) {
        let mut w = [0u64; 80];
        for t in 0..16 {
            w[t] = u64::from_be(block[t]);
        }
        for t in 16..80 {
            let s0 = w[t - 15].rotate_right(1) ^ w[t - 15].rotate_right(8) ^ (w[t - 15] >> 7);
            let s1 = w[t - 2].rotate_right(19) ^ w[t - 2].rotate_right(61) ^ (w[t - 2] >> 6);
            w[t] = w[t - 16].wrapping_add(s0).wrapping_add(w[t - 7]).wrapping_add(s1);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
        for t in 0..80 {
            let s1 = e.rotate_right(14) ^ e.rotate_right(18) ^ e.rotate_right(41);
            let choice = (e & f) ^ (!e & g);
            let t1 = h.wrapping_add(s1).wrapping_add(choice).wrapping_add(ROUND[t]).wrapping_add(w[t]);
            let s0 = a.rotate_right(28) ^ a.rotate_right(34) ^ a.rotate_right(39);
            let majority = (a & b) ^ (a & c) ^ (b & c);
            (h, g, f, e) = (g, f, e, d.wrapping_add(t1));
            (d, c, b, a) = (c, b, a, t1.wrapping_add(s0).wrapping_add(majority));
        }
        for (word, value) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *word = word.wrapping_add(value);
        }
    }
}

/// The compression in BPF assembler. Each routine uses the 4,096-byte frame that the runtime gives a call: the 80 words of
/// the schedule at r10 - 640, one pointer at r10 - 648. The routines are generic over a number so that a program that
/// does not call them does not carry their 42 KB.
#[cfg(all(target_arch = "bpf", not(target_os = "solana")))]
mod bpf {
    use core::arch::naked_asm;

    /// Where word `$t` of the schedule lies.
    macro_rules! word {
        ($t:expr) => {
            concat!("*(u64 *)(r10 - 640 + 8*(", $t, "))")
        };
    }

    /// `$acc += σ0($x)`, which is x ⋙ 1 ⊕ x ⋙ 8 ⊕ x » 7; `$p` and `$q` are spent.
    macro_rules! add_sigma_0 {
        ($acc:literal, $x:literal, $p:literal, $q:literal) => {
            concat!(
                $p, " = ", $x, "\n", $p, " >>= 1\n", $p, " ^= ", $x, "\n", $p, " >>= 6\n", $p, " ^= ", $x, "\n", $p, " >>= 1\n",
                $q, " = ", $x, "\n", $q, " <<= 7\n", $q, " ^= ", $x, "\n", $q, " <<= 56\n",
                $p, " ^= ", $q, "\n", $acc, " += ", $p, "\n",
            )
        };
    }

    /// `$acc += σ1($x)`, which is x ⋙ 19 ⊕ x ⋙ 61 ⊕ x » 6; `$p` and `$q` are spent.
    macro_rules! add_sigma_1 {
        ($acc:literal, $x:literal, $p:literal, $q:literal) => {
            concat!(
                $p, " = ", $x, "\n", $p, " >>= 42\n", $p, " ^= ", $x, "\n", $p, " >>= 13\n", $p, " ^= ", $x, "\n", $p, " >>= 6\n",
                $q, " = ", $x, "\n", $q, " <<= 42\n", $q, " ^= ", $x, "\n", $q, " <<= 3\n",
                $p, " ^= ", $q, "\n", $acc, " += ", $p, "\n",
            )
        };
    }

    /// One word of the schedule: `$acc` holds w[t-16] and becomes w[t]; `$w2`, `$w7` hold w[t-2], w[t-7] (the latter is
    /// spent); `$x` becomes w[t-15], which the next step calls w[t-16].
    macro_rules! step {
        ($t:expr, $acc:literal, $w2:literal, $w7:literal, $x:literal) => {
            concat!(
                $acc, " += ", $w7, "\n",
                $x, " = ", word!(concat!($t, "-15")), "\n",
                add_sigma_0!($acc, $x, $w7, "r2"), add_sigma_1!($acc, $w2, $w7, "r2"),
                word!($t), " = ", $acc, "\n",
            )
        };
    }

    /// Nine words from `$t` on, after which every register has its first role again: the roles w[t-16], w[t-1] to
    /// w[t-7] and w[t-15] go round r9, r8 to r3, r1 and r0, and r2 is scratch.
    macro_rules! nine_steps {
        ($t:expr) => {
            concat!(
                step!(concat!($t, "+0"), "r9", "r7", "r1", "r0"), step!(concat!($t, "+1"), "r0", "r8", "r3", "r1"),
                step!(concat!($t, "+2"), "r1", "r9", "r4", "r3"), step!(concat!($t, "+3"), "r3", "r0", "r5", "r4"),
                step!(concat!($t, "+4"), "r4", "r1", "r6", "r5"), step!(concat!($t, "+5"), "r5", "r3", "r7", "r6"),
                step!(concat!($t, "+6"), "r6", "r4", "r8", "r7"), step!(concat!($t, "+7"), "r7", "r5", "r9", "r8"),
                step!(concat!($t, "+8"), "r8", "r6", "r0", "r9"),
            )
        };
    }

    /// `$h += w[t] + $k`; r8 is spent.
    macro_rules! add_input {
        ($t:expr, $k:literal, $h:literal) => {
            concat!("r8 = ", word!($t), "\n", $h, " += r8\nr8 = ", stringify!($k), " ll\n", $h, " += r8\n")
        };
    }

    /// `$h += Σ1($e) + choice($e, $f, $g)`; r8 and r9 are spent.
    macro_rules! add_choice {
        ($e:literal, $f:literal, $g:literal, $h:literal) => {
            concat!(
                "r8 = ", $e, "\nr8 >>= 23\nr8 ^= ", $e, "\nr8 >>= 4\nr8 ^= ", $e, "\nr8 >>= 14\n",
                "r9 = ", $e, "\nr9 <<= 4\nr9 ^= ", $e, "\nr9 <<= 23\nr9 ^= ", $e, "\nr9 <<= 23\n",
                "r8 ^= r9\n", $h, " += r8\n",
                "r8 = ", $f, "\nr8 ^= ", $g, "\nr8 &= ", $e, "\nr8 ^= ", $g, "\n", $h, " += r8\n",
            )
        };
    }

    /// `$h += Σ0($a)`; r8 and r9 are spent.
    macro_rules! add_big_sigma_0 {
        ($a:literal, $h:literal) => {
            concat!(
                "r8 = ", $a, "\nr8 >>= 5\nr8 ^= ", $a, "\nr8 >>= 6\nr8 ^= ", $a, "\nr8 >>= 28\n",
                "r9 = ", $a, "\nr9 <<= 6\nr9 ^= ", $a, "\nr9 <<= 5\nr9 ^= ", $a, "\nr9 <<= 25\n",
                "r8 ^= r9\n", $h, " += r8\n",
            )
        };
    }

    /// A round that leaves $a ⊕ $b in r9 for the next one. The round's new a is in `$h`, its new e in `$d`.
    macro_rules! even_round {
        ($t:expr, $k:literal, $a:literal $b:literal $c:literal $d:literal $e:literal $f:literal $g:literal $h:literal) => {
            concat!(
                add_input!($t, $k, $h), add_choice!($e, $f, $g, $h), $d, " += ", $h, "\n", add_big_sigma_0!($a, $h),
                // majority(a, b, c) = ((a ⊕ b) & (b ⊕ c)) ⊕ b
                "r9 = ", $a, "\nr9 ^= ", $b, "\nr8 = ", $b, "\nr8 ^= ", $c, "\nr8 &= r9\nr8 ^= ", $b, "\n", $h, " += r8\n",
            )
        };
    }

    /// A round that finds $b ⊕ $c in r9. There is no register to keep the majority until `$d += $h`, so it goes into
    /// `$h` before and comes off `$d` again: one instruction less than to make $b ⊕ $c anew.
    macro_rules! odd_round {
        ($t:expr, $k:literal, $a:literal $b:literal $c:literal $d:literal $e:literal $f:literal $g:literal $h:literal) => {
            concat!(
                "r8 = ", $a, "\nr8 ^= ", $b, "\nr8 &= r9\nr8 ^= ", $b, "\n", $h, " += r8\n", $d, " -= r8\n",
                add_input!($t, $k, $h), add_choice!($e, $f, $g, $h), $d, " += ", $h, "\n", add_big_sigma_0!($a, $h),
            )
        };
    }

    /// Rounds t+1 to t+7, after which a to h are in r0 to r7 again.
    macro_rules! seven_rounds {
        ($t:literal, $k1:literal $k2:literal $k3:literal $k4:literal $k5:literal $k6:literal $k7:literal) => {
            concat!(
                odd_round!(concat!($t, "+1"), $k1, "r7" "r0" "r1" "r2" "r3" "r4" "r5" "r6"),
                even_round!(concat!($t, "+2"), $k2, "r6" "r7" "r0" "r1" "r2" "r3" "r4" "r5"),
                odd_round!(concat!($t, "+3"), $k3, "r5" "r6" "r7" "r0" "r1" "r2" "r3" "r4"),
                even_round!(concat!($t, "+4"), $k4, "r4" "r5" "r6" "r7" "r0" "r1" "r2" "r3"),
                odd_round!(concat!($t, "+5"), $k5, "r3" "r4" "r5" "r6" "r7" "r0" "r1" "r2"),
                even_round!(concat!($t, "+6"), $k6, "r2" "r3" "r4" "r5" "r6" "r7" "r0" "r1"),
                odd_round!(concat!($t, "+7"), $k7, "r1" "r2" "r3" "r4" "r5" "r6" "r7" "r0"),
            )
        };
    }

    /// All rounds.
    macro_rules! rounds {
        ($($t:literal: $k0:literal $k1:literal $k2:literal $k3:literal $k4:literal $k5:literal $k6:literal $k7:literal;)*) => {
            concat!($(
                even_round!($t, $k0, "r0" "r1" "r2" "r3" "r4" "r5" "r6" "r7"),
                seven_rounds!($t, $k1 $k2 $k3 $k4 $k5 $k6 $k7),
            )*)
        };
    }

    /// All rounds of a message's first block but round 0, whose state is the initial one: its new a and e are w[0] plus a
    /// constant, and what the other words become is known too.
    macro_rules! rounds_from_the_start {
        ($t0:literal: $k0:literal $k1:literal $k2:literal $k3:literal $k4:literal $k5:literal $k6:literal $k7:literal; $($rest:tt)*) => {
            concat!(
                "r7 = ", word!("0"), "\nr3 = r7\n",
                "r8 = 0x954d6b38bcfcddf5 ll\nr7 += r8\n", // a1 - w[0]
                "r8 = 0xf7689eb47ab51f91 ll\nr3 += r8\n", // e1 - w[0]
                "r9 = 0xd16e48e277766e33 ll\n", // a0 ⊕ b0
                "r0 = 0x6a09e667f3bcc908 ll\nr1 = 0xbb67ae8584caa73b ll\nr2 = 0x3c6ef372fe94f82b ll\n",
                "r4 = 0x510e527fade682d1 ll\nr5 = 0x9b05688c2b3e6c1f ll\nr6 = 0x1f83d9abfb41bd6b ll\n",
                seven_rounds!($t0, $k1 $k2 $k3 $k4 $k5 $k6 $k7), rounds!($($rest)*),
            )
        };
    }

    /// `$to` = the big-endian word at `$from`, stored as word `$t` of the schedule too.
    macro_rules! load {
        ($t:literal, $to:literal, $from:literal) => {
            concat!($to, " = *(u64 *)(", $from, ")\n", $to, " = be64 ", $to, "\n", word!($t), " = ", $to, "\n")
        };
    }

    /// `$r += $start`, big-endian, to word `$at` of the digest at r8; r9 is spent.
    macro_rules! finish {
        ($at:literal, $r:literal, $start:literal) => {
            concat!("r9 = ", $start, " ll\n", $r, " += r9\n", $r, " = be64 ", $r, "\n*(u64 *)(r8 + ", $at, ") = ", $r, "\n")
        };
    }

    /// Words 25 to 33 of the one block: w[29-15] is 0, w[30-15] is 888.
    macro_rules! nine_steps_at_25 {
        () => {
            concat!(
                step!("25", "r9", "r7", "r1", "r0"), step!("26", "r0", "r8", "r3", "r1"), step!("27", "r1", "r9", "r4", "r3"),
                step!("28", "r3", "r0", "r5", "r4"),
                "r4 += r6\nr5 = 0\n", add_sigma_1!("r4", "r1", "r6", "r2"), word!("29"), " = r4\n",
                "r5 += r7\nr6 = 888\nr7 = 0x78000000000001b9 ll\nr5 += r7\n", add_sigma_1!("r5", "r3", "r7", "r2"), word!("30"), " = r5\n",
                step!("31", "r6", "r4", "r8", "r7"), step!("32", "r7", "r5", "r9", "r8"), step!("33", "r8", "r6", "r0", "r9"),
            )
        };
    }
    /// `state` (8 words) with `block` (16 big-endian words, any alignment) mixed in.
    ///
    /// # Safety
    /// Both pointers are valid for that many words, `state` for writing too.
    #[unsafe(naked)]
    pub unsafe extern "C" fn compress<const INSTANCE: u8>(state: *mut u64, block: *const u64) {
        naked_asm!(
            "*(u64 *)(r10 - 648) = r1",
            load!("0", "r9", "r2 + 0"), load!("1", "r0", "r2 + 8"), load!("2", "r0", "r2 + 16"),
            load!("3", "r0", "r2 + 24"), load!("4", "r0", "r2 + 32"), load!("5", "r0", "r2 + 40"),
            load!("6", "r0", "r2 + 48"), load!("7", "r0", "r2 + 56"), load!("8", "r0", "r2 + 64"),
            load!("9", "r1", "r2 + 72"), load!("10", "r3", "r2 + 80"), load!("11", "r4", "r2 + 88"),
            load!("12", "r5", "r2 + 96"), load!("13", "r6", "r2 + 104"), load!("14", "r7", "r2 + 112"),
            load!("15", "r8", "r2 + 120"),
            nine_steps!("16"), nine_steps!("25"), nine_steps!("34"), nine_steps!("43"), nine_steps!("52"),
            nine_steps!("61"), nine_steps!("70"), step!("79", "r9", "r7", "r1", "r0"),
            "r8 = *(u64 *)(r10 - 648)",
            "r0 = *(u64 *)(r8 + 0)\nr1 = *(u64 *)(r8 + 8)\nr2 = *(u64 *)(r8 + 16)\nr3 = *(u64 *)(r8 + 24)",
            "r4 = *(u64 *)(r8 + 32)\nr5 = *(u64 *)(r8 + 40)\nr6 = *(u64 *)(r8 + 48)\nr7 = *(u64 *)(r8 + 56)",
            with_round_constants!(rounds),
            "r8 = *(u64 *)(r10 - 648)",
            "r9 = *(u64 *)(r8 + 0)\nr9 += r0\n*(u64 *)(r8 + 0) = r9",
            "r9 = *(u64 *)(r8 + 8)\nr9 += r1\n*(u64 *)(r8 + 8) = r9",
            "r9 = *(u64 *)(r8 + 16)\nr9 += r2\n*(u64 *)(r8 + 16) = r9",
            "r9 = *(u64 *)(r8 + 24)\nr9 += r3\n*(u64 *)(r8 + 24) = r9",
            "r9 = *(u64 *)(r8 + 32)\nr9 += r4\n*(u64 *)(r8 + 32) = r9",
            "r9 = *(u64 *)(r8 + 40)\nr9 += r5\n*(u64 *)(r8 + 40) = r9",
            "r9 = *(u64 *)(r8 + 48)\nr9 += r6\n*(u64 *)(r8 + 48) = r9",
            "r9 = *(u64 *)(r8 + 56)\nr9 += r7\n*(u64 *)(r8 + 56) = r9",
            "exit",
        )
    }

    /// Digest of the 111-byte message `head` (32) ‖ `middle` (32) ‖ `tail` (47, then 0x80), as bytes in memory. The last two
    /// words of the block are known, so the steps of the schedule that read them are shorter.
    ///
    /// # Safety
    /// The pointers are valid for 32, 32 and 48 bytes to read and 64 to write; any alignment.
    #[unsafe(naked)]
    pub unsafe extern "C" fn one_block<const INSTANCE: u8>(head: *const u8, middle: *const u8, tail: *const u8, digest: *mut u64) {
        naked_asm!(
            "*(u64 *)(r10 - 648) = r4",
            load!("0", "r9", "r1 + 0"), load!("1", "r0", "r1 + 8"), load!("2", "r0", "r1 + 16"), load!("3", "r0", "r1 + 24"),
            load!("4", "r0", "r2 + 0"), load!("5", "r0", "r2 + 8"), load!("6", "r0", "r2 + 16"), load!("7", "r0", "r2 + 24"),
            load!("8", "r0", "r3 + 0"), load!("9", "r1", "r3 + 8"), load!("11", "r4", "r3 + 24"), load!("12", "r5", "r3 + 32"),
            load!("13", "r6", "r3 + 40"), load!("10", "r3", "r3 + 16"),
            // Words 14 and 15 are the length in bits, 888.
            "r7 = 0", "r8 = 888", concat!(word!("14"), " = r7"), concat!(word!("15"), " = r8"),
            // 16: σ1(w14) is 0. 17: σ1(w15) is a constant.
            "r9 += r1", concat!("r0 = ", word!("1")), add_sigma_0!("r9", "r0", "r1", "r2"), concat!(word!("16"), " = r9"),
            "r0 += r3", concat!("r1 = ", word!("2")), add_sigma_0!("r0", "r1", "r3", "r2"),
            "r2 = 0x006f000000001bcd ll", "r0 += r2", concat!(word!("17"), " = r0"),
            step!("18", "r1", "r9", "r4", "r3"), step!("19", "r3", "r0", "r5", "r4"), step!("20", "r4", "r1", "r6", "r5"),
            // 21 as ever, though w14, its w[t-7], is 0.
            step!("21", "r5", "r3", "r7", "r6"), step!("22", "r6", "r4", "r8", "r7"), step!("23", "r7", "r5", "r9", "r8"),
            step!("24", "r8", "r6", "r0", "r9"),
            nine_steps_at_25!(),
            nine_steps!("34"), nine_steps!("43"), nine_steps!("52"), nine_steps!("61"), nine_steps!("70"),
            step!("79", "r9", "r7", "r1", "r0"),
            with_round_constants!(rounds_from_the_start),
            "r8 = *(u64 *)(r10 - 648)",
            finish!("0", "r0", "0x6a09e667f3bcc908"), finish!("8", "r1", "0xbb67ae8584caa73b"),
            finish!("16", "r2", "0x3c6ef372fe94f82b"), finish!("24", "r3", "0xa54ff53a5f1d36f1"),
            finish!("32", "r4", "0x510e527fade682d1"), finish!("40", "r5", "0x9b05688c2b3e6c1f"),
            finish!("48", "r6", "0x1f83d9abfb41bd6b"), finish!("56", "r7", "0x5be0cd19137e2179"),
            "exit",
        )
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::{format, string::String, vec::Vec};

    /// SHA-512 of the bytes 0, 1, 2, … up to each length, first eight bytes. Source: Python's hashlib.
    const KNOWN: [(usize, &str); 8] = [
        (64, "ee4320ebaf3fdb4f"),
        (110, "51f2ba331c24541e"),
        (111, "a1a111449b198d9b"),
        (112, "c5fbd731d19d2ae1"),
        (127, "eab89674feaa34e2"),
        (128, "1dffd5e3adb71d45"),
        (152, "228befe578809006"),
        (239, "cb4c7fd522756d57"),
    ];

    fn counting(length: usize) -> Vec<u8> {
        (0..length).map(|byte| byte as u8).collect()
    }

    fn start_of(digest: &Digest) -> String {
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn every_padding_is_right() {
        for (length, wanted) in KNOWN {
            let message = counting(length);
            let (head, rest) = message.split_first_chunk::<32>().unwrap();
            let (middle, tail) = rest.split_first_chunk::<32>().unwrap();
            assert_eq!(start_of(&hash(head, middle, tail).unwrap()), wanted, "{length} bytes");
        }
        let message = counting(MAX_MESSAGE - 63);
        let (head, _) = message.split_first_chunk::<32>().unwrap();
        assert!(hash(head, head, &message).is_none());
    }

    #[test]
    fn one_block_is_the_same_hash() {
        let mut message = counting(112);
        message[111] = 0x80;
        let (head, rest) = message.split_first_chunk::<32>().unwrap();
        let (middle, tail) = rest.split_first_chunk::<32>().unwrap();
        let digest = hash_one_block(head, middle, tail.first_chunk::<48>().unwrap());
        assert_eq!(Some(digest), hash(head, middle, &tail[..47]));
    }
}
