//! Decides what one reading does to its meter: nothing, with a reason, or which registers and credits. Pure: no account,
//! no clock, no signature; those are the processor's.
use crate::{
    generated::{
        INTERVAL_S, NO_POST_MASK, RECORD_NETTED, RECORD_OPENING, RECORD_VERIFIED, SKIP_EMPTY_SLOT, SKIP_FUTURE_INTERVAL,
        SKIP_METER_INACTIVE, SKIP_OVER_CAPACITY, SKIP_QUALITY_MASKED, SKIP_REGISTER_LOWER, SKIP_STALE_INTERVAL,
        SKIP_WRONG_REGISTER_EPOCH,
    },
    reading::Packed,
    state::SlabEntry,
};
use campusgrid_sdk::state::MeterStatus;

/// What holds for every reading of one instruction.
pub struct Terms {
    /// Now plus the tolerance, UTC epoch seconds: no interval may end later.
    pub latest_end_s: u64,
    /// Whether the zone nets import against export.
    pub is_net: bool,
}

/// What an acceptable reading changes, provided that the signature fits.
pub struct Change {
    pub register_epoch: u16,
    pub interval: u32,
    pub import_wh: u64,
    pub export_wh: u64,
    pub acc_import_wh: u64,
    pub acc_export_wh: u64,
    /// RECORD_ flags.
    pub record_flags: u16,
}

/// Judge a reading for `interval` of the meter in `entry`. One that opens a register epoch opens the next approved one, or a
/// later one if `passed_over` of them are not meant.
///
/// # Errors
/// The SKIP_ constant of the first rule that the reading breaks. SKIP_BAD_SIGNATURE is never among them.
#[inline(always)]
pub fn judge(
    entry: &SlabEntry,
    sent: &Packed<'_>,
    interval: u32,
    terms: &Terms,
    passed_over: u16,
) -> Result<Change, u8> {
    if entry.meter_number == 0 {
        return Err(SKIP_EMPTY_SLOT);
    }
    if entry.status != MeterStatus::Active as u8 {
        return Err(SKIP_METER_INACTIVE);
    }
    let register_epoch = register_epoch_of(entry, sent, passed_over)?;
    // The first reading of a register epoch opens it: the registers begin there, and nothing has grown yet.
    let is_opening = sent.is_next_epoch || !entry.is_opened();
    // A new register may open at the very end of the interval whose end the old one closed at.
    let is_after_another = sent.is_next_epoch && entry.is_opened();
    let is_stale = if is_after_another { interval < entry.last_interval } else { interval <= entry.last_interval };
    if is_stale {
        return Err(SKIP_STALE_INTERVAL);
    }
    if INTERVAL_S.wrapping_mul(interval as u64 + 1) > terms.latest_end_s {
        return Err(SKIP_FUTURE_INTERVAL);
    }
    if sent.quality & NO_POST_MASK != 0 {
        return Err(SKIP_QUALITY_MASKED);
    }

    let (stored_import_wh, stored_export_wh) = if is_opening { (0, 0) } else { (entry.import_wh, entry.export_wh) };
    let import_wh = sent.import.register_wh(stored_import_wh).ok_or(SKIP_OVER_CAPACITY)?;
    let export_wh = sent.export.register_wh(stored_export_wh).ok_or(SKIP_OVER_CAPACITY)?;
    let change = |acc_import_wh, acc_export_wh, record_flags| Change {
        register_epoch,
        interval,
        import_wh,
        export_wh,
        acc_import_wh,
        acc_export_wh,
        record_flags,
    };
    if is_opening {
        return Ok(change(entry.acc_import_wh, entry.acc_export_wh, RECORD_VERIFIED | RECORD_OPENING));
    }
    if import_wh < stored_import_wh || export_wh < stored_export_wh {
        return Err(SKIP_REGISTER_LOWER);
    }
    let mut import_growth_wh = import_wh - stored_import_wh;
    let mut export_growth_wh = export_wh - stored_export_wh;
    let span = interval - entry.last_interval; // At least 1, as the reading is not stale.
    let most_wh = (entry.max_wh_interval as u64).wrapping_mul(span as u64); // Two u32.
    if import_growth_wh > most_wh || export_growth_wh > most_wh {
        return Err(SKIP_OVER_CAPACITY);
    }

    let mut record_flags = RECORD_VERIFIED;
    // Over a longer gap nobody knows which interval the energy belongs to, so it counts gross.
    if terms.is_net && span == 1 {
        let netted_wh = if import_growth_wh < export_growth_wh { import_growth_wh } else { export_growth_wh };
        import_growth_wh -= netted_wh;
        export_growth_wh -= netted_wh;
        record_flags |= RECORD_NETTED;
    }
    // Accumulators near 2^64 Wh do not happen to honest meters; such a reading is refused rather than wrapped.
    let acc_import_wh = entry.acc_import_wh.checked_add(import_growth_wh).ok_or(SKIP_OVER_CAPACITY)?;
    let acc_export_wh = entry.acc_export_wh.checked_add(export_growth_wh).ok_or(SKIP_OVER_CAPACITY)?;
    Ok(change(acc_import_wh, acc_export_wh, record_flags))
}

/// The register epoch that the reading names, if it may.
#[inline(always)]
fn register_epoch_of(entry: &SlabEntry, sent: &Packed<'_>, passed_over: u16) -> Result<u16, u8> {
    if !sent.is_next_epoch {
        return Ok(entry.register_epoch);
    }
    if !entry.is_next_epoch_approved() {
        return Err(SKIP_WRONG_REGISTER_EPOCH);
    }
    entry.register_epoch.checked_add(1 + passed_over).ok_or(SKIP_WRONG_REGISTER_EPOCH)
}
