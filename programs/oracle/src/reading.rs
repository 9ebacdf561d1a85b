//! How a reading travels and what the meter signed: decodes one packed reading and rebuilds the 47-byte core. Whether the
//! reading counts is left to `judge.rs`.
use crate::{
    generated::{DESCRIPTOR_CLOCK, DESCRIPTOR_NEXT_EPOCH, DESCRIPTOR_OFFSET, DESCRIPTOR_QUALITY},
    state::SlabEntry,
};
use campusgrid_sdk::ed25519::{CORE_PADDING, CORE_SIZE};

/// The low-order bytes of a register that were sent.
#[derive(Clone, Copy)]
pub struct Tail {
    /// Their value.
    pub low: u64,
    /// Their number: 0, 2, 3 or 8.
    pub bytes: u8,
}

impl Tail {
    /// The smallest register not below `stored` that ends in these bytes; with all eight bytes, what was sent, which may be
    /// lower. None if there is no such u64.
    #[inline(always)]
    pub fn register_wh(self, stored_wh: u64) -> Option<u64> {
        if self.bytes == 8 {
            return Some(self.low);
        }
        let span = 1u64 << (8 * self.bytes as u32); // 1 when nothing was sent: the stored register itself.
        let candidate = (stored_wh & !(span - 1)) | self.low;
        if candidate >= stored_wh {
            Some(candidate)
        } else {
            candidate.checked_add(span)
        }
    }
}

/// One reading as it was sent.
pub struct Packed<'a> {
    pub slot: u8,
    /// The register epoch after the stored one is meant.
    pub is_next_epoch: bool,
    /// Intervals after the base.
    pub offset: u16,
    pub import: Tail,
    pub export: Tail,
    pub quality: u16,
    pub clock_error_ms: u16,
    pub detail_hash: &'a [u8; 8],
    pub signature: &'a [u8; 64],
}

impl<'a> Packed<'a> {
    /// The reading at the front of `bytes` and what follows it; None if the bytes end too early.
    #[inline(always)]
    pub fn read(bytes: &'a [u8]) -> Option<(Packed<'a>, &'a [u8])> {
        let ([slot, descriptor], mut rest) = bytes.split_first_chunk::<2>()?;
        let offset = if descriptor & DESCRIPTOR_OFFSET != 0 { take_u16(&mut rest)? } else { 0 };
        let import = take_tail(&mut rest, *descriptor)?;
        let export = take_tail(&mut rest, *descriptor >> 2)?;
        let quality = if descriptor & DESCRIPTOR_QUALITY != 0 { take_u16(&mut rest)? } else { 0 };
        let clock_error_ms = if descriptor & DESCRIPTOR_CLOCK != 0 { take_u16(&mut rest)? } else { 0 };
        let (detail_hash, rest) = rest.split_first_chunk::<8>()?;
        let (signature, rest) = rest.split_first_chunk::<64>()?;
        let is_next_epoch = descriptor & DESCRIPTOR_NEXT_EPOCH != 0;
        Some((
            Packed { slot: *slot, is_next_epoch, offset, import, export, quality, clock_error_ms, detail_hash, signature },
            rest,
        ))
    }
}

/// What the signed core says beyond the packed reading.
pub struct CoreFields<'a> {
    pub network_tag: &'a [u8; 4],
    pub key_epoch: u16,
    pub register_epoch: u16,
    pub interval: u32,
    pub import_wh: u64,
    pub export_wh: u64,
}

/// The 47 signed bytes, and behind them the byte that [`campusgrid_sdk::ed25519::verify_core`] wants.
#[inline(always)]
pub fn core_of(entry: &SlabEntry, sent: &Packed<'_>, fields: &CoreFields<'_>) -> [u8; CORE_SIZE + 1] {
    let mut core = [0u8; CORE_SIZE + 1];
    core[0..3].copy_from_slice(&[b'C', b'G', 1]);
    core[3..7].copy_from_slice(fields.network_tag);
    core[7..11].copy_from_slice(&entry.meter_number.to_le_bytes());
    core[11..13].copy_from_slice(&fields.key_epoch.to_le_bytes());
    core[13..15].copy_from_slice(&fields.register_epoch.to_le_bytes());
    core[15..19].copy_from_slice(&fields.interval.to_le_bytes());
    core[19..27].copy_from_slice(&fields.import_wh.to_le_bytes());
    core[27..35].copy_from_slice(&fields.export_wh.to_le_bytes());
    core[35..37].copy_from_slice(&sent.quality.to_le_bytes());
    core[37..39].copy_from_slice(&sent.clock_error_ms.to_le_bytes());
    core[39..47].copy_from_slice(sent.detail_hash);
    core[47] = CORE_PADDING;
    core
}

#[inline(always)]
fn take_u16(rest: &mut &[u8]) -> Option<u16> {
    let (head, after) = rest.split_first_chunk::<2>()?;
    *rest = after;
    Some(u16::from_le_bytes(*head))
}

/// The low-order bytes whose width code stands in the two lowest bits of `code`.
#[inline(always)]
fn take_tail(rest: &mut &[u8], code: u8) -> Option<Tail> {
    match code & 3 {
        0 => Some(Tail { low: 0, bytes: 0 }),
        1 => Some(Tail { low: take_u16(rest)? as u64, bytes: 2 }),
        2 => {
            let ([a, b, c], after) = rest.split_first_chunk::<3>()?;
            *rest = after;
            Some(Tail { low: u32::from_le_bytes([*a, *b, *c, 0]) as u64, bytes: 3 })
        }
        _ => {
            let (head, after) = rest.split_first_chunk::<8>()?;
            *rest = after;
            Some(Tail { low: u64::from_le_bytes(*head), bytes: 8 })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn register_is_the_smallest_one_that_ends_so() {
        let two = |low| Tail { low, bytes: 2 };
        assert_eq!(two(5).register_wh(5), Some(5));
        assert_eq!(two(4).register_wh(5), Some(0x1_0004));
        assert_eq!(two(6).register_wh(5), Some(6));
        assert_eq!(two(0).register_wh(0xffff), Some(0x1_0000));
        assert_eq!(two(0xffff).register_wh(u64::MAX), Some(u64::MAX));
        assert_eq!(two(0).register_wh(u64::MAX), None);
        assert_eq!(Tail { low: 0x00_0001, bytes: 3 }.register_wh(0x12_ff_ffff), Some(0x13_00_0001));
        assert_eq!(Tail { low: 0, bytes: 0 }.register_wh(77), Some(77));
        assert_eq!(Tail { low: 3, bytes: 8 }.register_wh(77), Some(3));
    }
}
