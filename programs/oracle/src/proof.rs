//! Decides whether a record stands under a root of a zone: by the ring, while the root is among the last 220, or by a peak
//! of the mountain range. What the record means is left to the callers.
use crate::{
    error::require,
    generated::{
        List,
        OracleError::{MalformedProof, UnknownRoot, WrongPath},
        Record, RECORD_EPOCH_SHIFT, RING_LEN,
    },
    mountains::{self, LEAF_BYTES, MAX_BATCH_HEIGHT, MAX_HEIGHT},
    state::{RootEntry, RootRing},
};
use campusgrid_sdk::{ed25519::CORE_SIZE, Outcome};

/// A record and its way up, as a caller sends it.
pub struct Inclusion<'a> {
    /// Sequence number of the root.
    pub seq: u64,
    /// Place in the leaf.
    pub record: u8,
    /// Bit k: sibling k of `batch_path` is on the left.
    pub batch_left: u8,
    pub leaf: &'a [u8],
    pub batch_path: List<'a, 32>,
    /// Empty to use the ring.
    pub mountain_path: List<'a, 32>,
}

impl<'a> Inclusion<'a> {
    /// The record. Errors: `MalformedProof`.
    #[inline(always)]
    pub fn record(&self) -> Outcome<&'a [u8; Record::SIZE]> {
        let is_leaf = !self.leaf.is_empty() && self.leaf.len() <= LEAF_BYTES && self.leaf.len() % Record::SIZE == 0;
        require(is_leaf && self.batch_path.len() <= MAX_BATCH_HEIGHT, MalformedProof)?;
        let record = self.leaf.chunks_exact(Record::SIZE).nth(self.record as usize).ok_or(MalformedProof)?;
        Ok(record.first_chunk().ok_or(MalformedProof)?)
    }

    /// The ring's entry of the root that the record is proven to stand under; None when it was proven by a peak.
    ///
    /// # Errors
    /// `MalformedProof`, `UnknownRoot`, `WrongPath`.
    #[inline(always)]
    pub fn prove<'r>(&self, roots: &'r RootRing) -> Outcome<Option<&'r RootEntry>> {
        let mut node = mountains::leaf(self.leaf);
        for level in 0..self.batch_path.len() {
            let sibling = self.batch_path.at(level).ok_or(MalformedProof)?;
            node = if self.batch_left >> level & 1 == 1 {
                mountains::node(sibling, &node)
            } else {
                mountains::node(&node, sibling)
            };
        }
        if self.mountain_path.is_empty() {
            let is_in_ring = self.seq < roots.next_seq && roots.next_seq - self.seq <= RING_LEN as u64;
            require(is_in_ring, UnknownRoot)?;
            let entry = roots.ring.get((self.seq % RING_LEN as u64) as usize).ok_or(UnknownRoot)?;
            require(node == entry.root, WrongPath)?;
            return Ok(Some(entry));
        }
        let height = mountains::height_of(self.seq, roots.next_seq).ok_or(UnknownRoot)? as usize;
        require(self.mountain_path.len() == height && height <= MAX_HEIGHT, MalformedProof)?;
        for level in 0..height {
            let sibling = self.mountain_path.at(level).ok_or(MalformedProof)?;
            // The number of the root says on which side it stands at every height.
            node =
                if self.seq >> level & 1 == 1 { mountains::node(sibling, &node) } else { mountains::node(&node, sibling) };
        }
        let peak = roots.peaks.get(height).ok_or(UnknownRoot)?;
        require(node == *peak, WrongPath)?;
        Ok(None)
    }
}

/// The fields of a signed core.
pub struct Signed<'a> {
    /// Domain and version.
    pub head: &'a [u8],
    pub network_tag: &'a [u8],
    pub meter_number: u32,
    pub key_epoch: u16,
    pub register_epoch: u16,
    pub interval: u32,
    pub import_wh: u64,
    pub export_wh: u64,
    pub quality: u16,
}

impl<'a> Signed<'a> {
    #[inline(always)]
    pub fn read(core: &'a [u8; CORE_SIZE]) -> Signed<'a> {
        let u16_at = |at: usize| u16::from_le_bytes([core[at], core[at + 1]]);
        let u32_at = |at: usize| u16_at(at) as u32 | (u16_at(at + 2) as u32) << 16;
        let u64_at = |at: usize| u32_at(at) as u64 | (u32_at(at + 4) as u64) << 32;
        Signed {
            head: &core[0..3],
            network_tag: &core[3..7],
            meter_number: u32_at(7),
            key_epoch: u16_at(11),
            register_epoch: u16_at(13),
            interval: u32_at(15),
            import_wh: u64_at(19),
            export_wh: u64_at(27),
            quality: u16_at(35),
        }
    }
}

/// The flags of an attested record of a register epoch.
#[inline(always)]
pub fn epoch_flags(register_epoch: u16) -> u16 {
    register_epoch << RECORD_EPOCH_SHIFT
}
