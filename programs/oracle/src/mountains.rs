//! Decides how applied readings become one root and how roots become peaks: leaves of four records, a small tree for each
//! batch, and a Merkle mountain range over the batches, so that a root stays provable after it has left the ring.
use crate::{
    error::require,
    generated::{OracleError::MountainsFull, Record, LEAF_RECORDS, MAX_ATTESTED, PEAK_COUNT, RING_LEN},
    state::{RootEntry, RootRing},
};
use campusgrid_sdk::{hash::sha256, math, Outcome};

/// Bytes of a full leaf.
pub const LEAF_BYTES: usize = LEAF_RECORDS * Record::SIZE;
/// Most leaves of a batch, and so the nodes that [`batch_root`] wants room for.
pub const MAX_LEAVES: usize = MAX_ATTESTED / LEAF_RECORDS;
/// Most siblings from a leaf to its batch root.
pub const MAX_BATCH_HEIGHT: usize = 6;
const _: () = assert!(MAX_LEAVES <= 1 << MAX_BATCH_HEIGHT && MAX_ATTESTED % LEAF_RECORDS == 0);
/// A root's path has at most this many siblings to its peak.
pub const MAX_HEIGHT: usize = PEAK_COUNT as usize - 1;
// In front of what is hashed, so that no leaf can be taken for a node.
const LEAF_TAG: &[u8] = &[0];
const NODE_TAG: &[u8] = &[1];

/// Hash of one to four records.
#[inline(always)]
pub fn leaf(records: &[u8]) -> [u8; 32] {
    sha256(&[LEAF_TAG, records])
}

/// Hash of two nodes; in the mountain range the older one stands left.
#[inline(always)]
pub fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    sha256(&[NODE_TAG, left, right])
}

/// Root over the records of one batch, at least one and as many as `nodes` has room for leaves; an odd node moves up as
/// it is.
#[inline(always)]
pub fn batch_root(records: &[u8], nodes: &mut [[u8; 32]]) -> [u8; 32] {
    let mut count = 0;
    for (place, chunk) in nodes.iter_mut().zip(records.chunks(LEAF_BYTES)) {
        *place = leaf(chunk);
        count += 1;
    }
    while count > 1 {
        let pairs = count / 2;
        for pair in 0..pairs {
            nodes[pair] = node(&nodes[2 * pair], &nodes[2 * pair + 1]);
        }
        if count % 2 == 1 {
            nodes[pairs] = nodes[count - 1];
        }
        count = pairs + count % 2;
    }
    nodes[0]
}

/// Append a root; returns its sequence number.
///
/// # Errors
/// `MountainsFull`, `OVERFLOW`.
#[inline(always)]
pub fn append(roots: &mut RootRing, entry: RootEntry) -> Outcome<u64> {
    let seq = roots.next_seq;
    // All peaks set means that the next root would need one more.
    require(seq < (1 << PEAK_COUNT) - 1, MountainsFull)?;
    let mut merged = entry.root;
    let mut height = 0;
    for peak in roots.peaks.iter_mut() {
        if seq >> height & 1 == 0 {
            *peak = merged;
            break;
        }
        merged = node(peak, &merged);
        height += 1;
    }
    roots.total_records = math::add(roots.total_records, entry.count as u64)?;
    if let Some(place) = roots.ring.get_mut((seq % RING_LEN as u64) as usize) {
        *place = entry;
    }
    roots.next_seq = seq + 1;
    Ok(seq)
}

/// Height of the mountain that root `seq` stands in when there are `next_seq` roots; None if there is no such root.
#[inline(always)]
pub fn height_of(seq: u64, next_seq: u64) -> Option<u32> {
    if seq >= next_seq {
        return None;
    }
    // Mountains stand from the highest on; the first whose end lies beyond `seq` is it.
    let mut end = 0;
    for height in (0..PEAK_COUNT as u32).rev() {
        if next_seq >> height & 1 == 1 {
            end += 1 << height;
            if seq < end {
                return Some(height);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_stands_in_one_mountain() {
        assert_eq!(height_of(0, 0), None);
        assert_eq!(height_of(0, 1), Some(0));
        // 13 roots: mountains of 8, 4 and 1.
        let heights = [3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 0];
        for (seq, height) in heights.iter().enumerate() {
            assert_eq!(height_of(seq as u64, 13), Some(*height), "{seq}");
        }
        assert_eq!(height_of(13, 13), None);
    }
}
