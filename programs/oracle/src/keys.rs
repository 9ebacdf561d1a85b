//! Decides which of the registry's device keys a slot uses. The slab keeps two keys and one switch between them, so it
//! follows the registry one rotation at a time and never gives up a key that spooled readings may still need, unless the
//! registry has revoked it.
use crate::state::SlabEntry;
use campusgrid_sdk::state::{DeviceKey, Meter};

const NO_KEY: [u8; 32] = [0; 32];

/// Set the keys of a slot that is being filled: the newest, and the one before it if there is one. The watermark begins right
/// before the first interval that either may sign: the previous key signs whatever lies before the switch, and an opening
/// in the distant past would let the next reading grow by all the intervals since.
#[inline(always)]
pub fn begin(entry: &mut SlabEntry, meter: &Meter) {
    let [newest, before, ..] = &meter.keys;
    entry.key_current = newest.key;
    entry.key_epoch = newest.epoch;
    entry.switch_interval = newest.first_interval;
    let follows = is_set(before) && before.epoch.checked_add(1) == Some(newest.epoch);
    let first = if follows && !is_revoked(before) {
        entry.key_previous = before.key;
        before
    } else {
        newest
    };
    entry.last_interval = first.first_interval.saturating_sub(1);
}

/// Follow the registry's rotations as far as the watermark allows.
#[inline(always)]
pub fn follow(entry: &mut SlabEntry, meter: &Meter) {
    // The registry keeps four keys, so there are at most four steps.
    for _ in 0..meter.keys.len() {
        let Some(next) = next_key(meter, entry.key_epoch) else { break };
        // A key that the registry no longer lists is four rotations old: nobody vouches for it any more.
        let is_current_good = matches!(key_of(meter, entry.key_epoch), Some(key) if !is_revoked(key));
        // Readings of the previous key may still be on their way until the watermark stands right before the switch. A
        // compromise is worth more than those, and it is how a meter gets on whose old device will never speak again.
        let is_awaited = entry.key_previous != NO_KEY && (entry.last_interval as u64) + 1 < entry.switch_interval as u64;
        let is_compromise = meter.keys.iter().any(|key| key.epoch > entry.key_epoch && is_revoked(key));
        if is_current_good && is_awaited && !is_compromise {
            break;
        }
        entry.key_previous = if is_current_good { entry.key_current } else { NO_KEY };
        entry.key_current = next.key;
        entry.key_epoch = next.epoch;
        entry.switch_interval = next.first_interval;
    }
    if let Some(before) = entry.key_epoch.checked_sub(1).and_then(|epoch| key_of(meter, epoch)) {
        if is_revoked(before) {
            entry.key_previous = NO_KEY;
        }
    }
    // The registry revokes a key only together with a rotation; were it otherwise, no key is better than a stolen one.
    if matches!(key_of(meter, entry.key_epoch), Some(key) if is_revoked(key)) {
        entry.key_current = NO_KEY;
        entry.key_previous = NO_KEY;
    }
}

/// The oldest listed key of a later epoch than `epoch`.
#[inline(always)]
fn next_key(meter: &Meter, epoch: u16) -> Option<&DeviceKey> {
    let mut found: Option<&DeviceKey> = None;
    for key in meter.keys.iter() {
        let is_older = match found {
            Some(other) => key.epoch < other.epoch,
            None => true,
        };
        if is_set(key) && key.epoch > epoch && is_older {
            found = Some(key);
        }
    }
    found
}

#[inline(always)]
fn key_of(meter: &Meter, epoch: u16) -> Option<&DeviceKey> {
    meter.keys.iter().find(|key| is_set(key) && key.epoch == epoch)
}

#[inline(always)]
fn is_set(key: &DeviceKey) -> bool {
    key.key != NO_KEY
}

#[inline(always)]
fn is_revoked(key: &DeviceKey) -> bool {
    key.flags & DeviceKey::REVOKED != 0
}
