//! One instruction a file: take the accounts, check them, compute, write. Accounts and arguments of each are described
//! in `interface.toml`.
mod challenge_reading;
mod close_interval;
mod correct;
mod create_feed;
mod create_zone;
mod enroll_meter;
mod initialize;
mod open_totals;
mod open_trades;
mod post_batch;
mod post_feed;
mod post_verified;
mod record_trades;
mod set_feed;
mod set_oracles;
mod sync_key;
mod verify_reading;

pub use challenge_reading::challenge_reading;
pub use close_interval::close_interval;
pub use correct::correct;
pub use create_feed::create_feed;
pub use create_zone::create_zone;
pub use enroll_meter::enroll_meter;
pub use initialize::initialize;
pub use open_totals::open_totals;
pub use open_trades::open_trades;
pub use post_batch::post_batch;
pub use post_feed::post_feed;
pub use post_verified::post_verified;
pub use record_trades::record_trades;
pub use set_feed::set_feed;
pub use set_oracles::set_oracles;
pub use sync_key::sync_key;
pub use verify_reading::verify_reading;

use crate::{
    error::require,
    generated::{
        OracleError::{NotAdmin, SlotOutOfRange, WrongReading, WrongZone},
        INTERVAL_S,
    },
    proof::Signed,
    state::{Config, MeterSlab, SlabEntry},
};
use campusgrid_sdk::{
    account::{load, same},
    cpi::{self, Create, SignerSeed},
    pda, require_signer,
    state::{Meter, Role, User},
    sysvar, AccountView, Address, Fault, Outcome,
};

/// The slot of `slab` that the registry has given to `meter`. Errors: `WrongZone`, `SlotOutOfRange`.
#[inline(always)]
fn slot_of<'s>(slab: &'s mut MeterSlab, meter: &Meter) -> Outcome<&'s mut SlabEntry> {
    require(meter.zone == slab.zone, WrongZone)?;
    slab.entries.get_mut(meter.slot as usize).ok_or(SlotOutOfRange.into())
}

/// Errors: `NOT_SIGNER`, `NotAdmin` and those of a wrong account.
#[inline(always)]
fn require_admin(admin: &AccountView, admin_user: &AccountView, config: &Config) -> Outcome {
    require_signer(admin)?;
    let user = load::<User>(admin_user, &config.registry_program)?;
    let is_admin = user.role == Role::Admin as u8 && user.is_active() && same(&user.wallet, admin.address());
    require(is_admin, NotAdmin)
}

/// A derived account to make, and who pays for it.
struct Part<'a> {
    payer: &'a AccountView,
    system: &'a AccountView,
    program_id: &'a Address,
    name: &'a [u8],
    /// What tells it from others of its name.
    key: &'a [u8],
    size: u64,
}

/// Make the account at [`name`, `key`]; returns its bump.
#[inline(never)]
fn create(part: &Part<'_>, target: &AccountView) -> Outcome<u8> {
    let Part { payer, system, program_id, name, key, size } = *part;
    let bump = pda::require_canonical(target, &[name, key], program_id)?;
    let bump_seed = [bump];
    let seeds = [SignerSeed::from(name), SignerSeed::from(key), SignerSeed::from(&bump_seed)];
    cpi::create(&Create { payer, target, system, owner: program_id, size, seeds: &seeds })?;
    Ok(bump)
}

/// Campus time, UTC epoch seconds. Errors: `OVERFLOW` before 1970.
#[inline(always)]
fn now_s() -> Outcome<u64> {
    u64::try_from(sysvar::now_s()?).map_err(|_| Fault::OVERFLOW)
}

/// Now and the tolerance. Errors: `OVERFLOW`, also of a tolerance without bounds.
#[inline(always)]
fn latest_end_s(tolerance_s: u64) -> Outcome<u64> {
    now_s()?.checked_add(tolerance_s).ok_or(Fault::OVERFLOW)
}

/// End of an interval, UTC epoch seconds.
#[inline(always)]
fn end_s(interval: u32) -> u64 {
    INTERVAL_S.wrapping_mul(interval as u64 + 1) // Below 2^42.
}

/// The key by which a slot's meter must have signed a core: the interval chooses it. The core must be of this meter and
/// network, and name that key's epoch.
///
/// # Errors
/// `WrongReading`.
#[inline(always)]
fn signed_by_slot<'s>(slab: &'s MeterSlab, slot: u16, signed: &Signed<'_>) -> Outcome<&'s [u8; 32]> {
    let entry = slab.entries.get(slot as usize).ok_or(WrongReading)?;
    // Without a previous key there are zeros, which never verify.
    let (key, key_epoch) = entry.key_of(signed.interval);
    let is_of_meter = entry.meter_number != 0 && signed.meter_number == entry.meter_number;
    let is_ours = signed.head == [b'C', b'G', 1] && signed.network_tag == slab.network_tag;
    require(is_of_meter && is_ours && signed.key_epoch == key_epoch, WrongReading)?;
    Ok(key)
}
