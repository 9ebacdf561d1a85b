//! The meters of a zone: keys, limits, watermarks and what has been credited.
use crate::{
    generated::{
        meter_slab_layout, SlabEntry as Described, ENTRY_AHEAD_SHIFT, ENTRY_FAULTED, ENTRY_NEXT_EPOCH_APPROVED, ENTRY_OPENED,
    },
    judge::Change,
};
use campusgrid_sdk::Address;

/// As many approved epochs as the flags can count; a later sync_key adds the rest.
const MOST_AHEAD: u16 = 255;

campusgrid_sdk::record! {
    /// One slot. `meter_number` 0 means that it is empty; a slot never changes its meter.
    pub struct SlabEntry[144] {
        0 => key_current: [u8; 32],
        32 => key_previous: [u8; 32],
        64 => import_wh: u64,
        72 => export_wh: u64,
        80 => acc_import_wh: u64,
        88 => acc_export_wh: u64,
        96 => attested_import_wh: u64,
        104 => attested_export_wh: u64,
        112 => meter_number: u32,
        116 => last_interval: u32,
        120 => switch_interval: u32,
        124 => max_wh_interval: u32,
        128 => attested_interval: u32,
        132 => applied_count: u32,
        136 => key_epoch: u16,
        138 => register_epoch: u16,
        140 => status: u8,
        141 => kind: u8,
        142 => flags: u16,
    }
}
const _: () = assert!(Described::SIZE == core::mem::size_of::<SlabEntry>());

campusgrid_sdk::account_record! {
    /// Made by a client, adopted by create_zone.
    pub struct MeterSlab[37_024], meter_slab_layout::DISC_U64, {
        10 => zone: u16,
        12 => slot_count: u16,
        14 => net_mode: u8,
        15 => pad: u8,
        16 => network_tag: [u8; 4],
        20 => pad1: [u8; 4],
        24 => roots: Address,
        56 => registry_program: Address,
        88 => config: Address,
        120 => reserved: [u8; 40],
        160 => entries: [SlabEntry; 256],
    }
}

impl SlabEntry {
    /// The key that signs `interval`, and its epoch. Without a previous key there are zeros, which are the encoding of a point
    /// of small order and never verify.
    #[inline(always)]
    pub fn key_of(&self, interval: u32) -> (&[u8; 32], u16) {
        if interval >= self.switch_interval {
            (&self.key_current, self.key_epoch)
        } else {
            (&self.key_previous, self.key_epoch.wrapping_sub(1))
        }
    }

    /// Whether the opening reading of the present register epoch has been applied.
    #[inline(always)]
    pub fn is_opened(&self) -> bool {
        self.flags & ENTRY_OPENED != 0
    }

    /// Whether the registry has approved the next register epoch.
    #[inline(always)]
    pub fn is_next_epoch_approved(&self) -> bool {
        self.flags & ENTRY_NEXT_EPOCH_APPROVED != 0
    }

    /// Whether an attested record of this meter is proven wrong and not corrected.
    #[inline(always)]
    pub fn is_faulted(&self) -> bool {
        self.flags & ENTRY_FAULTED != 0
    }

    /// How many register epochs after the present one a reading may open.
    #[inline(always)]
    pub fn epochs_ahead(&self) -> u16 {
        self.flags >> ENTRY_AHEAD_SHIFT
    }

    /// Let the epochs after the present one, up to `newest`, be opened. Nothing else moves: readings of the present epoch
    /// count until the first of a later one is accepted, and so on from one epoch to the next.
    #[inline(always)]
    pub fn approve_epochs_to(&mut self, newest: u16) {
        let ahead = newest.saturating_sub(self.register_epoch);
        let ahead = if ahead > MOST_AHEAD { MOST_AHEAD } else { ahead };
        self.flags &= !(ENTRY_NEXT_EPOCH_APPROVED | MOST_AHEAD << ENTRY_AHEAD_SHIFT);
        if ahead > 0 {
            self.flags |= ENTRY_NEXT_EPOCH_APPROVED | ahead << ENTRY_AHEAD_SHIFT;
        }
    }

    /// The newest registers that anybody has vouched for, and their interval: the verified ones, or the attested ones if
    /// they are of a later interval (and then no less than the verified).
    #[inline(always)]
    pub fn newest(&self) -> (u64, u64, u32) {
        if self.attested_interval <= self.last_interval {
            return (self.import_wh, self.export_wh, self.last_interval);
        }
        let larger = |a: u64, b: u64| if a > b { a } else { b };
        (
            larger(self.attested_import_wh, self.import_wh),
            larger(self.attested_export_wh, self.export_wh),
            self.attested_interval,
        )
    }

    /// Take over an accepted reading. The one place where credits grow.
    #[inline(always)]
    pub fn take(&mut self, change: &Change) {
        if change.register_epoch != self.register_epoch {
            self.begin_register_epoch(change.register_epoch);
        }
        self.import_wh = change.import_wh;
        self.export_wh = change.export_wh;
        self.acc_import_wh = change.acc_import_wh;
        self.acc_export_wh = change.acc_export_wh;
        self.last_interval = change.interval;
        self.applied_count = self.applied_count.wrapping_add(1);
        self.flags |= ENTRY_OPENED;
    }

    /// Stand at the beginning of `register_epoch`: no registers, no opening. What was credited, the watermarks, a fault and
    /// the approval of still later epochs stay.
    #[inline(never)]
    #[cold]
    fn begin_register_epoch(&mut self, register_epoch: u16) {
        let newest = self.register_epoch.saturating_add(self.epochs_ahead());
        self.register_epoch = register_epoch;
        self.import_wh = 0;
        self.export_wh = 0;
        self.attested_import_wh = 0;
        self.attested_export_wh = 0;
        self.flags &= !ENTRY_OPENED;
        self.approve_epochs_to(newest);
    }
}
