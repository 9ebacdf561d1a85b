//! That a device key is used once: for one meter, at one epoch, and never again.
use crate::{generated::RegistryError, state::KeyRecord};
use campusgrid_sdk::{
    account,
    cpi::{self, Create, SignerSeed},
    pda,
    state::Meter,
    AccountView, Address, Outcome,
};
use core::mem::size_of;

/// Make the record of `meter`'s newest key, for ever. The last four keys stand in the Meter account, but one that was given up
/// before them, or belongs to another meter, is known by its record alone.
///
/// # Errors
/// `KeyReuse`, `WRONG_SEEDS`, and those of [`cpi::create`].
#[inline(always)]
pub fn record_use(
    meter: &Meter,
    payer: &AccountView,
    record_view: &mut AccountView,
    system: &AccountView,
    program_id: &Address,
) -> Outcome {
    let newest = &meter.keys[0];
    let bump = pda::require_canonical(record_view, &[b"key", &newest.key], program_id)?;
    if !record_view.is_data_empty() {
        return Err(RegistryError::KeyReuse.into());
    }
    let seeds =
        [SignerSeed::from(b"key"), SignerSeed::from(&newest.key), SignerSeed::from(core::slice::from_ref(&bump))];
    cpi::create(&Create {
        payer,
        target: record_view,
        system,
        owner: program_id,
        size: size_of::<KeyRecord>() as u64,
        seeds: &seeds,
    })?;
    let mut record = account::init::<KeyRecord>(record_view, program_id, bump)?;
    record.epoch = newest.epoch;
    record.meter_number = meter.meter_number;
    record.meter_id = meter.meter_id;
    record.device_key = newest.key;
    record.registered_at = meter.updated_at;
    record.first_interval = newest.first_interval;
    Ok(())
}
